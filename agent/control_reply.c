/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The data of control replies: JSON made for the protocol (control.h), never internal structs as they lie. Builds only;
 * sockets, clients and rights are control.c's, a mobile node's replies control_node.c's. A member that can't be known
 * is null.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "control.h"

json_t *control_json_address(const struct in6_addr *addr)
{
	char text[INET6_ADDRSTRLEN];

	return IN6_IS_ADDR_UNSPECIFIED(addr) ? json_null() : json_string(inet_ntop(AF_INET6, addr, text, sizeof(text)));
}

static json_t *json_uint(uint64_t value)
{
	return json_integer((json_int_t)(value & INT64_MAX));
}

const char *control_auth_name(enum config_auth auth)
{
	static const char *const names[] = {
		[AUTH_IPSEC] = "ipsec", [AUTH_OPTION] = "auth-option", [AUTH_NONE] = "none"
	};

	return names[auth];
}

const char *control_auth_of(const struct config *config)
{
	return config->roles & (ROLE_HOME_AGENT | ROLE_MOBILE_NODE) ? control_auth_name(config->auth)
								    : "return-routability";
}

const char *control_auth_warning(enum config_auth auth)
{
	return auth == AUTH_NONE ? "authentication: none: whoever can send packets to the home agent can take over any "
				   "home address it serves; only for closed networks and laboratories"
				 : NULL;
}

json_t *control_reply_status(const struct control_view *view)
{
	const struct config *config = view->gw->config;
	struct utsname host = {};
	size_t attached = 0;
	json_t *status;

	uname(&host);
	for (size_t i = 0; i < config->interface_count; i++)
		attached += view->gw->attachments[i].mode != ATTACH_AUTO;
	status = json_pack("{s:s, s:i, s:I, s:s, s:s?, s:o, s:o, s:o, s:o, s:s, s:i, s:i}", "daemon_version",
			   MOBGW_VERSION, "pid", (int)getpid(), "uptime_s",
			   (json_int_t)((view->now.ns - view->started.ns) / 1000000000), "authentication",
			   control_auth_of(config), "warning", control_auth_warning(config->auth), "interfaces",
			   json_uint(config->interface_count), "interfaces_attached", json_uint(attached), "clients",
			   json_uint(view->clients), "monitors", json_uint(view->monitors), "kernel", host.release,
			   "abi_version", ABI_VERSION, "control_version", CONTROL_VERSION);
	control_status_roles(view, status);
	return status;
}

static json_t *json_mac(const struct link_info *link)
{
	return link->ethernet ? json_sprintf("%02x:%02x:%02x:%02x:%02x:%02x", link->mac[0], link->mac[1], link->mac[2],
					     link->mac[3], link->mac[4], link->mac[5])
			      : json_null();
}

static json_t *reply_interface(struct gateway *gw, size_t i)
{
	const struct config_interface *wanted = &gw->config->interfaces[i];
	const struct attachment *got = &gw->attachments[i];
	struct link_info link = {};
	bool present = netlink_link_by_name(gw->nl, wanted->name, &link) == 0;
	bool attached = present && got->mode != ATTACH_AUTO;

	return json_pack("{s:s, s:b, s:o, s:o, s:s, s:s, s:s, s:o, s:o, s:o}", "name", wanted->name, "present", present,
			 "up", present ? json_boolean(link.up) : json_null(), "ifindex",
			 present ? json_integer(link.ifindex) : json_null(), "wished", attach_mode_name(wanted->mode),
			 "mode", attached ? attach_mode_name(got->mode) : "none", "why",
			 present ? got->why : "no such interface now: attached when it appears", "redirect_target",
			 attached ? json_boolean(datapath_port_redirect(gw->dp, link.ifindex) == 1) : json_null(),
			 "mtu", present ? json_integer(link.mtu) : json_null(), "mac",
			 present ? json_mac(&link) : json_null());
}

json_t *control_reply_interfaces(const struct control_view *view)
{
	json_t *list = json_array();

	for (size_t i = 0; i < view->gw->config->interface_count; i++)
		json_array_append_new(list, reply_interface(view->gw, i));
	return json_pack("{s:o}", "interfaces", list);
}

static json_t *counters_data_path(struct gateway *gw)
{
	static const char *const classes[] = {
		[REASON_CLASS_NOTE] = "note", [REASON_CLASS_VERDICT] = "verdict", [REASON_CLASS_DROP] = "drop"
	};
	struct counter sums[REASON_COUNT] = {};
	json_t *list;
	int err = datapath_counters(gw->dp, sums);

	if (err) {
		log_error("control: read the data path's counters: %s", strerror(-err));
		return NULL;
	}
	list = json_array();
	for (int why = REASON_NONE + 1; why < REASON_COUNT; why++)
		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:o, s:o, s:s}", "name", reason_name(why), "class",
						classes[reason_class(why)], "packets", json_uint(sums[why].packets),
						"bytes", json_uint(sums[why].bytes), "text", reason_text(why)));
	return list;
}

