/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* mobgw check: interfaces as netlink shows them (not /sys, which may show another namespace): up, XDP mode, MTU. */
#include <errno.h>
#include <net/if_arp.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>

#include "tool_check.h"

enum { TUNNEL_MTU_BEST = 1500 + IP6_HDR_LEN };

static struct check_link *new_link(struct check *check)
{
	struct check_link *grown = realloc(check->links, (check->link_count + 1) * sizeof(*grown));

	if (!grown)
		return NULL;
	check->links = grown;
	grown[check->link_count] = (struct check_link){};
	return &grown[check->link_count++];
}

static void read_kind(const struct nlattr *info, struct check_link *link)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, info)
	{
		if (mnl_attr_get_type(attr) == IFLA_INFO_KIND)
			snprintf(link->kind, sizeof(link->kind), "%.*s", (int)mnl_attr_get_payload_len(attr),
				 mnl_attr_get_str(attr));
	}
}

static int on_link(const struct nlmsghdr *nlh, void *arg)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	struct check_link *link;
	const struct nlattr *attr;

	if (nlh->nlmsg_type != RTM_NEWLINK || !(link = new_link(arg)))
		return MNL_CB_OK;
	link->ifindex = ifi->ifi_index;
	link->ethernet = ifi->ifi_type == ARPHRD_ETHER;
	link->loopback = ifi->ifi_flags & IFF_LOOPBACK;
	link->up = ifi->ifi_flags & IFF_UP;
	link->running = ifi->ifi_flags & IFF_RUNNING;
	mnl_attr_for_each(attr, nlh, sizeof(*ifi))
	{
		switch (mnl_attr_get_type(attr)) {
		case IFLA_IFNAME:
			snprintf(link->name, sizeof(link->name), "%s", mnl_attr_get_str(attr));
			break;
		case IFLA_MTU:
			link->mtu = mnl_attr_get_u32(attr);
			break;
		case IFLA_LINK:
			link->peer = (int)mnl_attr_get_u32(attr);
			break;
		case IFLA_LINK_NETNSID:
			link->peer_elsewhere = true;
			break;
		case IFLA_LINKINFO:
			read_kind(attr, link);
			break;
		}
	}
	return MNL_CB_OK;
}

static int on_address(const struct nlmsghdr *nlh, void *arg)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
	struct check *check = arg;
	struct check_address *grown,
		found = { .ifindex = (int)ifa->ifa_index, .len = ifa->ifa_prefixlen, .flags = ifa->ifa_flags };
	const struct nlattr *attr;
	bool whole = false;

	mnl_attr_for_each(attr, nlh, sizeof(*ifa))
	{
		size_t len = mnl_attr_get_payload_len(attr);
		int type = mnl_attr_get_type(attr);

		/* IFA_LOCAL is ours where there is a peer address; it comes after IFA_ADDRESS or alone counts */
		if ((type == IFA_LOCAL || (type == IFA_ADDRESS && !whole)) && len == sizeof(found.addr)) {
			memcpy(&found.addr, mnl_attr_get_payload(attr), len);
			whole = true;
		}
		if (type == IFA_FLAGS && len == sizeof(uint32_t))
			found.flags = mnl_attr_get_u32(attr);
	}
	grown = whole ? realloc(check->addresses, (check->address_count + 1) * sizeof(*grown)) : NULL;
	if (!grown)
		return MNL_CB_OK;
	check->addresses = grown;
	grown[check->address_count++] = found;
	return MNL_CB_OK;
}

static int dump(struct mnl_socket *nl, uint16_t type, size_t header, uint8_t family, mnl_cb_t each, void *arg)
{
	char buf[32768];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	ssize_t len;
	int more = 1;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	*(uint8_t *)mnl_nlmsg_put_extra_header(nlh, header) = family; /* the first octet of each of these headers */
	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	while (more > 0) {
		len = mnl_socket_recvfrom(nl, buf, sizeof(buf));
		more = len > 0 ? mnl_cb_run(buf, (size_t)len, 0, 0, each, arg) : -1;
	}
	return more < 0 ? -errno : 0;
}

int check_dump(uint16_t type, size_t header, uint8_t family, mnl_cb_t each, void *arg)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	int err;

	if (!nl)
		return -errno;
	err = mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) ? -errno : dump(nl, type, header, family, each, arg);
	mnl_socket_close(nl);
	return err;
}

