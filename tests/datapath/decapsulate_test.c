// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* XDP, tunnel packets to us: who may send them, what may be inside, nested ones, between two mobile nodes. RFC 6275
 * §10.4.5, RFC 2473, RFC 6040 §4.2. */
#include "packets.h"

static void a_packet_out_of_the_tunnel_goes_on_by_the_kernels_table(void **state)
{
	struct rig *r = *state;
	struct frame inner = datagram(HOME1, CN, 64), in = from_tunnel(&inner, COA1, HA), out = forwarded(&inner);

	expect_noted(r, HOOK_XDP, "to a correspondent", &in, SENT_DECAPSULATED, NOTE_FIB, &out);
	inner = datagram(HOME1, CN, 1500 - 48);
	in = from_tunnel(&inner, COA1, HA);
	out = forwarded(&inner);
	expect_noted(r, HOOK_XDP, "as long as a frame gets", &in, SENT_DECAPSULATED, NOTE_FIB, &out);
}

static void destination_options_before_the_inner_header_go_with_the_tunnel(void **state)
{
	struct rig *r = *state;
	struct frame inner = datagram(HOME1, CN, 64), out = forwarded(&inner);

	for (unsigned int headers = 1; headers <= 3; headers++) {
		struct frame in = to_lan(0);
		size_t ip = put_ip6(&in, COA1, HA, NH_DSTOPTS, 60);

		for (unsigned int i = 1; i < headers; i++)
			put_padding(&in, NH_DSTOPTS, 8 * i);
		put_limit(&in, NH_IPV6, 0); /* 0: no further tunnel, which concerns those who encapsulate */
		put(&in, inner.data + FRAME_ETH, inner.len - FRAME_ETH);
		end_ip6(&in, ip);
		expect_noted(r, HOOK_XDP, "with options", &in, SENT_DECAPSULATED, NOTE_FIB, &out);
	}
}

static void what_is_for_us_or_has_no_known_way_goes_up_decapsulated(void **state)
{
	static const struct {
		const char *name, *dst;
		uint8_t hop_limit;
		enum reason note;
	} cases[] = {
		{ "to us", OWN, 63, REASON_NONE },
		{ "to the home agent's address", HA, 63, REASON_NONE },
		{ "no route", "2001:db8:dead::1", 63, NOTE_FIB },
		{ "to the home link, neighbour unknown", AT_HOME, 63, NOTE_FIB },
		{ "hop limit spent: the kernel answers", CN, 1, REASON_NONE },
		{ "hop limit 0", CN, 0, REASON_NONE },
		{ "multicast", "ff05::1", 63, REASON_NONE },
		{ "link-local", "fe80::7", 63, REASON_NONE },
	};
	struct rig *r = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct frame inner = datagram(HOME1, cases[i].dst, 64), in;

		inner.data[FRAME_ETH + 7] = cases[i].hop_limit;
		in = from_tunnel(&inner, COA1, HA);
		expect_noted(r, HOOK_XDP, cases[i].name, &in, PASS_DECAPSULATED, cases[i].note, &inner);
	}
}

static void a_tagged_or_over_long_inner_packet_goes_up_decapsulated(void **state)
{
	struct rig *r = *state;
	struct frame inner = datagram(HOME1, CN, 1501 - 48), in = from_tunnel(&inner, COA1, HA);

	expect_out(r, HOOK_XDP, "an aggregate", &in, PASS_DECAPSULATED, &inner);
	for (int tags = 1; tags <= 2; tags++) {
		struct frame tagged = to_lan(tags), out = to_lan(tags);
		size_t ip = put_ip6(&tagged, COA1, HA, NH_IPV6, 60);

		put_datagram(&tagged, HOME1, CN, 64);
		end_ip6(&tagged, ip);
		put_datagram(&out, HOME1, CN, 64);
		expect_out(r, HOOK_XDP, "tagged", &tagged, PASS_DECAPSULATED, &out);
	}
}

