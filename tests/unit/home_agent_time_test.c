// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The home agent in virtual time and as its surroundings change: expiry, refresh requests, prefix lifetimes, links,
 * next hops, adoption and reload, many nodes. */
#include "home_agent_rig.h"

#define BRR_TO_VIRTUAL "send_mh BRR from " AGENT " to " VIRTUAL " via_home"

enum { LONG = 3600, NO_PREFIX_END = UINT32_MAX };

static struct mono tick(void)
{
	struct mono next = home_agent_tick(&gw, fake.now);

	assert_false(mono_before(next, fake.now));
	assert_false(mono_before(mono_add_s(fake.now, 1), next)); /* the heartbeat's pace */
	return next;
}

static void a_binding_ends_at_its_time_and_not_before(void **state)
{
	rig_registered(NODE, CARE_OF, 1, USUAL | BU_LINK_LOCAL, 400);
	rig_advance_ms(399500);
	assert_true(tick().ns == mono_add_ms(fake.now, 500).ns);
	rig_advance_ms(499);
	tick();
	EXPECT_NO_CALLS();
	rig_advance_ms(1);
	tick();
	EXPECT_CALLS("publish expired " NODE, "binding_delete " NODE, "proxy_stop 7 " NODE " L",
		     "nexthop_release " CARE_OF);
	assert_null(rig_find(NODE));
	assert_int_equal(gw.agent_counters[AGENT_EXPIRED], 1);
}

static void bindings_end_in_the_order_of_their_times(void **state)
{
	rig_registered(NODE, CARE_OF, 1, USUAL, 400);
	rig_registered(OTHER, CARE_OF, 1, USUAL, 8);
	rig_registered(VIRTUAL, CARE_OF, 1, USUAL, 4);
	rig_advance_ms(8000);
	tick();
	EXPECT_CALLS("publish expired " VIRTUAL, "binding_delete " VIRTUAL, "nexthop_release " CARE_OF,
		     "publish expired " OTHER, "binding_delete " OTHER, "proxy_stop 7 " OTHER,
		     "nexthop_release " CARE_OF);
	assert_non_null(rig_find(NODE));
}

static void a_refresh_puts_the_end_off(void **state)
{
	rig_registered(VIRTUAL, CARE_OF, 1, USUAL, 400);
	rig_advance_ms(399999);
	rig_registered(VIRTUAL, CARE_OF, 2, USUAL, 400);
	rig_advance_ms(399999);
	tick();
	EXPECT_NO_CALLS();
	rig_advance_ms(1);
	tick();
	assert_int_equal(fake_calls("publish expired"), 1);
}

static void advice_is_given_where_it_is_less_than_the_lifetime(void **state)
{
	static const struct {
		uint32_t refresh_s, lifetime_s;
		bool advised;
	} cases[] = {
		{ 100, 400, true }, { 100, 104, true }, { 100, 100, false }, { 100, 96, false }, { 0, 400, false }
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		rig_config.refresh_s = cases[i].refresh_s;
		rig_bu(VIRTUAL, CARE_OF, i + 1, USUAL, cases[i].lifetime_s);
		CHECK_CASE(i, fake_calls("send_mh BA status 0") == 1);
		CHECK_CASE(i, (strstr(fake.lines[fake.count - 2], " refresh 100 s ") != NULL) == cases[i].advised);
		fake_forget();
		rig_advance_ms(1000);
	}
}

static void a_node_that_does_not_refresh_is_asked_three_times_and_then_left_alone(void **state)
{
	rig_config.refresh_s = 100;
	rig_registered(VIRTUAL, CARE_OF, 1, USUAL, 400);
	for (int ms = 0; ms < 399000; ms += 500) {
		bool due = ms == 100000 || ms == 105000 || ms == 110000;

		tick();
		CHECK_CASE(ms, fake.count == (due ? 1 : 0));
		CHECK_CASE(ms, !due || !strcmp(fake.lines[0], BRR_TO_VIRTUAL));
		fake_forget();
		rig_advance_ms(500);
	}
}

