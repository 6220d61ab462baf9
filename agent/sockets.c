// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Raw sockets: mobility headers in batches with what the data path left of a home address option, and ICMPv6 errors.
 * Messages are sent by a socket of their own, for which the kernel computes the checksum; the one that receives
 * verifies it here, because the kernel would drop a wrong one without a count. RFC 3542 §3, §6; RFC 6275 §9.2.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/icmpv6.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "kernel.h"

#ifndef SO_RCVMARK
#define SO_RCVMARK 75
#endif

enum {
	BATCH = 64,
	DATAGRAM = 2048 + 8, /* the longest mobility header, and one look further */
	CONTROL = 4096,	     /* a destination options header at its longest fits; what doesn't is refused */
	RCVBUF = 8 << 20,
	MH_HOP_LIMIT = 64,
};

struct sockets {
	const struct config *config;
	const struct kernel_handlers *handlers;
	int mh, mh_send, icmp;
	int home_ifindex;
	uint8_t tag[4], route_tag[4];
	sd_event_source *mh_source, *icmp_source;
	struct mmsghdr messages[BATCH];
	struct iovec vectors[BATCH];
	struct sockaddr_in6 names[BATCH];
	uint8_t data[BATCH][DATAGRAM];
	_Alignas(struct cmsghdr) uint8_t control[BATCH][CONTROL];
};

static struct mono now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (struct mono){ t.tv_sec * 1000000000LL + t.tv_nsec };
}

/* Without a branch that depends on the octets: the tag is a secret. */
static bool same_secret(const uint8_t *a, const uint8_t *b, size_t len)
{
	uint8_t diff = 0;

	for (size_t i = 0; i < len; i++)
		diff |= a[i] ^ b[i];
	return diff == 0;
}

/* Options 0x1E: what was a home address option holds the sender's care-of address; what was a routing header, ours. One
 * of each at most, and with our tags: anything else is forged. */
static void read_verified(const struct sockets *so, const uint8_t *option, struct mh_input *in)
{
	if (!in->has_home && option[1] == 20 && same_secret(option + 2, so->tag, sizeof(so->tag))) {
		in->has_home = true;
		memcpy(&in->care_of, option + 6, sizeof(in->care_of));
	} else if (!in->routed && option[1] == 20 && same_secret(option + 2, so->route_tag, sizeof(so->route_tag))) {
		in->routed = true;
	} else {
		in->bad_tag = true;
	}
}

static void read_options(const struct sockets *so, const uint8_t *header, size_t len, struct mh_input *in)
{
	size_t at = 2;

	while (at + 2 <= len) {
		const uint8_t *option = header + at;

		if (option[0] == OPT_PAD1) {
			at++;
			continue;
		}
		if (at + 2 + option[1] > len)
			return;
		if (option[0] == OPT_VERIFIED_HOME)
			read_verified(so, option, in);
		at += 2 + option[1];
	}
}

static void read_control(const struct sockets *so, struct msghdr *msg, struct mh_input *in)
{
	/* with options cut off it can't be told whether the source is a home address that the data path put there */
	in->bad_tag = msg->msg_flags & MSG_CTRUNC;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_MARK && c->cmsg_len >= CMSG_LEN(sizeof(in->mark)))
			memcpy(&in->mark, CMSG_DATA(c), sizeof(in->mark));
		if (c->cmsg_level != IPPROTO_IPV6)
			continue;
		if (c->cmsg_type == IPV6_PKTINFO && c->cmsg_len >= CMSG_LEN(sizeof(struct in6_pktinfo))) {
			struct in6_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			in->dst = info.ipi6_addr;
			in->ifindex = info.ipi6_ifindex;
		} else if (c->cmsg_type == IPV6_DSTOPTS || c->cmsg_type == IPV6_RTHDRDSTOPTS) {
			read_options(so, CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0), in);
		}
	}
}

static int on_mh(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	struct sockets *so = arg;
	int got;

	for (int i = 0; i < BATCH; i++) {
		so->messages[i].msg_hdr.msg_namelen = sizeof(so->names[i]);
		so->messages[i].msg_hdr.msg_controllen = CONTROL;
	}
	got = recvmmsg(fd, so->messages, BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < got; i++) {
		struct mh_input in = {
			.src = so->names[i].sin6_addr,
			.care_of = so->names[i].sin6_addr,
			.data = so->data[i],
			.len = so->messages[i].msg_len,
			.when = now(),
		};

		read_control(so, &so->messages[i].msg_hdr, &in);
		so->handlers->on_mh(so->handlers->arg, &in);
	}
	return 0;
}

static int on_icmp(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	struct sockets *so = arg;
	uint8_t data[IP6_MIN_MTU];

	for (int i = 0; i < BATCH; i++) {
		struct sockaddr_in6 from;
		socklen_t len = sizeof(from);
		ssize_t got = recvfrom(fd, data, sizeof(data), MSG_DONTWAIT, (struct sockaddr *)&from, &len);

		if (got < 0)
			break;
		so->handlers->on_icmp_error(so->handlers->arg, &from.sin6_addr, data, got);
	}
	return 0;
}