static void the_outer_source_must_be_the_care_of_address_and_the_inner_one_bound(void **state)
{
	static const struct {
		const char *name, *inner, *outer;
		enum reason why, note;
	} cases[] = {
		{ "another's care-of address", HOME1, COA2, DROP_TUNNEL_CARE_OF, REASON_NONE },
		{ "a stranger outside", HOME1, "2001:db8:bad::1", DROP_TUNNEL_CARE_OF, REASON_NONE },
		{ "from home itself", HOME1, HOME1, DROP_TUNNEL_CARE_OF, REASON_NONE },
		{ "inner source not bound", AT_HOME, COA1, DROP_TUNNEL_NO_BINDING, REASON_NONE },
		{ "inner source elsewhere", CN, COA1, DROP_TUNNEL_NO_BINDING, REASON_NONE },
		{ "binding expired", "2001:db8:1::102", COA1, DROP_TUNNEL_NO_BINDING, NOTE_EXPIRED },
		{ "inner source is ours", HA, COA1, DROP_TUNNEL_SOURCE, REASON_NONE },
		{ "inner source is another of ours", OWN, COA1, DROP_TUNNEL_SOURCE, REASON_NONE },
		{ "inner source link-local", "fe80::100", COA1, DROP_TUNNEL_SOURCE, REASON_NONE },
		{ "inner source febf::", "febf::1", COA1, DROP_TUNNEL_SOURCE, REASON_NONE },
		{ "inner source multicast", "ff0e::1", COA1, DROP_TUNNEL_SOURCE, REASON_NONE },
		{ "inner source unspecified", "::", COA1, DROP_TUNNEL_SOURCE, REASON_NONE },
		{ "inner source loopback", "::1", COA1, DROP_TUNNEL_SOURCE, REASON_NONE },
	};
	struct rig *r = *state;

	bind_until(r, "2001:db8:1::102", COA1, HOP_14, 0, 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct frame inner = datagram(cases[i].inner, CN, 64), in = from_tunnel(&inner, cases[i].outer, HA);

		expect_noted(r, HOOK_XDP, cases[i].name, &in, cases[i].why, cases[i].note, NULL);
	}
}

static void the_inside_must_be_a_whole_ipv6_packet(void **state)
{
	struct rig *r = *state;
	struct frame inner = datagram(HOME1, CN, 64), in = from_tunnel(&inner, COA1, HA), f;
	size_t at = FRAME_ETH + IP6_HDR_LEN, ip;

	for (unsigned int version = 0; version < 16; version++) {
		f = in;
		f.data[at] = version << 4;
		if (version != 6)
			expect(r, HOOK_XDP, "version", &f, DROP_TUNNEL_INNER);
	}
	f = in;
	set16(&f, at + 4, get16(&f, at + 4) + 1);
	expect(r, HOOK_XDP, "one octet longer than the frame", &f, DROP_TUNNEL_INNER);
	put8(&f, 0);
	expect(r, HOOK_XDP, "longer than the tunnel packet, within the frame's padding", &f, DROP_TUNNEL_INNER);
	f = in;
	set16(&f, FRAME_ETH + 4, get16(&f, FRAME_ETH + 4) + 1);
	expect(r, HOOK_XDP, "tunnel packet one octet longer than the frame", &f, DROP_TRUNCATED);
	f = to_lan(0);
	ip = put_ip6(&f, COA1, HA, NH_IPV6, 60);
	put_pattern(&f, 39);
	end_ip6(&f, ip);
	expect(r, HOOK_XDP, "39 octets", &f, DROP_TUNNEL_INNER);
}

