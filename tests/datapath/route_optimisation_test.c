// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A correspondent in the data path: type 2 routing headers on egress and on the device without ND, what has none, and
 * packets with a routing header and a home address option at once, from one mobile node to another. RFC 6275 §6.3,
 * §6.4, §9.3. What the home agent's bindings do stands in tc_home_test.c. A test run doesn't show where bpf_redirect()
 * leads; tests/netns does.
 */
#include "packets.h"

enum { IP = FRAME_ETH, BEHIND = IP + IP6_HDR_LEN };

/* @in passes for now, and the agent hears nothing; NOTE_EXPIRED alone is counted. */
static void expect_expired(struct rig *r, enum hook hook, const char *name, const struct frame *in)
{
	struct want want = { .why = NOTE_EXPIRED };

	assert_int_equal(rig_run(r, hook, in), TC_NEXT);
	check_counters(r, name, &want);
	check_octets(name, in, &r->out);
}

/* ---- a correspondent: egress ---- */

static void what_we_send_to_a_bound_home_address_goes_to_its_care_of_address(void **state)
{
	static const uint8_t protocols[] = { NH_TCP, NH_UDP, NH_ESP, NH_IPV6, NH_FRAGMENT, NH_NONE, 253 };
	static const size_t lengths[] = { 20, 21, 64, 88, 89, 500, 1436 };
	struct rig *r = *state;
	struct frame in, out;
	struct in6_addr src = addr(OWN), dst = addr(PEER);

	bind_peer(r, PEER, COA1, 0, UINT64_MAX);
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
		for (size_t l = 0; l < ARRAY_SIZE(lengths); l++) {
			in = by_wan(r, payload_from_stack(OWN, PEER, protocols[i], lengths[l]));
			out = with_routing_header(&in, COA1);
			expect_out(r, HOOK_TC_OUT, "any protocol, any length", &in, SENT_ROUTED, &out);
		}
	in = by_wan(r, udp_from_stack(OWN, PEER, 33));
	out = with_routing_header(&in, COA1);
	expect_out(r, HOOK_TC_OUT, "UDP", &in, SENT_ROUTED, &out);
	/* the receiver's sum is over the home address, RFC 8200 §8.1 */
	assert_int_equal(sum_upper(&src, &dst, NH_UDP, r->out.data + BEHIND + 24, 41), 0xFFFF);
	in = by_wan(r, icmp6(HA, PEER, ICMP6_ECHO_REQUEST, 64));
	out = with_routing_header(&in, COA1);
	expect_out(r, HOOK_TC_OUT, "echo request, from another address of ours", &in, SENT_ROUTED, &out);
	for (unsigned int tc = 0; tc < 256; tc += 51) {
		set_traffic_class(&in, IP, tc);
		out = with_routing_header(&in, COA1);
		expect_out(r, HOOK_TC_OUT, "traffic class", &in, SENT_ROUTED, &out);
	}
}

static void destination_options_come_behind_the_routing_header(void **state)
{
	struct rig *r = *state;
	struct frame in, out;
	size_t ip;

	bind_peer(r, PEER, COA1, 0, UINT64_MAX);
	in = from_stack(OWN, PEER, NH_DSTOPTS, &ip);
	put_limit(&in, NH_IPV6, 4);
	put_datagram(&in, OWN, AT_HOME, 16);
	end_ip6(&in, ip);
	in = by_wan(r, in);
	out = with_routing_header(&in, COA1);
	expect_out(r, HOOK_TC_OUT, "a tunnel with a limit", &in, SENT_ROUTED, &out);
}

