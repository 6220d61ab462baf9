// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What the data path does where mobility is signalled under ESP: roads by SPI at the home agent and the mobile node,
 * and what is refused in clear. Packets of ESP are octets behind next header 50 and an SPI: XFRM takes no part. RFC
 * 6275 §5.2.5, §5.5, §9.3.1, §10.4.5; IPSEC §2-§4. That what XFRM took out of ESP passes as such, tests/netns shows.
 */
#include "packets.h"

enum { SPI_UPDATE = 0x101, SPI_ACK = 0x102, SPI_TEST_UP = 0x103, SPI_TEST_DOWN = 0x104, SPI_DATA = 0x105, SPI_IKE = 9 };

static void put_esp(struct frame *f, uint32_t spi, size_t payload)
{
	put32(f, spi);
	put32(f, 1);
	put_pattern(f, payload);
}

static struct frame esp_from_stack(const char *src, const char *dst, uint32_t spi, size_t payload)
{
	size_t ip;
	struct frame f = from_stack(src, dst, NH_ESP, &ip);

	put_esp(&f, spi, payload);
	end_ip6(&f, ip);
	return f;
}

/* A fragment of ESP, with what would be an SPI. */
static struct frame fragment_from_stack(const char *src, const char *dst, uint32_t spi)
{
	size_t ip;
	struct frame f = from_stack(src, dst, NH_FRAGMENT, &ip);

	put_fragment(&f, NH_ESP, 0, true);
	put_esp(&f, spi, 56);
	end_ip6(&f, ip);
	return f;
}

static struct frame esp_to_lan(const char *src, const char *dst, uint32_t spi, size_t payload)
{
	struct frame f = to_lan(0);
	size_t ip = put_ip6(&f, src, dst, NH_ESP, 60);

	put_esp(&f, spi, payload);
	end_ip6(&f, ip);
	return f;
}

/* As it came, with another address at @at (8: source, 24: destination). */
static struct frame readdressed(const struct frame *in, size_t at, const char *text)
{
	struct frame out = *in;

	memcpy(out.data + FRAME_ETH + at, addr(text).s6_addr, 16);
	return out;
}

static void use_ipsec(struct rig *r)
{
	r->settings.flags |= SETTING_IPSEC;
	set_settings(r);
}

/* ---- home address option before ESP ---- */

static struct frame esp_with_option(const char *care_of, const char *home, uint32_t spi, bool fragment)
{
	struct frame f = to_lan(0);
	size_t ip = put_ip6(&f, care_of, HA, NH_DSTOPTS, 60);

	put_hao(&f, fragment ? NH_FRAGMENT : NH_ESP, home);
	if (fragment)
		put_fragment(&f, NH_ESP, 0, true);
	put_esp(&f, spi, 56);
	end_ip6(&f, ip);
	return f;
}

static void an_spi_stands_for_the_home_address_that_it_belongs_to(void **state)
{
	static const struct {
		const char *name, *dst, *home, *care_of;
		uint32_t flags;
		bool fragment, known;
	} cases[] = {
		{ "its own, not bound", HA, AT_HOME, COA2, SA_INBOUND, false, true },
		{ "its own, bound elsewhere", HA, HOME1, COA2, SA_INBOUND, false, true },
		{ "another's", HA, HOME2, COA1, SA_INBOUND, false, false },
		{ "at another address", OWN, AT_HOME, COA2, SA_INBOUND, false, false },
		{ "outbound", HA, AT_HOME, COA2, SA_OUTBOUND, false, false },
		{ "of home tests", HA, AT_HOME, COA2, SA_INBOUND | SA_TUNNEL, false, false },
		{ "of payload", HA, AT_HOME, COA2, SA_INBOUND | SA_PAYLOAD, false, false },
		{ "none, bound there", HA, HOME1, COA1, 0, false, true },
		{ "none, bound elsewhere", HA, HOME1, COA2, 0, false, false },
		{ "none, not bound", HA, AT_HOME, COA2, 0, false, false },
		{ "a fragment, not bound", HA, AT_HOME, COA2, SA_INBOUND, true, false },
		{ "a fragment, bound there", HA, HOME1, COA1, SA_INBOUND, true, true },
	};
	static const enum hook hooks[] = { HOOK_XDP, HOOK_TC_IN };
	struct rig *r = *state;

	use_ipsec(r);
	for (size_t i = 0; i < 2 * ARRAY_SIZE(cases); i++) {
		const char *owner = strcmp(cases[i / 2].name, "another's") ? cases[i / 2].home : HOME1;
		struct frame in = esp_with_option(cases[i / 2].care_of, cases[i / 2].home, SPI_UPDATE,
						  cases[i / 2].fragment),
			     out = hidden(&in, HAO_AT);

		map_clear(r->xdp->maps.sas);
		if (cases[i / 2].flags)
			set_sa(r, cases[i / 2].dst, SPI_UPDATE, owner, cases[i / 2].flags);
		if (cases[i / 2].known)
			expect_out(r, hooks[i % 2], cases[i / 2].name, &in, PASS_HOME_ADDRESS, &out);
		else
			expect(r, hooks[i % 2], cases[i / 2].name, &in, DROP_SA_UNKNOWN);
		assert_int_equal(r->event_count, 0);
	}
}

