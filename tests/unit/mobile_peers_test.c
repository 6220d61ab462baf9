// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* mobile_peers.c in virtual time, against correspondents that check what they get. RFC 6275 §11.3, §11.6, §11.7.2. */
#include "mobile_peers_rig.h"

#include "../../agent/peer_list.h"

#define TOLD "send_icmp 2/0 data 1476 quoting 48 from " HOME " to " HOME " ifindex 0"
#define HOTI "send_mh HoTI from " HOME " to " PEER " via_home"
#define COTI_1 "send_mh CoTI from " CARE_1 " to " PEER
#define COTI_2 "send_mh CoTI from " CARE_2 " to " PEER
#define UPDATE "send_mh BU for 420 s from " HOME " to " PEER " via_home"
#define SET "peer_set " HOME " " PEER

static struct scripted *const cn = &rig.correspondents[0];

static const struct peer *entry(void)
{
	const struct peer *found = fake_peer_entry(HOME, PEER);

	assert_non_null(found);
	return found;
}

static bool bound_at(const char *care_of)
{
	struct in6_addr a = addr(care_of);

	return cn->bound && addr_equal(&cn->care_of, &a);
}

/* ---- return routability and the first update ---- */

static void talk_begins_with_both_tests_and_nothing_before_them(void **state)
{
	moved(HOME, CARE_1, WLAN);
	EXPECT_NO_CALLS();
	talk(HOME, PEER);
	EXPECT_CALLS(SET " update", HOTI, COTI_1);
	assert_true(counted(AGENT_TEST_SENT) == 2);

	talk(HOME, PEER); /* the data path asks again: an event of before the entry stood */
	EXPECT_NO_CALLS();
}

static void update_follows_the_later_of_both_answers(void **state)
{
	moved(HOME, CARE_1, WLAN);
	talk(HOME, PEER);
	fake_forget();
	pass_ms(RTT_HOME_MS - 1);
	assert_true(counted(AGENT_TEST_TAKEN) == 1);
	EXPECT_NO_CALLS();
	pass_ms(1);
	EXPECT_CALLS(SET " update", UPDATE);
	assert_int_equal(cn->updates, 1); /* where it was checked */
	assert_true(counted(AGENT_PEER_UPDATE_SENT) == 1);
}

static void data_goes_straight_from_the_authentic_acknowledgement_on(void **state)
{
	struct peer_view view;

	moved(HOME, CARE_1, WLAN);
	talk(HOME, PEER);
	pass_ms(RTT_HOME_MS + RTT_MS - 1);
	assert_false(is_direct(HOME, PEER));
	fake_forget();
	pass_ms(1);
	EXPECT_CALLS(SET " update direct", TOLD, "publish optimised " HOME);
	assert_true(counted(AGENT_PEER_ACK) == 1);
	assert_int_equal(entry()->ifindex, WLAN);
	assert_int_equal(entry()->mtu, 1500);
	assert_int_equal(entry()->lifetime_s, 420);
	assert_true(bound_at(CARE_1));
	assert_true(fake_peers.peers[0].expires.ns == mono_add_ms(fake.now, 420000 - RTT_MS).ns);
	assert_true(view_of(HOME, PEER, &view));
	assert_int_equal(view.state, PEER_VIEW_OPTIMISED);
	assert_int_equal(view.lifetime_s, 420);
	assert_true(view.home_token && view.care_of_token);
}

static void lost_test_is_asked_for_again_alone(void **state)
{
	cn->no_hot = true;
	moved(HOME, CARE_1, WLAN);
	talk(HOME, PEER);
	pass_ms(500);
	fake_forget();
	pass_ms(600);
	EXPECT_CALLS(HOTI);
	pass_ms(2000);
	EXPECT_CALLS(HOTI);
	cn->no_hot = false;
	pass_ms(4000);
	assert_true(is_direct(HOME, PEER));
	assert_int_equal(cn->cotis, 1);
}

static void lost_acknowledgement_brings_another_number(void **state)
{
	uint16_t first;

	cn->no_ack = true;
	moved(HOME, CARE_1, WLAN);
	talk(HOME, PEER);
	pass_ms(100);
	first = cn->update.seq;
	pass_ms(1000);
	assert_int_equal(cn->updates, 2);
	assert_int_equal((uint16_t)(cn->update.seq - first), 1);
	assert_false(is_direct(HOME, PEER));
}

/* MAX_RO_FAILURE, §12: each of the three procedures tries four times. */
static void silence_leads_to_a_pause_and_another_try(void **state)
{
	struct peer_view view;

	cn->no_hot = true;
	rig.busy = true;
	moved(HOME, CARE_1, WLAN);
	talk(HOME, PEER);
	pass_s(3 * (1 + 2 + 4 + 8));
	assert_int_equal(cn->hotis, 12);
	assert_true(view_of(HOME, PEER, &view));
	assert_int_equal(view.state, PEER_VIEW_BACKED_OFF);
	pass_s(59);
	assert_int_equal(cn->hotis, 12);
	cn->no_hot = false;
	pass_s(2);
	assert_true(is_direct(HOME, PEER));
}

static void refusal_leaves_it_in_the_tunnel(void **state)
{
	struct peer_view view;

	cn->status = BA_PROHIBITED;
	moved(HOME, CARE_1, WLAN);
	talk(HOME, PEER);
	pass_ms(100);
	assert_true(counted(AGENT_PEER_ACK_REFUSED) == 1);
	assert_false(is_direct(HOME, PEER));
	assert_true(view_of(HOME, PEER, &view));
	assert_int_equal(view.state, PEER_VIEW_BACKED_OFF);
	assert_int_equal(view.last_status, BA_PROHIBITED);
	assert_int_equal(view.back_off_s, 59);
}

