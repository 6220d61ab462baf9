/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * mobgw check of a mobile node: each line it may say, brought about in a network namespace of its own by ip(8). The
 * tool's sources are no objects of the agent. Without the right to make a namespace the tests are skipped.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "check.h"

#include "../../agent/tool_check.c"
#include "../../agent/tool_check_device.c"
#include "../../agent/tool_check_ipsec.c"
#include "../../agent/tool_check_kernel.c"
#include "../../agent/tool_check_link.c"
#include "../../agent/tool_check_net.c"
#include "../../agent/tool_check_node.c"
#include "../../agent/tool_check_policy.c"

static const struct tool_options options = { .config = "mn.yaml" };
static struct config_interface interfaces[] = { { "wlan0", ATTACH_TC }, { "wwan0", ATTACH_TC } };
static struct config_uplink uplinks[] = { { "wlan0", 100 }, { "wwan0", 100 } };
static struct config_home_address homes[1];
static char home_device[] = "mobgw0", pin_dir[] = "/sys/fs/bpf/mobgw";
static struct config config = { .roles = ROLE_MOBILE_NODE,
				.interfaces = interfaces,
				.interface_count = ARRAY_SIZE(interfaces),
				.uplinks = uplinks,
				.uplink_count = ARRAY_SIZE(uplinks),
				.home_addresses = homes,
				.home_address_count = ARRAY_SIZE(homes),
				.home_device = home_device,
				.pin_dir = pin_dir };

/* Arguments of ip(8); "sysctl KEY VALUE" sets net.ipv6.conf.KEY. */
static void run(const char *line)
{
	char command[256], key[128], value[16], path[160];
	FILE *file;

	if (sscanf(line, "sysctl %127s %15s", key, value) == 2) {
		snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s", key);
		file = fopen(path, "we");
		if (!file || fputs(value, file) < 0 || fclose(file))
			fail_msg("write %s to %s", value, path);
		return;
	}
	snprintf(command, sizeof(command), "ip %s", line);
	if (system(command))
		fail_msg("%s", command);
}

/* A namespace with wlan0 attached and without wwan0, the state that nothing is said against. */
static int setup(void **state)
{
	static const char *const lines[] = {
		"link set lo up", "link add wlan0 type veth peer name x",	 "link set wlan0 up",
		"link set x up",  "link add mobgw0 type veth peer name mobgw0p", "link set mobgw0 up",
	};

	*state = NULL;
	if (unshare(CLONE_NEWNET)) {
		*state = (void *)"no network namespace";
		return 0;
	}
	homes[0].home = addr("2001:db8:1::100");
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		run(lines[i]);
	return 0;
}

static bool is_said(const struct check *check, enum check_level level, const char *text)
{
	for (size_t i = 0; i < check->finding_count; i++)
		if (check->findings[i].level == level && strstr(check->findings[i].text, text))
			return true;
	return false;
}

static bool is_said_at_all(const struct check *check, const char *text)
{
	for (enum check_level level = CHECK_OK; level < CHECK_LEVELS; level++)
		if (is_said(check, level, text))
			return true;
	return false;
}

static void look(struct check *check)
{
	static void (*const checks[])(struct check * check) = {
		check_interfaces,     check_sysctls, check_home,     check_uplinks,
		check_home_addresses, check_policy,  check_managers, check_firewall,
	};

	*check = (struct check){ .options = &options, .config = &config };
	check_load_links(check);
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
		checks[i](check);
}

static void forget(struct check *check)
{
	check_free_links(check);
	free(check->findings);
}

struct sentence {
	const char *set[4]; /* what brings it about */
	enum check_level level;
	const char *text, *cure; /* cure NULL: none */
	const char *undo;	 /* so that the next row begins as this one did; more in one by the namespace */
};

static const char *cure_of(const struct check *check, const char *text)
{
	for (size_t i = 0; i < check->finding_count; i++)
		if (strstr(check->findings[i].text, text))
			return check->findings[i].cure;
	return "";
}

static void expect_all(void **state, const struct sentence *rows, size_t count)
{
	struct check check;

	if (*state)
		skip();
	for (size_t i = 0; i < count; i++) {
		for (size_t n = 0; n < ARRAY_SIZE(rows[i].set) && rows[i].set[n]; n++)
			run(rows[i].set[n]);
		look(&check);
		for (int tries = 0; tries < 40 && !is_said(&check, rows[i].level, rows[i].text); tries++) {
			forget(&check);
			usleep(50000); /* what carrier does to a link's state comes late */
			look(&check);
		}
		if (!is_said(&check, rows[i].level, rows[i].text)) {
			print_findings(&check, (size_t[CHECK_LEVELS]){});
			fail_msg("row %zu: not said: %s %s", i, level_names[rows[i].level], rows[i].text);
		}
		assert_string_equal(cure_of(&check, rows[i].text), rows[i].cure ? rows[i].cure : "");
		forget(&check);
		if (rows[i].undo)
			run(rows[i].undo);
	}
}