static void without_ipsec_esp_is_the_kernels_to_judge(void **state)
{
	struct rig *r = *state;
	struct frame in = esp_with_option(COA2, AT_HOME, SPI_UPDATE, false), out = hidden(&in, HAO_AT);

	expect_out(r, HOOK_XDP, "XDP", &in, PASS_HOME_ADDRESS, &out);
	expect_out(r, HOOK_TC_IN, "TC", &in, PASS_HOME_ADDRESS, &out);
	in = esp_from_stack(HA, AT_HOME, SPI_ACK, 40);
	set_answer(r, AT_HOME, COA2, UINT64_MAX);
	set_sa(r, AT_HOME, SPI_ACK, AT_HOME, SA_OUTBOUND);
	expect(r, HOOK_TC_HOME, "no acknowledgement", &in, SENT_HOME_LINK);
}

static void esp_cut_short_before_its_spi_is_dropped(void **state)
{
	struct rig *r = *state;
	struct frame in = to_lan(0);
	size_t ip = put_ip6(&in, COA2, HA, NH_DSTOPTS, 60);

	use_ipsec(r);
	put_hao(&in, NH_ESP, AT_HOME);
	put16(&in, 0);
	end_ip6(&in, ip);
	expect(r, HOOK_XDP, "XDP", &in, DROP_TRUNCATED);
	expect(r, HOOK_TC_IN, "TC", &in, DROP_TRUNCATED);
}

/* ---- a home agent sends ---- */

static void an_acknowledgement_under_esp_goes_as_one_in_clear(void **state)
{
	struct rig *r = *state;
	uint64_t later = rig_jiffies(r) + 1000000;
	struct frame in = esp_from_stack(HA, HOME1, SPI_ACK, 40), out = with_routing_header(&in, COA1);

	use_ipsec(r);
	for (int told = 0; told < 2; told++) { /* IKE's may not be known yet */
		if (told)
			set_sa(r, HOME1, SPI_ACK, HOME1, SA_OUTBOUND);
		map_clear(r->xdp->maps.answers);
		out = with_routing_header(&in, COA1);
		expect_out(r, HOOK_TC_HOME, "by the binding", &in, SENT_ROUTED, &out);
		set_answer(r, HOME1, COA2, later);
		out = with_routing_header(&in, COA2);
		expect_out(r, HOOK_TC_HOME, "by the answer", &in, SENT_ROUTED, &out);
		set_answer(r, HOME1, "::", later);
		expect(r, HOOK_TC_HOME, "to the home link", &in, SENT_HOME_LINK);
		set_answer(r, HOME1, COA2, rig_jiffies(r));
		out = with_routing_header(&in, COA1);
		expect_out(r, HOOK_TC_HOME, "the answer is old", &in, SENT_ROUTED, &out);
	}
	in = esp_from_stack(HA, AT_HOME, SPI_ACK, 40);
	out = with_routing_header(&in, COA2);
	set_answer(r, AT_HOME, COA2, later);
	expect_out(r, HOOK_TC_HOME, "refused: no binding", &in, SENT_ROUTED, &out);
	in = esp_from_stack(OWN, AT_HOME, SPI_ACK, 40);
	expect(r, HOOK_TC_HOME, "from another address of ours", &in, SENT_HOME_LINK);
	in = esp_from_stack(CN, AT_HOME, SPI_ACK, 40);
	expect(r, HOOK_TC_HOME, "somebody else's", &in, SENT_HOME_LINK);
}

static void a_tunnel_to_the_home_address_leads_to_the_care_of_address(void **state)
{
	static const uint32_t kinds_of[] = { SA_TUNNEL, SA_PAYLOAD };
	static const uint16_t bound_as[] = { 0, BINDING_PROTECTED, BINDING_TESTS_PROTECTED };
	struct rig *r = *state;

	use_ipsec(r);
	for (size_t i = 0; i < ARRAY_SIZE(kinds_of) * ARRAY_SIZE(bound_as); i++) {
		struct frame in = esp_from_stack(HA, HOME1, SPI_TEST_DOWN, 1500 - 48), out = readdressed(&in, 24, COA1);

		bind_protected(r, HOME1, COA1, bound_as[i / 2]);
		set_sa(r, HOME1, SPI_TEST_DOWN, HOME1, SA_OUTBOUND | kinds_of[i % 2] | SA_CONSTANT);
		expect_out(r, HOOK_TC_HOME, "as large as the way takes", &in, SENT_ESP, &out);
		in = esp_from_stack(HA, HOME1, SPI_TEST_DOWN, 1500 - 47);
		expect(r, HOOK_TC_HOME, "an octet more", &in, SENT_AGENT);
		in = esp_from_stack(HA, HOME1, SPI_ACK, 40); /* in transport mode, beside it */
		out = with_routing_header(&in, COA1);
		expect_out(r, HOOK_TC_HOME, "another SPI", &in, SENT_ROUTED, &out);
		in = fragment_from_stack(HA, HOME1, SPI_TEST_DOWN);
		out = with_routing_header(&in, COA1);
		expect_out(r, HOOK_TC_HOME, "a fragment", &in, SENT_ROUTED, &out);
	}
}

