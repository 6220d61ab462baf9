// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Any octets as a message with an authentication option, as updates of several nodes by clocks that jump, and as what a
 * mobile node's clock goes through: no read beyond them, and verdicts as a stupid model has them. */
#include <errno.h>
#include <stdlib.h>

#include "../../agent/auth_option.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { NODES = 8, STEPS = 256, QUARTER = 1 << 30 /* of a second */ };

static const uint8_t secret[RR_KEY_LEN] = { 1, 2, 3 };
static const struct in6_addr care_of = { .s6_addr = { 0x20, 2 } };
static const struct auth_policy policy = { .window_s = AUTH_WINDOW_S, .require_timestamp = true };
static const uint64_t window = (uint64_t)AUTH_WINDOW_S << 32;

static void require(bool what)
{
	if (!what)
		abort();
}

static struct in6_addr home_of(uint8_t node)
{
	return (struct in6_addr){ .s6_addr = { 0x20, 1, [15] = node } };
}

static bool within(uint64_t timestamp, uint64_t now)
{
	return timestamp - now + window <= 2 * window;
}

static struct auth_verdict judge(const struct auth_key *key, struct auth_replay *replay, const uint8_t *mh,
				 const struct mh_msg *msg, uint64_t now)
{
	struct auth_key at = *key;
	struct auth_keys keys = { .at = &at, .count = 1 };
	struct auth_update update = { .mh = mh, .msg = msg, .home = key->home, .care_of = care_of };
	struct auth_verdict verdict = auth_option_check_update(&keys, &policy, replay, &update, now);

	require(verdict.outcome != AUTH_BROKEN);
	require((verdict.outcome == AUTH_ACCEPTED || verdict.outcome == AUTH_REFUSED) == (verdict.key == &at));
	require(!verdict.key || verdict.has_timestamp == msg->opt.has_timestamp);
	return verdict;
}

/* ---- one message ---- */

/* Of a message whose data are right: what the RFC says about its timestamp, nothing seen before @since. */
static void check_time(const struct auth_verdict *verdict, const struct mh_options *opt, uint64_t since, uint64_t now)
{
	if (!opt->has_timestamp) {
		require(verdict->outcome == AUTH_REFUSED && verdict->status == BA_ID_REQUIRED);
	} else if (within(opt->timestamp, now) && (int64_t)(opt->timestamp - since) > 0) {
		require(verdict->outcome == AUTH_ACCEPTED && verdict->timestamp == opt->timestamp);
	} else {
		require(verdict->outcome == AUTH_REFUSED && verdict->status == BA_ID_MISMATCH);
		require(verdict->timestamp >> 32 == now >> 32);
		require((uint32_t)verdict->timestamp == (uint32_t)opt->timestamp);
	}
}

static void check_signed(const struct auth_key *key, uint8_t *mh, const struct mh_msg *msg, uint64_t now)
{
	struct auth_replay replay;
	struct auth_verdict verdict;
	const uint64_t *sent = msg->opt.has_timestamp ? &msg->opt.timestamp : NULL;
	uint8_t *auth = mh + msg->opt.mn_ha.offset;

	require(auth_option_data(key, &care_of, &key->home, mh, msg->opt.mn_ha.offset, auth) == 0);
	require(auth_option_check_answer(key, mh, msg, &key->home, &care_of, sent) == 0);
	auth_replay_init(&replay, now - window, 0, AUTH_WINDOW_S);
	verdict = judge(key, &replay, mh, msg, now);
	check_time(&verdict, &msg->opt, now - window, now);
	if (verdict.outcome == AUTH_ACCEPTED) {
		verdict = judge(key, &replay, mh, msg, now);
		require(verdict.outcome == AUTH_REFUSED && verdict.status == BA_ID_MISMATCH);
	}
	auth[now % MH_AUTH_LEN] ^= 1;
	verdict = judge(key, &replay, mh, msg, now);
	require(verdict.outcome == AUTH_REFUSED && verdict.status == BA_AUTH_FAILED);
	require(auth_option_check_answer(key, mh, msg, &key->home, &care_of, sent) == -EBADMSG);
	auth_replay_free(&replay);
}

