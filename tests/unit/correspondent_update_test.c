// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What becomes of a binding update at a correspondent, RFC 6275 §9.5.1: each status, each silent discard, and what
 * counts first. */
#include "correspondent_rig.h"

static struct rr_nonces nonces;
static struct rig_tokens tokens; /* of HOME and CARE_OF */

static struct rig_tokens tokens_of(uint16_t home_nonce, const char *home, uint16_t care_of_nonce, const char *care_of)
{
	struct rig_tokens t = { .home_nonce = home_nonce, .care_of_nonce = care_of_nonce };
	struct in6_addr h = addr(home), c = addr(care_of);

	assert_int_equal(rr_home_token(&nonces.at[home_nonce % LIMIT_NONCES], &h, t.home), 0);
	assert_int_equal(rr_care_of_token(&nonces.at[care_of_nonce % LIMIT_NONCES], &c, t.care_of), 0);
	return t;
}

/* Nonces 7, 8 and 9, made at seconds 1000, 1100 and 1200, which is now. */
static int setup(void **state)
{
	uint8_t fresh[RR_FRESH_LEN];

	memset(&fake, 0, sizeof(fake));
	memset(&nonces, 0, sizeof(nonces));
	for (unsigned int i = 0; i < 3; i++) {
		memset(fresh, 0x11 * (int)(i + 1), sizeof(fresh));
		fake.now = mono_add_s((struct mono){ 0 }, START_S + 100 * i);
		rr_rotate(&nonces, fresh, 7, fake.now);
	}
	rig_configure();
	tokens = tokens_of(7, HOME, 8, CARE_OF);
	return 0;
}

static struct rig_update usual(void)
{
	return (struct rig_update){
		.home = HOME, .care_of = CARE_OF, .seq = 5, .flags = USUAL, .lifetime_s = 200, .tokens = &tokens
	};
}

static struct rig_update deletion(void)
{
	struct rig_update u = usual();

	u.lifetime_s = 0;
	u.home_token_alone = true;
	return u;
}

static struct peer_registration decide_known(const struct rig_update *u, struct peer_known known)
{
	struct mh_input in;
	struct mh_msg bu;
	uint8_t buf[128];

	rig_build(u, buf, &in, &bu);
	return correspondent_decide(&rig_config, &nonces, &known, &in, &bu, fake.now);
}

static struct peer_registration decide(const struct rig_update *u)
{
	return decide_known(u, (struct peer_known){ 0 });
}

/* No answer, no key left behind. */
static bool discarded(struct peer_registration d, enum agent_reason why)
{
	static const uint8_t no_key[RR_KEY_LEN];

	return d.action == PEER_DISCARD && d.reason == why && !d.with_key && !memcmp(d.kbm, no_key, sizeof(no_key));
}

static bool answered(struct peer_registration d, uint8_t status, uint16_t seq, bool with_key)
{
	return d.action == PEER_ANSWER && d.status == status && d.seq == seq && d.with_key == with_key;
}

static void both_tokens_make_a_binding(void **state)
{
	struct in6_addr home = addr(HOME), care_of = addr(CARE_OF);
	struct rig_update u = usual();
	struct peer_registration d = decide(&u);
	uint8_t kbm[RR_KEY_LEN];

	assert_int_equal(d.action, PEER_BIND);
	assert_int_equal(d.reason, AGENT_PEER_BOUND);
	assert_true(addr_equal(&d.home, &home) && addr_equal(&d.care_of, &care_of));
	assert_int_equal(d.seq, 5);
	assert_int_equal(d.lifetime_s, 200);
	assert_int_equal(d.status, BA_ACCEPTED);
	rr_kbm(tokens.home, tokens.care_of, kbm);
	assert_true(d.with_key);
	assert_memory_equal(d.kbm, kbm, sizeof(kbm));
	d = decide_known(&u, (struct peer_known){ .bound = true, .has_seq = true, .seq = 4 });
	assert_int_equal(d.action, PEER_BIND);
	assert_int_equal(d.reason, AGENT_PEER_REFRESHED);
}

/* The care-of token is for what the option says, wherever the update comes from. */
static void an_alternate_care_of_address_is_what_is_proved(void **state)
{
	struct in6_addr care_of = addr(CARE_OF_2);
	struct rig_update u = usual();
	struct peer_registration d;

	u.alt = CARE_OF_2;
	assert_true(discarded(decide(&u), AGENT_PEER_FORGED)); /* with the token of the source */
	tokens = tokens_of(7, HOME, 8, CARE_OF_2);
	d = decide(&u);
	assert_int_equal(d.action, PEER_BIND);
	assert_true(addr_equal(&d.care_of, &care_of));
}

