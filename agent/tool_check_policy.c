/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * mobgw check: policy routing of a mobile node. Its rules and tables have numbers of their own (mobile_device.c). Here:
 * whether another's rule stands before them and takes packets from a home address, and whether another's routes stand
 * in those tables.
 */
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>

#include "tool_check.h"

enum {
	POLICY_DEVICE = 0x6d68, /* table and preference: what mobgwd itself sends by the device without ND */
	POLICY_CARE_OF = 0x6d6a,
	POLICY_AT_HOME = 0x6d6b, /* and the next: where no router is known */
	POLICY_HOME = 0x6d6d,
	TABLE_UPLINK = 0x6d70,
	TABLE_HOME = 0x6d80,
	TABLE_END = TABLE_HOME + LIMIT_HOME_ADDRESSES,
};
_Static_assert(TABLE_UPLINK + LIMIT_UPLINKS == TABLE_HOME, "the tables of home addresses follow those of uplinks");

/* What of a rule decides whether it takes a packet that this host sends from one address. */
struct policy_rule {
	uint32_t preference, table, goto_preference;
	uint8_t action, src_len;
	bool inverted, mismatch; /* mismatch: needs a mark, another incoming interface, a bound socket, a VRF */
	bool partial;		 /* needs more that a packet may have or not: destination, port, user */
	struct in6_addr src;
	char oif[IF_NAMESIZE];
};

struct policy {
	struct check *check;
	struct policy_rule *rules;
	size_t rule_count;
};

struct policy_attributes {
	const struct nlattr *of[FRA_MAX + 1];
	bool newer; /* one that these headers don't know: a selector of some kind */
};

static int sort_attribute(const struct nlattr *attr, void *arg)
{
	struct policy_attributes *all = arg;

	if (mnl_attr_get_type(attr) <= FRA_MAX)
		all->of[mnl_attr_get_type(attr)] = attr;
	else
		all->newer = true;
	return MNL_CB_OK;
}

static uint32_t number_of(const struct policy_attributes *all, size_t type, uint32_t otherwise)
{
	return all->of[type] && mnl_attr_get_payload_len(all->of[type]) >= sizeof(uint32_t)
		       ? mnl_attr_get_u32(all->of[type])
		       : otherwise;
}

/* The packet is this host's own, unmarked, from a socket bound to no device. */
static void read_selectors(const struct fib_rule_hdr *head, const struct policy_attributes *all,
			   struct policy_rule *rule)
{
	static const uint8_t partial[] = { FRA_UID_RANGE,   FRA_IP_PROTO,	    FRA_SPORT_RANGE,
					   FRA_DPORT_RANGE, FRA_SUPPRESS_PREFIXLEN, FRA_SUPPRESS_IFGROUP };
	uint32_t mark = number_of(all, FRA_FWMARK, 0);

	if (all->of[FRA_SRC] && mnl_attr_get_payload_len(all->of[FRA_SRC]) == sizeof(rule->src))
		memcpy(&rule->src, mnl_attr_get_payload(all->of[FRA_SRC]), sizeof(rule->src));
	if (all->of[FRA_OIFNAME])
		snprintf(rule->oif, sizeof(rule->oif), "%s", mnl_attr_get_str(all->of[FRA_OIFNAME]));
	rule->mismatch = rule->oif[0] || all->of[FRA_L3MDEV] || all->of[FRA_TUN_ID] ||
			 (mark & number_of(all, FRA_FWMASK, UINT32_MAX)) ||
			 (all->of[FRA_IIFNAME] && strcmp(mnl_attr_get_str(all->of[FRA_IIFNAME]), "lo") != 0);
	rule->partial = head->dst_len || head->tos || all->newer;
	for (size_t i = 0; i < ARRAY_SIZE(partial); i++)
		rule->partial |= all->of[partial[i]] && number_of(all, partial[i], 0) != UINT32_MAX;
}

