// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The device without ND: a veth pair. Home prefixes are routed into its one end, where the TC program decides; what
 * only the agent can do comes out of the other end (slowpath.c). The route names a gateway, so that one neighbour entry
 * serves all home addresses, and has a lower metric than the kernel's on-link route, so that it wins on physical home
 * links too (docs/architecture.md, "Settled by trial"). It outlives the daemon as the programs do.
 */
#include "netlink_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/fib_rules.h>
#include <linux/if_link.h>
#include <linux/sockios.h>
#include <linux/veth.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
	ROUTE_METRIC = 64, /* the kernel's on-link routes have 256 */
	LINK_TABLE =
		0x6d67, /* "mg": home prefixes as on-link routes of their own links; also the preference of its rules */
	HOME_TABLE = 0x6d68, /* everything, for what the agent sends by the device without ND: also refusals to
				addresses of no home link */
	DEVICE_MTU = 65535,  /* aggregates pass whole; the routes have the MTU that counts */
	VIRTUAL_LINK_MTU = 1500,
};

int home_device_sysctl(const char *device, const char *key, const char *value)
{
	char path[128];
	int fd, err = 0;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/%s", device, key);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, value, strlen(value)) < 0) {
		err = -errno;
		log_error("device %s: write %s to %s: %s", device, value, path, strerror(-err));
	}
	if (fd >= 0)
		close(fd);
	return err;
}

static int ethtool_off(int fd, const char *device, uint32_t command)
{
	struct ethtool_value value = { .cmd = command, .data = 0 };
	struct ifreq req = {};

	snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", device);
	req.ifr_data = (void *)&value;
	return ioctl(fd, SIOCETHTOOL, &req) ? -errno : 0;
}

/* What comes out at the agent's end must be finished: checksums written, aggregates cut. */
static int offloads_off(const char *device)
{
	static const uint32_t commands[] = { ETHTOOL_STSO, ETHTOOL_STXCSUM, ETHTOOL_SSG };
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = 0;

	if (fd < 0)
		return -errno;
	for (size_t i = 0; !err && i < ARRAY_SIZE(commands); i++)
		err = ethtool_off(fd, device, commands[i]);
	close(fd);
	if (err)
		log_error("home device: offloads of %s off: %s", device, strerror(-err));
	return err;
}

struct device {
	char kind[16]; /* "veth" or another; empty where it can't be told */
	int other;     /* of a veth: the other end */
	uint32_t mtu;
};

static int take_device(const struct nlmsghdr *msg, void *arg)
{
	static const uint8_t least[IFLA_LINKINFO + 1] = { [IFLA_LINK] = 4, [IFLA_MTU] = 4 };
	const struct nlattr *attr[IFLA_LINKINFO + 1], *inner;
	struct device *out = arg;

	rtnl_attributes(msg, sizeof(struct ifinfomsg), least, attr, IFLA_LINKINFO);
	if (attr[IFLA_LINK])
		out->other = (int)mnl_attr_get_u32(attr[IFLA_LINK]);
	if (attr[IFLA_MTU])
		out->mtu = mnl_attr_get_u32(attr[IFLA_MTU]);
	if (!attr[IFLA_LINKINFO])
		return MNL_CB_OK;
	mnl_attr_for_each_nested(inner, attr[IFLA_LINKINFO]) if (mnl_attr_get_type(inner) == IFLA_INFO_KIND) snprintf(
		out->kind, sizeof(out->kind), "%.*s", (int)mnl_attr_get_payload_len(inner), mnl_attr_get_str(inner));
	return MNL_CB_OK;
}

static struct nlmsghdr *link_request(char *buf, uint16_t type, int ifindex)
{
	struct nlmsghdr *msg = mnl_nlmsg_put_header(buf);
	struct ifinfomsg *head;

	msg->nlmsg_type = type;
	head = mnl_nlmsg_put_extra_header(msg, sizeof(*head));
	head->ifi_index = ifindex;
	return msg;
}

