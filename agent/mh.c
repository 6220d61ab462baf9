// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Codec of the mobility header, RFC 6275 §6.1, §6.2, RFC 3963 §4.3, RFC 4283 §3 and RFC 4285 §5, §6: two tables, one of
 * messages and one of options, each row with its lengths, its parser and its builder. All reading goes through struct
 * reader, all writing through struct writer; both stop at the end of their buffer and remember that they did.
 */
#include "mh.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

#include "packet.h"

struct reader {
	const uint8_t *at, *end;
	bool short_;
};

struct writer {
	uint8_t *start, *at, *end;
	bool full;
};

static void get(struct reader *in, void *to, size_t len)
{
	if ((size_t)(in->end - in->at) < len) {
		in->short_ = true;
		memset(to, 0, len);
		return;
	}
	memcpy(to, in->at, len);
	in->at += len;
}

static uint8_t get8(struct reader *in)
{
	uint8_t v;

	get(in, &v, sizeof(v));
	return v;
}

static uint16_t get16(struct reader *in)
{
	uint16_t v;

	get(in, &v, sizeof(v));
	return ntohs(v);
}

static uint32_t get32(struct reader *in)
{
	uint32_t v;

	get(in, &v, sizeof(v));
	return ntohl(v);
}

static void put(struct writer *out, const void *from, size_t len)
{
	if ((size_t)(out->end - out->at) < len) {
		out->full = true;
		return;
	}
	memcpy(out->at, from, len);
	out->at += len;
}

static void put8(struct writer *out, uint8_t v)
{
	put(out, &v, sizeof(v));
}

static void put16(struct writer *out, uint16_t v)
{
	uint16_t be = htons(v);

	put(out, &be, sizeof(be));
}

static void put32(struct writer *out, uint32_t v)
{
	uint32_t be = htonl(v);

	put(out, &be, sizeof(be));
}

static void put_zeros(struct writer *out, size_t len)
{
	while (len-- > 0)
		put8(out, 0);
}

/* Seconds to units of 4 s, rounded down, at most what 16 bits hold. */
static uint16_t lifetime_units(uint32_t seconds)
{
	return seconds / LIFETIME_UNIT_S > 65535 ? 65535 : seconds / LIFETIME_UNIT_S;
}

/* ---- options ---- */

static void parse_refresh(struct reader *in, struct mh_options *opt)
{
	opt->has_refresh_advice = true;
	opt->refresh_advice_s = (uint32_t)get16(in) * LIFETIME_UNIT_S;
}

static void parse_alt_care_of(struct reader *in, struct mh_options *opt)
{
	opt->has_alt_care_of = true;
	get(in, &opt->alt_care_of, sizeof(opt->alt_care_of));
}

static void parse_nonces(struct reader *in, struct mh_options *opt)
{
	opt->has_nonce_indices = true;
	opt->home_nonce = get16(in);
	opt->care_of_nonce = get16(in);
}

static void parse_auth(struct reader *in, struct mh_options *opt)
{
	opt->has_auth = true;
	get(in, opt->auth, sizeof(opt->auth));
}

static void parse_prefix(struct reader *in, struct mh_options *opt)
{
	struct mh_prefix p;

	get8(in); /* reserved */
	p.len = get8(in);
	get(in, &p.prefix, sizeof(p.prefix));
	if (opt->prefix_count < MH_MAX_PREFIXES)
		opt->prefixes[opt->prefix_count++] = p;
	else if (opt->prefixes_left_out < UINT8_MAX)
		opt->prefixes_left_out++;
}

/* Other kinds of identifiers (RFC 8371) name nobody that we know. */
static void parse_mn_id(struct reader *in, struct mh_options *opt)
{
	if (get8(in) != MN_ID_NAI)
		return;
	opt->has_nai = true;
	opt->nai = in->at;
	opt->nai_len = in->end - in->at;
}

static struct mh_auth_option *auth_option(struct mh_options *opt, uint8_t subtype)
{
	return subtype == AUTH_OPTION_MN_HA ? &opt->mn_ha : subtype == AUTH_OPTION_MN_AAA ? &opt->mn_aaa : NULL;
}

static void parse_auth_option(struct reader *in, struct mh_options *opt)
{
	struct mh_auth_option *auth = auth_option(opt, get8(in));

	if (!auth)
		return;
	auth->present = true;
	auth->spi = get32(in);
	auth->len = in->end - in->at;
}

static void parse_timestamp(struct reader *in, struct mh_options *opt)
{
	opt->has_timestamp = true;
	opt->timestamp = (uint64_t)get32(in) << 32;
	opt->timestamp |= get32(in);
}

