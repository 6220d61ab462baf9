/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Whole packets that several tests use, all from the lan, and the catalogue of kinds: one good packet of each kind that
 * the data path knows, for the tests that cut them short and those that mutate them.
 */
#ifndef MOBGW_TEST_PACKETS_H
#define MOBGW_TEST_PACKETS_H

#include "rig.h"

/* Ethernet to our lan port; @tags VLAN tags. */
static inline struct frame to_lan(int tags)
{
	struct frame f = { .len = 0 };

	put_link(&f, mac_lan, mac_peer, tags);
	return f;
}

static inline void put_datagram(struct frame *f, const char *src, const char *dst, size_t payload)
{
	size_t ip = put_ip6(f, src, dst, NH_UDP, 63);

	put_udp(f, ip, payload);
	end_ip6(f, ip);
}

static inline struct frame datagram(const char *src, const char *dst, size_t payload)
{
	struct frame f = to_lan(0);

	put_datagram(&f, src, dst, payload);
	return f;
}

/* @inner, whose link header is 14 octets, out of the tunnel from @care_of to @endpoint. */
static inline struct frame from_tunnel(const struct frame *inner, const char *care_of, const char *endpoint)
{
	struct frame f = to_lan(0);
	size_t ip = put_ip6(&f, care_of, endpoint, NH_IPV6, 60);

	put(&f, inner->data + FRAME_ETH, inner->len - FRAME_ETH);
	end_ip6(&f, ip);
	return f;
}

/* @in as it leaves by @hop for @care_of: hop limit one less, behind an outer header from us. */
static inline struct frame tunnelled(const struct frame *in, size_t link, uint32_t hop, const char *care_of)
{
	struct frame out = { .len = 0 }, inner = *in;

	inner.data[link + 7]--;
	put_hop(&out, hop);
	put_outer(&out, &inner, link, HA, care_of);
	return out;
}

/* @in as the kernel's table sends it: to the gateway on wan, hop limit one less. */
static inline struct frame forwarded(const struct frame *in)
{
	struct frame out = *in;

	memcpy(out.data, mac_gw, 6);
	memcpy(out.data + 6, mac_wan, 6);
	out.data[FRAME_ETH + 7]--;
	out.ifindex = 0;
	return out;
}

/* A binding update from @care_of for @home, 40 octets of mobility header. */
static inline struct frame binding_update(const char *care_of, const char *home)
{
	struct frame f = to_lan(0);
	size_t ip = put_ip6(&f, home, HA, NH_DSTOPTS, 60); /* the sum is over the home address */

	put_hao(&f, NH_MH, care_of);
	put_mh(&f, ip, MH_BU, 40);
	memcpy(f.data + ip + 8, addr(care_of).s6_addr, 16);
	memcpy(f.data + ip + IP6_HDR_LEN + 8, addr(home).s6_addr, 16);
	end_ip6(&f, ip);
	return f;
}

/* UDP with a home address option. */
static inline struct frame optimised(const char *care_of, const char *home)
{
	struct frame f = to_lan(0);
	size_t ip = put_ip6(&f, home, HA, NH_DSTOPTS, 60);

	put_hao(&f, NH_UDP, care_of);
	put_udp(&f, ip, 32);
	memcpy(f.data + ip + 8, addr(care_of).s6_addr, 16);
	memcpy(f.data + ip + IP6_HDR_LEN + 8, addr(home).s6_addr, 16);
	end_ip6(&f, ip);
	return f;
}

/* What the data path makes of a packet whose home address option stands at @option: PROTOCOL §5, DESIGN §3. */
static inline struct frame hidden(const struct frame *in, size_t option)
{
	struct frame out = *in;

	memcpy(out.data + FRAME_ETH + 8, in->data + option + 2, 16);
	memcpy(out.data + option + 2, in->data + FRAME_ETH + 8, 16);
	out.data[option - 4] = OPT_VERIFIED_HOME;
	out.data[option - 3] = 20;
	memcpy(out.data + option - 2, tag, 4);
	return out;
}

/* Where the option stands in packets with put_hao() right behind the IPv6 header. */
enum { HAO_AT = FRAME_ETH + IP6_HDR_LEN + 6 };

