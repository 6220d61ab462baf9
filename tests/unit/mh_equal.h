/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Messages compared member by member (their padding is anybody's); also for the fuzzers, hence without cmocka. */
#ifndef MOBGW_TEST_MH_EQUAL_H
#define MOBGW_TEST_MH_EQUAL_H

#include "../../agent/mh.h"

/* An identifier by its octets, which both messages only point to. */
static inline bool mh_nai_equal(const struct mh_options *a, const struct mh_options *b)
{
	return a->has_nai == b->has_nai && a->nai_len == b->nai_len &&
	       (!a->nai_len || !memcmp(a->nai, b->nai, a->nai_len));
}

static inline bool mh_auth_option_equal(const struct mh_auth_option *a, const struct mh_auth_option *b)
{
	return a->present == b->present && a->len == b->len && a->spi == b->spi && a->offset == b->offset;
}

static inline bool mh_options_equal(const struct mh_options *a, const struct mh_options *b)
{
	if (a->prefix_count != b->prefix_count || a->prefixes_left_out != b->prefixes_left_out)
		return false;
	for (int i = 0; i < a->prefix_count; i++) {
		if (!addr_equal(&a->prefixes[i].prefix, &b->prefixes[i].prefix) ||
		    a->prefixes[i].len != b->prefixes[i].len)
			return false;
	}
	return a->has_refresh_advice == b->has_refresh_advice && a->has_alt_care_of == b->has_alt_care_of &&
	       a->has_nonce_indices == b->has_nonce_indices && a->has_auth == b->has_auth &&
	       a->refresh_advice_s == b->refresh_advice_s && addr_equal(&a->alt_care_of, &b->alt_care_of) &&
	       a->home_nonce == b->home_nonce && a->care_of_nonce == b->care_of_nonce &&
	       !memcmp(a->auth, b->auth, sizeof(a->auth)) && a->auth_offset == b->auth_offset && mh_nai_equal(a, b) &&
	       a->has_timestamp == b->has_timestamp && a->timestamp == b->timestamp &&
	       mh_auth_option_equal(&a->mn_ha, &b->mn_ha) && mh_auth_option_equal(&a->mn_aaa, &b->mn_aaa);
}

static inline bool mh_equal(const struct mh_msg *a, const struct mh_msg *b)
{
	return a->type == b->type && a->seq == b->seq && a->flags == b->flags && a->status == b->status &&
	       a->lifetime_s == b->lifetime_s && a->nonce_index == b->nonce_index &&
	       !memcmp(a->cookie, b->cookie, sizeof(a->cookie)) && !memcmp(a->token, b->token, sizeof(a->token)) &&
	       addr_equal(&a->home, &b->home) && mh_options_equal(&a->opt, &b->opt);
}

#endif
