/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* struct gateway: what the daemon is, handed down to the roles; prototypes of the roles under the file that defines
 * them. */
#ifndef MOBGW_GATEWAY_H
#define MOBGW_GATEWAY_H

#include "kernel.h"
#include "mh.h"
#include "packet.h"

struct auth;
struct control;
struct correspondent;
struct home_agent;
struct ipsec;
struct mobile_node;
struct mobile_peers;

struct gateway {
	sd_event *loop;
	struct config *config;
	struct kernel_handlers handlers;
	struct datapath *dp;
	struct netlink *nl;
	struct nexthops *nh;
	struct neighbour *nb;
	struct sockets *so;
	struct slowpath *sp;
	struct slowpath_roles slow; /* what sp asks */
	struct binding_cache *bindings;
	struct home_agent *ha; /* NULL without that role */
	struct mobile_node *mn;
	struct mobile_peers *peers; /* with mn */
	struct correspondent *cn;   /* always */
	struct auth *auth;	    /* NULL: the authentication option is not asked for */
	struct ipsec *ipsec;	    /* NULL: not asked for, or a pure correspondent */
	struct nd_socket *nd;
	struct control *control;
	struct attachment *attachments; /* one per configured interface */
	int home_ifindex, home_peer_ifindex;
	struct mono (*clock)(void);			       /* monotonic; tests put their own */
	void (*wake_at)(struct gateway *gw, struct mono when); /* the role's tick is due then; main.c */
	/* the same for what correspondents need: never later than what was asked for before; main.c */
	void (*wake_peers_at)(struct gateway *gw, struct mono when);
	struct mono peers_at;		    /* what was asked for */
	sd_event_source *tick, *peers_tick; /* main.c's, for those two */
	struct mono errors_refilled;	    /* rate of binding errors and ICMPv6 errors: dispatch.c */
	uint32_t error_tokens;
	uint64_t agent_counters[96]; /* enum agent_reason below */
};

/*
 * What the agent itself decided about messages, beside the data path's reasons. X(identifier, name, text); names are
 * unique over both lists.
 */
