// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Home and care-of test inits answered at XDP: every octet of the answer, with the token as OpenSSL computes it from
 * the whole key (the map has it half done, by the agent's own hand); what is refused, what is left to the agent, and
 * the rates. RFC 6275 §5.2.5, §6.1.3-6.1.6, §9.2, §9.4.
 */
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "../../agent/rr.h"
#include "packets.h"

enum { INDEX = 0x1234, HOTI_LEN = 16 };

static uint64_t seed;

static uint32_t draw(uint32_t below)
{
	seed ^= seed << 13; /* xorshift64 */
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 16) % below;
}

/* Nonce and key of that index. */
static struct rr_nonce secret_of(uint16_t index)
{
	struct rr_nonce n = { .index = index, .used = true };

	for (int i = 0; i < RR_KEY_LEN; i++)
		n.kcn[i] = index * 37 + i * 11 + 5;
	for (int i = 0; i < RR_NONCE_LEN; i++)
		n.value[i] = index * 3 + i * 29 + 0x80;
	return n;
}

static void put_nonce(struct rig *r, uint16_t index, uint64_t made)
{
	struct rr_nonce secret = secret_of(index);
	struct nonce n = { .made = made, .index = index, .used = 1 };
	uint32_t place = index % LIMIT_NONCES;

	memcpy(n.kcn, secret.kcn, sizeof(n.kcn));
	memcpy(n.value, secret.value, sizeof(n.value));
	assert_int_equal(rr_midstates(n.kcn, n.inner, n.outer), 0);
	map_set(r->xdp->maps.nonces, &place, &n);
}

/* The nonce @index is the one to give out. */
static void name_nonce(struct rig *r, uint16_t index)
{
	r->settings.nonce = index % LIMIT_NONCES + 1;
	set_settings(r);
}

static void reset_test_limits(struct rig *r)
{
	static uint32_t keys[LIMIT_TEST_BUCKETS];
	static struct bucket fresh[LIMIT_TEST_BUCKETS];
	uint32_t count = LIMIT_TEST_BUCKETS;

	for (uint32_t i = 0; i < count; i++)
		keys[i] = i;
	assert_int_equal(bpf_map_update_batch(bpf_map__fd(r->xdp->maps.test_limits), keys, fresh, &count, NULL), 0);
}

static void set_bucket_key(struct rig *r, uint64_t key)
{
	struct secrets s = { .bucket_key = key };
	uint32_t zero = 0;

	memcpy(s.tag, tag, sizeof(s.tag));
	memcpy(s.route_tag, route_tag, sizeof(s.route_tag));
	map_set(r->xdp->maps.secrets, &zero, &s);
}

/* Setup of every test: rig_reset(), a fresh nonce, full buckets for every source, no prefix refused. */
static int test_reset(void **state)
{
	static const struct nonce empty;
	struct rig *r = *state;

	rig_reset(state);
	for (uint32_t i = 0; i < LIMIT_NONCES; i++)
		map_set(r->xdp->maps.nonces, &i, &empty);
	map_clear(r->xdp->maps.refused);
	reset_test_limits(r);
	set_bucket_key(r, 0x0123456789abcdef);
	put_nonce(r, INDEX, rig_jiffies(r));
	name_nonce(r, INDEX);
	seed = 88172645463325252;
	return 0;
}

/* First64(HMAC-SHA-1(Kcn, address | nonce | 0 or 1)). */
static void put_token(struct frame *f, uint16_t index, const uint8_t address[16], uint8_t type)
{
	struct rr_nonce secret = secret_of(index);
	uint8_t data[25], digest[20];

	memcpy(data, address, 16);
	memcpy(data + 16, secret.value, 8);
	data[24] = type == MH_COTI;
	assert_non_null(HMAC(EVP_sha1(), secret.kcn, sizeof(secret.kcn), data, sizeof(data), digest, NULL));
	put(f, digest, 8);
}

/* The HoT or CoT for the test init @in, whose IPv6 header stands at @ip. */
static struct frame answer_to(const struct frame *in, size_t ip, uint16_t index)
{
	const uint8_t *init = in->data + ip + IP6_HDR_LEN;
	struct frame out = { .len = 0 };

