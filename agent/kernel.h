/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel layer: the only files that talk to the network or to BPF. Roles call down through these prototypes; the
 * layer calls up only through struct kernel_handlers. Unit tests of the roles link tests/unit/fake_kernel.c instead.
 * Everything returns 0 or -errno; whoever knows the object has logged it.
 */
#ifndef MOBGW_KERNEL_H
#define MOBGW_KERNEL_H

#include <net/if.h>
#include <systemd/sd-event.h>

#include "base.h"
#include "binding.h"
#include "config.h"
#include "rr.h"

struct datapath;
struct netlink;
struct nexthops;
struct neighbour;
struct sockets;
struct slowpath;

/* A mobility header as the raw socket delivers it: source and home address as the upper layers see them. */
struct mh_input {
	struct in6_addr src; /* home address where a home address option stood in the packet, else the IPv6 source */
	struct in6_addr dst;
	struct in6_addr care_of; /* IPv6 source on the wire */
	bool has_home; /* a home address option stood in the packet, and our tag proves that the data path read it */
	bool routed;   /* a type 2 routing header named our home address, and our tag proves that the data path read it:
			  dst is the home address */
	bool bad_tag;  /* option 0x1E without our tag: forged; to be counted and dropped */
	uint32_t ifindex;    /* where it came in */
	uint32_t mark;	     /* of the security association that it came under; 0: in clear */
	const uint8_t *data; /* the mobility header; checksum not verified yet */
	size_t len;
	struct mono when;
};

/* An address of this host, as the kernel reports it. */
struct address_info {
	int ifindex;
	struct in6_addr addr;
	uint32_t valid_s, preferred_s; /* UINT32_MAX: for ever */
	bool deprecated;
	bool present; /* false: gone, or not usable (tentative without being optimistic, duplicate) */
};

/* A neighbour discovery message as nd_socket.c delivers it: type 134 or 136, hop limit 255, checksum right. */
struct nd_input {
	int ifindex;
	struct in6_addr src;
	const uint8_t *data; /* from the ICMPv6 type on */
	size_t len;
	struct mono when;
};

/* What the layer tells the roles. @arg is the role's; every pointer is good for the call only. Called from the event
 * loop only. */
struct kernel_handlers {
	void *arg;
	void (*on_mh)(void *arg, const struct mh_input *in);	/* sockets.c */
	void (*on_event)(void *arg, const struct event *event); /* datapath.c: ring buffer */
	void (*on_icmp_error)(void *arg, const struct in6_addr *from, const uint8_t *icmp,
			      size_t len);					  /* sockets.c: types 1-4 to us */
	void (*on_dad_done)(void *arg, const struct in6_addr *home, bool unique); /* neighbour.c */
	void (*on_nexthops_moved)(void *arg); /* nexthop.c: some care-of address has another index now; once per pass */
	void (*on_prefix_lifetime)(void *arg, int home_link, uint32_t valid_s); /* netlink.c: UINT32_MAX is infinite */
	void (*on_link)(void *arg, const char *name, int ifindex,
			bool present); /* netlink.c: appeared, vanished, changed its MAC, MTU or carrier */
	void (*on_address)(void *arg, const struct address_info *address); /* netlink_monitor.c; may be NULL */
	void (*on_nd)(void *arg, const struct nd_input *in);		   /* nd_socket.c */
};

/* ---- datapath.c: load, attach, pin, adopt; the only writer of maps, the only file that sees libbpf and the skeletons
 * ---- */

/* How an interface is attached, and why not better. */
struct attachment {
	char name[IF_NAMESIZE];
	int ifindex;
	enum attach_mode mode;	/* native, generic or tc; auto: not attached */
	struct in6_addr router; /* default router there, as last asked; unspecified: none */
	char why[160]; /* sentence: "driver tun has no Ethernet header, so TC"; empty where the best mode was had */
};

struct datapath_options {
	const char *pin_dir;	    /* maps and links below <pin_dir>/<ABI_VERSION>/ */
	uint32_t max_bindings;	    /* of all roles together */
	uint32_t max_registrations; /* the same, and the numbers of bindings that are gone */
	struct in6_addr agent;
	int home_ifindex;   /* device without ND */
	unsigned int roles; /* enum role_flag */
};

/* Loads programs; adopts pinned maps whose owner, type, sizes and ABI fit, else refuses with a message that names the
 * pin. */
