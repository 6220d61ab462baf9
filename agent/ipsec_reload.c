// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Another configuration or other keys while running: what is the same stays untouched, numbers and windows with it. */
#include "ike.h"
#include "rr.h"

#include <errno.h>
#include <stdlib.h>

/* Policies first: what is to go in clear from now on must not wait for a state. */
static void remove_node(struct gateway *gw, struct ipsec_node *node, const struct ipsec_keys *keys)
{
	struct xfrm_policy_spec policies[IPSEC_POLICIES_MAX];

	for (size_t i = ipsec_policies(&node->end, policies); i; i--)
		if (node->stands & ipsec_bit(&policies[i - 1]))
			xfrm_policy_delete(gw->ipsec->x, policies[i - 1].way, &policies[i - 1].sel);
	ipsec_delete_states(gw, node, keys);
}

/* Of home addresses that are not configured any more, before others get their slots, which their marks name. charon is
 * told to end them too, but may not be there. False: nobody knows what there is. */
static bool queue_keyed_states(struct ipsec *ip)
{
	enum ipsec_child child;
	uint32_t slot;

	if (ipsec_find_ours(ip->x, NULL, &ip->found))
		return false;
	for (size_t i = 0; i < ip->found.state_count; i++) {
		struct found_state *one = &ip->found.states[i];

		one->wanted = ipsec_of_reqid(one->state.reqid, &slot, &child) && ipsec_of_slot(ip, slot);
		if (!one->wanted)
			xfrm_state_delete(ip->x, &one->state.dst, one->state.spi);
	}
	return true;
}

static bool same_keys(const struct ipsec_keys *a, const struct ipsec_keys *b, const struct in6_addr *home)
{
	const struct ipsec_node_keys *p = ipsec_keys_find(a, home), *q = ipsec_keys_find(b, home);

	return p && q && rr_same((const uint8_t *)p, (const uint8_t *)q, sizeof(*p));
}

/* @old has what the kernel has. */
static void take_over(struct ipsec *ip, struct ipsec_node *node, const struct ipsec_node *old)
{
	node->end.away = old->end.away;
	node->end.far = old->end.far;
	node->speaks_from = old->speaks_from;
	node->second = old->second;
	node->tries = old->tries;
	node->stands = old->stands;
	memcpy(node->asked, old->asked, sizeof(node->asked));
	memcpy(node->states, old->states, sizeof(node->states));
	ipsec_take_slot(ip, node, old->end.slot);
}

int ipsec_reload_check(struct gateway *gw, const struct config *config, struct ipsec_secrets *fresh)
{
	*fresh = (struct ipsec_secrets){};
	if (!gw->ipsec)
		return 0;
	if (gw->ipsec->ike)
		return ike_reload_check(config, &fresh->ike) ? -EINVAL : 0;
	if (ipsec_keys_load(config->ipsec.keys, &fresh->keys, stderr))
		return -EINVAL;
	return ipsec_check_keys(config, fresh->keys);
}

void ipsec_secrets_free(struct ipsec_secrets *fresh)
{
	ipsec_keys_free(fresh->keys);
	ike_secrets_free(fresh->ike);
	*fresh = (struct ipsec_secrets){};
}

void ipsec_reloaded(struct gateway *gw, struct ipsec_secrets *fresh)
{
	struct ipsec_keys *keys = fresh->keys;
	struct ipsec *ip = gw->ipsec, old;
	bool fewer = false, found;
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
		ipsec_secrets_free(fresh);
		return;
	}
	for (size_t i = 0; i < old.count; i++) {
		struct ipsec_node *now = ipsec_node(ip, &old.nodes[i].end.home);

		if (now)
			take_over(ip, now, &old.nodes[i]);
		else
			remove_node(gw, &old.nodes[i], old.keys);
		fewer |= !now;
	}
	found = ip->ike && fewer && queue_keyed_states(ip);
	ipsec_fill_slots(ip);
	for (size_t i = 0; i < ip->count; i++) {
		struct ipsec_node *was = ipsec_node(&old, &ip->nodes[i].end.home);

		if (was && (ip->ike || same_keys(old.keys, keys, &was->end.home)))
			continue;
		if (was)
			ipsec_delete_states(gw, was, old.keys);
		ipsec_queue_states(gw, &ip->nodes[i]);
		if (!was)
			ipsec_queue_policies(ip, &ip->nodes[i]);
	}
	err = xfrm_commit(ip->x, NULL, NULL);
	if (found)
		ipsec_keep_known(gw);
	if (err) {
		log_error("ipsec: reload: %s%s", strerror(-err),
			  err == -EEXIST ? ": somebody else's policy or state stands where ours has to (ip xfrm)" : "");
		ipsec_look_again(gw);
	}
	free(old.nodes);
	free(old.slots);
	ipsec_keys_free(old.keys);
	if (ip->ike)
		ike_reloaded(gw, fresh->ike);
	*fresh = (struct ipsec_secrets){};
}
