// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Codec of neighbour discovery for a mobile node. RFC 4861 §4, §6.1.2, §7.1.2; RFC 6275 §7.1-7.4; RFC 4862 §5.5.3. What
 * is malformed as a whole is refused; an option that lies is left out and counted. All reading goes through struct
 * reader.
 */
#include "nd.h"

#include <arpa/inet.h>
#include <errno.h>

enum {
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
	OPT_HEAD = 2, /* type and length */
	OPT_UNIT = 8, /* options count their length in it */
};

struct reader {
	const uint8_t *at, *end;
	bool short_;
};

static void get(struct reader *in, void *to, size_t len)
{
	if ((size_t)(in->end - in->at) < len) {
		in->short_ = true;
		memset(to, 0, len);
		return;
	}
	memcpy(to, in->at, len);
	in->at += len;
}

static uint8_t get8(struct reader *in)
{
	uint8_t v;

	get(in, &v, sizeof(v));
	return v;
}

static uint16_t get16(struct reader *in)
{
	uint16_t v;

	get(in, &v, sizeof(v));
	return ntohs(v);
}

static uint32_t get32(struct reader *in)
{
	uint32_t v;

	get(in, &v, sizeof(v));
	return ntohl(v);
}

/* One option of the length its type has; @in begins behind its length octet. */
typedef void (*take_option)(struct reader *in, void *out);

struct option_type {
	uint8_t units; /* its length; another one is skipped */
	take_option take;
};

/* Walks all options. -EINVAL where one has no length or runs past the end (RFC 4861 §4.6). */
static int walk_options(struct reader *in, const struct option_type *types, size_t count, void *out)
{
	while (in->at < in->end) {
		uint8_t type = get8(in), units = get8(in);
		struct reader body;
		size_t len;

		if (in->short_ || !units)
			return -EINVAL;
		len = (size_t)units * OPT_UNIT - OPT_HEAD;
		if ((size_t)(in->end - in->at) < len)
			return -EINVAL;
		body = (struct reader){ in->at, in->at + len, false };
		in->at += len;
		if (type < count && types[type].take && types[type].units == units)
			types[type].take(&body, out);
	}
	return 0;
}

static void take_router_mac(struct reader *in, void *out)
{
	struct nd_router_advert *ra = out;

	ra->has_mac = true;
	get(in, ra->mac, sizeof(ra->mac));
}

static void take_mtu(struct reader *in, void *out)
{
	get16(in); /* reserved */
	((struct nd_router_advert *)out)->mtu = get32(in);
}

static void take_interval(struct reader *in, void *out)
{
	get16(in); /* reserved */
	((struct nd_router_advert *)out)->interval_ms = get32(in);
}

/* What no router says truly: RFC 4862 §5.5.3 (c); a link-local prefix RFC 4861 §6.3.4 has ignored. */
static bool prefix_lies(const struct nd_prefix *prefix)
{
	return prefix->len > 128 || prefix->preferred_s > prefix->valid_s || IN6_IS_ADDR_LINKLOCAL(&prefix->prefix) ||
	       IN6_IS_ADDR_MULTICAST(&prefix->prefix);
}

static void take_prefix(struct reader *in, void *out)
{
	struct nd_router_advert *ra = out;
	struct nd_prefix prefix = { .len = get8(in) };
	uint8_t flags = get8(in);

	prefix.on_link = flags & PREFIX_ON_LINK;
	prefix.autonomous = flags & PREFIX_AUTONOMOUS;
	prefix.router_address = flags & PREFIX_ROUTER_ADDRESS;
	prefix.valid_s = get32(in);
	prefix.preferred_s = get32(in);
	get32(in); /* reserved */
	get(in, &prefix.prefix, sizeof(prefix.prefix));
	if (prefix_lies(&prefix))
		ra->prefixes_ignored++;
	else if (ra->prefix_count == ND_PREFIXES)
		ra->prefixes_left_out++;
	else
		ra->prefixes[ra->prefix_count++] = prefix;
}

/* Type, code, checksum; false where it is not a whole message of @type with code 0. */
static bool begin(struct reader *in, uint8_t type)
{
	uint8_t found = get8(in), code = get8(in);

	get16(in); /* checksum: the caller's */
	return !in->short_ && found == type && code == 0;
}

int nd_parse_router_advert(const uint8_t *icmp, size_t len, struct nd_router_advert *out)
{
	static const struct option_type types[] = {
		[ND_OPT_SOURCE_LLADDR] = { 1, take_router_mac }, /* RFC 4861 §4.6.1 */
		[OPT_PREFIX] = { 4, take_prefix },		 /* §4.6.2 */
		[OPT_MTU] = { 1, take_mtu },			 /* §4.6.4 */
		[OPT_INTERVAL] = { 1, take_interval },		 /* RFC 6275 §7.3 */
	};
	struct reader in = { icmp, icmp + len, false };
	uint8_t flags;

	memset(out, 0, sizeof(*out));
	if (!begin(&in, ICMP6_ROUTER_ADVERT))
		return -EINVAL;
	out->hop_limit = get8(&in);
	flags = get8(&in);
	out->managed = flags & RA_MANAGED;
	out->other = flags & RA_OTHER;
	out->home_agent = flags & RA_HOME_AGENT;
	out->lifetime_s = get16(&in);
	out->reachable_ms = get32(&in);
	out->retransmit_ms = get32(&in);
	if (in.short_)
		return -EINVAL;
	return walk_options(&in, types, ARRAY_SIZE(types), out);
}

static void take_neighbour_mac(struct reader *in, void *out)
{
	struct nd_neighbour_advert *na = out;

	na->has_mac = true;
	get(in, na->mac, sizeof(na->mac));
}

int nd_parse_neighbour_advert(const uint8_t *icmp, size_t len, struct nd_neighbour_advert *out)
{
	static const struct option_type types[] = { [ND_OPT_TARGET_LLADDR] = { 1, take_neighbour_mac } };
	struct reader in = { icmp, icmp + len, false };
	uint32_t flags;

	memset(out, 0, sizeof(*out));
	if (!begin(&in, ICMP6_NEIGHBOUR_ADVERT))
		return -EINVAL;
	flags = get32(&in) >> 24; /* the rest is reserved */
	out->router = flags & NA_ROUTER;
	out->solicited = flags & NA_SOLICITED;
	out->override = flags & NA_OVERRIDE;
	get(&in, &out->target, sizeof(out->target));
	if (in.short_ || IN6_IS_ADDR_MULTICAST(&out->target))
		return -EINVAL;
	return walk_options(&in, types, ARRAY_SIZE(types), out);
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