int datapath_open(const struct datapath_options *options, struct datapath **out);
/* Lets go of file descriptors; what is pinned goes on working. */
void datapath_close(struct datapath *dp);
/* Takes links, filters and pins of this ABI version away; nothing needs to be open. */
int datapath_detach(const char *pin_dir);
/* @out says what came of it also on success. Idempotent: an adopted link gets the new program in its place, atomically.
 */
int datapath_attach(struct datapath *dp, const char *name, int ifindex, enum attach_mode wish, struct attachment *out);
/* A program of ours on the device below sees what comes in here first. */
int datapath_port_behind(struct datapath *dp, int ifindex);
int datapath_attach_home(struct datapath *dp, int ifindex);
int datapath_forget_port(struct datapath *dp, int ifindex);
/* The default router's link-layer address on that interface; all zero: none known. Written where it differs. */
int datapath_port_router(struct datapath *dp, int ifindex, const uint8_t mac[6]);

/* Conversion and heartbeat: call at least once a second. */
int datapath_heartbeat(struct datapath *dp, struct mono now);
/* The daemon goes: nobody is there any more, from now on and not only when the heartbeat is old. NULL allowed. */
void datapath_leave(struct datapath *dp);

/* Registration first, then the path (shared.h). PENDING entries are refused with -EINVAL. */
int datapath_binding_set(struct datapath *dp, const struct binding_entry *entry);
int datapath_binding_delete(struct datapath *dp, const struct in6_addr *home);
int datapath_nexthop_set(struct datapath *dp, uint32_t index, const struct nexthop *nexthop);
int datapath_nexthop_used(struct datapath *dp,
			  uint32_t index); /* 1: holds a next hop, of this daemon or a former one */
int datapath_local_set(struct datapath *dp, const struct in6_addr *addr, uint32_t flags); /* flags 0: remove */
int datapath_proxied_set(struct datapath *dp, int ifindex, const struct in6_addr *target, uint32_t flags);
int datapath_proxied_delete(struct datapath *dp, int ifindex, const struct in6_addr *target);
int datapath_home_links_set(struct datapath *dp, const struct home_link *links, size_t count);
/* How the next signalling to @home leaves: with RH2 to @care_of, or direct on the home link where @care_of is
 * unspecified. From our own @home: with a home address option by uplink @ifindex, or direct on it. Lives 10 s. */
int datapath_answer_set(struct datapath *dp, const struct in6_addr *home, const struct in6_addr *care_of, int ifindex);

/* The binding says it after all: forget an earlier datapath_answer_set(). */
int datapath_answer_clear(struct datapath *dp, const struct in6_addr *home);

/* Our own home addresses, as a mobile node. @expires: of the registration; ignored but in HOME_AWAY. The members that
 * datapath_home_get() needs again are the caller's. */
int datapath_home_set(struct datapath *dp, const struct in6_addr *home, const struct home_address *entry,
		      struct mono expires);
/* What a former daemon left; -ENOENT. */
int datapath_home_get(struct datapath *dp, const struct in6_addr *home, struct home_address *out);
/* Removes those that @keep doesn't name: a configuration changed while the daemon was down. */
int datapath_homes_keep(struct datapath *dp, const struct config *config);

/* ---- datapath_peers.c: what route optimisation has in the data path ---- */

/* The number of a binding that is gone is remembered, for the next daemon too (shared.h, struct registration). */
int datapath_sequence_keep(struct datapath *dp, const struct in6_addr *home, uint16_t seq, struct mono granted);
/* When a packet last went either way by this binding; 0 ns: never, or no such binding. */
struct mono datapath_binding_used(struct datapath *dp, const struct in6_addr *home);
/* Writes @nonce into its place; with @newest it is the one that test inits are answered from, from now on. */
int datapath_nonce_set(struct datapath *dp, const struct rr_nonce *nonce, bool newest);
/* Wipes a place, where it still holds that index. */
int datapath_nonce_wipe(struct datapath *dp, uint16_t index);
/* What a former daemon left. @found is wiped by the caller. Return: how many. */
size_t datapath_nonces_get(struct datapath *dp, struct rr_nonce found[LIMIT_NONCES]);
/* Prefixes whose test inits are dropped; replaces the former ones. */
int datapath_refused_set(struct datapath *dp, const struct config_prefix *prefixes, size_t count);
/* Whether a mobile node's talk to new correspondents is told (EVENT_PEER). */
int datapath_optimise_set(struct datapath *dp, bool wanted);
/* `used` is kept as the data path has it. @expires: with PEER_DIRECT. */
int datapath_peer_set(struct datapath *dp, const struct peer_key *key, const struct peer *entry, struct mono expires);
int datapath_peer_delete(struct datapath *dp, const struct peer_key *key);
struct mono datapath_peer_used(struct datapath *dp, const struct peer_key *key);
/* Calls @fn for each that a former daemon left; @fn may set or delete it. */
int datapath_peers_adopt(struct datapath *dp,
			 void (*fn)(void *arg, const struct peer_key *key, const struct peer *entry), void *arg);

