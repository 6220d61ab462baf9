// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What charon is asked, when, and in which order, above a session in memory: loading, moves meanwhile, strangers,
 * exchanges that take too long. RFC 4877 §4.
 */
#define RIG_REAL_IKE
#include "ipsec_rig.h"

#include "../../agent/ike_connection.h"

#define SECRETS "/tmp/mobgw-ike-test.secrets"
#define SECRET "0123456789abcdef"
#define WITH_SECRETS "ipsec: { ike: { secrets: " SECRETS " }, payload: protected }\n"
#define AGENT_OF_TWO ROUTER(ONE(NODE_A) ", " ONE(NODE_B)) WITH_SECRETS
#define NODE TABLET WITH_SECRETS

/* ---- a session with charon ---- */

static struct {
	bool up;
	struct vici_handlers handlers;
	struct {
		char text[4096]; /* "command path=value path=value" */
		vici_answer_fn fn;
		void *arg;
	} requests[64]; /* not answered yet */
	size_t count;
} charon;

int vici_open(sd_event *loop, const char *socket_path, const char *const *events, const struct vici_handlers *handlers,
	      struct vici **out)
{
	memset(&charon, 0, sizeof(charon));
	charon.handlers = *handlers;
	*out = (struct vici *)&charon;
	return 0;
}

void vici_close(struct vici *v)
{
}

bool vici_is_up(const struct vici *v)
{
	return charon.up;
}

static int note(void *arg, const struct vici_element *element)
{
	char *text = arg;
	size_t len = strlen(text);

	snprintf(text + len, sizeof(charon.requests[0].text) - len, " %s=%.*s", element->path, (int)element->len,
		 (const char *)element->value);
	return 0;
}

int vici_request(struct vici *v, const char *command, struct vici_writer *w, uint32_t timeout_s, vici_answer_fn fn,
		 void *arg)
{
	const uint8_t *data = NULL;
	size_t len = 0;

	if (!charon.up)
		return -ENOTCONN;
	assert_true(charon.count < ARRAY_SIZE(charon.requests));
	snprintf(charon.requests[charon.count].text, sizeof(charon.requests[0].text), "%s", command);
	if (w) {
		assert_int_equal(vici_writer_end(w, &data, &len), 0);
		assert_int_equal(vici_parse(data, len, note, charon.requests[charon.count].text), 0);
	}
	charon.requests[charon.count].fn = fn;
	charon.requests[charon.count++].arg = arg;
	return 0;
}

/* Answers the oldest request, which has to begin with @what, with the message in @w, or success; with @err none. */
static void answer(const char *what, struct vici_writer *w, int err)
{
	vici_answer_fn fn = charon.requests[0].fn;
	void *arg = charon.requests[0].arg;
	const uint8_t *data = NULL;
	size_t len = 0;

	assert_true(charon.count > 0);
	if (strncmp(charon.requests[0].text, what, strlen(what)) != 0)
		fail_msg("expected %s\n     got %s", what, charon.requests[0].text);
	memmove(charon.requests, charon.requests + 1, --charon.count * sizeof(charon.requests[0]));
	if (!w) {
		w = vici_writer_new();
		vici_text(w, "success", "yes");
	}
	assert_int_equal(vici_writer_end(w, &data, &len), 0);
	fn(arg, err, data, len);
	vici_writer_free(w);
}

static void grant(const char *what)
{
	answer(what, NULL, 0);
}

static struct vici_writer *names(const char *key, const char *const *items, size_t count)
{
	struct vici_writer *w = vici_writer_new();

	vici_list(w, key, items, count);
	return w;
}

/* ---- life ---- */

