// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One entry of the binding update list, in virtual time: retransmission, sequence numbers, every status, refresh, the
 * way home. RFC 6275 §11.7.1, §11.7.3, §11.8. */
#include <stdlib.h>

#include "check.h"

#include "../../agent/update_list.h"

#define HOME "2001:db8:1::100"
#define AGENT "2001:db8:1::1"
#define CARE_1 "2001:db8:f1::2"
#define CARE_2 "2001:db8:f2::2"

enum { ASKED_S = 600 };

static struct home_update u;
static struct mono now;

static struct update_goal away(const char *care_of)
{
	return (struct update_goal){ .kind = GOAL_AWAY, .care_of = addr(care_of) };
}

static struct update_goal at_home(void)
{
	return (struct update_goal){ .kind = GOAL_HOME };
}

static int fresh(void **state)
{
	struct in6_addr home = addr(HOME), agent = addr(AGENT);

	now = mono_add_s((struct mono){ 0 }, 1000);
	update_init(&u, &home, &agent, ASKED_S, 65534);
	return 0;
}

static void want(struct update_goal goal)
{
	update_want(&u, &goal, now);
}

/* Whether an update is due now; then its number is in *@seq (NULL: don't care). */
static bool due(uint16_t *seq)
{
	struct mh_msg bu = {};
	bool is_due = update_due(&u, now, &bu);

	if (seq)
		*seq = bu.seq;
	return is_due;
}

static enum update_result ack(uint8_t status, uint16_t seq, uint32_t lifetime_s)
{
	struct mh_msg msg = { .type = MH_BA, .status = status, .seq = seq, .lifetime_s = lifetime_s };

	return update_on_ack(&u, &msg, now);
}

static void registered_by(const char *care_of)
{
	uint16_t seq;

	want(away(care_of));
	assert_true(due(&seq));
	assert_int_equal(ack(BA_ACCEPTED, seq, ASKED_S), UPDATE_REGISTERED);
}

static void pass_ms(int64_t ms)
{
	now = mono_add_ms(now, ms);
}

/* The pauses between the updates of one request, as long as nobody answers. */
static void check_pauses(const int *pauses_ms, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		assert_true(due(NULL));
		pass_ms(pauses_ms[i] - 1);
		CHECK_CASE(i, !due(NULL));
		pass_ms(1);
	}
}

static void the_first_registration_waits_for_duplicate_address_detection(void **state)
{
	static const int pauses_ms[] = { 1500, 3000, 6000, 12000, 24000, 32000, 32000 };

	want(away(CARE_1));
	check_pauses(pauses_ms, ARRAY_SIZE(pauses_ms));
}

static void later_updates_begin_with_a_second(void **state)
{
	static const int pauses_ms[] = { 1000, 2000, 4000, 8000, 16000, 32000, 32000 };
	static const struct {
		const char *sentence;
		bool home;
	} cases[] = { { "a move", false }, { "a return home", true } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		fresh(state);
		registered_by(CARE_1);
		want(cases[i].home ? at_home() : away(CARE_2));
		check_pauses(pauses_ms, ARRAY_SIZE(pauses_ms));
	}
}

static void each_update_has_a_number_of_its_own(void **state)
{
	static const uint16_t numbers[] = { 65535, 0, 1, 2 };

	want(away(CARE_1));
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		uint16_t seq;

		assert_true(due(&seq));
		CHECK_CASE(i, seq == numbers[i]);
		now = u.send_at;
	}
}

