// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The codec of neighbour discovery: lengths, lies, options known and unknown, what we send octet by octet. */
#include "check.h"

#include <errno.h>
#include <stdlib.h>

#include "../../agent/nd.h"

static const uint8_t mac[6] = { 2, 0, 0x5E, 0x10, 0x20, 0x30 };

/* An advertisement in the making. */
struct message {
	uint8_t data[1024];
	size_t len;
};

static struct message message(uint8_t type, size_t len)
{
	struct message m = { .data = { type }, .len = len };

	return m;
}

static void append(struct message *m, const uint8_t *data, size_t len)
{
	assert_true(m->len + len <= sizeof(m->data));
	memcpy(m->data + m->len, data, len);
	m->len += len;
}

static void add_prefix(struct message *m, const char *prefix, uint8_t len, uint32_t valid_s, uint32_t preferred_s)
{
	uint8_t option[32] = { 3, 4, len, 0xC0 };
	struct in6_addr a = addr(prefix);
	uint32_t valid = htonl(valid_s), preferred = htonl(preferred_s);

	memcpy(option + 4, &valid, sizeof(valid));
	memcpy(option + 8, &preferred, sizeof(preferred));
	memcpy(option + 16, &a, sizeof(a));
	append(m, option, sizeof(option));
}

/* Parsers see a copy of just @len octets, so that the sanitizer sees a read behind them. */
static uint8_t *exact(const uint8_t *data, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);

	assert_non_null(copy);
	memcpy(copy, data, len);
	return copy;
}

static int parse_router(const uint8_t *data, size_t len, struct nd_router_advert *out)
{
	uint8_t *copy = exact(data, len);
	int err = nd_parse_router_advert(copy, len, out);

	free(copy);
	return err;
}

static int parse_neighbour(const uint8_t *data, size_t len, struct nd_neighbour_advert *out)
{
	uint8_t *copy = exact(data, len);
	int err = nd_parse_neighbour_advert(copy, len, out);

	free(copy);
	return err;
}

/* ---- router advertisements ---- */

static void a_home_agents_advertisement_written_by_hand_is_understood_whole(void **state)
{
	static const uint8_t octets[] = {
		134,  0,    0xAB, 0xCD, 64,   0xE0, 0x07, 0x08, /* hop limit 64, M O H, 1800 s */
		0,    0,    0x75, 0x30, 0,    0,    0x03, 0xE8, /* reachable 30 s, retransmit 1 s */
		1,    1,    2,	  0,	0x5E, 0x10, 0x20, 0x30, /* source link-layer address */
		5,    1,    0,	  0,	0,    0,    0x05, 0xDC, /* MTU 1500 */
		24,   2,    0,	  0,	0,    0,    0,	  0,	/* unknown: route information */
		0x20, 1,    0x0D, 0xB8, 0,    0,    0,	  0,	/* its prefix, 2001:db8::/64 */
		3,    4,    64,	  0xE0, 0,    1,    0x51, 0x80, /* /64, L A R, valid 86400 s */
		0,    0,    0x38, 0x40, 0,    0,    0,	  0,	/* preferred 14400 s */
		0x20, 1,    0x0D, 0xB8, 0,    1,    0,	  0,	/* the router's whole address, */
		0,    0,    0,	  0,	0,    0,    0,	  1,	/* 2001:db8:1::1 */
		7,    1,    0,	  0,	0,    0,    0x0B, 0xB8, /* advertisement interval 3 s */
		8,    1,    0,	  0,	0,    1,    0x07, 0x08, /* unknown here: home agent information */
		3,    4,    48,	  0x80, 0xFF, 0xFF, 0xFF, 0xFF, /* /48, L, valid for ever */
		0xFF, 0xFF, 0xFF, 0xFF, 0,    0,    0,	  0,	/* preferred for ever */
		0x20, 1,    0x0D, 0xB8, 0,    2,    0,	  0,	/* 2001:db8:2::, */
		0,    0,    0,	  0,	0,    0,    0,	  0,	/* its second half */
	};
	struct in6_addr router = addr("2001:db8:1::1"), second = addr("2001:db8:2::");
	struct nd_router_advert ra;

	assert_int_equal(parse_router(octets, sizeof(octets), &ra), 0);
	assert_int_equal(ra.hop_limit, 64);
	assert_true(ra.managed && ra.other && ra.home_agent);
	assert_int_equal(ra.lifetime_s, 1800);
	assert_int_equal(ra.reachable_ms, 30000);
	assert_int_equal(ra.retransmit_ms, 1000);
	assert_true(ra.has_mac);
	assert_memory_equal(ra.mac, mac, sizeof(mac));
	assert_int_equal(ra.mtu, 1500);
	assert_int_equal(ra.interval_ms, 3000);
	assert_int_equal(ra.prefix_count, 2);
	assert_int_equal(ra.prefixes_left_out + ra.prefixes_ignored, 0);
	assert_true(addr_equal(&ra.prefixes[0].prefix, &router) && ra.prefixes[0].len == 64);
	assert_true(ra.prefixes[0].on_link && ra.prefixes[0].autonomous && ra.prefixes[0].router_address);
	assert_true(ra.prefixes[0].valid_s == 86400 && ra.prefixes[0].preferred_s == 14400);
	assert_true(addr_equal(&ra.prefixes[1].prefix, &second) && ra.prefixes[1].len == 48);
	assert_true(ra.prefixes[1].on_link && !ra.prefixes[1].autonomous && !ra.prefixes[1].router_address);
	assert_true(ra.prefixes[1].valid_s == ND_INFINITE_S && ra.prefixes[1].preferred_s == ND_INFINITE_S);
}

