// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What a former daemon left of policies and states: ours by their reqid, and only those. A home address keeps its
 * reqids through restarts, because an IKE daemon on either side has states under them.
 */
#include "ipsec_priv.h"
#include "rr.h"

#include <errno.h>
#include <stdlib.h>

static int compare_selectors(const struct xfrm_selector_spec *a, const struct xfrm_selector_spec *b)
{
	int order = memcmp(&a->src, &b->src, sizeof(a->src));

	if (!order)
		order = memcmp(&a->dst, &b->dst, sizeof(a->dst));
	if (!order)
		order = (a->src_len << 8 | a->dst_len) - (b->src_len << 8 | b->dst_len);
	if (!order)
		order = a->proto - b->proto;
	if (!order)
		order = (a->has_type ? a->type : -1) - (b->has_type ? b->type : -1);
	return order;
}

static int compare_policies(const void *a, const void *b)
{
	const struct xfrm_policy_spec *p = a, *q = b; /* both begin so */

	return p->way != q->way ? (int)p->way - (int)q->way : compare_selectors(&p->sel, &q->sel);
}

static int compare_states(const void *a, const void *b)
{
	const struct xfrm_state_spec *p = a, *q = b;
	int order = memcmp(&p->dst, &q->dst, sizeof(p->dst));

	return order ? order : (p->spi > q->spi) - (p->spi < q->spi);
}

bool ipsec_same_place(const struct xfrm_policy_spec *a, const struct xfrm_policy_spec *b)
{
	return !compare_policies(a, b);
}

bool ipsec_same_policy(const struct xfrm_policy_spec *a, const struct xfrm_policy_spec *b)
{
	if (compare_policies(a, b) || a->priority != b->priority || a->allow != b->allow || a->block != b->block)
		return false;
	return a->allow || (a->optional == b->optional && a->tunnel == b->tunnel && a->reqid == b->reqid &&
			    (!a->tunnel || (addr_equal(&a->src, &b->src) && addr_equal(&a->dst, &b->dst))));
}

bool ipsec_same_state(const struct found_state *found, const struct xfrm_state_spec *wanted)
{
	const struct xfrm_state_spec *state = &found->state;

	return found->same_keys && state->reqid == wanted->reqid && state->tunnel == wanted->tunnel &&
	       state->mark == wanted->mark && addr_equal(&state->src, &wanted->src);
}

/* Zero on the kernel's side: it keeps keys to itself (lockdown), and they count as the same. */
static bool same_octets(const uint8_t found[XFRM_KEY_MAX], const uint8_t wanted[XFRM_KEY_MAX])
{
	static const uint8_t hidden[XFRM_KEY_MAX];

	return rr_same(found, hidden, XFRM_KEY_MAX) || rr_same(found, wanted, XFRM_KEY_MAX);
}

/* Whether a state that stands has the static keys of its home address; true without static keys. */
static bool same_keys(const struct ipsec_keys *keys, enum ipsec_child child, const struct xfrm_state_spec *state)
{
	const struct ipsec_node_keys *node = ipsec_keys_find(keys, &state->src);
	const struct ipsec_key *key = node ? &node->to_agent[child] : NULL;
	const struct xfrm_algorithms *p = &state->alg, *q;

	if (!node) {
		node = ipsec_keys_find(keys, &state->dst);
		key = node ? &node->to_node[child] : NULL;
	}
	if (!keys || !node || !node->has[child])
		return !keys;
	q = &key->suite->alg;
	return p->icv_bits == q->icv_bits && p->hash_bits == q->hash_bits && p->cipher_octets == q->cipher_octets &&
	       p->hash_octets == q->hash_octets && same_octets(state->cipher_key, key->cipher_key) &&
	       same_octets(state->hash_key, key->hash_key);
}

/* Room for one more at the end of an array; NULL: no memory, and @err says so. */
static void *more(void **array, size_t count, size_t *room, size_t size, int *err)
{
	if (count == *room) {
		size_t wanted = *room ? *room * 2 : 64;
		void *bigger = reallocarray(*array, wanted, size);

		if (!bigger) {
			*err = -ENOMEM;
			return NULL;
		}
		*array = bigger;
		*room = wanted;
	}
	return (char *)*array + count * size;
}

/* The reqid of a policy that lets pass is in no template, and so nobody's: ours have a priority of their own, and the
 * home address of one that is. */
static void find_policy(void *arg, const struct xfrm_policy_spec *policy)
{
	struct ipsec_found *found = arg;
	struct found_policy *one;
	enum ipsec_child child;
	uint32_t slot;

	if (policy->block || (!policy->allow && !ipsec_of_reqid(policy->reqid, &slot, &child)))
		return;
	if (policy->allow && !ipsec_is_allowance(policy))
		return;
	one = more((void **)&found->policies, found->policy_count, &found->policy_room, sizeof(*one), &found->err);
	if (!one)
		return;
	*one = (struct found_policy){ .policy = *policy };
	found->policy_count++;
}

