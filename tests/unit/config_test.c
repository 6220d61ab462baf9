/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Configuration: every refusal with its message, what loads, printed and loaded again, size, and the manual page's
 * keys. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../agent/config_raw.h"

/* The parts of a good configuration; a case replaces one. */
#define ROLES "roles: [home-agent]\nipsec: { keys: /k }\n"
#define INTERFACES "interfaces: [{ name: eth0 }, { name: eth1 }]\n"
#define HA "home-agent:\n"
#define ADDRESS "  address: 2001:db8:1::1\n"
#define LINKS "  home-links: [{ prefix: 2001:db8:1::/64, interface: eth1 }]\n"
#define TOP ROLES INTERFACES
#define GOOD TOP HA ADDRESS LINKS
#define IN_CLEAR "roles: [home-agent]\n" INTERFACES HA ADDRESS LINKS
#define LINK(text) TOP HA ADDRESS "  home-links: [" text "]\n"
#define NODE(text) GOOD "  mobile-nodes: [" text "]\n"
#define CORRESPONDENT(text) "roles: [correspondent]\n" INTERFACES "correspondent: { " text " }\n"
#define REFUSED(text) CORRESPONDENT("refuse-prefixes: [" text "]")
#define P(n) "{ prefix: 2001:db8:" #n "::/64 }, "

struct outcome {
	int err;
	struct config *config;
	char *errors;
	size_t errors_len;
};

static struct outcome parse(const char *text, size_t len)
{
	struct outcome got = {};
	FILE *errors = open_memstream(&got.errors, &got.errors_len);

	assert_non_null(errors);
	got.err = config_parse(text, len, "F", &got.config, errors);
	fclose(errors);
	return got;
}

static struct outcome load(const char *path)
{
	struct outcome got = {};
	FILE *errors = open_memstream(&got.errors, &got.errors_len);

	assert_non_null(errors);
	got.err = config_load(path, &got.config, errors);
	fclose(errors);
	return got;
}

static void forget(struct outcome *got)
{
	config_free(got->config);
	free(got->errors);
}

static struct config *parse_good(const char *text)
{
	struct outcome got = parse(text, strlen(text));

