// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A mobile node with the authentication option: every update signed and newer than the last, answers believed only with
 * their option, and what 144 and 146 lead to. RFC 4285 §5, §6. The option's own arithmetic: auth_option_test.c. */
#include "mobile_node_rig.h"

#include "auth_rig.h"

#define BUS "bus7@example.org"

static char bus[] = BUS;
static struct auth_keys *keys; /* the home agent's own */

static int setup_with(const char *text, char *id)
{
	rig_setup(NULL);
	rig.silent = true; /* its answers aren't signed; ours are */
	rig_homes[0].id = id;
	auth_file_make(&rig_config, text);
	assert_int_equal(auth_keys_load(auth_file, &keys, stderr), 0);
	return auth_open(&gw);
}

static int setup(void **state)
{
	return setup_with("0x1001 " HOME " " KEY_TEXT "\n", NULL);
}

static int setup_with_id(void **state)
{
	return setup_with("0x1001 " BUS " " KEY_TEXT "\n", bus);
}

static int teardown(void **state)
{
	rig_teardown(state);
	auth_close(&gw);
	auth_keys_free(keys);
	unlink(auth_file);
	rig_homes[0].id = NULL;
	return 0;
}

#define AUTH_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

/* ---- the home agent ---- */

static const struct auth_key *right_key(void)
{
	struct in6_addr home = addr(HOME);
	const struct auth_key *key = auth_keys_first(keys, &home, rig_homes[0].id);

	assert_non_null(key);
	return key;
}

static size_t sent_len(void)
{
	return (fake.sent[1] + 1) * 8;
}

/* The last update; authentic, or the test fails. */
static struct mh_msg heard(void)
{
	uint8_t data[MH_AUTH_LEN];
	struct in6_addr home = addr(HOME);
	struct mh_msg bu;

	assert_int_equal(mh_parse(fake.sent, sent_len(), &bu).fault, MH_OK);
	assert_int_equal(bu.type, MH_BU);
	assert_true(bu.opt.mn_ha.present && bu.opt.mn_ha.spi == SPI && bu.opt.mn_ha.len == MH_AUTH_LEN);
	assert_int_equal(
		auth_option_data(right_key(), &bu.opt.alt_care_of, &home, fake.sent, bu.opt.mn_ha.offset, data), 0);
	assert_memory_equal(data, fake.sent + bu.opt.mn_ha.offset, sizeof(data));
	assert_true(bu.opt.has_timestamp);
	return bu;
}

static struct mh_msg answer_to(const struct mh_msg *bu, uint8_t status)
{
	struct mh_msg ack = { .type = MH_BA, .status = status, .seq = bu->seq };

	ack.lifetime_s = status < 128 && bu->lifetime_s ? 600 : 0;
	ack.opt.has_timestamp = true;
	ack.opt.timestamp = bu->opt.timestamp;
	return ack;
}

/* A signed answer arrives: what is counted says whether it was believed. */
static void arrives(const uint8_t *octets, size_t len, bool routed)
{
	struct mh_input in = { .src = addr(AGENT),
			       .dst = addr(HOME),
			       .care_of = addr(AGENT),
			       .routed = routed,
			       .data = octets,
			       .len = len,
			       .when = fake.now };
	struct mh_msg ack;

	assert_int_equal(mh_parse(octets, len, &ack).fault, MH_OK);
	mobile_node_on_ack(&gw, &in, &ack);
	agent_receives();
}

static void answer(const struct auth_key *key, const struct mh_msg *bu, const struct mh_msg *ack)
{
	uint8_t octets[256];
	int len = auth_sign(key, HOME, &bu->opt.alt_care_of, *ack, octets, sizeof(octets));

	arrives(octets, len, bu->lifetime_s > 0);
}

static void accepted(void)
{
	struct mh_msg bu = heard(), ack = answer_to(&bu, BA_ACCEPTED);

	answer(right_key(), &bu, &ack);
}

/* 144 by an agent whose clock is @ahead_s before the real one, RFC 4285 §6. */
static void refuse_time(const struct mh_msg *bu, int ahead_s)
{
	struct mh_msg ack = answer_to(bu, BA_ID_MISMATCH);
	uint64_t agents = auth_now() + ((uint64_t)(int64_t)ahead_s << 32);

	ack.opt.timestamp = agents >> 32 << 32 | (uint32_t)bu->opt.timestamp;
	answer(right_key(), bu, &ack);
}

static bool close_to(uint64_t timestamp, uint64_t to)
{
	int64_t apart = (int64_t)(timestamp - to);

	return apart > -(INT64_C(3) << 32) && apart < INT64_C(3) << 32;
}

static void attach(void)
{
	start();
	link_is(0, true);
	hear(WLAN, ROUTER_1, "2001:db8:f1::", false);
	address_is(WLAN, CARE_1, true);
	assert_int_equal(rig.updates, 1);
}

