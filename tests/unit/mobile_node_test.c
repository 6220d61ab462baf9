// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The mobile node in virtual time against a scripted home agent: what it sends where, and what the data path is told in
 * which order. RFC 6275 §11.3, §11.5, §11.7, §11.8. Timers and statuses one by one: update_list_test.c. */
#include <inttypes.h>

#include "mobile_node_rig.h"

static bool addr_is(const struct in6_addr *a, const char *text)
{
	struct in6_addr b = addr(text);

	return addr_equal(a, &b);
}

static void an_address_on_an_uplink_is_registered_at_once(void **state)
{
	start();
	assert_int_equal(fake_calls("route_mtu 1460"), 1); /* the tunnel's, before there is one */
	link_is(0, true);
	hear(WLAN, ROUTER_1, "2001:db8:f1::", false);
	fake_forget();
	address_is(WLAN, CARE_1, true);
	assert_int_equal(fake_calls("lead 0 " CARE_1 " by " ROUTER_1), 1);
	assert_int_equal(fake_calls("answer_set " HOME " -> " CARE_1 " by 2"), 1);
	assert_int_equal(fake_calls("send_mh BU"), 1);
	assert_int_equal(rig.entry.state, HOME_BLOCKED);
	pass_ms(RTT_MS);
	assert_int_equal(rig.entry.state, HOME_AWAY);
	assert_true(addr_is(&rig.entry.way.care_of, CARE_1) && rig.entry.way.ifindex == WLAN);
	assert_true(rig.expires.ns == mono_add_ms(mono_add_s(fake.now, 600), -RTT_MS).ns); /* from the update on */
	assert_int_equal(gw.agent_counters[AGENT_ACK_ACCEPTED], 1);
}

static void without_an_uplink_nothing_is_sent(void **state)
{
	start();
	pass_ms(100000);
	assert_int_equal(rig.updates, 0);
	assert_int_equal(rig.entry.state, HOME_BLOCKED);
}

static void an_agent_that_is_silent_is_asked_ever_more_slowly(void **state)
{
	static const struct {
		int64_t ms;
		unsigned int updates;
	} cases[] = {
		{ 0, 1 },     { 1499, 1 },  { 1500, 2 },  { 4499, 2 },	{ 4500, 3 },  { 10500, 4 },
		{ 22500, 5 }, { 46500, 6 }, { 78499, 6 }, { 78500, 7 }, { 110500, 8 }
	}; /* 1.5, 3, 6, 12, 24, 32, 32 s */
	int64_t at = 0;

	rig.silent = true;
	start();
	link_is(0, true);
	address_is(WLAN, CARE_1, true);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		pass_ms(cases[i].ms - at);
		at = cases[i].ms;
		CHECK_CASE(i, rig.updates == cases[i].updates);
	}
	assert_int_equal(rig.entry.state, HOME_BLOCKED);
}

static void a_registration_is_refreshed_and_lost_only_when_nobody_answers(void **state)
{
	settle_on_link_1();
	rig.updates = 0;
	pass_ms(10 * 600 * 1000);
	assert_in_range(rig.updates, 12, 14); /* each after 450 s */
	assert_int_equal(rig.entry.state, HOME_AWAY);
	rig.silent = true;
	pass_ms(601 * 1000);
	assert_int_equal(rig.entry.state, HOME_BLOCKED);
	assert_int_equal(fake_calls("publish lost") > 0 || fake.count > FAKE_LINES, 1);
	rig.silent = false;
	pass_ms(33 * 1000);
	assert_int_equal(rig.entry.state, HOME_AWAY);
}

static void a_hard_move_is_blocked_until_the_agent_knows(void **state)
{
	settle_on_link_1();
	link_is(0, false);
	assert_int_equal(rig.entry.state, HOME_BLOCKED);
	link_is(0, true);
	hear(WLAN, ROUTER_2, "2001:db8:f2::", false);
	assert_int_equal(rig.entry.state, HOME_BLOCKED);
	address_is(WLAN, CARE_2, true);
	assert_int_equal(rig.entry.state, HOME_BLOCKED);
	pass_ms(RTT_MS);
	assert_int_equal(rig.entry.state, HOME_AWAY);
	assert_true(addr_is(&rig.entry.way.care_of, CARE_2));
	assert_int_equal(fake_calls("publish moved"), 1);
}

