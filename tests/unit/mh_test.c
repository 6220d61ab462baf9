// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The codec of the mobility header: lengths, faults in their order, build and parse as inverses, a real peer's
 * messages. */
#include "check.h"

#include <errno.h>
#include <stdlib.h>

#include "../../agent/mh.h"
#include "../../agent/packet.h"
#include "mh_equal.h"
#include "pcap.h"

static int build(const struct mh_msg *msg, uint8_t *buf)
{
	int len = mh_build(msg, buf, MH_MAX_LEN, NULL);

	assert_true(len > 0 && len % 8 == 0);
	assert_int_equal(buf[1], len / 8 - 1);
	return len;
}

static struct mh_msg parse_ok(const uint8_t *data, size_t len)
{
	struct mh_msg msg;
	struct mh_result result = mh_parse(data, len, &msg);

	assert_int_equal(result.fault, MH_OK);
	return msg;
}

static void each_message_has_the_least_length_of_the_rfc(void **state)
{
	static const uint8_t least[MH_TYPES] = { [MH_BRR] = 0, [MH_HOTI] = 1, [MH_COTI] = 1, [MH_HOT] = 2,
						 [MH_COT] = 2, [MH_BU] = 1,   [MH_BA] = 1,   [MH_BE] = 2 };

	for (size_t type = 0; type < MH_TYPES; type++) {
		for (int hdrlen = least[type] - 1; hdrlen <= least[type] + 1; hdrlen++) {
			uint8_t buf[32] = { NH_NONE, (uint8_t)hdrlen, (uint8_t)type };
			struct mh_result result;
			struct mh_msg msg;

			if (hdrlen < 0)
				continue;
			result = mh_parse(buf, (hdrlen + 1) * 8, &msg);
			CHECK_CASE(type, result.fault == (hdrlen < least[type] ? MH_FAULT_SHORT : MH_OK));
			CHECK_CASE(type, result.fault == MH_OK || result.offset == 1);
		}
	}
}

