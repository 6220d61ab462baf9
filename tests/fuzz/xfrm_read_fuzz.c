// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Any octets as what the kernel's XFRM sends, of a dump and unasked: no read beyond them, each message to one handler
 * at most, and what was read of it is read again once written.
 */
#include <stdlib.h>

#include "../../agent/xfrm_message.c"
#include "../../agent/xfrm_read.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool what)
{
	if (!what)
		abort();
}

static bool same_selector(const struct xfrm_selector_spec *a, const struct xfrm_selector_spec *b)
{
	return addr_equal(&a->src, &b->src) && addr_equal(&a->dst, &b->dst) && a->src_len == b->src_len &&
	       a->dst_len == b->dst_len && a->proto == b->proto && a->has_type == b->has_type && a->type == b->type;
}

static void rewrite_policy(void *arg, const struct xfrm_policy_spec *policy)
{
	static uint8_t buf[XFRM_MESSAGE_MAX];
	struct xfrm_policy_spec again;

	require(xfrm_get_policy(xfrm_put_policy(buf, policy, false), &again));
	require(again.way == policy->way && same_selector(&again.sel, &policy->sel));
	require(!again.block && (again.allow == policy->allow || policy->block));
	require(again.priority == policy->priority && again.reqid == policy->reqid);
	require(again.optional == policy->optional && again.tunnel == policy->tunnel);
	require(addr_equal(&again.src, &policy->src) && addr_equal(&again.dst, &policy->dst));
}

/* Without a selector the kernel makes one of the first packet; one of a message type alone is none. */
static bool selects(const struct xfrm_selector_spec *sel)
{
	return sel->src_len || sel->dst_len || sel->proto;
}

static void rewrite_state(void *arg, const struct xfrm_state_spec *state)
{
	static const struct xfrm_algorithms gcm = { .aead = "rfc4106(gcm(aes))", .icv_bits = 128, .cipher_octets = 20 };
	static uint8_t buf[XFRM_MESSAGE_MAX];
	struct xfrm_state_spec copy = *state, again;

	require(!state->alg.aead && !state->alg.cipher && !state->alg.hash);
	require(state->alg.cipher_octets <= XFRM_KEY_MAX && state->alg.hash_octets <= XFRM_KEY_MAX);
	for (size_t i = 0; i < XFRM_KEY_MAX; i++) { /* never more than what was said to be there */
		require(i < state->alg.cipher_octets || !state->cipher_key[i]);
		require(i < state->alg.hash_octets || !state->hash_key[i]);
	}
	copy.alg = gcm;
	require(xfrm_get_state(xfrm_put_state(buf, &copy), &again));
	require(addr_equal(&again.src, &state->src) && addr_equal(&again.dst, &state->dst));
	require(again.spi == state->spi && again.reqid == state->reqid && again.tunnel == state->tunnel);
	require(again.mark == state->mark && !again.expires);
	require(again.replay_window == (state->replay_window > 32 ? 32 : state->replay_window));
	require(!selects(&state->sel) || same_selector(&again.sel, &state->sel));
}

static void on_state(void *arg, const struct xfrm_state_spec *state, bool present)
{
	++*(int *)arg;
	require(!state->alg.cipher_octets && !state->cipher_key[0] && !state->hash_key[0]);
	rewrite_state(NULL, state);
}

static void on_wanted(void *arg, uint32_t reqid, const struct in6_addr *src, const struct in6_addr *dst)
{
	require(src != dst);
}

static void on_set(void *arg, const struct xfrm_policy_spec *policy)
{
	++*(int *)arg;
	rewrite_policy(NULL, policy);
}

static void on_gone(void *arg, enum xfrm_way way, const struct xfrm_selector_spec *sel)
{
	++*(int *)arg;
	require(way == XFRM_WAY_IN || way == XFRM_WAY_OUT || way == XFRM_WAY_FWD);
	require(sel->has_type || !sel->type);
}

static void on_lost(void *arg)
{
	++*(int *)arg;
}

static void take(const struct nlmsghdr *msg, struct xfrm *x)
{
	int *told = x->handlers->arg;

	*told = 0;
	require(on_message(msg, x) == MNL_CB_OK && *told <= 1);
	on_dumped(msg, &(struct dump){ .policy = rewrite_policy, .state = rewrite_state });
}

/* One after the other, each within what there is: libmnl 1.0.4 takes lengths of 2^31 on for negative ones, and so for
 * lesser ones, but those the kernel doesn't send. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	int told = 0;
	const struct xfrm_handlers handlers = { &told, on_state, on_wanted, on_set, on_gone, on_lost };
	struct xfrm x = { .handlers = &handlers };
	uint8_t *exact;

	len -= len % NLMSG_ALIGNTO; /* as all that the kernel sends */
	exact = malloc(len ? len : 1);
	require(exact);
	memcpy(exact, data, len);
	for (size_t at = 0; len - at >= NLMSG_HDRLEN;) {
		const struct nlmsghdr *msg = (const void *)(exact + at);

		if (msg->nlmsg_len < NLMSG_HDRLEN || msg->nlmsg_len > len - at)
			break;
		take(msg, &x);
		at += NLMSG_ALIGN(msg->nlmsg_len);
	}
	free(exact);
	return 0;
}
