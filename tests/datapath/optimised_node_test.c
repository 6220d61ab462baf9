// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A mobile node's correspondents: updates to them, data with a home address option, with a routing header beside it or
 * in the tunnel, what goes through the tunnel as it stands, and whom the agent is told of. RFC 6275 §6.3, §9.3.2,
 * §11.3.1, §11.6.1. The tunnel itself stands in mobile_node_test.c, what comes in in route_optimisation_test.c.
 */
#include "packets.h"

enum { IP = FRAME_ETH, BEHIND = IP + IP6_HDR_LEN };

static struct frame to_agent(const struct frame *in)
{
	struct frame out = { .len = 0 };

	put(&out, in->data, FRAME_ETH);
	put_outer(&out, in, FRAME_ETH, MY_COA, MY_AGENT);
	return out;
}

/* ---- a mobile node: updates and acknowledgements ---- */

static void an_update_to_a_correspondent_leaves_as_its_entry_says(void **state)
{
	static const struct {
		const char *name;
		uint16_t flags;
		bool wan;
	} refused[] = {
		{ "a binding alone", PEER_DIRECT, true },
		{ "nothing", 0, true },
		{ "no uplink", PEER_UPDATE, false },
	};
	struct rig *r = *state;
	struct frame in = mh_from_stack(MY_HOME, CN, MH_BU, 48), out = with_home_option(&in, MY_COA_NEXT);
	struct in6_addr src = addr(MY_HOME), dst = addr(CN);
	struct peer entry = peer_entry(r, PEER_UPDATE);

	be_mobile_node(r, HOME_AWAY);
	expect(r, HOOK_TC_HOME, "no entry", &in, DROP_NO_REGISTRATION);
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		struct peer bad = peer_entry(r, refused[i].flags);

		bad.ifindex = refused[i].wan ? r->wan : 0;
		set_peer(r, MY_HOME, CN, &bad);
		expect(r, HOOK_TC_HOME, refused[i].name, &in, DROP_NO_REGISTRATION);
	}
	entry.care_of = addr(MY_COA_NEXT); /* not that of the home registration: the update says so itself */
	entry.expires = 0;		   /* of the binding that it asks for */
	set_peer(r, MY_HOME, CN, &entry);
	expect_out(r, HOOK_TC_HOME, "asked for", &in, SENT_UPDATE, &out);
	assert_int_equal(sum_upper(&src, &dst, NH_MH, r->out.data + BEHIND + 24, 48), 0xFFFF);
	entry.flags |= PEER_DIRECT;
	set_peer(r, MY_HOME, CN, &entry);
	expect_out(r, HOOK_TC_HOME, "with a binding", &in, SENT_UPDATE, &out);
	bind_peer(r, CN, COA1, 0, UINT64_MAX); /* RFC 6275 §6.1: to its home address all the same */
	expect_out(r, HOOK_TC_HOME, "to one that is bound here", &in, SENT_UPDATE, &out);
	in = by_wan(r, r->out);
	expect_uncounted(r, HOOK_TC_OUT, "and past the uplink's gate", &in, TC_NEXT);
	in = mh_from_stack(MY_HOME, PEER, MH_BU, 48);
	expect(r, HOOK_TC_HOME, "to another", &in, DROP_NO_REGISTRATION);
	be_mobile_node(r, HOME_BLOCKED); /* it needn't wait for the home agent's answer */
	in = mh_from_stack(MY_HOME, CN, MH_BU, 48);
	expect_out(r, HOOK_TC_HOME, "without a home registration", &in, SENT_UPDATE, &out);
	be_mobile_node(r, HOME_THERE);
	expect(r, HOOK_TC_HOME, "at home it comes from the home address itself", &in, SENT_AT_HOME);
}