static int raw_socket(int protocol)
{
	int one = 1, size = RCVBUF, hops = MH_HOP_LIMIT;
	int fd = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &one, sizeof(one)) ||
	    setsockopt(fd, IPPROTO_IPV6, IPV6_RECVDSTOPTS, &one, sizeof(one)) ||
	    setsockopt(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &hops, sizeof(hops))) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

/* Receives nothing, and keeps the kernel's default of writing the checksum (never IPV6_CHECKSUM -1: it would send
 * zero). */
static int open_send(struct sockets *so)
{
	struct sock_filter none = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog filter = { 1, &none };

	so->mh_send = raw_socket(NH_MH);
	if (so->mh_send < 0)
		return so->mh_send;
	return setsockopt(so->mh_send, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) ? -errno : 0;
}

static int open_mh(struct sockets *so)
{
	int off = -1, one = 1;

	so->mh = raw_socket(NH_MH);
	if (so->mh < 0)
		return so->mh;
	/* the mark of its security association, which the state gave it: IPSEC.md §2; Linux 5.19 */
	if (setsockopt(so->mh, SOL_SOCKET, SO_RCVMARK, &one, sizeof(one)))
		return -errno;
	return setsockopt(so->mh, IPPROTO_IPV6, IPV6_CHECKSUM, &off, sizeof(off)) ? -errno : 0;
}

static int open_icmp(struct sockets *so)
{
	struct icmp6_filter filter;

	so->icmp = raw_socket(IPPROTO_ICMPV6);
	if (so->icmp < 0)
		return so->icmp;
	memset(&filter, 0xFF, sizeof(filter)); /* a bit set blocks its type, RFC 3542 §3.2 */
	for (int type = ICMP6_UNREACHABLE; type <= ICMP6_PARAM_PROBLEM; type++)
		filter.data[type / 32] &= ~(1U << type % 32);
	return setsockopt(so->icmp, IPPROTO_ICMPV6, ICMPV6_FILTER, &filter, sizeof(filter)) ? -errno : 0;
}

int sockets_open(sd_event *loop, struct datapath *dp, const struct config *config,
		 const struct kernel_handlers *handlers, struct sockets **out)
{
	struct sockets *so = calloc(1, sizeof(*so));
	int err;

	if (!so)
		return -ENOMEM;
	so->config = config;
	so->handlers = handlers;
	so->mh = so->mh_send = so->icmp = -1;
	so->home_ifindex = (int)if_nametoindex(config->home_device);
	for (int i = 0; i < BATCH; i++) {
		so->vectors[i] = (struct iovec){ so->data[i], DATAGRAM };
		so->messages[i].msg_hdr = (struct msghdr){ .msg_name = &so->names[i],
							   .msg_iov = &so->vectors[i],
							   .msg_iovlen = 1,
							   .msg_control = so->control[i] };
	}
	err = open_send(so);
	if (!err)
		err = open_mh(so);
	if (!err)
		err = open_icmp(so);
	if (!err)
		err = datapath_tags(dp, so->tag, so->route_tag);
	if (!err)
		err = sd_event_add_io(loop, &so->mh_source, so->mh, EPOLLIN, on_mh, so);
	if (!err)
		err = sd_event_add_io(loop, &so->icmp_source, so->icmp, EPOLLIN, on_icmp, so);
	if (err < 0) {
		log_error("sockets: open raw sockets: %s", strerror(-err));
		sockets_close(so);
		return err;
	}
	*out = so;
	return 0;
}

void sockets_close(struct sockets *so)
{
	if (!so)
		return;
	sd_event_source_disable_unref(so->mh_source);
	sd_event_source_disable_unref(so->icmp_source);
	if (so->mh >= 0)
		close(so->mh);
	if (so->mh_send >= 0)
		close(so->mh_send);
	if (so->icmp >= 0)
		close(so->icmp);
	explicit_bzero(so->tag, sizeof(so->tag));
	explicit_bzero(so->route_tag, sizeof(so->route_tag));
	free(so);
}

/* @ifindex 0: wherever the route leads. */
static int send_from(int fd, const struct in6_addr *src, const struct in6_addr *dst, int ifindex, const uint8_t *data,
		     size_t len)
{
	struct in6_pktinfo info = { .ipi6_addr = *src, .ipi6_ifindex = ifindex };
	struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_addr = *dst, .sin6_scope_id = ifindex };
	struct iovec vector = { (void *)data, len };
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
	return sendmsg(fd, &msg, 0) < 0 ? -errno : 0;
}

int sockets_send_mh(struct sockets *so, const struct in6_addr *src, const struct in6_addr *dst, bool via_home,
		    const uint8_t *mh, size_t len)
{
	return send_from(so->mh_send, src, dst, via_home ? so->home_ifindex : 0, mh, len);
}

int sockets_send_icmp(struct sockets *so, const struct in6_addr *src, const struct in6_addr *dst, int ifindex,
		      const uint8_t *icmp, size_t len)
{
	return send_from(so->icmp, src, dst, ifindex, icmp, len);
}
