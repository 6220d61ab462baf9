// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Return routability: the ages of nonces, the formulas against what Python's hashlib and hmac say, and HMAC gone on
 * with from its midstates. RFC 6275 §5.2, §6.2.7, §9.4. */
#include "check.h"

#include <errno.h>

#include "../../agent/rr.h"

enum { START_S = 1000, ACCEPTED = 10 /* nonces that live at a time: 240 s, one every 25 s */ };

static struct mono at_ms(int64_t ms)
{
	return mono_add_ms((struct mono){ 0 }, START_S * 1000LL + ms);
}

static struct mono at_s(int64_t s)
{
	return at_ms(s * 1000);
}

/* Octets that tell which nonce they were made for. */
static void fill(uint8_t fresh[RR_FRESH_LEN], uint32_t number)
{
	for (uint32_t i = 0; i < RR_FRESH_LEN; i++)
		fresh[i] = (uint8_t)(number * 31 + (number >> 8) + i);
}

static const struct rr_nonce *make(struct rr_nonces *nonces, uint32_t number, uint16_t first, struct mono now)
{
	uint8_t fresh[RR_FRESH_LEN];

	fill(fresh, number);
	return rr_rotate(nonces, fresh, first, now);
}

static bool holds(const struct rr_nonce *nonce, uint32_t number)
{
	uint8_t fresh[RR_FRESH_LEN];

	fill(fresh, number);
	return nonce && !memcmp(nonce->kcn, fresh, RR_KEY_LEN) &&
	       !memcmp(nonce->value, fresh + RR_KEY_LEN, RR_NONCE_LEN);
}

static bool wiped(const struct rr_nonce *nonce)
{
	static const struct rr_nonce empty;

	return !memcmp(nonce, &empty, sizeof(empty));
}

/* ---- ages ---- */

static void without_a_nonce_one_is_due_and_none_is_given_out(void **state)
{
	struct rr_nonces nonces = { 0 };

	assert_false(mono_before(at_s(0), rr_rotate_at(&nonces)));
	assert_null(rr_newest(&nonces, at_s(0)));
	for (uint32_t index = 0; index <= UINT16_MAX; index++)
		assert_null(rr_find(&nonces, index, at_s(0)));
	rr_expire(&nonces, at_s(0));
}

static void the_first_nonce_has_the_index_and_octets_it_was_given(void **state)
{
	static const uint16_t firsts[] = { 0, 1, 15, 16, 17, 32767, 32768, 65534, 65535 };

	for (size_t i = 0; i < ARRAY_SIZE(firsts); i++) {
		struct rr_nonces nonces = { 0 };
		const struct rr_nonce *nonce = make(&nonces, i, firsts[i], at_s(0));

		CHECK_CASE(i, nonce->index == firsts[i] && nonce->used && holds(nonce, i));
		CHECK_CASE(i, nonce->made.ns == at_s(0).ns);
		CHECK_CASE(i, rr_newest(&nonces, at_s(0)) == nonce);
		CHECK_CASE(i, rr_find(&nonces, firsts[i], at_s(0)) == nonce);
		CHECK_CASE(i, !rr_find(&nonces, firsts[i] + 1, at_s(0)) && !rr_find(&nonces, firsts[i] - 1, at_s(0)));
		CHECK_CASE(i, !rr_find(&nonces, firsts[i] + LIMIT_NONCES, at_s(0))); /* its place, another's index */
		CHECK_CASE(i, !rr_find(&nonces, firsts[i] - LIMIT_NONCES, at_s(0)));
	}
}

