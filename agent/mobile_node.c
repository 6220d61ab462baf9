// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The mobile node: what it hears of links, routers, addresses and its home agents becomes a goal for each home address,
 * and the goal becomes binding updates. Every event ends in step(), which does whatever is due. RFC 6275 §11.1-§11.5,
 * §11.7.1-§11.7.4, §11.8. Where is movement.c, when and what update_list.c, how mobile_path.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "ipsec.h"
#include "mobile_node_priv.h"
#include "neighbour_groups.h"

enum {
	HOME_TRIES = 3, /* updates from the home link that may go unanswered: 7 s */
	HOME_DOUBT_S = 60,
	NUDGE_MS = 1000,  /* between refreshes that an agent asks for: whoever forges its address gets no more */
	PATH_MTU_S = 600, /* RFC 8201 §5.4: a learned path MTU ages */
};

static void step(struct mobile_node *mn);
static void want(struct mobile_node *mn, struct home *home, struct mono now);

/* ---- telling ---- */

static void publish(struct mobile_node *mn, enum gateway_event what, const struct home *home,
		    const struct in6_addr *old_care_of)
{
	const struct home_update *u = &home->update;
	struct gateway_event_info info = {
		.home = u->home, .lifetime_s = u->lifetime_s, .status = u->last_status, .seq = u->seq
	};

	if (u->registered)
		info.care_of = u->road.care_of;
	if (old_care_of)
		info.old_care_of = *old_care_of;
	control_publish(mn->gw, what, &info);
}

static void publish_uplink(struct mobile_node *mn, enum gateway_event what, size_t uplink)
{
	struct gateway_event_info info = { .text = mn->gw->config->uplinks[uplink].name,
					   .care_of = mn->uplinks[uplink].point.care_of };

	control_publish(mn->gw, what, &info);
}

/* ---- where to be registered ---- */

/* An advertisement of the home prefix proves nothing: where the agent does not answer there, and the registration still
 * stands elsewhere, it is kept, and home tried again later. */
static bool home_doubted(const struct mobile_node *mn, const struct home *home)
{
	return mono_before(mn->gw->clock(), home->home_doubted_until) && mobile_path_stands(mn, &home->update.road);
}

static void doubt_home(struct mobile_node *mn, struct home *home, struct mono now)
{
	const struct home_update *u = &home->update;

	if (u->goal.kind != GOAL_HOME || u->at_home || u->sent < HOME_TRIES || mono_before(now, u->send_at) ||
	    mono_before(now, home->home_doubted_until))
		return;
	home->home_doubted_until = mono_add_s(now, HOME_DOUBT_S);
	if (!mobile_path_stands(mn, &u->road))
		return;
	log_warn("mobile node: %s: home agent %s does not answer on what is advertised as the home link on %s; the "
		 "registration away is kept",
		 addr_text(&u->home), addr_text(&u->agent), mn->gw->config->uplinks[u->goal.uplink].name);
	want(mn, home, now);
}

static bool usable_now(const struct mobile_node *mn, const struct home *home, size_t uplink, struct update_goal *goal)
{
	const struct movement_point *point = &mn->uplinks[uplink].point;

	if (!mn->uplinks[uplink].ifindex || !point->up)
		return false;
	if (movement_at_home(mn->movement, uplink, home->config, NULL) && !home_doubted(mn, home)) {
		*goal = (struct update_goal){ .kind = GOAL_HOME, .uplink = uplink };
		return true;
	}
	if (point->usable && !addr_in_prefix(&point->care_of, &home->config->prefix, home->config->prefix_len)) {
		*goal = (struct update_goal){ .kind = GOAL_AWAY, .uplink = uplink, .care_of = point->care_of };
		return true;
	}
	/* a link that has just changed may be the same as before: what stands on it is not given up yet */
	if (point->changing && home->update.goal.kind != GOAL_NONE && home->update.goal.uplink == uplink) {
		*goal = home->update.goal;
		return true;
	}
	return false;
}

/* Pinned before the home link before preference, where there is a way out at all; equal preferences in the order of the
 * configuration. */
