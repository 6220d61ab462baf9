// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Follows links, addresses, routes and neighbours. Keeps the data path's `local_addrs` true and tells the next hops and
 * the roles what changed. Where the kernel had to drop changes (ENOBUFS) everything is read anew: nothing is lost. A
 * dump has a socket of its own, because what it finds makes others ask the kernel in the midst of it.
 */
#include "netlink_priv.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <time.h>

enum {
	MONITOR_RCVBUF = 4 << 20,  /* some 10 000 changes while the loop is busy */
	DUMP_ATTEMPTS = 8,	   /* of one that changes under our hands */
	REFRESH_US = 60 * 1000000, /* lifetimes of addresses are read anew */
	MTU_MAX = 65535,
	IFF_LOWER_UP_ = 1 << 16, /* <linux/if.h>, which can't stand beside <net/if.h> */
};

static const struct mono VALID_FOREVER = { INT64_MAX };

static struct mono now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (struct mono){ t.tv_sec * 1000000000LL + t.tv_nsec };
}

/* ---- links ---- */

static struct link *link_find(struct netlink *nl, int ifindex)
{
	struct link *link;

	HASH_FIND_INT(nl->links, &ifindex, link);
	return link;
}

static bool is_configured(const struct netlink *nl, const char *name)
{
	for (size_t i = 0; i < nl->config->interface_count; i++)
		if (!strcmp(nl->config->interfaces[i].name, name))
			return true;
	return false;
}

/* The roles first: whether XDP may redirect to a device is known once it is attached. */
static void tell_link(struct netlink *nl, const struct link_info *info, bool present)
{
	if (!nl->started)
		return;
	if (is_configured(nl, info->name))
		nl->handlers->on_link(nl->handlers->arg, info->name, info->ifindex, present);
	if (nl->nh)
		nexthops_link_changed(nl->nh, info->ifindex);
}

static void read_vlan(const struct nlattr *linkinfo, struct link_info *info)
{
	const struct nlattr *attr, *inner;
	bool vlan = false;

	mnl_attr_for_each_nested(attr, linkinfo)
	{
		if (mnl_attr_get_type(attr) == IFLA_INFO_KIND)
			vlan = mnl_attr_get_payload_len(attr) == sizeof("vlan") &&
			       !memcmp(mnl_attr_get_payload(attr), "vlan", sizeof("vlan"));
		if (!vlan || mnl_attr_get_type(attr) != IFLA_INFO_DATA)
			continue;
		mnl_attr_for_each_nested(inner, attr)
		{
			if (mnl_attr_get_payload_len(inner) < 2)
				continue;
			if (mnl_attr_get_type(inner) == IFLA_VLAN_ID)
				info->vlan_tci = mnl_attr_get_u16(inner);
			if (mnl_attr_get_type(inner) == IFLA_VLAN_PROTOCOL)
				info->vlan_proto = ntohs(mnl_attr_get_u16(inner));
		}
	}
}

/* Return: false where the message says too little. */
static bool read_link(const struct nlmsghdr *msg, struct link_info *info)
{
	static const uint8_t least[IFLA_CARRIER_CHANGES + 1] = {
		[IFLA_IFNAME] = 2, [IFLA_MTU] = 4,    [IFLA_ADDRESS] = 6,
		[IFLA_LINK] = 4,   [IFLA_MASTER] = 4, [IFLA_CARRIER_CHANGES] = 4
	};
	const struct ifinfomsg *head = mnl_nlmsg_get_payload(msg);
	const struct nlattr *attr[IFLA_CARRIER_CHANGES + 1], *lower;

	memset(info, 0, sizeof(*info)); /* compared as octets, padding included */
	rtnl_attributes(msg, sizeof(*head), least, attr, IFLA_CARRIER_CHANGES);
	if (!attr[IFLA_IFNAME])
		return false;
	info->ifindex = head->ifi_index;
	snprintf(info->name, sizeof(info->name), "%.*s", (int)mnl_attr_get_payload_len(attr[IFLA_IFNAME]),
		 mnl_attr_get_str(attr[IFLA_IFNAME]));
	info->ethernet = head->ifi_type == ARPHRD_ETHER;
	info->up = head->ifi_flags & IFF_UP;
	info->running = info->up && (head->ifi_flags & IFF_LOWER_UP_);
	if (attr[IFLA_MASTER])
		info->master_ifindex = (int)mnl_attr_get_u32(attr[IFLA_MASTER]);
	if (attr[IFLA_CARRIER_CHANGES])
		info->carrier_count = mnl_attr_get_u32(attr[IFLA_CARRIER_CHANGES]);
	if (attr[IFLA_MTU])
		info->mtu = mnl_attr_get_u32(attr[IFLA_MTU]) > MTU_MAX ? MTU_MAX : mnl_attr_get_u32(attr[IFLA_MTU]);
	if (attr[IFLA_ADDRESS])
		memcpy(info->mac, mnl_attr_get_payload(attr[IFLA_ADDRESS]), sizeof(info->mac));
	if (attr[IFLA_LINKINFO])
		read_vlan(attr[IFLA_LINKINFO], info);
	lower = attr[IFLA_LINK];
	if (info->vlan_proto && lower)
		info->lower_ifindex = (int)mnl_attr_get_u32(lower);
	return true;
}

