// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * ICMPv6 errors about packets that the data path gave headers of its own: those stand right behind the IPv6 header, a
 * type 2 routing header first (bpf/egress.bpf.h, bpf/node.bpf.h), and are taken off again. Pure. RFC 6275 §6.3, §6.4.
 */
#include <errno.h>
#include <netinet/in.h>

#include "packet.h"

/* What is left of a quoted packet. */
struct rest {
	const uint8_t *data;
	size_t len;
	uint8_t proto; /* of the header at data */
};

static void skip(struct rest *rest, size_t len, uint8_t proto)
{
	rest->data += len;
	rest->len -= len;
	rest->proto = proto;
}

/* A type 2 routing header whose segment is still to go, as we send it. */
static bool take_route(struct rest *rest, struct packet_route_error *out)
{
	struct mip6_rh2 rh;

	if (rest->proto != NH_ROUTING || rest->len < sizeof(rh))
		return false;
	memcpy(&rh, rest->data, sizeof(rh));
	if (rh.type != RH_TYPE2 || rh.hdrlen != 2 || rh.segments_left != 1)
		return false;
	out->has_route = true;
	out->dst = rh.home;
	skip(rest, sizeof(rh), rh.nexthdr);
	return true;
}

/* Destination options that hold a home address option and nothing else, in the one layout that we write. */
static bool take_home(struct rest *rest, struct packet_route_error *out)
{
	struct mip6_hao hao;

	if (rest->proto != NH_DSTOPTS || rest->len < sizeof(hao))
		return false;
	memcpy(&hao, rest->data, sizeof(hao));
	if (hao.hdrlen != 2 || hao.pad[0] != OPT_PADN || hao.pad[1] != 2 || hao.type != OPT_HOME_ADDRESS ||
	    hao.len != HAO_LEN)
		return false;
	out->has_home = true;
	out->src = hao.home;
	skip(rest, sizeof(hao), hao.nexthdr);
	return true;
}

/* The packet as its socket sent it, as far as it is quoted. */
static void rebuild(const struct mip6_ipv6 *ip, const struct rest *rest, size_t removed, struct packet_route_error *out)
{
	size_t payload = ntohs(ip->payload_len), len = rest->len;
	struct mip6_ipv6 inner = *ip;

	inner.nexthdr = rest->proto;
	inner.payload_len = htons(payload > removed ? payload - removed : 0);
	inner.src = out->src;
	inner.dst = out->dst;
	if (len > sizeof(out->inner) - sizeof(inner))
		len = sizeof(out->inner) - sizeof(inner);
	memcpy(out->inner, &inner, sizeof(inner));
	memcpy(out->inner + sizeof(inner), rest->data, len);
	out->inner_len = sizeof(inner) + len;
}

int packet_translate_route_error(const uint8_t *icmp, size_t len, struct packet_route_error *out)
{
	struct rest rest;
	struct mip6_icmp head;
	struct mip6_ipv6 ip;
	size_t removed;

	memset(out, 0, sizeof(*out));
	if (len < sizeof(head) + sizeof(ip))
		return -EINVAL;
	memcpy(&head, icmp, sizeof(head));
	memcpy(&ip, icmp + sizeof(head), sizeof(ip));
	if (head.type < ICMP6_UNREACHABLE || head.type > ICMP6_PARAM_PROBLEM || ntohl(ip.ver_tc_flow) >> 28 != 6)
		return -EINVAL;
	rest = (struct rest){ icmp + sizeof(head) + sizeof(ip), len - sizeof(head) - sizeof(ip), ip.nexthdr };
	out->wire_src = out->src = ip.src;
	out->wire_dst = out->dst = ip.dst;
	take_route(&rest, out);
	take_home(&rest, out);
	if (!out->has_route && !out->has_home)
		return -EINVAL;
	removed = (out->has_route ? sizeof(struct mip6_rh2) : 0) + (out->has_home ? sizeof(struct mip6_hao) : 0);
	out->type = head.type;
	out->code = head.code;
	out->proto = rest.proto;
	out->mh_type = 0xFF;
	if (rest.proto == NH_MH && rest.len > offsetof(struct mip6_mh, type))
		out->mh_type = rest.data[offsetof(struct mip6_mh, type)];
	if (head.type == ICMP6_TOO_BIG) {
		out->mtu = ntohl(head.data);
		out->inner_mtu = out->mtu > IP6_MIN_MTU + removed ? out->mtu - (uint32_t)removed : IP6_MIN_MTU;
	} else if (head.type == ICMP6_PARAM_PROBLEM) {
		out->pointer = ntohl(head.data);
	}
	rebuild(&ip, &rest, removed, out);
	return 0;
}
