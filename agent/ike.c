// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The session with charon: what a configured home address needs is loaded whenever charon comes up, a few requests at a
 * time, and connections of ours that nobody wants any more go. A mobile node begins its exchanges itself, since traps
 * of charon would lose the packet that wants one in silence (IPSEC.md §5).
 */
#include "ike.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

#include "ike_connection.h"
#include "ike_sas.h"

enum {
	WINDOW = 32,	     /* requests under way while loading */
	PATIENCE_S = 8,	     /* for an exchange before it is begun anew; doubled each time */
	PATIENCE_MAX_S = 64, /* up to this */
	TRIES_MAX = 3,	     /* from where on it isn't doubled any more */
};

struct ike {
	struct gateway *gw;
	struct vici *vici;
	struct ike_secrets *secrets;
	size_t next;	  /* node to be loaded */
	size_t under_way; /* requests of the loading */
	size_t refused;
	bool loaded;
};

enum { UPDOWN, LISTED, EVENTS };

static const char *const events[EVENTS + 1] = { [UPDOWN] = "ike-updown", [LISTED] = "list-sa" };

/* ---- what is loaded ---- */

struct texts {
	char id[INET6_ADDRSTRLEN], agent_id[INET6_ADDRSTRLEN];
};

static struct ike_connection describe(const struct gateway *gw, const struct ipsec_node *node, struct texts *texts)
{
	const struct config *config = gw->config;
	const char *id = config_id(config, &node->end.home);
	bool somewhere = !IN6_IS_ADDR_UNSPECIFIED(&node->speaks_from);

	inet_ntop(AF_INET6, &node->end.home, texts->id, sizeof(texts->id));
	inet_ntop(AF_INET6, &node->end.agent, texts->agent_id, sizeof(texts->agent_id));
	return (struct ike_connection){
		.end = &node->end,
		.id = id ? id : texts->id,
		.agent_id = config->ipsec.agent_id ? config->ipsec.agent_id : texts->agent_id,
		.psk = config->ipsec.secrets,
		.local = somewhere ? &node->speaks_from : NULL,
		.rekey_s = config->ipsec.rekey_s,
	};
}

static void load_more(struct ike *ike);
static void begin(struct ike *ike);

static void on_loaded(void *arg, int err, const uint8_t *data, size_t len)
{
	struct ike *ike = arg;
	char why[160];

	ike->under_way -= ike->under_way > 0;
	if (err && err != -ENOENT)
		return; /* said where the session ended */
	if (!err)
		err = vici_succeeded(data, len, why, sizeof(why));
	else
		snprintf(why, sizeof(why), "%s", strerror(-err));
	if (err && !ike->refused++)
		log_error("ike: charon refuses what we load: %s", why);
	load_more(ike);
}

static int request(struct ike *ike, const char *command, struct vici_writer *w, vici_answer_fn fn)
{
	int err = w ? vici_request(ike->vici, command, w, 0, fn, ike) : -ENOMEM;

	vici_writer_free(w);
	return err;
}

static int load_secret(struct ike *ike, const struct ike_connection *connection)
{
	const struct ike_secret *secret = ike_secrets_find(ike->secrets, connection->id);
	struct vici_writer *w = vici_writer_new();

	if (w && secret)
		ike_write_secret(w, connection, secret);
	return request(ike, "load-shared", w, on_loaded);
}

static int load_connection(struct ike *ike, const struct ike_connection *connection, vici_answer_fn fn)
{
	struct vici_writer *w = vici_writer_new();

	if (w)
		ike_write_connection(w, connection);
	return request(ike, "load-conn", w, fn);
}

static int load_node(struct ike *ike, const struct ipsec_node *node)
{
	struct texts texts;
	struct ike_connection connection = describe(ike->gw, node, &texts);
	int err = connection.psk ? load_secret(ike, &connection) : 0;

	ike->under_way += connection.psk && !err;
	if (!err)
		err = load_connection(ike, &connection, on_loaded);
	ike->under_way += !err;
	return err;
}

