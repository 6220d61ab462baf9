// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* vici's messages: octets as strongSwan's README has them, limits, and everything that is cut or turned. */
#include "check.h"

#include <errno.h>
#include <stdlib.h>

#include "../../agent/vici.h"

struct seen {
	char text[4096];
	size_t len;
};

static int note(void *arg, const struct vici_element *element)
{
	struct seen *seen = arg;

	seen->len += snprintf(seen->text + seen->len, sizeof(seen->text) - seen->len, "%s=%.*s ", element->path,
			      (int)(element->len < 100 ? element->len : 100), (const char *)element->value);
	return 0;
}

static int note_nothing(void *arg, const struct vici_element *element)
{
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

/* Lengths at n-1, n, n+1; an error stands, whatever follows. */
static void names_and_values_fit_their_lengths(void **state)
{
	static const struct {
		size_t name, value;
		int err;
	} cases[] = {
		{ 0, 1, -EINVAL },
		{ 1, 0, 0 },
		{ 254, 1, 0 },
		{ 255, 1, 0 },
		{ 256, 1, -EINVAL },
		{ 1, UINT16_MAX - 1, 0 },
		{ 1, UINT16_MAX, 0 },
		{ 255, UINT16_MAX, 0 },
		{ 1, UINT16_MAX + 1, -EINVAL },
		{ 256, UINT16_MAX + 1, -EINVAL },
	};
	char *text = calloc(1, UINT16_MAX + 2);

	for (size_t i = 0; i < 3 * ARRAY_SIZE(cases); i++) {
		struct vici_writer *w = vici_writer_new();
		size_t name_len = cases[i / 3].name, value_len = cases[i / 3].value, len;
		char name[300] = "", *value = memset(text, 'v', value_len);
		const uint8_t *data;
		struct seen seen;

		memset(name, 'n', name_len);
		value[value_len] = '\0';
		if (i % 3 == 0)
			vici_value(w, name, value, value_len);
		else if (i % 3 == 1)
			vici_list(w, name, (const char *const *)&value, 1);
		else
			vici_section(w, name), vici_value(w, "k", value, value_len), vici_section_end(w);
		CHECK_CASE(i, vici_writer_end(w, &data, &len) == cases[i / 3].err);
		CHECK_CASE(i, (len > 0) == !cases[i / 3].err);
		CHECK_CASE(i, cases[i / 3].err || !read_message(data, len, &seen));
		vici_value(w, "good", "v", 1);
		CHECK_CASE(i, vici_writer_end(w, &data, &len) == cases[i / 3].err);
		vici_writer_free(w);
	}
	free(text);
}

static void text_is_bounded(void **state)
{
	for (int len = 1022; len <= 1024; len++) {
		struct vici_writer *w = vici_writer_new();
		const uint8_t *data;
		size_t size;

		vici_text(w, "k", "%*s", len, "");
		assert_int_equal(vici_writer_end(w, &data, &size), len < 1024 ? 0 : -EINVAL);
		assert_int_equal(size, len < 1024 ? 5 + len : 0);
		vici_writer_free(w);
	}
}

static void a_message_is_as_long_as_may_be(void **state)
{
	static const char zeros[40000];

	for (int over = -1; over <= 1; over++) {
		struct vici_writer *w = vici_writer_new();
		size_t left = VICI_MAX + over, len;
		const uint8_t *data;

		for (size_t now; left; left -= now) {
			now = left < sizeof(zeros) ? left : 20000; /* never too few left for an element */
			vici_value(w, "k", zeros, now - 5);
		}
		assert_int_equal(vici_writer_end(w, &data, &len), over > 0 ? -EINVAL : 0);
		assert_int_equal(len, over > 0 ? 0 : VICI_MAX + over);
		if (over <= 0)
			assert_int_equal(vici_parse(data, len, note_nothing, NULL), 0);
		vici_writer_free(w);
	}
}

static void an_empty_message_is_one(void **state)
{
	struct vici_writer *w = vici_writer_new();
	const uint8_t *data;
	struct seen seen;
	size_t len;

	assert_int_equal(vici_writer_end(w, &data, &len), 0);
	assert_int_equal(len, 0);
	assert_int_equal(read_message(data, len, &seen), 0);
	vici_writer_free(w);
	vici_writer_free(NULL);
}

static void sections_as_deep_as_may_be_are_read_back(void **state)
{
	struct vici_writer *w = vici_writer_new();
	const uint8_t *data;
	struct seen seen;
	size_t len;

	for (int i = 0; i < VICI_DEPTH; i++)
		vici_section(w, "a");
	vici_text(w, "k", "v");
	for (int i = 0; i < VICI_DEPTH; i++)
		vici_section_end(w);
	assert_int_equal(vici_writer_end(w, &data, &len), 0);
	assert_int_equal(read_message(data, len, &seen), 0);
	assert_string_equal(seen.text, "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.k=v ");
	vici_writer_free(w);
}

static void what_the_grammar_forbids_is_refused(void **state)
{
	static const struct {
		const char *octets;
		size_t len;
		const char *seen;
		int err;
	} cases[] = {
		{ "\4\1l\5\0\1x\6", 8, "l[]=x ", 0 },
		{ "\4\1l\6", 4, "", 0 },
		{ "\1\1s\2", 4, "", 0 },
		{ "\3\1k\0\0", 5, "k= ", 0 },
		{ "\1\1s\4\1l\5\0\1x\6\3\1k\0\1v\2\3\1t\0\0", 23, "s.l[]=x s.k=v t= ", 0 },
		{ "\3\3a\33\377\0\0", 7, "a?\?= ", 0 }, /* a name that a log line may hold */
		{ "\0", 1, "", -EBADMSG },		/* no such types */
		{ "\7", 1, "", -EBADMSG },
		{ "\377", 1, "", -EBADMSG },
		{ "\2", 1, "", -EBADMSG }, /* an end of nothing */
		{ "\6", 1, "", -EBADMSG },
		{ "\5\0\1x", 4, "", -EBADMSG }, /* an item outside */
		{ "\3\1k\0\1v\2", 7, "k=v ", -EBADMSG },
		{ "\4\1l\4\1m\6\6", 8, "", -EBADMSG }, /* within a list only items */
		{ "\4\1l\1\1s\2\6", 8, "", -EBADMSG },
		{ "\4\1l\3\1k\0\1v\6", 10, "", -EBADMSG },
		{ "\1\1s\4\1l\2\6", 8, "", -EBADMSG },
		{ "\1\1s", 3, "", -EBADMSG }, /* left open */
		{ "\4\1l", 3, "", -EBADMSG },
		{ "\1\0\2", 3, "", -EBADMSG }, /* without a name */
		{ "\3\0\0\0", 4, "", -EBADMSG },
		{ "\4\0\6", 3, "", -EBADMSG },
		{ "\1", 1, "", -EBADMSG }, /* cut within */
		{ "\1\2s", 3, "", -EBADMSG },
		{ "\3\1k", 3, "", -EBADMSG },
		{ "\3\1k\0", 4, "", -EBADMSG },
		{ "\3\1k\377\377v", 6, "", -EBADMSG },
		{ "\4\1l\5\0\2x", 7, "", -EBADMSG },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint8_t *exact = malloc(cases[i].len);
		struct seen seen;

		memcpy(exact, cases[i].octets, cases[i].len);
		CHECK_CASE(i, read_message(exact, cases[i].len, &seen) == cases[i].err);
		CHECK_CASE(i, !strcmp(seen.text, cases[i].seen));
		free(exact);
	}
}

static int stop_at_second(void *arg, const struct vici_element *element)
{
	int *count = arg;

	return ++*count == 2 ? -ECANCELED : 0;
}

static void who_looks_may_stop_it(void **state)
{
	struct vici_writer *w = example();
	const uint8_t *data;
	int count = 0;
	size_t len;

	assert_int_equal(vici_writer_end(w, &data, &len), 0);
	assert_int_equal(vici_parse(data, len, stop_at_second, &count), -ECANCELED);
	assert_int_equal(count, 2);
	vici_writer_free(w);
}

/* What is seen of a good message that was cut is what is seen of the whole, up to there. */
static void what_is_seen_of_a_cut_message_is_its_beginning(void **state)
{
	struct vici_writer *w = example();
	struct seen whole, seen;
	const uint8_t *data;
	size_t len;

	vici_writer_end(w, &data, &len);
	assert_int_equal(read_message(data, len, &whole), 0);
	for (size_t cut = 0; cut < len; cut++) {
		int err = read_message(data, cut, &seen);

		CHECK_CASE(cut, err == 0 || err == -EBADMSG);
		CHECK_CASE(cut, !strncmp(whole.text, seen.text, strlen(seen.text)));
	}
	vici_writer_free(w);
}

/* Octets that look like elements often, the same at each run. */
static void nonsense_does_no_harm(void **state)
{
	uint32_t random = 1;

	for (int round = 0; round < 20000; round++) {
		size_t len = 1 + round % 60;
		uint8_t *exact = malloc(len);
		char why[8];
		struct seen seen;
		int err;

		for (size_t i = 0; i < len; i++) {
			random = random * 1664525 + 1013904223;
			exact[i] = (random >> 24) % (random & 0x800000 ? 256 : 8);
		}
		err = read_message(exact, len, &seen);
		assert_true(err == 0 || err == -EBADMSG);
		vici_succeeded(exact, len, why, sizeof(why));
		assert_true(strlen(why) < sizeof(why));
		free(exact);
	}
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

/* Whatever the lengths, brackets and the end have their place. */
static void paths_of_any_length_keep_their_brackets(void **state)
{
	static const char *const item = "i";

	for (size_t len = 1; len <= UINT8_MAX; len++)
		for (size_t depth = 0; depth <= 2; depth++) {
			struct vici_writer *w = vici_writer_new();
			char name[UINT8_MAX + 1] = "";
			const uint8_t *data;
			struct seen seen;
			size_t size;

			memset(name, 'n', len);
			for (size_t i = 0; i < depth; i++)
				vici_section(w, name);
			vici_list(w, name, &item, 1);
			for (size_t i = 0; i < depth; i++)
				vici_section_end(w);
			assert_int_equal(vici_writer_end(w, &data, &size), 0);
			assert_int_equal(read_message(data, size, &seen), 0);
			CHECK_CASE(len, !strcmp(seen.text + seen.len - 5, "[]=i "));
			size = (depth + 1) * len + depth + 5; /* uncut */
			CHECK_CASE(len, seen.len == (size < 257 ? size : 257));
			vici_writer_free(w);
		}
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
		{ "\3\6errmsg\0\17abcdefghijklmno", 25, -EPROTO, "abcdefghijklmno" },
		{ "\3\6errmsg\0\5a\0\177\200%", 15, -EPROTO, "a???%" },
		{ "\3\6errmsg\0\0", 10, -EPROTO, "" },
		{ "\3\7success\0\3YES", 14, -EPROTO, "no reason given" },
		{ "\3\7success\0\4yes\0", 15, -EPROTO, "no reason given" },
		{ "\3\7success\0\0", 11, -EPROTO, "no reason given" },
		{ "\1\1s\3\7success\0\3yes\2", 18, -EPROTO, "no reason given" },	   /* somebody else's */
		{ "\4\7success\5\0\3yes\6", 16, -EPROTO, "no reason given" },		   /* no value */
		{ "\3\7success\0\3yes\3\7success\0\2no", 27, -EPROTO, "no reason given" }, /* the last word counts */
		{ "\3\7success\0\3yes\2", 15, -EBADMSG, "no reason given" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char why[16];

		CHECK_CASE(i, vici_succeeded((const uint8_t *)cases[i].text, cases[i].len, why, sizeof(why)) ==
				      cases[i].err);
		CHECK_CASE(i, !strcmp(why, cases[i].why));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_of_the_documentation_has_its_octets),
		cmocka_unit_test(what_is_cut_or_turned_is_refused_and_not_read_beyond),
		cmocka_unit_test(sections_and_messages_are_bounded),
		cmocka_unit_test(names_and_values_fit_their_lengths),
		cmocka_unit_test(text_is_bounded),
		cmocka_unit_test(a_message_is_as_long_as_may_be),
		cmocka_unit_test(an_empty_message_is_one),
		cmocka_unit_test(sections_as_deep_as_may_be_are_read_back),
		cmocka_unit_test(what_the_grammar_forbids_is_refused),
		cmocka_unit_test(who_looks_may_stop_it),
		cmocka_unit_test(what_is_seen_of_a_cut_message_is_its_beginning),
		cmocka_unit_test(nonsense_does_no_harm),
		cmocka_unit_test(long_paths_are_cut_and_end),
		cmocka_unit_test(paths_of_any_length_keep_their_brackets),
		cmocka_unit_test(answers_say_yes_or_why_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
