// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * IPsec with static keys above a kernel in memory: starts, restarts, other people's hands, reloads, changes that fail
 * half-way. What matters: nothing of others is touched, and nothing is left half done.
 */
#include "ipsec_rig.h"

#define TWO ROUTER(ONE(NODE_A) ", " ONE(NODE_B)) STATIC
#define ALL ROUTER(ONE(NODE_A) ", " ONE(NODE_B) ", " ONE(NODE_C)) STATIC

static uint32_t mark_of(const char *home, enum ipsec_child child)
{
	return ipsec_reqid(rig_node(home)->end.slot, child);
}

/* Asserts that all of @home stands, under the key of @octet. */
static void expect_states(const char *home, size_t number, uint8_t octet)
{
	struct in6_addr agent = addr(HA), node = addr(home);

	for (int child = 0; child < IPSEC_CHILDREN; child++)
		for (int to_node = 0; to_node < 2; to_node++) {
			size_t at = fake_state(to_node ? &node : &agent, rig_spi(number, child, to_node));

			assert_true(at < FAKE_ROOM);
			assert_int_equal(fake_xfrm.states[at].spec.cipher_key[0], octet);
			assert_int_equal(fake_xfrm.states[at].spec.reqid, mark_of(home, child));
		}
}

/* ---- start and restart ---- */

static void a_restart_finds_all_as_it_was(void **state)
{
	uint32_t mark;

	rig_start(TWO);
	rig_expect_planned(NODE_A);
	rig_expect_planned(NODE_B);
	expect_states(NODE_B, 1, 0x11);
	assert_int_equal(fake_policy_count(), 2 * OF_SIGNALLING);
	assert_int_equal(fake_state_count(), 2 * IPSEC_STATES_MAX);
	mark = mark_of(NODE_B, IPSEC_SIGNALLING);
	rig_stop();
	fake_xfrm_forget();
	rig_start(TWO);
	assert_int_equal(fake_xfrm.changes, 0);
	assert_int_equal(mark_of(NODE_B, IPSEC_SIGNALLING), mark);
}

static void a_restart_with_other_keys_takes_them(void **state)
{
	rig_start(TWO);
	rig_stop();
	rig_write_keys((uint8_t[]){ 0x11, 0x22, 0x11 });
	fake_xfrm_forget();
	rig_start(TWO);
	assert_int_equal(fake_xfrm.changes, 2 * IPSEC_STATES_MAX); /* of B alone: away, and anew */
	expect_states(NODE_A, 0, 0x11);
	expect_states(NODE_B, 1, 0x22);
	assert_int_equal(fake_state_count(), 2 * IPSEC_STATES_MAX);
}

/* A kernel in lockdown shows zeroes: what can't be compared is left alone, numbers and windows with it. */
static void keys_that_the_kernel_hides_count_as_the_same(void **state)
{
	rig_start(TWO);
	rig_stop();
	for (size_t i = 0; i < FAKE_ROOM; i++)
		memset(fake_xfrm.states[i].spec.cipher_key, 0, XFRM_KEY_MAX);
	fake_xfrm_forget();
	rig_start(TWO);
	assert_int_equal(fake_xfrm.changes, 0);
}

/* Its slot is above all that are needed now, and it keeps it. */
static void fewer_home_addresses_at_a_restart(void **state)
{
	uint32_t mark;

	rig_start(ALL);
	mark = mark_of(NODE_C, IPSEC_SIGNALLING);
	rig_stop();
	rig_start(ROUTER(ONE(NODE_C)) STATIC);
	assert_int_equal(mark_of(NODE_C, IPSEC_SIGNALLING), mark);
	rig_expect_planned(NODE_C);
	expect_states(NODE_C, 2, 0x11);
	assert_int_equal(fake_policy_count(), OF_SIGNALLING);
	assert_int_equal(fake_state_count(), IPSEC_STATES_MAX);
}

static void what_is_bound_stays_bound_through_a_restart(void **state)
{
	rig_start(TWO);
	assert_int_equal(rig_bound(NODE_A, FIRST), 0);
	assert_int_equal(fake_policy_count(), 2 * OF_SIGNALLING + OF_TUNNELS);
	rig_stop();
	fake_xfrm_forget();
	assert_int_equal(rig_try(TWO), 0);
	assert_int_equal(rig_bound(NODE_A, FIRST), 0); /* the role adopts it */
	assert_int_equal(ipsec_settle(&gw), 0);
	assert_int_equal(fake_xfrm.changes, 0);
	rig_stop();
	rig_start(TWO); /* and now nobody does */
	assert_int_equal(fake_policy_count(), 2 * OF_SIGNALLING);
}