static void load_more(struct ike *ike)
{
	struct ipsec *ip = ike->gw->ipsec;

	while (vici_is_up(ike->vici) && ike->next < ip->count && ike->under_way < WINDOW) {
		int err = load_node(ike, &ip->nodes[ike->next]);

		if (err) {
			log_error("ike: load the connection of %s: %s", addr_text(&ip->nodes[ike->next].end.home),
				  strerror(-err));
			return;
		}
		ike->next++;
	}
	if (ike->loaded || ike->next < ip->count || ike->under_way)
		return;
	ike->loaded = true;
	if (ike->refused)
		log_error("ike: charon refused %zu of the connections and secrets of %zu home addresses", ike->refused,
			  ip->count);
	else
		log_info("ike: charon has the connections of %zu home addresses", ip->count);
	begin(ike);
}

/* ---- what nobody wants any more ---- */

/* What isn't there any more may fail. */
static void on_done(void *arg, int err, const uint8_t *data, size_t len)
{
}

/* @child: of enum ipsec_child; -1: the IKE_SA with all of them. The other end is told, but not waited for. */
static void terminate(struct ike *ike, const struct in6_addr *home, int child)
{
	struct vici_writer *w = vici_writer_new();

	if (w)
		ike_write_terminate(w, home, child);
	request(ike, "terminate", w, on_done);
}

static int unload_stranger(void *arg, const struct vici_element *element)
{
	struct ike *ike = arg;
	struct vici_writer *w;
	struct in6_addr home;

	if (strcmp(element->path, "conns[]") || !ike_home_of_name((const char *)element->value, element->len, &home) ||
	    ipsec_node(ike->gw->ipsec, &home))
		return 0;
	w = vici_writer_new();
	if (w)
		vici_value(w, "name", element->value, element->len);
	request(ike, "unload-conn", w, on_done);
	terminate(ike, &home, -1);
	return 0;
}

/* Who is not configured any more must not prove itself by what charon remembers. */
static int unload_secret(void *arg, const struct vici_element *element)
{
	struct ike *ike = arg;
	struct vici_writer *w;
	struct in6_addr home;

	if (strcmp(element->path, "keys[]") || !ike_home_of_name((const char *)element->value, element->len, &home) ||
	    (ike->secrets && ipsec_node(ike->gw->ipsec, &home)))
		return 0;
	w = vici_writer_new();
	if (w)
		vici_value(w, "id", element->value, element->len);
	request(ike, "unload-shared", w, on_done);
	return 0;
}

static void on_connections(void *arg, int err, const uint8_t *data, size_t len)
{
	if (!err && vici_parse(data, len, unload_stranger, arg))
		log_warn("ike: charon's list of connections is malformed");
}

static void on_secrets(void *arg, int err, const uint8_t *data, size_t len)
{
	if (!err && vici_parse(data, len, unload_secret, arg))
		log_warn("ike: charon's list of secrets is malformed");
}

/* ---- the session ---- */

static void load_all(struct ike *ike)
{
	ike->next = ike->refused = 0; /* answers to a former loading may still come, and are counted */
	ike->loaded = false;
	vici_request(ike->vici, "get-conns", NULL, 0, on_connections, ike);
	vici_request(ike->vici, "get-shared", NULL, 0, on_secrets, ike);
	load_more(ike);
}

static void on_up(void *arg)
{
	struct ike *ike = arg;

	log_info("ike: charon answers at %s", ike->gw->config->ipsec.ike_socket);
	load_all(ike);
}

static void on_down(void *arg, const char *why)
{
	struct ike *ike = arg;

	ike->under_way = 0;
	ike->loaded = false;
	log_warn("ike: no charon at %s: %s; it is tried again, what has its keys goes on. Is strongSwan running, and "
		 "may mobgwd use its socket?",
		 ike->gw->config->ipsec.ike_socket, why);
}

static void on_updown(struct ike *ike, struct ipsec_node *node, const struct ike_sa_news *news)
{
	if (news->up && !node->end.away) /* where its states end; else they are told to move */
		node->end.far = node->end.node ? news->local : news->remote;
	log_info("ike: %s: keys are %s with the %s", addr_text(&node->end.home),
		 news->up ? "agreed on" : "no longer agreed on", node->end.node ? "home agent" : "mobile node");
}

static void on_event(void *arg, const char *name, const uint8_t *data, size_t len)
{
	struct ike *ike = arg;
	struct ike_sa_news news;
	struct ipsec_node *node = NULL;

	if (!ike_sa_read(data, len, &news))
		node = ipsec_node(ike->gw->ipsec, &news.home);
	if (!node)
		return;
	if (!strcmp(name, events[UPDOWN]))
		on_updown(ike, node, &news);
	else if (!news.ending)
		node->charon_has |= news.children;
}

