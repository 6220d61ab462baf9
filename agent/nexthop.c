// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Care-of address -> index into the data path's `nexthops`. Many care-of addresses share one entry: that of their gateway
 * on its link. A gateway that changes its MAC is one write; a route that changes is one pass over the care-of addresses,
 * in slices, so that the loop stays free. The kernel keeps the neighbours in use alive (NTF_EXT_MANAGED).
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <uthash.h>

#include "kernel.h"

enum {
	PASS_DELAY_US = 20000, /* changes of routes come in bursts */
	PASS_SLICE = 1000,     /* route lookups in one turn of the loop: some 5 ms */
	MANAGED_LIMIT = 8192,  /* neighbours kept alive; the kernel's own table has limits too (gc_thresh3) */
};

struct hop_key {
	struct in6_addr addr; /* gateway, or the care-of address itself where on-link */
	int ifindex;
};

struct hop {
	struct hop_key key;
	uint32_t index;
	uint32_t refs;
	bool managed;
	struct nexthop value;
	UT_hash_handle hh;
};

struct target {
	struct in6_addr care_of;
	uint32_t refs;
	uint16_t mtu;
	struct hop *hop; /* NULL: no route, or the table is full */
	UT_hash_handle hh;
};

struct nexthops {
	sd_event *loop;
	struct netlink *nl;
	struct datapath *dp;
	const struct kernel_handlers *handlers;
	struct hop *hops;
	struct target *targets, *pass_at;
	sd_event_source *timer;
	/* A queue, not a stack: an index freed now may still stand in a binding for a moment, and comes back last. */
	uint32_t free_queue[LIMIT_NEXTHOPS];
	uint32_t free_first, free_count;
	uint32_t managed;
	bool again, moved, full_logged;
};

/* ---- entries of the table ---- */

static void index_free(struct nexthops *nh, uint32_t index)
{
	nh->free_queue[(nh->free_first + nh->free_count++) % LIMIT_NEXTHOPS] = index;
}

static uint32_t index_take(struct nexthops *nh)
{
	uint32_t index = nh->free_queue[nh->free_first];

	nh->free_first = (nh->free_first + 1) % LIMIT_NEXTHOPS;
	nh->free_count--;
	return index;
}

static void put16(uint8_t *at, uint16_t v)
{
	at[0] = v >> 8;
	at[1] = v & 0xFF;
}

/* The finished link-layer header; VLAN devices send through the device below, tagged. */
static void hop_fill(struct nexthops *nh, struct hop *hop, const uint8_t *mac)
{
	struct nexthop *n = &hop->value;
	struct link_info link;
	uint8_t *at = n->l2;

	memset(n, 0, sizeof(*n));
	if (mac && !netlink_link(nh->nl, hop->key.ifindex, &link) && link.up && link.ethernet) {
		n->ifindex = link.lower_ifindex ? link.lower_ifindex : link.ifindex;
		n->mtu = link.mtu;
		memcpy(at, mac, 6);
		memcpy(at + 6, link.mac, 6);
		at += 12;
		if (link.lower_ifindex) {
			put16(at, link.vlan_proto);
			put16(at + 2, link.vlan_tci);
			at += 4;
		}
		put16(at, 0x86DD);
		n->l2_len = at + 2 - n->l2;
		n->flags = NEXTHOP_VALID | (datapath_port_redirect(nh->dp, n->ifindex) ? NEXTHOP_REDIRECT : 0);
	}
	datapath_nexthop_set(nh->dp, hop->index, n);
}

static void hop_refresh(struct nexthops *nh, struct hop *hop)
{
	uint8_t mac[6];

	hop_fill(nh, hop, netlink_neighbour(nh->nl, hop->key.ifindex, &hop->key.addr, mac) ? NULL : mac);
}

static struct hop *hop_get(struct nexthops *nh, const struct hop_key *key)
{
	struct hop *hop;

