/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Static keys for laboratories: a file of mode 0600 that both ends can share, whole or not at all. Never printed,
 * wiped when freed. RFC 3776 §4.1 allows manual keying; there is no protection against replay across a reboot but by
 * the sequence number that outbound states begin with.
 */
#ifndef MOBGW_IPSEC_KEYS_H
#define MOBGW_IPSEC_KEYS_H

#include <stdio.h>

#include "xfrm.h"

/* What one home address has protected, each a pair of states and its policies. */
enum ipsec_child {
	IPSEC_SIGNALLING, /* transport: binding updates, acknowledgements, all mobility headers with the home agent */
	IPSEC_HOME_TEST,  /* tunnel: mobility headers of the home address with correspondents */
	IPSEC_PAYLOAD,	  /* tunnel: everything else */
	IPSEC_CHILDREN
};
extern const char *const ipsec_child_names[IPSEC_CHILDREN]; /* "signalling", "home-test", "payload": the words of file,
							       CLI, IKE */

/* "aes128-gcm", "aes256-gcm", "aes128-sha256", "aes256-sha256", "aes128-sha1", "aes256-sha1". */
struct ipsec_suite {
	const char *name;
	struct xfrm_algorithms alg;
};
extern const struct ipsec_suite ipsec_suites[]; /* up to one without a name */

struct ipsec_key {
	uint32_t spi; /* 256 on */
	const struct ipsec_suite *suite;
	uint8_t cipher_key[XFRM_KEY_MAX], hash_key[XFRM_KEY_MAX];
};

struct ipsec_node_keys {
	struct in6_addr home;
	bool has[IPSEC_CHILDREN];
	struct ipsec_key to_agent[IPSEC_CHILDREN], to_node[IPSEC_CHILDREN];
};

struct ipsec_keys {
	struct ipsec_node_keys *nodes; /* sorted by home address */
	size_t count;
};

/*
 *   # home address  child  direction  SPI  suite  key  [key of the hash]
 *   2001:db8:1::100 signalling to-agent 0x1001 aes128-sha256 00112233445566778899aabbccddeeff 0123...
 *   2001:db8:1::100 signalling to-node  0x1002 aes128-gcm    00112233445566778899aabbccddeeff01234567
 *
 * Keys in hexadecimal digits; that of an AEAD with its salt of four octets behind it. Return: 0; -EPERM: others may
 * read it, or it is not a plain file owned by root or by us; -EINVAL: refused whole (an SPI of one direction twice, a
 * key twice, of wrong length or all zero, one direction without the other); -errno. Messages to @errors, FILE:LINE,
 * never with octets of a key.
 */
int ipsec_keys_load(const char *path, struct ipsec_keys **out, FILE *errors);
/* The same from @len octets; no look at the file's mode. */
int ipsec_keys_parse(const char *data, size_t len, const char *name, struct ipsec_keys **out, FILE *errors);
void ipsec_keys_free(struct ipsec_keys *keys);
const struct ipsec_node_keys *ipsec_keys_find(const struct ipsec_keys *keys, const struct in6_addr *home);
/* Writes a file of fresh random keys for @homes, all children, @suite; SPIs random too. */
int ipsec_keys_generate(const struct in6_addr *homes, size_t count, const struct ipsec_suite *suite, FILE *out);

#endif
