// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Header walk, checksum, ICMPv6 errors built; every length is tried, also those that lie. */
#include "check.h"

#include <errno.h>
#include <stdlib.h>

#include "pcap.h"
#include "raw.h"

static const struct in6_addr any;

/* The walk over a copy of just @len octets, so that the sanitizer sees a read behind them. */
static int walk(const struct raw *raw, size_t len, struct packet_view *view)
{
	uint8_t *exact = malloc(len ? len : 1);
	int err;

	assert_non_null(exact);
	memcpy(exact, raw->data, len);
	err = packet_walk(exact, len, view);
	free(exact);
	return err;
}

/* ---- walk ---- */

static void hop_by_hop(struct raw *raw)
{
	add_header(raw, NH_HOPOPTS, (const uint8_t[7]){ 0, 5, 2 }, 8);
}

static void home_address(struct raw *raw)
{
	add_hao(raw, "2001:db8:1::100");
}

static void routing(struct raw *raw)
{
	add_header(raw, NH_ROUTING, (const uint8_t[23]){ 2, RH_TYPE2, 1 }, 24);
}

static void authentication(struct raw *raw)
{
	add_header(raw, NH_AH, (const uint8_t[23]){ 4 }, 24); /* units of 4 octets, two not counted (RFC 4302 §2.2) */
}

static void all_of_them(struct raw *raw)
{
	hop_by_hop(raw);
	tunnel_limit(raw);
	routing(raw);
	home_address(raw);
	first_fragment(raw);
	authentication(raw);
}

static const struct chain {
	void (*add)(struct raw *raw);
	uint16_t offset, nexthdr_offset;
	bool has_home, has_limit, fragment;
} chains[] = {
	{ plain, 40, 6, false, false, false },		{ hop_by_hop, 48, 40, false, false, false },
	{ home_address, 64, 40, true, false, false },	{ tunnel_limit, 48, 40, false, true, false },
	{ routing, 64, 40, false, false, false },	{ authentication, 64, 40, false, false, false },
	{ first_fragment, 48, 40, false, false, true }, { all_of_them, 136, 112, true, true, true },
};

static void the_upper_layer_is_found_behind_every_kind_of_header(void **state)
{
	const struct in6_addr src = addr("2001:db8:f1::2"), dst = addr("2001:db8:1::1"), home = addr("2001:db8:1::100");

	for (size_t i = 0; i < ARRAY_SIZE(chains); i++) {
		struct raw raw = start();
		struct packet_view view;

		chains[i].add(&raw);
		add_upper(&raw, NH_UDP, "12345678", 8);
		CHECK_CASE(i, walk(&raw, raw.len, &view) == 0);
		CHECK_CASE(i, view.proto == NH_UDP && view.offset == chains[i].offset && view.len == raw.len);
		CHECK_CASE(i,
			   view.nexthdr_offset == chains[i].nexthdr_offset && raw.data[view.nexthdr_offset] == NH_UDP);
		CHECK_CASE(i,
			   view.has_home == chains[i].has_home && addr_equal(&view.home, view.has_home ? &home : &any));
		CHECK_CASE(i, view.has_tunnel_limit == chains[i].has_limit &&
				      view.tunnel_limit == (view.has_tunnel_limit ? 3 : 0));
		CHECK_CASE(i, view.fragment == chains[i].fragment && !view.later_fragment);
		CHECK_CASE(i, addr_equal(&view.src, &src) && addr_equal(&view.dst, &dst));
		CHECK_CASE(i, view.traffic_class == 0xB8 && view.hop_limit == 61);
	}
}