static void a_type_0_routing_header_inside_is_refused_wherever_it_stands(void **state)
{
	struct rig *r = *state;
	struct frame inner, in, out;
	size_t ip;

	for (int before = 0; before < 3; before++) {
		inner = to_lan(0);
		ip = put_ip6(&inner, HOME1, CN, before == 0 ? NH_ROUTING : before == 1 ? NH_HOPOPTS : NH_DSTOPTS, 63);
		if (before)
			put_padding(&inner, NH_ROUTING, 8);
		put_routing(&inner, NH_UDP, RH_TYPE0, 1, OWN);
		put_udp(&inner, ip, 8);
		end_ip6(&inner, ip);
		in = from_tunnel(&inner, COA1, HA);
		expect(r, HOOK_XDP, "RH0 inside", &in, DROP_RH0);
	}
	inner.data[FRAME_ETH + IP6_HDR_LEN + 8 + 2] = RH_TYPE2; /* any other passes */
	in = from_tunnel(&inner, COA1, HA);
	out = forwarded(&inner);
	expect_noted(r, HOOK_XDP, "RH2 inside", &in, SENT_DECAPSULATED, NOTE_FIB, &out);
}

static void neighbour_discovery_does_not_come_out_of_a_tunnel(void **state)
{
	struct rig *r = *state;

	for (uint8_t type = ICMP6_ROUTER_SOLICIT; type <= ICMP6_REDIRECT; type++) {
		static const char *const to[] = { HA, OWN, "ff02::1", "fe80::1", CN };

		for (size_t i = 0; i < ARRAY_SIZE(to); i++) { /* hop limit 255 would prove it on-link, RFC 4861 §7.1 */
			struct frame inner = icmp6(HOME1, to[i], type, 32), in = from_tunnel(&inner, COA1, HA);

			expect(r, HOOK_XDP, to[i], &in, DROP_ND_HOME);
		}
	}
}

static void what_the_kernel_must_unwrap_goes_up_unchanged(void **state)
{
	static const uint8_t before[] = { NH_HOPOPTS, NH_ROUTING, NH_AH, NH_FRAGMENT };
	struct rig *r = *state;

	for (size_t i = 0; i < ARRAY_SIZE(before); i++) {
		struct frame in = to_lan(0);
		size_t ip = put_ip6(&in, COA1, HA, before[i], 60);

		if (before[i] == NH_ROUTING)
			put_routing(&in, NH_IPV6, RH_TYPE2, 0, HA);
		else if (before[i] == NH_FRAGMENT)
			put_fragment(&in, NH_IPV6, 0, true);
		else if (before[i] == NH_AH) { /* counts in words, less two: RFC 4302 §2.2 */
			put_padding(&in, NH_IPV6, 16);
			in.data[ip + IP6_HDR_LEN + 1] = 2;
		} else
			put_padding(&in, NH_IPV6, 8);
		put_datagram(&in, HOME1, CN, 64);
		end_ip6(&in, ip);
		expect(r, HOOK_XDP, "before the inner header", &in, PASS_TUNNEL);
	}
}

static void an_unknown_option_that_may_not_be_skipped_is_the_kernels_to_answer(void **state)
{
	struct rig *r = *state;

	for (int high = 0; high < 4; high++) { /* RFC 8200 §4.2: what the two highest bits ask for */
		struct frame in = to_lan(0), inner = datagram(HOME1, CN, 64), out = forwarded(&inner);
		size_t ip = put_ip6(&in, COA1, HA, NH_DSTOPTS, 60);

		put8(&in, NH_IPV6);
		put8(&in, 0);
		put8(&in, high << 6 | 0x0F);
		put8(&in, 4);
		put_pattern(&in, 4);
		put(&in, inner.data + FRAME_ETH, inner.len - FRAME_ETH);
		end_ip6(&in, ip);
		if (high)
			expect(r, HOOK_XDP, "not to be skipped", &in, PASS_TUNNEL);
		else
			expect_noted(r, HOOK_XDP, "to be skipped", &in, SENT_DECAPSULATED, NOTE_FIB, &out);
	}
}

