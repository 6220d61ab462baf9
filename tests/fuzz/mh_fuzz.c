/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Any octets as a mobility header: no read beyond them, faults that point into them, and what is understood comes back
 * from a rebuilt message, which rebuilds to itself. */
#include <stdlib.h>

#include "../../agent/mh.h"
#include "../unit/mh_equal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool what)
{
	if (!what)
		abort();
}

/* What holds for a message that was refused. */
static void check_fault(const uint8_t *data, size_t len, const struct mh_result *result, const struct mh_msg *msg)
{
	switch (result->fault) {
	case MH_FAULT_TRUNCATED:
		require(len < 8 || len < (data[1] + 1U) * 8);
		break;
	case MH_FAULT_TYPE:
		require(msg->type == data[2] && data[2] >= MH_TYPES);
		break;
	case MH_FAULT_PROTO:
		require(data[2] < MH_TYPES && result->offset == 0 && data[0] != NH_NONE);
		break;
	case MH_FAULT_SHORT:
		require(data[0] == NH_NONE && result->offset == 1 && data[1] < 2);
		break;
	case MH_FAULT_OPTION: /* the octet before a length is its option's type */
		require(data[0] == NH_NONE && data[2] < MH_TYPES);
		require(!result->offset || (result->offset > 8 && result->offset < (data[1] + 1U) * 8));
		require(!result->offset || data[result->offset - 1] != MHO_PAD1);
		break;
	default:
		abort();
	}
}

/* Octets of @msg with its authenticator and a checksum; the length. */
static size_t build(struct mh_msg *msg, uint8_t *buf)
{
	const struct in6_addr src = { .s6_addr = { 0x20, 1 } }, dst = { .s6_addr = { 0x20, 2 } };
	uint16_t offset = 0, sum;
	int len = mh_build(msg, buf, MH_MAX_LEN, &offset);

	require(len >= 8 && len <= MH_MAX_LEN && len % 8 == 0);
	require(buf[1] == len / 8 - 1);
	if (msg->opt.has_auth) {
		require(offset == len - MH_AUTH_LEN);
		msg->opt.auth_offset = offset;
		memcpy(buf + msg->opt.auth_offset, msg->opt.auth, MH_AUTH_LEN);
	}
	if (msg->opt.mn_ha.present) {
		require(offset % 4 == 0 && offset + msg->opt.mn_ha.len <= len);
		msg->opt.mn_ha.offset = offset;
	}
	sum = mh_checksum(&src, &dst, buf, len);
	memcpy(buf + 4, &sum, sizeof(sum));
	require(mh_checksum(&src, &dst, buf, len) == 0);
	return len;
}

/* Pointers and offsets of what was left in place point into it; what authenticates stands once, and last. */
static void check_identity(const uint8_t *data, const struct mh_options *opt)
{
	size_t end = (data[1] + 1U) * 8;

	require(opt->has_nai == (opt->nai_len > 0) && opt->nai_len <= MH_NAI_MAX);
	require(!opt->has_nai || (opt->nai >= data + 9 && opt->nai + opt->nai_len <= data + end));
	require(!opt->mn_ha.present || (size_t)opt->mn_ha.offset + opt->mn_ha.len <= end);
	require(!opt->mn_aaa.present || (size_t)opt->mn_aaa.offset + opt->mn_aaa.len <= end);
	require(!opt->mn_ha.present || !opt->mn_aaa.present || opt->mn_ha.offset < opt->mn_aaa.offset);
	require(!opt->has_nai || !opt->mn_ha.present || opt->nai < data + opt->mn_ha.offset);
	require(!opt->has_auth || (!opt->mn_ha.present && !opt->mn_aaa.present));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint8_t first[MH_MAX_LEN], second[MH_MAX_LEN];
	struct mh_msg msg, again;
	struct mh_result result = mh_parse(data, len, &msg);
	size_t built;

	if (result.fault != MH_OK) {
		check_fault(data, len, &result, &msg);
		return 0;
	}
	require(msg.type == data[2] && mh_type_name(msg.type));
	require(!msg.opt.has_auth || msg.opt.auth_offset == (data[1] + 1U) * 8 - MH_AUTH_LEN);
	check_identity(data, &msg.opt);
	msg.opt.prefixes_left_out = 0; /* not kept, so not built */
	built = build(&msg, first);
	require(mh_parse(first, built, &again).fault == MH_OK);
	msg.opt.mn_aaa.offset = again.opt.mn_aaa.offset; /* the builder tells only the other one */
	require(mh_equal(&msg, &again));
	require(build(&again, second) == built && !memcmp(first, second, built));
	return 0;
}
