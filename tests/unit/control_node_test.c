/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The control socket of a mobile node: its uplinks, its own bindings, handover and who may ask for it. The role itself
 * is a fake. */
#include "control_rig.h"

#include <sys/syscall.h>

static struct {
	struct uplink_view uplinks[8];
	size_t uplink_count;
	struct home_view homes[LIMIT_HOME_ADDRESSES];
	size_t home_count;
	uid_t peer; /* of who connects */
	int handover_result, handovers;
	char asked[64]; /* the uplink; "" for NULL */
	void (*on_handover)(struct gateway *gw);
} node;

/* Who the peer is, is for the test to say: it may run as root or not. */
int getsockopt(int fd, int level, int option, void *restrict value, socklen_t *restrict len)
{
	int result = (int)syscall(SYS_getsockopt, fd, level, option, value, len);

	if (result == 0 && level == SOL_SOCKET && option == SO_PEERCRED)
		((struct ucred *)value)->uid = node.peer;
	return result;
}

bool mobile_node_uplink(struct gateway *gw, size_t index, struct uplink_view *out)
{
	if (index >= node.uplink_count)
		return false;
	*out = node.uplinks[index];
	return true;
}

bool mobile_node_home(struct gateway *gw, size_t index, struct home_view *out)
{
	if (index >= node.home_count)
		return false;
	*out = node.homes[index];
	return true;
}

int mobile_node_handover(struct gateway *gw, const char *uplink)
{
	node.handovers++;
	snprintf(node.asked, sizeof(node.asked), "%s", uplink ? uplink : "");
	if (node.on_handover)
		node.on_handover(gw);
	return node.handover_result;
}

static struct in6_addr addr(const char *text)
{
	struct in6_addr out;

	assert_int_equal(inet_pton(AF_INET6, text, &out), 1);
	return out;
}

/* A gateway as main.c makes it for a mobile node: what belongs to the home agent is not there. */
static int open_node(void **state)
{
	static struct config_uplink uplinks[] = { { "wlan0", 200 }, { "wwan0", 100 } };
	static struct config_home_address homes[2];
	struct fixture *fx;
	int err;

	memset(&node, 0, sizeof(node));
	err = open_gateway(state);
	if (err)
		return err;
	fx = *state;
	fx->gw.sp = NULL;
	fx->config.roles = ROLE_MOBILE_NODE;
	fx->config.agent = in6addr_any;
	fx->config.uplinks = uplinks;
	fx->config.uplink_count = 2;
	fx->config.home_addresses = homes;
	fx->config.home_address_count = 2;
	fx->config.home_link_count = 0;
	return 0;
}

static json_t *ask_once(struct fixture *fx, const char *request)
{
	int fd = dial(fx);
	json_t *reply = ask(fx, fd, request);

	close(fd);
	turn(fx);
	return reply;
}

/* The members of @want stand in @got with the same values; @got may have more. */
static void check_members(size_t number, json_t *got, const char *want)
{
	json_t *wanted = json_loads(want, 0, NULL), *value;
	const char *key;

	assert_non_null(wanted);
	json_object_foreach(wanted, key, value)
	{
		if (!json_equal(json_object_get(got, key), value))
			fail_msg("case %zu: %s of %s is not as in %s", number, key, json_dumps(got, 0), want);
	}
	json_decref(wanted);
}

static json_t *row_at(json_t *reply, const char *list, size_t index)
{
	return json_array_get(json_object_get(json_object_get(reply, "data"), list), index);
}

/* ---- uplinks ---- */