/* ---- datapath_sas.c: what IPsec has in the data path ---- */

/* Whether mobility is signalled under ESP: `sas` is asked. What a former daemon said stands until then. */
int datapath_ipsec_set(struct datapath *dp, bool wanted);
/* Asked by datapath_binding_set() for a home registration: BINDING_PROTECTED, BINDING_TESTS_PROTECTED or 0. */
void datapath_protection(struct datapath *dp, uint16_t (*fn)(void *arg, const struct in6_addr *home), void *arg);
int datapath_sa_set(struct datapath *dp, const struct sa_key *key, const struct sa *entry);
/* 0 also where there is none. */
int datapath_sa_delete(struct datapath *dp, const struct sa_key *key);
/* Calls @keep for each, also what a former daemon left; removes those for which it says false. */
int datapath_sas_keep(struct datapath *dp, bool (*keep)(void *arg, const struct sa_key *key, const struct sa *entry),
		      void *arg);

/* The newest timestamp that was ever accepted, through restarts of the daemon; 0: none. */
int datapath_newest(struct datapath *dp, uint64_t *timestamp);
int datapath_newest_set(struct datapath *dp, uint64_t timestamp);
/* Sum over CPUs, REASON_COUNT entries. */
int datapath_counters(struct datapath *dp, struct counter *sums);
int datapath_tags(struct datapath *dp, uint8_t tag[4], uint8_t route_tag[4]);
int datapath_port_redirect(struct datapath *dp, int ifindex); /* 1: XDP may redirect there, 0: not */

/* What a former daemon left: calls @fn for each registration whose lifetime has not passed; expired ones are removed.
 * Numbers kept of bindings that are gone come too, with care_of unspecified, until RR_NONCE_LIFETIME_S have passed. */
int datapath_adopt(struct datapath *dp, struct mono now,
		   int (*fn)(void *arg, const struct in6_addr *home, const struct registration *reg), void *arg);
int datapath_events_start(struct datapath *dp, sd_event *loop, const struct kernel_handlers *handlers);

/* ---- netlink.c: links, addresses, routes, neighbours; keeps `local_addrs` of the data path true ---- */
int netlink_open(sd_event *loop, const struct config *config, const struct kernel_handlers *handlers,
		 struct netlink **out);
void netlink_close(struct netlink *nl);
/* Dumps everything once and keeps following. Addresses go to datapath_local_set (the agent's own with
 * LOCAL_TUNNEL_ENDPOINT). */
int netlink_start(struct netlink *nl, struct datapath *dp, struct nexthops *nh);
struct link_info {
	char name[IF_NAMESIZE];
	int ifindex;
	int lower_ifindex;   /* VLAN: the device below; else 0 */
	int master_ifindex;  /* port of a bridge, bond or team: that; else 0 */
	uint16_t vlan_tci;   /* with lower_ifindex */
	uint16_t vlan_proto; /* 0x8100 or 0x88a8, host order */
	uint16_t mtu;
	uint8_t mac[6];
	bool ethernet; /* ARPHRD_ETHER; else no link-layer header */
	bool up;
	bool running;		    /* carrier too */
	uint32_t carrier_count;	    /* of changes so far: differs where a short loss was not reported */
	struct in6_addr link_local; /* first usable one, else unspecified */
};
/* -ENOENT where there is none. */
int netlink_link(struct netlink *nl, int ifindex, struct link_info *out);
/* Whether VLAN devices stand on top of it. */
bool netlink_has_vlan(struct netlink *nl, int ifindex);
int netlink_link_by_name(struct netlink *nl, const char *name, struct link_info *out);
/* Route lookup: where would a tunnel packet of the agent to @dst go? @gateway unspecified: on-link. An address of a
 * physical home link is on that link, not behind the device without ND. -ENETUNREACH. */
