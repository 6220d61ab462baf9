// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * XFRM's messages: sizes and attributes as linux/xfrm.h has them, what is written is read back, and what the kernel
 * tells unasked reaches its handler. Messages stand where batches and dumps put them: at a multiple of four octets.
 */
#include "check.h"

#include <stdlib.h>

#include "../../agent/ipsec_keys.h"
#include "../../agent/xfrm_read.c"
#include "../../headers/mip6.h"

#define HOA "2001:db8:1::100"
#define HA "2001:db8:1::1"
#define CN "2001:db8:c::2"
#define COA "2001:db8:f1::7"

/* Octets of a message, at any place that netlink allows. */
struct place {
	uint8_t *octets;
	struct nlmsghdr *msg;
};

enum { PLACES = 2 };

static struct place place(size_t which)
{
	struct place p = { .octets = malloc(XFRM_MESSAGE_MAX + 4 * PLACES) };

	assert_non_null(p.octets);
	memset(p.octets, 0xA5, XFRM_MESSAGE_MAX + 4 * PLACES); /* as an earlier batch left it */
	p.msg = (struct nlmsghdr *)(p.octets + 4 * which);
	return p;
}

static struct xfrm_selector_spec selector(const char *src, const char *dst, uint8_t proto)
{
	return (struct xfrm_selector_spec){ .src = src ? addr(src) : in6addr_any,
					    .dst = dst ? addr(dst) : in6addr_any,
					    .src_len = src ? 128 : 0,
					    .dst_len = dst ? 128 : 0,
					    .proto = proto };
}

static bool same_selector(const struct xfrm_selector_spec *a, const struct xfrm_selector_spec *b)
{
	return addr_equal(&a->src, &b->src) && addr_equal(&a->dst, &b->dst) && a->src_len == b->src_len &&
	       a->dst_len == b->dst_len && a->proto == b->proto && a->has_type == b->has_type && a->type == b->type;
}

/* ---- what is written, as the kernel sees it ---- */

struct attribute {
	uint16_t type, len;
};

/* The header's length, then exactly these attributes. */
static void check_shape(const struct nlmsghdr *msg, uint16_t type, uint16_t flags, size_t header,
			const struct attribute *attributes)
{
	const struct nlattr *attr;

	assert_int_equal(msg->nlmsg_type, type);
	assert_int_equal(msg->nlmsg_flags, NLM_F_REQUEST | flags);
	assert_in_range(mnl_nlmsg_get_payload_len(msg), header, XFRM_MESSAGE_MAX);
	mnl_attr_for_each(attr, msg, header)
	{
		assert_int_equal(mnl_attr_get_type(attr), attributes->type);
		assert_int_equal(mnl_attr_get_payload_len(attr), attributes->len);
		attributes++;
	}
	assert_int_equal(attributes->type, 0);
}

static const void *value_of(const struct nlmsghdr *msg, size_t header, uint16_t type)
{
	const struct nlattr *attr;

	mnl_attr_for_each(attr, msg, header)
	{
		if (mnl_attr_get_type(attr) == type)
			return mnl_attr_get_payload(attr);
	}
	fail_msg("no attribute %u", type);
	return NULL;
}

enum { POLICY_LEN = 168, POLICY_ID_LEN = 64, STATE_LEN = 224, STATE_ID_LEN = 24, TEMPLATE_LEN = 64 };

static void a_policy_has_a_template_unless_it_lets_pass(void **state)
{
	static const struct attribute one_template[] = { { XFRMA_TMPL, TEMPLATE_LEN }, {} }, none[] = { {} };
	struct xfrm_policy_spec policy = { .sel = selector(HOA, HA, NH_MH), .reqid = 7, .tunnel = true };

	for (size_t i = 0; i < PLACES; i++) {
		struct place p = place(i);

		policy.allow = false;
		check_shape(xfrm_put_policy(p.msg, &policy, false), XFRM_MSG_NEWPOLICY, NLM_F_CREATE | NLM_F_EXCL,
			    POLICY_LEN, one_template);
		check_shape(xfrm_put_policy(p.msg, &policy, true), XFRM_MSG_UPDPOLICY, 0, POLICY_LEN, one_template);
		policy.allow = true;
		check_shape(xfrm_put_policy(p.msg, &policy, false), XFRM_MSG_NEWPOLICY, NLM_F_CREATE | NLM_F_EXCL,
			    POLICY_LEN, none);
		free(p.octets);
	}
}

