/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The control socket: the file, requests, replies of a home agent, monitors. A mobile node's are control_node_test.c's.
 */
#include "control_rig.h"

static void add_bindings(struct fixture *fx, unsigned int count)
{
	struct binding_request req = { .seq = 1, .flags = BU_ACK | BU_HOME, .lifetime_s = 400 };
	struct binding_entry *entry;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	inet_pton(AF_INET6, "2001:db8:f1::2", &req.care_of);
	for (unsigned int i = 0; i < count; i++) {
		inet_pton(AF_INET6, "2001:db8:1::", &req.home);
		req.home.s6_addr[14] = (uint8_t)((i + 256) >> 8);
		req.home.s6_addr[15] = (uint8_t)i;
		assert_int_equal(binding_update(fx->gw.bindings, &req,
						(struct mono){ now.tv_sec * INT64_C(1000000000) }, &entry),
				 0);
		binding_activate(entry);
		entry->home_link = 0;
	}
}

/* ---- the socket file ---- */

static void socket_file_has_the_mode_of_the_configuration(void **state)
{
	struct fixture *fx = *state;
	struct stat st;

	assert_int_equal(stat(fx->path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 0777, 0640);
	control_close(&fx->gw);
	assert_int_equal(stat(fx->path, &st), -1); /* and goes with the daemon */
}

static void group_that_does_not_exist_is_refused_by_name(void **state)
{
	struct fixture *fx = *state;
	struct stat st;

	control_close(&fx->gw);
	fx->config.control_group = (char *)"no-such-group-here";
	assert_int_equal(control_open(&fx->gw), -ENOENT);
	assert_non_null(strstr(fake.last, "no-such-group-here"));
	assert_int_equal(stat(fx->path, &st), -1);
}

static void socket_of_a_dead_daemon_is_replaced(void **state)
{
	struct fixture *fx = *state;
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	control_close(&fx->gw);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", fx->path);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	close(fd); /* the file stays */
	assert_int_equal(control_open(&fx->gw), 0);
	close(dial(fx));
}

static void socket_of_a_live_daemon_is_left_alone(void **state)
{
	struct fixture *fx = *state;
	struct gateway second = fx->gw;
	int fd;

	second.control = NULL;
	assert_int_equal(control_open(&second), -EADDRINUSE);
	assert_null(second.control);
	fd = dial(fx);
	json_decref(ask(fx, fd, "{\"version\":1,\"cmd\":\"monitor\"}\n"));
	close(fd);
}

static void file_that_is_no_socket_is_never_removed(void **state)
{
	struct fixture *fx = *state;
	struct stat st;
	FILE *file;

	control_close(&fx->gw);
	file = fopen(fx->path, "w");
	fclose(file);
	assert_int_equal(control_open(&fx->gw), -EADDRINUSE);
	assert_int_equal(stat(fx->path, &st), 0);
}

static void socket_that_another_took_over_is_not_removed_on_close(void **state)
{
	struct fixture *fx = *state;
	struct gateway second = fx->gw;
	struct stat st;

	unlink(fx->path);
	second.control = NULL;
	assert_int_equal(control_open(&second), 0);
	control_close(&fx->gw);
	assert_int_equal(stat(fx->path, &st), 0);
	control_close(&second);
}

/* ---- requests ---- */

static void what_is_no_request_is_answered_with_an_error_and_a_cure(void **state)
{
	static const struct {
		const char *request, *code;
	} cases[] = {
		{ "\n", "malformed" },
		{ "hello\n", "malformed" },
		{ "{\"version\":1,\"cmd\":\"show\"\n", "malformed" },
		{ "{\"version\":1,\"version\":1,\"cmd\":\"show\"}\n", "malformed" }, /* a key twice */
		{ "\"\xff\xfe\"\n", "malformed" },				     /* not UTF-8 */
		{ "[]\n", "malformed" },
		{ "{}\n", "malformed" },
		{ "{\"cmd\":\"show\",\"what\":\"status\"}\n", "malformed" },
		{ "{\"version\":\"1\",\"cmd\":\"show\",\"what\":\"status\"}\n", "malformed" },
		{ "{\"version\":0,\"cmd\":\"show\",\"what\":\"status\"}\n", "version" },
		{ "{\"version\":2,\"cmd\":\"show\",\"what\":\"status\"}\n", "version" },
		{ "{\"version\":1}\n", "unknown-command" },
		{ "{\"version\":1,\"cmd\":7}\n", "unknown-command" },
		{ "{\"version\":1,\"cmd\":\"delete\"}\n", "unknown-command" },
		{ "{\"version\":1,\"cmd\":\"show\"}\n", "unknown-view" },
		{ "{\"version\":1,\"cmd\":\"show\",\"what\":\"secrets\"}\n", "unknown-view" },
		{ "{\"version\":1,\"cmd\":\"show\",\"what\":\"bindings\",\"home_address\":\"x\"}\n", "malformed" },
		{ "{\"version\":1,\"cmd\":\"show\",\"what\":\"bindings\",\"home_address\":6}\n", "malformed" },
	};
	struct fixture *fx = *state;
	int fd = dial(fx);
	json_t *reply;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		reply = ask(fx, fd, cases[i].request);
		if (strcmp(text_at(reply, "error", "code"), cases[i].code) != 0 || !*text_at(reply, "error", "cure"))
			fail_msg("case %zu: %s gave %s", i, cases[i].request, json_dumps(reply, 0));
		json_decref(reply);
	}
	reply = ask(fx, fd, "{\"version\":1,\"cmd\":\"show\",\"what\":\"status\"}\n"); /* the connection goes on */
	assert_string_equal(json_string_value(json_object_get(reply, "reply")), "status");
	json_decref(reply);
	close(fd);
}

