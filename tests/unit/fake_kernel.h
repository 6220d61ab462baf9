/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel layer as the roles see it, without a kernel: every call is written down as one line, and one of them can
 * be made to fail. What is defined here wins over the agent's objects (Makefile). Include it in one object of a test.
 */
#ifndef MOBGW_TEST_FAKE_KERNEL_H
#define MOBGW_TEST_FAKE_KERNEL_H

#include "check.h"

#include <errno.h>

#include "../../agent/gateway.h"

enum { FAKE_LINES = 128, FAKE_WAYS = 512, FAKE_LINKS = 2, FAKE_ADOPTED = 8 };

static struct fake {
	char lines[FAKE_LINES][200];
	size_t count;	     /* calls since the last fake_forget(); lines are kept of the first ones */
	const char *failing; /* first word of the calls that fail */
	int error;
	struct mono now;
	uint64_t newest;		    /* timestamp of the authentication option */
	struct link_info links[FAKE_LINKS]; /* ifindex 0: not there */
	struct {
		struct in6_addr care_of;
		int references;
	} ways[FAKE_WAYS]; /* the next hop's index is the place here, from 1 on */
	size_t way_count;
	uint32_t index_shift; /* of every next hop: a new pass of nexthop.c gave them other places */
	struct {
		struct in6_addr home;
		struct registration reg;
	} adopted[FAKE_ADOPTED];
	size_t adopted_count;
	uint8_t sent[2048]; /* the last message of sockets_send_*() */
	size_t sent_len;
} fake;

static inline struct mono fake_clock(void)
{
	return fake.now;
}

static inline void fake_forget(void)
{
	fake.count = 0;
}

/* Writes a call down. Return: what it is to return. */
static int __attribute__((format(printf, 1, 2))) fake_call(const char *format, ...)
{
	size_t word = strcspn(format, " ");
	va_list args;

	va_start(args, format);
	if (fake.count < FAKE_LINES)
		vsnprintf(fake.lines[fake.count], sizeof(fake.lines[0]), format, args);
	va_end(args);
	fake.count++;
	return fake.failing && strlen(fake.failing) == word && !strncmp(fake.failing, format, word) ? fake.error : 0;
}

static inline void fake_fail(const char *call, int error)
{
	fake.failing = call;
	fake.error = error;
}

/* The calls since the last time, all of them and in this order; forgets them. */
#define EXPECT_CALLS(...) fake_expect((const char *const[]){ __VA_ARGS__, NULL }, __FILE__, __LINE__)
#define EXPECT_NO_CALLS() fake_expect((const char *const[]){ NULL }, __FILE__, __LINE__)

static inline void fake_expect(const char *const *lines, const char *file, int line)
{
	size_t count = 0, same = 0;

	while (lines[count])
		count++;
	while (same < count && same < fake.count && !strcmp(lines[same], fake.lines[same]))
		same++;
	if (same == count && same == fake.count) {
		fake_forget();
		return;
	}
	for (size_t i = 0; i < count || (i < fake.count && i < FAKE_LINES); i++)
		print_error("%s expected: %s\n  %s     got: %s\n", i == same ? ">" : " ", i < count ? lines[i] : "-",
			    i == same ? ">" : " ", i < fake.count ? fake.lines[i] : "-");
	_fail(file, line);
}

/* How many of the kept calls begin with @what. */
static inline size_t fake_calls(const char *what)
{
	size_t n = 0;

	for (size_t i = 0; i < fake.count && i < FAKE_LINES; i++)
		n += !strncmp(fake.lines[i], what, strlen(what));
	return n;
}

static inline int fake_references(void)
{
	int sum = 0;

	for (size_t i = 0; i < fake.way_count; i++)
		sum += fake.ways[i].references;
	return sum;
}

/* ---- datapath.c ---- */

