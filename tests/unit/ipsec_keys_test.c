// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The file of static keys and that of IKE's secrets: what they may say, who may read them, and that no message tells
 * what stands there. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "../../agent/ike_secrets.h"
#include "../../agent/ipsec_keys.h"

#define K1 "00112233445566778899aabbccddeeff"
#define K2 "10112233445566778899aabbccddeeff"
#define SALT "01020304"
#define H32 "20112233445566778899aabbccddeeff20112233445566778899aabbccddeeff"
#define TO_AGENT "2001:db8::1 signalling to-agent 0x1001 aes128-gcm " K1 SALT "\n"
#define TO_NODE "2001:db8::1 signalling to-node 0x1002 aes128-gcm " K2 SALT "\n"
#define LINE(text) TO_AGENT TO_NODE text "\n"

static int parse(const char *text, struct ipsec_keys **keys, char *said, size_t size)
{
	FILE *errors = fmemopen(said, size, "w");
	int err;

	assert_non_null(errors);
	err = ipsec_keys_parse(text, strlen(text), "keys", keys, errors);
	fclose(errors);
	return err;
}

/* clang-format off */
static const struct {
	const char *text, *said;
} faults[] = {
	{ LINE("2001:db8::2 signalling to-agent 0x2001 aes128-gcm"), "keys:3: a line has six or seven fields" },
	{ LINE("2001:db8::2 signalling to-agent 0x2001 aes128-gcm " K1 SALT " " K2 " x"), "keys:3: a line has six or seven" },
	{ LINE("fe80::1 signalling to-agent 0x2001 aes128-gcm " K1 SALT), "keys:3: the first field is no address" },
	{ LINE("2001:db8::2 signal to-agent 0x2001 aes128-gcm " K1 SALT), "keys:3: the second field is none of" },
	{ LINE("2001:db8::2 payload agent 0x2001 aes128-gcm " K1 SALT), "keys:3: the third field is neither" },
	{ LINE("2001:db8::2 payload to-agent 255 aes128-gcm " K1 SALT), "keys:3: SPIs below 256 are reserved" },
	{ LINE("2001:db8::2 payload to-agent 4294967296 aes128-gcm " K1 SALT), "keys:3: the SPI is beyond" },
	{ LINE("2001:db8::2 payload to-agent 0xg aes128-gcm " K1 SALT), "keys:3: the SPI is no number" },
	{ LINE("2001:db8::2 payload to-agent 0x2001 des " K1 SALT), "keys:3: unknown suite" },
	{ LINE("2001:db8::2 payload to-agent 0x2001 aes128-gcm " K1), "keys:3: the key has not the hexadecimal digits" },
	{ LINE("2001:db8::2 payload to-agent 0x2001 aes256-gcm " K1 SALT), "keys:3: the key has not the hexadecimal" },
	{ LINE("2001:db8::2 payload to-agent 0x2001 aes128-gcm 0000000000000000000000000000000000000000"), "keys:3: the key" },
	{ LINE("2001:db8::2 payload to-agent 0x2001 aes128-gcm " K1 SALT " " K2), "keys:3: a suite of gcm has one key" },
	{ LINE("2001:db8::2 payload to-agent 0x2001 aes128-sha256 " K1), "keys:3: the suite wants a key of the hash" },
	{ LINE("2001:db8::2 payload to-agent 0x2001 aes128-sha256 " K1 " " K2), "keys:3: the hash's key has not" },
	{ LINE("2001:db8::2 payload to-agent 0x2001 aes128-sha1 " K1 " " H32), "keys:3: the hash's key has not" },
	{ LINE("2001:db8::1 signalling to-node 0x2001 aes128-gcm " K1 SALT), "keys:3: this key of the home address stands twice" },
	{ LINE("2001:db8::1\x01"), "keys:3: control characters" },
	{ TO_AGENT, "keys: signalling of 2001:db8::1 has no key to-node" },
	{ TO_NODE, "keys: signalling of 2001:db8::1 has no key to-agent" },
	{ LINE("2001:db8::2 payload to-agent 0x1001 aes128-gcm " H32 "11223344\n"), "keys:3: the key has not" },
	{ LINE("2001:db8::2 payload to-agent 0x1001 aes128-sha256 30112233445566778899aabbccddeeff " H32 "\n"
	       "2001:db8::2 payload to-node 0x1002 aes128-sha256 40112233445566778899aabbccddeeff " H32),
	  "keys: SPI 0x1001 to-agent, of 2001:db8::" },
	{ LINE("2001:db8::2 payload to-agent 0x2001 aes128-gcm " K1 "55667788\n"
	       "2001:db8::2 payload to-node 0x1002 aes128-gcm " K2 "11223344"),
	  "keys: SPI 0x1002 to-node, of 2001:db8::" },
	{ LINE("2001:db8::2 payload to-agent 0x2001 aes128-gcm " K1 SALT "\n"
	       "2001:db8::2 payload to-node 0x2002 aes128-gcm " K2 "11223344"), "keys: SPI 0x" },
};
/* clang-format on */