#define AGENT_REASONS(X)                                                                                               \
	X(AGENT_REGISTERED, "registered", "home registration accepted, new binding")                                   \
	X(AGENT_REFRESHED, "refreshed", "home registration refreshed")                                                 \
	X(AGENT_MOVED, "moved", "home registration with a new care-of address")                                        \
	X(AGENT_DEREGISTERED, "deregistered", "binding deleted by its mobile node")                                    \
	X(AGENT_EXPIRED, "expired", "binding deleted at the end of its lifetime")                                      \
	X(AGENT_REFUSED, "refused", "binding update answered with a status of 128 or more")                            \
	X(AGENT_MH_TRUNCATED, "mh-truncated", "mobility header shorter than its length field")                         \
	X(AGENT_MH_CHECKSUM, "mh-checksum", "mobility header with a wrong checksum")                                   \
	X(AGENT_MH_TYPE, "mh-type", "unknown mobility header type: binding error 2")                                   \
	X(AGENT_MH_PROTO, "mh-proto", "payload protocol is not 59: parameter problem")                                 \
	X(AGENT_MH_SHORT, "mh-short", "header length below the type's minimum: parameter problem")                     \
	X(AGENT_MH_OPTION, "mh-option", "malformed mobility option")                                                   \
	X(AGENT_MH_UNWANTED, "mh-unwanted", "a message this role has no use for")                                      \
	X(AGENT_BAD_TAG, "mh-bad-tag", "verified-home option without our tag: forged")                                 \
	X(AGENT_BAD_ADDRESS, "mh-bad-address", "home or care-of address not unicast and routable: silently discarded") \
	X(AGENT_BE_UNKNOWN_BINDING, "binding-error-sent",                                                              \
	  "binding error 1 sent for a home address option without binding")                                            \
	X(AGENT_ERROR_RATE, "error-rate", "error not sent: over its rate")                                             \
	X(AGENT_ICMP_TRANSLATED, "icmp-translated",                                                                    \
	  "ICMPv6 error about a tunnel packet translated for the inner source")                                        \
	X(AGENT_ICMP_STRANGE, "icmp-strange", "ICMPv6 error quoting a packet that we never sent")                      \
	X(AGENT_LINK_LOCAL, "link-local-unreachable", "unreachable sent for a mobile node's link-local address")       \
	X(AGENT_SEND_FAILED, "send-failed", "the kernel refused a message we sent")                                    \
	X(AGENT_UPDATE_SENT, "update-sent", "binding update sent to a home agent")                                     \
	X(AGENT_ACK_ACCEPTED, "ack-accepted", "binding acknowledgement: registered, refreshed or at home")             \
	X(AGENT_ACK_REFUSED, "ack-refused", "binding acknowledgement with a status of 128 or more")                    \
	X(AGENT_ACK_STRANGE, "ack-strange",                                                                            \
	  "binding acknowledgement that answers nothing we sent: other source, road or sequence number")               \
	X(AGENT_ERROR_STRANGE, "error-strange", "binding error or refresh request that is not from our home agent")    \
	X(AGENT_ND_MALFORMED, "advert-malformed",                                                                      \
	  "router or neighbour advertisement that breaks RFC 4861 §6.1.2, §7.1.2")                                     \
	X(AGENT_ADVERT_LIE, "advert-lie",                                                                              \
	  "prefix option of a router advertisement ignored: its lifetimes or length lie")                              \
	X(AGENT_TEST_ANSWERED, "test-answered-slow", "home or care-of test init answered by the agent")                \
	X(AGENT_TEST_STRANGE, "test-strange",                                                                          \
	  "test init with a home address option, or a source that is not unicast and routable")                        \
	X(AGENT_TEST_REFUSED, "test-refused-slow",                                                                     \
	  "test init or correspondent registration from a prefix for which route optimisation is off")                 \
	X(AGENT_PEER_BOUND, "peer-bound", "correspondent registration accepted, new binding")                          \
	X(AGENT_PEER_REFRESHED, "peer-refreshed", "correspondent registration refreshed")                              \
	X(AGENT_PEER_MOVED, "peer-moved", "correspondent registration with a new care-of address")                     \
	X(AGENT_PEER_DELETED, "peer-deleted", "correspondent binding deleted by its mobile node")                      \
	X(AGENT_PEER_EXPIRED, "peer-expired", "correspondent binding deleted at the end of its lifetime")              \
	X(AGENT_PEER_EVICTED, "peer-evicted",                                                                          \
	  "correspondent binding deleted to make room for another that proved itself")                                 \
	X(AGENT_PEER_UNREACHABLE, "peer-unreachable",                                                                  \
	  "correspondent binding deleted: its care-of address stayed unreachable")                                     \
	X(AGENT_PEER_NONCE, "peer-nonce", "correspondent registration with an expired nonce: answered 136 to 138")     \
	X(AGENT_PEER_FORGED, "peer-forged", "correspondent registration with a wrong authenticator: discarded")        \
	X(AGENT_PEER_INCOMPLETE, "peer-incomplete",                                                                    \
	  "correspondent registration without home address, nonce indices or authenticator: discarded")                \
	X(AGENT_REFRESH_REQUESTED, "refresh-requested", "binding refresh request sent for a binding in use")           \
	X(AGENT_TEST_SENT, "test-sent", "home or care-of test init sent to a correspondent")                           \
	X(AGENT_TEST_TAKEN, "test-taken", "home or care-of test taken: a keygen token came")                           \
	X(AGENT_TEST_UNASKED, "test-unasked", "home or care-of test that answers nothing we asked, or another cookie") \
	X(AGENT_PEER_UPDATE_SENT, "peer-update-sent", "binding update sent to a correspondent")                        \
	X(AGENT_PEER_ACK, "peer-ack", "binding acknowledgement of a correspondent: bound, refreshed or deleted")       \
	X(AGENT_PEER_ACK_REFUSED, "peer-ack-refused", "binding acknowledgement of a correspondent refusing")           \
	X(AGENT_PEER_ACK_FORGED, "peer-ack-forged",                                                                    \
	  "binding acknowledgement of a correspondent that is not authentic, or answers nothing we sent")              \
	X(AGENT_PEER_LOST, "peer-lost", "correspondent without our binding any more: through the tunnel again")        \
	X(AGENT_PEER_UNSUPPORTED, "peer-unsupported", "correspondent that knows no route optimisation")                \
	X(AGENT_PEERS_FULL, "peers-full", "correspondent not optimised: the list of them is full")                     \
	X(AGENT_UNPROTECTED, "not-protected",                                                                          \
	  "signalling that is not proved to be its home address's, by security association or authentication option: " \
	  "discarded")                                                                                                 \
	X(AGENT_AUTH_BROKEN, "auth-broken", "signed message discarded: no memory, or OpenSSL failed")                  \
	X(AGENT_NO_STATE, "no-association", "packet lost: no security association to protect it with")

