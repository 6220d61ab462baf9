// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Entry at TC. mobgw_tc_home, on the device without ND to which home prefixes are routed: all that the host itself, or
 * the kernel's forwarding, sends to home addresses; a type 2 routing header for what is ours (RFC 6275 §9.3.2), a
 * tunnel for the rest, the home link for who is at home. GSO and unfinished checksums stay the kernel's. mobgw_tc_in
 * and mobgw_tc_in_ip, on ingress where XDP can't attach: what XDP does for packets to us; the rest the kernel forwards,
 * to mobgw_tc_home where it is for a home address. mobgw_tc_out and mobgw_tc_out_ip, on egress of a mobile node's
 * uplinks.
 */
#include "hook_tc.bpf.h"
#include "inspect.bpf.h"
#include "neighbour.bpf.h"
#include "node.bpf.h"

char _license[] SEC("license") = "Dual BSD/GPL";

/* ---- home: egress of the device without ND ---- */

/* Where @dst is reached, asked as if it came in by the device without ND, which may forward. An address of a home
 * prefix leads to this very device again: its home link is meant then. */
static __always_inline enum reason find_route(struct __sk_buff *skb, const struct settings *set,
					      const struct in6_addr *src, const struct in6_addr *dst, struct route *r)
{
	/* a length, so that the route's MTU comes back and not a verdict on this skb */
	struct bpf_fib_lookup fib = { .family = AF_INET6_, .ifindex = set->home_ifindex, .tot_len = 1 };
	__u32 mtu = 0;
	long ret;

	__builtin_memcpy(fib.ipv6_src, src, 16); /* rules by source: another uplink, another router */
	__builtin_memcpy(fib.ipv6_dst, dst, 16);
	ret = bpf_fib_lookup(skb, &fib, sizeof(fib), 0);
	if (ret != BPF_FIB_LKUP_RET_SUCCESS && ret != BPF_FIB_LKUP_RET_NO_NEIGH)
		return DROP_NO_ROUTE;
	r->ifindex = fib.ifindex;
	/* without a neighbour 6.1 leaves the route's MTU out: the device's then */
	if (ret == BPF_FIB_LKUP_RET_NO_NEIGH)
		bpf_check_mtu(skb, fib.ifindex, &mtu, 0, 0);
	r->mtu = ret == BPF_FIB_LKUP_RET_NO_NEIGH ? mtu : fib.mtu_result;
	return REASON_NONE;
}

static __always_inline bool prefix_holds(const struct home_link *link, const struct in6_addr *addr)
{
	const __u64 *p = (const __u64 *)&link->prefix, *a = (const __u64 *)addr;
	__u64 high = bpf_be64_to_cpu(p[0] ^ a[0]), low = bpf_be64_to_cpu(p[1] ^ a[1]);
	__u32 len = link->prefix_len;

	if (len < 1 || len > 127)
		return false;
	if (len <= 64)
		return high >> (64 - len) == 0;
	return high == 0 && low >> (128 - len) == 0;
}

/* The home link of an address; NULL where it is in no home prefix. */
static __always_inline struct home_link *home_link_of(const struct in6_addr *addr)
{
	for (__u32 i = 0; i < LIMIT_HOME_LINKS; i++) {
		__u32 key = i;
		struct home_link *link = bpf_map_lookup_elem(&home_links, &key);

		if (!link || !link->prefix_len)
			return NULL;
		if (prefix_holds(link, addr))
			return link;
	}
	return NULL;
}

/* Not away: to the home link, without a detour through a binding. */
static __always_inline enum reason to_home_link(struct __sk_buff *skb, const struct in6_addr *dst, int *action)
{
	struct home_link *link = home_link_of(dst);

	if (!link)
		return DROP_NO_ROUTE;
	if (!link->ifindex) {
		*action = TC_ACT_OK; /* virtual: nobody is at home, and the agent says so */
		return SENT_AGENT;
	}
	*action = send_by(link->ifindex);
	return SENT_HOME_LINK;
}

