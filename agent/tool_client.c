/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The tool's end of the control socket (control.h): one line out, lines in. Whatever goes wrong is told here, with a
 * cure. */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "control.h"
#include "tool.h"

enum { LINE_MOST = 2 * CONTROL_QUEUE_MAX };

struct tool_client {
	int fd;
	const char *path;
	char *buf;
	size_t start, end, size;
};

static void say_no_daemon(const char *path, int err)
{
	if (err == EACCES || err == EPERM)
		fprintf(stderr,
			"mobgw: not allowed to talk to mobgwd at %s: use sudo, or join the group of that socket "
			"(control.group in the configuration)\n",
			path);
	else if (err == ENOENT || err == ECONNREFUSED || err == ENOTDIR)
		fprintf(stderr,
			"mobgw: no mobgwd at %s: start it with 'systemctl start mobgwd', or name its socket with "
			"--socket PATH\n",
			path);
	else
		fprintf(stderr, "mobgw: connect to mobgwd at %s: %s\n", path, strerror(err));
}

struct tool_client *tool_client_open(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct tool_client *client;

	if (strlen(path) >= sizeof(addr.sun_path)) {
		fprintf(stderr, "mobgw: --socket %s: longer than %zu octets\n", path, sizeof(addr.sun_path) - 1);
		return NULL;
	}
	memcpy(addr.sun_path, path, strlen(path) + 1);
	client = calloc(1, sizeof(*client));
	if (!client)
		return NULL;
	client->path = path;
	client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (client->fd < 0 || connect(client->fd, (struct sockaddr *)&addr, sizeof(addr))) {
		say_no_daemon(path, errno);
		tool_client_close(client);
		return NULL;
	}
	return client;
}

void tool_client_close(struct tool_client *client)
{
	if (!client)
		return;
	if (client->fd >= 0)
		close(client->fd);
	free(client->buf);
	free(client);
}

static int send_request(struct tool_client *client, json_t *request)
{
	char *line = request ? json_dumps(request, JSON_COMPACT) : NULL;
	struct iovec parts[] = { { line, line ? strlen(line) : 0 }, { (char *)"\n", 1 } };
	struct msghdr msg = { .msg_iov = parts, .msg_iovlen = ARRAY_SIZE(parts) };
	int err = line ? 0 : -ENOMEM;

	/* One that hangs up at once (too many clients) has said why: the reply is read all the same. */
	if (!err && sendmsg(client->fd, &msg, MSG_NOSIGNAL) < 0 && errno != EPIPE)
		err = -errno;
	if (err)
		fprintf(stderr, "mobgw: ask mobgwd at %s: %s\n", client->path, strerror(-err));
	free(line);
	json_decref(request);
	return err;
}

int tool_client_show(struct tool_client *client, const char *what, const char *home)
{
	return send_request(client, json_pack("{s:i, s:s, s:s, s:s*}", "version", CONTROL_VERSION, "cmd", "show",
					      "what", what, "home_address", home));
}

int tool_client_monitor(struct tool_client *client)
{
	return send_request(client, json_pack("{s:i, s:s}", "version", CONTROL_VERSION, "cmd", "monitor"));
}

int tool_client_handover(struct tool_client *client, const char *uplink)
{
	return send_request(
		client, json_pack("{s:i, s:s, s:s?}", "version", CONTROL_VERSION, "cmd", "handover", "uplink", uplink));
}

/* Receives some more; false: nothing more will come, which is told. */
static bool receive(struct tool_client *client)
{
	ssize_t got;

	if (client->end == client->size) {
		size_t size = client->size ? 2 * client->size : 65536;
		char *grown = size <= LINE_MOST ? realloc(client->buf, size) : NULL;

		if (!grown) {
			fprintf(stderr, "mobgw: mobgwd at %s sent a line too long to keep\n", client->path);
			return false;
		}
		client->buf = grown;
		client->size = size;
	}
	do
		got = recv(client->fd, client->buf + client->end, client->size - client->end, 0);
	while (got < 0 && errno == EINTR);
	if (got > 0) {
		client->end += (size_t)got;
		return true;
	}
	if (got < 0 && errno == EAGAIN)
		fprintf(stderr, "mobgw: mobgwd at %s does not answer: see journalctl -u mobgwd\n", client->path);
	else
		fprintf(stderr, "mobgw: mobgwd at %s hung up: it was stopped, or cut us off (its log says why)\n",
			client->path);
	return false;
}

static char *next_line(struct tool_client *client)
{
	size_t looked = client->start;
	char *end;

	while (!(end = client->end > looked ? memchr(client->buf + looked, '\n', client->end - looked) : NULL)) {
		size_t held = client->end - client->start;

		if (client->start)
			memmove(client->buf, client->buf + client->start, held);
		client->start = 0;
		client->end = held;
		looked = held;
		if (!receive(client))
			return NULL;
	}
	*end = '\0';
	looked = client->start;
	client->start = (size_t)(end - client->buf) + 1;
	return client->buf + looked;
}

json_t *tool_client_next(struct tool_client *client, int patience_s)
{
	struct timeval patience = { .tv_sec = patience_s };
	json_t *message, *error;
	json_error_t where;
	char *line;

	(void)setsockopt(client->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)); /* can't fail on a socket */
	line = next_line(client);
	if (!line)
		return NULL;
	message = json_loads(line, 0, &where);
	if (!message) {
		fprintf(stderr, "mobgw: what answers at %s is no mobgwd: %s\n", client->path, where.text);
		return NULL;
	}
	error = json_object_get(message, "error");
	if (!error)
		return message;
	fprintf(stderr, "mobgw: %s: %s\n", tool_text(error, "message", "mobgwd refused"),
		tool_text(error, "cure", "see its log"));
	json_decref(message);
	return NULL;
}
