/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * mobgw check: what a mobile node needs: addresses on its uplinks without delay (SLAAC, RFC 4862; optimistic DAD, RFC
 * 4429), home addresses nowhere but on the device without ND, and no manager of networks that works against it.
 */
#include <linux/if_addr.h>
#include <unistd.h>

#include "tool_check.h"

/* ---- managers of networks ---- */

enum manager { MANAGER_NETWORKD = 1, MANAGER_NETWORK_MANAGER = 2 };

/* Pid 1 in another namespace: then its managers are not ours. Where it can't be known they are taken for ours. */
static bool is_namespace_of_init(void)
{
	char ours[64] = "", of_init[64] = "";

	return readlink("/proc/self/ns/net", ours, sizeof(ours) - 1) <= 0 ||
	       readlink("/proc/1/ns/net", of_init, sizeof(of_init) - 1) <= 0 || strcmp(ours, of_init) == 0;
}

/* By what they leave below @run. */
static unsigned int find_managers(const char *run)
{
	static const struct {
		const char *file;
		enum manager manager;
	} traces[] = {
		{ "systemd/netif/state", MANAGER_NETWORKD },
		{ "NetworkManager", MANAGER_NETWORK_MANAGER },
	};
	unsigned int found = 0;
	char path[256];

	for (size_t i = 0; i < ARRAY_SIZE(traces); i++) {
		snprintf(path, sizeof(path), "%s/%s", run, traces[i].file);
		found |= access(path, F_OK) == 0 ? traces[i].manager : 0;
	}
	return found;
}

static unsigned int managers_here(void)
{
	return is_namespace_of_init() ? find_managers("/run") : 0;
}

static void say_managers(struct check *check, unsigned int found)
{
	if (found & MANAGER_NETWORKD) {
		check_say(check, CHECK_INFO, "manager",
			  "systemd-networkd runs: takes advertisements on its links itself and sets accept_ra to 0 "
			  "there; "
			  "its addresses count as well; rules and routes of others it removes unless told not to");
		check_cure(check, "networkd.conf: ManageForeignRoutingPolicyRules=no, ManageForeignRoutes=no");
	}
	if (found & MANAGER_NETWORK_MANAGER) {
		check_say(
			check, CHECK_INFO, "manager",
			"NetworkManager runs: takes advertisements on its links itself and sets accept_ra to 0 there; "
			"its addresses count as well; it must leave %s alone",
			check->config->home_device);
		check_cure(check, "nmcli device set %s managed no", check->config->home_device);
	}
}

void check_managers(struct check *check)
{
	if (check_is_node(check))
		say_managers(check, managers_here());
}

/* ---- uplinks ---- */

static bool is_home_address(const struct check *check, const struct in6_addr *addr)
{
	for (size_t i = 0; i < check->config->home_address_count; i++)
		if (addr_equal(&check->config->home_addresses[i].home, addr))
			return true;
	return false;
}

/* A global address that could be a care-of address: not a home address, and usable now. @count: of how many. */
static const struct check_address *find_care_of(const struct check *check, int ifindex, size_t *count)
{
	const struct check_address *first = NULL;

	*count = 0;
	for (size_t i = 0; i < check->address_count; i++) {
		const struct check_address *address = &check->addresses[i];
		bool tentative = (address->flags & IFA_F_TENTATIVE) && !(address->flags & IFA_F_OPTIMISTIC);

		if (address->ifindex != ifindex || tentative || (address->flags & IFA_F_DADFAILED) ||
		    !addr_is_routable(&address->addr) || is_home_address(check, &address->addr))
			continue;
		if (!first || ((first->flags & IFA_F_DEPRECATED) && !(address->flags & IFA_F_DEPRECATED)))
			first = address;
		++*count;
	}
	return first;
}

struct uplink_check {
	const struct check_link *link;
	const struct check_address *care_of; /* now, or NULL */
	bool managed;			     /* somebody else may configure addresses */
};

static bool uplink_sysctl(const struct check_link *link, const char *key, char name[static 64], long *value)
{
	snprintf(name, 64, "conf/%s/%s", link->name, key);
	return check_read_sysctl(name, value);
}

/* The kernel forms no addresses here. That is well where somebody else does. */
static void say_no_slaac(struct check *check, const struct uplink_check *uplink, const char *name, long want,
			 const char *why)
{
	if (uplink->care_of)
		check_say(check, CHECK_INFO, "sysctl", "%s is 0: %s; but %s has %s from elsewhere",
			  check_sysctl_name(name), why, uplink->link->name, addr_text(&uplink->care_of->addr));
	else if (uplink->managed)
		check_say(check, CHECK_INFO, "sysctl",
			  "%s is 0: %s; NetworkManager or systemd-networkd must give it addresses",
			  check_sysctl_name(name), why);
	else
		check_say(check, CHECK_WARN, "sysctl", "%s is 0: %s, and there is none now: no care-of address",
			  check_sysctl_name(name), why);
	check_cure(check, "sysctl -w %s=%ld", check_sysctl_name(name), want);
}

