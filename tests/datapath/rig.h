/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The data path on a bench: both objects loaded from their skeletons with shared maps, in a network namespace of its
 * own, packets through BPF_PROG_TEST_RUN. check() asserts the verdict, every octet and that exactly the named counters
 * moved. Nothing of agent/ takes part. Static functions: each test is one object.
 *
 *   lanx -- lan  [ home link 2001:db8:1::/64 ]  the gateway  wan -- wanx  [ gateway fe80::ff, everything else ]
 *                                               mobhome: the device without ND, home prefix routed there
 */
#ifndef MOBGW_TEST_RIG_H
#define MOBGW_TEST_RIG_H

#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "frame.h"
#include "tc.skel.h"
#include "xdp.skel.h"

enum hook { HOOK_XDP, HOOK_TC_HOME, HOOK_TC_IN, HOOK_TC_IN_IP, HOOK_TC_OUT, HOOK_TC_OUT_IP, HOOK_TC_ESP };

/* XDP_* and TC_ACT_* as the kernel's headers have them. */
enum { ACT_DROP = 1, ACT_PASS = 2, ACT_TX = 3, ACT_REDIRECT = 4 };
enum { TC_NEXT = -1, TC_OK = 0, TC_SHOT = 2, TC_REDIRECT = 7 };

/* As much as the kernel takes of 256 octets of headroom: 40 stay, which are its own. */
enum { META_MOST = 216 };

/* Indices of nexthops that rig_reset() fills, all toward wan. */
enum { HOP_14 = 1, HOP_18, HOP_22, HOP_INVALID, HOP_NO_REDIRECT, HOP_SMALL };

#define HA "2001:db8:1::1"  /* home agent address: local, tunnel endpoint */
#define OWN "2001:db8:2::1" /* another address of ours */
#define CN "2001:db8:c::2"  /* correspondent */
#define HOME1 "2001:db8:1::100"
#define COA1 "2001:db8:f1::2"
#define HOME2 "2001:db8:1::101"
#define COA2 "2001:db8:f2::2"
#define AT_HOME "2001:db8:1::5" /* on the home link, not bound */
#define LINK_LOCAL1 "fe80::100" /* home link-local address of the node of HOME1, defended */

static const uint8_t mac_lan[6] = { 2, 0, 0x5e, 0, 1, 1 }, mac_wan[6] = { 2, 0, 0x5e, 0, 2, 1 };
static const uint8_t mac_gw[6] = { 2, 0, 0x5e, 0, 2, 0xff }, mac_peer[6] = { 2, 0, 0x5e, 0, 1, 0x99 };
static const uint8_t tag[4] = { 0xA1, 0xB2, 0xC3, 0xD5 };
static const uint8_t route_tag[4] = { 0xA0, 0x92, 0x83, 0x75 }; /* in place of a type 2 routing header */

struct rig {
	struct xdp_bpf *xdp;
	struct tc_bpf *tc;
	struct ring_buffer *ring;
	struct counter *counters; /* the map itself */
	struct counter before[REASON_COUNT];
	bool seen[REASON_COUNT];
	uint32_t lan, wan, home; /* ifindex */
	struct settings settings;
	uint32_t came_in;	 /* TC: where the kernel took the packet that it forwards; 0: this host sends it */
	bool answers_by_tx;	 /* XDP may not redirect to the port: our own messages go back by XDP_TX */
	struct event events[64]; /* of the last run */
	size_t event_count;
	struct frame out; /* of the last run */
	const char *binary;
};

struct want {
	enum reason why;
	enum reason notes[2];	 /* each counted once beside; REASON_NONE: no more */
	const struct frame *out; /* NULL: a packet that isn't dropped must be the one that came */
};

static inline void sh(const char *command)
{
	if (system(command)) {
		fprintf(stderr, "rig: failed: %s\n", command);
		exit(1);
	}
}

static inline void map_set(struct bpf_map *map, const void *key, const void *value)
{
	int err = bpf_map_update_elem(bpf_map__fd(map), key, value, BPF_ANY);

	if (err)
		fail_msg("map %s: %s", bpf_map__name(map), strerror(-err));
}

static inline void map_clear(struct bpf_map *map)
{
	uint8_t key[64];

	while (!bpf_map_get_next_key(bpf_map__fd(map), NULL, key))
		bpf_map_delete_elem(bpf_map__fd(map), key);
}

