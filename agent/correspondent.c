// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The correspondent, which every node is: registrations that two tokens vouch for, and the bindings they make. RFC 6275
 * §9. What becomes of an update is correspondent_update.c's, the tokens are return_routability.c's.
 */
#include <errno.h>
#include <stdlib.h>

#include "correspondent_priv.h"

enum {
	TICK_MOST = 1000,    /* bindings that end in one turn of the loop */
	REFRESH_LEAD_S = 20, /* a refresh is asked for so long before the end of a binding in use */
	REFRESH_AGAIN_S = 5,
	REFRESH_MOST = 3,	  /* requests for one lifetime */
	UNREACHABLE_MOST = 3,	  /* §9.3.4, "persistent": so many ... */
	UNREACHABLE_OVER_S = 5,	  /* ... over so long ... */
	UNREACHABLE_PAUSE_S = 10, /* ... without so long a pause */
	SHARE_PREFIX = 64,	  /* of a site */
	SHARE_OF = 4,		  /* the last quarter of the room is for those who have less than a quarter of it */
	SHARE_LEAST = 64,	  /* below, it is a laboratory's */
	UNREACH_PORT = 4,	  /* RFC 4443 §3.1: the node itself says so, and is there */
};

struct binding_entry *correspondent_binding(struct gateway *gw, const struct in6_addr *home)
{
	return gw->cn ? binding_find(gw->cn->bindings, home) : NULL;
}

struct binding_cache *correspondent_bindings(struct gateway *gw)
{
	return gw->cn->bindings;
}

/* ---- bindings ---- */

static void publish(struct gateway *gw, enum gateway_event what, const struct binding_entry *entry, const char *text)
{
	struct gateway_event_info info = { .home = entry->home,
					   .care_of = entry->care_of,
					   .lifetime_s = entry->lifetime_s,
					   .seq = entry->seq,
					   .text = text };

	control_publish(gw, what, &info);
}

struct share {
	const struct in6_addr *home;
	size_t count;
};

static int count_share(struct binding_entry *entry, void *arg)
{
	struct share *share = arg;

	share->count += addr_in_prefix(&entry->home, share->home, SHARE_PREFIX);
	return 0;
}

/* One site with many home addresses of its own, each of which proves itself, must not shut the others out: when room
 * gets scarce nobody gets more than a share of it. */
static bool takes_too_much(const struct gateway *gw, const struct in6_addr *home, size_t taken)
{
	size_t most = 2 * (size_t)gw->config->peer_bindings;
	struct share share = { .home = home };

	if (taken < most - most / SHARE_OF || most < SHARE_LEAST)
		return false;
	binding_for_each(gw->cn->bindings, count_share, &share);
	binding_for_each(gw->cn->gone, count_share, &share);
	return share.count >= most / SHARE_OF;
}

static bool has_room(const struct gateway *gw, const struct in6_addr *home)
{
	size_t taken = binding_count(gw->cn->bindings) + binding_count(gw->cn->gone);

	if (binding_find(gw->cn->gone, home))
		return true;
	return taken < 2 * (size_t)gw->config->peer_bindings && !takes_too_much(gw, home, taken);
}

/* §5.2.8: the update may be heard again for as long as its nonces live. Room was seen to before. */
static void remember_number(struct gateway *gw, const struct in6_addr *home, uint16_t seq, struct mono granted)
{
	struct binding_request req = { .home = *home, .seq = seq, .lifetime_s = RR_NONCE_LIFETIME_S };

	if (!mono_before(gw->clock(), mono_add_s(granted, RR_NONCE_LIFETIME_S)))
		return;
	binding_delete(gw->cn->gone, home);
	if (!binding_update(gw->cn->gone, &req, granted, NULL))
		datapath_sequence_keep(gw->dp, home, seq, granted);
}

static void remove_binding(struct gateway *gw, struct binding_entry *entry, enum agent_reason why)
{
	struct in6_addr home = entry->home;
	struct mono granted = entry->granted;
	uint16_t seq = entry->seq;

	gateway_count(gw, why);
	publish(gw, GW_PEER_GONE, entry, agent_reason_name(why));
	datapath_binding_delete(gw->dp, &home);
	free(entry->role);
	binding_delete(gw->cn->refresh, &home);
	binding_delete(gw->cn->bindings, &home);
	remember_number(gw, &home, seq, granted);
}