	put(&out, in->data + 6, 6);
	put(&out, in->data, 6);
	put(&out, in->data + 12, ip - 12);
	put32(&out, 6U << 28);
	put16(&out, 24);
	put8(&out, NH_MH);
	put8(&out, 64);
	put(&out, in->data + ip + 24, 16);
	put(&out, in->data + ip + 8, 16);
	put8(&out, NH_NONE);
	put8(&out, 2);
	put8(&out, init[2] == MH_HOTI ? MH_HOT : MH_COT);
	put8(&out, 0);
	put16(&out, 0);
	put16(&out, index);
	put(&out, init + 8, 8); /* cookie */
	put_token(&out, index, in->data + ip + 8, init[2]);
	set_sum(&out, ip, NH_MH, ip + IP6_HDR_LEN, 4);
	return out;
}

static void expect_answer(struct rig *r, const char *name, const struct frame *in, size_t ip)
{
	struct frame out = answer_to(in, ip, INDEX);

	expect_out(r, HOOK_XDP, name, in, SENT_TEST, &out);
}

static struct frame test_init(const char *src, const char *dst, uint8_t type, int tags)
{
	struct frame f = to_lan(tags);
	size_t ip = put_ip6(&f, src, dst, NH_MH, 60);

	put_mh(&f, ip, type, HOTI_LEN);
	end_ip6(&f, ip);
	return f;
}

/* The checksum of a test init without VLAN tag, after a change. */
static void sum_again(struct frame *f)
{
	set_sum(f, FRAME_ETH, NH_MH, FRAME_ETH + IP6_HDR_LEN, 4);
}

/* ---- the answer ---- */

static void answers_hold_the_token_of_each_address_and_the_cookie(void **state)
{
	struct rig *r = *state;

	for (int i = 0; i < 4000; i++) {
		struct frame in = test_init(COA1, i & 2 ? OWN : HA, i & 1 ? MH_COTI : MH_HOTI, 0);

		in.data[FRAME_ETH + 8] = 0x20 | draw(16);
		for (int o = 1; o < 16; o++)
			in.data[FRAME_ETH + 8 + o] = draw(256);
		for (int o = 6; o < HOTI_LEN; o++) /* reserved octets too: ignored */
			in.data[FRAME_ETH + IP6_HDR_LEN + o] = draw(256);
		in.data[FRAME_ETH + IP6_HDR_LEN + 3] = draw(256);
		sum_again(&in);
		expect_answer(r, "random address and cookie", &in, FRAME_ETH);
	}
}

static void answers_to_both_kinds_differ_in_type_and_token(void **state)
{
	struct rig *r = *state;
	struct frame hoti = test_init(COA1, HA, MH_HOTI, 0), coti = test_init(COA1, HA, MH_COTI, 0), hot;

	expect_answer(r, "HoTI", &hoti, FRAME_ETH);
	hot = r->out;
	expect_answer(r, "CoTI", &coti, FRAME_ETH);
	assert_int_equal(hot.data[FRAME_ETH + IP6_HDR_LEN + 2], MH_HOT);
	assert_int_equal(r->out.data[FRAME_ETH + IP6_HDR_LEN + 2], MH_COT);
	assert_memory_not_equal(hot.data + FRAME_ETH + IP6_HDR_LEN + 16, r->out.data + FRAME_ETH + IP6_HDR_LEN + 16,
				RR_TOKEN_LEN);
}

static void the_agents_token_is_the_same(void **state)
{
	struct rig *r = *state;
	struct rr_nonce secret = secret_of(INDEX);
	struct in6_addr from = addr(COA1);
	uint8_t home[RR_TOKEN_LEN], care_of[RR_TOKEN_LEN];
	struct frame in = test_init(COA1, HA, MH_HOTI, 0);

	assert_int_equal(rr_home_token(&secret, &from, home), 0);
	assert_int_equal(rr_care_of_token(&secret, &from, care_of), 0);
	expect_answer(r, "HoTI", &in, FRAME_ETH);
	assert_memory_equal(r->out.data + FRAME_ETH + IP6_HDR_LEN + 16, home, RR_TOKEN_LEN);
	in = test_init(COA1, HA, MH_COTI, 0);
	expect_answer(r, "CoTI", &in, FRAME_ETH);
	assert_memory_equal(r->out.data + FRAME_ETH + IP6_HDR_LEN + 16, care_of, RR_TOKEN_LEN);
}