static void a_node_that_has_refreshed_is_not_asked_for_the_old_term(void **state)
{
	rig_config.refresh_s = 100;
	rig_registered(VIRTUAL, CARE_OF, 1, USUAL, 400);
	rig_advance_ms(102000);
	tick();
	EXPECT_CALLS(BRR_TO_VIRTUAL);
	rig_registered(VIRTUAL, CARE_OF, 2, USUAL, 400); /* heeds it */
	rig_advance_ms(99999);
	tick();
	EXPECT_NO_CALLS();
	rig_advance_ms(1);
	tick();
	EXPECT_CALLS(BRR_TO_VIRTUAL);
}

static void nobody_is_asked_whose_binding_is_gone(void **state)
{
	rig_config.refresh_s = 100;
	rig_registered(VIRTUAL, CARE_OF, 1, USUAL, 400);
	rig_registered(NODE, CARE_OF, 1, USUAL, 104);
	rig_bu(VIRTUAL, CARE_OF, 2, USUAL, 0);
	rig_advance_ms(104000);
	fake_forget();
	tick();
	EXPECT_CALLS("publish expired " NODE, "binding_delete " NODE, "proxy_stop 7 " NODE, "nexthop_release " CARE_OF);
}

/* RFC 6275 §10.3.1 */
static void no_binding_outlives_its_prefix(void **state)
{
	rig_registered(NODE, CARE_OF, 1, USUAL, 400);
	rig_registered(OTHER, CARE_OF, 1, USUAL, 100);
	rig_registered(VIRTUAL, CARE_OF, 1, USUAL, 400);
	rig_advance_ms(50000);
	home_agent_on_prefix_lifetime(&gw, 0, 200);
	EXPECT_CALLS("binding_set " NODE " -> " CARE_OF " seq 1 for 250 s nexthop 1 mtu 0");
	home_agent_on_prefix_lifetime(&gw, 0, LONG); /* an end that was shortened stays */
	EXPECT_NO_CALLS();
	home_agent_on_prefix_lifetime(&gw, 0, 103);
	fake_forget();
	rig_bu(NODE, CARE_OF, 2, USUAL, 400);
	assert_int_equal(fake_calls("send_mh BA status 0 seq 2 for 100 s"), 1);
	home_agent_on_prefix_lifetime(&gw, 0, NO_PREFIX_END);
	rig_bu(NODE, CARE_OF, 3, USUAL, 400);
	assert_int_equal(fake_calls("send_mh BA status 0 seq 3 for 400 s"), 1);
	home_agent_on_prefix_lifetime(&gw, 0, 0);
	fake_forget();
	tick();
	assert_null(rig_find(NODE));
	assert_null(rig_find(OTHER));
	assert_non_null(rig_find(VIRTUAL));
	rig_bu(NODE, CARE_OF, 4, USUAL, 400);
	assert_int_equal(fake_calls("send_mh BA status 132 seq 4"), 1);
}

static void what_is_granted_after_detection_ends_with_the_prefix_too(void **state)
{
	rig_bu(NODE, CARE_OF, 1, USUAL, 400);
	home_agent_on_prefix_lifetime(&gw, 0, 101);
	rig_advance_ms(900);
	fake_forget();
	rig_dad_done(NODE, true);
	assert_int_equal(fake_calls("send_mh BA status 0 seq 1 for 100 s"), 1);
}

static void paths_follow_next_hops_that_moved(void **state)
{
	rig_registered(VIRTUAL, CARE_OF, 1, USUAL, 400);
	rig_bu(NODE, CARE_OF_2, 1, USUAL, 400); /* pending: has none yet */
	fake_forget();
	home_agent_on_nexthops_moved(&gw);
	EXPECT_NO_CALLS();
	fake.index_shift = 10;
	home_agent_on_nexthops_moved(&gw);
	EXPECT_CALLS("binding_set " VIRTUAL " -> " CARE_OF " seq 1 for 400 s nexthop 11 mtu 0");
	home_agent_on_nexthops_moved(&gw);
	EXPECT_NO_CALLS();
}