/* RFC 6275 §12: a token may be used for 210 s, so a nonce that lives 240 s is given out for its first 30 s. */
static void a_nonce_is_given_out_while_its_tokens_live_and_accepted_for_its_life(void **state)
{
	static const struct {
		int64_t age_ms;
		bool due, given_out, accepted;
	} cases[] = {
		{ 0, false, true, true },	   { 24999, false, true, true },   { 25000, true, true, true },
		{ 29999, true, true, true },	   { 30000, true, false, true },   { 30001, true, false, true },
		{ 239999, true, false, true },	   { 240000, true, false, false }, { 240001, true, false, false },
		{ 864000000, true, false, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rr_nonces nonces = { 0 };
		struct mono now = at_ms(cases[i].age_ms);

		make(&nonces, 1, 7, at_s(0));
		CHECK_CASE(i, !mono_before(now, rr_rotate_at(&nonces)) == cases[i].due);
		CHECK_CASE(i, !!rr_newest(&nonces, now) == cases[i].given_out);
		CHECK_CASE(i, !!rr_find(&nonces, 7, now) == cases[i].accepted);
	}
	assert_int_equal((int)NONCE_ANSWER_S + (int)RR_TOKEN_LIFETIME_S, RR_NONCE_LIFETIME_S);
	assert_true((int)RR_NONCE_INTERVAL_S < (int)NONCE_ANSWER_S);
}

static void indices_go_on_past_65535_at_0(void **state)
{
	struct rr_nonces nonces = { 0 };
	static const uint16_t expected[] = { 65534, 65535, 0, 1, 2 };

	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		struct mono now = at_s((int64_t)i * RR_NONCE_INTERVAL_S);

		CHECK_CASE(i, make(&nonces, i, 65534, now)->index == expected[i]);
		CHECK_CASE(i, rr_newest(&nonces, now)->index == expected[i]);
		for (size_t j = 0; j <= i; j++)
			CHECK_CASE(i, holds(rr_find(&nonces, expected[j], now), j));
	}
}

/* A list of all that were ever made says what the ring has to hold. */
static void the_ring_never_loses_one_that_is_still_accepted(void **state)
{
	static const int64_t lateness_ms[] = { 0, 0, 1, 4999, 0, 250, 0, 239000, 0, 7 };
	enum { ROUNDS = 70000, REMEMBERED = 40 };
	struct {
		struct mono made;
		uint16_t index;
	} list[REMEMBERED];
	struct rr_nonces nonces = { 0 };
	struct mono now = at_s(0);

	for (uint32_t n = 0; n < ROUNDS; n++) {
		now = mono_add_ms(n ? rr_rotate_at(&nonces) : now, lateness_ms[n / 16 % ARRAY_SIZE(lateness_ms)]);
		list[n % REMEMBERED].made = now;
		list[n % REMEMBERED].index = make(&nonces, n, 9, now)->index;
		CHECK_CASE(n, list[n % REMEMBERED].index == (uint16_t)(9 + n));
		for (uint32_t back = 0; back < REMEMBERED && back <= n; back++) {
			uint32_t old = n - back;
			struct mono ends = mono_add_s(list[old % REMEMBERED].made, RR_NONCE_LIFETIME_S);
			const struct rr_nonce *found = rr_find(&nonces, list[old % REMEMBERED].index, now);

			CHECK_CASE(n, !!found == mono_before(now, ends));
			CHECK_CASE(n, !found || holds(found, old));
		}
	}
}

static void expiry_wipes_every_octet_and_leaves_the_living(void **state)
{
	struct rr_nonces nonces = { 0 };
	int left = 0;

	for (int n = 0; n < LIMIT_NONCES; n++)
		make(&nonces, n, 0, at_s((int64_t)n * RR_NONCE_INTERVAL_S));
	rr_expire(&nonces, at_ms(5 * RR_NONCE_INTERVAL_S * 1000 + RR_NONCE_LIFETIME_S * 1000 - 1));
	for (int n = 0; n < LIMIT_NONCES; n++) {
		CHECK_CASE(n, n < 5 ? wiped(&nonces.at[n]) : holds(&nonces.at[n], n));
		left += nonces.at[n].used;
	}
	assert_int_equal(left, LIMIT_NONCES - 5);
	rr_expire(&nonces, at_s(5 * RR_NONCE_INTERVAL_S + RR_NONCE_LIFETIME_S));
	assert_true(wiped(&nonces.at[5]) && holds(&nonces.at[6], 6));
	rr_expire(&nonces, at_s(100000));
	for (int n = 0; n < LIMIT_NONCES; n++)
		CHECK_CASE(n, wiped(&nonces.at[n]));
	assert_false(mono_before(at_s(100000), rr_rotate_at(&nonces)));
	assert_int_equal(make(&nonces, 1, 4321, at_s(100000))->index, 4321);
}

/* ---- what a former daemon left ---- */

static struct rr_nonce left_behind(uint16_t index, int64_t made_s)
{
	struct rr_nonce nonce = { .index = index, .made = at_s(made_s), .used = true };
	uint8_t fresh[RR_FRESH_LEN];

