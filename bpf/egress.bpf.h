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

/* What of our own goes under ESP, between a home agent's address and a home address. */
enum esp_road {
	ESP_NONE,      /* it doesn't, or it is somebody else's ESP */
	ESP_TRANSPORT, /* as a binding update or acknowledgement: with a home address option or a routing header */
	ESP_CONSTANT,  /* a tunnel whose end is the home address: the care-of address stands for it on the road */
	ESP_FRAGMENT,  /* of which only the first has an SPI: as payload, the home address in a header */
};

/* Which it is; @mine: from or to the home agent's own address. An SPI that the agent hasn't told of, since IKE made it
 * just now, is in transport mode: its tunnels have care-of addresses for their ends. */
static __always_inline enum esp_road esp_road_of(struct __sk_buff *skb, const struct mip6_ipv6 *ip, bool mine)
{
	__be32 *spi = (void *)(ip + 1);
	struct sa *sa;

	if ((void *)(spi + 1) > hook_end(skb))
		return ESP_NONE;
	if (ip->nexthdr == NH_FRAGMENT)
		return mine && *(__u8 *)spi == NH_ESP ? ESP_FRAGMENT : ESP_NONE;
	if (ip->nexthdr != NH_ESP)
		return ESP_NONE;
	sa = sa_of(&ip->dst, *spi);
	if (sa && sa->flags & SA_OUTBOUND)
		return sa->flags & SA_CONSTANT ? ESP_CONSTANT : ESP_TRANSPORT;
	return mine ? ESP_TRANSPORT : ESP_NONE;
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

#endif
