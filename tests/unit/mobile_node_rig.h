/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A mobile node over the fake kernel, in virtual time: two uplinks, one home address, and a home agent that does as the
 * test tells it. The agent is written apart from agent/registration.c. Include it in one object of a test.
 */
#ifndef MOBGW_TEST_MOBILE_NODE_RIG_H
#define MOBGW_TEST_MOBILE_NODE_RIG_H

#include "fake_kernel.h"

#include "../../agent/mobile_node_priv.h"
#include "../../agent/neighbour_groups.h"

#define HOME "2001:db8:1::100"
#define AGENT "2001:db8:1::1"
#define CARE_1 "2001:db8:f1::2"
#define CARE_2 "2001:db8:f2::2"
#define ROUTER_1 "fe80::a1"
#define ROUTER_2 "fe80::a2"
#define ROUTER_HOME "fe80::1"

enum { WLAN = 2, WWAN = 3, RTT_MS = 20, START_S = 1000 };

/* A packet on its way back from the home agent. */
struct answer_under_way {
	struct mono when;
	struct mh_msg ack;
	bool routed;
	const char *from; /* NULL: none under way */
};

static struct config_home_address rig_homes[1];
static struct config_uplink rig_uplinks[2];
static struct config rig_config;
static struct gateway gw;

static struct rig {
	struct mono wake, peers_wake;
	struct home_address entry; /* in the data path */
	bool has_entry;
	struct mono expires;
	/* the home agent */
	bool silent;
	uint8_t status;
	uint32_t grant_s;
	uint16_t seq; /* of the last update that reached it */
	bool bound;
	struct in6_addr care_of;
	struct mono bound_until;
	struct answer_under_way answer;
	unsigned int updates;
} rig;

/* ---- fakes beside those of fake_kernel.h ---- */

unsigned int if_nametoindex(const char *name)
{
	for (size_t i = 0; i < FAKE_LINKS; i++)
		if (!strcmp(fake.links[i].name, name))
			return fake.links[i].ifindex;
	return 0;
}

int datapath_home_set(struct datapath *dp, const struct in6_addr *home, const struct home_address *entry,
		      struct mono expires)
{
	static const char *const states[] = { "blocked", "away", "there" };

	rig.entry = *entry;
	rig.has_entry = true;
	rig.expires = expires;
	return fake_call("home_set %s %s by %u next %u", states[entry->state], addr_text(&entry->way.care_of),
			 entry->way.ifindex, entry->next.ifindex);
}

int datapath_home_get(struct datapath *dp, const struct in6_addr *home, struct home_address *out)
{
	if (!rig.has_entry)
		return -ENOENT;
	*out = rig.entry;
	return 0;
}

int datapath_homes_keep(struct datapath *dp, const struct config *config)
{
	return 0;
}

int datapath_proxied_set(struct datapath *dp, int ifindex, const struct in6_addr *target, uint32_t flags)
{
	return fake_call("proxied_set %d %s %u", ifindex, addr_text(target), flags);
}

int datapath_proxied_delete(struct datapath *dp, int ifindex, const struct in6_addr *target)
{
	return fake_call("proxied_delete %d %s", ifindex, addr_text(target));
}

int mobile_device_open(const struct config *config, int home_ifindex)
{
	return fake_call("device_open");
}

int mobile_device_mtu(const struct config *config, int home_ifindex, size_t home, uint32_t mtu)
{
	return fake_call("route_mtu %u", mtu);
}

int mobile_device_lead(const struct config *config, size_t uplink, const struct mobile_road *road)
{
	return fake_call("lead %zu %s by %s", uplink, addr_text(&road->care_of),
			 road->has_router ? addr_text(&road->router) : "nobody");
}

int mobile_device_home_link(const struct config *config, size_t uplink, const struct in6_addr *home, bool there)
{
	return fake_call("home_link %zu %s", uplink, there ? "yes" : "no");
}

int mobile_device_at_home(int ifindex, const struct in6_addr *home, bool there)
{
	return fake_call("at_home %d %s", ifindex, there ? "yes" : "no");
}

void mobile_device_uplink_up(const char *name)
{
}

struct groups {
	int joined;
};

static struct groups rig_groups;

struct groups *groups_new(void)
{
	return &rig_groups;
}

void groups_free(struct groups *groups)
{
}

void groups_join(struct groups *groups, int ifindex, const struct in6_addr *target)
{
	fake_call("join %d", ifindex);
}

void groups_leave(struct groups *groups, int ifindex, const struct in6_addr *target)
{
	fake_call("leave %d", ifindex);
}

void nd_socket_poll(struct nd_socket *so)
{
}

int nd_socket_send(struct nd_socket *so, int ifindex, const struct in6_addr *src, const struct in6_addr *dst,
		   const uint8_t *icmp, size_t len)
{
	return fake_call("nd %u on %d to %s", icmp[0], ifindex, addr_text(dst));
}

static void rig_wake_at(struct gateway *gateway, struct mono when)
{
	rig.wake = when;
}

/* Never later than what was asked for before, as main.c's. */
static void rig_wake_peers_at(struct gateway *gateway, struct mono when)
{
	if (mono_before(when, rig.peers_wake))
		rig.peers_wake = when;
}

/* ---- the home agent ---- */