/* RFC 6275 §11.6.1: the home test goes through the home agent, and the others have no option either. */
static void other_mobility_headers_go_through_the_tunnel(void **state)
{
	struct rig *r = *state;
	struct peer entry = peer_entry(r, PEER_DIRECT | PEER_UPDATE);

	be_mobile_node(r, HOME_AWAY);
	r->settings.flags = SETTING_OPTIMISE;
	set_settings(r);
	for (int known = 0; known <= 1; known++) {
		for (unsigned int type = 0; type < 24; type++) {
			struct frame in = mh_from_stack(MY_HOME, CN, type, 16), out = to_agent(&in);

			if (type == MH_BU || (known && type == MH_BA))
				continue;
			expect_out(r, HOOK_TC_HOME, "untouched", &in, SENT_REVERSE, &out);
			assert_int_equal(r->event_count, 0);
		}
		set_peer(r, MY_HOME, CN, &entry);
		bind_peer(r, CN, COA1, 0, UINT64_MAX);
	}
}

static void an_acknowledgement_to_another_mobile_node_is_routed_within_the_tunnel(void **state)
{
	struct rig *r = *state;
	struct frame in = mh_from_stack(MY_HOME, PEER, MH_BA, 16), inside, out;
	struct peer entry = peer_entry(r, PEER_DIRECT);
	uint64_t later = rig_jiffies(r) + 1000000;

	be_mobile_node(r, HOME_AWAY);
	set_peer(r, MY_HOME, PEER, &entry);
	set_answer(r, PEER, COA2, later);
	inside = with_routing_header(&in, COA2);
	out = to_agent(&inside);
	expect_out(r, HOOK_TC_HOME, "of a refused update", &in, SENT_REVERSE, &out);
	bind_peer(r, PEER, COA1, 0, UINT64_MAX);
	expect_out(r, HOOK_TC_HOME, "to where the update came from", &in, SENT_REVERSE, &out);
	set_answer(r, PEER, COA2, rig_jiffies(r));
	inside = with_routing_header(&in, COA1);
	out = to_agent(&inside);
	expect_out(r, HOOK_TC_HOME, "as the binding says", &in, SENT_REVERSE, &out);
	set_answer(r, PEER, "::", later);
	out = to_agent(&in);
	expect_out(r, HOOK_TC_HOME, "direct", &in, SENT_REVERSE, &out);
}

/* ---- a mobile node: data ---- */

static void data_goes_straight_with_a_home_address_option(void **state)
{
	static const uint8_t protocols[] = { NH_TCP, NH_UDP, NH_ESP, NH_IPV6, NH_FRAGMENT, NH_NONE, 253 };
	static const size_t lengths[] = { 20, 21, 64, 88, 89, 500, 1436 };
	struct rig *r = *state;
	struct in6_addr src = addr(MY_HOME), dst = addr(CN);
	struct peer entry = peer_entry(r, PEER_DIRECT);
	struct frame in, out;

	be_mobile_node(r, HOME_AWAY);
	set_peer(r, MY_HOME, CN, &entry);
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
		for (size_t l = 0; l < ARRAY_SIZE(lengths); l++) {
			in = payload_from_stack(MY_HOME, CN, protocols[i], lengths[l]);
			out = with_home_option(&in, MY_COA);
			expect_out(r, HOOK_TC_HOME, "any protocol, any length", &in, SENT_OPTIMISED, &out);
			assert_int_equal(r->event_count, 0);
		}
	in = by_wan(r, r->out);
	expect_uncounted(r, HOOK_TC_OUT, "past the uplink's gate", &in, TC_NEXT);
	in = udp_from_stack(MY_HOME, CN, 33);
	out = with_home_option(&in, MY_COA);
	expect_out(r, HOOK_TC_HOME, "UDP", &in, SENT_OPTIMISED, &out);
	/* the receiver's sum is over the home address, RFC 6275 §11.3.1 */
	assert_int_equal(sum_upper(&src, &dst, NH_UDP, r->out.data + BEHIND + 24, 41), 0xFFFF);
	in = udp_from_stack(MY_HOME, PEER, 33);
	out = to_agent(&in);
	expect_out(r, HOOK_TC_HOME, "to another", &in, SENT_REVERSE, &out);
}

