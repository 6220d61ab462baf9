// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Next hops over a netlink and a data path of the test's own: sharing, link-layer headers, passes over route changes.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../agent/kernel.h"

/* ---- what stands in for the kernel ---- */

enum { UPLINK = 2, VLAN = 3, STACKED = 4, LINKS };

static struct link_info links[LINKS];
static struct in6_addr gateway; /* unspecified: everything is on-link */
static int route_ifindex;	/* 0: no route */
static uint16_t route_mtu;
static bool neighbour_known;
static uint8_t neighbour_mac[6];
static int managed, lookups, moved;
static struct nexthop table[LIMIT_NEXTHOPS];

int netlink_link(struct netlink *nl, int ifindex, struct link_info *out)
{
	if (ifindex <= 0 || ifindex >= LINKS || !links[ifindex].ifindex)
		return -ENOENT;
	*out = links[ifindex];
	return 0;
}

int netlink_route(struct netlink *nl, const struct in6_addr *dst, int *ifindex, struct in6_addr *via, uint16_t *mtu)
{
	lookups++;
	if (!route_ifindex)
		return -ENETUNREACH;
	*ifindex = route_ifindex;
	*via = gateway;
	*mtu = route_mtu;
	return 0;
}

int netlink_neighbour(struct netlink *nl, int ifindex, const struct in6_addr *addr, uint8_t mac[6])
{
	if (!neighbour_known)
		return -ENOENT;
	memcpy(mac, neighbour_mac, 6);
	return 0;
}

int netlink_neighbour_manage(struct netlink *nl, int ifindex, const struct in6_addr *addr, bool manage)
{
	managed += manage ? 1 : -1;
	return 0;
}

int datapath_nexthop_set(struct datapath *dp, uint32_t index, const struct nexthop *nexthop)
{
	assert_in_range(index, 1, LIMIT_NEXTHOPS - 1);
	table[index] = *nexthop;
	return 0;
}

int datapath_nexthop_used(struct datapath *dp, uint32_t index)
{
	return 0;
}

int datapath_port_redirect(struct datapath *dp, int ifindex)
{
	return ifindex == UPLINK;
}

static void on_moved(void *arg)
{
	moved++;
}

/* ---- the tests ---- */

static const struct kernel_handlers handlers = { .on_nexthops_moved = on_moved };
static sd_event *loop;
static struct nexthops *nh;

static struct in6_addr address(const char *text)
{
	struct in6_addr addr;

	assert_int_equal(inet_pton(AF_INET6, text, &addr), 1);
	return addr;
}

static int setup(void **state)
{
	memset(links, 0, sizeof(links));
	memset(table, 0, sizeof(table));
	links[UPLINK] = (struct link_info){
		.ifindex = UPLINK, .mtu = 1500, .mac = { 2, 0, 0, 0, 0, 1 }, .ethernet = true, .up = true
	};
	links[VLAN] = links[STACKED] = links[UPLINK];
	links[VLAN].ifindex = VLAN;
	links[VLAN].lower_ifindex = UPLINK;
	links[VLAN].vlan_proto = 0x88a8;
	links[VLAN].vlan_tci = 100;
	links[STACKED].ifindex = STACKED;
	links[STACKED].lower_ifindex = VLAN;
	links[STACKED].vlan_proto = 0x8100;
	links[STACKED].vlan_tci = 7;
	gateway = address("fe80::1");
	route_ifindex = UPLINK;
	route_mtu = 1500;
	neighbour_known = true;
	memcpy(neighbour_mac, "\2\0\0\0\0\2", 6);
	managed = lookups = moved = 0;
	assert_int_equal(sd_event_new(&loop), 0);
	return nexthops_open(loop, NULL, NULL, &handlers, &nh);
}

static int teardown(void **state)
{
	nexthops_close(nh);
	sd_event_unref(loop);
	return 0;
}

/* Runs the loop until nothing more is due within 50 ms. */
static void settle(void)
{
	while (sd_event_run(loop, 50000) > 0)
		;
}