static const struct mh_option_type {
	uint8_t min_len, max_len;   /* of the data */
	uint8_t align_n, align_add; /* n * x + add */
	void (*parse)(struct reader *in, struct mh_options *opt);
} option_types[] = {
	[MHO_REFRESH_ADVICE] = { 2, 2, 2, 0, parse_refresh },		  /* RFC 6275 §6.2.4 */
	[MHO_ALT_CARE_OF] = { 16, 16, 8, 6, parse_alt_care_of },	  /* §6.2.5 */
	[MHO_NONCE_INDICES] = { 4, 4, 2, 0, parse_nonces },		  /* §6.2.6 */
	[MHO_AUTH_DATA] = { MH_AUTH_LEN, MH_AUTH_LEN, 8, 2, parse_auth }, /* §6.2.7 */
	[MHO_NETWORK_PREFIX] = { 18, 18, 8, 4, parse_prefix },		  /* RFC 3963 §4.3 */
	[MHO_MN_ID] = { 1 + 1, 255, 1, 0, parse_mn_id }, /* RFC 4283 §3: an identifier of no octets names nobody */
	[MHO_AUTH_OPTION] = { 1 + 4, 255, 4, 1, parse_auth_option }, /* RFC 4285 §5: subtype and SPI at least */
	[MHO_TIMESTAMP] = { 8, 8, 8, 2, parse_timestamp },	     /* RFC 4285 §6 */
};

static struct mh_result fault_at(enum mh_fault fault, size_t offset)
{
	return (struct mh_result){ .fault = fault, .offset = (uint16_t)offset };
}

/*
 * Behind an MN-HA option stand padding and other authentication options, behind an MN-AAA option only padding, and none
 * stands twice (RFC 4285 §5, §5.1, §5.2): what is behind isn't under the hash, so nobody may change its meaning.
 */
static bool may_follow(const struct mh_options *opt, uint8_t type, const uint8_t *data)
{
	if (type == MHO_PADN || (!opt->mn_ha.present && !opt->mn_aaa.present))
		return true;
	return type == MHO_AUTH_OPTION && !opt->mn_aaa.present && data[0] != AUTH_OPTION_MN_HA;
}

/* Where the data of an authenticator stand that was just parsed. */
static void note_offset(struct mh_options *opt, uint8_t type, const uint8_t *data, size_t offset)
{
	struct mh_auth_option *auth = type == MHO_AUTH_OPTION ? auth_option(opt, data[0]) : NULL;

	if (type == MHO_AUTH_DATA)
		opt->auth_offset = offset;
	if (auth)
		auth->offset = offset + 1 + sizeof(auth->spi);
}

/* One option that is whole: @len octets of @data. Unknown ones are stepped over (RFC 6275 §6.2.1). */
static struct mh_result parse_option(const uint8_t *start, uint8_t type, const uint8_t *data, uint8_t len,
				     struct mh_options *opt)
{
	const struct mh_option_type *known = type < ARRAY_SIZE(option_types) ? &option_types[type] : NULL;
	struct reader body = { data, data + len, false };

	if (known && known->parse && (len < known->min_len || len > known->max_len))
		return fault_at(MH_FAULT_OPTION, data - 1 - start);
	if (!may_follow(opt, type, data))
		return fault_at(MH_FAULT_OPTION, 0);
	if (known && known->parse) {
		known->parse(&body, opt);
		note_offset(opt, type, data, data - start);
	}
	return fault_at(MH_OK, 0);
}

/* All options to the end of the header. */
static struct mh_result parse_options(const uint8_t *start, struct reader *in, struct mh_options *opt)
{
	while (in->at < in->end) {
		const uint8_t *head = in->at;
		uint8_t type = get8(in), len;
		struct mh_result result;

		if (opt->has_auth) /* it is the last, padding included: so it stands at 8n + 2 (RFC 6275 §6.2.7) */
			return fault_at(MH_FAULT_OPTION, 0);
		if (type == MHO_PAD1)
			continue;
		len = get8(in);
		if (in->short_)
			return fault_at(MH_FAULT_OPTION, 0);
		if (len > in->end - in->at)
			return fault_at(MH_FAULT_OPTION, head + 1 - start);
		in->at += len;
		result = parse_option(start, type, head + 2, len, opt);
		if (result.fault != MH_OK)
			return result;
	}
	return fault_at(MH_OK, 0);
}

/* Padding so that an option starts at n * x + add: Pad1 for one octet, PadN for more. */
static void align(struct writer *out, unsigned int n, unsigned int add)
{
	unsigned int pad = (n + add - (unsigned int)(out->at - out->start) % n) % n;

	if (pad == 1) {
		put8(out, MHO_PAD1);
	} else if (pad > 1) {
		put8(out, MHO_PADN);
		put8(out, pad - 2);
		put_zeros(out, pad - 2);
	}
}