static void whoever_has_tokens_of_another_address_is_a_forger(void **state)
{
	static const struct {
		const char *home, *care_of;
	} cases[] = {
		{ HOME_2, CARE_OF }, /* an attacker's own home address, and somebody else's in the option */
		{ HOME, CARE_OF_2 }, /* a node that would send its traffic to a victim */
		{ CARE_OF, CARE_OF },
		{ HOME, HOME },
	};
	struct rig_update u = usual(), gone = deletion();

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		tokens = tokens_of(7, cases[i].home, 8, cases[i].care_of);
		CHECK_CASE(i, discarded(decide(&u), AGENT_PEER_FORGED));
	}
	tokens = tokens_of(7, HOME_2, 8, CARE_OF);
	assert_true(discarded(decide(&gone), AGENT_PEER_FORGED));
}

/* Header, sequence number, flags, lifetime, authenticator: all octets but the checksum, all bits. */
static void no_octet_can_be_changed(void **state)
{
	static const struct {
		size_t from, to;
	} ranges[] = { { 3, 4 }, { 6, 12 } };
	struct rig_update u = usual();
	struct mh_input in;
	struct mh_msg bu;
	uint8_t buf[128];
	size_t len;

	rig_build(&u, buf, &in, &bu);
	len = in.len;
	assert_int_equal(len, bu.opt.auth_offset + MH_AUTH_LEN);
	for (unsigned int bit = 0; bit < 8; bit++) {
		u.spoil = (uint8_t)(1U << bit);
		for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
			for (u.spoil_at = ranges[i].from; u.spoil_at < ranges[i].to; u.spoil_at++) {
				struct peer_registration d = decide(&u);

				CHECK_CASE(u.spoil_at,
					   discarded(d, AGENT_PEER_FORGED) ||
						   (d.action == PEER_ANSWER && d.status == BA_NO_HOME_REGISTRATION));
			}
		}
		for (u.spoil_at = len - MH_AUTH_LEN; u.spoil_at < len; u.spoil_at++)
			CHECK_CASE(u.spoil_at, discarded(decide(&u), AGENT_PEER_FORGED));
		for (u.spoil_at = 4; u.spoil_at < 6; u.spoil_at++) /* sockets.c's to check, not this sum's */
			CHECK_CASE(u.spoil_at, decide(&u).action == PEER_BIND);
	}
}

static void unknown_nonces_are_named(void **state)
{
	static const struct {
		uint16_t home, care_of;
		uint8_t status, deleting; /* 0: not refused */
	} cases[] = {
		{ 7, 9, 0, 0 },
		{ 9, 7, 0, 0 },
		{ 9, 9, 0, 0 },
		{ 6, 9, BA_EXPIRED_HOME_NONCE, BA_EXPIRED_HOME_NONCE },	 /* never made */
		{ 10, 9, BA_EXPIRED_HOME_NONCE, BA_EXPIRED_HOME_NONCE }, /* not yet made */
		{ 9, 10, BA_EXPIRED_CARE_OF_NONCE, 0 },
		{ 9, 6, BA_EXPIRED_CARE_OF_NONCE, 0 },
		{ 6, 10, BA_EXPIRED_NONCES, BA_EXPIRED_HOME_NONCE },
		{ 7 + LIMIT_NONCES, 9, BA_EXPIRED_HOME_NONCE, BA_EXPIRED_HOME_NONCE }, /* same place */
		{ 9, 8 - LIMIT_NONCES, BA_EXPIRED_CARE_OF_NONCE, 0 },
	};
	struct rig_update u = usual(), gone = deletion();

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct peer_registration d;

		tokens = tokens_of(cases[i].home, HOME, cases[i].care_of, CARE_OF);
		d = decide(&u);
		CHECK_CASE(i, cases[i].status ? answered(d, cases[i].status, 5, false) && d.reason == AGENT_PEER_NONCE
					      : d.action == PEER_BIND);
		d = decide(&gone);
		CHECK_CASE(i, cases[i].deleting ? answered(d, cases[i].deleting, 5, false) : d.action == PEER_UNBIND);
	}
}

