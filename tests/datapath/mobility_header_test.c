// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Mobility headers to us at XDP: structure, what the agent is told, fragments, rates. RFC 6275 §6.1, §9.2. */
#include "packets.h"

static void each_type_passes_from_its_least_length_on(void **state)
{
	static const uint8_t least[] = {
		0, 1, 1, 2, 2, 1, 1, 2, 0, 0
	}; /* RFC 6275 §6.1.2-9; unknown types: the agent's */
	static const uint8_t type_of[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 200 };
	struct rig *r = *state;

	for (size_t i = 0; i < ARRAY_SIZE(least); i++)
		for (unsigned int hdrlen = 0; hdrlen < 4; hdrlen++) {
			struct frame in = mobility_header(COA1, HA, type_of[i], 8 * (hdrlen + 1));
			char name[32];

			snprintf(name, sizeof(name), "type %u, length %u", type_of[i], hdrlen);
			if (hdrlen >= least[i]) {
				expect(r, HOOK_XDP, name, &in, PASS_SIGNALLING);
				continue;
			}
			expect(r, HOOK_XDP, name, &in, DROP_MH_MALFORMED);
			check_event(r, name, EVENT_MALFORMED, DROP_MH_MALFORMED, &in, FRAME_ETH);
		}
}

static void another_payload_protocol_than_59_is_reported(void **state)
{
	struct rig *r = *state;

	for (unsigned int proto = 0; proto < 256; proto++) {
		struct frame in = mobility_header(COA1, HA, MH_BU, 16);

		in.data[FRAME_ETH + IP6_HDR_LEN] = proto;
		reset_buckets(r);
		if (proto == NH_NONE) {
			expect(r, HOOK_XDP, "59", &in, PASS_SIGNALLING);
			continue;
		}
		expect(r, HOOK_XDP, "not 59", &in, DROP_MH_MALFORMED);
		check_event(r, "not 59", EVENT_MALFORMED, DROP_MH_MALFORMED, &in, FRAME_ETH);
	}
}

static void a_malformed_one_with_a_home_address_option_is_reported_as_it_was_on_the_wire(void **state)
{
	struct rig *r = *state;
	struct frame in = binding_update(COA1, HOME1);

	in.data[FRAME_ETH + IP6_HDR_LEN + 24] = NH_TCP;
	expect(r, HOOK_XDP, "payload protocol", &in, DROP_MH_MALFORMED);
	check_event(r, "payload protocol", EVENT_MALFORMED, DROP_MH_MALFORMED, &in, FRAME_ETH);
}

static void a_long_one_is_reported_with_its_first_1280_octets(void **state)
{
	struct rig *r = *state;
	static const size_t lengths[] = { 1232, 1240, 1248, 1400 };

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		struct frame in = mobility_header(COA1, HA, MH_BU, lengths[i]);

		in.data[FRAME_ETH + IP6_HDR_LEN] = NH_TCP;
		expect(r, HOOK_XDP, "long", &in, DROP_MH_MALFORMED);
		check_event(r, "long", EVENT_MALFORMED, DROP_MH_MALFORMED, &in, FRAME_ETH);
	}
}

static void a_length_beyond_the_packet_is_truncated_and_nobody_is_told(void **state)
{
	struct rig *r = *state;
	struct frame in = mobility_header(COA1, HA, MH_BU, 32);

	in.data[FRAME_ETH + IP6_HDR_LEN + 1]++;
	expect(r, HOOK_XDP, "longer than the packet", &in, DROP_TRUNCATED);
	assert_int_equal(r->event_count, 0);
	put_pattern(&in, 8);
	expect(r, HOOK_XDP, "padding of the frame doesn't help", &in, DROP_TRUNCATED);
	in = mobility_header(COA1, HA, MH_BU, 32);
	in.data[FRAME_ETH + IP6_HDR_LEN + 1]--;
	expect(r, HOOK_XDP, "shorter than the packet", &in, PASS_SIGNALLING);
}

static void one_to_another_address_of_ours_is_ours_too(void **state)
{
	struct frame in = mobility_header(COA1, OWN, MH_BU, 16);

	expect(*state, HOOK_XDP, "own address", &in, PASS_SIGNALLING);
}

static void one_to_a_bound_home_address_is_tunnelled_and_to_others_the_kernels(void **state)
{
	struct rig *r = *state;
	struct frame in = mobility_header(CN, HOME1, MH_HOT, 24), out = tunnelled(&in, FRAME_ETH, HOP_14, COA1);

	expect_out(r, HOOK_XDP, "HoT to the mobile node", &in, SENT_ENCAPSULATED, &out);
	in = mobility_header(CN, AT_HOME, MH_HOT, 24);
	expect(r, HOOK_XDP, "to somebody at home", &in, PASS_KERNEL);
}