static void begin_option_of(struct writer *out, uint8_t type, uint8_t len)
{
	align(out, option_types[type].align_n, option_types[type].align_add);
	put8(out, type);
	put8(out, len);
}

static void begin_option(struct writer *out, uint8_t type)
{
	begin_option_of(out, type, option_types[type].min_len);
}

/* The data are left zero, for their owner; returns where. */
static uint16_t build_auth_option(struct writer *out, uint8_t subtype, const struct mh_auth_option *auth)
{
	uint16_t offset;

	begin_option_of(out, MHO_AUTH_OPTION, 1 + sizeof(auth->spi) + auth->len);
	put8(out, subtype);
	put32(out, auth->spi);
	offset = out->at - out->start;
	put_zeros(out, auth->len);
	return offset;
}

/* RFC 4283 §3: the identifier before what authenticates; RFC 4285 §5.1, §5.2: MN-HA before MN-AAA, both last. */
static void build_authentication(struct writer *out, const struct mh_options *opt, uint16_t *auth_offset)
{
	if (opt->has_nai) {
		begin_option_of(out, MHO_MN_ID, 1 + opt->nai_len);
		put8(out, MN_ID_NAI);
		put(out, opt->nai, opt->nai_len);
	}
	if (opt->has_timestamp) {
		begin_option(out, MHO_TIMESTAMP);
		put32(out, opt->timestamp >> 32);
		put32(out, opt->timestamp);
	}
	if (opt->mn_ha.present) {
		uint16_t offset = build_auth_option(out, AUTH_OPTION_MN_HA, &opt->mn_ha);

		if (auth_offset)
			*auth_offset = offset;
	}
	if (opt->mn_aaa.present)
		build_auth_option(out, AUTH_OPTION_MN_AAA, &opt->mn_aaa);
}

static void build_options(struct writer *out, const struct mh_options *opt, uint16_t *auth_offset)
{
	if (opt->has_refresh_advice) {
		begin_option(out, MHO_REFRESH_ADVICE);
		put16(out, lifetime_units(opt->refresh_advice_s));
	}
	if (opt->has_alt_care_of) {
		begin_option(out, MHO_ALT_CARE_OF);
		put(out, &opt->alt_care_of, sizeof(opt->alt_care_of));
	}
	for (int i = 0; i < opt->prefix_count && i < MH_MAX_PREFIXES; i++) {
		begin_option(out, MHO_NETWORK_PREFIX);
		put8(out, 0);
		put8(out, opt->prefixes[i].len);
		put(out, &opt->prefixes[i].prefix, sizeof(opt->prefixes[i].prefix));
	}
	if (opt->has_nonce_indices) {
		begin_option(out, MHO_NONCE_INDICES);
		put16(out, opt->home_nonce);
		put16(out, opt->care_of_nonce);
	}
	build_authentication(out, opt, auth_offset);
	if (opt->has_auth) {
		begin_option(out, MHO_AUTH_DATA);
		if (auth_offset)
			*auth_offset = out->at - out->start;
		put_zeros(out, MH_AUTH_LEN);
	}
	align(out, 8, 0);
}

/* ---- messages: what stands between checksum and options ---- */

static void parse_reserved(struct reader *in, struct mh_msg *msg)
{
	get16(in);
}

static void parse_test_init(struct reader *in, struct mh_msg *msg)
{
	get16(in);
	get(in, msg->cookie, sizeof(msg->cookie));
}

static void parse_test(struct reader *in, struct mh_msg *msg)
{
	msg->nonce_index = get16(in);
	get(in, msg->cookie, sizeof(msg->cookie));
	get(in, msg->token, sizeof(msg->token));
}

static void parse_bu(struct reader *in, struct mh_msg *msg)
{
	msg->seq = get16(in);
	msg->flags = get16(in);
	msg->lifetime_s = (uint32_t)get16(in) * LIFETIME_UNIT_S;
}

static void parse_ba(struct reader *in, struct mh_msg *msg)
{
	msg->status = get8(in);
	msg->flags = get8(in);
	msg->seq = get16(in);
	msg->lifetime_s = (uint32_t)get16(in) * LIFETIME_UNIT_S;
}

static void parse_be(struct reader *in, struct mh_msg *msg)
{
	msg->status = get8(in);
	get8(in);
	get(in, &msg->home, sizeof(msg->home));
}

static void build_reserved(struct writer *out, const struct mh_msg *msg)
{
	put16(out, 0);
}