static void write_secrets(const char *text)
{
	FILE *file;

	unlink(SECRETS);
	umask(0077);
	file = fopen(SECRETS, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static int setup(void **state)
{
	write_secrets(NODE_A " " SECRET "A\n" NODE_B " " SECRET "B\n");
	return rig_setup(state);
}

static int teardown(void **state)
{
	unlink(SECRETS);
	return rig_teardown(state);
}

static void come_up(void)
{
	charon.up = true;
	charon.handlers.on_up(charon.handlers.arg);
}

static void moving_to(const char *care_of)
{
	struct in6_addr home = addr(NODE_A), to = addr(care_of);

	ipsec_moving(&gw, &home, &to);
}

static void second(void)
{
	fake.now = mono_add_s(fake.now, 1);
	ipsec_tick(&gw);
}

static void child_is_there(enum ipsec_child child)
{
	uint32_t reqid = ipsec_reqid(rig_node(NODE_A)->end.slot, child);
	struct xfrm_state_spec s = { .src = addr(NODE_A),
				     .dst = addr(HA),
				     .spi = reqid,
				     .reqid = reqid,
				     .tunnel = child != IPSEC_SIGNALLING,
				     .expires = true };
	struct in6_addr swap = s.src;

	if (s.tunnel)
		swap = s.src = addr(FIRST);
	assert_int_equal(fake_put_state(&s), 0);
	s.src = s.dst;
	s.dst = swap;
	s.spi++;
	assert_int_equal(fake_put_state(&s), 0);
	fake_deliver();
}

/* Loaded, at FIRST, and signalling is being agreed on. */
static void begin(void)
{
	rig_start(NODE);
	come_up();
	grant("get-conns");
	grant("get-shared");
	grant("load-shared");
	grant("load-conn");
	grant("list-sas");
	moving_to(FIRST);
	grant("load-conn mobgw-" NODE_A ".version=2 mobgw-" NODE_A ".local_addrs[]=" FIRST);
	grant("initiate ike=mobgw-" NODE_A " child=mobgw-" NODE_A "-signalling timeout=-1");
	assert_int_equal(charon.count, 0);
}

/* ---- loading ---- */

static void each_home_address_has_its_secret_and_connection(void **state)
{
	rig_start(AGENT_OF_TWO);
	assert_false(ipsec_charon_answers(&gw));
	come_up();
	grant("get-conns");
	grant("get-shared");
	grant("load-shared id=mobgw-" NODE_A " type=IKE data=" SECRET "A owners[]=" NODE_A);
	grant("load-conn mobgw-" NODE_A ".version=2 mobgw-" NODE_A ".local_addrs[]=" HA);
	grant("load-shared id=mobgw-" NODE_B " type=IKE data=" SECRET "B owners[]=" NODE_B);
	assert_false(ipsec_charon_answers(&gw));
	grant("load-conn mobgw-" NODE_B);
	assert_true(ipsec_charon_answers(&gw));
	assert_int_equal(charon.count, 0); /* a home agent begins nothing */
}

static void a_session_that_ends_meanwhile_has_loaded_nothing(void **state)
{
	static const int errors[] = { -ECONNRESET, -ETIMEDOUT, -EBADMSG };

	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		rig_start(AGENT_OF_TWO);
		come_up();
		grant("get-conns");
		grant("get-shared");
		charon.up = false;
		while (charon.count)
			answer("load-", NULL, errors[i]);
		CHECK_CASE(i, !ipsec_charon_answers(&gw));
		charon.handlers.on_down(charon.handlers.arg, "it ended");
		come_up();
		grant("get-conns");
		grant("get-shared");
		while (charon.count)
			grant("load-");
		CHECK_CASE(i, ipsec_charon_answers(&gw));
		rig_stop();
	}
}

static void what_nobody_wants_any_more_goes(void **state)
{
	static const char *const items[] = { "mobgw-" NODE_C, "mobgw-" NODE_A, "somebody-elses", "mobgw-x" };

	rig_start(AGENT_OF_TWO);
	come_up();
	answer("get-conns", names("conns", items, ARRAY_SIZE(items)), 0);
	answer("get-shared", names("keys", items, ARRAY_SIZE(items)), 0);
	while (!strncmp(charon.requests[0].text, "load-", 5))
		grant("load-");
	grant("unload-conn name=mobgw-" NODE_C);
	grant("terminate ike=mobgw-" NODE_C " force=yes timeout=-1");
	grant("unload-shared id=mobgw-" NODE_C);
	assert_int_equal(charon.count, 0);
}

/* A secret that was taken out of the file must not go on in charon's memory. */
static void a_reload_without_a_secret_is_refused(void **state)
{
	struct config *config = rig_config(AGENT_OF_TWO);
	struct ipsec_secrets fresh;

	rig_start(AGENT_OF_TWO);
	write_secrets(NODE_A " " SECRET "A\n");
	assert_int_equal(ipsec_reload_check(&gw, config, &fresh), -EINVAL);
	ipsec_secrets_free(&fresh);
	config_free(config);
	rig_stop();
	assert_int_equal(rig_try(AGENT_OF_TWO), -EINVAL);
}

/* ---- exchanges ---- */

static void a_move_while_loading_is_told_too(void **state)
{
	rig_start(NODE);
	moving_to(FIRST);
	come_up();
	grant("get-conns");
	grant("get-shared");
	moving_to(SECOND); /* the connection from FIRST is in the queue */
	grant("load-shared");
	grant("load-conn mobgw-" NODE_A ".version=2 mobgw-" NODE_A ".local_addrs[]=" FIRST);
	grant("load-conn mobgw-" NODE_A ".version=2 mobgw-" NODE_A ".local_addrs[]=" SECOND);
	grant("list-sas");
	grant("initiate");
}

static void one_child_after_the_other(void **state)
{
	begin();
	child_is_there(IPSEC_SIGNALLING);
	grant("initiate ike=mobgw-" NODE_A " child=mobgw-" NODE_A "-home-test");
	child_is_there(IPSEC_HOME_TEST);
	grant("initiate ike=mobgw-" NODE_A " child=mobgw-" NODE_A "-payload");
	child_is_there(IPSEC_PAYLOAD);
	for (int i = 0; i < 100; i++)
		second();
	assert_int_equal(charon.count, 0);
}

/* charon repeats itself ever more seldom, and would only queue what is asked meanwhile. */
static void what_takes_too_long_ends_and_begins_anew(void **state)
{
	static const int patience_s[] = { 8, 16, 32, 64, 64 };

	begin();
	for (size_t i = 0; i < ARRAY_SIZE(patience_s); i++) {
		for (int s = 0; s < patience_s[i]; s++) {
			second();
			CHECK_CASE(i, charon.count == 0);
		}
		second();
		grant("terminate ike=mobgw-" NODE_A " force=yes timeout=-1");
		second();
		grant("initiate ike=mobgw-" NODE_A " child=mobgw-" NODE_A "-signalling");
	}
	moving_to(SECOND); /* elsewhere it may be better */
	grant("load-conn");
	grant("initiate");
	for (int s = 0; s < 9; s++)
		second();
	grant("terminate");
}

/* What the home agent never agrees to costs nothing but itself. */
static void a_child_alone_ends_alone(void **state)
{
	begin();
	child_is_there(IPSEC_SIGNALLING);
	grant("initiate");
	for (int s = 0; s < 9; s++)
		second();
	grant("terminate ike=mobgw-" NODE_A " child=mobgw-" NODE_A "-home-test force=yes timeout=-1");
	second();
	grant("initiate ike=mobgw-" NODE_A " child=mobgw-" NODE_A "-home-test");
}

static void what_the_kernel_lost_unheard_is_agreed_on_anew(void **state)
{
	begin();
	child_is_there(IPSEC_SIGNALLING);
	grant("initiate");
	for (size_t i = 0; i < FAKE_ROOM; i++)
		fake_xfrm.states[i].there = false;
	fake_xfrm.handlers->on_overrun(fake_xfrm.handlers->arg);
	second();
	grant("terminate ike=mobgw-" NODE_A " force=yes");
	second();
	grant("initiate ike=mobgw-" NODE_A " child=mobgw-" NODE_A "-signalling");
}

#define IKE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IKE(each_home_address_has_its_secret_and_connection),
		IKE(a_session_that_ends_meanwhile_has_loaded_nothing),
		IKE(what_nobody_wants_any_more_goes),
		IKE(a_reload_without_a_secret_is_refused),
		IKE(a_move_while_loading_is_told_too),
		IKE(one_child_after_the_other),
		IKE(what_takes_too_long_ends_and_begins_anew),
		IKE(a_child_alone_ends_alone),
		IKE(what_the_kernel_lost_unheard_is_agreed_on_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
