/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the files of the home agent share: home_agent.c (registrations), home_agent_change.c (what changes around them).
 */
#ifndef MOBGW_HOME_AGENT_PRIV_H
#define MOBGW_HOME_AGENT_PRIV_H

#include "gateway.h"

struct home_agent {
	struct binding_cache
		*refresh; /* when each binding is next asked to refresh: `expires`; how often it was: `seq` */
	struct mono prefix_until[LIMIT_HOME_LINKS]; /* INT64_MAX: infinite */
	int ifindex[LIMIT_HOME_LINKS];		    /* 0: virtual, or not there */
};

/* home_agent.c */
/* Of a home link; 0: virtual, none, or not there. */
int home_agent_ifindex(const struct gateway *gw, int home_link);
/* Defence on the home link (§10.4.1), where there is one; @announce: neighbours hear of it at once. */
void home_agent_proxy_start(struct gateway *gw, const struct binding_entry *entry, bool announce);
void home_agent_proxy_stop(struct gateway *gw, const struct binding_entry *entry);
/* The path first, then defence, then the entry, which is gone. */
void home_agent_remove(struct gateway *gw, struct binding_entry *entry);
/* When it is asked to refresh, anew. */
void home_agent_queue_refresh(struct gateway *gw, const struct binding_entry *entry);
/* @old_care_of: of a move; NULL. */
void home_agent_publish(struct gateway *gw, enum gateway_event what, const struct binding_entry *entry,
			const struct in6_addr *old_care_of);

/* home_agent_change.c */
/* Tells the data path of prefixes and their devices. */
int home_agent_set_links(struct gateway *gw);

#endif
