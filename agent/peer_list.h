/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One entry of a mobile node's binding update list for a correspondent: return routability ahead of need, binding
 * updates, back-off; what to send when, and what an answer means. Pure: time, random octets and keys come in, messages
 * are asked for. RFC 6275 §11.1, §11.3.1, §11.6, §11.7.2, §11.7.3, §11.8.
 */
#ifndef MOBGW_PEER_LIST_H
#define MOBGW_PEER_LIST_H

#include "rr.h"
#include "update_list.h"

enum peer_limit {
	PEER_INITIAL_MS = 1000, /* INITIAL_BINDACK_TIMEOUT, also of test inits (RFC 6275 §11.8) */
	PEER_MAX_MS = 32000,	/* MAX_BINDACK_TIMEOUT */
	PEER_FAILURES = 3, /* MAX_RO_FAILURE: procedures in a row that came to nothing; one, where nothing ever came */
	PEER_TRIES = 4,	   /* messages of one kind without an answer make a failed procedure: 1+2+4+8 s */
	PEER_UPDATES_PER_S = 3, /* MAX_UPDATE_RATE: of test inits, too, of each type for itself (RFC 6275 §11.8) */
	PEER_BACK_OFF_S = 60,	/* after MAX_RO_FAILURE; doubled each time */
	PEER_BACK_OFF_MAX_S = 3600,
	PEER_TOKEN_AHEAD_S = 30, /* a token is asked for anew so long before its end, while the peer is in use */
	PEER_IDLE_S = 60,	 /* without a packet for so long nothing is refreshed any more */
	PEER_LOOK_S = 20,	 /* how often it is asked whether the peer is in use */
	PEER_RESYNC = 3, /* updates and tests made anew at once after 135 to 138, before it counts as a failure */
	PEER_LIFETIME_S = RR_BINDING_LIFETIME_S, /* asked for */
};

enum peer_state {
	PEER_TESTING,	/* tokens are missing */
	PEER_UPDATING,	/* binding update sent, unanswered */
	PEER_OPTIMISED, /* the binding stands at the correspondent, for the present care-of address */
	PEER_LEAVING,	/* de-registering: at home, or no longer wanted */
	PEER_BACKED_OFF,
};

enum peer_action { PEER_NOTHING, PEER_SEND_HOTI, PEER_SEND_COTI, PEER_SEND_UPDATE };

enum peer_result {
	PEER_IGNORED, /* not an answer to what was sent */
	PEER_TOKEN,   /* a token was taken */
	PEER_REGISTERED,
	PEER_REFRESHED,
	PEER_DELETED,
	PEER_RESENT, /* 135..138: another update, or other tokens, are due at once */
	PEER_REFUSED,
};

/* One half of return routability. */
struct peer_test {
	uint8_t cookie[RR_COOKIE_LEN]; /* of the newest test init; matched only while outstanding */
	uint8_t token[RR_TOKEN_LEN];
	uint16_t nonce_index;
	bool has_token, outstanding;
	struct mono got;     /* has_token */
	struct mono send_at; /* next (re)transmission; UPDATE_NEVER: none */
	uint32_t timeout_ms;
	unsigned int sent;		       /* unanswered in a row */
	struct mono times[PEER_UPDATES_PER_S]; /* of the last ones, the newest first: MAX_UPDATE_RATE */
};

struct peer_update {
	struct in6_addr home, peer;
	enum peer_state state;
	struct peer_test home_test, care_of_test;

	/* where we are: set by peer_want() alone */
	enum { PEER_NOWHERE, PEER_AWAY, PEER_AT_HOME } place;
	struct in6_addr care_of; /* PEER_AWAY */

	/* the binding at the correspondent, as it acknowledged it */
	bool registered;
	struct in6_addr bound; /* care-of address of it; unspecified: another update is on its way, so unknown */
	uint32_t lifetime_s;
	struct mono granted, expires, refresh_at;
	struct mono held_until; /* an update without an answer counts: it may hold that one (§11.1) */

