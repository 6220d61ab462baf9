// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * TC ingress, where XDP can't attach: what XDP does for packets to us, by the same code; the rest the kernel forwards.
 * Decapsulated packets go to the kernel. Devices without Ethernet (mobgw_tc_in_ip) are in tests/netns/test_tun.py: a
 * test run always has an Ethernet header.
 */
#include "packets.h"

static void each_kind_ends_as_at_xdp_or_with_the_kernel(void **state)
{
	struct rig *r = *state;

	bind_kinds(r);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct frame in = kinds[i].make(), out = in;
		enum reason why = kinds[i].why;

		if (kinds[i].make == kind_tagged)
			continue; /* the kernel takes tags off before TC */
		if (why == SENT_ENCAPSULATED || why == SENT_TOO_BIG)
			why = PASS_KERNEL; /* forwarded to the device without ND */
		if (why == SENT_DECAPSULATED || why == SENT_REENCAPSULATED)
			why = PASS_DECAPSULATED;
		if (why == PASS_HOME_ADDRESS || kinds[i].make == kind_update || kinds[i].make == kind_fragment) {
			size_t option = kinds[i].make == kind_long_chain ? HAO_AT + 8 + 16 + 24 : HAO_AT;

			out = hidden(&in, option);
			expect_out(r, HOOK_TC_IN, kinds[i].name, &in, why, &out);
		} else if (why == PASS_DECAPSULATED) {
			size_t outer = kinds[i].make == kind_nested	       ? 3 * 40
				       : kinds[i].make == kind_reverse_limited ? 48
									       : 40;

			out.len = FRAME_ETH;
			put(&out, in.data + FRAME_ETH + outer, in.len - FRAME_ETH - outer);
			expect_out(r, HOOK_TC_IN, kinds[i].name, &in, why, &out);
		} else if (why == SENT_NEIGHBOUR) {
			rig_run(r, HOOK_XDP, &in);
			out = r->out;
			expect_out(r, HOOK_TC_IN, kinds[i].name, &in, why, &out);
		} else {
			expect(r, HOOK_TC_IN, kinds[i].name, &in, why);
		}
	}
}

static void the_refused_are_refused_and_reported_as_at_xdp(void **state)
{
	struct rig *r = *state;
	struct frame inner = datagram(HOME1, CN, 16), in;
	size_t ip;

	in = from_tunnel(&inner, COA2, HA);
	expect(r, HOOK_TC_IN, "wrong care-of address", &in, DROP_TUNNEL_CARE_OF);
	inner = datagram(AT_HOME, CN, 16);
	in = from_tunnel(&inner, COA1, HA);
	expect(r, HOOK_TC_IN, "no binding", &in, DROP_TUNNEL_NO_BINDING);
	inner = datagram(HA, CN, 16);
	in = from_tunnel(&inner, COA1, HA);
	expect(r, HOOK_TC_IN, "our own source", &in, DROP_TUNNEL_SOURCE);
	inner = icmp6(HOME1, "fe80::1", ICMP6_NEIGHBOUR_ADVERT, 32);
	in = from_tunnel(&inner, COA1, HA);
	expect(r, HOOK_TC_IN, "neighbour discovery inside", &in, DROP_ND_HOME);
	in = to_lan(0);
	ip = put_ip6(&in, CN, HA, NH_ROUTING, 60);
	put_routing(&in, NH_UDP, RH_TYPE0, 1, OWN);
	end_ip6(&in, ip);
	expect(r, HOOK_TC_IN, "RH0", &in, DROP_RH0);
	in = mobility_header(COA1, HA, MH_BU, 8);
	expect(r, HOOK_TC_IN, "short mobility header", &in, DROP_MH_MALFORMED);
	check_event(r, "short mobility header", EVENT_MALFORMED, DROP_MH_MALFORMED, &in, FRAME_ETH);
	in = kind_unknown_option();
	expect(r, HOOK_TC_IN, "unknown home address", &in, DROP_HAO_UNKNOWN);
	check_event(r, "unknown home address", EVENT_UNKNOWN_BINDING, DROP_HAO_UNKNOWN, &in, FRAME_ETH);
	in = kind_link_local();
	expect(r, HOOK_TC_IN, "link-local", &in, DROP_LINK_LOCAL);
	check_event(r, "link-local", EVENT_LINK_LOCAL, DROP_LINK_LOCAL, &in, FRAME_ETH);
}

static void ecn_comes_out_as_at_xdp(void **state)
{
	static const int figure[4][4] = { { 0, 0, 0, -1 }, { 1, 1, 1, 3 }, { 2, 1, 2, 3 }, { 3, 3, 3, 3 } };
	struct rig *r = *state;

	for (int inside = 0; inside < 4; inside++)
		for (int outside = 0; outside < 4; outside++) {
			struct frame inner = datagram(HOME1, CN, 8), in;

			set_traffic_class(&inner, FRAME_ETH, inside);
			in = from_tunnel(&inner, COA1, HA);
			set_traffic_class(&in, FRAME_ETH, outside);
			if (figure[inside][outside] < 0) {
				expect(r, HOOK_TC_IN, "ECN", &in, DROP_TUNNEL_ECN);
				continue;
			}
			set_traffic_class(&inner, FRAME_ETH, figure[inside][outside]);
			expect_out(r, HOOK_TC_IN, "ECN", &in, PASS_DECAPSULATED, &inner);
		}
}