int netlink_route(struct netlink *nl, const struct in6_addr *dst, int *ifindex, struct in6_addr *gateway,
		  uint16_t *mtu);
/* The default router by that very interface; -ENETUNREACH where there is none. */
int netlink_default_router(struct netlink *nl, int ifindex, struct in6_addr *gateway);
/* Neighbour state; -ENOENT where unknown or failed. */
int netlink_neighbour(struct netlink *nl, int ifindex, const struct in6_addr *addr, uint8_t mac[6]);
/* Ask the kernel to resolve and keep alive (NTF_EXT_MANAGED), or to let go. */
int netlink_neighbour_manage(struct netlink *nl, int ifindex, const struct in6_addr *addr, bool managed);

/* ---- home_device.c: the veth pair without ND, its sysctls, offloads and the routes of the home prefixes ---- */
/* Creates or adopts it; routes each home prefix into it at a metric lower than the kernel's. Return: 0 with both
 * indices. */
int home_device_open(const struct config *config, int *ifindex, int *peer_ifindex);
/* A home link came up: its own route is set again. */
void home_device_link_up(const struct config *config, const char *name);
int home_device_remove(const struct config *config);

/* ---- mobile_device.c: what a mobile node needs of the kernel's addresses, rules and routes; everything under rule
 * preferences and tables of its own, so that it can be taken away whole ---- */
/* Home addresses on the device without ND, rules that lead what they send there; sysctls of the uplinks. */
int mobile_device_open(const struct config *config, int home_ifindex);
/* MTU of the routes by which home addresses send: sockets see it as path MTU. */
int mobile_device_mtu(const struct config *config, int home_ifindex, size_t home, uint32_t mtu);
/* How an uplink's packets leave. */
struct mobile_road {
	int ifindex;
	struct in6_addr care_of; /* unspecified: none */
	bool has_router;	 /* false: as the kernel's own routes say */
	struct in6_addr router;
	struct in6_addr prefix; /* on the link, with the care-of address in it */
	uint8_t prefix_len;	/* 0: none */
};
/* Everything from the care-of address, and on the home link from home addresses, goes by this router. One care-of
 * address per uplink: it replaces the former. */
int mobile_device_lead(const struct config *config, size_t uplink, const struct mobile_road *road);
/* On the home link what is sent from the home address may leave by the uplink itself. */
int mobile_device_home_link(const struct config *config, size_t uplink, const struct in6_addr *home, bool there);
/* On the home link the uplink itself has the home address: the kernel answers for it. */
int mobile_device_at_home(int ifindex, const struct in6_addr *home, bool there);
/* Sysctls that neighbour discovery of a newly appeared uplink needs. */
void mobile_device_uplink_up(const char *name);
int mobile_device_remove(const struct config *config);

/* ---- nd_socket.c: neighbour discovery of a mobile node ---- */
struct nd_socket;
int nd_socket_open(sd_event *loop, const struct kernel_handlers *handlers, struct nd_socket **out);
void nd_socket_close(struct nd_socket *so);
/* Takes what has arrived already. */
void nd_socket_poll(struct nd_socket *so);
/* Hop limit 255; source is a link-local address of the uplink, as the kernel chooses, or @src. -EADDRNOTAVAIL: it has
 * none yet. */
int nd_socket_send(struct nd_socket *so, int ifindex, const struct in6_addr *src, const struct in6_addr *dst,
		   const uint8_t *icmp, size_t len);

/* ---- nexthop.c: care-of address -> index in `nexthops`; shared by all that go the same way ---- */
int nexthops_open(sd_event *loop, struct netlink *nl, struct datapath *dp, const struct kernel_handlers *handlers,
		  struct nexthops **out);
