// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Messages of vici: sections, keys with values, lists, each with a type of an octet, names with a length of one, values
 * with a length of two, big-endian (strongSwan, src/libcharon/plugins/vici/README.md).
 */
#include "vici.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum element { SECTION_START = 1, SECTION_END, KEY_VALUE, LIST_START, LIST_ITEM, LIST_END };

/* ---- writing ---- */

struct vici_writer {
	uint8_t *data;
	size_t len, room;
	unsigned int depth;
	int err; /* the first; all that follows is left out */
};

struct vici_writer *vici_writer_new(void)
{
	return calloc(1, sizeof(struct vici_writer));
}

void vici_writer_free(struct vici_writer *w)
{
	if (!w)
		return;
	if (w->data)
		explicit_bzero(w->data, w->room);
	free(w->data);
	free(w);
}

/* realloc() would leave a copy of what may be a secret. */
static int grow(struct vici_writer *w, size_t wanted)
{
	size_t room = w->room ? w->room : 512;
	uint8_t *data;

	while (room < wanted)
		room *= 2;
	data = malloc(room);
	if (!data)
		return -ENOMEM;
	if (w->data) {
		memcpy(data, w->data, w->len);
		explicit_bzero(w->data, w->room);
	}
	free(w->data);
	w->data = data;
	w->room = room;
	return 0;
}

static void put(struct vici_writer *w, const void *octets, size_t len)
{
	if (!w->err && w->len + len > VICI_MAX)
		w->err = -EINVAL;
	if (!w->err && w->len + len > w->room)
		w->err = grow(w, w->len + len);
	if (w->err || !len)
		return;
	memcpy(w->data + w->len, octets, len);
	w->len += len;
}

static void put_type(struct vici_writer *w, enum element type)
{
	put(w, &(uint8_t){ type }, 1);
}

static void put_name(struct vici_writer *w, const char *name)
{
	size_t len = strlen(name);

	if (!len || len > UINT8_MAX)
		w->err = w->err ? w->err : -EINVAL;
	put(w, &(uint8_t){ len }, 1);
	put(w, name, len);
}

static void put_value(struct vici_writer *w, const void *value, size_t len)
{
	if (len > UINT16_MAX)
		w->err = w->err ? w->err : -EINVAL;
	put(w, (uint8_t[]){ len >> 8, len }, 2);
	put(w, value, len);
}

void vici_section(struct vici_writer *w, const char *name)
{
	if (++w->depth > VICI_DEPTH)
		w->err = w->err ? w->err : -EINVAL;
	put_type(w, SECTION_START);
	put_name(w, name);
}

void vici_section_end(struct vici_writer *w)
{
	if (!w->depth)
		w->err = w->err ? w->err : -EINVAL;
	else
		w->depth--;
	put_type(w, SECTION_END);
}

void vici_value(struct vici_writer *w, const char *key, const void *value, size_t len)
{
	put_type(w, KEY_VALUE);
	put_name(w, key);
	put_value(w, value, len);
}

void vici_text(struct vici_writer *w, const char *key, const char *format, ...)
{
	char text[1024];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (len < 0 || (size_t)len >= sizeof(text))
		w->err = w->err ? w->err : -EINVAL;
	else
		vici_value(w, key, text, len);
	explicit_bzero(text, sizeof(text));
}

void vici_list(struct vici_writer *w, const char *key, const char *const *items, size_t count)
{
	put_type(w, LIST_START);
	put_name(w, key);
	for (size_t i = 0; i < count; i++) {
		put_type(w, LIST_ITEM);
		put_value(w, items[i], strlen(items[i]));
	}
	put_type(w, LIST_END);
}

int vici_writer_end(struct vici_writer *w, const uint8_t **data, size_t *len)
{
	if (!w->err && w->depth)
		w->err = -EINVAL;
	*data = w->data;
	*len = w->err ? 0 : w->len;
	return w->err;
}

/* ---- reading ---- */

struct reader {
	const uint8_t *at, *end;
	struct vici_element element;
	size_t path_len;	  /* of the sections that are open, without what is cut off */
	size_t above[VICI_DEPTH]; /* path_len before each of them */
	unsigned int depth;
	bool in_list;
};

/* @len octets, and on behind them; NULL: there aren't as many. */
static const uint8_t *take(struct reader *r, size_t len)
{
	const uint8_t *at = r->at;

	if ((size_t)(r->end - at) < len)
		return NULL;
	r->at += len;
	return at;
}

