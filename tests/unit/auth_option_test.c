// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The authentication option between mobile node and home agent: octets that Python's hmac and scapy made, verdicts in
 * the RFC's order, replays, clocks that disagree, answers that were reflected. */
#include "check.h"

#include <errno.h>
#include <stdlib.h>

#include "../../agent/auth_option.h"

#define KEY_TEXT "00112233445566778899aabbccddeeff"
#define S(seconds) ((uint64_t)(seconds) << 32)

enum { SPI = 0x1001, OTHER_SPI = 0x1002, BU_DATA = 52, BARE_DATA = 20, BA_DATA = 36 };

static const char nai[] = "node@example.com";
static const uint64_t then = 0xE4D5C6B7A8990011; /* the timestamp in the messages below */

/* From 2001:db8:1::100 at 2001:db8:2::100 to 2001:db8:1::1: NAI, timestamp, MN-HA option. */
static const uint8_t update_octets[64] = {
	0x3b, 0x07, 0x05, 0x00, 0xd6, 0xef, 0x00, 0x07, 0xc0, 0x00, 0x00, 0x64, 0x08, 0x11, 0x01, 0x6e,
	0x6f, 0x64, 0x65, 0x40, 0x65, 0x78, 0x61, 0x6d, 0x70, 0x6c, 0x65, 0x2e, 0x63, 0x6f, 0x6d, 0x01,
	0x01, 0x00, 0x0a, 0x08, 0xe4, 0xd5, 0xc6, 0xb7, 0xa8, 0x99, 0x00, 0x11, 0x00, 0x09, 0x11, 0x01,
	0x00, 0x00, 0x10, 0x01, 0xc7, 0xfc, 0x85, 0x07, 0x56, 0x9e, 0x05, 0x71, 0x08, 0x4f, 0x4c, 0x0b,
};

/* The same with nothing but the MN-HA option. */
static const uint8_t bare_octets[32] = {
	0x3b, 0x03, 0x05, 0x00, 0x81, 0x69, 0x00, 0x07, 0xc0, 0x00, 0x00, 0x64, 0x00, 0x09, 0x11, 0x01,
	0x00, 0x00, 0x10, 0x01, 0x11, 0x93, 0x58, 0x8b, 0x0d, 0xce, 0x73, 0x98, 0x4c, 0x06, 0x79, 0x46,
};

/* The home agent's answer: timestamp, MN-HA option. */
static const uint8_t answer_octets[48] = {
	0x3b, 0x05, 0x06, 0x00, 0xe1, 0x13, 0x00, 0x00, 0x00, 0x07, 0x00, 0x64, 0x01, 0x04, 0x00, 0x00,
	0x00, 0x00, 0x0a, 0x08, 0xe4, 0xd5, 0xc6, 0xb7, 0xa8, 0x99, 0x00, 0x11, 0x00, 0x09, 0x11, 0x01,
	0x00, 0x00, 0x10, 0x01, 0x5f, 0xa6, 0xfc, 0xd1, 0xd6, 0x92, 0x39, 0xfb, 0x90, 0x27, 0x33, 0x8c,
};

static const struct auth_policy usual = { .window_s = AUTH_WINDOW_S, .require_timestamp = true };
static const struct auth_policy lenient = { .window_s = AUTH_WINDOW_S };

/* ---- a home agent and its node ---- */

struct rig {
	struct auth_keys *keys;
	struct auth_replay replay;
	struct in6_addr home, care_of;
};

static int setup(void **state)
{
	static const char text[] = "4097 2001:db8:1::100 " KEY_TEXT "\n"
				   "4098 node@example.com " KEY_TEXT "\n"
				   "4097 2001:db8:1::200 ffeeddccbbaa99887766554433221100\n";
	struct rig *rig = calloc(1, sizeof(*rig));

	if (!rig || auth_keys_parse(text, strlen(text), "text", &rig->keys, stderr))
		return -1;
	rig->home = addr("2001:db8:1::100");
	rig->care_of = addr("2001:db8:2::100");
	auth_replay_init(&rig->replay, then - S(60), 0, AUTH_WINDOW_S);
	*state = rig;
	return 0;
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	auth_keys_free(rig->keys);
	auth_replay_free(&rig->replay);
	free(rig);
	return 0;
}

