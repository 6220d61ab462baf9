// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * IPsec whose states are charon's, above a kernel in memory: moves, going home, restarts while charon lived or died.
 * What matters: at no moment of a change a packet of a bound home address meets no policy, and states of another home
 * address prove nothing.
 */
#include "ipsec_rig.h"

#define TWO ROUTER(ONE(NODE_A) ", " ONE(NODE_B)) KEYED
#define NODE TABLET KEYED

/* ---- charon ---- */

static uint32_t spi_of(uint32_t reqid, bool to_node)
{
	return reqid * 2 + to_node;
}

static struct xfrm_state_spec keyed(const struct ipsec_node *node, int child, bool to_node, const struct in6_addr *far)
{
	bool inbound = to_node == node->end.node;
	uint32_t reqid = ipsec_reqid(node->end.slot, child);
	const struct in6_addr *there = child == IPSEC_SIGNALLING ? &node->end.home : far;

	return (struct xfrm_state_spec){ .src = to_node ? node->end.agent : *there,
					 .dst = to_node ? *there : node->end.agent,
					 .spi = spi_of(reqid, to_node),
					 .reqid = reqid,
					 .tunnel = child != IPSEC_SIGNALLING,
					 .mark = inbound ? reqid : 0,
					 .expires = true };
}

/* charon has agreed on keys with @home, which was at @far then. */
static void agree(const char *home, const char *far)
{
	const struct ipsec_node *node = rig_node(home);
	struct in6_addr there = addr(far);

	for (int child = 0; child < IPSEC_CHILDREN; child++)
		for (int to_node = 0; to_node < 2; to_node++) {
			struct xfrm_state_spec state = keyed(node, child, to_node, &there);

			assert_int_equal(fake_put_state(&state), 0);
		}
	fake_deliver();
}

/* charon moves its inbound states once it was told; the kernel has moved the outbound ones. */
static void follow(const char *home, const char *to)
{
	const struct ipsec_node *node = rig_node(home);
	struct in6_addr there = addr(to);

	for (size_t i = 0; i < FAKE_ROOM; i++) {
		struct xfrm_state_spec state = fake_xfrm.states[i].spec, moved = state;
		enum ipsec_child child;
		uint32_t slot;

		if (!fake_xfrm.states[i].there || !ipsec_of_reqid(state.reqid, &slot, &child) ||
		    slot != node->end.slot || !state.tunnel)
			continue;
		if (addr_equal(&state.dst, &node->end.agent))
			moved.src = there;
		else
			moved.dst = there;
		if (addr_equal(&moved.src, &state.src) && addr_equal(&moved.dst, &state.dst))
			continue;
		fake_take_state(&state.dst, state.spi);
		fake_put_state(&moved);
	}
	fake_deliver();
}

static size_t states_of(const char *home, const char *far)
{
	const struct ipsec_node *node = rig_node(home);
	struct in6_addr there = addr(far);
	size_t count = 0;

	for (int child = 0; child < IPSEC_CHILDREN; child++)
		for (int to_node = 0; to_node < 2; to_node++) {
			struct xfrm_state_spec state = keyed(node, child, to_node, &there);
			size_t at = fake_state(&state.dst, state.spi);

			count += at < FAKE_ROOM && addr_equal(&fake_xfrm.states[at].spec.src, &state.src);
		}
	return count;
}

/* ---- no gap ---- */

static struct {
	struct xfrm_policy_spec plan[IPSEC_POLICIES_MAX];
	size_t count, looks;
} guarded;

/* Each place that was protected when guard() was called is, wherever its tunnel ends. */
static void look(void)
{
	guarded.looks++;
	for (size_t i = 0; i < guarded.count; i++)
		CHECK_CASE(i, fake_policy(&guarded.plan[i]) < FAKE_ROOM);
}

static void guard(const char *home)
{
	guarded.count = ipsec_policies(&rig_node(home)->end, guarded.plan);
	guarded.looks = 0;
	fake_xfrm.after = look;
}

/* ---- moves ---- */

static void a_move_takes_states_along_without_a_gap(void **state)
{
	rig_start(TWO);
	agree(NODE_A, FIRST);
	assert_int_equal(rig_bound(NODE_A, FIRST), 0);
	rig_expect_planned(NODE_A);
	fake_xfrm_forget();
	guard(NODE_A);
	assert_int_equal(rig_bound(NODE_A, SECOND), 0);
	assert_true(guarded.looks >= OF_TUNNELS);
	assert_int_equal(fake_xfrm.migrations, IPSEC_CHILDREN);
	assert_int_equal(fake_xfrm.told, IPSEC_CHILDREN);
	rig_expect_planned(NODE_A);
	follow(NODE_A, SECOND);
	assert_int_equal(states_of(NODE_A, SECOND), IPSEC_STATES_MAX);
	fake_xfrm_forget();
	assert_int_equal(rig_bound(NODE_A, SECOND), 0); /* a refresh */
	assert_int_equal(fake_xfrm.changes + fake_xfrm.migrations, 0);
	EXPECT_NO_CALLS();
}

