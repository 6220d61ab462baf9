/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * mobgw check: findings, and what the files of checks share. Every check only looks: no program is loaded on a device.
 */
#ifndef MOBGW_TOOL_CHECK_H
#define MOBGW_TOOL_CHECK_H

#include <libmnl/libmnl.h>

#include "config.h"
#include "tool.h"

enum check_level { CHECK_OK, CHECK_INFO, CHECK_WARN, CHECK_FAIL, CHECK_LEVELS };

struct finding {
	enum check_level level;
	const char *name; /* of the check */
	char text[320];	  /* what is, and what it means */
	char cure[320];	  /* command line that mends it; empty: none needed, or none possible */
};

/* What netlink says of an interface. */
struct check_link {
	char name[IF_NAMESIZE];
	char kind[16]; /* "veth", "vlan"; empty: a device of hardware or firmware */
	int ifindex;
	int peer; /* veth: index of the other end, in the namespace below */
	bool peer_elsewhere;
	unsigned int mtu;
	bool ethernet, loopback, up, running;
};

struct check_address {
	int ifindex;
	struct in6_addr addr;
	unsigned int len, flags; /* IFA_F_* */
};

struct check {
	const struct tool_options *options;
	const struct config *config; /* NULL: not there or refused; checks do what they can without */
	unsigned int kernel_major, kernel_minor;
	struct finding *findings;
	size_t finding_count, finding_room;
	struct check_link *links;
	size_t link_count;
	struct check_address *addresses;
	size_t address_count;
};

/* tool_check.c */
void check_say(struct check *check, enum check_level level, const char *name, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* The cure of the finding said last. */
void check_cure(struct check *check, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool check_kernel_is(const struct check *check, unsigned int major, unsigned int minor);
/* Configured as a mobile node: a host, of which nothing is wanted that a router needs. */
bool check_is_node(const struct check *check);
/* Neither home agent nor mobile node: a host. */
bool check_is_correspondent(const struct check *check);

/* tool_check_kernel.c */
/* "6.1.0-18-amd64" -> 6, 1; false where it is no version. */
bool check_parse_release(const char *release, unsigned int *major, unsigned int *minor);
/* The number that a file of /proc or /sys holds; false: no such file. */
bool check_read_number(const char *path, long *value);
void check_kernel(struct check *check);
void check_bpf(struct check *check);
void check_privileges(struct check *check);

/* tool_check_ipsec.c: nothing is said where signalling is not authenticated */
void check_ipsec(struct check *check);

/* tool_check_link.c */
/* Every object of a kind that rtnetlink lists: @header octets of header, whose first is @family. 0 or -errno. */
int check_dump(uint16_t type, size_t header, uint8_t family, mnl_cb_t each, void *arg);
void check_load_links(struct check *check);
void check_free_links(struct check *check);
const struct check_link *check_find_link(const struct check *check, const char *name);
/* Number @i of the interfaces to look at: those configured, or without configuration all that are up. NULL: no more;
 * a configured one that is not there has ifindex 0 in @absent, which is then returned. */
const struct check_link *check_interface(const struct check *check, size_t i, struct check_link *absent);
void check_interfaces(struct check *check);

/* tool_check_device.c: what ethtool and the kernel's netdev family say of one */
enum device_feature { DEVICE_XDP = 1, DEVICE_REDIRECT = 2, DEVICE_XMIT = 4 };
/* 0; -EOPNOTSUPP: kernel before 6.3. */
int check_xdp_features(int ifindex, uint64_t *features);
int check_driver(const char *ifname, char *driver, size_t size);
bool check_has_lro(const char *ifname);

/* tool_check_net.c */
/* A sysctl below net.ipv6, @name like "conf/eth0/forwarding"; false: not there. */
bool check_read_sysctl(const char *name, long *value);
/* As people write it, net.ipv6.conf.eth0.forwarding, until the second next call. */
const char *check_sysctl_name(const char *name);
void check_want_sysctl(struct check *check, enum check_level level, const char *name, long want, const char *why);
void check_sysctls(struct check *check);
void check_home(struct check *check);
void check_firewall(struct check *check);

/* tool_check_node.c: nothing is said where the configuration is not a mobile node's */
void check_uplinks(struct check *check);
void check_home_addresses(struct check *check);
void check_managers(struct check *check);

/* tool_check_policy.c: rules and tables of others that would come between */
void check_policy(struct check *check);
/* Whether mobgwd has the rule of a home address that is on its home link, at @uplink. */
bool check_is_at_home(const struct in6_addr *home, const char *uplink);

#endif
