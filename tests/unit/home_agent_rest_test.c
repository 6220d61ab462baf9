// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What home_agent_faults_test.c leaves: prefixes that ended while the daemon was down, an option naming its own source.
 */
#include "home_agent_rig.h"

static void what_is_adopted_ends_with_the_prefix_too(void **state)
{
	fake.adopted[0].home = addr(NODE);
	fake.adopted[0].reg = (struct registration){ .granted_ns = (uint64_t)(START_S - 100) * 1000000000,
						     .lifetime_s = 3600,
						     .seq = 41,
						     .flags = USUAL,
						     .care_of = addr(CARE_OF) };
	fake.adopted_count = 1;
	home_agent_on_prefix_lifetime(&gw, 0, 50); /* netlink_start() comes before */
	assert_int_equal(home_agent_adopt(&gw), 0);
	assert_int_equal(binding_remaining_s(rig_find(NODE), fake.now), 50);
	rig_advance_ms(50000);
	home_agent_tick(&gw, fake.now);
	assert_null(rig_find(NODE));
}

/* RFC 6275 §9.5.4: no routing header where the source of the update is the home address. */
static void an_option_that_names_its_own_source_is_answered_on_the_link(void **state)
{
	rig_registered(NODE, CARE_OF, 1, USUAL, 400);
	rig_bu(NODE, NODE, 2, USUAL, 0);
	assert_int_equal(fake_calls("answer_set " NODE " -> ::"), 1);
	assert_int_equal(fake_calls("answer_set " NODE " -> " NODE), 0);
}

#define RIG_TEST(test) cmocka_unit_test_setup_teardown(test, rig_setup, rig_teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(what_is_adopted_ends_with_the_prefix_too),
		RIG_TEST(an_option_that_names_its_own_source_is_answered_on_the_link),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