/* RFC 6275 §6.3: the routing header first, the option behind it. */
static void between_two_mobile_nodes_a_packet_has_both(void **state)
{
	struct rig *r = *state;
	struct peer entry = peer_entry(r, PEER_DIRECT);
	struct frame in, option, out;

	be_mobile_node(r, HOME_AWAY);
	set_peer(r, MY_HOME, PEER, &entry);
	bind_peer(r, PEER, COA1, 0, UINT64_MAX);
	for (size_t len = 8; len <= 1412; len += 117) {
		in = payload_from_stack(MY_HOME, PEER, NH_UDP, len);
		option = with_home_option(&in, MY_COA);
		out = with_routing_header(&option, COA1);
		expect_out(r, HOOK_TC_HOME, "both", &in, SENT_OPTIMISED, &out);
		assert_int_equal(r->out.data[IP + 6], NH_ROUTING);
		assert_int_equal(r->out.data[BEHIND], NH_DSTOPTS);
		assert_int_equal(r->out.data[BEHIND + 24], NH_UDP);
	}
	in = by_wan(r, r->out);
	expect_uncounted(r, HOOK_TC_OUT, "past the uplink's gate", &in, TC_NEXT);
	in = udp_from_stack(MY_HOME, PEER, 64);
	bind_peer(r, PEER, COA1, 0, rig_jiffies(r));
	out = with_home_option(&in, MY_COA);
	expect_noted(r, HOOK_TC_HOME, "its binding has expired", &in, SENT_OPTIMISED, NOTE_EXPIRED, &out);
}

static void what_is_bound_here_but_has_no_binding_of_ours_is_routed_within_the_tunnel(void **state)
{
	struct rig *r = *state;
	struct home_address home = home_entry(r, HOME_AWAY);
	struct peer entry = peer_entry(r, 0);
	struct frame in = udp_from_stack(MY_HOME, PEER, 64), inside = with_routing_header(&in, COA1),
		     out = to_agent(&inside);

	be_mobile_node(r, HOME_AWAY);
	bind_peer(r, PEER, COA1, 0, UINT64_MAX);
	expect_out(r, HOOK_TC_HOME, "no entry", &in, SENT_REVERSE, &out);
	set_peer(r, MY_HOME, PEER, &entry);
	expect_out(r, HOOK_TC_HOME, "an entry", &in, SENT_REVERSE, &out);
	for (size_t len = 1436 - 1; len <= 1436 + 1; len++) { /* both ways within 1500 */
		in = payload_from_stack(MY_HOME, PEER, NH_UDP, len - 40);
		inside = with_routing_header(&in, COA1);
		out = to_agent(len > 1436 ? &in : &inside);
		expect_out(r, HOOK_TC_HOME, "its home agent tunnels what doesn't fit", &in, SENT_REVERSE, &out);
	}
	home.next = (struct home_way){ .care_of = addr(MY_COA_NEXT), .ifindex = r->wan, .mtu = 1400 };
	set_home(r, MY_HOME, &home);
	in = payload_from_stack(MY_HOME, PEER, NH_UDP, 1336 + 1 - 40);
	out = to_agent(&in);
	rig_run(r, HOOK_TC_HOME, &in); /* whether a copy goes by the new way as well is mobile_node_test.c's */
	memcpy(out.data, r->out.data, 12);
	check_octets("both ways carry it", &out, &r->out);
	in = payload_from_stack(MY_HOME, PEER, NH_UDP, 1360 + 1 - 40);
	expect(r, HOOK_TC_HOME, "nor without", &in, SENT_AGENT);
}

