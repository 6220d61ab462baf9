/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Reading a packet: link layer, IPv6, and the walk over extension headers of a packet addressed to us. Nothing is
 * changed here. RFC 8200 §4, RFC 6275 §6.3-6.4, RFC 2473 §4.1.1. The walk is a global function, so that the verifier
 * looks at it once and not on every path that leads there; packets of the fast path never come to it.
 */
#ifndef MOBGW_PACKET_BPF_H
#define MOBGW_PACKET_BPF_H

enum {
	WALK_LIMIT = 512, /* octets of headers looked at; LIMIT_EXT_HEADERS headers of usual size fit several times */
	ETH_P_IPV6_ = 0x86DD,
	ETH_P_8021Q_ = 0x8100,
	ETH_P_8021AD_ = 0x88A8,
};

struct ethernet {
	__u8 dst[6];
	__u8 src[6];
	__be16 proto;
};

enum seen {
	SEEN_HAO = 1 << 0,
	SEEN_HOPOPTS = 1 << 2,
	SEEN_ROUTING = 1 << 3,
	SEEN_FRAGMENT = 1 << 4, /* proto is what the fragment header names; the walk ended there */
	SEEN_AH = 1 << 5,
	SEEN_TUNNEL_LIMIT = 1 << 6,
	SEEN_OTHER_OPTION = 1 << 7, /* one that we don't know and may not skip (RFC 8200 §4.2): the kernel answers */
	SEEN_OWN_OPTION = 1 << 8,   /* 0x1E that we wrote */
	SEEN_ROUTED = 1 << 9,	    /* from the caller: this run hid a routing header */
	SEEN_BEHIND = 1 << 10,	    /* from the caller: another program of ours saw the packet before */
};

/*
 * In: l3. Out: the rest. Offsets count from the start of the packet. The steps of the walk are global functions that
 * keep their cursor in here: in memory, the verifier doesn't follow its value, and a loop over them costs it nothing.
 */
struct walk {
	__u32 l3;
	__u32 seen;
	__u32 offset; /* of the header at the cursor; in the end of the upper layer header */
	__u32 proto;  /* what that header is */
	__u32 hao;    /* of the home address option's type octet */
	__u32 room;   /* 4..8: padding option that begins so many octets before it and reaches to our tag's place; 0: no
			 room */
	__u32 limit;  /* value of the tunnel encapsulation limit option */
	__u32 option; /* cursor within a destination options header */
	__u32 options_end;
	__u32 edges; /* bit n: an option could begin n octets before the cursor, nothing but padding from there on */
};

/* What a step says when the walk goes on; beyond every reason. */
enum { STEP_ON = REASON_COUNT };

/*
 * @at, which the caller has found to be at most WALK_LIMIT, into the packet. The mask changes nothing but what the
 * verifier of 6.1 knows: it forgets a comparison made on a copy of the register.
 */
static __always_inline void *packet_at(hook_ctx *ctx, __u32 at)
{
	__u64 offset = at;

	barrier_var(offset);
	offset &= 2 * WALK_LIMIT - 1;
	return hook_data(ctx) + offset;
}

/* NULL where the packet ends before @len octets from @at on, or @at is beyond what we look at. */
static __always_inline void *octets_at(hook_ctx *ctx, __u32 at, __u32 len)
{
	void *data = hook_data(ctx);

	barrier_var(at); /* in a register from here on: the verifier of 6.1 forgets the bounds of one that it sees
			    reloaded */
	if (at > WALK_LIMIT || data + at + len > hook_end(ctx))
		return NULL;
	return data + at;
}

/* A whole IPv6 header. */
static __always_inline struct mip6_ipv6 *ipv6_at(hook_ctx *ctx, __u32 at)
{
	return octets_at(ctx, at, sizeof(struct mip6_ipv6));
}

/*
 * Is this option 0x1E one that we wrote? That which this very run made of a routing header stands where that stood. Any
 * other can only come from a program of ours in front of this one, which lets none in from outside; those bear a tag,
 * too.
 */
static __always_inline bool own_option(hook_ctx *ctx, const struct walk *w, const __u8 *option)
{
	__u32 zero = 0, tag;
	struct secrets *s;

	if ((w->seen & SEEN_ROUTED) && w->option == w->l3 + IP6_HDR_LEN + 2)
		return true;
	if (!hook_may_be_behind() || !(w->seen & SEEN_BEHIND))
		return false;
	s = bpf_map_lookup_elem(&secrets, &zero);
	if (!s || (void *)(option + 6) > hook_end(ctx) || option[1] != 20)
		return false;
	tag = *(__u32 *)(option + 2);
	return tag == *(__u32 *)s->tag || tag == *(__u32 *)s->route_tag;
}

/*
 * Our option begins four octets before the home address option. Where an option begins there already, that is all;
 * otherwise the PadN that reaches over that place must be made shorter, so it is remembered where it begins.
 */
static __always_inline __u32 room_before(__u32 edges)
{
	for (__u32 n = 4; n <= 8; n++)
		if (edges & (1U << n))
			return n;
	return 0;
}

/* What an option means to us. Return: REASON_NONE or why the packet is refused. */
static __always_inline enum reason take_option(hook_ctx *ctx, struct walk *w, const __u8 *option)
{
	__u8 type = option[0];

	if (type == OPT_HOME_ADDRESS) {
		if (option[1] != HAO_LEN || (w->seen & SEEN_HAO))
			return DROP_HAO_MALFORMED;
		w->seen |= SEEN_HAO;
		w->room = room_before(w->edges);
		w->hao = w->option;
	} else if (type == OPT_TUNNEL_LIMIT) {
		if ((void *)(option + 3) > hook_end(ctx))
			return DROP_TRUNCATED;
		w->seen |= SEEN_TUNNEL_LIMIT;
		w->limit = option[2];
	} else if (type == OPT_VERIFIED_HOME) {
		if (!own_option(ctx, w, option))
			return DROP_FORGED_OPTION;
		w->seen |= SEEN_OWN_OPTION;
	} else if (type != OPT_PADN && (type & 0xC0)) {
		w->seen |= SEEN_OTHER_OPTION;
	}
	return REASON_NONE;
}