static void each_uplink_has_a_state_and_null_for_what_it_lacks(void **state)
{
	static const struct {
		struct uplink_view view;
		const char *care_of, *router, *json;
	} cases[] = {
		{ { .preference = 7 },
		  NULL,
		  NULL,
		  "{\"name\":\"up0\",\"ifindex\":null,\"preference\":7,\"state\":\"absent\",\"active\":false,"
		  "\"pinned\":false,\"care_of_address\":null,\"router\":null,\"routers\":0,\"since_s\":null}" },
		{ { .ifindex = 3, .pinned = true }, NULL, NULL, "{\"state\":\"down\",\"ifindex\":3,\"pinned\":true}" },
		{ { .ifindex = 3, .up = true, .routers = 2 },
		  NULL,
		  "fe80::1",
		  "{\"state\":\"searching\",\"routers\":2,"
		  "\"router\":\"fe80::1\"}" },
		{ { .ifindex = 3, .up = true, .usable = true, .active = true },
		  "2001:db8:f1::2",
		  "fe80::1",
		  "{\"state\":\"usable\",\"active\":true,\"care_of_address\":\"2001:db8:f1::2\"}" },
		{ { .ifindex = 3, .up = true, .home = true }, NULL, NULL, "{\"state\":\"home\"}" },
		{ { .ifindex = 3, .up = true, .usable = true, .home = true }, NULL, NULL, "{\"state\":\"home\"}" },
		{ { .ifindex = 3, .home = true, .usable = true }, NULL, NULL, "{\"state\":\"down\"}" },
	};
	struct fixture *fx = *state;
	json_t *reply;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		node.uplinks[i] = cases[i].view;
		node.uplinks[i].name = "up0";
		if (cases[i].care_of)
			node.uplinks[i].care_of = addr(cases[i].care_of);
		if (cases[i].router)
			node.uplinks[i].router = addr(cases[i].router);
	}
	node.uplink_count = ARRAY_SIZE(cases);
	reply = ask_once(fx, "{\"version\":1,\"cmd\":\"show\",\"what\":\"uplinks\"}\n");
	assert_string_equal(json_string_value(json_object_get(reply, "reply")), "uplinks");
	assert_true(json_is_false(json_object_get(reply, "more")));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check_members(i, row_at(reply, "uplinks", i), cases[i].json);
	assert_null(row_at(reply, "uplinks", ARRAY_SIZE(cases)));
	json_decref(reply);
}

static void since_counts_seconds_and_never_below_zero(void **state)
{
	struct fixture *fx = *state;
	struct timespec now;
	json_t *reply;

	clock_gettime(CLOCK_MONOTONIC, &now);
	node.uplinks[0] = (struct uplink_view){ .name = "wlan0", .ifindex = 3, .up = true };
	node.uplinks[1] = node.uplinks[0];
	node.uplinks[0].since.ns = (now.tv_sec - 1) * INT64_C(1000000000) + now.tv_nsec;
	node.uplinks[1].since.ns = (now.tv_sec + 100) * INT64_C(1000000000); /* a clock read later than ours */
	node.uplink_count = 2;
	reply = ask_once(fx, "{\"version\":1,\"cmd\":\"show\",\"what\":\"uplinks\"}\n");
	assert_in_range(json_integer_value(json_object_get(row_at(reply, "uplinks", 0), "since_s")), 1, 30);
	check_members(1, row_at(reply, "uplinks", 1), "{\"since_s\":0}");
	json_decref(reply);
}

/* ---- bindings ---- */

