// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the data path hands up to be answered, and ICMPv6 errors about our tunnels: RFC 6275 §9.2, §9.3.1, §10.4.2, RFC
 * 2473 §8, RFC 8201. */
#include "home_agent_rig.h"

#include "raw.h"

#define PEER "2001:db8:c::2"

enum { PATH_MTU_S = 600, TUNNEL = IP6_HDR_LEN };

static void event(enum event_kind kind, const struct raw *raw)
{
	struct event e = { .kind = kind, .ifindex = IN_IFINDEX, .len = raw->len };

	if (e.len > LIMIT_EVENT_PACKET)
		e.len = LIMIT_EVENT_PACKET;
	memcpy(e.packet, raw->data, e.len);
	dispatch_event(&gw, &e);
}

static uint64_t counted(void)
{
	uint64_t sum = 0;

	for (int i = 0; i < AGENT_REASON_COUNT; i++)
		sum += gw.agent_counters[i];
	return sum;
}

/* ---- events ---- */

static void a_next_hop_asked_for_is_kicked(void **state)
{
	struct event e = { .kind = EVENT_RESOLVE, .address = addr(CARE_OF) };

	dispatch_event(&gw, &e);
	EXPECT_CALLS("nexthop_kick " CARE_OF);
}

static struct raw with_option(const char *src, const char *dst, const char *home)
{
	struct raw raw = { .len = 0 };

	add_ip(&raw, src, dst);
	if (home)
		add_hao(&raw, home);
	add_upper(&raw, NH_UDP, "\x01\x02\x03\x04\x00\x08\x00\x00", 8);
	return raw;
}

static void a_home_address_without_binding_is_answered_with_a_binding_error(void **state)
{
	struct raw raw = with_option(CARE_OF, AGENT, NODE);

	event(EVENT_UNKNOWN_BINDING, &raw);
	EXPECT_CALLS("send_mh BE status 1 home " NODE " from " AGENT " to " CARE_OF);
	assert_int_equal(gw.agent_counters[AGENT_BE_UNKNOWN_BINDING], 1);
	assert_int_equal(counted(), 1);
}

/* RFC 6275 §9.3.3: not to multicast, and a source that is nobody can't be told. */
static void some_home_addresses_without_binding_are_not_answered(void **state)
{
	static const struct {
		const char *src, *dst, *home;
	} cases[] = {
		{ CARE_OF, "ff0e::9", NODE }, { "ff02::1", AGENT, NODE }, { "::", AGENT, NODE },
		{ "::1", AGENT, NODE },	      { CARE_OF, AGENT, NULL }, /* no option at all */
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct raw raw = with_option(cases[i].src, cases[i].dst, cases[i].home);

		event(EVENT_UNKNOWN_BINDING, &raw);
		CHECK_CASE(i, fake.count == 0 && counted() == 0);
	}
}

static void a_link_local_address_of_a_node_that_is_away_is_unreachable(void **state)
{
	struct raw raw = with_option(PEER, "fe80::100", NULL), local = with_option("fe80::7", "fe80::100", NULL);

	event(EVENT_LINK_LOCAL, &raw);
	EXPECT_CALLS("send_icmp 1/3 data 0 quoting 48 from " AGENT " to " PEER " ifindex 0");
	assert_memory_equal(fake.sent + sizeof(struct mip6_icmp), raw.data, raw.len);
	event(EVENT_LINK_LOCAL, &local);
	EXPECT_CALLS("send_icmp 1/3 data 0 quoting 48 from " AGENT " to fe80::7 ifindex 3");
	assert_int_equal(gw.agent_counters[AGENT_LINK_LOCAL], 2);
}

static void an_error_to_a_link_local_address_is_not_answered(void **state)
{
	struct raw raw = { .len = 0 };

	add_ip(&raw, PEER, "fe80::100");
	add_upper(&raw, NH_ICMPV6, (uint8_t[8]){ ICMP6_TIME_EXCEEDED }, 8);
	event(EVENT_LINK_LOCAL, &raw);
	EXPECT_NO_CALLS();
	assert_int_equal(counted(), 0);
}

/* A mobility header of 16 octets, with its checksum, behind an option if @home. */
static struct raw mobility(const char *dst, const char *home, uint8_t proto, uint8_t hdrlen, uint8_t type)
{
	uint8_t mh[16] = { proto, hdrlen, type, [12] = MHO_PADN, 2 };
	struct in6_addr src = addr(home ? home : CARE_OF), to = addr(dst);
	uint16_t sum = mh_checksum(&src, &to, mh, sizeof(mh));
	struct raw raw = { .len = 0 };

