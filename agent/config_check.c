/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the words of a configuration mean: addresses, ranges, and what must fit together. Says every fault, with its
 * line. That keys and types are right has been seen to by config_schema.c.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "config_raw.h"

enum {
	LIFETIME_MAX_S = LIFETIME_UNIT_S * UINT16_MAX, /* RFC 6275 §6.1.7 */
	DEFAULT_LIFETIME_S = 3600,
	DEFAULT_MAX_BINDINGS = 65536,
	DEFAULT_ASKED_S = 600,
	DEFAULT_PREFERENCE = 100,
	DEFAULT_PREFIX_LEN = 64,
	DEFAULT_CONTROL_MODE = 0660,
};

#define AT_HOME_AGENT AT_KEY(NULL, "home-agent")
#define AT_INTERFACE(i) AT_INDEX(AT_KEY(NULL, "interfaces"), i)
#define AT_HOME_LINK(i) AT_INDEX(AT_KEY(AT_HOME_AGENT, "home-links"), i)
#define AT_MOBILE_NODE(i) AT_INDEX(AT_KEY(AT_HOME_AGENT, "mobile-nodes"), i)
#define AT_NODE AT_KEY(NULL, "mobile-node")
#define AT_OWN_HOME(i) AT_INDEX(AT_KEY(AT_NODE, "home-addresses"), i)
#define AT_UPLINK(i) AT_INDEX(AT_KEY(AT_NODE, "uplinks"), i)

static const struct range lifetime_range = { "4..262140 seconds", LIFETIME_UNIT_S, LIFETIME_MAX_S, false };
static const struct range refresh_range = { "4..262140 seconds, or 0 for none", LIFETIME_UNIT_S, LIFETIME_MAX_S, true };
static const struct range preference_range = { "0..1000", 0, 1000, false };
static const struct range dad_range = { "0 or 1", 0, 1, false };

static const struct prefix_rule link_prefix = { "an IPv6 prefix, address/length", "1..127", 1, 127, false };

uint32_t config_check_number(struct check *check, const uint32_t *given, uint32_t fallback, const struct range *range,
			     const struct config_at *at)
{
	if (!given)
		return fallback;
	if ((*given < range->min || *given > range->max) && !(range->or_zero && !*given))
		config_source_refuse(check->src, at, "expected %s", range->expected);
	return *given;
}

static bool check_addr(struct check *check, const char *text, struct in6_addr *addr, const struct config_at *at)
{
	if (inet_pton(AF_INET6, text, addr) != 1) {
		config_source_refuse(check->src, at, "expected an IPv6 address");
		return false;
	}
	if (!addr_is_routable(addr)) {
		config_source_refuse(check->src, at, "expected a routable unicast address");
		return false;
	}
	return true;
}

/* As the kernel has it in dev_valid_name(); '%' is a pattern in requests for a new name. */
static bool is_interface_name(const char *name)
{
	for (const char *c = name; *c; c++) {
		if (!isgraph((unsigned char)*c) || *c == '/' || *c == ':' || *c == '%')
			return false;
	}
	return *name && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static bool check_interface_name(struct check *check, const char *name, const struct config_at *at)
{
	if (is_interface_name(name))
		return true;
	config_source_refuse(check->src, at, "expected the name of a network device");
	return false;
}

/* Index of the first interface of that name among the first @count, or -1. */
static int find_interface(const struct config *config, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(config->interfaces[i].name, name) == 0)
			return i;
	}
	return -1;
}