/* Route to a care-of address; one that lies in a home prefix without being bound is on the home link. */
static __always_inline enum reason care_of_route(struct __sk_buff *skb, const struct settings *set,
						 const struct in6_addr *src, const struct in6_addr *care_of,
						 struct route *r)
{
	enum reason why = find_route(skb, set, src, care_of, r);
	struct home_link *link;

	if (why != REASON_NONE || r->ifindex != set->home_ifindex)
		return why;
	if (binding_of(care_of) || local_flags(care_of))
		return DROP_TUNNEL_LOOP;
	link = home_link_of(care_of);
	if (!link || !link->ifindex)
		return DROP_NO_ROUTE;
	r->ifindex = link->ifindex;
	r->mtu = 0; /* its port's: a home link is a configured interface */
	return REASON_NONE;
}

static __always_inline enum reason to_tunnel(struct __sk_buff *skb, const struct settings *set, const struct binding *b,
					     int *action)
{
	struct outer o = { .src = &set->agent, .dst = b->care_of };
	__u16 path_mtu = b->mtu;
	struct mip6_ipv6 *ip = ipv6_at(skb, ETH_LEN);
	struct route r = {};
	__u32 overhead = IP6_HDR_LEN;
	enum reason why;
	__u32 *ports_word;

	if (!ip)
		return DROP_TRUNCATED;
	if (!addr_same(&b->home, &ip->dst))
		return DROP_NO_ROUTE; /* the entry was reused under us; the next packet finds the right one */
	if (ip->nexthdr == NH_DSTOPTS) {
		why = take_limit(skb, ETH_LEN, &o);
		if (why != REASON_NONE)
			return why;
		if (o.has_limit)
			overhead += TUNNEL_OPTION_LEN;
	}
	if (needs_esp(skb, ETH_LEN, ip->nexthdr, b->flags))
		return DROP_UNPROTECTED;
	why = care_of_route(skb, set, &set->agent, &o.dst, &r);
	if (why != REASON_NONE)
		return why;
	ip = ipv6_at(skb, ETH_LEN);
	if (!ip)
		return DROP_TRUNCATED;
	if (!fits(skb, ip, &r, path_mtu, overhead)) {
		*action = TC_ACT_OK;
		return SENT_AGENT;
	}
	ports_word = (void *)(ip + 1);
	o.inner_len = skb->len - ETH_LEN;
	o.first_word = outer_first_word(ip, (ip->nexthdr == NH_TCP || ip->nexthdr == NH_UDP) &&
							    (void *)(ports_word + 1) <= hook_end(skb)
						    ? *ports_word
						    : 0);
	why = push_tunnel(skb, &o);
	if (why == SENT_ENCAPSULATED)
		*action = send_by(r.ifindex);
	return why;
}

/* With a routing header; ESP of a tunnel between the home agent and the home address (@road) without. */
static __always_inline enum reason to_care_of(struct __sk_buff *skb, const struct settings *set,
					      const struct in6_addr *care_of, __u16 path_mtu, enum esp_road road,
					      int *action)
{
	struct mip6_ipv6 *ip = ipv6_at(skb, ETH_LEN);
	struct in6_addr dst = *care_of, src;
	struct route r = {};
	enum reason why;

	if (!ip)
		return DROP_TRUNCATED;
	src = ip->src;
	why = care_of_route(skb, set, &src, &dst, &r);
	if (why != REASON_NONE)
		return why;
	ip = ipv6_at(skb, ETH_LEN);
	if (!ip)
		return DROP_TRUNCATED;
	if (!fits(skb, ip, &r, path_mtu, road == ESP_CONSTANT ? 0 : RH2_LEN)) {
		*action = TC_ACT_OK;
		return SENT_AGENT;
	}
	if (road == ESP_CONSTANT) {
		ip->dst = dst;
		*action = send_by(r.ifindex);
		return SENT_ESP;
	}
	why = insert_rh2(skb, &dst);
	if (why == SENT_ROUTED)
		*action = send_by(r.ifindex);
	return why;
}

