// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A mobile node's correspondents: the data path tells whom its home addresses talk to, the policy says whether that is
 * to go straight, peer_list.c says what to send when; here it is sent, answers find their entry, and the data path
 * follows. RFC 6275 §11.1, §11.3, §11.6, §11.7.2.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#define HASH_NONFATAL_OOM 1 /* an element that found no memory is left out, with hh.tbl NULL */
#include <uthash.h>

#include "ipsec.h"
#include "peer_list.h"

enum {
	TURN = 8,	  /* messages to one correspondent in one go: a test of each kind and an update, and room */
	PATH_MTU_S = 600, /* RFC 8201 §5.4: a learned path MTU ages */
};

struct entry {
	struct peer_key key;
	struct peer_update update;
	struct peer written; /* as last written to the data path */
	bool wanted;	     /* false: through the tunnel by policy; kept so that the data path doesn't ask again */
	bool told;	     /* the operator knows that it goes straight */
	uint16_t path_mtu;   /* learned; 0: none */
	struct mono path_mtu_until;
	UT_hash_handle hh;
};

/* Where a home address is. */
struct place {
	struct in6_addr home;
	struct mobile_place at;
};

struct mobile_peers {
	struct entry *entries;
	struct place places[LIMIT_HOME_ADDRESSES];
	size_t place_count;
};

static struct place *find_place(struct gateway *gw, const struct in6_addr *home)
{
	for (size_t i = 0; i < gw->peers->place_count; i++)
		if (addr_equal(&gw->peers->places[i].home, home))
			return &gw->peers->places[i];
	return NULL;
}

static struct entry *find(struct gateway *gw, const struct in6_addr *home, const struct in6_addr *peer)
{
	struct peer_key key = { *home, *peer };
	struct entry *entry = NULL;

	HASH_FIND(hh, gw->peers->entries, &key, sizeof(key), entry);
	return entry;
}

static bool policy_wants(const struct config *config, const struct in6_addr *peer)
{
	if (config->optimise == OPTIMISE_LIST)
		return config_prefixes_hold(config->correspondents, config->correspondent_count, peer);
	return config->optimise == OPTIMISE_ALL;
}

/* ---- the data path follows ---- */

static void publish(struct gateway *gw, const struct entry *entry, enum gateway_event what)
{
	const struct peer_update *u = &entry->update;
	struct gateway_event_info info = { .home = u->home, .seq = u->seq, .lifetime_s = u->lifetime_s };

	if (u->registered)
		info.care_of = u->bound;
	info.text = addr_text(&u->peer);
	control_publish(gw, what, &info);
}

static uint16_t mtu_of(const struct entry *entry, const struct place *place)
{
	return entry->path_mtu && entry->path_mtu < place->at.mtu ? entry->path_mtu : place->at.mtu;
}

/* Whether it goes straight is news for the operator, and its MTU for sockets. */
static void tell(struct gateway *gw, struct entry *entry, bool direct)
{
	if (direct) /* at each refresh, too: the kernel forgets it after ten minutes */
		direct_path_tell(gw, &entry->key.home, &entry->key.peer);
	if (entry->told == direct)
		return;
	entry->told = direct;
	log_debug("mobile node: %s and %s talk %s", addr_text(&entry->key.home), addr_text(&entry->key.peer),
		  direct ? "straight" : "through the tunnel");
	publish(gw, entry, direct ? GW_OPTIMISED : GW_UNOPTIMISED);
}

static void apply(struct gateway *gw, struct entry *entry, struct mono now)
{
	const struct peer_update *u = &entry->update;
	struct place *place = find_place(gw, &entry->key.home);
	struct peer value = { .seq = u->seq };
	bool away = place && place->at.ifindex && !IN6_IS_ADDR_UNSPECIFIED(&place->at.care_of);
	bool direct = entry->wanted && away && peer_direct(u, now);

	if (!place)
		return; /* a former daemon's: it stands until this one knows where the node is */
	if (entry->path_mtu && !mono_before(now, entry->path_mtu_until))
		entry->path_mtu = 0;
	if (away && entry->wanted) {
		value.care_of = place->at.care_of;
		value.ifindex = (uint32_t)place->at.ifindex;
		value.mtu = mtu_of(entry, place);
		value.flags = PEER_UPDATE | (direct ? PEER_DIRECT : 0);
	}
	if (u->registered) { /* for the next life */
		value.granted_ns = (uint64_t)u->granted.ns;
		value.lifetime_s = u->lifetime_s;
	}
	if (memcmp(&value, &entry->written, sizeof(value)) &&
	    !datapath_peer_set(gw->dp, &entry->key, &value, u->expires)) {
		entry->written = value;
		tell(gw, entry, direct);
	}
}

