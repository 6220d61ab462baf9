// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Any octets as a message of charon's: no read beyond them, paths that end, values within the message,
 * reasons that a log line may hold. */
#include <stdlib.h>

#include "../../agent/ike_connection.h"
#include "../../agent/ike_sas.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct seen {
	const uint8_t *data;
	size_t len, count;
};

static int look(void *arg, const struct vici_element *element)
{
	struct seen *seen = arg;
	struct in6_addr home;

	if (element->value < seen->data || element->value + element->len > seen->data + seen->len ||
	    strlen(element->path) >= sizeof(element->path))
		abort();
	ike_home_of_name((const char *)element->value, element->len, &home);
	seen->count++;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct seen seen = { .data = data, .len = len };
	struct ike_sa_news news;
	char why[40];

	vici_parse(data, len, look, &seen);
	ike_sa_read(data, len, &news);
	vici_succeeded(data, len, why, sizeof(why));
	if (strlen(why) >= sizeof(why))
		abort();
	return 0;
}
