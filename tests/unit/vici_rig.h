/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A session of vici with a charon that the test plays: both ends of a real socket, one thread, one loop. A second of
 * vici.c lasts a millisecond here and is written down; what it sends may be held back.
 */
#ifndef MOBGW_VICI_RIG_H
#define MOBGW_VICI_RIG_H

#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <systemd/sd-event.h>

enum { TIMERS_MAX = 64, PUMP_MAX = 100000 };

static struct {
	sd_event_source *timer;
	uint64_t us;
} timers[TIMERS_MAX];
static size_t timer_count;
static size_t send_most; /* octets that go at once; 0: any */
static size_t send_room; /* octets that go until the socket is full */
static int send_error;

static int quick_time(sd_event_source *timer, uint64_t us)
{
	if (timer_count < TIMERS_MAX) {
		timers[timer_count].timer = timer;
		timers[timer_count++].us = us;
	}
	sd_event_source_set_time_accuracy(timer, 1); /* else up to 250 ms late */
	return sd_event_source_set_time_relative(timer, us / 1000);
}

static ssize_t held_send(int fd, const void *data, size_t len, int flags)
{
	ssize_t sent;

	if (send_error || !send_room) {
		errno = send_error ? send_error : EAGAIN;
		return -1;
	}
	len = send_most && len > send_most ? send_most : len;
	sent = send(fd, data, len < send_room ? len : send_room, flags);
	send_room -= sent > 0 ? sent : 0;
	return sent;
}

#define sd_event_source_set_time_relative quick_time
#define send held_send
#pragma push_macro("fail") /* vici.c has one of its own */
#undef fail
#define fail end_session
#include "../../agent/vici.c"
#undef sd_event_source_set_time_relative
#undef send
#undef fail
#pragma pop_macro("fail")

/* ---- what the session tells ---- */

static char directory[32], path[64];
static sd_event *loop;
static struct vici *vici;
static int listener, charon; /* -1: closed */
static char told[16384];
static size_t told_len;
static void (*when_up)(void);

static void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void tell(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	told_len += vsnprintf(told + told_len, sizeof(told) - told_len, format, args);
	va_end(args);
	assert_true(told_len < sizeof(told));
}

/* What was told since the last time. */
static const char *news(void)
{
	static char text[sizeof(told)];

	memcpy(text, told, told_len);
	text[told_len] = '\0';
	told_len = 0;
	return text;
}

static void note_up(void *arg)
{
	assert_true(vici_is_up(vici));
	tell("up ");
	if (when_up)
		when_up();
}

static void note_down(void *arg, const char *why)
{
	assert_false(vici_is_up(vici));
	assert_true(why && *why);
	tell("down ");
}

static void note_event(void *arg, const char *name, const uint8_t *data, size_t len)
{
	tell("event-%s:%.*s ", name, (int)(len < 100 ? len : 100), (const char *)data);
}

/* @arg: a name for it. */
static void note_answer(void *arg, int err, const uint8_t *data, size_t len)
{
	if (err)
		tell("%s=%s ", (const char *)arg, strerrorname_np(-err));
	else
		tell("%s:%.*s ", (const char *)arg, (int)(len < 100 ? len : 100), (const char *)data);
}

/* ---- charon ---- */

/* All that is due. Return: how many times something was. */
static int pump(void)
{
	int count = 0;

	while (sd_event_run(loop, 0) > 0)
		assert_true(++count < PUMP_MAX); /* never at rest */
	return count;
}

/* Until what was asked for is so; far longer than timers need. */
static void pump_until(bool (*done)(void))
{
	struct timespec start, now;

	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		sd_event_run(loop, 5000);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (!done() && now.tv_sec - start.tv_sec < 10);
	assert_true(done());
}

static void begin_listening(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	strcpy(at.sun_path, path);
	unlink(path);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_true(listener >= 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(listener, 4), 0);
}

static void stop_listening(void)
{
	close(listener);
	listener = -1;
	unlink(path);
}

static bool accepted(void)
{
	if (charon < 0)
		charon = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	return charon >= 0;
}

static void hang_up(void)
{
	close(charon);
	charon = -1;
}

