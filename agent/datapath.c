// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The agent's side of the maps of bpf/state.bpf.h: the only writer of all that BPF reads. Also the clock: BPF counts
 * jiffies, the agent nanoseconds. Loading is datapath_load.c, interfaces datapath_attach.c.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "datapath_priv.h"
#include "packet.h"

enum {
	ANSWER_LIFETIME_S = 10, /* longer than any acknowledgement waits for a neighbour */
};

/* Runs the program that notes jiffies64, and takes our own time beside it. */
int datapath_clock(struct datapath *dp, struct mono now)
{
	__u8 frame[64] = {};
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = sizeof(frame), .repeat = 1);
	__u32 zero = 0;
	__u64 jiffies;
	int err;

	err = bpf_prog_test_run_opts(bpf_program__fd(dp->xdp->progs.mobgw_clock), &run);
	if (!err)
		err = bpf_map_lookup_elem(bpf_map__fd(dp->xdp->maps.clock), &zero, &jiffies);
	if (err) {
		log_error("datapath: read the kernel's clock: %s", strerror(-err));
		return err;
	}
	dp->clock_jiffies = jiffies;
	dp->clock_mono = now;
	return 0;
}

/* Rounded up: what BPF holds for expired is expired. */
__u64 datapath_jiffies(const struct datapath *dp, struct mono when)
{
	__int128 diff = (__int128)(when.ns - dp->clock_mono.ns) * dp->settings.hz;
	int64_t ticks = (int64_t)((diff + 999999999) / 1000000000);

	return ticks < 0 && (uint64_t)-ticks > dp->clock_jiffies ? 0 : dp->clock_jiffies + ticks;
}

struct mono datapath_mono(const struct datapath *dp, __u64 jiffies)
{
	__int128 diff = (__int128)(int64_t)(jiffies - dp->clock_jiffies) * 1000000000;

	if (!jiffies)
		return (struct mono){ 0 };
	return (struct mono){ dp->clock_mono.ns + (int64_t)(diff / dp->settings.hz) };
}

int datapath_settings(struct datapath *dp)
{
	__u32 zero = 0;

	return bpf_map_update_elem(bpf_map__fd(dp->xdp->maps.settings), &zero, &dp->settings, BPF_ANY);
}

int datapath_heartbeat(struct datapath *dp, struct mono now)
{
	int err = datapath_clock(dp, now);

	if (err)
		return err;
	dp->settings.heartbeat = dp->clock_jiffies;
	return datapath_settings(dp);
}

void datapath_leave(struct datapath *dp)
{
	if (!dp)
		return;
	dp->settings.heartbeat = 0;
	datapath_settings(dp);
}

int datapath_binding_set(struct datapath *dp, const struct binding_entry *entry)
{
	struct registration reg = {
		.granted_ns = entry->granted.ns,
		.lifetime_s = entry->lifetime_s,
		.seq = entry->seq,
		.flags = entry->flags,
		.care_of = entry->care_of,
	};
	struct binding path = {
		.care_of = entry->care_of,
		.home = entry->home,
		.expires = datapath_jiffies(dp, entry->expires),
		.nexthop = entry->nexthop,
		.mtu = entry->path_mtu,
		.flags = entry->flags & BU_HOME ? BINDING_HOME_AGENT : 0,
	};
	struct binding was;
	int err;

	if (entry->state != BINDING_ACTIVE)
		return -EINVAL;
	if (entry->flags & BU_HOME && dp->protection)
		path.flags |= dp->protection(dp->protection_arg, &entry->home);
	if (!(entry->flags & BU_HOME) && !bpf_map_lookup_elem(bpf_map__fd(dp->xdp->maps.bindings), &entry->home, &was))
		path.used =
			was.used; /* BPF's; a mark that it makes just now may be lost, the next packet makes another */
	err = bpf_map_update_elem(bpf_map__fd(dp->xdp->maps.registrations), &entry->home, &reg, BPF_ANY);
	if (!err)
		err = bpf_map_update_elem(bpf_map__fd(dp->xdp->maps.bindings), &entry->home, &path, BPF_ANY);
	if (err)
		log_error("datapath: set binding of %s: %s", addr_text(&entry->home), strerror(-err));
	return err;
}

