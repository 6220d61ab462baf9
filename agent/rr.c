// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Nonces in a ring by index, and the four formulas of return routability. RFC 6275 §5.2.5, §6.2.7. HMAC comes from
 * OpenSSL by one context that is made at first use and kept: fetching it costs more than all the rest.
 */
#define OPENSSL_SUPPRESS_DEPRECATED /* SHA1_Init() and its kind: only they show the state between two blocks */
#include "rr.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

enum {
	HASH_LEN = 20,
	BLOCK_LEN = 64,
	HOME_TOKEN = 0,
	CARE_OF_TOKEN = 1,
	CHECKSUM_AT = 4, /* of the mobility header, RFC 6275 §6.1.1 */
};

/* ---- nonces ---- */

static bool expired(const struct rr_nonce *nonce, struct mono now)
{
	return !mono_before(now, mono_add_s(nonce->made, RR_NONCE_LIFETIME_S));
}

static struct rr_nonce *place_of(struct rr_nonces *nonces, uint16_t index)
{
	return &nonces->at[index % LIMIT_NONCES];
}

static const struct rr_nonce *newest_of(const struct rr_nonces *nonces)
{
	const struct rr_nonce *nonce = &nonces->at[nonces->newest % LIMIT_NONCES];

	return nonce->used ? nonce : NULL;
}

const struct rr_nonce *rr_rotate(struct rr_nonces *nonces, const uint8_t fresh[RR_FRESH_LEN], uint16_t first,
				 struct mono now)
{
	uint16_t index = newest_of(nonces) ? nonces->newest + 1 : first;
	struct rr_nonce *nonce = place_of(nonces, index);

	memcpy(nonce->kcn, fresh, RR_KEY_LEN);
	memcpy(nonce->value, fresh + RR_KEY_LEN, RR_NONCE_LEN);
	nonce->made = now;
	nonce->index = index;
	nonce->used = true;
	nonces->newest = index;
	return nonce;
}

void rr_adopt(struct rr_nonces *nonces, const struct rr_nonce *nonce, struct mono now)
{
	const struct rr_nonce *newest = newest_of(nonces);

	if (!nonce->used || expired(nonce, now) || mono_before(now, nonce->made))
		return;
	*place_of(nonces, nonce->index) = *nonce;
	if (!newest || mono_before(newest->made, nonce->made))
		nonces->newest = nonce->index;
}

struct mono rr_rotate_at(const struct rr_nonces *nonces)
{
	const struct rr_nonce *newest = newest_of(nonces);

	return newest ? mono_add_s(newest->made, RR_NONCE_INTERVAL_S) : (struct mono){ 0 };
}

const struct rr_nonce *rr_newest(const struct rr_nonces *nonces, struct mono now)
{
	const struct rr_nonce *newest = newest_of(nonces);

	return newest && mono_before(now, mono_add_s(newest->made, NONCE_ANSWER_S)) ? newest : NULL;
}

const struct rr_nonce *rr_find(const struct rr_nonces *nonces, uint16_t index, struct mono now)
{
	const struct rr_nonce *nonce = &nonces->at[index % LIMIT_NONCES];

	return nonce->used && nonce->index == index && !expired(nonce, now) ? nonce : NULL;
}

void rr_expire(struct rr_nonces *nonces, struct mono now)
{
	for (size_t i = 0; i < ARRAY_SIZE(nonces->at); i++)
		if (nonces->at[i].used && expired(&nonces->at[i], now))
			explicit_bzero(&nonces->at[i], sizeof(nonces->at[i]));
}

/* ---- formulas ---- */

/* NULL: OpenSSL can't. Kept for the life of the process, which has one thread (DESIGN §2.2). */
static EVP_MAC_CTX *hmac_sha1(void)
{
	static EVP_MAC_CTX *context;
	OSSL_PARAM digest[] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA1", 0),
				OSSL_PARAM_construct_end() };
	EVP_MAC *mac;

	if (context)
		return context;
	mac = EVP_MAC_fetch(NULL, OSSL_MAC_NAME_HMAC, NULL);
	context = mac ? EVP_MAC_CTX_new(mac) : NULL;
	EVP_MAC_free(mac);
	if (context && !EVP_MAC_CTX_set_params(context, digest)) {
		EVP_MAC_CTX_free(context);
		context = NULL;
	}
	return context;
}

struct piece {
	const void *data;
	size_t len;
};