/* ---- what is sent ---- */

static void each_transmission_is_signed_anew_with_a_newer_timestamp(void **state)
{
	struct mh_msg last, next;

	attach();
	last = heard();
	assert_true(close_to(last.opt.timestamp, auth_now()));
	assert_false(last.opt.has_nai);
	for (unsigned int i = 2; i < 6; i++) {
		pass_ms(32000);
		next = heard();
		assert_true(rig.updates >= i);
		assert_true((int64_t)(next.opt.timestamp - last.opt.timestamp) > 0);
		last = next;
	}
}

static void with_a_key_by_identifier_the_identifier_is_told(void **state)
{
	struct mh_msg bu;

	attach();
	bu = heard();
	assert_true(bu.opt.has_nai);
	assert_int_equal(bu.opt.nai_len, strlen(BUS));
	assert_memory_equal(bu.opt.nai, BUS, strlen(BUS));
	accepted();
	assert_int_equal(rig.entry.state, HOME_AWAY);
}

static void at_home_it_is_signed_for_the_home_address(void **state)
{
	struct in6_addr home = addr(HOME);
	struct mh_msg bu;

	attach();
	accepted();
	link_is(0, false);
	link_is(0, true);
	hear(WLAN, ROUTER_HOME, "2001:db8:1::", true);
	pass_ms(1);
	bu = heard();
	assert_int_equal(bu.lifetime_s, 0);
	assert_true(addr_equal(&bu.opt.alt_care_of, &home));
	accepted();
	assert_int_equal(rig.entry.state, HOME_THERE);
}

/* ---- what is believed ---- */

static void a_signed_answer_registers(void **state)
{
	attach();
	accepted();
	assert_int_equal(rig.entry.state, HOME_AWAY);
	assert_int_equal(gw.agent_counters[AGENT_ACK_ACCEPTED], 1);
}

static void what_is_not_authentic_changes_nothing(void **state)
{
	struct auth_key key;
	uint8_t octets[256];
	struct mh_msg bu, ack, changed;
	uint64_t count = 0;
	int len;

	attach();
	bu = heard();
	ack = answer_to(&bu, BA_ACCEPTED);
	key = *right_key();

	len = mh_build(&ack, octets, sizeof(octets), NULL); /* no option */
	arrives(octets, len, true);
	assert_int_equal(gw.agent_counters[AGENT_UNPROTECTED], ++count);

	key.spi = SPI + 1;
	answer(&key, &bu, &ack);
	assert_int_equal(gw.agent_counters[AGENT_UNPROTECTED], ++count);

	key.spi = SPI;
	key.key = (const uint8_t[RR_KEY_LEN]){ 1 };
	answer(&key, &bu, &ack);
	assert_int_equal(gw.agent_counters[AGENT_UNPROTECTED], ++count);

	changed = ack;
	changed.opt.timestamp--; /* that of another update */
	answer(right_key(), &bu, &changed);
	assert_int_equal(gw.agent_counters[AGENT_UNPROTECTED], ++count);

	changed = ack;
	changed.opt.has_timestamp = false;
	answer(right_key(), &bu, &changed);
	assert_int_equal(gw.agent_counters[AGENT_UNPROTECTED], ++count);

	changed = bu; /* for another care-of address */
	changed.opt.alt_care_of = addr(CARE_2);
	answer(right_key(), &changed, &ack);
	assert_int_equal(gw.agent_counters[AGENT_UNPROTECTED], ++count);

	assert_int_equal(rig.entry.state, HOME_BLOCKED);
	assert_int_equal(rig.updates, 1);
	accepted();
	assert_int_equal(rig.entry.state, HOME_AWAY);
}

/* Our own update, sent back with the type of an acknowledgement. */
static void a_reflected_update_is_no_answer(void **state)
{
	uint8_t octets[256];
	size_t len;

	attach();
	len = sent_len();
	memcpy(octets, fake.sent, len);
	octets[2] = MH_BA;
	arrives(octets, len, true);
	assert_int_equal(gw.agent_counters[AGENT_UNPROTECTED], 1);
	assert_int_equal(rig.entry.state, HOME_BLOCKED);
}

/* ---- clocks, RFC 4285 §6 ---- */

static void a_clock_that_is_told_is_taken_and_asked_by_at_once(void **state)
{
	static const int ahead_s[] = { 100, -100, 1000000000, -1000000000 };
	struct mh_msg bu;

	attach();
	for (size_t i = 0; i < ARRAY_SIZE(ahead_s); i++) {
		uint64_t agents = auth_now() + ((uint64_t)(int64_t)ahead_s[i] << 32);

		bu = heard();
		rig.updates = 0;
		refuse_time(&bu, ahead_s[i]);
		CHECK_CASE(i, rig.updates == 1); /* no time has passed */
		bu = heard();
		CHECK_CASE(i, close_to(bu.opt.timestamp, agents));
		accepted();
		CHECK_CASE(i, rig.entry.state == HOME_AWAY);
		pass_ms(451 * 1000); /* refresh */
		bu = heard();
		CHECK_CASE(i, close_to(bu.opt.timestamp, agents));
	}
}

