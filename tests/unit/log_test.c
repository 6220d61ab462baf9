// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* base.h: times, addresses, the tables of reasons and statuses, and where a log line goes. The journal is a fake. */
#include "check.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

/* What the fake journal got last. */
static char journal[2048];
static int journal_calls;

/* In the library's place; sd_journal_send() is a macro for it. Keeps the fields up to NULL, one a line, as formatted.
 */
int sd_journal_send_with_location(const char *file, const char *line, const char *func, const char *format, ...)
{
	va_list args;
	size_t len = 0;

	va_start(args, format);
	for (const char *f = format; f; f = va_arg(args, const char *)) {
		const char *conversion = strchr(f, '%');

		if (conversion && conversion[1] == 's') {
			const char *text = va_arg(args, const char *);

			len += snprintf(journal + len, sizeof(journal) - len, "%.*s%s\n", (int)(conversion - f), f,
					text);
		} else if (conversion) {
			int number = va_arg(args, int);

			len += snprintf(journal + len, sizeof(journal) - len, "%.*s%d\n", (int)(conversion - f), f,
					number);
		} else {
			len += snprintf(journal + len, sizeof(journal) - len, "%s\n", f);
		}
	}
	va_end(args);
	journal_calls++;
	return 0;
}

/* ---- stderr into a file, and back ---- */

static int kept_stderr = -1;
static FILE *captured;

static void capture(void)
{
	captured = tmpfile();
	assert_non_null(captured);
	fflush(stderr);
	kept_stderr = dup(STDERR_FILENO);
	assert_true(kept_stderr >= 0 && dup2(fileno(captured), STDERR_FILENO) == STDERR_FILENO);
}

/* What was written, in a static buffer. */
static const char *release(void)
{
	static char text[4096];
	size_t len;

	fflush(stderr);
	dup2(kept_stderr, STDERR_FILENO);
	close(kept_stderr);
	rewind(captured);
	len = fread(text, 1, sizeof(text) - 1, captured);
	text[len] = '\0';
	fclose(captured);
	return text;
}

/* Names @dev:@ino of what stderr is now, each with something added, as systemd names the journal's socket. */
static void name_journal(int dev_off, int ino_off)
{
	char stream[64];
	struct stat st;

	assert_int_equal(fstat(STDERR_FILENO, &st), 0);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev + dev_off,
		 (unsigned long long)st.st_ino + ino_off);
	setenv("JOURNAL_STREAM", stream, 1);
}

static void lines_go_to_stderr_with_the_daemons_name_and_debug_only_where_asked(void **state)
{
	const char *text;

	unsetenv("JOURNAL_STREAM");
	journal_calls = 0;
	capture();
	log_open(false);
	log_error("xfrm: add policy for %s: %s", "2001:db8::1", "Permission denied");
	log_warn("two");
	log_info("three");
	log_debug("hidden");
	log_open(true);
	log_debug("shown");
	log_open(false);
	log_debug("hidden again");
	text = release();
	assert_string_equal(text,
			    "mobgwd: xfrm: add policy for 2001:db8::1: Permission denied\nmobgwd: two\nmobgwd: three\n"
			    "mobgwd: shown\n");
	assert_int_equal(journal_calls, 0);
}

static void a_line_too_long_is_cut_and_still_ends(void **state)
{
	static char longer[3000];
	const char *text;

	memset(longer, 'x', sizeof(longer) - 1);
	unsetenv("JOURNAL_STREAM");
	capture();
	log_open(false);
	log_info("%s", longer);
	text = release();
	assert_true(strlen(text) > 1000 && strlen(text) < 1100 && text[strlen(text) - 1] == '\n');
}

