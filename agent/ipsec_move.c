// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Where a home address is reached: the tunnels' policies come with a binding, and go with it. With static keys the data
 * path alone moves the tunnels' ends (IPSEC.md §4); states of IKE end at the care-of address, and are migrated, with
 * the IKE_SA behind them (RFC 4877 §5.1; RFC 6275 §11.7.1: K).
 */
#include <errno.h>

#include "ike.h"
#include "ipsec_priv.h"

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

struct policies {
	struct xfrm_policy_spec at[IPSEC_POLICIES_MAX];
	size_t count;
};

/* Policies that are being set, some or all of @shall, one after the other. */
struct change {
	const struct policies *shall;
	size_t first, count;		   /* numbers of the changes that set one */
	uint8_t which[IPSEC_POLICIES_MAX]; /* of @shall, by change */
	bool failed[IPSEC_POLICIES_MAX];   /* by place in @shall */
	bool gone;			   /* what was to go had gone already */
	int err;
};

static void queue_policy(struct ipsec *ip, struct change *c, size_t which, bool replace)
{
	size_t number = xfrm_policy_set(ip->x, &c->shall->at[which], replace);

	if (!c->count)
		c->first = number;
	c->which[c->count++] = which;
}

static void policy_failed(void *arg, size_t number, int err)
{
	struct change *c = arg;
	const struct xfrm_policy_spec *policy;
	size_t which;

	if (!c->count || number < c->first) {
		c->gone = true;
		return;
	}
	which = c->which[number - c->first];
	policy = &c->shall->at[which];
	c->failed[which] = true;
	c->err = err;
	if (err == -EEXIST)
		log_error("ipsec: a policy of somebody else's stands where ours has to: %s. Take it away (ip xfrm "
			  "policy), then restart mobgwd",
			  selector_text(policy));
	else
		log_error("ipsec: set policy %s: %s", selector_text(policy), strerror(-err));
}

static int commit(struct ipsec *ip, struct change *c)
{
	int err = xfrm_commit(ip->x, policy_failed, c);

	if (err && !c->err && !c->gone) {
		log_error("ipsec: change policies: %s", strerror(-err));
		c->err = err; /* of the whole message */
	}
	return c->err;
}

static const struct xfrm_policy_spec *in_place_of(const struct policies *all, const struct xfrm_policy_spec *policy)
{
	for (size_t i = 0; i < all->count; i++)
		if (ipsec_same_place(&all->at[i], policy))
			return &all->at[i];
	return NULL;
}

/*
 * From what stands to what shall: changed where it stands, so that no packet passes between two policies of one place.
 * What nobody wants goes first, the last installed before the others.
 */
static void queue_difference(struct ipsec *ip, const struct policies *stands, struct change *c)
{
	for (size_t i = stands->count; i; i--)
		if (!in_place_of(c->shall, &stands->at[i - 1]))
			xfrm_policy_delete(ip->x, stands->at[i - 1].way, &stands->at[i - 1].sel);
	for (size_t i = 0; i < c->shall->count; i++) {
		const struct xfrm_policy_spec *there = in_place_of(stands, &c->shall->at[i]);

		if (!there || !ipsec_same_policy(there, &c->shall->at[i]))
			queue_policy(ip, c, i, there);
	}
}

/* Half of a change protects nothing: as before. What failed is somebody else's, and stays. */
static void undo(struct ipsec *ip, const struct change *c, const struct policies *before)
{
	struct change back = { .shall = before };
	struct policies stands = {};

	for (size_t i = 0; i < c->shall->count; i++)
		if (!c->failed[i])
			stands.at[stands.count++] = c->shall->at[i];
	queue_difference(ip, &stands, &back);
	xfrm_commit(ip->x, NULL, NULL);
}

/* Of the plan for @end what stands, and is ours: somebody else's in such a place is nobody's to change. */
static struct policies standing(const struct ipsec_node *node, const struct ipsec_end *end)
{
	struct xfrm_policy_spec plan[IPSEC_POLICIES_MAX];
	size_t count = ipsec_policies(end, plan);
	struct policies found = {};

	for (size_t i = 0; i < count; i++)
		if (node->stands & ipsec_bit(&plan[i]))
			found.at[found.count++] = plan[i];
	return found;
}

static uint32_t bits_of(const struct policies *policies)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < policies->count; i++)
		bits |= ipsec_bit(&policies->at[i]);
	return bits;
}

