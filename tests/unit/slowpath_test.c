// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The slow path's decisions, without its sockets: which packet is answered with what, which tunnel packet is opened. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "../../agent/slowpath.c"

static uint16_t next_mtu;
static struct {
	int count;
	struct in6_addr dst;
	uint8_t type, code;
	uint32_t data;
} answered;

uint16_t nexthop_mtu(struct nexthops *nh, const struct in6_addr *care_of)
{
	return next_mtu;
}

int sockets_send_icmp(struct sockets *so, const struct in6_addr *src, const struct in6_addr *dst, int ifindex,
		      const uint8_t *icmp, size_t len)
{
	struct mip6_icmp head;

	memcpy(&head, icmp, sizeof(head));
	answered.count++;
	answered.dst = *dst;
	answered.type = head.type;
	answered.code = head.code;
	answered.data = ntohl(head.data);
	return 0;
}

static struct in6_addr address(const char *text)
{
	struct in6_addr addr;

	assert_int_equal(inet_pton(AF_INET6, text, &addr), 1);
	return addr;
}

static struct config_home_link home_links[] = {
	{ .prefix = { .s6_addr = { 0x20, 1, 0xd, 0xb8, 0, 0xa } }, .prefix_len = 64, .interface = "eth1" },
	{ .prefix = { .s6_addr = { 0x20, 1, 0xd, 0xb8, 0, 0xb } }, .prefix_len = 64 },
};
static struct config config = { .home_links = home_links, .home_link_count = ARRAY_SIZE(home_links) };
static struct slowpath slow;

static uint32_t nothing_direct(void *arg, const struct in6_addr *src, const struct in6_addr *dst)
{
	return 0;
}

static const struct slowpath_roles roles = { .direct_mtu = nothing_direct };

static struct binding_entry *bind_home(const char *home, const char *care_of)
{
	struct binding_request req = { .home = address(home), .care_of = address(care_of), .lifetime_s = 60, .seq = 1 };
	struct binding_entry *entry;

	assert_int_equal(binding_update(slow.cache, &req, now(), &entry), 0);
	binding_activate(entry);
	return entry;
}

static int setup(void **state)
{
	memset(&slow, 0, sizeof(slow));
	memset(&answered, 0, sizeof(answered));
	next_mtu = 1500;
	slow.config = &config;
	slow.roles = &roles;
	slow.cache = binding_cache_new(8);
	slow.packet = slow.tunnel = slow.raw = -1; /* what would be sent is counted as refused */
	return slow.cache ? 0 : -1;
}

static int teardown(void **state)
{
	binding_cache_free(slow.cache);
	return 0;
}

/* An UDP packet of @len octets in all. */
static size_t make_packet(uint8_t *buf, const char *src, const char *dst, size_t len)
{
	struct mip6_ipv6 ip = { .ver_tc_flow = htonl(6U << 28),
				.payload_len = htons(len - IP6_HDR_LEN),
				.nexthdr = NH_UDP,
				.hop_limit = 64,
				.src = address(src),
				.dst = address(dst) };

	memset(buf, 0, len);
	memcpy(buf, &ip, sizeof(ip));
	return len;
}

static void too_big_starts_where_the_tunnel_ends(void **state)
{
	static const struct {
		uint16_t route, learned;
		size_t len;
		uint32_t mtu; /* 0: goes into the tunnel */
	} cases[] = {
		{ 1500, 0, 1460, 0 },	 { 1500, 0, 1461, 1460 },
		{ 1500, 1400, 1360, 0 }, { 1500, 1400, 1361, 1360 },
		{ 1300, 0, 1280, 0 },	 { 1300, 0, 1281, 1280 }, /* the floor: the tunnel packet is fragmented */
		{ 1500, 1000, 1280, 0 }, { 1500, 1000, 1281, 1280 },
		{ 0, 0, 1280, 0 },
	};
	uint8_t packet[1600];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct binding_entry *entry = bind_home("2001:db8:a::10", "2001:db8:f::1");
		size_t len = make_packet(packet, "2001:db8:c::2", "2001:db8:a::10", cases[i].len);

		entry->path_mtu = cases[i].learned;
		next_mtu = cases[i].route;
		memset(&answered, 0, sizeof(answered));
		on_home_packet(&slow, packet, len);
		assert_int_equal(answered.count, cases[i].mtu ? 1 : 0);
		assert_int_equal(answered.data, cases[i].mtu);
		assert_int_equal(answered.type, cases[i].mtu ? ICMP6_TOO_BIG : 0);
		binding_delete(slow.cache, &entry->home);
	}
}

static void nobody_at_home_is_said_of_virtual_links_only(void **state)
{
	static const struct {
		const char *dst;
		int answers;
	} cases[] = { { "2001:db8:b::10", 1 }, { "2001:db8:a::10", 0 }, { "2001:db8:9::10", 0 } };
	uint8_t packet[100];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t len = make_packet(packet, "2001:db8:c::2", cases[i].dst, 100);

		memset(&answered, 0, sizeof(answered));
		on_home_packet(&slow, packet, len);
		assert_int_equal(answered.count, cases[i].answers);
		if (answered.count)
			assert_true(answered.type == ICMP6_UNREACHABLE && answered.code == ICMP6_UNREACH_ADDRESS);
	}
	assert_int_equal(slow.stats.unreachable, 1);
	assert_int_equal(slow.stats.refused, 2);
}

