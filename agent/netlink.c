// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Links, addresses, routes and neighbours as the kernel has them: one socket to ask, one that follows changes. Keeps the
 * data path's `local_addrs` true and tells the next hops and roles what changed. Where the kernel had to drop changes
 * (ENOBUFS) everything is read anew: nothing is lost.
 */
#include "netlink_priv.h"

#include <errno.h>
#include <net/if_arp.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <stdlib.h>
#include <time.h>
#include <uthash.h>

enum { MONITOR_RCVBUF = 4 << 20 }; /* some 10 000 changes while the loop is busy */

struct link {
	struct link_info info; /* info.ifindex is the key */
	UT_hash_handle hh;
};

struct address {
	struct in6_addr addr;
	int ifindex;
	uint32_t valid_s; /* as last told; UINT32_MAX: infinite */
	bool seen;	  /* in the dump under way */
	struct address *next;
};

struct netlink {
	const struct config *config;
	const struct kernel_handlers *handlers;
	struct datapath *dp;
	struct nexthops *nh;
	struct mnl_socket *request, *monitor;
	sd_event_source *source;
	struct link *links;
	struct address *addresses;
	bool started; /* handlers may be called */
};

int rtnl_talk(struct mnl_socket *sock, struct nlmsghdr *req, mnl_cb_t cb, void *arg)
{
	static unsigned int seq;
	char buf[NETLINK_BUF];
	ssize_t got;
	int ret = 1;

	req->nlmsg_seq = ++seq;
	req->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	if (mnl_socket_sendto(sock, req, req->nlmsg_len) < 0)
		return -errno;
	while (ret > 0) {
		got = mnl_socket_recvfrom(sock, buf, sizeof(buf));
		if (got < 0)
			return -errno;
		ret = mnl_cb_run(buf, got, req->nlmsg_seq, mnl_socket_get_portid(sock), cb, arg);
	}
	return ret < 0 ? -errno : 0;
}

void rtnl_attributes(const struct nlmsghdr *msg, size_t header, const uint8_t *least, const struct nlattr **out, unsigned int max)
{
	const struct nlattr *attr;

	memset(out, 0, (max + 1) * sizeof(*out));
	mnl_attr_for_each(attr, msg, header)
	{
		unsigned int type = mnl_attr_get_type(attr);

		if (type <= max && mnl_attr_get_payload_len(attr) >= least[type])
			out[type] = attr;
	}
}

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

static void tell_link(struct netlink *nl, const struct link_info *info, bool present)
{
	if (nl->started && nl->nh)
		nexthops_link_changed(nl->nh, info->ifindex);
	if (nl->started && is_configured(nl, info->name))
		nl->handlers->on_link(nl->handlers->arg, info->name, info->ifindex, present);
}

/* ---- links ---- */

