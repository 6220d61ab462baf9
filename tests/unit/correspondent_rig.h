/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A correspondent over the fake kernel layer, in virtual time, and a mobile node's half of return routability: tokens
 * come out of the tests that we send. */
#ifndef MOBGW_TEST_CORRESPONDENT_RIG_H
#define MOBGW_TEST_CORRESPONDENT_RIG_H

#include "fake_kernel.h"

#include <stdlib.h>

#define HERE "2001:db8:c::1"
#define HOME "2001:db8:1::100"
#define HOME_2 "2001:db8:1::200"
#define HOME_3 "2001:db8:1::300"
#define HOME_4 "2001:db8:1::400"
#define HOME_5 "2001:db8:1::500"
#define CARE_OF "2001:db8:f1::2"
#define CARE_OF_2 "2001:db8:f2::2"

enum { START_S = 1000, RIG_BINDINGS = 2, USUAL = BU_ACK };

static struct config rig_config;
static struct gateway gw;

/* ---- the mobile node's half ---- */

struct rig_tokens {
	uint8_t home[RR_TOKEN_LEN], care_of[RR_TOKEN_LEN];
	uint16_t home_nonce, care_of_nonce;
};

/* One binding update. Members left out: the usual. */
struct rig_update {
	const char *home, *care_of; /* care_of: source on the wire; NULL: the home address, without option */
	const char *alt;	    /* alternate care-of address */
	uint16_t seq, flags;
	uint32_t lifetime_s;
	const struct rig_tokens *tokens;
	bool home_token_alone;		   /* Kbm of a deletion */
	bool without_nonces, without_auth; /* options left out */
	size_t spoil_at;		   /* octet of the message that is changed after it was signed ... */
	uint8_t spoil;			   /* ... by this */
};

/* Signed, and as dispatch.c hands it on. @buf: at least 128 octets. */
static inline void rig_build(const struct rig_update *u, uint8_t *buf, struct mh_input *in, struct mh_msg *bu)
{
	struct mh_msg msg = { .type = MH_BU, .seq = u->seq, .flags = u->flags, .lifetime_s = u->lifetime_s };
	struct in6_addr here = addr(HERE), care_of = addr(u->alt ? u->alt : u->care_of ? u->care_of : u->home);
	uint8_t kbm[RR_KEY_LEN];
	uint16_t auth_offset = 0;
	int len;

	msg.opt.has_alt_care_of = u->alt != NULL;
	msg.opt.alt_care_of = care_of;
	msg.opt.has_nonce_indices = !u->without_nonces;
	msg.opt.home_nonce = u->tokens->home_nonce;
	msg.opt.care_of_nonce = u->tokens->care_of_nonce;
	msg.opt.has_auth = !u->without_auth;
	len = mh_build(&msg, buf, 128, &auth_offset);
	assert_true(len > 0);
	if (!u->without_auth) {
		assert_int_equal(rr_kbm(u->tokens->home, u->home_token_alone ? NULL : u->tokens->care_of, kbm), 0);
		assert_int_equal(rr_authenticator(kbm, &care_of, &here, buf, auth_offset, buf + auth_offset), 0);
	}
	buf[4] = 0x12; /* a checksum, which the authenticator knows nothing of */
	buf[u->spoil_at] ^= u->spoil;
	*in = (struct mh_input){ .src = addr(u->home),
				 .dst = here,
				 .care_of = addr(u->care_of ? u->care_of : u->home),
				 .has_home = u->care_of != NULL,
				 .data = buf,
				 .len = (size_t)len,
				 .when = fake.now };
	assert_int_equal(mh_parse(buf, (size_t)len, bu).fault, MH_OK);
}

/* ---- the correspondent ---- */

static inline void rig_wake(struct gateway *g, struct mono when)
{
}

static inline void rig_configure(void)
{
	rig_config = (struct config){ .roles = ROLE_CORRESPONDENT,
				      .agent = addr(HERE),
				      .peer_bindings = RIG_BINDINGS,
				      .peer_lifetime_s = RR_BINDING_LIFETIME_S };
}

/* What stands in fake and fake_peers is found there, as by another daemon. */
static inline void rig_start(void)
{
	gw = (struct gateway){ .config = &rig_config, .clock = fake_clock, .wake_peers_at = rig_wake };
	assert_int_equal(correspondent_open(&gw), 0);
	assert_int_equal(correspondent_adopt(&gw), 0);
}

