// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The MN-HA authentication option, RFC 4285 §5.1, §5.3, §6: authentication data, the home agent's verdict, timestamps.
 * The formula is that of return routability's authenticator with other operands, so its HMAC is rr.c's.
 */
#include "auth_option.h"

#include <errno.h>
#include <stdlib.h>

enum {
	NTP_TO_UNIX_S = 2208988800U, /* 1900 to 1970, RFC 5905 §6 */
	NS_PER_S = 1000000000,
	SEEN_ROOM = 16,
};

struct auth_seen {
	struct in6_addr home;
	uint64_t newest;
};

/* ---- time ---- */

uint64_t auth_time(const struct timespec *wall)
{
	uint64_t fraction = ((uint64_t)wall->tv_nsec << 32) / NS_PER_S;

	return ((uint64_t)wall->tv_sec + NTP_TO_UNIX_S) << 32 | fraction;
}

/* Around the circle: seconds since 1900 come to their end in 2036. */
static bool newer(uint64_t a, uint64_t b)
{
	return (int64_t)(a - b) > 0;
}

bool auth_time_close(uint64_t timestamp, uint64_t now, uint8_t window_s)
{
	int64_t apart = (int64_t)(timestamp - now), window = (int64_t)window_s << 32;

	return apart <= window && apart >= -window;
}

/* ---- what was seen ---- */

void auth_replay_init(struct auth_replay *replay, uint64_t now, uint64_t newest, uint8_t window_s)
{
	bool ahead = newest && newer(newest, now) && auth_time_close(newest, now, window_s);

	*replay = (struct auth_replay){ .since = ahead ? newest : now, .newest = newest };
}

void auth_replay_free(struct auth_replay *replay)
{
	free(replay->at);
	*replay = (struct auth_replay){ .since = replay->since, .newest = replay->newest };
}

