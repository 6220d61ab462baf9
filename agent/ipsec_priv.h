/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the files of IPsec share: ipsec.c (life, policies), ipsec_states.c, ipsec_adopt.c (what a former daemon left).
 */
#ifndef MOBGW_IPSEC_PRIV_H
#define MOBGW_IPSEC_PRIV_H

#include "ipsec.h"

/* A configured home address. */
struct ipsec_node {
	struct ipsec_end end;
	bool has_slot;
	uint8_t tries;			   /* exchanges that were given up since there were keys */
	uint8_t charon_has;		   /* a bit for each child, as charon last listed them */
	uint8_t had;			   /* likewise, while the kernel is asked what there is */
	struct in6_addr speaks_from;	   /* of a mobile node: where its IKE is; unspecified: nowhere */
	struct in6_addr second;		   /* of a mobile node: where inbound tunnel states have a copy */
	struct mono asked[IPSEC_CHILDREN]; /* since when IKE is at it; 0: it isn't */
	struct {			   /* as the kernel has them */
		bool to_agent, to_node;
		uint32_t spi_to_agent, spi_to_node; /* the newest */
	} states[IPSEC_CHILDREN];
	uint32_t stands; /* a bit for each row of the plan whose policy the kernel has, and which is ours */
};

static inline uint32_t ipsec_bit(const struct xfrm_policy_spec *policy)
{
	return 1U << policy->row;
}

/* What stood in the kernel when we came, of ours; `wanted` is set where it stays. */
struct found_policy {
	struct xfrm_policy_spec policy;
	bool wanted;
};
struct found_state {
	struct xfrm_state_spec state; /* without keys */
	bool wanted;
	bool same_keys; /* as the file of static keys has; without such a file: always */
};
struct ipsec_found {
	struct found_policy *policies; /* sorted by way and selector */
	size_t policy_count, policy_room;
	struct found_state *states; /* sorted by destination and SPI */
	size_t state_count, state_room;
	int err; /* -ENOMEM on the way */
	const struct ipsec_keys *keys;
};

struct ipsec {
	struct xfrm *x;
	struct xfrm_handlers handlers;
	struct ipsec_keys *keys;
	struct ipsec_node *nodes; /* sorted by home address */
	size_t count;
	uint32_t *slots; /* by slot: the number of the node from 1 on; 0: free */
	size_t slot_room;
	struct ike *ike;	  /* NULL: static keys */
	struct ipsec_found found; /* until ipsec_settle() */
	size_t missing;		  /* policies and states that somebody took away: put back by the tick */
	uint32_t pause, wait;	  /* ticks between attempts at that which fail; until the next */
};

struct ipsec_node *ipsec_node(const struct ipsec *ip, const struct in6_addr *home);
struct ipsec_node *ipsec_of_slot(const struct ipsec *ip, uint32_t slot);

/* ipsec.c */
int ipsec_check_keys(const struct config *config, const struct ipsec_keys *keys); /* says what is missing; -EINVAL */
/* Nodes of the configuration, without slots; @slot_room: of them, at least. */
int ipsec_add_nodes(struct gateway *gw, size_t slot_room);
/* Queue what the node lacks of what was found. Return: how many. */
size_t ipsec_queue_policies(struct ipsec *ip, struct ipsec_node *node);

/* ipsec_states.c */
size_t ipsec_queue_states(struct gateway *gw, struct ipsec_node *node);
/* Queues the deletion of its static states, by @keys. */
void ipsec_delete_states(struct gateway *gw, struct ipsec_node *node, const struct ipsec_keys *keys);
/* Notes what was found, policies and states, in place of all that was heard; IKE's states are wanted. */
void ipsec_take_stock(struct gateway *gw);
/* The data path forgets states that are neither a node's newest nor found and wanted; what was found is let go. */
void ipsec_keep_known(struct gateway *gw);
/* A change failed, and who knows which part: what stands is noted, and the tick goes on from there. */
void ipsec_look_again(struct gateway *gw);
/* What is to be done when the kernel tells of states and policies. */
struct xfrm_handlers ipsec_handlers(struct gateway *gw);

/* ipsec_adopt.c */
/* What stands of ours now, in place of what @found had; @keys, to compare with: NULL without static keys. */
int ipsec_find_ours(struct xfrm *x, const struct ipsec_keys *keys, struct ipsec_found *found);
void ipsec_found_free(struct ipsec_found *found);
struct found_policy *ipsec_found_policy(struct ipsec_found *found, const struct xfrm_policy_spec *policy);
struct found_state *ipsec_found_state(struct ipsec_found *found, const struct in6_addr *dst, uint32_t spi);
/* The kernel holds one policy there. */
bool ipsec_same_place(const struct xfrm_policy_spec *a, const struct xfrm_policy_spec *b);
bool ipsec_same_policy(const struct xfrm_policy_spec *a, const struct xfrm_policy_spec *b);
/* Of the same destination and SPI: whether what stands is what shall stand, keys and all. */
bool ipsec_same_state(const struct found_state *found, const struct xfrm_state_spec *wanted);
/* The first slot above all that policies and states were found of. */
size_t ipsec_slots_found(const struct ipsec_found *found);
/* The slots that the found policies say; a slot claimed twice is left to the first. */
void ipsec_adopt_slots(struct ipsec *ip);
int ipsec_take_slot(struct ipsec *ip, struct ipsec_node *node, uint32_t slot); /* -EEXIST */
int ipsec_fill_slots(struct ipsec *ip);
/* Queues the deletion of what nobody wants. Return: how many. */
size_t ipsec_delete_unwanted(struct ipsec *ip);
size_t ipsec_delete_unwanted_policies(struct ipsec *ip);

#endif
