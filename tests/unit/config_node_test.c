// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Configuration of a mobile node: what loads as meant, every refusal with its place, printed and loaded again. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../agent/config_raw.h"

#define ROLES "roles: [mobile-node]\nipsec: { keys: /k }\n"
#define NODE "mobile-node:\n"
#define HOME(text) "  home-addresses: [" text "]\n"
#define UPLINKS(text) "  uplinks: [" text "]\n"
#define ADDRESS "{ address: 2001:db8:1::100, home-agent: 2001:db8:1::1 }"
#define GOOD ROLES NODE HOME(ADDRESS) UPLINKS("{ interface: wlan0 }")
#define WITH_HOME(text) ROLES NODE HOME(text) UPLINKS("{ interface: wlan0 }")
#define WITH_UPLINKS(text) ROLES NODE HOME(ADDRESS) UPLINKS(text)
#define OPTIMISE(text) GOOD "  route-optimisation: " text "\n"
#define LISTED(text) OPTIMISE("list") "  correspondents: [" text "]\n"
#define MEMBER(text) WITH_HOME("{ address: 2001:db8:1::100, home-agent: 2001:db8:1::1, " text " }")

struct outcome {
	int err;
	struct config *config;
	char *errors;
	size_t errors_len;
};

static struct outcome parse(const char *text)
{
	struct outcome got = {};
	FILE *errors = open_memstream(&got.errors, &got.errors_len);

	assert_non_null(errors);
	got.err = config_parse(text, strlen(text), "F", &got.config, errors);
	fclose(errors);
	return got;
}

static struct config *parse_good(const char *text)
{
	struct outcome got = parse(text);

	if (got.err || got.errors_len)
		fail_msg("%d: %s\nfor:\n%.400s", got.err, got.errors, text);
	free(got.errors);
	return got.config;
}

