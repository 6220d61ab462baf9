/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Any octets as an advertisement of a router and of a neighbour: no read beyond them, no lie among what is kept, and
 * every prefix option is kept, left out or ignored. */
#include <stdlib.h>

#include "../../agent/nd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool what)
{
	if (!what)
		abort();
}

/* Options of @type and @units in octets that were understood. */
static size_t count_options(const uint8_t *data, size_t len, size_t at, uint8_t type, uint8_t units)
{
	size_t count = 0;

	for (; at < len; at += (size_t)data[at + 1] * 8)
		count += data[at] == type && data[at + 1] == units;
	require(at == len);
	return count;
}

static void router(const uint8_t *data, size_t len)
{
	struct nd_router_advert ra;

	if (nd_parse_router_advert(data, len, &ra))
		return;
	require(len >= 16 && len % 8 == 0 && data[0] == ICMP6_ROUTER_ADVERT && data[1] == 0);
	require(ra.prefix_count <= ND_PREFIXES && (!ra.prefixes_left_out || ra.prefix_count == ND_PREFIXES));
	for (int i = 0; i < ra.prefix_count; i++) {
		const struct nd_prefix *prefix = &ra.prefixes[i];

		require(prefix->len <= 128 && prefix->preferred_s <= prefix->valid_s);
		require(!IN6_IS_ADDR_LINKLOCAL(&prefix->prefix) && !IN6_IS_ADDR_MULTICAST(&prefix->prefix));
	}
	require(ra.prefix_count + ra.prefixes_left_out + ra.prefixes_ignored == count_options(data, len, 16, 3, 4));
	require(ra.has_mac == !!count_options(data, len, 16, ND_OPT_SOURCE_LLADDR, 1));
	require(!ra.mtu || count_options(data, len, 16, 5, 1));
	require(!ra.interval_ms || count_options(data, len, 16, 7, 1));
}

/* What is understood comes back from a rebuilt message. */
static void neighbour(const uint8_t *data, size_t len)
{
	struct nd_neighbour_advert na, again;
	uint8_t built[ND_MESSAGE], flags;
	size_t size;

	if (nd_parse_neighbour_advert(data, len, &na))
		return;
	require(len >= 24 && len % 8 == 0 && data[0] == ICMP6_NEIGHBOUR_ADVERT && data[1] == 0);
	require(!IN6_IS_ADDR_MULTICAST(&na.target));
	require(na.has_mac == !!count_options(data, len, 24, ND_OPT_TARGET_LLADDR, 1));
	flags = (na.router ? NA_ROUTER : 0) | (na.solicited ? NA_SOLICITED : 0) | (na.override ? NA_OVERRIDE : 0);
	size = nd_build_neighbour_advert(&na.target, flags, na.has_mac ? na.mac : NULL, built);
	require(size <= sizeof(built) && !nd_parse_neighbour_advert(built, size, &again));
	require(addr_equal(&na.target, &again.target) && na.has_mac == again.has_mac);
	require(na.router == again.router && na.solicited == again.solicited && na.override == again.override);
	require(!memcmp(na.mac, again.mac, sizeof(na.mac)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	router(data, len);
	neighbour(data, len);
	return 0;
}
