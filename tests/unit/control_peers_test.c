// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the control socket says of route optimisation: both kinds of bindings in one listing, correspondents, nonces. */
#include "control_rig.h"

/* A mobile node of one home address and no uplink. */
bool mobile_node_uplink(struct gateway *gw, size_t index, struct uplink_view *out)
{
	return false;
}

bool mobile_node_home(struct gateway *gw, size_t index, struct home_view *out)
{
	if (index)
		return false;
	*out = (struct home_view){ .state = HOME_VIEW_NONE };
	return true;
}

static struct in6_addr numbered(unsigned int n)
{
	struct in6_addr out;

	assert_int_equal(inet_pton(AF_INET6, "2001:db8:1::", &out), 1);
	out.s6_addr[14] = (uint8_t)(n >> 8);
	out.s6_addr[15] = (uint8_t)n;
	return out;
}

static void bind_in(struct binding_cache *cache, unsigned int n, uint16_t flags)
{
	struct binding_request req = {
		.home = numbered(n), .care_of = numbered(0xF000 + n), .seq = 7, .flags = flags, .lifetime_s = 400
	};
	struct binding_entry *entry;

	assert_int_equal(binding_update(cache, &req, (struct mono){ 0 }, &entry), 0);
	binding_activate(entry);
	entry->home_link = flags & BU_HOME ? 0 : -1;
}

static struct control_view view_of(struct fixture *fx)
{
	return (struct control_view){ .gw = &fx->gw, .now = { 1000000000 } };
}

static const char *member(json_t *list, size_t i, const char *key)
{
	return json_string_value(json_object_get(json_array_get(list, i), key));
}

static void a_binding_says_of_which_kind_it_is(void **state)
{
	struct fixture *fx = *state;
	struct control_view view = view_of(fx);
	struct in6_addr homes[] = { numbered(1), numbered(2), numbered(3) };
	json_t *reply, *list;

	bind_in(fx->gw.bindings, 1, BU_HOME | BU_ACK);
	bind_in(route.bindings, 2, BU_ACK);
	reply = control_reply_bindings(&view, homes, ARRAY_SIZE(homes), 2);
	list = json_object_get(reply, "bindings");
	assert_int_equal(json_array_size(list), 2); /* the third is gone */
	assert_string_equal(member(list, 0, "kind"), "home");
	assert_string_equal(member(list, 0, "home_link"), "2001:db8:1::/64");
	assert_string_equal(member(list, 1, "kind"), "optimised");
	assert_true(json_is_null(json_object_get(json_array_get(list, 1), "home_link")));
	assert_string_equal(member(list, 1, "protection"), "return-routability");
	json_decref(reply);
}

static void a_correspondent_alone_says_what_it_is(void **state)
{
	struct fixture *fx = *state;
	struct control_view view = view_of(fx);
	json_t *reply;

	fx->config.roles = ROLE_CORRESPONDENT;
	reply = control_reply_bindings(&view, NULL, 0, 0);
	assert_string_equal(json_string_value(json_object_get(reply, "role")), "correspondent");
	assert_string_equal(json_string_value(json_object_get(reply, "authentication")), "return-routability");
	json_decref(reply);
	reply = control_reply_status(&view);
	assert_string_equal(json_string_value(json_array_get(json_object_get(reply, "roles"), 0)), "correspondent");
	assert_int_equal(json_array_size(json_object_get(reply, "roles")), 1);
	assert_true(json_is_null(json_object_get(reply, "mobile_nodes")));
	assert_true(json_is_null(json_object_get(reply, "agent_address")));
	assert_true(json_is_null(json_object_get(reply, "peers")));
	assert_int_equal(json_integer_value(json_object_get(reply, "optimised_bindings")), 0);
	json_decref(reply);
}

static void correspondents_are_told_with_their_state(void **state)
{
	static const struct {
		enum peer_view_state state;
		const char *name;
	} rows[] = {
		{ PEER_VIEW_TUNNEL, "tunnel" },	    { PEER_VIEW_TESTING, "testing" },
		{ PEER_VIEW_UPDATING, "updating" }, { PEER_VIEW_OPTIMISED, "optimised" },
		{ PEER_VIEW_LEAVING, "leaving" },   { PEER_VIEW_BACKED_OFF, "backed-off" },
	};
	struct fixture *fx = *state;
	struct control_view view = view_of(fx);

	fx->config.roles = ROLE_MOBILE_NODE;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		json_t *reply, *peers, *peer;

		route.peers[0] = (struct peer_view){ .home = numbered(1),
						     .peer = numbered(9),
						     .state = rows[i].state,
						     .seq = 12,
						     .home_token = true,
						     .last_status = i ? 130 : 0,
						     .back_off_s = i ? 60 : 0 };
		route.peer_count = 1;
		reply = control_reply_peers(&view);
		peers = json_object_get(reply, "peers");
		peer = json_array_get(peers, 0);
		assert_string_equal(member(peers, 0, "state"), rows[i].name);
		assert_string_equal(member(peers, 0, "correspondent"), "2001:db8:1::9");
		assert_true(json_is_null(json_object_get(peer, "lifetime_s"))); /* nothing is bound there */
		assert_true(json_is_true(json_object_get(peer, "home_token")));
		assert_true(json_is_false(json_object_get(peer, "care_of_token")));
		assert_true(json_is_null(json_object_get(peer, "last_status")) == !i);
		json_decref(reply);
	}
}

