/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Neighbour solicitations for the addresses that we defend on a home link, answered in place, also while the daemon is
 * down. RFC 6275 §10.4.1, RFC 4861 §7.1.1, §7.2.4, §7.2.8.
 */
#ifndef MOBGW_NEIGHBOUR_BPF_H
#define MOBGW_NEIGHBOUR_BPF_H

#include "rewrite.bpf.h"

enum {
	NA_LEN = sizeof(struct mip6_nd) + 8, /* with a target link-layer address option */
	NS_MOST = 64, /* longest solicitation answered: room for source address and nonce options */
};

/* Each option has a length and ends within the message of @len octets; from nobody, none names a link-layer address. */
static __always_inline bool options_valid(const __u8 *message, __u32 len, bool nobody)
{
	__u32 next = sizeof(struct mip6_nd);

	/* block by block, unrolled: 6.1 refuses to read the stack at a variable offset */
#pragma unroll
	for (__u32 at = sizeof(struct mip6_nd); at < NS_MOST; at += 8) {
		if (at >= len || at != next)
			continue;
		if (message[at + 1] == 0 || (nobody && message[at] == ND_OPT_SOURCE_LLADDR))
			return false;
		next += message[at + 1] * 8;
	}
	return next == len;
}

/* Solicited-node multicast, ff02::1:ff00:0/104. */
static __always_inline bool addr_is_solicited_node(const struct in6_addr *a)
{
	const __u64 *q = (const __u64 *)a;

	return q[0] == bpf_cpu_to_be64(0xFF02000000000000ULL) && bpf_be64_to_cpu(q[1]) >> 24 == 0x1FF;
}

/* Who may ask: nobody (DAD) only by the solicited-node group, else a unicast address that can be on a link. */
static __always_inline bool asker_valid(const struct mip6_ipv6 *ip, bool *nobody)
{
	const __u64 *q = (const __u64 *)&ip->src;

	*nobody = (q[0] | q[1]) == 0;
	if (*nobody)
		return addr_is_solicited_node(&ip->dst);
	return !addr_is_multicast(&ip->src) && !addr_is_nobody(&ip->src);
}

/* RFC 4861 §7.1.1: hop limit 255, code 0, at least 24 octets, source, options, checksum. */
static __always_inline bool solicitation_valid(hook_ctx *ctx, __u32 l3)
{
	struct mip6_ipv6 *ip = ipv6_at(ctx, l3);
	__u8 copy[NS_MOST] = {};
	bool nobody;
	__u32 len;
	__s64 sum;

	if (!ip || ip->hop_limit != 255)
		return false;
	len = bpf_ntohs(ip->payload_len);
	if (len < sizeof(struct mip6_nd) || len > NS_MOST || (len & 7))
		return false;
	if (!bounded(&len, NS_MOST) || hook_load(ctx, l3 + IP6_HDR_LEN, copy, len))
		return false;
	ip = ipv6_at(ctx, l3);
	if (!ip || copy[1] != 0 || !asker_valid(ip, &nobody) || !options_valid(copy, len, nobody))
		return false;
	sum = bpf_csum_diff(0, 0, (__be32 *)&ip->src, 32, bpf_htonl(NH_ICMPV6));
	sum = bpf_csum_diff(0, 0, (__be32 *)copy, NS_MOST, (__u32)sum);
	return csum_fold((__u64)(__u32)sum + bpf_htonl(len)) == 0;
}

/* Overwrites the solicitation with our advertisement: link-layer header, IPv6, ICMPv6. The frame has its length
 * already. */