/* ---- a mobile node's exchanges ---- */

static void on_initiated(void *arg, int err, const uint8_t *data, size_t len)
{
	char why[160];

	if (!err && vici_succeeded(data, len, why, sizeof(why)))
		log_warn("ike: charon can't begin an exchange: %s", why);
}

static void initiate(struct ike *ike, struct ipsec_node *node, enum ipsec_child child)
{
	struct vici_writer *w;

	if (!vici_is_up(ike->vici) || !ike->loaded)
		return; /* begun when it is loaded */
	w = vici_writer_new();
	if (w)
		ike_write_initiate(w, &node->end.home, child);
	if (!request(ike, "initiate", w, on_initiated))
		node->asked[child] = ike->gw->clock();
}

static bool lacks(const struct ipsec_node *node, int child)
{
	return ipsec_wants(&node->end, child) && !(node->states[child].to_agent && node->states[child].to_node);
}

static bool is_late(const struct ike *ike, const struct ipsec_node *node, int child)
{
	uint32_t patience_s = PATIENCE_S << node->tries;

	if (patience_s > PATIENCE_MAX_S)
		patience_s = PATIENCE_MAX_S;
	return node->asked[child].ns && mono_before(mono_add_s(node->asked[child], patience_s), ike->gw->clock());
}

/*
 * charon would put another request behind the one that it repeats ever more seldom, or take it for one that it has; so
 * what there is ends before the next tick begins anew. All of it where signalling lacks, else that child alone: what
 * the other end will never agree to must not cost the rest.
 */
static void give_up(struct ike *ike, struct ipsec_node *node, int child)
{
	if (!node->tries)
		log_warn("ike: %s: no keys of %s from %s within %d s; it is tried again, and charon's log says why "
			 "(journalctl -u strongswan)",
			 addr_text(&node->end.home), ipsec_child_names[child], addr_text(&node->speaks_from),
			 PATIENCE_S);
	node->tries += node->tries < TRIES_MAX;
	terminate(ike, &node->end.home, child == IPSEC_SIGNALLING ? -1 : child);
	node->asked[child] = (struct mono){};
}

/* Signalling first: the others follow on its IKE_SA. */
static void initiate_next(struct ike *ike, struct ipsec_node *node)
{
	int child = 0;

	if (!node->end.node || IN6_IS_ADDR_UNSPECIFIED(&node->speaks_from))
		return;
	while (child < IPSEC_CHILDREN && !lacks(node, child))
		child++;
	if (child == IPSEC_CHILDREN)
		return;
	if (!node->asked[child].ns)
		initiate(ike, node, child);
	else if (is_late(ike, node, child))
		give_up(ike, node, child);
}

void ike_want(struct gateway *gw, struct ipsec_node *node, enum ipsec_child child)
{
	initiate_next(gw->ipsec->ike, node);
}

void ike_state(struct gateway *gw, struct ipsec_node *node, enum ipsec_child child)
{
	if (lacks(node, child))
		return;
	node->asked[child] = (struct mono){};
	node->tries = 0;
	if (child == IPSEC_SIGNALLING && node->end.node)
		mobile_node_on_keys(gw, &node->end.home);
	initiate_next(gw->ipsec->ike, node);
}

static void on_moved(void *arg, int err, const uint8_t *data, size_t len)
{
	char why[160];

	if (!err && vici_succeeded(data, len, why, sizeof(why)))
		log_error("ike: charon refuses a connection from another care-of address: %s", why);
}

void ike_speak_from(struct gateway *gw, struct ipsec_node *node, const struct in6_addr *care_of)
{
	struct ike *ike = gw->ipsec->ike;
	struct texts texts;
	struct ike_connection connection;

	if (addr_equal(&node->speaks_from, care_of))
		return;
	node->speaks_from = *care_of;
	memset(node->asked, 0, sizeof(node->asked)); /* what was begun elsewhere won't end */
	node->tries = 0;
	if (!vici_is_up(ike->vici))
		return;
	/* also while loading, which may have told of the former address already */
	connection = describe(gw, node, &texts);
	if (load_connection(ike, &connection, on_moved)) {
		node->speaks_from = in6addr_any; /* the next look at the path tries again */
		return;
	}
	initiate_next(ike, node);
}

void ike_lost(struct gateway *gw, struct ipsec_node *node)
{
	if (!vici_is_up(gw->ipsec->ike->vici))
		return;
	memset(node->asked, 0, sizeof(node->asked));
	terminate(gw->ipsec->ike, &node->end.home, -1);
}