static const struct auth_key *usual_key(const struct rig *rig)
{
	const struct auth_key *key = auth_keys_of_home(rig->keys, SPI, &rig->home);

	assert_non_null(key);
	return key;
}

static struct mh_msg parsed(const uint8_t *octets, size_t len)
{
	struct mh_msg msg;

	assert_int_equal(mh_parse(octets, len, &msg).fault, MH_OK);
	return msg;
}

static struct auth_verdict check(struct rig *rig, const uint8_t *octets, size_t len, const struct auth_policy *policy,
				 uint64_t now)
{
	struct mh_msg msg = parsed(octets, len);
	struct auth_update update = {
		.mh = octets, .msg = &msg, .home = rig->home, .care_of = rig->care_of, .nai = nai
	};

	return auth_option_check_update(rig->keys, policy, &rig->replay, &update, now);
}

/* What a 144 carries, RFC 4285 §6: our seconds, the fraction of the update. */
static uint64_t told(uint64_t ours, uint64_t sent)
{
	return ours >> 32 << 32 | (uint32_t)sent;
}

static bool refused(struct auth_verdict verdict, uint8_t status)
{
	return verdict.outcome == AUTH_REFUSED && verdict.status == status && verdict.key;
}

/* Octets of @msg with what @key makes of it; the length. */
static int sign(const struct rig *rig, const struct auth_key *key, const struct mh_msg *msg, uint8_t *buf)
{
	uint16_t offset;
	int len = mh_build(msg, buf, MH_MAX_LEN, &offset);

	assert_true(len > 0);
	assert_int_equal(auth_option_data(key, &rig->care_of, &rig->home, buf, offset, buf + offset), 0);
	return len;
}

static struct auth_verdict check_with(struct rig *rig, const struct auth_key *key, const char *who,
				      const uint64_t *timestamp, uint64_t now)
{
	struct mh_msg bu = { .type = MH_BU, .seq = 7, .flags = BU_ACK | BU_HOME, .lifetime_s = 400 };
	uint8_t buf[MH_MAX_LEN];

	auth_option_prepare_update(key, who, timestamp, &bu);
	return check(rig, buf, sign(rig, key, &bu, buf), &usual, now);
}

static struct auth_verdict check_at(struct rig *rig, uint64_t timestamp, uint64_t now)
{
	return check_with(rig, usual_key(rig), NULL, &timestamp, now);
}

/* ---- the formula ---- */

static void data_are_those_that_python_computes(void **state)
{
	static const struct {
		const uint8_t *octets;
		uint16_t offset;
	} cases[] = { { update_octets, BU_DATA }, { bare_octets, BARE_DATA }, { answer_octets, BA_DATA } };
	struct rig *rig = *state;
	uint8_t data[MH_AUTH_LEN];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CHECK_CASE(i, auth_option_data(usual_key(rig), &rig->care_of, &rig->home, cases[i].octets,
					       cases[i].offset, data) == 0);
		CHECK_CASE(i, !memcmp(data, cases[i].octets + cases[i].offset, sizeof(data)));
	}
	for (uint16_t offset = 0; offset < 6; offset++) /* within the checksum */
		CHECK_CASE(offset, auth_option_data(usual_key(rig), &rig->care_of, &rig->home, update_octets, offset,
						    data) == -EINVAL);
}

static void what_we_prepare_is_what_scapy_built(void **state)
{
	struct rig *rig = *state;
	struct mh_msg bu = { .type = MH_BU, .seq = 7, .flags = BU_ACK | BU_HOME, .lifetime_s = 400 };
	struct mh_msg ack = { .type = MH_BA, .seq = 7, .lifetime_s = 400 };
	struct auth_verdict verdict;
	uint8_t buf[MH_MAX_LEN];

	auth_option_prepare_update(usual_key(rig), nai, &then, &bu);
	assert_int_equal(sign(rig, usual_key(rig), &bu, buf), sizeof(update_octets));
	memcpy(buf + 4, update_octets + 4, 2); /* the checksum, which isn't under the hash */
	assert_memory_equal(buf, update_octets, sizeof(update_octets));
	verdict = check(rig, update_octets, sizeof(update_octets), &usual, then);
	auth_option_prepare_answer(&verdict, &ack);
	assert_int_equal(sign(rig, verdict.key, &ack, buf), sizeof(answer_octets));
	assert_memory_equal(buf + 6, answer_octets + 6, sizeof(answer_octets) - 6);
}

