// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The correspondent's side effects, RFC 6275 §9: test inits, nonces, bindings and what is left of them, all in virtual
 * time. */
#include "correspondent_rig.h"

#include <unistd.h>

#define BOUND(home, care_of, seq, life) "binding_set " home " -> " care_of " seq " seq " for " life " s nexthop 0 mtu 0"
#define TOLD "send_icmp 2/0 data 1476 quoting 48 from " HERE " to " HERE " ifindex 0"
#define ACK(home, status, seq, life)                                                                                   \
	"send_mh BA status " status " seq " seq " for " life " s from " HERE " to " home " via_home"

/* ---- test inits, §9.4 ---- */

static void a_test_init_gets_a_token_of_the_newest_nonce(void **state)
{
	const struct rr_nonce *newest = &fake_peers.nonces[fake_peers.newest % LIMIT_NONCES];
	struct in6_addr home = addr(HOME), care_of = addr(CARE_OF);
	static const uint8_t cookie[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	uint8_t token[RR_TOKEN_LEN];
	struct mh_msg test;

	rig_test(MH_HOTI, HOME, &test);
	assert_int_equal(test.type, MH_HOT);
	assert_int_equal(test.nonce_index, newest->index);
	assert_memory_equal(test.cookie, cookie, sizeof(cookie));
	rr_home_token(newest, &home, token);
	assert_memory_equal(test.token, token, sizeof(token));
	rig_test(MH_COTI, CARE_OF, &test);
	assert_int_equal(test.type, MH_COT);
	rr_care_of_token(newest, &care_of, token);
	assert_memory_equal(test.token, token, sizeof(token));
	assert_int_equal(counted(AGENT_TEST_ANSWERED), 2);
	rig_init_from(MH_HOTI, HOME, false);
	rig_init_from(MH_COTI, CARE_OF, false);
	EXPECT_CALLS("send_mh HoT from " HERE " to " HOME, "send_mh CoT from " HERE " to " CARE_OF);
}

static void strange_test_inits_are_counted_and_no_more(void **state)
{
	static const char *const strange[] = { "::", "::1", "fe80::1", "ff02::1", "::ffff:192.0.2.1" };
	struct config_prefix refused = { .prefix = addr("2001:db8:1::"), .len = 64 };

	for (size_t i = 0; i < ARRAY_SIZE(strange); i++) {
		rig_init_from(MH_HOTI, strange[i], false);
		rig_init_from(MH_COTI, strange[i], false);
	}
	rig_init_from(MH_HOTI, HOME, true); /* §9.4.1: no home address option */
	rig_init_from(MH_COTI, CARE_OF, true);
	assert_int_equal(counted(AGENT_TEST_STRANGE), 2 * ARRAY_SIZE(strange) + 2);
	rig_config.refused = &refused;
	rig_config.refused_count = 1;
	rig_init_from(MH_HOTI, HOME, false);
	assert_int_equal(counted(AGENT_TEST_REFUSED), 1);
	EXPECT_NO_CALLS();
	rig_init_from(MH_COTI, HOME, false); /* a visitor there has its home elsewhere */
	assert_int_equal(fake_calls("send_mh CoT"), 1);
}

/* Its token would not live for MAX_TOKEN_LIFETIME. */
static void an_old_nonce_is_not_given_out(void **state)
{
	fake.now = mono_add_s(fake.now, NONCE_ANSWER_S);
	rig_init_from(MH_HOTI, HOME, false);
	EXPECT_NO_CALLS();
	correspondent_tick(&gw, fake.now);
	rig_init_from(MH_HOTI, HOME, false);
	assert_int_equal(fake_calls("send_mh HoT"), 1);
}

/* ---- nonces, §5.2.7 ---- */

static size_t nonces_in_the_map(void)
{
	size_t count = 0;

	for (size_t i = 0; i < LIMIT_NONCES; i++)
		count += fake_peers.nonces[i].used;
	return count;
}

static void nonces_rotate_and_go(void **state)
{
	uint16_t first = fake_peers.newest;

	for (unsigned int s = 1; s <= 3600; s++) {
		const struct rr_nonce *newest;

		rig_advance(1);
		newest = &fake_peers.nonces[fake_peers.newest % LIMIT_NONCES];
		assert_true(newest->used && newest->index == (uint16_t)(first + s / RR_NONCE_INTERVAL_S));
		assert_true(mono_before(fake.now, mono_add_s(newest->made, NONCE_ANSWER_S)));
		for (size_t i = 0; i < LIMIT_NONCES; i++)
			assert_true(!fake_peers.nonces[i].used ||
				    mono_before(fake.now, mono_add_s(fake_peers.nonces[i].made, RR_NONCE_LIFETIME_S)));
		assert_true(nonces_in_the_map() <= 10);
	}
	assert_int_equal(nonces_in_the_map(), 10);
	EXPECT_NO_CALLS();
}

/* Whenever it was got: MAX_TOKEN_LIFETIME at least, MAX_NONCE_LIFETIME at most. */
static void a_token_lives_as_long_as_the_rfc_says(void **state)
{
	for (unsigned int wait = 0; wait < RR_NONCE_INTERVAL_S; wait += 3) {
		struct rig_tokens tokens = rig_tokens(HOME, CARE_OF);
		struct rig_update u = { .home = HOME, .care_of = CARE_OF, .flags = 0, .lifetime_s = 4 };

		u.tokens = &tokens;
		u.seq = (uint16_t)(2 * wait + 1);
		rig_advance(RR_TOKEN_LIFETIME_S);
		rig_send(&u);
		assert_non_null(rig_find(HOME));
		rig_advance(RR_NONCE_LIFETIME_S - RR_TOKEN_LIFETIME_S);
		assert_null(rig_find(HOME));
		u.seq++;
		rig_send(&u);
		assert_null(rig_find(HOME));
		rig_advance(3); /* another age of the nonce */
	}
	assert_int_equal(counted(AGENT_PEER_BOUND), 9);
	assert_int_equal(counted(AGENT_PEER_NONCE), 9);
}

static void the_next_tick_is_when_something_is_due(void **state)
{
	assert_true(correspondent_tick(&gw, fake.now).ns == mono_add_s(fake.now, RR_NONCE_INTERVAL_S).ns);
	rig_bind(HOME, CARE_OF, 1, 4);
	assert_true(correspondent_tick(&gw, fake.now).ns == mono_add_s(fake.now, 2).ns); /* a refresh? */
	fake.now = mono_add_s(fake.now, 2);
	assert_true(correspondent_tick(&gw, fake.now).ns == mono_add_s(fake.now, 2).ns); /* its end */
}

static void the_operator_sees_ages_and_no_secrets(void **state)
{
	struct nonce_view view;

	rig_advance(60);
	assert_true(correspondent_nonce(&gw, 0, &view));
	assert_int_equal(view.index, fake_peers.newest);
	assert_int_equal(view.age_s, 10);
	assert_int_equal(view.left_s, RR_NONCE_LIFETIME_S - 10);
	assert_true(view.given_out);
	assert_true(correspondent_nonce(&gw, 2, &view));
	assert_int_equal(view.index, (uint16_t)(fake_peers.newest - 2));
	assert_int_equal(view.age_s, 60);
	assert_false(view.given_out);
	assert_false(correspondent_nonce(&gw, 3, &view));
}

/* ---- bindings, §9.5 ---- */

static void a_binding_stands_before_it_is_acknowledged(void **state)
{
	struct rig_tokens tokens = rig_tokens(HOME, CARE_OF);
	struct rig_update u = { .home = HOME, .care_of = CARE_OF, .seq = 5, .flags = USUAL, .lifetime_s = 200 };
	struct mh_msg ack;
	bool authentic;

	u.tokens = &tokens;
	rig_send(&u);
	EXPECT_CALLS(BOUND(HOME, CARE_OF, "5", "200"), TOLD, "publish peer-bound " HOME,
		     "answer_set " HOME " -> " CARE_OF, ACK(HOME, "0", "5", "200"));
	ack = rig_answer(&u, &authentic);
	assert_true(authentic);
	assert_int_equal(ack.lifetime_s, 200);
	assert_int_equal(counted(AGENT_PEER_BOUND), 1);
	assert_int_equal(binding_count(correspondent_bindings(&gw)), 1);
	u.seq = 6; /* the tokens are good for another */
	u.flags = 0;
	rig_send(&u);
	EXPECT_CALLS(BOUND(HOME, CARE_OF, "6", "200"), TOLD);
	assert_int_equal(counted(AGENT_PEER_REFRESHED), 1);
}

static void a_move_is_told_and_answered_where_it_came_from(void **state)
{
	struct rig_tokens tokens;
	struct rig_update u = { .home = HOME, .care_of = CARE_OF, .seq = 6, .flags = USUAL, .lifetime_s = 420 };
	bool authentic;

	rig_bind(HOME, CARE_OF, 5, 420);
	fake_forget();
	tokens = rig_tokens(HOME, CARE_OF_2);
	u.tokens = &tokens;
	u.alt = CARE_OF_2;
	rig_send(&u);
	EXPECT_CALLS(BOUND(HOME, CARE_OF_2, "6", "420"), TOLD, "publish peer-bound " HOME,
		     "answer_set " HOME " -> " CARE_OF, ACK(HOME, "0", "6", "420"));
	rig_answer(&u, &authentic);
	assert_true(authentic);
	assert_int_equal(counted(AGENT_PEER_MOVED), 1);
	assert_int_equal(binding_count(correspondent_bindings(&gw)), 1);
}

static void a_deletion_leaves_a_number_and_goes_its_own_road(void **state)
{
	static const struct {
		const char *care_of; /* NULL: from the home link */
		bool routed;
	} cases[] = { { CARE_OF_2, true },
		      { NULL, false },
		      { HOME, false } }; /* the last: an option naming its source */

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		rig_bind(HOME, CARE_OF, (uint16_t)(10 * i + 1), 420);
		fake_forget();
		rig_unbind(HOME, cases[i].care_of, (uint16_t)(10 * i + 2));
		CHECK_CASE(i, !rig_find(HOME));
		CHECK_CASE(i, !strcmp(fake.lines[0], "publish peer-gone " HOME));
		CHECK_CASE(i, !strcmp(fake.lines[1], "binding_delete " HOME));
		CHECK_CASE(i, fake_calls("sequence_keep " HOME) > 0);
		CHECK_CASE(i, fake_calls("answer_set " HOME " -> " CARE_OF_2) == cases[i].routed);
		CHECK_CASE(i, fake_calls("answer_set " HOME " -> ::") == !cases[i].routed);
		CHECK_CASE(i, fake_calls("send_mh BA status 0") == 1);
		CHECK_CASE(i, (strstr(fake.lines[fake.count - 1], "via_home") != NULL) == cases[i].routed);
	}
	assert_int_equal(counted(AGENT_PEER_DELETED), 3);
}