/* The option at the cursor. Return: STEP_ON, REASON_NONE at the end of the header, or why the packet is refused. */
__noinline int walk_option(hook_ctx *ctx, struct walk *w)
{
	__u8 *option;
	__u32 at, len;
	int why;

	if (!w)
		return DROP_TRUNCATED;
	at = w->option;
	if (at >= w->options_end)
		return REASON_NONE;
	if (at > WALK_LIMIT)
		return DROP_EXT_DEPTH;
	option = hook_data(ctx) + at;
	if ((void *)(option + 1) > hook_end(ctx))
		return DROP_TRUNCATED;
	if (option[0] == OPT_PAD1) { /* may be the packet's last octet */
		w->option = at + 1;
		w->edges = w->edges << 1 | 1;
		return STEP_ON;
	}
	if ((void *)(option + 2) > hook_end(ctx))
		return DROP_TRUNCATED;
	len = 2 + option[1];
	if (at + len > w->options_end)
		return DROP_HAO_MALFORMED;
	why = take_option(ctx, w, option);
	w->edges = option[0] == OPT_PADN && len < 32 ? w->edges << len | 1 : 1;
	w->option = at + len;
	return why == REASON_NONE ? STEP_ON : why;
}

/* The options of the destination options header at @from, which ends before @to. */
static __always_inline int walk_options(hook_ctx *ctx, __u32 from, __u32 to, struct walk *w)
{
	w->option = from + 2;
	w->options_end = to;
	w->edges = 1;
	for (int i = 0; i <= LIMIT_OPTIONS; i++) { /* once more than there may be: to see the end */
		int why = walk_option(ctx, w);

		if (why != STEP_ON)
			return why;
	}
	return DROP_EXT_DEPTH;
}

/* The header at the cursor. Return: STEP_ON, REASON_NONE where it is none to walk over, or why the packet is refused.
 */
__noinline int walk_header(hook_ctx *ctx, struct walk *w)
{
	__u32 at, len, proto, next;
	struct mip6_ext *ext;

	if (!w)
		return DROP_TRUNCATED;
	at = w->offset;
	proto = w->proto;
	if (proto != NH_HOPOPTS && proto != NH_DSTOPTS && proto != NH_ROUTING && proto != NH_AH && proto != NH_FRAGMENT)
		return REASON_NONE;
	if (at > WALK_LIMIT)
		return DROP_EXT_DEPTH;
	ext = hook_data(ctx) + at;
	if ((void *)(ext + 4) > hook_end(ctx)) /* 8 octets: the least any of them has */
		return DROP_TRUNCATED;
	next = ext->nexthdr;
	len = proto == NH_AH ? (ext->hdrlen + 2) * 4 : (ext->hdrlen + 1) * 8; /* AH counts in words, RFC 4302 §2.2 */
	if (proto == NH_ROUTING && ((__u8 *)ext)[2] == RH_TYPE0)
		return DROP_RH0;
	if (proto == NH_FRAGMENT) {
		w->seen |= SEEN_FRAGMENT;
		w->proto = next;
		return REASON_NONE;
	}
	if (proto == NH_HOPOPTS)
		w->seen |= SEEN_HOPOPTS;
	if (proto == NH_AH)
		w->seen |= SEEN_AH;
	if (proto == NH_ROUTING)
		w->seen |= SEEN_ROUTING;
	if (proto == NH_DSTOPTS) {
		int why = walk_options(ctx, at, at + len, w);

		if (why != REASON_NONE)
			return why;
	}
	w->proto = next; /* last: until here it named this very header */
	w->offset = at + len;
	return STEP_ON;
}

/* Over all extension headers, in any order. Return: REASON_NONE with @w filled, or why the packet is refused. */
static __always_inline int walk_headers(hook_ctx *ctx, struct walk *w)
{
	struct mip6_ipv6 *ip = ipv6_at(ctx, w->l3);

	if (!ip)
		return DROP_TRUNCATED;
	w->proto = ip->nexthdr;
	w->offset = w->l3 + IP6_HDR_LEN;
	for (int i = 0; i <= LIMIT_EXT_HEADERS; i++) {
		int why = walk_header(ctx, w);

		if (why != STEP_ON)
			return why;
	}
	return DROP_EXT_DEPTH;
}

static __always_inline bool addr_is_link_local(const struct in6_addr *a)
{
	const __u8 *o = (const __u8 *)a;

	return o[0] == 0xFE && (o[1] & 0xC0) == 0x80;
}

static __always_inline bool addr_is_multicast(const struct in6_addr *a)
{
	return *(const __u8 *)a == 0xFF;
}

/* Unspecified or loopback. */
static __always_inline bool addr_is_nobody(const struct in6_addr *a)
{
	const __u64 *q = (const __u64 *)a;

	return q[0] == 0 && (q[1] == 0 || q[1] == bpf_cpu_to_be64(1));
}

/* Unicast and routable, RFC 6275 §9.3.1. */
static __always_inline bool addr_is_routable(const struct in6_addr *a)
{
	return !addr_is_multicast(a) && !addr_is_link_local(a) && !addr_is_nobody(a);
}

#endif