static void faults_are_named_without_what_stands_there(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		struct ipsec_keys *keys;
		char said[2000] = "";

		if (parse(faults[i].text, &keys, said, sizeof(said)) != -EINVAL || keys ||
		    !strstr(said, faults[i].said))
			fail_msg("case %zu: %s\nexpected: %s\ngot: %s", i, faults[i].text, faults[i].said, said);
		assert_null(strstr(said, "0011"));
		assert_null(strstr(said, "aabb"));
	}
}

static void what_stands_there_is_what_is_had(void **state)
{
	static const char text[] = "# of ships\r\n\n"
				   "2001:db8::9 home-test to-node 4294967295 aes128-gcm " K2 SALT "\t# last\r\n"
				   "  2001:0db8:0::1\tsignalling to-agent 256 aes128-sha256 " K1 " " H32 "\n"
				   "2001:db8::9 home-test to-agent 0xFFffFFff aes256-gcm " H32 SALT "\n"
				   "2001:db8::1 signalling to-node 256 aes128-sha1 "
				   "AABBCCDDEEFF00112233445566778899 aabbccddeeff0011223344556677889900112233";
	static const uint8_t k1[] = { 0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
				      0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff };
	static const uint8_t mixed[] = { 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff, 0x00, 0x11,
					 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99 };
	static const uint8_t salt[] = { 1, 2, 3, 4 };
	struct in6_addr first, last;
	const struct ipsec_node_keys *node;
	struct ipsec_keys *keys;
	char said[500] = "";

	inet_pton(AF_INET6, "2001:db8::1", &first);
	inet_pton(AF_INET6, "2001:db8::9", &last);
	assert_int_equal(parse(text, &keys, said, sizeof(said)), 0);
	assert_string_equal(said, "");
	assert_int_equal(keys->count, 2);
	node = ipsec_keys_find(keys, &first);
	assert_true(node == keys->nodes && node->has[IPSEC_SIGNALLING]);
	assert_false(node->has[IPSEC_HOME_TEST] || node->has[IPSEC_PAYLOAD]);
	assert_true(node->to_agent[IPSEC_SIGNALLING].spi == 256 && node->to_node[IPSEC_SIGNALLING].spi == 256);
	assert_string_equal(node->to_node[IPSEC_SIGNALLING].suite->name, "aes128-sha1");
	assert_memory_equal(node->to_agent[IPSEC_SIGNALLING].cipher_key, k1, sizeof(k1));
	assert_int_equal(node->to_agent[IPSEC_SIGNALLING].hash_key[0], 0x20);
	assert_int_equal(node->to_agent[IPSEC_SIGNALLING].hash_key[31], 0xff);
	assert_memory_equal(node->to_node[IPSEC_SIGNALLING].cipher_key, mixed, sizeof(mixed));
	assert_int_equal(node->to_node[IPSEC_SIGNALLING].hash_key[19], 0x33);
	node = ipsec_keys_find(keys, &last);
	assert_true(node && node->has[IPSEC_HOME_TEST] && !node->has[IPSEC_SIGNALLING]);
	assert_int_equal(node->to_agent[IPSEC_HOME_TEST].spi, UINT32_MAX);
	assert_memory_equal(node->to_agent[IPSEC_HOME_TEST].cipher_key + 32, salt, sizeof(salt));
	assert_memory_equal(node->to_node[IPSEC_HOME_TEST].cipher_key + 16, salt, sizeof(salt));
	last.s6_addr[15]++;
	assert_null(ipsec_keys_find(keys, &last));
	assert_null(ipsec_keys_find(NULL, &last));
	ipsec_keys_free(keys);
}