static void faults_are_found_in_the_order_of_the_rfc(void **state)
{
	static const struct {
		uint8_t head[4];
		size_t len;
		enum mh_fault fault;
		uint16_t offset;
	} cases[] = {
		{ { 6, 0, 9, 0 }, 7, MH_FAULT_TRUNCATED, 1 }, /* not even whole */
		{ { 6, 0, 9, 0 }, 8, MH_FAULT_TYPE, 2 },      /* unknown type before payload proto and length */
		{ { 6, 0, MH_BU, 0 }, 8, MH_FAULT_PROTO, 0 }, /* payload proto before length */
		{ { NH_NONE, 0, MH_BU, 0 }, 8, MH_FAULT_SHORT, 1 },
		{ { NH_NONE, 1, MH_BU, 0 }, 15, MH_FAULT_TRUNCATED, 1 },
		{ { NH_NONE, 1, MH_BU, 0 }, 16, MH_OK, 0 },
		{ { NH_NONE, 0, MH_TYPES, 0 }, 8, MH_FAULT_TYPE, 2 },
		{ { NH_NONE, 0, 255, 0 }, 8, MH_FAULT_TYPE, 2 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint8_t buf[16] = {};
		struct mh_result result;
		struct mh_msg msg;

		memcpy(buf, cases[i].head, 4);
		result = mh_parse(buf, cases[i].len, &msg);
		CHECK_CASE(i, result.fault == cases[i].fault);
		CHECK_CASE(i, result.fault == MH_OK || result.offset == cases[i].offset);
	}
}

/* @option behind a binding update's fixed part, padded with Pad1. */
static struct mh_result with_option(const uint8_t *option, size_t option_len, struct mh_msg *msg)
{
	uint8_t buf[64] = { NH_NONE, 0, MH_BU };
	size_t len = (12 + option_len + 7) / 8 * 8;

	buf[1] = len / 8 - 1;
	memcpy(buf + 12, option, option_len);
	return mh_parse(buf, len, msg);
}

static void options_have_exactly_their_length(void **state)
{
	static const struct {
		uint8_t type, len;
	} cases[] = { { MHO_REFRESH_ADVICE, 2 }, { MHO_ALT_CARE_OF, 16 },    { MHO_NONCE_INDICES, 4 },
		      { MHO_AUTH_DATA, 12 },	 { MHO_NETWORK_PREFIX, 18 }, { MHO_TIMESTAMP, 8 } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		for (int len = cases[i].len - 1; len <= cases[i].len + 1; len++) {
			uint8_t option[32] = { cases[i].type, (uint8_t)len };
			struct mh_msg msg;
			struct mh_result result = with_option(option, len + 2, &msg);

			/* right in itself, but with padding behind it: another test's */
			if (cases[i].type == MHO_AUTH_DATA && len == cases[i].len)
				continue;
			CHECK_CASE(i, result.fault == (len == cases[i].len ? MH_OK : MH_FAULT_OPTION));
			CHECK_CASE(i, result.fault == MH_OK || result.offset == 13);
		}
	}
}

static void unknown_options_are_stepped_over_and_those_past_the_end_refused(void **state)
{
	struct mh_msg msg;
	uint8_t buf[16] = { NH_NONE, 1, MH_BU };
	struct mh_result result;

	assert_int_equal(with_option((const uint8_t[]){ 200, 3, 1, 2, 3, MHO_REFRESH_ADVICE, 2, 0, 5 }, 9, &msg).fault,
			 MH_OK);
	assert_int_equal(msg.opt.refresh_advice_s, 20);
	buf[12] = 200;
	for (int len = 1; len <= 3; len++) { /* two octets are left for data */
		buf[13] = len;
		result = mh_parse(buf, sizeof(buf), &msg);
		CHECK_CASE(len, result.fault == (len <= 2 ? MH_OK : MH_FAULT_OPTION));
		CHECK_CASE(len, result.fault == MH_OK || result.offset == 13);
	}
	memset(buf + 12, 0, 4);
	buf[15] = MHO_REFRESH_ADVICE; /* a type without its length: there is none to point at */
	result = mh_parse(buf, sizeof(buf), &msg);
	assert_int_equal(result.fault, MH_FAULT_OPTION);
	assert_int_equal(result.offset, 0);
}

static void options_end_with_the_header_though_octets_follow(void **state)
{
	uint8_t buf[32] = { NH_NONE, 1, MH_BU, [12] = MHO_PADN, 2, [16] = MHO_REFRESH_ADVICE, 2, 0, 9 };
	struct mh_msg msg;

	assert_int_equal(mh_parse(buf, sizeof(buf), &msg).fault, MH_OK);
	assert_false(msg.opt.has_refresh_advice);
	buf[13] = 3; /* as long as the octets, too long for the header */
	assert_int_equal(mh_parse(buf, sizeof(buf), &msg).fault, MH_FAULT_OPTION);
}

static void a_network_prefix_of_wrong_length_is_pointed_at_also_past_the_end(void **state)
{
	static const uint8_t lengths[] = { 0, 17, 19, 200, 255 };

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		/* refresh advice first, so that the offset isn't the first option's by chance */
		uint8_t buf[40] = { NH_NONE,   4, MH_BU, [12] = MHO_REFRESH_ADVICE, 2, 0, 1, MHO_NETWORK_PREFIX,
				    lengths[i] };
		struct mh_msg msg;
		struct mh_result result = mh_parse(buf, sizeof(buf), &msg);

		CHECK_CASE(i, result.fault == MH_FAULT_OPTION && result.offset == 17);
	}
}

/* RFC 6275 §6.2.7. Where the octets behind it name no wrong length, none is pointed at: the octet before a bad offset
 * would be taken for an option type. */
