// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A mobile node and one correspondent. Every event leaves a wish in the entry and says that it is to be looked at;
 * peer_due() works out what follows from all of it and hands out one message after the other. RFC 6275 §11.6, §11.7.2,
 * §11.8.
 */
#include "peer_list.h"

/* ---- tokens ---- */

static void forget_token(struct peer_test *test)
{
	explicit_bzero(test->token, sizeof(test->token));
	test->has_token = false;
}

static void stop_test(struct peer_test *test)
{
	test->outstanding = false;
	test->send_at = UPDATE_NEVER;
	test->sent = 0;
}

static bool token_good(const struct peer_test *test, struct mono now)
{
	return test->has_token && mono_before(now, mono_add_s(test->got, RR_TOKEN_LIFETIME_S));
}

/* A token is a secret only while it is good for something. */
static void forget_expired(struct peer_test *test, struct mono now)
{
	if (test->has_token && !token_good(test, now))
		forget_token(test);
}

static struct mono token_ahead(const struct peer_test *test)
{
	return mono_add_s(test->got, RR_TOKEN_LIFETIME_S - PEER_TOKEN_AHEAD_S);
}

/* Asks for a token unless that is under way. */
static void ask(struct peer_test *test, struct mono now)
{
	if (test->outstanding)
		return;
	test->outstanding = true;
	test->sent = 0;
	test->timeout_ms = PEER_INITIAL_MS;
	test->send_at = now;
}

/* ---- the entry as a whole ---- */

static bool in_use(const struct peer_update *p, struct mono now)
{
	return mono_before(now, mono_add_s(p->used, PEER_IDLE_S));
}

static bool backed_off(const struct peer_update *p, struct mono now)
{
	return mono_before(now, p->back_off_until);
}

/* Whether what the correspondent holds is what it should hold. */
static bool is_current(const struct peer_update *p)
{
	return p->registered && p->place == PEER_AWAY && addr_equal(&p->bound, &p->care_of);
}

/* Whether a binding of ours may stand there, acknowledged or not. */
static bool is_held(const struct peer_update *p, struct mono now)
{
	return mono_before(now, p->held_until);
}

static bool is_deletion(const struct peer_update *p, struct mono now)
{
	return p->place == PEER_AT_HOME && is_held(p, now);
}

static void let_go(struct peer_update *p)
{
	p->registered = false;
	p->held_until = (struct mono){ 0 };
}

static void stop_update(struct peer_update *p)
{
	p->outstanding = false;
	p->send_at = UPDATE_NEVER;
	p->sent = 0;
	explicit_bzero(p->kbm, sizeof(p->kbm));
}

static void stop_all(struct peer_update *p)
{
	stop_test(&p->home_test);
	stop_test(&p->care_of_test);
	stop_update(p);
}

static void look_again(struct peer_update *p)
{
	p->next = (struct mono){ 0 };
}

static void set_state(struct peer_update *p, struct mono now)
{
	if (is_deletion(p, now))
		p->state = PEER_LEAVING;
	else if (is_current(p))
		p->state = PEER_OPTIMISED;
	else if (backed_off(p, now))
		p->state = PEER_BACKED_OFF;
	else
		p->state = p->outstanding && p->sent ? PEER_UPDATING : PEER_TESTING;
}

void peer_init(struct peer_update *p, const struct in6_addr *home, const struct in6_addr *peer, uint16_t first_seq,
	       struct mono now)
{
	memset(p, 0, sizeof(*p));
	p->home = *home;
	p->peer = *peer;
	p->seq = first_seq;
	p->used = now;
	stop_all(p);
}

static void take_binding(struct peer_update *p, const struct in6_addr *care_of, struct mono granted,
			 uint32_t lifetime_s)
{
	uint32_t early_s = lifetime_s / 8 > 10 ? lifetime_s / 8 : 10;

	if (early_s > lifetime_s / 2)
		early_s = lifetime_s / 2; /* or a grant of some seconds would be asked for again with its answer */
	p->registered = true;
	p->bound = *care_of;
	p->granted = granted;
	p->lifetime_s = lifetime_s;
	p->expires = p->held_until = mono_add_s(granted, lifetime_s);
	p->refresh_at = mono_add_s(granted, lifetime_s - early_s);
}