/* clang-format off */
static const struct bad {
	const char *text;
	const char *message; /* one of the lines contains it */
} bad_texts[] = {
	/* protection */
	{ "roles: [mobile-node]\nipsec: { keys: /k, payload: protected }\n" NODE HOME(ADDRESS) UPLINKS("{ interface: a }"),
	  "F:2: ipsec.payload: 'protected': expected route-optimisation: none in mobile-node with it" },
	{ MEMBER("id: ''"), "mobile-node.home-addresses[0].id: '': expected 1..253 characters" },
	/* roles and sections */
	{ "roles: [mobile-node]\n", "F:1: mobile-node: missing: expected this section for the role mobile-node" },
	{ "roles: [home-agent, mobile-node]\n" NODE HOME(ADDRESS) UPLINKS("{ interface: a }"),
	  "F:1: roles: expected home-agent or mobile-node: one daemon can't be both" },
	{ "roles: [home-agent]\ninterfaces: [{ name: a }]\n" NODE HOME(ADDRESS) UPLINKS("{ interface: a }"),
	  "F:3: mobile-node: expected only with the role mobile-node" },
	{ GOOD "home-agent:\n  address: 2001:db8:1::1\n  home-links: [{ prefix: 2001:db8:1::/64 }]\n",
	  "F:6: home-agent: expected only with the role home-agent" },
	{ ROLES NODE UPLINKS("{ interface: a }"), "mobile-node.home-addresses: missing" },
	{ ROLES NODE HOME(ADDRESS), "mobile-node.uplinks: missing" },
	{ ROLES NODE HOME("") UPLINKS("{ interface: a }"), "mobile-node.home-addresses: 0 entries: expected 1..64" },
	{ WITH_UPLINKS(""), "mobile-node.uplinks: 0 entries: expected 1..16" },
	{ GOOD "  authentication: maybe\n", "'maybe': expected one of ipsec, auth-option, none" },

	/* home addresses */
	{ WITH_HOME("{ address: 2001::zz, home-agent: 2001:db8:1::1 }"),
	  "F:4: mobile-node.home-addresses[0].address: '2001::zz': expected an IPv6 address" },
	{ WITH_HOME("{ address: 'fe80::1', home-agent: 2001:db8:1::1 }"), "expected a routable unicast address" },
	{ WITH_HOME("{ address: 2001:db8:1::100 }"), "home-addresses[0].home-agent: missing" },
	{ WITH_HOME("{ address: 2001:db8:1::100, home-agent: 'ff02::1' }"),
	  "home-addresses[0].home-agent: 'ff02::1': expected a routable unicast address" },
	{ WITH_HOME("{ address: 2001:db8:1::100, home-agent: 2001:db8:1::100 }"),
	  "expected an address that is none of the home addresses" },
	{ WITH_HOME("{ address: 2001:db8:1::100, home-agent: 2001:db8:1::1 }, { address: 2001:db8:1::1, home-agent: 2001:db8::1 }"),
	  "home-addresses[0].home-agent: '2001:db8:1::1': expected an address that is none of the home addresses" },
	{ WITH_HOME(ADDRESS ",\n" ADDRESS),
	  "F:5: mobile-node.home-addresses[1].address: '2001:db8:1::100': given twice: expected an address other than that "
	  "of line 4" },
	{ WITH_HOME("{ address: '2001:db8:1::', home-agent: 2001:db8:1::1 }"), "the subnet-router anycast address" },
	{ MEMBER("home-prefix: 2001:db8:2::/64"), "expected a prefix that holds the home address" },
	{ MEMBER("home-prefix: 2001:db8:1::1/64"), "expected no bits set beyond the prefix length" },
	{ MEMBER("home-prefix: 2001:db8:1::/0"), "expected a prefix length of 1..127" },
	{ MEMBER("home-prefix: 2001:db8:1::100/128"), "expected a prefix length of 1..127" },
	{ MEMBER("home-prefix: '2001:db8:1::'"), "expected an IPv6 prefix, address/length" },
	{ MEMBER("lifetime: 3"), "home-addresses[0].lifetime: '3': expected 4..262140 seconds" },
	{ MEMBER("lifetime: 262141"), "'262141': expected 4..262140 seconds" },
	{ MEMBER("lifetime: 0"), "'0': expected 4..262140 seconds" },
	{ MEMBER("colour: red"), "home-addresses[0].colour: unknown key" },

	/* uplinks */
	{ WITH_UPLINKS("{ preference: 1 }"), "uplinks[0].interface: missing" },
	{ WITH_UPLINKS("{ interface: a/b }"), "uplinks[0].interface: 'a/b': expected the name of a network device" },
	{ WITH_UPLINKS("{ interface: abcdefghijklmnop }"), "expected 1..15 characters" },
	{ WITH_UPLINKS("{ interface: a, preference: 1001 }"), "uplinks[0].preference: '1001': expected 0..1000" },
	{ WITH_UPLINKS("{ interface: a },\n{ interface: a }"),
	  "F:6: mobile-node.uplinks[1].interface: 'a': given twice: expected a name other than that of line 5" },
	{ WITH_UPLINKS("{ interface: mobgw0 }"), "expected a name that, also with p added, is none of interfaces" },
	{ WITH_UPLINKS("{ interface: a, mode: tc }"), "uplinks[0].mode: unknown key" },

	/* route optimisation */
	{ OPTIMISE("some"), "F:6: mobile-node.route-optimisation: 'some': expected one of all, none, list" },
	{ OPTIMISE("[all]"), "F:6: mobile-node.route-optimisation: expected a word" },
	{ OPTIMISE("list"), "mobile-node.correspondents: missing: expected this key with route-optimisation: list" },
	{ LISTED(""), "F:7: mobile-node.correspondents: 0 entries: expected 1..64" },
	{ OPTIMISE("all") "  correspondents: [2001:db8::/32]\n",
	  "F:7: mobile-node.correspondents: expected only with route-optimisation: list" },
	{ OPTIMISE("none") "  correspondents: [2001:db8::/32]\n", "expected only with route-optimisation: list" },
	{ GOOD "  correspondents: [2001:db8::/32]\n", "F:6: mobile-node.correspondents: expected only with" },
	{ OPTIMISE("all") "  correspondents: []\n", "F:7: mobile-node.correspondents: 0 entries: expected 1..64" },
	{ OPTIMISE("list") "  correspondents: 2001:db8::/32\n", "'2001:db8::/32': expected a list" },
	{ LISTED("www.example.com"),
	  "F:7: mobile-node.correspondents[0]: 'www.example.com': expected an IPv6 address, or a prefix, address/length" },
	{ LISTED("2001:db8::/129"), "'2001:db8::/129': expected a prefix length of 0..128" },
	{ LISTED("2001:db8::1/64"), "'2001:db8::1/64': expected no bits set beyond the prefix length" },
	{ LISTED("'ff0e::/16'"), "'ff0e::/16': expected a prefix of routable unicast addresses" },
	{ LISTED("2001:db8::1,\n2001:db8:0::1/128"),
	  "F:8: mobile-node.correspondents[1]: '2001:db8:0::1/128': given twice: expected a prefix other than that of line 7" },
	{ GOOD "correspondent: { max-lifetime: 421 }\n", "F:6: correspondent.max-lifetime: '421': expected 4..420 seconds" },
};
/* clang-format on */