/* ---- verdicts ---- */

static void an_update_of_the_node_is_accepted_with_its_own_timestamp_in_the_answer(void **state)
{
	struct rig *rig = *state;
	struct auth_verdict verdict = check(rig, update_octets, sizeof(update_octets), &usual, then + S(1));

	assert_int_equal(verdict.outcome, AUTH_ACCEPTED);
	assert_int_equal(verdict.status, BA_ACCEPTED);
	assert_true(verdict.has_timestamp);
	assert_int_equal(verdict.timestamp, then);
	assert_ptr_equal(verdict.key, usual_key(rig));
}

static void each_octet_under_the_hash_counts_but_the_checksum(void **state)
{
	struct rig *rig = *state;
	uint8_t octets[sizeof(bare_octets)];

	for (size_t i = 6; i < sizeof(octets); i++) {
		struct auth_verdict verdict;

		if (i >= 12 && i < BARE_DATA) /* the option's head: another option, another key */
			continue;
		memcpy(octets, bare_octets, sizeof(octets));
		octets[i] ^= 0x80;
		verdict = check(rig, octets, sizeof(octets), &lenient, then);
		CHECK_CASE(i, refused(verdict, BA_AUTH_FAILED) && !verdict.has_timestamp);
	}
	memcpy(octets, bare_octets, sizeof(octets));
	octets[4] ^= 0xFF;
	octets[5] ^= 0xFF;
	assert_int_equal(check(rig, octets, sizeof(octets), &lenient, then).outcome, AUTH_ACCEPTED);
}

static void another_address_or_key_fails(void **state)
{
	struct rig *rig = *state;
	const struct in6_addr home = rig->home, care_of = rig->care_of;

	rig->care_of = addr("2001:db8:2::101");
	assert_true(refused(check(rig, bare_octets, sizeof(bare_octets), &lenient, then), BA_AUTH_FAILED));
	rig->care_of = care_of;
	rig->home = addr("2001:db8:1::200"); /* a node with the same SPI and another key */
	assert_true(refused(check(rig, bare_octets, sizeof(bare_octets), &lenient, then), BA_AUTH_FAILED));
	rig->home = care_of;
	rig->care_of = home; /* the two exchanged */
	assert_int_equal(check(rig, bare_octets, sizeof(bare_octets), &lenient, then).outcome, AUTH_NO_KEY);
}

/* Nothing is read behind the option: each message stands in a buffer of just its length. */
static void data_of_another_length_fail(void **state)
{
	struct rig *rig = *state;

	for (int len = 0; len <= 20; len++) {
		struct mh_msg bu = { .type = MH_BU, .opt.mn_ha = { .present = true, .len = len, .spi = SPI } };
		uint8_t buf[MH_MAX_LEN], whole[20 + MH_AUTH_LEN] = {}, *exact;
		uint16_t offset;
		int size = mh_build(&bu, buf, sizeof(buf), &offset);
		struct auth_verdict verdict;

		assert_int_equal(auth_option_data(usual_key(rig), &rig->care_of, &rig->home, buf, offset, whole), 0);
		memcpy(buf + offset, whole, len);
		exact = malloc(size);
		assert_non_null(exact);
		memcpy(exact, buf, size);
		verdict = check(rig, exact, size, &lenient, then);
		CHECK_CASE(len,
			   len == MH_AUTH_LEN ? verdict.outcome == AUTH_ACCEPTED : refused(verdict, BA_AUTH_FAILED));
		free(exact);
	}
}

