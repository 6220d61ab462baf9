/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A home agent over the fake kernel layer, in virtual time: one home link with a device, one virtual. */
#ifndef MOBGW_TEST_HOME_AGENT_RIG_H
#define MOBGW_TEST_HOME_AGENT_RIG_H

#include "fake_kernel.h"

#include <stdlib.h>

#define AGENT "2001:db8:1::1"
#define NODE "2001:db8:1::100"	  /* on home0 */
#define OTHER "2001:db8:1::200"	  /* on home0 */
#define VIRTUAL "2001:db8:2::100" /* on the virtual link: registered without detection */
#define CARE_OF "2001:db8:f1::2"
#define CARE_OF_2 "2001:db8:f2::2"

enum { USUAL = BU_ACK | BU_HOME, HOME_IFINDEX = 7, IN_IFINDEX = 3, START_S = 1000, RIG_NODES = 3 };

/* Where messages come in: only what came by an attached interface may bear a tag of the data path. */
static struct config_interface rig_interfaces[1] = { { .name = "wan", .mode = ATTACH_NATIVE } };
static struct attachment rig_attachments[1] = { { .name = "wan", .ifindex = IN_IFINDEX, .mode = ATTACH_NATIVE } };

static struct config_home_link rig_links[2];
static struct config_mobile_node rig_nodes[RIG_NODES];
static struct config rig_config;
static struct gateway gw;

static void rig_wake_peers_at(struct gateway *gateway, struct mono when)
{
}

static inline int rig_setup(void **state)
{
	memset(&fake, 0, sizeof(fake));
	memset(&fake_peers, 0, sizeof(fake_peers));
	fake.now = mono_add_s((struct mono){ 0 }, START_S);
	fake.links[0] = (struct link_info){ .name = "home0", .ifindex = HOME_IFINDEX, .ethernet = true, .up = true };
	rig_links[0] = (struct config_home_link){
		.prefix = addr("2001:db8:1::"), .prefix_len = 64, .interface = "home0", .max_lifetime_s = 3600
	};
	rig_links[1] =
		(struct config_home_link){ .prefix = addr("2001:db8:2::"), .prefix_len = 64, .max_lifetime_s = 3600 };
	rig_nodes[0] = (struct config_mobile_node){ .home = addr(NODE) };
	rig_nodes[1] = (struct config_mobile_node){ .home = addr(OTHER) };
	rig_nodes[2] = (struct config_mobile_node){ .home = addr(VIRTUAL) };
	rig_config = (struct config){ .agent = addr(AGENT),
				      .interfaces = rig_interfaces,
				      .interface_count = 1,
				      .home_links = rig_links,
				      .home_link_count = 2,
				      .mobile_nodes = rig_nodes,
				      .mobile_node_count = RIG_NODES,
				      .max_bindings = 100,
				      .peer_bindings = 100,
				      .peer_lifetime_s = RR_BINDING_LIFETIME_S,
				      .dad_transmits = 1 };
	gw = (struct gateway){ .config = &rig_config,
			       .clock = fake_clock,
			       .wake_peers_at = rig_wake_peers_at,
			       .attachments = rig_attachments,
			       .nh = (struct nexthops *)&fake, /* only whether it is there matters */
			       .bindings = binding_cache_new(100) };
	assert_non_null(gw.bindings);
	assert_int_equal(correspondent_open(&gw), 0);
	assert_int_equal(home_agent_open(&gw), 0);
	EXPECT_CALLS("home_links_set 2001:db8:1::/64:7 2001:db8:2::/64:0");
	return 0;
}

static inline int rig_count_active(struct binding_entry *entry, void *arg)
{
	*(int *)arg += entry->state == BINDING_ACTIVE;
	return 0;
}

/* Whatever happened: one reference to a next hop for each live binding. */
static inline int rig_teardown(void **state)
{
	int active = 0;

	binding_for_each(gw.bindings, rig_count_active, &active);
	assert_int_equal(fake_references(), active);
	home_agent_close(&gw);
	correspondent_close(&gw);
	binding_cache_free(gw.bindings);
	return 0;
}

static inline void rig_advance_ms(int64_t ms)
{
	fake.now = mono_add_ms(fake.now, ms);
}

/* A binding update now; @care_of NULL: from the home link, without option. */
static inline void rig_bu(const char *home, const char *care_of, uint16_t seq, uint16_t flags, uint32_t lifetime_s)
{
	struct mh_msg bu = { .type = MH_BU, .seq = seq, .flags = flags, .lifetime_s = lifetime_s };
	struct mh_input in = { .src = addr(home), .dst = addr(AGENT), .has_home = care_of != NULL, .when = fake.now };

	in.care_of = care_of ? addr(care_of) : in.src;
	home_agent_on_bu(&gw, &in, &bu);
}

static inline void rig_dad_done(const char *home, bool unique)
{
	struct in6_addr a = addr(home);

	home_agent_on_dad_done(&gw, &a, unique);
}

static inline struct binding_entry *rig_find(const char *home)
{
	struct in6_addr a = addr(home);

	return binding_find(gw.bindings, &a);
}

/* Registered and live, whatever the link; the calls are forgotten. */
static inline void rig_registered(const char *home, const char *care_of, uint16_t seq, uint16_t flags,
				  uint32_t lifetime_s)
{
	rig_bu(home, care_of, seq, flags, lifetime_s);
	rig_dad_done(home, true);
	assert_non_null(rig_find(home));
	assert_int_equal(rig_find(home)->state, BINDING_ACTIVE);
	fake_forget();
}

#endif