static void link_gone(struct netlink *nl, struct link *link)
{
	struct link_info info = link->info;

	HASH_DEL(nl->links, link);
	free(link);
	tell_link(nl, &info, false);
}

static void on_link_message(struct netlink *nl, const struct nlmsghdr *msg)
{
	const struct ifinfomsg *head = mnl_nlmsg_get_payload(msg);
	struct link_info info;
	struct link *link;

	if (mnl_nlmsg_get_payload_len(msg) < sizeof(*head) || head->ifi_family == AF_BRIDGE)
		return;
	link = link_find(nl, head->ifi_index);
	if (msg->nlmsg_type == RTM_DELLINK) {
		if (link)
			link_gone(nl, link);
		return;
	}
	if (!read_link(msg, &info))
		return;
	if (link) {
		link->seen = true;
		info.link_local = link->info.link_local;
		if (!memcmp(&link->info, &info, sizeof(info)))
			return;
		if (strcmp(link->info.name, info.name))
			tell_link(nl, &link->info, false); /* the old name is gone */
	} else {
		link = calloc(1, sizeof(*link));
		if (!link)
			return;
		link->info.ifindex = info.ifindex;
		link->seen = true;
		HASH_ADD_INT(nl->links, info.ifindex, link);
	}
	memcpy(&link->info, &info, sizeof(info));
	tell_link(nl, &info, true);
}

int netlink_link(struct netlink *nl, int ifindex, struct link_info *out)
{
	const struct link *link = link_find(nl, ifindex);

	if (!link)
		return -ENOENT;
	*out = link->info;
	return 0;
}

bool netlink_has_vlan(struct netlink *nl, int ifindex)
{
	for (const struct link *link = nl->links; link; link = link->hh.next)
		if (link->info.lower_ifindex == ifindex)
			return true;
	return false;
}

int netlink_link_by_name(struct netlink *nl, const char *name, struct link_info *out)
{
	for (const struct link *link = nl->links; link; link = link->hh.next) {
		if (!strcmp(link->info.name, name)) {
			*out = link->info;
			return 0;
		}
	}
	return -ENOENT;
}

/* ---- addresses ---- */

static uint32_t address_flags(const struct netlink *nl, const struct in6_addr *addr)
{
	const struct config *config = nl->config;

	for (size_t i = 0; i < config->home_address_count; i++)
		if (addr_equal(addr, &config->home_addresses[i].home))
			return LOCAL_ADDR | LOCAL_HOME;
	/* a mobile node's tunnel may end at any address it has: who may send into it is decided by the home agent */
	if (config->home_address_count && addr_is_routable(addr))
		return LOCAL_ADDR | LOCAL_TUNNEL_ENDPOINT;
	return LOCAL_ADDR | (addr_equal(addr, &config->agent) ? LOCAL_TUNNEL_ENDPOINT : 0);
}

/* Until when any address of the home prefix on its link is valid; false where there is none. */
static bool prefix_valid_until(const struct netlink *nl, const struct config_home_link *home, int ifindex,
			       struct mono *until)
{
	bool any = false;

	*until = (struct mono){ 0 };
	for (const struct address *a = nl->addresses; a; a = a->next) {
		if (a->ifindex != ifindex || !addr_in_prefix(&a->addr, &home->prefix, home->prefix_len))
			continue;
		any = true;
		if (mono_before(*until, a->valid_until))
			*until = a->valid_until;
	}
	return any;
}

