/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The control socket: keeps at most CONTROL_CLIENTS clients, reads requests, sends replies and events. The
 * protocol is drawn in control.h; the socket file is control_socket.c's, what stands in a
 * reply control_reply.c's and control_node.c's.
 *
 * Nothing here may hold up signalling: sockets never block, a turn of the event loop serves one request or one page, a
 * client that does not read gets no more work done for it, and one that subscribed and does not read is cut off.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "control.h"

enum { COMPLAIN_EVERY_S = 10 }; /* clients can make us log no more often than that */

struct client {
	struct control *control;
	int fd;
	sd_event_source *source;
	struct ucred peer;
	char in[CONTROL_REQUEST_MAX]; /* octets received, from the start of a line */
	size_t in_len;
	char *out; /* octets waiting: out[out_start] to out[out_end] */
	size_t out_start, out_end, out_size;
	struct in6_addr *listing; /* home addresses still to be sent from listing_next on; NULL: no listing going on */
	size_t listing_next, listing_count;
	bool monitor;
	bool working; /* its request is being run: it must outlive the events which that causes */
	bool eof;     /* it will ask nothing more, but may still read */
	bool closing; /* hang up when everything is sent */
};

struct control {
	struct gateway *gw;
	char *path;
	dev_t dev; /* of the socket file, so that only our own is removed */
	ino_t ino;
	int fd;
	sd_event_source *source;
	struct client *clients[CONTROL_CLIENTS];
	struct redirect_counters *redirects;
	unsigned int listings;
	struct mono started, complained;
};

static int64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static struct mono mono_now(void)
{
	return (struct mono){ clock_ns(CLOCK_MONOTONIC) };
}

static void client_end_listing(struct client *client)
{
	if (client->listing)
		client->control->listings--;
	free(client->listing);
	client->listing = NULL;
}

static void client_drop(struct client *client)
{
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		if (client->control->clients[i] == client)
			client->control->clients[i] = NULL;
	client_end_listing(client);
	sd_event_source_disable_unref(client->source);
	close(client->fd);
	free(client->out);
	free(client);
}

static size_t client_waiting(const struct client *client)
{
	return client->out_end - client->out_start;
}

/* Room for @len more octets, or false: over CONTROL_QUEUE_MAX, or no memory. */
static bool client_reserve(struct client *client, size_t len)
{
	size_t need = client_waiting(client) + len, size = client->out_size ? client->out_size : 4096;
	char *grown;

	if (need > CONTROL_QUEUE_MAX)
		return false;
	if (client->out)
		memmove(client->out, client->out + client->out_start, client_waiting(client));
	client->out_end -= client->out_start;
	client->out_start = 0;
	while (size < need)
		size *= 2;
	if (size == client->out_size)
		return true;
	grown = realloc(client->out, size);
	if (!grown)
		return false;
	client->out = grown;
	client->out_size = size;
	return true;
}

/* Appends @line and a newline to what waits. */
static bool client_queue(struct client *client, const char *line, size_t len)
{
	if (client->out_size - client->out_end < len + 1 && !client_reserve(client, len + 1))
		return false;
	memcpy(client->out + client->out_end, line, len);
	client->out[client->out_end + len] = '\n';
	client->out_end += len + 1;
	return true;
}

/* Takes the reference. A reply that can't be made or kept ends the connection: half an answer is worse than none. */
static void client_send(struct client *client, json_t *message)
{
	char *line = message ? json_dumps(message, JSON_COMPACT) : NULL;

	if (!line || !client_queue(client, line, strlen(line))) {
		log_debug("control: answer to process %d: %s", (int)client->peer.pid,
			  line ? "queue full" : "out of memory");
		client->closing = true;
	}
	free(line);
	json_decref(message);
}

static void client_error(struct client *client, const char *code, const char *message, const char *cure)
{
	client_send(client, json_pack("{s:i, s:{s:s, s:s, s:s}}", "version", CONTROL_VERSION, "error", "code", code,
				      "message", message, "cure", cure));
}