static void what_is_not_ours_or_not_for_a_correspondent_binding_stays(void **state)
{
	struct rig *r = *state;
	struct frame in = by_wan(r, udp_from_stack(OWN, PEER, 64)), other;

	expect_uncounted(r, HOOK_TC_OUT, "no binding", &in, TC_NEXT);
	bind_peer(r, PEER, COA1, 0, UINT64_MAX);
	r->came_in = r->lan;
	expect_uncounted(r, HOOK_TC_OUT, "came in by lan", &in, TC_NEXT);
	r->came_in = 0;
	other = by_wan(r, udp_from_stack(CN, PEER, 64));
	expect_uncounted(r, HOOK_TC_OUT, "from a stranger", &other, TC_NEXT);
	set_local(r, "fe80::1", LOCAL_ADDR);
	other = by_wan(r, udp_from_stack("fe80::1", PEER, 64));
	expect_uncounted(r, HOOK_TC_OUT, "from this link only", &other, TC_NEXT);
	other = by_wan(r, udp_from_stack(OWN, CN, 64));
	expect_uncounted(r, HOOK_TC_OUT, "to somebody else", &other, TC_NEXT);
	other = by_wan(r, udp_from_stack(OWN, HOME1, 64)); /* a home agent's come by the device without ND */
	expect_uncounted(r, HOOK_TC_OUT, "to a home agent's binding", &other, TC_NEXT);
	other = in;
	other.data[12] = 0x08;
	other.data[13] = 0x00;
	expect_uncounted(r, HOOK_TC_OUT, "not IPv6", &other, TC_NEXT);
	bind_peer(r, PEER, COA1, 0, rig_jiffies(r));
	expect_expired(r, HOOK_TC_OUT, "expired just now", &in);
	bind_peer(r, PEER, COA1, 0, 1);
	expect_expired(r, HOOK_TC_OUT, "expired long ago", &in);
	bind_peer(r, PEER, "2001:db8:dead::1", 0, UINT64_MAX);
	expect_uncounted(r, HOOK_TC_OUT, "no route to the care-of address: by the home agent", &in, TC_NEXT);
}

/* RFC 6275 §6.1: none but the acknowledgement, and that as the agent says. */
static void of_mobility_headers_only_the_acknowledgement_is_routed(void **state)
{
	struct rig *r = *state;
	struct frame in, out;
	uint64_t later = rig_jiffies(r) + 1000000;

	bind_peer(r, PEER, COA2, 0, UINT64_MAX);
	for (int with_answer = 0; with_answer <= 1; with_answer++) {
		for (unsigned int type = 0; type < 256; type += type < 24 ? 1 : 29) {
			if (type == MH_BA)
				continue;
			in = by_wan(r, mh_from_stack(OWN, PEER, type, 24));
			expect_uncounted(r, HOOK_TC_OUT, "another type", &in, TC_NEXT);
		}
		set_answer(r, PEER, COA1, later);
	}
	in = by_wan(r, mh_from_stack(OWN, PEER, MH_BA, 40));
	out = with_routing_header(&in, COA1);
	expect_out(r, HOOK_TC_OUT, "to where the update came from", &in, SENT_ROUTED, &out);
	unbind(r, PEER);
	expect_out(r, HOOK_TC_OUT, "of a refused update", &in, SENT_ROUTED, &out);
	r->came_in = r->lan;
	expect_uncounted(r, HOOK_TC_OUT, "forwarded", &in, TC_NEXT);
	r->came_in = 0;
	in = by_wan(r, mh_from_stack(CN, PEER, MH_BA, 40));
	expect_uncounted(r, HOOK_TC_OUT, "from a stranger", &in, TC_NEXT);
	in = by_wan(r, mh_from_stack(OWN, PEER, MH_BA, 40));
	set_answer(r, PEER, COA1, rig_jiffies(r));
	expect_uncounted(r, HOOK_TC_OUT, "too late", &in, TC_NEXT);
	set_answer(r, PEER, "::", later);
	expect_uncounted(r, HOOK_TC_OUT, "direct", &in, TC_NEXT);
	set_answer(r, PEER, COA1, later);
	in = by_wan(r, udp_from_stack(OWN, PEER, 8));
	expect_uncounted(r, HOOK_TC_OUT, "the answer's way is for nothing else", &in, TC_NEXT);
}