static void a_carrier_lost_for_a_moment_costs_no_update(void **state)
{
	settle_on_link_1();
	rig.updates = 0;
	link_is(0, false);
	link_is(0, true);
	assert_int_equal(rig.entry.state, HOME_AWAY); /* it may be the same link: not given up yet */
	hear(WLAN, ROUTER_1, "2001:db8:f1::", false);
	pass_ms(5000);
	assert_int_equal(rig.updates, 0);
	assert_int_equal(rig.entry.state, HOME_AWAY);
}

static void with_two_uplinks_both_are_used_until_the_agent_has_answered(void **state)
{
	settle_on_link_1();
	link_is(1, true);
	hear(WWAN, ROUTER_2, "2001:db8:f2::", false);
	address_is(WWAN, CARE_2, true);
	pass_ms(100);
	assert_true(addr_is(&rig.entry.way.care_of, CARE_1)); /* preferred */
	fake_forget();
	assert_int_equal(mobile_node_handover(&gw, "wwan0"), 0);
	agent_receives();
	assert_int_equal(fake_calls("answer_set " HOME " -> " CARE_2 " by 3"), 1);
	assert_true(addr_is(&rig.entry.way.care_of, CARE_1) && addr_is(&rig.entry.next.care_of, CARE_2));
	assert_int_equal(rig.entry.next.ifindex, WWAN);
	pass_ms(RTT_MS);
	assert_true(addr_is(&rig.entry.way.care_of, CARE_2) && !rig.entry.next.ifindex);
	assert_int_equal(mobile_node_handover(&gw, NULL), 0);
	pass_ms(RTT_MS);
	assert_true(addr_is(&rig.entry.way.care_of, CARE_1));
}

static void handover_is_refused_to_what_is_not_there(void **state)
{
	settle_on_link_1();
	assert_int_equal(mobile_node_handover(&gw, "eth9"), -ENOENT);
	assert_int_equal(mobile_node_handover(&gw, "wwan0"), -ENETDOWN);
	assert_int_equal(mobile_node_handover(&gw, "wlan0"), 0);
}

static void the_way_home_is_gone_step_by_step(void **state)
{
	settle_on_link_1();
	link_is(0, false);
	link_is(0, true);
	fake_forget();
	hear(WLAN, ROUTER_HOME, AGENT, true);
	/* the router, then who may find us, then the data path, then the update with the home address as its source */
	EXPECT_CALLS("lead 0 :: by " ROUTER_HOME, "home_link 0 yes", "join 2", "proxied_set 2 " HOME " 4",
		     "home_set blocked " CARE_1 " by 2 next 0", "answer_set " HOME " -> :: by 2", fake.lines[6]);
	assert_non_null(strstr(fake.lines[6], "for 0 s care-of " HOME));
	assert_true(addr_is(&rig.entry.agent_link_local, ROUTER_HOME));
	pass_ms(RTT_MS);
	EXPECT_CALLS("publish at-home " HOME, "proxied_delete 2 " HOME, "leave 2", "home_set there :: by 2 next 0",
		     "route_mtu 1500", "at_home 2 yes", "nd 136 on 2 to ff02::1");
	pass_ms(5000);
	assert_int_equal(fake_calls("nd 136 on 2 to ff02::1"), 2); /* three advertisements in all */
}

static void leaving_home_takes_the_address_off_the_link_and_registers_again(void **state)
{
	settle_on_link_1();
	link_is(0, false);
	link_is(0, true);
	hear(WLAN, ROUTER_HOME, AGENT, true);
	pass_ms(100);
	assert_int_equal(rig.entry.state, HOME_THERE);
	link_is(0, false);
	assert_int_equal(rig.entry.state, HOME_BLOCKED);
	link_is(0, true);
	fake_forget();
	hear(WLAN, ROUTER_1, "2001:db8:f1::", false);
	pass_ms(100);
	assert_int_equal(rig.entry.state, HOME_AWAY); /* the address of before is believed again */
	assert_true(rig.bound && addr_is(&rig.care_of, CARE_1));
}