static uint32_t seconds_left(struct mono until)
{
	int64_t left = until.ns - now().ns;

	if (until.ns == VALID_FOREVER.ns)
		return UINT32_MAX;
	return left > 0 ? left / 1000000000 : 0;
}

/*
 * Tells what remains of home link @i, where its end came or moved by a second. Where it has no address the last word
 * stands: an address that ran out had told its end before, and one that left with its link comes back with it.
 */
static void tell_prefix(struct netlink *nl, size_t i)
{
	const struct config_home_link *home = &nl->config->home_links[i];
	struct link_info link;
	struct mono until;
	int64_t moved;

	if (netlink_link_by_name(nl, home->interface, &link) || !prefix_valid_until(nl, home, link.ifindex, &until))
		return;
	moved = until.ns - nl->told_until[i].ns;
	if (moved < 1000000000 && moved > -1000000000)
		return;
	nl->told_until[i] = until;
	nl->handlers->on_prefix_lifetime(nl->handlers->arg, (int)i, seconds_left(until));
}

static void tell_prefixes(struct netlink *nl)
{
	for (size_t i = 0; nl->started && i < nl->config->home_link_count; i++)
		if (nl->config->home_links[i].interface[0])
			tell_prefix(nl, i);
}

/* The link's own address is its oldest: the one that its neighbours know. */
static void choose_link_local(struct netlink *nl, int ifindex)
{
	struct link *link = link_find(nl, ifindex);
	struct in6_addr chosen = {};

	if (!link)
		return;
	for (const struct address *a = nl->addresses; a; a = a->next) {
		if (a->ifindex == ifindex && IN6_IS_ADDR_LINKLOCAL(&a->addr)) {
			chosen = a->addr;
			break;
		}
	}
	if (addr_equal(&link->info.link_local, &chosen))
		return;
	link->info.link_local = chosen;
	tell_link(nl, &link->info, true);
}

static void tell_address(struct netlink *nl, int ifindex, const struct in6_addr *addr, const struct ifa_cacheinfo *info,
			 uint32_t flags, bool present)
{
	struct address_info told = { .ifindex = ifindex,
				     .addr = *addr,
				     .valid_s = info ? info->ifa_valid : 0,
				     .preferred_s = info ? info->ifa_prefered : 0,
				     .deprecated = flags & IFA_F_DEPRECATED,
				     .present = present };

	if (nl->handlers->on_address)
		nl->handlers->on_address(nl->handlers->arg, &told);
}

static void address_gone(struct netlink *nl, struct address **at)
{
	struct address *gone = *at;
	bool elsewhere = false;

	*at = gone->next;
	for (const struct address *a = nl->addresses; a; a = a->next)
		elsewhere |= addr_equal(&a->addr, &gone->addr);
	if (!elsewhere)
		datapath_local_set(nl->dp, &gone->addr, 0);
	if (IN6_IS_ADDR_LINKLOCAL(&gone->addr))
		choose_link_local(nl, gone->ifindex);
	tell_address(nl, gone->ifindex, &gone->addr, NULL, 0, false);
	free(gone);
}

static struct address *address_new(struct netlink *nl, struct address **at, int ifindex, const struct in6_addr *addr)
{
	struct address *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->addr = *addr;
	a->ifindex = ifindex;
	*at = a;
	datapath_local_set(nl->dp, addr, address_flags(nl, addr));
	if (IN6_IS_ADDR_LINKLOCAL(addr))
		choose_link_local(nl, ifindex);
	return a;
}

/* Usable: not in duplicate address detection, unless optimistically (RFC 4429). */
static bool address_usable(uint32_t flags)
{
	return !(flags & IFA_F_DADFAILED) && (!(flags & IFA_F_TENTATIVE) || (flags & IFA_F_OPTIMISTIC));
}

