// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A home agent that asks for the authentication option: what is answered, that every answer is signed, what is dropped,
 * and what a reload leaves. RFC 4285 §5, §6. The option's own arithmetic: auth_option_test.c. */
#include "home_agent_rig.h"

#include "auth_rig.h"

#define BUS "bus7@example.org"
#define USUAL_KEYS                                                                                                     \
	"0x1001 " NODE " " KEY_TEXT "\n0x1001 " BUS " " KEY_TEXT "\n0x1002 " NODE " " OTHER_KEY_TEXT "\n"              \
	"0x1001 " VIRTUAL " " OTHER_KEY_TEXT "\n"

static char bus[] = BUS;
static struct auth_keys *keys; /* the nodes' own */
static uint64_t last_time;     /* of the last update */

static int setup(void **state)
{
	rig_setup(state);
	rig_config.roles = ROLE_HOME_AGENT;
	rig_nodes[1].id = bus; /* OTHER */
	auth_file_make(&rig_config, USUAL_KEYS);
	assert_int_equal(auth_keys_load(auth_file, &keys, stderr), 0);
	assert_int_equal(auth_open(&gw), 0);
	return 0;
}

static int teardown(void **state)
{
	auth_close(&gw);
	auth_keys_free(keys);
	unlink(auth_file);
	rig_nodes[1].id = NULL;
	return rig_teardown(state);
}

#define AUTH_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

static const struct auth_key *key_of(const char *home, uint32_t spi)
{
	struct in6_addr a = addr(home);
	const struct auth_key *key = auth_keys_of_home(keys, spi, &a);

	assert_non_null(key);
	return key;
}

static void receive(const char *home, const char *care_of, const uint8_t *octets, size_t len)
{
	struct mh_input in = { .src = addr(home),
			       .dst = addr(AGENT),
			       .care_of = addr(care_of ? care_of : home),
			       .has_home = care_of != NULL,
			       .data = octets,
			       .len = len,
			       .when = fake.now };
	struct mh_msg msg;

	assert_int_equal(mh_parse(octets, len, &msg).fault, MH_OK);
	home_agent_on_bu(&gw, &in, &msg);
}

static struct mh_msg update(uint16_t seq, uint32_t lifetime_s)
{
	struct mh_msg bu = { .type = MH_BU, .seq = seq, .flags = USUAL, .lifetime_s = lifetime_s };

	bu.opt.has_timestamp = true;
	bu.opt.timestamp = last_time = auth_now();
	return bu;
}

static void ask(const struct auth_key *key, const char *home, const char *care_of, struct mh_msg bu)
{
	struct in6_addr at = addr(care_of ? care_of : home);
	uint8_t octets[256];
	int len = auth_sign(key, home, &at, bu, octets, sizeof(octets));

	receive(home, care_of, octets, len);
}

/* The last thing sent is an acknowledgement with this status and number, by @key for an update sent at @sent. */
static void expect_answer(uint8_t status, uint16_t seq, const struct auth_key *key, const char *home,
			  const char *care_of, const uint64_t *sent)
{
	struct in6_addr of = addr(home), at = addr(care_of);
	struct mh_msg ack;

	assert_int_equal(mh_parse(fake.sent, fake.sent_len, &ack).fault, MH_OK);
	assert_int_equal(ack.type, MH_BA);
	assert_int_equal(ack.status, status);
	assert_int_equal(ack.seq, seq);
	assert_int_equal(auth_option_check_answer(key, fake.sent, &ack, &of, &at, sent), 0);
	assert_int_equal(ack.opt.has_timestamp, sent != NULL);
	fake.sent_len = 0;
}

static void expect_discarded(enum agent_reason reason, uint64_t times)
{
	EXPECT_NO_CALLS();
	assert_int_equal(gw.agent_counters[reason], times);
}

/* ---- what is answered ---- */