static __always_inline enum reason home_run(struct __sk_buff *skb, int *action)
{
	struct settings *set = settings_get();
	enum esp_road road = ESP_NONE;
	struct mip6_ipv6 *ip;
	struct in6_addr dst, src;
	struct binding *b;
	bool own, ack;
	__u32 local;

	if (!set || hook_pull(skb, HEADERS_PULLED))
		return DROP_NO_ROOM;
	ip = ipv6_at(skb, ETH_LEN);
	if (!ip)
		return DROP_TRUNCATED;
	dst = ip->dst;
	if (addr_is_multicast(&dst))
		return DROP_NO_ROUTE; /* the device's own MLD and router solicitations: there is nobody */
	src = ip->src;
	local = local_flags(&src);
	if (local & LOCAL_HOME)
		return from_home(skb, &src, action);
	own = local != 0;
	ip = ipv6_at(skb, ETH_LEN);
	if (!ip)
		return DROP_TRUNCATED;
	if (own && set->flags & SETTING_IPSEC)
		road = esp_road_of(skb, ip, addr_same(&src, &set->agent));
	ack = own && (road == ESP_TRANSPORT || is_ack(skb, ip));
	if (ack) {
		struct answer *a = bpf_map_lookup_elem(&answers, &dst);

		if (a && a->expires > bpf_jiffies64()) {
			if (addr_is_nobody(&a->care_of))
				return to_home_link(skb, &dst, action);
			return to_care_of(skb, set, &a->care_of, 0, road, action);
		}
	}
	b = binding_of(&dst);
	if (!b)
		return to_home_link(skb, &dst, action);
	ip = ipv6_at(skb, ETH_LEN);
	if (!ip)
		return DROP_TRUNCATED;
	if (road == ESP_NONE && (b->flags & BINDING_PROTECTED || is_clear_signalling(set, ip, b)))
		return DROP_UNPROTECTED; /* our own, too: XFRM would have made ESP of it */
	if (own && (ack || (ip->nexthdr != NH_MH && takes_header(skb, ip)))) {
		binding_in_use(b);
		return to_care_of(skb, set, &b->care_of, b->mtu, road, action);
	}
	if (!(b->flags & BINDING_HOME_AGENT)) /* a correspondent's: no reason to intercept */
		return to_home_link(skb, &dst, action);
	return to_tunnel(skb, set, b, action);
}

SEC("tc")
int mobgw_tc_home(struct __sk_buff *skb)
{
	int action = TC_ACT_SHOT;
	__u32 len = skb->len;
	enum reason why;

	if (skb->protocol != bpf_htons(ETH_P_IPV6_))
		why = DROP_NO_ROUTE; /* no other protocol has one here */
	else
		why = home_run(skb, &action);
	count(why, len);
	return action;
}

/* ---- egress of every interface ---- */

/*
 * The care-of address for a packet of our own to @ip->dst: a correspondent's binding's, or where the acknowledgement of
 * an update goes that was refused or ended one. What is only forwarded has none. False: the packet stays as it is.
 */
static __always_inline bool find_care_of(struct __sk_buff *skb, const struct mip6_ipv6 *ip, struct in6_addr *care_of,
					 __u16 *mtu)
{
	struct binding *b = NULL;

	if (skb->ingress_ifindex)
		return false;
	if (ip->nexthdr == NH_MH) {
		struct answer *a = bpf_map_lookup_elem(&answers, &ip->dst);

		if (!a || a->expires <= bpf_jiffies64() || addr_is_nobody(&a->care_of))
			return false;
		*care_of = a->care_of;
	} else {
		b = binding_of(&ip->dst);
		if (!b || b->flags & BINDING_HOME_AGENT)
			return false;
		*care_of = b->care_of;
		*mtu = b->mtu;
	}
	if (!addr_is_routable(&ip->src) || !local_flags(&ip->src)) /* last: most packets are to nobody bound */
		return false;
	if (b)
		binding_in_use(b);
	return true;
}

/*
 * A correspondent: what this host sends to a bound home address goes straight to the care-of address (RFC 6275 §9.3.2).
 * What doesn't fit with the header and has 1280 octets or less goes by the home agent; anything larger is the agent's
 * to answer.
 */
