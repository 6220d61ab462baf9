// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What changes around a home agent's bindings: next hops, prefixes, devices, the configuration, and the daemon itself,
 * whose next life adopts them. RFC 6275 §10.1, §10.3.1.
 */
#include <errno.h>
#include <stdlib.h>

#include "home_agent_priv.h"
#include "ipsec.h"

static int rewrite_nexthop(struct binding_entry *entry, void *arg)
{
	struct gateway *gw = arg;
	uint32_t index;

	if (entry->state != BINDING_ACTIVE)
		return 0;
	index = nexthop_index(gw->nh, &entry->care_of);
	if (index != entry->nexthop) {
		entry->nexthop = index;
		datapath_binding_set(gw->dp, entry);
	}
	return 0;
}

void home_agent_on_nexthops_moved(struct gateway *gw)
{
	binding_for_each(gw->bindings, rewrite_nexthop, gw);
}

struct shorten {
	struct gateway *gw;
	int home_link;
	struct mono until;
};

static int shorten(struct binding_entry *entry, void *arg)
{
	const struct shorten *s = arg;
	int64_t left = s->until.ns - entry->granted.ns;

	if (entry->home_link != s->home_link || !mono_before(s->until, entry->expires))
		return 0;
	binding_set_expiry(s->gw->bindings, entry, entry->granted, left > 0 ? (uint32_t)(left / 1000000000) : 0);
	if (entry->state == BINDING_ACTIVE)
		datapath_binding_set(s->gw->dp, entry);
	return 0;
}

/* No binding outlives the prefix of its home address (§10.3.1). */
void home_agent_on_prefix_lifetime(struct gateway *gw, int home_link, uint32_t valid_s)
{
	struct mono *until = &gw->ha->prefix_until[home_link];
	struct shorten s = { .gw = gw, .home_link = home_link };

	if (valid_s == UINT32_MAX) {
		until->ns = INT64_MAX;
		return;
	}
	*until = mono_add_s(gw->clock(), valid_s);
	s.until = *until;
	binding_for_each(gw->bindings, shorten, &s);
}

int home_agent_set_links(struct gateway *gw)
{
	struct home_link links[LIMIT_HOME_LINKS] = {};

	for (size_t i = 0; i < gw->config->home_link_count; i++) {
		const struct config_home_link *link = &gw->config->home_links[i];

		links[i] = (struct home_link){ .prefix = link->prefix,
					       .prefix_len = link->prefix_len,
					       .ifindex = gw->ha->ifindex[i] };
	}
	return datapath_home_links_set(gw->dp, links, gw->config->home_link_count);
}

struct reproxy {
	struct gateway *gw;
	int home_link;
	bool stop;
};

static int reproxy(struct binding_entry *entry, void *arg)
{
	const struct reproxy *r = arg;

	if (entry->home_link != r->home_link || entry->state != BINDING_ACTIVE)
		return 0;
	if (r->stop)
		home_agent_proxy_stop(r->gw, entry);
	else
		home_agent_proxy_start(r->gw, entry, true);
	return 0;
}

/* A home link's device appears, vanishes, or comes back under another index: defence starts anew there. */
void home_agent_on_link(struct gateway *gw, const char *name, int ifindex, bool present)
{
	for (size_t i = 0; i < gw->config->home_link_count; i++) {
		struct reproxy r = { .gw = gw, .home_link = (int)i };

		if (strcmp(gw->config->home_links[i].interface, name))
			continue;
		if (gw->ha->ifindex[i] == (present ? ifindex : 0))
			continue;
		r.stop = true; /* under the old index, before it is forgotten: whoever de-registers meanwhile must not
				  stay defended */
		binding_for_each(gw->bindings, reproxy, &r);
		r.stop = false;
		gw->ha->ifindex[i] = present ? ifindex : 0;
		home_agent_set_links(gw);
		if (!present)
			continue;
		neighbour_link_up(gw->nb, name);
		binding_for_each(gw->bindings, reproxy, &r);
	}
}

/* ---- the next life, another configuration ---- */

/* What a former daemon accepted; its home address has been defended all along, so no detection. */
static int adopt_one(void *arg, const struct in6_addr *home, const struct registration *reg)
{
	struct gateway *gw = arg;
	struct binding_request req = { .home = *home,
				       .care_of = reg->care_of,
				       .seq = reg->seq,
				       .flags = reg->flags,
				       .lifetime_s = reg->lifetime_s };
	struct mono granted = { (int64_t)reg->granted_ns };
	struct shorten s = { .gw = gw };
	struct binding_entry *entry;
	int err;

	if (!(reg->flags & BU_HOME) || IN6_IS_ADDR_UNSPECIFIED(&reg->care_of)) {
		correspondent_adopt_one(gw, home, reg);
		return 0;
	}
	if (!config_mobile_node(gw->config, home)) {
		log_info("home agent: %s is not in the configuration any more: its binding is deleted",
			 addr_text(home));
		datapath_binding_delete(gw->dp, home);
		return 0;
	}
	err = binding_update(gw->bindings, &req, granted, &entry);
	if (err) {
		log_error("home agent: adopt the binding of %s: %s", addr_text(home), strerror(-err));
		datapath_binding_delete(gw->dp, home);
		return 0;
	}
	entry->home_link = config_home_link(gw->config, home);
	if (entry->home_link >= 0) { /* the prefix may have been shortened while nobody was there (§10.3.1) */
		s.home_link = entry->home_link;
		s.until = gw->ha->prefix_until[entry->home_link];
		shorten(entry, &s);
	}
	entry->nexthop = nexthop_acquire(gw->nh, &entry->care_of);
	binding_activate(entry);
	ipsec_bound(gw, home, &entry->care_of);
	datapath_binding_set(gw->dp, entry);
	home_agent_proxy_start(gw, entry, false);
	home_agent_queue_refresh(gw, entry);
	home_agent_publish(gw, GW_ADOPTED, entry, NULL);
	return 0;
}

int home_agent_adopt(struct gateway *gw)
{
	int err = datapath_adopt(gw->dp, gw->clock(), adopt_one, gw);

	if (!err && binding_count(gw->bindings))
		log_info("home agent: adopted %zu bindings", binding_count(gw->bindings));
	return err;
}

struct unnamed {
	struct gateway *gw;
	struct in6_addr *homes;
	size_t count;
};

/* Collects what is to go, since the walk must not delete; the rest is queued anew, for another refresh-interval. */
static int find_unnamed(struct binding_entry *entry, void *arg)
{
	struct unnamed *u = arg;

	if (!config_mobile_node(u->gw->config, &entry->home))
		u->homes[u->count++] = entry->home;
	else if (entry->state == BINDING_ACTIVE)
		home_agent_queue_refresh(u->gw, entry);
	return 0;
}

void home_agent_reloaded(struct gateway *gw)
{
	struct unnamed u = { .gw = gw, .homes = calloc(binding_count(gw->bindings) + 1, sizeof(*u.homes)) };

	if (!u.homes) {
		log_error("home agent: no memory to look for bindings that are not configured any more; reload again");
		return;
	}
	binding_for_each(gw->bindings, find_unnamed, &u);
	for (size_t i = 0; i < u.count; i++) {
		log_info("home agent: %s is not in the configuration any more: its binding is deleted",
			 addr_text(&u.homes[i]));
		home_agent_remove(gw, binding_find(gw->bindings, &u.homes[i]));
	}
	free(u.homes);
}
