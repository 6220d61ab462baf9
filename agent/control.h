/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The control protocol, and what control*.c and device_stats.c owe each other.
 * docs/mobgwd-control.7.scd tells the same to operators.
 *
 * A UNIX stream socket; both ways one JSON object a line (RFC 8259, UTF-8, ended by \n). Replies come in the order of
 * requests. Who may connect may read (owner, group and mode of the socket); what changes anything is for uid 0 alone,
 * by SO_PEERCRED. In every reply `null` means: there is none, or it can't be known here. It is never written as 0.
 *
 *   request       {"version":1,"cmd":"show","what":"status"}    or interfaces, counters, bindings, uplinks,
 *                                                             peers, nonces, ipsec
 *                 {"version":1,"cmd":"show","what":"bindings","home_address":"2001:db8:1::100"}        one, or none
 *                 {"version":1,"cmd":"monitor"}
 *                 {"version":1,"cmd":"handover","uplink":"wlan0"}    null: back to the order of preference
 *   reply         {"version":1,"reply":"status","more":false,"data":{...}}
 *   pages         {"version":1,"reply":"bindings","more":true,"data":{"role":"home-agent","total":612, ...
 *                   "bindings":[ at most CONTROL_PAGE ]}}    ... until one says "more":false
 *   subscription  {"version":1,"reply":"monitor","more":true,"data":{}}, from then on also, as they happen:
 *   event         {"version":1,"event":"moved","time":"2026-01-31T12:00:00.123Z","home_address":"...", ...}
 *   error         {"version":1,"error":{"code":"unknown-view","message":"sentence","cure":"sentence"}}
 *
 * "kind" of a binding: "home", at this home agent; "optimised", somebody's at this node as a correspondent; "own", a
 * mobile node's, a row for each of its home addresses, all in the first line, whose "role" is mobile-node. The other
 * two kinds are those that stood when the list was asked for, less those that went away meanwhile. A monitor that lets
 * CONTROL_QUEUE_MAX pile up is cut off. After the errors `too-long` and `too-many-clients` the daemon hangs up.
 */
#ifndef MOBGW_CONTROL_H
#define MOBGW_CONTROL_H

#include <jansson.h>
#include <sys/stat.h>

#include "gateway.h"

#define CONTROL_PATH "/run/mobgw/control" /* default of `control: {path}`, and of the tool's --socket */

enum control_limit {
	CONTROL_VERSION = 1,
	CONTROL_CLIENTS = 64,
	CONTROL_REQUEST_MAX = 4096,	/* octets of a request line, its newline included */
	CONTROL_QUEUE_MAX = 1 << 20,	/* octets that may wait for a client to read them */
	CONTROL_QUEUE_BUSY = 256 << 10, /* with this much waiting nothing new is worked out for that client */
	CONTROL_PAGE = 100,		/* bindings in one line: 20 kB, 0.65 ms of the loop as measured */
	CONTROL_LISTINGS = 4,		/* at a time; each keeps 16 octets per binding, 16 MB for a million */
};

/* What replies are made from, beside the gateway. */
struct control_view {
	struct gateway *gw;
	const struct redirect_counters *redirects;
	struct mono now, started;
	unsigned int clients, monitors;
};

/* ---- control_socket.c: the socket file ---- */
/* Return: a listening descriptor, with *@st of the file; -EADDRINUSE: a live daemon's, or no socket; -errno. Logged. */
int control_listen(const struct config *config, struct stat *st);

/* ---- control_reply.c: the gateway's state as JSON. New references; NULL on lack of memory or, for counters, where
 * the data path can't be read (logged). ---- */
json_t *control_reply_status(const struct control_view *view);
json_t *control_reply_interfaces(const struct control_view *view);
json_t *control_reply_counters(const struct control_view *view);
/* @homes: home addresses to show; one that has no binding any more is left out. @total: of the whole listing. */
json_t *control_reply_bindings(const struct control_view *view, const struct in6_addr *homes, size_t count,
			       size_t total);