static void nothing_that_a_router_needs_is_wanted_of_a_host(void **state)
{
	static const char *const unsaid[] = { "forwarding", "redirected", "too big",  "no IPv6 router",
					      "home agent", "neighbours", "proxy_ndp" };
	struct check check;

	if (*state)
		skip();
	look(&check);
	for (size_t i = 0; i < ARRAY_SIZE(unsaid); i++)
		CHECK_CASE(i, !is_said_at_all(&check, unsaid[i]));
	for (size_t i = 0; i < check.finding_count; i++)
		CHECK_CASE(i, check.findings[i].level < CHECK_WARN || strstr(check.findings[i].text, "wwan0"));
	forget(&check);
}

static void uplinks_are_there_up_and_attached(void **state)
{
	static const struct sentence rows[] = {
		{ {}, CHECK_OK, "wlan0 is up", NULL, NULL },
		{ {}, CHECK_WARN, "wwan0: no such interface", "ip link show wwan0", NULL },
		{ { "link set x down" }, CHECK_INFO, "wlan0 is up, but has no carrier: not attached", NULL, NULL },
		{ {}, CHECK_INFO, "wlan0 has no global address now: it is attached to no link", NULL, "link set x up" },
		{ { "link set wlan0 down" },
		  CHECK_WARN,
		  "wlan0 is down: mobgwd does not set uplinks up",
		  "ip link set dev wlan0 up",
		  "link set wlan0 up" },
	};

	expect_all(state, rows, ARRAY_SIZE(rows));
}

static void mtu_is_judged_by_what_sockets_see(void **state)
{
	static const struct sentence rows[] = {
		{ {}, CHECK_OK, "wlan0: MTU 1500: sockets see the tunnel's 1460 as path MTU", NULL, NULL },
		{ { "link set wlan0 mtu 1320" }, CHECK_OK, "sockets see the tunnel's 1280", NULL, NULL },
		{ { "link set wlan0 mtu 1319" },
		  CHECK_WARN,
		  "wlan0: MTU 1319 is less than 1320",
		  "ip link set dev wlan0 mtu 1500",
		  NULL },
		{ { "link set wlan0 mtu 1280" },
		  CHECK_WARN,
		  "wlan0: MTU 1280 is less than 1320",
		  "ip link set dev wlan0 mtu 1500",
		  NULL },
		{ { "link set wlan0 mtu 1279" },
		  CHECK_FAIL,
		  "wlan0: MTU 1279: IPv6 needs 1280",
		  "ip link set dev wlan0 mtu 1500",
		  NULL },
	};

	expect_all(state, rows, ARRAY_SIZE(rows));
}

static void addresses_form_by_themselves_or_come_from_elsewhere(void **state)
{
	static const struct sentence rows[] = {
		{ {}, CHECK_OK, "conf.wlan0.accept_ra is 1", NULL, NULL },
		{ {}, CHECK_OK, "conf.wlan0.autoconf is 1", NULL, NULL },
		{ { "sysctl wlan0/forwarding 1" },
		  CHECK_INFO,
		  "conf.wlan0.accept_ra is 1, but with forwarding it must be 2: mobgwd sets that",
		  NULL,
		  NULL },
		{ { "sysctl wlan0/accept_ra 2" },
		  CHECK_OK,
		  "conf.wlan0.accept_ra is 2",
		  NULL,
		  "sysctl wlan0/forwarding 0" },
		{ { "sysctl wlan0/accept_ra 0" },
		  CHECK_WARN,
		  "conf.wlan0.accept_ra is 0: the kernel forms no addresses from advertisements, and there is none",
		  "sysctl -w net.ipv6.conf.wlan0.accept_ra=1",
		  NULL },
		{ { "sysctl wlan0/autoconf 0" },
		  CHECK_WARN,
		  "conf.wlan0.autoconf is 0: the kernel forms no addresses from prefixes, and there is none",
		  "sysctl -w net.ipv6.conf.wlan0.autoconf=1",
		  NULL },
		{ { "address add 2001:db8:f1::7/64 dev wlan0 nodad" },
		  CHECK_INFO,
		  "from advertisements; but wlan0 has 2001:db8:f1::7 from elsewhere",
		  "sysctl -w net.ipv6.conf.wlan0.accept_ra=1",
		  NULL },
		{ {},
		  CHECK_INFO,
		  "from prefixes; but wlan0 has 2001:db8:f1::7 from elsewhere",
		  "sysctl -w net.ipv6.conf.wlan0.autoconf=1",
		  NULL },
		{ { "sysctl wlan0/disable_ipv6 1" },
		  CHECK_FAIL,
		  "disable_ipv6 is 1: IPv6 is off on this uplink",
		  "sysctl -w net.ipv6.conf.wlan0.disable_ipv6=0",
		  NULL },
	};

	expect_all(state, rows, ARRAY_SIZE(rows));
}