static void an_address_that_is_no_tunnel_endpoint_takes_no_tunnel_off(void **state)
{
	struct frame inner = datagram(HOME1, CN, 64), in = from_tunnel(&inner, COA1, OWN);

	expect(*state, HOOK_XDP, "another address of ours", &in, PASS_KERNEL);
}

/* RFC 6040 figure 4, rows: inner Not-ECT, ECT(1), ECT(0), CE (by value); columns: outer likewise. */
static void congestion_marks_come_out_as_rfc_6040_says(void **state)
{
	enum { DROP = 4 };
	static const int figure[4][4] = {
		{ 0, 0, 0, DROP },
		{ 1, 1, 1, 3 },
		{ 2, 1, 2, 3 },
		{ 3, 3, 3, 3 },
	};
	struct rig *r = *state;

	for (int inside = 0; inside < 4; inside++)
		for (int outside = 0; outside < 4; outside++) {
			struct frame inner = datagram(HOME1, CN, 8), in, out;
			char name[48];

			set_traffic_class(&inner, FRAME_ETH, 0xB8 | inside);
			inner.data[FRAME_ETH + 3] = 0x77; /* the flow label stays */
			in = from_tunnel(&inner, COA1, HA);
			set_traffic_class(&in, FRAME_ETH, 0x28 | outside); /* the outer DSCP is forgotten */
			out = forwarded(&inner);
			set_traffic_class(&out, FRAME_ETH, 0xB8 | figure[inside][outside]);
			snprintf(name, sizeof(name), "inner ECN %d, outer %d", inside, outside);
			if (figure[inside][outside] == DROP)
				expect(r, HOOK_XDP, name, &in, DROP_TUNNEL_ECN);
			else
				expect_noted(r, HOOK_XDP, name, &in, SENT_DECAPSULATED, NOTE_FIB, &out);
		}
}

/* ---- more than one tunnel ---- */

static void between_two_mobile_nodes_one_run_changes_the_tunnel(void **state)
{
	struct rig *r = *state;
	struct frame inner = datagram(HOME1, HOME2, 64), in = from_tunnel(&inner, COA1, HA), out;

	out = tunnelled(&inner, FRAME_ETH, HOP_14, COA2);
	expect_out(r, HOOK_XDP, "re-encapsulated", &in, SENT_REENCAPSULATED, &out);
	bind_home(r, HOME2, COA2, HOP_22, 0);
	out = tunnelled(&inner, FRAME_ETH, HOP_22, COA2);
	expect_out(r, HOOK_XDP, "onto a tagged link", &in, SENT_REENCAPSULATED, &out);
	inner.data[FRAME_ETH + 7] = 1;
	in = from_tunnel(&inner, COA1, HA);
	expect_out(r, HOOK_XDP, "hop limit spent", &in, PASS_SLOW, &inner);
	inner = icmp6(HOME1, HOME2, ICMP6_MLD_REPORT, 24);
	in = from_tunnel(&inner, COA1, HA);
	expect(r, HOOK_XDP, "MLD from one to the other", &in, DROP_ND_HOME);
}

static void a_packet_to_itself_goes_back_to_the_node(void **state)
{
	struct frame inner = datagram(HOME1, HOME1, 64), in = from_tunnel(&inner, COA1, HA), out;

	out = tunnelled(&inner, FRAME_ETH, HOP_14, COA1);
	expect_out(*state, HOOK_XDP, "hairpin", &in, SENT_REENCAPSULATED, &out);
}

static void nested_tunnels_come_off_up_to_the_documented_depth(void **state)
{
	struct rig *r = *state;

	bind_nested(r, LIMIT_TUNNEL_DEPTH + 2);
	for (unsigned int depth = 1; depth <= LIMIT_TUNNEL_DEPTH + 1; depth++) {
		struct frame inner = datagram(nested_home(depth - 1), CN, 32), in = nested(&inner, depth),
			     out = forwarded(&inner);
		char name[32];

		snprintf(name, sizeof(name), "%u tunnels", depth);
		if (depth > LIMIT_TUNNEL_DEPTH)
			expect(r, HOOK_XDP, name, &in, DROP_TUNNEL_DEPTH);
		else
			expect_noted(r, HOOK_XDP, name, &in, SENT_DECAPSULATED, NOTE_FIB, &out);
	}
}

