// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The file of pre-shared keys of IKE. RFC 7296 §2.15. */
#include "ike_secrets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

enum { ID, SECRET, FIELDS };

static const char wrong_count[] = "a line has two fields: home address or id, and a secret without blanks";

/* An address is compared as such, however it is written. */
static bool copy_id(const struct key_field *field, char *id)
{
	struct in6_addr home;

	if (key_field_address(*field, &home)) {
		inet_ntop(AF_INET6, &home, id, INET6_ADDRSTRLEN);
		return true;
	}
	if (field->len > IKE_ID_MAX)
		return false;
	memcpy(id, field->at, field->len);
	id[field->len] = '\0';
	return true;
}

static void note_secret(void *arg, struct key_source *src, const struct key_field *fields, int count)
{
	struct ike_secrets *secrets = arg;
	struct ike_secret *secret = &secrets->at[secrets->count];

	if (count != FIELDS) {
		key_complain(src, wrong_count);
	} else if (!copy_id(&fields[ID], secret->id)) {
		key_complain(src, "the identity is longer than 253 characters");
	} else if (fields[SECRET].len < IKE_SECRET_MIN || fields[SECRET].len > IKE_SECRET_MAX) {
		key_complain(src, "expected a secret of 16..256 characters (openssl rand -base64 24 makes a good one)");
	} else {
		secret->line = src->line;
		secret->len = fields[SECRET].len;
		memcpy(secret->secret, fields[SECRET].at, secret->len);
		secrets->count++;
	}
}

static int compare_secrets(const void *a, const void *b)
{
	return strcmp((*(const struct ike_secret *const *)a)->id, (*(const struct ike_secret *const *)b)->id);
}

static void sort_secrets(struct ike_secrets *secrets)
{
	for (size_t i = 0; i < secrets->count; i++)
		secrets->sorted[i] = &secrets->at[i];
	qsort(secrets->sorted, secrets->count, sizeof(*secrets->sorted), compare_secrets);
}

static void refuse_doubles(struct key_source *src, const struct ike_secrets *secrets)
{
	for (size_t i = 1; i < secrets->count; i++) {
		const struct ike_secret *former = secrets->sorted[i - 1], *one = secrets->sorted[i];

		if (strcmp(former->id, one->id))
			continue;
		src->line = one->line > former->line ? one->line : former->line;
		/* not the identity: fields may be mixed up */
		key_complain(src, "its identity stands in another line too; expected one secret of each");
	}
}

int ike_secrets_parse(const char *data, size_t len, const char *name, struct ike_secrets **out, FILE *errors)
{
	struct key_source src = { .name = name, .errors = errors };
	struct ike_secrets *secrets = calloc(1, sizeof(*secrets));
	int err = -ENOMEM;

	*out = NULL;
	if (secrets) {
		secrets->room = key_lines_count(data, len) + 1;
		secrets->at = calloc(secrets->room, sizeof(*secrets->at));
		secrets->sorted = calloc(secrets->room, sizeof(*secrets->sorted));
	}
	if (secrets && secrets->at && secrets->sorted) {
		key_lines(&src, data, len, FIELDS, wrong_count, note_secret, secrets);
		sort_secrets(secrets);
		refuse_doubles(&src, secrets);
		err = key_source_sum_up(&src);
	}
	if (err)
		ike_secrets_free(secrets);
	else
		*out = secrets;
	return err;
}

struct load {
	const char *path;
	struct ike_secrets **out;
	FILE *errors;
};

static int parse_file(void *arg, const char *data, size_t len)
{
	const struct load *load = arg;

	return ike_secrets_parse(data, len, load->path, load->out, load->errors);
}

int ike_secrets_load(const char *path, struct ike_secrets **out, FILE *errors)
{
	*out = NULL;
	return key_file_load(path, errors, parse_file, &(struct load){ path, out, errors });
}

void ike_secrets_free(struct ike_secrets *secrets)
{
	if (!secrets)
		return;
	if (secrets->at)
		explicit_bzero(secrets->at, secrets->room * sizeof(*secrets->at)); /* of refused lines too */
	free(secrets->at);
	free(secrets->sorted);
	free(secrets);
}

static int compare_id(const void *id, const void *secret)
{
	return strcmp(id, (*(const struct ike_secret *const *)secret)->id);
}

const struct ike_secret *ike_secrets_find(const struct ike_secrets *secrets, const char *id)
{
	const struct ike_secret **found = NULL;

	if (secrets && secrets->count)
		found = bsearch(id, secrets->sorted, secrets->count, sizeof(*secrets->sorted), compare_id);
	return found ? *found : NULL;
}
