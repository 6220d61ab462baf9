// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The home agent's side effects: what registration.c decided is carried out in the order that loses nothing (the path
 * stands before the acknowledgement leaves, and is gone before its binding is freed), duplicate address detection,
 * expiry, refresh requests, adoption after a restart. RFC 6275 §9.5.4, §10.1, §10.3, §10.4.1.
 */
#include <errno.h>
#include <stdlib.h>

#include "auth.h"
#include "ipsec.h"

enum {
	BRR_TIMES = 3,	    /* refresh requests for one binding */
	BRR_INTERVAL_S = 5, /* between them */
	TICK_MOST = 1000,   /* expiries carried out in one turn of the loop */
};

/* Where an answer goes. */
struct answer_road {
	struct in6_addr care_of; /* with a routing header; unspecified: direct, on the home link */
	bool plain;		 /* neither: by the ordinary route */
	struct auth_answer auth;
};

/* A registration that waits for duplicate address detection; hangs on binding_entry.role. */
struct pending {
	struct answer_road road;
};

struct home_agent {
	struct binding_cache
		*refresh; /* when each binding is next asked to refresh: `expires`; how often it was: `seq` */
	struct mono prefix_until[LIMIT_HOME_LINKS]; /* INT64_MAX: infinite */
	int ifindex[LIMIT_HOME_LINKS];		    /* 0: virtual, or not there */
};

/* ---- answering ---- */

/* The usual case: the binding leads where the answer goes, and the short-lived map is left alone. */
static bool answer_by_binding(struct gateway *gw, const struct in6_addr *home, const struct answer_road *road)
{
	const struct binding_entry *entry = binding_find(gw->bindings, home);

	return entry && entry->state == BINDING_ACTIVE && addr_equal(&entry->care_of, &road->care_of);
}

static void send_ack(struct gateway *gw, const struct in6_addr *home, const struct answer_road *road,
		     const struct mh_msg *ack)
{
	uint8_t buf[128];
	int len = auth_build_answer(gw, home, &road->auth, ack, buf, sizeof(buf)), err = len < 0 ? len : 0;

	if (!err && !road->plain)
		err = answer_by_binding(gw, home, road) ? datapath_answer_clear(gw->dp, home)
							: datapath_answer_set(gw->dp, home, &road->care_of, 0);
	if (!err)
		err = sockets_send_mh(gw->so, &gw->config->agent, home, !road->plain, buf, len);
	if (err) {
		gateway_count(gw, AGENT_SEND_FAILED);
		log_debug("home agent: acknowledge %s: %s", addr_text(home), strerror(-err));
	}
}

static void refuse(struct gateway *gw, const struct in6_addr *home, const struct in6_addr *care_of,
		   const struct answer_road *road, uint8_t status, uint16_t seq)
{
	struct mh_msg ack = { .type = MH_BA, .status = status, .seq = seq };
	struct gateway_event_info info = {
		.home = *home, .care_of = *care_of, .status = status, .seq = seq, .text = ba_status_text(status)
	};

	gateway_count(gw, AGENT_REFUSED);
	send_ack(gw, home, road, &ack);
	control_publish(gw, status == BA_DAD_FAILED ? GW_DAD_FAILED : GW_REFUSED, &info);
}

/* K is clear: no IKE moves with the binding yet. R is clear: mobile routers are not taken. §10.3.1 */
static void accept_answer(struct gateway *gw, const struct binding_entry *entry, const struct answer_road *road)
{
	struct mh_msg ack = {
		.type = MH_BA, .status = BA_ACCEPTED, .seq = entry->seq, .lifetime_s = entry->lifetime_s
	};

	if (entry->flags & BU_KEY && ipsec_can_move(gw))
		ack.flags |= BA_KEY; /* §10.3.1, §6.1.8 */

	if (gw->config->refresh_s && gw->config->refresh_s < entry->lifetime_s) { /* less than the lifetime, §6.2.4 */
		ack.opt.has_refresh_advice = true;
		ack.opt.refresh_advice_s = gw->config->refresh_s;
	}
	send_ack(gw, &entry->home, road, &ack);
}

/* ---- refresh requests ---- */

/* A second cache of the same kind, for its order by time: one entry a binding, whatever the order they come in. */
static void queue_refresh(struct gateway *gw, const struct binding_entry *entry)
{
	struct binding_request req = { .home = entry->home, .lifetime_s = gw->config->refresh_s };

	binding_delete(gw->ha->refresh, &entry->home);
	if (gw->config->refresh_s && gw->config->refresh_s < entry->lifetime_s)
		binding_update(gw->ha->refresh, &req, entry->granted, NULL); /* without memory: the advice stands */
}

