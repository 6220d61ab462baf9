// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What a mobile node needs of the kernel: its home addresses on the device without ND, whatever link it visits; rules
 * that lead all they send there, and what is sent without a chosen source too; per uplink a table with the one router
 * that is believed, because the kernel keeps routes by routers that a move left behind. Rules and tables have numbers
 * of their own, so that everything can be taken away.
 */
#include "netlink_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <unistd.h>

enum {
	UPLINK_TABLE = 0x6d70, /* + index of the uplink: its router */
	HOME_TABLE = 0x6d80,   /* + index of the home address: the device without ND */
	PREFERENCE_CARE_OF = 0x6d6a,
	PREFERENCE_AT_HOME = 0x6d6b,
	PREFERENCE_HOME = 0x6d6d,
};

/* As home_device.c: one neighbour entry for all, and no ND that could miss an answer. */
static const struct in6_addr gateway = { .s6_addr = { 0xfe, 0x80, [15] = 1 } };

struct rule {
	uint32_t preference, table, flags;
	const struct in6_addr *from;
	const char *oif; /* NULL: any */
};

static int change_rule(struct mnl_socket *sock, uint16_t type, const struct rule *rule)
{
	char buf[512];
	struct nlmsghdr *msg = mnl_nlmsg_put_header(buf);
	struct fib_rule_hdr *head;
	int err;

	msg->nlmsg_type = type;
	msg->nlmsg_flags = type == RTM_NEWRULE ? NLM_F_CREATE | NLM_F_EXCL : 0;
	head = mnl_nlmsg_put_extra_header(msg, sizeof(*head));
	head->family = AF_INET6;
	head->action = FR_ACT_TO_TBL;
	head->src_len = 128;
	head->flags = rule->flags;
	mnl_attr_put_u32(msg, FRA_TABLE, rule->table);
	mnl_attr_put_u32(msg, FRA_PRIORITY, rule->preference);
	mnl_attr_put(msg, FRA_SRC, sizeof(*rule->from), rule->from);
	if (rule->oif)
		mnl_attr_put_strz(msg, FRA_OIFNAME, rule->oif);
	err = rtnl_talk(sock, msg, NULL, NULL);
	return err == (type == RTM_NEWRULE ? -EEXIST : -ENOENT) ? 0 : err;
}

struct route {
	uint32_t table, mtu; /* mtu 0: the device's */
	struct in6_addr dst;
	uint8_t dst_len;		     /* 0: default */
	const struct in6_addr *via, *source; /* via NULL: on-link */
	int ifindex;
};

static int change_route(struct mnl_socket *sock, uint16_t type, const struct route *route)
{
	char buf[512];
	struct nlmsghdr *msg = mnl_nlmsg_put_header(buf);
	struct nlattr *metrics;
	struct rtmsg *head;
	int err;

	msg->nlmsg_type = type;
	msg->nlmsg_flags = type == RTM_NEWROUTE ? NLM_F_CREATE | NLM_F_REPLACE : 0;
	head = mnl_nlmsg_put_extra_header(msg, sizeof(*head));
	head->rtm_family = AF_INET6;
	head->rtm_table = RT_TABLE_UNSPEC;
	head->rtm_protocol = RTPROT_STATIC;
	head->rtm_scope = RT_SCOPE_UNIVERSE;
	head->rtm_type = RTN_UNICAST;
	head->rtm_dst_len = route->dst_len;
	mnl_attr_put_u32(msg, RTA_TABLE, route->table);
	if (route->dst_len)
		mnl_attr_put(msg, RTA_DST, sizeof(route->dst), &route->dst);
	if (route->via)
		mnl_attr_put(msg, RTA_GATEWAY, sizeof(*route->via), route->via);
	if (route->source)
		mnl_attr_put(msg, RTA_PREFSRC, sizeof(*route->source), route->source);
	if (route->ifindex)
		mnl_attr_put_u32(msg, RTA_OIF, route->ifindex);
	if (route->mtu) {
		metrics = mnl_attr_nest_start(msg, RTA_METRICS);
		mnl_attr_put_u32(msg, RTAX_MTU, route->mtu);
		mnl_attr_nest_end(msg, metrics);
	}
	err = rtnl_talk(sock, msg, NULL, NULL);
	return type == RTM_DELROUTE && (err == -ESRCH || err == -ENOENT) ? 0 : err;
}