/* ---- fragments ---- */

/* A fragment of a mobility header with @len octets of it. */
static struct frame fragment(uint16_t offset, bool more, size_t len)
{
	struct frame f = to_lan(0);
	size_t ip = put_ip6(&f, COA1, HA, NH_FRAGMENT, 60);

	put_fragment(&f, NH_MH, offset, more);
	put_pattern(&f, len);
	end_ip6(&f, ip);
	return f;
}

static void fragments_are_the_kernels_to_put_together(void **state)
{
	static const struct {
		const char *name;
		uint16_t offset;
		bool more;
		size_t len;
		enum reason why;
	} cases[] = {
		{ "first of several", 0, true, 8, PASS_SIGNALLING },
		{ "atomic", 0, false, 16, PASS_SIGNALLING },
		{ "middle", 2, true, 16, PASS_SIGNALLING },
		{ "last, short", 2, false, 1, PASS_SIGNALLING },
		{ "first, without its fixed part", 0, true, 7, DROP_MH_FRAGMENT },
		{ "first, empty", 0, true, 0, DROP_MH_FRAGMENT },
		{ "atomic, too short", 0, false, 7, DROP_MH_FRAGMENT },
	};
	struct rig *r = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct frame in = fragment(cases[i].offset, cases[i].more, cases[i].len);

		expect(r, HOOK_XDP, cases[i].name, &in, cases[i].why);
		assert_int_equal(r->event_count, 0);
	}
}

/* ---- rates ---- */

static void one_source_has_its_rate_and_others_keep_theirs(void **state)
{
	struct rig *r = *state;
	struct frame in = mobility_header(COA1, HA, MH_COTI, 16), other = mobility_header(COA2, HA, MH_COTI, 16);
	uint64_t begun = rig_jiffies(r), most;
	unsigned int passed = 0;

	for (int i = 0; i < 20 * RATE_MH_SOURCE; i++)
		passed += rig_run(r, HOOK_XDP, &in) == ACT_PASS;
	most = RATE_MH_SOURCE + (rig_jiffies(r) - begun + 1) * RATE_MH_SOURCE / r->settings.hz + 1;
	assert_in_range(passed, RATE_MH_SOURCE, most);
	r->settings.hz = 1000000000; /* no more tokens while we look */
	set_settings(r);
	while (rig_run(r, HOOK_XDP, &in) == ACT_PASS)
		;
	expect(r, HOOK_XDP, "over its rate", &in, DROP_MH_RATE_SOURCE);
	expect(r, HOOK_XDP, "another source", &other, PASS_SIGNALLING);
	in = mobility_header(COA1, HA, MH_BU, 8); /* malformed ones are paid for too: each would be an event */
	expect(r, HOOK_XDP, "malformed, over its rate", &in, DROP_MH_RATE_SOURCE);
	in = fragment(0, true, 8);
	expect(r, HOOK_XDP, "fragment, over its rate", &in, DROP_MH_RATE_SOURCE);
}

static void all_sources_together_have_a_rate(void **state)
{
	struct rig *r = *state;
	struct frame in = mobility_header(COA1, HA, MH_COTI, 16);

	drain_bucket(r, LIMIT_ALL_MH);
	expect(r, HOOK_XDP, "nothing left", &in, DROP_MH_RATE_ALL);
	in = datagram(CN, HOME1, 8);
	assert_int_equal(rig_run(r, HOOK_XDP, &in), ACT_REDIRECT); /* traffic goes on */
}

static void a_full_refill_is_one_burst_and_not_more(void **state)
{
	struct rig *r = *state;
	struct frame in = mobility_header(COA1, HA, MH_COTI, 16);
	struct bucket old = { .last = 0, .tokens = 5 };
	struct in6_addr source = addr(COA1);
	unsigned int passed = 0;

	map_set(r->xdp->maps.limits, &source, &old); /* idle since boot */
	for (int i = 0; i < 2 * RATE_MH_SOURCE; i++)
		passed += rig_run(r, HOOK_XDP, &in) == ACT_PASS;
	assert_in_range(passed, RATE_MH_SOURCE, RATE_MH_SOURCE + 5);
}

