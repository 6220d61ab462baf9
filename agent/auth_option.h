/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The MN-HA authentication option: authentication data, what a home agent makes of a binding update and a mobile node
 * of the acknowledgement, replay protection by timestamps. Pure but for OpenSSL's HMAC: time and state come in.
 * RFC 4285 §5.1, §5.3, §6. Identifiers are those of RFC 4283.
 */
#ifndef MOBGW_AUTH_OPTION_H
#define MOBGW_AUTH_OPTION_H

#include <time.h>

#include "auth_keys.h"

enum auth_option_limit {
	AUTH_WINDOW_S = 7,     /* "close enough", RFC 4285 §5.1 */
	AUTH_WINDOW_MIN_S = 4, /* "greater than 3 seconds", ibidem */
};

/* ---- time as the replay protection option has it, compared around the circle, so 2036 is a year like others ---- */

/* NTP's 64 bits of a time since 1970. */
uint64_t auth_time(const struct timespec *wall);

/* No more than the window apart, either way. */
bool auth_time_close(uint64_t timestamp, uint64_t now, uint8_t window_s);

/* The newest timestamp accepted of each home address; by one who was authenticated, so there are no strangers in it. */
struct auth_replay {
	struct auth_seen *at; /* sorted */
	size_t count, room;
	uint64_t since;	 /* what was accepted before is not known, so nothing that isn't newer is */
	uint64_t newest; /* accepted of anybody, for the next auth_replay_init(); 0: nothing yet */
};

/* @newest: of a former life, 0: none; who was ahead of our clock by less than the window may have had it accepted. */
void auth_replay_init(struct auth_replay *replay, uint64_t now, uint64_t newest, uint8_t window_s);
void auth_replay_free(struct auth_replay *replay);

/* ---- authentication data ---- */

/**
 * auth_option_data() - First(96, HMAC_SHA1(key, care-of address | home address | MH data)), RFC 4285 §5.1
 * @care_of: that of the binding; of a binding acknowledgement too
 * @mh, @offset: the message; the octets before the option's data count, the checksum as zero
 *
 * Return: 0; -EINVAL: @offset can't be; -EIO: OpenSSL can't.
 */
int auth_option_data(const struct auth_key *key, const struct in6_addr *care_of, const struct in6_addr *home,
		     const uint8_t *mh, uint16_t offset, uint8_t data[MH_AUTH_LEN]);

/* ---- the home agent ---- */

struct auth_policy {
	uint8_t window_s;	/* AUTH_WINDOW_MIN_S..255 */
	bool require_timestamp; /* else a binding update without one is left to its sequence number */
};

/* A binding update with a home address option, or without one from home. */
struct auth_update {
	const uint8_t *mh; /* what @msg was parsed from */
	const struct mh_msg *msg;
	struct in6_addr home, care_of;
	const char *nai; /* whom the configuration gives @home to; NULL: its key is that of @home only */
};

enum auth_outcome {
	AUTH_ACCEPTED,
	AUTH_REFUSED,	/* answered with @status */
	AUTH_NO_OPTION, /* discarded: this node's updates have the option, RFC 4285 §5 */
	AUTH_NO_KEY,	/* discarded: there is no security association, RFC 4285 §5.1 */
	AUTH_BROKEN,	/* discarded: no memory or OpenSSL can't; ours, to be logged */
};

struct auth_verdict {
	enum auth_outcome outcome;
	uint8_t status;		    /* enum ba_status: BA_ACCEPTED, or 144..146 */
	bool has_timestamp;	    /* the answer carries @timestamp: where the update had one, RFC 4285 §6 */
	uint64_t timestamp;	    /* the update's; with 144 our seconds and the update's fraction */
	bool clock_went_back;	    /* our own, behind what it accepted by more than the window: worth a warning, since
				     * this node is refused until that time is past */
	const struct auth_key *key; /* the answer is authenticated with it; NULL: discarded */
};

/**
 * auth_option_check_update() - whether a binding update is from its mobile node, and fresh
 * @replay: what was seen; keeps the timestamp of what is accepted
 * @now: auth_time() of reception
 *
 * In the RFC's order: option and security association, or discarded in silence; data, else 146 (§5.1); then, since
 * freshness is looked at behind authenticity, a timestamp at all, else 145, and one that is close enough to our clock
 * and newer than all before, else 144 with our seconds (§6). An NAI in the message names a key only if the
 * configuration gives it this home address: who may sign is not who may have any address.
 */
struct auth_verdict auth_option_check_update(const struct auth_keys *keys, const struct auth_policy *policy,
					     struct auth_replay *replay, const struct auth_update *update,
					     uint64_t now);

/* Puts the options of an answer into @ack, behind which mh_build() tells where auth_option_data() goes. */
void auth_option_prepare_answer(const struct auth_verdict *verdict, struct mh_msg *ack);

/* ---- the mobile node ---- */

/* Timestamps that always grow, by a clock that the home agent may correct. Zero is a good beginning. */
struct auth_clock {
	uint64_t ahead; /* of our own clock, around the circle */
	uint64_t last;
	bool used;
};

/* The timestamp of the next binding update; @now: auth_time(). */
uint64_t auth_clock_next(struct auth_clock *clock, uint64_t now);
/* The home agent refused with 144 and told its seconds. Only after auth_option_check_answer(). The update may be
 * repeated at once, but where a correction was just refused too, as any other: by its back-off. */
void auth_clock_correct(struct auth_clock *clock, uint64_t theirs, uint64_t now);

/* Puts the options of a binding update into @bu: @nai, which stays the caller's, may be NULL. */
void auth_option_prepare_update(const struct auth_key *key, const char *nai, const uint64_t *timestamp,
				struct mh_msg *bu);

/**
 * auth_option_check_answer() - whether a binding acknowledgement is from the home agent
 * @home, @care_of: of the binding update that it answers
 * @sent: its timestamp; NULL: it had none
 *
 * Return: 0; -ENOENT: no option, or not with our SPI; -EBADMSG: wrong data; -ESTALE: authentic, but the timestamp is
 * not that of our update, or of a 144 not its fraction (RFC 4285 §6); -EIO. Each but 0: discarded.
 */
int auth_option_check_answer(const struct auth_key *key, const uint8_t *mh, const struct mh_msg *ack,
			     const struct in6_addr *home, const struct in6_addr *care_of, const uint64_t *sent);

#endif
