// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * TC on the device without ND: what this host or the kernel's forwarding sends to home addresses. Routing headers for
 * what is ours, tunnels for the rest, who is at home, loops, what the agent must do. RFC 6275 §9.3.2, §10.4.2; RFC
 * 2473. A test run doesn't show where bpf_redirect_neigh() leads; tests/netns does.
 */
#include "packets.h"

/* A frame as the kernel hands it to the device without ND. */
static struct frame from_kernel(const char *src, const char *dst, uint8_t next, size_t *ip)
{
	struct frame f = { .len = 0 };

	put_link(&f, (const uint8_t[]){ 2, 0, 0, 0, 0, 7 }, (const uint8_t[]){ 2, 0, 0, 0, 0, 8 }, 0);
	*ip = put_ip6(&f, src, dst, next, 64);
	return f;
}

static struct frame udp_from_kernel(const char *src, const char *dst, size_t payload)
{
	size_t ip;
	struct frame f = from_kernel(src, dst, NH_UDP, &ip);

	put_udp(&f, ip, payload);
	end_ip6(&f, ip);
	return f;
}

static struct frame mh_from_kernel(const char *src, const char *dst, uint8_t type, size_t len)
{
	size_t ip;
	struct frame f = from_kernel(src, dst, NH_MH, &ip);

	put_mh(&f, ip, type, len);
	end_ip6(&f, ip);
	return f;
}

/* RFC 6275 §6.4: to the care-of address, the home address behind; nothing else changes. */
static struct frame routed(const struct frame *in, const char *care_of)
{
	struct frame out = { .len = 0 };
	struct in6_addr home = addr_at(in, FRAME_ETH + 24), dst = addr(care_of);

	put(&out, in->data, FRAME_ETH + IP6_HDR_LEN);
	put8(&out, in->data[FRAME_ETH + 6]);
	put8(&out, 2);
	put8(&out, 2);
	put8(&out, 1);
	put32(&out, 0);
	put(&out, &home, 16);
	put(&out, in->data + FRAME_ETH + IP6_HDR_LEN, in->len - FRAME_ETH - IP6_HDR_LEN);
	out.data[FRAME_ETH + 6] = NH_ROUTING;
	memcpy(out.data + FRAME_ETH + 24, &dst, 16);
	set16(&out, FRAME_ETH + 4, get16(in, FRAME_ETH + 4) + 24);
	return out;
}

/* Behind an outer header; the kernel has lowered the hop limit where it forwards. The link header stays. */
static struct frame in_tunnel(const struct frame *in, const char *care_of)
{
	struct frame out = { .len = 0 };

	put(&out, in->data, FRAME_ETH);
	put_outer(&out, in, FRAME_ETH, HA, care_of);
	return out;
}

static void what_this_host_sends_to_a_mobile_node_gets_a_routing_header(void **state)
{
	static const struct {
		const char *name, *src;
		uint8_t next;
	} cases[] = {
		{ "echo reply from the home agent's address", HA, NH_ICMPV6 },
		{ "TCP from another address", OWN, NH_TCP },
		{ "ESP", HA, NH_ESP },
		{ "a tunnel packet of ours", HA, NH_IPV6 },
	};
	struct rig *r = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t ip;
		struct frame in = from_kernel(cases[i].src, HOME1, cases[i].next, &ip), out;

		put_pattern(&in, 64);
		end_ip6(&in, ip);
		out = routed(&in, COA1);
		expect_out(r, HOOK_TC_HOME, cases[i].name, &in, SENT_ROUTED, &out);
	}
}

static void the_sum_of_what_gets_a_routing_header_holds_for_its_final_destination(void **state)
{
	struct rig *r = *state;
	struct frame in = udp_from_kernel(HA, HOME1, 32), out = routed(&in, COA1);
	struct in6_addr src = addr(HA), dst = addr(HOME1);

	expect_out(r, HOOK_TC_HOME, "UDP", &in, SENT_ROUTED, &out);
	assert_int_equal(sum_upper(&src, &dst, NH_UDP, r->out.data + FRAME_ETH + 64, r->out.len - FRAME_ETH - 64),
			 0xFFFF);
}