static void nested_tunnels_come_off_up_to_the_documented_depth(void **state)
{
	struct rig *r = *state;

	bind_nested(r, LIMIT_TUNNEL_DEPTH + 2);
	for (unsigned int depth = 1; depth <= LIMIT_TUNNEL_DEPTH + 1; depth++)
		for (int ours = 0; ours <= 1; ours++) {
			struct frame inner = datagram(nested_home(depth - 1), ours ? HA : CN, 32),
				     in = nested(&inner, depth);
			char name[32];

			snprintf(name, sizeof(name), "%u tunnels", depth);
			if (depth > LIMIT_TUNNEL_DEPTH)
				expect(r, HOOK_TC_IN, name, &in, DROP_TUNNEL_DEPTH);
			else
				expect_out(r, HOOK_TC_IN, name, &in, PASS_DECAPSULATED, &inner);
		}
}

static void signalling_inside_a_tunnel_is_signalling(void **state)
{
	struct frame inner = mobility_header(HOME1, HA, MH_HOTI, 16), in = from_tunnel(&inner, COA1, HA);

	expect_out(*state, HOOK_TC_IN, "HoTI", &in, PASS_SIGNALLING, &inner);
}

static void neighbour_discovery_and_mld_to_a_home_address_stay_here(void **state)
{
	struct rig *r = *state;
	struct frame in = icmp6(CN, HOME1, ICMP6_NEIGHBOUR_ADVERT, 24);

	expect(r, HOOK_TC_IN, "advertisement", &in, DROP_ND_HOME);
	in = icmp6(CN, HOME1, ICMP6_MLD2_REPORT, 24);
	expect(r, HOOK_TC_IN, "MLD", &in, DROP_ND_HOME);
	in = icmp6(CN, HOME1, ICMP6_ECHO_REQUEST, 24);
	expect(r, HOOK_TC_IN, "echo request", &in, PASS_KERNEL);
	in = icmp6(CN, AT_HOME, ICMP6_NEIGHBOUR_ADVERT, 24);
	expect(r, HOOK_TC_IN, "to somebody at home", &in, PASS_KERNEL);
}

static void a_bad_solicitation_is_dropped(void **state)
{
	struct frame in = kind_solicitation();

	in.data[FRAME_ETH + 7] = 254;
	expect(*state, HOOK_TC_IN, "hop limit", &in, DROP_ND_MALFORMED);
}

static void what_is_not_for_this_host_is_not_touched(void **state)
{
	struct rig *r = *state;

	bind_kinds(r);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct frame in = kinds[i].make();

		if (kinds[i].make == kind_tagged)
			continue;
		memcpy(in.data, mac_gw, 6);
		expect(r, HOOK_TC_IN, kinds[i].name, &in, PASS_OTHER_MAC);
		in.data[12] = 0x08;
		in.data[13] = 0x06;
		expect(r, HOOK_TC_IN, kinds[i].name, &in, PASS_NOT_IPV6);
	}
}

static void groups_and_foreign_interfaces_are_the_kernels(void **state)
{
	struct rig *r = *state;
	struct frame in = kind_reverse();

	memcpy(in.data, (const uint8_t[]){ 0x33, 0x33, 0, 0, 0, 1 }, 6);
	expect(r, HOOK_TC_IN, "multicast frame", &in, PASS_KERNEL);
	in = kind_reverse();
	in.ifindex = r->home;
	expect(r, HOOK_TC_IN, "not addressed to that device", &in, PASS_OTHER_MAC);
	bpf_map_delete_elem(bpf_map__fd(r->xdp->maps.ports), &r->lan);
	in.ifindex = 0;
	expect(r, HOOK_TC_IN, "not configured", &in, PASS_KERNEL);
}

static void no_packet_cut_short_is_accepted(void **state)
{
	struct rig *r = *state;

	bind_kinds(r);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct frame whole = kinds[i].make(), in = whole;

		if (kinds[i].make == kind_tagged)
			continue;
		for (in.len = FRAME_ETH + IP6_HDR_LEN; in.len < whole.len; in.len++) {
			int action = rig_run(r, HOOK_TC_IN, &in);

			assert_true(action == TC_SHOT || action == TC_NEXT);
			for (enum reason w = 0; w < REASON_COUNT; w++)
				if (r->counters[w].packets != r->before[w].packets &&
				    reason_class(w) == REASON_CLASS_VERDICT && w != PASS_KERNEL && w != PASS_NOT_IPV6)
					fail_msg("%s cut to %zu octets: %s", kinds[i].name, in.len, reason_name(w));
			ring_buffer__consume(r->ring);
			reset_buckets(r);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(each_kind_ends_as_at_xdp_or_with_the_kernel),
		RIG_TEST(the_refused_are_refused_and_reported_as_at_xdp),
		RIG_TEST(ecn_comes_out_as_at_xdp),
		RIG_TEST(nested_tunnels_come_off_up_to_the_documented_depth),
		RIG_TEST(signalling_inside_a_tunnel_is_signalling),
		RIG_TEST(neighbour_discovery_and_mld_to_a_home_address_stay_here),
		RIG_TEST(a_bad_solicitation_is_dropped),
		RIG_TEST(what_is_not_for_this_host_is_not_touched),
		RIG_TEST(groups_and_foreign_interfaces_are_the_kernels),
		RIG_TEST(no_packet_cut_short_is_accepted),
	};

	return cmocka_run_group_tests_name("TC ingress", tests, rig_open, rig_close);
}