static void a_packet_cut_inside_its_headers_is_refused_at_every_octet(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(chains); i++) {
		struct raw raw = start();
		struct packet_view view;

		chains[i].add(&raw);
		add_upper(&raw, NH_UDP, "12345678", 8);
		for (size_t len = 0; len <= raw.len; len++) {
			CHECK_CASE(i << 16 | len, walk(&raw, len, &view) == (len < chains[i].offset ? -EINVAL : 0));
			CHECK_CASE(i << 16 | len, len < chains[i].offset || view.len == len);
		}
		/* the same, where the payload length does the cutting */
		for (size_t len = IP6_HDR_LEN; len <= raw.len; len++) {
			set_payload_len(&raw, 0, len - IP6_HDR_LEN);
			CHECK_CASE(i << 16 | len, walk(&raw, raw.len, &view) == (len < chains[i].offset ? -EINVAL : 0));
			CHECK_CASE(i << 16 | len, len < chains[i].offset || view.len == len);
		}
	}
}

static void a_payload_length_that_16_bits_with_the_header_dont_hold_reads_no_further_than_the_packet(void **state)
{
	static const uint16_t lengths[] = { 65494, 65495, 65496, 65497, 65535 };
	static uint8_t large[70000];
	struct packet_view view;

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		struct raw raw = start();

		for (size_t n = 0; n < 2; n++) { /* without and with a header that would be read there */
			set_payload_len(&raw, 0, lengths[i]);
			CHECK_CASE(i, walk(&raw, raw.len, &view) == (n ? -EINVAL : 0));
			CHECK_CASE(i, n || (view.len == raw.len && view.offset == IP6_HDR_LEN));
			raw.data[raw.nexthdr_at] = NH_DSTOPTS;
		}
		raw.data[raw.nexthdr_at] = NH_UDP;
		memcpy(large, raw.data, raw.len);
		CHECK_CASE(i, packet_walk(large, sizeof(large), &view) == 0);
		CHECK_CASE(i, view.len == (lengths[i] < 65495 ? IP6_HDR_LEN + lengths[i] : 65535));
	}
}

static void only_version_6_is_walked(void **state)
{
	struct packet_view view;

	for (unsigned int version = 0; version < 16; version++) {
		struct raw raw = start();

		raw.data[0] = version << 4;
		CHECK_CASE(version, walk(&raw, raw.len, &view) == (version == 6 ? 0 : -EINVAL));
	}
}

static void as_many_extension_headers_as_documented_are_walked_and_no_more(void **state)
{
	for (int count = LIMIT_EXT_HEADERS - 1; count <= LIMIT_EXT_HEADERS + 1; count++) {
		struct raw raw = start();
		struct packet_view view;

		for (int i = 0; i < count; i++)
			add_limit(&raw, i);
		CHECK_CASE(count, walk(&raw, raw.len, &view) == (count <= LIMIT_EXT_HEADERS ? 0 : -EINVAL));
	}
}

static void nothing_is_read_as_a_header_behind_that_of_a_later_fragment(void **state)
{
	static const struct {
		uint16_t field;
		bool later;
	} cases[] = { { 0, false }, { 1, false },    { 6, false },    { 8, true },
		      { 9, true },  { 0x100, true }, { 0xFFF8, true } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct raw raw = start();
		struct packet_view view;

		add_fragment(&raw, cases[i].field);
		add_hao(&raw, "2001:db8:1::100");
		CHECK_CASE(i, walk(&raw, raw.len, &view) == 0 && view.fragment);
		CHECK_CASE(i, view.later_fragment == cases[i].later && view.has_home == !cases[i].later);
		CHECK_CASE(i, view.proto == (cases[i].later ? NH_DSTOPTS : NH_NONE));
		CHECK_CASE(i, view.offset == (cases[i].later ? 48 : 72));
	}
}