static int64_t rank(const struct mobile_node *mn, size_t uplink, const struct update_goal *goal)
{
	int64_t value = mn->gw->config->uplinks[uplink].preference;

	if ((int)uplink == mn->pinned)
		value += INT64_C(1) << 33;
	if (goal->kind == GOAL_HOME)
		value += INT64_C(1) << 32;
	else if (mn->uplinks[uplink].point.stranded)
		value -= INT64_C(1) << 34; /* better than nothing, and than nothing else */
	return value;
}

static struct update_goal choose(const struct mobile_node *mn, const struct home *home)
{
	struct update_goal best = { .kind = GOAL_NONE };
	int64_t best_rank = INT64_MIN;

	for (size_t i = 0; i < mn->gw->config->uplink_count; i++) {
		struct update_goal goal;

		if (!usable_now(mn, home, i, &goal) || rank(mn, i, &goal) <= best_rank)
			continue;
		best = goal;
		best_rank = rank(mn, i, &goal);
	}
	return best;
}

/* ---- what is due ---- */

static void send_update(struct mobile_node *mn, struct home *home, const struct mh_msg *bu)
{
	const struct home_update *u = &home->update;
	uint8_t buf[MH_MAX_LEN];
	int len = auth_build_update(mn->gw, &u->home, &bu->opt.alt_care_of, bu, &home->auth, buf, sizeof(buf));

	if (len < 0 || mobile_path_for_update(mn, home) ||
	    sockets_send_mh(mn->gw->so, &u->home, &u->agent, true, buf, len)) {
		gateway_count(mn->gw, AGENT_SEND_FAILED);
		return; /* as if it were lost on the way: sent again */
	}
	gateway_count(mn->gw, AGENT_UPDATE_SENT);
	log_debug("mobile node: update %u for %s to %s, lifetime %u s, care-of address %s", bu->seq,
		  addr_text(&u->home), addr_text(&u->agent), bu->lifetime_s,
		  u->goal.kind == GOAL_HOME ? "(at home)" : addr_text(&u->goal.care_of));
}

static void want(struct mobile_node *mn, struct home *home, struct mono now)
{
	struct update_goal goal = choose(mn, home);

	home->agent_link_local = in6addr_any;
	if (goal.kind == GOAL_HOME)
		movement_at_home(mn->movement, goal.uplink, home->config, &home->agent_link_local);
	update_want(&home->update, &goal, now);
}

static struct mono step_home(struct mobile_node *mn, struct home *home, struct mono now)
{
	struct mono next, announce;
	struct mh_msg bu;

	if (update_expire(&home->update, now)) {
		log_warn("mobile node: %s: registration ended, home agent %s does not answer; nothing leaves from it",
			 addr_text(&home->update.home), addr_text(&home->update.agent));
		publish(mn, GW_LOST, home, NULL);
	}
	doubt_home(mn, home, now);
	if (update_due(&home->update, now, &bu)) {
		if (ipsec_can_move(mn->gw))
			bu.flags |= BU_KEY;
		mobile_path_apply(mn, home, now); /* the number is on record before it is used */
		send_update(mn, home, &bu);
	} else {
		mobile_path_apply(mn, home, now);
	}
	mobile_path_peers(mn, home);
	announce = mobile_path_announce(mn, home, now);
	next = update_next(&home->update);
	if (mono_before(now, home->home_doubted_until) && mono_before(home->home_doubted_until, next))
		next = home->home_doubted_until;
	if (home->path_mtu && mono_before(home->path_mtu_until, next))
		next = home->path_mtu_until;
	return mono_before(announce, next) ? announce : next;
}

static void step_uplink(struct mobile_node *mn, size_t i, struct mono now)
{
	struct uplink *up = &mn->uplinks[i];
	struct movement_point was = up->point;

	movement_point(mn->movement, i, &up->point);
	if (was.usable == up->point.usable && addr_equal(&was.care_of, &up->point.care_of))
		return;
	up->since = now;
	if (up->point.usable) {
		log_info("mobile node: uplink %s: care-of address %s%s%s", mn->gw->config->uplinks[i].name,
			 addr_text(&up->point.care_of), up->point.has_router ? ", router " : "",
			 up->point.has_router ? addr_text(&up->point.router) : "");
		publish_uplink(mn, GW_ATTACHED, i);
	} else {
		log_info("mobile node: uplink %s is not usable now", mn->gw->config->uplinks[i].name);
		publish_uplink(mn, GW_DETACHED, i);
	}
}

