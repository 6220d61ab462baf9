/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A mobile node's correspondents over the fake kernel, in virtual time: scripted correspondents that give out tokens of
 * their own, check the authenticator of an update over the octets that were sent, and sign their acknowledgement.
 * Include it in one object of a test.
 */
#ifndef MOBGW_TEST_MOBILE_PEERS_RIG_H
#define MOBGW_TEST_MOBILE_PEERS_RIG_H

#include "check.h"

#include "../../agent/gateway.h"

/* fake_kernel.h keeps the last message only, and the number in a line of it is random here. */
int fake_kernel_send_mh(struct sockets *so, const struct in6_addr *src, const struct in6_addr *dst, bool via_home,
			const uint8_t *mh, size_t len);
#define sockets_send_mh fake_kernel_send_mh
#include "fake_kernel.h"
#undef sockets_send_mh

#include "../../agent/update_list.h"

#define HOME "2001:db8:1::100"
#define HOME_2 "2001:db8:1::200"
#define PEER "2001:db8:c::1"
#define PEER_2 "2001:db8:c::2"
#define CARE_1 "2001:db8:f1::2"
#define CARE_2 "2001:db8:f2::2"

enum {
	WLAN = 2,
	WWAN = 3,
	START_S = 1000,
	RTT_MS = 20,	  /* straight, there and back */
	RTT_HOME_MS = 50, /* through the home agent */
	RIG_CORRESPONDENTS = 2,
	RIG_ANSWERS = 8,
};

/* A packet on its way back; when.ns 0: none. */
struct reply {
	struct mono when;
	struct in6_addr from, to;
	uint8_t data[128];
	size_t len;
};

struct scripted {
	struct in6_addr address;
	bool no_hot, no_cot, no_ack; /* what it leaves unanswered */
	uint8_t status;
	uint32_t grant_s; /* at most; 0: what it is asked for */
	/* what reached it */
	unsigned int hotis, cotis, updates;
	struct mh_msg update; /* the last */
	struct reply ack;     /* the last, as it left */
	bool bound;
	struct in6_addr care_of;
};

static struct config rig_config;
static struct gateway gw;

static struct rig {
	struct mono wake;
	bool busy; /* packets to every correspondent, all the time */
	struct scripted correspondents[RIG_CORRESPONDENTS];
	struct reply answers[RIG_ANSWERS];
} rig;

/* Never later than what was asked for before, as main.c's. */
static void rig_wake_at(struct gateway *gateway, struct mono when)
{
	if (mono_before(when, rig.wake))
		rig.wake = when;
}

static inline uint64_t counted(enum agent_reason why)
{
	return gw.agent_counters[why];
}

/* ---- the correspondents ---- */

static inline struct scripted *scripted(const struct in6_addr *address)
{
	for (size_t i = 0; i < RIG_CORRESPONDENTS; i++)
		if (addr_equal(&rig.correspondents[i].address, address))
			return &rig.correspondents[i];
	return NULL;
}

/* A new nonce every 30 s. */
static inline uint16_t rig_nonce(void)
{
	return 100 + fake.now.ns / 30000000000;
}

/* Differs with everything that a token stands for. */
static inline void rig_token(const struct scripted *cn, uint16_t nonce, const struct in6_addr *tested, bool care_of,
			     uint8_t token[RR_TOKEN_LEN])
{
	for (size_t i = 0; i < RR_TOKEN_LEN; i++)
		token[i] = (uint8_t)(cn->address.s6_addr[8 + i] + 3 * tested->s6_addr[i] + 5 * tested->s6_addr[8 + i] +
				     nonce * (7 + i) + (care_of ? 0x55 : 0));
}

/* The checksum is whatever the kernel makes of it: no authenticator may depend on it. */
static inline void rig_reply(const struct scripted *cn, const struct in6_addr *to, int64_t ms, struct reply *answer)
{
	answer->when = mono_add_ms(fake.now, ms);
	answer->from = cn->address;
	answer->to = *to;
	answer->data[4] = 0x12;
	for (size_t i = 0; i < RIG_ANSWERS; i++) {
		if (rig.answers[i].when.ns)
			continue;
		rig.answers[i] = *answer;
		return;
	}
	fail_msg("too many packets under way");
}

static inline void rig_on_init(struct scripted *cn, const struct in6_addr *src, const struct mh_msg *init)
{
	struct mh_msg test = { .type = init->type == MH_HOTI ? MH_HOT : MH_COT, .nonce_index = rig_nonce() };
	bool care_of = init->type == MH_COTI;
	struct reply answer = { 0 };

	*(care_of ? &cn->cotis : &cn->hotis) += 1;
	if (care_of ? cn->no_cot : cn->no_hot)
		return;
	memcpy(test.cookie, init->cookie, sizeof(test.cookie));
	rig_token(cn, test.nonce_index, src, care_of, test.token);
	answer.len = (size_t)mh_build(&test, answer.data, sizeof(answer.data), NULL);
	rig_reply(cn, src, care_of ? RTT_MS : RTT_HOME_MS, &answer);
}

