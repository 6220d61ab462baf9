// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which packets an ICMPv6 error may be sent about, and how one about a tunnel packet is translated: RFC 4443 §2.4, RFC
 * 2473 §8. */
#include "check.h"

#include <errno.h>
#include <stdlib.h>

#include "raw.h"

/* RFC 4443 §2.4(e) */
static void errors_are_not_sent_about_errors_nor_to_those_who_are_nobody(void **state)
{
	static const struct {
		const char *src, *dst;
		uint8_t proto, type;
		bool yes, with_multicast_ok;
	} cases[] = {
		{ "2001:db8::2", "2001:db8::1", NH_UDP, 1, true, true },
		{ "2001:db8::2", "2001:db8::1", NH_MH, 5, true, true },
		{ "fe80::2", "2001:db8::1", NH_UDP, 1, true, true },
		{ "2001:db8::2", "ff0e::1", NH_UDP, 1, false, true },
		{ "::", "2001:db8::1", NH_UDP, 1, false, false },
		{ "ff02::1", "2001:db8::1", NH_UDP, 1, false, false },
		{ "::1", "2001:db8::1", NH_UDP, 1, false, false },
		{ "2001:db8::2", "2001:db8::1", NH_ICMPV6, ICMP6_UNREACHABLE, false, false },
		{ "2001:db8::2", "2001:db8::1", NH_ICMPV6, ICMP6_TOO_BIG, false, false },
		{ "2001:db8::2", "2001:db8::1", NH_ICMPV6, 127, false, false },
		{ "2001:db8::2", "2001:db8::1", NH_ICMPV6, ICMP6_ECHO_REQUEST, true, true },
		{ "2001:db8::2", "2001:db8::1", NH_ICMPV6, ICMP6_NEIGHBOUR_ADVERT, true, true },
		{ "2001:db8::2", "2001:db8::1", NH_ICMPV6, ICMP6_REDIRECT, false, false },
		{ "2001:db8::2", "2001:db8::1", NH_ICMPV6, 255, true, true },
		{ "2001:db8::2", "ff0e::1", NH_ICMPV6, ICMP6_TOO_BIG, false, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct raw raw = { .len = 0 };

		add_ip(&raw, cases[i].src, cases[i].dst);
		add_upper(&raw, cases[i].proto, (const uint8_t[8]){ cases[i].type }, 8);
		CHECK_CASE(i, packet_may_be_answered(raw.data, raw.len, false) == cases[i].yes);
		CHECK_CASE(i, packet_may_be_answered(raw.data, raw.len, true) == cases[i].with_multicast_ok);
	}
}

static void errors_are_not_sent_where_nobody_can_tell_whether_it_was_one(void **state)
{
	static const struct {
		uint16_t fragment;
		uint8_t proto;
		size_t cut;
		bool yes;
	} cases[] = {
		{ 1, NH_ICMPV6, 0, true },				/* a first fragment shows its type, */
		{ 8, NH_ICMPV6, 0, false },				/* a later one doesn't */
		{ 8, NH_UDP, 0, true },	    { 1, NH_ICMPV6, 8, false }, /* cut before its type */
		{ 1, NH_ICMPV6, 7, true },  { 1, NH_UDP, 8, true },
		{ 1, NH_UDP, 9, false }, /* inside its headers */
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct raw raw = start();

		add_fragment(&raw, cases[i].fragment);
		add_upper(&raw, cases[i].proto, (const uint8_t[8]){ ICMP6_ECHO_REQUEST }, 8);
		CHECK_CASE(i, packet_may_be_answered(raw.data, raw.len - cases[i].cut, false) == cases[i].yes);
	}
}

/* ---- errors about tunnel packets ---- */

/* An error about a packet from our agent to a mobile node, from a correspondent to its home address inside. */
static struct raw tunnel_error(uint8_t type, uint32_t data, void (*options)(struct raw *raw), struct raw *quoted)
{
	struct raw icmp = { .len = 0 };

	*quoted = (struct raw){ .len = 0 };
	add_ip(quoted, "2001:db8:1::1", "2001:db8:f1::2");
	options(quoted);
	add_ip(quoted, "2001:db8:c::2", "2001:db8:1::100");
	add_upper(quoted, NH_UDP, "12345678", 8);
	icmp.len = packet_build_icmp_error(type, 0, data, quoted->data, quoted->len, icmp.data);
	return icmp;
}

static int translate(const struct raw *icmp, size_t len, struct packet_error *out)
{
	uint8_t *exact = malloc(len ? len : 1);
	int err;

	assert_non_null(exact);
	memcpy(exact, icmp->data, len);
	err = packet_translate_error(exact, len, out);
	if (!err) { /* what it hands out lies within what it was given */
		assert_true(out->inner >= exact && out->inner + out->inner_len <= exact + len);
		out->inner = icmp->data + (out->inner - exact);
	}
	free(exact);
	return err;
}

static void errors_of_the_tunnel_become_errors_of_the_inner_packet(void **state)
{
	static const struct {
		uint8_t type;
		void (*options)(struct raw *raw);
		int err;
		uint8_t type_out, code_out;
		uint16_t overhead;
	} cases[] = {
		{ 0, plain, -EINVAL, 0, 0, 0 },
		{ ICMP6_UNREACHABLE, plain, 0, ICMP6_UNREACHABLE, ICMP6_UNREACH_ADDRESS, 40 },
		{ ICMP6_TOO_BIG, plain, 0, ICMP6_TOO_BIG, 0, 40 },
		{ ICMP6_TIME_EXCEEDED, plain, 0, ICMP6_UNREACHABLE, ICMP6_UNREACH_ADDRESS, 40 },
		{ ICMP6_PARAM_PROBLEM, plain, 0, ICMP6_UNREACHABLE, ICMP6_UNREACH_ADDRESS, 40 },
		{ 5, plain, -EINVAL, 0, 0, 0 },
		{ ICMP6_ECHO_REQUEST, plain, -EINVAL, 0, 0, 0 },
		{ ICMP6_TOO_BIG, tunnel_limit, 0, ICMP6_TOO_BIG, 0, 48 },
		{ ICMP6_UNREACHABLE, first_fragment, 0, ICMP6_UNREACHABLE, ICMP6_UNREACH_ADDRESS, 48 },
	};
	const struct in6_addr agent = addr("2001:db8:1::1"), care_of = addr("2001:db8:f1::2");
	const struct in6_addr peer = addr("2001:db8:c::2"), home = addr("2001:db8:1::100");

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct raw quoted, icmp = tunnel_error(cases[i].type, 1500, cases[i].options, &quoted);
		struct packet_error out;

		CHECK_CASE(i, translate(&icmp, icmp.len, &out) == cases[i].err);
		if (cases[i].err)
			continue;
		CHECK_CASE(i, out.type == cases[i].type_out && out.code == cases[i].code_out);
		CHECK_CASE(i, addr_equal(&out.tunnel_src, &agent) && addr_equal(&out.tunnel_dst, &care_of));
		CHECK_CASE(i, addr_equal(&out.inner_src, &peer) && addr_equal(&out.inner_dst, &home));
		CHECK_CASE(i, out.inner == icmp.data + 8 + cases[i].overhead && out.inner_len == 48);
		CHECK_CASE(i, out.mtu == (out.type == ICMP6_TOO_BIG ? 1500 : 0));
		CHECK_CASE(i, out.inner_mtu == (out.type == ICMP6_TOO_BIG ? 1500U - cases[i].overhead : 0));
	}
}

