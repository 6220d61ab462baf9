// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* XDP, packets to a bound home address: outer header, next hops, hop limit, what takes the slow road. RFC 2473 §4, §5;
 * RFC 6040 §4.1; RFC 6438. */
#include "packets.h"

static void it_is_tunnelled_from_and_to_each_link_header(void **state)
{
	struct rig *r = *state;

	for (int tags = 0; tags <= 2; tags++)
		for (uint32_t hop = HOP_14; hop <= HOP_22; hop++) {
			struct frame in = to_lan(tags), out;
			char name[64];

			put_datagram(&in, CN, HOME1, 64);
			out = tunnelled(&in, 14 + 4 * tags, hop, COA1);
			snprintf(name, sizeof(name), "%d tags in, next hop %u", tags, hop);
			bind_home(r, HOME1, COA1, hop, 0);
			expect_out(r, HOOK_XDP, name, &in, SENT_ENCAPSULATED, &out);
		}
}

static void small_and_padded_frames_are_tunnelled_whole(void **state)
{
	struct rig *r = *state;

	for (size_t payload = 0; payload <= 16; payload++) {
		struct frame in = datagram(CN, HOME1, payload), out;

		while (in.len < 60) /* as a NIC pads it */
			put8(&in, 0);
		out = tunnelled(&in, FRAME_ETH, HOP_14, COA1);
		set16(&out, FRAME_ETH + 4, IP6_HDR_LEN + 8 + payload); /* the padding belongs to no packet */
		expect_out(r, HOOK_XDP, "padded frame", &in, SENT_ENCAPSULATED, &out);
	}
}

static void a_packet_without_payload_is_tunnelled(void **state)
{
	struct frame in = to_lan(0), out;

	end_ip6(&in, put_ip6(&in, CN, HOME1, NH_NONE, 2));
	out = tunnelled(&in, FRAME_ETH, HOP_14, COA1);
	expect_out(*state, HOOK_XDP, "bare header", &in, SENT_ENCAPSULATED, &out);
}

static void the_outer_traffic_class_is_the_inner_one(void **state)
{
	struct rig *r = *state;

	for (unsigned int tc = 0; tc < 256; tc++) { /* every DSCP with every ECN: RFC 6040 §4.1, RFC 2983 uniform */
		struct frame in = datagram(CN, HOME1, 8), out;
		char name[32];

		set_traffic_class(&in, FRAME_ETH, tc);
		out = tunnelled(&in, FRAME_ETH, HOP_14, COA1);
		snprintf(name, sizeof(name), "traffic class %02x", tc);
		expect_out(r, HOOK_XDP, name, &in, SENT_ENCAPSULATED, &out);
		assert_int_equal(traffic_class(&r->out, FRAME_ETH), tc);
	}
}

static uint32_t flow_of(struct rig *r, const struct frame *in)
{
	assert_int_equal(rig_run(r, HOOK_XDP, in), ACT_REDIRECT);
	return get32(&r->out, FRAME_ETH) & 0xFFFFF;
}

static void the_flow_label_is_stable_in_a_flow_and_differs_between_flows(void **state)
{
	struct rig *r = *state;
	struct frame in = datagram(CN, HOME1, 8), other;
	enum { FLOWS = 1000 };
	uint32_t label, same = 0, zero = 0, labels[FLOWS];

	label = flow_of(r, &in);
	other = datagram(CN, HOME1, 500);
	assert_int_equal(flow_of(r, &other), label); /* other length and payload, same flow */
	other.data[FRAME_ETH + 7] = 9;
	set_traffic_class(&other, FRAME_ETH, 0xB8);
	assert_int_equal(flow_of(r, &other), label); /* nor do hop limit and class make another flow */
	for (uint32_t i = 0; i < FLOWS; i++) {
		set16(&in, FRAME_ETH + IP6_HDR_LEN, 1024 + i);
		labels[i] = flow_of(r, &in);
		zero += labels[i] == 0;
		for (uint32_t j = 0; j < i; j++)
			same += labels[j] == labels[i];
	}
	assert_in_range(same, 0, 5); /* by chance 0.5 */
	assert_in_range(zero, 0, 1);
}