/* Whose keys are not there or have just gone. */
static void a_move_without_keys_leaves_no_gap(void **state)
{
	rig_start(TWO);
	assert_int_equal(rig_bound(NODE_A, FIRST), 0);
	guard(NODE_A);
	assert_int_equal(rig_bound(NODE_A, SECOND), 0);
	assert_true(guarded.looks >= 1);
	rig_expect_planned(NODE_A);
	assert_int_equal(fake_policy_count(), 2 * OF_SIGNALLING + OF_TUNNELS);
}

static void a_move_that_fails_leaves_the_former_place(void **state)
{
	for (int n = 1; n <= 2; n++) { /* the outbound policies name the place */
		rig_start(TWO);
		assert_int_equal(rig_bound(NODE_A, FIRST), 0);
		guard(NODE_A);
		fake_xfrm.fail_in = n;
		fake_xfrm.fail_with = -ENOMEM;
		assert_int_equal(rig_bound(NODE_A, SECOND), -ENOMEM);
		assert_string_equal(addr_text(&rig_node(NODE_A)->end.far), FIRST);
		rig_expect_planned(NODE_A);
		fake_xfrm.after = NULL;
		rig_stop();
		assert_int_equal(ipsec_detach(), 0);
	}
}

static void what_can_not_be_migrated_is_asked_for_anew(void **state)
{
	struct xfrm_policy_spec plan[IPSEC_POLICIES_MAX];
	size_t count;

	rig_start(TWO);
	agree(NODE_A, FIRST);
	assert_int_equal(rig_bound(NODE_A, FIRST), 0);
	count = ipsec_policies(&rig_node(NODE_A)->end, plan);
	fake_take_policy(&plan[count - 1]); /* of the payload, outbound: nothing that a migration could name */
	assert_int_equal(plan[count - 1].way, XFRM_WAY_OUT);
	assert_int_equal(rig_bound(NODE_A, SECOND), 0);
	EXPECT_CALLS("renew " NODE_A);
	rig_expect_planned(NODE_A);
}

static void going_home_takes_states_along(void **state)
{
	struct in6_addr home = addr(NODE_A);

	rig_start(TWO);
	agree(NODE_A, FIRST);
	assert_int_equal(rig_bound(NODE_A, FIRST), 0);
	fake_xfrm_forget();
	ipsec_returned(&gw, &home);
	rig_unbound(NODE_A);
	assert_int_equal(fake_xfrm.migrations, IPSEC_CHILDREN);
	follow(NODE_A, NODE_A);
	assert_int_equal(states_of(NODE_A, NODE_A), IPSEC_STATES_MAX);
	assert_int_equal(fake_policy_count(), 2 * OF_SIGNALLING);
	fake_xfrm_forget();
	assert_int_equal(rig_bound(NODE_A, SECOND), 0); /* and out again */
	assert_int_equal(fake_xfrm.migrations, IPSEC_CHILDREN);
	follow(NODE_A, SECOND);
	assert_int_equal(states_of(NODE_A, SECOND), IPSEC_STATES_MAX);
	rig_expect_planned(NODE_A);
}

/* The second inbound states stand before the update leaves, once for each place. */
static void a_mobile_node_can_receive_before_it_says_where(void **state)
{
	struct in6_addr home = addr(NODE_A), first = addr(FIRST), second = addr(SECOND);
	uint32_t spi;

	rig_start(NODE);
	ipsec_moving(&gw, &home, &first);
	EXPECT_CALLS("speak_from " FIRST);
	agree(NODE_A, FIRST);
	assert_int_equal(rig_bound(NODE_A, FIRST), 0);
	assert_int_equal(fake_xfrm.copies, 0);
	ipsec_moving(&gw, &home, &second);
	ipsec_moving(&gw, &home, &second);
	assert_int_equal(fake_xfrm.copies, 2); /* home tests and payload */
	spi = spi_of(ipsec_reqid(rig_node(NODE_A)->end.slot, IPSEC_PAYLOAD), true);
	assert_true(fake_state(&first, spi) < FAKE_ROOM && fake_state(&second, spi) < FAKE_ROOM);
	assert_int_equal(fake_take_state(&second, spi),
			 0); /* charon puts its own there: the copy goes, the keys don't */
	fake_deliver();
	assert_true(rig_node(NODE_A)->states[IPSEC_PAYLOAD].to_node);
}

