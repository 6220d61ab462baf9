// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Movement detection in virtual time: which address, router and home link are believed after what was heard. RFC 6275
 * §11.5.1-11.5.4. */
#include <stdlib.h>

#include "check.h"

#include "../../agent/movement_priv.h"

#define R1 "fe80::a1"
#define R2 "fe80::a2"
#define P1 "2001:db8:f1::"
#define P2 "2001:db8:f2::"
#define A1 "2001:db8:f1::2"
#define A2 "2001:db8:f2::2"
#define HOME_PREFIX "2001:db8:1::"
#define HOME "2001:db8:1::100"
#define AGENT "2001:db8:1::1"

static struct config_home_address homes[1];
static struct config_uplink uplinks[2];
static struct config config;
static struct movement *m;
static struct mono now, wake;
static unsigned int solicits, probes;
static struct in6_addr probed;

static void on_solicit(void *arg, size_t uplink)
{
	solicits++;
}

static void on_probe(void *arg, size_t uplink, const struct in6_addr *router)
{
	probes++;
	probed = *router;
}

static int fresh(void **state)
{
	struct movement_calls calls = { .solicit = on_solicit, .probe = on_probe };

	homes[0] = (struct config_home_address){
		.home = addr(HOME), .agent = addr(AGENT), .prefix = addr(HOME_PREFIX), .prefix_len = 64
	};
	config = (struct config){
		.home_addresses = homes, .home_address_count = 1, .uplinks = uplinks, .uplink_count = 2
	};
	now = mono_add_s((struct mono){ 0 }, 1000);
	solicits = probes = 0;
	m = movement_new(&config, &calls);
	return m ? 0 : -1;
}

static int gone(void **state)
{
	movement_free(m);
	return 0;
}

/* Serves what is due until @ms from now. */
static void pass_ms(int64_t ms)
{
	struct mono end = mono_add_ms(now, ms);

	wake = movement_tick(m, now);
	for (unsigned int i = 0; !mono_before(end, wake); i++) {
		assert_true(i < 1000 && mono_before(now, wake)); /* no busy loop */
		now = wake;
		wake = movement_tick(m, now);
	}
	now = end;
	movement_tick(m, now);
}

static void link_up(uint32_t epoch)
{
	movement_link(m, 0, true, epoch, now);
	pass_ms(0);
}

static void has(const char *text, bool present)
{
	movement_address(m, 0, &(struct movement_address){ .addr = addr(text) }, present, now);
}

/* What a router says; prefix NULL: none. */
struct said {
	const char *router, *prefix;
	uint32_t interval_ms;
	uint8_t mac;
	uint16_t lifetime_s; /* 0: 1800 */
	uint32_t valid_s;    /* 0: 3600 */
	bool no_router, not_on_link, agent;
	uint8_t len; /* 0: 64 */
};

static void hear(struct said said)
{
	struct nd_router_advert ra = { .lifetime_s = said.no_router    ? 0
						     : said.lifetime_s ? said.lifetime_s
								       : 1800,
				       .interval_ms = said.interval_ms,
				       .has_mac = said.mac,
				       .mac = { 2, 0, 0, 0, 0, said.mac },
				       .mtu = 1400,
				       .prefix_count = said.prefix ? 1 : 0 };
	struct in6_addr router = addr(said.router);

	if (said.prefix)
		ra.prefixes[0] = (struct nd_prefix){ .prefix = addr(said.agent ? AGENT : said.prefix),
						     .len = said.len ? said.len : 64,
						     .on_link = !said.not_on_link,
						     .autonomous = true,
						     .router_address = said.agent,
						     .valid_s = said.valid_s ? said.valid_s : 3600,
						     .preferred_s = 10 };
	movement_router_advert(m, 0, &router, &ra, now);
}

static void answers(const char *router)
{
	struct in6_addr a = addr(router);

	movement_router_reachable(m, 0, &a, now);
}

static bool uses(const char *care_of, const char *router)
{
	struct movement_point point;

	movement_point(m, 0, &point);
	if (!care_of)
		return !point.usable;
	return point.usable && addr_equal(&point.care_of, &(struct in6_addr[]){ addr(care_of) }[0]) &&
	       point.has_router == (router != NULL) &&
	       (!router || addr_equal(&point.router, &(struct in6_addr[]){ addr(router) }[0]));
}

static void on_link_1(void)
{
	link_up(1);
	hear((struct said){ .router = R1, .prefix = P1 });
	has(A1, true);
	assert_true(uses(A1, R1));
}