static void the_inner_mtu_never_falls_below_1280(void **state)
{
	static const struct {
		uint32_t mtu, inner;
	} cases[] = { { 0, 1280 },    { 1280, 1280 }, { 1319, 1280 },	{ 1320, 1280 },
		      { 1321, 1281 }, { 1500, 1460 }, { 65575, 65535 }, { UINT32_MAX, UINT32_MAX - 40 } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct raw quoted, icmp = tunnel_error(ICMP6_TOO_BIG, cases[i].mtu, plain, &quoted);
		struct packet_error out;

		CHECK_CASE(i, translate(&icmp, icmp.len, &out) == 0);
		CHECK_CASE(i, out.mtu == cases[i].mtu && out.inner_mtu == cases[i].inner);
	}
}

static void an_error_cut_before_the_end_of_the_inner_header_tells_too_little(void **state)
{
	static void (*const options[])(struct raw * raw) = { plain, tunnel_limit, first_fragment };
	static const size_t needed[] = { 8 + 40 + 40, 8 + 48 + 40, 8 + 48 + 40 };
	const struct in6_addr none = {}, agent = addr("2001:db8:1::1"), care_of = addr("2001:db8:f1::2");

	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		struct raw quoted, icmp = tunnel_error(ICMP6_UNREACHABLE, 0, options[i], &quoted);
		struct packet_error out;

		for (size_t len = 0; len <= icmp.len; len++) {
			CHECK_CASE(i << 16 | len, translate(&icmp, len, &out) == (len < needed[i] ? -EINVAL : 0));
			CHECK_CASE(i << 16 | len, len < needed[i] || out.inner_len == len - needed[i] + 40);
			/* whose tunnel it was is told as soon as the outer headers are whole */
			CHECK_CASE(i << 16 | len, addr_equal(&out.tunnel_src, len < needed[i] - 40 ? &none : &agent));
			CHECK_CASE(i << 16 | len, addr_equal(&out.tunnel_dst, len < needed[i] - 40 ? &none : &care_of));
		}
	}
}