static void care_of_addresses_behind_one_gateway_share_an_entry(void **state)
{
	struct in6_addr a = address("2001:db8:f::1"), b = address("2001:db8:f::2");
	uint32_t index = nexthop_acquire(nh, &a);

	assert_int_not_equal(index, 0);
	assert_int_equal(nexthop_acquire(nh, &b), index);
	assert_int_equal(managed, 1);
	assert_int_equal(table[index].flags, NEXTHOP_VALID | NEXTHOP_REDIRECT);
	assert_int_equal(table[index].ifindex, UPLINK);
	assert_int_equal(table[index].mtu, 1500);
	assert_int_equal(table[index].l2_len, 14);
	assert_memory_equal(table[index].l2, "\2\0\0\0\0\2\2\0\0\0\0\1\x86\xdd", 14);
}

static void on_link_care_of_addresses_have_an_entry_each(void **state)
{
	struct in6_addr a = address("2001:db8:f::1"), b = address("2001:db8:f::2");

	gateway = in6addr_any;
	assert_int_not_equal(nexthop_acquire(nh, &a), nexthop_acquire(nh, &b));
	assert_int_equal(managed, 2);
}

static void routes_of_another_mtu_have_an_entry_of_their_own(void **state)
{
	struct in6_addr a = address("2001:db8:f::1"), b = address("2001:db8:f::2");
	uint32_t wide = nexthop_acquire(nh, &a), narrow;

	route_mtu = 1400;
	narrow = nexthop_acquire(nh, &b);
	assert_int_not_equal(narrow, wide);
	assert_int_equal(table[wide].mtu, 1500);
	assert_int_equal(table[narrow].mtu, 1400);
	assert_int_equal(managed, 1);
	neighbour_mac[5] = 9;
	nexthops_neighbour_changed(nh, UPLINK, &gateway, neighbour_mac);
	assert_int_equal(table[wide].l2[5], 9);
	assert_int_equal(table[narrow].l2[5], 9);
}

static void the_last_reference_frees_entry_and_neighbour(void **state)
{
	struct in6_addr a = address("2001:db8:f::1");
	uint32_t index = nexthop_acquire(nh, &a);

	nexthop_acquire(nh, &a);
	nexthop_release(nh, &a);
	assert_int_equal(table[index].flags & NEXTHOP_VALID, NEXTHOP_VALID);
	assert_int_equal(managed, 1);
	nexthop_release(nh, &a);
	assert_int_equal(table[index].flags, 0);
	assert_int_equal(managed, 0);
	assert_int_equal(nexthop_index(nh, &a), 0);
	assert_int_not_equal(nexthop_acquire(nh, &a), index); /* given out again only when all others have been */
}

static void a_failed_neighbour_makes_the_entry_invalid(void **state)
{
	struct in6_addr a = address("2001:db8:f::1");
	uint32_t index = nexthop_acquire(nh, &a);

	nexthops_neighbour_changed(nh, UPLINK, &gateway, NULL);
	assert_int_equal(table[index].flags, 0);
	assert_int_equal(nexthop_index(nh, &a), index);
	nexthops_neighbour_changed(nh, UPLINK, &gateway, neighbour_mac);
	assert_int_equal(table[index].flags & NEXTHOP_VALID, NEXTHOP_VALID);
}