static int check_interfaces(struct check *check)
{
	const struct raw_config *raw = check->raw;
	struct config *config = check->config;

	if (!raw->interfaces_count && !(raw->roles & ROLE_MOBILE_NODE))
		config_source_refuse(check->src, AT_KEY(NULL, "interfaces"), "missing: expected this key");
	config->interfaces = calloc(raw->interfaces_count + LIMIT_UPLINKS, sizeof(*config->interfaces));
	if (!config->interfaces)
		return -ENOMEM;
	config->interface_count = raw->interfaces_count;

	for (size_t i = 0; i < raw->interfaces_count; i++) {
		const struct config_at *at = AT_KEY(AT_INTERFACE(i), "name");
		struct config_interface *ifc = &config->interfaces[i];
		int twin;

		snprintf(ifc->name, sizeof(ifc->name), "%s", raw->interfaces[i].name);
		ifc->mode = raw->interfaces[i].mode;
		check_interface_name(check, ifc->name, at);
		twin = find_interface(config, i, ifc->name);
		if (twin >= 0)
			config_source_refuse(check->src, at, "given twice: expected a name other than that of line %u",
					     config_source_line(check->src, AT_INTERFACE(twin)));
	}
	return 0;
}

static bool has_host_bits(const struct in6_addr *addr, unsigned int prefix_len)
{
	for (unsigned int bit = prefix_len; bit < 128; bit++) {
		if (addr->s6_addr[bit / 8] & 0x80 >> bit % 8)
			return true;
	}
	return false;
}

/* The number behind the slash; -1 where there is none, or one that is written in another way. */
static int prefix_length(const char *digits)
{
	size_t len = strlen(digits);

	if (!len || len > 3 || strspn(digits, "0123456789") != len || (len > 1 && *digits == '0'))
		return -1;
	return strtoul(digits, NULL, 10);
}

int config_check_prefix(struct check *check, const char *text, const struct prefix_rule *rule, struct in6_addr *prefix,
			const struct config_at *at)
{
	const char *slash = strchr(text, '/'), *end = slash ? slash : text + strlen(text);
	int len = slash ? prefix_length(slash + 1) : 128;
	char addr[INET6_ADDRSTRLEN];

	snprintf(addr, sizeof(addr), "%.*s", (int)(end - text), text);
	if ((!slash && !rule->bare) || (size_t)(end - text) >= sizeof(addr) || inet_pton(AF_INET6, addr, prefix) != 1)
		config_source_refuse(check->src, at, "expected %s", rule->expected);
	else if (len < (int)rule->min || len > (int)rule->max)
		config_source_refuse(check->src, at, "expected a prefix length of %s", rule->expected_length);
	else if (has_host_bits(prefix, len))
		config_source_refuse(check->src, at, "expected no bits set beyond the prefix length");
	else if (!addr_is_routable(prefix) && !(rule->bare && len < 128 && IN6_IS_ADDR_UNSPECIFIED(prefix)))
		config_source_refuse(check->src, at, "expected a prefix of routable unicast addresses");
	else
		return len;
	return -1;
}

/* The same for a link; @prefix_len stays 0 where it is refused. */
static void check_prefix(struct check *check, const char *text, struct in6_addr *prefix, uint8_t *prefix_len,
			 const struct config_at *at)
{
	int len = config_check_prefix(check, text, &link_prefix, prefix, at);

	*prefix_len = len < 0 ? 0 : len;
}

static bool overlap(const struct config_home_link *a, const struct config_home_link *b)
{
	unsigned int len = a->prefix_len < b->prefix_len ? a->prefix_len : b->prefix_len;

	return len && addr_in_prefix(&a->prefix, &b->prefix, len);
}

static void check_overlap(struct check *check, size_t index)
{
	const struct config_home_link *links = check->config->home_links;

	for (size_t i = 0; i < index; i++) {
		if (overlap(&links[index], &links[i]))
			config_source_refuse(check->src, AT_KEY(AT_HOME_LINK(index), "prefix"),
					     "expected a prefix that does not overlap that of line %u",
					     config_source_line(check->src, AT_HOME_LINK(i)));
	}
}

