/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A mobile node's side of the control protocol (control.h): its uplinks, its own registrations, and the handover an
 * operator asks for. What they mean is mobile_node.c's; sockets, clients and rights are control.c's.
 */
#include <errno.h>
#include <stdio.h>

#include "control.h"

static json_t *json_count(bool known, uint64_t value)
{
	return known ? json_integer((json_int_t)(value & INT64_MAX)) : json_null();
}

static const char *uplink_state(const struct uplink_view *uplink)
{
	if (!uplink->ifindex)
		return "absent";
	if (!uplink->up)
		return "down";
	if (uplink->home)
		return "home";
	return uplink->usable ? "usable" : "searching";
}

static json_t *reply_uplink(const struct control_view *view, const struct uplink_view *uplink)
{
	int64_t since_ns = view->now.ns - uplink->since.ns;

	return json_pack("{s:s, s:o, s:o, s:s, s:b, s:b, s:o, s:o, s:o, s:o}", "name", uplink->name, "ifindex",
			 json_count(uplink->ifindex != 0, (uint64_t)uplink->ifindex), "preference",
			 json_count(true, uplink->preference), "state", uplink_state(uplink), "active", uplink->active,
			 "pinned", uplink->pinned, "care_of_address", control_json_address(&uplink->care_of), "router",
			 control_json_address(&uplink->router), "routers", json_count(true, uplink->routers), "since_s",
			 json_count(uplink->since.ns != 0, since_ns > 0 ? (uint64_t)since_ns / 1000000000 : 0));
}

json_t *control_reply_uplinks(const struct control_view *view)
{
	json_t *list = json_array();
	struct uplink_view uplink = {};

	for (size_t i = 0; mobile_node_uplink(view->gw, i, &uplink); i++)
		json_array_append_new(list, reply_uplink(view, &uplink));
	return json_pack("{s:o}", "uplinks", list);
}

static json_t *reply_home(const struct control_view *view, const struct home_view *home)
{
	static const char *const states[] = {
		[HOME_VIEW_NONE] = "none",
		[HOME_VIEW_PENDING] = "pending",
		[HOME_VIEW_REGISTERED] = "registered",
		[HOME_VIEW_MOVING] = "moving",
		[HOME_VIEW_RETURNING] = "returning",
		[HOME_VIEW_AT_HOME] = "at-home",
		[HOME_VIEW_REFUSED] = "refused",
	};
	uint8_t status = home->last_status;

	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:s?, s:s, s:i, s:o, s:o, s:o, s:s?, s:o, s:s}", "kind", "own",
			 "home_address", control_json_address(&home->home), "home_agent",
			 control_json_address(&home->agent), "care_of_address", control_json_address(&home->care_of),
			 "wanted_care_of_address", control_json_address(&home->wanted), "uplink", home->uplink, "state",
			 states[home->state], "sequence", (int)home->seq, "lifetime_s",
			 json_count(true, home->lifetime_s), "remaining_s", json_count(true, home->remaining_s),
			 "last_status", json_count(status != 0, status), "last_status_text",
			 status ? ba_status_text(status) : NULL, "path_mtu",
			 json_count(home->path_mtu != 0, home->path_mtu), "protection", control_protection(view->gw));
}

json_t *control_reply_homes(const struct control_view *view, const struct in6_addr *wanted)
{
	enum config_auth auth = view->gw->config->auth;
	json_t *list = json_array();
	struct home_view home = {};

	for (size_t i = 0; mobile_node_home(view->gw, i, &home); i++)
		if (!wanted || IN6_ARE_ADDR_EQUAL(wanted, &home.home))
			json_array_append_new(list, reply_home(view, &home));
	return json_pack("{s:s, s:s, s:s?, s:i, s:o}", "role", "mobile-node", "authentication", control_auth_name(auth),
			 "warning", control_auth_warning(auth), "total", (int)json_array_size(list), "bindings", list);
}

static json_t *role_names(unsigned int roles)
{
	json_t *list = json_array();

	if (roles & ROLE_HOME_AGENT)
		json_array_append_new(list, json_string("home-agent"));
	if (roles & ROLE_MOBILE_NODE)
		json_array_append_new(list, json_string("mobile-node"));
	if (!json_array_size(list)) /* the others are correspondents, too */
		json_array_append_new(list, json_string("correspondent"));
	return list;
}