	if (got.err || got.errors_len)
		fail_msg("%d: %s\nfor:\n%.400s", got.err, got.errors, text);
	free(got.errors);
	return got.config;
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

static size_t count_lines(const char *text)
{
	size_t lines = 0;

	for (; *text; text++)
		lines += *text == '\n';
	return lines;
}

/* clang-format off */
static const struct bad {
	const char *text;
	const char *message; /* one of the lines contains it */
} bad_texts[] = {
	/* YAML */
	{ "", "F: empty: expected a configuration" },
	{ "# nothing\n", "F: empty: expected a configuration" },
	{ "--- ~\n", "F:1: '~': expected a mapping" },
	{ "[1]\n", "F:1: expected a mapping" },
	{ GOOD "---\n" GOOD, "F:7: expected one YAML document, not several" },
	{ "roles: [home-agent\n", "expected well-formed YAML: " },
	{ "roles: &a [home-agent]\n", "F:1: expected no anchor and no tag before a value" },
	{ "roles: &a home-agent\n", "F:1: expected no anchor and no tag before a value" },
	{ "\nroles: !!set {a}\n", "F:2: expected no anchor and no tag before a value" },
	{ "roles: !x y\n", "F:1: expected no anchor and no tag before a value" },
	{ "\nroles: *a\n", "F:2: expected no aliases (*name)" },
	{ "%TAG !a! b\n---\n" GOOD, "F:1: expected no %TAG directive" },
	{ "? [a]\n: b\n", "F:1: expected a key, not a mapping or list" },
	{ "a: [[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]\n", "F:1: expected less deep nesting" },
	{ "roles: \"a\\0b\"\n", "F:1: expected text without NUL" },
	{ "a: b\nc: \xff\n", "F:2: expected printable UTF-8 text: " },
	{ "a: b\nc: \x1b[2J\n", "F:2: expected printable UTF-8 text: " },
	{ "a: \xc3(\n", "F:1: expected printable UTF-8 text: " },

	/* keys and types */
	{ GOOD "home-agents: 1\n", "F:7: home-agents: unknown key: expected one of roles, interfaces, pin-directory, " },
	{ GOOD "  addres: a\n", "F:7: home-agent.addres: unknown key: expected one of address, home-links, " },
	{ NODE("{ home-address: 2001:db8:1::5, lifetime: 4 }"),
	  "F:7: home-agent.mobile-nodes[0].lifetime: unknown key: expected one of home-address, max-lifetime" },
	{ GOOD "\"\\e[2J\": 1\n", "F:7: \\x1b[2J: unknown key" },
	{ GOOD "\"\": 1\n", "F:7: : unknown key" },
	{ GOOD "<<: { roles: [] }\n", "F:7: <<: unknown key" },
	{ GOOD ROLES, "F:7: roles: given twice: expected this key once" },
	{ GOOD ADDRESS, "F:7: home-agent.address: '2001:db8:1::1': given twice: expected this key once" },
	{ INTERFACES HA ADDRESS LINKS, "F:1: roles: missing: expected this key" },
	{ ROLES HA ADDRESS LINKS, "F:1: interfaces: missing: expected this key" },
	{ TOP HA LINKS, "F:4: home-agent.address: missing: expected this key" },
	{ TOP HA ADDRESS, "F:4: home-agent.home-links: missing: expected this key" },
	{ LINK("{ interface: eth1 }"), "F:6: home-agent.home-links[0].prefix: missing: expected this key" },
	{ NODE("{ max-lifetime: 4 }"), "F:7: home-agent.mobile-nodes[0].home-address: missing: expected this key" },
	{ ROLES "interfaces:\n  - { mode: tc }\n" HA ADDRESS LINKS, "F:4: interfaces[0].name: missing: expected this key" },
	{ TOP, "F:1: home-agent: missing: expected this section for the role home-agent" },
	{ TOP HA, "F:4: home-agent: '': expected a mapping (key: value)" },
	{ "roles: home-agent\n" INTERFACES HA ADDRESS LINKS, "F:1: roles: 'home-agent': expected a list of words" },
	{ "roles: [[home-agent]]\n" INTERFACES HA ADDRESS LINKS, "F:1: roles[0]: expected a word" },
	{ "roles: []\n" INTERFACES HA ADDRESS LINKS, "F:1: roles: no role: expected home-agent, mobile-node or correspondent" },
	{ "roles: [home-agent, gateway]\n" INTERFACES HA ADDRESS LINKS, "F:1: roles[1]: 'gateway': expected one of home-agent, mobile-node, correspondent" },
	{ "roles: [1]\n" INTERFACES HA ADDRESS LINKS, "F:1: roles[0]: '1': expected one of home-agent, mobile-node" },
	{ ROLES "interfaces: eth0\n" HA ADDRESS LINKS, "F:3: interfaces: 'eth0': expected a list" },
	{ ROLES "interfaces: [eth0]\n" HA ADDRESS LINKS, "F:3: interfaces[0]: 'eth0': expected a mapping (key: value)" },
	{ ROLES "interfaces: []\n" HA ADDRESS LINKS, "F:3: interfaces: 0 entries: expected 1..256" },
	{ TOP HA "  address: [a]\n" LINKS, "F:5: home-agent.address: expected a text" },
	{ NODE("{ home-address: 2001:db8:1::5, max-lifetime: [4] }"), "max-lifetime: expected a number" },
	{ GOOD "  authentication: psk\n", "F:7: home-agent.authentication: 'psk': expected one of ipsec, auth-option, none" },
	{ GOOD "  authentication:\n", "F:7: home-agent.authentication: '': expected one of ipsec, auth-option, none" },

	/* interfaces */
	{ ROLES "interfaces: [{ name: eth1, mode: fast }]\n" HA ADDRESS LINKS,
	  "F:3: interfaces[0].mode: 'fast': expected one of auto, native, generic, tc" },
	{ ROLES "interfaces: [{ name: eth1, mode: 1 }]\n" HA ADDRESS LINKS, "interfaces[0].mode: '1': expected one of auto" },
	{ ROLES "interfaces: [{ name: eth1 }, { name: '' }]\n" HA ADDRESS LINKS,
	  "F:3: interfaces[1].name: '': expected 1..15 characters" },
	{ ROLES "interfaces: [{ name: eth1 }, { name: abcdefghijklmnop }]\n" HA ADDRESS LINKS,
	  "F:3: interfaces[1].name: 'abcdefghijklmnop': expected 1..15 characters" },
	{ ROLES "interfaces: [{ name: eth1 }, { name: a/b }]\n" HA ADDRESS LINKS,
	  "F:3: interfaces[1].name: 'a/b': expected the name of a network device" },
	{ ROLES "interfaces: [{ name: eth1 }, { name: 'a b' }]\n" HA ADDRESS LINKS, "'a b': expected the name of a network" },
	{ ROLES "interfaces: [{ name: eth1 }, { name: .. }]\n" HA ADDRESS LINKS, "'..': expected the name of a network" },
	{ ROLES "interfaces: [{ name: eth1 }, { name: eth%d }]\n" HA ADDRESS LINKS, "'eth%d': expected the name of a" },
	{ ROLES "interfaces:\n- { name: eth1 }\n- { name: eth1 }\n" HA ADDRESS LINKS,
	  "F:5: interfaces[1].name: 'eth1': given twice: expected a name other than that of line 4" },

	/* home links */
	{ LINK(""), "F:6: home-agent.home-links: 0 entries: expected 1..16" },
	{ LINK(P(1) P(2) P(3) P(4) P(5) P(6) P(7) P(8) P(9) P(10) P(11) P(12) P(13) P(14) P(15) P(16) P(17)),
	  "F:6: home-agent.home-links: 17 entries: expected 1..16" },
	{ LINK("{ prefix: '2001:db8:1::' }"),
	  "F:6: home-agent.home-links[0].prefix: '2001:db8:1::': expected an IPv6 prefix" },
	{ LINK("{ prefix: 2001:zz::/64 }"), "'2001:zz::/64': expected an IPv6 prefix, address/length" },
	{ LINK("{ prefix: '' }"), "prefix: '': expected an IPv6 prefix, address/length" },
	{ LINK("{ prefix: 192.0.2.0/24 }"), "'192.0.2.0/24': expected an IPv6 prefix, address/length" },
	{ LINK("{ prefix: 2001:0db8:0001:0000:0000:0000:0000:0000:0000:0000:0000/64 }"), "expected an IPv6 prefix" },
	{ LINK("{ prefix: 2001:db8:1::/0 }"), "'2001:db8:1::/0': expected a prefix length of 1..127" },
	{ LINK("{ prefix: 2001:db8:1::/128 }"), "'2001:db8:1::/128': expected a prefix length of 1..127" },
	{ LINK("{ prefix: 2001:db8:1::/4294967360 }"), "expected a prefix length of 1..127" },
	{ LINK("{ prefix: 2001:db8:1::/-1 }"), "expected a prefix length of 1..127" },
	{ LINK("{ prefix: 2001:db8:1::/064 }"), "expected a prefix length of 1..127" },
	{ LINK("{ prefix: 2001:db8:1::/ }"), "expected a prefix length of 1..127" },
	{ LINK("{ prefix: 2001:db8:1::/64/64 }"), "expected a prefix length of 1..127" },
	{ LINK("{ prefix: 2001:db8:1::1/64 }"), "'2001:db8:1::1/64': expected no bits set beyond the prefix length" },
	{ LINK("{ prefix: 2001:db8:1::2/126 }"), "expected no bits set beyond the prefix length" },
	{ LINK("{ prefix: 'fe80::/64' }"), "'fe80::/64': expected a prefix of routable unicast addresses" },
	{ LINK("{ prefix: 'ff00::/8' }"), "'ff00::/8': expected a prefix of routable unicast addresses" },
	{ LINK("\n    { prefix: 2001:db8:1::/64 },\n    { prefix: 2001:db8::/32 }"),
	  "F:8: home-agent.home-links[1].prefix: '2001:db8::/32': expected a prefix that does not overlap that of line 7" },
	{ LINK("{ prefix: 2001:db8:1::/64 }, { prefix: 2001:db8:1::/64 }"), "home-links[1].prefix: '2001:db8:1::/64': "
	  "expected a prefix that does not overlap" },
	{ LINK("{ prefix: 2001:db8:1::/64, interface: eth2 }"),
	  "F:6: home-agent.home-links[0].interface: 'eth2': expected one of the names under interfaces" },
	{ LINK("{ prefix: 2001:db8:1::/64, interface: '' }"), "home-links[0].interface: '': expected 1..15 characters" },
	{ LINK("{ prefix: 2001:db8:1::/64, max-lifetime: 3 }"),
	  "F:6: home-agent.home-links[0].max-lifetime: '3': expected 4..262140 seconds" },
	{ LINK("{ prefix: 2001:db8:1::/64, max-lifetime: 262141 }"), "'262141': expected 4..262140 seconds" },
	{ LINK("{ prefix: 2001:db8:1::/64, max-lifetime: 0 }"), "'0': expected 4..262140 seconds" },
	{ LINK("{ prefix: 2001:db8:1::/64, max-lifetime: -4 }"), "'-4': expected a decimal number, 0..4294967295" },
	{ LINK("{ prefix: 2001:db8:1::/64, max-lifetime: 0x10 }"), "'0x10': expected a decimal number" },
	{ LINK("{ prefix: 2001:db8:1::/64, max-lifetime: 010 }"), "'010': expected a decimal number" },
	{ LINK("{ prefix: 2001:db8:1::/64, max-lifetime: 4294967296 }"), "'4294967296': expected a decimal number" },
	{ LINK("{ prefix: 2001:db8:1::/64, max-lifetime: '' }"), "'': expected a decimal number" },
	{ LINK("{ prefix: 2001:db8:1::/64, max-lifetime: 1h }"), "'1h': expected a decimal number" },

	/* the agent */
	{ TOP HA "  address: 2001:db8::zz\n" LINKS, "F:5: home-agent.address: '2001:db8::zz': expected an IPv6 address" },
	{ TOP HA "  address: 192.0.2.1\n" LINKS, "'192.0.2.1': expected an IPv6 address" },
	{ TOP HA "  address: fe80::1%eth0\n" LINKS, "expected an IPv6 address" },
	{ TOP HA "  address: fe80::1\n" LINKS, "'fe80::1': expected a routable unicast address" },
	{ TOP HA "  address: ff02::1\n" LINKS, "'ff02::1': expected a routable unicast address" },
	{ TOP HA "  address: '::'\n" LINKS, "'::': expected a routable unicast address" },
	{ TOP HA "  address: ::1\n" LINKS, "'::1': expected a routable unicast address" },
	{ TOP HA "  address: '::ffff:192.0.2.1'\n" LINKS, "expected a routable unicast address" },
	{ TOP HA "  address: '2001:db8:1::'\n" LINKS, "expected an address other than the subnet-router anycast address" },
	{ GOOD "  dad-transmits: 2\n", "F:7: home-agent.dad-transmits: '2': expected 0 or 1" },
	{ GOOD "  refresh-interval: 3\n", "F:7: home-agent.refresh-interval: '3': expected 4..262140 seconds, or 0 for none" },
	{ GOOD "  refresh-interval: 262141\n", "'262141': expected 4..262140 seconds, or 0 for none" },
	{ GOOD "  max-bindings: 0\n", "F:7: home-agent.max-bindings: '0': expected 1..1048576, at least the number" },
	{ GOOD "  max-bindings: 1048577\n", "'1048577': expected 1..1048576" },
	{ NODE("{ home-address: 2001:db8:1::5 }, { home-address: 2001:db8:1::6 }") "  max-bindings: 1\n",
	  "F:8: home-agent.max-bindings: '1': expected 2..1048576" },

	/* mobile nodes */
	{ NODE("{ home-address: 2001::zz }"),
	  "F:7: home-agent.mobile-nodes[0].home-address: '2001::zz': expected an IPv6 address" },
	{ NODE("{ home-address: 'fe80::5' }"), "'fe80::5': expected a routable unicast address" },
	{ NODE("{ home-address: 2001:db8:2::5 }"), "'2001:db8:2::5': expected an address inside the prefix of a home link" },
	{ NODE("{ home-address: 2001:db8:1::1 }"), "'2001:db8:1::1': expected an address other than the agent's" },
	{ NODE("{ home-address: '2001:db8:1::' }"), "'2001:db8:1::': expected an address other than the subnet-router" },
	{ NODE("{ home-address: 2001:db8:1::5, max-lifetime: 3 }"),
	  "F:7: home-agent.mobile-nodes[0].max-lifetime: '3': expected 4..262140 seconds" },
	{ NODE("{ home-address: 2001:db8:1::5, max-lifetime: 262141 }"), "'262141': expected 4..262140 seconds" },
	{ NODE("\n    { home-address: 2001:db8:1::5 },\n"
	       "    { home-address: 2001:db8:1::6 },\n    { home-address: 2001:DB8:1:0::5 }"),
	  "F:10: home-agent.mobile-nodes[2].home-address: '2001:DB8:1:0::5': given twice: expected an address other than that "
	  "of line 8" },

	/* the rest */
	{ GOOD "pin-directory: bpf/mobgw\n", "F:7: pin-directory: 'bpf/mobgw': expected an absolute path" },
	{ GOOD "pin-directory: ''\n", "F:7: pin-directory: '': expected 1..1024 characters" },
	{ GOOD "home-device: abcdefghijklmno\n", "F:7: home-device: 'abcdefghijklmno': expected 1..14 characters" },
	{ GOOD "home-device: a:b\n", "F:7: home-device: 'a:b': expected the name of a network device" },
	{ GOOD "home-device: eth1\n", "'eth1': expected a name that, also with p added, is none of interfaces" },
	{ ROLES "interfaces: [{ name: eth1 }, { name: mobgw0p }]\n" HA ADDRESS LINKS,
	  "home-device: expected a name that, also with p added, is none of interfaces" },
	{ GOOD "control: 1\n", "F:7: control: '1': expected a mapping" },
	{ GOOD "control: { path: run/x }\n", "F:7: control.path: 'run/x': expected an absolute path" },
	{ GOOD "control: { mode: rw }\n", "F:7: control.mode: 'rw': expected an octal mode, 0000..0777" },
	{ GOOD "control: { mode: 0680 }\n", "'0680': expected an octal mode" },
	{ GOOD "control: { mode: 1777 }\n", "'1777': expected an octal mode" },
	{ GOOD "control: { mode: 60 }\n", "'60': expected an octal mode" },
	{ GOOD "control: { mode: 00660 }\n", "'00660': expected an octal mode" },
	{ GOOD "control: { group: 'a b' }\n", "F:7: control.group: 'a b': expected the name of a group" },
	{ GOOD "control: { group: '' }\n", "F:7: control.group: '': expected 1..32 characters" },

	/* the correspondent */
	{ "roles: [correspondent]\n", "F:1: interfaces: missing: expected this key" },
	{ "roles: [correspondent]\n" INTERFACES HA ADDRESS LINKS, "F:3: home-agent: expected only with the role home-agent" },
	{ "roles: [correspondent]\n" INTERFACES "mobile-node: { home-addresses: [{ address: 2001:db8:1::5, "
	  "home-agent: 2001:db8:1::1 }], uplinks: [{ interface: a }] }\n",
	  "F:3: mobile-node: expected only with the role mobile-node" },
	{ "roles: [correspondent, home-agent]\n" INTERFACES, "F:1: home-agent: missing: expected this section for the role" },
	{ "roles: [correspondent, home-agent, mobile-node]\n" INTERFACES, "F:1: roles: expected home-agent or mobile-node: one" },
	{ CORRESPONDENT("nonces: 3"), "F:3: correspondent.nonces: unknown key: expected one of max-bindings, max-lifetime, "
	  "refuse-prefixes" },
	{ GOOD "correspondent:\n", "F:7: correspondent: '': expected a mapping (key: value)" },
	{ GOOD "correspondent: { max-bindings: 0 }\n", "F:7: correspondent.max-bindings: '0': expected 1..65536" },
	{ CORRESPONDENT("max-bindings: many"), "'many': expected a decimal number" },
	{ CORRESPONDENT("refuse-prefixes: '::/0'"), "F:3: correspondent.refuse-prefixes: '::/0': expected a list" },
	{ REFUSED("{ a: b }"), "F:3: correspondent.refuse-prefixes[0]: expected a text" },
	{ REFUSED("2001:zz::/64"), "F:3: correspondent.refuse-prefixes[0]: '2001:zz::/64': expected an IPv6 address, or a "
	  "prefix, address/length" },
	{ REFUSED("192.0.2.0/24"), "'192.0.2.0/24': expected an IPv6 address, or a prefix" },
	{ REFUSED("''"), "refuse-prefixes[0]: '': expected an IPv6 address, or a prefix" },
	{ REFUSED("/64"), "'/64': expected an IPv6 address, or a prefix" },
	{ REFUSED("'fe80::1%eth0'"), "expected an IPv6 address, or a prefix" },
	{ REFUSED("2001:0db8:0001:0000:0000:0000:0000:0000:0000:0000:0000"), "expected an IPv6 address, or a prefix" },
	{ REFUSED("2001:db8::/129"), "'2001:db8::/129': expected a prefix length of 0..128" },
	{ REFUSED("'2001:db8::/'"), "expected a prefix length of 0..128" },
	{ REFUSED("2001:db8::/-1"), "expected a prefix length of 0..128" },
	{ REFUSED("2001:db8::/032"), "expected a prefix length of 0..128" },
	{ REFUSED("'::/00'"), "'::/00': expected a prefix length of 0..128" },
	{ REFUSED("2001:db8::/32/32"), "expected a prefix length of 0..128" },
	{ REFUSED("2001:db8::/4294967328"), "expected a prefix length of 0..128" },
	{ REFUSED("2001:db8::1/127"), "'2001:db8::1/127': expected no bits set beyond the prefix length" },
	{ REFUSED("2001:db8::/0"), "'2001:db8::/0': expected no bits set beyond the prefix length" },
	{ REFUSED("'ff00::/8'"), "'ff00::/8': expected a prefix of routable unicast addresses" },
	{ REFUSED("'fe80::/10'"), "'fe80::/10': expected a prefix of routable unicast addresses" },
	{ REFUSED("'::'"), "'::': expected a prefix of routable unicast addresses" },
	{ REFUSED("'::1'"), "'::1': expected a prefix of routable unicast addresses" },
	{ REFUSED("\n    2001:db8::/32,\n    '::/0',\n    2001:DB8:0::/32"),
	  "F:6: correspondent.refuse-prefixes[2]: '2001:DB8:0::/32': given twice: expected a prefix other than that of "
	  "line 4" },
	/* protection */
	{ IN_CLEAR, "F:1: ipsec.keys: missing: expected the path of a file of keys" },
	{ IN_CLEAR "ipsec: { payload: protected }\n", "ipsec.keys: missing: expected the path of a file of keys" },
	{ IN_CLEAR "ipsec: { keys: k }\n", "F:6: ipsec.keys: 'k': expected an absolute path" },
	{ IN_CLEAR "ipsec: { keys: /k, ike: {} }\n", "ipsec.ike: expected only without keys" },
	{ IN_CLEAR "ipsec: { ike: { socket: x } }\n", "ipsec.ike.socket: 'x': expected an absolute path" },
	{ IN_CLEAR "ipsec: { ike: { agent-id: 'a b' } }\n", "ipsec.ike.agent-id: 'a b': expected visible ASCII without" },
	{ IN_CLEAR "ipsec: { ike: { secrets: x } }\n", "ipsec.ike.secrets: 'x': expected an absolute path" },
	{ GOOD "  authentication: none\n", "F:2: ipsec: expected only with authentication: ipsec" },
	{ GOOD "  authentication: auth-option\n", "F:1: auth-option: missing: expected this section with authentication: " },
	{ GOOD "auth-option: { keys: /k }\n", "F:7: auth-option: expected only with authentication: auth-option" },
	{ IN_CLEAR "  authentication: auth-option\nauth-option: { keys: k }\n", "auth-option.keys: 'k': expected an absolute" },
	{ IN_CLEAR "  authentication: auth-option\nauth-option: { keys: /k, window: 3 }\n", "'3': expected 4..255 seconds" },
	{ "roles: [correspondent]\n" INTERFACES "ipsec: { keys: /k }\n", "F:3: ipsec: expected only with authentication" },
	{ NODE("{ home-address: 2001:db8:1::7, id: a }, { home-address: 2001:db8:1::8, id: a }"), "id 'a' given twice: " },
	{ NODE("{ home-address: 2001:db8:1::7, id: 'a\"' }"), "mobile-nodes[0].id: 'a\"': expected visible ASCII without" },
	{ NODE("{ home-address: 2001:db8:1::7, id: '*@b' }"), "mobile-nodes[0].id: '*@b': expected visible ASCII without" },
	{ NODE("{ home-address: 2001:db8:1::7, id: a@B }, { home-address: 2001:db8:1::8, id: A@b }"), "given twice: " },
	{ NODE("{ home-address: 2001:db8:1::7, id: '2001:DB8:1:0::8' }, { home-address: 2001:db8:1::8 }"),
	  "id '2001:DB8:1:0::8': expected another than the home address" },
	{ REFUSED("2001:db8::1, 2001:db8::1/128"), "'2001:db8::1/128': given twice: expected a prefix other than that of line 3" },
	{ REFUSED("'::/0', '::/0'"), "refuse-prefixes[1]: '::/0': given twice" },
};
/* clang-format on */

static void bad_configurations_are_refused_with_place_and_expectation(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad_texts); i++) {
		struct outcome got = parse(bad_texts[i].text, strlen(bad_texts[i].text));

		if (got.err != -EINVAL || got.config || !strstr(got.errors, bad_texts[i].message))
			fail_msg("case %zu: %d\n%s\nexpected: %s\ngot: %s", i, got.err, bad_texts[i].text,
				 bad_texts[i].message, got.errors);
		forget(&got);
	}
}

