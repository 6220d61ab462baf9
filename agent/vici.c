// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A session with charon: one request under way at a time, so an answer is that of the first in the queue. Whatever
 * charon says that it may not ends the session, and another one is begun: nothing is believed of a half-read stream.
 */
#include "vici.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum packet_type {
	CMD_REQUEST,
	CMD_RESPONSE,
	CMD_UNKNOWN,
	EVENT_REGISTER,
	EVENT_UNREGISTER,
	EVENT_CONFIRM,
	EVENT_UNKNOWN,
	EVENT
};

enum {
	HEADER = 4,		 /* the length of what follows */
	WAITING_MAX = 64 * 1024, /* two for each of the connections that a list of VICI_MAX octets can name */
	BACK_OFF_MAX_S = 30,
	PACKETS_PER_WAKE = 64,
};
#define SECOND_US 1000000ull

struct request {
	struct request *next;
	uint8_t *packet; /* header and all; may hold secrets */
	size_t len, sent;
	uint32_t timeout_s;
	vici_answer_fn fn; /* NULL: registers an event */
	void *arg;
};

struct vici {
	sd_event *loop;
	sd_event_source *io, *reconnect, *timeout;
	struct sockaddr_un address;
	const char *const *events;
	struct vici_handlers handlers;
	int fd; /* -1: closed */
	bool up, told_down;
	uint32_t back_off_s;
	struct request *first, **last;
	size_t waiting;
	size_t registering; /* events not confirmed yet */
	uint8_t header[HEADER];
	uint8_t *body; /* NULL: the header is being read */
	size_t got, wanted;
};

/* ---- requests ---- */

static void free_request(struct request *request)
{
	explicit_bzero(request->packet, request->len);
	free(request->packet);
	free(request);
}

static struct request *pop(struct vici *v)
{
	struct request *request = v->first;

	v->first = request->next;
	if (!v->first)
		v->last = &v->first;
	v->waiting--;
	return request;
}

static bool fits(const char *name, size_t len)
{
	return strlen(name) <= UINT8_MAX && 2 + strlen(name) + len <= VICI_MAX;
}

/* The packet of @type with a name and a message, which fit. */
static struct request *make_request(enum packet_type type, const char *name, const uint8_t *data, size_t len)
{
	size_t name_len = strlen(name), packet = 2 + name_len + len;
	struct request *request = calloc(1, sizeof(*request));

	if (!request)
		return NULL;
	request->len = HEADER + packet;
	request->packet = malloc(request->len);
	if (!request->packet) {
		free(request);
		return NULL;
	}
	memcpy(request->packet, (uint8_t[]){ packet >> 24, packet >> 16, packet >> 8, packet, type, name_len }, 6);
	for (size_t i = 0; i < name_len; i++) /* no text: its length stands before it */
		request->packet[6 + i] = name[i];
	if (len)
		memcpy(request->packet + 6 + name_len, data, len);
	return request;
}

static void push(struct vici *v, struct request *request)
{
	*v->last = request;
	v->last = &request->next;
	v->waiting++;
	sd_event_source_set_io_events(v->io, EPOLLIN | EPOLLOUT);
}

static void answer(struct request *request, int err, const uint8_t *data, size_t len)
{
	if (request->fn)
		request->fn(request->arg, err, data, len);
	free_request(request);
}

/* ---- end of a session, and the next ---- */

static void drop_body(struct vici *v)
{
	if (v->body)
		explicit_bzero(v->body, v->wanted);
	free(v->body);
	v->body = NULL;
	v->got = 0;
}

static void wake_in(sd_event_source *timer, uint64_t us)
{
	sd_event_source_set_time_relative(timer, us);
	sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
}

static void close_socket(struct vici *v)
{
	v->io = sd_event_source_disable_unref(v->io);
	if (v->fd >= 0)
		close(v->fd);
	v->fd = -1;
	v->up = false;
	drop_body(v);
	sd_event_source_set_enabled(v->timeout, SD_EVENT_OFF);
}

/* @err: for the request under way; the others were never sent. */
static void fail(struct vici *v, int err, const char *why)
{
	close_socket(v);
	wake_in(v->reconnect, v->back_off_s * SECOND_US);
	v->back_off_s = v->back_off_s * 2 < BACK_OFF_MAX_S ? v->back_off_s * 2 : BACK_OFF_MAX_S;
	while (v->first) {
		answer(pop(v), err, NULL, 0);
		err = -ECONNRESET;
	}
	if (!v->told_down) {
		v->told_down = true;
		v->handlers.on_down(v->handlers.arg, why);
	}
}

