// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The configured interfaces: attached in the best mode that works, again when they appear, and told to the roles. */
#include "gateway.h"

static void publish_link(struct gateway *gw, const char *text)
{
	struct gateway_event_info info = { .text = text };

	control_publish(gw, GW_LINK, &info);
}

/*
 * A trunk is never left to generic XDP unless it is asked for by name: the kernel keeps a tag beside the frame there,
 * where the program neither sees nor removes it.
 */
static int attach_as_wished(struct gateway *gw, const struct config_interface *interface, const struct link_info *link,
			    struct attachment *at)
{
	int err;

	if (interface->mode != ATTACH_AUTO || !netlink_has_vlan(gw->nl, link->ifindex))
		return datapath_attach(gw->dp, interface->name, link->ifindex, interface->mode, at);
	if (!datapath_attach(gw->dp, interface->name, link->ifindex, ATTACH_NATIVE, at))
		return 0;
	err = datapath_attach(gw->dp, interface->name, link->ifindex, ATTACH_TC, at);
	if (!err)
		snprintf(at->why, sizeof(at->why),
			 "no native XDP, and generic XDP does not see the tags of its VLANs, so TC");
	return err;
}

static int attach_interface(struct gateway *gw, size_t i)
{
	const struct config_interface *interface = &gw->config->interfaces[i];
	struct attachment *at = &gw->attachments[i], was = *at;
	struct link_info link;
	char text[256];
	int err;

	if (netlink_link_by_name(gw->nl, interface->name, &link)) {
		snprintf(at->name, sizeof(at->name), "%s", interface->name);
		snprintf(at->why, sizeof(at->why), "no such interface; attached when it appears");
		log_warn("interface %s: not there yet; attached when it appears", interface->name);
		return 0;
	}
	err = attach_as_wished(gw, interface, &link, at);
	if (err) {
		log_error("interface %s: not attached: %s", interface->name, at->why);
		return err;
	}
	if (link.lower_ifindex && interfaces_attached(gw, link.lower_ifindex))
		datapath_port_behind(gw->dp, link.ifindex);
	if (was.ifindex == at->ifindex && was.mode == at->mode)
		return 0;
	snprintf(text, sizeof(text), "%s attached: %s%s%s%s", interface->name, attach_mode_name(at->mode),
		 at->why[0] ? " (" : "", at->why, at->why[0] ? ")" : "");
	log_info("interface %s", text);
	publish_link(gw, text);
	return 0;
}

void interfaces_on_link(struct gateway *gw, const char *name, int ifindex, bool present)
{
	for (size_t i = 0; i < gw->config->interface_count; i++) {
		struct attachment *at = &gw->attachments[i];

		if (strcmp(gw->config->interfaces[i].name, name))
			continue;
		if (present) {
			attach_interface(gw, i);
			home_device_link_up(gw->config, name);
			if (gw->nh)
				nexthops_link_changed(gw->nh, ifindex);
		} else {
			char text[64];

			datapath_forget_port(gw->dp, ifindex);
			memset(at, 0, sizeof(*at));
			snprintf(at->name, sizeof(at->name), "%s", name);
			snprintf(at->why, sizeof(at->why), "vanished; attached again when it appears");
			snprintf(text, sizeof(text), "%s vanished", name);
			log_warn("interface %s", text);
			publish_link(gw, text);
		}
	}
	if (gw->ha)
		home_agent_on_link(gw, name, ifindex, present);
	if (gw->mn)
		mobile_node_on_link(gw, name, ifindex, present);
}

/* Of one interface; asked for, and kept alive, where its link-layer address isn't known. */
static bool follow_router(struct gateway *gw, struct attachment *at)
{
	struct in6_addr router = in6addr_any;
	uint8_t mac[6] = {};
	bool known = true;

	netlink_default_router(gw->nl, at->ifindex, &router);
	if (!addr_equal(&router, &at->router)) {
		if (!IN6_IS_ADDR_UNSPECIFIED(&at->router))
			netlink_neighbour_manage(gw->nl, at->ifindex, &at->router, false);
		at->router = router;
	}
	if (!IN6_IS_ADDR_UNSPECIFIED(&router) && netlink_neighbour(gw->nl, at->ifindex, &router, mac)) {
		netlink_neighbour_manage(gw->nl, at->ifindex, &router, true);
		known = false;
	}
	datapath_port_router(gw->dp, at->ifindex, mac);
	return known;
}

bool interfaces_follow_routers(struct gateway *gw)
{
	bool known = true;

	for (size_t i = 0; i < gw->config->interface_count; i++)
		if (gw->attachments[i].mode == ATTACH_NATIVE || gw->attachments[i].mode == ATTACH_GENERIC)
			known = follow_router(gw, &gw->attachments[i]) && known;
	return known;
}

int interfaces_attach(struct gateway *gw)
{
	int err = 0;

	for (size_t i = 0; !err && i < gw->config->interface_count; i++)
		err = attach_interface(gw, i);
	return err;
}

bool interfaces_attached(const struct gateway *gw, int ifindex)
{
	for (size_t i = 0; i < gw->config->interface_count; i++)
		if (gw->attachments[i].ifindex == ifindex && gw->attachments[i].mode != ATTACH_AUTO)
			return true;
	return false;
}

/* Whether a port of this bridge or bond is attached. */
static bool port_attached(const struct gateway *gw, int ifindex)
{
	struct link_info link;

	for (size_t i = 0; i < gw->config->interface_count; i++)
		if (gw->attachments[i].ifindex && interfaces_attached(gw, gw->attachments[i].ifindex) &&
		    !netlink_link(gw->nl, gw->attachments[i].ifindex, &link) && link.master_ifindex == ifindex)
			return true;
	return false;
}

bool interfaces_behind_us(const struct gateway *gw, int ifindex)
{
	enum { STACKED_MAX = 4 }; /* a VLAN within a VLAN over a bond over a bridge */
	struct link_info link;

	for (unsigned int i = 0; ifindex && i <= STACKED_MAX; i++) {
		if (interfaces_attached(gw, ifindex) || port_attached(gw, ifindex))
			return true;
		ifindex = netlink_link(gw->nl, ifindex, &link) ? 0 : link.lower_ifindex;
	}
	return false;
}