static void a_policy_never_expires_and_asks_for_any_algorithm(void **state)
{
	struct xfrm_policy_spec policy = { .way = XFRM_WAY_FWD, .sel = selector(HOA, NULL, NH_MH), .priority = 9 };
	struct xfrm_userpolicy_info info;
	struct xfrm_user_tmpl tmpl;
	struct place p = place(0);

	policy.sel.has_type = true;
	policy.sel.type = MH_BU;
	xfrm_put_policy(p.msg, &policy, false);
	memcpy(&info, mnl_nlmsg_get_payload(p.msg), sizeof(info));
	memcpy(&tmpl, value_of(p.msg, POLICY_LEN, XFRMA_TMPL), sizeof(tmpl));
	assert_int_equal(info.dir, XFRM_POLICY_FWD);
	assert_int_equal(info.action, XFRM_POLICY_ALLOW);
	assert_int_equal(info.priority, 9);
	assert_int_equal(info.sel.family, AF_INET6);
	assert_int_equal(ntohs(info.sel.sport), MH_BU);
	assert_int_equal(info.sel.sport_mask, 0xFFFF);
	assert_int_equal(info.sel.dport_mask, 0);
	assert_true(info.lft.soft_byte_limit == XFRM_INF && info.lft.hard_byte_limit == XFRM_INF);
	assert_true(info.lft.soft_packet_limit == XFRM_INF && info.lft.hard_packet_limit == XFRM_INF);
	assert_true(!info.lft.hard_add_expires_seconds && !info.lft.hard_use_expires_seconds);
	assert_true(tmpl.aalgos == ~0U && tmpl.ealgos == ~0U && tmpl.calgos == ~0U);
	assert_int_equal(tmpl.id.proto, IPPROTO_ESP);
	assert_int_equal(tmpl.id.spi, 0);
	assert_int_equal(tmpl.family, AF_INET6);
	free(p.octets);
}

/* By suite: 72 and 68 octets come before a key (RFC 4106: with its salt). */
static const struct {
	const char *suite;
	struct attribute attributes[3];
} suites[] = {
	{ "aes128-gcm", { { XFRMA_ALG_AEAD, 72 + 20 } } },
	{ "aes256-gcm", { { XFRMA_ALG_AEAD, 72 + 36 } } },
	{ "aes128-sha256", { { XFRMA_ALG_CRYPT, 68 + 16 }, { XFRMA_ALG_AUTH_TRUNC, 72 + 32 } } },
	{ "aes256-sha256", { { XFRMA_ALG_CRYPT, 68 + 32 }, { XFRMA_ALG_AUTH_TRUNC, 72 + 32 } } },
	{ "aes128-sha1", { { XFRMA_ALG_CRYPT, 68 + 16 }, { XFRMA_ALG_AUTH_TRUNC, 72 + 20 } } },
	{ "aes256-sha1", { { XFRMA_ALG_CRYPT, 68 + 32 }, { XFRMA_ALG_AUTH_TRUNC, 72 + 20 } } },
};

static struct xfrm_state_spec state_with(const struct xfrm_algorithms *alg)
{
	struct xfrm_state_spec s = { .src = addr(HOA), .dst = addr(HA), .spi = 0x1001, .reqid = 7, .alg = *alg };

	memset(s.cipher_key, 0xC1, sizeof(s.cipher_key));
	memset(s.hash_key, 0xA2, sizeof(s.hash_key));
	return s;
}

static void every_suite_has_the_attributes_of_its_algorithms(void **state)
{
	size_t i = 0;

	for (const struct ipsec_suite *suite = ipsec_suites; suite->name; suite++, i++) {
		struct xfrm_state_spec s = state_with(&suite->alg);

		CHECK_CASE(i, i < ARRAY_SIZE(suites) && strcmp(suite->name, suites[i].suite) == 0);
		for (size_t k = 0; k < PLACES; k++) {
			struct place p = place(k);

			check_shape(xfrm_put_state(p.msg, &s), XFRM_MSG_NEWSA, NLM_F_CREATE | NLM_F_EXCL, STATE_LEN,
				    suites[i].attributes);
			free(p.octets);
		}
	}
	assert_int_equal(i, ARRAY_SIZE(suites));
}

