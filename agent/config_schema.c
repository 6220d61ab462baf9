/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which keys a configuration may have, of which type: the tables of libcyaml, which loads and saves with them. libcyaml
 * stops at the first fault and names no file, so the tree is first walked along the same tables, and every fault said.
 * What values mean is left to config_check.c.
 */
#include <cyaml/cyaml.h>
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

#include "config_raw.h"

#define OPTIONAL (CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT)
#define REQUIRED CYAML_FLAG_STRICT
#define PATH_BYTES 1024
#define ID_BYTES 253	      /* an NAI, RFC 7542 §2.3 */
#define SOCKET_PATH_BYTES 107 /* sun_path without its NUL, unix(7) */

static const cyaml_strval_t roles[] = {
	{ "home-agent", ROLE_HOME_AGENT },
	{ "mobile-node", ROLE_MOBILE_NODE },
	{ "correspondent", ROLE_CORRESPONDENT },
};

static const cyaml_strval_t modes[] = {
	{ "auto", ATTACH_AUTO },
	{ "native", ATTACH_NATIVE },
	{ "generic", ATTACH_GENERIC },
	{ "tc", ATTACH_TC },
};

static const cyaml_strval_t auths[] = {
	{ "ipsec", AUTH_IPSEC },
	{ "auth-option", AUTH_OPTION },
	{ "none", AUTH_NONE },
};

static const cyaml_strval_t tests[] = {
	{ "protected", TESTS_PROTECTED },
	{ "clear", TESTS_CLEAR },
};

static const cyaml_strval_t payloads[] = {
	{ "clear", PAYLOAD_CLEAR },
	{ "protected", PAYLOAD_PROTECTED },
};

static const cyaml_strval_t timestamps[] = {
	{ "demanded", TIMESTAMPS_DEMANDED },
	{ "optional", TIMESTAMPS_OPTIONAL },
};

static const cyaml_strval_t optimises[] = {
	{ "all", OPTIMISE_ALL },
	{ "none", OPTIMISE_NONE },
	{ "list", OPTIMISE_LIST },
};

/* clang-format off */
static const cyaml_schema_field_t interface_fields[] = {
	CYAML_FIELD_STRING_PTR("name", REQUIRED, struct raw_interface, name, 1, IF_NAMESIZE - 1),
	CYAML_FIELD_ENUM("mode", OPTIONAL, struct raw_interface, mode, modes, ARRAY_SIZE(modes)),
	CYAML_FIELD_END
};

static const cyaml_schema_field_t home_link_fields[] = {
	CYAML_FIELD_STRING_PTR("prefix", REQUIRED, struct raw_home_link, prefix, 0, CYAML_UNLIMITED),
	CYAML_FIELD_STRING_PTR("interface", OPTIONAL, struct raw_home_link, interface, 1, IF_NAMESIZE - 1),
	CYAML_FIELD_UINT_PTR("max-lifetime", OPTIONAL, struct raw_home_link, max_lifetime),
	CYAML_FIELD_END
};

static const cyaml_schema_field_t mobile_node_fields[] = {
	CYAML_FIELD_STRING_PTR("home-address", REQUIRED, struct raw_mobile_node, home_address, 0, CYAML_UNLIMITED),
	CYAML_FIELD_UINT_PTR("max-lifetime", OPTIONAL, struct raw_mobile_node, max_lifetime),
	CYAML_FIELD_STRING_PTR("id", OPTIONAL, struct raw_mobile_node, id, 1, ID_BYTES),
	CYAML_FIELD_END
};

static const cyaml_schema_field_t control_fields[] = {
	CYAML_FIELD_STRING_PTR("path", OPTIONAL, struct raw_control, path, 1, SOCKET_PATH_BYTES),
	CYAML_FIELD_STRING_PTR("group", OPTIONAL, struct raw_control, group, 1, 32),
	CYAML_FIELD_STRING_PTR("mode", OPTIONAL, struct raw_control, mode, 0, CYAML_UNLIMITED),
	CYAML_FIELD_END
};

static const cyaml_schema_value_t interface_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_FLOW, struct raw_interface, interface_fields),
};

static const cyaml_schema_value_t home_link_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_FLOW, struct raw_home_link, home_link_fields),
};

static const cyaml_schema_value_t mobile_node_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_FLOW, struct raw_mobile_node, mobile_node_fields),
};