static void a_start_that_somebody_stands_in_the_way_of(void **state)
{
	struct xfrm_policy_spec policy = rig_foreign_policy(XFRM_WAY_IN, NODE_A, HA);
	struct xfrm_state_spec sa = { .src = addr(NODE_A), .dst = addr(HA), .spi = rig_spi(0, 0, 0), .reqid = 7 };

	policy.sel.proto = NH_MH;
	fake_put_policy(&policy);
	assert_int_equal(rig_try(TWO), -EEXIST);
	rig_stop();
	assert_int_equal(fake_xfrm.policies[fake_policy(&policy)].spec.reqid, 7);
	assert_int_equal(fake_take_policy(&policy), 0);
	rig_start(TWO);
	rig_stop();
	assert_int_equal(ipsec_detach(), 0);
	assert_int_equal(fake_put_state(&sa), 0);
	assert_int_equal(rig_try(TWO), -EEXIST);
	assert_int_equal(fake_xfrm.states[fake_state(&sa.dst, sa.spi)].spec.reqid, 7);
}

/* ---- other people's ---- */

static void what_others_have_stays_through_everything(void **state)
{
	struct xfrm_policy_spec theirs = rig_foreign_policy(XFRM_WAY_OUT, HA, "2001:db8:9::9");
	struct xfrm_policy_spec passing = rig_foreign_policy(XFRM_WAY_OUT, NODE_A, NULL);
	struct xfrm_state_spec sa = { .src = addr(HA), .dst = addr("2001:db8:9::9"), .spi = 0x777, .reqid = 7 };

	passing.allow = true;
	fake_put_policy(&theirs);
	fake_put_policy(&passing);
	assert_int_equal(fake_put_state(&sa), 0);
	rig_start(ALL);
	assert_int_equal(rig_bound(NODE_A, FIRST), 0);
	rig_unbound(NODE_A);
	rig_reload(TWO);
	rig_stop();
	rig_start(ROUTER(ONE(NODE_C)) STATIC);
	rig_stop();
	assert_int_equal(ipsec_detach(), 0);
	assert_int_equal(fake_policy_count(), 2);
	assert_int_equal(fake_state_count(), 1);
	assert_true(fake_policy(&theirs) < FAKE_ROOM);
	assert_true(fake_policy(&passing) < FAKE_ROOM);
	assert_true(fake_state(&sa.dst, sa.spi) < FAKE_ROOM);
}

/* Where a tunnel's has to stand: no binding without protection, and theirs stays. */
static void somebody_elses_policy_forbids_a_binding(void **state)
{
	struct xfrm_policy_spec theirs = rig_foreign_policy(XFRM_WAY_OUT, NULL, NODE_A);

	fake_put_policy(&theirs);
	rig_start(TWO);
	assert_int_equal(rig_bound(NODE_A, FIRST), -EEXIST);
	assert_int_equal(fake_policy_count(), 2 * OF_SIGNALLING + 1);
	assert_int_equal(fake_xfrm.policies[fake_policy(&theirs)].spec.reqid, 7);
	assert_int_equal(rig_bound(NODE_B, FIRST), 0);
	assert_int_equal(fake_take_policy(&theirs), 0);
	assert_int_equal(rig_bound(NODE_A, FIRST), 0);
	rig_expect_planned(NODE_A);
}

static void what_is_taken_away_comes_back(void **state)
{
	struct in6_addr agent = addr(HA);
	struct xfrm_policy_spec plan[IPSEC_POLICIES_MAX];
	size_t count;

	rig_start(TWO);
	assert_int_equal(rig_bound(NODE_A, FIRST), 0);
	fake_deliver();
	count = ipsec_policies(&rig_node(NODE_A)->end, plan);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(fake_take_policy(&plan[i]), 0);
		fake_deliver();
		ipsec_tick(&gw);
		rig_expect_planned(NODE_A);
	}
	assert_int_equal(fake_take_state(&agent, rig_spi(0, IPSEC_SIGNALLING, 0)), 0);
	fake_deliver();
	assert_false(rig_node(NODE_A)->states[IPSEC_SIGNALLING].to_agent);
	assert_null(fake_sa_entry(HA, rig_spi(0, IPSEC_SIGNALLING, 0)));
	ipsec_tick(&gw);
	expect_states(NODE_A, 0, 0x11);
	assert_true(rig_node(NODE_A)->states[IPSEC_SIGNALLING].to_agent);
	assert_non_null(fake_sa_entry(HA, rig_spi(0, IPSEC_SIGNALLING, 0)));
	fake_deliver();
	fake_xfrm_forget();
	ipsec_tick(&gw);
	assert_int_equal(fake_xfrm.changes, 0);
}

