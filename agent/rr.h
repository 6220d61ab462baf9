/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Return routability: nonces, keygen tokens, binding management key, authenticator. Pure but for OpenSSL's HMAC: time
 * and random octets come in, nothing goes out. RFC 6275 §5.2, §6.2.7, §9.4. What leaves memory here is wiped.
 */
#ifndef MOBGW_RR_H
#define MOBGW_RR_H

#include "mh.h"

enum rr_limit {
	RR_COOKIE_LEN = 8,
	RR_TOKEN_LEN = 8,
	RR_NONCE_LEN = 8,
	RR_KEY_LEN = 20, /* Kcn and Kbm */
	RR_FRESH_LEN = RR_KEY_LEN + RR_NONCE_LEN,
	RR_NONCE_INTERVAL_S = 25, /* a new nonce; 5 s before the last one may no longer be given out (NONCE_ANSWER_S) */
	RR_NONCE_LIFETIME_S = 240,   /* MAX_NONCE_LIFETIME, counted from when it was made, so before its first use */
	RR_TOKEN_LIFETIME_S = 210,   /* MAX_TOKEN_LIFETIME */
	RR_BINDING_LIFETIME_S = 420, /* MAX_RR_BINDING_LIFETIME */
};

/* A nonce with its Kcn: both are made together, RFC 6275 §5.2.2. */
struct rr_nonce {
	struct mono made;
	uint8_t kcn[RR_KEY_LEN];
	uint8_t value[RR_NONCE_LEN];
	uint16_t index;
	bool used; /* false: this place is empty */
};

/* The nonces of a correspondent, the newest and those still accepted. Zeroed: none. The owner wipes it. */
struct rr_nonces {
	struct rr_nonce at[LIMIT_NONCES]; /* by index % LIMIT_NONCES */
	uint16_t newest;		  /* index; meaningless while at[newest % LIMIT_NONCES] is empty */
};

/* A new one from @fresh random octets becomes the newest: index one up, or @first where there is none. */
const struct rr_nonce *rr_rotate(struct rr_nonces *nonces, const uint8_t fresh[RR_FRESH_LEN], uint16_t first,
				 struct mono now);
/* What a former daemon left, in any order, one for each place; those past their lifetime, or made after @now, are left
 * out. */
void rr_adopt(struct rr_nonces *nonces, const struct rr_nonce *nonce, struct mono now);
/* When rr_rotate() is due; now or before it where there is no nonce. */
struct mono rr_rotate_at(const struct rr_nonces *nonces);
/* The one to give out; NULL where the newest is older than NONCE_ANSWER_S. */
const struct rr_nonce *rr_newest(const struct rr_nonces *nonces, struct mono now);
/* The one of that index while it is accepted; NULL: expired, or never made. */
const struct rr_nonce *rr_find(const struct rr_nonces *nonces, uint16_t index, struct mono now);
/* Wipes those past their lifetime. */
void rr_expire(struct rr_nonces *nonces, struct mono now);

/* First64(HMAC-SHA-1(Kcn, address | nonce | 0 or 1)), RFC 6275 §5.2.5. 0; -EIO: OpenSSL failed. */
int rr_home_token(const struct rr_nonce *nonce, const struct in6_addr *home, uint8_t token[RR_TOKEN_LEN]);
int rr_care_of_token(const struct rr_nonce *nonce, const struct in6_addr *care_of, uint8_t token[RR_TOKEN_LEN]);

/* Kbm = SHA-1(home token | care-of token); of a deletion SHA-1(home token), @care_of_token NULL. RFC 6275 §5.2.5. */
int rr_kbm(const uint8_t home_token[RR_TOKEN_LEN], const uint8_t *care_of_token, uint8_t kbm[RR_KEY_LEN]);

/**
 * rr_authenticator() - First96(HMAC-SHA-1(Kbm, care-of address | correspondent | MH)), RFC 6275 §6.2.7
 * @care_of: the home address itself where a deletion has that as its care-of address
 * @mh, @auth_offset: the message and where its authenticator's data begins; the octets before that count, the checksum
 * as zero whatever stands there
 */
int rr_authenticator(const uint8_t kbm[RR_KEY_LEN], const struct in6_addr *care_of,
		     const struct in6_addr *correspondent, const uint8_t *mh, uint16_t auth_offset,
		     uint8_t auth[MH_AUTH_LEN]);

/* Without a branch that depends on the octets. */
bool rr_same(const uint8_t *a, const uint8_t *b, size_t len);

/* State of HMAC-SHA-1 after the block of Kcn xor ipad, and after that of Kcn xor opad: what BPF goes on from. */
int rr_midstates(const uint8_t kcn[RR_KEY_LEN], uint32_t inner[5], uint32_t outer[5]);

#endif