static void only_a_live_binding_of_the_registered_care_of_address_counts(void **state)
{
	struct rig *r = *state;
	struct frame in = udp_from_stack(MY_HOME, CN, 64), tunnel = to_agent(&in), out = with_home_option(&in, MY_COA);
	struct home_address home = home_entry(r, HOME_AWAY);
	struct peer good = peer_entry(r, PEER_DIRECT), bad;

	be_mobile_node(r, HOME_AWAY);
	r->settings.flags = SETTING_OPTIMISE;
	set_settings(r);
	for (int i = 0; i < 6; i++) {
		bad = good;
		if (i == 0)
			bad.flags = PEER_UPDATE;
		else if (i == 1)
			bad.expires = 1;
		else if (i == 2)
			bad.expires = rig_jiffies(r);
		else if (i == 3)
			bad.care_of = addr(MY_COA_NEXT);
		else if (i == 4)
			bad.care_of.s6_addr[0] ^= 0x80;
		else
			bad.ifindex = 0;
		set_peer(r, MY_HOME, CN, &bad);
		expect_out(r, HOOK_TC_HOME, "through the tunnel", &in, SENT_REVERSE, &tunnel);
		assert_int_equal(r->event_count, 0);
	}
	good.expires = rig_jiffies(r) + 1000000;
	set_peer(r, MY_HOME, CN, &good);
	expect_out(r, HOOK_TC_HOME, "straight", &in, SENT_OPTIMISED, &out);
	home.way.care_of = addr(MY_COA_NEXT);
	set_home(r, MY_HOME, &home);
	rig_run(r, HOOK_TC_HOME, &in);
	assert_int_equal(r->out.data[IP + 6], NH_IPV6); /* registered elsewhere since: through the tunnel */
	home.expires = 1;
	set_home(r, MY_HOME, &home);
	expect(r, HOOK_TC_HOME, "the home registration has expired", &in, DROP_NO_REGISTRATION);
	home = home_entry(r, HOME_BLOCKED);
	set_home(r, MY_HOME, &home);
	expect(r, HOOK_TC_HOME, "no home registration", &in, DROP_NO_REGISTRATION);
}

static void a_mobile_nodes_packet_is_measured_with_all_its_headers(void **state)
{
	static const struct {
		uint16_t path, theirs;
		bool bound;
		size_t most;
	} cases[] = {
		{ 1500, 0, false, 1476 },   { 1400, 0, false, 1376 },	{ 1500, 0, true, 1452 },
		{ 1500, 1400, true, 1352 }, { 1400, 1500, true, 1352 }, { 1280, 0, false, 1256 },
		{ 1304, 1304, true, 1256 }, { 1328, 0, true, 1280 },	{ 1327, 0, true, 1279 },
		{ 3000, 0, false, 1476 },
	};
	struct rig *r = *state;

	be_mobile_node(r, HOME_AWAY);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct peer entry = peer_entry(r, PEER_DIRECT);

		entry.mtu = cases[i].path;
		set_peer(r, MY_HOME, PEER, &entry);
		if (cases[i].bound)
			bind_peer(r, PEER, COA1, cases[i].theirs, UINT64_MAX);
		else
			unbind(r, PEER);
		for (size_t len = cases[i].most - 1; len <= cases[i].most + 30; len++) {
			struct frame in = payload_from_stack(MY_HOME, PEER, NH_UDP, len - 40),
				     one = with_home_option(&in, MY_COA), both = with_routing_header(&one, COA1),
				     inside = with_routing_header(&in, COA1), tunnel;

			if (len <= cases[i].most) {
				expect_out(r, HOOK_TC_HOME, "straight", &in, SENT_OPTIMISED,
					   cases[i].bound ? &both : &one);
			} else if (len <= 1280) {
				tunnel = to_agent(cases[i].bound ? &inside : &in);
				expect_out(r, HOOK_TC_HOME, "tunnel", &in, SENT_REVERSE, &tunnel);
			} else {
				expect(r, HOOK_TC_HOME, "agent", &in, SENT_AGENT);
			}
		}
	}
}

