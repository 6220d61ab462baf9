// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Mobility headers from the raw socket: the checks of RFC 6275 §9.2 in their order, what each is answered with, and the
 * rate of errors. Events and ICMPv6 errors: dispatch_event_test.c. */
#include "home_agent_rig.h"

enum { HAO_HEADER = 24 };

/* A mobility header as octets; only the first @len count. */
struct octets {
	size_t len;
	uint8_t data[40];
};

#define GOOD_BU                                                                                                        \
	{                                                                                                              \
		16,                                                                                                    \
		{                                                                                                      \
			NH_NONE, 1, MH_BU, 0, 0, 0, 0, 7, 0xC0, 0, 0, 100, MHO_PADN, 2                                 \
		}                                                                                                      \
	}
#define UNKNOWN                                                                                                        \
	{                                                                                                              \
		16,                                                                                                    \
		{                                                                                                      \
			NH_NONE, 1, MH_TYPES                                                                           \
		}                                                                                                      \
	}
#define BAD_PROTO                                                                                                      \
	{                                                                                                              \
		16,                                                                                                    \
		{                                                                                                      \
			NH_TCP, 1, MH_BU                                                                               \
		}                                                                                                      \
	}
#define TOO_SHORT                                                                                                      \
	{                                                                                                              \
		8,                                                                                                     \
		{                                                                                                      \
			NH_NONE, 0, MH_BU                                                                              \
		}                                                                                                      \
	}
#define BAD_OPTION                                                                                                     \
	{                                                                                                              \
		16,                                                                                                    \
		{                                                                                                      \
			NH_NONE, 1, MH_BU, [12] = MHO_REFRESH_ADVICE, 1                                                \
		}                                                                                                      \
	}
#define BAD_PREFIX                                                                                                     \
	{                                                                                                              \
		16,                                                                                                    \
		{                                                                                                      \
			NH_NONE, 1, MH_BU, [12] = MHO_NETWORK_PREFIX, 2                                                \
		}                                                                                                      \
	}
#define CUT                                                                                                            \
	{                                                                                                              \
		16,                                                                                                    \
		{                                                                                                      \
			NH_NONE, 2, MH_BU                                                                              \
		}                                                                                                      \
	}

static struct mh_input input(const uint8_t *data, size_t len, const char *care_of, const char *home)
{
	struct mh_input in = { .src = addr(home ? home : care_of),
			       .dst = addr(AGENT),
			       .care_of = addr(care_of),
			       .has_home = home != NULL,
			       .ifindex = IN_IFINDEX,
			       .data = data,
			       .len = len,
			       .when = fake.now };

	return in;
}

/* With its checksum, or with a wrong one. */
static void receive(const struct octets *octets, const char *care_of, const char *home, bool right)
{
	struct octets copy = *octets;
	struct mh_input in = input(copy.data, copy.len, care_of, home);
	uint16_t sum = mh_checksum(&in.src, &in.dst, copy.data, copy.len) ^ (right ? 0 : 0x0100);

	memcpy(copy.data + 4, &sum, sizeof(sum));
	dispatch_mh(&gw, &in);
}

static bool counted_once(enum agent_reason why)
{
	uint64_t sum = 0;

	for (int i = 0; i < AGENT_REASON_COUNT; i++)
		sum += gw.agent_counters[i];
	return sum == 1 && gw.agent_counters[why] == 1;
}

