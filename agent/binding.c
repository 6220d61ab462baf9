// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Binding cache: a hash by home address (uthash) and a binary heap by expiry. Pure: time comes in as an argument.
 * RFC 6275 §9.1, §9.5.1, §10.1.
 */
#include "binding.h"

#include <errno.h>
#include <stdlib.h>

#define HASH_NONFATAL_OOM 1 /* an element that found no memory is left out, with hh.tbl NULL */
#include <uthash.h>

struct node {
	struct binding_entry entry; /* first: the two are converted into each other */
	size_t at;		    /* place in the heap */
	UT_hash_handle hh;
};

struct binding_cache {
	struct node *by_home;
	struct node **heap; /* of `limit` places; heap[0] expires first */
	size_t count, limit;
};

struct binding_cache *binding_cache_new(size_t limit)
{
	struct binding_cache *cache = calloc(1, sizeof(*cache));

	if (!cache)
		return NULL;
	cache->heap = calloc(limit, sizeof(*cache->heap));
	cache->limit = limit;
	if (cache->heap)
		return cache;
	free(cache);
	return NULL;
}

void binding_cache_free(struct binding_cache *cache)
{
	struct node *node, *next;

	if (!cache)
		return;
	node = cache->by_home;
	HASH_CLEAR(hh, cache->by_home); /* the hash only: its elements still know each other */
	for (; node; node = next) {
		next = node->hh.next;
		free(node);
	}
	free(cache->heap);
	free(cache);
}

size_t binding_count(const struct binding_cache *cache)
{
	return cache->count;
}

static struct node *find(struct binding_cache *cache, const struct in6_addr *home)
{
	struct node *node;

	HASH_FIND(hh, cache->by_home, home, sizeof(*home), node);
	return node;
}

struct binding_entry *binding_find(struct binding_cache *cache, const struct in6_addr *home)
{
	struct node *node = find(cache, home);

	return node ? &node->entry : NULL;
}

bool binding_seq_newer(uint16_t cached, uint16_t got)
{
	uint16_t ahead = got - cached;

	return ahead >= 1 && ahead <= 32767;
}

int binding_check(struct binding_cache *cache, const struct in6_addr *home, uint16_t seq, uint16_t flags)
{
	const struct node *node = find(cache, home);

	if (!node)
		return 0;
	if (!binding_seq_newer(node->entry.seq, seq))
		return -ESTALE;
	return (node->entry.flags ^ flags) & BU_HOME ? -EEXIST : 0;
}

/* ---- the heap ---- */

static void place(struct binding_cache *cache, struct node *node, size_t at)
{
	cache->heap[at] = node;
	node->at = at;
}

/* Moves a node whose expiry changed to where it belongs. */
static void settle(struct binding_cache *cache, struct node *node)
{
	size_t at = node->at;

	while (at > 0) {
		size_t up = (at - 1) / 2;

		if (!mono_before(node->entry.expires, cache->heap[up]->entry.expires))
			break;
		place(cache, cache->heap[up], at);
		at = up;
	}
	for (;;) {
		size_t down = 2 * at + 1;

		if (down >= cache->count)
			break;
		if (down + 1 < cache->count &&
		    mono_before(cache->heap[down + 1]->entry.expires, cache->heap[down]->entry.expires))
			down++;
		if (!mono_before(cache->heap[down]->entry.expires, node->entry.expires))
			break;
		place(cache, cache->heap[down], at);
		at = down;
	}
	place(cache, node, at);
}

void binding_set_expiry(struct binding_cache *cache, struct binding_entry *entry, struct mono granted,
			uint32_t lifetime_s)
{
	struct node *node = (struct node *)entry;

	entry->granted = granted;
	entry->lifetime_s = lifetime_s;
	entry->expires = mono_add_s(granted, lifetime_s);
	settle(cache, node);
}

int binding_update(struct binding_cache *cache, const struct binding_request *req, struct mono now,
		   struct binding_entry **out)
{
	struct node *node = find(cache, &req->home);
	int err = binding_check(cache, &req->home, req->seq, req->flags);

	if (err)
		return err;
	if (!node) {
		if (cache->count >= cache->limit)
			return -ENOSPC;
		node = calloc(1, sizeof(*node));
		if (!node)
			return -ENOMEM;
		node->entry.home = req->home;
		node->entry.home_link = -1;
		HASH_ADD(hh, cache->by_home, entry.home, sizeof(node->entry.home), node);
		if (!node->hh.tbl) {
			free(node);
			return -ENOMEM;
		}
		place(cache, node, cache->count++);
	}
	node->entry.care_of = req->care_of;
	node->entry.seq = req->seq;
	node->entry.flags = req->flags;
	binding_set_expiry(cache, &node->entry, now, req->lifetime_s);
	if (out)
		*out = &node->entry;
	return 0;
}

void binding_activate(struct binding_entry *entry)
{
	entry->state = BINDING_ACTIVE;
}

int binding_delete(struct binding_cache *cache, const struct in6_addr *home)
{
	struct node *node = find(cache, home), *last;

	if (!node)
		return -ENOENT;
	last = cache->heap[--cache->count];
	if (last != node) {
		place(cache, last, node->at);
		settle(cache, last);
	}
	HASH_DEL(cache->by_home, node);
	free(node);
	return 0;
}

struct binding_entry *binding_first_expiring(struct binding_cache *cache)
{
	return cache->count ? &cache->heap[0]->entry : NULL;
}

uint32_t binding_remaining_s(const struct binding_entry *entry, struct mono now)
{
	int64_t left = entry->expires.ns - now.ns;

	return left > 0 ? (uint32_t)(left / 1000000000) : 0;
}

int binding_for_each(struct binding_cache *cache, int (*fn)(struct binding_entry *entry, void *arg), void *arg)
{
	for (struct node *node = cache->by_home; node; node = node->hh.next) {
		int stop = fn(&node->entry, arg);

		if (stop)
			return stop;
	}
	return 0;
}
