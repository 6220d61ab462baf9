// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A session with charon: what is told and when, and that a charon that is away, slow, silent or mad does no harm. */
#include "vici_rig.h"

/* ---- beginning ---- */

static void events_are_registered_before_anything_is_told(void **state)
{
	pump_until(accepted);
	expect(EVENT_REGISTER, "ike-updown", "");
	assert_int_equal(ask("version", "a", 0), -ENOTCONN);
	expect_silence(); /* one under way at a time */
	say(EVENT_CONFIRM, NULL, "");
	expect(EVENT_REGISTER, "child-updown", "");
	say(EVENT, "ike-updown", "early"); /* nobody is ready for it */
	assert_false(vici_is_up(vici));
	assert_string_equal(news(), "");
	say(EVENT_CONFIRM, NULL, "");
	assert_string_equal(news(), "up ");
	expect_silence();
}

static void an_event_that_strongswan_lacks_is_no_obstacle(void **state)
{
	pump_until(accepted);
	expect(EVENT_REGISTER, "ike-updown", "");
	say(EVENT_UNKNOWN, NULL, "");
	expect(EVENT_REGISTER, "child-updown", "");
	say(EVENT_UNKNOWN, NULL, "");
	assert_string_equal(news(), "up ");
}

static void what_can_not_be_opened_is_refused(void **state)
{
	static const struct vici_handlers handlers = { NULL, note_up, note_down, note_event };
	static const char *const none[] = { NULL };
	char long_path[sizeof(((struct sockaddr_un *)0)->sun_path) + 1];
	struct vici *other = vici;

	memset(long_path, 'a', sizeof(long_path) - 1);
	long_path[sizeof(long_path) - 1] = '\0';
	assert_int_equal(vici_open(loop, long_path, events, &handlers, &other), -EINVAL);
	assert_null(other);
	assert_int_equal(vici_open(loop, path, none, &handlers, &other), -EINVAL);
	assert_null(other);
	long_path[sizeof(long_path) - 2] = '\0'; /* as long as may be */
	assert_int_equal(vici_open(loop, long_path, events, &handlers, &other), 0);
	vici_close(other);
	vici_close(NULL);
}

/* ---- coming back ---- */

static bool all_delays_seen(void)
{
	return timer_count >= 8;
}

static bool reconnect_planned(void)
{
	return timer_count && timers[timer_count - 1].timer == vici->reconnect;
}

static void who_refuses_is_asked_again_ever_more_seldom(void **state)
{
	static const uint64_t delays_s[] = { 0, 1, 2, 4, 8, 16, 30, 30 };
	int wakes = 0;

	stop_listening();
	for (int i = 0; i < 200 && !all_delays_seen(); i++)
		wakes += sd_event_run(loop, 50000) > 0;
	assert_true(all_delays_seen());
	for (size_t i = 0; i < ARRAY_SIZE(delays_s); i++)
		CHECK_CASE(i, timers[i].us == delays_s[i] * SECOND_US && timers[i].timer == vici->reconnect);
	assert_true(wakes <= 8); /* nothing but those timers */
	assert_string_equal(news(), "down ");

	begin_listening();
	confirm_events();
	assert_string_equal(news(), "up ");
	hang_up(); /* it did nothing but to take events down */
	pump_until(reconnect_planned);
	assert_int_equal(timers[timer_count - 1].us, 30 * SECOND_US);
	assert_string_equal(news(), "down ");
	confirm_events();
	assert_int_equal(ask("version", NULL, 0), 0);
	expect(CMD_REQUEST, "version", "");
	say(CMD_RESPONSE, NULL, "");
	pump();
	hang_up();
	pump_until(reconnect_planned);
	assert_int_equal(timers[timer_count - 1].us, SECOND_US); /* an answer begins anew */
}

