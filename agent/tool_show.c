/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* mobgw show: replies of the daemon as tables, or as one JSON document. Counters and a mobile node's tables have files
 * of their own. */
#include <stdlib.h>

#include "control.h"
#include "tool.h"

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

const char *tool_number_or_none(json_t *object, const char *key)
{
	return json_is_integer(json_object_get(object, key)) ? tool_number(object, key) : NULL;
}

const char *tool_duration(json_t *object, const char *key, char *buf, size_t size)
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

/* "home-agent", "mobile-node, correspondent" in @buf. */
static const char *join_words(json_t *list, char *buf, size_t size)
{
	size_t i, len = 0;
	json_t *word;

	buf[0] = '\0';
	json_array_foreach(list, i, word)
	{
		if (len < size)
			len += (size_t)snprintf(buf + len, size - len, "%s%s", i ? ", " : "", json_string_value(word));
	}
	return buf;
}

/* A mobile node has home addresses and uplinks, a home agent mobile nodes and room for their bindings. */
static void describe_bindings(json_t *data, char *bindings, char *uplinks, size_t size)
{
	uplinks[0] = bindings[0] = '\0';
	if (json_is_integer(json_object_get(data, "mobile_nodes"))) {
		snprintf(bindings, size, "%s of at most %s; %s mobile nodes configured", tool_number(data, "bindings"),
			 tool_number(data, "max_bindings"), tool_number(data, "mobile_nodes"));
	}
	if (!json_is_integer(json_object_get(data, "home_addresses")))
		return;
	snprintf(bindings, size, "%s registered; %s home addresses configured", tool_number(data, "bindings"),
		 tool_number(data, "home_addresses"));
	snprintf(uplinks, size, "%s of %s usable", tool_number(data, "uplinks_usable"), tool_number(data, "uplinks"));
}

/* Every node is a correspondent; a mobile node has correspondents, too. */
static void describe_peers(json_t *data, char *optimised, char *peers, size_t size)
{
	peers[0] = '\0';
	snprintf(optimised, size, "%s of at most %s", tool_number(data, "optimised_bindings"),
		 tool_number(data, "max_optimised_bindings"));
	if (json_is_integer(json_object_get(data, "peers")))
		snprintf(peers, size, "%s, %s of them straight", tool_number(data, "peers"),
			 tool_number(data, "peers_optimised"));
}