static int create(struct mnl_socket *sock, const char *name, const char *peer)
{
	char buf[1024];
	struct nlmsghdr *msg = link_request(buf, RTM_NEWLINK, 0);
	struct nlattr *info, *data, *peer_info;

	msg->nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL;
	mnl_attr_put_strz(msg, IFLA_IFNAME, name);
	mnl_attr_put_u32(msg, IFLA_MTU, DEVICE_MTU);
	info = mnl_attr_nest_start(msg, IFLA_LINKINFO);
	mnl_attr_put_strz(msg, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(msg, IFLA_INFO_DATA);
	peer_info = mnl_attr_nest_start(msg, VETH_INFO_PEER);
	mnl_nlmsg_put_extra_header(msg, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(msg, IFLA_IFNAME, peer);
	mnl_attr_put_u32(msg, IFLA_MTU, DEVICE_MTU);
	mnl_attr_nest_end(msg, peer_info);
	mnl_attr_nest_end(msg, data);
	mnl_attr_nest_end(msg, info);
	return rtnl_talk(sock, msg, NULL, NULL);
}

/* A device of our name that isn't our pair is somebody else's: left alone. */
static int check_existing(struct mnl_socket *sock, int ifindex, const char *name, const char *peer)
{
	char buf[256];
	struct device device = {};
	int err = rtnl_talk(sock, link_request(buf, RTM_GETLINK, ifindex), take_device, &device);

	if (err) {
		log_error("home device: look at %s: %s", name, strerror(-err));
		return err;
	}
	if (!strcmp(device.kind, "veth") && device.other && device.other == (int)if_nametoindex(peer))
		return 0;
	log_error("home device: %s exists and is no veth with %s as its other end (kind '%s'): remove it (ip link del "
		  "%s), "
		  "or name another with home-device",
		  name, peer, device.kind, name);
	return -EEXIST;
}

/* Flags, MTU; no link-local address, since nothing of ours speaks ND there: before it comes up, or it would get one. */
static int configure(struct mnl_socket *sock, int ifindex, bool no_arp)
{
	char buf[256];
	struct nlmsghdr *msg = link_request(buf, RTM_NEWLINK, ifindex);
	struct nlattr *spec, *inet6;
	struct ifinfomsg *head;
	int err;

	mnl_attr_put_u32(msg, IFLA_MTU, DEVICE_MTU);
	spec = mnl_attr_nest_start(msg, IFLA_AF_SPEC);
	inet6 = mnl_attr_nest_start(msg, AF_INET6);
	mnl_attr_put_u8(msg, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	mnl_attr_nest_end(msg, inet6);
	mnl_attr_nest_end(msg, spec);
	err = rtnl_talk(sock, msg, NULL, NULL);
	if (err)
		return err;
	msg = link_request(buf, RTM_NEWLINK, ifindex);
	head = mnl_nlmsg_get_payload(msg);
	head->ifi_flags = IFF_UP | (no_arp ? IFF_NOARP : 0);
	head->ifi_change = IFF_UP | IFF_NOARP;
	return rtnl_talk(sock, msg, NULL, NULL);
}

static uint32_t link_mtu(const struct config_home_link *link)
{
	struct ifreq req = {};
	uint32_t mtu = VIRTUAL_LINK_MTU;
	int fd;

	if (!link->interface[0])
		return mtu;
	fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return mtu;
	snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", link->interface);
	if (!ioctl(fd, SIOCGIFMTU, &req))
		mtu = req.ifr_mtu;
	close(fd);
	return mtu;
}

/* Nobody: one gateway is one neighbour entry, and without ND it needs no answer. */
static const struct in6_addr gateway = { .s6_addr = { 0xfe, 0x80, [15] = 1 } };

static int add_route(struct mnl_socket *sock, const struct config_home_link *link, int ifindex)
{
	char buf[512];
	struct nlmsghdr *msg = mnl_nlmsg_put_header(buf);
	struct rtmsg *head;
	struct nlattr *metrics;
	int err;

	msg->nlmsg_type = RTM_NEWROUTE;
	msg->nlmsg_flags = NLM_F_CREATE | NLM_F_REPLACE;
	head = mnl_nlmsg_put_extra_header(msg, sizeof(*head));
	head->rtm_family = AF_INET6;
	head->rtm_dst_len = link->prefix_len;
	head->rtm_table = RT_TABLE_MAIN;
	head->rtm_protocol = RTPROT_STATIC;
	head->rtm_scope = RT_SCOPE_UNIVERSE;
	head->rtm_type = RTN_UNICAST;
	mnl_attr_put(msg, RTA_DST, sizeof(link->prefix), &link->prefix);
	mnl_attr_put(msg, RTA_GATEWAY, sizeof(gateway), &gateway);
	mnl_attr_put_u32(msg, RTA_OIF, ifindex);
	mnl_attr_put_u32(msg, RTA_PRIORITY, ROUTE_METRIC);
	metrics = mnl_attr_nest_start(msg, RTA_METRICS);
	mnl_attr_put_u32(msg, RTAX_MTU, link_mtu(link));
	mnl_attr_nest_end(msg, metrics);
	err = rtnl_talk(sock, msg, NULL, NULL);
	if (err)
		log_error("home device: route %s/%u: %s", addr_text(&link->prefix), link->prefix_len, strerror(-err));
	return err;
}

/*
 * Who is at home is sent to his link by the TC program, and looked up there by a rule for that outgoing interface: in
 * the main table he would be found behind the device without ND again. Link routes go with their link, and are set
 * again when it comes back.
 */
static int table_route(struct mnl_socket *sock, uint16_t type, uint32_t table, const struct in6_addr *prefix,
		       uint8_t prefix_len, const char *device, const struct in6_addr *via)
{
	char buf[512];
	struct nlmsghdr *msg = mnl_nlmsg_put_header(buf);
	struct rtmsg *head;

	msg->nlmsg_type = type;
	msg->nlmsg_flags = type == RTM_NEWROUTE ? NLM_F_CREATE | NLM_F_REPLACE : 0;
	head = mnl_nlmsg_put_extra_header(msg, sizeof(*head));
	head->rtm_family = AF_INET6;
	head->rtm_dst_len = prefix_len;
	head->rtm_table = RT_TABLE_UNSPEC;
	head->rtm_protocol = RTPROT_STATIC;
	head->rtm_scope = RT_SCOPE_UNIVERSE;
	head->rtm_type = RTN_UNICAST;
	mnl_attr_put_u32(msg, RTA_TABLE, table);
	mnl_attr_put(msg, RTA_DST, sizeof(*prefix), prefix);
	if (via)
		mnl_attr_put(msg, RTA_GATEWAY, sizeof(*via), via);
	mnl_attr_put_u32(msg, RTA_OIF, if_nametoindex(device));
	return rtnl_talk(sock, msg, NULL, NULL);
}

static int table_rule(struct mnl_socket *sock, uint16_t type, uint32_t table, const char *device)
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
	mnl_attr_put_u32(msg, FRA_TABLE, table);
	mnl_attr_put_u32(msg, FRA_PRIORITY, table);
	mnl_attr_put_strz(msg, FRA_OIFNAME, device);
	err = rtnl_talk(sock, msg, NULL, NULL);
	return err == -EEXIST ? 0 : err;
}

static int add_link(struct mnl_socket *sock, const struct config_home_link *link)
{
	int err;

	if (!link->interface[0])
		return 0;
	err = table_rule(sock, RTM_NEWRULE, LINK_TABLE, link->interface);
	if (!err && if_nametoindex(link->interface))
		err = table_route(sock, RTM_NEWROUTE, LINK_TABLE, &link->prefix, link->prefix_len, link->interface,
				  NULL);
	if (err == -ENETDOWN)
		return 0; /* set when it comes up */
	if (err)
		log_error("home device: route %s/%u on its link %s: %s", addr_text(&link->prefix), link->prefix_len,
			  link->interface, strerror(-err));
	return err;
}

/* The pair exists and both ends are as they should be. */
static int prepare(struct mnl_socket *sock, const char *name, const char *peer, int *ifindex, int *peer_ifindex)
{
	int err;

	*ifindex = (int)if_nametoindex(name);
	if (*ifindex) {
		err = check_existing(sock, *ifindex, name, peer);
		if (err)
			return err;
	} else {
		err = create(sock, name, peer);
		if (err) {
			log_error("home device: make veth pair %s and %s: %s", name, peer, strerror(-err));
			return err;
		}
	}
	*ifindex = (int)if_nametoindex(name);
	*peer_ifindex = (int)if_nametoindex(peer);
	if (!*ifindex || !*peer_ifindex)
		return -ENODEV;
	err = home_device_sysctl(peer, "disable_ipv6", "1");
	if (!err)
		err = home_device_sysctl(name, "accept_ra", "0");
	if (!err)
		err = configure(sock, *ifindex, true);
	if (!err)
		err = configure(sock, *peer_ifindex, false);
	if (!err)
		err = home_device_sysctl(name, "forwarding", "1");
	if (!err)
		err = offloads_off(name);
	return err;
}

int home_device_open(const struct config *config, int *ifindex, int *peer_ifindex)
{
	struct mnl_socket *sock;
	char peer[IF_NAMESIZE + 1];
	int err = rtnl_open(&sock, 0);

	snprintf(peer, sizeof(peer), "%sp", config->home_device);
	if (!err)
		err = prepare(sock, config->home_device, peer, ifindex, peer_ifindex);
	if (!err)
		err = table_rule(sock, RTM_NEWRULE, HOME_TABLE, config->home_device);
	if (!err)
		err = table_route(sock, RTM_NEWROUTE, HOME_TABLE, &in6addr_any, 0, config->home_device, &gateway);
	for (size_t i = 0; !err && i < config->home_link_count; i++) {
		err = add_route(sock, &config->home_links[i], *ifindex);
		if (!err)
			err = add_link(sock, &config->home_links[i]);
	}
	if (sock)
		mnl_socket_close(sock);
	return err;
}

void home_device_link_up(const struct config *config, const char *name)
{
	struct mnl_socket *sock;

	if (!rtnl_open(&sock, 0))
		for (size_t i = 0; i < config->home_link_count; i++)
			if (!strcmp(config->home_links[i].interface, name))
				add_link(sock, &config->home_links[i]);
	if (sock)
		mnl_socket_close(sock);
}

/* Routes by the device go with it; rules, and the routes by the home links, don't. Whatever is gone is gone. */
static void remove_rules(struct mnl_socket *sock, const struct config *config)
{
	table_rule(sock, RTM_DELRULE, HOME_TABLE, config->home_device);
	for (size_t i = 0; i < config->home_link_count; i++) {
		const struct config_home_link *link = &config->home_links[i];

		if (!link->interface[0])
			continue;
		table_rule(sock, RTM_DELRULE, LINK_TABLE, link->interface);
		table_route(sock, RTM_DELROUTE, LINK_TABLE, &link->prefix, link->prefix_len, link->interface, NULL);
	}
}

int home_device_remove(const struct config *config)
{
	int ifindex = (int)if_nametoindex(config->home_device), err;
	char buf[256], peer[IF_NAMESIZE + 1];
	struct mnl_socket *sock;

	snprintf(peer, sizeof(peer), "%sp", config->home_device);
	err = rtnl_open(&sock, 0);
	if (!err && ifindex)
		err = check_existing(sock, ifindex, config->home_device, peer);
	if (!err)
		remove_rules(sock, config);
	if (!err && ifindex)
		err = rtnl_talk(sock, link_request(buf, RTM_DELLINK, ifindex), NULL, NULL);
	if (sock)
		mnl_socket_close(sock);
	return err;
}
