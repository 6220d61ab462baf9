// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The home agent's side effects: what registration.c decided is carried out in the order that loses nothing (the path
 * stands before the acknowledgement leaves, and is gone before its binding is freed), duplicate address detection,
 * expiry, refresh requests. RFC 6275 §9.5.4, §10.1, §10.3, §10.4.1.
 */
#include <errno.h>
#include <stdlib.h>

#include "auth.h"
#include "home_agent_priv.h"
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
void home_agent_queue_refresh(struct gateway *gw, const struct binding_entry *entry)
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

int home_agent_ifindex(const struct gateway *gw, int home_link)
{
	return home_link >= 0 ? gw->ha->ifindex[home_link] : 0;
}

void home_agent_proxy_start(struct gateway *gw, const struct binding_entry *entry, bool announce)
{
	int ifindex = home_agent_ifindex(gw, entry->home_link);

	if (ifindex)
		neighbour_proxy_start(gw->nb, ifindex, &entry->home, entry->flags & BU_LINK_LOCAL, announce);
}

void home_agent_proxy_stop(struct gateway *gw, const struct binding_entry *entry)
{
	int ifindex = home_agent_ifindex(gw, entry->home_link);

	if (ifindex)
		neighbour_proxy_stop(gw->nb, ifindex, &entry->home, entry->flags & BU_LINK_LOCAL);
}

/* The path first, then defence, then the entry. */
void home_agent_remove(struct gateway *gw, struct binding_entry *entry)
{
	struct in6_addr home = entry->home;

	if (entry->state == BINDING_ACTIVE) {
		datapath_binding_delete(gw->dp, &home);
		ipsec_unbound(gw, &home);
		home_agent_proxy_stop(gw, entry);
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
		home_agent_remove(gw, entry);
		return err;
	}
	home_agent_proxy_start(gw, entry, true);
	home_agent_queue_refresh(gw, entry);
	return 0;
}

void home_agent_publish(struct gateway *gw, enum gateway_event what, const struct binding_entry *entry,
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
	home_agent_publish(gw, GW_REGISTERED, entry, NULL);
}

/* First registration: with duplicate address detection where the home address has a link (§10.3.1). */
static void start_registration(struct gateway *gw, const struct registration_decision *d,
			       const struct binding_request *req, struct mono now, const struct answer_road *road)
{
	int ifindex = home_agent_ifindex(gw, d->home_link);
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
		home_agent_remove(gw, entry);
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
		if (neighbour_dad_start(gw->nb, home_agent_ifindex(gw, entry->home_link), &entry->home, true)) {
			home_agent_remove(gw, entry);
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
		home_agent_proxy_stop(gw, entry);
	binding_update(gw->bindings, req, now, NULL);
	entry->nexthop = path.nexthop;
	entry->path_mtu = path.path_mtu;
	if (moved)
		nexthop_release(gw->nh, &old.care_of);
	if (local_changed)
		home_agent_proxy_start(gw, entry, true);
	home_agent_queue_refresh(gw, entry);
	accept_answer(gw, entry, road);
	gateway_count(gw, moved ? AGENT_MOVED : AGENT_REFRESHED);
	home_agent_publish(gw, moved ? GW_MOVED : GW_REFRESHED, entry, &old.care_of);
}

/* §10.3.2 */
static void deregister(struct gateway *gw, const struct registration_decision *d, const struct answer_road *road)
{
	struct binding_entry *entry = binding_find(gw->bindings, &d->home);
	struct mh_msg ack = { .type = MH_BA, .status = BA_ACCEPTED, .seq = d->seq };
	struct gateway_event_info info = { .home = d->home, .care_of = entry->care_of, .seq = d->seq };

	if (IN6_IS_ADDR_UNSPECIFIED(&road->care_of)) /* it said so from home, and not to be reached nowhere */
		ipsec_returned(gw, &d->home);
	home_agent_remove(gw, entry);
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
			home_agent_remove(gw, entry);
			refuse(gw, home, &care_of, &road, BA_NOT_HOME_SUBNET, seq);
			return;
		}
		binding_set_expiry(gw->bindings, entry, gw->clock(), lifetime_s);
		registered(gw, entry, &road);
		return;
	}
	home_agent_remove(gw, entry);
	log_info("home agent: %s is in use on its home link: registration refused", addr_text(home));
	refuse(gw, home, &care_of, &road, BA_DAD_FAILED, seq);
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
		home_agent_publish(gw, GW_EXPIRED, entry, NULL);
		home_agent_remove(gw, entry);
	}
	run_refresh(gw, now);
	entry = binding_first_expiring(gw->bindings);
	if (entry && mono_before(entry->expires, mono_add_s(now, 1)))
		return mono_before(entry->expires, now) ? now : entry->expires;
	return mono_add_s(now, 1);
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
	return home_agent_set_links(gw);
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