	fill(fresh, index);
	memcpy(nonce.kcn, fresh, RR_KEY_LEN);
	memcpy(nonce.value, fresh + RR_KEY_LEN, RR_NONCE_LEN);
	return nonce;
}

static void adoption_refuses_the_empty_the_expired_and_the_future(void **state)
{
	static const struct {
		int64_t made_ms;
		bool used, adopted;
	} cases[] = {
		{ 0, true, true },	  { 0, false, false },	   { 1, true, false },
		{ 100000, true, false },  { -239999, true, true }, { -240000, true, false },
		{ -240001, true, false }, { -25000, true, true },  { -30000, true, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rr_nonce nonce = left_behind(11, 0);
		struct rr_nonces nonces = { 0 };

		nonce.made = at_ms(cases[i].made_ms);
		nonce.used = cases[i].used;
		rr_adopt(&nonces, &nonce, at_s(0));
		CHECK_CASE(i, !!rr_find(&nonces, 11, at_s(0)) == cases[i].adopted);
		CHECK_CASE(i, cases[i].adopted || wiped(&nonces.at[11]));
		CHECK_CASE(i, !!rr_newest(&nonces, at_s(0)) == (cases[i].adopted && cases[i].made_ms > -30000));
		CHECK_CASE(i, make(&nonces, 1, 500, at_s(0))->index == (cases[i].adopted ? 12 : 500));
	}
}

/* Ten live ones around the wrap, in places 8 to 15 and 0 to 1; every rotation of both orders. */
static void adoption_takes_them_in_any_order(void **state)
{
	for (int turn = 0; turn < 2 * ACCEPTED; turn++) {
		struct rr_nonces nonces = { 0 };

		for (int i = 0; i < ACCEPTED; i++) {
			int n = (turn < ACCEPTED ? i + turn : 3 * ACCEPTED - i - turn) % ACCEPTED;
			struct rr_nonce nonce;

			n = (n + ACCEPTED) % ACCEPTED;
			nonce = left_behind((uint16_t)(65528 + n), (int64_t)(n - ACCEPTED + 1) * RR_NONCE_INTERVAL_S);
			rr_adopt(&nonces, &nonce, at_s(0));
		}
		for (int n = 0; n < ACCEPTED; n++)
			CHECK_CASE(turn,
				   holds(rr_find(&nonces, (uint16_t)(65528 + n), at_s(0)), (uint16_t)(65528 + n)));
		CHECK_CASE(turn, rr_newest(&nonces, at_s(0))->index == 1);
		CHECK_CASE(turn, rr_rotate_at(&nonces).ns == at_s(RR_NONCE_INTERVAL_S).ns);
		CHECK_CASE(turn, make(&nonces, 77, 500, at_s(RR_NONCE_INTERVAL_S))->index == 2);
	}
}

/* ---- formulas: vectors of Python's hashlib and hmac ---- */

static struct rr_nonce counting_nonce(void)
{
	struct rr_nonce nonce = { .used = true };

	for (int i = 0; i < RR_KEY_LEN; i++)
		nonce.kcn[i] = i + 1;
	for (int i = 0; i < RR_NONCE_LEN; i++)
		nonce.value[i] = 0xA0 + i;
	return nonce;
}

static const struct rr_nonce zero_nonce = { .used = true };

static const struct token_case {
	const char *address;
	bool zero; /* Kcn and nonce all zero, else counting up */
	uint8_t home[RR_TOKEN_LEN], care_of[RR_TOKEN_LEN];
} token_cases[] = {
	{ "2001:db8:1::100",
	  false,
	  { 0x26, 0xEF, 0xE9, 0x21, 0x2E, 0xA0, 0xE7, 0x52 },
	  { 0x0D, 0xF3, 0x7B, 0xBB, 0x40, 0x95, 0x1E, 0xA0 } },
	{ "2001:db8:f1::2",
	  false,
	  { 0x2E, 0x0E, 0x01, 0x62, 0x5E, 0x84, 0x01, 0x96 },
	  { 0x25, 0xFE, 0x3D, 0x0E, 0xDC, 0xA3, 0x6B, 0x08 } },
	{ "::",
	  false,
	  { 0x10, 0xF5, 0x66, 0x1B, 0xDC, 0x14, 0xD4, 0x55 },
	  { 0x88, 0xC8, 0x7F, 0x54, 0x06, 0xDE, 0x0E, 0x42 } },
	{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
	  false,
	  { 0x41, 0xD7, 0x1A, 0x23, 0xC3, 0x50, 0x40, 0x09 },
	  { 0xCD, 0x12, 0xEF, 0x56, 0x22, 0xB6, 0xEB, 0xB5 } },
	{ "2001:db8:1::100",
	  true,
	  { 0x97, 0x57, 0xE9, 0xFD, 0xAE, 0x1F, 0xBA, 0xFA },
	  { 0x85, 0x20, 0xA9, 0x9C, 0x76, 0x52, 0x1A, 0x60 } },
};

static const uint8_t kbm_of_both[RR_KEY_LEN] = { 0x0D, 0x4F, 0xA3, 0x63, 0x16, 0x47, 0xCE, 0x5A, 0xA1, 0x89,
						 0xEA, 0x0C, 0x01, 0x7E, 0x80, 0xAD, 0xB9, 0x5E, 0x19, 0x84 };
static const uint8_t kbm_of_home[RR_KEY_LEN] = { 0xE8, 0x75, 0x50, 0xAA, 0x0D, 0x58, 0xEC, 0xB7, 0x1D, 0x1B,
						 0x27, 0x50, 0x4E, 0x34, 0xA2, 0xF1, 0xE2, 0x45, 0x04, 0xA9 };

static void tokens_are_those_of_hmac(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(token_cases); i++) {
		const struct token_case *c = &token_cases[i];
		struct rr_nonce nonce = c->zero ? zero_nonce : counting_nonce();
		struct in6_addr address = addr(c->address);
		uint8_t token[RR_TOKEN_LEN];

		CHECK_CASE(i, rr_home_token(&nonce, &address, token) == 0 && !memcmp(token, c->home, RR_TOKEN_LEN));
		CHECK_CASE(i,
			   rr_care_of_token(&nonce, &address, token) == 0 && !memcmp(token, c->care_of, RR_TOKEN_LEN));
	}
}