/* Padding of the link is neither part of the packet nor of the answer, which has its exact length. */
static void the_links_padding_is_not_kept(void **state)
{
	struct rig *r = *state;

	for (size_t pad = 0; pad < 64; pad++) {
		struct frame in = test_init(COA1, HA, pad & 1 ? MH_COTI : MH_HOTI, 0);
		char name[48];

		put_pattern(&in, pad);
		snprintf(name, sizeof(name), "%zu octets of padding", pad);
		reset_test_limits(r);
		expect_answer(r, name, &in, FRAME_ETH);
		assert_int_equal(r->out.len, FRAME_ETH + IP6_HDR_LEN + 24);
	}
}

/* The router that is known is that of the untagged link: one of a VLAN with its address is somebody else. */
static void tagged_frames_are_left_to_the_agent(void **state)
{
	for (int tags = 1; tags <= 2; tags++) {
		struct frame in = test_init(COA1, HA, MH_HOTI, tags);

		expect(*state, HOOK_XDP, "tagged", &in, PASS_SIGNALLING);
	}
}

static void traffic_class_flow_label_and_hop_limit_are_not_copied(void **state)
{
	static const uint8_t hop_limits[] = { 0, 1, 64, 255 };
	struct frame in = test_init(COA1, HA, MH_HOTI, 0);

	set_traffic_class(&in, FRAME_ETH, 0xff);
	in.data[FRAME_ETH + 1] |= 0x0f;
	set16(&in, FRAME_ETH + 2, 0xffff);
	for (size_t i = 0; i < ARRAY_SIZE(hop_limits); i++) {
		in.data[FRAME_ETH + 7] = hop_limits[i];
		expect_answer(*state, "marked", &in, FRAME_ETH);
	}
}

static void an_answer_goes_back_by_tx_where_redirect_is_not_allowed(void **state)
{
	struct rig *r = *state;
	struct frame in = test_init(COA1, HA, MH_HOTI, 0), out = answer_to(&in, FRAME_ETH, INDEX);

	set_port(r, r->lan, mac_lan, 1500, 0);
	assert_int_equal(rig_run(r, HOOK_XDP, &in), ACT_TX);
	check_octets("by XDP_TX", &out, &r->out);
}

/* ---- refused ---- */

static void any_wrong_octet_fails_the_checksum(void **state)
{
	struct rig *r = *state;
	struct frame good = test_init(COA1, HA, MH_HOTI, 0);
	size_t mh = FRAME_ETH + IP6_HDR_LEN;

	for (size_t at = FRAME_ETH + 8; at < good.len; at++) {
		struct frame in = good;

		if ((at >= FRAME_ETH + 24 && at < mh + 3)) /* another destination or another message */
			continue;
		for (int bit = 0; bit < 8; bit++) {
			in.data[at] = good.data[at] ^ 1 << bit;
			expect(r, HOOK_XDP, "one bit", &in, DROP_TEST_CHECKSUM);
		}
	}
	good.data[mh + 2] = MH_COTI;
	expect(r, HOOK_XDP, "of another type", &good, DROP_TEST_CHECKSUM);
	set16(&good, mh + 4, 0);
	expect(r, HOOK_XDP, "none", &good, DROP_TEST_CHECKSUM);
	good = test_init(COA1, HA, MH_HOTI, 0);
	expect_answer(r, "a thousand wrong ones cost its source nothing", &good, FRAME_ETH);
}

static void forget_router(struct rig *r)
{
	struct port port;

	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(r->xdp->maps.ports), &r->lan, &port), 0);
	memset(port.router, 0, sizeof(port.router));
	map_set(r->xdp->maps.ports, &r->lan, &port);
}

