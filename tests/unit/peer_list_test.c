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

static void who_never_answers_is_asked_four_times_and_then_left_for_a_minute(void **state)
{
	want_away(CARE_1);
	assert_string_equal(timeline(74, true), "0H 0C 1H 1C 3H 3C 7H 7C");
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

/* Of all that goes out the bits in @lost get no answer, the first message having bit 0. Until data goes straight, in
 * seconds, -1: not within @s. */
static int goes_straight_after(unsigned int lost, int64_t s)
{
	struct mono from = now, end = mono_add_s(now, s);
	unsigned int sent = 0;

	while (!peer_direct(&p, now)) {
		peer_used(&p, now);
		go();
		for (const char *c = went; *c; c++, sent++)
			if (sent >= 32 || !(lost & 1u << sent))
				assert_true((*c == 'H' ? hot() : *c == 'C' ? cot() : ack(BA_ACCEPTED)) != PEER_IGNORED);
		if (!*went)
			now = peer_next(&p);
		if (mono_before(end, now))
			return -1;
	}
	return (int)((now.ns - from.ns) / 1000000000);
}

static void loss_costs_the_pause_before_the_resend_and_no_more(void **state)
{
	static const struct {
		const char *sentence;
		unsigned int lost;
		int after_s;
	} cases[] = {
		{ "none", 0, 0 },
		{ "home test", 1 << 0, 1 },
		{ "care-of test", 1 << 1, 1 },
		{ "both", 3, 1 },
		{ "update", 1 << 2, 1 },
		{ "update and its resend", 3 << 2, 3 },
		{ "home test and update", 1 << 0 | 1 << 3, 2 },
		{ "three of both tests", 0x3f, 7 },
		{ "three updates", 7 << 2, 7 },
		{ "a whole procedure of updates", 15 << 2, 15 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		fresh(state);
		want_away(CARE_1);
		CHECK_CASE(i, goes_straight_after(cases[i].lost, 100) == cases[i].after_s);
	}
}

static void whichever_messages_are_lost_it_goes_straight_in_the_end(void **state)
{
	for (unsigned int lost = 0; lost < 1 << 12; lost++) {
		fresh(state);
		want_away(CARE_1);
		CHECK_CASE(lost, goes_straight_after(lost, 300) >= 0);
		want_away(CARE_2); /* and so does a handover; now and then without a home token */
		pass_ms(lost % 3 * 100000);
		CHECK_CASE(lost, goes_straight_after(lost, 300) >= 0);
	}
}

/* ---- lifetimes and use ---- */

static void tokens_and_binding_are_renewed_ahead_while_in_use(void **state)
{
	bound(CARE_1);
	/* home token each 180 s; care-of token 30 s before the binding is renewed, which is at 420 - 52 s */
	assert_string_equal(timeline(180, true), "180H");
	hot();
	assert_string_equal(timeline(158, true), "158C");
	cot();
	assert_string_equal(timeline(22, true), "22H");
	hot();
	assert_string_equal(timeline(8, true), "8U");
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

static void idle_correspondent_that_answers_no_update_is_left_alone(void **state)
{
	updated(CARE_1);
	assert_string_equal(timeline(44, false), "1U 3U 7U 15U 16U 18U 22U 30U 31U 33U 37U");
	assert_string_equal(timeline(3600, false), "");
	assert_true(peer_forgettable(&p, now));
}

static void entry_is_kept_as_long_as_it_may_be_bound(void **state)
{
	updated(CARE_1); /* and not answered: it may stand there */
	timeline(60, false);
	assert_false(p.registered);
	pass_ms(420000 - 60000 - 1);
	assert_false(peer_forgettable(&p, now));
	pass_ms(61000); /* the last one went out before it fell idle */
	assert_true(peer_forgettable(&p, now));

	fresh(state);
	bound(CARE_1);
	now = p.expires;
	assert_false(peer_forgettable(&p, now)); /* its end is still to be told */
	assert_true(peer_expire(&p, now));
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

/* ---- movement ---- */

static void handover_with_a_good_home_token_costs_two_round_trips(void **state)
{
	bound(CARE_1);
	talk_s(100);
	want_away(CARE_2);
	assert_false(peer_direct(&p, now));
	assert_true(p.registered); /* known, and of no use */
	GOES("C");
	pass_ms(60);
	assert_int_equal(cot(), PEER_TOKEN);
	GOES("U");
	assert_false(peer_direct(&p, now));
	pass_ms(60);
	assert_int_equal(ack(BA_ACCEPTED), PEER_REGISTERED);
	assert_true(peer_direct(&p, now));
	GOES("");
}

static void handover_never_finds_an_old_home_token_while_in_use(void **state)
{
	for (int after_s = 1; after_s < 1000; after_s += 7) {
		fresh(state);
		bound(CARE_1);
		talk_s(after_s);
		want_away(CARE_2);
		CHECK_CASE(after_s, !strcmp(go(), "C"));
	}
}

static void handover_with_an_old_home_token_asks_for_both_in_parallel(void **state)
{
	bound(CARE_1);
	assert_string_equal(timeline(211, false), "");
	peer_used(&p, now);
	want_away(CARE_2);
	GOES("HC");
	cot();
	GOES("");
	hot();
	GOES("U");
}

/* Else its next packet would go to where we were, until the binding ends. */
static void idle_correspondent_with_a_binding_is_told_of_a_handover_once(void **state)
{
	bound(CARE_1);
	assert_string_equal(timeline(100, false), "");
	want_away(CARE_2);
	GOES("C");
	cot();
	GOES("U");
	assert_int_equal(ack(BA_ACCEPTED), PEER_REGISTERED);
	assert_string_equal(timeline(600, false), "");
	want_away(CARE_1);
	assert_string_equal(timeline(600, false), "");
}

/* It sends to the former place until it hears of the new one, or until its binding ends. */
static void handover_without_an_answer_is_told_until_the_binding_ends(void **state)
{
	bound(CARE_1);
	pass_ms(1000);
	want_away(CARE_2);
	assert_string_equal(timeline(60, false), "0C 1C 3C 7C 47C 48C 50C 54C");
	timeline(60, false);
	assert_int_equal(p.failures, 0);
	timeline(PEER_LIFETIME_S - 120, false);
	assert_string_equal(timeline(600, false), "");
	assert_true(peer_forgettable(&p, now));
}

static void handover_does_not_wait_for_what_was_asked_on_the_old_link(void **state)
{
	want_away(CARE_1);
	assert_string_equal(timeline(8, true), "0H 0C 1H 1C 3H 3C 7H 7C"); /* the next would come 7 s later */
	want_away(CARE_2);
	assert_string_equal(timeline(1, true), "0H 0C 1H 1C");
}

static void answers_from_before_the_move_are_ignored(void **state)
{
	updated(CARE_1);
	want_away(CARE_2);
	assert_int_equal(ack(BA_ACCEPTED), PEER_IGNORED);
	assert_int_equal(ack_as(BA_EXPIRED_NONCES, update.seq, 0, false), PEER_IGNORED);
	GOES("C");
	assert_int_equal(ack(BA_ACCEPTED), PEER_IGNORED);
	assert_false(peer_key(&p, update_kbm));
}

static void care_of_token_of_before_the_move_is_ignored(void **state)
{
	want_away(CARE_1);
	GOES("HC");
	want_away(CARE_2);
	assert_int_equal(cot(), PEER_IGNORED);
	GOES("HC");
}

static void back_before_the_update_was_sent_nothing_is_to_be_told(void **state)
{
	bound(CARE_1);
	want_away(CARE_2);
	GOES("C");
	want_away(CARE_1);
	assert_true(peer_direct(&p, now));
	assert_string_equal(timeline(60, true), "");
	assert_true(peer_direct(&p, now));
}

static void back_after_the_update_was_sent_another_is_needed(void **state)
{
	bound(CARE_1);
	want_away(CARE_2);
	GOES("C");
	cot();
	GOES("U");
	want_away(CARE_1);
	assert_false(peer_direct(&p, now));
	GOES("C");
	cot();
	GOES("U");
	assert_int_equal(ack(BA_ACCEPTED), PEER_REGISTERED);
	assert_true(peer_direct(&p, now));
}

static void a_gap_without_any_link_costs_nothing(void **state)
{
	bound(CARE_1);
	peer_want_nothing(&p);
	assert_false(peer_direct(&p, now));
	assert_string_equal(timeline(30, true), "");
	want_away(CARE_1);
	assert_true(peer_direct(&p, now));
	GOES("");
	peer_want_nothing(&p);
	GOES("");
	want_away(CARE_2);
	GOES("C");
}

static void same_place_again_changes_nothing(void **state)
{
	want_away(CARE_1);
	GOES("HC");
	want_away(CARE_1);
	GOES("");
	assert_int_equal(hot(), PEER_TOKEN);
	assert_int_equal(cot(), PEER_TOKEN);
}

/* ---- statuses ---- */

static void accepted_for_no_time_is_a_refusal(void **state)
{
	bound(CARE_1);
	pass_ms(1000);
	peer_refresh(&p, now);
	GOES("U");
	assert_int_equal(ack_as(BA_ACCEPTED, update.seq, 0, true), PEER_REFUSED);
	assert_false(p.registered);
	for (int i = 1; i < PEER_FAILURES; i++) {
		GOES("U");
		assert_int_equal(ack_as(BA_ACCEPTED, update.seq, 0, true), PEER_REFUSED);
	}
	GOES("");
	assert_int_equal(p.state, PEER_BACKED_OFF);
}

static void refusals_lead_to_back_off_at_once(void **state)
{
	static const uint8_t statuses[] = { BA_UNSPECIFIED,
					    BA_PROHIBITED,
					    BA_NO_RESOURCES,
					    BA_NOT_HOME_SUBNET,
					    BA_NOT_HOME_AGENT,
					    BA_DAD_FAILED,
					    BA_TYPE_CHANGE,
					    BA_ROUTER_NOT_PERMITTED,
					    BA_NO_HOME_REGISTRATION,
					    BA_BAD_CARE_OF,
					    255 };

	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
		fresh(state);
		updated(CARE_1);
		CHECK_CASE(i, ack_as(statuses[i], update.seq, 0, false) == PEER_IGNORED);
		CHECK_CASE(i, ack_as(statuses[i], (uint16_t)(update.seq - 1), 0, true) == PEER_IGNORED);
		CHECK_CASE(i, ack(statuses[i]) == PEER_REFUSED);
		CHECK_CASE(i, p.last_status == statuses[i] && p.state == PEER_BACKED_OFF);
		CHECK_CASE(i, !strcmp(timeline(60, true), "60U"));
		CHECK_CASE(i, ack(BA_ACCEPTED) == PEER_REGISTERED);
		CHECK_CASE(i, p.last_status == 0);
	}
}

static void refused_renewal_leaves_what_stands(void **state)
{
	bound(CARE_1);
	pass_ms(1000);
	peer_refresh(&p, now);
	GOES("U");
	assert_int_equal(ack(BA_NO_RESOURCES), PEER_REFUSED);
	assert_true(peer_direct(&p, now));
	assert_string_equal(timeline(59, true), "");
}

static void only_authentic_answers_count(void **state)
{
	static const uint8_t statuses[] = { BA_ACCEPTED, BA_ACCEPTED_PREFIX_DISCOVERY, BA_PROHIBITED, BA_SEQUENCE,
					    BA_TYPE_CHANGE };

	updated(CARE_1);
	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
		CHECK_CASE(i, ack_as(statuses[i], update.seq, 420, false) == PEER_IGNORED);
		CHECK_CASE(i, !p.registered && p.outstanding && !*go());
	}
}

static void number_out_of_window_is_followed_at_once(void **state)
{
	updated(CARE_1);
	assert_int_equal(ack_as(BA_SEQUENCE, 30000, 0, true), PEER_RESENT);
	GOES("U");
	assert_int_equal(update.seq, 30001);
	assert_int_equal(ack(BA_ACCEPTED), PEER_REGISTERED);
}

static void resyncs_are_counted_anew_after_success_and_after_a_move(void **state)
{
	updated(CARE_1);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < PEER_RESYNC; i++) {
			CHECK_CASE(round, ack_as(BA_SEQUENCE, (uint16_t)(1000 * i), 0, true) == PEER_RESENT);
			pass_ms(1000);
			CHECK_CASE(round, !strcmp(go(), "U"));
		}
		if (round == 0) {
			CHECK_CASE(round, ack(BA_ACCEPTED) == PEER_REGISTERED);
			peer_refresh(&p, now);
		} else {
			want_away(round == 1 ? CARE_2 : CARE_3);
			CHECK_CASE(round, !strcmp(go(), "C"));
			cot();
		}
		pass_ms(1000);
		CHECK_CASE(round, !strcmp(go(), "U"));
	}
}

