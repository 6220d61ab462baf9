/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Packets addressed to us that carry mobility: mobility headers, home address options, tunnels. Decides, rewrites a
 * home address option, takes a tunnel off; the same code at XDP and TC ingress. RFC 6275 §9.2, §9.3.1, §10.4.5; RFC
 * 2473; PROTOCOL §3, §5. An error quotes the packet as it was on the wire, so the malformed are found before any edit
 * but that of a routing header, which the agent undoes.
 */
#ifndef MOBGW_INSPECT_BPF_H
#define MOBGW_INSPECT_BPF_H

#include "events.bpf.h"
#include "ipsec.bpf.h"

/* RFC 6275 §6.1: least header length field by type. */
static __always_inline __u8 mh_least(__u8 type)
{
	if (type == MH_HOT || type == MH_COT || type == MH_BE)
		return 2;
	return type == MH_BRR || type >= MH_TYPES ? 0 : 1;
}

/* ICMPv6 to a bound home address that must not be tunnelled: ND and MLD (PROTOCOL §3). */
static __always_inline bool is_nd_or_mld(hook_ctx *ctx, const struct mip6_ipv6 *ip)
{
	__u8 *type = (void *)(ip + 1);
	__u8 next = ip->nexthdr;

	if (next == NH_HOPOPTS) { /* MLD always comes behind a router alert: RFC 2710 §3, RFC 3810 §5 */
		if ((void *)(type + 9) > hook_end(ctx) || type[1] != 0)
			return false;
		next = type[0];
		type += 8;
	}
	if (next != NH_ICMPV6 || (void *)(type + 1) > hook_end(ctx))
		return false;
	return (*type >= ICMP6_MLD_QUERY && *type <= ICMP6_REDIRECT) || *type == ICMP6_MLD2_REPORT;
}

/*
 * Whole only after the kernel put it together, and the agent checks it then. A first fragment without the fixed part of
 * the header is no honest one's: every fragment but the last has 8 octets at least (RFC 8200 §4.5).
 */
static __always_inline enum reason check_mh_fragment(hook_ctx *ctx, const struct walk *w, __u32 end)
{
	__be16 field;

	if (hook_load(ctx, w->offset + 2, &field, sizeof(field)))
		return DROP_TRUNCATED;
	if (bpf_ntohs(field) >> 3)
		return PASS_SIGNALLING;
	return w->offset + 8 + 8 > end ? DROP_MH_FRAGMENT : PASS_SIGNALLING;
}

/*
 * A mobility header at w->offset of a packet that ends at @end: rate, payload proto, length. Type and checksum are the
 * agent's: the kernel verifies the sum, and a binding error for an unknown type needs no quoted packet.
 */
static __always_inline enum reason check_mh(hook_ctx *ctx, const struct walk *w, __u32 end)
{
	struct settings *set = settings_get();
	struct mip6_ipv6 *ip = ipv6_at(ctx, w->l3);
	__u32 len, offset = w->offset;
	struct mip6_mh *mh;

	if (!set || !ip)
		return DROP_TRUNCATED;
	/* without its sockets the kernel would say that nobody here knows mobility, which mobile nodes believe for long
	 */
	if (set->heartbeat + HEARTBEAT_STALE_S * set->hz <= bpf_jiffies64())
		return DROP_MH_NOBODY;
	if (!limit_source(&ip->src, RATE_MH_SOURCE, set->hz))
		return DROP_MH_RATE_SOURCE;
	if (!limit_all(LIMIT_ALL_MH, RATE_MH_ALL, set->hz))
		return DROP_MH_RATE_ALL;
	if (w->seen & SEEN_FRAGMENT)
		return check_mh_fragment(ctx, w, end);
	if (offset > WALK_LIMIT)
		return DROP_TRUNCATED;
	mh = packet_at(ctx, offset);
	if ((void *)(mh + 1) > hook_end(ctx))
		return DROP_TRUNCATED;
	len = (mh->hdrlen + 1) * 8;
	if (end < offset + len)
		return DROP_TRUNCATED;
	if (mh->proto != NH_NONE || mh->hdrlen < mh_least(mh->type)) {
		tell_packet(ctx, EVENT_MALFORMED, DROP_MH_MALFORMED, w->l3);
		return DROP_MH_MALFORMED;
	}
	return PASS_SIGNALLING;
}