static void a_new_address_is_believed_at_once(void **state)
{
	link_up(1);
	has(A1, true);
	assert_true(uses(A1, NULL));
	has(A1, false);
	assert_true(uses(NULL, NULL));
}

static void after_a_change_of_carrier_the_old_address_waits_for_its_router(void **state)
{
	on_link_1();
	movement_link(m, 0, false, 1, now);
	assert_true(uses(NULL, NULL));
	link_up(2);
	assert_true(uses(NULL, NULL));
	hear((struct said){ .router = R1, .prefix = P1 });
	assert_true(uses(A1, R1));
}

static void a_carrier_that_was_lost_unseen_is_a_change_too(void **state)
{
	on_link_1();
	link_up(3);
	assert_true(uses(NULL, NULL));
}

static void on_another_link_the_new_address_is_used_and_not_the_old(void **state)
{
	on_link_1();
	link_up(2);
	hear((struct said){ .router = R2, .prefix = P2 });
	assert_true(uses(NULL, NULL));
	has(A2, true);
	assert_true(uses(A2, R2));
	pass_ms(5000);
	assert_true(uses(A2, R2));
}

static void where_no_router_ever_was_silence_confirms_a_static_address(void **state)
{
	link_up(1);
	has(A1, true);
	link_up(2);
	assert_true(uses(NULL, NULL));
	pass_ms(999);
	assert_true(uses(NULL, NULL));
	pass_ms(1);
	assert_true(uses(A1, NULL));
}

static void an_address_of_no_prefix_is_believed_when_its_router_is_heard_again(void **state)
{
	link_up(1);
	hear((struct said){ .router = R1 }); /* DHCPv6: no prefix is advertised */
	has(A1, true);
	link_up(2);
	hear((struct said){ .router = R2, .prefix = P2 });
	assert_true(uses(NULL, NULL));
	link_up(3);
	hear((struct said){ .router = R1 });
	assert_true(uses(A1, R1));
}

static void solicitations_go_at_once_and_three_times_until_somebody_answers(void **state)
{
	link_up(1);
	assert_int_equal(solicits, 1);
	pass_ms(999);
	assert_int_equal(solicits, 1);
	pass_ms(10000);
	assert_int_equal(solicits, 3);
	movement_solicit_again(m, 0, now);
	pass_ms(0);
	assert_int_equal(solicits, 4);
	hear((struct said){ .router = R1, .prefix = P1 });
	pass_ms(10000);
	movement_solicit_again(m, 0, now);
	pass_ms(10000);
	assert_int_equal(solicits, 4);
}

static void beside_another_router_the_one_in_use_is_probed(void **state)
{
	on_link_1();
	pass_ms(5000);
	hear((struct said){ .router = R2, .prefix = P2 });
	has(A2, true);
	pass_ms(0);
	assert_int_equal(probes, 1);
	assert_true(addr_equal(&probed, &(struct in6_addr[]){ addr(R1) }[0]));
	answers(R1);
	pass_ms(2000);
	assert_int_equal(probes, 1);
	assert_true(uses(A1, R1)); /* it is there: no move */
	hear((struct said){ .router = R2, .prefix = P2 });
	pass_ms(599);
	assert_int_equal(probes, 4);
	assert_true(uses(A1, R1));
	pass_ms(1);
	assert_true(uses(A2, R2)); /* three times no answer */
	answers(R1);		   /* nobody was asked any more */
	assert_true(uses(A2, R2));
	hear((struct said){ .router = R1, .prefix = P1 });
	assert_true(uses(A2, R2)); /* back, and no reason to go back */
}

static void an_advertisement_overdue_is_asked_about(void **state)
{
	link_up(1);
	hear((struct said){ .router = R1, .prefix = P1, .interval_ms = 1000 });
	has(A1, true);
	pass_ms(1199);
	assert_int_equal(probes, 0);
	pass_ms(1);
	assert_int_equal(probes, 1);
	answers(R1);
	pass_ms(1199);
	assert_int_equal(probes, 1);
	pass_ms(1);
	assert_int_equal(probes, 2);
	pass_ms(600);
	assert_true(uses(NULL, NULL));
	hear((struct said){ .router = R1, .prefix = P1 }); /* says no interval: never overdue */
	pass_ms(60000);
	assert_true(uses(A1, R1));
	assert_int_equal(probes, 4);
}

