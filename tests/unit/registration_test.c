// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What becomes of a binding update, as tables: RFC 6275 §9.5.1, §10.3.1, §10.3.2. The home agent is 2001:db8:1::1. */
#include "check.h"

#include "../../agent/gateway.h"

#define NODE "2001:db8:1::100"
#define CARE_OF "2001:db8:f1::2"
#define BOUND "2001:db8:1::200" /* has a binding with the number 100 */

enum { USUAL = BU_ACK | BU_HOME, BOUND_SEQ = 100, LONG = 262140 };

static struct config_home_link home_links[] = {
	{ .prefix_len = 64, .interface = "home0", .max_lifetime_s = 3600 },
	{ .prefix_len = 64, .max_lifetime_s = 1003 }, /* virtual */
};
static struct config_mobile_node nodes[4];
static struct config config = { .home_links = home_links,
				.home_link_count = ARRAY_SIZE(home_links),
				.mobile_nodes = nodes,
				.mobile_node_count = ARRAY_SIZE(nodes),
				.max_bindings = 4 };
static uint32_t prefix_left_s[LIMIT_HOME_LINKS];

static struct binding_cache *new_cache(void)
{
	const struct binding_request bound = { .home = addr(BOUND),
					       .care_of = addr("2001:db8:f1::9"),
					       .seq = BOUND_SEQ,
					       .flags = USUAL,
					       .lifetime_s = 400 };
	struct binding_cache *cache = binding_cache_new(config.max_bindings);
	struct binding_entry *entry;

	assert_non_null(cache);
	assert_int_equal(binding_update(cache, &bound, (struct mono){ 0 }, &entry), 0);
	binding_activate(entry);
	return cache;
}

static int setup(void **state)
{
	home_links[0].prefix = addr("2001:db8:1::");
	home_links[1].prefix = addr("2001:db8:2::");
	config.agent = addr("2001:db8:1::1");
	nodes[0].home = addr(NODE);
	nodes[1].home = addr(BOUND);
	nodes[2] = (struct config_mobile_node){ .home = addr("2001:db8:1::300"), .max_lifetime_s = 602 };
	nodes[3].home = addr("2001:db8:2::100");
	for (size_t i = 0; i < LIMIT_HOME_LINKS; i++)
		prefix_left_s[i] = UINT32_MAX;
	config.max_bindings = 4;
	return 0;
}

/* A binding update: with @care_of NULL from the home link without option; flags and lifetime as given. */
struct update {
	const char *home, *care_of;
	uint16_t seq, flags;
	uint32_t lifetime_s;
	const char *alternate;
	bool nonces;
};

static struct registration_decision decide_with(struct binding_cache *cache, const struct update *u)
{
	struct mh_msg bu = { .type = MH_BU, .seq = u->seq, .flags = u->flags, .lifetime_s = u->lifetime_s };
	struct mh_input in = { .src = addr(u->home), .dst = config.agent, .has_home = u->care_of != NULL };

	in.care_of = u->care_of ? addr(u->care_of) : in.src;
	bu.opt.has_nonce_indices = u->nonces;
	bu.opt.has_alt_care_of = u->alternate != NULL;
	if (u->alternate)
		bu.opt.alt_care_of = addr(u->alternate);
	return registration_decide(&config, cache, prefix_left_s, &in, &bu);
}

static struct registration_decision decide(const struct update *u)
{
	struct binding_cache *cache = new_cache();
	struct registration_decision d = decide_with(cache, u);

	assert_int_equal(binding_count(cache), 1); /* a decision changes nothing */
	assert_int_equal(binding_find(cache, &nodes[1].home)->seq, BOUND_SEQ);
	binding_cache_free(cache);
	return d;
}