#define AGENT_ENUM_(id, name, text) id,
enum agent_reason { AGENT_REASONS(AGENT_ENUM_) AGENT_REASON_COUNT };
#undef AGENT_ENUM_
_Static_assert(AGENT_REASON_COUNT <= 96, "gateway.agent_counters");

const char *agent_reason_name(enum agent_reason why);
const char *agent_reason_text(enum agent_reason why);

/* ---- interfaces.c: attaches what the configuration names, now and whenever it appears ---- */
int interfaces_attach(struct gateway *gw);
bool interfaces_attached(const struct gateway *gw, int ifindex);
/* Whether what comes in there has passed a program of ours: attached itself, or the device below a VLAN, or a port of a
 * bridge or bond. */
bool interfaces_behind_us(const struct gateway *gw, int ifindex);
void interfaces_on_link(struct gateway *gw, const char *name, int ifindex, bool present);
/* Tells the data path the default routers of all interfaces, as they are now. Cheap: call it every second. Return:
 * whether all that there are were known. */
bool interfaces_follow_routers(struct gateway *gw);

/* ---- reload.c: another configuration while running, whole or not at all ---- */
void reload(struct gateway *gw, const char *config_path);

/* ---- dispatch.c: RFC 6275 §9.2, errors and binding errors ---- */
void dispatch_mh(struct gateway *gw, const struct mh_input *in);
/* Packets the data path refused but that deserve an answer; whole, as on the wire. */
void dispatch_event(struct gateway *gw, const struct event *event);
void dispatch_icmp_error(struct gateway *gw, const struct in6_addr *from, const uint8_t *icmp, size_t len);
void gateway_count(struct gateway *gw, enum agent_reason why);

/* ---- registration.c: what becomes of a binding update; pure, RFC 6275 §9.5.1, §10.3 ---- */

enum registration_action {
	REGISTRATION_DISCARD, /* silently */
	REGISTRATION_REFUSE,  /* answer with status, nothing changes */
	REGISTRATION_ACCEPT,  /* create, renew or move */
	REGISTRATION_DELETE,  /* de-registration */
};

struct registration_decision {
	enum registration_action action;
	enum agent_reason discard; /* why, with REGISTRATION_DISCARD */
	uint8_t status;
	uint16_t seq; /* of the answer */
	struct in6_addr home, care_of;
	uint32_t lifetime_s; /* to grant */
	int home_link;
	bool from_home; /* sent from the home link: the answer goes there */
};

/* @prefix_left_s: what remains of the home prefix's lifetime, by home link; UINT32_MAX infinite. */
struct registration_decision registration_decide(const struct config *config, struct binding_cache *cache,
						 const uint32_t *prefix_left_s, const struct mh_input *in,
						 const struct mh_msg *bu);