static void run_refresh(struct gateway *gw, struct mono now)
{
	struct mh_msg brr = { .type = MH_BRR };
	struct binding_entry *item;
	uint8_t buf[16];
	int len = mh_build(&brr, buf, sizeof(buf), NULL);

	for (int i = 0; i < TICK_MOST; i++) {
		item = binding_first_expiring(gw->ha->refresh);
		if (!item || mono_before(now, item->expires))
			return;
		if (item->seq >= BRR_TIMES) {
			binding_delete(gw->ha->refresh, &item->home);
			continue;
		}
		/* through the tunnel: of mobility headers only acknowledgements carry a routing header (§9.3.2) */
		if (sockets_send_mh(gw->so, &gw->config->agent, &item->home, true, buf, len))
			gateway_count(gw, AGENT_SEND_FAILED);
		item->seq++;
		binding_set_expiry(gw->ha->refresh, item, now, BRR_INTERVAL_S);
	}
}

/* ---- bindings ---- */

static int home_ifindex(const struct gateway *gw, int home_link)
{
	return home_link >= 0 ? gw->ha->ifindex[home_link] : 0;
}

static void proxy_start(struct gateway *gw, const struct binding_entry *entry, bool announce)
{
	int ifindex = home_ifindex(gw, entry->home_link);

	if (ifindex)
		neighbour_proxy_start(gw->nb, ifindex, &entry->home, entry->flags & BU_LINK_LOCAL, announce);
}

static void proxy_stop(struct gateway *gw, const struct binding_entry *entry)
{
	int ifindex = home_ifindex(gw, entry->home_link);

	if (ifindex)
		neighbour_proxy_stop(gw->nb, ifindex, &entry->home, entry->flags & BU_LINK_LOCAL);
}

/* The path first, then defence, then the entry. */
static void remove_binding(struct gateway *gw, struct binding_entry *entry)
{
	struct in6_addr home = entry->home;

	if (entry->state == BINDING_ACTIVE) {
		datapath_binding_delete(gw->dp, &home);
		ipsec_unbound(gw, &home);
		proxy_stop(gw, entry);
		nexthop_release(gw->nh, &entry->care_of);
	} else {
		neighbour_dad_stop(gw->nb, &home);
		free(entry->role);
	}
	binding_delete(gw->ha->refresh, &home);
	binding_delete(gw->bindings, &home);
}

/* A new binding goes live: next hop, path, defence. On error it is gone again. */
static int activate(struct gateway *gw, struct binding_entry *entry)
{
	int err;

	entry->nexthop = nexthop_acquire(gw->nh, &entry->care_of);
	binding_activate(entry);
	err = ipsec_bound(gw, &entry->home, &entry->care_of); /* first: nothing leaves in clear */
	if (!err)
		err = datapath_binding_set(gw->dp, entry);
	if (err) {
		remove_binding(gw, entry);
		return err;
	}
	proxy_start(gw, entry, true);
	queue_refresh(gw, entry);
	return 0;
}

static void publish(struct gateway *gw, enum gateway_event what, const struct binding_entry *entry,
		    const struct in6_addr *old_care_of)
{
	struct gateway_event_info info = {
		.home = entry->home, .care_of = entry->care_of, .lifetime_s = entry->lifetime_s, .seq = entry->seq
	};

	if (old_care_of)
		info.old_care_of = *old_care_of;
	control_publish(gw, what, &info);
}

static void registered(struct gateway *gw, struct binding_entry *entry, const struct answer_road *road)
{
	struct in6_addr home = entry->home, care_of = entry->care_of;
	uint16_t seq = entry->seq;

	if (activate(gw, entry)) {
		refuse(gw, &home, &care_of, road, BA_NO_RESOURCES, seq);
		return;
	}
	accept_answer(gw, entry, road);
	gateway_count(gw, AGENT_REGISTERED);
	publish(gw, GW_REGISTERED, entry, NULL);
}