static void every_acceptance_is_signed(void **state)
{
	const struct auth_key *key = key_of(VIRTUAL, SPI);

	ask(key, VIRTUAL, CARE_OF, update(1, 400));
	expect_answer(BA_ACCEPTED, 1, key, VIRTUAL, CARE_OF, &last_time);
	ask(key, VIRTUAL, CARE_OF, update(2, 400));
	expect_answer(BA_ACCEPTED, 2, key, VIRTUAL, CARE_OF, &last_time);
	ask(key, VIRTUAL, CARE_OF_2, update(3, 400));
	expect_answer(BA_ACCEPTED, 3, key, VIRTUAL, CARE_OF_2, &last_time);
	ask(key, VIRTUAL, CARE_OF_2, update(4, 0));
	expect_answer(BA_ACCEPTED, 4, key, VIRTUAL, CARE_OF_2, &last_time);
	assert_int_equal(binding_count(gw.bindings), 0);
}

static void so_is_that_of_who_came_home(void **state)
{
	const struct auth_key *key = key_of(NODE, SPI);

	ask(key, NODE, CARE_OF, update(1, 400));
	rig_dad_done(NODE, true);
	ask(key, NODE, NULL, update(2, 0));
	expect_answer(BA_ACCEPTED, 2, key, NODE, NODE, &last_time);
	assert_int_equal(gw.agent_counters[AGENT_DEREGISTERED], 1);
}

static void after_detection_the_answer_is_to_the_newest_update(void **state)
{
	const struct auth_key *key = key_of(NODE, SPI);

	ask(key, NODE, CARE_OF, update(1, 400));
	ask(key, NODE, CARE_OF_2, update(2, 400));
	assert_int_equal(fake_calls("send_mh"), 0);
	rig_dad_done(NODE, true);
	expect_answer(BA_ACCEPTED, 2, key, NODE, CARE_OF_2, &last_time);
}

static void a_duplicate_is_refused_with_a_signature(void **state)
{
	const struct auth_key *key = key_of(NODE, SPI);

	ask(key, NODE, CARE_OF, update(7, 400));
	rig_dad_done(NODE, false);
	expect_answer(BA_DAD_FAILED, 7, key, NODE, CARE_OF, &last_time);
}

static void so_is_what_registration_refuses(void **state)
{
	const struct auth_key *key = key_of(VIRTUAL, SPI);

	ask(key, VIRTUAL, CARE_OF, update(9, 400));
	ask(key, VIRTUAL, CARE_OF, update(9, 400));
	expect_answer(BA_SEQUENCE, 9, key, VIRTUAL, CARE_OF, &last_time);
	ask(key, VIRTUAL, AGENT, update(10, 400));
	expect_answer(BA_BAD_CARE_OF, 10, key, VIRTUAL, AGENT, &last_time);
}

static void the_alternate_care_of_address_is_the_one_that_is_signed_for(void **state)
{
	const struct auth_key *key = key_of(VIRTUAL, SPI);
	struct in6_addr alternate = addr(CARE_OF_2);
	struct mh_msg bu = update(1, 400);
	uint8_t octets[256];
	int len;

	bu.opt.has_alt_care_of = true;
	bu.opt.alt_care_of = alternate;
	len = auth_sign(key, VIRTUAL, &alternate, bu, octets, sizeof(octets));
	receive(VIRTUAL, CARE_OF, octets, len);
	expect_answer(BA_ACCEPTED, 1, key, VIRTUAL, CARE_OF_2, &last_time);
}

/* One node's keys by its home address are several; each answer is by the one that was used. */
static void the_answer_has_the_key_of_the_update(void **state)
{
	const struct auth_key *other = key_of(NODE, 0x1002);

	rig_config.dad_transmits = 0;
	ask(other, NODE, CARE_OF, update(1, 400));
	expect_answer(BA_ACCEPTED, 1, other, NODE, CARE_OF, &last_time);
}

static void a_node_may_be_known_by_its_identifier(void **state)
{
	const struct auth_key *key = auth_keys_of_nai(keys, SPI, BUS, strlen(BUS));
	struct mh_msg bu = update(1, 400);

	rig_config.dad_transmits = 0;
	bu.opt.has_nai = true;
	bu.opt.nai = (const uint8_t *)BUS;
	bu.opt.nai_len = strlen(BUS);
	ask(key, OTHER, CARE_OF, bu);
	expect_answer(BA_ACCEPTED, 1, key, OTHER, CARE_OF, &last_time);
}

