/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What xfrm.c and the kernel behind it do, in memory: policies, states, their events, errors by number. Changes take
 * effect one by one, and after each of them `after` looks at what stands: that is what a packet would meet. What is
 * defined here wins over the agent's objects (Makefile).
 */
#ifndef MOBGW_TEST_FAKE_XFRM_H
#define MOBGW_TEST_FAKE_XFRM_H

#include "check.h"

#include <errno.h>

#include "../../agent/ipsec_priv.h"

enum { FAKE_ROOM = 512 };

static struct fake_xfrm {
	struct {
		struct xfrm_policy_spec spec;
		bool there;
	} policies[FAKE_ROOM];
	struct {
		struct xfrm_state_spec spec;
		bool there;
	} states[FAKE_ROOM];
	struct {
		bool policy, present;
		struct xfrm_policy_spec spec;
		struct xfrm_state_spec state;
	} events[FAKE_ROOM];
	size_t event_count;
	struct {
		size_t number;
		int err;
	} failures[FAKE_ROOM];
	size_t failure_count;
	size_t number;		 /* of changes since the last commit */
	size_t changes;		 /* since fake_xfrm_forget() */
	size_t migrations, told; /* since then; and how many of them key managers heard of */
	size_t copies;
	int fail_in, fail_with; /* the fail_in-th change from now on, from 1 on */
	int fail_commit;	/* the next one, without a word on any change */
	int fail_dumps;
	const struct xfrm_handlers *handlers;
	void (*after)(void);
} fake_xfrm;

static inline void fake_xfrm_forget(void)
{
	fake_xfrm.changes = fake_xfrm.migrations = fake_xfrm.told = fake_xfrm.copies = 0;
}

/* ---- what stands ---- */

static inline size_t fake_policy(const struct xfrm_policy_spec *place)
{
	for (size_t i = 0; i < FAKE_ROOM; i++)
		if (fake_xfrm.policies[i].there && ipsec_same_place(&fake_xfrm.policies[i].spec, place))
			return i;
	return FAKE_ROOM;
}

static inline size_t fake_state(const struct in6_addr *dst, uint32_t spi)
{
	for (size_t i = 0; i < FAKE_ROOM; i++)
		if (fake_xfrm.states[i].there && fake_xfrm.states[i].spec.spi == spi &&
		    addr_equal(&fake_xfrm.states[i].spec.dst, dst))
			return i;
	return FAKE_ROOM;
}

static inline size_t fake_policy_count(void)
{
	size_t count = 0;

	for (size_t i = 0; i < FAKE_ROOM; i++)
		count += fake_xfrm.policies[i].there;
	return count;
}

static inline size_t fake_state_count(void)
{
	size_t count = 0;

	for (size_t i = 0; i < FAKE_ROOM; i++)
		count += fake_xfrm.states[i].there;
	return count;
}

static inline void fake_tell_policy(const struct xfrm_policy_spec *policy, bool present)
{
	assert_true(fake_xfrm.event_count < FAKE_ROOM);
	fake_xfrm.events[fake_xfrm.event_count].policy = true;
	fake_xfrm.events[fake_xfrm.event_count].present = present;
	fake_xfrm.events[fake_xfrm.event_count++].spec = *policy;
}

static inline void fake_tell_state(const struct xfrm_state_spec *state, bool present)
{
	assert_true(fake_xfrm.event_count < FAKE_ROOM);
	fake_xfrm.events[fake_xfrm.event_count].policy = false;
	fake_xfrm.events[fake_xfrm.event_count].present = present;
	fake_xfrm.events[fake_xfrm.event_count++].state = *state;
}

/* What others do too: without a number, with events. */
static inline void fake_put_policy(const struct xfrm_policy_spec *policy)
{
	size_t at = fake_policy(policy);

	for (size_t i = 0; at == FAKE_ROOM && i < FAKE_ROOM; i++)
		if (!fake_xfrm.policies[i].there)
			at = i;
	assert_true(at < FAKE_ROOM);
	fake_xfrm.policies[at].spec = *policy;
	fake_xfrm.policies[at].there = true;
	fake_tell_policy(policy, true);
}

