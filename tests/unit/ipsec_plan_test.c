// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Which policies and states a home address gets, at either end and in every configuration: RFC 3776 §3, §5; RFC 4877
 * §4. What matters: nothing inbound is asked for by its message type, both ends fit, marks say whose it is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "../../agent/ipsec_plan.h"
#include "../../headers/mip6.h"

static struct in6_addr addr(const char *text)
{
	struct in6_addr a;

	assert_int_equal(inet_pton(AF_INET6, text, &a), 1);
	return a;
}

static struct ipsec_end end_of(bool node, unsigned int bits)
{
	return (struct ipsec_end){ .home = addr("2001:db8:1::100"),
				   .agent = addr("2001:db8:1::1"),
				   .far = addr("2001:db8:f1::7"),
				   .node = node,
				   .slot = 5,
				   .home_tests = bits & 1,
				   .payload = bits & 2,
				   .away = bits & 4,
				   .constant = bits & 8 };
}

enum { CONFIGURATIONS = 16 };

/* The policy that the kernel takes for a packet: the least priority of those that select it. */
static const struct xfrm_policy_spec *selected(const struct xfrm_policy_spec *policies, size_t count, enum xfrm_way way,
					       const char *src, const char *dst, uint8_t proto, uint8_t type)
{
	struct in6_addr from = addr(src), to = addr(dst);
	const struct xfrm_policy_spec *best = NULL;

	for (size_t i = 0; i < count; i++) {
		const struct xfrm_policy_spec *p = &policies[i];

		if (p->way != way || (p->sel.src_len && !addr_equal(&p->sel.src, &from)) ||
		    (p->sel.dst_len && !addr_equal(&p->sel.dst, &to)) || (p->sel.proto && p->sel.proto != proto) ||
		    (p->sel.has_type && p->sel.type != type))
			continue;
		if (!best || p->priority < best->priority)
			best = p;
	}
	return best;
}

struct flow {
	bool node;
	enum xfrm_way way;
	const char *src, *dst;
	uint8_t proto, type;
	enum ipsec_child child; /* that protects it where it is wanted and the node is away */
	bool always;		/* at home too */
	bool optional;		/* may come in clear */
};

#define HOA "2001:db8:1::100"
#define HA "2001:db8:1::1"
#define CN "2001:db8:c::2"

static const struct flow flows[] = {
	{ false, XFRM_WAY_IN, HOA, HA, NH_MH, MH_BU, IPSEC_SIGNALLING, true, false },
	{ false, XFRM_WAY_IN, HOA, HA, NH_MH, 0, IPSEC_SIGNALLING, true, false },
	{ false, XFRM_WAY_OUT, HA, HOA, NH_MH, MH_BA, IPSEC_SIGNALLING, true, false },
	{ true, XFRM_WAY_OUT, HOA, HA, NH_MH, MH_BU, IPSEC_SIGNALLING, true, false },
	{ true, XFRM_WAY_IN, HA, HOA, NH_MH, 0, IPSEC_SIGNALLING, true, false },
	{ false, XFRM_WAY_IN, HOA, HA, NH_ICMPV6, 146, IPSEC_SIGNALLING, true, false },
	{ true, XFRM_WAY_IN, HA, HOA, NH_ICMPV6, 147, IPSEC_SIGNALLING, true, false },
	{ false, XFRM_WAY_FWD, HOA, CN, NH_MH, 0, IPSEC_HOME_TEST, false, false },
	{ false, XFRM_WAY_OUT, CN, HOA, NH_MH, MH_HOT, IPSEC_HOME_TEST, false, false },
	{ true, XFRM_WAY_OUT, HOA, CN, NH_MH, MH_HOTI, IPSEC_HOME_TEST, false, false },
	{ true, XFRM_WAY_IN, CN, HOA, NH_MH, 0, IPSEC_HOME_TEST, false, true },
	{ false, XFRM_WAY_FWD, HOA, CN, 6, 0, IPSEC_PAYLOAD, false, false },
	{ false, XFRM_WAY_OUT, CN, HOA, 17, 0, IPSEC_PAYLOAD, false, false },
	{ true, XFRM_WAY_OUT, HOA, CN, 6, 0, IPSEC_PAYLOAD, false, false },
	{ true, XFRM_WAY_IN, CN, HOA, 6, 0, IPSEC_PAYLOAD, false, false },
};