static int on_rule(const struct nlmsghdr *nlh, void *arg)
{
	const struct fib_rule_hdr *head = mnl_nlmsg_get_payload(nlh);
	struct policy_attributes all = {};
	struct policy *policy = arg;
	struct policy_rule *rule;

	if (nlh->nlmsg_type != RTM_NEWRULE || nlh->nlmsg_len < MNL_NLMSG_HDRLEN + sizeof(*head))
		return MNL_CB_OK;
	rule = realloc(policy->rules, (policy->rule_count + 1) * sizeof(*rule));
	if (!rule)
		return MNL_CB_ERROR;
	policy->rules = rule;
	rule += policy->rule_count++;
	mnl_attr_parse(nlh, sizeof(*head), sort_attribute, &all);
	*rule = (struct policy_rule){ .preference = number_of(&all, FRA_PRIORITY, 0),
				      .table = number_of(&all, FRA_TABLE, head->table),
				      .goto_preference = number_of(&all, FRA_GOTO, 0),
				      .action = head->action,
				      .src_len = head->src_len,
				      .inverted = head->flags & FIB_RULE_INVERT };
	read_selectors(head, &all, rule);
	return MNL_CB_OK;
}

static bool is_ours(const struct policy_rule *rule)
{
	bool table = rule->table >= TABLE_UPLINK && rule->table < TABLE_END;

	if (rule->preference == POLICY_AT_HOME + 1)
		return rule->table == RT_TABLE_MAIN && rule->src_len == 128 && rule->oif[0];
	return rule->preference >= POLICY_DEVICE && rule->preference <= POLICY_HOME &&
	       (table || rule->table == POLICY_DEVICE);
}

/* Whether a packet from @home gets there; @partly: some do. As fib_rule_match() of the kernel, which inverts all. */
static bool takes(const struct policy_rule *rule, const struct in6_addr *home, bool *partly)
{
	bool other = rule->mismatch || !addr_in_prefix(home, &rule->src, rule->src_len);

	*partly = rule->partial && !(rule->inverted && other);
	return rule->inverted ? other || rule->partial : !other;
}

static const char *describe(const struct policy_rule *rule)
{
	static const char *const actions[FR_ACT_MAX + 1] = {
		[FR_ACT_BLACKHOLE] = "blackhole", [FR_ACT_UNREACHABLE] = "unreachable", [FR_ACT_PROHIBIT] = "prohibit"
	};
	static char text[64];

	if (rule->action == FR_ACT_TO_TBL)
		snprintf(text, sizeof(text), "lookup %u", rule->table);
	else if (rule->action == FR_ACT_GOTO)
		snprintf(text, sizeof(text), "goto %u", rule->goto_preference);
	else
		snprintf(text, sizeof(text), "%s", rule->action <= FR_ACT_MAX ? actions[rule->action] : "?");
	return text;
}

/* The local table holds what is for this host itself, and a rule that does nothing or jumps to ours is no harm. */
static bool decides(const struct policy_rule *rule)
{
	switch (rule->action) {
	case FR_ACT_TO_TBL:
		return rule->table != RT_TABLE_LOCAL;
	case FR_ACT_GOTO:
		return rule->goto_preference > POLICY_HOME;
	case FR_ACT_BLACKHOLE:
	case FR_ACT_UNREACHABLE:
	case FR_ACT_PROHIBIT:
		return true;
	default:
		return false;
	}
}

static bool say_rule(struct check *check, const struct policy_rule *rule, const struct in6_addr *home)
{
	bool partly;

	if (rule->preference > POLICY_HOME || is_ours(rule) || !decides(rule) || !takes(rule, home, &partly))
		return false;
	check_say(check, CHECK_WARN, "policy",
		  "rule %u (%s) stands before mobgwd's, %u to %u, and takes %s from %s away from the tunnel",
		  rule->preference, describe(rule), POLICY_DEVICE, POLICY_HOME, partly ? "some packets" : "packets",
		  addr_text(home));
	check_cure(check, "ip -6 rule show pref %u   (give it a preference above %u, or delete it)", rule->preference,
		   POLICY_HOME);
	return true;
}

/* ---- tables ---- */

static const char *link_name(const struct check *check, int ifindex)
{
	for (size_t i = 0; i < check->link_count; i++)
		if (check->links[i].ifindex == ifindex)
			return check->links[i].name;
	return "no device";
}

