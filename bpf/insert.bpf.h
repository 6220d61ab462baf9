/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* TC: the two headers that route optimisation puts right behind the IPv6 header, and what may have them. RFC 6275 §6.1,
 * §6.3, §6.4, §9.3.2, §11.3.1. */
#ifndef MOBGW_INSERT_BPF_H
#define MOBGW_INSERT_BPF_H

#include "egress.bpf.h"

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

/* Our home address into an option, and the care-of address in its place (RFC 6275 §6.3, §11.3.1). */
static __always_inline enum reason insert_home_address(struct __sk_buff *skb, const struct in6_addr *care_of)
{
	struct mip6_ipv6 *ip;
	struct mip6_hao *hao;

	if (bpf_skb_adjust_room(skb, sizeof(*hao), BPF_ADJ_ROOM_NET,
				BPF_F_ADJ_ROOM_FIXED_GSO | BPF_F_ADJ_ROOM_NO_CSUM_RESET))
		return DROP_NO_ROOM;
	if (hook_pull(skb, ETH_LEN + IP6_HDR_LEN + sizeof(*hao)))
		return DROP_NO_ROOM;
	ip = ipv6_at(skb, ETH_LEN);
	if (!ip)
		return DROP_NO_ROOM;
	hao = (void *)(ip + 1);
	if ((void *)(hao + 1) > hook_end(skb))
		return DROP_NO_ROOM;
	hao->nexthdr = ip->nexthdr;
	hao->hdrlen = 2;
	hao->pad[0] = OPT_PADN; /* the option begins at 8n+6 */
	hao->pad[1] = 2;
	hao->pad[2] = 0;
	hao->pad[3] = 0;
	hao->type = OPT_HOME_ADDRESS;
	hao->len = HAO_LEN;
	hao->home = ip->src;
	ip->nexthdr = NH_DSTOPTS;
	if (ip->payload_len) /* 0: an aggregate beyond 64 KB, whose length the kernel writes when it cuts it */
		ip->payload_len = bpf_htons(bpf_ntohs(ip->payload_len) + sizeof(*hao));
	ip->src = *care_of;
	return SENT_UPDATE;
}

#endif
