/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Every map of the data path: key, writer, size and why; lookups, counters and rate limits. The agent's side of the
 * same maps is agent/datapath.c, and nobody else's, so that a table can be replaced when measurements ask for it. Both
 * programs' objects declare all maps; the agent loads one and lets the other reuse them by name.
 */
#ifndef MOBGW_STATE_BPF_H
#define MOBGW_STATE_BPF_H

#define BPF_NO_PRESERVE_ACCESS_INDEX /* only UAPI types are used: nothing to relocate */
#include "../vmlinux.h"
#include <stdbool.h>
#include <stddef.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "../headers/mip6.h"
#include "../headers/shared.h"

/*
 * Home address -> where its packets go. Writer: agent. Preallocated: an update under memory pressure must not fail, and
 * the agent resizes it to max-bindings. Kernel hash rather than a table of our own: docs/architecture.md has the
 * figures.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, LIMIT_BINDINGS);
	__type(key, struct in6_addr);
	__type(value, struct binding);
} bindings SEC(".maps");

/* Gateways and on-link care-of addresses. Writer: agent. An array: the index stands in the binding, no lookup. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LIMIT_NEXTHOPS);
	__type(key, __u32);
	__type(value, struct nexthop);
} nexthops SEC(".maps");

/* Configured interfaces. Writer: agent. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, LIMIT_PORTS);
	__type(key, __u32);
	__type(value, struct port);
} ports SEC(".maps");

/* Our addresses. Writer: agent. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, LIMIT_LOCAL_ADDRS);
	__type(key, struct in6_addr);
	__type(value, __u32);
} local_addrs SEC(".maps");

/* Addresses defended on home links; as many as bindings, twice with link-local ones. Writer: agent. Not preallocated:
 * rare with virtual links. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 2 * LIMIT_BINDINGS);
	__type(key, struct proxied_key);
	__type(value, struct proxied);
} proxied SEC(".maps");

/* Home prefixes. Writer: agent. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LIMIT_HOME_LINKS);
	__type(key, __u32);
	__type(value, struct home_link);
} home_links SEC(".maps");

/* How signalling without a binding leaves. Writer: agent. LRU: entries live 10 s and nobody removes them. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, LIMIT_ANSWERS);
	__type(key, struct in6_addr);
	__type(value, struct answer);
} answers SEC(".maps");

/* Our own home addresses, as a mobile node. Writer: agent. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, LIMIT_HOME_ADDRESSES);
	__type(key, struct in6_addr);
	__type(value, struct home_address);
} home_addresses SEC(".maps");

/* A mobile node's correspondents. Writer: agent, `used` BPF. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, LIMIT_PEERS);
	__type(key, struct peer_key);
	__type(value, struct peer);
} peers SEC(".maps");

/* Security associations. Writer: agent. Not preallocated: empty where authentication isn't IPsec. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, LIMIT_SAS);
	__type(key, struct sa_key);
	__type(value, struct sa);
} sas SEC(".maps");

/* Prefixes without route optimisation; asked only where there are any. Writer: agent. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, LIMIT_REFUSED);
	__type(key, struct prefix_key);
	__type(value, __u32);
} refused SEC(".maps");

/* Writer: agent. Sizes only, as `secrets`. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LIMIT_NONCES);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct nonce));
} nonces SEC(".maps");

/* Rates of test inits by a keyed hash of their source: forged sources neither fill it nor push each other out, as they
 * would in `limits`. Writer: BPF. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LIMIT_TEST_BUCKETS);
	__type(key, __u32);
	__type(value, struct bucket);
} test_limits SEC(".maps");

/* Writer: agent; the heartbeat is written every second. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct settings);
} settings SEC(".maps");

/* Writer: agent, once per boot. Key and value sizes only, so that a dump shows no names. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct secrets));
} secrets SEC(".maps");

/* What a restart must remember. Writer and reader: agent. No program uses it; it is declared here so that all maps have
 * one home. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, LIMIT_BINDINGS);
	__type(key, struct in6_addr);
	__type(value, struct registration);
} registrations SEC(".maps");

/* Writer: BPF. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, REASON_COUNT);
	__type(key, __u32); /* enum reason; an array map takes no other type in BTF */
	__type(value, struct counter);
} counters SEC(".maps");