static void request_line_may_have_4096_octets_and_no_more(void **state)
{
	static const struct {
		int octets;
		bool taken;
	} cases[] = { { 4095, true }, { 4096, true }, { 4097, false }, { 9000, false } };
	struct fixture *fx = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int fd = dial(fx);
		char line[9001];
		json_t *reply;

		snprintf(line, sizeof(line), "%*s\n", cases[i].octets - 1, "{\"version\":1,\"cmd\":\"monitor\"}");
		reply = ask(fx, fd, line);
		assert_string_equal(text_at(reply, "error", "code"), cases[i].taken ? "" : "too-long");
		json_decref(reply);
		if (!cases[i].taken)
			assert_null(hear(fx, fd)); /* it hangs up: where the next line begins can't be known */
		close(fd);
	}
}

static void requests_may_come_in_pieces_and_several_at_once(void **state)
{
	struct fixture *fx = *state;
	int fd = dial(fx);
	json_t *reply;

	say(fd, "{\"version\":1,\"cmd\":\"sh");
	turn(fx);
	reply = ask(fx, fd,
		    "ow\",\"what\":\"status\"}\n{\"version\":1,\"cmd\":\"show\",\"what\":\"interfaces\"}\n{\"ver");
	assert_string_equal(json_string_value(json_object_get(reply, "reply")), "status");
	json_decref(reply);
	reply = hear(fx, fd);
	assert_string_equal(json_string_value(json_object_get(reply, "reply")), "interfaces");
	json_decref(reply);
	reply = ask(fx, fd, "sion\":1,\"cmd\":\"monitor\"}\n");
	assert_string_equal(json_string_value(json_object_get(reply, "reply")), "monitor");
	json_decref(reply);
	close(fd);
}

static void client_that_only_reads_on_gets_its_answer(void **state)
{
	struct fixture *fx = *state;
	int fd = dial(fx);
	json_t *reply;

	say(fd, "{\"version\":1,\"cmd\":\"show\",\"what\":\"status\"}"); /* not even a newline: printf | nc */
	shutdown(fd, SHUT_WR);
	reply = hear(fx, fd);
	assert_string_equal(json_string_value(json_object_get(reply, "reply")), "status");
	json_decref(reply);
	assert_null(hear(fx, fd));
	close(fd);
}

static void sixty_fifth_client_is_told_and_sent_away(void **state)
{
	struct fixture *fx = *state;
	int fds[CONTROL_CLIENTS], one_more;
	json_t *reply;

	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		fds[i] = dial(fx);
	one_more = dial(fx);
	reply = hear(fx, one_more);
	assert_string_equal(text_at(reply, "error", "code"), "too-many-clients");
	json_decref(reply);
	assert_null(hear(fx, one_more));
	close(one_more);

	close(fds[7]); /* one goes, one may come */
	turn(fx);
	one_more = dial(fx);
	reply = ask(fx, one_more, "{\"version\":1,\"cmd\":\"show\",\"what\":\"status\"}\n");
	assert_int_equal(json_integer_value(json_object_get(json_object_get(reply, "data"), "clients")), 64);
	json_decref(reply);
	close(one_more);
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		if (i != 7)
			close(fds[i]);
}

