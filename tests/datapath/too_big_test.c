// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* XDP, packets too big for the tunnel: where the limit lies, the ICMPv6 message, who answers otherwise. RFC 2473 §7.1,
 * RFC 4443 §2.4, §3.2. */
#include "packets.h"

enum { UDP_HEADERS = IP6_HDR_LEN + 8 };

/* A datagram whose IPv6 packet has @len octets. */
static struct frame of_length(size_t len)
{
	return datagram(CN, HOME1, len - UDP_HEADERS);
}

/* The same length with an encapsulation limit before it. */
static struct frame limited_of_length(size_t len)
{
	struct frame f = to_lan(0);
	size_t ip = put_ip6(&f, CN, HOME1, NH_DSTOPTS, 63);

	put_limit(&f, NH_UDP, 4);
	put_udp(&f, ip, len - UDP_HEADERS - 8);
	end_ip6(&f, ip);
	return f;
}

/* RFC 4443 §3.2, quoting as much as fits into 1280 octets. */
static struct frame too_big(const struct frame *in, uint32_t mtu)
{
	struct frame out = { .len = 0 };
	struct in6_addr cn = addr(CN), ha = addr(HA);
	size_t ip;

	put_link(&out, mac_peer, mac_lan, 0);
	ip = put_ip6(&out, HA, CN, NH_ICMPV6, 64);
	put8(&out, ICMP6_TOO_BIG);
	put8(&out, 0);
	put16(&out, 0);
	put32(&out, mtu);
	put(&out, in->data + FRAME_ETH, 1280 - IP6_HDR_LEN - 8);
	set_sum(&out, ip, NH_ICMPV6, ip + IP6_HDR_LEN, 2);
	end_ip6(&out, ip);
	assert_int_equal(out.len, FRAME_ETH + 1280);
	assert_int_equal(sum_upper(&ha, &cn, NH_ICMPV6, out.data + ip + 40, out.len - ip - 40), 0xFFFF);
	return out;
}

static void the_boundary_is_the_path_mtu_less_our_headers_and_never_below_1280(void **state)
{
	static const struct {
		const char *name;
		uint32_t hop;
		uint16_t path;
		size_t len;
		uint32_t mtu; /* told; 0: it fits, 1: the slow road, where it is fragmented */
		bool limited;
	} cases[] = {
		{ "next hop 1500: n-1", HOP_14, 0, 1459, 0, false },
		{ "next hop 1500: n", HOP_14, 0, 1460, 0, false },
		{ "next hop 1500: n+1", HOP_14, 0, 1461, 1460, false },
		{ "next hop 1500: a full frame", HOP_14, 0, 1500, 1460, false },
		{ "tagged next hop: n", HOP_22, 0, 1460, 0, false },
		{ "tagged next hop: n+1", HOP_22, 0, 1461, 1460, false },
		{ "with our limit option: n", HOP_14, 0, 1452, 0, true },
		{ "with our limit option: n+1", HOP_14, 0, 1453, 1452, true },
		{ "path 1400: n", HOP_14, 1400, 1360, 0, false },
		{ "path 1400: n+1", HOP_14, 1400, 1361, 1360, false },
		{ "path above the next hop's counts for nothing", HOP_14, 9000, 1461, 1460, false },
		{ "path 1321: n+1", HOP_14, 1321, 1282, 1281, false },
		{ "path 1320: n", HOP_14, 1320, 1280, 0, false },
		{ "path 1320: n+1", HOP_14, 1320, 1281, 1280, false },
		{ "path 1319: 1279 fits", HOP_14, 1319, 1279, 0, false },
		{ "path 1319: 1280 is fragmented", HOP_14, 1319, 1280, 1, false },
		{ "path 1319: 1281 hears 1280", HOP_14, 1319, 1281, 1280, false },
		{ "next hop 1280: 1240 fits", HOP_SMALL, 0, 1240, 0, false },
		{ "next hop 1280: 1241 is fragmented", HOP_SMALL, 0, 1241, 1, false },
		{ "next hop 1280: 1280 is fragmented", HOP_SMALL, 0, 1280, 1, false },
		{ "next hop 1280: 1281 hears 1280", HOP_SMALL, 0, 1281, 1280, false },
		{ "a path below any MTU: 1281 hears 1280", HOP_14, 30, 1281, 1280, false },
	};
	struct rig *r = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct frame in = cases[i].limited ? limited_of_length(cases[i].len) : of_length(cases[i].len), out;

		bind_home(r, HOME1, COA1, cases[i].hop, cases[i].path);
		out = too_big(&in, cases[i].mtu);
		if (cases[i].mtu > 1)
			expect_out(r, HOOK_XDP, cases[i].name, &in, SENT_TOO_BIG, &out);
		else if (cases[i].mtu)
			expect(r, HOOK_XDP, cases[i].name, &in, PASS_SLOW);
		else {
			assert_int_equal(rig_run(r, HOOK_XDP, &in), ACT_REDIRECT);
			assert_int_equal(r->out.len, (cases[i].hop == HOP_22 ? 22 : 14) + cases[i].len +
							     (cases[i].limited ? 48 : 40));
		}
	}
}

