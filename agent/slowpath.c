// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What BPF can't do, DESIGN §2.1. Out of the far end of the device without ND come packets for bound home addresses
 * that are too big for their tunnel, answered or fragmented here, and packets for virtual home links where nobody is at
 * home. Out of a raw socket come tunnel packets that the kernel put together; what is inside goes back through the same
 * device. RFC 2473 §7, RFC 4443 §3.1-3.2, RFC 6040, RFC 6275 §10.4.5.
 */
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "kernel.h"
#include "packet.h"

enum {
	ERRORS_PER_SECOND = 1000, /* RFC 4443 §2.4(f); as XDP's own */
	PACKET_MAX = 65535 + ETH_HLEN,
	TURN = 64, /* packets in one turn of the loop */
	RCVBUF = 8 << 20,
	ECN_MASK = 3,
	ECN_CE = 3,
};

struct slowpath {
	struct sockets *so;
	struct nexthops *nh;
	struct binding_cache *cache;
	const struct slowpath_roles *roles;
	const struct config *config;
	int peer_ifindex;
	int packet, tunnel, raw;
	uint8_t home_mac[6];
	sd_event_source *packet_source, *tunnel_source;
	struct slowpath_stats stats;
	struct mono refilled;
	uint32_t tokens;
	uint8_t buf[PACKET_MAX];
};

static struct mono now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (struct mono){ t.tv_sec * 1000000000LL + t.tv_nsec };
}

static struct mip6_ipv6 read_header(const uint8_t *packet)
{
	struct mip6_ipv6 ip;

	memcpy(&ip, packet, sizeof(ip));
	return ip;
}

/* An ICMPv6 error about @packet to its source, where one may be sent and its rate allows it. */
static void answer(struct slowpath *sp, const struct in6_addr *from, uint8_t type, uint8_t code, uint32_t data,
		   const uint8_t *packet, size_t len, uint64_t *counter)
{
	struct mip6_ipv6 ip = read_header(packet);
	struct mono t = now();
	uint8_t message[IP6_MIN_MTU];
	size_t size;

	if (!packet_may_be_answered(packet, len, type == ICMP6_TOO_BIG)) {
		sp->stats.refused++;
		return;
	}
	if (t.ns - sp->refilled.ns >= 1000000000) {
		sp->refilled = t;
		sp->tokens = ERRORS_PER_SECOND;
	}
	if (!sp->tokens) {
		sp->stats.rate_limited++;
		return;
	}
	sp->tokens--;
	size = packet_build_icmp_error(type, code, data, packet, len, message);
	if (!sockets_send_icmp(sp->so, from, &ip.src, 0, message, size))
		(*counter)++;
	else
		sp->stats.refused++;
}

/* RFC 8200 §4.5 */
struct fragment_header {
	uint8_t nexthdr, reserved;
	__be16 offset_more;
	__be32 id;
};

/* One piece of the tunnel packet, of @len octets at @offset of the inner one. */
static int send_piece(struct slowpath *sp, const struct mip6_ipv6 *outer, const struct fragment_header *fragment,
		      const uint8_t *data, size_t len)
{
	struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_addr = outer->dst };
	struct mip6_ipv6 ip = *outer;
	struct iovec parts[] = { { &ip, sizeof(ip) }, { (void *)fragment, sizeof(*fragment) }, { (void *)data, len } };
	struct in6_pktinfo info = { .ipi6_addr = outer->src }; /* the header's source alone chooses no route */
	union {
		struct cmsghdr align;
		uint8_t octets[CMSG_SPACE(sizeof(info))];
	} control = {
		.align = { .cmsg_level = IPPROTO_IPV6, .cmsg_type = IPV6_PKTINFO, .cmsg_len = CMSG_LEN(sizeof(info)) }
	};
	struct msghdr msg = { .msg_name = &to,
			      .msg_namelen = sizeof(to),
			      .msg_iov = parts,
			      .msg_iovlen = ARRAY_SIZE(parts),
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };

	memcpy(CMSG_DATA(&control.align), &info, sizeof(info));
	ip.payload_len = htons(sizeof(*fragment) + len);
	return sendmsg(sp->raw, &msg, 0) < 0 ? -errno : 0;
}

/*
 * In a tunnel packet cut to the path's MTU, RFC 2473 §7.2. By hand: a raw socket's IPV6_MTU makes the kernel cut only
 * what exceeds the route's MTU as well (ip6_finish_output(), 6.18), and a learned path MTU is ours alone.
 */
