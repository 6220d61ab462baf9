// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* mobgw show ipsec: what is protected of each home address, as a table. */
#include "control.h"
#include "tool.h"

static const char *spi_of(json_t *child, const char *key, char buf[16])
{
	json_t *spi = json_object_get(child, key);

	if (!json_is_integer(spi))
		return NULL;
	snprintf(buf, 16, "0x%08x", (unsigned int)json_integer_value(spi));
	return buf;
}

static void add_child(struct table *table, json_t *row, json_t *child)
{
	bool there = json_is_true(json_object_get(child, "there"));
	char to_agent[16], to_node[16];

	table_add(table,
		  (const char *const[]){ tool_text(row, "home_address", NULL), tool_text(row, "home_agent", NULL),
					 tool_text(child, "child", NULL), there ? "there" : "missing",
					 spi_of(child, "spi_to_agent", to_agent), spi_of(child, "spi_to_node", to_node),
					 tool_text(child, "suite", NULL) });
}

int tool_show_ipsec(const struct tool_options *options, json_t *data)
{
	struct table *table = table_new((const char *const[]){ "HOME ADDRESS", "HOME AGENT", "PROTECTS", "STATE",
							       "SPI TO AGENT", "SPI TO NODE", "SUITE", NULL });
	json_t *row, *child, *list = json_object_get(data, "list");
	json_int_t homes = json_integer_value(json_object_get(data, "home_addresses"));
	size_t i, k;

	json_array_foreach(list, i, row)
	{
		json_array_foreach(json_object_get(row, "children"), k, child)
		{
			if (table)
				add_child(table, row, child);
		}
	}
	if (table && i)
		table_flush(table, stdout);
	table_free(table);
	if (!json_is_null(json_object_get(data, "charon")))
		printf("keys by IKE: charon at %s %s\n", tool_text(data, "charon", ""),
		       json_is_true(json_object_get(data, "charon_answers")) ? "answers" : "does not answer");
	if (!homes)
		printf("no IPsec (authentication: %s)\n", tool_text(data, "authentication", "unknown"));
	else if (homes > (json_int_t)json_array_size(list))
		printf("and %lld home addresses more; of all %s, %s have everything they need\n",
		       (long long)(homes - (json_int_t)json_array_size(list)), tool_number(data, "home_addresses"),
		       tool_number(data, "complete"));
	return EXIT_OK;
}
