// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The file of keys for the authentication option: what its lines mean. */
#include "auth_keys.h"
#include "key_file.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

enum { FIELDS = 3 };

static const char wrong_count[] = "a line has three fields: mobility SPI, home address or NAI, key";

/* ---- the three fields of a line; each returns what is wrong with it, NULL where nothing is ---- */

static const char *parse_spi(struct key_field field, struct auth_key *key, uint8_t *secret)
{
	return key_field_spi(field, &key->spi);
}

/* No blanks nor controls, which the splitting left out; a colon no NAI has (RFC 4282 §2.1), but an address. */
static const char *parse_node(struct key_field field, struct auth_key *key, uint8_t *secret)
{
	char text[INET6_ADDRSTRLEN];

	if (field.len < sizeof(text)) {
		memcpy(text, field.at, field.len);
		text[field.len] = '\0';
		if (inet_pton(AF_INET6, text, &key->home) == 1)
			return addr_is_routable(&key->home) ? NULL : "the address is none that a node can have as home";
	}
	if (memchr(field.at, ':', field.len))
		return "the second field is neither an IPv6 address nor an NAI";
	if (field.len > MH_NAI_MAX)
		return "the NAI is longer than the 254 octets that an option can hold (RFC 4283 section 3)";
	key->nai = strndup(field.at, field.len);
	key->nai_len = field.len;
	return key->nai ? NULL : "out of memory";
}

static const char *parse_key(struct key_field field, struct auth_key *key, uint8_t *secret)
{
	return key_field_hex(field, secret, AUTH_KEY_LEN)
		       ? NULL
		       : "the key is not of 32 hexadecimal digits, or all zero; make one with: openssl rand -hex 16 "
			 "(RFC 4285 section 5.1)";
}

/* ---- the table ---- */

static int compare_node(const struct auth_key *a, const struct auth_key *b)
{
	if (a->nai_len != b->nai_len)
		return a->nai_len < b->nai_len ? -1 : 1;
	return a->nai_len ? memcmp(a->nai, b->nai, a->nai_len) : memcmp(&a->home, &b->home, sizeof(a->home));
}

static int compare(const void *a, const void *b)
{
	const struct auth_key *left = a, *right = b;
	int node = compare_node(left, right);

	return node ? node : (left->spi > right->spi) - (left->spi < right->spi);
}

static void forget(struct auth_key *key)
{
	if (key->nai)
		explicit_bzero(key->nai, key->nai_len); /* a key, where somebody took one field for another */
	free(key->nai);
	key->nai = NULL;
}

void auth_keys_free(struct auth_keys *keys)
{
	if (!keys)
		return;
	for (size_t i = 0; i < keys->count; i++)
		forget(&keys->at[i]);
	if (keys->secrets)
		explicit_bzero(keys->secrets, keys->secrets_len);
	free(keys->secrets);
	free(keys->at);
	free(keys);
}

/* One line becomes the next key of the table, rightly or not at all. */
static void parse_line(void *arg, struct key_source *src, const struct key_field *fields, int count)
{
	static const char *(*const parsers[FIELDS])(struct key_field, struct auth_key *,
						    uint8_t *) = { parse_spi, parse_node, parse_key };
	struct auth_keys *keys = arg;
	struct auth_key *key = &keys->at[keys->count];
	const char *wrong = count == FIELDS ? NULL : wrong_count;

	*key = (struct auth_key){ .key = keys->secrets + keys->count * RR_KEY_LEN };
	for (int i = 0; i < FIELDS && !wrong; i++)
		wrong = parsers[i](fields[i], key, keys->secrets + keys->count * RR_KEY_LEN);
	if (!wrong) {
		keys->count++;
		return;
	}
	key_complain(src, wrong);
	forget(key);
}

/* One SPI names one key of a node. The lines are gone from a sorted table: the SPI and the node are told. */
static void refuse_doubles(struct key_source *src, const struct auth_keys *keys)
{
	for (size_t i = 1; i < keys->count; i++) {
		const struct auth_key *key = &keys->at[i];

		if (compare(key, key - 1) == 0)
			key_complain_of(src, "mobility SPI %u of %s stands twice; remove one of its lines", key->spi,
					key->nai ? key->nai : addr_text(&key->home));
	}
}

/* Room for @count keys at once: a table that grows would leave keys behind where it stood. */
static struct auth_keys *make_table(size_t count)
{
	struct auth_keys *keys = calloc(1, sizeof(*keys));

	if (!keys)
		return NULL;
	keys->secrets_len = count * RR_KEY_LEN;
	keys->at = calloc(count, sizeof(*keys->at));
	keys->secrets = calloc(count, RR_KEY_LEN);
	if (keys->at && keys->secrets)
		return keys;
	auth_keys_free(keys);
	return NULL;
}

int auth_keys_parse(const char *data, size_t len, const char *name, struct auth_keys **out, FILE *errors)
{
	struct key_source src = { .name = name, .errors = errors };
	struct auth_keys *keys = make_table(key_lines_count(data, len));
	int err;

	*out = NULL;
	if (!keys)
		return -ENOMEM;
	key_lines(&src, data, len, FIELDS, wrong_count, parse_line, keys);
	qsort(keys->at, keys->count, sizeof(*keys->at), compare);
	refuse_doubles(&src, keys);
	err = key_source_sum_up(&src);
	if (err)
		auth_keys_free(keys);
	else
		*out = keys;
	return err;
}

static const struct auth_key *find(const struct auth_keys *keys, const struct auth_key *like)
{
	return bsearch(like, keys->at, keys->count, sizeof(*keys->at), compare);
}

const struct auth_key *auth_keys_of_home(const struct auth_keys *keys, uint32_t spi, const struct in6_addr *home)
{
	return find(keys, &(struct auth_key){ .spi = spi, .home = *home });
}

const struct auth_key *auth_keys_of_nai(const struct auth_keys *keys, uint32_t spi, const void *nai, size_t len)
{
	if (len == 0 || len > MH_NAI_MAX)
		return NULL;
	return find(keys, &(struct auth_key){ .spi = spi, .nai = (char *)nai, .nai_len = len });
}

/* The first of those of one node: they stand together. */
static const struct auth_key *first_of(const struct auth_keys *keys, const struct auth_key *like)
{
	size_t low = 0, high = keys->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (compare_node(&keys->at[mid], like) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low < keys->count && !compare_node(&keys->at[low], like) ? &keys->at[low] : NULL;
}

const struct auth_key *auth_keys_first(const struct auth_keys *keys, const struct in6_addr *home, const char *nai)
{
	const struct auth_key *key = first_of(keys, &(struct auth_key){ .home = *home });

	if (key || !nai || !*nai || strlen(nai) > MH_NAI_MAX)
		return key;
	return first_of(keys, &(struct auth_key){ .nai = (char *)nai, .nai_len = strlen(nai) });
}

/* ---- the file ---- */

struct load {
	const char *path;
	struct auth_keys **out;
	FILE *errors;
};

static int parse_file(void *arg, const char *data, size_t len)
{
	const struct load *load = arg;

	return auth_keys_parse(data, len, load->path, load->out, load->errors);
}

int auth_keys_load(const char *path, struct auth_keys **out, FILE *errors)
{
	*out = NULL;
	return key_file_load(path, errors, parse_file, &(struct load){ path, out, errors });
}
