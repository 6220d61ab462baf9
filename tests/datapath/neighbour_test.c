// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Neighbour solicitations for defended addresses, and ND, MLD and other packets that are never tunnelled. RFC 4861
 * §7.1.1, §7.2.4; RFC 6275 §10.4.1-3. */
#include "packets.h"

#define ASKER "2001:db8:1::9"

enum { ICMP = FRAME_ETH + IP6_HDR_LEN };

/* Our answer to @asker, or to everybody where that is "::". */
static struct frame advertisement(const char *asker, const char *target, uint32_t flags, int tags)
{
	static const uint8_t all_nodes[6] = { 0x33, 0x33, 0, 0, 0, 1 };
	bool dad = !strcmp(asker, "::");
	struct frame f = { .len = 0 };
	size_t ip;

	put_link(&f, dad ? all_nodes : mac_peer, mac_lan, tags);
	ip = put_ip6(&f, "fe80::1", dad ? "ff02::1" : asker, NH_ICMPV6, 255);
	put_nd(&f, ICMP6_NEIGHBOUR_ADVERT, flags | (dad ? 0 : 1U << 30), target); /* solicited */
	put8(&f, ND_OPT_TARGET_LLADDR);
	put8(&f, 1);
	put(&f, mac_lan, 6);
	set_sum(&f, ip, NH_ICMPV6, ip + IP6_HDR_LEN, 2);
	end_ip6(&f, ip);
	return f;
}

/* A solicitation with other options: those of @options, @len octets. */
static struct frame with_options(const char *src, const char *dst, const uint8_t *options, size_t len)
{
	struct frame f = { .len = 0 };
	size_t ip;

	put_link(&f, (const uint8_t[]){ 0x33, 0x33, 0xff, 0, 1, 0 }, mac_peer, 0);
	ip = put_ip6(&f, src, dst, NH_ICMPV6, 255);
	put_nd(&f, ICMP6_NEIGHBOUR_SOLICIT, 0, HOME1);
	if (options)
		put(&f, options, len);
	set_sum(&f, ip, NH_ICMPV6, ip + IP6_HDR_LEN, 2);
	end_ip6(&f, ip);
	return f;
}