/* The session's end is closed, and nothing more came. */
static bool is_hung_up(void)
{
	uint8_t octet;
	ssize_t got;

	pump();
	got = recv(charon, &octet, 1, 0);
	return got == 0 || (got < 0 && errno == ECONNRESET); /* reset: it had not read all */
}

/* @len octets of the session's; less when it says nothing more. */
static size_t hear(void *to, size_t len)
{
	size_t have = 0;

	for (int idle = 0; have < len && idle < 3;) {
		ssize_t got = recv(charon, (uint8_t *)to + have, len - have, 0);

		idle = got > 0 ? 0 : idle + 1;
		have += got > 0 ? got : 0;
		pump();
	}
	return have;
}

/* The next packet is of that type and name, its message these octets. */
static void expect(enum packet_type type, const char *name, const char *message)
{
	size_t name_len = strlen(name), len = strlen(message);
	uint8_t head[HEADER + 2], body[512];

	assert_int_equal(hear(head, sizeof(head)), sizeof(head));
	assert_int_equal(head[0] << 24 | head[1] << 16 | head[2] << 8 | head[3], 2 + name_len + len);
	assert_int_equal(head[4], type);
	assert_int_equal(head[5], name_len);
	assert_int_equal(hear(body, name_len + len), name_len + len);
	assert_memory_equal(body, name, name_len);
	assert_memory_equal(body + name_len, message, len);
}

static void expect_silence(void)
{
	uint8_t octet;

	assert_int_equal(hear(&octet, 1), 0);
}

static void say_octets(const void *data, size_t len)
{
	for (size_t sent = 0; sent < len;) {
		ssize_t now = send(charon, (const uint8_t *)data + sent, len - sent, MSG_NOSIGNAL);

		sent += now > 0 ? now : 0;
		assert_true(now > 0 || errno == EAGAIN);
		pump();
	}
}

/* @name: of an event; NULL: none. */
static size_t packet(uint8_t *out, enum packet_type type, const char *name, const char *message)
{
	size_t name_len = name ? 1 + strlen(name) : 0, len = 1 + name_len + strlen(message);

	memcpy(out, (uint8_t[]){ len >> 24, len >> 16, len >> 8, len, type }, 5);
	if (name) {
		out[5] = name_len - 1;
		memcpy(out + 6, name, name_len - 1);
	}
	memcpy(out + 5 + name_len, message, strlen(message));
	return HEADER + len;
}

static void say(enum packet_type type, const char *name, const char *message)
{
	uint8_t octets[1024];

	say_octets(octets, packet(octets, type, name, message));
}

/* ---- a session ---- */

static const char *const events[] = { "ike-updown", "child-updown", NULL };

static void open_session(void)
{
	static const struct vici_handlers handlers = { NULL, note_up, note_down, note_event };

	assert_int_equal(vici_open(loop, path, events, &handlers, &vici), 0);
}

static void confirm_events(void)
{
	pump_until(accepted);
	for (size_t i = 0; events[i]; i++) {
		expect(EVENT_REGISTER, events[i], "");
		say(EVENT_CONFIRM, NULL, "");
	}
	assert_true(vici_is_up(vici));
}

static int set_up(void **state)
{
	timer_count = send_most = told_len = 0;
	send_room = SIZE_MAX;
	send_error = 0;
	when_up = NULL;
	charon = -1;
	strcpy(directory, "/tmp/vici_test.XXXXXX");
	if (!mkdtemp(directory) || sd_event_new(&loop) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/vici", directory);
	begin_listening();
	open_session();
	return 0;
}

/* And registered, with nothing told yet. */
static int set_up_session(void **state)
{
	if (set_up(state))
		return -1;
	confirm_events();
	assert_string_equal(news(), "up ");
	timer_count = 0;
	return 0;
}

static int tear_down(void **state)
{
	vici_close(vici);
	if (charon >= 0)
		close(charon);
	if (listener >= 0)
		stop_listening();
	sd_event_unref(loop);
	return rmdir(directory);
}

/* A request whose message is @text as it is: the session doesn't look into it. */
static int ask(const char *command, const char *name, uint32_t timeout_s)
{
	return vici_request(vici, command, NULL, timeout_s, note_answer, (void *)name);
}

#endif