	memcpy(mh + 4, &sum, sizeof(sum));
	add_ip(&raw, CARE_OF, dst);
	if (home)
		add_hao(&raw, home);
	add_upper(&raw, NH_MH, mh, sizeof(mh));
	return raw;
}

static void a_malformed_mobility_header_is_answered_by_its_first_fault(void **state)
{
	static const struct {
		const char *home;
		uint8_t proto, hdrlen, type;
		enum agent_reason why;
		const char *answer;
	} cases[] = {
		{ NULL, NH_NONE, 1, MH_TYPES, AGENT_MH_TYPE, "send_mh BE status 2 home :: from " AGENT " to " CARE_OF },
		{ NODE, NH_TCP, 0, 200, AGENT_MH_TYPE, "send_mh BE status 2 home " NODE " from " AGENT " to " CARE_OF },
		{ NULL, NH_TCP, 0, MH_BU, AGENT_MH_PROTO,
		  "send_icmp 4/0 data 40 quoting 56 from " AGENT " to " CARE_OF " ifindex 0" },
		{ NODE, NH_TCP, 1, MH_BU, AGENT_MH_PROTO,
		  "send_icmp 4/0 data 64 quoting 80 from " AGENT " to " CARE_OF " ifindex 0" },
		{ NULL, NH_NONE, 0, MH_BU, AGENT_MH_SHORT,
		  "send_icmp 4/0 data 41 quoting 56 from " AGENT " to " CARE_OF " ifindex 0" },
		{ NODE, NH_NONE, 0, MH_BU, AGENT_MH_SHORT,
		  "send_icmp 4/0 data 65 quoting 80 from " AGENT " to " CARE_OF " ifindex 0" },
		{ NULL, NH_NONE, 2, MH_BU, AGENT_MH_TRUNCATED, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct raw raw = mobility(AGENT, cases[i].home, cases[i].proto, cases[i].hdrlen, cases[i].type);

		memset(gw.agent_counters, 0, sizeof(gw.agent_counters));
		event(EVENT_MALFORMED, &raw);
		CHECK_CASE(i, gw.agent_counters[cases[i].why] == 1 && counted() == 1);
		CHECK_CASE(i, fake.count == (cases[i].answer ? 1 : 0));
		CHECK_CASE(i, !cases[i].answer || !strcmp(fake.lines[0], cases[i].answer));
		CHECK_CASE(i, fake.count == 0 || fake.lines[0][5] == 'm' ||
				      !memcmp(fake.sent + sizeof(struct mip6_icmp), raw.data, raw.len));
		fake_forget();
	}
}

static void a_malformed_mobility_header_with_a_wrong_checksum_or_cut_is_silent(void **state)
{
	struct raw raw = mobility(AGENT, NODE, NH_TCP, 1, MH_BU), cut = raw, wire = raw;

	raw.data[raw.len - 1] ^= 1;
	event(EVENT_MALFORMED, &raw);
	for (cut.len--; cut.len > 0; cut.len--)
		event(EVENT_MALFORMED, &cut);
	memset(wire.data + 8, 0xFD, 1); /* another source address: behind an option it isn't summed up */
	EXPECT_NO_CALLS();
	event(EVENT_MALFORMED, &wire);
	assert_int_equal(fake_calls("send_icmp 4/0 data 64"), 1);
	fake_forget();
	raw = mobility(AGENT, NODE, NH_TCP, 1, MH_BU);
	set_payload_len(&raw, 0, raw.len - IP6_HDR_LEN + 8); /* right as far as it goes, but there was more */
	event(EVENT_MALFORMED, &raw);
	raw = mobility("ff0e::9", NULL, NH_TCP, 1, MH_BU);
	event(EVENT_MALFORMED, &raw);
	raw = mobility("ff0e::9", NULL, NH_NONE, 1, MH_TYPES);
	event(EVENT_MALFORMED, &raw);
	EXPECT_NO_CALLS();
}

static void a_sound_mobility_header_in_a_malformed_event_is_no_fault(void **state)
{
	struct raw raw = mobility(AGENT, NODE, NH_NONE, 1, MH_BU);

	event(EVENT_MALFORMED, &raw);
	EXPECT_NO_CALLS();
	assert_int_equal(counted(), 0);
}

/* ---- ICMPv6 errors ---- */

/* An error of @type about a tunnel packet with @payload octets inside the inner header, as far as an error quotes. */
static void icmp_error(uint8_t type, uint32_t data, const char *outer_src, const char *outer_dst, const char *inner_dst,
		       size_t payload)
{
	static const uint8_t zeros[1500];
	uint8_t icmp[IP6_MIN_MTU];
	struct raw raw = { .len = 0 };
	struct in6_addr from = addr("2001:db8:f1::1");

	add_ip(&raw, outer_src, outer_dst);
	add_ip(&raw, PEER, inner_dst);
	add_upper(&raw, NH_UDP, zeros, payload);
	set_payload_len(&raw, TUNNEL, payload);
	dispatch_icmp_error(&gw, &from, icmp, packet_build_icmp_error(type, 0, data, raw.data, raw.len, icmp));
}

static void errors_of_the_tunnel_are_told_to_the_inner_source(void **state)
{
	static const uint8_t types[] = { ICMP6_UNREACHABLE, ICMP6_TIME_EXCEEDED, ICMP6_PARAM_PROBLEM };

	rig_registered(NODE, CARE_OF, 1, USUAL, 400);
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		icmp_error(types[i], 0, AGENT, CARE_OF, NODE, 100);
		EXPECT_CALLS("send_icmp 1/3 data 0 quoting 140 from " AGENT " to " PEER " ifindex 0");
		CHECK_CASE(i, gw.agent_counters[AGENT_ICMP_TRANSLATED] == i + 1);
	}
}

