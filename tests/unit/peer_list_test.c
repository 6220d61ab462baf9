// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * One correspondent of a mobile node, in virtual time: return routability, updates, handover, every status, back-off,
 * the way home; at the end random events against what must always hold. RFC 6275 §11.6, §11.7.2, §11.7.3, §11.8.
 */
#include "peer_list_rig.h"

/* ---- return routability ---- */

static void both_tests_begin_at_once_with_cookies_of_their_own(void **state)
{
	want_away(CARE_1);
	assert_false(mono_before(now, peer_next(&p)));
	GOES("HC");
	assert_int_equal(hoti.type, MH_HOTI);
	assert_int_equal(coti.type, MH_COTI);
	assert_memory_not_equal(hoti.cookie, coti.cookie, sizeof(hoti.cookie));
	assert_int_equal(p.state, PEER_TESTING);
}

static void nothing_is_sent_before_the_place_is_known(void **state)
{
	assert_string_equal(timeline(600, true), "");
	want_away(CARE_1);
	GOES("HC");
	peer_want_nothing(&p);
	assert_string_equal(timeline(600, true), "");
	assert_int_equal(hot(), PEER_IGNORED);
}

static void silence_is_asked_three_times_over_and_then_left_for_a_minute(void **state)
{
	want_away(CARE_1);
	assert_string_equal(timeline(104, true),
			    "0H 0C 1H 1C 3H 3C 7H 7C 15H 15C 16H 16C 18H 18C 22H 22C 30H 30C 31H 31C 33H 33C 37H 37C");
	assert_int_equal(p.state, PEER_BACKED_OFF);
	assert_string_equal(timeline(1, true), "1H 1C");
}

static void each_test_is_repeated_by_itself(void **state)
{
	static const struct {
		const char *sentence, *rest;
		bool home_lost;
	} cases[] = {
		{ "home test lost", "1H 3H 7H", true },
		{ "care-of test lost", "1C 3C 7C", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		fresh(state);
		want_away(CARE_1);
		GOES("HC");
		CHECK_CASE(i, (cases[i].home_lost ? cot() : hot()) == PEER_TOKEN);
		CHECK_CASE(i, !strcmp(timeline(10, true), cases[i].rest));
		CHECK_CASE(i, (cases[i].home_lost ? hot() : cot()) == PEER_TOKEN);
		CHECK_CASE(i, !strcmp(go(), "U"));
	}
}

static void only_the_newest_cookie_counts_and_only_once(void **state)
{
	struct mh_msg old_home, old_care_of;

	want_away(CARE_1);
	GOES("HC");
	old_home = hoti;
	old_care_of = coti;
	pass_ms(1000);
	GOES("HC");
	assert_memory_not_equal(old_home.cookie, hoti.cookie, sizeof(hoti.cookie));
	assert_int_equal(answer_test(MH_HOT, &old_home, 1, 1), PEER_IGNORED);
	assert_int_equal(answer_test(MH_COT, &old_care_of, 1, 1), PEER_IGNORED);
	/* of the other test */
	assert_int_equal(answer_test(MH_HOT, &coti, 1, 1), PEER_IGNORED);
	assert_int_equal(answer_test(MH_COT, &hoti, 1, 1), PEER_IGNORED);
	assert_false(p.home_test.has_token || p.care_of_test.has_token);

	assert_int_equal(hot(), PEER_TOKEN);
	assert_int_equal(cot(), PEER_TOKEN);
	assert_int_equal(answer_test(MH_HOT, &hoti, 1, 1), PEER_IGNORED);
	assert_int_equal(answer_test(MH_COT, &coti, 1, 1), PEER_IGNORED);
	assert_int_equal(p.home_test.token[0], HOME_TOKEN);
	assert_int_equal(p.care_of_test.nonce_index, CARE_OF_NONCE);
}

static void nobody_answers_what_was_not_asked(void **state)
{
	static const struct mh_msg zeros; /* the cookie of an entry that never sent one */

	assert_int_equal(answer_test(MH_HOT, &zeros, 1, 1), PEER_IGNORED);
	want_away(CARE_1);
	assert_int_equal(answer_test(MH_COT, &zeros, 1, 1), PEER_IGNORED);
	assert_int_equal(ack_as(BA_ACCEPTED, FIRST_SEQ, 420, true), PEER_IGNORED);
}

/* ---- binding update ---- */

static void update_follows_the_later_token_and_says_what_the_key_is_made_of(void **state)
{
	uint8_t home_token[RR_TOKEN_LEN], care_of_token[RR_TOKEN_LEN], kbm[RR_KEY_LEN], known[RR_KEY_LEN];
	uint8_t octets[MH_MAX_LEN];
	struct mh_msg read;
	int len;

	want_away(CARE_1);
	GOES("HC");
	assert_false(peer_key(&p, known));
	pass_ms(40);
	hot();
	GOES("");
	pass_ms(20);
	cot();
	GOES("U");
	assert_int_equal(p.state, PEER_UPDATING);

	memset(home_token, HOME_TOKEN, sizeof(home_token));
	memset(care_of_token, CARE_OF_TOKEN, sizeof(care_of_token));
	assert_int_equal(rr_kbm(home_token, care_of_token, kbm), 0);
	assert_memory_equal(update_kbm, kbm, sizeof(kbm));
	assert_true(peer_key(&p, known));
	assert_memory_equal(known, kbm, sizeof(kbm));

	len = mh_build(&update, octets, sizeof(octets), NULL);
	assert_int_equal(mh_parse(octets, len, &read).fault, MH_OK);
	assert_int_equal(read.type, MH_BU);
	assert_int_equal(read.flags, BU_ACK);
	assert_int_equal(read.lifetime_s, PEER_LIFETIME_S);
	assert_int_equal((uint16_t)(FIRST_SEQ + 1), read.seq);
	assert_true(read.opt.has_nonce_indices && read.opt.has_auth && !read.opt.has_alt_care_of);
	assert_int_equal(read.opt.home_nonce, HOME_NONCE);
	assert_int_equal(read.opt.care_of_nonce, CARE_OF_NONCE);
}

static void lost_update_is_repeated_with_the_next_number(void **state)
{
	static const struct {
		int after_s;
		uint16_t seq;
	} cases[] = { { 0, 65534 }, { 1, 65535 }, { 2, 0 }, { 4, 1 } };

	updated(CARE_1);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (i) {
			pass_ms(cases[i].after_s * 1000 - 1);
			CHECK_CASE(i, !*go());
			pass_ms(1);
			CHECK_CASE(i, !strcmp(go(), "U"));
		}
		CHECK_CASE(i, update.seq == cases[i].seq);
	}
	assert_int_equal(ack_as(BA_ACCEPTED, (uint16_t)(update.seq - 1), 420, true), PEER_IGNORED);
	assert_false(p.registered);
	assert_int_equal(ack(BA_ACCEPTED), PEER_REGISTERED);
	assert_int_equal(ack(BA_ACCEPTED), PEER_IGNORED);
}

