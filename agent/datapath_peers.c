// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What route optimisation has in the data path: nonces that test inits are answered from, prefixes without it,
 * correspondents of a mobile node, numbers of bindings that are gone. The agent's side of those maps, as datapath.c of
 * the others. RFC 6275 §5.2, §9.4, §11.3.1.
 */
#include <errno.h>
#include <stdlib.h>

#include "datapath_priv.h"

int datapath_sequence_keep(struct datapath *dp, const struct in6_addr *home, uint16_t seq, struct mono granted)
{
	struct registration reg = { .granted_ns = granted.ns, .seq = seq };
	int err = bpf_map_update_elem(bpf_map__fd(dp->xdp->maps.registrations), home, &reg, BPF_ANY);

	if (err)
		log_error("datapath: keep the sequence number of %s: %s", addr_text(home), strerror(-err));
	return err;
}

struct mono datapath_binding_used(struct datapath *dp, const struct in6_addr *home)
{
	struct binding b;

	if (bpf_map_lookup_elem(bpf_map__fd(dp->xdp->maps.bindings), home, &b))
		return (struct mono){ 0 };
	return datapath_mono(dp, b.used);
}

/* ---- nonces ---- */

int datapath_nonce_set(struct datapath *dp, const struct rr_nonce *nonce, bool newest)
{
	struct nonce entry = {
		.made = datapath_jiffies(dp, nonce->made), .made_ns = nonce->made.ns, .index = nonce->index, .used = 1
	};
	__u32 place = nonce->index % LIMIT_NONCES;
	int err = rr_midstates(nonce->kcn, entry.inner, entry.outer);

	memcpy(entry.value, nonce->value, sizeof(entry.value));
	memcpy(entry.kcn, nonce->kcn, sizeof(entry.kcn));
	if (!err)
		err = bpf_map_update_elem(bpf_map__fd(dp->xdp->maps.nonces), &place, &entry, BPF_ANY);
	if (!err && newest) {
		dp->settings.nonce = place + 1; /* only now: the entry is whole */
		err = datapath_settings(dp);
	}
	explicit_bzero(&entry, sizeof(entry));
	if (err)
		log_error("datapath: set nonce %u: %s", nonce->index, strerror(-err));
	return err;
}

int datapath_nonce_wipe(struct datapath *dp, uint16_t index)
{
	static const struct nonce none;
	int fd = bpf_map__fd(dp->xdp->maps.nonces);
	__u32 place = index % LIMIT_NONCES;
	struct nonce entry;
	int err = bpf_map_lookup_elem(fd, &place, &entry);

	if (!err && entry.used && entry.index == index)
		err = bpf_map_update_elem(fd, &place, &none, BPF_ANY);
	explicit_bzero(&entry, sizeof(entry));
	return err;
}

size_t datapath_nonces_get(struct datapath *dp, struct rr_nonce found[LIMIT_NONCES])
{
	int fd = bpf_map__fd(dp->xdp->maps.nonces);
	struct nonce entry;
	size_t count = 0;

	for (__u32 place = 0; place < LIMIT_NONCES; place++) {
		struct rr_nonce *out = &found[count];

		if (bpf_map_lookup_elem(fd, &place, &entry) || !entry.used || entry.index % LIMIT_NONCES != place)
			continue;
		memcpy(out->kcn, entry.kcn, sizeof(out->kcn));
		memcpy(out->value, entry.value, sizeof(out->value));
		out->made = (struct mono){ (int64_t)entry.made_ns };
		out->index = entry.index;
		out->used = true;
		count++;
	}
	explicit_bzero(&entry, sizeof(entry));
	return count;
}

/* ---- prefixes without route optimisation ---- */

static bool is_named(const struct prefix_key *key, const struct config_prefix *prefixes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (prefixes[i].len == key->len && addr_equal(&prefixes[i].prefix, &key->prefix))
			return true;
	return false;
}