static void a_tunnel_to_a_node_at_home_goes_to_the_home_link(void **state)
{
	struct rig *r = *state;
	struct frame in = esp_from_stack(HA, AT_HOME, SPI_DATA, 64);

	use_ipsec(r);
	set_sa(r, AT_HOME, SPI_DATA, AT_HOME, SA_OUTBOUND | SA_PAYLOAD | SA_CONSTANT);
	expect(r, HOOK_TC_HOME, "no binding", &in, SENT_HOME_LINK);
}

static void esp_of_others_is_tunnelled_as_ever(void **state)
{
	struct rig *r = *state;
	struct frame in = esp_from_stack(CN, HOME1, SPI_TEST_DOWN, 64), out = { .len = 0 };

	use_ipsec(r);
	set_sa(r, HOME1, SPI_TEST_DOWN, HOME1, SA_OUTBOUND | SA_TUNNEL | SA_CONSTANT);
	put(&out, in.data, FRAME_ETH);
	put_outer(&out, &in, FRAME_ETH, HA, COA1);
	expect_out(r, HOOK_TC_HOME, "forwarded", &in, SENT_ENCAPSULATED, &out);
}

/* ---- a home agent refuses ---- */

/* @next of @src for @dst, from the lan and from the kernel. */
static struct frame clear_to_lan(const char *src, const char *dst, uint8_t next)
{
	struct frame f = to_lan(0);
	size_t ip = put_ip6(&f, src, dst, next == NH_DSTOPTS ? NH_DSTOPTS : next, 60);

	if (next == NH_DSTOPTS)
		put_padding(&f, NH_MH, 8);
	if (next == NH_FRAGMENT)
		put_fragment(&f, NH_MH, 0, true);
	if (next == NH_MH || next == NH_DSTOPTS || next == NH_FRAGMENT)
		put_mh(&f, ip, MH_HOT, 24);
	else
		put_pattern(&f, 32);
	end_ip6(&f, ip);
	return f;
}

static void what_has_to_go_under_esp_is_left_to_the_kernel_and_never_tunnelled_in_clear(void **state)
{
	static const struct {
		const char *name;
		uint8_t next;
		uint16_t flags;
		bool refused;
	} cases[] = {
		{ "payload, payload protected", NH_UDP, BINDING_PROTECTED, true },
		{ "ESP of others, payload protected", NH_ESP, BINDING_PROTECTED, true },
		{ "home test, payload protected", NH_MH, BINDING_PROTECTED, true },
		{ "payload, tests protected", NH_UDP, BINDING_TESTS_PROTECTED, false },
		{ "ESP of others, tests protected", NH_ESP, BINDING_TESTS_PROTECTED, false },
		{ "home test, tests protected", NH_MH, BINDING_TESTS_PROTECTED, true },
		{ "home test behind options, tests protected", NH_DSTOPTS, BINDING_TESTS_PROTECTED, true },
		{ "fragment of a home test, tests protected", NH_FRAGMENT, BINDING_TESTS_PROTECTED, true },
		{ "payload", NH_UDP, 0, false },
		{ "home test", NH_MH, 0, false },
		{ "home test behind options", NH_DSTOPTS, 0, false },
	};
	struct rig *r = *state;

	use_ipsec(r);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct frame in = clear_to_lan(CN, HOME1, cases[i].next), out = tunnelled(&in, FRAME_ETH, HOP_14, COA1);

		bind_protected(r, HOME1, COA1, cases[i].flags);
		if (cases[i].refused) {
			expect(r, HOOK_XDP, cases[i].name, &in, PASS_PROTECTED);
			expect(r, HOOK_TC_HOME, cases[i].name, &in, DROP_UNPROTECTED);
		} else {
			expect_out(r, HOOK_XDP, cases[i].name, &in, SENT_ENCAPSULATED, &out);
			rig_run(r, HOOK_TC_HOME, &in);
			assert_int_equal(r->counters[SENT_ENCAPSULATED].packets,
					 r->before[SENT_ENCAPSULATED].packets + 1);
		}
		expect(r, HOOK_TC_IN, cases[i].name, &in, PASS_KERNEL); /* on its way to the device without ND */
	}
}