	/* the update on its way */
	bool outstanding;
	uint16_t seq; /* of the last one sent */
	uint32_t timeout_ms;
	struct mono send_at;
	unsigned int sent;
	struct mono sent_at;			      /* of the last one */
	uint8_t kbm[RR_KEY_LEN];		      /* of the last one: tokens may be renewed while it is under way */
	struct mono update_times[PEER_UPDATES_PER_S]; /* of the last ones, the newest first: MAX_UPDATE_RATE */

	unsigned int failures, resyncs;
	uint32_t back_off_s;
	uint8_t last_status;
	bool knows; /* it answered something of ours: it knows what route optimisation is */
	bool tell;  /* it may hold a binding of another place: told of this one, also while idle */
	struct mono back_off_until;
	struct mono pause_until; /* something is held there that should be something else: not given up, but slowly */
	struct mono used;	 /* last packet, as the data path says */
	struct mono lost;	 /* when it last said that it has no binding of ours */
	struct mono next;	 /* when there is something to do */
};

/* @first_seq: any. In use from @now on. */
void peer_init(struct peer_update *p, const struct in6_addr *home, const struct in6_addr *peer, uint16_t first_seq,
	       struct mono now);
/* Where a former life ended: bound at @care_of. */
void peer_adopt(struct peer_update *p, const struct in6_addr *care_of, uint16_t seq, struct mono granted,
		uint32_t lifetime_s, struct mono now);
/*
 * Where the node is now. A new care-of address needs a new care-of token and an update, in use or not: what the
 * correspondent holds would send its packets to the old one; the home token stays good. At home: what stands at the
 * correspondent, or may do so, is deleted with the home token alone (§11.5.5, §11.7.2).
 */
void peer_want_away(struct peer_update *p, const struct in6_addr *care_of, struct mono now);
void peer_want_home(struct peer_update *p, struct mono now);
/* No way out: nothing is sent until another peer_want. */
void peer_want_nothing(struct peer_update *p);
void peer_used(struct peer_update *p, struct mono when);

/* When peer_due() or peer_expire() has something to do. */
struct mono peer_next(const struct peer_update *p);
/*
 * What is to be sent now; asked again until it says PEER_NOTHING. It counts as sent. @msg: the message; of an update
 * without its authenticator (has_auth is set), for which @kbm is the key; the caller wipes it. @random: fresh octets
 * for a cookie. @acknowledge is always asked for (A), so that a loss is noticed.
 */
enum peer_action peer_due(struct peer_update *p, struct mono now, const uint8_t random[RR_COOKIE_LEN],
			  struct mh_msg *msg, uint8_t kbm[RR_KEY_LEN]);
/* The key of the newest update, to check the authenticator of its acknowledgement. False: none is outstanding. */
bool peer_key(const struct peer_update *p, uint8_t kbm[RR_KEY_LEN]);
/* The binding has just ended with its lifetime, or is good for nothing since the node moved. */
bool peer_expire(struct peer_update *p, struct mono now);

/* HoT and CoT: cookie compared in constant time; unasked for ones are ignored (§11.6.2). */
enum peer_result peer_on_test(struct peer_update *p, const struct mh_msg *test, struct mono now);
/* @authentic: its authenticator was right; 136-138 carry none (§9.5.4) and are taken without. */
enum peer_result peer_on_ack(struct peer_update *p, const struct mh_msg *ack, bool authentic, struct mono now);
/* Binding refresh request (§11.7.4): the binding is renewed now. */
void peer_refresh(struct peer_update *p, struct mono now);
/* Binding error 1: it has no binding of ours (§11.3.6): through the tunnel again, and anew if in use. */
void peer_lost(struct peer_update *p, struct mono now);
/* Binding error 2, or parameter problem code 1 about our mobility header: no route optimisation there. */
void peer_unsupported(struct peer_update *p, struct mono now);
/* Whether a binding of ours may stand there, acknowledged or not. */
bool peer_holds(const struct peer_update *p, struct mono now);
/* Whether nothing is worth keeping: idle, no binding that may stand there, not backed off. */
bool peer_forgettable(const struct peer_update *p, struct mono now);
/* Whether data may go straight now. */
bool peer_direct(const struct peer_update *p, struct mono now);

#endif
