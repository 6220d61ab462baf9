// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A home registration as the mobile node sees it: retransmission with back-off, refresh before the lifetime ends, every
 * status of an acknowledgement. Pure. RFC 6275 §11.7.1, §11.7.3, §11.8. While a move waits for its acknowledgement the
 * former registration stands: the home agent may still hold it (§11.7.1), and with two uplinks it still works.
 */
#include "update_list.h"

static bool same_goal(const struct update_goal *a, const struct update_goal *b)
{
	return a->kind == b->kind && (a->kind == GOAL_NONE || a->uplink == b->uplink) &&
	       (a->kind != GOAL_AWAY || addr_equal(&a->care_of, &b->care_of));
}

static struct mono earlier(struct mono a, struct mono b)
{
	return mono_before(a, b) ? a : b;
}

void update_init(struct home_update *u, const struct in6_addr *home, const struct in6_addr *agent, uint32_t asked_s,
		 uint16_t first_seq)
{
	*u = (struct home_update){ .home = *home,
				   .agent = *agent,
				   .asked_s = asked_s,
				   .seq = first_seq,
				   .send_at = UPDATE_NEVER,
				   .refresh_at = UPDATE_NEVER,
				   .expires = UPDATE_NEVER };
}

/* The next update is a request of its own: only answers to it and its resendings count. */
static void ask_anew(struct home_update *u, struct mono when)
{
	u->outstanding = true;
	u->sent = 0;
	u->timeout_ms = u->registered || u->goal.kind == GOAL_HOME ? UPDATE_INITIAL_MS : UPDATE_FIRST_MS;
	u->send_at = when;
}

void update_want(struct home_update *u, const struct update_goal *goal, struct mono now)
{
	if (same_goal(&u->goal, goal))
		return;
	u->goal = *goal;
	u->at_home = false;
	u->outstanding = false;
	u->resyncs = 0;
	u->retry_s = 0;
	u->last_status = 0;
	u->send_at = UPDATE_NEVER;
	if (goal->kind == GOAL_NONE)
		return;
	if (goal->kind == GOAL_HOME && u->clean) {
		u->at_home = true; /* was there before, or came back from a link on which it never registered */
		return;
	}
	if (u->registered && same_goal(&u->road, goal) && !u->doubtful)
		u->send_at = u->refresh_at; /* back to where the agent has us: nothing is to be told */
	else
		ask_anew(u, now);
}

static struct mono refresh_time(struct mono granted, uint32_t lifetime_s)
{
	return mono_add_ms(granted, (int64_t)lifetime_s * 750);
}

void update_adopt(struct home_update *u, const struct update_goal *road, uint16_t seq, struct mono granted,
		  uint32_t lifetime_s, struct mono now)
{
	u->seq = seq;
	u->road = *road;
	u->goal = *road;
	u->granted = granted;
	u->lifetime_s = lifetime_s;
	u->expires = mono_add_s(granted, lifetime_s);
	u->registered = mono_before(now, u->expires);
	u->refresh_at = refresh_time(granted, lifetime_s);
	u->send_at = u->refresh_at;
	if (u->registered)
		return;
	u->goal = (struct update_goal){ .kind = GOAL_NONE };
	u->send_at = UPDATE_NEVER;
	u->refresh_at = UPDATE_NEVER;
	u->expires = UPDATE_NEVER;
}

void update_adopt_home(struct home_update *u, const struct update_goal *home_link, uint16_t seq)
{
	u->seq = seq;
	u->goal = *home_link;
	u->at_home = true;
	u->clean = true;
}

void update_refresh(struct home_update *u, struct mono now)
{
	if (u->goal.kind == GOAL_AWAY && u->registered && !u->outstanding)
		ask_anew(u, now);
}

struct mono update_next(const struct home_update *u)
{
	return u->registered ? earlier(u->send_at, u->expires) : u->send_at;
}

/* RFC 6275 §11.7.1: a resending has a new sequence number, so the request as a whole has a range of them. */
bool update_due(struct home_update *u, struct mono now, struct mh_msg *bu)
{
	if (u->goal.kind == GOAL_NONE || mono_before(now, u->send_at))
		return false;
	if (!u->outstanding)
		ask_anew(u, now); /* a refresh, or another try after a refusal */
	u->clean = false;
	u->seq++;
	if (u->sent++ == 0) {
		u->first_seq = u->seq;
		u->first_sent = now;
	}
	if (!u->registered || !same_goal(&u->road, &u->goal))
		u->doubtful = true;
	*bu = (struct mh_msg){ .type = MH_BU,
			       .seq = u->seq,
			       .flags = BU_ACK | BU_HOME,
			       .lifetime_s = u->goal.kind == GOAL_HOME ? 0 : u->asked_s };
	/* in every home registration: what protects the message won't protect its source (§11.7.1) */
	bu->opt.has_alt_care_of = true;
	bu->opt.alt_care_of = u->goal.kind == GOAL_HOME ? u->home : u->goal.care_of;
	u->send_at = mono_add_ms(now, u->timeout_ms);
	u->timeout_ms = u->timeout_ms * 2 < UPDATE_MAX_MS ? u->timeout_ms * 2 : UPDATE_MAX_MS;
	return true;
}

