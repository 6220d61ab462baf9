// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The formulas of return routability as a filter, for tests/crosscheck/test_rr.py: each line of stdin, a formula and
 * its arguments in hex, becomes one line of hex, or "error N". An argument without octets is "-".
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../agent/rr.h"

enum { MAX_ARGS = 4 };

/* Of exactly its size, so that the sanitiser sees a read past it. */
struct octets {
	uint8_t *data;
	size_t len;
};

static struct octets octets_of(const char *hex)
{
	struct octets octets = { .len = strcmp(hex, "-") ? strlen(hex) / 2 : 0 };

	octets.data = malloc(octets.len ? octets.len : 1);
	if (!octets.data)
		exit(1);
	for (size_t i = 0; i < octets.len; i++)
		if (sscanf(hex + 2 * i, "%2hhx", &octets.data[i]) != 1)
			exit(2);
	return octets;
}

static struct rr_nonce nonce_of(const struct octets *args)
{
	struct rr_nonce nonce = { .used = true };

	memcpy(nonce.kcn, args[0].data, RR_KEY_LEN);
	memcpy(nonce.value, args[1].data, RR_NONCE_LEN);
	return nonce;
}

static int home(const struct octets *args, uint8_t *out)
{
	struct rr_nonce nonce = nonce_of(args);

	return rr_home_token(&nonce, (const struct in6_addr *)args[2].data, out);
}

static int care_of(const struct octets *args, uint8_t *out)
{
	struct rr_nonce nonce = nonce_of(args);

	return rr_care_of_token(&nonce, (const struct in6_addr *)args[2].data, out);
}

static int kbm(const struct octets *args, uint8_t *out)
{
	return rr_kbm(args[0].data, args[1].len ? args[1].data : NULL, out);
}

/* The message up to its authenticator. */
static int authenticator(const struct octets *args, uint8_t *out)
{
	return rr_authenticator(args[0].data, (const struct in6_addr *)args[1].data,
				(const struct in6_addr *)args[2].data, args[3].data, args[3].len, out);
}

/* The whole message: whether our codec finds its authenticator, and that is right. */
static int verify(const struct octets *args, uint8_t *out)
{
	uint8_t auth[MH_AUTH_LEN];
	struct mh_msg msg;
	int err;

	if (mh_parse(args[3].data, args[3].len, &msg).fault != MH_OK || !msg.opt.has_auth)
		return -EBADMSG;
	err = rr_authenticator(args[0].data, (const struct in6_addr *)args[1].data,
			       (const struct in6_addr *)args[2].data, args[3].data, msg.opt.auth_offset, auth);
	out[0] = !err && rr_same(auth, msg.opt.auth, sizeof(auth));
	return err;
}

static int midstates(const struct octets *args, uint8_t *out)
{
	uint32_t states[10];
	int err = rr_midstates(args[0].data, states, states + 5);

	for (int i = 0; !err && i < 10; i++)
		memcpy(out + 4 * i, &(uint32_t){ htonl(states[i]) }, 4);
	return err;
}

static const struct formula {
	const char *name;
	int (*compute)(const struct octets *args, uint8_t *out);
	size_t args, len;      /* how many it takes, and the octets it gives */
	size_t lens[MAX_ARGS]; /* least octets of each */
} formulas[] = {
	{ "home", home, 3, RR_TOKEN_LEN, { RR_KEY_LEN, RR_NONCE_LEN, 16 } },
	{ "care-of", care_of, 3, RR_TOKEN_LEN, { RR_KEY_LEN, RR_NONCE_LEN, 16 } },
	{ "kbm", kbm, 2, RR_KEY_LEN, { RR_TOKEN_LEN } },
	{ "authenticator", authenticator, 4, MH_AUTH_LEN, { RR_KEY_LEN, 16, 16 } },
	{ "verify", verify, 4, 1, { RR_KEY_LEN, 16, 16 } },
	{ "midstates", midstates, 1, 40, { RR_KEY_LEN } },
};

static void answer(const struct formula *formula, char *rest)
{
	struct octets args[MAX_ARGS] = { 0 };
	bool enough = true;
	uint8_t out[40];
	int err;

	for (size_t i = 0; i < formula->args; i++) {
		args[i] = octets_of(strtok_r(NULL, " \n", &rest) ?: "-");
		enough = enough && args[i].len >= formula->lens[i];
	}
	err = enough ? formula->compute(args, out) : -E2BIG;
	if (err)
		printf("error %d", err);
	for (size_t i = 0; !err && i < formula->len; i++)
		printf("%02x", out[i]);
	printf("\n");
	for (size_t i = 0; i < formula->args; i++)
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

		while (i < ARRAY_SIZE(formulas) && (!name || strcmp(formulas[i].name, name) != 0))
			i++;
		if (i == ARRAY_SIZE(formulas)) {
			fprintf(stderr,
				"rr_tool: no formula: %s; known are home, care-of, kbm, authenticator, verify, "
				"midstates\n",
				name ?: "");
			return 2;
		}
		answer(&formulas[i], rest);
	}
	free(line);
	return 0;
}