static void own_bindings_tell_where_the_home_address_is_registered(void **state)
{
	static const struct {
		struct home_view view;
		const char *care_of, *wanted, *json;
	} cases[] = {
		{ { .state = HOME_VIEW_NONE },
		  NULL,
		  NULL,
		  "{\"home_address\":\"2001:db8:1::100\",\"home_agent\":\"2001:db8:1::1\",\"care_of_address\":null,"
		  "\"wanted_care_of_address\":null,\"uplink\":null,\"state\":\"none\",\"sequence\":0,\"lifetime_s\":0,"
		  "\"remaining_s\":0,\"last_status\":null,\"last_status_text\":null,\"path_mtu\":null,"
		  "\"protection\":\"none\"}" },
		{ { .state = HOME_VIEW_PENDING, .seq = 65535 },
		  NULL,
		  "2001:db8:f1::2",
		  "{\"state\":\"pending\",\"sequence\":65535,\"wanted_care_of_address\":\"2001:db8:f1::2\"}" },
		{ { .state = HOME_VIEW_REGISTERED,
		    .uplink = "wlan0",
		    .lifetime_s = 600,
		    .remaining_s = 599,
		    .path_mtu = 1460 },
		  "2001:db8:f1::2",
		  NULL,
		  "{\"state\":\"registered\",\"uplink\":\"wlan0\",\"care_of_address\":\"2001:db8:f1::2\","
		  "\"lifetime_s\":600,\"remaining_s\":599,\"path_mtu\":1460}" },
		{ { .state = HOME_VIEW_MOVING },
		  "2001:db8:f1::2",
		  "2001:db8:f2::2",
		  "{\"state\":\"moving\",\"wanted_care_of_address\":\"2001:db8:f2::2\"}" },
		{ { .state = HOME_VIEW_RETURNING }, "2001:db8:f1::2", NULL, "{\"state\":\"returning\"}" },
		{ { .state = HOME_VIEW_AT_HOME, .uplink = "eth0" },
		  NULL,
		  NULL,
		  "{\"state\":\"at-home\",\"uplink\":\"eth0\",\"care_of_address\":null}" },
		{ { .state = HOME_VIEW_REFUSED, .last_status = BA_PROHIBITED },
		  NULL,
		  NULL,
		  "{\"state\":\"refused\",\"last_status\":129}" },
	};
	struct fixture *fx = *state;
	json_t *reply;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		node.homes[i] = cases[i].view;
		node.homes[i].home = addr("2001:db8:1::100");
		node.homes[i].agent = addr("2001:db8:1::1");
		if (cases[i].care_of)
			node.homes[i].care_of = addr(cases[i].care_of);
		if (cases[i].wanted)
			node.homes[i].wanted = addr(cases[i].wanted);
	}
	node.home_count = ARRAY_SIZE(cases);
	reply = ask_once(fx, "{\"version\":1,\"cmd\":\"show\",\"what\":\"bindings\"}\n");
	check_members(99, reply, "{\"version\":1,\"reply\":\"bindings\",\"more\":false}");
	check_members(99, json_object_get(reply, "data"), "{\"role\":\"mobile-node\",\"total\":7}");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check_members(i, row_at(reply, "bindings", i), cases[i].json);
	assert_string_equal(json_string_value(json_object_get(row_at(reply, "bindings", 6), "last_status_text")),
			    ba_status_text(BA_PROHIBITED));
	json_decref(reply);
}

static void one_home_address_can_be_asked_for(void **state)
{
	static const struct {
		const char *home;
		size_t rows;
	} cases[] = { { "2001:db8:1::101", 1 }, { "2001:db8:9::1", 0 } };
	struct fixture *fx = *state;

	node.homes[0].home = addr("2001:db8:1::100");
	node.homes[1].home = addr("2001:db8:1::101");
	node.home_count = 2;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char request[160];
		json_t *reply, *list;

		snprintf(request, sizeof(request),
			 "{\"version\":1,\"cmd\":\"show\",\"what\":\"bindings\",\"home_address\":\"%s\"}\n",
			 cases[i].home);
		reply = ask_once(fx, request);
		list = json_object_get(json_object_get(reply, "data"), "bindings");
		assert_int_equal(json_array_size(list), cases[i].rows);
		if (cases[i].rows)
			assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "home_address")),
					    cases[i].home);
		json_decref(reply);
	}
}

