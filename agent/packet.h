/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A whole IPv6 packet in the agent's hands (from the events ring, the slow path, or quoted by an ICMPv6 error): walk
 * its headers, build ICMPv6 messages. Pure. RFC 8200 §4, RFC 4443, RFC 2473.
 */
#ifndef MOBGW_PACKET_H
#define MOBGW_PACKET_H

#include "base.h"

/* What packet_walk() found. Offsets count from the IPv6 header. */
struct packet_view {
	struct in6_addr src, dst;
	struct in6_addr home; /* of the home address option; unspecified where there is none */
	uint8_t traffic_class;
	uint8_t hop_limit;
	uint8_t proto; /* the upper layer header (NH_MH, NH_ICMPV6, NH_IPV6 ...) at `offset` */
	bool has_home;
	bool has_rh0;	/* a type 0 routing header, RFC 5095 */
	bool has_route; /* a type 2 routing header with its segment still to go: `route` is where it ends */
	struct in6_addr route;
	bool has_tunnel_limit; /* destination option 4, RFC 2473 §4.1.1 */
	uint8_t tunnel_limit;
	bool fragment;	     /* any fragment header */
	bool later_fragment; /* not the first: at `offset` the data goes on, and `proto` begins in another packet */
	uint16_t offset;     /* of the upper layer header */
	uint16_t len; /* octets from the IPv6 header to the end as payload length says, at most what was given, at most
			 65535 */
	uint16_t nexthdr_offset; /* of the octet that names `proto` */
};

/* Return: 0, or -EINVAL where the packet is no IPv6, is cut inside its extension headers, or has more than
 * LIMIT_EXT_HEADERS. */
int packet_walk(const uint8_t *data, size_t len, struct packet_view *view);

/*
 * Undoes what the data path made of a type 2 routing header (bpf/rewrite.bpf.h), where it bears our @tag: the packet is
 * again as it was on the wire, and no secret of ours leaves in an error that quotes it. Return: whether it was one.
 */
bool packet_restore_route(uint8_t *data, size_t len, const uint8_t tag[4]);

/* One's complement sum with pseudo-header over @len octets at @data for @proto, folded and inverted. */
uint16_t packet_checksum(const struct in6_addr *src, const struct in6_addr *dst, uint8_t proto, const uint8_t *data,
			 size_t len);

/**
 * packet_build_icmp_error() - ICMPv6 message (without IPv6 header, checksum zero: the kernel fills it)
 * @data: MTU or pointer, host order
 * @quoted, @quoted_len: the packet as on the wire; cut so that message and IPv6 header stay within 1280 (RFC 4443
 * §2.4(c))
 * @buf: at least 1240 octets
 * Return: length of the message.
 */
size_t packet_build_icmp_error(uint8_t type, uint8_t code, uint32_t data, const uint8_t *quoted, size_t quoted_len,
			       uint8_t *buf);

/* Whether an ICMPv6 error about this packet may be sent at all: RFC 4443 §2.4(e). Not about errors and redirects, not
 * to multicast destinations (too big and the unrecognised-option problem excepted: @multicast_ok), not to non-unicast
 * sources. */
bool packet_may_be_answered(const uint8_t *data, size_t len, bool multicast_ok);

/**
 * packet_translate_error() - an ICMPv6 error about a tunnel packet becomes one for the inner source, RFC 2473 §8
 * @icmp, @len: the error as received, from its type octet on
 * @out: what to do
 * Return: 0, or -EINVAL: not about an IPv6-in-IPv6 packet, or too short to tell. The caller checks @tunnel_src,
 * @tunnel_dst and the inner destination against its bindings before acting.
 */
struct packet_error {
	struct in6_addr tunnel_src, tunnel_dst; /* of the quoted outer packet */
	struct in6_addr inner_src, inner_dst;
	uint8_t type, code;   /* for the inner source: unreachable code 3, or too big */
	uint32_t mtu;	      /* too big: outer path MTU as reported, host order */
	uint32_t inner_mtu;   /* too big: for the inner source; never below 1280 */
	const uint8_t *inner; /* into @icmp */
	size_t inner_len;
};
int packet_translate_error(const uint8_t *icmp, size_t len, struct packet_error *out);

/**
 * packet_translate_route_error() - an ICMPv6 error about a packet that the data path gave a type 2 routing header, a
 * home address option or both becomes one about the packet as the socket sent it, RFC 6275 §9.3.4, §11.3.1
 * @out: addresses as on the wire and as the upper layers know them, and that packet in @inner
 * Return: 0, or -EINVAL: about a packet with neither, not an error of types 1 to 4, or too short to tell. A quote cut
 * within the home address option leaves has_home false and proto NH_DSTOPTS: src is then nobody's the sockets know.
 */
struct packet_route_error {
	struct in6_addr wire_src, wire_dst; /* as quoted */
	struct in6_addr src, dst;	    /* as the socket knows them: home addresses in their places */
	bool has_home, has_route;	    /* home address option, type 2 routing header */
	uint8_t type, code;
	uint8_t proto;		    /* of the upper layer header */
	uint8_t mh_type;	    /* with proto NH_MH, where quoted; else 0xFF */
	uint32_t mtu;		    /* too big: as reported */
	uint32_t inner_mtu;	    /* too big: for the socket, less what we add; at least 1280 */
	uint32_t pointer;	    /* parameter problem: into the packet as on the wire */
	uint8_t inner[IP6_MIN_MTU]; /* the packet without what we added */
	size_t inner_len;
};
int packet_translate_route_error(const uint8_t *icmp, size_t len, struct packet_route_error *out);

#endif