/* mobgwd's are static routes, by the device or the uplink that the table belongs to. */
static bool route_is_ours(const struct check *check, uint32_t table, uint8_t protocol, const char *dev)
{
	const struct config *config = check->config;
	uint32_t uplink = table - TABLE_UPLINK;

	if (protocol != RTPROT_STATIC)
		return false;
	if (table >= TABLE_HOME)
		return strcmp(dev, config->home_device) == 0;
	return uplink < config->uplink_count && strcmp(dev, config->uplinks[uplink].name) == 0;
}

static int on_policy_route(const struct nlmsghdr *nlh, void *arg)
{
	const struct rtmsg *head = mnl_nlmsg_get_payload(nlh);
	struct policy *policy = arg;
	const struct nlattr *attr;
	uint32_t table = head->rtm_table;
	int ifindex = 0;

	if (nlh->nlmsg_type != RTM_NEWROUTE || (head->rtm_flags & RTM_F_CLONED))
		return MNL_CB_OK;
	mnl_attr_for_each(attr, nlh, sizeof(*head))
	{
		if (mnl_attr_get_payload_len(attr) < sizeof(uint32_t))
			continue;
		if (mnl_attr_get_type(attr) == RTA_TABLE)
			table = mnl_attr_get_u32(attr);
		else if (mnl_attr_get_type(attr) == RTA_OIF)
			ifindex = (int)mnl_attr_get_u32(attr);
	}
	if (table < TABLE_UPLINK || table >= TABLE_END ||
	    route_is_ours(policy->check, table, head->rtm_protocol, link_name(policy->check, ifindex)))
		return MNL_CB_OK;
	check_say(policy->check, CHECK_WARN, "tables",
		  "table %u has a route by %s that isn't mobgwd's, which needs %u to %u for itself", table,
		  link_name(policy->check, ifindex), TABLE_UPLINK, TABLE_END - 1);
	check_cure(policy->check, "ip -6 route show table %u   (move it to another table)", table);
	return MNL_CB_OK;
}

static void check_rules(struct policy *policy)
{
	struct check *check = policy->check;
	size_t said = 0;

	for (size_t i = 0; i < policy->rule_count; i++)
		for (size_t h = 0; h < check->config->home_address_count; h++)
			if (say_rule(check, &policy->rules[i], &check->config->home_addresses[h].home)) {
				said++;
				break; /* one address is enough to name the rule */
			}
	if (!said)
		check_say(check, CHECK_OK, "policy", "no rule stands before mobgwd's (%u to %u)", POLICY_DEVICE,
			  POLICY_HOME);
}

void check_policy(struct check *check)
{
	struct policy policy = { .check = check };
	size_t before;
	int err;

	if (!check_is_node(check))
		return;
	err = check_dump(RTM_GETRULE, sizeof(struct fib_rule_hdr), AF_INET6, on_rule, &policy);
	if (!err)
		check_rules(&policy);
	free(policy.rules);
	before = check->finding_count;
	if (!err)
		err = check_dump(RTM_GETROUTE, sizeof(struct rtmsg), AF_INET6, on_policy_route, &policy);
	if (err)
		check_say(check, CHECK_FAIL, "policy", "netlink: list rules and routes: %s", strerror(-err));
	else if (check->finding_count == before)
		check_say(check, CHECK_OK, "tables", "tables %u to %u have no routes of others", TABLE_UPLINK,
			  TABLE_END - 1);
}

bool check_is_at_home(const struct in6_addr *home, const char *uplink)
{
	struct policy policy = {};
	bool found = false;

	if (check_dump(RTM_GETRULE, sizeof(struct fib_rule_hdr), AF_INET6, on_rule, &policy) == 0)
		for (size_t i = 0; i < policy.rule_count; i++)
			found |= policy.rules[i].preference == POLICY_AT_HOME && policy.rules[i].src_len == 128 &&
				 addr_equal(&policy.rules[i].src, home) && strcmp(policy.rules[i].oif, uplink) == 0;
	free(policy.rules);
	return found;
}