static void a_deletion_of_nothing_is_no_fault(void **state)
{
	rig_unbind(HOME, CARE_OF, 7);
	EXPECT_CALLS("sequence_keep " HOME " 7", "answer_set " HOME " -> " CARE_OF, ACK(HOME, "0", "7", "0"));
}

/* §9.5.4: what is refused is answered whether or not it asked; but for what is silently discarded. */
static void refusals_are_answered_unasked_and_signed_where_there_is_a_key(void **state)
{
	struct config_prefix refused = { .prefix = addr("2001:db8:1::"), .len = 64 };
	struct rig_tokens tokens = rig_tokens(HOME, CARE_OF), stale = tokens;
	struct rig_update u = { .home = HOME, .care_of = CARE_OF, .seq = 5, .lifetime_s = 200, .tokens = &tokens };
	bool authentic;

	rig_bind(HOME, CARE_OF, 9, 200);
	fake_forget();
	rig_send(&u);
	EXPECT_CALLS("answer_set " HOME " -> " CARE_OF, ACK(HOME, "135", "9", "0"));
	rig_answer(&u, &authentic);
	assert_true(authentic);

	u.seq = 10;
	u.tokens = &stale;
	stale.home_nonce--;
	rig_send(&u);
	EXPECT_CALLS("answer_set " HOME " -> " CARE_OF, ACK(HOME, "136", "10", "0"));
	rig_answer(&u, &authentic);
	assert_false(authentic);
	assert_int_equal(counted(AGENT_PEER_NONCE), 1);

	u.tokens = &tokens;
	u.flags = BU_HOME;
	rig_send(&u);
	EXPECT_CALLS("answer_set " HOME " -> " CARE_OF, ACK(HOME, "131", "10", "0"));
	rig_answer(&u, &authentic);
	assert_false(authentic);

	u.flags = 0;
	rig_config.refused = &refused;
	rig_config.refused_count = 1;
	rig_send(&u);
	EXPECT_CALLS("answer_set " HOME " -> " CARE_OF, ACK(HOME, "129", "10", "0"));
	rig_answer(&u, &authentic);
	assert_true(authentic);

	u.spoil_at = 11;
	u.spoil = 1;
	u.flags = USUAL;
	rig_send(&u);
	EXPECT_NO_CALLS();
	assert_int_equal(counted(AGENT_PEER_FORGED), 1);
	assert_int_equal(rig_find(HOME)->seq, 9); /* a refused update changes nothing */
}