static void step(struct mobile_node *mn)
{
	struct mono now = mn->gw->clock(), next;

	if (!mn->started)
		return;
	next = movement_tick(mn->movement, now);
	for (size_t i = 0; i < mn->gw->config->uplink_count; i++)
		step_uplink(mn, i, now);
	for (size_t i = 0; i < mn->gw->config->home_address_count; i++)
		want(mn, &mn->homes[i], now);
	for (size_t i = 0; i < mn->gw->config->uplink_count; i++)
		mobile_path_lead(mn, i); /* before anything is sent: it has to leave by the right router */
	for (size_t i = 0; i < mn->gw->config->home_address_count; i++) {
		struct mono at = step_home(mn, &mn->homes[i], now);

		if (mono_before(at, next))
			next = at;
	}
	mn->gw->wake_at(mn->gw, next);
}

struct mono mobile_node_tick(struct gateway *gw, struct mono now)
{
	step(gw->mn); /* says itself when the next one is due */
	return UPDATE_NEVER;
}

/* ---- what is heard of the kernel ---- */

static void take_link(struct mobile_node *mn, size_t i, struct mono now)
{
	struct uplink *up = &mn->uplinks[i];
	struct link_info link;

	if (netlink_link_by_name(mn->gw->nl, mn->gw->config->uplinks[i].name, &link)) {
		up->ifindex = 0;
		movement_link(mn->movement, i, false, 0, now);
		return;
	}
	if (up->ifindex != link.ifindex) {
		mobile_device_uplink_up(link.name);
		memset(&up->led, 0, sizeof(up->led));
	}
	if (up->device && up->device != link.ifindex)
		movement_device(mn->movement, i);
	up->device = up->ifindex = link.ifindex;
	up->mtu = link.mtu;
	up->ethernet = link.ethernet;
	memcpy(up->mac, link.mac, sizeof(up->mac));
	movement_link(mn->movement, i, link.running, link.carrier_count, now);
}

void mobile_node_on_link(struct gateway *gw, const char *name, int ifindex, bool present)
{
	struct mobile_node *mn = gw->mn;

	for (size_t i = 0; i < gw->config->uplink_count; i++)
		if (!strcmp(gw->config->uplinks[i].name, name))
			take_link(mn, i, gw->clock());
	step(mn);
}

void mobile_node_on_address(struct gateway *gw, const struct address_info *address)
{
	struct movement_address at = { .addr = address->addr, .deprecated = address->deprecated };
	struct mobile_node *mn = gw->mn;
	struct mono now = gw->clock();
	int uplink;

	/* the advertisement that the kernel made it from waits in our socket: without it, by which router? */
	if (mn->started)
		nd_socket_poll(gw->nd);
	/* an address is news of its link, too: it may be told before the link is */
	for (size_t i = 0; i < gw->config->uplink_count; i++)
		if (!mn->uplinks[i].ifindex)
			take_link(mn, i, now);
	uplink = mobile_uplink_of(mn, address->ifindex);
	if (uplink < 0)
		return;
	if (IN6_IS_ADDR_LINKLOCAL(&address->addr)) {
		if (address->present && mn->started)
			movement_solicit_again(mn->movement, uplink, now); /* now there is something to ask from */
	} else {
		movement_address(mn->movement, uplink, &at, address->present, now);
	}
	step(mn);
}

void mobile_node_on_nd(struct gateway *gw, const struct nd_input *in)
{
	struct mobile_node *mn = gw->mn;
	int uplink = mobile_uplink_of(mn, in->ifindex);
	struct nd_neighbour_advert na;
	struct nd_router_advert ra;

	if (uplink < 0 || !in->len)
		return;
	if (in->data[0] == ICMP6_ROUTER_ADVERT) {
		if (!IN6_IS_ADDR_LINKLOCAL(&in->src) || nd_parse_router_advert(in->data, in->len, &ra)) {
			gateway_count(gw, AGENT_ND_MALFORMED);
			return;
		}
		if (ra.prefixes_ignored)
			gateway_count(gw, AGENT_ADVERT_LIE);
		movement_router_advert(mn->movement, uplink, &in->src, &ra, in->when);
	} else {
		if (nd_parse_neighbour_advert(in->data, in->len, &na)) {
			gateway_count(gw, AGENT_ND_MALFORMED);
			return;
		}
		if (na.solicited)
			movement_router_reachable(mn->movement, uplink, &na.target, in->when);
	}
	step(mn);
}