static void what_an_advertisement_does_not_say_is_zero(void **state)
{
	static const struct nd_router_advert nothing;
	struct message m = message(ICMP6_ROUTER_ADVERT, 16);
	struct nd_router_advert ra;

	memset(&ra, 0xAA, sizeof(ra));
	assert_int_equal(parse_router(m.data, m.len, &ra), 0);
	assert_memory_equal(&ra, &nothing, sizeof(ra));
}

static void each_flag_is_one_bit_and_no_other(void **state)
{
	for (int bit = 0; bit < 8; bit++) {
		struct message m = message(ICMP6_ROUTER_ADVERT, 16);
		struct nd_neighbour_advert na;
		struct nd_router_advert ra;
		uint8_t flag = 1U << bit;

		m.data[5] = flag;
		add_prefix(&m, "2001:db8::", 64, 2, 1);
		m.data[16 + 3] = flag;
		CHECK_CASE(bit, !parse_router(m.data, m.len, &ra) && ra.prefix_count == 1);
		CHECK_CASE(bit, ra.managed == (flag == 0x80) && ra.other == (flag == 0x40));
		CHECK_CASE(bit, ra.home_agent == (flag == 0x20));
		CHECK_CASE(bit, ra.prefixes[0].on_link == (flag == 0x80));
		CHECK_CASE(bit, ra.prefixes[0].autonomous == (flag == 0x40));
		CHECK_CASE(bit, ra.prefixes[0].router_address == (flag == 0x20));

		m = message(ICMP6_NEIGHBOUR_ADVERT, 24);
		m.data[4] = flag;
		CHECK_CASE(bit, !parse_neighbour(m.data, m.len, &na));
		CHECK_CASE(bit, na.router == (flag == 0x80) && na.solicited == (flag == 0x40));
		CHECK_CASE(bit, na.override == (flag == 0x20));
	}
}