/* First registration: with duplicate address detection where the home address has a link (§10.3.1). */
static void start_registration(struct gateway *gw, const struct registration_decision *d,
			       const struct binding_request *req, struct mono now, const struct answer_road *road)
{
	int ifindex = home_ifindex(gw, d->home_link);
	struct binding_entry *entry;
	struct pending *pending;

	if (binding_update(gw->bindings, req, now, &entry)) {
		refuse(gw, &d->home, &d->care_of, road, BA_NO_RESOURCES, d->seq);
		return;
	}
	entry->home_link = d->home_link;
	if (!ifindex || !gw->config->dad_transmits) {
		registered(gw, entry, road);
		return;
	}
	pending = calloc(1, sizeof(*pending));
	if (pending) {
		pending->road = *road;
		entry->role = pending;
	}
	if (!pending || neighbour_dad_start(gw->nb, ifindex, &d->home, req->flags & BU_LINK_LOCAL)) {
		remove_binding(gw, entry);
		refuse(gw, &d->home, &d->care_of, road, BA_NO_RESOURCES, d->seq);
	}
}

/* An update resent, or a move, while detection runs: answered in the end, with the newest number. */
static void update_pending(struct gateway *gw, struct binding_entry *entry, const struct binding_request *req,
			   struct mono now, const struct answer_road *road)
{
	struct pending *pending = entry->role;
	bool with_local = (req->flags & ~entry->flags) & BU_LINK_LOCAL;

	binding_update(gw->bindings, req, now, NULL);
	pending->road = *road;
	if (with_local) { /* L newly set: the link-local address has to be tested too, so detection starts over */
		neighbour_dad_stop(gw->nb, &entry->home);
		if (neighbour_dad_start(gw->nb, home_ifindex(gw, entry->home_link), &entry->home, true)) {
			remove_binding(gw, entry);
			refuse(gw, &req->home, &req->care_of, road, BA_NO_RESOURCES, req->seq);
		}
	}
}

/* Policies and states first: nothing leaves in clear. On error all is as it was. */
static int change_path(struct gateway *gw, const struct binding_entry *old, const struct binding_entry *path)
{
	bool moved = !addr_equal(&old->care_of, &path->care_of);
	int err = moved ? ipsec_bound(gw, &path->home, &path->care_of) : 0;

	if (err)
		return err;
	err = datapath_binding_set(gw->dp, path);
	if (err && moved)
		ipsec_bound(gw, &old->home, &old->care_of);
	return err;
}

/* Refresh or move of a live binding: the path is tried first, so that a failure leaves all as it was. */
static void update_active(struct gateway *gw, struct binding_entry *entry, const struct binding_request *req,
			  struct mono now, const struct answer_road *road)
{
	bool moved = !addr_equal(&entry->care_of, &req->care_of),
	     local_changed = (entry->flags ^ req->flags) & BU_LINK_LOCAL;
	struct binding_entry old = *entry, path = *entry;

	path.care_of = req->care_of;
	path.seq = req->seq;
	path.flags = req->flags;
	path.granted = now;
	path.lifetime_s = req->lifetime_s;
	path.expires = mono_add_s(now, req->lifetime_s);
	if (moved || mono_before(path.path_mtu_until, now))
		path.path_mtu = 0;
	if (moved)
		path.nexthop = nexthop_acquire(gw->nh, &req->care_of);
	if (change_path(gw, entry, &path)) {
		if (moved)
			nexthop_release(gw->nh, &req->care_of);
		refuse(gw, &entry->home, &req->care_of, road, BA_NO_RESOURCES, req->seq);
		return;
	}
	if (local_changed)
		proxy_stop(gw, entry);
	binding_update(gw->bindings, req, now, NULL);
	entry->nexthop = path.nexthop;
	entry->path_mtu = path.path_mtu;
	if (moved)
		nexthop_release(gw->nh, &old.care_of);
	if (local_changed)
		proxy_start(gw, entry, true);
	queue_refresh(gw, entry);
	accept_answer(gw, entry, road);
	gateway_count(gw, moved ? AGENT_MOVED : AGENT_REFRESHED);
	publish(gw, moved ? GW_MOVED : GW_REFRESHED, entry, &old.care_of);
}

/* §10.3.2 */
static void deregister(struct gateway *gw, const struct registration_decision *d, const struct answer_road *road)
{
	struct binding_entry *entry = binding_find(gw->bindings, &d->home);
	struct mh_msg ack = { .type = MH_BA, .status = BA_ACCEPTED, .seq = d->seq };
	struct gateway_event_info info = { .home = d->home, .care_of = entry->care_of, .seq = d->seq };

	if (IN6_IS_ADDR_UNSPECIFIED(&road->care_of)) /* it said so from home, and not to be reached nowhere */
		ipsec_returned(gw, &d->home);
	remove_binding(gw, entry);
	send_ack(gw, &d->home, road, &ack);
	gateway_count(gw, AGENT_DEREGISTERED);
	control_publish(gw, GW_DEREGISTERED, &info);
}