static void what_is_no_tunnel_packet_of_ipv6_in_ipv6_is_not_translated(void **state)
{
	struct raw quoted, icmp = tunnel_error(ICMP6_UNREACHABLE, 0, plain, &quoted), bad;
	struct packet_error out;

	bad = icmp;
	bad.data[8 + 6] = NH_UDP;
	assert_int_equal(translate(&bad, bad.len, &out), -EINVAL);
	bad = icmp;
	bad.data[8] = 0x45;
	assert_int_equal(translate(&bad, bad.len, &out), -EINVAL);
	bad = icmp;
	bad.data[8 + 40] = 0x45; /* inside */
	assert_int_equal(translate(&bad, bad.len, &out), -EINVAL);
	bad = icmp;
	memset(bad.data + 8 + 40 + 8, 0, 16); /* nobody to tell */
	assert_int_equal(translate(&bad, bad.len, &out), -EINVAL);
	bad = tunnel_error(ICMP6_UNREACHABLE, 0, first_fragment, &quoted);
	bad.data[8 + 40 + 3] = 8; /* a later fragment: what looks like an inner header is data */
	assert_int_equal(translate(&bad, bad.len, &out), -EINVAL);
}

static void an_error_that_quotes_a_lying_payload_length_hands_out_nothing_beyond_its_end(void **state)
{
	struct raw quoted, icmp = tunnel_error(ICMP6_UNREACHABLE, 0, plain, &quoted);
	struct packet_error out;

	for (unsigned int len = 0; len <= 0xFFFF; len++) { /* translate() checks */
		set_payload_len(&icmp, 8, len);
		CHECK_CASE(len, translate(&icmp, icmp.len, &out) == (len < 40 ? -EINVAL : 0));
		CHECK_CASE(len, len < 40 || out.inner_len == (len < 48 ? len : 48));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errors_are_not_sent_about_errors_nor_to_those_who_are_nobody),
		cmocka_unit_test(errors_are_not_sent_where_nobody_can_tell_whether_it_was_one),
		cmocka_unit_test(errors_of_the_tunnel_become_errors_of_the_inner_packet),
		cmocka_unit_test(the_inner_mtu_never_falls_below_1280),
		cmocka_unit_test(an_error_cut_before_the_end_of_the_inner_header_tells_too_little),
		cmocka_unit_test(what_is_no_tunnel_packet_of_ipv6_in_ipv6_is_not_translated),
		cmocka_unit_test(an_error_that_quotes_a_lying_payload_length_hands_out_nothing_beyond_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