static void home_again_without_having_registered_elsewhere_asks_nothing(void **state)
{
	settle_on_link_1();
	link_is(0, false);
	link_is(0, true);
	hear(WLAN, ROUTER_HOME, AGENT, true);
	pass_ms(100);
	rig.updates = 0;
	link_is(0, false);
	link_is(0, true);
	hear(WLAN, ROUTER_HOME, AGENT, true);
	assert_int_equal(rig.entry.state, HOME_THERE);
	assert_int_equal(rig.updates, 0);
}

static void a_home_link_where_nobody_answers_is_not_believed_for_long(void **state)
{
	settle_on_link_1();
	rig.silent = true;
	hear(WLAN, ROUTER_2, "2001:db8:1::", false);  /* a stranger says that this is home */
	assert_int_equal(rig.entry.state, HOME_AWAY); /* the registration stands, and is used meanwhile */
	pass_ms(6900);
	assert_int_equal(gw.mn->homes[0].update.goal.kind, GOAL_HOME);
	pass_ms(200);
	assert_int_equal(gw.mn->homes[0].update.goal.kind, GOAL_AWAY);
	rig.silent = false;
	pass_ms(20000);
	assert_int_equal(rig.entry.state, HOME_AWAY);
}

static void acknowledgements_count_only_from_the_agent_by_their_road_and_number(void **state)
{
	static const struct {
		const char *from;
		bool routed, has_home;
		int seq_off;
	} cases[] = {
		{ CARE_2, true, false, 0 }, /* not the agent */
		{ AGENT, false, false, 0 }, /* no routing header: not to the care-of address (§11.7.3) */
		{ AGENT, true, true, 0 },   /* with a home address option: from somebody's care-of address */
		{ AGENT, true, false, -1 }, { AGENT, true, false, 1 }, { AGENT, true, false, 32768 },
	};

	rig.silent = true;
	start();
	link_is(0, true);
	address_is(WLAN, CARE_1, true);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct mh_msg ack = { .type = MH_BA, .seq = (uint16_t)(rig.seq + cases[i].seq_off), .lifetime_s = 600 };
		struct mh_input in = { .src = addr(cases[i].from),
				       .dst = addr(HOME),
				       .care_of = addr(cases[i].from),
				       .routed = cases[i].routed,
				       .has_home = cases[i].has_home,
				       .when = fake.now };

		mobile_node_on_ack(&gw, &in, &ack);
		CHECK_CASE(i, rig.entry.state == HOME_BLOCKED && gw.agent_counters[AGENT_ACK_STRANGE] == i + 1);
	}
	deliver(&(struct mh_msg){ .type = MH_BA, .seq = rig.seq, .lifetime_s = 600 }, AGENT, true);
	assert_int_equal(rig.entry.state, HOME_AWAY);
}

static void a_refusal_blocks_and_is_asked_again_later(void **state)
{
	rig.status = BA_PROHIBITED;
	start();
	link_is(0, true);
	address_is(WLAN, CARE_1, true);
	pass_ms(59000);
	assert_int_equal(rig.updates, 1);
	assert_int_equal(rig.entry.state, HOME_BLOCKED);
	assert_int_equal(fake_calls("publish refused"), 1);
	rig.status = BA_ACCEPTED;
	pass_ms(2000);
	assert_int_equal(rig.entry.state, HOME_AWAY);
}

static void strangers_bring_about_nothing(void **state)
{
	struct mh_msg be = { .type = MH_BE, .status = BE_UNKNOWN_BINDING, .home = addr(HOME) };
	struct mh_msg brr = { .type = MH_BRR };
	struct mh_input stranger = { .src = addr(CARE_2), .dst = addr(HOME), .care_of = addr(CARE_2) };
	struct mh_input agent = { .src = addr(AGENT), .dst = addr(HOME), .care_of = addr(AGENT) };

	settle_on_link_1();
	rig.updates = 0;
	mobile_node_on_binding_error(&gw, &stranger, &be);
	mobile_node_on_refresh_request(&gw, &stranger, &brr);
	pass_ms(1000);
	assert_int_equal(rig.updates, 0);
	assert_int_equal(gw.agent_counters[AGENT_ERROR_STRANGE], 2);
	mobile_node_on_refresh_request(&gw, &agent, &brr);
	pass_ms(100);
	assert_int_equal(rig.updates, 1);
	for (size_t i = 0; i < 100; i++) /* once a second, whoever forges the agent's address */
		mobile_node_on_binding_error(&gw, &agent, &be);
	pass_ms(800);
	assert_int_equal(rig.updates, 1);
	pass_ms(1000);
	mobile_node_on_binding_error(&gw, &agent, &be);
	pass_ms(100);
	assert_int_equal(rig.updates, 2);
}

