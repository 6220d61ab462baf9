// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What becomes of a binding update at a correspondent: pure decision, no side effects. RFC 6275 §9.5.1, §9.5.3.
 * Whoever fails any other test is discarded silently, also where its sequence number is stale or its type another
 * (§9.5.1, last paragraph), and the answer to those carries an authenticator (§9.5.4): so the authenticator comes
 * before them. Without one are answered: expired nonces (136 to 138), which leave no key, and the question for a home
 * agent that isn't one (131).
 */
#include "gateway.h"

static void discard(struct peer_registration *d, enum agent_reason why)
{
	d->action = PEER_DISCARD;
	d->reason = why;
}

static void answer(struct peer_registration *d, uint8_t status, enum agent_reason why)
{
	d->action = PEER_ANSWER;
	d->status = status;
	d->reason = why;
}

/* A deletion uses the home keygen token alone (§5.2.6): whatever its care-of nonce index says. */
static uint8_t find_nonces(const struct rr_nonces *nonces, const struct mh_msg *bu, bool deletion, struct mono now,
			   const struct rr_nonce **home, const struct rr_nonce **care_of)
{
	*home = rr_find(nonces, bu->opt.home_nonce, now);
	*care_of = deletion ? NULL : rr_find(nonces, bu->opt.care_of_nonce, now);
	if (!*home)
		return deletion || *care_of ? BA_EXPIRED_HOME_NONCE : BA_EXPIRED_NONCES;
	return deletion || *care_of ? 0 : BA_EXPIRED_CARE_OF_NONCE;
}

/* Kbm as the sender must have it, and whether its authenticator is right. */
static bool is_authentic(const struct rr_nonce *home_nonce, const struct rr_nonce *care_of_nonce,
			 const struct mh_input *in, const struct mh_msg *bu, struct peer_registration *d)
{
	uint8_t home_token[RR_TOKEN_LEN], care_of_token[RR_TOKEN_LEN], auth[MH_AUTH_LEN];
	bool right = !rr_home_token(home_nonce, &d->home, home_token) &&
		     (!care_of_nonce || !rr_care_of_token(care_of_nonce, &d->care_of, care_of_token)) &&
		     !rr_kbm(home_token, care_of_nonce ? care_of_token : NULL, d->kbm) &&
		     !rr_authenticator(d->kbm, &d->care_of, &in->dst, in->data, bu->opt.auth_offset, auth) &&
		     rr_same(auth, bu->opt.auth, sizeof(auth));

	explicit_bzero(home_token, sizeof(home_token));
	explicit_bzero(care_of_token, sizeof(care_of_token));
	explicit_bzero(auth, sizeof(auth)); /* what a forger wanted to know */
	if (!right)
		explicit_bzero(d->kbm, sizeof(d->kbm));
	d->with_key = right;
	return right;
}

/* Never above what was asked for, nor what the tokens behind it can answer for (§9.5.2, §12). */
static uint32_t grant(const struct config *config, const struct mh_msg *bu)
{
	uint32_t lifetime_s = bu->lifetime_s < config->peer_lifetime_s ? bu->lifetime_s : config->peer_lifetime_s;

	return lifetime_s - lifetime_s % LIFETIME_UNIT_S;
}

/* Of an update that is authentic. */
static void decide_authentic(const struct config *config, const struct peer_known *known, const struct mh_msg *bu,
			     bool deletion, struct peer_registration *d)
{
	if (known->has_seq && !binding_seq_newer(known->seq, bu->seq)) {
		d->seq = known->seq;
		answer(d, BA_SEQUENCE, AGENT_REFUSED);
	} else if (known->home_registration) {
		answer(d, BA_TYPE_CHANGE, AGENT_REFUSED);
	} else if (deletion) { /* also where route optimisation is off meanwhile */
		d->action = PEER_UNBIND;
		d->reason = AGENT_PEER_DELETED;
	} else if (config_prefixes_hold(config->refused, config->refused_count, &d->home) ||
		   config_mobile_node(config, &d->home)) { /* whose home agent we are is reached by us anyway */
		answer(d, BA_PROHIBITED, AGENT_TEST_REFUSED);
	} else {
		d->lifetime_s = grant(config, bu);
		d->action = PEER_BIND;
		d->reason = known->bound ? AGENT_PEER_REFRESHED : AGENT_PEER_BOUND;
	}
}

static void decide(const struct config *config, const struct rr_nonces *nonces, const struct peer_known *known,
		   const struct mh_input *in, const struct mh_msg *bu, struct mono now, struct peer_registration *d)
{
	bool deletion = bu->lifetime_s == 0 || addr_equal(&d->care_of, &d->home);
	const struct rr_nonce *home_nonce, *care_of_nonce;
	uint8_t status;

	if (!addr_is_routable(&d->home) || !addr_is_routable(&d->care_of) || !addr_is_routable(&in->care_of)) {
		discard(d, AGENT_BAD_ADDRESS);
		return;
	}
	if (bu->flags & BU_HOME) { /* §10.3.1: who is no home agent says so */
		answer(d, BA_NO_HOME_REGISTRATION, AGENT_REFUSED);
		return;
	}
	if ((!in->has_home && !deletion) || !bu->opt.has_nonce_indices || !bu->opt.has_auth) {
		discard(d, AGENT_PEER_INCOMPLETE);
		return;
	}
	status = find_nonces(nonces, bu, deletion, now, &home_nonce, &care_of_nonce);
	if (status)
		answer(d, status, AGENT_PEER_NONCE);
	else if (!is_authentic(home_nonce, care_of_nonce, in, bu, d))
		discard(d, AGENT_PEER_FORGED);
	else
		decide_authentic(config, known, bu, deletion, d);
}

struct peer_registration correspondent_decide(const struct config *config, const struct rr_nonces *nonces,
					      const struct peer_known *known, const struct mh_input *in,
					      const struct mh_msg *bu, struct mono now)
{
	struct peer_registration d = { .home = in->src,
				       .care_of = bu->opt.has_alt_care_of ? bu->opt.alt_care_of : in->care_of,
				       .seq = bu->seq };

	decide(config, nonces, known, in, bu, now, &d);
	return d;
}
