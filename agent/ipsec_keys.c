// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The file of static keys: what its lines mean. Read twice, first for the home addresses: so no key is moved by
 * sorting, and no copy of one is left anywhere.
 */
#include "ipsec_keys.h"
#include "key_file.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

enum { FIRST_SPI = 0x1000, FIRST_SPI_SPAN = 0xF0000000 };
enum { HOME, CHILD, DIRECTION, SPI, SUITE, KEY, HASH_KEY, FIELDS };

static const char wrong_count[] = "a line has six or seven fields: home address, signalling|home-test|payload, "
				  "to-agent|to-node, SPI, suite, key, and the hash's key where the suite has one";

/* ---- first reading: home addresses ---- */

struct homes {
	struct in6_addr *at;
	size_t count;
};

static void note_home(void *arg, struct key_source *src, const struct key_field *fields, int count)
{
	struct homes *homes = arg;

	homes->count += key_field_address(fields[HOME], &homes->at[homes->count]);
}

static int compare_homes(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct in6_addr));
}

/* Nodes in order, without keys yet. */
static int make_nodes(struct homes *homes, struct ipsec_keys *keys)
{
	qsort(homes->at, homes->count, sizeof(*homes->at), compare_homes);
	keys->nodes = calloc(homes->count + 1, sizeof(*keys->nodes));
	if (!keys->nodes)
		return -ENOMEM;
	for (size_t i = 0; i < homes->count; i++)
		if (!keys->count || !addr_equal(&keys->nodes[keys->count - 1].home, &homes->at[i]))
			keys->nodes[keys->count++].home = homes->at[i];
	return 0;
}

/* ---- second reading: keys ---- */

static const struct ipsec_suite *find_suite(struct key_field field)
{
	for (const struct ipsec_suite *suite = ipsec_suites; suite->name; suite++)
		if (key_field_is(field, suite->name))
			return suite;
	return NULL;
}

static int find_child(struct key_field field)
{
	for (int child = 0; child < IPSEC_CHILDREN; child++)
		if (key_field_is(field, ipsec_child_names[child]))
			return child;
	return -1;
}

/* What is wrong with the line; NULL: nothing, and @key is filled in. */
static const char *parse_key(const struct key_field *fields, int count, struct ipsec_key *key)
{
	const struct xfrm_algorithms *alg;
	const char *wrong = key_field_spi(fields[SPI], &key->spi);

	if (wrong)
		return wrong;
	key->suite = find_suite(fields[SUITE]);
	if (!key->suite)
		return "unknown suite; expected aes128-gcm, aes256-gcm, aes128-sha256, aes256-sha256, aes128-sha1 or "
		       "aes256-sha1";
	alg = &key->suite->alg;
	if (!key_field_hex(fields[KEY], key->cipher_key, alg->cipher_octets))
		return "the key has not the hexadecimal digits that its suite wants, or is all zero (mobgw keys "
		       "generate "
		       "makes good ones)";
	if (count != (alg->hash ? HASH_KEY + 1 : HASH_KEY))
		return alg->hash ? "the suite wants a key of the hash too" : "a suite of gcm has one key only";
	if (alg->hash && !key_field_hex(fields[HASH_KEY], key->hash_key, alg->hash_octets))
		return "the hash's key has not the hexadecimal digits that its suite wants, or is all zero";
	return NULL;
}

static struct ipsec_node_keys *node_of(struct ipsec_keys *keys, const struct in6_addr *home)
{
	return (struct ipsec_node_keys *)ipsec_keys_find(keys, home);
}

static void note_key(void *arg, struct key_source *src, const struct key_field *fields, int count)
{
	struct ipsec_keys *keys = arg;
	struct ipsec_node_keys *node;
	bool to_agent = count > DIRECTION && key_field_is(fields[DIRECTION], "to-agent");
	struct ipsec_key *key;
	struct in6_addr home;
	const char *wrong;
	int child;

	if (count < HASH_KEY) {
		key_complain(src, wrong_count);
		return;
	}
	if (!key_field_address(fields[HOME], &home)) {
		key_complain(src, "the first field is no address that a node can have as home");
		return;
	}
	node = node_of(keys, &home);
	child = find_child(fields[CHILD]);
	if (child < 0 || (!to_agent && !key_field_is(fields[DIRECTION], "to-node"))) {
		key_complain(src, child < 0 ? "the second field is none of signalling, home-test, payload"
					    : "the third field is neither to-agent nor to-node");
		return;
	}
	key = to_agent ? &node->to_agent[child] : &node->to_node[child];
	wrong = key->suite ? "this key of the home address stands twice; remove one of its lines"
			   : parse_key(fields, count, key);
	if (wrong)
		key_complain(src, wrong);
}

