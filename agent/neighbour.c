// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What the agent itself says and hears on a home link: duplicate address detection for home addresses, unsolicited
 * advertisements, groups for snooping switches. Solicitations are answered by the data path. One timer and ordered
 * lists serve any number of addresses. RFC 4862 §5.4, RFC 4861 §7.2.6, RFC 6275 §10.3.1, §10.4.1.
 */
#include <errno.h>
#include <linux/icmpv6.h>
#include <linux/if_packet.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uthash.h>

#include "kernel.h"
#include "neighbour_groups.h"
#include "packet.h"

enum {
	RETRANS_MS = 1000,  /* RetransTimer, RFC 4861 §10 */
	ANNOUNCE_TIMES = 3, /* MAX_NEIGHBOR_ADVERTISEMENT */
	ACCURACY_US = 1000,
	ND_HOP_LIMIT = 255,
	LLADDR_OPTION = 8,
};

/* A duplicate address detection under way; in the list by the time it ends, which is that of its start. */
struct dad {
	struct in6_addr home;
	struct in6_addr link_local; /* unspecified without the L flag */
	int ifindex;
	uint64_t due_us;
	struct dad *prev, *next;
	UT_hash_handle hh;
};

/* An advertisement to repeat. */
struct announce {
	struct in6_addr target;
	int ifindex;
	int left;
	uint64_t due_us;
	struct announce *next;
};

struct neighbour {
	sd_event *loop;
	struct netlink *nl;
	struct datapath *dp;
	const struct config *config;
	const struct kernel_handlers *handlers;
	struct groups *groups;
	int packet, icmp;
	sd_event_source *icmp_source, *timer;
	struct dad *dads, *first, *last;
	struct announce *announces, **announces_end;
};

static void link_local_of(const struct in6_addr *home, struct in6_addr *out)
{
	memset(out, 0, sizeof(*out));
	out->s6_addr[0] = 0xfe;
	out->s6_addr[1] = 0x80;
	memcpy(out->s6_addr + 8, home->s6_addr + 8, 8);
}

static uint64_t loop_now(struct neighbour *nb)
{
	uint64_t now = 0;

	sd_event_now(nb->loop, CLOCK_MONOTONIC, &now);
	return now;
}

static void schedule(struct neighbour *nb)
{
	uint64_t due = nb->first ? nb->first->due_us : UINT64_MAX;

	if (nb->announces && nb->announces->due_us < due)
		due = nb->announces->due_us;
	sd_event_source_set_time(nb->timer, due);
	sd_event_source_set_enabled(nb->timer, due == UINT64_MAX ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
}

/* ---- sending ---- */

/* From the unspecified address, which no IPv6 socket sends from: a whole frame. RFC 4862 §5.4.2. */
static int solicit(struct neighbour *nb, int ifindex, const struct in6_addr *target)
{
	struct {
		uint8_t mac[12];
		__be16 proto;
		struct mip6_ipv6 ip;
		struct mip6_nd ns;
	} __attribute__((packed)) frame = { .proto = htons(0x86DD) };
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = ifindex, .sll_halen = 6 };
	struct in6_addr src = {}, dst;
	struct mip6_nd ns = { .icmp = { .type = ICMP6_NEIGHBOUR_SOLICIT }, .target = *target };
	struct link_info link;

	if (netlink_link(nb->nl, ifindex, &link))
		return -ENODEV;
	groups_solicited_node(target, &dst);
	frame.mac[0] = frame.mac[1] = 0x33;
	memcpy(frame.mac + 2, dst.s6_addr + 12, 4);
	memcpy(frame.mac + 6, link.mac, 6);
	memcpy(to.sll_addr, frame.mac, 6);
	ns.icmp.checksum = packet_checksum(&src, &dst, NH_ICMPV6, (const uint8_t *)&ns, sizeof(ns));
	frame.ip = (struct mip6_ipv6){ .ver_tc_flow = htonl(6U << 28),
				       .payload_len = htons(sizeof(ns)),
				       .nexthdr = NH_ICMPV6,
				       .hop_limit = ND_HOP_LIMIT,
				       .src = src,
				       .dst = dst };
	frame.ns = ns;
	if (sendto(nb->packet, &frame, sizeof(frame), 0, (struct sockaddr *)&to, sizeof(to)) < 0)
		return -errno;
	return 0;
}

