// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What comes in for a mobile node: type 2 routing headers to its own home address, hidden in place behind the route
 * tag, and the tunnel of its home agent; at XDP and at TC. RFC 6275 §6.4, §8.5, §11.3.1; DESIGN §3. Type 0 and other
 * routing headers are in walk_test.c, the home agent's tunnels in decapsulate_test.c.
 */
#include "packets.h"

enum { IP = FRAME_ETH, ROUTING = FRAME_ETH + IP6_HDR_LEN, BEHIND = ROUTING + 24 };

static const struct {
	enum hook hook;
	const char *name;
} both[] = { { HOOK_XDP, "XDP" }, { HOOK_TC_IN, "TC" } };

/* From MY_AGENT to MY_COA for @home: a mobility header, TCP or UDP whose sum holds for the home address; of what else
 * there is, a pattern. */
static struct frame to_care_of(int tags, const char *home, uint8_t next, size_t len)
{
	struct frame f = to_lan(tags);
	size_t ip = put_to_care_of(&f, home, home, next); /* the sum is over the final destination, RFC 8200 §8.1 */
	struct in6_addr care_of = addr(MY_COA);

	if (next == NH_MH)
		put_mh(&f, ip, MH_BA, len);
	else if (next == NH_UDP)
		put_udp(&f, ip, len - 8);
	else
		put_pattern(&f, len);
	memcpy(f.data + ip + 24, &care_of, 16);
	end_ip6(&f, ip);
	return f;
}

static void check_sum(const struct frame *f, uint8_t proto)
{
	struct in6_addr src = addr_at(f, IP + 8), dst = addr_at(f, IP + 24);

	assert_int_equal(sum_upper(&src, &dst, proto, f->data + BEHIND, f->len - BEHIND), 0xFFFF);
}

/* ---- hidden ---- */

static void a_packet_by_way_of_the_care_of_address_comes_up_at_the_home_address(void **state)
{
	static const struct {
		const char *name;
		uint8_t next;
		size_t len;
		enum reason why;
	} cases[] = {
		{ "binding acknowledgement", NH_MH, 16, PASS_SIGNALLING },
		{ "a long one", NH_MH, 512, PASS_SIGNALLING },
		{ "UDP", NH_UDP, 8, PASS_ROUTED },
		{ "UDP that fills the frame", NH_UDP, 1436, PASS_ROUTED },
		{ "TCP", NH_TCP, 20, PASS_ROUTED },
		{ "ICMPv6", NH_ICMPV6, 8, PASS_ROUTED },
		{ "ESP", NH_ESP, 64, PASS_ROUTED },
		{ "nothing", NH_NONE, 0, PASS_ROUTED },
		{ "a protocol of tomorrow", 253, 9, PASS_ROUTED },
	};
	struct rig *r = *state;

	for (int s = HOME_BLOCKED; s <= HOME_THERE; s++) {
		be_mobile_node(r, s); /* whatever the state: an acknowledgement comes before there is a registration */
		for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
			for (size_t h = 0; h < ARRAY_SIZE(both); h++) {
				struct frame in = to_care_of(0, MY_HOME, cases[i].next, cases[i].len),
					     out = route_hidden(&in, IP);

				expect_out(r, both[h].hook, cases[i].name, &in, cases[i].why, &out);
				if (cases[i].next == NH_MH || cases[i].next == NH_UDP)
					check_sum(&r->out, cases[i].next);
			}
	}
}

static void it_is_hidden_behind_vlan_tags_alike(void **state)
{
	struct rig *r = *state;

	be_mobile_node(r, HOME_AWAY);
	for (int tags = 1; tags <= 2; tags++) {
		struct frame in = to_care_of(tags, MY_HOME, NH_MH, 16), out = route_hidden(&in, IP + 4 * tags);

		expect_out(r, HOOK_XDP, "mobility header", &in, PASS_SIGNALLING, &out);
		in = to_care_of(tags, MY_HOME, NH_UDP, 64);
		out = route_hidden(&in, IP + 4 * tags);
		expect_out(r, HOOK_XDP, "UDP", &in, PASS_ROUTED, &out);
	}
}

static void frame_padding_is_none_of_the_packets(void **state)
{
	struct rig *r = *state;
	struct frame in = to_care_of(0, MY_HOME, NH_UDP, 8), out;

	be_mobile_node(r, HOME_AWAY);
	put_pattern(&in, 24);
	out = route_hidden(&in, IP);
	for (size_t h = 0; h < ARRAY_SIZE(both); h++) {
		expect_out(r, both[h].hook, "padded", &in, PASS_ROUTED, &out);
	}
	in = to_care_of(0, MY_HOME, NH_NONE, 0);
	for (size_t len = 0; len < 24; len++) { /* a routing header that lies in the padding */
		set16(&in, IP + 4, len);
		for (size_t h = 0; h < ARRAY_SIZE(both); h++)
			expect(r, both[h].hook, both[h].name, &in, DROP_TRUNCATED);
	}
}