int datapath_binding_delete(struct datapath *dp, const struct in6_addr *home)
{
	int err = bpf_map_delete_elem(bpf_map__fd(dp->xdp->maps.bindings), home);

	bpf_map_delete_elem(bpf_map__fd(dp->xdp->maps.registrations), home);
	if (err && err != -ENOENT)
		log_error("datapath: delete binding of %s: %s", addr_text(home), strerror(-err));
	return err;
}

int datapath_nexthop_set(struct datapath *dp, uint32_t index, const struct nexthop *nexthop)
{
	int err = -EINVAL;

	if (index > 0)
		err = bpf_map_update_elem(bpf_map__fd(dp->xdp->maps.nexthops), &index, nexthop, BPF_ANY);
	if (err)
		log_error("datapath: set next hop %u: %s", index, strerror(-err));
	return err;
}

int datapath_nexthop_used(struct datapath *dp, uint32_t index)
{
	struct nexthop n;

	return !bpf_map_lookup_elem(bpf_map__fd(dp->xdp->maps.nexthops), &index, &n) && n.flags ? 1 : 0;
}

int datapath_local_set(struct datapath *dp, const struct in6_addr *addr, uint32_t flags)
{
	int fd = bpf_map__fd(dp->xdp->maps.local_addrs);
	int err = flags ? bpf_map_update_elem(fd, addr, &flags, BPF_ANY) : bpf_map_delete_elem(fd, addr);

	if (err && err != -ENOENT)
		log_error("datapath: %s own address %s: %s", flags ? "set" : "remove", addr_text(addr), strerror(-err));
	return err;
}

int datapath_proxied_set(struct datapath *dp, int ifindex, const struct in6_addr *target, uint32_t flags)
{
	struct proxied_key key = { .target = *target, .ifindex = ifindex };
	struct proxied value = { .flags = flags };
	int err = bpf_map_update_elem(bpf_map__fd(dp->xdp->maps.proxied), &key, &value, BPF_ANY);

	if (err)
		log_error("datapath: defend %s: %s", addr_text(target), strerror(-err));
	return err;
}

int datapath_proxied_delete(struct datapath *dp, int ifindex, const struct in6_addr *target)
{
	struct proxied_key key = { .target = *target, .ifindex = ifindex };

	return bpf_map_delete_elem(bpf_map__fd(dp->xdp->maps.proxied), &key);
}

int datapath_home_links_set(struct datapath *dp, const struct home_link *links, size_t count)
{
	static const struct home_link none;

	if (count > LIMIT_HOME_LINKS)
		return -E2BIG;
	for (__u32 i = 0; i < LIMIT_HOME_LINKS; i++) {
		int err = bpf_map_update_elem(bpf_map__fd(dp->xdp->maps.home_links), &i, i < count ? &links[i] : &none,
					      BPF_ANY);

		if (err) {
			log_error("datapath: set home link %u: %s", i, strerror(-err));
			return err;
		}
	}
	return 0;
}

int datapath_answer_set(struct datapath *dp, const struct in6_addr *home, const struct in6_addr *care_of, int ifindex)
{
	struct answer answer = {
		.care_of = *care_of,
		.ifindex = ifindex,
		.expires = datapath_jiffies(dp, mono_add_s(dp->clock_mono, ANSWER_LIFETIME_S + 1)),
	};
	int err = bpf_map_update_elem(bpf_map__fd(dp->xdp->maps.answers), home, &answer, BPF_ANY);

	if (err)
		log_error("datapath: path of the answer to %s: %s", addr_text(home), strerror(-err));
	return err;
}

int datapath_answer_clear(struct datapath *dp, const struct in6_addr *home)
{
	int err = bpf_map_delete_elem(bpf_map__fd(dp->xdp->maps.answers), home);

	return err == -ENOENT ? 0 : err;
}

/* ---- our own home addresses ---- */

int datapath_home_set(struct datapath *dp, const struct in6_addr *home, const struct home_address *entry,
		      struct mono expires)
{
	struct home_address value = *entry;
	int err;

