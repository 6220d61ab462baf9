// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Any octets as a message with an authenticator, as what happens to nonces, and as an ICMPv6 error about a packet of
 * ours: no read beyond them, and what always holds of each. */
#include <stdlib.h>

#include "../../agent/packet.h"
#include "../../agent/rr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool what)
{
	if (!what)
		abort();
}

/* ---- authenticators ---- */

static void check_authenticator(const uint8_t *data, size_t len)
{
	static const struct in6_addr care_of = { .s6_addr = { 0x20, 1 } }, peer = { .s6_addr = { 0x20, 2 } };
	static const uint8_t kbm[RR_KEY_LEN] = { 1, 2, 3 };
	uint8_t auth[MH_AUTH_LEN], again[MH_AUTH_LEN], *exact;
	struct mh_msg msg;
	size_t size;

	if (mh_parse(data, len, &msg).fault != MH_OK || !msg.opt.has_auth)
		return;
	size = (data[1] + 1U) * 8;
	exact = malloc(size);
	require(exact);
	memcpy(exact, data, size);
	require(rr_authenticator(kbm, &care_of, &peer, exact, msg.opt.auth_offset, auth) == 0);
	exact[4] ^= 0xFF; /* the checksum, and the authenticator itself, don't count; the type does */
	exact[msg.opt.auth_offset] ^= 0xFF;
	require(rr_authenticator(kbm, &care_of, &peer, exact, msg.opt.auth_offset, again) == 0);
	require(rr_same(auth, again, sizeof(auth)));
	exact[2] ^= 1;
	require(rr_authenticator(kbm, &care_of, &peer, exact, msg.opt.auth_offset, again) == 0);
	require(!rr_same(auth, again, sizeof(auth)));
	free(exact);
}

/* ---- nonces ---- */

static bool lives(const struct rr_nonce *nonce, struct mono now)
{
	return mono_before(now, mono_add_s(nonce->made, RR_NONCE_LIFETIME_S)) && !mono_before(now, nonce->made);
}

static void check_ring(const struct rr_nonces *nonces, struct mono now)
{
	const struct rr_nonce *newest = rr_newest(nonces, now);

	for (size_t i = 0; i < LIMIT_NONCES; i++) {
		const struct rr_nonce *nonce = &nonces->at[i];

		if (!nonce->used)
			continue;
		require(nonce->index % LIMIT_NONCES == i);
		require(rr_find(nonces, nonce->index, now) == (lives(nonce, now) ? nonce : NULL));
		require(!rr_find(nonces, nonce->index + LIMIT_NONCES, now));
		require(!newest || !mono_before(newest->made, nonce->made));
	}
	require(!newest || (newest->index == nonces->newest && lives(newest, now)));
	require(!newest || mono_before(now, mono_add_s(newest->made, NONCE_ANSWER_S)));
}

static void rotate(struct rr_nonces *nonces, uint16_t first, struct mono now)
{
	bool any = nonces->at[nonces->newest % LIMIT_NONCES].used;
	uint16_t expected = any ? nonces->newest + 1 : first;
	uint8_t fresh[RR_FRESH_LEN] = { 1 };
	const struct rr_nonce *made = rr_rotate(nonces, fresh, first, now);

	require(made->index == expected && rr_newest(nonces, now) == made);
	require(rr_find(nonces, expected, now) == made && mono_before(now, rr_rotate_at(nonces)));
}

/* As from the map: at most one for each place. */
static void adopt(struct rr_nonces *nonces, uint16_t index, struct mono made, struct mono now)
{
	struct rr_nonce nonce = { .index = index, .made = made, .used = true };

	if (nonces->at[index % LIMIT_NONCES].used)
		return;
	rr_adopt(nonces, &nonce, now);
	require(!!rr_find(nonces, index, now) == lives(&nonce, now));
}

/* Four octets a step: what to do, seconds, index. */
static void check_nonces(const uint8_t *data, size_t len)
{
	struct mono now = { 1000000000000LL };
	struct rr_nonces nonces = { 0 };

	for (; len >= 4; data += 4, len -= 4) {
		uint16_t index = data[2] << 8 | data[3];

		switch (data[0] % 4) {
		case 0:
			now = mono_add_s(now, data[1]);
			break;
		case 1:
			rotate(&nonces, index, now);
			break;
		case 2:
			adopt(&nonces, index, mono_add_s(now, (int8_t)data[1] * 2), now);
			break;
		default:
			rr_expire(&nonces, now);
			for (size_t i = 0; i < LIMIT_NONCES; i++)
				require(!nonces.at[i].used || lives(&nonces.at[i], now));
		}
		check_ring(&nonces, now);
	}
}

/* ---- errors ---- */

static void check_error(const uint8_t *data, size_t len)
{
	struct packet_route_error error;
	size_t added;

	if (packet_translate_route_error(data, len, &error))
		return;
	added = (error.has_route ? sizeof(struct mip6_rh2) : 0) + (error.has_home ? sizeof(struct mip6_hao) : 0);
	require(added && error.type >= ICMP6_UNREACHABLE && error.type <= ICMP6_PARAM_PROBLEM);
	require(error.inner_len >= IP6_HDR_LEN && error.inner_len <= sizeof(error.inner));
	require(error.inner_len <= len - sizeof(struct mip6_icmp) - added);
	require(error.has_home || addr_equal(&error.src, &error.wire_src));
	require(error.has_route || addr_equal(&error.dst, &error.wire_dst));
	require(error.type != ICMP6_TOO_BIG || error.inner_mtu >= IP6_MIN_MTU);
	require(error.type != ICMP6_TOO_BIG || error.inner_mtu == IP6_MIN_MTU || error.inner_mtu + added == error.mtu);
	require(error.proto == NH_MH || error.mh_type == 0xFF);
	require(!memcmp(error.inner + offsetof(struct mip6_ipv6, src), &error.src, sizeof(error.src)));
	require(!memcmp(error.inner + offsetof(struct mip6_ipv6, dst), &error.dst, sizeof(error.dst)));
	require(error.inner[offsetof(struct mip6_ipv6, nexthdr)] == error.proto);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	check_authenticator(data, len);
	check_nonces(data, len);
	check_error(data, len);
	return 0;
}