void nexthops_close(struct nexthops *nh);
/* Takes a reference. Index 0 where the table is full or no route exists; the data path then asks the kernel's table. */
uint32_t nexthop_acquire(struct nexthops *nh, const struct in6_addr *care_of);
void nexthop_release(struct nexthops *nh, const struct in6_addr *care_of);
/* The data path had to ask for it (EVENT_RESOLVE): look the route up again, solicit the neighbour. */
void nexthop_kick(struct nexthops *nh, const struct in6_addr *care_of);
uint32_t nexthop_index(struct nexthops *nh, const struct in6_addr *care_of);
uint16_t nexthop_mtu(struct nexthops *nh, const struct in6_addr *care_of); /* 0: unknown */
/* From netlink.c; cheap, work is done in one pass a little later. */
void nexthops_route_changed(struct nexthops *nh);
void nexthops_neighbour_changed(struct nexthops *nh, int ifindex, const struct in6_addr *addr,
				const uint8_t *mac /* NULL: gone */);
void nexthops_link_changed(struct nexthops *nh, int ifindex); /* 0: any may have */

/* ---- neighbour.c: DAD, unsolicited advertisements, multicast groups of home links ---- */
int neighbour_open(sd_event *loop, struct netlink *nl, struct datapath *dp, const struct config *config,
		   const struct kernel_handlers *handlers, struct neighbour **out);
void neighbour_close(struct neighbour *nb);
/* A home link's device appeared: its multicast filter is opened. */
void neighbour_link_up(struct neighbour *nb, const char *device);
/* Solicits @home (and with @link_local its link-local address) from the unspecified address; on_dad_done after 1 s at
 * most. RFC 4862 §5.4. */
int neighbour_dad_start(struct neighbour *nb, int ifindex, const struct in6_addr *home, bool link_local);
void neighbour_dad_stop(struct neighbour *nb, const struct in6_addr *home);
/* Defend: `proxied` entries, group, unsolicited advertisement with Override, repeated up to 3 times 1 s apart (RFC 4861
 * §7.2.6, RFC 6275 §10.4.1). */
int neighbour_proxy_start(struct neighbour *nb, int ifindex, const struct in6_addr *home, bool link_local,
			  bool announce);
void neighbour_proxy_stop(struct neighbour *nb, int ifindex, const struct in6_addr *home, bool link_local);

/* ---- sockets.c: raw mobility header and ICMPv6 sockets ---- */
int sockets_open(sd_event *loop, struct datapath *dp, const struct config *config,
		 const struct kernel_handlers *handlers, struct sockets **out);
void sockets_close(struct sockets *so);
/* Sends a mobility header; the kernel fills the checksum. @dst is the home address where the data path is to route it
 * (datapath_answer_set first, or a binding), else any address. @via_home: leave by the device without ND. */
int sockets_send_mh(struct sockets *so, const struct in6_addr *src, const struct in6_addr *dst, bool via_home,
		    const uint8_t *mh, size_t len);
/* @ifindex: 0 but for a link-local destination. */
int sockets_send_icmp(struct sockets *so, const struct in6_addr *src, const struct in6_addr *dst, int ifindex,
		      const uint8_t *icmp, size_t len);

/* ---- slowpath.c: what BPF can't do: fragment tunnel packets, take reassembled ones, answer too big ---- */
struct slowpath_stats {
	uint64_t fragmented, reassembled, too_big, unreachable, refused, rate_limited;
};
/* What a mobile node says of its tunnels. */
struct slowpath_tunnel {
	struct in6_addr care_of, agent;
	uint16_t path_mtu; /* at least 1280 */
};
/* What the roles say of a packet. */
struct slowpath_roles {
	void *arg;
	/* What sockets may send from our own @src to @dst, since it goes straight; 0: it doesn't. */
	uint32_t (*direct_mtu)(void *arg, const struct in6_addr *src, const struct in6_addr *dst);
	/* Of a mobile node, else NULL: by which tunnel @home sends; false: by none now. */
	bool (*tunnel)(void *arg, const struct in6_addr *home, struct slowpath_tunnel *out);
	/* Of a mobile node, else NULL: whether what @src sends may come through the tunnel from @agent to @home. */
	bool (*admits)(void *arg, const struct in6_addr *src, const struct in6_addr *home,
		       const struct in6_addr *agent);
};
/* @nh, @cache: of a home agent, else NULL. A pure correspondent has no tunnels to take off. */
int slowpath_open(sd_event *loop, struct sockets *so, struct nexthops *nh, struct binding_cache *cache,
		  const struct slowpath_roles *roles, const struct config *config, int peer_ifindex,
		  struct slowpath **out);
void slowpath_close(struct slowpath *sp);
void slowpath_stats(const struct slowpath *sp, struct slowpath_stats *out);

#endif
