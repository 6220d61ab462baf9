// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The file of keys for the authentication option: what it may say, who may read it, and that no message tells a key. */
#include "check.h"

#include <errno.h>
#include <stdlib.h>

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

#define KEY_FILE_LINE "4097 2001:db8:1::100 " KEY_TEXT
#define KEY_FILE_FAULT "4097 x"
#include "key_file_rig.h"

static int load_keys_of(const char *from, FILE *errors)
{
	struct auth_keys *keys;
	int err = auth_keys_load(from, &keys, errors);

	if (err) {
		assert_null(keys);
		return err;
	}
	assert_int_equal(keys->count, 1);
	auth_keys_free(keys);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_found_by_node_and_spi),
		cmocka_unit_test(an_empty_file_has_no_keys),
		cmocka_unit_test(faulty_lines_are_named_without_what_stands_there),
		cmocka_unit_test(the_longest_nai_is_taken),
		cmocka_unit_test(all_faults_are_told_up_to_twenty),
		KEY_FILE_TESTS,
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
