// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The home address option at XDP: layouts, admission, what is hidden and how; option 0x1E from outside. RFC 6275 §6.3,
 * §9.3.1; DESIGN §3; PROTOCOL §5. */
#include "packets.h"

enum { SOURCE = FRAME_ETH + 8, OPTIONS = FRAME_ETH + IP6_HDR_LEN };

/* The upper layer's sum must hold for the home address, RFC 6275 §6.1.1, §11.3.1. */
static void check_sum(const struct frame *f, uint8_t proto, size_t at)
{
	struct in6_addr src = addr_at(f, SOURCE), dst = addr_at(f, SOURCE + 16);

	assert_int_equal(sum_upper(&src, &dst, proto, f->data + at, f->len - at), 0xFFFF);
}

static void a_binding_update_comes_up_from_its_home_address(void **state)
{
	struct rig *r = *state;
	struct frame in = binding_update("2001:db8:f9::9", "2001:db8:1::9"), out = hidden(&in, HAO_AT);

	expect_out(r, HOOK_XDP, "without a binding", &in, PASS_SIGNALLING, &out);
	check_sum(&r->out, NH_MH, OPTIONS + 24);
	in = binding_update(COA2, HOME1);
	out = hidden(&in, HAO_AT);
	expect_out(r, HOOK_XDP, "from a new care-of address", &in, PASS_SIGNALLING, &out);
	check_sum(&r->out, NH_MH, OPTIONS + 24);
}

static void other_traffic_needs_a_binding_with_this_care_of_address(void **state)
{
	static const struct {
		const char *name, *care_of, *home;
		enum reason why, note;
	} cases[] = {
		{ "bound", COA1, HOME1, PASS_HOME_ADDRESS, REASON_NONE },
		{ "wrong care-of address", COA2, HOME1, DROP_HAO_UNKNOWN, REASON_NONE },
		{ "no binding", COA1, AT_HOME, DROP_HAO_UNKNOWN, REASON_NONE },
		{ "expired", COA1, "2001:db8:1::102", DROP_HAO_UNKNOWN, NOTE_EXPIRED },
	};
	struct rig *r = *state;

	bind_until(r, "2001:db8:1::102", COA1, HOP_14, 0, 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct frame in = optimised(cases[i].care_of, cases[i].home), out = hidden(&in, HAO_AT);

		if (cases[i].why == PASS_HOME_ADDRESS) {
			expect_out(r, HOOK_XDP, cases[i].name, &in, cases[i].why, &out);
			check_sum(&r->out, NH_UDP, OPTIONS + 24);
			continue;
		}
		expect_noted(r, HOOK_XDP, cases[i].name, &in, cases[i].why, cases[i].note, NULL);
		check_event(r, cases[i].name, EVENT_UNKNOWN_BINDING, DROP_HAO_UNKNOWN, &in, FRAME_ETH);
	}
}

static void a_tagged_packet_is_hidden_and_reported_alike(void **state)
{
	struct rig *r = *state;

	for (int tags = 0; tags <= 2; tags++) {
		struct frame flat = optimised(COA1, HOME1), flat_out = hidden(&flat, HAO_AT), in = to_lan(tags),
			     out = to_lan(tags);

		put(&in, flat.data + FRAME_ETH, flat.len - FRAME_ETH);
		put(&out, flat_out.data + FRAME_ETH, flat_out.len - FRAME_ETH);
		expect_out(r, HOOK_XDP, "tagged", &in, PASS_HOME_ADDRESS, &out);
		in.data[14 + 4 * tags + 8 + 15] ^= 0x40;
		expect(r, HOOK_XDP, "tagged, unknown", &in, DROP_HAO_UNKNOWN);
		check_event(r, "tagged, unknown", EVENT_UNKNOWN_BINDING, DROP_HAO_UNKNOWN, &in, 14 + 4 * tags);
	}
}