static void every_flow_has_the_protection_that_is_configured(void **state)
{
	struct xfrm_policy_spec policies[IPSEC_POLICIES_MAX];

	for (unsigned int bits = 0; bits < CONFIGURATIONS; bits++)
		for (size_t i = 0; i < ARRAY_SIZE(flows); i++) {
			const struct flow *f = &flows[i];
			struct ipsec_end end = end_of(f->node, bits);
			size_t count = ipsec_policies(&end, policies);
			const struct xfrm_policy_spec *p =
				selected(policies, count, f->way, f->src, f->dst, f->proto, f->type);
			enum ipsec_child child = f->child;

			assert_in_range(count, 4, IPSEC_POLICIES_MAX);
			/* home tests left in clear are payload, which may be protected */
			if (child == IPSEC_HOME_TEST && !end.home_tests)
				child = IPSEC_PAYLOAD;
			if (!ipsec_wants(&end, child) || !(f->always || end.away)) {
				assert_null(p);
				continue;
			}
			if (!p || p->allow || p->reqid != ipsec_reqid(5, child))
				fail_msg("configuration %u, flow %zu", bits, i);
			assert_int_equal(p->optional, f->optional && child == IPSEC_HOME_TEST);
			assert_int_equal(p->tunnel, child != IPSEC_SIGNALLING);
		}
}

/* What a policy is, in words; * is any address. */
static void describe(const struct xfrm_policy_spec *p, char *text, size_t size)
{
	static const char *const ways[] = { [XFRM_WAY_IN] = "in", [XFRM_WAY_OUT] = "out", [XFRM_WAY_FWD] = "fwd" };
	char places[4][INET6_ADDRSTRLEN], type[8] = "";
	const struct in6_addr *addresses[] = { &p->sel.src, &p->sel.dst, &p->src, &p->dst };
	int len;

	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++)
		inet_ntop(AF_INET6, addresses[i], places[i], sizeof(places[i]));
	if (p->sel.has_type)
		snprintf(type, sizeof(type), "/%u", p->sel.type);
	len = snprintf(text, size, "%s %s>%s %u%s %s%s", ways[p->way], p->sel.src_len == 128 ? places[0] : "*",
		       p->sel.dst_len == 128 ? places[1] : "*", p->sel.proto, type, p->allow ? "allow" : "esp",
		       p->optional ? "?" : "");
	if (p->tunnel)
		snprintf(text + len, size - len, " %s=%s", places[2], places[3]);
}

/* In the order in which they are installed. */
static const struct {
	bool node;
	enum ipsec_child child;
	const char *text;
} expected[] = {
	{ false, IPSEC_SIGNALLING, "in " HOA ">" HA " 135 esp" },
	{ false, IPSEC_SIGNALLING, "out " HA ">" HOA " 135 esp" },
	{ false, IPSEC_SIGNALLING, "in " HOA ">" HA " 58/146 esp" },
	{ false, IPSEC_SIGNALLING, "out " HA ">" HOA " 58/147 esp" },
	{ false, IPSEC_HOME_TEST, "fwd " HOA ">* 135 esp ::=" HA },
	{ false, IPSEC_HOME_TEST, "in " HOA ">* 135 esp? ::=" HA },
	{ false, IPSEC_HOME_TEST, "out *>" HOA " 135 esp " HA "=FAR" },
	{ false, IPSEC_PAYLOAD, "fwd " HOA ">* 0 esp ::=" HA },
	{ false, IPSEC_PAYLOAD, "in " HOA ">* 0 esp ::=" HA },
	{ false, IPSEC_PAYLOAD, "out *>" HOA " 0 esp " HA "=FAR" },
	{ true, IPSEC_SIGNALLING, "in " HA ">" HOA " 135 esp" },
	{ true, IPSEC_SIGNALLING, "out " HOA ">" HA " 135 esp" },
	{ true, IPSEC_SIGNALLING, "in " HA ">" HOA " 58/147 esp" },
	{ true, IPSEC_SIGNALLING, "out " HOA ">" HA " 58/146 esp" },
	{ true, IPSEC_HOME_TEST, "out " HOA ">* 135/5 allow" },
	{ true, IPSEC_HOME_TEST, "out " HOA ">* 135 esp FAR=" HA },
	{ true, IPSEC_HOME_TEST, "in *>" HOA " 135 esp? " HA "=::" },
	{ true, IPSEC_PAYLOAD, "out " HOA ">* 0 esp FAR=" HA },
	{ true, IPSEC_PAYLOAD, "in *>" HOA " 0 esp " HA "=::" },
};

/* @text with the node's end of tunnels for FAR. */
static void write_expected(const char *text, const char *far, char *out, size_t size)
{
	const char *at = strstr(text, "FAR");

	if (at)
		snprintf(out, size, "%.*s%s%s", (int)(at - text), text, far, at + strlen("FAR"));
	else
		snprintf(out, size, "%s", text);
}

