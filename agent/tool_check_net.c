/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * mobgw check: the machine as an IPv6 router: sysctls, routes, the agent's address, home links, firewall; what a mobile
 * node needs instead is in tool_check_node.c. /proc/net and /proc/sys/net show the namespace of whoever reads them,
 * also where /sys does not.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>

#include "tool_check.h"

enum {
	ROUTE_GATEWAY = 0x0002,	      /* RTF_* of linux/route.h and linux/ipv6_route.h, which clash with libc's */
	ROUTE_BY_ADVERT = 0x00040000, /* RTF_ADDRCONF */
	NEIGHBOURS_SPARE = 256,
};

bool check_read_sysctl(const char *name, long *value)
{
	char path[160];

	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/%s", name);
	return check_read_number(path, value);
}

/* sysctl(8) takes slashes too, which names with a dot (eth0.10) need. */
const char *check_sysctl_name(const char *name)
{
	static char bufs[2][160];
	static unsigned int next;
	char *buf = bufs[next++ % ARRAY_SIZE(bufs)];

	snprintf(buf, sizeof(bufs[0]), "net/ipv6/%s", name);
	for (char *slash = buf; !strchr(name, '.') && (slash = strchr(slash, '/'));)
		*slash = '.';
	return buf;
}

void check_want_sysctl(struct check *check, enum check_level level, const char *name, long want, const char *why)
{
	long value;

	if (!check_read_sysctl(name, &value)) {
		check_say(check, level, "sysctl", "%s is not there: is IPv6 in this kernel, and on?",
			  check_sysctl_name(name));
		check_cure(check, "modprobe ipv6");
	} else if (value == want)
		check_say(check, CHECK_OK, "sysctl", "%s is %ld", check_sysctl_name(name), value);
	else {
		check_say(check, level, "sysctl", "%s is %ld: %s", check_sysctl_name(name), value, why);
		check_cure(check, "sysctl -w %s=%ld", check_sysctl_name(name), want);
	}
}

struct route {
	struct in6_addr prefix;
	unsigned int len, flags;
	char dev[IF_NAMESIZE];
};

/* 32 hexadecimal digits without colons. */
static bool parse_hex_address(const char *hex, struct in6_addr *addr)
{
	char text[40] = "";

	if (strlen(hex) != 32)
		return false;
	for (size_t i = 0; i < 8; i++)
		snprintf(text + 5 * i, sizeof(text) - 5 * i, "%.4s%s", hex + 4 * i, i < 7 ? ":" : "");
	return inet_pton(AF_INET6, text, addr) == 1;
}

/* Ten columns: destination, its length, source, its length, gateway, metric, references, uses, flags, device. */
static bool parse_route(char *line, struct route *route)
{
	enum { DESTINATION = 0, LENGTH = 1, FLAGS = 8, DEVICE = 9, COLUMNS = 10 };
	char *columns[COLUMNS], *rest = line;

	for (size_t i = 0; i < COLUMNS; i++) {
		columns[i] = strtok_r(rest, " \n", &rest);
		if (!columns[i])
			return false;
	}
	route->len = (unsigned int)strtoul(columns[LENGTH], NULL, 16);
	route->flags = (unsigned int)strtoul(columns[FLAGS], NULL, 16);
	snprintf(route->dev, sizeof(route->dev), "%s", columns[DEVICE]);
	return parse_hex_address(columns[DESTINATION], &route->prefix);
}

/* Calls @each for every IPv6 route, all tables, until it returns true; returns whether it did. */
static bool find_route(bool (*each)(const struct route *route, const void *arg), const void *arg)
{
	FILE *file = fopen("/proc/net/ipv6_route", "re");
	char line[256];
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file)) {
		struct route route = {};

		found = parse_route(line, &route) && each(&route, arg);
	}
	if (file)
		fclose(file);
	return found;
}

static bool is_default_of(const struct route *route, const void *dev)
{
	return route->len == 0 && strcmp(route->dev, dev) == 0 && (route->flags & ROUTE_BY_ADVERT);
}

static bool is_any_default(const struct route *route, const void *unused)
{
	return route->len == 0 && (route->flags & ROUTE_GATEWAY);
}