/* Signed with the key of @update. */
static inline void rig_build_ack(const struct scripted *cn, const struct mh_msg *ack, const struct mh_msg *update,
				 const struct in6_addr *home, const struct in6_addr *care_of, struct reply *out)
{
	uint8_t home_token[RR_TOKEN_LEN], care_of_token[RR_TOKEN_LEN], kbm[RR_KEY_LEN];
	uint16_t auth_offset;

	rig_token(cn, update->opt.home_nonce, home, false, home_token);
	rig_token(cn, update->opt.care_of_nonce, care_of, true, care_of_token);
	assert_int_equal(rr_kbm(home_token, update->lifetime_s ? care_of_token : NULL, kbm), 0);
	*out = (struct reply){ .from = cn->address, .to = *home };
	out->len = (size_t)mh_build(ack, out->data, sizeof(out->data), &auth_offset);
	if (ack->opt.has_auth)
		assert_int_equal(
			rr_authenticator(kbm, care_of, &cn->address, out->data, auth_offset, out->data + auth_offset),
			0);
}

/* What every update has to be: RFC 6275 §11.7.2, §6.2.6, §6.2.7. */
static inline void rig_check_update(const struct scripted *cn, const struct mh_msg *bu, const struct in6_addr *home,
				    const struct in6_addr *care_of, const uint8_t *mh)
{
	uint8_t home_token[RR_TOKEN_LEN], care_of_token[RR_TOKEN_LEN], kbm[RR_KEY_LEN], auth[MH_AUTH_LEN];

	assert_int_equal(bu->flags, BU_ACK);
	assert_false(bu->opt.has_alt_care_of);
	assert_true(bu->opt.has_nonce_indices && bu->opt.has_auth);
	rig_token(cn, bu->opt.home_nonce, home, false, home_token);
	rig_token(cn, bu->opt.care_of_nonce, care_of, true, care_of_token);
	assert_int_equal(rr_kbm(home_token, bu->lifetime_s ? care_of_token : NULL, kbm), 0);
	assert_int_equal(rr_authenticator(kbm, care_of, &cn->address, mh, bu->opt.auth_offset, auth), 0);
	assert_memory_equal(auth, bu->opt.auth, sizeof(auth));
}

/* The care-of address on the wire is what the data path makes of it: that of the map. A deletion's is the home address.
 */
static inline void rig_on_update(struct scripted *cn, const struct in6_addr *home, const struct mh_msg *bu,
				 const uint8_t *mh)
{
	struct peer_key key = { *home, cn->address };
	const struct peer *entry = &fake_peers.peers[fake_peer(&key)].entry;
	const struct in6_addr *care_of = bu->lifetime_s ? &entry->care_of : home;
	struct mh_msg ack = { .type = MH_BA,
			      .status = cn->status,
			      .seq = bu->seq,
			      .lifetime_s = cn->grant_s && cn->grant_s < bu->lifetime_s ? cn->grant_s : bu->lifetime_s,
			      .opt = { .has_auth = true } };

	assert_true(fake_peers.peers[fake_peer(&key)].there);
	assert_int_equal(entry->seq, bu->seq); /* on record before it is used */
	assert_true(!bu->lifetime_s == !(entry->flags & PEER_UPDATE));
	rig_check_update(cn, bu, home, care_of, mh);
	cn->updates++;
	cn->update = *bu;
	rig_build_ack(cn, &ack, bu, home, care_of, &cn->ack);
	if (cn->no_ack)
		return;
	if (cn->status < BA_UNSPECIFIED) {
		cn->bound = bu->lifetime_s > 0;
		cn->care_of = *care_of;
	}
	rig_reply(cn, home, RTT_MS, &cn->ack);
}

int sockets_send_mh(struct sockets *so, const struct in6_addr *src, const struct in6_addr *dst, bool via_home,
		    const uint8_t *mh, size_t len)
{
	struct scripted *cn = scripted(dst);
	char what[40] = "";
	struct mh_msg msg;
	int err;

	assert_int_equal(mh_parse(mh, len, &msg).fault, MH_OK);
	if (msg.type == MH_BU)
		snprintf(what, sizeof(what), " for %u s", msg.lifetime_s);
	err = fake_call("send_mh %s%s from %s to %s%s", mh_type_name(msg.type), what, addr_text(src), addr_text(dst),
			via_home ? " via_home" : "");
	if (err || !cn)
		return err;
	if (msg.type == MH_BU)
		rig_on_update(cn, src, &msg, mh);
	else
		rig_on_init(cn, src, &msg);
	return 0;
}

/* ---- what comes in ---- */

/* As dispatch.c hands it on. Return: whether a role of ours wanted it. */
static inline bool hear(const struct reply *answer)
{
	struct mh_input in = {
		.src = answer->from, .dst = answer->to, .data = answer->data, .len = answer->len, .when = fake.now
	};
	struct mh_msg msg;

	assert_int_equal(mh_parse(answer->data, answer->len, &msg).fault, MH_OK);
	switch (msg.type) {
	case MH_BA:
		in.routed = true;
		return mobile_peers_on_ack(&gw, &in, &msg);
	case MH_BE:
		return mobile_peers_on_binding_error(&gw, &in, &msg);
	case MH_BRR:
		return mobile_peers_on_refresh_request(&gw, &in);
	default:
		mobile_peers_on_test(&gw, &in, &msg);
		return true;
	}
}