static void a_smaller_path_mtu_is_learned_and_told(void **state)
{
	rig_registered(NODE, CARE_OF, 1, USUAL, 400);
	icmp_error(ICMP6_TOO_BIG, 1400, AGENT, CARE_OF, NODE, 1400);
	EXPECT_CALLS("binding_set " NODE " -> " CARE_OF " seq 1 for 400 s nexthop 1 mtu 1400",
		     "send_icmp 2/0 data 1360 quoting 1192 from " AGENT " to " PEER " ifindex 0");
	assert_true(rig_find(NODE)->path_mtu_until.ns == mono_add_s(fake.now, PATH_MTU_S).ns);
	icmp_error(ICMP6_TOO_BIG, 1450, AGENT, CARE_OF, NODE, 1400); /* a report never raises it */
	EXPECT_CALLS("send_icmp 2/0 data 1410 quoting 1192 from " AGENT " to " PEER " ifindex 0");
	icmp_error(ICMP6_TOO_BIG, 600, AGENT, CARE_OF, NODE, 1400); /* nor below 1280 */
	EXPECT_CALLS("binding_set " NODE " -> " CARE_OF " seq 1 for 400 s nexthop 1 mtu 1280",
		     "send_icmp 2/0 data 1280 quoting 1192 from " AGENT " to " PEER " ifindex 0");
	assert_int_equal(gw.agent_counters[AGENT_ICMP_TRANSLATED], 3);
}

/* RFC 2473 §8.2: what fits into 1280 octets is fragmented, its sender isn't bothered. */
static void too_big_is_told_only_of_packets_that_could_be_smaller(void **state)
{
	rig_registered(NODE, CARE_OF, 1, USUAL, 400);
	icmp_error(ICMP6_TOO_BIG, 1300, AGENT, CARE_OF, NODE, IP6_MIN_MTU - IP6_HDR_LEN);
	EXPECT_CALLS("binding_set " NODE " -> " CARE_OF " seq 1 for 400 s nexthop 1 mtu 1300");
	icmp_error(ICMP6_TOO_BIG, 1300, AGENT, CARE_OF, NODE, IP6_MIN_MTU - IP6_HDR_LEN + 1);
	EXPECT_CALLS("send_icmp 2/0 data 1280 quoting 1192 from " AGENT " to " PEER " ifindex 0");
}

static void a_path_mtu_that_no_link_has_is_not_learned(void **state)
{
	rig_registered(NODE, CARE_OF, 1, USUAL, 400);
	icmp_error(ICMP6_TOO_BIG, 65536, AGENT, CARE_OF, NODE, 100);
	icmp_error(ICMP6_TOO_BIG, UINT32_MAX, AGENT, CARE_OF, NODE, 100);
	EXPECT_NO_CALLS();
	assert_int_equal(rig_find(NODE)->path_mtu, 0);
}