static void prefixes_left(const struct gateway *gw, struct mono now, uint32_t *left_s)
{
	for (int i = 0; i < LIMIT_HOME_LINKS; i++) {
		int64_t ns = gw->ha->prefix_until[i].ns - now.ns;

		left_s[i] = gw->ha->prefix_until[i].ns == INT64_MAX ? UINT32_MAX
			    : ns > 0				    ? (uint32_t)(ns / 1000000000)
								    : 0;
	}
}

void home_agent_on_bu(struct gateway *gw, const struct mh_input *in, const struct mh_msg *msg)
{
	uint32_t left_s[LIMIT_HOME_LINKS];
	struct registration_decision d;
	struct answer_road road = {};
	struct binding_entry *entry;
	uint8_t status;

	if (!ipsec_proves(gw, &in->src, IPSEC_SIGNALLING, in->mark)) {
		gateway_count(gw, AGENT_UNPROTECTED);
		return;
	}
	if (!auth_take_update(gw, in, msg, &road.auth, &status))
		return;
	prefixes_left(gw, in->when, left_s);
	d = registration_decide(gw->config, gw->bindings, left_s, in, msg);
	if (status != BA_ACCEPTED && d.action != REGISTRATION_DISCARD) {
		d.action = REGISTRATION_REFUSE;
		d.status = status;
		d.seq = msg->seq; /* §9.5.4: only 135 tells the number of the binding */
	}
	if (addr_equal(&in->care_of, &in->src)) /* no routing header to the home address itself, §9.5.4 */
		road.plain = d.home_link < 0;
	else
		road.care_of = in->care_of;
	if (d.action == REGISTRATION_DISCARD) {
		gateway_count(gw, d.discard);
	} else if (d.action == REGISTRATION_REFUSE) {
		refuse(gw, &d.home, &d.care_of, &road, d.status, d.seq);
	} else if (d.action == REGISTRATION_DELETE) {
		deregister(gw, &d, &road);
	} else {
		struct binding_request req = { .home = d.home,
					       .care_of = d.care_of,
					       .seq = msg->seq,
					       .flags = msg->flags,
					       .lifetime_s = d.lifetime_s };

		entry = binding_find(gw->bindings, &d.home);
		if (!entry)
			start_registration(gw, &d, &req, in->when, &road);
		else if (entry->state == BINDING_PENDING)
			update_pending(gw, entry, &req, in->when, &road);
		else
			update_active(gw, entry, &req, in->when, &road);
	}
}

void home_agent_on_dad_done(struct gateway *gw, const struct in6_addr *home, bool unique)
{
	struct binding_entry *entry = binding_find(gw->bindings, home);
	struct answer_road road;
	uint32_t left_s[LIMIT_HOME_LINKS], lifetime_s;
	struct in6_addr care_of;
	uint16_t seq;

	if (!entry || entry->state != BINDING_PENDING)
		return;
	road = ((struct pending *)entry->role)->road;
	free(entry->role);
	entry->role = NULL;
	care_of = entry->care_of;
	seq = entry->seq;
	if (unique) {
		/* what is granted begins with the acknowledgement, and still ends with the prefix */
		prefixes_left(gw, gw->clock(), left_s);
		lifetime_s =
			left_s[entry->home_link] < entry->lifetime_s ? left_s[entry->home_link] : entry->lifetime_s;
		lifetime_s -= lifetime_s % LIFETIME_UNIT_S;
		if (!lifetime_s) { /* the prefix ended meanwhile */
			remove_binding(gw, entry);
			refuse(gw, home, &care_of, &road, BA_NOT_HOME_SUBNET, seq);
			return;
		}
		binding_set_expiry(gw->bindings, entry, gw->clock(), lifetime_s);
		registered(gw, entry, &road);
		return;
	}
	remove_binding(gw, entry);
	log_info("home agent: %s is in use on its home link: registration refused", addr_text(home));
	refuse(gw, home, &care_of, &road, BA_DAD_FAILED, seq);
}

/* ---- what changes around us ---- */

