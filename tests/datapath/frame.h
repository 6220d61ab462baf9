/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Frames octet by octet, for packets put in and packets expected. Written from the RFCs and sharing nothing with bpf/
 * but the numbers of headers/mip6.h, so that a mistake there can't hide here. Static functions: each test is one
 * object.
 */
#ifndef MOBGW_TEST_FRAME_H
#define MOBGW_TEST_FRAME_H

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../agent/base.h"

enum { FRAME_MOST = 3400, FRAME_ETH = 14 };

struct frame {
	uint8_t data[FRAME_MOST];
	size_t len;
	size_t free_flow;  /* expected frames: offset of the IPv6 header whose flow label is a hash we don't know; 0:
			      none */
	uint32_t ifindex;  /* where it comes in; 0: the lan port */
	uint32_t gso_size; /* TC: an aggregate */
	uint32_t meta;	   /* XDP: octets of metadata before the frame, which take the headroom away */
};

static inline struct in6_addr addr(const char *text)
{
	struct in6_addr a;

	if (inet_pton(AF_INET6, text, &a) != 1) {
		fprintf(stderr, "no address: %s\n", text);
		abort();
	}
	return a;
}

static inline void put(struct frame *f, const void *from, size_t len)
{
	if (f->len + len > sizeof(f->data))
		abort();
	memcpy(f->data + f->len, from, len);
	f->len += len;
}

static inline void put8(struct frame *f, uint8_t v)
{
	put(f, &v, 1);
}

static inline void put16(struct frame *f, uint16_t v)
{
	put8(f, v >> 8);
	put8(f, v & 0xFF);
}

static inline void put32(struct frame *f, uint32_t v)
{
	put16(f, v >> 16);
	put16(f, v & 0xFFFF);
}

static inline void put_addr(struct frame *f, const char *text)
{
	struct in6_addr a = addr(text);

	put(f, &a, sizeof(a));
}

/* @len octets that differ from each other and from zero. */
static inline void put_pattern(struct frame *f, size_t len)
{
	for (size_t i = 0; i < len; i++)
		put8(f, (i * 7 + 1) & 0xFF);
}

static inline void set16(struct frame *f, size_t at, uint16_t v)
{
	f->data[at] = v >> 8;
	f->data[at + 1] = v & 0xFF;
}

static inline uint16_t get16(const struct frame *f, size_t at)
{
	return f->data[at] << 8 | f->data[at + 1];
}

static inline uint32_t get32(const struct frame *f, size_t at)
{
	return (uint32_t)get16(f, at) << 16 | get16(f, at + 2);
}

/* Ethernet with 0 to 2 VLAN tags: of two the outer one is 802.1ad. */
static inline void put_link(struct frame *f, const uint8_t dst[6], const uint8_t src[6], int tags)
{
	put(f, dst, 6);
	put(f, src, 6);
	if (tags == 2) {
		put16(f, 0x88A8);
		put16(f, 0x0064);
	}
	if (tags > 0) {
		put16(f, 0x8100);
		put16(f, 0x20C8);
	}
	put16(f, 0x86DD);
}

/* Return: its offset, for frame_end(). */
static inline size_t put_ip6(struct frame *f, const char *src, const char *dst, uint8_t next, uint8_t hop_limit)
{
	size_t at = f->len;

	put32(f, 6U << 28);
	put16(f, 0);
	put8(f, next);
	put8(f, hop_limit);
	put_addr(f, src);
	put_addr(f, dst);
	return at;
}

/* The packet that began at @ip is whole: its payload length. */
static inline void end_ip6(struct frame *f, size_t ip)
{
	set16(f, ip + 4, f->len - ip - IP6_HDR_LEN);
}

static inline void set_traffic_class(struct frame *f, size_t ip, uint8_t tc)
{
	f->data[ip] = (f->data[ip] & 0xF0) | tc >> 4;
	f->data[ip + 1] = (f->data[ip + 1] & 0x0F) | (tc & 0xF) << 4;
}

static inline uint8_t traffic_class(const struct frame *f, size_t ip)
{
	return (f->data[ip] & 0xF) << 4 | f->data[ip + 1] >> 4;
}