int datapath_binding_set(struct datapath *dp, const struct binding_entry *entry)
{
	assert_int_equal(entry->state, BINDING_ACTIVE);
	assert_true(entry->expires.ns == mono_add_s(entry->granted, entry->lifetime_s).ns);
	return fake_call("binding_set %s -> %s seq %u for %u s nexthop %u mtu %u", addr_text(&entry->home),
			 addr_text(&entry->care_of), entry->seq, entry->lifetime_s, entry->nexthop, entry->path_mtu);
}

int datapath_binding_delete(struct datapath *dp, const struct in6_addr *home)
{
	return fake_call("binding_delete %s", addr_text(home));
}

int datapath_newest(struct datapath *dp, uint64_t *timestamp)
{
	*timestamp = fake.newest;
	return 0;
}

int datapath_newest_set(struct datapath *dp, uint64_t timestamp)
{
	fake.newest = timestamp;
	return 0;
}

int datapath_answer_set(struct datapath *dp, const struct in6_addr *home, const struct in6_addr *care_of, int ifindex)
{
	char by[20] = "";

	if (ifindex)
		snprintf(by, sizeof(by), " by %d", ifindex);
	return fake_call("answer_set %s -> %s%s", addr_text(home), addr_text(care_of), by);
}

int datapath_answer_clear(struct datapath *dp, const struct in6_addr *home)
{
	return fake_call("answer_clear %s", addr_text(home));
}

int datapath_home_links_set(struct datapath *dp, const struct home_link *links, size_t count)
{
	char text[100] = "";

	for (size_t i = 0; i < count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), " %s/%u:%u", addr_text(&links[i].prefix),
			 links[i].prefix_len, links[i].ifindex);
	return fake_call("home_links_set%s", text);
}

int datapath_adopt(struct datapath *dp, struct mono now,
		   int (*fn)(void *arg, const struct in6_addr *home, const struct registration *reg), void *arg)
{
	for (size_t i = 0; i < fake.adopted_count; i++) {
		int err = fn(arg, &fake.adopted[i].home, &fake.adopted[i].reg);

		if (err)
			return err;
	}
	return 0;
}

/* ---- netlink.c, nexthop.c ---- */

int netlink_link_by_name(struct netlink *nl, const char *name, struct link_info *out)
{
	for (size_t i = 0; i < FAKE_LINKS; i++) {
		if (!fake.links[i].ifindex || strcmp(fake.links[i].name, name))
			continue;
		*out = fake.links[i];
		return 0;
	}
	return -ENOENT;
}

int netlink_link(struct netlink *nl, int ifindex, struct link_info *out)
{
	for (size_t i = 0; i < FAKE_LINKS; i++) {
		if (!ifindex || fake.links[i].ifindex != ifindex)
			continue;
		*out = fake.links[i];
		return 0;
	}
	return -ENOENT;
}

static inline size_t fake_way(const struct in6_addr *care_of)
{
	size_t i = 0;

	while (i < fake.way_count && !addr_equal(&fake.ways[i].care_of, care_of))
		i++;
	return i;
}

uint32_t nexthop_acquire(struct nexthops *nh, const struct in6_addr *care_of)
{
	size_t i = fake_way(care_of);

	assert_true(i < FAKE_WAYS);
	if (i == fake.way_count)
		fake.ways[fake.way_count++].care_of = *care_of;
	fake.ways[i].references++;
	fake_call("nexthop_acquire %s", addr_text(care_of));
	return i + 1 + fake.index_shift;
}

void nexthop_release(struct nexthops *nh, const struct in6_addr *care_of)
{
	size_t i = fake_way(care_of);

	assert_true(i < fake.way_count && fake.ways[i].references > 0);
	fake.ways[i].references--;
	fake_call("nexthop_release %s", addr_text(care_of));
}

uint32_t nexthop_index(struct nexthops *nh, const struct in6_addr *care_of)
{
	return fake_way(care_of) + 1 + fake.index_shift;
}

