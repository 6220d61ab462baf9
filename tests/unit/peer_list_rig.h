/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One correspondent of a mobile node in virtual time: what peer_list.c wants sent is caught here, answers are made. */
#ifndef MOBGW_PEER_LIST_RIG_H
#define MOBGW_PEER_LIST_RIG_H

#include <stdlib.h>

#include "check.h"

#include "../../agent/peer_list.h"

#define HOME "2001:db8:1::100"
#define PEER "2001:db8:c::2"
#define CARE_1 "2001:db8:f1::2"
#define CARE_2 "2001:db8:f2::2"
#define CARE_3 "2001:db8:f3::2"

enum { FIRST_SEQ = 65533, TURN = 8 /* messages in one go, as in mobile_peers.c */ };

static struct peer_update p;
static struct mono now, begin;
static unsigned int cookies; /* handed out so far: each is its number */
static struct mh_msg hoti, coti, update;
static uint8_t update_kbm[RR_KEY_LEN];

/* What one go sent, a letter each: H, C, U. */
static char went[TURN + 1];

static void want_away(const char *care_of)
{
	struct in6_addr at = addr(care_of);

	peer_want_away(&p, &at, now);
}

static int fresh(void **state)
{
	struct in6_addr home = addr(HOME), peer = addr(PEER);

	now = begin = mono_add_s((struct mono){ 0 }, 1000);
	peer_init(&p, &home, &peer, FIRST_SEQ, now);
	return 0;
}

static enum peer_action send_one(struct mh_msg *msg, uint8_t kbm[RR_KEY_LEN])
{
	uint8_t random[RR_COOKIE_LEN] = { 0xc0, [4] = (uint8_t)(cookies >> 24), (uint8_t)(cookies >> 16),
					  (uint8_t)(cookies >> 8), (uint8_t)cookies };

	cookies++;
	return peer_due(&p, now, random, msg, kbm);
}

/* All that is due now. Afterwards there is nothing left, or the daemon would turn round for ever. */
static const char *go(void)
{
	static const char letters[] = { [PEER_SEND_HOTI] = 'H', [PEER_SEND_COTI] = 'C', [PEER_SEND_UPDATE] = 'U' };
	uint8_t kbm[RR_KEY_LEN];
	struct mh_msg msg;
	size_t count = 0;
	enum peer_action action;

	peer_expire(&p, now);
	while ((action = send_one(&msg, kbm)) != PEER_NOTHING) {
		assert_true(count < TURN);
		assert_false(mono_before(now, peer_next(&p))); /* to be asked again */
		went[count++] = letters[action];
		*(action == PEER_SEND_HOTI ? &hoti : action == PEER_SEND_COTI ? &coti : &update) = msg;
		if (action == PEER_SEND_UPDATE)
			memcpy(update_kbm, kbm, sizeof(kbm));
	}
	went[count] = 0;
	assert_true(mono_before(now, peer_next(&p)));
	return went;
}

#define GOES(what) assert_string_equal(go(), what)

static void pass_ms(int64_t ms)
{
	now = mono_add_ms(now, ms);
}

/* Time goes by, every timer kept. What was sent and when, in seconds from here: "0H 0C 1H 1C". */
static const char *timeline(int64_t s, bool used)
{
	static char text[2048];
	struct mono from = now, end = mono_add_s(now, s);
	size_t len = 0;

	text[0] = 0;
	for (;;) {
		if (used)
			peer_used(&p, now);
		for (const char *c = go(); *c; c++)
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%g%c", len ? " " : "",
						(double)(now.ns - from.ns) / 1e9, *c);
		assert_true(len < sizeof(text));
		if (mono_before(end, peer_next(&p)))
			break;
		now = peer_next(&p);
	}
	now = end;
	return text;
}

static enum peer_result answer_test(uint8_t type, const struct mh_msg *init, uint8_t token, uint16_t nonce_index)
{
	struct mh_msg msg = { .type = type, .nonce_index = nonce_index };

	memcpy(msg.cookie, init->cookie, sizeof(msg.cookie));
	memset(msg.token, token, sizeof(msg.token));
	return peer_on_test(&p, &msg, now);
}

enum { HOME_TOKEN = 0xa1, CARE_OF_TOKEN = 0xb2, HOME_NONCE = 7, CARE_OF_NONCE = 9 };

static enum peer_result hot(void)
{
	return answer_test(MH_HOT, &hoti, HOME_TOKEN, HOME_NONCE);
}

static enum peer_result cot(void)
{
	return answer_test(MH_COT, &coti, CARE_OF_TOKEN, CARE_OF_NONCE);
}

static enum peer_result ack_as(uint8_t status, uint16_t seq, uint32_t lifetime_s, bool authentic)
{
	struct mh_msg msg = { .type = MH_BA, .status = status, .seq = seq, .lifetime_s = lifetime_s };

	return peer_on_ack(&p, &msg, authentic, now);
}

static enum peer_result ack(uint8_t status)
{
	return ack_as(status, update.seq, update.lifetime_s, true);
}

/* Up to the update, which is not answered yet. */
static void updated(const char *care_of)
{
	want_away(care_of);
	GOES("HC");
	assert_int_equal(hot(), PEER_TOKEN);
	assert_int_equal(cot(), PEER_TOKEN);
	GOES("U");
}

static void bound(const char *care_of)
{
	updated(care_of);
	assert_int_equal(ack(BA_ACCEPTED), PEER_REGISTERED);
	GOES("");
	assert_true(peer_direct(&p, now));
}

/* Answers whatever was sent in the last go, and goes on until there is nothing more to answer. */
static void cooperate(void)
{
	for (int i = 0; i < TURN && *go(); i++) {
		if (strchr(went, 'H'))
			assert_int_equal(hot(), PEER_TOKEN);
		if (strchr(went, 'C'))
			assert_int_equal(cot(), PEER_TOKEN);
		if (strchr(went, 'U'))
			assert_true(ack(BA_ACCEPTED) != PEER_IGNORED);
	}
}

/* Uses it, with a correspondent that answers all. */
static void talk_s(int64_t s)
{
	struct mono end = mono_add_s(now, s);

	for (;;) {
		peer_used(&p, now);
		cooperate();
		if (mono_before(end, peer_next(&p)))
			break;
		now = peer_next(&p);
	}
	now = end;
}

static bool all_zero(const uint8_t *octets, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (octets[i])
			return false;
	return true;
}

#endif
