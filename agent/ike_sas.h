/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What charon says of an IKE_SA of ours, as it comes with the events ike-updown and list-sa of vici: pure. */
#ifndef MOBGW_IKE_SAS_H
#define MOBGW_IKE_SAS_H

#include "ipsec_plan.h"

struct ike_sa_news {
	struct in6_addr home;
	struct in6_addr local, remote; /* where it ends; unspecified where that isn't said */
	bool up;		       /* of ike-updown */
	bool ending;
	uint8_t children; /* a bit for each enum ipsec_child that stands or is being made */
};
/* Of the first connection of ours in the message. -ENOENT: none; -EBADMSG: malformed. */
int ike_sa_read(const uint8_t *data, size_t len, struct ike_sa_news *out);

#endif
