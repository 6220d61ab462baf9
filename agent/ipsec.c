// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * IPsec's life: from the configuration to the kernel, batched; a home address that is bound or not; states that others
 * take away; what the data path must know of SPIs. Signalling is protected from start to end, tunnels while the home
 * address is away. RFC 3776 §3; RFC 4877.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "ipsec_priv.h"

enum {
	/* Where the numbers of outbound transport states begin: quarters of a second since 2026. So a reboot goes on
	 * above what the peer's window has seen, for 34 years, while less than four messages a second are sent on
	 * average. */
	SEQ_EPOCH = 1767225600,
	SEQ_PER_S = 4,
};

static uint32_t first_seq(void)
{
	time_t t = time(NULL);

	return t > SEQ_EPOCH ? (uint32_t)((t - SEQ_EPOCH) * SEQ_PER_S) : 1;
}

struct ipsec_node *ipsec_node(const struct ipsec *ip, const struct in6_addr *home)
{
	size_t low = 0, high = ip->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = memcmp(home, &ip->nodes[mid].end.home, sizeof(*home));

		if (!order)
			return &ip->nodes[mid];
		if (order < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

static const char *selector_text(const struct xfrm_policy_spec *policy)
{
	static char text[160];

	snprintf(text, sizeof(text), "%s, from %s/%u to %s/%u, protocol %u",
		 policy->way == XFRM_WAY_IN    ? "in"
		 : policy->way == XFRM_WAY_OUT ? "out"
					       : "fwd",
		 addr_text(&policy->sel.src), policy->sel.src_len, addr_text(&policy->sel.dst), policy->sel.dst_len,
		 policy->sel.proto);
	return text;
}

/* ---- policies ---- */

struct change {
	const struct xfrm_policy_spec *policies;
	size_t first; /* number of the first change */
	int err;
};

static void policy_failed(void *arg, size_t number, int err)
{
	struct change *c = arg;

	c->err = err;
	if (err == -EEXIST)
		log_error("ipsec: a policy of somebody else's stands where ours has to: %s. Take it away (ip xfrm "
			  "policy), then "
			  "restart mobgwd",
			  selector_text(&c->policies[number - c->first]));
	else
		log_error("ipsec: add policy %s: %s", selector_text(&c->policies[number - c->first]), strerror(-err));
}

/* Queues what @node lacks of its policies. */
size_t ipsec_queue_policies(struct ipsec *ip, struct ipsec_node *node)
{
	struct xfrm_policy_spec policies[IPSEC_POLICIES_MAX];
	size_t count = ipsec_policies(&node->end, policies), queued = 0;

	for (size_t i = 0; i < count; i++) {
		struct found_policy *found = ipsec_found_policy(&ip->found, &policies[i]);

		if (found)
			found->wanted = true;
		if (found && ipsec_same_policy(&found->policy, &policies[i]))
			continue;
		xfrm_policy_set(ip->x, &policies[i], found);
		queued++;
	}
	return queued;
}

/* What @now has and @before hadn't, or the other way round: the tunnels' policies come and go with the binding. */
static int change_policies(struct ipsec *ip, const struct ipsec_end *before, const struct ipsec_end *now)
{
	struct xfrm_policy_spec old[IPSEC_POLICIES_MAX], new[IPSEC_POLICIES_MAX];
	size_t old_count = before ? ipsec_policies(before, old) : 0, new_count = now ? ipsec_policies(now, new) : 0;
	size_t same = 0;
	struct change c = {};
	int err;

	while (same < old_count && same < new_count && ipsec_same_policy(&old[same], &new[same]))
		same++;
	if (same == old_count && same == new_count)
		return 0;
	c.policies = new + same;
	for (size_t i = old_count; i > same; i--)
		xfrm_policy_delete(ip->x, old[i - 1].way, &old[i - 1].sel);
	for (size_t i = same; i < new_count; i++) {
		size_t number = xfrm_policy_set(ip->x, &new[i], false);

		if (i == same)
			c.first = number;
	}
	err = xfrm_commit(ip->x, new_count > same ? policy_failed : NULL, &c);
	if (err && now && new_count > same) { /* half of it protects nothing: as before */
		for (size_t i = new_count; i > same; i--)
			xfrm_policy_delete(ip->x, new[i - 1].way, &new[i - 1].sel);
		for (size_t i = same; i < old_count; i++)
			xfrm_policy_set(ip->x, &old[i], true);
		xfrm_commit(ip->x, NULL, NULL);
	}
	return err == -ENOENT && !now ? 0 : err;
}

/* ---- states ---- */

static void tell_data_path(struct gateway *gw, const struct xfrm_state_spec *state, struct ipsec_node *node,
			   enum ipsec_child child, bool present)
{
	bool to_agent = addr_equal(&state->dst, &node->end.agent), inbound = to_agent != node->end.node;
	struct sa_key key = { .dst = state->dst, .spi = htonl(state->spi) };
	struct sa sa = { .home = node->end.home, .flags = inbound ? SA_INBOUND : SA_OUTBOUND };

	if (child != IPSEC_SIGNALLING)
		sa.flags |= child == IPSEC_PAYLOAD ? SA_TUNNEL | SA_PAYLOAD : SA_TUNNEL;
	if (child != IPSEC_SIGNALLING && node->end.constant)
		sa.flags |= SA_CONSTANT;
	if (inbound && node->end.node && sa.flags & SA_CONSTANT)
		key.dst = in6addr_any; /* on the wire it is whichever care-of address of ours */
	if (present)
		datapath_sa_set(gw->dp, &key, &sa);
	else
		datapath_sa_delete(gw->dp, &key);
}

/* A state of ours came or went, whoever did it. */
static void note_state(struct gateway *gw, const struct xfrm_state_spec *state, bool present)
{
	struct ipsec *ip = gw->ipsec;
	struct ipsec_node *node;
	enum ipsec_child child;
	uint32_t slot;
	bool to_agent, *there;
	uint32_t *spi;

	if (!ipsec_of_reqid(state->reqid, &slot, &child))
		return;
	node = ipsec_node(ip, &state->src);
	if (!node)
		node = ipsec_node(ip, &state->dst);
	if (!node || node->end.slot != slot)
		return;
	to_agent = addr_equal(&state->dst, &node->end.agent);
	there = to_agent ? &node->states[child].to_agent : &node->states[child].to_node;
	spi = to_agent ? &node->states[child].spi_to_agent : &node->states[child].spi_to_node;
	tell_data_path(gw, state, node, child, present);
	if (present) {
		*there = true;
		*spi = state->spi;
	} else if (*spi == state->spi) {
		*there = false;
	}
}

static void state_failed(void *arg, size_t number, int err)
{
	int *first = arg;

	if (!*first)
		log_error("ipsec: add state: %s%s", strerror(-err),
			  err == -EPROTONOSUPPORT || err == -ENOSYS
				  ? ": the kernel has no ESP for IPv6 or not this algorithm (modprobe esp6)"
			  : err == -EEXIST ? ": another state has this destination and SPI"
					   : "");
	*first = err;
}

/* Queues static states that aren't there; notes all of them. */
size_t ipsec_queue_states(struct gateway *gw, struct ipsec_node *node)
{
	const struct ipsec_node_keys *keys = ipsec_keys_find(gw->ipsec->keys, &node->end.home);
	struct xfrm_state_spec states[IPSEC_STATES_MAX];
	size_t count = ipsec_states(&node->end, keys, first_seq(), states), queued = 0;

	for (size_t i = 0; i < count; i++) {
		struct found_state *found = ipsec_found_state(&gw->ipsec->found, &states[i].dst, states[i].spi);

		if (found && found->state.reqid == states[i].reqid && found->state.tunnel == states[i].tunnel) {
			found->wanted = true;
		} else {
			xfrm_state_add(gw->ipsec->x, &states[i]);
			queued++;
		}
		note_state(gw, &states[i], true);
	}
	explicit_bzero(states, sizeof(states));
	return queued;
}

void ipsec_delete_states(struct gateway *gw, struct ipsec_node *node, const struct ipsec_keys *keys)
{
	struct xfrm_state_spec states[IPSEC_STATES_MAX];
	size_t count = ipsec_states(&node->end, ipsec_keys_find(keys, &node->end.home), 0, states);

	for (size_t i = 0; i < count; i++) {
		enum ipsec_child child;
		uint32_t slot;

		xfrm_state_delete(gw->ipsec->x, &states[i].dst, states[i].spi);
		if (ipsec_of_reqid(states[i].reqid, &slot, &child))
			tell_data_path(gw, &states[i], node, child, false);
	}
	explicit_bzero(states, sizeof(states));
}

/* Somebody took away what protects: back with it. */
void ipsec_tick(struct gateway *gw)
{
	struct ipsec *ip = gw->ipsec;
	size_t queued = 0;

	if (!ip || !ip->missing)
		return;
	ip->missing = 0;
	ipsec_found_free(&ip->found);
	if (ipsec_find_ours(ip->x, &ip->found))
		return;
	for (size_t i = 0; i < ip->count; i++)
		queued += ipsec_queue_states(gw, &ip->nodes[i]);
	for (size_t i = 0; i < ip->count; i++)
		queued += ipsec_queue_policies(ip, &ip->nodes[i]);
	xfrm_commit(ip->x, NULL, NULL);
	ipsec_found_free(&ip->found);
	if (queued)
		log_warn("ipsec: somebody took %zu policies and states of ours away: they are back", queued);
}

/* ---- the kernel's events ---- */

static void on_state(void *arg, const struct xfrm_state_spec *state, bool present)
{
	struct gateway *gw = arg;
	enum ipsec_child child;
	uint32_t slot;

	if (!ipsec_of_reqid(state->reqid, &slot, &child))
		return;
	note_state(gw, state, present);
	if (!present)
		gw->ipsec->missing++;
}

static void on_acquire(void *arg, uint32_t reqid, const struct in6_addr *src, const struct in6_addr *dst)
{
	enum ipsec_child child;
	uint32_t slot;

	if (ipsec_of_reqid(reqid, &slot, &child))
		gateway_count(arg, AGENT_NO_STATE);
}

static void on_overrun(void *arg)
{
	struct gateway *gw = arg;

	gw->ipsec->missing++; /* the tick looks */
}

/* ---- life ---- */

/* A node of @config; false beyond the last. */
static bool describe(const struct config *config, size_t i, struct ipsec_end *end)
{
	bool agent = config->roles & ROLE_HOME_AGENT;

	if (i >= (agent ? config->mobile_node_count : config->home_address_count))
		return false;
	*end = (struct ipsec_end){ .home = agent ? config->mobile_nodes[i].home : config->home_addresses[i].home,
				   .agent = agent ? config->agent : config->home_addresses[i].agent,
				   .node = !agent,
				   .home_tests = config->ipsec.home_tests == TESTS_PROTECTED,
				   .payload = config->ipsec.payload == PAYLOAD_PROTECTED,
				   .constant = true };
	return true;
}

int ipsec_check_keys(const struct config *config, const struct ipsec_keys *keys)
{
	struct ipsec_end end;
	int err = 0;

	for (size_t i = 0; describe(config, i, &end); i++) {
		const char *missing = ipsec_keys_missing(&end, ipsec_keys_find(keys, &end.home));

		if (!missing)
			continue;
		log_error("ipsec: %s: %s of %s", config->ipsec.keys, missing, addr_text(&end.home));
		err = -EINVAL; /* all that is missing is said */
	}
	return err;
}

static int compare_nodes(const void *a, const void *b)
{
	return memcmp(&((const struct ipsec_node *)a)->end.home, &((const struct ipsec_node *)b)->end.home,
		      sizeof(struct in6_addr));
}

int ipsec_add_nodes(struct gateway *gw, size_t slot_room)
{
	struct ipsec *ip = gw->ipsec;
	const struct config *config = gw->config;

	ip->count = config->roles & ROLE_HOME_AGENT ? config->mobile_node_count : config->home_address_count;
	ip->nodes = calloc(ip->count + 1, sizeof(*ip->nodes));
	ip->slot_room = ip->count / 8 + 1 > slot_room ? ip->count / 8 + 1 : slot_room;
	ip->slots = calloc(1, ip->slot_room);
	if (!ip->nodes || !ip->slots)
		return -ENOMEM;
	for (size_t i = 0; i < ip->count; i++)
		describe(config, i, &ip->nodes[i].end);
	qsort(ip->nodes, ip->count, sizeof(*ip->nodes), compare_nodes);
	return 0;
}

static void none_failed(void *arg, size_t number, int err)
{
	if (!*(int *)arg)
		log_error("ipsec: install policies: %s%s", strerror(-err),
			  err == -EEXIST ? ": somebody else's stand where ours have to: ip xfrm policy shows them"
					 : "");
	*(int *)arg = err;
}

/* States before policies: from the first packet that asks for one it is there. */
static int install(struct gateway *gw)
{
	struct ipsec *ip = gw->ipsec;
	int err, said = 0;

	for (size_t i = 0; i < ip->count; i++)
		ipsec_queue_states(gw, &ip->nodes[i]);
	err = xfrm_commit(ip->x, state_failed, &said);
	if (err)
		return err;
	for (size_t i = 0; i < ip->count; i++)
		ipsec_queue_policies(ip, &ip->nodes[i]);
	return xfrm_commit(ip->x, none_failed, &said);
}

static uint16_t protection(void *arg, const struct in6_addr *home)
{
	return (ipsec_protects(arg, IPSEC_PAYLOAD) ? BINDING_PROTECTED : 0) |
	       (ipsec_protects(arg, IPSEC_HOME_TEST) ? BINDING_TESTS_PROTECTED : 0);
}

int ipsec_open(struct gateway *gw)
{
	struct ipsec *ip;
	int err;

	if (gw->config->auth != AUTH_IPSEC || !(gw->config->roles & (ROLE_HOME_AGENT | ROLE_MOBILE_NODE)))
		return datapath_ipsec_set(gw->dp, false);
	ip = calloc(1, sizeof(*ip));
	if (!ip)
		return -ENOMEM;
	gw->ipsec = ip;
	ip->handlers = (struct xfrm_handlers){ gw, on_state, on_acquire, on_overrun };
	err = ipsec_keys_load(gw->config->ipsec.keys, &ip->keys, stderr);
	if (!err)
		err = ipsec_check_keys(gw->config, ip->keys);
	if (!err)
		err = ipsec_add_nodes(gw, 0);
	if (!err)
		err = xfrm_open(&ip->x);
	if (!err)
		err = xfrm_watch(ip->x, gw->loop, &ip->handlers);
	if (!err)
		err = ipsec_find_ours(ip->x, &ip->found);
	if (err)
		return err;
	ipsec_adopt_slots(ip);
	err = ipsec_fill_slots(ip);
	if (!err)
		err = datapath_ipsec_set(gw->dp, true);
	datapath_protection(gw->dp, protection, gw);
	return err ? err : install(gw);
}

static bool is_known(void *arg, const struct sa_key *key, const struct sa *entry)
{
	const struct ipsec_node *node = ipsec_node(((struct gateway *)arg)->ipsec, &entry->home);
	bool to_agent = node && !!(entry->flags & SA_INBOUND) != node->end.node;

	for (int child = 0; node && child < IPSEC_CHILDREN; child++)
		if (htonl(to_agent ? node->states[child].spi_to_agent : node->states[child].spi_to_node) == key->spi)
			return true;
	return false;
}

int ipsec_settle(struct gateway *gw)
{
	struct ipsec *ip = gw->ipsec;
	size_t gone;

	if (!ip)
		return 0;
	gone = ipsec_delete_unwanted(ip);
	xfrm_commit(ip->x, NULL, NULL); /* what is gone already is gone */
	ipsec_found_free(&ip->found);
	datapath_sas_keep(gw->dp, is_known, gw);
	if (gone)
		log_info("ipsec: %zu policies and states of a former configuration are taken away", gone);
	return 0;
}

void ipsec_close(struct gateway *gw)
{
	struct ipsec *ip = gw->ipsec;

	if (!ip)
		return;
	xfrm_close(ip->x);
	ipsec_keys_free(ip->keys);
	ipsec_found_free(&ip->found);
	free(ip->nodes);
	free(ip->slots);
	free(ip);
	gw->ipsec = NULL;
}

int ipsec_detach(void)
{
	struct ipsec ip = {};
	int err = xfrm_open(&ip.x);

	if (err)
		return err == -EPROTONOSUPPORT ? 0 : err;
	err = ipsec_find_ours(ip.x, &ip.found);
	if (!err && ipsec_delete_unwanted(&ip))
		err = xfrm_commit(ip.x, NULL, NULL);
	ipsec_found_free(&ip.found);
	xfrm_close(ip.x);
	return err;
}

/* ---- what the roles ask ---- */

int ipsec_bound(struct gateway *gw, const struct in6_addr *home, const struct in6_addr *care_of)
{
	struct ipsec_node *node = gw->ipsec ? ipsec_node(gw->ipsec, home) : NULL;
	struct ipsec_end now;
	int err;

	if (!node)
		return gw->ipsec ? -ENOENT : 0;
	now = node->end;
	now.away = true;
	now.care_of = *care_of;
	if (gw->ipsec->found.policies) { /* what a former daemon left for this binding stays */
		node->end = now;
		ipsec_queue_policies(gw->ipsec, node);
		return xfrm_commit(gw->ipsec->x, NULL, NULL);
	}
	err = change_policies(gw->ipsec, &node->end, &now);
	if (!err)
		node->end = now;
	return err;
}

void ipsec_unbound(struct gateway *gw, const struct in6_addr *home)
{
	struct ipsec_node *node = gw->ipsec ? ipsec_node(gw->ipsec, home) : NULL;
	struct ipsec_end before;

	if (!node || !node->end.away)
		return;
	before = node->end;
	node->end.away = false;
	change_policies(gw->ipsec, &before, &node->end);
}

bool ipsec_proves(const struct gateway *gw, const struct in6_addr *home, enum ipsec_child child, uint32_t mark)
{
	const struct ipsec_node *node;

	if (!gw->ipsec)
		return true;
	node = ipsec_node(gw->ipsec, home);
	return node && mark == ipsec_reqid(node->end.slot, child);
}

bool ipsec_protects(const struct gateway *gw, enum ipsec_child child)
{
	const struct config_ipsec *config = &gw->config->ipsec;

	if (!gw->ipsec)
		return false;
	return child == IPSEC_SIGNALLING || (child == IPSEC_HOME_TEST && config->home_tests == TESTS_PROTECTED) ||
	       (child == IPSEC_PAYLOAD && config->payload == PAYLOAD_PROTECTED);
}

bool ipsec_view(struct gateway *gw, size_t nth, struct ipsec_view *out)
{
	const struct ipsec_node_keys *keys;
	const struct ipsec_node *node;

	if (!gw->ipsec || nth >= gw->ipsec->count)
		return false;
	node = &gw->ipsec->nodes[nth];
	keys = ipsec_keys_find(gw->ipsec->keys, &node->end.home);
	*out = (struct ipsec_view){ .home = node->end.home, .agent = node->end.agent, .away = node->end.away };
	for (int child = 0; child < IPSEC_CHILDREN; child++) {
		struct ipsec_child_view *view = &out->children[child];

		view->wanted = ipsec_protects(gw, child);
		view->there = node->states[child].to_agent && node->states[child].to_node;
		view->reqid = ipsec_reqid(node->end.slot, child);
		view->spi_to_agent = node->states[child].spi_to_agent;
		view->spi_to_node = node->states[child].spi_to_node;
		view->suite = keys && keys->has[child] ? keys->to_agent[child].suite->name : NULL;
	}
	return true;
}
