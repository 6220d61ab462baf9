/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * XDP: next hop, encapsulation, packet too big, redirect. The next hop is known before any octet changes; where it is
 * not, the packet goes up unchanged and takes the kernel's path to the device without ND (tc.bpf.c): neither lost nor
 * sent in clear. RFC 2473 §5, §7.1; RFC 4443 §3.2.
 */
#ifndef MOBGW_FORWARD_BPF_H
#define MOBGW_FORWARD_BPF_H

#include "inspect.bpf.h"

enum {
	AF_INET6_ = 10,
	PTB_QUOTE = IP6_MIN_MTU - IP6_HDR_LEN -
		    (int)sizeof(struct mip6_icmp), /* 1232: only packets over 1280 are too big */
};

/* What one run knows about its packet. */
struct packet {
	__u32 l3;      /* length of the link-layer header */
	__u32 tunnels; /* taken off so far */
	__u32 ifindex; /* redirect: where it leaves */
	const struct port *port;
	const struct settings *set;
};

/* Where the frame leaves: from the agent's table, or from the kernel's. */
struct way {
	__u32 ifindex;
	__u32 l2_len;
	__u32 mtu;
	__u64 l2[3];
};

/* The kernel's table: for a next hop that the agent doesn't have, or while the agent is down. */
static __always_inline bool way_by_fib(hook_ctx *ctx, const struct packet *p, const struct in6_addr *src,
				       const struct in6_addr *dst, __u32 len, struct way *way)
{
	struct bpf_fib_lookup fib = { .family = AF_INET6_, .tot_len = len, .ifindex = hook_ifindex(ctx) };
	struct ethernet *eth = (void *)way->l2;
	struct port *out;
	__u32 key;

	count(NOTE_FIB, 0);
	__builtin_memcpy(fib.ipv6_src, src, 16);
	__builtin_memcpy(fib.ipv6_dst, dst, 16);
	if (bpf_fib_lookup(ctx, &fib, sizeof(fib), 0) != BPF_FIB_LKUP_RET_SUCCESS)
		return false;
	key = fib.ifindex;
	out = bpf_map_lookup_elem(&ports, &key);
	if (!out || !(out->flags & PORT_REDIRECT))
		return false;
	way->ifindex = key;
	way->l2_len = sizeof(struct ethernet);
	way->mtu = out->mtu;
	__builtin_memcpy(&eth->dst, fib.dmac, 6);
	__builtin_memcpy(&eth->src, fib.smac, 6);
	eth->proto = bpf_htons(ETH_P_IPV6_);
	return true;
}

static __always_inline bool way_to(hook_ctx *ctx, const struct packet *p, const struct binding *b, __u32 len,
				   struct way *way)
{
	__u32 index = b->nexthop;
	struct nexthop *n = bpf_map_lookup_elem(&nexthops, &index);

	if (n && (n->flags & (NEXTHOP_VALID | NEXTHOP_REDIRECT)) == (NEXTHOP_VALID | NEXTHOP_REDIRECT) &&
	    p->set->heartbeat + HEARTBEAT_STALE_S * p->set->hz > bpf_jiffies64()) {
		way->ifindex = n->ifindex;
		way->l2_len = n->l2_len;
		way->mtu = n->mtu;
		__builtin_memcpy(way->l2, n->l2, sizeof(way->l2));
		return true;
	}
	if (!n || !(n->flags & NEXTHOP_VALID))
		tell_resolve(&b->care_of, p->set);
	return way_by_fib(ctx, p, &p->set->agent, &b->care_of, len, way);
}

/* Such messages are never answered by another: RFC 4443 §2.4(e.1). */
static __always_inline bool is_icmp_error(hook_ctx *ctx, __u32 l3)
{
	struct mip6_ipv6 *ip = ipv6_at(ctx, l3);
	__u8 *type;

	if (!ip || ip->nexthdr != NH_ICMPV6)
		return false;
	type = (void *)(ip + 1);
	return (void *)(type + 1) <= hook_end(ctx) && *type < ICMP6_ECHO_REQUEST;
}

