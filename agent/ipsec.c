// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * IPsec's life: from the configuration to the kernel, batched; a home address that is bound or not; states that others
 * take away; what the data path must know of SPIs. Signalling is protected from start to end, tunnels while the home
 * address is away. RFC 3776 §3; RFC 4877.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "ike.h"

enum {
	/* Where the numbers of outbound transport states begin: quarters of a second since 2026. So a reboot goes on
	 * above what the peer's window has seen, for 34 years, while less than four messages a second are sent on
	 * average. */
	SEQ_EPOCH = 1767225600,
	SEQ_PER_S = 4,
	PAUSE_MAX = 30, /* ticks */
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

struct ipsec_node *ipsec_of_slot(const struct ipsec *ip, uint32_t slot)
{
	return slot < ip->slot_room && ip->slots[slot] ? &ip->nodes[ip->slots[slot] - 1] : NULL;
}

/* ---- policies ---- */

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

/* ---- states ---- */

static void tell_data_path(struct gateway *gw, const struct xfrm_state_spec *state, struct ipsec_node *node,
			   enum ipsec_child child, bool present)
{
	bool to_agent = addr_equal(&state->dst, &node->end.agent), inbound = to_agent != node->end.node;
	struct sa_key key = { .dst = state->dst, .spi = htonl(state->spi) };
	struct sa sa = { .home = node->end.home, .flags = inbound ? SA_INBOUND : SA_OUTBOUND };

	if (child != IPSEC_SIGNALLING && !node->end.constant)
		return; /* the kernel alone has to do with them */
	if (child != IPSEC_SIGNALLING)
		sa.flags |= child == IPSEC_PAYLOAD ? SA_CONSTANT | SA_TUNNEL | SA_PAYLOAD : SA_CONSTANT | SA_TUNNEL;
	if (inbound && node->end.node && sa.flags & SA_CONSTANT)
		key.dst = in6addr_any; /* on the wire it is whichever care-of address of ours */
	if (present)
		datapath_sa_set(gw->dp, &key, &sa);
	else
		datapath_sa_delete(gw->dp, &key);
}

/* A state of ours came or went, whoever did it. Return: whose; NULL: none of ours. */
static struct ipsec_node *note_state(struct gateway *gw, const struct xfrm_state_spec *state, bool present,
				     enum ipsec_child *child)
{
	struct ipsec_node *node;
	uint32_t slot, *spi;
	bool to_agent, inbound, *there;

	if (!ipsec_of_reqid(state->reqid, &slot, child))
		return NULL;
	node = ipsec_of_slot(gw->ipsec, slot);
	if (!node || !state->spi) /* without SPI it only stands for one that is asked for */
		return NULL;
	to_agent = addr_equal(&state->dst, &node->end.agent);
	inbound = to_agent != node->end.node;
	there = to_agent ? &node->states[*child].to_agent : &node->states[*child].to_node;
	spi = to_agent ? &node->states[*child].spi_to_agent : &node->states[*child].spi_to_node;
	if (!present && !node->end.constant && *spi == state->spi &&
	    xfrm_state_there(gw->ipsec->x,
			     to_agent			  ? &node->end.agent
			     : *child == IPSEC_SIGNALLING ? &node->end.home
							  : &node->end.far,
			     *spi))
		return node; /* a copy of it, or what stood where it was before it moved */
	tell_data_path(gw, state, node, *child, present);
	if (present) {
		*there = true;
		*spi = state->spi;
		/* else it is told to move; an inbound one may be the copy that a move begins with */
		if (state->tunnel && !inbound && !node->end.constant && !node->end.away)
			node->end.far = to_agent ? state->src : state->dst;
	} else if (*spi == state->spi) {
		*there = false;
	}
	return node;
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
	size_t count = keys ? ipsec_states(&node->end, keys, first_seq(), states) : 0, queued = 0;
	enum ipsec_child child;