/* Every octet but those that change places: traffic class, label, hop limit, source, and what lies behind. */
static void other_octets_are_of_no_influence(void **state)
{
	struct rig *r = *state;

	be_mobile_node(r, HOME_AWAY);
	for (size_t bit = 4; bit < 8 * 24; bit++) { /* the version before, the destination behind */
		struct frame in = to_care_of(0, MY_HOME, NH_UDP, 16), out;

		if (bit / 8 >= 4 && bit / 8 < 7)
			continue; /* payload length, next header */
		in.data[IP + bit / 8] ^= 0x80 >> bit % 8;
		out = route_hidden(&in, IP);
		for (size_t h = 0; h < ARRAY_SIZE(both); h++)
			expect_out(r, both[h].hook, both[h].name, &in, PASS_ROUTED, &out);
	}
	for (size_t bit = 0; bit < 32; bit++) { /* reserved: ignored on reception, RFC 6275 §6.4.1 */
		struct frame in = to_care_of(0, MY_HOME, NH_UDP, 16), out;

		in.data[ROUTING + 4 + bit / 8] ^= 0x80 >> bit % 8;
		out = route_hidden(&in, IP);
		for (size_t h = 0; h < ARRAY_SIZE(both); h++)
			expect_out(r, both[h].hook, both[h].name, &in, PASS_ROUTED, &out);
	}
}

/* What the event holds is the packet as hidden: the agent undoes that (packet_restore_route()) before it quotes it. */
static void a_mobility_header_behind_it_is_checked_as_any(void **state)
{
	struct rig *r = *state;
	struct frame in, out;

	be_mobile_node(r, HOME_AWAY);
	for (size_t h = 0; h < ARRAY_SIZE(both); h++) {
		in = to_care_of(0, MY_HOME, NH_MH, 8); /* an acknowledgement has 16 octets at least */
		expect(r, both[h].hook, "too short for its type", &in, DROP_MH_MALFORMED);
		out = route_hidden(&in, IP);
		check_event(r, "too short for its type", EVENT_MALFORMED, DROP_MH_MALFORMED, &out, FRAME_ETH);
		in = to_care_of(0, MY_HOME, NH_MH, 16);
		in.data[BEHIND] = NH_UDP;
		expect(r, both[h].hook, "something behind it", &in, DROP_MH_MALFORMED);
		out = route_hidden(&in, IP);
		check_event(r, "something behind it", EVENT_MALFORMED, DROP_MH_MALFORMED, &out, FRAME_ETH);
		in = to_care_of(0, MY_HOME, NH_MH, 16);
		in.data[BEHIND + 1] = 2;
		expect(r, both[h].hook, "longer than the packet", &in, DROP_TRUNCATED);
	}
	in = to_care_of(0, MY_HOME, NH_MH, 16);
	drain_bucket(r, LIMIT_ALL_MH);
	for (size_t h = 0; h < ARRAY_SIZE(both); h++) {
		map_clear(r->xdp->maps.limits);
		expect(r, both[h].hook, "over the rate", &in, DROP_MH_RATE_ALL);
	}
}

static void fragments_and_other_routing_headers_may_follow(void **state)
{
	static const struct {
		const char *name;
		uint8_t next, then;
		size_t len;
		enum reason why;
	} cases[] = {
		{ "fragment of UDP", NH_FRAGMENT, NH_UDP, 16, PASS_ROUTED },
		{ "fragment of a mobility header", NH_FRAGMENT, NH_MH, 8, PASS_SIGNALLING },
		{ "one that ends before its fixed part", NH_FRAGMENT, NH_MH, 7, DROP_MH_FRAGMENT },
		{ "type 0", NH_ROUTING, RH_TYPE0, 0, DROP_RH0 },
		{ "another of type 2", NH_ROUTING, RH_TYPE2, 0, PASS_ROUTED }, /* the kernel's to refuse */
	};
	struct rig *r = *state;

	be_mobile_node(r, HOME_AWAY);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (size_t h = 0; h < ARRAY_SIZE(both); h++) {
			struct frame in = to_lan(0), out;
			size_t ip = put_to_care_of(&in, MY_COA, MY_HOME, cases[i].next);

			if (cases[i].next == NH_FRAGMENT)
				put_fragment(&in, cases[i].then, 0, true);
			else
				put_routing(&in, NH_NONE, cases[i].then, 1, MY_HOME);
			put_pattern(&in, cases[i].len);
			end_ip6(&in, ip);
			out = route_hidden(&in, IP);
			expect_out(r, both[h].hook, cases[i].name, &in, cases[i].why,
				   reason_class(cases[i].why) == REASON_CLASS_DROP ? NULL : &out);
		}
}