static inline uint64_t rig_jiffies(struct rig *r)
{
	uint8_t data[64] = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = data, .data_size_in = sizeof(data), .repeat = 1);
	uint32_t zero = 0;
	uint64_t now = 0;

	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(r->xdp->progs.mobgw_clock), &run), 0);
	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(r->xdp->maps.clock), &zero, &now), 0);
	return now;
}

/* ---- state as the agent would write it ---- */

static inline void set_settings(struct rig *r)
{
	uint32_t zero = 0;

	map_set(r->xdp->maps.settings, &zero, &r->settings);
}

static inline void bind_until(struct rig *r, const char *home, const char *care_of, uint32_t nexthop, uint16_t mtu,
			      uint64_t expires)
{
	struct binding b = {
		.care_of = addr(care_of), .home = addr(home), .expires = expires, .nexthop = nexthop, .mtu = mtu
	};

	b.flags = BINDING_HOME_AGENT;
	map_set(r->xdp->maps.bindings, &b.home, &b);
}

static inline void bind_home(struct rig *r, const char *home, const char *care_of, uint32_t nexthop, uint16_t mtu)
{
	bind_until(r, home, care_of, nexthop, mtu, UINT64_MAX);
}

/* A correspondent's: from return routability, neither intercepted nor tunnelled. */
static inline void bind_peer(struct rig *r, const char *home, const char *care_of, uint16_t mtu, uint64_t expires)
{
	struct binding b = { .care_of = addr(care_of), .home = addr(home), .expires = expires, .mtu = mtu };

	map_set(r->xdp->maps.bindings, &b.home, &b);
}

static inline void bind_protected(struct rig *r, const char *home, const char *care_of, uint16_t flags)
{
	struct binding b = { .care_of = addr(care_of), .home = addr(home), .expires = UINT64_MAX, .nexthop = HOP_14 };

	b.flags = BINDING_HOME_AGENT | flags;
	map_set(r->xdp->maps.bindings, &b.home, &b);
}

static inline void unbind(struct rig *r, const char *home)
{
	struct in6_addr key = addr(home);

	bpf_map_delete_elem(bpf_map__fd(r->xdp->maps.bindings), &key);
}

/* jiffies when the binding was last used, to the second. */
static inline uint64_t binding_used(struct rig *r, const char *home)
{
	struct in6_addr key = addr(home);
	struct binding b;

	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(r->xdp->maps.bindings), &key, &b), 0);
	return b.used;
}

static inline void set_local(struct rig *r, const char *text, uint32_t flags)
{
	struct in6_addr a = addr(text);

	map_set(r->xdp->maps.local_addrs, &a, &flags);
}

static inline void set_proxied(struct rig *r, const char *target, uint32_t ifindex, uint32_t flags)
{
	struct proxied_key key = { .target = addr(target), .ifindex = ifindex };
	struct proxied value = { .flags = flags };

	map_set(r->xdp->maps.proxied, &key, &value);
}

static inline void set_port(struct rig *r, uint32_t ifindex, const uint8_t mac[6], uint16_t mtu, uint32_t flags)
{
	struct port port = { .link_local = addr("fe80::1"), .mtu = mtu, .flags = flags };

	memcpy(port.mac, mac, 6);
	memcpy(port.router, mac_peer, 6); /* what to_lan() says its frames come from */
	map_set(r->xdp->maps.ports, &ifindex, &port);
}

/* @dst and @spi (host order) as XFRM has them, of @home. */
static inline void set_sa(struct rig *r, const char *dst, uint32_t spi, const char *home, uint32_t flags)
{
	struct sa_key key = { .dst = addr(dst), .spi = htonl(spi) };
	struct sa value = { .home = addr(home), .flags = flags };

	map_set(r->xdp->maps.sas, &key, &value);
}

static inline void set_answer(struct rig *r, const char *home, const char *care_of, uint64_t expires)
{
	struct answer a = { .care_of = addr(care_of), .expires = expires };
	struct in6_addr key = addr(home);

	map_set(r->xdp->maps.answers, &key, &a);
}

