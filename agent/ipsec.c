// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * IPsec's life: from the configuration to the kernel, batched, and what the roles ask. Signalling is protected from
 * start to end, tunnels while the home address is away. RFC 3776 §3; RFC 4877.
 */
#include <errno.h>
#include <stdlib.h>

#include "ike.h"

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

		if (found) {
			found->wanted = true;
			node->stands |= ipsec_bit(&policies[i]);
		}
		if (found ? ipsec_same_policy(&found->policy, &policies[i]) : node->stands & ipsec_bit(&policies[i]))
			continue; /* or set since they were looked for */
		xfrm_policy_set(ip->x, &policies[i], found);
		node->stands |= ipsec_bit(&policies[i]);
		queued++;
	}
	return queued;
}

/* ---- life ---- */

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

/* What a former daemon gave stays given, before the rest is: a mark must not prove another's home address. */
static int give_slots(struct gateway *gw)
{
	struct ipsec *ip = gw->ipsec;
	size_t room = ipsec_slots_found(&ip->found);
	int err = room > ip->slot_room ? more_slots(ip, room) : 0;

	if (err)
		return err;
	ipsec_adopt_slots(ip);
	ipsec_take_stock(gw);
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

static int open_xfrm(struct ipsec *ip)
{
	int err = xfrm_open(&ip->x);

	if (err)
		log_error("ipsec: open XFRM's netlink: %s%s", strerror(-err),
			  err == -EPROTONOSUPPORT ? ": the kernel has no XFRM (modprobe xfrm_user)" : "");
	return err;
}

int ipsec_open(struct gateway *gw)
{
	struct ipsec *ip;
	int err;

	if (gw->config->auth != AUTH_IPSEC || !(gw->config->roles & (ROLE_HOME_AGENT | ROLE_MOBILE_NODE))) {
		ipsec_detach(); /* what another configuration asked for would refuse all that is in clear; said already
				 */
		return datapath_ipsec_set(gw->dp, false);
	}
	ip = calloc(1, sizeof(*ip));
	if (!ip)
		return -ENOMEM;
	gw->ipsec = ip;
	ip->handlers = ipsec_handlers(gw);
	err = ipsec_add_nodes(gw, 0);
	if (!err)
		err = open_keys(gw);
	if (!err)
		err = open_xfrm(ip);
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
	size_t gone = 0;
	int err = xfrm_open(&ip.x);

	if (err)
		return err == -EPROTONOSUPPORT ? 0 : err;
	err = ipsec_find_ours(ip.x, NULL, &ip.found);
	if (!err)
		gone = ipsec_delete_unwanted(&ip);
	if (gone)
		err = xfrm_commit(ip.x, NULL, NULL);
	if (gone && !err)
		log_info("ipsec: %zu policies and states of ours are taken away", gone);
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
