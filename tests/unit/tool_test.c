/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the operator's tool prints: tables, durations, monitor lines, counters. The tool's sources are no objects of the
 * agent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "../../agent/tool_client.c"
#include "../../agent/tool_counters.c"
#include "../../agent/tool_handover.c"
#include "../../agent/tool_ipsec.c"
#include "../../agent/tool_monitor.c"
#include "../../agent/tool_node.c"
#include "../../agent/tool_peers.c"
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
		{ "{\"time\":\"T\",\"event\":\"attached\",\"home_address\":null,\"care_of_address\":\"2001:db8::2\","
		  "\"old_care_of_address\":null,\"text\":\"wlan0\"}",
		  "T attached     wlan0, care-of address 2001:db8::2" },
		{ "{\"time\":\"T\",\"event\":\"attached\",\"home_address\":\"2001:db8::1\",\"care_of_address\":"
		  "\"2001:db8::2\",\"old_care_of_address\":\"2001:db8::3\",\"text\":\"wlan0\"}",
		  "T attached     wlan0, care-of address 2001:db8::2, before 2001:db8::3, for 2001:db8::1" },
		{ "{\"time\":\"T\",\"event\":\"detached\",\"text\":\"wlan0\"}", "T detached     wlan0" },
		{ "{\"time\":\"T\",\"event\":\"at-home\",\"home_address\":\"2001:db8::1\",\"care_of_address\":"
		  "\"2001:db8::1\",\"old_care_of_address\":null,\"sequence\":7}",
		  "T at-home      2001:db8::1 is on its home link, de-registered, sequence 7" },
		{ "{\"time\":\"T\",\"event\":\"at-home\",\"home_address\":\"2001:db8::1\",\"care_of_address\":null,"
		  "\"old_care_of_address\":\"2001:db8::3\",\"sequence\":7,\"text\":\"eth0\"}",
		  "T at-home      2001:db8::1 is on its home link, de-registered, before at 2001:db8::3, sequence 7: "
		  "eth0" },
		{ "{\"time\":\"T\",\"event\":\"lost\",\"home_address\":\"2001:db8::1\",\"care_of_address\":"
		  "\"2001:db8::2\",\"old_care_of_address\":null,\"sequence\":7,\"lifetime_s\":400}",
		  "T lost         2001:db8::1 is registered no more: the lifetime passed unanswered, before at "
		  "2001:db8::2, sequence 7" },
		{ "{\"time\":\"T\",\"event\":\"optimised\",\"home_address\":\"2001:db8::1\",\"care_of_address\":"
		  "\"2001:db8::2\",\"sequence\":9,\"lifetime_s\":420,\"text\":\"2001:db8:c::2\"}",
		  "T optimised    2001:db8::1 and 2001:db8:c::2 talk straight, bound at 2001:db8::2 for 420 s, "
		  "sequence 9" },
		{ "{\"time\":\"T\",\"event\":\"unoptimised\",\"home_address\":\"2001:db8::1\",\"care_of_address\":"
		  "null,\"sequence\":9,\"text\":\"2001:db8:c::2\"}",
		  "T unoptimised  2001:db8::1 and 2001:db8:c::2 talk straight no more" },
		{ "{\"time\":\"T\",\"event\":\"peer-gone\",\"home_address\":\"2001:db8::1\",\"care_of_address\":"
		  "\"2001:db8::2\",\"sequence\":9,\"text\":\"peer-expired\"}",
		  "T peer-gone    2001:db8::1 at 2001:db8::2, sequence 9: peer-expired" },
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

