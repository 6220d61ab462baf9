/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where are we? Links, routers, prefixes and addresses of a mobile node's uplinks become, per uplink, one point of
 * attachment: care-of address and router, or the home link. Pure: time comes in, requests go out through calls.
 * RFC 6275 §11.5.1-11.5.4.
 *
 * An address is believed unless the link changed under it (its epoch is over) and nobody has confirmed it since: by an
 * advertisement of its prefix, by being configured after the change, or by silence of a link that never had routers.
 * A router is believed while its advertisements come; when one is overdue, or another router appears, it is probed.
 */
#ifndef MOBGW_MOVEMENT_H
#define MOBGW_MOVEMENT_H

#include "config.h"
#include "nd.h"

enum movement_limit {
	MOVEMENT_ROUTERS = 16,		 /* per uplink; beyond: the longest unheard goes, never the one in use */
	MOVEMENT_ADDRESSES = 32,	 /* per uplink; beyond: ignored */
	MOVEMENT_PREFIXES = ND_PREFIXES, /* per router */
	MOVEMENT_SOLICITS = 3,		 /* after a link came up, RFC 4861 §6.3.7 */
	MOVEMENT_PROBES = 3,
	MOVEMENT_SOLICIT_MS = 1000, /* between them; the first goes at once */
	MOVEMENT_PROBE_MS = 200,
	MOVEMENT_SILENCE_MS = 1000, /* without any advertisement after a change: a link without routers */
};

struct movement;

/* Requests to the outside; @uplink is the index in the configuration. */
struct movement_calls {
	void *arg;
	void (*solicit)(void *arg, size_t uplink);				/* router solicitation, now */
	void (*probe)(void *arg, size_t uplink, const struct in6_addr *router); /* neighbour solicitation to it, now */
};

struct movement_address {
	struct in6_addr addr;
	bool deprecated;
};

/* One uplink's point of attachment. */
struct movement_point {
	bool up;     /* link is there and has a carrier */
	bool usable; /* care_of is good; false also on the home link */
	struct in6_addr care_of;
	bool has_router;
	struct in6_addr router; /* link-local address of the one that care_of belongs to */
	struct in6_addr prefix; /* that it advertises as on-link, with care_of in it */
	uint8_t prefix_len;	/* 0: none */
	uint32_t router_mtu;	/* as advertised; 0: not said */
	bool stranded;		/* usable, but the routers that are heard here lead nowhere: lifetime 0 */
	bool changing;		/* the link changed and nothing is confirmed yet */
};

/* @config: stays the caller's, must outlive it. NULL on lack of memory. */
struct movement *movement_new(const struct config *config, const struct movement_calls *calls);
void movement_free(struct movement *m);

/* @epoch: any number that differs after the carrier was lost and found (the kernel counts changes). */
void movement_link(struct movement *m, size_t uplink, bool up, uint32_t epoch, struct mono now);
/* The uplink is another device now: nothing of the former holds. */
void movement_device(struct movement *m, size_t uplink);
/* What was asked may have gone nowhere: the uplink had no address to ask from. Asks again where nobody answered yet. */
void movement_solicit_again(struct movement *m, size_t uplink, struct mono now);
void movement_address(struct movement *m, size_t uplink, const struct movement_address *addr, bool present,
		      struct mono now);
void movement_router_advert(struct movement *m, size_t uplink, const struct in6_addr *router,
			    const struct nd_router_advert *advert, struct mono now);
/* The router answered: a neighbour advertisement with the solicited flag came from it. */
void movement_router_reachable(struct movement *m, size_t uplink, const struct in6_addr *router, struct mono now);
/* Timers due by @now; returns when to be called next. */
struct mono movement_tick(struct movement *m, struct mono now);

void movement_point(const struct movement *m, size_t uplink, struct movement_point *out);
/* Whether the link of @uplink is the home link of @home: a current router advertises the home prefix as on-link, or a
 * current address lies in it. *@agent_link_local (may be NULL): of the router that advertises @home->agent as its own
 * address (R flag), unspecified where none does. */
bool movement_at_home(const struct movement *m, size_t uplink, const struct config_home_address *home,
		      struct in6_addr *agent_link_local);

/* The router of the home link, where one is heard: with movement_at_home(). */
bool movement_home_router(const struct movement *m, size_t uplink, const struct config_home_address *home,
			  struct in6_addr *router);

/* For `mobgw show uplinks`: routers known, in the order of their appearance. */
struct movement_router_view {
	struct in6_addr router;
	bool reachable, current;
	uint32_t interval_ms;
	struct mono heard;
};
size_t movement_routers(const struct movement *m, size_t uplink, struct movement_router_view *out, size_t room);

#endif
