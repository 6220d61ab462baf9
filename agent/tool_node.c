/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* mobgw show on a mobile node: its uplinks, and its own bindings at their home agents. */
#include "tool.h"

/* Whether a registration stands on it, and whether an operator put it there. */
static const char *use_of(json_t *uplink)
{
	bool active = json_is_true(json_object_get(uplink, "active"));
	bool pinned = json_is_true(json_object_get(uplink, "pinned"));

	if (pinned)
		return active ? "yes, pinned" : "pinned";
	return active ? "yes" : "no";
}

int tool_show_uplinks(const struct tool_options *options, json_t *data)
{
	struct table *table = table_new((const char *const[]){ "UPLINK", "STATE", ">PREFERENCE", "CARE-OF ADDRESS",
							       "ROUTER", "ACTIVE", "SINCE", NULL });
	json_t *row;
	size_t i;

	json_array_foreach(json_object_get(data, "uplinks"), i, row)
	{
		bool standing = json_is_integer(json_object_get(row, "since_s"));
		char since[32];

		if (table)
			table_add(table,
				  (const char *const[]){
					  tool_text(row, "name", NULL), tool_text(row, "state", NULL),
					  tool_number(row, "preference"), tool_text(row, "care_of_address", NULL),
					  tool_text(row, "router", NULL), use_of(row),
					  standing ? tool_duration(row, "since_s", since, sizeof(since)) : NULL });
	}
	if (table)
		table_flush(table, stdout);
	table_free(table);
	return EXIT_OK;
}

struct table *tool_homes_table(void)
{
	return table_new((const char *const[]){ "HOME ADDRESS", "CARE-OF ADDRESS", "UPLINK", "STATE", ">SEQ",
						">LIFETIME", ">LEFT", "HOME AGENT", ">PATH MTU", "PROTECTION", "REMARK",
						NULL });
}

void tool_homes_add(struct table *table, json_t *row)
{
	const char *care_of = tool_text(row, "care_of_address", NULL);
	const char *wanted = tool_text(row, "wanted_care_of_address", NULL);
	const char *refusal = tool_text(row, "last_status_text", NULL);
	bool moving = wanted && (!care_of || strcmp(wanted, care_of) != 0);
	char remark[256];

	snprintf(remark, sizeof(remark), "%s%s%s%s%s%s%s", moving ? "asked for " : "", moving ? wanted : "",
		 moving && refusal ? "; " : "", refusal ? "last refusal: status " : "",
		 refusal ? tool_number(row, "last_status") : "", refusal ? ", " : "", refusal ? refusal : "");
	table_add(table, (const char *const[]){
				 tool_text(row, "home_address", NULL), care_of, tool_text(row, "uplink", NULL),
				 tool_text(row, "state", NULL), tool_number(row, "sequence"),
				 care_of ? tool_number(row, "lifetime_s") : NULL,
				 care_of ? tool_number(row, "remaining_s") : NULL, tool_text(row, "home_agent", NULL),
				 tool_number_or_none(row, "path_mtu"), tool_text(row, "protection", NULL), remark });
}
