// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The file of keys for the authentication option: what it may say, who may read it, and that no message tells a key. */
#include "check.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../agent/auth_keys.h"

#define KEY_TEXT "00112233445566778899aabbccddeeff"
#define NAI64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define NAI254 NAI64 NAI64 NAI64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@example.com"

static const uint8_t key_octets[RR_KEY_LEN] = { 0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
						0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF };

/* Parsed from a buffer of just its length; what was said is in @said. */
static int parse(const char *text, struct auth_keys **keys, char *said, size_t size)
{
	size_t len = strlen(text);
	char *exact = malloc(len ? len : 1);
	FILE *errors = fmemopen(said, size, "w");
	int err;

	assert_non_null(exact);
	assert_non_null(errors);
	memcpy(exact, text, len);
	err = auth_keys_parse(exact, len, "keys", keys, errors);
	fclose(errors);
	free(exact);
	return err;
}

static void keys_are_found_by_node_and_spi(void **state)
{
	static const char text[] = "# a comment, then nothing\n\n"
				   "  4098\tnode@example.com  " KEY_TEXT "\t# behind a key\r\n"
				   "0x1001 2001:db8:1::100 00112233445566778899AABBCCDDEEFF\n"
				   "4294967295 2001:db8:1::100 ffeeddccbbaa99887766554433221100\n"
				   "256 x " KEY_TEXT; /* no newline */
	struct in6_addr home = addr("2001:db8:1::100"), other = addr("2001:db8:1::101");
	const struct auth_key *key;
	struct auth_keys *keys;
	char said[1000] = "";

	assert_int_equal(parse(text, &keys, said, sizeof(said)), 0);
	assert_string_equal(said, "");
	assert_int_equal(keys->count, 4);
	key = auth_keys_of_home(keys, 0x1001, &home);
	assert_non_null(key);
	assert_memory_equal(key->key, key_octets, sizeof(key_octets));
	assert_int_equal(auth_keys_of_home(keys, UINT32_MAX, &home)->key[0], 0xFF);
	assert_null(auth_keys_of_home(keys, 4098, &home));
	assert_null(auth_keys_of_home(keys, 0x1001, &other));
	key = auth_keys_of_nai(keys, 4098, "node@example.com", 16);
	assert_non_null(key);
	assert_memory_equal(key->key, key_octets, sizeof(key_octets));
	assert_null(auth_keys_of_nai(keys, 4098, "node@example.com", 15));
	assert_null(auth_keys_of_nai(keys, 4099, "node@example.com", 16));
	assert_null(auth_keys_of_nai(keys, 0x1001, "", 0)); /* not the home address of that SPI */
	assert_non_null(auth_keys_of_nai(keys, 256, "x", 1));
	auth_keys_free(keys);
}

static void an_empty_file_has_no_keys(void **state)
{
	static const char *const texts[] = { "", "\n", "#", "  \n\t\n# 4097 x y\n" };
	struct in6_addr home = addr("2001:db8:1::100");

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct auth_keys *keys;
		char said[100] = "";

		CHECK_CASE(i, parse(texts[i], &keys, said, sizeof(said)) == 0 && keys->count == 0);
		CHECK_CASE(i, !auth_keys_of_home(keys, 4097, &home) && !auth_keys_of_nai(keys, 4097, "x", 1));
		auth_keys_free(keys);
	}
	auth_keys_free(NULL);
}