static int change_address(struct mnl_socket *sock, uint16_t type, int ifindex, const struct in6_addr *addr)
{
	char buf[256];
	struct nlmsghdr *msg = mnl_nlmsg_put_header(buf);
	struct ifaddrmsg *head;
	int err;

	msg->nlmsg_type = type;
	msg->nlmsg_flags = type == RTM_NEWADDR ? NLM_F_CREATE | NLM_F_REPLACE : 0;
	head = mnl_nlmsg_put_extra_header(msg, sizeof(*head));
	head->ifa_family = AF_INET6;
	head->ifa_prefixlen = 128;
	head->ifa_index = ifindex;
	head->ifa_flags = IFA_F_NODAD; /* nobody else may have it: the home agent has seen to that (RFC 6275 §11.5.5) */
	mnl_attr_put(msg, IFA_LOCAL, sizeof(*addr), addr);
	mnl_attr_put(msg, IFA_ADDRESS, sizeof(*addr), addr);
	err = rtnl_talk(sock, msg, NULL, NULL);
	return type == RTM_DELADDR && (err == -EADDRNOTAVAIL || err == -ENODEV) ? 0 : err;
}

/* A host that forwards takes router advertisements only when told so twice. */
static void accept_advertisements(const char *name)
{
	char path[128], forwarding = '0';
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/forwarding", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (read(fd, &forwarding, 1) == 1 && forwarding != '0')
		home_device_sysctl(name, "accept_ra", "2");
	close(fd);
}

/* Optimistic DAD: an address is usable while it is still being checked (RFC 4429), which a handover can't wait for. */
void mobile_device_uplink_up(const char *name)
{
	if (!if_nametoindex(name))
		return;
	home_device_sysctl(name, "optimistic_dad", "1");
	home_device_sysctl(name, "use_optimistic", "1");
	accept_advertisements(name);
}

static int open_home(struct mnl_socket *sock, const struct config *config, size_t i, int home_ifindex)
{
	const struct in6_addr *home = &config->home_addresses[i].home;
	struct rule rule = { PREFERENCE_HOME, HOME_TABLE + i, FIB_RULE_FIND_SADDR, home, NULL };
	int err = change_address(sock, RTM_NEWADDR, home_ifindex, home);

	/* FIND_SADDR: also for what has no source yet, where the home address would become it */
	if (!err)
		err = change_rule(sock, RTM_NEWRULE, &rule);
	if (err)
		log_error("mobile device: home address %s on %s: %s", addr_text(home), config->home_device,
			  strerror(-err));
	return err;
}

int mobile_device_open(const struct config *config, int home_ifindex)
{
	struct mnl_socket *sock;
	int err = rtnl_open(&sock, 0);

	for (size_t i = 0; i < config->uplink_count; i++)
		mobile_device_uplink_up(config->uplinks[i].name);
	for (size_t i = 0; !err && i < config->home_address_count; i++)
		err = open_home(sock, config, i, home_ifindex);
	if (sock)
		mnl_socket_close(sock);
	return err;
}

int mobile_device_mtu(const struct config *config, int home_ifindex, size_t home, uint32_t mtu)
{
	struct route route = { .table = HOME_TABLE + home,
			       .mtu = mtu,
			       .via = &gateway,
			       .source = &config->home_addresses[home].home,
			       .ifindex = home_ifindex };
	struct mnl_socket *sock;
	int err = rtnl_open(&sock, 0);

	if (!err)
		err = change_route(sock, RTM_NEWROUTE, &route);
	if (sock)
		mnl_socket_close(sock);
	if (err)
		log_error("mobile device: route of home address %s by %s: %s", addr_text(route.source),
			  config->home_device, strerror(-err));
	return err;
}

/* ---- care-of addresses ---- */

struct care_of_rules {
	uint32_t table;
	struct in6_addr found[8];
	size_t count;
};

