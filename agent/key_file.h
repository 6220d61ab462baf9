/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Files of keys: lines of fields, read into one buffer that is wiped; no stdio and no YAML library, whose own buffers
 * aren't. What is wrong is told by line; never what stood there, since it may be half of a key.
 */
#ifndef MOBGW_KEY_FILE_H
#define MOBGW_KEY_FILE_H

#include <stdio.h>

#include "base.h"

enum { KEY_FIELDS_MAX = 8 };

struct key_field {
	const char *at; /* not terminated; into the file */
	size_t len;
};

/* Where messages come from. */
struct key_source {
	const char *name;
	FILE *errors; /* NULL: nothing is told nor counted */
	unsigned int line;
	size_t faults;
};

/* FILE:LINE: @what; after some of them only counted. key_source_sum_up() says how many were. */
void key_complain(struct key_source *src, const char *what);
/* About no line in particular. */
void key_complain_of(struct key_source *src, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* -EINVAL where there were faults. */
int key_source_sum_up(struct key_source *src);

/*
 * Calls @fn for each line that isn't empty or a comment ('#' to its end), with its fields, split at blanks; where a
 * line has control characters or more than @most fields that is told, and @fn isn't called.
 */
void key_lines(struct key_source *src, const char *data, size_t len, int most, const char *wrong_count,
	       void (*fn)(void *arg, struct key_source *src, const struct key_field *fields, int count), void *arg);
size_t key_lines_count(const char *data, size_t len);

bool key_field_is(struct key_field field, const char *word);
/* 4097 or 0x1001; 256 on, RFC 4303 §2.1, RFC 4285 §5.1. What is wrong with it; NULL: nothing. */
const char *key_field_spi(struct key_field field, uint32_t *spi);
/* A unicast routable address. */
bool key_field_address(struct key_field field, struct in6_addr *addr);
/* Exactly 2 * @len hexadecimal digits, not all zero. */
bool key_field_hex(struct key_field field, uint8_t *octets, size_t len);

/*
 * A plain file of root or ours that nobody else may read, at most 64 MiB. @parse gets its octets, which are wiped then.
 * Return: what @parse does; -EPERM, -EINVAL, -errno: said.
 */
int key_file_load(const char *path, FILE *errors, int (*parse)(void *arg, const char *data, size_t len), void *arg);

#endif
