// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Reads what charon says of an IKE_SA: paths are "CONNECTION.key" and "CONNECTION.child-sas.CHILD-number.key". */
#include "ike_sas.h"

#include <arpa/inet.h>
#include <errno.h>

#include "ike_connection.h"

struct reading {
	struct ike_sa_news *news;
	size_t name; /* octets of the connection's name; 0: not yet seen */
	int child;   /* of enum ipsec_child, that this is about; -1: none of ours */
	char connection[IKE_NAME_MAX];
};

static const char children_section[] = ".child-sas.";

/* States of a child that carries traffic, or will in a moment without our doing. */
static const char *const alive[] = { "CREATED", "INSTALLING", "INSTALLED", "UPDATING", "REKEYING" };

static bool is(const struct vici_element *element, const char *text)
{
	return element->len == strlen(text) && !memcmp(element->value, text, element->len);
}

static void take_address(const struct vici_element *element, struct in6_addr *addr)
{
	char text[INET6_ADDRSTRLEN];

	if (element->len >= sizeof(text))
		return;
	memcpy(text, element->value, element->len);
	text[element->len] = '\0';
	if (inet_pton(AF_INET6, text, addr) != 1)
		*addr = in6addr_any;
}

static void take_child(struct reading *r, const char *key, const struct vici_element *element)
{
	char name[IKE_NAME_MAX];

	if (!strcmp(key, "name")) {
		r->child = -1;
		for (int child = 0; child < IPSEC_CHILDREN; child++) {
			ike_child_name(&r->news->home, child, name);
			if (is(element, name))
				r->child = child;
		}
	} else if (!strcmp(key, "state") && r->child >= 0) {
		for (size_t i = 0; i < ARRAY_SIZE(alive); i++)
			if (is(element, alive[i]))
				r->news->children |= 1U << r->child;
	}
}

static int take(void *arg, const struct vici_element *element)
{
	struct reading *r = arg;
	size_t name = strcspn(element->path, ".");
	const char *rest = element->path + name;

	if (!strcmp(element->path, "up")) {
		r->news->up = is(element, "yes");
		return 0;
	}
	if (!r->name && *rest && ike_home_of_name(element->path, name, &r->news->home)) {
		r->name = name;
		ike_name(&r->news->home, r->connection);
	}
	if (!r->name || r->name != name || memcmp(element->path, r->connection, name))
		return 0;
	if (!strcmp(rest, ".local-host"))
		take_address(element, &r->news->local);
	else if (!strcmp(rest, ".remote-host"))
		take_address(element, &r->news->remote);
	else if (!strcmp(rest, ".state"))
		r->news->ending = is(element, "DELETING") || is(element, "DESTROYING");
	else if (!strncmp(rest, children_section, strlen(children_section)))
		take_child(r, strrchr(rest, '.') + 1, element);
	return 0;
}

int ike_sa_read(const uint8_t *data, size_t len, struct ike_sa_news *out)
{
	struct reading r = { .news = out, .child = -1 };
	int err;

	*out = (struct ike_sa_news){};
	err = vici_parse(data, len, take, &r);
	if (!err && !r.name)
		err = -ENOENT;
	return err;
}