/* ---- restarts ---- */

static void a_restart_keeps_what_is_charons(void **state)
{
	rig_start(TWO);
	agree(NODE_A, FIRST);
	agree(NODE_B, SECOND);
	assert_int_equal(rig_bound(NODE_A, FIRST), 0);
	rig_stop();
	fake_xfrm_forget();
	assert_int_equal(rig_try(TWO), 0);
	assert_int_equal(rig_bound(NODE_A, FIRST), 0);
	assert_int_equal(ipsec_settle(&gw), 0);
	assert_int_equal(fake_xfrm.changes + fake_xfrm.migrations, 0);
	assert_true(rig_node(NODE_B)->states[IPSEC_SIGNALLING].to_agent);
}

/* The former daemon ended between a binding and its states. */
static void a_restart_finishes_a_move(void **state)
{
	rig_start(TWO);
	agree(NODE_A, FIRST);
	assert_int_equal(rig_bound(NODE_A, FIRST), 0);
	rig_stop();
	fake_xfrm_forget();
	assert_int_equal(rig_try(TWO), 0);
	assert_int_equal(rig_bound(NODE_A, SECOND), 0);
	assert_int_equal(ipsec_settle(&gw), 0);
	assert_int_equal(fake_xfrm.migrations, IPSEC_CHILDREN);
	follow(NODE_A, SECOND);
	assert_int_equal(states_of(NODE_A, SECOND), IPSEC_STATES_MAX);
	rig_expect_planned(NODE_A);
}

/* Its states, which charon may have forgotten, would prove whoever gets its slot. */
static void states_of_who_is_not_configured_any_more_go(void **state)
{
	uint32_t former;

	rig_start(TWO);
	agree(NODE_A, FIRST);
	agree(NODE_B, SECOND);
	rig_stop();
	rig_start(ROUTER(ONE(NODE_C) ", " ONE(NODE_B)) KEYED);
	assert_int_equal(states_of(NODE_B, SECOND), IPSEC_STATES_MAX);
	assert_int_equal(fake_state_count(), IPSEC_STATES_MAX);
	assert_false(rig_node(NODE_C)->states[IPSEC_SIGNALLING].to_agent);
	agree(NODE_C, FIRST);
	former = spi_of(ipsec_reqid(rig_node(NODE_B)->end.slot, IPSEC_SIGNALLING), true);
	assert_non_null(fake_sa_entry(NODE_B, former));
	rig_reload(ROUTER(ONE(NODE_C) ", " ONE(NODE_A)) KEYED); /* the same while running */
	assert_int_equal(states_of(NODE_C, FIRST), IPSEC_STATES_MAX);
	assert_int_equal(fake_state_count(), IPSEC_STATES_MAX);
	assert_null(fake_sa_entry(NODE_B, former));
	assert_int_equal(fake_policy_count(), 2 * OF_SIGNALLING);
	EXPECT_CALLS("ike_reloaded");
}

/* While nobody looked; charon's states say whose the slots are. */
static void policies_that_were_flushed_come_back_with_their_slots(void **state)
{
	uint32_t slot;

	rig_start(ROUTER(ONE(NODE_B)) KEYED);
	agree(NODE_B, FIRST);
	slot = rig_node(NODE_B)->end.slot;
	rig_stop();
	for (size_t i = 0; i < FAKE_ROOM; i++)
		fake_xfrm.policies[i].there = false;
	rig_start(TWO); /* A stands before it */
	assert_int_equal(rig_node(NODE_B)->end.slot, slot);
	assert_int_equal(states_of(NODE_B, FIRST), IPSEC_STATES_MAX);
	rig_expect_planned(NODE_B);
}