static void without_a_path_nothing_changes(void **state)
{
	rig_bind(HOME, CARE_OF, 5, 200);
	rig_unbind(HOME_2, CARE_OF, 3);
	fake_forget();
	fake_fail("binding_set", -ENOSPC);
	rig_bind(HOME, CARE_OF_2, 6, 420);
	assert_int_equal(fake_calls("send_mh BA status 130 seq 6"), 1);
	assert_int_equal(rig_find(HOME)->seq, 5);
	assert_int_equal(rig_find(HOME)->lifetime_s, 200);
	assert_int_equal(fake_calls("binding_delete"), 0);
	rig_bind(HOME_2, CARE_OF, 4, 420); /* whose number has to stay in the map */
	assert_int_equal(fake_calls("send_mh BA status 130 seq 4"), 1);
	assert_null(rig_find(HOME_2));
	assert_int_equal(fake_calls("binding_delete " HOME_2), 1);
	assert_int_equal(fake_calls("sequence_keep " HOME_2 " 3"), 1);
	assert_int_equal(counted(AGENT_REFUSED), 2);
	fake_fail(NULL, 0);
	rig_bind(HOME_2, CARE_OF, 4, 420);
	assert_non_null(rig_find(HOME_2));
}

static void a_learned_path_mtu_stays_with_its_path(void **state)
{
	rig_bind(HOME, CARE_OF, 1, 420);
	rig_find(HOME)->path_mtu = 1400;
	rig_find(HOME)->path_mtu_until = mono_add_s(fake.now, 600);
	rig_advance(400);
	rig_bind(HOME, CARE_OF, 2, 420);
	assert_int_equal(rig_find(HOME)->path_mtu, 1400);
	rig_advance(201);
	rig_bind(HOME, CARE_OF, 3, 420);
	assert_int_equal(rig_find(HOME)->path_mtu, 0); /* aged, RFC 8201 §4 */
	rig_find(HOME)->path_mtu = 1400;
	rig_find(HOME)->path_mtu_until = mono_add_s(fake.now, 600);
	rig_bind(HOME, CARE_OF_2, 4, 420);
	assert_int_equal(rig_find(HOME)->path_mtu, 0);
}

/* ---- what is left of a binding, §5.2.8 ---- */

static void restart(void)
{
	correspondent_close(&gw);
	rig_start();
}

