// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* ICMPv6 errors about packets that the data path gave a type 2 routing header, a home address option or both, become
 * errors about what the socket sent: RFC 6275 §9.3.4, §11.3.1. */
#include "check.h"

#include <errno.h>
#include <stdlib.h>

#include "raw.h"

#define CARE_OF "2001:db8:f1::2"
#define HOME "2001:db8:1::100"
#define PEER_CARE_OF "2001:db8:f2::3"
#define PEER_HOME "2001:db8:2::200"

enum { ICMP_LEN = 8, ADDED = 24 /* octets of either header */ };

static const char payload[] = "upper layer";

static void add_rh2(struct raw *raw, const char *home, uint8_t hdrlen, uint8_t type, uint8_t left)
{
	uint8_t body[23] = { hdrlen, type, left };
	struct in6_addr a = addr(home);

	memcpy(body + 7, &a, sizeof(a));
	add_header(raw, NH_ROUTING, body, sizeof(body) + 1);
}

/* ---- what the data path adds ---- */

static void route(struct raw *raw)
{
	add_rh2(raw, PEER_HOME, 2, RH_TYPE2, 1);
}

static void home(struct raw *raw)
{
	add_hao(raw, HOME);
}

static void both(struct raw *raw)
{
	route(raw);
	home(raw);
}

/* ---- and what it doesn't ---- */

static void both_the_wrong_way_round(struct raw *raw)
{
	home(raw);
	route(raw);
}

static void route_twice(struct raw *raw)
{
	route(raw);
	route(raw);
}

static void route_gone(struct raw *raw)
{
	add_rh2(raw, PEER_HOME, 2, RH_TYPE2, 0);
}

static void route_of_type_0(struct raw *raw)
{
	add_rh2(raw, PEER_HOME, 2, 0, 1);
}

static void route_too_long(struct raw *raw)
{
	add_rh2(raw, PEER_HOME, 4, RH_TYPE2, 1);
	add_rh2(raw, PEER_HOME, 2, RH_TYPE2, 1);
}

static void fragment_before_the_route(struct raw *raw)
{
	first_fragment(raw);
	route(raw);
}

static void home_elsewhere(struct raw *raw)
{
	uint8_t body[23] = { 2, OPT_HOME_ADDRESS, HAO_LEN };

	body[19] = OPT_PADN;
	body[20] = 2;
	add_header(raw, NH_DSTOPTS, body, sizeof(body) + 1);
}

static void home_of_wrong_length(struct raw *raw)
{
	uint8_t body[23] = { 2, OPT_PADN, 2, 0, 0, OPT_HOME_ADDRESS, HAO_LEN - 1 };

	add_header(raw, NH_DSTOPTS, body, sizeof(body) + 1);
}

static void another_option_there(struct raw *raw)
{
	uint8_t body[23] = { 2, OPT_PADN, 2, 0, 0, OPT_PADN, HAO_LEN };

	add_header(raw, NH_DSTOPTS, body, sizeof(body) + 1);
}

static void home_with_padding_of_one(struct raw *raw)
{
	uint8_t body[23] = { 2, OPT_PADN, 1, 0, 0, OPT_HOME_ADDRESS, HAO_LEN };

	add_header(raw, NH_DSTOPTS, body, sizeof(body) + 1);
}

/* ---- errors ---- */

static struct raw quote(void (*headers)(struct raw *raw), uint8_t proto, const void *upper, size_t len)
{
	struct raw raw = { .len = 0 };

	add_ip(&raw, CARE_OF, PEER_CARE_OF);
	headers(&raw);
	add_upper(&raw, proto, upper, len);
	return raw;
}

static struct raw icmp_about(uint8_t type, uint8_t code, uint32_t data, const struct raw *quoted)
{
	struct mip6_icmp head = { .type = type, .code = code, .checksum = 0xBEEF, .data = htonl(data) };
	struct raw raw = { .len = sizeof(head) + quoted->len };

	assert_true(raw.len <= sizeof(raw.data));
	memcpy(raw.data, &head, sizeof(head));
	memcpy(raw.data + sizeof(head), quoted->data, quoted->len);
	return raw;
}

