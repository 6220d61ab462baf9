/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* mobgw reasons: every reason of the data path and of the agent, from the lists that make the enums. No daemon needed.
 */
#include "control.h"
#include "tool.h"

static const char *class_name(enum reason_class class)
{
	static const char *const names[] = {
		[REASON_CLASS_NOTE] = "note", [REASON_CLASS_VERDICT] = "verdict", [REASON_CLASS_DROP] = "drop"
	};

	return names[class];
}

/* Calls @each for all: data path in the order of the enum, then the agent's. */
static void for_each_reason(void (*each)(void *arg, const char *name, const char *class, const char *text), void *arg)
{
	for (int why = REASON_NONE + 1; why < REASON_COUNT; why++)
		each(arg, reason_name(why), class_name(reason_class(why)), reason_text(why));
	for (int why = 0; why < AGENT_REASON_COUNT; why++)
		each(arg, agent_reason_name(why), "agent", agent_reason_text(why));
}

static void add_to_table(void *table, const char *name, const char *class, const char *text)
{
	table_add(table, (const char *const[]){ name, class, text });
}

static void add_to_json(void *list, const char *name, const char *class, const char *text)
{
	json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "name", name, "class", class, "text", text));
}

static void print_markdown_row(void *arg, const char *name, const char *class, const char *text)
{
	printf("| `%s` | %s | %s |\n", name, class, text);
}

int tool_reasons(const struct tool_options *options)
{
	struct table *table;
	json_t *document;

	if (options->markdown) {
		printf("# Reasons\n\nMade by `mobgw reasons --markdown`; don't edit. Each packet of the data path is "
		       "counted under exactly one verdict or drop;\na note is counted beside; `agent` rows count "
		       "messages that the agent decided about.\n\n| name | class | meaning |\n|---|---|---|\n");
		for_each_reason(print_markdown_row, NULL);
		return EXIT_OK;
	}
	if (options->json) {
		document = json_pack("{s:i, s:[]}", "version", CONTROL_VERSION, "reasons");
		for_each_reason(add_to_json, json_object_get(document, "reasons"));
		json_dumpf(document, stdout, JSON_INDENT(2));
		putchar('\n');
		json_decref(document);
		return EXIT_OK;
	}
	table = table_new((const char *const[]){ "NAME", "CLASS", "MEANING", NULL });
	if (!table)
		return EXIT_TROUBLE;
	for_each_reason(add_to_table, table);
	table_flush(table, stdout);
	table_free(table);
	return EXIT_OK;
}