static void vlan_tags_stand_in_the_header_outermost_first(void **state)
{
	static const struct {
		int ifindex, len;
		const char *tail; /* from octet 12 on */
	} cases[] = {
		{ VLAN, 18, "\x88\xa8\0\x64\x86\xdd" },
		{ STACKED, 22, "\x88\xa8\0\x64\x81\0\0\7\x86\xdd" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct in6_addr a = address("2001:db8:f::1");
		uint32_t index;

		route_ifindex = cases[i].ifindex;
		index = nexthop_acquire(nh, &a);
		assert_int_equal(table[index].ifindex, UPLINK);
		assert_int_equal(table[index].l2_len, cases[i].len);
		assert_memory_equal(table[index].l2 + 12, cases[i].tail, cases[i].len - 12);
		nexthop_release(nh, &a);
	}
}

static void a_device_below_that_goes_down_takes_its_vlans_along(void **state)
{
	struct in6_addr a = address("2001:db8:f::1");
	uint32_t index;

	route_ifindex = STACKED;
	index = nexthop_acquire(nh, &a);
	links[UPLINK].up = false;
	nexthops_link_changed(nh, UPLINK);
	assert_int_equal(table[index].flags, 0);
	links[UPLINK].up = true;
	nexthops_link_changed(nh, UPLINK);
	assert_int_equal(table[index].flags, NEXTHOP_VALID | NEXTHOP_REDIRECT);
}

static void no_route_and_no_ethernet_have_no_entry(void **state)
{
	struct in6_addr a = address("2001:db8:f::1"), b = address("2001:db8:f::2");

	route_ifindex = 0;
	assert_int_equal(nexthop_acquire(nh, &a), 0);
	assert_int_equal(nexthop_mtu(nh, &a), 0);
	route_ifindex = UPLINK;
	links[UPLINK].ethernet = false;
	assert_int_equal(nexthop_acquire(nh, &b), 0);
}

static void a_burst_of_route_changes_is_one_pass_and_one_message(void **state)
{
	enum { MANY = 2500 };
	struct in6_addr a = address("2001:db8:f::");
	uint32_t before;

	for (int i = 0; i < MANY; i++) {
		a.s6_addr[14] = i >> 8;
		a.s6_addr[15] = i;
		nexthop_acquire(nh, &a);
	}
	before = nexthop_index(nh, &a);
	gateway = address("fe80::2");
	lookups = 0;
	for (int i = 0; i < 100; i++)
		nexthops_route_changed(nh);
	assert_int_equal(lookups, 0);
	settle();
	assert_int_equal(lookups, MANY);
	assert_int_equal(moved, 1);
	assert_int_not_equal(nexthop_index(nh, &a), before);
	assert_int_equal(table[before].flags, 0);
	nexthops_route_changed(nh);
	settle();
	assert_int_equal(moved, 1); /* nothing moved: nobody is told */
}

static void a_pass_survives_addresses_released_under_it(void **state)
{
	struct in6_addr a = address("2001:db8:f::");

	for (int i = 0; i < 1500; i++) {
		a.s6_addr[14] = i >> 8;
		a.s6_addr[15] = i;
		nexthop_acquire(nh, &a);
	}
	nexthops_route_changed(nh);
	assert_int_not_equal(sd_event_run(loop, 100000), 0); /* the first slice */
	for (int i = 900; i < 1500; i++) {
		a.s6_addr[14] = i >> 8;
		a.s6_addr[15] = i;
		nexthop_release(nh, &a);
	}
	settle();
	assert_int_equal(lookups, 1500 + 1000);
}

static void a_kick_looks_the_route_up_again_at_once(void **state)
{
	struct in6_addr a = address("2001:db8:f::1");

	route_ifindex = 0;
	assert_int_equal(nexthop_acquire(nh, &a), 0);
	route_ifindex = UPLINK;
	nexthop_kick(nh, &a);
	assert_int_not_equal(nexthop_index(nh, &a), 0);
	assert_int_equal(moved, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(care_of_addresses_behind_one_gateway_share_an_entry),
		TEST(on_link_care_of_addresses_have_an_entry_each),
		TEST(routes_of_another_mtu_have_an_entry_of_their_own),
		TEST(the_last_reference_frees_entry_and_neighbour),
		TEST(a_failed_neighbour_makes_the_entry_invalid),
		TEST(vlan_tags_stand_in_the_header_outermost_first),
		TEST(a_device_below_that_goes_down_takes_its_vlans_along),
		TEST(no_route_and_no_ethernet_have_no_entry),
		TEST(a_burst_of_route_changes_is_one_pass_and_one_message),
		TEST(a_pass_survives_addresses_released_under_it),
		TEST(a_kick_looks_the_route_up_again_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