static void bad_configurations_are_refused_with_place_and_expectation(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad_texts); i++) {
		struct outcome got = parse(bad_texts[i].text);

		if (got.err != -EINVAL || got.config || !strstr(got.errors, bad_texts[i].message))
			fail_msg("case %zu: %d\n%s\nexpected: %s\ngot: %s", i, got.err, bad_texts[i].text,
				 bad_texts[i].message, got.errors);
		config_free(got.config);
		free(got.errors);
	}
}

static struct in6_addr addr(const char *text)
{
	struct in6_addr a;

	assert_int_equal(inet_pton(AF_INET6, text, &a), 1);
	return a;
}

static void what_is_not_given_has_its_default(void **state)
{
	struct config *config = parse_good(GOOD);
	struct in6_addr prefix = addr("2001:db8:1::");

	assert_int_equal(config->roles, ROLE_MOBILE_NODE | ROLE_CORRESPONDENT);
	assert_int_equal(config->auth, AUTH_IPSEC);
	assert_int_equal(config->home_address_count, 1);
	assert_true(addr_equal(&config->home_addresses[0].prefix, &prefix));
	assert_int_equal(config->home_addresses[0].prefix_len, 64);
	assert_int_equal(config->home_addresses[0].lifetime_s, 600);
	assert_int_equal(config->uplink_count, 1);
	assert_int_equal(config->uplinks[0].preference, 100);
	assert_string_equal(config->home_device, "mobgw0");
	assert_string_equal(config->pin_dir, "/sys/fs/bpf/mobgw");
	assert_string_equal(config->control_path, "/run/mobgw/control");
	assert_int_equal(config->max_bindings, LIMIT_HOME_ADDRESSES);
	assert_int_equal(config->optimise, OPTIMISE_ALL);
	assert_int_equal(config->correspondent_count, 0);
	assert_int_equal(config->peer_bindings, 4096);
	assert_int_equal(config->peer_lifetime_s, 420);
	assert_int_equal(config->refused_count, 0);
	config_free(config);
}

