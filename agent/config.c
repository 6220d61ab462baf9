/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Configuration as the rest of the agent knows it: a file or octets to a struct config, that printed again, and the
 * look-ups in it. The steps in between are config_source.c, config_schema.c and config_check.c.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "config_raw.h"

int config_parse(const char *data, size_t len, const char *name, struct config **out, FILE *errors)
{
	static const char bom[3] = { '\xef', '\xbb', '\xbf' };
	struct config_source src = { .name = name, .errors = errors };
	struct config *config = calloc(1, sizeof(*config));
	struct raw_config *raw = NULL;
	int err = -ENOMEM;

	if (!config)
		goto say;
	if (len >= sizeof(bom) && memcmp(data, bom, sizeof(bom)) == 0) { /* some editors' mark of UTF-8 */
		data += sizeof(bom);
		len -= sizeof(bom);
	}
	err = config_source_read(&src, data, len);
	if (!err)
		err = config_schema_load(&src, data, len, &raw);
	if (!err)
		err = config_check(&src, raw, config);
	config_schema_free(raw);
say:
	if (err == -ENOMEM)
		config_source_refuse_line(&src, 0, "out of memory");
	config_source_sum_up(&src);
	config_source_free(&src);
	if (err)
		config_free(config);
	else
		*out = config;
	return err;
}

/* At most one octet more than may be, so that a device without end is refused, too. */
static ssize_t read_all(int fd, char *data)
{
	size_t len = 0;

	while (len <= CONFIG_MAX_BYTES) {
		ssize_t got = read(fd, data + len, CONFIG_MAX_BYTES + 1 - len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		len += got;
	}
	return len;
}

int config_load(const char *path, struct config **out, FILE *errors)
{
	int fd, err;
	char *data;
	ssize_t len;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		err = -errno;
		goto say;
	}
	err = -ENOMEM;
	data = malloc(CONFIG_MAX_BYTES + 1);
	if (!data)
		goto close_fd;
	len = read_all(fd, data);
	err = len < 0 ? len : 0;
	if (err)
		goto free_data;
	err = config_parse(data, len, path, out, errors);
	free(data);
	close(fd);
	return err; /* config_parse() has said it */

free_data:
	free(data);
close_fd:
	close(fd);
say:
	fprintf(errors, "%s: expected a readable file: %s\n", path, strerror(-err));
	return err;
}

void config_free(struct config *config)
{
	if (!config)
		return;
	free(config->interfaces);
	free(config->home_links);
	for (size_t i = 0; i < config->mobile_node_count; i++)
		free(config->mobile_nodes[i].id);
	for (size_t i = 0; i < config->home_address_count; i++)
		free(config->home_addresses[i].id);
	free(config->mobile_nodes);
	free(config->home_addresses);
	free(config->uplinks);
	free(config->correspondents);
	free(config->refused);
	free(config->ipsec.keys);
	free(config->ipsec.ike_socket);
	free(config->ipsec.agent_id);
	free(config->ipsec.secrets);
	free(config->auth_option.keys);
	free(config->pin_dir);
	free(config->home_device);
	free(config->control_path);
	free(config->control_group);
	free(config);
}

/* A list of prefixes as the schema has it. */
struct printed_prefixes {
	char *at[LIMIT_REFUSED];
	char texts[LIMIT_REFUSED][INET6_ADDRSTRLEN + 4];
};

/* What config_print() hands to the schema; texts live in one block. */
struct printed {
	struct raw_config raw;
	struct raw_home_agent home_agent;
	struct raw_control control;
	struct raw_interface interfaces[LIMIT_PORTS];
	struct raw_home_link home_links[LIMIT_HOME_LINKS];
	char prefixes[LIMIT_HOME_LINKS][INET6_ADDRSTRLEN + 4];
	char agent[INET6_ADDRSTRLEN];
	char mode[8];
	uint32_t dad_transmits;
	struct raw_node node;
	struct raw_home_address home_addresses[LIMIT_HOME_ADDRESSES];
	struct raw_uplink uplinks[LIMIT_UPLINKS];
	struct {
		char address[INET6_ADDRSTRLEN], agent[INET6_ADDRSTRLEN], prefix[INET6_ADDRSTRLEN + 4];
	} homes[LIMIT_HOME_ADDRESSES];
	struct raw_correspondent correspondent;
	struct raw_ipsec ipsec;
	struct raw_ike ike;
	struct raw_auth_option auth_option;
	struct printed_prefixes correspondents, refused;
};