/* A router ignores advertisements unless accept_ra is 2, and then loses the default route it once learned. */
static void check_accept_ra(struct check *check, const struct check_link *link, bool has_default)
{
	bool by_advert = find_route(is_default_of, link->name);
	char name[64];
	long value;

	snprintf(name, sizeof(name), "conf/%s/accept_ra", link->name);
	if (!check_read_sysctl(name, &value))
		return;
	if (by_advert && value < 2) {
		check_say(
			check, CHECK_FAIL, "sysctl",
			"%s has its default route from router advertisements, which a router with accept_ra=%ld drops",
			link->name, value);
		check_cure(check, "sysctl -w %s=2", check_sysctl_name(name));
	} else if (!has_default && value == 1) {
		check_say(check, CHECK_INFO, "sysctl",
			  "no default route; if %s is to learn it from router advertisements:", link->name);
		check_cure(check, "sysctl -w %s=2", check_sysctl_name(name));
	}
}

static void check_interface_sysctls(struct check *check, const struct check_link *link, bool has_default)
{
	char name[64];
	long value;

	snprintf(name, sizeof(name), "conf/%s/forwarding", link->name);
	check_want_sysctl(check, CHECK_FAIL, name, 1, "packets that come in here are not forwarded");
	snprintf(name, sizeof(name), "conf/%s/disable_ipv6", link->name);
	check_want_sysctl(check, CHECK_FAIL, name, 0, "IPv6 is off on this interface");
	check_accept_ra(check, link, has_default);
	snprintf(name, sizeof(name), "conf/%s/proxy_ndp", link->name);
	if (check_read_sysctl(name, &value) && value)
		check_say(check, CHECK_INFO, "sysctl", "%s is on: not needed, the data path answers for home addresses",
			  check_sysctl_name(name));
}

/* Every care-of address on a link of ours is a neighbour entry, in the worst case one per mobile node. */
static void check_neighbour_table(struct check *check)
{
	long limit, nodes = check->config ? (long)check->config->mobile_node_count : 0;

	if (!check_read_sysctl("neigh/default/gc_thresh3", &limit))
		return;
	if (limit >= nodes + NEIGHBOURS_SPARE) {
		check_say(check, CHECK_OK, "neighbours", "room for %ld neighbours, %ld mobile nodes", limit, nodes);
		return;
	}
	check_say(check, CHECK_WARN, "neighbours", "room for %ld neighbours, but %ld mobile nodes may be on our links",
		  limit, nodes);
	check_cure(check, "sysctl -w net.ipv6.neigh.default.gc_thresh3=%ld net.ipv6.neigh.default.gc_thresh2=%ld",
		   2 * (nodes + NEIGHBOURS_SPARE), nodes + NEIGHBOURS_SPARE);
}

void check_sysctls(struct check *check)
{
	bool has_default = find_route(is_any_default, NULL);
	const struct check_link *link;
	struct check_link absent;

	check_want_sysctl(check, CHECK_FAIL, "conf/all/disable_ipv6", 0, "IPv6 is off");
	if (check_is_node(check) || check_is_correspondent(check))
		return; /* a host; a mobile node's uplinks are check_uplinks()'s */
	check_want_sysctl(check, CHECK_FAIL, "conf/all/forwarding", 1, "this machine is no IPv6 router");
	for (size_t i = 0; (link = check_interface(check, i, &absent)); i++)
		if (link->ifindex)
			check_interface_sysctls(check, link, has_default);
	check_neighbour_table(check);
}

static void check_agent_address(struct check *check)
{
	const struct config *config = check->config;
	const char *agent = addr_text(&config->agent), *dev = config->home_links[0].interface;
	int link = config_home_link(config, &config->agent);
	const struct check_address *found = NULL;

	for (size_t i = 0; i < check->address_count; i++)
		if (addr_equal(&check->addresses[i].addr, &config->agent))
			found = &check->addresses[i];
	if (link >= 0)
		dev = config->home_links[link].interface;
	if (!found) {
		check_say(check, CHECK_FAIL, "agent", "%s is on no interface of this machine", agent);
		check_cure(check, "ip -6 address add %s/%d dev %s", agent,
			   *dev ? config->home_links[link < 0 ? 0 : link].prefix_len : 128, *dev ? dev : "lo");
	} else if (found->flags & IFA_F_DADFAILED) {
		check_say(check, CHECK_FAIL, "agent",
			  "%s is in use by another machine: duplicate address detection failed", agent);
		check_cure(check, "ip -6 address show dadfailed");
	} else if (found->flags & IFA_F_TENTATIVE) {
		check_say(check, CHECK_WARN, "agent", "%s is still tentative: duplicate address detection is not over",
			  agent);
		check_cure(check, "ip -6 address show tentative");
	} else
		check_say(check, CHECK_OK, "agent", "%s is an address of this machine", agent);
}

