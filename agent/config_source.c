/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The text of a configuration as a tree that remembers its lines, so that every refusal can say where. Refuses what no
 * configuration needs and what makes YAML dangerous: anchors, aliases, tags, several documents, depth, NULs, encodings
 * other than UTF-8. Knows no key: that is config_schema.c.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <yaml.h>

#include "config_raw.h"

/* One mapping or list being read. */
struct level {
	uint32_t node;
	uint32_t last; /* its child read last; 0: none yet */
	uint32_t key;  /* of the value to come; 0: a key comes next, or this is a list */
	uint32_t key_line;
};

struct composer {
	struct config_source *src;
	struct level levels[CONFIG_MAX_DEPTH];
	unsigned int depth;
	unsigned int documents;
	bool done;
};

/* Operators see this on a terminal: nothing in a hostile file may move the cursor. */
static void print_escaped(FILE *out, const char *text)
{
	enum { SHOWN = 60 };
	size_t len = strlen(text);

	for (size_t i = 0; i < len && i < SHOWN; i++) {
		unsigned char c = text[i];

		fprintf(out, c >= 0x20 && c < 0x7f ? "%c" : "\\x%02x", c);
	}
	if (len > SHOWN)
		fputs("...", out);
}

static void print_at(FILE *out, const struct config_at *at)
{
	if (!at)
		return;
	print_at(out, at->up);
	if (!at->key) {
		fprintf(out, "[%zu]", at->index);
		return;
	}
	if (at->up)
		fputc('.', out);
	print_escaped(out, at->key);
}

static void refuse(struct config_source *src, uint32_t line, const struct config_at *at, const char *value,
		   const char *format, va_list args)
{
	if (src->error_count++ >= CONFIG_MAX_ERRORS)
		return;
	fprintf(src->errors, "%s:", src->name);
	if (line)
		fprintf(src->errors, "%u:", line);
	fputc(' ', src->errors);
	if (at) {
		print_at(src->errors, at);
		fputs(": ", src->errors);
	}
	if (value) {
		fputc('\'', src->errors);
		print_escaped(src->errors, value);
		fputs("': ", src->errors);
	}
	vfprintf(src->errors, format, args);
	fputc('\n', src->errors);
}

void config_source_refuse_line(struct config_source *src, uint32_t line, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	refuse(src, line, NULL, NULL, format, args);
	va_end(args);
}

static const char *node_value(const struct config_source *src, const struct source_node *node)
{
	return node->kind == SOURCE_SCALAR ? src->text + node->value : NULL;
}

void config_source_refuse_node(struct config_source *src, const struct source_node *node, const struct config_at *at,
			       const char *format, ...)
{
	va_list args;

	va_start(args, format);
	refuse(src, node->line, at, node_value(src, node), format, args);
	va_end(args);
}

static const struct source_node *find_child(const struct config_source *src, const struct source_node *parent,
					    const struct config_at *at)
{
	size_t index = 0;

	for (uint32_t i = parent->child; i; i = src->nodes[i].next, index++) {
		if (at->key ? strcmp(src->text + src->nodes[i].key, at->key) == 0 : index == at->index)
			return &src->nodes[i];
	}
	return NULL;
}

/* The node at @at, or the nearest one around it with *@missing set. */
static const struct source_node *find(const struct config_source *src, const struct config_at *at, bool *missing)
{
	const struct source_node *parent, *child;

	if (!at)
		return &src->nodes[0];
	parent = find(src, at->up, missing);
	if (*missing)
		return parent;
	child = find_child(src, parent, at);
	*missing = !child;
	return child ? child : parent;
}

void config_source_refuse(struct config_source *src, const struct config_at *at, const char *format, ...)
{
	const struct source_node *node = &src->nodes[0];
	bool missing = false;
	va_list args;

	if (src->error_count < CONFIG_MAX_ERRORS) /* a list is walked to find its entry: not for what isn't shown */
		node = find(src, at, &missing);
	va_start(args, format);
	refuse(src, node->line, at, missing ? NULL : node_value(src, node), format, args);
	va_end(args);
}

uint32_t config_source_line(const struct config_source *src, const struct config_at *at)
{
	bool missing = false;

	return src->error_count < CONFIG_MAX_ERRORS ? find(src, at, &missing)->line : 0;
}