/* Override set, solicited clear, to all nodes: neighbours send to us from now on. RFC 4861 §7.2.6. */
static int advertise(struct neighbour *nb, int ifindex, const struct in6_addr *target)
{
	struct sockaddr_in6 to = { .sin6_family = AF_INET6,
				   .sin6_addr = { .s6_addr = { 0xff, 2, [15] = 1 } },
				   .sin6_scope_id = ifindex };
	struct mip6_nd na = { .icmp = { .type = ICMP6_NEIGHBOUR_ADVERT, .data = htonl((uint32_t)NA_OVERRIDE << 24) },
			      .target = *target };
	uint8_t message[sizeof(na) + LLADDR_OPTION];
	struct link_info link;

	if (netlink_link(nb->nl, ifindex, &link))
		return -ENODEV;
	memcpy(message, &na, sizeof(na));
	message[sizeof(na)] = ND_OPT_TARGET_LLADDR;
	message[sizeof(na) + 1] = 1;
	memcpy(message + sizeof(na) + 2, link.mac, 6);
	return sendto(nb->icmp, message, sizeof(message), 0, (struct sockaddr *)&to, sizeof(to)) < 0 ? -errno : 0;
}

static void announce_later(struct neighbour *nb, struct announce *a)
{
	a->due_us = loop_now(nb) + RETRANS_MS * 1000;
	a->next = NULL;
	*nb->announces_end = a;
	nb->announces_end = &a->next;
}

static void announce(struct neighbour *nb, int ifindex, const struct in6_addr *target)
{
	struct announce *a;
	int err = advertise(nb, ifindex, target);

	if (err)
		log_warn("neighbour: advertise %s: %s", addr_text(target), strerror(-err));
	a = calloc(1, sizeof(*a));
	if (!a)
		return; /* once has been sent; the repetitions are for links that lose it */
	a->target = *target;
	a->ifindex = ifindex;
	a->left = ANNOUNCE_TIMES - 1;
	announce_later(nb, a);
	schedule(nb);
}

static void announce_forget(struct neighbour *nb, const struct in6_addr *target)
{
	struct announce **at = &nb->announces;

	while (*at) {
		struct announce *a = *at;

		if (addr_equal(&a->target, target)) {
			*at = a->next;
			free(a);
		} else {
			at = &a->next;
		}
	}
	nb->announces_end = at;
}

/* ---- duplicate address detection ---- */

static void dad_remove(struct neighbour *nb, struct dad *dad)
{
	*(dad->prev ? &dad->prev->next : &nb->first) = dad->next;
	*(dad->next ? &dad->next->prev : &nb->last) = dad->prev;
	HASH_DEL(nb->dads, dad);
	free(dad);
}

static struct dad *dad_find(struct neighbour *nb, const struct in6_addr *home)
{
	struct dad *dad;

	HASH_FIND(hh, nb->dads, home, sizeof(*home), dad);
	return dad;
}

static void dad_done(struct neighbour *nb, struct dad *dad, bool unique)
{
	struct in6_addr home = dad->home;
	int ifindex = dad->ifindex;

	dad_remove(nb, dad);
	nb->handlers->on_dad_done(nb->handlers->arg, &home, unique);
	/* last, so that an address now defended keeps its group: no switch hears of a membership that ended */
	groups_leave(nb->groups, ifindex, &home);
}

int neighbour_dad_start(struct neighbour *nb, int ifindex, const struct in6_addr *home, bool link_local)
{
	struct dad *dad = dad_find(nb, home);
	int err;

	if (dad)
		return -EALREADY;
	dad = calloc(1, sizeof(*dad));
	if (!dad)
		return -ENOMEM;
	dad->home = *home;
	dad->ifindex = ifindex;
	if (link_local)
		link_local_of(home, &dad->link_local);
	dad->due_us = loop_now(nb) + (nb->config->dad_transmits ? RETRANS_MS * 1000 : 0);
	dad->prev = nb->last;
	*(nb->last ? &nb->last->next : &nb->first) = dad;
	nb->last = dad;
	HASH_ADD(hh, nb->dads, home, sizeof(dad->home), dad);
	/* both addresses have the same group: it is made of the last 24 bits (RFC 4291 §2.7.1) */
	groups_join(nb->groups, ifindex, home);
	err = nb->config->dad_transmits ? solicit(nb, ifindex, home) : 0;
	if (!err && link_local && nb->config->dad_transmits)
		err = solicit(nb, ifindex, &dad->link_local);
	if (err)
		log_warn("neighbour: solicit %s: %s", addr_text(home), strerror(-err));
	schedule(nb);
	return 0;
}

