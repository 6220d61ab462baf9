/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the files of XFRM share: xfrm.c (changes), xfrm_message.c (octets), xfrm_read.c (dumps, events). */
#ifndef MOBGW_XFRM_PRIV_H
#define MOBGW_XFRM_PRIV_H

#include <libmnl/libmnl.h>
#include <linux/xfrm.h>

#include "xfrm.h"

enum {
	XFRM_MESSAGE_MAX = 1024,   /* no message of ours is longer */
	XFRM_BATCH = 64 * 1024,	   /* octets a send */
	XFRM_READ_BUF = 64 * 1024, /* a datagram of the kernel's */
};

struct xfrm {
	struct mnl_socket *sock, *events;
	uint32_t seq;	/* of the last change sent or queued */
	uint32_t first; /* of the first change since the last commit */
	uint8_t *batch;
	size_t len;
	struct nlmsghdr *last; /* in the batch */
	struct xfrm_failure {
		size_t number;
		int err;
	} * failures; /* of batches sent before the commit */
	size_t failure_count, failure_room;
	int err; /* the first */
	sd_event_source *source;
	const struct xfrm_handlers *handlers;
};

/* xfrm.c: a message of at most XFRM_MESSAGE_MAX octets by itself, and the kernel's word on it. */
int xfrm_send_now(struct xfrm *x, const struct nlmsghdr *msg);

/* xfrm_message.c: each writes one message at @buf, XFRM_MESSAGE_MAX octets, without sequence number. */
struct nlmsghdr *xfrm_put_policy(void *buf, const struct xfrm_policy_spec *policy, bool replace);
struct nlmsghdr *xfrm_put_policy_delete(void *buf, enum xfrm_way way, const struct xfrm_selector_spec *sel);
struct nlmsghdr *xfrm_put_state(void *buf, const struct xfrm_state_spec *state);
struct nlmsghdr *xfrm_put_state_delete(void *buf, const struct in6_addr *dst, uint32_t spi);
struct nlmsghdr *xfrm_put_migrate(void *buf, const struct xfrm_migration *m);
/* False: not one that the caller is to hear of (another family or protocol), or malformed. */
bool xfrm_get_policy(const struct nlmsghdr *msg, struct xfrm_policy_spec *out);
/* Of one that was deleted. */
bool xfrm_get_gone_policy(const struct nlmsghdr *msg, enum xfrm_way *way, struct xfrm_selector_spec *sel);
bool xfrm_get_state(const struct nlmsghdr *msg, struct xfrm_state_spec *out);
/* Of an XFRM_MSG_NEWSA: keys and lengths, into what xfrm_get_state() filled. The caller wipes. */
void xfrm_get_keys(const struct nlmsghdr *msg, struct xfrm_state_spec *out);

#endif