static void who_accepts_and_hangs_up_is_asked_ever_more_seldom_too(void **state)
{
	for (uint64_t delay_s = 1; delay_s <= 4; delay_s *= 2) {
		pump_until(accepted);
		expect(EVENT_REGISTER, "ike-updown", "");
		say(EVENT_CONFIRM, NULL, ""); /* of the first only: that is no session */
		expect(EVENT_REGISTER, "child-updown", "");
		hang_up();
		pump_until(reconnect_planned);
		assert_int_equal(timers[timer_count - 1].us, delay_s * SECOND_US);
	}
	assert_string_equal(news(), "down ");
	confirm_events();
	assert_string_equal(news(), "up ");
}

static void silence_while_registering_ends_it(void **state)
{
	pump_until(accepted);
	expect(EVENT_REGISTER, "ike-updown", "");
	assert_ptr_equal(timers[timer_count - 1].timer, vici->timeout);
	assert_int_equal(timers[timer_count - 1].us, VICI_TIMEOUT_S * SECOND_US);
	pump_until(reconnect_planned);
	assert_string_equal(news(), "down ");
	assert_true(is_hung_up());
}

static void a_quiet_session_costs_nothing(void **state)
{
	assert_int_equal(ask("version", "a", 0), 0);
	expect(CMD_REQUEST, "version", "");
	say(CMD_RESPONSE, NULL, "5.9.8");
	assert_string_equal(news(), "a:5.9.8 ");
	for (int i = 0; i < 3; i++) /* longer than the timeout of what was answered */
		assert_int_equal(sd_event_run(loop, 10000), 0);
	assert_true(vici_is_up(vici));
}

/* ---- requests ---- */

static void answers_come_in_the_order_of_requests(void **state)
{
	static const uint8_t two[] = "\0\0\0\13\0\3two\3\1k\0\1v";
	struct vici_writer *w = vici_writer_new();
	uint8_t heard[sizeof(two) - 1];

	assert_int_equal(ask("one", "a", 0), 0);
	vici_text(w, "k", "v");
	assert_int_equal(vici_request(vici, "two", w, 0, note_answer, "b"), 0);
	vici_writer_free(w); /* the session has its own */
	assert_int_equal(ask("three", "c", 0), 0);
	expect(CMD_REQUEST, "one", "");
	expect_silence();
	say(CMD_RESPONSE, NULL, "first");
	assert_string_equal(news(), "a:first ");
	assert_int_equal(hear(heard, sizeof(heard)), sizeof(heard));
	assert_memory_equal(heard, two, sizeof(heard));
	expect_silence();
	say(CMD_UNKNOWN, NULL, ""); /* does not end the session */
	assert_string_equal(news(), "b=ENOENT ");
	expect(CMD_REQUEST, "three", "");
	say(CMD_RESPONSE, NULL, "");
	assert_string_equal(news(), "c: ");
	expect_silence();
	assert_true(vici_is_up(vici));
}

static void a_broken_message_is_not_sent(void **state)
{
	struct vici_writer *w = vici_writer_new();
	char name[UINT8_MAX + 2];

	vici_section(w, "left-open");
	assert_int_equal(vici_request(vici, "a", w, 0, note_answer, "a"), -EINVAL);
	vici_writer_free(w);
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(ask(name, "a", 0), -EINVAL);
	expect_silence();
	name[sizeof(name) - 2] = '\0';
	assert_int_equal(ask(name, "b", 0), 0);
	expect(CMD_REQUEST, name, "");
	say(CMD_RESPONSE, NULL, "");
	assert_string_equal(news(), "b: ");
}

static void octet_by_octet_nothing_is_lost(void **state)
{
	uint8_t octets[2][64];
	size_t len[2];

	send_most = 1;
	assert_int_equal(ask("one", "a", 0), 0);
	assert_int_equal(ask("two", "b", 0), 0);
	expect(CMD_REQUEST, "one", "");
	len[0] = packet(octets[0], EVENT, "ike-updown", "between");
	len[1] = packet(octets[1], CMD_RESPONSE, NULL, "answer");
	for (int i = 0; i < 2; i++)
		for (size_t at = 0; at < len[i]; at++)
			say_octets(octets[i] + at, 1);
	expect(CMD_REQUEST, "two", "");
	say(CMD_RESPONSE, NULL, "x");
	assert_string_equal(news(), "event-ike-updown:between a:answer b:x ");
}

