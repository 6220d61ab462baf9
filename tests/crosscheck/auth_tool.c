// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The authentication option as a filter, for tests/crosscheck/test_auth_option.py: each line of stdin, what to do and
 * its arguments in hex, becomes one line of hex, or "error N". The key is of SPI 0x1001 and of the home address, the
 * policy requires timestamps, and nothing was seen for an hour.
 */
#include <errno.h>
#include <stdlib.h>

#include "../../agent/auth_option.h"

enum { ARGS = 5, SPI = 0x1001, OUT_MAX = 16 };

/* Of exactly its size, so that the sanitiser sees a read past it. */
struct octets {
	uint8_t *data;
	size_t len;
};

static struct octets octets_of(const char *hex)
{
	struct octets octets = { .len = strlen(hex) / 2 };

	octets.data = malloc(octets.len ? octets.len : 1);
	if (!octets.data)
		exit(1);
	for (size_t i = 0; i < octets.len; i++)
		if (sscanf(hex + 2 * i, "%2hhx", &octets.data[i]) != 1)
			exit(2);
	return octets;
}

static uint64_t number(const uint8_t *data)
{
	uint64_t n = 0;

	for (int i = 0; i < 8; i++)
		n = n << 8 | data[i];
	return n;
}

static void put_number(uint8_t *out, uint64_t n)
{
	for (int i = 7; i >= 0; i--, n >>= 8)
		out[i] = (uint8_t)n;
}

/* What all take: key, care-of address, home address, message. */
struct given {
	struct auth_key key;
	struct in6_addr care_of;
	const struct octets *mh, *last;
};

/* The message up to its data. */
static int data_of(const struct given *given, uint8_t *out)
{
	return auth_option_data(&given->key, &given->care_of, &given->key.home, given->mh->data,
				(uint16_t)given->mh->len, out);
}

/* A whole update, received at the time that comes last: outcome, status, whether there is a timestamp, and which. */
static int update(const struct given *given, uint8_t *out)
{
	const struct auth_policy policy = { .window_s = AUTH_WINDOW_S, .require_timestamp = true };
	struct auth_key key = given->key;
	struct auth_keys keys = { .at = &key, .count = 1 };
	struct auth_replay replay;
	struct auth_verdict verdict;
	struct mh_msg msg;
	struct auth_update bu = { .mh = given->mh->data, .msg = &msg, .home = key.home, .care_of = given->care_of };
	uint64_t now = number(given->last->data);

	if (mh_parse(given->mh->data, given->mh->len, &msg).fault != MH_OK)
		return -EBADMSG;
	auth_replay_init(&replay, now - (3600ULL << 32), 0, AUTH_WINDOW_S);
	verdict = auth_option_check_update(&keys, &policy, &replay, &bu, now);
	auth_replay_free(&replay);
	out[0] = verdict.outcome;
	out[1] = verdict.status;
	out[2] = verdict.has_timestamp;
	put_number(out + 3, verdict.timestamp);
	return 0;
}

/* A whole acknowledgement, to an update with the timestamp that comes last: 0, or the error without its sign. */
static int answer(const struct given *given, uint8_t *out)
{
	uint64_t sent = number(given->last->data);
	struct mh_msg msg;

	if (mh_parse(given->mh->data, given->mh->len, &msg).fault != MH_OK)
		return -EBADMSG;
	out[0] =
		-auth_option_check_answer(&given->key, given->mh->data, &msg, &given->key.home, &given->care_of, &sent);
	return 0;
}

static const struct action {
	const char *name;
	int (*act)(const struct given *given, uint8_t *out);
	size_t len; /* the octets it gives */
} actions[] = {
	{ "data", data_of, MH_AUTH_LEN },
	{ "update", update, 11 },
	{ "answer", answer, 1 },
};

static int act(const struct action *action, const struct octets *args, uint8_t *out)
{
	uint8_t secret[RR_KEY_LEN] = { 0 };
	struct given given = { .key = { .spi = SPI, .key = secret }, .mh = &args[3], .last = &args[4] };

	if (args[0].len != AUTH_KEY_LEN || args[1].len != sizeof(given.care_of) ||
	    args[2].len != sizeof(given.key.home) || args[4].len != sizeof(uint64_t))
		return -E2BIG;
	memcpy(secret, args[0].data, AUTH_KEY_LEN);
	memcpy(&given.care_of, args[1].data, sizeof(given.care_of));
	memcpy(&given.key.home, args[2].data, sizeof(given.key.home));
	return action->act(&given, out);
}

static void reply(const struct action *action, char *rest)
{
	struct octets args[ARGS];
	uint8_t out[OUT_MAX];
	int err;

	for (size_t i = 0; i < ARGS; i++)
		args[i] = octets_of(strtok_r(NULL, " \n", &rest) ?: "");
	err = act(action, args, out);
	if (err)
		printf("error %d", err);
	for (size_t i = 0; !err && i < action->len; i++)
		printf("%02x", out[i]);
	printf("\n");
	for (size_t i = 0; i < ARGS; i++)
		free(args[i].data);
}

int main(void)
{
	char *line = NULL, *rest;
	size_t size = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	while (getline(&line, &size, stdin) > 0) {
		const char *name = strtok_r(line, " \n", &rest);
		size_t i = 0;

		while (i < ARRAY_SIZE(actions) && (!name || strcmp(actions[i].name, name) != 0))
			i++;
		if (i == ARRAY_SIZE(actions)) {
			fprintf(stderr, "auth_tool: no action of that name\n");
			free(line);
			return 1;
		}
		reply(&actions[i], rest);
	}
	free(line);
	return 0;
}