static void somebody_else_may_give_addresses_later(void **state)
{
	struct check_link link = { .name = "wlan0" };
	struct uplink_check uplink = { .link = &link, .managed = true };
	struct check check = { .options = &options, .config = &config };

	say_no_slaac(&check, &uplink, "conf/wlan0/accept_ra", 1, "why");
	assert_true(is_said(&check, CHECK_INFO, "NetworkManager or systemd-networkd must give it addresses"));
	forget(&check);
}

static void care_of_addresses_are_those_usable_now(void **state)
{
	static const struct sentence rows[] = {
		{ {}, CHECK_INFO, "wlan0 has no global address now", NULL, NULL },
		{ { "address add 2001:db8:1::100/64 dev wlan0 nodad" },
		  CHECK_INFO,
		  "wlan0 has no global address now",
		  NULL,
		  "address del 2001:db8:1::100/64 dev wlan0" },
		{ { "address add 2001:db8:f1::7/64 dev wlan0 nodad preferred_lft 0" },
		  CHECK_INFO,
		  "wlan0 has only deprecated addresses: 2001:db8:f1::7",
		  NULL,
		  NULL },
		{ { "address add 2001:db8:f1::8/64 dev wlan0 nodad" },
		  CHECK_INFO,
		  "wlan0 has 2001:db8:f1::8 now, and more",
		  NULL,
		  "address del 2001:db8:f1::7/64 dev wlan0" },
		{ {}, CHECK_INFO, "wlan0 has 2001:db8:f1::8 now", NULL, NULL },
	};

	expect_all(state, rows, ARRAY_SIZE(rows));
}

static void optimistic_addresses_are_set_by_the_daemon(void **state)
{
	static const struct sentence rows[] = {
		{ {}, CHECK_INFO, "conf.wlan0.optimistic_dad is 0: mobgwd sets it when it starts", NULL, NULL },
		{ {}, CHECK_INFO, "conf.wlan0.use_optimistic is 0: mobgwd sets it when it starts", NULL, NULL },
		{ { "sysctl wlan0/optimistic_dad 1" }, CHECK_OK, "conf.wlan0.optimistic_dad is 1", NULL, NULL },
		{ { "sysctl wlan0/use_optimistic 1" }, CHECK_OK, "conf.wlan0.use_optimistic is 1", NULL, NULL },
	};

	if (!*state && access("/proc/sys/net/ipv6/conf/wlan0/optimistic_dad", F_OK))
		skip();
	expect_all(state, rows, ARRAY_SIZE(rows));
}

/* As on a kernel without CONFIG_IPV6_OPTIMISTIC_DAD: an interface that isn't there has no such file. */
static void without_optimistic_dad_a_handover_takes_a_second_longer(void **state)
{
	struct check check = { .options = &options, .config = &config };

	check_optimistic(&check, &(struct check_link){ .name = "absent0" });
	assert_int_equal(check.finding_count, 2);
	assert_true(
		is_said(&check, CHECK_WARN, "conf.absent0.optimistic_dad is not there: each handover waits a second"));
	assert_string_equal(check.findings[0].cure, "grep IPV6_OPTIMISTIC_DAD /boot/config-$(uname -r)");
	forget(&check);
}