static void a_smaller_path_mtu_is_learned_told_and_forgotten(void **state)
{
	struct in6_addr care_of = addr(CARE_1), agent = addr(AGENT), other = addr(CARE_2);

	settle_on_link_1();
	assert_false(mobile_node_on_too_big(&gw, &other, &agent, 1300));
	assert_false(mobile_node_on_too_big(&gw, &care_of, &other, 1300));
	assert_int_equal(rig.entry.way.mtu, 1500);
	assert_true(mobile_node_on_too_big(&gw, &care_of, &agent, 1400));
	assert_int_equal(rig.entry.way.mtu, 1400);
	assert_int_equal(fake_calls("route_mtu 1360"), 1);
	assert_true(mobile_node_on_too_big(&gw, &care_of, &agent, 1450)); /* never raised */
	assert_int_equal(rig.entry.way.mtu, 1400);
	assert_true(mobile_node_on_too_big(&gw, &care_of, &agent, 68)); /* nor below what every link carries */
	assert_int_equal(rig.entry.way.mtu, 1280);
	pass_ms(601 * 1000);
	assert_int_equal(rig.entry.way.mtu, 1500);
}

static void a_new_life_goes_on_where_the_former_ended(void **state)
{
	uint16_t seq;

	settle_on_link_1();
	seq = rig.entry.seq;
	mobile_node_close(&gw);
	pass_ms(0);
	rig.updates = 0;
	assert_int_equal(mobile_node_open(&gw), 0);
	address_is(WLAN, CARE_1, true);
	mobile_node_start(&gw);
	agent_receives();
	pass_ms(5000);
	assert_int_equal(rig.entry.state, HOME_AWAY);
	assert_int_equal(rig.updates, 0);
	pass_ms(450 * 1000);
	assert_int_equal(rig.updates, 1);
	assert_int_equal(rig.seq, (uint16_t)(seq + 1));
}

/* A year of a restless node: whatever happens, it never sends by a care-of address that the agent doesn't hold, but for
 * the time an answer is under way. */
static void what_the_data_path_sends_by_the_agent_would_take(void **state)
{
	static const char *const prefixes[] = { "2001:db8:f1::", "2001:db8:f2::", AGENT };
	static const char *const routers[] = { ROUTER_1, ROUTER_2, ROUTER_HOME };
	static const char *const addresses[] = { CARE_1, CARE_2, "2001:db8:1::77" };
	uint32_t random = 1;
	size_t checked = 0;

	start();
	for (size_t i = 0; i < 20000; i++) {
		size_t uplink, where;

		random = random * 1103515245 + 12345;
		uplink = random >> 16 & 1;
		where = (random >> 17) % 3;
		switch ((random >> 20) % 5) {
		case 0:
			link_is(uplink, (random >> 24) & 1);
			break;
		case 1:
			hear(uplink ? WWAN : WLAN, routers[where], prefixes[where], where == 2);
			break;
		case 2:
			address_is(uplink ? WWAN : WLAN, addresses[where], (random >> 24) & 1);
			break;
		case 3:
			rig.status = (random >> 24) % 4 ? BA_ACCEPTED : BA_NO_RESOURCES;
			rig.silent = (random >> 27) % 8 == 0;
			break;
		case 4:
			mobile_node_handover(&gw, (random >> 24) & 1 ? rig_uplinks[uplink].name : NULL);
			agent_receives();
			break;
		}
		pass_ms((random >> 18) % 4 ? 50 : (random >> 8) % 100000);
		if (rig.answer.from || rig.entry.state != HOME_AWAY || gw.mn->homes[0].update.outstanding)
			continue;
		CHECK_CASE(i, rig.bound && addr_equal(&rig.care_of, &rig.entry.way.care_of));
		CHECK_CASE(i, mono_before(fake.now, rig.expires));
		checked++;
	}
	print_message("%zu states checked, %" PRIu64 " acknowledgements\n", checked,
		      gw.agent_counters[AGENT_ACK_ACCEPTED]);
	assert_true(checked > 500 && gw.agent_counters[AGENT_ACK_ACCEPTED] > 200);
}