static void all_errors_are_said_in_one_run(void **state)
{
	static const char text[] =
		"roles: [home-agent]\n"
		"interfaces: [{ name: eth0 }, { name: eth0 }]\n"
		"colour: blue\n"
		"home-agent:\n"
		"  address: fe80::1\n"
		"  home-links: [{ prefix: 2001:db8:1::1/64, interface: eth7, max-lifetime: 1 }]\n"
		"  mobile-nodes: [{ home-address: x }, { home-address: 2001:db8:1::5, max-lifetime: 1 }]\n"
		"control: { mode: 9, path: x }\n";
	struct outcome got = parse(text, strlen(text));

	assert_int_equal(got.err, -EINVAL);
	assert_int_equal(count_lines(got.errors), 12);
	forget(&got);
}

static void errors_beyond_the_bound_are_only_counted(void **state)
{
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	struct outcome got;

	fputs(GOOD "  mobile-nodes:\n", out);
	for (int i = 0; i < 100000; i++)
		fputs("  - { home-address: 2001:db8:1::77 }\n", out);
	fclose(out);
	got = parse(text, len);
	assert_int_equal(got.err, -EINVAL);
	assert_int_equal(count_lines(got.errors), CONFIG_MAX_ERRORS + 1);
	assert_non_null(strstr(got.errors, "F: 99949 more errors not shown\n"));
	forget(&got);
	free(text);
}

