/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the data path asks the agent to do: resolve a next hop, answer a packet it refused. Bounded by rate and ring. */
#ifndef MOBGW_EVENTS_BPF_H
#define MOBGW_EVENTS_BPF_H

#include "packet.bpf.h"

/* The packet at @l3 as it was on the wire goes along; call it before anything is rewritten. */
static __always_inline void tell_packet(hook_ctx *ctx, enum event_kind kind, enum reason why, __u32 l3)
{
	struct settings *set = settings_get();
	__u32 len = hook_len(ctx) - l3;
	struct event *e;

	if (!set || !limit_all(LIMIT_ALL_EVENTS, RATE_EVENTS, set->hz)) {
		count(NOTE_EVENT_LOST, 0);
		return;
	}
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e) {
		count(NOTE_EVENT_LOST, 0);
		return;
	}
	__builtin_memset(e, 0, 32); /* the agent reads @len octets of the packet and no more */
	e->kind = kind;
	e->reason = why;
	e->ifindex = hook_ifindex(ctx);
	if (len > LIMIT_EVENT_PACKET)
		len = LIMIT_EVENT_PACKET;
	if (!bounded(&len, LIMIT_EVENT_PACKET) || hook_load(ctx, l3, e->packet, len)) {
		bpf_ringbuf_discard(e, BPF_RB_NO_WAKEUP);
		count(NOTE_EVENT_LOST, 0);
		return;
	}
	e->len = len;
	bpf_ringbuf_submit(e, 0);
}

/* Our own @home talks to @peer through the tunnel, and nobody has said yet whether that is to stay so. */
static __always_inline void tell_peer(const struct in6_addr *home, const struct in6_addr *peer,
				      const struct settings *set)
{
	struct event *e;

	if (!limit_all(LIMIT_ALL_PEERS, RATE_PEERS, set->hz))
		return; /* another packet will tell */
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e) {
		count(NOTE_EVENT_LOST, 0);
		return;
	}
	__builtin_memset(e, 0, 32);
	e->kind = EVENT_PEER;
	e->reason = SENT_REVERSE;
	e->len = sizeof(*home);
	e->address = *peer;
	__builtin_memcpy(e->packet, home, sizeof(*home));
	bpf_ringbuf_submit(e, 0);
}

static __always_inline void tell_resolve(const struct in6_addr *care_of, const struct settings *set)
{
	struct event *e;

	if (!limit_all(LIMIT_ALL_EVENTS, RATE_EVENTS, set->hz))
		return; /* another packet will ask again */
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e) {
		count(NOTE_EVENT_LOST, 0);
		return;
	}
	__builtin_memset(e, 0, 32);
	e->kind = EVENT_RESOLVE;
	e->reason = NOTE_RESOLVE;
	e->address = *care_of;
	count(NOTE_RESOLVE, 0);
	bpf_ringbuf_submit(e, 0);
}

#endif