static void a_pinned_uplink_is_left_only_while_it_is_not_there(void **state)
{
	settle_on_link_1();
	link_is(1, true);
	hear(WWAN, ROUTER_2, "2001:db8:f2::", false);
	address_is(WWAN, CARE_2, true);
	assert_int_equal(mobile_node_handover(&gw, "wwan0"), 0);
	agent_receives();
	pass_ms(100);
	assert_true(addr_is(&rig.entry.way.care_of, CARE_2));
	fake_forget();
	link_is(1, false);
	assert_int_equal(rig.entry.state, HOME_BLOCKED);
	assert_int_equal(fake_calls("answer_set " HOME " -> " CARE_1 " by 2"), 1);
	pass_ms(100);
	assert_true(addr_is(&rig.entry.way.care_of, CARE_1));
	link_is(1, true);
	hear(WWAN, ROUTER_2, "2001:db8:f2::", false);
	pass_ms(100);
	assert_true(addr_is(&rig.entry.way.care_of, CARE_2)); /* the operator's word still stands */
}

static void home_on_another_uplink_the_registration_works_until_the_agent_has_answered(void **state)
{
	start();
	link_is(1, true);
	hear(WWAN, ROUTER_2, "2001:db8:f2::", false);
	address_is(WWAN, CARE_2, true);
	pass_ms(100);
	link_is(0, true);
	fake_forget();
	hear(WLAN, ROUTER_HOME, AGENT, true);
	assert_int_equal(rig.entry.state, HOME_AWAY);
	assert_true(addr_is(&rig.entry.way.care_of, CARE_2) && !rig.entry.next.ifindex);
	assert_int_equal(fake_calls("proxied_set 2 " HOME), 1);
	assert_int_equal(fake_calls("answer_set " HOME " -> :: by 2"), 1);
	pass_ms(RTT_MS);
	assert_int_equal(rig.entry.state, HOME_THERE);
	assert_int_equal(rig.entry.way.ifindex, WLAN);
	fake_forget();
	link_is(0, false); /* and away again by the other, which never was lost */
	assert_int_equal(fake_calls("at_home 2 no"), 1);
	assert_int_equal(fake_calls("home_link 0 no"), 1);
	pass_ms(100);
	assert_int_equal(rig.entry.state, HOME_AWAY);
	assert_true(rig.bound && addr_is(&rig.care_of, CARE_2));
}

static void a_new_life_at_home_is_at_home(void **state)
{
	settle_on_link_1();
	link_is(0, false);
	link_is(0, true);
	hear(WLAN, ROUTER_HOME, AGENT, true);
	pass_ms(100);
	assert_int_equal(rig.entry.state, HOME_THERE);
	mobile_node_close(&gw);
	rig.updates = 0;
	fake_forget();
	assert_int_equal(mobile_node_open(&gw), 0);
	mobile_node_start(&gw);
	hear(WLAN, ROUTER_HOME, AGENT, true);
	pass_ms(5000);
	assert_int_equal(rig.entry.state, HOME_THERE);
	assert_int_equal(rig.updates, 0);
	link_is(0, false);
	link_is(0, true);
	hear(WLAN, ROUTER_1, "2001:db8:f1::", false);
	address_is(WLAN, CARE_1, true);
	pass_ms(100);
	assert_int_equal(rig.entry.state, HOME_AWAY);
}

static void what_the_kernel_refuses_to_send_is_counted_and_sent_again(void **state)
{
	start();
	fake_fail("answer_set", -ENOMEM);
	link_is(0, true);
	address_is(WLAN, CARE_1, true);
	assert_int_equal(rig.updates, 0);
	assert_true(gw.agent_counters[AGENT_SEND_FAILED] > 0);
	assert_int_equal(gw.agent_counters[AGENT_UPDATE_SENT], 0);
	fake_fail(NULL, 0);
	pass_ms(1500 + RTT_MS);
	assert_int_equal(rig.entry.state, HOME_AWAY);
}

