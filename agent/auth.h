/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The authentication option in the roles' hands: keys, state against replays, and messages with their options on. Where
 * it isn't asked for, everything passes and nothing is added. RFC 4285; the option itself is auth_option.h.
 */
#ifndef MOBGW_AUTH_H
#define MOBGW_AUTH_H

#include "auth_option.h"
#include "gateway.h"

/* Reads the keys; -EINVAL: a home address has none, or the file is refused; said already. 0 also where not asked for.
 */
int auth_open(struct gateway *gw);
void auth_close(struct gateway *gw);
/* As ipsec_reload_check() and ipsec_reloaded(). What was seen of timestamps stays. */
int auth_reload_check(const struct gateway *gw, const struct config *config, struct auth_keys **keys);
void auth_reloaded(struct gateway *gw, struct auth_keys *keys);

/* ---- the home agent ---- */

/* What the acknowledgement of an update has to carry. */
struct auth_answer {
	bool wanted, has_timestamp;
	uint32_t spi;
	uint64_t timestamp;
	struct in6_addr care_of; /* that the update was for */
};

/* False: to be discarded, and counted. Else @status is BA_ACCEPTED, or what to refuse it with. */
bool auth_take_update(struct gateway *gw, const struct mh_input *in, const struct mh_msg *bu,
		      struct auth_answer *answer, uint8_t *status);
/* mh_build() with what @answer wants. */
int auth_build_answer(const struct gateway *gw, const struct in6_addr *home, const struct auth_answer *answer,
		      const struct mh_msg *ack, uint8_t *buf, size_t size);

/* ---- the mobile node ---- */

struct auth_node {
	struct auth_clock clock;
	uint64_t sent;		 /* timestamp of the last update */
	struct in6_addr care_of; /* that it was for */
	uint8_t mismatches;	 /* 144 in a row */
};

/* mh_build() with options; @care_of: that it is for. */
int auth_build_update(const struct gateway *gw, const struct in6_addr *home, const struct in6_addr *care_of,
		      const struct mh_msg *bu, struct auth_node *node, uint8_t *buf, size_t size);
/* False: to be discarded, and counted. */
bool auth_take_answer(struct gateway *gw, const struct mh_input *in, const struct mh_msg *ack,
		      const struct auth_node *node);
/*
 * What an answer says of our clock that was taken, and that something waited for. A 144 whose seconds are as ours was
 * said of a copy of our update, which somebody sent again, or of one that was seen newer: the answer to ours is on its
 * way, or the next will do. So 144 refuses no registration, but makes it wait.
 */
enum auth_clock_news {
	AUTH_CLOCK_FINE,
	AUTH_CLOCK_CORRECTED, /* worth another update at once; never twice in a row */
	AUTH_CLOCK_WAIT,      /* as if there had been no answer */
};
enum auth_clock_news auth_correct_clock(const struct gateway *gw, const struct mh_msg *ack, struct auth_node *node);

#endif