static void faulty_lines_are_named_without_what_stands_there(void **state)
{
	static const struct {
		const char *text, *said;
	} cases[] = {
		{ "4097 a@b", "keys:1: a line has three fields" },
		{ "4097 a@b " KEY_TEXT " " KEY_TEXT, "keys:1: a line has three fields" },
		{ "\n#\n255 a@b " KEY_TEXT, "keys:3: SPIs below 256 are reserved" },
		{ "0xff a@b " KEY_TEXT, "keys:1: SPIs below 256" },
		{ "4294967296 a@b " KEY_TEXT, "keys:1: the SPI is beyond" },
		{ "99999999999999999999999 a@b " KEY_TEXT, "keys:1: the SPI is beyond" },
		{ "0x a@b " KEY_TEXT, "keys:1: the SPI is no number" },
		{ "-4097 a@b " KEY_TEXT, "keys:1: the SPI is no number" },
		{ "10af a@b " KEY_TEXT, "keys:1: the SPI is no number" },
		{ "a@b 4097 " KEY_TEXT, "keys:1: the SPI is no number" },
		{ "4097 a@b 00112233445566778899aabbccddeef", "keys:1: the key is not of 32" },
		{ "4097 a@b " KEY_TEXT "0", "keys:1: the key is not of 32" },
		{ "4097 a@b 00112233445566778899aabbccddeefg", "keys:1: the key is not of 32" },
		{ "4097 a@b 00000000000000000000000000000000", "keys:1: the key is not of 32" },
		{ "4097 2001:db8:1::1g " KEY_TEXT, "keys:1: the second field is neither" },
		{ "4097 2001:db8:1:: :100 " KEY_TEXT, "keys:1: a line has three fields" },
		{ "4097 fe80::1 " KEY_TEXT, "keys:1: the address is none that" },
		{ "4097 ff02::1 " KEY_TEXT, "keys:1: the address is none that" },
		{ "4097 :: " KEY_TEXT, "keys:1: the address is none that" },
		{ "4097 a@b\x01 " KEY_TEXT, "keys:1: control characters" },
		{ "4097 a" NAI254 " " KEY_TEXT, "keys:1: the NAI is longer" },
		{ "4097 a@b " KEY_TEXT "\n0x1001 a@b ffeeddccbbaa99887766554433221100",
		  "keys: mobility SPI 4097 of a@b stands twice" },
		{ "4097 2001:db8::1 " KEY_TEXT "\n4097 2001:db8:0::1 " KEY_TEXT,
		  "keys: mobility SPI 4097 of 2001:db8::1 stands twice" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct auth_keys *keys;
		char said[1000] = "";

		CHECK_CASE(i, parse(cases[i].text, &keys, said, sizeof(said)) == -EINVAL && !keys);
		CHECK_CASE(i, !strncmp(said, cases[i].said, strlen(cases[i].said)));
		CHECK_CASE(i, !strstr(said, "0011") && !strstr(said, "ffee"));
	}
}

static void the_longest_nai_is_taken(void **state)
{
	struct auth_keys *keys;
	char said[1000] = "";

	assert_int_equal(strlen(NAI254), MH_NAI_MAX);
	assert_int_equal(parse("4097 " NAI254 " " KEY_TEXT, &keys, said, sizeof(said)), 0);
	assert_non_null(auth_keys_of_nai(keys, 4097, NAI254, MH_NAI_MAX));
	assert_null(auth_keys_of_nai(keys, 4097, NAI254 "x", MH_NAI_MAX + 1));
	auth_keys_free(keys);
}

static void all_faults_are_told_up_to_twenty(void **state)
{
	char text[30 * 8] = "", said[4000] = "";
	struct auth_keys *keys;
	int lines = 0;

	for (int i = 0; i < 25; i++)
		strcat(text, "4097 x\n");
	assert_int_equal(parse(text, &keys, said, sizeof(said)), -EINVAL);
	for (const char *at = said; (at = strchr(at, '\n')); at++)
		lines++;
	assert_int_equal(lines, 21);
	assert_non_null(strstr(said, "keys:20:"));
	assert_non_null(strstr(said, "keys: 5 more errors not shown"));
}

/* ---- the file ---- */

static char path[] = "/tmp/auth_keys_test.XXXXXX";

static int make_file(void **state)
{
	static const char text[] = "4097 2001:db8:1::100 " KEY_TEXT "\n";
	int fd;

	strcpy(path + sizeof(path) - 7, "XXXXXX");
	fd = mkstemp(path);
	if (fd < 0 || write(fd, text, sizeof(text) - 1) != sizeof(text) - 1)
		return -1;
	return close(fd);
}

static int remove_file(void **state)
{
	return remove(path);
}

static int load(const char *from, struct auth_keys **keys, char *said, size_t size)
{
	FILE *errors = fmemopen(said, size, "w");
	int err;

	assert_non_null(errors);
	err = auth_keys_load(from, keys, errors);
	fclose(errors);
	return err;
}

static void a_file_that_others_may_touch_is_refused(void **state)
{
	static const struct {
		mode_t mode;
		int result;
	} cases[] = {
		{ 0600, 0 },	  { 0400, 0 },	    { 0700, 0 },      { 0640, -EPERM }, { 0604, -EPERM },
		{ 0620, -EPERM }, { 0602, -EPERM }, { 0610, -EPERM }, { 0644, -EPERM }, { 0666, -EPERM },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct auth_keys *keys;
		char said[1000] = "", mode[16];

		assert_int_equal(chmod(path, cases[i].mode), 0);
		CHECK_CASE(i, load(path, &keys, said, sizeof(said)) == cases[i].result);
		if (cases[i].result == 0) {
			CHECK_CASE(i, keys->count == 1 && !*said);
			auth_keys_free(keys);
			continue;
		}
		snprintf(mode, sizeof(mode), "mode %04o", cases[i].mode);
		CHECK_CASE(i, !keys && strstr(said, path) && strstr(said, mode) && strstr(said, "chmod 0600"));
	}
}

static void what_is_no_plain_file_of_ours_is_refused(void **state)
{
	struct auth_keys *keys;
	char said[1000] = "";

	assert_int_equal(load("/nonexistent/keys", &keys, said, sizeof(said)), -ENOENT);
	assert_non_null(strstr(said, "/nonexistent/keys: No such file"));
	assert_int_equal(load("/tmp", &keys, said, sizeof(said)), -EPERM);
	assert_non_null(strstr(said, "/tmp: not a plain file"));
	remove(path);
	assert_int_equal(mkfifo(path, 0600), 0); /* nobody writes to it: must not hang */
	assert_int_equal(load(path, &keys, said, sizeof(said)), -EPERM);
	assert_null(keys);
	if (geteuid() == 0) { /* else nobody can give files away */
		remove(path);
		assert_int_equal(make_file(state), 0);
		assert_int_equal(chown(path, 65534, 65534), 0);
		assert_int_equal(load(path, &keys, said, sizeof(said)), -EPERM);
		assert_non_null(strstr(said, "belongs to user 65534"));
	}
}

static void faults_in_a_file_name_it_and_the_line(void **state)
{
	FILE *file = fopen(path, "a");
	struct auth_keys *keys;
	char said[1000] = "";

	assert_non_null(file);
	fputs("4097 x\n", file);
	fclose(file);
	assert_int_equal(load(path, &keys, said, sizeof(said)), -EINVAL);
	assert_null(keys);
	assert_memory_equal(said, path, strlen(path));
	assert_memory_equal(said + strlen(path), ":2: ", 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_found_by_node_and_spi),
		cmocka_unit_test(an_empty_file_has_no_keys),
		cmocka_unit_test(faulty_lines_are_named_without_what_stands_there),
		cmocka_unit_test(the_longest_nai_is_taken),
		cmocka_unit_test(all_faults_are_told_up_to_twenty),
		cmocka_unit_test_setup_teardown(a_file_that_others_may_touch_is_refused, make_file, remove_file),
		cmocka_unit_test_setup_teardown(what_is_no_plain_file_of_ours_is_refused, make_file, remove_file),
		cmocka_unit_test_setup_teardown(faults_in_a_file_name_it_and_the_line, make_file, remove_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