void update_retry(struct home_update *u, struct mono now)
{
	if (u->goal.kind == GOAL_NONE || u->outstanding)
		return;
	u->retry_s = 0;
	u->last_status = 0;
	ask_anew(u, now);
}

void update_hurry(struct home_update *u, struct mono now)
{
	if (u->outstanding && mono_before(now, u->send_at))
		u->send_at = now;
}

bool update_expire(struct home_update *u, struct mono now)
{
	if (!u->registered || mono_before(now, u->expires))
		return false;
	u->registered = false;
	u->expires = UPDATE_NEVER;
	u->refresh_at = UPDATE_NEVER;
	if (u->goal.kind == GOAL_AWAY && !u->outstanding)
		u->send_at = earlier(u->send_at, now);
	return true;
}

static enum update_result de_registered(struct home_update *u)
{
	u->at_home = true;
	u->clean = true;
	u->doubtful = false;
	u->registered = false;
	u->outstanding = false;
	u->retry_s = 0;
	u->last_status = 0;
	u->expires = UPDATE_NEVER;
	u->refresh_at = UPDATE_NEVER;
	u->send_at = UPDATE_NEVER;
	return UPDATE_AT_HOME;
}

/* RFC 6275 §11.7.3: the lifetime counts from the update; a longer one than was asked for is not believed. */
static enum update_result accepted(struct home_update *u, const struct mh_msg *ack, struct mono now)
{
	bool same = u->registered && same_goal(&u->road, &u->goal);
	uint32_t lifetime_s = ack->lifetime_s < u->asked_s ? ack->lifetime_s : u->asked_s;
	struct mono advised;

	u->registered = true;
	u->doubtful = false;
	u->outstanding = false;
	u->road = u->goal;
	u->granted = u->first_sent;
	u->lifetime_s = lifetime_s;
	u->expires = mono_add_s(u->first_sent, lifetime_s);
	u->refresh_at = refresh_time(u->first_sent, lifetime_s);
	advised = mono_add_s(now, ack->opt.refresh_advice_s);
	if (ack->opt.has_refresh_advice && ack->opt.refresh_advice_s && mono_before(advised, u->refresh_at))
		u->refresh_at = advised; /* §6.2.4 */
	u->send_at = u->refresh_at;
	u->resyncs = 0;
	u->retry_s = 0;
	u->last_status = 0;
	return same ? UPDATE_REFRESHED : UPDATE_REGISTERED;
}

/* The first wait for each refusal; doubled up to UPDATE_RETRY_MAX_S while it goes on. */
static uint32_t first_retry_s(uint8_t status)
{
	return status == BA_NO_RESOURCES || status == BA_UNSPECIFIED || status < 128 ? UPDATE_RETRY_S
										     : UPDATE_RETRY_REFUSED_S;
}

/* §11.7.3; a former registration stays as long as the agent keeps it: a refused update changes nothing there. */
static enum update_result refused(struct home_update *u, uint8_t status, struct mono now)
{
	u->outstanding = false;
	u->last_status = status;
	u->retry_s = u->retry_s ? u->retry_s * 2 : first_retry_s(status);
	if (u->retry_s > UPDATE_RETRY_MAX_S)
		u->retry_s = UPDATE_RETRY_MAX_S;
	u->send_at = mono_add_s(now, u->retry_s);
	return UPDATE_REFUSED;
}

/* Status 135 carries the number the agent holds: on from there, at once (§11.7.3). */
static enum update_result resynchronised(struct home_update *u, uint16_t held, struct mono now)
{
	u->seq = held;
	if (u->resyncs++ >= UPDATE_RESYNC)
		return refused(u, BA_SEQUENCE, now);
	ask_anew(u, now);
	return UPDATE_RESENT;
}

/* Whether @seq is one of this request's: from the first sent to the last, modulo 2^16. */
static bool answers(const struct home_update *u, uint16_t seq)
{
	return (uint16_t)(seq - u->first_seq) <= (uint16_t)(u->seq - u->first_seq);
}

bool update_awaits(const struct home_update *u, const struct mh_msg *ack)
{
	return u->outstanding && u->sent && (ack->status == BA_SEQUENCE || answers(u, ack->seq));
}

enum update_result update_on_ack(struct home_update *u, const struct mh_msg *ack, struct mono now)
{
	if (!update_awaits(u, ack))
		return UPDATE_IGNORED;
	if (ack->status == BA_SEQUENCE)
		return resynchronised(u, ack->seq, now);
	if (u->goal.kind == GOAL_HOME) /* 133: it has no binding of ours, which is what was asked for (§10.3.2) */
		return ack->status < 128 || ack->status == BA_NOT_HOME_AGENT ? de_registered(u)
									     : refused(u, ack->status, now);
	if (ack->status >= 128)
		return refused(u, ack->status, now);
	return ack->lifetime_s ? accepted(u, ack, now) : refused(u, ack->status, now);
}