/* Writer: BPF. LRU: bounded whatever a stranger sends. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, LIMIT_SOURCES);
	__type(key, struct in6_addr);
	__type(value, struct bucket);
} limits SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LIMIT_ALL_COUNT);
	__type(key, __u32);
	__type(value, struct bucket);
} limits_all SEC(".maps");

/* Writer: BPF, reader: agent. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, LIMIT_EVENTS_BYTES);
} events SEC(".maps");

/* jiffies64 when the program mobgw_clock last ran: how the agent learns the kernel's count. Writer: BPF. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} clock SEC(".maps");

static __always_inline void count(enum reason why, __u64 bytes)
{
	__u32 index = why;
	struct counter *c = bpf_map_lookup_elem(&counters, &index);

	if (!c)
		return;
	c->packets++;
	c->bytes += bytes;
}

static __always_inline struct settings *settings_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&settings, &zero);
}

static __always_inline bool addr_same(const struct in6_addr *a, const struct in6_addr *b)
{
	const __u64 *x = (const __u64 *)a, *y = (const __u64 *)b;

	return x[0] == y[0] && x[1] == y[1];
}

/* The live binding of a home address; NULL where there is none, or its lifetime has passed. */
static __always_inline struct binding *binding_of(const struct in6_addr *home)
{
	struct binding *b = bpf_map_lookup_elem(&bindings, home);

	if (!b)
		return NULL;
	if (b->expires <= bpf_jiffies64()) {
		count(NOTE_EXPIRED, 0);
		return NULL;
	}
	return b;
}

/* The same, where it is one of ours as a home agent: to be intercepted and tunnelled, RFC 6275 §10.4.1. */
static __always_inline struct binding *home_binding_of(const struct in6_addr *home)
{
	struct binding *b = binding_of(home);

	return b && b->flags & BINDING_HOME_AGENT ? b : NULL;
}

/* To the second: the agent asks whether a correspondent's binding is worth a refresh (RFC 6275 §9.5.5). */
static __always_inline void note_use(__u64 *used)
{
	struct settings *set = settings_get();
	__u64 now = bpf_jiffies64();

	if (set && now - *used >= set->hz)
		*used = now;
}

static __always_inline void binding_in_use(struct binding *b)
{
	if (!(b->flags & BINDING_HOME_AGENT))
		note_use(&b->used);
}

/* Our own home address @addr; NULL where it is none. */
static __always_inline struct home_address *home_of(const struct in6_addr *addr)
{
	return bpf_map_lookup_elem(&home_addresses, addr);
}

static __always_inline __u32 local_flags(const struct in6_addr *addr)
{
	__u32 *flags = bpf_map_lookup_elem(&local_addrs, addr);

	return flags ? *flags : 0;
}

/*
 * A link-layer header of 14, 18 or 22 octets, in wide stores: memcpy() to a packet becomes one store an octet, since
 * the compiler can't know that the kernels we run on take unaligned ones. The caller has checked 22 octets.
 */
static __always_inline void write_link_layer(void *at, const __u64 l2[3], __u32 len)
{
	*(__u64 *)at = l2[0];
	*(__u32 *)(at + 8) = (__u32)l2[1];
	*(__u16 *)(at + 12) = (__u16)(l2[1] >> 32);
	if (len >= 18)
		*(__u32 *)(at + 14) = (__u32)(l2[1] >> 48 | l2[2] << 16);
	if (len >= 22)
		*(__u32 *)(at + 18) = (__u32)(l2[2] >> 16);
}

/*
 * Whether @len is 1..@most. By way of len - 1, opaque to the compiler: the verifier of 6.1 learns no lower bound from a
 * comparison with 0, and nothing about one register from a comparison of its copy.
 */
static __always_inline bool bounded(__u32 *len, __u32 most)
{
	__u64 less = *len - 1; /* 0 wraps and is too large */

	barrier_var(less);
	if (less >= most)
		return false;
	*len = less + 1;
	return true;
}

/* Refills and takes one token; @rate per second, burst the same. Races between CPUs cost a token or two, no more. */
static __always_inline bool bucket_take(struct bucket *b, __u32 rate, __u32 hz)
{
	__u64 now = bpf_jiffies64(), gain = 0;
	__s64 passed;

	if (!hz)
		return false;
	passed = (__s64)(now - b->last); /* another CPU may have stored a later one than we read */
	if (passed > 0)
		gain = (__u64)passed * rate / hz;
	if (gain) {
		b->last = now;
		b->tokens += gain;
		if (b->tokens > rate)
			b->tokens = rate;
	}
	if (!b->tokens)
		return false;
	b->tokens--;
	return true;
}

static __always_inline bool limit_source(const struct in6_addr *src, __u32 rate, __u32 hz)
{
	struct bucket *b = bpf_map_lookup_elem(&limits, src);

	if (!b) {
		struct bucket fresh = { .last = bpf_jiffies64(), .tokens = rate - 1 };

		bpf_map_update_elem(&limits, src, &fresh, BPF_ANY);
		return true;
	}
	return bucket_take(b, rate, hz);
}

static __always_inline bool limit_all(__u32 which, __u32 rate, __u32 hz)
{
	struct bucket *b = bpf_map_lookup_elem(&limits_all, &which);

	return b && bucket_take(b, rate, hz);
}

#endif