static void the_key_is_the_hash_of_both_tokens_or_of_the_home_token(void **state)
{
	const uint8_t *home = token_cases[0].home, *care_of = token_cases[1].care_of;
	uint8_t kbm[RR_KEY_LEN];

	assert_int_equal(rr_kbm(home, care_of, kbm), 0);
	assert_memory_equal(kbm, kbm_of_both, RR_KEY_LEN);
	assert_int_equal(rr_kbm(home, NULL, kbm), 0);
	assert_memory_equal(kbm, kbm_of_home, RR_KEY_LEN);
	assert_int_equal(rr_kbm(care_of, home, kbm), 0); /* the order counts */
	assert_memory_not_equal(kbm, kbm_of_both, RR_KEY_LEN);
}

/* A binding update with nonce indices 1 and 2, up to its authenticator; checksum in place. */
static const uint8_t update[20] = { 0x3B, 3, 5, 0, 0x9A, 0x7C, 0, 7, 0x80, 0, 0, 0x69, 4, 4, 0, 1, 0, 2, 5, 12 };

static const struct {
	const char *care_of;
	const uint8_t *kbm;
	uint16_t auth_offset;
	uint8_t auth[MH_AUTH_LEN];
} auth_cases[] = {
	{ "2001:db8:f1::2",
	  kbm_of_both,
	  sizeof(update),
	  { 0xD6, 0x6B, 0x25, 0x8C, 0x59, 0x5A, 0x65, 0xE5, 0xF4, 0x12, 0xC8, 0xA7 } },
	{ "2001:db8:1::100",
	  kbm_of_home,
	  sizeof(update),
	  { 0xF8, 0x9F, 0xD1, 0x88, 0x8C, 0xC0, 0xE8, 0xA0, 0x87, 0x2C, 0xF4, 0x65 } },
	{ "2001:db8:f1::2",
	  kbm_of_both,
	  6, /* nothing behind the checksum */
	  { 0x00, 0x9C, 0xC4, 0xAD, 0x02, 0xF7, 0x15, 0xA4, 0x8F, 0xD1, 0x52, 0xE0 } },
};

