/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Configuration: a YAML file becomes a checked struct config, whole or not at all. docs/mobgwd.conf.5.scd lists every
 * key; a test compares that list with the schema.
 */
#ifndef MOBGW_CONFIG_H
#define MOBGW_CONFIG_H

#include <net/if.h>
#include <stdio.h>
#include <sys/types.h>

#include "base.h"

enum attach_mode {
	ATTACH_AUTO, /* native XDP, else generic, else TC */
	ATTACH_NATIVE,
	ATTACH_GENERIC,
	ATTACH_TC,
};

enum config_auth {
	AUTH_IPSEC,  /* default */
	AUTH_OPTION, /* RFC 4285 */
	AUTH_NONE,
};

struct config_interface {
	char name[IF_NAMESIZE];
	enum attach_mode mode;
};

struct config_home_link {
	struct in6_addr prefix;
	uint8_t prefix_len;	     /* 1..127 */
	char interface[IF_NAMESIZE]; /* empty: virtual home link, no ND */
	uint32_t max_lifetime_s;     /* default 3600; 4..262140, multiple of 4 not required */
};

struct config_mobile_node {
	struct in6_addr home;
	uint32_t max_lifetime_s; /* 0: that of the home link */
	char *id;		 /* `id`: of IKE, and the NAI of auth-option; NULL: the home address is */
};

/* `mobile-node: home-addresses:`, RFC 6275 §11.1 */
struct config_home_address {
	struct in6_addr home;
	struct in6_addr prefix; /* `home-prefix`, default: the address's /64; the host part is zero */
	uint8_t prefix_len;	/* 1..127 */
	struct in6_addr agent;	/* `home-agent`; not equal to home */
	uint32_t lifetime_s;	/* `lifetime` to ask for, 4..262140, default 600 */
	char *id;		/* as a mobile node's */
};

/* `mobile-node: uplinks:` */
struct config_uplink {
	char name[IF_NAMESIZE]; /* `interface` */
	uint32_t preference; /* 0..1000, default 100; the greatest that is usable is used; equal ones in their order */
};

struct config_prefix {
	struct in6_addr prefix; /* the host part is zero */
	uint8_t len;		/* 0..128 */
};

/* `mobile-node: route-optimisation:`, by default all */
enum config_optimise {
	OPTIMISE_ALL,  /* every correspondent that there is traffic with */
	OPTIMISE_NONE, /* everything through the tunnel */
	OPTIMISE_LIST, /* those in `correspondents` */
};

/* `ipsec: home-tests:`, by default protected */
enum config_tests { TESTS_PROTECTED, TESTS_CLEAR };

/* `ipsec: payload:`, by default clear */
enum config_payload { PAYLOAD_CLEAR, PAYLOAD_PROTECTED };

/* `ipsec`, with `authentication: ipsec` */
struct config_ipsec {
	char *keys;		      /* path of static keys; NULL: IKE */
	char *ike_socket;	      /* `ike: socket`, charon's vici; NULL: static keys */
	char *agent_id;		      /* `ike: agent-id`: of the home agent; NULL: its address */
	uint32_t rekey_s;	      /* `ike: rekey-interval`: of states; 10..86400, default 3600 */
	char *secrets;		      /* `ike: secrets`: path of pre-shared keys; NULL: certificates */
	enum config_tests home_tests; /* mobility headers of home addresses with correspondents */
	enum config_payload payload;  /* everything else of them: all through the home agent, under ESP */
};

/* `auth-option`, with `authentication: auth-option` */
struct config_auth_option {
	char *keys;		/* path */
	uint32_t window_s;	/* how far a node's clock may be from ours: 4..255, default 7 */
	bool demand_timestamps; /* `timestamps: demanded`, the default; of a home agent */
};