/* A line that is not understood has a message of its own; no others follow from what it would have said. */
static void a_faulty_line_is_told_once(void **state)
{
	static const char *const texts[] = {
		LINE("2001:db8::2 payload to-agent 0x2001 aes128-gcm " K1 "\n"
		     "2001:db8::2 payload to-node 0x2002 aes128-gcm " K2),
		LINE("2001:db8::2 payload to-agent 255 aes128-gcm 30112233445566778899aabbccddeeff11223344\n"
		     "2001:db8::2 payload to-node 99 aes128-gcm 40112233445566778899aabbccddeeff11223344"),
		LINE("2001:db8::2 payload to-agent 0x2001 aes128-sha256 " K1 " " K2 "\n"
		     "2001:db8::2 payload to-node 0x2001 aes128-sha256 " K1 " " K2),
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct ipsec_keys *keys;
		char said[2000] = "";

		assert_int_equal(parse(texts[i], &keys, said, sizeof(said)), -EINVAL);
		if (strncmp(said, "keys:3: ", 8) != 0 || !strstr(said, "\nkeys:4: ") || strstr(said, "keys: "))
			fail_msg("case %zu: %s", i, said);
	}
}

static void what_is_generated_loads_whole(void **state)
{
	enum { HOMES = 1000 };
	struct in6_addr homes[HOMES];

	for (int i = 0; i < HOMES; i++) {
		homes[i] = (struct in6_addr){ .s6_addr = { 0x20, 1, 0xd, 0xb8 } };
		homes[i].s6_addr[14] = i >> 8;
		homes[i].s6_addr[15] = i;
		homes[i].s6_addr[13] = 1;
	}
	for (const struct ipsec_suite *suite = ipsec_suites; suite->name; suite++) {
		struct ipsec_keys *keys;
		char *text, said[500] = "";
		size_t len;
		FILE *out = open_memstream(&text, &len);

		assert_int_equal(ipsec_keys_generate(homes, HOMES, suite, out), 0);
		fclose(out);
		if (parse(text, &keys, said, sizeof(said)))
			fail_msg("%s: %s", suite->name, said);
		assert_int_equal(keys->count, HOMES);
		for (int i = 0; i < HOMES; i++) {
			const struct ipsec_node_keys *node = ipsec_keys_find(keys, &homes[i]);

			assert_non_null(node);
			for (int child = 0; child < IPSEC_CHILDREN; child++)
				assert_true(node->has[child] && node->to_agent[child].suite == suite);
		}
		ipsec_keys_free(keys);
		free(text);
	}
}

static void many_faults_are_summed_up(void **state)
{
	struct ipsec_keys *keys;
	char *text, said[5000] = "";
	size_t len;
	FILE *out = open_memstream(&text, &len);

	for (int i = 0; i < 1000; i++)
		fputs("x\n", out);
	fclose(out);
	assert_int_equal(parse(text, &keys, said, sizeof(said)), -EINVAL);
	assert_non_null(strstr(said, "keys: 980 more errors not shown\n"));
	free(text);
}

/* ---- the file ---- */

struct place {
	char dir[40], path[60];
};

static void make_place(struct place *place)
{
	strcpy(place->dir, "/tmp/mobgw-keys-XXXXXX");
	assert_non_null(mkdtemp(place->dir));
	snprintf(place->path, sizeof(place->path), "%s/keys", place->dir);
}