static void queue_refresh(struct gateway *gw, const struct binding_entry *entry, struct mono when)
{
	struct binding_request req = { .home = entry->home, .lifetime_s = 1 };

	binding_delete(gw->cn->refresh, &entry->home);
	if (mono_before(when, entry->expires))
		binding_update(gw->cn->refresh, &req, mono_add_s(when, -1), NULL);
}

static struct mono first_refresh(const struct binding_entry *entry)
{
	uint32_t lead_s = entry->lifetime_s / 2 < REFRESH_LEAD_S ? entry->lifetime_s / 2 : REFRESH_LEAD_S;

	return mono_add_s(entry->expires, -(int64_t)lead_s);
}

/* §9.5.5: to the home address, without routing header (§9.3.2). One that isn't in use may be so when we look again. */
static void request_refresh(struct gateway *gw, struct binding_entry *entry, struct mono now)
{
	struct mono used = datapath_binding_used(gw->dp, &entry->home);
	struct peer_state *state = entry->role;
	struct mh_msg brr = { .type = MH_BRR };
	uint8_t buf[16];
	int len;

	if (state->requests >= REFRESH_MOST)
		return;
	queue_refresh(gw, entry, mono_add_s(now, REFRESH_AGAIN_S));
	if (!used.ns || mono_before(mono_add_s(used, REFRESH_LEAD_S), now))
		return;
	len = mh_build(&brr, buf, sizeof(buf), NULL);
	if (len < 0 || sockets_send_mh(gw->so, &state->local, &entry->home, false, buf, len))
		gateway_count(gw, AGENT_SEND_FAILED);
	else
		gateway_count(gw, AGENT_REFRESH_REQUESTED);
	state->requests++;
}

static void run_refresh(struct gateway *gw, struct mono now)
{
	for (int i = 0; i < TICK_MOST; i++) {
		struct binding_entry *due = binding_first_expiring(gw->cn->refresh), *entry;
		struct in6_addr home;

		if (!due || mono_before(now, due->expires))
			return;
		home = due->home;
		binding_delete(gw->cn->refresh, &home);
		entry = binding_find(gw->cn->bindings, &home);
		if (entry)
			request_refresh(gw, entry, now);
	}
}

/* ---- registrations ---- */

/*
 * To where the update came from: with a routing header where its home address stood in an option, else, and where that
 * named its own source, to the home address itself (§9.5.4). The statuses that no key can vouch for have no
 * authenticator.
 */
static void send_ack(struct gateway *gw, const struct mh_input *in, const struct peer_registration *d,
		     uint32_t lifetime_s)
{
	struct mh_msg ack = { .type = MH_BA, .status = d->status, .seq = d->seq, .lifetime_s = lifetime_s };
	bool routed = in->has_home && !addr_equal(&in->care_of, &d->home);
	uint16_t auth_offset = 0;
	uint8_t buf[64];
	int len, err;

	ack.opt.has_auth = d->with_key;
	len = mh_build(&ack, buf, sizeof(buf), &auth_offset);
	err = len < 0 ? len : 0;
	if (!err && d->with_key)
		err = rr_authenticator(d->kbm, &d->care_of, &in->dst, buf, auth_offset, buf + auth_offset);
	if (!err)
		err = datapath_answer_set(gw->dp, &d->home, routed ? &in->care_of : &in6addr_any, 0);
	if (!err)
		err = sockets_send_mh(gw->so, &in->dst, &d->home, routed, buf, len);
	if (err) {
		gateway_count(gw, AGENT_SEND_FAILED);
		log_debug("correspondent: acknowledge %s: %s", addr_text(&d->home), strerror(-err));
	}
}

/* One that proved itself takes the place of the binding that ends first. Where numbers take all the room, it waits:
 * they can't go sooner than their nonces. */
static bool make_room(struct gateway *gw, const struct in6_addr *home)
{
	if (!has_room(gw, home))
		return false;
	if (binding_count(gw->cn->bindings) >= gw->config->peer_bindings)
		remove_binding(gw, binding_first_expiring(gw->cn->bindings), AGENT_PEER_EVICTED);
	return true;
}

/* What the entry is to become; a learned path MTU stays with its path, and ages. */
static struct binding_entry path_of(const struct binding_entry *entry, const struct binding_request *req,
				    struct mono now)
{
	struct binding_entry path = { .home = req->home, .state = BINDING_ACTIVE };