static int show_status(const struct tool_options *options, json_t *data)
{
	struct table *table = table_new((const char *const[]){ "", "", NULL });
	char uptime[32], roles[64], bindings[64], uplinks[64], interfaces[64], clients[64];
	char optimised[64], peers[64];
	const char *rows[][2] = {
		{ "mobgwd", tool_text(data, "daemon_version", "unknown") },
		{ "running for", tool_duration(data, "uptime_s", uptime, sizeof(uptime)) },
		{ "process", tool_number(data, "pid") },
		{ "roles", join_words(json_object_get(data, "roles"), roles, sizeof(roles)) },
		{ "authentication", tool_text(data, "authentication", "unknown") },
		{ "agent address", tool_text(data, "agent_address", "") },
		{ "bindings", bindings },
		{ "optimised", optimised },
		{ "correspondents", peers },
		{ "uplinks", uplinks },
		{ "interfaces", interfaces },
		{ "clients", clients },
		{ "kernel", tool_text(data, "kernel", "unknown") },
	};

	describe_bindings(data, bindings, uplinks, sizeof(bindings));
	describe_peers(data, optimised, peers, sizeof(peers));
	snprintf(interfaces, sizeof(interfaces), "%s of %s attached", tool_number(data, "interfaces_attached"),
		 tool_number(data, "interfaces"));
	snprintf(clients, sizeof(clients), "%s on the control socket, %s of them monitors",
		 tool_number(data, "clients"), tool_number(data, "monitors"));
	print_warning(data);
	for (size_t i = 0; table && i < ARRAY_SIZE(rows); i++)
		if (rows[i][1][0]) /* else the role has none */
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

static bool of_mobile_node(json_t *data)
{
	return strcmp(tool_text(data, "role", ""), "mobile-node") == 0;
}

static struct table *bindings_table(void)
{
	return table_new((const char *const[]){ "KIND", "HOME ADDRESS", "CARE-OF ADDRESS", ">SEQ", ">LIFETIME", ">LEFT",
						"FLAGS", "HOME LINK", "STATE", ">PATH MTU", "PROTECTION", NULL });
}

static void add_binding(struct table *table, json_t *row)
{
	table_add(table, (const char *const[]){ tool_text(row, "kind", NULL), tool_text(row, "home_address", NULL),
						tool_text(row, "care_of_address", NULL), tool_number(row, "sequence"),
						tool_number(row, "lifetime_s"), tool_number(row, "remaining_s"),
						tool_text(row, "flags", ""), tool_text(row, "home_link", NULL),
						tool_text(row, "state", NULL), tool_number_or_none(row, "path_mtu"),
						tool_text(row, "protection", NULL) });
}

/* A mobile node's own come first, in a table of their own; then those that others have at it. */
struct listing {
	struct table *table;
	bool own; /* kind of that table */
	size_t shown;
};

/* One page of rows. Each page says which kind of table it is for. */
static void print_page(struct listing *listing, json_t *data)
{
	bool own = of_mobile_node(data);
	json_t *row;
	size_t i;

	if (listing->table && listing->own != own) {
		table_free(listing->table);
		listing->table = NULL;
		putchar('\n');
	} else if (!listing->table) {
		print_warning(data);
	}
	if (!listing->table)
		listing->table = own ? tool_homes_table() : bindings_table();
	listing->own = own;
	if (!listing->table)
		return;
	json_array_foreach(json_object_get(data, "bindings"), i, row)
	{
		(own ? tool_homes_add : add_binding)(listing->table, row);
	}
	listing->shown += json_array_size(json_object_get(data, "bindings"));
	if (listing->shown)
		table_flush(listing->table, stdout);
}

/* The same as part of one JSON document, which for a million bindings must not be kept whole. */
static void print_json_page(json_t *data, bool first, size_t *shown)
{
	json_t *row;
	size_t i;

	if (first) {
		printf("{\"version\": %d, \"role\": \"%s\", \"authentication\": ", CONTROL_VERSION,
		       tool_text(data, "role", "home-agent"));
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
	struct listing listing = {};
	bool more = true, first = true;

	while (more) {
		json_t *reply = tool_client_next(client, TOOL_PATIENCE_S), *data = json_object_get(reply, "data");

		if (!reply) {
			table_free(listing.table);
			return EXIT_TROUBLE;
		}
		if (options->json)
			print_json_page(data, first, &listing.shown);
		else
			print_page(&listing, data);
		more = json_is_true(json_object_get(reply, "more"));
		first = false;
		json_decref(reply);
	}
	if (options->json)
		printf("%s], \"total\": %zu}\n", listing.shown ? "\n" : "", listing.shown);
	else if (!listing.shown)
		printf("no bindings\n");
	table_free(listing.table);
	return EXIT_OK;
}

void tool_print_json(json_t *data)
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
	{ "uplinks", tool_show_uplinks },
	{ "peers", tool_show_peers },
	{ "nonces", tool_show_nonces },
	{ "ipsec", tool_show_ipsec },
	{ "interfaces", show_interfaces },
	{ "counters", tool_show_counters },
	{ "status", show_status },
};

static int show_view(const struct tool_options *options, const struct view *view, struct tool_client *client)
{
	json_t *reply = tool_client_next(client, TOOL_PATIENCE_S);
	int exit_status = EXIT_OK;

	if (!reply)
		return EXIT_TROUBLE;
	if (options->json)
		tool_print_json(json_object_get(reply, "data"));
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
		fprintf(stderr,
			"mobgw: show %s%s%s: expected bindings [ADDRESS], uplinks, peers, nonces, ipsec, interfaces, "
			"counters or status\n",
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