static void send_fragmented(struct slowpath *sp, const struct in6_addr *from, const struct in6_addr *to,
			    const uint8_t *packet, size_t len, uint16_t path)
{
	struct mip6_ipv6 inner = read_header(packet);
	struct mip6_ipv6 outer = { .ver_tc_flow = inner.ver_tc_flow & htonl(0xFFF00000),
				   .nexthdr = NH_FRAGMENT,
				   .hop_limit = TUNNEL_HOP_LIMIT,
				   .src = *from,
				   .dst = *to };
	size_t room = (path - sizeof(outer) - sizeof(struct fragment_header)) & ~(size_t)7;
	__be32 id;
	int err = 0;

	if (getrandom(&id, sizeof(id), 0) != sizeof(id)) /* not to be guessed, RFC 7739 */
		err = -EIO;
	for (size_t at = 0; !err && at < len; at += room) {
		size_t piece = len - at < room ? len - at : room;
		struct fragment_header fragment = { .nexthdr = NH_IPV6,
						    .offset_more = htons(at | (at + piece < len)),
						    .id = id };

		err = send_piece(sp, &outer, &fragment, packet + at, piece);
	}
	if (err) {
		log_debug("slowpath: fragment a tunnel packet to %s: %s", addr_text(to), strerror(-err));
		sp->stats.refused++;
		return;
	}
	sp->stats.fragmented++;
}

/* What the way to @b carries, fragments apart. Never below what every link carries (RFC 8200 §5). */
static uint16_t path_mtu(const struct slowpath *sp, const struct binding_entry *b)
{
	uint16_t path = nexthop_mtu(sp->nh, &b->care_of);

	if (b->path_mtu && (!path || b->path_mtu < path))
		path = b->path_mtu;
	return path > IP6_MIN_MTU ? path : IP6_MIN_MTU;
}

/* Nobody is at home on a virtual home link. On a physical one the binding went while its packet was on the way here. */
static void on_unbound(struct slowpath *sp, const struct in6_addr *dst, const uint8_t *packet, size_t len)
{
	int i = config_home_link(sp->config, dst);

	if (i >= 0 && !sp->config->home_links[i].interface[0])
		answer(sp, &sp->config->agent, ICMP6_UNREACHABLE, ICMP6_UNREACH_ADDRESS, 0, packet, len,
		       &sp->stats.unreachable);
	else
		sp->stats.refused++;
}

/* Too big for the tunnel from @from to @to: its source is told, or the tunnel packet is cut (RFC 2473 §7.1). */
static void on_too_big(struct slowpath *sp, const struct in6_addr *from, const struct in6_addr *to,
		       const uint8_t *packet, size_t len, uint16_t path)
{
	uint32_t inner_mtu = path > IP6_MIN_MTU + IP6_HDR_LEN ? path - IP6_HDR_LEN : IP6_MIN_MTU;

	if (len > inner_mtu)
		answer(sp, from, ICMP6_TOO_BIG, 0, inner_mtu, packet, len, &sp->stats.too_big);
	else
		send_fragmented(sp, from, to, packet, len, path);
}

/* Of our own, straight to a care-of address: too big with what the data path adds. The path carries at least 1280 and
 * what fits into that with headers and all goes another way, so that nothing has to be cut. */
static bool on_direct(struct slowpath *sp, const struct mip6_ipv6 *ip, const uint8_t *packet, size_t len)
{
	uint32_t mtu = sp->roles->direct_mtu(sp->roles->arg, &ip->src, &ip->dst);

	if (!mtu || len <= mtu)
		return false;
	answer(sp, &ip->src, ICMP6_TOO_BIG, 0, mtu, packet, len, &sp->stats.too_big);
	return true;
}

/* A packet that the TC program left to us. */
static void on_home_packet(struct slowpath *sp, uint8_t *packet, size_t len)
{
	const struct binding_entry *b;
	struct slowpath_tunnel tunnel;
	struct mip6_ipv6 ip;

	if (len < sizeof(ip))
		return;
	ip = read_header(packet);
	if (ntohl(ip.ver_tc_flow) >> 28 != 6 || len < IP6_HDR_LEN + (size_t)ntohs(ip.payload_len)) {
		sp->stats.refused++;
		return;
	}
	len = IP6_HDR_LEN + ntohs(ip.payload_len);
	if (on_direct(sp, &ip, packet, len))
		return;
	if (sp->roles->tunnel) {
		if (sp->roles->tunnel(sp->roles->arg, &ip.src, &tunnel))
			on_too_big(sp, &tunnel.care_of, &tunnel.agent, packet, len, tunnel.path_mtu);
		else
			sp->stats.refused++;
		return;
	}
	b = sp->cache ? binding_find(sp->cache, &ip.dst) : NULL;
	if (!b || b->state != BINDING_ACTIVE || mono_before(b->expires, now())) {
		on_unbound(sp, &ip.dst, packet, len);
		return;
	}
	/* for a packet of our own a routing header is shorter than a tunnel; told the smaller MTU it fits either way */
	on_too_big(sp, &sp->config->agent, &b->care_of, packet, len, path_mtu(sp, b));
}