/* ---- what is refused, RFC 4285 §5.1, §6 ---- */

static void wrong_data_is_146_and_changes_nothing(void **state)
{
	const struct auth_key *key = key_of(VIRTUAL, SPI);
	struct auth_key forged = *key_of(NODE, SPI);

	ask(key, VIRTUAL, CARE_OF, update(5, 400));
	fake_forget();
	ask(&forged, VIRTUAL, CARE_OF_2, update(6, 0));
	EXPECT_CALLS("answer_set " VIRTUAL " -> " CARE_OF_2,
		     "send_mh BA status 146 seq 6 for 0 s from " AGENT " to " VIRTUAL " via_home",
		     "publish refused " VIRTUAL);
	expect_answer(BA_AUTH_FAILED, 6, key, VIRTUAL, CARE_OF_2, &last_time);
	assert_int_equal(rig_find(VIRTUAL)->seq, 5);
	ask(key, VIRTUAL, CARE_OF, update(6, 400)); /* nor does its timestamp count */
	expect_answer(BA_ACCEPTED, 6, key, VIRTUAL, CARE_OF, &last_time);
}

/* RFC 6275 §9.5.4: its own number; only 135 tells that of the binding. Another is no answer to a mobile node. */
static void a_refusal_by_the_option_bears_the_number_of_the_update(void **state)
{
	const struct auth_key *key = key_of(VIRTUAL, SPI), *wrong = key_of(NODE, SPI);
	struct mh_msg bu;

	ask(key, VIRTUAL, CARE_OF, update(1000, 400));
	ask(wrong, VIRTUAL, CARE_OF, update(3, 400));
	expect_answer(BA_AUTH_FAILED, 3, key, VIRTUAL, CARE_OF, &last_time);
	bu = update(4, 400);
	bu.opt.timestamp = last_time -= UINT64_C(100) << 32;
	ask(key, VIRTUAL, CARE_OF, bu);
	expect_answer(BA_ID_MISMATCH, 4, key, VIRTUAL, CARE_OF, &last_time);
	bu.seq = 5;
	bu.opt.has_timestamp = false;
	ask(key, VIRTUAL, CARE_OF, bu);
	expect_answer(BA_ID_REQUIRED, 5, key, VIRTUAL, CARE_OF, NULL);
}

static void a_replay_is_144(void **state)
{
	const struct auth_key *key = key_of(VIRTUAL, SPI);
	struct in6_addr at = addr(CARE_OF);
	uint8_t octets[256];
	int len = auth_sign(key, VIRTUAL, &at, update(1, 400), octets, sizeof(octets));
	uint64_t first = last_time;

	receive(VIRTUAL, CARE_OF, octets, len);
	expect_answer(BA_ACCEPTED, 1, key, VIRTUAL, CARE_OF, &first);
	ask(key, VIRTUAL, CARE_OF_2, update(2, 400));
	receive(VIRTUAL, CARE_OF, octets, len);
	expect_answer(BA_ID_MISMATCH, 1, key, VIRTUAL, CARE_OF, &first);
	assert_int_equal(rig_find(VIRTUAL)->seq, 2);
}

/* An acknowledgement of number 0xC000 has, read as an update, the flags A and H. */
static void an_acknowledgement_sent_back_as_an_update_is_146(void **state)
{
	const struct auth_key *key = key_of(VIRTUAL, SPI);
	uint8_t octets[256];
	size_t len;

	ask(key, VIRTUAL, CARE_OF, update(0xC000, 400));
	len = fake.sent_len;
	memcpy(octets, fake.sent, len);
	octets[2] = MH_BU;
	fake_forget();
	receive(VIRTUAL, CARE_OF, octets, len);
	assert_int_equal(fake_calls("send_mh BA status 146"), 1);
	assert_int_equal(fake.count, 3); /* and only that: answer_set, send_mh, publish */
}