static void route_optimisation_is_for_all_for_none_or_for_a_list(void **state)
{
	static const struct {
		const char *text;
		enum config_optimise optimise;
		size_t count;
	} cases[] = {
		{ OPTIMISE("all"), OPTIMISE_ALL, 0 },
		{ OPTIMISE("none"), OPTIMISE_NONE, 0 },
		{ LISTED("2001:db8::/32"), OPTIMISE_LIST, 1 },
		{ LISTED("2001:db8:5::5, '::/0', 2001:db8:6::/64"), OPTIMISE_LIST, 3 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct config *config = parse_good(cases[i].text);

		assert_int_equal(config->optimise, cases[i].optimise);
		assert_int_equal(config->correspondent_count, cases[i].count);
		config_free(config);
	}
}

static void correspondents_are_prefixes_and_an_address_alone_is_itself(void **state)
{
	struct config *config = parse_good(LISTED("2001:db8:5::5, '::/0', 2001:db8:6::/64"));
	struct in6_addr alone = addr("2001:db8:5::5"), prefix = addr("2001:db8:6::");

	assert_true(addr_equal(&config->correspondents[0].prefix, &alone));
	assert_int_equal(config->correspondents[0].len, 128);
	assert_true(IN6_IS_ADDR_UNSPECIFIED(&config->correspondents[1].prefix));
	assert_int_equal(config->correspondents[1].len, 0);
	assert_true(addr_equal(&config->correspondents[2].prefix, &prefix));
	assert_int_equal(config->correspondents[2].len, 64);
	config_free(config);
}

static void ways_of_route_optimisation_have_the_names_of_the_file(void **state)
{
	assert_string_equal(config_optimise_name(OPTIMISE_ALL), "all");
	assert_string_equal(config_optimise_name(OPTIMISE_NONE), "none");
	assert_string_equal(config_optimise_name(OPTIMISE_LIST), "list");
	assert_string_equal(config_optimise_name(OPTIMISE_LIST + 1), "unknown");
}

static void uplinks_are_interfaces_by_tc_unless_the_file_says_otherwise(void **state)
{
	struct config *config = parse_good(
		ROLES "interfaces: [{ name: wlan0, mode: native }, { name: eth0 }]\n" NODE HOME(ADDRESS)
			UPLINKS("{ interface: wwan0, preference: 0 }, { interface: wlan0, preference: 1000 }"));
	static const struct {
		const char *name;
		enum attach_mode mode;
	} meant[] = { { "wlan0", ATTACH_NATIVE }, { "eth0", ATTACH_AUTO }, { "wwan0", ATTACH_TC } };

	assert_int_equal(config->interface_count, ARRAY_SIZE(meant));
	for (size_t i = 0; i < ARRAY_SIZE(meant); i++) {
		assert_string_equal(config->interfaces[i].name, meant[i].name);
		assert_int_equal(config->interfaces[i].mode, meant[i].mode);
	}
	assert_int_equal(config->uplinks[0].preference, 0);
	assert_int_equal(config->uplinks[1].preference, 1000);
	config_free(config);
}

/* clang-format off */
static const struct boundary {
	const char *text;
	const char *message; /* NULL: is taken */
} boundaries[] = {
	{ WITH_UPLINKS("{ interface: abcdefghijklmn }"), NULL },
	{ WITH_UPLINKS("{ interface: abcdefghijklmno }"), NULL },
	{ WITH_UPLINKS("{ interface: abcdefghijklmnop }"), "uplinks[0].interface: 'abcdefghijklmnop': expected 1..15 characters" },
	{ WITH_UPLINKS("{ interface: '' }"), "uplinks[0].interface: '': expected 1..15 characters" },
	{ WITH_UPLINKS("{ interface: a, preference: 0 }"), NULL },
	{ WITH_UPLINKS("{ interface: a, preference: 999 }"), NULL },
	{ WITH_UPLINKS("{ interface: a, preference: 1000 }"), NULL },
	{ WITH_UPLINKS("{ interface: a, preference: 1001 }"), "uplinks[0].preference: '1001': expected 0..1000" },
	{ MEMBER("lifetime: 3"), "home-addresses[0].lifetime: '3': expected 4..262140 seconds" },
	{ MEMBER("lifetime: 4"), NULL },
	{ MEMBER("lifetime: 5"), NULL },
	{ MEMBER("lifetime: 262139"), NULL },
	{ MEMBER("lifetime: 262140"), NULL },
	{ MEMBER("lifetime: 262141"), "home-addresses[0].lifetime: '262141': expected 4..262140 seconds" },
	{ WITH_HOME("{ address: 2001:db8:1::101, home-agent: 2001:db8:1::1, home-prefix: 2001:db8:1::100/126 }"), NULL },
	{ WITH_HOME("{ address: 9001::1, home-agent: 2001:db8:1::1, home-prefix: '8000::/0' }"), "'8000::/0': expected a prefix length of 1..127" },
	{ WITH_HOME("{ address: 9001::1, home-agent: 2001:db8:1::1, home-prefix: '8000::/1' }"), NULL },
	{ WITH_HOME("{ address: 9001::1, home-agent: 2001:db8:1::1, home-prefix: '8000::/2' }"), NULL },
	{ WITH_HOME("{ address: 2001:db8:1::101, home-agent: 2001:db8:1::1, home-prefix: 2001:db8:1::100/127 }"), NULL },
	{ MEMBER("home-prefix: 2001:db8:1::100/128"), "'2001:db8:1::100/128': expected a prefix length of 1..127" },
	{ LISTED("'::/0'"), NULL },
	{ LISTED("'::/1'"), NULL },
	{ LISTED("2001:db8::2/127"), NULL },
	{ LISTED("2001:db8::1/128"), NULL },
	{ LISTED("2001:db8::1/129"), "'2001:db8::1/129': expected a prefix length of 0..128" },
};
/* clang-format on */

static void each_value_is_taken_up_to_its_limit_and_refused_beyond(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(boundaries); i++) {
		const struct boundary *now = &boundaries[i];
		struct outcome got = parse(now->text);
		bool as_meant = now->message ? got.err == -EINVAL && strstr(got.errors, now->message)
					     : !got.err && !got.errors_len;

		if (!as_meant)
			fail_msg("case %zu: %d\n%s\nexpected: %s\ngot: %s", i, got.err, now->text,
				 now->message ? now->message : "taken", got.errors);
		config_free(got.config);
		free(got.errors);
	}
}