static inline void set_home_link(struct rig *r, uint32_t index, const char *prefix, uint32_t len, uint32_t ifindex)
{
	struct home_link link = { .prefix = addr(prefix), .prefix_len = len, .ifindex = ifindex };

	map_set(r->xdp->maps.home_links, &index, &link);
}

/* The link header that nexthop @index puts before a packet. */
static inline void put_hop(struct frame *f, uint32_t index)
{
	put_link(f, mac_gw, mac_wan, index == HOP_18 ? 1 : index == HOP_22 ? 2 : 0);
}

static inline void set_nexthop(struct rig *r, uint32_t index, uint16_t mtu, uint8_t flags)
{
	struct nexthop hop = { .ifindex = r->wan, .mtu = mtu, .flags = flags };
	struct frame link = { .len = 0 };

	put_hop(&link, index);
	hop.l2_len = link.len;
	memcpy(hop.l2, link.data, link.len);
	map_set(r->xdp->maps.nexthops, &index, &hop);
}

/* A bucket that is empty and, with settings.hz as drain_buckets() leaves it, stays so. */
static inline void drain_bucket(struct rig *r, uint32_t which)
{
	struct bucket empty = { .last = rig_jiffies(r), .tokens = 0 };

	r->settings.hz = 1000000000;
	set_settings(r);
	map_set(r->xdp->maps.limits_all, &which, &empty);
}

static inline void reset_buckets(struct rig *r)
{
	struct bucket fresh = { .last = 0 };

	for (uint32_t i = 0; i < LIMIT_ALL_COUNT; i++)
		map_set(r->xdp->maps.limits_all, &i, &fresh);
	map_clear(r->xdp->maps.limits);
}

/* Setup of every test: the same state, a heart that beats, full buckets, an empty ring. */
static inline int rig_reset(void **state)
{
	struct rig *r = *state;
	struct home_link none = { .prefix_len = 0 };
	struct timespec tick;

	map_clear(r->xdp->maps.bindings);
	map_clear(r->xdp->maps.proxied);
	map_clear(r->xdp->maps.local_addrs);
	map_clear(r->xdp->maps.ports);
	map_clear(r->xdp->maps.answers);
	map_clear(r->xdp->maps.home_addresses);
	map_clear(r->xdp->maps.peers);
	map_clear(r->xdp->maps.sas);
	for (uint32_t i = 0; i < LIMIT_HOME_LINKS; i++)
		map_set(r->xdp->maps.home_links, &i, &none);
	reset_buckets(r);
	clock_getres(CLOCK_MONOTONIC_COARSE, &tick);
	r->settings = (struct settings){ .agent = addr(HA), .hz = 1000000000 / tick.tv_nsec, .home_ifindex = r->home };
	r->settings.heartbeat = rig_jiffies(r) + 3600 * (uint64_t)r->settings.hz; /* however long a test takes */
	set_settings(r);
	set_local(r, HA, LOCAL_ADDR | LOCAL_TUNNEL_ENDPOINT);
	set_local(r, OWN, LOCAL_ADDR);
	set_port(r, r->lan, mac_lan, 1500, PORT_REDIRECT);
	set_port(r, r->wan, mac_wan, 1500, PORT_REDIRECT);
	for (uint32_t i = HOP_14; i <= HOP_22; i++)
		set_nexthop(r, i, 1500, NEXTHOP_VALID | NEXTHOP_REDIRECT);
	set_nexthop(r, HOP_INVALID, 1500, NEXTHOP_REDIRECT);
	set_nexthop(r, HOP_NO_REDIRECT, 1500, NEXTHOP_VALID);
	set_nexthop(r, HOP_SMALL, 1280, NEXTHOP_VALID | NEXTHOP_REDIRECT);
	bind_home(r, HOME1, COA1, HOP_14, 0);
	bind_home(r, HOME2, COA2, HOP_14, 0);
	set_proxied(r, HOME1, r->lan, 0);
	set_proxied(r, LINK_LOCAL1, r->lan, PROXIED_LINK_LOCAL);
	set_home_link(r, 0, "2001:db8:1::", 64, r->lan);
	ring_buffer__consume(r->ring);
	r->answers_by_tx = false;
	r->came_in = 0;
	return 0;
}

/* ---- one packet ---- */