/* What a former daemon has in the map. */
static void left(const char *home, const char *care_of, uint16_t seq, uint16_t flags, int64_t granted_s_ago,
		 uint32_t lifetime_s)
{
	struct registration reg = { .granted_ns = (uint64_t)mono_add_s(fake.now, -granted_s_ago).ns,
				    .lifetime_s = lifetime_s,
				    .seq = seq,
				    .flags = flags };

	if (care_of)
		reg.care_of = addr(care_of);
	fake.adopted[fake.adopted_count].home = addr(home);
	fake.adopted[fake.adopted_count++].reg = reg;
}

static void end_by_deletion(void)
{
	rig_unbind(HOME, CARE_OF, 6);
}

static void end_by_lifetime(void)
{
	rig_advance(100);
}

static void end_by_eviction(void)
{
	rig_bind(HOME_2, CARE_OF, 1, 420);
	rig_bind(HOME_3, CARE_OF, 1, 420);
}

static void end_by_unreachables(void)
{
	struct packet_route_error error = { .has_route = true,
					    .type = ICMP6_UNREACHABLE,
					    .src = addr(HERE),
					    .dst = addr(HOME),
					    .wire_dst = addr(CARE_OF) };

	for (int i = 0; i < 6; i++) {
		rig_advance(1);
		correspondent_on_error(&gw, &error);
	}
}

static void end_by_reload(void)
{
	static struct config_prefix refused;

	refused = (struct config_prefix){ .prefix = addr("2001:db8:1::100"), .len = 128 };
	rig_config.refused = &refused;
	rig_config.refused_count = 1;
	correspondent_reloaded(&gw);
	rig_config.refused_count = 0;
}

static void end_by_restart_after_deletion(void)
{
	left(HOME, NULL, 6, 0, 0, 0);
	restart();
}

static void end_while_nobody_was_there(void)
{
	fake.now = mono_add_s(fake.now, 110);
	left(HOME, CARE_OF, 5, USUAL, 110, 100);
	restart();
}

static void an_update_heard_again_does_nothing(void **state)
{
	static void (*const ends[])(void) = { end_by_deletion,		 end_by_lifetime, end_by_eviction,
					      end_by_unreachables,	 end_by_reload,	  end_by_restart_after_deletion,
					      end_while_nobody_was_there };

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		struct rig_tokens tokens;
		struct rig_update u = { .home = HOME, .care_of = CARE_OF, .seq = 5, .flags = USUAL, .lifetime_s = 100 };

		rig_teardown(NULL);
		rig_setup(NULL);
		tokens = rig_tokens(HOME, CARE_OF);
		u.tokens = &tokens;
		rig_send(&u);
		CHECK_CASE(i, rig_find(HOME));
		ends[i]();
		CHECK_CASE(i, !rig_find(HOME));
		fake_forget();
		rig_send(&u);
		CHECK_CASE(i, !rig_find(HOME));
		CHECK_CASE(i, fake_calls("send_mh BA status 135") == 1);
		u.seq = 7;
		rig_send(&u);
		CHECK_CASE(i, rig_find(HOME)); /* and its node isn't locked out */
	}
}

static void a_number_ends_with_the_nonces_of_its_update(void **state)
{
	rig_unbind(HOME, CARE_OF, 5);
	rig_advance(RR_NONCE_LIFETIME_S - 1);
	fake_forget();
	rig_bind(HOME, CARE_OF, 5, 420);
	assert_int_equal(fake_calls("send_mh BA status 135 seq 5"), 1);
	rig_advance(1);
	assert_int_equal(fake_calls("binding_delete " HOME), 1);
	rig_bind(HOME, CARE_OF, 5, 420);
	assert_non_null(rig_find(HOME));
	fake_forget();
	rig_advance(420); /* and one that lived for longer leaves none */
	assert_null(rig_find(HOME));
	assert_int_equal(fake_calls("sequence_keep"), 0);
	rig_bind(HOME, CARE_OF, 5, 420);
	assert_non_null(rig_find(HOME));
}

static void a_number_that_ends_takes_no_binding_with_it(void **state)
{
	rig_unbind(HOME, CARE_OF, 5);
	rig_advance(100);
	rig_bind(HOME, CARE_OF, 6, 420);
	fake_forget();
	rig_advance(RR_NONCE_LIFETIME_S);
	EXPECT_NO_CALLS();
	assert_non_null(rig_find(HOME));
}

static void who_proved_itself_takes_the_place_of_what_ends_first(void **state)
{
	rig_bind(HOME, CARE_OF, 1, 420);
	rig_bind(HOME_2, CARE_OF, 1, 300);
	rig_bind(HOME_2, CARE_OF, 2, 300); /* its own place is no question */
	assert_int_equal(counted(AGENT_PEER_EVICTED), 0);
	fake_forget();
	rig_bind(HOME_3, CARE_OF, 1, 420);
	EXPECT_CALLS("publish peer-gone " HOME_2, "binding_delete " HOME_2, "sequence_keep " HOME_2 " 2",
		     BOUND(HOME_3, CARE_OF, "1", "420"), TOLD, "publish peer-bound " HOME_3,
		     "answer_set " HOME_3 " -> " CARE_OF, ACK(HOME_3, "0", "1", "420"));
	assert_int_equal(counted(AGENT_PEER_EVICTED), 1);
	assert_non_null(rig_find(HOME));
}