static void client_refuse(struct client *client, const struct control_refusal *why)
{
	client_error(client, why->code, why->message, why->cure);
}

static void client_reply(struct client *client, const char *what, bool more, json_t *data)
{
	if (data)
		client_send(client, json_pack("{s:i, s:s, s:b, s:o}", "version", CONTROL_VERSION, "reply", what, "more",
					      more, "data", data));
	else
		client_error(client, "unavailable", "the daemon could not read what was asked for",
			     "its log says why: journalctl -u mobgwd");
}

static struct control_view control_view(const struct control *control)
{
	struct control_view view = {
		.gw = control->gw, .redirects = control->redirects, .now = mono_now(), .started = control->started
	};

	for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
		view.clients += control->clients[i] != NULL;
		view.monitors += control->clients[i] && control->clients[i]->monitor;
	}
	return view;
}

static void client_send_page(struct client *client)
{
	struct control_view view = control_view(client->control);
	size_t left = client->listing_count - client->listing_next;
	size_t count = left < CONTROL_PAGE ? left : CONTROL_PAGE;

	client_reply(
		client, "bindings", left > count,
		control_reply_bindings(&view, client->listing + client->listing_next, count, client->listing_count));
	client->listing_next += count;
	if (left == count || client->closing)
		client_end_listing(client);
}

/* binding_count() bounds it: nothing is added while we walk. */
static int remember_home(struct binding_entry *entry, void *arg)
{
	struct client *client = arg;

	client->listing[client->listing_count++] = entry->home;
	return 0;
}

/* A mobile node's own are few (LIMIT_HOME_ADDRESSES) and not of a cache: a page of their own before the others. */
static void send_homes(struct client *client, const struct in6_addr *home)
{
	struct control_view view = control_view(client->control);

	client_reply(client, "bindings", client->listing_count > 0, control_reply_homes(&view, home));
}

/* A home agent's, and those that a correspondent's part of any node has. */
static void remember_listing(struct client *client, const struct in6_addr *home)
{
	struct gateway *gw = client->control->gw;
	struct binding_cache *caches[] = { gw->bindings, correspondent_bindings(gw) };

	for (size_t i = 0; i < ARRAY_SIZE(caches); i++) {
		if (!home)
			binding_for_each(caches[i], remember_home, client);
		else if (binding_find(caches[i], home))
			client->listing[client->listing_count++] = *home;
	}
}

/*
 * A listing is a list of home addresses taken in one go, looked up again page by page: bindings may come and go between
 * two pages, and neither a position nor a pointer into the cache would survive that.
 */
static void show_bindings(struct client *client, json_t *request)
{
	struct control *control = client->control;
	struct gateway *gw = control->gw;
	const char *wanted = json_string_value(json_object_get(request, "home_address"));
	size_t most = binding_count(gw->bindings) + binding_count(correspondent_bindings(gw)) + 1;
	struct in6_addr home;

	if (json_object_get(request, "home_address") && (!wanted || inet_pton(AF_INET6, wanted, &home) != 1)) {
		client_error(client, "malformed", "home_address is no IPv6 address",
			     "write it like \"2001:db8:1::100\"");
		return;
	}
	if (control->listings >= CONTROL_LISTINGS) {
		client_error(client, "busy", "others are listing the bindings at this moment", "ask again in a second");
		return;
	}
	client->listing = malloc(most * sizeof(*client->listing));
	if (!client->listing) {
		client->closing = true;
		return;
	}
	control->listings++;
	client->listing_next = 0;
	client->listing_count = 0;
	remember_listing(client, wanted ? &home : NULL);
	if (gw->config->roles & ROLE_MOBILE_NODE)
		send_homes(client, wanted ? &home : NULL);
	if (client->listing_count || !(gw->config->roles & ROLE_MOBILE_NODE))
		client_send_page(client);
	else
		client_end_listing(client);
}

