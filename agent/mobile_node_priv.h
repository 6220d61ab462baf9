/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What mobile_node.c (events and decisions), mobile_path.c (data path and kernel) and mobile_view.c (operator) share;
 * nobody else includes it. */
#ifndef MOBGW_MOBILE_NODE_PRIV_H
#define MOBGW_MOBILE_NODE_PRIV_H

#include "auth.h"
#include "movement.h"
#include "update_list.h"

struct groups;

struct uplink {
	int ifindex; /* 0: not there */
	int device;  /* the last that was */
	uint32_t mtu;
	uint8_t mac[6];
	bool ethernet;
	struct movement_point point; /* as last seen */
	struct mobile_road led;	     /* what the kernel was told; ifindex 0: nothing yet */
	struct mono since;	     /* of the present point */
};

struct home {
	const struct config_home_address *config;
	struct home_update update;
	struct auth_node auth;
	struct home_address entry; /* as last written to the data path */
	uint32_t route_mtu;	   /* as last told to the kernel */
	uint16_t path_mtu;	   /* learned on the way to the agent; 0: none */
	struct mono path_mtu_until;
	struct in6_addr agent_link_local;
	int home_link;	       /* uplink by which it may leave as it is; -1: none */
	int returning_ifindex; /* where its agent may find us; 0: nowhere */
	int home_ifindex;      /* where the kernel has our home address too; 0: nowhere */
	unsigned int announcements;
	struct mono announce_at;
	struct mono home_doubted_until; /* nobody answered there: not taken for home while another road stands */
	struct mono nudged;		/* when an agent's wish for a refresh was last followed */
};

struct mobile_node {
	struct gateway *gw;
	struct movement *movement;
	struct groups *groups;
	struct uplink uplinks[LIMIT_UPLINKS];
	struct home homes[LIMIT_HOME_ADDRESSES];
	int pinned; /* uplink by `mobgw handover`; -1: none */
	bool started;
};

/* Index of the uplink with this interface; -1. */
int mobile_uplink_of(const struct mobile_node *mn, int ifindex);

/* mobile_path.c */

/* Leads what an uplink's care-of address sends by its router, where either changed. */
void mobile_path_lead(struct mobile_node *mn, size_t uplink);
/* Makes data path, routes and addresses follow what is registered. */
void mobile_path_apply(struct mobile_node *mn, struct home *home, struct mono now);
/* Tells mobile_peers.c where the home address is. */
void mobile_path_peers(struct mobile_node *mn, const struct home *home);
/* Sends announcements that are due; returns when the next is. */
struct mono mobile_path_announce(struct mobile_node *mn, struct home *home, struct mono now);
/* How the next binding update leaves. */
int mobile_path_for_update(struct mobile_node *mn, const struct home *home);
/* Whether the road of a registration still stands: its uplink is up and has its care-of address. */
bool mobile_path_stands(const struct mobile_node *mn, const struct update_goal *road);

#endif