/* FLUSHSA says nothing of which; a full socket, nothing at all. */
static void events_that_were_lost_are_made_up_for(void **state)
{
	rig_start(TWO);
	agree(NODE_A, FIRST);
	assert_int_equal(rig_bound(NODE_A, FIRST), 0);
	for (size_t i = 0; i < FAKE_ROOM; i++)
		fake_xfrm.states[i].there = false;
	agree(NODE_B, SECOND); /* heard of, but what went before not */
	fake_xfrm.handlers->on_overrun(fake_xfrm.handlers->arg);
	ipsec_tick(&gw);
	EXPECT_CALLS("lost " NODE_A);
	assert_false(rig_node(NODE_A)->states[IPSEC_SIGNALLING].to_agent);
	assert_true(rig_node(NODE_B)->states[IPSEC_SIGNALLING].to_agent);
	assert_null(fake_sa_entry(HA, spi_of(ipsec_reqid(rig_node(NODE_A)->end.slot, IPSEC_SIGNALLING), false)));
	assert_non_null(fake_sa_entry(HA, spi_of(ipsec_reqid(rig_node(NODE_B)->end.slot, IPSEC_SIGNALLING), false)));

	for (size_t i = 0; i < fake_xfrm.event_count; i++)
		fake_xfrm.events[i].state.spi++; /* unheard */
	agree(NODE_A, FIRST);
	memset(rig_node(NODE_A)->states, 0, sizeof(rig_node(NODE_A)->states));
	fake_xfrm.handlers->on_overrun(fake_xfrm.handlers->arg);
	ipsec_tick(&gw);
	assert_true(rig_node(NODE_A)->states[IPSEC_SIGNALLING].to_agent);
	EXPECT_NO_CALLS();
}

/* While both the former and the next are there, whatever their numbers. */
static void the_newest_of_two_counts_after_a_restart(void **state)
{
	const struct ipsec_node *node;
	struct xfrm_state_spec former, next;
	struct in6_addr far = addr(FIRST);

	for (int order = 0; order < 2; order++) {
		rig_start(TWO);
		node = rig_node(NODE_A);
		former = next = keyed(node, IPSEC_SIGNALLING, false, &far);
		former.added_s = 100;
		next.added_s = 200;
		former.spi = order ? 0x5000 : 0x6000;
		next.spi = order ? 0x6000 : 0x5000;
		assert_int_equal(fake_put_state(&former), 0);
		assert_int_equal(fake_put_state(&next), 0);
		rig_stop();
		rig_start(TWO);
		CHECK_CASE(order, rig_node(NODE_A)->states[IPSEC_SIGNALLING].spi_to_agent == next.spi);
		CHECK_CASE(order, fake_sa_entry(HA, former.spi) && fake_sa_entry(HA, next.spi));
		rig_stop();
		assert_int_equal(ipsec_detach(), 0);
	}
}

/* Prepared for one place, gone to another: its copy would outlive the keys that it is of. */
static void copies_where_nobody_went_are_deleted(void **state)
{
	struct in6_addr home = addr(NODE_A), first = addr(FIRST), second = addr(SECOND), third = addr("2001:db8:f3::7");

	rig_start(NODE);
	ipsec_moving(&gw, &home, &first);
	agree(NODE_A, FIRST);
	assert_int_equal(rig_bound(NODE_A, FIRST), 0);
	assert_int_equal(fake_state_count(), IPSEC_STATES_MAX);
	ipsec_moving(&gw, &home, &second);
	assert_int_equal(fake_state_count(), IPSEC_STATES_MAX + 2);
	ipsec_moving(&gw, &home, &third);
	assert_int_equal(fake_state_count(), IPSEC_STATES_MAX + 2);
	ipsec_moving(&gw, &home, &first); /* it stayed */
	assert_int_equal(fake_state_count(), IPSEC_STATES_MAX);
	assert_int_equal(states_of(NODE_A, FIRST), IPSEC_STATES_MAX);
}

static void a_packet_without_state_is_counted_and_asked_for(void **state)
{
	struct in6_addr a = addr(NODE_A), agent = addr(HA);

	rig_start(NODE);
	fake_xfrm.handlers->on_acquire(&gw, ipsec_reqid(rig_node(NODE_A)->end.slot, IPSEC_HOME_TEST), &a, &agent);
	EXPECT_CALLS("want " NODE_A " home-test");
	fake_xfrm.handlers->on_acquire(&gw, 7, &a, &agent); /* another's */
	EXPECT_NO_CALLS();
	assert_int_equal(gw.agent_counters[AGENT_NO_STATE], 1);
}

#define IKE(test) cmocka_unit_test_setup_teardown(test, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IKE(a_move_takes_states_along_without_a_gap),
		IKE(a_move_without_keys_leaves_no_gap),
		IKE(a_move_that_fails_leaves_the_former_place),
		IKE(what_can_not_be_migrated_is_asked_for_anew),
		IKE(going_home_takes_states_along),
		IKE(a_mobile_node_can_receive_before_it_says_where),
		IKE(a_restart_keeps_what_is_charons),
		IKE(a_restart_finishes_a_move),
		IKE(states_of_who_is_not_configured_any_more_go),
		IKE(policies_that_were_flushed_come_back_with_their_slots),
		IKE(events_that_were_lost_are_made_up_for),
		IKE(the_newest_of_two_counts_after_a_restart),
		IKE(copies_where_nobody_went_are_deleted),
		IKE(a_packet_without_state_is_counted_and_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