void check_load_links(struct check *check)
{
	int err = check_dump(RTM_GETLINK, sizeof(struct ifinfomsg), AF_UNSPEC, on_link, check);

	if (!err)
		err = check_dump(RTM_GETADDR, sizeof(struct ifaddrmsg), AF_INET6, on_address, check);
	if (err)
		check_say(check, CHECK_FAIL, "interfaces", "netlink: list interfaces and addresses: %s",
			  strerror(-err));
}

void check_free_links(struct check *check)
{
	free(check->links);
	free(check->addresses);
}

const struct check_link *check_find_link(const struct check *check, const char *name)
{
	for (size_t i = 0; i < check->link_count; i++)
		if (strcmp(check->links[i].name, name) == 0)
			return &check->links[i];
	return NULL;
}

const struct check_link *check_interface(const struct check *check, size_t i, struct check_link *absent)
{
	const struct check_link *link;

	if (check->config) {
		if (i >= check->config->interface_count)
			return NULL;
		link = check_find_link(check, check->config->interfaces[i].name);
		*absent = (struct check_link){};
		memcpy(absent->name, check->config->interfaces[i].name, sizeof(absent->name));
		return link ? link : absent;
	}
	for (size_t n = 0; n < check->link_count; n++)
		if (check->links[n].up && !check->links[n].loopback && i-- == 0)
			return &check->links[n];
	return NULL;
}

static void check_presence(struct check *check, const struct check_link *link)
{
	bool node = check_is_node(check); /* moves between links that come and go: none of them is indispensable */

	if (!link->ifindex) {
		check_say(check, CHECK_WARN, "interfaces", "%s: no such interface; mobgwd attaches when it appears",
			  link->name);
		check_cure(check, "ip link show %s", link->name);
	} else if (!link->up) {
		check_say(check, node ? CHECK_WARN : CHECK_FAIL, "interfaces", "%s is down%s", link->name,
			  node ? ": mobgwd does not set uplinks up" : "");
		check_cure(check, "ip link set dev %s up", link->name);
	} else if (!link->running && node)
		check_say(check, CHECK_INFO, "interfaces", "%s is up, but has no carrier: not attached to a link now",
			  link->name);
	else if (!link->running)
		check_say(check, CHECK_WARN, "interfaces", "%s is up, but has no carrier: cable, or the other side",
			  link->name);
	else
		check_say(check, CHECK_OK, "interfaces", "%s is up", link->name);
}

/* A veth end takes redirected frames only while its peer polls: with XDP attached there, or GRO. Else it loses all. */
static void check_veth(struct check *check, const struct check_link *link, bool known, uint64_t features)
{
	const char *peer = "PEER";

	for (size_t i = 0; !link->peer_elsewhere && i < check->link_count; i++)
		if (check->links[i].ifindex == link->peer)
			peer = check->links[i].name;
	if (known && (features & DEVICE_XMIT))
		return;
	check_say(check, known ? CHECK_WARN : CHECK_INFO, "xdp",
		  "%s: the other end of this veth %s neither XDP nor GRO: frames redirected into it %s lost in silence",
		  link->name, known ? "has" : "must not have", known ? "are" : "would be");
	check_cure(check, "ethtool -K %s gro on%s", peer,
		   link->peer_elsewhere ? "   (in the namespace of that end)" : "");
}

/* Drivers with native XDP in 6.1, for kernels that can't be asked. */
static bool driver_is_known_native(const char *driver)
{
	static const char *const drivers[] = {
		"veth",	     "virtio_net", "ixgbe", "ixgbevf",	"i40e",	 "ice",	  "igb",    "igc",	     "mlx4_en",
		"mlx5_core", "bnxt_en",	   "ena",   "sfc",	"qede",	 "nfp",	  "mvneta", "mvpp2",	     "stmmac",
		"st_gmac",   "hv_netvsc",  "vif",   "atlantic", "tsnep", "nicvf", "netsec", "fsl_dpaa2_eth", "tun",
	};

	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++)
		if (strcmp(drivers[i], driver) == 0)
			return true;
	return false;
}

static enum attach_mode wished_mode(const struct check *check, const char *name)
{
	for (size_t i = 0; check->config && i < check->config->interface_count; i++)
		if (strcmp(check->config->interfaces[i].name, name) == 0)
			return check->config->interfaces[i].mode;
	return ATTACH_AUTO;
}