	for (size_t i = 0; i < count; i++) {
		struct found_state *found = ipsec_found_state(&gw->ipsec->found, &states[i].dst, states[i].spi);

		if (found)
			found->wanted = true;
		if (!found || !ipsec_same_state(found, &states[i])) {
			if (found) /* of another time: another slot, other keys */
				xfrm_state_delete(gw->ipsec->x, &states[i].dst, states[i].spi);
			xfrm_state_add(gw->ipsec->x, &states[i]);
			queued++;
		}
		note_state(gw, &states[i], true, &child);
	}
	explicit_bzero(states, sizeof(states));
	return queued;
}

void ipsec_delete_states(struct gateway *gw, struct ipsec_node *node, const struct ipsec_keys *keys)
{
	struct xfrm_state_spec states[IPSEC_STATES_MAX];
	const struct ipsec_node_keys *of_node = ipsec_keys_find(keys, &node->end.home);
	size_t count = of_node ? ipsec_states(&node->end, of_node, 0, states) : 0;

	for (size_t i = 0; i < count; i++) {
		enum ipsec_child child;
		uint32_t slot;

		xfrm_state_delete(gw->ipsec->x, &states[i].dst, states[i].spi);
		if (ipsec_of_reqid(states[i].reqid, &slot, &child))
			tell_data_path(gw, &states[i], node, child, false);
	}
	explicit_bzero(states, sizeof(states));
}

/* What is there no more of what shall be. Return: 0, and how many they were; -errno: not all of it is back. */
static int put_back(struct gateway *gw, size_t *count)
{
	struct ipsec *ip = gw->ipsec;
	int err = ipsec_find_ours(ip->x, ip->keys, &ip->found);

	*count = 0;
	for (size_t i = 0; !err && i < ip->count; i++)
		*count += ipsec_queue_states(gw, &ip->nodes[i]);
	for (size_t i = 0; !err && i < ip->count; i++)
		*count += ipsec_queue_policies(ip, &ip->nodes[i]);
	if (!err)
		err = xfrm_commit(ip->x, NULL, NULL);
	ipsec_found_free(&ip->found);
	return err;
}

/* Somebody took away what protects: back with it. Where that fails, again and ever more seldom. */
void ipsec_tick(struct gateway *gw)
{
	struct ipsec *ip = gw->ipsec;
	size_t count;
	int err;

	if (ip && ip->ike)
		ike_tick(gw);
	if (!ip || !ip->missing || (ip->wait && ip->wait--))
		return;
	ip->missing = 0;
	err = put_back(gw, &count);
	if (err && !ip->pause)
		log_error("ipsec: put back what somebody took away: %s; it is tried again%s", strerror(-err),
			  err == -EEXIST ? ". Somebody else's policy or state stands there: ip xfrm shows them" : "");
	if (err) {
		ip->missing = 1;
		ip->pause = ip->pause ? ip->pause * 2 : 1;
		ip->pause = ip->pause > PAUSE_MAX ? PAUSE_MAX : ip->pause;
		ip->wait = ip->pause;
		return;
	}
	ip->pause = 0;
	if (count)
		log_warn("ipsec: somebody took policies and states of ours away, %zu: they are back", count);
}

/* ---- the kernel's events ---- */

static void on_state(void *arg, const struct xfrm_state_spec *state, bool present)
{
	struct gateway *gw = arg;
	enum ipsec_child child;
	struct ipsec_node *node = note_state(gw, state, present, &child);

	if (!node)
		return;
	if (gw->ipsec->ike)
		ike_state(gw, node, child);
	else if (!present)
		gw->ipsec->missing++;
}

static void on_acquire(void *arg, uint32_t reqid, const struct in6_addr *src, const struct in6_addr *dst)
{
	struct gateway *gw = arg;
	struct ipsec_node *node;
	enum ipsec_child child;
	uint32_t slot;

	if (!ipsec_of_reqid(reqid, &slot, &child))
		return;
	gateway_count(gw, AGENT_NO_STATE);
	node = ipsec_of_slot(gw->ipsec, slot);
	if (node && gw->ipsec->ike)
		ike_want(gw, node, child);
}

/* By the time that we hear of our own deletions they are not wanted any more. */
static void on_policy_gone(void *arg, enum xfrm_way way, const struct xfrm_selector_spec *sel)
{
	struct ipsec *ip = ((struct gateway *)arg)->ipsec;
	struct xfrm_policy_spec policies[IPSEC_POLICIES_MAX], gone = { .way = way, .sel = *sel };
	const struct ipsec_node *node = ipsec_node(ip, &sel->src);
	size_t count;

	if (!node)
		node = ipsec_node(ip, &sel->dst);
	count = node ? ipsec_policies(&node->end, policies) : 0;
	for (size_t i = 0; i < count; i++)
		ip->missing += ipsec_same_place(&policies[i], &gone);
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
				   .constant = !config->ipsec.ike_socket };
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
	ip->slot_room = ip->count > slot_room ? ip->count : slot_room;
	ip->slots = calloc(ip->slot_room + 1, sizeof(*ip->slots));
	if (!ip->nodes || !ip->slots)
		return -ENOMEM;
	for (size_t i = 0; i < ip->count; i++)
		describe(config, i, &ip->nodes[i].end);
	qsort(ip->nodes, ip->count, sizeof(*ip->nodes), compare_nodes);
	return 0;
}