static void on_address_message(struct netlink *nl, const struct nlmsghdr *msg)
{
	static const uint8_t least[IFA_FLAGS + 1] = {
		[IFA_ADDRESS] = 16, [IFA_LOCAL] = 16, [IFA_CACHEINFO] = sizeof(struct ifa_cacheinfo), [IFA_FLAGS] = 4
	};
	const struct ifaddrmsg *head = mnl_nlmsg_get_payload(msg);
	const struct nlattr *attr[IFA_FLAGS + 1], *which;
	struct ifa_cacheinfo info = { .ifa_valid = UINT32_MAX, .ifa_prefered = UINT32_MAX };
	struct address **at, *a;
	struct in6_addr addr;
	uint32_t flags;

	if (mnl_nlmsg_get_payload_len(msg) < sizeof(*head) || head->ifa_family != AF_INET6)
		return;
	rtnl_attributes(msg, sizeof(*head), least, attr, IFA_FLAGS);
	which = attr[IFA_LOCAL] ? attr[IFA_LOCAL] : attr[IFA_ADDRESS];
	if (!which)
		return;
	memcpy(&addr, mnl_attr_get_payload(which), sizeof(addr));
	flags = attr[IFA_FLAGS] ? mnl_attr_get_u32(attr[IFA_FLAGS]) : head->ifa_flags;
	for (at = &nl->addresses; *at; at = &(*at)->next)
		if ((*at)->ifindex == (int)head->ifa_index && addr_equal(&(*at)->addr, &addr))
			break;
	if (msg->nlmsg_type == RTM_DELADDR || !address_usable(flags)) {
		if (*at)
			address_gone(nl, at);
		return;
	}
	a = *at ? *at : address_new(nl, at, (int)head->ifa_index, &addr);
	if (!a)
		return;
	if (attr[IFA_CACHEINFO])
		memcpy(&info, mnl_attr_get_payload(attr[IFA_CACHEINFO]), sizeof(info));
	a->seen = true;
	a->valid_until = info.ifa_valid == UINT32_MAX ? VALID_FOREVER : mono_add_s(now(), info.ifa_valid);
	tell_address(nl, a->ifindex, &addr, &info, flags, true);
}

/* ---- neighbours ---- */

static void on_neighbour_message(struct netlink *nl, const struct nlmsghdr *msg)
{
	static const uint8_t least[NDA_LLADDR + 1] = { [NDA_DST] = 16, [NDA_LLADDR] = 6 };
	const struct ndmsg *head = mnl_nlmsg_get_payload(msg);
	const struct nlattr *attr[NDA_LLADDR + 1];
	const uint8_t *mac = NULL;
	struct in6_addr addr;

	if (mnl_nlmsg_get_payload_len(msg) < sizeof(*head) || head->ndm_family != AF_INET6 || !nl->nh ||
	    (head->ndm_flags & NTF_PROXY))
		return;
	rtnl_attributes(msg, sizeof(*head), least, attr, NDA_LLADDR);
	if (!attr[NDA_DST])
		return;
	memcpy(&addr, mnl_attr_get_payload(attr[NDA_DST]), sizeof(addr));
	if (msg->nlmsg_type == RTM_NEWNEIGH && rtnl_neighbour_usable(head->ndm_state) && attr[NDA_LLADDR])
		mac = mnl_attr_get_payload(attr[NDA_LLADDR]);
	else if (msg->nlmsg_type == RTM_NEWNEIGH && head->ndm_state == NUD_INCOMPLETE)
		return; /* being resolved: the answer follows */
	nexthops_neighbour_changed(nl->nh, head->ndm_ifindex, &addr, mac);
}

/* ---- reading all of it ---- */

static int on_message(const struct nlmsghdr *msg, void *arg)
{
	struct netlink *nl = arg;

	switch (msg->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		on_link_message(nl, msg);
		break;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		on_address_message(nl, msg);
		break;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
	case RTM_NEWRULE:
	case RTM_DELRULE:
		if (nl->nh)
			nexthops_route_changed(nl->nh);
		break;
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		on_neighbour_message(nl, msg);
		break;
	}
	return MNL_CB_OK;
}

static int dump(struct netlink *nl, struct mnl_socket *sock, uint16_t type, size_t header)
{
	int err = -EINTR;

	for (int i = 0; err == -EINTR && i < DUMP_ATTEMPTS; i++) {
		char buf[256];
		struct nlmsghdr *msg = mnl_nlmsg_put_header(buf);
		struct rtgenmsg *gen;

		msg->nlmsg_type = type;
		msg->nlmsg_flags = NLM_F_DUMP;
		gen = mnl_nlmsg_put_extra_header(msg, header);
		gen->rtgen_family = type == RTM_GETLINK ? AF_UNSPEC : AF_INET6;
		err = rtnl_talk(sock, msg, on_message, nl);
	}
	return err;
}