static int take_rule(const struct nlmsghdr *msg, void *arg)
{
	static const uint8_t least[FRA_TABLE + 1] = { [FRA_SRC] = 16, [FRA_PRIORITY] = 4, [FRA_TABLE] = 4 };
	const struct nlattr *attr[FRA_TABLE + 1];
	struct care_of_rules *out = arg;

	rtnl_attributes(msg, sizeof(struct fib_rule_hdr), least, attr, FRA_TABLE);
	if (!attr[FRA_SRC] || !attr[FRA_PRIORITY] || !attr[FRA_TABLE] || out->count == ARRAY_SIZE(out->found) ||
	    mnl_attr_get_u32(attr[FRA_PRIORITY]) != PREFERENCE_CARE_OF ||
	    mnl_attr_get_u32(attr[FRA_TABLE]) != out->table)
		return MNL_CB_OK;
	memcpy(&out->found[out->count++], mnl_attr_get_payload(attr[FRA_SRC]), 16);
	return MNL_CB_OK;
}

/* Rules of care-of addresses this uplink had, also in a former life of the daemon. */
static int remove_former(struct mnl_socket *sock, uint32_t table, const struct in6_addr *keep)
{
	struct care_of_rules former = { .table = table };
	char buf[256];
	struct nlmsghdr *msg = mnl_nlmsg_put_header(buf);
	struct fib_rule_hdr *head;
	int err;

	msg->nlmsg_type = RTM_GETRULE;
	msg->nlmsg_flags = NLM_F_DUMP;
	head = mnl_nlmsg_put_extra_header(msg, sizeof(*head));
	head->family = AF_INET6;
	err = rtnl_talk(sock, msg, take_rule, &former);
	for (size_t i = 0; !err && i < former.count; i++)
		if (!keep || !addr_equal(&former.found[i], keep))
			err = change_rule(sock, RTM_DELRULE,
					  &(struct rule){ PREFERENCE_CARE_OF, table, 0, &former.found[i], NULL });
	return err;
}

/* Routes of one table, by what they lead to. */
struct destinations {
	uint32_t table;
	struct {
		struct in6_addr dst;
		uint8_t len;
	} found[16];
	size_t count;
};

static int take_destination(const struct nlmsghdr *msg, void *arg)
{
	static const uint8_t least[RTA_TABLE + 1] = { [RTA_DST] = 16, [RTA_TABLE] = 4 };
	const struct rtmsg *head = mnl_nlmsg_get_payload(msg);
	const struct nlattr *attr[RTA_TABLE + 1];
	struct destinations *out = arg;

	rtnl_attributes(msg, sizeof(*head), least, attr, RTA_TABLE);
	if (!attr[RTA_TABLE] || mnl_attr_get_u32(attr[RTA_TABLE]) != out->table || out->count == ARRAY_SIZE(out->found))
		return MNL_CB_OK;
	out->found[out->count].len = head->rtm_dst_len;
	if (attr[RTA_DST])
		memcpy(&out->found[out->count].dst, mnl_attr_get_payload(attr[RTA_DST]), 16);
	out->count++;
	return MNL_CB_OK;
}

/* Takes away what the table holds beside @keep, also from a former life of the daemon. */
static int remove_others(struct mnl_socket *sock, uint32_t table, const struct route *keep, size_t count)
{
	struct destinations all = { .table = table };
	char buf[256];
	struct nlmsghdr *msg = mnl_nlmsg_put_header(buf);
	struct rtmsg *head;
	int err;

	msg->nlmsg_type = RTM_GETROUTE;
	msg->nlmsg_flags = NLM_F_DUMP;
	head = mnl_nlmsg_put_extra_header(msg, sizeof(*head));
	head->rtm_family = AF_INET6;
	mnl_attr_put_u32(msg, RTA_TABLE, table);
	err = rtnl_talk(sock, msg, take_destination, &all);
	if (err == -ENOENT)
		return 0; /* no such table yet */
	for (size_t i = 0; !err && i < all.count; i++) {
		struct route gone = { .table = table, .dst = all.found[i].dst, .dst_len = all.found[i].len };
		bool kept = false;

		for (size_t k = 0; k < count; k++)
			kept |= keep[k].dst_len == gone.dst_len && addr_equal(&keep[k].dst, &gone.dst);
		if (!kept)
			err = change_route(sock, RTM_DELROUTE, &gone);
	}
	return err;
}