/* It would be given to whoever forges an address beyond the router: the agent answers by the routes. */
static void whoever_is_not_the_router_is_left_to_the_agent(void **state)
{
	struct rig *r = *state;
	struct frame in = test_init(COA1, HA, MH_HOTI, 0);

	in.data[11] ^= 1;
	expect(r, HOOK_XDP, "another neighbour", &in, PASS_SIGNALLING);
	in.data[11] ^= 1;
	in.data[6] ^= 2;
	expect(r, HOOK_XDP, "first octet", &in, PASS_SIGNALLING);
	forget_router(r);
	memset(in.data + 6, 0, 6);
	expect(r, HOOK_XDP, "no router known, and no address given", &in, PASS_SIGNALLING);
}

static void sources_that_no_answer_can_reach_are_dropped(void **state)
{
	static const char *const sources[] = { "::", "::1", "fe80::99", "ff02::1", "ff0e::1", HA, OWN };

	for (size_t i = 0; i < ARRAY_SIZE(sources); i++)
		for (uint8_t type = MH_HOTI; type <= MH_COTI; type++) {
			struct frame in = test_init(sources[i], HA, type, 0);

			expect(*state, HOOK_XDP, sources[i], &in, DROP_TEST_ADDRESS);
		}
}

static void refuse(struct rig *r, const char *prefix, uint32_t len)
{
	struct prefix_key key = { .len = len, .prefix = addr(prefix) };
	uint32_t one = 1;

	map_set(r->xdp->maps.refused, &key, &one);
}

/* It is about home addresses: a care-of address may be anywhere. */
static void home_addresses_of_a_refused_prefix_get_no_token(void **state)
{
	static const struct {
		const char *source;
		bool refused;
	} cases[] = {
		{ "2001:db8:f1::2", true },	{ "2001:db8:f1:ffff:ffff:ffff:ffff:ffff", true },
		{ "2001:db8:f0::2", false },	{ "2001:db8:f2::2", false },
		{ "2001:db8:aa:800::1", true }, { "2001:db8:aa:7ff::1", false },
		{ "2001:db8:bb::1", true },	{ "2001:db8:bb::2", false },
	};
	struct rig *r = *state;

	refuse(r, "2001:db8:f1::", 48);
	refuse(r, "2001:db8:aa:800::", 53);
	refuse(r, "2001:db8:bb::1", 128);
	for (int flag = 0; flag < 2; flag++) {
		r->settings.flags = flag ? SETTING_REFUSED : 0;
		set_settings(r);
		for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
			struct frame hoti = test_init(cases[i].source, HA, MH_HOTI, 0);
			struct frame coti = test_init(cases[i].source, HA, MH_COTI, 0);

			if (flag && cases[i].refused)
				expect(r, HOOK_XDP, cases[i].source, &hoti, DROP_TEST_REFUSED);
			else
				expect_answer(r, cases[i].source, &hoti, FRAME_ETH);
			expect_answer(r, cases[i].source, &coti, FRAME_ETH);
		}
	}
}

/* ---- rates ---- */

/* No more tokens while we look. */
static void stop_refill(struct rig *r)
{
	r->settings.hz = 1000000000;
	set_settings(r);
}

static void a_source_over_its_rate_gets_no_answer_and_others_do(void **state)
{
	struct rig *r = *state;
	struct frame hoti = test_init(COA1, HA, MH_HOTI, 0), coti = test_init(COA1, HA, MH_COTI, 0);
	struct frame other = test_init(COA2, HA, MH_HOTI, 0), update = mobility_header(COA1, HA, MH_BU, 16);
	uint64_t begun = rig_jiffies(r), most;
	unsigned int answered = 0;

	for (int i = 0; i < 20 * RATE_TEST_SOURCE; i++)
		answered += rig_run(r, HOOK_XDP, i & 1 ? &hoti : &coti) == ACT_REDIRECT;
	most = RATE_TEST_SOURCE + (rig_jiffies(r) - begun + 1) * RATE_TEST_SOURCE / r->settings.hz + 1;
	assert_in_range(answered, RATE_TEST_SOURCE, most);
	stop_refill(r);
	while (rig_run(r, HOOK_XDP, &hoti) == ACT_REDIRECT)
		;
	expect(r, HOOK_XDP, "HoTI over the rate", &hoti, DROP_TEST_RATE_SOURCE);
	expect(r, HOOK_XDP, "CoTI over the rate", &coti, DROP_TEST_RATE_SOURCE);
	expect_answer(r, "another source", &other, FRAME_ETH);
	expect(r, HOOK_XDP, "its update", &update, PASS_SIGNALLING);
}