	HASH_FIND(hh, nh->hops, key, sizeof(*key), hop);
	if (hop) {
		hop->refs++;
		return hop;
	}
	if (!nh->free_count) {
		if (!nh->full_logged)
			log_warn("nexthop: table full (%u entries); the data path asks the kernel's table for further ones", LIMIT_NEXTHOPS - 1);
		nh->full_logged = true;
		return NULL;
	}
	hop = calloc(1, sizeof(*hop));
	if (!hop)
		return NULL;
	hop->key = *key;
	hop->refs = 1;
	hop->index = index_take(nh);
	HASH_ADD(hh, nh->hops, key, sizeof(hop->key), hop);
	if (nh->managed < MANAGED_LIMIT && !netlink_neighbour_manage(nh->nl, key->ifindex, &key->addr, true)) {
		hop->managed = true;
		nh->managed++;
	}
	hop_refresh(nh, hop);
	return hop;
}

static void hop_put(struct nexthops *nh, struct hop *hop)
{
	static const struct nexthop none;

	if (!hop || --hop->refs)
		return;
	if (hop->managed) {
		netlink_neighbour_manage(nh->nl, hop->key.ifindex, &hop->key.addr, false);
		nh->managed--;
	}
	datapath_nexthop_set(nh->dp, hop->index, &none);
	index_free(nh, hop->index);
	HASH_DEL(nh->hops, hop);
	free(hop);
}

/* ---- care-of addresses ---- */

/* Looks the route up; true where the index became another one. */
static bool target_resolve(struct nexthops *nh, struct target *t)
{
	struct hop *old = t->hop;
	uint32_t old_index = old ? old->index : 0;
	struct hop_key key = {};
	struct in6_addr gateway;
	struct link_info link;

	t->hop = NULL;
	t->mtu = 0;
	if (!netlink_route(nh->nl, &t->care_of, &key.ifindex, &gateway, &t->mtu) && !netlink_link(nh->nl, key.ifindex, &link) &&
	    link.ethernet) {
		key.addr = IN6_IS_ADDR_UNSPECIFIED(&gateway) ? t->care_of : gateway;
		t->hop = hop_get(nh, &key);
	}
	hop_put(nh, old);
	return (t->hop ? t->hop->index : 0) != old_index;
}

static struct target *target_find(struct nexthops *nh, const struct in6_addr *care_of)
{
	struct target *t;

	HASH_FIND(hh, nh->targets, care_of, sizeof(*care_of), t);
	return t;
}

uint32_t nexthop_acquire(struct nexthops *nh, const struct in6_addr *care_of)
{
	struct target *t = target_find(nh, care_of);

	if (!t) {
		t = calloc(1, sizeof(*t));
		if (!t)
			return 0;
		t->care_of = *care_of;
		HASH_ADD(hh, nh->targets, care_of, sizeof(t->care_of), t);
		target_resolve(nh, t);
	}
	t->refs++;
	return t->hop ? t->hop->index : 0;
}

void nexthop_release(struct nexthops *nh, const struct in6_addr *care_of)
{
	struct target *t = target_find(nh, care_of);

	if (!t || --t->refs)
		return;
	if (nh->pass_at == t)
		nh->pass_at = t->hh.next;
	hop_put(nh, t->hop);
	HASH_DEL(nh->targets, t);
	free(t);
}

void nexthop_kick(struct nexthops *nh, const struct in6_addr *care_of)
{
	struct target *t = target_find(nh, care_of);

	if (!t)
		return;
	if (target_resolve(nh, t))
		nh->handlers->on_nexthops_moved(nh->handlers->arg);
	else if (t->hop && !(t->hop->value.flags & NEXTHOP_VALID))
		netlink_neighbour_manage(nh->nl, t->hop->key.ifindex, &t->hop->key.addr, t->hop->managed);
}

uint32_t nexthop_index(struct nexthops *nh, const struct in6_addr *care_of)
{
	const struct target *t = target_find(nh, care_of);

	return t && t->hop ? t->hop->index : 0;
}

