/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Every change of octets: outer header, home address option, hop limit, traffic class, flow label. RFC 2473, RFC 6040,
 * RFC 6438, DESIGN §3.
 */
#ifndef MOBGW_REWRITE_BPF_H
#define MOBGW_REWRITE_BPF_H

#include "packet.bpf.h"

enum {
	ECN_MASK = 3,
	ECN_NOT_ECT = 0,
	ECN_ECT1 = 1,
	ECN_ECT0 = 2,
	ECN_CE = 3,
	TUNNEL_OPTION_LEN = 8, /* destination options header with an encapsulation limit, RFC 2473 §5.1 */
};

/* Entropy for the path: a hash of the inner flow, 20 bits (RFC 6438 §3). @ports: first word of TCP or UDP, else 0. */
static __always_inline __u32 flow_label(const struct mip6_ipv6 *inner, __u32 ports)
{
	const __u64 *s = (const __u64 *)&inner->src, *d = (const __u64 *)&inner->dst;
	__u64 h = (s[0] ^ (d[0] << 1)) * 0x9E3779B97F4A7C15ULL;

	h ^= h >> 29;
	h += (s[1] ^ (d[1] << 1) ^ ports ^ ((__u64)(inner->ver_tc_flow & bpf_htonl(0xFFFFF)) << 32)) *
	     0xBF58476D1CE4E5B9ULL;
	h ^= h >> 32;
	h *= 0x94D049BB133111EBULL;
	return h >> 44;
}

/*
 * The first word of the outer header: traffic class of the inner one, ECN included (RFC 6040 §4.1, normal mode), and
 * our flow label.
 */
static __always_inline __be32 outer_first_word(const struct mip6_ipv6 *inner, __u32 ports)
{
	return (inner->ver_tc_flow & bpf_htonl(0xFFF00000)) | bpf_htonl(flow_label(inner, ports));
}

/* First word of the inner packet after decapsulation (RFC 6040 §4.2, figure 4); @drop where the figure says drop. */
static __always_inline __be32 decapsulated_first_word(__be32 outer, __be32 inner, bool *drop)
{
	__u32 out = bpf_ntohl(outer) >> 20 & ECN_MASK, in = bpf_ntohl(inner) >> 20 & ECN_MASK;

	*drop = false;
	if (out == ECN_NOT_ECT || out == in || in == ECN_CE)
		return inner;
	if (in == ECN_NOT_ECT) {
		*drop = out == ECN_CE;
		return inner;
	}
	if (out == ECN_CE)
		return inner | bpf_htonl(ECN_CE << 20);
	if (out == ECN_ECT1) /* inner ECT(0) */
		return (inner & ~bpf_htonl(ECN_MASK << 20)) | bpf_htonl(ECN_ECT1 << 20);
	return inner;
}

/* What the outer header needs, taken from the inner packet and the binding before anything moves. */
struct outer {
	__be32 first_word;
	__u32 inner_len;	    /* whole inner packet */
	const struct in6_addr *src; /* in map settings */
	struct in6_addr dst;	    /* a copy: the binding may be reused under us */
	__u8 limit;		    /* with has_limit: value of our own encapsulation limit */
	bool has_limit;
};

/* @ip: room for the outer header and, with has_limit, 8 octets behind it. The caller has checked the bounds. */
static __always_inline void write_outer(struct mip6_ipv6 *ip, const struct outer *o)
{
	ip->ver_tc_flow = o->first_word;
	ip->payload_len = bpf_htons(o->inner_len + (o->has_limit ? TUNNEL_OPTION_LEN : 0));
	ip->nexthdr = o->has_limit ? NH_DSTOPTS : NH_IPV6;
	ip->hop_limit = TUNNEL_HOP_LIMIT;
	ip->src = *o->src;
	ip->dst = o->dst;
}

static __always_inline void write_tunnel_option(__u8 *at, __u8 limit)
{
	at[0] = NH_IPV6;
	at[1] = 0;
	at[2] = OPT_TUNNEL_LIMIT;
	at[3] = 1;
	at[4] = limit;
	at[5] = OPT_PADN;
	at[6] = 1;
	at[7] = 0;
}

/*
 * Home address and source change places: the stack sees the home address, and the care-of address stays behind our tag
 * in an option that every stack skips (DESIGN §3). Same octets, same length.
 */