static void nul_octets_and_other_encodings_are_refused(void **state)
{
	static const char nul[] = "roles:\n\0[home-agent]\n", utf16[] = "\xff\xfe"
									"a\0:\0 \0b\0";
	struct outcome got = parse(nul, sizeof(nul) - 1);

	assert_int_equal(got.err, -EINVAL);
	assert_string_equal(got.errors, "F:2: expected text without NUL\n");
	forget(&got);
	got = parse(utf16, sizeof(utf16) - 1);
	assert_int_equal(got.err, -EINVAL);
	forget(&got);
	got = parse("\xff\xfe", 2);
	assert_non_null(strstr(got.errors, "F:1: expected printable UTF-8 text: "));
	forget(&got);
}

static void size_is_bounded(void **state)
{
	char *text = malloc(CONFIG_MAX_BYTES + 1);
	struct outcome got;

	assert_non_null(text);
	memset(text, '\n', CONFIG_MAX_BYTES + 1);
	memmove(text, GOOD, sizeof(GOOD) - 1);
	got = parse(text, CONFIG_MAX_BYTES);
	assert_int_equal(got.err, 0);
	forget(&got);
	got = parse(text, CONFIG_MAX_BYTES + 1);
	assert_int_equal(got.err, -EINVAL);
	assert_string_equal(got.errors, "F: too big: expected at most 16777216 octets\n");
	forget(&got);
	free(text);
}

