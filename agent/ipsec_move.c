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

/* All that @now wants stands, whatever was in its place. */
static int replace_policies(struct ipsec *ip, const struct ipsec_end *now)
{
	struct xfrm_policy_spec policies[IPSEC_POLICIES_MAX];
	size_t count = ipsec_policies(now, policies);
	struct change c = { .policies = policies };

	for (size_t i = 0; i < count; i++) {
		size_t number = xfrm_policy_set(ip->x, &policies[i], true);

		if (!i)
			c.first = number;
	}
	return xfrm_commit(ip->x, policy_failed, &c);
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

/*
 * Policies stand, with templates of where the states still end. What can't be migrated gets policies for the new place,
 * and keys of its own by another exchange: nothing is sent in clear, but some is lost.
 */
static int migrate(struct gateway *gw, struct ipsec_node *node, const struct in6_addr *to)
{
	struct ipsec_end now = node->end;
	int failed = 0, err;

	for (int child = 0; child < IPSEC_CHILDREN; child++)
		if (ipsec_wants(&node->end, child) && has_states(node, child) &&
		    migrate_child(gw->ipsec, node, child, &node->end.far, to))
			failed++;
	node->second = in6addr_any;
	now.far = *to;
	err = replace_policies(gw->ipsec, &now);
	if (err)
		return err;
	node->end = now;
	if (failed)
		ike_renew(gw, node);
	return 0;
}

static int move(struct gateway *gw, struct ipsec_node *node, const struct in6_addr *to)
{
	struct ipsec_end here = node->end;
	int err;

	if (!node->end.away) { /* it is back abroad, the states are still at home */
		here.away = true;
		err = change_policies(gw->ipsec, &node->end, &here);
		if (err)
			return err;
		node->end = here;
	}
	return migrate(gw, node, to);
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
	return !err && elsewhere ? migrate(gw, node, care_of) : err;
}

/* ---- what the roles ask ---- */

void ipsec_moving(struct gateway *gw, const struct in6_addr *home, const struct in6_addr *care_of)
{
	struct ipsec_node *node = gw->ipsec ? ipsec_node(gw->ipsec, home) : NULL;
	bool queued = false;

	if (!node || node->end.constant)
		return;
	ike_speak_from(gw, node, care_of);
	if (!ends_elsewhere(node, care_of) || addr_equal(&node->second, care_of))
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
	err = change_policies(gw->ipsec, &node->end, &now);
	if (!err)
		node->end = now;
	return err;
}

void ipsec_returned(struct gateway *gw, const struct in6_addr *home)
{
	struct ipsec_node *node = gw->ipsec ? ipsec_node(gw->ipsec, home) : NULL;

	if (node && node->end.away && ends_elsewhere(node, home))
		migrate(gw, node, home);
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

bool ipsec_can_move(const struct gateway *gw)
{
	return gw->ipsec && gw->ipsec->ike;
}
