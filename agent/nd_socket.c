// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Neighbour discovery as a mobile node needs it: hears router and neighbour advertisements beside the kernel, sends
 * solicitations when it wants to, since the kernel's own come late after a link came up. RFC 4861 §4, §6.1.2, §7.1.2.
 */
#include <errno.h>
#include <linux/icmpv6.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "kernel.h"

enum {
	ND_HOP_LIMIT = 255, /* proves the sender on-link */
	MESSAGE_MAX = 2048, /* a router advertisement of any sense fits; a longer one is cut and refused */
	TURN = 64,
	RCVBUF = 1 << 20,
};

struct nd_socket {
	const struct kernel_handlers *handlers;
	int fd;
	sd_event_source *source;
};

static struct mono now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (struct mono){ t.tv_sec * 1000000000LL + t.tv_nsec };
}

static int read_control(struct msghdr *msg, int *hops)
{
	int ifindex = 0;

	*hops = 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		struct in6_pktinfo info;

		if (c->cmsg_level != IPPROTO_IPV6)
			continue;
		if (c->cmsg_type == IPV6_HOPLIMIT && c->cmsg_len >= CMSG_LEN(sizeof(*hops))) {
			memcpy(hops, CMSG_DATA(c), sizeof(*hops));
		} else if (c->cmsg_type == IPV6_PKTINFO && c->cmsg_len >= CMSG_LEN(sizeof(info))) {
			memcpy(&info, CMSG_DATA(c), sizeof(info));
			ifindex = (int)info.ipi6_ifindex;
		}
	}
	return ifindex;
}

void nd_socket_poll(struct nd_socket *so)
{
	for (int i = 0; i < TURN; i++) {
		uint8_t data[MESSAGE_MAX];
		struct sockaddr_in6 from;
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
		ssize_t got = recvmsg(so->fd, &msg, MSG_DONTWAIT);
		struct nd_input in = { .data = data, .when = now() };
		int hops;

		if (got < 0)
			break;
		in.ifindex = read_control(&msg, &hops);
		in.src = from.sin6_addr;
		in.len = (size_t)got;
		if (hops == ND_HOP_LIMIT && in.ifindex && !(msg.msg_flags & MSG_TRUNC))
			so->handlers->on_nd(so->handlers->arg, &in);
	}
}

static int on_message(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	nd_socket_poll(arg);
	return 0;
}

/* The kernel verifies and writes the checksums of ICMPv6 itself (RFC 3542 §3.1). */
static int open_socket(void)
{
	int fd = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMPV6);
	int one = 1, none = 0, hops = ND_HOP_LIMIT, size = RCVBUF, err;
	struct icmp6_filter filter;

	if (fd < 0)
		return -errno;
	memset(&filter, 0xFF, sizeof(filter)); /* a bit set blocks its type */
	filter.data[ICMP6_ROUTER_ADVERT / 32] &= ~(1U << ICMP6_ROUTER_ADVERT % 32);
	filter.data[ICMP6_NEIGHBOUR_ADVERT / 32] &= ~(1U << ICMP6_NEIGHBOUR_ADVERT % 32);
	if (setsockopt(fd, IPPROTO_ICMPV6, ICMPV6_FILTER, &filter, sizeof(filter)) ||
	    setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &one, sizeof(one)) ||
	    setsockopt(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, &one, sizeof(one)) ||
	    setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, &none, sizeof(none)) ||
	    setsockopt(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &hops, sizeof(hops)) ||
	    setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof(hops))) {
		err = -errno;
		close(fd);
		return err;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	return fd;
}

int nd_socket_open(sd_event *loop, const struct kernel_handlers *handlers, struct nd_socket **out)
{
	struct nd_socket *so = calloc(1, sizeof(*so));
	int err;

	if (!so)
		return -ENOMEM;
	so->handlers = handlers;
	so->fd = open_socket();
	err = so->fd < 0 ? so->fd : sd_event_add_io(loop, &so->source, so->fd, EPOLLIN, on_message, so);
	if (err < 0) {
		log_error("neighbour discovery: open a socket: %s", strerror(-err));
		nd_socket_close(so);
		return err;
	}
	*out = so;
	return 0;
}

void nd_socket_close(struct nd_socket *so)
{
	if (!so)
		return;
	sd_event_source_disable_unref(so->source);
	if (so->fd >= 0)
		close(so->fd);
	free(so);
}

int nd_socket_send(struct nd_socket *so, int ifindex, const struct in6_addr *src, const struct in6_addr *dst,
		   const uint8_t *icmp, size_t len)
{
	struct in6_pktinfo info = { .ipi6_addr = src ? *src : in6addr_any, .ipi6_ifindex = ifindex };
	struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_addr = *dst, .sin6_scope_id = ifindex };
	struct iovec vector = { (void *)icmp, len };
	union {
		struct cmsghdr align;
		uint8_t octets[CMSG_SPACE(sizeof(info))];
	} control = {};
	struct msghdr msg = { .msg_name = &to,
			      .msg_namelen = sizeof(to),
			      .msg_iov = &vector,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = IPPROTO_IPV6;
	c->cmsg_type = IPV6_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(c), &info, sizeof(info));
	return sendmsg(so->fd, &msg, MSG_DONTWAIT) < 0 ? -errno : 0;
}