static void find_state(void *arg, const struct xfrm_state_spec *state)
{
	struct ipsec_found *found = arg;
	struct found_state *one;
	enum ipsec_child child;
	uint32_t slot;

	if (!ipsec_of_reqid(state->reqid, &slot, &child) || !state->spi)
		return; /* without SPI it only stands for one that is asked for */
	one = more((void **)&found->states, found->state_count, &found->state_room, sizeof(*one), &found->err);
	if (!one)
		return;
	memcpy(&one->state, state, sizeof(*state)); /* in place: no copy of a key elsewhere */
	explicit_bzero(one->state.cipher_key, sizeof(one->state.cipher_key));
	explicit_bzero(one->state.hash_key, sizeof(one->state.hash_key));
	one->wanted = false;
	one->same_keys = same_keys(found->keys, child, state);
	found->state_count++;
}

int ipsec_find_ours(struct xfrm *x, const struct ipsec_keys *keys, struct ipsec_found *found)
{
	int err;

	ipsec_found_free(found);
	found->keys = keys;
	err = xfrm_dump_policies(x, find_policy, found);
	if (!err)
		err = xfrm_dump_states(x, find_state, found);
	if (!err)
		err = found->err;
	if (err) {
		log_error("ipsec: read the kernel's policies and states: %s", strerror(-err));
		ipsec_found_free(found);
		return err;
	}
	if (found->policy_count)
		qsort(found->policies, found->policy_count, sizeof(*found->policies), compare_policies);
	if (found->state_count)
		qsort(found->states, found->state_count, sizeof(*found->states), compare_states);
	return 0;
}

void ipsec_found_free(struct ipsec_found *found)
{
	free(found->policies);
	free(found->states);
	*found = (struct ipsec_found){};
}

struct found_policy *ipsec_found_policy(struct ipsec_found *found, const struct xfrm_policy_spec *policy)
{
	return found->policy_count ? bsearch(policy, found->policies, found->policy_count, sizeof(*found->policies),
					     compare_policies)
				   : NULL;
}

struct found_state *ipsec_found_state(struct ipsec_found *found, const struct in6_addr *dst, uint32_t spi)
{
	struct xfrm_state_spec key = { .dst = *dst, .spi = spi };

	return found->state_count
		       ? bsearch(&key, found->states, found->state_count, sizeof(*found->states), compare_states)
		       : NULL;
}

/* ---- slots ---- */

int ipsec_take_slot(struct ipsec *ip, struct ipsec_node *node, uint32_t slot)
{
	if (slot >= ip->slot_room || ip->slots[slot])
		return -EEXIST;
	ip->slots[slot] = node - ip->nodes + 1;
	node->end.slot = slot;
	node->has_slot = true;
	return 0;
}

static void adopt_slot(struct ipsec *ip, uint32_t reqid, const struct in6_addr *src, const struct in6_addr *dst)
{
	struct ipsec_node *node = ipsec_node(ip, src);
	enum ipsec_child child;
	uint32_t slot;

	if (!ipsec_of_reqid(reqid, &slot, &child) || child != IPSEC_SIGNALLING)
		return;
	if (!node)
		node = ipsec_node(ip, dst);
	if (node && !node->has_slot)
		ipsec_take_slot(ip, node, slot);
}

/* Signalling alone says it: its policies always stand; where somebody took them away, its states do. */
void ipsec_adopt_slots(struct ipsec *ip)
{
	for (size_t i = 0; i < ip->found.policy_count; i++) {
		const struct xfrm_policy_spec *policy = &ip->found.policies[i].policy;

		if (!policy->allow)
			adopt_slot(ip, policy->reqid, &policy->sel.src, &policy->sel.dst);
	}
	for (size_t i = 0; i < ip->found.state_count; i++) {
		const struct xfrm_state_spec *state = &ip->found.states[i].state;

		adopt_slot(ip, state->reqid, &state->src, &state->dst);
	}
}

size_t ipsec_slots_found(const struct ipsec_found *found)
{
	enum ipsec_child child;
	size_t room = 0;
	uint32_t slot;

	for (size_t i = 0; i < found->policy_count; i++)
		if (ipsec_of_reqid(found->policies[i].policy.reqid, &slot, &child) && slot >= room)
			room = slot + 1;
	for (size_t i = 0; i < found->state_count; i++)
		if (ipsec_of_reqid(found->states[i].state.reqid, &slot, &child) && slot >= room)
			room = slot + 1;
	return room;
}

int ipsec_fill_slots(struct ipsec *ip)
{
	uint32_t slot = 0;

	for (size_t i = 0; i < ip->count; i++) {
		struct ipsec_node *node = &ip->nodes[i];

		while (!node->has_slot && slot < ip->slot_room)
			ipsec_take_slot(ip, node, slot++);
		if (!node->has_slot)
			return -ENOSPC;
	}
	return 0;
}

size_t ipsec_delete_unwanted_policies(struct ipsec *ip)
{
	size_t gone = 0;

	for (size_t i = 0; i < ip->found.policy_count; i++) {
		const struct found_policy *one = &ip->found.policies[i];

		if (one->wanted)
			continue;
		xfrm_policy_delete(ip->x, one->policy.way, &one->policy.sel);
		gone++;
	}
	return gone;
}

/* Policies after states: nothing leaves in clear while there is something to protect it. */
size_t ipsec_delete_unwanted(struct ipsec *ip)
{
	size_t gone = 0;

	for (size_t i = 0; i < ip->found.state_count; i++) {
		const struct found_state *one = &ip->found.states[i];

		if (one->wanted)
			continue;
		xfrm_state_delete(ip->x, &one->state.dst, one->state.spi);
		gone++;
	}
	return gone + ipsec_delete_unwanted_policies(ip);
}
