/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* mobgw show: replies of the daemon as tables, or as one JSON document. Counters have a file of their own. */
#include <stdlib.h>

#include "control.h"
#include "tool.h"

enum { PATIENCE_S = 10 };

const char *tool_text(json_t *object, const char *key, const char *otherwise)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : otherwise;
}

const char *tool_number(json_t *object, const char *key)
{
	static char bufs[16][24];
	static unsigned int next;
	json_t *value = json_object_get(object, key);
	char *buf = bufs[next++ % ARRAY_SIZE(bufs)];

	if (!json_is_integer(value))
		return "unknown";
	snprintf(buf, sizeof(bufs[0]), "%lld", (long long)json_integer_value(value));
	return buf;
}

static const char *duration(json_t *object, const char *key, char *buf, size_t size)
{
	json_t *value = json_object_get(object, key);

	return json_is_integer(value) ? table_duration((uint64_t)json_integer_value(value), buf, size) : "unknown";
}

static void print_warning(json_t *data)
{
	const char *warning = tool_text(data, "warning", NULL);

	if (warning)
		printf("WARNING: %s\n\n", warning);
}

static int show_status(const struct tool_options *options, json_t *data)
{
	struct table *table = table_new((const char *const[]){ "", "", NULL });
	json_t *roles = json_object_get(data, "roles");
	char uptime[32], bindings[64], interfaces[64], clients[64];
	const char *rows[][2] = {
		{ "mobgwd", tool_text(data, "daemon_version", "unknown") },
		{ "running for", duration(data, "uptime_s", uptime, sizeof(uptime)) },
		{ "process", tool_number(data, "pid") },
		{ "roles", json_string_value(json_array_get(roles, 0)) },
		{ "authentication", tool_text(data, "authentication", "unknown") },
		{ "agent address", tool_text(data, "agent_address", "-") },
		{ "bindings", bindings },
		{ "interfaces", interfaces },
		{ "clients", clients },
		{ "kernel", tool_text(data, "kernel", "unknown") },
	};

	snprintf(bindings, sizeof(bindings), "%s of at most %s; %s mobile nodes configured",
		 tool_number(data, "bindings"), tool_number(data, "max_bindings"), tool_number(data, "mobile_nodes"));
	snprintf(interfaces, sizeof(interfaces), "%s of %s attached", tool_number(data, "interfaces_attached"),
		 tool_number(data, "interfaces"));
	snprintf(clients, sizeof(clients), "%s on the control socket, %s of them monitors",
		 tool_number(data, "clients"), tool_number(data, "monitors"));
	print_warning(data);
	for (size_t i = 0; table && i < ARRAY_SIZE(rows); i++)
		table_add(table, rows[i]);
	if (table)
		table_flush(table, stdout);
	table_free(table);
	return EXIT_OK;
}

static int show_interfaces(const struct tool_options *options, json_t *data)
{
	struct table *table = table_new(
		(const char *const[]){ "INTERFACE", ">INDEX", "LINK", "ATTACHED", ">MTU", "MAC", "REMARK", NULL });
	json_t *row;
	size_t i;

	json_array_foreach(json_object_get(data, "interfaces"), i, row)
	{
		bool present = json_is_true(json_object_get(row, "present"));
		bool up = json_is_true(json_object_get(row, "up"));

		if (table)
			table_add(table,
				  (const char *const[]){
					  tool_text(row, "name", NULL), present ? tool_number(row, "ifindex") : NULL,
					  !present ? "absent"
					  : up	   ? "up"
						   : "down",
					  tool_text(row, "mode", "unknown"), present ? tool_number(row, "mtu") : NULL,
					  tool_text(row, "mac", NULL), tool_text(row, "why", "") });
	}
	if (table)
		table_flush(table, stdout);
	table_free(table);
	return EXIT_OK;
}

static void add_binding(struct table *table, json_t *row)
{
	bool known_mtu = json_is_integer(json_object_get(row, "path_mtu"));

	table_add(table,
		  (const char *const[]){
			  tool_text(row, "home_address", NULL), tool_text(row, "care_of_address", NULL),
			  tool_number(row, "sequence"), tool_number(row, "lifetime_s"), tool_number(row, "remaining_s"),
			  tool_text(row, "flags", ""), tool_text(row, "home_link", NULL), tool_text(row, "state", NULL),
			  known_mtu ? tool_number(row, "path_mtu") : NULL, tool_text(row, "protection", NULL) });
}