/* A mobile node's "bindings" are those of its registrations that stand. */
void control_status_roles(const struct control_view *view, json_t *status)
{
	const struct config *config = view->gw->config;
	bool node = config->roles & ROLE_MOBILE_NODE, agent = config->roles & ROLE_HOME_AGENT;
	uint64_t registered = 0, usable = 0;
	struct uplink_view uplink = {};
	struct home_view home = {};

	for (size_t i = 0; node && mobile_node_home(view->gw, i, &home); i++)
		registered += !IN6_IS_ADDR_UNSPECIFIED(&home.care_of);
	for (size_t i = 0; node && mobile_node_uplink(view->gw, i, &uplink); i++)
		usable += uplink.usable || uplink.home;
	json_object_set_new(status, "roles", role_names(config->roles));
	json_object_set_new(status, "agent_address", agent ? control_json_address(&config->agent) : json_null());
	json_object_set_new(status, "bindings",
			    json_count(node || agent, node ? registered : binding_count(view->gw->bindings)));
	json_object_set_new(status, "max_bindings", json_count(agent, config->max_bindings));
	json_object_set_new(status, "mobile_nodes", json_count(agent, config->mobile_node_count));
	json_object_set_new(status, "home_addresses", json_count(node, config->home_address_count));
	json_object_set_new(status, "uplinks", json_count(node, config->uplink_count));
	json_object_set_new(status, "uplinks_usable", json_count(node, usable));
	control_status_peers(view, status);
}

bool control_is_node(const struct gateway *gw, struct control_refusal *why)
{
	if (gw->config->roles & ROLE_MOBILE_NODE)
		return true;
	why->code = "wrong-role";
	snprintf(why->message, sizeof(why->message), "this daemon is no mobile node: it has neither uplinks nor peers");
	snprintf(why->cure, sizeof(why->cure), "ask the mobgwd whose configuration says roles: [mobile-node]");
	return false;
}

static void name_uplinks(const struct config *config, char *buf, size_t size)
{
	size_t len = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < config->uplink_count && len < size; i++)
		len += (size_t)snprintf(buf + len, size - len, "%s%s", i ? ", " : "", config->uplinks[i].name);
}

/* What keeps the named uplink from being used, as far as its view tells. */
static const char *what_it_lacks(struct gateway *gw, const char *name)
{
	struct uplink_view uplink = {};

	for (size_t i = 0; mobile_node_uplink(gw, i, &uplink); i++) {
		if (strcmp(uplink.name, name) != 0)
			continue;
		if (!uplink.ifindex)
			return "there is no such interface at present";
		if (!uplink.up)
			return "its link is down";
		return uplink.routers ? "it has no care-of address yet" : "no router has answered there";
	}
	return "it is not known why";
}

bool control_handover(struct gateway *gw, const char *uplink, struct control_refusal *why)
{
	char names[LIMIT_UPLINKS * (IF_NAMESIZE + 2)];
	int err;

	if (!control_is_node(gw, why))
		return false;
	err = mobile_node_handover(gw, uplink);
	if (!err)
		return true;
	if (err == -ENOENT && uplink) {
		name_uplinks(gw->config, names, sizeof(names));
		why->code = "unknown-uplink";
		snprintf(why->message, sizeof(why->message), "uplink %s is not configured", uplink);
		snprintf(why->cure, sizeof(why->cure), "the uplinks are %s", names);
	} else if (err == -ENETDOWN && uplink) {
		why->code = "not-usable";
		snprintf(why->message, sizeof(why->message), "uplink %s can't be used now: %s", uplink,
			 what_it_lacks(gw, uplink));
		snprintf(why->cure, sizeof(why->cure), "connect it, see mobgw show uplinks, and ask again");
	} else {
		why->code = "unavailable";
		snprintf(why->message, sizeof(why->message), "handover%s%s: %s", uplink ? " to " : "",
			 uplink ? uplink : "", strerror(-err));
		snprintf(why->cure, sizeof(why->cure), "the log of the daemon says more: journalctl -u mobgwd");
	}
	return false;
}