static void as_many_home_addresses_as_there_may_be_come_in_one_line(void **state)
{
	struct fixture *fx = *state;
	json_t *reply;

	_Static_assert((int)LIMIT_HOME_ADDRESSES <= (int)CONTROL_PAGE, "a mobile node's bindings have no pages");
	for (size_t i = 0; i < LIMIT_HOME_ADDRESSES; i++)
		node.homes[i] = (struct home_view){ .home = addr("2001:db8:1::100"), .uplink = "wlan0" };
	node.home_count = LIMIT_HOME_ADDRESSES;
	reply = ask_once(fx, "{\"version\":1,\"cmd\":\"show\",\"what\":\"bindings\"}\n");
	assert_true(json_is_false(json_object_get(reply, "more")));
	check_members(0, json_object_get(reply, "data"), "{\"total\":64}");
	json_decref(reply);
}

/* ---- status, and the views of both roles ---- */

static void status_of_a_mobile_node_counts_what_it_has_and_nothing_else(void **state)
{
	struct fixture *fx = *state;
	json_t *reply;

	node.homes[0].care_of = addr("2001:db8:f1::2");
	node.home_count = 2;
	node.uplinks[0].usable = true;
	node.uplinks[1].home = true;
	node.uplink_count = 3;
	reply = ask_once(fx, "{\"version\":1,\"cmd\":\"show\",\"what\":\"status\"}\n");
	check_members(0, json_object_get(reply, "data"),
		      "{\"roles\":[\"mobile-node\"],\"agent_address\":null,\"bindings\":1,\"max_bindings\":null,"
		      "\"mobile_nodes\":null,\"home_addresses\":2,\"uplinks\":2,\"uplinks_usable\":2}");
	json_decref(reply);
}

static void status_of_a_home_agent_has_no_uplinks(void **state)
{
	struct fixture *fx = *state;
	json_t *reply;

	fx->config.roles = ROLE_HOME_AGENT;
	fx->config.agent = addr("2001:db8:1::1");
	node.home_count = node.uplink_count = 2; /* not to be asked for */
	reply = ask_once(fx, "{\"version\":1,\"cmd\":\"show\",\"what\":\"status\"}\n");
	check_members(0, json_object_get(reply, "data"),
		      "{\"roles\":[\"home-agent\"],\"agent_address\":\"2001:db8:1::1\",\"bindings\":0,"
		      "\"max_bindings\":2000,\"mobile_nodes\":0,\"home_addresses\":null,\"uplinks\":null,"
		      "\"uplinks_usable\":null}");
	json_decref(reply);
	reply = ask_once(fx, "{\"version\":1,\"cmd\":\"show\",\"what\":\"bindings\"}\n");
	check_members(1, json_object_get(reply, "data"), "{\"role\":\"home-agent\",\"total\":0,\"bindings\":[]}");
	json_decref(reply);
}

static void views_of_both_roles_work_without_a_home_agent(void **state)
{
	static const char *const views[] = { "interfaces", "counters", "status", "bindings", "uplinks" };
	struct fixture *fx = *state;

	for (size_t i = 0; i < ARRAY_SIZE(views); i++) {
		char request[80];
		json_t *reply;

		snprintf(request, sizeof(request), "{\"version\":1,\"cmd\":\"show\",\"what\":\"%s\"}\n", views[i]);
		reply = ask_once(fx, request);
		assert_string_equal(json_string_value(json_object_get(reply, "reply")), views[i]);
		if (strcmp(views[i], "counters") == 0)
			check_members(i, json_object_get(reply, "data"), "{\"slow_path\":null}");
		json_decref(reply);
	}
}

/* ---- handover ---- */

static void handover_is_done_and_says_where_to(void **state)
{
	static const struct {
		const char *request, *asked, *data;
	} cases[] = {
		{ "{\"version\":1,\"cmd\":\"handover\",\"uplink\":\"wwan0\"}\n", "wwan0", "{\"uplink\":\"wwan0\"}" },
		{ "{\"version\":1,\"cmd\":\"handover\",\"uplink\":null}\n", "", "{\"uplink\":null}" },
	};
	struct fixture *fx = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		json_t *reply = ask_once(fx, cases[i].request);

		check_members(i, reply, "{\"version\":1,\"reply\":\"handover\",\"more\":false}");
		check_members(i, json_object_get(reply, "data"), cases[i].data);
		assert_string_equal(node.asked, cases[i].asked);
		assert_int_equal(node.handovers, i + 1);
		json_decref(reply);
	}
}