static void all_sources_together_have_a_rate(void **state)
{
	struct rig *r = *state;
	struct frame in = test_init(COA1, HA, MH_HOTI, 0), update = mobility_header(COA1, HA, MH_BU, 16);

	drain_bucket(r, LIMIT_ALL_TEST);
	expect(r, HOOK_XDP, "nothing left", &in, DROP_TEST_RATE_ALL);
	expect(r, HOOK_XDP, "updates have their own", &update, PASS_SIGNALLING);
}

/* Source number @n of a flood: neighbours in the prefix, or in the interface identifier. */
static void set_flood_source(struct frame *f, bool prefixes, uint32_t n)
{
	size_t at = FRAME_ETH + 8 + (prefixes ? 4 : 12);

	set16(f, at, n >> 16);
	set16(f, at + 2, n);
	sum_again(f);
}

/* How many buckets test inits have been taken from. */
static unsigned int used_buckets(struct rig *r)
{
	static struct bucket buckets[LIMIT_TEST_BUCKETS];
	static uint32_t keys[LIMIT_TEST_BUCKETS];
	uint32_t count = LIMIT_TEST_BUCKETS, at;
	unsigned int used = 0;

	assert_int_equal(
		bpf_map_lookup_batch(bpf_map__fd(r->xdp->maps.test_limits), NULL, &at, keys, buckets, &count, NULL), 0);
	for (uint32_t i = 0; i < count; i++)
		used += buckets[i].last != 0;
	return used;
}

/* 16384 balls in 65536 urns hit 14497 of them, give or take a hundred. */
static void forged_sources_spread_over_all_buckets_and_leave_nothing_else(void **state)
{
	struct rig *r = *state;
	struct in6_addr key;

	for (int prefixes = 0; prefixes < 2; prefixes++) {
		struct frame in = test_init(COA1, HA, MH_HOTI, 0);

		reset_test_limits(r);
		for (uint32_t n = 0; n < LIMIT_TEST_BUCKETS / 4; n++) {
			set_flood_source(&in, prefixes, n);
			assert_int_equal(rig_run(r, HOOK_XDP, &in), ACT_REDIRECT);
		}
		assert_in_range(used_buckets(r), 14200, 14800);
	}
	assert_int_equal(bpf_map_get_next_key(bpf_map__fd(r->xdp->maps.limits), NULL, &key), -ENOENT);
}

/* Whose bucket a source shares is a secret: an address that shares it under one key doesn't under another. */
static void who_shares_a_bucket_depends_on_the_key(void **state)
{
	struct rig *r = *state;
	struct frame victim = test_init(COA2, HA, MH_HOTI, 0), in = test_init(COA1, HA, MH_HOTI, 0);
	uint32_t n = 0;

	stop_refill(r);
	while (rig_run(r, HOOK_XDP, &victim) == ACT_REDIRECT)
		;
	do
		set_flood_source(&in, false, n);
	while (rig_run(r, HOOK_XDP, &in) == ACT_REDIRECT && ++n < 50 * LIMIT_TEST_BUCKETS);
	expect(r, HOOK_XDP, "shares the bucket", &in, DROP_TEST_RATE_SOURCE);
	set_bucket_key(r, 0xfedcba9876543210);
	while (rig_run(r, HOOK_XDP, &victim) == ACT_REDIRECT)
		;
	expect(r, HOOK_XDP, "the victim", &victim, DROP_TEST_RATE_SOURCE);
	expect_answer(r, "no longer shares it", &in, FRAME_ETH);
}