/* Anybody can send us an error; believed is one that quotes what we could have sent. */
static void errors_about_what_we_never_sent_are_counted_and_change_nothing(void **state)
{
	static const struct {
		const char *outer_src, *outer_dst, *inner_dst;
	} cases[] = {
		{ PEER, CARE_OF, NODE },	       /* not our tunnel */
		{ AGENT, CARE_OF_2, NODE },	       /* not to its care-of address */
		{ AGENT, CARE_OF, "2001:db8:1::300" }, /* no binding */
		{ AGENT, CARE_OF, OTHER },	       /* pending */
	};

	rig_registered(NODE, CARE_OF, 1, USUAL, 400);
	rig_bu(OTHER, CARE_OF, 1, USUAL, 400);
	fake_forget();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		icmp_error(ICMP6_TOO_BIG, 1300, cases[i].outer_src, cases[i].outer_dst, cases[i].inner_dst, 1400);
		icmp_error(ICMP6_UNREACHABLE, 0, cases[i].outer_src, cases[i].outer_dst, cases[i].inner_dst, 100);
		CHECK_CASE(i, fake.count == 0);
		CHECK_CASE(i, gw.agent_counters[AGENT_ICMP_STRANGE] == 2 * (i + 1));
	}
	assert_int_equal(rig_find(NODE)->path_mtu, 0);
}

static void errors_about_other_packets_are_left_to_the_kernel(void **state)
{
	struct raw raw = with_option(AGENT, CARE_OF, NULL), tunnel = { .len = 0 };
	struct in6_addr from = addr(PEER);
	uint8_t icmp[IP6_MIN_MTU];
	uint64_t before;
	size_t len;

	rig_registered(NODE, CARE_OF, 1, USUAL, 400);
	before = counted();
	len = packet_build_icmp_error(ICMP6_UNREACHABLE, 0, 0, raw.data, raw.len, icmp);
	for (size_t cut = 0; cut <= len; cut++)
		dispatch_icmp_error(&gw, &from, icmp, cut);
	assert_int_equal(counted(), before);
	/* a tunnel packet of ours, but too little of it: that one is counted */
	add_ip(&tunnel, AGENT, CARE_OF);
	add_ip(&tunnel, PEER, NODE);
	len = packet_build_icmp_error(ICMP6_UNREACHABLE, 0, 0, tunnel.data, tunnel.len - 1, icmp);
	dispatch_icmp_error(&gw, &from, icmp, len);
	assert_int_equal(gw.agent_counters[AGENT_ICMP_STRANGE], 1);
	EXPECT_NO_CALLS();
}

static void a_translated_error_that_may_not_be_sent_is_not_counted_as_sent(void **state)
{
	rig_registered(NODE, CARE_OF, 1, USUAL, 400);
	fake_fail("send_icmp", -ENETUNREACH);
	icmp_error(ICMP6_UNREACHABLE, 0, AGENT, CARE_OF, NODE, 100);
	assert_int_equal(gw.agent_counters[AGENT_ICMP_TRANSLATED], 0);
	assert_int_equal(gw.agent_counters[AGENT_SEND_FAILED], 1);
}

#define RIG_TEST(test) cmocka_unit_test_setup_teardown(test, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(a_next_hop_asked_for_is_kicked),
		RIG_TEST(a_home_address_without_binding_is_answered_with_a_binding_error),
		RIG_TEST(some_home_addresses_without_binding_are_not_answered),
		RIG_TEST(a_link_local_address_of_a_node_that_is_away_is_unreachable),
		RIG_TEST(an_error_to_a_link_local_address_is_not_answered),
		RIG_TEST(a_malformed_mobility_header_is_answered_by_its_first_fault),
		RIG_TEST(a_malformed_mobility_header_with_a_wrong_checksum_or_cut_is_silent),
		RIG_TEST(a_sound_mobility_header_in_a_malformed_event_is_no_fault),
		RIG_TEST(errors_of_the_tunnel_are_told_to_the_inner_source),
		RIG_TEST(a_smaller_path_mtu_is_learned_and_told),
		RIG_TEST(too_big_is_told_only_of_packets_that_could_be_smaller),
		RIG_TEST(a_path_mtu_that_no_link_has_is_not_learned),
		RIG_TEST(errors_about_what_we_never_sent_are_counted_and_change_nothing),
		RIG_TEST(errors_about_other_packets_are_left_to_the_kernel),
		RIG_TEST(a_translated_error_that_may_not_be_sent_is_not_counted_as_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
