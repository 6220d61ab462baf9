// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* charon's events about an IKE_SA: whose it is, where it ends, which children stand; other people's are nothing to us.
 */
#include "check.h"

#include <errno.h>

#include "../../agent/ike_sas.h"
#include "../../agent/vici.h"

#define NAME "mobgw-2001:db8:1::100"

struct child {
	const char *section, *name, *state;
};

static void write_sa(struct vici_writer *w, const char *connection, const char *state, const struct child *children,
		     size_t count)
{
	vici_section(w, connection);
	vici_text(w, "uniqueid", "7");
	vici_text(w, "state", "%s", state);
	vici_text(w, "local-host", "2001:db8:f1::2");
	vici_text(w, "remote-host", "2001:db8:1::1");
	vici_section(w, "child-sas");
	for (size_t i = 0; i < count; i++) {
		vici_section(w, children[i].section);
		vici_text(w, "name", "%s", children[i].name);
		vici_text(w, "uniqueid", "%zu", i);
		vici_text(w, "state", "%s", children[i].state);
		vici_section_end(w);
	}
	vici_section_end(w);
	vici_section_end(w);
}

static int read_back(struct vici_writer *w, struct ike_sa_news *news)
{
	const uint8_t *data;
	size_t len;
	int err;

	assert_int_equal(vici_writer_end(w, &data, &len), 0);
	err = ike_sa_read(data, len, news);
	vici_writer_free(w);
	return err;
}

static void assert_addr(struct in6_addr have, const char *text)
{
	struct in6_addr want = addr(text);

	assert_memory_equal(&have, &want, sizeof(want));
}

static void what_stands_and_what_is_on_its_way_counts(void **state)
{
	static const struct {
		const char *state;
		bool alive;
	} cases[] = {
		{ "CREATED", true },	 { "INSTALLING", true },  { "INSTALLED", true }, { "UPDATING", true },
		{ "REKEYING", true },	 { "REKEYED", false },	  { "RETRYING", false }, { "DELETING", false },
		{ "DELETED", false },	 { "DESTROYING", false }, { "ROUTED", false },	 { "INSTALLE", false },
		{ "INSTALLED ", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct child children[] = { { NAME "-payload-3", NAME "-payload", cases[i].state } };
		struct vici_writer *w = vici_writer_new();
		struct ike_sa_news news;

		write_sa(w, NAME, "ESTABLISHED", children, 1);
		assert_int_equal(read_back(w, &news), 0);
		assert_int_equal(news.children, cases[i].alive ? 1 << IPSEC_PAYLOAD : 0);
		assert_false(news.ending);
	}
}

static void children_are_told_apart_by_their_names(void **state)
{
	struct child children[] = {
		{ NAME "-signalling-1", NAME "-signalling", "REKEYED" },
		{ NAME "-home-test-2", NAME "-home-test", "INSTALLED" },
		{ "of-somebody-3", "of-somebody", "INSTALLED" },
		{ NAME "-signalling-4", NAME "-signalling", "INSTALLED" },
		{ NAME "-payload-5", "mobgw-2001:db8:1::101-payload", "INSTALLED" },
	};
	struct vici_writer *w = vici_writer_new();
	struct ike_sa_news news;

	write_sa(w, NAME, "ESTABLISHED", children, ARRAY_SIZE(children));
	assert_int_equal(read_back(w, &news), 0);
	assert_addr(news.home, "2001:db8:1::100");
	assert_addr(news.local, "2001:db8:f1::2");
	assert_addr(news.remote, "2001:db8:1::1");
	assert_int_equal(news.children, 1 << IPSEC_SIGNALLING | 1 << IPSEC_HOME_TEST);
}

static void an_end_is_told(void **state)
{
	struct vici_writer *w = vici_writer_new();
	struct ike_sa_news news;

	write_sa(w, NAME, "DELETING", NULL, 0);
	assert_int_equal(read_back(w, &news), 0);
	assert_true(news.ending);
}

static void up_and_down(void **state)
{
	for (int up = 0; up < 2; up++) {
		struct vici_writer *w = vici_writer_new();
		struct ike_sa_news news;

		if (up)
			vici_text(w, "up", "yes");
		write_sa(w, NAME, "ESTABLISHED", NULL, 0);
		assert_int_equal(read_back(w, &news), 0);
		assert_int_equal(news.up, up);
	}
}

static void other_peoples_connections_are_nothing_to_us(void **state)
{
	static const char *const names[] = { "office", "mobgw", "mobgw-", "mobgw-2001:DB8:1::100",
					     "mobgw-2001:db8:1::100x" };
	struct ike_sa_news news;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct child children[] = { { NAME "-payload-3", NAME "-payload", "INSTALLED" } };
		struct vici_writer *w = vici_writer_new();

		write_sa(w, names[i], "ESTABLISHED", children, 1);
		assert_int_equal(read_back(w, &news), -ENOENT);
		assert_int_equal(news.children, 0);
	}
	assert_int_equal(read_back(vici_writer_new(), &news), -ENOENT);
}

static void cut_anywhere_it_is_malformed_or_less(void **state)
{
	struct child children[] = { { NAME "-payload-3", NAME "-payload", "INSTALLED" } };
	struct vici_writer *w = vici_writer_new();
	struct ike_sa_news news;
	const uint8_t *data;
	size_t len;

	write_sa(w, NAME, "ESTABLISHED", children, 1);
	assert_int_equal(vici_writer_end(w, &data, &len), 0);
	for (size_t cut = 1; cut < len; cut++)
		assert_int_equal(ike_sa_read(data, cut, &news), -EBADMSG);
	vici_writer_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_stands_and_what_is_on_its_way_counts),
		cmocka_unit_test(children_are_told_apart_by_their_names),
		cmocka_unit_test(an_end_is_told),
		cmocka_unit_test(up_and_down),
		cmocka_unit_test(other_peoples_connections_are_nothing_to_us),
		cmocka_unit_test(cut_anywhere_it_is_malformed_or_less),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
