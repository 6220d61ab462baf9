// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * XFRM's messages, both ways: our descriptions to octets and back. Pure. linux/xfrm.h. What has numbers of 64 bits is
 * copied to and fro: messages in a batch and attributes begin at multiples of four octets alone.
 */
#include "xfrm_priv.h"

#include <arpa/inet.h>
#include <stddef.h>

static const uint8_t directions[] = {
	[XFRM_WAY_IN] = XFRM_POLICY_IN,
	[XFRM_WAY_OUT] = XFRM_POLICY_OUT,
	[XFRM_WAY_FWD] = XFRM_POLICY_FWD,
};

/* ---- writing ---- */

static void put_address(xfrm_address_t *to, const struct in6_addr *from)
{
	memcpy(to->a6, from, sizeof(*from));
}

static void put_selector(struct xfrm_selector *to, const struct xfrm_selector_spec *from)
{
	put_address(&to->saddr, &from->src);
	put_address(&to->daddr, &from->dst);
	to->prefixlen_s = from->src_len;
	to->prefixlen_d = from->dst_len;
	to->family = AF_INET6;
	to->proto = from->proto;
	if (from->has_type) { /* ICMPv6 and mobility headers: the type stands where others have the source port */
		to->sport = htons(from->type);
		to->sport_mask = htons(0xFFFF);
	}
}

static void put_limits(struct xfrm_lifetime_cfg *lft)
{
	lft->soft_byte_limit = lft->hard_byte_limit = XFRM_INF;
	lft->soft_packet_limit = lft->hard_packet_limit = XFRM_INF;
}

static struct nlmsghdr *start(void *buf, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *msg = mnl_nlmsg_put_header(buf);

	msg->nlmsg_type = type;
	msg->nlmsg_flags = NLM_F_REQUEST | flags;
	return msg;
}

static void put_header(struct nlmsghdr *msg, const void *header, size_t size)
{
	memcpy(mnl_nlmsg_put_extra_header(msg, size), header, size);
}

struct nlmsghdr *xfrm_put_policy(void *buf, const struct xfrm_policy_spec *policy, bool replace)
{
	struct nlmsghdr *msg =
		start(buf, replace ? XFRM_MSG_UPDPOLICY : XFRM_MSG_NEWPOLICY, replace ? 0 : NLM_F_CREATE | NLM_F_EXCL);
	struct xfrm_userpolicy_info info = { .priority = policy->priority,
					     .dir = directions[policy->way],
					     .action = XFRM_POLICY_ALLOW,
					     .share = XFRM_SHARE_ANY };
	struct xfrm_user_tmpl tmpl = { .family = AF_INET6,
				       .reqid = policy->reqid,
				       .mode = policy->tunnel ? XFRM_MODE_TUNNEL : XFRM_MODE_TRANSPORT,
				       .optional = policy->optional,
				       .aalgos = ~0U,
				       .ealgos = ~0U,
				       .calgos = ~0U };

	put_selector(&info.sel, &policy->sel);
	put_limits(&info.lft);
	put_header(msg, &info, sizeof(info));
	if (policy->allow)
		return msg;
	tmpl.id.proto = IPPROTO_ESP;
	put_address(&tmpl.id.daddr, &policy->dst);
	put_address(&tmpl.saddr, &policy->src);
	mnl_attr_put(msg, XFRMA_TMPL, sizeof(tmpl), &tmpl);
	return msg;
}

struct nlmsghdr *xfrm_put_policy_delete(void *buf, enum xfrm_way way, const struct xfrm_selector_spec *sel)
{
	struct nlmsghdr *msg = start(buf, XFRM_MSG_DELPOLICY, 0);
	struct xfrm_userpolicy_id *id = mnl_nlmsg_put_extra_header(msg, sizeof(*id));

	put_selector(&id->sel, sel);
	id->dir = directions[way];
	return msg;
}