static int rewrite_nexthop(struct binding_entry *entry, void *arg)
{
	struct gateway *gw = arg;
	uint32_t index;

	if (entry->state != BINDING_ACTIVE)
		return 0;
	index = nexthop_index(gw->nh, &entry->care_of);
	if (index != entry->nexthop) {
		entry->nexthop = index;
		datapath_binding_set(gw->dp, entry);
	}
	return 0;
}

void home_agent_on_nexthops_moved(struct gateway *gw)
{
	binding_for_each(gw->bindings, rewrite_nexthop, gw);
}

struct shorten {
	struct gateway *gw;
	int home_link;
	struct mono until;
};

static int shorten(struct binding_entry *entry, void *arg)
{
	const struct shorten *s = arg;
	int64_t left = s->until.ns - entry->granted.ns;

	if (entry->home_link != s->home_link || !mono_before(s->until, entry->expires))
		return 0;
	binding_set_expiry(s->gw->bindings, entry, entry->granted, left > 0 ? (uint32_t)(left / 1000000000) : 0);
	if (entry->state == BINDING_ACTIVE)
		datapath_binding_set(s->gw->dp, entry);
	return 0;
}

/* No binding outlives the prefix of its home address (§10.3.1). */
void home_agent_on_prefix_lifetime(struct gateway *gw, int home_link, uint32_t valid_s)
{
	struct mono *until = &gw->ha->prefix_until[home_link];
	struct shorten s = { .gw = gw, .home_link = home_link };

	if (valid_s == UINT32_MAX) {
		until->ns = INT64_MAX;
		return;
	}
	*until = mono_add_s(gw->clock(), valid_s);
	s.until = *until;
	binding_for_each(gw->bindings, shorten, &s);
}

static int set_home_links(struct gateway *gw)
{
	struct home_link links[LIMIT_HOME_LINKS] = {};

	for (size_t i = 0; i < gw->config->home_link_count; i++) {
		const struct config_home_link *link = &gw->config->home_links[i];

		links[i] = (struct home_link){ .prefix = link->prefix,
					       .prefix_len = link->prefix_len,
					       .ifindex = gw->ha->ifindex[i] };
	}
	return datapath_home_links_set(gw->dp, links, gw->config->home_link_count);
}

struct reproxy {
	struct gateway *gw;
	int home_link;
	bool stop;
};

static int reproxy(struct binding_entry *entry, void *arg)
{
	const struct reproxy *r = arg;

	if (entry->home_link != r->home_link || entry->state != BINDING_ACTIVE)
		return 0;
	if (r->stop)
		proxy_stop(r->gw, entry);
	else
		proxy_start(r->gw, entry, true);
	return 0;
}

/* A home link's device appears, vanishes, or comes back under another index: defence starts anew there. */
void home_agent_on_link(struct gateway *gw, const char *name, int ifindex, bool present)
{
	for (size_t i = 0; i < gw->config->home_link_count; i++) {
		struct reproxy r = { .gw = gw, .home_link = (int)i };

		if (strcmp(gw->config->home_links[i].interface, name))
			continue;
		if (gw->ha->ifindex[i] == (present ? ifindex : 0))
			continue;
		r.stop = true; /* under the old index, before it is forgotten: whoever de-registers meanwhile must not
				  stay defended */
		binding_for_each(gw->bindings, reproxy, &r);
		r.stop = false;
		gw->ha->ifindex[i] = present ? ifindex : 0;
		set_home_links(gw);
		if (!present)
			continue;
		neighbour_link_up(gw->nb, name);
		binding_for_each(gw->bindings, reproxy, &r);
	}
}

/* ---- life ---- */

struct mono home_agent_tick(struct gateway *gw, struct mono now)
{
	struct binding_entry *entry;

	for (int i = 0; i < TICK_MOST; i++) {
		entry = binding_first_expiring(gw->bindings);
		if (!entry || mono_before(now, entry->expires))
			break;
		gateway_count(gw, AGENT_EXPIRED);
		publish(gw, GW_EXPIRED, entry, NULL);
		remove_binding(gw, entry);
	}
	run_refresh(gw, now);
	entry = binding_first_expiring(gw->bindings);
	if (entry && mono_before(entry->expires, mono_add_s(now, 1)))
		return mono_before(entry->expires, now) ? now : entry->expires;
	return mono_add_s(now, 1);
}