static void fields_go_to_the_journal_where_stderr_is_its_socket(void **state)
{
	static const struct {
		int dev_off, ino_off;
		bool journal;
	} cases[] = { { 0, 0, true }, { 1, 0, false }, { 0, 1, false }, { 1, 1, false } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		bool silent;

		journal_calls = 0;
		journal[0] = '\0';
		capture();
		name_journal(cases[i].dev_off, cases[i].ino_off);
		log_open(false);
		log_warn("100%% of %d", 7);
		log_debug("hidden");
		silent = !*release();
		CHECK_CASE(i, silent == cases[i].journal && journal_calls == cases[i].journal);
		CHECK_CASE(i, !cases[i].journal ||
				      !strcmp(journal, "MESSAGE=100% of 7\nPRIORITY=4\nSYSLOG_IDENTIFIER=mobgwd\n"));
	}
}

static void a_journal_stream_that_is_no_pair_of_numbers_is_not_believed(void **state)
{
	static const char *const cases[] = { "", ":", "8", "8:", "x:y", "8 9" };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		journal_calls = 0;
		capture();
		setenv("JOURNAL_STREAM", cases[i], 1);
		log_open(false);
		log_info("line");
		CHECK_CASE(i, !strcmp(release(), "mobgwd: line\n") && !journal_calls);
	}
}

/* ---- tables ---- */

static bool is_name(const char *name)
{
	return *name && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(name);
}

static void every_reason_has_a_name_of_its_own_a_sentence_and_a_class(void **state)
{
	for (unsigned int i = 0; i < REASON_COUNT; i++) {
		CHECK_CASE(i, is_name(reason_name(i)) && strlen(reason_text(i)) > 8);
		CHECK_CASE(i, reason_class(i) == REASON_CLASS_NOTE || reason_class(i) == REASON_CLASS_VERDICT ||
				      reason_class(i) == REASON_CLASS_DROP);
		for (unsigned int k = 0; k < i; k++)
			CHECK_CASE(i, strcmp(reason_name(i), reason_name(k)) != 0);
	}
}

static void reasons_are_told_as_the_list_says(void **state)
{
	static const struct {
		enum reason why;
		const char *name;
		enum reason_class class;
	} cases[] = {
		{ REASON_NONE, "none", REASON_CLASS_NOTE },
		{ PASS_SIGNALLING, "pass-signalling", REASON_CLASS_VERDICT },
		{ DROP_TUNNEL_NO_BINDING, "tunnel-no-binding", REASON_CLASS_DROP },
		{ NOTE_EXPIRED, "binding-expired", REASON_CLASS_NOTE },
		{ REASON_COUNT, "unknown", REASON_CLASS_NOTE },
		{ (enum reason) - 1, "unknown", REASON_CLASS_NOTE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CHECK_CASE(i, !strcmp(reason_name(cases[i].why), cases[i].name));
		CHECK_CASE(i, reason_class(cases[i].why) == cases[i].class);
	}
	assert_string_equal(reason_text(REASON_COUNT), "unknown");
	assert_string_equal(reason_text(DROP_RH0), "type 0 routing header (RFC 5095)");
}

static void every_status_has_a_text_and_the_known_ones_their_own(void **state)
{
	static const uint8_t known[] = { 0, 1, 128, 129, 130, 131, 132, 133, 134, 135, 136, 137, 138, 139, 140, 174 };

	for (unsigned int status = 0; status < 256; status++)
		CHECK_CASE(status, ba_status_text(status) && *ba_status_text(status));
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		CHECK_CASE(i, strcmp(ba_status_text(known[i]), ba_status_text(255)) != 0);
		for (size_t k = 0; k < i; k++)
			CHECK_CASE(i, strcmp(ba_status_text(known[i]), ba_status_text(known[k])) != 0);
	}
	assert_string_equal(ba_status_text(BA_SEQUENCE), "sequence number out of window");
}

/* ---- addresses and times ---- */

