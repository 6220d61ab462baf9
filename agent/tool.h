/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The operator's tool `mobgw`: commands in mobgw.c, and under the name of its file what each tool_*.c gives the others.
 */
#ifndef MOBGW_TOOL_H
#define MOBGW_TOOL_H

#include <jansson.h>
#include <stdio.h>

#include "base.h"

enum tool_exit {
	EXIT_OK = 0,
	EXIT_TROUBLE = 1, /* no daemon, an error reply, a check that failed */
	EXIT_USAGE = 2,
};

struct tool_options {
	const char *socket; /* --socket */
	const char *config; /* --config */
	bool json, all, markdown;
	bool automatic;		    /* --auto */
	const char *suite, *output; /* --suite, --output; NULL: not given */
	bool auth_option;	    /* --auth-option */
};

/* ---- tool_table.c: aligned columns; pure ---- */
enum { TABLE_COLUMNS = 12 };

struct table;
/* @heads: NULL-terminated; one that begins with '>' is a column of numbers, set to the right. NULL on lack of memory.
 */
struct table *table_new(const char *const *heads);
void table_free(struct table *table);
/* @cells: as many as heads; copied. NULL is shown as "-". */
int table_add(struct table *table, const char *const *cells);
/* Prints the rows added since the last call, the heads before the first ones; widths never shrink between calls. No
 * trailing blanks. */
void table_flush(struct table *table, FILE *out);
/* "1 d 2 h", "3 h 4 min", "5 min 6 s", "7 s" in @buf. */
const char *table_duration(uint64_t seconds, char *buf, size_t size);

/* ---- tool_client.c: the other end of control.h. Says what is wrong on stderr, with the cure ---- */
enum { TOOL_PATIENCE_S = 10 }; /* for an answer */

struct tool_client;
/* NULL where no daemon answers. */
struct tool_client *tool_client_open(const char *path);
void tool_client_close(struct tool_client *client);
/* @home may be NULL. */
int tool_client_show(struct tool_client *client, const char *what, const char *home);
int tool_client_monitor(struct tool_client *client);
/* @uplink NULL: back to the order of preference. */
int tool_client_handover(struct tool_client *client, const char *uplink);
/* The next line; NULL: an error reply, or the daemon went. New reference. @patience_s 0: as long as it takes. */
json_t *tool_client_next(struct tool_client *client, int patience_s);

/* ---- tool_show.c, tool_node.c, tool_counters.c, tool_monitor.c, tool_handover.c: commands; each returns enum
 * tool_exit ---- */
int tool_show(const struct tool_options *options, const char *what, const char *home);
int tool_show_counters(const struct tool_options *options, json_t *data);
int tool_show_uplinks(const struct tool_options *options, json_t *data);
/* tool_peers.c */
int tool_show_peers(const struct tool_options *options, json_t *data);
int tool_show_nonces(const struct tool_options *options, json_t *data);
/* tool_ipsec.c */
int tool_show_ipsec(const struct tool_options *options, json_t *data);
/* A mobile node's own bindings; those of a home agent are tool_show.c's. NULL on lack of memory. */
struct table *tool_homes_table(void);
void tool_homes_add(struct table *table, json_t *row);
int tool_handover(const struct tool_options *options, const char *uplink);
int tool_monitor(const struct tool_options *options);
/* A monitor line for people, without newline. */
void tool_print_event(json_t *event, FILE *out);
/* Text of a member, or @otherwise; number as text in one of sixteen static buffers; unknown as "unknown". */
const char *tool_text(json_t *object, const char *key, const char *otherwise);
const char *tool_number(json_t *object, const char *key);
/* The same for what is missing where it has no meaning: NULL, a table's "-". */
const char *tool_number_or_none(json_t *object, const char *key);
/* @data as one document, with the protocol's version. */
void tool_print_json(json_t *data);
/* Seconds as table_duration() writes them, in @buf; unknown as "unknown". */
const char *tool_duration(json_t *object, const char *key, char *buf, size_t size);

/* ---- tool_reasons.c ---- */
int tool_reasons(const struct tool_options *options);

/* ---- tool_keys.c ---- */
/* @words: after `keys`, one at least, up to a NULL. */
int tool_keys(const struct tool_options *options, char **words);

/* ---- tool_check*.c: declared in tool_check.h but for this ---- */
int tool_check(const struct tool_options *options);

#endif