void ike_renew(struct gateway *gw, struct ipsec_node *node)
{
	struct ike *ike = gw->ipsec->ike;

	for (int child = 0; node->end.node && child < IPSEC_CHILDREN; child++)
		if (ipsec_wants(&node->end, child))
			initiate(ike, node, child);
}

static void on_listed(void *arg, int err, const uint8_t *data, size_t len)
{
	struct ike *ike = arg;
	struct ipsec *ip = ike->gw->ipsec;

	for (size_t i = 0; !err && i < ip->count; i++) {
		struct ipsec_node *node = &ip->nodes[i];

		if (IN6_IS_ADDR_UNSPECIFIED(&node->speaks_from))
			continue;
		for (int child = 0; child < IPSEC_CHILDREN; child++)
			if (ipsec_wants(&node->end, child) && !(node->charon_has & 1U << child))
				initiate(ike, node, child);
	}
}

/*
 * charon may have lost what the kernel still has. It is asked first: once the node has moved, an exchange for what
 * charon has already would replace all of it, since the connection is from another address then.
 */
static void begin(struct ike *ike)
{
	struct ipsec *ip = ike->gw->ipsec;

	if (!(ike->gw->config->roles & ROLE_MOBILE_NODE))
		return;
	for (size_t i = 0; i < ip->count; i++)
		ip->nodes[i].charon_has = 0;
	vici_request(ike->vici, "list-sas", NULL, 0, on_listed, ike);
}

bool ike_ready(const struct ike *ike)
{
	return vici_is_up(ike->vici) && ike->loaded;
}

void ike_tick(struct gateway *gw)
{
	struct ipsec *ip = gw->ipsec;

	if (!ip->ike->loaded || !(gw->config->roles & ROLE_MOBILE_NODE))
		return;
	for (size_t i = 0; i < ip->count; i++)
		initiate_next(ip->ike, &ip->nodes[i]);
}

/* ---- life ---- */

static int check_secrets(const struct config *config, const struct ike_secrets *secrets)
{
	bool agent = config->roles & ROLE_HOME_AGENT;
	size_t count = agent ? config->mobile_node_count : config->home_address_count;
	int err = 0;

	for (size_t i = 0; secrets && i < count; i++) {
		const struct in6_addr *home = agent ? &config->mobile_nodes[i].home : &config->home_addresses[i].home;
		const char *id = config_id(config, home);
		char text[INET6_ADDRSTRLEN];

		id = id ? id : inet_ntop(AF_INET6, home, text, sizeof(text));
		if (ike_secrets_find(secrets, id))
			continue;
		log_error("ike: %s: no secret of %s", config->ipsec.secrets, id);
		err = -EINVAL; /* all that is missing is said */
	}
	return err;
}

/* @secrets: NULL with certificates. */
static int load_secrets(const struct config *config, struct ike_secrets **secrets)
{
	int err = 0;

	*secrets = NULL;
	if (config->ipsec.secrets)
		err = ike_secrets_load(config->ipsec.secrets, secrets, stderr);
	return err ? err : check_secrets(config, *secrets);
}

int ike_open(struct gateway *gw)
{
	const struct config_ipsec *config = &gw->config->ipsec;
	struct ike *ike = calloc(1, sizeof(*ike));
	struct vici_handlers handlers = { ike, on_up, on_down, on_event };
	int err;

	if (!ike)
		return -ENOMEM;
	gw->ipsec->ike = ike;
	ike->gw = gw;
	err = load_secrets(gw->config, &ike->secrets);
	return err ? err : vici_open(gw->loop, config->ike_socket, events, &handlers, &ike->vici);
}

void ike_close(struct ipsec *ip)
{
	if (!ip->ike)
		return;
	vici_close(ip->ike->vici);
	ike_secrets_free(ip->ike->secrets);
	free(ip->ike);
	ip->ike = NULL;
}

int ike_reload_check(const struct config *config, struct ike_secrets **secrets)
{
	return load_secrets(config, secrets);
}

void ike_reloaded(struct gateway *gw, struct ike_secrets *secrets)
{
	struct ike *ike = gw->ipsec->ike;

	ike_secrets_free(ike->secrets);
	ike->secrets = secrets;
	if (vici_is_up(ike->vici))
		load_all(ike);
}