static void build_test_init(struct writer *out, const struct mh_msg *msg)
{
	put16(out, 0);
	put(out, msg->cookie, sizeof(msg->cookie));
}

static void build_test(struct writer *out, const struct mh_msg *msg)
{
	put16(out, msg->nonce_index);
	put(out, msg->cookie, sizeof(msg->cookie));
	put(out, msg->token, sizeof(msg->token));
}

static void build_bu(struct writer *out, const struct mh_msg *msg)
{
	put16(out, msg->seq);
	put16(out, msg->flags);
	put16(out, lifetime_units(msg->lifetime_s));
}

static void build_ba(struct writer *out, const struct mh_msg *msg)
{
	put8(out, msg->status);
	put8(out, msg->flags);
	put16(out, msg->seq);
	put16(out, lifetime_units(msg->lifetime_s));
}

static void build_be(struct writer *out, const struct mh_msg *msg)
{
	put8(out, msg->status);
	put8(out, 0);
	put(out, &msg->home, sizeof(msg->home));
}

static const struct mh_message_type {
	const char *name;
	uint8_t min_hdrlen; /* units of 8 octets, the first 8 not counted (RFC 6275 §6.1.1) */
	void (*parse)(struct reader *in, struct mh_msg *msg);
	void (*build)(struct writer *out, const struct mh_msg *msg);
} message_types[MH_TYPES] = {
	[MH_BRR] = { "BRR", 0, parse_reserved, build_reserved },
	[MH_HOTI] = { "HoTI", 1, parse_test_init, build_test_init },
	[MH_COTI] = { "CoTI", 1, parse_test_init, build_test_init },
	[MH_HOT] = { "HoT", 2, parse_test, build_test },
	[MH_COT] = { "CoT", 2, parse_test, build_test },
	[MH_BU] = { "BU", 1, parse_bu, build_bu },
	[MH_BA] = { "BA", 1, parse_ba, build_ba },
	[MH_BE] = { "BE", 2, parse_be, build_be },
};

struct mh_result mh_parse(const uint8_t *data, size_t len, struct mh_msg *msg)
{
	struct reader in = { data, data + len, false };
	uint8_t proto = get8(&in), hdrlen = get8(&in);
	const struct mh_message_type *type;

	memset(msg, 0, sizeof(*msg));
	msg->type = get8(&in);
	get8(&in);
	get16(&in); /* checksum: the caller's */
	if (in.short_ || len < (hdrlen + 1U) * 8)
		return fault_at(MH_FAULT_TRUNCATED, 1);
	if (msg->type >= MH_TYPES)
		return fault_at(MH_FAULT_TYPE, 2);
	type = &message_types[msg->type];
	if (proto != NH_NONE)
		return fault_at(MH_FAULT_PROTO, 0);
	if (hdrlen < type->min_hdrlen)
		return fault_at(MH_FAULT_SHORT, 1);
	in.end = data + (hdrlen + 1U) * 8;
	type->parse(&in, msg);
	return parse_options(data, &in, &msg->opt);
}

static bool buildable(const struct mh_msg *msg)
{
	const struct mh_options *opt = &msg->opt;
	const uint8_t max_data = 255 - 1 - sizeof(opt->mn_ha.spi);

	return msg->type < MH_TYPES && !(opt->has_auth && (opt->mn_ha.present || opt->mn_aaa.present)) &&
	       (!opt->has_nai || (opt->nai_len > 0 && opt->nai_len <= MH_NAI_MAX)) &&
	       (!opt->mn_ha.present || opt->mn_ha.len <= max_data) &&
	       (!opt->mn_aaa.present || opt->mn_aaa.len <= max_data);
}

int mh_build(const struct mh_msg *msg, uint8_t *buf, size_t size, uint16_t *auth_offset)
{
	struct writer out = { buf, buf, buf + size, false };
	size_t len;

	if (!buildable(msg))
		return -EINVAL;
	put8(&out, NH_NONE);
	put8(&out, 0);
	put8(&out, msg->type);
	put8(&out, 0);
	put16(&out, 0);
	message_types[msg->type].build(&out, msg);
	build_options(&out, &msg->opt, auth_offset);
	len = out.at - out.start;
	if (out.full || len > MH_MAX_LEN)
		return -ENOSPC;
	buf[1] = len / 8 - 1;
	return (int)len;
}

uint16_t mh_checksum(const struct in6_addr *src, const struct in6_addr *dst, const uint8_t *data, size_t len)
{
	return packet_checksum(src, dst, NH_MH, data, len);
}

const char *mh_type_name(uint8_t type)
{
	static char other[16];

	if (type < MH_TYPES)
		return message_types[type].name;
	snprintf(other, sizeof(other), "type %u", type);
	return other;
}