static void the_innermost_packet_of_nested_tunnels_is_looked_at_like_any_other(void **state)
{
	struct rig *r = *state;
	enum { DEEP = LIMIT_TUNNEL_DEPTH };
	const char *home = nested_home(DEEP - 1);
	struct frame inner = datagram(home, HA, 32), in, out;

	bind_nested(r, DEEP);
	in = nested(&inner, DEEP);
	expect_out(r, HOOK_XDP, "to us", &in, PASS_DECAPSULATED, &inner);
	inner = datagram(home, HOME2, 32);
	in = nested(&inner, DEEP);
	out = tunnelled(&inner, FRAME_ETH, HOP_14, COA2);
	expect_out(r, HOOK_XDP, "to another mobile node", &in, SENT_REENCAPSULATED, &out);
	inner = mobility_header(home, HA, MH_HOTI, 16);
	in = nested(&inner, DEEP);
	expect_out(r, HOOK_XDP, "mobility header", &in, PASS_SIGNALLING, &inner);
	inner = datagram("2001:db8:1::1ff", CN, 32); /* one check per tunnel */
	in = nested(&inner, DEEP);
	expect(r, HOOK_XDP, "innermost source not bound", &in, DROP_TUNNEL_NO_BINDING);
}

static void a_home_address_option_inside_the_tunnel_is_judged_as_outside(void **state)
{
	struct rig *r = *state;
	struct frame inner = optimised(HOME1, HOME2), in = from_tunnel(&inner, COA1, HA), out;

	expect(r, HOOK_XDP, "no binding to that source", &in, DROP_HAO_UNKNOWN);
	check_event(r, "no binding to that source", EVENT_UNKNOWN_BINDING, DROP_HAO_UNKNOWN, &inner, FRAME_ETH);
	bind_home(r, HOME2, HOME1, HOP_14, 0);
	out = hidden(&inner, HAO_AT);
	expect_out(r, HOOK_XDP, "bound to it", &in, PASS_HOME_ADDRESS, &out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(a_packet_out_of_the_tunnel_goes_on_by_the_kernels_table),
		RIG_TEST(destination_options_before_the_inner_header_go_with_the_tunnel),
		RIG_TEST(what_is_for_us_or_has_no_known_way_goes_up_decapsulated),
		RIG_TEST(a_tagged_or_over_long_inner_packet_goes_up_decapsulated),
		RIG_TEST(the_outer_source_must_be_the_care_of_address_and_the_inner_one_bound),
		RIG_TEST(the_inside_must_be_a_whole_ipv6_packet),
		RIG_TEST(a_type_0_routing_header_inside_is_refused_wherever_it_stands),
		RIG_TEST(neighbour_discovery_does_not_come_out_of_a_tunnel),
		RIG_TEST(what_the_kernel_must_unwrap_goes_up_unchanged),
		RIG_TEST(an_unknown_option_that_may_not_be_skipped_is_the_kernels_to_answer),
		RIG_TEST(an_address_that_is_no_tunnel_endpoint_takes_no_tunnel_off),
		RIG_TEST(congestion_marks_come_out_as_rfc_6040_says),
		RIG_TEST(between_two_mobile_nodes_one_run_changes_the_tunnel),
		RIG_TEST(a_packet_to_itself_goes_back_to_the_node),
		RIG_TEST(nested_tunnels_come_off_up_to_the_documented_depth),
		RIG_TEST(the_innermost_packet_of_nested_tunnels_is_looked_at_like_any_other),
		RIG_TEST(a_home_address_option_inside_the_tunnel_is_judged_as_outside),
	};

	return cmocka_run_group_tests_name("decapsulation", tests, rig_open, rig_close);
}
