// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What XFRM has, and what it tells unasked. */
#include "xfrm_priv.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { EVENT_RCVBUF = 8 << 20 };

/* ---- dumps ---- */

struct dump {
	void (*policy)(void *arg, const struct xfrm_policy_spec *policy);
	void (*state)(void *arg, const struct xfrm_state_spec *state);
	void *arg;
};

static int on_dumped(const struct nlmsghdr *msg, void *arg)
{
	const struct dump *d = arg;
	struct xfrm_policy_spec policy;
	struct xfrm_state_spec state;

	if (d->policy && xfrm_get_policy(msg, &policy))
		d->policy(d->arg, &policy);
	if (d->state && xfrm_get_state(msg, &state)) {
		xfrm_get_keys(msg, &state);
		d->state(d->arg, &state);
		explicit_bzero(&state, sizeof(state));
	}
	return MNL_CB_OK;
}

/* A socket of its own: answers to changes must not be among it. Keys of states come with a dump: the buffer is wiped.
 */
static int dump(uint16_t type, struct dump *d)
{
	struct mnl_socket *sock = mnl_socket_open2(NETLINK_XFRM, SOCK_CLOEXEC);
	uint8_t *buf = calloc(1, XFRM_READ_BUF);
	struct nlmsghdr *msg;
	int ret = sock && buf ? MNL_CB_OK : MNL_CB_ERROR;

	if (ret == MNL_CB_OK && mnl_socket_bind(sock, 0, MNL_SOCKET_AUTOPID) < 0)
		ret = MNL_CB_ERROR;
	if (ret == MNL_CB_OK) {
		msg = mnl_nlmsg_put_header(buf);
		msg->nlmsg_type = type;
		msg->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
		msg->nlmsg_seq = 1;
		if (mnl_socket_sendto(sock, msg, msg->nlmsg_len) < 0)
			ret = MNL_CB_ERROR;
	}
	while (ret > MNL_CB_STOP) {
		ssize_t got = mnl_socket_recvfrom(sock, buf, XFRM_READ_BUF);

		ret = got < 0 ? MNL_CB_ERROR : mnl_cb_run(buf, got, 1, mnl_socket_get_portid(sock), on_dumped, d);
	}
	ret = ret == MNL_CB_ERROR ? -errno : 0;
	if (buf)
		explicit_bzero(buf, XFRM_READ_BUF);
	free(buf);
	if (sock)
		mnl_socket_close(sock);
	return ret;
}

int xfrm_dump_policies(struct xfrm *x, void (*fn)(void *arg, const struct xfrm_policy_spec *policy), void *arg)
{
	return dump(XFRM_MSG_GETPOLICY, &(struct dump){ .policy = fn, .arg = arg });
}

int xfrm_dump_states(struct xfrm *x, void (*fn)(void *arg, const struct xfrm_state_spec *state), void *arg)
{
	return dump(XFRM_MSG_GETSA, &(struct dump){ .state = fn, .arg = arg });
}

/* ---- events ---- */

static void on_acquire(struct xfrm *x, const struct nlmsghdr *msg)
{
	struct xfrm_user_acquire want; /* copied: it has numbers of 64 bits, and stands anywhere */
	const struct nlattr *attr;

	if (mnl_nlmsg_get_payload_len(msg) < sizeof(want))
		return;
	memcpy(&want, mnl_nlmsg_get_payload(msg), sizeof(want));
	if (want.sel.family != AF_INET6)
		return;
	mnl_attr_for_each(attr, msg, sizeof(want))
	{
		const struct xfrm_user_tmpl *tmpl = mnl_attr_get_payload(attr);
		struct in6_addr src, dst;

		if (mnl_attr_get_type(attr) != XFRMA_TMPL || mnl_attr_get_payload_len(attr) < sizeof(*tmpl))
			continue;
		memcpy(&src, want.sel.saddr.a6, sizeof(src));
		memcpy(&dst, want.sel.daddr.a6, sizeof(dst));
		x->handlers->on_acquire(x->handlers->arg, tmpl->reqid, &src, &dst);
	}
}

static int on_message(const struct nlmsghdr *msg, void *arg)
{
	struct xfrm *x = arg;
	struct xfrm_selector_spec sel;
	struct xfrm_policy_spec policy;
	struct xfrm_state_spec state;
	enum xfrm_way way;

	if (msg->nlmsg_type == XFRM_MSG_ACQUIRE) {
		on_acquire(x, msg);
	} else if (xfrm_get_gone_policy(msg, &way, &sel)) {
		x->handlers->on_policy_gone(x->handlers->arg, way, &sel);
	} else if (xfrm_get_policy(msg, &policy)) {
		x->handlers->on_policy_set(x->handlers->arg, &policy);
	} else if (msg->nlmsg_type == XFRM_MSG_FLUSHSA || msg->nlmsg_type == XFRM_MSG_FLUSHPOLICY) {
		x->handlers->on_overrun(x->handlers->arg); /* it doesn't say which */
	} else if (msg->nlmsg_type == XFRM_MSG_EXPIRE &&
		   mnl_nlmsg_get_payload_len(msg) >= sizeof(struct xfrm_user_expire) &&
		   !((uint8_t *)mnl_nlmsg_get_payload(msg))[offsetof(struct xfrm_user_expire, hard)]) {
		return MNL_CB_OK; /* whoever keyed it makes another */
	} else if (xfrm_get_state(msg, &state)) {
		x->handlers->on_state(x->handlers->arg, &state,
				      msg->nlmsg_type == XFRM_MSG_NEWSA || msg->nlmsg_type == XFRM_MSG_UPDSA);
	}
	return MNL_CB_OK;
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	static uint8_t buf[XFRM_READ_BUF];
	struct xfrm *x = arg;

	for (;;) {
		ssize_t got = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);

		if (got < 0 && errno == ENOBUFS) {
			x->handlers->on_overrun(x->handlers->arg);
			continue;
		}
		if (got <= 0)
			break;
		mnl_cb_run(buf, got, 0, 0, on_message, x);
		explicit_bzero(buf, got); /* a new state comes with its keys */
	}
	return 0;
}

int xfrm_watch(struct xfrm *x, sd_event *loop, const struct xfrm_handlers *handlers)
{
	static const int groups[] = { XFRMNLGRP_SA, XFRMNLGRP_EXPIRE, XFRMNLGRP_ACQUIRE, XFRMNLGRP_POLICY };
	int size = EVENT_RCVBUF, err;

	x->handlers = handlers;
	x->events = mnl_socket_open2(NETLINK_XFRM, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!x->events || mnl_socket_bind(x->events, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	setsockopt(mnl_socket_get_fd(x->events), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		if (mnl_socket_setsockopt(x->events, NETLINK_ADD_MEMBERSHIP, (void *)&groups[i], sizeof(groups[i])) < 0)
			return -errno;
	err = sd_event_add_io(loop, &x->source, mnl_socket_get_fd(x->events), EPOLLIN, on_readable, x);
	return err < 0 ? err : 0;
}