/* One message of @from to @to, signed by nobody. */
static inline bool hear_message(const char *from, const char *to, const struct mh_msg *msg)
{
	struct reply answer = { .from = addr(from), .to = addr(to) };

	answer.len = (size_t)mh_build(msg, answer.data, sizeof(answer.data), NULL);
	return hear(&answer);
}

static inline bool hear_binding_error(const char *from, uint8_t status, const char *home)
{
	struct mh_msg be = { .type = MH_BE, .status = status, .home = addr(home) };

	return hear_message(from, home, &be);
}

static inline struct reply *first_answer(void)
{
	struct reply *first = NULL;

	for (size_t i = 0; i < RIG_ANSWERS; i++)
		if (rig.answers[i].when.ns && (!first || mono_before(rig.answers[i].when, first->when)))
			first = &rig.answers[i];
	return first;
}

/* As main.c's timer. */
static inline void tick(void)
{
	struct mono next;

	if (rig.busy)
		fake_peers.peer_used = fake.now;
	next = mobile_peers_tick(&gw, fake.now);
	rig.wake = UPDATE_NEVER;
	rig_wake_at(&gw, next);
}

/* Lets time pass up to @ms from now: timers and answers in their order. */
static inline void pass_ms(int64_t ms)
{
	struct mono end = mono_add_ms(fake.now, ms);
	unsigned int turns = 0;

	for (;;) {
		struct reply *answer = first_answer();
		struct mono next = rig.wake;

		if (answer && mono_before(next, answer->when))
			answer = NULL;
		if (answer)
			next = answer->when;
		if (mono_before(end, next))
			break;
		assert_true(turns++ < 10000); /* time goes on */
		if (mono_before(fake.now, next))
			fake.now = next;
		if (answer) {
			struct reply got = *answer;

			answer->when.ns = 0;
			hear(&got);
		} else {
			tick();
		}
	}
	fake.now = end;
}

static inline void pass_s(int64_t seconds)
{
	pass_ms(seconds * 1000);
}

/* ---- the world ---- */

/* @care_of NULL: at home. */
static inline void moved(const char *home, const char *care_of, int ifindex)
{
	struct in6_addr address = addr(home);
	struct mobile_place at = {
		.care_of = care_of ? addr(care_of) : in6addr_any, .ifindex = ifindex, .mtu = 1500, .tunnel = true
	};

	mobile_peers_moved(&gw, &address, &at);
}

static inline void nowhere(const char *home)
{
	struct in6_addr address = addr(home);
	struct mobile_place at = { 0 };

	mobile_peers_moved(&gw, &address, &at);
}

/* The data path saw a packet to somebody that it has no entry of. */
static inline void talk(const char *home, const char *peer)
{
	struct in6_addr from = addr(home), to = addr(peer);

	fake_peers.peer_used = fake.now;
	mobile_peers_on_event(&gw, &from, &to);
}

static inline bool is_direct(const char *home, const char *peer)
{
	const struct peer *entry = fake_peer_entry(home, peer);

	return entry && entry->flags & PEER_DIRECT;
}

/* On link 1, and through with return routability to PEER. */
static inline void settle(void)
{
	moved(HOME, CARE_1, WLAN);
	talk(HOME, PEER);
	pass_ms(100);
	assert_true(is_direct(HOME, PEER));
	fake_forget();
}

static inline bool view_of(const char *home, const char *peer, struct peer_view *view)
{
	struct in6_addr h = addr(home), p = addr(peer);

	for (size_t i = 0; mobile_peers_view(&gw, i, view); i++)
		if (addr_equal(&view->home, &h) && addr_equal(&view->peer, &p))
			return true;
	return false;
}

static inline void rig_start(void)
{
	gw = (struct gateway){ .config = &rig_config, .clock = fake_clock, .wake_peers_at = rig_wake_at };
	assert_int_equal(mobile_peers_open(&gw), 0);
	rig_wake_at(&gw, fake.now); /* main.c's first tick comes at once */
}

static inline int rig_setup(void **state)
{
	memset(&fake, 0, sizeof(fake));
	memset(&fake_peers, 0, sizeof(fake_peers));
	memset(&rig, 0, sizeof(rig));
	fake.now = mono_add_s((struct mono){ 0 }, START_S);
	rig.wake = UPDATE_NEVER;
	rig.correspondents[0].address = addr(PEER);
	rig.correspondents[1].address = addr(PEER_2);
	rig_config = (struct config){ .roles = ROLE_MOBILE_NODE | ROLE_CORRESPONDENT, .optimise = OPTIMISE_ALL };
	rig_start();
	return 0;
}

static inline int rig_teardown(void **state)
{
	mobile_peers_close(&gw);
	assert_null(gw.peers);
	return 0;
}

#define RIG_TEST(test) cmocka_unit_test_setup_teardown(test, rig_setup, rig_teardown)

#endif