void peer_adopt(struct peer_update *p, const struct in6_addr *care_of, uint16_t seq, struct mono granted,
		uint32_t lifetime_s, struct mono now)
{
	p->seq = seq;
	p->knows = true; /* there was no update without its tokens */
	take_binding(p, care_of, granted, lifetime_s);
	peer_expire(p, now);
	look_again(p);
}

/* ---- where the node is ---- */

/* Whatever went wrong elsewhere: what is held there has to be told of the move. */
static void begin_anew(struct peer_update *p, struct mono now)
{
	p->resyncs = 0;
	p->pause_until = (struct mono){ 0 };
	p->tell = is_held(p, now) && !is_current(p);
	if (p->tell)
		p->back_off_until = (struct mono){ 0 };
}

void peer_want_away(struct peer_update *p, const struct in6_addr *care_of, struct mono now)
{
	if (p->place == PEER_AWAY && addr_equal(&p->care_of, care_of))
		return;
	p->place = PEER_AWAY;
	if (!addr_equal(&p->care_of, care_of)) { /* back from nowhere it may be the same: its token is good still */
		p->care_of = *care_of;
		forget_token(&p->care_of_test);
	}
	stop_all(p); /* what was asked from the old link may be lost with it: no waiting for that */
	begin_anew(p, now);
	set_state(p, now);
	look_again(p);
}

void peer_want_home(struct peer_update *p, struct mono now)
{
	if (p->place == PEER_AT_HOME)
		return;
	p->place = PEER_AT_HOME;
	forget_token(&p->care_of_test);
	stop_all(p);
	begin_anew(p, now);
	p->failures = 0;
	set_state(p, now);
	look_again(p);
}

void peer_want_nothing(struct peer_update *p)
{
	p->place = PEER_NOWHERE;
	stop_all(p);
	look_again(p);
}

void peer_used(struct peer_update *p, struct mono when)
{
	if (!mono_before(p->used, when))
		return;
	p->used = when;
	look_again(p);
}

/* ---- what is due ---- */

/* A procedure came to nothing: again at once, and after MAX_RO_FAILURE in a row later (§11.7.2, §12). */
static void fail(struct peer_update *p, struct mono now)
{
	bool refused = p->failures >= PEER_FAILURES;

	stop_all(p);
	p->resyncs = 0;
	if (refused && is_deletion(p, now)) { /* it ends there with its lifetime */
		let_go(p);
		p->failures = 0;
		return;
	}
	p->tell = false;
	/* it may still send to where we were, until that binding ends */
	if (!refused && (is_deletion(p, now) || (p->registered && !is_current(p)))) {
		p->pause_until = mono_add_ms(now, PEER_MAX_MS);
		return;
	}
	if (++p->failures < PEER_FAILURES && p->knows)
		return;
	p->failures = 0;
	p->back_off_s = !p->back_off_s				  ? PEER_BACK_OFF_S
			: p->back_off_s * 2 < PEER_BACK_OFF_MAX_S ? p->back_off_s * 2
								  : PEER_BACK_OFF_MAX_S;
	p->back_off_until = mono_add_s(now, p->back_off_s);
}

static void start_update(struct peer_update *p, struct mono now)
{
	if (p->outstanding)
		return;
	p->outstanding = true;
	p->sent = 0;
	p->timeout_ms = PEER_INITIAL_MS;
	p->send_at = now;
}

/* At home: what stands there is deleted, by the home token alone (§5.2.6, §11.5.5). */
static void plan_at_home(struct peer_update *p, struct mono now)
{
	if (!is_deletion(p, now) || mono_before(now, p->pause_until)) {
		stop_all(p);
	} else if (token_good(&p->home_test, now)) {
		start_update(p, now);
	} else {
		stop_update(p);
		ask(&p->home_test, now);
	}
}