/* ---- sending ---- */

/* The whole message with its authenticator, RFC 6275 §6.2.7: over the home address where that is the care-of address.
 */
static int build(const struct entry *entry, const struct mh_msg *msg, const uint8_t kbm[RR_KEY_LEN], uint8_t *buf,
		 size_t size)
{
	const struct peer_update *u = &entry->update;
	const struct in6_addr *care_of = u->place == PEER_AWAY ? &u->care_of : &u->home;
	uint16_t auth_offset;
	int len = mh_build(msg, buf, size, &auth_offset);

	if (len > 0 && msg->opt.has_auth &&
	    rr_authenticator(kbm, care_of, &u->peer, buf, auth_offset, buf + auth_offset))
		return -EIO;
	return len;
}

static void send_one(struct gateway *gw, const struct entry *entry, enum peer_action action, const struct mh_msg *msg,
		     const uint8_t kbm[RR_KEY_LEN])
{
	const struct peer_update *u = &entry->update;
	bool from_care_of = action == PEER_SEND_COTI; /* §11.6.1: straight, and everything else from home */
	uint8_t buf[MH_MAX_LEN];
	int len = build(entry, msg, kbm, buf, sizeof(buf));

	if (len < 0 ||
	    sockets_send_mh(gw->so, from_care_of ? &u->care_of : &u->home, &u->peer, !from_care_of, buf, len))
		gateway_count(gw, AGENT_SEND_FAILED); /* as if it were lost on the way: sent again */
	else
		gateway_count(gw, action == PEER_SEND_UPDATE ? AGENT_PEER_UPDATE_SENT : AGENT_TEST_SENT);
}

static void run_entry(struct gateway *gw, struct entry *entry, struct mono now)
{
	uint8_t random[RR_COOKIE_LEN], kbm[RR_KEY_LEN];
	struct mh_msg msg;

	peer_expire(&entry->update, now);
	for (int i = 0; i < TURN; i++) {
		enum peer_action action;

		if (getrandom(random, sizeof(random), 0) != sizeof(random))
			break;
		action = peer_due(&entry->update, now, random, &msg, kbm);
		if (action == PEER_NOTHING)
			break;
		apply(gw, entry, now); /* the number is on record, and the road open, before it is used */
		send_one(gw, entry, action, &msg, kbm);
	}
	explicit_bzero(kbm, sizeof(kbm));
	apply(gw, entry, now);
}

static void step(struct gateway *gw, struct entry *entry)
{
	run_entry(gw, entry, gw->clock());
	gw->wake_peers_at(gw, peer_next(&entry->update));
}

static void drop(struct gateway *gw, struct entry *entry)
{
	datapath_peer_delete(gw->dp, &entry->key);
	HASH_DEL(gw->peers->entries, entry);
	explicit_bzero(entry, sizeof(*entry));
	free(entry);
}

/* Packets are counted where they go: asked for when there is something to decide. */
static void look_for_use(struct gateway *gw, struct entry *entry)
{
	struct mono used = datapath_peer_used(gw->dp, &entry->key);

	if (mono_before(entry->update.used, used))
		peer_used(&entry->update, used);
}

struct mono mobile_peers_tick(struct gateway *gw, struct mono now)
{
	struct mono next = UPDATE_NEVER;
	struct entry *entry, *tmp;