static const cyaml_schema_field_t home_agent_fields[] = {
	CYAML_FIELD_STRING_PTR("address", REQUIRED, struct raw_home_agent, address, 0, CYAML_UNLIMITED),
	CYAML_FIELD_SEQUENCE("home-links", REQUIRED | CYAML_FLAG_POINTER, struct raw_home_agent, home_links,
			     &home_link_schema, 1, LIMIT_HOME_LINKS),
	CYAML_FIELD_ENUM("authentication", OPTIONAL, struct raw_home_agent, authentication, auths, ARRAY_SIZE(auths)),
	CYAML_FIELD_UINT_PTR("refresh-interval", OPTIONAL, struct raw_home_agent, refresh_interval),
	CYAML_FIELD_UINT_PTR("dad-transmits", OPTIONAL, struct raw_home_agent, dad_transmits),
	CYAML_FIELD_UINT_PTR("max-bindings", OPTIONAL, struct raw_home_agent, max_bindings),
	CYAML_FIELD_SEQUENCE("mobile-nodes", OPTIONAL | CYAML_FLAG_POINTER, struct raw_home_agent, mobile_nodes,
			     &mobile_node_schema, 0, LIMIT_BINDINGS),
	CYAML_FIELD_END
};

static const cyaml_schema_field_t home_address_fields[] = {
	CYAML_FIELD_STRING_PTR("address", REQUIRED, struct raw_home_address, address, 0, CYAML_UNLIMITED),
	CYAML_FIELD_STRING_PTR("home-agent", REQUIRED, struct raw_home_address, home_agent, 0, CYAML_UNLIMITED),
	CYAML_FIELD_STRING_PTR("home-prefix", OPTIONAL, struct raw_home_address, home_prefix, 0, CYAML_UNLIMITED),
	CYAML_FIELD_UINT_PTR("lifetime", OPTIONAL, struct raw_home_address, lifetime),
	CYAML_FIELD_STRING_PTR("id", OPTIONAL, struct raw_home_address, id, 1, ID_BYTES),
	CYAML_FIELD_END
};

static const cyaml_schema_field_t uplink_fields[] = {
	CYAML_FIELD_STRING_PTR("interface", REQUIRED, struct raw_uplink, interface, 1, IF_NAMESIZE - 1),
	CYAML_FIELD_UINT_PTR("preference", OPTIONAL, struct raw_uplink, preference),
	CYAML_FIELD_END
};

static const cyaml_schema_value_t home_address_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_FLOW, struct raw_home_address, home_address_fields),
};

static const cyaml_schema_value_t uplink_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_FLOW, struct raw_uplink, uplink_fields),
};

static const cyaml_schema_value_t text_schema = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, CYAML_UNLIMITED),
};

static const cyaml_schema_field_t node_fields[] = {
	CYAML_FIELD_ENUM("authentication", OPTIONAL, struct raw_node, authentication, auths, ARRAY_SIZE(auths)),
	CYAML_FIELD_SEQUENCE("home-addresses", REQUIRED | CYAML_FLAG_POINTER, struct raw_node, home_addresses,
			     &home_address_schema, 1, LIMIT_HOME_ADDRESSES),
	CYAML_FIELD_SEQUENCE("uplinks", REQUIRED | CYAML_FLAG_POINTER, struct raw_node, uplinks, &uplink_schema, 1,
			     LIMIT_UPLINKS),
	CYAML_FIELD_ENUM("route-optimisation", OPTIONAL, struct raw_node, route_optimisation, optimises,
			 ARRAY_SIZE(optimises)),
	CYAML_FIELD_SEQUENCE("correspondents", OPTIONAL | CYAML_FLAG_POINTER | CYAML_FLAG_FLOW, struct raw_node,
			     correspondents, &text_schema, 1, LIMIT_REFUSED),
	CYAML_FIELD_END
};

static const cyaml_schema_field_t correspondent_fields[] = {
	CYAML_FIELD_UINT_PTR("max-bindings", OPTIONAL, struct raw_correspondent, max_bindings),
	CYAML_FIELD_UINT_PTR("max-lifetime", OPTIONAL, struct raw_correspondent, max_lifetime),
	CYAML_FIELD_SEQUENCE("refuse-prefixes", OPTIONAL | CYAML_FLAG_POINTER | CYAML_FLAG_FLOW,
			     struct raw_correspondent, refuse_prefixes, &text_schema, 0, LIMIT_REFUSED),
	CYAML_FIELD_END
};

static const cyaml_schema_field_t ike_fields[] = {
	CYAML_FIELD_STRING_PTR("socket", OPTIONAL, struct raw_ike, socket, 1, SOCKET_PATH_BYTES),
	CYAML_FIELD_STRING_PTR("agent-id", OPTIONAL, struct raw_ike, agent_id, 1, ID_BYTES),
	CYAML_FIELD_STRING_PTR("secrets", OPTIONAL, struct raw_ike, secrets, 1, PATH_BYTES),
	CYAML_FIELD_UINT_PTR("rekey-interval", OPTIONAL, struct raw_ike, rekey_interval),
	CYAML_FIELD_END
};