/* Over a buffer of exactly @len octets, so that the sanitiser sees a read past them. */
static int translate(const uint8_t *icmp, size_t len, struct packet_route_error *out)
{
	uint8_t *exact = malloc(len ? len : 1);
	int err;

	assert_non_null(exact);
	memcpy(exact, icmp, len);
	err = packet_translate_route_error(exact, len, out);
	free(exact);
	assert_true(err == 0 || err == -EINVAL);
	assert_true(out->inner_len <= sizeof(out->inner));
	return err;
}

static bool is_addr(const struct in6_addr *a, const char *text)
{
	struct in6_addr b = addr(text);

	return addr_equal(a, &b);
}

static void what_was_added_is_taken_off(void **state)
{
	static const struct {
		void (*headers)(struct raw *raw);
		bool has_home, has_route;
		uint8_t proto; /* of what is left */
		size_t left;   /* headers that stay */
	} cases[] = {
		{ route, false, true, NH_UDP, 0 },
		{ home, true, false, NH_UDP, 0 },
		{ both, true, true, NH_UDP, 0 },
		/* only what stands where the data path puts it */
		{ both_the_wrong_way_round, true, false, NH_ROUTING, ADDED },
		{ route_twice, false, true, NH_ROUTING, ADDED },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct raw quoted = quote(cases[i].headers, NH_UDP, payload, sizeof(payload));
		struct raw icmp = icmp_about(ICMP6_UNREACHABLE, 3, 0, &quoted);
		struct packet_route_error error;
		struct raw sent = { .len = 0 };
		size_t behind = cases[i].left + sizeof(payload);

		CHECK_CASE(i, translate(icmp.data, icmp.len, &error) == 0);
		CHECK_CASE(i, error.has_home == cases[i].has_home && error.has_route == cases[i].has_route);
		CHECK_CASE(i, is_addr(&error.wire_src, CARE_OF) && is_addr(&error.wire_dst, PEER_CARE_OF));
		CHECK_CASE(i, is_addr(&error.src, cases[i].has_home ? HOME : CARE_OF));
		CHECK_CASE(i, is_addr(&error.dst, cases[i].has_route ? PEER_HOME : PEER_CARE_OF));
		CHECK_CASE(i, error.type == ICMP6_UNREACHABLE && error.code == 3 && error.proto == cases[i].proto);
		CHECK_CASE(i, error.mtu == 0 && error.inner_mtu == 0 && error.pointer == 0 && error.mh_type == 0xFF);
		add_ip(&sent, cases[i].has_home ? HOME : CARE_OF, cases[i].has_route ? PEER_HOME : PEER_CARE_OF);
		add_upper(&sent, cases[i].proto, quoted.data + quoted.len - behind, behind);
		CHECK_CASE(i, error.inner_len == sent.len && !memcmp(error.inner, sent.data, sent.len));
	}
}

static void packets_without_what_we_add_are_somebody_elses(void **state)
{
	static void (*const headers[])(struct raw *) = {
		plain,
		tunnel_limit,
		first_fragment,
		route_gone,
		route_of_type_0,
		route_too_long,
		fragment_before_the_route,
		home_elsewhere,
		home_of_wrong_length,
		another_option_there,
		home_with_padding_of_one,
	};

	for (size_t i = 0; i < ARRAY_SIZE(headers); i++) {
		struct raw quoted = quote(headers[i], NH_UDP, payload, sizeof(payload));
		struct raw icmp = icmp_about(ICMP6_TOO_BIG, 0, 1400, &quoted);
		struct packet_route_error error;

		CHECK_CASE(i, translate(icmp.data, icmp.len, &error) == -EINVAL);
	}
}

/* What is behind a header that isn't ours is left alone, whatever it looks like. */
static void a_home_address_option_counts_behind_the_route_only(void **state)
{
	struct raw quoted = quote(both, NH_UDP, payload, sizeof(payload)), icmp;
	struct packet_route_error error;

	quoted.data[IP6_HDR_LEN + ADDED + 6] ^= 1; /* the option's type */
	icmp = icmp_about(ICMP6_UNREACHABLE, 0, 0, &quoted);
	assert_int_equal(translate(icmp.data, icmp.len, &error), 0);
	assert_true(error.has_route && !error.has_home);
	assert_int_equal(error.proto, NH_DSTOPTS);
	assert_true(is_addr(&error.src, CARE_OF) && is_addr(&error.dst, PEER_HOME));
	assert_int_equal(error.inner_len, quoted.len - ADDED);
}