void config_source_sum_up(struct config_source *src)
{
	if (src->error_count > CONFIG_MAX_ERRORS)
		fprintf(src->errors, "%s: %zu more errors not shown\n", src->name,
			src->error_count - CONFIG_MAX_ERRORS);
}

static uint32_t mark_line(const yaml_mark_t *mark)
{
	return mark->line + 1;
}

/* Both grow by doubling: hundreds of thousands of entries, one at a time. 0 or -ENOMEM. */
static int store_text(struct config_source *src, const char *word, size_t len, uint32_t *offset)
{
	if (src->text_space - src->text_len < len + 1) {
		size_t space = 2 * (size_t)src->text_space + len + 64;
		char *text = realloc(src->text, space);

		if (!text)
			return -ENOMEM;
		src->text = text;
		src->text_space = space;
	}
	*offset = src->text_len;
	memcpy(src->text + src->text_len, word, len);
	src->text[src->text_len + len] = '\0';
	src->text_len += len + 1;
	return 0;
}

static int store_node(struct config_source *src, const struct source_node *node, uint32_t *index)
{
	if (src->node_count == src->node_space) {
		uint32_t space = 2 * src->node_space + 64;
		struct source_node *nodes = realloc(src->nodes, space * sizeof(*nodes));

		if (!nodes)
			return -ENOMEM;
		src->nodes = nodes;
		src->node_space = space;
	}
	src->nodes[src->node_count] = *node;
	*index = src->node_count++;
	return 0;
}

/* Hangs a new node under the innermost open mapping or list. */
static int add_node(struct composer *comp, struct source_node *node, uint32_t *index)
{
	struct level *level = comp->depth ? &comp->levels[comp->depth - 1] : NULL;
	struct config_source *src = comp->src;
	int err;

	if (level && level->key) {
		node->key = level->key;
		node->line = level->key_line;
		level->key = 0;
	}
	err = store_node(src, node, index);
	if (err || !level)
		return err;
	if (level->last)
		src->nodes[level->last].next = *index;
	else
		src->nodes[level->node].child = *index;
	level->last = *index;
	return 0;
}

static bool key_comes_next(const struct composer *comp)
{
	const struct level *level = comp->depth ? &comp->levels[comp->depth - 1] : NULL;

	return level && comp->src->nodes[level->node].kind == SOURCE_MAPPING && !level->key;
}

static int refuse_event(struct composer *comp, const yaml_event_t *event, const char *expected)
{
	config_source_refuse_line(comp->src, mark_line(&event->start_mark), "expected %s", expected);
	return -EINVAL;
}

static int on_scalar(struct composer *comp, const yaml_event_t *event)
{
	const char *word = (const char *)event->data.scalar.value;
	size_t len = event->data.scalar.length;
	struct source_node node = { .kind = SOURCE_SCALAR, .line = mark_line(&event->start_mark) };
	uint32_t offset, index;
	int err;

	if (event->data.scalar.anchor || event->data.scalar.tag)
		return refuse_event(comp, event, "no anchor and no tag before a value");
	if (memchr(word, '\0', len))
		return refuse_event(comp, event, "text without NUL");
	err = store_text(comp->src, word, len, &offset);
	if (err)
		return err;
	if (key_comes_next(comp)) {
		comp->levels[comp->depth - 1].key = offset;
		comp->levels[comp->depth - 1].key_line = node.line;
		return 0;
	}
	node.value = offset;
	return add_node(comp, &node, &index);
}

static int open_level(struct composer *comp, const yaml_event_t *event, enum source_kind kind, bool adorned)
{
	struct source_node node = { .kind = kind, .line = mark_line(&event->start_mark) };
	uint32_t index;
	int err;

	if (adorned)
		return refuse_event(comp, event, "no anchor and no tag before a value");
	if (key_comes_next(comp))
		return refuse_event(comp, event, "a key, not a mapping or list");
	if (comp->depth == CONFIG_MAX_DEPTH)
		return refuse_event(comp, event, "less deep nesting");
	err = add_node(comp, &node, &index);
	if (err)
		return err;
	comp->levels[comp->depth++] = (struct level){ .node = index };
	return 0;
}