static void number_out_of_window_for_ever_is_given_up(void **state)
{
	int updates = 1;

	updated(CARE_1);
	for (int i = 0; i < 100 && p.state != PEER_BACKED_OFF; i++) {
		assert_true(ack_as(BA_SEQUENCE, (uint16_t)(1000 * i), 0, true) != PEER_IGNORED);
		pass_ms(1000);
		updates += !strcmp(go(), "U");
	}
	assert_int_equal(p.state, PEER_BACKED_OFF);
	assert_int_equal(updates, PEER_FAILURES * (1 + PEER_RESYNC));
}

static void expired_nonces_void_the_tokens_made_of_them(void **state)
{
	static const struct {
		uint8_t status;
		const char *goes;
	} cases[] = {
		{ BA_EXPIRED_HOME_NONCE, "H" },
		{ BA_EXPIRED_CARE_OF_NONCE, "C" },
		{ BA_EXPIRED_NONCES, "HC" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		bool home = strchr(cases[i].goes, 'H'), care_of = strchr(cases[i].goes, 'C');

		fresh(state);
		updated(CARE_1);
		CHECK_CASE(i, ack_as(cases[i].status, (uint16_t)(update.seq - 1), 0, false) == PEER_IGNORED);
		CHECK_CASE(i, ack_as(cases[i].status, (uint16_t)(update.seq + 1), 0, true) == PEER_IGNORED);
		CHECK_CASE(i, ack_as(cases[i].status, update.seq, 0, false) == PEER_RESENT);
		CHECK_CASE(i, ack_as(cases[i].status, update.seq, 0, false) == PEER_IGNORED);
		CHECK_CASE(i, all_zero(p.home_test.token, RR_TOKEN_LEN) == home);
		CHECK_CASE(i, all_zero(p.care_of_test.token, RR_TOKEN_LEN) == care_of);
		CHECK_CASE(i, !strcmp(go(), cases[i].goes));
		CHECK_CASE(i, !home || hot() == PEER_TOKEN);
		CHECK_CASE(i, !care_of || cot() == PEER_TOKEN);
		CHECK_CASE(i, !strcmp(go(), "U"));
	}
}

static void nonces_that_are_always_expired_are_given_up(void **state)
{
	int updates = 1;

	updated(CARE_1);
	for (int i = 0; i < 100 && p.state != PEER_BACKED_OFF; i++) {
		assert_true(ack_as(BA_EXPIRED_NONCES, update.seq, 0, false) != PEER_IGNORED);
		pass_ms(1000);
		if (!strcmp(go(), "HC")) {
			hot();
			cot();
			go();
		}
		updates += !strcmp(went, "U");
	}
	assert_int_equal(p.state, PEER_BACKED_OFF);
	assert_int_equal(updates, PEER_FAILURES * (1 + PEER_RESYNC));
}

/* ---- rate and back-off ---- */

static void no_type_goes_out_more_than_three_times_a_second(void **state)
{
	static const char *const care_of[] = { CARE_1, CARE_2, CARE_3 };
	static const char *const goes[] = { "HC", "C", "C", "" };

	for (size_t i = 0; i < ARRAY_SIZE(goes); i++) { /* a node between two links */
		want_away(care_of[i % ARRAY_SIZE(care_of)]);
		CHECK_CASE(i, !strcmp(go(), goes[i]));
		if (*went)
			CHECK_CASE(i, cot() == PEER_TOKEN);
		else
			CHECK_CASE(i, cot() == PEER_IGNORED); /* of before the move; the next is still to go out */
		if (strchr(went, 'H'))
			CHECK_CASE(i, hot() == PEER_TOKEN);
		CHECK_CASE(i, !*went || !strcmp(go(), "U"));
		pass_ms(10);
	}
	assert_string_equal(timeline(1, true), "0.96C");
	cot();
	GOES("U");
	assert_int_equal(ack(BA_ACCEPTED), PEER_REGISTERED);
}

static void updates_wait_for_their_rate(void **state)
{
	updated(CARE_1);
	for (int i = 0; i < 2; i++) {
		ack_as(BA_SEQUENCE, 5, 0, true);
		GOES("U");
	}
	ack_as(BA_SEQUENCE, 6, 0, true);
	assert_string_equal(timeline(1, true), "1U");
	assert_int_equal(update.seq, 7);
}

static void back_off_doubles_to_an_hour_and_is_forgotten_with_success(void **state)
{
	static const int64_t pauses_s[] = { 60, 120, 240, 480, 960, 1920, 3600, 3600 };

	updated(CARE_1);
	for (size_t i = 0; i < ARRAY_SIZE(pauses_s); i++) {
		CHECK_CASE(i, ack(BA_PROHIBITED) == PEER_REFUSED);
		CHECK_CASE(i, !*timeline(pauses_s[i] - 1, true));
		CHECK_CASE(i, p.state == PEER_BACKED_OFF);
		pass_ms(1000);
		peer_used(&p, now);
		while (!strchr(go(), 'U')) {
			CHECK_CASE(i, !strcmp(went, "HC"));
			hot();
			cot();
		}
	}
	assert_int_equal(ack(BA_ACCEPTED), PEER_REGISTERED);
	pass_ms(1000);
	peer_refresh(&p, now);
	GOES("U");
	assert_int_equal(ack(BA_PROHIBITED), PEER_REFUSED);
	assert_int_equal(p.back_off_s, PEER_BACK_OFF_S);
}

static void success_wipes_out_the_failures_before_it(void **state)
{
	want_away(CARE_1);
	p.knows = true;
	timeline(31, true); /* two in a row, the third has begun */
	assert_int_equal(p.failures, 2);
	cooperate(); /* nothing is due just now */
	assert_int_equal(hot(), PEER_TOKEN);
	assert_int_equal(cot(), PEER_TOKEN);
	GOES("U");
	assert_int_equal(ack(BA_ACCEPTED), PEER_REGISTERED);
	assert_int_equal(p.failures, 0);
}

static void nobody_is_asked_again_who_is_not_in_use(void **state)
{
	want_away(CARE_1);
	timeline(50, false);
	assert_int_equal(p.state, PEER_BACKED_OFF);
	assert_false(peer_forgettable(&p, now));
	assert_string_equal(timeline(3000, false), "");
	assert_true(peer_forgettable(&p, now));
	peer_used(&p, now);
	GOES("HC");
}

static void who_knows_no_mobility_is_left_alone_for_an_hour(void **state)
{
	want_away(CARE_1);
	GOES("HC");
	peer_unsupported(&p, now);
	assert_int_equal(p.state, PEER_BACKED_OFF);
	want_away(CARE_2);
	assert_string_equal(timeline(3599, true), "");
	assert_string_equal(timeline(1, true), "1H 1C");
	peer_unsupported(&p, now);
	peer_want_home(&p, now);
	GOES("");
}

/* Its kernel says that it knows none while its daemon restarts. */
static void who_knew_mobility_is_asked_again_after_a_minute(void **state)
{
	updated(CARE_1);
	peer_unsupported(&p, now);
	assert_int_equal(ack(BA_ACCEPTED), PEER_IGNORED);
	assert_int_equal(p.state, PEER_BACKED_OFF);
	assert_string_equal(timeline(59, true), "");
	assert_string_equal(timeline(1, true), "1U");
}

/* Each message of a deletion brings another error: no turning round at MAX_UPDATE_RATE until the binding ends. */
static void errors_do_not_speed_up_a_deletion(void **state)
{
	static const struct {
		const char *sentence;
		void (*error)(struct peer_update *p, struct mono now);
		int messages;
	} cases[] = {
		{ "unsupported: once a minute", peer_unsupported, 7 },
		{ "lost: as if nothing was said", peer_lost, 4 * 9 + 2 /* home tokens */ },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int messages = 0;

		fresh(state);
		bound(CARE_1);
		peer_want_home(&p, now);
		for (int ds = 0; ds < 10 * PEER_LIFETIME_S; ds++) {
			size_t count = strlen(go());

			messages += (int)count;
			if (count)
				cases[i].error(&p, now);
			if (strchr(went, 'H'))
				hot();
			pass_ms(100);
		}
		CHECK_CASE(i, messages > 1 && messages <= cases[i].messages);
		CHECK_CASE(i, !*timeline(600, true) && !peer_holds(&p, now));
	}
}

/* What it may hold sends packets to the former place. */
static void a_move_is_told_whatever_a_stranger_said_before(void **state)
{
	for (int way = 0; way < 2; way++) {
		fresh(state);
		bound(CARE_1);
		timeline(70, false);
		(way ? peer_unsupported : peer_lost)(&p, now);
		want_away(CARE_2);
		CHECK_CASE(way, !strcmp(go(), "C"));
		cot();
		CHECK_CASE(way, !strcmp(go(), "U"));
	}
}

static void lost_binding_is_made_anew_once_a_second_at_most(void **state)
{
	int updates = 0;

	bound(CARE_1);
	pass_ms(1000);
	peer_lost(&p, now);
	assert_false(peer_direct(&p, now));
	GOES("U"); /* the tokens are good still */
	assert_int_equal(ack(BA_ACCEPTED), PEER_REGISTERED);
	pass_ms(999);
	peer_lost(&p, now);
	assert_true(peer_direct(&p, now));
	for (int i = 0; i < 100; i++) { /* 10 s of them */
		pass_ms(100);
		peer_used(&p, now);
		peer_lost(&p, now);
		if (!strcmp(go(), "U")) {
			updates++;
			ack(BA_ACCEPTED);
		}
	}
	assert_int_equal(updates, 10);
}

static void lost_binding_does_not_wait_for_an_update_under_way(void **state)
{
	bound(CARE_1);
	pass_ms(5000);
	peer_refresh(&p, now);
	assert_string_equal(timeline(4, true), "0U 1U 3U"); /* the next would come 3 s later */
	peer_lost(&p, now);
	GOES("U");
}

static void lost_binding_of_an_idle_correspondent_is_let_go(void **state)
{
	bound(CARE_1);
	assert_string_equal(timeline(61, false), "");
	peer_lost(&p, now);
	assert_string_equal(timeline(600, false), "");
	assert_true(peer_forgettable(&p, now));
}

/* ---- the way home ---- */

static void at_home_the_binding_is_deleted_by_the_home_token_alone(void **state)
{
	uint8_t home_token[RR_TOKEN_LEN], kbm[RR_KEY_LEN];

	bound(CARE_1);
	peer_want_home(&p, now);
	assert_false(peer_direct(&p, now));
	assert_int_equal(p.state, PEER_LEAVING);
	GOES("U");
	assert_int_equal(update.lifetime_s, 0);
	assert_int_equal(update.flags, BU_ACK);
	assert_true(update.opt.has_nonce_indices && update.opt.has_auth && !update.opt.has_alt_care_of);
	assert_int_equal(update.opt.home_nonce, HOME_NONCE);
	assert_int_equal(update.opt.care_of_nonce, 0);
	memset(home_token, HOME_TOKEN, sizeof(home_token));
	assert_int_equal(rr_kbm(home_token, NULL, kbm), 0);
	assert_memory_equal(update_kbm, kbm, sizeof(kbm));

	assert_int_equal(ack(BA_ACCEPTED), PEER_DELETED);
	assert_false(p.registered);
	assert_string_equal(timeline(600, true), "");
}

static void coming_home_late_asks_for_the_home_token_first(void **state)
{
	bound(CARE_1);
	assert_string_equal(timeline(300, false), "");
	peer_want_home(&p, now);
	GOES("H"); /* in use or not */
	hot();
	GOES("U");
	assert_int_equal(update.lifetime_s, 0);
	assert_int_equal(ack(BA_ACCEPTED), PEER_DELETED);
}

static void deletion_without_an_answer_goes_on_until_the_binding_ends(void **state)
{
	static const struct {
		const char *sentence, *goes;
		int64_t idle_s;
	} cases[] = { { "no acknowledgement", "0U 1U 3U 7U 47U 48U 50U 54U", 0 },
		      { "no home token", "0H 1H 3H 7H 47H 48H 50H 54H", 300 } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		fresh(state);
		bound(CARE_1);
		timeline(cases[i].idle_s, false);
		peer_want_home(&p, now);
		CHECK_CASE(i, !strcmp(timeline(60, true), cases[i].goes));
		timeline(PEER_LIFETIME_S, true);
		CHECK_CASE(i, !p.registered && p.failures == 0 && !*timeline(600, true));
	}
}

static void refused_deletion_is_given_up_and_held_against_nobody(void **state)
{
	bound(CARE_1);
	peer_want_home(&p, now);
	GOES("U");
	assert_int_equal(ack(BA_UNSPECIFIED), PEER_REFUSED);
	assert_false(p.registered);
	GOES("");
	want_away(CARE_1);
	assert_string_equal(timeline(22, true), "0C 1C 3C 7C 15C 16C 18C 22C");
}

static void deletion_with_an_expired_nonce_asks_for_another_token(void **state)
{
	bound(CARE_1);
	peer_want_home(&p, now);
	GOES("U");
	assert_int_equal(ack_as(BA_EXPIRED_HOME_NONCE, update.seq, 0, false), PEER_RESENT);
	GOES("H");
	hot();
	pass_ms(1000);
	GOES("U");
	assert_int_equal(ack_as(BA_SEQUENCE, 99, 0, true), PEER_RESENT);
	GOES("U");
	assert_int_equal(update.seq, 100);
	assert_int_equal(ack(BA_ACCEPTED), PEER_DELETED);
}

static void nothing_is_deleted_where_nothing_was_told(void **state)
{
	want_away(CARE_1);
	GOES("HC");
	hot();
	peer_want_home(&p, now);
	assert_string_equal(timeline(600, true), "");
	assert_int_equal(cot(), PEER_IGNORED);
}

/* It may hold that one all the same (§11.1), and would send to a place where nobody is. */
static void update_without_an_answer_is_deleted_too(void **state)
{
	updated(CARE_1);
	peer_want_home(&p, now);
	GOES("U");
	assert_int_equal(update.lifetime_s, 0);
	assert_int_equal(ack(BA_ACCEPTED), PEER_DELETED);

	fresh(state);
	updated(CARE_1);
	peer_want_nothing(&p);
	assert_string_equal(timeline(420, false), ""); /* by now it holds nothing */
	peer_want_home(&p, now);
	assert_string_equal(timeline(60, true), "");
}

static void deletion_ends_where_there_is_nothing_left_to_delete(void **state)
{
	for (int tested = 0; tested < 2; tested++) {
		fresh(state);
		bound(CARE_1);
		timeline(219, false);
		if (tested) { /* a token that is good at the end of the binding */
			peer_used(&p, now);
			CHECK_CASE(tested, !strcmp(go(), "H"));
			hot();
		}
		timeline(200, false);
		pass_ms(500);
		peer_want_home(&p, now);
		CHECK_CASE(tested, !strcmp(go(), tested ? "U" : "H"));
		now = mono_add_s(begin, 420);
		CHECK_CASE(tested, !*timeline(600, true));
		CHECK_CASE(tested, !p.registered);
	}
}

static void home_again_changes_nothing_and_wipes_out_failures(void **state)
{
	want_away(CARE_1);
	p.knows = true;
	timeline(31, true);
	peer_want_home(&p, now);
	want_away(CARE_1);
	timeline(44, true);
	assert_int_equal(p.failures, 2);

	fresh(state);
	bound(CARE_1);
	peer_want_home(&p, now);
	GOES("U");
	peer_want_home(&p, now);
	GOES("");
}

static void away_again_before_the_deletion_s_answer_needs_an_update(void **state)
{
	bound(CARE_1);
	peer_want_home(&p, now);
	GOES("U");
	want_away(CARE_1);
	assert_false(peer_direct(&p, now));
	assert_int_equal(ack(BA_ACCEPTED), PEER_IGNORED);
	GOES("C");
	cot();
	GOES("U");
	assert_int_equal(update.lifetime_s, PEER_LIFETIME_S);
	assert_int_equal(ack(BA_ACCEPTED), PEER_REGISTERED);
}

/* ---- a former life ---- */

static void adopted_binding_goes_straight_where_it_was_made(void **state)
{
	struct in6_addr care_of = addr(CARE_1);

	peer_adopt(&p, &care_of, 500, mono_add_s(now, -100), 420, now);
	assert_true(p.registered);
	assert_false(peer_direct(&p, now)); /* until it is known where we are */
	want_away(CARE_1);
	assert_true(peer_direct(&p, now));
	assert_int_equal(p.state, PEER_OPTIMISED);
	GOES("H"); /* ahead of a handover */
	hot();
	assert_string_equal(timeline(180, true), "180H");
	hot();
	assert_string_equal(timeline(58, true), "58C");
	assert_true(peer_direct(&p, now));
}

static void who_was_bound_in_a_former_life_knows_mobility(void **state)
{
	struct in6_addr care_of = addr(CARE_1);

	peer_adopt(&p, &care_of, 500, mono_add_s(now, -100), 420, now);
	want_away(CARE_1);
	GOES("H");
	peer_unsupported(&p, now); /* both daemons restart */
	assert_string_equal(timeline(60, true), "60H 60C");
}

static void adopted_binding_not_in_use_is_left_alone(void **state)
{
	struct in6_addr care_of = addr(CARE_1);

	now = mono_add_s(now, PEER_IDLE_S);
	peer_adopt(&p, &care_of, 500, mono_add_s(now, -100), 420, now);
	want_away(CARE_1);
	assert_string_equal(timeline(319, false), "");
	assert_true(peer_direct(&p, now));
	pass_ms(1000);
	assert_true(peer_expire(&p, now));
}

static void adopted_binding_of_another_place_is_moved_with_the_next_number(void **state)
{
	struct in6_addr care_of = addr(CARE_1);

	peer_adopt(&p, &care_of, 500, mono_add_s(now, -100), 420, now);
	want_away(CARE_2);
	assert_false(peer_direct(&p, now));
	GOES("HC");
	hot();
	cot();
	GOES("U");
	assert_int_equal(update.seq, 501);
	assert_int_equal(ack(BA_ACCEPTED), PEER_REGISTERED);
}

static void adopted_binding_is_deleted_at_home(void **state)
{
	struct in6_addr care_of = addr(CARE_1);

	peer_adopt(&p, &care_of, 500, mono_add_s(now, -100), 420, now);
	peer_want_home(&p, now);
	GOES("H");
	hot();
	GOES("U");
	assert_int_equal(update.seq, 501);
	assert_int_equal(ack(BA_ACCEPTED), PEER_DELETED);
}

static void what_ended_before_this_life_is_no_binding(void **state)
{
	struct in6_addr care_of = addr(CARE_1);

	peer_adopt(&p, &care_of, 500, mono_add_s(now, -420), 420, now);
	assert_false(p.registered);
	want_away(CARE_1);
	GOES("HC");
	hot();
	cot();
	GOES("U");
	assert_int_equal(update.seq, 501); /* it may still know that number */
}

/* ---- secrets ---- */

static void tokens_and_keys_are_wiped_when_void(void **state)
{
	bound(CARE_1);
	assert_true(all_zero(p.kbm, sizeof(p.kbm))); /* answered */
	assert_false(all_zero(p.home_test.token, RR_TOKEN_LEN));
	timeline(209, false);
	assert_false(all_zero(p.home_test.token, RR_TOKEN_LEN));
	timeline(1, false);
	assert_true(all_zero(p.home_test.token, RR_TOKEN_LEN));
	assert_true(all_zero(p.care_of_test.token, RR_TOKEN_LEN));

	fresh(state);
	updated(CARE_1);
	assert_false(all_zero(p.kbm, sizeof(p.kbm)));
	want_away(CARE_2);
	assert_true(all_zero(p.kbm, sizeof(p.kbm)));
	assert_true(all_zero(p.care_of_test.token, RR_TOKEN_LEN));
	assert_false(all_zero(p.home_test.token, RR_TOKEN_LEN));

	fresh(state);
	bound(CARE_1);
	peer_want_home(&p, now);
	GOES("U");
	assert_true(all_zero(p.care_of_test.token, RR_TOKEN_LEN));
	assert_int_equal(ack(BA_ACCEPTED), PEER_DELETED);
	assert_true(all_zero(p.kbm, sizeof(p.kbm)));
}

/* The token may be renewed between an update and its answer; that was made with the former. */
static void key_of_an_update_outlives_its_tokens(void **state)
{
	uint8_t kbm[RR_KEY_LEN];

	bound(CARE_1);
	talk_s(179);
	peer_refresh(&p, now);
	GOES("U");
	pass_ms(999);
	GOES("");
	pass_ms(1);
	assert_non_null(strchr(go(), 'H'));
	assert_int_equal(answer_test(MH_HOT, &hoti, 0x55, 8), PEER_TOKEN);
	assert_true(peer_key(&p, kbm));
	assert_memory_equal(kbm, update_kbm, sizeof(kbm));
}

/* ---- random events ---- */

static unsigned int dice;

static unsigned int roll(unsigned int sides)
{
	dice = dice * 1103515245u + 12345u;
	return (dice >> 16) % sides;
}

/* What the messages of one type have to keep to, whatever happens. */
struct sender {
	struct mono last[PEER_UPDATES_PER_S]; /* the newest first */
	unsigned int count;
};
static struct sender senders[PEER_SEND_UPDATE + 1];
static uint16_t expected_seq;

/* The same story told from outside, without a look into the entry. */
static struct {
	enum { NOWHERE, AWAY, HOME_LINK } place;
	struct in6_addr where;		       /* AWAY */
	struct mono home_token, care_of_token; /* when they came; 0: none */
	struct in6_addr care_of_tested;	       /* where the care-of token is for */
	struct in6_addr updated, acked;	       /* of the newest update; of the newest word about it */
	struct mono updated_at, acked_until;
	bool is_acked;
} told;

static void told_place(int place, const char *care_of)
{
	told.place = place;
	if (care_of)
		told.where = addr(care_of);
}

/* What is on its way for another place leaves nothing certain of the former. */
static void told_update(const struct mh_msg *msg)
{
	told.updated_at = now;
	told.updated = told.where;
	if (told.is_acked && (!msg->lifetime_s || !addr_equal(&told.acked, &told.where)))
		told.is_acked = false;
}

static void told_ack(enum peer_result result, uint32_t lifetime_s)
{
	if (result == PEER_DELETED)
		told.is_acked = false;
	if (result != PEER_REGISTERED && result != PEER_REFRESHED)
		return;
	told.is_acked = true;
	told.acked = told.updated;
	told.acked_until = mono_add_s(told.updated_at, lifetime_s < PEER_LIFETIME_S ? lifetime_s : PEER_LIFETIME_S);
}

static bool told_token(struct mono got)
{
	return got.ns && mono_before(now, mono_add_s(got, RR_TOKEN_LIFETIME_S));
}

static bool told_direct(void)
{
	return told.is_acked && told.place == AWAY && addr_equal(&told.acked, &told.where) &&
	       mono_before(now, told.acked_until);
}

static void check_rate(struct sender *sender)
{
	struct mono oldest = sender->last[PEER_UPDATES_PER_S - 1];

	assert_false(sender->count >= PEER_UPDATES_PER_S && mono_before(now, mono_add_s(oldest, 1)));
	memmove(sender->last + 1, sender->last, sizeof(sender->last) - sizeof(sender->last[0]));
	sender->last[0] = now;
	sender->count++;
}

static bool fresh_token(const struct peer_test *test)
{
	return test->has_token && mono_before(now, mono_add_s(test->got, RR_TOKEN_LIFETIME_S));
}

static void check_message(enum peer_action action, const struct mh_msg *msg, bool was_current)
{
	bool idle = !mono_before(now, mono_add_s(p.used, PEER_IDLE_S));

	check_rate(&senders[action]);
	assert_true(p.place != PEER_NOWHERE);
	if (p.place == PEER_AWAY) {
		assert_false(mono_before(now, p.back_off_until));
		assert_false(idle && (was_current || (!p.registered && !p.tell)));
	} else {
		assert_true(action != PEER_SEND_COTI);
	}
	if (action != PEER_SEND_UPDATE)
		return;
	assert_int_equal(msg->seq, ++expected_seq);
	assert_int_equal(msg->lifetime_s, p.place == PEER_AWAY ? PEER_LIFETIME_S : 0);
	assert_true(told_token(told.home_token));
	if (told.place == AWAY)
		assert_true(told_token(told.care_of_token) && addr_equal(&told.care_of_tested, &told.where));
	told_update(msg);
}

static void check_entry(void)
{
	uint8_t kbm[RR_KEY_LEN];

	struct mono moments[] = { p.registered ? p.expires : UPDATE_NEVER, p.held_until,
				  mono_add_s(p.used, PEER_IDLE_S) };

	for (size_t i = 0; i < ARRAY_SIZE(moments); i++) /* none of them is slept through */
		CHECK_CASE(i, !mono_before(now, moments[i]) || !mono_before(moments[i], peer_next(&p)));
	assert_true(mono_before(now, peer_next(&p)));
	assert_true(p.home_test.has_token ? fresh_token(&p.home_test) : all_zero(p.home_test.token, RR_TOKEN_LEN));
	assert_true(p.care_of_test.has_token ? fresh_token(&p.care_of_test)
					     : all_zero(p.care_of_test.token, RR_TOKEN_LEN));
	assert_true(peer_key(&p, kbm) || all_zero(p.kbm, sizeof(p.kbm)));
	assert_true(!peer_direct(&p, now) || told_direct());
	assert_false(p.registered && mono_before(p.held_until, p.expires));
	assert_false(p.registered && peer_forgettable(&p, now));
}

/* As go(), with an eye on each message. */
static void random_go(void)
{
	uint8_t kbm[RR_KEY_LEN];
	int count = 0;

	peer_expire(&p, now);
	for (;;) {
		bool current = peer_direct(&p, now);
		struct mh_msg msg;
		enum peer_action action = send_one(&msg, kbm);

		if (action == PEER_NOTHING)
			break;
		assert_true(++count < TURN);
		check_message(action, &msg, current);
		*(action == PEER_SEND_HOTI ? &hoti : action == PEER_SEND_COTI ? &coti : &update) = msg;
	}
	check_entry();
}

static void random_ack(void)
{
	static const uint8_t statuses[] = { BA_ACCEPTED,	   BA_ACCEPTED,
					    BA_ACCEPTED,	   BA_ACCEPTED,
					    BA_UNSPECIFIED,	   BA_SEQUENCE,
					    BA_EXPIRED_HOME_NONCE, BA_EXPIRED_CARE_OF_NONCE,
					    BA_EXPIRED_NONCES };
	static const uint32_t lifetimes_s[] = { 420, 420, 420, 0, 4, 60, 65535 * 4u };
	uint8_t status = statuses[roll(ARRAY_SIZE(statuses))];
	uint16_t seq = roll(4) ? update.seq : (uint16_t)(update.seq - roll(5));
	uint32_t lifetime_s = lifetimes_s[roll(ARRAY_SIZE(lifetimes_s))];
	bool authentic = roll(4);
	enum peer_result result;

	if (status == BA_SEQUENCE && roll(2))
		seq = (uint16_t)roll(65536);
	result = ack_as(status, seq, lifetime_s, authentic);
	assert_true(result == PEER_IGNORED || authentic ||
		    (status >= BA_EXPIRED_HOME_NONCE && status <= BA_EXPIRED_NONCES));
	if (result == PEER_RESENT && status == BA_SEQUENCE)
		expected_seq = seq;
	told_ack(result, lifetime_s);
}

static void random_place(void)
{
	static const char *const care_of[] = { CARE_1, CARE_2, CARE_3 };
	unsigned int which = roll(8);

	if (which < 6) {
		want_away(care_of[which / 2]);
		told_place(AWAY, care_of[which / 2]);
	} else if (which < 7) {
		peer_want_home(&p, now);
		told_place(HOME_LINK, NULL);
	} else {
		peer_want_nothing(&p);
		told_place(NOWHERE, NULL);
	}
}

static void random_test(uint8_t type)
{
	enum peer_result result = type == MH_HOT ? hot() : cot();

	if (result != PEER_TOKEN)
		return;
	*(type == MH_HOT ? &told.home_token : &told.care_of_token) = now;
	if (type == MH_COT)
		told.care_of_tested = told.where;
}

static void random_event(void)
{
	static const int64_t steps_ms[] = { 1, 10, 100, 1000, 10000, 100000, 1000000 };

	switch (roll(24)) {
	case 0:
	case 1:
	case 2:
		random_place();
		break;
	case 3:
		roll(2) ? peer_lost(&p, now) : peer_refresh(&p, now);
		break;
	case 4:
		if (!roll(20))
			peer_unsupported(&p, now);
		break;
	case 5:
	case 6:
	case 7:
		pass_ms(1 + roll((unsigned int)steps_ms[roll(ARRAY_SIZE(steps_ms))]));
		break;
	case 8:
	case 9:
	case 10:
		if (mono_before(now, peer_next(&p))) /* as the daemon does */
			now = peer_next(&p);
		break;
	case 11:
	case 12:
	case 13:
		peer_used(&p, now);
		break;
	case 14:
	case 15:
	case 16:
		random_test(MH_HOT);
		break;
	case 17:
	case 18:
	case 19:
		random_test(MH_COT);
		break;
	default:
		random_ack();
	}
}

/* Left alone it falls silent; with a correspondent that answers, and use, it goes straight in the end. */
static void check_end(void)
{
	struct peer_update was = p;
	struct mono then = now;

	for (int i = 0; i < 2000; i++) {
		random_go();
		now = peer_next(&p);
	}
	assert_true(peer_forgettable(&p, now));
	p = was;
	now = then;
	want_away(CARE_1);
	talk_s(3 * PEER_BACK_OFF_MAX_S);
	assert_true(peer_direct(&p, now));
}

/* Each update is answered at once with the number of another, and each moment somebody says that the binding is lost.
 */
static void storm_of_errors_gets_no_more_than_the_rate(void **state)
{
	unsigned int updates = 0;

	bound(CARE_1);
	memset(senders, 0, sizeof(senders));
	pass_ms(1000);
	for (int cs = 0; cs < 60 * 100; cs++, pass_ms(10)) {
		peer_used(&p, now);
		peer_lost(&p, now);
		for (const char *c = go(); *c; c = go()) {
			assert_string_equal(c, "U");
			check_rate(&senders[PEER_SEND_UPDATE]);
			updates++;
			ack_as(BA_SEQUENCE, (uint16_t)(cs * 77), 0, true);
		}
	}
	assert_true(updates > PEER_UPDATES_PER_S);
	assert_true(updates <= PEER_FAILURES * (1 + PEER_RESYNC)); /* then it backs off, whatever is said */
}

static void random_events_leave_what_must_hold(void **state)
{
	unsigned int straight = 0;

	for (unsigned int seed = 1; seed <= 2000; seed++) {
		dice = seed;
		fresh(state);
		memset(senders, 0, sizeof(senders));
		memset(&told, 0, sizeof(told));
		memset(&hoti, 0, sizeof(hoti));
		memset(&coti, 0, sizeof(coti));
		memset(&update, 0, sizeof(update));
		expected_seq = FIRST_SEQ;
		for (int i = 0; i < 300; i++) {
			random_event();
			random_go();
			straight += peer_direct(&p, now);
		}
		check_end();
	}
	assert_true(straight > 10000); /* or the walk has missed what it is for */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(both_tests_begin_at_once_with_cookies_of_their_own, fresh),
		cmocka_unit_test_setup(nothing_is_sent_before_the_place_is_known, fresh),
		cmocka_unit_test_setup(who_never_answers_is_asked_four_times_and_then_left_for_a_minute, fresh),
		cmocka_unit_test_setup(each_test_is_repeated_by_itself, fresh),
		cmocka_unit_test_setup(only_the_newest_cookie_counts_and_only_once, fresh),
		cmocka_unit_test_setup(nobody_answers_what_was_not_asked, fresh),
		cmocka_unit_test_setup(update_follows_the_later_token_and_says_what_the_key_is_made_of, fresh),
		cmocka_unit_test_setup(lost_update_is_repeated_with_the_next_number, fresh),
		cmocka_unit_test_setup(updates_that_nobody_answers_end_in_back_off, fresh),
		cmocka_unit_test_setup(data_goes_straight_from_the_acknowledgement_to_the_end_of_the_lifetime, fresh),
		cmocka_unit_test_setup(loss_costs_the_pause_before_the_resend_and_no_more, fresh),
		cmocka_unit_test_setup(whichever_messages_are_lost_it_goes_straight_in_the_end, fresh),
		cmocka_unit_test_setup(tokens_and_binding_are_renewed_ahead_while_in_use, fresh),
		cmocka_unit_test_setup(binding_in_use_goes_straight_for_hours, fresh),
		cmocka_unit_test_setup(refresh_leaves_a_margin_whatever_was_granted, fresh),
		cmocka_unit_test_setup(idle_correspondent_lapses_with_its_binding, fresh),
		cmocka_unit_test_setup(idle_correspondent_that_answers_no_update_is_left_alone, fresh),
		cmocka_unit_test_setup(entry_is_kept_as_long_as_it_may_be_bound, fresh),
		cmocka_unit_test_setup(packet_after_an_idle_time_makes_up_for_it, fresh),
		cmocka_unit_test_setup(refresh_request_is_followed_while_in_use, fresh),
		cmocka_unit_test_setup(refresh_request_without_a_binding_is_none, fresh),
		cmocka_unit_test_setup(handover_with_a_good_home_token_costs_two_round_trips, fresh),
		cmocka_unit_test_setup(handover_never_finds_an_old_home_token_while_in_use, fresh),
		cmocka_unit_test_setup(handover_with_an_old_home_token_asks_for_both_in_parallel, fresh),
		cmocka_unit_test_setup(idle_correspondent_with_a_binding_is_told_of_a_handover_once, fresh),
		cmocka_unit_test_setup(handover_without_an_answer_is_told_until_the_binding_ends, fresh),
		cmocka_unit_test_setup(handover_does_not_wait_for_what_was_asked_on_the_old_link, fresh),
		cmocka_unit_test_setup(answers_from_before_the_move_are_ignored, fresh),
		cmocka_unit_test_setup(care_of_token_of_before_the_move_is_ignored, fresh),
		cmocka_unit_test_setup(back_before_the_update_was_sent_nothing_is_to_be_told, fresh),
		cmocka_unit_test_setup(back_after_the_update_was_sent_another_is_needed, fresh),
		cmocka_unit_test_setup(a_gap_without_any_link_costs_nothing, fresh),
		cmocka_unit_test_setup(same_place_again_changes_nothing, fresh),
		cmocka_unit_test_setup(accepted_for_no_time_is_a_refusal, fresh),
		cmocka_unit_test_setup(refusals_lead_to_back_off_at_once, fresh),
		cmocka_unit_test_setup(refused_renewal_leaves_what_stands, fresh),
		cmocka_unit_test_setup(only_authentic_answers_count, fresh),
		cmocka_unit_test_setup(number_out_of_window_is_followed_at_once, fresh),
		cmocka_unit_test_setup(resyncs_are_counted_anew_after_success_and_after_a_move, fresh),
		cmocka_unit_test_setup(number_out_of_window_for_ever_is_given_up, fresh),
		cmocka_unit_test_setup(expired_nonces_void_the_tokens_made_of_them, fresh),
		cmocka_unit_test_setup(nonces_that_are_always_expired_are_given_up, fresh),
		cmocka_unit_test_setup(no_type_goes_out_more_than_three_times_a_second, fresh),
		cmocka_unit_test_setup(updates_wait_for_their_rate, fresh),
		cmocka_unit_test_setup(back_off_doubles_to_an_hour_and_is_forgotten_with_success, fresh),
		cmocka_unit_test_setup(success_wipes_out_the_failures_before_it, fresh),
		cmocka_unit_test_setup(nobody_is_asked_again_who_is_not_in_use, fresh),
		cmocka_unit_test_setup(who_knows_no_mobility_is_left_alone_for_an_hour, fresh),
		cmocka_unit_test_setup(who_knew_mobility_is_asked_again_after_a_minute, fresh),
		cmocka_unit_test_setup(errors_do_not_speed_up_a_deletion, fresh),
		cmocka_unit_test_setup(a_move_is_told_whatever_a_stranger_said_before, fresh),
		cmocka_unit_test_setup(lost_binding_is_made_anew_once_a_second_at_most, fresh),
		cmocka_unit_test_setup(lost_binding_does_not_wait_for_an_update_under_way, fresh),
		cmocka_unit_test_setup(lost_binding_of_an_idle_correspondent_is_let_go, fresh),
		cmocka_unit_test_setup(at_home_the_binding_is_deleted_by_the_home_token_alone, fresh),
		cmocka_unit_test_setup(coming_home_late_asks_for_the_home_token_first, fresh),
		cmocka_unit_test_setup(deletion_without_an_answer_goes_on_until_the_binding_ends, fresh),
		cmocka_unit_test_setup(refused_deletion_is_given_up_and_held_against_nobody, fresh),
		cmocka_unit_test_setup(deletion_with_an_expired_nonce_asks_for_another_token, fresh),
		cmocka_unit_test_setup(nothing_is_deleted_where_nothing_was_told, fresh),
		cmocka_unit_test_setup(update_without_an_answer_is_deleted_too, fresh),
		cmocka_unit_test_setup(deletion_ends_where_there_is_nothing_left_to_delete, fresh),
		cmocka_unit_test_setup(home_again_changes_nothing_and_wipes_out_failures, fresh),
		cmocka_unit_test_setup(away_again_before_the_deletion_s_answer_needs_an_update, fresh),
		cmocka_unit_test_setup(adopted_binding_goes_straight_where_it_was_made, fresh),
		cmocka_unit_test_setup(who_was_bound_in_a_former_life_knows_mobility, fresh),
		cmocka_unit_test_setup(adopted_binding_not_in_use_is_left_alone, fresh),
		cmocka_unit_test_setup(adopted_binding_of_another_place_is_moved_with_the_next_number, fresh),
		cmocka_unit_test_setup(adopted_binding_is_deleted_at_home, fresh),
		cmocka_unit_test_setup(what_ended_before_this_life_is_no_binding, fresh),
		cmocka_unit_test_setup(tokens_and_keys_are_wiped_when_void, fresh),
		cmocka_unit_test_setup(key_of_an_update_outlives_its_tokens, fresh),
		cmocka_unit_test_setup(storm_of_errors_gets_no_more_than_the_rate, fresh),
		cmocka_unit_test_setup(random_events_leave_what_must_hold, fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