/* ---- home_agent.c: registration and de-registration, RFC 6275 §10.3 ---- */
/* First thing after netlink: tells the data path the home links as they are now. */
int home_agent_open(struct gateway *gw);
/* A new configuration of the same shape: bindings of nodes that are no longer named in it are deleted. */
void home_agent_reloaded(struct gateway *gw);
void home_agent_close(struct gateway *gw);
void home_agent_on_bu(struct gateway *gw, const struct mh_input *in, const struct mh_msg *msg);
void home_agent_on_dad_done(struct gateway *gw, const struct in6_addr *home, bool unique);
void home_agent_on_nexthops_moved(struct gateway *gw);
void home_agent_on_prefix_lifetime(struct gateway *gw, int home_link, uint32_t valid_s);
void home_agent_on_link(struct gateway *gw, const char *name, int ifindex, bool present);
int home_agent_adopt(struct gateway *gw);
/* Deletes what has expired by @now, sends refresh requests that are due; returns when to be called next. */
struct mono home_agent_tick(struct gateway *gw, struct mono now);

/* ---- correspondent.c: return routability's answers and the bindings they allow; RFC 6275 §9. Every node is one. ----
 */
int correspondent_open(struct gateway *gw);
/* What a former daemon left: nonces, bindings, numbers. After datapath and next hops, before sockets. */
int correspondent_adopt(struct gateway *gw);
/* One of the registrations that datapath_adopt() finds: without BU_HOME, or a number kept. */
void correspondent_adopt_one(struct gateway *gw, const struct in6_addr *home, const struct registration *reg);
void correspondent_close(struct gateway *gw);
void correspondent_reloaded(struct gateway *gw);
void correspondent_on_test_init(struct gateway *gw, const struct mh_input *in,
				const struct mh_msg *msg); /* HoTI, CoTI */
/* A binding update without H; with H where this node is no home agent (131). */
void correspondent_on_bu(struct gateway *gw, const struct mh_input *in, const struct mh_msg *bu);
/* An ICMPv6 error about a packet that we sent with a routing header: @home through @care_of. True: it was about a
 * binding of ours. */
bool correspondent_on_error(struct gateway *gw, const struct packet_route_error *error);
void correspondent_on_nexthops_moved(struct gateway *gw);
struct mono correspondent_tick(struct gateway *gw, struct mono now);
/* Bound here as a correspondent; NULL. */
struct binding_entry *correspondent_binding(struct gateway *gw, const struct in6_addr *home);
struct binding_cache *correspondent_bindings(struct gateway *gw);
/* What the operator sees: never Kcn or value. False beyond the last. */
struct nonce_view {
	uint16_t index;
	uint32_t age_s, left_s; /* until it is no longer accepted */
	bool given_out;		/* the newest */
};
bool correspondent_nonce(struct gateway *gw, size_t nth, struct nonce_view *out);

/* ---- correspondent_update.c: what becomes of such an update; pure, RFC 6275 §9.5.1, §9.5.3 ---- */
enum peer_registration_action { PEER_DISCARD, PEER_ANSWER, PEER_BIND, PEER_UNBIND };

struct peer_registration {
	enum peer_registration_action action;
	enum agent_reason reason; /* what to count */
	uint8_t status;		  /* with PEER_ANSWER 128 and more */
	uint16_t seq;		  /* of the answer */
	struct in6_addr home, care_of;
	uint32_t lifetime_s;	 /* to grant */
	bool with_key;		 /* kbm is right: the answer carries an authenticator */
	uint8_t kbm[RR_KEY_LEN]; /* the caller wipes it */
};

/* What is known of the home address already. */
struct peer_known {
	bool bound, home_registration; /* home_registration: by a home agent's role of this node */
	bool has_seq;		       /* bound, or the number of a binding that is gone */
	uint16_t seq;
};

struct peer_registration correspondent_decide(const struct config *config, const struct rr_nonces *nonces,
					      const struct peer_known *known, const struct mh_input *in,
					      const struct mh_msg *bu, struct mono now);