static const struct view {
	const char *what;
	json_t *(*build)(const struct control_view *view); /* NULL: bindings, which come in pages */
	bool of_node;					   /* a mobile node's alone */
} views[] = {
	{ "status", control_reply_status, false },     { "interfaces", control_reply_interfaces, false },
	{ "counters", control_reply_counters, false }, { "bindings", NULL, false },
	{ "uplinks", control_reply_uplinks, true },    { "peers", control_reply_peers, true },
	{ "nonces", control_reply_nonces, false },     { "ipsec", control_reply_ipsec, false },
};

static void show_view(struct client *client, const struct view *wanted, json_t *request)
{
	struct control_refusal why;
	struct control_view view;

	if (!wanted->build) {
		show_bindings(client, request);
	} else if (wanted->of_node && !control_is_node(client->control->gw, &why)) {
		client_refuse(client, &why);
	} else {
		view = control_view(client->control);
		client_reply(client, wanted->what, false, wanted->build(&view));
	}
}

static void run_show(struct client *client, json_t *request)
{
	const char *what = json_string_value(json_object_get(request, "what"));

	for (size_t i = 0; what && i < ARRAY_SIZE(views); i++) {
		if (strcmp(views[i].what, what) != 0)
			continue;
		show_view(client, &views[i], request);
		return;
	}
	client_error(client, "unknown-view", "there is nothing of that name to show",
		     "ask for status, interfaces, counters, bindings, uplinks, peers, nonces or ipsec in \"what\"");
}

static void run_monitor(struct client *client, json_t *request)
{
	client->monitor = true;
	client_reply(client, "monitor", true, json_object());
}

static void run_handover(struct client *client, json_t *request)
{
	json_t *uplink = json_object_get(request, "uplink");
	const char *name = json_string_value(uplink);
	struct control_refusal why;

	if (!name && !json_is_null(uplink)) { /* left out is not the same as null: a slip must not unpin */
		client_error(client, "malformed", "handover needs an \"uplink\", a name or null",
			     "write \"uplink\":\"wlan0\", or null for the order of preference");
		return;
	}
	if (!control_handover(client->control->gw, name, &why)) {
		client_refuse(client, &why);
		return;
	}
	log_info("control: user %u, process %d: handover to %s", client->peer.uid, (int)client->peer.pid,
		 name ? name : "the preferred uplink");
	client_reply(client, "handover", false, json_pack("{s:s?}", "uplink", name));
}

/* What changes anything stands here with RIGHT_CHANGE, and is refused to all but root. */
enum right { RIGHT_READ, RIGHT_CHANGE };

static const struct command {
	const char *name;
	enum right right;
	void (*run)(struct client *client, json_t *request);
} commands[] = {
	{ "show", RIGHT_READ, run_show },
	{ "monitor", RIGHT_READ, run_monitor },
	{ "handover", RIGHT_CHANGE, run_handover },
};

static void client_run(struct client *client, json_t *request)
{
	json_t *version = json_object_get(request, "version");
	const char *name = json_string_value(json_object_get(request, "cmd"));

	if (!json_is_object(request) || !json_is_integer(version)) {
		client_error(client, "malformed", "a request is an object with an integer \"version\" and a \"cmd\"",
			     "for example {\"version\":1,\"cmd\":\"show\",\"what\":\"status\"}");
		return;
	}
	if (json_integer_value(version) != CONTROL_VERSION) {
		client_error(client, "version", "this daemon speaks version 1 of the control protocol",
			     "use the mobgw of the same release as mobgwd");
		return;
	}
	for (size_t i = 0; name && i < ARRAY_SIZE(commands); i++) {
		if (strcmp(commands[i].name, name) != 0)
			continue;
		if (commands[i].right == RIGHT_CHANGE && client->peer.uid != 0)
			client_error(client, "not-allowed", "only root may change anything", "use sudo");
		else
			commands[i].run(client, request);
		return;
	}
	client_error(client, "unknown-command", "there is no command of that name",
		     "the commands are show, monitor and handover");
}