static void the_authenticator_is_that_of_hmac_whatever_the_checksum(void **state)
{
	static const uint8_t checksums[][2] = { { 0x9A, 0x7C }, { 0, 0 }, { 0xFF, 0xFF } };
	struct in6_addr correspondent = addr("2001:db8:c::2");

	for (size_t i = 0; i < ARRAY_SIZE(auth_cases); i++)
		for (size_t j = 0; j < ARRAY_SIZE(checksums); j++) {
			struct in6_addr care_of = addr(auth_cases[i].care_of);
			uint8_t auth[MH_AUTH_LEN], mh[sizeof(update)];

			memcpy(mh, update, sizeof(mh));
			memcpy(mh + 4, checksums[j], sizeof(checksums[j]));
			CHECK_CASE(i, rr_authenticator(auth_cases[i].kbm, &care_of, &correspondent, mh,
						       auth_cases[i].auth_offset, auth) == 0);
			CHECK_CASE(i, rr_same(auth, auth_cases[i].auth, sizeof(auth)));
		}
}

static void the_authenticator_depends_on_every_other_bit(void **state)
{
	struct in6_addr addresses[2] = { addr("2001:db8:f1::2"), addr("2001:db8:c::2") };
	uint8_t auth[MH_AUTH_LEN], mh[sizeof(update)], kbm[RR_KEY_LEN];
	struct {
		uint8_t *at;
		size_t len;
	} inputs[] = {
		{ mh, 4 }, { mh + 6, sizeof(mh) - 6 }, { (uint8_t *)addresses, sizeof(addresses) }, { kbm, sizeof(kbm) }
	};

	memcpy(mh, update, sizeof(mh));
	memcpy(kbm, kbm_of_both, sizeof(kbm));
	for (size_t i = 0; i < ARRAY_SIZE(inputs); i++)
		for (size_t bit = 0; bit < inputs[i].len * 8; bit++) {
			inputs[i].at[bit / 8] ^= 1 << bit % 8;
			assert_int_equal(rr_authenticator(kbm, &addresses[0], &addresses[1], mh, sizeof(mh), auth), 0);
			CHECK_CASE(bit, !rr_same(auth, auth_cases[0].auth, sizeof(auth)));
			inputs[i].at[bit / 8] ^= 1 << bit % 8;
		}
	assert_int_equal(rr_authenticator(kbm, &addresses[0], &addresses[1], mh, sizeof(mh), auth), 0);
	assert_memory_equal(auth, auth_cases[0].auth, sizeof(auth));
}

static void a_message_that_ends_before_its_checksum_has_no_authenticator(void **state)
{
	struct in6_addr care_of = addr("2001:db8:f1::2"), correspondent = addr("2001:db8:c::2");
	uint8_t auth[MH_AUTH_LEN];

	for (uint16_t len = 0; len < 6; len++)
		CHECK_CASE(len, rr_authenticator(kbm_of_both, &care_of, &correspondent, update, len, auth) == -EINVAL);
}

static void octets_are_the_same_where_none_differs(void **state)
{
	uint8_t a[RR_TOKEN_LEN] = { 1, 2, 3 }, b[RR_TOKEN_LEN] = { 1, 2, 3 };

	assert_true(rr_same(a, b, sizeof(a)));
	for (size_t i = 0; i < sizeof(a); i++) {
		b[i] ^= 0x80;
		CHECK_CASE(i, !rr_same(a, b, sizeof(a)) && rr_same(a, b, i));
		b[i] ^= 0x80;
	}
	assert_true(rr_same(a, b, 0));
}

/* ---- HMAC from its midstates, as bpf/rr.bpf.h goes on with it ---- */

static uint32_t rotated(uint32_t word, int bits)
{
	return word << bits | word >> (32 - bits);
}

