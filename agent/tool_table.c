/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Tables for people: columns as wide as their widest cell, numbers to the right. Rows go out in pages, so that a
 * million of them need no memory; widths are those of all rows so far. Pure: cells in, a stream out. Cells are ASCII.
 */
#include <errno.h>
#include <stdlib.h>

#include "tool.h"

struct table {
	const char *heads[TABLE_COLUMNS];
	bool right[TABLE_COLUMNS];
	size_t columns, widths[TABLE_COLUMNS];
	char **cells; /* row after row */
	size_t used, room;
	bool headed;
};

struct table *table_new(const char *const *heads)
{
	struct table *table = calloc(1, sizeof(*table));

	for (size_t i = 0; table && i < TABLE_COLUMNS && heads[i]; i++) {
		table->right[i] = heads[i][0] == '>';
		table->heads[i] = heads[i] + table->right[i];
		table->widths[i] = strlen(table->heads[i]);
		table->columns++;
	}
	return table;
}

static void forget_rows(struct table *table)
{
	for (size_t i = 0; i < table->used; i++)
		free(table->cells[i]);
	table->used = 0;
}

void table_free(struct table *table)
{
	if (!table)
		return;
	forget_rows(table);
	free(table->cells);
	free(table);
}

int table_add(struct table *table, const char *const *cells)
{
	if (table->used + table->columns > table->room) {
		size_t room = 2 * table->room + 32 * table->columns;
		char **grown = realloc(table->cells, room * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		table->cells = grown;
		table->room = room;
	}
	for (size_t i = 0; i < table->columns; i++) {
		char *cell = strdup(cells[i] ? cells[i] : "-");
		size_t len = cell ? strlen(cell) : 0;

		if (!cell) {
			while (i--)
				free(table->cells[table->used + i]);
			return -ENOMEM;
		}
		table->cells[table->used + i] = cell;
		if (len > table->widths[i])
			table->widths[i] = len;
	}
	table->used += table->columns;
	return 0;
}

static void print_row(const struct table *table, const char *const *row, FILE *out)
{
	size_t blanks = 0; /* owed: printed only if something follows */

	for (size_t i = 0; i < table->columns; i++) {
		size_t len = strlen(row[i]), pad = table->widths[i] > len ? table->widths[i] - len : 0;

		if (table->right[i])
			blanks += pad;
		if (len)
			fprintf(out, "%*s%s", (int)blanks, "", row[i]);
		blanks = (len ? 0 : blanks) + (table->right[i] ? 0 : pad) + 2;
	}
	fputc('\n', out);
}

void table_flush(struct table *table, FILE *out)
{
	bool named = false;

	for (size_t i = 0; i < table->columns; i++)
		named = named || table->heads[i][0];
	if (!table->headed && named)
		print_row(table, table->heads, out);
	table->headed = true;
	for (size_t row = 0; row < table->used; row += table->columns)
		print_row(table, (const char *const *)&table->cells[row], out);
	forget_rows(table);
}

const char *table_duration(uint64_t seconds, char *buf, size_t size)
{
	static const struct {
		unsigned int seconds;
		const char *name;
	} units[] = { { 86400, "d" }, { 3600, "h" }, { 60, "min" }, { 1, "s" } };
	size_t i = 0;

	while (i < 3 && seconds < units[i].seconds)
		i++;
	if (i == 3)
		snprintf(buf, size, "%llu s", (unsigned long long)seconds);
	else
		snprintf(buf, size, "%llu %s %llu %s", (unsigned long long)(seconds / units[i].seconds), units[i].name,
			 (unsigned long long)(seconds % units[i].seconds / units[i + 1].seconds), units[i + 1].name);
	return buf;
}