static int on_packet(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	struct slowpath *sp = arg;

	for (int i = 0; i < TURN; i++) {
		struct sockaddr_ll from = {};
		socklen_t size = sizeof(from);
		ssize_t got = recvfrom(fd, sp->buf, sizeof(sp->buf), MSG_DONTWAIT, (struct sockaddr *)&from, &size);

		if (got < 0)
			break;
		if (from.sll_pkttype != PACKET_OUTGOING && got > ETH_HLEN)
			on_home_packet(sp, sp->buf + ETH_HLEN, got - ETH_HLEN);
	}
	return 0;
}

/* ECN of the reassembled outer packet onto the inner one, RFC 6040 §4.2. False: drop. */
static bool take_ecn(uint8_t *inner, int outer_class)
{
	struct mip6_ipv6 ip = read_header(inner);
	uint32_t word = ntohl(ip.ver_tc_flow), in = word >> 20 & ECN_MASK, out = outer_class & ECN_MASK;

	if (out == ECN_CE && in == 0)
		return false;
	if (out == ECN_CE)
		word |= ECN_CE << 20;
	else if (out == 1 && in == 2)
		word = (word & ~(ECN_MASK << 20)) | 1U << 20;
	ip.ver_tc_flow = htonl(word);
	memcpy(inner, &ip, sizeof(ip));
	return true;
}

/* As bpf/inspect.bpf.h check_inside(): no type 0 routing header, and no neighbour discovery, which the kernel would
 * believe. */
static bool inside_refused(const uint8_t *packet, size_t len)
{
	struct packet_view view;

	if (packet_walk(packet, len, &view) || view.has_rh0)
		return true;
	return view.proto == NH_ICMPV6 && view.offset < view.len && packet[view.offset] >= ICMP6_ROUTER_SOLICIT &&
	       packet[view.offset] <= ICMP6_REDIRECT;
}

/* The same checks as bpf/inspect.bpf.h check_inner(). Return: length of the inner packet, 0 where it is refused. */
static size_t check_inner(struct slowpath *sp, const uint8_t *inner, size_t len, const struct in6_addr *outer_src)
{
	const struct binding_entry *b;
	struct mip6_ipv6 ip;

	if (len < sizeof(ip))
		return 0;
	ip = read_header(inner);
	if (ntohl(ip.ver_tc_flow) >> 28 != 6 || len < IP6_HDR_LEN + (size_t)ntohs(ip.payload_len) ||
	    !addr_is_routable(&ip.src))
		return 0;
	b = sp->cache ? binding_find(sp->cache, &ip.src) : NULL;
	if (sp->roles->admits ? !sp->roles->admits(sp->roles->arg, &ip.src, &ip.dst, outer_src)
			      : !b || b->state != BINDING_ACTIVE || mono_before(b->expires, now()) ||
					!addr_equal(&b->care_of, outer_src))
		return 0;
	return inside_refused(inner, len) ? 0 : IP6_HDR_LEN + (size_t)ntohs(ip.payload_len);
}

/* Into the kernel, as if it had come in by the device without ND: it forwards from there. */
static void inject(struct slowpath *sp, const uint8_t *inner, size_t len)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = sp->peer_ifindex, .sll_halen = ETH_ALEN };
	struct ethhdr eth = { .h_proto = htons(ETH_P_IPV6) };
	struct iovec parts[] = { { &eth, sizeof(eth) }, { (void *)inner, len } };
	struct msghdr msg = {
		.msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = parts, .msg_iovlen = ARRAY_SIZE(parts)
	};

	memcpy(eth.h_dest, sp->home_mac, ETH_ALEN);
	memcpy(eth.h_source, sp->home_mac, ETH_ALEN);
	eth.h_source[5] ^= 1;
	if (sendmsg(sp->packet, &msg, 0) < 0)
		sp->stats.refused++;
	else
		sp->stats.reassembled++;
}