/* The tunnels' policies come and go with the binding, the signalling's stay. */
static int change_policies(struct ipsec *ip, struct ipsec_node *node, const struct ipsec_end *now)
{
	struct policies old = standing(node, &node->end), new;
	struct change c = { .shall = &new };

	new.count = ipsec_policies(now, new.at);
	queue_difference(ip, &old, &c);
	if (!commit(ip, &c)) {
		node->stands = bits_of(&new);
		return 0;
	}
	undo(ip, &c, &old);
	ip->missing++; /* the tick looks what became of it */
	return c.err;
}

/* The same policies for tunnels that end elsewhere. */
static int replace_policies(struct ipsec *ip, struct ipsec_node *node, const struct ipsec_end *now)
{
	struct policies new;
	struct change c = { .shall = &new };

	new.count = ipsec_policies(now, new.at);
	for (size_t i = 0; i < new.count; i++)
		queue_policy(ip, &c, i, node->stands & ipsec_bit(&new.at[i]));
	if (commit(ip, &c))
		return c.err;
	node->stands = bits_of(&new);
	return 0;
}

/* ---- states of IKE ---- */

static bool has_states(const struct ipsec_node *node, int child)
{
	return node->states[child].to_agent && node->states[child].to_node;
}

/* Known to end at another address than that; false with static keys, which the data path moves. */
static bool ends_elsewhere(const struct ipsec_node *node, const struct in6_addr *addr)
{
	return !node->end.constant && !IN6_IS_ADDR_UNSPECIFIED(&node->end.far) && !addr_equal(&node->end.far, addr);
}

/* Anything that charon has to take along. */
static bool has_keys(const struct ipsec_node *node)
{
	for (int child = 0; child < IPSEC_CHILDREN; child++)
		if (ipsec_wants(&node->end, child) && has_states(node, child))
			return true;
	return false;
}

/* The outbound policy of mobility headers or of everything: a message of migration names one; NULL: none. */
static const struct xfrm_policy_spec *outbound_of(const struct ipsec_node *node, int child,
						  const struct xfrm_policy_spec *policies, size_t count)
{
	uint32_t reqid = ipsec_reqid(node->end.slot, child);

	for (size_t i = 0; i < count; i++)
		if (policies[i].way == XFRM_WAY_OUT && !policies[i].allow && policies[i].reqid == reqid)
			return &policies[i];
	return NULL;
}

/*
 * The kernel takes policy and outbound state along, and tells charon, which does so with the inbound state and the
 * IKE_SA. Each child's message says it, for charon acts on the one that it is about. The signalling's states must stay
 * where they are, but charon looks for them by the IKE_SA's addresses: its message names a state that isn't there.
 */
static int migrate_child(struct ipsec *ip, const struct ipsec_node *node, int child, const struct in6_addr *from,
			 const struct in6_addr *to)
{
	struct xfrm_policy_spec policies[IPSEC_POLICIES_MAX] = {};
	size_t count = ipsec_policies(&node->end, policies);
	const struct xfrm_policy_spec *out = outbound_of(node, child, policies, count);
	const struct in6_addr *agent = &node->end.agent;
	struct xfrm_migration m = { .way = XFRM_WAY_OUT,
				    .reqid = ipsec_reqid(node->end.slot, child),
				    .transport = child == IPSEC_SIGNALLING };
	int err;

	if (!out)
		return -ENOENT;
	m.sel = out->sel;
	m.old_src = m.transport ? in6addr_loopback : node->end.node ? *from : *agent;
	m.old_dst = m.transport ? in6addr_loopback : node->end.node ? *agent : *from;
	m.new_src = node->end.node ? *to : *agent;
	m.new_dst = node->end.node ? *agent : *to;
	m.local = node->end.node ? to : agent;
	m.remote = node->end.node ? agent : to;
	err = xfrm_migrate(ip->x, &m);
	if (err)
		log_warn("ipsec: %s: %s: migrate to %s: %s; other keys are asked for", addr_text(&node->end.home),
			 ipsec_child_names[child], addr_text(to), strerror(-err));
	return err;
}

/* Whoever goes elsewhere than it was prepared for leaves no copies there: their keys would outlive those that they are
 * of. */
static void forget_second(struct ipsec *ip, struct ipsec_node *node, const struct in6_addr *but)
{
	if (!IN6_IS_ADDR_UNSPECIFIED(&node->second) && !addr_equal(&node->second, but) &&
	    !addr_equal(&node->second, &node->end.far)) {
		for (int child = IPSEC_SIGNALLING + 1; child < IPSEC_CHILDREN; child++)
			if (node->states[child].to_node)
				xfrm_state_delete(ip->x, &node->second, node->states[child].spi_to_node);
		xfrm_commit(ip->x, NULL, NULL); /* what is gone is gone */
	}
	node->second = in6addr_any;
}