static const cyaml_schema_field_t auth_option_fields[] = {
	CYAML_FIELD_STRING_PTR("keys", REQUIRED, struct raw_auth_option, keys, 1, PATH_BYTES),
	CYAML_FIELD_UINT_PTR("window", OPTIONAL, struct raw_auth_option, window),
	CYAML_FIELD_ENUM("timestamps", OPTIONAL, struct raw_auth_option, timestamps, timestamps,
			 ARRAY_SIZE(timestamps)),
	CYAML_FIELD_END
};

static const cyaml_schema_field_t ipsec_fields[] = {
	CYAML_FIELD_STRING_PTR("keys", OPTIONAL, struct raw_ipsec, keys, 1, PATH_BYTES),
	CYAML_FIELD_MAPPING_PTR("ike", OPTIONAL, struct raw_ipsec, ike, ike_fields),
	CYAML_FIELD_ENUM("home-tests", OPTIONAL, struct raw_ipsec, home_tests, tests, ARRAY_SIZE(tests)),
	CYAML_FIELD_ENUM("payload", OPTIONAL, struct raw_ipsec, payload, payloads, ARRAY_SIZE(payloads)),
	CYAML_FIELD_END
};

static const cyaml_schema_field_t top_fields[] = {
	CYAML_FIELD_FLAGS("roles", REQUIRED | CYAML_FLAG_FLOW, struct raw_config, roles, roles, ARRAY_SIZE(roles)),
	CYAML_FIELD_SEQUENCE("interfaces", OPTIONAL | CYAML_FLAG_POINTER, struct raw_config, interfaces,
			     &interface_schema, 1, LIMIT_PORTS),
	CYAML_FIELD_STRING_PTR("pin-directory", OPTIONAL, struct raw_config, pin_directory, 1, PATH_BYTES),
	/* its peer's name has one letter more */
	CYAML_FIELD_STRING_PTR("home-device", OPTIONAL, struct raw_config, home_device, 1, IF_NAMESIZE - 2),
	CYAML_FIELD_MAPPING_PTR("control", OPTIONAL, struct raw_config, control, control_fields),
	CYAML_FIELD_MAPPING_PTR("home-agent", OPTIONAL, struct raw_config, home_agent, home_agent_fields),
	CYAML_FIELD_MAPPING_PTR("mobile-node", OPTIONAL, struct raw_config, mobile_node, node_fields),
	CYAML_FIELD_MAPPING_PTR("ipsec", OPTIONAL, struct raw_config, ipsec, ipsec_fields),
	CYAML_FIELD_MAPPING_PTR("auth-option", OPTIONAL, struct raw_config, auth_option, auth_option_fields),
	CYAML_FIELD_MAPPING_PTR("correspondent", OPTIONAL, struct raw_config, correspondent, correspondent_fields),
	CYAML_FIELD_END
};
/* clang-format on */

static const cyaml_schema_value_t top_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct raw_config, top_fields),
};

struct walk {
	struct config_source *src;
	size_t fatal; /* faults that libcyaml could not load around: all but unknown keys */
};

static void walk_value(struct walk *walk, const cyaml_schema_value_t *schema, const struct source_node *node,
		       const struct config_at *at);

#define REFUSE(walk, node, at, ...)                                                                                    \
	do {                                                                                                           \
		(walk)->fatal++;                                                                                       \
		config_source_refuse_node((walk)->src, node, at, __VA_ARGS__);                                         \
	} while (0)

static const struct source_node *node_at(const struct config_source *src, uint32_t index)
{
	return index ? &src->nodes[index] : NULL;
}

/* "a, b, c", cut short where @out ends. */
static void append_word(char *out, size_t size, const char *word)
{
	size_t len = strlen(out);

	snprintf(out + len, size - len, "%s%s", len ? ", " : "", word);
}

static const cyaml_schema_field_t *find_field(const cyaml_schema_field_t *fields, const char *key)
{
	for (; fields->key; fields++) {
		if (strcmp(fields->key, key) == 0)
			return fields;
	}
	return NULL;
}

static void refuse_unknown(struct walk *walk, const cyaml_schema_field_t *fields, const struct source_node *node,
			   const struct config_at *at)
{
	struct source_node nameless = { .kind = SOURCE_NONE, .line = node->line };
	char keys[256] = "";

	for (; fields->key; fields++)
		append_word(keys, sizeof(keys), fields->key);
	config_source_refuse_node(walk->src, &nameless, at, "unknown key: expected one of %s", keys);
}

