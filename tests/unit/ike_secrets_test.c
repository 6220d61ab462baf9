// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The file of IKE's pre-shared keys: what it may say, who may read it, and that no message tells of what stands there.
 */
#include "check.h"

#include <errno.h>
#include <stdlib.h>

#include "../../agent/ike_secrets.h"

#define SECRET16 "correcthorse-16x"
#define SECRET15 "correcthorse-15"
#define X16 "correcthorsecorr"
#define X64 X16 X16 X16 X16
#define SECRET256 X64 X64 X64 X64
#define ID63 "identity.identity.identity.identity.identity.identity.identity."
#define ID253 ID63 ID63 ID63 ID63 "x"

/* Parsed from a buffer of just its length; what was said is in @said. */
static int parse_octets(const char *text, size_t len, struct ike_secrets **secrets, char *said, size_t size)
{
	char *exact = malloc(len ? len : 1);
	FILE *errors = fmemopen(said, size, "w");
	int err;

	assert_non_null(exact);
	assert_non_null(errors);
	memcpy(exact, text, len);
	err = ike_secrets_parse(exact, len, "secrets", secrets, errors);
	fclose(errors);
	free(exact);
	return err;
}

static int parse(const char *text, struct ike_secrets **secrets, char *said, size_t size)
{
	return parse_octets(text, strlen(text), secrets, said, size);
}

static bool is_secret_of(const struct ike_secrets *secrets, const char *id, const char *expected)
{
	const struct ike_secret *secret = ike_secrets_find(secrets, id);

	return secret && secret->len == strlen(expected) && !memcmp(secret->secret, expected, secret->len);
}

/* ---- what it may say ---- */

static void secrets_are_found_however_the_file_is_ordered_and_spelt(void **state)
{
	static const char text[] = "# a comment, then nothing\n\n"
				   "zoo@example.com\t" SECRET16 "z # behind it\r\n"
				   "  2001:DB8:0:1::0100 " SECRET16 "\xC3\xA9\n"
				   "192.0.2.1 \"" SECRET16 "#\"\n"
				   "fe80::1 " SECRET16 "l\n"
				   "bus7 " SECRET256 "\n"
				   "2001:0db8:0000:0001:0000:0000:0000:0101 " SECRET16; /* no newline */
	struct ike_secrets *secrets;
	char said[1000] = "";

	assert_int_equal(parse(text, &secrets, said, sizeof(said)), 0);
	assert_string_equal(said, "");
	assert_int_equal(secrets->count, 6);
	for (size_t i = 1; i < secrets->count; i++)
		assert_true(strcmp(secrets->sorted[i - 1]->id, secrets->sorted[i]->id) < 0);
	assert_true(is_secret_of(secrets, "2001:db8:0:1::100", SECRET16 "\xC3\xA9"));
	assert_true(is_secret_of(secrets, "2001:db8:0:1::101", SECRET16));
	assert_true(is_secret_of(secrets, "zoo@example.com", SECRET16 "z"));
	assert_true(is_secret_of(secrets, "192.0.2.1", "\"" SECRET16 "#\"")); /* all of it */
	assert_true(is_secret_of(secrets, "fe80::1", SECRET16 "l"));	      /* no home address: a name as any */
	assert_true(is_secret_of(secrets, "bus7", SECRET256));
	assert_null(ike_secrets_find(secrets, "bus"));
	assert_null(ike_secrets_find(secrets, "bus77"));
	assert_null(ike_secrets_find(secrets, "BUS7"));
	assert_null(ike_secrets_find(secrets, ""));
	assert_null(ike_secrets_find(secrets, "2001:db8:0:1:0::100")); /* asked for as we write it */
	ike_secrets_free(secrets);
}

static void an_empty_file_has_no_secrets(void **state)
{
	static const char *const texts[] = { "", "\n", "#", "  \n\t\n# a@b " SECRET16 "\n" };

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct ike_secrets *secrets;
		char said[100] = "";

		CHECK_CASE(i, parse(texts[i], &secrets, said, sizeof(said)) == 0 && secrets->count == 0);
		CHECK_CASE(i, !*said && !ike_secrets_find(secrets, "a@b"));
		ike_secrets_free(secrets);
	}
	assert_null(ike_secrets_find(NULL, "a@b"));
	ike_secrets_free(NULL);
}

static void lengths_are_held_at_both_ends(void **state)
{
	static const struct {
		const char *id, *secret, *said;
	} cases[] = {
		{ "a@b", SECRET15, "secrets:1: expected a secret of 16..256 characters" },
		{ "a@b", SECRET16, "" },
		{ "a@b", SECRET256, "" },
		{ "a@b", SECRET256 "x", "secrets:1: expected a secret of 16..256 characters" },
		{ "x", SECRET16, "" },
		{ ID253, SECRET16, "" },
		{ ID253 "x", SECRET16, "secrets:1: the identity is longer than 253 characters" },
	};

	assert_int_equal(strlen(ID253), IKE_ID_MAX);
	assert_int_equal(strlen(SECRET16), IKE_SECRET_MIN);
	assert_int_equal(strlen(SECRET256), IKE_SECRET_MAX);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ike_secrets *secrets;
		char said[1000] = "", text[1000];
		bool good = !*cases[i].said;

		snprintf(text, sizeof(text), "%s %s\n", cases[i].id, cases[i].secret);
		CHECK_CASE(i, parse(text, &secrets, said, sizeof(said)) == (good ? 0 : -EINVAL));
		CHECK_CASE(i, !strncmp(said, cases[i].said, strlen(cases[i].said)));
		CHECK_CASE(i, !strstr(said, "horse") && !strstr(said, "identity.") && good == !!secrets);
		CHECK_CASE(i, !good || is_secret_of(secrets, cases[i].id, cases[i].secret));
		ike_secrets_free(secrets);
	}
}

