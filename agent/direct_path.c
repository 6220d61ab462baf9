// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Packets of our own that go straight to a care-of address or from one, with headers that the sockets don't know of:
 * how much those take, what the path carries, and ICMPv6 errors about such packets made into ones that the sockets
 * understand. RFC 6275 §9.3.2, §9.3.4, §11.3.1, §11.3.5; RFC 8201.
 */
#include <errno.h>

#include "gateway.h"

enum {
	PATH_MTU_S = 600, /* RFC 8201 §5.4: a learned path MTU ages */
	ECHO_LEN = 8,
};

/* What a path to @care_of carries, as far as known. */
static uint16_t path_mtu_to(struct gateway *gw, const struct in6_addr *care_of, uint16_t learned)
{
	struct in6_addr gateway;
	uint16_t mtu = 0;
	int ifindex;

	if (netlink_route(gw->nl, care_of, &ifindex, &gateway, &mtu) || !mtu)
		mtu = IP6_MIN_MTU;
	if (learned && learned < mtu)
		mtu = learned;
	return mtu < IP6_MIN_MTU ? IP6_MIN_MTU : mtu;
}

bool direct_path(struct gateway *gw, const struct in6_addr *src, const struct in6_addr *dst, struct direct_path *out)
{
	struct binding_entry *entry = correspondent_binding(gw, dst);
	struct mobile_path path;

	*out = (struct direct_path){ .overhead = entry ? RH2_LEN : 0 };
	if (gw->peers && mobile_peers_path(gw, src, dst, &path)) {
		if (path.tunnel)
			return false; /* it gets a routing header only where that fits */
		out->overhead += path.home_option ? sizeof(struct mip6_hao) : 0;
		out->path_mtu = entry && entry->path_mtu && entry->path_mtu < path.mtu ? entry->path_mtu : path.mtu;
	} else if (entry) {
		out->path_mtu = path_mtu_to(gw, &entry->care_of, entry->path_mtu);
	}
	return out->overhead > 0;
}

uint32_t direct_path_inner_mtu(const struct direct_path *path)
{
	uint32_t mtu = path->path_mtu;

	return mtu > (uint32_t)IP6_MIN_MTU + path->overhead ? mtu - path->overhead : IP6_MIN_MTU;
}

/*
 * Sockets learn of the smaller MTU before they send: a packet too big about an echo request that was never sent makes
 * the kernel note it for the destination, whichever socket asks (icmpv6_err(), 6.1 to 6.18). It ages there after ten
 * minutes, and bindings are renewed sooner.
 */
void direct_path_tell(struct gateway *gw, const struct in6_addr *src, const struct in6_addr *dst)
{
	struct mip6_ipv6 ip = { .ver_tc_flow = htonl(6U << 28),
				.payload_len = htons(ECHO_LEN),
				.nexthdr = NH_ICMPV6,
				.hop_limit = TUNNEL_HOP_LIMIT,
				.src = *src,
				.dst = *dst };
	uint8_t echo[sizeof(ip) + ECHO_LEN] = {}, message[IP6_MIN_MTU];
	struct direct_path path;
	size_t len;

	if (!direct_path(gw, src, dst, &path))
		return;
	memcpy(echo, &ip, sizeof(ip));
	echo[sizeof(ip)] = ICMP6_ECHO_REQUEST;
	len = packet_build_icmp_error(ICMP6_TOO_BIG, 0, direct_path_inner_mtu(&path), echo, sizeof(echo), message);
	if (sockets_send_icmp(gw->so, src, src, 0, message, len))
		gateway_count(gw, AGENT_SEND_FAILED);
}

/* Never raised by a report, never below what every link carries. RFC 8201 §4. */
static void learn(struct gateway *gw, struct binding_entry *entry, uint32_t mtu)
{
	mtu = mtu < IP6_MIN_MTU ? IP6_MIN_MTU : mtu;
	if (mtu > UINT16_MAX || (entry->path_mtu && entry->path_mtu <= mtu))
		return;
	entry->path_mtu = (uint16_t)mtu;
	entry->path_mtu_until = mono_add_s(gw->clock(), PATH_MTU_S);
	datapath_binding_set(gw->dp, entry);
}

/* To the socket that sent it, in its own words. */
static void hand_on(struct gateway *gw, const struct packet_route_error *error)
{
	uint32_t data = error->type == ICMP6_TOO_BIG ? error->inner_mtu : 0;
	uint8_t message[IP6_MIN_MTU];
	size_t len;

	if (error->type == ICMP6_PARAM_PROBLEM || error->proto == NH_MH)
		return; /* about what we added, or said ourselves */
	len = packet_build_icmp_error(error->type, error->code, data, error->inner, error->inner_len, message);
	if (sockets_send_icmp(gw->so, &error->src, &error->src, 0, message, len))
		gateway_count(gw, AGENT_SEND_FAILED);
	else
		gateway_count(gw, AGENT_ICMP_TRANSLATED);
}

/* An error about a packet with a routing header, a home address option, or both, that we sent. */
static void on_added(struct gateway *gw, const struct packet_route_error *error)
{
	struct binding_entry *entry = error->has_route ? correspondent_binding(gw, &error->dst) : NULL;
	bool ours = false;

	if (entry && addr_equal(&entry->care_of, &error->wire_dst)) {
		ours = true;
		if (error->type == ICMP6_TOO_BIG)
			learn(gw, entry, error->mtu);
		correspondent_on_error(gw, error);
	}
	if (gw->peers && mobile_peers_on_error(gw, error))
		ours = true;
	if (ours)
		hand_on(gw, error);
	else
		gateway_count(gw, AGENT_ICMP_STRANGE);
}

/* A mobility header that we sent as it stands: a correspondent that knows none of it says so (§11.3.5). */
static bool on_plain(struct gateway *gw, const uint8_t *icmp, size_t len)
{
	struct packet_route_error error = { .type = icmp[0], .code = icmp[1], .mh_type = 0xFF };
	struct packet_view view;

	if (!gw->peers || len < sizeof(struct mip6_icmp) + IP6_HDR_LEN ||
	    packet_walk(icmp + sizeof(struct mip6_icmp), len - sizeof(struct mip6_icmp), &view) || view.proto != NH_MH)
		return false;
	error.proto = NH_MH;
	error.wire_src = error.src = view.src;
	error.wire_dst = error.dst = view.dst;
	if (view.offset + sizeof(struct mip6_mh) <= view.len)
		error.mh_type = icmp[sizeof(struct mip6_icmp) + view.offset + offsetof(struct mip6_mh, type)];
	return mobile_peers_on_error(gw, &error);
}

bool direct_path_on_error(struct gateway *gw, const uint8_t *icmp, size_t len)
{
	struct packet_route_error error;

	if (len < sizeof(struct mip6_icmp))
		return false;
	if (packet_translate_route_error(icmp, len, &error))
		return on_plain(gw, icmp, len);
	on_added(gw, &error);
	return true;
}