static inline int fake_take_policy(const struct xfrm_policy_spec *place)
{
	size_t at = fake_policy(place);

	if (at == FAKE_ROOM)
		return -ENOENT;
	fake_xfrm.policies[at].there = false;
	fake_tell_policy(&fake_xfrm.policies[at].spec, false);
	return 0;
}

static inline int fake_put_state(const struct xfrm_state_spec *state)
{
	size_t at = 0;

	if (fake_state(&state->dst, state->spi) < FAKE_ROOM)
		return -EEXIST;
	while (at < FAKE_ROOM && fake_xfrm.states[at].there)
		at++;
	assert_true(at < FAKE_ROOM);
	fake_xfrm.states[at].spec = *state;
	fake_xfrm.states[at].there = true;
	fake_tell_state(state, true);
	return 0;
}

static inline int fake_take_state(const struct in6_addr *dst, uint32_t spi)
{
	size_t at = fake_state(dst, spi);

	if (at == FAKE_ROOM)
		return -ESRCH;
	fake_xfrm.states[at].there = false;
	fake_tell_state(&fake_xfrm.states[at].spec, false);
	return 0;
}

/* The events until now, as the loop would bring them. */
static inline void fake_deliver(void)
{
	const struct xfrm_handlers *h = fake_xfrm.handlers;

	for (size_t i = 0; h && i < fake_xfrm.event_count; i++) {
		if (fake_xfrm.events[i].policy && fake_xfrm.events[i].present)
			h->on_policy_set(h->arg, &fake_xfrm.events[i].spec);
		else if (fake_xfrm.events[i].policy)
			h->on_policy_gone(h->arg, fake_xfrm.events[i].spec.way, &fake_xfrm.events[i].spec.sel);
		else
			h->on_state(h->arg, &fake_xfrm.events[i].state, fake_xfrm.events[i].present);
	}
	fake_xfrm.event_count = 0;
}

/* ---- xfrm.h ---- */

int xfrm_open(struct xfrm **out)
{
	*out = (struct xfrm *)&fake_xfrm;
	return 0;
}

void xfrm_close(struct xfrm *x)
{
	fake_xfrm.handlers = NULL;
	fake_xfrm.event_count = 0;
}

int xfrm_watch(struct xfrm *x, sd_event *loop, const struct xfrm_handlers *handlers)
{
	fake_xfrm.handlers = handlers;
	return 0;
}

/* 0: the change may take place. */
static inline int fake_change(void)
{
	fake_xfrm.number++;
	fake_xfrm.changes++;
	if (fake_xfrm.fail_commit)
		return fake_xfrm.fail_commit;
	return fake_xfrm.fail_in && !--fake_xfrm.fail_in ? fake_xfrm.fail_with : 0;
}

static inline size_t fake_changed(int err)
{
	size_t number = fake_xfrm.number - 1;

	if (err) {
		assert_true(fake_xfrm.failure_count < FAKE_ROOM);
		fake_xfrm.failures[fake_xfrm.failure_count].number = number;
		fake_xfrm.failures[fake_xfrm.failure_count++].err = err;
	} else if (fake_xfrm.after) {
		fake_xfrm.after();
	}
	return number;
}

size_t xfrm_policy_set(struct xfrm *x, const struct xfrm_policy_spec *policy, bool replace)
{
	int err = fake_change();

	if (!err && !replace && fake_policy(policy) < FAKE_ROOM)
		err = -EEXIST;
	if (!err)
		fake_put_policy(policy);
	return fake_changed(err);
}

size_t xfrm_policy_delete(struct xfrm *x, enum xfrm_way way, const struct xfrm_selector_spec *sel)
{
	int err = fake_change();

	return fake_changed(err ? err : fake_take_policy(&(struct xfrm_policy_spec){ .way = way, .sel = *sel }));
}