	HASH_ITER (hh, gw->peers->entries, entry, tmp) {
		struct mono at =
			entry->wanted ? peer_next(&entry->update) : mono_add_s(entry->update.used, PEER_IDLE_S);

		if (!mono_before(now, at)) {
			look_for_use(gw, entry);
			if (entry->wanted)
				run_entry(gw, entry, now);
			if (entry->wanted ? peer_forgettable(&entry->update, now)
					  : !mono_before(now, mono_add_s(entry->update.used, PEER_IDLE_S))) {
				drop(gw, entry);
				continue;
			}
			at = entry->wanted ? peer_next(&entry->update) : mono_add_s(entry->update.used, PEER_IDLE_S);
		}
		if (mono_before(at, next))
			next = at;
	}
	return next;
}

/* ---- where the node is ---- */

static void follow(struct entry *entry, const struct place *place, struct mono now)
{
	if (!place->at.ifindex)
		peer_want_nothing(&entry->update);
	else if (IN6_IS_ADDR_UNSPECIFIED(&place->at.care_of))
		peer_want_home(&entry->update, now);
	else
		peer_want_away(&entry->update, &place->at.care_of, now);
}

/* A home test init that was lost for want of a tunnel is not waited for. */
static void ask_again(struct entry *entry, struct mono now)
{
	struct peer_test *test = &entry->update.home_test;

	if (!test->outstanding || !mono_before(now, test->send_at))
		return;
	test->send_at = now;
	test->sent = 0; /* those before had no way to be answered */
}

void mobile_peers_moved(struct gateway *gw, const struct in6_addr *home, const struct mobile_place *at)
{
	struct place *place = find_place(gw, home), was;
	struct mono now = gw->clock();
	struct entry *entry, *tmp;

	if (!place && gw->peers->place_count < LIMIT_HOME_ADDRESSES) {
		place = &gw->peers->places[gw->peers->place_count++];
		place->home = *home;
		place->at.ifindex = -1; /* like none that it can be told of */
	}
	if (!place || (addr_equal(&place->at.care_of, &at->care_of) && place->at.ifindex == at->ifindex &&
		       place->at.mtu == at->mtu && place->at.tunnel == at->tunnel))
		return;
	was = *place;
	place->at = *at;
	HASH_ITER (hh, gw->peers->entries, entry, tmp) {
		if (!entry->wanted || !addr_equal(&entry->key.home, home))
			continue;
		if (place->at.ifindex != was.at.ifindex)
			entry->path_mtu = 0; /* learned on another way */
		look_for_use(gw, entry);
		follow(entry, place, now);
		if (place->at.tunnel && !was.at.tunnel)
			ask_again(entry, now);
		step(gw, entry);
	}
}

/* ---- who is talked to ---- */

/* Who has not been talked to for longest goes, of those that hold nothing of ours; false: all do. */
static bool make_room(struct gateway *gw)
{
	struct entry *entry, *tmp, *idle = NULL;

	HASH_ITER (hh, gw->peers->entries, entry, tmp)
		if (!peer_holds(&entry->update, gw->clock()) &&
		    (!idle || mono_before(entry->update.used, idle->update.used)))
			idle = entry;
	if (idle)
		drop(gw, idle);
	return idle;
}

static struct entry *add(struct gateway *gw, const struct in6_addr *home, const struct in6_addr *peer)
{
	struct entry *entry;
	uint16_t first = 0;

	if (HASH_COUNT(gw->peers->entries) >= LIMIT_PEERS && !make_room(gw)) {
		gateway_count(gw, AGENT_PEERS_FULL);
		return NULL;
	}
	entry = calloc(1, sizeof(*entry));
	if (!entry || getrandom(&first, sizeof(first), 0) != sizeof(first)) {
		free(entry);
		return NULL;
	}
	entry->key = (struct peer_key){ *home, *peer };
	entry->wanted = policy_wants(gw->config, peer);
	peer_init(&entry->update, home, peer, first, gw->clock());
	HASH_ADD(hh, gw->peers->entries, key, sizeof(entry->key), entry);
	if (!entry->hh.tbl) {
		free(entry);
		return NULL;
	}
	return entry;
}