void neighbour_dad_stop(struct neighbour *nb, const struct in6_addr *home)
{
	struct dad *dad = dad_find(nb, home);

	if (!dad)
		return;
	groups_leave(nb->groups, dad->ifindex, home);
	dad_remove(nb, dad);
	schedule(nb);
}

/* Somebody on @ifindex has or claims @target. */
static void taken(struct neighbour *nb, int ifindex, const struct in6_addr *target)
{
	struct dad *dad = dad_find(nb, target);

	if (!dad && IN6_IS_ADDR_LINKLOCAL(target)) {
		for (dad = nb->first; dad; dad = dad->next)
			if (addr_equal(&dad->link_local, target))
				break;
	}
	if (dad && dad->ifindex == ifindex)
		dad_done(nb, dad, false);
}

/* Advertisements for an address under detection, and other nodes' detection of it (RFC 4862 §5.4.3, §5.4.4). */
static int on_icmp(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	struct neighbour *nb = arg;
	uint8_t data[256] = {};

	for (int i = 0; i < 64; i++) {
		struct sockaddr_in6 from = {};
		struct iovec vector = { data, sizeof(data) };
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
		int hop_limit = 0, ifindex = 0;
		struct mip6_nd nd = {};

		if (recvmsg(fd, &msg, MSG_DONTWAIT) < (ssize_t)sizeof(nd)) {
			if (errno == EAGAIN)
				break;
			continue;
		}
		memcpy(&nd, data, sizeof(nd));
		for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
			if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_HOPLIMIT)
				memcpy(&hop_limit, CMSG_DATA(c), sizeof(hop_limit));
			if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO)
				memcpy(&ifindex, CMSG_DATA(c) + offsetof(struct in6_pktinfo, ipi6_ifindex),
				       sizeof(ifindex));
		}
		if (hop_limit != ND_HOP_LIMIT || nd.icmp.code)
			continue;
		/* our own solicitations don't come back: frames of a packet socket are not looped to IPv6 */
		if (nd.icmp.type == ICMP6_NEIGHBOUR_ADVERT || IN6_IS_ADDR_UNSPECIFIED(&from.sin6_addr))
			taken(nb, ifindex, &nd.target);
	}
	schedule(nb);
	return 0;
}

static int on_timer(sd_event_source *source, uint64_t when, void *arg)
{
	struct neighbour *nb = arg;
	uint64_t now = loop_now(nb);

	while (nb->first && nb->first->due_us <= now)
		dad_done(nb, nb->first, true);
	while (nb->announces && nb->announces->due_us <= now) {
		struct announce *a = nb->announces;

		nb->announces = a->next;
		if (!nb->announces)
			nb->announces_end = &nb->announces;
		advertise(nb, a->ifindex, &a->target);
		if (--a->left)
			announce_later(nb, a);
		else
			free(a);
	}
	schedule(nb);
	return 0;
}

/* ---- defence ---- */

int neighbour_proxy_start(struct neighbour *nb, int ifindex, const struct in6_addr *home, bool link_local,
			  bool announce_it)
{
	struct in6_addr local;
	int err = datapath_proxied_set(nb->dp, ifindex, home, 0);

	if (err)
		return err;
	groups_join(nb->groups, ifindex, home);
	if (announce_it)
		announce(nb, ifindex, home);
	if (!link_local)
		return 0;
	link_local_of(home, &local);
	err = datapath_proxied_set(nb->dp, ifindex, &local, PROXIED_LINK_LOCAL);
	if (!err && announce_it)
		announce(nb, ifindex, &local);
	return err;
}

