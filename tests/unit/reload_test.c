/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* SIGHUP: what of route optimisation and roles may change while running, what may not, and which parts hear of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../agent/reload.c"

#define CORRESPONDENT "roles: [correspondent]\ninterfaces: [{ name: eth0 }]\n"
#define AGENT LINKED "ipsec: { keys: /k }\n"
#define LINKED                                                                                                         \
	"roles: [home-agent]\ninterfaces: [{ name: eth0 }]\nhome-agent:\n  address: 2001:db8:1::1\n"                   \
	"  home-links: [{ prefix: 2001:db8:1::/64 }]\n"
#define PROTECTED(text) LINKED "ipsec: { " text " }\n"
#define NODE                                                                                                           \
	"roles: [mobile-node]\nipsec: { keys: /k }\nmobile-node:\n  uplinks: [{ interface: wlan0 }]\n"                 \
	"  home-addresses: [{ address: 2001:db8:1::100, home-agent: 2001:db8:1::1 }]\n"

static char heard[8]; /* a letter for each part, in their order */

static void hear(char part)
{
	heard[strlen(heard)] = part;
}

void correspondent_reloaded(struct gateway *gw)
{
	hear('c');
}

void home_agent_reloaded(struct gateway *gw)
{
	hear('h');
}

void mobile_node_reloaded(struct gateway *gw)
{
	hear('m');
}

void mobile_peers_reloaded(struct gateway *gw)
{
	hear('p');
}

static struct config *config_of(const char *text)
{
	struct config *config;

	assert_int_equal(config_parse(text, strlen(text), "F", &config, stderr), 0);
	return config;
}

/* A gateway that runs on @text; its parts are only there or not there. */
static struct gateway run_on(const char *text)
{
	struct gateway gw = { .config = config_of(text) };

	if (gw.config->roles & ROLE_HOME_AGENT)
		gw.ha = (struct home_agent *)heard;
	if (gw.config->roles & ROLE_MOBILE_NODE)
		gw.mn = (struct mobile_node *)heard;
	memset(heard, 0, sizeof(heard));
	return gw;
}

static void reload_with(struct gateway *gw, const char *text)
{
	char path[] = "/tmp/mobgw-reload-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	reload(gw, path);
	unlink(path);
}

/* clang-format off */
static const struct change {
	const char *from, *to;
	const char *heard; /* empty: refused */
} changes[] = {
	{ CORRESPONDENT, CORRESPONDENT, "c" },
	{ AGENT, AGENT, "ch" },
	{ NODE, NODE, "cmp" },
	{ CORRESPONDENT, CORRESPONDENT "correspondent: { max-lifetime: 60 }\n", "c" },
	{ CORRESPONDENT, CORRESPONDENT "correspondent: { refuse-prefixes: ['::/0'] }\n", "c" },
	{ AGENT "correspondent: { refuse-prefixes: ['::/0'] }\n", AGENT, "ch" },
	{ CORRESPONDENT, CORRESPONDENT "correspondent: { max-bindings: 4096 }\n", "c" },
	{ CORRESPONDENT, CORRESPONDENT "correspondent: { max-bindings: 4095 }\n", "" },
	{ CORRESPONDENT, CORRESPONDENT "correspondent: { max-bindings: 4097 }\n", "" },
	{ NODE, NODE "correspondent: { max-bindings: 1 }\n", "" },
	{ NODE, NODE "  route-optimisation: none\n", "cmp" },
	{ NODE, NODE "  route-optimisation: list\n  correspondents: ['::/0']\n", "cmp" },
	{ NODE "  route-optimisation: list\n  correspondents: ['::/0']\n", NODE, "cmp" },
	{ PROTECTED("keys: /k"), PROTECTED("keys: /k"), "ch" },
	{ PROTECTED("keys: /k"), PROTECTED("keys: /other"), "" },
	{ PROTECTED("keys: /k"), PROTECTED("ike: {}"), "" },
	{ PROTECTED("ike: {}"), PROTECTED("ike: { agent-id: ha }"), "" },
	{ PROTECTED("ike: {}"), PROTECTED("ike: { socket: /s }"), "" },
	{ PROTECTED("ike: {}"), PROTECTED("ike: { secrets: /s }"), "" },
	{ PROTECTED("keys: /k"), PROTECTED("keys: /k, home-tests: clear"), "" },
	{ PROTECTED("keys: /k"), PROTECTED("keys: /k, payload: protected"), "" },
	{ CORRESPONDENT, AGENT, "" },
	{ AGENT, CORRESPONDENT, "" },
	{ NODE, CORRESPONDENT, "" },
	{ CORRESPONDENT, "roles: [correspondent]\ninterfaces: [{ name: eth1 }]\n", "" },
	{ CORRESPONDENT, "roles: [correspondent]\n", "" },
};
/* clang-format on */

static char *print(const struct config *config)
{
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	config_print(config, out);
	fclose(out);
	return text;
}

static void assert_prints_as(const struct config *config, const char *meant)
{
	struct config *other = config_of(meant);
	char *a = print(config), *b = print(other);

	assert_string_equal(a, b);
	free(a);
	free(b);
	config_free(other);
}

static void a_change_is_taken_over_whole_or_refused_whole(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		const struct change *now = &changes[i];
		struct gateway gw = run_on(now->from);
		struct config *before = gw.config;

		reload_with(&gw, now->to);
		if (strcmp(heard, now->heard) != 0)
			fail_msg("case %zu: heard \"%s\", expected \"%s\"", i, heard, now->heard);
		assert_ptr_equal(gw.config, before); /* others hold it */
		assert_prints_as(gw.config, *now->heard ? now->to : now->from);
		config_free(gw.config);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_change_is_taken_over_whole_or_refused_whole),
	};

	log_open(false);
	return cmocka_run_group_tests_name("reload", tests, NULL, NULL);
}