static int check_home_links(struct check *check)
{
	const struct raw_home_agent *raw = check->raw->home_agent;
	struct config *config = check->config;

	config->home_links = calloc(raw->home_links_count, sizeof(*config->home_links));
	if (!config->home_links)
		return -ENOMEM;
	config->home_link_count = raw->home_links_count;

	for (size_t i = 0; i < raw->home_links_count; i++) {
		const struct raw_home_link *from = &raw->home_links[i];
		struct config_home_link *link = &config->home_links[i];

		check_prefix(check, from->prefix, &link->prefix, &link->prefix_len, AT_KEY(AT_HOME_LINK(i), "prefix"));
		check_overlap(check, i);
		link->max_lifetime_s = config_check_number(check, from->max_lifetime, DEFAULT_LIFETIME_S,
							   &lifetime_range, AT_KEY(AT_HOME_LINK(i), "max-lifetime"));
		if (!from->interface)
			continue;
		snprintf(link->interface, sizeof(link->interface), "%s", from->interface);
		if (find_interface(config, config->interface_count, link->interface) < 0)
			config_source_refuse(check->src, AT_KEY(AT_HOME_LINK(i), "interface"),
					     "expected one of the names under interfaces");
	}
	return 0;
}

/* Refuses the subnet-router anycast address of a home link (RFC 4291 §2.6.1); @link -1: on none. */
static void check_anycast(struct check *check, const struct in6_addr *addr, int link, const struct config_at *at)
{
	if (link >= 0 && addr_equal(addr, &check->config->home_links[link].prefix))
		config_source_refuse(check->src, at,
				     "expected an address other than the subnet-router anycast address");
}

static void check_agent(struct check *check)
{
	const struct config_at *at = AT_KEY(AT_HOME_AGENT, "address");
	struct in6_addr *agent = &check->config->agent;

	if (check_addr(check, check->raw->home_agent->address, agent, at))
		check_anycast(check, agent, config_home_link(check->config, agent), at);
}

static void check_home_address(struct check *check, const char *text, struct in6_addr *home, const struct config_at *at)
{
	const struct config *config = check->config;
	int link;

	if (!check_addr(check, text, home, at))
		return;
	link = config_home_link(config, home);
	if (link < 0)
		config_source_refuse(check->src, at, "expected an address inside the prefix of a home link");
	if (addr_equal(home, &config->agent))
		config_source_refuse(check->src, at, "expected an address other than the agent's");
	check_anycast(check, home, link, at);
}

static int compare_homes(const void *a, const void *b)
{
	const struct config_mobile_node *x = a, *y = b;

	return memcmp(&x->home, &y->home, sizeof(x->home));
}

/* A home address with its place in the file. */
struct listed {
	struct in6_addr home; /* unspecified: refused already */
	size_t index;
};

static int compare_listed(const void *a, const void *b)
{
	const struct listed *x = a, *y = b;
	int order = memcmp(&x->home, &y->home, sizeof(x->home));

	return order ? order : (x->index > y->index) - (x->index < y->index);
}

/* Sorted, not pairwise: there may be hundreds of thousands. */
static int check_duplicates(struct check *check)
{
	const struct config *config = check->config;
	struct listed *list = calloc(config->mobile_node_count + 1, sizeof(*list));
	size_t count = 0, first = 0;

	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < config->mobile_node_count; i++) {
		if (!IN6_IS_ADDR_UNSPECIFIED(&config->mobile_nodes[i].home))
			list[count++] = (struct listed){ config->mobile_nodes[i].home, i };
	}
	qsort(list, count, sizeof(*list), compare_listed);

	for (size_t i = 1; i < count; i++) {
		if (!addr_equal(&list[i].home, &list[first].home))
			first = i;
		else
			config_source_refuse(check->src, AT_KEY(AT_MOBILE_NODE(list[i].index), "home-address"),
					     "given twice: expected an address other than that of line %u",
					     config_source_line(check->src, AT_MOBILE_NODE(list[first].index)));
	}
	free(list);
	return 0;
}