/* ---- left to the agent ---- */

static void without_a_nonce_the_agent_answers(void **state)
{
	struct rig *r = *state;
	struct frame in = test_init(COA1, HA, MH_HOTI, 0);
	static const struct nonce empty;
	uint32_t place = INDEX % LIMIT_NONCES;

	r->settings.nonce = 0;
	set_settings(r);
	expect(r, HOOK_XDP, "none", &in, PASS_SIGNALLING);
	r->settings.nonce = LIMIT_NONCES + 1;
	set_settings(r);
	expect(r, HOOK_XDP, "beyond the map", &in, PASS_SIGNALLING);
	name_nonce(r, INDEX);
	map_set(r->xdp->maps.nonces, &place, &empty);
	expect(r, HOOK_XDP, "an empty place", &in, PASS_SIGNALLING);
}

/* RFC 6275 §12: a token is good for MAX_TOKEN_LIFETIME, and its nonce for no more than MAX_NONCE_LIFETIME. */
static void a_nonce_is_given_out_for_30_seconds(void **state)
{
	struct rig *r = *state;
	struct frame in = test_init(COA1, HA, MH_HOTI, 0);
	uint64_t hz = r->settings.hz;

	put_nonce(r, INDEX, rig_jiffies(r) - (NONCE_ANSWER_S - 2) * hz);
	expect_answer(r, "28 seconds", &in, FRAME_ETH);
	put_nonce(r, INDEX, rig_jiffies(r) - NONCE_ANSWER_S * hz);
	expect(r, HOOK_XDP, "30 seconds", &in, PASS_SIGNALLING);
	put_nonce(r, INDEX, 0);
	expect(r, HOOK_XDP, "since boot", &in, PASS_SIGNALLING);
	put_nonce(r, INDEX, rig_jiffies(r) + 10 * hz);
	expect(r, HOOK_XDP, "not yet made", &in, PASS_SIGNALLING);
}

static void the_named_nonce_is_used_and_no_other(void **state)
{
	static const uint16_t indices[] = { 0, 1, LIMIT_NONCES - 1, LIMIT_NONCES, 0x00ff, 0xff00, 0xffff };
	struct rig *r = *state;

	for (size_t i = 0; i < ARRAY_SIZE(indices); i++)
		for (uint8_t type = MH_HOTI; type <= MH_COTI; type++) {
			struct frame in = test_init(COA1, HA, type, 0), out = answer_to(&in, FRAME_ETH, indices[i]);

			put_nonce(r, indices[i], rig_jiffies(r));
			put_nonce(r, indices[i] + 1, rig_jiffies(r));
			put_nonce(r, indices[i] - 1, rig_jiffies(r));
			name_nonce(r, indices[i]);
			expect_out(r, HOOK_XDP, "index", &in, SENT_TEST, &out);
		}
}

/* What the agent is left with has the agent's rate, which is no way around the other. */
static void what_is_left_to_the_agent_is_limited_as_all_mobility_headers(void **state)
{
	struct rig *r = *state;
	struct frame in = test_init(COA1, HA, MH_HOTI, 0);

	r->settings.nonce = 0;
	stop_refill(r);
	for (int i = 0; i < RATE_MH_SOURCE; i++)
		expect(r, HOOK_XDP, "within the rate", &in, PASS_SIGNALLING);
	expect(r, HOOK_XDP, "over it", &in, DROP_MH_RATE_SOURCE);
}