static void routers_of_the_same_name_on_two_links_are_told_apart(void **state)
{
	static const struct {
		const char *sentence;
		uint8_t mac;
		unsigned int adverts; /* until the old prefix is given up */
	} cases[] = { { "by their link-layer address", 2, 1 }, { "or by what they no longer say", 1, 2 } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		link_up(1);
		hear((struct said){ .router = R1, .prefix = P1, .mac = 1 });
		has(A1, true);
		for (unsigned int n = 0; n < cases[i].adverts; n++) {
			CHECK_CASE(i, uses(A1, R1));
			hear((struct said){ .router = R1, .prefix = P2, .mac = cases[i].mac });
		}
		CHECK_CASE(i, uses(NULL, NULL));
		has(A2, true);
		CHECK_CASE(i, uses(A2, R1));
		gone(state);
		fresh(state);
	}
}

static void prefixes_spread_over_two_advertisements_stay(void **state)
{
	link_up(1);
	has(A1, true);
	for (int i = 0; i < 10; i++) {
		hear((struct said){ .router = R1, .prefix = P1, .mac = 1 });
		hear((struct said){ .router = R1, .prefix = P2, .mac = 1 });
		assert_true(uses(A1, R1));
	}
}

static void the_home_link_is_known_by_its_prefix(void **state)
{
	static const struct {
		const char *sentence;
		struct said said;
		bool home;
	} cases[] = {
		{ "on-link, of the same length", { .router = R1, .prefix = HOME_PREFIX }, true },
		{ "another prefix", { .router = R1, .prefix = P1 }, false },
		{ "not on-link", { .router = R1, .prefix = HOME_PREFIX, .not_on_link = true }, false },
		{ "a longer one", { .router = R1, .prefix = HOME_PREFIX, .len = 80 }, false },
		{ "a shorter one", { .router = R1, .prefix = "2001:db8::", .len = 32 }, false },
		{ "by the agent, which tells its address",
		  { .router = R1, .prefix = HOME_PREFIX, .agent = true },
		  true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct in6_addr agent, router;

		link_up(1);
		hear(cases[i].said);
		CHECK_CASE(i, movement_at_home(m, 0, &homes[0], &agent) == cases[i].home);
		CHECK_CASE(i, IN6_IS_ADDR_UNSPECIFIED(&agent) == !cases[i].said.agent);
		CHECK_CASE(i, movement_home_router(m, 0, &homes[0], &router) == cases[i].home);
		CHECK_CASE(i, !movement_at_home(m, 1, &homes[0], NULL));
		link_up(2); /* of another time */
		CHECK_CASE(i, !movement_at_home(m, 0, &homes[0], NULL));
		gone(state);
		fresh(state);
	}
}

static void the_home_prefix_ends_with_its_lifetime(void **state)
{
	link_up(1);
	hear((struct said){ .router = R1, .prefix = HOME_PREFIX, .valid_s = 10 });
	pass_ms(9999);
	assert_true(movement_at_home(m, 0, &homes[0], NULL));
	pass_ms(1);
	assert_false(movement_at_home(m, 0, &homes[0], NULL));
}

static void an_address_of_the_home_prefix_is_home_too(void **state)
{
	link_up(1);
	has("2001:db8:1::77", true);
	assert_true(movement_at_home(m, 0, &homes[0], NULL));
	has(HOME, true);
	has("2001:db8:1::77", false);
	assert_false(movement_at_home(m, 0, &homes[0], NULL)); /* our own home address proves nothing */
	assert_true(uses(NULL, NULL));
}

static void the_address_in_use_is_kept_until_it_is_deprecated(void **state)
{
	on_link_1();
	has("2001:db8:f1::3", true);
	assert_true(uses(A1, R1));
	movement_address(m, 0, &(struct movement_address){ .addr = addr(A1), .deprecated = true }, true, now);
	assert_true(uses("2001:db8:f1::3", R1));
	has("2001:db8:f1::3", false);
	assert_true(uses(A1, R1)); /* better than none */
}

static void a_router_that_takes_its_leave_strands_the_uplink(void **state)
{
	struct movement_point point;

	on_link_1();
	movement_point(m, 0, &point);
	assert_true(!point.stranded && point.router_mtu == 1400 && point.prefix_len == 64);
	hear((struct said){ .router = R1, .prefix = P1, .no_router = true });
	movement_point(m, 0, &point);
	assert_true(point.usable && !point.has_router && point.stranded);
}

static void three_hundred_routers_push_nobody_out(void **state)
{
	on_link_1();
	for (int i = 0; i < 300; i++) {
		char router[40], prefix[40];

		snprintf(router, sizeof(router), "fe80::b:%x", i);
		snprintf(prefix, sizeof(prefix), "2001:db8:%x::", 0x1000 + i);
		hear((struct said){ .router = router, .prefix = prefix });
		pass_ms(1);
		answers(R1);
	}
	assert_int_equal(movement_routers(m, 0, NULL, 0), MOVEMENT_ROUTERS);
	assert_true(uses(A1, R1));
	assert_in_range(probes, 0, 3);
}

static void addresses_end_at_their_limit(void **state)
{
	link_up(1);
	for (int i = 0; i < MOVEMENT_ADDRESSES + 10; i++) {
		char text[40];

		snprintf(text, sizeof(text), "2001:db8:f1::%x", i + 0x100);
		has(text, true);
	}
	assert_int_equal(m->uplinks[0].place_count, MOVEMENT_ADDRESSES);
}

/* Whatever is heard: what is used is there, and time goes on. */
static void a_random_walk_holds_what_must_hold(void **state)
{
	static const char *const routers[] = { R1, R2, "fe80::1" }, *const prefixes[] = { P1, P2, HOME_PREFIX },
				 *const addresses[] = { A1, A2, "2001:db8:1::77" };
	bool there[3] = {};
	uint32_t random = 1;

	for (size_t i = 0; i < 100000; i++) {
		struct movement_point point;
		size_t which;

		random = random * 1103515245 + 12345;
		which = (random >> 17) % 3;
		switch (random >> 20 & 7) {
		case 0:
			movement_link(m, 0, random >> 24 & 1, random >> 25 & 3, now);
			break;
		case 1:
		case 2:
			there[which] = random >> 24 & 1;
			has(addresses[which], there[which]);
			break;
		case 3:
			answers(routers[which]);
			break;
		default:
			hear((struct said){ .router = routers[(random >> 22) % 3],
					    .prefix = prefixes[which],
					    .interval_ms = random >> 26 & 1 ? 1000 : 0,
					    .mac = random >> 28 & 1,
					    .no_router = (random >> 29) == 7 });
		}
		pass_ms((random >> 8) % 2000);
		movement_point(m, 0, &point);
		CHECK_CASE(i, m->uplinks[0].router_count <= MOVEMENT_ROUTERS);
		if (!point.usable)
			continue;
		which = 0;
		while (which < 3 && !addr_equal(&point.care_of, &(struct in6_addr[]){ addr(addresses[which]) }[0]))
			which++;
		CHECK_CASE(i, which < 3 && there[which]);
	}
}

static void only_addresses_that_others_could_reach_are_care_of_addresses(void **state)
{
	static const char *const never[] = { "fe80::2", "::1", "ff02::1", "::", "::ffff:10.0.0.1", HOME };

	link_up(1);
	for (size_t i = 0; i < ARRAY_SIZE(never); i++) {
		has(never[i], true);
		CHECK_CASE(i, uses(NULL, NULL) && !movement_at_home(m, 0, &homes[0], NULL));
	}
	has("fd00::2", true);
	assert_true(uses("fd00::2", NULL));
}

static void a_lost_link_is_asked_nothing(void **state)
{
	link_up(1);
	movement_link(m, 0, false, 2, now);
	movement_solicit_again(m, 0, now);
	hear((struct said){ .router = R1, .prefix = P1 }); /* from before */
	pass_ms(100000);
	assert_int_equal(solicits, 1);
	assert_int_equal(movement_routers(m, 0, NULL, 0), 0);
}

static void a_router_that_answers_any_of_the_probes_is_kept(void **state)
{
	for (unsigned int lost = 0; lost < MOVEMENT_PROBES; lost++) {
		on_link_1();
		pass_ms(5000);
		hear((struct said){ .router = R2, .prefix = P2 });
		has(A2, true);
		pass_ms(MOVEMENT_PROBE_MS * lost + 20);
		CHECK_CASE(lost, probes == lost + 1);
		answers(R2); /* was not asked */
		if (lost == 1)
			hear((struct said){ .router = R1, .prefix = P1 }); /* says as much */
		else
			answers(R1);
		pass_ms(100000);
		CHECK_CASE(lost, uses(A1, R1) && probes == lost + 1);
		gone(state);
		fresh(state);
	}
}

static void a_router_just_heard_is_not_asked(void **state)
{
	on_link_1();
	pass_ms(900);
	hear((struct said){ .router = R2, .prefix = P2 });
	pass_ms(5000);
	assert_int_equal(probes, 0);
	hear((struct said){ .router = R2, .prefix = P2 });
	pass_ms(0);
	assert_int_equal(probes, 1);
}

static void uplinks_do_not_know_of_each_other(void **state)
{
	struct nd_router_advert ra = { .lifetime_s = 1800 };
	struct in6_addr router = addr(R1); /* of the same name */
	struct movement_point point;

	on_link_1();
	pass_ms(5000);
	movement_link(m, 1, true, 7, now);
	movement_router_advert(m, 1, &router, &ra, now);
	movement_address(m, 1, &(struct movement_address){ .addr = addr(A2) }, true, now);
	pass_ms(0);
	movement_point(m, 1, &point);
	assert_true(point.usable && probes == 0);
	movement_link(m, 1, true, 9, now);
	movement_point(m, 1, &point);
	assert_true(!point.usable && uses(A1, R1));
	hear((struct said){ .router = R1, .prefix = P2 }); /* on the wrong one */
	movement_point(m, 1, &point);
	assert_false(point.usable);
	movement_link(m, 0, false, 2, now);
	movement_router_advert(m, 1, &router, &ra, now);
	movement_point(m, 1, &point);
	assert_true(point.usable && uses(NULL, NULL));
}

static void a_default_routers_time_runs_out(void **state)
{
	on_link_1();
	pass_ms(1800 * 1000 - 1);
	assert_true(uses(A1, R1));
	pass_ms(1);
	assert_true(uses(A1, NULL));
	hear((struct said){ .router = R2 }); /* another leads out */
	assert_true(uses(A1, R2));
}

/* Which prefixes, advertised after a change of carrier, speak for the address of before. */
static void prefixes_that_say_nothing_of_the_link_are_passed_over(void **state)
{
	static const struct {
		uint8_t len;
		bool on_link, autonomous;
		uint32_t valid_s;
		bool covers;
	} cases[] = {
		{ 64, true, true, 3600, true },	  { 64, true, false, 3600, true },
		{ 64, false, true, 3600, true },  { 64, false, false, 3600, false },
		{ 64, true, true, 0, false },	  { 64, true, true, 1, true },
		{ 0, true, true, 3600, false },	  { 128, true, true, 3600, false },
		{ 127, true, true, 3600, false }, { 126, true, true, 3600, true },
		{ 48, true, false, 3600, true },  { 64, true, true, ND_INFINITE_S, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct nd_router_advert ra = { .lifetime_s = 1800, .prefix_count = 1 };
		struct in6_addr router = addr(R2);

		on_link_1();
		link_up(3);
		ra.prefixes[0] = (struct nd_prefix){ .prefix = addr(P1),
						     .len = cases[i].len,
						     .on_link = cases[i].on_link,
						     .autonomous = cases[i].autonomous,
						     .valid_s = cases[i].valid_s };
		movement_router_advert(m, 0, &router, &ra, now);
		CHECK_CASE(i, cases[i].covers ? uses(A1, R2) : uses(NULL, NULL));
		gone(state);
		fresh(state);
	}
}

static void a_home_router_found_dead_makes_no_home_link(void **state)
{
	link_up(1);
	hear((struct said){ .router = R1, .prefix = HOME_PREFIX, .interval_ms = 1000 });
	pass_ms(1200 + 599);
	assert_true(movement_at_home(m, 0, &homes[0], NULL));
	pass_ms(1);
	assert_int_equal(probes, MOVEMENT_PROBES);
	assert_false(movement_at_home(m, 0, &homes[0], NULL));
}

/* Every second router is called fe80::1. The address is DHCPv6's: no router speaks for it. */
static void a_router_of_the_same_name_on_another_link_confirms_no_address(void **state)
{
	link_up(1);
	hear((struct said){ .router = R1, .mac = 1 });
	has("2001:db8:dd::2", true);
	link_up(3);
	hear((struct said){ .router = R1, .mac = 2 });
	assert_true(uses(NULL, NULL));
}

static void among_deprecated_addresses_the_one_in_use_stays(void **state)
{
	on_link_1();
	movement_address(m, 0, &(struct movement_address){ .addr = addr("2001:db8:f1::3"), .deprecated = true }, true,
			 now);
	movement_address(m, 0, &(struct movement_address){ .addr = addr(A1), .deprecated = true }, true, now);
	assert_true(uses(A1, R1));
}

/* Pushed out of the table, the former link's router is forgotten; that its address was advertised must not be. */
static void however_many_strangers_speak_the_former_links_address_is_not_believed(void **state)
{
	on_link_1();
	link_up(3);
	for (int i = 0; i < 2 * MOVEMENT_ROUTERS; i++) {
		char router[40];

		snprintf(router, sizeof(router), "fe80::bad:%x", i % MOVEMENT_ROUTERS);
		hear((struct said){ .router = router, .prefix = P2 });
	}
	assert_true(uses(NULL, NULL));
}

static void home_may_be_any_of_the_prefixes_that_are_advertised(void **state)
{
	for (int home = 0; home < ND_PREFIXES; home++) {
		struct nd_router_advert ra = { .lifetime_s = 1800 };
		struct in6_addr router = addr(R1);

		for (int i = 0; i < ND_PREFIXES; i++) {
			char text[40];

			snprintf(text, sizeof(text), "2001:db8:ee:%x::", i);
			ra.prefixes[ra.prefix_count++] =
				(struct nd_prefix){ .prefix = addr(i == home ? HOME_PREFIX : text),
						    .len = 64,
						    .on_link = true,
						    .autonomous = true,
						    .valid_s = 3600 };
		}
		link_up(1);
		movement_router_advert(m, 0, &router, &ra, now);
		CHECK_CASE(home, movement_at_home(m, 0, &homes[0], NULL));
		gone(state);
		fresh(state);
	}
}

/* RFC 4861 §6.3.4: "If the new Lifetime value is zero, time-out the prefix immediately." */
static void a_prefix_withdrawn_by_a_lifetime_of_zero_is_gone_at_once(void **state)
{
	struct nd_router_advert ra = { .lifetime_s = 1800, .prefix_count = 1 };
	struct in6_addr router = addr(R1);

	link_up(1);
	hear((struct said){ .router = R1, .prefix = HOME_PREFIX });
	assert_true(movement_at_home(m, 0, &homes[0], NULL));
	ra.prefixes[0] = (struct nd_prefix){ .prefix = addr(HOME_PREFIX), .len = 64, .on_link = true };
	movement_router_advert(m, 0, &router, &ra, now);
	assert_false(movement_at_home(m, 0, &homes[0], NULL));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, fresh, gone)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_new_address_is_believed_at_once),
		TEST(after_a_change_of_carrier_the_old_address_waits_for_its_router),
		TEST(a_carrier_that_was_lost_unseen_is_a_change_too),
		TEST(on_another_link_the_new_address_is_used_and_not_the_old),
		TEST(where_no_router_ever_was_silence_confirms_a_static_address),
		TEST(an_address_of_no_prefix_is_believed_when_its_router_is_heard_again),
		TEST(solicitations_go_at_once_and_three_times_until_somebody_answers),
		TEST(beside_another_router_the_one_in_use_is_probed),
		TEST(an_advertisement_overdue_is_asked_about),
		TEST(routers_of_the_same_name_on_two_links_are_told_apart),
		TEST(prefixes_spread_over_two_advertisements_stay),
		TEST(the_home_link_is_known_by_its_prefix),
		TEST(the_home_prefix_ends_with_its_lifetime),
		TEST(an_address_of_the_home_prefix_is_home_too),
		TEST(the_address_in_use_is_kept_until_it_is_deprecated),
		TEST(a_router_that_takes_its_leave_strands_the_uplink),
		TEST(three_hundred_routers_push_nobody_out),
		TEST(addresses_end_at_their_limit),
		TEST(a_random_walk_holds_what_must_hold),
		TEST(only_addresses_that_others_could_reach_are_care_of_addresses),
		TEST(a_lost_link_is_asked_nothing),
		TEST(a_router_that_answers_any_of_the_probes_is_kept),
		TEST(a_router_just_heard_is_not_asked),
		TEST(uplinks_do_not_know_of_each_other),
		TEST(a_default_routers_time_runs_out),
		TEST(prefixes_that_say_nothing_of_the_link_are_passed_over),
		TEST(a_home_router_found_dead_makes_no_home_link),
		TEST(a_router_of_the_same_name_on_another_link_confirms_no_address),
		TEST(among_deprecated_addresses_the_one_in_use_stays),
		TEST(however_many_strangers_speak_the_former_links_address_is_not_believed),
		TEST(home_may_be_any_of_the_prefixes_that_are_advertised),
		TEST(a_prefix_withdrawn_by_a_lifetime_of_zero_is_gone_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