void nexthop_kick(struct nexthops *nh, const struct in6_addr *care_of)
{
	fake_call("nexthop_kick %s", addr_text(care_of));
}

/* ---- neighbour.c ---- */

void neighbour_link_up(struct neighbour *nb, const char *device)
{
	fake_call("link_up %s", device);
}

int neighbour_dad_start(struct neighbour *nb, int ifindex, const struct in6_addr *home, bool link_local)
{
	return fake_call("dad_start %d %s%s", ifindex, addr_text(home), link_local ? " L" : "");
}

void neighbour_dad_stop(struct neighbour *nb, const struct in6_addr *home)
{
	fake_call("dad_stop %s", addr_text(home));
}

int neighbour_proxy_start(struct neighbour *nb, int ifindex, const struct in6_addr *home, bool link_local,
			  bool announce)
{
	return fake_call("proxy_start %d %s%s%s", ifindex, addr_text(home), link_local ? " L" : "",
			 announce ? " announce" : "");
}

void neighbour_proxy_stop(struct neighbour *nb, int ifindex, const struct in6_addr *home, bool link_local)
{
	fake_call("proxy_stop %d %s%s", ifindex, addr_text(home), link_local ? " L" : "");
}

/* ---- sockets.c ---- */

static inline void fake_keep(const uint8_t *data, size_t len)
{
	assert_true(len <= sizeof(fake.sent));
	memcpy(fake.sent, data, len);
	fake.sent_len = len;
}

int sockets_send_mh(struct sockets *so, const struct in6_addr *src, const struct in6_addr *dst, bool via_home,
		    const uint8_t *mh, size_t len)
{
	char what[100] = "";
	struct mh_msg msg;

	assert_int_equal(mh_parse(mh, len, &msg).fault, MH_OK);
	fake_keep(mh, len);
	if (msg.type == MH_BA)
		snprintf(what, sizeof(what), " status %u seq %u for %u s", msg.status, msg.seq, msg.lifetime_s);
	else if (msg.type == MH_BU)
		snprintf(what, sizeof(what), " seq %u for %u s care-of %s", msg.seq, msg.lifetime_s,
			 addr_text(&msg.opt.alt_care_of));
	else if (msg.type == MH_BE)
		snprintf(what, sizeof(what), " status %u home %s", msg.status, addr_text(&msg.home));
	if (msg.opt.has_refresh_advice)
		snprintf(what + strlen(what), sizeof(what) - strlen(what), " refresh %u s", msg.opt.refresh_advice_s);
	return fake_call("send_mh %s%s from %s to %s%s", mh_type_name(msg.type), what, addr_text(src), addr_text(dst),
			 via_home ? " via_home" : "");
}

int sockets_send_icmp(struct sockets *so, const struct in6_addr *src, const struct in6_addr *dst, int ifindex,
		      const uint8_t *icmp, size_t len)
{
	struct mip6_icmp head;

	assert_true(len >= sizeof(head));
	memcpy(&head, icmp, sizeof(head));
	fake_keep(icmp, len);
	return fake_call("send_icmp %u/%u data %u quoting %zu from %s to %s ifindex %d", head.type, head.code,
			 ntohl(head.data), len - sizeof(head), addr_text(src), addr_text(dst), ifindex);
}

/* ---- control.c ---- */

void control_publish(struct gateway *gw, enum gateway_event what, const struct gateway_event_info *info)
{
	static const char *const names[] = { "registered", "refreshed",	 "moved", "deregistered", "expired",
					     "refused",	   "dad-failed", "link",  "adopted",	  "attached",
					     "detached",   "at-home",	 "lost",  "optimised",	  "unoptimised",
					     "peer-bound", "peer-gone" };

	assert_true((size_t)what < ARRAY_SIZE(names));
	fake_call("publish %s %s", names[what], addr_text(&info->home));
}

#include "fake_peers.h"
#include "fake_sas.h"

#endif