static void of_mobility_headers_only_the_acknowledgement_gets_a_routing_header(void **state)
{
	struct rig *r = *state;

	for (uint8_t type = 0; type < 16; type++) {
		struct frame in = mh_from_kernel(HA, HOME1, type, 24),
			     out = type == MH_BA ? routed(&in, COA1) : in_tunnel(&in, COA1);
		char name[32];

		snprintf(name, sizeof(name), "type %u", type);
		expect_out(r, HOOK_TC_HOME, name, &in, type == MH_BA ? SENT_ROUTED : SENT_ENCAPSULATED, &out);
	}
}

static void what_others_send_to_a_mobile_node_is_tunnelled(void **state)
{
	static const size_t payloads[] = { 0, 1, 64, 1000, 1412 };
	struct rig *r = *state;

	for (size_t i = 0; i < ARRAY_SIZE(payloads); i++) {
		struct frame in = udp_from_kernel(CN, HOME1, payloads[i]), out = in_tunnel(&in, COA1);

		expect_out(r, HOOK_TC_HOME, "forwarded", &in, SENT_ENCAPSULATED, &out);
	}
	for (unsigned int tc = 0; tc < 256; tc++) {
		struct frame in = udp_from_kernel(CN, HOME1, 8), out;

		set_traffic_class(&in, FRAME_ETH, tc);
		out = in_tunnel(&in, COA1);
		expect_out(r, HOOK_TC_HOME, "traffic class", &in, SENT_ENCAPSULATED, &out);
	}
}

static void xdp_and_tc_give_a_flow_the_same_label(void **state)
{
	struct rig *r = *state;
	struct frame a = datagram(CN, HOME1, 32), b = udp_from_kernel(CN, HOME1, 32);
	uint32_t label;

	rig_run(r, HOOK_XDP, &a);
	label = get32(&r->out, FRAME_ETH) & 0xFFFFF;
	rig_run(r, HOOK_TC_HOME, &b);
	assert_int_not_equal(label, 0);
	assert_int_equal(get32(&r->out, FRAME_ETH) & 0xFFFFF, label);
}

static void an_encapsulation_limit_is_lowered_and_zero_ends_the_packet(void **state)
{
	static const int limits[] = { 0, 1, 4, 255 };
	struct rig *r = *state;

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		struct frame in, out = { .len = 0 };
		size_t ip, outer;

		in = from_kernel(CN, HOME1, NH_DSTOPTS, &ip);
		put_limit(&in, NH_IPV6, limits[i]);
		put_datagram(&in, CN, AT_HOME, 32);
		end_ip6(&in, ip);
		if (limits[i] == 0) {
			expect(r, HOOK_TC_HOME, "limit 0", &in, DROP_TUNNEL_LIMIT);
			continue;
		}
		put(&out, in.data, FRAME_ETH);
		outer = put_ip6(&out, HA, COA1, NH_DSTOPTS, TUNNEL_HOP_LIMIT);
		out.free_flow = outer;
		put_limit(&out, NH_IPV6, limits[i] - 1);
		put(&out, in.data + FRAME_ETH, in.len - FRAME_ETH);
		end_ip6(&out, outer);
		expect_out(r, HOOK_TC_HOME, "limit", &in, SENT_ENCAPSULATED, &out);
	}
}

/* ---- without a binding ---- */

static void an_answer_finds_a_node_without_binding(void **state)
{
	struct rig *r = *state;
	uint64_t later = rig_jiffies(r) + 10 * (uint64_t)r->settings.hz;
	struct frame in = mh_from_kernel(HA, AT_HOME, MH_BA, 16), out = routed(&in, COA2);

	set_answer(r, AT_HOME, COA2, later);
	expect_out(r, HOOK_TC_HOME, "refused update: to its care-of address", &in, SENT_ROUTED, &out);
	in = mh_from_kernel(HA, AT_HOME, MH_BRR, 8);
	expect(r, HOOK_TC_HOME, "for acknowledgements only", &in, SENT_HOME_LINK);
	in = udp_from_kernel(HA, AT_HOME, 8);
	expect(r, HOOK_TC_HOME, "not for traffic", &in, SENT_HOME_LINK);
	in = mh_from_kernel(CN, AT_HOME, MH_BA, 16);
	expect(r, HOOK_TC_HOME, "not for what others send", &in, SENT_HOME_LINK);
	in = mh_from_kernel(HA, AT_HOME, MH_BA, 16);
	set_answer(r, AT_HOME, "::", later);
	expect(r, HOOK_TC_HOME, "direct, on the home link", &in, SENT_HOME_LINK);
	set_answer(r, AT_HOME, COA2, rig_jiffies(r));
	expect(r, HOOK_TC_HOME, "an old answer counts for nothing", &in, SENT_HOME_LINK);
}