static void keys_and_their_lengths_in_bits_stand_behind_the_name(void **state)
{
	struct xfrm_state_spec s = state_with(&ipsec_suites[0].alg);
	struct xfrm_algo_aead aead;
	struct xfrm_algo_auth hash;
	struct xfrm_algo cipher;
	struct place p = place(0);

	xfrm_put_state(p.msg, &s);
	memcpy(&aead, value_of(p.msg, STATE_LEN, XFRMA_ALG_AEAD), sizeof(aead));
	assert_string_equal(aead.alg_name, "rfc4106(gcm(aes))");
	assert_int_equal(aead.alg_key_len, 160);
	assert_int_equal(aead.alg_icv_len, 128);
	assert_memory_equal((const uint8_t *)value_of(p.msg, STATE_LEN, XFRMA_ALG_AEAD) + sizeof(aead), s.cipher_key,
			    20);

	s = state_with(&ipsec_suites[2].alg);
	xfrm_put_state(p.msg, &s);
	memcpy(&cipher, value_of(p.msg, STATE_LEN, XFRMA_ALG_CRYPT), sizeof(cipher));
	memcpy(&hash, value_of(p.msg, STATE_LEN, XFRMA_ALG_AUTH_TRUNC), sizeof(hash));
	assert_string_equal(cipher.alg_name, "cbc(aes)");
	assert_int_equal(cipher.alg_key_len, 128);
	assert_string_equal(hash.alg_name, "hmac(sha256)");
	assert_int_equal(hash.alg_key_len, 256);
	assert_int_equal(hash.alg_trunc_len, 128); /* RFC 4868 §2.3, where the kernel's own default is 96 */
	assert_memory_equal((const uint8_t *)value_of(p.msg, STATE_LEN, XFRMA_ALG_CRYPT) + sizeof(cipher), s.cipher_key,
			    16);
	assert_memory_equal((const uint8_t *)value_of(p.msg, STATE_LEN, XFRMA_ALG_AUTH_TRUNC) + sizeof(hash),
			    s.hash_key, 32);
	free(p.octets);
}

static void numbers_marks_and_windows_are_optional(void **state)
{
	static const struct attribute all[] = {
		{ XFRMA_ALG_AEAD, 92 }, { XFRMA_REPLAY_VAL, 12 }, { XFRMA_SET_MARK, 4 }, { XFRMA_SET_MARK_MASK, 4 }, {}
	};
	struct xfrm_state_spec s = state_with(&ipsec_suites[0].alg);
	struct xfrm_usersa_info info;
	struct xfrm_replay_state replay;
	struct place p = place(0);

	s.first_seq = 77;
	s.mark = 0x6D000014;
	s.replay_window = 32;
	check_shape(xfrm_put_state(p.msg, &s), XFRM_MSG_NEWSA, NLM_F_CREATE | NLM_F_EXCL, STATE_LEN, all);
	memcpy(&info, mnl_nlmsg_get_payload(p.msg), sizeof(info));
	memcpy(&replay, value_of(p.msg, STATE_LEN, XFRMA_REPLAY_VAL), sizeof(replay));
	assert_true(replay.oseq == 77 && !replay.seq && !replay.bitmap);
	assert_int_equal(info.replay_window, 32);
	assert_int_equal(info.sel.family, 0); /* none: the kernel makes one */
	assert_int_equal(*(const uint32_t *)value_of(p.msg, STATE_LEN, XFRMA_SET_MARK), s.mark);
	assert_int_equal(*(const uint32_t *)value_of(p.msg, STATE_LEN, XFRMA_SET_MARK_MASK), UINT32_MAX);
	assert_int_equal(ntohl(info.id.spi), 0x1001);
	assert_true(info.lft.hard_byte_limit == XFRM_INF && info.lft.hard_packet_limit == XFRM_INF);
	free(p.octets);
}

static void deletions_name_what_goes(void **state)
{
	static const struct attribute none[] = { {} };
	struct xfrm_selector_spec sel = selector(HOA, HA, NH_MH);
	struct in6_addr dst = addr(HA);
	struct xfrm_userpolicy_id policy;
	struct xfrm_usersa_id id;
	struct place p = place(1);

	check_shape(xfrm_put_policy_delete(p.msg, XFRM_WAY_OUT, &sel), XFRM_MSG_DELPOLICY, 0, POLICY_ID_LEN, none);
	memcpy(&policy, mnl_nlmsg_get_payload(p.msg), sizeof(policy));
	assert_true(policy.dir == XFRM_POLICY_OUT && !policy.index && policy.sel.prefixlen_d == 128);
	check_shape(xfrm_put_state_delete(p.msg, &dst, 0x1001), XFRM_MSG_DELSA, 0, STATE_ID_LEN, none);
	memcpy(&id, mnl_nlmsg_get_payload(p.msg), sizeof(id));
	assert_memory_equal(id.daddr.a6, &dst, sizeof(dst));
	assert_true(id.spi == htonl(0x1001) && id.family == AF_INET6 && id.proto == IPPROTO_ESP);
	free(p.octets);
}