static json_t *counters_agent(const struct gateway *gw)
{
	json_t *list = json_array();

	for (int why = 0; why < AGENT_REASON_COUNT; why++)
		json_array_append_new(list,
				      json_pack("{s:s, s:o, s:s}", "name", agent_reason_name(why), "count",
						json_uint(gw->agent_counters[why]), "text", agent_reason_text(why)));
	return list;
}

static json_t *counters_slow_path(const struct gateway *gw)
{
	struct slowpath_stats stats = {};
	const struct {
		const char *name, *text;
		const uint64_t *count;
	} rows[] = {
		{ "fragmented", "tunnel packets sent in fragments", &stats.fragmented },
		{ "reassembled", "tunnel packets taken after reassembly by the kernel", &stats.reassembled },
		{ "too-big", "ICMPv6 packet too big sent by the agent", &stats.too_big },
		{ "unreachable", "ICMPv6 destination unreachable sent by the agent", &stats.unreachable },
		{ "slow-refused", "packets refused on the slow path by the checks of the data path", &stats.refused },
		{ "slow-rate", "packets or errors over the slow path's rate", &stats.rate_limited },
	};
	json_t *list;

	if (!gw->sp)
		return json_null();
	slowpath_stats(gw->sp, &stats);
	list = json_array();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		json_array_append_new(list, json_pack("{s:s, s:o, s:s}", "name", rows[i].name, "count",
						      json_uint(*rows[i].count), "text", rows[i].text));
	return list;
}

static json_t *counters_device(const char *name)
{
	struct device_stats stats;
	bool present = device_stats_read(name, &stats) == 0;
	json_t *xdp = stats.xdp_known ? json_array() : json_null();

	for (size_t i = 0; i < stats.xdp_count; i++)
		json_array_append_new(xdp, json_pack("{s:s, s:o}", "name", stats.xdp[i].name, "count",
						     json_uint(stats.xdp[i].count)));
	return json_pack("{s:s, s:b, s:o, s:o, s:o, s:o, s:o, s:o}", "name", name, "present", present, "rx_dropped",
			 stats.link_known ? json_uint(stats.rx_dropped) : json_null(), "tx_dropped",
			 stats.link_known ? json_uint(stats.tx_dropped) : json_null(), "rx_errors",
			 stats.link_known ? json_uint(stats.rx_errors) : json_null(), "tx_errors",
			 stats.link_known ? json_uint(stats.tx_errors) : json_null(), "xdp_errors",
			 stats.xdp_known ? json_uint(stats.xdp_total) : json_null(), "xdp", xdp);
}

static json_t *counters_redirect(const struct redirect_counters *redirects)
{
	json_t *list = json_array();

	for (int i = 0; i < REDIRECT_COUNTERS; i++) {
		const char *why = NULL;
		uint64_t count = 0;
		bool known = redirect_counters_read(redirects, i, &count, &why);

		json_array_append_new(list, json_pack("{s:s, s:o, s:s, s:s?}", "name", redirect_counter_name(i),
						      "count", known ? json_uint(count) : json_null(), "text",
						      redirect_counter_text(i), "why", why));
	}
	return list;
}

json_t *control_reply_counters(const struct control_view *view)
{
	json_t *data_path = counters_data_path(view->gw), *devices;

	if (!data_path)
		return NULL;
	devices = json_array();
	for (size_t i = 0; i < view->gw->config->interface_count; i++)
		json_array_append_new(devices, counters_device(view->gw->config->interfaces[i].name));
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "data_path", data_path, "agent", counters_agent(view->gw),
			 "slow_path", counters_slow_path(view->gw), "devices", devices, "redirect_errors",
			 counters_redirect(view->redirects));
}

static json_t *json_flags(uint16_t flags)
{
	static const struct {
		uint16_t flag;
		char letter;
	} letters[] = {
		{ BU_ACK, 'A' }, { BU_HOME, 'H' }, { BU_LINK_LOCAL, 'L' }, { BU_KEY, 'K' }, { BU_ROUTER, 'R' }
	};
	char text[ARRAY_SIZE(letters) + 1];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(letters); i++)
		if (flags & letters[i].flag)
			text[n++] = letters[i].letter;
	return json_stringn(text, n);
}

static json_t *json_home_link(const struct config *config, int index)
{
	const struct config_home_link *link;

	if (index < 0 || (size_t)index >= config->home_link_count)
		return json_null();
	link = &config->home_links[index];
	return json_sprintf("%s/%u", addr_text(&link->prefix), link->prefix_len);
}