static void the_message_is_a_home_registration(void **state)
{
	static const struct {
		bool home;
		uint32_t lifetime_s;
		const char *care_of;
	} cases[] = { { false, ASKED_S, CARE_1 }, { true, 0, HOME } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct in6_addr care_of = addr(cases[i].care_of);
		uint8_t octets[MH_MAX_LEN];
		struct mh_msg bu, read;
		int len;

		fresh(state);
		want(cases[i].home ? at_home() : away(CARE_1));
		assert_true(update_due(&u, now, &bu));
		len = mh_build(&bu, octets, sizeof(octets), NULL);
		assert_int_equal(mh_parse(octets, len, &read).fault, MH_OK);
		CHECK_CASE(i, read.type == MH_BU && read.flags == (BU_ACK | BU_HOME));
		CHECK_CASE(i, read.lifetime_s == cases[i].lifetime_s && read.seq == bu.seq);
		CHECK_CASE(i, read.opt.has_alt_care_of && addr_equal(&read.opt.alt_care_of, &care_of));
	}
}

static void an_answer_to_any_transmission_of_the_request_counts(void **state)
{
	static const struct {
		const char *sentence;
		int number; /* sent were 65535, 0, 1 */
		bool counts;
	} cases[] = {
		{ "the first", 65535, true },
		{ "the second", 0, true },
		{ "the last", 1, true },
		{ "one before", 65534, false },
		{ "one that was never sent", 2, false },
		{ "the far side", 32768, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		fresh(state);
		want(away(CARE_1));
		for (size_t sent = 0; sent < 3; sent++) {
			assert_true(due(NULL));
			now = sent < 2 ? u.send_at : now;
		}
		CHECK_CASE(i, (ack(BA_ACCEPTED, cases[i].number, 60) == UPDATE_REGISTERED) == cases[i].counts);
		CHECK_CASE(i, u.registered == cases[i].counts);
	}
}

static void an_answer_to_a_former_request_does_not_count(void **state)
{
	uint16_t seq;

	want(away(CARE_1));
	assert_true(due(&seq));
	want(away(CARE_2));
	assert_int_equal(ack(BA_ACCEPTED, seq, 60), UPDATE_IGNORED); /* the next isn't sent yet */
	assert_true(due(NULL));
	assert_int_equal(ack(BA_ACCEPTED, seq, 60), UPDATE_IGNORED);
}

static void lifetimes_are_taken_as_granted_and_never_above_what_was_asked(void **state)
{
	static const struct {
		uint32_t granted, advice, lifetime, refresh_ms;
	} cases[] = {
		{ ASKED_S, 0, ASKED_S, 450000 },
		{ 60, 0, 60, 45000 },
		{ 4, 0, 4, 3000 },
		{ 262140, 0, ASKED_S, 450000 },
		{ ASKED_S, 100, ASKED_S, 100000 }, /* §6.2.4 */
		{ ASKED_S, 599, ASKED_S, 450000 }, /* too late an advice */
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct mh_msg msg = { .type = MH_BA, .lifetime_s = cases[i].granted };

		fresh(state);
		want(away(CARE_1));
		assert_true(due(&msg.seq));
		msg.opt.has_refresh_advice = cases[i].advice;
		msg.opt.refresh_advice_s = cases[i].advice;
		assert_int_equal(update_on_ack(&u, &msg, now), UPDATE_REGISTERED);
		CHECK_CASE(i, u.lifetime_s == cases[i].lifetime);
		CHECK_CASE(i, u.expires.ns == mono_add_s(now, cases[i].lifetime).ns);
		pass_ms(cases[i].refresh_ms - 1);
		CHECK_CASE(i, !due(NULL));
		pass_ms(1);
		CHECK_CASE(i, due(&msg.seq));
		CHECK_CASE(i, update_on_ack(&u, &msg, now) == UPDATE_REFRESHED);
	}
}

static void statuses_below_128_accept_and_the_others_refuse(void **state)
{
	for (unsigned int status = 0; status < 256; status++) {
		uint32_t wait_s = status == BA_UNSPECIFIED || status == BA_NO_RESOURCES ? 10 : 60;
		enum update_result result;
		uint16_t seq;

		if (status == BA_SEQUENCE)
			continue;
		fresh(state);
		want(away(CARE_1));
		assert_true(due(&seq));
		result = ack(status, seq, 60);
		CHECK_CASE(status, result == (status < 128 ? UPDATE_REGISTERED : UPDATE_REFUSED));
		CHECK_CASE(status, u.registered == (status < 128));
		if (status < 128)
			continue;
		CHECK_CASE(status, u.last_status == status);
		for (int i = 0; i < 8; i++) { /* asked again after a pause that doubles up to seven minutes */
			pass_ms(wait_s * 1000 - 1);
			CHECK_CASE(status, !due(NULL));
			pass_ms(1);
			CHECK_CASE(status, due(&seq) && ack(status, seq, 60) == UPDATE_REFUSED);
			wait_s = wait_s * 2 < 420 ? wait_s * 2 : 420;
		}
	}
}

static void an_acceptance_for_no_time_is_a_refusal(void **state)
{
	uint16_t seq;

	want(away(CARE_1));
	assert_true(due(&seq));
	assert_int_equal(ack(BA_ACCEPTED, seq, 0), UPDATE_REFUSED);
	assert_false(u.registered);
}

static void a_refused_move_leaves_the_former_registration_standing(void **state)
{
	uint16_t seq;

	registered_by(CARE_1);
	pass_ms(1000);
	want(away(CARE_2));
	assert_true(due(&seq));
	assert_int_equal(ack(BA_NO_RESOURCES, seq, 0), UPDATE_REFUSED);
	assert_true(u.registered && addr_equal(&u.road.care_of, &(struct in6_addr[]){ addr(CARE_1) }[0]));
	pass_ms(ASKED_S * 1000 - 1000 - 1);
	assert_false(update_expire(&u, now));
	pass_ms(1);
	assert_true(update_expire(&u, now));
	assert_false(u.registered);
	assert_false(update_expire(&u, now)); /* once */
}

static void status_135_is_followed_by_the_number_after_the_agents(void **state)
{
	uint16_t seq;

	want(away(CARE_1));
	assert_true(due(NULL));
	for (int i = 0; i < UPDATE_RESYNC; i++) {
		assert_int_equal(ack(BA_SEQUENCE, 7000 + i * 10, 0), UPDATE_RESENT);
		assert_true(due(&seq));
		assert_int_equal(seq, 7001 + i * 10);
	}
	/* an agent that goes on like that is not flooded */
	assert_int_equal(ack(BA_SEQUENCE, 9000, 0), UPDATE_REFUSED);
	pass_ms(59999);
	assert_false(due(NULL));
	pass_ms(1);
	assert_true(due(NULL));
}

static void nothing_is_believed_before_anything_was_asked(void **state)
{
	assert_int_equal(ack(BA_ACCEPTED, 65534, 60), UPDATE_IGNORED);
	assert_int_equal(ack(BA_SEQUENCE, 1, 60), UPDATE_IGNORED);
	registered_by(CARE_1);
	assert_int_equal(ack(BA_SEQUENCE, 1, 60), UPDATE_IGNORED);
	assert_int_equal(ack(BA_PROHIBITED, u.seq, 60), UPDATE_IGNORED);
	assert_true(u.registered);
}

static void home_is_reached_with_an_acceptance_or_when_nothing_is_bound(void **state)
{
	static const struct {
		uint8_t status;
		enum update_result result;
	} cases[] = {
		{ BA_ACCEPTED, UPDATE_AT_HOME },
		{ BA_NOT_HOME_AGENT, UPDATE_AT_HOME }, /* it holds nothing of ours, §10.3.2 */
		{ BA_PROHIBITED, UPDATE_REFUSED },
		{ BA_UNSPECIFIED, UPDATE_REFUSED },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint16_t seq;

		fresh(state);
		registered_by(CARE_1);
		want(at_home());
		assert_true(due(&seq));
		CHECK_CASE(i, ack(cases[i].status, seq, 0) == cases[i].result);
		CHECK_CASE(i, u.at_home == (cases[i].result == UPDATE_AT_HOME));
		CHECK_CASE(i, u.registered != u.at_home);
	}
}

static void home_again_asks_only_if_something_went_out_meanwhile(void **state)
{
	uint16_t seq;

	want(at_home());
	assert_true(due(&seq));
	assert_int_equal(ack(BA_ACCEPTED, seq, 0), UPDATE_AT_HOME);
	want((struct update_goal){ .kind = GOAL_NONE });
	want(away(CARE_1)); /* nothing sent yet */
	want(at_home());
	assert_true(u.at_home && !due(NULL));
	want(away(CARE_1));
	assert_true(due(NULL));
	want(at_home());
	assert_false(u.at_home);
	assert_true(due(NULL));
}

static void back_to_where_it_is_registered_nothing_is_told_unless_something_else_was(void **state)
{
	registered_by(CARE_1);
	want(away(CARE_2));
	want(away(CARE_1));
	assert_false(due(NULL));
	want(away(CARE_2));
	assert_true(due(NULL)); /* it may hold that one by now */
	want(away(CARE_1));
	assert_true(due(NULL));
}

static void without_a_goal_nothing_is_sent(void **state)
{
	registered_by(CARE_1);
	want((struct update_goal){ .kind = GOAL_NONE });
	pass_ms(ASKED_S * 1000 - 1);
	assert_false(due(NULL));
	assert_true(u.registered);
	pass_ms(1);
	assert_true(update_expire(&u, now));
	assert_false(due(NULL));
}

static void a_former_life_is_taken_up(void **state)
{
	struct update_goal road = away(CARE_1), home = at_home();
	struct mono granted = now;
	uint16_t seq;

	pass_ms(100000);
	update_adopt(&u, &road, 77, granted, ASKED_S, now);
	assert_true(u.registered);
	want(away(CARE_1));
	assert_false(due(NULL));
	pass_ms(350000);
	assert_true(due(&seq));
	assert_int_equal(seq, 78);
	fresh(state);
	update_adopt(&u, &road, 77, (struct mono){ 0 }, ASKED_S, now); /* its time has passed */
	assert_false(u.registered);
	assert_true(mono_before(now, update_next(&u))); /* without a goal there is nothing to wake for */
	want(away(CARE_1));
	assert_true(due(&seq));
	assert_int_equal(seq, 78);
	fresh(state);
	update_adopt_home(&u, &home, 5);
	want(at_home());
	assert_true(u.at_home && !due(NULL));
}

/* Whatever comes: time goes on, one request's numbers never answer another's, and a registration has an end. */
static void a_random_walk_holds_what_must_hold(void **state)
{
	uint32_t random = 1;
	struct mh_msg bu;

	for (size_t i = 0; i < 100000; i++) {
		struct home_update before = u;
		uint16_t seq;

		random = random * 1103515245 + 12345;
		switch (random >> 16 & 7) {
		case 0:
			want(random >> 24 & 1 ? away(CARE_1) : away(CARE_2));
			break;
		case 1:
			want(random >> 24 & 1 ? at_home() : (struct update_goal){ .kind = GOAL_NONE });
			break;
		case 2:
			seq = (uint16_t)(random >> 8);
			if ((uint16_t)(seq - u.first_seq) > (uint16_t)(u.seq - u.first_seq)) {
				CHECK_CASE(i, ack(random >> 25, seq, 60) == UPDATE_IGNORED);
				CHECK_CASE(i, memcmp(&before, &u, sizeof(u)) == 0);
			}
			break;
		case 3:
			ack(random >> 24 & 3 ? BA_ACCEPTED : (uint8_t)(random >> 8), u.seq, (random >> 20) % 700);
			break;
		case 4:
			update_refresh(&u, now);
			break;
		default:
			pass_ms((random >> 12) % (random >> 30 ? 3000 : 900000));
		}
		update_expire(&u, now);
		CHECK_CASE(i, !u.registered || mono_before(now, u.expires));
		if (update_due(&u, now, &bu))
			CHECK_CASE(i, mono_before(now, u.send_at) && bu.seq == u.seq);
		CHECK_CASE(i, u.goal.kind == GOAL_NONE || mono_before(now, update_next(&u)));
		CHECK_CASE(i, !(u.at_home && u.registered));
	}
}

/* How long until the next update goes out: then, and not a millisecond before. */
static int64_t sent_after_ms(uint16_t *seq)
{
	struct mono start = now, next = update_next(&u);

	if (mono_before(now, next)) {
		now = mono_add_ms(next, -1);
		assert_false(due(NULL));
		now = next;
	}
	update_expire(&u, now);
	assert_true(due(seq));
	return (now.ns - start.ns) / 1000000;
}

static void a_refresh_that_the_agent_asks_for_goes_out_at_once_and_only_once(void **state)
{
	uint16_t seq;

	update_refresh(&u, now); /* of what? */
	assert_false(due(NULL));
	registered_by(CARE_1);
	pass_ms(5000);
	update_refresh(&u, now);
	assert_int_equal(sent_after_ms(&seq), 0);
	pass_ms(10);
	update_refresh(&u, now); /* one is under way */
	assert_int_equal(sent_after_ms(NULL), 990);
	assert_int_equal(ack(BA_ACCEPTED, seq, ASKED_S), UPDATE_REFRESHED);
	want(at_home());
	assert_true(due(&seq));
	assert_int_equal(ack(BA_ACCEPTED, seq, 0), UPDATE_AT_HOME);
	update_refresh(&u, now);
	assert_false(due(NULL));
}

static void a_refresh_that_nobody_answers_leaves_the_lifetime_as_it_is(void **state)
{
	struct mono expires;
	uint16_t seq;

	registered_by(CARE_1);
	expires = u.expires;
	assert_int_equal(sent_after_ms(&seq), 450000);
	assert_int_equal(sent_after_ms(NULL), UPDATE_INITIAL_MS);
	assert_int_equal(sent_after_ms(NULL), 2000);
	assert_true(u.registered && u.expires.ns == expires.ns);
	assert_int_equal(ack(BA_ACCEPTED, seq, ASKED_S), UPDATE_REFRESHED);
	assert_true(mono_before(expires, u.expires));
}

static void resynchronising_is_counted_anew_once_it_has_worked(void **state)
{
	uint16_t seq;

	want(away(CARE_1));
	for (size_t i = 0; i < 10; i++) {
		sent_after_ms(&seq);
		for (size_t k = 0; k < UPDATE_RESYNC; k++) {
			CHECK_CASE(i, ack(BA_SEQUENCE, 50, 0) == UPDATE_RESENT);
			CHECK_CASE(i, sent_after_ms(&seq) == 0 && seq == 51);
		}
		CHECK_CASE(i, ack(BA_ACCEPTED, seq, ASKED_S) != UPDATE_IGNORED);
	}
}

static void a_refused_return_is_asked_again_and_so_is_one_out_of_step(void **state)
{
	uint16_t seq;

	registered_by(CARE_1);
	want(at_home());
	assert_true(due(&seq));
	assert_int_equal(ack(BA_UNSPECIFIED, seq, 0), UPDATE_REFUSED);
	assert_true(u.registered && !u.at_home);
	assert_int_equal(sent_after_ms(NULL), 10000);
	assert_int_equal(ack(BA_SEQUENCE, 500, 0), UPDATE_RESENT);
	assert_int_equal(sent_after_ms(&seq), 0);
	assert_int_equal(seq, 501);
	assert_int_equal(ack(BA_ACCEPTED, seq, 0), UPDATE_AT_HOME);
}

static void a_new_goal_does_not_wait_for_the_refusal_of_another(void **state)
{
	uint16_t seq;

	want(away(CARE_1));
	assert_true(due(&seq));
	ack(BA_PROHIBITED, seq, 0);
	want(away(CARE_2));
	assert_int_equal(sent_after_ms(&seq), 0);
	assert_int_equal(ack(BA_NO_RESOURCES, seq, 0), UPDATE_REFUSED);
	assert_int_equal(sent_after_ms(NULL), UPDATE_RETRY_S * 1000); /* and its own waits begin anew */
}

static void a_former_life_late_for_its_refresh_makes_up_for_it(void **state)
{
	struct update_goal road = away(CARE_1);
	struct mono granted = now;

	pass_ms(350 * 1000);
	update_adopt(&u, &road, 4711, granted, 400, now);
	want(road);
	assert_int_equal(sent_after_ms(NULL), 0);
	assert_int_equal(sent_after_ms(NULL), UPDATE_INITIAL_MS);
}

static uint32_t seed;

static uint32_t random_below(uint32_t n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

static struct update_goal random_goal(void)
{
	static const char *const care_of[] = { CARE_1, CARE_2, "2001:db8:f3::2" };
	uint32_t which = random_below(6);

	if (which == 0)
		return (struct update_goal){ .kind = GOAL_NONE };
	return which == 1 ? at_home() : away(care_of[random_below(3)]);
}

static bool goals_equal(const struct update_goal *a, const struct update_goal *b)
{
	return a->kind == b->kind && (a->kind != GOAL_AWAY || addr_equal(&a->care_of, &b->care_of));
}

/* Whose each number is: the stupid model of which answers count. */
static uint64_t request_of[65536], request;

static void check_answer(size_t i)
{
	static const uint8_t statuses[] = { 0, 0, 0, 1, 128, 129, 130, 133, 134, 135, 255 };
	uint8_t status = statuses[random_below(ARRAY_SIZE(statuses))];
	uint16_t seq = (uint16_t)(u.seq + 4 - random_below(9));
	bool own = u.outstanding && u.sent && (status == BA_SEQUENCE || request_of[seq] == request);
	struct home_update was = u;
	enum update_result got = ack(status, seq, random_below(4) ? random_below(300) * 4 : 0);

	CHECK_CASE(i, (got != UPDATE_IGNORED) == own);
	if (got == UPDATE_IGNORED)
		CHECK_CASE(i, memcmp(&was, &u, sizeof(u)) == 0);
	else
		request++;
	if (got == UPDATE_REGISTERED || got == UPDATE_REFRESHED)
		CHECK_CASE(i, u.registered && goals_equal(&u.road, &u.goal));
	else if (got == UPDATE_REFUSED || got == UPDATE_RESENT)
		CHECK_CASE(i, u.registered == was.registered && goals_equal(&u.road, &was.road));
}

static void walk_event(size_t i)
{
	struct update_goal goal, was = u.goal;

	switch (random_below(12)) {
	case 0:
		goal = random_goal();
		want(goal);
		request += !goals_equal(&goal, &was);
		break;
	case 1:
		request += u.goal.kind == GOAL_AWAY && u.registered && !u.outstanding;
		update_refresh(&u, now);
		break;
	case 2:
	case 3:
	case 4:
		check_answer(i);
		break;
	default:
		pass_ms(random_below(20) ? random_below(3000) : random_below(700000));
	}
}

/* Whatever is answered, by whomever, whenever: exactly the numbers of the present request count. */
static void a_walk_among_answers_of_all_kinds_keeps_the_requests_apart(void **state)
{
	memset(request_of, 0, sizeof(request_of));
	request = 1;
	seed = 1;
	for (size_t i = 0; i < 100000; i++) {
		uint16_t before, seq;

		walk_event(i);
		update_expire(&u, now);
		before = u.seq;
		if (due(&seq)) {
			CHECK_CASE(i, seq == (uint16_t)(before + 1) && mono_before(now, u.send_at) && !due(NULL));
			request_of[seq] = request;
		}
		CHECK_CASE(i, mono_before(now, update_next(&u)));
		CHECK_CASE(i, !u.registered || (mono_before(now, u.expires) && u.lifetime_s <= ASKED_S));
		/* where something is wanted something lies ahead, and not too far */
		CHECK_CASE(i, u.goal.kind == GOAL_NONE || u.at_home || u.send_at.ns < mono_add_s(now, ASKED_S).ns);
	}
}

/* §11.7.3: L_remain counts down from when the update was sent, so that the agent's entry never ends before ours. */
static void a_lifetime_counts_from_the_first_update_that_may_be_meant(void **state)
{
	struct mono sent = now;
	uint16_t seq;

	want(away(CARE_1));
	assert_true(due(&seq));
	pass_ms(1200);
	assert_int_equal(ack(BA_ACCEPTED, seq, ASKED_S), UPDATE_REGISTERED);
	assert_int_equal(u.expires.ns, mono_add_s(sent, ASKED_S).ns);
}

/* Else whoever forged four of them has put us out of step for ever: each answer of the agent would be one too many. */
static void after_too_many_135_the_agents_number_counts_too(void **state)
{
	uint16_t seq;

	want(away(CARE_1));
	for (size_t i = 0; i <= UPDATE_RESYNC; i++) {
		sent_after_ms(NULL);
		ack(BA_SEQUENCE, 30000, 0);
	}
	assert_true(sent_after_ms(NULL) > 0);
	assert_int_not_equal(ack(BA_SEQUENCE, 9, 0), UPDATE_IGNORED);
	sent_after_ms(&seq);
	assert_int_equal(seq, 10);
	assert_int_equal(ack(BA_ACCEPTED, seq, ASKED_S), UPDATE_REGISTERED);
}

static void back_where_it_is_registered_the_agent_is_told_where_it_may_hold_another(void **state)
{
	static const char *const wanted[] = { "", "n", "h", "3", "n3", "hn" }; /* nothing, home, a third */

	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		uint16_t seq;

		fresh(state);
		registered_by(CARE_1);
		want(away(CARE_2));
		assert_true(due(NULL)); /* arrives; its answer doesn't */
		for (const char *c = wanted[i]; *c; c++)
			want(*c == 'n'	 ? (struct update_goal){ .kind = GOAL_NONE }
			     : *c == 'h' ? at_home()
					 : away("2001:db8:f3::2"));
		want(away(CARE_1));
		CHECK_CASE(i, sent_after_ms(&seq) == 0);
		CHECK_CASE(i, ack(BA_ACCEPTED, seq, ASKED_S) == UPDATE_REFRESHED);
	}
}

/* The first of two arrived, its answer didn't; the second was refused, so the binding is what the first made it. */
static void a_refusal_says_nothing_of_the_updates_before_it(void **state)
{
	uint16_t seq;

	registered_by(CARE_1);
	want(away(CARE_2));
	assert_int_equal(sent_after_ms(NULL), 0);
	assert_int_equal(sent_after_ms(&seq), 1000);
	assert_int_equal(ack(BA_NO_RESOURCES, seq, 0), UPDATE_REFUSED);
	want(away(CARE_1));
	assert_int_equal(sent_after_ms(NULL), 0);
}

/* A home agent that does as RFC 6275 §10.3 says, at the end of a road that loses packets both ways. */
static struct agent {
	bool bound, answering;
	struct in6_addr care_of;
	uint16_t seq;
	struct mh_msg ack;
} agent;

static void agent_receives(const struct mh_msg *update)
{
	uint8_t status = BA_ACCEPTED;

	if (agent.bound && (uint16_t)(update->seq - agent.seq - 1) >= 32767)
		status = BA_SEQUENCE;
	else if (!agent.bound && !update->lifetime_s)
		status = BA_NOT_HOME_AGENT;
	else if (update->lifetime_s && !random_below(6))
		status = BA_NO_RESOURCES;
	if (status == BA_ACCEPTED) {
		agent.bound = update->lifetime_s > 0;
		agent.care_of = update->opt.alt_care_of;
		agent.seq = update->seq;
	}
	agent.answering = random_below(3) > 0;
	agent.ack = (struct mh_msg){ .type = MH_BA,
				     .status = status,
				     .seq = status == BA_SEQUENCE ? agent.seq : update->seq,
				     .lifetime_s = update->lifetime_s };
}

static void what_we_take_for_registered_the_agent_holds(void **state)
{
	size_t checked = 0;

	agent = (struct agent){};
	seed = 1;
	for (size_t i = 0; i < 100000; i++) {
		struct mh_msg bu;

		if (!random_below(6))
			want(random_goal());
		pass_ms(random_below(12) ? random_below(2000) : random_below(300000));
		update_expire(&u, now);
		if (update_due(&u, now, &bu) && random_below(3))
			agent_receives(&bu);
		if (agent.answering && random_below(4)) {
			update_on_ack(&u, &agent.ack, now);
			agent.answering = false;
		}
		CHECK_CASE(i, !u.at_home || !agent.bound);
		if (u.goal.kind != GOAL_AWAY || u.outstanding || u.retry_s || !u.registered)
			continue;
		CHECK_CASE(i, agent.bound && addr_equal(&agent.care_of, &u.road.care_of));
		checked++;
	}
	assert_true(checked > 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_first_registration_waits_for_duplicate_address_detection, fresh),
		cmocka_unit_test_setup(later_updates_begin_with_a_second, fresh),
		cmocka_unit_test_setup(each_update_has_a_number_of_its_own, fresh),
		cmocka_unit_test_setup(the_message_is_a_home_registration, fresh),
		cmocka_unit_test_setup(an_answer_to_any_transmission_of_the_request_counts, fresh),
		cmocka_unit_test_setup(an_answer_to_a_former_request_does_not_count, fresh),
		cmocka_unit_test_setup(lifetimes_are_taken_as_granted_and_never_above_what_was_asked, fresh),
		cmocka_unit_test_setup(statuses_below_128_accept_and_the_others_refuse, fresh),
		cmocka_unit_test_setup(an_acceptance_for_no_time_is_a_refusal, fresh),
		cmocka_unit_test_setup(a_refused_move_leaves_the_former_registration_standing, fresh),
		cmocka_unit_test_setup(status_135_is_followed_by_the_number_after_the_agents, fresh),
		cmocka_unit_test_setup(nothing_is_believed_before_anything_was_asked, fresh),
		cmocka_unit_test_setup(home_is_reached_with_an_acceptance_or_when_nothing_is_bound, fresh),
		cmocka_unit_test_setup(home_again_asks_only_if_something_went_out_meanwhile, fresh),
		cmocka_unit_test_setup(back_to_where_it_is_registered_nothing_is_told_unless_something_else_was, fresh),
		cmocka_unit_test_setup(without_a_goal_nothing_is_sent, fresh),
		cmocka_unit_test_setup(a_former_life_is_taken_up, fresh),
		cmocka_unit_test_setup(a_random_walk_holds_what_must_hold, fresh),
		cmocka_unit_test_setup(a_refresh_that_the_agent_asks_for_goes_out_at_once_and_only_once, fresh),
		cmocka_unit_test_setup(a_refresh_that_nobody_answers_leaves_the_lifetime_as_it_is, fresh),
		cmocka_unit_test_setup(resynchronising_is_counted_anew_once_it_has_worked, fresh),
		cmocka_unit_test_setup(a_refused_return_is_asked_again_and_so_is_one_out_of_step, fresh),
		cmocka_unit_test_setup(a_new_goal_does_not_wait_for_the_refusal_of_another, fresh),
		cmocka_unit_test_setup(a_former_life_late_for_its_refresh_makes_up_for_it, fresh),
		cmocka_unit_test_setup(a_walk_among_answers_of_all_kinds_keeps_the_requests_apart, fresh),
		cmocka_unit_test_setup(a_lifetime_counts_from_the_first_update_that_may_be_meant, fresh),
		cmocka_unit_test_setup(after_too_many_135_the_agents_number_counts_too, fresh),
		cmocka_unit_test_setup(back_where_it_is_registered_the_agent_is_told_where_it_may_hold_another, fresh),
		cmocka_unit_test_setup(a_refusal_says_nothing_of_the_updates_before_it, fresh),
		cmocka_unit_test_setup(what_we_take_for_registered_the_agent_holds, fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
