/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Inside of the configuration, for config*.c and its tests: text -> source (a tree with lines) -> schema (libcyaml) ->
 * struct raw_config (words as written) -> check -> struct config.
 */
#ifndef MOBGW_CONFIG_RAW_H
#define MOBGW_CONFIG_RAW_H

#include "config.h"

enum {
	CONFIG_MAX_BYTES = 16 << 20, /* some 300 000 mobile nodes; bounds memory and time of a check */
	CONFIG_MAX_DEPTH = 16,	     /* the schema needs 5 */
	CONFIG_MAX_ERRORS = 50,	     /* shown; the rest is a number */
};

/* Where a value stands, innermost first: a key of a mapping, or an entry of a list where @key is NULL. */
struct config_at {
	const struct config_at *up; /* NULL: the whole file */
	const char *key;
	size_t index;
};

#define AT_KEY(up_, key_) (&(struct config_at){ .up = (up_), .key = (key_) })
#define AT_INDEX(up_, index_) (&(struct config_at){ .up = (up_), .index = (index_) })

/* config_source.c */

enum source_kind { SOURCE_NONE, SOURCE_SCALAR, SOURCE_SEQUENCE, SOURCE_MAPPING };

struct source_node {
	uint32_t kind;	/* enum source_kind */
	uint32_t line;	/* from 1; of the key where there is one */
	uint32_t key;	/* offset into text; 0: none */
	uint32_t value; /* offset into text; scalars only */
	uint32_t child; /* index of the first one; 0: none */
	uint32_t next;	/* index of the next child of the same parent; 0: none */
};

struct config_source {
	const char *name; /* in messages */
	FILE *errors;
	size_t error_count;	   /* said, or held back beyond CONFIG_MAX_ERRORS */
	struct source_node *nodes; /* [0] is the root once read */
	uint32_t node_count, node_space;
	char *text; /* NUL-terminated words one after the other; [0] is the empty one */
	uint32_t text_len, text_space;
};

/*
 * Fills @src, whose name and errors are set and whose rest is zero, from @len octets of YAML. 0, -EINVAL (refused, and
 * said), -ENOMEM. config_source_free() in every case.
 */
int config_source_read(struct config_source *src, const char *data, size_t len);
void config_source_free(struct config_source *src);

/* Says "NAME:LINE: PATH: 'VALUE': ..." of the value at @at; where it is missing, with the line of what should hold it.
 */