/* The next header says what follows, not its octets: a datagram may look like anything. */
static void octets_that_only_look_like_our_headers_are_data(void **state)
{
	static void (*const headers[])(struct raw *) = { route, home };

	for (size_t i = 0; i < ARRAY_SIZE(headers); i++) {
		struct raw like = quote(headers[i], NH_UDP, payload, sizeof(payload)), quoted, icmp;
		struct packet_route_error error;

		quoted = quote(plain, NH_UDP, like.data + IP6_HDR_LEN, ADDED);
		icmp = icmp_about(ICMP6_TOO_BIG, 0, 1400, &quoted);
		CHECK_CASE(i, translate(icmp.data, icmp.len, &error) == -EINVAL);
		quoted = quote(route, NH_UDP, like.data + IP6_HDR_LEN, ADDED);
		icmp = icmp_about(ICMP6_TOO_BIG, 0, 1400, &quoted);
		CHECK_CASE(i, translate(icmp.data, icmp.len, &error) == 0);
		CHECK_CASE(i, error.has_route && !error.has_home && error.proto == NH_UDP);
		CHECK_CASE(i, is_addr(&error.src, CARE_OF) && error.inner_len == IP6_HDR_LEN + ADDED);
	}
}

static void errors_of_types_1_to_4_about_ipv6_only(void **state)
{
	struct raw quoted = quote(both, NH_UDP, payload, sizeof(payload));
	struct packet_route_error error;

	for (int type = 0; type <= UINT8_MAX; type++) {
		struct raw icmp = icmp_about(type, 1, 0, &quoted);

		CHECK_CASE(type, translate(icmp.data, icmp.len, &error) == (type >= 1 && type <= 4 ? 0 : -EINVAL));
		CHECK_CASE(type, error.type == (type >= 1 && type <= 4 ? type : 0));
	}
	for (int version = 0; version < 16; version++) {
		struct raw icmp = icmp_about(ICMP6_UNREACHABLE, 0, 0, &quoted);

		icmp.data[ICMP_LEN] = version << 4 | (icmp.data[ICMP_LEN] & 0x0F);
		CHECK_CASE(version, translate(icmp.data, icmp.len, &error) == (version == 6 ? 0 : -EINVAL));
	}
}

/* ---- numbers ---- */

/* RFC 8200 §5: no link is smaller than 1280, so nobody is told to send less, RFC 8201 §4. */
static void the_mtu_for_the_socket_has_room_for_what_is_added(void **state)
{
	static const struct {
		void (*headers)(struct raw *raw);
		uint32_t mtu, inner;
	} cases[] = {
		{ route, 1500, 1476 },
		{ home, 1500, 1476 },
		{ both, 1500, 1452 },
		{ route, 1305, 1281 },
		{ route, 1304, 1280 },
		{ route, 1303, 1280 },
		{ both, 1329, 1281 },
		{ both, 1328, 1280 },
		{ both, 1327, 1280 },
		{ both, 1280, 1280 },
		{ both, 1279, 1280 },
		{ both, 48, 1280 },
		{ both, 47, 1280 },
		{ home, 0, 1280 },
		{ home, 1, 1280 },
		{ home, 65535, 65511 },
		{ both, UINT32_MAX, UINT32_MAX - 48 },
		{ route, UINT32_MAX, UINT32_MAX - 24 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct raw quoted = quote(cases[i].headers, NH_UDP, payload, sizeof(payload));
		struct raw icmp = icmp_about(ICMP6_TOO_BIG, 0, cases[i].mtu, &quoted);
		struct packet_route_error error;

		CHECK_CASE(i, translate(icmp.data, icmp.len, &error) == 0 && error.type == ICMP6_TOO_BIG);
		CHECK_CASE(i, error.mtu == cases[i].mtu && error.inner_mtu == cases[i].inner && error.pointer == 0);
	}
}

static void the_pointer_of_a_parameter_problem_is_kept(void **state)
{
	static const uint32_t pointers[] = { 0, 6, 40, 46, 64, 70, 88, 1279, UINT32_MAX };
	struct raw quoted = quote(both, NH_UDP, payload, sizeof(payload));

	for (size_t i = 0; i < ARRAY_SIZE(pointers); i++) {
		struct packet_route_error error;

		for (uint8_t code = 0; code < 4; code++) {
			struct raw icmp = icmp_about(ICMP6_PARAM_PROBLEM, code, pointers[i], &quoted);

			CHECK_CASE(i, translate(icmp.data, icmp.len, &error) == 0 && error.code == code);
			CHECK_CASE(i, error.pointer == pointers[i] && error.mtu == 0 && error.inner_mtu == 0);
		}
	}
}

/* The data field means nothing in the other two types. */
static void the_data_of_other_types_is_no_mtu_and_no_pointer(void **state)
{
	static const uint8_t types[] = { ICMP6_UNREACHABLE, ICMP6_TIME_EXCEEDED };
	struct raw quoted = quote(route, NH_UDP, payload, sizeof(payload));

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		struct raw icmp = icmp_about(types[i], 0, 1400, &quoted);
		struct packet_route_error error;

		CHECK_CASE(i, translate(icmp.data, icmp.len, &error) == 0);
		CHECK_CASE(i, error.mtu == 0 && error.inner_mtu == 0 && error.pointer == 0);
	}
}