void mobile_peers_on_event(struct gateway *gw, const struct in6_addr *home, const struct in6_addr *peer)
{
	struct place *place = find_place(gw, home);
	struct entry *entry;

	if (!place || find(gw, home, peer) || !addr_is_routable(peer))
		return;
	entry = add(gw, home, peer);
	if (!entry)
		return;
	if (!entry->wanted) {
		datapath_peer_set(gw->dp, &entry->key, &entry->written, (struct mono){ 0 });
		gw->wake_peers_at(gw, mono_add_s(gw->clock(), PEER_IDLE_S));
		return;
	}
	follow(entry, place, gw->clock());
	step(gw, entry);
}

/* ---- what correspondents say ---- */

/* A home test that came through the tunnel came under ESP, where home tests do (RFC 6275 §5.2.5). */
static bool came_protected(const struct gateway *gw, const struct place *place, const struct mh_input *in,
			   const struct mh_msg *test)
{
	return test->type != MH_HOT || IN6_IS_ADDR_UNSPECIFIED(&place->at.care_of) ||
	       !ipsec_protects(gw, IPSEC_HOME_TEST) || ipsec_proves(gw, &place->home, IPSEC_HOME_TEST, in->mark);
}

/* A home test comes to the home address, a care-of test to the care-of address, which several of ours may share. */
void mobile_peers_on_test(struct gateway *gw, const struct mh_input *in, const struct mh_msg *test)
{
	for (size_t i = 0; !in->has_home && !in->routed && i < gw->peers->place_count; i++) {
		const struct place *place = &gw->peers->places[i];
		struct entry *entry;

		if (!addr_equal(test->type == MH_HOT ? &place->home : &place->at.care_of, &in->dst))
			continue;
		entry = find(gw, &place->home, &in->src);
		if (entry && !came_protected(gw, place, in, test)) {
			gateway_count(gw, AGENT_UNPROTECTED);
			return;
		}
		if (!entry || peer_on_test(&entry->update, test, in->when) == PEER_IGNORED)
			continue;
		gateway_count(gw, AGENT_TEST_TAKEN);
		step(gw, entry);
		return;
	}
	gateway_count(gw, AGENT_TEST_UNASKED);
}

static bool is_authentic(const struct entry *entry, const struct mh_input *in, const struct mh_msg *ack)
{
	const struct peer_update *u = &entry->update;
	const struct in6_addr *care_of = u->place == PEER_AWAY ? &u->care_of : &u->home;
	uint8_t kbm[RR_KEY_LEN], auth[MH_AUTH_LEN];
	bool authentic = ack->opt.has_auth && peer_key(u, kbm) &&
			 !rr_authenticator(kbm, care_of, &u->peer, in->data, ack->opt.auth_offset, auth) &&
			 rr_same(auth, ack->opt.auth, sizeof(auth));

	explicit_bzero(kbm, sizeof(kbm));
	explicit_bzero(auth, sizeof(auth));
	return authentic;
}

static const enum agent_reason ack_reasons[] = {
	[PEER_IGNORED] = AGENT_PEER_ACK_FORGED,	 [PEER_TOKEN] = AGENT_PEER_ACK_FORGED,
	[PEER_REGISTERED] = AGENT_PEER_ACK,	 [PEER_REFRESHED] = AGENT_PEER_ACK,
	[PEER_DELETED] = AGENT_PEER_ACK,	 [PEER_RESENT] = AGENT_PEER_ACK_REFUSED,
	[PEER_REFUSED] = AGENT_PEER_ACK_REFUSED,
};

bool mobile_peers_on_ack(struct gateway *gw, const struct mh_input *in, const struct mh_msg *ack)
{
	struct entry *entry = find(gw, &in->dst, &in->src);
	enum peer_result result;

	if (!entry || !entry->wanted)
		return false;
	result = peer_on_ack(&entry->update, ack, is_authentic(entry, in, ack), in->when);
	gateway_count(gw, ack_reasons[result]);
	if (result == PEER_REFUSED)
		log_debug("mobile node: correspondent %s refuses %s: %s (%u)", addr_text(&entry->key.peer),
			  addr_text(&entry->key.home), ba_status_text(ack->status), ack->status);
	step(gw, entry);
	return true;
}