static void a_migration_names_both_ends_before_and_after(void **state)
{
	static const struct attribute alone[] = { { XFRMA_MIGRATE, 76 }, {} },
				      told[] = { { XFRMA_KMADDRESS, 40 }, { XFRMA_MIGRATE, 76 }, {} };
	struct in6_addr coa = addr(COA), agent = addr(HA);
	struct xfrm_migration m = { .way = XFRM_WAY_IN,
				    .sel = selector(NULL, HOA, NH_MH),
				    .reqid = 7,
				    .old_src = agent,
				    .old_dst = addr(HOA),
				    .new_src = agent,
				    .new_dst = coa };
	struct xfrm_user_migrate step;
	struct place p = place(1);

	check_shape(xfrm_put_migrate(p.msg, &m), XFRM_MSG_MIGRATE, 0, POLICY_ID_LEN, alone);
	memcpy(&step, value_of(p.msg, POLICY_ID_LEN, XFRMA_MIGRATE), sizeof(step));
	assert_memory_equal(step.new_daddr.a6, &coa, sizeof(coa));
	assert_memory_equal(step.old_saddr.a6, &agent, sizeof(agent));
	assert_true(step.proto == IPPROTO_ESP && step.mode == XFRM_MODE_TUNNEL && step.reqid == 7);
	assert_true(step.old_family == AF_INET6 && step.new_family == AF_INET6);
	m.local = &coa;
	m.remote = &agent;
	m.transport = true;
	check_shape(xfrm_put_migrate(p.msg, &m), XFRM_MSG_MIGRATE, 0, POLICY_ID_LEN, told);
	memcpy(&step, value_of(p.msg, POLICY_ID_LEN, XFRMA_MIGRATE), sizeof(step));
	assert_int_equal(step.mode, XFRM_MODE_TRANSPORT);
	free(p.octets);
}

/* ---- written, then read ---- */

static void a_policy_is_read_as_it_was_written(void **state)
{
	for (unsigned int bits = 0; bits < 64; bits++) {
		struct xfrm_policy_spec in = { .way = bits % 3,
					       .sel = selector(bits & 1 ? HOA : NULL, bits & 2 ? CN : NULL, NH_MH),
					       .priority = bits,
					       .optional = bits & 4,
					       .tunnel = bits & 8,
					       .allow = bits & 32,
					       .reqid = 0x6D000000 | bits },
					out;
		struct place p = place(bits % PLACES);

		in.sel.has_type = bits & 16;
		in.sel.type = bits & 16 ? MH_BU : 0;
		if (in.tunnel) {
			in.src = addr(HA);
			in.dst = addr(COA);
		}
		CHECK_CASE(bits, xfrm_get_policy(xfrm_put_policy(p.msg, &in, false), &out));
		CHECK_CASE(bits, out.way == in.way && out.priority == in.priority && out.allow == in.allow);
		CHECK_CASE(bits, same_selector(&out.sel, &in.sel));
		if (!in.allow) {
			CHECK_CASE(bits, out.optional == in.optional && out.tunnel == in.tunnel);
			CHECK_CASE(bits, out.reqid == in.reqid);
			CHECK_CASE(bits, addr_equal(&out.src, &in.src) && addr_equal(&out.dst, &in.dst));
		}
		free(p.octets);
	}
}

static void a_state_is_read_as_it_was_written_without_its_keys(void **state)
{
	static const uint8_t zero[XFRM_KEY_MAX];

	for (unsigned int bits = 0; bits < 16; bits++) {
		struct xfrm_state_spec in = state_with(&ipsec_suites[bits % ARRAY_SIZE(suites)].alg), out;
		struct place p = place(bits % PLACES);

		in.tunnel = bits & 1;
		in.sel = bits & 2 ? selector(HOA, NULL, 0) : selector(NULL, NULL, 0);
		in.mark = bits & 4 ? in.reqid : 0;
		in.replay_window = bits & 8 ? 32 : 0;
		in.first_seq = bits & 8 ? 0 : 77;
		CHECK_CASE(bits, xfrm_get_state(xfrm_put_state(p.msg, &in), &out));
		CHECK_CASE(bits, addr_equal(&out.src, &in.src) && addr_equal(&out.dst, &in.dst));
		CHECK_CASE(bits, out.spi == in.spi && out.reqid == in.reqid && out.tunnel == in.tunnel);
		CHECK_CASE(bits, out.mark == in.mark && out.replay_window == in.replay_window && !out.expires);
		CHECK_CASE(bits, same_selector(&out.sel, &in.sel));
		assert_memory_equal(out.cipher_key, zero, sizeof(zero));
		assert_memory_equal(out.hash_key, zero, sizeof(zero));
		free(p.octets);
	}
}

