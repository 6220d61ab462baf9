// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The home agent's side effects and their order: registration, detection of duplicates, refresh, move, de-registration,
 * failures. Time: home_agent_time_test.c. */
#include "home_agent_rig.h"

static void the_path_stands_before_the_acknowledgement_leaves(void **state)
{
	rig_bu(VIRTUAL, CARE_OF, 1, USUAL, 400);
	EXPECT_CALLS("nexthop_acquire " CARE_OF,
		     "binding_set " VIRTUAL " -> " CARE_OF " seq 1 for 400 s nexthop 1 mtu 0", "answer_clear " VIRTUAL,
		     "send_mh BA status 0 seq 1 for 400 s from " AGENT " to " VIRTUAL " via_home",
		     "publish registered " VIRTUAL);
	assert_int_equal(gw.agent_counters[AGENT_REGISTERED], 1);
}

static void on_a_home_link_detection_comes_first_and_defence_before_the_acknowledgement(void **state)
{
	rig_bu(NODE, CARE_OF, 1, USUAL | BU_LINK_LOCAL, 400);
	EXPECT_CALLS("dad_start 7 " NODE " L");
	rig_dad_done(NODE, true);
	EXPECT_CALLS("nexthop_acquire " CARE_OF, "binding_set " NODE " -> " CARE_OF " seq 1 for 400 s nexthop 1 mtu 0",
		     "proxy_start 7 " NODE " L announce", "answer_clear " NODE,
		     "send_mh BA status 0 seq 1 for 400 s from " AGENT " to " NODE " via_home",
		     "publish registered " NODE);
}

static void without_detection_configured_the_answer_is_immediate(void **state)
{
	rig_config.dad_transmits = 0;
	rig_bu(NODE, CARE_OF, 1, USUAL, 400);
	assert_int_equal(fake_calls("dad_start"), 0);
	assert_int_equal(fake_calls("proxy_start 7 " NODE " announce"), 1);
	assert_int_equal(fake_calls("send_mh BA status 0 seq 1"), 1);
}

/* RFC 6275 §10.3.1: what is granted begins with the acknowledgement. */
static void the_lifetime_begins_when_detection_has_ended(void **state)
{
	rig_bu(NODE, CARE_OF, 1, USUAL, 400);
	rig_advance_ms(900);
	rig_dad_done(NODE, true);
	assert_true(rig_find(NODE)->expires.ns == mono_add_s(fake.now, 400).ns);
}

static void a_duplicate_is_answered_134_and_leaves_nothing(void **state)
{
	rig_bu(NODE, CARE_OF, 1, USUAL, 400);
	fake_forget();
	rig_dad_done(NODE, false);
	EXPECT_CALLS("dad_stop " NODE, "answer_set " NODE " -> " CARE_OF,
		     "send_mh BA status 134 seq 1 for 0 s from " AGENT " to " NODE " via_home",
		     "publish dad-failed " NODE);
	assert_null(rig_find(NODE));
}

static void updates_during_detection_are_answered_once_with_the_newest_number(void **state)
{
	rig_bu(NODE, CARE_OF, 1, USUAL, 400);
	rig_bu(NODE, CARE_OF, 2, USUAL, 400);
	rig_bu(NODE, CARE_OF_2, 5, USUAL, 800);
	EXPECT_CALLS("dad_start 7 " NODE);
	rig_dad_done(NODE, true);
	EXPECT_CALLS(
		"nexthop_acquire " CARE_OF_2, "binding_set " NODE " -> " CARE_OF_2 " seq 5 for 800 s nexthop 1 mtu 0",
		"proxy_start 7 " NODE " announce", "answer_clear " NODE,
		"send_mh BA status 0 seq 5 for 800 s from " AGENT " to " NODE " via_home", "publish registered " NODE);
}

static void an_old_number_during_detection_is_refused_and_detection_goes_on(void **state)
{
	rig_bu(NODE, CARE_OF, 9, USUAL, 400);
	fake_forget();
	rig_bu(NODE, CARE_OF_2, 9, USUAL, 400);
	EXPECT_CALLS("answer_set " NODE " -> " CARE_OF_2,
		     "send_mh BA status 135 seq 9 for 0 s from " AGENT " to " NODE " via_home",
		     "publish refused " NODE);
	rig_dad_done(NODE, true);
	assert_int_equal(fake_calls("send_mh BA status 0 seq 9"), 1);
	assert_int_equal(fake_calls("binding_set " NODE " -> " CARE_OF " seq 9"), 1);
}