bool mobile_peers_on_refresh_request(struct gateway *gw, const struct mh_input *in)
{
	struct entry *entry = find(gw, &in->dst, &in->src);

	if (!entry || !entry->wanted)
		return false;
	peer_refresh(&entry->update, in->when);
	step(gw, entry);
	return true;
}

/* An answer of any kind. */
static bool peer_awaits(const struct peer_update *u)
{
	return (u->outstanding && u->sent) || (u->home_test.outstanding && u->home_test.sent) ||
	       (u->care_of_test.outstanding && u->care_of_test.sent);
}

/* It knows no mobility: through the tunnel from now on. */
static void unsupported(struct gateway *gw, struct entry *entry)
{
	gateway_count(gw, AGENT_PEER_UNSUPPORTED);
	peer_unsupported(&entry->update, gw->clock());
	step(gw, entry);
}

/* Status 1 names the home address of the packet that it could not place; status 2 that of the message, or none, where
 * the test came from a care-of address (§9.3.3, §11.3.6). */
bool mobile_peers_on_binding_error(struct gateway *gw, const struct mh_input *in, const struct mh_msg *be)
{
	bool ours = false;

	for (size_t i = 0; i < gw->peers->place_count; i++) {
		const struct place *place = &gw->peers->places[i];
		struct entry *entry = find(gw, &place->home, &in->src);

		if (!entry || !entry->wanted ||
		    (!addr_equal(&be->home, &place->home) &&
		     (be->status == BE_UNKNOWN_BINDING || !IN6_IS_ADDR_UNSPECIFIED(&be->home))))
			continue;
		ours = true;
		if (be->status == BE_UNKNOWN_MH_TYPE) {
			if (peer_awaits(&entry->update))
				unsupported(gw, entry);
			continue;
		}
		gateway_count(gw, AGENT_PEER_LOST);
		peer_lost(&entry->update, in->when);
		step(gw, entry);
	}
	return ours;
}

/* Whose messages or packets an error is about: from the home address, or a test from the care-of address. */
static struct entry *find_by_error(struct gateway *gw, const struct packet_route_error *error)
{
	struct entry *entry = find(gw, &error->src, &error->dst);

	for (size_t i = 0; !entry && i < gw->peers->place_count; i++)
		if (addr_equal(&gw->peers->places[i].at.care_of, &error->src))
			entry = find(gw, &gw->peers->places[i].home, &error->dst);
	return entry && entry->wanted ? entry : NULL;
}

bool mobile_peers_on_error(struct gateway *gw, const struct packet_route_error *error)
{
	enum { UNRECOGNISED_HEADER = 1 };
	struct entry *entry = find_by_error(gw, error);

	if (!entry)
		return false;
	if (error->type == ICMP6_TOO_BIG && error->has_home) {
		uint32_t mtu = error->mtu < IP6_MIN_MTU ? IP6_MIN_MTU : error->mtu;

		if (mtu < entry->written.mtu) {
			entry->path_mtu = (uint16_t)mtu;
			entry->path_mtu_until = mono_add_s(gw->clock(), PATH_MTU_S);
			apply(gw, entry, gw->clock());
		}
	} else if (error->type == ICMP6_PARAM_PROBLEM && error->code == UNRECOGNISED_HEADER && error->proto == NH_MH &&
		   peer_awaits(&entry->update)) {
		unsupported(gw, entry); /* nobody can be told so who asked nothing */
	}
	return true; /* code 2 about the option changes nothing (§11.3.5) */
}

bool mobile_peers_path(struct gateway *gw, const struct in6_addr *home, const struct in6_addr *peer,
		       struct mobile_path *out)
{
	const struct place *place = find_place(gw, home);
	const struct entry *entry = find(gw, home, peer);
	bool direct = entry && entry->written.flags & PEER_DIRECT;

	if (!place || place->at.ifindex <= 0)
		return false;
	*out = (struct mobile_path){ .tunnel = !direct && !IN6_IS_ADDR_UNSPECIFIED(&place->at.care_of),
				     .home_option = direct,
				     .mtu = direct ? entry->written.mtu : place->at.mtu };
	return true;
}