/* ---- replies ---- */

static void status_says_that_nothing_is_authenticated(void **state)
{
	struct fixture *fx = *state;
	int fd = dial(fx);
	json_t *reply = ask(fx, fd, "{\"version\":1,\"cmd\":\"show\",\"what\":\"status\"}\n");

	assert_string_equal(text_at(reply, "data", "authentication"), "none");
	assert_non_null(strstr(text_at(reply, "data", "warning"), "authentication: none"));
	assert_string_equal(text_at(reply, "data", "agent_address"), "2001:db8:1::1");
	json_decref(reply);
	close(fd);
}

static void interface_that_is_not_there_has_nulls_and_a_reason(void **state)
{
	struct fixture *fx = *state;
	int fd = dial(fx);
	json_t *reply = ask(fx, fd, "{\"version\":1,\"cmd\":\"show\",\"what\":\"interfaces\"}\n"), *list, *row;

	list = json_object_get(json_object_get(reply, "data"), "interfaces");
	assert_int_equal(json_array_size(list), 2);
	row = json_array_get(list, 0);
	assert_string_equal(json_string_value(json_object_get(row, "mode")), "generic");
	assert_string_equal(json_string_value(json_object_get(row, "mac")), "02:00:00:00:00:01");
	row = json_array_get(list, 1);
	assert_true(json_is_false(json_object_get(row, "present")));
	assert_true(json_is_null(json_object_get(row, "mtu")));
	assert_string_equal(json_string_value(json_object_get(row, "mode")), "none");
	json_decref(reply);
	close(fd);
}

static json_t *row_named(json_t *reply, const char *group, const char *name)
{
	json_t *list = json_object_get(json_object_get(reply, "data"), group), *row;
	size_t i;

	json_array_foreach(list, i,
			   row) if (strcmp(json_string_value(json_object_get(row, "name")), name) == 0) return row;
	fail_msg("%s has no row %s", group, name);
	return NULL;
}

static void counters_name_every_reason_and_never_write_unknown_as_zero(void **state)
{
	struct fixture *fx = *state;
	int fd = dial(fx);
	json_t *reply = ask(fx, fd, "{\"version\":1,\"cmd\":\"show\",\"what\":\"counters\"}\n"), *row;

	assert_int_equal(json_array_size(json_object_get(json_object_get(reply, "data"), "data_path")),
			 REASON_COUNT - 1);
	assert_int_equal(json_array_size(json_object_get(json_object_get(reply, "data"), "agent")), AGENT_REASON_COUNT);
	row = row_named(reply, "data_path", "encapsulated");
	assert_int_equal(json_integer_value(json_object_get(row, "bytes")), 4500);
	assert_string_equal(json_string_value(json_object_get(row, "class")), "verdict");
	assert_int_equal(json_integer_value(json_object_get(row_named(reply, "agent", "refused"), "count")), 5);
	assert_int_equal(json_integer_value(json_object_get(row_named(reply, "slow_path", "fragmented"), "count")), 7);
	assert_true(json_is_integer(json_object_get(row_named(reply, "devices", "lo"), "rx_dropped")));
	assert_true(json_is_null(json_object_get(row_named(reply, "devices", "lo"), "xdp_errors"))); /* has none */
	assert_true(json_is_null(json_object_get(row_named(reply, "devices", "late0"), "rx_dropped")));
	for (int i = 0; i < REDIRECT_COUNTERS; i++) { /* known or not is the machine's affair; both at once is a bug */
		row = row_named(reply, "redirect_errors", redirect_counter_name(i));
		assert_true(json_is_null(json_object_get(row, "count")) != json_is_null(json_object_get(row, "why")));
	}
	json_decref(reply);

	fake.counters_error = -EPERM;
	reply = ask(fx, fd, "{\"version\":1,\"cmd\":\"show\",\"what\":\"counters\"}\n");
	assert_string_equal(text_at(reply, "error", "code"), "unavailable");
	json_decref(reply);
	close(fd);
}