static void updates_that_nobody_answers_end_in_back_off(void **state)
{
	updated(CARE_1);
	assert_string_equal(timeline(104, true), "1U 3U 7U 15U 16U 18U 22U 30U 31U 33U 37U");
	assert_int_equal(p.state, PEER_BACKED_OFF);
	assert_string_equal(timeline(2, true), "1U 2U"); /* the tokens are good still */
}

static void data_goes_straight_from_the_acknowledgement_to_the_end_of_the_lifetime(void **state)
{
	updated(CARE_1);
	assert_false(peer_direct(&p, now));
	pass_ms(100);
	assert_int_equal(ack(BA_ACCEPTED_PREFIX_DISCOVERY), PEER_REGISTERED);
	assert_true(peer_direct(&p, now));
	assert_int_equal(p.state, PEER_OPTIMISED);
	assert_false(peer_key(&p, update_kbm));

	/* counted from the update: it ends here no later than there */
	now = mono_add_ms(begin, 419999);
	assert_true(peer_direct(&p, now));
	assert_false(peer_expire(&p, now));
	pass_ms(1);
	assert_false(peer_direct(&p, now));
	assert_true(peer_expire(&p, now));
	assert_false(peer_expire(&p, now));
}

/* ---- lifetimes and use ---- */

static void tokens_and_binding_are_renewed_ahead_while_in_use(void **state)
{
	bound(CARE_1);
	/* home token each 180 s; care-of token 30 s before the binding is renewed, which is at 420 - 52 s */
	assert_string_equal(timeline(180, true), "180H");
	hot();
	assert_string_equal(timeline(180, true), "158C 180H");
	hot();
	cot();
	assert_string_equal(timeline(10, true), "8U");
	assert_true(peer_direct(&p, now));
	assert_int_equal(ack(BA_ACCEPTED), PEER_REFRESHED);
	assert_true(mono_before(mono_add_s(begin, 780), p.expires));
}

