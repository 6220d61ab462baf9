/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Pre-shared keys of IKE: a file of mode 0600, lines of an identity and its secret; whole or not at all. Never printed,
 * wiped when freed.
 */
#ifndef MOBGW_IKE_SECRETS_H
#define MOBGW_IKE_SECRETS_H

#include "key_file.h"

enum { IKE_SECRET_MIN = 16, IKE_SECRET_MAX = 256, IKE_ID_MAX = 253 };

struct ike_secret {
	char id[IKE_ID_MAX + 1]; /* home address, as inet_ntop() writes it, or `id` */
	unsigned int line;	 /* where it stands */
	uint16_t len;
	char secret[IKE_SECRET_MAX]; /* not terminated */
};

struct ike_secrets {
	struct ike_secret *at; /* as they stand in the file */
	size_t count, room;
	const struct ike_secret **sorted; /* by identity: the secrets themselves stay where they are */
};

/* As ipsec_keys_load(): 0; -EPERM; -EINVAL; -errno; said already. */
int ike_secrets_load(const char *path, struct ike_secrets **out, FILE *errors);
int ike_secrets_parse(const char *data, size_t len, const char *name, struct ike_secrets **out, FILE *errors);
void ike_secrets_free(struct ike_secrets *secrets);
const struct ike_secret *ike_secrets_find(const struct ike_secrets *secrets, const char *id);

#endif
