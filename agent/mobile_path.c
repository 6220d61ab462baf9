// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * From what is registered to what the data path, the kernel's routes and its addresses have to be. Everything is worked
 * out anew each time and written where it differs, so that no step can be forgotten. RFC 6275 §11.3.1, §11.5.5.
 */
#include <errno.h>

#include "ipsec.h"
#include "mobile_node_priv.h"
#include "neighbour_groups.h"

enum {
	ANNOUNCEMENTS = 3, /* RFC 4861 §7.2.6, MAX_NEIGHBOR_ADVERTISEMENT */
	ANNOUNCE_MS = 1000,
	MTU_DEFAULT = 1500,
};

int mobile_uplink_of(const struct mobile_node *mn, int ifindex)
{
	for (size_t i = 0; i < mn->gw->config->uplink_count; i++)
		if (mn->uplinks[i].ifindex == ifindex)
			return (int)i;
	return -1;
}

bool mobile_path_stands(const struct mobile_node *mn, const struct update_goal *road)
{
	const struct uplink *up = &mn->uplinks[road->uplink];

	if (road->kind != GOAL_AWAY || !up->ifindex || !up->point.up)
		return false;
	return up->point.changing || (up->point.usable && addr_equal(&up->point.care_of, &road->care_of));
}

/* On the home link its router and its prefix, whatever address of another link is still believed (a move without loss
 * of carrier): the update that says so must leave by it. */
static void lead_home(const struct mobile_node *mn, size_t uplink, struct mobile_road *road)
{
	for (size_t i = 0; i < mn->gw->config->home_address_count; i++) {
		const struct home *home = &mn->homes[i];

		if (home->update.goal.kind != GOAL_HOME || home->update.goal.uplink != uplink ||
		    !movement_home_router(mn->movement, uplink, home->config, &road->router))
			continue;
		road->has_router = true;
		road->prefix = home->config->prefix;
		road->prefix_len = home->config->prefix_len;
	}
}

void mobile_path_lead(struct mobile_node *mn, size_t uplink)
{
	struct uplink *up = &mn->uplinks[uplink];
	const struct movement_point *point = &up->point;
	struct mobile_road road;

	if (!up->ifindex || !(point->usable || point->has_router))
		return;			/* what stands, stands: packets of a lost link go nowhere anyway */
	memset(&road, 0, sizeof(road)); /* compared as octets */
	road.ifindex = up->ifindex;
	road.care_of = point->care_of; /* on the way home there may be none yet, and the update must leave */
	road.has_router = point->has_router;
	if (point->has_router) {
		road.router = point->router;
		road.prefix = point->prefix;
		road.prefix_len = point->prefix_len;
	}
	lead_home(mn, uplink, &road);
	if (memcmp(&road, &up->led, sizeof(road)) && !mobile_device_lead(mn->gw->config, uplink, &road))
		memcpy(&up->led, &road, sizeof(road)); /* else said, and tried again at the next change */
}

/* What fits into one packet to the agent by this uplink. */
static uint16_t way_mtu(const struct mobile_node *mn, const struct home *home, size_t uplink, bool registered)
{
	const struct uplink *up = &mn->uplinks[uplink];
	uint32_t mtu = up->mtu ? up->mtu : MTU_DEFAULT;

	if (up->point.router_mtu >= IP6_MIN_MTU && up->point.router_mtu < mtu)
		mtu = up->point.router_mtu;
	if (registered && home->path_mtu && home->path_mtu < mtu)
		mtu = home->path_mtu;
	return mtu < IP6_MIN_MTU ? IP6_MIN_MTU : mtu > UINT16_MAX ? UINT16_MAX : mtu;
}

static struct home_way way_of(const struct mobile_node *mn, const struct home *home, const struct update_goal *road,
			      bool registered)
{
	return (struct home_way){ .care_of = road->kind == GOAL_AWAY ? road->care_of : in6addr_any,
				  .ifindex = mn->uplinks[road->uplink].ifindex,
				  .mtu = way_mtu(mn, home, road->uplink, registered) };
}