/* ---- what may not be twice ---- */

/* Calls @fn for each key that is there. */
static void each_key(const struct ipsec_keys *keys,
		     void (*fn)(void *arg, const struct ipsec_node_keys *node, const struct ipsec_key *key,
				bool to_agent),
		     void *arg)
{
	for (size_t i = 0; i < keys->count; i++) {
		const struct ipsec_node_keys *node = &keys->nodes[i];

		for (int child = 0; child < IPSEC_CHILDREN; child++) {
			if (node->to_agent[child].suite)
				fn(arg, node, &node->to_agent[child], true);
			if (node->to_node[child].suite)
				fn(arg, node, &node->to_node[child], false);
		}
	}
}

/* A key with whose it is; sorted as such: the octets stay where they are. */
struct sorted_key {
	const struct ipsec_node_keys *node;
	const struct ipsec_key *key;
	bool to_agent;
};

struct sorted {
	struct sorted_key *at;
	size_t count;
};

static void note_sorted(void *arg, const struct ipsec_node_keys *node, const struct ipsec_key *key, bool to_agent)
{
	struct sorted *sorted = arg;

	sorted->at[sorted->count++] = (struct sorted_key){ node, key, to_agent };
}

/* All that goes to an agent has SPIs of one space; so has what goes to a node, which may have several home addresses
 * and receives at addresses that aren't known before. */
static int compare_spis(const void *a, const void *b)
{
	const struct sorted_key *p = a, *q = b;
	int order = p->to_agent - q->to_agent;

	return order ? order : (p->key->spi > q->key->spi) - (p->key->spi < q->key->spi);
}

static int compare_octets(const void *a, const void *b)
{
	const struct sorted_key *p = a, *q = b;

	return memcmp(p->key->cipher_key, q->key->cipher_key, sizeof(p->key->cipher_key));
}

static int refuse_doubles(struct key_source *src, const struct ipsec_keys *keys)
{
	struct sorted sorted = { .at = calloc(keys->count * 2 * IPSEC_CHILDREN + 1, sizeof(*sorted.at)) };

	if (!sorted.at)
		return -ENOMEM;
	each_key(keys, note_sorted, &sorted);
	qsort(sorted.at, sorted.count, sizeof(*sorted.at), compare_spis);
	for (size_t i = 1; i < sorted.count; i++)
		if (!compare_spis(&sorted.at[i - 1], &sorted.at[i]))
			key_complain_of(src, "SPI 0x%x %s %s stands twice; expected another", sorted.at[i].key->spi,
					sorted.at[i].to_agent ? "to-agent, of" : "to-node, of",
					addr_text(&sorted.at[i].node->home));
	qsort(sorted.at, sorted.count, sizeof(*sorted.at), compare_octets);
	for (size_t i = 1; i < sorted.count; i++)
		if (!compare_octets(&sorted.at[i - 1], &sorted.at[i]))
			key_complain_of(src, "SPI 0x%x of %s has the key of another; expected a key of its own",
					sorted.at[i].key->spi, addr_text(&sorted.at[i].node->home));
	free(sorted.at);
	return 0;
}

static void pair_directions(struct key_source *src, struct ipsec_keys *keys)
{
	for (size_t i = 0; i < keys->count; i++) {
		struct ipsec_node_keys *node = &keys->nodes[i];

		for (int child = 0; child < IPSEC_CHILDREN; child++) {
			bool to_agent = node->to_agent[child].suite, to_node = node->to_node[child].suite;

			if (to_agent != to_node)
				key_complain_of(src, "%s of %s has no key %s", ipsec_child_names[child],
						addr_text(&node->home), to_agent ? "to-node" : "to-agent");
			node->has[child] = to_agent && to_node;
		}
	}
}

/* ---- the file ---- */