/*
 * Devices without Ethernet, as modems are. A test run takes 14 octets for a link header: the protocol from within the
 * source address, which is chosen so that it says IPv6, and the MAC address it is for from the first six octets, which
 * a device here gets: version, label and length of these very packets.
 */
static void without_ethernet_it_is_hidden_alike(void **state)
{
	static const uint8_t nexts[] = { NH_MH, NH_UDP };
	struct rig *r = *state;
	uint32_t modem;

	be_mobile_node(r, HOME_AWAY);
	sh("ip link add modem type veth peer name modemx && ip link set modem address 60:00:00:00:00:40 up");
	modem = if_nametoindex("modem");
	set_port(r, modem, mac_lan, 1500, PORT_NO_ETHERNET);
	for (size_t i = 0; i < ARRAY_SIZE(nexts); i++) {
		struct frame in = { .ifindex = modem }, out;
		size_t ip = put_ip6(&in, "2001:db8:86dd::1", MY_COA, NH_ROUTING, 60);

		put_routing(&in, nexts[i], RH_TYPE2, 1, MY_HOME);
		if (nexts[i] == NH_MH)
			put_mh(&in, ip, MH_BA, 40);
		else
			put_udp(&in, ip, 32);
		end_ip6(&in, ip);
		out = route_hidden(&in, 0);
		expect_out(r, HOOK_TC_IN_IP, "hidden", &in, i == 0 ? PASS_SIGNALLING : PASS_ROUTED, &out);
		expect(r, HOOK_TC_IN_IP, "from outside, with the right tag", &out,
		       DROP_FORGED_OPTION); /* no XDP there */
		in.data[IP6_HDR_LEN + 3] = 0;
		expect(r, HOOK_TC_IN_IP, "no segment left", &in, DROP_RH2);
	}
	sh("ip link del modem");
}

/* ---- refused, or not ours ---- */

static void anything_but_one_segment_to_our_home_address_is_refused(void **state)
{
	static const char *const strangers[] = {
		CN, MY_COA, MY_COA_NEXT, MY_AGENT, "2001:db8:5::11", "2001:db8:5::", "fe80::10", "ff02::1", "::1", "::"
	};
	struct rig *r = *state;
	struct frame good = to_care_of(0, MY_HOME, NH_UDP, 3000), in;

	be_mobile_node(r, HOME_AWAY);
	for (size_t h = 0; h < ARRAY_SIZE(both); h++) {
		for (int v = 0; v < 256; v++) {
			in = good;
			in.data[ROUTING + 1] = v;
			if (v != 2)
				expect(r, both[h].hook, "header length", &in, DROP_RH2);
			in = good;
			in.data[ROUTING + 3] = v;
			if (v != 1)
				expect(r, both[h].hook, "segments left", &in, DROP_RH2);
		}
		for (size_t i = 0; i < ARRAY_SIZE(strangers); i++) {
			in = to_care_of(0, strangers[i], NH_UDP, 16);
			expect(r, both[h].hook, strangers[i], &in, DROP_RH2);
			in = to_care_of(0, strangers[i], NH_MH, 16);
			expect(r, both[h].hook, strangers[i], &in, DROP_RH2);
		}
	}
}

static void to_a_group_it_is_refused(void **state)
{
	struct rig *r = *state;
	struct frame in = to_care_of(0, MY_HOME, NH_UDP, 16);

	be_mobile_node(r, HOME_AWAY);
	memcpy(in.data + IP + 24, addr("ff02::1").s6_addr, 16);
	for (size_t h = 0; h < ARRAY_SIZE(both); h++)
		expect(r, both[h].hook, "no address of ours", &in, PASS_KERNEL);
	set_local(r, "ff02::1", LOCAL_ADDR); /* as if it were one of ours, which the agent never says */
	for (size_t h = 0; h < ARRAY_SIZE(both); h++)
		expect(r, both[h].hook, "one of ours", &in, DROP_RH2);
}

static void every_address_of_ours_may_be_the_care_of_address(void **state)
{
	static const char *const ours[] = { MY_COA, MY_COA_NEXT, OWN, MY_HOME };
	struct rig *r = *state;

	be_mobile_node(r, HOME_AWAY);
	set_local(r, OWN, LOCAL_ADDR);
	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		for (size_t h = 0; h < ARRAY_SIZE(both); h++) {
			struct frame in = to_care_of(0, MY_HOME, NH_UDP, 16), out;

			memcpy(in.data + IP + 24, addr(ours[i]).s6_addr, 16);
			out = route_hidden(&in, IP);
			expect_out(r, both[h].hook, ours[i], &in, PASS_ROUTED, &out);
			memcpy(in.data + IP + 24, addr(CN).s6_addr, 16);
			expect(r, both[h].hook, "another's", &in, PASS_KERNEL);
		}
}