static void the_flow_label_depends_on_addresses_ports_and_the_inner_label(void **state)
{
	struct rig *r = *state;
	struct frame in = datagram(CN, HOME1, 8), f;
	uint32_t label = flow_of(r, &in);
	static const size_t matters[] = { FRAME_ETH + 3, FRAME_ETH + 8 + 15, FRAME_ETH + IP6_HDR_LEN + 1,
					  FRAME_ETH + 8 + 3, FRAME_ETH + IP6_HDR_LEN + 3 };

	assert_int_not_equal(label, 0);
	for (size_t i = 0; i < ARRAY_SIZE(matters); i++) {
		f = in;
		f.data[matters[i]] ^= 1;
		assert_int_not_equal(flow_of(r, &f), label);
	}
	f = in; /* not UDP: what stands where ports would is no port */
	f.data[FRAME_ETH + 6] = NH_ESP;
	label = flow_of(r, &f);
	f.data[FRAME_ETH + IP6_HDR_LEN] ^= 1;
	assert_int_equal(flow_of(r, &f), label);
}

static void the_hop_limit_falls_by_one_and_a_spent_one_is_the_kernels(void **state)
{
	struct rig *r = *state;

	for (unsigned int hops = 0; hops < 256; hops++) {
		struct frame in = datagram(CN, HOME1, 8), out;
		char name[32];

		in.data[FRAME_ETH + 7] = hops;
		out = tunnelled(&in, FRAME_ETH, HOP_14, COA1);
		snprintf(name, sizeof(name), "hop limit %u", hops);
		if (hops <= 1)
			expect(r, HOOK_XDP, name, &in, PASS_SLOW);
		else
			expect_out(r, HOOK_XDP, name, &in, SENT_ENCAPSULATED, &out);
	}
}

/* ---- tunnel encapsulation limit, RFC 2473 §4.1.1 ---- */

static void an_encapsulation_limit_is_lowered_and_zero_ends_the_packet(void **state)
{
	static const int limits[] = { 0, 1, 2, 4, 255 };
	struct rig *r = *state;

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		struct frame in = to_lan(0), out = { .len = 0 }, inner;
		size_t ip = put_ip6(&in, CN, HOME1, NH_DSTOPTS, 63);

		put_limit(&in, NH_IPV6, limits[i]);
		put_datagram(&in, CN, AT_HOME, 32);
		end_ip6(&in, ip);
		if (limits[i] == 0) {
			expect(r, HOOK_XDP, "limit 0", &in, DROP_TUNNEL_LIMIT);
			continue;
		}
		inner = in;
		inner.data[FRAME_ETH + 7]--;
		put_hop(&out, HOP_14);
		ip = put_ip6(&out, HA, COA1, NH_DSTOPTS, TUNNEL_HOP_LIMIT);
		out.free_flow = ip;
		put_limit(&out, NH_IPV6, limits[i] - 1);
		put(&out, inner.data + FRAME_ETH, inner.len - FRAME_ETH);
		end_ip6(&out, ip);
		expect_out(r, HOOK_XDP, "limit", &in, SENT_ENCAPSULATED, &out);
	}
}

