/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which policies and states protect a home address, at either end: pure, from a description to lists. RFC 3776 §3, §5;
 * RFC 4877 §4; what a kernel without MIP6 makes of it is in IPSEC.md.
 */
#ifndef MOBGW_IPSEC_PLAN_H
#define MOBGW_IPSEC_PLAN_H

#include "ipsec_keys.h"
#include "xfrm.h"

enum {
	/* Ours are known by it, in policies, states and marks: reqid = this | slot * 4 | child. */
	IPSEC_REQID_BASE = 0x6D000000,
	IPSEC_REQID_MASK = 0xFF000000,
	IPSEC_SLOTS = 1 << 22,
	IPSEC_POLICIES_MAX = 16, /* of one home address */
	IPSEC_ROWS = 32,	 /* the number of a policy in all plans (its `row`) is below */
	IPSEC_STATES_MAX = 2 * IPSEC_CHILDREN,
	IPSEC_REPLAY_WINDOW = 32,
};

/* One home address, at one end. */
struct ipsec_end {
	struct in6_addr home, agent;
	bool node;	 /* we are the mobile node; else its home agent */
	uint32_t slot;	 /* below IPSEC_SLOTS; of that home address on this host */
	bool home_tests; /* those go under ESP */
	bool payload;	 /* everything else does too */
	bool constant;	 /* tunnel states end at agent and home address, and the data path moves them; else at far */
	bool away;	 /* bound: what the tunnels need stands */
	struct in6_addr far; /* without constant: care-of address, or the home address after returning; or unknown */
};

uint32_t ipsec_reqid(uint32_t slot, enum ipsec_child child);
/* False: not one of ours. */
bool ipsec_of_reqid(uint32_t reqid, uint32_t *slot, enum ipsec_child *child);

/* Whether it is to be protected there. */
bool ipsec_wants(const struct ipsec_end *end, enum ipsec_child child);
/* A policy of ours that lets pass: it has no template, and so no reqid. */
bool ipsec_is_allowance(const struct xfrm_policy_spec *policy);

/* Policies that shall stand, in the order in which they are to be installed; the reverse to take them away. Those of
 * the signalling come first and stand always. Return: how many. */
size_t ipsec_policies(const struct ipsec_end *end, struct xfrm_policy_spec out[IPSEC_POLICIES_MAX]);

/*
 * States of static keys, for the children that @end wants and @keys has. @first_seq: of outbound transport ones,
 * greater than any used before a reboot (RFC 4303 §3.3.3). The caller wipes @out.
 */
size_t ipsec_states(const struct ipsec_end *end, const struct ipsec_node_keys *keys, uint32_t first_seq,
		    struct xfrm_state_spec out[IPSEC_STATES_MAX]);
/* What such a child lacks of keys; NULL: nothing. A sentence. */
const char *ipsec_keys_missing(const struct ipsec_end *end, const struct ipsec_node_keys *keys);

#endif