static inline int keep_event(void *arg, void *data, size_t size)
{
	struct rig *r = arg;

	if (size == sizeof(struct event) && r->event_count < ARRAY_SIZE(r->events))
		memcpy(&r->events[r->event_count++], data, size);
	return 0;
}

/* Return: the action; the packet is in r->out, the counters of before in r->before. */
static inline int rig_run(struct rig *r, enum hook hook, const struct frame *in)
{
	uint8_t data[FRAME_MOST + 256] = { 0 };
	uint32_t ifindex = in->ifindex ? in->ifindex : hook == HOOK_TC_HOME ? r->home : r->lan;
	struct xdp_md md = { .data = in->meta, .data_end = in->meta + in->len, .ingress_ifindex = ifindex };
	struct __sk_buff skb = { .ifindex = ifindex, .ingress_ifindex = r->came_in, .gso_size = in->gso_size };
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = data, .data_size_in = in->meta + in->len, .repeat = 1);
	struct bpf_program *progs[] = { r->xdp->progs.mobgw_xdp,   r->tc->progs.mobgw_tc_home,
					r->tc->progs.mobgw_tc_in,  r->tc->progs.mobgw_tc_in_ip,
					r->tc->progs.mobgw_tc_out, r->tc->progs.mobgw_tc_out_ip,
					r->tc->progs.mobgw_tc_esp };
	int err;

	memcpy(data + in->meta, in->data, in->len);
	run.ctx_in = hook == HOOK_XDP ? (void *)&md : (void *)&skb;
	run.ctx_size_in = hook == HOOK_XDP ? sizeof(md) : sizeof(skb);
	run.data_out = r->out.data;
	run.data_size_out = sizeof(r->out.data);
	memcpy(r->before, r->counters, sizeof(r->before));
	err = bpf_prog_test_run_opts(bpf_program__fd(progs[hook]), &run);
	if (err)
		fail_msg("test run of %zu octets: %s", in->len, strerror(-err));
	r->out.len = run.data_size_out;
	if (in->meta) { /* handed back before the frame, unless headers were put in front */
		r->out.len -= in->meta;
		memmove(r->out.data, r->out.data + in->meta, r->out.len);
	}
	return (int)run.retval;
}

/* Takes the headroom away from @f; skips the test where the kernel's test run takes no more than 32 octets (6.1). */
static inline void take_headroom(struct rig *r, const struct frame *f)
{
	uint8_t data[FRAME_MOST + 256] = { 0 };
	struct xdp_md md = { .data = META_MOST, .data_end = META_MOST + f->len, .ingress_ifindex = r->lan };
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = data, .data_size_in = META_MOST + f->len, .ctx_in = &md,
		    .ctx_size_in = sizeof(md), .repeat = 1);

	if (bpf_prog_test_run_opts(bpf_program__fd(r->xdp->progs.mobgw_clock), &run)) {
		print_message("SKIPPED: this kernel's test run takes no %d octets of metadata\n", META_MOST);
		skip();
	}
}

static inline const char *class_of(enum reason why)
{
	static const char *const names[] = { "note", "verdict", "drop" };

	return names[reason_class(why)];
}

/* Each counter moved as often as it stands in @want. */
static inline void check_counters(struct rig *r, const char *name, const struct want *want)
{
	for (enum reason i = 0; i < REASON_COUNT; i++) {
		uint64_t moved = r->counters[i].packets - r->before[i].packets, expected = want->why == i;

		for (size_t n = 0; n < ARRAY_SIZE(want->notes); n++)
			expected += i != REASON_NONE && want->notes[n] == i;
		if (moved)
			r->seen[i] = true;
		if (moved == expected)
			continue;
		for (enum reason j = 0; j < REASON_COUNT; j++)
			if (r->counters[j].packets != r->before[j].packets)
				print_error("  counted: %s %s\n", class_of(j), reason_name(j));
		fail_msg("%s: counter %s moved by %llu, expected %llu", name, reason_name(i), (unsigned long long)moved,
			 (unsigned long long)expected);
	}
}

static inline void dump(const char *what, const struct frame *f)
{
	print_error("  %s, %zu octets\n", what, f->len);
	for (size_t i = 0; i < f->len && i < 256; i++)
		print_error("%s%02x%s", i % 16 == 0 ? "    " : " ", f->data[i],
			    i % 16 == 15 || i + 1 == f->len ? "\n" : "");
}