/* ---- what is asked of the link ---- */

static void send_nd(struct mobile_node *mn, size_t uplink, const struct in6_addr *dst, const uint8_t *message,
		    size_t len)
{
	int err = nd_socket_send(mn->gw->nd, mn->uplinks[uplink].ifindex, NULL, dst, message, len);

	if (err && err != -EADDRNOTAVAIL && err != -ENETDOWN && err != -ENODEV)
		gateway_count(mn->gw, AGENT_SEND_FAILED);
}

/* Without our link-layer address: it may still be optimistic (RFC 4429 §2.2); the router asks for it. */
static void on_solicit(void *arg, size_t uplink)
{
	static const struct in6_addr all_routers = { .s6_addr = { 0xFF, 2, [15] = 2 } };
	uint8_t message[ND_MESSAGE];

	send_nd(arg, uplink, &all_routers, message, nd_build_router_solicit(NULL, message));
}

static void on_probe(void *arg, size_t uplink, const struct in6_addr *router)
{
	uint8_t message[ND_MESSAGE];

	send_nd(arg, uplink, router, message, nd_build_neighbour_solicit(router, NULL, message));
}

/* ---- what the home agent says ---- */

static struct home *find_home(struct mobile_node *mn, const struct in6_addr *addr)
{
	for (size_t i = 0; i < mn->gw->config->home_address_count; i++)
		if (addr_equal(&mn->homes[i].update.home, addr))
			return &mn->homes[i];
	return NULL;
}

static void on_result(struct mobile_node *mn, struct home *home, enum update_result result,
		      const struct update_goal *road, bool was_registered)
{
	const struct home_update *u = &home->update;
	const char *name = mn->gw->config->uplinks[u->goal.uplink].name;

	switch (result) {
	case UPDATE_REGISTERED:
		log_info("mobile node: %s registered at %s, care-of address %s on %s, %u s", addr_text(&u->home),
			 addr_text(&u->agent), addr_text(&u->road.care_of), name, u->lifetime_s);
		publish(mn, was_registered ? GW_MOVED : GW_REGISTERED, home, was_registered ? &road->care_of : NULL);
		home->path_mtu = 0; /* learned on another way */
		break;
	case UPDATE_REFRESHED:
		publish(mn, GW_REFRESHED, home, NULL);
		break;
	case UPDATE_AT_HOME:
		log_info("mobile node: %s is at home on %s", addr_text(&u->home), name);
		publish(mn, GW_AT_HOME, home, NULL);
		break;
	case UPDATE_REFUSED:
		log_warn("mobile node: %s: home agent %s refuses: %s (%u); asked again in %u s", addr_text(&u->home),
			 addr_text(&u->agent), ba_status_text(u->last_status), u->last_status, u->retry_s);
		publish(mn, GW_REFUSED, home, NULL);
		break;
	case UPDATE_RESENT:
	case UPDATE_IGNORED:
		break;
	}
}

/* From its agent alone; away with a routing header to our home address, at home without (RFC 6275 §11.7.3). */
void mobile_node_on_ack(struct gateway *gw, const struct mh_input *in, const struct mh_msg *ack)
{
	struct mobile_node *mn = gw->mn;
	struct home *home = find_home(mn, &in->dst);
	enum auth_clock_news clock = AUTH_CLOCK_FINE;
	enum update_result result = UPDATE_IGNORED;
	struct update_goal road;
	bool was_registered;

	if (!home || !addr_equal(&in->src, &home->update.agent) || in->has_home ||
	    in->routed != (home->update.goal.kind == GOAL_AWAY)) {
		gateway_count(gw, AGENT_ACK_STRANGE);
		return;
	}
	if (!ipsec_proves(gw, &in->dst, IPSEC_SIGNALLING, in->mark)) {
		gateway_count(gw, AGENT_UNPROTECTED);
		return;
	}
	if (!auth_take_answer(gw, in, ack, &home->auth))
		return;
	if (update_awaits(&home->update, ack))
		clock = auth_correct_clock(gw, ack, &home->auth);
	if (clock == AUTH_CLOCK_WAIT) {
		gateway_count(gw, AGENT_ACK_REFUSED);
		return;
	}
	road = home->update.road;
	was_registered = home->update.registered;
	result = update_on_ack(&home->update, ack, in->when);
	if (clock == AUTH_CLOCK_CORRECTED) {
		update_retry(&home->update, in->when);
		result = UPDATE_RESENT;
	}
	gateway_count(gw, result == UPDATE_IGNORED				? AGENT_ACK_STRANGE
			  : result == UPDATE_REFUSED || result == UPDATE_RESENT ? AGENT_ACK_REFUSED
										: AGENT_ACK_ACCEPTED);
	on_result(mn, home, result, &road, was_registered);
	step(mn);
}