static void what_this_host_sends_in_clear_to_a_protected_node_is_dropped(void **state)
{
	struct rig *r = *state;
	struct frame in = udp_from_stack(HA, HOME1, 32);

	use_ipsec(r);
	bind_protected(r, HOME1, COA1, BINDING_PROTECTED);
	expect(r, HOOK_TC_HOME, "payload", &in, DROP_UNPROTECTED);
	in = mh_from_stack(HA, HOME1, MH_BA, 16);
	expect(r, HOOK_TC_HOME, "acknowledgement", &in, DROP_UNPROTECTED);
	in = esp_from_stack(OWN, HOME1, SPI_ACK, 40);
	expect(r, HOOK_TC_HOME, "ESP to somebody else's end", &in, DROP_UNPROTECTED);
	bind_protected(r, HOME1, COA1, BINDING_TESTS_PROTECTED);
	in = mh_from_stack(HA, HOME1, MH_HOT, 24);
	expect(r, HOOK_TC_HOME, "home test", &in, DROP_UNPROTECTED);
	bind_protected(r, HOME1, COA1, 0);
	in = mh_from_stack(HA, HOME1, MH_BA, 16); /* somebody took its policy away */
	expect(r, HOOK_TC_HOME, "acknowledgement, signalling alone is protected", &in, DROP_UNPROTECTED);
	in = mh_from_stack(HA, HOME1, MH_BRR, 8);
	expect(r, HOOK_TC_HOME, "refresh request", &in, DROP_UNPROTECTED);
}

static void a_protected_nodes_tunnel_in_clear_is_refused(void **state)
{
	static const struct {
		const char *name;
		uint8_t next;
		uint16_t flags;
		bool refused;
	} cases[] = {
		{ "payload, payload protected", NH_UDP, BINDING_PROTECTED, true },
		{ "ESP, payload protected", NH_ESP, BINDING_PROTECTED, true },
		{ "home test init, payload protected", NH_MH, BINDING_PROTECTED, true },
		{ "payload, tests protected", NH_UDP, BINDING_TESTS_PROTECTED, false },
		{ "home test init, tests protected", NH_MH, BINDING_TESTS_PROTECTED, true },
		{ "behind options, tests protected", NH_DSTOPTS, BINDING_TESTS_PROTECTED, true },
		{ "home test init", NH_MH, 0, false },
	};
	static const enum hook hooks[] = { HOOK_XDP, HOOK_TC_IN };
	struct rig *r = *state;

	use_ipsec(r);
	for (size_t i = 0; i < 2 * ARRAY_SIZE(cases); i++) {
		struct frame inner = clear_to_lan(HOME1, CN, cases[i / 2].next), in = from_tunnel(&inner, COA1, HA);
		enum reason goes = i % 2 ? PASS_DECAPSULATED : SENT_DECAPSULATED;
		struct want want = { .why = goes, .notes = { i % 2 ? REASON_NONE : NOTE_FIB }, .out = &inner };
		struct frame out = forwarded(&inner);

		if (i % 2 == 0)
			want.out = &out;
		bind_protected(r, HOME1, COA1, cases[i / 2].flags);
		if (cases[i / 2].refused)
			expect(r, hooks[i % 2], cases[i / 2].name, &in, DROP_UNPROTECTED);
		else
			check(r, hooks[i % 2], cases[i / 2].name, &in, &want);
	}
}

/* ---- a mobile node sends ---- */

static void be_secured_node(struct rig *r, enum home_state state, uint32_t flags)
{
	struct home_address entry = home_entry(r, state);

	be_mobile_node(r, state);
	use_ipsec(r);
	entry.flags = flags;
	set_home(r, MY_HOME, &entry);
	set_sa(r, MY_AGENT, SPI_UPDATE, MY_HOME, SA_OUTBOUND);
	set_sa(r, MY_AGENT, SPI_TEST_UP, MY_HOME, SA_OUTBOUND | SA_TUNNEL | SA_CONSTANT);
	set_sa(r, MY_AGENT, SPI_DATA, MY_HOME, SA_OUTBOUND | SA_PAYLOAD | SA_CONSTANT);
	set_sa(r, "::", SPI_TEST_DOWN, MY_HOME, SA_INBOUND | SA_TUNNEL | SA_CONSTANT);
}