	if (entry)
		path = *entry;
	if (!addr_equal(&path.care_of, &req->care_of) || mono_before(path.path_mtu_until, now))
		path.path_mtu = 0;
	path.care_of = req->care_of;
	path.seq = req->seq;
	path.flags = req->flags;
	path.granted = now;
	path.lifetime_s = req->lifetime_s;
	path.expires = mono_add_s(now, req->lifetime_s);
	return path;
}

/* The number that its registration took the place of stands there again. */
static void undo_path(struct gateway *gw, const struct in6_addr *home)
{
	const struct binding_entry *number = binding_find(gw->cn->gone, home);

	datapath_binding_delete(gw->dp, home);
	if (number)
		datapath_sequence_keep(gw->dp, home, number->seq, number->granted);
}

/* The path is tried first, so that a failure leaves all as it was. */
static int set_binding(struct gateway *gw, const struct binding_request *req, const struct in6_addr *local,
		       struct mono now)
{
	struct binding_entry *entry = binding_find(gw->cn->bindings, &req->home), path = path_of(entry, req, now);
	struct peer_state *state = entry ? entry->role : calloc(1, sizeof(*state));
	bool fresh = !entry;
	int err = state ? datapath_binding_set(gw->dp, &path) : -ENOMEM;

	if (!err)
		err = binding_update(gw->cn->bindings, req, now, &entry);
	if (err) {
		if (fresh) {
			free(state);
			undo_path(gw, &req->home);
		}
		return err;
	}
	binding_activate(entry);
	entry->path_mtu = path.path_mtu;
	*state = (struct peer_state){ .local = *local };
	entry->role = state;
	binding_delete(gw->cn->gone, &req->home);
	queue_refresh(gw, entry, first_refresh(entry));
	return 0;
}

/* 0, or the status that refuses it after all. */
static uint8_t bind_home(struct gateway *gw, const struct mh_input *in, const struct mh_msg *bu,
			 const struct peer_registration *d)
{
	struct binding_request req = { .home = d->home,
				       .care_of = d->care_of,
				       .seq = bu->seq,
				       .flags = bu->flags & (uint16_t)~BU_HOME,
				       .lifetime_s = d->lifetime_s };
	const struct binding_entry *entry = binding_find(gw->cn->bindings, &d->home);
	bool moved = !entry || !addr_equal(&entry->care_of, &d->care_of);

	if ((!entry && !make_room(gw, &d->home)) || set_binding(gw, &req, &in->dst, in->when)) {
		gateway_count(gw, AGENT_REFUSED);
		return BA_NO_RESOURCES;
	}
	gateway_count(gw, entry && moved ? AGENT_PEER_MOVED : d->reason);
	direct_path_tell(gw, &in->dst, &d->home);
	if (moved)
		publish(gw, GW_PEER_BOUND, binding_find(gw->cn->bindings, &d->home), NULL);
	gw->wake_peers_at(gw, mono_add_s(in->when, 1));
	return BA_ACCEPTED;
}

/* A deletion of what isn't there is no fault (§9.5.3): the node only makes sure. */
static void unbind_home(struct gateway *gw, const struct mh_input *in, const struct mh_msg *bu,
			const struct peer_registration *d)
{
	struct binding_entry *entry = binding_find(gw->cn->bindings, &d->home);

	if (entry)
		remove_binding(gw, entry, AGENT_PEER_DELETED);
	if (has_room(gw, &d->home))
		remember_number(gw, &d->home, bu->seq, in->when); /* this one must not come again */
	gw->wake_peers_at(gw, mono_add_s(in->when, 1));
}

/* A home registration first: a number may be left from when its node was none of ours. */
static struct peer_known what_is_known(struct gateway *gw, const struct in6_addr *home)
{
	const struct binding_entry *entry = gw->ha ? binding_find(gw->bindings, home) : NULL;
	struct peer_known known = { .home_registration = entry };

	if (!entry) {
		entry = binding_find(gw->cn->bindings, home);
		known.bound = entry;
	}
	if (!entry)
		entry = binding_find(gw->cn->gone, home);
	known.has_seq = entry;
	known.seq = entry ? entry->seq : 0;
	return known;
}