/* Somebody's policy in place of ours, and somebody's state where a new home address's has to be: never ours to delete.
 */
static void what_took_the_place_of_ours_is_left_alone(void **state)
{
	struct xfrm_policy_spec plan[IPSEC_POLICIES_MAX], theirs;
	struct xfrm_state_spec sa = { .src = addr(NODE_C), .dst = addr(HA), .spi = rig_spi(2, 0, 0), .reqid = 7 };
	size_t count;

	rig_start(TWO);
	assert_int_equal(rig_bound(NODE_A, FIRST), 0);
	fake_deliver();
	count = ipsec_policies(&rig_node(NODE_A)->end, plan);
	theirs = plan[count - 1];
	theirs.reqid = 7;
	fake_put_policy(&theirs); /* in place, as ip xfrm policy update does */
	fake_deliver();
	for (int second = 0; second < 3; second++)
		ipsec_tick(&gw);
	rig_unbound(NODE_A);
	assert_int_equal(fake_xfrm.policies[fake_policy(&theirs)].spec.reqid, 7);
	assert_int_equal(fake_policy_count(), 2 * OF_SIGNALLING + 1);

	assert_int_equal(fake_put_state(&sa), 0);
	rig_reload(ALL);
	rig_reload(TWO);
	assert_int_equal(fake_xfrm.states[fake_state(&sa.dst, sa.spi)].spec.reqid, 7);
	assert_int_equal(fake_state_count(), 2 * IPSEC_STATES_MAX + 1);
	assert_int_equal(fake_policy_count(), 2 * OF_SIGNALLING + 1);
}

/* A reload that could not do all is made good when it can. */
static void what_a_reload_could_not_set_is_tried_again(void **state)
{
	rig_start(TWO);
	fake_xfrm.fail_in = 3;
	fake_xfrm.fail_with = -ENOMEM;
	rig_reload(ALL);
	for (int second = 0; second < 3; second++)
		ipsec_tick(&gw);
	rig_expect_planned(NODE_C);
	expect_states(NODE_C, 2, 0x11);
}

/* What can't be taken away at once is taken away by the tick, and forbids no binding. */
static void an_end_that_fails_is_made_good(void **state)
{
	rig_start(TWO);
	assert_int_equal(rig_bound(NODE_A, FIRST), 0);
	fake_xfrm.fail_commit = -ENOBUFS;
	rig_unbound(NODE_A);
	ipsec_tick(&gw);
	assert_int_equal(fake_policy_count(), 2 * OF_SIGNALLING);
	assert_int_equal(rig_bound(NODE_A, SECOND), 0);
	rig_expect_planned(NODE_A);
}

/* In the place of what was taken away: theirs stays, and ours comes back when it goes; nobody looks each second. */
static void what_can_not_come_back_is_tried_ever_more_seldom(void **state)
{
	struct xfrm_policy_spec plan[IPSEC_POLICIES_MAX], theirs;
	int looks = 0;

	rig_start(TWO);
	ipsec_policies(&rig_node(NODE_A)->end, plan);
	assert_int_equal(fake_take_policy(&plan[0]), 0);
	theirs = plan[0];
	theirs.reqid = 7;
	fake_put_policy(&theirs);
	fake_deliver();
	for (int second = 0; second < 100; second++) {
		fake_xfrm_forget();
		ipsec_tick(&gw);
		looks += fake_xfrm.changes > 0;
	}
	assert_in_range(looks, 6, 9);
	assert_int_equal(fake_xfrm.policies[fake_policy(&theirs)].spec.reqid, 7);
	assert_int_equal(fake_take_policy(&theirs), 0);
	for (int second = 0; second < 31; second++)
		ipsec_tick(&gw);
	rig_expect_planned(NODE_A);
}