static void each_fault_has_its_answer(void **state)
{
	static const struct {
		struct octets octets;
		enum agent_reason why;
		const char *without, *with_option; /* answers, the latter where a home address option stood before */
	} cases[] = {
		{ UNKNOWN, AGENT_MH_TYPE, "send_mh BE status 2 home :: from " AGENT " to " CARE_OF,
		  "send_mh BE status 2 home " NODE " from " AGENT " to " CARE_OF },
		{ BAD_PROTO, AGENT_MH_PROTO, "send_icmp 4/0 data 40 quoting 56 from " AGENT " to " CARE_OF " ifindex 0",
		  "send_icmp 4/0 data 64 quoting 80 from " AGENT " to " CARE_OF " ifindex 0" },
		{ TOO_SHORT, AGENT_MH_SHORT, "send_icmp 4/0 data 41 quoting 48 from " AGENT " to " CARE_OF " ifindex 0",
		  "send_icmp 4/0 data 65 quoting 72 from " AGENT " to " CARE_OF " ifindex 0" },
		{ BAD_PREFIX, AGENT_MH_OPTION,
		  "send_icmp 4/0 data 53 quoting 56 from " AGENT " to " CARE_OF " ifindex 0",
		  "send_icmp 4/0 data 77 quoting 80 from " AGENT " to " CARE_OF " ifindex 0" },
		{ BAD_OPTION, AGENT_MH_OPTION, NULL, NULL },
		{ CUT, AGENT_MH_TRUNCATED, NULL, NULL },
		/* two faults: the type comes before the protocol, the protocol before the length, the length before
		   options */
		{ { 16, { NH_TCP, 0, MH_TYPES } },
		  AGENT_MH_TYPE,
		  "send_mh BE status 2 home :: from " AGENT " to " CARE_OF,
		  "send_mh BE status 2 home " NODE " from " AGENT " to " CARE_OF },
		{ { 8, { NH_TCP, 0, MH_BU } },
		  AGENT_MH_PROTO,
		  "send_icmp 4/0 data 40 quoting 48 from " AGENT " to " CARE_OF " ifindex 0",
		  "send_icmp 4/0 data 64 quoting 72 from " AGENT " to " CARE_OF " ifindex 0" },
		{ { 16, { NH_TCP, 1, MH_BU, [12] = MHO_REFRESH_ADVICE, 1 } },
		  AGENT_MH_PROTO,
		  "send_icmp 4/0 data 40 quoting 56 from " AGENT " to " CARE_OF " ifindex 0",
		  "send_icmp 4/0 data 64 quoting 80 from " AGENT " to " CARE_OF " ifindex 0" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		for (int option = 0; option <= 1; option++) {
			const char *answer = option ? cases[i].with_option : cases[i].without;

			memset(gw.agent_counters, 0, sizeof(gw.agent_counters));
			receive(&cases[i].octets, CARE_OF, option ? NODE : NULL, true);
			CHECK_CASE(i, counted_once(cases[i].why));
			CHECK_CASE(i, fake.count == (answer ? 1 : 0));
			CHECK_CASE(i, !answer || !strcmp(fake.lines[0], answer));
			fake_forget();
		}
	}
}

/* RFC 6275 §9.2: the checksum comes first, and a wrong one is silent whatever else is wrong. */
static void a_tag_from_an_interface_without_our_program_is_forged(void **state)
{
	static const struct octets octets = GOOD_BU;
	struct mh_input in;
	uint8_t data[sizeof(octets.data)];
	uint16_t sum;

	memcpy(data, octets.data, octets.len);
	in = input(data, octets.len, CARE_OF, NODE);
	sum = mh_checksum(&in.src, &in.dst, data, octets.len);
	memcpy(data + 4, &sum, sizeof(sum));
	in.ifindex = IN_IFINDEX + 1;
	dispatch_mh(&gw, &in);
	assert_int_equal(gw.agent_counters[AGENT_BAD_TAG], 1);
	assert_int_equal(fake.count, 0);
	rig_attachments[0].mode = ATTACH_AUTO; /* it is there, and not attached */
	in.ifindex = IN_IFINDEX;
	dispatch_mh(&gw, &in);
	rig_attachments[0].mode = ATTACH_NATIVE;
	assert_int_equal(gw.agent_counters[AGENT_BAD_TAG], 2);
}

static void a_wrong_checksum_is_silent(void **state)
{
	static const struct octets cases[] = { GOOD_BU, UNKNOWN, BAD_PROTO, TOO_SHORT, BAD_PREFIX, BAD_OPTION, CUT };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		memset(gw.agent_counters, 0, sizeof(gw.agent_counters));
		receive(&cases[i], CARE_OF, NODE, false);
		CHECK_CASE(i, counted_once(AGENT_MH_CHECKSUM) && fake.count == 0);
	}
}

/* RFC 6275 §6.1.1: the home address counts as source where an option names it, and not the address on the wire. */
static void the_checksum_is_over_the_home_address(void **state)
{
	struct octets bu = GOOD_BU;
	struct mh_input in = input(bu.data, bu.len, CARE_OF, VIRTUAL);
	uint16_t sum = mh_checksum(&in.care_of, &in.dst, bu.data, bu.len);

	memcpy(bu.data + 4, &sum, sizeof(sum));
	dispatch_mh(&gw, &in);
	EXPECT_NO_CALLS();
	receive(&(struct octets)GOOD_BU, CARE_OF, VIRTUAL, true);
	assert_int_equal(fake_calls("send_mh BA status 0 seq 7 for 400 s"), 1);
}