static void say_native(struct check *check, const struct check_link *link, const char *driver, bool known,
		       uint64_t features)
{
	bool wished = wished_mode(check, link->name) == ATTACH_NATIVE;

	if (known && (features & DEVICE_XDP))
		check_say(check, CHECK_OK, "xdp", "%s: native XDP, says driver %s", link->name, driver);
	else if (known) {
		check_say(check,
			  wished		 ? CHECK_FAIL
			  : check_is_node(check) ? CHECK_INFO
						 : CHECK_WARN,
			  "xdp", "%s: generic XDP, several times slower: driver %s has no native XDP now%s", link->name,
			  driver, wished ? ", but mode: native is configured" : "");
		if (wished)
			check_cure(check, "set 'mode: auto' for %s in %s", link->name, check->options->config);
	} else if (driver_is_known_native(driver))
		check_say(check, CHECK_OK, "xdp", "%s: native XDP likely (driver %s); this kernel can't be asked",
			  link->name, driver);
	else
		check_say(check, CHECK_INFO, "xdp",
			  "%s: native XDP unknown (driver %s, and this kernel can't be asked), else generic",
			  link->name, driver);
	if (check_has_lro(link->name)) {
		check_say(check, CHECK_WARN, "xdp",
			  "%s: large receive offload is on, which most drivers refuse with XDP", link->name);
		check_cure(check, "ethtool -K %s lro off", link->name);
	}
}

static void check_xdp(struct check *check, const struct check_link *link)
{
	enum attach_mode wish = wished_mode(check, link->name);
	char driver[32];
	uint64_t features = 0;
	bool known = check_xdp_features(link->ifindex, &features) == 0;

	check_driver(link->name, driver, sizeof(driver));
	if (wish == ATTACH_TC)
		check_say(check, CHECK_OK, "xdp", "%s: TC, as configured", link->name);
	else if (!link->ethernet)
		check_say(check, CHECK_OK, "xdp", "%s: TC, because it has no Ethernet header (driver %s)", link->name,
			  driver);
	else if (wish == ATTACH_GENERIC)
		check_say(check, CHECK_OK, "xdp", "%s: generic XDP, as configured", link->name);
	else
		say_native(check, link, driver, known, features);
	/* a mobile node sends by TC, which needs nothing of the other end */
	if (strcmp(link->kind, "veth") == 0 && !check_is_node(check))
		check_veth(check, link, known, features);
}

/* 40 octets of outer header: a tunnel of less than 1280 must fragment; with 1540 nobody notices it. */
static void check_mtu(struct check *check, const struct check_link *link)
{
	unsigned int tunnel = link->mtu - IP6_HDR_LEN;

	if (link->mtu < IP6_MIN_MTU) {
		check_say(check, CHECK_FAIL, "mtu", "%s: MTU %u: IPv6 needs 1280, the kernel turns it off below",
			  link->name, link->mtu);
		check_cure(check, "ip link set dev %s mtu 1500", link->name);
	} else if (check_is_node(check) && link->mtu >= IP6_MIN_MTU + IP6_HDR_LEN)
		check_say(check, CHECK_OK, "mtu", "%s: MTU %u: sockets see the tunnel's %u as path MTU", link->name,
			  link->mtu, tunnel);
	else if (check_is_correspondent(check))
		check_say(check, CHECK_OK, "mtu", "%s: MTU %u: packets to mobile nodes have %u", link->name, link->mtu,
			  link->mtu - RH2_LEN);
	else if (link->mtu >= TUNNEL_MTU_BEST)
		check_say(check, CHECK_OK, "mtu", "%s: MTU %u, tunnel MTU %u", link->name, link->mtu, tunnel);
	else if (link->mtu >= IP6_MIN_MTU + IP6_HDR_LEN) {
		check_say(check, CHECK_INFO, "mtu",
			  "%s: MTU %u, tunnel MTU %u: packets of 1500 octets are answered packet too big; if the whole "
			  "path carries 1540:",
			  link->name, link->mtu, tunnel);
		check_cure(check, "ip link set dev %s mtu %d", link->name, TUNNEL_MTU_BEST);
	} else {
		check_say(check, CHECK_WARN, "mtu",
			  "%s: MTU %u is less than 1320: full packets go through the tunnel in fragments", link->name,
			  link->mtu);
		check_cure(check, "ip link set dev %s mtu 1500", link->name);
	}
}

void check_interfaces(struct check *check)
{
	const struct check_link *link;
	struct check_link absent;

	for (size_t i = 0; (link = check_interface(check, i, &absent)); i++) {
		check_presence(check, link);
		if (!link->ifindex)
			continue;
		check_xdp(check, link);
		check_mtu(check, link);
	}
}