/* With keys, and so that ipsec_adopt.c can tell suites apart by lengths alone. */
static void keys_are_read_as_they_were_written(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(suites); i++) {
		const struct xfrm_algorithms *alg = &ipsec_suites[i].alg;
		struct xfrm_state_spec in = state_with(alg), out = {};
		struct place p = place(i % PLACES);

		xfrm_get_keys(xfrm_put_state(p.msg, &in), &out);
		CHECK_CASE(i, out.alg.cipher_octets == alg->cipher_octets && out.alg.hash_octets == alg->hash_octets);
		CHECK_CASE(i, out.alg.icv_bits == alg->icv_bits && out.alg.hash_bits == alg->hash_bits);
		CHECK_CASE(i, !memcmp(out.cipher_key, in.cipher_key, alg->cipher_octets));
		CHECK_CASE(i, !memcmp(out.hash_key, in.hash_key, alg->hash_octets));
		for (size_t k = 0; k < i; k++) {
			const struct xfrm_algorithms *other = &ipsec_suites[k].alg;

			CHECK_CASE(i, other->cipher_octets != alg->cipher_octets ||
					      other->hash_octets != alg->hash_octets);
		}
		free(p.octets);
	}
}

/* ---- what the kernel tells ---- */

struct heard {
	int policies_gone, policies_set, states, acquires, overruns;
	bool present;
	uint32_t spi, reqid;
	enum xfrm_way way;
	struct xfrm_selector_spec sel;
	struct in6_addr src, dst;
};

static void hear_state(void *arg, const struct xfrm_state_spec *state, bool present)
{
	struct heard *heard = arg;

	heard->states++;
	heard->spi = state->spi;
	heard->present = present;
}

static void hear_acquire(void *arg, uint32_t reqid, const struct in6_addr *src, const struct in6_addr *dst)
{
	struct heard *heard = arg;

	heard->acquires++;
	heard->reqid = reqid;
	heard->src = *src;
	heard->dst = *dst;
}

static void hear_policy_set(void *arg, const struct xfrm_policy_spec *policy)
{
	struct heard *heard = arg;

	heard->policies_set++;
	heard->sel = policy->sel;
}

static void hear_policy_gone(void *arg, enum xfrm_way way, const struct xfrm_selector_spec *sel)
{
	struct heard *heard = arg;

	heard->policies_gone++;
	heard->way = way;
	heard->sel = *sel;
}

static void hear_overrun(void *arg)
{
	((struct heard *)arg)->overruns++;
}

static struct heard hear(const struct nlmsghdr *msg)
{
	struct heard heard = {};
	const struct xfrm_handlers handlers = { &heard,		 hear_state,	   hear_acquire,
						hear_policy_set, hear_policy_gone, hear_overrun };
	struct xfrm x = { .handlers = &handlers };

	assert_int_equal(on_message(msg, &x), MNL_CB_OK);
	return heard;
}

/* A message of the kernel's: @header, and an attribute where @len is not 0. */
static struct nlmsghdr *tell(struct place *p, uint16_t type, const void *header, size_t size, uint16_t attribute,
			     const void *data, size_t len)
{
	struct nlmsghdr *msg = mnl_nlmsg_put_header(p->msg);

	msg->nlmsg_type = type;
	memcpy(mnl_nlmsg_put_extra_header(msg, size), header, size);
	if (len)
		mnl_attr_put(msg, attribute, len, data);
	return msg;
}

static struct xfrm_usersa_info some_state(void)
{
	struct xfrm_usersa_info info = { .family = AF_INET6 };

	info.id.spi = htonl(0x1001);
	info.id.proto = IPPROTO_ESP;
	return info;
}