static void what_follows_the_option_decides_whether_a_binding_is_needed(void **state)
{
	static const struct {
		const char *name;
		uint8_t next, fragment_of;
		enum reason why, unbound;
	} cases[] = {
		{ "ESP", NH_ESP, 0, PASS_HOME_ADDRESS, PASS_HOME_ADDRESS },
		{ "TCP", NH_TCP, 0, PASS_HOME_ADDRESS, DROP_HAO_UNKNOWN },
		{ "ICMPv6", NH_ICMPV6, 0, PASS_HOME_ADDRESS, DROP_HAO_UNKNOWN },
		{ "nothing", NH_NONE, 0, PASS_HOME_ADDRESS, DROP_HAO_UNKNOWN },
		{ "a tunnel", NH_IPV6, 0, PASS_TUNNEL, DROP_HAO_UNKNOWN },
		{ "a fragment of MH", NH_FRAGMENT, NH_MH, PASS_SIGNALLING, PASS_SIGNALLING },
		{ "a fragment of ESP", NH_FRAGMENT, NH_ESP, PASS_HOME_ADDRESS, PASS_HOME_ADDRESS },
		{ "a fragment of UDP", NH_FRAGMENT, NH_UDP, PASS_HOME_ADDRESS, DROP_HAO_UNKNOWN },
		{ "a fragment of more headers", NH_FRAGMENT, NH_DSTOPTS, PASS_HOME_ADDRESS, DROP_HAO_UNKNOWN },
		{ "a fragment of AH", NH_FRAGMENT, NH_AH, DROP_HAO_AH, DROP_HAO_AH },
		{ "AH", NH_AH, 0, DROP_HAO_AH, DROP_HAO_AH },
	};
	struct rig *r = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (int bound = 0; bound <= 1; bound++) {
			enum reason why = bound ? cases[i].why : cases[i].unbound;
			struct frame in = to_lan(0), out;
			size_t ip = put_ip6(&in, bound ? COA1 : COA2, HA, NH_DSTOPTS, 60);

			put_hao(&in, cases[i].next, HOME1);
			if (cases[i].next == NH_FRAGMENT)
				put_fragment(&in, cases[i].fragment_of, 0, true);
			if (cases[i].next == NH_AH) {
				put_padding(&in, NH_UDP, 24);
				in.data[in.len - 23] = 4;
			}
			put_pattern(&in, 32);
			end_ip6(&in, ip);
			out = hidden(&in, HAO_AT);
			expect_out(r, HOOK_XDP, cases[i].name, &in, why,
				   reason_class(why) == REASON_CLASS_DROP ? NULL : &out);
		}
}