size_t xfrm_state_add(struct xfrm *x, const struct xfrm_state_spec *state)
{
	int err = fake_change();

	return fake_changed(err ? err : fake_put_state(state));
}

size_t xfrm_state_delete(struct xfrm *x, const struct in6_addr *dst, uint32_t spi)
{
	int err = fake_change();

	return fake_changed(err ? err : fake_take_state(dst, spi));
}

bool xfrm_state_there(struct xfrm *x, const struct in6_addr *dst, uint32_t spi)
{
	return fake_state(dst, spi) < FAKE_ROOM;
}

int xfrm_state_copy(struct xfrm *x, const struct in6_addr *dst, uint32_t spi, const struct in6_addr *to)
{
	struct xfrm_state_spec copy;
	size_t at = fake_state(dst, spi);

	if (at == FAKE_ROOM)
		return -ESRCH;
	fake_xfrm.copies++;
	copy = fake_xfrm.states[at].spec;
	copy.dst = *to;
	return fake_put_state(&copy);
}

int xfrm_commit(struct xfrm *x, xfrm_failed_fn failed, void *arg)
{
	int err = fake_xfrm.failure_count ? fake_xfrm.failures[0].err : 0;

	for (size_t i = 0; failed && !fake_xfrm.fail_commit && i < fake_xfrm.failure_count; i++)
		failed(arg, fake_xfrm.failures[i].number, fake_xfrm.failures[i].err);
	fake_xfrm.failure_count = fake_xfrm.number = 0;
	fake_xfrm.fail_commit = 0;
	return err;
}

int xfrm_dump_policies(struct xfrm *x, void (*fn)(void *arg, const struct xfrm_policy_spec *policy), void *arg)
{
	for (size_t i = 0; !fake_xfrm.fail_dumps && i < FAKE_ROOM; i++)
		if (fake_xfrm.policies[i].there)
			fn(arg, &fake_xfrm.policies[i].spec);
	return fake_xfrm.fail_dumps;
}

int xfrm_dump_states(struct xfrm *x, void (*fn)(void *arg, const struct xfrm_state_spec *state), void *arg)
{
	for (size_t i = 0; !fake_xfrm.fail_dumps && i < FAKE_ROOM; i++)
		if (fake_xfrm.states[i].there)
			fn(arg, &fake_xfrm.states[i].spec);
	return fake_xfrm.fail_dumps;
}

/* As kernels do it: the policy's template and the states of that pair of endpoints go over; without any: -ENODATA where
 * it is about states that should be there. */
int xfrm_migrate(struct xfrm *x, const struct xfrm_migration *m)
{
	size_t at = fake_policy(&(struct xfrm_policy_spec){ .way = m->way, .sel = m->sel });

	fake_xfrm.migrations++;
	fake_xfrm.told += m->local && m->remote;
	if (at == FAKE_ROOM)
		return -ENOENT;
	if (m->transport)
		return 0;
	if (!addr_equal(&fake_xfrm.policies[at].spec.src, &m->old_src) ||
	    !addr_equal(&fake_xfrm.policies[at].spec.dst, &m->old_dst))
		return -ENODATA;
	fake_xfrm.policies[at].spec.src = m->new_src;
	fake_xfrm.policies[at].spec.dst = m->new_dst;
	for (size_t i = 0; i < FAKE_ROOM; i++) {
		struct xfrm_state_spec *state = &fake_xfrm.states[i].spec;

		if (!fake_xfrm.states[i].there || state->reqid != m->reqid || !addr_equal(&state->src, &m->old_src) ||
		    !addr_equal(&state->dst, &m->old_dst))
			continue;
		state->src = m->new_src;
		state->dst = m->new_dst;
		fake_tell_state(state, true);
	}
	if (fake_xfrm.after)
		fake_xfrm.after();
	return 0;
}

#endif