static void write_file(const struct place *place, const char *text, mode_t mode)
{
	FILE *file = fopen(place->path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	assert_int_equal(chmod(place->path, mode), 0);
}

static int load(const struct place *place, char *said, size_t size)
{
	FILE *errors = fmemopen(said, size, "w");
	struct ipsec_keys *keys = (void *)said;
	int err;

	memset(said, 0, size);
	err = ipsec_keys_load(place->path, &keys, errors);
	fclose(errors);
	assert_int_equal(!!keys, !err);
	ipsec_keys_free(keys);
	return err;
}

static void only_a_file_that_nobody_else_reads_is_taken(void **state)
{
	static const mode_t open_modes[] = { 0644, 0640, 0604, 0660, 0610, 0601 };
	struct place place;
	char said[300];

	make_place(&place);
	assert_int_equal(load(&place, said, sizeof(said)), -ENOENT);
	write_file(&place, TO_AGENT TO_NODE, 0600);
	assert_int_equal(load(&place, said, sizeof(said)), 0);
	assert_string_equal(said, "");
	chmod(place.path, 0400);
	assert_int_equal(load(&place, said, sizeof(said)), 0);
	for (size_t i = 0; i < ARRAY_SIZE(open_modes); i++) {
		chmod(place.path, open_modes[i]);
		assert_int_equal(load(&place, said, sizeof(said)), -EPERM);
		assert_non_null(strstr(said, "chmod 0600 it, and change the keys"));
	}
	chmod(place.path, 0600);
	assert_int_equal(truncate(place.path, (64 << 20) + 1), 0); /* a hole, which no disk holds */
	assert_int_equal(load(&place, said, sizeof(said)), -EINVAL);
	assert_non_null(strstr(said, "larger than 64 MiB"));
	if (!geteuid()) {
		chmod(place.path, 0600);
		assert_int_equal(chown(place.path, 65534, -1), 0);
		assert_int_equal(load(&place, said, sizeof(said)), -EPERM);
		assert_non_null(strstr(said, "belongs to user 65534; chown it to root"));
	}
	unlink(place.path);
	assert_int_equal(mkfifo(place.path, 0600), 0);
	assert_int_equal(load(&place, said, sizeof(said)), -EPERM); /* and doesn't wait for a writer */
	unlink(place.path);
	assert_int_equal(mkdir(place.path, 0700), 0);
	assert_int_equal(load(&place, said, sizeof(said)), -EPERM);
	rmdir(place.path);
	rmdir(place.dir);
}

/* ---- IKE's secrets ---- */

#define SECRET "correct-horse-battery"

static void secrets_are_found_by_address_and_id(void **state)
{
	static const char text[] = "# of ships\n2001:db8:0::1 " SECRET "1\nbus7@example.org " SECRET "2\n\n";
	struct ike_secrets *secrets;
	const struct ike_secret *one;

	assert_int_equal(ike_secrets_parse(text, sizeof(text) - 1, "f", &secrets, stderr), 0);
	one = ike_secrets_find(secrets, "2001:db8::1");
	assert_true(one && one->len == sizeof(SECRET) && !memcmp(one->secret, SECRET "1", one->len));
	one = ike_secrets_find(secrets, "bus7@example.org");
	assert_true(one && !memcmp(one->secret, SECRET "2", one->len));
	assert_null(ike_secrets_find(secrets, "bus8@example.org"));
	ike_secrets_free(secrets);
}

static void faulty_secrets_are_refused_and_not_told(void **state)
{
	static const struct {
		const char *text, *said;
	} cases[] = {
		{ "a@b", "f:1: a line has two fields" },
		{ "a@b correct horse", "f:1: a line has two fields" },
		{ "a@b correct-horse1", "f:1: expected a secret of 16..256 characters" },
		{ "a@b " SECRET "\n2001:db8::1 " SECRET "\na@b " SECRET, "its identity stands in another line too" },
		{ "2001:db8::1 " SECRET "\n2001:db8:0::1 " SECRET, ":2: its identity stands in another line too" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ike_secrets *secrets;
		char said[300] = "";
		FILE *errors = fmemopen(said, sizeof(said), "w");

		assert_int_equal(ike_secrets_parse(cases[i].text, strlen(cases[i].text), "f", &secrets, errors),
				 -EINVAL);
		fclose(errors);
		assert_null(secrets);
		assert_non_null(strstr(said, cases[i].said));
		assert_null(strstr(said, "horse"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(faults_are_named_without_what_stands_there),
		cmocka_unit_test(what_stands_there_is_what_is_had),
		cmocka_unit_test(a_faulty_line_is_told_once),
		cmocka_unit_test(what_is_generated_loads_whole),
		cmocka_unit_test(many_faults_are_summed_up),
		cmocka_unit_test(only_a_file_that_nobody_else_reads_is_taken),
		cmocka_unit_test(secrets_are_found_by_address_and_id),
		cmocka_unit_test(faulty_secrets_are_refused_and_not_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
