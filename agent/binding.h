/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Binding cache: home address -> registration, with sequence numbers, lifetimes and expiry in order. Pure: time comes
 * in, nothing goes out. RFC 6275 §9.1, §9.5.1, §10.1. Lookup O(1), next expiry O(log n) (a heap), memory per entry
 * bounded.
 */
#ifndef MOBGW_BINDING_H
#define MOBGW_BINDING_H

#include "base.h"

struct binding_cache;

enum binding_state {
	BINDING_PENDING, /* home registration in duplicate address detection: not yet answered, not in the data path */
	BINDING_ACTIVE,
};

/* One entry. Owned by the cache; pointers stay good until binding_delete() of that home address. Read freely; the state
 * members marked w may be written by the role, the rest only through the functions below. */
struct binding_entry {
	struct in6_addr home;
	struct in6_addr care_of;
	uint16_t seq;
	uint16_t flags;	     /* enum bu_flag of the newest accepted update */
	uint32_t lifetime_s; /* granted */
	struct mono granted;
	struct mono expires;
	enum binding_state state;
	int home_link;		    /* w: index into the configuration's home links */
	uint32_t nexthop;	    /* w: index in the data path's table */
	uint16_t path_mtu;	    /* w: learned; 0: none */
	struct mono path_mtu_until; /* w */
	void *role;		    /* w: the role's own, e.g. a running DAD; not freed by the cache */
};

struct binding_request {
	struct in6_addr home, care_of;
	uint16_t seq;
	uint16_t flags;
	uint32_t lifetime_s; /* to grant; > 0 */
};

/* @limit: most entries, > 0. NULL on lack of memory. */
struct binding_cache *binding_cache_new(size_t limit);
void binding_cache_free(struct binding_cache *cache);
size_t binding_count(const struct binding_cache *cache);

struct binding_entry *binding_find(struct binding_cache *cache, const struct in6_addr *home);

/* Newer by 1..32767 modulo 2^16, RFC 6275 §9.5.1. */
bool binding_seq_newer(uint16_t cached, uint16_t got);

/**
 * binding_check() - would this update be taken? Order: sequence number, then registration type.
 * Return: 0; -ESTALE: not newer (status 135); -EEXIST: the H flag differs (139). No entry: 0.
 */
int binding_check(struct binding_cache *cache, const struct in6_addr *home, uint16_t seq, uint16_t flags);

/**
 * binding_update() - create, renew or move the binding of one home address
 * Return: 0 with *@out the entry (NULL allowed); -ESTALE, -EEXIST as binding_check(); -ENOSPC: cache full (130),
 * -ENOMEM. On error the old entry stands unchanged. A new entry is BINDING_PENDING; binding_activate() makes it live.
 */
int binding_update(struct binding_cache *cache, const struct binding_request *req, struct mono now,
		   struct binding_entry **out);
void binding_activate(struct binding_entry *entry);

/* Shorten or lengthen a lifetime (prefix lifetimes, restart). */
void binding_set_expiry(struct binding_cache *cache, struct binding_entry *entry, struct mono granted,
			uint32_t lifetime_s);

/* Return: 0, -ENOENT. */
int binding_delete(struct binding_cache *cache, const struct in6_addr *home);

/* The entry that expires first, NULL where there is none: delete it where its time has come. */
struct binding_entry *binding_first_expiring(struct binding_cache *cache);

/* Seconds left, rounded down; 0 past expiry. */
uint32_t binding_remaining_s(const struct binding_entry *entry, struct mono now);

/* Walks all entries in the order of insertion; @fn must not add or delete entries. Stops where @fn returns nonzero, and
 * returns that. */
int binding_for_each(struct binding_cache *cache, int (*fn)(struct binding_entry *entry, void *arg), void *arg);

#endif
