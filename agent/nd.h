/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Codec of neighbour discovery, as far as a mobile node needs it: router advertisements with their options, neighbour
 * advertisements; solicitations to send. Pure. RFC 4861 §4, §6.1.2, §7.1.2; RFC 6275 §7.1-7.4; RFC 4862 §5.5.3.
 */
#ifndef MOBGW_ND_H
#define MOBGW_ND_H

#include "base.h"

enum {
	ND_PREFIXES = 16, /* kept of one advertisement; more are counted */
	ND_MESSAGE = 32,  /* octets that the longest message built here needs */
	ND_INFINITE_S = UINT32_MAX,
};

/* One prefix information option, RFC 4861 §4.6.2, RFC 6275 §7.2. */
struct nd_prefix {
	struct in6_addr prefix; /* with router_address: the router's whole address */
	uint8_t len;		/* 0..128 */
	bool on_link, autonomous, router_address;
	uint32_t valid_s, preferred_s; /* ND_INFINITE_S: for ever; preferred_s <= valid_s always */
};

struct nd_router_advert {
	uint8_t hop_limit; /* 0: unspecified */
	bool managed, other, home_agent;
	uint16_t lifetime_s; /* 0: no default router */
	uint32_t reachable_ms, retransmit_ms;
	bool has_mac;
	uint8_t mac[6];
	uint32_t mtu;	      /* 0: not said */
	uint32_t interval_ms; /* advertisement interval, RFC 6275 §7.3; 0: not said */
	struct nd_prefix prefixes[ND_PREFIXES];
	uint8_t prefix_count;
	uint32_t prefixes_left_out; /* beyond ND_PREFIXES */
	uint32_t prefixes_ignored;  /* lies: preferred above valid, length above 128, link-local or multicast */
};

struct nd_neighbour_advert {
	struct in6_addr target;
	bool router, solicited, override, has_mac;
	uint8_t mac[6];
};

/*
 * nd_parse_router_advert() - @icmp from the type octet on. The caller has seen to source, hop limit and checksum.
 * An unknown option is skipped; one of length 0 or past the end makes the message invalid (RFC 4861 §6.1.2), as do
 * fewer than 16 octets, another type, or a code other than 0. A known option of a wrong length is skipped.
 * Return: 0, or -EINVAL with *@out undefined.
 */
int nd_parse_router_advert(const uint8_t *icmp, size_t len, struct nd_router_advert *out);

/* Likewise, RFC 4861 §7.1.2: at least 24 octets, code 0, target not multicast. */
int nd_parse_neighbour_advert(const uint8_t *icmp, size_t len, struct nd_neighbour_advert *out);

/* Messages to send: checksum zero (the kernel writes it). @mac NULL: no link-layer address option. @buf: ND_MESSAGE
 * octets. Return: length. */
size_t nd_build_router_solicit(const uint8_t *mac, uint8_t *buf);
size_t nd_build_neighbour_solicit(const struct in6_addr *target, const uint8_t *mac, uint8_t *buf);
/* @flags: NA_ROUTER, NA_SOLICITED, NA_OVERRIDE */
size_t nd_build_neighbour_advert(const struct in6_addr *target, uint8_t flags, const uint8_t *mac, uint8_t *buf);

#endif