/* What stays unset after a refusal isn't compared with what else was refused. */
static void two_bad_addresses_give_one_message_each(void **state)
{
	struct outcome got = parse(WITH_HOME("{ address: zz, home-agent: yy }"));

	assert_int_equal(got.err, -EINVAL);
	assert_string_equal(got.errors,
			    "F:4: mobile-node.home-addresses[0].address: 'zz': expected an IPv6 address\n"
			    "F:4: mobile-node.home-addresses[0].home-agent: 'yy': expected an IPv6 address\n");
	free(got.errors);
}

/* @count entries made from @format, which takes the number. */
static char *list(const char *before, const char *format, size_t count, const char *after)
{
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	fputs(before, out);
	for (size_t i = 0; i < count; i++)
		fprintf(out, format, (unsigned int)i + 0x100);
	fputs(after, out);
	fclose(out);
	return text;
}

static void lists_end_at_their_limits(void **state)
{
	static const struct {
		const char *before, *format, *after;
		size_t limit;
	} cases[] = {
		{ ROLES NODE "  home-addresses:\n", "    - { address: 2001:db8:1::%x, home-agent: 2001:db8:1::1 }\n",
		  UPLINKS("{ interface: a }"), LIMIT_HOME_ADDRESSES },
		{ ROLES NODE HOME(ADDRESS) "  uplinks:\n", "    - { interface: u%x }\n", "", LIMIT_UPLINKS },
		{ OPTIMISE("list") "  correspondents:\n", "    - 2001:db8::%x\n", "", LIMIT_REFUSED },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		for (size_t count = cases[i].limit - 1; count <= cases[i].limit + 1; count++) {
			char *text = list(cases[i].before, cases[i].format, count, cases[i].after);
			struct outcome got = parse(text);

			if (got.err != (count > cases[i].limit ? -EINVAL : 0))
				fail_msg("case %zu, %zu entries: %d %s", i, count, got.err, got.errors);
			config_free(got.config);
			free(got.errors);
			free(text);
		}
	}
}