static void one_binding_can_be_asked_for(void **state)
{
	struct fixture *fx = *state;
	int fd = dial(fx);
	json_t *reply, *row;

	add_bindings(fx, 3);
	reply = ask(fx, fd,
		    "{\"version\":1,\"cmd\":\"show\",\"what\":\"bindings\",\"home_address\":\"2001:db8:1::101\"}\n");
	row = json_array_get(json_object_get(json_object_get(reply, "data"), "bindings"), 0);
	assert_string_equal(json_string_value(json_object_get(row, "home_address")), "2001:db8:1::101");
	assert_string_equal(json_string_value(json_object_get(row, "care_of_address")), "2001:db8:f1::2");
	assert_string_equal(json_string_value(json_object_get(row, "flags")), "AH");
	assert_string_equal(json_string_value(json_object_get(row, "home_link")), "2001:db8:1::/64");
	assert_string_equal(json_string_value(json_object_get(row, "state")), "active");
	assert_in_range(json_integer_value(json_object_get(row, "remaining_s")), 390, 400);
	assert_true(json_is_null(json_object_get(row, "path_mtu")));
	json_decref(reply);
	reply = ask(fx, fd,
		    "{\"version\":1,\"cmd\":\"show\",\"what\":\"bindings\",\"home_address\":\"2001:db8::9\"}\n");
	assert_int_equal(json_array_size(json_object_get(json_object_get(reply, "data"), "bindings")), 0);
	json_decref(reply);
	close(fd);
}

static void bindings_come_in_pages(void **state)
{
	static const unsigned int counts[] = { 0, 1, 99, 100, 101, 1000, 1201 };
	struct fixture *fx = *state;

	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		unsigned int seen = 0, pages = 0, want = counts[i] ? (counts[i] + CONTROL_PAGE - 1) / CONTROL_PAGE : 1;
		int fd = dial(fx);
		bool more = true;

		add_bindings(fx, counts[i]);
		say(fd, "{\"version\":1,\"cmd\":\"show\",\"what\":\"bindings\"}\n");
		while (more) {
			json_t *reply = hear(fx, fd);

			seen += (unsigned int)json_array_size(
				json_object_get(json_object_get(reply, "data"), "bindings"));
			more = json_is_true(json_object_get(reply, "more"));
			pages++;
			json_decref(reply);
		}
		assert_int_equal(seen, counts[i]);
		assert_int_equal(pages, want);
		close(fd);
		binding_cache_free(fx->gw.bindings);
		fx->gw.bindings = binding_cache_new(2000);
	}
}

static void binding_that_goes_between_two_pages_is_left_out(void **state)
{
	struct fixture *fx = *state;
	int fd = dial(fx);
	unsigned int seen = 0;
	struct in6_addr gone;
	bool more = true;

	add_bindings(fx, 1201);
	say(fd, "{\"version\":1,\"cmd\":\"show\",\"what\":\"bindings\"}\n");
	turn(fx); /* the first page is made */
	inet_pton(AF_INET6, "2001:db8:1::581", &gone);
	assert_int_equal(binding_delete(fx->gw.bindings, &gone), 0);
	while (more) {
		json_t *reply = hear(fx, fd);

		seen += (unsigned int)json_array_size(json_object_get(json_object_get(reply, "data"), "bindings"));
		more = json_is_true(json_object_get(reply, "more"));
		json_decref(reply);
	}
	assert_int_equal(seen, 1200);
	close(fd);
}

static void client_that_goes_in_the_middle_of_a_list_leaves_nothing(void **state)
{
	struct fixture *fx = *state;

	add_bindings(fx, 1201);
	for (int i = 0; i < 2 * CONTROL_LISTINGS; i++) { /* a listing that stayed would make the fifth busy */
		int fd = dial(fx);
		json_t *reply = ask(fx, fd, "{\"version\":1,\"cmd\":\"show\",\"what\":\"bindings\"}\n");

		assert_string_equal(json_string_value(json_object_get(reply, "reply")), "bindings");
		json_decref(reply);
		close(fd);
		turn(fx);
		turn(fx);
	}
}

/* Asks for everything @rounds times without reading, then reads it all: 16 * 13 pages are far more than the queue
 * holds.
 */