static void states_come_and_go(void **state)
{
	for (size_t i = 0; i < PLACES; i++) {
		struct xfrm_usersa_info info = some_state();
		struct xfrm_usersa_id id = { .spi = info.id.spi, .family = AF_INET6, .proto = IPPROTO_ESP };
		struct xfrm_user_expire expire = { .state = info, .hard = 1 };
		struct place p = place(i);
		struct heard heard = hear(tell(&p, XFRM_MSG_NEWSA, &info, sizeof(info), 0, NULL, 0));

		CHECK_CASE(i, heard.states == 1 && heard.present && heard.spi == 0x1001);
		heard = hear(tell(&p, XFRM_MSG_UPDSA, &info, sizeof(info), 0, NULL, 0));
		CHECK_CASE(i, heard.states == 1 && heard.present);
		heard = hear(tell(&p, XFRM_MSG_DELSA, &id, sizeof(id), XFRMA_SA, &info, sizeof(info)));
		CHECK_CASE(i, heard.states == 1 && !heard.present && heard.spi == 0x1001);
		heard = hear(tell(&p, XFRM_MSG_EXPIRE, &expire, sizeof(expire), 0, NULL, 0));
		CHECK_CASE(i, heard.states == 1 && !heard.present);
		expire.hard = 0;
		heard = hear(tell(&p, XFRM_MSG_EXPIRE, &expire, sizeof(expire), 0, NULL, 0));
		CHECK_CASE(i, heard.states == 0); /* whoever keyed it makes another */
		heard = hear(tell(&p, XFRM_MSG_FLUSHSA, &(struct xfrm_usersa_flush){}, 1, 0, NULL, 0));
		CHECK_CASE(i, heard.overruns == 1);
		free(p.octets);
	}
}

static void a_state_with_a_limit_of_time_is_known_by_it(void **state)
{
	static const struct {
		uint64_t limit;
		bool expires;
	} cases[] = { { 0, false }, { 1, true }, { 3600, true }, { XFRM_INF, false } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct xfrm_usersa_info info = some_state();
		struct xfrm_state_spec out;
		struct place p = place(1);

		info.lft.hard_add_expires_seconds = cases[i].limit;
		CHECK_CASE(i, xfrm_get_state(tell(&p, XFRM_MSG_NEWSA, &info, sizeof(info), 0, NULL, 0), &out));
		CHECK_CASE(i, out.expires == cases[i].expires);
		free(p.octets);
	}
}

static void a_policy_that_goes_is_known_by_its_selector(void **state)
{
	struct xfrm_policy_spec policy = { .way = XFRM_WAY_FWD, .sel = selector(HOA, NULL, NH_MH) };

	for (size_t i = 0; i < PLACES; i++) {
		struct place built = place(0), p = place(i);
		struct xfrm_userpolicy_id id = {};
		struct heard heard;

		xfrm_put_policy(built.msg, &policy, false);
		heard = hear(tell(&p, XFRM_MSG_DELPOLICY, &id, sizeof(id), XFRMA_POLICY,
				  mnl_nlmsg_get_payload(built.msg), POLICY_LEN));
		CHECK_CASE(i, heard.policies_gone == 1 && heard.way == XFRM_WAY_FWD);
		CHECK_CASE(i, same_selector(&heard.sel, &policy.sel));
		heard = hear(tell(&p, XFRM_MSG_DELPOLICY, &id, sizeof(id), 0, NULL, 0));
		CHECK_CASE(i, heard.policies_gone == 0);
		heard = hear(tell(&p, XFRM_MSG_FLUSHPOLICY, &id, 0, 0, NULL, 0));
		CHECK_CASE(i, heard.overruns == 1);
		free(p.octets);
		free(built.octets);
	}
}

static void an_acquire_names_packet_and_reqid(void **state)
{
	struct xfrm_user_acquire want = { .sel.family = AF_INET6 };
	struct xfrm_user_tmpl tmpl = { .reqid = 0x6D000005 };
	struct in6_addr src = addr(HOA), dst = addr(CN);

	memcpy(want.sel.saddr.a6, &src, sizeof(src));
	memcpy(want.sel.daddr.a6, &dst, sizeof(dst));
	for (size_t i = 0; i < PLACES; i++) {
		struct place p = place(i);
		struct heard heard =
			hear(tell(&p, XFRM_MSG_ACQUIRE, &want, sizeof(want), XFRMA_TMPL, &tmpl, sizeof(tmpl)));

		CHECK_CASE(i, heard.acquires == 1 && heard.reqid == 0x6D000005);
		CHECK_CASE(i, addr_equal(&heard.src, &src) && addr_equal(&heard.dst, &dst));
		heard = hear(tell(&p, XFRM_MSG_ACQUIRE, &want, sizeof(want), XFRMA_TMPL, &tmpl, sizeof(tmpl) - 1));
		CHECK_CASE(i, heard.acquires == 0);
		free(p.octets);
	}
	want.sel.family = AF_INET;
	for (size_t i = 0; i < PLACES; i++) {
		struct place p = place(i);

		CHECK_CASE(i, !hear(tell(&p, XFRM_MSG_ACQUIRE, &want, sizeof(want), XFRMA_TMPL, &tmpl, sizeof(tmpl)))
				       .acquires);
		free(p.octets);
	}
}

