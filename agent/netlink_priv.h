/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Requests over netlink, for netlink.c and home_device.c; nobody else includes it. */
#ifndef MOBGW_NETLINK_PRIV_H
#define MOBGW_NETLINK_PRIV_H

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

#include "kernel.h"

enum { NETLINK_BUF = 32768 }; /* what the kernel's dumps use at most */

/* Sends @req and hands every answer to @cb (may be NULL). Return: 0 or -errno as the kernel gave it. */
int rtnl_talk(struct mnl_socket *sock, struct nlmsghdr *req, mnl_cb_t cb, void *arg);

/* Attributes of a message by type: those beyond @max or of less than the size in @least are skipped, as BIRD does. */
void rtnl_attributes(const struct nlmsghdr *msg, size_t header, const uint8_t *least, const struct nlattr **out, unsigned int max);

#endif