/* Appends a name to the path, behind the first @from octets of it; what doesn't fit is cut. */
static size_t name_path(struct reader *r, size_t from, const uint8_t *name, size_t len)
{
	size_t room = sizeof(r->element.path) - 4; /* a dot, brackets, the NUL */

	if (from && from < room)
		r->element.path[from++] = '.';
	for (size_t i = 0; i < len && from < room; i++)
		r->element.path[from++] = name[i] > ' ' && name[i] <= '~' ? name[i] : '?';
	r->element.path[from] = '\0';
	return from;
}

static const uint8_t *take_name(struct reader *r, size_t *len)
{
	const uint8_t *at = take(r, 1);

	if (!at || !*at)
		return NULL;
	*len = *at;
	return take(r, *len);
}

static bool take_value(struct reader *r)
{
	const uint8_t *at = take(r, 2);

	if (!at)
		return false;
	r->element.len = at[0] << 8 | at[1];
	r->element.value = take(r, r->element.len);
	return r->element.value;
}

static int begin_section(struct reader *r)
{
	size_t len;
	const uint8_t *name = take_name(r, &len);

	if (!name || r->in_list || r->depth == VICI_DEPTH)
		return -EBADMSG;
	r->above[r->depth++] = r->path_len;
	r->path_len = name_path(r, r->path_len, name, len);
	return 0;
}

static int end_section(struct reader *r)
{
	if (!r->depth || r->in_list)
		return -EBADMSG;
	r->path_len = r->above[--r->depth];
	return 0;
}

static int begin_list(struct reader *r)
{
	size_t len;
	const uint8_t *name = take_name(r, &len);
	size_t end;

	if (!name || r->in_list)
		return -EBADMSG;
	end = name_path(r, r->path_len, name, len);
	memcpy(r->element.path + end, "[]", 3);
	r->in_list = true;
	return 0;
}

/* One element; 1: @r->element is something to tell of. */
static int read_element(struct reader *r)
{
	const uint8_t *type = take(r, 1), *name;
	size_t len;

	switch (*type) {
	case SECTION_START:
		return begin_section(r);
	case SECTION_END:
		return end_section(r);
	case KEY_VALUE:
		name = take_name(r, &len);
		if (!name || r->in_list || !take_value(r))
			return -EBADMSG;
		name_path(r, r->path_len, name, len);
		return 1;
	case LIST_START:
		return begin_list(r);
	case LIST_ITEM:
		return r->in_list && take_value(r) ? 1 : -EBADMSG;
	case LIST_END:
		if (!r->in_list)
			return -EBADMSG;
		r->in_list = false;
		return 0;
	}
	return -EBADMSG;
}

int vici_parse(const uint8_t *data, size_t len, int (*fn)(void *arg, const struct vici_element *element), void *arg)
{
	struct reader r = { .at = data, .end = data + len };

	while (r.at < r.end) {
		int found = read_element(&r), err;

		if (found < 0)
			return found;
		err = found ? fn(arg, &r.element) : 0;
		if (err)
			return err;
	}
	return r.depth || r.in_list ? -EBADMSG : 0;
}

/* ---- answers ---- */

struct success {
	bool said, yes;
	char *why;
	size_t why_size;
};

static int note_success(void *arg, const struct vici_element *element)
{
	struct success *s = arg;

	if (!strcmp(element->path, "success")) {
		s->said = true;
		s->yes = element->len == 3 && !memcmp(element->value, "yes", 3);
	} else if (!strcmp(element->path, "errmsg")) {
		size_t len = element->len < s->why_size - 1 ? element->len : s->why_size - 1;

		for (size_t i = 0; i < len; i++) /* into a log line: nothing that moves a cursor */
			s->why[i] = element->value[i] >= ' ' && element->value[i] <= '~' ? element->value[i] : '?';
		s->why[len] = '\0';
	}
	return 0;
}

int vici_succeeded(const uint8_t *data, size_t len, char *why, size_t why_size)
{
	struct success s = { .why = why, .why_size = why_size };
	int err;

	snprintf(why, why_size, "no reason given");
	err = vici_parse(data, len, note_success, &s);
	if (err)
		return err;
	return s.said && s.yes ? 0 : -EPROTO;
}