static void put_algorithms(struct nlmsghdr *msg, const struct xfrm_state_spec *state)
{
	const struct xfrm_algorithms *alg = &state->alg;
	union {
		struct xfrm_algo_aead aead;
		struct xfrm_algo cipher;
		struct xfrm_algo_auth hash;
		uint8_t octets[sizeof(struct xfrm_algo_aead) + XFRM_KEY_MAX];
	} a;

	memset(&a, 0, sizeof(a));
	if (alg->aead) {
		strncpy(a.aead.alg_name, alg->aead, sizeof(a.aead.alg_name) - 1);
		a.aead.alg_key_len = alg->cipher_octets * 8;
		a.aead.alg_icv_len = alg->icv_bits;
		memcpy(a.aead.alg_key, state->cipher_key, alg->cipher_octets);
		mnl_attr_put(msg, XFRMA_ALG_AEAD, sizeof(a.aead) + alg->cipher_octets, &a.aead);
	} else {
		strncpy(a.cipher.alg_name, alg->cipher, sizeof(a.cipher.alg_name) - 1);
		a.cipher.alg_key_len = alg->cipher_octets * 8;
		memcpy(a.cipher.alg_key, state->cipher_key, alg->cipher_octets);
		mnl_attr_put(msg, XFRMA_ALG_CRYPT, sizeof(a.cipher) + alg->cipher_octets, &a.cipher);
		memset(&a, 0, sizeof(a));
		strncpy(a.hash.alg_name, alg->hash, sizeof(a.hash.alg_name) - 1);
		a.hash.alg_key_len = alg->hash_octets * 8;
		a.hash.alg_trunc_len = alg->hash_bits;
		memcpy(a.hash.alg_key, state->hash_key, alg->hash_octets);
		mnl_attr_put(msg, XFRMA_ALG_AUTH_TRUNC, sizeof(a.hash) + alg->hash_octets, &a.hash);
	}
	explicit_bzero(&a, sizeof(a));
}

struct nlmsghdr *xfrm_put_state(void *buf, const struct xfrm_state_spec *state)
{
	struct nlmsghdr *msg = start(buf, XFRM_MSG_NEWSA, NLM_F_CREATE | NLM_F_EXCL);
	struct xfrm_usersa_info info = { .reqid = state->reqid,
					 .family = AF_INET6,
					 .mode = state->tunnel ? XFRM_MODE_TUNNEL : XFRM_MODE_TRANSPORT,
					 .replay_window = state->replay_window > 32 ? 32 : state->replay_window };
	struct xfrm_replay_state replay = { .oseq = state->first_seq };

	if (state->sel.src_len || state->sel.dst_len || state->sel.proto)
		put_selector(&info.sel, &state->sel);
	put_address(&info.id.daddr, &state->dst);
	put_address(&info.saddr, &state->src);
	info.id.spi = htonl(state->spi);
	info.id.proto = IPPROTO_ESP;
	put_limits(&info.lft);
	put_header(msg, &info, sizeof(info));
	/* a selector of one family in a tunnel of the same: no need for the flag that says any */
	put_algorithms(msg, state);
	if (state->first_seq)
		mnl_attr_put(msg, XFRMA_REPLAY_VAL, sizeof(replay), &replay);
	if (state->mark) {
		mnl_attr_put_u32(msg, XFRMA_SET_MARK, state->mark);
		mnl_attr_put_u32(msg, XFRMA_SET_MARK_MASK, ~0U);
	}
	return msg;
}

struct nlmsghdr *xfrm_put_state_delete(void *buf, const struct in6_addr *dst, uint32_t spi)
{
	struct nlmsghdr *msg = start(buf, XFRM_MSG_DELSA, 0);
	struct xfrm_usersa_id *id = mnl_nlmsg_put_extra_header(msg, sizeof(*id));

	put_address(&id->daddr, dst);
	id->spi = htonl(spi);
	id->family = AF_INET6;
	id->proto = IPPROTO_ESP;
	return msg;
}

struct nlmsghdr *xfrm_put_migrate(void *buf, const struct xfrm_migration *m)
{
	struct nlmsghdr *msg = start(buf, XFRM_MSG_MIGRATE, 0);
	struct xfrm_userpolicy_id *id = mnl_nlmsg_put_extra_header(msg, sizeof(*id));
	struct xfrm_user_migrate step = { .proto = IPPROTO_ESP,
					  .mode = m->transport ? XFRM_MODE_TRANSPORT : XFRM_MODE_TUNNEL,
					  .reqid = m->reqid,
					  .old_family = AF_INET6,
					  .new_family = AF_INET6 };
	struct xfrm_user_kmaddress managers = { .family = AF_INET6 };

