/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * IPsec of every configured home address: installs what ipsec_plan.c lists, keeps it true through restarts, reloads and
 * other people's hands, tells the data path of states and the roles of protection. Other people's policies and states
 * stay untouched. RFC 3776, RFC 4877.
 */
#ifndef MOBGW_IPSEC_H
#define MOBGW_IPSEC_H

#include "gateway.h"
#include "ipsec_plan.h"

/* Before the roles adopt: keys, what stands in the kernel, what is missing of the signalling. -EINVAL: said already. */
int ipsec_open(struct gateway *gw);
/* The roles have adopted: what nobody wants any more goes. */
int ipsec_settle(struct gateway *gw);
/* Lets go; policies and states go on protecting. */
void ipsec_close(struct gateway *gw);
/* What a configuration's files hold; one of both. */
struct ipsec_secrets {
	struct ipsec_keys *keys;
	struct ike_secrets *ike;
};
void ipsec_secrets_free(struct ipsec_secrets *fresh);
/* Could @config come in force? 0 with its secrets, for ipsec_reloaded(), which takes them; -EINVAL: said why not. */
int ipsec_reload_check(struct gateway *gw, const struct config *config, struct ipsec_secrets *fresh);
/* Another configuration is in force, and the roles know. */
void ipsec_reloaded(struct gateway *gw, struct ipsec_secrets *fresh);
/* Once a second. */
void ipsec_tick(struct gateway *gw);
/* Takes away everything of ours; nothing needs to be open. */
int ipsec_detach(void);

/* The home address is about to be reached at @care_of, before the data path knows; again at each move. -errno: as
 * before. */
int ipsec_bound(struct gateway *gw, const struct in6_addr *home, const struct in6_addr *care_of);
/* It is at home again: IKE's states too. Before ipsec_unbound(). */
void ipsec_returned(struct gateway *gw, const struct in6_addr *home);
/* A mobile node's: an update with that care-of address is about to leave. */
void ipsec_moving(struct gateway *gw, const struct in6_addr *home, const struct in6_addr *care_of);
/* Whether keys survive a move: what flag K says (RFC 6275 §6.1.7). */
bool ipsec_can_move(const struct gateway *gw);
/* It is not any more, and the data path knows. */
void ipsec_unbound(struct gateway *gw, const struct in6_addr *home);
/* Whether a message carries the mark of a state of that home address: that it came under ESP with its keys. True where
 * IPsec is not asked for. */
bool ipsec_proves(const struct gateway *gw, const struct in6_addr *home, enum ipsec_child child, uint32_t mark);
/* Whether home tests, payload of it go under ESP. */
bool ipsec_protects(const struct gateway *gw, enum ipsec_child child);

/* Whether the source of keys by IKE is there; false with static keys. */
bool ipsec_charon_answers(const struct gateway *gw);

struct ipsec_child_view {
	bool wanted, there; /* there: states of both directions */
	uint32_t reqid, spi_to_agent, spi_to_node;
	const char *suite; /* of static keys; NULL */
};
struct ipsec_view {
	struct in6_addr home, agent;
	bool away;
	struct ipsec_child_view children[IPSEC_CHILDREN];
};
bool ipsec_view(struct gateway *gw, size_t nth, struct ipsec_view *out); /* false beyond the last */

#endif