static void the_option_may_only_name_and_come_from_a_routable_address(void **state)
{
	static const struct {
		const char *name, *source, *home;
	} cases[] = {
		{ "home multicast", COA1, "ff0e::1" },	   { "home link-local", COA1, "fe80::1" },
		{ "home unspecified", COA1, "::" },	   { "home loopback", COA1, "::1" },
		{ "home is our own", COA1, HA },	   { "home is another of ours", COA1, OWN },
		{ "source link-local", "fe80::9", HOME1 }, { "source unspecified", "::", HOME1 },
		{ "source multicast", "ff0e::1", HOME1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct frame in = binding_update(cases[i].source, cases[i].home);

		expect(*state, HOOK_XDP, cases[i].name, &in, DROP_HAO_ADDRESS);
	}
}

/* ---- layouts ---- */

/* A destination options header that begins with @before, then the option, then padding; UDP behind. Return: where the
 * option stands. */
static size_t put_layout(struct frame *f, const uint8_t *before, size_t len)
{
	size_t start = f->len, option, ip = start - IP6_HDR_LEN;

	put8(f, NH_UDP);
	put8(f, (2 + len + 18 + 7) / 8 - 1);
	put(f, before, len);
	option = f->len;
	put8(f, OPT_HOME_ADDRESS);
	put8(f, HAO_LEN);
	put_addr(f, HOME1);
	len = (8 - (f->len - start) % 8) % 8;
	if (len == 1)
		put8(f, OPT_PAD1);
	else if (len > 1)
		put(f, (const uint8_t[8]){ OPT_PADN, len - 2 }, len);
	put_udp(f, ip, 16);
	return option;
}

static void every_layout_with_room_keeps_its_other_options_and_the_rest_are_refused(void **state)
{
	static const struct {
		const char *name;
		uint8_t len, before[16],
			after[16]; /* after: what stands there then, up to our option; its length is 4 less */
		bool room;
	} cases[] = {
		{ "PadN of 4, as everybody does", 4, { 1, 2, 0, 0 }, { 0 }, true },
		{ "four Pad1", 4, { 0, 0, 0, 0 }, { 0 }, true },
		{ "two PadN of 2", 4, { 1, 0, 1, 0 }, { 0 }, true },
		{ "PadN of 2, two Pad1", 4, { 1, 0, 0, 0 }, { 0 }, true },
		{ "Pad1, PadN of 3", 4, { 0, 1, 1, 0 }, { 0 }, true },
		{ "six Pad1", 6, { 0 }, { 0, 0 }, true },
		{ "PadN of 6", 6, { 1, 4, 0, 0, 0, 0 }, { 1, 0 }, true },
		{ "PadN of 8", 8, { 1, 6, 0, 0, 0, 0, 0, 0 }, { 1, 2, 0, 0 }, true },
		{ "PadN of 4, PadN of 2", 6, { 1, 2, 0, 0, 1, 0 }, { 1, 0 }, true },
		{ "PadN of 2, PadN of 4", 6, { 1, 0, 1, 2, 0, 0 }, { 1, 0 }, true },
		{ "unknown option, PadN of 5", 8, { 0x0F, 1, 9, 1, 3, 0, 0, 0 }, { 0x0F, 1, 9, 0 }, true },
		{ "unknown option, PadN of 7", 10, { 0x0F, 1, 9, 1, 5, 0, 0, 0, 0, 0 }, { 0x0F, 1, 9, 1, 1, 0 }, true },
		{ "encapsulation limit, PadN of 5", 8, { 4, 1, 3, 1, 3, 0, 0, 0 }, { 4, 1, 3, 0 }, true },
		{ "router option, four Pad1", 8, { 5, 2, 0, 0 }, { 5, 2, 0, 0 }, true },
		{ "PadN of 14: beyond what we look back", 14, { 1, 12 }, { 0 }, false },
		{ "nothing before", 0, { 0 }, { 0 }, false },
		{ "two octets", 2, { 1, 0 }, { 0 }, false },
		{ "an option of 4", 4, { 0x0F, 2, 0, 0 }, { 0 }, false },
		{ "an option of 4, two octets", 6, { 0x0F, 2, 0, 0, 1, 0 }, { 0 }, false },
		{ "padding, then an option of 2", 6, { 1, 2, 0, 0, 0x0F, 0 }, { 0 }, false },
		{ "five Pad1: odd", 5, { 0 }, { 0 }, false },
		{ "PadN of 3: odd", 3, { 1, 1, 0 }, { 0 }, false },
	};
	struct rig *r = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct frame in = to_lan(0), out;
		size_t ip = put_ip6(&in, COA1, HA, NH_DSTOPTS, 60),
		       option = put_layout(&in, cases[i].before, cases[i].len);

		end_ip6(&in, ip);
		if (!cases[i].room) {
			expect(r, HOOK_XDP, cases[i].name, &in, DROP_HAO_LAYOUT);
			continue;
		}
		out = hidden(&in, option);
		memcpy(out.data + OPTIONS + 2, cases[i].after, cases[i].len - 4);
		expect_out(r, HOOK_XDP, cases[i].name, &in, PASS_HOME_ADDRESS, &out);
	}
}