static void slow_reader_of_replies_waits_but_loses_nothing(void **state)
{
	enum { ROUNDS = 16 };
	struct fixture *fx = *state;
	int fd = dial(fx);
	unsigned int seen = 0, lists = 0;

	add_bindings(fx, 1201);
	for (int i = 0; i < ROUNDS; i++) {
		say(fd, "{\"version\":1,\"cmd\":\"show\",\"what\":\"bindings\"}\n");
		turn(fx);
	}
	for (int i = 0; i < 50; i++)
		turn(fx);
	while (lists < ROUNDS) {
		json_t *reply = hear(fx, fd);

		assert_non_null(reply);
		seen += (unsigned int)json_array_size(json_object_get(json_object_get(reply, "data"), "bindings"));
		lists += json_is_false(json_object_get(reply, "more"));
		json_decref(reply);
	}
	assert_int_equal(seen, ROUNDS * 1201);
	assert_int_equal(fake.warnings, 0);
	close(fd);
}

static void fifth_listing_at_a_time_is_told_to_wait(void **state)
{
	struct fixture *fx = *state;
	int fds[CONTROL_LISTINGS + 1];
	json_t *reply;

	add_bindings(fx, 2000);
	for (int i = 0; i < CONTROL_LISTINGS; i++) { /* enough asked for, and not read, to be still at it */
		fds[i] = dial(fx);
		for (int n = 0; n < 8; n++)
			say(fds[i], "{\"version\":1,\"cmd\":\"show\",\"what\":\"bindings\"}\n");
	}
	for (int i = 0; i < 100; i++)
		turn(fx);
	fds[CONTROL_LISTINGS] = dial(fx);
	reply = ask(fx, fds[CONTROL_LISTINGS], "{\"version\":1,\"cmd\":\"show\",\"what\":\"bindings\"}\n");
	assert_string_equal(text_at(reply, "error", "code"), "busy");
	json_decref(reply);
	for (int i = 0; i <= CONTROL_LISTINGS; i++)
		close(fds[i]);
}

/* ---- monitor ---- */

static void events_reach_those_who_subscribed_as_they_happen(void **state)
{
	static const struct {
		enum gateway_event what;
		const char *name;
	} cases[] = {
		{ GW_REGISTERED, "registered" },
		{ GW_REFRESHED, "refreshed" },
		{ GW_MOVED, "moved" },
		{ GW_DEREGISTERED, "deregistered" },
		{ GW_EXPIRED, "expired" },
		{ GW_REFUSED, "refused" },
		{ GW_DAD_FAILED, "dad-failed" },
		{ GW_LINK, "link" },
		{ GW_ADOPTED, "adopted" },
		{ GW_ATTACHED, "attached" },
		{ GW_DETACHED, "detached" },
		{ GW_AT_HOME, "at-home" },
		{ GW_LOST, "lost" },
	};
	struct gateway_event_info info = { .lifetime_s = 400, .seq = 9, .status = BA_PROHIBITED, .text = "because" };
	struct fixture *fx = *state;
	int fd = dial(fx), silent = dial(fx);

	inet_pton(AF_INET6, "2001:db8:1::100", &info.home);
	inet_pton(AF_INET6, "2001:db8:f1::2", &info.care_of);
	control_publish(&fx->gw, GW_EXPIRED, &info); /* before: not kept */
	json_decref(ask(fx, fd, "{\"version\":1,\"cmd\":\"monitor\"}\n"));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *time, *home;
		json_t *line;

		control_publish(&fx->gw, cases[i].what, &info);
		line = hear(fx, fd);
		assert_string_equal(json_string_value(json_object_get(line, "event")), cases[i].name);
		time = json_string_value(json_object_get(line, "time"));
		assert_true(strlen(time) == strlen("2026-01-31T12:00:00.123Z") && time[10] == 'T' && time[23] == 'Z');
		home = json_string_value(json_object_get(line, "home_address"));
		if (cases[i].what == GW_LINK)
			assert_null(home);
		else
			assert_string_equal(home, "2001:db8:1::100");
		if (cases[i].what == GW_REFUSED) {
			assert_int_equal(json_integer_value(json_object_get(line, "status")), 129);
			assert_non_null(json_string_value(json_object_get(line, "status_text")));
		}
		json_decref(line);
	}
	assert_int_equal(recv(silent, &info, 1, 0), -1); /* it did not subscribe */
	close(fd);
	close(silent);
}