static void a_mobile_nodes_aggregate_is_measured_by_its_segments(void **state)
{
	struct rig *r = *state;
	struct peer entry = peer_entry(r, PEER_DIRECT);

	be_mobile_node(r, HOME_AWAY);
	set_peer(r, MY_HOME, PEER, &entry);
	for (int bound = 0; bound <= 1; bound++) {
		for (int more = -1; more <= 1; more++) {
			struct frame in = payload_from_stack(MY_HOME, PEER, NH_TCP, 2600);

			in.data[BEHIND + 12] = 32 / 4 << 4;
			in.gso_size = 1500 - 24 - 24 * bound - 40 - 32 + more;
			expect(r, HOOK_TC_HOME, "TCP", &in, more > 0 ? SENT_AGENT : DROP_NO_ROOM);
		}
		bind_peer(r, PEER, COA1, 0, UINT64_MAX);
	}
}

/* RFC 8200 §4.1, RFC 6275 §9.3.2; for AH see inspect.bpf.h: we'd refuse it ourselves. */
static void a_mobile_nodes_packet_that_takes_no_header_goes_through_the_tunnel(void **state)
{
	static const uint8_t firsts[] = { NH_HOPOPTS, NH_AH, NH_ROUTING };
	struct rig *r = *state;
	struct peer entry = peer_entry(r, PEER_DIRECT);
	struct frame in, out;

	be_mobile_node(r, HOME_AWAY);
	set_peer(r, MY_HOME, PEER, &entry);
	bind_peer(r, PEER, COA1, 0, UINT64_MAX);
	for (size_t i = 0; i < ARRAY_SIZE(firsts); i++) {
		in = payload_from_stack(MY_HOME, PEER, firsts[i], 64);
		out = to_agent(&in);
		expect_out(r, HOOK_TC_HOME, "first header", &in, SENT_REVERSE, &out);
	}
	in = icmp6(MY_HOME, PEER, ICMP6_NEIGHBOUR_SOLICIT, 24);
	out = to_agent(&in);
	expect_out(r, HOOK_TC_HOME, "neighbour discovery", &in, SENT_REVERSE, &out);
}

/* ---- a mobile node: who is told of, what is noted ---- */

static void check_peer_event(struct rig *r, const char *home, const char *peer)
{
	struct in6_addr h = addr(home), p = addr(peer);

	assert_int_equal(r->event_count, 1);
	assert_int_equal(r->events[0].kind, EVENT_PEER);
	assert_int_equal(r->events[0].reason, SENT_REVERSE);
	assert_int_equal(r->events[0].len, sizeof(h));
	assert_memory_equal(r->events[0].packet, &h, 16);
	assert_memory_equal(&r->events[0].address, &p, 16);
}

static void the_agent_hears_of_a_new_correspondent(void **state)
{
	struct rig *r = *state;
	struct frame in = udp_from_stack(MY_HOME, CN, 64), out = to_agent(&in);
	struct peer entry = peer_entry(r, 0);

	be_mobile_node(r, HOME_AWAY);
	expect_out(r, HOOK_TC_HOME, "it doesn't want to know", &in, SENT_REVERSE, &out);
	assert_int_equal(r->event_count, 0);
	r->settings.flags = SETTING_OPTIMISE;
	set_settings(r);
	expect_out(r, HOOK_TC_HOME, "it does", &in, SENT_REVERSE, &out);
	check_peer_event(r, MY_HOME, CN);
	expect_out(r, HOOK_TC_HOME, "and has not said yet", &in, SENT_REVERSE, &out);
	check_peer_event(r, MY_HOME, CN);
	set_peer(r, MY_HOME, CN, &entry);
	expect_out(r, HOOK_TC_HOME, "it has", &in, SENT_REVERSE, &out);
	assert_int_equal(r->event_count, 0);
	in = udp_from_stack(MY_HOME, PEER, 64);
	out = to_agent(&in);
	expect_out(r, HOOK_TC_HOME, "another", &in, SENT_REVERSE, &out);
	check_peer_event(r, MY_HOME, PEER);
	drain_bucket(r, LIMIT_ALL_PEERS);
	expect_out(r, HOOK_TC_HOME, "not in a hurry", &in, SENT_REVERSE, &out);
	assert_int_equal(r->event_count, 0);
}