static inline void check_octets(const char *name, const struct frame *want, const struct frame *got)
{
	struct frame w = *want, g = *got;

	if (want->free_flow) { /* 20 bits */
		g.data[want->free_flow + 1] &= 0xF0;
		w.data[want->free_flow + 1] &= 0xF0;
		memset(g.data + want->free_flow + 2, 0, 2);
		memset(w.data + want->free_flow + 2, 0, 2);
	}
	if (w.len == g.len && memcmp(w.data, g.data, w.len) == 0)
		return;
	dump("expected", &w);
	dump("got", &g);
	for (size_t i = 0; i < w.len && i < g.len; i++)
		if (w.data[i] != g.data[i])
			fail_msg("%s: octet %zu is %02x, expected %02x", name, i, g.data[i], w.data[i]);
	fail_msg("%s: %zu octets, expected %zu", name, g.len, w.len);
}

/* What the hook must return for a reason. */
static inline int action_of(const struct rig *r, enum hook hook, enum reason why)
{
	if (reason_class(why) == REASON_CLASS_DROP)
		return hook == HOOK_XDP ? ACT_DROP : TC_SHOT;
	if (why >= PASS_FIRST && why <= PASS_LAST)
		return hook == HOOK_XDP ? ACT_PASS : TC_NEXT;
	if (hook != HOOK_XDP)
		return why == SENT_AGENT ? TC_OK : TC_REDIRECT;
	return r->answers_by_tx && (why == SENT_TOO_BIG || why == SENT_NEIGHBOUR) ? ACT_TX : ACT_REDIRECT;
}

/* Runs @in and holds everything that came of it against @want. */
static inline void check(struct rig *r, enum hook hook, const char *name, const struct frame *in,
			 const struct want *want)
{
	int action = rig_run(r, hook, in);
	uint64_t bytes;

	check_counters(r, name, want);
	if (action != action_of(r, hook, want->why))
		fail_msg("%s: action %d, expected %d", name, action, action_of(r, hook, want->why));
	if (want->out)
		check_octets(name, want->out, &r->out);
	else if (reason_class(want->why) != REASON_CLASS_DROP)
		check_octets(name, in, &r->out);
	bytes = r->counters[want->why].bytes - r->before[want->why].bytes;
	if (bytes != (hook == HOOK_XDP ? r->out.len : in->len))
		fail_msg("%s: %llu octets counted", name, (unsigned long long)bytes);
	r->event_count = 0;
	ring_buffer__consume(r->ring);
}

/* @in ends under @why; it is dropped, or goes on as it came. */
static inline void expect(struct rig *r, enum hook hook, const char *name, const struct frame *in, enum reason why)
{
	struct want want = { .why = why };

	check(r, hook, name, in, &want);
}

/* @in becomes @out. */
static inline void expect_out(struct rig *r, enum hook hook, const char *name, const struct frame *in, enum reason why,
			      const struct frame *out)
{
	struct want want = { .why = why, .out = out };

	check(r, hook, name, in, &want);
}

/* As the two above (@out may be NULL), with a note counted beside. */
static inline void expect_noted(struct rig *r, enum hook hook, const char *name, const struct frame *in,
				enum reason why, enum reason note, const struct frame *out)
{
	struct want want = { .why = why, .notes = { note }, .out = out };

	check(r, hook, name, in, &want);
}

/* Exactly one event came of the last check(), with the packet @in has behind its link header of @link octets; NULL:
 * none. */
static inline void check_event(struct rig *r, const char *name, enum event_kind kind, enum reason why,
			       const struct frame *in, size_t link)
{
	struct event *e = &r->events[0];
	size_t len = in ? in->len - link : 0;

	if (len > LIMIT_EVENT_PACKET)
		len = LIMIT_EVENT_PACKET;
	if (r->event_count != 1)
		fail_msg("%s: %zu events, expected one", name, r->event_count);
	if (e->kind != kind || e->reason != why || e->len != len)
		fail_msg("%s: event kind %u reason %s len %u, expected %d %s %zu", name, e->kind,
			 reason_name(e->reason), e->len, kind, reason_name(why), len);
	if (in && memcmp(e->packet, in->data + link, len))
		fail_msg("%s: the event's packet is not the one on the wire", name);
	if (in && e->ifindex != (in->ifindex ? in->ifindex : r->lan))
		fail_msg("%s: event from interface %u", name, e->ifindex);
}