static void walk_mapping(struct walk *walk, const cyaml_schema_value_t *schema, const struct source_node *node,
			 const struct config_at *at)
{
	const cyaml_schema_field_t *fields = schema->mapping.fields, *field;
	const struct source_node *child;
	uint64_t seen = 0;

	for (child = node_at(walk->src, node->child); child; child = node_at(walk->src, child->next)) {
		const struct config_at *here = AT_KEY(at, walk->src->text + child->key);
		uint64_t bit;

		field = find_field(fields, here->key);
		if (!field) {
			refuse_unknown(walk, fields, child, here);
			continue;
		}
		bit = UINT64_C(1) << (field - fields);
		if (seen & bit)
			REFUSE(walk, child, here, "given twice: expected this key once");
		seen |= bit;
		walk_value(walk, &field->value, child, here);
	}
	for (field = fields; field->key; field++) {
		if (!(seen & UINT64_C(1) << (field - fields)) && !(field->value.flags & CYAML_FLAG_OPTIONAL))
			REFUSE(walk, node, AT_KEY(at, field->key), "missing: expected this key");
	}
}

static void walk_sequence(struct walk *walk, const cyaml_schema_value_t *schema, const struct source_node *node,
			  const struct config_at *at)
{
	const struct source_node *child;
	size_t count = 0;

	for (child = node_at(walk->src, node->child); child; child = node_at(walk->src, child->next), count++) {
		if (count < schema->sequence.max)
			walk_value(walk, schema->sequence.entry, child, AT_INDEX(at, count));
	}
	if (count < schema->sequence.min || count > schema->sequence.max)
		REFUSE(walk, node, at, "%zu entries: expected %u..%u", count, schema->sequence.min,
		       schema->sequence.max);
}

static void walk_word(struct walk *walk, const cyaml_schema_value_t *schema, const struct source_node *node,
		      const struct config_at *at)
{
	char words[128] = "";

	for (uint32_t i = 0; i < schema->enumeration.count; i++) {
		if (strcmp(schema->enumeration.strings[i].str, walk->src->text + node->value) == 0)
			return;
		append_word(words, sizeof(words), schema->enumeration.strings[i].str);
	}
	REFUSE(walk, node, at, "expected %s%s", schema->enumeration.count > 1 ? "one of " : "", words);
}

/* CYAML_FLAGS: a list of words. */
static void walk_words(struct walk *walk, const cyaml_schema_value_t *schema, const struct source_node *node,
		       const struct config_at *at)
{
	const struct source_node *child;
	size_t index = 0;

	for (child = node_at(walk->src, node->child); child; child = node_at(walk->src, child->next), index++) {
		if (child->kind == SOURCE_SCALAR)
			walk_word(walk, schema, child, AT_INDEX(at, index));
		else
			REFUSE(walk, child, AT_INDEX(at, index), "expected a word");
	}
}

/* Stricter than libcyaml, which takes 0x10 and reads 010 as eight. */
static void walk_number(struct walk *walk, const cyaml_schema_value_t *schema, const struct source_node *node,
			const struct config_at *at)
{
	const char *text = walk->src->text + node->value;
	size_t len = strlen(text);

	if (!len || len > 10 || strspn(text, "0123456789") != len || (len > 1 && text[0] == '0') ||
	    strtoull(text, NULL, 10) > UINT32_MAX)
		REFUSE(walk, node, at, "expected a decimal number, 0..%u", UINT32_MAX);
}

static void walk_string(struct walk *walk, const cyaml_schema_value_t *schema, const struct source_node *node,
			const struct config_at *at)
{
	size_t len = strlen(walk->src->text + node->value);

	if (len < schema->string.min || len > schema->string.max)
		REFUSE(walk, node, at, "expected %u..%u characters", schema->string.min, schema->string.max);
}

static const struct walk_type {
	enum source_kind kind;
	const char *expected;
	void (*walk)(struct walk *walk, const cyaml_schema_value_t *schema, const struct source_node *node,
		     const struct config_at *at);
} walk_types[CYAML__TYPE_COUNT] = {
	[CYAML_MAPPING] = { SOURCE_MAPPING, "a mapping (key: value)", walk_mapping },
	[CYAML_SEQUENCE] = { SOURCE_SEQUENCE, "a list", walk_sequence },
	[CYAML_FLAGS] = { SOURCE_SEQUENCE, "a list of words", walk_words },
	[CYAML_ENUM] = { SOURCE_SCALAR, "a word", walk_word },
	[CYAML_UINT] = { SOURCE_SCALAR, "a number", walk_number },
	[CYAML_STRING] = { SOURCE_SCALAR, "a text", walk_string },
};