static int check_mobile_nodes(struct check *check)
{
	const struct raw_home_agent *raw = check->raw->home_agent;
	struct config *config = check->config;
	int err;

	config->mobile_nodes = calloc(raw->mobile_nodes_count + 1, sizeof(*config->mobile_nodes));
	if (!config->mobile_nodes)
		return -ENOMEM;
	config->mobile_node_count = raw->mobile_nodes_count;

	for (size_t i = 0; i < raw->mobile_nodes_count; i++) {
		const struct raw_mobile_node *from = &raw->mobile_nodes[i];
		struct config_mobile_node *node = &config->mobile_nodes[i];

		check_home_address(check, from->home_address, &node->home, AT_KEY(AT_MOBILE_NODE(i), "home-address"));
		node->max_lifetime_s = config_check_number(check, from->max_lifetime, 0, &lifetime_range,
							   AT_KEY(AT_MOBILE_NODE(i), "max-lifetime"));
		err = config_check_id(check, from->id, &node->id, AT_KEY(AT_MOBILE_NODE(i), "id"));
		if (err)
			return err;
	}
	err = check_duplicates(check);
	qsort(config->mobile_nodes, config->mobile_node_count, sizeof(*config->mobile_nodes), compare_homes);
	return err ? err : config_check_ids(check);
}

static void check_max_bindings(struct check *check)
{
	struct config *config = check->config;
	uint32_t nodes = config->mobile_node_count; /* at most LIMIT_BINDINGS by the schema */
	uint32_t fallback = nodes > DEFAULT_MAX_BINDINGS ? nodes : DEFAULT_MAX_BINDINGS;
	struct range range = { "", nodes ? nodes : 1, LIMIT_BINDINGS, false };
	char expected[96];

	snprintf(expected, sizeof(expected), "%u..%u, at least the number of mobile nodes", range.min, range.max);
	range.expected = expected;
	config->max_bindings = config_check_number(check, check->raw->home_agent->max_bindings, fallback, &range,
						   AT_KEY(AT_HOME_AGENT, "max-bindings"));
}

static int check_home_agent(struct check *check)
{
	const struct raw_home_agent *raw = check->raw->home_agent;
	struct config *config = check->config;
	int err;

	if (!raw) {
		config_source_refuse(check->src, AT_HOME_AGENT,
				     "missing: expected this section for the role home-agent");
		return 0;
	}
	config->auth = raw->authentication;
	config->refresh_s = config_check_number(check, raw->refresh_interval, 0, &refresh_range,
						AT_KEY(AT_HOME_AGENT, "refresh-interval"));
	config->dad_transmits =
		config_check_number(check, raw->dad_transmits, 1, &dad_range, AT_KEY(AT_HOME_AGENT, "dad-transmits"));
	err = check_home_links(check); /* before the addresses that must be inside */
	if (err)
		return err;
	check_agent(check);
	err = check_mobile_nodes(check);
	if (err)
		return err;
	check_max_bindings(check);
	return 0;
}

/* ---- the role mobile-node ---- */

static void check_home_prefix(struct check *check, const struct raw_home_address *from,
			      struct config_home_address *home, size_t i)
{
	const struct config_at *at = AT_KEY(AT_OWN_HOME(i), "home-prefix");

	if (from->home_prefix) {
		check_prefix(check, from->home_prefix, &home->prefix, &home->prefix_len, at);
	} else {
		home->prefix_len = DEFAULT_PREFIX_LEN;
		memcpy(&home->prefix, &home->home, DEFAULT_PREFIX_LEN / 8);
	}
	if (!home->prefix_len || IN6_IS_ADDR_UNSPECIFIED(&home->home))
		return; /* refused already */
	if (!addr_in_prefix(&home->home, &home->prefix, home->prefix_len))
		config_source_refuse(check->src, at, "expected a prefix that holds the home address");
	else if (addr_equal(&home->home, &home->prefix))
		config_source_refuse(check->src, AT_KEY(AT_OWN_HOME(i), "address"),
				     "expected an address other than the subnet-router anycast address");
}

static int check_own_home(struct check *check, const struct raw_home_address *from, struct config_home_address *home,
			  size_t i)
{
	const struct config_at *agent = AT_KEY(AT_OWN_HOME(i), "home-agent"), *at = AT_KEY(AT_OWN_HOME(i), "address");

	if (!check_addr(check, from->address, &home->home, at))
		memset(&home->home, 0, sizeof(home->home));
	check_addr(check, from->home_agent, &home->agent, agent);
	check_home_prefix(check, from, home, i);
	home->lifetime_s = config_check_number(check, from->lifetime, DEFAULT_ASKED_S, &lifetime_range,
					       AT_KEY(AT_OWN_HOME(i), "lifetime"));
	for (size_t k = 0; k < i && !IN6_IS_ADDR_UNSPECIFIED(&home->home); k++)
		if (addr_equal(&home->home, &check->config->home_addresses[k].home))
			config_source_refuse(check->src, at,
					     "given twice: expected an address other than that of line %u",
					     config_source_line(check->src, AT_OWN_HOME(k)));
	return config_check_id(check, from->id, &home->id, AT_KEY(AT_OWN_HOME(i), "id"));
}