static void send_failure_is_as_a_loss(void **state)
{
	moved(HOME, CARE_1, WLAN);
	fake_fail("send_mh", -ENOBUFS);
	talk(HOME, PEER);
	assert_true(counted(AGENT_SEND_FAILED) == 2);
	fake_fail(NULL, 0);
	pass_ms(1200);
	assert_true(is_direct(HOME, PEER));
}

static void entry_that_the_data_path_refuses_is_written_again(void **state)
{
	moved(HOME, CARE_1, WLAN);
	talk(HOME, PEER);
	pass_ms(RTT_HOME_MS);
	fake_fail("peer_set", -E2BIG);
	pass_ms(RTT_MS);
	assert_int_equal(fake_calls("publish"), 0); /* not said where it isn't so */
	fake_fail(NULL, 0);
	fake_forget();
	rig.busy = true;
	pass_s(PEER_LOOK_S + 1);
	assert_int_equal(fake_calls(SET " update direct"), 1);
	assert_int_equal(fake_calls("publish optimised"), 1);
}

/* ---- moving ---- */

static void move_costs_one_care_of_test_and_one_update(void **state)
{
	uint16_t nonce;

	settle();
	nonce = cn->update.opt.home_nonce;
	pass_s(40); /* other nonces are given out by now */
	fake_forget();
	moved(HOME, CARE_2, WWAN);
	/* through the tunnel from now on */
	EXPECT_CALLS(SET " update", "publish unoptimised " HOME, COTI_2);
	assert_int_equal(entry()->ifindex, WWAN);
	pass_ms(RTT_MS);
	EXPECT_CALLS(SET " update", UPDATE);
	assert_int_equal(cn->update.opt.home_nonce, nonce);
	assert_int_not_equal(cn->update.opt.care_of_nonce, nonce);
	assert_false(is_direct(HOME, PEER));
	pass_ms(RTT_MS);
	EXPECT_CALLS(SET " update direct", TOLD, "publish optimised " HOME);
	assert_true(bound_at(CARE_2));
	assert_int_equal(cn->hotis, 1);
}

static void all_correspondents_are_asked_at_once(void **state)
{
	settle();
	talk(HOME, PEER_2);
	pass_ms(100);
	assert_true(is_direct(HOME, PEER_2));
	fake_forget();
	moved(HOME, CARE_2, WWAN);
	assert_int_equal(fake_calls("send_mh CoTI from " CARE_2), 2);
	pass_ms(2 * RTT_MS);
	assert_true(is_direct(HOME, PEER) && is_direct(HOME, PEER_2));
}

static void move_after_the_home_token_s_end_asks_for_both_in_parallel(void **state)
{
	settle();
	pass_s(PEER_IDLE_S + 200);	 /* idle: its token was not renewed */
	fake_peers.peer_used = fake.now; /* and just now in use again */
	fake_forget();
	moved(HOME, CARE_2, WWAN);
	EXPECT_CALLS(SET " update", "publish unoptimised " HOME, HOTI, COTI_2);
	pass_ms(RTT_HOME_MS + RTT_MS);
	assert_true(is_direct(HOME, PEER));
}

static void test_lost_for_want_of_a_tunnel_is_repeated_when_there_is_one(void **state)
{
	struct in6_addr home = addr(HOME);
	struct mobile_place at = { .care_of = addr(CARE_1), .ifindex = WLAN, .mtu = 1500 };

	cn->no_hot = true;
	mobile_peers_moved(&gw, &home, &at);
	talk(HOME, PEER);
	cn->no_hot = false;
	pass_ms(100);
	fake_forget();
	at.tunnel = true;
	mobile_peers_moved(&gw, &home, &at);
	EXPECT_CALLS(HOTI);
	pass_ms(RTT_HOME_MS + RTT_MS);
	assert_true(is_direct(HOME, PEER));
}

static void acknowledgement_of_before_the_move_changes_nothing(void **state)
{
	moved(HOME, CARE_1, WLAN);
	talk(HOME, PEER);
	pass_ms(RTT_HOME_MS); /* update sent, its answer under way */
	moved(HOME, CARE_2, WWAN);
	fake_forget();
	pass_ms(RTT_MS);
	assert_int_equal(fake_calls(SET " update direct"), 0);
	assert_true(counted(AGENT_PEER_ACK_FORGED) == 1);
	pass_ms(2 * RTT_MS);
	assert_true(is_direct(HOME, PEER));
	assert_true(bound_at(CARE_2));
}

/* Which of both the correspondent holds nobody knows: what it has is asked for anew. */
static void way_back_before_the_acknowledgement_needs_another_update(void **state)
{
	settle();
	moved(HOME, CARE_2, WWAN);
	pass_ms(RTT_MS + RTT_MS / 2); /* it is bound there, and its answer under way */
	assert_true(bound_at(CARE_2));
	moved(HOME, CARE_1, WLAN);
	assert_false(is_direct(HOME, PEER));
	pass_s(1);
	assert_true(bound_at(CARE_1));
	assert_true(is_direct(HOME, PEER));
}

static void nowhere_nothing_is_sent(void **state)
{
	settle();
	nowhere(HOME);
	EXPECT_CALLS(SET, "publish unoptimised " HOME);
	rig.busy = true;
	pass_s(100);
	assert_int_equal(fake_calls("send_mh"), 0);
	moved(HOME, CARE_1, WLAN); /* back at the same address: the binding is that of before */
	assert_true(is_direct(HOME, PEER));
}