/* ---- life of the rig ---- */

static inline void rig_links(struct rig *r)
{
	sh("ip link set lo up && ip link add lan type veth peer name lanx && ip link add wan type veth peer name wanx "
	   "&& "
	   "ip link add mobhome type veth peer name mobpeer");
	sh("ip link set lan address 02:00:5e:00:01:01 && ip link set wan address 02:00:5e:00:02:01 && "
	   "ip link set lanx address 02:00:5e:00:01:99 && ip link set wanx address 02:00:5e:00:02:ff && ip link set "
	   "mobhome arp off");
	sh("for i in all default lan wan mobhome; do d=/proc/sys/net/ipv6/conf/$i; echo 1 > $d/forwarding; echo 0 > "
	   "$d/accept_dad; "
	   "echo 0 > $d/router_solicitations; done");
	sh("for i in lanx wanx mobpeer; do echo 1 > /proc/sys/net/ipv6/conf/$i/disable_ipv6; done; "
	   "for i in lan lanx wan wanx mobhome mobpeer; do ip link set $i up; done");
	sh("ip addr add " HA "/64 dev lan nodad && ip addr add " OWN "/64 dev wan nodad && "
	   "ip neigh add fe80::ff lladdr 02:00:5e:00:02:ff dev wan nud permanent && "
	   "for p in c f1 f2; do ip route add 2001:db8:$p::/64 via fe80::ff dev wan; done && "
	   "ip route add 2001:db8:1::/64 via fe80::1 dev mobhome metric 64");
	r->lan = if_nametoindex("lan");
	r->wan = if_nametoindex("wan");
	r->home = if_nametoindex("mobhome");
}

static inline int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, format, args) : 0;
}

/* Small tables, and counters that can be read without a system call. */
static inline void rig_load(struct rig *r)
{
	uint32_t zero = 0;
	struct secrets s = { .tag = { tag[0], tag[1], tag[2], tag[3] },
			     .route_tag = { route_tag[0], route_tag[1], route_tag[2], route_tag[3] } };
	struct bpf_map *map;

	libbpf_set_print(quiet);
	r->xdp = xdp_bpf__open();
	r->tc = tc_bpf__open();
	if (!r->xdp || !r->tc)
		exit(1);
	bpf_map__set_max_entries(r->xdp->maps.bindings, 256);
	bpf_map__set_max_entries(r->xdp->maps.registrations, 256);
	bpf_map__set_max_entries(r->xdp->maps.proxied, 256);
	bpf_map__set_type(r->xdp->maps.counters, BPF_MAP_TYPE_ARRAY);
	bpf_map__set_map_flags(r->xdp->maps.counters, BPF_F_MMAPABLE);
	if (xdp_bpf__load(r->xdp))
		exit(1);
	bpf_object__for_each_map(map, r->tc->obj) if (!strchr(bpf_map__name(map), '.'))
		bpf_map__reuse_fd(map, bpf_object__find_map_fd_by_name(r->xdp->obj, bpf_map__name(map)));
	if (tc_bpf__load(r->tc))
		exit(1);
	r->counters = mmap(NULL, REASON_COUNT * sizeof(struct counter), PROT_READ, MAP_SHARED,
			   bpf_map__fd(r->xdp->maps.counters), 0);
	r->ring = ring_buffer__new(bpf_map__fd(r->xdp->maps.events), keep_event, r, NULL);
	if (r->counters == MAP_FAILED || !r->ring)
		exit(1);
	map_set(r->xdp->maps.secrets, &zero, &s);
}

/* Group setup; cmocka's state is the rig from here on. */
static inline int rig_open(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));

	if (!r || unshare(CLONE_NEWNET)) {
		fprintf(stderr, "rig: a network namespace of its own: %s\n", strerror(errno));
		return -1;
	}
	rig_links(r);
	rig_load(r);
	*state = r;
	return 0;
}