/* RFC 8200 §4.1: hop-by-hop options come first; RFC 6275 §9.3.2: neighbour discovery has no routing header. */
static void some_packets_take_no_header(void **state)
{
	static const uint8_t firsts[] = { NH_HOPOPTS, NH_AH, NH_ROUTING };
	static const struct {
		uint8_t type;
		enum reason why;
	} messages[] = {
		{ ICMP6_ECHO_REQUEST, SENT_ROUTED },
		{ 129, SENT_ROUTED },
		{ 130, REASON_NONE },
		{ 133, REASON_NONE },
		{ 134, REASON_NONE },
		{ ICMP6_NEIGHBOUR_SOLICIT, REASON_NONE },
		{ 136, REASON_NONE },
		{ 137, REASON_NONE },
		{ 138, SENT_ROUTED },
		{ ICMP6_MLD2_REPORT, REASON_NONE },
		{ ICMP6_TOO_BIG, SENT_ROUTED },
	};
	struct rig *r = *state;
	struct frame in, out;
	size_t ip;

	bind_peer(r, PEER, COA1, 0, UINT64_MAX);
	for (size_t i = 0; i < ARRAY_SIZE(firsts); i++) {
		in = from_stack(OWN, PEER, firsts[i], &ip);
		put_padding(&in, NH_UDP, 24);
		put_udp(&in, ip, 64);
		end_ip6(&in, ip);
		in = by_wan(r, in);
		expect_uncounted(r, HOOK_TC_OUT, "first header", &in, TC_NEXT);
	}
	for (size_t i = 0; i < ARRAY_SIZE(messages); i++) {
		in = by_wan(r, icmp6(OWN, PEER, messages[i].type, 32));
		out = with_routing_header(&in, COA1);
		if (messages[i].why == REASON_NONE)
			expect_uncounted(r, HOOK_TC_OUT, "neighbour discovery", &in, TC_NEXT);
		else
			expect_out(r, HOOK_TC_OUT, "ICMPv6", &in, messages[i].why, &out);
	}
	/* an update of ours to one that is bound here, on its way from the device without ND */
	in = mh_from_stack(HA, PEER, MH_BU, 40);
	in = by_wan(r, with_home_option(&in, OWN));
	expect_uncounted(r, HOOK_TC_OUT, "an update with its home address option", &in, TC_NEXT);
	in = udp_from_stack(HA, PEER, 40);
	in = by_wan(r, with_home_option(&in, OWN));
	out = with_routing_header(&in, COA1);
	expect_out(r, HOOK_TC_OUT, "data with one", &in, SENT_ROUTED, &out);
}

static void two_bindings_send_nothing_round_in_circles(void **state)
{
	struct rig *r = *state;
	struct frame in = by_wan(r, udp_from_stack(OWN, PEER, 64)), out = with_routing_header(&in, PEER_HOME);

	bind_peer(r, PEER, PEER_HOME, 0, UINT64_MAX);
	bind_peer(r, PEER_HOME, PEER, 0, UINT64_MAX);
	expect_out(r, HOOK_TC_OUT, "once", &in, SENT_ROUTED, &out);
	in = by_wan(r, r->out);
	expect_uncounted(r, HOOK_TC_OUT, "and never again", &in, TC_NEXT);
}

/* What doesn't fit and has 1280 octets or less goes by the home agent, the rest to the agent for its packet too big. */
static void a_correspondents_packet_is_measured_with_its_routing_header(void **state)
{
	static const struct {
		uint16_t port, path;
		size_t most;
	} cases[] = {
		{ 1500, 0, 1476 },    { 1500, 1400, 1376 }, { 1400, 1500, 1376 },
		{ 1304, 1304, 1280 }, { 1303, 0, 1279 },    { 1500, 1280, 1256 },
	};
	struct rig *r = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		set_port(r, r->wan, mac_wan, cases[i].port, PORT_REDIRECT);
		bind_peer(r, PEER, COA1, cases[i].path, UINT64_MAX);
		for (size_t len = cases[i].most - 1; len <= cases[i].most + 30; len++) {
			struct frame in = by_wan(r, udp_from_stack(OWN, PEER, len - 48)),
				     out = with_routing_header(&in, COA1);

			if (len <= cases[i].most)
				expect_out(r, HOOK_TC_OUT, "fits", &in, SENT_ROUTED, &out);
			else
				expect_uncounted(r, HOOK_TC_OUT, "doesn't", &in, len <= 1280 ? TC_NEXT : TC_REDIRECT);
			if (len > cases[i].most && len > 1280) /* there it is, then */
				expect(r, HOOK_TC_HOME, "on the device without ND", &in, SENT_AGENT);
		}
	}
}