static void smaller_link_shrinks_the_path(void **state)
{
	struct in6_addr home = addr(HOME);
	struct mobile_place at = { .care_of = addr(CARE_1), .ifindex = WLAN, .mtu = 1400, .tunnel = true };

	settle();
	mobile_peers_moved(&gw, &home, &at);
	EXPECT_CALLS(SET " update direct", "send_icmp 2/0 data 1376 quoting 48 from " HOME " to " HOME " ifindex 0");
	assert_int_equal(entry()->mtu, 1400);
	mobile_peers_moved(&gw, &home, &at);
	EXPECT_NO_CALLS();
}

/* ---- in the course of time ---- */

static void home_token_is_renewed_ahead_while_in_use(void **state)
{
	settle();
	rig.busy = true;
	pass_s(RR_TOKEN_LIFETIME_S - PEER_TOKEN_AHEAD_S - 1);
	assert_int_equal(cn->hotis, 1);
	pass_s(2);
	assert_int_equal(cn->hotis, 2);
	assert_int_equal(cn->cotis, 1); /* would be asked for at a move: that one is fast */
	assert_true(is_direct(HOME, PEER));
}

static void binding_in_use_stands_for_ever(void **state)
{
	settle();
	rig.busy = true;
	for (int i = 0; i < 36; i++) {
		pass_s(100);
		assert_true(is_direct(HOME, PEER));
	}
	assert_in_range(cn->updates, 3600 / 420, 3600 / 340 + 1);
	assert_int_equal(fake_calls("publish"), 0);
}

static void shorter_grant_is_kept_to(void **state)
{
	cn->grant_s = 60;
	settle();
	assert_int_equal(entry()->lifetime_s, 60);
	rig.busy = true;
	pass_s(61);
	assert_int_equal(cn->updates, 2);
	assert_true(is_direct(HOME, PEER));
	cn->no_ack = true;
	pass_s(60);
	assert_false(is_direct(HOME, PEER));
}

static void refresh_request_is_followed_at_once(void **state)
{
	static const struct mh_msg brr = { .type = MH_BRR };

	settle();
	pass_s(10);
	fake_forget();
	assert_true(hear_message(PEER, HOME, &brr));
	EXPECT_CALLS(SET " update direct", TOLD, UPDATE);
	pass_ms(RTT_MS);
	assert_true(counted(AGENT_PEER_ACK) == 2);
	assert_true(fake_calls(TOLD) > 0); /* the kernel forgets it after ten minutes */
	assert_int_equal(fake_calls("publish"), 0);
	assert_false(hear_message(PEER_2, HOME, &brr)); /* perhaps from a home agent */
}

static void idle_correspondent_is_forgotten_with_its_binding(void **state)
{
	struct peer_view view;

	settle();
	pass_s(200);
	assert_int_equal(cn->hotis, 1);
	assert_true(is_direct(HOME, PEER)); /* and yet, while it is good */
	pass_s(219);
	assert_true(view_of(HOME, PEER, &view));
	fake_forget();
	pass_s(1);
	EXPECT_CALLS(SET " update", "publish unoptimised " HOME, "peer_delete " HOME " " PEER);
	assert_false(view_of(HOME, PEER, &view));
	assert_null(fake_peer_entry(HOME, PEER));
	assert_int_equal(cn->updates, 1);
	talk(HOME, PEER);
	pass_ms(100);
	assert_true(is_direct(HOME, PEER));
}

/* ---- home ---- */

static void coming_home_deletes_with_the_home_token_alone(void **state)
{
	settle();
	moved(HOME, NULL, WLAN);
	EXPECT_CALLS(SET, "publish unoptimised " HOME, "send_mh BU for 0 s from " HOME " to " PEER " via_home");
	assert_int_equal(cn->hotis + cn->cotis, 2);
	assert_int_equal(cn->update.lifetime_s, 0);
	assert_int_equal(cn->update.opt.care_of_nonce, 0);
	pass_ms(RTT_MS);
	assert_false(cn->bound);
	assert_true(counted(AGENT_PEER_ACK) == 2);
	assert_int_equal(entry()->lifetime_s, 0); /* nothing for the next life */
	assert_int_equal(entry()->flags, 0);
}

static void coming_home_late_asks_for_the_home_token_first(void **state)
{
	settle();
	pass_s(RR_TOKEN_LIFETIME_S + 1); /* idle */
	fake_forget();
	moved(HOME, NULL, WLAN);
	EXPECT_CALLS(SET, "publish unoptimised " HOME, HOTI);
	pass_ms(RTT_HOME_MS + RTT_MS);
	assert_false(cn->bound);
	assert_int_equal(cn->cotis, 1);
}

/* Whether the deletion came through nobody knows either. */
static void leaving_home_again_before_the_answer_needs_an_update(void **state)
{
	settle();
	cn->no_ack = true;
	moved(HOME, NULL, WLAN);
	assert_int_equal(cn->updates, 2);
	cn->no_ack = false;
	moved(HOME, CARE_1, WLAN);
	assert_false(is_direct(HOME, PEER));
	pass_ms(100);
	assert_true(bound_at(CARE_1) && is_direct(HOME, PEER));
}

static void deletion_that_nobody_answers_goes_on_until_the_binding_ends(void **state)
{
	settle();
	cn->no_ack = true;
	moved(HOME, NULL, WLAN);
	pass_s(1 + 2 + 4 + 8);
	assert_int_equal(cn->updates, 1 + PEER_TRIES);
	pass_s(40);
	assert_true(cn->updates > 1 + PEER_TRIES);
	pass_s(RR_BINDING_LIFETIME_S + PEER_IDLE_S);
	assert_null(fake_peer_entry(HOME, PEER));
}

