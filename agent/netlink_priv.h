/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What netlink.c (requests), netlink_monitor.c (following) and home_device.c share; nobody else includes it. */
#ifndef MOBGW_NETLINK_PRIV_H
#define MOBGW_NETLINK_PRIV_H

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <uthash.h>

#include "kernel.h"

enum { NETLINK_BUF = 32768 }; /* what the kernel's dumps use at most */

struct link {
	struct link_info info; /* info.ifindex is the key */
	bool seen;	       /* in the dump under way */
	UT_hash_handle hh;
};

struct address {
	struct in6_addr addr;
	int ifindex;
	struct mono valid_until; /* VALID_FOREVER: infinite */
	bool seen;
	struct address *next;
};

struct netlink {
	const struct config *config;
	const struct kernel_handlers *handlers;
	struct datapath *dp;
	struct nexthops *nh;
	struct mnl_socket *request, *monitor;
	sd_event_source *source, *timer;
	struct link *links;
	struct address *addresses;
	struct mono told_until[LIMIT_HOME_LINKS]; /* end of the home prefixes, as last told */
	bool started;				  /* handlers may be called */
};

/* netlink.c */

/*
 * Sends @req and hands every answer to @cb (may be NULL). Not to be called from within @cb on the same socket.
 * Return: 0 or -errno as the kernel gave it; -EINTR: a dump that changed while it was read.
 */
int rtnl_talk(struct mnl_socket *sock, struct nlmsghdr *req, mnl_cb_t cb, void *arg);

int rtnl_open(struct mnl_socket **out, unsigned int groups);

/* Attributes of a message by type: those beyond @max or of less than the size in @least are skipped, as BIRD does. */
void rtnl_attributes(const struct nlmsghdr *msg, size_t header, const uint8_t *least, const struct nlattr **out,
		     unsigned int max);

/* Whether a neighbour in this state has a link-layer address to send to. */
bool rtnl_neighbour_usable(uint16_t state);

/* home_device.c */

/* Writes below /proc/sys/net/ipv6/conf/@device. 0 or -errno, logged. */
int home_device_sysctl(const char *device, const char *key, const char *value);

/* netlink_monitor.c */

int netlink_monitor_open(struct netlink *nl, sd_event *loop);
void netlink_monitor_close(struct netlink *nl);

#endif
