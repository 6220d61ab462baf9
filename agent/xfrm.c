// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Changes of policies and states, many in one send: only the last of a batch asks for an answer, errors come unasked
 * and are told apart by their sequence numbers. What held a key is wiped.
 */
#include "xfrm_priv.h"

#include <errno.h>
#include <stdlib.h>

enum { RCVBUF = 8 << 20 /* errors of a whole batch, each with the message it is about */ };

struct replies {
	struct xfrm *x;
	xfrm_failed_fn failed;
	void *arg;
	int first;     /* error */
	uint32_t last; /* sequence number that asked for an answer */
	bool done;
};

int xfrm_open(struct xfrm **out)
{
	struct xfrm *x = calloc(1, sizeof(*x));
	int err, one = 1;

	if (!x)
		return -ENOMEM;
	x->batch = malloc(XFRM_BATCH + XFRM_MESSAGE_MAX);
	x->sock = x->batch ? mnl_socket_open2(NETLINK_XFRM, SOCK_CLOEXEC) : NULL;
	if (!x->sock || mnl_socket_bind(x->sock, 0, MNL_SOCKET_AUTOPID) < 0) {
		err = x->batch ? -errno : -ENOMEM;
		xfrm_close(x);
		return err;
	}
	/* errors without the message they are about: it may hold a key */
	mnl_socket_setsockopt(x->sock, NETLINK_CAP_ACK, &one, sizeof(one));
	one = RCVBUF;
	setsockopt(mnl_socket_get_fd(x->sock), SOL_SOCKET, SO_RCVBUFFORCE, &one, sizeof(one));
	x->first = 1;
	*out = x;
	return 0;
}

void xfrm_close(struct xfrm *x)
{
	if (!x)
		return;
	sd_event_source_disable_unref(x->source);
	if (x->events)
		mnl_socket_close(x->events);
	if (x->sock)
		mnl_socket_close(x->sock);
	if (x->batch)
		explicit_bzero(x->batch, XFRM_BATCH + XFRM_MESSAGE_MAX);
	free(x->failures);
	free(x->batch);
	free(x);
}

static void take_replies(struct replies *r, const uint8_t *buf, int len)
{
	const struct nlmsghdr *msg = (const void *)buf;

	for (; mnl_nlmsg_ok(msg, len); msg = mnl_nlmsg_next(msg, &len)) {
		const struct nlmsgerr *error = mnl_nlmsg_get_payload(msg);

		if (msg->nlmsg_type != NLMSG_ERROR || mnl_nlmsg_get_payload_len(msg) < sizeof(error->error) ||
		    msg->nlmsg_seq - r->x->first > r->last - r->x->first)
			continue;
		if (error->error && !r->first)
			r->first = error->error;
		if (error->error && r->failed)
			r->failed(r->arg, msg->nlmsg_seq - r->x->first, error->error);
		if (msg->nlmsg_seq == r->last)
			r->done = true;
	}
}

/* Sends the batch and reads what the kernel says of it: it works on a send before it returns. */
static void flush(struct xfrm *x, struct replies *r)
{
	uint8_t buf[XFRM_READ_BUF];

	if (!x->len)
		return;
	x->last->nlmsg_flags |= NLM_F_ACK;
	r->last = x->seq;
	r->done = false;
	if (mnl_socket_sendto(x->sock, x->batch, x->len) < 0) {
		r->first = r->first ? r->first : -errno;
		r->done = true;
	}
	explicit_bzero(x->batch, x->len);
	x->len = 0;
	while (!r->done) {
		ssize_t got = mnl_socket_recvfrom(x->sock, buf, sizeof(buf));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) { /* ENOBUFS: more errors than fit, so there is one at least */
			r->first = r->first ? r->first : -errno;
			return;
		}
		take_replies(r, buf, (int)got);
	}
}

/* Told at the commit; without memory for it only the first error is. */
static void remember_failure(void *arg, size_t number, int err)
{
	struct xfrm *x = arg;

	if (x->failure_count == x->failure_room) {
		size_t room = x->failure_room ? x->failure_room * 2 : 64;
		void *bigger = reallocarray(x->failures, room, sizeof(*x->failures));

		if (!bigger)
			return;
		x->failures = bigger;
		x->failure_room = room;
	}
	x->failures[x->failure_count++] = (struct xfrm_failure){ number, err };
}

static void make_room(struct xfrm *x)
{
	struct replies r = { .x = x, .failed = remember_failure, .arg = x };

	if (x->len < XFRM_BATCH)
		return;
	flush(x, &r);
	x->err = x->err ? x->err : r.first;
}

static size_t queue(struct xfrm *x, struct nlmsghdr *msg)
{
	msg->nlmsg_seq = ++x->seq;
	x->last = msg;
	x->len += MNL_ALIGN(msg->nlmsg_len);
	return x->seq - x->first;
}

static void *room(struct xfrm *x)
{
	make_room(x);
	return x->batch + x->len;
}

size_t xfrm_policy_set(struct xfrm *x, const struct xfrm_policy_spec *policy, bool replace)
{
	return queue(x, xfrm_put_policy(room(x), policy, replace));
}

size_t xfrm_policy_delete(struct xfrm *x, enum xfrm_way way, const struct xfrm_selector_spec *sel)
{
	return queue(x, xfrm_put_policy_delete(room(x), way, sel));
}

size_t xfrm_state_add(struct xfrm *x, const struct xfrm_state_spec *state)
{
	return queue(x, xfrm_put_state(room(x), state));
}

size_t xfrm_state_delete(struct xfrm *x, const struct in6_addr *dst, uint32_t spi)
{
	return queue(x, xfrm_put_state_delete(room(x), dst, spi));
}

int xfrm_commit(struct xfrm *x, xfrm_failed_fn failed, void *arg)
{
	struct replies r = { .x = x, .failed = failed, .arg = arg };
	int err;

	for (size_t i = 0; failed && i < x->failure_count; i++)
		failed(arg, x->failures[i].number, x->failures[i].err);
	x->failure_count = 0;
	flush(x, &r);
	err = x->err ? x->err : r.first;
	x->err = 0;
	x->first = x->seq + 1;
	return err;
}

int xfrm_send_now(struct xfrm *x, const struct nlmsghdr *msg)
{
	xfrm_commit(x, NULL, NULL); /* nothing of it gets into another's errors */
	queue(x, memcpy(room(x), msg, msg->nlmsg_len));
	return xfrm_commit(x, NULL, NULL);
}

int xfrm_migrate(struct xfrm *x, const struct xfrm_migration *m)
{
	xfrm_commit(x, NULL, NULL); /* nothing of it gets into another's errors */
	queue(x, xfrm_put_migrate(room(x), m));
	return xfrm_commit(x, NULL, NULL);
}
