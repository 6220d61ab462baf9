/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* TC: what both roles need to send: the size on the wire, a tunnel around the packet, out by a device. GSO and
 * unfinished checksums stay the kernel's. RFC 2473 §5. */
#ifndef MOBGW_EGRESS_BPF_H
#define MOBGW_EGRESS_BPF_H

#include "inspect.bpf.h"

enum {
	AF_INET6_ = 10,
	ETH_LEN = sizeof(struct ethernet),
	HEADERS_PULLED = 128, /* what the home side reads directly */
};

/* Largest IPv6 packet that this skb becomes on the wire. */
static __always_inline __u32 segment_len(struct __sk_buff *skb, const struct mip6_ipv6 *ip)
{
	__u32 headers = IP6_HDR_LEN + 60; /* a TCP header at its longest, where we don't look closer */
	__u32 len = skb->len, gso_size = skb->gso_size;
	__u8 *tcp = (void *)(ip + 1);

	barrier_var(len); /* keeps the two loads apart: one load at a chosen offset is refused by the verifier */
	barrier_var(gso_size);
	if (!gso_size)
		return len - ETH_LEN;
	if (ip->nexthdr == NH_UDP)
		headers = IP6_HDR_LEN + 8;
	else if (ip->nexthdr == NH_TCP && (void *)(tcp + 13) <= hook_end(skb))
		headers = IP6_HDR_LEN + (tcp[12] >> 4) * 4;
	return headers + gso_size;
}

struct route {
	__u32 ifindex;
	__u32 mtu; /* 0: its port's */
};

/* Does it still fit with @overhead more octets? Otherwise the agent fragments it or answers packet too big. */
static __always_inline bool fits(struct __sk_buff *skb, const struct mip6_ipv6 *ip, const struct route *r,
				 __u16 path_mtu, __u32 overhead)
{
	__u32 mtu = r->mtu, key = r->ifindex;
	struct port *port = bpf_map_lookup_elem(&ports, &key);
	__u32 len = segment_len(skb, ip) + overhead;

	if (port && (!mtu || port->mtu < mtu))
		mtu = port->mtu;
	if (path_mtu && (!mtu || path_mtu < mtu))
		mtu = path_mtu;
	return !mtu || len <= mtu;
}

/*
 * Out by @ifindex, to whatever neighbour the kernel's route there names; the packet waits while it is resolved. Without
 * an explicit neighbour on purpose: given one, the kernel leaves the route that led here on the skb, and a packet that
 * had to wait is then sent with the MAC of *that* route's neighbour (6.1 to 6.18, neigh_update()). So that a home
 * address is looked up on its home link and not here again, agent/home_device.c has a rule by outgoing interface.
 */
static __always_inline int send_by(__u32 ifindex)
{
	__u32 key = ifindex;
	struct port *port = bpf_map_lookup_elem(&ports, &key);

	if (port && port->flags & PORT_NO_ETHERNET)
		return bpf_redirect(ifindex, 0);
	return bpf_redirect_neigh(ifindex, NULL, 0, 0);
}

/* The outer header of RFC 2473; hop limit of the inner packet was lowered by the kernel if it forwarded it. */
static __always_inline enum reason push_tunnel(struct __sk_buff *skb, const struct outer *o)
{
	__u64 flags = BPF_F_ADJ_ROOM_ENCAP_L3_IPV6 | BPF_F_ADJ_ROOM_FIXED_GSO | BPF_F_ADJ_ROOM_NO_CSUM_RESET;
	__u32 room = IP6_HDR_LEN + (o->has_limit ? TUNNEL_OPTION_LEN : 0);
	struct mip6_ipv6 *ip;

	if (bpf_skb_adjust_room(skb, room, BPF_ADJ_ROOM_MAC, flags))
		return DROP_NO_ROOM;
	if (hook_pull(skb, ETH_LEN + IP6_HDR_LEN + TUNNEL_OPTION_LEN))
		return DROP_NO_ROOM;
	ip = ipv6_at(skb, ETH_LEN);
	if (!ip || (void *)(ip + 1) + TUNNEL_OPTION_LEN > hook_end(skb))
		return DROP_NO_ROOM;
	write_outer(ip, o);
	if (o->has_limit)
		write_tunnel_option((void *)(ip + 1), o->limit);
	return SENT_ENCAPSULATED;
}

/*
 * Whether a routing header or a home address option may be put right behind the IPv6 header: not before hop-by-hop
 * options, which stand there alone (RFC 8200 §4.1), not into what AH has summed already, and never beside another
 * routing header: so two bindings can't send a packet round in circles. Neighbour discovery has none (RFC 6275 §9.3.2).
 * Mobility headers are the caller's to know; what has its home address option already is an update (§6.1).
 */
static __always_inline bool takes_header(struct __sk_buff *skb, const struct mip6_ipv6 *ip)
{
	struct mip6_ext *ext = (void *)(ip + 1);
	__u8 next = ip->nexthdr;

	if (next == NH_HOPOPTS || next == NH_ROUTING || next == NH_AH)
		return false;
	if (next == NH_DSTOPTS)
		return (void *)(ext + 1) <= hook_end(skb) && ext->nexthdr != NH_MH;
	return !is_nd_or_mld(skb, ip);
}

/* A type 2 routing header behind the IPv6 header: what we send to a mobile node goes straight to its care-of address.
 */
static __always_inline enum reason insert_rh2(struct __sk_buff *skb, const struct in6_addr *care_of)
{
	struct mip6_ipv6 *ip;
	struct mip6_rh2 *rh;

	if (bpf_skb_adjust_room(skb, RH2_LEN, BPF_ADJ_ROOM_NET,
				BPF_F_ADJ_ROOM_FIXED_GSO | BPF_F_ADJ_ROOM_NO_CSUM_RESET))
		return DROP_NO_ROOM;
	if (hook_pull(skb, ETH_LEN + IP6_HDR_LEN + RH2_LEN))
		return DROP_NO_ROOM;
	ip = ipv6_at(skb, ETH_LEN);
	if (!ip)
		return DROP_NO_ROOM;
	rh = (void *)(ip + 1);
	if ((void *)(rh + 1) > hook_end(skb))
		return DROP_NO_ROOM;
	rh->nexthdr = ip->nexthdr;
	rh->hdrlen = 2;
	rh->type = RH_TYPE2;
	rh->segments_left = 1;
	rh->reserved = 0;
	rh->home = ip->dst;
	ip->nexthdr = NH_ROUTING;
	if (ip->payload_len) /* 0: an aggregate beyond 64 KB, whose length the kernel writes when it cuts it */
		ip->payload_len = bpf_htons(bpf_ntohs(ip->payload_len) + RH2_LEN);
	ip->dst = *care_of;
	return SENT_ROUTED;
}

/* A binding acknowledgement, which alone of all mobility headers carries a routing header (RFC 6275 §6.1.8, §9.3.2). */
static __always_inline bool is_ack(struct __sk_buff *skb, const struct mip6_ipv6 *ip)
{
	struct mip6_mh *mh = (void *)(ip + 1);

	return ip->nexthdr == NH_MH && (void *)(mh + 1) <= hook_end(skb) && mh->type == MH_BA;
}

#endif