static void the_link_local_address_is_tested_too_where_it_is_asked_for_later(void **state)
{
	rig_bu(NODE, CARE_OF, 1, USUAL, 400);
	fake_forget();
	rig_bu(NODE, CARE_OF, 2, USUAL | BU_LINK_LOCAL, 400);
	EXPECT_CALLS("dad_stop " NODE, "dad_start 7 " NODE " L");
	rig_bu(NODE, CARE_OF, 3, USUAL | BU_LINK_LOCAL, 400);
	EXPECT_NO_CALLS();
}

static void deregistration_during_detection_ends_it(void **state)
{
	rig_bu(NODE, CARE_OF, 1, USUAL, 400);
	fake_forget();
	rig_bu(NODE, CARE_OF, 2, USUAL, 0);
	EXPECT_CALLS("dad_stop " NODE, "answer_set " NODE " -> " CARE_OF,
		     "send_mh BA status 0 seq 2 for 0 s from " AGENT " to " NODE " via_home",
		     "publish deregistered " NODE);
	rig_dad_done(NODE, true); /* too late */
	rig_dad_done(NODE, false);
	EXPECT_NO_CALLS();
	assert_null(rig_find(NODE));
}

static void detection_that_cannot_start_is_lack_of_resources(void **state)
{
	fake_fail("dad_start", -ENETDOWN);
	rig_bu(NODE, CARE_OF, 1, USUAL, 400);
	assert_int_equal(fake_calls("send_mh BA status 130 seq 1"), 1);
	assert_int_equal(binding_count(gw.bindings), 0);
}

static void a_refresh_writes_the_path_and_answers(void **state)
{
	rig_registered(NODE, CARE_OF, 1, USUAL, 400);
	rig_advance_ms(100000);
	rig_bu(NODE, CARE_OF, 2, USUAL, 400);
	EXPECT_CALLS("binding_set " NODE " -> " CARE_OF " seq 2 for 400 s nexthop 1 mtu 0", "answer_clear " NODE,
		     "send_mh BA status 0 seq 2 for 400 s from " AGENT " to " NODE " via_home",
		     "publish refreshed " NODE);
	assert_true(rig_find(NODE)->expires.ns == mono_add_s(fake.now, 400).ns);
	assert_int_equal(gw.agent_counters[AGENT_REFRESHED], 1);
}

static void a_move_takes_the_new_next_hop_before_and_leaves_the_old_after(void **state)
{
	rig_registered(NODE, CARE_OF, 1, USUAL, 400);
	rig_bu(NODE, CARE_OF_2, 2, USUAL, 400);
	EXPECT_CALLS("nexthop_acquire " CARE_OF_2,
		     "binding_set " NODE " -> " CARE_OF_2 " seq 2 for 400 s nexthop 2 mtu 0",
		     "nexthop_release " CARE_OF, "answer_clear " NODE,
		     "send_mh BA status 0 seq 2 for 400 s from " AGENT " to " NODE " via_home", "publish moved " NODE);
	assert_int_equal(rig_find(NODE)->nexthop, 2);
	assert_int_equal(gw.agent_counters[AGENT_MOVED], 1);
}

/* RFC 6275 §6.2.5, §9.5.4: registered is the alternate address, the answer goes by the one it was sent from. */
static void with_an_alternate_care_of_address_the_answer_takes_the_road_of_the_update(void **state)
{
	struct mh_msg bu = { .type = MH_BU,
			     .seq = 1,
			     .flags = USUAL,
			     .lifetime_s = 400,
			     .opt = { .has_alt_care_of = true, .alt_care_of = addr(CARE_OF_2) } };
	struct mh_input in = {
		.src = addr(VIRTUAL), .dst = addr(AGENT), .care_of = addr(CARE_OF), .has_home = true, .when = fake.now
	};

	home_agent_on_bu(&gw, &in, &bu);
	EXPECT_CALLS("nexthop_acquire " CARE_OF_2,
		     "binding_set " VIRTUAL " -> " CARE_OF_2 " seq 1 for 400 s nexthop 1 mtu 0",
		     "answer_set " VIRTUAL " -> " CARE_OF,
		     "send_mh BA status 0 seq 1 for 400 s from " AGENT " to " VIRTUAL " via_home",
		     "publish registered " VIRTUAL);
}

