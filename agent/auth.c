// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Keys and timestamps of the authentication option, for the roles. RFC 4285 §5, §6. */
#include "auth.h"

#include <errno.h>
#include <stdlib.h>

struct auth {
	struct auth_keys *keys;
	struct auth_policy policy;
	struct auth_replay replay;
};

static uint64_t now(void)
{
	struct timespec wall;

	clock_gettime(CLOCK_REALTIME, &wall);
	return auth_time(&wall);
}

/* ---- whose key ---- */

static int check_home(const struct config *config, const struct auth_keys *keys, const struct in6_addr *home)
{
	if (auth_keys_first(keys, home, config_id(config, home)))
		return 0;
	log_error("auth-option: %s: no key of %s", config->auth_option.keys, addr_text(home));
	return -EINVAL;
}

static int check_keys(const struct config *config, const struct auth_keys *keys)
{
	int err = 0;

	for (size_t i = 0; i < config->mobile_node_count; i++)
		err |= check_home(config, keys, &config->mobile_nodes[i].home); /* all that is missing is said */
	for (size_t i = 0; i < config->home_address_count; i++)
		err |= check_home(config, keys, &config->home_addresses[i].home);
	return err ? -EINVAL : 0;
}

static int load(const struct config *config, struct auth_keys **keys)
{
	int err = auth_keys_load(config->auth_option.keys, keys, stderr);

	return err ? err : check_keys(config, *keys);
}

/* ---- life ---- */

int auth_open(struct gateway *gw)
{
	struct auth *auth;
	uint64_t newest = 0;

	if (gw->config->auth != AUTH_OPTION || !(gw->config->roles & (ROLE_HOME_AGENT | ROLE_MOBILE_NODE)))
		return 0;
	auth = calloc(1, sizeof(*auth));
	if (!auth)
		return -ENOMEM;
	gw->auth = auth;
	auth->policy.window_s = gw->config->auth_option.window_s;
	auth->policy.require_timestamp = gw->config->auth_option.demand_timestamps;
	if (datapath_newest(gw->dp, &newest))
		log_warn("auth-option: what a former daemon saw of timestamps is not known");
	auth_replay_init(&auth->replay, now(), newest, auth->policy.window_s);
	return load(gw->config, &auth->keys);
}

void auth_close(struct gateway *gw)
{
	if (!gw->auth)
		return;
	auth_keys_free(gw->auth->keys);
	auth_replay_free(&gw->auth->replay);
	free(gw->auth);
	gw->auth = NULL;
}

int auth_reload_check(const struct gateway *gw, const struct config *config, struct auth_keys **keys)
{
	*keys = NULL;
	return gw->auth && load(config, keys) ? -EINVAL : 0;
}

void auth_reloaded(struct gateway *gw, struct auth_keys *keys)
{
	if (!gw->auth)
		return;
	auth_keys_free(gw->auth->keys);
	gw->auth->keys = keys;
	gw->auth->policy.window_s = gw->config->auth_option.window_s;
	gw->auth->policy.require_timestamp = gw->config->auth_option.demand_timestamps;
}

/* ---- the home agent ---- */

bool auth_take_update(struct gateway *gw, const struct mh_input *in, const struct mh_msg *bu,
		      struct auth_answer *answer, uint8_t *status)
{
	static const int reasons[] = { [AUTH_NO_OPTION] = AGENT_UNPROTECTED,
				       [AUTH_NO_KEY] = AGENT_UNPROTECTED,
				       [AUTH_BROKEN] = AGENT_AUTH_BROKEN };
	struct auth_update update = { .mh = in->data, .msg = bu, .home = in->src };
	struct auth_verdict verdict;
	uint64_t newest;

	*answer = (struct auth_answer){};
	*status = BA_ACCEPTED;
	if (!gw->auth)
		return true;
	update.care_of = bu->opt.has_alt_care_of ? bu->opt.alt_care_of : in->care_of;
	update.nai = config_id(gw->config, &in->src);
	newest = gw->auth->replay.newest;
	verdict = auth_option_check_update(gw->auth->keys, &gw->auth->policy, &gw->auth->replay, &update, now());
	if (gw->auth->replay.newest != newest)
		datapath_newest_set(gw->dp, gw->auth->replay.newest);
	if (verdict.clock_went_back)
		log_warn("auth-option: the clock went back: updates of %s are refused until it is where it was",
			 addr_text(&in->src));
	if (verdict.outcome != AUTH_ACCEPTED && verdict.outcome != AUTH_REFUSED) {
		gateway_count(gw, reasons[verdict.outcome]);
		return false;
	}
	*answer = (struct auth_answer){ .wanted = true,
					.has_timestamp = verdict.has_timestamp,
					.spi = verdict.key->spi,
					.timestamp = verdict.timestamp,
					.care_of = update.care_of };
	*status = verdict.status;
	return true;
}

