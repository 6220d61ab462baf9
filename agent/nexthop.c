// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Care-of address -> index into the data path's `nexthops`. Many care-of addresses share one entry: that of their
 * gateway on its link. A gateway that changes its MAC is one write; a route that changes is one pass over the care-of
 * addresses, in slices, so that the loop stays free. The kernel keeps the neighbours in use alive (NTF_EXT_MANAGED).
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
	ETHERTYPE_IPV6 = 0x86DD,
	TAG_LEN = 4,
	TAGS_LEN = 8, /* room for two in nexthop.l2 */
};

struct via_key {
	struct in6_addr addr; /* gateway, or the care-of address itself where on-link */
	int ifindex;
};

/* A neighbour that next hops lead to; in the table once for each MTU of the routes by it, mostly one. */
struct via {
	struct via_key key;
	bool managed;
	struct hop *hops;
	UT_hash_handle hh;
};

struct hop {
	struct via *via;
	uint32_t index;
	uint32_t refs;
	uint16_t mtu; /* of the route */
	struct nexthop value;
	struct hop *next;
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
	struct via *vias;
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

/*
 * Tags of VLAN devices, the outermost first, down to the device that sends the frame. Return: the octets written at
 * @at; -1: deeper than a next hop has room for, or a device below is missing.
 */
static int put_tags(struct nexthops *nh, struct link_info *link, uint8_t *at)
{
	int len = 0;

	while (link->lower_ifindex) {
		if (len == TAGS_LEN)
			return -1;
		memmove(at + TAG_LEN, at, len);
		put16(at, link->vlan_proto);
		put16(at + 2, link->vlan_tci);
		len += TAG_LEN;
		if (netlink_link(nh->nl, link->lower_ifindex, link))
			return -1;
	}
	return len;
}

/* The finished link-layer header; VLAN devices send through the device below, tagged. @mac NULL: not to be reached now.
 */
static void hop_fill(struct nexthops *nh, struct hop *hop, const uint8_t *mac)
{
	struct nexthop n = {};
	struct link_info link, lower;
	int tags;

	if (mac && !netlink_link(nh->nl, hop->via->key.ifindex, &link) && link.up && link.ethernet) {
		lower = link;
		memcpy(n.l2, mac, 6);
		memcpy(n.l2 + 6, link.mac, 6);
		tags = put_tags(nh, &lower, n.l2 + 12);
		if (tags >= 0 && lower.up) {
			put16(n.l2 + 12 + tags, ETHERTYPE_IPV6);
			n.l2_len = 14 + tags;
			n.ifindex = lower.ifindex;
			n.mtu = hop->mtu < link.mtu ? hop->mtu : link.mtu;
			n.flags = NEXTHOP_VALID;
			if (datapath_port_redirect(nh->dp, lower.ifindex) > 0)
				n.flags |= NEXTHOP_REDIRECT;
		}
	}
	if (!n.flags)
		memset(&n, 0, sizeof(n));
	hop->value = n;
	datapath_nexthop_set(nh->dp, hop->index, &n);
}

static void via_refresh(struct nexthops *nh, struct via *via)
{
	uint8_t mac[6];
	bool known = !netlink_neighbour(nh->nl, via->key.ifindex, &via->key.addr, mac);

	if (!known && via->managed) /* the kernel forgot it, as it does where the link was down */
		netlink_neighbour_manage(nh->nl, via->key.ifindex, &via->key.addr, true);
	for (struct hop *hop = via->hops; hop; hop = hop->next)
		hop_fill(nh, hop, known ? mac : NULL);
}

static struct via *via_get(struct nexthops *nh, const struct via_key *key)
{
	struct via *via;

	HASH_FIND(hh, nh->vias, key, sizeof(*key), via);
	if (via)
		return via;
	via = calloc(1, sizeof(*via));
	if (!via)
		return NULL;
	via->key = *key;
	HASH_ADD(hh, nh->vias, key, sizeof(via->key), via);
	if (nh->managed < MANAGED_LIMIT && !netlink_neighbour_manage(nh->nl, key->ifindex, &key->addr, true)) {
		via->managed = true;
		nh->managed++;
	}
	return via;
}

/* Lets go of it where no hop leads there any more. */
static void via_put(struct nexthops *nh, struct via *via)
{
	if (via->hops)
		return;
	if (via->managed) {
		netlink_neighbour_manage(nh->nl, via->key.ifindex, &via->key.addr, false);
		nh->managed--;
	}
	HASH_DEL(nh->vias, via);
	free(via);
}

static struct hop *hop_get(struct nexthops *nh, const struct via_key *key, uint16_t mtu)
{
	struct via *via;
	struct hop *hop;

