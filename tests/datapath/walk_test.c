// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Link layers, whose MAC, extension headers in every order and up to the bound, and every kind of packet cut at every
 * octet. RFC 8200 §4, RFC 5095. */
#include "packets.h"

/* ---- link layer ---- */

static void frames_to_another_mac_are_not_touched_whatever_they_hold(void **state)
{
	struct rig *r = *state;

	bind_kinds(r);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		for (size_t octet = 0; octet < 6; octet++) {
			struct frame in = kinds[i].make();

			memcpy(in.data, mac_lan, 6);
			in.data[octet] ^= 0x10;
			expect(r, HOOK_XDP, kinds[i].name, &in, PASS_OTHER_MAC);
		}
}

static void frames_to_a_group_are_the_kernels_but_for_solicitations(void **state)
{
	struct rig *r = *state;

	bind_kinds(r);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct frame in = kinds[i].make();

		memcpy(in.data, (const uint8_t[]){ 0x33, 0x33, 0, 0, 0, 1 }, 6);
		if (kinds[i].why != SENT_NEIGHBOUR)
			expect(r, HOOK_XDP, kinds[i].name, &in, PASS_KERNEL);
		memset(in.data, 0xff, 6);
		if (kinds[i].why != SENT_NEIGHBOUR)
			expect(r, HOOK_XDP, kinds[i].name, &in, PASS_KERNEL);
	}
}

static void what_is_not_ipv6_or_tagged_otherwise_is_the_kernels(void **state)
{
	static const struct {
		const char *name;
		uint16_t types[4]; /* ethertype, TCI, ethertype, TCI */
		uint16_t last;
		enum reason why;
	} cases[] = {
		{ "IPv4", { 0 }, 0x0800, PASS_NOT_IPV6 },
		{ "ARP", { 0 }, 0x0806, PASS_NOT_IPV6 },
		{ "IPv4 in a VLAN", { 0x8100, 5 }, 0x0800, PASS_NOT_IPV6 },
		{ "IPv4 in two", { 0x88A8, 5, 0x8100, 6 }, 0x0800, PASS_NOT_IPV6 },
		{ "802.1ad alone", { 0x88A8, 5 }, 0x86DD, SENT_ENCAPSULATED },
		{ "802.1Q twice", { 0x8100, 5, 0x8100, 6 }, 0x86DD, SENT_ENCAPSULATED },
		{ "802.1ad twice", { 0x88A8, 5, 0x88A8, 6 }, 0x86DD, PASS_NOT_IPV6 },
		{ "the old 0x9100", { 0x9100, 5 }, 0x86DD, PASS_NOT_IPV6 },
		{ "802.3 with a length", { 0 }, 0x0040, PASS_NOT_IPV6 },
	};
	struct rig *r = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct frame in = { .len = 0 }, out;
		size_t link;

		put(&in, mac_lan, 6);
		put(&in, mac_peer, 6);
		for (size_t t = 0; t < 4 && cases[i].types[t]; t++)
			put16(&in, cases[i].types[t]);
		put16(&in, cases[i].last);
		link = in.len;
		put_datagram(&in, CN, HOME1, 16);
		out = tunnelled(&in, link, HOP_14, COA1);
		expect_out(r, HOOK_XDP, cases[i].name, &in, cases[i].why,
			   cases[i].why == SENT_ENCAPSULATED ? &out : NULL);
	}
}

static void a_third_tag_is_too_many(void **state)
{
	struct frame in = to_lan(2);

	set16(&in, 20, 0x8100);
	put16(&in, 7);
	put16(&in, 0x86DD);
	put_datagram(&in, CN, HOME1, 16);
	expect(*state, HOOK_XDP, "three tags", &in, PASS_NOT_IPV6);
}

static void an_interface_that_is_not_configured_is_not_touched(void **state)
{
	struct rig *r = *state;

	bind_kinds(r);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct frame in = kinds[i].make();

		in.ifindex = 1;
		expect(r, HOOK_XDP, kinds[i].name, &in, PASS_KERNEL);
	}
}

static void another_version_than_6_is_dropped(void **state)
{
	for (unsigned int version = 0; version < 16; version++) {
		struct frame in = datagram(CN, HOME1, 16);

		in.data[FRAME_ETH] = version << 4;
		if (version != 6)
			expect(*state, HOOK_XDP, "version", &in, DROP_TRUNCATED);
	}
}

/* ---- the catalogue itself, and cut short ---- */

static void every_kind_ends_where_the_catalogue_says(void **state)
{
	struct rig *r = *state;

	bind_kinds(r);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct frame in = kinds[i].make();
		enum reason why = kinds[i].why;

		rig_run(r, HOOK_XDP, &in);
		if (r->counters[why].packets != r->before[why].packets + 1)
			fail_msg("%s: not %s", kinds[i].name, reason_name(why));
	}
}

/* Each prefix of each kind: nothing is sent or accepted of a packet that isn't whole, nothing that passes is changed.
 */