static void a_change_of_l_restarts_the_defence(void **state)
{
	rig_registered(NODE, CARE_OF, 1, USUAL, 400);
	rig_bu(NODE, CARE_OF, 2, USUAL | BU_LINK_LOCAL, 400);
	EXPECT_CALLS("binding_set " NODE " -> " CARE_OF " seq 2 for 400 s nexthop 1 mtu 0", "proxy_stop 7 " NODE,
		     "proxy_start 7 " NODE " L announce", "answer_clear " NODE,
		     "send_mh BA status 0 seq 2 for 400 s from " AGENT " to " NODE " via_home",
		     "publish refreshed " NODE);
	rig_bu(NODE, CARE_OF, 3, USUAL, 0);
	assert_int_equal(fake_calls("proxy_stop 7 " NODE " L"), 1);
}

static void a_learned_path_mtu_lasts_over_a_refresh_but_not_over_a_move(void **state)
{
	static const struct {
		const char *care_of;
		int after_s;
		uint16_t mtu;
	} cases[] = { { CARE_OF, 10, 1400 }, { CARE_OF, 61, 0 }, { CARE_OF_2, 10, 0 } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		rig_registered(NODE, CARE_OF, 10 * i + 1, USUAL, 400);
		rig_find(NODE)->path_mtu = 1400;
		rig_find(NODE)->path_mtu_until = mono_add_s(fake.now, 60);
		rig_advance_ms(1000 * cases[i].after_s);
		rig_bu(NODE, cases[i].care_of, 10 * i + 2, USUAL, 400);
		CHECK_CASE(i, rig_find(NODE)->path_mtu == cases[i].mtu);
		rig_bu(NODE, cases[i].care_of, 10 * i + 3, USUAL, 0);
	}
}

static void at_deregistration_path_and_defence_are_gone_before_the_acknowledgement(void **state)
{
	rig_registered(NODE, CARE_OF, 1, USUAL, 400);
	rig_bu(NODE, CARE_OF, 2, USUAL, 0);
	EXPECT_CALLS("binding_delete " NODE, "proxy_stop 7 " NODE, "nexthop_release " CARE_OF,
		     "answer_set " NODE " -> " CARE_OF,
		     "send_mh BA status 0 seq 2 for 0 s from " AGENT " to " NODE " via_home",
		     "publish deregistered " NODE);
	assert_null(rig_find(NODE));
}

/* RFC 6275 §9.5.4, §10.3.2: no routing header to a node that is at home. */
static void a_node_that_came_home_is_answered_on_its_link(void **state)
{
	rig_registered(NODE, CARE_OF, 1, USUAL, 400);
	rig_bu(NODE, NULL, 2, USUAL, 0);
	EXPECT_CALLS(
		"binding_delete " NODE, "proxy_stop 7 " NODE, "nexthop_release " CARE_OF,
		"answer_set " NODE " -> ::", "send_mh BA status 0 seq 2 for 0 s from " AGENT " to " NODE " via_home",
		"publish deregistered " NODE);
}

static void a_refusal_changes_nothing_and_goes_where_the_update_came_from(void **state)
{
	struct binding_entry before;

	rig_registered(NODE, CARE_OF, 5, USUAL, 400);
	before = *rig_find(NODE);
	rig_advance_ms(1000);
	rig_bu(NODE, CARE_OF_2, 5, USUAL, 800); /* stale: answered by where it came from, not by the binding */
	EXPECT_CALLS("answer_set " NODE " -> " CARE_OF_2,
		     "send_mh BA status 135 seq 5 for 0 s from " AGENT " to " NODE " via_home",
		     "publish refused " NODE);
	rig_bu(NODE, CARE_OF, 6, BU_ACK, 400);
	EXPECT_CALLS("answer_clear " NODE, "send_mh BA status 139 seq 6 for 0 s from " AGENT " to " NODE " via_home",
		     "publish refused " NODE);
	assert_memory_equal(rig_find(NODE), &before, sizeof(before));
	rig_bu("2001:db8:9::9", NULL, 1, USUAL, 0); /* no link of ours, no option: the ordinary route */
	EXPECT_CALLS("send_mh BA status 133 seq 1 for 0 s from " AGENT " to 2001:db8:9::9",
		     "publish refused 2001:db8:9::9");
	assert_int_equal(gw.agent_counters[AGENT_REFUSED], 3);
}