/* That an aggregate is widened, a test run can't show: it can't say of which kind it is, and the kernel then refuses.
 */
static void a_correspondents_aggregate_is_measured_by_its_segments(void **state)
{
	struct rig *r = *state;

	bind_peer(r, PEER, COA1, 0, UINT64_MAX);
	for (int more = -1; more <= 1; more++) {
		struct frame in = by_wan(r, udp_from_stack(OWN, PEER, 2600));

		in.gso_size = 1500 - 24 - 48 + more;
		if (more > 0)
			expect_uncounted(r, HOOK_TC_OUT, "UDP", &in, TC_REDIRECT);
		else
			expect(r, HOOK_TC_OUT, "UDP", &in, DROP_NO_ROOM);
		in = by_wan(r, payload_from_stack(OWN, PEER, NH_TCP, 2600));
		in.data[BEHIND + 12] = 32 / 4 << 4;
		in.gso_size = 1500 - 24 - 40 - 32 + more;
		if (more > 0)
			expect_uncounted(r, HOOK_TC_OUT, "TCP", &in, TC_REDIRECT);
		else
			expect(r, HOOK_TC_OUT, "TCP", &in, DROP_NO_ROOM);
	}
}

static void set_binding_used(struct rig *r, const char *home, uint64_t used)
{
	struct in6_addr key = addr(home);
	struct binding b;

	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(r->xdp->maps.bindings), &key, &b), 0);
	b.used = used;
	map_set(r->xdp->maps.bindings, &key, &b);
}

static void use_is_noted_to_the_second(void **state)
{
	struct rig *r = *state;
	struct frame in = by_wan(r, udp_from_stack(OWN, PEER, 64)), out = with_routing_header(&in, COA1), hao;
	uint64_t now = rig_jiffies(r), later = now + 1000 * r->settings.hz, before;

	bind_peer(r, PEER, COA1, 0, UINT64_MAX);
	expect_out(r, HOOK_TC_OUT, "first use", &in, SENT_ROUTED, &out);
	assert_in_range(binding_used(r, PEER), now, later);
	now = rig_jiffies(r);
	before = now - 2;
	set_binding_used(r, PEER, before);
	expect_out(r, HOOK_TC_OUT, "within the second", &in, SENT_ROUTED, &out);
	assert_int_equal(binding_used(r, PEER), before);
	set_binding_used(r, PEER, now - r->settings.hz);
	expect_out(r, HOOK_TC_OUT, "a second later", &in, SENT_ROUTED, &out);
	assert_in_range(binding_used(r, PEER), now, later);

	hao = optimised(COA1, PEER);
	out = hidden(&hao, HAO_AT);
	for (enum hook hook = HOOK_XDP; hook <= HOOK_TC_IN; hook++) {
		if (hook == HOOK_TC_HOME)
			continue;
		set_binding_used(r, PEER, 0);
		expect_out(r, hook, "what comes from it counts too", &hao, PASS_HOME_ADDRESS, &out);
		assert_in_range(binding_used(r, PEER), now, later);
	}
	set_binding_used(r, PEER, 0);
	hao = optimised(COA2, PEER);
	expect(r, HOOK_XDP, "but not what only says so", &hao, DROP_HAO_UNKNOWN);
	assert_int_equal(binding_used(r, PEER), 0);
	hao = optimised(COA1, HOME1);
	out = hidden(&hao, HAO_AT);
	expect_out(r, HOOK_XDP, "a home agent's", &hao, PASS_HOME_ADDRESS, &out);
	assert_int_equal(binding_used(r, HOME1), 0); /* its cache line stays unwritten: one store less a packet */
}

/* ---- a correspondent: the device without ND ---- */

static struct frame tunnelled_home(const struct frame *in, const char *care_of)
{
	struct frame out = { .len = 0 };

	put(&out, in->data, FRAME_ETH);
	put_outer(&out, in, FRAME_ETH, HA, care_of);
	return out;
}

