/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the words of a configuration mean where they are about route optimisation: lists of prefixes, how much a
 * correspondent keeps for others (RFC 6275 §9) and which correspondents a mobile node asks (§11.6). The rest is
 * config_check.c.
 */
#include <errno.h>
#include <stdlib.h>

#include "config_raw.h"
#include "rr.h"

enum {
	DEFAULT_PEER_BINDINGS = 4096,
	PREFIX_REFUSED = UINT8_MAX, /* as a length: it has been said, don't compare with it */
};

#define AT_CORRESPONDENT AT_KEY(NULL, "correspondent")
#define AT_NODE AT_KEY(NULL, "mobile-node")

_Static_assert(LIMIT_PEER_BINDINGS == 65536 && RR_BINDING_LIFETIME_S == 420, "the words below are the limits");
static const struct range bindings_range = { "1..65536", 1, LIMIT_PEER_BINDINGS, false };
static const struct range lifetime_range = { "4..420 seconds", LIFETIME_UNIT_S, RR_BINDING_LIFETIME_S, false };
static const struct prefix_rule any_prefix = { "an IPv6 address, or a prefix, address/length", "0..128", 0, 128, true };

/* The first of the same prefix among the @count before, or -1. At most LIMIT_REFUSED: pairwise is good enough. */
static int find_prefix(const struct config_prefix *prefixes, size_t count, const struct config_prefix *wanted)
{
	for (size_t i = 0; i < count; i++)
		if (prefixes[i].len == wanted->len && addr_equal(&prefixes[i].prefix, &wanted->prefix))
			return i;
	return -1;
}

static int check_prefixes(struct check *check, char *const *texts, size_t count, struct config_prefix **out,
			  const struct config_at *at)
{
	struct config_prefix *prefixes = calloc(count + 1, sizeof(*prefixes));

	if (!prefixes)
		return -ENOMEM;
	*out = prefixes;
	for (size_t i = 0; i < count; i++) {
		int len = config_check_prefix(check, texts[i], &any_prefix, &prefixes[i].prefix, AT_INDEX(at, i));
		int twin;

		prefixes[i].len = len < 0 ? PREFIX_REFUSED : len;
		twin = len < 0 ? -1 : find_prefix(prefixes, i, &prefixes[i]);
		if (twin >= 0)
			config_source_refuse(check->src, AT_INDEX(at, i),
					     "given twice: expected a prefix other than that of line %u",
					     config_source_line(check->src, AT_INDEX(at, twin)));
	}
	return 0;
}

int config_check_correspondent(struct check *check)
{
	static const struct raw_correspondent none;
	const struct raw_correspondent *raw = check->raw->correspondent ? check->raw->correspondent : &none;
	struct config *config = check->config;

	config->peer_bindings = config_check_number(check, raw->max_bindings, DEFAULT_PEER_BINDINGS, &bindings_range,
						    AT_KEY(AT_CORRESPONDENT, "max-bindings"));
	config->peer_lifetime_s = config_check_number(check, raw->max_lifetime, RR_BINDING_LIFETIME_S, &lifetime_range,
						      AT_KEY(AT_CORRESPONDENT, "max-lifetime"));
	config->refused_count = raw->refuse_prefixes_count;
	return check_prefixes(check, raw->refuse_prefixes, raw->refuse_prefixes_count, &config->refused,
			      AT_KEY(AT_CORRESPONDENT, "refuse-prefixes"));
}

int config_check_optimise(struct check *check)
{
	const struct raw_node *raw = check->raw->mobile_node;
	const struct config_at *at = AT_KEY(AT_NODE, "correspondents");
	struct config *config = check->config;

	config->optimise = raw->route_optimisation;
	if (config->optimise == OPTIMISE_LIST && !raw->correspondents_count)
		config_source_refuse(check->src, at, "missing: expected this key with route-optimisation: list");
	if (config->optimise != OPTIMISE_LIST && raw->correspondents_count)
		config_source_refuse(check->src, at, "expected only with route-optimisation: list");
	config->correspondent_count = raw->correspondents_count;
	return check_prefixes(check, raw->correspondents, raw->correspondents_count, &config->correspondents, at);
}
