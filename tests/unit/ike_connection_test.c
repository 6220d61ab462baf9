// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What strongSwan is told of a home address, whole and in order, from both ends; and whose names are ours. */
#include "check.h"

#include <errno.h>
#include <stdlib.h>

#include "../../agent/ike_connection.h"

enum { SLOT = 5 };

/* Each value or list item as "path=value" in a line. */
struct text {
	char at[16384];
	size_t len;
};

static int note(void *arg, const struct vici_element *element)
{
	struct text *text = arg;

	text->len += snprintf(text->at + text->len, sizeof(text->at) - text->len, "%s=%.*s\n", element->path,
			      (int)element->len, (const char *)element->value);
	return text->len < sizeof(text->at) ? 0 : -ENOSPC;
}

static void read_back(struct vici_writer *w, struct text *text)
{
	const uint8_t *data;
	size_t len;

	*text = (struct text){};
	assert_int_equal(vici_writer_end(w, &data, &len), 0);
	assert_int_equal(vici_parse(data, len, note, text), 0);
	vici_writer_free(w);
}

static void connection_text(const struct ike_connection *connection, struct text *text)
{
	struct vici_writer *w = vici_writer_new();

	ike_write_connection(w, connection);
	read_back(w, text);
}

static struct ipsec_end end_of(bool node)
{
	return (struct ipsec_end){
		.home = addr("2001:db8:1::100"), .agent = addr("2001:db8:1::1"), .node = node, .slot = SLOT
	};
}

static void has_line(const struct text *text, const char *line)
{
	const char *at = strstr(text->at, line);

	if (!at || (at > text->at && at[-1] != '\n') || at[strlen(line)] != '\n')
		fail_msg("no line %s in:\n%s", line, text->at);
}

/* ---- connections ---- */

#define C "mobgw-2001:db8:1::100."
#define CHILD C "children.mobgw-2001:db8:1::100-"
#define PROPOSALS(name)                                                                                                \
	CHILD name ".esp_proposals[]=aes128gcm16-x25519-ecp256\n" CHILD name                                           \
		   ".esp_proposals[]=aes256gcm16-x25519-ecp256\n" CHILD name                                           \
		   ".esp_proposals[]=aes128-sha256-x25519-ecp256\n" CHILD name                                         \
		   ".esp_proposals[]=aes256-sha256-x25519-ecp256\n" CHILD name                                         \
		   ".esp_proposals[]=aes128gcm16\n" CHILD name ".esp_proposals[]=aes128-sha256\n" CHILD name           \
		   ".esp_proposals[]=aes128-sha1\n"
#define ACTIONS(name)                                                                                                  \
	CHILD name ".start_action=none\n" CHILD name ".dpd_action=none\n" CHILD name ".close_action=none\n"
#define CHILD_OF(name, mode, reqid, mark, local, remote)                                                               \
	CHILD name ".mode=" mode "\n" CHILD name ".policies=no\n" CHILD name ".reqid=" reqid "\n" CHILD name           \
		   ".set_mark_in=" mark "/0xffffffff\n" CHILD name ".local_ts[]=" local "\n" CHILD name                \
		   ".remote_ts[]=" remote "\n" PROPOSALS(name) ACTIONS(name)
#define TIMES_AT_AGENT(name) CHILD name ".rekey_time=3600s\n"
#define TIMES_AT_NODE(name) CHILD name ".rekey_time=0s\n" CHILD name ".rand_time=0s\n" CHILD name ".life_time=5400s\n"

/* 0x6d000000 | 5 << 2 | child */
#define SIGNALLING(local, remote) CHILD_OF("signalling", "transport_proxy", "1828716564", "0x6d000014", local, remote)
#define HOME_TEST(local, remote) CHILD_OF("home-test", "tunnel", "1828716565", "0x6d000015", local, remote)
#define PAYLOAD(local, remote) CHILD_OF("payload", "tunnel", "1828716566", "0x6d000016", local, remote)

static void a_home_agent_tells_all_of_a_node(void **state)
{
	static const char expected[] =
		C "version=2\n" C "local_addrs[]=2001:db8:1::1\n" C "remote_addrs[]=%any\n" C "mobike=no\n" C
		  "proposals[]=default\n" C "dpd_delay=30s\n" C "rekey_time=14400s\n" C "unique=replace\n" C
		  "keyingtries=1\n" C "local.auth=psk\n" C "local.id=ha.example.com\n" C "remote.auth=psk\n" C
		  "remote.id=bus7@example.com\n" SIGNALLING("2001:db8:1::1/128", "2001:db8:1::100/128")
			  TIMES_AT_AGENT("signalling") HOME_TEST("::/0[135]", "2001:db8:1::100/128[135]")
				  TIMES_AT_AGENT("home-test") PAYLOAD("::/0", "2001:db8:1::100/128")
					  TIMES_AT_AGENT("payload");
	struct ipsec_end end = end_of(false);
	struct ike_connection c = { &end, "bus7@example.com", "ha.example.com", true, NULL, 3600 };
	struct in6_addr local = addr("2001:db8:2::9");
	struct text text;

	end.home_tests = end.payload = true;
	connection_text(&c, &text);
	assert_string_equal(text.at, expected);
	c.local = &local; /* a care-of address is the node's business */
	connection_text(&c, &text);
	assert_string_equal(text.at, expected);
}