static void defence_starts_anew_on_a_link_that_came_back(void **state)
{
	rig_registered(NODE, CARE_OF, 1, USUAL | BU_LINK_LOCAL, 400);
	rig_registered(VIRTUAL, CARE_OF, 1, USUAL, 400);
	rig_bu(OTHER, CARE_OF, 1, USUAL, 400); /* pending */
	fake_forget();
	home_agent_on_link(&gw, "home0", HOME_IFINDEX, true); /* as it was */
	home_agent_on_link(&gw, "eth9", 12, true);
	EXPECT_NO_CALLS();
	home_agent_on_link(&gw, "home0", HOME_IFINDEX, false);
	assert_int_equal(fake_calls("home_links_set 2001:db8:1::/64:0 2001:db8:2::/64:0"), 1);
	assert_int_equal(fake_calls("proxy_start"), 0);
	fake_forget();
	home_agent_on_link(&gw, "home0", 9, true);
	EXPECT_CALLS("home_links_set 2001:db8:1::/64:9 2001:db8:2::/64:0", "link_up home0",
		     "proxy_start 9 " NODE " L announce");
}

static void put_adopted(const char *home, int64_t granted_s, uint16_t flags)
{
	fake.adopted[fake.adopted_count].home = addr(home);
	fake.adopted[fake.adopted_count++].reg = (struct registration){ .granted_ns = (uint64_t)granted_s * 1000000000,
									.lifetime_s = 400,
									.seq = 41,
									.flags = flags,
									.care_of = addr(CARE_OF) };
}

static void after_a_restart_everything_goes_on_without_detection_or_announcement(void **state)
{
	put_adopted(NODE, START_S - 300, USUAL | BU_LINK_LOCAL);
	put_adopted("2001:db8:1::999", START_S - 300, USUAL); /* not named any more */
	put_adopted(VIRTUAL, START_S - 100, USUAL);
	assert_int_equal(home_agent_adopt(&gw), 0);
	EXPECT_CALLS("nexthop_acquire " CARE_OF, "binding_set " NODE " -> " CARE_OF " seq 41 for 400 s nexthop 1 mtu 0",
		     "proxy_start 7 " NODE " L", "publish adopted " NODE, "binding_delete 2001:db8:1::999",
		     "nexthop_acquire " CARE_OF,
		     "binding_set " VIRTUAL " -> " CARE_OF " seq 41 for 400 s nexthop 1 mtu 0",
		     "publish adopted " VIRTUAL);
	rig_bu(VIRTUAL, CARE_OF, 41, USUAL, 400); /* the number was remembered too */
	assert_int_equal(fake_calls("send_mh BA status 135 seq 41"), 1);
	rig_advance_ms(100000);
	fake_forget();
	tick();
	assert_int_equal(fake_calls("publish expired " NODE), 1);
	assert_non_null(rig_find(VIRTUAL));
}

static void refresh_requests_go_on_after_a_restart(void **state)
{
	rig_config.refresh_s = 300;
	put_adopted(VIRTUAL, START_S - 200, USUAL);
	assert_int_equal(home_agent_adopt(&gw), 0);
	fake_forget();
	rig_advance_ms(99999);
	tick();
	EXPECT_NO_CALLS();
	rig_advance_ms(1);
	tick();
	EXPECT_CALLS(BRR_TO_VIRTUAL);
}

static void a_new_configuration_ends_the_bindings_of_nodes_it_does_not_name(void **state)
{
	rig_registered(NODE, CARE_OF, 1, USUAL, 400);
	rig_bu(OTHER, CARE_OF, 1, USUAL, 400); /* pending */
	rig_registered(VIRTUAL, CARE_OF, 1, USUAL, 400);
	fake_forget();
	rig_nodes[0] = rig_nodes[2];
	rig_config.mobile_node_count = 1;
	home_agent_reloaded(&gw);
	EXPECT_CALLS("binding_delete " NODE, "proxy_stop 7 " NODE, "nexthop_release " CARE_OF, "dad_stop " OTHER);
	assert_int_equal(binding_count(gw.bindings), 1);
}

/* ---- many nodes ---- */

enum { MANY = 10000, WAYS = 255 };

/* All of them on the virtual link; lifetimes of 4 to 4 * @terms seconds in turn. */
static struct config_mobile_node *register_many(unsigned int terms)
{
	struct config_mobile_node *nodes = calloc(MANY, sizeof(*nodes));