static __always_inline enum reason write_advertisement(hook_ctx *ctx, __u32 l3, const struct port *port,
						       const struct in6_addr *target, const struct in6_addr *asker,
						       const __u8 *asker_mac, __u32 flags)
{
	struct mip6_ipv6 *ip = ipv6_at(ctx, l3);
	struct ethernet *eth = hook_data(ctx);
	struct mip6_nd *na;
	bool dad = addr_is_nobody(asker);
	__u8 *option;
	__s64 sum;

	if (!ip)
		return DROP_TRUNCATED;
	na = (void *)(ip + 1);
	option = (void *)(na + 1);
	if ((void *)(option + 8) > hook_end(ctx) || (void *)(eth + 1) > hook_end(ctx))
		return DROP_TRUNCATED;
	__builtin_memcpy(eth->src, port->mac, 6);
	ip->ver_tc_flow = bpf_htonl(6U << 28);
	ip->payload_len = bpf_htons(NA_LEN);
	ip->nexthdr = NH_ICMPV6;
	ip->hop_limit = 255;
	ip->src = port->link_local;
	if (dad) { /* RFC 4861 §7.2.4: to all nodes, not solicited */
		const __u8 all_nodes[16] = { 0xFF, 2, [15] = 1 };
		const __u8 mac[6] = { 0x33, 0x33, 0, 0, 0, 1 };

		__builtin_memcpy(&ip->dst, all_nodes, 16);
		__builtin_memcpy(eth->dst, mac, 6);
	} else {
		ip->dst = *asker;
		__builtin_memcpy(eth->dst, asker_mac, 6);
	}
	na->icmp.type = ICMP6_NEIGHBOUR_ADVERT;
	na->icmp.code = 0;
	na->icmp.checksum = 0;
	/* override clear: it is given on behalf of another (RFC 4861 §7.2.8) */
	na->icmp.data = bpf_htonl(((dad ? 0U : NA_SOLICITED) | (flags & PROXIED_ROUTER ? NA_ROUTER : 0U)) << 24);
	na->target = *target;
	option[0] = ND_OPT_TARGET_LLADDR;
	option[1] = 1;
	__builtin_memcpy(option + 2, port->mac, 6);
	sum = bpf_csum_diff(0, 0, (__be32 *)&ip->src, 32, bpf_htonl(NH_ICMPV6));
	sum = bpf_csum_diff(0, 0, (__be32 *)na, NA_LEN, (__u32)sum);
	na->icmp.checksum = csum_fold((__u64)(__u32)sum + bpf_htonl(NA_LEN));
	return SENT_NEIGHBOUR;
}

/* On our way home, before the acknowledgement, our home agent alone may find us at our home address: everybody else
 * finds it where it still is, at the agent (RFC 6275 §11.5.5). */
static __always_inline bool may_learn(__u32 flags, const struct in6_addr *target, const struct in6_addr *asker)
{
	struct home_address *home;

	if (!(flags & PROXIED_RETURNING))
		return true;
	home = home_of(target);
	return home && (addr_same(asker, &home->agent) ||
			(addr_is_link_local(asker) && addr_same(asker, &home->agent_link_local)));
}

/* Return: SENT_NEIGHBOUR with the frame rewritten, to be sent back where it came from; REASON_NONE: not ours to answer;
 * a drop. */
__noinline int answer_solicitation(hook_ctx *ctx, __u32 l3, const struct port *port)
{
	struct mip6_ipv6 *ip = ipv6_at(ctx, l3);
	struct proxied_key key = { .ifindex = hook_ifindex(ctx) };
	struct in6_addr asker;
	struct ethernet *eth;
	struct proxied *p;
	struct mip6_nd *ns;
	__u8 asker_mac[6];
	__u32 flags;

	if (!ip || !port || l3 < sizeof(*eth) || l3 > 22)
		return REASON_NONE;
	ns = (void *)(ip + 1);
	if ((void *)(ns + 1) > hook_end(ctx) || ns->icmp.type != ICMP6_NEIGHBOUR_SOLICIT)
		return REASON_NONE;
	key.target = ns->target;
	p = bpf_map_lookup_elem(&proxied, &key);
	if (!p)
		return REASON_NONE;
	flags = p->flags;
	if (!may_learn(flags, &key.target, &ip->src))
		return REASON_NONE;
	if (!solicitation_valid(ctx, l3))
		return DROP_ND_MALFORMED;
	ip = ipv6_at(ctx, l3);
	eth = hook_data(ctx);
	if (!ip || (void *)(eth + 1) > hook_end(ctx))
		return DROP_TRUNCATED;
	asker = ip->src;
	__builtin_memcpy(asker_mac, eth->src, 6);
	if (hook_set_len(ctx, l3 + IP6_HDR_LEN + NA_LEN))
		return DROP_NO_ROOM;
	return write_advertisement(ctx, l3, port, &key.target, &asker, asker_mac, flags);
}

#endif
