// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Entry at the NIC. What a packet is decides, not where it came from (DESIGN §3). One exit: every packet is counted
 * once, under the reason that also decides the XDP action. The walk through one packet: link layer -> is it for our MAC
 * -> neighbour solicitation -> bound home address? encapsulate -> ours? inspect, take the tunnel off and look at the
 * inside, up to LIMIT_TUNNEL_DEPTH times -> otherwise the kernel's.
 */
#include "hook_xdp.bpf.h"
#include "forward.bpf.h"
#include "neighbour.bpf.h"
#include "rr.bpf.h"

char _license[] SEC("license") = "Dual BSD/GPL";

/* Link-layer header with up to two VLAN tags. Return: its length, 0 where no IPv6 header follows. */
static __always_inline __u32 link_layer(hook_ctx *ctx)
{
	struct ethernet *eth = hook_data(ctx);
	__u8 *tag = (void *)(eth + 1);
	__be16 proto;

	if ((void *)(eth + 1) > hook_end(ctx))
		return 0;
	proto = eth->proto;
	if (proto == bpf_htons(ETH_P_IPV6_))
		return 14;
	if (proto != bpf_htons(ETH_P_8021Q_) && proto != bpf_htons(ETH_P_8021AD_))
		return 0;
	if ((void *)(tag + 4) > hook_end(ctx))
		return 0;
	proto = *(__be16 *)(tag + 2);
	if (proto == bpf_htons(ETH_P_IPV6_))
		return 18;
	if (proto != bpf_htons(ETH_P_8021Q_))
		return 0;
	if ((void *)(tag + 8) > hook_end(ctx))
		return 0;
	return *(__be16 *)(tag + 6) == bpf_htons(ETH_P_IPV6_) ? 22 : 0;
}

static __always_inline bool mac_same(const __u8 *a, const __u8 *b)
{
	return *(__u32 *)a == *(__u32 *)b && *(__u16 *)(a + 4) == *(__u16 *)(b + 4);
}

/* To an address that is neither bound nor ours. */
static __always_inline enum reason not_ours(hook_ctx *ctx, struct packet *p, const struct mip6_ipv6 *ip)
{
	struct proxied_key key = { .ifindex = hook_ifindex(ctx) };

	if (p->tunnels)
		return forward_inner(ctx, p);
	if (!addr_is_link_local(&ip->dst))
		return PASS_KERNEL;
	key.target = ip->dst;
	if (!bpf_map_lookup_elem(&proxied, &key))
		return PASS_KERNEL;
	tell_packet(ctx, EVENT_LINK_LOCAL, DROP_LINK_LOCAL, p->l3);
	return DROP_LINK_LOCAL;
}

static __always_inline bool mac_known(const __u8 *mac)
{
	return *(__u32 *)mac | *(__u16 *)(mac + 4);
}

/*
 * The answer goes back where the question came from, so it is given to the default router alone, who passes it on to
 * whom it is for: a neighbour that forges a home address would get its token (RFC 6275 §5.2.5, §15.4.1). To others, and
 * to a home address of our own, which it reached outside the tunnel, the agent answers by the kernel's routes.
 */
static __always_inline enum reason answer_mobility_header(hook_ctx *ctx, struct packet *p, const struct in6_addr *dst)
{
	struct ethernet *eth = hook_data(ctx);
	__u32 local;

	/* none known is all zero, and anybody can send from that; the router of a VLAN is another */
	if (p->l3 != sizeof(*eth) || (void *)(eth + 1) > hook_end(ctx) || !mac_known(p->port->router) ||
	    !mac_same(eth->src, p->port->router))
		return REASON_NONE;
	local = local_flags(dst);

	return local && !(local & LOCAL_HOME) ? answer_test_init(ctx) : REASON_NONE;
}