static void walk_value(struct walk *walk, const cyaml_schema_value_t *schema, const struct source_node *node,
		       const struct config_at *at)
{
	const struct walk_type *type = &walk_types[schema->type];

	if (node->kind != type->kind)
		REFUSE(walk, node, at, "expected %s", type->expected);
	else
		type->walk(walk, schema, node, at);
}

/*
 * Memory of libcyaml, which lengthens a list by one entry at a time: rounded up, so that a hundred thousand entries
 * are not copied a hundred thousand times.
 */
static void *grow(void *ctx, void *ptr, size_t size)
{
	size_t space = 4096;

	if (!size) {
		free(ptr);
		return NULL;
	}
	if (ptr && malloc_usable_size(ptr) >= size)
		return ptr;
	if (size <= space)
		return realloc(ptr, size);
	while (space < size)
		space *= 2;
	return realloc(ptr, space);
}

/* Reached only where the walk above is laxer than libcyaml: a fault of ours, still a refusal. */
static void on_cyaml_log(cyaml_log_t level, void *ctx, const char *format, va_list args)
{
	char text[256];

	vsnprintf(text, sizeof(text), format, args);
	text[strcspn(text, "\n")] = '\0';
	config_source_refuse_line(ctx, 0, "libcyaml: %s", text);
}

static cyaml_config_t cyaml_config(struct config_source *src)
{
	return (cyaml_config_t){
		.log_fn = src ? on_cyaml_log : NULL,
		.log_ctx = src,
		.mem_fn = grow,
		.log_level = CYAML_LOG_ERROR,
		.flags = CYAML_CFG_STYLE_BLOCK | CYAML_CFG_NO_ALIAS,
	};
}

int config_schema_load(struct config_source *src, const char *data, size_t len, struct raw_config **out)
{
	cyaml_config_t config = cyaml_config(src);
	struct walk walk = { .src = src };
	cyaml_data_t *loaded = NULL;
	cyaml_err_t err;

	walk_value(&walk, &top_schema, &src->nodes[0], NULL);
	if (walk.fatal)
		return -EINVAL;
	if (src->error_count)
		config.flags |= CYAML_CFG_IGNORE_UNKNOWN_KEYS;
	err = cyaml_load_data((const uint8_t *)data, len, &config, &top_schema, &loaded, NULL);
	if (err == CYAML_ERR_OOM)
		return -ENOMEM;
	if (err || !loaded) {
		config_source_refuse_line(src, 0, "libcyaml: %s", cyaml_strerror(err));
		return -EINVAL;
	}
	*out = loaded;
	return 0;
}

void config_schema_free(struct raw_config *raw)
{
	cyaml_config_t config = cyaml_config(NULL);

	cyaml_free(&config, &top_schema, raw, 0);
}

int config_schema_save(const struct raw_config *raw, FILE *out)
{
	cyaml_config_t config = cyaml_config(NULL);
	char *text = NULL;
	size_t len = 0, written;

	if (cyaml_save_data(&text, &len, &config, &top_schema, raw, 0) != CYAML_OK)
		return -ENOMEM;
	written = fwrite(text, 1, len, out);
	grow(NULL, text, 0);
	return written == len ? 0 : -EIO;
}

static void each_key(const cyaml_schema_field_t *field, const char *prefix,
		     void (*each)(const char *path, bool required, void *arg), void *arg)
{
	char path[128];

	for (; field->key; field++) {
		const cyaml_schema_value_t *value = &field->value;
		bool list = value->type == CYAML_SEQUENCE;

		snprintf(path, sizeof(path), "%s%s%s", prefix, *prefix ? "." : "", field->key);
		each(path, !(value->flags & CYAML_FLAG_OPTIONAL), arg);
		if (list) {
			strncat(path, "[]", sizeof(path) - strlen(path) - 1);
			value = value->sequence.entry;
		}
		if (value->type == CYAML_MAPPING)
			each_key(value->mapping.fields, path, each, arg);
	}
}

void config_schema_keys(void (*each)(const char *path, bool required, void *arg), void *arg)
{
	each_key(top_fields, "", each, arg);
}

const char *attach_mode_name(enum attach_mode mode)
{
	return mode < ARRAY_SIZE(modes) ? modes[mode].str : "unknown"; /* the table is in the order of the enum */
}

const char *config_optimise_name(enum config_optimise optimise)
{
	return optimise < ARRAY_SIZE(optimises) ? optimises[optimise].str : "unknown"; /* as above */
}