static void at_home_nobody_is_asked_for_anything(void **state)
{
	moved(HOME, NULL, WLAN);
	talk(HOME, PEER);
	rig.busy = true;
	pass_s(100);
	assert_int_equal(fake_calls("send_mh"), 0);
	fake_forget();
	moved(HOME, CARE_1, WLAN);
	EXPECT_CALLS(SET " update", HOTI, COTI_1);
}

/* ---- who is wanted ---- */

static void policy_none_leaves_an_entry_and_sends_nothing(void **state)
{
	struct peer_view view;

	rig_config.optimise = OPTIMISE_NONE;
	mobile_peers_reloaded(&gw);
	assert_false(fake_peers.optimise);
	moved(HOME, CARE_1, WLAN);
	talk(HOME, PEER);
	EXPECT_CALLS(SET);
	assert_int_equal(entry()->flags, 0);
	assert_true(view_of(HOME, PEER, &view));
	assert_int_equal(view.state, PEER_VIEW_TUNNEL);
	moved(HOME, CARE_2, WWAN);
	rig.busy = true;
	pass_s(3 * PEER_IDLE_S);
	EXPECT_NO_CALLS();
	rig.busy = false;
	pass_s(2 * PEER_IDLE_S);
	EXPECT_CALLS("peer_delete " HOME " " PEER);
}

static void policy_list_names_prefixes(void **state)
{
	struct config_prefix listed = { addr("2001:db8:c::1"), 128 };

	rig_config.optimise = OPTIMISE_LIST;
	rig_config.correspondents = &listed;
	rig_config.correspondent_count = 1;
	mobile_peers_reloaded(&gw);
	assert_true(fake_peers.optimise);
	moved(HOME, CARE_1, WLAN);
	talk(HOME, PEER_2);
	EXPECT_CALLS("peer_set " HOME " " PEER_2);
	talk(HOME, PEER);
	EXPECT_CALLS(SET " update", HOTI, COTI_1);
}

static void who_is_unwanted_answers_nothing_of_ours(void **state)
{
	static const struct mh_msg brr = { .type = MH_BRR }, ack = { .type = MH_BA };

	rig_config.optimise = OPTIMISE_NONE;
	moved(HOME, CARE_1, WLAN);
	talk(HOME, PEER);
	fake_forget();
	assert_false(hear_message(PEER, HOME, &brr));
	assert_false(hear_message(PEER, HOME, &ack));
	assert_false(hear_binding_error(PEER, BE_UNKNOWN_BINDING, HOME));
	EXPECT_NO_CALLS();
}

static void reload_ends_what_is_no_longer_wanted(void **state)
{
	settle();
	mobile_peers_reloaded(&gw);
	EXPECT_NO_CALLS(); /* as before */

	rig_config.optimise = OPTIMISE_NONE;
	mobile_peers_reloaded(&gw);
	EXPECT_CALLS("publish unoptimised " HOME, "peer_delete " HOME " " PEER);
	assert_null(fake_peer_entry(HOME, PEER));
	talk(HOME, PEER); /* by an event that was under way */
	EXPECT_CALLS(SET);

	rig_config.optimise = OPTIMISE_ALL;
	mobile_peers_reloaded(&gw);
	EXPECT_CALLS("peer_delete " HOME " " PEER);
	talk(HOME, PEER);
	assert_int_equal(fake_calls("send_mh"), 2);
}

static void addresses_that_are_nobody_s_are_not_talked_to(void **state)
{
	static const char *const peers[] = { "::", "::1", "fe80::1", "ff02::1", "::ffff:192.0.2.1" };

	moved(HOME, CARE_1, WLAN);
	for (size_t i = 0; i < ARRAY_SIZE(peers); i++)
		talk(HOME, peers[i]);
	talk(HOME_2, PEER); /* not a home address of ours, or not known where */
	EXPECT_NO_CALLS();
}

static void full_list_lets_go_of_who_was_idle_for_longest(void **state)
{
	struct in6_addr home = addr(HOME), peer = addr("2001:db8:ff::");

	rig_config.optimise = OPTIMISE_NONE;
	moved(HOME, CARE_1, WLAN);
	for (unsigned int i = 0; i < LIMIT_PEERS; i++) {
		peer.s6_addr16[7] = htons(i);
		mobile_peers_on_event(&gw, &home, &peer);
	}
	fake_forget();
	talk(HOME, PEER); /* who holds nothing makes room */
	assert_true(counted(AGENT_PEERS_FULL) == 0);
	assert_int_equal(fake_calls("peer_delete"), 1);
	assert_non_null(fake_peer_entry(HOME, PEER));
}

/* ---- binding errors and ICMPv6 errors ---- */

static void binding_error_1_leads_back_to_the_tunnel_and_to_another_update(void **state)
{
	settle();
	assert_true(hear_binding_error(PEER, BE_UNKNOWN_BINDING, HOME));
	EXPECT_CALLS(SET " update", "publish unoptimised " HOME, UPDATE);
	assert_true(counted(AGENT_PEER_LOST) == 1);
	pass_ms(RTT_MS);
	assert_true(is_direct(HOME, PEER));
}

static void binding_error_1_about_somebody_else_is_not_ours(void **state)
{
	settle();
	assert_false(hear_binding_error(PEER_2, BE_UNKNOWN_BINDING, HOME));
	assert_false(hear_binding_error(PEER, BE_UNKNOWN_BINDING, HOME_2));
	assert_false(hear_binding_error(PEER, BE_UNKNOWN_BINDING, "::"));
	EXPECT_NO_CALLS();
	assert_true(is_direct(HOME, PEER));
}

static void binding_errors_of_a_forger_cost_one_update_a_second(void **state)
{
	settle();
	for (int i = 0; i < 100; i++) {
		hear_binding_error(PEER, BE_UNKNOWN_BINDING, HOME);
		pass_ms(10);
	}
	assert_in_range(cn->updates, 2, 3);
}