uint16_t nexthop_mtu(struct nexthops *nh, const struct in6_addr *care_of)
{
	const struct target *t = target_find(nh, care_of);

	return t ? t->mtu : 0;
}

/* ---- changes ---- */

static void schedule(struct nexthops *nh, uint64_t delay_us)
{
	uint64_t now;

	if (sd_event_now(nh->loop, CLOCK_MONOTONIC, &now) < 0)
		return;
	sd_event_source_set_time(nh->timer, now + delay_us);
	sd_event_source_set_enabled(nh->timer, SD_EVENT_ONESHOT);
}

/* One slice of the pass over all care-of addresses. */
static int on_timer(sd_event_source *source, uint64_t when, void *arg)
{
	struct nexthops *nh = arg;

	if (nh->again) {
		nh->again = false;
		nh->pass_at = nh->targets;
	}
	for (int i = 0; nh->pass_at && i < PASS_SLICE; i++) {
		struct target *t = nh->pass_at;

		nh->pass_at = t->hh.next;
		nh->moved |= target_resolve(nh, t);
	}
	if (nh->pass_at || nh->again) {
		schedule(nh, 0);
	} else if (nh->moved) {
		nh->moved = false;
		nh->handlers->on_nexthops_moved(nh->handlers->arg);
	}
	return 0;
}

void nexthops_route_changed(struct nexthops *nh)
{
	if (nh->again)
		return;
	nh->again = true;
	schedule(nh, PASS_DELAY_US);
}

void nexthops_neighbour_changed(struct nexthops *nh, int ifindex, const struct in6_addr *addr, const uint8_t *mac)
{
	struct hop_key key = { .addr = *addr, .ifindex = ifindex };
	struct hop *hop;

	HASH_FIND(hh, nh->hops, &key, sizeof(key), hop);
	if (!hop)
		return;
	if (!mac && !(hop->value.flags & NEXTHOP_VALID))
		return;
	if (mac && (hop->value.flags & NEXTHOP_VALID) && !memcmp(hop->value.l2, mac, 6))
		return;
	hop_fill(nh, hop, mac);
}

void nexthops_link_changed(struct nexthops *nh, int ifindex)
{
	for (struct hop *hop = nh->hops; hop; hop = hop->hh.next)
		if (hop->key.ifindex == ifindex || hop->value.ifindex == (uint32_t)ifindex)
			hop_refresh(nh, hop);
	nexthops_route_changed(nh);
}

int nexthops_open(sd_event *loop, struct netlink *nl, struct datapath *dp, const struct kernel_handlers *handlers,
		  struct nexthops **out)
{
	struct nexthops *nh = calloc(1, sizeof(*nh));
	int err;

	if (!nh)
		return -ENOMEM;
	nh->loop = loop;
	nh->nl = nl;
	nh->dp = dp;
	nh->handlers = handlers;
	/* index 0 is never given out; those that a former daemon's bindings still name come last */
	for (int used = 0; used <= 1; used++)
		for (uint32_t i = 1; i < LIMIT_NEXTHOPS; i++)
			if (datapath_nexthop_used(dp, i) == used)
				index_free(nh, i);
	err = sd_event_add_time(loop, &nh->timer, CLOCK_MONOTONIC, UINT64_MAX, 0, on_timer, nh);
	if (err < 0) {
		free(nh);
		return err;
	}
	*out = nh;
	return 0;
}

void nexthops_close(struct nexthops *nh)
{
	struct target *t, *next_target;
	struct hop *hop, *next_hop;

	if (!nh)
		return;
	sd_event_source_disable_unref(nh->timer);
	HASH_ITER(hh, nh->targets, t, next_target)
	{
		HASH_DEL(nh->targets, t);
		free(t);
	}
	HASH_ITER(hh, nh->hops, hop, next_hop)
	{
		HASH_DEL(nh->hops, hop); /* the data path keeps its entries, the kernel its neighbours */
		free(hop);
	}
	free(nh);
}
