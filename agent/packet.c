// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Whole IPv6 packets in the agent's hands: header walk, checksums, ICMPv6 errors built and translated. Pure. RFC 8200
 * §4, RFC 4443, RFC 2473 §8. */
#include "packet.h"

#include <arpa/inet.h>
#include <errno.h>

struct cursor {
	const uint8_t *at, *end;
};

/* The next @len octets, and past them; NULL, and no step, where there are fewer. */
static const uint8_t *take(struct cursor *cur, size_t len)
{
	const uint8_t *head = cur->at;

	if ((size_t)(cur->end - cur->at) < len)
		return NULL;
	cur->at += len;
	return head;
}

static void walk_options(struct cursor options, struct packet_view *view)
{
	const uint8_t *head;

	while ((head = take(&options, 1)) != NULL) {
		const uint8_t *len, *data;

		if (*head == OPT_PAD1)
			continue;
		len = take(&options, 1);
		data = len ? take(&options, *len) : NULL;
		if (!data)
			return;
		if (*head == OPT_HOME_ADDRESS && *len == HAO_LEN && !view->has_home) {
			view->has_home = true;
			memcpy(&view->home, data, sizeof(view->home));
		} else if (*head == OPT_TUNNEL_LIMIT && *len == 1) {
			view->has_tunnel_limit = true;
			view->tunnel_limit = *data;
		}
	}
}

/* One extension header; nothing follows that of a later fragment. Return: 1 where it was one and was stepped over, 0
 * where the upper layer begins, -EINVAL. */
static int walk_header(const uint8_t *data, struct cursor *cur, struct packet_view *view)
{
	struct cursor peek = *cur;
	const uint8_t *head;
	size_t len;

	if (view->later_fragment)
		return 0;
	if (view->proto != NH_HOPOPTS && view->proto != NH_DSTOPTS && view->proto != NH_ROUTING &&
	    view->proto != NH_AH && view->proto != NH_FRAGMENT)
		return 0;
	head = take(&peek, 8);
	if (!head)
		return -EINVAL;
	len = view->proto == NH_AH ? (head[1] + 2U) * 4 : view->proto == NH_FRAGMENT ? 8 : (head[1] + 1U) * 8;
	head = take(cur, len);
	if (!head)
		return -EINVAL;
	if (view->proto == NH_ROUTING && head[2] == RH_TYPE0)
		view->has_rh0 = true;
	if (view->proto == NH_ROUTING && head[2] == RH_TYPE2 && head[3] == 1 && len == RH2_LEN && !view->has_route) {
		view->has_route = true;
		memcpy(&view->route, head + 8, sizeof(view->route));
	}
	if (view->proto == NH_DSTOPTS)
		walk_options((struct cursor){ head + 2, head + len }, view);
	if (view->proto == NH_FRAGMENT) {
		view->fragment = true;
		view->later_fragment = head[2] || head[3] >> 3; /* the upper 13 bits: RFC 8200 §4.5 */
	}
	view->proto = head[0]; /* last: until here it named this very header */
	view->nexthdr_offset = head - data;
	return 1;
}

int packet_walk(const uint8_t *data, size_t len, struct packet_view *view)
{
	struct cursor cur = { data, data + len };
	struct mip6_ipv6 ip;
	const uint8_t *head = take(&cur, sizeof(ip));
	size_t total;

	memset(view, 0, sizeof(*view));
	if (!head)
		return -EINVAL;
	memcpy(&ip, head, sizeof(ip));
	if (ntohl(ip.ver_tc_flow) >> 28 != 6)
		return -EINVAL;
	view->src = ip.src;
	view->dst = ip.dst;
	view->traffic_class = ntohl(ip.ver_tc_flow) >> 20 & 0xFF;
	view->hop_limit = ip.hop_limit;
	view->proto = ip.nexthdr;
	view->nexthdr_offset = offsetof(struct mip6_ipv6, nexthdr);
	total = IP6_HDR_LEN + (size_t)ntohs(ip.payload_len); /* more than 16 bits hold */
	if (total > len)
		total = len;
	view->len = total > UINT16_MAX ? UINT16_MAX : total;
	cur.end = data + view->len;
	for (int i = 0; i <= LIMIT_EXT_HEADERS; i++) {
		int went = walk_header(data, &cur, view);

		if (went < 0)
			return went;
		if (!went) {
			view->offset = cur.at - data;
			return 0;
		}
	}
	return -EINVAL;
}

/* Without a branch that depends on the octets. */
static bool same_octets(const uint8_t *a, const uint8_t *b, size_t len)
{
	uint8_t diff = 0;

	for (size_t i = 0; i < len; i++)
		diff |= a[i] ^ b[i];
	return diff == 0;
}

