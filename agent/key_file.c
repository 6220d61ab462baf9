// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Files of keys: who may read them, and the lines of which they are made. */
#include "key_file.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	FILE_MAX = 64 << 20,
	ERRORS_MAX = 20,
	SPI_LEAST = 256,
};

void key_complain(struct key_source *src, const char *what)
{
	if (src->errors && src->faults++ < ERRORS_MAX)
		fprintf(src->errors, "%s:%u: %s\n", src->name, src->line, what);
}

void key_complain_of(struct key_source *src, const char *format, ...)
{
	va_list args;

	if (src->faults++ >= ERRORS_MAX)
		return;
	fprintf(src->errors, "%s: ", src->name);
	va_start(args, format);
	vfprintf(src->errors, format, args);
	va_end(args);
	fputc('\n', src->errors);
}

int key_source_sum_up(struct key_source *src)
{
	if (src->faults > ERRORS_MAX)
		fprintf(src->errors, "%s: %zu more errors not shown\n", src->name, src->faults - ERRORS_MAX);
	return src->faults ? -EINVAL : 0;
}

/* ---- lines ---- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Fields of a line, one more than @most where there are more; -1: control characters. */
static int split(const char *at, const char *end, struct key_field *fields, int most)
{
	int count = 0;

	while (at < end && *at != '#') {
		const char *start = at;

		while (at < end && !is_blank(*at)) {
			if ((unsigned char)*at < ' ' || *at == 0x7F)
				return -1;
			at++;
		}
		if (at > start && count == most)
			return most + 1;
		if (at > start)
			fields[count++] = (struct key_field){ start, at - start };
		while (at < end && is_blank(*at))
			at++;
	}
	return count;
}

void key_lines(struct key_source *src, const char *data, size_t len, int most, const char *wrong_count,
	       void (*fn)(void *arg, struct key_source *src, const struct key_field *fields, int count), void *arg)
{
	const char *end = data + len;

	while (data < end) {
		const char *newline = memchr(data, '\n', end - data);
		struct key_field fields[KEY_FIELDS_MAX];
		int count = split(data, newline ? newline : end, fields, most);

		src->line++;
		if (count < 0)
			key_complain(src, "control characters; is this a key file?");
		else if (count > most)
			key_complain(src, wrong_count);
		else if (count > 0)
			fn(arg, src, fields, count);
		data = newline ? newline + 1 : end;
	}
}

size_t key_lines_count(const char *data, size_t len)
{
	size_t count = 1;

	for (size_t i = 0; i < len; i++)
		count += data[i] == '\n';
	return count;
}

/* ---- fields ---- */

bool key_field_is(struct key_field field, const char *word)
{
	return strlen(word) == field.len && memcmp(word, field.at, field.len) == 0;
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

const char *key_field_spi(struct key_field field, uint32_t *spi)
{
	bool hex = field.len > 2 && field.at[0] == '0' && field.at[1] == 'x';
	uint64_t value = 0;

	for (size_t i = hex ? 2 : 0; i < field.len; i++) {
		int digit = digit_of(field.at[i]);

		if (digit < 0 || (!hex && digit > 9))
			return "the SPI is no number; write 4097 or 0x1001";
		value = value * (hex ? 16 : 10) + digit;
		if (value > UINT32_MAX)
			return "the SPI is beyond 4294967295";
	}
	*spi = value;
	return value < SPI_LEAST ? "SPIs below 256 are reserved" : NULL;
}

bool key_field_address(struct key_field field, struct in6_addr *addr)
{
	char text[INET6_ADDRSTRLEN];

	if (field.len >= sizeof(text))
		return false;
	memcpy(text, field.at, field.len);
	text[field.len] = '\0';
	return inet_pton(AF_INET6, text, addr) == 1 && addr_is_routable(addr);
}

bool key_field_hex(struct key_field field, uint8_t *octets, size_t len)
{
	uint8_t any = 0;

	if (field.len != 2 * len)
		return false;
	for (size_t i = 0; i < field.len; i += 2) {
		int high = digit_of(field.at[i]), low = digit_of(field.at[i + 1]);

		if (high < 0 || low < 0)
			return false;
		octets[i / 2] = high << 4 | low;
		any |= octets[i / 2];
	}
	return any;
}

/* ---- the file ---- */

/* Nobody else's to write, nobody else's to read. */
static int check_file(int fd, const char *path, FILE *errors, size_t *size)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	*size = st.st_size;
	if (!S_ISREG(st.st_mode)) {
		fprintf(errors, "%s: not a plain file\n", path);
		return -EPERM;
	}
	if (st.st_uid != 0 && st.st_uid != geteuid()) {
		fprintf(errors, "%s: belongs to user %u; chown it to root\n", path, st.st_uid);
		return -EPERM;
	}
	if (st.st_mode & 077) {
		fprintf(errors, "%s: mode %04o lets others at the keys; chmod 0600 it, and change the keys\n", path,
			st.st_mode & 07777);
		return -EPERM;
	}
	if (st.st_size > FILE_MAX) {
		fprintf(errors, "%s: larger than 64 MiB; is this a key file?\n", path);
		return -EINVAL;
	}
	return 0;
}

/* Up to @size octets: who appends meanwhile is read next time. */
static int read_whole(int fd, char *data, size_t size, size_t *len)
{
	*len = 0;
	while (*len < size) {
		ssize_t got = read(fd, data + *len, size - *len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		*len += got;
	}
	return 0;
}

static int load_from(int fd, const char *path, FILE *errors, int (*parse)(void *arg, const char *data, size_t len),
		     void *arg)
{
	size_t size = 0, len;
	char *data;
	int err = check_file(fd, path, errors, &size);

	if (err)
		return err;
	data = malloc(size + 1);
	if (!data)
		return -ENOMEM;
	err = read_whole(fd, data, size, &len);
	if (err)
		fprintf(errors, "%s: %s\n", path, strerror(-err));
	else
		err = parse(arg, data, len);
	explicit_bzero(data, size + 1);
	free(data);
	return err;
}

int key_file_load(const char *path, FILE *errors, int (*parse)(void *arg, const char *data, size_t len), void *arg)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), err; /* nor hang on a fifo */

	if (fd < 0) {
		err = -errno;
		fprintf(errors, "%s: %s\n", path, strerror(-err));
		return err;
	}
	err = load_from(fd, path, errors, parse, arg);
	if (err == -ENOMEM)
		fprintf(errors, "%s: out of memory\n", path);
	close(fd);
	return err;
}