static void plan_away(struct peer_update *p, struct mono now)
{
	bool soon = !is_current(p) || !mono_before(now, mono_add_s(p->refresh_at, -PEER_TOKEN_AHEAD_S));
	bool due = !is_current(p) || !mono_before(now, p->refresh_at);

	if (!token_good(&p->home_test, now) || !mono_before(now, token_ahead(&p->home_test)))
		ask(&p->home_test, now);
	if (soon && (!token_good(&p->care_of_test, now) || !mono_before(now, token_ahead(&p->care_of_test))))
		ask(&p->care_of_test, now);
	if (!due)
		return;
	if (token_good(&p->home_test, now) && token_good(&p->care_of_test, now))
		start_update(p, now);
	else
		stop_update(p);
}

/* An idle correspondent is left alone unless the binding there would send its next packet to where we were. */
static bool is_wanted(const struct peer_update *p, struct mono now)
{
	return !backed_off(p, now) && !mono_before(now, p->pause_until) &&
	       (in_use(p, now) || p->tell || (p->registered && !is_current(p)));
}

static void plan(struct peer_update *p, struct mono now)
{
	forget_expired(&p->home_test, now);
	forget_expired(&p->care_of_test, now);
	if (p->place == PEER_AT_HOME)
		plan_at_home(p, now);
	else if (p->place == PEER_AWAY && is_wanted(p, now))
		plan_away(p, now);
	else
		stop_all(p); /* whatever is under way */
}

/* MAX_UPDATE_RATE, of each type for itself (§11.8); where it is reached the message waits. */
static bool rate_allows(struct mono times[PEER_UPDATES_PER_S], struct mono *send_at, struct mono now)
{
	struct mono oldest = times[PEER_UPDATES_PER_S - 1];

	if (oldest.ns && mono_before(now, mono_add_s(oldest, 1))) {
		*send_at = mono_add_s(oldest, 1);
		return false;
	}
	memmove(times + 1, times, (PEER_UPDATES_PER_S - 1) * sizeof(times[0]));
	times[0] = now;
	return true;
}

static bool send_test(struct peer_test *test, uint8_t type, struct mono now, const uint8_t random[RR_COOKIE_LEN],
		      struct mh_msg *msg)
{
	if (!rate_allows(test->times, &test->send_at, now))
		return false;
	memcpy(test->cookie, random, sizeof(test->cookie));
	test->sent++;
	test->send_at = mono_add_ms(now, test->timeout_ms);
	test->timeout_ms = test->timeout_ms * 2 < PEER_MAX_MS ? test->timeout_ms * 2 : PEER_MAX_MS;
	*msg = (struct mh_msg){ .type = type };
	memcpy(msg->cookie, random, sizeof(msg->cookie));
	return true;
}

static bool is_due(bool outstanding, struct mono send_at, struct mono now)
{
	return outstanding && !mono_before(now, send_at);
}

static bool send_update(struct peer_update *p, struct mono now, struct mh_msg *msg, uint8_t kbm[RR_KEY_LEN])
{
	bool deletion = is_deletion(p, now);

	if (!rate_allows(p->update_times, &p->send_at, now) ||
	    rr_kbm(p->home_test.token, deletion ? NULL : p->care_of_test.token, p->kbm))
		return false;
	if (!deletion)
		p->held_until = mono_add_s(now, PEER_LIFETIME_S);
	if (!is_current(p))
		p->bound = in6addr_any; /* until it answers nobody knows which of both it holds */
	memcpy(kbm, p->kbm, RR_KEY_LEN);
	p->sent_at = now;
	p->seq++; /* each resend has a new one, §11.8 */
	p->sent++;
	p->send_at = mono_add_ms(now, p->timeout_ms);
	p->timeout_ms = p->timeout_ms * 2 < PEER_MAX_MS ? p->timeout_ms * 2 : PEER_MAX_MS;
	*msg = (struct mh_msg){ .type = MH_BU,
				.seq = p->seq,
				.flags = BU_ACK,
				.lifetime_s = deletion ? 0 : PEER_LIFETIME_S,
				.opt = { .has_nonce_indices = true,
					 .home_nonce = p->home_test.nonce_index,
					 .care_of_nonce = deletion ? 0 : p->care_of_test.nonce_index,
					 .has_auth = true } };
	return true;
}

