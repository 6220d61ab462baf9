// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Solicited-node groups. The kernel accounts memberships to a socket (net.core.optmem_max, some hundreds of them), so
 * they are spread over several sockets; what doesn't fit any more is left to IFF_ALLMULTI and to switches that flood.
 */
#include "neighbour_groups.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uthash.h>

#include "base.h"

enum {
	GROUP_SOCKETS = 64,
	GROUPS_EACH = 200, /* fits the smallest optmem_max of stock kernels, 20 KB */
};

struct group_key {
	struct in6_addr addr;
	int ifindex;
};

struct group {
	struct group_key key;
	uint32_t refs;
	int socket; /* index; -1: over the limit */
	UT_hash_handle hh;
};

struct groups {
	struct group *all;
	int sockets[GROUP_SOCKETS];
	int used[GROUP_SOCKETS];
	bool full_logged;
};

void groups_solicited_node(const struct in6_addr *target, struct in6_addr *out)
{
	*out = (struct in6_addr){ .s6_addr = { 0xff, 2, [11] = 1, [12] = 0xff } };
	memcpy(out->s6_addr + 13, target->s6_addr + 13, 3);
}

struct groups *groups_new(void)
{
	struct groups *groups = calloc(1, sizeof(*groups));

	for (int i = 0; groups && i < GROUP_SOCKETS; i++)
		groups->sockets[i] = -1;
	return groups;
}

void groups_free(struct groups *groups)
{
	struct group *group, *next;

	if (!groups)
		return;
	HASH_ITER (hh, groups->all, group, next) {
		HASH_DEL(groups->all, group);
		free(group);
	}
	for (int i = 0; i < GROUP_SOCKETS; i++)
		if (groups->sockets[i] >= 0)
			close(groups->sockets[i]);
	free(groups);
}

static int change(const struct groups *groups, const struct group *group, int option)
{
	struct ipv6_mreq req = { .ipv6mr_multiaddr = group->key.addr, .ipv6mr_interface = group->key.ifindex };

	return setsockopt(groups->sockets[group->socket], IPPROTO_IPV6, option, &req, sizeof(req)) ? -errno : 0;
}

/* A socket with a place left, opened when first needed; -1 where all are full. */
static int find_socket(struct groups *groups)
{
	for (int i = 0; i < GROUP_SOCKETS; i++) {
		if (groups->used[i] >= GROUPS_EACH)
			continue;
		if (groups->sockets[i] < 0)
			groups->sockets[i] = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		return groups->sockets[i] < 0 ? -1 : i;
	}
	return -1;
}

void groups_join(struct groups *groups, int ifindex, const struct in6_addr *target)
{
	struct group_key key = { .ifindex = ifindex };
	struct group *group;
	int err = -ENOBUFS;

	groups_solicited_node(target, &key.addr);
	HASH_FIND(hh, groups->all, &key, sizeof(key), group);
	if (group) {
		group->refs++;
		return;
	}
	group = calloc(1, sizeof(*group));
	if (!group)
		return;
	group->key = key;
	group->refs = 1;
	group->socket = find_socket(groups);
	if (group->socket >= 0)
		err = change(groups, group, IPV6_JOIN_GROUP);
	if (err)
		group->socket = -1;
	else
		groups->used[group->socket]++;
	if (err && !groups->full_logged)
		log_warn("neighbour: join group %s: %s; snooping switches may not forward solicitations for some home "
			 "addresses (said once)",
			 addr_text(&key.addr), strerror(-err));
	groups->full_logged |= err != 0;
	HASH_ADD(hh, groups->all, key, sizeof(group->key), group);
}

void groups_leave(struct groups *groups, int ifindex, const struct in6_addr *target)
{
	struct group_key key = { .ifindex = ifindex };
	struct group *group;

	groups_solicited_node(target, &key.addr);
	HASH_FIND(hh, groups->all, &key, sizeof(key), group);
	if (!group || --group->refs)
		return;
	if (group->socket >= 0) {
		change(groups, group, IPV6_LEAVE_GROUP);
		groups->used[group->socket]--;
	}
	HASH_DEL(groups->all, group);
	free(group);
}