static void nobody_is_evicted_by_what_proves_nothing(void **state)
{
	struct rig_tokens tokens = rig_tokens(HOME_3, CARE_OF), none = tokens;
	struct rig_update forged = { .home = HOME_3, .care_of = CARE_OF, .seq = 1, .flags = USUAL, .lifetime_s = 420 };

	rig_bind(HOME, CARE_OF, 1, 420);
	rig_bind(HOME_2, CARE_OF, 1, 420);
	fake_forget();
	forged.tokens = &tokens;
	for (forged.spoil = 1; forged.spoil < 128; forged.spoil++) {
		forged.spoil_at = 31; /* in its authenticator */
		rig_send(&forged);
	}
	assert_int_equal(counted(AGENT_PEER_FORGED), 127);
	EXPECT_NO_CALLS();
	forged.spoil = 0;
	forged.tokens = &none;
	none.home_nonce++;
	rig_send(&forged);
	none.home_nonce--;
	forged.flags |= BU_HOME;
	rig_send(&forged);
	assert_int_equal(fake_calls("answer_set"), 2);
	assert_int_equal(fake.count, 4);
	assert_int_equal(counted(AGENT_PEER_EVICTED), 0);
	assert_int_equal(binding_count(correspondent_bindings(&gw)), 2);
}

/* Two bindings, two numbers: whoever comes now has to wait, since a number can't go before its nonces. */
static void numbers_are_never_given_up_for_room(void **state)
{
	rig_bind(HOME, CARE_OF, 1, 420);
	rig_bind(HOME_2, CARE_OF, 1, 420);
	rig_bind(HOME_3, CARE_OF, 1, 420); /* evicts */
	rig_bind(HOME_4, CARE_OF, 1, 420); /* evicts */
	fake_forget();
	rig_bind(HOME_5, CARE_OF, 1, 420);
	EXPECT_CALLS("answer_set " HOME_5 " -> " CARE_OF, ACK(HOME_5, "130", "1", "0"));
	rig_unbind(HOME_5, CARE_OF, 2); /* nothing to keep it by, and nothing to delete */
	assert_int_equal(fake_calls("send_mh BA status 0 seq 2"), 1);
	assert_int_equal(fake_calls("sequence_keep"), 0);
	rig_bind(HOME, CARE_OF, 2, 420); /* whose number is there has its place */
	assert_non_null(rig_find(HOME));
	rig_bind(HOME, CARE_OF_2, 3, 420);
	assert_int_equal(rig_find(HOME)->seq, 3);
	rig_advance(RR_NONCE_LIFETIME_S);
	rig_bind(HOME_5, CARE_OF, 3, 420);
	assert_non_null(rig_find(HOME_5));
}

/* A stupid list beside it: whatever happens, in bounds, no update accepted once is accepted again. */
static void whatever_happens_nothing_is_accepted_twice(void **state)
{
	static const char *const homes[] = { HOME, HOME_2, HOME_3, HOME_4, HOME_5 };
	struct {
		struct rig_tokens tokens;
		uint16_t seq;
		bool sent;
	} last[ARRAY_SIZE(homes)] = {};

	srand(4);
	for (int i = 0; i < 4000; i++) {
		size_t at = (size_t)rand() % ARRAY_SIZE(homes);
		struct rig_update u = {
			.home = homes[at], .care_of = CARE_OF, .flags = USUAL, .tokens = &last[at].tokens
		};
		bool again = last[at].sent && rand() % 2, deletion = rand() % 3 == 0;
		struct binding_entry *was;
		struct mono granted = { 0 };

		rig_advance((unsigned int)rand() % 40);
		was = rig_find(homes[at]);
		if (was)
			granted = was->granted;
		u.lifetime_s = deletion && !again ? 0 : 4 * (1 + (uint32_t)rand() % 100);
		u.home_token_alone = !u.lifetime_s;
		if (!again) {
			last[at].tokens = rig_tokens(homes[at], CARE_OF);
			last[at].seq++;
		}
		u.seq = last[at].seq;
		fake_forget();
		rig_send(&u);
		if (again) {
			assert_int_equal(fake_calls("send_mh BA status 0"), 0);
			assert_true(rig_find(homes[at]) == was && (!was || was->granted.ns == granted.ns));
		} else {
			last[at].sent = fake_calls("send_mh BA status 0") == 1 && (!deletion || was);
		}
		assert_true(binding_count(correspondent_bindings(&gw)) <= RIG_BINDINGS);
	}
	assert_true(counted(AGENT_PEER_EVICTED) > 50 && counted(AGENT_PEER_EXPIRED) > 50);
}

/* ---- refresh requests, §9.5.5 ---- */

#define REQUEST "send_mh BRR from " HERE " to " HOME

static void a_refresh_is_asked_for_what_is_in_use(void **state)
{
	rig_bind(HOME, CARE_OF, 1, 420);
	fake_forget();
	rig_advance(399);
	EXPECT_NO_CALLS();
	fake_peers.binding_used = fake.now;
	rig_advance(1);
	EXPECT_CALLS(REQUEST);
	rig_advance(4);
	EXPECT_NO_CALLS();
	rig_advance(1);
	EXPECT_CALLS(REQUEST);
	rig_advance(5);
	EXPECT_CALLS(REQUEST);
	rig_advance(9);
	EXPECT_NO_CALLS(); /* three, and no more */
	assert_int_equal(counted(AGENT_REFRESH_REQUESTED), 3);
	rig_bind(HOME, CARE_OF, 2, 420);
	fake_forget();
	rig_advance(399);
	EXPECT_NO_CALLS();
	fake_peers.binding_used = fake.now;
	rig_advance(1);
	EXPECT_CALLS(REQUEST); /* another lifetime */
}