static void nonces_are_told_by_index_and_age_and_nothing_else(void **state)
{
	struct control_view view = view_of(*state);
	json_t *reply, *nonce;

	route.nonces[0] = (struct nonce_view){ .index = 65535, .age_s = 3, .left_s = 237, .given_out = true };
	route.nonces[1] = (struct nonce_view){ .index = 65534, .age_s = 28, .left_s = 212 };
	route.nonce_count = 2;
	reply = control_reply_nonces(&view);
	assert_int_equal(json_array_size(json_object_get(reply, "nonces")), 2);
	nonce = json_array_get(json_object_get(reply, "nonces"), 0);
	assert_int_equal(json_object_size(nonce), 4);
	assert_int_equal(json_integer_value(json_object_get(nonce, "index")), 65535);
	assert_int_equal(json_integer_value(json_object_get(nonce, "remaining_s")), 237);
	assert_true(json_is_true(json_object_get(nonce, "given_out")));
	json_decref(reply);
}

static void events_of_route_optimisation_have_names(void **state)
{
	static const struct {
		enum gateway_event what;
		const char *name;
	} rows[] = { { GW_OPTIMISED, "optimised" },
		     { GW_UNOPTIMISED, "unoptimised" },
		     { GW_PEER_BOUND, "peer-bound" },
		     { GW_PEER_GONE, "peer-gone" } };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct gateway_event_info info = { .home = numbered(1), .seq = 3, .text = "2001:db8:c::2" };
		json_t *event = control_event_json(rows[i].what, &info, 0);

		assert_string_equal(json_string_value(json_object_get(event, "event")), rows[i].name);
		assert_string_equal(json_string_value(json_object_get(event, "home_address")), "2001:db8:1::1");
		assert_string_equal(json_string_value(json_object_get(event, "text")), "2001:db8:c::2");
		json_decref(event);
	}
}

/* ---- over the socket ---- */

/* Reads a whole listing; counts by kind. Return: pages. */
static size_t listing(struct fixture *fx, const char *request, size_t *home, size_t *optimised, size_t *own)
{
	int fd = dial(fx);
	bool more = true;
	size_t pages = 0;

	*home = *optimised = *own = 0;
	for (say(fd, request); more; pages++) {
		json_t *reply = hear(fx, fd), *list = json_object_get(json_object_get(reply, "data"), "bindings");

		assert_non_null(list);
		assert_true(json_array_size(list) <= CONTROL_PAGE);
		for (size_t i = 0; i < json_array_size(list); i++) {
			*home += strcmp(member(list, i, "kind"), "home") == 0;
			*optimised += strcmp(member(list, i, "kind"), "optimised") == 0;
			*own += strcmp(member(list, i, "kind"), "own") == 0;
		}
		more = json_is_true(json_object_get(reply, "more"));
		json_decref(reply);
	}
	close(fd);
	turn(fx);
	return pages;
}

#define SHOW(what) "{\"version\":1,\"cmd\":\"show\",\"what\":\"" what "\"}\n"

static void pages_run_over_both_caches(void **state)
{
	static const struct {
		unsigned int roles, home, optimised;
		size_t pages, own;
	} cases[] = {
		{ ROLE_HOME_AGENT, 0, 0, 1, 0 },
		{ ROLE_HOME_AGENT, CONTROL_PAGE - 1, 1, 1, 0 },
		{ ROLE_HOME_AGENT, CONTROL_PAGE, 0, 1, 0 },
		{ ROLE_HOME_AGENT, CONTROL_PAGE, 1, 2, 0 },
		{ ROLE_HOME_AGENT, 30, 2 * CONTROL_PAGE, 3, 0 },
		{ 0, 0, 0, 1, 0 },
		{ 0, 0, CONTROL_PAGE + 1, 2, 0 },
		{ ROLE_MOBILE_NODE, 0, 0, 1, 1 },
		{ ROLE_MOBILE_NODE, 0, 1, 2, 1 }, /* its own have a page to themselves */
		{ ROLE_MOBILE_NODE, 0, CONTROL_PAGE + 1, 3, 1 },
	};
	struct fixture *fx = *state;
	size_t home, optimised, own;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		fx->config.roles = cases[i].roles | ROLE_CORRESPONDENT;
		binding_cache_free(fx->gw.bindings);
		binding_cache_free(route.bindings);
		fx->gw.bindings = binding_cache_new(2000);
		route.bindings = binding_cache_new(2000);
		for (unsigned int n = 0; n < cases[i].home; n++)
			bind_in(fx->gw.bindings, n + 1, BU_HOME);
		for (unsigned int n = 0; n < cases[i].optimised; n++)
			bind_in(route.bindings, n + 1000, 0);
		if (listing(fx, SHOW("bindings"), &home, &optimised, &own) != cases[i].pages || home != cases[i].home ||
		    optimised != cases[i].optimised || own != cases[i].own)
			fail_msg("case %zu: %zu home, %zu optimised, %zu own", i, home, optimised, own);
	}
}

