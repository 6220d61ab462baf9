// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * From received message to role, with the checks of RFC 6275 §9.2 in their order; ICMPv6 errors and binding errors.
 * Well-formed messages come by the raw socket; what the data path refused but the RFC wants answered comes as a whole
 * packet, as it was on the wire, and that is what errors quote. Also ICMPv6 errors about our tunnels (RFC 2473 §8).
 */
#include "gateway.h"

#include <arpa/inet.h>

enum {
	ERRORS_PER_SECOND = 1000, /* binding errors and ICMPv6 errors together, RFC 4443 §2.4(f) */
	PATH_MTU_S = 600,	  /* RFC 8201 §5.4: a learned path MTU ages */
	HAO_HEADER_LEN = sizeof(struct mip6_hao),
};

static const struct {
	const char *name, *text;
} agent_reasons[] = {
#define AGENT_ROW_(id, name, text) [id] = { name, text },
	AGENT_REASONS(AGENT_ROW_)
#undef AGENT_ROW_
};

const char *agent_reason_name(enum agent_reason why)
{
	return (unsigned int)why < AGENT_REASON_COUNT ? agent_reasons[why].name : "unknown";
}

const char *agent_reason_text(enum agent_reason why)
{
	return (unsigned int)why < AGENT_REASON_COUNT ? agent_reasons[why].text : "unknown";
}

void gateway_count(struct gateway *gw, enum agent_reason why)
{
	gw->agent_counters[why]++;
}

static bool error_allowed(struct gateway *gw)
{
	struct mono now = gw->clock();

	if (now.ns - gw->errors_refilled.ns >= 1000000000) {
		gw->errors_refilled = now;
		gw->error_tokens = ERRORS_PER_SECOND;
	}
	if (!gw->error_tokens) {
		gateway_count(gw, AGENT_ERROR_RATE);
		return false;
	}
	gw->error_tokens--;
	return true;
}

/* RFC 6275 §9.3.3; from the address that was written to. Return: whether it was sent. */
static bool send_binding_error(struct gateway *gw, enum be_status status, const struct in6_addr *from,
			       const struct in6_addr *to, const struct in6_addr *home)
{
	struct mh_msg be = { .type = MH_BE, .status = status };
	uint8_t buf[64];
	int len;

	if (IN6_IS_ADDR_MULTICAST(from) || !addr_is_routable(to) || !error_allowed(gw))
		return false;
	if (home)
		be.home = *home;
	len = mh_build(&be, buf, sizeof(buf), NULL);
	if (len < 0 || sockets_send_mh(gw->so, from, to, false, buf, len)) {
		gateway_count(gw, AGENT_SEND_FAILED);
		return false;
	}
	return true;
}

/* About @packet, which is as it was on the wire. */
static bool send_icmp_error(struct gateway *gw, uint8_t type, uint8_t code, uint32_t data, const struct in6_addr *from,
			    int ifindex, const uint8_t *packet, size_t len)
{
	struct packet_view view;
	uint8_t message[IP6_MIN_MTU];
	size_t size;

	if (packet_walk(packet, len, &view) || !packet_may_be_answered(packet, len, type == ICMP6_TOO_BIG) ||
	    !error_allowed(gw))
		return false;
	size = packet_build_icmp_error(type, code, data, packet, len, message);
	if (sockets_send_icmp(gw->so, from, &view.src, IN6_IS_ADDR_LINKLOCAL(&view.src) ? ifindex : 0, message, size)) {
		gateway_count(gw, AGENT_SEND_FAILED);
		return false;
	}
	return true;
}

/* What a fault counts as, and whether the RFC wants a parameter problem for it. */
static const struct {
	enum agent_reason reason;
	bool parameter_problem;
} faults[] = {
	[MH_FAULT_TRUNCATED] = { AGENT_MH_TRUNCATED, false }, [MH_FAULT_CHECKSUM] = { AGENT_MH_CHECKSUM, false },
	[MH_FAULT_TYPE] = { AGENT_MH_TYPE, false },	      [MH_FAULT_PROTO] = { AGENT_MH_PROTO, true },
	[MH_FAULT_SHORT] = { AGENT_MH_SHORT, true },	      [MH_FAULT_OPTION] = { AGENT_MH_OPTION, false },
};