static bool is_on_link(const struct route *route, const void *arg)
{
	const struct config_home_link *home = arg;

	return route->len == home->prefix_len && addr_equal(&route->prefix, &home->prefix) &&
	       strcmp(route->dev, home->interface) == 0 && !(route->flags & ROUTE_GATEWAY);
}

static void check_home_link(struct check *check, const struct config_home_link *home)
{
	const char *prefix = addr_text(&home->prefix);

	if (!home->interface[0]) {
		check_say(check, CHECK_OK, "home-link", "%s/%u is virtual: route it to this machine", prefix,
			  home->prefix_len);
		return;
	}
	if (find_route(is_on_link, home))
		check_say(check, CHECK_OK, "home-link", "%s/%u is on-link at %s", prefix, home->prefix_len,
			  home->interface);
	else {
		check_say(check, CHECK_FAIL, "home-link", "%s/%u is not on-link at %s: nodes at home are not reached",
			  prefix, home->prefix_len, home->interface);
		check_cure(check, "ip -6 route add %s/%u dev %s", prefix, home->prefix_len, home->interface);
	}
	check_say(check, CHECK_INFO, "home-link",
		  "router advertisements on %s should name the home agent (radvd: AdvHomeAgentFlag on; "
		  "AdvHomeAgentInfo on;)",
		  home->interface);
}

void check_home(struct check *check)
{
	if (!check->config || !check->config->home_link_count)
		return;
	check_agent_address(check);
	for (size_t i = 0; i < check->config->home_link_count; i++)
		check_home_link(check, &check->config->home_links[i]);
}

static int on_table(const struct nlmsghdr *nlh, void *arg)
{
	(*(unsigned int *)arg)++;
	return MNL_CB_OK;
}

/* Number of nftables tables; -errno where it can't be known. Asked as `nft list tables` does. */
static int count_tables(unsigned int *count)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	char buf[16384];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *nfg;
	ssize_t len;
	int more = 1;

	if (!nl)
		return -errno;
	nlh->nlmsg_type = (NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_GETTABLE;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	nfg->nfgen_family = AF_UNSPEC;
	nfg->version = NFNETLINK_V0;
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) || mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		more = -1;
	while (more > 0) {
		len = mnl_socket_recvfrom(nl, buf, sizeof(buf));
		more = len > 0 ? mnl_cb_run(buf, (size_t)len, 0, 0, on_table, count) : -1;
	}
	mnl_socket_close(nl);
	return more < 0 ? -EOPNOTSUPP : 0;
}

static void say_ruleset(struct check *check, unsigned int tables)
{
	if (tables && check_is_node(check))
		check_say(check, CHECK_INFO, "firewall",
			  "a ruleset exists (%u tables): it must let in mobility headers (protocol 135) and ICMPv6; "
			  "it sees what the tunnel carries, not the packets around it",
			  tables);
	else if (tables)
		check_say(
			check, CHECK_INFO, "firewall",
			"a ruleset exists (%u tables): packets that XDP forwards, tunnelled ones among them, bypass it",
			tables);
	if (tables)
		check_cure(check, "nft list ruleset");
}

void check_firewall(struct check *check)
{
	FILE *legacy = fopen("/proc/net/ip6_tables_names", "re");
	unsigned int tables = 0;
	char line[64];

	(void)count_tables(&tables); /* not known: then nothing is said of them */
	if (legacy) {
		while (fgets(line, sizeof(line), legacy))
			tables++;
		fclose(legacy);
	}
	say_ruleset(check, tables);
}