static void what_is_not_ours_to_hear_is_left(void **state)
{
	struct xfrm_usersa_info info = some_state();
	struct xfrm_policy_spec policy = { .sel = selector(HOA, HA, NH_MH) }, out;
	struct xfrm_userpolicy_info *written;
	struct xfrm_user_tmpl *tmpl;
	struct place p = place(0);

	info.family = AF_INET;
	assert_int_equal(hear(tell(&p, XFRM_MSG_NEWSA, &info, sizeof(info), 0, NULL, 0)).states, 0);
	info.family = AF_INET6;
	info.id.proto = IPPROTO_AH;
	assert_int_equal(hear(tell(&p, XFRM_MSG_NEWSA, &info, sizeof(info), 0, NULL, 0)).states, 0);

	xfrm_put_policy(p.msg, &policy, false);
	written = mnl_nlmsg_get_payload(p.msg);
	tmpl = (void *)value_of(p.msg, POLICY_LEN, XFRMA_TMPL);
	assert_true(xfrm_get_policy(p.msg, &out));
	tmpl->id.proto = IPPROTO_COMP;
	assert_false(xfrm_get_policy(p.msg, &out));
	tmpl->id.proto = IPPROTO_ESP;
	written->dir = XFRM_POLICY_FWD + 1; /* sockets have policies of their own */
	assert_false(xfrm_get_policy(p.msg, &out));
	written->dir = XFRM_POLICY_IN;
	written->sel.family = AF_INET;
	assert_false(xfrm_get_policy(p.msg, &out));
	free(p.octets);
}

/* Another in the place of one is told of by UPDPOLICY alone; one that blocks is not one that lets pass. */
static void a_policy_that_comes_is_told_of(void **state)
{
	struct xfrm_policy_spec in = { .sel = selector(HOA, HA, NH_MH), .reqid = 7 }, out;
	struct xfrm_userpolicy_info info;
	struct place p = place(0);

	assert_int_equal(hear(xfrm_put_policy(p.msg, &in, false)).policies_set, 1);
	assert_int_equal(hear(xfrm_put_policy(p.msg, &in, true)).policies_set, 1);
	in.allow = true;
	xfrm_put_policy(p.msg, &in, true);
	assert_true(xfrm_get_policy(p.msg, &out) && out.allow && !out.block);
	memcpy(&info, mnl_nlmsg_get_payload(p.msg), sizeof(info));
	info.action = XFRM_POLICY_BLOCK;
	memcpy(mnl_nlmsg_get_payload(p.msg), &info, sizeof(info));
	assert_true(xfrm_get_policy(p.msg, &out) && !out.allow && out.block);
	free(p.octets);
}

/* ---- what is cut short ---- */

/* An attribute that says more than it has, or more than any suite of ours has. */
static void a_key_that_is_not_all_there_is_none(void **state)
{
	static const uint8_t zero[XFRM_KEY_MAX];
	static const uint32_t bits[] = { 8 * (XFRM_KEY_MAX + 1), 8 * 17, UINT32_MAX };
	struct {
		struct xfrm_algo_aead head;
		uint8_t key[16];
	} aead = {};
	struct xfrm_usersa_info info = some_state();

	memset(aead.key, 0x55, sizeof(aead.key));
	for (size_t i = 0; i < ARRAY_SIZE(bits); i++) {
		struct xfrm_state_spec out = {};
		struct place p = place(0);

		aead.head.alg_key_len = bits[i];
		tell(&p, XFRM_MSG_NEWSA, &info, sizeof(info), XFRMA_ALG_AEAD, &aead, sizeof(aead));
		xfrm_get_keys(p.msg, &out);
		CHECK_CASE(i, !out.alg.cipher_octets);
		assert_memory_equal(out.cipher_key, zero, sizeof(zero));
		free(p.octets);
	}
}

/* The first @len octets alone, so that a read beyond them is seen. */
static void read_cut(const struct nlmsghdr *msg, size_t len)
{
	size_t size = MNL_ALIGN(len);
	struct nlmsghdr *cut = malloc(size);
	struct xfrm_policy_spec policy;
	struct xfrm_state_spec state;

	assert_non_null(cut);
	memcpy(cut, msg, len);
	memset((uint8_t *)cut + len, 0xFF, size - len);
	cut->nlmsg_len = len;
	hear(cut);
	xfrm_get_policy(cut, &policy);
	xfrm_get_state(cut, &state);
	xfrm_get_keys(cut, &state);
	free(cut);
}

