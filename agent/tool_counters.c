/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* mobgw show counters, for people: in groups, rows of zero hidden unless --all; what is unknown is shown, never as 0.
 */
#include "control.h"
#include "tool.h"

static bool worth_showing(const struct tool_options *options, json_t *row, const char *key)
{
	json_t *count = json_object_get(row, key);

	return options->all || !json_is_integer(count) || json_integer_value(count) != 0;
}

static void print_group(const char *title, struct table *table, size_t shown)
{
	printf("%s\n", title);
	if (shown)
		table_flush(table, stdout);
	else
		printf("  none\n");
	putchar('\n');
	table_free(table);
}

/* Packets of the data path, those of one class. */
static void print_packets(const struct tool_options *options, json_t *list, const char *class, const char *title)
{
	struct table *table = table_new((const char *const[]){ "  REASON", ">PACKETS", ">BYTES", "MEANING", NULL });
	size_t i, shown = 0;
	json_t *row;

	json_array_foreach(list, i, row)
	{
		char name[64];

		if (!table || strcmp(tool_text(row, "class", ""), class) != 0 ||
		    !worth_showing(options, row, "packets"))
			continue;
		snprintf(name, sizeof(name), "  %s", tool_text(row, "name", "?"));
		table_add(table, (const char *const[]){ name, tool_number(row, "packets"), tool_number(row, "bytes"),
							tool_text(row, "text", "") });
		shown++;
	}
	if (table)
		print_group(title, table, shown);
}

/* A list of {name, count, text}; where the count is unknown, `why` says why. */
static void print_counts(const struct tool_options *options, json_t *list, const char *title)
{
	struct table *table = table_new((const char *const[]){ "  REASON", ">COUNT", "MEANING", NULL });
	size_t i, shown = 0;
	json_t *row;

	json_array_foreach(list, i, row)
	{
		const char *why = tool_text(row, "why", NULL);
		char name[64], text[256];

		if (!table || !worth_showing(options, row, "count"))
			continue;
		snprintf(name, sizeof(name), "  %s", tool_text(row, "name", "?"));
		snprintf(text, sizeof(text), "%s%s%s%s", tool_text(row, "text", ""), why ? " (" : "", why ? why : "",
			 why ? ")" : "");
		table_add(table, (const char *const[]){ name, tool_number(row, "count"), text });
		shown++;
	}
	if (table)
		print_group(title, table, shown);
}

static size_t add_device_row(const struct tool_options *options, struct table *table, json_t *device, const char *key,
			     const char *text)
{
	char name[64];

	if (!worth_showing(options, device, key))
		return 0;
	snprintf(name, sizeof(name), "  %s", tool_text(device, "name", "?"));
	table_add(table, (const char *const[]){ name, tool_number(device, key), text });
	return 1;
}

static size_t add_device(const struct tool_options *options, struct table *table, json_t *device)
{
	static const char *const rows[][2] = {
		{ "rx_dropped", "received and dropped, by driver or stack" },
		{ "tx_dropped", "not sent" },
		{ "rx_errors", "receive errors" },
		{ "tx_errors", "send errors" },
	};
	size_t i, shown = 0;
	json_t *error;

	if (!json_is_true(json_object_get(device, "present"))) {
		char name[64];

		snprintf(name, sizeof(name), "  %s", tool_text(device, "name", "?"));
		table_add(table, (const char *const[]){ name, "unknown", "no such interface now" });
		return 1;
	}
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		shown += add_device_row(options, table, device, rows[i][0], rows[i][1]);
	shown += add_device_row(options, table, device, "xdp_errors",
				json_is_integer(json_object_get(device, "xdp_errors"))
					? "XDP errors and drops counted by the driver, in all"
					: "the driver counts no XDP errors");
	json_array_foreach(json_object_get(device, "xdp"), i, error)
	{
		char text[64];

		snprintf(text, sizeof(text), "of these: %s", tool_text(error, "name", "?"));
		shown += add_device_row(options, table, error, "count", text);
	}
	return shown;
}

static void print_devices(const struct tool_options *options, json_t *list)
{
	struct table *table = table_new((const char *const[]){ "  DEVICE", ">COUNT", "MEANING", NULL });
	size_t i, shown = 0;
	json_t *device;

	json_array_foreach(list, i, device)
	{
		shown += table ? add_device(options, table, device) : 0;
	}
	if (table)
		print_group("Devices: counted by their drivers and by the kernel, whoever sent", table, shown);
}

int tool_show_counters(const struct tool_options *options, json_t *data)
{
	json_t *data_path = json_object_get(data, "data_path");

	print_packets(options, data_path, "verdict", "Packets with a verdict of the data path");
	print_packets(options, data_path, "drop", "Packets dropped by the data path");
	print_packets(options, data_path, "note", "Counted beside verdict or drop");
	print_counts(options, json_object_get(data, "agent"), "Signalling, decided by the agent");
	print_counts(options, json_object_get(data, "slow_path"), "Packets on the agent's slow path");
	print_devices(options, json_object_get(data, "devices"));
	print_counts(options, json_object_get(data, "redirect_errors"),
		     "Lost after the verdict: on the whole machine, since mobgwd started");
	if (!options->all)
		printf("Rows of 0 are not shown: mobgw show counters --all\n");
	return EXIT_OK;
}