/* Octets of the first line, its newline included; 0: not whole yet. */
static size_t client_line(const struct client *client)
{
	const char *end = memchr(client->in, '\n', client->in_len);

	return end ? (size_t)(end - client->in) + 1 : 0;
}

static bool client_has_work(const struct client *client)
{
	return !client->closing && (client->listing || client_line(client) || client->in_len == sizeof(client->in));
}

/* One page or one request. */
static void client_work(struct client *client)
{
	size_t line = client_line(client);
	json_error_t where;
	json_t *request;

	if (client->listing) {
		client_send_page(client);
		return;
	}
	if (!line) {
		client_error(client, "too-long", "the request is longer than 4096 octets", "send it in one short line");
		client->closing = true;
		return;
	}
	request = json_loadb(client->in, line - 1, JSON_REJECT_DUPLICATES, &where);
	memmove(client->in, client->in + line, client->in_len - line);
	client->in_len -= line;
	if (request)
		client_run(client, request);
	else
		client_error(client, "malformed", where.text, "send one JSON object in one line");
	json_decref(request);
}

/* Return: 0, or -errno where the connection is gone. */
static int client_read(struct client *client)
{
	size_t room = sizeof(client->in) - client->in_len;
	ssize_t got;

	if (!room)
		return 0;
	got = recv(client->fd, client->in + client->in_len, room, MSG_DONTWAIT);
	if (got < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	client->in_len += (size_t)got;
	if (got == 0) {
		client->eof = true;
		if (client->in_len && !client_line(client) && client->in_len < sizeof(client->in))
			client->in[client->in_len++] = '\n'; /* a last line that was not ended: printf | nc */
	}
	return 0;
}

static int client_flush(struct client *client)
{
	while (client_waiting(client)) {
		ssize_t sent = send(client->fd, client->out + client->out_start, client_waiting(client),
				    MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -errno;
		client->out_start += (size_t)sent;
	}
	client->out_start = 0;
	client->out_end = 0;
	if (client->out_size > CONTROL_QUEUE_BUSY) { /* idle clients keep no large buffer */
		free(client->out);
		client->out = NULL;
		client->out_size = 0;
	}
	return 0;
}

/* Sends what it can, then asks the loop for what comes next; a client with nothing left to do is dropped. */
static void client_settle(struct client *client)
{
	uint32_t want = 0;

	if (client_flush(client)) {
		client_drop(client);
		return;
	}
	if (!client_waiting(client) &&
	    (client->closing || (client->eof && !client->monitor && !client_has_work(client)))) {
		client_drop(client);
		return;
	}
	if (!client->eof && !client->closing && client->in_len < sizeof(client->in))
		want |= EPOLLIN;
	if (client_waiting(client) || client_has_work(client))
		want |= EPOLLOUT;
	sd_event_source_set_io_events(client->source, want);
}

static int client_on_io(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	struct client *client = arg;

	if ((revents & (EPOLLHUP | EPOLLERR)) || ((revents & EPOLLIN) && client_read(client))) {
		client_drop(client);
		return 0;
	}
	if (client_has_work(client) && client_waiting(client) < CONTROL_QUEUE_BUSY) {
		client->working = true;
		client_work(client);
		client->working = false;
	}
	client_settle(client);
	return 0;
}

/* Beyond the limit: said on the socket, so that the person at the other end knows; the kernel buffers the line. */
static void refuse_connection(int fd)
{
	static const char line[] = "{\"version\":1,\"error\":{\"code\":\"too-many-clients\",\"message\":\"the daemon "
				   "serves 64 clients at a time\",\"cure\":\"end some: ss -xp | grep mobgw\"}}\n";

	(void)send(fd, line, sizeof(line) - 1, MSG_DONTWAIT | MSG_NOSIGNAL); /* fails: it has gone already */
	close(fd);
}

static void take_connection(struct control *control, int fd)
{
	struct client *client;
	size_t slot = 0;
	socklen_t len = sizeof(client->peer);

	while (slot < CONTROL_CLIENTS && control->clients[slot])
		slot++;
	client = slot < CONTROL_CLIENTS ? calloc(1, sizeof(*client)) : NULL;
	if (!client) {
		refuse_connection(fd);
		return;
	}
	client->control = control;
	client->fd = fd;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &client->peer, &len) ||
	    sd_event_add_io(control->gw->loop, &client->source, fd, EPOLLIN, client_on_io, client) < 0) {
		close(fd);
		free(client);
		return;
	}
	control->clients[slot] = client;
	log_debug("control: process %d of user %u connected", (int)client->peer.pid, client->peer.uid);
}