static void the_type_of_a_mobility_header_is_told_where_it_is_quoted(void **state)
{
	static const struct {
		uint8_t proto;
		size_t len;
		uint8_t mh_type;
	} cases[] = {
		{ NH_MH, 0, 0xFF },  { NH_MH, 1, 0xFF },   { NH_MH, 2, 0xFF },	 { NH_MH, 3, MH_BU },
		{ NH_MH, 8, MH_BU }, { NH_MH, 12, MH_BU }, { NH_UDP, 12, 0xFF }, { NH_ICMPV6, 12, 0xFF },
	};
	static const uint8_t upper[12] = { NH_NONE, 3, MH_BU };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct raw quoted = quote(both, cases[i].proto, upper, cases[i].len);
		struct raw icmp = icmp_about(ICMP6_PARAM_PROBLEM, 1, 88, &quoted);
		struct packet_route_error error;

		CHECK_CASE(i, translate(icmp.data, icmp.len, &error) == 0 && error.proto == cases[i].proto);
		CHECK_CASE(i, error.mh_type == cases[i].mh_type);
		CHECK_CASE(i, error.inner_len == IP6_HDR_LEN + cases[i].len);
	}
}

/* ---- lengths ---- */

static void a_quote_may_be_cut_anywhere(void **state)
{
	static void (*const headers[])(struct raw *) = { route, home, both };

	for (size_t i = 0; i < ARRAY_SIZE(headers); i++) {
		struct raw quoted = quote(headers[i], NH_MH, "\x3B\x03\x05-message", 11);
		struct raw icmp = icmp_about(ICMP6_UNREACHABLE, 0, 0, &quoted);
		size_t first = ICMP_LEN + IP6_HDR_LEN + ADDED, second = first + ADDED;

		for (size_t len = 0; len <= icmp.len; len++) {
			struct packet_route_error error;
			bool whole = headers[i] != both || len >= second;
			size_t left = len - first - (headers[i] == both && whole ? ADDED : 0);

			CHECK_CASE(len, translate(icmp.data, len, &error) == (len < first ? -EINVAL : 0));
			if (len < first)
				continue;
			CHECK_CASE(len, error.has_route == (headers[i] != home));
			CHECK_CASE(len, error.has_home == (headers[i] == home || (headers[i] == both && whole)));
			CHECK_CASE(len, error.inner_len == IP6_HDR_LEN + left);
			CHECK_CASE(len, !memcmp(error.inner + IP6_HDR_LEN, icmp.data + len - left, left));
			CHECK_CASE(len, error.proto == (whole ? NH_MH : NH_DSTOPTS));
			CHECK_CASE(len, error.mh_type == (whole && left > 2 ? MH_BU : 0xFF));
		}
	}
}