void neighbour_proxy_stop(struct neighbour *nb, int ifindex, const struct in6_addr *home, bool link_local)
{
	struct in6_addr local;

	datapath_proxied_delete(nb->dp, ifindex, home);
	announce_forget(nb, home);
	groups_leave(nb->groups, ifindex, home);
	if (!link_local)
		return;
	link_local_of(home, &local);
	datapath_proxied_delete(nb->dp, ifindex, &local);
	announce_forget(nb, &local);
}

/* ---- opening ---- */

/* Solicitations must pass the NIC's multicast filter also while the daemon, and with it every group membership, is
 * gone. */
static void all_multicast(const struct neighbour *nb, const char *device)
{
	struct ifreq req = {};

	snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", device);
	if (ioctl(nb->icmp, SIOCGIFFLAGS, &req))
		return; /* not there yet: main tries again when it appears */
	req.ifr_flags |= IFF_ALLMULTI;
	if (ioctl(nb->icmp, SIOCSIFFLAGS, &req))
		log_warn("neighbour: allmulticast on %s: %s; solicitations may be lost while the daemon is down",
			 device, strerror(errno));
}

void neighbour_link_up(struct neighbour *nb, const char *device)
{
	all_multicast(nb, device);
}

static int open_icmp(struct neighbour *nb)
{
	int one = 1, off = 0, hops = ND_HOP_LIMIT, size = 4 << 20;
	struct icmp6_filter filter;

	nb->icmp = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMPV6);
	if (nb->icmp < 0)
		return -errno;
	memset(&filter, 0xFF, sizeof(filter));
	filter.data[ICMP6_NEIGHBOUR_SOLICIT / 32] &= ~(1U << ICMP6_NEIGHBOUR_SOLICIT % 32);
	filter.data[ICMP6_NEIGHBOUR_ADVERT / 32] &= ~(1U << ICMP6_NEIGHBOUR_ADVERT % 32);
	setsockopt(nb->icmp, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (setsockopt(nb->icmp, IPPROTO_ICMPV6, ICMPV6_FILTER, &filter, sizeof(filter)) ||
	    setsockopt(nb->icmp, IPPROTO_IPV6, IPV6_RECVPKTINFO, &one, sizeof(one)) ||
	    setsockopt(nb->icmp, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, &one, sizeof(one)) ||
	    setsockopt(nb->icmp, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, &off, sizeof(off)) ||
	    setsockopt(nb->icmp, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof(hops)))
		return -errno;
	return 0;
}

int neighbour_open(sd_event *loop, struct netlink *nl, struct datapath *dp, const struct config *config,
		   const struct kernel_handlers *handlers, struct neighbour **out)
{
	struct neighbour *nb = calloc(1, sizeof(*nb));
	int err;

	if (!nb)
		return -ENOMEM;
	nb->loop = loop;
	nb->nl = nl;
	nb->dp = dp;
	nb->config = config;
	nb->handlers = handlers;
	nb->icmp = -1;
	nb->announces_end = &nb->announces;
	nb->groups = groups_new();
	nb->packet = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0); /* protocol 0: sends only */
	err = nb->packet < 0 ? -errno : nb->groups ? open_icmp(nb) : -ENOMEM;
	if (!err)
		err = sd_event_add_io(loop, &nb->icmp_source, nb->icmp, EPOLLIN, on_icmp, nb);
	if (err >= 0)
		err = sd_event_add_time(loop, &nb->timer, CLOCK_MONOTONIC, UINT64_MAX, ACCURACY_US, on_timer, nb);
	if (err < 0) {
		log_error("neighbour: open sockets: %s", strerror(-err));
		neighbour_close(nb);
		return err;
	}
	for (size_t i = 0; i < config->home_link_count; i++)
		if (config->home_links[i].interface[0])
			all_multicast(nb, config->home_links[i].interface);
	*out = nb;
	return 0;
}

void neighbour_close(struct neighbour *nb)
{
	struct announce *a;

	if (!nb)
		return;
	sd_event_source_disable_unref(nb->icmp_source);
	sd_event_source_disable_unref(nb->timer);
	while (nb->first)
		dad_remove(nb, nb->first);
	while ((a = nb->announces) != NULL) {
		nb->announces = a->next;
		free(a);
	}
	groups_free(nb->groups);
	if (nb->packet >= 0)
		close(nb->packet);
	if (nb->icmp >= 0)
		close(nb->icmp);
	free(nb);
}