static void a_nonce_is_good_for_four_minutes(void **state)
{
	static const struct {
		int64_t after_ms; /* that nonce 7 was made */
		uint8_t home, care_of, both;
	} cases[] = {
		{ 239999, 0, 0, 0 },
		{ 240000, BA_EXPIRED_HOME_NONCE, BA_EXPIRED_CARE_OF_NONCE, BA_EXPIRED_NONCES },
		{ 240001, BA_EXPIRED_HOME_NONCE, BA_EXPIRED_CARE_OF_NONCE, BA_EXPIRED_NONCES },
	};
	struct rig_update u = usual();

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		fake.now = mono_add_ms((struct mono){ START_S * 1000000000LL }, cases[i].after_ms);
		tokens = tokens_of(7, HOME, 9, CARE_OF);
		CHECK_CASE(i, decide(&u).status == cases[i].home);
		tokens = tokens_of(9, HOME, 7, CARE_OF);
		CHECK_CASE(i, decide(&u).status == cases[i].care_of);
		tokens = tokens_of(7, HOME, 7, CARE_OF);
		CHECK_CASE(i, decide(&u).status == cases[i].both);
	}
}

/* §5.2.6: whatever the care-of nonce index says. The home address is the care-of address where it is named as that. */
static void a_deletion_takes_the_home_token_alone(void **state)
{
	struct rig_update u = deletion();

	assert_int_equal(decide(&u).action, PEER_UNBIND); /* from a foreign link */
	assert_int_equal(decide(&u).reason, AGENT_PEER_DELETED);
	assert_true(decide(&u).with_key);
	u.care_of = NULL;
	assert_int_equal(decide(&u).action, PEER_UNBIND); /* from the home link */
	u.lifetime_s = 100;
	assert_int_equal(decide(&u).action, PEER_UNBIND); /* care-of address = home address is enough */
	u.care_of = CARE_OF;
	u.alt = HOME;
	assert_int_equal(decide(&u).action, PEER_UNBIND); /* also in the option */
	u = deletion();
	u.home_token_alone = false;
	assert_true(discarded(decide(&u), AGENT_PEER_FORGED));
	u = usual();
	u.home_token_alone = true; /* and never for a binding */
	assert_true(discarded(decide(&u), AGENT_PEER_FORGED));
}

static void sequence_numbers_only_go_forward(void **state)
{
	static const struct {
		uint16_t known, got;
		bool good;
	} cases[] = {
		{ 4, 5, true },	    { 5, 5, false },	 { 6, 5, false },    { 65535, 0, true },
		{ 0, 32767, true }, { 0, 32768, false }, { 40000, 5, true }, { 5, 40000, false },
	};
	struct rig_update u = usual(), gone = deletion();

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct peer_known known = { .bound = i % 2, .has_seq = true, .seq = cases[i].known };

		u.seq = gone.seq = cases[i].got;
		CHECK_CASE(i, cases[i].good ? decide_known(&u, known).action == PEER_BIND
					    : answered(decide_known(&u, known), BA_SEQUENCE, cases[i].known, true));
		CHECK_CASE(i, cases[i].good ? decide_known(&gone, known).action == PEER_UNBIND
					    : answered(decide_known(&gone, known), BA_SEQUENCE, cases[i].known, true));
	}
}

/* §9.5.1: no number of a binding is told to somebody who can't prove anything. */
static void a_forger_learns_neither_number_nor_type(void **state)
{
	struct peer_known known = { .has_seq = true, .seq = 9, .home_registration = true };
	struct rig_update u = usual();

	u.spoil_at = 11;
	u.spoil = 1;
	assert_true(discarded(decide_known(&u, known), AGENT_PEER_FORGED));
	known.seq = 1;
	assert_true(discarded(decide_known(&u, known), AGENT_PEER_FORGED));
}

static void a_home_registration_is_no_correspondents(void **state)
{
	struct peer_known known = { .home_registration = true, .has_seq = true, .seq = 4 };
	struct rig_update u = usual(), gone = deletion();

	assert_true(answered(decide_known(&u, known), BA_TYPE_CHANGE, 5, true));
	assert_true(answered(decide_known(&gone, known), BA_TYPE_CHANGE, 5, true));
	known.seq = 5; /* the number comes first */
	assert_true(answered(decide_known(&u, known), BA_SEQUENCE, 5, true));
}

static void addresses_are_unicast_and_routable(void **state)
{
	static const char *const wrong[] = { "::", "::1", "fe80::1", "ff02::1", "ff0e::1", "::ffff:192.0.2.1" };

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct rig_update u = usual();

		u.home = wrong[i];
		CHECK_CASE(i, discarded(decide(&u), AGENT_BAD_ADDRESS));
		u.flags |= BU_HOME;
		CHECK_CASE(i, discarded(decide(&u), AGENT_BAD_ADDRESS));
		u = usual();
		u.care_of = wrong[i];
		CHECK_CASE(i, discarded(decide(&u), AGENT_BAD_ADDRESS));
		u.alt = CARE_OF;
		CHECK_CASE(i, discarded(decide(&u), AGENT_BAD_ADDRESS));
		u = usual();
		u.alt = wrong[i];
		CHECK_CASE(i, discarded(decide(&u), AGENT_BAD_ADDRESS));
	}
}

