// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Any octets as each kind of key file: no read beyond them, and
 * what is taken has what its readers rely on. */
#include <stdlib.h>

#include "../../agent/auth_keys.h"
#include "../../agent/ike_secrets.h"
#include "../../agent/ipsec_keys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool what)
{
	if (!what)
		abort();
}

static void try_static(const char *data, size_t len, FILE *errors)
{
	struct ipsec_keys *keys;

	if (ipsec_keys_parse(data, len, "f", &keys, errors)) {
		require(!keys);
		return;
	}
	for (size_t i = 0; i < keys->count; i++) {
		require(ipsec_keys_find(keys, &keys->nodes[i].home) == &keys->nodes[i]);
		for (int child = 0; child < IPSEC_CHILDREN; child++)
			require(!keys->nodes[i].has[child] ||
				(keys->nodes[i].to_agent[child].suite && keys->nodes[i].to_node[child].spi >= 256));
	}
	ipsec_keys_free(keys);
}

static void try_auth(const char *data, size_t len, FILE *errors)
{
	struct auth_keys *keys;

	if (auth_keys_parse(data, len, "f", &keys, errors)) {
		require(!keys);
		return;
	}
	for (size_t i = 0; i < keys->count; i++)
		require(auth_keys_first(keys, &keys->at[i].home, keys->at[i].nai) != NULL);
	auth_keys_free(keys);
}

static void try_secrets(const char *data, size_t len, FILE *errors)
{
	struct ike_secrets *secrets;

	if (ike_secrets_parse(data, len, "f", &secrets, errors)) {
		require(!secrets);
		return;
	}
	for (size_t i = 0; i < secrets->count; i++)
		require(ike_secrets_find(secrets, secrets->at[i].id) == &secrets->at[i]);
	ike_secrets_free(secrets);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static FILE *nowhere;

	if (!nowhere)
		nowhere = fopen("/dev/null", "w");
	try_static((const char *)data, len, nowhere);
	try_auth((const char *)data, len, nowhere);
	try_secrets((const char *)data, len, nowhere);
	return 0;
}
