// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Another configuration or other keys while running: what is the same stays untouched, numbers and windows with it. */
#include "ipsec_priv.h"

#include <errno.h>
#include <stdlib.h>

/* Policies first: what is to go in clear from now on must not wait for a state. */
static void remove_node(struct gateway *gw, struct ipsec_node *node, const struct ipsec_keys *keys)
{
	struct xfrm_policy_spec policies[IPSEC_POLICIES_MAX];

	for (size_t i = ipsec_policies(&node->end, policies); i; i--)
		xfrm_policy_delete(gw->ipsec->x, policies[i - 1].way, &policies[i - 1].sel);
	ipsec_delete_states(gw, node, keys);
}

static bool same_keys(const struct ipsec_keys *a, const struct ipsec_keys *b, const struct in6_addr *home)
{
	const struct ipsec_node_keys *p = ipsec_keys_find(a, home), *q = ipsec_keys_find(b, home);

	return p && q && !memcmp(p, q, sizeof(*p));
}

/* @old has what the kernel has. */
static void take_over(struct ipsec *ip, struct ipsec_node *node, const struct ipsec_node *old)
{
	node->end.away = old->end.away;
	node->end.care_of = old->end.care_of;
	memcpy(node->states, old->states, sizeof(node->states));
	ipsec_take_slot(ip, node, old->end.slot);
}

int ipsec_reload_check(struct gateway *gw, const struct config *config, struct ipsec_keys **keys)
{
	*keys = NULL;
	if (!gw->ipsec)
		return 0;
	return ipsec_keys_load(config->ipsec.keys, keys, stderr) || ipsec_check_keys(config, *keys) ? -EINVAL : 0;
}

void ipsec_reloaded(struct gateway *gw, struct ipsec_keys *keys)
{
	struct ipsec *ip = gw->ipsec, old;
	int err;

	if (!ip)
		return;
	old = *ip;
	ip->keys = keys;
	err = ipsec_add_nodes(gw, old.slot_room);
	if (err) {
		log_error("ipsec: reload: %s; home addresses stay as they were, restart mobgwd", strerror(-err));
		free(ip->nodes);
		free(ip->slots);
		*ip = old;
		ipsec_keys_free(keys);
		return;
	}
	for (size_t i = 0; i < old.count; i++) {
		struct ipsec_node *now = ipsec_node(ip, &old.nodes[i].end.home);

		if (now)
			take_over(ip, now, &old.nodes[i]);
		else
			remove_node(gw, &old.nodes[i], old.keys);
	}
	ipsec_fill_slots(ip);
	for (size_t i = 0; i < ip->count; i++) {
		struct ipsec_node *was = ipsec_node(&old, &ip->nodes[i].end.home);

		if (was && same_keys(old.keys, keys, &was->end.home))
			continue;
		if (was)
			ipsec_delete_states(gw, was, old.keys);
		ipsec_queue_states(gw, &ip->nodes[i]);
		if (!was)
			ipsec_queue_policies(ip, &ip->nodes[i]);
	}
	err = xfrm_commit(ip->x, NULL, NULL);
	if (err)
		log_error("ipsec: reload: %s", strerror(-err));
	free(old.nodes);
	free(old.slots);
	ipsec_keys_free(old.keys);
}