static void without_option_or_association_there_is_no_answer(void **state)
{
	static const uint8_t no_option[16] = { NH_NONE, 1, MH_BU, [6] = 0, 7, 0xC0, 0, 0, 100, MHO_PADN, 2 };
	struct rig *rig = *state;
	struct auth_verdict verdict = check(rig, no_option, sizeof(no_option), &lenient, then);
	uint8_t octets[sizeof(bare_octets)];

	assert_int_equal(verdict.outcome, AUTH_NO_OPTION);
	assert_null(verdict.key);
	memcpy(octets, bare_octets, sizeof(octets));
	octets[19] ^= 0x40; /* the SPI */
	verdict = check(rig, octets, sizeof(octets), &lenient, then);
	assert_int_equal(verdict.outcome, AUTH_NO_KEY);
	assert_null(verdict.key);
	octets[19] = bare_octets[19];
	octets[15] = AUTH_OPTION_MN_AAA; /* we are no AAA server's client */
	assert_int_equal(check(rig, octets, sizeof(octets), &lenient, then).outcome, AUTH_NO_OPTION);
}

static void an_nai_has_a_key_only_for_the_home_address_that_is_its_own(void **state)
{
	static const struct {
		const char *sent, *configured;
		enum auth_outcome outcome;
	} cases[] = {
		{ nai, nai, AUTH_ACCEPTED },
		{ nai, NULL, AUTH_NO_KEY },		   /* nobody's in particular */
		{ nai, "other@example.com", AUTH_NO_KEY }, /* somebody else's: a member's fraud */
		{ nai, "node@example.co", AUTH_NO_KEY },
		{ nai, "node@example.com.", AUTH_NO_KEY },
		{ NULL, nai, AUTH_NO_KEY }, /* RFC 4285 §4: the update names its sender */
		{ "NODE@example.com", nai, AUTH_NO_KEY },
	};
	struct rig *rig = *state;
	const struct auth_key *key = auth_keys_of_nai(rig->keys, OTHER_SPI, nai, strlen(nai));

	assert_non_null(key);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct mh_msg bu = { .type = MH_BU }, msg;
		uint8_t buf[MH_MAX_LEN];
		struct auth_update update = {
			.mh = buf, .msg = &msg, .home = rig->home, .care_of = rig->care_of, .nai = cases[i].configured
		};
		struct auth_verdict verdict;

		auth_option_prepare_update(key, cases[i].sent, NULL, &bu);
		msg = parsed(buf, sign(rig, key, &bu, buf));
		verdict = auth_option_check_update(rig->keys, &lenient, &rig->replay, &update, then);
		CHECK_CASE(i, verdict.outcome == cases[i].outcome);
		CHECK_CASE(i, verdict.key == (cases[i].outcome == AUTH_ACCEPTED ? key : NULL));
	}
}

/* ---- replay protection ---- */

static void authenticity_comes_before_freshness(void **state)
{
	struct rig *rig = *state;
	uint8_t octets[sizeof(update_octets)];
	struct auth_verdict verdict;

	memcpy(octets, update_octets, sizeof(octets));
	octets[BU_DATA] ^= 1;
	verdict = check(rig, octets, sizeof(octets), &usual, then + S(100)); /* too old as well */
	assert_true(refused(verdict, BA_AUTH_FAILED));
	assert_true(verdict.has_timestamp);
	assert_int_equal(verdict.timestamp, then); /* the node's: it knows that the answer isn't a stranger's doing */
	verdict = check(rig, octets, sizeof(octets), &usual, then);
	assert_true(refused(verdict, BA_AUTH_FAILED));
	/* and what failed has left no trace */
	assert_int_equal(check(rig, update_octets, sizeof(update_octets), &usual, then).outcome, AUTH_ACCEPTED);
}

static void a_timestamp_is_required_where_policy_says_so(void **state)
{
	struct rig *rig = *state;
	struct auth_verdict verdict = check(rig, bare_octets, sizeof(bare_octets), &usual, then);

	assert_true(refused(verdict, BA_ID_REQUIRED));
	assert_false(verdict.has_timestamp); /* the update had none to be compared with */
	assert_int_equal(check(rig, bare_octets, sizeof(bare_octets), &lenient, then).outcome, AUTH_ACCEPTED);
	/* one that is there counts even so */
	assert_true(refused(check(rig, update_octets, sizeof(update_octets), &lenient, then + S(8)), BA_ID_MISMATCH));
}