static int on_tunnel(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	struct slowpath *sp = arg;

	for (int i = 0; i < TURN; i++) {
		struct sockaddr_in6 from;
		struct iovec vector = { sp->buf, sizeof(sp->buf) };
		union {
			struct cmsghdr align;
			uint8_t octets[256];
		} control;
		struct msghdr msg = { .msg_name = &from,
				      .msg_namelen = sizeof(from),
				      .msg_iov = &vector,
				      .msg_iovlen = 1,
				      .msg_control = &control,
				      .msg_controllen = sizeof(control) };
		ssize_t got = recvmsg(fd, &msg, MSG_DONTWAIT);
		struct in6_addr dst = {};
		int class = 0;
		size_t len;

		if (got < 0)
			break;
		for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
			if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_TCLASS)
				memcpy(&class, CMSG_DATA(c), sizeof(class));
			if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO)
				memcpy(&dst, CMSG_DATA(c), sizeof(dst));
		}
		len = sp->roles->admits || addr_equal(&dst, &sp->config->agent)
			      ? check_inner(sp, sp->buf, got, &from.sin6_addr)
			      : 0;
		if (len && take_ecn(sp->buf, class))
			inject(sp, sp->buf, len);
		else
			sp->stats.refused++;
	}
	return 0;
}

static int open_tunnel(struct slowpath *sp)
{
	struct sockaddr_in6 agent = { .sin6_family = AF_INET6, .sin6_addr = sp->config->agent };
	int one = 1, size = RCVBUF;

	sp->tunnel = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NH_IPV6);
	if (sp->tunnel < 0)
		return -errno;
	/* full, the kernel tells the sender that nobody here knows protocol 41 (ipv6_raw_deliver(), 6.4 and later) */
	if (setsockopt(sp->tunnel, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		setsockopt(sp->tunnel, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (setsockopt(sp->tunnel, IPPROTO_IPV6, IPV6_RECVPKTINFO, &one, sizeof(one)) ||
	    setsockopt(sp->tunnel, IPPROTO_IPV6, IPV6_RECVTCLASS, &one, sizeof(one)) ||
	    setsockopt(sp->tunnel, IPPROTO_IPV6, IPV6_FREEBIND, &one, sizeof(one)) ||
	    bind(sp->tunnel, (struct sockaddr *)&agent, sizeof(agent)))
		return -errno;
	sp->raw = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
			 IPPROTO_RAW); /* whole packets, IPv6 header and all */
	return sp->raw < 0 ? -errno : 0;
}

static int open_packet(struct slowpath *sp)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(ETH_P_IPV6),
				  .sll_ifindex = sp->peer_ifindex };
	struct ifreq req = {};
	int size = RCVBUF;

	sp->packet = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (sp->packet < 0)
		return -errno;
	setsockopt(sp->packet, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", sp->config->home_device);
	if (ioctl(sp->packet, SIOCGIFHWADDR, &req) || bind(sp->packet, (struct sockaddr *)&at, sizeof(at)))
		return -errno;
	memcpy(sp->home_mac, req.ifr_hwaddr.sa_data, sizeof(sp->home_mac));
	return 0;
}

int slowpath_open(sd_event *loop, struct sockets *so, struct nexthops *nh, struct binding_cache *cache,
		  const struct slowpath_roles *roles, const struct config *config, int peer_ifindex,
		  struct slowpath **out)
{
	bool tunnels = config->roles & (ROLE_HOME_AGENT | ROLE_MOBILE_NODE);
	struct slowpath *sp = calloc(1, sizeof(*sp));
	int err;

	if (!sp)
		return -ENOMEM;
	sp->so = so;
	sp->nh = nh;
	sp->cache = cache;
	sp->roles = roles;
	sp->config = config;
	sp->peer_ifindex = peer_ifindex;
	sp->tunnel = sp->raw = -1;
	err = open_packet(sp);
	if (!err && tunnels)
		err = open_tunnel(sp);
	if (!err)
		err = sd_event_add_io(loop, &sp->packet_source, sp->packet, EPOLLIN, on_packet, sp);
	if (err >= 0 && tunnels)
		err = sd_event_add_io(loop, &sp->tunnel_source, sp->tunnel, EPOLLIN, on_tunnel, sp);
	if (err < 0) {
		log_error("slowpath: open: %s", strerror(-err));
		slowpath_close(sp);
		return err;
	}
	*out = sp;
	return 0;
}

void slowpath_close(struct slowpath *sp)
{
	if (!sp)
		return;
	sd_event_source_disable_unref(sp->packet_source);
	sd_event_source_disable_unref(sp->tunnel_source);
	if (sp->packet >= 0)
		close(sp->packet);
	if (sp->tunnel >= 0)
		close(sp->tunnel);
	if (sp->raw >= 0)
		close(sp->raw);
	free(sp);
}

void slowpath_stats(const struct slowpath *sp, struct slowpath_stats *out)
{
	*out = sp->stats;
}