static inline struct frame mobility_header(const char *src, const char *dst, uint8_t type, size_t len)
{
	struct frame f = to_lan(0);
	size_t ip = put_ip6(&f, src, dst, NH_MH, 60);

	put_mh(&f, ip, type, len);
	end_ip6(&f, ip);
	return f;
}

/* A neighbour solicitation for @target from @src to the solicited-node group of HOME1, with a source link-layer
 * address. */
static inline struct frame solicitation(const char *src, const char *target)
{
	struct frame f = { .len = 0 };
	size_t ip;

	put_link(&f, (const uint8_t[]){ 0x33, 0x33, 0xff, 0, 1, 0 }, mac_peer, 0);
	ip = put_ip6(&f, src, "ff02::1:ff00:100", NH_ICMPV6, 255);
	put_nd(&f, ICMP6_NEIGHBOUR_SOLICIT, 0, target);
	put8(&f, ND_OPT_SOURCE_LLADDR);
	put8(&f, 1);
	put(&f, mac_peer, 6);
	set_sum(&f, ip, NH_ICMPV6, ip + IP6_HDR_LEN, 2);
	end_ip6(&f, ip);
	return f;
}

static inline struct frame icmp6(const char *src, const char *dst, uint8_t type, size_t len)
{
	struct frame f = to_lan(0);
	size_t ip = put_ip6(&f, src, dst, NH_ICMPV6, 255);

	put8(&f, type);
	put8(&f, 0);
	put16(&f, 0);
	put_pattern(&f, len - 4);
	set_sum(&f, ip, NH_ICMPV6, ip + IP6_HDR_LEN, 2);
	end_ip6(&f, ip);
	return f;
}

/* ---- the catalogue ---- */

static inline struct frame kind_plain(void)
{
	return datagram(CN, HOME1, 64);
}

static inline struct frame kind_tagged(void)
{
	struct frame f = to_lan(2);

	put_datagram(&f, CN, HOME1, 64);
	return f;
}

static inline struct frame kind_limited(void)
{
	struct frame f = to_lan(0);
	size_t ip = put_ip6(&f, CN, HOME1, NH_DSTOPTS, 63);

	put_limit(&f, NH_IPV6, 4);
	put_datagram(&f, CN, AT_HOME, 32);
	end_ip6(&f, ip);
	return f;
}

static inline struct frame kind_too_big(void)
{
	return datagram(CN, HOME1, 1460 + 1 - 48);
}

static inline struct frame kind_reverse(void)
{
	struct frame inner = datagram(HOME1, CN, 64);

	return from_tunnel(&inner, COA1, HA);
}

static inline struct frame kind_reverse_limited(void)
{
	struct frame f = to_lan(0);
	size_t ip = put_ip6(&f, COA1, HA, NH_DSTOPTS, 60);

	put_limit(&f, NH_IPV6, 4);
	put_datagram(&f, HOME1, CN, 64);
	end_ip6(&f, ip);
	return f;
}

static inline struct frame kind_between_mobiles(void)
{
	struct frame inner = datagram(HOME1, HOME2, 64);

	return from_tunnel(&inner, COA1, HA);
}

static inline struct frame kind_update(void)
{
	return binding_update(COA1, HOME1);
}

static inline struct frame kind_optimised(void)
{
	return optimised(COA1, HOME1);
}

static inline struct frame kind_unknown_option(void)
{
	return optimised(COA2, HOME1);
}

static inline struct frame kind_test_init(void)
{
	return mobility_header(COA1, HA, MH_COTI, 16);
}

static inline struct frame kind_solicitation(void)
{
	return solicitation("2001:db8:1::9", HOME1);
}

static inline struct frame kind_link_local(void)
{
	return datagram("fe80::9", LINK_LOCAL1, 16);
}

static inline struct frame kind_echo(void)
{
	return icmp6(CN, HA, ICMP6_ECHO_REQUEST, 64);
}

static inline struct frame kind_fragment(void)
{
	struct frame f = to_lan(0);
	size_t ip = put_ip6(&f, COA1, HA, NH_DSTOPTS, 60);

	put_hao(&f, NH_FRAGMENT, HOME1);
	put_fragment(&f, NH_MH, 0, true);
	put_mh(&f, ip, MH_BU, 40);
	end_ip6(&f, ip);
	return f;
}