/* An update that was sent reaches the agent at once; its answer takes the round trip. */
static inline void agent_receives(void)
{
	struct mh_msg bu;

	if (!fake.sent_len)
		return;
	assert_int_equal(mh_parse(fake.sent, fake.sent_len, &bu).fault, MH_OK);
	fake.sent_len = 0;
	rig.updates++;
	rig.seq = bu.seq;
	if (rig.silent)
		return;
	if (rig.status < 128) {
		rig.bound = bu.lifetime_s > 0;
		rig.care_of = bu.opt.alt_care_of;
		rig.bound_until = mono_add_s(fake.now, rig.grant_s);
	}
	rig.answer = (struct answer_under_way){ .when = mono_add_ms(fake.now, RTT_MS),
						.ack = { .type = MH_BA,
							 .status = rig.status,
							 .seq = bu.seq,
							 .lifetime_s = bu.lifetime_s ? rig.grant_s : 0 },
						.routed = bu.lifetime_s > 0,
						.from = AGENT };
}

static inline void deliver(const struct mh_msg *ack, const char *from, bool routed)
{
	struct mh_input in = {
		.src = addr(from), .dst = addr(HOME), .care_of = addr(from), .routed = routed, .when = fake.now
	};

	mobile_node_on_ack(&gw, &in, ack);
	agent_receives();
}

/* Lets time pass up to @ms from now: timers and answers in their order. */
static inline void pass_ms(int64_t ms)
{
	struct mono end = mono_add_ms(fake.now, ms);
	unsigned int turns = 0;

	agent_receives();
	for (;;) {
		struct mono next = rig.wake;
		bool answer = rig.answer.from && !mono_before(next, rig.answer.when);

		if (answer)
			next = rig.answer.when;
		if (mono_before(end, next))
			break;
		assert_true(turns++ < 10000); /* time goes on */
		if (mono_before(fake.now, next))
			fake.now = next;
		if (answer) {
			struct answer_under_way got = rig.answer;

			rig.answer.from = NULL;
			deliver(&got.ack, got.from, got.routed);
		} else {
			mobile_node_tick(&gw, fake.now);
			agent_receives();
		}
	}
	fake.now = end;
}

/* ---- the world ---- */

static inline void link_is(size_t i, bool running)
{
	fake.links[i].running = running;
	fake.links[i].carrier_count++;
	mobile_node_on_link(&gw, fake.links[i].name, fake.links[i].ifindex, true);
	agent_receives();
}

static inline void address_is(int ifindex, const char *text, bool present)
{
	struct address_info info = { .ifindex = ifindex, .addr = addr(text), .present = present };

	mobile_node_on_address(&gw, &info);
	agent_receives();
}

/* A router advertisement with one prefix, L and A set; @agent: its own address in it, by the R flag. */
static inline void hear(int ifindex, const char *router, const char *prefix, bool agent)
{
	uint8_t ra[16 + 32] = { ICMP6_ROUTER_ADVERT, 0, 0, 0, 64, 0, 0x07, 0x08 };
	struct in6_addr p = addr(prefix);
	struct nd_input in = {
		.ifindex = ifindex, .src = addr(router), .data = ra, .len = sizeof(ra), .when = fake.now
	};

	ra[16] = 3;
	ra[17] = 4;
	ra[18] = 64;
	ra[19] = agent ? 0xE0 : 0xC0;
	ra[22] = 0x10; /* valid 4096 s, preferred 2048 s */
	ra[26] = 0x08;
	memcpy(ra + 32, &p, sizeof(p));
	mobile_node_on_nd(&gw, &in);
	agent_receives();
}

static inline void start(void)
{
	assert_int_equal(mobile_peers_open(&gw), 0);
	assert_int_equal(mobile_node_open(&gw), 0);
	mobile_node_start(&gw);
	agent_receives();
}

static inline int rig_setup(void **state)
{
	memset(&fake, 0, sizeof(fake));
	memset(&rig, 0, sizeof(rig));
	memset(&fake_peers, 0, sizeof(fake_peers));
	rig.peers_wake = UPDATE_NEVER;
	rig.wake = UPDATE_NEVER;
	rig.grant_s = 600;
	fake.now = mono_add_s((struct mono){ 0 }, START_S);
	for (size_t i = 0; i < 2; i++) {
		fake.links[i] = (struct link_info){ .ifindex = i ? WWAN : WLAN, .mtu = 1500, .ethernet = true };
		snprintf(fake.links[i].name, sizeof(fake.links[i].name), "%s", i ? "wwan0" : "wlan0");
		rig_uplinks[i].preference = i ? 10 : 20;
		snprintf(rig_uplinks[i].name, sizeof(rig_uplinks[i].name), "%s", fake.links[i].name);
	}
	rig_homes[0] = (struct config_home_address){ .home = addr(HOME),
						     .agent = addr(AGENT),
						     .prefix = addr("2001:db8:1::"),
						     .prefix_len = 64,
						     .lifetime_s = 600 };
	rig_config = (struct config){ .roles = ROLE_MOBILE_NODE,
				      .home_addresses = rig_homes,
				      .home_address_count = 1,
				      .uplinks = rig_uplinks,
				      .uplink_count = 2 };
	gw = (struct gateway){
		.config = &rig_config, .clock = fake_clock, .wake_at = rig_wake_at, .wake_peers_at = rig_wake_peers_at
	};
	return 0;
}

static inline int rig_teardown(void **state)
{
	mobile_peers_close(&gw);
	mobile_node_close(&gw);
	return 0;
}

#define RIG_TEST(test) cmocka_unit_test_setup_teardown(test, rig_setup, rig_teardown)

/* On link 1 by wlan0, registered there. */
static inline void settle_on_link_1(void)
{
	start();
	link_is(0, true);
	hear(WLAN, ROUTER_1, "2001:db8:f1::", false);
	address_is(WLAN, CARE_1, true);
	pass_ms(100);
	assert_int_equal(rig.entry.state, HOME_AWAY);
	fake_forget();
}

#endif