/* Billion laughs: refused at the first anchor, before anything is expanded. */
static void bombs_are_refused(void **state)
{
	static const char bomb[] = "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nroles: *c\n";
	struct outcome got = parse(bomb, strlen(bomb));

	assert_int_equal(got.err, -EINVAL);
	assert_string_equal(got.errors, "F:1: expected no anchor and no tag before a value\n");
	forget(&got);
}

static void unreadable_files_give_their_errno(void **state)
{
	static const struct {
		const char *path;
		int err;
		const char *message;
	} cases[] = {
		{ "/nonexistent/mobgwd.yaml", -ENOENT, ": expected a readable file: No such file" },
		{ "/", -EISDIR, "/: expected a readable file: Is a directory" },
		{ "/dev/null", -EINVAL, "/dev/null: empty: expected a configuration" },
		{ "/dev/zero", -EINVAL, "/dev/zero: too big: expected at most" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct outcome got = load(cases[i].path);

		if (got.err != cases[i].err || !strstr(got.errors, cases[i].message))
			fail_msg("%s: %d %s", cases[i].path, got.err, got.errors);
		forget(&got);
	}
}

/* Root reads everything: as another user in a child. */
static void a_file_without_permission_is_refused(void **state)
{
	char path[] = "/tmp/mobgw-config-XXXXXX";
	int fd = mkstemp(path);
	struct outcome got;
	uid_t user = geteuid();

	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, 0), 0);
	close(fd);
	if (user == 0)
		assert_int_equal(seteuid(65534), 0);
	got = load(path);
	if (user == 0)
		assert_int_equal(seteuid(0), 0);
	unlink(path);
	assert_int_equal(got.err, -EACCES);
	assert_non_null(strstr(got.errors, ": expected a readable file: Permission denied\n"));
	forget(&got);
}

static struct in6_addr addr(const char *text)
{
	struct in6_addr parsed;

	assert_int_equal(inet_pton(AF_INET6, text, &parsed), 1);
	return parsed;
}

static void the_example_of_the_issue_loads_as_meant(void **state)
{
	struct config *config = parse_good(
		"roles: [home-agent]\n"
		"interfaces:\n"
		"  - { name: eth0 }                     # mode: auto | native | generic | tc\n"
		"  - { name: eth1 }\n"
		"home-agent:\n"
		"  address: 2001:db8:1::1\n"
		"  home-links:\n"
		"    - { prefix: 2001:db8:1::/64, interface: eth1, max-lifetime: 3600 }   # no interface: virtual\n"
		"  authentication: none\n"
		"  mobile-nodes:\n"
		"    - { home-address: 2001:db8:1::100 }\n");
	struct in6_addr agent = addr("2001:db8:1::1"), home = addr("2001:db8:1::100"), off = addr("2001:db8:2::1");

	assert_int_equal(config->roles, ROLE_HOME_AGENT | ROLE_CORRESPONDENT);
	assert_int_equal(config->interface_count, 2);
	assert_string_equal(config->interfaces[0].name, "eth0");
	assert_string_equal(config->interfaces[1].name, "eth1");
	assert_int_equal(config->interfaces[0].mode, ATTACH_AUTO);
	assert_true(addr_equal(&config->agent, &agent));
	assert_int_equal(config->home_link_count, 1);
	assert_int_equal(config->home_links[0].prefix_len, 64);
	assert_string_equal(config->home_links[0].interface, "eth1");
	assert_int_equal(config->home_links[0].max_lifetime_s, 3600);
	assert_int_equal(config->auth, AUTH_NONE);
	assert_int_equal(config->mobile_node_count, 1);
	assert_int_equal(config_mobile_node(config, &home)->max_lifetime_s, 0);
	assert_null(config_mobile_node(config, &agent));
	assert_int_equal(config_home_link(config, &home), 0);
	assert_int_equal(config_home_link(config, &off), -1);
	config_free(config);
}