static void handover_refused_says_what_is_wrong_and_what_to_do(void **state)
{
	static const struct {
		struct uplink_view wlan0;
		unsigned int roles;
		int result;
		const char *uplink, *code, *message, *cure;
	} cases[] = {
		{ {},
		  ROLE_MOBILE_NODE,
		  -ENOENT,
		  "\"wlan9\"",
		  "unknown-uplink",
		  "uplink wlan9 is not configured",
		  "the uplinks are wlan0, wwan0" },
		{ {},
		  ROLE_MOBILE_NODE,
		  -ENETDOWN,
		  "\"wlan0\"",
		  "not-usable",
		  "uplink wlan0 can't be used now: there is no such interface at present",
		  "mobgw show uplinks" },
		{ { .ifindex = 3 }, ROLE_MOBILE_NODE, -ENETDOWN, "\"wlan0\"", "not-usable", "its link is down", "" },
		{ { .ifindex = 3, .up = true },
		  ROLE_MOBILE_NODE,
		  -ENETDOWN,
		  "\"wlan0\"",
		  "not-usable",
		  "no router has answered there",
		  "" },
		{ { .ifindex = 3, .up = true, .routers = 1 },
		  ROLE_MOBILE_NODE,
		  -ENETDOWN,
		  "\"wlan0\"",
		  "not-usable",
		  "it has no care-of address yet",
		  "" },
		{ {},
		  ROLE_MOBILE_NODE,
		  -ENOMEM,
		  "\"wlan0\"",
		  "unavailable",
		  "handover to wlan0: Cannot allocate",
		  "journalctl" },
		{ {}, ROLE_MOBILE_NODE, -ENETDOWN, "null", "unavailable", "handover: Network is down", "" },
		{ {},
		  ROLE_HOME_AGENT,
		  0,
		  "\"wlan0\"",
		  "wrong-role",
		  "this daemon is no mobile node",
		  "roles: [mobile-node]" },
		{ {}, ROLE_MOBILE_NODE, 0, "7", "malformed", "uplink", "null" },
		{ {}, ROLE_MOBILE_NODE, 0, "[\"wlan0\"]", "malformed", "uplink", "null" },
	};
	struct fixture *fx = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char request[128];
		json_t *reply;

		node.uplinks[0] = cases[i].wlan0;
		node.uplinks[0].name = "wlan0";
		node.uplink_count = 1;
		node.handover_result = cases[i].result;
		fx->config.roles = cases[i].roles;
		snprintf(request, sizeof(request), "{\"version\":1,\"cmd\":\"handover\",\"uplink\":%s}\n",
			 cases[i].uplink);
		reply = ask_once(fx, request);
		if (strcmp(text_at(reply, "error", "code"), cases[i].code) != 0 ||
		    !strstr(text_at(reply, "error", "message"), cases[i].message) ||
		    !strstr(text_at(reply, "error", "cure"), cases[i].cure) || !*text_at(reply, "error", "cure"))
			fail_msg("case %zu: %s", i, json_dumps(reply, 0));
		json_decref(reply);
	}
}

static void uplink_left_out_is_no_uplink_of_null(void **state)
{
	json_t *reply = ask_once(*state, "{\"version\":1,\"cmd\":\"handover\"}\n");

	assert_string_equal(text_at(reply, "error", "code"), "malformed");
	assert_int_equal(node.handovers, 0);
	json_decref(reply);
}