/* Where @home stands, or where it belongs. */
static size_t place_of(const struct auth_replay *replay, const struct in6_addr *home)
{
	size_t low = 0, high = replay->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (memcmp(&replay->at[middle].home, home, sizeof(*home)) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool stands_at(const struct auth_replay *replay, size_t place, const struct in6_addr *home)
{
	return place < replay->count && addr_equal(&replay->at[place].home, home);
}

static uint64_t newest_of(const struct auth_replay *replay, const struct in6_addr *home)
{
	size_t place = place_of(replay, home);

	if (stands_at(replay, place, home) && newer(replay->at[place].newest, replay->since))
		return replay->at[place].newest;
	return replay->since;
}

static int keep(struct auth_replay *replay, const struct in6_addr *home, uint64_t timestamp)
{
	size_t place = place_of(replay, home), room = replay->room ? 2 * replay->room : SEEN_ROOM;
	struct auth_seen *at;

	if (!stands_at(replay, place, home)) {
		if (replay->count == replay->room) {
			at = reallocarray(replay->at, room, sizeof(*at));
			if (!at)
				return -ENOMEM;
			replay->at = at;
			replay->room = room;
		}
		at = &replay->at[place];
		memmove(at + 1, at, (replay->count++ - place) * sizeof(*at));
	}
	replay->at[place] = (struct auth_seen){ .home = *home, .newest = timestamp };
	return 0;
}

/* ---- authentication data ---- */

int auth_option_data(const struct auth_key *key, const struct in6_addr *care_of, const struct in6_addr *home,
		     const uint8_t *mh, uint16_t offset, uint8_t data[MH_AUTH_LEN])
{
	return rr_authenticator(key->key, care_of, home, mh, offset, data);
}

/* Whether the data of @msg's option are what @key makes of it: 0, -EBADMSG, or -EIO. */
static int check_data(const struct auth_key *key, const struct in6_addr *care_of, const struct in6_addr *home,
		      const uint8_t *mh, const struct mh_msg *msg)
{
	const struct mh_auth_option *option = &msg->opt.mn_ha;
	uint8_t right[MH_AUTH_LEN];
	bool same;

	if (option->len != MH_AUTH_LEN)
		return -EBADMSG;
	if (auth_option_data(key, care_of, home, mh, option->offset, right))
		return -EIO;
	same = rr_same(right, mh + option->offset, sizeof(right));
	explicit_bzero(right, sizeof(right)); /* what a forger would like to read */
	return same ? 0 : -EBADMSG;
}

static void prepare_option(const struct auth_key *key, struct mh_options *opt)
{
	opt->mn_ha = (struct mh_auth_option){ .present = true, .len = MH_AUTH_LEN, .spi = key->spi };
}

/* ---- the home agent ---- */

static const struct auth_key *key_of(const struct auth_keys *keys, const struct auth_update *update)
{
	const struct mh_options *opt = &update->msg->opt;
	const struct auth_key *key = auth_keys_of_home(keys, opt->mn_ha.spi, &update->home);

	if (key || !update->nai || !opt->has_nai || strlen(update->nai) != opt->nai_len ||
	    memcmp(update->nai, opt->nai, opt->nai_len) != 0)
		return key;
	return auth_keys_of_nai(keys, opt->mn_ha.spi, opt->nai, opt->nai_len);
}

static struct auth_verdict refuse(struct auth_verdict verdict, uint8_t status)
{
	verdict.outcome = AUTH_REFUSED;
	verdict.status = status;
	return verdict;
}

static struct auth_verdict broken(void)
{
	return (struct auth_verdict){ .outcome = AUTH_BROKEN };
}

/*
 * RFC 4285 §6: the upper half is our time of day, by which the node may correct its clock; the lower half stays the
 * update's, so that the node knows which update this answers.
 */
static struct auth_verdict refuse_time(struct auth_verdict verdict, uint64_t now)
{
	verdict.timestamp = (now & ~(uint64_t)UINT32_MAX) | (verdict.timestamp & UINT32_MAX);
	return refuse(verdict, BA_ID_MISMATCH);
}

/* RFC 4285 §6, of an update that is authentic. */
static struct auth_verdict check_time(const struct auth_policy *policy, struct auth_replay *replay,
				      const struct auth_update *update, struct auth_verdict verdict, uint64_t now)
{
	const struct mh_options *opt = &update->msg->opt;
	uint64_t newest;

	if (!opt->has_timestamp)
		return policy->require_timestamp ? refuse(verdict, BA_ID_REQUIRED) : verdict;
	/* we began before our clock was set back; what was accepted still counts */
	if (newer(replay->since, now) && !auth_time_close(replay->since, now, policy->window_s))
		replay->since = now;
	newest = newest_of(replay, &update->home);
	verdict.clock_went_back = newer(newest, now) && !auth_time_close(newest, now, policy->window_s);
	if (!auth_time_close(opt->timestamp, now, policy->window_s) || !newer(opt->timestamp, newest))
		return refuse_time(verdict, now);
	if (keep(replay, &update->home, opt->timestamp))
		return broken();
	if (!replay->newest || newer(opt->timestamp, replay->newest))
		replay->newest = opt->timestamp;
	return verdict;
}

struct auth_verdict auth_option_check_update(const struct auth_keys *keys, const struct auth_policy *policy,
					     struct auth_replay *replay, const struct auth_update *update, uint64_t now)
{
	const struct mh_options *opt = &update->msg->opt;
	struct auth_verdict verdict = { .outcome = AUTH_NO_OPTION };

	if (!opt->mn_ha.present)
		return verdict;
	verdict.key = key_of(keys, update);
	if (!verdict.key)
		return (struct auth_verdict){ .outcome = AUTH_NO_KEY };
	verdict.outcome = AUTH_ACCEPTED;
	verdict.has_timestamp = opt->has_timestamp;
	verdict.timestamp = opt->timestamp;
	switch (check_data(verdict.key, &update->care_of, &update->home, update->mh, update->msg)) {
	case 0:
		return check_time(policy, replay, update, verdict, now);
	case -EBADMSG:
		return refuse(verdict, BA_AUTH_FAILED);
	default:
		return broken();
	}
}

void auth_option_prepare_answer(const struct auth_verdict *verdict, struct mh_msg *ack)
{
	ack->opt.has_timestamp = verdict->has_timestamp;
	ack->opt.timestamp = verdict->timestamp;
	prepare_option(verdict->key, &ack->opt);
}

/* ---- the mobile node ---- */

uint64_t auth_clock_next(struct auth_clock *clock, uint64_t now)
{
	uint64_t time = now + clock->ahead;

	if (clock->used && !newer(time, clock->last))
		time = clock->last + 1;
	clock->last = time;
	clock->used = true;
	return time;
}

void auth_clock_correct(struct auth_clock *clock, uint64_t theirs, uint64_t now)
{
	clock->ahead = theirs - now;
	clock->last = theirs; /* what they have seen is not newer than that; what they refused doesn't count */
	clock->used = true;
}

void auth_option_prepare_update(const struct auth_key *key, const char *nai, const uint64_t *timestamp,
				struct mh_msg *bu)
{
	bu->opt.has_nai = nai != NULL;
	bu->opt.nai = (const uint8_t *)nai;
	bu->opt.nai_len = nai ? strlen(nai) : 0;
	bu->opt.has_timestamp = timestamp != NULL;
	bu->opt.timestamp = timestamp ? *timestamp : 0;
	prepare_option(key, &bu->opt);
}

int auth_option_check_answer(const struct auth_key *key, const uint8_t *mh, const struct mh_msg *ack,
			     const struct in6_addr *home, const struct in6_addr *care_of, const uint64_t *sent)
{
	const struct mh_options *opt = &ack->opt;
	int err;

	if (!opt->mn_ha.present || opt->mn_ha.spi != key->spi)
		return -ENOENT;
	err = check_data(key, care_of, home, mh, ack);
	if (err)
		return err;
	if (!sent)
		return 0;
	if (!opt->has_timestamp)
		return -ESTALE;
	if (ack->status == BA_ID_MISMATCH)
		return (uint32_t)opt->timestamp == (uint32_t)*sent ? 0 : -ESTALE;
	return opt->timestamp == *sent ? 0 : -ESTALE;
}