static void nothing_follows_the_authenticator_not_even_padding(void **state)
{
	static const struct {
		uint8_t before, behind[8];
		uint8_t hdrlen;
		enum mh_fault fault;
	} cases[] = {
		{ 6, {}, 3, MH_OK }, /* at 18 = 8n + 2, up to the end */
		{ 4, { MHO_PAD1, MHO_PAD1 }, 3, MH_FAULT_OPTION },
		{ 4, { MHO_PADN, 0 }, 3, MH_FAULT_OPTION },
		{ 6, { MHO_PADN, 6 }, 4, MH_FAULT_OPTION },
		{ 6, { MHO_REFRESH_ADVICE, 2, 0, 1, MHO_PADN, 2 }, 4, MH_FAULT_OPTION },
		{ 6, { MHO_NETWORK_PREFIX, 6 }, 4, MH_FAULT_OPTION },
		{ 6, { 200, 6 }, 4, MH_FAULT_OPTION },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint8_t buf[48] = { NH_NONE, cases[i].hdrlen, MH_BU, [12] = MHO_PADN, cases[i].before - 2 };
		uint8_t *auth = buf + 12 + cases[i].before;
		struct mh_result result;
		struct mh_msg msg;

		auth[0] = MHO_AUTH_DATA;
		auth[1] = MH_AUTH_LEN;
		memset(auth + 2, MHO_NETWORK_PREFIX, MH_AUTH_LEN);
		memcpy(auth + 14, cases[i].behind, sizeof(cases[i].behind));
		result = mh_parse(buf, (cases[i].hdrlen + 1) * 8, &msg);
		CHECK_CASE(i, result.fault == cases[i].fault && result.offset == 0);
		CHECK_CASE(i, result.fault != MH_OK || (msg.opt.has_auth && msg.opt.auth_offset == 20));
	}
}

/* RFC 4283 §3, RFC 4285 §5: an identifier has an octet, an authentication option its subtype and SPI; 255 is the most.
 */
static void options_of_any_length_have_a_least_one(void **state)
{
	static const struct {
		uint8_t type, least;
	} cases[] = { { MHO_MN_ID, 2 }, { MHO_AUTH_OPTION, 5 } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		for (int len = 0; len <= 255; len++) {
			uint8_t buf[280] = { NH_NONE, 0, MH_BU, [12] = cases[i].type, len, 1 };
			size_t size = (14 + len + 7) / 8 * 8;
			struct mh_result result;
			struct mh_msg msg;

			buf[1] = size / 8 - 1;
			result = mh_parse(buf, size, &msg);
			CHECK_CASE(len, result.fault == (len < cases[i].least ? MH_FAULT_OPTION : MH_OK));
			CHECK_CASE(len, result.fault == MH_OK || result.offset == 13);
			if (result.fault == MH_OK && cases[i].type == MHO_MN_ID)
				CHECK_CASE(len,
					   msg.opt.has_nai && msg.opt.nai == buf + 15 && msg.opt.nai_len == len - 1);
			if (result.fault == MH_OK && cases[i].type == MHO_AUTH_OPTION)
				CHECK_CASE(len, msg.opt.mn_ha.present && msg.opt.mn_ha.offset == 19 &&
							msg.opt.mn_ha.len == len - 5);
		}
	}
}

static void subtypes_that_we_do_not_know_are_stepped_over(void **state)
{
	struct mh_msg msg;

	assert_int_equal(with_option((const uint8_t[]){ MHO_MN_ID, 3, 2, 0xAA, 0xBB }, 5, &msg).fault, MH_OK);
	assert_false(msg.opt.has_nai);
	assert_int_equal(with_option((const uint8_t[]){ MHO_AUTH_OPTION, 5, 3, 0, 0, 1, 0 }, 7, &msg).fault, MH_OK);
	assert_false(msg.opt.mn_ha.present || msg.opt.mn_aaa.present);
}

#define MN_HA MHO_AUTH_OPTION, 5, AUTH_OPTION_MN_HA, 0, 0, 1, 0
#define MN_AAA MHO_AUTH_OPTION, 5, AUTH_OPTION_MN_AAA, 0, 0, 2, 0
#define OTHER MHO_AUTH_OPTION, 5, 9, 0, 0, 3, 0

