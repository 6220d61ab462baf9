/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * TC: what leaves from our own home addresses, as a mobile node: by the tunnel to the home agent, by both ways while
 * that changes, on the home link, or not at all; and the gate of the uplinks, by which none of it passes in clear. RFC
 * 6275 §11.3.1, §11.5.5, §11.7.1.
 */
#ifndef MOBGW_NODE_BPF_H
#define MOBGW_NODE_BPF_H

#include "insert.bpf.h"

/* A binding update, by the road that the agent asked for just before it sent it. */
static __always_inline enum reason send_update(struct __sk_buff *skb, const struct in6_addr *home, int *action)
{
	struct answer *a = bpf_map_lookup_elem(&answers, home);
	struct in6_addr care_of;
	enum reason why;
	__u32 ifindex;

	if (!a || a->expires <= bpf_jiffies64() || !a->ifindex)
		return DROP_NO_REGISTRATION;
	ifindex = a->ifindex;
	care_of = a->care_of;
	if (addr_is_nobody(&care_of)) { /* from the home link: the home address itself, RFC 6275 §11.5.5 */
		*action = send_by(ifindex);
		return SENT_AT_HOME;
	}
	why = insert_home_address(skb, &care_of);
	if (why == SENT_UPDATE)
		*action = send_by(ifindex);
	return why;
}

/*
 * Both MAC addresses for a packet from @way to @agent by its uplink, where the kernel knows them. Asked as if it came
 * in by the device without ND: the kernel answers only where that may forward, and an uplink of a host may not.
 */
static __always_inline bool link_layer_of(struct __sk_buff *skb, const struct home_way *way,
					  const struct in6_addr *agent, struct ethernet *eth)
{
	struct bpf_fib_lookup fib = { .family = AF_INET6_, .ifindex = skb->ifindex, .tot_len = 1 };

	__builtin_memcpy(fib.ipv6_src, &way->care_of, 16);
	__builtin_memcpy(fib.ipv6_dst, agent, 16);
	if (bpf_fib_lookup(skb, &fib, sizeof(fib), 0) != BPF_FIB_LKUP_RET_SUCCESS || fib.ifindex != way->ifindex)
		return false;
	__builtin_memcpy(eth->dst, fib.dmac, 6);
	__builtin_memcpy(eth->src, fib.smac, 6);
	return true;
}

/*
 * A copy of the tunnel packet by the new way while its registration is on the road: the agent takes only what comes
 * from the care-of address it holds (RFC 6275 §10.4.5), and whether it has heard of the new one can't be known here.
 * Thus one of the two arrives, whenever it changes over. The skb is left with the source of the new way.
 */
static __always_inline void send_both_ways(struct __sk_buff *skb, const struct home_way *next,
					   const struct in6_addr *agent)
{
	__u32 key = next->ifindex;
	struct port *port = bpf_map_lookup_elem(&ports, &key);
	struct ethernet *eth, link;
	struct mip6_ipv6 *ip;

	if (!port || (!(port->flags & PORT_NO_ETHERNET) && !link_layer_of(skb, next, agent, &link)))
		return; /* the registered way alone, then */
	ip = ipv6_at(skb, ETH_LEN);
	if (!ip)
		return;
	ip->src = next->care_of;
	if (!(port->flags & PORT_NO_ETHERNET)) {
		eth = hook_data(skb);
		if ((void *)(eth + 1) > hook_end(skb))
			return;
		__builtin_memcpy(eth->dst, link.dst, 6);
		__builtin_memcpy(eth->src, link.src, 6);
	}
	if (!bpf_clone_redirect(skb, key, 0))
		count(NOTE_BOTH_WAYS, 0);
}

/* Out by the registered way, and by the other too while that changes. */
static __always_inline enum reason by_every_way(struct __sk_buff *skb, const struct home_address *home, enum reason why,
						int *action)
{
	struct mip6_ipv6 *ip;

	if (home->next.ifindex) {
		send_both_ways(skb, &home->next, &home->agent);
		if (hook_pull(skb, ETH_LEN + IP6_HDR_LEN))
			return DROP_NO_ROOM;
		ip = ipv6_at(skb, ETH_LEN);
		if (!ip)
			return DROP_NO_ROOM;
		ip->src = home->way.care_of;
	}
	*action = send_by(home->way.ifindex);
	return why;
}