static void while_detection_runs_a_refusal_leaves_it_alone(void **state)
{
	const struct auth_key *key = key_of(NODE, SPI), *wrong = key_of(VIRTUAL, SPI);
	uint64_t good;

	ask(key, NODE, CARE_OF, update(1, 400));
	good = last_time;
	ask(wrong, NODE, CARE_OF_2, update(2, 400));
	expect_answer(BA_AUTH_FAILED, 2, key, NODE, CARE_OF_2, &last_time);
	rig_dad_done(NODE, true);
	expect_answer(BA_ACCEPTED, 1, key, NODE, CARE_OF, &good);
}

/* ---- what is dropped ---- */

static void without_the_option_nothing_is_answered(void **state)
{
	uint8_t octets[256];
	struct mh_msg bu = update(1, 400);
	int len = mh_build(&bu, octets, sizeof(octets), NULL);

	receive(NODE, CARE_OF, octets, len);
	expect_discarded(AGENT_UNPROTECTED, 1);
}

static void without_an_association_nothing_is_answered(void **state)
{
	struct auth_key strange = *key_of(NODE, SPI);
	struct mh_msg bu = update(2, 400);

	strange.spi = 0x1009;
	ask(&strange, NODE, CARE_OF, update(1, 400));
	expect_discarded(AGENT_UNPROTECTED, 1);
	/* an identifier that the configuration gives another home address */
	strange = *auth_keys_of_nai(keys, SPI, BUS, strlen(BUS));
	bu.opt.has_nai = true;
	bu.opt.nai = (const uint8_t *)BUS;
	bu.opt.nai_len = strlen(BUS);
	strange.spi = SPI;
	rig_nodes[1].id = NULL;
	ask(&strange, OTHER, CARE_OF, bu);
	expect_discarded(AGENT_UNPROTECTED, 2);
}

/* ---- opening and reloading ---- */

static void a_home_address_without_key_stops_the_start(void **state)
{
	auth_close(&gw);
	auth_file_is("0x1001 " NODE " " KEY_TEXT "\n0x1001 " BUS " " KEY_TEXT "\n");
	assert_int_equal(auth_open(&gw), -EINVAL);
	auth_close(&gw);
	rig_config.auth = AUTH_NONE;
	assert_int_equal(auth_open(&gw), 0);
	assert_null(gw.auth);
}

static void a_reload_with_errors_changes_nothing(void **state)
{
	static const char *const texts[] = { "0x1001 " NODE " " KEY_TEXT "\n", "garbage\n", "" };
	const struct auth_key *key = key_of(VIRTUAL, SPI);
	struct auth_keys *fresh;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		auth_file_is(texts[i]);
		CHECK_CASE(i, auth_reload_check(&gw, &rig_config, &fresh) == -EINVAL);
		auth_keys_free(fresh);
	}
	ask(key, VIRTUAL, CARE_OF, update(1, 400));
	expect_answer(BA_ACCEPTED, 1, key, VIRTUAL, CARE_OF, &last_time);
}

static void reread(const char *text)
{
	struct auth_keys *fresh;

	auth_file_is(text);
	assert_int_equal(auth_reload_check(&gw, &rig_config, &fresh), 0);
	auth_reloaded(&gw, fresh);
}

static void a_reload_brings_keys_and_forgets_no_timestamp(void **state)
{
	const struct auth_key *key = key_of(VIRTUAL, SPI), *other = key_of(NODE, SPI);
	struct in6_addr at = addr(CARE_OF);
	uint8_t octets[256];
	int len = auth_sign(key, VIRTUAL, &at, update(1, 400), octets, sizeof(octets));
	uint64_t first = last_time;

	receive(VIRTUAL, CARE_OF, octets, len);
	reread(USUAL_KEYS);
	receive(VIRTUAL, CARE_OF, octets, len);
	expect_answer(BA_ID_MISMATCH, 1, key, VIRTUAL, CARE_OF, &first);
	reread("0x1001 " NODE " " KEY_TEXT "\n0x1001 " BUS " " KEY_TEXT "\n0x1001 " VIRTUAL " " KEY_TEXT "\n");
	ask(key, VIRTUAL, CARE_OF, update(2, 400));
	expect_answer(BA_AUTH_FAILED, 2, other, VIRTUAL, CARE_OF, &last_time);
	ask(other, VIRTUAL, CARE_OF, update(3, 400));
	expect_answer(BA_ACCEPTED, 3, other, VIRTUAL, CARE_OF, &last_time);
}

