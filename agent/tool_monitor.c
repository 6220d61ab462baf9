/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* mobgw monitor: a line per event as it happens, until interrupted. */
#include "control.h"
#include "tool.h"

/* "2026-01-31T12:00:00.123Z registered    2001:db8:1::100 at 2001:db8:f1::2 for 400 s, sequence 7" */
void tool_print_event(json_t *event, FILE *out)
{
	const char *home = tool_text(event, "home_address", NULL), *care_of = tool_text(event, "care_of_address", NULL);
	const char *old = tool_text(event, "old_care_of_address", NULL), *text = tool_text(event, "text", NULL);
	bool refused = json_is_integer(json_object_get(event, "status"));

	fprintf(out, "%s %-12s", tool_text(event, "time", "-"), tool_text(event, "event", "-"));
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

int tool_monitor(const struct tool_options *options)
{
	struct tool_client *client = tool_client_open(options->socket);
	json_t *line;
	int patience_s = 10; /* for the confirmation; after that as long as it takes */

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