static void destination_options_without_a_limit_only_pass(void **state)
{
	struct rig *r = *state;
	static const uint8_t options[][8] = {
		{ OPT_PADN, 4, 0, 0, 0, 0 },	   /* padding */
		{ OPT_VERIFIED_HOME, 4, 1, 2, 3 }, /* not for us: somebody else's option */
		{ OPT_TUNNEL_LIMIT, 200 },	   /* runs out of its header: the receiver's to judge */
		{ 0xC9, 2, 1, 1, 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		struct frame in = to_lan(0), out;
		size_t ip = put_ip6(&in, CN, HOME1, NH_DSTOPTS, 63);

		put8(&in, NH_UDP);
		put8(&in, 0);
		put(&in, options[i], 6);
		put_udp(&in, ip, 16);
		end_ip6(&in, ip);
		out = tunnelled(&in, FRAME_ETH, HOP_14, COA1);
		expect_out(r, HOOK_XDP, "passing options", &in, SENT_ENCAPSULATED, &out);
	}
}

/* ---- what has no next hop, or no binding ---- */

static void an_unresolved_next_hop_asks_the_agent_and_then_the_kernels_table(void **state)
{
	static const struct {
		const char *name, *care_of;
		uint32_t hop;
		bool asks, sent;
	} cases[] = {
		{ "entry invalid, kernel knows", COA1, HOP_INVALID, true, true },
		{ "index 0, kernel knows", COA1, 0, true, true },
		{ "index 0, no route", "2001:db8:dead::1", 0, true, false },
		{ "index beyond the table", COA1, LIMIT_NEXTHOPS, true, true },
		{ "XDP may not redirect there", COA1, HOP_NO_REDIRECT, false, true },
	};
	struct rig *r = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct frame in = datagram(CN, HOME1, 64), out = tunnelled(&in, FRAME_ETH, HOP_14, cases[i].care_of);
		struct want want = { .why = cases[i].sent ? SENT_ENCAPSULATED : PASS_SLOW,
				     .notes = { NOTE_FIB, cases[i].asks ? NOTE_RESOLVE : REASON_NONE },
				     .out = cases[i].sent ? &out : NULL };

		bind_home(r, HOME1, cases[i].care_of, cases[i].hop, 0);
		check(r, HOOK_XDP, cases[i].name, &in, &want);
		if (cases[i].asks) {
			struct in6_addr care_of = addr(cases[i].care_of);

			check_event(r, cases[i].name, EVENT_RESOLVE, NOTE_RESOLVE, NULL, 0);
			assert_memory_equal(&r->events[0].address, &care_of, 16);
		} else {
			assert_int_equal(r->event_count, 0);
		}
	}
}

static void a_device_that_xdp_may_not_redirect_to_is_the_kernels(void **state)
{
	struct rig *r = *state;
	struct frame in = datagram(CN, HOME1, 64);

	set_port(r, r->wan, mac_wan, 1500, 0);
	bind_home(r, HOME1, COA1, HOP_NO_REDIRECT, 0);
	expect_noted(r, HOOK_XDP, "no redirect", &in, PASS_SLOW, NOTE_FIB, NULL);
	bpf_map_delete_elem(bpf_map__fd(r->xdp->maps.ports), &r->wan);
	expect_noted(r, HOOK_XDP, "no port of ours", &in, PASS_SLOW, NOTE_FIB, NULL);
}

static void with_the_agent_dead_the_kernels_table_is_asked(void **state)
{
	struct rig *r = *state;
	struct frame in = datagram(CN, HOME1, 64), out = tunnelled(&in, FRAME_ETH, HOP_14, COA1);
	static const struct {
		int age_s;
		bool stale;
	} cases[] = { { 0, false }, { HEARTBEAT_STALE_S - 1, false }, { HEARTBEAT_STALE_S, true }, { 3600, true } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		enum reason note = cases[i].stale ? NOTE_FIB : REASON_NONE;

		r->settings.heartbeat = rig_jiffies(r) - (uint64_t)cases[i].age_s * r->settings.hz;
		set_settings(r);
		expect_noted(r, HOOK_XDP, "heartbeat", &in, SENT_ENCAPSULATED, note, &out);
	}
	bind_home(r, HOME1, "2001:db8:dead::1", HOP_14, 0);
	expect_noted(r, HOOK_XDP, "stale, no route", &in, PASS_SLOW, NOTE_FIB, NULL);
}