/* RFC 3963 §4.3: of malformed options only a mobile network prefix of wrong length is answered. */
static bool wants_parameter_problem(const struct mh_result *result, const uint8_t *mh)
{
	return faults[result->fault].parameter_problem ||
	       (result->fault == MH_FAULT_OPTION && result->offset > 0 && mh[result->offset - 1] == MHO_NETWORK_PREFIX);
}

/* The packet of a message that came by the raw socket, as it was on the wire: its home address option where it had one.
 */
static size_t rebuild_wire(const struct mh_input *in, uint8_t *packet, size_t *mh_offset)
{
	size_t extra = in->has_home ? HAO_HEADER_LEN : 0;
	struct mip6_ipv6 ip = { .ver_tc_flow = htonl(6U << 28),
				.payload_len = htons(extra + in->len),
				.nexthdr = extra ? NH_DSTOPTS : NH_MH,
				.hop_limit = TUNNEL_HOP_LIMIT,
				.src = in->care_of,
				.dst = in->dst };

	memcpy(packet, &ip, sizeof(ip));
	if (extra) {
		struct mip6_hao hao = { .nexthdr = NH_MH,
					.hdrlen = 2,
					.pad = { MHO_PADN, 2 },
					.type = OPT_HOME_ADDRESS,
					.len = HAO_LEN,
					.home = in->src };

		memcpy(packet + sizeof(ip), &hao, sizeof(hao));
	}
	*mh_offset = sizeof(ip) + extra;
	memcpy(packet + *mh_offset, in->data, in->len);
	return *mh_offset + in->len;
}

static void on_unwanted(struct gateway *gw, const struct mh_input *in, const struct mh_msg *msg)
{
	gateway_count(gw, AGENT_MH_UNWANTED);
}

typedef void (*mh_handler)(struct gateway *gw, const struct mh_input *in, const struct mh_msg *msg);

/* H says whose a binding update is (RFC 6275 §6.1.7). */
static void on_bu(struct gateway *gw, const struct mh_input *in, const struct mh_msg *bu)
{
	(gw->ha && bu->flags & BU_HOME ? home_agent_on_bu : correspondent_on_bu)(gw, in, bu);
}

static void on_test(struct gateway *gw, const struct mh_input *in, const struct mh_msg *test)
{
	mobile_peers_on_test(gw, in, test);
}

/* A mobile node has home agents and correspondents; who is neither of the one is asked whether it is of the other. */
static void on_refresh_request(struct gateway *gw, const struct mh_input *in, const struct mh_msg *brr)
{
	if (!mobile_peers_on_refresh_request(gw, in))
		mobile_node_on_refresh_request(gw, in, brr);
}

static void on_ack(struct gateway *gw, const struct mh_input *in, const struct mh_msg *ack)
{
	if (!mobile_peers_on_ack(gw, in, ack))
		mobile_node_on_ack(gw, in, ack);
}

static void on_binding_error(struct gateway *gw, const struct mh_input *in, const struct mh_msg *be)
{
	if (!mobile_peers_on_binding_error(gw, in, be))
		mobile_node_on_binding_error(gw, in, be);
}

/* Of every node, which is a correspondent. */
static const mh_handler handlers[MH_TYPES] = {
	[MH_HOTI] = correspondent_on_test_init,
	[MH_COTI] = correspondent_on_test_init,
	[MH_BU] = on_bu,
};

static const mh_handler mobile_node_handlers[MH_TYPES] = {
	[MH_BRR] = on_refresh_request, [MH_HOT] = on_test, [MH_COT] = on_test, [MH_BA] = on_ack,
	[MH_BE] = on_binding_error,
};