/* For another host type 2 is an unknown routing header, and the kernel's to answer: RFC 6275 §8.5, RFC 8200 §4.4. */
static void only_a_mobile_node_takes_it(void **state)
{
	static const uint32_t roles[] = { 0, ROLE_HOME_AGENT };
	struct rig *r = *state;
	struct frame in = to_care_of(0, MY_HOME, NH_UDP, 16);

	be_mobile_node(r, HOME_AWAY);
	for (size_t i = 0; i < ARRAY_SIZE(roles); i++) {
		r->settings.roles = roles[i];
		set_settings(r);
		for (size_t h = 0; h < ARRAY_SIZE(both); h++) {
			in.data[ROUTING + 3] = 1;
			expect(r, both[h].hook, "one segment", &in, PASS_KERNEL);
			in.data[ROUTING + 3] = 2;
			expect(r, both[h].hook, "two", &in, PASS_KERNEL);
		}
	}
	r->settings.roles = ROLE_HOME_AGENT | ROLE_MOBILE_NODE;
	set_settings(r);
	in.data[ROUTING + 3] = 1;
	for (size_t h = 0; h < ARRAY_SIZE(both); h++) {
		struct frame out = route_hidden(&in, IP);

		expect_out(r, both[h].hook, "both roles", &in, PASS_ROUTED, &out);
	}
}

static void other_types_are_not_of_concern(void **state)
{
	struct rig *r = *state;

	be_mobile_node(r, HOME_AWAY);
	for (unsigned int type = 0; type < 256; type++)
		for (size_t h = 0; h < ARRAY_SIZE(both); h++) {
			struct frame in = to_care_of(0, MY_HOME, NH_UDP, 16);

			in.data[ROUTING + 2] = type;
			if (type != RH_TYPE2)
				expect(r, both[h].hook, "type", &in, type == RH_TYPE0 ? DROP_RH0 : PASS_KERNEL);
		}
}

/* Behind other headers it is the kernel's, which takes it for nobody without a policy. */
static void behind_other_headers_it_is_left_alone(void **state)
{
	static const uint8_t before[] = { NH_HOPOPTS, NH_DSTOPTS };
	struct rig *r = *state;

	be_mobile_node(r, HOME_AWAY);
	for (size_t i = 0; i < ARRAY_SIZE(before); i++) {
		struct frame in = to_lan(0);
		size_t ip = put_ip6(&in, MY_AGENT, MY_COA, before[i], 60);

		put_padding(&in, NH_ROUTING, 8);
		put_routing(&in, NH_UDP, RH_TYPE2, 1, MY_HOME);
		put_udp(&in, ip, 16);
		end_ip6(&in, ip);
		for (size_t h = 0; h < ARRAY_SIZE(both); h++)
			expect(r, both[h].hook, both[h].name, &in, PASS_KERNEL);
	}
}

static void a_packet_shorter_than_it_says_is_dropped_at_each_length(void **state)
{
	struct rig *r = *state;
	struct frame whole[] = { to_care_of(0, MY_HOME, NH_MH, 16), to_care_of(0, MY_HOME, NH_UDP, 16),
				 to_care_of(0, MY_HOME, NH_NONE, 0) };

	be_mobile_node(r, HOME_AWAY);
	for (size_t i = 0; i < ARRAY_SIZE(whole); i++)
		for (size_t h = 0; h < ARRAY_SIZE(both); h++) {
			struct frame in = whole[i], out = route_hidden(&whole[i], IP);

			for (in.len = FRAME_ETH + IP6_HDR_LEN; in.len < whole[i].len; in.len++)
				expect(r, both[h].hook, "cut short", &in, DROP_TRUNCATED);
			expect_out(r, both[h].hook, "whole", &in, i == 0 ? PASS_SIGNALLING : PASS_ROUTED, &out);
		}
}

/* ---- option 0x1E beside it ---- */

/* To MY_COA for MY_HOME, with one more destination options header behind that holds an option 0x1E with @secret. */
static struct frame with_second_option(const uint8_t secret[4])
{
	struct frame f = to_lan(0);
	size_t ip = put_to_care_of(&f, MY_COA, MY_HOME, NH_DSTOPTS);

	put8(&f, NH_UDP);
	put8(&f, 2);
	put8(&f, OPT_VERIFIED_HOME);
	put8(&f, 20);
	put(&f, secret, 4);
	put_addr(&f, COA1);
	put_udp(&f, ip, 16);
	end_ip6(&f, ip);
	return f;
}

