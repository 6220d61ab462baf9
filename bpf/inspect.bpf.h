/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Packets addressed to us that carry mobility: mobility headers, home address options, tunnels. Decides, rewrites a home
 * address option, takes a tunnel off; the same code at XDP and TC ingress. RFC 6275 §9.2, §9.3.1, §10.4.5; RFC 2473;
 * PROTOCOL §3, §5. An error quotes the packet as it was on the wire, so the malformed are found before any edit.
 */
#ifndef MOBGW_INSPECT_BPF_H
#define MOBGW_INSPECT_BPF_H

#include "events.bpf.h"
#include "rewrite.bpf.h"

/* RFC 6275 §6.1: least header length field by type. */
static __always_inline __u8 mh_least(__u8 type)
{
	if (type == MH_HOT || type == MH_COT || type == MH_BE)
		return 2;
	return type == MH_BRR || type >= MH_TYPES ? 0 : 1;
}

/*
 * A mobility header at w->offset: rate, payload proto, length. Type and checksum are the agent's: the kernel verifies
 * the sum, and a binding error for an unknown type needs no quoted packet.
 */
static __always_inline enum reason check_mh(hook_ctx *ctx, const struct walk *w)
{
	struct settings *set = settings_get();
	struct mip6_ipv6 *ip = ipv6_at(ctx, w->l3);
	void *data = hook_data(ctx);
	__u32 have, len, offset = w->offset;
	struct mip6_mh *mh;

	if (!set || !ip)
		return DROP_TRUNCATED;
	if (!limit_source(&ip->src, RATE_MH_SOURCE, set->hz))
		return DROP_MH_RATE_SOURCE;
	if (!limit_all(LIMIT_ALL_MH, RATE_MH_ALL, set->hz))
		return DROP_MH_RATE_ALL;
	if (w->seen & SEEN_FRAGMENT)
		return PASS_SIGNALLING; /* whole only after the kernel put it together; the agent checks it then */
	ip = ipv6_at(ctx, w->l3);
	data = hook_data(ctx);
	if (!ip || offset > WALK_LIMIT)
		return DROP_TRUNCATED;
	mh = data + offset;
	if ( (void *)(mh + 1) > hook_end(ctx))
		return DROP_TRUNCATED;
	have = bpf_ntohs(ip->payload_len) + IP6_HDR_LEN + w->l3;
	len = (mh->hdrlen + 1) * 8;
	if (have > hook_len(ctx) || have < offset + len)
		return DROP_TRUNCATED;
	if (mh->proto != NH_NONE || mh->hdrlen < mh_least(mh->type)) {
		tell_packet(ctx, EVENT_MALFORMED, DROP_MH_MALFORMED, w->l3);
		return DROP_MH_MALFORMED;
	}
	return PASS_SIGNALLING;
}

/* RFC 6275 §9.3.1. @verdict: where the packet goes once its home address is hidden. */
static __always_inline enum reason admit_home_address(hook_ctx *ctx, const struct walk *w, enum reason verdict)
{
	struct mip6_ipv6 *ip = ipv6_at(ctx, w->l3);
	struct in6_addr home;
	struct binding *b;

	if (!ip)
		return DROP_TRUNCATED;
	if (w->seen & SEEN_AH)
		return DROP_HAO_AH; /* it covers the octets that we change */
	if (!(w->seen & SEEN_HAO_ROOM) || ((w->hao - w->l3) & 1))
		return DROP_HAO_LAYOUT;
	if (hook_load(ctx, w->hao + 2, &home, sizeof(home)))
		return DROP_TRUNCATED;
	if (!addr_is_routable(&home) || !addr_is_routable(&ip->src) || local_flags(&home))
		return DROP_HAO_ADDRESS;
	/* MH and ESP are judged by what comes after: a binding update proves itself by its own means */
	if (w->proto != NH_MH && w->proto != NH_ESP) {
		b = binding_of(&home);
		ip = ipv6_at(ctx, w->l3);
		if (!ip)
			return DROP_TRUNCATED;
		if (!b || !addr_same(&b->care_of, &ip->src)) {
			tell_packet(ctx, EVENT_UNKNOWN_BINDING, DROP_HAO_UNKNOWN, w->l3);
			return DROP_HAO_UNKNOWN;
		}
	}
	verdict = verdict == PASS_KERNEL ? PASS_HOME_ADDRESS : verdict;
	{
		enum reason why = hide_home_address(ctx, w);

		return why == REASON_NONE ? verdict : why;
	}
}

