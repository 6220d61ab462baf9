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
			if (a->tunnel)
				continue;
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
		cmocka_unit_test(an_update_to_a_correspondent_goes_straight),
		cmocka_unit_test(nothing_inbound_is_selected_by_its_mobility_header_type),
		cmocka_unit_test(tunnels_end_where_states_do),
		cmocka_unit_test(both_ends_have_the_same_states),
		cmocka_unit_test(reqids_are_ours_and_nobody_elses),
		cmocka_unit_test(what_lacks_keys_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