static void a_second_option_1e_behind_it_is_forged(void **state)
{
	static const uint8_t wrong[4] = { 0 };
	struct rig *r = *state;
	struct frame in;

	be_mobile_node(r, HOME_AWAY);
	in = with_second_option(route_tag);
	expect(r, HOOK_XDP, "at XDP with the right route tag", &in, DROP_FORGED_OPTION);
	in = with_second_option(tag);
	expect(r, HOOK_XDP, "at XDP with the right tag", &in, DROP_FORGED_OPTION);
	in = with_second_option(route_tag);
	expect(r, HOOK_TC_IN, "at TC with the right route tag", &in, DROP_FORGED_OPTION);
	in = with_second_option(tag);
	expect(r, HOOK_TC_IN, "at TC with the right tag", &in, DROP_FORGED_OPTION);
	in = with_second_option(wrong);
	for (size_t h = 0; h < ARRAY_SIZE(both); h++)
		expect(r, both[h].hook, "wrong tag", &in, DROP_FORGED_OPTION);
}

/* Alone, where no routing header was. */
static void option_1e_with_the_route_tag_from_outside_is_refused(void **state)
{
	struct rig *r = *state;
	struct frame in = to_care_of(0, MY_HOME, NH_UDP, 16), ours = route_hidden(&in, IP), behind = to_lan(0);
	size_t ip = put_ip6(&behind, MY_AGENT, MY_HOME, NH_DSTOPTS, 60);

	be_mobile_node(r, HOME_AWAY);
	for (size_t h = 0; h < ARRAY_SIZE(both); h++)
		expect(r, both[h].hook, "in its place", &ours, DROP_FORGED_OPTION);
	put_padding(&behind, NH_DSTOPTS, 8);
	put(&behind, ours.data + ROUTING, ours.len - ROUTING);
	end_ip6(&behind, ip);
	for (size_t h = 0; h < ARRAY_SIZE(both); h++)
		expect(r, both[h].hook, "behind another header", &behind, DROP_FORGED_OPTION);
	/* a second option in the very header that XDP wrote can't be: it is full; one octet longer it is no type 2 */
	in.data[ROUTING + 1] = 3;
	expect(r, HOOK_XDP, "in a longer routing header", &in, DROP_RH2);
}

/* Where XDP and TC are both attached, TC sees what XDP wrote: the tag tells it from a forgery. */
static void tc_accepts_what_xdp_wrote_and_nothing_else(void **state)
{
	static const uint8_t nexts[] = { NH_MH, NH_UDP };
	struct rig *r = *state;

	be_mobile_node(r, HOME_AWAY);
	for (size_t i = 0; i < ARRAY_SIZE(nexts); i++) {
		struct frame in = to_care_of(0, MY_HOME, nexts[i], 16), ours = route_hidden(&in, IP);

		expect_out(r, HOOK_XDP, "at XDP", &in, i == 0 ? PASS_SIGNALLING : PASS_ROUTED, &ours);
		ours = r->out;
		set_port(r, r->lan, mac_lan, 1500, PORT_REDIRECT);
		expect(r, HOOK_TC_IN, "then at TC where no program comes before", &ours, DROP_FORGED_OPTION);
		set_port(r, r->lan, mac_lan, 1500, PORT_REDIRECT | PORT_BEHIND);
		expect(r, HOOK_TC_IN, "then at TC", &ours, i == 0 ? PASS_SIGNALLING : PASS_KERNEL);
		for (size_t bit = 0; bit < 32; bit++) {
			struct frame forged = ours;

			forged.data[ROUTING + 4 + bit / 8] ^= 0x80 >> bit % 8;
			expect(r, HOOK_TC_IN, "one bit of the tag wrong", &forged, DROP_FORGED_OPTION);
		}
		for (unsigned int len = 0; len < 256; len++) {
			struct frame forged = ours;

			forged.data[ROUTING + 3] = len;
			if (len != 20)
				expect(r, HOOK_TC_IN, "another length", &forged,
				       len > 20 ? DROP_HAO_MALFORMED : DROP_FORGED_OPTION);
		}
		expect(r, HOOK_XDP, "again at XDP", &ours, DROP_FORGED_OPTION);
	}
}

/* ---- together with a home address option: from one mobile node to another ---- */

/* From COA1 for HOME1 to MY_COA for MY_HOME. */
static struct frame between_mobile_nodes(uint8_t next)
{
	struct frame f = to_lan(0);
	size_t ip = put_ip6(&f, HOME1, MY_HOME, NH_ROUTING, 60);

	put_routing(&f, NH_DSTOPTS, RH_TYPE2, 1, MY_HOME);
	put_hao(&f, next, HOME1);
	if (next == NH_MH)
		put_mh(&f, ip, MH_BU, 40);
	else
		put_udp(&f, ip, 32);
	memcpy(f.data + ip + 8, addr(COA1).s6_addr, 16);
	memcpy(f.data + ip + 24, addr(MY_COA).s6_addr, 16);
	end_ip6(&f, ip);
	return f;
}