static void print_prefix(char *text, size_t size, const struct in6_addr *prefix, unsigned int len)
{
	char addr[INET6_ADDRSTRLEN];

	inet_ntop(AF_INET6, prefix, addr, sizeof(addr));
	snprintf(text, size, "%s/%u", addr, len);
}

static char **print_prefixes(const struct config_prefix *prefixes, size_t count, struct printed_prefixes *to)
{
	for (size_t i = 0; i < count; i++) {
		print_prefix(to->texts[i], sizeof(to->texts[i]), &prefixes[i].prefix, prefixes[i].len);
		to->at[i] = to->texts[i];
	}
	return to->at;
}

static void print_correspondent(const struct config *config, struct printed *to)
{
	to->correspondent = (struct raw_correspondent){
		.max_bindings = (uint32_t *)&config->peer_bindings,
		.max_lifetime = (uint32_t *)&config->peer_lifetime_s,
		.refuse_prefixes = print_prefixes(config->refused, config->refused_count, &to->refused),
		.refuse_prefixes_count = config->refused_count,
	};
}

static void print_node(const struct config *config, struct printed *to)
{
	for (size_t i = 0; i < config->home_address_count; i++) {
		struct config_home_address *home = &config->home_addresses[i];

		inet_ntop(AF_INET6, &home->home, to->homes[i].address, sizeof(to->homes[i].address));
		inet_ntop(AF_INET6, &home->agent, to->homes[i].agent, sizeof(to->homes[i].agent));
		print_prefix(to->homes[i].prefix, sizeof(to->homes[i].prefix), &home->prefix, home->prefix_len);
		to->home_addresses[i] = (struct raw_home_address){ .address = to->homes[i].address,
								   .home_agent = to->homes[i].agent,
								   .home_prefix = to->homes[i].prefix,
								   .lifetime = &home->lifetime_s,
								   .id = home->id };
	}
	for (size_t i = 0; i < config->uplink_count; i++)
		to->uplinks[i] = (struct raw_uplink){ config->uplinks[i].name, &config->uplinks[i].preference };
	to->node = (struct raw_node){ .authentication = config->auth,
				      .home_addresses = to->home_addresses,
				      .home_addresses_count = config->home_address_count,
				      .uplinks = to->uplinks,
				      .uplinks_count = config->uplink_count,
				      .route_optimisation = config->optimise };
	if (config->optimise != OPTIMISE_LIST)
		return; /* the key is refused then */
	to->node.correspondents =
		print_prefixes(config->correspondents, config->correspondent_count, &to->correspondents);
	to->node.correspondents_count = config->correspondent_count;
}

static void print_home_agent(const struct config *config, struct printed *to)
{
	to->dad_transmits = config->dad_transmits;
	inet_ntop(AF_INET6, &config->agent, to->agent, sizeof(to->agent));
	for (size_t i = 0; i < config->home_link_count; i++) {
		struct config_home_link *link = &config->home_links[i];

		print_prefix(to->prefixes[i], sizeof(to->prefixes[i]), &link->prefix, link->prefix_len);
		to->home_links[i] = (struct raw_home_link){
			.prefix = to->prefixes[i],
			.interface = *link->interface ? link->interface : NULL,
			.max_lifetime = &link->max_lifetime_s,
		};
	}
	to->home_agent = (struct raw_home_agent){
		.address = to->agent,
		.home_links = to->home_links,
		.home_links_count = config->home_link_count,
		.authentication = config->auth,
		.mobile_nodes_count = config->mobile_node_count,
		.max_bindings = (uint32_t *)&config->max_bindings,
		.refresh_interval = (uint32_t *)&config->refresh_s,
		.dad_transmits = &to->dad_transmits,
	};
}

