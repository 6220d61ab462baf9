// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Questions to the kernel over netlink: routes, neighbours; and the requests that home_device.c makes. What the kernel
 * tells unasked is netlink_monitor.c's.
 */
#include "netlink_priv.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <stdlib.h>

/* ---- requests ---- */

int rtnl_open(struct mnl_socket **out, unsigned int groups)
{
	int one = 1;

	*out = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!*out || mnl_socket_bind(*out, groups, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	mnl_socket_setsockopt(*out, NETLINK_GET_STRICT_CHK, &one, sizeof(one));
	return 0;
}

/* Takes the mark of an inconsistent dump off, so that the dump is read to its end: the socket is clean afterwards. */
static bool take_interrupted(uint8_t *buf, int len)
{
	struct nlmsghdr *msg = (struct nlmsghdr *)buf;
	bool interrupted = false;

	for (; mnl_nlmsg_ok(msg, len); msg = mnl_nlmsg_next(msg, &len)) {
		interrupted |= msg->nlmsg_flags & NLM_F_DUMP_INTR;
		msg->nlmsg_flags &= ~NLM_F_DUMP_INTR;
	}
	return interrupted;
}

int rtnl_talk(struct mnl_socket *sock, struct nlmsghdr *req, mnl_cb_t cb, void *arg)
{
	static unsigned int seq;
	_Alignas(struct nlmsghdr) uint8_t buf[NETLINK_BUF];
	bool interrupted = false;
	int ret = MNL_CB_OK;

	req->nlmsg_seq = ++seq;
	req->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	if (mnl_socket_sendto(sock, req, req->nlmsg_len) < 0)
		return -errno;
	while (ret > MNL_CB_STOP) {
		ssize_t got = mnl_socket_recvfrom(sock, buf, sizeof(buf));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got < (ssize_t)sizeof(*req) || ((struct nlmsghdr *)buf)->nlmsg_seq != req->nlmsg_seq)
			continue; /* the rest of an answer that somebody gave up on */
		interrupted |= take_interrupted(buf, got);
		ret = mnl_cb_run(buf, got, req->nlmsg_seq, mnl_socket_get_portid(sock), cb, arg);
	}
	if (ret < 0)
		return -errno;
	return interrupted ? -EINTR : 0;
}

void rtnl_attributes(const struct nlmsghdr *msg, size_t header, const uint8_t *least, const struct nlattr **out,
		     unsigned int max)
{
	const struct nlattr *attr;

	memset(out, 0, (max + 1) * sizeof(*out));
	if (mnl_nlmsg_get_payload_len(msg) < header)
		return;
	mnl_attr_for_each(attr, msg, header)
	{
		unsigned int type = mnl_attr_get_type(attr);

		if (type <= max && mnl_attr_get_payload_len(attr) >= least[type])
			out[type] = attr;
	}
}

/* ---- neighbours ---- */

bool rtnl_neighbour_usable(uint16_t state)
{
	return state & (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP);
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
	if (attr[NDA_LLADDR] && rtnl_neighbour_usable(head->ndm_state)) {
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
	struct nlmsghdr *msg = neighbour_request(buf, RTM_GETNEIGH, ifindex, addr);
	int err = rtnl_talk(nl->request, msg, take_neighbour, &answer);

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
	struct nlmsghdr *msg = neighbour_request(buf, RTM_GETNEIGH, ifindex, addr);
	struct ndmsg *head;

	/* an operator's permanent entry would be turned into one that is solicited (6.18, __neigh_update()) */
	if (!rtnl_talk(nl->request, msg, take_neighbour, &answer) && (answer.state & (NUD_PERMANENT | NUD_NOARP)))
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
	mnl_attr_for_each_nested(metric, attr[RTA_METRICS]) if (mnl_attr_get_type(metric) == RTAX_MTU &&
								mnl_attr_get_payload_len(metric) >= 4) out->mtu =
		mnl_attr_get_u32(metric) > 65535 ? 65535 : mnl_attr_get_u32(metric);
	return MNL_CB_OK;
}

/* An address of a home prefix leads to the device without ND; who has no binding there is on the home link itself. */
static int on_home_link(struct netlink *nl, const struct in6_addr *dst, struct link_info *link)
{
	int i = config_home_link(nl->config, dst);

	if (i < 0 || !nl->config->home_links[i].interface[0])
		return -ENETUNREACH;
	return netlink_link_by_name(nl, nl->config->home_links[i].interface, link) ? -ENETUNREACH : 0;
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
	head->rtm_src_len = 128; /* tunnels start at the agent: rules and routes by source apply */
	mnl_attr_put(msg, RTA_DST, sizeof(*dst), dst);
	mnl_attr_put(msg, RTA_SRC, sizeof(nl->config->agent), &nl->config->agent);
	err = rtnl_talk(nl->request, msg, take_route, &answer);
	if (err)
		return err;
	if (!answer.ifindex || netlink_link(nl, answer.ifindex, &link))
		return -ENETUNREACH;
	if (!strcmp(link.name, nl->config->home_device)) {
		err = on_home_link(nl, dst, &link);
		if (err)
			return err;
		answer = (struct route_answer){ .mtu = link.mtu };
	}
	*ifindex = link.ifindex;
	*gateway = answer.gateway;
	*mtu = answer.mtu && answer.mtu < link.mtu ? answer.mtu : link.mtu;
	return 0;
}

int netlink_default_router(struct netlink *nl, int ifindex, struct in6_addr *gateway)
{
	/* an address that no more specific route leads to, but for routers with a full table, whose neighbours differ
	 */
	static const struct in6_addr anywhere = { .s6_addr = { 0x20 } };
	char buf[256];
	struct nlmsghdr *msg = mnl_nlmsg_put_header(buf);
	struct route_answer answer = {};
	struct rtmsg *head;
	int err;

	msg->nlmsg_type = RTM_GETROUTE;
	head = mnl_nlmsg_put_extra_header(msg, sizeof(*head));
	head->rtm_family = AF_INET6;
	head->rtm_dst_len = 128;
	mnl_attr_put(msg, RTA_DST, sizeof(anywhere), &anywhere);
	mnl_attr_put_u32(msg, RTA_OIF, (uint32_t)ifindex);
	err = rtnl_talk(nl->request, msg, take_route, &answer);
	if (err || answer.ifindex != ifindex || IN6_IS_ADDR_UNSPECIFIED(&answer.gateway))
		return -ENETUNREACH;
	*gateway = answer.gateway;
	return 0;
}

/* ---- opening ---- */

int netlink_open(sd_event *loop, const struct config *config, const struct kernel_handlers *handlers,
		 struct netlink **out)
{
	struct netlink *nl = calloc(1, sizeof(*nl));
	int err;

	if (!nl)
		return -ENOMEM;
	nl->config = config;
	nl->handlers = handlers;
	err = rtnl_open(&nl->request, 0);
	if (!err)
		err = netlink_monitor_open(nl, loop);
	if (err < 0) {
		log_error("netlink: open: %s", strerror(-err));
		netlink_close(nl);
		return err;
	}
	*out = nl;
	return 0;
}

void netlink_close(struct netlink *nl)
{
	if (!nl)
		return;
	netlink_monitor_close(nl);
	if (nl->request)
		mnl_socket_close(nl->request);
	free(nl);
}