/* Sends an ICMPv6 packet too big back where the packet came from; it has more than 1280 octets, so its first 1232 are
 * quoted. */
static __always_inline enum reason answer_too_big(hook_ctx *ctx, struct packet *p, __u32 mtu)
{
	const __u32 l3 = sizeof(struct ethernet);
	struct mip6_icmp *icmp;
	struct mip6_ipv6 *ip;
	struct ethernet *eth;
	struct in6_addr to;
	__u8 macs[12];
	__s64 sum;

	if (p->l3 != l3 || p->tunnels || is_icmp_error(ctx, l3))
		return PASS_SLOW; /* tagged, to be answered through a tunnel, or not at all: the agent does it */
	if (!limit_all(LIMIT_ALL_TOO_BIG, RATE_TOO_BIG, p->set->hz))
		return DROP_TOO_BIG_RATE;
	eth = hook_data(ctx);
	ip = ipv6_at(ctx, l3);
	if (!ip || (void *)(eth + 1) > hook_end(ctx))
		return DROP_TRUNCATED;
	to = ip->src;
	__builtin_memcpy(macs, eth->src, 6);
	__builtin_memcpy(macs + 6, eth->dst, 6);
	if (hook_set_len(ctx, l3 + PTB_QUOTE) || bpf_xdp_adjust_head(ctx, -(IP6_HDR_LEN + (int)sizeof(*icmp))))
		return DROP_NO_ROOM;
	eth = hook_data(ctx);
	ip = (void *)(eth + 1);
	icmp = (void *)(ip + 1);
	if ((void *)(icmp + 1) + PTB_QUOTE > hook_end(ctx))
		return DROP_NO_ROOM;
	__builtin_memcpy(eth, macs, 12);
	eth->proto = bpf_htons(ETH_P_IPV6_);
	ip->ver_tc_flow = bpf_htonl(6U << 28);
	ip->payload_len = bpf_htons(sizeof(*icmp) + PTB_QUOTE);
	ip->nexthdr = NH_ICMPV6;
	ip->hop_limit = 64;
	ip->src = p->set->agent;
	ip->dst = to;
	icmp->type = ICMP6_TOO_BIG;
	icmp->code = 0;
	icmp->checksum = 0;
	icmp->data = bpf_htonl(mtu);
	/* bpf_csum_diff takes 512 octets at a time */
	sum = bpf_csum_diff(0, 0, (__be32 *)&ip->src, 32, bpf_htonl(NH_ICMPV6));
	sum = bpf_csum_diff(0, 0, (__be32 *)icmp, 512, (__u32)sum);
	sum = bpf_csum_diff(0, 0, (void *)icmp + 512, 512, (__u32)sum);
	sum = bpf_csum_diff(0, 0, (void *)icmp + 1024, sizeof(*icmp) + PTB_QUOTE - 1024, (__u32)sum);
	icmp->checksum = csum_fold((__u64)(__u32)sum + bpf_htonl(sizeof(*icmp) + PTB_QUOTE));
	return SENT_TOO_BIG;
}

/* First word of the TCP or UDP header: both ports, for the flow hash. */
static __always_inline __u32 inner_ports(hook_ctx *ctx, const struct mip6_ipv6 *ip)
{
	__u32 *ports_word = (void *)(ip + 1);

	if (ip->nexthdr != NH_TCP && ip->nexthdr != NH_UDP)
		return 0;
	if ((void *)(ports_word + 1) > hook_end(ctx))
		return 0;
	return *ports_word;
}

/* Opens @grow octets more than the old link-layer header had room for, and writes the new one. NULL: no room. */
static __always_inline void *push_headers(hook_ctx *ctx, __u32 old_l2, const struct way *way, __u32 grow)
{
	int delta = (int)old_l2 - (int)way->l2_len - (int)grow;
	void *data;

	if (bpf_xdp_adjust_head(ctx, delta))
		return NULL;
	data = hook_data(ctx);
	if (data + 22 + IP6_HDR_LEN + TUNNEL_OPTION_LEN > hook_end(ctx))
		return NULL;
	write_link_layer(data, way->l2, way->l2_len);
	if (way->l2_len == 14)
		return data + 14;
	if (way->l2_len == 18)
		return data + 18;
	return way->l2_len == 22 ? data + 22 : NULL;
}