/* One's complement sum of an upper layer with pseudo-header, RFC 8200 §8.1: 0xFFFF where a sum in it is right. */
static inline uint16_t sum_upper(const struct in6_addr *src, const struct in6_addr *dst, uint8_t proto,
				 const uint8_t *data, size_t len)
{
	uint64_t sum = proto + len;

	for (int i = 0; i < 16; i++)
		sum += (uint64_t)(src->s6_addr[i] + dst->s6_addr[i]) << (i & 1 ? 0 : 8);
	for (size_t i = 0; i < len; i++)
		sum += (uint64_t)data[i] << (i & 1 ? 0 : 8);
	while (sum >> 16)
		sum = (sum & 0xFFFF) + (sum >> 16);
	return sum;
}

static inline struct in6_addr addr_at(const struct frame *f, size_t at)
{
	struct in6_addr a;

	memcpy(&a, f->data + at, sizeof(a));
	return a;
}

/* The checksum @field octets into the upper layer at @at, as source and destination of @ip stand. */
static inline void set_sum(struct frame *f, size_t ip, uint8_t proto, size_t at, size_t field)
{
	struct in6_addr src = addr_at(f, ip + 8), dst = addr_at(f, ip + 24);

	set16(f, at + field, 0);
	set16(f, at + field, ~sum_upper(&src, &dst, proto, f->data + at, f->len - at));
}

static inline void put_udp(struct frame *f, size_t ip, size_t payload)
{
	size_t at = f->len;

	put16(f, 1234);
	put16(f, 5678);
	put16(f, payload + 8);
	put16(f, 0);
	put_pattern(f, payload);
	set_sum(f, ip, NH_UDP, at, 6);
}

/* Mobility header of @len octets (a multiple of 8); what follows the checksum is a pattern. */
static inline void put_mh(struct frame *f, size_t ip, uint8_t type, size_t len)
{
	size_t at = f->len;

	put8(f, NH_NONE);
	put8(f, len / 8 - 1);
	put8(f, type);
	put8(f, 0);
	put16(f, 0);
	put_pattern(f, len - 6);
	set_sum(f, ip, NH_MH, at, 4);
}

/* Destination options with a home address option in its usual place: 24 octets. */
static inline void put_hao(struct frame *f, uint8_t next, const char *home)
{
	put8(f, next);
	put8(f, 2);
	put8(f, OPT_PADN);
	put8(f, 2);
	put16(f, 0);
	put8(f, OPT_HOME_ADDRESS);
	put8(f, HAO_LEN);
	put_addr(f, home);
}

/* Destination options as a tunnel puts them: an encapsulation limit, 8 octets (RFC 2473 §5.1). */
static inline void put_limit(struct frame *f, uint8_t next, uint8_t limit)
{
	put8(f, next);
	put8(f, 0);
	put8(f, OPT_TUNNEL_LIMIT);
	put8(f, 1);
	put8(f, limit);
	put8(f, OPT_PADN);
	put8(f, 1);
	put8(f, 0);
}

/* An extension header of @len octets that holds nothing but padding. */
static inline void put_padding(struct frame *f, uint8_t next, size_t len)
{
	put8(f, next);
	put8(f, len / 8 - 1);
	put8(f, OPT_PADN);
	put8(f, len - 4);
	for (size_t i = 4; i < len; i++)
		put8(f, 0);
}

static inline void put_routing(struct frame *f, uint8_t next, uint8_t type, uint8_t left, const char *to)
{
	put8(f, next);
	put8(f, 2);
	put8(f, type);
	put8(f, left);
	put32(f, 0);
	put_addr(f, to);
}

static inline void put_fragment(struct frame *f, uint8_t next, uint16_t offset, bool more)
{
	put8(f, next);
	put8(f, 0);
	put16(f, offset << 3 | more);
	put32(f, 0x12345678);
}

/* Neighbour solicitation or advertisement without options; the sum is the caller's, after the options. */
static inline void put_nd(struct frame *f, uint8_t type, uint32_t flags, const char *target)
{
	put8(f, type);
	put8(f, 0);
	put16(f, 0);
	put32(f, flags);
	put_addr(f, target);
}

/* @out: @in's packet, @in_link octets into it, behind the link header @link and one outer header (RFC 2473 §3.1). */
static inline size_t put_outer(struct frame *out, const struct frame *in, size_t in_link, const char *src,
			       const char *dst)
{
	size_t ip = put_ip6(out, src, dst, NH_IPV6, TUNNEL_HOP_LIMIT);

	set_traffic_class(out, ip, traffic_class(in, in_link));
	out->free_flow = ip;
	put(out, in->data + in_link, in->len - in_link);
	end_ip6(out, ip);
	return ip;
}

#endif