struct config {
	/* enum role_flag; home-agent and mobile-node exclude each other; ROLE_CORRESPONDENT is always there */
	unsigned int roles;
	struct config_interface *interfaces;
	size_t interface_count;
	struct in6_addr agent;
	struct config_home_link *home_links;
	size_t home_link_count;			 /* at most LIMIT_HOME_LINKS */
	struct config_mobile_node *mobile_nodes; /* sorted by home address: config_mobile_node() searches */
	size_t mobile_node_count;
	struct config_home_address *home_addresses; /* of the role mobile-node; in the order of the file */
	size_t home_address_count;		    /* 1..LIMIT_HOME_ADDRESSES, all different */
	struct config_uplink *uplinks;
	size_t uplink_count; /* 1..LIMIT_UPLINKS, all different; those that `interfaces` doesn't name are appended to it
				with mode tc: what ends in this host's own stack gains nothing from XDP */
	enum config_optimise optimise;	      /* `route-optimisation` of a mobile node */
	struct config_prefix *correspondents; /* with OPTIMISE_LIST, `correspondents` */
	size_t correspondent_count;	      /* at most LIMIT_REFUSED */
	/* `correspondent: {max-bindings, max-lifetime, refuse-prefixes}`, of every role */
	uint32_t peer_bindings;		       /* default 4096, 1..LIMIT_PEER_BINDINGS */
	uint32_t peer_lifetime_s;	       /* default and most RR_BINDING_LIFETIME_S 420, least 4 */
	struct config_prefix *refused;	       /* home addresses for which there is no route optimisation */
	size_t refused_count;		       /* at most LIMIT_REFUSED */
	enum config_auth auth;		       /* `authentication` of home-agent or mobile-node */
	struct config_ipsec ipsec;	       /* with AUTH_IPSEC */
	struct config_auth_option auth_option; /* with AUTH_OPTION */
	uint32_t max_bindings; /* default: 65536, at least the number of mobile nodes; at most LIMIT_BINDINGS */
	uint32_t refresh_s;    /* `refresh-interval`: wished-for refresh, 0: none; sent as binding refresh advice, and a
				  BRR when it has passed */
	uint8_t dad_transmits; /* `dad-transmits`: default 1, 0 turns DAD off, at most 1: it must end in 2 s */
	char *pin_dir;	       /* `pin-directory`, default /sys/fs/bpf/mobgw */
	char *home_device;  /* `home-device`: name of the device without ND, default mobgw0; its peer is the name with p
			     */
	char *control_path; /* `control: {path, group, mode}`; default /run/mobgw/control, root, 0660 */
	char *control_group; /* NULL: group of the daemon */
	mode_t control_mode;
};

/**
 * config_load() - read and check @path
 * @errors: every message goes there, one a line: "FILE:LINE: home-agent.mobile-nodes[3].home-address: '2001::zz':
 * expected an IPv6 address" Return: 0 with *@out owned by the caller (config_free()); -EINVAL: refused whole; -errno:
 * can't be read.
 */
int config_load(const char *path, struct config **out, FILE *errors);

/* The same from @len octets at @data; @name stands for FILE in messages. */
int config_parse(const char *data, size_t len, const char *name, struct config **out, FILE *errors);

void config_free(struct config *config);

/* Writes it back as YAML with all defaults filled in: what --check prints; it loads again to the same struct. */
void config_print(const struct config *config, FILE *out);

/* NULL where this home address may not register. O(log n). */
const struct config_mobile_node *config_mobile_node(const struct config *config, const struct in6_addr *home);
/* `id` of a home address: of a home agent's mobile node, or of our own; NULL: it has none. */
const char *config_id(const struct config *config, const struct in6_addr *home);

/* Index of the home link whose prefix holds @addr, or -1. */
int config_home_link(const struct config *config, const struct in6_addr *addr);

/* Whether one of @count @prefixes holds @addr. */
bool config_prefixes_hold(const struct config_prefix *prefixes, size_t count, const struct in6_addr *addr);

/* config_schema.c */

/* "all", "none", "list": the word in the file. */
const char *config_optimise_name(enum config_optimise optimise);

/* "auto", "native": the word in the file. */
const char *attach_mode_name(enum attach_mode mode);

#endif