static void no_packet_cut_short_is_accepted(void **state)
{
	struct rig *r = *state;

	bind_kinds(r);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct frame whole = kinds[i].make(), in = whole;

		for (in.len = FRAME_ETH; in.len < whole.len; in.len++) {
			int action = rig_run(r, HOOK_XDP, &in);
			unsigned int ends = 0;

			for (enum reason w = 0; w < REASON_COUNT; w++) {
				if (r->counters[w].packets == r->before[w].packets ||
				    reason_class(w) == REASON_CLASS_NOTE)
					continue;
				ends++;
				if (reason_class(w) != REASON_CLASS_DROP && w != PASS_KERNEL && w != PASS_NOT_IPV6)
					fail_msg("%s cut to %zu octets: %s", kinds[i].name, in.len, reason_name(w));
			}
			assert_int_equal(ends, 1);
			if (action == ACT_PASS)
				check_octets(kinds[i].name, &in, &r->out);
			ring_buffer__consume(r->ring);
			reset_buckets(r);
		}
	}
}

static void a_packet_for_us_that_is_cut_short_is_dropped(void **state)
{
	struct rig *r = *state;

	bind_kinds(r);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct frame whole = kinds[i].make(), in = whole;
		struct in6_addr dst = addr_at(&whole, FRAME_ETH + 24), ha = addr(HA);

		if (memcmp(&dst, &ha, 16))
			continue;
		for (in.len = FRAME_ETH; in.len < whole.len; in.len++) {
			assert_int_equal(rig_run(r, HOOK_XDP, &in), ACT_DROP);
			reset_buckets(r);
		}
	}
}

/* ---- extension headers ---- */

/* Puts header number @kind of a chain: 8 or 16 octets of options, a routing header, AH. Return: its type. */
static uint8_t put_chain_header(struct frame *f, unsigned int kind, uint8_t next)
{
	static const uint8_t types[] = { NH_DSTOPTS, NH_ROUTING, NH_AH, NH_HOPOPTS };

	if (kind == 1)
		put_routing(f, next, RH_TYPE2, 0, HA);
	else
		put_padding(f, next, kind == 2 ? 16 : 8);
	if (kind == 2)
		f->data[f->len - 15] = 2; /* AH counts words, less two */
	return types[kind];
}

/* Header @number i of the chain is digit i of @order in base 4. @last: what the chain ends in. */
static struct frame chain(unsigned int order, unsigned int count, uint8_t last, size_t *ip)
{
	static const uint8_t types[] = { NH_DSTOPTS, NH_ROUTING, NH_AH, NH_HOPOPTS };
	struct frame f = to_lan(0);

	*ip = put_ip6(&f, CN, HA, count ? types[order & 3] : last, 60);
	for (unsigned int i = 0; i < count; i++, order >>= 2)
		put_chain_header(&f, order & 3, i + 1 < count ? types[order >> 2 & 3] : last);
	return f;
}

static void chains_of_every_order_lead_to_their_upper_layer(void **state)
{
	struct rig *r = *state;

	for (unsigned int count = 0; count <= 5; count++)
		for (unsigned int order = 0; order < 1U << 2 * count; order++) {
			size_t ip;
			struct frame in = chain(order, count, NH_MH, &ip);
			char name[48];

			snprintf(name, sizeof(name), "%u headers, order %#x", count, order);
			put_mh(&in, ip, MH_BU, 16);
			end_ip6(&in, ip);
			reset_buckets(r);
			expect(r, HOOK_XDP, name, &in, PASS_SIGNALLING);
			in = chain(order, count, NH_UDP, &ip);
			put_udp(&in, ip, 8);
			end_ip6(&in, ip);
			expect(r, HOOK_XDP, name, &in, PASS_KERNEL);
		}
}

static void the_documented_number_of_headers_is_walked_and_one_more_is_not(void **state)
{
	struct rig *r = *state;

	for (unsigned int seed = 0; seed < 500; seed++)
		for (unsigned int count = LIMIT_EXT_HEADERS - 1; count <= LIMIT_EXT_HEADERS + 1; count++) {
			size_t ip;
			struct frame in = chain(seed * 2654435761U, count, NH_MH, &ip);

			put_mh(&in, ip, MH_BU, 16);
			end_ip6(&in, ip);
			reset_buckets(r);
			expect(r, HOOK_XDP, "long chain", &in,
			       count > LIMIT_EXT_HEADERS ? DROP_EXT_DEPTH : PASS_SIGNALLING);
		}
}