static void a_next_hop_without_mtu_tells_nobody_a_huge_one(void **state)
{
	struct rig *r = *state;
	struct frame in = of_length(1281), out = too_big(&in, 1280);

	set_nexthop(r, HOP_14, 0, NEXTHOP_VALID | NEXTHOP_REDIRECT);
	expect_out(r, HOOK_XDP, "MTU 0", &in, SENT_TOO_BIG, &out);
}

static void where_xdp_may_not_redirect_the_message_goes_back_all_the_same(void **state)
{
	struct rig *r = *state;
	struct frame in = of_length(1461), out = too_big(&in, 1460);

	set_port(r, r->lan, mac_lan, 1500, 0);
	r->answers_by_tx = true;
	expect_out(r, HOOK_XDP, "no redirect to the port", &in, SENT_TOO_BIG, &out);
}

static void an_aggregate_is_the_kernels_to_cut(void **state)
{
	struct rig *r = *state;
	struct frame in = of_length(1500), out = too_big(&in, 1460);

	expect_out(r, HOOK_XDP, "as long as the port's MTU", &in, SENT_TOO_BIG, &out);
	in = of_length(1501);
	expect(r, HOOK_XDP, "longer than the port's MTU", &in, PASS_SLOW);
	in = of_length(3000);
	expect(r, HOOK_XDP, "two frames in one", &in, PASS_SLOW);
}

static void through_the_kernels_table_too_big_is_the_slow_roads(void **state)
{
	struct rig *r = *state;
	struct frame in = of_length(1461);

	bind_home(r, HOME1, COA1, HOP_NO_REDIRECT, 0);
	expect_noted(r, HOOK_XDP, "fib", &in, PASS_SLOW, NOTE_FIB, NULL);
}

static void a_tagged_packet_too_big_takes_the_slow_road_unchanged(void **state)
{
	struct rig *r = *state;

	for (int tags = 1; tags <= 2; tags++) {
		struct frame in = to_lan(tags);

		put_datagram(&in, CN, HOME1, 1461 - UDP_HEADERS);
		expect(r, HOOK_XDP, "tagged", &in, PASS_SLOW);
	}
}

static void too_big_between_two_mobile_nodes_takes_the_slow_road_decapsulated(void **state)
{
	struct rig *r = *state;
	struct frame inner = datagram(HOME1, HOME2, 1441 - UDP_HEADERS), in = from_tunnel(&inner, COA1, HA);

	bind_home(r, HOME2, COA2, HOP_14, 1480);
	expect_out(r, HOOK_XDP, "re-encapsulated", &in, PASS_SLOW, &inner);
}

static void an_icmpv6_error_too_big_is_not_answered_by_another(void **state)
{
	static const struct {
		uint8_t type;
		bool answered;
	} cases[] = { { ICMP6_UNREACHABLE, false },
		      { ICMP6_PARAM_PROBLEM, false },
		      { 127, false },
		      { ICMP6_ECHO_REQUEST, true },
		      { ICMP6_ECHO_REPLY, true } };
	struct rig *r = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) { /* RFC 4443 §2.4(e.1) */
		struct frame in = icmp6(CN, HOME1, cases[i].type, 1441), out = too_big(&in, 1460);

		if (cases[i].answered)
			expect_out(r, HOOK_XDP, "echo", &in, SENT_TOO_BIG, &out);
		else
			expect(r, HOOK_XDP, "error", &in, PASS_SLOW);
	}
}

static void beyond_its_rate_too_big_is_dropped_and_counted(void **state)
{
	struct rig *r = *state;
	struct frame in = of_length(1461);
	uint64_t begun = rig_jiffies(r), most;
	unsigned int answered = 0;

	for (int i = 0; i < 3 * RATE_TOO_BIG; i++)
		answered += rig_run(r, HOOK_XDP, &in) == ACT_REDIRECT;
	most = RATE_TOO_BIG + (rig_jiffies(r) - begun + 1) * RATE_TOO_BIG / r->settings.hz + 1;
	assert_in_range(answered, RATE_TOO_BIG, most);
	drain_bucket(r, LIMIT_ALL_TOO_BIG);
	expect(r, HOOK_XDP, "bucket empty", &in, DROP_TOO_BIG_RATE);
}

static void without_headroom_for_the_message_the_packet_is_dropped(void **state)
{
	struct frame in = of_length(1461);

	take_headroom(*state, &in);
	in.meta = META_MOST;
	expect(*state, HOOK_XDP, "no headroom", &in, DROP_NO_ROOM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(the_boundary_is_the_path_mtu_less_our_headers_and_never_below_1280),
		RIG_TEST(a_next_hop_without_mtu_tells_nobody_a_huge_one),
		RIG_TEST(where_xdp_may_not_redirect_the_message_goes_back_all_the_same),
		RIG_TEST(an_aggregate_is_the_kernels_to_cut),
		RIG_TEST(through_the_kernels_table_too_big_is_the_slow_roads),
		RIG_TEST(a_tagged_packet_too_big_takes_the_slow_road_unchanged),
		RIG_TEST(too_big_between_two_mobile_nodes_takes_the_slow_road_decapsulated),
		RIG_TEST(an_icmpv6_error_too_big_is_not_answered_by_another),
		RIG_TEST(beyond_its_rate_too_big_is_dropped_and_counted),
		RIG_TEST(without_headroom_for_the_message_the_packet_is_dropped),
	};

	return cmocka_run_group_tests_name("too big", tests, rig_open, rig_close);
}
