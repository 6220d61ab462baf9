// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* SIGHUP: a new configuration is taken over whole, or refused whole where it changes what can't change while running.
 */
#include <stdlib.h>

#include "auth.h"
#include "ipsec.h"

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

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

/* Keys may change, but not where they are. */
static bool same_protection(const struct config *a, const struct config *b)
{
	return a->ipsec.home_tests == b->ipsec.home_tests && a->ipsec.payload == b->ipsec.payload &&
	       same_text(a->ipsec.keys, b->ipsec.keys) && same_text(a->ipsec.ike_socket, b->ipsec.ike_socket) &&
	       same_text(a->ipsec.agent_id, b->ipsec.agent_id) && same_text(a->ipsec.secrets, b->ipsec.secrets) &&
	       same_text(a->auth_option.keys, b->auth_option.keys);
}

/* What can't change while running; the rest is taken over. */
static bool same_shape(const struct config *a, const struct config *b)
{
	if (a->roles != b->roles || a->interface_count != b->interface_count ||
	    a->home_link_count != b->home_link_count || a->auth != b->auth || !same_protection(a, b) ||
	    a->max_bindings < b->max_bindings || a->peer_bindings != b->peer_bindings || /* maps have their size */
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
	struct ipsec_secrets fresh = {};
	struct auth_keys *keys = NULL;

	if (config_load(config_path, &new_config, stderr)) {
		log_error("reload: %s has errors; the old configuration stays in force", config_path);
	} else if (!same_shape(gw->config, new_config)) {
		log_error(
			"reload: %s changes roles, interfaces, home links, addresses, protection, sizes, paths or the "
			"rights of the control socket: restart the daemon for that; "
			"the old configuration stays in force",
			config_path);
		config_free(new_config);
	} else if (ipsec_reload_check(gw, new_config, &fresh) || auth_reload_check(gw, new_config, &keys)) {
		log_error("reload: the keys of %s have errors; the old configuration stays in force", config_path);
		ipsec_secrets_free(&fresh);
		auth_keys_free(keys);
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
		ipsec_reloaded(gw, &fresh);
		auth_reloaded(gw, keys);
		log_info("reload: %s is in force", config_path);
	}
}