	value.expires = entry->state == HOME_AWAY ? datapath_jiffies(dp, expires) : 0;
	err = bpf_map_update_elem(bpf_map__fd(dp->xdp->maps.home_addresses), home, &value, BPF_ANY);
	if (err)
		log_error("datapath: set our home address %s: %s", addr_text(home), strerror(-err));
	return err;
}

int datapath_home_get(struct datapath *dp, const struct in6_addr *home, struct home_address *out)
{
	return bpf_map_lookup_elem(bpf_map__fd(dp->xdp->maps.home_addresses), home, out);
}

static bool is_configured_home(const struct config *config, const struct in6_addr *home)
{
	for (size_t i = 0; i < config->home_address_count; i++)
		if (addr_equal(&config->home_addresses[i].home, home))
			return true;
	return false;
}

int datapath_homes_keep(struct datapath *dp, const struct config *config)
{
	int fd = bpf_map__fd(dp->xdp->maps.home_addresses);
	struct in6_addr key, strange[LIMIT_HOME_ADDRESSES], *at = NULL;
	size_t count = 0;

	while (count < LIMIT_HOME_ADDRESSES && !bpf_map_get_next_key(fd, at, &key)) {
		if (!is_configured_home(config, &key))
			strange[count++] = key;
		at = &key;
	}
	for (size_t i = 0; i < count; i++)
		bpf_map_delete_elem(fd, &strange[i]);
	return 0;
}

int datapath_counters(struct datapath *dp, struct counter *sums)
{
	int cpus = libbpf_num_possible_cpus(), fd = bpf_map__fd(dp->xdp->maps.counters), err = 0;
	struct counter *per_cpu;

	if (cpus < 0)
		return cpus;
	per_cpu = calloc(cpus, sizeof(*per_cpu));
	if (!per_cpu)
		return -ENOMEM;
	memset(sums, 0, REASON_COUNT * sizeof(*sums));
	for (__u32 i = 0; i < REASON_COUNT && !err; i++) {
		err = bpf_map_lookup_elem(fd, &i, per_cpu);
		for (int cpu = 0; cpu < cpus && !err; cpu++) {
			sums[i].packets += per_cpu[cpu].packets;
			sums[i].bytes += per_cpu[cpu].bytes;
		}
	}
	free(per_cpu);
	return err;
}

int datapath_tags(struct datapath *dp, uint8_t tag[4], uint8_t route_tag[4])
{
	struct secrets s;
	__u32 zero = 0;
	int err = bpf_map_lookup_elem(bpf_map__fd(dp->xdp->maps.secrets), &zero, &s);

	if (!err) {
		memcpy(tag, s.tag, sizeof(s.tag));
		memcpy(route_tag, s.route_tag, sizeof(s.route_tag));
	}
	explicit_bzero(&s, sizeof(s));
	return err;
}

int datapath_newest(struct datapath *dp, uint64_t *timestamp)
{
	struct secrets s;
	__u32 zero = 0;
	int err = bpf_map_lookup_elem(bpf_map__fd(dp->xdp->maps.secrets), &zero, &s);

	*timestamp = err ? 0 : s.newest;
	explicit_bzero(&s, sizeof(s));
	return err;
}

int datapath_newest_set(struct datapath *dp, uint64_t timestamp)
{
	int fd = bpf_map__fd(dp->xdp->maps.secrets), err;
	struct secrets s;
	__u32 zero = 0;

	err = bpf_map_lookup_elem(fd, &zero, &s);
	if (!err) {
		s.newest = timestamp;
		err = bpf_map_update_elem(fd, &zero, &s, BPF_ANY);
	}
	explicit_bzero(&s, sizeof(s));
	return err;
}

int datapath_port_redirect(struct datapath *dp, int ifindex)
{
	__u32 key = ifindex;
	struct port port;

	if (bpf_map_lookup_elem(bpf_map__fd(dp->xdp->maps.ports), &key, &port))
		return 0;
	return port.flags & PORT_REDIRECT ? 1 : 0;
}

int datapath_port_router(struct datapath *dp, int ifindex, const uint8_t mac[6])
{
	int fd = bpf_map__fd(dp->xdp->maps.ports);
	__u32 key = ifindex;
	struct port port;

	if (bpf_map_lookup_elem(fd, &key, &port) || !memcmp(port.router, mac, sizeof(port.router)))
		return 0;
	memcpy(port.router, mac, sizeof(port.router));
	return bpf_map_update_elem(fd, &key, &port, BPF_EXIST);
}