static void errors_are_limited_to_their_rate(void **state)
{
	uint8_t packet[100];
	size_t len = make_packet(packet, "2001:db8:c::2", "2001:db8:b::10", 100);

	for (int i = 0; i < ERRORS_PER_SECOND + 5; i++)
		on_home_packet(&slow, packet, len);
	assert_true(slow.stats.rate_limited >= 5 ||
		    slow.stats.unreachable > ERRORS_PER_SECOND); /* a slow machine refills */
	assert_int_equal(slow.stats.rate_limited + slow.stats.unreachable, ERRORS_PER_SECOND + 5);
}

static void truncated_packets_are_refused(void **state)
{
	uint8_t packet[100];
	size_t len = make_packet(packet, "2001:db8:c::2", "2001:db8:b::10", 100);

	for (size_t n = 0; n < len; n++)
		on_home_packet(&slow, packet, n);
	assert_int_equal(answered.count, 0);
	assert_int_equal(slow.stats.refused, len - IP6_HDR_LEN);
}

static void only_the_mobile_node_comes_out_of_its_tunnel(void **state)
{
	static const struct {
		const char *inner, *outer;
		bool taken;
	} cases[] = {
		{ "2001:db8:a::10", "2001:db8:f::1", true },
		{ "2001:db8:a::10", "2001:db8:f::2", false },
		{ "2001:db8:a::11", "2001:db8:f::1", false },
		{ "fe80::10", "2001:db8:f::1", false },
		{ "::", "2001:db8:f::1", false },
		{ "::1", "2001:db8:f::1", false },
		{ "ff02::1", "2001:db8:f::1", false },
	};
	uint8_t packet[100];

	bind_home("2001:db8:a::10", "2001:db8:f::1");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct in6_addr outer = address(cases[i].outer);
		size_t len = make_packet(packet, cases[i].inner, "2001:db8:c::2", 100);

		assert_int_equal(check_inner(&slow, packet, len, &outer), cases[i].taken ? len : 0);
		assert_int_equal(check_inner(&slow, packet, len - 1, &outer), 0);
	}
}

static void an_expired_or_pending_binding_opens_no_tunnel(void **state)
{
	struct binding_entry *entry = bind_home("2001:db8:a::10", "2001:db8:f::1");
	struct in6_addr outer = entry->care_of;
	uint8_t packet[100];
	size_t len = make_packet(packet, "2001:db8:a::10", "2001:db8:c::2", 100);

	assert_int_equal(check_inner(&slow, packet, len, &outer), len);
	binding_set_expiry(slow.cache, entry, mono_add_s(now(), -100), 10);
	assert_int_equal(check_inner(&slow, packet, len, &outer), 0);
	binding_set_expiry(slow.cache, entry, now(), 10);
	entry->state = BINDING_PENDING;
	assert_int_equal(check_inner(&slow, packet, len, &outer), 0);
}

static void routing_type_0_is_refused_inside_a_tunnel(void **state)
{
	struct in6_addr outer = address("2001:db8:f::1");
	uint8_t packet[IP6_HDR_LEN + 40];
	size_t len;

	bind_home("2001:db8:a::10", "2001:db8:f::1");
	len = make_packet(packet, "2001:db8:a::10", "2001:db8:c::2", sizeof(packet));
	packet[offsetof(struct mip6_ipv6, nexthdr)] = NH_ROUTING;
	packet[IP6_HDR_LEN] = NH_UDP;
	assert_int_equal(check_inner(&slow, packet, len, &outer), 0);
	packet[IP6_HDR_LEN + 2] = RH_TYPE2;
	assert_int_equal(check_inner(&slow, packet, len, &outer), len);
}

/* RFC 6040 §4.2, figure 4; -1: dropped. */
static void ecn_comes_out_of_the_tunnel_as_the_table_says(void **state)
{
	enum { NOT = 0, ECT1 = 1, ECT0 = 2, CE = 3 };
	static const int table[4][4] = {
		/* outer: not-ECT, ECT(1), ECT(0), CE */
		[NOT] = { NOT, NOT, NOT, -1 },
		[ECT1] = { ECT1, ECT1, ECT1, CE },
		[ECT0] = { ECT0, ECT1, ECT0, CE },
		[CE] = { CE, CE, CE, CE },
	};
	uint8_t packet[IP6_HDR_LEN];

	for (int in = 0; in < 4; in++) {
		for (int out = 0; out < 4; out++) {
			struct mip6_ipv6 ip = { .ver_tc_flow =
							htonl(6U << 28 | 0x55u << 22 | (uint32_t)in << 20 | 0x12345) };

			memcpy(packet, &ip, sizeof(ip));
			assert_int_equal(take_ecn(packet, 0xA8 | out), table[in][out] >= 0);
			if (table[in][out] < 0)
				continue;
			ip = read_header(packet);
			assert_int_equal(ntohl(ip.ver_tc_flow),
					 6U << 28 | 0x55u << 22 | (uint32_t)table[in][out] << 20 | 0x12345);
		}
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(too_big_starts_where_the_tunnel_ends),
		TEST(nobody_at_home_is_said_of_virtual_links_only),
		TEST(errors_are_limited_to_their_rate),
		TEST(truncated_packets_are_refused),
		TEST(only_the_mobile_node_comes_out_of_its_tunnel),
		TEST(an_expired_or_pending_binding_opens_no_tunnel),
		TEST(routing_type_0_is_refused_inside_a_tunnel),
		TEST(ecn_comes_out_of_the_tunnel_as_the_table_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