/* The keys may be others since the update came. */
static const struct auth_key *key_by_spi(const struct gateway *gw, const struct in6_addr *home, uint32_t spi)
{
	const struct auth_key *key = auth_keys_of_home(gw->auth->keys, spi, home);
	const char *id = key ? NULL : config_id(gw->config, home);

	return id ? auth_keys_of_nai(gw->auth->keys, spi, id, strlen(id)) : key;
}

static int build_signed(const struct auth_key *key, const struct in6_addr *care_of, const struct in6_addr *home,
			const struct mh_msg *msg, uint8_t *buf, size_t size)
{
	uint16_t offset = 0;
	int len = mh_build(msg, buf, size, &offset),
	    err = len < 0 ? len : auth_option_data(key, care_of, home, buf, offset, buf + offset);

	return err ? err : len;
}

int auth_build_answer(const struct gateway *gw, const struct in6_addr *home, const struct auth_answer *answer,
		      const struct mh_msg *ack, uint8_t *buf, size_t size)
{
	struct mh_msg signed_ack = *ack;
	struct auth_verdict verdict = { .has_timestamp = answer->has_timestamp, .timestamp = answer->timestamp };

	if (!gw->auth || !answer->wanted)
		return mh_build(ack, buf, size, NULL);
	verdict.key = key_by_spi(gw, home, answer->spi);
	if (!verdict.key)
		return -ENOKEY;
	auth_option_prepare_answer(&verdict, &signed_ack);
	return build_signed(verdict.key, &answer->care_of, home, &signed_ack, buf, size);
}

/* ---- the mobile node ---- */

int auth_build_update(const struct gateway *gw, const struct in6_addr *home, const struct in6_addr *care_of,
		      const struct mh_msg *bu, struct auth_node *node, uint8_t *buf, size_t size)
{
	struct mh_msg signed_bu = *bu;
	const struct auth_key *key;
	const char *id;

	if (!gw->auth)
		return mh_build(bu, buf, size, NULL);
	id = config_id(gw->config, home);
	key = auth_keys_first(gw->auth->keys, home, id);
	if (!key)
		return -ENOKEY;
	node->sent = auth_clock_next(&node->clock, now());
	node->care_of = *care_of;
	auth_option_prepare_update(key, key->nai ? id : NULL, &node->sent, &signed_bu);
	return build_signed(key, care_of, home, &signed_bu, buf, size);
}

bool auth_take_answer(struct gateway *gw, const struct mh_input *in, const struct mh_msg *ack,
		      const struct auth_node *node)
{
	const struct auth_key *key;
	int err;

	if (!gw->auth)
		return true;
	key = auth_keys_first(gw->auth->keys, &in->dst, config_id(gw->config, &in->dst));
	err = key ? auth_option_check_answer(key, in->data, ack, &in->dst, &node->care_of, &node->sent) : -ENOENT;
	if (err)
		gateway_count(gw, err == -EIO ? AGENT_AUTH_BROKEN : AGENT_UNPROTECTED);
	return !err;
}

enum auth_clock_news auth_correct_clock(const struct gateway *gw, const struct mh_msg *ack, struct auth_node *node)
{
	bool close, first = !node->mismatches;

	if (!gw->auth || ack->status != BA_ID_MISMATCH) {
		node->mismatches = 0;
		return AUTH_CLOCK_FINE;
	}
	close = auth_time_close(ack->opt.timestamp, node->sent, gw->auth->policy.window_s);
	node->mismatches += node->mismatches < UINT8_MAX;
	if (close && first)
		return AUTH_CLOCK_WAIT;
	auth_clock_correct(&node->clock, ack->opt.timestamp, now());
	log_info("auth-option: the home agent's clock is %d s ahead of ours: its time is told from now on",
		 (int)(int32_t)(node->clock.ahead >> 32));
	return first ? AUTH_CLOCK_CORRECTED : AUTH_CLOCK_WAIT;
}