static void describe(const struct mobile_node *mn, const struct home *home, struct home_address *entry)
{
	const struct home_update *u = &home->update;

	*entry = (struct home_address){ .agent = u->agent, .agent_link_local = home->agent_link_local, .seq = u->seq };
	if (u->goal.kind == GOAL_HOME && u->at_home) {
		entry->state = HOME_THERE;
		entry->way = way_of(mn, home, &u->goal, false);
	} else if (u->registered && mobile_path_stands(mn, &u->road)) {
		entry->state = HOME_AWAY;
		entry->way = way_of(mn, home, &u->road, true);
		/* on another uplink both care-of addresses are good: whichever the agent holds, it gets everything */
		if (u->goal.kind == GOAL_AWAY && u->outstanding && u->sent && u->goal.uplink != u->road.uplink)
			entry->next = way_of(mn, home, &u->goal, false);
	}
	entry->flags = (ipsec_protects(mn->gw, IPSEC_HOME_TEST) ? HOME_TESTS_PROTECTED : 0) |
		       (ipsec_protects(mn->gw, IPSEC_PAYLOAD) ? HOME_PROTECTED : 0);
	if (u->registered) { /* for the next life, also while nothing can be sent */
		entry->granted_ns = u->granted.ns;
		entry->lifetime_s = u->lifetime_s;
		if (entry->state == HOME_BLOCKED)
			entry->way = way_of(mn, home, &u->road, true);
	}
}

/* Sockets see the tunnel's MTU as that of the route: no packet has to be refused to tell them (RFC 2473 §6.7). */
static void follow_mtu(struct mobile_node *mn, struct home *home)
{
	const struct home_address *entry = &home->entry;
	uint32_t mtu = entry->way.mtu;

	if (entry->state == HOME_BLOCKED && home->route_mtu)
		return;
	/* of payload under ESP the kernel subtracts what its tunnel takes */
	if (entry->state != HOME_THERE && !(mtu && ipsec_protects(mn->gw, IPSEC_PAYLOAD)))
		mtu = mtu > IP6_MIN_MTU + IP6_HDR_LEN ? mtu - IP6_HDR_LEN
		      : mtu			      ? IP6_MIN_MTU
						      : MTU_DEFAULT - IP6_HDR_LEN;
	if (mtu == home->route_mtu)
		return;
	if (!mobile_device_mtu(mn->gw->config, mn->gw->home_ifindex, home - mn->homes, mtu))
		home->route_mtu = mtu;
}

static void follow_home_link(struct mobile_node *mn, struct home *home)
{
	const struct home_update *u = &home->update;
	int wanted = u->goal.kind == GOAL_HOME ? (int)u->goal.uplink : -1;

	if (wanted == home->home_link)
		return;
	if (home->home_link >= 0)
		mobile_device_home_link(mn->gw->config, home->home_link, &u->home, false);
	if (wanted >= 0)
		mobile_device_home_link(mn->gw->config, wanted, &u->home, true);
	home->home_link = wanted;
}

/* On the way home its agent has to find us, and it alone (§11.5.5). */
static void follow_returning(struct mobile_node *mn, struct home *home)
{
	const struct home_update *u = &home->update;
	int wanted = u->goal.kind == GOAL_HOME && !u->at_home ? mn->uplinks[u->goal.uplink].ifindex : 0;

	if (wanted == home->returning_ifindex)
		return;
	if (home->returning_ifindex) {
		datapath_proxied_delete(mn->gw->dp, home->returning_ifindex, &u->home);
		groups_leave(mn->groups, home->returning_ifindex, &u->home);
	}
	if (wanted) {
		groups_join(mn->groups, wanted, &u->home);
		datapath_proxied_set(mn->gw->dp, wanted, &u->home, PROXIED_RETURNING);
	}
	home->returning_ifindex = wanted;
}

