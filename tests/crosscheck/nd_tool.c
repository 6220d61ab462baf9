// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Our codec of neighbour discovery as a filter, for tests/crosscheck/test_nd.py: each line of stdin becomes one line of
 * JSON. "read HEX": what was understood of an advertisement. "build TYPE TARGET FLAGS MAC": the message of that ICMPv6
 * type in hexadecimal digits; a MAC of "-" is none.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../agent/nd.h"

enum {
	MAX_LEN = 4096,
};

static void print_octets(const char *name, const uint8_t *data, size_t len)
{
	printf("\"%s\": \"", name);
	for (size_t i = 0; i < len; i++)
		printf("%02x", data[i]);
	printf("\"");
}

static void print_mac(bool has_mac, const uint8_t *mac)
{
	if (has_mac) {
		printf(", ");
		print_octets("mac", mac, 6);
	}
}

static void print_prefix(const struct nd_prefix *prefix)
{
	printf("{\"prefix\": \"%s\", \"len\": %u, \"on_link\": %d, \"autonomous\": %d, \"router_address\": %d, "
	       "\"valid_s\": %u, \"preferred_s\": %u}",
	       addr_text(&prefix->prefix), prefix->len, prefix->on_link, prefix->autonomous, prefix->router_address,
	       prefix->valid_s, prefix->preferred_s);
}

static void print_router(const struct nd_router_advert *ra)
{
	printf("{\"hop_limit\": %u, \"managed\": %d, \"other\": %d, \"home_agent\": %d, \"lifetime_s\": %u, "
	       "\"reachable_ms\": %u, \"retransmit_ms\": %u, \"mtu\": %u, \"interval_ms\": %u",
	       ra->hop_limit, ra->managed, ra->other, ra->home_agent, ra->lifetime_s, ra->reachable_ms,
	       ra->retransmit_ms, ra->mtu, ra->interval_ms);
	print_mac(ra->has_mac, ra->mac);
	printf(", \"prefixes\": [");
	for (int i = 0; i < ra->prefix_count; i++) {
		printf("%s", i ? ", " : "");
		print_prefix(&ra->prefixes[i]);
	}
	printf("], \"prefixes_left_out\": %u, \"prefixes_ignored\": %u}\n", ra->prefixes_left_out,
	       ra->prefixes_ignored);
}

static void print_neighbour(const struct nd_neighbour_advert *na)
{
	printf("{\"target\": \"%s\", \"router\": %d, \"solicited\": %d, \"override\": %d", addr_text(&na->target),
	       na->router, na->solicited, na->override);
	print_mac(na->has_mac, na->mac);
	printf("}\n");
}

/* Octets of a word of hexadecimal digits, -1 where it is none or has more than @size octets. */
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

/* The parser gets a copy of just the octets, so that the sanitizer sees a read behind them. */
static bool answer_read(const char *hex)
{
	static uint8_t data[MAX_LEN];
	int len = read_hex(hex ? hex : "", data, sizeof(data));
	struct nd_neighbour_advert na;
	struct nd_router_advert ra;
	uint8_t *exact;

	if (len < 0)
		return false;
	exact = malloc(len ? len : 1);
	if (!exact)
		return false;
	memcpy(exact, data, len);
	if (!nd_parse_router_advert(exact, len, &ra))
		print_router(&ra);
	else if (!nd_parse_neighbour_advert(exact, len, &na))
		print_neighbour(&na);
	else
		printf("{\"invalid\": true}\n");
	free(exact);
	return true;
}

static bool answer_build(const char *type, const char *target_text, const char *flags, const char *mac_text)
{
	uint8_t buf[ND_MESSAGE], mac[6], *address;
	struct in6_addr target;
	size_t len;

	if (!type || !target_text || !flags || !mac_text || inet_pton(AF_INET6, target_text, &target) != 1)
		return false;
	address = strcmp(mac_text, "-") ? mac : NULL;
	if (address && read_hex(mac_text, mac, sizeof(mac)) != sizeof(mac))
		return false;
	if (atoi(type) == ICMP6_ROUTER_SOLICIT)
		len = nd_build_router_solicit(address, buf);
	else if (atoi(type) == ICMP6_NEIGHBOUR_SOLICIT)
		len = nd_build_neighbour_solicit(&target, address, buf);
	else
		len = nd_build_neighbour_advert(&target, atoi(flags), address, buf);
	printf("{");
	print_octets("built", buf, len);
	printf("}\n");
	return true;
}

int main(void)
{
	static char line[2 * MAX_LEN + 64];

	while (fgets(line, sizeof(line), stdin)) {
		const char *word = strtok(line, " \n"), *word1 = strtok(NULL, " \n"), *word2 = strtok(NULL, " \n");
		const char *word3 = strtok(NULL, " \n"), *word4 = strtok(NULL, " \n");

		if (!word || !(strcmp(word, "read") ? answer_build(word1, word2, word3, word4) : answer_read(word1))) {
			fprintf(stderr, "nd_tool: expected lines of: read HEX, or: build TYPE TARGET FLAGS MAC\n");
			return 1;
		}
		fflush(stdout);
	}
	return 0;
}