static void nobody_is_woken_for_what_is_idle(void **state)
{
	rig_bind(HOME, CARE_OF, 1, 420);
	fake_forget();
	fake_peers.binding_used = mono_add_s(fake.now, 370);
	rig_advance(407);
	EXPECT_NO_CALLS();
	fake_peers.binding_used = fake.now; /* late, but not too late */
	rig_advance(3);
	EXPECT_CALLS(REQUEST);
	rig_advance(10);
	assert_null(rig_find(HOME));
	assert_int_equal(counted(AGENT_PEER_EXPIRED), 1);
}

static void short_lifetimes_are_asked_for_in_their_middle(void **state)
{
	rig_bind(HOME, CARE_OF, 1, 8);
	fake_peers.binding_used = fake.now;
	fake_forget();
	rig_advance(3);
	EXPECT_NO_CALLS();
	rig_advance(1);
	EXPECT_CALLS(REQUEST);
	rig_advance(3);
	EXPECT_NO_CALLS();
}

/* ---- errors, §9.3.4 ---- */

static bool unreachable(const char *home, const char *care_of, uint8_t type, uint8_t code)
{
	struct packet_route_error error = { .has_route = true,
					    .type = type,
					    .code = code,
					    .src = addr(HERE),
					    .dst = addr(home),
					    .wire_dst = addr(care_of) };

	return correspondent_on_error(&gw, &error);
}