/* Big ones go through a socket that holds less, and those beyond are refused before they are sent. */
static void messages_up_to_the_limit_go_both_ways(void **state)
{
	static uint8_t big[HEADER + VICI_MAX];
	static const char name[] = "big", zeros[50000];

	for (int over = -1; over <= 1; over++) {
		struct vici_writer *w = vici_writer_new();
		size_t left = VICI_MAX - 2 - strlen(name) + over;

		for (size_t now; left; left -= now) {
			now = left > sizeof(zeros) ? 40000 : left;
			vici_value(w, "k", zeros, now - 5);
		}
		if (over > 0) {
			assert_int_equal(vici_request(vici, name, w, 0, note_answer, "a"), -EINVAL);
		} else {
			assert_int_equal(vici_request(vici, name, w, 0, note_answer, "a"), 0);
			assert_int_equal(hear(big, sizeof(big)), sizeof(big) + over);
			memcpy(big, (uint8_t[]){ 0, VICI_MAX >> 16, 0, 0, CMD_RESPONSE, 'x', 0 }, 7);
			say_octets(big, sizeof(big));
			assert_string_equal(news(), "a:x ");
		}
		vici_writer_free(w);
	}
	assert_true(vici_is_up(vici));
}

static void note_and_ask_again(void *arg, int err, const uint8_t *data, size_t len)
{
	note_answer(arg, err, data, len);
	tell("%s ", ask("again", "c", 0) ? "not-again" : "again");
}

static void ask_first(void)
{
	assert_int_equal(ask("first", "first", 0), 0);
}

static void an_answer_or_on_up_may_ask_again(void **state)
{
	when_up = ask_first;
	confirm_events();
	expect(CMD_REQUEST, "first", "");
	say(CMD_RESPONSE, NULL, "");
	assert_string_equal(news(), "up first: ");
	assert_int_equal(vici_request(vici, "one", NULL, 0, note_and_ask_again, "a"), 0);
	assert_int_equal(vici_request(vici, "two", NULL, 0, note_and_ask_again, "b"), 0);
	expect(CMD_REQUEST, "one", "");
	say(CMD_RESPONSE, NULL, "");
	expect(CMD_REQUEST, "two", ""); /* what waited goes first */
	hang_up();
	pump();
	assert_string_equal(news(), "a: again b=ECONNRESET not-again c=ECONNRESET down ");
}

static void no_more_than_that_many_wait(void **state)
{
	for (int i = 0; i < WAITING_MAX; i++)
		assert_int_equal(ask("x", "x", 0), 0);
	assert_int_equal(ask("x", "x", 0), -EAGAIN);
	expect(CMD_REQUEST, "x", "");
	assert_int_equal(ask("x", "x", 0), -EAGAIN); /* that one waits for its answer */
	say(CMD_RESPONSE, NULL, "");
	assert_string_equal(news(), "x: ");
	assert_int_equal(ask("x", "x", 0), 0);
	assert_int_equal(ask("x", "x", 0), -EAGAIN);
	vici_close(vici); /* says nothing to anybody */
	vici = NULL;
	assert_string_equal(news(), "");
}

/* ---- events ---- */

static void events_come_between_answers(void **state)
{
	uint8_t octets[1024];
	size_t len = 0;

	say(EVENT, "ike-updown", "1");
	assert_int_equal(ask("one", "a", 0), 0);
	expect(CMD_REQUEST, "one", "");
	len += packet(octets + len, EVENT, "child-updown", "2");
	len += packet(octets + len, CMD_RESPONSE, NULL, "3");
	len += packet(octets + len, EVENT, "child-updown", "");
	len += packet(octets + len, EVENT, "", "5");
	say_octets(octets, len);
	assert_string_equal(news(), "event-ike-updown:1 event-child-updown:2 a:3 event-child-updown: event-:5 ");
}