static int mac(const uint8_t key[RR_KEY_LEN], const struct piece *pieces, size_t count, uint8_t *out, size_t len)
{
	EVP_MAC_CTX *context = hmac_sha1();
	uint8_t whole[HASH_LEN];
	size_t got = 0;
	bool good = context && EVP_MAC_init(context, key, RR_KEY_LEN, NULL);

	for (size_t i = 0; good && i < count; i++)
		good = EVP_MAC_update(context, pieces[i].data, pieces[i].len);
	good = good && EVP_MAC_final(context, whole, &got, sizeof(whole)) && got == sizeof(whole);
	if (good)
		memcpy(out, whole, len);
	explicit_bzero(whole, sizeof(whole));
	return good ? 0 : -EIO;
}

static int token_of(const struct rr_nonce *nonce, const struct in6_addr *addr, uint8_t kind,
		    uint8_t token[RR_TOKEN_LEN])
{
	const struct piece pieces[] = { { addr, sizeof(*addr) },
					{ nonce->value, sizeof(nonce->value) },
					{ &kind, sizeof(kind) } };

	return mac(nonce->kcn, pieces, ARRAY_SIZE(pieces), token, RR_TOKEN_LEN);
}

int rr_home_token(const struct rr_nonce *nonce, const struct in6_addr *home, uint8_t token[RR_TOKEN_LEN])
{
	return token_of(nonce, home, HOME_TOKEN, token);
}

int rr_care_of_token(const struct rr_nonce *nonce, const struct in6_addr *care_of, uint8_t token[RR_TOKEN_LEN])
{
	return token_of(nonce, care_of, CARE_OF_TOKEN, token);
}

int rr_kbm(const uint8_t home_token[RR_TOKEN_LEN], const uint8_t *care_of_token, uint8_t kbm[RR_KEY_LEN])
{
	uint8_t tokens[2 * RR_TOKEN_LEN];
	size_t len = RR_TOKEN_LEN;
	bool good;

	memcpy(tokens, home_token, RR_TOKEN_LEN);
	if (care_of_token) {
		memcpy(tokens + RR_TOKEN_LEN, care_of_token, RR_TOKEN_LEN);
		len += RR_TOKEN_LEN;
	}
	good = SHA1(tokens, len, kbm) != NULL;
	explicit_bzero(tokens, sizeof(tokens));
	return good ? 0 : -EIO;
}

int rr_authenticator(const uint8_t kbm[RR_KEY_LEN], const struct in6_addr *care_of,
		     const struct in6_addr *correspondent, const uint8_t *mh, uint16_t auth_offset,
		     uint8_t auth[MH_AUTH_LEN])
{
	static const uint8_t no_checksum[2];
	const struct piece pieces[] = { { care_of, sizeof(*care_of) },
					{ correspondent, sizeof(*correspondent) },
					{ mh, CHECKSUM_AT },
					{ no_checksum, sizeof(no_checksum) },
					{ mh + CHECKSUM_AT + sizeof(no_checksum),
					  auth_offset - CHECKSUM_AT - sizeof(no_checksum) } };

	if (auth_offset < CHECKSUM_AT + sizeof(no_checksum))
		return -EINVAL;
	return mac(kbm, pieces, ARRAY_SIZE(pieces), auth, MH_AUTH_LEN);
}

bool rr_same(const uint8_t *a, const uint8_t *b, size_t len)
{
	return CRYPTO_memcmp(a, b, len) == 0;
}

static bool midstate(const uint8_t kcn[RR_KEY_LEN], uint8_t pad, uint32_t out[5])
{
	uint8_t block[BLOCK_LEN];
	SHA_CTX sha;
	bool good;

	memset(block, pad, sizeof(block));
	for (size_t i = 0; i < RR_KEY_LEN; i++)
		block[i] ^= kcn[i];
	good = SHA1_Init(&sha) && SHA1_Update(&sha, block, sizeof(block));
	out[0] = sha.h0;
	out[1] = sha.h1;
	out[2] = sha.h2;
	out[3] = sha.h3;
	out[4] = sha.h4;
	explicit_bzero(block, sizeof(block));
	explicit_bzero(&sha, sizeof(sha));
	return good;
}

int rr_midstates(const uint8_t kcn[RR_KEY_LEN], uint32_t inner[5], uint32_t outer[5])
{
	return midstate(kcn, 0x36, inner) && midstate(kcn, 0x5C, outer) ? 0 : -EIO; /* ipad and opad, RFC 2104 */
}