/* The length is that of the whole packet, of which a quote may hold less, and lies may say anything. */
static void the_payload_length_is_less_by_what_was_added(void **state)
{
	static const struct {
		void (*headers)(struct raw *raw);
		uint16_t quoted, expected;
	} cases[] = {
		{ both, 1460, 1412 },  { both, 65535, 65487 }, { both, 49, 1 },	 { both, 48, 0 }, { both, 47, 0 },
		{ both, 1, 0 },	       { both, 0, 0 },	       { home, 25, 1 },	 { home, 24, 0 }, { home, 23, 0 },
		{ route, 1460, 1436 }, { route, 24, 0 },       { route, 23, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct raw quoted = quote(cases[i].headers, NH_UDP, payload, sizeof(payload)), icmp;
		struct packet_route_error error;

		set_payload_len(&quoted, 0, cases[i].quoted);
		icmp = icmp_about(ICMP6_TOO_BIG, 0, 1400, &quoted);
		CHECK_CASE(i, translate(icmp.data, icmp.len, &error) == 0);
		CHECK_CASE(i, (error.inner[4] << 8 | error.inner[5]) == cases[i].expected);
		CHECK_CASE(i, error.inner_len == IP6_HDR_LEN + sizeof(payload));
	}
}

static void a_quote_longer_than_an_error_may_be_is_cut(void **state)
{
	enum { ROOM = IP6_MIN_MTU - IP6_HDR_LEN };
	static const size_t lens[] = { 0, 1, ROOM - 1, ROOM, ROOM + 1, 1500, 1800 };
	uint8_t upper[1800];

	for (size_t i = 0; i < sizeof(upper); i++)
		upper[i] = i * 7;
	for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
		struct raw quoted = quote(both, NH_UDP, upper, lens[i]);
		struct raw icmp = icmp_about(ICMP6_TOO_BIG, 0, 1400, &quoted);
		size_t kept = lens[i] < ROOM ? lens[i] : ROOM;
		struct packet_route_error error;

		CHECK_CASE(i, translate(icmp.data, icmp.len, &error) == 0);
		CHECK_CASE(i, error.inner_len == IP6_HDR_LEN + kept);
		CHECK_CASE(i, !memcmp(error.inner + IP6_HDR_LEN, upper, kept));
		CHECK_CASE(i,
			   (error.inner[4] << 8 | error.inner[5]) == (int)lens[i]); /* of the packet, not the quote */
	}
}

/* Each octet of ours changed to each value: taken off or refused, never misread. */
static void octets_that_differ_from_what_we_write_are_not_ours(void **state)
{
	static const struct {
		size_t at;
		bool matters;
	} octets[] = {
		{ IP6_HDR_LEN + 1, true },	    { IP6_HDR_LEN + 2, true },
		{ IP6_HDR_LEN + 3, true },	    { IP6_HDR_LEN + 4, false },
		{ IP6_HDR_LEN + 7, false },	    { IP6_HDR_LEN + ADDED + 1, true },
		{ IP6_HDR_LEN + ADDED + 2, true },  { IP6_HDR_LEN + ADDED + 3, true },
		{ IP6_HDR_LEN + ADDED + 4, false }, { IP6_HDR_LEN + ADDED + 5, false },
		{ IP6_HDR_LEN + ADDED + 6, true },  { IP6_HDR_LEN + ADDED + 7, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(octets); i++)
		for (int value = 0; value <= UINT8_MAX; value++) {
			struct raw quoted = quote(both, NH_UDP, payload, sizeof(payload)), icmp;
			bool same = quoted.data[octets[i].at] == value || !octets[i].matters, of_route, got;
			struct packet_route_error error;

			of_route = octets[i].at < IP6_HDR_LEN + ADDED;
			quoted.data[octets[i].at] = value;
			icmp = icmp_about(ICMP6_TIME_EXCEEDED, 0, 0, &quoted);
			got = translate(icmp.data, icmp.len, &error) == 0;
			CHECK_CASE(i, got == (same || !of_route));
			CHECK_CASE(i, !got || (error.has_route && error.has_home == same));
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_added_is_taken_off),
		cmocka_unit_test(packets_without_what_we_add_are_somebody_elses),
		cmocka_unit_test(a_home_address_option_counts_behind_the_route_only),
		cmocka_unit_test(octets_that_only_look_like_our_headers_are_data),
		cmocka_unit_test(errors_of_types_1_to_4_about_ipv6_only),
		cmocka_unit_test(the_mtu_for_the_socket_has_room_for_what_is_added),
		cmocka_unit_test(the_pointer_of_a_parameter_problem_is_kept),
		cmocka_unit_test(the_data_of_other_types_is_no_mtu_and_no_pointer),
		cmocka_unit_test(the_type_of_a_mobility_header_is_told_where_it_is_quoted),
		cmocka_unit_test(a_quote_may_be_cut_anywhere),
		cmocka_unit_test(the_payload_length_is_less_by_what_was_added),
		cmocka_unit_test(a_quote_longer_than_an_error_may_be_is_cut),
		cmocka_unit_test(octets_that_differ_from_what_we_write_are_not_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