static void advertisements_that_break_the_rules_are_counted_and_change_nothing(void **state)
{
	uint8_t ra[16] = { ICMP6_ROUTER_ADVERT }, na[24] = { ICMP6_NEIGHBOUR_ADVERT };
	const struct {
		const char *src;
		const uint8_t *data;
		size_t len;
	} cases[] = {
		{ "2001:db8:f1::1", ra, sizeof(ra) }, /* not from the link, RFC 4861 §6.1.2 */
		{ ROUTER_1, ra, sizeof(ra) - 1 },
		{ ROUTER_1, na, sizeof(na) - 1 },
	};

	settle_on_link_1();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct nd_input in = { .ifindex = WLAN,
				       .src = addr(cases[i].src),
				       .data = cases[i].data,
				       .len = cases[i].len,
				       .when = fake.now };

		mobile_node_on_nd(&gw, &in);
		CHECK_CASE(i, gw.agent_counters[AGENT_ND_MALFORMED] == i + 1);
		in.ifindex = 99; /* no uplink of ours: not even counted */
		mobile_node_on_nd(&gw, &in);
		CHECK_CASE(i, gw.agent_counters[AGENT_ND_MALFORMED] == i + 1);
	}
	assert_int_equal(movement_routers(gw.mn->movement, 0, NULL, 0), 1);
}

/* A visit so short that its acknowledgement found nobody: the agent holds the place that was left. */
static void a_short_visit_elsewhere_is_made_undone(void **state)
{
	settle_on_link_1();
	link_is(0, false);
	link_is(0, true);
	hear(WLAN, ROUTER_2, "2001:db8:f2::", false);
	address_is(WLAN, CARE_2, true);
	assert_true(addr_is(&rig.care_of, CARE_2));
	rig.answer.from = NULL;
	link_is(0, false);
	link_is(0, true);
	hear(WLAN, ROUTER_1, "2001:db8:f1::", false);
	pass_ms(5000);
	assert_int_equal(rig.entry.state, HOME_AWAY);
	assert_true(addr_is(&rig.entry.way.care_of, CARE_1) && addr_is(&rig.care_of, CARE_1));
}

/* By DHCPv6: no router speaks for it. A daemon that starts while the link is up believes it; so must one that adopts.
 */
static void a_new_life_believes_an_address_that_nobody_advertises(void **state)
{
	for (int adopting = 0; adopting < 2; adopting++) {
		rig_teardown(NULL);
		rig_setup(NULL);
		start();
		link_is(0, true);
		if (adopting) {
			hear(WLAN, ROUTER_1, "2001:db8:ff::", false);
			address_is(WLAN, "2001:db8:dd::2", true);
			pass_ms(100);
			assert_int_equal(rig.entry.state, HOME_AWAY);
		}
		mobile_node_close(&gw);
		rig.wake = UPDATE_NEVER;
		rig.has_entry = adopting;
		assert_int_equal(mobile_node_open(&gw), 0);
		address_is(WLAN, "2001:db8:dd::2", true); /* netlink_start() comes before mobile_node_start() */
		mobile_node_start(&gw);
		agent_receives();
		hear(WLAN, ROUTER_1, "2001:db8:ff::", false); /* the answer to our solicitation, and no more for long */
		pass_ms(60 * 1000);
		CHECK_CASE(adopting, rig.entry.state == HOME_AWAY);
	}
}

/* As netlink.c tells it after a loss of messages: links first, then the addresses of one that is gone. */
static void a_device_put_in_anothers_place_has_none_of_its_addresses(void **state)
{
	struct address_info gone = { .ifindex = WWAN, .addr = addr("2001:db8:dd::2") };

	start();
	link_is(1, true);
	address_is(WWAN, "2001:db8:dd::2", true);
	pass_ms(100);
	assert_int_equal(rig.entry.state, HOME_AWAY);
	fake.links[1].ifindex = 0;
	mobile_node_on_link(&gw, "wwan0", WWAN, false);
	mobile_node_on_address(&gw, &gone);
	assert_int_equal(rig.entry.state, HOME_BLOCKED);
	fake.links[1].ifindex = 9;
	rig.updates = 0;
	link_is(1, true);
	pass_ms(60 * 1000);
	assert_int_equal(rig.entry.state, HOME_BLOCKED);
	assert_false(gw.mn->uplinks[1].point.usable);
}