static void both_addresses_of_a_packet_between_mobile_nodes_are_hidden(void **state)
{
	static const struct {
		const char *name;
		uint8_t next;
		enum reason why;
	} cases[] = { { "mobility header", NH_MH, PASS_SIGNALLING }, { "UDP", NH_UDP, PASS_HOME_ADDRESS } };
	struct rig *r = *state;

	be_mobile_node(r, HOME_AWAY);
	bind_home(r, HOME1, COA1, HOP_14, 0);
	set_port(r, r->lan, mac_lan, 1500, PORT_REDIRECT | PORT_BEHIND);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (size_t h = 0; h < ARRAY_SIZE(both); h++) {
			struct frame in = between_mobile_nodes(cases[i].next), out = route_hidden(&in, IP);

			out = hidden(&out, BEHIND + 6);
			expect_out(r, both[h].hook, cases[i].name, &in, cases[i].why, &out);
			if (h == 0)
				expect(r, HOOK_TC_IN, "then at TC", &out, i == 0 ? PASS_SIGNALLING : PASS_KERNEL);
		}
}

static void the_home_address_option_behind_it_is_judged_as_any(void **state)
{
	struct rig *r = *state;
	struct frame in, out;

	be_mobile_node(r, HOME_AWAY);
	for (size_t h = 0; h < ARRAY_SIZE(both); h++) {
		in = between_mobile_nodes(NH_UDP);
		expect(r, both[h].hook, "without a binding", &in, DROP_HAO_UNKNOWN);
		out = route_hidden(&in, IP);
		check_event(r, "without a binding", EVENT_UNKNOWN_BINDING, DROP_HAO_UNKNOWN, &out, FRAME_ETH);
		in = between_mobile_nodes(NH_MH);
		memcpy(in.data + BEHIND + 8, addr(MY_HOME).s6_addr, 16);
		expect(r, both[h].hook, "our own home address", &in, DROP_HAO_ADDRESS);
		in = between_mobile_nodes(NH_MH);
		in.data[ROUTING + 3] = 0;
		expect(r, both[h].hook, "no segment left", &in, DROP_RH2);
	}
}

/* ---- out of the tunnel of our home address ---- */

static void what_the_home_agent_tunnels_comes_out(void **state)
{
	static const char *const sources[] = { CN, MY_AGENT, HOME1 };
	struct rig *r = *state;

	for (int s = HOME_BLOCKED; s <= HOME_THERE; s++)
		for (size_t i = 0; i < ARRAY_SIZE(sources); i++)
			for (size_t h = 0; h < ARRAY_SIZE(both); h++) {
				struct frame inner = datagram(sources[i], MY_HOME, 64),
					     in = from_tunnel(&inner, MY_AGENT, MY_COA);

				be_mobile_node(r, s);
				expect_out(r, both[h].hook, sources[i], &in, PASS_DECAPSULATED, &inner);
				in = from_tunnel(&inner, MY_AGENT, MY_COA_NEXT);
				expect_out(r, both[h].hook, "to another uplink's", &in, PASS_DECAPSULATED, &inner);
			}
}

static void a_mobility_header_out_of_it_is_signalling(void **state)
{
	struct rig *r = *state;
	struct frame inner = mobility_header(CN, MY_HOME, MH_HOT, 24), in = from_tunnel(&inner, MY_AGENT, MY_COA);

	be_mobile_node(r, HOME_AWAY);
	for (size_t h = 0; h < ARRAY_SIZE(both); h++)
		expect_out(r, both[h].hook, "HoT", &in, PASS_SIGNALLING, &inner);
}

static void nobody_else_puts_anything_into_it(void **state)
{
	static const char *const others[] = { CN,	 MY_COA,    MY_HOME, COA1, "2001:db8:c::", "2001:db8:c:8000::1",
					      "fe80::a", "ff02::1", "::" };
	struct rig *r = *state;
	struct frame inner = datagram(CN, MY_HOME, 64), in;
	struct in6_addr key = addr(MY_HOME);

	be_mobile_node(r, HOME_AWAY);
	for (size_t h = 0; h < ARRAY_SIZE(both); h++)
		for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
			in = from_tunnel(&inner, others[i], MY_COA);
			expect(r, both[h].hook, others[i], &in, DROP_TUNNEL_AGENT);
		}
	bpf_map_delete_elem(bpf_map__fd(r->xdp->maps.home_addresses), &key);
	in = from_tunnel(&inner, MY_AGENT, MY_COA);
	for (size_t h = 0; h < ARRAY_SIZE(both); h++)
		expect(r, both[h].hook, "the agent has not got to it yet", &in, DROP_TUNNEL_AGENT);
}