/* Nor one that was ahead of our clock; nothing is bound any more, and no number known. */
static void a_restart_forgets_no_timestamp(void **state)
{
	const struct auth_key *key = key_of(VIRTUAL, SPI);
	struct in6_addr at = addr(CARE_OF);
	struct mh_msg bu = update(1, 400);
	uint8_t octets[256];
	int len;

	bu.opt.timestamp += (uint64_t)(AUTH_WINDOW_S - 1) << 32;
	len = auth_sign(key, VIRTUAL, &at, bu, octets, sizeof(octets));
	receive(VIRTUAL, CARE_OF, octets, len);
	assert_non_null(rig_find(VIRTUAL));
	rig_advance_ms(401 * 1000);
	home_agent_tick(&gw, fake.now);
	assert_null(rig_find(VIRTUAL));

	auth_close(&gw);
	assert_int_equal(auth_open(&gw), 0);
	receive(VIRTUAL, CARE_OF, octets, len);
	assert_null(rig_find(VIRTUAL));
	ask(key, VIRTUAL, CARE_OF, update(2, 400)); /* behind it, for as long as that was ahead */
	assert_null(rig_find(VIRTUAL));
	bu = update(3, 400);
	bu.opt.timestamp += (uint64_t)AUTH_WINDOW_S << 32;
	ask(key, VIRTUAL, CARE_OF, bu);
	assert_non_null(rig_find(VIRTUAL));
}

/* Its association went with a reload: unsigned is no answer. */
static void detection_that_ends_without_the_key_is_not_answered(void **state)
{
	ask(key_of(NODE, 0x1002), NODE, CARE_OF, update(1, 400));
	reread("0x1001 " NODE " " KEY_TEXT "\n0x1001 " BUS " " KEY_TEXT "\n0x1001 " VIRTUAL " " KEY_TEXT "\n");
	rig_dad_done(NODE, true);
	assert_int_equal(fake_calls("send_mh"), 0);
	assert_int_equal(gw.agent_counters[AGENT_SEND_FAILED], 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		AUTH_TEST(every_acceptance_is_signed),
		AUTH_TEST(so_is_that_of_who_came_home),
		AUTH_TEST(after_detection_the_answer_is_to_the_newest_update),
		AUTH_TEST(a_duplicate_is_refused_with_a_signature),
		AUTH_TEST(so_is_what_registration_refuses),
		AUTH_TEST(the_alternate_care_of_address_is_the_one_that_is_signed_for),
		AUTH_TEST(the_answer_has_the_key_of_the_update),
		AUTH_TEST(a_node_may_be_known_by_its_identifier),
		AUTH_TEST(wrong_data_is_146_and_changes_nothing),
		AUTH_TEST(a_refusal_by_the_option_bears_the_number_of_the_update),
		AUTH_TEST(a_replay_is_144),
		AUTH_TEST(an_acknowledgement_sent_back_as_an_update_is_146),
		AUTH_TEST(while_detection_runs_a_refusal_leaves_it_alone),
		AUTH_TEST(without_the_option_nothing_is_answered),
		AUTH_TEST(without_an_association_nothing_is_answered),
		AUTH_TEST(a_home_address_without_key_stops_the_start),
		AUTH_TEST(a_reload_with_errors_changes_nothing),
		AUTH_TEST(a_reload_brings_keys_and_forgets_no_timestamp),
		AUTH_TEST(a_restart_forgets_no_timestamp),
		AUTH_TEST(detection_that_ends_without_the_key_is_not_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