/* SHA-1 of one block, FIPS 180-4 §6.1.2, as written there. */
static void compress(uint32_t hash[5], const uint8_t block[64])
{
	uint32_t w[80], v[5];

	for (int t = 0; t < 80; t++)
		w[t] = t < 16 ? (uint32_t)block[4 * t] << 24 | block[4 * t + 1] << 16 | block[4 * t + 2] << 8 |
					block[4 * t + 3]
			      : rotated(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
	memcpy(v, hash, sizeof(v));
	for (int t = 0; t < 80; t++) {
		static const uint32_t k[] = { 0x5A827999, 0x6ED9EBA1, 0x8F1BBCDC, 0xCA62C1D6 };
		const uint32_t f[] = { (v[1] & v[2]) | (~v[1] & v[3]), v[1] ^ v[2] ^ v[3],
				       (v[1] & v[2]) | (v[1] & v[3]) | (v[2] & v[3]), v[1] ^ v[2] ^ v[3] };
		uint32_t next = rotated(v[0], 5) + f[t / 20] + v[4] + k[t / 20] + w[t];

		v[4] = v[3];
		v[3] = v[2];
		v[2] = rotated(v[1], 30);
		v[1] = v[0];
		v[0] = next;
	}
	for (int i = 0; i < 5; i++)
		hash[i] += v[i];
}

/* The last block of a message: @len octets of its own at the front, one block gone before. */
static void finish(uint32_t hash[5], uint8_t block[64], size_t len)
{
	size_t bits = (64 + len) * 8;

	memset(block + len, 0, 64 - len);
	block[len] = 0x80;
	block[62] = bits >> 8;
	block[63] = bits & 0xFF;
	compress(hash, block);
}

static void go_on(const struct rr_nonce *nonce, const struct in6_addr *address, uint8_t kind, uint8_t digest[20])
{
	uint32_t inner[5], outer[5];
	uint8_t block[64];

	assert_int_equal(rr_midstates(nonce->kcn, inner, outer), 0);
	memcpy(block, address, 16);
	memcpy(block + 16, nonce->value, 8);
	block[24] = kind;
	finish(inner, block, 25);
	for (int i = 0; i < 5; i++)
		memcpy(block + 4 * i, &(uint32_t){ htonl(inner[i]) }, 4);
	finish(outer, block, 20);
	for (int i = 0; i < 5; i++)
		memcpy(digest + 4 * i, &(uint32_t){ htonl(outer[i]) }, 4);
}

static void a_token_from_the_midstates_is_the_token(void **state)
{
	uint8_t digest[20], token[RR_TOKEN_LEN], fresh[RR_FRESH_LEN];
	struct rr_nonce nonce = counting_nonce();

	for (size_t i = 0; i < ARRAY_SIZE(token_cases); i++) {
		const struct token_case *c = &token_cases[i];
		struct in6_addr address = addr(c->address);

		nonce = c->zero ? zero_nonce : counting_nonce();
		go_on(&nonce, &address, 0, digest);
		CHECK_CASE(i, !memcmp(digest, c->home, RR_TOKEN_LEN));
		go_on(&nonce, &address, 1, digest);
		CHECK_CASE(i, !memcmp(digest, c->care_of, RR_TOKEN_LEN));
	}
	for (uint32_t i = 0; i < 500; i++) {
		struct in6_addr address = addr("2001:db8:5::");

		fill(fresh, i * 2654435761U);
		memcpy(nonce.kcn, fresh, RR_KEY_LEN);
		memcpy(nonce.value, fresh + RR_KEY_LEN, RR_NONCE_LEN);
		memcpy(&address.s6_addr[8], fresh, 8);
		go_on(&nonce, &address, 0, digest);
		CHECK_CASE(i, !rr_home_token(&nonce, &address, token) && !memcmp(token, digest, RR_TOKEN_LEN));
		go_on(&nonce, &address, 1, digest);
		CHECK_CASE(i, !rr_care_of_token(&nonce, &address, token) && !memcmp(token, digest, RR_TOKEN_LEN));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_nonce_one_is_due_and_none_is_given_out),
		cmocka_unit_test(the_first_nonce_has_the_index_and_octets_it_was_given),
		cmocka_unit_test(a_nonce_is_given_out_while_its_tokens_live_and_accepted_for_its_life),
		cmocka_unit_test(indices_go_on_past_65535_at_0),
		cmocka_unit_test(the_ring_never_loses_one_that_is_still_accepted),
		cmocka_unit_test(expiry_wipes_every_octet_and_leaves_the_living),
		cmocka_unit_test(adoption_refuses_the_empty_the_expired_and_the_future),
		cmocka_unit_test(adoption_takes_them_in_any_order),
		cmocka_unit_test(tokens_are_those_of_hmac),
		cmocka_unit_test(the_key_is_the_hash_of_both_tokens_or_of_the_home_token),
		cmocka_unit_test(the_authenticator_is_that_of_hmac_whatever_the_checksum),
		cmocka_unit_test(the_authenticator_depends_on_every_other_bit),
		cmocka_unit_test(a_message_that_ends_before_its_checksum_has_no_authenticator),
		cmocka_unit_test(octets_are_the_same_where_none_differs),
		cmocka_unit_test(a_token_from_the_midstates_is_the_token),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