static void another_message_or_length_is_none_of_ours(void **state)
{
	static const struct {
		const char *name;
		uint8_t type, len; /* octets of the mobility header */
		uint8_t proto, hdrlen;
		size_t more; /* octets behind it */
		enum reason why;
	} cases[] = {
		{ "refresh request", MH_BRR, 16, NH_NONE, 1, 0, PASS_SIGNALLING },
		{ "binding update", MH_BU, 16, NH_NONE, 1, 0, PASS_SIGNALLING },
		{ "home test, short", MH_HOT, 16, NH_NONE, 1, 0, DROP_MH_MALFORMED },
		{ "care-of test", MH_COT, 24, NH_NONE, 2, 0, PASS_SIGNALLING },
		{ "unknown type", 200, 16, NH_NONE, 1, 0, PASS_SIGNALLING },
		{ "with a payload protocol", MH_HOTI, 16, NH_TCP, 1, 0, DROP_MH_MALFORMED },
		{ "shorter", MH_HOTI, 8, NH_NONE, 0, 0, DROP_MH_MALFORMED },
		{ "shorter than the packet", MH_HOTI, 16, NH_NONE, 0, 0, DROP_MH_MALFORMED },
		{ "with options", MH_HOTI, 24, NH_NONE, 2, 0, PASS_SIGNALLING },
		{ "longer than the packet", MH_HOTI, 16, NH_NONE, 2, 0, DROP_TRUNCATED },
		{ "with octets behind it", MH_HOTI, 16, NH_NONE, 1, 8, PASS_SIGNALLING },
		{ "with one octet behind it", MH_COTI, 16, NH_NONE, 1, 1, PASS_SIGNALLING },
	};
	struct rig *r = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct frame in = mobility_header(COA1, HA, cases[i].type, cases[i].len);

		in.data[FRAME_ETH + IP6_HDR_LEN] = cases[i].proto;
		in.data[FRAME_ETH + IP6_HDR_LEN + 1] = cases[i].hdrlen;
		put_pattern(&in, cases[i].more);
		end_ip6(&in, FRAME_ETH);
		sum_again(&in);
		expect(r, HOOK_XDP, cases[i].name, &in, cases[i].why);
	}
}

static void one_cut_short_is_truncated(void **state)
{
	struct frame in = test_init(COA1, HA, MH_HOTI, 0);

	for (in.len--; in.len >= FRAME_ETH + IP6_HDR_LEN; in.len--)
		expect(*state, HOOK_XDP, "cut short", &in, DROP_TRUNCATED);
}

/* A test init behind one extension header; @put writes it. */
static struct frame behind(void (*put_ext)(struct frame *f), uint8_t ext)
{
	struct frame f = to_lan(0);
	size_t ip = put_ip6(&f, COA1, HA, ext, 60);

	put_ext(&f);
	put_mh(&f, ip, MH_HOTI, HOTI_LEN);
	end_ip6(&f, ip);
	return f;
}

static void put_home_address_before(struct frame *f)
{
	put_hao(f, NH_MH, HOME1);
}

static void put_padding_before(struct frame *f)
{
	put_padding(f, NH_MH, 8);
}

static void put_fragment_before(struct frame *f)
{
	put_fragment(f, NH_MH, 0, false);
}

static void with_extension_headers_it_is_the_agents(void **state)
{
	struct rig *r = *state;
	struct frame in = behind(put_home_address_before, NH_DSTOPTS), out = hidden(&in, HAO_AT);

	expect_out(r, HOOK_XDP, "home address option", &in, PASS_SIGNALLING, &out);
	in = behind(put_padding_before, NH_DSTOPTS);
	expect(r, HOOK_XDP, "padding", &in, PASS_SIGNALLING);
	in = behind(put_padding_before, NH_HOPOPTS);
	expect(r, HOOK_XDP, "hop-by-hop options", &in, PASS_SIGNALLING);
	in = behind(put_fragment_before, NH_FRAGMENT);
	expect(r, HOOK_XDP, "fragment", &in, PASS_SIGNALLING);
}

static void out_of_a_tunnel_it_is_the_agents(void **state)
{
	struct frame inner = test_init(HOME1, HA, MH_HOTI, 0), in = from_tunnel(&inner, COA1, HA);

	expect_out(*state, HOOK_XDP, "reverse tunnelled", &in, PASS_SIGNALLING, &inner);
}