/* Beside interfaces of their own, uplinks may be one too many; one that is among them takes no place. */
static void interfaces_and_uplinks_share_one_limit(void **state)
{
	static const struct {
		size_t interfaces;
		const char *uplink;
		bool taken;
	} cases[] = {
		{ LIMIT_PORTS - 2, "a", true },
		{ LIMIT_PORTS - 1, "a", true },
		{ LIMIT_PORTS, "a", false },
		{ LIMIT_PORTS, "e100", true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char after[256], *text;
		struct outcome got;

		snprintf(after, sizeof(after), NODE HOME(ADDRESS) UPLINKS("{ interface: %s }"), cases[i].uplink);
		text = list(ROLES "interfaces:\n", "  - { name: e%x }\n", cases[i].interfaces, after);
		got = parse(text);
		if (got.err != (cases[i].taken ? 0 : -EINVAL))
			fail_msg("case %zu: %d %s", i, got.err, got.errors);
		assert_true(cases[i].taken ||
			    strstr(got.errors, "mobile-node.uplinks[0].interface: 'a': expected at most 256 "
					       "interfaces, uplinks among them"));
		config_free(got.config);
		free(got.errors);
		free(text);
	}
}

static char *print(const struct config *config)
{
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	config_print(config, out);
	fclose(out);
	return text;
}

static void assert_same_prefixes(const struct config_prefix *a, size_t a_count, const struct config_prefix *b,
				 size_t b_count)
{
	assert_int_equal(a_count, b_count);
	assert_memory_equal(a, b, a_count * sizeof(*a));
}

static void assert_same_homes(struct config *first, struct config *second)
{
	for (size_t i = 0; i < first->home_address_count; i++) {
		struct config_home_address *a = &first->home_addresses[i], *b = &second->home_addresses[i];
		char *id = a->id;

		assert_int_equal(!a->id, !b->id);
		if (id)
			assert_string_equal(a->id, b->id);
		a->id = b->id; /* the rest is compared by octets */
		assert_memory_equal(a, b, sizeof(*a));
		a->id = id;
	}
}

static void printed_configurations_load_to_the_same(void **state)
{
	static const char *const texts[] = {
		GOOD,
		"roles: [mobile-node]\n" NODE "  authentication: none\n" HOME(
			"{ address: 2001:db8:1::100, home-agent: 2001:db8:9::1, home-prefix: 2001:db8::/33, lifetime: "
			"4 }, "
			"{ address: 2001:db8:2::5, home-agent: 2001:db8:9::1, lifetime: 262140 }")
			UPLINKS("{ interface: a, preference: 7 }, { interface: b }"),
		OPTIMISE("none"),
		MEMBER("id: bus7@example.org"),
		LISTED("2001:db8:5::5, '::/0', 2001:db8:6::/64, 8000::/1"),
		GOOD "correspondent: { max-bindings: 7, max-lifetime: 8, refuse-prefixes: ['::/0', 2001:db8::9] }\n",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct config *first = parse_good(texts[i]), *second;
		char *text = print(first), *again;

		second = parse_good(text);
		again = print(second);
		assert_string_equal(text, again);
		assert_int_equal(first->auth, second->auth);
		assert_int_equal(first->roles, second->roles);
		assert_int_equal(first->max_bindings, second->max_bindings);
		assert_int_equal(first->peer_bindings, second->peer_bindings);
		assert_int_equal(first->peer_lifetime_s, second->peer_lifetime_s);
		assert_int_equal(first->optimise, second->optimise);
		assert_same_prefixes(first->refused, first->refused_count, second->refused, second->refused_count);
		assert_same_prefixes(first->correspondents, first->correspondent_count, second->correspondents,
				     second->correspondent_count);
		assert_int_equal(first->interface_count, second->interface_count);
		assert_memory_equal(first->interfaces, second->interfaces,
				    first->interface_count * sizeof(*first->interfaces));
		assert_int_equal(first->home_address_count, second->home_address_count);
		assert_int_equal(first->uplink_count, second->uplink_count);
		assert_same_homes(first, second);
		assert_memory_equal(first->uplinks, second->uplinks, first->uplink_count * sizeof(*first->uplinks));
		config_free(first);
		config_free(second);
		free(text);
		free(again);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_configurations_are_refused_with_place_and_expectation),
		cmocka_unit_test(what_is_not_given_has_its_default),
		cmocka_unit_test(route_optimisation_is_for_all_for_none_or_for_a_list),
		cmocka_unit_test(correspondents_are_prefixes_and_an_address_alone_is_itself),
		cmocka_unit_test(ways_of_route_optimisation_have_the_names_of_the_file),
		cmocka_unit_test(uplinks_are_interfaces_by_tc_unless_the_file_says_otherwise),
		cmocka_unit_test(each_value_is_taken_up_to_its_limit_and_refused_beyond),
		cmocka_unit_test(two_bad_addresses_give_one_message_each),
		cmocka_unit_test(lists_end_at_their_limits),
		cmocka_unit_test(interfaces_and_uplinks_share_one_limit),
		cmocka_unit_test(printed_configurations_load_to_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