static void what_is_not_given_has_its_default(void **state)
{
	struct config *config = parse_good(TOP HA ADDRESS "  home-links: [{ prefix: 2001:db8:1::/64 }]\n");

	assert_int_equal(config->auth, AUTH_IPSEC);
	assert_string_equal(config->home_links[0].interface, "");
	assert_int_equal(config->home_links[0].max_lifetime_s, 3600);
	assert_int_equal(config->mobile_node_count, 0);
	assert_int_equal(config->max_bindings, 65536);
	assert_int_equal(config->refresh_s, 0);
	assert_int_equal(config->dad_transmits, 1);
	assert_string_equal(config->pin_dir, "/sys/fs/bpf/mobgw");
	assert_string_equal(config->home_device, "mobgw0");
	assert_string_equal(config->control_path, "/run/mobgw/control");
	assert_null(config->control_group);
	assert_int_equal(config->control_mode, 0660);
	assert_int_equal(config->peer_bindings, 4096);
	assert_int_equal(config->peer_lifetime_s, 420);
	assert_int_equal(config->refused_count, 0);
	config_free(config);
}

static void a_correspondent_alone_has_no_agent_and_no_homes(void **state)
{
	struct config *config = parse_good("roles: [correspondent]\n" INTERFACES);

	assert_int_equal(config->roles, ROLE_CORRESPONDENT);
	assert_true(IN6_IS_ADDR_UNSPECIFIED(&config->agent));
	assert_int_equal(config->interface_count, 2);
	assert_int_equal(config->interfaces[0].mode, ATTACH_AUTO);
	assert_int_equal(config->home_link_count, 0);
	assert_int_equal(config->mobile_node_count, 0);
	assert_int_equal(config->home_address_count, 0);
	assert_int_equal(config->max_bindings, 0);
	assert_int_equal(config->peer_bindings, 4096);
	assert_int_equal(config->peer_lifetime_s, 420);
	assert_int_equal(config->refused_count, 0);
	config_free(config);
}

/* Naming what every node is changes nothing. */
static void correspondent_may_stand_beside_another_role(void **state)
{
	struct config *config =
		parse_good("roles: [home-agent, correspondent]\nipsec: { keys: /k }\n" INTERFACES HA ADDRESS LINKS);
	char *text = print(config);

	assert_int_equal(config->roles, ROLE_HOME_AGENT | ROLE_CORRESPONDENT);
	assert_null(strstr(text, "- correspondent"));
	free(text);
	config_free(config);
	config = parse_good("roles: [correspondent]\n" INTERFACES);
	text = print(config);
	assert_non_null(strstr(text, "- correspondent"));
	free(text);
	config_free(config);
}

/* clang-format off */
static const struct boundary {
	const char *text;
	const char *message; /* NULL: is taken */
} boundaries[] = {
	{ CORRESPONDENT("max-bindings: 0"), "correspondent.max-bindings: '0': expected 1..65536" },
	{ CORRESPONDENT("max-bindings: 1"), NULL },
	{ CORRESPONDENT("max-bindings: 2"), NULL },
	{ CORRESPONDENT("max-bindings: 65535"), NULL },
	{ CORRESPONDENT("max-bindings: 65536"), NULL },
	{ CORRESPONDENT("max-bindings: 65537"), "correspondent.max-bindings: '65537': expected 1..65536" },
	{ CORRESPONDENT("max-lifetime: 3"), "correspondent.max-lifetime: '3': expected 4..420 seconds" },
	{ CORRESPONDENT("max-lifetime: 4"), NULL },
	{ CORRESPONDENT("max-lifetime: 5"), NULL },
	{ CORRESPONDENT("max-lifetime: 419"), NULL },
	{ CORRESPONDENT("max-lifetime: 420"), NULL },
	{ CORRESPONDENT("max-lifetime: 421"), "correspondent.max-lifetime: '421': expected 4..420 seconds" },
	{ CORRESPONDENT("max-lifetime: 0"), "correspondent.max-lifetime: '0': expected 4..420 seconds" },
	{ REFUSED("2001:db8::1/127"), "expected no bits set beyond the prefix length" },
	{ REFUSED("2001:db8::1/128"), NULL },
	{ REFUSED("2001:db8::1/129"), "'2001:db8::1/129': expected a prefix length of 0..128" },
	{ REFUSED("'::/0'"), NULL },
	{ REFUSED("'::/1'"), NULL },
	{ REFUSED("8000::/1"), NULL },
	{ REFUSED("8000::/0"), "'8000::/0': expected no bits set beyond the prefix length" },
	{ REFUSED(""), NULL },
};
/* clang-format on */

static void each_value_is_taken_up_to_its_limit_and_refused_beyond(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(boundaries); i++) {
		const struct boundary *now = &boundaries[i];
		struct outcome got = parse(now->text, strlen(now->text));
		bool as_meant = now->message ? got.err == -EINVAL && strstr(got.errors, now->message)
					     : !got.err && !got.errors_len;

		if (!as_meant)
			fail_msg("case %zu: %d\n%s\nexpected: %s\ngot: %s", i, got.err, now->text,
				 now->message ? now->message : "taken", got.errors);
		forget(&got);
	}
}

static void refused_prefixes_end_at_their_limit(void **state)
{
	for (size_t count = LIMIT_REFUSED - 1; count <= LIMIT_REFUSED + 1; count++) {
		char *text;
		size_t len;
		FILE *out = open_memstream(&text, &len);
		struct outcome got;

		fputs("roles: [correspondent]\n" INTERFACES "correspondent:\n  refuse-prefixes:\n", out);
		for (size_t i = 0; i < count; i++)
			fprintf(out, "  - 2001:db8:%zx::/48\n", i + 1);
		fclose(out);
		got = parse(text, len);
		if (got.err != (count > LIMIT_REFUSED ? -EINVAL : 0))
			fail_msg("%zu entries: %d %s", count, got.err, got.errors);
		if (got.err)
			assert_string_equal(got.errors,
					    "F:4: correspondent.refuse-prefixes: 65 entries: expected 0..64\n");
		else
			assert_int_equal(got.config->refused_count, count);
		forget(&got);
		free(text);
	}
}

/* A refused entry has no prefix: not one that the next can be the twin of. */
static void two_bad_prefixes_give_one_message_each(void **state)
{
	static const char text[] = REFUSED("a, b, 2001:db8::1/64, 2001:db8::1/64");
	struct outcome got = parse(text, strlen(text));

	assert_int_equal(got.err, -EINVAL);
	assert_int_equal(count_lines(got.errors), 4);
	assert_null(strstr(got.errors, "twice"));
	forget(&got);
}

