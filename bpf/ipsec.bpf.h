/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the data path knows of IPsec: XFRM encrypts and decrypts, here an SPI says which road a packet takes, and what
 * has to go under ESP is refused in clear. Included by both programs; what only TC sends is in node.bpf.h and tc.bpf.c.
 * RFC 6275 §5.1, §5.2.5, §5.5, §9.3.1, §10.4.5; RFC 4303 §2.1; IPSEC §2-§4.
 */
#ifndef MOBGW_IPSEC_BPF_H
#define MOBGW_IPSEC_BPF_H

#include "rewrite.bpf.h"

/* What XFRM has at @dst under @spi; NULL: nothing that the agent told of. */
static __always_inline struct sa *sa_of(const struct in6_addr *dst, __be32 spi)
{
	struct sa_key key = { .dst = *dst, .spi = spi };

	return bpf_map_lookup_elem(&sas, &key);
}

/*
 * A home address option before ESP, which XFRM judges after us and by addresses alone: it takes any source for an SPI.
 * So the SPI has to be that home address's; or else, as for any other protocol, the binding has to have that care-of
 * address (RFC 6275 §9.3.1). Where it comes in fragments only the first would have the SPI.
 */
__noinline int check_esp_home(hook_ctx *ctx, struct walk *w)
{
	struct in6_addr home, dst;
	struct mip6_ipv6 *ip;
	struct binding *b;
	struct sa *sa;
	__be32 spi;

	if (!w || hook_load(ctx, w->hao + 2, &home, sizeof(home)))
		return DROP_TRUNCATED;
	ip = ipv6_at(ctx, w->l3);
	if (!ip)
		return DROP_TRUNCATED;
	dst = ip->dst;
	if (!(w->seen & SEEN_FRAGMENT)) {
		if (hook_load(ctx, w->offset, &spi, sizeof(spi)))
			return DROP_TRUNCATED;
		sa = sa_of(&dst, spi);
		if (sa && (sa->flags & (SA_INBOUND | SA_TUNNEL | SA_PAYLOAD)) == SA_INBOUND &&
		    addr_same(&sa->home, &home))
			return REASON_NONE;
	}
	b = binding_of(&home);
	ip = ipv6_at(ctx, w->l3);
	if (!b || !ip || !addr_same(&b->care_of, &ip->src))
		return DROP_SA_UNKNOWN;
	binding_in_use(b);
	return REASON_NONE;
}

/* Whether a mobility header stands at the end of the headers, or where it can't be told. */
__noinline int ends_in_mh(hook_ctx *ctx, __u32 l3)
{
	struct walk w = { .l3 = l3 };

	return walk_headers(ctx, &w) != REASON_NONE || w.proto == NH_MH;
}

/* Must this packet to a home address go under ESP? @flags: of its binding. Packet pointers are to be read again. */
static __always_inline bool needs_esp(hook_ctx *ctx, __u32 l3, __u8 next, __u32 flags)
{
	if (flags & BINDING_PROTECTED)
		return true;
	if (!(flags & BINDING_TESTS_PROTECTED))
		return false;
	if (next == NH_HOPOPTS || next == NH_DSTOPTS || next == NH_ROUTING || next == NH_FRAGMENT)
		return ends_in_mh(ctx, l3);
	return next == NH_MH;
}

/* A mobility header in clear out of a tunnel: home tests of the node of @src, or to our own home address @dst, that
 * have to come under ESP (RFC 6275 §5.2.5). */
static __always_inline bool is_clear_test(const struct in6_addr *src, const struct in6_addr *dst, __u8 type)
{
	struct binding *b = home_binding_of(src);
	struct home_address *home;

	if (b && b->flags & BINDING_TESTS_PROTECTED)
		return true;
	if (type != MH_HOT)
		return false;
	home = home_of(dst);
	return home && home->flags & HOME_TESTS_PROTECTED;
}

/* Of the agent to a mobile node of its own, where somebody took the policy away that makes ESP of it. */
static __always_inline bool is_clear_signalling(const struct settings *set, const struct mip6_ipv6 *ip,
						const struct binding *b)
{
	return set->flags & SETTING_IPSEC && b->flags & BINDING_HOME_AGENT && ip->nexthdr == NH_MH &&
	       addr_same(&ip->src, &set->agent);
}

/*
 * ESP from our home agent to a care-of address of ours, under an SPI whose association has the home address for its
 * end: that is put in its place, which ESP doesn't cover (RFC 4303 §3.1.2). Return: PASS_ESP; PASS_KERNEL where it is
 * none of those.
 */
__noinline int take_esp(hook_ctx *ctx, __u32 l3)
{
	struct settings *set = settings_get();
	struct sa_key key = {};
	struct home_address *home;
	struct mip6_ipv6 *ip;
	struct sa *sa;

	if (!set || l3 > 22)
		return DROP_TRUNCATED;
	if (!(set->roles & ROLE_MOBILE_NODE) || !(set->flags & SETTING_IPSEC))
		return PASS_KERNEL;
	if (hook_load(ctx, l3 + IP6_HDR_LEN, &key.spi, sizeof(key.spi)))
		return DROP_TRUNCATED;
	sa = bpf_map_lookup_elem(&sas, &key);
	if (!sa || (sa->flags & (SA_INBOUND | SA_CONSTANT)) != (SA_INBOUND | SA_CONSTANT))
		return PASS_KERNEL;
	home = home_of(&sa->home);
	ip = ipv6_at(ctx, l3);
	if (!home || !ip || !addr_same(&home->agent, &ip->src))
		return PASS_KERNEL;
	hook_sum_changed(ctx, bpf_csum_diff((__be32 *)&ip->dst, 16, (__be32 *)&sa->home, 16, 0));
	ip->dst = sa->home;
	return PASS_ESP;
}

#endif