/* ---- what the operator sees ---- */

static const enum peer_view_state view_states[] = {
	[PEER_TESTING] = PEER_VIEW_TESTING,	  [PEER_UPDATING] = PEER_VIEW_UPDATING,
	[PEER_OPTIMISED] = PEER_VIEW_OPTIMISED,	  [PEER_LEAVING] = PEER_VIEW_LEAVING,
	[PEER_BACKED_OFF] = PEER_VIEW_BACKED_OFF,
};

static uint32_t seconds_until(struct mono when, struct mono now)
{
	return mono_before(now, when) ? (uint32_t)((when.ns - now.ns) / 1000000000) : 0;
}

bool mobile_peers_view(struct gateway *gw, size_t nth, struct peer_view *out)
{
	struct mono now = gw->clock();
	const struct peer_update *u;
	struct entry *entry = gw->peers ? gw->peers->entries : NULL;

	for (; entry && nth; nth--)
		entry = entry->hh.next;
	if (!entry)
		return false;
	look_for_use(gw, entry);
	u = &entry->update;
	*out = (struct peer_view){ .home = u->home,
				   .peer = u->peer,
				   .state = entry->wanted ? view_states[u->state] : PEER_VIEW_TUNNEL,
				   .seq = u->seq,
				   .idle_s = seconds_until(now, u->used),
				   .home_token = u->home_test.has_token,
				   .care_of_token = u->care_of_test.has_token,
				   .back_off_s = seconds_until(u->back_off_until, now),
				   .last_status = u->last_status };
	if (u->registered) {
		out->care_of = u->bound;
		out->lifetime_s = u->lifetime_s;
		out->remaining_s = seconds_until(u->expires, now);
	}
	return true;
}

/* ---- life ---- */

static void adopt_one(void *arg, const struct peer_key *key, const struct peer *left)
{
	struct gateway *gw = arg;
	struct entry *entry = NULL;

	if (!left->flags || policy_wants(gw->config, &key->peer))
		entry = add(gw, &key->home, &key->peer);
	if (!entry) {
		datapath_peer_delete(gw->dp, key);
		return;
	}
	entry->written = *left;
	entry->written.used = entry->written.expires = 0; /* not ours to compare */
	entry->told = left->flags & PEER_DIRECT;
	/* without PEER_DIRECT it is held there for a place that we don't know: to be told anew, or deleted */
	if (left->lifetime_s)
		peer_adopt(&entry->update, left->flags & PEER_DIRECT ? &left->care_of : &in6addr_any, left->seq,
			   (struct mono){ (int64_t)left->granted_ns }, left->lifetime_s, gw->clock());
	else
		entry->update.seq = left->seq;
}

int mobile_peers_open(struct gateway *gw)
{
	gw->peers = calloc(1, sizeof(*gw->peers));
	if (!gw->peers)
		return -ENOMEM;
	datapath_optimise_set(gw->dp, gw->config->optimise != OPTIMISE_NONE);
	return datapath_peers_adopt(gw->dp, adopt_one, gw);
}

/* Who is no longer wanted goes through the tunnel; the binding there ends with its lifetime. Who is wanted now is told
 * of again. */
void mobile_peers_reloaded(struct gateway *gw)
{
	struct entry *entry, *tmp;

	datapath_optimise_set(gw->dp, gw->config->optimise != OPTIMISE_NONE);
	HASH_ITER (hh, gw->peers->entries, entry, tmp) {
		if (entry->wanted == policy_wants(gw->config, &entry->key.peer))
			continue;
		if (entry->told)
			publish(gw, entry, GW_UNOPTIMISED);
		drop(gw, entry);
	}
}

void mobile_peers_close(struct gateway *gw)
{
	struct entry *entry, *tmp;

	if (!gw->peers)
		return;
	HASH_ITER (hh, gw->peers->entries, entry, tmp) {
		HASH_DEL(gw->peers->entries, entry);
		explicit_bzero(entry, sizeof(*entry));
		free(entry);
	}
	free(gw->peers);
	gw->peers = NULL;
}
