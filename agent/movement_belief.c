// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What is believed of an uplink: which routers and prefixes are those of the link as it is now, which address is a good
 * care-of address, whether this is the home link. Pure. RFC 6275 §11.5.1-11.5.4.
 */
#include "movement_priv.h"

struct mono belief_silence_at(const struct uplink *u)
{
	return u->up && !u->heard_any ? mono_add_ms(u->changed, MOVEMENT_SILENCE_MS) : NEVER;
}

bool belief_router_current(const struct uplink *u, const struct router *r)
{
	return r->epoch == u->epoch && !r->dead;
}

/* Still said by its router, on this link. Routers of different links may well have the same address, fe80::1. */
static bool prefix_live(const struct uplink *u, const struct prefix *p)
{
	return p->epoch == u->epoch && p->missed < PREFIX_MISSES;
}

bool belief_covers(const struct uplink *u, const struct router *r, const struct in6_addr *addr)
{
	for (size_t i = 0; i < r->prefix_count; i++)
		if (prefix_live(u, &r->prefixes[i]) && addr_in_prefix(addr, &r->prefixes[i].prefix, r->prefixes[i].len))
			return true;
	return false;
}

static bool router_covered(const struct router *r, const struct in6_addr *addr)
{
	for (size_t i = 0; i < r->prefix_count; i++)
		if (addr_in_prefix(addr, &r->prefixes[i].prefix, r->prefixes[i].len))
			return true;
	return false;
}

static bool router_default(const struct movement *m, const struct router *r)
{
	return mono_before(m->now, r->lifetime_until);
}

/* Some router once advertised the address's prefix: it stands and falls with such routers. */
bool belief_advertised(const struct uplink *u, const struct place *p)
{
	if (p->advertised)
		return true;
	for (size_t i = 0; i < u->router_count; i++)
		if (router_covered(&u->routers[i], &p->addr))
			return true;
	return false;
}

/* @addr NULL: no address yet, any router. */
static const struct router *router_for(const struct movement *m, const struct uplink *u, const struct in6_addr *addr)
{
	const struct router *other = NULL;

	for (size_t i = 0; i < u->router_count; i++) {
		const struct router *r = &u->routers[i];

		if (!belief_router_current(u, r) || !router_default(m, r))
			continue;
		if (addr && belief_covers(u, r, addr))
			return r;
		if (!other)
			other = r;
	}
	return other;
}

static bool place_believed(const struct uplink *u, const struct place *p)
{
	if (!u->up || p->epoch != u->epoch)
		return false;
	for (size_t i = 0; i < u->router_count; i++)
		if (belief_covers(u, &u->routers[i], &p->addr) && !u->routers[i].dead)
			return true;
	return !belief_advertised(u, p);
}

struct place *belief_place(struct uplink *u, const struct in6_addr *addr)
{
	for (size_t i = 0; i < u->place_count; i++)
		if (addr_equal(&u->places[i].addr, addr))
			return &u->places[i];
	return NULL;
}

/* Keeps the address in use as long as it is good; then the newest that isn't deprecated, then any. */
void belief_settle(struct uplink *u)
{
	const struct place *held = u->chosen ? belief_place(u, &u->care_of) : NULL, *best = NULL;

	if (held && place_believed(u, held) && !held->deprecated)
		return;
	if (held && place_believed(u, held))
		best = held;
	for (size_t i = u->place_count; i-- > 0;) {
		const struct place *p = &u->places[i];

		if (place_believed(u, p) && (!best || (best->deprecated && !p->deprecated)))
			best = p;
	}
	u->chosen = best != NULL;
	if (best)
		u->care_of = best->addr;
}

/* ---- what is believed ---- */

/* With router_address the option holds a whole address. */
static struct in6_addr network_of(const struct in6_addr *addr, uint8_t len)
{
	struct in6_addr network = {};

	memcpy(&network, addr, len / 8);
	if (len % 8)
		network.s6_addr[len / 8] = addr->s6_addr[len / 8] & (uint8_t)(0xFF << (8 - len % 8));
	return network;
}