static void destination_options_count_only_whole_and_of_their_length(void **state)
{
	static const struct {
		uint8_t options[22];
		bool has_home, has_limit;
	} cases[] = {
		{ { OPT_HOME_ADDRESS, 16 }, true, false },
		{ { OPT_HOME_ADDRESS, 15 }, false, false },
		{ { OPT_HOME_ADDRESS, 17 }, false, false },
		{ { OPT_PADN, 2, 0, 0, OPT_HOME_ADDRESS, 16 }, true, false },	  /* up to the last octet */
		{ { OPT_PADN, 3, 0, 0, 0, OPT_HOME_ADDRESS, 16 }, false, false }, /* one past it */
		{ { OPT_PAD1, OPT_PAD1, OPT_TUNNEL_LIMIT, 1, 3 }, false, true },
		{ { OPT_TUNNEL_LIMIT, 0 }, false, false },
		{ { OPT_TUNNEL_LIMIT, 2, 3, 3 }, false, false },
		{ { 0x1E, 16, [18] = OPT_TUNNEL_LIMIT, 1, 3 }, false, true },	  /* behind an unknown one */
		{ { OPT_PADN, 17, [19] = OPT_TUNNEL_LIMIT, 1, 3 }, false, true }, /* up to the last octet */
		{ { OPT_PADN, 18, [20] = OPT_TUNNEL_LIMIT, 1 }, false, false },	  /* its data would be past it */
		{ { OPT_PADN, 19, [21] = OPT_TUNNEL_LIMIT }, false, false },	  /* its length too */
		{ { OPT_PADN, 255 }, false, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct raw raw = start();
		struct packet_view view;
		uint8_t body[23] = { 2 };

		memcpy(body + 1, cases[i].options, sizeof(cases[i].options));
		add_header(&raw, NH_DSTOPTS, body, 24);
		CHECK_CASE(i, walk(&raw, raw.len, &view) == 0);
		CHECK_CASE(i, view.has_home == cases[i].has_home && view.has_tunnel_limit == cases[i].has_limit);
	}
}

static void only_a_routing_header_of_type_0_is_told_apart(void **state)
{
	static const struct {
		uint8_t proto, type;
		bool has_rh0;
	} cases[] = {
		{ NH_ROUTING, RH_TYPE0, true },	 { NH_ROUTING, RH_TYPE2, false }, { NH_ROUTING, 1, false },
		{ NH_DSTOPTS, RH_TYPE0, false }, { NH_FRAGMENT, 0, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct raw raw = start();
		struct packet_view view;

		add_header(&raw, cases[i].proto, (const uint8_t[7]){ 0, cases[i].type }, 8);
		routing(&raw); /* one of type 2 behind it changes nothing */
		CHECK_CASE(i, walk(&raw, raw.len, &view) == 0 && view.has_rh0 == cases[i].has_rh0);
	}
}

static void of_two_home_addresses_the_first_counts(void **state)
{
	const struct in6_addr home = addr("2001:db8:1::100");
	struct raw raw = start();
	struct packet_view view;

	add_hao(&raw, "2001:db8:1::100");
	add_hao(&raw, "2001:db8:1::666");
	assert_int_equal(walk(&raw, raw.len, &view), 0);
	assert_memory_equal(&view.home, &home, sizeof(home));
}

/* ---- checksum ---- */

/* Slow on purpose: lays the pseudo-header out as RFC 8200 §8.1 draws it, adds 16 bits at a time with the carry. */
static uint16_t stupid_checksum(const struct in6_addr *src, const struct in6_addr *dst, uint8_t proto,
				const uint8_t *data, size_t len)
{
	static uint8_t all[70000];
	uint32_t be_len = htonl(len), sum = 0;

	memset(all, 0, sizeof(all));
	memcpy(all, src, 16);
	memcpy(all + 16, dst, 16);
	memcpy(all + 32, &be_len, 4);
	all[39] = proto;
	memcpy(all + 40, data, len);
	for (size_t i = 0; i < 40 + len; i += 2) {
		sum += all[i] * 256 + all[i + 1];
		if (sum > 0xFFFF)
			sum -= 0xFFFF;
	}
	return htons(0xFFFF - sum);
}

static void the_checksum_is_that_of_a_slow_one_for_every_length(void **state)
{
	struct in6_addr src = addr("2001:db8:f1::2"), dst = addr("ff02::1");
	static uint8_t data[65536];

	srand(8200);
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = rand();
	for (size_t len = 0; len <= 200; len++)
		CHECK_CASE(len, packet_checksum(&src, &dst, NH_MH, data, len) ==
					stupid_checksum(&src, &dst, NH_MH, data, len));
	memset(data, 0xFF, sizeof(data)); /* the largest sum */
	for (size_t len = 65530; len <= sizeof(data); len++)
		CHECK_CASE(len,
			   packet_checksum(&src, &dst, 255, data, len) == stupid_checksum(&src, &dst, 255, data, len));
}

struct tally {
	int right, wrong;
};

static void check_captured(const uint8_t *packet, size_t len, void *arg)
{
	struct packet_view view;
	struct tally *tally = arg;
	uint16_t rest;

	assert_int_equal(packet_walk(packet, len, &view), 0);
	if (view.proto != NH_ICMPV6 || view.has_home || packet[6] == NH_ROUTING)
		return;
	rest = packet_checksum(&view.src, &view.dst, NH_ICMPV6, packet + view.offset, view.len - view.offset);
	tally->right += !rest;
	tally->wrong += rest && IN6_IS_ADDR_UNSPECIFIED(&view.src);
	assert_true(!rest || IN6_IS_ADDR_UNSPECIFIED(&view.src));
}

/* What mip6d sends from the unspecified address lacks length and protocol in its checksum: tshark and an independent
 * sum find the same.
 */
static void packets_of_a_real_peer_are_walked_and_their_checksums_judged_as_others_judge_them(void **state)
{
	static const struct {
		const char *path;
		int right, wrong;
	} cases[] = {
		{ "tests/captures/umip-home-registration-mn.pcap", 84, 1 },
		{ "tests/captures/umip-home-registration-ha.pcap", 63, 2 },
		{ "tests/captures/umip-return-routability-mn.pcap", 0, 0 },
		{ "tests/captures/umip-route-optimized-mn.pcap", 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tally tally = { 0, 0 };

		CHECK_CASE(i, pcap_for_each(cases[i].path, check_captured, &tally) > 0);
		CHECK_CASE(i, tally.right == cases[i].right && tally.wrong == cases[i].wrong);
	}
}

/* ---- ICMPv6 errors ---- */

static void an_error_quotes_as_much_as_fits_into_1280_octets(void **state)
{
	static const struct {
		size_t quoted, len;
	} cases[] = { { 0, 8 }, { 40, 48 }, { 1231, 1239 }, { 1232, 1240 }, { 1233, 1240 }, { 2000, 1240 } };
	uint8_t quoted[2000];

	memset(quoted, 0xA5, sizeof(quoted));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint8_t buf[1241] = {}, *packet = cases[i].quoted ? quoted : NULL;
		static const uint8_t head[8] = { ICMP6_PARAM_PROBLEM, 1, 0, 0, 0x12, 0x34, 0x56, 0x78 };

		CHECK_CASE(i, packet_build_icmp_error(ICMP6_PARAM_PROBLEM, 1, 0x12345678, packet, cases[i].quoted,
						      buf) == cases[i].len);
		CHECK_CASE(i, !memcmp(buf, head, sizeof(head)) && !memcmp(buf + 8, quoted, cases[i].len - 8));
		CHECK_CASE(i, buf[cases[i].len] == 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_upper_layer_is_found_behind_every_kind_of_header),
		cmocka_unit_test(a_packet_cut_inside_its_headers_is_refused_at_every_octet),
		cmocka_unit_test(
			a_payload_length_that_16_bits_with_the_header_dont_hold_reads_no_further_than_the_packet),
		cmocka_unit_test(only_version_6_is_walked),
		cmocka_unit_test(as_many_extension_headers_as_documented_are_walked_and_no_more),
		cmocka_unit_test(nothing_is_read_as_a_header_behind_that_of_a_later_fragment),
		cmocka_unit_test(destination_options_count_only_whole_and_of_their_length),
		cmocka_unit_test(only_a_routing_header_of_type_0_is_told_apart),
		cmocka_unit_test(of_two_home_addresses_the_first_counts),
		cmocka_unit_test(the_checksum_is_that_of_a_slow_one_for_every_length),
		cmocka_unit_test(packets_of_a_real_peer_are_walked_and_their_checksums_judged_as_others_judge_them),
		cmocka_unit_test(an_error_quotes_as_much_as_fits_into_1280_octets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