static void an_update_under_esp_goes_as_one_in_clear(void **state)
{
	static const uint32_t spis[] = { SPI_UPDATE, SPI_IKE }; /* IKE's may not be known yet */
	struct rig *r = *state;
	uint64_t later = rig_jiffies(r) + 1000000;

	for (int s = HOME_BLOCKED; s <= HOME_THERE; s++)
		for (size_t i = 0; i < ARRAY_SIZE(spis); i++) {
			struct frame in = esp_from_stack(MY_HOME, MY_AGENT, spis[i], 64),
				     out = with_home_option(&in, MY_COA_NEXT);

			be_secured_node(r, s, HOME_PROTECTED | HOME_TESTS_PROTECTED);
			set_update_way(r, MY_HOME, MY_COA_NEXT, r->wan, later);
			expect_out(r, HOOK_TC_HOME, "away", &in, SENT_UPDATE, &out);
			set_update_way(r, MY_HOME, "::", r->wan, later);
			expect(r, HOOK_TC_HOME, "to the home link", &in, SENT_AT_HOME);
			set_update_way(r, MY_HOME, MY_COA, r->wan, rig_jiffies(r));
			expect(r, HOOK_TC_HOME, "too late", &in, DROP_NO_REGISTRATION);
			map_clear(r->xdp->maps.answers);
			expect(r, HOOK_TC_HOME, "nobody asked for it", &in, DROP_NO_REGISTRATION);
		}
}

static void a_tunnel_from_the_home_address_leaves_from_the_care_of_address(void **state)
{
	static const uint32_t spis[] = { SPI_TEST_UP, SPI_DATA };
	struct rig *r = *state;

	for (size_t i = 0; i < ARRAY_SIZE(spis); i++) {
		struct frame in = esp_from_stack(MY_HOME, MY_AGENT, spis[i], 1500 - 48),
			     out = readdressed(&in, 8, MY_COA);
		struct home_address entry = home_entry(r, HOME_AWAY);

		be_secured_node(r, HOME_AWAY, HOME_PROTECTED | HOME_TESTS_PROTECTED);
		expect_out(r, HOOK_TC_HOME, "as large as the way takes", &in, SENT_ESP, &out);
		in = esp_from_stack(MY_HOME, MY_AGENT, spis[i], 1500 - 47);
		expect(r, HOOK_TC_HOME, "an octet more", &in, SENT_AGENT);
		in = esp_from_stack(MY_HOME, MY_AGENT, spis[i], 64);
		entry.expires = rig_jiffies(r);
		set_home(r, MY_HOME, &entry);
		expect(r, HOOK_TC_HOME, "no longer registered", &in, DROP_NO_REGISTRATION);
		be_secured_node(r, HOME_BLOCKED, 0);
		expect(r, HOOK_TC_HOME, "not registered", &in, DROP_NO_REGISTRATION);
		be_secured_node(r, HOME_THERE, 0);
		expect(r, HOOK_TC_HOME, "at home", &in, SENT_AT_HOME);
	}
}

static void a_fragment_of_esp_leaves_with_a_home_address_option(void **state)
{
	struct rig *r = *state;
	struct frame in = fragment_from_stack(MY_HOME, MY_AGENT, SPI_DATA), out = with_home_option(&in, MY_COA);

	be_secured_node(r, HOME_AWAY, HOME_PROTECTED);
	expect_out(r, HOOK_TC_HOME, "away", &in, SENT_UPDATE, &out);
	be_secured_node(r, HOME_BLOCKED, HOME_PROTECTED);
	expect(r, HOOK_TC_HOME, "not registered", &in, DROP_NO_REGISTRATION);
}

static void while_a_registration_is_on_the_road_esp_goes_both_ways(void **state)
{
	struct rig *r = *state;
	struct home_address entry = home_entry(r, HOME_AWAY);
	struct frame in = esp_from_stack(MY_HOME, MY_AGENT, SPI_DATA, 64), out = readdressed(&in, 8, MY_COA);

	be_secured_node(r, HOME_AWAY, 0);
	entry.next = (struct home_way){ .care_of = addr(MY_COA_NEXT), .ifindex = r->wan, .mtu = 1400 };
	set_home(r, MY_HOME, &entry);
	sh("ip neigh replace fe80::ff lladdr 02:00:5e:00:02:ff dev wan nud permanent");
	rig_run(r, HOOK_TC_HOME, &in);
	assert_int_equal(r->counters[NOTE_BOTH_WAYS].packets, r->before[NOTE_BOTH_WAYS].packets + 1);
	assert_int_equal(r->counters[SENT_ESP].packets, r->before[SENT_ESP].packets + 1);
	/* the copy's MAC addresses stay; the kernel writes others where it goes by a neighbour */
	memcpy(out.data, r->out.data, 12);
	check_octets("the registered way", &out, &r->out);
	in = esp_from_stack(MY_HOME, MY_AGENT, SPI_DATA, 1400 - 47);
	expect(r, HOOK_TC_HOME, "what one of them doesn't take", &in, SENT_AGENT);
}