void movement_point(const struct movement *m, size_t uplink, struct movement_point *out)
{
	const struct uplink *u = &m->uplinks[uplink];
	const struct router *r;

	*out = (struct movement_point){ .up = u->up, .usable = u->up && u->chosen };
	out->changing = u->up && !u->heard_any && mono_before(m->now, belief_silence_at(u));
	if (out->usable)
		out->care_of = u->care_of;
	r = u->up ? router_for(m, u, out->usable ? &u->care_of : NULL) : NULL;
	out->stranded = out->usable && !r && u->heard_any;
	if (!r)
		return;
	out->has_router = true;
	out->router = r->addr;
	out->router_mtu = r->mtu;
	for (size_t i = 0; i < r->prefix_count && !out->prefix_len; i++) {
		const struct prefix *p = &r->prefixes[i];

		if (!prefix_live(u, p) || !p->on_link ||
		    (out->usable && !addr_in_prefix(&u->care_of, &p->prefix, p->len)))
			continue;
		out->prefix_len = p->len;
		out->prefix = network_of(&p->prefix, p->len);
	}
}

static bool advertises_home(const struct movement *m, const struct uplink *u, const struct router *r,
			    const struct config_home_address *home)
{
	for (size_t i = 0; i < r->prefix_count; i++)
		if (prefix_live(u, &r->prefixes[i]) && r->prefixes[i].on_link &&
		    mono_before(m->now, r->prefixes[i].valid_until) && r->prefixes[i].len == home->prefix_len &&
		    addr_in_prefix(&r->prefixes[i].prefix, &home->prefix, home->prefix_len))
			return true;
	return false;
}

static bool is_agent(const struct uplink *u, const struct router *r, const struct config_home_address *home)
{
	for (size_t i = 0; i < r->prefix_count; i++)
		if (prefix_live(u, &r->prefixes[i]) && r->prefixes[i].router_address &&
		    addr_equal(&r->prefixes[i].prefix, &home->agent))
			return true;
	return false;
}

bool movement_at_home(const struct movement *m, size_t uplink, const struct config_home_address *home,
		      struct in6_addr *agent_link_local)
{
	const struct uplink *u = &m->uplinks[uplink];
	bool there = false;

	if (agent_link_local)
		*agent_link_local = in6addr_any;
	for (size_t i = 0; u->up && i < u->router_count; i++) {
		const struct router *r = &u->routers[i];

		if (!belief_router_current(u, r) || !advertises_home(m, u, r, home))
			continue;
		there = true;
		if (agent_link_local && is_agent(u, r, home))
			*agent_link_local = r->addr;
	}
	for (size_t i = 0; i < u->place_count; i++)
		there |= place_believed(u, &u->places[i]) &&
			 addr_in_prefix(&u->places[i].addr, &home->prefix, home->prefix_len);
	return there;
}

bool movement_home_router(const struct movement *m, size_t uplink, const struct config_home_address *home,
			  struct in6_addr *router)
{
	const struct uplink *u = &m->uplinks[uplink];

	for (size_t i = 0; u->up && i < u->router_count; i++) {
		const struct router *r = &u->routers[i];

		if (!belief_router_current(u, r) || !router_default(m, r) || !advertises_home(m, u, r, home))
			continue;
		*router = r->addr;
		return true;
	}
	return false;
}

size_t movement_routers(const struct movement *m, size_t uplink, struct movement_router_view *out, size_t room)
{
	const struct uplink *u = &m->uplinks[uplink];
	size_t count = u->router_count < room ? u->router_count : room;

	for (size_t i = 0; i < count; i++)
		out[i] = (struct movement_router_view){ .router = u->routers[i].addr,
							.reachable = !u->routers[i].dead,
							.current = belief_router_current(u, &u->routers[i]),
							.interval_ms = u->routers[i].interval_ms,
							.heard = u->routers[i].heard };
	return u->router_count;
}