static int dump_links(struct netlink *nl, struct mnl_socket *sock)
{
	struct link *link, *next;
	int err;

	for (link = nl->links; link; link = link->hh.next)
		link->seen = false;
	err = dump(nl, sock, RTM_GETLINK, sizeof(struct ifinfomsg));
	if (err)
		return err;
	HASH_ITER (hh, nl->links, link, next)
		if (!link->seen)
			link_gone(nl, link);
	return 0;
}

static int dump_addresses(struct netlink *nl, struct mnl_socket *sock)
{
	int err;

	for (struct address *a = nl->addresses; a; a = a->next)
		a->seen = false;
	err = dump(nl, sock, RTM_GETADDR, sizeof(struct ifaddrmsg));
	if (err)
		return err;
	for (struct address **at = &nl->addresses; *at;) {
		if ((*at)->seen)
			at = &(*at)->next;
		else
			address_gone(nl, at);
	}
	return 0;
}

/* @with_links: all there is; else addresses alone, for their lifetimes. */
static int dump_all(struct netlink *nl, bool with_links)
{
	struct mnl_socket *sock;
	int err = rtnl_open(&sock, 0);

	if (!err && with_links)
		err = dump_links(nl, sock);
	if (!err && nl->dp)
		err = dump_addresses(nl, sock);
	if (sock)
		mnl_socket_close(sock);
	if (!err && with_links && nl->started && nl->nh)
		nexthops_link_changed(nl->nh, 0); /* routes and neighbours are looked up again */
	return err;
}

/* ---- following ---- */

static int on_monitor(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	struct netlink *nl = arg;
	_Alignas(struct nlmsghdr) uint8_t buf[NETLINK_BUF];
	ssize_t got;
	int err;

	while ((got = recv(fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0)
		mnl_cb_run(buf, got, 0, 0, on_message, nl);
	if (got < 0 && errno == ENOBUFS) {
		log_warn("netlink: the kernel dropped changes; reading everything anew");
		err = dump_all(nl, true);
		if (err)
			log_error("netlink: read everything anew: %s", strerror(-err));
	}
	tell_prefixes(nl);
	return 0;
}

/* Once a minute: what the kernel changes without a word, such as lifetimes that an RA renewed. */
static int on_refresh(sd_event_source *source, uint64_t when, void *arg)
{
	struct netlink *nl = arg;

	if (nl->started && !dump_all(nl, false))
		tell_prefixes(nl);
	sd_event_source_set_time(source, when + REFRESH_US);
	sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	return 0;
}

int netlink_monitor_open(struct netlink *nl, sd_event *loop)
{
	const unsigned int rules = 1U << (RTNLGRP_IPV6_RULE - 1);
	int size = MONITOR_RCVBUF, fd, err;
	uint64_t t;

	err = rtnl_open(&nl->monitor, RTMGRP_LINK | RTMGRP_IPV6_IFADDR | RTMGRP_IPV6_ROUTE | RTMGRP_NEIGH | rules);
	if (err)
		return err;
	fd = mnl_socket_get_fd(nl->monitor);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	err = sd_event_add_io(loop, &nl->source, fd, EPOLLIN, on_monitor, nl);
	if (err >= 0)
		err = sd_event_now(loop, CLOCK_MONOTONIC, &t);
	if (err >= 0)
		err = sd_event_add_time(loop, &nl->timer, CLOCK_MONOTONIC, t + REFRESH_US, 1000000, on_refresh, nl);
	return err < 0 ? err : dump_all(nl, true);
}

int netlink_start(struct netlink *nl, struct datapath *dp, struct nexthops *nh)
{
	int err;

	nl->dp = dp;
	nl->nh = nh;
	err = dump_all(nl, true);
	if (err)
		log_error("netlink: read links and addresses: %s", strerror(-err));
	nl->started = true;
	tell_prefixes(nl);
	return err;
}

void netlink_monitor_close(struct netlink *nl)
{
	struct link *link, *next;
	struct address *a;

	sd_event_source_disable_unref(nl->source);
	sd_event_source_disable_unref(nl->timer);
	if (nl->monitor)
		mnl_socket_close(nl->monitor);
	HASH_ITER (hh, nl->links, link, next) {
		HASH_DEL(nl->links, link);
		free(link);
	}
	while ((a = nl->addresses) != NULL) {
		nl->addresses = a->next;
		free(a);
	}
}