static void nobody_is_told_of_what_can_have_no_binding(void **state)
{
	static const char *const addresses[] = { MY_AGENT, "fe80::9", "::1" };
	struct rig *r = *state;
	struct home_address home;
	struct frame in, out;

	be_mobile_node(r, HOME_AWAY);
	r->settings.flags = SETTING_OPTIMISE;
	set_settings(r);
	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
		in = udp_from_stack(MY_HOME, addresses[i], 64);
		out = to_agent(&in);
		expect_out(r, HOOK_TC_HOME, addresses[i], &in, SENT_REVERSE, &out);
		assert_int_equal(r->event_count, 0);
	}
	in = udp_from_stack(MY_HOME, "ff0e::1", 64);
	expect(r, HOOK_TC_HOME, "multicast", &in, DROP_NO_ROUTE);
	assert_int_equal(r->event_count, 0);
	in = icmp6(MY_HOME, CN, ICMP6_NEIGHBOUR_SOLICIT, 24);
	out = to_agent(&in);
	expect_out(r, HOOK_TC_HOME, "neighbour discovery", &in, SENT_REVERSE, &out);
	assert_int_equal(r->event_count, 0);
	in = udp_from_stack(MY_COA, CN, 64);
	rig_run(r, HOOK_TC_HOME, &in);
	r->event_count = 0;
	ring_buffer__consume(r->ring);
	assert_int_equal(r->event_count, 0); /* from no home address of ours */
	in = udp_from_stack(MY_HOME, CN, 64);
	for (enum home_state s = HOME_BLOCKED; s <= HOME_THERE; s += HOME_THERE) {
		home = home_entry(r, s);
		set_home(r, MY_HOME, &home);
		expect(r, HOOK_TC_HOME, "not away", &in, s == HOME_THERE ? SENT_AT_HOME : DROP_NO_REGISTRATION);
		assert_int_equal(r->event_count, 0);
	}
}

static uint64_t peer_used(struct rig *r, const char *home, const char *peer)
{
	struct peer_key key = { .home = addr(home), .peer = addr(peer) };
	struct peer entry;

	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(r->xdp->maps.peers), &key, &entry), 0);
	return entry.used;
}

static void a_mobile_node_notes_use_to_the_second(void **state)
{
	struct rig *r = *state;
	struct frame in = udp_from_stack(MY_HOME, PEER, 64), mh = mh_from_stack(MY_HOME, PEER, MH_HOTI, 16);
	struct peer entry;
	uint64_t now, hz = r->settings.hz;

	be_mobile_node(r, HOME_AWAY);
	for (int direct = 0; direct <= 1; direct++) {
		entry = peer_entry(r, direct ? PEER_DIRECT : 0);
		set_peer(r, MY_HOME, PEER, &entry);
		bind_peer(r, PEER, COA1, 0, UINT64_MAX);
		now = rig_jiffies(r);
		rig_run(r, HOOK_TC_HOME, &mh); /* our own signalling is no use of it */
		assert_int_equal(peer_used(r, MY_HOME, PEER), 0);
		assert_int_equal(binding_used(r, PEER), 0);
		rig_run(r, HOOK_TC_HOME, &in);
		assert_in_range(peer_used(r, MY_HOME, PEER), now, now + 1000 * hz);
		assert_in_range(binding_used(r, PEER), now, now + 1000 * hz);
		entry.used = now - 2;
		set_peer(r, MY_HOME, PEER, &entry);
		rig_run(r, HOOK_TC_HOME, &in);
		assert_int_equal(peer_used(r, MY_HOME, PEER), entry.used);
		entry.used = now - hz;
		set_peer(r, MY_HOME, PEER, &entry);
		rig_run(r, HOOK_TC_HOME, &in);
		assert_in_range(peer_used(r, MY_HOME, PEER), now, now + 1000 * hz);
	}
}