static void one_is_found_in_either_cache(void **state)
{
	struct fixture *fx = *state;
	size_t home, optimised, own;

	bind_in(fx->gw.bindings, 1, BU_HOME);
	bind_in(route.bindings, 2, 0);
	listing(fx, "{\"version\":1,\"cmd\":\"show\",\"what\":\"bindings\",\"home_address\":\"2001:db8:1::1\"}\n",
		&home, &optimised, &own);
	assert_true(home == 1 && optimised == 0);
	listing(fx, "{\"version\":1,\"cmd\":\"show\",\"what\":\"bindings\",\"home_address\":\"2001:db8:1::2\"}\n",
		&home, &optimised, &own);
	assert_true(home == 0 && optimised == 1);
	listing(fx, "{\"version\":1,\"cmd\":\"show\",\"what\":\"bindings\",\"home_address\":\"2001:db8:1::3\"}\n",
		&home, &optimised, &own);
	assert_true(home == 0 && optimised == 0);
}

static void peers_are_a_mobile_nodes_and_nonces_everybodys(void **state)
{
	static const unsigned int roles[] = { ROLE_HOME_AGENT, ROLE_MOBILE_NODE, 0 };
	struct fixture *fx = *state;

	for (size_t i = 0; i < ARRAY_SIZE(roles); i++) {
		int fd = dial(fx);
		json_t *reply, *data;

		fx->config.roles = roles[i] | ROLE_CORRESPONDENT;
		reply = ask(fx, fd, SHOW("peers"));
		data = json_object_get(reply, "data");
		if (roles[i] == ROLE_MOBILE_NODE)
			assert_true(json_is_array(json_object_get(data, "peers")) &&
				    !json_array_size(json_object_get(data, "peers")));
		else
			assert_string_equal(text_at(reply, "error", "code"), "wrong-role");
		json_decref(reply);
		reply = ask(fx, fd, SHOW("nonces"));
		data = json_object_get(reply, "data");
		assert_true(json_is_array(json_object_get(data, "nonces")));
		assert_int_equal(json_array_size(json_object_get(data, "nonces")), 0);
		json_decref(reply);
		close(fd);
		turn(fx);
	}
}

static void status_counts_what_is_optimised(void **state)
{
	struct fixture *fx = *state;
	struct control_view view = view_of(fx);
	json_t *status;

	fx->config.peer_bindings = 50;
	fx->config.roles = ROLE_MOBILE_NODE | ROLE_CORRESPONDENT;
	bind_in(route.bindings, 2, 0);
	route.peers[0].state = PEER_VIEW_OPTIMISED;
	route.peers[1].state = PEER_VIEW_TESTING;
	route.peer_count = 2;
	status = control_reply_status(&view);
	assert_int_equal(json_integer_value(json_object_get(status, "optimised_bindings")), 1);
	assert_int_equal(json_integer_value(json_object_get(status, "max_optimised_bindings")), 50);
	assert_int_equal(json_integer_value(json_object_get(status, "peers")), 2);
	assert_int_equal(json_integer_value(json_object_get(status, "peers_optimised")), 1);
	assert_int_equal(json_array_size(json_object_get(status, "roles")),
			 1); /* mobile-node goes without saying more */
	json_decref(status);
}

#define RIG_TEST(test) cmocka_unit_test_setup_teardown(test, open_gateway, close_gateway)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(a_binding_says_of_which_kind_it_is),
		RIG_TEST(a_correspondent_alone_says_what_it_is),
		RIG_TEST(correspondents_are_told_with_their_state),
		RIG_TEST(nonces_are_told_by_index_and_age_and_nothing_else),
		RIG_TEST(events_of_route_optimisation_have_names),
		RIG_TEST(pages_run_over_both_caches),
		RIG_TEST(one_is_found_in_either_cache),
		RIG_TEST(peers_are_a_mobile_nodes_and_nonces_everybodys),
		RIG_TEST(status_counts_what_is_optimised),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