/* An agent that is one of our own home addresses would be reached through itself. */
static void check_own_agents(struct check *check)
{
	const struct config *config = check->config;

	for (size_t i = 0; i < config->home_address_count; i++)
		for (size_t k = 0; k < config->home_address_count; k++)
			if (!IN6_IS_ADDR_UNSPECIFIED(&config->home_addresses[i].agent) && /* refused already */
			    addr_equal(&config->home_addresses[i].agent, &config->home_addresses[k].home))
				config_source_refuse(check->src, AT_KEY(AT_OWN_HOME(i), "home-agent"),
						     "expected an address that is none of the home addresses");
}

/* What ends in this host's own stack gains nothing from XDP, and TC keeps aggregates whole: mode tc, unless asked for.
 */
static void add_interface(struct check *check, const char *name, size_t uplink)
{
	struct config *config = check->config;

	if (find_interface(config, config->interface_count, name) >= 0)
		return;
	if (config->interface_count == LIMIT_PORTS) {
		config_source_refuse(check->src, AT_KEY(AT_UPLINK(uplink), "interface"),
				     "expected at most %u interfaces, uplinks among them", LIMIT_PORTS);
		return;
	}
	snprintf(config->interfaces[config->interface_count].name, IF_NAMESIZE, "%s", name);
	config->interfaces[config->interface_count++].mode = ATTACH_TC;
}

static void check_uplink(struct check *check, const struct raw_uplink *from, struct config_uplink *uplink, size_t i)
{
	const struct config_at *at = AT_KEY(AT_UPLINK(i), "interface");

	snprintf(uplink->name, sizeof(uplink->name), "%s", from->interface);
	uplink->preference = config_check_number(check, from->preference, DEFAULT_PREFERENCE, &preference_range,
						 AT_KEY(AT_UPLINK(i), "preference"));
	if (!check_interface_name(check, uplink->name, at))
		return;
	for (size_t k = 0; k < i; k++) {
		if (strcmp(uplink->name, check->config->uplinks[k].name))
			continue;
		config_source_refuse(check->src, at, "given twice: expected a name other than that of line %u",
				     config_source_line(check->src, AT_UPLINK(k)));
		return;
	}
	add_interface(check, uplink->name, i);
}

static int check_node(struct check *check)
{
	const struct raw_node *raw = check->raw->mobile_node;
	struct config *config = check->config;

	if (!raw) {
		config_source_refuse(check->src, AT_NODE, "missing: expected this section for the role mobile-node");
		return 0;
	}
	config->home_addresses = calloc(raw->home_addresses_count, sizeof(*config->home_addresses));
	config->uplinks = calloc(raw->uplinks_count, sizeof(*config->uplinks));
	if (!config->home_addresses || !config->uplinks)
		return -ENOMEM;
	config->auth = raw->authentication;
	config->max_bindings = LIMIT_HOME_ADDRESSES; /* the maps need a size: it binds nobody yet */
	for (size_t i = 0; i < raw->home_addresses_count; i++) {
		config->home_address_count++;
		if (check_own_home(check, &raw->home_addresses[i], &config->home_addresses[i], i))
			return -ENOMEM;
	}
	check_own_agents(check);
	for (size_t i = 0; i < raw->uplinks_count; i++) {
		check_uplink(check, &raw->uplinks[i], &config->uplinks[i], i);
		config->uplink_count++;
	}
	return config_check_optimise(check);
}