void correspondent_on_bu(struct gateway *gw, const struct mh_input *in, const struct mh_msg *bu)
{
	struct peer_known known = what_is_known(gw, &in->src);
	struct peer_registration d = correspondent_decide(gw->config, &gw->cn->nonces, &known, in, bu, gw->clock());
	uint32_t lifetime_s = 0;

	switch (d.action) {
	case PEER_DISCARD:
	case PEER_ANSWER:
		gateway_count(gw, d.reason);
		break;
	case PEER_BIND:
		d.status = bind_home(gw, in, bu, &d);
		lifetime_s = d.status == BA_ACCEPTED ? d.lifetime_s : 0;
		break;
	case PEER_UNBIND:
		unbind_home(gw, in, bu, &d);
		break;
	}
	/* asked for, or refused: §9.5.4 */
	if (d.action != PEER_DISCARD && (d.status >= BA_UNSPECIFIED || bu->flags & BU_ACK))
		send_ack(gw, in, &d, lifetime_s);
	explicit_bzero(d.kbm, sizeof(d.kbm));
}

/* §9.3.4: only what persists; a router on the way may say so for a moment. When the binding was last used doesn't help:
 * what we send counts there too, and is what the errors are about. */
bool correspondent_on_error(struct gateway *gw, const struct packet_route_error *error)
{
	struct binding_entry *entry = correspondent_binding(gw, &error->dst);
	struct mono now = gw->clock();
	struct peer_state *state;

	if (!entry || !error->has_route || !addr_equal(&entry->care_of, &error->wire_dst))
		return false;
	state = entry->role;
	if (!IN6_IS_ADDR_UNSPECIFIED(&state->local) && !addr_equal(&state->local, &error->src))
		return false; /* not what we sent; of an adopted binding it isn't known */
	if (error->type != ICMP6_UNREACHABLE || error->code == UNREACH_PORT)
		return true;
	if (!state->unreachables || mono_before(mono_add_s(state->last_unreachable, UNREACHABLE_PAUSE_S), now)) {
		state->unreachables = 0;
		state->first_unreachable = now;
	}
	state->unreachables++;
	state->last_unreachable = now;
	if (state->unreachables >= UNREACHABLE_MOST &&
	    !mono_before(now, mono_add_s(state->first_unreachable, UNREACHABLE_OVER_S)))
		remove_binding(gw, entry, AGENT_PEER_UNREACHABLE);
	return true;
}

/* The data path finds their way by the kernel's table. */
void correspondent_on_nexthops_moved(struct gateway *gw)
{
}

/* ---- time ---- */

static struct mono earliest(struct mono next, struct binding_cache *cache)
{
	const struct binding_entry *entry = binding_first_expiring(cache);

	return entry && mono_before(entry->expires, next) ? entry->expires : next;
}

static void drop_numbers(struct gateway *gw, struct mono now)
{
	for (int i = 0; i < TICK_MOST; i++) {
		struct binding_entry *entry = binding_first_expiring(gw->cn->gone);
		struct in6_addr home;

		if (!entry || mono_before(now, entry->expires))
			return;
		home = entry->home;
		binding_delete(gw->cn->gone, &home);
		if (!gw->ha || !binding_find(gw->bindings, &home)) /* else it is that registration's by now */
			datapath_binding_delete(gw->dp, &home);
	}
}

struct mono correspondent_tick(struct gateway *gw, struct mono now)
{
	struct mono next;

	return_routability_tick(gw, now);
	for (int i = 0; i < TICK_MOST; i++) {
		struct binding_entry *entry = binding_first_expiring(gw->cn->bindings);

		if (!entry || mono_before(now, entry->expires))
			break;
		remove_binding(gw, entry, AGENT_PEER_EXPIRED);
	}
	run_refresh(gw, now);
	drop_numbers(gw, now);
	next = rr_rotate_at(&gw->cn->nonces);
	if (!mono_before(now, next)) /* no random octets, or no map: not in a circle */
		next = mono_add_s(now, 1);
	next = earliest(next, gw->cn->bindings);
	next = earliest(next, gw->cn->refresh);
	return earliest(next, gw->cn->gone);
}

/* ---- life ---- */

