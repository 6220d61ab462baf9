/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Builds IPv6 packets header by header, for tests of whoever walks them. */
#ifndef MOBGW_TEST_RAW_H
#define MOBGW_TEST_RAW_H

#include "check.h"

#include "../../agent/packet.h"

/* A packet in the making: its last header names what comes next. */
struct raw {
	uint8_t data[2048];
	size_t len, nexthdr_at;
};

static inline void set_payload_len(struct raw *raw, size_t from, uint16_t len)
{
	raw->data[from + 4] = len >> 8;
	raw->data[from + 5] = len & 0xFF;
}

/* Begins a packet, or one inside the other. */
static inline void add_ip(struct raw *raw, const char *src, const char *dst)
{
	struct mip6_ipv6 ip = { .ver_tc_flow = htonl(0x6B8ABCDE),
				.nexthdr = NH_NONE,
				.hop_limit = 61,
				.src = addr(src),
				.dst = addr(dst) };

	if (raw->len)
		raw->data[raw->nexthdr_at] = NH_IPV6;
	raw->nexthdr_at = raw->len + offsetof(struct mip6_ipv6, nexthdr);
	memcpy(raw->data + raw->len, &ip, sizeof(ip));
	raw->len += sizeof(ip);
	set_payload_len(raw, 0, raw->len - IP6_HDR_LEN);
}

/* @body: all of the header but its first octet; @len counts that octet too. */
static inline void add_header(struct raw *raw, uint8_t proto, const uint8_t *body, size_t len)
{
	raw->data[raw->nexthdr_at] = proto;
	raw->nexthdr_at = raw->len;
	raw->data[raw->len] = NH_NONE;
	memcpy(raw->data + raw->len + 1, body, len - 1);
	raw->len += len;
	set_payload_len(raw, 0, raw->len - IP6_HDR_LEN);
}

static inline void add_upper(struct raw *raw, uint8_t proto, const void *data, size_t len)
{
	raw->data[raw->nexthdr_at] = proto;
	memcpy(raw->data + raw->len, data, len);
	raw->len += len;
	set_payload_len(raw, 0, raw->len - IP6_HDR_LEN);
}

static inline void add_fragment(struct raw *raw, uint16_t offset_and_more)
{
	const uint8_t body[7] = { 0, offset_and_more >> 8, offset_and_more & 0xFF, 1, 2, 3, 4 };

	add_header(raw, NH_FRAGMENT, body, 8);
}

static inline void add_hao(struct raw *raw, const char *home)
{
	uint8_t body[23] = { 2, OPT_PADN, 2, 0, 0, OPT_HOME_ADDRESS, HAO_LEN };
	struct in6_addr a = addr(home);

	memcpy(body + 7, &a, sizeof(a));
	add_header(raw, NH_DSTOPTS, body, sizeof(body) + 1);
}

static inline void add_limit(struct raw *raw, uint8_t limit)
{
	const uint8_t body[7] = { 0, OPT_TUNNEL_LIMIT, 1, limit, OPT_PADN, 1, 0 };

	add_header(raw, NH_DSTOPTS, body, sizeof(body) + 1);
}

static inline struct raw start(void)
{
	struct raw raw = { .len = 0 };

	add_ip(&raw, "2001:db8:f1::2", "2001:db8:1::1");
	return raw;
}

/* ---- what may stand between the header and the upper layer ---- */

static inline void plain(struct raw *raw)
{
}

static inline void tunnel_limit(struct raw *raw)
{
	add_limit(raw, 3);
}

static inline void first_fragment(struct raw *raw)
{
	add_fragment(raw, 1);
}

#endif