static void a_node_tells_the_same_from_its_end(void **state)
{
	static const char expected[] =
		C "version=2\n" C "local_addrs[]=2001:db8:2::9\n" C "remote_addrs[]=2001:db8:1::1\n" C "mobike=no\n" C
		  "proposals[]=default\n" C "dpd_delay=30s\n" C "rekey_time=0s\n" C "unique=replace\n" C
		  "keyingtries=1\n" C "local.auth=pubkey\n" C "local.id=bus7@example.com\n" C "remote.auth=pubkey\n" C
		  "remote.id=ha.example.com\n" SIGNALLING("2001:db8:1::100/128", "2001:db8:1::1/128")
			  TIMES_AT_NODE("signalling") HOME_TEST("2001:db8:1::100/128[135]", "::/0[135]")
				  TIMES_AT_NODE("home-test") PAYLOAD("2001:db8:1::100/128", "::/0")
					  TIMES_AT_NODE("payload");
	struct in6_addr local = addr("2001:db8:2::9");
	struct ipsec_end end = end_of(true);
	struct ike_connection c = { &end, "bus7@example.com", "ha.example.com", false, &local, 3600 };
	struct text text;

	end.home_tests = end.payload = true;
	connection_text(&c, &text);
	assert_string_equal(text.at, expected);
	c.local = NULL;
	connection_text(&c, &text);
	has_line(&text, C "local_addrs[]=%any");
}

static void children_are_what_is_protected(void **state)
{
	static const struct {
		bool home_tests, payload;
		bool has[IPSEC_CHILDREN];
	} cases[] = {
		{ false, false, { true, false, false } },
		{ true, false, { true, true, false } },
		{ false, true, { true, false, true } },
		{ true, true, { true, true, true } },
	};

	for (size_t i = 0; i < 2 * ARRAY_SIZE(cases); i++) {
		struct ipsec_end end = end_of(i % 2);
		struct ike_connection c = { &end, "2001:db8:1::100", "2001:db8:1::1", true, NULL, 10 };
		struct text text;

		end.home_tests = cases[i / 2].home_tests;
		end.payload = cases[i / 2].payload;
		connection_text(&c, &text);
		for (int child = 0; child < IPSEC_CHILDREN; child++) {
			char wanted[100];

			snprintf(wanted, sizeof(wanted), CHILD "%s.mode=", ipsec_child_names[child]);
			CHECK_CASE(i, !!strstr(text.at, wanted) == cases[i / 2].has[child]);
		}
	}
}

static void the_last_slot_and_the_longest_names_fit(void **state)
{
	struct ipsec_end end = end_of(false);
	char id[IKE_ID_MAX + 1], line[IKE_ID_MAX + 100];
	struct ike_connection c = { &end, id, id, true, NULL, 86400 };
	struct text text;

	memset(id, 'i', IKE_ID_MAX);
	id[IKE_ID_MAX] = '\0';
	end.home = addr("2001:db8:1111:2222:3333:4444:5555:6666");
	end.slot = IPSEC_SLOTS - 1;
	end.home_tests = end.payload = true;
	connection_text(&c, &text);
	snprintf(line, sizeof(line), "mobgw-2001:db8:1111:2222:3333:4444:5555:6666.remote.id=%s", id);
	has_line(&text, line);
	has_line(&text, "mobgw-2001:db8:1111:2222:3333:4444:5555:6666.rekey_time=345600s");
	has_line(&text, "mobgw-2001:db8:1111:2222:3333:4444:5555:6666.children."
			"mobgw-2001:db8:1111:2222:3333:4444:5555:6666-payload.set_mark_in=0x6dfffffe/0xffffffff");
}

/* ---- secrets, initiation ---- */