static void a_binding_past_its_lifetime_binds_nothing(void **state)
{
	struct rig *r = *state;
	struct frame in = datagram(CN, HOME1, 64), out = tunnelled(&in, FRAME_ETH, HOP_14, COA1);
	uint64_t now = rig_jiffies(r);

	bind_until(r, HOME1, COA1, HOP_14, 0, now);
	expect_noted(r, HOOK_XDP, "expired now", &in, PASS_KERNEL, NOTE_EXPIRED, NULL);
	bind_until(r, HOME1, COA1, HOP_14, 0, 0);
	expect_noted(r, HOOK_XDP, "expired for long", &in, PASS_KERNEL, NOTE_EXPIRED, NULL);
	bind_until(r, HOME1, COA1, HOP_14, 0, now + 10 * (uint64_t)r->settings.hz);
	expect_out(r, HOOK_XDP, "ten seconds left", &in, SENT_ENCAPSULATED, &out);
}

static void an_entry_reused_under_the_program_is_not_used(void **state)
{
	struct rig *r = *state;
	struct frame in = datagram(CN, HOME1, 64);
	struct binding b = { .care_of = addr(COA2),
			     .home = addr(HOME2),
			     .expires = UINT64_MAX,
			     .nexthop = HOP_14,
			     .flags = BINDING_HOME_AGENT };
	struct in6_addr key = addr(HOME1);

	map_set(r->xdp->maps.bindings, &key, &b);
	expect(r, HOOK_XDP, "another's entry", &in, PASS_SLOW);
}

static void sources_that_may_not_be_forwarded_are_the_kernels(void **state)
{
	static const char *const sources[] = { "fe80::9", "::", "::1", "ff02::1" };

	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		struct frame in = datagram(sources[i], HOME1, 16);

		expect(*state, HOOK_XDP, sources[i], &in, PASS_SLOW);
	}
}

static void a_packet_with_a_routing_header_to_a_home_address_is_tunnelled_all_the_same(void **state)
{
	struct frame in = to_lan(0), out;
	size_t ip = put_ip6(&in, CN, HOME1, NH_ROUTING, 63); /* PROTOCOL §3 */

	put_routing(&in, NH_UDP, RH_TYPE2, 1, HOME1);
	put_udp(&in, ip, 16);
	end_ip6(&in, ip);
	out = tunnelled(&in, FRAME_ETH, HOP_14, COA1);
	expect_out(*state, HOOK_XDP, "RH2", &in, SENT_ENCAPSULATED, &out);
}

static void without_headroom_the_packet_is_dropped_and_counted(void **state)
{
	struct frame in = datagram(CN, HOME1, 64);

	take_headroom(*state, &in);
	in.meta = META_MOST;
	expect(*state, HOOK_XDP, "no headroom", &in, DROP_NO_ROOM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(it_is_tunnelled_from_and_to_each_link_header),
		RIG_TEST(small_and_padded_frames_are_tunnelled_whole),
		RIG_TEST(a_packet_without_payload_is_tunnelled),
		RIG_TEST(the_outer_traffic_class_is_the_inner_one),
		RIG_TEST(the_flow_label_is_stable_in_a_flow_and_differs_between_flows),
		RIG_TEST(the_flow_label_depends_on_addresses_ports_and_the_inner_label),
		RIG_TEST(the_hop_limit_falls_by_one_and_a_spent_one_is_the_kernels),
		RIG_TEST(an_encapsulation_limit_is_lowered_and_zero_ends_the_packet),
		RIG_TEST(destination_options_without_a_limit_only_pass),
		RIG_TEST(an_unresolved_next_hop_asks_the_agent_and_then_the_kernels_table),
		RIG_TEST(a_device_that_xdp_may_not_redirect_to_is_the_kernels),
		RIG_TEST(with_the_agent_dead_the_kernels_table_is_asked),
		RIG_TEST(a_binding_past_its_lifetime_binds_nothing),
		RIG_TEST(an_entry_reused_under_the_program_is_not_used),
		RIG_TEST(sources_that_may_not_be_forwarded_are_the_kernels),
		RIG_TEST(a_packet_with_a_routing_header_to_a_home_address_is_tunnelled_all_the_same),
		RIG_TEST(without_headroom_the_packet_is_dropped_and_counted),
	};

	return cmocka_run_group_tests_name("encapsulation", tests, rig_open, rig_close);
}
