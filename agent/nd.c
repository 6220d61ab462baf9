// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Codec of neighbour discovery for a mobile node. RFC 4861 §4, §6.1.2, §7.1.2; RFC 6275 §7.1-7.4; RFC 4862 §5.5.3. What
 * is malformed as a whole is refused; an option that lies is left out and counted.
 */
#include "nd.h"

#include <arpa/inet.h>
#include <errno.h>

enum {
	RA_FIXED = 16,
	NA_FIXED = 24,
	RA_MANAGED = 0x80,
	RA_OTHER = 0x40,
	RA_HOME_AGENT = 0x20,
	PREFIX_ON_LINK = 0x80,
	PREFIX_AUTONOMOUS = 0x40,
	PREFIX_ROUTER_ADDRESS = 0x20,
	OPT_PREFIX = 3,
	OPT_MTU = 5,
	OPT_INTERVAL = 7,
	OPT_UNIT = 8, /* options count their length in it */
};

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)get16(at) << 16 | get16(at + 2);
}

/* One option of the length its type has; @at points to its type octet. */
typedef void (*take_option)(const uint8_t *at, void *out);

struct option_type {
	uint8_t type;
	uint8_t units; /* its length; another one is skipped */
	take_option take;
};

/* Walks all options. -EINVAL where one has no length or runs past the end (RFC 4861 §4.6). */
static int walk_options(const uint8_t *at, size_t len, const struct option_type *types, size_t count, void *out)
{
	while (len) {
		size_t size;

		if (len < 2 || !at[1])
			return -EINVAL;
		size = (size_t)at[1] * OPT_UNIT;
		if (size > len)
			return -EINVAL;
		for (size_t i = 0; i < count; i++)
			if (types[i].type == at[0] && types[i].units == at[1])
				types[i].take(at, out);
		at += size;
		len -= size;
	}
	return 0;
}

static void take_router_mac(const uint8_t *at, void *out)
{
	struct nd_router_advert *ra = out;

	ra->has_mac = true;
	memcpy(ra->mac, at + 2, sizeof(ra->mac));
}

static void take_mtu(const uint8_t *at, void *out)
{
	((struct nd_router_advert *)out)->mtu = get32(at + 4);
}

/* RFC 6275 §7.3 */
static void take_interval(const uint8_t *at, void *out)
{
	((struct nd_router_advert *)out)->interval_ms = get32(at + 4);
}

static void take_prefix(const uint8_t *at, void *out)
{
	struct nd_router_advert *ra = out;
	struct nd_prefix prefix = { .len = at[2],
				    .on_link = at[3] & PREFIX_ON_LINK,
				    .autonomous = at[3] & PREFIX_AUTONOMOUS,
				    .router_address = at[3] & PREFIX_ROUTER_ADDRESS,
				    .valid_s = get32(at + 4),
				    .preferred_s = get32(at + 8) };

	memcpy(&prefix.prefix, at + 16, sizeof(prefix.prefix));
	if (prefix.len > 128 || prefix.preferred_s > prefix.valid_s || IN6_IS_ADDR_LINKLOCAL(&prefix.prefix) ||
	    IN6_IS_ADDR_MULTICAST(&prefix.prefix))
		ra->prefixes_ignored++;
	else if (ra->prefix_count == ND_PREFIXES)
		ra->prefixes_left_out++;
	else
		ra->prefixes[ra->prefix_count++] = prefix;
}

int nd_parse_router_advert(const uint8_t *icmp, size_t len, struct nd_router_advert *out)
{
	static const struct option_type types[] = {
		{ ND_OPT_SOURCE_LLADDR, 1, take_router_mac },
		{ OPT_PREFIX, 4, take_prefix },
		{ OPT_MTU, 1, take_mtu },
		{ OPT_INTERVAL, 1, take_interval },
	};

	memset(out, 0, sizeof(*out));
	if (len < RA_FIXED || icmp[0] != ICMP6_ROUTER_ADVERT || icmp[1] != 0)
		return -EINVAL;
	out->hop_limit = icmp[4];
	out->managed = icmp[5] & RA_MANAGED;
	out->other = icmp[5] & RA_OTHER;
	out->home_agent = icmp[5] & RA_HOME_AGENT;
	out->lifetime_s = get16(icmp + 6);
	out->reachable_ms = get32(icmp + 8);
	out->retransmit_ms = get32(icmp + 12);
	return walk_options(icmp + RA_FIXED, len - RA_FIXED, types, ARRAY_SIZE(types), out);
}

static void take_neighbour_mac(const uint8_t *at, void *out)
{
	struct nd_neighbour_advert *na = out;

	na->has_mac = true;
	memcpy(na->mac, at + 2, sizeof(na->mac));
}

int nd_parse_neighbour_advert(const uint8_t *icmp, size_t len, struct nd_neighbour_advert *out)
{
	static const struct option_type types[] = { { ND_OPT_TARGET_LLADDR, 1, take_neighbour_mac } };

	memset(out, 0, sizeof(*out));
	if (len < NA_FIXED || icmp[0] != ICMP6_NEIGHBOUR_ADVERT || icmp[1] != 0)
		return -EINVAL;
	out->router = icmp[4] & NA_ROUTER;
	out->solicited = icmp[4] & NA_SOLICITED;
	out->override = icmp[4] & NA_OVERRIDE;
	memcpy(&out->target, icmp + 8, sizeof(out->target));
	if (IN6_IS_ADDR_MULTICAST(&out->target))
		return -EINVAL;
	return walk_options(icmp + NA_FIXED, len - NA_FIXED, types, ARRAY_SIZE(types), out);
}

/* Return: octets written. */
static size_t put_mac(uint8_t *at, uint8_t type, const uint8_t *mac)
{
	if (!mac)
		return 0;
	at[0] = type;
	at[1] = 1;
	memcpy(at + 2, mac, 6);
	return OPT_UNIT;
}

size_t nd_build_router_solicit(const uint8_t *mac, uint8_t *buf)
{
	memset(buf, 0, 8);
	buf[0] = ICMP6_ROUTER_SOLICIT;
	return 8 + put_mac(buf + 8, ND_OPT_SOURCE_LLADDR, mac);
}

static void put_target(uint8_t *buf, uint8_t type, uint8_t flags, const struct in6_addr *target)
{
	memset(buf, 0, 8);
	buf[0] = type;
	buf[4] = flags;
	memcpy(buf + 8, target, sizeof(*target));
}

size_t nd_build_neighbour_solicit(const struct in6_addr *target, const uint8_t *mac, uint8_t *buf)
{
	put_target(buf, ICMP6_NEIGHBOUR_SOLICIT, 0, target);
	return NA_FIXED + put_mac(buf + NA_FIXED, ND_OPT_SOURCE_LLADDR, mac);
}

size_t nd_build_neighbour_advert(const struct in6_addr *target, uint8_t flags, const uint8_t *mac, uint8_t *buf)
{
	put_target(buf, ICMP6_NEIGHBOUR_ADVERT, flags, target);
	return NA_FIXED + put_mac(buf + NA_FIXED, ND_OPT_TARGET_LLADDR, mac);
}