static void a_forged_option_is_dropped_before_all_else(void **state)
{
	static const struct octets cases[] = { GOOD_BU, UNKNOWN, BAD_PROTO };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct mh_input in = input(cases[i].data, cases[i].len, CARE_OF, NULL);

		memset(gw.agent_counters, 0, sizeof(gw.agent_counters));
		in.bad_tag = true;
		dispatch_mh(&gw, &in);
		CHECK_CASE(i, counted_once(AGENT_BAD_TAG) && fake.count == 0);
	}
}

static void what_a_home_agent_has_no_use_for_is_only_counted(void **state)
{
	for (uint8_t type = 0; type < MH_TYPES; type++) {
		struct octets octets = { 24, { NH_NONE, 2, type } };

		if (type == MH_BU || type == MH_HOTI || type == MH_COTI) /* of a correspondent, which it is too */
			continue;
		memset(gw.agent_counters, 0, sizeof(gw.agent_counters));
		receive(&octets, CARE_OF, NULL, true);
		CHECK_CASE(type, counted_once(AGENT_MH_UNWANTED) && fake.count == 0);
	}
}

/* RFC 4443 §3.4: the packet as it was on the wire, with its home address option and not our replacement of it. */
static void a_parameter_problem_quotes_the_packet_of_the_wire(void **state)
{
	static const struct octets octets = BAD_PROTO;
	const struct in6_addr care_of = addr(CARE_OF), agent = addr(AGENT), home = addr(NODE);
	struct packet_view view;

	receive(&octets, CARE_OF, NODE, true);
	assert_int_equal(fake.sent_len, sizeof(struct mip6_icmp) + IP6_HDR_LEN + HAO_HEADER + octets.len);
	assert_int_equal(
		packet_walk(fake.sent + sizeof(struct mip6_icmp), fake.sent_len - sizeof(struct mip6_icmp), &view), 0);
	assert_true(addr_equal(&view.src, &care_of) && addr_equal(&view.dst, &agent));
	assert_true(view.has_home && addr_equal(&view.home, &home));
	assert_int_equal(view.proto, NH_MH);
	assert_int_equal(view.offset, IP6_HDR_LEN + HAO_HEADER);
	assert_int_equal(fake.sent[sizeof(struct mip6_icmp) + view.offset], NH_TCP); /* what the pointer points at */
}

static void an_answer_to_a_link_local_address_leaves_where_the_message_came_in(void **state)
{
	receive(&(struct octets)BAD_PROTO, "fe80::5", NULL, true);
	EXPECT_CALLS("send_icmp 4/0 data 40 quoting 56 from " AGENT " to fe80::5 ifindex 3");
}

/* RFC 6275 §9.3.3, RFC 4443 §2.4(e) */
static void nobody_is_answered_who_is_no_unicast_address(void **state)
{
	static const char *const cases[] = { "::", "::1", "ff02::1", "ff0e::9" };
	static const struct octets faults[] = { UNKNOWN, BAD_PROTO };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		for (size_t fault = 0; fault < ARRAY_SIZE(faults); fault++)
			receive(&faults[fault], cases[i], NULL, true);
		CHECK_CASE(i, fake.count == 0);
	}
}

static void what_was_sent_to_a_group_is_not_answered(void **state)
{
	static const struct octets cases[] = { UNKNOWN, BAD_PROTO, TOO_SHORT };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct octets octets = cases[i];
		struct mh_input in = input(octets.data, octets.len, CARE_OF, NULL);
		uint16_t sum;

		in.dst = addr("ff0e::9");
		sum = mh_checksum(&in.src, &in.dst, octets.data, octets.len);
		memcpy(octets.data + 4, &sum, sizeof(sum));
		dispatch_mh(&gw, &in);
		CHECK_CASE(i, fake.count == 0);
		CHECK_CASE(i, gw.agent_counters[AGENT_MH_CHECKSUM] == 0);
	}
}

static void octets_beyond_the_longest_header_are_not_quoted(void **state)
{
	enum { SIZE = 60000 };
	uint8_t *data = calloc(1, SIZE);
	struct mh_input in = input(data, SIZE, CARE_OF, NODE);
	uint16_t sum;

	assert_non_null(data);
	memcpy(data, (uint8_t[]){ NH_TCP, 1, MH_BU }, 3);
	sum = mh_checksum(&in.src, &in.dst, data, SIZE);
	memcpy(data + 4, &sum, sizeof(sum));
	dispatch_mh(&gw, &in);
	EXPECT_NO_CALLS();
	assert_true(counted_once(AGENT_MH_PROTO));
	free(data);
}

