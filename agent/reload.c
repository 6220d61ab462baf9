// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* SIGHUP: a new configuration is taken over whole, or refused whole where it changes what can't change while running.
 */
#include <stdlib.h>

#include "gateway.h"

/* Home addresses and uplinks stand in rules, tables and registrations; only preferences and lifetimes may change. */
static bool same_mobile_node(const struct config *a, const struct config *b)
{
	if (a->home_address_count != b->home_address_count || a->uplink_count != b->uplink_count)
		return false;
	for (size_t i = 0; i < a->home_address_count; i++)
		if (!addr_equal(&a->home_addresses[i].home, &b->home_addresses[i].home) ||
		    !addr_equal(&a->home_addresses[i].agent, &b->home_addresses[i].agent) ||
		    !addr_equal(&a->home_addresses[i].prefix, &b->home_addresses[i].prefix) ||
		    a->home_addresses[i].prefix_len != b->home_addresses[i].prefix_len)
			return false;
	for (size_t i = 0; i < a->uplink_count; i++)
		if (strcmp(a->uplinks[i].name, b->uplinks[i].name))
			return false;
	return true;
}

/* What can't change while running; the rest is taken over. */
static bool same_shape(const struct config *a, const struct config *b)
{
	if (a->roles != b->roles || a->interface_count != b->interface_count ||
	    a->home_link_count != b->home_link_count || a->auth != b->auth || a->max_bindings < b->max_bindings ||
	    a->peer_bindings != b->peer_bindings || /* maps have their size */
	    !addr_equal(&a->agent, &b->agent) || strcmp(a->pin_dir, b->pin_dir) ||
	    strcmp(a->home_device, b->home_device) || strcmp(a->control_path, b->control_path) ||
	    a->control_mode != b->control_mode ||
	    strcmp(a->control_group ? a->control_group : "", b->control_group ? b->control_group : ""))
		return false;
	for (size_t i = 0; i < a->interface_count; i++)
		if (strcmp(a->interfaces[i].name, b->interfaces[i].name) ||
		    a->interfaces[i].mode != b->interfaces[i].mode)
			return false;
	for (size_t i = 0; i < a->home_link_count; i++)
		if (!addr_equal(&a->home_links[i].prefix, &b->home_links[i].prefix) ||
		    a->home_links[i].prefix_len != b->home_links[i].prefix_len ||
		    strcmp(a->home_links[i].interface, b->home_links[i].interface))
			return false;
	return same_mobile_node(a, b);
}

void reload(struct gateway *gw, const char *config_path)
{
	struct config *new_config, old;

	if (config_load(config_path, &new_config, stderr)) {
		log_error("reload: %s has errors; the old configuration stays in force", config_path);
	} else if (!same_shape(gw->config, new_config)) {
		log_error("reload: %s changes roles, interfaces, home links, addresses, sizes, paths or the rights of "
			  "the control socket: restart the daemon for that; "
			  "the old configuration stays in force",
			  config_path);
		config_free(new_config);
	} else {
		/* the layers below hold the pointer: the contents change place, whole */
		old = *gw->config;
		new_config->max_bindings = old.max_bindings;
		*gw->config = *new_config;
		*new_config = old;
		config_free(new_config);
		correspondent_reloaded(gw);
		if (gw->ha)
			home_agent_reloaded(gw);
		if (gw->mn) {
			mobile_node_reloaded(gw);
			mobile_peers_reloaded(gw);
		}
		log_info("reload: %s is in force", config_path);
	}
}