/* Keys first, since walking a hash while deleting from it may start over. Caller frees. */
static int all_keys(int fd, struct in6_addr **out, size_t *count)
{
	struct in6_addr *keys = NULL, *more, key, *at = NULL;
	size_t n = 0, room = 0;

	while (!bpf_map_get_next_key(fd, at, &key)) {
		if (n == room) {
			room = room ? 2 * room : 1024;
			more = realloc(keys, room * sizeof(*keys));
			if (!more) {
				free(keys);
				return -ENOMEM;
			}
			keys = more;
		}
		keys[n++] = key;
		at = &key;
	}
	*out = keys;
	*count = n;
	return 0;
}

/* Paths without registration: a daemon that died between two writes. */
static int drop_orphans(struct datapath *dp)
{
	int fd = bpf_map__fd(dp->xdp->maps.bindings), regs = bpf_map__fd(dp->xdp->maps.registrations);
	struct registration reg;
	struct in6_addr *keys;
	size_t count;
	int err = all_keys(fd, &keys, &count);

	for (size_t i = 0; !err && i < count; i++)
		if (bpf_map_lookup_elem(regs, &keys[i], &reg))
			bpf_map_delete_elem(fd, &keys[i]);
	if (!err)
		free(keys);
	return err;
}

/* A correspondent's are needed for their numbers, too, for as long as the nonces of their updates live (RFC 6275
 * §5.2.8); one that is gone has lifetime 0. */
static bool has_passed(const struct registration *reg, struct mono now)
{
	uint32_t lives_s = reg->lifetime_s;

	if (!(reg->flags & BU_HOME) && lives_s < RR_NONCE_LIFETIME_S)
		lives_s = RR_NONCE_LIFETIME_S;
	return (int64_t)reg->granted_ns + (int64_t)lives_s * 1000000000 <= now.ns;
}

int datapath_adopt(struct datapath *dp, struct mono now,
		   int (*fn)(void *arg, const struct in6_addr *home, const struct registration *reg), void *arg)
{
	int fd = bpf_map__fd(dp->xdp->maps.registrations);
	struct in6_addr *keys;
	size_t count;
	int err = drop_orphans(dp);

	if (!err)
		err = all_keys(fd, &keys, &count);
	if (err)
		return err;
	for (size_t i = 0; !err && i < count; i++) {
		struct registration reg;

		if (bpf_map_lookup_elem(fd, &keys[i], &reg))
			continue;
		if (has_passed(&reg, now))
			datapath_binding_delete(dp, &keys[i]);
		else
			err = fn(arg, &keys[i], &reg);
	}
	free(keys);
	return err;
}

/* Packets are handed on as they were on the wire: a routing header that we hid, and our tag in it, is put back. */
static int on_ring(void *arg, void *data, size_t size)
{
	struct datapath *dp = arg;
	struct event event;

	if (size < sizeof(event))
		return 0;
	memcpy(&event, data, sizeof(event));
	if (event.len > LIMIT_EVENT_PACKET)
		return 0;
	if (event.kind != EVENT_RESOLVE && (dp->settings.roles & ROLE_MOBILE_NODE))
		packet_restore_route(event.packet, event.len, dp->route_tag);
	dp->handlers->on_event(dp->handlers->arg, &event);
	return 0;
}

static int on_ring_ready(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	struct datapath *dp = arg;

	ring_buffer__consume(dp->events);
	return 0;
}

int datapath_events_start(struct datapath *dp, sd_event *loop, const struct kernel_handlers *handlers)
{
	uint8_t tag[4];
	int err = datapath_tags(dp, tag, dp->route_tag);

	explicit_bzero(tag, sizeof(tag));
	if (err)
		return err;
	dp->handlers = handlers;
	dp->events = ring_buffer__new(bpf_map__fd(dp->xdp->maps.events), on_ring, dp, NULL);
	if (!dp->events)
		return -errno;
	return sd_event_add_io(loop, &dp->events_source, ring_buffer__epoll_fd(dp->events), EPOLLIN, on_ring_ready, dp);
}