static void a_list_of_prefixes_holds_what_is_inside_of_one(void **state)
{
	struct config *config =
		parse_good(REFUSED("2001:db8:1::/48, 2001:db8:2::5, 2001:db8:8000::/33, 2001:db8:3::6/127"));
	static const struct {
		const char *addr;
		bool held;
	} cases[] = {
		{ "2001:db8:1::", true },
		{ "2001:db8:1:ffff:ffff:ffff:ffff:ffff", true },
		{ "2001:db8:0:ffff:ffff:ffff:ffff:ffff", false },
		{ "2001:db8:2::5", true },
		{ "2001:db8:2::4", false },
		{ "2001:db8:2::6", false },
		{ "2001:db8:8000::1", true },
		{ "2001:db8:7fff::1", false },
		{ "2001:db8:3::5", false },
		{ "2001:db8:3::6", true },
		{ "2001:db8:3::7", true },
		{ "2001:db8:3::8", false },
	};

	assert_int_equal(config->refused_count, 4);
	assert_int_equal(config->refused[1].len, 128);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct in6_addr a = addr(cases[i].addr);

		if (config_prefixes_hold(config->refused, config->refused_count, &a) != cases[i].held)
			fail_msg("%s", cases[i].addr);
		assert_false(config_prefixes_hold(config->refused, 0, &a));
		assert_false(config_prefixes_hold(NULL, 0, &a));
	}
	config_free(config);
	config = parse_good(REFUSED("'::/0'"));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct in6_addr a = addr(cases[i].addr);

		assert_true(config_prefixes_hold(config->refused, config->refused_count, &a));
	}
	config_free(config);
}

static void attach_modes_have_the_names_of_the_file(void **state)
{
	assert_string_equal(attach_mode_name(ATTACH_AUTO), "auto");
	assert_string_equal(attach_mode_name(ATTACH_NATIVE), "native");
	assert_string_equal(attach_mode_name(ATTACH_GENERIC), "generic");
	assert_string_equal(attach_mode_name(ATTACH_TC), "tc");
	assert_string_equal(attach_mode_name(ATTACH_TC + 1), "unknown");
}

static void assert_same_top(const struct config *a, const struct config *b)
{
	assert_int_equal(a->roles, b->roles);
	assert_int_equal(a->interface_count, b->interface_count);
	for (size_t i = 0; i < a->interface_count; i++) {
		assert_string_equal(a->interfaces[i].name, b->interfaces[i].name);
		assert_int_equal(a->interfaces[i].mode, b->interfaces[i].mode);
	}
	assert_string_equal(a->pin_dir, b->pin_dir);
	assert_string_equal(a->home_device, b->home_device);
	assert_string_equal(a->control_path, b->control_path);
	assert_int_equal(a->control_mode, b->control_mode);
	assert_int_equal(!a->control_group, !b->control_group);
	if (a->control_group)
		assert_string_equal(a->control_group, b->control_group);
}

static void assert_same(const struct config *a, const struct config *b)
{
	assert_same_top(a, b);
	assert_int_equal(a->peer_bindings, b->peer_bindings);
	assert_int_equal(a->peer_lifetime_s, b->peer_lifetime_s);
	assert_int_equal(a->refused_count, b->refused_count);
	assert_memory_equal(a->refused, b->refused, a->refused_count * sizeof(*a->refused));
	assert_true(addr_equal(&a->agent, &b->agent));
	assert_int_equal(a->auth, b->auth);
	assert_int_equal(a->max_bindings, b->max_bindings);
	assert_int_equal(a->refresh_s, b->refresh_s);
	assert_int_equal(a->dad_transmits, b->dad_transmits);
	assert_int_equal(a->home_link_count, b->home_link_count);
	for (size_t i = 0; i < a->home_link_count; i++) {
		assert_true(addr_equal(&a->home_links[i].prefix, &b->home_links[i].prefix));
		assert_int_equal(a->home_links[i].prefix_len, b->home_links[i].prefix_len);
		assert_string_equal(a->home_links[i].interface, b->home_links[i].interface);
		assert_int_equal(a->home_links[i].max_lifetime_s, b->home_links[i].max_lifetime_s);
	}
	assert_int_equal(a->mobile_node_count, b->mobile_node_count);
	for (size_t i = 0; i < a->mobile_node_count; i++) {
		assert_true(addr_equal(&a->mobile_nodes[i].home, &b->mobile_nodes[i].home));
		assert_int_equal(a->mobile_nodes[i].max_lifetime_s, b->mobile_nodes[i].max_lifetime_s);
	}
}

static const char *const good_texts[] = {
	GOOD,
	"\xef\xbb\xbf" GOOD,
	"%YAML 1.1\n---\n" GOOD "...\n",
	TOP HA "  address: 2001:db8:9::1\n" LINKS, /* off the home link */
	GOOD "  mobile-nodes: []\n",
	NODE("{ home-address: 2001:db8:1::9, max-lifetime: 4 }, { home-address: 2001:db8:1::3, max-lifetime: 262140 }"),
	LINK("{ prefix: 2000::/3, max-lifetime: 262140 }"),
	LINK("{ prefix: 8000::/1, max-lifetime: 4 }"),
	LINK("{ prefix: 2001:db8:1::/127 }, { prefix: 2001:db8:1::2/127 }"),
	LINK(P(1) P(2) P(3) P(4) P(5) P(6) P(7) P(8) P(9) P(10) P(11) P(12) P(13) P(14) P(15) P(16)),
	GOOD "  dad-transmits: 0\n  refresh-interval: 4\n  max-bindings: 1\n  authentication: ipsec\n",
	IN_CLEAR "  dad-transmits: 1\n  refresh-interval: 262140\n  max-bindings: 1048576\n  authentication: none\n",
	GOOD "  refresh-interval: 0\n",
	GOOD "control: { path: '/run/a b: #\"\\', group: mobgw, mode: 600 }\n",
	GOOD "control: { group: \"123\", mode: \"0000\" }\npin-directory: \"/sys/\\u00e4\\n: x\"\nhome-device: "
	     "abcdefghijklmn\n",
	ROLES "interfaces: [{ name: abcdefghijklmno, mode: native }, { name: '~', mode: generic }, { name: 'null', "
	      "mode: tc }, "
	      "{ name: eth1, mode: auto }, { name: '0x1' }]\n" HA ADDRESS LINKS,
	GOOD "correspondent: { max-bindings: 1, max-lifetime: 4, refuse-prefixes: [] }\n",
	"roles: [correspondent, home-agent]\nipsec: { keys: /k }\n" INTERFACES HA ADDRESS LINKS "correspondent: {}\n",
	"roles: [correspondent]\n" INTERFACES,
	IN_CLEAR "  authentication: auth-option\nauth-option: { keys: /k }\n",
	IN_CLEAR "  authentication: auth-option\nauth-option: { keys: /k, window: 4, timestamps: optional }\n",
	IN_CLEAR "ipsec: { ike: {}, home-tests: clear, payload: protected }\n",
	NODE("{ home-address: 2001:db8:1::7, id: bus7@example.org }"),
	IN_CLEAR "ipsec: { ike: { socket: /s, agent-id: ha, secrets: /p }, payload: clear }\n",
	CORRESPONDENT("max-bindings: 65536, max-lifetime: 420"),
	REFUSED("'::/0', 2001:db8::/32, 2001:db8::/128, 2001:db8::1, 8000::/1, '::/1', 64:ff9b::/96"),
};