	put_selector(&id->sel, &m->sel);
	id->dir = directions[m->way];
	put_address(&step.old_saddr, &m->old_src);
	put_address(&step.old_daddr, &m->old_dst);
	put_address(&step.new_saddr, &m->new_src);
	put_address(&step.new_daddr, &m->new_dst);
	if (m->local && m->remote) {
		put_address(&managers.local, m->local);
		put_address(&managers.remote, m->remote);
		mnl_attr_put(msg, XFRMA_KMADDRESS, sizeof(managers), &managers);
	}
	mnl_attr_put(msg, XFRMA_MIGRATE, sizeof(step), &step);
	return msg;
}

/* ---- reading ---- */

static void get_address(struct in6_addr *to, const xfrm_address_t *from)
{
	memcpy(to, from->a6, sizeof(*to));
}

static void get_selector(struct xfrm_selector_spec *to, const struct xfrm_selector *from)
{
	get_address(&to->src, &from->saddr);
	get_address(&to->dst, &from->daddr);
	to->src_len = from->prefixlen_s;
	to->dst_len = from->prefixlen_d;
	to->proto = from->proto;
	to->has_type = from->sport_mask == htons(0xFFFF);
	to->type = to->has_type ? (uint8_t)ntohs(from->sport) : 0;
}

static const struct nlattr *find_attribute(const struct nlmsghdr *msg, size_t header, uint16_t type, size_t least)
{
	const struct nlattr *attr;

	mnl_attr_for_each(attr, msg, header)
	{
		if (mnl_attr_get_type(attr) == type && mnl_attr_get_payload_len(attr) >= least)
			return attr;
	}
	return NULL;
}

static bool get_way(uint8_t direction, enum xfrm_way *way)
{
	for (size_t i = 0; i < ARRAY_SIZE(directions); i++) {
		if (directions[i] != direction)
			continue;
		*way = i;
		return true;
	}
	return false; /* of a socket */
}

bool xfrm_get_policy(const struct nlmsghdr *msg, struct xfrm_policy_spec *out)
{
	const struct xfrm_user_tmpl *tmpl;
	struct xfrm_userpolicy_info info;
	const struct nlattr *attr;

	*out = (struct xfrm_policy_spec){};
	if ((msg->nlmsg_type != XFRM_MSG_NEWPOLICY && msg->nlmsg_type != XFRM_MSG_UPDPOLICY) ||
	    mnl_nlmsg_get_payload_len(msg) < sizeof(info))
		return false;
	memcpy(&info, mnl_nlmsg_get_payload(msg), sizeof(info));
	if (info.sel.family != AF_INET6 || !get_way(info.dir, &out->way))
		return false;
	get_selector(&out->sel, &info.sel);
	out->priority = info.priority;
	out->block = info.action != XFRM_POLICY_ALLOW;
	attr = find_attribute(msg, sizeof(info), XFRMA_TMPL, sizeof(*tmpl));
	out->allow = !attr && !out->block;
	if (!attr)
		return true;
	tmpl = mnl_attr_get_payload(attr);
	if (tmpl->id.proto != IPPROTO_ESP)
		return false;
	out->optional = tmpl->optional;
	out->tunnel = tmpl->mode == XFRM_MODE_TUNNEL;
	out->reqid = tmpl->reqid;
	if (out->tunnel) {
		get_address(&out->src, &tmpl->saddr);
		get_address(&out->dst, &tmpl->id.daddr);
	}
	return true;
}

bool xfrm_get_gone_policy(const struct nlmsghdr *msg, enum xfrm_way *way, struct xfrm_selector_spec *sel)
{
	struct xfrm_userpolicy_info info;
	const struct nlattr *attr;

	if (msg->nlmsg_type != XFRM_MSG_DELPOLICY || mnl_nlmsg_get_payload_len(msg) < sizeof(struct xfrm_userpolicy_id))
		return false;
	attr = find_attribute(msg, sizeof(struct xfrm_userpolicy_id), XFRMA_POLICY, sizeof(info));
	if (!attr)
		return false;
	memcpy(&info, mnl_attr_get_payload(attr), sizeof(info));
	if (info.sel.family != AF_INET6 || !get_way(info.dir, way))
		return false;
	get_selector(sel, &info.sel);
	return true;
}