/* RFC 4285 §5.1, §5.2: what stands behind isn't under the hash. Nor do both kinds of authenticator stand in a message:
 * each is to be the last option (RFC 6275 §6.2.7). */
static void only_padding_and_other_authentication_follow_an_authentication_option(void **state)
{
	static const struct {
		uint8_t options[28], len;
		enum mh_fault fault;
	} cases[] = {
		{ { MN_HA, MHO_PAD1, MHO_PADN, 2, 0, 0 }, 12, MH_OK },
		{ { MN_HA, MN_AAA }, 14, MH_OK },
		{ { MN_HA, OTHER, MN_AAA, MHO_PAD1 }, 22, MH_OK },
		{ { OTHER, MN_HA }, 14, MH_OK },
		{ { MHO_REFRESH_ADVICE, 2, 0, 1, MN_HA }, 11, MH_OK },
		{ { MN_HA, MN_HA }, 14, MH_FAULT_OPTION },
		{ { MN_AAA, MN_AAA }, 14, MH_FAULT_OPTION },
		{ { MN_AAA, MN_HA }, 14, MH_FAULT_OPTION },
		{ { MN_AAA, OTHER }, 14, MH_FAULT_OPTION },
		{ { MN_HA, MHO_REFRESH_ADVICE, 2, 0, 1 }, 11, MH_FAULT_OPTION },
		{ { MN_HA, MHO_MN_ID, 2, 1, 'a' }, 11, MH_FAULT_OPTION },
		{ { MN_HA, 200, 1, 0 }, 10, MH_FAULT_OPTION }, /* also what we don't know */
		{ { MN_HA, MHO_AUTH_DATA, 12 }, 21, MH_FAULT_OPTION },
		{ { MHO_AUTH_DATA, 12, [14] = MN_HA }, 21, MH_FAULT_OPTION },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct mh_msg msg;
		struct mh_result result = with_option(cases[i].options, cases[i].len, &msg);

		CHECK_CASE(i, result.fault == cases[i].fault && result.offset == 0);
	}
}

static void what_no_option_can_hold_is_not_built(void **state)
{
	static const uint8_t nai[255] = { 'a' };
	static const struct {
		struct mh_options opt;
		bool built;
	} cases[] = {
		{ { .has_nai = true, .nai = nai, .nai_len = 0 }, false },
		{ { .has_nai = true, .nai = nai, .nai_len = 1 }, true },
		{ { .has_nai = true, .nai = nai, .nai_len = 254 }, true },
		{ { .has_nai = true, .nai = nai, .nai_len = 255 }, false },
		{ { .mn_ha = { .present = true, .len = 250 } }, true },
		{ { .mn_ha = { .present = true, .len = 251 } }, false },
		{ { .mn_aaa = { .present = true, .len = 250 } }, true },
		{ { .mn_aaa = { .present = true, .len = 251 } }, false },
		{ { .mn_ha = { .present = true, .len = 12 }, .has_auth = true }, false },
		{ { .mn_aaa = { .present = true, .len = 12 }, .has_auth = true }, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct mh_msg msg = { .type = MH_BU, .opt = cases[i].opt };
		uint8_t buf[MH_MAX_LEN];
		int len = mh_build(&msg, buf, sizeof(buf), NULL);

		CHECK_CASE(i, cases[i].built ? len > 0 : len == -EINVAL);
	}
}

static void more_prefixes_than_kept_are_counted(void **state)
{
	static const int cases[] = { 1, MH_MAX_PREFIXES - 1, MH_MAX_PREFIXES, MH_MAX_PREFIXES + 1,
				     84 /* a full header */ };
	static const uint8_t option[] = { MHO_NETWORK_PREFIX, 18, 0, 64 }, pad[] = { MHO_PADN, 2, 0, 0 };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint8_t buf[MH_MAX_LEN] = { NH_NONE, (8 + 24 * cases[i]) / 8, MH_BU };
		int kept = cases[i] < MH_MAX_PREFIXES ? cases[i] : MH_MAX_PREFIXES;
		struct mh_msg got;

		memcpy(buf + 12 + 24 * cases[i], pad, sizeof(pad));
		for (int n = 0; n < cases[i]; n++) {
			uint8_t *at = buf + 12 + 24 * n; /* 8n + 4 */

			memcpy(at, option, sizeof(option));
			at[19] = n; /* the prefix' last octet */
			memcpy(at + 20, pad, sizeof(pad));
		}
		got = parse_ok(buf, 16 + 24 * cases[i]);
		CHECK_CASE(i, got.opt.prefix_count == kept && got.opt.prefixes_left_out == cases[i] - kept);
		for (int n = 0; n < kept; n++)
			CHECK_CASE(i, got.opt.prefixes[n].prefix.s6_addr[15] == n && got.opt.prefixes[n].len == 64);
	}
}

