// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Our codec as a filter, for tests/crosscheck/codec.py: each line "SRC DST HEX" of stdin, a mobility header between
 * these two addresses, becomes one line of JSON: what was understood, and the same message built again with its
 * checksum.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../agent/mh.h"

static const char *const fault_names[] = {
	[MH_OK] = "ok",
	[MH_FAULT_TRUNCATED] = "truncated",
	[MH_FAULT_CHECKSUM] = "checksum",
	[MH_FAULT_TYPE] = "type",
	[MH_FAULT_PROTO] = "proto",
	[MH_FAULT_SHORT] = "short",
	[MH_FAULT_OPTION] = "option",
};

static void print_octets(const char *name, const uint8_t *data, size_t len)
{
	printf(", \"%s\": \"", name);
	for (size_t i = 0; i < len; i++)
		printf("%02x", data[i]);
	printf("\"");
}

static void print_auth_option(const char *name, const struct mh_auth_option *auth, const uint8_t *mh)
{
	if (!auth->present)
		return;
	printf(", \"%s\": {\"spi\": %u", name, auth->spi);
	print_octets("data", mh + auth->offset, auth->len);
	printf("}");
}

static void print_options(const struct mh_options *opt, const uint8_t *mh)
{
	if (opt->has_refresh_advice)
		printf(", \"refresh_advice_s\": %u", opt->refresh_advice_s);
	if (opt->has_alt_care_of)
		printf(", \"alt_care_of\": \"%s\"", addr_text(&opt->alt_care_of));
	if (opt->has_nonce_indices)
		printf(", \"nonce_indices\": [%u, %u]", opt->home_nonce, opt->care_of_nonce);
	if (opt->has_auth)
		print_octets("auth", opt->auth, sizeof(opt->auth));
	if (opt->has_nai)
		print_octets("nai", opt->nai, opt->nai_len);
	if (opt->has_timestamp)
		printf(", \"timestamp\": %" PRIu64, opt->timestamp);
	print_auth_option("mn_ha", &opt->mn_ha, mh);
	print_auth_option("mn_aaa", &opt->mn_aaa, mh);
	printf(", \"prefixes\": [");
	for (int i = 0; i < opt->prefix_count; i++)
		printf("%s\"%s/%u\"", i ? ", " : "", addr_text(&opt->prefixes[i].prefix), opt->prefixes[i].len);
	printf("], \"prefixes_left_out\": %u", opt->prefixes_left_out);
}

static void print_message(const struct mh_msg *msg, const uint8_t *mh)
{
	printf(", \"name\": \"%s\", \"seq\": %u, \"flags\": %u, \"status\": %u, \"lifetime_s\": %u, \"nonce_index\": "
	       "%u",
	       mh_type_name(msg->type), msg->seq, msg->flags, msg->status, msg->lifetime_s, msg->nonce_index);
	print_octets("cookie", msg->cookie, sizeof(msg->cookie));
	print_octets("token", msg->token, sizeof(msg->token));
	printf(", \"home\": \"%s\"", addr_text(&msg->home));
	print_options(&msg->opt, mh);
}

/* The data of an authentication option from where they were in @mh to where they are in @buf. */
static void put_back(uint8_t *buf, const struct mh_auth_option *to, const uint8_t *mh,
		     const struct mh_auth_option *from)
{
	if (to->present && to->len == from->len)
		memcpy(buf + to->offset, mh + from->offset, from->len);
}

/* Built again; authenticators are put back, as their owners would compute them. */
static void print_rebuilt(const struct mh_msg *msg, const uint8_t *mh, const struct in6_addr *src,
			  const struct in6_addr *dst)
{
	uint8_t buf[MH_MAX_LEN];
	uint16_t at, sum;
	int len = mh_build(msg, buf, sizeof(buf), &at);
	struct mh_msg again;

	if (len < 0) {
		printf(", \"error\": %d", len);
		return;
	}
	if (msg->opt.has_auth)
		memcpy(buf + at, msg->opt.auth, sizeof(msg->opt.auth));
	mh_parse(buf, len, &again);
	put_back(buf, &again.opt.mn_ha, mh, &msg->opt.mn_ha);
	put_back(buf, &again.opt.mn_aaa, mh, &msg->opt.mn_aaa);
	sum = mh_checksum(src, dst, buf, len);
	memcpy(buf + 4, &sum, sizeof(sum));
	print_octets("rebuilt", buf, len);
}

static void answer(const struct in6_addr *src, const struct in6_addr *dst, const uint8_t *data, size_t len)
{
	struct mh_msg msg;
	struct mh_result result = mh_parse(data, len, &msg);

	printf("{\"fault\": \"%s\", \"offset\": %u, \"checksum\": %u", fault_names[result.fault], result.offset,
	       ntohs(mh_checksum(src, dst, data, len)));
	if (result.fault == MH_OK || result.fault == MH_FAULT_TYPE)
		printf(", \"type\": %u", msg.type);
	if (result.fault == MH_OK) {
		print_message(&msg, data);
		print_rebuilt(&msg, data, src, dst);
	}
	printf("}\n");
	fflush(stdout);
}

/* Octets of a line of hexadecimal digits, -1 where it is none; @size is enough for any line. */
static int read_hex(const char *text, uint8_t *data, size_t size)
{
	size_t len = 0;

	for (; len < size && text[0] && text[1]; text += 2) {
		char digits[] = { text[0], text[1], '\0' }, *end;

		data[len++] = strtoul(digits, &end, 16);
		if (*end)
			return -1;
	}
	return *text ? -1 : (int)len;
}

int main(void)
{
	static char line[6 * MH_MAX_LEN];
	static uint8_t data[2 * MH_MAX_LEN];
	struct in6_addr src, dst;

	while (fgets(line, sizeof(line), stdin)) {
		const char *src_text = strtok(line, " \n"), *dst_text = strtok(NULL, " \n"), *hex = strtok(NULL, " \n");
		int len = hex ? read_hex(hex, data, sizeof(data)) : 0; /* no octets: an empty message */

		if (!src_text || !dst_text || len < 0 || inet_pton(AF_INET6, src_text, &src) != 1 ||
		    inet_pton(AF_INET6, dst_text, &dst) != 1) {
			fprintf(stderr, "codec_tool: expected lines of SRC DST HEX\n");
			return 1;
		}
		answer(&src, &dst, data, len);
	}
	return 0;
}