static void every_answer_has_its_status_and_number(void **state)
{
	static const struct {
		struct update update;
		enum registration_action action;
		uint8_t status;
		uint16_t seq;
	} cases[] = {
		/* created, renewed, moved */
		{ { NODE, CARE_OF, 0, USUAL, 400, NULL, false }, REGISTRATION_ACCEPT, BA_ACCEPTED, 0 },
		{ { NODE, CARE_OF, 65535, USUAL | BU_LINK_LOCAL | BU_KEY, 400, NULL, false },
		  REGISTRATION_ACCEPT,
		  BA_ACCEPTED,
		  65535 },
		{ { NODE, CARE_OF, 7, BU_HOME, 400, NULL, false }, REGISTRATION_ACCEPT, BA_ACCEPTED, 7 },
		{ { BOUND, "2001:db8:f1::9", 101, USUAL, 400, NULL, false }, REGISTRATION_ACCEPT, BA_ACCEPTED, 101 },
		{ { BOUND, CARE_OF, 101, USUAL, 400, NULL, false }, REGISTRATION_ACCEPT, BA_ACCEPTED, 101 },
		{ { BOUND, CARE_OF, 100 + 32767, USUAL, 400, NULL, false },
		  REGISTRATION_ACCEPT,
		  BA_ACCEPTED,
		  100 + 32767 },
		/* deleted */
		{ { BOUND, CARE_OF, 101, USUAL, 0, NULL, false }, REGISTRATION_DELETE, BA_ACCEPTED, 101 },
		{ { BOUND, NULL, 101, USUAL, 0, NULL, false }, REGISTRATION_DELETE, BA_ACCEPTED, 101 },
		{ { BOUND, NULL, 101, USUAL, 400, NULL, false }, REGISTRATION_DELETE, BA_ACCEPTED, 101 },
		{ { BOUND, BOUND, 101, USUAL, 400, NULL, false }, REGISTRATION_DELETE, BA_ACCEPTED, 101 },
		{ { BOUND, CARE_OF, 101, USUAL, 400, BOUND, false }, REGISTRATION_DELETE, BA_ACCEPTED, 101 },
		/* 129: on our link, but not named */
		{ { "2001:db8:1::999", CARE_OF, 7, USUAL, 400, NULL, false }, REGISTRATION_REFUSE, BA_PROHIBITED, 7 },
		/* 132: on no link of ours */
		{ { "2001:db8:9::100", CARE_OF, 7, USUAL, 400, NULL, false },
		  REGISTRATION_REFUSE,
		  BA_NOT_HOME_SUBNET,
		  7 },
		/* 133: nothing to delete */
		{ { NODE, CARE_OF, 7, USUAL, 0, NULL, false }, REGISTRATION_REFUSE, BA_NOT_HOME_AGENT, 7 },
		{ { NODE, NULL, 7, USUAL, 400, NULL, false }, REGISTRATION_REFUSE, BA_NOT_HOME_AGENT, 7 },
		{ { "2001:db8:9::100", NULL, 7, USUAL, 0, NULL, false }, REGISTRATION_REFUSE, BA_NOT_HOME_AGENT, 7 },
		/* 135, with the cached number: of registrations, deletions, and before the type is looked at */
		{ { BOUND, CARE_OF, 100, USUAL, 400, NULL, false }, REGISTRATION_REFUSE, BA_SEQUENCE, BOUND_SEQ },
		{ { BOUND, CARE_OF, 99, USUAL, 400, NULL, false }, REGISTRATION_REFUSE, BA_SEQUENCE, BOUND_SEQ },
		{ { BOUND, CARE_OF, 100 + 32768, USUAL, 400, NULL, false },
		  REGISTRATION_REFUSE,
		  BA_SEQUENCE,
		  BOUND_SEQ },
		{ { BOUND, CARE_OF, 100, USUAL, 0, NULL, false }, REGISTRATION_REFUSE, BA_SEQUENCE, BOUND_SEQ },
		{ { BOUND, NULL, 100, USUAL, 0, NULL, false }, REGISTRATION_REFUSE, BA_SEQUENCE, BOUND_SEQ },
		{ { BOUND, CARE_OF, 100, BU_ACK, 400, NULL, false }, REGISTRATION_REFUSE, BA_SEQUENCE, BOUND_SEQ },
		{ { BOUND, "2001:db8:1::1", 100, USUAL, 400, NULL, false },
		  REGISTRATION_REFUSE,
		  BA_SEQUENCE,
		  BOUND_SEQ },
		/* 139: H taken away */
		{ { BOUND, CARE_OF, 101, BU_ACK, 400, NULL, false }, REGISTRATION_REFUSE, BA_TYPE_CHANGE, 101 },
		{ { BOUND, CARE_OF, 101, 0, 0, NULL, false }, REGISTRATION_REFUSE, BA_TYPE_CHANGE, 101 },
		{ { BOUND, CARE_OF, 101, BU_ACK, 400, NULL, true }, REGISTRATION_REFUSE, BA_TYPE_CHANGE, 101 },
		/* 140: mobile routers aren't taken */
		{ { NODE, CARE_OF, 7, USUAL | BU_ROUTER, 400, NULL, false },
		  REGISTRATION_REFUSE,
		  BA_ROUTER_NOT_PERMITTED,
		  7 },
		/* 174: the tunnel would end at ourselves or inside another one */
		{ { NODE, "2001:db8:1::1", 7, USUAL, 400, NULL, false }, REGISTRATION_REFUSE, BA_BAD_CARE_OF, 7 },
		{ { NODE, BOUND, 7, USUAL, 400, NULL, false }, REGISTRATION_REFUSE, BA_BAD_CARE_OF, 7 },
		{ { NODE, CARE_OF, 7, USUAL, 400, "2001:db8:2::100", false }, REGISTRATION_REFUSE, BA_BAD_CARE_OF, 7 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct registration_decision d = decide(&cases[i].update);

		CHECK_CASE(i, d.action == cases[i].action);
		CHECK_CASE(i, d.status == cases[i].status);
		CHECK_CASE(i, d.seq == cases[i].seq);
		CHECK_CASE(i, (d.lifetime_s > 0) == (d.action == REGISTRATION_ACCEPT));
	}
}

static void what_the_rfc_wants_ignored_is_discarded_silently(void **state)
{
	static const struct {
		struct update update;
		enum agent_reason why;
	} cases[] = {
		/* addresses: neither home, care-of nor alternate care-of address may be anything but unicast and
		   routable */
		{ { "fe80::1", CARE_OF, 7, USUAL, 400, NULL, false }, AGENT_BAD_ADDRESS },
		{ { "ff02::1", CARE_OF, 7, USUAL, 400, NULL, false }, AGENT_BAD_ADDRESS },
		{ { "::", CARE_OF, 7, USUAL, 0, NULL, false }, AGENT_BAD_ADDRESS },
		{ { "::1", CARE_OF, 7, USUAL, 400, NULL, false }, AGENT_BAD_ADDRESS },
		{ { "::ffff:192.0.2.1", CARE_OF, 7, USUAL, 400, NULL, false }, AGENT_BAD_ADDRESS },
		{ { NODE, "fe80::2", 7, USUAL, 400, NULL, false }, AGENT_BAD_ADDRESS },
		{ { NODE, CARE_OF, 7, USUAL, 400, "ff0e::1", false }, AGENT_BAD_ADDRESS },
		{ { NODE, CARE_OF, 7, USUAL, 400, "fe80::1", false }, AGENT_BAD_ADDRESS },
		{ { NODE, CARE_OF, 7, USUAL, 400, "::", false }, AGENT_BAD_ADDRESS },
		{ { BOUND, CARE_OF, 101, USUAL, 0, "::1", false }, AGENT_BAD_ADDRESS },
		/* no correspondent node here */
		{ { NODE, CARE_OF, 7, BU_ACK, 400, NULL, false }, AGENT_MH_UNWANTED },
		{ { NODE, CARE_OF, 7, BU_ACK, 400, NULL, true }, AGENT_MH_UNWANTED },
		{ { NODE, CARE_OF, 7, 0, 0, NULL, false }, AGENT_MH_UNWANTED },
		{ { "2001:db8:9::100", CARE_OF, 7, BU_ACK, 400, NULL, false }, AGENT_MH_UNWANTED },
		/* nonces never stand in a home registration */
		{ { NODE, CARE_OF, 7, USUAL, 400, NULL, true }, AGENT_MH_UNWANTED },
		{ { BOUND, CARE_OF, 101, USUAL, 0, NULL, true }, AGENT_MH_UNWANTED },
		/* away, but the home address is not in an option */
		{ { NODE, NULL, 7, USUAL, 400, CARE_OF, false }, AGENT_MH_UNWANTED },
		{ { BOUND, NULL, 101, USUAL, 400, CARE_OF, false }, AGENT_MH_UNWANTED },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct registration_decision d = decide(&cases[i].update);

		CHECK_CASE(i, d.action == REGISTRATION_DISCARD);
		CHECK_CASE(i, d.discard == cases[i].why);
	}
}

/* RFC 6275 §9.5.1, §10.3.1: the least of all, in units of 4 seconds. */
static void a_lifetime_is_never_above_what_was_asked_allowed_or_left(void **state)
{
	static const struct {
		const char *home;
		uint32_t asked_s, prefix_s, granted_s;
	} cases[] = {
		{ NODE, 4, UINT32_MAX, 4 },
		{ NODE, 3596, UINT32_MAX, 3596 },
		{ NODE, 3600, UINT32_MAX, 3600 },
		{ NODE, LONG, UINT32_MAX, 3600 }, /* the link's */
		{ NODE, 3604, LONG, 3600 },
		{ "2001:db8:1::300", 600, UINT32_MAX, 600 },
		{ "2001:db8:1::300", 604, UINT32_MAX, 600 },   /* the node's 602 */
		{ "2001:db8:2::100", LONG, UINT32_MAX, 1000 }, /* the link's 1003 */
		{ NODE, 400, 400, 400 },
		{ NODE, 400, 399, 396 }, /* the prefix' */
		{ "2001:db8:1::300", LONG, 7, 4 },
		{ NODE, 400, 4, 4 },
		{ NODE, 400, 3, 0 }, /* nothing that could be granted */
		{ NODE, 400, 0, 0 },
		{ "2001:db8:2::100", 400, 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct update update = {
			.home = cases[i].home, .care_of = CARE_OF, .flags = USUAL, .lifetime_s = cases[i].asked_s
		};
		struct in6_addr home = addr(cases[i].home);
		struct registration_decision d;

		prefix_left_s[0] = prefix_left_s[1] = 12; /* another link's doesn't count */
		prefix_left_s[config_home_link(&config, &home)] = cases[i].prefix_s;
		d = decide(&update);
		CHECK_CASE(i, d.lifetime_s == cases[i].granted_s);
		CHECK_CASE(i, d.action == (cases[i].granted_s ? REGISTRATION_ACCEPT : REGISTRATION_REFUSE));
		CHECK_CASE(i, cases[i].granted_s || d.status == BA_NOT_HOME_SUBNET);
	}
}

static void a_binding_can_be_deleted_though_its_prefix_is_gone(void **state)
{
	const struct update update = { BOUND, CARE_OF, 101, USUAL, 0, NULL, false };

	prefix_left_s[0] = 0;
	assert_int_equal(decide(&update).action, REGISTRATION_DELETE);
}

static void a_full_cache_refuses_new_nodes_and_renews_and_deletes_old_ones(void **state)
{
	static const struct {
		struct update update;
		enum registration_action action;
		uint8_t status;
	} cases[] = {
		{ { NODE, CARE_OF, 7, USUAL, 400, NULL, false }, REGISTRATION_REFUSE, BA_NO_RESOURCES },
		{ { "2001:db8:1::999", CARE_OF, 7, USUAL, 400, NULL, false }, REGISTRATION_REFUSE, BA_PROHIBITED },
		{ { BOUND, CARE_OF, 101, USUAL, 400, NULL, false }, REGISTRATION_ACCEPT, BA_ACCEPTED },
		{ { BOUND, CARE_OF, 101, USUAL, 0, NULL, false }, REGISTRATION_DELETE, BA_ACCEPTED },
	};

	config.max_bindings = 1;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct registration_decision d = decide(&cases[i].update);

		CHECK_CASE(i, d.action == cases[i].action && d.status == cases[i].status);
	}
}

/* RFC 6275 §6.2.5, §9.5.1, §9.5.4: the alternate address is registered, the answer goes by where the update came from.
 */
static void the_decision_names_addresses_and_link(void **state)
{
	static const struct {
		struct update update;
		const char *care_of;
		int home_link;
		bool from_home;
	} cases[] = {
		{ { NODE, CARE_OF, 7, USUAL, 400, NULL, false }, CARE_OF, 0, false },
		{ { NODE, CARE_OF, 7, USUAL, 400, "2001:db8:f2::7", false }, "2001:db8:f2::7", 0, false },
		{ { "2001:db8:2::100", CARE_OF, 7, USUAL, 400, NULL, false }, CARE_OF, 1, false },
		{ { "2001:db8:9::100", CARE_OF, 7, USUAL, 400, NULL, false }, CARE_OF, -1, false },
		{ { BOUND, NULL, 101, USUAL, 0, NULL, false }, BOUND, 0, true },
		{ { BOUND, BOUND, 101, USUAL, 0, NULL, false },
		  BOUND,
		  0,
		  false }, /* in an option, so it isn't at home */
		{ { "2001:db8:9::100", NULL, 7, USUAL, 0, NULL, false }, "2001:db8:9::100", -1, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct registration_decision d = decide(&cases[i].update);
		struct in6_addr home = addr(cases[i].update.home), care_of = addr(cases[i].care_of);

		CHECK_CASE(i, addr_equal(&d.home, &home) && addr_equal(&d.care_of, &care_of));
		CHECK_CASE(i, d.home_link == cases[i].home_link && d.from_home == cases[i].from_home);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(every_answer_has_its_status_and_number, setup),
		cmocka_unit_test_setup(what_the_rfc_wants_ignored_is_discarded_silently, setup),
		cmocka_unit_test_setup(a_lifetime_is_never_above_what_was_asked_allowed_or_left, setup),
		cmocka_unit_test_setup(a_binding_can_be_deleted_though_its_prefix_is_gone, setup),
		cmocka_unit_test_setup(a_full_cache_refuses_new_nodes_and_renews_and_deletes_old_ones, setup),
		cmocka_unit_test_setup(the_decision_names_addresses_and_link, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