static void the_longest_header_is_quoted_as_far_as_1280_octets_hold(void **state)
{
	uint8_t data[MH_MAX_LEN] = { NH_TCP, 255, MH_BU };
	struct mh_input in = input(data, sizeof(data), CARE_OF, NODE);
	uint16_t sum = mh_checksum(&in.src, &in.dst, data, sizeof(data));

	memcpy(data + 4, &sum, sizeof(sum));
	dispatch_mh(&gw, &in);
	EXPECT_CALLS("send_icmp 4/0 data 64 quoting 1232 from " AGENT " to " CARE_OF " ifindex 0");
}

/* RFC 4443 §2.4(f); binding errors and ICMPv6 errors share the rate. */
static void a_thousand_errors_a_second_are_sent_and_no_more(void **state)
{
	static const struct octets be = UNKNOWN, problem = BAD_PROTO;

	for (int second = 0; second < 3; second++) {
		fake_forget();
		for (int i = 0; i < 500; i++) {
			receive(&be, CARE_OF, NULL, true);
			receive(&problem, CARE_OF, NULL, true);
			receive(&be, "ff02::1", NULL, true); /* not answered, so it takes nothing */
			receive(&problem, "::", NULL, true);
		}
		assert_int_equal(fake.count, 1000);
		assert_int_equal(gw.agent_counters[AGENT_ERROR_RATE], 2 * second);
		receive(&be, CARE_OF, NULL, true);
		rig_advance_ms(999);
		receive(&problem, CARE_OF, NULL, true);
		assert_int_equal(fake.count, 1000);
		assert_int_equal(gw.agent_counters[AGENT_ERROR_RATE], 2 * second + 2);
		rig_advance_ms(1);
	}
}

static void an_error_that_the_kernel_refuses_is_counted(void **state)
{
	fake_fail("send_mh", -ENOBUFS);
	receive(&(struct octets)UNKNOWN, CARE_OF, NULL, true);
	assert_int_equal(gw.agent_counters[AGENT_SEND_FAILED], 1);
	fake_fail("send_icmp", -ENOBUFS);
	receive(&(struct octets)BAD_PROTO, CARE_OF, NULL, true);
	assert_int_equal(gw.agent_counters[AGENT_SEND_FAILED], 2);
}

static void reasons_have_names_and_unknown_ones_say_so(void **state)
{
	for (int i = 0; i < AGENT_REASON_COUNT; i++) {
		CHECK_CASE(i, agent_reason_name(i)[0] && agent_reason_text(i)[0]);
		for (int other = 0; other < i; other++)
			CHECK_CASE(i, strcmp(agent_reason_name(i), agent_reason_name(other)));
		for (int other = 0; other < REASON_COUNT; other++)
			CHECK_CASE(i, strcmp(agent_reason_name(i), reason_name(other)));
	}
	assert_string_equal(agent_reason_name(AGENT_REASON_COUNT), "unknown");
	assert_string_equal(agent_reason_text(AGENT_REASON_COUNT), "unknown");
}

#define RIG_TEST(test) cmocka_unit_test_setup_teardown(test, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(each_fault_has_its_answer),
		RIG_TEST(a_tag_from_an_interface_without_our_program_is_forged),
		RIG_TEST(a_wrong_checksum_is_silent),
		RIG_TEST(the_checksum_is_over_the_home_address),
		RIG_TEST(a_forged_option_is_dropped_before_all_else),
		RIG_TEST(what_a_home_agent_has_no_use_for_is_only_counted),
		RIG_TEST(a_parameter_problem_quotes_the_packet_of_the_wire),
		RIG_TEST(an_answer_to_a_link_local_address_leaves_where_the_message_came_in),
		RIG_TEST(nobody_is_answered_who_is_no_unicast_address),
		RIG_TEST(what_was_sent_to_a_group_is_not_answered),
		RIG_TEST(octets_beyond_the_longest_header_are_not_quoted),
		RIG_TEST(the_longest_header_is_quoted_as_far_as_1280_octets_hold),
		RIG_TEST(a_thousand_errors_a_second_are_sent_and_no_more),
		RIG_TEST(an_error_that_the_kernel_refuses_is_counted),
		RIG_TEST(reasons_have_names_and_unknown_ones_say_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
