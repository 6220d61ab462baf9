// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What the words of the sections ipsec and auth-option mean, and who a mobile node is to them: where keys come from,
 * and what beside the signalling is protected.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

#include "config_raw.h"

#define AT_IPSEC AT_KEY(NULL, "ipsec")
#define AT_IKE AT_KEY(AT_IPSEC, "ike")
#define AT_AUTH_OPTION AT_KEY(NULL, "auth-option")

#define DEFAULT_VICI "/run/charon.vici" /* where Debian's charon-systemd has it */
enum { DEFAULT_WINDOW_S = 7 /* RFC 4285 §5.1 */, DEFAULT_REKEY_S = 3600 };

/* "greater than 3 seconds", RFC 4285 §5.1; what a clock may be wrong by, a replay may be late by. */
static const struct range window_range = { "4..255 seconds", 4, 255, false };

static const struct range rekey_range = { "10..86400 seconds", 10, 86400, false };

/* ---- identities ---- */

static bool is_id(const char *text)
{
	for (; *text; text++)
		if (*text <= ' ' || *text > '~' || strchr("\"'\\{}#%*", *text))
			return false;
	return true;
}

int config_check_id(struct check *check, const char *text, char **id, const struct config_at *at)
{
	if (!text)
		return 0;
	if (!is_id(text))
		config_source_refuse(check->src, at,
				     "expected visible ASCII without blanks, quotes and any of \\ { } # * %%");
	*id = strdup(text);
	return *id ? 0 : -ENOMEM;
}

/* As charon does it, which takes names in any case. */
static int compare_ids(const void *a, const void *b)
{
	return strcasecmp(*(char *const *)a, *(char *const *)b);
}

/* A node without an id is known by its home address: nobody else may be called so. */
static void refuse_home_as_id(struct check *check, size_t i)
{
	const struct config *config = check->config;
	const struct config_mobile_node *other;
	struct in6_addr home;

	if (inet_pton(AF_INET6, config->mobile_nodes[i].id, &home) != 1)
		return;
	other = config_mobile_node(config, &home);
	if (other && other != &config->mobile_nodes[i])
		config_source_refuse(check->src, AT_KEY(AT_KEY(NULL, "home-agent"), "mobile-nodes"),
				     "id '%s': expected another than the home address of another mobile node",
				     config->mobile_nodes[i].id);
}

/* Who proves one identity could have both home addresses. */
int config_check_ids(struct check *check)
{
	const struct config *config = check->config;
	const char **ids = calloc(config->mobile_node_count + 1, sizeof(*ids));
	size_t count = 0;

	if (!ids)
		return -ENOMEM;
	for (size_t i = 0; i < config->mobile_node_count; i++) {
		if (!config->mobile_nodes[i].id)
			continue;
		ids[count++] = config->mobile_nodes[i].id;
		refuse_home_as_id(check, i);
	}
	qsort(ids, count, sizeof(*ids), compare_ids);
	for (size_t i = 1; i < count; i++)
		if (!strcasecmp(ids[i - 1], ids[i]))
			config_source_refuse(check->src, AT_KEY(AT_KEY(NULL, "home-agent"), "mobile-nodes"),
					     "id '%s' given twice: expected one of its own for each mobile node",
					     ids[i]);
	free(ids);
	return 0;
}

/* ---- ipsec ---- */

/* NULL stays NULL. */
static int copy_path(struct check *check, const char *text, char **out, const struct config_at *at)
{
	if (!text)
		return 0;
	if (*text != '/')
		config_source_refuse(check->src, at, "expected an absolute path");
	*out = strdup(text);
	return *out ? 0 : -ENOMEM;
}

/* Sent straight it would be in clear; and with a binding at the correspondent it would be. */
static void check_payload(struct check *check)
{
	const struct config *config = check->config;

	if (config->ipsec.payload == PAYLOAD_PROTECTED && config->roles & ROLE_MOBILE_NODE &&
	    config->optimise != OPTIMISE_NONE)
		config_source_refuse(
			check->src, AT_KEY(AT_IPSEC, "payload"),
			"expected route-optimisation: none in mobile-node with it: what goes straight to a "
			"correspondent is not protected");
}

static int check_ike(struct check *check, const struct raw_ike *raw)
{
	struct config_ipsec *ipsec = &check->config->ipsec;
	int err = copy_path(check, raw->socket ? raw->socket : DEFAULT_VICI, &ipsec->ike_socket,
			    AT_KEY(AT_IKE, "socket"));

	ipsec->rekey_s = config_check_number(check, raw->rekey_interval, DEFAULT_REKEY_S, &rekey_range,
					     AT_KEY(AT_IKE, "rekey-interval"));
	if (!err)
		err = config_check_id(check, raw->agent_id, &ipsec->agent_id, AT_KEY(AT_IKE, "agent-id"));
	return err ? err : copy_path(check, raw->secrets, &ipsec->secrets, AT_KEY(AT_IKE, "secrets"));
}

static int check_ipsec(struct check *check, const struct raw_ipsec *raw)
{
	struct config *config = check->config;
	int err;

	if (!raw || (!raw->keys && !raw->ike)) {
		config_source_refuse(check->src, AT_KEY(AT_IPSEC, "keys"),
				     "missing: expected the path of a file of keys (mobgw keys generate makes one), or "
				     "ike, or authentication: none for a lab in which everybody is trusted");
		return 0;
	}
	if (raw->keys && raw->ike)
		config_source_refuse(check->src, AT_IKE, "expected only without keys: they are agreed on, or static");
	config->ipsec.home_tests = raw->home_tests;
	config->ipsec.payload = raw->payload;
	check_payload(check);
	err = copy_path(check, raw->keys, &config->ipsec.keys, AT_KEY(AT_IPSEC, "keys"));
	return err || !raw->ike ? err : check_ike(check, raw->ike);
}

/* ---- auth-option ---- */

static int check_auth_option(struct check *check, const struct raw_auth_option *raw)
{
	struct config *config = check->config;

	if (!raw) {
		config_source_refuse(check->src, AT_AUTH_OPTION,
				     "missing: expected this section with authentication: auth-option");
		return 0;
	}
	config->auth_option.window_s = config_check_number(check, raw->window, DEFAULT_WINDOW_S, &window_range,
							   AT_KEY(AT_AUTH_OPTION, "window"));
	config->auth_option.demand_timestamps = raw->timestamps == TIMESTAMPS_DEMANDED;
	return copy_path(check, raw->keys, &config->auth_option.keys, AT_KEY(AT_AUTH_OPTION, "keys"));
}

int config_check_protection(struct check *check)
{
	const struct raw_config *raw = check->raw;
	bool wanted = check->config->roles & (ROLE_HOME_AGENT | ROLE_MOBILE_NODE);
	enum config_auth auth = check->config->auth;
	int err = 0;

	if (raw->ipsec && (!wanted || auth != AUTH_IPSEC))
		config_source_refuse(check->src, AT_IPSEC, "expected only with authentication: ipsec");
	if (raw->auth_option && (!wanted || auth != AUTH_OPTION))
		config_source_refuse(check->src, AT_AUTH_OPTION, "expected only with authentication: auth-option");
	if (wanted && auth == AUTH_IPSEC)
		err = check_ipsec(check, raw->ipsec);
	if (wanted && auth == AUTH_OPTION)
		err = check_auth_option(check, raw->auth_option);
	return err;
}