/* The source is edge-triggered: out of descriptors, accept4() fails and the loop does not spin on what is left waiting.
 */
static int control_on_connect(sd_event_source *source, int listener, uint32_t revents, void *arg)
{
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0 || errno == ECONNABORTED)
		if (fd >= 0)
			take_connection(arg, fd);
	return 0;
}

static void cut_off(struct control *control, struct client *client)
{
	struct mono now = mono_now();

	if (!mono_before(now, control->complained)) {
		control->complained = mono_add_s(now, COMPLAIN_EVERY_S);
		log_warn("control: monitor of process %d, user %u: cut off, %u octets waited for it to read",
			 (int)client->peer.pid, client->peer.uid, (unsigned int)client_waiting(client));
	}
	client->out_start = client->out_end;
	client->closing = true;
	if (!client->working) /* else as soon as its request is done */
		client_drop(client);
}

void control_publish(struct gateway *gw, enum gateway_event what, const struct gateway_event_info *info)
{
	struct control *control = gw->control;
	char *line = NULL;
	json_t *event;

	for (size_t i = 0; control && i < CONTROL_CLIENTS; i++) {
		struct client *client = control->clients[i];

		if (!client || !client->monitor || client->closing)
			continue;
		if (!line) {
			event = control_event_json(what, info, clock_ns(CLOCK_REALTIME));
			line = event ? json_dumps(event, JSON_COMPACT) : NULL;
			json_decref(event);
		}
		if (!line)
			return;
		if (!client_queue(client, line, strlen(line)))
			cut_off(control, client);
		else if (!client->working)
			client_settle(client);
	}
	free(line);
}

int control_open(struct gateway *gw)
{
	struct control *control = calloc(1, sizeof(*control));
	struct stat st = {};
	int err;

	if (!control)
		return -ENOMEM;
	control->gw = gw;
	control->started = mono_now();
	control->fd = control_listen(gw->config, &st);
	if (control->fd < 0) {
		err = control->fd;
		free(control);
		return err;
	}
	control->dev = st.st_dev;
	control->ino = st.st_ino;
	gw->control = control; /* from here on control_close() undoes it */
	control->path = strdup(gw->config->control_path);
	control->redirects = redirect_counters_open();
	err = control->path && control->redirects ? 0 : -ENOMEM;
	if (!err)
		err = sd_event_add_io(gw->loop, &control->source, control->fd, EPOLLIN | EPOLLET, control_on_connect,
				      control);
	if (err < 0) {
		log_error("control: %s: %s", gw->config->control_path, strerror(-err));
		control_close(gw);
		return err;
	}
	return 0;
}

void control_close(struct gateway *gw)
{
	struct control *control = gw->control;
	struct stat st;

	if (!control)
		return;
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		if (control->clients[i])
			client_drop(control->clients[i]);
	sd_event_source_disable_unref(control->source);
	close(control->fd);
	if (control->path && lstat(control->path, &st) == 0 && st.st_dev == control->dev && st.st_ino == control->ino)
		unlink(control->path);
	redirect_counters_close(control->redirects);
	free(control->path);
	free(control);
	gw->control = NULL;
}