static inline int rig_setup(void **state)
{
	memset(&fake, 0, sizeof(fake));
	memset(&fake_peers, 0, sizeof(fake_peers));
	fake.now = mono_add_s((struct mono){ 0 }, START_S);
	rig_configure();
	rig_start();
	EXPECT_NO_CALLS();
	return 0;
}

static inline int rig_teardown(void **state)
{
	correspondent_close(&gw);
	assert_null(gw.cn);
	return 0;
}

/* Second by second, as the loop would at the latest. */
static inline void rig_advance(unsigned int seconds)
{
	while (seconds--) {
		fake.now = mono_add_s(fake.now, 1);
		correspondent_tick(&gw, fake.now);
	}
}

static inline uint64_t counted(enum agent_reason why)
{
	return gw.agent_counters[why];
}

static inline void rig_init_from(uint8_t type, const char *src, bool has_home)
{
	struct mh_msg init = { .type = type, .cookie = { 1, 2, 3, 4, 5, 6, 7, 8 } };
	struct mh_input in = {
		.src = addr(src), .dst = addr(HERE), .care_of = addr(src), .has_home = has_home, .when = fake.now
	};

	correspondent_on_test_init(&gw, &in, &init);
}

/* The test that answers; the calls stay as they were. */
static inline void rig_test(uint8_t type, const char *src, struct mh_msg *test)
{
	size_t before = fake.count;

	fake.sent_len = 0;
	rig_init_from(type, src, false);
	assert_int_equal(mh_parse(fake.sent, fake.sent_len, test).fault, MH_OK);
	fake.count = before;
}

static inline struct rig_tokens rig_tokens(const char *home, const char *care_of)
{
	struct rig_tokens tokens;
	struct mh_msg test;

	rig_test(MH_HOTI, home, &test);
	memcpy(tokens.home, test.token, sizeof(tokens.home));
	tokens.home_nonce = test.nonce_index;
	rig_test(MH_COTI, care_of, &test);
	memcpy(tokens.care_of, test.token, sizeof(tokens.care_of));
	tokens.care_of_nonce = test.nonce_index;
	return tokens;
}

static inline void rig_send(const struct rig_update *u)
{
	struct mh_input in;
	struct mh_msg bu;
	uint8_t buf[128];

	rig_build(u, buf, &in, &bu);
	correspondent_on_bu(&gw, &in, &bu);
}

/* With fresh tokens. */
static inline void rig_bind(const char *home, const char *care_of, uint16_t seq, uint32_t lifetime_s)
{
	struct rig_tokens tokens = rig_tokens(home, care_of);
	struct rig_update u = { .home = home,
				.care_of = care_of,
				.seq = seq,
				.flags = USUAL,
				.lifetime_s = lifetime_s,
				.tokens = &tokens };

	rig_send(&u);
}

static inline void rig_unbind(const char *home, const char *care_of, uint16_t seq)
{
	struct rig_tokens tokens = rig_tokens(home, care_of ? care_of : CARE_OF);
	struct rig_update u = { .home = home,
				.care_of = care_of,
				.seq = seq,
				.flags = USUAL,
				.tokens = &tokens,
				.home_token_alone = true };

	rig_send(&u);
}

static inline struct binding_entry *rig_find(const char *home)
{
	struct in6_addr a = addr(home);

	return correspondent_binding(&gw, &a);
}

/* The last acknowledgement, and whether its authenticator is that of @tokens. */
static inline struct mh_msg rig_answer(const struct rig_update *u, bool *authentic)
{
	struct in6_addr here = addr(HERE), care_of = addr(u->alt ? u->alt : u->care_of ? u->care_of : u->home);
	uint8_t kbm[RR_KEY_LEN], auth[MH_AUTH_LEN];
	struct mh_msg ack;

	assert_int_equal(mh_parse(fake.sent, fake.sent_len, &ack).fault, MH_OK);
	assert_int_equal(ack.type, MH_BA);
	*authentic = ack.opt.has_auth;
	if (ack.opt.has_auth) {
		rr_kbm(u->tokens->home, u->home_token_alone ? NULL : u->tokens->care_of, kbm);
		rr_authenticator(kbm, &care_of, &here, fake.sent, ack.opt.auth_offset, auth);
		assert_memory_equal(auth, ack.opt.auth, sizeof(auth));
	}
	return ack;
}

#define RIG_TEST(test) cmocka_unit_test_setup_teardown(test, rig_setup, rig_teardown)

#endif