/* One page of rows; @shown counts over all pages. */
static void print_page(struct table *table, json_t *data, bool first, size_t *shown)
{
	json_t *row;
	size_t i;

	if (first)
		print_warning(data);
	json_array_foreach(json_object_get(data, "bindings"), i, row)
	{
		add_binding(table, row);
	}
	*shown += json_array_size(json_object_get(data, "bindings"));
	if (*shown)
		table_flush(table, stdout);
}

/* The same as part of one JSON document, which for a million bindings must not be kept whole. */
static void print_json_page(json_t *data, bool first, size_t *shown)
{
	json_t *row;
	size_t i;

	if (first) {
		printf("{\"version\": %d, \"authentication\": ", CONTROL_VERSION);
		json_dumpf(json_object_get(data, "authentication"), stdout, JSON_ENCODE_ANY);
		printf(", \"warning\": ");
		json_dumpf(json_object_get(data, "warning"), stdout, JSON_ENCODE_ANY);
		printf(", \"bindings\": [");
	}
	json_array_foreach(json_object_get(data, "bindings"), i, row)
	{
		printf("%s", (*shown)++ ? ",\n  " : "\n  ");
		json_dumpf(row, stdout, 0);
	}
}

static int show_bindings(const struct tool_options *options, struct tool_client *client)
{
	struct table *table =
		table_new((const char *const[]){ "HOME ADDRESS", "CARE-OF ADDRESS", ">SEQ", ">LIFETIME", ">LEFT",
						 "FLAGS", "HOME LINK", "STATE", ">PATH MTU", "PROTECTION", NULL });
	bool more = true, first = true;
	size_t shown = 0;

	while (table && more) {
		json_t *reply = tool_client_next(client, PATIENCE_S), *data = json_object_get(reply, "data");

		if (!reply) {
			table_free(table);
			return EXIT_TROUBLE;
		}
		if (options->json)
			print_json_page(data, first, &shown);
		else
			print_page(table, data, first, &shown);
		more = json_is_true(json_object_get(reply, "more"));
		first = false;
		json_decref(reply);
	}
	if (options->json)
		printf("%s], \"total\": %zu}\n", shown ? "\n" : "", shown);
	else if (!shown)
		printf("no bindings\n");
	table_free(table);
	return EXIT_OK;
}

static void print_json(json_t *data)
{
	json_object_set_new(data, "version", json_integer(CONTROL_VERSION));
	json_dumpf(data, stdout, JSON_INDENT(2));
	putchar('\n');
}

static const struct view {
	const char *what;
	int (*print)(const struct tool_options *options, json_t *data); /* NULL: bindings, in pages */
} views[] = {
	{ "bindings", NULL },
	{ "interfaces", show_interfaces },
	{ "counters", tool_show_counters },
	{ "status", show_status },
};

static int show_view(const struct tool_options *options, const struct view *view, struct tool_client *client)
{
	json_t *reply = tool_client_next(client, PATIENCE_S);
	int exit_status = EXIT_OK;

	if (!reply)
		return EXIT_TROUBLE;
	if (options->json)
		print_json(json_object_get(reply, "data"));
	else
		exit_status = view->print(options, json_object_get(reply, "data"));
	json_decref(reply);
	return exit_status;
}

int tool_show(const struct tool_options *options, const char *what, const char *home)
{
	const struct view *view = NULL;
	struct tool_client *client;
	int exit_status;

	for (size_t i = 0; i < ARRAY_SIZE(views); i++)
		if (strcmp(views[i].what, what) == 0)
			view = &views[i];
	if (!view || (home && view->print)) {
		fprintf(stderr, "mobgw: show %s%s%s: expected bindings [ADDRESS], interfaces, counters or status\n",
			what, home ? " " : "", home ? home : "");
		return EXIT_USAGE;
	}
	client = tool_client_open(options->socket);
	if (!client)
		return EXIT_TROUBLE;
	if (tool_client_show(client, what, home))
		exit_status = EXIT_TROUBLE;
	else if (view->print)
		exit_status = show_view(options, view, client);
	else
		exit_status = show_bindings(options, client);
	tool_client_close(client);
	return exit_status;
}