/* Neither field: they may be mixed up. */
static void faulty_lines_are_named_without_what_stands_there(void **state)
{
	static const struct {
		const char *text, *said;
	} cases[] = {
		{ "who@secret-place", "secrets:1: a line has two fields" },
		{ "\n#\nwho@secret-place", "secrets:3: a line has two fields" },
		{ "who@secret-place " SECRET16 " horse", "secrets:1: a line has two fields" },
		{ "who@secret-place : PSK " SECRET16, "secrets:1: a line has two fields" }, /* of ipsec.secrets */
		{ SECRET16 " who", "secrets:1: expected a secret of 16..256" },		    /* turned round */
		{ "who@secret-place #correct-horse-is-a-comment", "secrets:1: a line has two fields" },
		{ "who@secret-place " SECRET16 "\x01", "secrets:1: control characters" },
		{ "who@secret-place " SECRET16 "\x7F", "secrets:1: control characters" },
		{ "who@secret-place " SECRET16 "\nx y\nwho@secret-place " SECRET16 "2",
		  "secrets:2: expected a secret of 16..256" },
		{ "who@secret-place " SECRET16 "\nwho@secret-place " SECRET16 "2", "secrets:2: its identity stands" },
		{ "who@secret-place " SECRET16 "\nwho@secret-place " SECRET16, "secrets:2: its identity stands" },
		{ "2001:db8::1 " SECRET16 "\n\n2001:DB8:0::1 " SECRET16 "2", "secrets:3: its identity stands" },
		{ SECRET16 " " SECRET256 "\na b\n" SECRET16 " " SECRET256, "secrets:2: expected a secret" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ike_secrets *secrets;
		char said[1000] = "";

		CHECK_CASE(i, parse(cases[i].text, &secrets, said, sizeof(said)) == -EINVAL && !secrets);
		CHECK_CASE(i, !strncmp(said, cases[i].said, strlen(cases[i].said)));
		CHECK_CASE(i, !strstr(said, "horse") && !strstr(said, "secret-place") && !strstr(said, "db8"));
	}
}

static void a_nul_is_no_end_of_a_line(void **state)
{
	static const char texts[][40] = { "a@b " SECRET16 "\0more", "a\0b " SECRET16, "\0" };

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct ike_secrets *secrets;
		char said[1000] = "";

		CHECK_CASE(i, parse_octets(texts[i], sizeof(texts[i]), &secrets, said, sizeof(said)) == -EINVAL);
		CHECK_CASE(i, !secrets && !strncmp(said, "secrets:1: control characters", 29));
	}
}

static void all_faults_are_told_up_to_twenty(void **state)
{
	char text[30 * 8] = "", said[4000] = "";
	struct ike_secrets *secrets;
	int lines = 0;

	for (int i = 0; i < 25; i++)
		strcat(text, "a@b x\n");
	assert_int_equal(parse(text, &secrets, said, sizeof(said)), -EINVAL);
	for (const char *at = said; (at = strchr(at, '\n')); at++)
		lines++;
	assert_int_equal(lines, 21);
	assert_non_null(strstr(said, "secrets:20:"));
	assert_non_null(strstr(said, "secrets: 5 more errors not shown"));
}

static void many_are_sorted_as_a_stupid_search_finds_them(void **state)
{
	enum { MANY = 500 };
	static char text[MANY * 40];
	struct ike_secrets *secrets;
	char said[100] = "", id[20], secret[30];
	size_t len = 0;

	for (unsigned int i = 0; i < MANY; i++) /* each number once: 7 and 500 have no common factor */
		len += snprintf(text + len, sizeof(text) - len, "node%u " SECRET16 "%u\n", i * 7 % MANY, i * 7 % MANY);
	assert_int_equal(parse(text, &secrets, said, sizeof(said)), 0);
	assert_int_equal(secrets->count, MANY);
	for (size_t i = 0; i < MANY; i++) {
		snprintf(id, sizeof(id), "node%zu", i);
		snprintf(secret, sizeof(secret), SECRET16 "%zu", i);
		CHECK_CASE(i, is_secret_of(secrets, id, secret));
	}
	ike_secrets_free(secrets);
}

/* ---- the file ---- */

#define KEY_FILE_LINE "2001:db8:1::100 " SECRET16
#define KEY_FILE_FAULT "a@b horse"
#include "key_file_rig.h"

static int load_keys_of(const char *from, FILE *errors)
{
	struct ike_secrets *secrets;
	int err = ike_secrets_load(from, &secrets, errors);

	if (err) {
		assert_null(secrets);
		return err;
	}
	assert_true(is_secret_of(secrets, "2001:db8:1::100", SECRET16));
	ike_secrets_free(secrets);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(secrets_are_found_however_the_file_is_ordered_and_spelt),
		cmocka_unit_test(an_empty_file_has_no_secrets),
		cmocka_unit_test(lengths_are_held_at_both_ends),
		cmocka_unit_test(faulty_lines_are_named_without_what_stands_there),
		cmocka_unit_test(a_nul_is_no_end_of_a_line),
		cmocka_unit_test(all_faults_are_told_up_to_twenty),
		cmocka_unit_test(many_are_sorted_as_a_stupid_search_finds_them),
		KEY_FILE_TESTS,
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