static void headers_beyond_what_is_looked_at_are_too_deep(void **state)
{
	struct rig *r = *state;

	for (size_t len = 400; len <= 600; len += 8) {
		struct frame in = to_lan(0);
		size_t ip = put_ip6(&in, CN, HA, NH_ROUTING, 60);

		put8(&in, NH_DSTOPTS);
		put8(&in, len / 8 - 1);
		put8(&in, 4); /* segment routing, no segments left */
		put8(&in, 0);
		put_pattern(&in, len - 4);
		put_padding(&in, NH_UDP, 8);
		put_udp(&in, ip, 8);
		end_ip6(&in, ip);
		expect(r, HOOK_XDP, "long header", &in, FRAME_ETH + 40 + len + 2 > 512 ? DROP_EXT_DEPTH : PASS_KERNEL);
	}
}

static void a_type_0_routing_header_to_us_is_refused_and_others_are_the_kernels(void **state)
{
	struct rig *r = *state;

	for (unsigned int type = 0; type < 256; type++)
		for (uint8_t left = 0; left <= 2; left++) {
			struct frame in = to_lan(0);
			size_t ip = put_ip6(&in, CN, HA, NH_ROUTING, 60);

			put_routing(&in, NH_UDP, type, left, OWN);
			put_udp(&in, ip, 8);
			end_ip6(&in, ip);
			expect(r, HOOK_XDP, "routing header", &in, type == RH_TYPE0 ? DROP_RH0 : PASS_KERNEL);
		}
}

static void the_walk_ends_at_a_fragment_and_believes_its_first_header(void **state)
{
	static const struct {
		uint8_t proto;
		enum reason why;
	} cases[] = { { NH_UDP, PASS_KERNEL },
		      { NH_DSTOPTS, PASS_KERNEL },
		      { NH_MH, PASS_SIGNALLING },
		      { NH_IPV6, PASS_TUNNEL },
		      { NH_FRAGMENT, PASS_KERNEL } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct frame in = to_lan(0);
		size_t ip = put_ip6(&in, CN, HA, NH_FRAGMENT, 60);

		put_fragment(&in, cases[i].proto, 0, true);
		put_pattern(&in, 64);
		end_ip6(&in, ip);
		expect(*state, HOOK_XDP, "fragment", &in, cases[i].why);
	}
}

static void the_documented_number_of_options_is_read_and_one_more_is_not(void **state)
{
	for (unsigned int count = LIMIT_OPTIONS - 1; count <= LIMIT_OPTIONS + 1; count++) {
		struct frame in = to_lan(0);
		size_t ip = put_ip6(&in, CN, HA, NH_DSTOPTS, 60), len = (2 + 3 * (count - 1) + 2 + 7) / 8 * 8;

		put8(&in, NH_UDP);
		put8(&in, len / 8 - 1);
		for (unsigned int i = 1; i < count; i++)
			put(&in, (const uint8_t[]){ 0x0F, 1, 9 }, 3);
		put8(&in, OPT_PADN);
		put8(&in, len - 2 - 3 * (count - 1) - 2);
		while (in.len < ip + IP6_HDR_LEN + len)
			put8(&in, 0);
		put_udp(&in, ip, 8);
		end_ip6(&in, ip);
		expect(*state, HOOK_XDP, "options", &in, count > LIMIT_OPTIONS ? DROP_EXT_DEPTH : PASS_KERNEL);
	}
}

static void a_header_whose_last_octet_is_the_packets_is_read(void **state)
{
	struct frame in = to_lan(0);
	size_t ip = put_ip6(&in, CN, HA, NH_DSTOPTS, 60);

	put(&in, (const uint8_t[]){ NH_NONE, 0, OPT_PADN, 3, 0, 0, 0, OPT_PAD1 }, 8);
	end_ip6(&in, ip);
	expect(*state, HOOK_XDP, "Pad1 at the end", &in, PASS_KERNEL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(frames_to_another_mac_are_not_touched_whatever_they_hold),
		RIG_TEST(frames_to_a_group_are_the_kernels_but_for_solicitations),
		RIG_TEST(what_is_not_ipv6_or_tagged_otherwise_is_the_kernels),
		RIG_TEST(a_third_tag_is_too_many),
		RIG_TEST(an_interface_that_is_not_configured_is_not_touched),
		RIG_TEST(another_version_than_6_is_dropped),
		RIG_TEST(every_kind_ends_where_the_catalogue_says),
		RIG_TEST(no_packet_cut_short_is_accepted),
		RIG_TEST(a_packet_for_us_that_is_cut_short_is_dropped),
		RIG_TEST(chains_of_every_order_lead_to_their_upper_layer),
		RIG_TEST(the_documented_number_of_headers_is_walked_and_one_more_is_not),
		RIG_TEST(headers_beyond_what_is_looked_at_are_too_deep),
		RIG_TEST(a_type_0_routing_header_to_us_is_refused_and_others_are_the_kernels),
		RIG_TEST(the_walk_ends_at_a_fragment_and_believes_its_first_header),
		RIG_TEST(the_documented_number_of_options_is_read_and_one_more_is_not),
		RIG_TEST(a_header_whose_last_octet_is_the_packets_is_read),
	};

	return cmocka_run_group_tests_name("walk", tests, rig_open, rig_close);
}