static void lifetimes_are_seconds_outside_and_units_of_four_on_the_wire(void **state)
{
	static const struct {
		uint32_t in, out;
	} cases[] = { { 0, 0 },	    { 3, 0 },		{ 4, 4 },	    { 7, 4 },
		      { 420, 420 }, { 262140, 262140 }, { 262144, 262140 }, { UINT32_MAX, 262140 } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct mh_msg msg = { .type = MH_BA, .lifetime_s = cases[i].in };
		uint8_t buf[MH_MAX_LEN];
		int len = build(&msg, buf);

		CHECK_CASE(i, parse_ok(buf, len).lifetime_s == cases[i].out);
	}
}

static void option_positions_keep_their_alignment(void **state)
{
	static const struct {
		struct mh_options opt;
		int seen;
	} cases[] = {
		{ { .has_refresh_advice = true,
		    .has_alt_care_of = true,
		    .has_nonce_indices = true,
		    .has_auth = true,
		    .prefix_count = 1 },
		  5 },
		{ { .has_nai = true,
		    .nai = (const uint8_t *)"a@b",
		    .nai_len = 3,
		    .has_timestamp = true,
		    .mn_ha = { .present = true, .len = MH_AUTH_LEN },
		    .mn_aaa = { .present = true, .len = 3 } },
		  4 },
	};
	static const uint8_t n[] = {
		[MHO_REFRESH_ADVICE] = 2, [MHO_ALT_CARE_OF] = 8, [MHO_NONCE_INDICES] = 2, [MHO_AUTH_DATA] = 8,
		[MHO_NETWORK_PREFIX] = 8, [MHO_MN_ID] = 1,	 [MHO_AUTH_OPTION] = 4,	  [MHO_TIMESTAMP] = 8
	};
	static const uint8_t add[] = { [MHO_ALT_CARE_OF] = 6,
				       [MHO_AUTH_DATA] = 2,
				       [MHO_NETWORK_PREFIX] = 4,
				       [MHO_TIMESTAMP] = 2,
				       [MHO_AUTH_OPTION] = 1 };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct mh_msg msg = { .type = MH_BU, .opt = cases[i].opt };
		uint8_t buf[MH_MAX_LEN];
		int len = build(&msg, buf), seen = 0;

		for (int at = 12; at < len;) {
			uint8_t type = buf[at];

			if (type == MHO_PAD1) {
				at++;
				continue;
			}
			if (type != MHO_PADN) {
				CHECK_CASE(type, at % n[type] == add[type] % n[type]);
				seen++;
			}
			at += 2 + buf[at + 1];
		}
		CHECK_CASE(i, seen == cases[i].seen);
	}
}

static void fill(void *to, size_t len)
{
	for (size_t i = 0; i < len; i++)
		((uint8_t *)to)[i] = rand();
}

/* Members that count for the type; the rest stays zero, as the parser leaves it. */
static struct mh_msg random_message(uint8_t type)
{
	struct mh_msg msg = { .type = type };