static void earlier(struct mono *next, struct mono at, struct mono now)
{
	if (mono_before(now, at) && mono_before(at, *next))
		*next = at;
}

static void earlier_token(struct mono *next, const struct peer_test *test, struct mono now)
{
	if (!test->has_token)
		return;
	earlier(next, token_ahead(test), now);
	earlier(next, mono_add_s(test->got, RR_TOKEN_LIFETIME_S), now);
}

/* The next moment at which time alone changes something. */
static struct mono next_after(const struct peer_update *p, struct mono now)
{
	struct mono next = UPDATE_NEVER;

	if (p->home_test.outstanding)
		earlier(&next, p->home_test.send_at, now);
	if (p->care_of_test.outstanding)
		earlier(&next, p->care_of_test.send_at, now);
	if (p->outstanding)
		earlier(&next, p->send_at, now);
	if (p->registered) {
		earlier(&next, p->expires, now);
		earlier(&next, p->refresh_at, now);
		earlier(&next, mono_add_s(p->refresh_at, -PEER_TOKEN_AHEAD_S), now);
	}
	earlier(&next, p->held_until, now);
	earlier_token(&next, &p->home_test, now);
	earlier_token(&next, &p->care_of_test, now);
	earlier(&next, p->back_off_until, now);
	earlier(&next, p->pause_until, now);
	earlier(&next, mono_add_s(p->used, PEER_IDLE_S), now);
	earlier(&next, mono_add_s(now, PEER_LOOK_S), now);
	return next;
}

enum peer_action peer_due(struct peer_update *p, struct mono now, const uint8_t random[RR_COOKIE_LEN],
			  struct mh_msg *msg, uint8_t kbm[RR_KEY_LEN])
{
	enum peer_action action = PEER_NOTHING;
	struct peer_test *home = &p->home_test, *care_of = &p->care_of_test;

	plan(p, now);
	if ((is_due(home->outstanding, home->send_at, now) && home->sent >= PEER_TRIES) ||
	    (is_due(care_of->outstanding, care_of->send_at, now) && care_of->sent >= PEER_TRIES) ||
	    (is_due(p->outstanding, p->send_at, now) && p->sent >= PEER_TRIES)) {
		fail(p, now);
		plan(p, now);
	}
	if (is_due(home->outstanding, home->send_at, now) && send_test(home, MH_HOTI, now, random, msg))
		action = PEER_SEND_HOTI;
	else if (is_due(care_of->outstanding, care_of->send_at, now) && send_test(care_of, MH_COTI, now, random, msg))
		action = PEER_SEND_COTI;
	else if (is_due(p->outstanding, p->send_at, now) && send_update(p, now, msg, kbm))
		action = PEER_SEND_UPDATE;
	set_state(p, now);
	p->next = action == PEER_NOTHING ? next_after(p, now) : now;
	return action;
}

struct mono peer_next(const struct peer_update *p)
{
	return p->next;
}

bool peer_key(const struct peer_update *p, uint8_t kbm[RR_KEY_LEN])
{
	if (!p->outstanding || !p->sent)
		return false;
	memcpy(kbm, p->kbm, RR_KEY_LEN);
	return true;
}

bool peer_expire(struct peer_update *p, struct mono now)
{
	if (!p->registered || mono_before(now, p->expires))
		return false;
	p->registered = false;
	set_state(p, now);
	look_again(p);
	return true;
}

/* ---- answers ---- */

enum peer_result peer_on_test(struct peer_update *p, const struct mh_msg *msg, struct mono now)
{
	struct peer_test *test = msg->type == MH_HOT ? &p->home_test : &p->care_of_test;

	if (!test->outstanding || !test->sent || !rr_same(test->cookie, msg->cookie, sizeof(test->cookie)))
		return PEER_IGNORED;
	memcpy(test->token, msg->token, sizeof(test->token));
	test->nonce_index = msg->nonce_index;
	test->has_token = true;
	test->got = now;
	p->knows = true;
	stop_test(test);
	look_again(p);
	return PEER_TOKEN;
}