static void nor_does_it_bring_our_own_source_or_what_is_for_others(void **state)
{
	static const struct {
		const char *name, *src, *dst;
		enum reason why;
	} cases[] = {
		{ "our own home address", MY_HOME, MY_HOME, DROP_TUNNEL_SOURCE },
		{ "our own care-of address", MY_COA, MY_HOME, DROP_TUNNEL_SOURCE },
		{ "link-local source", "fe80::a", MY_HOME, DROP_TUNNEL_SOURCE },
		{ "multicast source", "ff02::1", MY_HOME, DROP_TUNNEL_SOURCE },
		{ "nobody", "::", MY_HOME, DROP_TUNNEL_SOURCE },
		{ "loopback", "::1", MY_HOME, DROP_TUNNEL_SOURCE },
		{ "to a care-of address", CN, MY_COA, DROP_TUNNEL_NO_BINDING },
		{ "to somebody else", CN, "2001:db8:5::11", DROP_TUNNEL_NO_BINDING },
		{ "to a group", CN, "ff02::1", DROP_TUNNEL_NO_BINDING },
	};
	struct rig *r = *state;

	be_mobile_node(r, HOME_AWAY);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (size_t h = 0; h < ARRAY_SIZE(both); h++) {
			struct frame inner = datagram(cases[i].src, cases[i].dst, 16),
				     in = from_tunnel(&inner, MY_AGENT, MY_COA);

			expect(r, both[h].hook, cases[i].name, &in, cases[i].why);
		}
}

static void what_comes_out_is_looked_at_as_any_inside(void **state)
{
	struct rig *r = *state;
	struct frame inner, in;

	be_mobile_node(r, HOME_AWAY);
	for (size_t h = 0; h < ARRAY_SIZE(both); h++) {
		inner = icmp6(CN, MY_HOME, ICMP6_NEIGHBOUR_ADVERT, 24);
		in = from_tunnel(&inner, MY_AGENT, MY_COA);
		expect(r, both[h].hook, "neighbour discovery", &in, DROP_ND_HOME);
		inner = icmp6(CN, MY_HOME, ICMP6_ECHO_REQUEST, 24);
		in = from_tunnel(&inner, MY_AGENT, MY_COA);
		expect_out(r, both[h].hook, "echo request", &in, PASS_DECAPSULATED, &inner);
		inner = datagram(CN, MY_HOME, 16);
		in = from_tunnel(&inner, MY_AGENT, MY_COA);
		set_traffic_class(&in, FRAME_ETH, 3); /* congestion on one that is not ECN-capable */
		expect(r, both[h].hook, "ECN", &in, DROP_TUNNEL_ECN);
		set_traffic_class(&inner, FRAME_ETH, 2);
		in = from_tunnel(&inner, MY_AGENT, MY_COA);
		set_traffic_class(&in, FRAME_ETH, 3);
		set_traffic_class(&inner, FRAME_ETH, 3);
		expect_out(r, both[h].hook, "ECN", &in, PASS_DECAPSULATED, &inner);
		set16(&in, FRAME_ETH + IP6_HDR_LEN + 4, 25);
		expect(r, both[h].hook, "one octet longer than the tunnel packet", &in, DROP_TUNNEL_INNER);
	}
}

static void headers_before_the_inner_packet_are_taken_off_or_left_to_the_kernel(void **state)
{
	struct rig *r = *state;
	struct frame inner = datagram(CN, MY_HOME, 32), in;
	size_t ip;

	be_mobile_node(r, HOME_AWAY);
	for (size_t h = 0; h < ARRAY_SIZE(both); h++) {
		in = to_lan(0);
		ip = put_ip6(&in, MY_AGENT, MY_COA, NH_DSTOPTS, 60);
		put_limit(&in, NH_IPV6, 4);
		put(&in, inner.data + FRAME_ETH, inner.len - FRAME_ETH);
		end_ip6(&in, ip);
		expect_out(r, both[h].hook, "encapsulation limit", &in, PASS_DECAPSULATED, &inner);
		memcpy(in.data + FRAME_ETH + 8, addr(CN).s6_addr, 16);
		expect(r, both[h].hook, "encapsulation limit, not the agent", &in, DROP_TUNNEL_AGENT);
		in = to_lan(0);
		ip = put_ip6(&in, MY_AGENT, MY_COA, NH_FRAGMENT, 60);
		put_fragment(&in, NH_IPV6, 0, true);
		put(&in, inner.data + FRAME_ETH, inner.len - FRAME_ETH);
		end_ip6(&in, ip);
		expect(r, both[h].hook, "a fragment", &in, PASS_TUNNEL);
	}
}

/* Inside the tunnel it proves nothing: it did not come to the care-of address, but to the home agent. The kernel takes
 * it for nobody without a policy. */
