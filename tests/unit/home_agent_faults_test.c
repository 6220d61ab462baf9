// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Faults once found in the home agent: refresh order and memory, prefixes that end, links that vanish, reloads. */
#include "home_agent_rig.h"
#include <malloc.h>

static void put_adopted(const char *home, int64_t granted_s, uint16_t flags)
{
	fake.adopted[fake.adopted_count].home = addr(home);
	fake.adopted[fake.adopted_count++].reg = (struct registration){ .granted_ns = (uint64_t)granted_s * 1000000000,
									.lifetime_s = 400,
									.seq = 41,
									.flags = flags,
									.care_of = addr(CARE_OF) };
}

static void a_prefix_that_ends_during_detection_is_132(void **state)
{
	rig_bu(NODE, CARE_OF, 1, USUAL, 400);
	home_agent_on_prefix_lifetime(&gw, 0, 0);
	rig_advance_ms(900);
	rig_dad_done(NODE, true);
	assert_int_equal(fake_calls("send_mh BA status 0"), 0);
	assert_int_equal(fake_calls("send_mh BA status 132 seq 1"), 1);
}

static void a_prefix_down_to_3_s_during_detection_is_132(void **state)
{
	rig_bu(NODE, CARE_OF, 1, USUAL, 400);
	home_agent_on_prefix_lifetime(&gw, 0, 4);
	rig_advance_ms(900);
	rig_dad_done(NODE, true);
	assert_int_equal(fake_calls("send_mh BA status 0"), 0);
}

static void defence_of_a_vanished_link_is_forgotten(void **state)
{
	rig_registered(NODE, CARE_OF, 1, USUAL, 400);
	home_agent_on_link(&gw, "home0", HOME_IFINDEX, false);
	rig_bu(NODE, CARE_OF, 2, USUAL, 0);
	home_agent_on_link(&gw, "home0", HOME_IFINDEX, true); /* the same index: out of a namespace and back */
	assert_int_equal(fake_calls("proxy_stop 7 " NODE), 1);
}

static void defence_of_a_replaced_link_is_forgotten(void **state)
{
	rig_registered(NODE, CARE_OF, 1, USUAL, 400);
	home_agent_on_link(&gw, "home0", 9, true);
	assert_int_equal(fake_calls("proxy_stop 7 " NODE), 1);
}

static void detection_that_cannot_start_over_is_130(void **state)
{
	rig_bu(NODE, CARE_OF, 1, USUAL, 400);
	fake_fail("dad_start", -ENOMEM);
	rig_bu(NODE, CARE_OF, 2, USUAL | BU_LINK_LOCAL, 400);
	assert_int_equal(fake_calls("send_mh BA status 130 seq 2"), 1);
}

static void adopted_nodes_are_asked_when_due_whatever_their_order(void **state)
{
	rig_config.refresh_s = 300;
	put_adopted(NODE, START_S - 100, USUAL);
	put_adopted(VIRTUAL, START_S - 290, USUAL);
	home_agent_adopt(&gw);
	fake_forget();
	rig_advance_ms(10000);
	home_agent_tick(&gw, fake.now);
	assert_int_equal(fake_calls("send_mh BRR"), 1);
}

static void refreshes_do_not_pile_up(void **state)
{
	size_t before;

	rig_config.refresh_s = 3000;
	rig_registered(VIRTUAL, CARE_OF, 1, USUAL, 3600);
	before = mallinfo2().uordblks;
	for (int i = 2; i < 50000; i++) {
		rig_bu(VIRTUAL, CARE_OF, i, USUAL, 3600);
		rig_advance_ms(10);
		home_agent_tick(&gw, fake.now);
	}
	assert_true(mallinfo2().uordblks - before < 10000);
}

static void a_reload_deletes_exactly_the_unnamed(void **state)
{
	enum { MANY = 40000 };
	struct config_mobile_node *nodes = calloc(MANY, sizeof(*nodes));

	binding_cache_free(gw.bindings);
	gw.bindings = binding_cache_new(MANY);
	rig_config.max_bindings = MANY;
	rig_config.mobile_nodes = nodes;
	rig_config.mobile_node_count = MANY;
	for (int i = 0; i < MANY; i++) {
		nodes[i].home = addr("2001:db8:2:0:1::");
		nodes[i].home.s6_addr[14] = i >> 8;
		nodes[i].home.s6_addr[15] = i & 0xFF;
	}
	for (int i = 0; i < MANY; i++) {
		struct mh_msg bu = { .type = MH_BU, .seq = i, .flags = USUAL, .lifetime_s = 400 };
		struct mh_input in = { .src = nodes[i].home,
				       .dst = addr(AGENT),
				       .care_of = addr(CARE_OF),
				       .has_home = true,
				       .when = fake.now };
		home_agent_on_bu(&gw, &in, &bu);
	}
	rig_config.mobile_node_count = MANY / 2;
	home_agent_reloaded(&gw);
	assert_int_equal(binding_count(gw.bindings), MANY / 2);
	rig_config.mobile_node_count = RIG_NODES;
	rig_config.mobile_nodes = rig_nodes;
	free(nodes);
}

#define RIG_TEST(test) cmocka_unit_test_setup_teardown(test, rig_setup, rig_teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(a_prefix_that_ends_during_detection_is_132),
		RIG_TEST(a_prefix_down_to_3_s_during_detection_is_132),
		RIG_TEST(defence_of_a_vanished_link_is_forgotten),
		RIG_TEST(defence_of_a_replaced_link_is_forgotten),
		RIG_TEST(detection_that_cannot_start_over_is_130),
		RIG_TEST(adopted_nodes_are_asked_when_due_whatever_their_order),
		RIG_TEST(refreshes_do_not_pile_up),
		RIG_TEST(a_reload_deletes_exactly_the_unnamed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