static void each_end_has_exactly_these_policies(void **state)
{
	struct xfrm_policy_spec policies[IPSEC_POLICIES_MAX];

	for (unsigned int bits = 0; bits < 2 * CONFIGURATIONS; bits++) {
		struct ipsec_end end = end_of(bits & 16, bits);
		size_t count = ipsec_policies(&end, policies), at = 0;

		for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
			char want[200], got[200];

			if (expected[i].node != end.node || !ipsec_wants(&end, expected[i].child) ||
			    (expected[i].child != IPSEC_SIGNALLING && !end.away))
				continue;
			assert_in_range(at, 0, count - 1);
			write_expected(expected[i].text, end.constant ? HOA : "2001:db8:f1::7", want, sizeof(want));
			describe(&policies[at++], got, sizeof(got));
			if (strcmp(want, got) != 0)
				fail_msg("configuration %u\nexpected: %s\ngot:      %s", bits, want, got);
		}
		assert_int_equal(at, count);
	}
}

static bool same_selector(const struct xfrm_selector_spec *a, const struct xfrm_selector_spec *b)
{
	return addr_equal(&a->src, &b->src) && addr_equal(&a->dst, &b->dst) && a->src_len == b->src_len &&
	       a->dst_len == b->dst_len && a->proto == b->proto && a->has_type == b->has_type && a->type == b->type;
}

/* A policy is deleted, and told as gone, by its way and selector alone. */
static void no_two_policies_go_by_the_same_name(void **state)
{
	struct xfrm_policy_spec policies[IPSEC_POLICIES_MAX];

	for (unsigned int bits = 0; bits < 2 * CONFIGURATIONS; bits++) {
		struct ipsec_end end = end_of(bits & 16, bits);
		size_t count = ipsec_policies(&end, policies);

		for (size_t i = 1; i < count; i++)
			for (size_t k = 0; k < i; k++)
				assert_false(policies[i].way == policies[k].way &&
					     same_selector(&policies[i].sel, &policies[k].sel));
	}
}

static void an_update_to_a_correspondent_goes_straight(void **state)
{
	struct xfrm_policy_spec policies[IPSEC_POLICIES_MAX];
	struct ipsec_end end = end_of(true, 1 | 4);
	size_t count = ipsec_policies(&end, policies);
	const struct xfrm_policy_spec *p = selected(policies, count, XFRM_WAY_OUT, HOA, CN, NH_MH, MH_BU);

	assert_true(p && p->allow && ipsec_is_allowance(p));
	p = selected(policies, count, XFRM_WAY_OUT, HOA, HA, NH_MH, MH_BU);
	assert_true(p && !p->allow); /* that to the home agent doesn't */
}

/* IPSEC.md §1: the kernel reads the type of what it received wrongly. */
static void nothing_inbound_is_selected_by_its_mobility_header_type(void **state)
{
	struct xfrm_policy_spec policies[IPSEC_POLICIES_MAX];

	for (unsigned int bits = 0; bits < 2 * CONFIGURATIONS; bits++) {
		struct ipsec_end end = end_of(bits & 16, bits);
		size_t count = ipsec_policies(&end, policies);

		for (size_t i = 0; i < count; i++)
			if (policies[i].sel.proto == NH_MH && policies[i].sel.has_type)
				assert_true(policies[i].way == XFRM_WAY_OUT && policies[i].allow && end.node);
	}
}

static void tunnels_end_where_states_do(void **state)
{
	struct xfrm_policy_spec policies[IPSEC_POLICIES_MAX];

	for (unsigned int bits = 0; bits < 2 * CONFIGURATIONS; bits++) {
		struct ipsec_end end = end_of(bits & 16, bits);
		size_t count = ipsec_policies(&end, policies);
		struct in6_addr there = end.constant ? end.home : end.far;

		for (size_t i = 0; i < count; i++) {
			const struct xfrm_policy_spec *p = &policies[i];

			if (p->way == XFRM_WAY_OUT && p->tunnel) {
				assert_true(addr_equal(end.node ? &p->src : &p->dst, &there));
				assert_true(addr_equal(end.node ? &p->dst : &p->src, &end.agent));
			}
		}
	}
}