/* As long as a request can make it, in characters of three octets: the answer has it whole. */
static void longest_uplink_name_is_refused_in_an_answer(void **state)
{
	static const char head[] = "{\"version\":1,\"cmd\":\"handover\",\"uplink\":\"", tail[] = "\"}\n";
	char request[CONTROL_REQUEST_MAX + 1];
	size_t len = sizeof(head) - 1;
	json_t *reply;

	memcpy(request, head, sizeof(head));
	while (len + 3 + sizeof(tail) - 1 <= CONTROL_REQUEST_MAX) {
		memcpy(request + len, "\xe2\x82\xac", 3);
		len += 3;
	}
	memcpy(request + len, tail, sizeof(tail));
	node.handover_result = -ENOENT;
	reply = ask_once(*state, request);
	assert_string_equal(text_at(reply, "error", "code"), "unknown-uplink");
	assert_non_null(strstr(text_at(reply, "error", "message"), "is not configured"));
	json_decref(reply);
}

static void handover_is_for_root_alone_and_reading_for_all(void **state)
{
	static const char *const reads[] = { "{\"version\":1,\"cmd\":\"show\",\"what\":\"uplinks\"}\n",
					     "{\"version\":1,\"cmd\":\"show\",\"what\":\"bindings\"}\n",
					     "{\"version\":1,\"cmd\":\"monitor\"}\n" };
	struct fixture *fx = *state;
	json_t *reply;

	node.peer = 1000;
	reply = ask_once(fx, "{\"version\":1,\"cmd\":\"handover\",\"uplink\":\"wlan0\"}\n");
	assert_string_equal(text_at(reply, "error", "code"), "not-allowed");
	assert_non_null(strstr(text_at(reply, "error", "cure"), "sudo"));
	assert_int_equal(node.handovers, 0);
	json_decref(reply);
	for (size_t i = 0; i < ARRAY_SIZE(reads); i++) {
		reply = ask_once(fx, reads[i]);
		assert_null(json_object_get(reply, "error"));
		json_decref(reply);
	}
}

static void uplinks_of_a_home_agent_are_refused_in_words(void **state)
{
	struct fixture *fx = *state;
	json_t *reply;

	fx->config.roles = ROLE_HOME_AGENT;
	reply = ask_once(fx, "{\"version\":1,\"cmd\":\"show\",\"what\":\"uplinks\"}\n");
	assert_string_equal(text_at(reply, "error", "code"), "wrong-role");
	assert_non_null(strstr(text_at(reply, "error", "message"), "this daemon is no mobile node"));
	assert_non_null(strstr(text_at(reply, "error", "cure"), "roles: [mobile-node]"));
	json_decref(reply);
}

/* ---- events ---- */

static void publish_a_move(struct gateway *gw)
{
	struct gateway_event_info info = { .text = "wlan0" };

	control_publish(gw, GW_ATTACHED, &info);
}

static void publish_more_than_a_queue_holds(struct gateway *gw)
{
	for (int i = 0; i < 20000; i++)
		publish_a_move(gw);
}

static void monitor_that_asks_for_a_handover_sees_its_events_before_the_reply(void **state)
{
	struct fixture *fx = *state;
	int fd = dial(fx);
	json_t *line;

	node.on_handover = publish_a_move;
	json_decref(ask(fx, fd, "{\"version\":1,\"cmd\":\"monitor\"}\n"));
	line = ask(fx, fd, "{\"version\":1,\"cmd\":\"handover\",\"uplink\":\"wlan0\"}\n");
	check_members(0, line, "{\"event\":\"attached\",\"text\":\"wlan0\"}");
	json_decref(line);
	line = hear(fx, fd);
	check_members(1, line, "{\"reply\":\"handover\"}");
	json_decref(line);
	close(fd);
}