/* Acknowledgements are lost here, updates are not: the agent may be ahead of us at any time. */
static void what_the_data_path_sends_by_the_agent_would_take_though_answers_get_lost(void **state)
{
	static const char *const prefixes[] = { "2001:db8:f1::", "2001:db8:f2::", AGENT };
	static const char *const routers[] = { ROUTER_1, ROUTER_2, ROUTER_HOME };
	static const char *const addresses[] = { CARE_1, CARE_2, "2001:db8:1::77" };
	const struct home_update *u;
	uint32_t random = 1;
	size_t checked = 0;

	start();
	u = &gw.mn->homes[0].update;
	for (size_t i = 0; i < 20000; i++) {
		unsigned int updates = rig.updates;
		size_t uplink, where;

		random = random * 1664525 + 1013904223;
		uplink = random >> 16 & 1;
		where = (random >> 17) % 3;
		switch ((random >> 20) % 4) {
		case 0:
			link_is(uplink, (random >> 24) & 1);
			break;
		case 1:
			hear(uplink ? WWAN : WLAN, routers[where], prefixes[where], where == 2);
			break;
		case 2:
			address_is(uplink ? WWAN : WLAN, addresses[where], (random >> 24) & 1);
			break;
		case 3:
			rig.status = (random >> 24) % 4 ? BA_ACCEPTED : BA_NO_RESOURCES;
			break;
		}
		if ((random >> 26) % 3 == 0)
			rig.answer.from = NULL;
		CHECK_CASE(i, rig.updates == updates || rig.entry.seq == rig.seq); /* on record before it is used */
		pass_ms((random >> 18) % 4 ? 50 : (random >> 8) % 100000);
		if (rig.answer.from || rig.entry.state != HOME_AWAY || u->goal.kind != GOAL_AWAY || u->outstanding ||
		    u->retry_s)
			continue;
		CHECK_CASE(i, rig.bound && addr_equal(&rig.care_of, &rig.entry.way.care_of));
		checked++;
	}
	assert_true(checked > 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(an_address_on_an_uplink_is_registered_at_once),
		RIG_TEST(without_an_uplink_nothing_is_sent),
		RIG_TEST(an_agent_that_is_silent_is_asked_ever_more_slowly),
		RIG_TEST(a_registration_is_refreshed_and_lost_only_when_nobody_answers),
		RIG_TEST(a_hard_move_is_blocked_until_the_agent_knows),
		RIG_TEST(a_carrier_lost_for_a_moment_costs_no_update),
		RIG_TEST(with_two_uplinks_both_are_used_until_the_agent_has_answered),
		RIG_TEST(handover_is_refused_to_what_is_not_there),
		RIG_TEST(the_way_home_is_gone_step_by_step),
		RIG_TEST(leaving_home_takes_the_address_off_the_link_and_registers_again),
		RIG_TEST(home_again_without_having_registered_elsewhere_asks_nothing),
		RIG_TEST(a_home_link_where_nobody_answers_is_not_believed_for_long),
		RIG_TEST(acknowledgements_count_only_from_the_agent_by_their_road_and_number),
		RIG_TEST(a_refusal_blocks_and_is_asked_again_later),
		RIG_TEST(strangers_bring_about_nothing),
		RIG_TEST(a_smaller_path_mtu_is_learned_told_and_forgotten),
		RIG_TEST(a_new_life_goes_on_where_the_former_ended),
		RIG_TEST(what_the_data_path_sends_by_the_agent_would_take),
		RIG_TEST(a_pinned_uplink_is_left_only_while_it_is_not_there),
		RIG_TEST(home_on_another_uplink_the_registration_works_until_the_agent_has_answered),
		RIG_TEST(a_new_life_at_home_is_at_home),
		RIG_TEST(what_the_kernel_refuses_to_send_is_counted_and_sent_again),
		RIG_TEST(advertisements_that_break_the_rules_are_counted_and_change_nothing),
		RIG_TEST(a_short_visit_elsewhere_is_made_undone),
		RIG_TEST(a_new_life_believes_an_address_that_nobody_advertises),
		RIG_TEST(a_device_put_in_anothers_place_has_none_of_its_addresses),
		RIG_TEST(what_the_data_path_sends_by_the_agent_would_take_though_answers_get_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
