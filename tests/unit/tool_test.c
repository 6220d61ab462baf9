/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the operator's tool prints: tables, durations, monitor lines, counters. The tool's sources are no objects of the
 * agent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../agent/tool_client.c"
#include "../../agent/tool_counters.c"
#include "../../agent/tool_monitor.c"
#include "../../agent/tool_show.c"
#include "../../agent/tool_table.c"

struct output {
	FILE *stream;
	char *text;
	size_t len;
};

static void open_output(struct output *out)
{
	out->stream = open_memstream(&out->text, &out->len);
	assert_non_null(out->stream);
}

static void columns_are_as_wide_as_their_widest_cell(void **state)
{
	struct output out;
	struct table *table = table_new((const char *const[]){ "NAME", ">COUNT", "", NULL });

	open_output(&out);
	table_add(table, (const char *const[]){ "a", "1", "x" });
	table_add(table, (const char *const[]){ "longer", "123456", "" });
	table_add(table, (const char *const[]){ NULL, NULL, "z" });
	table_flush(table, out.stream);
	fclose(out.stream);
	assert_string_equal(out.text, "NAME     COUNT\n"
				      "a            1  x\n"
				      "longer  123456\n"
				      "-            -  z\n");
	free(out.text);
	table_free(table);
}

static void pages_keep_the_widths_and_the_heads_come_once(void **state)
{
	struct output out;
	struct table *table = table_new((const char *const[]){ "N", ">C", NULL });

	open_output(&out);
	table_add(table, (const char *const[]){ "four", "1" });
	table_flush(table, out.stream);
	table_flush(table, out.stream);
	table_add(table, (const char *const[]){ "a", "2" });
	table_flush(table, out.stream);
	fclose(out.stream);
	assert_string_equal(out.text, "N     C\n"
				      "four  1\n"
				      "a     2\n");
	free(out.text);
	table_free(table);
}

static void table_without_names_has_no_head_line(void **state)
{
	struct output out;
	struct table *table = table_new((const char *const[]){ "", "", NULL });

	open_output(&out);
	table_add(table, (const char *const[]){ "key", "value" });
	table_flush(table, out.stream);
	fclose(out.stream);
	assert_string_equal(out.text, "key  value\n");
	free(out.text);
	table_free(table);
}

static void many_rows_grow_the_table(void **state)
{
	struct table *table = table_new((const char *const[]){ "A", "B", NULL });
	struct output out;
	size_t lines = 0;

	for (int i = 0; i < 1000; i++)
		assert_int_equal(table_add(table, (const char *const[]){ "a", "b" }), 0);
	open_output(&out);
	table_flush(table, out.stream);
	fclose(out.stream);
	for (size_t i = 0; i < out.len; i++)
		lines += out.text[i] == '\n';
	assert_int_equal(lines, 1001);
	free(out.text);
	table_free(table);
}

static void durations_have_at_most_two_units(void **state)
{
	static const struct {
		uint64_t seconds;
		const char *text;
	} cases[] = {
		{ 0, "0 s" },	       { 59, "59 s" },		 { 60, "1 min 0 s" },  { 3599, "59 min 59 s" },
		{ 3600, "1 h 0 min" }, { 86399, "23 h 59 min" }, { 86400, "1 d 0 h" }, { 262140, "3 d 0 h" },
	};
	char buf[32];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(table_duration(cases[i].seconds, buf, sizeof(buf)), cases[i].text);
}

static void events_read_like_sentences(void **state)
{
	static const struct {
		const char *json, *line;
	} cases[] = {
		{ "{\"time\":\"T\",\"event\":\"moved\",\"home_address\":\"2001:db8::1\",\"care_of_address\":\"2001:db8:"
		  ":2\","
		  "\"old_care_of_address\":\"2001:db8::3\",\"lifetime_s\":400,\"sequence\":7}",
		  "T moved        2001:db8::1 at 2001:db8::2, before at 2001:db8::3 for 400 s, sequence 7" },
		{ "{\"time\":\"T\",\"event\":\"refused\",\"home_address\":\"2001:db8::1\",\"care_of_address\":\"2001:"
		  "db8::2\","
		  "\"status\":129,\"status_text\":\"prohibited\",\"sequence\":7}",
		  "T refused      2001:db8::1 at 2001:db8::2: status 129, prohibited, sequence 7" },
		{ "{\"time\":\"T\",\"event\":\"link\",\"text\":\"eth1 vanished\"}", "T link         eth1 vanished" },
		{ "{}", "- -           " },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct output out;
		json_t *event = json_loads(cases[i].json, 0, NULL);

		open_output(&out);
		tool_print_event(event, out.stream);
		fclose(out.stream);
		assert_string_equal(out.text, cases[i].line);
		free(out.text);
		json_decref(event);
	}
}

/* What tool_show_counters() prints of @json; the caller frees. */
static char *counters_text(const char *json, bool all)
{
	struct tool_options options = { .all = all };
	json_t *data = json_loads(json, 0, NULL);
	struct output out;
	FILE *old = stdout;

	assert_non_null(data);
	open_output(&out);
	stdout = out.stream;
	tool_show_counters(&options, data);
	stdout = old;
	fclose(out.stream);
	json_decref(data);
	return out.text;
}

static void counters_hide_zero_but_never_what_is_unknown(void **state)
{
	static const char json[] =
		"{\"data_path\":[{\"name\":\"encapsulated\",\"class\":\"verdict\",\"packets\":3,\"bytes\":9,\"text\":"
		"\"t1\"},"
		"{\"name\":\"truncated\",\"class\":\"drop\",\"packets\":0,\"bytes\":0,\"text\":\"t2\"}],"
		"\"agent\":[],\"slow_path\":null,"
		"\"devices\":[{\"name\":\"eth0\",\"present\":true,\"rx_dropped\":0,\"tx_dropped\":4,\"rx_errors\":0,"
		"\"tx_errors\":0,\"xdp_errors\":null,\"xdp\":null}],"
		"\"redirect_errors\":[{\"name\":\"redirect-refused\",\"count\":null,\"text\":\"t3\",\"why\":\"no "
		"tracefs\"}]}";
	char *some = counters_text(json, false), *all = counters_text(json, true);

	assert_non_null(strstr(some, "encapsulated"));
	assert_null(strstr(some, "truncated"));
	assert_null(strstr(some, "received and dropped"));
	assert_non_null(strstr(some, "not sent"));
	assert_non_null(strstr(some, "the driver counts no XDP errors"));
	assert_non_null(strstr(some, "redirect-refused  unknown  t3 (no tracefs)"));
	assert_non_null(strstr(all, "truncated"));
	assert_non_null(strstr(all, "received and dropped"));
	free(some);
	free(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_are_as_wide_as_their_widest_cell),
		cmocka_unit_test(pages_keep_the_widths_and_the_heads_come_once),
		cmocka_unit_test(table_without_names_has_no_head_line),
		cmocka_unit_test(many_rows_grow_the_table),
		cmocka_unit_test(durations_have_at_most_two_units),
		cmocka_unit_test(events_read_like_sentences),
		cmocka_unit_test(counters_hide_zero_but_never_what_is_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