static int parse(struct key_source *src, const char *data, size_t len, struct ipsec_keys *keys)
{
	struct homes homes = { .at = calloc(key_lines_count(data, len), sizeof(*homes.at)) };
	int err = -ENOMEM;

	if (homes.at) {
		struct key_source silent = { .name = src->name };

		key_lines(&silent, data, len, FIELDS, wrong_count, note_home, &homes);
		err = make_nodes(&homes, keys);
	}
	free(homes.at);
	if (err)
		return err;
	key_lines(src, data, len, FIELDS, wrong_count, note_key, keys);
	if (!src->faults) { /* keys of faulty lines aren't whole: they would seem alike, or missing */
		pair_directions(src, keys);
		err = refuse_doubles(src, keys);
	}
	return err ? err : key_source_sum_up(src);
}

int ipsec_keys_parse(const char *data, size_t len, const char *name, struct ipsec_keys **out, FILE *errors)
{
	struct key_source src = { .name = name, .errors = errors };
	struct ipsec_keys *keys = calloc(1, sizeof(*keys));
	int err;

	*out = NULL;
	if (!keys)
		return -ENOMEM;
	err = parse(&src, data, len, keys);
	if (err)
		ipsec_keys_free(keys);
	else
		*out = keys;
	return err;
}

struct load {
	const char *path;
	struct ipsec_keys **out;
	FILE *errors;
};

static int parse_file(void *arg, const char *data, size_t len)
{
	const struct load *load = arg;

	return ipsec_keys_parse(data, len, load->path, load->out, load->errors);
}

int ipsec_keys_load(const char *path, struct ipsec_keys **out, FILE *errors)
{
	*out = NULL;
	return key_file_load(path, errors, parse_file, &(struct load){ path, out, errors });
}

void ipsec_keys_free(struct ipsec_keys *keys)
{
	if (!keys)
		return;
	if (keys->nodes)
		explicit_bzero(keys->nodes, keys->count * sizeof(*keys->nodes));
	free(keys->nodes);
	free(keys);
}

const struct ipsec_node_keys *ipsec_keys_find(const struct ipsec_keys *keys, const struct in6_addr *home)
{
	return keys && keys->count ? bsearch(home, keys->nodes, keys->count, sizeof(*keys->nodes), compare_homes)
				   : /* home comes first */
		       NULL;
}

/* ---- fresh keys ---- */

static int print_random(FILE *out, size_t octets)
{
	uint8_t key[XFRM_KEY_MAX];

	if (getrandom(key, octets, 0) != (ssize_t)octets)
		return -errno;
	fputc(' ', out);
	for (size_t i = 0; i < octets; i++)
		fprintf(out, "%02x", key[i]);
	explicit_bzero(key, sizeof(key));
	return 0;
}

static int print_line(const struct in6_addr *home, int child, bool to_agent, uint32_t spi,
		      const struct ipsec_suite *suite, FILE *out)
{
	int err;

	fprintf(out, "%s %s %s 0x%08x %s", addr_text(home), ipsec_child_names[child], to_agent ? "to-agent" : "to-node",
		spi, suite->name);
	err = print_random(out, suite->alg.cipher_octets);
	if (!err && suite->alg.hash)
		err = print_random(out, suite->alg.hash_octets);
	fputc('\n', out);
	return err;
}

int ipsec_keys_generate(const struct in6_addr *homes, size_t count, const struct ipsec_suite *suite, FILE *out)
{
	uint32_t spi;
	int err = 0;

	if (getrandom(&spi, sizeof(spi), 0) != sizeof(spi))
		return -errno;
	spi = spi % FIRST_SPI_SPAN + FIRST_SPI; /* and counted on from there: none is there twice */
	fputs("# Static IPsec keys of mobile nodes and their home agent, the same lines at both; mode 0600.\n"
	      "# home address, what it protects, direction, SPI, suite, key, key of the hash\n",
	      out);
	for (size_t i = 0; i < count; i++)
		for (int child = 0; child < IPSEC_CHILDREN && !err; child++) {
			err = print_line(&homes[i], child, true, spi++, suite, out);
			if (!err)
				err = print_line(&homes[i], child, false, spi++, suite, out);
		}
	if (!err && (fflush(out) || ferror(out)))
		err = -EIO;
	return err;
}