/* ---- mobile_peers.c: a mobile node's correspondents; RFC 6275 §11.3, §11.6, §11.7.2 ---- */
int mobile_peers_open(struct gateway *gw);
void mobile_peers_close(struct gateway *gw);
void mobile_peers_reloaded(struct gateway *gw);
/* Where a home address is now, told by mobile_node.c whenever it may have changed. */
struct mobile_place {
	struct in6_addr care_of; /* registered or about to be; unspecified: at home */
	int ifindex;		 /* of the uplink; 0: nowhere */
	uint16_t mtu;		 /* of that */
	bool tunnel;		 /* its home agent forwards for it now */
};
void mobile_peers_moved(struct gateway *gw, const struct in6_addr *home, const struct mobile_place *at);
void mobile_peers_on_event(struct gateway *gw, const struct in6_addr *home, const struct in6_addr *peer);
void mobile_peers_on_test(struct gateway *gw, const struct mh_input *in, const struct mh_msg *test);
/* False: not from a correspondent that we have an update on its way to. */
bool mobile_peers_on_ack(struct gateway *gw, const struct mh_input *in, const struct mh_msg *ack);
bool mobile_peers_on_refresh_request(struct gateway *gw, const struct mh_input *in);
bool mobile_peers_on_binding_error(struct gateway *gw, const struct mh_input *in, const struct mh_msg *be);
/* An ICMPv6 error about a packet that we sent with a home address option, or about a mobility header of ours. True:
 * ours. */
bool mobile_peers_on_error(struct gateway *gw, const struct packet_route_error *error);
struct mono mobile_peers_tick(struct gateway *gw, struct mono now);
/* How what @home sends to @peer goes; false: it is no home address of ours, or is nowhere. */
struct mobile_path {
	bool tunnel;	  /* through the home agent */
	bool home_option; /* straight, from the care-of address */
	uint16_t mtu;	  /* of the uplink, or learned */
};
bool mobile_peers_path(struct gateway *gw, const struct in6_addr *home, const struct in6_addr *peer,
		       struct mobile_path *out);

enum peer_view_state {
	PEER_VIEW_TUNNEL,
	PEER_VIEW_TESTING,
	PEER_VIEW_UPDATING,
	PEER_VIEW_OPTIMISED,
	PEER_VIEW_LEAVING,
	PEER_VIEW_BACKED_OFF
};
struct peer_view {
	struct in6_addr home, peer, care_of; /* care_of: bound there; unspecified: none */
	enum peer_view_state state;
	uint16_t seq;
	uint32_t lifetime_s, remaining_s;
	uint32_t idle_s;		/* since the last packet to it */
	bool home_token, care_of_token; /* at hand */
	uint32_t back_off_s;		/* left */
	uint8_t last_status;		/* of the last refusal; 0: none */
};
bool mobile_peers_view(struct gateway *gw, size_t nth, struct peer_view *out); /* false beyond the last */

/* ---- direct_path.c: packets of our own with headers that their sockets don't know of ---- */
struct direct_path {
	uint16_t overhead; /* octets that the data path adds */
	uint16_t path_mtu; /* of the path they take; at least 1280 */
};
/* What a packet from our own @src to @dst gets on its way; false: nothing. */
bool direct_path(struct gateway *gw, const struct in6_addr *src, const struct in6_addr *dst, struct direct_path *out);
/* What sockets may send by it; at least 1280. */
uint32_t direct_path_inner_mtu(const struct direct_path *path);
/* Makes sockets know it, before they send. */
void direct_path_tell(struct gateway *gw, const struct in6_addr *src, const struct in6_addr *dst);
/* True: the error was about a packet with headers that we added, or about a mobility header to a correspondent. */
bool direct_path_on_error(struct gateway *gw, const uint8_t *icmp, size_t len);