static int more_slots(struct ipsec *ip, size_t room)
{
	uint32_t *slots = reallocarray(ip->slots, room + 1, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	memset(slots + ip->slot_room, 0, (room + 1 - ip->slot_room) * sizeof(*slots));
	ip->slots = slots;
	ip->slot_room = room;
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

/* Those of charon are charon's, of a home address that is configured; static ones of another time, which would be used
 * and which nobody can open, go. */
static void keep_found_states(struct gateway *gw)
{
	struct ipsec *ip = gw->ipsec;
	enum ipsec_child child;

	for (size_t i = 0; ip->ike && i < ip->found.state_count; i++) {
		struct found_state *one = &ip->found.states[i];

		one->wanted = one->state.expires && note_state(gw, &one->state, true, &child);
	}
}

/* What a former daemon gave stays given, before the rest is: a mark must not prove another's home address. */
static int give_slots(struct gateway *gw)
{
	struct ipsec *ip = gw->ipsec;
	size_t room = ipsec_slots_found(&ip->found);
	int err = room > ip->slot_room ? more_slots(ip, room) : 0;

	if (err)
		return err;
	ipsec_adopt_slots(ip);
	keep_found_states(gw);
	return ipsec_fill_slots(ip);
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

static int open_keys(struct gateway *gw)
{
	struct ipsec *ip = gw->ipsec;
	int err;

	if (gw->config->ipsec.ike_socket)
		return ike_open(gw);
	err = ipsec_keys_load(gw->config->ipsec.keys, &ip->keys, stderr);
	return err ? err : ipsec_check_keys(gw->config, ip->keys);
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
	ip->handlers = (struct xfrm_handlers){ gw, on_state, on_acquire, on_policy_gone, on_overrun };
	err = ipsec_add_nodes(gw, 0);
	if (!err)
		err = open_keys(gw);
	if (!err)
		err = xfrm_open(&ip->x);
	if (!err)
		err = xfrm_watch(ip->x, gw->loop, &ip->handlers);
	if (!err)
		err = ipsec_find_ours(ip->x, ip->keys, &ip->found);
	if (!err)
		err = give_slots(gw);
	if (!err)
		err = datapath_ipsec_set(gw->dp, true);
	datapath_protection(gw->dp, protection, gw);
	return err ? err : install(gw);
}

static bool is_known(void *arg, const struct sa_key *key, const struct sa *entry)
{
	struct ipsec *ip = ((struct gateway *)arg)->ipsec;
	const struct ipsec_node *node = ipsec_node(ip, &entry->home);
	struct found_state *found = ipsec_found_state(&ip->found, &key->dst, ntohl(key->spi));
	bool to_agent = node && !!(entry->flags & SA_INBOUND) != node->end.node;

	for (int child = 0; node && child < IPSEC_CHILDREN; child++)
		if (htonl(to_agent ? node->states[child].spi_to_agent : node->states[child].spi_to_node) == key->spi)
			return true;
	return node && found && found->wanted; /* while both the former and the next are there */
}

void ipsec_keep_known(struct gateway *gw)
{
	datapath_sas_keep(gw->dp, is_known, gw);
	ipsec_found_free(&gw->ipsec->found);
}

int ipsec_settle(struct gateway *gw)
{
	struct ipsec *ip = gw->ipsec;
	size_t gone;

	if (!ip)
		return 0;
	gone = ipsec_delete_unwanted(ip);
	xfrm_commit(ip->x, NULL, NULL); /* what is gone already is gone */
	ipsec_keep_known(gw);
	if (gone)
		log_info("ipsec: %zu policies and states of a former configuration are taken away", gone);
	return 0;
}

void ipsec_close(struct gateway *gw)
{
	struct ipsec *ip = gw->ipsec;

	if (!ip)
		return;
	ike_close(ip);
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
	err = ipsec_find_ours(ip.x, NULL, &ip.found);
	if (!err && ipsec_delete_unwanted(&ip))
		err = xfrm_commit(ip.x, NULL, NULL);
	ipsec_found_free(&ip.found);
	xfrm_close(ip.x);
	return err;
}

/* ---- what the roles ask ---- */

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

bool ipsec_charon_answers(const struct gateway *gw)
{
	return gw->ipsec && gw->ipsec->ike && ike_ready(gw->ipsec->ike);
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