static inline struct frame kind_long_chain(void)
{
	struct frame f = to_lan(0);
	size_t ip = put_ip6(&f, HOME1, HA, NH_HOPOPTS, 60);

	put_padding(&f, NH_DSTOPTS, 8);
	put_padding(&f, NH_ROUTING, 16);
	put_routing(&f, NH_DSTOPTS, RH_TYPE2, 0, HA);
	put_hao(&f, NH_UDP, HOME1);
	put_udp(&f, ip, 16);
	memcpy(f.data + ip + 8, addr(COA1).s6_addr, 16);
	end_ip6(&f, ip);
	return f;
}

/* Binds homes h(0)..h(depth-1), each reached through the one before: nested tunnels. The first is HOME1. */
static inline const char *nested_home(unsigned int i)
{
	static const char *const homes[] = {
		HOME1, "2001:db8:1::201", "2001:db8:1::202", "2001:db8:1::203", "2001:db8:1::204", "2001:db8:1::205"
	};

	return homes[i];
}

static inline void bind_nested(struct rig *r, unsigned int depth)
{
	for (unsigned int i = 1; i < depth; i++)
		bind_home(r, nested_home(i), nested_home(i - 1), HOP_14, 0);
}

/* @inner, from nested_home(depth - 1), in @depth tunnels. */
static inline struct frame nested(const struct frame *inner, unsigned int depth)
{
	struct frame f = *inner;

	while (depth-- > 0)
		f = from_tunnel(&f, depth ? nested_home(depth - 1) : COA1, HA);
	return f;
}

static inline struct frame kind_nested(void)
{
	struct frame inner = datagram(nested_home(2), CN, 32);

	return nested(&inner, 3);
}

static const struct kind {
	const char *name;
	struct frame (*make)(void);
	enum reason why;
	enum reason note;
} kinds[] = {
	{ "datagram to a home address", kind_plain, SENT_ENCAPSULATED, REASON_NONE },
	{ "the same with two VLAN tags", kind_tagged, SENT_ENCAPSULATED, REASON_NONE },
	{ "tunnel packet with a limit to a home address", kind_limited, SENT_ENCAPSULATED, REASON_NONE },
	{ "one octet too big for the tunnel", kind_too_big, SENT_TOO_BIG, REASON_NONE },
	{ "out of the tunnel to a correspondent", kind_reverse, SENT_DECAPSULATED, NOTE_FIB },
	{ "the same with an encapsulation limit", kind_reverse_limited, SENT_DECAPSULATED, NOTE_FIB },
	{ "from one mobile node to another", kind_between_mobiles, SENT_REENCAPSULATED, REASON_NONE },
	{ "binding update", kind_update, PASS_SIGNALLING, REASON_NONE },
	{ "UDP with a home address option", kind_optimised, PASS_HOME_ADDRESS, REASON_NONE },
	{ "the same from another care-of address", kind_unknown_option, DROP_HAO_UNKNOWN, REASON_NONE },
	{ "care-of test init", kind_test_init, PASS_SIGNALLING, REASON_NONE },
	{ "neighbour solicitation", kind_solicitation, SENT_NEIGHBOUR, REASON_NONE },
	{ "datagram to a defended link-local address", kind_link_local, DROP_LINK_LOCAL, REASON_NONE },
	{ "echo request to us", kind_echo, PASS_KERNEL, REASON_NONE },
	{ "first fragment of a binding update", kind_fragment, PASS_SIGNALLING, REASON_NONE },
	{ "home address option at the end of a chain", kind_long_chain, PASS_HOME_ADDRESS, REASON_NONE },
	{ "three tunnels, one in another", kind_nested, SENT_DECAPSULATED, NOTE_FIB },
};

/* State that the catalogue needs beyond rig_reset(). */
static inline void bind_kinds(struct rig *r)
{
	bind_nested(r, 3);
}

/* ---- of a mobile node ---- */

/* A frame as the kernel hands it to a device on egress: MAC addresses of no meaning. */
static inline struct frame from_stack(const char *src, const char *dst, uint8_t next, size_t *ip)
{
	struct frame f = { .len = 0 };

	put_link(&f, (const uint8_t[]){ 2, 0, 0, 0, 0, 7 }, (const uint8_t[]){ 2, 0, 0, 0, 0, 8 }, 0);
	*ip = put_ip6(&f, src, dst, next, 64);
	return f;
}

