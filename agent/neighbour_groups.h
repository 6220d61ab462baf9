/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Membership in solicited-node groups, for switches that snoop; counted, since addresses share groups. */
#ifndef MOBGW_NEIGHBOUR_GROUPS_H
#define MOBGW_NEIGHBOUR_GROUPS_H

#include "base.h"

struct groups;

struct groups *groups_new(void);
void groups_free(struct groups *groups);
/* Best effort: beyond the kernel's limits the agent goes on without, and says so once. */
void groups_join(struct groups *groups, int ifindex, const struct in6_addr *target);
void groups_leave(struct groups *groups, int ifindex, const struct in6_addr *target);
/* ff02::1:ff00:0/104 with the last 24 bits of @target, RFC 4291 §2.7.1. */
void groups_solicited_node(const struct in6_addr *target, struct in6_addr *out);

#endif