static __always_inline int to_mobile_node(struct __sk_buff *skb)
{
	struct mip6_ipv6 *ip = ipv6_at(skb, ETH_LEN);
	struct settings *set = settings_get();
	int action = TC_ACT_SHOT;
	struct in6_addr care_of;
	__u32 len = skb->len;
	enum reason why;
	__u16 mtu = 0;

	if (!ip || !set || !find_care_of(skb, ip, &care_of, &mtu))
		return TC_ACT_UNSPEC;
	if (hook_pull(skb, HEADERS_PULLED)) /* not before: it may copy, and most packets are none of ours */
		return TC_ACT_UNSPEC;
	ip = ipv6_at(skb, ETH_LEN);
	if (!ip || !(ip->nexthdr == NH_MH ? is_ack(skb, ip) : takes_header(skb, ip)))
		return TC_ACT_UNSPEC;
	why = to_care_of(skb, set, &care_of, mtu, ESP_NONE, &action);
	if (why == SENT_AGENT) {
		ip = ipv6_at(skb, ETH_LEN);
		if (!ip || segment_len(skb, ip) <= IP6_MIN_MTU)
			return TC_ACT_UNSPEC;
		return bpf_redirect(set->home_ifindex, 0);
	}
	if (why == DROP_NO_ROUTE || why == DROP_TUNNEL_LOOP)
		return TC_ACT_UNSPEC; /* the kernel may have one that BPF can't see; to the home address it has */
	count(why, len);
	return action;
}

SEC("tc")
int mobgw_tc_out(struct __sk_buff *skb)
{
	int action = guard(skb, ETH_LEN);

	if (action != TC_ACT_UNSPEC || skb->protocol != bpf_htons(ETH_P_IPV6_))
		return action;
	return to_mobile_node(skb);
}

/* A device without Ethernet gives no header to enter another with: from here everything goes by the home agent. */
SEC("tc")
int mobgw_tc_out_ip(struct __sk_buff *skb)
{
	return guard(skb, 0);
}

/* ---- ingress, where XDP can't ---- */

/* What XFRM took out of tunnel mode comes by here once more, with the association that it came by. */
static __always_inline bool is_out_of_esp(struct __sk_buff *skb)
{
	struct bpf_xfrm_state state;

	return bpf_skb_get_xfrm_state(skb, 0, &state, sizeof(state), 0) == 0;
}