/* AT_HOME is in a home prefix of ours, but its home registration is elsewhere, or none. */
static void on_the_device_without_nd_a_correspondents_binding_intercepts_nothing(void **state)
{
	struct rig *r = *state;
	struct frame in = udp_from_stack(HA, AT_HOME, 64), out = with_routing_header(&in, COA1);

	bind_peer(r, AT_HOME, COA1, 0, UINT64_MAX);
	expect_out(r, HOOK_TC_HOME, "our own", &in, SENT_ROUTED, &out);
	in = udp_from_stack(HA, AT_HOME, 1400);
	bind_peer(r, AT_HOME, COA1, 1400, UINT64_MAX);
	expect(r, HOOK_TC_HOME, "our own, too big", &in, SENT_AGENT);
	bind_peer(r, AT_HOME, COA1, 0, UINT64_MAX);
	in = udp_from_stack(CN, AT_HOME, 64);
	expect(r, HOOK_TC_HOME, "forwarded", &in, SENT_HOME_LINK);
	in = mh_from_stack(HA, AT_HOME, MH_BRR, 8);
	expect(r, HOOK_TC_HOME, "refresh request", &in, SENT_HOME_LINK);
	in = mh_from_stack(HA, AT_HOME, MH_BA, 16);
	out = with_routing_header(&in, COA2);
	set_answer(r, AT_HOME, COA2, rig_jiffies(r) + 1000000);
	expect_out(r, HOOK_TC_HOME, "acknowledgement", &in, SENT_ROUTED, &out);
	unbind(r, AT_HOME);
	expect_out(r, HOOK_TC_HOME, "acknowledgement without binding", &in, SENT_ROUTED, &out);
}

static void on_the_device_without_nd_some_packets_take_no_header_either(void **state)
{
	static const uint8_t firsts[] = { NH_HOPOPTS, NH_AH, NH_ROUTING };
	struct rig *r = *state;

	bind_peer(r, AT_HOME, COA1, 0, UINT64_MAX);
	for (size_t i = 0; i < ARRAY_SIZE(firsts); i++) {
		struct frame in = payload_from_stack(HA, HOME1, firsts[i], 64), out = tunnelled_home(&in, COA1);

		expect_out(r, HOOK_TC_HOME, "to our own mobile node, by its tunnel", &in, SENT_ENCAPSULATED, &out);
		in = payload_from_stack(HA, AT_HOME, firsts[i], 64);
		expect(r, HOOK_TC_HOME, "to another's, as it stands", &in, SENT_HOME_LINK);
	}
}

/* RFC 6275 §10.4.1, §10.4.5: those are a home agent's alone. */
static void a_correspondents_binding_opens_no_tunnel(void **state)
{
	struct rig *r = *state;
	struct frame inner = datagram(AT_HOME, CN, 64), in = from_tunnel(&inner, COA1, HA);

	bind_peer(r, AT_HOME, COA1, 0, UINT64_MAX);
	expect(r, HOOK_XDP, "out of its care-of address", &in, DROP_TUNNEL_NO_BINDING);
	expect(r, HOOK_TC_IN, "out of its care-of address", &in, DROP_TUNNEL_NO_BINDING);
	in = datagram(CN, AT_HOME, 64);
	expect(r, HOOK_XDP, "to it", &in, PASS_KERNEL);
	expect(r, HOOK_TC_IN, "to it", &in, PASS_KERNEL);
	in = icmp6(CN, AT_HOME, ICMP6_NEIGHBOUR_SOLICIT, 24);
	expect(r, HOOK_XDP, "neighbour discovery", &in, PASS_KERNEL);
	expect(r, HOOK_TC_IN, "neighbour discovery", &in, PASS_KERNEL);
}

/* ---- received: both headers in one packet ---- */

enum { SECOND = BEHIND + 24, LAST = SECOND + 24 };

static const struct {
	enum hook hook;
	const char *name;
} both[] = { { HOOK_XDP, "XDP" }, { HOOK_TC_IN, "TC" } };

static void be_bound_mobile_node(struct rig *r)
{
	be_mobile_node(r, HOME_AWAY);
	r->settings.roles = ROLE_MOBILE_NODE | ROLE_CORRESPONDENT;
	set_settings(r);
	bind_peer(r, PEER, COA1, 0, UINT64_MAX);
}