static json_t *reply_binding(const struct control_view *view, const struct binding_entry *entry)
{
	bool home = entry->flags & BU_HOME;

	return json_pack("{s:s, s:o, s:o, s:i, s:o, s:o, s:o, s:o, s:s, s:o, s:s}", "kind", home ? "home" : "optimised",
			 "home_address", control_json_address(&entry->home), "care_of_address",
			 control_json_address(&entry->care_of), "sequence", (int)entry->seq, "lifetime_s",
			 json_uint(entry->lifetime_s), "remaining_s", json_uint(binding_remaining_s(entry, view->now)),
			 "flags", json_flags(entry->flags), "home_link",
			 home ? json_home_link(view->gw->config, entry->home_link) : json_null(), "state",
			 entry->state == BINDING_ACTIVE ? "active" : "pending", "path_mtu",
			 entry->path_mtu ? json_uint(entry->path_mtu) : json_null(), "protection",
			 home ? control_protection(view->gw) : "return-routability");
}

json_t *control_reply_bindings(const struct control_view *view, const struct in6_addr *homes, size_t count,
			       size_t total)
{
	enum config_auth auth = view->gw->config->auth;
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++) {
		const struct binding_entry *entry = binding_find(view->gw->bindings, &homes[i]);

		if (!entry)
			entry = correspondent_binding(view->gw, &homes[i]);
		if (entry)
			json_array_append_new(list, reply_binding(view, entry));
	}
	return json_pack("{s:s, s:s, s:s?, s:o, s:o}", "role",
			 view->gw->config->roles & ROLE_HOME_AGENT ? "home-agent" : "correspondent", "authentication",
			 control_auth_of(view->gw->config), "warning", control_auth_warning(auth), "total",
			 json_uint(total), "bindings", list);
}

/* RFC 3339, UTC, milliseconds. */
static json_t *json_time(int64_t unix_ns)
{
	time_t seconds = unix_ns / 1000000000;
	struct tm tm = {};
	char text[32];

	gmtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	return json_sprintf("%s.%03dZ", text, (int)(unix_ns / 1000000 % 1000));
}

enum event_member {
	HAS_ADDRESSES = 1 << 0,
	HAS_OLD = 1 << 1,
	HAS_SEQUENCE = 1 << 2,
	HAS_LIFETIME = 1 << 3,
	HAS_STATUS = 1 << 4,
	HAS_BINDING = HAS_ADDRESSES | HAS_SEQUENCE,
};

static const struct {
	const char *name;
	unsigned int has; /* enum event_member; a text may stand in each */
} event_kinds[] = {
	[GW_REGISTERED] = { "registered", HAS_BINDING | HAS_LIFETIME },
	[GW_REFRESHED] = { "refreshed", HAS_BINDING | HAS_LIFETIME },
	[GW_MOVED] = { "moved", HAS_BINDING | HAS_OLD | HAS_LIFETIME },
	[GW_DEREGISTERED] = { "deregistered", HAS_BINDING },
	[GW_EXPIRED] = { "expired", HAS_BINDING },
	[GW_REFUSED] = { "refused", HAS_BINDING | HAS_STATUS },
	[GW_DAD_FAILED] = { "dad-failed", HAS_BINDING },
	[GW_LINK] = { "link", 0 },
	[GW_ADOPTED] = { "adopted", HAS_BINDING | HAS_LIFETIME },
	[GW_ATTACHED] = { "attached", HAS_ADDRESSES | HAS_OLD },
	[GW_DETACHED] = { "detached", HAS_ADDRESSES | HAS_OLD },
	[GW_AT_HOME] = { "at-home", HAS_BINDING | HAS_OLD },
	[GW_LOST] = { "lost", HAS_BINDING | HAS_OLD | HAS_LIFETIME },
	[GW_OPTIMISED] = { "optimised", HAS_BINDING | HAS_LIFETIME },
	[GW_UNOPTIMISED] = { "unoptimised", HAS_BINDING },
	[GW_PEER_BOUND] = { "peer-bound", HAS_BINDING | HAS_LIFETIME },
	[GW_PEER_GONE] = { "peer-gone", HAS_BINDING },
};

static void add_status(json_t *event, uint8_t status)
{
	json_object_set_new(event, "status", json_integer(status));
	json_object_set_new(event, "status_text", json_string(ba_status_text(status)));
}

json_t *control_event_json(enum gateway_event what, const struct gateway_event_info *info, int64_t unix_ns)
{
	unsigned int has = event_kinds[what].has;
	json_t *event = json_pack("{s:i, s:s, s:o}", "version", CONTROL_VERSION, "event", event_kinds[what].name,
				  "time", json_time(unix_ns));

	if (has & HAS_ADDRESSES) {
		json_object_set_new(event, "home_address", control_json_address(&info->home));
		json_object_set_new(event, "care_of_address", control_json_address(&info->care_of));
	}
	if (has & HAS_SEQUENCE)
		json_object_set_new(event, "sequence", json_integer(info->seq));
	if (has & HAS_OLD)
		json_object_set_new(event, "old_care_of_address", control_json_address(&info->old_care_of));
	if (has & HAS_LIFETIME)
		json_object_set_new(event, "lifetime_s", json_uint(info->lifetime_s));
	if (has & HAS_STATUS)
		add_status(event, info->status);
	if (info->text)
		json_object_set_new(event, "text", json_string(info->text));
	return event;
}