static void more_sources_than_remembered_are_still_bounded_in_all(void **state)
{
	struct rig *r = *state;
	struct frame in = mobility_header(COA1, HA, MH_BU, 16);
	struct bucket few = { .last = 0, .tokens = 0 };
	uint32_t which = LIMIT_ALL_MH;
	unsigned int passed = 0;

	drain_bucket(r, which);
	few.last = rig_jiffies(r);
	few.tokens = 1000;
	map_set(r->xdp->maps.limits_all, &which, &few);
	for (uint32_t i = 0; i < 2 * LIMIT_SOURCES; i++) { /* forged sources, one packet each */
		set16(&in, FRAME_ETH + 8 + 12, i >> 8);
		set16(&in, FRAME_ETH + 8 + 14, i);
		passed += rig_run(r, HOOK_XDP, &in) == ACT_PASS;
	}
	assert_in_range(passed, 1000, 1100);
}

static void events_have_a_rate_and_the_lost_are_noted(void **state)
{
	struct rig *r = *state;
	struct frame in = mobility_header(COA1, HA, MH_BU, 8);

	drain_bucket(r, LIMIT_ALL_EVENTS);
	expect_noted(r, HOOK_XDP, "no event left", &in, DROP_MH_MALFORMED, NOTE_EVENT_LOST, NULL);
	assert_int_equal(r->event_count, 0);
}

static void a_full_ring_loses_events_and_no_packets(void **state)
{
	struct rig *r = *state;
	struct frame in = optimised(COA2, HOME1);
	uint32_t which = LIMIT_ALL_EVENTS;
	struct bucket many = { .last = rig_jiffies(r), .tokens = RATE_EVENTS };

	for (size_t i = 0; i <= LIMIT_EVENTS_BYTES / sizeof(struct event); i++) { /* nobody reads */
		map_set(r->xdp->maps.limits_all, &which, &many);
		assert_int_equal(rig_run(r, HOOK_XDP, &in), ACT_DROP);
	}
	expect_noted(r, HOOK_XDP, "ring full", &in, DROP_HAO_UNKNOWN, NOTE_EVENT_LOST, NULL);
	bind_home(r, HOME1, COA1, HOP_INVALID, 0);
	ring_buffer__consume(r->ring);
	in = datagram(CN, HOME1, 8);
	assert_int_equal(rig_run(r, HOOK_XDP, &in), ACT_REDIRECT);
}

/* The kernel would say that nobody here knows mobility. */
static void while_the_daemon_is_down_nobody_is_told_anything(void **state)
{
	static const enum hook hooks[] = { HOOK_XDP, HOOK_TC_IN };
	struct rig *r = *state;
	struct frame in = mobility_header(COA1, HA, MH_BU, 16);

	for (size_t i = 0; i < ARRAY_SIZE(hooks); i++) {
		r->settings.heartbeat = rig_jiffies(r) - (HEARTBEAT_STALE_S - 2) * (uint64_t)r->settings.hz;
		set_settings(r);
		expect(r, hooks[i], "three seconds ago", &in, PASS_SIGNALLING);
		r->settings.heartbeat = rig_jiffies(r) - HEARTBEAT_STALE_S * (uint64_t)r->settings.hz;
		set_settings(r);
		expect(r, hooks[i], "five seconds ago", &in, DROP_MH_NOBODY);
		r->settings.heartbeat = 0;
		set_settings(r);
		expect(r, hooks[i], "it said farewell", &in, DROP_MH_NOBODY);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(each_type_passes_from_its_least_length_on),
		RIG_TEST(while_the_daemon_is_down_nobody_is_told_anything),
		RIG_TEST(another_payload_protocol_than_59_is_reported),
		RIG_TEST(a_malformed_one_with_a_home_address_option_is_reported_as_it_was_on_the_wire),
		RIG_TEST(a_long_one_is_reported_with_its_first_1280_octets),
		RIG_TEST(a_length_beyond_the_packet_is_truncated_and_nobody_is_told),
		RIG_TEST(one_to_another_address_of_ours_is_ours_too),
		RIG_TEST(one_to_a_bound_home_address_is_tunnelled_and_to_others_the_kernels),
		RIG_TEST(fragments_are_the_kernels_to_put_together),
		RIG_TEST(one_source_has_its_rate_and_others_keep_theirs),
		RIG_TEST(all_sources_together_have_a_rate),
		RIG_TEST(a_full_refill_is_one_burst_and_not_more),
		RIG_TEST(more_sources_than_remembered_are_still_bounded_in_all),
		RIG_TEST(events_have_a_rate_and_the_lost_are_noted),
		RIG_TEST(a_full_ring_loses_events_and_no_packets),
	};

	return cmocka_run_group_tests_name("mobility header", tests, rig_open, rig_close);
}