static void esp_to_others_and_without_ipsec_goes_through_the_tunnel(void **state)
{
	struct rig *r = *state;
	struct frame in = esp_from_stack(MY_HOME, CN, SPI_UPDATE, 64), out = { .len = 0 };

	be_secured_node(r, HOME_AWAY, 0);
	put(&out, in.data, FRAME_ETH);
	put_outer(&out, &in, FRAME_ETH, MY_COA, MY_AGENT);
	expect_out(r, HOOK_TC_HOME, "to a correspondent", &in, SENT_REVERSE, &out);
	r->settings.flags = 0;
	set_settings(r);
	in = esp_from_stack(MY_HOME, MY_AGENT, SPI_DATA, 64);
	out.len = 0;
	put(&out, in.data, FRAME_ETH);
	put_outer(&out, &in, FRAME_ETH, MY_COA, MY_AGENT);
	expect_out(r, HOOK_TC_HOME, "without IPsec", &in, SENT_REVERSE, &out);
}

static void a_node_sends_nothing_in_clear_that_has_to_go_under_esp(void **state)
{
	static const struct {
		const char *name;
		uint8_t type; /* of a mobility header; MH_TYPES: UDP */
		uint32_t flags;
		enum reason why;
	} cases[] = {
		{ "payload, payload protected", MH_TYPES, HOME_PROTECTED, DROP_UNPROTECTED },
		{ "home test init, payload protected", MH_HOTI, HOME_PROTECTED, DROP_UNPROTECTED },
		{ "payload, tests protected", MH_TYPES, HOME_TESTS_PROTECTED, SENT_REVERSE },
		{ "home test init, tests protected", MH_HOTI, HOME_TESTS_PROTECTED, DROP_UNPROTECTED },
		{ "home test init", MH_HOTI, 0, SENT_REVERSE },
	};
	struct rig *r = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct frame in = cases[i].type == MH_TYPES ? udp_from_stack(MY_HOME, CN, 32)
							    : mh_from_stack(MY_HOME, CN, cases[i].type, 16),
			     out = { .len = 0 };

		be_secured_node(r, HOME_AWAY, cases[i].flags);
		put(&out, in.data, FRAME_ETH);
		put_outer(&out, &in, FRAME_ETH, MY_COA, MY_AGENT);
		if (cases[i].why == SENT_REVERSE)
			expect_out(r, HOOK_TC_HOME, cases[i].name, &in, SENT_REVERSE, &out);
		else
			expect(r, HOOK_TC_HOME, cases[i].name, &in, cases[i].why);
		be_secured_node(r, HOME_THERE, cases[i].flags);
		expect(r, HOOK_TC_HOME, "at home it is as any host", &in, SENT_AT_HOME);
	}
}

/* Somebody took the policy away that makes ESP of it. */
static void an_update_in_clear_never_leaves(void **state)
{
	struct frame in = mh_from_stack(MY_HOME, MY_AGENT, MH_BU, 40);
	struct rig *r = *state;

	for (int s = HOME_BLOCKED; s <= HOME_THERE; s++) {
		be_secured_node(r, s, 0);
		set_update_way(r, MY_HOME, MY_COA_NEXT, r->wan, rig_jiffies(r) + 1000000);
		expect(r, HOOK_TC_HOME, "an update to the agent", &in, DROP_UNPROTECTED);
	}
}

static void the_guard_lets_the_update_out_on_the_way_home_alone(void **state)
{
	struct rig *r = *state;
	uint64_t later = rig_jiffies(r) + 1000000;
	struct frame in = by_wan(r, esp_from_stack(MY_HOME, MY_AGENT, SPI_UPDATE, 64)), other;

	be_secured_node(r, HOME_AWAY, 0);
	expect_uncounted(r, HOOK_TC_OUT, "back to the device without ND", &in, TC_REDIRECT);
	set_update_way(r, MY_HOME, MY_COA, r->wan, later);
	expect_uncounted(r, HOOK_TC_OUT, "not the way home", &in, TC_REDIRECT);
	set_update_way(r, MY_HOME, "::", r->wan, later);
	expect_uncounted(r, HOOK_TC_OUT, "the way home", &in, TC_NEXT);
	other = by_wan(r, esp_from_stack(MY_HOME, CN, SPI_UPDATE, 64));
	expect_uncounted(r, HOOK_TC_OUT, "to another", &other, TC_REDIRECT);
	r->settings.flags = 0;
	set_settings(r);
	expect_uncounted(r, HOOK_TC_OUT, "without IPsec", &in, TC_REDIRECT);
	other = by_wan(r, esp_from_stack(MY_COA, MY_AGENT, SPI_UPDATE, 64));
	expect_uncounted(r, HOOK_TC_OUT, "from the care-of address", &other, TC_NEXT);
}

/* ---- a mobile node receives ---- */