static void handle(struct gateway *gw, const struct mh_input *in, const struct mh_msg *msg)
{
	mh_handler handler = handlers[msg->type];

	if (!handler && gw->mn)
		handler = mobile_node_handlers[msg->type];
	(handler ? handler : on_unwanted)(gw, in, msg);
}

void dispatch_mh(struct gateway *gw, const struct mh_input *in)
{
	uint8_t packet[IP6_HDR_LEN + HAO_HEADER_LEN + MH_MAX_LEN + 8];
	struct mh_result result;
	struct mh_msg msg;
	size_t len, mh_offset;

	/* and a tag counts only where our program lets nobody else write it: on an interface behind it */
	if (in->bad_tag || ((in->has_home || in->routed) && !interfaces_behind_us(gw, (int)in->ifindex))) {
		gateway_count(gw, AGENT_BAD_TAG);
		return;
	}
	/* over the home address where an option named it: the source as the upper layers see it (§6.1.1) */
	if (mh_checksum(&in->src, &in->dst, in->data, in->len)) {
		gateway_count(gw, AGENT_MH_CHECKSUM);
		return;
	}
	result = mh_parse(in->data, in->len, &msg);
	if (result.fault == MH_OK) {
		handle(gw, in, &msg);
		return;
	}
	gateway_count(gw, faults[result.fault].reason);
	if (result.fault == MH_FAULT_TYPE) {
		send_binding_error(gw, BE_UNKNOWN_MH_TYPE, &in->dst, &in->care_of, in->has_home ? &in->src : NULL);
	} else if (wants_parameter_problem(&result, in->data) && in->len <= MH_MAX_LEN) {
		len = rebuild_wire(in, packet, &mh_offset);
		send_icmp_error(gw, ICMP6_PARAM_PROBLEM, ICMP6_PARAM_FIELD, mh_offset + result.offset, &in->dst,
				in->ifindex, packet, len);
	}
}

/* A mobility header that the data path found malformed. The checksum comes first: a wrong one is silent (§9.2). */
static void answer_malformed(struct gateway *gw, const struct event *event, const struct packet_view *view)
{
	const uint8_t *mh = event->packet + view->offset;
	size_t len = view->len - view->offset;
	struct mh_result result;
	struct mip6_ipv6 ip;
	struct mh_msg msg;

	memcpy(&ip, event->packet, sizeof(ip));
	if (view->proto != NH_MH || IP6_HDR_LEN + (size_t)ntohs(ip.payload_len) != view->len ||
	    mh_checksum(view->has_home ? &view->home : &view->src, view->has_route ? &view->route : &view->dst, mh,
			len)) {
		gateway_count(gw, AGENT_MH_CHECKSUM);
		return;
	}
	result = mh_parse(mh, len, &msg);
	if (result.fault == MH_OK)
		return;
	gateway_count(gw, faults[result.fault].reason);
	if (result.fault == MH_FAULT_TYPE)
		send_binding_error(gw, BE_UNKNOWN_MH_TYPE, &view->dst, &view->src, view->has_home ? &view->home : NULL);
	else if (wants_parameter_problem(&result, mh))
		send_icmp_error(gw, ICMP6_PARAM_PROBLEM, ICMP6_PARAM_FIELD, view->offset + result.offset, &view->dst,
				(int)event->ifindex, event->packet, event->len);
}

