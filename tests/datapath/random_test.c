// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Mutated packets by the hundred thousand through XDP, held against what must be true of any packet: one end for each,
 * nothing changed that passes, what was put on comes off again. MOBGW_SEED chooses the seed, MOBGW_PACKETS how many.
 */
#include "packets.h"

static uint64_t seed;

static uint32_t draw(uint32_t below)
{
	seed ^= seed << 13; /* xorshift64 */
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 16) % below;
}

/* ---- mutations ---- */

static void mutate_octet(struct frame *f)
{
	size_t most = f->len < 160 || draw(8) == 0 ? f->len : 160;

	f->data[draw(most)] = draw(4) ? draw(256) : (uint8_t[]){ 0, 1, 0xff, 0x80, 60, 43, 41, 135 }[draw(8)];
}

static void mutate_bit(struct frame *f)
{
	f->data[draw(f->len < 160 ? f->len : 160)] ^= 1 << draw(8);
}

static void mutate_length(struct frame *f)
{
	f->len = FRAME_ETH + draw(f->len - FRAME_ETH + 1);
}

static void mutate_padding(struct frame *f)
{
	size_t more = draw(64);

	if (f->len + more <= FRAME_MOST)
		put_pattern(f, more);
}

static void mutate_payload_length(struct frame *f)
{
	if (f->len > FRAME_ETH + 6)
		set16(f, FRAME_ETH + 4, draw(2) ? draw(2000) : get16(f, FRAME_ETH + 4) + draw(17) - 8);
}

/* One of the addresses that mean something to us, anywhere an address could stand. */
static void mutate_address(struct frame *f)
{
	static const char *const addresses[] = { HA,   OWN,  CN,    HOME1,     HOME2,	    COA1,
						 COA2, "::", "::1", "fe80::1", LINK_LOCAL1, "ff02::1" };
	struct in6_addr a = addr(addresses[draw(ARRAY_SIZE(addresses))]);
	size_t at = FRAME_ETH + 8 * (1 + draw(16));

	if (at + 16 <= f->len)
		memcpy(f->data + at, &a, 16);
}

/* A piece of another kind in the middle, the length made good: headers where none belong. */
static void mutate_splice(struct frame *f)
{
	struct frame other = kinds[draw(ARRAY_SIZE(kinds))].make(), out = *f;
	size_t at = FRAME_ETH + IP6_HDR_LEN + 8 * draw(8), from = FRAME_ETH + 8 * draw(12), len = 8 * (1 + draw(8));

	if (at > f->len || from + len > other.len)
		return;
	out.len = at;
	put(&out, other.data + from, len);
	put(&out, f->data + at, f->len - at);
	end_ip6(&out, FRAME_ETH);
	*f = out;
}

static struct frame mutated(void)
{
	static void (*const ways[])(struct frame *) = { mutate_octet,	mutate_bit,	mutate_length,
							mutate_padding, mutate_address, mutate_payload_length,
							mutate_splice };
	struct frame f = kinds[draw(ARRAY_SIZE(kinds))].make();

	for (uint32_t n = draw(5); n > 0; n--)
		ways[draw(ARRAY_SIZE(ways))](&f);
	return f;
}

/* ---- what must hold ---- */

static void refuse(const struct rig *r, const struct frame *in, const char *what)
{
	dump("in", in);
	dump("out", &r->out);
	fail_msg("%s", what);
}

/* The only end of this packet. */
static enum reason end_of(struct rig *r, const struct frame *in)
{
	enum reason end = REASON_NONE;

	for (enum reason w = 0; w < REASON_COUNT; w++) {
		uint64_t moved = r->counters[w].packets - r->before[w].packets;

		if (!moved || reason_class(w) == REASON_CLASS_NOTE)
			continue;
		if (end != REASON_NONE || moved != 1)
			refuse(r, in, "counted twice");
		end = w;
	}
	if (end == REASON_NONE)
		refuse(r, in, "not counted");
	return end;
}

/* The last octets of @in from an IPv6 header on, but for what a router changes there. */
static void check_inner(const struct rig *r, const struct frame *in, size_t at, int hops)
{
	size_t len = r->out.len - at, from = in->len - len;
	struct frame was = { .len = 0 };

	if (len > in->len)
		refuse(r, in, "longer than what came");
	put(&was, in->data + from, len);
	was.data[7] -= hops;
	was.data[1] = (was.data[1] & ~0x30) | (r->out.data[at + 1] & 0x30); /* ECN: decapsulate_test.c */
	if (memcmp(was.data, r->out.data + at, len))
		refuse(r, in, "not what was inside");
}

static void check_encapsulated(const struct rig *r, const struct frame *in)
{
	const struct frame *out = &r->out;
	size_t inner = FRAME_ETH + IP6_HDR_LEN + (out->data[FRAME_ETH + 6] == NH_DSTOPTS ? 8 : 0);
	struct in6_addr ha = addr(HA);

	if (memcmp(out->data, mac_gw, 6) || memcmp(out->data + 6, mac_wan, 6) || get16(out, 12) != 0x86DD ||
	    memcmp(out->data + FRAME_ETH + 8, &ha, 16) || out->data[FRAME_ETH + 7] != TUNNEL_HOP_LIMIT)
		refuse(r, in, "no outer header of ours");
	if (get16(out, FRAME_ETH + 4) != get16(out, inner + 4) + inner - FRAME_ETH)
		refuse(r, in, "outer length");
	if ((get16(out, FRAME_ETH) & 0xFFF0) != (get16(out, inner) & 0xFFF0))
		refuse(r, in, "outer traffic class");
	if (out->data[inner + 7] == 0 || out->data[inner] >> 4 != 6)
		refuse(r, in, "inner header");
	check_inner(r, in, inner, 1);
}