static void a_flood_of_events_does_not_keep_the_loop(void **state)
{
	static uint8_t octets[64 * 1024];
	size_t len = 0, count = 0;
	int wakes = 0;

	for (; count < 1000; count++)
		len += packet(octets + len, EVENT, "e", "");
	assert_int_equal(send(charon, octets, len, MSG_NOSIGNAL), len);
	while (sd_event_run(loop, 0) > 0)
		wakes++;
	assert_true(wakes >= (int)(2 * count / PACKETS_PER_WAKE)); /* others have their turn between */
	for (const char *at = news(); (at = strstr(at, "event-e: ")); at++)
		count--;
	assert_int_equal(count, 0);
}

/* ---- ends ---- */

static void silence_ends_a_session_at_the_timeout_of_the_request(void **state)
{
	assert_int_equal(ask("one", "a", 3), 0);
	assert_int_equal(ask("two", "b", 60), 0);
	assert_int_equal(ask("three", "c", 0), 0);
	expect(CMD_REQUEST, "one", "");
	assert_int_equal(timer_count, 1); /* of the one under way alone */
	assert_int_equal(timers[0].us, 3 * SECOND_US);
	say(EVENT, "ike-updown", ""); /* is no answer */
	assert_int_equal(timer_count, 1);
	say(CMD_RESPONSE, NULL, "");
	expect(CMD_REQUEST, "two", "");
	assert_int_equal(timers[1].us, 60 * SECOND_US);
	assert_string_equal(news(), "event-ike-updown: a: ");
	pump_until(reconnect_planned);
	assert_string_equal(news(), "b=ETIMEDOUT c=ECONNRESET down ");
	assert_true(is_hung_up());
}

static void who_reads_nothing_is_given_up_in_time(void **state)
{
	send_room = 3; /* of the packet */
	assert_int_equal(ask("one", "a", 0), 0);
	assert_int_equal(ask("two", "b", 0), 0);
	for (int i = 0; i < 20; i++)
		sd_event_run(loop, 0);
	assert_int_equal(timer_count, 1); /* not put off by each try */
	assert_int_equal(timers[0].us, VICI_TIMEOUT_S * SECOND_US);
	pump_until(reconnect_planned);
	assert_string_equal(news(), "a=ETIMEDOUT b=ECONNRESET down ");
}

static void a_write_that_fails_ends_the_session(void **state)
{
	send_error = EPIPE;
	assert_int_equal(ask("one", "a", 0), 0);
	assert_int_equal(ask("two", "b", 0), 0);
	pump();
	assert_string_equal(news(), "a=ECONNRESET b=ECONNRESET down ");
}

static void who_hangs_up_anywhere_in_an_answer_resets_it(void **state)
{
	uint8_t octets[64];
	size_t len = packet(octets, CMD_RESPONSE, NULL, "answer");

	for (size_t cut = 0; cut < len; cut++) {
		assert_int_equal(ask("one", "a", 0), 0);
		assert_int_equal(ask("two", "b", 0), 0);
		expect(CMD_REQUEST, "one", "");
		say_octets(octets, cut);
		hang_up();
		pump();
		CHECK_CASE(cut, !strcmp(news(), "a=ECONNRESET b=ECONNRESET down "));
		CHECK_CASE(cut, ask("three", "c", 0) == -ENOTCONN);
		confirm_events(); /* what was half-read is forgotten */
		CHECK_CASE(cut, !strcmp(news(), "up "));
	}
}