	assert_non_null(nodes);
	binding_cache_free(gw.bindings);
	gw.bindings = binding_cache_new(MANY);
	assert_non_null(gw.bindings);
	rig_config.max_bindings = MANY;
	rig_config.mobile_nodes = nodes;
	rig_config.mobile_node_count = MANY;
	for (int i = 0; i < MANY; i++) {
		nodes[i].home = addr("2001:db8:2:0:1::");
		nodes[i].home.s6_addr[14] = i >> 8;
		nodes[i].home.s6_addr[15] = i & 0xFF;
	}
	for (int i = 0; i < MANY; i++) {
		struct mh_msg bu = { .type = MH_BU, .seq = i, .flags = USUAL, .lifetime_s = 4 + i % terms * 4 };
		struct mh_input in = { .src = nodes[i].home,
				       .dst = addr(AGENT),
				       .care_of = addr("2001:db8:f1::"),
				       .has_home = true,
				       .when = fake.now };

		in.care_of.s6_addr[15] = 1 + i % WAYS;
		home_agent_on_bu(&gw, &in, &bu);
	}
	assert_int_equal(gw.agent_counters[AGENT_REGISTERED], MANY);
	assert_int_equal(fake_references(), MANY);
	return nodes;
}

static void unregister_many(struct config_mobile_node *nodes)
{
	rig_config.mobile_nodes = rig_nodes;
	rig_config.mobile_node_count = RIG_NODES;
	free(nodes);
}

static void ten_thousand_nodes_expire_each_at_its_time(void **state)
{
	struct config_mobile_node *nodes = register_many(100);

	for (int s = 0; s <= 400; s++) { /* 100 of them end every 4 seconds */
		tick();
		CHECK_CASE(s, binding_count(gw.bindings) == (size_t)(MANY - s / 4 * 100));
		rig_advance_ms(1000);
	}
	assert_int_equal(binding_count(gw.bindings), 0);
	assert_int_equal(gw.agent_counters[AGENT_EXPIRED], MANY);
	unregister_many(nodes);
}

/* Other work goes on between: an acknowledgement must not wait for all of them. */
static void many_that_expire_at_once_take_several_turns_of_the_loop(void **state)
{
	struct config_mobile_node *nodes = register_many(1);
	int turns = 0;

	rig_advance_ms(10000);
	for (; binding_count(gw.bindings); turns++) {
		size_t before = binding_count(gw.bindings);
		struct mono next = tick();

		assert_in_range(before - binding_count(gw.bindings), 1, MANY / 4);
		assert_true(!binding_count(gw.bindings) || next.ns == fake.now.ns); /* come back at once */
	}
	assert_true(turns > 1);
	unregister_many(nodes);
}

#define RIG_TEST(test) cmocka_unit_test_setup_teardown(test, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(a_binding_ends_at_its_time_and_not_before),
		RIG_TEST(bindings_end_in_the_order_of_their_times),
		RIG_TEST(a_refresh_puts_the_end_off),
		RIG_TEST(advice_is_given_where_it_is_less_than_the_lifetime),
		RIG_TEST(a_node_that_does_not_refresh_is_asked_three_times_and_then_left_alone),
		RIG_TEST(a_node_that_has_refreshed_is_not_asked_for_the_old_term),
		RIG_TEST(nobody_is_asked_whose_binding_is_gone),
		RIG_TEST(no_binding_outlives_its_prefix),
		RIG_TEST(what_is_granted_after_detection_ends_with_the_prefix_too),
		RIG_TEST(paths_follow_next_hops_that_moved),
		RIG_TEST(defence_starts_anew_on_a_link_that_came_back),
		RIG_TEST(after_a_restart_everything_goes_on_without_detection_or_announcement),
		RIG_TEST(refresh_requests_go_on_after_a_restart),
		RIG_TEST(a_new_configuration_ends_the_bindings_of_nodes_it_does_not_name),
		RIG_TEST(ten_thousand_nodes_expire_each_at_its_time),
		RIG_TEST(many_that_expire_at_once_take_several_turns_of_the_loop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