/* One look at the packet at @p->l3; REASON_NONE where a tunnel was taken off and another look is due. */
static __always_inline enum reason look(hook_ctx *ctx, struct packet *p)
{
	struct mip6_ipv6 *ip = ipv6_at(ctx, p->l3);
	struct binding *b;
	__u32 local;

	if (!ip || bpf_ntohl(ip->ver_tc_flow) >> 28 != 6)
		return p->tunnels ? DROP_TUNNEL_INNER : DROP_TRUNCATED;
	if (p->tunnels && needs_look_inside(ip)) {
		enum reason why = check_inside(ctx, p->l3, false);

		ip = ipv6_at(ctx, p->l3);
		if (why != REASON_NONE)
			return why;
		if (!ip)
			return DROP_TUNNEL_INNER;
	}
	if (ip->nexthdr == NH_IPV6) {
		local = local_flags(&ip->dst);
		if (local & LOCAL_TUNNEL_ENDPOINT)
			return decapsulate(ctx, p->l3, p->l3 + IP6_HDR_LEN);
	}
	if (ip->nexthdr == NH_MH && !p->tunnels) { /* first: of these there may be a flood */
		enum reason why = answer_mobility_header(ctx, p, &ip->dst);

		if (why != REASON_NONE)
			return why;
		ip = ipv6_at(ctx, p->l3);
		if (!ip)
			return DROP_TRUNCATED;
	}
	b = home_binding_of(&ip->dst);
	if (b && !is_nd_or_mld(ctx, ip))
		return needs_esp(ctx, p->l3, ip->nexthdr, b->flags) ? PASS_PROTECTED : encapsulate(ctx, p, b);
	if (b)
		return DROP_ND_HOME;
	local = local_flags(&ip->dst);
	if (!local)
		return not_ours(ctx, p, ip);
	if (p->tunnels)
		local |= LOCAL_TUNNELLED;
	if (ip->nexthdr == NH_ROUTING && !p->tunnels) { /* inside a tunnel it is the kernel's to refuse */
		enum reason why = take_routing_header(ctx, p->l3);

		if (why != REASON_NONE && why != PASS_KERNEL)
			return why;
		if (why == REASON_NONE) { /* a packet to the home address that stands there now */
			why = inspect_local(ctx, p->l3, LOCAL_ADDR | LOCAL_HOME | LOCAL_ROUTED);
			return why == PASS_KERNEL ? PASS_ROUTED : why;
		}
	}
	if (ip->nexthdr == NH_ESP && local & LOCAL_TUNNEL_ENDPOINT && !p->tunnels) {
		enum reason why = take_esp(ctx, p->l3);

		if (why != PASS_KERNEL)
			return why;
	}
	return inspect_local(ctx, p->l3, local);
}

static __always_inline enum reason whole_run(hook_ctx *ctx, struct packet *p)
{
	struct ethernet *eth = hook_data(ctx);
	__u32 key = hook_ifindex(ctx);
	struct mip6_ipv6 *ip;
	enum reason why;
	bool ours;

	p->l3 = link_layer(ctx);
	if (!p->l3)
		return PASS_NOT_IPV6;
	p->port = bpf_map_lookup_elem(&ports, &key);
	p->set = settings_get();
	if (!p->port || !p->set || (void *)(eth + 1) > hook_end(ctx))
		return PASS_KERNEL;
	ours = mac_same(eth->dst, p->port->mac);
	if (!ours && !(eth->dst[0] & 1))
		return PASS_OTHER_MAC;
	ip = ipv6_at(ctx, p->l3);
	if (!ip)
		return DROP_TRUNCATED;
	if (ip->nexthdr == NH_ICMPV6) {
		why = answer_solicitation(ctx, p->l3, p->port);
		if (why != REASON_NONE)
			return why;
	}
	if (!ours)
		return PASS_KERNEL; /* multicast: the home agent's part ends with solicitations */
	for (p->tunnels = 0; p->tunnels <= LIMIT_TUNNEL_DEPTH; p->tunnels++) {
		why = look(ctx, p);
		if (why != REASON_NONE) {
			if (p->tunnels && why == PASS_KERNEL)
				why = PASS_DECAPSULATED;
			return why;
		}
	}
	return DROP_TUNNEL_DEPTH;
}

SEC("xdp")
int mobgw_xdp(struct xdp_md *ctx)
{
	struct packet p = {};
	enum reason why = whole_run(ctx, &p);

	count(why, hook_len(ctx));
	switch (why) {
	case SENT_ENCAPSULATED:
	case SENT_REENCAPSULATED:
	case SENT_DECAPSULATED:
		return bpf_redirect(p.ifindex, 0);
	case SENT_TOO_BIG:
	case SENT_NEIGHBOUR:
	case SENT_TEST:
		/* not XDP_TX where it can be helped: veth flushes that only to a peer that runs XDP itself, and toward
		 * one with mere GRO the answer would wait for the next packet (6.1 to 6.18, veth_xdp_flush()) */
		return p.port->flags & PORT_REDIRECT ? bpf_redirect(hook_ifindex(ctx), 0) : XDP_TX;
	case PASS_FIRST ... PASS_LAST:
		return XDP_PASS;
	default:
		return XDP_DROP;
	}
}

/* Tells the agent the kernel's count of jiffies; run by it through BPF_PROG_TEST_RUN. */
SEC("xdp")
int mobgw_clock(struct xdp_md *ctx)
{
	__u32 zero = 0;
	__u64 now = bpf_jiffies64();

	bpf_map_update_elem(&clock, &zero, &now, BPF_ANY);
	return XDP_PASS;
}