static void a_tunnel_to_a_care_of_address_is_led_to_the_home_address(void **state)
{
	static const struct {
		const char *name, *src, *dst;
		uint32_t spi, flags;
		bool ipsec, led;
	} cases[] = {
		{ "home tests", MY_AGENT, MY_COA, SPI_TEST_DOWN, SA_INBOUND | SA_TUNNEL | SA_CONSTANT, true, true },
		{ "payload", MY_AGENT, MY_COA, SPI_DATA, SA_INBOUND | SA_PAYLOAD | SA_CONSTANT, true, true },
		{ "at another care-of address", MY_AGENT, MY_COA_NEXT, SPI_DATA, SA_INBOUND | SA_CONSTANT, true, true },
		{ "unknown SPI", MY_AGENT, MY_COA, SPI_IKE, 0, true, false },
		{ "not from the agent", CN, MY_COA, SPI_DATA, SA_INBOUND | SA_PAYLOAD | SA_CONSTANT, true, false },
		{ "no care-of address", MY_AGENT, OWN, SPI_DATA, SA_INBOUND | SA_CONSTANT, true, false },
		{ "ends here as it is", MY_AGENT, MY_COA, SPI_DATA, SA_INBOUND | SA_TUNNEL, true, false },
		{ "outbound", MY_AGENT, MY_COA, SPI_DATA, SA_OUTBOUND | SA_CONSTANT, true, false },
		{ "without IPsec", MY_AGENT, MY_COA, SPI_DATA, SA_INBOUND | SA_CONSTANT, false, false },
	};
	static const enum hook hooks[] = { HOOK_XDP, HOOK_TC_IN };
	struct rig *r = *state;

	be_secured_node(r, HOME_AWAY, HOME_PROTECTED | HOME_TESTS_PROTECTED);
	set_local(r, OWN, LOCAL_ADDR);
	for (size_t i = 0; i < 2 * ARRAY_SIZE(cases); i++) {
		struct frame in = esp_to_lan(cases[i / 2].src, cases[i / 2].dst, cases[i / 2].spi, 64),
			     out = readdressed(&in, 24, MY_HOME);

		map_clear(r->xdp->maps.sas);
		if (cases[i / 2].flags)
			set_sa(r, "::", cases[i / 2].spi, MY_HOME, cases[i / 2].flags);
		r->settings.flags = cases[i / 2].ipsec ? SETTING_IPSEC : 0;
		set_settings(r);
		if (cases[i / 2].led)
			expect_out(r, hooks[i % 2], cases[i / 2].name, &in, PASS_ESP, &out);
		else
			expect(r, hooks[i % 2], cases[i / 2].name, &in, PASS_KERNEL);
	}
}

static void of_a_home_agent_nothing_is_led_elsewhere(void **state)
{
	struct rig *r = *state;
	struct frame in = esp_to_lan(COA1, HA, SPI_TEST_UP, 64);

	use_ipsec(r);
	set_sa(r, "::", SPI_TEST_UP, HOME1, SA_INBOUND | SA_TUNNEL | SA_CONSTANT);
	expect(r, HOOK_XDP, "XDP", &in, PASS_KERNEL);
	expect(r, HOOK_TC_IN, "TC", &in, PASS_KERNEL);
}

static void esp_of_no_octet_is_cut_short(void **state)
{
	static const enum hook hooks[] = { HOOK_XDP, HOOK_TC_IN };
	struct rig *r = *state;
	struct frame in = to_lan(0);
	size_t ip = put_ip6(&in, MY_AGENT, MY_COA, NH_ESP, 60);

	end_ip6(&in, ip);
	be_secured_node(r, HOME_AWAY, 0);
	for (size_t i = 0; i < ARRAY_SIZE(hooks); i++)
		expect(r, hooks[i], "no SPI", &in, DROP_TRUNCATED);
}

static void esp_behind_a_routing_header_is_led_by_that(void **state)
{
	static const enum hook hooks[] = { HOOK_XDP, HOOK_TC_IN };
	struct rig *r = *state;
	struct frame in = to_lan(0), out;
	size_t ip = put_to_care_of(&in, MY_COA, MY_HOME, NH_ESP);

	be_secured_node(r, HOME_AWAY, HOME_PROTECTED);
	put_esp(&in, SPI_ACK, 40);
	end_ip6(&in, ip);
	out = route_hidden(&in, ip);
	for (size_t i = 0; i < ARRAY_SIZE(hooks); i++)
		expect_out(r, hooks[i], "acknowledgement", &in, PASS_ROUTED, &out);
}