static void read_vlan(const struct nlattr *linkinfo, struct link_info *info)
{
	const struct nlattr *attr, *inner;
	bool vlan = false;

	mnl_attr_for_each_nested(attr, linkinfo)
	{
		if (mnl_attr_get_type(attr) == IFLA_INFO_KIND && mnl_attr_get_payload_len(attr) >= 4)
			vlan = !strncmp(mnl_attr_get_str(attr), "vlan", 5);
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

static void on_link_message(struct netlink *nl, const struct nlmsghdr *msg)
{
	static const uint8_t least[IFLA_LINKINFO + 1] = { [IFLA_IFNAME] = 2, [IFLA_MTU] = 4, [IFLA_ADDRESS] = 6, [IFLA_LINK] = 4 };
	const struct ifinfomsg *head = mnl_nlmsg_get_payload(msg);
	const struct nlattr *attr[IFLA_LINKINFO + 1];
	struct link_info info = { .ifindex = head->ifi_index };
	struct link *link = link_find(nl, head->ifi_index);

	if (head->ifi_family == AF_BRIDGE)
		return;
	rtnl_attributes(msg, sizeof(*head), least, attr, IFLA_LINKINFO);
	if (msg->nlmsg_type == RTM_DELLINK) {
		if (!link)
			return;
		info = link->info;
		HASH_DEL(nl->links, link);
		free(link);
		tell_link(nl, &info, false);
		return;
	}
	if (!attr[IFLA_IFNAME])
		return;
	snprintf(info.name, sizeof(info.name), "%s", mnl_attr_get_str(attr[IFLA_IFNAME]));
	info.ethernet = head->ifi_type == ARPHRD_ETHER;
	info.up = head->ifi_flags & IFF_UP;
	if (attr[IFLA_MTU])
		info.mtu = mnl_attr_get_u32(attr[IFLA_MTU]) > 65535 ? 65535 : mnl_attr_get_u32(attr[IFLA_MTU]);
	if (attr[IFLA_ADDRESS])
		memcpy(info.mac, mnl_attr_get_payload(attr[IFLA_ADDRESS]), sizeof(info.mac));
	if (attr[IFLA_LINKINFO])
		read_vlan(attr[IFLA_LINKINFO], &info);
	if (info.vlan_proto && attr[IFLA_LINK])
		info.lower_ifindex = (int)mnl_attr_get_u32(attr[IFLA_LINK]);
	if (link) {
		info.link_local = link->info.link_local;
		if (!memcmp(&link->info, &info, sizeof(info)))
			return;
		if (strcmp(link->info.name, info.name))
			tell_link(nl, &link->info, false);
	} else {
		link = calloc(1, sizeof(*link));
		if (!link)
			return;
		link->info.ifindex = info.ifindex;
		HASH_ADD_INT(nl->links, info.ifindex, link);
	}
	link->info = info;
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
	return LOCAL_ADDR | (addr_equal(addr, &nl->config->agent) ? LOCAL_TUNNEL_ENDPOINT : 0);
}

/*
 * The longest lifetime of any address of the prefix on its link. Where there is none the last word stands: an address that
 * ran out had told its end before, and one that left with its link comes back with it.
 */
static void tell_prefixes(struct netlink *nl)
{
	for (size_t i = 0; nl->started && i < nl->config->home_link_count; i++) {
		const struct config_home_link *home = &nl->config->home_links[i];
		struct link_info link;
		uint32_t valid_s = 0;
		bool any = false;

		if (!home->interface[0] || netlink_link_by_name(nl, home->interface, &link))
			continue;
		for (const struct address *a = nl->addresses; a; a = a->next) {
			if (a->ifindex != link.ifindex || !addr_in_prefix(&a->addr, &home->prefix, home->prefix_len))
				continue;
			any = true;
			if (a->valid_s > valid_s)
				valid_s = a->valid_s;
		}
		if (any)
			nl->handlers->on_prefix_lifetime(nl->handlers->arg, (int)i, valid_s);
	}
}

static void address_gone(struct netlink *nl, struct address **at)
{
	struct address *gone = *at;
	struct link *link = link_find(nl, gone->ifindex);
	bool elsewhere = false;

	*at = gone->next;
	for (const struct address *a = nl->addresses; a; a = a->next)
		elsewhere |= addr_equal(&a->addr, &gone->addr);
	if (!elsewhere)
		datapath_local_set(nl->dp, &gone->addr, 0);
	if (link && addr_equal(&link->info.link_local, &gone->addr))
		memset(&link->info.link_local, 0, sizeof(link->info.link_local)); /* it comes back with the link, and is told then */
	free(gone);
}

static void note_link_local(struct netlink *nl, int ifindex, const struct in6_addr *addr)
{
	struct link *link = link_find(nl, ifindex);

	if (!link || !IN6_IS_ADDR_LINKLOCAL(addr) || addr_equal(&link->info.link_local, addr))
		return;
	link->info.link_local = *addr;
	tell_link(nl, &link->info, true);
}

static void on_address_message(struct netlink *nl, const struct nlmsghdr *msg)
{
	static const uint8_t least[IFA_FLAGS + 1] = {
		[IFA_ADDRESS] = 16, [IFA_LOCAL] = 16, [IFA_CACHEINFO] = sizeof(struct ifa_cacheinfo), [IFA_FLAGS] = 4
	};
	const struct ifaddrmsg *head = mnl_nlmsg_get_payload(msg);
	const struct nlattr *attr[IFA_FLAGS + 1], *which;
	uint32_t flags = head->ifa_flags;
	struct address **at;
	struct in6_addr addr;

	if (head->ifa_family != AF_INET6)
		return;
	rtnl_attributes(msg, sizeof(*head), least, attr, IFA_FLAGS);
	which = attr[IFA_LOCAL] ? attr[IFA_LOCAL] : attr[IFA_ADDRESS];
	if (!which)
		return;
	memcpy(&addr, mnl_attr_get_payload(which), sizeof(addr));
	if (attr[IFA_FLAGS])
		flags = mnl_attr_get_u32(attr[IFA_FLAGS]);
	for (at = &nl->addresses; *at; at = &(*at)->next)
		if ((*at)->ifindex == (int)head->ifa_index && addr_equal(&(*at)->addr, &addr))
			break;
	if (msg->nlmsg_type == RTM_DELADDR || (flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED))) {
		if (*at)
			address_gone(nl, at);
		return;
	}
	if (!*at) {
		*at = calloc(1, sizeof(**at));
		if (!*at)
			return;
		(*at)->addr = addr;
		(*at)->ifindex = (int)head->ifa_index;
		datapath_local_set(nl->dp, &addr, address_flags(nl, &addr));
		note_link_local(nl, (*at)->ifindex, &addr);
	}
	(*at)->seen = true;
	(*at)->valid_s = UINT32_MAX;
	if (attr[IFA_CACHEINFO])
		(*at)->valid_s = ((const struct ifa_cacheinfo *)mnl_attr_get_payload(attr[IFA_CACHEINFO]))->ifa_valid;
}

/* ---- neighbours ---- */

static bool neighbour_usable(uint16_t state)
{
	return state & (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP);
}

static void on_neighbour_message(struct netlink *nl, const struct nlmsghdr *msg)
{
	static const uint8_t least[NDA_LLADDR + 1] = { [NDA_DST] = 16, [NDA_LLADDR] = 6 };
	const struct ndmsg *head = mnl_nlmsg_get_payload(msg);
	const struct nlattr *attr[NDA_LLADDR + 1];
	const uint8_t *mac = NULL;
	struct in6_addr addr;

	if (head->ndm_family != AF_INET6 || !nl->nh)
		return;
	rtnl_attributes(msg, sizeof(*head), least, attr, NDA_LLADDR);
	if (!attr[NDA_DST])
		return;
	memcpy(&addr, mnl_attr_get_payload(attr[NDA_DST]), sizeof(addr));
	if (msg->nlmsg_type == RTM_NEWNEIGH && neighbour_usable(head->ndm_state) && attr[NDA_LLADDR])
		mac = mnl_attr_get_payload(attr[NDA_LLADDR]);
	else if (msg->nlmsg_type == RTM_NEWNEIGH && head->ndm_state == NUD_INCOMPLETE)
		return; /* being resolved: the answer follows */
	nexthops_neighbour_changed(nl->nh, head->ndm_ifindex, &addr, mac);
}

struct neighbour_answer {
	uint8_t mac[6];
	uint16_t state;
	bool found;
};

static int take_neighbour(const struct nlmsghdr *msg, void *arg)
{
	static const uint8_t least[NDA_LLADDR + 1] = { [NDA_LLADDR] = 6 };
	const struct ndmsg *head = mnl_nlmsg_get_payload(msg);
	const struct nlattr *attr[NDA_LLADDR + 1];
	struct neighbour_answer *out = arg;

	rtnl_attributes(msg, sizeof(*head), least, attr, NDA_LLADDR);
	out->state = head->ndm_state;
	if (attr[NDA_LLADDR] && neighbour_usable(head->ndm_state)) {
		memcpy(out->mac, mnl_attr_get_payload(attr[NDA_LLADDR]), sizeof(out->mac));
		out->found = true;
	}
	return MNL_CB_OK;
}

static struct nlmsghdr *neighbour_request(char *buf, uint16_t type, int ifindex, const struct in6_addr *addr)
{
	struct nlmsghdr *msg = mnl_nlmsg_put_header(buf);
	struct ndmsg *head;

	msg->nlmsg_type = type;
	head = mnl_nlmsg_put_extra_header(msg, sizeof(*head));
	head->ndm_family = AF_INET6;
	head->ndm_ifindex = ifindex;
	mnl_attr_put(msg, NDA_DST, sizeof(*addr), addr);
	return msg;
}

int netlink_neighbour(struct netlink *nl, int ifindex, const struct in6_addr *addr, uint8_t mac[6])
{
	char buf[256];
	struct neighbour_answer answer = {};
	int err = rtnl_talk(nl->request, neighbour_request(buf, RTM_GETNEIGH, ifindex, addr), take_neighbour, &answer);

	if (err)
		return err;
	if (!answer.found)
		return -ENOENT;
	memcpy(mac, answer.mac, sizeof(answer.mac));
	return 0;
}

int netlink_neighbour_manage(struct netlink *nl, int ifindex, const struct in6_addr *addr, bool managed)
{
	char buf[256];
	struct neighbour_answer answer = {};
	struct nlmsghdr *msg;
	struct ndmsg *head;

	/* an operator's permanent entry would be turned into one that is solicited (6.18, __neigh_update()) */
	if (!rtnl_talk(nl->request, neighbour_request(buf, RTM_GETNEIGH, ifindex, addr), take_neighbour, &answer) &&
	    (answer.state & (NUD_PERMANENT | NUD_NOARP)))
		return 0;
	msg = neighbour_request(buf, RTM_NEWNEIGH, ifindex, addr);
	head = mnl_nlmsg_get_payload(msg);
	msg->nlmsg_flags = NLM_F_CREATE | NLM_F_REPLACE;
	if (managed)
		mnl_attr_put_u32(msg, NDA_FLAGS_EXT, NTF_EXT_MANAGED);
	else
		head->ndm_flags = NTF_USE; /* an update without the flag takes it off */
	return rtnl_talk(nl->request, msg, NULL, NULL);
}

/* ---- routes ---- */

struct route_answer {
	int ifindex;
	struct in6_addr gateway;
	uint16_t mtu;
};

static int take_route(const struct nlmsghdr *msg, void *arg)
{
	static const uint8_t least[RTA_METRICS + 1] = { [RTA_OIF] = 4, [RTA_GATEWAY] = 16 };
	const struct nlattr *attr[RTA_METRICS + 1], *metric;
	struct route_answer *out = arg;

	rtnl_attributes(msg, sizeof(struct rtmsg), least, attr, RTA_METRICS);
	if (attr[RTA_OIF])
		out->ifindex = (int)mnl_attr_get_u32(attr[RTA_OIF]);
	if (attr[RTA_GATEWAY])
		memcpy(&out->gateway, mnl_attr_get_payload(attr[RTA_GATEWAY]), sizeof(out->gateway));
	if (!attr[RTA_METRICS])
		return MNL_CB_OK;
	mnl_attr_for_each_nested(metric, attr[RTA_METRICS])
		if (mnl_attr_get_type(metric) == RTAX_MTU && mnl_attr_get_payload_len(metric) >= 4)
			out->mtu = mnl_attr_get_u32(metric) > 65535 ? 65535 : mnl_attr_get_u32(metric);
	return MNL_CB_OK;
}

int netlink_route(struct netlink *nl, const struct in6_addr *dst, int *ifindex, struct in6_addr *gateway, uint16_t *mtu)
{
	char buf[256];
	struct nlmsghdr *msg = mnl_nlmsg_put_header(buf);
	struct route_answer answer = {};
	struct link_info link;
	struct rtmsg *head;
	int err;

	msg->nlmsg_type = RTM_GETROUTE;
	head = mnl_nlmsg_put_extra_header(msg, sizeof(*head));
	head->rtm_family = AF_INET6;
	head->rtm_dst_len = 128;
	mnl_attr_put(msg, RTA_DST, sizeof(*dst), dst);
	err = rtnl_talk(nl->request, msg, take_route, &answer);
	if (err)
		return err;
	if (!answer.ifindex)
		return -ENETUNREACH;
	*ifindex = answer.ifindex;
	*gateway = answer.gateway;
	*mtu = netlink_link(nl, answer.ifindex, &link) ? 1500 : link.mtu;
	if (answer.mtu && answer.mtu < *mtu)
		*mtu = answer.mtu;
	return 0;
}

/* ---- following ---- */

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
		tell_prefixes(nl);
		break;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
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

static int dump(struct netlink *nl, uint16_t type, size_t header)
{
	char buf[256];
	struct nlmsghdr *msg = mnl_nlmsg_put_header(buf);
	struct rtgenmsg *gen;

	msg->nlmsg_type = type;
	msg->nlmsg_flags = NLM_F_DUMP;
	gen = mnl_nlmsg_put_extra_header(msg, header);
	gen->rtgen_family = type == RTM_GETLINK ? AF_UNSPEC : AF_INET6;
	return rtnl_talk(nl->request, msg, on_message, nl);
}

static int dump_all(struct netlink *nl)
{
	struct address *a, **at;
	int err = dump(nl, RTM_GETLINK, sizeof(struct ifinfomsg));

	for (a = nl->addresses; a; a = a->next)
		a->seen = false;
	if (!err)
		err = dump(nl, RTM_GETADDR, sizeof(struct ifaddrmsg));
	for (at = &nl->addresses; !err && *at;) {
		if ((*at)->seen)
			at = &(*at)->next;
		else
			address_gone(nl, at);
	}
	if (!err)
		err = dump(nl, RTM_GETNEIGH, sizeof(struct ndmsg));
	if (!err && nl->nh)
		nexthops_route_changed(nl->nh);
	return err;
}

static int on_monitor(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	struct netlink *nl = arg;
	char buf[NETLINK_BUF];
	ssize_t got;

	while ((got = recv(fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0)
		mnl_cb_run(buf, got, 0, 0, on_message, nl);
	if (got < 0 && errno == ENOBUFS) {
		log_warn("netlink: the kernel dropped changes; reading everything anew");
		dump_all(nl);
	}
	return 0;
}

static int open_socket(struct mnl_socket **out, unsigned int groups)
{
	*out = mnl_socket_open(NETLINK_ROUTE);
	if (!*out || mnl_socket_bind(*out, groups, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	return 0;
}

int netlink_open(sd_event *loop, const struct config *config, const struct kernel_handlers *handlers, struct netlink **out)
{
	struct netlink *nl = calloc(1, sizeof(*nl));
	int one = 1, size = MONITOR_RCVBUF, err;

	if (!nl)
		return -ENOMEM;
	nl->config = config;
	nl->handlers = handlers;
	err = open_socket(&nl->request, 0);
	if (!err)
		err = open_socket(&nl->monitor, RTMGRP_LINK | RTMGRP_IPV6_IFADDR | RTMGRP_IPV6_ROUTE | RTMGRP_NEIGH);
	if (!err) {
		mnl_socket_setsockopt(nl->request, NETLINK_GET_STRICT_CHK, &one, sizeof(one));
		setsockopt(mnl_socket_get_fd(nl->monitor), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
		err = sd_event_add_io(loop, &nl->source, mnl_socket_get_fd(nl->monitor), EPOLLIN, on_monitor, nl);
	}
	if (!err)
		err = dump(nl, RTM_GETLINK, sizeof(struct ifinfomsg));
	if (err) {
		log_error("netlink: open: %s", strerror(-err));
		netlink_close(nl);
		return err;
	}
	*out = nl;
	return 0;
}

int netlink_start(struct netlink *nl, struct datapath *dp, struct nexthops *nh)
{
	int err;

	nl->dp = dp;
	nl->nh = nh;
	err = dump_all(nl);
	if (err)
		log_error("netlink: read links and addresses: %s", strerror(-err));
	nl->started = true;
	tell_prefixes(nl);
	return err;
}

void netlink_close(struct netlink *nl)
{
	struct link *link, *next;
	struct address *a;

	if (!nl)
		return;
	sd_event_source_disable_unref(nl->source);
	if (nl->request)
		mnl_socket_close(nl->request);
	if (nl->monitor)
		mnl_socket_close(nl->monitor);
	HASH_ITER(hh, nl->links, link, next)
	{
		HASH_DEL(nl->links, link);
		free(link);
	}
	while ((a = nl->addresses) != NULL) {
		nl->addresses = a->next;
		free(a);
	}
	free(nl);
}
