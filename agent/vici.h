/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * strongSwan's control protocol (vici): a codec without a clock or a socket, and a session that keeps the socket, from
 * the event loop, with requests answered in order. charon is believed to be friendly but not to be well: every length
 * is checked, answers are bounded, a silent one is given up.
 */
#ifndef MOBGW_VICI_H
#define MOBGW_VICI_H

#include <systemd/sd-event.h>

#include "base.h"

enum {
	VICI_MAX = 512 * 1024, /* octets of one message, charon's own limit */
	VICI_DEPTH = 16,       /* sections within sections */
	VICI_TIMEOUT_S = 10, /* of a request; `initiate` answers when it is done: asked for with a timeout of its own */
};

/* ---- codec ---- */

/* A message being written; keys may pass through it: wiped when freed. A failed write makes all that follow fail. */
struct vici_writer;
struct vici_writer *vici_writer_new(void); /* NULL: no memory */
void vici_writer_free(struct vici_writer *w);
void vici_section(struct vici_writer *w, const char *name);
void vici_section_end(struct vici_writer *w);
void vici_value(struct vici_writer *w, const char *key, const void *value, size_t len);
void vici_text(struct vici_writer *w, const char *key, const char *format, ...) __attribute__((format(printf, 3, 4)));
void vici_list(struct vici_writer *w, const char *key, const char *const *items, size_t count);
/* 0 and the octets, which stay the writer's; -EINVAL: sections left open, too long or too deep; -ENOMEM. */
int vici_writer_end(struct vici_writer *w, const uint8_t **data, size_t *len);

/* An element as it comes out of a message. @path: "section.section.key", list items "key[]"; cut where it is too long.
 */
struct vici_element {
	char path[256];
	const uint8_t *value; /* not terminated; into the message */
	size_t len;
};
/* Calls @fn for each value and list item in order; stops where it returns nonzero and returns that. -EBADMSG:
 * malformed, and @fn may have seen what came before. */
int vici_parse(const uint8_t *data, size_t len, int (*fn)(void *arg, const struct vici_element *element), void *arg);

/* ---- session ---- */
struct vici;

struct vici_handlers {
	void *arg;
	void (*on_up)(void *arg); /* connected; events are registered already */
	void (*on_down)(void *arg,
			const char *why); /* every request under way has had its answer of -ECONNRESET before */
	/* An event that was asked for: "ike-updown", "child-updown", "child-rekey"... */
	void (*on_event)(void *arg, const char *name, const uint8_t *data, size_t len);
};
/* @events: NULL-terminated. Connects now, and again with a back-off of 1 to 30 s for as long as it lives. */
int vici_open(sd_event *loop, const char *socket_path, const char *const *events, const struct vici_handlers *handlers,
	      struct vici **out);
void vici_close(struct vici *v);
bool vici_is_up(const struct vici *v);

/* @err: 0; -ECONNRESET; -ETIMEDOUT; -EBADMSG; -ENOENT: unknown command. @data: of the answer, for the call only. */
typedef void (*vici_answer_fn)(void *arg, int err, const uint8_t *data, size_t len);
/* Sends what is in @w (NULL: an empty message), which stays the caller's. Requests wait for their turn; at most 4096
 * do: -EAGAIN. -ENOTCONN. -EINVAL: as vici_writer_end(), or too long with @command. @timeout_s 0: VICI_TIMEOUT_S. */
int vici_request(struct vici *v, const char *command, struct vici_writer *w, uint32_t timeout_s, vici_answer_fn fn,
		 void *arg);
/* Of an answer: success = yes? Else -EPROTO, with charon's own words in @why. */
int vici_succeeded(const uint8_t *data, size_t len, char *why, size_t why_size);

#endif