/* From PEER by COA1 to MY_HOME by MY_COA. */
static struct frame from_mobile_node(size_t payload)
{
	struct frame f = datagram(PEER, MY_HOME, payload);

	f = with_home_option(&f, COA1);
	return with_routing_header(&f, MY_COA);
}

static struct frame both_hidden(const struct frame *in)
{
	struct frame f = route_hidden(in, IP);

	return hidden(&f, SECOND + 6);
}

static void both_are_hidden(void **state)
{
	static const size_t payloads[] = { 0, 1, 64, 1000, 1404 };
	struct rig *r = *state;
	struct in6_addr src = addr(PEER), dst = addr(MY_HOME);

	be_bound_mobile_node(r);
	for (size_t i = 0; i < ARRAY_SIZE(payloads); i++)
		for (size_t h = 0; h < ARRAY_SIZE(both); h++) {
			struct frame in = from_mobile_node(payloads[i]), out = both_hidden(&in);

			expect_out(r, both[h].hook, both[h].name, &in, PASS_HOME_ADDRESS, &out);
			assert_memory_equal(r->out.data + IP + 8, &src, 16);
			assert_memory_equal(r->out.data + IP + 24, &dst, 16);
			assert_int_equal(sum_upper(&src, &dst, NH_UDP, r->out.data + LAST, 8 + payloads[i]), 0xFFFF);
		}
}

static void both_are_judged(void **state)
{
	struct rig *r = *state;

	for (size_t h = 0; h < ARRAY_SIZE(both); h++) {
		struct frame in = from_mobile_node(64), bad, told;

		be_bound_mobile_node(r);
		bind_peer(r, PEER, COA2, 0, UINT64_MAX);
		expect(r, both[h].hook, "bound to another care-of address", &in, DROP_HAO_UNKNOWN);
		told = route_hidden(&in, IP); /* the agent undoes that */
		check_event(r, both[h].name, EVENT_UNKNOWN_BINDING, DROP_HAO_UNKNOWN, &told, FRAME_ETH);
		unbind(r, PEER);
		expect(r, both[h].hook, "not bound", &in, DROP_HAO_UNKNOWN);
		bind_peer(r, PEER, COA1, 0, 1);
		expect_noted(r, both[h].hook, "expired", &in, DROP_HAO_UNKNOWN, NOTE_EXPIRED, NULL);
		be_bound_mobile_node(r);
		for (int left = 0; left < 256; left++) {
			bad = in;
			bad.data[BEHIND + 3] = left;
			if (left != 1)
				expect(r, both[h].hook, "segments left", &bad, DROP_RH2);
		}
		bad = in;
		bad.data[BEHIND + 1] = 4;
		expect(r, both[h].hook, "two addresses", &bad, DROP_RH2);
		bad = in;
		memcpy(bad.data + BEHIND + 8, addr(MY_COA).s6_addr, 16);
		expect(r, both[h].hook, "to an address of ours that is no home address", &bad, DROP_RH2);
		memcpy(bad.data + BEHIND + 8, addr(CN).s6_addr, 16);
		expect(r, both[h].hook, "on to somebody else", &bad, DROP_RH2);
		bad = in;
		bad.data[BEHIND + 2] = RH_TYPE0;
		expect(r, both[h].hook, "type 0", &bad, DROP_RH0);
		bad = in;
		memcpy(bad.data + SECOND + 8, addr(MY_HOME).s6_addr, 16);
		expect(r, both[h].hook, "from our own home address", &bad, DROP_HAO_ADDRESS);
		bad = in;
		bad.data[SECOND] = NH_AH;
		memcpy(bad.data + LAST, (const uint8_t[]){ NH_UDP, 4 }, 2);
		expect(r, both[h].hook, "with AH", &bad, DROP_HAO_AH);
		bad = in;
		bad.data[SECOND + 6] = OPT_VERIFIED_HOME;
		expect(r, both[h].hook, "our own option, forged", &bad, DROP_FORGED_OPTION);
	}
}

