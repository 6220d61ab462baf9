// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Movement detection: links, addresses and advertisements as they come, and the solicitations and probes that time asks
 * for. What is believed of all that is movement_belief.c. Pure. RFC 6275 §11.5.1-11.5.4; RFC 4861 §6.3.4, §6.3.7. Lists
 * are short and bounded, so they are walked.
 */
#include "movement_priv.h"

#include <stdlib.h>

enum {
	OVERDUE_SLACK_MS = 200, /* an advertisement may be late by what a loaded host needs */
	RECENT_MS = 1000,	/* heard within this time a router needs no probe */
};

struct movement *movement_new(const struct config *config, const struct movement_calls *calls)
{
	struct movement *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->config = config;
	m->calls = *calls;
	for (size_t i = 0; i < LIMIT_UPLINKS; i++)
		m->uplinks[i].solicit_at = NEVER;
	return m;
}

void movement_free(struct movement *m)
{
	free(m);
}

/* ---- links ---- */

void movement_link(struct movement *m, size_t uplink, bool up, uint32_t epoch, struct mono now)
{
	struct uplink *u = &m->uplinks[uplink];

	m->now = now;
	if (up && (!u->up || !u->epoch || u->link_epoch != epoch)) {
		u->epoch++;
		u->changed = now;
		u->heard_any = false;
		u->solicits = 0;
		u->solicit_at = now;
	}
	u->up = up;
	u->link_epoch = epoch;
	if (!up)
		u->solicit_at = NEVER;
	belief_settle(u);
}

void movement_device(struct movement *m, size_t uplink)
{
	struct uplink *u = &m->uplinks[uplink];

	u->router_count = 0;
	u->place_count = 0;
	belief_settle(u);
}

void movement_solicit_again(struct movement *m, size_t uplink, struct mono now)
{
	struct uplink *u = &m->uplinks[uplink];

	m->now = now;
	if (!u->up || u->heard_any)
		return;
	u->solicits = 0;
	u->solicit_at = now;
}

static bool is_home_address(const struct movement *m, const struct in6_addr *addr)
{
	for (size_t i = 0; i < m->config->home_address_count; i++)
		if (addr_equal(addr, &m->config->home_addresses[i].home))
			return true;
	return false;
}

void movement_address(struct movement *m, size_t uplink, const struct movement_address *addr, bool present,
		      struct mono now)
{
	struct uplink *u = &m->uplinks[uplink];
	struct place *p = belief_place(u, &addr->addr);

	m->now = now;
	if (!addr_is_routable(&addr->addr) || is_home_address(m, &addr->addr))
		return; /* a care-of address is one of another's link, RFC 6275 §11.5.3 */
	if (!present) {
		if (p)
			memmove(p, p + 1, (char *)(u->places + u->place_count--) - (char *)(p + 1));
	} else if (p) {
		p->deprecated = addr->deprecated;
	} else if (u->place_count < MOVEMENT_ADDRESSES) {
		/* new here, so configured for the link as it is now */
		p = &u->places[u->place_count++];
		*p = (struct place){ .addr = addr->addr, .epoch = u->epoch, .deprecated = addr->deprecated };
		p->advertised = belief_advertised(u, p);
	}
	belief_settle(u);
}

/* ---- routers ---- */

static struct router *find_router(struct uplink *u, const struct in6_addr *addr)
{
	for (size_t i = 0; i < u->router_count; i++)
		if (addr_equal(&u->routers[i].addr, addr))
			return &u->routers[i];
	return NULL;
}

/* Of whom the care-of address lives; NULL where of nobody known. */
static struct router *router_in_use(struct uplink *u)
{
	for (size_t i = 0; u->chosen && i < u->router_count; i++)
		if (belief_router_current(u, &u->routers[i]) && belief_covers(u, &u->routers[i], &u->care_of))
			return &u->routers[i];
	return NULL;
}

/* A place in the table: a free one, or that of the router unheard for longest. Bounded whatever a stranger sends. */
static struct router *new_router(struct uplink *u, const struct in6_addr *addr)
{
	const struct router *in_use = router_in_use(u);
	struct router *r = NULL;

