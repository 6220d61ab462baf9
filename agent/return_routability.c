// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A correspondent's half of return routability: nonces come and go, test inits that the data path left are answered
 * from them with the same octets (bpf/rr.bpf.h). RFC 6275 §5.2, §9.4. The formulas are rr.c's.
 */
#include <errno.h>
#include <sys/random.h>

#include "correspondent_priv.h"

/* ---- nonces ---- */

static int rotate(struct gateway *gw, struct mono now)
{
	const struct rr_nonce *nonce;
	uint8_t fresh[RR_FRESH_LEN];
	uint16_t first;

	if (getrandom(fresh, sizeof(fresh), 0) != sizeof(fresh) || getrandom(&first, sizeof(first), 0) != sizeof(first))
		return -EIO;
	nonce = rr_rotate(&gw->cn->nonces, fresh, first, now);
	explicit_bzero(fresh, sizeof(fresh));
	return datapath_nonce_set(gw->dp, nonce, true);
}

void return_routability_tick(struct gateway *gw, struct mono now)
{
	struct rr_nonces *nonces = &gw->cn->nonces;

	for (size_t i = 0; i < ARRAY_SIZE(nonces->at); i++)
		if (nonces->at[i].used && !rr_find(nonces, nonces->at[i].index, now))
			datapath_nonce_wipe(gw->dp, nonces->at[i].index);
	rr_expire(nonces, now);
	if (!mono_before(now, rr_rotate_at(nonces)))
		rotate(gw, now);
}

int return_routability_adopt(struct gateway *gw, struct mono now)
{
	struct rr_nonce left[LIMIT_NONCES] = {};
	const struct rr_nonce *newest;
	size_t count = datapath_nonces_get(gw->dp, left);

	for (size_t i = 0; i < count; i++) {
		rr_adopt(&gw->cn->nonces, &left[i], now);
		if (!rr_find(&gw->cn->nonces, left[i].index, now))
			datapath_nonce_wipe(gw->dp, left[i].index);
	}
	explicit_bzero(left, sizeof(left));
	if (!mono_before(now, rr_rotate_at(&gw->cn->nonces)))
		return rotate(gw, now);
	newest = rr_newest(&gw->cn->nonces, now);
	return newest ? datapath_nonce_set(gw->dp, newest, true) : rotate(gw, now);
}

bool correspondent_nonce(struct gateway *gw, size_t nth, struct nonce_view *out)
{
	const struct rr_nonces *nonces = &gw->cn->nonces;
	struct mono now = gw->clock();

	for (unsigned int back = 0; back < LIMIT_NONCES; back++) {
		const struct rr_nonce *nonce = rr_find(nonces, (uint16_t)(nonces->newest - back), now);

		if (!nonce || nth--)
			continue;
		out->index = nonce->index;
		out->age_s = (uint32_t)((now.ns - nonce->made.ns) / 1000000000);
		out->left_s = RR_NONCE_LIFETIME_S - out->age_s;
		out->given_out = nonce == rr_newest(nonces, now);
		return true;
	}
	return false;
}

/* ---- test inits, RFC 6275 §9.4 ---- */

static bool may_test(struct gateway *gw, const struct mh_input *in, const struct mh_msg *init)
{
	if (in->has_home || !addr_is_routable(&in->src) || IN6_IS_ADDR_MULTICAST(&in->dst) ||
	    addr_equal(&in->src, &in->dst)) { /* somebody, and not us: the kernel takes our own address for a source */
		gateway_count(gw, AGENT_TEST_STRANGE);
		return false;
	}
	if (init->type == MH_HOTI && config_prefixes_hold(gw->config->refused, gw->config->refused_count, &in->src)) {
		gateway_count(gw, AGENT_TEST_REFUSED);
		return false;
	}
	return true;
}

void correspondent_on_test_init(struct gateway *gw, const struct mh_input *in, const struct mh_msg *init)
{
	const struct rr_nonce *nonce = rr_newest(&gw->cn->nonces, gw->clock());
	bool home = init->type == MH_HOTI;
	struct mh_msg test = { .type = home ? MH_HOT : MH_COT };
	uint8_t buf[64];
	int len;

	if (!may_test(gw, in, init))
		return;
	if (!nonce || (home ? rr_home_token : rr_care_of_token)(nonce, &in->src, test.token)) {
		gateway_count(gw, AGENT_SEND_FAILED);
		return;
	}
	test.nonce_index = nonce->index;
	memcpy(test.cookie, init->cookie, sizeof(test.cookie));
	len = mh_build(&test, buf, sizeof(buf), NULL);
	if (len < 0 || sockets_send_mh(gw->so, &in->dst, &in->src, false, buf, len))
		gateway_count(gw, AGENT_SEND_FAILED);
	else
		gateway_count(gw, AGENT_TEST_ANSWERED);
	explicit_bzero(&test, sizeof(test));
	explicit_bzero(buf, sizeof(buf));
}