/* Nor does that end what is under way: whoever sends our updates again must not keep us from registering. */
static void twice_in_a_row_makes_it_wait(void **state)
{
	struct mh_msg bu;

	attach();
	bu = heard();
	refuse_time(&bu, 100);
	assert_int_equal(rig.updates, 2);
	bu = heard();
	refuse_time(&bu, 200);
	assert_int_equal(rig.updates, 2);
	pass_ms(2000); /* as if unanswered */
	assert_int_equal(rig.updates, 3);
	bu = heard();
	assert_true(close_to(bu.opt.timestamp, auth_now() + (UINT64_C(200) << 32)));
	assert_int_equal(gw.agent_counters[AGENT_ACK_REFUSED], 2);
	accepted();
	assert_int_equal(rig.entry.state, HOME_AWAY);
}

/* Detection takes its time at the agent: a copy of our update is refused meanwhile, with a time that is ours. */
static void what_is_said_of_a_copy_leaves_ours_waiting(void **state)
{
	struct mh_msg bu, ack;

	attach();
	bu = heard();
	ack = answer_to(&bu, BA_ACCEPTED);
	refuse_time(&bu, 0);
	assert_int_equal(rig.updates, 1);
	answer(right_key(), &bu, &ack);
	assert_int_equal(rig.entry.state, HOME_AWAY);
	assert_int_equal(rig.updates, 1);
}

/* The network delivered our update twice: the second copy is a replay to our agent. */
static void what_is_said_of_a_second_copy_is_not_followed(void **state)
{
	struct mh_msg bu;

	attach();
	bu = heard();
	accepted();
	rig.updates = 0;
	refuse_time(&bu, 100);
	assert_int_equal(rig.updates, 0);
	assert_int_equal(gw.agent_counters[AGENT_ACK_STRANGE], 1);
	pass_ms(451 * 1000);
	bu = heard();
	assert_int_equal(rig.updates > 0, 1);
	assert_true(close_to(bu.opt.timestamp, auth_now()));
}

static void a_refused_key_is_tried_again_slowly(void **state)
{
	static const uint8_t statuses[] = { BA_AUTH_FAILED, BA_ID_REQUIRED };
	struct mh_msg bu, ack;

	attach();
	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
		bu = heard();
		ack = answer_to(&bu, statuses[i]);
		rig.updates = 0;
		answer(right_key(), &bu, &ack);
		pass_ms(59 * 1000);
		CHECK_CASE(i, rig.updates == 0);
		pass_ms(62 * 1000); /* twice as long the second time */
		CHECK_CASE(i, rig.updates > 0);
	}
	assert_int_equal(rig.entry.state, HOME_BLOCKED);
}

static void a_reload_brings_the_key_of_the_next_update(void **state)
{
	struct auth_keys *fresh;

	attach();
	accepted();
	auth_file_is("0x1001 " HOME " " OTHER_KEY_TEXT "\n");
	assert_int_equal(auth_reload_check(&gw, &rig_config, &fresh), 0);
	auth_reloaded(&gw, fresh);
	auth_keys_free(keys);
	assert_int_equal(auth_keys_load(auth_file, &keys, stderr), 0);
	pass_ms(451 * 1000);
	heard();
	accepted();
	assert_int_equal(gw.agent_counters[AGENT_ACK_ACCEPTED], 2);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		AUTH_TEST(each_transmission_is_signed_anew_with_a_newer_timestamp),
		cmocka_unit_test_setup_teardown(with_a_key_by_identifier_the_identifier_is_told, setup_with_id,
						teardown),
		AUTH_TEST(at_home_it_is_signed_for_the_home_address),
		AUTH_TEST(a_signed_answer_registers),
		AUTH_TEST(what_is_not_authentic_changes_nothing),
		AUTH_TEST(a_reflected_update_is_no_answer),
		AUTH_TEST(a_clock_that_is_told_is_taken_and_asked_by_at_once),
		AUTH_TEST(twice_in_a_row_makes_it_wait),
		AUTH_TEST(what_is_said_of_a_copy_leaves_ours_waiting),
		AUTH_TEST(what_is_said_of_a_second_copy_is_not_followed),
		AUTH_TEST(a_refused_key_is_tried_again_slowly),
		AUTH_TEST(a_reload_brings_the_key_of_the_next_update),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