	if (u->router_count < MOVEMENT_ROUTERS) {
		r = &u->routers[u->router_count++];
	} else {
		for (size_t i = 0; i < MOVEMENT_ROUTERS; i++)
			if (&u->routers[i] != in_use && (!r || mono_before(u->routers[i].heard, r->heard)))
				r = &u->routers[i];
	}
	*r = (struct router){ .addr = *addr, .probe_at = NEVER };
	return r;
}

/* Confirmed, the addresses it speaks for too; and those of a link where it was before, for which no router speaks
 * (DHCPv6, an administrator): the link is still the same. */
static void confirm(struct uplink *u, struct router *r, bool known, struct mono now)
{
	r->epoch = u->epoch;
	r->dead = false;
	r->confirmed = now;
	r->probes = 0;
	r->probe_at = r->interval_ms ? mono_add_ms(now, (int64_t)r->interval_ms + OVERDUE_SLACK_MS) : NEVER;
	for (size_t i = 0; i < u->place_count; i++)
		if (belief_covers(u, r, &u->places[i].addr) || (known && !belief_advertised(u, &u->places[i])))
			u->places[i].epoch = u->epoch;
	for (size_t i = 0; i < u->place_count; i++)
		u->places[i].advertised |= belief_covers(u, r, &u->places[i].addr);
}

static struct prefix *find_prefix(struct router *r, const struct nd_prefix *p)
{
	for (size_t i = 0; i < r->prefix_count; i++)
		if (r->prefixes[i].len == p->len && addr_in_prefix(&r->prefixes[i].prefix, &p->prefix, p->len))
			return &r->prefixes[i];
	return NULL;
}

/* A place: a free one, or that of the one missed most often. */
static struct prefix *new_prefix(struct router *r)
{
	struct prefix *worst = &r->prefixes[0];

	if (r->prefix_count < MOVEMENT_PREFIXES)
		return &r->prefixes[r->prefix_count++];
	for (size_t i = 1; i < MOVEMENT_PREFIXES; i++)
		if (r->prefixes[i].missed > worst->missed)
			worst = &r->prefixes[i];
	return worst->missed ? worst : NULL;
}

/*
 * What it advertises now is live, what it left out is no longer, once it was left out twice: or at once where the
 * link-layer address tells that this is another router of the same name, on another link.
 */
static bool take_prefixes(const struct uplink *u, struct router *r, const struct nd_router_advert *advert,
			  struct mono now)
{
	bool other = r->has_mac && advert->has_mac && memcmp(r->mac, advert->mac, sizeof(r->mac));

	for (size_t i = 0; i < r->prefix_count; i++)
		r->prefixes[i].missed += other ? PREFIX_MISSES : 1;
	for (size_t i = 0; i < advert->prefix_count; i++) {
		const struct nd_prefix *from = &advert->prefixes[i];
		struct prefix *p = find_prefix(r, from);

		if (p && !from->valid_s)
			p->missed = PREFIX_MISSES;
		if (!from->valid_s || !from->len || !(from->on_link || from->autonomous))
			continue;
		if (!p)
			p = new_prefix(r);
		if (!p)
			continue;
		*p = (struct prefix){ .prefix = from->prefix,
				      .len = from->len,
				      .on_link = from->on_link,
				      .router_address = from->router_address,
				      .valid_until =
					      from->valid_s == ND_INFINITE_S ? NEVER : mono_add_s(now, from->valid_s),
				      .epoch = u->epoch };
	}
	if (advert->has_mac) {
		r->has_mac = true;
		memcpy(r->mac, advert->mac, sizeof(r->mac));
	}
	return other;
}

/* Another router was heard: is ours still there? Asked at once, unless we know (RFC 6275 §11.5.1). */
static void doubt(struct movement *m, struct uplink *u, struct mono now)
{
	struct router *r = router_in_use(u);

	if (r && !r->probes && now.ns - r->confirmed.ns > RECENT_MS * INT64_C(1000000))
		r->probe_at = now;
}