static void a_routing_header_out_of_the_tunnel_is_left_to_the_kernel(void **state)
{
	struct rig *r = *state;
	struct frame inner = to_care_of(0, MY_HOME, NH_UDP, 16), in;

	be_mobile_node(r, HOME_AWAY);
	memcpy(inner.data + IP + 24, addr(MY_HOME).s6_addr, 16);
	for (size_t h = 0; h < ARRAY_SIZE(both); h++) {
		inner.data[ROUTING + 2] = RH_TYPE2;
		in = from_tunnel(&inner, MY_AGENT, MY_COA);
		expect_out(r, both[h].hook, both[h].name, &in, PASS_DECAPSULATED, &inner);
		inner.data[ROUTING + 2] = RH_TYPE0;
		in = from_tunnel(&inner, MY_AGENT, MY_COA);
		expect(r, both[h].hook, "type 0", &in, DROP_RH0);
	}
}

/* The home address is no end of a tunnel: what a routing header leads there goes to the kernel as it is. */
static void a_tunnel_packet_behind_a_routing_header_is_not_opened(void **state)
{
	struct rig *r = *state;
	struct frame in = to_lan(0), out;
	size_t ip = put_to_care_of(&in, MY_COA, MY_HOME, NH_IPV6);

	be_mobile_node(r, HOME_AWAY);
	put_datagram(&in, CN, MY_HOME, 16);
	end_ip6(&in, ip);
	out = route_hidden(&in, IP);
	for (size_t h = 0; h < ARRAY_SIZE(both); h++)
		expect_out(r, both[h].hook, both[h].name, &in, PASS_ROUTED, &out);
}

/* RFC 6275 §11.6.2: that it came by the home agent is what it proves. */
static void a_home_test_counts_only_through_the_tunnel(void **state)
{
	static const enum hook hooks[] = { HOOK_XDP, HOOK_TC_IN };
	struct rig *r = *state;
	struct frame hot = mobility_header(CN, MY_HOME, MH_HOT, 24), ack = mobility_header(CN, MY_HOME, MH_BA, 16), in;

	for (size_t i = 0; i < ARRAY_SIZE(hooks); i++) {
		be_mobile_node(r, HOME_AWAY);
		expect(r, hooks[i], "in clear", &hot, DROP_TEST_OUTSIDE);
		expect(r, hooks[i], "another type", &ack, PASS_SIGNALLING);
		in = from_tunnel(&hot, MY_AGENT, MY_COA);
		expect_out(r, hooks[i], "through the tunnel", &in, PASS_SIGNALLING, &hot);
		be_mobile_node(r, HOME_BLOCKED);
		expect(r, hooks[i], "before the registration", &hot, DROP_TEST_OUTSIDE);
		be_mobile_node(r, HOME_THERE);
		expect(r, hooks[i], "at home it comes as it is", &hot, PASS_SIGNALLING);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(a_packet_by_way_of_the_care_of_address_comes_up_at_the_home_address),
		RIG_TEST(a_home_test_counts_only_through_the_tunnel),
		RIG_TEST(it_is_hidden_behind_vlan_tags_alike),
		RIG_TEST(frame_padding_is_none_of_the_packets),
		RIG_TEST(other_octets_are_of_no_influence),
		RIG_TEST(a_mobility_header_behind_it_is_checked_as_any),
		RIG_TEST(fragments_and_other_routing_headers_may_follow),
		RIG_TEST(without_ethernet_it_is_hidden_alike),
		RIG_TEST(anything_but_one_segment_to_our_home_address_is_refused),
		RIG_TEST(to_a_group_it_is_refused),
		RIG_TEST(every_address_of_ours_may_be_the_care_of_address),
		RIG_TEST(only_a_mobile_node_takes_it),
		RIG_TEST(other_types_are_not_of_concern),
		RIG_TEST(behind_other_headers_it_is_left_alone),
		RIG_TEST(a_packet_shorter_than_it_says_is_dropped_at_each_length),
		RIG_TEST(a_second_option_1e_behind_it_is_forged),
		RIG_TEST(option_1e_with_the_route_tag_from_outside_is_refused),
		RIG_TEST(tc_accepts_what_xdp_wrote_and_nothing_else),
		RIG_TEST(both_addresses_of_a_packet_between_mobile_nodes_are_hidden),
		RIG_TEST(the_home_address_option_behind_it_is_judged_as_any),
		RIG_TEST(what_the_home_agent_tunnels_comes_out),
		RIG_TEST(a_mobility_header_out_of_it_is_signalling),
		RIG_TEST(nobody_else_puts_anything_into_it),
		RIG_TEST(nor_does_it_bring_our_own_source_or_what_is_for_others),
		RIG_TEST(what_comes_out_is_looked_at_as_any_inside),
		RIG_TEST(headers_before_the_inner_packet_are_taken_off_or_left_to_the_kernel),
		RIG_TEST(a_routing_header_out_of_the_tunnel_is_left_to_the_kernel),
		RIG_TEST(a_tunnel_packet_behind_a_routing_header_is_not_opened),
	};

	return cmocka_run_group_tests_name("routing header", tests, rig_open, rig_close);
}