static void what_lacks_a_part_is_discarded(void **state)
{
	struct rig_update u = usual();

	u.without_nonces = true;
	assert_true(discarded(decide(&u), AGENT_PEER_INCOMPLETE));
	u = usual();
	u.without_auth = true;
	assert_true(discarded(decide(&u), AGENT_PEER_INCOMPLETE));
	u = deletion();
	u.without_auth = true;
	assert_true(discarded(decide(&u), AGENT_PEER_INCOMPLETE));
	u = deletion();
	u.without_nonces = true;
	assert_true(discarded(decide(&u), AGENT_PEER_INCOMPLETE));
	u = usual(); /* a binding, and its home address nowhere but in the source */
	u.care_of = NULL;
	u.alt = CARE_OF;
	assert_true(discarded(decide(&u), AGENT_PEER_INCOMPLETE));
}

static void who_asks_for_a_home_agent_hears_that_this_is_none(void **state)
{
	struct rig_update u = usual();

	u.flags |= BU_HOME;
	assert_true(answered(decide(&u), BA_NO_HOME_REGISTRATION, 5, false));
	u.without_nonces = u.without_auth = true; /* as home registrations are */
	assert_true(answered(decide(&u), BA_NO_HOME_REGISTRATION, 5, false));
	u.lifetime_s = 0;
	u.care_of = NULL;
	assert_true(answered(decide(&u), BA_NO_HOME_REGISTRATION, 5, false));
}

static void operators_refuse_prefixes(void **state)
{
	struct config_prefix refused[] = { { .prefix = addr("2001:db8:9::"), .len = 48 },
					   { .prefix = addr("2001:db8:1::"), .len = 64 } };
	struct config_mobile_node node = { .home = addr(HOME) };
	struct rig_update u = usual(), gone = deletion();

	rig_config.refused = refused;
	rig_config.refused_count = 1;
	assert_int_equal(decide(&u).action, PEER_BIND);
	rig_config.refused_count = 2;
	assert_true(answered(decide(&u), BA_PROHIBITED, 5, true));
	assert_int_equal(decide(&u).reason, AGENT_TEST_REFUSED);
	assert_int_equal(decide(&gone).action, PEER_UNBIND); /* what was there before may go */
	u.spoil_at = 11;
	u.spoil = 1;
	assert_true(discarded(decide(&u), AGENT_PEER_FORGED)); /* and a forger doesn't learn of it */
	u.spoil = 0;
	rig_config.refused_count = 0;
	rig_config.mobile_nodes = &node;
	rig_config.mobile_node_count = 1;
	assert_true(answered(decide(&u), BA_PROHIBITED, 5, true));
}

static void lifetimes_have_a_ceiling(void **state)
{
	static const struct {
		uint32_t asked, most, granted;
	} cases[] = {
		{ 4, 420, 4 },	      { 416, 420, 416 }, { 420, 420, 420 }, { 424, 420, 420 },
		{ 262140, 420, 420 }, { 420, 101, 100 }, { 100, 101, 100 }, { 8, 4, 4 },
	};
	struct rig_update u = usual();

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		u.lifetime_s = cases[i].asked;
		rig_config.peer_lifetime_s = cases[i].most;
		CHECK_CASE(i, decide(&u).action == PEER_BIND && decide(&u).lifetime_s == cases[i].granted);
	}
}

#define TEST(test) cmocka_unit_test_setup(test, setup)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(both_tokens_make_a_binding),
		TEST(an_alternate_care_of_address_is_what_is_proved),
		TEST(whoever_has_tokens_of_another_address_is_a_forger),
		TEST(no_octet_can_be_changed),
		TEST(unknown_nonces_are_named),
		TEST(a_nonce_is_good_for_four_minutes),
		TEST(a_deletion_takes_the_home_token_alone),
		TEST(sequence_numbers_only_go_forward),
		TEST(a_forger_learns_neither_number_nor_type),
		TEST(a_home_registration_is_no_correspondents),
		TEST(addresses_are_unicast_and_routable),
		TEST(what_lacks_a_part_is_discarded),
		TEST(who_asks_for_a_home_agent_hears_that_this_is_none),
		TEST(operators_refuse_prefixes),
		TEST(lifetimes_have_a_ceiling),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
