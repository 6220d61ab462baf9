/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One entry of the binding update list for a home registration: what to send when, and what an answer means. Pure: time
 * comes in, messages are asked for. RFC 6275 §11.1, §11.7.1, §11.7.3, §11.8.
 */
#ifndef MOBGW_UPDATE_LIST_H
#define MOBGW_UPDATE_LIST_H

#include "mh.h"

enum update_limit {
	UPDATE_FIRST_MS = 1500,	  /* InitialBindackTimeoutFirstReg, RFC 6275 §13 */
	UPDATE_INITIAL_MS = 1000, /* INITIAL_BINDACK_TIMEOUT */
	UPDATE_MAX_MS = 32000,	  /* MAX_BINDACK_TIMEOUT */
	UPDATE_RETRY_S = 10,	  /* after a refusal for lack of resources; doubled each time */
	UPDATE_RETRY_REFUSED_S = 60,
	UPDATE_RETRY_MAX_S = 420,
	UPDATE_RESYNC = 3, /* updates sent at once after status 135, before back-off */
};

/* Where the home address is to be registered. */
struct update_goal {
	enum { GOAL_NONE, GOAL_AWAY, GOAL_HOME } kind;
	size_t uplink;
	struct in6_addr care_of; /* GOAL_AWAY */
};

enum update_result {
	UPDATE_IGNORED,	   /* not an answer to what was sent */
	UPDATE_REGISTERED, /* new or moved */
	UPDATE_REFRESHED,
	UPDATE_AT_HOME, /* de-registered */
	UPDATE_RESENT,	/* status 135: another is due at once */
	UPDATE_REFUSED,
};

struct home_update {
	struct in6_addr home, agent;
	uint32_t asked_s;	 /* lifetime to ask for, seconds */
	uint16_t seq;		 /* of the last update sent */
	bool at_home;		 /* de-registered on the home link `goal` names */
	bool clean;		 /* the agent holds nothing of ours: de-registered, and nothing asked for since */
	struct update_goal goal; /* what is wanted; set by update_want() alone */

	/* registered now */
	bool registered;
	struct update_goal road; /* GOAL_AWAY */
	struct mono granted, refresh_at, expires;
	uint32_t lifetime_s;
	bool doubtful; /* another goal was told since: the agent may hold that one */

	/* asked for and not answered */
	bool outstanding;
	struct mono first_sent;
	uint16_t first_seq; /* of the same request: its answers count too */
	uint32_t timeout_ms;
	struct mono send_at; /* next (re)transmission, refresh or retry; UPDATE_NEVER: none */
	unsigned int resyncs;
	uint32_t retry_s;    /* back-off after a refusal; 0: not refused */
	uint8_t last_status; /* of the last refusal */
	unsigned int sent;   /* updates of this request so far */
};

#define UPDATE_NEVER ((struct mono){ INT64_MAX })

void update_init(struct home_update *u, const struct in6_addr *home, const struct in6_addr *agent, uint32_t asked_s,
		 uint16_t first_seq);
/* A new goal is pursued at once; the same one changes nothing. GOAL_NONE: nothing is sent any more. */
void update_want(struct home_update *u, const struct update_goal *goal, struct mono now);
/* Where a former life ended (restart): registered by @road until granted + lifetime. */
void update_adopt(struct home_update *u, const struct update_goal *road, uint16_t seq, struct mono granted,
		  uint32_t lifetime_s, struct mono now);
/* Where a former life ended at home. */
void update_adopt_home(struct home_update *u, const struct update_goal *home_link, uint16_t seq);
/* The registration is to be renewed now (binding refresh request; the agent has lost it). */
void update_refresh(struct home_update *u, struct mono now);

/* When update_due() or update_expire() has something to do. */
struct mono update_next(const struct home_update *u);
/* Whether an update is to be sent now; then *@bu is the message (home registration: A, H, alternate care-of address),
 * and it counts as sent. */
bool update_due(struct home_update *u, struct mono now, struct mh_msg *bu);
/* What was refused may be asked for once more at once: as if it had not been. */
void update_retry(struct home_update *u, struct mono now);

/* What is outstanding can arrive now, unlike before: sent again at once. */
void update_hurry(struct home_update *u, struct mono now);
/* Whether the registration has just ended with its lifetime. */
bool update_expire(struct home_update *u, struct mono now);
/* Whether @ack answers what is outstanding. */
bool update_awaits(const struct home_update *u, const struct mh_msg *ack);
enum update_result update_on_ack(struct home_update *u, const struct mh_msg *ack, struct mono now);

#endif