static void binding_error_2_about_a_test_ends_it_for_an_hour(void **state)
{
	static const char *const about[] = { HOME, "::" }; /* HoTI or update; CoTI (§9.3.3) */
	struct peer_view view;

	for (size_t i = 0; i < ARRAY_SIZE(about); i++) {
		rig_teardown(state);
		rig_setup(state);
		cn->no_hot = cn->no_cot = true;
		moved(HOME, CARE_1, WLAN);
		talk(HOME, PEER);
		fake_forget();
		CHECK_CASE(i, hear_binding_error(PEER, BE_UNKNOWN_MH_TYPE, about[i]));
		CHECK_CASE(i, counted(AGENT_PEER_UNSUPPORTED) == 1);
		rig.busy = true;
		pass_s(3590);
		CHECK_CASE(i, !fake_calls("send_mh"));
		CHECK_CASE(i, view_of(HOME, PEER, &view) && view.state == PEER_VIEW_BACKED_OFF);
		pass_s(20);
		CHECK_CASE(i, fake_calls("send_mh") > 0); /* it may have learned (§11.3.5) */
	}
}

/* §11.3.6: where no answer is waited for, it SHOULD be ignored. */
static void binding_error_2_out_of_the_blue_is_ignored(void **state)
{
	settle();
	hear_binding_error(PEER, BE_UNKNOWN_MH_TYPE, HOME);
	EXPECT_NO_CALLS();
	assert_true(is_direct(HOME, PEER));
	assert_true(counted(AGENT_PEER_UNSUPPORTED) == 0);
}

static struct packet_route_error about_mh(const char *src, uint8_t code)
{
	return (struct packet_route_error){
		.type = ICMP6_PARAM_PROBLEM, .code = code, .proto = NH_MH, .src = addr(src), .dst = addr(PEER)
	};
}

