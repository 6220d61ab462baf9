/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The control socket over a real UNIX socket in a directory of its own; loop and clients in one process, the gateway a
 * fake: the kernel layer below is this file's, the binding cache is the true one.
 */
#ifndef MOBGW_TEST_CONTROL_RIG_H
#define MOBGW_TEST_CONTROL_RIG_H

#include <errno.h>
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../agent/control.h"

enum { PATIENCE = 20000 }; /* turns of the loop without progress, 100 us each, before a wait fails */

struct fixture {
	char dir[64], path[96];
	struct config config;
	struct config_interface interfaces[2];
	struct config_home_link home_links[1];
	struct attachment attachments[2];
	struct gateway gw;
};

/* ---- the layer below, and the log ---- */

static struct {
	int counters_error, warnings, errors;
	char last[256];
} fake;

void log_at(int priority, const char *format, ...)
{
	va_list args;

	fake.errors += priority == 3;
	fake.warnings += priority == 4;
	if (priority > 4)
		return;
	va_start(args, format);
	vsnprintf(fake.last, sizeof(fake.last), format, args);
	va_end(args);
}

int netlink_link_by_name(struct netlink *nl, const char *name, struct link_info *out)
{
	if (strcmp(name, "lo") != 0)
		return -ENOENT;
	*out = (struct link_info){ .name = "lo", .ifindex = 1, .mtu = 1500, .ethernet = true, .up = true };
	memcpy(out->mac, "\x02\x00\x00\x00\x00\x01", 6);
	return 0;
}

int datapath_counters(struct datapath *dp, struct counter *sums)
{
	sums[SENT_ENCAPSULATED] = (struct counter){ .packets = 3, .bytes = 4500 };
	return fake.counters_error;
}

int datapath_port_redirect(struct datapath *dp, int ifindex)
{
	return 1;
}

void slowpath_stats(const struct slowpath *sp, struct slowpath_stats *out)
{
	*out = (struct slowpath_stats){ .fragmented = 7 };
}

/* ---- route optimisation ---- */

enum { RIG_PEERS = 4 };

static struct {
	struct binding_cache *bindings; /* of the correspondent */
	struct nonce_view nonces[2];
	size_t nonce_count;
	struct peer_view peers[RIG_PEERS];
	size_t peer_count;
} route;

struct binding_cache *correspondent_bindings(struct gateway *gw)
{
	return route.bindings;
}

struct binding_entry *correspondent_binding(struct gateway *gw, const struct in6_addr *home)
{
	return binding_find(route.bindings, home);
}

bool correspondent_nonce(struct gateway *gw, size_t nth, struct nonce_view *out)
{
	if (nth >= route.nonce_count)
		return false;
	*out = route.nonces[nth];
	return true;
}

bool mobile_peers_view(struct gateway *gw, size_t nth, struct peer_view *out)
{
	if (nth >= route.peer_count)
		return false;
	*out = route.peers[nth];
	return true;
}

/* ---- fixture ---- */

static inline int open_gateway(void **state)
{
	struct fixture *fx = calloc(1, sizeof(*fx));

	memset(&fake, 0, sizeof(fake));
	snprintf(fx->dir, sizeof(fx->dir), "/tmp/mobgw-control-XXXXXX");
	if (!mkdtemp(fx->dir)) {
		free(fx);
		return -1;
	}
	snprintf(fx->path, sizeof(fx->path), "%s/run/control", fx->dir);
	fx->interfaces[0] = (struct config_interface){ .name = "lo", .mode = ATTACH_AUTO };
	fx->interfaces[1] = (struct config_interface){ .name = "late0", .mode = ATTACH_TC };
	fx->attachments[0] =
		(struct attachment){ .name = "lo", .ifindex = 1, .mode = ATTACH_GENERIC, .why = "no driver support" };
	inet_pton(AF_INET6, "2001:db8:1::", &fx->home_links[0].prefix);
	fx->home_links[0].prefix_len = 64;
	fx->config = (struct config){
		.roles = ROLE_HOME_AGENT,
		.interfaces = fx->interfaces,
		.interface_count = 2,
		.home_links = fx->home_links,
		.home_link_count = 1,
		.auth = AUTH_NONE,
		.max_bindings = 2000,
		.control_path = fx->path,
		.control_mode = 0640,
	};
	inet_pton(AF_INET6, "2001:db8:1::1", &fx->config.agent);
	fx->gw.config = &fx->config;
	fx->gw.attachments = fx->attachments;
	fx->gw.sp = (struct slowpath *)fx; /* only whether it is there matters */
	fx->gw.bindings = binding_cache_new(2000);
	memset(&route, 0, sizeof(route));
	route.bindings = binding_cache_new(2000);
	fx->gw.agent_counters[AGENT_REFUSED] = 5;
	sd_event_new(&fx->gw.loop);
	*state = fx;
	return control_open(&fx->gw);
}

static inline int close_gateway(void **state)
{
	struct fixture *fx = *state;

	control_close(&fx->gw);
	sd_event_unref(fx->gw.loop);
	binding_cache_free(fx->gw.bindings);
	binding_cache_free(route.bindings);
	unlink(fx->path);
	fx->path[strlen(fx->path) - strlen("/control")] = '\0';
	rmdir(fx->path);
	rmdir(fx->dir);
	free(fx);
	return 0;
}

static inline void turn(struct fixture *fx)
{
	sd_event_run(fx->gw.loop, 100);
}

static inline int dial(struct fixture *fx)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", fx->path);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	turn(fx);
	return fd;
}

static inline void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* The next line as JSON, octet by octet so that nothing beyond it is taken; NULL: the daemon hung up. */
static inline json_t *hear(struct fixture *fx, int fd)
{
	static char line[CONTROL_QUEUE_MAX];
	size_t len = 0;
	json_t *json;

	for (int waited = 0; waited < PATIENCE;) {
		ssize_t got = recv(fd, line + len, 1, 0);

		if (got == 0 || (got < 0 && errno == ECONNRESET))
			return NULL;
		if (got < 0) {
			turn(fx);
			waited++;
			continue;
		}
		waited = 0;
		if (line[len++] != '\n')
			continue;
		json = json_loadb(line, len - 1, 0, NULL);
		assert_non_null(json);
		return json;
	}
	fail_msg("no line within %d turns", PATIENCE);
	return NULL;
}

static inline json_t *ask(struct fixture *fx, int fd, const char *request)
{
	say(fd, request);
	return hear(fx, fd);
}

static inline const char *text_at(json_t *object, const char *outer, const char *inner)
{
	const char *text = json_string_value(json_object_get(json_object_get(object, outer), inner));

	return text ? text : "";
}

#define WITH_GATEWAY(test) cmocka_unit_test_setup_teardown(test, open_gateway, close_gateway)

#endif