/* Where the description of a state stands in a message about one; NULL: not about one. */
static const void *state_in(const struct nlmsghdr *msg, size_t *header)
{
	size_t len = mnl_nlmsg_get_payload_len(msg);
	const uint8_t *payload = mnl_nlmsg_get_payload(msg);

	switch (msg->nlmsg_type) {
	case XFRM_MSG_NEWSA:
	case XFRM_MSG_UPDSA:
		*header = sizeof(struct xfrm_usersa_info);
		return len < *header ? NULL : payload;
	case XFRM_MSG_EXPIRE:
		*header = sizeof(struct xfrm_user_expire);
		return len < *header ? NULL : payload + offsetof(struct xfrm_user_expire, state);
	case XFRM_MSG_DELSA: { /* the description is an attribute behind what names it */
		const struct nlattr *attr;

		if (len < sizeof(struct xfrm_usersa_id))
			return NULL;
		*header = sizeof(struct xfrm_usersa_id);
		attr = find_attribute(msg, *header, XFRMA_SA, sizeof(struct xfrm_usersa_info));
		return attr ? mnl_attr_get_payload(attr) : NULL;
	}
	default:
		return NULL;
	}
}

bool xfrm_get_state(const struct nlmsghdr *msg, struct xfrm_state_spec *out)
{
	size_t header = 0;
	const void *at = state_in(msg, &header);
	struct xfrm_usersa_info info;
	const struct nlattr *mark;

	*out = (struct xfrm_state_spec){};
	if (!at)
		return false;
	memcpy(&info, at, sizeof(info));
	if (info.family != AF_INET6 || info.id.proto != IPPROTO_ESP)
		return false;
	get_address(&out->src, &info.saddr);
	get_address(&out->dst, &info.id.daddr);
	out->spi = ntohl(info.id.spi);
	out->reqid = info.reqid;
	out->tunnel = info.mode == XFRM_MODE_TUNNEL;
	out->replay_window = info.replay_window;
	out->expires = info.lft.hard_add_expires_seconds && info.lft.hard_add_expires_seconds != XFRM_INF;
	out->added_s = info.curlft.add_time;
	get_selector(&out->sel, &info.sel);
	mark = find_attribute(msg, header, XFRMA_SET_MARK, sizeof(uint32_t));
	out->mark = mark ? mnl_attr_get_u32(mark) : 0;
	return true;
}

/* The @bits of key behind @header octets of an attribute. Return: octets; 0: longer than we know, or cut off. */
static uint16_t get_key(const struct nlattr *attr, size_t header, uint32_t bits, uint8_t key[XFRM_KEY_MAX])
{
	size_t octets = bits / 8;

	if (octets > XFRM_KEY_MAX || mnl_attr_get_payload_len(attr) < header + octets)
		return 0;
	memcpy(key, (const uint8_t *)mnl_attr_get_payload(attr) + header, octets);
	return octets;
}

void xfrm_get_keys(const struct nlmsghdr *msg, struct xfrm_state_spec *out)
{
	size_t header = sizeof(struct xfrm_usersa_info);
	const struct nlattr *aead, *cipher, *hash;

	if (mnl_nlmsg_get_payload_len(msg) < header)
		return;
	aead = find_attribute(msg, header, XFRMA_ALG_AEAD, sizeof(struct xfrm_algo_aead));
	cipher = find_attribute(msg, header, XFRMA_ALG_CRYPT, sizeof(struct xfrm_algo));
	hash = find_attribute(msg, header, XFRMA_ALG_AUTH_TRUNC, sizeof(struct xfrm_algo_auth));
	if (aead) {
		const struct xfrm_algo_aead *a = mnl_attr_get_payload(aead);

		out->alg.icv_bits = a->alg_icv_len;
		out->alg.cipher_octets = get_key(aead, sizeof(*a), a->alg_key_len, out->cipher_key);
	} else if (cipher) {
		const struct xfrm_algo *a = mnl_attr_get_payload(cipher);

		out->alg.cipher_octets = get_key(cipher, sizeof(*a), a->alg_key_len, out->cipher_key);
	}
	if (hash) {
		const struct xfrm_algo_auth *a = mnl_attr_get_payload(hash);

		out->alg.hash_bits = a->alg_trunc_len;
		out->alg.hash_octets = get_key(hash, sizeof(*a), a->alg_key_len, out->hash_key);
	}
}
