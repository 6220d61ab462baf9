// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* mobgw keys: makes files of static keys, and looks whether mobgwd would take one. Never shows a key. No daemon needed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth_keys.h"
#include "control.h"
#include "ipsec_keys.h"
#include "key_file.h"
#include "tool.h"

#define DEFAULT_SUITE "aes128-gcm"

static int usage_error(const char *what)
{
	fprintf(stderr, "mobgw keys: %s: see mobgw keys --help\n", what);
	return EXIT_USAGE;
}

/* ---- generate: what is asked for ---- */

static const struct ipsec_suite *find_suite(const char *name)
{
	for (const struct ipsec_suite *suite = ipsec_suites; suite->name; suite++)
		if (strcmp(suite->name, name) == 0)
			return suite;
	fprintf(stderr, "mobgw keys: no suite is called '%s'; there are", name);
	for (const struct ipsec_suite *suite = ipsec_suites; suite->name; suite++)
		fprintf(stderr, "%s %s", suite == ipsec_suites ? "" : ",", suite->name);
	fputc('\n', stderr);
	return NULL;
}

/* One home address more; what mobgwd would refuse in the file isn't written into it. */
static bool read_home(const char *word, struct in6_addr *homes, size_t count)
{
	const struct key_field field = { word, strlen(word) };

	if (!key_field_address(field, &homes[count])) {
		fprintf(stderr, "mobgw keys: '%s' is no address that a node can have as home\n", word);
		return false;
	}
	for (size_t i = 0; i < count; i++)
		if (addr_equal(&homes[i], &homes[count])) {
			fprintf(stderr, "mobgw keys: %s stands twice; name each home address once\n", word);
			return false;
		}
	return true;
}

/* NULL: said. To be freed. */
static struct in6_addr *read_homes(char **words, size_t *count)
{
	struct in6_addr *homes;
	size_t words_count = 0;

	while (words[words_count])
		words_count++;
	homes = calloc(words_count, sizeof(*homes));
	if (!homes)
		fputs("mobgw keys: out of memory\n", stderr);
	for (*count = 0; homes && *count < words_count; ++*count)
		if (!read_home(words[*count], homes, *count)) {
			free(homes);
			return NULL;
		}
	return homes;
}

/* ---- generate: where to ---- */

/* A descriptor that nobody else reads from; -1: said. */
static int open_output(const char *path)
{
	/* O_EXCL follows no symbolic link either */
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 && errno == EEXIST)
		fprintf(stderr, "mobgw keys: %s exists and is left as it is; name another, or remove it first\n", path);
	else if (fd < 0)
		fprintf(stderr, "mobgw keys: create %s: %s\n", path, strerror(errno));
	return fd;
}

/* The same of standard output, where that is a pipe or a file of ours alone. */
static int open_stdout(void)
{
	struct stat st;
	int fd;

	if (isatty(STDOUT_FILENO)) {
		fputs("mobgw keys: keys are not shown on a terminal; name a file with --output, or send them through a "
		      "pipe\n",
		      stderr);
		return -1;
	}
	if (fstat(STDOUT_FILENO, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 077)) {
		fprintf(stderr,
			"mobgw keys: the output is a file of mode %04o, which lets others at the keys; name it with "
			"--output\n",
			st.st_mode & 07777);
		return -1;
	}
	fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		fprintf(stderr, "mobgw keys: standard output: %s\n", strerror(errno));
	return fd;
}

/* Through a buffer of our own, to be wiped: stdio doesn't wipe its. Closes @fd. */
static int write_keys(int fd, const struct in6_addr *homes, size_t count, const struct ipsec_suite *suite)
{
	char buf[BUFSIZ];
	FILE *out = fdopen(fd, "w");
	int err;

	if (!out) {
		err = -errno;
		close(fd);
		return err;
	}
	setvbuf(out, buf, _IOFBF, sizeof(buf));
	err = ipsec_keys_generate(homes, count, suite, out);
	if (fclose(out) && !err)
		err = -errno;
	explicit_bzero(buf, sizeof(buf));
	return err;
}

static int generate(const struct tool_options *options, char **words)
{
	const struct ipsec_suite *suite = find_suite(options->suite ? options->suite : DEFAULT_SUITE);
	struct in6_addr *homes;
	size_t count;
	int fd, err = -EIO;

	if (!suite)
		return EXIT_USAGE;
	homes = read_homes(words, &count);
	if (!homes)
		return EXIT_USAGE;
	fd = options->output ? open_output(options->output) : open_stdout();
	if (fd >= 0) {
		err = write_keys(fd, homes, count, suite);
		if (err)
			fprintf(stderr, "mobgw keys: write %s: %s\n", options->output ? options->output : "the output",
				strerror(-err));
		if (err && options->output)
			unlink(options->output); /* half a file of keys is of use to nobody */
	}
	free(homes);
	return err ? EXIT_TROUBLE : EXIT_OK;
}