static void to_others_it_goes_where_everything_goes(void **state)
{
	struct rig *r = *state;
	struct binding optimised_only = { .care_of = addr(COA2), .home = addr(AT_HOME), .expires = UINT64_MAX };
	struct frame in = test_init(CN, HOME1, MH_HOTI, 0), out = tunnelled(&in, FRAME_ETH, HOP_14, COA1);

	expect_out(r, HOOK_XDP, "to a bound home address", &in, SENT_ENCAPSULATED, &out);
	in = test_init(CN, AT_HOME, MH_HOTI, 0);
	expect(r, HOOK_XDP, "to somebody at home", &in, PASS_KERNEL);
	map_set(r->xdp->maps.bindings, &optimised_only.home, &optimised_only);
	expect(r, HOOK_XDP, "to one whose binding is not a home registration", &in, PASS_KERNEL);
	in = test_init(CN, HA, MH_HOTI, 0);
	in.data[5] ^= 1;
	expect(r, HOOK_XDP, "to another station", &in, PASS_OTHER_MAC);
}

/* Tests for our own home address come by the tunnel; what comes without is the agent's to judge. */
static void to_our_own_home_address_it_is_the_agents(void **state)
{
	struct rig *r = *state;
	struct frame in = test_init(CN, MY_HOME, MH_HOTI, 0);

	be_mobile_node(r, HOME_AWAY);
	expect(r, HOOK_XDP, "home address", &in, PASS_SIGNALLING);
	in = test_init(CN, MY_COA, MH_COTI, 0);
	expect_answer(r, "care-of address", &in, FRAME_ETH);
}

static void no_dump_explains_the_secrets(void **state)
{
	struct rig *r = *state;
	struct bpf_map *maps[] = { r->xdp->maps.nonces, r->xdp->maps.secrets };

	for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
		struct bpf_map_info info = { .id = 0 };
		uint32_t len = sizeof(info);

		assert_int_equal(bpf_obj_get_info_by_fd(bpf_map__fd(maps[i]), &info, &len), 0);
		assert_int_equal(info.btf_key_type_id, 0);
		assert_int_equal(info.btf_value_type_id, 0);
	}
}

#define INIT_TEST(function) cmocka_unit_test_setup(function, test_reset)

int main(void)
{
	const struct CMUnitTest tests[] = {
		INIT_TEST(answers_hold_the_token_of_each_address_and_the_cookie),
		INIT_TEST(answers_to_both_kinds_differ_in_type_and_token),
		INIT_TEST(the_agents_token_is_the_same),
		INIT_TEST(the_links_padding_is_not_kept),
		INIT_TEST(tagged_frames_are_left_to_the_agent),
		INIT_TEST(traffic_class_flow_label_and_hop_limit_are_not_copied),
		INIT_TEST(an_answer_goes_back_by_tx_where_redirect_is_not_allowed),
		INIT_TEST(any_wrong_octet_fails_the_checksum),
		INIT_TEST(whoever_is_not_the_router_is_left_to_the_agent),
		INIT_TEST(sources_that_no_answer_can_reach_are_dropped),
		INIT_TEST(home_addresses_of_a_refused_prefix_get_no_token),
		INIT_TEST(a_source_over_its_rate_gets_no_answer_and_others_do),
		INIT_TEST(all_sources_together_have_a_rate),
		INIT_TEST(forged_sources_spread_over_all_buckets_and_leave_nothing_else),
		INIT_TEST(who_shares_a_bucket_depends_on_the_key),
		INIT_TEST(without_a_nonce_the_agent_answers),
		INIT_TEST(a_nonce_is_given_out_for_30_seconds),
		INIT_TEST(the_named_nonce_is_used_and_no_other),
		INIT_TEST(what_is_left_to_the_agent_is_limited_as_all_mobility_headers),
		INIT_TEST(another_message_or_length_is_none_of_ours),
		INIT_TEST(one_cut_short_is_truncated),
		INIT_TEST(with_extension_headers_it_is_the_agents),
		INIT_TEST(out_of_a_tunnel_it_is_the_agents),
		INIT_TEST(to_others_it_goes_where_everything_goes),
		INIT_TEST(to_our_own_home_address_it_is_the_agents),
		INIT_TEST(no_dump_explains_the_secrets),
	};

	return cmocka_run_group_tests_name("test inits", tests, rig_open, rig_close);
}