/* The events of its own request must not free the client that the request is still being run for. */
static void monitor_that_is_lost_in_its_own_handover_is_dropped_after_it(void **state)
{
	static void (*const events[])(struct gateway * gw) = { publish_a_move, publish_more_than_a_queue_holds };
	struct fixture *fx = *state;

	for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
		int fd = dial(fx);
		json_t *reply;

		node.on_handover = events[i];
		json_decref(ask(fx, fd, "{\"version\":1,\"cmd\":\"monitor\"}\n"));
		if (events[i] == publish_a_move)
			shutdown(fd, SHUT_RD); /* writing to it fails, yet it does not hang up */
		say(fd, "{\"version\":1,\"cmd\":\"handover\",\"uplink\":\"wlan0\"}\n");
		for (int n = 0; n < 10; n++)
			turn(fx);
		close(fd);
		assert_int_equal(node.handovers, i + 1);
		reply = ask_once(fx, "{\"version\":1,\"cmd\":\"show\",\"what\":\"status\"}\n");
		check_members(i, json_object_get(reply, "data"), "{\"clients\":1,\"monitors\":0}");
		json_decref(reply);
	}
}

static void events_of_a_mobile_node_have_what_belongs_to_them(void **state)
{
	static const struct {
		enum gateway_event what;
		const char *json, *without;
	} cases[] = {
		{ GW_ATTACHED,
		  "{\"event\":\"attached\",\"home_address\":\"2001:db8:1::100\",\"care_of_address\":\"2001:db8:f1::2\","
		  "\"old_care_of_address\":null,\"text\":\"wlan0\"}",
		  "sequence" },
		{ GW_DETACHED, "{\"event\":\"detached\",\"care_of_address\":\"2001:db8:f1::2\",\"text\":\"wlan0\"}",
		  "sequence" },
		{ GW_AT_HOME, "{\"event\":\"at-home\",\"home_address\":\"2001:db8:1::100\",\"sequence\":9}",
		  "lifetime_s" },
		{ GW_LOST, "{\"event\":\"lost\",\"sequence\":9,\"lifetime_s\":400,\"old_care_of_address\":null}",
		  "status" },
		{ GW_REGISTERED, "{\"event\":\"registered\",\"lifetime_s\":400}", "old_care_of_address" },
	};
	struct gateway_event_info info = { .lifetime_s = 400, .seq = 9, .text = "wlan0" };

	info.home = addr("2001:db8:1::100");
	info.care_of = addr("2001:db8:f1::2");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		json_t *event = control_event_json(cases[i].what, &info, 0);

		check_members(i, event, cases[i].json);
		assert_null(json_object_get(event, cases[i].without));
		json_decref(event);
	}
}

#define WITH_NODE(test) cmocka_unit_test_setup_teardown(test, open_node, close_gateway)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_NODE(each_uplink_has_a_state_and_null_for_what_it_lacks),
		WITH_NODE(since_counts_seconds_and_never_below_zero),
		WITH_NODE(own_bindings_tell_where_the_home_address_is_registered),
		WITH_NODE(one_home_address_can_be_asked_for),
		WITH_NODE(as_many_home_addresses_as_there_may_be_come_in_one_line),
		WITH_NODE(status_of_a_mobile_node_counts_what_it_has_and_nothing_else),
		WITH_NODE(status_of_a_home_agent_has_no_uplinks),
		WITH_NODE(views_of_both_roles_work_without_a_home_agent),
		WITH_NODE(handover_is_done_and_says_where_to),
		WITH_NODE(handover_refused_says_what_is_wrong_and_what_to_do),
		WITH_NODE(uplink_left_out_is_no_uplink_of_null),
		WITH_NODE(longest_uplink_name_is_refused_in_an_answer),
		WITH_NODE(handover_is_for_root_alone_and_reading_for_all),
		WITH_NODE(uplinks_of_a_home_agent_are_refused_in_words),
		WITH_NODE(monitor_that_asks_for_a_handover_sees_its_events_before_the_reply),
		WITH_NODE(monitor_that_is_lost_in_its_own_handover_is_dropped_after_it),
		cmocka_unit_test(events_of_a_mobile_node_have_what_belongs_to_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
