// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What IPsec has in the data path: which SPI is whose and takes which road, and whose payload or home tests have to go
 * under ESP. The agent's side of map `sas`, as datapath.c of the others. Keys never come here: they are XFRM's.
 * RFC 6275 §5.1, §5.5.
 */
#include <errno.h>
#include <stdlib.h>

#include "datapath_priv.h"

int datapath_ipsec_set(struct datapath *dp, bool wanted)
{
	dp->settings.flags &= ~SETTING_IPSEC;
	dp->settings.flags |= wanted ? SETTING_IPSEC : 0;
	return datapath_settings(dp);
}

void datapath_protection(struct datapath *dp, uint16_t (*fn)(void *arg, const struct in6_addr *home), void *arg)
{
	dp->protection = fn;
	dp->protection_arg = arg;
}

int datapath_sa_set(struct datapath *dp, const struct sa_key *key, const struct sa *entry)
{
	int err = bpf_map_update_elem(bpf_map__fd(dp->xdp->maps.sas), key, entry, BPF_ANY);

	if (err == -E2BIG)
		log_error("datapath: security association %08x of %s: the table holds %d and is full; configure fewer "
			  "nodes with IPsec",
			  ntohl(key->spi), addr_text(&entry->home), LIMIT_SAS);
	else if (err)
		log_error("datapath: set security association %08x of %s: %s", ntohl(key->spi), addr_text(&entry->home),
			  strerror(-err));
	return err;
}

int datapath_sa_delete(struct datapath *dp, const struct sa_key *key)
{
	int err = bpf_map_delete_elem(bpf_map__fd(dp->xdp->maps.sas), key);

	return err == -ENOENT ? 0 : err;
}

/* The next key is asked for before this one may go: else the walk would start over. */
int datapath_sas_keep(struct datapath *dp, bool (*keep)(void *arg, const struct sa_key *key, const struct sa *entry),
		      void *arg)
{
	int fd = bpf_map__fd(dp->xdp->maps.sas), err;
	struct sa_key key, next;
	struct sa entry;

	err = bpf_map_get_next_key(fd, NULL, &next);
	while (!err) {
		key = next;
		err = bpf_map_get_next_key(fd, &key, &next);
		if (!bpf_map_lookup_elem(fd, &key, &entry) && !keep(arg, &key, &entry))
			bpf_map_delete_elem(fd, &key);
	}
	return err == -ENOENT ? 0 : err;
}