static __always_inline int ingress(struct __sk_buff *skb, __u32 l3)
{
	__u32 key = skb->ifindex, len = skb->len, local;
	struct port *port = bpf_map_lookup_elem(&ports, &key);
	struct mip6_ipv6 *ip;
	enum reason why = PASS_KERNEL;
	bool routed = false;

	if (skb->protocol != bpf_htons(ETH_P_IPV6_)) {
		count(PASS_NOT_IPV6, len);
		return TC_ACT_UNSPEC;
	}
	if (skb->pkt_type == PACKET_OTHERHOST) {
		count(PASS_OTHER_MAC, len);
		return TC_ACT_UNSPEC;
	}
	if (hook_pull(skb, WALK_LIMIT))
		goto out;
	ip = ipv6_at(skb, l3);
	if (!port || !ip)
		goto out;
	if (ip->nexthdr == NH_ICMPV6 && l3) {
		why = answer_solicitation(skb, l3, port);
		if (why == SENT_NEIGHBOUR) {
			count(why, len);
			return bpf_redirect(skb->ifindex, 0);
		}
		if (why != REASON_NONE)
			goto out;
		why = PASS_KERNEL;
		ip = ipv6_at(skb, l3);
	}
	if (!ip || skb->pkt_type != PACKET_HOST)
		goto out;
	local = local_flags(&ip->dst);
	if (is_out_of_esp(skb)) { /* nothing of it passed a program of ours before */
		why = check_inside(skb, l3, true);
		if (why != REASON_NONE)
			goto out;
		why = PASS_KERNEL;
		if (local)
			local |= LOCAL_TUNNELLED;
		ip = ipv6_at(skb, l3);
		if (!ip)
			goto out;
	}
	if (!local) {
		struct proxied_key target = { .target = ip->dst, .ifindex = key };

		if (addr_is_link_local(&ip->dst) && bpf_map_lookup_elem(&proxied, &target)) {
			why = DROP_LINK_LOCAL;
			tell_packet(skb, EVENT_LINK_LOCAL, why, l3);
		} else if (is_nd_or_mld(skb, ip) && home_binding_of(&ip->dst)) {
			why = DROP_ND_HOME; /* the kernel would forward it to the device without ND, and so into the
					       tunnel */
		}
		goto out;
	}
	if (ip->nexthdr == NH_ROUTING &&
	    !(local & LOCAL_TUNNELLED)) { /* inside a tunnel it is the kernel's to refuse */
		why = take_routing_header(skb, l3);
		if (why != REASON_NONE && why != PASS_KERNEL)
			goto out;
		routed = why == REASON_NONE;
		if (routed) /* a packet to the home address that stands there now */
			local = LOCAL_ADDR | LOCAL_HOME | LOCAL_ROUTED;
	}
	if (ip->nexthdr == NH_ESP && (local & (LOCAL_TUNNEL_ENDPOINT | LOCAL_TUNNELLED)) == LOCAL_TUNNEL_ENDPOINT) {
		why = take_esp(skb, l3);
		if (why != PASS_KERNEL)
			goto out;
	}
	if (port->flags & PORT_BEHIND)
		local |= LOCAL_BEHIND;
	for (int i = 0; i <= LIMIT_TUNNEL_DEPTH; i++) {
		why = inspect_local(skb, l3, local);
		if (why != REASON_NONE)
			break;
		why = i == LIMIT_TUNNEL_DEPTH ? DROP_TUNNEL_DEPTH : PASS_DECAPSULATED;
		if (hook_pull(skb, WALK_LIMIT))
			break;
		ip = ipv6_at(skb, l3);
		if (!ip)
			break;
		local = local_flags(&ip->dst);
		if (local)
			local |= LOCAL_TUNNELLED;
		if (needs_look_inside(ip)) {
			enum reason inside = check_inside(skb, l3, false);

			if (inside != REASON_NONE) {
				why = inside;
				break;
			}
		}
		if (!local)
			break;
	}
	if (why == PASS_KERNEL && skb->len != len)
		why = PASS_DECAPSULATED;
	else if (why == PASS_KERNEL && routed)
		why = PASS_ROUTED;
out:
	count(why, len);
	return why >= PASS_FIRST && why <= PASS_LAST ? TC_ACT_UNSPEC : TC_ACT_SHOT;
}

/* Devices with Ethernet headers. */
SEC("tc")
int mobgw_tc_in(struct __sk_buff *skb)
{
	return ingress(skb, ETH_LEN);
}

/* Devices without: TUN, PPP, wwan. */
SEC("tc")
int mobgw_tc_in_ip(struct __sk_buff *skb)
{
	return ingress(skb, 0);
}

/*
 * Behind XDP, which can't tell what came under ESP, or in native mode never sees what was in it: the inside is looked
 * at here. All else passed XDP and isn't counted again.
 */
SEC("tc")
int mobgw_tc_esp(struct __sk_buff *skb)
{
	__u32 len = skb->len;
	struct mip6_ipv6 *ip;
	enum reason why;

	if (skb->protocol != bpf_htons(ETH_P_IPV6_) || !is_out_of_esp(skb))
		return TC_ACT_UNSPEC;
	why = hook_pull(skb, WALK_LIMIT) ? DROP_NO_ROOM : REASON_NONE;
	ip = ipv6_at(skb, ETH_LEN);
	if (ip && needs_look_inside(ip))
		why = check_inside(skb, ETH_LEN, true);
	if (why == REASON_NONE)
		return TC_ACT_UNSPEC;
	count(why, len);
	return TC_ACT_SHOT;
}
