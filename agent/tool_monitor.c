/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* mobgw monitor: a line per event as it happens, until interrupted. */
#include "control.h"
#include "tool.h"

/* "2026-01-31T12:00:00.123Z registered    2001:db8:1::100 at 2001:db8:f1::2 for 400 s, sequence 7" */
static void print_binding(json_t *event, FILE *out)
{
	const char *home = tool_text(event, "home_address", NULL), *care_of = tool_text(event, "care_of_address", NULL);
	const char *old = tool_text(event, "old_care_of_address", NULL), *text = tool_text(event, "text", NULL);
	bool refused = json_is_integer(json_object_get(event, "status"));

	if (home)
		fprintf(out, " %s", home);
	if (care_of)
		fprintf(out, " at %s", care_of);
	if (old)
		fprintf(out, ", before at %s", old);
	if (json_is_integer(json_object_get(event, "lifetime_s")))
		fprintf(out, " for %s s", tool_number(event, "lifetime_s"));
	if (refused)
		fprintf(out, ": status %s, %s", tool_number(event, "status"), tool_text(event, "status_text", ""));
	if (home)
		fprintf(out, ", sequence %s", tool_number(event, "sequence"));
	if (text)
		fprintf(out, "%s%s", home ? ": " : " ", text);
}

/* What a mobile node tells of itself, each in a sentence of its own; all else has the shape above. */
static void print_attached(json_t *event, FILE *out)
{
	const char *home = tool_text(event, "home_address", NULL), *care_of = tool_text(event, "care_of_address", NULL);
	const char *old = tool_text(event, "old_care_of_address", NULL);

	fprintf(out, " %s", tool_text(event, "text", "an uplink"));
	if (care_of)
		fprintf(out, ", care-of address %s", care_of);
	if (old)
		fprintf(out, ", before %s", old);
	if (home)
		fprintf(out, ", for %s", home);
}

/* A de-registration names the home address as care-of address (RFC 6275 §11.5.5): no place where the node was before.
 */
static void print_ended(json_t *event, const char *how, FILE *out)
{
	const char *home = tool_text(event, "home_address", "-"), *text = tool_text(event, "text", NULL);
	const char *old = tool_text(event, "old_care_of_address", tool_text(event, "care_of_address", home));

	fprintf(out, " %s %s", home, how);
	if (strcmp(old, home) != 0)
		fprintf(out, ", before at %s", old);
	if (json_is_integer(json_object_get(event, "sequence")))
		fprintf(out, ", sequence %s", tool_number(event, "sequence"));
	if (text)
		fprintf(out, ": %s", text);
}

static void print_at_home(json_t *event, FILE *out)
{
	print_ended(event, "is on its home link, de-registered", out);
}

static void print_lost(json_t *event, FILE *out)
{
	print_ended(event, "is registered no more: the lifetime passed unanswered", out);
}

/* "2001:db8:1::100 and 2001:db8:c::2 talk straight, bound at 2001:db8:f1::2 for 420 s, sequence 9" */
static void print_straight(json_t *event, FILE *out)
{
	const char *care_of = tool_text(event, "care_of_address", NULL);

	fprintf(out, " %s and %s talk straight", tool_text(event, "home_address", "-"),
		tool_text(event, "text", "a correspondent"));
	if (care_of)
		fprintf(out, ", bound at %s", care_of);
	if (care_of && json_is_integer(json_object_get(event, "lifetime_s")))
		fprintf(out, " for %s s", tool_number(event, "lifetime_s"));
	if (json_is_integer(json_object_get(event, "sequence")))
		fprintf(out, ", sequence %s", tool_number(event, "sequence"));
}

static void print_tunnelled(json_t *event, FILE *out)
{
	fprintf(out, " %s and %s talk straight no more", tool_text(event, "home_address", "-"),
		tool_text(event, "text", "a correspondent"));
}

void tool_print_event(json_t *event, FILE *out)
{
	static const struct {
		const char *name;
		void (*print)(json_t *event, FILE *out);
	} kinds[] = {
		{ "attached", print_attached }, { "detached", print_attached },	 { "at-home", print_at_home },
		{ "lost", print_lost },		{ "optimised", print_straight }, { "unoptimised", print_tunnelled },
	};
	const char *name = tool_text(event, "event", "-");
	void (*print)(json_t * event, FILE * out) = print_binding;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strcmp(kinds[i].name, name) == 0)
			print = kinds[i].print;
	fprintf(out, "%s %-12s", tool_text(event, "time", "-"), name);
	print(event, out);
}

int tool_monitor(const struct tool_options *options)
{
	struct tool_client *client = tool_client_open(options->socket);
	json_t *line;
	int patience_s = TOOL_PATIENCE_S; /* for the confirmation; after that as long as it takes */

	if (!client)
		return EXIT_TROUBLE;
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (tool_client_monitor(client) == 0) {
		while ((line = tool_client_next(client, patience_s))) {
			if (json_object_get(line, "event") && options->json)
				json_dumpf(line, stdout, JSON_COMPACT);
			else if (json_object_get(line, "event"))
				tool_print_event(line, stdout);
			if (json_object_get(line, "event"))
				putchar('\n');
			patience_s = 0;
			json_decref(line);
			if (ferror(stdout))
				break; /* whoever read us has gone */
		}
	}
	tool_client_close(client);
	return EXIT_TROUBLE; /* it ends by a signal, or because the daemon went */
}