/* One monitor line; @unix_ns is wall-clock time. */
json_t *control_event_json(enum gateway_event what, const struct gateway_event_info *info, int64_t unix_ns);
/* "none", "ipsec". */
const char *control_auth_name(enum config_auth auth);
/* The same of a whole configuration: a correspondent alone has "return-routability". */
const char *control_auth_of(const struct config *config);
/* Address as text; null where it is unspecified. */
json_t *control_json_address(const struct in6_addr *addr);
/* Why `authentication: none` is dangerous, in a sentence; NULL for the other methods. */
const char *control_auth_warning(enum config_auth auth);

/* ---- control_node.c: the same for a mobile node, and what an operator may ask of it ---- */
json_t *control_reply_uplinks(const struct control_view *view);
/* @home: that one only, or none; NULL: all. */
json_t *control_reply_homes(const struct control_view *view, const struct in6_addr *home);
/* Adds the members of `status` that stand for the roles: each role's own are null on the other. */
void control_status_roles(const struct control_view *view, json_t *status);

/* ---- control_peers.c: route optimisation ---- */
/* A mobile node's correspondents. */
json_t *control_reply_peers(const struct control_view *view);
/* Indices and ages, never what they are for. */
json_t *control_reply_nonces(const struct control_view *view);
/* Adds the members of `status` about it. */
void control_status_peers(const struct control_view *view, json_t *status);

/* ---- control_ipsec.c ---- */
json_t *control_reply_ipsec(const struct control_view *view);
/* How a home registration is protected, a word or two. */
const char *control_protection(struct gateway *gw);

/* Why a request was not done; the request's own words fit into @message. */
struct control_refusal {
	const char *code;
	char message[CONTROL_REQUEST_MAX + 128], cure[512];
};
/* False, with words in @why: this daemon is no mobile node, and was asked for what only those have. */
bool control_is_node(const struct gateway *gw, struct control_refusal *why);
/* @uplink NULL: back to the order of preference. False: refused. */
bool control_handover(struct gateway *gw, const char *uplink, struct control_refusal *why);

/* ---- device_stats.c: what went wrong after our verdict ---- */
enum { DEVICE_ERRORS_KEPT = 16 };

struct device_error {
	char name[32]; /* as the driver calls it: "rx_queue_0_xdp_drops" */
	uint64_t count;
};

struct device_stats {
	bool link_known, xdp_known; /* xdp_known: the driver has statistics of that name at all */
	uint64_t rx_dropped, tx_dropped, rx_errors, tx_errors;
	uint64_t xdp_total;			     /* sum over all whose name says XDP and error or drop */
	struct device_error xdp[DEVICE_ERRORS_KEPT]; /* the first of those that aren't 0 */
	size_t xdp_count;
};

/* Whether a driver's statistic counts XDP errors or drops. */
bool device_stat_is_xdp_error(const char *name);
/* Return: 0; -ENODEV where there is no such interface. What else can't be had stays unknown in @out. */
int device_stats_read(const char *ifname, struct device_stats *out);

/*
 * Counts of the kernel's tracepoints, over the whole machine since the daemon started: a redirect refused by the kernel
 * (MTU, no such device), frames that a device would not transmit, and programs that ended in an exception.
 */
enum redirect_counter { REDIRECT_REFUSED, REDIRECT_NOT_SENT, REDIRECT_EXCEPTION, REDIRECT_COUNTERS };

struct redirect_counters;
/*
 * Opens them; needs tracefs and CAP_PERFMON, so before privileges drop. What can't be opened is unknown ever after.
 * Return: NULL only on lack of memory.
 */
struct redirect_counters *redirect_counters_open(void);
void redirect_counters_close(struct redirect_counters *counters);
/* Return: true with *@count; false: unknown, *@why (may be NULL) says in a sentence why. */
bool redirect_counters_read(const struct redirect_counters *counters, enum redirect_counter which, uint64_t *count,
			    const char **why);
const char *redirect_counter_name(enum redirect_counter which);
const char *redirect_counter_text(enum redirect_counter which);

#endif