static const struct ipsec_node_keys *some_keys(void)
{
	static struct ipsec_node_keys keys;

	keys.home = addr(HOA);
	for (int child = 0; child < IPSEC_CHILDREN; child++) {
		keys.has[child] = true;
		keys.to_agent[child] = (struct ipsec_key){ .spi = 0x1001 + 2 * child, .suite = &ipsec_suites[0] };
		keys.to_node[child] = (struct ipsec_key){ .spi = 0x1002 + 2 * child, .suite = &ipsec_suites[2] };
	}
	return &keys;
}

/* The same keys at both ends, one's inbound state the other's outbound one; the mark is on what comes in alone. */
static void both_ends_have_the_same_states(void **state)
{
	struct xfrm_state_spec at_agent[IPSEC_STATES_MAX], at_node[IPSEC_STATES_MAX];

	for (unsigned int bits = 0; bits < 8; bits++) {
		struct ipsec_end agent = end_of(false, bits | 8), node = end_of(true, bits | 8);
		size_t count = ipsec_states(&agent, some_keys(), 77, at_agent);

		assert_int_equal(count, 2 + 2 * !!(bits & 1) + 2 * !!(bits & 2));
		assert_int_equal(ipsec_states(&node, some_keys(), 77, at_node), count);
		for (size_t i = 0; i < count; i++) {
			const struct xfrm_state_spec *a = &at_agent[i], *b = &at_node[i];
			bool to_agent = addr_equal(&a->dst, &agent.agent);

			assert_true(addr_equal(&a->dst, &b->dst) && addr_equal(&a->src, &b->src));
			assert_int_equal(a->spi, b->spi);
			assert_int_equal(a->mark, to_agent ? a->reqid : 0);
			assert_int_equal(b->mark, to_agent ? 0 : b->reqid);
			assert_int_equal(a->tunnel, i >= 2); /* the signalling's come first */
			assert_true(a->tunnel == b->tunnel && a->reqid == b->reqid);
			assert_true(addr_equal(&a->sel.src, &b->sel.src) && addr_equal(&a->sel.dst, &b->sel.dst));
			assert_true(a->sel.src_len == b->sel.src_len && a->sel.dst_len == b->sel.dst_len);
			if (a->tunnel) { /* no window: at each start their numbers begin at none */
				assert_int_equal(a->replay_window + b->replay_window, 0);
				assert_int_equal(a->first_seq + b->first_seq, 0);
				continue;
			}
			assert_int_equal(a->replay_window, to_agent ? IPSEC_REPLAY_WINDOW : 0);
			assert_int_equal(b->replay_window, to_agent ? 0 : IPSEC_REPLAY_WINDOW);
			assert_int_equal(a->first_seq, to_agent ? 0 : 77);
			assert_int_equal(b->first_seq, to_agent ? 77 : 0);
		}
	}
}

static void reqids_are_ours_and_nobody_elses(void **state)
{
	static const uint32_t strangers[] = { 0, 1, 101, 0x6C000000, 0x6E000000, 0x6D000003, 0xFFFFFFFF };
	enum ipsec_child child;
	uint32_t slot;

	for (uint32_t i = 0; i < IPSEC_SLOTS; i += 997)
		for (int k = 0; k < IPSEC_CHILDREN; k++) {
			assert_true(ipsec_of_reqid(ipsec_reqid(i, k), &slot, &child));
			assert_true(slot == i && child == (enum ipsec_child)k);
		}
	for (size_t i = 0; i < ARRAY_SIZE(strangers); i++)
		assert_false(ipsec_of_reqid(strangers[i], &slot, &child));
}

static void what_lacks_keys_is_said(void **state)
{
	struct ipsec_end end = end_of(false, 3);
	struct ipsec_node_keys keys = *some_keys();

	assert_null(ipsec_keys_missing(&end, &keys));
	assert_non_null(ipsec_keys_missing(&end, NULL));
	for (int child = 0; child < IPSEC_CHILDREN; child++) {
		keys = *some_keys();
		keys.has[child] = false;
		assert_non_null(strstr(ipsec_keys_missing(&end, &keys), ipsec_child_names[child]));
	}
	end = end_of(false, 0);
	assert_null(ipsec_keys_missing(&end, &keys));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_flow_has_the_protection_that_is_configured),
		cmocka_unit_test(each_end_has_exactly_these_policies),
		cmocka_unit_test(no_two_policies_go_by_the_same_name),
		cmocka_unit_test(an_update_to_a_correspondent_goes_straight),
		cmocka_unit_test(nothing_inbound_is_selected_by_its_mobility_header_type),
		cmocka_unit_test(tunnels_end_where_states_do),
		cmocka_unit_test(both_ends_have_the_same_states),
		cmocka_unit_test(reqids_are_ours_and_nobody_elses),
		cmocka_unit_test(what_lacks_keys_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