static inline struct frame udp_from_stack(const char *src, const char *dst, size_t payload)
{
	size_t ip;
	struct frame f = from_stack(src, dst, NH_UDP, &ip);

	put_udp(&f, ip, payload);
	end_ip6(&f, ip);
	return f;
}

static inline struct frame mh_from_stack(const char *src, const char *dst, uint8_t type, size_t len)
{
	size_t ip;
	struct frame f = from_stack(src, dst, NH_MH, &ip);

	put_mh(&f, ip, type, len);
	end_ip6(&f, ip);
	return f;
}

/* A type 2 routing header from the home agent to @care_of for @home, with @next behind it; its payload and end_ip6()
 * are the caller's. Return: where the IPv6 header stands. */
static inline size_t put_to_care_of(struct frame *f, const char *care_of, const char *home, uint8_t next)
{
	size_t ip = put_ip6(f, MY_AGENT, care_of, NH_ROUTING, 60);

	put_routing(f, next, RH_TYPE2, 1, home);
	return ip;
}

/* What the data path makes of a packet with a type 2 routing header right behind the IPv6 header at @ip. */
static inline struct frame route_hidden(const struct frame *in, size_t ip)
{
	struct frame out = *in;
	size_t option = ip + IP6_HDR_LEN;

	out.data[ip + 6] = NH_DSTOPTS;
	memcpy(out.data + ip + 24, in->data + option + 8, 16);
	memcpy(out.data + option + 8, in->data + ip + 24, 16);
	out.data[option + 2] = OPT_VERIFIED_HOME;
	out.data[option + 3] = 20;
	memcpy(out.data + option + 4, route_tag, 4);
	return out;
}

/* ---- of route optimisation ---- */

#define PEER "2001:db8:c::100"	   /* home address of a mobile node that has a binding here, reached by wan */
#define PEER_HOME "2001:db8:c::99" /* another */

/* A header of 24 octets right behind the IPv6 header of @in, which becomes @next. */
static inline struct frame with_header(const struct frame *in, uint8_t next, const uint8_t first[8],
				       const struct in6_addr *a)
{
	const size_t behind = FRAME_ETH + IP6_HDR_LEN;
	struct frame out = { .len = 0 };

	put(&out, in->data, behind);
	put(&out, first, 8);
	put(&out, a, sizeof(*a));
	put(&out, in->data + behind, in->len - behind);
	out.data[behind] = in->data[FRAME_ETH + 6];
	out.data[FRAME_ETH + 6] = next;
	set16(&out, FRAME_ETH + 4, get16(in, FRAME_ETH + 4) + 24);
	out.ifindex = in->ifindex;
	return out;
}

/* RFC 6275 §6.4.1: to the care-of address, the home address behind. */
static inline struct frame with_routing_header(const struct frame *in, const char *care_of)
{
	struct in6_addr home = addr_at(in, FRAME_ETH + 24), dst = addr(care_of);
	struct frame out = with_header(in, NH_ROUTING, (const uint8_t[]){ 0, 2, RH_TYPE2, 1, 0, 0, 0, 0 }, &home);

	memcpy(out.data + FRAME_ETH + 24, &dst, 16);
	return out;
}

/* RFC 6275 §6.3: from the care-of address, the home address in an option at 8n+6. */
static inline struct frame with_home_option(const struct frame *in, const char *care_of)
{
	struct in6_addr home = addr_at(in, FRAME_ETH + 8), src = addr(care_of);
	struct frame out =
		with_header(in, NH_DSTOPTS, (const uint8_t[]){ 0, 2, OPT_PADN, 2, 0, 0, OPT_HOME_ADDRESS, 16 }, &home);

	memcpy(out.data + FRAME_ETH + 8, &src, 16);
	return out;
}

/* On its way out by wan, @len octets of @next. */
static inline struct frame payload_from_stack(const char *src, const char *dst, uint8_t next, size_t len)
{
	size_t ip;
	struct frame f = from_stack(src, dst, next, &ip);

	put_pattern(&f, len);
	end_ip6(&f, ip);
	return f;
}

static inline struct frame by_wan(struct rig *r, struct frame f)
{
	f.ifindex = r->wan;
	return f;
}

#endif