void dispatch_event(struct gateway *gw, const struct event *event)
{
	struct packet_view view;

	if (event->kind == EVENT_RESOLVE) {
		if (gw->nh)
			nexthop_kick(gw->nh, &event->address);
		return;
	}
	if (event->kind == EVENT_PEER) {
		struct in6_addr home;

		memcpy(&home, event->packet, sizeof(home));
		if (gw->peers && event->len == sizeof(home))
			mobile_peers_on_event(gw, &home, &event->address);
		return;
	}
	if (packet_walk(event->packet, event->len, &view))
		return; /* counted where it was refused */
	switch (event->kind) {
	case EVENT_MALFORMED:
		answer_malformed(gw, event, &view);
		break;
	case EVENT_UNKNOWN_BINDING:
		if (view.has_home && send_binding_error(gw, BE_UNKNOWN_BINDING, &view.dst, &view.src, &view.home))
			gateway_count(gw, AGENT_BE_UNKNOWN_BINDING);
		break;
	case EVENT_LINK_LOCAL:
		if (send_icmp_error(gw, ICMP6_UNREACHABLE, ICMP6_UNREACH_ADDRESS, 0, &gw->config->agent,
				    (int)event->ifindex, event->packet, event->len))
			gateway_count(gw, AGENT_LINK_LOCAL);
		break;
	}
}

/* A lower path MTU toward a care-of address; kept for a while, never raised by a report. RFC 8201 §4. */
static void learn_path_mtu(struct gateway *gw, struct binding_entry *entry, uint32_t mtu)
{
	if (mtu < IP6_MIN_MTU)
		mtu = IP6_MIN_MTU;
	if (mtu > 65535 || (entry->path_mtu && entry->path_mtu <= mtu))
		return;
	entry->path_mtu = mtu;
	entry->path_mtu_until = mono_add_s(gw->clock(), PATH_MTU_S);
	datapath_binding_set(gw->dp, entry);
}

/* About a tunnel packet of our own home address. The size matters to the next packets, and to the socket that sent it;
 * nothing else that a stranger says does. */
static void on_own_error(struct gateway *gw, const struct packet_error *error)
{
	if (error->type != ICMP6_TOO_BIG ||
	    !mobile_node_on_too_big(gw, &error->tunnel_src, &error->tunnel_dst, error->mtu)) {
		gateway_count(gw, AGENT_ICMP_STRANGE);
		return;
	}
	if (send_icmp_error(gw, error->type, error->code, error->inner_mtu, &error->tunnel_src, 0, error->inner,
			    error->inner_len))
		gateway_count(gw, AGENT_ICMP_TRANSLATED);
}

void dispatch_icmp_error(struct gateway *gw, const struct in6_addr *from, const uint8_t *icmp, size_t len)
{
	struct binding_entry *entry;
	struct packet_error error;

	if (direct_path_on_error(gw, icmp, len))
		return;
	if (gw->mn) {
		if (!packet_translate_error(icmp, len, &error))
			on_own_error(gw, &error);
		return;
	}
	if (!gw->ha)
		return; /* no tunnels of ours: the kernel's */
	if (packet_translate_error(icmp, len, &error)) {
		if (addr_equal(&error.tunnel_src, &gw->config->agent))
			gateway_count(gw, AGENT_ICMP_STRANGE); /* quotes too little of a tunnel packet of ours */
		return;					       /* else about something else: the kernel's */
	}
	entry = binding_find(gw->bindings, &error.inner_dst);
	if (!addr_equal(&error.tunnel_src, &gw->config->agent) || !entry || entry->state != BINDING_ACTIVE ||
	    !addr_equal(&entry->care_of, &error.tunnel_dst)) {
		gateway_count(gw, AGENT_ICMP_STRANGE);
		return;
	}
	if (error.type == ICMP6_TOO_BIG) {
		struct mip6_ipv6 inner;

		learn_path_mtu(gw, entry, error.mtu);
		memcpy(&inner, error.inner, sizeof(inner));
		if (IP6_HDR_LEN + (uint32_t)ntohs(inner.payload_len) <= IP6_MIN_MTU)
			return; /* RFC 2473 §8.2: its tunnel packet is fragmented from now on */
	}
	if (send_icmp_error(gw, error.type, error.code, error.inner_mtu, &gw->config->agent, 0, error.inner,
			    error.inner_len))
		gateway_count(gw, AGENT_ICMP_TRANSLATED);
}