/* Keys first: walking a trie while deleting from it may start over. */
static void drop_unnamed(int fd, const struct config_prefix *prefixes, size_t count)
{
	struct prefix_key keys[LIMIT_REFUSED], *at = NULL;
	size_t found = 0;

	while (found < LIMIT_REFUSED && !bpf_map_get_next_key(fd, at, &keys[found]))
		at = &keys[found++];
	for (size_t i = 0; i < found; i++)
		if (!is_named(&keys[i], prefixes, count))
			bpf_map_delete_elem(fd, &keys[i]);
}

/* Those that go make room, those that stay stay: what was refused before and is after is refused meanwhile. */
int datapath_refused_set(struct datapath *dp, const struct config_prefix *prefixes, size_t count)
{
	int fd = bpf_map__fd(dp->xdp->maps.refused), err = 0;
	__u32 one = 1;

	drop_unnamed(fd, prefixes, count);
	for (size_t i = 0; !err && i < count; i++) {
		struct prefix_key key = { .len = prefixes[i].len, .prefix = prefixes[i].prefix };

		err = bpf_map_update_elem(fd, &key, &one, BPF_ANY);
	}
	dp->settings.flags &= ~SETTING_REFUSED;
	dp->settings.flags |= count ? SETTING_REFUSED : 0;
	if (!err)
		err = datapath_settings(dp);
	if (err)
		log_error("datapath: set prefixes without route optimisation: %s", strerror(-err));
	return err;
}

/* ---- a mobile node's correspondents ---- */

int datapath_optimise_set(struct datapath *dp, bool wanted)
{
	dp->settings.flags &= ~SETTING_OPTIMISE;
	dp->settings.flags |= wanted ? SETTING_OPTIMISE : 0;
	return datapath_settings(dp);
}

int datapath_peer_set(struct datapath *dp, const struct peer_key *key, const struct peer *entry, struct mono expires)
{
	int fd = bpf_map__fd(dp->xdp->maps.peers), err;
	struct peer value = *entry, was;

	value.used = bpf_map_lookup_elem(fd, key, &was) ? dp->clock_jiffies : was.used;
	value.expires = entry->flags & PEER_DIRECT ? datapath_jiffies(dp, expires) : 0;
	err = bpf_map_update_elem(fd, key, &value, BPF_ANY);
	if (err)
		log_error("datapath: set correspondent %s of %s: %s", addr_text(&key->peer), addr_text(&key->home),
			  strerror(-err));
	return err;
}

int datapath_peer_delete(struct datapath *dp, const struct peer_key *key)
{
	int err = bpf_map_delete_elem(bpf_map__fd(dp->xdp->maps.peers), key);

	return err == -ENOENT ? 0 : err;
}

struct mono datapath_peer_used(struct datapath *dp, const struct peer_key *key)
{
	struct peer entry;

	if (bpf_map_lookup_elem(bpf_map__fd(dp->xdp->maps.peers), key, &entry))
		return (struct mono){ 0 };
	return datapath_mono(dp, entry.used);
}

int datapath_peers_adopt(struct datapath *dp,
			 void (*fn)(void *arg, const struct peer_key *key, const struct peer *entry), void *arg)
{
	int fd = bpf_map__fd(dp->xdp->maps.peers);
	struct peer_key *keys = calloc(LIMIT_PEERS, sizeof(*keys)), *at = NULL;
	struct peer entry;
	size_t count = 0;

	if (!keys)
		return -ENOMEM;
	/* keys first: walking a hash while deleting from it may start over */
	while (count < LIMIT_PEERS && !bpf_map_get_next_key(fd, at, &keys[count]))
		at = &keys[count++];
	for (size_t i = 0; i < count; i++)
		if (!bpf_map_lookup_elem(fd, &keys[i], &entry))
			fn(arg, &keys[i], &entry);
	free(keys);
	return 0;
}