/*
 * Policies stand, with templates of where the states still end. What can't be migrated gets policies for the new place,
 * and keys of its own by another exchange: nothing is sent in clear, but some is lost.
 */
static void migrate(struct gateway *gw, struct ipsec_node *node, const struct in6_addr *to)
{
	struct ipsec_end now = node->end;
	int failed = 0;

	for (int child = 0; child < IPSEC_CHILDREN; child++)
		if (ipsec_wants(&node->end, child) && has_states(node, child) &&
		    migrate_child(gw->ipsec, node, child, &node->end.far, to))
			failed++;
	forget_second(gw->ipsec, node, to);
	now.far = *to;
	if (replace_policies(gw->ipsec, node, &now))
		gw->ipsec->missing++; /* the states are there already: the tick goes on */
	node->end = now;
	if (failed)
		ike_renew(gw, node);
}

static int move(struct gateway *gw, struct ipsec_node *node, const struct in6_addr *to)
{
	struct ipsec_end here = node->end;
	int err;

	if (!node->end.away) { /* it is back abroad, the states are still at home */
		here.away = true;
		err = change_policies(gw->ipsec, node, &here);
		if (err)
			return err;
		node->end = here;
	}
	migrate(gw, node, to);
	return 0;
}

/* What a former daemon left for this binding stays; it may have ended between a binding and its states. */
static int adopt(struct gateway *gw, struct ipsec_node *node, const struct in6_addr *care_of)
{
	bool elsewhere = has_keys(node) && ends_elsewhere(node, care_of);
	int err;

	node->end.away = true;
	if (!elsewhere)
		node->end.far = *care_of;
	ipsec_queue_policies(gw->ipsec, node);
	err = xfrm_commit(gw->ipsec->x, NULL, NULL);
	gw->ipsec->missing += err != 0; /* the tick tries again */
	if (!err && elsewhere)
		migrate(gw, node, care_of);
	return err;
}

/* ---- what the roles ask ---- */

void ipsec_moving(struct gateway *gw, const struct in6_addr *home, const struct in6_addr *care_of)
{
	struct ipsec_node *node = gw->ipsec ? ipsec_node(gw->ipsec, home) : NULL;
	bool queued = false;

	if (!node || node->end.constant)
		return;
	ike_speak_from(gw, node, care_of);
	if (addr_equal(&node->second, care_of))
		return;
	forget_second(gw->ipsec, node, care_of);
	if (!ends_elsewhere(node, care_of))
		return;
	for (int child = IPSEC_SIGNALLING + 1; child < IPSEC_CHILDREN; child++)
		if (ipsec_wants(&node->end, child) && node->states[child].to_node)
			queued |= !xfrm_state_copy(gw->ipsec->x, &node->end.far, node->states[child].spi_to_node,
						   care_of);
	if (queued)
		node->second = *care_of;
}

int ipsec_bound(struct gateway *gw, const struct in6_addr *home, const struct in6_addr *care_of)
{
	struct ipsec_node *node = gw->ipsec ? ipsec_node(gw->ipsec, home) : NULL;
	struct ipsec_end now;
	int err;

	if (!node)
		return gw->ipsec ? -ENOENT : 0;
	if (gw->ipsec->found.policies)
		return adopt(gw, node, care_of);
	if (has_keys(node) && ends_elsewhere(node, care_of))
		return move(gw, node, care_of);
	now = node->end;
	now.away = true;
	now.far = *care_of;
	err = change_policies(gw->ipsec, node, &now);
	if (!err)
		node->end = now;
	return err;
}

void ipsec_returned(struct gateway *gw, const struct in6_addr *home)
{
	struct ipsec_node *node = gw->ipsec ? ipsec_node(gw->ipsec, home) : NULL;

	if (!node)
		return;
	if (node->end.away && ends_elsewhere(node, home))
		migrate(gw, node, home);
	if (node->end.node && !IN6_IS_ADDR_UNSPECIFIED(&node->speaks_from))
		ike_speak_from(gw, node, home); /* where it was it is no more */
}

void ipsec_unbound(struct gateway *gw, const struct in6_addr *home)
{
	struct ipsec_node *node = gw->ipsec ? ipsec_node(gw->ipsec, home) : NULL;
	struct ipsec_end now;

	if (!node || !node->end.away)
		return;
	now = node->end;
	now.away = false;
	change_policies(gw->ipsec, node, &now); /* what can't be taken away the tick does */
	node->end = now;
}

bool ipsec_can_move(const struct gateway *gw)
{
	return gw->ipsec && gw->ipsec->ike;
}