static void binding_in_use_goes_straight_for_hours(void **state)
{
	bound(CARE_1);
	for (int i = 0; i < 500; i++) {
		talk_s(37);
		CHECK_CASE(i, peer_direct(&p, now) && p.registered);
		CHECK_CASE(i, mono_before(now, mono_add_s(p.home_test.got, RR_TOKEN_LIFETIME_S)));
	}
}

static void refresh_leaves_a_margin_whatever_was_granted(void **state)
{
	static const struct {
		uint32_t granted_s, lifetime_s, refresh_s;
	} cases[] = {
		{ 420, 420, 368 }, { 424, 420, 368 }, { 262140, 420, 368 }, { 80, 80, 70 }, { 84, 84, 74 },
		{ 88, 88, 77 },	   { 40, 40, 30 },    { 20, 20, 10 },	    { 16, 16, 8 },  { 4, 4, 2 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		fresh(state);
		updated(CARE_1);
		CHECK_CASE(i, ack_as(BA_ACCEPTED, update.seq, cases[i].granted_s, true) == PEER_REGISTERED);
		CHECK_CASE(i, p.lifetime_s == cases[i].lifetime_s);
		CHECK_CASE(i, p.expires.ns == mono_add_s(now, cases[i].lifetime_s).ns);
		CHECK_CASE(i, p.refresh_at.ns == mono_add_s(now, cases[i].refresh_s).ns);
		CHECK_CASE(i, !*go());
	}
}

static void idle_correspondent_lapses_with_its_binding(void **state)
{
	bound(CARE_1);
	assert_string_equal(timeline(419, false), "");
	assert_true(p.registered);
	assert_false(peer_forgettable(&p, now));
	assert_string_equal(timeline(1, false), "");
	assert_false(p.registered);
	assert_true(peer_forgettable(&p, now));
}

static void packet_after_an_idle_time_makes_up_for_it(void **state)
{
	bound(CARE_1);
	assert_string_equal(timeline(200, false), "");
	assert_true(peer_direct(&p, now));
	peer_used(&p, now);
	assert_false(mono_before(now, peer_next(&p)));
	GOES("H");	      /* 10 s before its end */
	peer_used(&p, begin); /* older than what is known */
	assert_int_equal(p.used.ns, now.ns);
	now = mono_add_s(begin, 500);
	GOES("");
	peer_used(&p, now);
	GOES("HC");
}

static void refresh_request_is_followed_while_in_use(void **state)
{
	bound(CARE_1);
	pass_ms(50000);
	peer_refresh(&p, now);
	GOES("U");
	peer_refresh(&p, now);
	GOES("");
	assert_int_equal(ack(BA_ACCEPTED), PEER_REFRESHED);
	pass_ms(250000);
	peer_refresh(&p, now);
	GOES(""); /* idle */
	peer_used(&p, now);
	GOES("HC");
	hot();
	cot();
	GOES("U");
}

static void refresh_request_without_a_binding_is_none(void **state)
{
	want_away(CARE_1);
	GOES("HC");
	peer_refresh(&p, now);
	GOES("");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(both_tests_begin_at_once_with_cookies_of_their_own, fresh),
		cmocka_unit_test_setup(nothing_is_sent_before_the_place_is_known, fresh),
		cmocka_unit_test_setup(silence_is_asked_three_times_over_and_then_left_for_a_minute, fresh),
		cmocka_unit_test_setup(each_test_is_repeated_by_itself, fresh),
		cmocka_unit_test_setup(only_the_newest_cookie_counts_and_only_once, fresh),
		cmocka_unit_test_setup(nobody_answers_what_was_not_asked, fresh),
		cmocka_unit_test_setup(update_follows_the_later_token_and_says_what_the_key_is_made_of, fresh),
		cmocka_unit_test_setup(lost_update_is_repeated_with_the_next_number, fresh),
		cmocka_unit_test_setup(updates_that_nobody_answers_end_in_back_off, fresh),
		cmocka_unit_test_setup(data_goes_straight_from_the_acknowledgement_to_the_end_of_the_lifetime, fresh),
		cmocka_unit_test_setup(tokens_and_binding_are_renewed_ahead_while_in_use, fresh),
		cmocka_unit_test_setup(binding_in_use_goes_straight_for_hours, fresh),
		cmocka_unit_test_setup(refresh_leaves_a_margin_whatever_was_granted, fresh),
		cmocka_unit_test_setup(idle_correspondent_lapses_with_its_binding, fresh),
		cmocka_unit_test_setup(packet_after_an_idle_time_makes_up_for_it, fresh),
		cmocka_unit_test_setup(refresh_request_is_followed_while_in_use, fresh),
		cmocka_unit_test_setup(refresh_request_without_a_binding_is_none, fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