/* To a bound home address. The entry may be reused under our hands: it is copied, and its key compared after. */
static __always_inline enum reason encapsulate(hook_ctx *ctx, struct packet *p, const struct binding *b)
{
	struct mip6_ipv6 *ip = ipv6_at(ctx, p->l3);
	struct outer o = { .src = &p->set->agent };
	struct way way = {};
	__u32 overhead = IP6_HDR_LEN, path;
	void *at;

	if (!ip)
		return DROP_TRUNCATED;
	o.inner_len = bpf_ntohs(ip->payload_len) + IP6_HDR_LEN;
	if (p->l3 + o.inner_len > hook_len(ctx))
		return DROP_TRUNCATED;
	if (ip->hop_limit <= 1 || !addr_is_routable(&ip->src) || o.inner_len > p->port->mtu)
		return PASS_SLOW; /* the kernel answers, or it is an aggregate that only the kernel can cut */
	if (ip->nexthdr == NH_DSTOPTS) {
		enum reason why = take_limit(ctx, p->l3, &o);

		if (why != REASON_NONE)
			return why;
		if (o.has_limit)
			overhead += TUNNEL_OPTION_LEN;
	}
	o.dst = b->care_of;
	if (!way_to(ctx, p, b, o.inner_len + overhead, &way))
		return PASS_SLOW;
	path = b->mtu && b->mtu < way.mtu ? b->mtu : way.mtu;
	ip = ipv6_at(ctx, p->l3);
	if (!ip || !addr_same(&b->home, &ip->dst))
		return PASS_SLOW;
	if (o.inner_len + overhead > path) {
		if (o.inner_len <= IP6_MIN_MTU)
			return PASS_SLOW; /* RFC 2473 §7.1(b): the tunnel packet is fragmented, by the agent */
		return answer_too_big(ctx, p, path > IP6_MIN_MTU + overhead ? path - overhead : IP6_MIN_MTU);
	}
	o.first_word = outer_first_word(ip, inner_ports(ctx, ip));
	ip->hop_limit--;
	at = push_headers(ctx, p->l3, &way, overhead);
	if (!at)
		return DROP_NO_ROOM;
	write_outer(at, &o);
	if (o.has_limit)
		write_tunnel_option(at + IP6_HDR_LEN, o.limit);
	p->ifindex = way.ifindex;
	return p->tunnels ? SENT_REENCAPSULATED : SENT_ENCAPSULATED;
}

/* An inner packet for somebody else: on its way by the kernel's table, or to the kernel where that can't say. */
static __always_inline enum reason forward_inner(hook_ctx *ctx, struct packet *p)
{
	struct mip6_ipv6 *ip = ipv6_at(ctx, p->l3);
	struct way way = {};
	void *data;
	__u32 len;

	if (!ip)
		return DROP_TRUNCATED;
	len = bpf_ntohs(ip->payload_len) + IP6_HDR_LEN;
	if (ip->hop_limit <= 1 || !addr_is_routable(&ip->dst) || len > p->port->mtu || p->l3 != sizeof(struct ethernet))
		return PASS_DECAPSULATED;
	if (!way_by_fib(ctx, p, &ip->src, &ip->dst, len, &way) || len > way.mtu)
		return PASS_DECAPSULATED;
	ip = ipv6_at(ctx, p->l3);
	data = hook_data(ctx);
	if (!ip || data + sizeof(struct ethernet) > hook_end(ctx))
		return DROP_TRUNCATED;
	ip->hop_limit--;
	write_link_layer(data, way.l2, sizeof(struct ethernet));
	p->ifindex = way.ifindex;
	return SENT_DECAPSULATED;
}

#endif