/* ---- a mobile node at home ---- */

static void at_home_it_is_a_correspondent_as_any(void **state)
{
	struct rig *r = *state;
	struct peer entry = peer_entry(r, PEER_DIRECT);
	struct frame in = udp_from_stack(MY_HOME, PEER, 64), out = with_routing_header(&in, COA1);

	be_mobile_node(r, HOME_THERE);
	set_peer(r, MY_HOME, PEER, &entry); /* about to go: no option, no tunnel */
	expect(r, HOOK_TC_HOME, "to one not bound here", &in, SENT_AT_HOME);
	bind_peer(r, PEER, COA1, 0, UINT64_MAX);
	expect_out(r, HOOK_TC_HOME, "to one that is", &in, SENT_ROUTED, &out);
	in = by_wan(r, r->out);
	expect_uncounted(r, HOOK_TC_OUT, "past the uplink's gate", &in, TC_NEXT);
	in = mh_from_stack(MY_HOME, PEER, MH_BA, 16);
	out = with_routing_header(&in, COA1);
	expect_out(r, HOOK_TC_HOME, "acknowledgement", &in, SENT_ROUTED, &out);
	in = mh_from_stack(MY_HOME, PEER, MH_COTI, 16);
	expect(r, HOOK_TC_HOME, "another mobility header", &in, SENT_AT_HOME);
	for (uint16_t path = 1280; path <= 1400; path += 120) {
		bind_peer(r, PEER, COA1, path, UINT64_MAX);
		for (size_t len = path - 24; len <= (size_t)path + 1; len++) {
			in = payload_from_stack(MY_HOME, PEER, NH_UDP, len - 40);
			out = with_routing_header(&in, COA1);
			if (len <= path - 24U)
				expect_out(r, HOOK_TC_HOME, "fits", &in, SENT_ROUTED, &out);
			else
				expect(r, HOOK_TC_HOME, "doesn't", &in, len <= 1280 ? SENT_AT_HOME : SENT_AGENT);
		}
	}
	in = by_wan(r, udp_from_stack(MY_HOME, PEER, 64));
	out = with_routing_header(&in, COA1);
	expect_out(r, HOOK_TC_OUT, "by a socket bound to the home link", &in, SENT_ROUTED, &out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(an_update_to_a_correspondent_leaves_as_its_entry_says),
		RIG_TEST(other_mobility_headers_go_through_the_tunnel),
		RIG_TEST(an_acknowledgement_to_another_mobile_node_is_routed_within_the_tunnel),
		RIG_TEST(data_goes_straight_with_a_home_address_option),
		RIG_TEST(between_two_mobile_nodes_a_packet_has_both),
		RIG_TEST(what_is_bound_here_but_has_no_binding_of_ours_is_routed_within_the_tunnel),
		RIG_TEST(only_a_live_binding_of_the_registered_care_of_address_counts),
		RIG_TEST(a_mobile_nodes_packet_is_measured_with_all_its_headers),
		RIG_TEST(a_mobile_nodes_aggregate_is_measured_by_its_segments),
		RIG_TEST(a_mobile_nodes_packet_that_takes_no_header_goes_through_the_tunnel),
		RIG_TEST(the_agent_hears_of_a_new_correspondent),
		RIG_TEST(nobody_is_told_of_what_can_have_no_binding),
		RIG_TEST(a_mobile_node_notes_use_to_the_second),
		RIG_TEST(at_home_it_is_a_correspondent_as_any),
	};

	return cmocka_run_group_tests_name("mobile node's correspondents", tests, rig_open, rig_close);
}
