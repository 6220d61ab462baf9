/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * mobgw check: is this machine fit to be a home agent, or a mobile node? Works without a daemon and disturbs nothing.
 * Here: the order of checks, the configuration, and how findings are printed; the checks themselves are in
 * tool_check_*.c.
 */
#include <stdarg.h>
#include <stdlib.h>

#include "control.h"
#include "tool_check.h"

static const char *const level_names[CHECK_LEVELS] = {
	[CHECK_OK] = "OK", [CHECK_INFO] = "INFO", [CHECK_WARN] = "WARN", [CHECK_FAIL] = "FAIL"
};

void check_say(struct check *check, enum check_level level, const char *name, const char *format, ...)
{
	struct finding *finding;
	va_list args;

	if (check->finding_count == check->finding_room) {
		size_t room = 2 * check->finding_room + 64;
		struct finding *grown = realloc(check->findings, room * sizeof(*grown));

		if (!grown) {
			fprintf(stderr, "mobgw: check: out of memory\n");
			exit(EXIT_TROUBLE); /* a check that leaves out findings would say that all is well */
		}
		check->findings = grown;
		check->finding_room = room;
	}
	finding = &check->findings[check->finding_count++];
	*finding = (struct finding){ .level = level, .name = name };
	va_start(args, format);
	vsnprintf(finding->text, sizeof(finding->text), format, args);
	va_end(args);
}

void check_cure(struct check *check, const char *format, ...)
{
	struct finding *finding = &check->findings[check->finding_count - 1];
	va_list args;

	va_start(args, format);
	vsnprintf(finding->cure, sizeof(finding->cure), format, args);
	va_end(args);
}

bool check_kernel_is(const struct check *check, unsigned int major, unsigned int minor)
{
	return check->kernel_major > major || (check->kernel_major == major && check->kernel_minor >= minor);
}

bool check_is_node(const struct check *check)
{
	return check->config && (check->config->roles & ROLE_MOBILE_NODE);
}

bool check_is_correspondent(const struct check *check)
{
	return check->config && !(check->config->roles & (ROLE_MOBILE_NODE | ROLE_HOME_AGENT));
}

/* Every message of config_load() is a finding of its own. */
static void say_config_errors(struct check *check, char *errors)
{
	char *rest = errors, *line;
	size_t said = 0;

	while ((line = strsep(&rest, "\n"))) {
		if (!*line)
			continue;
		check_say(check, CHECK_FAIL, "config", "%s", line);
		check_cure(check, "${EDITOR:-vi} %s; mobgwd --config %s --check; man 5 mobgwd.conf",
			   check->options->config, check->options->config);
		said++;
	}
	if (!said)
		check_say(check, CHECK_FAIL, "config", "%s: can't be read", check->options->config);
}

static void say_config(struct check *check, const struct config *config)
{
	if (config->roles & ROLE_MOBILE_NODE)
		check_say(check, CHECK_OK, "config", "%s: %zu uplinks, %zu home addresses", check->options->config,
			  config->uplink_count, config->home_address_count);
	else if (!(config->roles & ROLE_HOME_AGENT))
		check_say(check, CHECK_OK, "config", "%s: %zu interfaces, a correspondent", check->options->config,
			  config->interface_count);
	else
		check_say(check, CHECK_OK, "config", "%s: %zu interfaces, %zu home links, %zu mobile nodes",
			  check->options->config, config->interface_count, config->home_link_count,
			  config->mobile_node_count);
	if (config->auth == AUTH_NONE && config->roles & (ROLE_HOME_AGENT | ROLE_MOBILE_NODE))
		check_say(check, CHECK_WARN, "config", "%s", control_auth_warning(config->auth));
}

static struct config *load_config(struct check *check)
{
	struct config *config = NULL;
	char *errors = NULL;
	size_t len = 0;
	FILE *stream = open_memstream(&errors, &len);
	int err;

	if (!stream)
		return NULL;
	err = config_load(check->options->config, &config, stream);
	fclose(stream);
	if (err) {
		say_config_errors(check, errors);
		config = NULL;
	} else {
		say_config(check, config);
	}
	free(errors);
	return config;
}

static void print_findings(const struct check *check, const size_t counts[CHECK_LEVELS])
{
	size_t width = 0;

	for (size_t i = 0; i < check->finding_count; i++)
		if (strlen(check->findings[i].name) > width)
			width = strlen(check->findings[i].name);
	for (size_t i = 0; i < check->finding_count; i++) {
		const struct finding *finding = &check->findings[i];

		printf("%-4s  %-*s  %s\n", level_names[finding->level], (int)width, finding->name, finding->text);
		if (finding->cure[0])
			printf("      %*s  # %s\n", (int)width, "", finding->cure);
	}
	if (counts[CHECK_FAIL] || counts[CHECK_WARN])
		printf("\n%zu FAIL, %zu WARN: a line that begins with # mends the one above it\n", counts[CHECK_FAIL],
		       counts[CHECK_WARN]);
	else
		printf("\nThis machine is fit to be a %s.\n", check_is_node(check)	      ? "mobile node"
							      : check_is_correspondent(check) ? "correspondent"
											      : "home agent");
}

static void print_json(const struct check *check, const size_t counts[CHECK_LEVELS])
{
	json_t *list = json_array(), *document;

	for (size_t i = 0; i < check->finding_count; i++) {
		const struct finding *finding = &check->findings[i];

		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s?}", "level", level_names[finding->level],
						      "check", finding->name, "text", finding->text, "cure",
						      finding->cure[0] ? finding->cure : NULL));
	}
	document = json_pack("{s:i, s:i, s:i, s:o}", "version", CONTROL_VERSION, "failures", (int)counts[CHECK_FAIL],
			     "warnings", (int)counts[CHECK_WARN], "findings", list);
	json_dumpf(document, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(document);
}

int tool_check(const struct tool_options *options)
{
	static void (*const checks[])(struct check * check) = {
		check_kernel, check_bpf,     check_privileges,	   check_ipsec,	 check_interfaces, check_sysctls,
		check_home,   check_uplinks, check_home_addresses, check_policy, check_managers,   check_firewall,
	};
	struct check check = { .options = options };
	size_t counts[CHECK_LEVELS] = {};
	struct config *config = load_config(&check);

	check.config = config;
	check_load_links(&check);
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
		checks[i](&check);
	for (size_t i = 0; i < check.finding_count; i++)
		counts[check.findings[i].level]++;
	if (options->json)
		print_json(&check, counts);
	else
		print_findings(&check, counts);
	check_free_links(&check);
	free(check.findings);
	if (config)
		config_free(config);
	return counts[CHECK_FAIL] ? EXIT_TROUBLE : EXIT_OK;
}
