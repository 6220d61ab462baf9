/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What strongSwan is to agree on for a home address, as messages of vici: pure. RFC 4877 §4, §7; what works with 5.9.8
 * is in IPSEC.md §5 and tests/netns/test_charon_lab.py.
 */
#ifndef MOBGW_IKE_CONNECTION_H
#define MOBGW_IKE_CONNECTION_H

#include "ike_secrets.h"
#include "ipsec_plan.h"
#include "vici.h"

enum { IKE_NAME_MAX = 80 };

struct ike_connection {
	const struct ipsec_end *end;
	const char *id, *agent_id;    /* who is who; texts of addresses where nothing else is configured */
	bool psk;		      /* else certificates */
	const struct in6_addr *local; /* of the node: its care-of address; NULL: whichever the route says */
	uint32_t rekey_s;
};

/* Of the connection, and of a child; other people's never begin so. */
#define IKE_NAME_PREFIX "mobgw-"
void ike_name(const struct in6_addr *home, char name[IKE_NAME_MAX]);
void ike_child_name(const struct in6_addr *home, enum ipsec_child child, char name[IKE_NAME_MAX]);
/* The home address of a connection's name; false: none of ours. */
bool ike_home_of_name(const char *name, size_t len, struct in6_addr *home);

/* load-conn, load-shared, terminate, initiate. */
void ike_write_connection(struct vici_writer *w, const struct ike_connection *connection);
void ike_write_secret(struct vici_writer *w, const struct ike_connection *connection, const struct ike_secret *secret);
/* @child: of enum ipsec_child; -1: the whole IKE_SA. Without waiting for the other end. */
void ike_write_terminate(struct vici_writer *w, const struct in6_addr *home, int child);
void ike_write_initiate(struct vici_writer *w, const struct in6_addr *home, enum ipsec_child child);

#endif