static void home_addresses_are_on_our_device_or_the_home_link(void **state)
{
	static const struct sentence rows[] = {
		{ {},
		  CHECK_OK,
		  "2001:db8:1::100 is on no interface: mobgwd has it on mobgw0 while it runs",
		  NULL,
		  NULL },
		{ { "address add 2001:db8:1::100/128 dev mobgw0 nodad" },
		  CHECK_OK,
		  "2001:db8:1::100 is on mobgw0",
		  NULL,
		  NULL },
		{ { "address add 2001:db8:1::100/64 dev wlan0 nodad" },
		  CHECK_WARN,
		  "2001:db8:1::100 is on wlan0, but not by mobgwd",
		  "ip -6 address del 2001:db8:1::100/64 dev wlan0",
		  NULL },
		{ { "-6 rule add pref 28011 from 2001:db8:1::100 oif wlan0 lookup 28016" },
		  CHECK_OK,
		  "2001:db8:1::100 is on wlan0, where the home link is",
		  NULL,
		  NULL },
		{ { "address add 2001:db8:1::100/128 dev lo" },
		  CHECK_WARN,
		  "2001:db8:1::100 is on lo, but not by mobgwd",
		  "ip -6 address del 2001:db8:1::100/128 dev lo",
		  NULL },
	};

	expect_all(state, rows, ARRAY_SIZE(rows));
}

static void rules_before_ours_that_take_packets_are_named(void **state)
{
	static const struct {
		const char *rule, *text; /* NULL: nothing to be said */
	} rows[] = {
		{ "pref 28013 from 2001:db8:1::100 lookup 28032", NULL }, /* ours */
		{ "pref 28012 from 2001:db8:1::100 oif wlan0 lookup main", NULL },
		{ "pref 28010 from 2001:db8:f1::7 lookup 28016", NULL },
		{ "pref 28008 oif mobgw0 lookup 28008", NULL },
		{ "pref 28014 from all lookup 99", NULL }, /* after ours */
		{ "pref 28013 from all lookup 99", "rule 28013 (lookup 99) stands before" },
		{ "pref 100 from all lookup main",
		  "rule 100 (lookup 254) stands before mobgwd's, 28008 to 28013, and takes "
		  "packets from 2001:db8:1::100" },
		{ "pref 101 from 2001:db8:1::/64 lookup 99", "rule 101 (lookup 99)" },
		{ "pref 102 from 2001:db8:2::/64 lookup 99", NULL },
		{ "not pref 103 from 2001:db8:2::/64 lookup 99", "rule 103 (lookup 99)" },
		{ "not pref 104 from 2001:db8:1::/64 lookup 99", NULL },
		{ "pref 105 fwmark 0x80000/0xff0000 lookup 99", NULL },
		{ "not pref 106 fwmark 0xca6c lookup 99",
		  "rule 106 (lookup 99)" }, /* wg-quick's, were it before ours */
		{ "pref 107 iif wlan0 lookup 99", NULL },
		{ "pref 108 iif lo lookup 99", "rule 108 (lookup 99)" },
		{ "pref 109 oif wlan0 lookup 99", NULL },
		{ "pref 110 to 2001:db8:9::/48 lookup 99", "and takes some packets from" },
		{ "pref 111 ipproto tcp dport 80 lookup 99", "and takes some packets from" },
		{ "pref 112 from all lookup main suppress_prefixlength 0", "and takes some packets from" },
		{ "pref 113 from all unreachable", "rule 113 (unreachable)" },
		{ "pref 114 from all goto 32766", "rule 114 (goto 32766)" },
		{ "pref 115 from all goto 28013", NULL },
		{ "pref 116 from all lookup local", NULL },
	};
	char line[128];
	struct check check;

	if (*state)
		skip();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		snprintf(line, sizeof(line), "-6 rule add %s", rows[i].rule);
		run(line);
		look(&check);
		CHECK_CASE(i, is_said(&check, CHECK_WARN, rows[i].text ? rows[i].text : "stands before") ==
				      !!rows[i].text);
		CHECK_CASE(i, is_said(&check, CHECK_OK, "no rule stands before mobgwd's") == !rows[i].text);
		CHECK_CASE(i, !rows[i].text || strstr(cure_of(&check, rows[i].text), "ip -6 rule show pref "));
		forget(&check);
		snprintf(line, sizeof(line), "-6 rule del %s", rows[i].rule);
		run(line);
	}
}

static void tables_of_ours_hold_no_routes_of_others(void **state)
{
	static const struct sentence rows[] = {
		{ { "-6 route add default dev wlan0 table 28015", "-6 route add default dev wlan0 table 28096",
		    "-6 route add default dev wlan0 table 28016 proto static",
		    "-6 route add default dev mobgw0 table 28032 proto static" },
		  CHECK_OK,
		  "tables 28016 to 28095 have no routes of others",
		  NULL,
		  NULL },
		{ { "-6 route add 2001:db8:9::/48 dev wlan0 table 28016 proto boot" },
		  CHECK_WARN,
		  "table 28016 has a route by wlan0 that isn't mobgwd's, which needs 28016 to 28095",
		  "ip -6 route show table 28016   (move it to another table)",
		  "-6 route flush table 28016" },
		{ { "-6 route add default dev wlan0 table 28095 proto static" },
		  CHECK_WARN,
		  "table 28095 has a route by wlan0",
		  "ip -6 route show table 28095   (move it to another table)",
		  "-6 route flush table 28095" },
		{ { "-6 route add default dev wlan0 table 28017 proto static" },
		  CHECK_WARN,
		  "table 28017 has a route by wlan0",
		  "ip -6 route show table 28017   (move it to another table)",
		  "-6 route flush table 28017" },
	};

	expect_all(state, rows, ARRAY_SIZE(rows));
}