int correspondent_open(struct gateway *gw)
{
	uint32_t most = gw->config->peer_bindings;

	gw->cn = calloc(1, sizeof(*gw->cn));
	if (!gw->cn)
		return -ENOMEM;
	gw->cn->bindings = binding_cache_new(most);
	gw->cn->gone = binding_cache_new(2 * (size_t)most);
	gw->cn->refresh = binding_cache_new(most);
	if (!gw->cn->bindings || !gw->cn->gone || !gw->cn->refresh)
		return -ENOMEM;
	return datapath_refused_set(gw->dp, gw->config->refused, gw->config->refused_count);
}

static bool wanted(const struct config *config, const struct in6_addr *home)
{
	return !config_prefixes_hold(config->refused, config->refused_count, home) && !config_mobile_node(config, home);
}

static void adopt_number(struct gateway *gw, const struct in6_addr *home, const struct registration *reg)
{
	datapath_binding_delete(gw->dp, home);
	if (has_room(gw, home))
		remember_number(gw, home, reg->seq, (struct mono){ (int64_t)reg->granted_ns });
}

void correspondent_adopt_one(struct gateway *gw, const struct in6_addr *home, const struct registration *reg)
{
	struct binding_request req = { .home = *home,
				       .care_of = reg->care_of,
				       .seq = reg->seq,
				       .flags = reg->flags,
				       .lifetime_s = reg->lifetime_s };
	struct mono granted = { (int64_t)reg->granted_ns };
	struct peer_state *state = NULL;
	struct binding_entry *entry;

	if (!IN6_IS_ADDR_UNSPECIFIED(&reg->care_of) && !(reg->flags & BU_HOME) && wanted(gw->config, home) &&
	    mono_before(gw->clock(), mono_add_s(granted, reg->lifetime_s)) && has_room(gw, home))
		state = calloc(1, sizeof(*state));
	if (!state || binding_update(gw->cn->bindings, &req, granted, &entry)) {
		free(state);
		adopt_number(gw, home, reg);
		return;
	}
	/* which address of ours it knows is not on record: asked for a refresh after its next update */
	state->requests = REFRESH_MOST;
	entry->role = state;
	binding_activate(entry);
	datapath_binding_set(gw->dp, entry); /* its end in the kernel's count */
}

static int adopt_one(void *arg, const struct in6_addr *home, const struct registration *reg)
{
	correspondent_adopt_one(arg, home, reg);
	return 0;
}

int correspondent_adopt(struct gateway *gw)
{
	struct mono now = gw->clock();
	int err = return_routability_adopt(gw, now);

	if (!err && !(gw->config->roles & ROLE_HOME_AGENT)) /* whose adoption hands on ours */
		err = datapath_adopt(gw->dp, now, adopt_one, gw);
	if (!err && binding_count(gw->cn->bindings))
		log_info("correspondent: adopted %zu bindings", binding_count(gw->cn->bindings));
	return err;
}

struct unwanted {
	struct gateway *gw;
	struct in6_addr *homes;
	size_t count;
};

static int find_unwanted(struct binding_entry *entry, void *arg)
{
	struct unwanted *u = arg;

	if (!wanted(u->gw->config, &entry->home))
		u->homes[u->count++] = entry->home;
	return 0;
}

void correspondent_reloaded(struct gateway *gw)
{
	size_t count = binding_count(gw->cn->bindings);
	struct unwanted u = { .gw = gw, .homes = calloc(count ? count : 1, sizeof(*u.homes)) };

	datapath_refused_set(gw->dp, gw->config->refused, gw->config->refused_count);
	if (!u.homes) {
		log_error("correspondent: no memory to look for bindings that are not wanted any more; reload again");
		return;
	}
	binding_for_each(gw->cn->bindings, find_unwanted, &u);
	for (size_t i = 0; i < u.count; i++)
		remove_binding(gw, binding_find(gw->cn->bindings, &u.homes[i]), AGENT_TEST_REFUSED);
	free(u.homes);
}

static int free_state(struct binding_entry *entry, void *arg)
{
	free(entry->role);
	return 0;
}

void correspondent_close(struct gateway *gw)
{
	struct correspondent *cn = gw->cn;

	if (!cn)
		return;
	if (cn->bindings)
		binding_for_each(cn->bindings, free_state, NULL);
	binding_cache_free(cn->bindings);
	binding_cache_free(cn->gone);
	binding_cache_free(cn->refresh);
	explicit_bzero(cn, sizeof(*cn));
	free(cn);
	gw->cn = NULL;
}