static void a_type_0_routing_header_is_refused_wherever_it_stands(void **state)
{
	struct rig *r = *state;

	be_bound_mobile_node(r);
	for (size_t h = 0; h < ARRAY_SIZE(both); h++) {
		struct frame f = to_lan(0);
		size_t ip = put_ip6(&f, COA1, MY_COA, NH_ROUTING, 60);

		put_routing(&f, NH_DSTOPTS, RH_TYPE2, 1, MY_HOME);
		put_hao(&f, NH_ROUTING, PEER);
		put_routing(&f, NH_NONE, RH_TYPE0, 1, CN);
		end_ip6(&f, ip);
		expect(r, both[h].hook, "behind both", &f, DROP_RH0);
		f = to_lan(0);
		ip = put_ip6(&f, COA1, MY_COA, NH_DSTOPTS, 60);
		put_hao(&f, NH_ROUTING, PEER);
		put_routing(&f, NH_NONE, RH_TYPE0, 0, MY_HOME);
		end_ip6(&f, ip);
		expect(r, both[h].hook, "behind the option, with no segment left", &f, DROP_RH0);
	}
}

/* What the one writes, the other reads, and the packet is the one that the first one's stack sent. */
static void two_mobile_nodes_understand_each_other(void **state)
{
	struct rig *r = *state;
	struct frame in = udp_from_stack(MY_HOME, PEER, 100), wire, got, want;
	struct peer entry = peer_entry(r, PEER_DIRECT);

	be_bound_mobile_node(r);
	set_peer(r, MY_HOME, PEER, &entry);
	assert_int_equal(rig_run(r, HOOK_TC_HOME, &in), TC_REDIRECT);
	wire = to_lan(0);
	put(&wire, r->out.data + FRAME_ETH, r->out.len - FRAME_ETH);
	/* here is the other one now */
	map_clear(r->xdp->maps.local_addrs);
	map_clear(r->xdp->maps.bindings);
	set_local(r, PEER, LOCAL_ADDR | LOCAL_HOME);
	set_local(r, COA1, LOCAL_ADDR | LOCAL_TUNNEL_ENDPOINT);
	bind_peer(r, MY_HOME, MY_COA, 0, UINT64_MAX);
	for (size_t h = 0; h < ARRAY_SIZE(both); h++) {
		rig_run(r, both[h].hook, &wire);
		got = r->out;
		assert_int_equal(r->counters[PASS_HOME_ADDRESS].packets, r->before[PASS_HOME_ADDRESS].packets + 1);
		/* without the two headers that the stack skips */
		want = to_lan(0);
		put(&want, in.data + FRAME_ETH, in.len - FRAME_ETH);
		memmove(got.data + BEHIND, got.data + LAST, got.len - LAST);
		got.len -= 48;
		assert_int_equal(got.data[IP + 6], NH_DSTOPTS);
		got.data[IP + 6] = NH_UDP;
		set16(&got, IP + 4, get16(&got, IP + 4) - 48);
		check_octets(both[h].name, &want, &got);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(what_we_send_to_a_bound_home_address_goes_to_its_care_of_address),
		RIG_TEST(destination_options_come_behind_the_routing_header),
		RIG_TEST(what_is_not_ours_or_not_for_a_correspondent_binding_stays),
		RIG_TEST(of_mobility_headers_only_the_acknowledgement_is_routed),
		RIG_TEST(some_packets_take_no_header),
		RIG_TEST(two_bindings_send_nothing_round_in_circles),
		RIG_TEST(a_correspondents_packet_is_measured_with_its_routing_header),
		RIG_TEST(a_correspondents_aggregate_is_measured_by_its_segments),
		RIG_TEST(use_is_noted_to_the_second),
		RIG_TEST(on_the_device_without_nd_a_correspondents_binding_intercepts_nothing),
		RIG_TEST(on_the_device_without_nd_some_packets_take_no_header_either),
		RIG_TEST(a_correspondents_binding_opens_no_tunnel),
		RIG_TEST(both_are_hidden),
		RIG_TEST(both_are_judged),
		RIG_TEST(a_type_0_routing_header_is_refused_wherever_it_stands),
		RIG_TEST(two_mobile_nodes_understand_each_other),
	};

	return cmocka_run_group_tests_name("correspondent", tests, rig_open, rig_close);
}
