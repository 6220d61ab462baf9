// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What netlink_monitor.c makes of messages: links, VLANs, addresses, lifetimes; and of messages cut short. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "../../agent/netlink_monitor.c"

static int links_told, links_gone, prefixes_told, locals;
static uint32_t last_valid_s, last_flags;

int datapath_local_set(struct datapath *dp, const struct in6_addr *addr, uint32_t flags)
{
	locals += flags ? 1 : -1;
	last_flags = flags;
	return 0;
}

static void on_link(void *arg, const char *name, int ifindex, bool present)
{
	links_told += present;
	links_gone += !present;
}

static void on_prefix_lifetime(void *arg, int home_link, uint32_t valid_s)
{
	prefixes_told++;
	last_valid_s = valid_s;
}

static const struct kernel_handlers handlers = { .on_link = on_link, .on_prefix_lifetime = on_prefix_lifetime };
static struct config_interface interfaces[] = { { .name = "eth1" } };
static struct config_home_link home_links[] = {
	{ .prefix = { .s6_addr = { 0x20, 1, 0xd, 0xb8, 0, 0xa } }, .prefix_len = 64, .interface = "eth1" },
};
static struct config config = {
	.interfaces = interfaces, .interface_count = 1, .home_links = home_links, .home_link_count = 1
};
static struct netlink nl;

static int setup(void **state)
{
	memset(&nl, 0, sizeof(nl));
	inet_pton(AF_INET6, "2001:db8:a::1", &config.agent);
	nl.config = &config;
	nl.handlers = &handlers;
	nl.started = true;
	links_told = links_gone = prefixes_told = locals = 0;
	last_valid_s = last_flags = 0;
	return 0;
}

static int teardown(void **state)
{
	netlink_monitor_close(&nl);
	return 0;
}

static struct nlmsghdr *link_message(char *buf, uint16_t type, const char *name, uint32_t mtu, bool vlan)
{
	struct nlmsghdr *msg = mnl_nlmsg_put_header(buf);
	struct nlattr *info, *data;
	struct ifinfomsg *head;

	msg->nlmsg_type = type;
	head = mnl_nlmsg_put_extra_header(msg, sizeof(*head));
	head->ifi_index = 7;
	head->ifi_type = ARPHRD_ETHER;
	head->ifi_flags = IFF_UP;
	mnl_attr_put(msg, IFLA_ADDRESS, 6, "\2\0\0\0\0\1");
	mnl_attr_put_strz(msg, IFLA_IFNAME, name);
	mnl_attr_put_u32(msg, IFLA_MTU, mtu);
	mnl_attr_put_u32(msg, IFLA_LINK, 3);
	if (!vlan)
		return msg;
	info = mnl_attr_nest_start(msg, IFLA_LINKINFO);
	mnl_attr_put_strz(msg, IFLA_INFO_KIND, "vlan");
	data = mnl_attr_nest_start(msg, IFLA_INFO_DATA);
	mnl_attr_put_u16(msg, IFLA_VLAN_PROTOCOL, htons(0x8100));
	mnl_attr_put_u16(msg, IFLA_VLAN_ID, 42);
	mnl_attr_nest_end(msg, data);
	mnl_attr_nest_end(msg, info);
	return msg;
}

static struct nlmsghdr *address_message(char *buf, uint16_t type, const char *text, uint32_t flags, uint32_t valid_s)
{
	struct ifa_cacheinfo info = { .ifa_prefered = valid_s, .ifa_valid = valid_s };
	struct nlmsghdr *msg = mnl_nlmsg_put_header(buf);
	struct ifaddrmsg *head;
	struct in6_addr addr;

	inet_pton(AF_INET6, text, &addr);
	msg->nlmsg_type = type;
	head = mnl_nlmsg_put_extra_header(msg, sizeof(*head));
	head->ifa_family = AF_INET6;
	head->ifa_index = 7;
	mnl_attr_put(msg, IFA_ADDRESS, sizeof(addr), &addr);
	mnl_attr_put(msg, IFA_CACHEINFO, sizeof(info), &info);
	mnl_attr_put_u32(msg, IFA_FLAGS, flags);
	return msg;
}

static void a_link_is_told_when_it_changes_and_only_then(void **state)
{
	struct link_info info;
	char buf[512];

	on_message(link_message(buf, RTM_NEWLINK, "eth1", 1500, false), &nl);
	assert_int_equal(links_told, 1);
	on_message(link_message(buf, RTM_NEWLINK, "eth1", 1500, false), &nl);
	assert_int_equal(links_told, 1);
	on_message(link_message(buf, RTM_NEWLINK, "eth1", 1400, false), &nl);
	assert_int_equal(links_told, 2);
	assert_int_equal(netlink_link_by_name(&nl, "eth1", &info), 0);
	assert_int_equal(info.mtu, 1400);
	assert_int_equal(info.lower_ifindex, 0); /* a peer, not a device below */
	on_message(link_message(buf, RTM_NEWLINK, "eth9", 1400, false), &nl);
	assert_int_equal(links_gone, 1); /* renamed: for us it vanished */
	on_message(link_message(buf, RTM_DELLINK, "eth9", 1400, false), &nl);
	assert_int_equal(netlink_link(&nl, 7, &info), -ENOENT);
	assert_int_equal(links_gone, 1);
}