static void padding_before_other_options_of_a_header_is_no_room(void **state)
{
	struct rig *r = *state;
	struct frame in = to_lan(0), out;
	size_t ip = put_ip6(&in, COA1, HA, NH_DSTOPTS, 60);

	put_padding(&in, NH_DSTOPTS, 8); /* another header: its padding ends there */
	put8(&in, NH_NONE);
	put8(&in, 2);
	put8(&in, OPT_HOME_ADDRESS);
	put8(&in, HAO_LEN);
	put_addr(&in, HOME1);
	put32(&in, 0x01020000);
	end_ip6(&in, ip);
	expect(r, HOOK_XDP, "padding of the header before", &in, DROP_HAO_LAYOUT);

	in = to_lan(0); /* and in its right place the option may follow other headers */
	ip = put_ip6(&in, COA1, HA, NH_DSTOPTS, 60);
	put_padding(&in, NH_DSTOPTS, 16);
	put_hao(&in, NH_NONE, HOME1);
	end_ip6(&in, ip);
	out = hidden(&in, HAO_AT + 16);
	expect_out(r, HOOK_XDP, "second header", &in, PASS_HOME_ADDRESS, &out);
}

static void a_second_option_or_one_of_wrong_length_is_malformed(void **state)
{
	struct rig *r = *state;
	struct frame in;
	size_t ip;

	for (unsigned int len = 0; len < 256; len++) {
		in = optimised(COA1, HOME1);
		in.data[HAO_AT + 1] = len;
		if (len != HAO_LEN)
			expect(r, HOOK_XDP, "wrong length", &in, DROP_HAO_MALFORMED);
	}
	in = to_lan(0);
	ip = put_ip6(&in, COA1, HA, NH_DSTOPTS, 60);
	put_hao(&in, NH_DSTOPTS, HOME1);
	put_hao(&in, NH_NONE, HOME1);
	end_ip6(&in, ip);
	expect(r, HOOK_XDP, "in two headers", &in, DROP_HAO_MALFORMED);
	in = to_lan(0);
	ip = put_ip6(&in, COA1, HA, NH_DSTOPTS, 60);
	put_hao(&in, NH_NONE, HOME1);
	in.data[OPTIONS + 1] = 5;
	put(&in, in.data + OPTIONS + 2, 22);
	put16(&in, 0x0100);
	end_ip6(&in, ip);
	expect(r, HOOK_XDP, "twice in one header", &in, DROP_HAO_MALFORMED);
}

/* ---- option 0x1E ---- */

/* A packet with an option 0x1E of @len octets in a destination options header; @right: with our tag. */
static struct frame with_own_option(uint8_t len, bool right)
{
	struct frame f = to_lan(0);
	size_t ip = put_ip6(&f, HOME1, HA, NH_DSTOPTS, 60);

	put8(&f, NH_UDP);
	put8(&f, (4 + len + 7) / 8 - 1);
	put8(&f, OPT_VERIFIED_HOME);
	put8(&f, len);
	put(&f, tag, len < 4 ? len : 4);
	if (len > 4)
		put_pattern(&f, len - 4);
	while ((f.len - OPTIONS) % 8)
		put8(&f, 0);
	if (!right)
		f.data[OPTIONS + 7] ^= 1;
	put_udp(&f, ip, 8);
	end_ip6(&f, ip);
	return f;
}

static void option_1e_from_outside_is_refused_whatever_it_holds(void **state)
{
	static const uint8_t lengths[] = { 0, 1, 4, 16, 19, 20, 21, 60 };
	struct rig *r = *state;

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++)
		for (int right = 0; right <= 1; right++) {
			struct frame in = with_own_option(lengths[i], right);

			expect(r, HOOK_XDP, "0x1E", &in, DROP_FORGED_OPTION);
		}
}