static void print_protection(const struct config *config, struct printed *to)
{
	to->ike = (struct raw_ike){ config->ipsec.ike_socket, config->ipsec.agent_id, config->ipsec.secrets,
				    (uint32_t *)&config->ipsec.rekey_s };
	to->ipsec = (struct raw_ipsec){ .keys = config->ipsec.keys,
					.ike = config->ipsec.ike_socket ? &to->ike : NULL,
					.home_tests = config->ipsec.home_tests,
					.payload = config->ipsec.payload };
	to->raw.ipsec = config->ipsec.keys || config->ipsec.ike_socket ? &to->ipsec : NULL;
	to->auth_option = (struct raw_auth_option){
		.keys = config->auth_option.keys,
		.window = (uint32_t *)&config->auth_option.window_s,
		.timestamps = config->auth_option.demand_timestamps ? TIMESTAMPS_DEMANDED : TIMESTAMPS_OPTIONAL,
	};
	to->raw.auth_option = config->auth_option.keys ? &to->auth_option : NULL;
}

static void print_top(const struct config *config, struct printed *to)
{
	unsigned int given = config->roles & (ROLE_HOME_AGENT | ROLE_MOBILE_NODE);

	for (size_t i = 0; i < config->interface_count; i++)
		to->interfaces[i] = (struct raw_interface){ config->interfaces[i].name, config->interfaces[i].mode };
	snprintf(to->mode, sizeof(to->mode), "%04o", (unsigned int)config->control_mode & 0777);
	to->control = (struct raw_control){ config->control_path, config->control_group, to->mode };
	to->raw = (struct raw_config){
		.roles = given ? given : ROLE_CORRESPONDENT, /* which goes without saying beside another */
		.interfaces = to->interfaces,
		.interfaces_count = config->interface_count,
		.home_agent = config->roles & ROLE_HOME_AGENT ? &to->home_agent : NULL,
		.mobile_node = config->roles & ROLE_MOBILE_NODE ? &to->node : NULL,
		.correspondent = &to->correspondent,
		.pin_directory = config->pin_dir,
		.home_device = config->home_device,
		.control = &to->control,
	};
}

void config_print(const struct config *config, FILE *out)
{
	struct raw_mobile_node *nodes = calloc(config->mobile_node_count + 1, sizeof(*nodes));
	char(*homes)[INET6_ADDRSTRLEN] = calloc(config->mobile_node_count + 1, sizeof(*homes));
	struct printed *to = calloc(1, sizeof(*to));

	int err = -ENOMEM;

	if (!nodes || !homes || !to)
		goto say;
	print_home_agent(config, to);
	print_node(config, to);
	print_correspondent(config, to);
	print_top(config, to);
	print_protection(config, to);
	to->home_agent.mobile_nodes = nodes;
	for (size_t i = 0; i < config->mobile_node_count; i++) {
		struct config_mobile_node *node = &config->mobile_nodes[i];

		nodes[i].home_address = (char *)inet_ntop(AF_INET6, &node->home, homes[i], sizeof(homes[i]));
		nodes[i].max_lifetime = node->max_lifetime_s ? &node->max_lifetime_s : NULL;
		nodes[i].id = node->id;
	}
	err = config_schema_save(&to->raw, out);
say:
	if (err)
		log_error("config: print: %s", strerror(-err));
	free(to);
	free(homes);
	free(nodes);
}

const struct config_mobile_node *config_mobile_node(const struct config *config, const struct in6_addr *home)
{
	size_t low = 0, high = config->mobile_node_count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = memcmp(home, &config->mobile_nodes[mid].home, sizeof(*home));

		if (!order)
			return &config->mobile_nodes[mid];
		if (order < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

const char *config_id(const struct config *config, const struct in6_addr *home)
{
	const struct config_mobile_node *known;

	if (config->roles & ROLE_HOME_AGENT) {
		known = config_mobile_node(config, home);
		return known ? known->id : NULL;
	}
	for (size_t i = 0; i < config->home_address_count; i++)
		if (addr_equal(&config->home_addresses[i].home, home))
			return config->home_addresses[i].id;
	return NULL;
}

int config_home_link(const struct config *config, const struct in6_addr *addr)
{
	for (size_t i = 0; i < config->home_link_count; i++) {
		const struct config_home_link *link = &config->home_links[i];

		if (link->prefix_len && addr_in_prefix(addr, &link->prefix, link->prefix_len))
			return i;
	}
	return -1;
}

bool config_prefixes_hold(const struct config_prefix *prefixes, size_t count, const struct in6_addr *addr)
{
	for (size_t i = 0; i < count; i++)
		if (addr_in_prefix(addr, &prefixes[i].prefix, prefixes[i].len))
			return true;
	return false;
}