/* What a former daemon accepted; its home address has been defended all along, so no detection. */
static int adopt_one(void *arg, const struct in6_addr *home, const struct registration *reg)
{
	struct gateway *gw = arg;
	struct binding_request req = { .home = *home,
				       .care_of = reg->care_of,
				       .seq = reg->seq,
				       .flags = reg->flags,
				       .lifetime_s = reg->lifetime_s };
	struct mono granted = { (int64_t)reg->granted_ns };
	struct shorten s = { .gw = gw };
	struct binding_entry *entry;
	int err;

	if (!(reg->flags & BU_HOME) || IN6_IS_ADDR_UNSPECIFIED(&reg->care_of)) {
		correspondent_adopt_one(gw, home, reg);
		return 0;
	}
	if (!config_mobile_node(gw->config, home)) {
		log_info("home agent: %s is not in the configuration any more: its binding is deleted",
			 addr_text(home));
		datapath_binding_delete(gw->dp, home);
		return 0;
	}
	err = binding_update(gw->bindings, &req, granted, &entry);
	if (err) {
		log_error("home agent: adopt the binding of %s: %s", addr_text(home), strerror(-err));
		datapath_binding_delete(gw->dp, home);
		return 0;
	}
	entry->home_link = config_home_link(gw->config, home);
	if (entry->home_link >= 0) { /* the prefix may have been shortened while nobody was there (§10.3.1) */
		s.home_link = entry->home_link;
		s.until = gw->ha->prefix_until[entry->home_link];
		shorten(entry, &s);
	}
	entry->nexthop = nexthop_acquire(gw->nh, &entry->care_of);
	binding_activate(entry);
	ipsec_bound(gw, home, &entry->care_of);
	datapath_binding_set(gw->dp, entry);
	proxy_start(gw, entry, false);
	queue_refresh(gw, entry);
	publish(gw, GW_ADOPTED, entry, NULL);
	return 0;
}

int home_agent_adopt(struct gateway *gw)
{
	int err = datapath_adopt(gw->dp, gw->clock(), adopt_one, gw);

	if (!err && binding_count(gw->bindings))
		log_info("home agent: adopted %zu bindings", binding_count(gw->bindings));
	return err;
}

struct unnamed {
	struct gateway *gw;
	struct in6_addr *homes;
	size_t count;
};

/* Collects what is to go, since the walk must not delete; the rest is queued anew, for another refresh-interval. */
static int find_unnamed(struct binding_entry *entry, void *arg)
{
	struct unnamed *u = arg;

	if (!config_mobile_node(u->gw->config, &entry->home))
		u->homes[u->count++] = entry->home;
	else if (entry->state == BINDING_ACTIVE)
		queue_refresh(u->gw, entry);
	return 0;
}

void home_agent_reloaded(struct gateway *gw)
{
	struct unnamed u = { .gw = gw, .homes = calloc(binding_count(gw->bindings) + 1, sizeof(*u.homes)) };

	if (!u.homes) {
		log_error("home agent: no memory to look for bindings that are not configured any more; reload again");
		return;
	}
	binding_for_each(gw->bindings, find_unnamed, &u);
	for (size_t i = 0; i < u.count; i++) {
		log_info("home agent: %s is not in the configuration any more: its binding is deleted",
			 addr_text(&u.homes[i]));
		remove_binding(gw, binding_find(gw->bindings, &u.homes[i]));
	}
	free(u.homes);
}

int home_agent_open(struct gateway *gw)
{
	struct home_agent *ha = calloc(1, sizeof(*ha));

	if (!ha)
		return -ENOMEM;
	gw->ha = ha;
	ha->refresh = binding_cache_new(gw->config->max_bindings);
	if (!ha->refresh)
		return -ENOMEM; /* home_agent_close() frees the rest */
	for (int i = 0; i < LIMIT_HOME_LINKS; i++)
		ha->prefix_until[i].ns = INT64_MAX;
	for (size_t i = 0; i < gw->config->home_link_count; i++) {
		struct link_info link;

		if (gw->config->home_links[i].interface[0] &&
		    !netlink_link_by_name(gw->nl, gw->config->home_links[i].interface, &link))
			ha->ifindex[i] = link.ifindex;
	}
	return set_home_links(gw);
}

static int free_pending(struct binding_entry *entry, void *arg)
{
	free(entry->role);
	entry->role = NULL;
	return 0;
}

void home_agent_close(struct gateway *gw)
{
	if (!gw->ha)
		return;
	binding_for_each(gw->bindings, free_pending, NULL);
	binding_cache_free(gw->ha->refresh);
	free(gw->ha);
	gw->ha = NULL;
}
