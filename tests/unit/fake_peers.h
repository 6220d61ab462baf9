/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What datapath_peers.c does, without a data path: a part of fake_kernel.h. Nonces come and go without a line. */
#ifndef MOBGW_TEST_FAKE_PEERS_H
#define MOBGW_TEST_FAKE_PEERS_H

#ifndef MOBGW_TEST_FAKE_KERNEL_H
#error "include fake_kernel.h"
#endif

enum { FAKE_PEERS = LIMIT_PEERS + 1 };

static struct fake_peers {
	struct rr_nonce nonces[LIMIT_NONCES]; /* by place */
	uint16_t newest;		      /* index given out */
	size_t newest_count, refused_count;
	struct mono binding_used, peer_used; /* what the data path says of every one */
	struct {
		struct peer_key key;
		struct peer entry;
		struct mono expires;
		bool there;
	} peers[FAKE_PEERS];
	size_t peer_places; /* ever taken */
	bool optimise;
	int route_error;    /* of netlink_route(); 0: there is one */
	uint16_t route_mtu; /* of it; 0: 1500 */
} fake_peers;

int datapath_sequence_keep(struct datapath *dp, const struct in6_addr *home, uint16_t seq, struct mono granted)
{
	return fake_call("sequence_keep %s %u", addr_text(home), seq);
}

struct mono datapath_binding_used(struct datapath *dp, const struct in6_addr *home)
{
	return fake_peers.binding_used;
}

int datapath_nonce_set(struct datapath *dp, const struct rr_nonce *nonce, bool newest)
{
	fake_peers.nonces[nonce->index % LIMIT_NONCES] = *nonce;
	if (newest) {
		fake_peers.newest = nonce->index;
		fake_peers.newest_count++;
	}
	return 0;
}

int datapath_nonce_wipe(struct datapath *dp, uint16_t index)
{
	struct rr_nonce *nonce = &fake_peers.nonces[index % LIMIT_NONCES];

	if (nonce->index == index)
		memset(nonce, 0, sizeof(*nonce));
	return 0;
}

size_t datapath_nonces_get(struct datapath *dp, struct rr_nonce found[LIMIT_NONCES])
{
	size_t count = 0;

	for (size_t i = 0; i < LIMIT_NONCES; i++)
		if (fake_peers.nonces[i].used)
			found[count++] = fake_peers.nonces[i];
	return count;
}

int datapath_refused_set(struct datapath *dp, const struct config_prefix *prefixes, size_t count)
{
	fake_peers.refused_count = count;
	return 0;
}

int datapath_optimise_set(struct datapath *dp, bool wanted)
{
	fake_peers.optimise = wanted;
	return 0;
}

/* Its place, or the first free one. */
static inline size_t fake_peer(const struct peer_key *key)
{
	size_t free_at = fake_peers.peer_places;

	for (size_t i = fake_peers.peer_places; i-- > 0;) {
		if (fake_peers.peers[i].there && !memcmp(&fake_peers.peers[i].key, key, sizeof(*key)))
			return i;
		if (!fake_peers.peers[i].there)
			free_at = i;
	}
	assert_true(free_at < FAKE_PEERS);
	return free_at;
}

/* What stands in the data path; NULL: nothing. */
static inline const struct peer *fake_peer_entry(const char *home, const char *peer)
{
	struct peer_key key = { addr(home), addr(peer) };
	size_t i = fake_peer(&key);

	return i < fake_peers.peer_places && fake_peers.peers[i].there ? &fake_peers.peers[i].entry : NULL;
}

int datapath_peer_set(struct datapath *dp, const struct peer_key *key, const struct peer *entry, struct mono expires)
{
	size_t i = fake_peer(key);

	fake_peers.peers[i].key = *key;
	fake_peers.peers[i].entry = *entry;
	fake_peers.peers[i].expires = expires;
	fake_peers.peers[i].there = true;
	if (i == fake_peers.peer_places)
		fake_peers.peer_places++;
	return fake_call("peer_set %s %s%s%s", addr_text(&key->home), addr_text(&key->peer),
			 entry->flags & PEER_UPDATE ? " update" : "", entry->flags & PEER_DIRECT ? " direct" : "");
}

int datapath_peer_delete(struct datapath *dp, const struct peer_key *key)
{
	size_t i = fake_peer(key);

	if (i < fake_peers.peer_places)
		fake_peers.peers[i].there = false;
	return fake_call("peer_delete %s %s", addr_text(&key->home), addr_text(&key->peer));
}

struct mono datapath_peer_used(struct datapath *dp, const struct peer_key *key)
{
	return fake_peers.peer_used;
}

int datapath_peers_adopt(struct datapath *dp,
			 void (*fn)(void *arg, const struct peer_key *key, const struct peer *entry), void *arg)
{
	for (size_t i = 0; i < fake_peers.peer_places; i++)
		if (fake_peers.peers[i].there)
			fn(arg, &fake_peers.peers[i].key, &fake_peers.peers[i].entry);
	return 0;
}

int netlink_route(struct netlink *nl, const struct in6_addr *dst, int *ifindex, struct in6_addr *gateway, uint16_t *mtu)
{
	*ifindex = 1;
	*gateway = in6addr_any;
	*mtu = fake_peers.route_mtu ? fake_peers.route_mtu : 1500;
	return fake_peers.route_error;
}

#endif
