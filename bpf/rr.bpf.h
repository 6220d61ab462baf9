/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * XDP: home and care-of test inits answered in place, without state: the token is a keyed hash of the address that
 * asked, and the update that uses it later is checked by the agent with the same nonce. RFC 6275 §5.2, §9.4. What comes
 * with anything around it (options, extension headers, a tunnel) is the agent's, which answers with the same octets.
 */
#ifndef MOBGW_RR_BPF_H
#define MOBGW_RR_BPF_H

#include "inspect.bpf.h"
#include "sha1.bpf.h"

enum {
	TEST_GROWTH = sizeof(struct mip6_test) - sizeof(struct mip6_test_init),
	HMAC_BLOCK_BITS = 64 * 8,
	TOKEN_INPUT_BITS = (16 + 8 + 1) * 8, /* address, nonce, 0 or 1 */
	DIGEST_BITS = 20 * 8,
	TEST_L3 = sizeof(struct ethernet), /* tagged frames are the agent's: their router is another */
	TOKEN_ZEROS = 0x7f80,		   /* words 7-14 of the inner block, FIPS 180-4 §5.1.1 */
	DIGEST_ZEROS = 0x7fc0,		   /* words 6-14 of the outer one */
};

/* First64(HMAC-SHA-1(Kcn, @addr | nonce | @kind)), RFC 6275 §5.2.5, from the states after the padded key. */
static __always_inline __u64 keygen_token(const struct nonce *n, const struct in6_addr *addr, __u32 kind)
{
	const __be32 *a = (const __be32 *)addr, *v = (const __be32 *)n->value;
	struct sha1 s;

	for (int i = 0; i < 5; i++)
		s.h[i] = n->inner[i];
	for (int i = 0; i < 4; i++)
		s.w[i] = bpf_ntohl(a[i]);
	s.w[4] = bpf_ntohl(v[0]);
	s.w[5] = bpf_ntohl(v[1]);
	s.w[6] = kind << 24 | 0x800000; /* the last octet, and the bit that ends the data */
	s.w[15] = HMAC_BLOCK_BITS + TOKEN_INPUT_BITS;
	sha1_compress(&s, TOKEN_ZEROS);
	for (int i = 0; i < 5; i++)
		s.w[i] = s.h[i];
	for (int i = 0; i < 5; i++)
		s.h[i] = n->outer[i];
	s.w[5] = 0x80000000;
	s.w[15] = HMAC_BLOCK_BITS + DIGEST_BITS;
	sha1_compress(&s, DIGEST_ZEROS);
	return (__u64)s.h[0] << 32 | s.h[1];
}

/* RFC 6275 §9.4: nothing is kept of it, so nothing but its rate can be limited. */
static __always_inline bool test_rate_source(const struct in6_addr *src, __u32 hz)
{
	const __u64 *q = (const __u64 *)src;
	__u32 zero = 0, index;
	struct secrets *s = bpf_map_lookup_elem(&secrets, &zero);
	struct bucket *b;
	__u64 h;

	if (!s)
		return false;
	h = (q[0] ^ s->bucket_key) * 0x9E3779B97F4A7C15ULL;
	h ^= h >> 29;
	h = (h + (q[1] ^ (s->bucket_key << 17 | s->bucket_key >> 47))) * 0xBF58476D1CE4E5B9ULL;
	index = (h ^ h >> 32) * 0x94D049BB133111EBULL >> 48;
	b = bpf_map_lookup_elem(&test_limits, &index);
	return b && bucket_take(b, RATE_TEST_SOURCE, hz);
}

static __always_inline enum reason test_admitted(const struct settings *set, const struct in6_addr *src, __u8 type)
{
	if (!addr_is_routable(src) || local_flags(src))
		return DROP_TEST_ADDRESS;
	if (type == MH_HOTI && set->flags & SETTING_REFUSED) {
		struct prefix_key key = { .len = 128, .prefix = *src };

		if (bpf_map_lookup_elem(&refused, &key))
			return DROP_TEST_REFUSED;
	}
	if (!test_rate_source(src, set->hz))
		return DROP_TEST_RATE_SOURCE;
	return limit_all(LIMIT_ALL_TEST, RATE_TEST_ALL, set->hz) ? REASON_NONE : DROP_TEST_RATE_ALL;
}

