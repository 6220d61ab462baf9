/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A gateway whose IPsec is real above a fake XFRM, and whose IKE only writes down what it is asked. */
#ifndef MOBGW_TEST_IPSEC_RIG_H
#define MOBGW_TEST_IPSEC_RIG_H

#include "fake_kernel.h"
#include "fake_sas.h"
#include "fake_xfrm.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../agent/ike.h"

#define HA "2001:db8:1::1"
#define NODE_A "2001:db8:1::100"
#define NODE_B "2001:db8:1::200"
#define NODE_C "2001:db8:1::300"
#define FIRST "2001:db8:f1::7"
#define SECOND "2001:db8:f2::7"
#define ROUTER(nodes)                                                                                                  \
	"roles: [home-agent]\ninterfaces: [{ name: eth0 }]\nhome-agent:\n  address: " HA "\n"                          \
	"  home-links: [{ prefix: 2001:db8:1::/64 }]\n  mobile-nodes: [" nodes "]\n"
#define ONE(home) "{ home-address: " home " }"
#define TABLET                                                                                                         \
	"roles: [mobile-node]\nmobile-node:\n  uplinks: [{ interface: wlan0 }]\n"                                      \
	"  home-addresses: [{ address: " NODE_A ", home-agent: " HA " }]\n  route-optimisation: none\n"
#define STATIC "ipsec: { keys: " RIG_KEYS ", payload: protected }\n"
#define KEYED "ipsec: { ike: {}, payload: protected }\n"
#define RIG_KEYS "/tmp/mobgw-ipsec-test.keys"

enum {
	OF_SIGNALLING = 4, /* policies of a home agent for a home address */
	OF_TUNNELS = 6,
};

static struct gateway gw;
#ifndef RIG_REAL_IKE
/* ---- ike.c ---- */

static uint8_t rig_ike; /* only its address */

int ike_open(struct gateway *gateway)
{
	gateway->ipsec->ike = (struct ike *)&rig_ike;
	return 0;
}

void ike_close(struct ipsec *ip)
{
}

int ike_reload_check(const struct config *config, struct ike_secrets **secrets)
{
	return 0;
}

void ike_reloaded(struct gateway *gateway, struct ike_secrets *secrets)
{
	fake_call("ike_reloaded");
}

bool ike_ready(const struct ike *ike)
{
	return true;
}

void ike_tick(struct gateway *gateway)
{
}

void ike_speak_from(struct gateway *gateway, struct ipsec_node *node, const struct in6_addr *care_of)
{
	fake_call("speak_from %s", addr_text(care_of));
}

void ike_want(struct gateway *gateway, struct ipsec_node *node, enum ipsec_child child)
{
	fake_call("want %s %s", addr_text(&node->end.home), ipsec_child_names[child]);
}

void ike_state(struct gateway *gateway, struct ipsec_node *node, enum ipsec_child child)
{
}

void ike_lost(struct gateway *gateway, struct ipsec_node *node)
{
	fake_call("lost %s", addr_text(&node->end.home));
}

void ike_renew(struct gateway *gateway, struct ipsec_node *node)
{
	fake_call("renew %s", addr_text(&node->end.home));
}

#endif

/* ---- files ---- */

static inline uint32_t rig_spi(size_t node, int child, bool to_node)
{
	return 0x1000 + 16 * node + 2 * child + to_node;
}

static const char *const rig_homes[] = { NODE_A, NODE_B, NODE_C };