/* The router, the link itself, and the prefix that lies on it. */
static int set_table(struct mnl_socket *sock, uint32_t table, const struct mobile_road *road)
{
	struct route routes[] = {
		{ .table = table, .via = &road->router, .ifindex = road->ifindex },
		{ .table = table, .dst = { .s6_addr = { 0xfe, 0x80 } }, .dst_len = 64, .ifindex = road->ifindex },
		{ .table = table, .dst = road->prefix, .dst_len = road->prefix_len, .ifindex = road->ifindex },
	};
	size_t count = !road->has_router ? 0 : road->prefix_len ? 3 : 2;
	int err = 0;

	for (size_t i = 0; !err && i < count; i++)
		err = change_route(sock, RTM_NEWROUTE, &routes[i]);
	return err ? err : remove_others(sock, table, routes, count);
}

int mobile_device_lead(const struct config *config, size_t uplink, const struct mobile_road *road)
{
	struct rule rule = { PREFERENCE_CARE_OF, UPLINK_TABLE + uplink, 0, &road->care_of, NULL };
	struct mnl_socket *sock;
	int err = rtnl_open(&sock, 0);

	if (!err)
		err = remove_former(sock, rule.table, &road->care_of);
	if (!err)
		err = set_table(sock, rule.table, road);
	if (!err && !IN6_IS_ADDR_UNSPECIFIED(&road->care_of))
		err = change_rule(sock, RTM_NEWRULE, &rule);
	if (sock)
		mnl_socket_close(sock);
	if (err)
		log_error("mobile device: uplink %s by router %s: %s", config->uplinks[uplink].name,
			  road->has_router ? addr_text(&road->router) : "(none)", strerror(-err));
	return err;
}

/* By the believed router; where none is known as the kernel's own routes say. */
static int change_home_link(struct mnl_socket *sock, uint16_t type, const struct config *config, size_t uplink,
			    const struct in6_addr *home)
{
	struct rule rule = { PREFERENCE_AT_HOME, UPLINK_TABLE + uplink, 0, home, config->uplinks[uplink].name };
	int err = change_rule(sock, type, &rule);

	rule.preference = PREFERENCE_AT_HOME + 1;
	rule.table = RT_TABLE_MAIN;
	return err ? err : change_rule(sock, type, &rule);
}

int mobile_device_home_link(const struct config *config, size_t uplink, const struct in6_addr *home, bool there)
{
	struct mnl_socket *sock;
	int err = rtnl_open(&sock, 0);

	if (!err)
		err = change_home_link(sock, there ? RTM_NEWRULE : RTM_DELRULE, config, uplink, home);
	if (sock)
		mnl_socket_close(sock);
	if (err)
		log_error("mobile device: routes of home address %s on %s: %s", addr_text(home),
			  config->uplinks[uplink].name, strerror(-err));
	return err;
}

int mobile_device_at_home(int ifindex, const struct in6_addr *home, bool there)
{
	struct mnl_socket *sock;
	int err = rtnl_open(&sock, 0);

	if (!err)
		err = change_address(sock, there ? RTM_NEWADDR : RTM_DELADDR, ifindex, home);
	if (sock)
		mnl_socket_close(sock);
	if (err)
		log_error("mobile device: %s home address %s %s interface %d: %s", there ? "set" : "remove",
			  addr_text(home), there ? "on" : "from", ifindex, strerror(-err));
	return err;
}

/* Whatever is gone is gone. */
int mobile_device_remove(const struct config *config)
{
	struct mnl_socket *sock;
	int err = rtnl_open(&sock, 0);

	for (size_t i = 0; !err && i < config->home_address_count; i++) {
		const struct in6_addr *home = &config->home_addresses[i].home;

		change_rule(sock, RTM_DELRULE,
			    &(struct rule){ PREFERENCE_HOME, HOME_TABLE + i, FIB_RULE_FIND_SADDR, home, NULL });
		for (size_t u = 0; u < config->uplink_count; u++) {
			int ifindex = (int)if_nametoindex(config->uplinks[u].name);

			change_home_link(sock, RTM_DELRULE, config, u, home);
			if (ifindex)
				change_address(sock, RTM_DELADDR, ifindex, home);
		}
	}
	for (size_t u = 0; !err && u < config->uplink_count; u++) {
		remove_former(sock, UPLINK_TABLE + u, NULL);
		remove_others(sock, UPLINK_TABLE + u, NULL, 0);
	}
	if (sock)
		mnl_socket_close(sock);
	return err;
}
