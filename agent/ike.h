/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * strongSwan as the source of keys: a connection for each home address, loaded whenever charon comes up, and begun by
 * the mobile node from its care-of address. The daemon lives without charon, and tries again. RFC 4877.
 */
#ifndef MOBGW_IKE_H
#define MOBGW_IKE_H

#include "ike_secrets.h"
#include "ipsec_priv.h"

/* Behind the policies; 0 also where IKE isn't asked for. -EINVAL: said already. */
int ike_open(struct gateway *gw);
void ike_close(struct ipsec *ip);
/* As ipsec_reload_check() and ipsec_reloaded(). */
int ike_reload_check(const struct config *config, struct ike_secrets **secrets);
void ike_reloaded(struct gateway *gw, struct ike_secrets *secrets);
/* Whether charon answers, and has what we load. */
bool ike_ready(const struct ike *ike);
/* Once a second: what there are no states for is asked for. */
void ike_tick(struct gateway *gw);

/* A mobile node's: its exchanges leave from there from now on. */
void ike_speak_from(struct gateway *gw, struct ipsec_node *node, const struct in6_addr *care_of);
/* There is no state for a packet; nothing on a home agent, which waits for its nodes. */
void ike_want(struct gateway *gw, struct ipsec_node *node, enum ipsec_child child);
/* One of its states came or went. */
void ike_state(struct gateway *gw, struct ipsec_node *node, enum ipsec_child child);
/* Its states went without charon's doing, who would go on without them: its IKE_SA ends, and another is begun by the
 * node. */
void ike_lost(struct gateway *gw, struct ipsec_node *node);
/* What stands can't be moved: another exchange. Nothing on a home agent. */
void ike_renew(struct gateway *gw, struct ipsec_node *node);

#endif
