/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What movement.c (events and time) and movement_belief.c (what follows from them) share; nobody else includes it. */
#ifndef MOBGW_MOVEMENT_PRIV_H
#define MOBGW_MOVEMENT_PRIV_H

#include "movement.h"

enum {
	PREFIX_MISSES = 2, /* a router may spread its prefixes over two advertisements (RFC 4861 §6.2.3) */
};

#define NEVER ((struct mono){ INT64_MAX })

struct prefix {
	struct in6_addr prefix; /* with router_address the router's whole address */
	uint8_t len;
	bool on_link, router_address;
	struct mono valid_until; /* NEVER: for ever */
	uint64_t epoch;		 /* last advertised in */
	unsigned int missed;	 /* advertisements of its router without it, since */
};

struct router {
	struct in6_addr addr;
	uint64_t epoch; /* last confirmed in */
	struct mono heard, confirmed;
	struct mono lifetime_until; /* as a default router */
	uint32_t interval_ms, mtu;
	bool has_mac;
	uint8_t mac[6];
	struct prefix prefixes[MOVEMENT_PREFIXES];
	uint8_t prefix_count;
	unsigned int probes; /* sent without an answer; 0: none under way */
	struct mono probe_at;
	bool dead; /* did not answer; until it is heard again */
};

struct place {
	struct in6_addr addr;
	uint64_t epoch; /* last confirmed in */
	bool deprecated;
	bool advertised; /* some router once said its prefix: it stands and falls with such routers */
};

struct uplink {
	bool up;
	uint32_t link_epoch; /* as the caller counts */
	uint64_t epoch;	     /* as we count, from 1; 0: link never seen */
	struct mono changed, solicit_at;
	unsigned int solicits;
	bool heard_any; /* an advertisement in this epoch */
	struct router routers[MOVEMENT_ROUTERS];
	size_t router_count;
	struct place places[MOVEMENT_ADDRESSES];
	size_t place_count;
	bool chosen;
	struct in6_addr care_of;
};

struct movement {
	const struct config *config;
	struct movement_calls calls;
	struct mono now; /* of the last call */
	struct uplink uplinks[LIMIT_UPLINKS];
};

/* movement_belief.c */

/* Confirmed on the link as it is now, and not found dead. */
bool belief_router_current(const struct uplink *u, const struct router *r);
/* Whether @r says now that @addr's prefix is on this link. */
bool belief_covers(const struct uplink *u, const struct router *r, const struct in6_addr *addr);
/* Whether some router ever did: then the address stands and falls with such routers. */
bool belief_advertised(const struct uplink *u, const struct place *p);
/* NULL where it is not known. */
struct place *belief_place(struct uplink *u, const struct in6_addr *addr);
/* Chooses the care-of address anew: to be called after every change. */
void belief_settle(struct uplink *u);
/* When a link that nobody advertises on is taken for one without routers. */
struct mono belief_silence_at(const struct uplink *u);

#endif