static void a_node_takes_nothing_in_clear_that_has_to_come_under_esp(void **state)
{
	static const struct {
		const char *name;
		uint8_t type; /* of a mobility header; MH_TYPES: UDP */
		uint32_t flags;
		enum reason why;
	} cases[] = {
		{ "payload, payload protected", MH_TYPES, HOME_PROTECTED, DROP_UNPROTECTED },
		{ "home test, payload protected", MH_HOT, HOME_PROTECTED, DROP_UNPROTECTED },
		{ "payload, tests protected", MH_TYPES, HOME_TESTS_PROTECTED, PASS_DECAPSULATED },
		{ "home test, tests protected", MH_HOT, HOME_TESTS_PROTECTED, DROP_UNPROTECTED },
		{ "refresh request, tests protected", MH_BRR, HOME_TESTS_PROTECTED, PASS_SIGNALLING },
		{ "home test", MH_HOT, 0, PASS_SIGNALLING },
	};
	static const enum hook hooks[] = { HOOK_XDP, HOOK_TC_IN };
	struct rig *r = *state;

	for (size_t i = 0; i < 2 * ARRAY_SIZE(cases); i++) {
		struct frame inner = cases[i / 2].type == MH_TYPES
					     ? datagram(CN, MY_HOME, 32)
					     : mobility_header(CN, MY_HOME, cases[i / 2].type, 24),
			     in = to_lan(0);
		size_t ip = put_ip6(&in, MY_AGENT, MY_COA, NH_IPV6, 60);

		put(&in, inner.data + FRAME_ETH, inner.len - FRAME_ETH);
		end_ip6(&in, ip);
		be_secured_node(r, HOME_AWAY, cases[i / 2].flags);
		if (cases[i / 2].why == DROP_UNPROTECTED)
			expect(r, hooks[i % 2], cases[i / 2].name, &in, DROP_UNPROTECTED);
		else
			expect_out(r, hooks[i % 2], cases[i / 2].name, &in, cases[i / 2].why, &inner);
	}
}

/* XDP in generic mode sees a home test again once it is out of ESP; the agent demands XFRM's mark. */
static void xdp_leaves_a_protected_home_test_to_the_agent(void **state)
{
	struct rig *r = *state;
	struct frame in = mobility_header(CN, MY_HOME, MH_HOT, 24);

	be_secured_node(r, HOME_AWAY, HOME_TESTS_PROTECTED);
	expect(r, HOOK_XDP, "XDP", &in, PASS_SIGNALLING);
	expect(r, HOOK_TC_IN, "TC, which knows", &in, DROP_TEST_OUTSIDE);
	be_secured_node(r, HOME_AWAY, HOME_PROTECTED);
	expect(r, HOOK_XDP, "XDP, tests in clear", &in, DROP_TEST_OUTSIDE);
}

static void behind_xdp_only_what_was_under_esp_is_looked_at(void **state)
{
	struct rig *r = *state;
	struct frame cases[] = { datagram(CN, MY_HOME, 32), icmp6(CN, MY_HOME, ICMP6_NEIGHBOUR_ADVERT, 24),
				 mobility_header(CN, MY_HOME, MH_HOT, 24), esp_to_lan(MY_AGENT, MY_COA, SPI_DATA, 64) };

	be_secured_node(r, HOME_AWAY, HOME_PROTECTED | HOME_TESTS_PROTECTED);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		expect_uncounted(r, HOOK_TC_ESP, "in clear", &cases[i], TC_NEXT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(an_spi_stands_for_the_home_address_that_it_belongs_to),
		RIG_TEST(without_ipsec_esp_is_the_kernels_to_judge),
		RIG_TEST(esp_cut_short_before_its_spi_is_dropped),
		RIG_TEST(an_acknowledgement_under_esp_goes_as_one_in_clear),
		RIG_TEST(a_tunnel_to_the_home_address_leads_to_the_care_of_address),
		RIG_TEST(a_tunnel_to_a_node_at_home_goes_to_the_home_link),
		RIG_TEST(esp_of_others_is_tunnelled_as_ever),
		RIG_TEST(what_has_to_go_under_esp_is_left_to_the_kernel_and_never_tunnelled_in_clear),
		RIG_TEST(what_this_host_sends_in_clear_to_a_protected_node_is_dropped),
		RIG_TEST(a_protected_nodes_tunnel_in_clear_is_refused),
		RIG_TEST(an_update_under_esp_goes_as_one_in_clear),
		RIG_TEST(a_tunnel_from_the_home_address_leaves_from_the_care_of_address),
		RIG_TEST(a_fragment_of_esp_leaves_with_a_home_address_option),
		RIG_TEST(while_a_registration_is_on_the_road_esp_goes_both_ways),
		RIG_TEST(esp_to_others_and_without_ipsec_goes_through_the_tunnel),
		RIG_TEST(an_update_in_clear_never_leaves),
		RIG_TEST(a_node_sends_nothing_in_clear_that_has_to_go_under_esp),
		RIG_TEST(the_guard_lets_the_update_out_on_the_way_home_alone),
		RIG_TEST(a_tunnel_to_a_care_of_address_is_led_to_the_home_address),
		RIG_TEST(of_a_home_agent_nothing_is_led_elsewhere),
		RIG_TEST(esp_of_no_octet_is_cut_short),
		RIG_TEST(esp_behind_a_routing_header_is_led_by_that),
		RIG_TEST(a_node_takes_nothing_in_clear_that_has_to_come_under_esp),
		RIG_TEST(xdp_leaves_a_protected_home_test_to_the_agent),
		RIG_TEST(behind_xdp_only_what_was_under_esp_is_looked_at),
	};

	return cmocka_run_group_tests_name("IPsec", tests, rig_open, rig_close);
}