static int on_sequence(struct composer *comp, const yaml_event_t *event)
{
	return open_level(comp, event, SOURCE_SEQUENCE,
			  event->data.sequence_start.anchor || event->data.sequence_start.tag);
}

static int on_mapping(struct composer *comp, const yaml_event_t *event)
{
	return open_level(comp, event, SOURCE_MAPPING,
			  event->data.mapping_start.anchor || event->data.mapping_start.tag);
}

static int on_end(struct composer *comp, const yaml_event_t *event)
{
	comp->depth--; /* libyaml pairs starts and ends */
	return 0;
}

static int on_alias(struct composer *comp, const yaml_event_t *event)
{
	return refuse_event(comp, event, "no aliases (*name)");
}

static int on_document(struct composer *comp, const yaml_event_t *event)
{
	return comp->documents++ ? refuse_event(comp, event, "one YAML document, not several") : 0;
}

static int on_stream_end(struct composer *comp, const yaml_event_t *event)
{
	comp->done = true;
	if (comp->documents)
		return 0;
	config_source_refuse_line(comp->src, 0, "empty: expected a configuration");
	return -EINVAL;
}

static int (*const events[])(struct composer *comp, const yaml_event_t *event) = {
	[YAML_DOCUMENT_START_EVENT] = on_document, [YAML_STREAM_END_EVENT] = on_stream_end,
	[YAML_SCALAR_EVENT] = on_scalar,	   [YAML_ALIAS_EVENT] = on_alias,
	[YAML_SEQUENCE_START_EVENT] = on_sequence, [YAML_SEQUENCE_END_EVENT] = on_end,
	[YAML_MAPPING_START_EVENT] = on_mapping,   [YAML_MAPPING_END_EVENT] = on_end,
};

static uint32_t line_of_offset(const char *data, size_t offset)
{
	uint32_t line = 1;

	for (size_t i = 0; i < offset; i++)
		line += data[i] == '\n';
	return line;
}

static int refuse_parser(struct config_source *src, const yaml_parser_t *parser, const char *data, size_t len)
{
	const char *problem = parser->problem ? parser->problem : "unknown problem";
	size_t offset = parser->problem_offset < len ? parser->problem_offset : len;

	if (parser->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	if (parser->error == YAML_READER_ERROR)
		config_source_refuse_line(src, line_of_offset(data, offset), "expected printable UTF-8 text: %s",
					  problem);
	else
		config_source_refuse_line(src, mark_line(&parser->problem_mark), "expected well-formed YAML: %s",
					  problem);
	return -EINVAL;
}

static int check_octets(struct config_source *src, const char *data, size_t len)
{
	const char *nul = len ? memchr(data, '\0', len) : NULL;
	const char *tag = memmem(data, len, "%TAG", 4); /* libyaml compares each with all before */

	if (len > CONFIG_MAX_BYTES)
		config_source_refuse_line(src, 0, "too big: expected at most %u octets", CONFIG_MAX_BYTES);
	else if (nul)
		config_source_refuse_line(src, line_of_offset(data, nul - data), "expected text without NUL");
	else if (tag)
		config_source_refuse_line(src, line_of_offset(data, tag - data), "expected no %%TAG directive");
	else
		return 0;
	return -EINVAL;
}

int config_source_read(struct config_source *src, const char *data, size_t len)
{
	struct composer comp = { .src = src };
	yaml_parser_t parser;
	yaml_event_t event;
	uint32_t empty;
	int err;

	err = check_octets(src, data, len);
	if (!err)
		err = store_text(src, "", 0, &empty);
	if (err)
		return err;
	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING); /* libyaml would take UTF-16, too */
	yaml_parser_set_input_string(&parser, (const unsigned char *)data, len);

	while (!err && !comp.done) {
		if (!yaml_parser_parse(&parser, &event)) {
			err = refuse_parser(src, &parser, data, len);
			break;
		}
		if (event.type < ARRAY_SIZE(events) && events[event.type])
			err = events[event.type](&comp, &event);
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	return err;
}

void config_source_free(struct config_source *src)
{
	free(src->nodes);
	free(src->text);
	src->nodes = NULL;
	src->text = NULL;
}
