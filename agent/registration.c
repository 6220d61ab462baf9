// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What becomes of a binding update at a home agent: pure decision, no side effects. RFC 6275 §9.5.1, §10.3.1, §10.3.2
 * in the order of PROTOCOL §3. What isn't answered is discarded silently, with a count.
 */
#include <errno.h>

#include "gateway.h"

static struct registration_decision discard(struct registration_decision d, enum agent_reason why)
{
	d.action = REGISTRATION_DISCARD;
	d.discard = why;
	return d;
}

static struct registration_decision refuse(struct registration_decision d, uint8_t status)
{
	d.action = REGISTRATION_REFUSE;
	d.status = status;
	return d;
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* A stale number is answered with the cached one, a change of registration type with 139; 0 where neither. */
static uint8_t check_cached(struct binding_cache *cache, const struct mh_msg *bu, struct registration_decision *d)
{
	switch (binding_check(cache, &d->home, bu->seq, bu->flags)) {
	case -ESTALE:
		d->seq = binding_find(cache, &d->home)->seq;
		return BA_SEQUENCE;
	case -EEXIST:
		return BA_TYPE_CHANGE;
	default:
		return 0;
	}
}

/* RFC 6275 §10.3.2 */
static struct registration_decision decide_deletion(struct binding_cache *cache, const struct mh_msg *bu,
						    struct registration_decision d)
{
	uint8_t status;

	if (!binding_find(cache, &d.home))
		return refuse(d, BA_NOT_HOME_AGENT);
	status = check_cached(cache, bu, &d);
	if (status)
		return refuse(d, status);
	d.action = REGISTRATION_DELETE;
	return d;
}

/* Never above what was asked for (§9.5.1) nor what is left of the home prefix (§10.3.1); in the wire's units of 4 s. */
static uint32_t grant(const struct config *config, const struct config_mobile_node *node, const uint32_t *prefix_left_s,
		      const struct mh_msg *bu, int home_link)
{
	uint32_t lifetime_s = least(bu->lifetime_s, config->home_links[home_link].max_lifetime_s);

	lifetime_s = least(lifetime_s, prefix_left_s[home_link]);
	if (node->max_lifetime_s)
		lifetime_s = least(lifetime_s, node->max_lifetime_s);
	return lifetime_s - lifetime_s % LIFETIME_UNIT_S;
}

/* RFC 6275 §10.3.1 */
static struct registration_decision decide_registration(const struct config *config, struct binding_cache *cache,
							const uint32_t *prefix_left_s, const struct mh_msg *bu,
							struct registration_decision d)
{
	const struct config_mobile_node *node = config_mobile_node(config, &d.home);
	uint8_t status;

	if (d.home_link < 0)
		return refuse(d, BA_NOT_HOME_SUBNET);
	status = check_cached(cache, bu, &d);
	if (status)
		return refuse(d, status);
	if (!node)
		return refuse(d, BA_PROHIBITED);
	if (bu->flags & BU_ROUTER)
		return refuse(d, BA_ROUTER_NOT_PERMITTED); /* RFC 3963 §6.6: mobile routers are not taken yet */
	/* a tunnel that ends at one of our own home addresses, or at ourselves, never ends */
	if (addr_equal(&d.care_of, &config->agent) || config_mobile_node(config, &d.care_of))
		return refuse(d, BA_BAD_CARE_OF);
	if (!binding_find(cache, &d.home) && binding_count(cache) >= config->max_bindings)
		return refuse(d, BA_NO_RESOURCES);
	d.lifetime_s = grant(config, node, prefix_left_s, bu, d.home_link);
	if (!d.lifetime_s)
		return refuse(d, BA_NOT_HOME_SUBNET); /* the prefix has no valid lifetime left */
	d.action = REGISTRATION_ACCEPT;
	return d;
}

struct registration_decision registration_decide(const struct config *config, struct binding_cache *cache,
						 const uint32_t *prefix_left_s, const struct mh_input *in,
						 const struct mh_msg *bu)
{
	struct registration_decision d = {
		.home = in->src,
		.care_of = bu->opt.has_alt_care_of ? bu->opt.alt_care_of : in->care_of,
		.seq = bu->seq,
		.home_link = config_home_link(config, &in->src),
	};
	bool deletion = bu->lifetime_s == 0 || addr_equal(&d.care_of, &d.home);

	d.from_home = !in->has_home && d.home_link >= 0;
	if (!addr_is_routable(&d.home) || !addr_is_routable(&d.care_of) || !addr_is_routable(&in->care_of))
		return discard(d, AGENT_BAD_ADDRESS);
	if (!(bu->flags & BU_HOME)) {
		/* a correspondent registration: not our part, but it must not pass as a change of type (§9.5.1) */
		uint8_t status = binding_find(cache, &d.home) ? check_cached(cache, bu, &d) : 0;

		return status ? refuse(d, status) : discard(d, AGENT_MH_UNWANTED);
	}
	if (bu->opt.has_nonce_indices)
		return discard(d, AGENT_MH_UNWANTED); /* §10.3.1: never in a home registration */
	if (!in->has_home && !deletion)
		return discard(d, AGENT_MH_UNWANTED); /* §10.3.1: away, the home address stands in its option */
	return deletion ? decide_deletion(cache, bu, d) : decide_registration(config, cache, prefix_left_s, bu, d);
}