/* Same packet, or the home address in place of the care-of address and our option in place of the other. */
static void check_hidden(const struct rig *r, const struct frame *in, size_t link)
{
	const struct frame *out = &r->out;
	struct frame want = *in;

	if (out->len != in->len)
		return; /* out of a tunnel */
	if (memcmp(out->data, in->data, in->len) == 0)
		return;
	for (size_t at = link + IP6_HDR_LEN + 6; at + 18 <= in->len; at++) {
		if (in->data[at] != OPT_HOME_ADDRESS || in->data[at + 1] != 16 ||
		    memcmp(in->data + at + 2, out->data + link + 8, 16))
			continue;
		memcpy(want.data + link + 8, in->data + at + 2, 16);
		memcpy(want.data + at + 2, in->data + link + 8, 16);
		want.data[at - 4] = OPT_VERIFIED_HOME;
		want.data[at - 3] = 20;
		memcpy(want.data + at - 2, tag, 4);
		memcpy(want.data + at - 8, out->data + at - 8, 4); /* padding may have been cut short */
		if (memcmp(want.data, out->data, in->len) == 0)
			return;
	}
	refuse(r, in, "changed, but not hidden");
}

static void check_sum(const struct rig *r, const struct frame *in, size_t link, uint8_t proto)
{
	struct in6_addr src = addr_at(&r->out, link + 8), dst = addr_at(&r->out, link + 24);
	size_t len = get16(&r->out, link + 4);

	if (link + IP6_HDR_LEN + len != r->out.len ||
	    sum_upper(&src, &dst, proto, r->out.data + link + IP6_HDR_LEN, len) != 0xFFFF)
		refuse(r, in, "length or checksum of our message");
}

static void check_one(struct rig *r, const struct frame *in)
{
	int action = rig_run(r, HOOK_XDP, in);
	enum reason end = end_of(r, in);
	uint16_t type = get16(in, 12);
	size_t link = type == 0x86DD ? 14 : get16(in, 16) == 0x86DD ? 18 : 22;

	if (action != action_of(r, HOOK_XDP, end))
		refuse(r, in, "action and counter differ");
	r->seen[end] = true;
	switch (end) {
	case PASS_OTHER_MAC:
	case PASS_NOT_IPV6:
	case PASS_KERNEL:
		if (r->out.len != in->len || memcmp(r->out.data, in->data, in->len))
			refuse(r, in, "changed, though it only passed");
		break;
	case PASS_SLOW:
	case PASS_DECAPSULATED:
		if (memcmp(r->out.data, in->data, link))
			refuse(r, in, "link header changed");
		check_inner(r, in, link, 0);
		break;
	case PASS_SIGNALLING:
	case PASS_HOME_ADDRESS:
	case PASS_TUNNEL:
		check_hidden(r, in, link);
		break;
	case SENT_ENCAPSULATED:
	case SENT_REENCAPSULATED:
		check_encapsulated(r, in);
		break;
	case SENT_DECAPSULATED:
		check_inner(r, in, link, 1);
		break;
	case SENT_TOO_BIG:
	case SENT_NEIGHBOUR:
		check_sum(r, in, link, NH_ICMPV6);
		break;
	default:
		break;
	}
}

static void every_packet_has_one_end_and_only_the_changes_that_belong_to_it(void **state)
{
	struct rig *r = *state;
	const char *text = getenv("MOBGW_SEED"), *packets = getenv("MOBGW_PACKETS");
	unsigned long count = packets ? strtoul(packets, NULL, 0) : 200000;
	uint64_t ends[REASON_COUNT] = { 0 };

	seed = text ? strtoull(text, NULL, 0) : 20240229;
	print_message("seed %llu, %lu packets\n", (unsigned long long)seed, count);
	bind_kinds(r);
	set_proxied(r, HOME2, r->lan, PROXIED_ROUTER);
	bind_until(r, "2001:db8:1::102", COA1, HOP_14, 0, 0);
	for (unsigned long i = 0; i < count; i++) {
		struct frame in;

		if (i % 64 == 0) {
			reset_buckets(r);
			ring_buffer__consume(r->ring);
		}
		if (i % 4096 == 0) {
			r->settings.heartbeat = rig_jiffies(r);
			set_settings(r);
		}
		in = mutated();
		check_one(r, &in);
		for (enum reason w = 0; w < REASON_COUNT; w++)
			ends[w] += r->counters[w].packets - r->before[w].packets;
	}
	for (enum reason w = 0; w < REASON_COUNT; w++)
		if (ends[w])
			print_message("  %8llu %s\n", (unsigned long long)ends[w], reason_name(w));
	memset(r->seen, 0, sizeof(r->seen)); /* what chance brings is no case of its own */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(every_packet_has_one_end_and_only_the_changes_that_belong_to_it),
	};

	return cmocka_run_group_tests_name("random packets", tests, rig_open, rig_close);
}