static void an_answer_goes_before_the_binding(void **state)
{
	struct rig *r = *state;
	uint64_t later = rig_jiffies(r) + 10 * (uint64_t)r->settings.hz;
	struct frame in = mh_from_kernel(HA, HOME1, MH_BA, 16), out;

	set_answer(r, HOME1, COA2,
		   later); /* a refused update from elsewhere: the binding stands, the answer goes there */
	out = routed(&in, COA2);
	expect_out(r, HOOK_TC_HOME, "to another care-of address", &in, SENT_ROUTED, &out);
	set_answer(r, HOME1, "::", later);
	expect(r, HOOK_TC_HOME, "back at home", &in, SENT_HOME_LINK);
	set_answer(r, HOME1, COA2, 0);
	out = routed(&in, COA1);
	expect_out(r, HOOK_TC_HOME, "old: by the binding", &in, SENT_ROUTED, &out);
}

static void who_is_not_away_is_reached_on_the_home_link(void **state)
{
	struct rig *r = *state;
	struct frame in = udp_from_kernel(CN, AT_HOME, 32);

	expect(r, HOOK_TC_HOME, "on a home link", &in, SENT_HOME_LINK);
	set_port(r, r->lan, mac_lan, 1500, PORT_NO_ETHERNET);
	expect(r, HOOK_TC_HOME, "on one without Ethernet", &in, SENT_HOME_LINK);
	set_home_link(r, 0, "2001:db8:1::", 64, 0);
	expect(r, HOOK_TC_HOME, "virtual: the agent says that nobody is there", &in, SENT_AGENT);
	set_home_link(r, 0, "2001:db8:7::", 64, r->lan);
	expect(r, HOOK_TC_HOME, "in no home prefix", &in, DROP_NO_ROUTE);
}

static void home_prefixes_of_every_length_are_told_apart(void **state)
{
	static const struct {
		const char *prefix;
		uint32_t len;
		const char *dst;
		bool in;
	} cases[] = {
		{ "2001:db8:1::", 64, "2001:db8:1::ffff", true },
		{ "2001:db8:1::", 64, "2001:db8:1:1::1", false },
		{ "2001:db8:1::", 48, "2001:db8:1:ffff::1", true },
		{ "2001:db8:1::", 48, "2001:db8:2::1", false },
		{ "2001:db8:1::80", 121, "2001:db8:1::ff", true },
		{ "2001:db8:1::80", 121, "2001:db8:1::7f", false },
		{ "2001:db8:1::8", 127, "2001:db8:1::9", true },
		{ "2001:db8:1::8", 127, "2001:db8:1::a", false },
		{ "2000::", 3, "3fff::1", true },
		{ "2000::", 3, "4000::1", false },
		{ "2001:db8:1::", 65, "2001:db8:1::8000:0:0:1", false },
		{ "8000::", 1, "f000::1", true },
	};
	struct rig *r = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct frame in = udp_from_kernel(CN, cases[i].dst, 8);

		set_home_link(r, 0, cases[i].prefix, cases[i].len, r->lan);
		expect(r, HOOK_TC_HOME, cases[i].dst, &in, cases[i].in ? SENT_HOME_LINK : DROP_NO_ROUTE);
	}
}

static void each_of_the_home_links_is_found(void **state)
{
	struct rig *r = *state;

	for (uint32_t i = 0; i < LIMIT_HOME_LINKS; i++) {
		char prefix[32];

		snprintf(prefix, sizeof(prefix), "2001:db8:%x::", 0x700 + i);
		set_home_link(r, i, prefix, 64, r->lan);
	}
	for (uint32_t i = 0; i <= LIMIT_HOME_LINKS; i++) {
		char dst[32];
		struct frame in;

		snprintf(dst, sizeof(dst), "2001:db8:%x::1", 0x700 + i);
		in = udp_from_kernel(CN, dst, 8);
		expect(r, HOOK_TC_HOME, dst, &in, i < LIMIT_HOME_LINKS ? SENT_HOME_LINK : DROP_NO_ROUTE);
	}
}