static void prefixes_that_lie_are_ignored_and_counted_and_no_others(void **state)
{
	static const struct {
		const char *name, *prefix;
		uint8_t len;
		uint32_t valid_s, preferred_s;
		bool kept;
	} cases[] = {
		{ "preferred below valid", "2001:db8::", 64, 100, 99, true },
		{ "preferred as long as valid", "2001:db8::", 64, 100, 100, true },
		{ "preferred above valid", "2001:db8::", 64, 100, 101, false },
		{ "preferred for ever, valid not", "2001:db8::", 64, ND_INFINITE_S - 1, ND_INFINITE_S, false },
		{ "valid for ever, preferred not", "2001:db8::", 64, ND_INFINITE_S, ND_INFINITE_S - 1, true },
		{ "both for ever", "2001:db8::", 64, ND_INFINITE_S, ND_INFINITE_S, true },
		{ "withdrawn", "2001:db8::", 64, 0, 0, true },
		{ "no longer preferred", "2001:db8::", 64, 100, 0, true },
		{ "preferred after its end", "2001:db8::", 64, 0, 1, false },
		{ "length 0", "::", 0, 2, 1, true },
		{ "length 63", "2001:db8::", 63, 2, 1, true },
		{ "length 65", "2001:db8::", 65, 2, 1, true },
		{ "length 127", "2001:db8::", 127, 2, 1, true },
		{ "length 128", "2001:db8::1", 128, 2, 1, true },
		{ "length 129", "2001:db8::1", 129, 2, 1, false },
		{ "length 255", "2001:db8::1", 255, 2, 1, false },
		{ "just below link-local", "fe7f:ffff::", 64, 2, 1, true },
		{ "link-local", "fe80::", 64, 2, 1, false },
		{ "the last link-local", "febf:ffff::", 64, 2, 1, false },
		{ "just above link-local", "fec0::", 64, 2, 1, true },
		{ "just below multicast", "feff:ffff::", 64, 2, 1, true },
		{ "multicast", "ff00::", 64, 2, 1, false },
		{ "all nodes", "ff02::1", 128, 2, 1, false },
		{ "unique local", "fd00::", 64, 2, 1, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct message m = message(ICMP6_ROUTER_ADVERT, 16);
		struct in6_addr after = addr("2001:db8:ffff::");
		struct nd_router_advert ra;

		add_prefix(&m, cases[i].prefix, cases[i].len, cases[i].valid_s, cases[i].preferred_s);
		add_prefix(&m, "2001:db8:ffff::", 64, 2, 1); /* a liar's neighbour is heard all the same */
		if (parse_router(m.data, m.len, &ra) || ra.prefix_count != 1 + cases[i].kept ||
		    ra.prefixes_ignored != !cases[i].kept || ra.prefixes_left_out)
			fail_msg("%s: %u kept, %u ignored", cases[i].name, ra.prefix_count, ra.prefixes_ignored);
		CHECK_CASE(i, addr_equal(&ra.prefixes[ra.prefix_count - 1].prefix, &after));
		if (cases[i].kept) {
			CHECK_CASE(i, ra.prefixes[0].len == cases[i].len);
			CHECK_CASE(i, ra.prefixes[0].valid_s == cases[i].valid_s);
			CHECK_CASE(i, ra.prefixes[0].preferred_s == cases[i].preferred_s);
		}
	}
}

static void as_many_prefixes_as_there_is_room_for_are_kept_and_the_others_counted(void **state)
{
	for (int count = ND_PREFIXES - 1; count <= ND_PREFIXES + 2; count++) {
		struct message m = message(ICMP6_ROUTER_ADVERT, 16);
		int kept = count < ND_PREFIXES ? count : ND_PREFIXES;
		struct nd_router_advert ra;

		for (int i = 0; i < count; i++)
			add_prefix(&m, "2001:db8::", 64, 1000 + i, i);
		add_prefix(&m, "fe80::", 64, 2, 1); /* a liar beyond them is one that was ignored, not left out */
		CHECK_CASE(count, !parse_router(m.data, m.len, &ra));
		CHECK_CASE(count, ra.prefix_count == kept && ra.prefixes_left_out == (uint32_t)(count - kept));
		CHECK_CASE(count, ra.prefixes_ignored == 1);
		for (int i = 0; i < kept; i++)
			CHECK_CASE(count, ra.prefixes[i].preferred_s == (uint32_t)i);
	}
}

static void of_an_option_said_twice_the_last_counts(void **state)
{
	static const uint8_t options[] = { 5, 1, 0, 0, 0, 0, 5, 0,   5, 1, 0, 0, 0, 0, 6, 0,
					   7, 1, 0, 0, 0, 0, 0, 100, 7, 1, 0, 0, 0, 0, 0, 200 };
	struct message m = message(ICMP6_ROUTER_ADVERT, 16);
	struct nd_router_advert ra;

	append(&m, options, sizeof(options));
	assert_int_equal(parse_router(m.data, m.len, &ra), 0);
	assert_int_equal(ra.mtu, 0x600);
	assert_int_equal(ra.interval_ms, 200);
}

static void a_known_option_of_a_wrong_length_is_skipped(void **state)
{
	static const struct {
		uint8_t type, units;
	} right[] = { { 1, 1 }, { 3, 4 }, { 5, 1 }, { 7, 1 } };

	for (size_t i = 0; i < ARRAY_SIZE(right); i++) {
		for (int units = right[i].units - 1; units <= right[i].units + 1; units++) {
			struct message m = message(ICMP6_ROUTER_ADVERT, 16);
			uint8_t option[5 * 8] = { right[i].type, units, 64, 0, [7] = 9 };
			bool understood = units == right[i].units;
			struct nd_router_advert ra;

			if (!units)
				continue;
			append(&m, option, units * 8);
			append(&m, (const uint8_t[8]){ 24, 1 }, 8); /* what follows is found */
			CHECK_CASE(i, !parse_router(m.data, m.len, &ra));
			CHECK_CASE(i, ra.has_mac == (understood && right[i].type == 1));
			CHECK_CASE(i, ra.prefix_count == (understood && right[i].type == 3));
			CHECK_CASE(i, ra.mtu == (understood && right[i].type == 5 ? 9 : 0));
			CHECK_CASE(i, ra.interval_ms == (understood && right[i].type == 7 ? 9 : 0));
		}
	}
}

/* ---- what makes a message invalid ---- */

static void a_message_of_another_type_or_code_is_refused(void **state)
{
	for (int type = 0; type < 256; type++) {
		struct message m = message(type, 24);
		struct nd_neighbour_advert na;
		struct nd_router_advert ra;

		m.data[17] = 1; /* as an advertisement of a router: an option of 8 octets */
		CHECK_CASE(type, parse_router(m.data, m.len, &ra) == (type == 134 ? 0 : -EINVAL));
		CHECK_CASE(type, parse_neighbour(m.data, m.len, &na) == (type == 136 ? 0 : -EINVAL));
		m.data[1] = 1;
		CHECK_CASE(type, parse_router(m.data, m.len, &ra) == -EINVAL);
		CHECK_CASE(type, parse_neighbour(m.data, m.len, &na) == -EINVAL);
	}
}

/* With @extra octets behind the fixed part: an option's first ones, as given. */
static int parse_with(uint8_t type, const uint8_t *options, size_t extra)
{
	struct message m = message(type, type == ICMP6_ROUTER_ADVERT ? 16 : 24);
	struct nd_neighbour_advert na;
	struct nd_router_advert ra;

	append(&m, options, extra);
	return type == ICMP6_ROUTER_ADVERT ? parse_router(m.data, m.len, &ra) : parse_neighbour(m.data, m.len, &na);
}

static void an_option_without_length_or_past_the_end_makes_the_message_invalid(void **state)
{
	static const struct {
		const char *name;
		uint8_t options[40];
		size_t len;
		int err;
	} cases[] = {
		{ "no option", {}, 0, 0 },
		{ "a type without its length", { 1 }, 1, -EINVAL },
		{ "nothing but type and length", { 1, 1 }, 2, -EINVAL },
		{ "a link-layer address one octet short", { 1, 1 }, 7, -EINVAL },
		{ "a link-layer address", { 1, 1 }, 8, 0 },
		{ "a link-layer address and one octet more", { 1, 1 }, 9, -EINVAL },
		{ "a length of 0", { 1, 0 }, 8, -EINVAL },
		{ "a length of 0 of an unknown option", { 99, 0 }, 8, -EINVAL },
		{ "a length of 0 behind another option", { 1, 1, [8] = 99, 0 }, 16, -EINVAL },
		{ "a prefix one octet short", { 3, 4, 64 }, 31, -EINVAL },
		{ "a prefix", { 3, 4, 64 }, 32, 0 },
		{ "a prefix and one octet more", { 3, 4, 64 }, 33, -EINVAL },
		{ "an unknown option one octet short", { 99, 2 }, 15, -EINVAL },
		{ "an unknown option", { 99, 2 }, 16, 0 },
		{ "the longest length in few octets", { 99, 255 }, 40, -EINVAL },
		{ "options of type 0 and 255", { 0, 1, [8] = 255, 1 }, 16, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (parse_with(ICMP6_ROUTER_ADVERT, cases[i].options, cases[i].len) != cases[i].err ||
		    parse_with(ICMP6_NEIGHBOUR_ADVERT, cases[i].options, cases[i].len) != cases[i].err)
			fail_msg("%s: expected %d", cases[i].name, cases[i].err);
	}
}

static void the_longest_option_is_stepped_over_at_just_its_length(void **state)
{
	static const uint8_t mtu[8] = { 5, 1, 0, 0, 0, 0, 5, 0 };
	uint8_t data[16 + 255 * 8 + sizeof(mtu)] = { ICMP6_ROUTER_ADVERT, [16] = 99, 255 };
	struct nd_router_advert ra;

	memcpy(data + 16 + 255 * 8, mtu, sizeof(mtu));
	assert_int_equal(parse_router(data, 16 + 255 * 8 - 1, &ra), -EINVAL);
	assert_int_equal(parse_router(data, 16 + 255 * 8, &ra), 0);
	assert_int_equal(parse_router(data, 16 + 255 * 8 + 1, &ra), -EINVAL);
	assert_int_equal(parse_router(data, sizeof(data), &ra), 0);
	assert_int_equal(ra.mtu, 0x500);
}

static void fewer_octets_than_the_fixed_part_are_refused_at_every_length(void **state)
{
	for (size_t len = 0; len <= 25; len++) {
		struct message router = message(ICMP6_ROUTER_ADVERT, len), other = message(ICMP6_NEIGHBOUR_ADVERT, len);
		struct nd_neighbour_advert na;
		struct nd_router_advert ra;

		router.data[17] = 1;
		CHECK_CASE(len, parse_router(router.data, len, &ra) == (len == 16 || len == 24 ? 0 : -EINVAL));
		CHECK_CASE(len, parse_neighbour(other.data, len, &na) == (len == 24 ? 0 : -EINVAL));
	}
}

/* ---- neighbour advertisements, and what we send ---- */

static void a_target_that_is_multicast_is_refused(void **state)
{
	static const struct {
		const char *target;
		int err;
	} cases[] = {
		{ "fe80::1", 0 },      { "2001:db8::1", 0 },   { "feff:ffff::1", 0 },
		{ "ff00::", -EINVAL }, { "ff02::1", -EINVAL }, { "ffff::", -EINVAL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct in6_addr target = addr(cases[i].target);
		struct nd_neighbour_advert na;
		uint8_t buf[ND_MESSAGE];
		size_t len = nd_build_neighbour_advert(&target, 0, NULL, buf);

		CHECK_CASE(i, parse_neighbour(buf, len, &na) == cases[i].err);
	}
}

static void a_neighbours_address_is_that_of_the_target_option_alone(void **state)
{
	static const uint8_t options[] = { 1, 1, 9, 9, 9, 9, 9, 9, 2, 2, 8, 8, 8, 8, 8, 8, 0, 0, 0, 0, 0, 0, 0, 0 };
	struct message m = message(ICMP6_NEIGHBOUR_ADVERT, 24);
	struct nd_neighbour_advert na;

	append(&m, options, sizeof(options)); /* a source's, and a target's of 16 octets */
	assert_int_equal(parse_neighbour(m.data, m.len, &na), 0);
	assert_false(na.has_mac);
	append(&m, (const uint8_t[8]){ 2, 1, 2, 0, 0x5E, 0x10, 0x20, 0x30 }, 8);
	assert_int_equal(parse_neighbour(m.data, m.len, &na), 0);
	assert_true(na.has_mac);
	assert_memory_equal(na.mac, mac, sizeof(mac));
}

static void an_advertisement_built_is_parsed_as_it_was_meant(void **state)
{
	struct in6_addr target = addr("2001:db8:1::100");

	for (int flags = 0; flags < 256; flags += 0x20) {
		for (int with_mac = 0; with_mac < 2; with_mac++) {
			uint8_t buf[ND_MESSAGE + 1];
			size_t len, expected = with_mac ? 32 : 24;
			struct nd_neighbour_advert na;

			memset(buf, 0xAA, sizeof(buf));
			len = nd_build_neighbour_advert(&target, flags, with_mac ? mac : NULL, buf);
			CHECK_CASE(flags, len == expected && buf[len] == 0xAA && !parse_neighbour(buf, len, &na));
			CHECK_CASE(flags, addr_equal(&na.target, &target) && na.has_mac == with_mac);
			CHECK_CASE(flags, !with_mac || !memcmp(na.mac, mac, sizeof(mac)));
			CHECK_CASE(flags, na.router == !!(flags & NA_ROUTER));
			CHECK_CASE(flags, na.solicited == !!(flags & NA_SOLICITED));
			CHECK_CASE(flags, na.override == !!(flags & NA_OVERRIDE));
		}
	}
}

static void what_is_sent_has_the_octets_of_the_rfc(void **state)
{
	static const uint8_t source[8] = { 1, 1, 2, 0, 0x5E, 0x10, 0x20, 0x30 };
	static const uint8_t target_option[8] = { 2, 1, 2, 0, 0x5E, 0x10, 0x20, 0x30 };
	static const uint8_t rs[8] = { 133 };
	static const uint8_t ns[24] = { 135, 0, 0, 0, 0, 0, 0, 0, 0x20, 1, 0x0D, 0xB8, [23] = 7 };
	static const uint8_t na[24] = { 136, 0, 0, 0, 0xA0, 0, 0, 0, 0x20, 1, 0x0D, 0xB8, [23] = 7 };
	struct in6_addr target = addr("2001:db8::7");
	static const struct {
		const uint8_t *fixed;
		size_t len;
		const uint8_t *option;
	} cases[] = { { rs, sizeof(rs), source }, { ns, sizeof(ns), source }, { na, sizeof(na), target_option } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		for (int with_mac = 0; with_mac < 2; with_mac++) {
			const uint8_t *address = with_mac ? mac : NULL;
			uint8_t buf[ND_MESSAGE];
			size_t len;

			memset(buf, 0xAA, sizeof(buf));
			len = i == 0   ? nd_build_router_solicit(address, buf)
			      : i == 1 ? nd_build_neighbour_solicit(&target, address, buf)
				       : nd_build_neighbour_advert(&target, NA_ROUTER | NA_OVERRIDE, address, buf);
			CHECK_CASE(i, len == cases[i].len + (with_mac ? 8 : 0) && len <= ND_MESSAGE);
			CHECK_CASE(i, !memcmp(buf, cases[i].fixed, cases[i].len));
			CHECK_CASE(i, !with_mac || !memcmp(buf + cases[i].len, cases[i].option, 8));
			CHECK_CASE(i, with_mac || buf[len] == 0xAA); /* nothing written behind it */
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_home_agents_advertisement_written_by_hand_is_understood_whole),
		cmocka_unit_test(what_an_advertisement_does_not_say_is_zero),
		cmocka_unit_test(each_flag_is_one_bit_and_no_other),
		cmocka_unit_test(prefixes_that_lie_are_ignored_and_counted_and_no_others),
		cmocka_unit_test(as_many_prefixes_as_there_is_room_for_are_kept_and_the_others_counted),
		cmocka_unit_test(of_an_option_said_twice_the_last_counts),
		cmocka_unit_test(a_known_option_of_a_wrong_length_is_skipped),
		cmocka_unit_test(a_message_of_another_type_or_code_is_refused),
		cmocka_unit_test(an_option_without_length_or_past_the_end_makes_the_message_invalid),
		cmocka_unit_test(the_longest_option_is_stepped_over_at_just_its_length),
		cmocka_unit_test(fewer_octets_than_the_fixed_part_are_refused_at_every_length),
		cmocka_unit_test(a_target_that_is_multicast_is_refused),
		cmocka_unit_test(a_neighbours_address_is_that_of_the_target_option_alone),
		cmocka_unit_test(an_advertisement_built_is_parsed_as_it_was_meant),
		cmocka_unit_test(what_is_sent_has_the_octets_of_the_rfc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