/* Its signalling can be protected now: what was sent meanwhile is lost. */
void mobile_node_on_keys(struct gateway *gw, const struct in6_addr *addr)
{
	struct home *home = gw->mn ? find_home(gw->mn, addr) : NULL;

	if (!home)
		return;
	update_hurry(&home->update, gw->clock());
	step(gw->mn);
}

/* Whether @home's agent wants a refresh, and may have it now. */
static bool nudged(struct gateway *gw, struct home *home, const struct mh_input *in)
{
	struct mono now = gw->clock();

	if (!home || !addr_equal(&in->src, &home->update.agent)) {
		gateway_count(gw, AGENT_ERROR_STRANGE);
		return false;
	}
	if (home->nudged.ns && mono_before(now, mono_add_ms(home->nudged, NUDGE_MS)))
		return false;
	home->nudged = now;
	update_refresh(&home->update, now);
	return true;
}

/* RFC 6275 §11.7.4 */
void mobile_node_on_refresh_request(struct gateway *gw, const struct mh_input *in, const struct mh_msg *brr)
{
	if (!ipsec_proves(gw, &in->dst, IPSEC_SIGNALLING, in->mark))
		gateway_count(gw, AGENT_UNPROTECTED);
	else if (nudged(gw, find_home(gw->mn, &in->dst), in))
		step(gw->mn);
}

/* Status 1 by our agent: it has lost our binding (§11.3.6). Whoever else says so knows nothing of it. */
void mobile_node_on_binding_error(struct gateway *gw, const struct mh_input *in, const struct mh_msg *be)
{
	struct home *home = be->status == BE_UNKNOWN_BINDING ? find_home(gw->mn, &be->home) : NULL;

	if (nudged(gw, home, in))
		step(gw->mn);
}

/* Never raised by a report, never below what every link carries. RFC 8201 §4. */
bool mobile_node_on_too_big(struct gateway *gw, const struct in6_addr *care_of, const struct in6_addr *agent,
			    uint32_t mtu)
{
	struct mobile_node *mn = gw->mn;
	bool ours = false;

	for (size_t i = 0; i < gw->config->home_address_count; i++) {
		struct home *home = &mn->homes[i];

		if (!home->update.registered || !addr_equal(&home->update.agent, agent) ||
		    !addr_equal(&home->update.road.care_of, care_of))
			continue;
		ours = true;
		mtu = mtu < IP6_MIN_MTU ? IP6_MIN_MTU : mtu;
		if (mtu >= home->entry.way.mtu)
			continue;
		home->path_mtu = (uint16_t)mtu;
		home->path_mtu_until = mono_add_s(gw->clock(), PATH_MTU_S);
	}
	step(mn);
	return ours;
}

/* ---- the slow path ---- */

static bool slow_tunnel(void *arg, const struct in6_addr *addr, struct slowpath_tunnel *out)
{
	struct gateway *gw = arg;
	const struct home *home = find_home(gw->mn, addr);
	uint16_t mtu;

	if (!home || home->entry.state != HOME_AWAY)
		return false;
	mtu = home->entry.way.mtu;
	if (home->entry.next.ifindex && home->entry.next.mtu < mtu)
		mtu = home->entry.next.mtu; /* as the data path judges it */
	*out = (struct slowpath_tunnel){ .care_of = home->entry.way.care_of,
					 .agent = home->entry.agent,
					 .path_mtu = mtu };
	return true;
}

static bool is_own(const struct mobile_node *mn, const struct in6_addr *addr)
{
	for (size_t i = 0; i < mn->gw->config->uplink_count; i++)
		if (mn->uplinks[i].point.usable && addr_equal(&mn->uplinks[i].point.care_of, addr))
			return true;
	for (size_t i = 0; i < mn->gw->config->home_address_count; i++)
		if (addr_equal(&mn->homes[i].update.home, addr))
			return true;
	return false;
}

