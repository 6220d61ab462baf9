/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What datapath.c (maps), datapath_load.c (load, pin, adopt) and datapath_attach.c (interfaces) share; nobody else
 * includes it. */
#ifndef MOBGW_DATAPATH_PRIV_H
#define MOBGW_DATAPATH_PRIV_H

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "kernel.h"
#include "tc.skel.h"
#include "xdp.skel.h"

struct datapath {
	struct datapath_options options;
	char dir[256]; /* <pin_dir>/<ABI_VERSION> */
	struct xdp_bpf *xdp;
	struct tc_bpf *tc;
	struct ring_buffer *events;
	sd_event_source *events_source;
	const struct kernel_handlers *handlers;
	struct settings settings;
	/* jiffies64 and monotonic time taken together */
	uint64_t clock_jiffies;
	struct mono clock_mono;
	bool adopted; /* maps were there already */
	uint8_t route_tag[4];
	uint16_t (*protection)(void *arg, const struct in6_addr *home); /* datapath_sas.c; may be NULL */
	void *protection_arg;
};

/* datapath_load.c */
int datapath_path(const struct datapath *dp, char *buf, size_t size, const char *kind, const char *name);

/* datapath.c */
int datapath_clock(struct datapath *dp, struct mono now);
/* Writes dp->settings to the data path. */
int datapath_settings(struct datapath *dp);
/* Rounded up; and back: 0 ns for 0. */
__u64 datapath_jiffies(const struct datapath *dp, struct mono when);
struct mono datapath_mono(const struct datapath *dp, __u64 jiffies);

/* datapath_attach.c */
void datapath_detach_ports(const char *ports_pin);

#endif
