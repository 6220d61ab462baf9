/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Any octets as a configuration: no crash, a message for each refusal, and what is accepted prints and loads to the
 * same. */
#include <stdlib.h>

#include "../../agent/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct text {
	char *data;
	size_t len;
};

static struct text print(const struct config *config)
{
	struct text text;
	FILE *out = open_memstream(&text.data, &text.len);

	if (!out)
		abort();
	config_print(config, out);
	fclose(out);
	return text;
}

/* Whether a line of the messages comes from libcyaml: the walk along the schema must know first. */
static bool said_by_libcyaml(const char *errors)
{
	static const char start[] = "fuzz: libcyaml: ";

	while (errors && *errors) {
		if (strncmp(errors, start, sizeof(start) - 1) == 0)
			return true;
		errors = strchr(errors, '\n');
		if (errors)
			errors++;
	}
	return false;
}

/* Aborts unless there is a configuration or a message, never both. */
static struct config *parse(const char *data, size_t len)
{
	struct config *config = NULL;
	struct text errors;
	FILE *out = open_memstream(&errors.data, &errors.len);
	int err;

	if (!out)
		abort();
	err = config_parse(data, len, "fuzz", &config, out);
	fclose(out);
	if (!err != !!config || !err != !errors.len || said_by_libcyaml(errors.data))
		abort();
	free(errors.data);
	return config;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct config *first = parse((const char *)data, len), *second;
	struct text printed, again;

	if (!first)
		return 0;
	printed = print(first);
	second = parse(printed.data, printed.len);
	if (!second)
		abort();
	again = print(second);
	if (again.len != printed.len || memcmp(again.data, printed.data, again.len) != 0)
		abort();
	config_free(first);
	config_free(second);
	free(printed.data);
	free(again.data);
	return 0;
}