/* What @print prints of @json; the caller frees. */
static char *printed(int (*print)(const struct tool_options *options, json_t *data), const char *json, bool all)
{
	struct tool_options options = { .all = all };
	json_t *data = json_loads(json, 0, NULL);
	struct output out;
	FILE *old = stdout;

	assert_non_null(data);
	open_output(&out);
	stdout = out.stream;
	print(&options, data);
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
	char *some = printed(tool_show_counters, json, false), *all = printed(tool_show_counters, json, true);

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

static void uplinks_are_a_table_and_the_pinned_one_is_marked(void **state)
{
	static const char json[] =
		"{\"uplinks\":[{\"name\":\"wlan0\",\"ifindex\":3,\"preference\":200,\"state\":\"usable\",\"active\":"
		"true,"
		"\"pinned\":true,\"care_of_address\":\"2001:db8:f1::2\",\"router\":\"fe80::1\",\"routers\":1,"
		"\"since_s\":66},"
		"{\"name\":\"wwan0\",\"ifindex\":null,\"preference\":100,\"state\":\"absent\",\"active\":false,"
		"\"pinned\":false,\"care_of_address\":null,\"router\":null,\"routers\":0,\"since_s\":null}]}";
	char *text = printed(tool_show_uplinks, json, false);

	assert_string_equal(text, "UPLINK  STATE   PREFERENCE  CARE-OF ADDRESS  ROUTER   ACTIVE       SINCE\n"
				  "wlan0   usable         200  2001:db8:f1::2   fe80::1  yes, pinned  1 min 6 s\n"
				  "wwan0   absent         100  -                -        no           -\n");
	free(text);
}

static int print_bindings(const struct tool_options *options, json_t *data)
{
	struct listing listing = {};

	print_page(&listing, data);
	table_free(listing.table);
	return 0;
}

static void bindings_of_a_mobile_node_have_a_table_of_their_own(void **state)
{
	static const char json[] =
		"{\"role\":\"mobile-node\",\"bindings\":[{\"home_address\":\"2001:db8:1::100\",\"home_agent\":"
		"\"2001:db8:1::1\",\"care_of_address\":\"2001:db8:f1::2\",\"wanted_care_of_address\":\"2001:db8:f2::"
		"2\","
		"\"uplink\":\"wlan0\",\"state\":\"moving\",\"sequence\":7,\"lifetime_s\":600,\"remaining_s\":599,"
		"\"last_status\":null,\"last_status_text\":null,\"path_mtu\":1460,\"protection\":\"none\"},"
		"{\"home_address\":\"2001:db8:1::101\",\"home_agent\":\"2001:db8:1::1\",\"care_of_address\":null,"
		"\"wanted_care_of_address\":null,\"uplink\":null,\"state\":\"refused\",\"sequence\":8,\"lifetime_s\":0,"
		"\"remaining_s\":0,\"last_status\":129,\"last_status_text\":\"prohibited\",\"path_mtu\":null,"
		"\"protection\":\"none\"}]}";
	char *text = printed(print_bindings, json, false);

	assert_string_equal(
		text,
		"HOME ADDRESS     CARE-OF ADDRESS  UPLINK  STATE    SEQ  LIFETIME  LEFT  HOME AGENT     PATH MTU  "
		"PROTECTION  REMARK\n"
		"2001:db8:1::100  2001:db8:f1::2   wlan0   moving     7       600   599  2001:db8:1::1      1460  none "
		" "
		"      asked for 2001:db8:f2::2\n"
		"2001:db8:1::101  -                -       refused    8         -     -  2001:db8:1::1         -  none "
		" "
		"      last refusal: status 129, prohibited\n");
	free(text);
}

static void bindings_of_a_home_agent_have_theirs(void **state)
{
	static const char json[] =
		"{\"role\":\"home-agent\",\"bindings\":[{\"kind\":\"home\",\"home_address\":\"2001:db8:1::100\",\"care_"
		"of_address\":"
		"\"2001:db8:f1::2\",\"sequence\":7,\"lifetime_s\":400,\"remaining_s\":399,\"flags\":\"AH\","
		"\"home_link\":\"2001:db8:1::/64\",\"state\":\"active\",\"path_mtu\":null,\"protection\":\"none\"}]}";
	char *text = printed(print_bindings, json, false);

	assert_string_equal(
		text, "KIND  HOME ADDRESS     CARE-OF ADDRESS  SEQ  LIFETIME  LEFT  FLAGS  HOME LINK        STATE   "
		      "PATH MTU  PROTECTION\n"
		      "home  2001:db8:1::100  2001:db8:f1::2     7       400   399  AH     2001:db8:1::/64  active  "
		      "       -  none\n");
	free(text);
}

static void correspondents_are_a_table(void **state)
{
	static const char json[] =
		"{\"route_optimisation\":\"all\",\"peers\":[{\"home_address\":\"2001:db8:1::100\",\"correspondent\":"
		"\"2001:db8:c::2\",\"state\":\"optimised\",\"care_of_address\":\"2001:db8:f1::2\",\"sequence\":9,"
		"\"lifetime_s\":420,\"remaining_s\":400,\"idle_s\":1,\"home_token\":true,\"care_of_token\":true,"
		"\"back_off_s\":null,\"last_status\":null,\"last_status_text\":null},{\"home_address\":"
		"\"2001:db8:1::100\",\"correspondent\":\"2001:db8:c::3\",\"state\":\"backed-off\",\"care_of_address\":"
		"null,"
		"\"sequence\":4,\"lifetime_s\":null,\"remaining_s\":null,\"idle_s\":30,\"home_token\":false,"
		"\"care_of_token\":false,\"back_off_s\":60,\"last_status\":129,\"last_status_text\":\"prohibited\"}]}";
	char *text = printed(tool_show_peers, json, false);

	assert_string_equal(text,
			    "CORRESPONDENT  HOME ADDRESS     STATE       CARE-OF ADDRESS  SEQ  LIFETIME  LEFT  IDLE  "
			    "TOKENS         REMARK\n"
			    "2001:db8:c::2  2001:db8:1::100  optimised   2001:db8:f1::2     9       420   400     1  "
			    "home, care-of\n"
			    "2001:db8:c::3  2001:db8:1::100  backed-off  -                  4         -     -    30  "
			    "-              asked again in 60 s; last refusal: status 129, prohibited\n");
	free(text);
	text = printed(tool_show_peers, "{\"route_optimisation\":\"none\",\"peers\":[]}", false);
	assert_string_equal(text, "no correspondents (route optimisation: none)\n");
	free(text);
}

static void nonces_are_a_table(void **state)
{
	static const char json[] = "{\"nonces\":[{\"index\":7,\"age_s\":3,\"remaining_s\":237,\"given_out\":true},"
				   "{\"index\":6,\"age_s\":28,\"remaining_s\":212,\"given_out\":false}]}";
	char *text = printed(tool_show_nonces, json, false);

	assert_string_equal(text, "INDEX  AGE  ACCEPTED FOR  GIVEN OUT\n"
				  "    7    3           237  yes\n"
				  "    6   28           212  no\n");
	free(text);
}

static void status_has_the_rows_of_its_role(void **state)
{
	static const char node[] =
		"{\"roles\":[\"mobile-node\"],\"agent_address\":null,\"bindings\":1,\"max_bindings\":null,"
		"\"mobile_nodes\":null,\"home_addresses\":2,\"uplinks\":3,\"uplinks_usable\":2,\"interfaces\":3,"
		"\"interfaces_attached\":3}";
	static const char agent[] =
		"{\"roles\":[\"home-agent\",\"router\"],\"agent_address\":\"2001:db8:1::1\",\"bindings\":5,"
		"\"max_bindings\":10,\"mobile_nodes\":7,\"home_addresses\":null,\"uplinks\":null}";
	char *text = printed(show_status, node, false);

	assert_non_null(strstr(text, "roles           mobile-node\n"));
	assert_non_null(strstr(text, "bindings        1 registered; 2 home addresses configured\n"));
	assert_non_null(strstr(text, "uplinks         2 of 3 usable\n"));
	assert_null(strstr(text, "agent address"));
	free(text);
	text = printed(show_status, agent, false);
	assert_non_null(strstr(text, "roles           home-agent, router\n"));
	assert_non_null(strstr(text, "agent address   2001:db8:1::1\n"));
	assert_non_null(strstr(text, "bindings        5 of at most 10; 7 mobile nodes configured\n"));
	assert_null(strstr(text, "uplinks"));
	free(text);
}

static void handover_takes_an_uplink_or_auto_and_not_both(void **state)
{
	struct tool_options neither = { .socket = "/nonexistent" },
			    both = { .socket = "/nonexistent", .automatic = true };

	assert_int_equal(tool_handover(&neither, NULL), EXIT_USAGE);
	assert_int_equal(tool_handover(&both, "wlan0"), EXIT_USAGE);
	assert_int_equal(tool_handover(&neither, "wlan0"), EXIT_TROUBLE); /* no daemon there */
	assert_int_equal(tool_handover(&both, NULL), EXIT_TROUBLE);
}

/* A daemon of one answer: what it was asked goes to @asked. Return: what tool_handover() returned. */
static int handover_with(const char *answer, const char *uplink, char *asked, size_t size)
{
	struct tool_options options = { .automatic = !uplink };
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	char dir[] = "/tmp/mobgw-tool-XXXXXX";
	int listener = socket(AF_UNIX, SOCK_STREAM, 0), to_test[2], result;
	pid_t child;

	assert_non_null(mkdtemp(dir));
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/control", dir);
	options.socket = at.sun_path;
	assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(pipe(to_test), 0);
	child = fork();
	if (child == 0) {
		char request[256] = "";
		int fd = accept(listener, NULL, NULL);
		ssize_t got = recv(fd, request, sizeof(request) - 1, 0);

		_exit(got > 0 && write(to_test[1], request, (size_t)got) == got &&
				      send(fd, answer, strlen(answer), 0) > 0
			      ? 0
			      : 1);
	}
	result = tool_handover(&options, uplink);
	waitpid(child, NULL, 0);
	memset(asked, 0, size);
	assert_true(read(to_test[0], asked, size - 1) > 0);
	close(to_test[0]);
	close(to_test[1]);
	close(listener);
	unlink(at.sun_path);
	rmdir(dir);
	return result;
}

static void handover_sends_null_for_auto_and_answers_by_its_exit_status(void **state)
{
	static const char done[] = "{\"version\":1,\"reply\":\"handover\",\"more\":false,\"data\":{}}\n";
	static const struct {
		const char *uplink, *request, *answer;
		int exit_status;
	} cases[] = {
		{ "wlan0", "{\"version\":1,\"cmd\":\"handover\",\"uplink\":\"wlan0\"}\n", done, EXIT_OK },
		{ NULL, "{\"version\":1,\"cmd\":\"handover\",\"uplink\":null}\n", done, EXIT_OK },
		{ "x", "{\"version\":1,\"cmd\":\"handover\",\"uplink\":\"x\"}\n",
		  "{\"version\":1,\"error\":{\"code\":\"unknown-uplink\",\"message\":\"m\",\"cure\":\"c\"}}\n",
		  EXIT_TROUBLE },
	};
	char asked[256];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(handover_with(cases[i].answer, cases[i].uplink, asked, sizeof(asked)),
				 cases[i].exit_status);
		assert_string_equal(asked, cases[i].request);
	}
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
		cmocka_unit_test(uplinks_are_a_table_and_the_pinned_one_is_marked),
		cmocka_unit_test(bindings_of_a_mobile_node_have_a_table_of_their_own),
		cmocka_unit_test(bindings_of_a_home_agent_have_theirs),
		cmocka_unit_test(status_has_the_rows_of_its_role),
		cmocka_unit_test(correspondents_are_a_table),
		cmocka_unit_test(nonces_are_a_table),
		cmocka_unit_test(handover_takes_an_uplink_or_auto_and_not_both),
		cmocka_unit_test(handover_sends_null_for_auto_and_answers_by_its_exit_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