/* May this inner packet come out of our tunnel from @outer? RFC 6275 §10.4.5, PROTOCOL §3. */
static __always_inline enum reason check_inner(hook_ctx *ctx, __u32 at, const struct mip6_ipv6 *outer)
{
	struct mip6_ipv6 *inner = ipv6_at(ctx, at);
	struct binding *b;

	if (!inner || bpf_ntohl(inner->ver_tc_flow) >> 28 != 6)
		return DROP_TUNNEL_INNER;
	if (at + IP6_HDR_LEN + bpf_ntohs(inner->payload_len) > hook_len(ctx))
		return DROP_TUNNEL_INNER;
	if (!addr_is_routable(&inner->src))
		return DROP_TUNNEL_SOURCE;
	b = binding_of(&inner->src);
	if (!b)
		return local_flags(&inner->src) ? DROP_TUNNEL_SOURCE : DROP_TUNNEL_NO_BINDING;
	if (!addr_same(&b->care_of, &outer->src))
		return DROP_TUNNEL_CARE_OF;
	if (inner->nexthdr == NH_ROUTING) {
		struct mip6_rh2 *rh = (void *)(inner + 1);

		if ((void *)(&rh->reserved) > hook_end(ctx))
			return DROP_TUNNEL_INNER;
		if (rh->type == RH_TYPE0)
			return DROP_RH0;
	}
	return REASON_NONE;
}

/* Takes the outer header and what stands before the inner one at @at off. REASON_NONE: the inner packet now stands at @l3. */
static __always_inline enum reason decapsulate(hook_ctx *ctx, __u32 l3, __u32 at)
{
	struct mip6_ipv6 *outer = ipv6_at(ctx, l3), *inner;
	__be32 outer_word, inner_word;
	enum reason why;
	bool drop;

	if (!outer || at < l3 + IP6_HDR_LEN || at > WALK_LIMIT)
		return DROP_TUNNEL_INNER;
	if (l3 + IP6_HDR_LEN + bpf_ntohs(outer->payload_len) > hook_len(ctx))
		return DROP_TRUNCATED;
	outer_word = outer->ver_tc_flow;
	why = check_inner(ctx, at, outer);
	if (why != REASON_NONE)
		return why;
	inner = ipv6_at(ctx, at);
	if (!inner)
		return DROP_TUNNEL_INNER;
	inner_word = decapsulated_first_word(outer_word, inner->ver_tc_flow, &drop);
	if (drop)
		return DROP_TUNNEL_ECN;
	if (inner_word != inner->ver_tc_flow) {
		__be32 was = inner->ver_tc_flow;

		inner->ver_tc_flow = inner_word;
		hook_sum_changed(ctx, bpf_csum_diff(&was, 4, &inner_word, 4, 0));
	}
	return hook_remove(ctx, l3, at - l3) ? DROP_NO_ROOM : REASON_NONE;
}

/*
 * A packet to one of our addresses that is no plain tunnel packet. Return: a verdict, a drop, or REASON_NONE where a
 * tunnel was taken off and the inner packet is to be looked at.
 */
__noinline int inspect_local(hook_ctx *ctx, __u32 l3, __u32 local)
{
	struct walk w = { .l3 = l3 };
	enum reason why;

	if (l3 > 22)
		return DROP_TRUNCATED;
	why = walk_headers(ctx, &w);
	if (why != REASON_NONE)
		return why;
	why = PASS_KERNEL;
	if (w.proto == NH_MH) {
		why = check_mh(ctx, &w);
		if (why != PASS_SIGNALLING)
			return why;
	}
	if (w.seen & SEEN_HAO)
		return admit_home_address(ctx, &w, w.proto == NH_IPV6 ? PASS_TUNNEL : why);
	if (w.proto != NH_IPV6 || !(local & LOCAL_TUNNEL_ENDPOINT))
		return why;
	/* reassembly, unknown options and routing headers are the kernel's; it hands the rest to the agent */
	if (w.seen & (SEEN_FRAGMENT | SEEN_HOPOPTS | SEEN_ROUTING | SEEN_AH | SEEN_OTHER_OPTION))
		return PASS_TUNNEL;
	return decapsulate(ctx, l3, w.offset);
}

#endif