static void firewall_has_to_let_in_signalling(void **state)
{
	struct check check = { .options = &options, .config = &config };

	say_ruleset(&check, 0);
	assert_int_equal(check.finding_count, 0);
	say_ruleset(&check, 2);
	assert_true(is_said(&check, CHECK_INFO, "a ruleset exists (2 tables): it must let in mobility headers"));
	assert_string_equal(check.findings[0].cure, "nft list ruleset");
	forget(&check);
}

static void slow_xdp_is_no_harm_unless_native_is_wished_for(void **state)
{
	struct check check = { .options = &options, .config = &config };
	struct check_link link = { .name = "wlan0" };

	interfaces[0].mode = ATTACH_AUTO;
	say_native(&check, &link, "some", true, 0);
	assert_true(is_said(&check, CHECK_INFO, "wlan0: generic XDP"));
	interfaces[0].mode = ATTACH_NATIVE;
	say_native(&check, &link, "some", true, 0);
	assert_true(is_said(&check, CHECK_FAIL, "wlan0: generic XDP"));
	interfaces[0].mode = ATTACH_TC;
	forget(&check);
}

static void managers_of_networks_are_known_by_what_they_leave(void **state)
{
	char run_dir[] = "/tmp/mobgw-run-XXXXXX", path[64];
	struct check check = { .options = &options, .config = &config };

	assert_non_null(mkdtemp(run_dir));
	assert_int_equal(find_managers(run_dir), 0);
	snprintf(path, sizeof(path), "%s/NetworkManager", run_dir);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(find_managers(run_dir), MANAGER_NETWORK_MANAGER);
	rmdir(path);
	rmdir(run_dir);
	say_managers(&check, 0);
	assert_int_equal(check.finding_count, 0);
	say_managers(&check, MANAGER_NETWORKD | MANAGER_NETWORK_MANAGER);
	assert_true(is_said(&check, CHECK_INFO, "systemd-networkd runs"));
	assert_true(is_said(&check, CHECK_INFO, "it must leave mobgw0 alone"));
	assert_string_equal(cure_of(&check, "NetworkManager runs"), "nmcli device set mobgw0 managed no");
	forget(&check);
}

static void summary_counts_uplinks_and_home_addresses(void **state)
{
	struct check check = { .options = &options };

	say_config(&check, &config);
	assert_int_equal(check.finding_count, 1);
	assert_true(is_said(&check, CHECK_OK, "mn.yaml: 2 uplinks, 1 home addresses"));
	config.auth = AUTH_NONE;
	say_config(&check, &config);
	config.auth = AUTH_IPSEC;
	assert_true(is_said(&check, CHECK_WARN, "authentication: none"));
	forget(&check);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(nothing_that_a_router_needs_is_wanted_of_a_host, setup),
		cmocka_unit_test_setup(uplinks_are_there_up_and_attached, setup),
		cmocka_unit_test_setup(mtu_is_judged_by_what_sockets_see, setup),
		cmocka_unit_test_setup(addresses_form_by_themselves_or_come_from_elsewhere, setup),
		cmocka_unit_test(somebody_else_may_give_addresses_later),
		cmocka_unit_test_setup(care_of_addresses_are_those_usable_now, setup),
		cmocka_unit_test_setup(optimistic_addresses_are_set_by_the_daemon, setup),
		cmocka_unit_test(without_optimistic_dad_a_handover_takes_a_second_longer),
		cmocka_unit_test_setup(home_addresses_are_on_our_device_or_the_home_link, setup),
		cmocka_unit_test_setup(rules_before_ours_that_take_packets_are_named, setup),
		cmocka_unit_test_setup(tables_of_ours_hold_no_routes_of_others, setup),
		cmocka_unit_test(firewall_has_to_let_in_signalling),
		cmocka_unit_test(slow_xdp_is_no_harm_unless_native_is_wished_for),
		cmocka_unit_test(managers_of_networks_are_known_by_what_they_leave),
		cmocka_unit_test(summary_counts_uplinks_and_home_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
