/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What correspondent.c (registrations, bindings) and return_routability.c (nonces, test inits) share; nobody else
 * includes it. */
#ifndef MOBGW_CORRESPONDENT_PRIV_H
#define MOBGW_CORRESPONDENT_PRIV_H

#include "gateway.h"

/* Beside the cache's entry. */
struct peer_state {
	struct in6_addr local; /* our address that it is bound with */
	unsigned int requests; /* for a refresh, in this lifetime */
	unsigned int unreachables;
	struct mono first_unreachable, last_unreachable;
};

struct correspondent {
	struct rr_nonces nonces;
	struct binding_cache *bindings;
	/* two more for their order by time: numbers of bindings that are gone, until the nonces of their updates are;
	 * and when a refresh is asked for. Bindings and numbers together are at most twice the configured bindings, for
	 * which map `registrations` has room: a binding that ends always leaves its number. */
	struct binding_cache *gone, *refresh;
};

/* return_routability.c */

/* Nonces that a former daemon left, and one to give out. */
int return_routability_adopt(struct gateway *gw, struct mono now);
/* A new nonce where one is due; those past their time are wiped. */
void return_routability_tick(struct gateway *gw, struct mono now);

#endif