/* At home the link itself has our home address, and everybody hears of it. */
static void follow_presence(struct mobile_node *mn, struct home *home, struct mono now)
{
	int wanted = home->entry.state == HOME_THERE ? (int)home->entry.way.ifindex : 0;

	if (wanted == home->home_ifindex)
		return;
	if (home->home_ifindex && mobile_uplink_of(mn, home->home_ifindex) >= 0)
		mobile_device_at_home(home->home_ifindex, &home->update.home, false);
	home->home_ifindex = wanted;
	home->announcements = 0;
	home->announce_at = UPDATE_NEVER;
	if (!wanted)
		return;
	mobile_device_at_home(wanted, &home->update.home, true);
	home->announcements = ANNOUNCEMENTS;
	home->announce_at = now;
}

void mobile_path_apply(struct mobile_node *mn, struct home *home, struct mono now)
{
	struct home_address entry;

	if (home->path_mtu && !mono_before(now, home->path_mtu_until))
		home->path_mtu = 0;
	describe(mn, home, &entry);
	if (home->update.goal.kind == GOAL_AWAY)
		ipsec_moving(mn->gw, &home->update.home, &home->update.goal.care_of);
	/* the tunnels' policies stand before anything is sent by them, and until nothing is */
	if (entry.state == HOME_AWAY && ipsec_bound(mn->gw, &home->update.home, &entry.way.care_of))
		entry.state = HOME_BLOCKED; /* said already; tried again at the next change */
	follow_home_link(mn, home);
	follow_returning(mn, home);
	if (memcmp(&entry, &home->entry, sizeof(entry)) &&
	    !datapath_home_set(mn->gw->dp, &home->update.home, &entry, home->update.expires))
		home->entry = entry;
	if (entry.state == HOME_THERE) {
		ipsec_returned(mn->gw, &home->update.home);
		ipsec_unbound(mn->gw, &home->update.home);
	}
	follow_mtu(mn, home);
	follow_presence(mn, home, now);
}

/* Where correspondents are to find us: as soon as an update to the home agent says so, and not before. */
void mobile_path_peers(struct mobile_node *mn, const struct home *home)
{
	const struct home_update *u = &home->update;
	struct home_way way = home->entry.way;
	struct mobile_place at = { .tunnel = home->entry.state != HOME_BLOCKED };

	if (u->goal.kind == GOAL_AWAY)
		way = way_of(mn, home, &u->goal, false);
	else if (home->entry.state == HOME_BLOCKED)
		way.ifindex = 0;
	at.care_of = way.care_of;
	at.ifindex = (int)way.ifindex;
	at.mtu = way.mtu;
	mobile_peers_moved(mn->gw, &u->home, &at);
}

struct mono mobile_path_announce(struct mobile_node *mn, struct home *home, struct mono now)
{
	static const struct in6_addr all_nodes = { .s6_addr = { 0xFF, 2, [15] = 1 } };
	int uplink = home->announcements ? mobile_uplink_of(mn, home->home_ifindex) : -1;
	uint8_t buf[ND_MESSAGE];
	size_t len;

	if (uplink < 0 || !mn->uplinks[uplink].ethernet)
		return UPDATE_NEVER;
	if (mono_before(now, home->announce_at))
		return home->announce_at;
	/* with Override: neighbours still have the agent's link-layer address for it (§11.5.5) */
	len = nd_build_neighbour_advert(&home->update.home, NA_OVERRIDE, mn->uplinks[uplink].mac, buf);
	if (nd_socket_send(mn->gw->nd, home->home_ifindex, &home->update.home, &all_nodes, buf, len))
		gateway_count(mn->gw, AGENT_SEND_FAILED);
	home->announcements--;
	home->announce_at = home->announcements ? mono_add_ms(now, ANNOUNCE_MS) : UPDATE_NEVER;
	return home->announce_at;
}

int mobile_path_for_update(struct mobile_node *mn, const struct home *home)
{
	const struct update_goal *goal = &home->update.goal;
	const struct in6_addr *care_of = goal->kind == GOAL_AWAY ? &goal->care_of : &in6addr_any;

	return datapath_answer_set(mn->gw->dp, &home->update.home, care_of, mn->uplinks[goal->uplink].ifindex);
}