static void events_that_were_lost_are_made_up_for(void **state)
{
	struct in6_addr agent = addr(HA);

	rig_start(TWO);
	assert_int_equal(fake_take_state(&agent, rig_spi(1, IPSEC_SIGNALLING, 0)), 0);
	fake_xfrm.event_count = 0;
	fake_xfrm.handlers->on_overrun(fake_xfrm.handlers->arg);
	fake_xfrm.fail_dumps = -ENOMEM;
	ipsec_tick(&gw);
	fake_xfrm.fail_dumps = 0;
	ipsec_tick(&gw);
	ipsec_tick(&gw); /* what failed is tried again */
	expect_states(NODE_B, 1, 0x11);
}

/* ---- a home address that is bound or not ---- */

static void tunnels_come_and_go_with_the_binding(void **state)
{
	rig_start(TWO);
	assert_int_equal(rig_bound(NODE_A, FIRST), 0);
	rig_expect_planned(NODE_A);
	fake_xfrm_forget();
	assert_int_equal(rig_bound(NODE_A, SECOND), 0);
	assert_int_equal(fake_xfrm.changes, 0); /* the data path moves what static keys protect */
	rig_unbound(NODE_A);
	rig_unbound(NODE_A);
	assert_int_equal(fake_policy_count(), 2 * OF_SIGNALLING);
	assert_int_equal(rig_bound("2001:db8:1::999", FIRST), -ENOENT);
}

static void a_change_that_fails_leaves_all_as_it_was(void **state)
{
	rig_start(TWO);
	for (int n = 1; n <= OF_TUNNELS; n++) {
		fake_xfrm.fail_in = n;
		fake_xfrm.fail_with = -ENOMEM;
		assert_int_equal(rig_bound(NODE_A, FIRST), -ENOMEM);
		assert_int_equal(fake_policy_count(), 2 * OF_SIGNALLING);
		rig_expect_planned(NODE_A);
	}
	fake_xfrm.fail_commit = -ENOBUFS; /* nobody says of which change */
	assert_int_equal(rig_bound(NODE_A, FIRST), -ENOBUFS);
	assert_false(rig_node(NODE_A)->end.away);
	assert_int_equal(rig_bound(NODE_A, FIRST), 0);
	rig_expect_planned(NODE_A);
}

/* ---- another configuration while running ---- */

static void a_reload_changes_what_is_other(void **state)
{
	uint32_t mark;

	rig_start(TWO);
	assert_int_equal(rig_bound(NODE_B, FIRST), 0);
	mark = mark_of(NODE_B, IPSEC_PAYLOAD);
	fake_xfrm_forget();
	rig_reload(TWO);
	assert_int_equal(fake_xfrm.changes, 0);
	rig_write_keys((uint8_t[]){ 0x11, 0x11, 0x33 });
	rig_reload(ROUTER(ONE(NODE_B) ", " ONE(NODE_C)) STATIC);
	assert_int_equal(mark_of(NODE_B, IPSEC_PAYLOAD), mark);
	rig_expect_planned(NODE_B);
	rig_expect_planned(NODE_C);
	expect_states(NODE_B, 1, 0x11);
	expect_states(NODE_C, 2, 0x33);
	assert_int_equal(fake_policy_count(), 2 * OF_SIGNALLING + OF_TUNNELS);
	assert_int_equal(fake_state_count(), 2 * IPSEC_STATES_MAX);
	rig_write_keys((uint8_t[]){ 0x11, 0x22, 0x33 });
	fake_xfrm_forget();
	rig_reload(ROUTER(ONE(NODE_B) ", " ONE(NODE_C)) STATIC);
	assert_int_equal(fake_xfrm.changes, 2 * IPSEC_STATES_MAX);
	expect_states(NODE_B, 1, 0x22);
	ipsec_tick(&gw); /* our own deletions are not somebody's */
	assert_int_equal(fake_state_count(), 2 * IPSEC_STATES_MAX);
}

/* ---- what the roles and the data path hear ---- */

