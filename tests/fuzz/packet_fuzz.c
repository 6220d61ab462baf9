/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Any octets as an IPv6 packet, as an ICMPv6 error, and quoted by one: no read beyond them, and what is found lies
 * within. */
#include <stdlib.h>

#include "../../agent/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool what)
{
	if (!what)
		abort();
}

/* Whether it was walked to its upper layer. */
static bool walk(const uint8_t *data, size_t len, struct packet_view *view)
{
	if (packet_walk(data, len, view)) {
		require(!packet_may_be_answered(data, len, true));
		return false;
	}
	require(view->len <= len && view->len >= IP6_HDR_LEN);
	require(view->offset >= IP6_HDR_LEN && view->offset <= view->len);
	require(view->nexthdr_offset < view->offset && data[view->nexthdr_offset] == view->proto);
	require(view->fragment || !view->later_fragment);
	require(packet_may_be_answered(data, len, true) || !packet_may_be_answered(data, len, false));
	packet_checksum(&view->src, &view->dst, view->proto, data + view->offset, view->len - view->offset);
	return true;
}

static void translate(const uint8_t *icmp, size_t len)
{
	uint8_t built[IP6_MIN_MTU - IP6_HDR_LEN];
	struct packet_error error;
	size_t size;

	if (packet_translate_error(icmp, len, &error))
		return;
	require(error.inner > icmp && error.inner_len >= IP6_HDR_LEN && error.inner_len <= len - (error.inner - icmp));
	require(error.inner[0] >> 4 == 6 && !memcmp(error.inner + 8, &error.inner_src, 16) &&
		!memcmp(error.inner + 24, &error.inner_dst, 16));
	require(!memcmp(icmp + 8 + 8, &error.tunnel_src, 16) && !memcmp(icmp + 8 + 24, &error.tunnel_dst, 16));
	require(error.type == ICMP6_TOO_BIG ? error.inner_mtu >= IP6_MIN_MTU : error.type == ICMP6_UNREACHABLE);
	size = packet_build_icmp_error(error.type, error.code, error.inner_mtu, error.inner, error.inner_len, built);
	require(size <= sizeof(built) && size >= sizeof(struct mip6_icmp) + IP6_HDR_LEN);
}

/* The packet as a router would quote it. The copy has just the length, so that the sanitizer sees a read behind it. */
static void translate_quoted(const uint8_t *data, size_t len)
{
	uint8_t built[IP6_MIN_MTU - IP6_HDR_LEN], *exact;
	uint8_t type = ICMP6_UNREACHABLE + len % 4;
	size_t size = packet_build_icmp_error(type, 0, 1300 + len, data, len, built);

	exact = malloc(size);
	if (!exact)
		abort();
	memcpy(exact, built, size);
	translate(exact, size);
	free(exact);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct packet_view view, inner;

	if (walk(data, len, &view) && view.proto == NH_IPV6 && !view.later_fragment)
		walk(data + view.offset, view.len - view.offset, &inner);
	translate(data, len);
	translate_quoted(data, len);
	return 0;
}
