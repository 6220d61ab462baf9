// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* mobgw show peers, mobgw show nonces: route optimisation as tables. */
#include "control.h"
#include "tool.h"

/* "home, care-of": the keygen tokens at hand. */
static const char *tokens_of(json_t *peer)
{
	bool home = json_is_true(json_object_get(peer, "home_token"));
	bool care_of = json_is_true(json_object_get(peer, "care_of_token"));

	if (home)
		return care_of ? "home, care-of" : "home";
	return care_of ? "care-of" : NULL;
}

static const char *remark_of(json_t *peer, char *buf, size_t size)
{
	const char *refusal = tool_text(peer, "last_status_text", NULL);
	bool waits = json_is_integer(json_object_get(peer, "back_off_s"));

	snprintf(buf, size, "%s%s%s%s%s%s%s%s", waits ? "asked again in " : "",
		 waits ? tool_number(peer, "back_off_s") : "", waits ? " s" : "", waits && refusal ? "; " : "",
		 refusal ? "last refusal: status " : "", refusal ? tool_number(peer, "last_status") : "",
		 refusal ? ", " : "", refusal ? refusal : "");
	return buf;
}

int tool_show_peers(const struct tool_options *options, json_t *data)
{
	struct table *table =
		table_new((const char *const[]){ "CORRESPONDENT", "HOME ADDRESS", "STATE", "CARE-OF ADDRESS", ">SEQ",
						 ">LIFETIME", ">LEFT", ">IDLE", "TOKENS", "REMARK", NULL });
	json_t *row;
	size_t i;

	json_array_foreach(json_object_get(data, "peers"), i, row)
	{
		char remark[256];

		if (table)
			table_add(table,
				  (const char *const[]){
					  tool_text(row, "correspondent", NULL), tool_text(row, "home_address", NULL),
					  tool_text(row, "state", NULL), tool_text(row, "care_of_address", NULL),
					  tool_number(row, "sequence"), tool_number_or_none(row, "lifetime_s"),
					  tool_number_or_none(row, "remaining_s"), tool_number(row, "idle_s"),
					  tokens_of(row), remark_of(row, remark, sizeof(remark)) });
	}
	if (table && i)
		table_flush(table, stdout);
	table_free(table);
	if (!i)
		printf("no correspondents (route optimisation: %s)\n",
		       tool_text(data, "route_optimisation", "unknown"));
	return EXIT_OK;
}

int tool_show_nonces(const struct tool_options *options, json_t *data)
{
	struct table *table = table_new((const char *const[]){ ">INDEX", ">AGE", ">ACCEPTED FOR", "GIVEN OUT", NULL });
	json_t *row;
	size_t i;

	json_array_foreach(json_object_get(data, "nonces"), i, row)
	{
		bool given_out = json_is_true(json_object_get(row, "given_out"));

		if (table)
			table_add(table,
				  (const char *const[]){ tool_number(row, "index"), tool_number(row, "age_s"),
							 tool_number(row, "remaining_s"), given_out ? "yes" : "no" });
	}
	if (table)
		table_flush(table, stdout);
	table_free(table);
	return EXIT_OK;
}