static void a_mark_proves_one_home_address_and_child(void **state)
{
	struct in6_addr a = addr(NODE_A), stranger = addr("2001:db8:1::999");
	uint32_t mark;

	assert_true(ipsec_proves(&(struct gateway){}, &a, IPSEC_SIGNALLING, 0)); /* not asked for */
	rig_start(TWO);
	mark = mark_of(NODE_A, IPSEC_SIGNALLING);
	assert_true(ipsec_proves(&gw, &a, IPSEC_SIGNALLING, mark));
	assert_false(ipsec_proves(&gw, &a, IPSEC_SIGNALLING, 0));
	assert_false(ipsec_proves(&gw, &a, IPSEC_HOME_TEST, mark));
	assert_false(ipsec_proves(&gw, &a, IPSEC_SIGNALLING, mark_of(NODE_A, IPSEC_HOME_TEST)));
	assert_false(ipsec_proves(&gw, &a, IPSEC_SIGNALLING, mark_of(NODE_B, IPSEC_SIGNALLING)));
	assert_false(ipsec_proves(&gw, &stranger, IPSEC_SIGNALLING, mark));
}

static void the_data_path_hears_of_states(void **state)
{
	static const struct {
		const char *config, *dst;
		int child;
		bool to_node;
		uint32_t flags;
	} cases[] = {
		{ TWO, HA, IPSEC_SIGNALLING, false, SA_INBOUND },
		{ TWO, NODE_A, IPSEC_SIGNALLING, true, SA_OUTBOUND },
		{ TWO, HA, IPSEC_HOME_TEST, false, SA_INBOUND | SA_CONSTANT | SA_TUNNEL },
		{ TWO, NODE_A, IPSEC_PAYLOAD, true, SA_OUTBOUND | SA_CONSTANT | SA_TUNNEL | SA_PAYLOAD },
		{ TABLET STATIC, NODE_A, IPSEC_SIGNALLING, true, SA_INBOUND },
		{ TABLET STATIC, HA, IPSEC_SIGNALLING, false, SA_OUTBOUND },
		{ TABLET STATIC, "::", IPSEC_HOME_TEST, true, SA_INBOUND | SA_CONSTANT | SA_TUNNEL },
		{ TABLET STATIC, HA, IPSEC_PAYLOAD, false, SA_OUTBOUND | SA_CONSTANT | SA_TUNNEL | SA_PAYLOAD },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct sa *sa;
		struct in6_addr home = addr(NODE_A);

		rig_start(cases[i].config);
		sa = fake_sa_entry(cases[i].dst, rig_spi(0, cases[i].child, cases[i].to_node));
		CHECK_CASE(i, sa && sa->flags == cases[i].flags && addr_equal(&sa->home, &home));
		rig_stop();
		assert_int_equal(ipsec_detach(), 0);
		memset(&fake_sas, 0, sizeof(fake_sas));
	}
}

static void a_view_says_what_stands(void **state)
{
	struct ipsec_view view;

	rig_start(TWO);
	assert_true(ipsec_view(&gw, 1, &view));
	assert_string_equal(addr_text(&view.home), NODE_B);
	assert_string_equal(view.children[IPSEC_PAYLOAD].suite, "aes128-gcm");
	assert_int_equal(view.children[IPSEC_PAYLOAD].spi_to_node, rig_spi(1, IPSEC_PAYLOAD, true));
	assert_true(view.children[IPSEC_PAYLOAD].there && view.children[IPSEC_PAYLOAD].wanted);
	assert_false(ipsec_view(&gw, 2, &view));
}

#define IPSEC(test) cmocka_unit_test_setup_teardown(test, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IPSEC(a_restart_finds_all_as_it_was),
		IPSEC(a_restart_with_other_keys_takes_them),
		IPSEC(keys_that_the_kernel_hides_count_as_the_same),
		IPSEC(fewer_home_addresses_at_a_restart),
		IPSEC(what_is_bound_stays_bound_through_a_restart),
		IPSEC(a_start_that_somebody_stands_in_the_way_of),
		IPSEC(what_others_have_stays_through_everything),
		IPSEC(somebody_elses_policy_forbids_a_binding),
		IPSEC(what_is_taken_away_comes_back),
		IPSEC(what_took_the_place_of_ours_is_left_alone),
		IPSEC(what_a_reload_could_not_set_is_tried_again),
		IPSEC(an_end_that_fails_is_made_good),
		IPSEC(what_can_not_come_back_is_tried_ever_more_seldom),
		IPSEC(events_that_were_lost_are_made_up_for),
		IPSEC(tunnels_come_and_go_with_the_binding),
		IPSEC(a_change_that_fails_leaves_all_as_it_was),
		IPSEC(a_reload_changes_what_is_other),
		IPSEC(a_mark_proves_one_home_address_and_child),
		IPSEC(the_data_path_hears_of_states),
		IPSEC(a_view_says_what_stands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