	if (type == MH_BU || type == MH_BA) {
		msg.seq = rand();
		msg.flags = type == MH_BU ? rand() & 0xFFFF : rand() & 0xFF;
		msg.lifetime_s = (rand() & 0xFFFF) * 4;
	}
	if (type == MH_BA || type == MH_BE)
		msg.status = rand();
	if (type == MH_BE)
		fill(&msg.home, sizeof(msg.home));
	if (type >= MH_HOTI && type <= MH_COT)
		fill(msg.cookie, sizeof(msg.cookie));
	if (type == MH_HOT || type == MH_COT) {
		msg.nonce_index = rand();
		fill(msg.token, sizeof(msg.token));
	}
	return msg;
}

enum {
	WITH_REFRESH = 1,
	WITH_ALT = 2,
	WITH_NONCES = 4,
	WITH_AUTH = 8, /* and then neither of the last two */
	WITH_NAI = 16,
	WITH_TIMESTAMP = 32,
	WITH_MN_HA = 64,
	WITH_MN_AAA = 128,
	COMBINATIONS = 256,
};

static void random_auth_option(struct mh_auth_option *auth)
{
	*auth = (struct mh_auth_option){ .present = true, .len = rand() % 251, .spi = rand() };
}

static void random_authentication(struct mh_options *opt, unsigned int which)
{
	static uint8_t nai[MH_NAI_MAX];

	if (which & WITH_NAI) {
		fill(nai, sizeof(nai));
		opt->has_nai = true;
		opt->nai = nai;
		opt->nai_len = 1 + rand() % MH_NAI_MAX;
	}
	opt->has_timestamp = which & WITH_TIMESTAMP;
	if (opt->has_timestamp)
		fill(&opt->timestamp, sizeof(opt->timestamp));
	if (which & WITH_MN_HA && !opt->has_auth)
		random_auth_option(&opt->mn_ha);
	if (which & WITH_MN_AAA && !opt->has_auth)
		random_auth_option(&opt->mn_aaa);
}

static void random_options(struct mh_options *opt, unsigned int which, uint8_t prefixes)
{
	opt->has_refresh_advice = which & WITH_REFRESH;
	opt->has_alt_care_of = which & WITH_ALT;
	opt->has_nonce_indices = which & WITH_NONCES;
	opt->has_auth = which & WITH_AUTH;
	opt->prefix_count = prefixes;
	if (opt->has_refresh_advice)
		opt->refresh_advice_s = (rand() & 0xFFFF) * 4;
	if (opt->has_alt_care_of)
		fill(&opt->alt_care_of, 16);
	if (opt->has_nonce_indices) {
		opt->home_nonce = rand();
		opt->care_of_nonce = rand();
	}
	if (opt->has_auth)
		fill(opt->auth, sizeof(opt->auth));
	for (int i = 0; i < prefixes; i++) {
		fill(&opt->prefixes[i].prefix, 16);
		opt->prefixes[i].len = rand();
	}
	random_authentication(opt, which);
}

/* An MN-HA option's data are where the builder says, an MN-AAA option's in the last place but for padding. */
static bool offsets_are_right(struct mh_options *opt, const struct mh_options *got, uint16_t built, int len)
{
	int behind = len - got->mn_aaa.offset - got->mn_aaa.len;

	opt->auth_offset = opt->has_auth ? built : 0;
	opt->mn_ha.offset = opt->mn_ha.present ? built : 0;
	opt->mn_aaa.offset = got->mn_aaa.offset;
	return !opt->mn_aaa.present || (got->mn_aaa.offset % 4 == 0 && behind >= 0 && behind < 8);
}