static void an_expired_binding_sends_nothing_away(void **state)
{
	struct rig *r = *state;
	struct frame in = udp_from_kernel(CN, HOME1, 8);

	bind_until(r, HOME1, COA1, HOP_14, 0, rig_jiffies(r));
	expect_noted(r, HOOK_TC_HOME, "expired", &in, SENT_HOME_LINK, NOTE_EXPIRED, NULL);
}

/* ---- where it can't go ---- */

static void a_care_of_address_that_leads_back_here_is_a_loop(void **state)
{
	struct rig *r = *state;
	struct frame in = udp_from_kernel(CN, HOME1, 8), own = udp_from_kernel(HA, HOME1, 8), out;

	bind_home(r, HOME1, HOME2, HOP_14, 0);
	expect(r, HOOK_TC_HOME, "itself bound: tunnel", &in, DROP_TUNNEL_LOOP);
	expect(r, HOOK_TC_HOME, "itself bound: routing header", &own, DROP_TUNNEL_LOOP);
	bind_home(r, HOME1, HOME1, HOP_14, 0);
	expect(r, HOOK_TC_HOME, "the home address", &in, DROP_TUNNEL_LOOP);
	set_local(r, "2001:db8:1::77", LOCAL_ADDR);
	bind_home(r, HOME1, "2001:db8:1::77", HOP_14, 0);
	expect(r, HOOK_TC_HOME, "ours", &in, DROP_TUNNEL_LOOP);
	bind_home(r, HOME1, AT_HOME, HOP_14, 0); /* a foreign address that happens to be on a home link */
	out = in_tunnel(&in, AT_HOME);
	expect_out(r, HOOK_TC_HOME, "on the home link, not bound", &in, SENT_ENCAPSULATED, &out);
	set_home_link(r, 0, "2001:db8:1::", 64, 0);
	expect(r, HOOK_TC_HOME, "on a virtual home link", &in, DROP_NO_ROUTE);
}

static void without_a_route_to_the_care_of_address_the_packet_is_dropped(void **state)
{
	struct rig *r = *state;
	struct frame in = udp_from_kernel(CN, HOME1, 8), own = udp_from_kernel(HA, HOME1, 8);

	bind_home(r, HOME1, "2001:db8:dead::1", HOP_14, 0);
	expect(r, HOOK_TC_HOME, "tunnel", &in, DROP_NO_ROUTE);
	expect(r, HOOK_TC_HOME, "routing header", &own, DROP_NO_ROUTE);
}

static void an_entry_reused_under_the_program_is_not_used(void **state)
{
	struct rig *r = *state;
	struct frame in = udp_from_kernel(CN, HOME1, 8);
	struct binding b = { .care_of = addr(COA2),
			     .home = addr(HOME2),
			     .expires = UINT64_MAX,
			     .nexthop = HOP_14,
			     .flags = BINDING_HOME_AGENT };
	struct in6_addr key = addr(HOME1);

	map_set(r->xdp->maps.bindings, &key, &b);
	expect(r, HOOK_TC_HOME, "another's entry", &in, DROP_NO_ROUTE);
}

static void a_neighbour_not_known_yet_is_the_kernels_to_resolve(void **state)
{
	struct rig *r = *state;
	struct frame in = udp_from_kernel(CN, HOME1, 8), out;

	bind_home(r, HOME1, "2001:db8:2::66", 0, 0); /* on-link at wan, never heard of */
	out = in_tunnel(&in, "2001:db8:2::66");
	expect_out(r, HOOK_TC_HOME, "no neighbour", &in, SENT_ENCAPSULATED, &out);
}

static void what_is_too_big_goes_to_the_agent_unchanged(void **state)
{
	static const struct {
		const char *name, *src;
		uint16_t path;
		size_t len; /* the most that fits */
	} cases[] = {
		{ "tunnel, route's MTU 1500", CN, 0, 1460 }, { "tunnel, path 1400", CN, 1400, 1360 },
		{ "tunnel, path 1280", CN, 1280, 1240 },     { "tunnel, path above the route's", CN, 9000, 1460 },
		{ "routing header, MTU 1500", HA, 0, 1476 }, { "routing header, path 1400", HA, 1400, 1376 },
	};
	struct rig *r = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (size_t len = cases[i].len - 1; len <= cases[i].len + 1; len++) {
			struct frame in = udp_from_kernel(cases[i].src, HOME1, len - 48), out;
			bool own = !strcmp(cases[i].src, HA);

			bind_home(r, HOME1, COA1, HOP_14, cases[i].path);
			out = own ? routed(&in, COA1) : in_tunnel(&in, COA1);
			if (len > cases[i].len)
				expect(r, HOOK_TC_HOME, cases[i].name, &in, SENT_AGENT);
			else
				expect_out(r, HOOK_TC_HOME, cases[i].name, &in, own ? SENT_ROUTED : SENT_ENCAPSULATED,
					   &out);
		}
}