/* ---- mobile_node.c: movement, registration, returning home; RFC 6275 §11 ---- */
/* Before netlink: hears of links and addresses from it. Adopts what a former daemon left. */
int mobile_node_open(struct gateway *gw);
/* Everything else stands: registers from here on. */
void mobile_node_start(struct gateway *gw);
/* What the slow path asks of this role: fills `tunnel` and `admits`. */
void mobile_node_slowpath(struct gateway *gw, struct slowpath_roles *roles);
void mobile_node_close(struct gateway *gw);
/* A new configuration of the same shape: preferences and lifetimes may differ. */
void mobile_node_reloaded(struct gateway *gw);
void mobile_node_on_link(struct gateway *gw, const char *name, int ifindex, bool present);
void mobile_node_on_address(struct gateway *gw, const struct address_info *address);
void mobile_node_on_nd(struct gateway *gw, const struct nd_input *in);
void mobile_node_on_ack(struct gateway *gw, const struct mh_input *in, const struct mh_msg *ack);
void mobile_node_on_refresh_request(struct gateway *gw, const struct mh_input *in, const struct mh_msg *brr);
/* The signalling of that home address has keys, and hadn't. */
void mobile_node_on_keys(struct gateway *gw, const struct in6_addr *home);
void mobile_node_on_binding_error(struct gateway *gw, const struct mh_input *in, const struct mh_msg *be);
/* A tunnel packet of ours met a smaller MTU on its way from @care_of to @agent. True: it was ours. */
bool mobile_node_on_too_big(struct gateway *gw, const struct in6_addr *care_of, const struct in6_addr *agent,
			    uint32_t mtu);
struct mono mobile_node_tick(struct gateway *gw, struct mono now);
/* Moves to the named uplink and stays there while it is usable; NULL: back to the order of preference. 0; -ENOENT: no
 * such uplink; -ENETDOWN: it is not usable now. */
int mobile_node_handover(struct gateway *gw, const char *uplink);

/* What the operator sees. */
struct uplink_view {
	const char *name;
	int ifindex; /* 0: not there */
	uint32_t preference;
	bool up, home, usable, active, pinned; /* active: a registration stands on it; pinned: by `mobgw handover` */
	struct in6_addr care_of, router;       /* unspecified: none */
	size_t routers;			       /* known */
	struct mono since;		       /* of its present care-of address or home link; 0 ns: never */
};
bool mobile_node_uplink(struct gateway *gw, size_t index, struct uplink_view *out); /* false beyond the last */

enum home_view_state {
	HOME_VIEW_NONE,
	HOME_VIEW_PENDING,
	HOME_VIEW_REGISTERED,
	HOME_VIEW_MOVING,
	HOME_VIEW_RETURNING,
	HOME_VIEW_AT_HOME,
	HOME_VIEW_REFUSED
};
struct home_view {
	struct in6_addr home, agent, care_of; /* care_of: registered; unspecified: none */
	struct in6_addr wanted;		      /* asked for; unspecified: nothing, or the home link */
	const char *uplink;		      /* of care_of, or the home link; NULL: none */
	enum home_view_state state;
	uint16_t seq;
	uint32_t lifetime_s, remaining_s;
	uint8_t last_status; /* of the last refusal; 0: none */
	uint16_t path_mtu;   /* of the tunnel's outer packets */
};
bool mobile_node_home(struct gateway *gw, size_t index, struct home_view *out);

/* ---- control.c: the control socket; newline JSON, versioned. Events as they happen. ---- */
enum gateway_event {
	GW_REGISTERED,
	GW_REFRESHED,
	GW_MOVED,
	GW_DEREGISTERED,
	GW_EXPIRED,
	GW_REFUSED,
	GW_DAD_FAILED,
	GW_LINK,
	GW_ADOPTED,
	GW_ATTACHED,	/* mobile node: a new point of attachment; text names the uplink */
	GW_DETACHED,	/* mobile node: an uplink is no longer usable */
	GW_AT_HOME,	/* mobile node: de-registered on its home link */
	GW_LOST,	/* mobile node: the registration ended with its lifetime */
	GW_OPTIMISED,	/* mobile node: bound at a correspondent; text is its address */
	GW_UNOPTIMISED, /* mobile node: no longer; text is its address */
	GW_PEER_BOUND,	/* correspondent: new binding or care-of address */
	GW_PEER_GONE	/* correspondent: deleted, expired, evicted; text says which */
};
struct gateway_event_info {
	struct in6_addr home, care_of, old_care_of;
	uint32_t lifetime_s;
	uint8_t status; /* GW_REFUSED */
	uint16_t seq;
	const char *text; /* optional */
};
int control_open(struct gateway *gw);
void control_close(struct gateway *gw);
void control_publish(struct gateway *gw, enum gateway_event what, const struct gateway_event_info *info);

#endif