static __always_inline enum reason hide_home_address(hook_ctx *ctx, const struct walk *w)
{
	__u32 zero = 0, at = w->hao;
	struct secrets *s = bpf_map_lookup_elem(&secrets, &zero);
	struct mip6_ipv6 *ip = ipv6_at(ctx, w->l3);
	__u32 *source, *home;
	__be16 before[6] = {}, after[6] = {}; /* ten octets, and two for bpf_csum_diff(), which takes words */
	__u8 *option, *padding;

	if (!s || !ip || at < 8 || at > WALK_LIMIT)
		return DROP_TRUNCATED;
	at -= 8;
	padding = packet_at(ctx, at);
	option = padding + 4;
	if ((void *)(option + 22) > hook_end(ctx))
		return DROP_TRUNCATED;
	/* the addresses change places, which no sum notices; the ten octets before them do change it */
	__builtin_memcpy(before, padding, 10);
	source = (__u32 *)&ip->src;
	home = (__u32 *)(option + 6);
	for (int i = 0; i < 4; i++) { /* word by word: a copy of the address would be the stack's last straw on 6.1 */
		__u32 word = source[i];

		source[i] = home[i];
		home[i] = word;
	}
	/* a PadN that reached into our four octets ends before them now */
	if (w->room == 5) {
		padding[3] = OPT_PAD1;
	} else if (w->room == 6) {
		padding[3] = 0;
	} else if (w->room == 7) {
		padding[2] = 1;
	} else if (w->room == 8) {
		padding[1] = 2;
	}
	option[0] = OPT_VERIFIED_HOME;
	option[1] = 20;
	option[2] = s->tag[0];
	option[3] = s->tag[1];
	option[4] = s->tag[2];
	option[5] = s->tag[3];
	__builtin_memcpy(after, padding, 10);
	hook_sum_changed(ctx, bpf_csum_diff((__be32 *)before, sizeof(before), (__be32 *)after, sizeof(after), 0));
	return REASON_NONE;
}

/*
 * A type 2 routing header right behind the IPv6 header, whose home address is ours: destination and home address change
 * places, and the header becomes one of destination options, of the same size, that holds the care-of address behind
 * our tag (DESIGN §3). No sum but the kernel's over the whole packet notices the places; the first eight octets it
 * does.
 */
static __always_inline enum reason hide_routing_header(hook_ctx *ctx, __u32 l3)
{
	__u32 zero = 0;
	struct secrets *s = bpf_map_lookup_elem(&secrets, &zero);
	struct mip6_ipv6 *ip = ipv6_at(ctx, l3);
	struct mip6_verified_home *option;
	__be32 before[3], after[3];
	__u32 *care_of, *home;

	if (!s || !ip)
		return DROP_TRUNCATED;
	option = (void *)(ip + 1);
	if ((void *)(option + 1) > hook_end(ctx))
		return DROP_TRUNCATED;
	before[0] = ((__be32 *)ip)[1];
	before[1] = ((__be32 *)option)[0];
	before[2] = ((__be32 *)option)[1];
	ip->nexthdr = NH_DSTOPTS;
	option->type = OPT_VERIFIED_HOME;
	option->len = 20;
	option->tag[0] = s->route_tag[0];
	option->tag[1] = s->route_tag[1];
	option->tag[2] = s->route_tag[2];
	option->tag[3] = s->route_tag[3];
	care_of = (__u32 *)&ip->dst;
	home = (__u32 *)&option->care_of;
	for (int i = 0; i < 4; i++) {
		__u32 word = care_of[i];

		care_of[i] = home[i];
		home[i] = word;
	}
	after[0] = ((__be32 *)ip)[1];
	after[1] = ((__be32 *)option)[0];
	after[2] = ((__be32 *)option)[1];
	hook_sum_changed(ctx, bpf_csum_diff(before, sizeof(before), after, sizeof(after), 0));
	return REASON_NONE;
}

static __always_inline __u16 csum_fold(__u64 sum)
{
	sum = (sum & 0xFFFFFFFF) + (sum >> 32);
	sum = (sum & 0xFFFF) + (sum >> 16);
	sum = (sum & 0xFFFF) + (sum >> 16);
	sum = (sum & 0xFFFF) + (sum >> 16);
	return ~sum;
}

#endif
