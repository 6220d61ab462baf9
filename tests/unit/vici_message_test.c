// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* vici's messages: octets as strongSwan's README has them, limits, and everything that is cut or turned. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../agent/vici.h"

struct seen {
	char text[4096];
	size_t len;
};

static int note(void *arg, const struct vici_element *element)
{
	struct seen *seen = arg;

	seen->len += snprintf(seen->text + seen->len, sizeof(seen->text) - seen->len, "%s=%.*s ", element->path,
			      (int)element->len, (const char *)element->value);
	return 0;
}

static int read_message(const uint8_t *data, size_t len, struct seen *seen)
{
	*seen = (struct seen){};
	return vici_parse(data, len, note, seen);
}

/* The example of strongSwan's README. */
static struct vici_writer *example(void)
{
	static const char *const items[] = { "item1", "item2" };
	struct vici_writer *w = vici_writer_new();

	vici_text(w, "key1", "value%d", 1);
	vici_section(w, "section1");
	vici_section(w, "sub-section");
	vici_value(w, "key2", "value2", 6);
	vici_section_end(w);
	vici_list(w, "list1", items, 2);
	vici_section_end(w);
	return w;
}

static void the_example_of_the_documentation_has_its_octets(void **state)
{
	static const char expected[] =
		"\3\4key1\0\6value1\1\10section1\1\13sub-section\3\4key2\0\6value2\2\4\5list1\5\0\5item1"
		"\5\0\5item2\6\2";
	struct vici_writer *w = example();
	const uint8_t *data;
	size_t len;
	struct seen seen;

	assert_int_equal(vici_writer_end(w, &data, &len), 0);
	assert_int_equal(len, sizeof(expected) - 1);
	assert_memory_equal(data, expected, len);
	assert_int_equal(read_message(data, len, &seen), 0);
	assert_string_equal(seen.text, "key1=value1 section1.sub-section.key2=value2 section1.list1[]=item1 "
				       "section1.list1[]=item2 ");
	vici_writer_free(w);
}

static void what_is_cut_or_turned_is_refused_and_not_read_beyond(void **state)
{
	struct vici_writer *w = example();
	const uint8_t *data;
	size_t len;
	struct seen seen;

	vici_writer_end(w, &data, &len);
	for (size_t cut = 1; cut < len; cut++) {
		uint8_t *copy = malloc(cut); /* ASan watches its end */
		int err;

		memcpy(copy, data, cut);
		err = read_message(copy, cut, &seen);
		if (cut != 14) /* the first element is whole there */
			assert_int_equal(err, -EBADMSG);
		free(copy);
	}
	for (size_t at = 0; at < len; at++)
		for (int bit = 0; bit < 8; bit++) {
			uint8_t *copy = malloc(len);

			memcpy(copy, data, len);
			copy[at] ^= 1 << bit;
			read_message(copy, len, &seen);
			free(copy);
		}
	vici_writer_free(w);
}

static void sections_and_messages_are_bounded(void **state)
{
	static const uint8_t deep[3] = { 1, 1, 'a' };
	uint8_t message[3 * (VICI_DEPTH + 1)];
	struct vici_writer *w = vici_writer_new();
	const uint8_t *data;
	char *big = calloc(1, UINT16_MAX);
	struct seen seen;
	size_t len;

	for (int i = 0; i <= VICI_DEPTH; i++) {
		memcpy(message + 3 * i, deep, 3);
		vici_section(w, "a");
	}
	assert_int_equal(read_message(message, sizeof(message), &seen), -EBADMSG);
	assert_int_equal(vici_writer_end(w, &data, &len), -EINVAL);
	vici_writer_free(w);

	w = vici_writer_new();
	vici_value(w, "k", big, UINT16_MAX);
	assert_int_equal(vici_writer_end(w, &data, &len), 0);
	for (int i = 0; i < VICI_MAX / UINT16_MAX; i++)
		vici_value(w, "k", big, UINT16_MAX);
	assert_int_equal(vici_writer_end(w, &data, &len), -EINVAL);
	vici_writer_free(w);

	w = vici_writer_new();
	vici_section_end(w);
	assert_int_equal(vici_writer_end(w, &data, &len), -EINVAL);
	vici_writer_free(w);
	free(big);
}

static void long_paths_are_cut_and_end(void **state)
{
	struct vici_writer *w = vici_writer_new();
	char name[201];
	const uint8_t *data;
	struct seen seen;
	size_t len;

	memset(name, 'n', 200);
	name[200] = '\0';
	vici_section(w, name);
	vici_section(w, name);
	vici_text(w, name, "v");
	vici_section_end(w);
	vici_text(w, "k", "w");
	vici_section_end(w);
	vici_text(w, "top", "x");
	assert_int_equal(vici_writer_end(w, &data, &len), 0);
	assert_int_equal(read_message(data, len, &seen), 0);
	assert_non_null(strstr(seen.text, "n.k=w top=x "));
	vici_writer_free(w);
}

static void answers_say_yes_or_why_not(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		int err;
		const char *why;
	} cases[] = {
		{ "\3\7success\0\3yes", 14, 0, "no reason given" },
		{ "\3\7success\0\2no", 13, -EPROTO, "no reason given" },
		{ "\3\6errmsg\0\4a\33b\n\3\7success\0\2no", 27, -EPROTO, "a?b?" },
		{ "", 0, -EPROTO, "no reason given" },
		{ "\3\7success\0\3ye", 13, -EBADMSG, "no reason given" },
		{ "\3\6errmsg\0\20abcdefghijklmnop", 26, -EPROTO, "abcdefghijklmno" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char why[16];

		assert_int_equal(vici_succeeded((const uint8_t *)cases[i].text, cases[i].len, why, sizeof(why)),
				 cases[i].err);
		assert_string_equal(why, cases[i].why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_of_the_documentation_has_its_octets),
		cmocka_unit_test(what_is_cut_or_turned_is_refused_and_not_read_beyond),
		cmocka_unit_test(sections_and_messages_are_bounded),
		cmocka_unit_test(long_paths_are_cut_and_end),
		cmocka_unit_test(answers_say_yes_or_why_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