static enum peer_result accepted(struct peer_update *p, const struct mh_msg *ack, struct mono now)
{
	bool deletion = is_deletion(p, now), refresh = is_current(p);
	uint32_t lifetime_s = ack->lifetime_s < PEER_LIFETIME_S ? ack->lifetime_s : PEER_LIFETIME_S;

	if (!deletion && !lifetime_s) { /* taken and not kept: as good as refused */
		let_go(p);
		fail(p, now);
		return PEER_REFUSED;
	}
	stop_update(p);
	p->failures = p->resyncs = 0;
	p->back_off_s = 0;
	p->last_status = 0;
	p->tell = false;
	p->knows = true;
	if (deletion)
		let_go(p);
	else
		take_binding(p, &p->care_of, p->sent_at, lifetime_s); /* it ends here no later than there */
	return deletion ? PEER_DELETED : refresh ? PEER_REFRESHED : PEER_REGISTERED;
}

/* What 135 to 138 ask to be made anew; a few times at once, then it is a failure. */
static enum peer_result made_anew(struct peer_update *p, const struct mh_msg *ack, struct mono now)
{
	if (++p->resyncs > PEER_RESYNC) {
		fail(p, now);
		return PEER_REFUSED;
	}
	if (ack->status == BA_SEQUENCE)
		p->seq = ack->seq; /* the last that it took, §11.7.3 */
	if (ack->status == BA_EXPIRED_HOME_NONCE || ack->status == BA_EXPIRED_NONCES)
		forget_token(&p->home_test);
	if (ack->status == BA_EXPIRED_CARE_OF_NONCE || ack->status == BA_EXPIRED_NONCES)
		forget_token(&p->care_of_test);
	stop_update(p);
	return PEER_RESENT;
}

enum peer_result peer_on_ack(struct peer_update *p, const struct mh_msg *ack, bool authentic, struct mono now)
{
	bool nonces = ack->status >= BA_EXPIRED_HOME_NONCE && ack->status <= BA_EXPIRED_NONCES;
	enum peer_result result;

	if (!p->outstanding || !p->sent || (!authentic && !nonces) ||
	    (ack->status != BA_SEQUENCE && ack->seq != p->seq))
		return PEER_IGNORED;
	if (ack->status < BA_UNSPECIFIED) {
		result = accepted(p, ack, now);
	} else {
		p->last_status = ack->status;
		if (nonces || ack->status == BA_SEQUENCE) {
			result = made_anew(p, ack, now);
		} else {
			p->failures = PEER_FAILURES; /* it means it: no use in asking again soon */
			fail(p, now);
			result = PEER_REFUSED;
		}
	}
	set_state(p, now);
	look_again(p);
	return result;
}

void peer_refresh(struct peer_update *p, struct mono now)
{
	if (!is_current(p))
		return;
	p->refresh_at = now;
	look_again(p);
}

void peer_lost(struct peer_update *p, struct mono now)
{
	if (p->lost.ns && mono_before(now, mono_add_s(p->lost, 1)))
		return; /* whoever forges its address gets no more */
	p->lost = now;
	p->registered = false;	  /* but held, for all that we know: whoever says so proves nothing */
	if (!is_deletion(p, now)) /* which keeps its pauses: nothing is the better for another one at once */
		stop_update(p);
	set_state(p, now);
	look_again(p);
}

void peer_unsupported(struct peer_update *p, struct mono now)
{
	p->registered = false;
	stop_all(p);
	/* one that knew it a while ago has a daemon that restarts */
	p->back_off_s = p->knows ? PEER_BACK_OFF_S : PEER_BACK_OFF_MAX_S;
	p->back_off_until = mono_add_s(now, p->back_off_s);
	p->pause_until = p->back_off_until; /* of a deletion, too: each of its messages may bring another error */
	set_state(p, now);
	look_again(p);
}

bool peer_holds(const struct peer_update *p, struct mono now)
{
	return p->registered || is_held(p, now);
}

bool peer_forgettable(const struct peer_update *p, struct mono now)
{
	return !p->registered && !is_held(p, now) && !in_use(p, now) && !backed_off(p, now);
}

bool peer_direct(const struct peer_update *p, struct mono now)
{
	return is_current(p) && mono_before(now, p->expires);
}