/* A home test comes through the home agent: that it does is what it proves (RFC 6275 §11.6.2). At home it comes as it
 * is. */
static __always_inline enum reason check_home_test(hook_ctx *ctx, const struct walk *w)
{
	struct mip6_ipv6 *ip = ipv6_at(ctx, w->l3);
	struct home_address *home;
	__u8 type;

	if (!ip || hook_load(ctx, w->offset + offsetof(struct mip6_mh, type), &type, sizeof(type)))
		return DROP_TRUNCATED;
	if (type != MH_HOT)
		return PASS_SIGNALLING;
	home = home_of(&ip->dst);
	/* XDP in generic mode sees it again once XFRM took it out of ESP, as if it came in clear; XFRM's mark says
	 * which, and the agent asks for that */
	if (home && home->flags & HOME_TESTS_PROTECTED && !hook_knows_esp())
		return PASS_SIGNALLING;
	return home && home->state == HOME_THERE ? PASS_SIGNALLING : DROP_TEST_OUTSIDE;
}

/* RFC 6275 §9.3.1. @verdict: where the packet goes once its home address is hidden. */
static __always_inline enum reason admit_home_address(hook_ctx *ctx, struct walk *w, enum reason verdict)
{
	struct mip6_ipv6 *ip = ipv6_at(ctx, w->l3);
	struct settings *set = settings_get();
	struct in6_addr home;
	struct binding *b;

	if (!ip || !set)
		return DROP_TRUNCATED;
	if ((w->seen & SEEN_AH) || w->proto == NH_AH)
		return DROP_HAO_AH; /* it covers the octets that we change, also where it comes in fragments */
	if (!w->room || ((w->hao - w->l3) & 1))
		return DROP_HAO_LAYOUT;
	if (hook_load(ctx, w->hao + 2, &home, sizeof(home)))
		return DROP_TRUNCATED;
	if (!addr_is_routable(&home) || !addr_is_routable(&ip->src) || local_flags(&home))
		return DROP_HAO_ADDRESS;
	/* MH is judged by what comes after: a binding update proves itself by its own means */
	if (w->proto == NH_ESP && set->flags & SETTING_IPSEC) {
		enum reason why = check_esp_home(ctx, w);

		if (why != REASON_NONE)
			return why;
	} else if (w->proto != NH_MH && w->proto != NH_ESP) {
		b = binding_of(&home);
		ip = ipv6_at(ctx, w->l3);
		if (!ip)
			return DROP_TRUNCATED;
		if (!b || !addr_same(&b->care_of, &ip->src)) {
			tell_packet(ctx, EVENT_UNKNOWN_BINDING, DROP_HAO_UNKNOWN, w->l3);
			return DROP_HAO_UNKNOWN;
		}
		binding_in_use(b);
	}
	verdict = verdict == PASS_KERNEL ? PASS_HOME_ADDRESS : verdict;
	{
		enum reason why = hide_home_address(ctx, w);

		return why == REASON_NONE ? verdict : why;
	}
}

/*
 * What came out of a tunnel and now stands at @at, past its addresses: no type 0 routing header, wherever it stands
 * (PROTOCOL §3), and no neighbour discovery, whose hop limit of 255 proves the sender on-link (RFC 4861 §7.1.1): the
 * kernel would believe it. Nor, unless it was @secured by ESP, a home test that has to be. Called by the entry programs
 * and not by decapsulate(): the verifier adds up the stacks.
 */
