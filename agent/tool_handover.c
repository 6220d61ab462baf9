/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* mobgw handover: asks a mobile node's daemon to move to an uplink. What stands against it, the daemon says in words.
 */
#include "control.h"
#include "tool.h"

/* The daemon has begun; the home agent's answer comes later, and `mobgw show` tells it. */
static void print_begun(const char *uplink)
{
	if (uplink)
		printf("moving to %s, and staying there while it is usable; mobgw handover --auto ends that\n", uplink);
	else
		printf("the usable uplink of the greatest preference is used from now on\n");
}

int tool_handover(const struct tool_options *options, const char *uplink)
{
	struct tool_client *client;
	json_t *reply = NULL;
	int exit_status;

	if (!uplink == !options->automatic) {
		fprintf(stderr, "mobgw: handover: expected either the name of an uplink or --auto\n");
		return EXIT_USAGE;
	}
	client = tool_client_open(options->socket);
	if (!client)
		return EXIT_TROUBLE;
	if (tool_client_handover(client, uplink) == 0)
		reply = tool_client_next(client, TOOL_PATIENCE_S);
	if (reply && options->json)
		tool_print_json(json_object_get(reply, "data"));
	else if (reply)
		print_begun(uplink);
	exit_status = reply ? EXIT_OK : EXIT_TROUBLE;
	json_decref(reply);
	tool_client_close(client);
	return exit_status;
}