static void a_vlan_names_its_tag_and_the_device_below(void **state)
{
	struct link_info info;
	char buf[512];

	on_message(link_message(buf, RTM_NEWLINK, "eth1", 1500, true), &nl);
	assert_int_equal(netlink_link(&nl, 7, &info), 0);
	assert_int_equal(info.lower_ifindex, 3);
	assert_int_equal(info.vlan_tci, 42);
	assert_int_equal(info.vlan_proto, 0x8100);
}

static void addresses_come_and_go_with_the_map(void **state)
{
	struct link_info info;
	char buf[512];

	on_message(link_message(buf, RTM_NEWLINK, "eth1", 1500, false), &nl);
	on_message(address_message(buf, RTM_NEWADDR, "2001:db8:a::1", IFA_F_TENTATIVE, 100), &nl);
	assert_int_equal(locals, 0);
	on_message(address_message(buf, RTM_NEWADDR, "2001:db8:a::1", IFA_F_PERMANENT, UINT32_MAX), &nl);
	assert_int_equal(locals, 1);
	assert_int_equal(last_flags, LOCAL_ADDR | LOCAL_TUNNEL_ENDPOINT);
	on_message(address_message(buf, RTM_NEWADDR, "fe80::7", IFA_F_PERMANENT, UINT32_MAX), &nl);
	on_message(address_message(buf, RTM_NEWADDR, "fe80::8", IFA_F_PERMANENT, UINT32_MAX), &nl);
	assert_int_equal(locals, 3);
	assert_int_equal(netlink_link(&nl, 7, &info), 0);
	assert_int_equal(info.link_local.s6_addr[15], 7);
	on_message(address_message(buf, RTM_DELADDR, "fe80::7", 0, 0), &nl);
	assert_int_equal(netlink_link(&nl, 7, &info), 0);
	assert_int_equal(info.link_local.s6_addr[15], 8); /* the next one serves */
	on_message(address_message(buf, RTM_DELADDR, "fe80::7", 0, 0), &nl);
	assert_int_equal(locals, 2);
}

static void a_prefix_is_told_what_remains_of_it(void **state)
{
	char buf[512];

	on_message(link_message(buf, RTM_NEWLINK, "eth1", 1500, false), &nl);
	tell_prefixes(&nl);
	assert_int_equal(prefixes_told, 0); /* no address yet: nothing is known */
	on_message(address_message(buf, RTM_NEWADDR, "2001:db8:a::5", 0, 100), &nl);
	tell_prefixes(&nl);
	assert_int_equal(prefixes_told, 1);
	assert_in_range(last_valid_s, 99, 100);
	on_message(address_message(buf, RTM_NEWADDR, "2001:db8:a::6", 0, 50), &nl);
	tell_prefixes(&nl);
	assert_int_equal(prefixes_told, 1); /* the longest counts */
	on_message(address_message(buf, RTM_NEWADDR, "2001:db8:a::5", IFA_F_PERMANENT, UINT32_MAX), &nl);
	tell_prefixes(&nl);
	assert_int_equal(last_valid_s, UINT32_MAX);
	on_message(address_message(buf, RTM_DELADDR, "2001:db8:a::5", 0, 0), &nl);
	on_message(address_message(buf, RTM_DELADDR, "2001:db8:a::6", 0, 0), &nl);
	tell_prefixes(&nl);
	assert_int_equal(last_valid_s, UINT32_MAX); /* the link may have gone down: the last word stands */
}

/* Every length of every message (netlink pads to four octets), each in memory of its own size, so that a read beyond it
 * is seen. */
static void messages_cut_short_do_no_harm(void **state)
{
	char full[512];
	struct nlmsghdr *messages[] = { NULL, NULL };

	for (int which = 0; which < 2; which++) {
		messages[which] = which ? address_message(full, RTM_NEWADDR, "2001:db8:a::1", 0, 9)
					: link_message(full, RTM_NEWLINK, "eth1", 1500, true);
		for (uint32_t len = sizeof(struct nlmsghdr); len <= messages[which]->nlmsg_len; len += MNL_ALIGNTO) {
			struct nlmsghdr *cut = malloc(len);

			assert_non_null(cut);
			memcpy(cut, full, len);
			cut->nlmsg_len = len;
			on_message(cut, &nl);
			free(cut);
		}
	}
	assert_non_null(nl.links);
	assert_non_null(nl.addresses);
}

static void attributes_of_a_wrong_size_are_skipped(void **state)
{
	char buf[512];
	struct nlmsghdr *msg = mnl_nlmsg_put_header(buf);
	struct ifinfomsg *head;
	struct link_info info;

	msg->nlmsg_type = RTM_NEWLINK;
	head = mnl_nlmsg_put_extra_header(msg, sizeof(*head));
	head->ifi_index = 7;
	mnl_attr_put(msg, IFLA_ADDRESS, 4, "\1\2\3\4"); /* not Ethernet's */
	mnl_attr_put(msg, IFLA_MTU, 2, "\1\2");
	mnl_attr_put(msg, IFLA_IFNAME, 20, "a-name-without-an-end");
	on_message(msg, &nl);
	assert_int_equal(netlink_link(&nl, 7, &info), 0);
	assert_int_equal(info.mtu, 0);
	assert_int_equal(info.mac[0], 0);
	assert_int_equal(strlen(info.name), IF_NAMESIZE - 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_link_is_told_when_it_changes_and_only_then),
		TEST(a_vlan_names_its_tag_and_the_device_below),
		TEST(addresses_come_and_go_with_the_map),
		TEST(a_prefix_is_told_what_remains_of_it),
		TEST(messages_cut_short_do_no_harm),
		TEST(attributes_of_a_wrong_size_are_skipped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