bool packet_restore_route(uint8_t *data, size_t len, const uint8_t tag[4])
{
	struct mip6_verified_home hidden;
	struct mip6_rh2 route;
	struct mip6_ipv6 ip;

	if (len < sizeof(ip) + sizeof(hidden))
		return false;
	memcpy(&ip, data, sizeof(ip));
	memcpy(&hidden, data + sizeof(ip), sizeof(hidden));
	if (ip.nexthdr != NH_DSTOPTS || hidden.hdrlen != 2 || hidden.type != OPT_VERIFIED_HOME || hidden.len != 20 ||
	    !same_octets(hidden.tag, tag, sizeof(hidden.tag)))
		return false;
	route = (struct mip6_rh2){
		.nexthdr = hidden.nexthdr, .hdrlen = 2, .type = RH_TYPE2, .segments_left = 1, .home = ip.dst
	};
	ip.nexthdr = NH_ROUTING;
	ip.dst = hidden.care_of;
	memcpy(data, &ip, sizeof(ip));
	memcpy(data + sizeof(ip), &route, sizeof(route));
	return true;
}

static uint32_t sum_octets(uint32_t sum, const uint8_t *data, size_t len)
{
	for (size_t i = 0; i + 1 < len; i += 2)
		sum += data[i] << 8 | data[i + 1];
	if (len & 1)
		sum += data[len - 1] << 8;
	return sum;
}

uint16_t packet_checksum(const struct in6_addr *src, const struct in6_addr *dst, uint8_t proto, const uint8_t *data,
			 size_t len)
{
	uint32_t sum = sum_octets(0, src->s6_addr, 16);

	sum = sum_octets(sum, dst->s6_addr, 16);
	sum += (len >> 16) + (len & 0xFFFF) + proto;
	sum = sum_octets(sum, data, len);
	while (sum >> 16)
		sum = (sum & 0xFFFF) + (sum >> 16);
	return htons(~sum & 0xFFFF);
}

size_t packet_build_icmp_error(uint8_t type, uint8_t code, uint32_t data, const uint8_t *quoted, size_t quoted_len,
			       uint8_t *buf)
{
	struct mip6_icmp icmp = { .type = type, .code = code, .data = htonl(data) };
	size_t most = IP6_MIN_MTU - IP6_HDR_LEN - sizeof(icmp);

	if (quoted_len > most)
		quoted_len = most;
	memcpy(buf, &icmp, sizeof(icmp));
	if (quoted_len)
		memcpy(buf + sizeof(icmp), quoted, quoted_len);
	return sizeof(icmp) + quoted_len;
}

bool packet_may_be_answered(const uint8_t *data, size_t len, bool multicast_ok)
{
	struct packet_view view;
	uint8_t type;

	if (packet_walk(data, len, &view))
		return false;
	if (IN6_IS_ADDR_UNSPECIFIED(&view.src) || IN6_IS_ADDR_MULTICAST(&view.src) || IN6_IS_ADDR_LOOPBACK(&view.src))
		return false;
	if (!multicast_ok && IN6_IS_ADDR_MULTICAST(&view.dst))
		return false;
	if (view.proto != NH_ICMPV6)
		return true;
	if (view.later_fragment || view.offset >= view.len)
		return false; /* can't tell whether it is an error */
	type = data[view.offset];
	return type >= ICMP6_ECHO_REQUEST && type != ICMP6_REDIRECT;
}

int packet_translate_error(const uint8_t *icmp, size_t len, struct packet_error *out)
{
	struct cursor cur = { icmp, icmp + len };
	const uint8_t *head = take(&cur, sizeof(struct mip6_icmp));
	struct packet_view outer, inner;
	struct mip6_icmp error;
	size_t overhead;

	memset(out, 0, sizeof(*out));
	if (!head)
		return -EINVAL;
	memcpy(&error, head, sizeof(error));
	if (error.type < ICMP6_UNREACHABLE || error.type > ICMP6_PARAM_PROBLEM)
		return -EINVAL;
	if (packet_walk(cur.at, cur.end - cur.at, &outer) || outer.proto != NH_IPV6 || outer.later_fragment)
		return -EINVAL;
	/* known also where the rest is too short: the caller counts those about its own tunnels */
	out->tunnel_src = outer.src;
	out->tunnel_dst = outer.dst;
	overhead = outer.offset;
	out->inner = cur.at + overhead;
	out->inner_len = outer.len - overhead;
	if (out->inner_len < IP6_HDR_LEN)
		return -EINVAL;
	/* it may be cut behind its fixed header, which is all that is needed and is read even then */
	(void)packet_walk(out->inner, out->inner_len, &inner);
	if (IN6_IS_ADDR_UNSPECIFIED(&inner.src)) /* also where it is no IPv6 */
		return -EINVAL;
	out->inner_src = inner.src;
	out->inner_dst = inner.dst;
	if (error.type == ICMP6_TOO_BIG) {
		out->type = ICMP6_TOO_BIG;
		out->mtu = ntohl(error.data);
		out->inner_mtu = out->mtu > IP6_MIN_MTU + overhead ? out->mtu - overhead : IP6_MIN_MTU;
	} else { /* RFC 2473 §8.1-8.3: the inner source can do nothing about the tunnel's inside */
		out->type = ICMP6_UNREACHABLE;
		out->code = ICMP6_UNREACH_ADDRESS;
	}
	return 0;
}