static void clocks_may_disagree_by_the_window(void **state)
{
	static const struct {
		int64_t apart;
		bool accepted;
	} cases[] = {
		{ -S(7) - 1, false },
		{ -S(7), true },
		{ 0, true },
		{ S(7), true },
		{ S(7) + 1, false },
		{ S(3600), false },
		{ -S(86400) * 365, false },
		{ INT64_MIN, false },
		{ INT64_MAX, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rig *rig = *state;
		struct auth_verdict verdict;

		auth_replay_free(&rig->replay);
		auth_replay_init(&rig->replay, then - S(60), 0, AUTH_WINDOW_S);
		verdict = check_at(rig, then + cases[i].apart, then);
		if (cases[i].accepted) {
			CHECK_CASE(i, verdict.outcome == AUTH_ACCEPTED);
			continue;
		}
		CHECK_CASE(i, refused(verdict, BA_ID_MISMATCH));
		CHECK_CASE(i, verdict.has_timestamp && verdict.timestamp == told(then, then + cases[i].apart));
	}
}

static void a_replay_is_refused_and_so_is_what_is_older(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(check_at(rig, then, then).outcome, AUTH_ACCEPTED);
	assert_true(refused(check_at(rig, then, then), BA_ID_MISMATCH));
	assert_true(refused(check_at(rig, then - 1, then + S(1)), BA_ID_MISMATCH));
	assert_int_equal(check_at(rig, then + 1, then + S(1)).outcome, AUTH_ACCEPTED);
	assert_true(refused(check_at(rig, then, then + S(1)), BA_ID_MISMATCH));
	rig->home = addr("2001:db8:1::200"); /* another node's timestamps are its own */
	assert_int_equal(check_at(rig, then, then).outcome, AUTH_ACCEPTED);
	rig->home = addr("2001:db8:1::100");
	assert_true(refused(check_at(rig, then, then), BA_ID_MISMATCH));
}

static void what_was_seen_before_the_start_is_not_known_and_refused(void **state)
{
	struct rig *rig = *state;

	auth_replay_init(&rig->replay, then, 0, AUTH_WINDOW_S);
	assert_true(refused(check_at(rig, then, then), BA_ID_MISMATCH));
	assert_true(refused(check_at(rig, then - S(1), then), BA_ID_MISMATCH));
	assert_int_equal(check_at(rig, then + 1, then).outcome, AUTH_ACCEPTED);
}

/* A stupid list beside the sorted one. */
static void many_nodes_keep_their_own_timestamps(void **state)
{
	enum { NODES = 200, ROUNDS = 5000 };
	struct rig *rig = *state;
	const struct auth_key *key = usual_key(rig);
	uint64_t newest[NODES] = {};
	char text[200 * 80] = "";
	struct auth_keys *keys;

	for (int i = 0; i < NODES; i++)
		snprintf(text + strlen(text), 80, "4097 2001:db8:1::%x " KEY_TEXT "\n", 7919 * (i + 1) & 0xFFFF);
	assert_int_equal(auth_keys_parse(text, strlen(text), "text", &keys, stderr), 0);
	srand(4285);
	for (int round = 0; round < ROUNDS; round++) {
		int i = rand() % NODES;
		uint64_t timestamp = then + rand() % 1000;
		struct mh_msg bu = { .type = MH_BU }, msg;
		uint8_t buf[MH_MAX_LEN];
		struct auth_update update = { .mh = buf, .msg = &msg, .care_of = rig->care_of };
		struct auth_verdict verdict;

		rig->home = addr("2001:db8:1::");
		rig->home.s6_addr[14] = 7919 * (i + 1) >> 8;
		rig->home.s6_addr[15] = 7919 * (i + 1);
		update.home = rig->home;
		auth_option_prepare_update(key, NULL, &timestamp, &bu);
		msg = parsed(buf, sign(rig, key, &bu, buf));
		verdict = auth_option_check_update(keys, &usual, &rig->replay, &update, then);
		CHECK_CASE(round, (verdict.outcome == AUTH_ACCEPTED) == (timestamp > newest[i]));
		if (timestamp > newest[i])
			newest[i] = timestamp;
	}
	assert_int_equal(rig->replay.count, NODES);
	auth_keys_free(keys);
}

static void time_goes_on_when_its_seconds_come_to_their_end(void **state)
{
	static const uint64_t end = UINT64_MAX - S(2); /* 2036-02-07T06:28:13Z */
	struct rig *rig = *state;

	auth_replay_init(&rig->replay, end - S(60), 0, AUTH_WINDOW_S);
	assert_int_equal(check_at(rig, end, end).outcome, AUTH_ACCEPTED);
	assert_int_equal(check_at(rig, end + S(4), end + S(1)).outcome, AUTH_ACCEPTED); /* 1 s into the new era */
	assert_true(refused(check_at(rig, end + S(1), end + S(4)), BA_ID_MISMATCH));
	assert_true(refused(check_at(rig, end + S(20), end + S(4)), BA_ID_MISMATCH));
}

static void wall_time_becomes_ntps(void **state)
{
	static const struct {
		struct timespec wall;
		uint64_t ntp;
	} cases[] = {
		{ { 0, 0 }, S(2208988800U) },
		{ { 0, 500000000 }, S(2208988800U) | 0x80000000 },
		{ { 1, 999999999 }, S(2208988801U) | 0xFFFFFFFB },
		{ { 2085978495, 0 }, S(0xFFFFFFFFU) },
		{ { 2085978496, 1 }, 4 }, /* the next era */
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		CHECK_CASE(i, auth_time(&cases[i].wall) == cases[i].ntp);
}

/* ---- the mobile node ---- */

static void timestamps_grow_though_the_clock_does_not(void **state)
{
	struct auth_clock clock = {};

	assert_int_equal(auth_clock_next(&clock, then), then);
	assert_int_equal(auth_clock_next(&clock, then), then + 1);
	assert_int_equal(auth_clock_next(&clock, then - S(3600)), then + 2);
	assert_int_equal(auth_clock_next(&clock, then + S(1)), then + S(1));
}

/* The home agent's time is taken, be it ahead or behind; the next update is accepted. */
static void a_clock_that_was_refused_is_corrected(void **state)
{
	static const int64_t apart[] = { S(3600), -S(3600), S(8), -S(8), S(86400) * 20000, -S(86400) * 20000 };

	for (size_t i = 0; i < ARRAY_SIZE(apart); i++) {
		struct rig *rig = *state;
		struct auth_clock clock = {};
		uint64_t ours = then + S(100 * i), theirs = ours + apart[i];
		struct auth_verdict verdict = check_at(rig, auth_clock_next(&clock, theirs), ours);

		CHECK_CASE(i, refused(verdict, BA_ID_MISMATCH));
		auth_clock_correct(&clock, verdict.timestamp, theirs);
		CHECK_CASE(i, check_at(rig, auth_clock_next(&clock, theirs), ours).outcome == AUTH_ACCEPTED);
		CHECK_CASE(i,
			   check_at(rig, auth_clock_next(&clock, theirs + S(1)), ours + S(1)).outcome == AUTH_ACCEPTED);
	}
}

/* It was 5 s ahead, is right now, and has forgotten what it sent. */
static void a_node_whose_clock_stepped_back_is_refused_until_that_time_is_past(void **state)
{
	struct rig *rig = *state;
	struct auth_clock clock = {};

	assert_int_equal(check_at(rig, then + S(5), then).outcome, AUTH_ACCEPTED);
	for (uint64_t now = then + S(1); now <= then + S(5); now += S(1)) {
		uint64_t sent = auth_clock_next(&clock, now);
		struct auth_verdict verdict = check_at(rig, sent, now);

		assert_true(refused(verdict, BA_ID_MISMATCH));
		assert_int_equal(verdict.timestamp, told(now, sent));
		assert_false(verdict.clock_went_back);
		auth_clock_correct(&clock, verdict.timestamp, now);
	}
	assert_int_equal(check_at(rig, auth_clock_next(&clock, then + S(6)), then + S(6)).outcome, AUTH_ACCEPTED);
}

/* Who was accepted stays safe from replays, and is told about; who wasn't need not wait for the wrong time to come. */
static void the_home_agents_own_clock_may_be_set_back(void **state)
{
	const uint64_t wrong = then + S(86400);
	struct rig *rig = *state;
	struct auth_verdict verdict;

	auth_replay_init(&rig->replay, wrong - S(60), 0, AUTH_WINDOW_S);
	assert_int_equal(check_at(rig, wrong, wrong).outcome, AUTH_ACCEPTED);
	verdict = check_at(rig, then, then);
	assert_true(refused(verdict, BA_ID_MISMATCH));
	assert_true(verdict.clock_went_back);
	rig->home = addr("2001:db8:1::200");
	assert_true(refused(check_at(rig, then, then), BA_ID_MISMATCH)); /* not newer than now, our new beginning */
	verdict = check_at(rig, then + 1, then);
	assert_int_equal(verdict.outcome, AUTH_ACCEPTED);
	assert_false(verdict.clock_went_back);
	rig->home = addr("2001:db8:1::100");
	assert_int_equal(check_at(rig, wrong + 1, wrong + S(1)).outcome, AUTH_ACCEPTED);
}

static int check_answer(const struct rig *rig, const uint8_t *octets, size_t len, const uint64_t *sent)
{
	struct mh_msg ack = parsed(octets, len);

	return auth_option_check_answer(usual_key(rig), octets, &ack, &rig->home, &rig->care_of, sent);
}

static void the_answer_is_from_the_home_agent_and_to_this_update(void **state)
{
	const uint64_t other = then + 1;
	struct rig *rig = *state;
	uint8_t octets[sizeof(answer_octets)];

	assert_int_equal(check_answer(rig, answer_octets, sizeof(answer_octets), &then), 0);
	assert_int_equal(check_answer(rig, answer_octets, sizeof(answer_octets), NULL), 0);
	assert_int_equal(check_answer(rig, answer_octets, sizeof(answer_octets), &other), -ESTALE);
	for (size_t i = 6; i < sizeof(octets); i++) {
		if (i >= 12 && i < BA_DATA && (i < 20 || i >= 28)) /* heads of options, padding, the SPI */
			continue;
		memcpy(octets, answer_octets, sizeof(octets));
		octets[i] ^= 0x10;
		CHECK_CASE(i, check_answer(rig, octets, sizeof(octets), &then) == -EBADMSG);
	}
	memcpy(octets, answer_octets, sizeof(octets));
	octets[BA_DATA - 1] ^= 2; /* another association's */
	assert_int_equal(check_answer(rig, octets, sizeof(octets), &then), -ENOENT);
}

/* Data taken from the update, and the update itself with another type: neither passes for an answer, or back again. */
static void reflected_data_fail(void **state)
{
	struct rig *rig = *state;
	uint8_t octets[sizeof(bare_octets)], answer[sizeof(answer_octets)], update[sizeof(update_octets)];

	memcpy(octets, bare_octets, sizeof(octets));
	octets[2] = MH_BA;
	assert_int_equal(check_answer(rig, octets, sizeof(octets), NULL), -EBADMSG);
	memcpy(answer, answer_octets, sizeof(answer));
	memcpy(answer + BA_DATA, update_octets + BU_DATA, MH_AUTH_LEN);
	assert_int_equal(check_answer(rig, answer, sizeof(answer), &then), -EBADMSG);
	memcpy(update, update_octets, sizeof(update));
	memcpy(update + BU_DATA, answer_octets + BA_DATA, MH_AUTH_LEN);
	assert_true(refused(check(rig, update, sizeof(update), &usual, then), BA_AUTH_FAILED));
}

/* Each must name our update: anybody can have the home agent answer a forged one. 144 does so by the fraction. */
static void refusals_are_taken_only_with_the_timestamp_that_they_may_have(void **state)
{
	static const struct {
		uint8_t status;
		bool with;
		int64_t apart;
		int result;
	} cases[] = {
		{ BA_AUTH_FAILED, true, 0, 0 },
		{ BA_AUTH_FAILED, true, 1, -ESTALE },
		{ BA_AUTH_FAILED, true, S(1), -ESTALE },
		{ BA_AUTH_FAILED, false, 0, -ESTALE },
		{ BA_ID_MISMATCH, true, 0, 0 },
		{ BA_ID_MISMATCH, true, S(3600), 0 },
		{ BA_ID_MISMATCH, true, S(3600) + 1, -ESTALE },
		{ BA_ID_MISMATCH, true, -1, -ESTALE },
		{ BA_ID_MISMATCH, false, 0, -ESTALE },
		{ BA_ID_REQUIRED, true, S(3600), -ESTALE },
		{ BA_ID_REQUIRED, false, 0, -ESTALE }, /* ours had one */
		{ BA_ACCEPTED, false, 0, -ESTALE },
		{ BA_ACCEPTED, true, S(1), -ESTALE },
	};
	struct rig *rig = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct auth_verdict verdict = {
			.outcome = AUTH_REFUSED,
			.status = cases[i].status,
			.has_timestamp = cases[i].with,
			.timestamp = then + cases[i].apart,
			.key = usual_key(rig),
		};
		struct mh_msg ack = { .type = MH_BA, .status = cases[i].status };
		uint8_t buf[MH_MAX_LEN];
		int len;

		auth_option_prepare_answer(&verdict, &ack);
		len = sign(rig, verdict.key, &ack, buf);
		CHECK_CASE(i, check_answer(rig, buf, len, &then) == cases[i].result);
	}
}

static void an_answer_without_option_or_with_data_cut_off_is_none(void **state)
{
	struct rig *rig = *state;
	struct mh_msg ack = { .type = MH_BA };
	uint8_t buf[MH_MAX_LEN];
	int len = mh_build(&ack, buf, sizeof(buf), NULL);

	assert_int_equal(check_answer(rig, buf, len, NULL), -ENOENT);
	ack.opt.mn_ha = (struct mh_auth_option){ .present = true, .len = MH_AUTH_LEN - 1, .spi = SPI };
	len = mh_build(&ack, buf, sizeof(buf), NULL);
	assert_int_equal(check_answer(rig, buf, len, NULL), -EBADMSG);
}

static void the_statuses_have_texts(void **state)
{
	for (uint8_t status = BA_ID_MISMATCH; status <= BA_AUTH_FAILED; status++)
		CHECK_CASE(status, strcmp(ba_status_text(status), "unknown status") != 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(data_are_those_that_python_computes),
		TEST(what_we_prepare_is_what_scapy_built),
		TEST(an_update_of_the_node_is_accepted_with_its_own_timestamp_in_the_answer),
		TEST(each_octet_under_the_hash_counts_but_the_checksum),
		TEST(another_address_or_key_fails),
		TEST(data_of_another_length_fail),
		TEST(without_option_or_association_there_is_no_answer),
		TEST(an_nai_has_a_key_only_for_the_home_address_that_is_its_own),
		TEST(authenticity_comes_before_freshness),
		TEST(a_timestamp_is_required_where_policy_says_so),
		TEST(clocks_may_disagree_by_the_window),
		TEST(a_replay_is_refused_and_so_is_what_is_older),
		TEST(what_was_seen_before_the_start_is_not_known_and_refused),
		TEST(many_nodes_keep_their_own_timestamps),
		TEST(time_goes_on_when_its_seconds_come_to_their_end),
		TEST(wall_time_becomes_ntps),
		TEST(timestamps_grow_though_the_clock_does_not),
		TEST(a_clock_that_was_refused_is_corrected),
		TEST(a_node_whose_clock_stepped_back_is_refused_until_that_time_is_past),
		TEST(the_home_agents_own_clock_may_be_set_back),
		TEST(the_answer_is_from_the_home_agent_and_to_this_update),
		TEST(reflected_data_fail),
		TEST(refusals_are_taken_only_with_the_timestamp_that_they_may_have),
		TEST(an_answer_without_option_or_with_data_cut_off_is_none),
		TEST(the_statuses_have_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