static void a_header_cut_short_says_nothing(void **state)
{
	struct xfrm_usersa_info info = some_state();
	struct xfrm_policy_spec policy = { .sel = selector(HOA, HA, NH_MH) }, read;
	struct xfrm_state_spec out;
	struct place p = place(0);

	tell(&p, XFRM_MSG_NEWSA, &info, sizeof(info), 0, NULL, 0);
	assert_true(xfrm_get_state(p.msg, &out));
	p.msg->nlmsg_len--;
	assert_false(xfrm_get_state(p.msg, &out));
	policy.allow = true;
	xfrm_put_policy(p.msg, &policy, false);
	p.msg->nlmsg_len--;
	assert_false(xfrm_get_policy(p.msg, &read));
	free(p.octets);
}

/* The attribute that says what went: whole at its length, nothing at one octet less. */
static void an_attribute_cut_short_says_nothing(void **state)
{
	for (size_t less = 0; less <= 1; less++) {
		struct xfrm_usersa_info info = some_state();
		struct xfrm_usersa_id id = {};
		struct xfrm_userpolicy_id name = {};
		struct xfrm_userpolicy_info policy = { .sel.family = AF_INET6 };
		struct place p = place(0);

		tell(&p, XFRM_MSG_DELSA, &id, sizeof(id), XFRMA_SA, &info, sizeof(info) - less);
		CHECK_CASE(less, hear(p.msg).states == !less);
		read_cut(p.msg, p.msg->nlmsg_len);
		tell(&p, XFRM_MSG_DELPOLICY, &name, sizeof(name), XFRMA_POLICY, &policy, sizeof(policy) - less);
		CHECK_CASE(less, hear(p.msg).policies_gone == !less);
		read_cut(p.msg, p.msg->nlmsg_len);
		policy.sel.family = AF_INET;
		tell(&p, XFRM_MSG_DELPOLICY, &name, sizeof(name), XFRMA_POLICY, &policy, sizeof(policy));
		CHECK_CASE(less, hear(p.msg).policies_gone == 0);
		free(p.octets);
	}
}

static void no_length_of_a_message_or_an_attribute_is_believed(void **state)
{
	static const uint16_t types[] = { XFRM_MSG_NEWSA,   XFRM_MSG_UPDSA,	XFRM_MSG_DELSA,	   XFRM_MSG_EXPIRE,
					  XFRM_MSG_ACQUIRE, XFRM_MSG_NEWPOLICY, XFRM_MSG_DELPOLICY };
	uint8_t octets[700];
	struct nlmsghdr *msg = (struct nlmsghdr *)octets;

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		for (unsigned int fill = 0; fill < 256; fill += 5) {
			memset(octets, fill, sizeof(octets));
			msg->nlmsg_type = types[i];
			for (size_t len = sizeof(*msg); len <= sizeof(octets); len += 1 + fill % 7)
				read_cut(msg, len);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_policy_has_a_template_unless_it_lets_pass),
		cmocka_unit_test(a_policy_never_expires_and_asks_for_any_algorithm),
		cmocka_unit_test(every_suite_has_the_attributes_of_its_algorithms),
		cmocka_unit_test(keys_and_their_lengths_in_bits_stand_behind_the_name),
		cmocka_unit_test(numbers_marks_and_windows_are_optional),
		cmocka_unit_test(deletions_name_what_goes),
		cmocka_unit_test(a_migration_names_both_ends_before_and_after),
		cmocka_unit_test(a_policy_is_read_as_it_was_written),
		cmocka_unit_test(a_state_is_read_as_it_was_written_without_its_keys),
		cmocka_unit_test(keys_are_read_as_they_were_written),
		cmocka_unit_test(a_policy_that_comes_is_told_of),
		cmocka_unit_test(a_key_that_is_not_all_there_is_none),
		cmocka_unit_test(states_come_and_go),
		cmocka_unit_test(a_state_with_a_limit_of_time_is_known_by_it),
		cmocka_unit_test(a_policy_that_goes_is_known_by_its_selector),
		cmocka_unit_test(an_acquire_names_packet_and_reqid),
		cmocka_unit_test(what_is_not_ours_to_hear_is_left),
		cmocka_unit_test(a_header_cut_short_says_nothing),
		cmocka_unit_test(an_attribute_cut_short_says_nothing),
		cmocka_unit_test(no_length_of_a_message_or_an_attribute_is_believed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