static void what_is_discarded_is_only_counted(void **state)
{
	rig_bu(NODE, CARE_OF, 1, BU_ACK, 400);
	rig_bu(NODE, "fe80::1", 1, USUAL, 400);
	EXPECT_NO_CALLS();
	assert_int_equal(gw.agent_counters[AGENT_MH_UNWANTED], 1);
	assert_int_equal(gw.agent_counters[AGENT_BAD_ADDRESS], 1);
}

static void a_path_that_cannot_be_written_is_answered_130_and_leaves_nothing(void **state)
{
	fake_fail("binding_set", -ENOSPC);
	rig_bu(NODE, CARE_OF, 1, USUAL, 400);
	rig_dad_done(NODE, true);
	assert_int_equal(fake_calls("send_mh BA status 130 seq 1"), 1);
	assert_int_equal(fake_calls("send_mh"), 1);
	assert_int_equal(fake_calls("proxy_start"), 0);
	assert_int_equal(fake_calls("publish registered"), 0);
	assert_int_equal(binding_count(gw.bindings), 0);
	assert_int_equal(fake_references(), 0);
}

static void a_move_whose_path_cannot_be_written_leaves_all_as_it_was(void **state)
{
	struct binding_entry before;

	rig_registered(NODE, CARE_OF, 1, USUAL, 400);
	before = *rig_find(NODE);
	fake_fail("binding_set", -ENOSPC);
	rig_bu(NODE, CARE_OF_2, 2, USUAL | BU_LINK_LOCAL, 800);
	EXPECT_CALLS(
		"nexthop_acquire " CARE_OF_2, "binding_set " NODE " -> " CARE_OF_2 " seq 2 for 800 s nexthop 2 mtu 0",
		"nexthop_release " CARE_OF_2, "answer_set " NODE " -> " CARE_OF_2,
		"send_mh BA status 130 seq 2 for 0 s from " AGENT " to " NODE " via_home", "publish refused " NODE);
	assert_memory_equal(rig_find(NODE), &before, sizeof(before));
}

static void an_acknowledgement_that_cannot_be_sent_is_counted_and_the_binding_stands(void **state)
{
	static const char *const calls[] = { "send_mh", "answer_clear" };

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		fake_fail(calls[i], -ENOBUFS);
		rig_bu(VIRTUAL, CARE_OF, 1 + i, USUAL, 400);
		CHECK_CASE(i, gw.agent_counters[AGENT_SEND_FAILED] == i + 1);
		CHECK_CASE(i, rig_find(VIRTUAL)->state == BINDING_ACTIVE);
	}
}

#define RIG_TEST(test) cmocka_unit_test_setup_teardown(test, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(the_path_stands_before_the_acknowledgement_leaves),
		RIG_TEST(on_a_home_link_detection_comes_first_and_defence_before_the_acknowledgement),
		RIG_TEST(without_detection_configured_the_answer_is_immediate),
		RIG_TEST(the_lifetime_begins_when_detection_has_ended),
		RIG_TEST(a_duplicate_is_answered_134_and_leaves_nothing),
		RIG_TEST(updates_during_detection_are_answered_once_with_the_newest_number),
		RIG_TEST(an_old_number_during_detection_is_refused_and_detection_goes_on),
		RIG_TEST(the_link_local_address_is_tested_too_where_it_is_asked_for_later),
		RIG_TEST(deregistration_during_detection_ends_it),
		RIG_TEST(detection_that_cannot_start_is_lack_of_resources),
		RIG_TEST(a_refresh_writes_the_path_and_answers),
		RIG_TEST(a_move_takes_the_new_next_hop_before_and_leaves_the_old_after),
		RIG_TEST(with_an_alternate_care_of_address_the_answer_takes_the_road_of_the_update),
		RIG_TEST(a_change_of_l_restarts_the_defence),
		RIG_TEST(a_learned_path_mtu_lasts_over_a_refresh_but_not_over_a_move),
		RIG_TEST(at_deregistration_path_and_defence_are_gone_before_the_acknowledgement),
		RIG_TEST(a_node_that_came_home_is_answered_on_its_link),
		RIG_TEST(a_refusal_changes_nothing_and_goes_where_the_update_came_from),
		RIG_TEST(what_is_discarded_is_only_counted),
		RIG_TEST(a_path_that_cannot_be_written_is_answered_130_and_leaves_nothing),
		RIG_TEST(a_move_whose_path_cannot_be_written_leaves_all_as_it_was),
		RIG_TEST(an_acknowledgement_that_cannot_be_sent_is_counted_and_the_binding_stands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