/* ---- what comes ---- */

static void next_request(struct vici *v)
{
	sd_event_source_set_enabled(v->timeout, SD_EVENT_OFF);
	if (v->first)
		sd_event_source_set_io_events(v->io, EPOLLIN | EPOLLOUT);
}

static void registered(struct vici *v, bool known)
{
	struct request *request = pop(v);

	if (!known)
		log_warn("ike: this strongSwan has no event %.*s", request->packet[5], (char *)request->packet + 6);
	free_request(request);
	next_request(v);
	if (--v->registering)
		return;
	v->up = true;
	v->told_down = false;
	v->handlers.on_up(v->handlers.arg);
}

static bool on_named(struct vici *v, const uint8_t *data, size_t len)
{
	char name[UINT8_MAX + 1];

	if (!len || len - 1 < data[0])
		return false;
	memcpy(name, data + 1, data[0]);
	name[data[0]] = '\0';
	if (v->up)
		v->handlers.on_event(v->handlers.arg, name, data + 1 + data[0], len - 1 - data[0]);
	return true;
}

/* False: charon may not say that now. */
static bool take_packet(struct vici *v, const uint8_t *data, size_t len)
{
	struct request *first = v->first && v->first->sent == v->first->len ? v->first : NULL;

	switch (data[0]) {
	case EVENT:
		return on_named(v, data + 1, len - 1);
	case EVENT_CONFIRM:
	case EVENT_UNKNOWN:
		if (!first || first->fn)
			return false;
		registered(v, data[0] == EVENT_CONFIRM);
		return true;
	case CMD_RESPONSE:
	case CMD_UNKNOWN:
		if (!first || !first->fn)
			return false;
		pop(v);
		v->back_off_s = 1; /* it does more than to take events down */
		next_request(v);
		answer(first, data[0] == CMD_RESPONSE ? 0 : -ENOENT, data + 1, len - 1);
		return true;
	}
	return false;
}

/* Where the next octets go to. */
static ssize_t read_some(struct vici *v)
{
	uint8_t *to = v->body ? v->body : v->header;
	size_t wanted = v->body ? v->wanted : HEADER;
	ssize_t got = recv(v->fd, to + v->got, wanted - v->got, 0);

	if (got > 0)
		v->got += got;
	return got;
}

static bool begin_body(struct vici *v)
{
	v->wanted = (size_t)v->header[0] << 24 | v->header[1] << 16 | v->header[2] << 8 | v->header[3];
	v->got = 0;
	if (!v->wanted || v->wanted > VICI_MAX)
		return false;
	v->body = malloc(v->wanted);
	return v->body;
}

/* 1: go on; 0: nothing more for now; -1: the session has ended. */
static int read_step(struct vici *v)
{
	ssize_t got = read_some(v);
	uint8_t *packet;
	size_t len;
	bool good;

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (got <= 0) {
		fail(v, -ECONNRESET, got ? strerror(errno) : "charon closed the connection");
		return -1;
	}
	if (v->got < (v->body ? v->wanted : HEADER))
		return 1;
	if (!v->body) {
		if (begin_body(v))
			return 1;
		fail(v, -EBADMSG, "what answers there is not vici: a length out of range");
		return -1;
	}
	packet = v->body;
	len = v->wanted;
	v->body = NULL;
	v->got = 0;
	good = take_packet(v, packet, len);
	explicit_bzero(packet, len);
	free(packet);
	if (good)
		return 1;
	fail(v, -EBADMSG, "what answers there is not vici: a packet out of turn");
	return -1;
}

/* ---- what goes ---- */