static void option_1e_is_found_behind_and_beside_others(void **state)
{
	struct rig *r = *state;
	struct frame in = to_lan(0);
	size_t ip = put_ip6(&in, COA1, HA, NH_DSTOPTS, 60);

	put_hao(&in, NH_DSTOPTS, HOME1);
	put8(&in, NH_MH);
	put8(&in, 2);
	put8(&in, OPT_VERIFIED_HOME);
	put8(&in, 20);
	put(&in, tag, 4);
	put_addr(&in, COA2);
	put_mh(&in, ip, MH_BU, 16);
	end_ip6(&in, ip);
	expect(r, HOOK_XDP, "after a home address option", &in, DROP_FORGED_OPTION);
	in = to_lan(0);
	ip = put_ip6(&in, COA1, HA, NH_HOPOPTS, 60);
	put_padding(&in, NH_DSTOPTS, 8);
	put8(&in, NH_IPV6);
	put8(&in, 0);
	put(&in, (const uint8_t[]){ OPT_TUNNEL_LIMIT, 1, 4, OPT_VERIFIED_HOME, 1, 0 }, 6);
	put_datagram(&in, HOME1, CN, 8);
	end_ip6(&in, ip);
	expect(r, HOOK_XDP, "before an inner packet", &in, DROP_FORGED_OPTION);
}

/* Where XDP and TC are both attached, TC sees what XDP wrote: the tag tells it from a forgery. */
static void tc_accepts_what_xdp_wrote_and_nothing_else(void **state)
{
	struct rig *r = *state;
	struct frame in = optimised(COA1, HOME1), ours = hidden(&in, HAO_AT);

	expect_out(r, HOOK_XDP, "at XDP", &in, PASS_HOME_ADDRESS, &ours);
	ours = r->out;
	expect(r, HOOK_TC_IN, "UDP, then at TC where no program comes before", &ours, DROP_FORGED_OPTION);
	set_port(r, r->lan, mac_lan, 1500, PORT_REDIRECT | PORT_BEHIND);
	expect(r, HOOK_TC_IN, "UDP, then at TC", &ours, PASS_KERNEL);
	for (size_t i = 0; i < 4; i++) {
		struct frame forged = ours;

		forged.data[HAO_AT - 2 + i] ^= 1;
		expect(r, HOOK_TC_IN, "one bit of the tag wrong", &forged, DROP_FORGED_OPTION);
	}
	expect(r, HOOK_XDP, "again at XDP", &ours, DROP_FORGED_OPTION);
	in = binding_update(COA2, HOME1);
	rig_run(r, HOOK_XDP, &in);
	ours = r->out;
	expect(r, HOOK_TC_IN, "binding update, then at TC", &ours, PASS_SIGNALLING);
	in = with_own_option(19, true);
	expect(r, HOOK_TC_IN, "right tag, wrong length", &in, DROP_FORGED_OPTION);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(a_binding_update_comes_up_from_its_home_address),
		RIG_TEST(other_traffic_needs_a_binding_with_this_care_of_address),
		RIG_TEST(a_tagged_packet_is_hidden_and_reported_alike),
		RIG_TEST(what_follows_the_option_decides_whether_a_binding_is_needed),
		RIG_TEST(the_option_may_only_name_and_come_from_a_routable_address),
		RIG_TEST(every_layout_with_room_keeps_its_other_options_and_the_rest_are_refused),
		RIG_TEST(padding_before_other_options_of_a_header_is_no_room),
		RIG_TEST(a_second_option_or_one_of_wrong_length_is_malformed),
		RIG_TEST(option_1e_from_outside_is_refused_whatever_it_holds),
		RIG_TEST(option_1e_is_found_behind_and_beside_others),
		RIG_TEST(tc_accepts_what_xdp_wrote_and_nothing_else),
	};

	return cmocka_run_group_tests_name("home address option", tests, rig_open, rig_close);
}