static void parameter_problem_1_about_a_mobility_header_ends_it(void **state)
{
	static const struct {
		const char *src;
		uint8_t code, proto;
		bool ours, ends;
	} cases[] = {
		{ HOME, 1, NH_MH, true, true },	       { CARE_1, 1, NH_MH, true, true }, /* the CoTI */
		{ HOME, 2, NH_MH, true, false }, /* an option: to be logged and no more (§11.3.5) */
		{ HOME, 1, IPPROTO_UDP, true, false }, { HOME_2, 1, NH_MH, false, false },
		{ CARE_2, 1, NH_MH, false, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct packet_route_error error = about_mh(cases[i].src, cases[i].code);

		rig_teardown(state);
		rig_setup(state);
		moved(HOME, CARE_1, WLAN);
		talk(HOME, PEER);
		error.proto = cases[i].proto;
		CHECK_CASE(i, mobile_peers_on_error(&gw, &error) == cases[i].ours);
		CHECK_CASE(i, counted(AGENT_PEER_UNSUPPORTED) == cases[i].ends);
		pass_ms(100);
		CHECK_CASE(i, is_direct(HOME, PEER) == !cases[i].ends);
	}
}

static void packet_too_big_lowers_the_path_for_ten_minutes(void **state)
{
	struct packet_route_error error = { .type = ICMP6_TOO_BIG,
					    .src = addr(HOME),
					    .dst = addr(PEER),
					    .has_home = true,
					    .proto = IPPROTO_TCP,
					    .mtu = 1400 };

	settle();
	rig.busy = true;
	assert_true(mobile_peers_on_error(&gw, &error));
	EXPECT_CALLS(SET " update direct", "send_icmp 2/0 data 1376 quoting 48 from " HOME " to " HOME " ifindex 0");
	assert_int_equal(entry()->mtu, 1400);
	error.mtu = 1450; /* never raised by a report */
	assert_true(mobile_peers_on_error(&gw, &error));
	EXPECT_NO_CALLS();
	error.mtu = 68; /* nor below what every link carries */
	assert_true(mobile_peers_on_error(&gw, &error));
	assert_int_equal(entry()->mtu, 1280);
	pass_s(599);
	assert_int_equal(entry()->mtu, 1280);
	pass_s(1 + PEER_LOOK_S);
	assert_int_equal(entry()->mtu, 1500);
}

static void path_of_the_old_uplink_says_nothing_of_the_new(void **state)
{
	struct packet_route_error error = {
		.type = ICMP6_TOO_BIG, .src = addr(HOME), .dst = addr(PEER), .has_home = true, .mtu = 1300
	};

	settle();
	assert_true(mobile_peers_on_error(&gw, &error));
	assert_int_equal(entry()->mtu, 1300);
	moved(HOME, CARE_2, WWAN);
	assert_int_equal(entry()->mtu, 1500);
	error.dst = addr(PEER_2);
	assert_false(mobile_peers_on_error(&gw, &error));
}

/* ---- forged and reflected ---- */

/* The answer under way to that address. */
static struct reply *under_way(const char *to)
{
	struct in6_addr a = addr(to);

	for (size_t i = 0; i < RIG_ANSWERS; i++)
		if (rig.answers[i].when.ns && addr_equal(&rig.answers[i].to, &a))
			return &rig.answers[i];
	fail_msg("nothing under way to %s", to);
	return NULL;
}

enum { COOKIE_AT = 8 }; /* HoT and CoT, §6.1.5, §6.1.6 */

static void test_that_answers_nothing_gives_no_token(void **state)
{
	static const struct {
		const char *under_way, *from, *to; /* NULL: as it was */
		size_t spoil_at;		   /* 0: none */
	} cases[] = {
		{ HOME, NULL, NULL, COOKIE_AT },   { HOME, NULL, NULL, COOKIE_AT + 7 },
		{ CARE_1, NULL, NULL, COOKIE_AT }, { CARE_1, NULL, NULL, COOKIE_AT + 7 },
		{ HOME, PEER_2, NULL, 0 },	   { CARE_1, PEER_2, NULL, 0 },
		{ HOME, NULL, CARE_1, 0 },	   { CARE_1, NULL, HOME, 0 },
		{ CARE_1, NULL, CARE_2, 0 },	   { HOME, NULL, HOME_2, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reply answer;

		rig_teardown(state);
		rig_setup(state);
		moved(HOME, CARE_1, WLAN);
		talk(HOME, PEER);
		answer = *under_way(cases[i].under_way);
		if (cases[i].from)
			answer.from = addr(cases[i].from);
		if (cases[i].to)
			answer.to = addr(cases[i].to);
		if (cases[i].spoil_at)
			answer.data[cases[i].spoil_at] ^= 1;
		fake_forget();
		hear(&answer);
		CHECK_CASE(i, counted(AGENT_TEST_UNASKED) == 1 && counted(AGENT_TEST_TAKEN) == 0 && !fake.count);
		pass_ms(100); /* and the right ones are taken still */
		CHECK_CASE(i, is_direct(HOME, PEER));
	}
}

static void test_is_taken_once(void **state)
{
	struct reply answer;

	moved(HOME, CARE_1, WLAN);
	talk(HOME, PEER);
	answer = *under_way(CARE_1);
	pass_ms(RTT_MS);
	hear(&answer);
	assert_true(counted(AGENT_TEST_TAKEN) == 1 && counted(AGENT_TEST_UNASKED) == 1);
}

/* Tests come as they are: neither with a home address option nor by a routing header (§11.6.2). */
static void test_with_headers_of_mobility_is_not_one(void **state)
{
	struct mh_input in = { .src = addr(PEER), .dst = addr(HOME), .when = fake.now };
	struct reply answer;
	struct mh_msg test;

	moved(HOME, CARE_1, WLAN);
	talk(HOME, PEER);
	answer = *under_way(HOME);
	assert_int_equal(mh_parse(answer.data, answer.len, &test).fault, MH_OK);
	in.routed = true;
	mobile_peers_on_test(&gw, &in, &test);
	in.routed = false;
	in.has_home = true;
	mobile_peers_on_test(&gw, &in, &test);
	assert_true(counted(AGENT_TEST_UNASKED) == 2 && counted(AGENT_TEST_TAKEN) == 0);
}

/* Of an update without an answer so far: an acknowledgement that the test changes, signed with the right key or not. */
static void begin_acknowledgement(struct mh_msg *ack)
{
	cn->no_ack = true;
	moved(HOME, CARE_1, WLAN);
	talk(HOME, PEER);
	pass_ms(100);
	assert_int_equal(cn->updates, 1);
	*ack = (struct mh_msg){ .type = MH_BA, .seq = cn->update.seq, .lifetime_s = 420, .opt = { .has_auth = true } };
	fake_forget();
}

static void acknowledge(const struct mh_msg *ack, struct reply *answer)
{
	struct in6_addr home = addr(HOME), care_of = addr(CARE_1);

	rig_build_ack(cn, ack, &cn->update, &home, &care_of, answer);
}

static void acknowledgement_has_to_be_authentic(void **state)
{
	static const struct {
		size_t spoil_at; /* octet of the message; 0: none */
		int seq;	 /* beyond that of the update */
		bool unsigned_, direct;
	} cases[] = {
		{ 0, 0, false, true },	 { 0, 0, true, false }, { 0, 1, false, false },
		{ 0, -1, false, false }, { 4, 0, false, true }, /* the checksum isn't what it signs */
		{ 6, 0, false, false },				/* status: accepted, by prefix discovery */
		{ 11, 0, false, false },			/* lifetime */
		{ 20, 0, false, false },			/* authenticator */
		{ 31, 0, false, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reply answer;
		struct mh_msg ack;

		rig_teardown(state);
		rig_setup(state);
		begin_acknowledgement(&ack);
		ack.seq = (uint16_t)(ack.seq + cases[i].seq);
		ack.opt.has_auth = !cases[i].unsigned_;
		acknowledge(&ack, &answer);
		if (!cases[i].unsigned_)
			assert_int_equal(answer.len, 32);
		if (cases[i].spoil_at)
			answer.data[cases[i].spoil_at] ^= 1;
		CHECK_CASE(i, hear(&answer));
		CHECK_CASE(i, is_direct(HOME, PEER) == cases[i].direct);
		CHECK_CASE(i, counted(AGENT_PEER_ACK_FORGED) == !cases[i].direct);
		CHECK_CASE(i, fake_calls("publish") == cases[i].direct);
	}
}

static void acknowledgement_of_another_is_not_that_of_this_one(void **state)
{
	struct reply answer;
	struct mh_msg ack;

	begin_acknowledgement(&ack);
	acknowledge(&ack, &answer);
	answer.from = addr(PEER_2);
	assert_false(hear(&answer)); /* nobody that we sent anything to */
	answer.from = addr(PEER);
	answer.to = addr(HOME_2);
	assert_false(hear(&answer));
	EXPECT_NO_CALLS();
	answer.to = addr(HOME);
	assert_true(hear(&answer));
	assert_true(is_direct(HOME, PEER));
	fake_forget();
	assert_true(hear(&answer)); /* and once more: it answers nothing now */
	EXPECT_NO_CALLS();
	assert_true(counted(AGENT_PEER_ACK_FORGED) == 1);
}

/* 136 to 138 are sent without an authenticator (§9.5.4), and cost no more than the tokens. */
static void expired_nonces_are_believed_without_one(void **state)
{
	static const struct {
		uint8_t status;
		unsigned int hotis, cotis;
	} cases[] = {
		{ BA_EXPIRED_HOME_NONCE, 2, 1 },
		{ BA_EXPIRED_CARE_OF_NONCE, 1, 2 },
		{ BA_EXPIRED_NONCES, 2, 2 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reply answer;
		struct mh_msg ack;

		rig_teardown(state);
		rig_setup(state);
		begin_acknowledgement(&ack);
		ack.status = cases[i].status;
		ack.opt.has_auth = false;
		acknowledge(&ack, &answer);
		cn->no_ack = false;
		CHECK_CASE(i, hear(&answer) && counted(AGENT_PEER_ACK_REFUSED) == 1);
		pass_ms(100);
		CHECK_CASE(i, cn->hotis == cases[i].hotis && cn->cotis == cases[i].cotis);
		CHECK_CASE(i, cn->updates == 2 && is_direct(HOME, PEER));
	}
}

static void number_out_of_its_window_is_followed_where_it_is_authentic(void **state)
{
	struct reply answer;
	struct mh_msg ack;

	begin_acknowledgement(&ack);
	ack.status = BA_SEQUENCE;
	ack.seq = 4711;
	ack.opt.has_auth = false;
	acknowledge(&ack, &answer);
	assert_true(hear(&answer));
	assert_true(counted(AGENT_PEER_ACK_FORGED) == 1);
	EXPECT_NO_CALLS();
	ack.opt.has_auth = true;
	acknowledge(&ack, &answer);
	cn->no_ack = false;
	assert_true(hear(&answer));
	assert_int_equal(cn->update.seq, 4712);
	pass_ms(RTT_MS);
	assert_true(is_direct(HOME, PEER));
}

/* ---- another life of the daemon ---- */

static void restart(void **state)
{
	rig_teardown(state);
	memset(rig.answers, 0, sizeof(rig.answers));
	rig.wake = UPDATE_NEVER;
	fake_forget();
	rig_start();
}

static void restart_leaves_what_is_direct_alone(void **state)
{
	struct peer before;
	uint16_t seq;

	settle();
	pass_s(30);
	before = *entry();
	seq = cn->update.seq;
	restart(state);
	EXPECT_NO_CALLS();
	pass_s(2); /* before it knows where the node is */
	EXPECT_NO_CALLS();
	moved(HOME, CARE_1, WLAN);
	assert_true(is_direct(HOME, PEER));
	assert_int_equal(fake_calls("publish"), 0);
	assert_int_equal(fake_calls("send_mh BU"), 0);
	assert_memory_equal(entry(), &before, sizeof(before));
	pass_s(1); /* with a token of its own for the next move */
	fake_forget();
	moved(HOME, CARE_2, WWAN);
	pass_ms(2 * RTT_MS + RTT_HOME_MS);
	assert_true(bound_at(CARE_2) && is_direct(HOME, PEER));
	assert_int_equal(cn->update.seq, (uint16_t)(seq + 1));
}

static void restart_on_another_link_goes_through_the_tunnel_until_it_is_bound(void **state)
{
	settle();
	restart(state);
	moved(HOME, CARE_2, WWAN);
	assert_false(is_direct(HOME, PEER));
	pass_ms(RTT_HOME_MS + RTT_MS);
	assert_true(bound_at(CARE_2) && is_direct(HOME, PEER));
}

static void restart_long_after_finds_bindings_that_have_ended(void **state)
{
	settle();
	rig_teardown(state);
	fake.now = mono_add_s(fake.now, 421);
	fake_peers.peer_used = fake.now;
	rig.wake = UPDATE_NEVER;
	rig_start();
	moved(HOME, CARE_1, WLAN);
	assert_false(is_direct(HOME, PEER));
	assert_int_equal(fake_calls(HOTI), 1);
	pass_ms(100);
	assert_true(is_direct(HOME, PEER));
}

/* Its number goes on, also where nothing is bound: the correspondent remembers it longer than that (§9.5.1). */
static void restart_goes_on_with_the_number(void **state)
{
	uint16_t seq;

	settle();
	moved(HOME, NULL, WLAN);
	pass_s(1);
	seq = cn->update.seq;
	restart(state);
	moved(HOME, CARE_1, WLAN);
	pass_ms(100);
	assert_true(is_direct(HOME, PEER));
	assert_int_equal(cn->update.seq, (uint16_t)(seq + 1));
}

static void restart_with_another_policy_ends_it(void **state)
{
	settle();
	rig_config.optimise = OPTIMISE_NONE;
	restart(state);
	assert_false(fake_peers.optimise);
	moved(HOME, CARE_1, WLAN);
	pass_ms(100);
	assert_false(is_direct(HOME, PEER));
	assert_int_equal(fake_calls("send_mh"), 0);
}

static void restart_with_another_policy_begins_it(void **state)
{
	rig_config.optimise = OPTIMISE_NONE;
	moved(HOME, CARE_1, WLAN);
	talk(HOME, PEER);
	rig_config.optimise = OPTIMISE_ALL;
	restart(state);
	moved(HOME, CARE_1, WLAN); /* no event tells of it again: its entry stands */
	pass_ms(100);
	assert_true(is_direct(HOME, PEER));
}

/* ---- several home addresses ---- */

static void home_addresses_share_a_correspondent_and_a_care_of_address(void **state)
{
	moved(HOME, CARE_1, WLAN);
	moved(HOME_2, CARE_1, WLAN);
	talk(HOME, PEER);
	talk(HOME_2, PEER);
	assert_int_equal(fake_calls(COTI_1), 2); /* each has its cookie */
	pass_ms(100);
	assert_true(is_direct(HOME, PEER) && is_direct(HOME_2, PEER));
	assert_true(counted(AGENT_TEST_TAKEN) == 4 && counted(AGENT_TEST_UNASKED) == 0);
	fake_forget();

	assert_true(hear_binding_error(PEER, BE_UNKNOWN_BINDING, HOME_2));
	assert_true(is_direct(HOME, PEER) && !is_direct(HOME_2, PEER));
	pass_ms(RTT_MS);
	assert_true(is_direct(HOME_2, PEER));
	fake_forget();

	moved(HOME_2, NULL, WLAN); /* one comes home, the other stays */
	pass_ms(RTT_MS);
	assert_true(is_direct(HOME, PEER) && !is_direct(HOME_2, PEER));
	assert_int_equal(fake_calls(SET), 0);
}

static void home_addresses_may_be_on_different_links(void **state)
{
	moved(HOME, CARE_1, WLAN);
	moved(HOME_2, CARE_2, WWAN);
	talk(HOME, PEER);
	talk(HOME_2, PEER);
	pass_ms(100);
	assert_true(is_direct(HOME, PEER) && is_direct(HOME_2, PEER));
	assert_int_equal(fake_peer_entry(HOME, PEER)->ifindex, WLAN);
	assert_int_equal(fake_peer_entry(HOME_2, PEER)->ifindex, WWAN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(talk_begins_with_both_tests_and_nothing_before_them),
		RIG_TEST(update_follows_the_later_of_both_answers),
		RIG_TEST(data_goes_straight_from_the_authentic_acknowledgement_on),
		RIG_TEST(lost_test_is_asked_for_again_alone),
		RIG_TEST(lost_acknowledgement_brings_another_number),
		RIG_TEST(silence_leads_to_a_pause_and_another_try),
		RIG_TEST(refusal_leaves_it_in_the_tunnel),
		RIG_TEST(send_failure_is_as_a_loss),
		RIG_TEST(entry_that_the_data_path_refuses_is_written_again),
		RIG_TEST(move_costs_one_care_of_test_and_one_update),
		RIG_TEST(all_correspondents_are_asked_at_once),
		RIG_TEST(move_after_the_home_token_s_end_asks_for_both_in_parallel),
		RIG_TEST(test_lost_for_want_of_a_tunnel_is_repeated_when_there_is_one),
		RIG_TEST(acknowledgement_of_before_the_move_changes_nothing),
		RIG_TEST(way_back_before_the_acknowledgement_needs_another_update),
		RIG_TEST(nowhere_nothing_is_sent),
		RIG_TEST(smaller_link_shrinks_the_path),
		RIG_TEST(home_token_is_renewed_ahead_while_in_use),
		RIG_TEST(binding_in_use_stands_for_ever),
		RIG_TEST(shorter_grant_is_kept_to),
		RIG_TEST(refresh_request_is_followed_at_once),
		RIG_TEST(idle_correspondent_is_forgotten_with_its_binding),
		RIG_TEST(coming_home_deletes_with_the_home_token_alone),
		RIG_TEST(coming_home_late_asks_for_the_home_token_first),
		RIG_TEST(leaving_home_again_before_the_answer_needs_an_update),
		RIG_TEST(deletion_that_nobody_answers_goes_on_until_the_binding_ends),
		RIG_TEST(at_home_nobody_is_asked_for_anything),
		RIG_TEST(policy_none_leaves_an_entry_and_sends_nothing),
		RIG_TEST(policy_list_names_prefixes),
		RIG_TEST(who_is_unwanted_answers_nothing_of_ours),
		RIG_TEST(reload_ends_what_is_no_longer_wanted),
		RIG_TEST(addresses_that_are_nobody_s_are_not_talked_to),
		RIG_TEST(full_list_lets_go_of_who_was_idle_for_longest),
		RIG_TEST(binding_error_1_leads_back_to_the_tunnel_and_to_another_update),
		RIG_TEST(binding_error_1_about_somebody_else_is_not_ours),
		RIG_TEST(binding_errors_of_a_forger_cost_one_update_a_second),
		RIG_TEST(binding_error_2_about_a_test_ends_it_for_an_hour),
		RIG_TEST(binding_error_2_out_of_the_blue_is_ignored),
		RIG_TEST(parameter_problem_1_about_a_mobility_header_ends_it),
		RIG_TEST(packet_too_big_lowers_the_path_for_ten_minutes),
		RIG_TEST(path_of_the_old_uplink_says_nothing_of_the_new),
		RIG_TEST(test_that_answers_nothing_gives_no_token),
		RIG_TEST(test_is_taken_once),
		RIG_TEST(test_with_headers_of_mobility_is_not_one),
		RIG_TEST(acknowledgement_has_to_be_authentic),
		RIG_TEST(acknowledgement_of_another_is_not_that_of_this_one),
		RIG_TEST(expired_nonces_are_believed_without_one),
		RIG_TEST(number_out_of_its_window_is_followed_where_it_is_authentic),
		RIG_TEST(restart_leaves_what_is_direct_alone),
		RIG_TEST(restart_on_another_link_goes_through_the_tunnel_until_it_is_bound),
		RIG_TEST(restart_long_after_finds_bindings_that_have_ended),
		RIG_TEST(restart_goes_on_with_the_number),
		RIG_TEST(restart_with_another_policy_ends_it),
		RIG_TEST(restart_with_another_policy_begins_it),
		RIG_TEST(home_addresses_share_a_correspondent_and_a_care_of_address),
		RIG_TEST(home_addresses_may_be_on_different_links),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