static void an_aggregate_is_judged_by_its_segments(void **state)
{
	struct rig *r = *state;
	struct frame in = udp_from_kernel(CN, HOME1, 2600);

	in.gso_size = 1412 + 1; /* a segment of 1461 octets */
	expect(r, HOOK_TC_HOME, "segments too big", &in, SENT_AGENT);
	in.gso_size = 1412; /* fits; but the test run can't say that it is UDP, and the kernel widens no aggregate of
			       unknown kind */
	expect(r, HOOK_TC_HOME, "segments fit, no room", &in, DROP_NO_ROOM);
}

static void multicast_and_other_protocols_have_no_route_here(void **state)
{
	struct rig *r = *state;
	struct frame in = udp_from_kernel(HA, "ff02::16", 8);

	expect(r, HOOK_TC_HOME, "multicast", &in, DROP_NO_ROUTE);
	in = udp_from_kernel(CN, HOME1, 8);
	set16(&in, 12, 0x0800);
	in.data[FRAME_ETH] = 0x45;
	expect(r, HOOK_TC_HOME, "IPv4", &in, DROP_NO_ROUTE);
}

static void no_packet_cut_short_does_harm(void **state)
{
	struct rig *r = *state;
	struct frame whole[3] = { udp_from_kernel(CN, HOME1, 32), mh_from_kernel(HA, HOME1, MH_BA, 16), { .len = 0 } };
	size_t ip;

	whole[2] = from_kernel(CN, HOME1, NH_DSTOPTS, &ip);
	put_limit(&whole[2], NH_IPV6, 4);
	put_datagram(&whole[2], CN, AT_HOME, 32);
	end_ip6(&whole[2], ip);
	for (size_t i = 0; i < ARRAY_SIZE(whole); i++) {
		struct frame in = whole[i];

		for (in.len = FRAME_ETH + IP6_HDR_LEN; in.len < whole[i].len; in.len++) { /* a test run takes no less */
			int action = rig_run(r, HOOK_TC_HOME, &in);

			assert_true(action == TC_SHOT || action == TC_REDIRECT);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(what_this_host_sends_to_a_mobile_node_gets_a_routing_header),
		RIG_TEST(the_sum_of_what_gets_a_routing_header_holds_for_its_final_destination),
		RIG_TEST(of_mobility_headers_only_the_acknowledgement_gets_a_routing_header),
		RIG_TEST(what_others_send_to_a_mobile_node_is_tunnelled),
		RIG_TEST(xdp_and_tc_give_a_flow_the_same_label),
		RIG_TEST(an_encapsulation_limit_is_lowered_and_zero_ends_the_packet),
		RIG_TEST(an_answer_finds_a_node_without_binding),
		RIG_TEST(an_answer_goes_before_the_binding),
		RIG_TEST(who_is_not_away_is_reached_on_the_home_link),
		RIG_TEST(home_prefixes_of_every_length_are_told_apart),
		RIG_TEST(each_of_the_home_links_is_found),
		RIG_TEST(an_expired_binding_sends_nothing_away),
		RIG_TEST(a_care_of_address_that_leads_back_here_is_a_loop),
		RIG_TEST(without_a_route_to_the_care_of_address_the_packet_is_dropped),
		RIG_TEST(an_entry_reused_under_the_program_is_not_used),
		RIG_TEST(a_neighbour_not_known_yet_is_the_kernels_to_resolve),
		RIG_TEST(what_is_too_big_goes_to_the_agent_unchanged),
		RIG_TEST(an_aggregate_is_judged_by_its_segments),
		RIG_TEST(multicast_and_other_protocols_have_no_route_here),
		RIG_TEST(no_packet_cut_short_does_harm),
	};

	return cmocka_run_group_tests_name("TC, home side", tests, rig_open, rig_close);
}