static void a_secret_belongs_to_the_node_alone(void **state)
{
	struct ipsec_end end = end_of(false);
	struct ike_connection c = { &end, "bus7@example.com", "ha.example.com", true, NULL, 3600 };
	struct ike_secret secret = { .len = IKE_SECRET_MAX };
	char expected[IKE_SECRET_MAX + 200];
	struct vici_writer *w;
	struct text text;

	memset(secret.secret, 's', sizeof(secret.secret)); /* not terminated */
	for (int node = 0; node < 2; node++) {
		end.node = node;
		w = vici_writer_new();
		ike_write_secret(w, &c, &secret);
		read_back(w, &text);
		snprintf(expected, sizeof(expected),
			 "id=mobgw-2001:db8:1::100\ntype=IKE\ndata=%.*s\nowners[]=bus7@example.com\n", IKE_SECRET_MAX,
			 secret.secret);
		assert_string_equal(text.at, expected);
	}
	secret.len = IKE_SECRET_MIN;
	w = vici_writer_new();
	ike_write_secret(w, &c, &secret);
	read_back(w, &text);
	has_line(&text, "data=ssssssssssssssss");
}

static void a_child_is_begun_by_both_names(void **state)
{
	struct in6_addr home = addr("2001:db8:1::100");

	for (int child = 0; child < IPSEC_CHILDREN; child++) {
		struct vici_writer *w = vici_writer_new();
		char expected[200];
		struct text text;

		ike_write_initiate(w, &home, child);
		read_back(w, &text);
		snprintf(expected, sizeof(expected),
			 "ike=mobgw-2001:db8:1::100\nchild=mobgw-2001:db8:1::100-%s\ntimeout=-1\n",
			 ipsec_child_names[child]);
		CHECK_CASE(child, !strcmp(text.at, expected));
	}
}

/* ---- names ---- */

static void names_lead_back_to_their_home_address(void **state)
{
	static const char *const homes[] = { "2001:db8:1::100", "::1", "2001:db8:1111:2222:3333:4444:5555:6666",
					     "::ffff:192.0.2.1", "fd00::" };

	for (size_t i = 0; i < ARRAY_SIZE(homes); i++) {
		struct in6_addr home = addr(homes[i]), found;
		char name[IKE_NAME_MAX], *exact;
		size_t len;

		ike_name(&home, name);
		len = strlen(name);
		exact = malloc(len); /* in a message nothing ends it */
		memcpy(exact, name, len);
		CHECK_CASE(i, ike_home_of_name(exact, len, &found) && addr_equal(&found, &home));
		free(exact);
		for (int child = 0; child < IPSEC_CHILDREN; child++) {
			ike_child_name(&home, child, name);
			CHECK_CASE(i, strstr(name, ipsec_child_names[child]));
			CHECK_CASE(i, !ike_home_of_name(name, strlen(name), &found));
		}
	}
}

static void other_peoples_names_are_not_ours(void **state)
{
	static const struct {
		const char *name;
		size_t len;
	} cases[] = {
		{ "", 0 },
		{ "mobgw-", 6 },
		{ "mobgw", 5 },
		{ "net-net", 7 },
		{ "2001:db8:1::100", 15 },
		{ "Mobgw-2001:db8:1::100", 21 },
		{ "mobgw_2001:db8:1::100", 21 },
		{ " mobgw-2001:db8:1::100", 22 },
		{ "mobgw-2001:db8:1::100 ", 22 },
		{ "mobgw-192.0.2.1", 15 },
		{ "mobgw-%any", 10 },
		{ "mobgw-2001:db8:1::100-signalling", 32 },
		{ "mobgw-2001:db8:1::100\0x", 23 },
		{ "mobgw-2001:DB8:1::100", 21 }, /* an address, but not as we write it */
		{ "mobgw-2001:db8:1:0::100", 23 },
		{ "mobgw-2001:db8:1111:2222:3333:4444:5555:66667", 45 },
		{ "mobgw-2001:db8:1111:2222:3333:4444:255.255.255.2555", 51 },
		{ "mobgw-2001:0db8:1111:2222:3333:4444:255.255.255.255aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 90 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct in6_addr home;
		char *exact = malloc(cases[i].len ? cases[i].len : 1);

		memcpy(exact, cases[i].name, cases[i].len);
		CHECK_CASE(i, !ike_home_of_name(exact, cases[i].len, &home));
		free(exact);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_home_agent_tells_all_of_a_node),
		cmocka_unit_test(a_node_tells_the_same_from_its_end),
		cmocka_unit_test(children_are_what_is_protected),
		cmocka_unit_test(the_last_slot_and_the_longest_names_fit),
		cmocka_unit_test(a_secret_belongs_to_the_node_alone),
		cmocka_unit_test(a_child_is_begun_by_both_names),
		cmocka_unit_test(names_lead_back_to_their_home_address),
		cmocka_unit_test(other_peoples_names_are_not_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