static void what_is_not_vici_ends_the_session(void **state)
{
	static const struct {
		const char *octets;
		size_t len;
	} cases[] = {
		{ "\0\0\0\0", 4 },	   /* not even a type */
		{ "\0\10\0\1", 4 },	   /* VICI_MAX + 1 */
		{ "\377\377\377\377", 4 }, /* and the most */
		{ "HTTP/1.1 400", 12 },	   /* somebody else's socket */
		{ "\0\0\0\1\0", 5 },	   /* requests are ours */
		{ "\0\0\0\1\3", 5 },	   /* registering, too */
		{ "\0\0\0\1\4", 5 },
		{ "\0\0\0\1\5", 5 }, /* a confirmation without a question */
		{ "\0\0\0\1\6", 5 },
		{ "\0\0\0\1\10", 5 }, /* no such type */
		{ "\0\0\0\1\377", 5 },
		{ "\0\0\0\1\7", 5 },	       /* an event without a name */
		{ "\0\0\0\4\7\3ab", 8 },       /* whose name ends beyond it */
		{ "\0\0\0\2\7\377", 6 },       /* far beyond */
		{ "\0\0\0\1\1\0\0\0\1\1", 10 } /* one answer more than requests under way */
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		bool answered = cases[i].len == 10;

		assert_int_equal(ask("one", "a", 0), 0);
		expect(CMD_REQUEST, "one", "");
		send_room = 0;
		assert_int_equal(ask("two", "b", 0), 0);
		say_octets(cases[i].octets, cases[i].len);
		CHECK_CASE(i, is_hung_up());
		CHECK_CASE(i, !strcmp(news(), answered ? "a: b=EBADMSG down " : "a=EBADMSG b=ECONNRESET down "));
		send_room = SIZE_MAX;
		hang_up();
		confirm_events();
		CHECK_CASE(i, !strcmp(news(), "up "));
	}
}

static void an_answer_out_of_turn_ends_the_session(void **state)
{
	say(CMD_RESPONSE, NULL, ""); /* to nothing */
	assert_string_equal(news(), "down ");
	hang_up();
	confirm_events();
	send_room = 3;
	assert_int_equal(ask("one", "a", 0), 0);
	say(CMD_RESPONSE, NULL, ""); /* to what it has not heard */
	assert_string_equal(news(), "up a=EBADMSG down ");
	send_room = SIZE_MAX;
	hang_up();
	pump_until(accepted);
	expect(EVENT_REGISTER, "ike-updown", "");
	say(CMD_RESPONSE, NULL, ""); /* to a registration */
	assert_true(is_hung_up());
	assert_string_equal(news(), ""); /* told already */
}

#define SESSION(test) cmocka_unit_test_setup_teardown(test, set_up_session, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(events_are_registered_before_anything_is_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_event_that_strongswan_lacks_is_no_obstacle, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_can_not_be_opened_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_refuses_is_asked_again_ever_more_seldom, set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_accepts_and_hangs_up_is_asked_ever_more_seldom_too, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(silence_while_registering_ends_it, set_up, tear_down),
		SESSION(a_quiet_session_costs_nothing),
		SESSION(answers_come_in_the_order_of_requests),
		SESSION(a_broken_message_is_not_sent),
		SESSION(octet_by_octet_nothing_is_lost),
		SESSION(messages_up_to_the_limit_go_both_ways),
		cmocka_unit_test_setup_teardown(an_answer_or_on_up_may_ask_again, set_up, tear_down),
		SESSION(no_more_than_that_many_wait),
		SESSION(events_come_between_answers),
		SESSION(a_flood_of_events_does_not_keep_the_loop),
		SESSION(silence_ends_a_session_at_the_timeout_of_the_request),
		SESSION(who_reads_nothing_is_given_up_in_time),
		SESSION(a_write_that_fails_ends_the_session),
		SESSION(who_hangs_up_anywhere_in_an_answer_resets_it),
		SESSION(what_is_not_vici_ends_the_session),
		SESSION(an_answer_out_of_turn_ends_the_session),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
