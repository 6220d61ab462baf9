// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What the edit costs: the programs that insert a routing header or a home address option, as they are, and the same
 * with the insertion left out. A test run keeps the packet from round to round, so the edit is undone at the end of
 * each; that costs as much as the edit itself, and is timed alone by bench_undo.
 */
#include "../../bpf/hook_tc.bpf.h"

#define insert_rh2 insert_rh2_really
#define insert_home_address insert_home_address_really
#include "../../bpf/insert.bpf.h"
#undef insert_rh2
#undef insert_home_address

const volatile bool edit;

static __always_inline enum reason insert_rh2(struct __sk_buff *skb, const struct in6_addr *care_of)
{
	return edit ? insert_rh2_really(skb, care_of) : SENT_ROUTED;
}

static __always_inline enum reason insert_home_address(struct __sk_buff *skb, const struct in6_addr *care_of)
{
	return edit ? insert_home_address_really(skb, care_of) : SENT_UPDATE;
}

#include "../../bpf/tc.bpf.c"

/* Takes the header of 24 octets behind the IPv6 header off again. */
static __always_inline int undo(struct __sk_buff *skb)
{
	struct mip6_ipv6 *ip = ipv6_at(skb, ETH_LEN);
	struct mip6_rh2 *rh;

	if (!ip)
		return -1;
	rh = (void *)(ip + 1);
	if ((void *)(rh + 1) > hook_end(skb))
		return -1;
	if (ip->nexthdr == NH_ROUTING)
		ip->dst = rh->home;
	else if (ip->nexthdr == NH_DSTOPTS)
		ip->src = rh->home; /* at the same place in both */
	else
		return -1;
	ip->nexthdr = rh->nexthdr;
	ip->payload_len = bpf_htons(bpf_ntohs(ip->payload_len) - RH2_LEN);
	return bpf_skb_adjust_room(skb, -RH2_LEN, BPF_ADJ_ROOM_NET,
				   BPF_F_ADJ_ROOM_FIXED_GSO | BPF_F_ADJ_ROOM_NO_CSUM_RESET);
}

static __always_inline int done(struct __sk_buff *skb, int action)
{
	if (action != TC_ACT_REDIRECT)
		return TC_ACT_SHOT;
	return edit && undo(skb) ? TC_ACT_SHOT : TC_ACT_OK;
}

SEC("tc")
int bench_empty(struct __sk_buff *skb)
{
	return TC_ACT_OK;
}

/* A correspondent's: a routing header. */
SEC("tc")
int bench_route(struct __sk_buff *skb)
{
	int action = guard(skb, ETH_LEN);

	return done(skb, action == TC_ACT_UNSPEC ? to_mobile_node(skb) : action);
}

/* A mobile node's: a home address option. */
SEC("tc")
int bench_home(struct __sk_buff *skb)
{
	int action = TC_ACT_SHOT;
	__u32 len = skb->len;

	count(home_run(skb, &action), len);
	return done(skb, action);
}

/* Both, and nothing else. */
SEC("tc")
int bench_undo(struct __sk_buff *skb)
{
	struct mip6_ipv6 *ip = ipv6_at(skb, ETH_LEN);
	struct in6_addr care_of;

	if (!ip)
		return TC_ACT_SHOT;
	care_of = ip->src;
	if (insert_rh2_really(skb, &care_of) != SENT_ROUTED)
		return TC_ACT_SHOT;
	return undo(skb) ? TC_ACT_SHOT : TC_ACT_OK;
}