static int check_roles(struct check *check)
{
	const struct raw_config *raw = check->raw;
	int err = 0;

	if (!raw->roles)
		config_source_refuse(check->src, AT_KEY(NULL, "roles"),
				     "no role: expected home-agent, mobile-node or correspondent");
	if ((raw->roles & ROLE_HOME_AGENT) && (raw->roles & ROLE_MOBILE_NODE))
		config_source_refuse(check->src, AT_KEY(NULL, "roles"),
				     "expected home-agent or mobile-node: one daemon can't be both");
	if (raw->home_agent && raw->roles && !(raw->roles & ROLE_HOME_AGENT))
		config_source_refuse(check->src, AT_HOME_AGENT, "expected only with the role home-agent");
	if (raw->mobile_node && raw->roles && !(raw->roles & ROLE_MOBILE_NODE))
		config_source_refuse(check->src, AT_NODE, "expected only with the role mobile-node");
	if (raw->roles & ROLE_HOME_AGENT)
		err = check_home_agent(check);
	if (!err && raw->roles & ROLE_MOBILE_NODE)
		err = check_node(check);
	if (!err)
		err = config_check_protection(check);
	return err ? err : config_check_correspondent(check);
}

/* A copy of @given or @fallback in *@out. */
static int check_path(struct check *check, const char *given, const char *fallback, char **out,
		      const struct config_at *at)
{
	if (given && *given != '/')
		config_source_refuse(check->src, at, "expected an absolute path");
	*out = strdup(given ? given : fallback);
	return *out ? 0 : -ENOMEM;
}

static void check_home_device(struct check *check)
{
	const struct config *config = check->config;
	const struct config_at *at = AT_KEY(NULL, "home-device");
	char peer[IF_NAMESIZE + 1];

	snprintf(peer, sizeof(peer), "%sp", config->home_device);
	if (!check_interface_name(check, config->home_device, at))
		return;
	if (find_interface(config, config->interface_count, config->home_device) >= 0 ||
	    find_interface(config, config->interface_count, peer) >= 0)
		config_source_refuse(check->src, at, "expected a name that, also with p added, is none of interfaces");
}

static int check_control(struct check *check)
{
	static const struct raw_control none;
	const struct raw_control *raw = check->raw->control ? check->raw->control : &none;
	const struct config_at *control = AT_KEY(NULL, "control");
	struct config *config = check->config;
	int err;

	err = check_path(check, raw->path, "/run/mobgw/control", &config->control_path, AT_KEY(control, "path"));
	if (err)
		return err;
	config->control_mode = DEFAULT_CONTROL_MODE;
	if (raw->mode) {
		size_t len = strlen(raw->mode);

		if (len < 3 || len > 4 || strspn(raw->mode, "01234567") != len || (len == 4 && raw->mode[0] != '0'))
			config_source_refuse(check->src, AT_KEY(control, "mode"), "expected an octal mode, 0000..0777");
		config->control_mode = strtoul(raw->mode, NULL, 8) & 0777;
	}
	if (raw->group) {
		if (strspn(raw->group, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") !=
		    strlen(raw->group))
			config_source_refuse(check->src, AT_KEY(control, "group"), "expected the name of a group");
		config->control_group = strdup(raw->group);
		if (!config->control_group)
			return -ENOMEM;
	}
	return 0;
}

int config_check(struct config_source *src, const struct raw_config *raw, struct config *config)
{
	struct check check = { .src = src, .raw = raw, .config = config };
	int err;

	config->roles = raw->roles | ROLE_CORRESPONDENT; /* every node is one, RFC 6275 §8.1 */
	err = check_interfaces(&check);
	if (!err)
		err = check_roles(&check);
	if (!err)
		err = check_path(&check, raw->pin_directory, "/sys/fs/bpf/mobgw", &config->pin_dir,
				 AT_KEY(NULL, "pin-directory"));
	if (!err)
		err = check_control(&check);
	if (err)
		return err;
	config->home_device = strdup(raw->home_device ? raw->home_device : "mobgw0");
	if (!config->home_device)
		return -ENOMEM;
	check_home_device(&check);
	return src->error_count ? -EINVAL : 0;
}
