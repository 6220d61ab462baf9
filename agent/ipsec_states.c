// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * States: static ones from keys to kernel, IKE's as the kernel tells of them, what the data path must know of SPIs; and
 * what others take away of ours comes back. RFC 3776 §3; RFC 4303 §3.3.3.
 */
#include <errno.h>
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
	static bool told;
	time_t t = time(NULL);

	if (t > SEQ_EPOCH)
		return (uint32_t)((t - SEQ_EPOCH) * SEQ_PER_S);
	if (!told)
		log_warn("ipsec: the clock is behind 2026: the other end may take what goes under static keys for "
			 "replays "
			 "(set the clock, then restart mobgwd)");
	told = true;
	return 1;
}

/* ---- states ---- */

static void tell_data_path(struct gateway *gw, const struct xfrm_state_spec *state, const struct ipsec_node *node,
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

static bool stands(const struct ipsec_node *node, enum ipsec_child child, const struct xfrm_state_spec *state)
{
	if (addr_equal(&state->dst, &node->end.agent))
		return node->states[child].to_agent && node->states[child].spi_to_agent == state->spi;
	return node->states[child].to_node && node->states[child].spi_to_node == state->spi;
}

void ipsec_delete_states(struct gateway *gw, struct ipsec_node *node, const struct ipsec_keys *keys)
{
	struct xfrm_state_spec states[IPSEC_STATES_MAX];
	const struct ipsec_node_keys *of_node = ipsec_keys_find(keys, &node->end.home);
	size_t count = of_node ? ipsec_states(&node->end, of_node, 0, states) : 0;

	for (size_t i = 0; i < count; i++) {
		enum ipsec_child child;
		uint32_t slot;

		if (!ipsec_of_reqid(states[i].reqid, &slot, &child) || !stands(node, child, &states[i]))
			continue; /* nor is what somebody else has there ours to delete */
		xfrm_state_delete(gw->ipsec->x, &states[i].dst, states[i].spi);
		tell_data_path(gw, &states[i], node, child, false);
	}
	explicit_bzero(states, sizeof(states));
}

/* ---- what stands ---- */

/* While both the former and the next are there, the next is the one that counts. */
static bool note_found(struct gateway *gw, const struct xfrm_state_spec *state)
{
	enum ipsec_child child;
	uint32_t slot, spi;
	const struct ipsec_node *node =
		ipsec_of_reqid(state->reqid, &slot, &child) ? ipsec_of_slot(gw->ipsec, slot) : NULL;
	const struct found_state *noted;

	if (!node)
		return false;
	spi = addr_equal(&state->dst, &node->end.agent) ? node->states[child].spi_to_agent
							: node->states[child].spi_to_node;
	noted = spi ? ipsec_found_state(&gw->ipsec->found, &state->dst, spi) : NULL;
	if (noted && noted->state.added_s > state->added_s)
		tell_data_path(gw, state, node, child, true);
	else
		note_state(gw, state, true, &child);
	return true;
}

static uint8_t children_of(const struct ipsec_node *node)
{
	uint8_t children = 0;

	for (int child = 0; child < IPSEC_CHILDREN; child++)
		if (node->states[child].to_agent && node->states[child].to_node)
			children |= 1U << child;
	return children;
}

static void note_found_policies(struct ipsec *ip, struct ipsec_node *node)
{
	struct xfrm_policy_spec plan[IPSEC_POLICIES_MAX];
	size_t count = ipsec_policies(&node->end, plan);

	node->stands = 0;
	for (size_t i = 0; i < count; i++)
		if (ipsec_found_policy(&ip->found, &plan[i]))
			node->stands |= ipsec_bit(&plan[i]);
}

/* Those of charon are charon's, of a home address that is configured; static ones of another time, which would be used
 * and which nobody can open, are not wanted. */
void ipsec_take_stock(struct gateway *gw)
{
	struct ipsec *ip = gw->ipsec;

	for (size_t i = 0; i < ip->count; i++) {
		ip->nodes[i].had = children_of(&ip->nodes[i]);
		memset(ip->nodes[i].states, 0, sizeof(ip->nodes[i].states));
		note_found_policies(ip, &ip->nodes[i]);
	}
	for (size_t i = 0; i < ip->found.state_count; i++) {
		struct found_state *one = &ip->found.states[i];
		bool ours = note_found(gw, &one->state);

		one->wanted = ip->ike && one->state.expires && ours;
	}
}

/* Of IKE's states, what went unheard charon did not take away. */
static void tell_of_losses(struct gateway *gw)
{
	struct ipsec *ip = gw->ipsec;

	for (size_t i = 0; i < ip->count; i++)
		if (ip->nodes[i].had & ~children_of(&ip->nodes[i]))
			ike_lost(gw, &ip->nodes[i]);
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

/* What is there no more of what shall be; and what is there of ours that shall not. Return: 0, and how many were put
 * back; -errno: not all of it, and what stands is known again. */
static int put_back(struct gateway *gw, size_t *count)
{
	struct ipsec *ip = gw->ipsec;
	int err = ipsec_find_ours(ip->x, ip->keys, &ip->found);

	*count = 0;
	if (err)
		return err;
	ipsec_take_stock(gw);
	if (ip->ike)
		tell_of_losses(gw);
	for (size_t i = 0; i < ip->count; i++)
		*count += ipsec_queue_states(gw, &ip->nodes[i]);
	for (size_t i = 0; i < ip->count; i++)
		*count += ipsec_queue_policies(ip, &ip->nodes[i]);
	ipsec_delete_unwanted_policies(ip);
	datapath_sas_keep(gw->dp, is_known, gw);
	err = xfrm_commit(ip->x, NULL, NULL);
	if (err)
		ipsec_look_again(gw);
	ipsec_found_free(&ip->found);
	return err;
}

void ipsec_look_again(struct gateway *gw)
{
	struct ipsec *ip = gw->ipsec;

	ip->missing++;
	if (!ipsec_find_ours(ip->x, ip->keys, &ip->found))
		ipsec_take_stock(gw);
	ipsec_found_free(&ip->found);
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
		ip->missing += !ip->missing;
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

/* What the plan has in the place of @policy; NULL: it is none of our places. */
static struct ipsec_node *planned(struct ipsec *ip, const struct xfrm_policy_spec *policy,
				  struct xfrm_policy_spec *plan)
{
	struct xfrm_policy_spec policies[IPSEC_POLICIES_MAX];
	struct ipsec_node *node = ipsec_node(ip, &policy->sel.src);
	size_t count;

	if (!node)
		node = ipsec_node(ip, &policy->sel.dst);
	count = node ? ipsec_policies(&node->end, policies) : 0;
	for (size_t i = 0; i < count; i++) {
		if (!ipsec_same_place(&policies[i], policy))
			continue;
		*plan = policies[i];
		return node;
	}
	return NULL;
}

/* The tick looks, and at once. */
static void look_soon(struct ipsec *ip)
{
	ip->missing++;
	ip->wait = 0;
}

/* Ours are as planned by the time that we hear of them, or have been changed again since. */
static void on_policy_set(void *arg, const struct xfrm_policy_spec *policy)
{
	struct ipsec *ip = ((struct gateway *)arg)->ipsec;
	struct xfrm_policy_spec plan;
	struct ipsec_node *node = planned(ip, policy, &plan);

	if (!node || ipsec_same_policy(policy, &plan))
		return;
	if (policy->reqid != plan.reqid || policy->allow != plan.allow || policy->block)
		node->stands &= ~ipsec_bit(&plan); /* theirs: not ours to change */
	look_soon(ip);
}

/* By the time that we hear of our own deletions they are not wanted any more, or made good. */
static void on_policy_gone(void *arg, enum xfrm_way way, const struct xfrm_selector_spec *sel)
{
	struct ipsec *ip = ((struct gateway *)arg)->ipsec;
	struct xfrm_policy_spec plan;

	if (planned(ip, &(struct xfrm_policy_spec){ .way = way, .sel = *sel }, &plan))
		look_soon(ip);
}

static void on_overrun(void *arg)
{
	look_soon(((struct gateway *)arg)->ipsec);
}

struct xfrm_handlers ipsec_handlers(struct gateway *gw)
{
	return (struct xfrm_handlers){ gw, on_state, on_acquire, on_policy_set, on_policy_gone, on_overrun };
}