/* With forwarding the kernel takes advertisements only when told so twice; mobgwd does that (mobile_device.c). */
static void check_uplink_advertisements(struct check *check, const struct uplink_check *uplink)
{
	long accept, forwarding = 0, autoconf;
	char name[64];

	(void)uplink_sysctl(uplink->link, "forwarding", name, &forwarding);
	if (uplink_sysctl(uplink->link, "accept_ra", name, &accept)) {
		if (accept == 2 || (accept == 1 && !forwarding))
			check_say(check, CHECK_OK, "sysctl", "%s is %ld", check_sysctl_name(name), accept);
		else if (forwarding)
			check_say(check, CHECK_INFO, "sysctl",
				  "%s is %ld, but with forwarding it must be 2: mobgwd sets that when it starts",
				  check_sysctl_name(name), accept);
		else
			say_no_slaac(check, uplink, name, 1, "the kernel forms no addresses from advertisements");
	}
	if (!uplink_sysctl(uplink->link, "autoconf", name, &autoconf))
		return;
	if (autoconf)
		check_say(check, CHECK_OK, "sysctl", "%s is %ld", check_sysctl_name(name), autoconf);
	else
		say_no_slaac(check, uplink, name, 1, "the kernel forms no addresses from prefixes");
}

static void check_optimistic(struct check *check, const struct check_link *link)
{
	static const char *const keys[] = { "optimistic_dad", "use_optimistic" };
	char name[64];
	long value;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (!uplink_sysctl(link, keys[i], name, &value)) {
			check_say(check, CHECK_WARN, "sysctl",
				  "%s is not there: each handover waits a second for duplicate address detection",
				  check_sysctl_name(name));
			check_cure(check, "grep IPV6_OPTIMISTIC_DAD /boot/config-$(uname -r)");
		} else if (value)
			check_say(check, CHECK_OK, "sysctl", "%s is %ld", check_sysctl_name(name), value);
		else
			check_say(check, CHECK_INFO, "sysctl", "%s is 0: mobgwd sets it when it starts",
				  check_sysctl_name(name));
	}
}

static void say_care_of(struct check *check, const struct uplink_check *uplink, size_t count)
{
	const char *name = uplink->link->name;

	if (!uplink->care_of)
		check_say(check, CHECK_INFO, "care-of", "%s has no global address now%s", name,
			  uplink->link->up && uplink->link->running ? "" : ": it is attached to no link");
	else if (uplink->care_of->flags & IFA_F_DEPRECATED)
		check_say(check, CHECK_INFO, "care-of", "%s has only deprecated addresses: %s", name,
			  addr_text(&uplink->care_of->addr));
	else
		check_say(check, CHECK_INFO, "care-of", "%s has %s now%s", name, addr_text(&uplink->care_of->addr),
			  count > 1 ? ", and more" : "");
}

void check_uplinks(struct check *check)
{
	bool managed = managers_here();

	for (size_t i = 0; check_is_node(check) && i < check->config->uplink_count; i++) {
		struct uplink_check uplink = { .link = check_find_link(check, check->config->uplinks[i].name),
					       .managed = managed };
		char name[64];
		size_t count;

		if (!uplink.link)
			continue; /* check_interfaces() has said so */
		uplink.care_of = find_care_of(check, uplink.link->ifindex, &count);
		snprintf(name, sizeof(name), "conf/%s/disable_ipv6", uplink.link->name);
		check_want_sysctl(check, CHECK_FAIL, name, 0, "IPv6 is off on this uplink");
		check_uplink_advertisements(check, &uplink);
		check_optimistic(check, uplink.link);
		say_care_of(check, &uplink, count);
	}
}

/* ---- home addresses ---- */

static const struct check_link *link_of(const struct check *check, int ifindex)
{
	for (size_t i = 0; i < check->link_count; i++)
		if (check->links[i].ifindex == ifindex)
			return &check->links[i];
	return NULL;
}

static bool is_uplink(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->uplink_count; i++)
		if (strcmp(config->uplinks[i].name, name) == 0)
			return true;
	return false;
}

/* On an uplink mobgwd itself has it while that is the home link. */
static void say_home_address(struct check *check, const struct check_address *address, const char *dev)
{
	const char *home = addr_text(&address->addr);

	if (strcmp(dev, check->config->home_device) == 0)
		check_say(check, CHECK_OK, "home", "%s is on %s", home, dev);
	else if (is_uplink(check->config, dev) && check_is_at_home(&address->addr, dev))
		check_say(check, CHECK_OK, "home", "%s is on %s, where the home link is", home, dev);
	else {
		check_say(check, CHECK_WARN, "home",
			  "%s is on %s, but not by mobgwd: away from home packets to it or from it go astray", home,
			  dev);
		check_cure(check, "ip -6 address del %s/%u dev %s", home, address->len, dev);
	}
}

void check_home_addresses(struct check *check)
{
	for (size_t i = 0; check_is_node(check) && i < check->config->home_address_count; i++) {
		const struct config_home_address *home = &check->config->home_addresses[i];
		size_t found = 0;

		for (size_t a = 0; a < check->address_count; a++) {
			const struct check_link *link = link_of(check, check->addresses[a].ifindex);

			if (!link || !addr_equal(&check->addresses[a].addr, &home->home))
				continue;
			say_home_address(check, &check->addresses[a], link->name);
			found++;
		}
		if (!found)
			check_say(check, CHECK_OK, "home", "%s is on no interface: mobgwd has it on %s while it runs",
				  addr_text(&home->home), check->config->home_device);
	}
}
