// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The binding cache: sequence numbers and errors by table, and thousands of random operations in virtual time against a
 * model that is an array searched from its beginning. */
#include "check.h"

#include <errno.h>
#include <stdlib.h>

/* The cache as source, so that its allocations can fail. */
static int allocations_left = -1; /* negative: as many as asked for */

static void *scarce_calloc(size_t n, size_t size)
{
	if (allocations_left == 0)
		return NULL;
	if (allocations_left > 0)
		allocations_left--;
	return calloc(n, size);
}

#define calloc scarce_calloc
#define uthash_malloc(size) scarce_calloc(1, size)
#include "../../agent/binding.c"
#undef calloc

static const struct mono start_time = { 5000000000 };

static struct binding_request request(const char *home, uint16_t seq, uint32_t lifetime_s)
{
	return (struct binding_request){ .home = addr(home),
					 .care_of = addr("2001:db8:f1::2"),
					 .seq = seq,
					 .flags = BU_ACK | BU_HOME,
					 .lifetime_s = lifetime_s };
}

static void sequence_number_is_newer_within_half_the_circle(void **state)
{
	static const struct {
		uint16_t cached, got;
		bool newer;
	} cases[] = {
		{ 0, 1, true },	     { 7, 7, false },	 /* a replay */
		{ 7, 6, false },     { 65535, 0, true }, /* across the wrap */
		{ 0, 65535, false }, { 0, 32767, true }, /* the furthest that still counts */
		{ 0, 32768, false }, { 40000, 7231, true }, { 40000, 7232, false }, { 40000, 7230, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		CHECK_CASE(i, binding_seq_newer(cases[i].cached, cases[i].got) == cases[i].newer);
}

static void every_pair_of_sequence_numbers_is_newer_one_way_unless_equal_or_opposite(void **state)
{
	static const uint16_t cached[] = { 0, 1, 32767, 32768, 65535 };

	for (size_t i = 0; i < ARRAY_SIZE(cached); i++) {
		for (unsigned int got = 0; got <= 0xFFFF; got++) {
			bool there = binding_seq_newer(cached[i], got), back = binding_seq_newer(got, cached[i]);
			bool neither = got == cached[i] || got == (uint16_t)(cached[i] + 32768);

			CHECK_CASE(got, neither ? !there && !back : there != back);
		}
	}
}

static void an_update_is_refused_for_its_number_first_and_then_for_its_type(void **state)
{
	static const struct {
		const char *home;
		uint16_t seq, flags;
		int err;
	} cases[] = {
		{ "2001:db8:1::100", 101, BU_HOME, 0 },
		{ "2001:db8:1::100", 101, BU_HOME | BU_ACK | BU_LINK_LOCAL, 0 },
		{ "2001:db8:1::100", 100, BU_HOME, -ESTALE },
		{ "2001:db8:1::100", 99, BU_HOME, -ESTALE },
		{ "2001:db8:1::100", 101, 0, -EEXIST },
		{ "2001:db8:1::100", 100, 0, -ESTALE }, /* both */
		{ "2001:db8:1::101", 0, 0, 0 },		/* no entry: any number is taken */
	};
	struct binding_cache *cache = binding_cache_new(2);
	struct binding_request req = request("2001:db8:1::100", 100, 400);
	struct binding_entry *entry, before;

	assert_int_equal(binding_update(cache, &req, start_time, &entry), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct in6_addr home = addr(cases[i].home);

		CHECK_CASE(i, binding_check(cache, &home, cases[i].seq, cases[i].flags) == cases[i].err);
		if (!cases[i].err)
			continue;
		/* refused by the update too, and nothing has changed */
		before = *entry;
		req = (struct binding_request){ home, addr("2001:db8:f2::2"), cases[i].seq, cases[i].flags, 8 };
		CHECK_CASE(i, binding_update(cache, &req, mono_add_s(start_time, 1), NULL) == cases[i].err);
		CHECK_CASE(i, !memcmp(&before, entry, sizeof(before)));
	}
	binding_cache_free(cache);
}

static void a_new_binding_is_pending_and_a_renewed_one_stays_what_it_was(void **state)
{
	struct binding_cache *cache = binding_cache_new(1);
	struct binding_request req = request("2001:db8:1::100", 1, 400);
	struct binding_entry *entry = NULL, *again = NULL;

	assert_int_equal(binding_update(cache, &req, start_time, &entry), 0);
	assert_int_equal(entry->state, BINDING_PENDING);
	assert_int_equal(entry->home_link, -1);
	req.seq++;
	assert_int_equal(binding_update(cache, &req, start_time, NULL), 0);
	assert_int_equal(entry->state, BINDING_PENDING);
	binding_activate(entry);
	entry->home_link = 3;
	entry->nexthop = 7;
	entry->role = &req;
	req.seq++;
	req.care_of = addr("2001:db8:f2::2");
	req.flags |= BU_KEY;
	req.lifetime_s = 8;
	assert_int_equal(binding_update(cache, &req, mono_add_s(start_time, 10), &again), 0);
	assert_ptr_equal(again, entry);
	assert_int_equal(entry->state, BINDING_ACTIVE);
	assert_true(addr_equal(&entry->care_of, &req.care_of) && entry->seq == req.seq && entry->flags == req.flags);
	assert_true(entry->lifetime_s == 8 && entry->granted.ns == start_time.ns + 10000000000);
	assert_int_equal(entry->expires.ns, entry->granted.ns + 8000000000);
	assert_true(entry->home_link == 3 && entry->nexthop == 7 && entry->role == &req); /* the role's own */
	binding_cache_free(cache);
}

static void the_cache_takes_as_many_as_its_limit_and_renews_when_full(void **state)
{
	enum { LIMIT = 5 };
	struct binding_cache *cache = binding_cache_new(LIMIT);
	struct binding_request req = request("2001:db8:1::", 1, 400);

	for (int i = 0; i <= LIMIT; i++) {
		req.home.s6_addr[15] = i;
		CHECK_CASE(i, binding_update(cache, &req, start_time, NULL) == (i < LIMIT ? 0 : -ENOSPC));
	}
	assert_int_equal(binding_count(cache), LIMIT);
	assert_null(binding_find(cache, &req.home));
	req.home.s6_addr[15] = 2;
	req.seq++;
	assert_int_equal(binding_update(cache, &req, start_time, NULL), 0);
	assert_int_equal(binding_delete(cache, &req.home), 0);
	assert_int_equal(binding_delete(cache, &req.home), -ENOENT);
	req.home.s6_addr[15] = LIMIT;
	assert_int_equal(binding_update(cache, &req, start_time, NULL), 0);
	assert_int_equal(binding_count(cache), LIMIT);
	binding_cache_free(cache);
}

static void seconds_left_are_rounded_down_and_end_at_zero(void **state)
{
	static const struct {
		int64_t after_ns;
		uint32_t left;
	} cases[] = {
		{ 0, 4 },
		{ 1, 3 },
		{ 999999999, 3 },
		{ 1000000000, 3 },
		{ 1000000001, 2 },
		{ 3000000000, 1 },
		{ 3000000001, 0 },
		{ 3999999999, 0 },
		{ 4000000000, 0 },
		{ 4000000001, 0 },
		{ INT64_C(1000000000000000), 0 },
	};
	struct binding_entry entry = { .expires = mono_add_s(start_time, 4) };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct mono now = { start_time.ns + cases[i].after_ns };

		CHECK_CASE(i, binding_remaining_s(&entry, now) == cases[i].left);
	}
	entry.expires = mono_add_s(start_time, 262140); /* the longest */
	assert_int_equal(binding_remaining_s(&entry, start_time), 262140);
}

static int collect(struct binding_entry *entry, void *arg)
{
	uint8_t **at = arg;

	*(*at)++ = entry->home.s6_addr[15];
	return entry->home.s6_addr[15] == 9 ? 42 : 0;
}

static void the_walk_goes_in_the_order_of_insertion_and_stops_where_told(void **state)
{
	static const uint8_t homes[] = { 5, 1, 9, 3 }, seen_without_1[] = { 5, 9 };
	struct binding_cache *cache = binding_cache_new(8);
	struct binding_request req = request("2001:db8:1::", 1, 400);
	uint8_t seen[8], *at = seen;

	assert_int_equal(binding_for_each(cache, collect, &at), 0);
	assert_ptr_equal(at, seen);
	for (size_t i = 0; i < sizeof(homes); i++) {
		req.home.s6_addr[15] = homes[i];
		req.lifetime_s = 100 - i; /* the heap's order is the reverse */
		assert_int_equal(binding_update(cache, &req, start_time, NULL), 0);
	}
	req.home.s6_addr[15] = 5;
	req.seq++;
	assert_int_equal(binding_update(cache, &req, start_time, NULL), 0); /* renewal moves nothing */
	req.home.s6_addr[15] = 1;
	assert_int_equal(binding_delete(cache, &req.home), 0);
	assert_int_equal(binding_for_each(cache, collect, &at), 42);
	assert_int_equal(at - seen, sizeof(seen_without_1));
	assert_memory_equal(seen, seen_without_1, sizeof(seen_without_1));
	binding_cache_free(cache);
}

static void lack_of_memory_is_an_error_and_leaves_the_cache_as_it_was(void **state)
{
	enum { COUNT = 400 }; /* the hash grows several times */
	struct binding_cache *cache;
	struct binding_request req = request("2001:db8:1::", 1, 400);
	int refused = 0;

	for (allocations_left = 0; allocations_left < 2;) {
		int with = allocations_left;

		assert_null(binding_cache_new(8));
		allocations_left = with + 1;
	}
	allocations_left = -1;
	cache = binding_cache_new(COUNT);
	assert_non_null(cache);
	for (int i = 0; i < COUNT; i++) {
		int with = 0, err;

		req.home.s6_addr[14] = i >> 8;
		req.home.s6_addr[15] = i & 0xFF;
		do { /* with ever more memory until it is enough */
			allocations_left = with++;
			err = binding_update(cache, &req, start_time, NULL);
			CHECK_CASE(i, err == 0 || err == -ENOMEM);
			CHECK_CASE(i, binding_count(cache) == (size_t)i + !err);
			CHECK_CASE(i, !binding_find(cache, &req.home) == !!err);
			refused += !!err;
		} while (err);
	}
	allocations_left = -1;
	assert_true(refused > COUNT);
	binding_cache_free(cache);
}

/* ---- the model ---- */

enum { HOMES = 60, ROOM = 40, OPERATIONS = 60000 };

/* One place per home address there is; free where `used` is false. */
struct model {
	struct {
		bool used, active;
		struct in6_addr care_of;
		uint16_t seq, flags;
		uint32_t lifetime_s;
		struct mono granted;
		unsigned long inserted;
	} at[HOMES];
	unsigned long inserted;
};

static int model_count(const struct model *m)
{
	int count = 0;

	for (int i = 0; i < HOMES; i++)
		count += m->at[i].used;
	return count;
}

static int64_t model_expiry(const struct model *m, int i)
{
	return m->at[i].granted.ns + (int64_t)m->at[i].lifetime_s * 1000000000;
}

/* RFC 6275 §9.5.1 by counting: newer is what is reached from the cached number in at most 32767 steps. */
static bool model_newer(uint16_t cached, uint16_t got)
{
	for (int steps = 1; steps <= 32767; steps++) {
		if (++cached == got)
			return true;
	}
	return false;
}

static int model_update(struct model *m, int i, const struct binding_request *req, struct mono now)
{
	if (m->at[i].used && !model_newer(m->at[i].seq, req->seq))
		return -ESTALE;
	if (m->at[i].used && (m->at[i].flags & BU_HOME) != (req->flags & BU_HOME))
		return -EEXIST;
	if (!m->at[i].used && model_count(m) == ROOM)
		return -ENOSPC;
	if (!m->at[i].used) {
		m->at[i].active = false;
		m->at[i].inserted = ++m->inserted;
	}
	m->at[i].used = true;
	m->at[i].care_of = req->care_of;
	m->at[i].seq = req->seq;
	m->at[i].flags = req->flags;
	m->at[i].lifetime_s = req->lifetime_s;
	m->at[i].granted = now;
	return 0;
}

static struct in6_addr home_number(int i)
{
	struct in6_addr home = addr("2001:db8:1::");

	home.s6_addr[15] = i;
	return home;
}

struct order {
	const struct model *m;
	unsigned long last;
	int count;
};

static int check_order(struct binding_entry *entry, void *arg)
{
	struct order *order = arg;
	unsigned long inserted = order->m->at[entry->home.s6_addr[15]].inserted;

	assert_true(inserted > order->last);
	order->last = inserted;
	order->count++;
	return 0;
}

static void check_same(struct binding_cache *cache, const struct model *m, struct mono now, size_t round)
{
	struct order order = { m, 0, 0 };
	int64_t first = INT64_MAX;

	for (int i = 0; i < HOMES; i++) {
		struct in6_addr home = home_number(i);
		const struct binding_entry *e = binding_find(cache, &home);
		int64_t left = (model_expiry(m, i) - now.ns) / 1000000000;

		CHECK_CASE(round, !e == !m->at[i].used);
		if (!e)
			continue;
		CHECK_CASE(round, addr_equal(&e->home, &home) && addr_equal(&e->care_of, &m->at[i].care_of));
		CHECK_CASE(round, e->seq == m->at[i].seq && e->flags == m->at[i].flags &&
					  e->lifetime_s == m->at[i].lifetime_s);
		CHECK_CASE(round, e->granted.ns == m->at[i].granted.ns && e->expires.ns == model_expiry(m, i));
		CHECK_CASE(round, e->state == (m->at[i].active ? BINDING_ACTIVE : BINDING_PENDING));
		CHECK_CASE(round, binding_remaining_s(e, now) == (left > 0 ? left : 0));
		if (model_expiry(m, i) < first)
			first = model_expiry(m, i);
	}
	CHECK_CASE(round, binding_count(cache) == (size_t)model_count(m));
	CHECK_CASE(round, binding_for_each(cache, check_order, &order) == 0 && order.count == model_count(m));
	CHECK_CASE(round, !binding_first_expiring(cache) == (first == INT64_MAX));
	CHECK_CASE(round, first == INT64_MAX || binding_first_expiring(cache)->expires.ns == first);
}

/* Whatever the time has come for is deleted, in order. */
static int expire(struct binding_cache *cache, struct model *m, struct mono now)
{
	const struct binding_entry *e;
	int64_t last = INT64_MIN;
	int count = 0;

	while ((e = binding_first_expiring(cache)) != NULL && !mono_before(now, e->expires)) {
		struct in6_addr home = e->home;

		assert_true(e->expires.ns >= last && m->at[home.s6_addr[15]].used);
		last = e->expires.ns;
		m->at[home.s6_addr[15]].used = false;
		assert_int_equal(binding_delete(cache, &home), 0);
		count++;
	}
	for (int i = 0; i < HOMES; i++)
		assert_true(!m->at[i].used || model_expiry(m, i) > now.ns);
	return count;
}

static struct binding_request random_request(const struct model *m, int i)
{
	struct binding_request req = { .home = home_number(i), .care_of = addr("2001:db8:f1::"), .flags = BU_HOME };

	req.care_of.s6_addr[15] = rand();
	req.seq = m->at[i].seq + (rand() % 4 ? rand() % 5 - 1 : rand()); /* mostly the next few, now and then any */
	if (rand() % 10 == 0)
		req.flags ^= BU_HOME;
	req.lifetime_s = rand() % 100 ? 4 * (1 + rand() % 100) : 262140;
	return req;
}

static void random_operations_in_virtual_time_leave_the_cache_like_the_model(void **state)
{
	struct binding_cache *cache = binding_cache_new(ROOM);
	int seen[4] = {}, expired = 0;
	struct mono now = start_time;
	struct model m = {};

	srand(3775);
	for (size_t round = 0; round < OPERATIONS; round++) {
		int i = rand() % HOMES, what = rand() % 100, err;
		struct binding_request req = random_request(&m, i);
		struct binding_entry *e = binding_find(cache, &req.home), *out = NULL;

		now = mono_add_ms(now, rand() % 3000);
		if (what < 60) {
			err = binding_update(cache, &req, now, &out);
			CHECK_CASE(round, err == model_update(&m, i, &req, now));
			CHECK_CASE(round, out == (err ? NULL : binding_find(cache, &req.home)));
			seen[err == -ESTALE ? 1 : err == -EEXIST ? 2 : err == -ENOSPC ? 3 : 0]++;
		} else if (what < 70) {
			CHECK_CASE(round, binding_delete(cache, &req.home) == (m.at[i].used ? 0 : -ENOENT));
			m.at[i].used = false;
		} else if (what < 80 && e) {
			binding_set_expiry(cache, e, now, req.lifetime_s);
			m.at[i].granted = now;
			m.at[i].lifetime_s = req.lifetime_s;
		} else if (what < 90 && e) {
			binding_activate(e);
			m.at[i].active = true;
		} else if (what < 95) {
			expired += expire(cache, &m, now);
		}
		check_same(cache, &m, now, round);
	}
	for (size_t i = 0; i < ARRAY_SIZE(seen); i++)
		CHECK_CASE(i, seen[i] > 100); /* every result was had, and often */
	assert_true(expired > 1000);
	binding_cache_free(cache);
}

static void many_bindings_expire_in_order(void **state)
{
	enum { MANY = 20000 };
	struct binding_cache *cache = binding_cache_new(MANY);
	struct binding_request req = request("2001:db8:1::", 1, 4);
	struct mono last = { 0 };

	srand(4877);
	for (int i = 0; i < MANY; i++) {
		req.home.s6_addr32[3] = htonl(i);
		req.lifetime_s = 1 + rand() % 262140;
		assert_int_equal(binding_update(cache, &req, start_time, NULL), 0);
	}
	for (int i = 0; i < MANY; i++) {
		struct binding_entry *e = binding_first_expiring(cache);
		struct in6_addr home = e->home;

		CHECK_CASE(i, !mono_before(e->expires, last));
		last = e->expires;
		CHECK_CASE(i, binding_delete(cache, &home) == 0);
	}
	assert_null(binding_first_expiring(cache));
	assert_int_equal(binding_count(cache), 0);
	binding_cache_free(cache);
	binding_cache_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sequence_number_is_newer_within_half_the_circle),
		cmocka_unit_test(every_pair_of_sequence_numbers_is_newer_one_way_unless_equal_or_opposite),
		cmocka_unit_test(an_update_is_refused_for_its_number_first_and_then_for_its_type),
		cmocka_unit_test(a_new_binding_is_pending_and_a_renewed_one_stays_what_it_was),
		cmocka_unit_test(the_cache_takes_as_many_as_its_limit_and_renews_when_full),
		cmocka_unit_test(seconds_left_are_rounded_down_and_end_at_zero),
		cmocka_unit_test(the_walk_goes_in_the_order_of_insertion_and_stops_where_told),
		cmocka_unit_test(lack_of_memory_is_an_error_and_leaves_the_cache_as_it_was),
		cmocka_unit_test(random_operations_in_virtual_time_leave_the_cache_like_the_model),
		cmocka_unit_test(many_bindings_expire_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