__noinline int check_inside(hook_ctx *ctx, __u32 at, __u32 secured)
{
	struct walk w = { .l3 = at };
	struct mip6_ipv6 *ip;
	__u32 offset;
	__u8 *type;

	if (walk_headers(ctx, &w) == DROP_RH0)
		return DROP_RH0;
	offset = w.offset;
	if ((w.proto != NH_ICMPV6 && w.proto != NH_MH) || offset > WALK_LIMIT)
		return REASON_NONE;
	type = packet_at(ctx, offset);
	if ((void *)(type + sizeof(struct mip6_mh)) > hook_end(ctx))
		return REASON_NONE;
	if (w.proto == NH_MH) {
		ip = ipv6_at(ctx, at);
		return !secured && ip && is_clear_test(&ip->src, &ip->dst, type[offsetof(struct mip6_mh, type)])
			       ? DROP_UNPROTECTED
			       : REASON_NONE;
	}
	return *type >= ICMP6_ROUTER_SOLICIT && *type <= ICMP6_REDIRECT ? DROP_ND_HOME : REASON_NONE;
}

/* Most packets need no look inside. */
static __always_inline bool needs_look_inside(const struct mip6_ipv6 *ip)
{
	return ip->nexthdr != NH_TCP && ip->nexthdr != NH_UDP && ip->nexthdr != NH_IPV6;
}

/*
 * A routing header right behind the IPv6 header of a packet for us. A mobile node takes type 2 with one segment to its
 * own home address, and hides it; for another host type 2 is unknown and the kernel says so (RFC 6275 §6.4, §8.5;
 * RFC 8200 §4.4). Return: REASON_NONE where it was hidden, and the packet is now one to the home address; PASS_KERNEL:
 * not ours to judge.
 */
__noinline int take_routing_header(hook_ctx *ctx, __u32 l3)
{
	struct mip6_ipv6 *ip = ipv6_at(ctx, l3);
	struct settings *set = settings_get();
	struct mip6_rh2 *rh;

	if (!ip || !set || l3 > 22)
		return DROP_TRUNCATED;
	rh = (void *)(ip + 1);
	if ((void *)(rh + 1) > hook_end(ctx))
		return PASS_KERNEL;
	if (rh->type == RH_TYPE0)
		return DROP_RH0;
	if (rh->type != RH_TYPE2 || !(set->roles & ROLE_MOBILE_NODE))
		return PASS_KERNEL;
	if (rh->hdrlen != 2 || rh->segments_left != 1 || addr_is_multicast(&ip->dst) ||
	    !(local_flags(&rh->home) & LOCAL_HOME))
		return DROP_RH2;
	return hide_routing_header(ctx, l3);
}

/* Out of the tunnel of our own home address: only its home agent puts anything in. RFC 6275 §11.3.1, RFC 2473 §3.3. */
static __always_inline enum reason check_own_inner(const struct mip6_ipv6 *inner, const struct mip6_ipv6 *outer)
{
	struct home_address *home = home_of(&inner->dst);

	if (!home || !addr_same(&home->agent, &outer->src))
		return DROP_TUNNEL_AGENT;
	if (home->flags & HOME_PROTECTED)
		return DROP_UNPROTECTED;
	return local_flags(&inner->src) ? DROP_TUNNEL_SOURCE : REASON_NONE;
}

/* May this inner packet come out of our tunnel from @outer? RFC 6275 §10.4.5, PROTOCOL §3. */
static __always_inline enum reason check_inner(hook_ctx *ctx, __u32 at, const struct mip6_ipv6 *outer, __u32 end)
{
	struct mip6_ipv6 *inner = ipv6_at(ctx, at);
	struct binding *b;

	if (!inner || bpf_ntohl(inner->ver_tc_flow) >> 28 != 6)
		return DROP_TUNNEL_INNER;
	/* within the tunnel packet, which lies within the frame: padding of the frame is not its inside */
	if (at + IP6_HDR_LEN + bpf_ntohs(inner->payload_len) > end)
		return DROP_TUNNEL_INNER;
	if (!addr_is_routable(&inner->src))
		return DROP_TUNNEL_SOURCE;
	if (local_flags(&inner->dst) & LOCAL_HOME)
		return check_own_inner(inner, outer);
	b = home_binding_of(&inner->src);
	if (!b)
		return local_flags(&inner->src) ? DROP_TUNNEL_SOURCE : DROP_TUNNEL_NO_BINDING;
	if (!addr_same(&b->care_of, &outer->src))
		return DROP_TUNNEL_CARE_OF;
	return b->flags & BINDING_PROTECTED ? DROP_UNPROTECTED : REASON_NONE;
}