/* Group teardown: which reasons this binary has shown, for tests/datapath/reasons to add up. */
static inline int rig_close(void **state)
{
	struct rig *r = *state;
	char path[256];
	FILE *out;

	mkdir("build", 0755);
	mkdir("build/datapath-reasons", 0755);
	snprintf(path, sizeof(path), "build/datapath-reasons/%s", program_invocation_short_name);
	out = fopen(path, "w");
	for (enum reason i = 0; out && i < REASON_COUNT; i++)
		if (r->seen[i])
			fprintf(out, "%s\n", reason_name(i));
	if (out)
		fclose(out);
	ring_buffer__free(r->ring);
	tc_bpf__destroy(r->tc);
	xdp_bpf__destroy(r->xdp);
	free(r);
	return 0;
}

/* ---- as a mobile node ---- */

#define MY_HOME "2001:db8:5::10"      /* our own home address: on the device without ND */
#define MY_AGENT "2001:db8:c::1"      /* its home agent, reached by wan */
#define MY_AGENT_LINK_LOCAL "fe80::a" /* of the same, on the home link */
#define MY_COA "2001:db8:2::10"	      /* registered, on wan */
#define MY_COA_NEXT "2001:db8:2::20"  /* another on wan, on its way to be registered */

static inline struct home_address home_entry(struct rig *r, enum home_state state)
{
	return (struct home_address){
		.agent = addr(MY_AGENT),
		.way = { .care_of = addr(MY_COA), .ifindex = r->wan, .mtu = 1500 },
		.expires = UINT64_MAX,
		.state = state,
	};
}

static inline void set_home(struct rig *r, const char *home, const struct home_address *entry)
{
	struct in6_addr key = addr(home);

	map_set(r->xdp->maps.home_addresses, &key, entry);
}

static inline struct peer peer_entry(struct rig *r, uint16_t flags)
{
	return (struct peer){
		.care_of = addr(MY_COA), .expires = UINT64_MAX, .ifindex = r->wan, .mtu = 1500, .flags = flags
	};
}

static inline void set_peer(struct rig *r, const char *home, const char *peer, const struct peer *entry)
{
	struct peer_key key = { .home = addr(home), .peer = addr(peer) };

	map_set(r->xdp->maps.peers, &key, entry);
}

/* How the next binding update from @home leaves: by @ifindex. */
static inline void set_update_way(struct rig *r, const char *home, const char *care_of, uint32_t ifindex,
				  uint64_t expires)
{
	struct answer a = { .care_of = addr(care_of), .expires = expires, .ifindex = ifindex };
	struct in6_addr key = addr(home);

	map_set(r->xdp->maps.answers, &key, &a);
}

/* This host is a mobile node and nothing else: MY_HOME, in @state, with care-of address MY_COA. */
static inline void be_mobile_node(struct rig *r, enum home_state state)
{
	struct home_link none = { .prefix_len = 0 };
	struct home_address entry = home_entry(r, state);
	uint32_t zero = 0;

	map_clear(r->xdp->maps.bindings);
	map_clear(r->xdp->maps.proxied);
	map_clear(r->xdp->maps.local_addrs);
	map_set(r->xdp->maps.home_links, &zero, &none);
	r->settings.roles = ROLE_MOBILE_NODE;
	r->settings.agent = (struct in6_addr){ 0 };
	set_settings(r);
	set_local(r, MY_HOME, LOCAL_ADDR | LOCAL_HOME);
	set_local(r, MY_COA, LOCAL_ADDR | LOCAL_TUNNEL_ENDPOINT);
	set_local(r, MY_COA_NEXT, LOCAL_ADDR | LOCAL_TUNNEL_ENDPOINT);
	set_home(r, MY_HOME, &entry);
}

/* @in leaves @hook as it came, by @action, and no counter moves. */
static inline void expect_uncounted(struct rig *r, enum hook hook, const char *name, const struct frame *in, int action)
{
	int got = rig_run(r, hook, in);

	for (enum reason i = 0; i < REASON_COUNT; i++)
		if (r->counters[i].packets != r->before[i].packets)
			fail_msg("%s: counted: %s", name, reason_name(i));
	if (got != action)
		fail_msg("%s: action %d, expected %d", name, got, action);
	check_octets(name, in, &r->out);
}

/* A test with the rig as it stands after rig_reset(). */
#define RIG_TEST(function) cmocka_unit_test_setup(function, rig_reset)

#endif