	HASH_FIND(hh, nh->vias, key, sizeof(*key), via);
	for (hop = via ? via->hops : NULL; hop; hop = hop->next) {
		if (hop->mtu == mtu) {
			hop->refs++;
			return hop;
		}
	}
	if (!nh->free_count) {
		if (!nh->full_logged)
			log_warn("nexthop: table full (%u entries); the data path asks the kernel's table for further "
				 "ones",
				 LIMIT_NEXTHOPS - 1);
		nh->full_logged = true;
		return NULL;
	}
	hop = calloc(1, sizeof(*hop));
	via = hop ? via_get(nh, key) : NULL;
	if (!via) {
		free(hop);
		return NULL;
	}
	hop->via = via;
	hop->mtu = mtu;
	hop->refs = 1;
	hop->index = index_take(nh);
	hop->next = via->hops;
	via->hops = hop;
	via_refresh(nh, via);
	return hop;
}

static void hop_put(struct nexthops *nh, struct hop *hop)
{
	static const struct nexthop none;
	struct hop **at;

	if (!hop || --hop->refs)
		return;
	for (at = &hop->via->hops; *at != hop; at = &(*at)->next)
		;
	*at = hop->next;
	datapath_nexthop_set(nh->dp, hop->index, &none);
	index_free(nh, hop->index);
	via_put(nh, hop->via);
	free(hop);
}

/* ---- care-of addresses ---- */

/* Looks the route up; true where the index became another one. */
static bool target_resolve(struct nexthops *nh, struct target *t)
{
	struct hop *old = t->hop;
	uint32_t old_index = old ? old->index : 0;
	struct via_key key = {};
	struct in6_addr gateway;
	struct link_info link;

	t->hop = NULL;
	t->mtu = 0;
	if (!netlink_route(nh->nl, &t->care_of, &key.ifindex, &gateway, &t->mtu) &&
	    !netlink_link(nh->nl, key.ifindex, &link) && link.ethernet) {
		key.addr = IN6_IS_ADDR_UNSPECIFIED(&gateway) ? t->care_of : gateway;
		t->hop = hop_get(nh, &key, t->mtu);
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
		netlink_neighbour_manage(nh->nl, t->hop->via->key.ifindex, &t->hop->via->key.addr,
					 t->hop->via->managed);
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

	/* a pass under way ends first: routes that never rest must not keep it from the last addresses */
	if (nh->again && !nh->pass_at) {
		nh->again = false;
		nh->pass_at = nh->targets;
	}
	for (int i = 0; nh->pass_at && i < PASS_SLICE; i++) {
		struct target *t = nh->pass_at;

		nh->pass_at = t->hh.next;
		nh->moved |= target_resolve(nh, t);
	}
	if (nh->pass_at) {
		schedule(nh, 0);
		return 0;
	}
	if (nh->again)
		schedule(nh, PASS_DELAY_US);
	if (nh->moved) {
		nh->moved = false;
		nh->handlers->on_nexthops_moved(nh->handlers->arg);
	}
	return 0;
}

void nexthops_route_changed(struct nexthops *nh)
{
	bool waiting = nh->again || nh->pass_at;

	nh->again = true;
	if (!waiting)
		schedule(nh, PASS_DELAY_US);
}

void nexthops_neighbour_changed(struct nexthops *nh, int ifindex, const struct in6_addr *addr, const uint8_t *mac)
{
	struct via_key key = { .addr = *addr, .ifindex = ifindex };
	struct via *via;

	HASH_FIND(hh, nh->vias, &key, sizeof(key), via);
	for (struct hop *hop = via ? via->hops : NULL; hop; hop = hop->next) {
		bool valid = hop->value.flags & NEXTHOP_VALID;

		if (mac ? !valid || memcmp(hop->value.l2, mac, 6) : valid)
			hop_fill(nh, hop, mac);
	}
}

/* Whether frames to @via leave by @ifindex, on whatever level of tags. */
static bool via_uses(struct nexthops *nh, const struct via *via, int ifindex)
{
	struct link_info link = { .lower_ifindex = via->key.ifindex };

	for (int depth = 0; link.lower_ifindex && depth <= TAGS_LEN / TAG_LEN; depth++)
		if (link.lower_ifindex == ifindex || netlink_link(nh->nl, link.lower_ifindex, &link))
			return true; /* or it can't be told */
	return false;
}

void nexthops_link_changed(struct nexthops *nh, int ifindex)
{
	for (struct via *via = nh->vias; via; via = via->hh.next)
		if (!ifindex || via_uses(nh, via, ifindex))
			via_refresh(nh, via);
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
	struct via *via, *next_via;

	if (!nh)
		return;
	sd_event_source_disable_unref(nh->timer);
	HASH_ITER (hh, nh->targets, t, next_target) {
		HASH_DEL(nh->targets, t);
		free(t);
	}
	HASH_ITER (hh, nh->vias, via, next_via) {
		/* the data path keeps its entries, the kernel its neighbours */
		for (struct hop *hop = via->hops, *next; hop; hop = next) {
			next = hop->next;
			free(hop);
		}
		HASH_DEL(nh->vias, via);
		free(via);
	}
	free(nh);
}