static __always_inline __u32 tunnel_mtu(const struct home_address *home)
{
	/* whichever of the two ways arrives, it has to fit */
	return home->next.ifindex && home->next.mtu < home->way.mtu ? home->next.mtu : home->way.mtu;
}

/* Reverse tunnelling, RFC 6275 §11.3.1: everything goes through the home agent. */
static __always_inline enum reason to_agent(struct __sk_buff *skb, const struct home_address *home, int *action)
{
	struct outer o = { .src = &home->way.care_of, .dst = home->agent };
	struct mip6_ipv6 *ip = ipv6_at(skb, ETH_LEN);
	__u32 overhead = IP6_HDR_LEN;
	enum reason why;
	__u32 *ports_word;

	if (!ip)
		return DROP_TRUNCATED;
	if (ip->nexthdr == NH_DSTOPTS) {
		why = take_limit(skb, ETH_LEN, &o);
		if (why != REASON_NONE)
			return why;
		if (o.has_limit)
			overhead += TUNNEL_OPTION_LEN;
	}
	ip = ipv6_at(skb, ETH_LEN);
	if (!ip)
		return DROP_TRUNCATED;
	if (segment_len(skb, ip) + overhead > tunnel_mtu(home)) {
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
	return why == SENT_ENCAPSULATED ? by_every_way(skb, home, SENT_REVERSE, action) : why;
}

/*
 * Under ESP already, to the home agent. In transport mode it is signalling, by the road that the agent asked for; in
 * the tunnel between home address and home agent the care-of address takes the former's place, which ESP doesn't cover.
 */
static __always_inline enum reason esp_to_agent(struct __sk_buff *skb, const struct home_address *home,
						enum esp_road road, int *action)
{
	struct mip6_ipv6 *ip = ipv6_at(skb, ETH_LEN);
	enum reason why;
	__u32 overhead;

	if (!ip)
		return DROP_TRUNCATED;
	if (road == ESP_TRANSPORT) {
		struct in6_addr src = ip->src;

		return send_update(skb, &src, action);
	}
	if (home->state == HOME_THERE) {
		*action = send_by(home->way.ifindex);
		return SENT_AT_HOME;
	}
	if (home->state != HOME_AWAY || home->expires <= bpf_jiffies64())
		return DROP_NO_REGISTRATION;
	overhead = road == ESP_FRAGMENT ? sizeof(struct mip6_hao) : 0;
	if (segment_len(skb, ip) + overhead > tunnel_mtu(home)) {
		*action = TC_ACT_OK;
		return SENT_AGENT;
	}
	if (road == ESP_FRAGMENT) { /* put together there by its source: the home address, whichever way it went */
		why = insert_home_address(skb, &home->way.care_of);
		if (why == SENT_UPDATE)
			*action = send_by(home->way.ifindex);
		return why;
	}
	ip->src = home->way.care_of;
	return by_every_way(skb, home, SENT_ESP, action);
}

/* A binding update to a correspondent, straight from the care-of address that it is about (RFC 6275 §11.7.2). */
static __always_inline enum reason update_peer(struct __sk_buff *skb, const struct peer *p, int *action)
{
	enum reason why;

	if (!p || !(p->flags & PEER_UPDATE) || !p->ifindex)
		return DROP_NO_REGISTRATION;
	why = insert_home_address(skb, &p->care_of);
	if (why == SENT_UPDATE)
		*action = send_by(p->ifindex);
	return why;
}

/*
 * Straight to a correspondent that has our binding, with our home address in an option, and to its care-of address
 * where it is a mobile node itself: the routing header comes first (RFC 6275 §6.3). Return: REASON_NONE where it goes
 * through the tunnel instead.
 */
static __always_inline enum reason to_peer(struct __sk_buff *skb, const struct home_address *home, const struct peer *p,
					   const struct binding *b, int *action)
{
	struct mip6_ipv6 *ip = ipv6_at(skb, ETH_LEN);
	struct route r = { .ifindex = p->ifindex, .mtu = p->mtu };
	enum reason why;

	if (!(p->flags & PEER_DIRECT) || p->expires <= bpf_jiffies64() || !r.ifindex ||
	    !addr_same(&p->care_of, &home->way.care_of))
		return REASON_NONE;
	if (!ip)
		return DROP_TRUNCATED;
	if (!fits(skb, ip, &r, b ? b->mtu : 0, sizeof(struct mip6_hao) + (b ? RH2_LEN : 0))) {
		if (segment_len(skb, ip) <= IP6_MIN_MTU)
			return REASON_NONE;
		*action = TC_ACT_OK;
		return SENT_AGENT;
	}
	why = insert_home_address(skb, &p->care_of);
	if (why == SENT_UPDATE && b)
		why = insert_rh2(skb, &b->care_of);
	if (why != SENT_UPDATE && why != SENT_ROUTED)
		return why;
	*action = send_by(r.ifindex);
	return SENT_OPTIMISED;
}

/* Through the tunnel; to the care-of address of one that is bound here, where that fits. */
static __always_inline enum reason by_tunnel(struct __sk_buff *skb, const struct home_address *home,
					     const struct in6_addr *care_of, int *action)
{
	struct mip6_ipv6 *ip = ipv6_at(skb, ETH_LEN);

	if (!ip)
		return DROP_TRUNCATED;
	if (care_of && segment_len(skb, ip) + IP6_HDR_LEN + RH2_LEN <= tunnel_mtu(home)) {
		enum reason why = insert_rh2(skb, care_of);

		if (why != SENT_ROUTED)
			return why;
	}
	return to_agent(skb, home, action);
}

/* At home as any host; what is bound here gets its routing header, where it fits. */
static __always_inline enum reason at_home(struct __sk_buff *skb, const struct home_address *home,
					   const struct in6_addr *care_of, const struct binding *b, int *action)
{
	struct mip6_ipv6 *ip = ipv6_at(skb, ETH_LEN);
	struct route r = { .ifindex = home->way.ifindex, .mtu = home->way.mtu };
	enum reason why = SENT_AT_HOME;

	if (!ip)
		return DROP_TRUNCATED;
	if (care_of && fits(skb, ip, &r, b ? b->mtu : 0, RH2_LEN)) {
		why = insert_rh2(skb, care_of);
		if (why != SENT_ROUTED)
			return why;
	} else if (care_of && segment_len(skb, ip) > IP6_MIN_MTU) {
		*action = TC_ACT_OK;
		return SENT_AGENT;
	}
	*action = send_by(r.ifindex);
	return why;
}

/* Where the routing header of this packet is to lead: the care-of address of a binding, or of the answer under way;
 * NULL: none. */
static __always_inline const struct in6_addr *routed_to(const struct in6_addr *dst, bool ack, struct binding **bound)
{
	struct binding *b;

	*bound = NULL;
	if (ack) {
		struct answer *a = bpf_map_lookup_elem(&answers, dst);

		if (a && a->expires > bpf_jiffies64())
			return addr_is_nobody(&a->care_of) ? NULL : &a->care_of;
	}
	b = binding_of(dst);
	if (!b)
		return NULL;
	binding_in_use(b);
	*bound = b;
	return &b->care_of;
}

static __always_inline __u8 mh_type_of(struct __sk_buff *skb, const struct mip6_ipv6 *ip)
{
	struct mip6_mh *mh = (void *)(ip + 1);

	return (void *)(mh + 1) <= hook_end(skb) ? mh->type : MH_TYPES;
}

/* ICMPv6 errors go to whoever sent what was in error: no flow, and no reason to talk to him of ourselves. */
static __always_inline bool is_of_a_flow(struct __sk_buff *skb, const struct mip6_ipv6 *ip)
{
	__u8 *type = (void *)(ip + 1);

	if (ip->nexthdr != NH_ICMPV6)
		return true;
	return (void *)(type + 1) <= hook_end(skb) && *type >= ICMP6_ECHO_REQUEST;
}

/* Whatever carries our home address as its source: never in clear on a visited link. */
static __always_inline enum reason from_home(struct __sk_buff *skb, const struct in6_addr *src, int *action)
{
	struct home_address *home = home_of(src);
	struct mip6_ipv6 *ip = ipv6_at(skb, ETH_LEN);
	struct settings *set = settings_get();
	const struct in6_addr *care_of = NULL;
	enum esp_road road = ESP_NONE;
	struct binding *bound = NULL;
	struct peer_key key;
	__u8 type = MH_TYPES;
	struct peer *p;
	bool mh, data;

	if (!home || !ip || !set)
		return DROP_NO_REGISTRATION;
	mh = ip->nexthdr == NH_MH;
	if (mh && addr_same(&ip->dst, &home->agent))
		return set->flags & SETTING_IPSEC ? DROP_UNPROTECTED : send_update(skb, src, action);
	if (set->flags & SETTING_IPSEC && addr_same(&ip->dst, &home->agent))
		road = esp_road_of(skb, ip, true);
	if (road != ESP_NONE)
		return esp_to_agent(skb, home, road, action);
	key.home = *src;
	key.peer = ip->dst;
	if (mh)
		type = mh_type_of(skb, ip);
	data = !mh && takes_header(skb, ip);
	if (data || type == MH_BA) /* no other mobility header has one, RFC 6275 §6.1 */
		care_of = routed_to(&key.peer, mh, &bound);
	if (home->state == HOME_THERE)
		return at_home(skb, home, care_of, bound, action);
	p = bpf_map_lookup_elem(&peers, &key);
	if (type == MH_BU) /* from the care-of address: it needn't wait for the home agent's answer */
		return update_peer(skb, p, action);
	if (home->state != HOME_AWAY || home->expires <= bpf_jiffies64())
		return DROP_NO_REGISTRATION;
	if (data && p) {
		enum reason why = to_peer(skb, home, p, bound, action);

		note_use(&p->used);
		if (why != REASON_NONE)
			return why;
	} else if (data && set->flags & SETTING_OPTIMISE && addr_is_routable(&key.peer) &&
		   !addr_same(&key.peer, &home->agent) && is_of_a_flow(skb, ip)) {
		tell_peer(src, &key.peer, set);
	}
	if (home->flags & HOME_PROTECTED || (type == MH_HOTI && home->flags & HOME_TESTS_PROTECTED))
		return DROP_UNPROTECTED;
	return by_tunnel(skb, home, care_of, action);
}

/* Whether this packet may leave by this very uplink with our home address as its source: at home, and on its way there
 * the update that says so, which may be under ESP. */
static __always_inline bool may_leave(struct __sk_buff *skb, const struct mip6_ipv6 *ip,
				      const struct home_address *home, const struct settings *set)
{
	bool signalling = ip->nexthdr == NH_MH || (ip->nexthdr == NH_ESP && set->flags & SETTING_IPSEC);
	struct answer *a;

	if (home->state == HOME_THERE)
		return home->way.ifindex == skb->ifindex;
	if (!signalling || !addr_same(&ip->dst, &home->agent))
		return false;
	a = bpf_map_lookup_elem(&answers, &ip->src);
	return a && a->expires > bpf_jiffies64() && a->ifindex == skb->ifindex && addr_is_nobody(&a->care_of);
}

/*
 * The last gate of a mobile node's uplinks. Rules lead what home addresses send to the device without ND, but a socket
 * bound to the uplink, or an answer that goes out where the question came in, knows a shorter way: back into the
 * tunnel, or nowhere.
 */
static __always_inline int guard(struct __sk_buff *skb, __u32 l3)
{
	struct settings *set = settings_get();
	struct home_address *home;
	struct mip6_ipv6 *ip;
	__u32 len = skb->len;

	if (skb->protocol != bpf_htons(ETH_P_IPV6_) || !set)
		return TC_ACT_UNSPEC;
	if (hook_pull(skb, l3 + IP6_HDR_LEN)) { /* no memory to look: better lost than in clear */
		count(DROP_NO_ROOM, len);
		return TC_ACT_SHOT;
	}
	ip = ipv6_at(skb, l3);
	if (!ip || !(local_flags(&ip->src) & LOCAL_HOME))
		return TC_ACT_UNSPEC;
	home = home_of(&ip->src);
	if (!home) {
		count(DROP_NO_REGISTRATION, len);
		return TC_ACT_SHOT;
	}
	if (may_leave(skb, ip, home, set))
		return TC_ACT_UNSPEC;
	if (home->state == HOME_AWAY && l3) /* a device without Ethernet gives no header to enter that one with */
		return bpf_redirect(set->home_ifindex, 0);
	count(home->state == HOME_AWAY ? DROP_IN_CLEAR : DROP_NO_REGISTRATION, len);
	return TC_ACT_SHOT;
}

#endif
