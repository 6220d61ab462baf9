/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Keys that mobile nodes share with their home agent for the authentication option: a file of mode 0600, whole or not
 * at all. Never printed, wiped when freed. RFC 4285 §5.1.
 */
#ifndef MOBGW_AUTH_KEYS_H
#define MOBGW_AUTH_KEYS_H

#include <stdio.h>

#include "rr.h"

enum auth_keys_limit {
	AUTH_KEY_LEN = 16,  /* RFC 4285 §5.1 */
	AUTH_SPI_MIN = 256, /* below is reserved, RFC 4285 §5.1 */
};

/* One shared-key-based mobility security association, of a home address or of an NAI. */
struct auth_key {
	uint32_t spi;
	uint8_t nai_len; /* 0: of @home */
	struct in6_addr home;
	char *nai;	    /* not terminated; NULL: of @home */
	const uint8_t *key; /* RR_KEY_LEN octets: AUTH_KEY_LEN, then zero: HMAC pads keys so anyway (RFC 2104 §2) */
};

struct auth_keys {
	struct auth_key *at; /* sorted: home addresses before NAIs */
	size_t count;
	uint8_t *secrets; /* apart, so that sorting leaves no copies behind */
	size_t secrets_len;
};

/*
 *   # mobility SPI, home address or NAI, key in 32 hexadecimal digits
 *   0x1001 2001:db8:1::100 00112233445566778899aabbccddeeff
 *   4098 node@example.com 0123456789abcdef0123456789abcdef
 *
 * Return: 0; -EPERM: others may read it, or it is not a plain file owned by root or by us; -EINVAL: refused whole (an
 * SPI of one node twice, wrong lengths, keys all zero); -errno. Messages to @errors, FILE:LINE, never with octets of a
 * key.
 */
int auth_keys_load(const char *path, struct auth_keys **out, FILE *errors);
/* The same from @len octets, which stay the caller's to wipe; no look at a file's mode. */
int auth_keys_parse(const char *data, size_t len, const char *name, struct auth_keys **out, FILE *errors);
void auth_keys_free(struct auth_keys *keys);

/* The key of a home address, and that of an NAI, octet by octet, by SPI; NULL: there is none. */
const struct auth_key *auth_keys_of_home(const struct auth_keys *keys, uint32_t spi, const struct in6_addr *home);
/* Its first, by home address before @nai, which may be NULL; NULL: it has none. */
const struct auth_key *auth_keys_first(const struct auth_keys *keys, const struct in6_addr *home, const char *nai);
const struct auth_key *auth_keys_of_nai(const struct auth_keys *keys, uint32_t spi, const void *nai, size_t len);

#endif