static int write_first(struct vici *v)
{
	struct request *first = v->first;
	ssize_t sent;

	if (!first || first->sent == first->len) {
		sd_event_source_set_io_events(v->io, EPOLLIN);
		return 0;
	}
	if (!first->sent)
		wake_in(v->timeout, first->timeout_s * SECOND_US);
	sent = send(v->fd, first->packet + first->sent, first->len - first->sent, MSG_NOSIGNAL);
	if (sent < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (sent < 0)
		return -errno;
	first->sent += sent;
	if (first->sent == first->len)
		sd_event_source_set_io_events(v->io, EPOLLIN);
	return 0;
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	struct vici *v = arg;
	int err, more = 1;

	if (revents & EPOLLOUT) {
		err = write_first(v);
		if (err) {
			fail(v, -ECONNRESET, strerror(-err));
			return 0;
		}
	}
	for (int i = 0; revents & (EPOLLIN | EPOLLHUP | EPOLLERR) && more > 0 && i < PACKETS_PER_WAKE; i++)
		more = read_step(v);
	return 0;
}

static int on_timeout(sd_event_source *source, uint64_t usec, void *arg)
{
	fail(arg, -ETIMEDOUT, "charon does not answer");
	return 0;
}

/* ---- life ---- */

static int open_socket(struct vici *v)
{
	v->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (v->fd < 0 || connect(v->fd, (struct sockaddr *)&v->address, sizeof(v->address)))
		return -errno;
	return sd_event_add_io(v->loop, &v->io, v->fd, EPOLLIN, on_io, v);
}

static int register_events(struct vici *v)
{
	v->registering = 0;
	for (; v->events[v->registering]; v->registering++) {
		const char *name = v->events[v->registering];
		struct request *request = fits(name, 0) ? make_request(EVENT_REGISTER, name, NULL, 0) : NULL;

		if (!request)
			return -ENOMEM;
		request->timeout_s = VICI_TIMEOUT_S;
		push(v, request);
	}
	return 0;
}

static int on_reconnect(sd_event_source *source, uint64_t usec, void *arg)
{
	struct vici *v = arg;
	int err = open_socket(v);

	if (!err)
		err = register_events(v);
	if (err)
		fail(v, -ECONNRESET, strerror(-err));
	return 0;
}

static int add_timer(struct vici *v, sd_event_source **timer, sd_event_time_handler_t fn)
{
	int err = sd_event_add_time_relative(v->loop, timer, CLOCK_MONOTONIC, 0, 0, fn, v);

	return err < 0 ? err : sd_event_source_set_enabled(*timer, SD_EVENT_OFF);
}

int vici_open(sd_event *loop, const char *socket_path, const char *const *events, const struct vici_handlers *handlers,
	      struct vici **out)
{
	struct vici *v = calloc(1, sizeof(*v));
	int err;

	*out = NULL;
	if (!v)
		return -ENOMEM;
	v->loop = loop;
	v->events = events;
	v->handlers = *handlers;
	v->fd = -1;
	v->back_off_s = 1;
	v->last = &v->first;
	v->address.sun_family = AF_UNIX;
	if (strlen(socket_path) >= sizeof(v->address.sun_path) || !events[0]) {
		free(v);
		return -EINVAL;
	}
	memcpy(v->address.sun_path, socket_path, strlen(socket_path) + 1);
	err = add_timer(v, &v->reconnect, on_reconnect);
	if (err >= 0)
		err = add_timer(v, &v->timeout, on_timeout);
	if (err < 0) {
		vici_close(v);
		return err;
	}
	wake_in(v->reconnect, 0); /* from the loop: handlers are not called before it runs */
	*out = v;
	return 0;
}

void vici_close(struct vici *v)
{
	if (!v)
		return;
	close_socket(v);
	while (v->first)
		free_request(pop(v));
	sd_event_source_disable_unref(v->reconnect);
	sd_event_source_disable_unref(v->timeout);
	free(v);
}

bool vici_is_up(const struct vici *v)
{
	return v->up;
}

int vici_request(struct vici *v, const char *command, struct vici_writer *w, uint32_t timeout_s, vici_answer_fn fn,
		 void *arg)
{
	struct request *request;
	const uint8_t *data = NULL;
	size_t len = 0;
	int err = w ? vici_writer_end(w, &data, &len) : 0;

	if (err)
		return err;
	if (!fits(command, len))
		return -EINVAL;
	if (!v->up)
		return -ENOTCONN;
	if (v->waiting >= WAITING_MAX)
		return -EAGAIN;
	request = make_request(CMD_REQUEST, command, data, len);
	if (!request)
		return -ENOMEM;
	request->timeout_s = timeout_s ? timeout_s : VICI_TIMEOUT_S;
	request->fn = fn;
	request->arg = arg;
	push(v, request);
	return 0;
}
