// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The mobile node as its operator sees it, and the one thing that he may ask of it: another uplink. */
#include <errno.h>

#include "mobile_node_priv.h"

static bool is_home_link(const struct mobile_node *mn, size_t uplink)
{
	for (size_t i = 0; i < mn->gw->config->home_address_count; i++)
		if (movement_at_home(mn->movement, uplink, mn->homes[i].config, NULL))
			return true;
	return false;
}

/* Whether anything is sent or received for a home address by this uplink. */
static bool is_active(const struct mobile_node *mn, size_t uplink)
{
	for (size_t i = 0; i < mn->gw->config->home_address_count; i++)
		if (mn->homes[i].entry.state != HOME_BLOCKED &&
		    (int)mn->homes[i].entry.way.ifindex == mn->uplinks[uplink].ifindex)
			return true;
	return false;
}

bool mobile_node_uplink(struct gateway *gw, size_t index, struct uplink_view *out)
{
	const struct mobile_node *mn = gw->mn;
	const struct uplink *up;

	if (index >= gw->config->uplink_count)
		return false;
	up = &mn->uplinks[index];
	*out = (struct uplink_view){ .name = gw->config->uplinks[index].name,
				     .ifindex = up->ifindex,
				     .preference = gw->config->uplinks[index].preference,
				     .up = up->point.up,
				     .home = is_home_link(mn, index),
				     .usable = up->point.usable,
				     .active = up->ifindex && is_active(mn, index),
				     .pinned = mn->pinned == (int)index,
				     .routers = movement_routers(mn->movement, index, NULL, 0),
				     .since = up->since };
	if (up->point.usable)
		out->care_of = up->point.care_of;
	if (up->point.has_router)
		out->router = up->point.router;
	return true;
}

static enum home_view_state state_of(const struct home_update *u, const struct home_address *entry)
{
	if (u->goal.kind == GOAL_HOME)
		return u->at_home ? HOME_VIEW_AT_HOME : u->retry_s ? HOME_VIEW_REFUSED : HOME_VIEW_RETURNING;
	if (u->retry_s)
		return HOME_VIEW_REFUSED;
	if (u->goal.kind == GOAL_NONE)
		return HOME_VIEW_NONE;
	if (u->registered && u->road.uplink == u->goal.uplink && addr_equal(&u->road.care_of, &u->goal.care_of))
		return HOME_VIEW_REGISTERED;
	return u->registered ? HOME_VIEW_MOVING : HOME_VIEW_PENDING;
}

bool mobile_node_home(struct gateway *gw, size_t index, struct home_view *out)
{
	const struct home_update *u;
	const struct home *home;
	int64_t left;

	if (index >= gw->config->home_address_count)
		return false;
	home = &gw->mn->homes[index];
	u = &home->update;
	*out = (struct home_view){ .home = u->home,
				   .agent = u->agent,
				   .state = state_of(u, &home->entry),
				   .seq = u->seq,
				   .last_status = u->last_status };
	if (u->goal.kind == GOAL_HOME)
		out->uplink = gw->config->uplinks[u->goal.uplink].name;
	else if (u->goal.kind == GOAL_AWAY)
		out->wanted = u->goal.care_of;
	if (!u->registered)
		return true;
	left = u->expires.ns - gw->clock().ns;
	out->care_of = u->road.care_of;
	out->uplink = gw->config->uplinks[u->road.uplink].name;
	out->lifetime_s = u->lifetime_s;
	out->remaining_s = left > 0 ? (uint32_t)(left / 1000000000) : 0;
	out->path_mtu = home->entry.way.mtu;
	return true;
}

int mobile_node_handover(struct gateway *gw, const char *uplink)
{
	struct mobile_node *mn = gw->mn;
	int found = -1;

	for (size_t i = 0; uplink && i < gw->config->uplink_count; i++)
		if (!strcmp(gw->config->uplinks[i].name, uplink))
			found = (int)i;
	if (uplink && found < 0)
		return -ENOENT;
	if (uplink && !mn->uplinks[found].point.usable && !is_home_link(mn, found))
		return -ENETDOWN;
	mn->pinned = found;
	mobile_node_tick(gw, gw->clock());
	return 0;
}