static void monitor_that_does_not_read_is_cut_off_and_the_log_says_so_once(void **state)
{
	struct gateway_event_info info = { .lifetime_s = 400 };
	struct fixture *fx = *state;
	int slow[2] = { dial(fx), dial(fx) }, quick = dial(fx), lines = 0;
	json_t *line;

	inet_pton(AF_INET6, "2001:db8:1::100", &info.home);
	json_decref(ask(fx, slow[0], "{\"version\":1,\"cmd\":\"monitor\"}\n"));
	json_decref(ask(fx, slow[1], "{\"version\":1,\"cmd\":\"monitor\"}\n"));
	json_decref(ask(fx, quick, "{\"version\":1,\"cmd\":\"monitor\"}\n"));
	while (fake.warnings == 0 && lines < 100000) {
		control_publish(&fx->gw, GW_REGISTERED, &info);
		json_decref(hear(fx, quick));
		lines++;
	}
	for (int i = 0; i < 1000; i++)
		control_publish(&fx->gw, GW_REGISTERED, &info);
	assert_int_equal(fake.warnings, 1); /* two were cut off; one line in ten seconds */
	assert_non_null(strstr(fake.last, "cut off"));
	assert_true(lines > CONTROL_QUEUE_MAX / 400);
	while ((line = hear(fx, slow[0]))) /* what the kernel had taken, then the end */
		json_decref(line);
	json_decref(hear(fx, quick)); /* who reads goes on */
	close(slow[0]);
	close(slow[1]);
	close(quick);
}

static void publishing_without_a_control_socket_does_nothing(void **state)
{
	struct fixture *fx = *state;
	struct gateway_event_info info = {};

	control_close(&fx->gw);
	control_publish(&fx->gw, GW_EXPIRED, &info);
	control_close(&fx->gw);
}

static void statistics_of_xdp_errors_are_found_by_name(void **state)
{
	static const struct {
		const char *name;
		bool counts;
	} cases[] = {
		{ "rx_queue_0_xdp_drops", true },
		{ "peer_tq_0_xdp_xmit_errors", true },
		{ "rx_xdp_redirect_fail", true },
		{ "rx_xdp_tx_full", true },
		{ "xdp_errors", true },
		{ "XDP_ABORTED", true },
		{ "rx_queue_0_xdp_packets", false },
		{ "rx_queue_0_drops", false },
		{ "errors_before_xdp", false },
		{ "", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (device_stat_is_xdp_error(cases[i].name) != cases[i].counts)
			fail_msg("case %zu: %s", i, cases[i].name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_GATEWAY(socket_file_has_the_mode_of_the_configuration),
		WITH_GATEWAY(group_that_does_not_exist_is_refused_by_name),
		WITH_GATEWAY(socket_of_a_dead_daemon_is_replaced),
		WITH_GATEWAY(socket_of_a_live_daemon_is_left_alone),
		WITH_GATEWAY(file_that_is_no_socket_is_never_removed),
		WITH_GATEWAY(socket_that_another_took_over_is_not_removed_on_close),
		WITH_GATEWAY(what_is_no_request_is_answered_with_an_error_and_a_cure),
		WITH_GATEWAY(request_line_may_have_4096_octets_and_no_more),
		WITH_GATEWAY(requests_may_come_in_pieces_and_several_at_once),
		WITH_GATEWAY(client_that_only_reads_on_gets_its_answer),
		WITH_GATEWAY(sixty_fifth_client_is_told_and_sent_away),
		WITH_GATEWAY(status_says_that_nothing_is_authenticated),
		WITH_GATEWAY(interface_that_is_not_there_has_nulls_and_a_reason),
		WITH_GATEWAY(counters_name_every_reason_and_never_write_unknown_as_zero),
		WITH_GATEWAY(one_binding_can_be_asked_for),
		WITH_GATEWAY(bindings_come_in_pages),
		WITH_GATEWAY(binding_that_goes_between_two_pages_is_left_out),
		WITH_GATEWAY(client_that_goes_in_the_middle_of_a_list_leaves_nothing),
		WITH_GATEWAY(slow_reader_of_replies_waits_but_loses_nothing),
		WITH_GATEWAY(fifth_listing_at_a_time_is_told_to_wait),
		WITH_GATEWAY(events_reach_those_who_subscribed_as_they_happen),
		WITH_GATEWAY(monitor_that_does_not_read_is_cut_off_and_the_log_says_so_once),
		WITH_GATEWAY(publishing_without_a_control_socket_does_nothing),
		cmocka_unit_test(statistics_of_xdp_errors_are_found_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