static void a_defended_address_is_answered_for(void **state)
{
	struct rig *r = *state;
	static const struct {
		const char *name, *target;
		uint32_t flags, na;
	} cases[] = {
		{ "home address", HOME1, 0, 0 },
		{ "mobile router", "2001:db8:1::100", PROXIED_ROUTER, 1U << 31 },
		{ "link-local address", LINK_LOCAL1, PROXIED_LINK_LOCAL, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) { /* override clear: RFC 4861 §7.2.8 */
		struct frame in = solicitation(ASKER, cases[i].target), out;

		set_proxied(r, cases[i].target, r->lan, cases[i].flags);
		out = advertisement(ASKER, cases[i].target, cases[i].na, 0);
		expect_out(r, HOOK_XDP, cases[i].name, &in, SENT_NEIGHBOUR, &out);
		in = solicitation("fe80::9", cases[i].target);
		out = advertisement("fe80::9", cases[i].target, cases[i].na, 0);
		expect_out(r, HOOK_XDP, "from a link-local address", &in, SENT_NEIGHBOUR, &out);
		memcpy(in.data, mac_lan, 6); /* unreachability detection is unicast */
		memcpy(in.data + FRAME_ETH + 24, addr(cases[i].target).s6_addr, 16);
		set_sum(&in, FRAME_ETH, NH_ICMPV6, ICMP, 2);
		expect_out(r, HOOK_XDP, "unicast", &in, SENT_NEIGHBOUR, &out);
	}
}

static void where_xdp_may_not_redirect_the_answer_goes_back_all_the_same(void **state)
{
	struct rig *r = *state;
	struct frame in = solicitation(ASKER, HOME1), out = advertisement(ASKER, HOME1, 0, 0);

	set_port(r, r->lan, mac_lan, 1500, 0);
	r->answers_by_tx = true;
	expect_out(r, HOOK_XDP, "no redirect to the port", &in, SENT_NEIGHBOUR, &out);
}

static void duplicate_address_detection_is_answered_to_all_nodes(void **state)
{
	struct rig *r = *state;
	struct frame in = with_options("::", "ff02::1:ff00:100", NULL, 0), out = advertisement("::", HOME1, 0, 0);

	expect_out(r, HOOK_XDP, "DAD", &in, SENT_NEIGHBOUR, &out);
	set_proxied(r, HOME1, r->lan, PROXIED_ROUTER);
	out = advertisement("::", HOME1, 1U << 31, 0);
	expect_out(r, HOOK_XDP, "DAD against a router", &in, SENT_NEIGHBOUR, &out);
}

static void it_is_answered_through_its_vlan_tags(void **state)
{
	struct rig *r = *state;

	for (int tags = 1; tags <= 2; tags++) {
		struct frame flat = solicitation(ASKER, HOME1), in = { .len = 0 },
			     out = advertisement(ASKER, HOME1, 0, tags);

		put_link(&in, flat.data, mac_peer, tags);
		put(&in, flat.data + FRAME_ETH, flat.len - FRAME_ETH);
		expect_out(r, HOOK_XDP, "tagged", &in, SENT_NEIGHBOUR, &out);
	}
}

static void options_of_any_legal_kind_and_number_are_no_hindrance(void **state)
{
	static const uint8_t nonce[] = { 1, 1, 2, 0, 0, 1, 0, 9, 14, 1, 1, 2, 3, 4, 5, 6 }; /* RFC 3971 §5.3.2 */
	static const uint8_t long_one[] = { 1, 1, 2, 0, 0, 1, 0, 9, 200, 4, [39] = 7 };
	struct rig *r = *state;
	struct frame out = advertisement(ASKER, HOME1, 0, 0), in;

	in = with_options(ASKER, "ff02::1:ff00:100", NULL, 0);
	expect_out(r, HOOK_XDP, "none", &in, SENT_NEIGHBOUR, &out);
	in = with_options(ASKER, "ff02::1:ff00:100", nonce, sizeof(nonce));
	expect_out(r, HOOK_XDP, "source address and nonce", &in, SENT_NEIGHBOUR, &out);
	in = with_options(ASKER, "ff02::1:ff00:100", long_one, sizeof(long_one));
	expect_out(r, HOOK_XDP, "64 octets", &in, SENT_NEIGHBOUR, &out);
	in = with_options("::", "ff02::1:ff00:100", nonce + 8, 8);
	out = advertisement("::", HOME1, 0, 0);
	expect_out(r, HOOK_XDP, "DAD with a nonce, RFC 7527", &in, SENT_NEIGHBOUR, &out);
}

static void what_rfc_4861_calls_invalid_is_dropped(void **state)
{
	static const uint8_t zero_length[] = { 14, 0, 0, 0, 0, 0, 0, 0 }, over_the_end[] = { 14, 2, 0, 0, 0, 0, 0, 0 };
	static const uint8_t zero_second[] = { 14, 1, 0, 0, 0, 0, 0, 0, 1, 0, 2, 0, 0, 1, 0, 9 };
	static const uint8_t source[] = { 1, 1, 2, 0, 0, 1, 0, 9 };
	struct rig *r = *state;
	struct frame good = solicitation(ASKER, HOME1), in;

	for (int hop = 0; hop < 255; hop++) {
		in = good;
		in.data[FRAME_ETH + 7] = hop;
		expect(r, HOOK_XDP, "hop limit", &in, DROP_ND_MALFORMED);
	}
	for (size_t bit = 0; bit < 8 * 32; bit++) { /* any bit of the message but those of type and target */
		in = good;
		in.data[ICMP + bit / 8] ^= 1 << bit % 8;
		if (bit >= 8 && (bit < 8 * 8 || bit >= 24 * 8))
			expect(r, HOOK_XDP, "one bit wrong", &in, DROP_ND_MALFORMED);
	}
	in = good;
	in.data[ICMP + 1] = 1;
	set_sum(&in, FRAME_ETH, NH_ICMPV6, ICMP, 2);
	expect(r, HOOK_XDP, "code 1", &in, DROP_ND_MALFORMED);
	in = with_options(ASKER, "ff02::1:ff00:100", zero_length, 8);
	expect(r, HOOK_XDP, "option of length 0", &in, DROP_ND_MALFORMED);
	in = with_options(ASKER, "ff02::1:ff00:100", zero_second, 16);
	expect(r, HOOK_XDP, "second option of length 0", &in, DROP_ND_MALFORMED);
	in = with_options(ASKER, "ff02::1:ff00:100", over_the_end, 8);
	expect(r, HOOK_XDP, "option over the end", &in, DROP_ND_MALFORMED);
	in = with_options("::", "ff02::1:ff00:100", source, 8);
	expect(r, HOOK_XDP, "DAD with a source address option", &in, DROP_ND_MALFORMED);
	in = with_options("::", HOME1, NULL, 0);
	expect(r, HOOK_XDP, "DAD not to the solicited-node group", &in, DROP_ND_MALFORMED);
	in = with_options("ff02::9", "ff02::1:ff00:100", NULL, 0);
	expect(r, HOOK_XDP, "from a group", &in, DROP_ND_MALFORMED);
	in = with_options("::1", "ff02::1:ff00:100", NULL, 0);
	expect(r, HOOK_XDP, "from loopback", &in, DROP_ND_MALFORMED);
}

static void its_length_must_be_that_of_a_message_and_within_the_frame(void **state)
{
	struct rig *r = *state;
	struct frame good = solicitation(ASKER, HOME1);

	for (unsigned int len = 0; len <= 200; len++) {
		struct frame in = good;

		if (len == 32)
			continue;
		set16(&in, FRAME_ETH + 4, len);
		expect(r, HOOK_XDP, "payload length", &in, DROP_ND_MALFORMED);
	}
}

static void who_is_not_defended_there_is_left_alone(void **state)
{
	struct rig *r = *state;
	struct frame in = solicitation(ASKER, AT_HOME);

	expect(r, HOOK_XDP, "another target", &in, PASS_KERNEL);
	in = solicitation(ASKER, HA);
	expect(r, HOOK_XDP, "our own address", &in, PASS_KERNEL);
	in = solicitation(ASKER, HOME1);
	in.ifindex = r->wan;
	memcpy(in.data, (const uint8_t[]){ 0x33, 0x33, 0xff, 0, 1, 0 }, 6);
	expect(r, HOOK_XDP, "another interface", &in, PASS_KERNEL);
	in = solicitation(ASKER, HOME1);
	in.data[ICMP] = ICMP6_NEIGHBOUR_ADVERT;
	expect(r, HOOK_XDP, "an advertisement", &in, PASS_KERNEL);
	in = solicitation(ASKER, HOME1);
	memcpy(in.data, mac_gw, 6);
	expect(r, HOOK_XDP, "to another MAC", &in, PASS_OTHER_MAC);
}

/* ---- not tunnelled ---- */

static void neighbour_discovery_and_mld_to_a_home_address_are_not_tunnelled(void **state)
{
	struct rig *r = *state;

	for (unsigned int type = 0; type < 256; type++) {
		bool stays = (type >= ICMP6_MLD_QUERY && type <= ICMP6_REDIRECT) || type == ICMP6_MLD2_REPORT;
		struct frame in = icmp6(CN, HOME1, type, 24), out = tunnelled(&in, FRAME_ETH, HOP_14, COA1);

		if (stays)
			expect(r, HOOK_XDP, "ND or MLD", &in, DROP_ND_HOME);
		else
			expect_out(r, HOOK_XDP, "other ICMPv6", &in, SENT_ENCAPSULATED, &out);
	}
}

static void mld_is_known_behind_its_router_alert(void **state)
{
	static const uint8_t alert[] = { NH_ICMPV6, 0, 5, 2, 0, 0, OPT_PADN, 0 }; /* RFC 2710 §3: always there */
	struct rig *r = *state;

	for (uint8_t type = 128; type < 150; type++) {
		bool stays = (type >= ICMP6_MLD_QUERY && type <= ICMP6_REDIRECT) || type == ICMP6_MLD2_REPORT;
		struct frame in = to_lan(0), out;
		size_t ip = put_ip6(&in, "2001:db8:1::9", HOME1, NH_HOPOPTS, 63);

		put(&in, alert, sizeof(alert));
		put8(&in, type);
		put_pattern(&in, 23);
		end_ip6(&in, ip);
		out = tunnelled(&in, FRAME_ETH, HOP_14, COA1);
		if (stays)
			expect(r, HOOK_XDP, "with router alert", &in, DROP_ND_HOME);
		else
			expect_out(r, HOOK_XDP, "with router alert", &in, SENT_ENCAPSULATED, &out);
	}
}

static void a_packet_to_the_link_local_address_of_a_node_away_is_reported(void **state)
{
	struct rig *r = *state;
	struct frame in = datagram("fe80::9", LINK_LOCAL1, 16);

	expect(r, HOOK_XDP, "to a defended link-local address", &in, DROP_LINK_LOCAL);
	check_event(r, "to a defended link-local address", EVENT_LINK_LOCAL, DROP_LINK_LOCAL, &in, FRAME_ETH);
	in.ifindex = r->wan;
	memcpy(in.data, mac_wan, 6);
	expect(r, HOOK_XDP, "on another link", &in, PASS_KERNEL);
	in = datagram("fe80::9", "fe80::200", 16);
	expect(r, HOOK_XDP, "to another link-local address", &in, PASS_KERNEL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(a_defended_address_is_answered_for),
		RIG_TEST(where_xdp_may_not_redirect_the_answer_goes_back_all_the_same),
		RIG_TEST(duplicate_address_detection_is_answered_to_all_nodes),
		RIG_TEST(it_is_answered_through_its_vlan_tags),
		RIG_TEST(options_of_any_legal_kind_and_number_are_no_hindrance),
		RIG_TEST(what_rfc_4861_calls_invalid_is_dropped),
		RIG_TEST(its_length_must_be_that_of_a_message_and_within_the_frame),
		RIG_TEST(who_is_not_defended_there_is_left_alone),
		RIG_TEST(neighbour_discovery_and_mld_to_a_home_address_are_not_tunnelled),
		RIG_TEST(mld_is_known_behind_its_router_alert),
		RIG_TEST(a_packet_to_the_link_local_address_of_a_node_away_is_reported),
	};

	return cmocka_run_group_tests_name("neighbour solicitation", tests, rig_open, rig_close);
}