/* Takes the outer header and what stands before the inner one at @at off. REASON_NONE: the inner packet now stands at
 * @l3. */
static __always_inline enum reason decapsulate(hook_ctx *ctx, __u32 l3, __u32 at)
{
	struct mip6_ipv6 *outer = ipv6_at(ctx, l3), *inner;
	__be32 outer_word, inner_word;
	enum reason why;
	__u32 end;
	bool drop;

	if (!outer || at < l3 + IP6_HDR_LEN || at > WALK_LIMIT)
		return DROP_TUNNEL_INNER;
	end = l3 + IP6_HDR_LEN + bpf_ntohs(outer->payload_len);
	if (end > hook_len(ctx))
		return DROP_TRUNCATED;
	outer_word = outer->ver_tc_flow;
	why = check_inner(ctx, at, outer, end);
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

/* Beside enum local_addr_flag, within a run. */
enum {
	LOCAL_ROUTED = 1 << 30,	   /* the home address of a routing header just hidden */
	LOCAL_BEHIND = 1 << 29,	   /* another program of ours saw the packet before */
	LOCAL_TUNNELLED = 1 << 28, /* it came out of a tunnel in this run */
};

/*
 * A packet to one of our addresses that is no plain tunnel packet. Return: a verdict, a drop, or REASON_NONE where a
 * tunnel was taken off and the inner packet is to be looked at.
 */
__noinline int inspect_local(hook_ctx *ctx, __u32 l3, __u32 local)
{
	struct walk w = { .l3 = l3,
			  .seen = (local & LOCAL_ROUTED ? SEEN_ROUTED : 0) | (local & LOCAL_BEHIND ? SEEN_BEHIND : 0) };
	struct mip6_ipv6 *ip;
	enum reason why;
	__u32 end;

	if (l3 > 22)
		return DROP_TRUNCATED;
	ip = ipv6_at(ctx, l3);
	if (!ip)
		return DROP_TRUNCATED;
	end = l3 + IP6_HDR_LEN + bpf_ntohs(ip->payload_len);
	if (end > hook_len(ctx))
		return DROP_TRUNCATED;
	why = walk_headers(ctx, &w);
	if (why != REASON_NONE)
		return why;
	if (w.offset > end)
		return DROP_TRUNCATED; /* headers that go on in the frame's padding */
	why = PASS_KERNEL;
	if (w.proto == NH_MH) {
		why = check_mh(ctx, &w, end);
		if (why == PASS_SIGNALLING && (local & (LOCAL_HOME | LOCAL_TUNNELLED)) == LOCAL_HOME)
			why = check_home_test(ctx, &w);
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

/*
 * RFC 2473 §4.1.1: a packet that is itself a tunnel packet may carry a limit on further encapsulations. Only a
 * destination options header right behind the IPv6 header is looked at: that is where tunnels put it. Return: the
 * limit, -1 for none.
 */
__noinline int tunnel_limit(hook_ctx *ctx, __u32 l3)
{
	struct walk w = { .l3 = l3 };
	struct mip6_ext *ext;
	__u32 at = l3 + IP6_HDR_LEN;

	if (l3 > 22)
		return -1;
	ext = packet_at(ctx, at);
	if ((void *)(ext + 1) > hook_end(ctx))
		return -1;
	if (walk_options(ctx, at, at + (ext->hdrlen + 1) * 8, &w) != REASON_NONE || !(w.seen & SEEN_TUNNEL_LIMIT))
		return -1; /* not ours to judge: the packet is only passing */
	return w.limit;
}

/* For the outer header: one less than the packet's own limit, which must not be used up. */
static __always_inline enum reason take_limit(hook_ctx *ctx, __u32 l3, struct outer *o)
{
	int limit = tunnel_limit(ctx, l3);

	if (limit == 0)
		return DROP_TUNNEL_LIMIT;
	o->has_limit = limit > 0;
	o->limit = limit - 1;
	return REASON_NONE;
}

#endif