static void check_message(const uint8_t *data, size_t len)
{
	struct auth_key key = { .home = home_of(0), .key = secret };
	struct auth_replay replay;
	struct auth_verdict verdict;
	struct mh_msg msg;
	uint8_t *exact;
	size_t size;

	if (mh_parse(data, len, &msg).fault != MH_OK)
		return;
	size = (data[1] + 1U) * 8;
	exact = malloc(size);
	require(exact);
	memcpy(exact, data, size);
	require(mh_parse(exact, size, &msg).fault == MH_OK);
	key.spi = msg.opt.mn_ha.spi + 1;
	auth_replay_init(&replay, 0, 0, AUTH_WINDOW_S);
	verdict = judge(&key, &replay, exact, &msg, 0);
	require(verdict.outcome == (msg.opt.mn_ha.present ? AUTH_NO_KEY : AUTH_NO_OPTION));
	require(auth_option_check_answer(&key, exact, &msg, &key.home, &care_of, NULL) == -ENOENT);
	key.spi = msg.opt.mn_ha.spi;
	if (msg.opt.mn_ha.present && msg.opt.mn_ha.len == MH_AUTH_LEN)
		check_signed(&key, exact, &msg, msg.opt.timestamp + (uint64_t)(int8_t)data[6] * QUARTER);
	else if (msg.opt.mn_ha.present)
		require(judge(&key, &replay, exact, &msg, 0).status == BA_AUTH_FAILED);
	auth_replay_free(&replay);
	free(exact);
}

/* ---- replays ---- */

/* What a home agent may know: of each node the newest timestamp accepted, and when it began. */
struct model {
	uint64_t newest[NODES], since;
	bool seen[NODES];
};

static bool fresh(struct model *model, uint8_t node, uint64_t timestamp, uint64_t now)
{
	if ((int64_t)(model->since - now) > 0 && !within(model->since, now))
		model->since = now; /* that far our clock was set back; less is waited for */
	if (!within(timestamp, now) || (int64_t)(timestamp - model->since) <= 0 ||
	    (model->seen[node] && (int64_t)(timestamp - model->newest[node]) <= 0))
		return false;
	model->newest[node] = timestamp;
	model->seen[node] = true;
	return true;
}

/* Three octets a step: whose update, how far our clock goes on or back, and how far the node's is from it. */
static void check_replays(const uint8_t *data, size_t len)
{
	uint64_t now = UINT64_MAX - 16 * window; /* near the end of an era */
	struct model model = { .since = now };
	struct auth_replay replay;

	auth_replay_init(&replay, now, 0, AUTH_WINDOW_S);
	for (int step = 0; step < STEPS && len >= 3; step++, data += 3, len -= 3) {
		uint8_t node = data[0] % NODES, mh[128];
		struct auth_key key = { .spi = 256, .home = home_of(node), .key = secret };
		struct mh_msg bu = { .type = MH_BU };
		struct auth_verdict verdict;
		uint64_t timestamp;
		uint16_t offset;
		int size;

		now += (uint64_t)(int8_t)data[1] * QUARTER;
		timestamp = now + (uint64_t)(int8_t)data[2] * QUARTER;
		auth_option_prepare_update(&key, NULL, &timestamp, &bu);
		size = mh_build(&bu, mh, sizeof(mh), &offset);
		require(size > 0 && mh_parse(mh, size, &bu).fault == MH_OK && bu.opt.mn_ha.offset == offset);
		require(auth_option_data(&key, &care_of, &key.home, mh, offset, mh + offset) == 0);
		verdict = judge(&key, &replay, mh, &bu, now);
		require((verdict.outcome == AUTH_ACCEPTED) == fresh(&model, node, timestamp, now));
		require(verdict.outcome == AUTH_ACCEPTED || verdict.status == BA_ID_MISMATCH);
		require(replay.count <= NODES);
	}
	auth_replay_free(&replay);
}

/* ---- the mobile node's clock ---- */

/* Two octets a step: whether it is corrected, and how far it went on or back. */
static void check_clock(const uint8_t *data, size_t len)
{
	uint64_t now = UINT64_MAX - window, last = 0, next;
	struct auth_clock clock = { 0 };
	bool any = false;

	for (; len >= 2; data += 2, len -= 2) {
		now += (uint64_t)(int8_t)data[1] * QUARTER;
		if (data[0] & 1) {
			last = now + (uint64_t)(int8_t)data[0] * QUARTER * 64;
			auth_clock_correct(&clock, last, now);
			any = true;
		}
		next = auth_clock_next(&clock, now);
		require(!any || (int64_t)(next - last) > 0);
		last = next;
		any = true;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	check_message(data, len);
	check_replays(data, len);
	check_clock(data, len);
	return 0;
}