static void only_unicast_addresses_that_can_be_routed_are_routable(void **state)
{
	static const struct {
		const char *text;
		bool routable;
	} cases[] = {
		{ "2001:db8::1", true },
		{ "fd00::1", true }, /* unique local: routable where its operator routes it */
		{ "::", false },
		{ "::1", false },
		{ "::2", true },
		{ "fe80::1", false },
		{ "febf::1", false }, /* the last of fe80::/10 */
		{ "fe7f::1", true },
		{ "ff00::", false },
		{ "ff0e::1", false },
		{ "::ffff:192.0.2.1", false },
		{ "::fffe:192.0.2.1", true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct in6_addr a = addr(cases[i].text);

		CHECK_CASE(i, addr_is_routable(&a) == cases[i].routable);
	}
}

static void prefixes_are_compared_to_the_bit(void **state)
{
	static const struct {
		const char *addr, *prefix;
		unsigned int len;
		bool inside;
	} cases[] = {
		{ "2001:db8::1", "::", 0, true },
		{ "8000::", "::", 1, false },
		{ "7fff::", "::", 1, true },
		{ "2001:db8:1:2::", "2001:db8:1:3::", 63, true },
		{ "2001:db8:1:2::", "2001:db8:1:3::", 64, false },
		{ "2001:db8:1:2::", "2001:db8:1:3::", 65, false },
		{ "2001:db8:1:2::1", "2001:db8:1:2::ffff", 64, true },
		{ "2001:db8::2", "2001:db8::3", 127, true },
		{ "2001:db8::2", "2001:db8::3", 128, false },
		{ "2001:db8::3", "2001:db8::3", 128, true },
		{ "2001:db8::3", "2001:db8::3", 129, false }, /* no prefix has that length */
		{ "2001:db8::3", "2001:db8::3", 255, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct in6_addr a = addr(cases[i].addr), prefix = addr(cases[i].prefix);

		CHECK_CASE(i, addr_in_prefix(&a, &prefix, cases[i].len) == cases[i].inside);
	}
}

static void one_bit_apart_is_in_every_prefix_up_to_that_bit(void **state)
{
	const struct in6_addr prefix = addr("2001:db8:aaaa:5555:aaaa:5555:aaaa:5555");

	for (unsigned int bit = 0; bit < 128; bit++) {
		struct in6_addr a = prefix;

		a.s6_addr[bit / 8] ^= 0x80 >> bit % 8;
		for (unsigned int len = 0; len <= 128; len++)
			CHECK_CASE(bit << 8 | len, addr_in_prefix(&a, &prefix, len) == (len <= bit));
	}
}

static void several_addresses_fit_into_one_line(void **state)
{
	struct in6_addr a = addr("2001:db8::1"), b = addr("2001:db8::2"),
			c = addr("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	const char *first = addr_text(&a), *second = addr_text(&b), *third = addr_text(&c);

	assert_string_equal(first, "2001:db8::1");
	assert_string_equal(second, "2001:db8::2");
	assert_string_equal(third, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
}

static void times_add_and_compare(void **state)
{
	struct mono t = { 1500000000 };

	assert_int_equal(mono_add_ms(t, 250).ns, 1750000000);
	assert_int_equal(mono_add_ms(t, -500).ns, 1000000000);
	assert_int_equal(mono_add_s(t, 262140).ns, INT64_C(262141500000000));
	assert_true(mono_before(t, mono_add_ms(t, 1)));
	assert_false(mono_before(t, t));
	assert_false(mono_before(mono_add_ms(t, 1), t));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_go_to_stderr_with_the_daemons_name_and_debug_only_where_asked),
		cmocka_unit_test(a_line_too_long_is_cut_and_still_ends),
		cmocka_unit_test(fields_go_to_the_journal_where_stderr_is_its_socket),
		cmocka_unit_test(a_journal_stream_that_is_no_pair_of_numbers_is_not_believed),
		cmocka_unit_test(every_reason_has_a_name_of_its_own_a_sentence_and_a_class),
		cmocka_unit_test(reasons_are_told_as_the_list_says),
		cmocka_unit_test(every_status_has_a_text_and_the_known_ones_their_own),
		cmocka_unit_test(only_unicast_addresses_that_can_be_routed_are_routable),
		cmocka_unit_test(prefixes_are_compared_to_the_bit),
		cmocka_unit_test(one_bit_apart_is_in_every_prefix_up_to_that_bit),
		cmocka_unit_test(several_addresses_fit_into_one_line),
		cmocka_unit_test(times_add_and_compare),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