void movement_router_advert(struct movement *m, size_t uplink, const struct in6_addr *router,
			    const struct nd_router_advert *advert, struct mono now)
{
	struct uplink *u = &m->uplinks[uplink];
	struct router *r = find_router(u, router);
	bool known = r != NULL;

	m->now = now;
	if (!u->up)
		return;
	if (!known) {
		doubt(m, u, now);
		r = new_router(u, router);
	} else if (router_in_use(u) != r) {
		doubt(m, u, now);
	}
	r->heard = now;
	r->interval_ms = advert->interval_ms;
	r->mtu = advert->mtu;
	r->lifetime_until = mono_add_s(now, advert->lifetime_s);
	known &= !take_prefixes(u, r, advert, now);
	confirm(u, r, known, now);
	u->heard_any = true;
	u->solicit_at = NEVER;
	belief_settle(u);
}

void movement_router_reachable(struct movement *m, size_t uplink, const struct in6_addr *router, struct mono now)
{
	struct uplink *u = &m->uplinks[uplink];
	struct router *r = find_router(u, router);

	m->now = now;
	if (!u->up || !r || !r->probes)
		return; /* nobody was asked */
	confirm(u, r, true, now);
	belief_settle(u);
}

/* ---- time ---- */

static bool due(struct mono at, struct mono now)
{
	return !mono_before(now, at);
}

static void tick_router(struct movement *m, size_t uplink, struct router *r, struct mono now)
{
	struct uplink *u = &m->uplinks[uplink];

	if (!due(r->probe_at, now) || r->dead || r->epoch != u->epoch)
		return;
	if (r->probes == MOVEMENT_PROBES) {
		r->dead = true;
		r->probes = 0;
		r->probe_at = NEVER;
		return;
	}
	r->probes++;
	r->probe_at = mono_add_ms(now, MOVEMENT_PROBE_MS);
	m->calls.probe(m->calls.arg, uplink, &r->addr);
}

/* No router answered: where there never was one, silence says nothing against an address. */
static void on_silence(struct uplink *u)
{
	for (size_t i = 0; i < u->place_count; i++)
		if (!belief_advertised(u, &u->places[i]))
			u->places[i].epoch = u->epoch;
}

static struct mono earliest(struct mono a, struct mono b)
{
	return mono_before(a, b) ? a : b;
}

/* When something about @r changes by itself. */
static struct mono next_of(const struct router *r, struct mono now)
{
	struct mono next = r->probe_at;

	if (mono_before(now, r->lifetime_until))
		next = earliest(next, r->lifetime_until);
	for (size_t i = 0; i < r->prefix_count; i++)
		if (mono_before(now, r->prefixes[i].valid_until))
			next = earliest(next, r->prefixes[i].valid_until);
	return next;
}

static struct mono tick_uplink(struct movement *m, size_t uplink, struct mono now)
{
	struct uplink *u = &m->uplinks[uplink];
	struct mono next = NEVER;

	if (!u->up)
		return next;
	if (due(u->solicit_at, now)) {
		u->solicit_at = ++u->solicits < MOVEMENT_SOLICITS ? mono_add_ms(now, MOVEMENT_SOLICIT_MS) : NEVER;
		m->calls.solicit(m->calls.arg, uplink);
	}
	if (due(belief_silence_at(u), now))
		on_silence(u);
	else if (mono_before(belief_silence_at(u), next))
		next = belief_silence_at(u);
	for (size_t i = 0; i < u->router_count; i++) {
		struct router *r = &u->routers[i];

		tick_router(m, uplink, r, now);
		if (r->epoch == u->epoch)
			next = earliest(next, next_of(r, now));
	}
	belief_settle(u);
	return mono_before(u->solicit_at, next) ? u->solicit_at : next;
}

struct mono movement_tick(struct movement *m, struct mono now)
{
	struct mono next = NEVER;

	m->now = now;
	for (size_t i = 0; i < m->config->uplink_count; i++) {
		struct mono at = tick_uplink(m, i, now);

		if (mono_before(at, next))
			next = at;
	}
	return next;
}