/* The nonce to give out; NULL where there is none that is young enough, and the agent must say. */
static __always_inline struct nonce *nonce_now(const struct settings *set)
{
	__u32 place = set->nonce - 1;
	struct nonce *n;

	if (!set->nonce)
		return NULL;
	n = bpf_map_lookup_elem(&nonces, &place);
	/* a second's grace: the agent rounds up, and may say the next jiffy */
	return n && n->used && bpf_jiffies64() + set->hz - n->made < (__u64)(NONCE_ANSWER_S + 1) * set->hz ? n : NULL;
}

/* One's complement sum of both addresses, protocol and a mobility header of @len octets, which may hold its checksum.
 */
static __always_inline __u64 mh_sum(const struct mip6_ipv6 *ip, const void *mh, __u32 len)
{
	const __u32 *a = (const __u32 *)&ip->src, *m = mh;
	__u64 sum = bpf_htonl(NH_MH) + (__u64)bpf_htonl(len);

	for (int i = 0; i < 8; i++)
		sum += a[i];
	for (__u32 i = 0; i < len / 4; i++)
		sum += m[i];
	return sum;
}

/* Ours to answer at all: a test init and nothing else. */
static __always_inline bool is_plain_test_init(const struct mip6_ipv6 *ip, const struct mip6_test_init *init)
{
	return ip->payload_len == bpf_htons(sizeof(*init)) && init->mh.hdrlen == 1 && init->mh.proto == NH_NONE &&
	       (init->mh.type == MH_HOTI || init->mh.type == MH_COTI);
}

/*
 * The frame goes back to whoever it came from, 8 octets longer. In wide loads and stores, and the sum from what changes
 * (RFC 1624): that of the test init was right, and swapping the addresses doesn't change it.
 */
static __always_inline enum reason write_test(hook_ctx *ctx, const struct nonce *n, __u64 token, __u32 kind)
{
	__u64 was, now, sum, mac, high, *eth, *ip;

	/* exactly: what the link padded the frame with must not follow the answer */
	if (hook_set_len(ctx, TEST_L3 + IP6_HDR_LEN + sizeof(struct mip6_test)))
		return DROP_NO_ROOM;
	eth = hook_data(ctx);
	ip = hook_data(ctx) + TEST_L3;
	if ((void *)(ip + 8) > hook_end(ctx) || (void *)(eth + 2) > hook_end(ctx))
		return DROP_NO_ROOM;
	mac = eth[0];
	high = *(__u32 *)(eth + 1);
	eth[0] = mac >> 48 | high << 16 | mac << 48;
	*(__u32 *)(eth + 1) = mac >> 16;
	ip[0] = bpf_cpu_to_be64(6ULL << 60 | sizeof(struct mip6_test) << 16 | NH_MH << 8 | TUNNEL_HOP_LIMIT);
	for (int i = 1; i < 3; i++) {
		__u64 src = ip[i];

		ip[i] = ip[i + 2];
		ip[i + 2] = src;
	}
	was = ip[5];
	now = bpf_cpu_to_be64((__u64)NH_NONE << 56 | 2ULL << 48 | (__u64)(MH_HOT + kind) << 40 | n->index);
	token = bpf_cpu_to_be64(token);
	sum = (__u64)bpf_htonl(TEST_GROWTH) + (__u32)~was + (~was >> 32) + (__u32)now + (now >> 32) + (__u32)token +
	      (token >> 32);
	ip[5] = now;
	((struct mip6_mh *)(ip + 5))->checksum = csum_fold(sum);
	ip[7] = token; /* the cookie stays where it is */
	return SENT_TEST;
}

/*
 * A packet to one of our addresses whose IPv6 header names a mobility header. Return: a verdict or a drop; REASON_NONE
 * where it is not answered here.
 */
__noinline int answer_test_init(hook_ctx *ctx)
{
	struct settings *set = settings_get();
	struct mip6_ipv6 *ip = ipv6_at(ctx, TEST_L3);
	struct mip6_test_init *init;
	enum reason why;
	struct nonce *n;
	__u64 token;
	__u32 kind;

	if (!set || !ip)
		return REASON_NONE;
	init = (void *)(ip + 1);
	if ((void *)(init + 1) > hook_end(ctx) || !is_plain_test_init(ip, init))
		return REASON_NONE;
	if (csum_fold(mh_sum(ip, init, sizeof(*init))))
		return DROP_TEST_CHECKSUM; /* §9.2 */
	n = nonce_now(set);
	if (!n)
		return REASON_NONE;
	why = test_admitted(set, &ip->src, init->mh.type);
	if (why != REASON_NONE)
		return why;
	kind = init->mh.type - MH_HOTI;
	token = keygen_token(n, &ip->src, kind);
	return write_test(ctx, n, token, kind);
}

#endif