/* Keys of all children of @rig_homes; @octets: one for each of them, of which its keys are made. */
static inline void rig_write_keys(const uint8_t octets[ARRAY_SIZE(rig_homes)])
{
	FILE *file;

	unlink(RIG_KEYS);
	umask(0077);
	file = fopen(RIG_KEYS, "w");
	assert_non_null(file);
	for (size_t i = 0; i < ARRAY_SIZE(rig_homes); i++)
		for (int child = 0; child < IPSEC_CHILDREN; child++)
			for (int to_node = 0; to_node < 2; to_node++) {
				uint32_t spi = rig_spi(i, child, to_node);

				fprintf(file, "%s %s %s 0x%x aes128-gcm ", rig_homes[i], ipsec_child_names[child],
					to_node ? "to-node" : "to-agent", spi);
				for (int k = 0; k < 18; k++) /* two keys are never the same: the SPI is in them */
					fprintf(file, "%02x", octets[i]);
				fprintf(file, "%04x\n", spi & 0xFFFF);
			}
	fclose(file);
}

static inline struct config *rig_config(const char *text)
{
	struct config *config;

	assert_int_equal(config_parse(text, strlen(text), "F", &config, stderr), 0);
	return config;
}

/* ---- life ---- */

/* Opens; the roles adopt nothing. */
static inline int rig_try(const char *text)
{
	gw = (struct gateway){ .config = rig_config(text), .clock = fake_clock };
	return ipsec_open(&gw);
}

static inline void rig_start(const char *text)
{
	assert_int_equal(rig_try(text), 0);
	assert_int_equal(ipsec_settle(&gw), 0);
	fake_deliver();
}

/* The daemon ends, and what it set stays. */
static inline void rig_stop(void)
{
	ipsec_close(&gw);
	config_free(gw.config);
	gw.config = NULL;
}

static inline void rig_reload(const char *text)
{
	struct config *config = rig_config(text), old;
	struct ipsec_secrets fresh;

	assert_int_equal(ipsec_reload_check(&gw, config, &fresh), 0);
	old = *gw.config;
	*gw.config = *config;
	*config = old;
	config_free(config);
	ipsec_reloaded(&gw, &fresh);
	fake_deliver();
}

static inline int rig_setup(void **state)
{
	memset(&fake, 0, sizeof(fake));
	memset(&fake_sas, 0, sizeof(fake_sas));
	memset(&fake_xfrm, 0, sizeof(fake_xfrm));
	fake.now.ns = 1000LL * 1000000000;
	rig_write_keys((uint8_t[]){ 0x11, 0x11, 0x11 });
	return 0;
}

static inline int rig_teardown(void **state)
{
	if (gw.config)
		rig_stop();
	unlink(RIG_KEYS);
	return 0;
}

/* ---- what stands ---- */

static inline struct ipsec_node *rig_node(const char *home)
{
	struct in6_addr a = addr(home);
	struct ipsec_node *node = ipsec_node(gw.ipsec, &a);

	assert_non_null(node);
	return node;
}

static inline int rig_bound(const char *home, const char *care_of)
{
	struct in6_addr a = addr(home), b = addr(care_of);

	return ipsec_bound(&gw, &a, &b);
}

static inline void rig_unbound(const char *home)
{
	struct in6_addr a = addr(home);

	ipsec_unbound(&gw, &a);
}

/* Everything that the plan wants for @home stands in the kernel, as the plan says. */
static inline void rig_expect_planned(const char *home)
{
	struct xfrm_policy_spec plan[IPSEC_POLICIES_MAX];
	size_t count = ipsec_policies(&rig_node(home)->end, plan);

	for (size_t i = 0; i < count; i++) {
		size_t at = fake_policy(&plan[i]);

		CHECK_CASE(i, at < FAKE_ROOM && ipsec_same_policy(&fake_xfrm.policies[at].spec, &plan[i]));
	}
}

/* As somebody else sets them: of charon's traps, or by hand. */
static inline struct xfrm_policy_spec rig_foreign_policy(enum xfrm_way way, const char *src, const char *dst)
{
	struct xfrm_policy_spec p = { .way = way, .priority = 100, .reqid = 7 };

	if (src) {
		p.sel.src = addr(src);
		p.sel.src_len = 128;
	}
	if (dst) {
		p.sel.dst = addr(dst);
		p.sel.dst_len = 128;
	}
	return p;
}

#endif