static bool slow_admits(void *arg, const struct in6_addr *src, const struct in6_addr *addr,
			const struct in6_addr *agent)
{
	struct gateway *gw = arg;
	const struct home *home = find_home(gw->mn, addr);

	return home && addr_equal(&home->update.agent, agent) && !is_own(gw->mn, src);
}

void mobile_node_slowpath(struct gateway *gw, struct slowpath_roles *roles)
{
	roles->tunnel = slow_tunnel;
	roles->admits = slow_admits;
}

/* ---- life ---- */

/* What a former daemon left in the data path goes on as it was. */
static void adopt(struct mobile_node *mn, struct home *home)
{
	struct home_address left;
	struct update_goal road;
	int uplink = -1;

	if (datapath_home_get(mn->gw->dp, &home->update.home, &left))
		return;
	home->update.seq = left.seq;
	for (size_t i = 0; i < mn->gw->config->uplink_count; i++)
		if (left.way.ifindex && if_nametoindex(mn->gw->config->uplinks[i].name) == left.way.ifindex)
			uplink = (int)i;
	if (uplink < 0 || !addr_equal(&left.agent, &home->update.agent))
		return;
	home->entry = left;
	road = (struct update_goal){ .uplink = (size_t)uplink };
	if (left.state == HOME_THERE) {
		road.kind = GOAL_HOME;
		update_adopt_home(&home->update, &road, left.seq);
		home->home_ifindex = (int)left.way.ifindex;
		home->home_link = uplink;
	} else if (left.lifetime_s) {
		road.kind = GOAL_AWAY;
		road.care_of = left.way.care_of;
		ipsec_bound(mn->gw, &home->update.home, &road.care_of); /* said already; tried again when it starts */
		update_adopt(&home->update, &road, left.seq, (struct mono){ (int64_t)left.granted_ns }, left.lifetime_s,
			     mn->gw->clock());
	}
	log_info("mobile node: %s: adopted, sequence number %u", addr_text(&home->update.home), left.seq);
}

int mobile_node_open(struct gateway *gw)
{
	const struct config *config = gw->config;
	struct mobile_node *mn = calloc(1, sizeof(*mn));
	struct movement_calls calls = { .arg = mn, .solicit = on_solicit, .probe = on_probe };
	uint16_t first = 0;

	if (!mn)
		return -ENOMEM;
	gw->mn = mn;
	mn->gw = gw;
	mn->pinned = -1;
	mn->movement = movement_new(config, &calls);
	mn->groups = groups_new();
	if (!mn->movement || !mn->groups)
		return -ENOMEM;
	/* RFC 6275 §11.7.1 asks for no particular first number; after a loss of memory the agent corrects it */
	if (getrandom(&first, sizeof(first), 0) != sizeof(first))
		return -EIO;
	for (size_t i = 0; i < config->home_address_count; i++) {
		const struct config_home_address *at = &config->home_addresses[i];

		mn->homes[i].config = at;
		mn->homes[i].announce_at = UPDATE_NEVER;
		mn->homes[i].home_link = -1;
		update_init(&mn->homes[i].update, &at->home, &at->agent, at->lifetime_s, first);
		adopt(mn, &mn->homes[i]);
	}
	datapath_homes_keep(gw->dp, config);
	return mobile_device_open(config, gw->home_ifindex);
}

void mobile_node_start(struct gateway *gw)
{
	struct mobile_node *mn = gw->mn;

	for (size_t i = 0; i < gw->config->uplink_count; i++)
		take_link(mn, i, gw->clock());
	mn->started = true;
	step(mn);
}

/* The configuration changed its place in memory: home addresses are found in it anew, by their order. */
void mobile_node_reloaded(struct gateway *gw)
{
	for (size_t i = 0; i < gw->config->home_address_count; i++) {
		gw->mn->homes[i].config = &gw->config->home_addresses[i];
		gw->mn->homes[i].update.asked_s = gw->config->home_addresses[i].lifetime_s;
	}
	step(gw->mn);
}

void mobile_node_close(struct gateway *gw)
{
	if (!gw->mn)
		return;
	movement_free(gw->mn->movement);
	groups_free(gw->mn->groups);
	free(gw->mn);
	gw->mn = NULL;
}