static void only_what_stays_unreachable_goes(void **state)
{
	static const struct {
		uint8_t type, code;
		unsigned int every_s, times; /* first error at 0 */
		bool gone;
	} cases[] = {
		{ ICMP6_UNREACHABLE, 0, 1, 5, false }, /* over four seconds */
		{ ICMP6_UNREACHABLE, 0, 1, 6, true },  /* five */
		{ ICMP6_UNREACHABLE, 3, 5, 2, false }, /* only two */
		{ ICMP6_UNREACHABLE, 3, 5, 3, true },	  { ICMP6_UNREACHABLE, 3, 11, 20, false }, /* now and then */
		{ ICMP6_UNREACHABLE, 0, 0, 200, false },					   /* a burst */
		{ ICMP6_UNREACHABLE, 4, 1, 30, false }, /* a port: so the node is there */
		{ ICMP6_TIME_EXCEEDED, 0, 1, 30, false }, { ICMP6_TOO_BIG, 0, 1, 30, false },
		{ ICMP6_PARAM_PROBLEM, 0, 1, 30, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		rig_teardown(NULL);
		rig_setup(NULL);
		rig_bind(HOME, CARE_OF, 1, 420);
		for (unsigned int n = 0; n < cases[i].times; n++) {
			if (n)
				rig_advance(cases[i].every_s);
			CHECK_CASE(i, unreachable(HOME, CARE_OF, cases[i].type, cases[i].code));
		}
		CHECK_CASE(i, !rig_find(HOME) == cases[i].gone);
		CHECK_CASE(i, counted(AGENT_PEER_UNREACHABLE) == cases[i].gone);
	}
}

static void a_pause_begins_the_count_anew(void **state)
{
	static const unsigned int after_s[] = { 0, 1, 11, 5 };

	rig_bind(HOME, CARE_OF, 1, 420);
	for (size_t i = 0; i < ARRAY_SIZE(after_s); i++) {
		rig_advance(after_s[i]);
		unreachable(HOME, CARE_OF, ICMP6_UNREACHABLE, 0);
	}
	assert_non_null(rig_find(HOME));
}

static void errors_about_others_are_not_ours(void **state)
{
	struct packet_route_error plain = { .type = ICMP6_UNREACHABLE, .dst = addr(HOME), .wire_dst = addr(CARE_OF) };

	rig_bind(HOME, CARE_OF, 1, 420);
	for (int i = 0; i < 10; i++) {
		rig_advance(1);
		assert_false(unreachable(HOME, CARE_OF_2, ICMP6_UNREACHABLE, 0));
		assert_false(unreachable(HOME_2, CARE_OF, ICMP6_UNREACHABLE, 0));
		assert_false(correspondent_on_error(&gw, &plain)); /* no routing header in it */
	}
	assert_non_null(rig_find(HOME));
}

/* A refresh shows that the node is there: the count begins anew. */
static void a_refresh_forgets_unreachables(void **state)
{
	rig_bind(HOME, CARE_OF, 1, 420);
	for (int i = 0; i < 5; i++) {
		unreachable(HOME, CARE_OF, ICMP6_UNREACHABLE, 0);
		rig_advance(1);
	}
	rig_bind(HOME, CARE_OF, 2, 420);
	for (int i = 0; i < 5; i++) {
		unreachable(HOME, CARE_OF, ICMP6_UNREACHABLE, 0);
		rig_advance(1);
	}
	assert_non_null(rig_find(HOME));
}

/* ---- restart and reload ---- */

static void another_daemon_goes_on_with_nonces_and_bindings(void **state)
{
	struct rig_tokens tokens = rig_tokens(HOME, CARE_OF);
	struct rig_update u = { .home = HOME, .care_of = CARE_OF, .seq = 6, .flags = USUAL, .lifetime_s = 100 };
	uint16_t newest = fake_peers.newest;

	left(HOME, CARE_OF, 5, USUAL, 30, 400);
	left(HOME_2, NULL, 8, 0, 30, 0);
	restart();
	assert_int_equal(fake_peers.newest, newest);
	assert_int_equal(binding_remaining_s(rig_find(HOME), fake.now), 370);
	assert_int_equal(rig_find(HOME)->state, BINDING_ACTIVE);
	assert_int_equal(fake_calls(BOUND(HOME, CARE_OF, "5", "400")), 1);
	assert_int_equal(fake_calls("binding_delete " HOME), 0);
	assert_int_equal(fake_calls("sequence_keep " HOME_2 " 8"), 1);
	u.tokens = &tokens; /* of before */
	rig_send(&u);
	assert_int_equal(rig_find(HOME)->seq, 6);
	fake_forget();
	rig_bind(HOME_2, CARE_OF, 8, 100);
	assert_int_equal(fake_calls("send_mh BA status 135 seq 8"), 1);
}

static void what_is_not_wanted_any_more_is_not_adopted(void **state)
{
	struct config_prefix refused = { .prefix = addr(HOME), .len = 128 };
	struct config_mobile_node node = { .home = addr(HOME_2) };

	rig_config.refused = &refused;
	rig_config.refused_count = 1;
	rig_config.mobile_nodes = &node;
	rig_config.mobile_node_count = 1;
	left(HOME, CARE_OF, 5, USUAL, 30, 400);
	left(HOME_2, CARE_OF, 5, USUAL, 30, 400);
	left(HOME_3, CARE_OF, 5, USUAL | BU_HOME, 30, 4000); /* of a home agent that this was */
	restart();
	assert_int_equal(binding_count(correspondent_bindings(&gw)), 0);
	assert_int_equal(fake_calls("binding_delete"), 3);
	assert_int_equal(fake_calls("sequence_keep"), 3);
	assert_int_equal(fake_calls("binding_set"), 0);
}

/* More than fits now: what is there stays in bounds. */
static void a_smaller_cache_adopts_what_fits(void **state)
{
	static const char *const homes[] = { HOME, HOME_2, HOME_3, HOME_4, HOME_5 };

	for (size_t i = 0; i < ARRAY_SIZE(homes); i++)
		left(homes[i], CARE_OF, 5, USUAL, 30, 400);
	restart();
	assert_int_equal(binding_count(correspondent_bindings(&gw)), RIG_BINDINGS);
	assert_int_equal(fake_calls("binding_set"), 2);
	assert_int_equal(fake_calls("sequence_keep"), 2);
	assert_int_equal(fake_calls("binding_delete"), 3);
}

static void nonces_that_ended_meanwhile_are_wiped(void **state)
{
	uint16_t newest = fake_peers.newest;

	fake.now = mono_add_s(fake.now, RR_NONCE_LIFETIME_S);
	restart();
	assert_int_equal(nonces_in_the_map(), 1);
	assert_true(!fake_peers.nonces[newest % LIMIT_NONCES].used ||
		    fake_peers.newest % LIMIT_NONCES == newest % LIMIT_NONCES);
	rig_init_from(MH_HOTI, HOME, false);
	assert_int_equal(fake_calls("send_mh HoT"), 1);
}

static void a_home_agent_adopts_by_itself(void **state)
{
	rig_config.roles |= ROLE_HOME_AGENT;
	left(HOME, CARE_OF, 5, USUAL, 30, 400);
	restart();
	assert_null(rig_find(HOME));
	correspondent_adopt_one(&gw, &fake.adopted[0].home, &fake.adopted[0].reg);
	assert_non_null(rig_find(HOME));
}

static void a_reload_deletes_what_is_refused_now(void **state)
{
	struct config_prefix refused = { .prefix = addr(HOME), .len = 128 };

	rig_bind(HOME, CARE_OF, 1, 420);
	rig_bind(HOME_2, CARE_OF, 1, 420);
	fake_forget();
	rig_config.refused = &refused;
	rig_config.refused_count = 1;
	correspondent_reloaded(&gw);
	EXPECT_CALLS("publish peer-gone " HOME, "binding_delete " HOME, "sequence_keep " HOME " 1");
	assert_int_equal(fake_peers.refused_count, 1);
	assert_null(rig_find(HOME));
	assert_non_null(rig_find(HOME_2));
	rig_config.refused_count = 0;
}

/* ---- beside a home agent ---- */

static void a_home_registration_is_left_alone(void **state)
{
	struct binding_request req = { .home = addr(HOME), .care_of = addr(CARE_OF), .flags = BU_HOME | BU_ACK };
	struct binding_cache *cache = binding_cache_new(10);
	struct in6_addr home = addr(HOME);
	static char role;

	gw.ha = (struct home_agent *)&role; /* that there is one is all that is looked at */
	gw.bindings = cache;
	rig_unbind(HOME, CARE_OF, 3); /* from when its node came home: its number is kept */
	req.seq = 4;
	req.lifetime_s = 3600;
	assert_int_equal(binding_update(cache, &req, fake.now, NULL), 0);
	fake_forget();
	rig_unbind(HOME, CARE_OF, 5);
	EXPECT_CALLS("answer_set " HOME " -> " CARE_OF, ACK(HOME, "139", "5", "0"));
	rig_bind(HOME, CARE_OF, 6, 420);
	EXPECT_CALLS("answer_set " HOME " -> " CARE_OF, ACK(HOME, "139", "6", "0"));
	rig_bind(HOME, CARE_OF, 4, 420);
	EXPECT_CALLS("answer_set " HOME " -> " CARE_OF, ACK(HOME, "135", "4", "0"));
	rig_advance(RR_NONCE_LIFETIME_S); /* the number ends: its entry in the map is the registration's by now */
	assert_int_equal(fake_calls("binding_delete"), 0);
	binding_delete(cache, &home);
	gw.ha = NULL;
	gw.bindings = NULL;
	binding_cache_free(cache);
}

/* ---- log ---- */

static void strangers_write_nothing_into_the_log(void **state)
{
	struct rig_tokens tokens = rig_tokens(HOME, CARE_OF);
	struct rig_update u = { .home = HOME, .care_of = CARE_OF, .seq = 1, .flags = USUAL, .lifetime_s = 420 };
	FILE *log = tmpfile();
	int kept = dup(STDERR_FILENO);

	assert_non_null(log);
	assert_true(kept >= 0 && dup2(fileno(log), STDERR_FILENO) >= 0);
	u.tokens = &tokens;
	fake_fail("send_mh", -ENETUNREACH);
	for (int i = 0; i < 1000; i++) {
		u.spoil_at = 31;
		u.spoil = (uint8_t)(1 + i % 255);
		rig_send(&u);
		u.spoil = 0;
		u.flags = USUAL | BU_HOME;
		rig_send(&u);
		u.flags = USUAL;
		tokens.home_nonce++;
		rig_send(&u);
		tokens.home_nonce--;
		rig_init_from(MH_HOTI, "fe80::1", false);
		rig_init_from(MH_COTI, CARE_OF, false);
		unreachable(HOME, CARE_OF, ICMP6_UNREACHABLE, 0);
	}
	fake_fail(NULL, 0);
	fflush(stderr);
	assert_true(dup2(kept, STDERR_FILENO) >= 0);
	close(kept);
	assert_int_equal(fseek(log, 0, SEEK_END), 0);
	assert_int_equal(ftell(log), 0);
	fclose(log);
	assert_int_equal(counted(AGENT_PEER_FORGED), 1000);
	assert_int_equal(counted(AGENT_SEND_FAILED), 3000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(a_test_init_gets_a_token_of_the_newest_nonce),
		RIG_TEST(strange_test_inits_are_counted_and_no_more),
		RIG_TEST(an_old_nonce_is_not_given_out),
		RIG_TEST(nonces_rotate_and_go),
		RIG_TEST(a_token_lives_as_long_as_the_rfc_says),
		RIG_TEST(the_next_tick_is_when_something_is_due),
		RIG_TEST(the_operator_sees_ages_and_no_secrets),
		RIG_TEST(a_binding_stands_before_it_is_acknowledged),
		RIG_TEST(a_move_is_told_and_answered_where_it_came_from),
		RIG_TEST(a_deletion_leaves_a_number_and_goes_its_own_road),
		RIG_TEST(a_deletion_of_nothing_is_no_fault),
		RIG_TEST(refusals_are_answered_unasked_and_signed_where_there_is_a_key),
		RIG_TEST(without_a_path_nothing_changes),
		RIG_TEST(a_learned_path_mtu_stays_with_its_path),
		RIG_TEST(an_update_heard_again_does_nothing),
		RIG_TEST(a_number_ends_with_the_nonces_of_its_update),
		RIG_TEST(a_number_that_ends_takes_no_binding_with_it),
		RIG_TEST(who_proved_itself_takes_the_place_of_what_ends_first),
		RIG_TEST(nobody_is_evicted_by_what_proves_nothing),
		RIG_TEST(numbers_are_never_given_up_for_room),
		RIG_TEST(whatever_happens_nothing_is_accepted_twice),
		RIG_TEST(a_refresh_is_asked_for_what_is_in_use),
		RIG_TEST(nobody_is_woken_for_what_is_idle),
		RIG_TEST(short_lifetimes_are_asked_for_in_their_middle),
		RIG_TEST(only_what_stays_unreachable_goes),
		RIG_TEST(a_pause_begins_the_count_anew),
		RIG_TEST(errors_about_others_are_not_ours),
		RIG_TEST(a_refresh_forgets_unreachables),
		RIG_TEST(another_daemon_goes_on_with_nonces_and_bindings),
		RIG_TEST(what_is_not_wanted_any_more_is_not_adopted),
		RIG_TEST(a_smaller_cache_adopts_what_fits),
		RIG_TEST(nonces_that_ended_meanwhile_are_wiped),
		RIG_TEST(a_home_agent_adopts_by_itself),
		RIG_TEST(a_reload_deletes_what_is_refused_now),
		RIG_TEST(a_home_registration_is_left_alone),
		RIG_TEST(strangers_write_nothing_into_the_log),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