/* Whether a message comes back as it was from a buffer of just its length, the authenticator written by the caller. */
static bool comes_back(struct mh_msg *msg)
{
	uint8_t buf[MH_MAX_LEN], *exact;
	uint16_t offset = 0;
	int len = mh_build(msg, buf, sizeof(buf), &offset);
	struct mh_msg got;
	bool same;

	if (len < 8 || len % 8 || buf[1] != len / 8 - 1)
		return false;
	if (msg->opt.has_auth) {
		if (offset != len - MH_AUTH_LEN)
			return false;
		memcpy(buf + offset, msg->opt.auth, MH_AUTH_LEN);
	}
	exact = malloc(len); /* so that the sanitizer sees a read behind it */
	if (!exact)
		return false;
	memcpy(exact, buf, len);
	memset(&got, 0xA5, sizeof(got)); /* the parser writes it whole */
	same = mh_parse(exact, len, &got).fault == MH_OK && offsets_are_right(&msg->opt, &got.opt, offset, len) &&
	       mh_equal(&got, msg);
	for (int shorter = 0; shorter < len; shorter++)
		same = same && mh_parse(exact, shorter, &got).fault == MH_FAULT_TRUNCATED;
	free(exact);
	return same;
}

static void every_type_comes_back_with_every_combination_of_options(void **state)
{
	srand(2473);
	for (unsigned int type = 0; type < MH_TYPES; type++) {
		for (unsigned int which = 0; which < COMBINATIONS; which++) {
			/* every count of prefixes with the options of RFC 6275 only, to be quick */
			unsigned int step = which < WITH_NAI ? 1 : MH_MAX_PREFIXES;

			for (unsigned int prefixes = 0; prefixes <= MH_MAX_PREFIXES; prefixes += step) {
				struct mh_msg msg = random_message(type);

				random_options(&msg.opt, which, prefixes);
				CHECK_CASE(type << 16 | which << 8 | prefixes, comes_back(&msg));
			}
		}
	}
}

static void random_messages_come_back(void **state)
{
	srand(6275);
	for (int round = 0; round < 20000; round++) {
		struct mh_msg msg = random_message(rand() % MH_TYPES);

		random_options(&msg.opt, rand(), rand() % (MH_MAX_PREFIXES + 1));
		CHECK_CASE(round, comes_back(&msg));
	}
}