void config_source_refuse(struct config_source *src, const struct config_at *at, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The same where the node is known; @line 0: a message about the file, without a line. */
void config_source_refuse_node(struct config_source *src, const struct source_node *node, const struct config_at *at,
			       const char *format, ...) __attribute__((format(printf, 4, 5)));
void config_source_refuse_line(struct config_source *src, uint32_t line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The line of the value at @at, or of the nearest thing around it; 0 where no more messages are shown. */
uint32_t config_source_line(const struct config_source *src, const struct config_at *at);

/* How many errors were held back, if any: last line of the messages. */
void config_source_sum_up(struct config_source *src);

/* config_schema.c */

struct raw_interface {
	char *name;
	enum attach_mode mode;
};

struct raw_home_link {
	char *prefix;
	char *interface;
	uint32_t *max_lifetime;
};

struct raw_mobile_node {
	char *home_address;
	uint32_t *max_lifetime;
	char *id;
};

struct raw_home_agent {
	char *address;
	struct raw_home_link *home_links;
	size_t home_links_count;
	enum config_auth authentication;
	struct raw_mobile_node *mobile_nodes;
	size_t mobile_nodes_count;
	uint32_t *max_bindings;
	uint32_t *refresh_interval;
	uint32_t *dad_transmits;
};

struct raw_home_address {
	char *address;
	char *home_agent;
	char *home_prefix;
	uint32_t *lifetime;
	char *id;
};

struct raw_uplink {
	char *interface;
	uint32_t *preference;
};

struct raw_node {
	enum config_auth authentication;
	struct raw_home_address *home_addresses;
	size_t home_addresses_count;
	struct raw_uplink *uplinks;
	size_t uplinks_count;
	enum config_optimise route_optimisation;
	char **correspondents;
	size_t correspondents_count;
};

struct raw_correspondent {
	uint32_t *max_bindings;
	uint32_t *max_lifetime;
	char **refuse_prefixes;
	size_t refuse_prefixes_count;
};

struct raw_ike {
	char *socket, *agent_id, *secrets;
	uint32_t *rekey_interval;
};

struct raw_ipsec {
	char *keys;
	struct raw_ike *ike;
	enum config_tests home_tests;
	enum config_payload payload;
};

/* `timestamps`, by default demanded */
enum raw_timestamps { TIMESTAMPS_DEMANDED, TIMESTAMPS_OPTIONAL };

struct raw_auth_option {
	char *keys;
	uint32_t *window;
	enum raw_timestamps timestamps;
};

struct raw_control {
	char *path;
	char *group;
	char *mode;
};

/* The file as libcyaml loads and saves it; NULL: not given. */
struct raw_config {
	unsigned int roles; /* enum role_flag */
	struct raw_interface *interfaces;
	size_t interfaces_count;
	struct raw_home_agent *home_agent;
	struct raw_node *mobile_node;
	struct raw_correspondent *correspondent;
	struct raw_ipsec *ipsec;
	struct raw_auth_option *auth_option;
	char *pin_directory;
	char *home_device;
	struct raw_control *control;
};

/*
 * Loads @data, of which @src is the tree, after checking the tree against the schema: every fault is said. 0, also
 * where the only faults are unknown keys (so that the rest can be checked: look at src->error_count); -EINVAL; -ENOMEM.
 */
int config_schema_load(struct config_source *src, const char *data, size_t len, struct raw_config **out);
void config_schema_free(struct raw_config *raw);

/* Writes @raw as YAML; 0 or -ENOMEM, -EIO. */
int config_schema_save(const struct raw_config *raw, FILE *out);

/* Calls @each with the path of every key, lists as "[]": "home-agent.mobile-nodes[].home-address". */
void config_schema_keys(void (*each)(const char *path, bool required, void *arg), void *arg);

/* config_check.c */

/* What the words mean: @raw -> @config (zeroed), saying every fault. 0, -EINVAL, -ENOMEM; @config is freed by the
 * caller. */
int config_check(struct config_source *src, const struct raw_config *raw, struct config *config);

struct check {
	struct config_source *src;
	const struct raw_config *raw;
	struct config *config;
};

/* A number as the operator may write it. */
struct range {
	const char *expected;
	uint32_t min, max;
	bool or_zero;
};

/* @given, or @fallback where there is none. */
uint32_t config_check_number(struct check *check, const uint32_t *given, uint32_t fallback, const struct range *range,
			     const struct config_at *at);

/* A prefix as the operator may write it. */
struct prefix_rule {
	const char *expected;	     /* the whole */
	const char *expected_length; /* what stands behind the slash */
	unsigned int min, max;
	bool bare; /* an address alone will do, and means all its bits; and ::/0 is everything, not unspecified */
};

/* "2001:db8:1::/64" -> @prefix and its length, or -1 where it is refused. */
int config_check_prefix(struct check *check, const char *text, const struct prefix_rule *rule, struct in6_addr *prefix,
			const struct config_at *at);

/* config_check_protection.c: 0, -ENOMEM */

/* `ipsec` and `auth-option`, of home agent and mobile node. */
int config_check_protection(struct check *check);
/* An identity, copied to @id; NULL stays NULL. */
int config_check_id(struct check *check, const char *text, char **id, const struct config_at *at);
/* That no two mobile nodes have the same. */
int config_check_ids(struct check *check);

/* config_check_peers.c: 0, -ENOMEM */

/* `correspondent`, of every role. */
int config_check_correspondent(struct check *check);

/* `route-optimisation` and `correspondents` of the section mobile-node, which is there. */
int config_check_optimise(struct check *check);

#endif