static void printed_configurations_load_to_the_same(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(good_texts); i++) {
		struct config *first = parse_good(good_texts[i]), *second;
		char *text = print(first), *again;

		second = parse_good(text);
		again = print(second);
		assert_same(first, second);
		assert_string_equal(text, again);
		config_free(first);
		config_free(second);
		free(text);
		free(again);
	}
}

/* Time is the processor's, so a busy machine does not matter. */
static void a_hundred_thousand_mobile_nodes_load_in_two_seconds(void **state)
{
#ifdef __SANITIZE_ADDRESS__
	const double bound_s = 20;
#else
	const double bound_s = 2;
#endif
	struct config *config, *again;
	clock_t start = clock();
	char *text, *printed;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	fputs(GOOD "  mobile-nodes:\n", out);
	for (uint32_t i = 0; i < 100000; i++)
		fprintf(out, "    - { home-address: 2001:db8:1:0:1:%x:%x:%x, max-lifetime: 600 }\n", i * 40503 & 0xffff,
			i >> 16, i & 0xffff);
	fclose(out);
	config = parse_good(text);
	assert_true((double)(clock() - start) / CLOCKS_PER_SEC < bound_s);

	assert_int_equal(config->mobile_node_count, 100000);
	assert_int_equal(config->max_bindings, 100000);
	for (size_t i = 0; i < config->mobile_node_count; i++)
		assert_ptr_equal(config_mobile_node(config, &config->mobile_nodes[i].home), &config->mobile_nodes[i]);
	printed = print(config);
	again = parse_good(printed);
	assert_same(config, again);
	config_free(config);
	config_free(again);
	free(printed);
	free(text);
}

#define MANUAL "docs/mobgwd.conf.5.scd"

static void note_key(const char *path, bool required, void *arg)
{
	fprintf(arg, "%s %s\n", path, required ? "required" : "optional");
}

/* "*home-agent.address* (address, required)" at the start of a line documents a key. */
static void note_manual_line(const char *line, FILE *out)
{
	char path[128], rest[128], space;

	if (sscanf(line, "*%127[]a-z.[-]*%c(%127[^\n]", path, &space, rest) == 3 && space == ' ')
		fprintf(out, "%s %s\n", path, strstr(rest, "required") ? "required" : "optional");
}

static void the_manual_page_names_the_keys_of_the_schema(void **state)
{
	FILE *manual = fopen(MANUAL, "r"), *out;
	char *schema, *documented, *line = NULL;
	size_t size, space = 0;

	out = open_memstream(&schema, &size);
	config_schema_keys(note_key, out);
	fclose(out);

	assert_non_null(manual); /* tests run in the root of the repository */
	out = open_memstream(&documented, &size);
	while (getline(&line, &space, manual) >= 0)
		note_manual_line(line, out);
	fclose(out);
	fclose(manual);

	assert_string_equal(documented, schema);
	free(line);
	free(schema);
	free(documented);
}

/* A configuration begins with its roles; the others are commands. */
static bool example_loads(const char *example)
{
	if (strncmp(example, "roles:", strlen("roles:")) != 0)
		return false;
	config_free(parse_good(example));
	return true;
}

/* Each between two lines of ``` */
static void the_examples_of_the_manual_page_load(void **state)
{
	FILE *manual = fopen(MANUAL, "r"), *out = NULL;
	char *example, *line = NULL;
	size_t size, space = 0, loaded = 0, others = 0;

	assert_non_null(manual);
	while (getline(&line, &space, manual) >= 0) {
		if (strcmp(line, "```\n") != 0) {
			if (out)
				fputs(line, out);
		} else if (!out) {
			out = open_memstream(&example, &size);
		} else {
			fclose(out);
			out = NULL;
			*(example_loads(example) ? &loaded : &others) += 1;
			free(example);
		}
	}
	fclose(manual);
	free(line);
	assert_int_equal(loaded, 6);
	assert_int_equal(others, 3);
}

static void the_packaged_examples_load(void **state)
{
	static const char *const paths[] = { "packaging/mobgwd.yaml", "packaging/mobgwd-mobile-node.yaml",
					     "packaging/mobgwd-correspondent.yaml" };

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		struct outcome got = load(paths[i]);

		if (got.err)
			fail_msg("%s", got.errors);
		forget(&got);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_configurations_are_refused_with_place_and_expectation),
		cmocka_unit_test(all_errors_are_said_in_one_run),
		cmocka_unit_test(errors_beyond_the_bound_are_only_counted),
		cmocka_unit_test(nul_octets_and_other_encodings_are_refused),
		cmocka_unit_test(size_is_bounded),
		cmocka_unit_test(bombs_are_refused),
		cmocka_unit_test(unreadable_files_give_their_errno),
		cmocka_unit_test(a_file_without_permission_is_refused),
		cmocka_unit_test(the_example_of_the_issue_loads_as_meant),
		cmocka_unit_test(what_is_not_given_has_its_default),
		cmocka_unit_test(a_correspondent_alone_has_no_agent_and_no_homes),
		cmocka_unit_test(correspondent_may_stand_beside_another_role),
		cmocka_unit_test(each_value_is_taken_up_to_its_limit_and_refused_beyond),
		cmocka_unit_test(refused_prefixes_end_at_their_limit),
		cmocka_unit_test(two_bad_prefixes_give_one_message_each),
		cmocka_unit_test(a_list_of_prefixes_holds_what_is_inside_of_one),
		cmocka_unit_test(attach_modes_have_the_names_of_the_file),
		cmocka_unit_test(printed_configurations_load_to_the_same),
		cmocka_unit_test(a_hundred_thousand_mobile_nodes_load_in_two_seconds),
		cmocka_unit_test(the_manual_page_names_the_keys_of_the_schema),
		cmocka_unit_test(the_examples_of_the_manual_page_load),
		cmocka_unit_test(the_packaged_examples_load),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