static void types_have_names_and_unknown_ones_their_number(void **state)
{
	static const struct {
		uint8_t type;
		const char *name;
	} cases[] = { { MH_BRR, "BRR" },      { MH_HOTI, "HoTI" }, { MH_COTI, "CoTI" }, { MH_HOT, "HoT" },
		      { MH_COT, "CoT" },      { MH_BU, "BU" },	   { MH_BA, "BA" },	{ MH_BE, "BE" },
		      { MH_TYPES, "type 8" }, { 255, "type 255" } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		CHECK_CASE(i, !strcmp(mh_type_name(cases[i].type), cases[i].name));
}

static void building_stops_at_the_end_of_the_buffer(void **state)
{
	struct mh_msg msg = { .type = MH_BU, .opt = { .has_alt_care_of = true } };
	uint8_t buf[MH_MAX_LEN];
	int len = build(&msg, buf);

	for (int size = 0; size < len; size++)
		assert_int_equal(mh_build(&msg, buf, size, NULL), -ENOSPC);
	assert_int_equal(mh_build(&msg, buf, len, NULL), len);
	msg.type = MH_TYPES;
	assert_int_equal(mh_build(&msg, buf, sizeof(buf), NULL), -EINVAL);
}

static void the_checksum_is_zero_over_a_right_message_and_not_over_a_changed_one(void **state)
{
	struct in6_addr src = addr("2001:db8:1::100"), dst = addr("2001:db8:1::1");
	struct mh_msg msg = { .type = MH_BU, .seq = 7, .flags = BU_ACK | BU_HOME, .lifetime_s = 400 };
	uint8_t buf[MH_MAX_LEN];
	int len = build(&msg, buf);
	uint16_t sum = mh_checksum(&src, &dst, buf, len);

	memcpy(buf + 4, &sum, 2);
	assert_int_equal(mh_checksum(&src, &dst, buf, len), 0);
	for (int i = 0; i < len; i++) {
		buf[i] ^= 1;
		CHECK_CASE(i, mh_checksum(&src, &dst, buf, len) != 0);
		buf[i] ^= 1;
	}
}

static const struct in6_addr *home_of(const uint8_t *packet, const struct packet_view *view, struct in6_addr *rh2)
{
	/* a type 2 routing header right behind the IPv6 header names the home address as the last destination */
	if (packet[6] != NH_ROUTING || packet[42] != RH_TYPE2)
		return NULL;
	memcpy(rh2, packet + 48, 16);
	return rh2;
}

static void check_captured(const uint8_t *packet, size_t len, void *arg)
{
	struct packet_view view;
	struct in6_addr rh2;
	const struct in6_addr *dst;
	uint8_t again[MH_MAX_LEN];
	struct mh_msg msg, back;
	int *count = arg, built;

	assert_int_equal(packet_walk(packet, len, &view), 0);
	if (view.proto == NH_IPV6) {
		check_captured(packet + view.offset, view.len - view.offset, arg);
		return;
	}
	if (view.proto != NH_MH)
		return;
	dst = home_of(packet, &view, &rh2);
	assert_int_equal(mh_checksum(view.has_home ? &view.home : &view.src, dst ? dst : &view.dst,
				     packet + view.offset, view.len - view.offset),
			 0);
	msg = parse_ok(packet + view.offset, view.len - view.offset);
	built = build(&msg, again);
	back = parse_ok(again, built);
	msg.opt.auth_offset = back.opt.auth_offset;
	memset(msg.opt.auth, 0, sizeof(msg.opt.auth));
	assert_true(mh_equal(&back, &msg));
	(*count)++;
}

static void messages_of_a_real_peer_are_understood(void **state)
{
	static const struct {
		const char *path;
		int messages; /* as tshark counts them */
	} cases[] = {
		{ "tests/captures/umip-home-registration-mn.pcap", 4 },
		{ "tests/captures/umip-home-registration-ha.pcap", 4 },
		{ "tests/captures/umip-return-routability-mn.pcap", 66 },
		{ "tests/captures/umip-route-optimized-mn.pcap", 10 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int count = 0;

		CHECK_CASE(i, pcap_for_each(cases[i].path, check_captured, &count) > 0);
		CHECK_CASE(i, count == cases[i].messages);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_message_has_the_least_length_of_the_rfc),
		cmocka_unit_test(faults_are_found_in_the_order_of_the_rfc),
		cmocka_unit_test(options_have_exactly_their_length),
		cmocka_unit_test(unknown_options_are_stepped_over_and_those_past_the_end_refused),
		cmocka_unit_test(options_end_with_the_header_though_octets_follow),
		cmocka_unit_test(a_network_prefix_of_wrong_length_is_pointed_at_also_past_the_end),
		cmocka_unit_test(nothing_follows_the_authenticator_not_even_padding),
		cmocka_unit_test(options_of_any_length_have_a_least_one),
		cmocka_unit_test(subtypes_that_we_do_not_know_are_stepped_over),
		cmocka_unit_test(only_padding_and_other_authentication_follow_an_authentication_option),
		cmocka_unit_test(what_no_option_can_hold_is_not_built),
		cmocka_unit_test(more_prefixes_than_kept_are_counted),
		cmocka_unit_test(lifetimes_are_seconds_outside_and_units_of_four_on_the_wire),
		cmocka_unit_test(option_positions_keep_their_alignment),
		cmocka_unit_test(every_type_comes_back_with_every_combination_of_options),
		cmocka_unit_test(random_messages_come_back),
		cmocka_unit_test(types_have_names_and_unknown_ones_their_number),
		cmocka_unit_test(building_stops_at_the_end_of_the_buffer),
		cmocka_unit_test(the_checksum_is_zero_over_a_right_message_and_not_over_a_changed_one),
		cmocka_unit_test(messages_of_a_real_peer_are_understood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