/* ---- check ---- */

/* What is found becomes rows of a table, or objects of a JSON list: exactly one of both is there. */
struct listing {
	struct table *table;
	json_t *rows;
	size_t count;
};

static const char *spi_text(uint32_t spi, char buf[16])
{
	snprintf(buf, 16, "0x%08x", spi);
	return buf;
}

static void list_child(struct listing *to, const struct ipsec_node_keys *node, int child)
{
	const struct ipsec_key *in = &node->to_agent[child], *out = &node->to_node[child];
	char to_agent[16], to_node[16], suite[64];

	to->count++;
	snprintf(suite, sizeof(suite), "%s%s%s", in->suite->name, in->suite == out->suite ? "" : ", ",
		 in->suite == out->suite ? "" : out->suite->name);
	if (to->table)
		table_add(to->table, (const char *const[]){ addr_text(&node->home), ipsec_child_names[child], suite,
							    spi_text(in->spi, to_agent), spi_text(out->spi, to_node) });
	else
		json_array_append_new(to->rows, json_pack("{s:s, s:s, s:s, s:s, s:I, s:I}", "home_address",
							  addr_text(&node->home), "child", ipsec_child_names[child],
							  "suite_to_agent", in->suite->name, "suite_to_node",
							  out->suite->name, "spi_to_agent", (json_int_t)in->spi,
							  "spi_to_node", (json_int_t)out->spi));
}

static int list_ipsec_keys(const char *path, struct listing *to)
{
	struct ipsec_keys *keys;
	int err = ipsec_keys_load(path, &keys, stderr);

	if (err)
		return err;
	for (size_t i = 0; i < keys->count; i++)
		for (int child = 0; child < IPSEC_CHILDREN; child++)
			if (keys->nodes[i].has[child])
				list_child(to, &keys->nodes[i], child);
	ipsec_keys_free(keys);
	return 0;
}

static void list_auth_key(struct listing *to, const struct auth_key *key)
{
	const char *home = key->nai ? NULL : addr_text(&key->home);
	char spi[16];
	json_t *nai;

	to->count++;
	if (to->table) {
		table_add(to->table, (const char *const[]){ home ? home : key->nai, spi_text(key->spi, spi) });
		return;
	}
	nai = key->nai ? json_string(key->nai) : NULL; /* NULL too of what is no UTF-8 */
	json_array_append_new(to->rows, json_pack("{s:s?, s:o, s:I}", "home_address", home, "nai",
						  nai ? nai : json_null(), "spi", (json_int_t)key->spi));
}

static int list_auth_keys(const char *path, struct listing *to)
{
	struct auth_keys *keys;
	int err = auth_keys_load(path, &keys, stderr);

	if (err)
		return err;
	for (size_t i = 0; i < keys->count; i++)
		list_auth_key(to, &keys->at[i]);
	auth_keys_free(keys);
	return 0;
}

static const struct kind {
	const char *heads[6];
	int (*list)(const char *path, struct listing *to);
} kinds[] = {
	{ { "HOME ADDRESS", "PROTECTS", "SUITE", "SPI TO AGENT", "SPI TO NODE", NULL }, list_ipsec_keys },
	{ { "NODE", "SPI", NULL }, list_auth_keys },
};

static void print_listing(const char *path, const struct listing *from)
{
	json_t *document;

	if (from->rows) {
		document = json_pack("{s:O}", "keys", from->rows);
		tool_print_json(document);
		json_decref(document);
	} else if (from->count) {
		table_flush(from->table, stdout);
	} else {
		printf("%s: no keys\n", path);
	}
}

static int check(const struct tool_options *options, const char *path)
{
	const struct kind *kind = &kinds[options->auth_option];
	struct listing to = { .table = options->json ? NULL : table_new(kind->heads),
			      .rows = options->json ? json_array() : NULL };
	int err = to.table || to.rows ? kind->list(path, &to) : -ENOMEM;

	if (!err)
		print_listing(path, &to);
	table_free(to.table);
	json_decref(to.rows);
	return err ? EXIT_TROUBLE : EXIT_OK;
}

/* ---- words of the command line ---- */

int tool_keys(const struct tool_options *options, char **words)
{
	if (strcmp(words[0], "generate") == 0) {
		if (options->json || options->auth_option)
			return usage_error("generate takes --suite and --output only");
		return words[1] ? generate(options, words + 1) : usage_error("home addresses are missing");
	}
	if (strcmp(words[0], "check") == 0) {
		if (options->suite || options->output)
			return usage_error("check takes --json and --auth-option only");
		return words[1] && !words[2] ? check(options, words[1]) : usage_error("check takes one file");
	}
	fprintf(stderr, "mobgw keys: expected generate or check, found '%s'\n", words[0]);
	return EXIT_USAGE;
}
