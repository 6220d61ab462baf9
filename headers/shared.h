/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What crosses between the data path (bpf/) and the agent: map keys and values, events, and the one list of reasons.
 * No functions. Fixed widths, explicit padding, host order unless the type says otherwise. A change of any layout here
 * raises ABI_VERSION: maps are pinned below a directory of that name and never reinterpreted (DESIGN §2.3).
 * Times are jiffies64 of the kernel: BPF reads them for nothing, the agent converts (agent/datapath.c).
 */
#ifndef MOBGW_SHARED_H
#define MOBGW_SHARED_H

#define ABI_VERSION 4

/*
 * Every packet that reaches a program ends under exactly one VERDICT or DROP; NOTEs are counted beside.
 * X(identifier, class, name, text): the enum, the counter's name in CLI and metrics, docs/reasons and the tests come
 * from here. Append only at the end of a class block; renumbering is an ABI change.
 */
#define REASONS(X)                                                                                                     \
	X(REASON_NONE, NOTE, "none", "no reason: an accepted packet of a parser step")                                 \
	/* left to the kernel */                                                                                       \
	X(PASS_OTHER_MAC, VERDICT, "pass-other-mac", "not addressed to our MAC: untouched")                            \
	X(PASS_NOT_IPV6, VERDICT, "pass-not-ipv6", "not IPv6: left to the kernel")                                     \
	X(PASS_KERNEL, VERDICT, "pass-kernel", "not mobility traffic: left to the kernel")                             \
	X(PASS_SIGNALLING, VERDICT, "pass-signalling", "mobility header for us: handed to the agent")                  \
	X(PASS_HOME_ADDRESS, VERDICT, "pass-home-address",                                                             \
	  "home address option verified and hidden: handed to the kernel")                                             \
	X(PASS_SLOW, VERDICT, "pass-slow",                                                                             \
	  "for a bound home address, but needs the kernel's path (next hop unknown, hop limit, aggregate)")            \
	X(PASS_DECAPSULATED, VERDICT, "pass-decapsulated",                                                             \
	  "out of the tunnel, handed to the kernel (local, or next hop unknown)")                                      \
	X(PASS_TUNNEL, VERDICT, "pass-tunnel",                                                                         \
	  "tunnel packet that needs reassembly or header processing by the kernel")                                    \
	X(PASS_ROUTED, VERDICT, "pass-routed",                                                                         \
	  "type 2 routing header to our own home address verified and hidden: handed to the kernel")                   \
	X(PASS_PROTECTED, VERDICT, "pass-protected",                                                                   \
	  "for a home address whose payload goes under ESP: left to the kernel")                                       \
	X(PASS_ESP, VERDICT, "pass-esp",                                                                               \
	  "ESP to a care-of address of ours, led to the home address of its SPI: handed to the kernel")                \
	/* sent by us */                                                                                               \
	X(SENT_ENCAPSULATED, VERDICT, "encapsulated", "tunnelled to the care-of address")                              \
	X(SENT_REENCAPSULATED, VERDICT, "reencapsulated", "out of one mobile node's tunnel into another's")            \
	X(SENT_DECAPSULATED, VERDICT, "decapsulated", "out of the tunnel, forwarded")                                  \
	X(SENT_ROUTED, VERDICT, "route-header-inserted",                                                               \
	  "sent by this host to a care-of address with a type 2 routing header")                                       \
	X(SENT_HOME_LINK, VERDICT, "sent-home-link", "for an address on the home link without binding: sent there")    \
	X(SENT_TOO_BIG, VERDICT, "too-big-answered", "too big for the tunnel: ICMPv6 packet too big sent")             \
	X(SENT_NEIGHBOUR, VERDICT, "neighbour-answered", "neighbour solicitation for a bound home address answered")   \
	X(SENT_AGENT, VERDICT, "slow-to-agent",                                                                        \
	  "handed to the agent: tunnel packet to fragment, or an ICMPv6 error to send")                                \
	X(SENT_REVERSE, VERDICT, "reverse-tunnelled", "from our own home address, tunnelled to its home agent")        \
	X(SENT_UPDATE, VERDICT, "home-address-inserted",                                                               \
	  "sent from our own home address by its care-of address, with a home address option")                         \
	X(SENT_AT_HOME, VERDICT, "sent-at-home", "from our own home address, sent on its home link")                   \
	X(SENT_OPTIMISED, VERDICT, "route-optimised",                                                                  \
	  "from our own home address straight to a correspondent, with a home address option")                         \
	X(SENT_TEST, VERDICT, "test-answered", "home or care-of test init answered with a keygen token")               \
	X(SENT_ESP, VERDICT, "esp-sent",                                                                               \
	  "ESP of ours between home agent and home address, sent by the care-of address")                              \
	/* dropped: structure */                                                                                       \
	X(DROP_TRUNCATED, DROP, "truncated", "shorter than its headers say")                                           \
	X(DROP_EXT_DEPTH, DROP, "extension-depth", "more extension headers than the documented bound")                 \
	X(DROP_RH0, DROP, "routing-type-0", "type 0 routing header (RFC 5095)")                                        \
	X(DROP_FORGED_OPTION, DROP, "forged-option",                                                                   \
	  "option 0x1E, which only our data path may write, came from outside")                                        \
	/* dropped: mobility header */                                                                                 \
	X(DROP_MH_MALFORMED, DROP, "mh-malformed",                                                                     \
	  "mobility header with wrong payload protocol or length: reported to the agent for its ICMPv6 error")         \
	X(DROP_MH_FRAGMENT, DROP, "mh-fragment", "mobility header split before its fixed part ends")                   \
	X(DROP_MH_RATE_SOURCE, DROP, "mh-rate-source", "mobility headers from one source over its rate")               \
	X(DROP_MH_RATE_ALL, DROP, "mh-rate-all", "mobility headers from all sources over the rate")                    \
	X(DROP_MH_NOBODY, DROP, "mh-no-agent", "mobility header while the daemon is down: its sender will ask again")  \
	/* dropped: home address option */                                                                             \
	X(DROP_HAO_MALFORMED, DROP, "hao-malformed", "home address option of wrong length or twice in a packet")       \
	X(DROP_HAO_LAYOUT, DROP, "hao-layout", "home address option in a header with no room for our tag")             \
	X(DROP_HAO_ADDRESS, DROP, "hao-address",                                                                       \
	  "home address option without a unicast routable address, or to a multicast address")                         \
	X(DROP_HAO_AH, DROP, "hao-ah", "home address option together with AH")                                         \
	X(DROP_HAO_UNKNOWN, DROP, "hao-unknown-binding",                                                               \
	  "home address option without a binding to that source: reported for a binding error")                        \
	X(DROP_SA_UNKNOWN, DROP, "sa-unknown", "home address option before ESP whose SPI is not that home address's")  \
	/* dropped: tunnel */                                                                                          \
	X(DROP_TUNNEL_NO_BINDING, DROP, "tunnel-no-binding",                                                           \
	  "tunnel packet whose inner source is no bound home address")                                                 \
	X(DROP_TUNNEL_CARE_OF, DROP, "tunnel-wrong-care-of",                                                           \
	  "tunnel packet whose outer source is not the binding's care-of address")                                     \
	X(DROP_TUNNEL_INNER, DROP, "tunnel-inner-malformed", "tunnel packet whose inside is no whole IPv6 packet")     \
	X(DROP_TUNNEL_SOURCE, DROP, "tunnel-inner-source",                                                             \
	  "inner source is link-local, multicast, unspecified, loopback or our own")                                   \
	X(DROP_TUNNEL_DEPTH, DROP, "tunnel-depth", "nested tunnels beyond the documented depth")                       \
	X(DROP_TUNNEL_LIMIT, DROP, "tunnel-limit", "tunnel encapsulation limit of the packet is 0 (RFC 2473 §4.1.1)")  \
	X(DROP_TUNNEL_ECN, DROP, "tunnel-ecn",                                                                         \
	  "congestion marked outside on a packet that is not ECN-capable (RFC 6040 §4.2)")                             \
	X(DROP_TUNNEL_LOOP, DROP, "tunnel-loop", "the care-of address of a binding is itself bound, or our own")       \
	X(DROP_UNPROTECTED, DROP, "unprotected", "in clear, where it has to go under ESP")                             \
	/* dropped: home addresses */                                                                                  \
	X(DROP_LINK_LOCAL, DROP, "link-local",                                                                         \
	  "to the link-local address of a mobile node that is away (RFC 6275 §10.4.2): reported for an ICMPv6 error")  \
	X(DROP_ND_HOME, DROP, "nd-to-home-address",                                                                    \
	  "neighbour discovery or MLD sent to a bound home address, or neighbour discovery out of a tunnel: on-link "  \
	  "only")                                                                                                      \
	X(DROP_ND_MALFORMED, DROP, "nd-malformed",                                                                     \
	  "neighbour solicitation for a bound home address with wrong hop limit, length or checksum")                  \
	X(DROP_HOP_LIMIT, DROP, "hop-limit", "hop limit used up inside the tunnel chain")                              \
	X(DROP_TOO_BIG_RATE, DROP, "too-big-rate", "too big for the tunnel, over the rate of ICMPv6 errors")           \
	X(DROP_NO_ROOM, DROP, "no-room", "the kernel gave no room to write the new headers")                           \
	X(DROP_NO_ROUTE, DROP, "no-route",                                                                             \
	  "no route to the care-of address, or multicast of the device without ND itself")                             \
	/* dropped: our own home addresses */                                                                          \
	X(DROP_RH2, DROP, "routing-type-2", "type 2 routing header that is not one segment to our own home address")   \
	X(DROP_TUNNEL_AGENT, DROP, "tunnel-wrong-agent",                                                               \
	  "tunnel packet for our own home address that its home agent did not send")                                   \
	X(DROP_NO_REGISTRATION, DROP, "no-registration",                                                               \
	  "from our own home address while nobody forwards for it: never sent in clear on a visited link")             \
	X(DROP_IN_CLEAR, DROP, "home-in-clear",                                                                        \
	  "from our own home address past its tunnel, by an uplink without Ethernet: never sent in clear")             \
	/* dropped: return routability */                                                                              \
	X(DROP_TEST_CHECKSUM, DROP, "test-checksum", "home or care-of test init with a wrong checksum")                \
	X(DROP_TEST_ADDRESS, DROP, "test-address",                                                                     \
	  "home or care-of test init whose source is not unicast and routable, or is our own")                         \
	X(DROP_TEST_REFUSED, DROP, "test-refused",                                                                     \
	  "home or care-of test init from a prefix for which route optimisation is off")                               \
	X(DROP_TEST_RATE_SOURCE, DROP, "test-rate-source",                                                             \
	  "home and care-of test inits from one source over its rate")                                                 \
	X(DROP_TEST_RATE_ALL, DROP, "test-rate-all", "home and care-of test inits from all sources over the rate")     \
	X(DROP_TEST_OUTSIDE, DROP, "test-outside-tunnel",                                                              \
	  "home test to our own home address that did not come through its tunnel")                                    \
	/* beside the verdict */                                                                                       \
	X(NOTE_RESOLVE, NOTE, "resolve-asked", "agent asked to resolve a next hop")                                    \
	X(NOTE_FIB, NOTE, "fib-lookup", "next hop looked up in the kernel's table (agent's entry missing or old)")     \
	X(NOTE_EVENT_LOST, NOTE, "event-lost", "event for the agent lost: ring full or over its rate")                 \
	X(NOTE_EXPIRED, NOTE, "binding-expired", "packet for a binding past its lifetime: treated as unbound")         \
	X(NOTE_BOTH_WAYS, NOTE, "sent-both-ways",                                                                      \
	  "also sent by the new uplink, while the home agent may have heard of it already or not yet")

enum reason_class { REASON_CLASS_NOTE, REASON_CLASS_VERDICT, REASON_CLASS_DROP };

#define REASON_ENUM_(id, class, name, text) id,
enum reason { REASONS(REASON_ENUM_) REASON_COUNT, PASS_FIRST = PASS_OTHER_MAC, PASS_LAST = PASS_ESP };
#undef REASON_ENUM_

/* Sizes and limits, each with its reason. docs/architecture.md repeats them and is checked against this file. */
enum limit {
	LIMIT_BINDINGS = 1 << 20, /* default size of bindings; preallocated 136 MB at this size, so the agent sets it
				     from max-bindings */
	LIMIT_NEXTHOPS = 1 << 16, /* 2 MB; one per gateway, and one per on-link care-of address */
	LIMIT_PORTS = 256,
	LIMIT_LOCAL_ADDRS = 4096,
	LIMIT_HOME_LINKS = 16,	   /* walked by a loop, only for unbound addresses on TC */
	LIMIT_ANSWERS = 4096,	   /* short-lived; LRU */
	LIMIT_HOME_ADDRESSES = 64, /* of a mobile node itself */
	LIMIT_UPLINKS = 16,
	LIMIT_SOURCES = 16384, /* rate-limited sources remembered; LRU */
	LIMIT_EVENTS_BYTES = 1 << 20,
	LIMIT_EXT_HEADERS = 8,	     /* extension headers walked in one packet */
	LIMIT_TUNNEL_DEPTH = 4,	     /* tunnels taken off one packet in one run */
	LIMIT_OPTIONS = 8,	     /* options looked at in one destination options header */
	LIMIT_NONCES = 16,	     /* RFC 6275 §5.2: as many as live at a time, 10, and room to spare */
	LIMIT_TEST_BUCKETS = 65536,  /* 1 MB; sources of test inits share them by a keyed hash: nothing to fill up */
	LIMIT_REFUSED = 64,	     /* prefixes for which route optimisation is off */
	LIMIT_PEERS = 4096,	     /* correspondents of a mobile node that are remembered; 128 octets each */
	LIMIT_PEER_BINDINGS = 65536, /* most that a correspondent may be told to keep */
	LIMIT_SAS = 1 << 17,	     /* SPIs, or SAS_PER_BINDING of max-bindings where that is more; 2 MB empty */
	LIMIT_EVENT_PACKET = 1280,   /* what an ICMPv6 error may quote is less */
	RATE_MH_SOURCE = 100,	     /* mobility headers a second from one source; burst the same */
	RATE_MH_ALL = 100000,	     /* and from all: sources can be forged */
	RATE_TEST_SOURCE = 100,	 /* test inits a second from one source; a mobile node sends two every three minutes */
	RATE_TEST_ALL = 1000000, /* and from all: what one processor answers in a third of its time */
	RATE_PEERS = 50,	 /* new correspondents a second that the agent hears of */
	RATE_TOO_BIG = 1000,	 /* ICMPv6 packet too big a second, RFC 4443 §2.4(f) */
	RATE_EVENTS = 1000,	 /* events with a packet in them, a second */
	HEARTBEAT_STALE_S = 5,	 /* older: next hops are looked up in the kernel's table */
	NONCE_ANSWER_S = 30, /* a nonce is given out no longer: MAX_NONCE_LIFETIME - MAX_TOKEN_LIFETIME, RFC 6275 §12 */
};

/* One cache line. Map `bindings`, key struct in6_addr (the home address), writer: agent. */
struct binding {
	struct in6_addr care_of;
	struct in6_addr home; /* key again: a reader that sees its entry reused under it notices */
	__u64 expires;	      /* jiffies64 */
	__u32 nexthop;	      /* index into nexthops; 0: not resolved */
	__u16 mtu;	      /* path MTU toward the care-of address as learned; 0: that of the next hop */
	__u16 flags;	      /* enum binding_path_flag */
	__u64 used; /* jiffies64 of the last packet either way, to the second; writer: BPF, for correspondents */
	__u64 reserved;
};

enum binding_path_flag {
	BINDING_HOME_AGENT = 1 << 0, /* a home registration: intercept and tunnel */
	BINDING_PROTECTED = 1 << 1, /* its payload goes under ESP both ways, RFC 6275 §5.5: never tunnelled in clear */
	BINDING_TESTS_PROTECTED = 1 << 2, /* mobility headers between it and its correspondents do, §5.2.5 */
};

/* Map `nexthops`, array; index 0 is never valid. Writer: agent, from routes and neighbours. */
struct nexthop {
	__u32 ifindex; /* where the frame leaves: the lower device of a VLAN */
	__u16 mtu;     /* IPv6 MTU of the route */
	__u8 l2_len;   /* 14, 18 or 22; 0 on a device without Ethernet */
	__u8 flags;    /* enum nexthop_flag */
	__u8 l2[22];   /* the whole link-layer header, ethertype included */
	__u8 pad[2];
};

enum nexthop_flag {
	NEXTHOP_VALID = 1 << 0,	   /* neighbour known */
	NEXTHOP_REDIRECT = 1 << 1, /* XDP may redirect to this device */
};

/* Map `ports`, key __u32 ifindex, writer: agent. Interfaces from the configuration, in whatever mode. */
struct port {
	struct in6_addr link_local; /* source of the neighbour advertisements we send there */
	__u8 mac[6];
	__u16 mtu;
	__u32 flags;	/* enum port_flag */
	__u8 router[6]; /* link-layer address of the default router there; zero: none known */
	__u8 pad[6];
};

enum port_flag {
	PORT_REDIRECT = 1 << 0, /* XDP may redirect to this device */
	PORT_NO_ETHERNET = 1 << 1,
	PORT_BEHIND = 1 << 2, /* what TC sees there has passed another program of ours: XDP on the
				same device, or one on the device below a VLAN */
};

/* Map `local_addrs`, key struct in6_addr, value __u32 of these. Writer: agent, from netlink. */
enum local_addr_flag {
	LOCAL_ADDR = 1 << 0,
	LOCAL_TUNNEL_ENDPOINT = 1 << 1, /* our home agent address; on a mobile node every address of an uplink */
	LOCAL_HOME = 1 << 2,		/* our own home address, as a mobile node */
};

/* Map `proxied`, writer: agent. Addresses defended on a home link. */
struct proxied_key {
	struct in6_addr target;
	__u32 ifindex;
};

struct proxied {
	__u32 flags; /* enum proxied_flag */
};

enum proxied_flag {
	PROXIED_LINK_LOCAL = 1 << 0, /* the node's link-local address (L bit): defended, never tunnelled */
	PROXIED_ROUTER = 1 << 1,     /* a mobile router: advertisements carry R */
	PROXIED_RETURNING = 1 << 2,  /* our own home address on our way home: its home agent alone gets an answer */
};

/* Map `home_links`, array; unused entries have prefix_len 0. Writer: agent. */
struct home_link {
	struct in6_addr prefix;
	__u32 prefix_len;
	__u32 ifindex; /* 0: virtual home link */
};

/*
 * Map `answers`, LRU, key struct in6_addr (home address), writer: agent. How signalling leaves when no binding says it:
 * to somebody's home address, the BA to a refused or deleted registration (RFC 6275 §9.5.4); from our own, the binding
 * update that asks for one (§11.7.1).
 */
struct answer {
	struct in6_addr care_of; /* where the home address stands in a type 2 routing header or, our own, in a home
				    address option; unspecified: direct, on the home link */
	__u64 expires;		 /* jiffies64 */
	__u32 ifindex;		 /* our own: the uplink; else 0, as the route says */
	__u32 pad;
};

/* One way from a mobile node to its home agent. */
struct home_way {
	struct in6_addr care_of;
	__u32 ifindex; /* the uplink; 0: no way */
	__u16 mtu;     /* of the path to the home agent, as far as known */
	__u16 pad;
};

enum home_state {
	HOME_BLOCKED, /* no registration: nothing leaves */
	HOME_AWAY,    /* registered: through the tunnel */
	HOME_THERE,   /* at home: straight on the home link */
};

/*
 * Map `home_addresses`, key struct in6_addr, writer: agent. Our own, as a mobile node (RFC 6275 §11.1). What follows
 * `next` is for the agent's next life alone.
 */
struct home_address {
	struct in6_addr agent;
	struct in6_addr agent_link_local; /* of its router advertisements on the home link; unspecified: not heard */
	struct home_way way;		  /* registered, or the home link */
	struct home_way next;		  /* another, asked for and not yet acknowledged: both are used */
	__u64 expires;			  /* jiffies64; of the registration */
	__u32 state;			  /* enum home_state */
	__u16 seq;			  /* of the last binding update sent */
	__u16 pad;
	__u64 granted_ns; /* CLOCK_MONOTONIC */
	__u32 lifetime_s;
	__u32 flags; /* enum home_flag; the data path's again */
};

enum home_flag {
	HOME_PROTECTED = 1 << 0,       /* payload through the tunnel goes under ESP both ways, RFC 6275 §5.5 */
	HOME_TESTS_PROTECTED = 1 << 1, /* home tests do, §5.2.5 */
};

/*
 * Map `sas`, key struct sa_key, writer: agent, with SETTING_IPSEC. What the data path has to know of security
 * associations that XFRM has: whose they are, and which road they take.
 */
struct sa_key {
	struct in6_addr dst; /* as XFRM knows it; inbound with SA_CONSTANT unspecified: any care-of address of ours */
	__be32 spi;
	__u32 pad;
};

struct sa {
	struct in6_addr home; /* the home address, ours or a mobile node's */
	__u32 flags;	      /* enum sa_flag */
	__u32 pad;
};

enum sa_flag {
	SA_INBOUND = 1 << 0,
	SA_OUTBOUND = 1 << 1,
	SA_TUNNEL = 1 << 2,   /* home tests, in tunnel mode */
	SA_PAYLOAD = 1 << 3,  /* payload, in tunnel mode */
	SA_CONSTANT = 1 << 4, /* XFRM knows the tunnel's ends as home agent and home address: the care-of address is
				 written in their place, or taken out, here; ESP doesn't cover the outer header */
};

/*
 * Map `peers`, key struct peer_key, writer: agent but for `used`. A mobile node's correspondents, RFC 6275 §11.3.1. One
 * without PEER_DIRECT is reached through the tunnel, and the agent isn't told of it again. What follows `flags` is for
 * the agent's next life alone.
 */
struct peer_key {
	struct in6_addr home, peer;
};

enum peer_flag {
	PEER_DIRECT = 1 << 0, /* our binding stands there: what we send goes straight, with a home address option */
	PEER_UPDATE = 1 << 1, /* binding updates to it do */
};

struct peer {
	struct in6_addr care_of;
	__u64 expires; /* jiffies64; of the binding, with PEER_DIRECT */
	__u64 used;    /* jiffies64 of the last packet to it, to the second; writer: BPF */
	__u32 ifindex; /* the uplink of care_of */
	__u16 mtu;     /* of the direct path, as far as known */
	__u16 flags;
	__u64 granted_ns; /* CLOCK_MONOTONIC */
	__u32 lifetime_s; /* granted; 0: none */
	__u16 seq;	  /* of the last binding update sent */
	__u16 pad;
	__u64 reserved;
};

/* Map `refused`, LPM trie, value __u32 (not looked at). Writer: agent. Prefixes of home addresses without route
 * optimisation. */
struct prefix_key {
	__u32 len;
	struct in6_addr prefix;
};

/*
 * Map `nonces`, array, without BTF so that no dump explains it. Writer: agent. An entry is whole before settings.nonce
 * names it and never changed while it may be named. Kcn is as old as its nonce (RFC 6275 §5.2.2). The midstates are
 * those of HMAC-SHA-1 after the block of the padded key, host order: BPF has one block left to do for each.
 */
struct nonce {
	__u32 inner[5], outer[5];
	__u8 value[8];
	__u64 made;    /* jiffies64 */
	__u64 made_ns; /* CLOCK_MONOTONIC */
	__u8 kcn[20];
	__u16 index; /* on the wire; its place in the array is index % LIMIT_NONCES */
	__u16 used;  /* 1: this entry holds a nonce */
};

/* Map `settings`, array of one. Writer: agent. */
struct settings {
	struct in6_addr agent; /* our home agent address, source of tunnels */
	__u64 heartbeat;       /* jiffies64 when the agent was last alive */
	__u32 hz;	       /* jiffies a second */
	__u32 home_ifindex;    /* the device without ND that routes to home addresses lead to */
	__u32 roles;	       /* enum role_flag */
	__u32 nonce;	       /* place of the current one in `nonces`, plus 1; 0: none, the agent answers test inits */
	__u32 flags;	       /* enum setting_flag */
	__u32 pad;
};

/* Every node is a correspondent, so that flag is always set. */
enum role_flag { ROLE_HOME_AGENT = 1 << 0, ROLE_MOBILE_NODE = 1 << 1, ROLE_CORRESPONDENT = 1 << 2 };

enum setting_flag {
	SETTING_REFUSED = 1 << 0,  /* map `refused` is not empty */
	SETTING_OPTIMISE = 1 << 1, /* mobile node: the agent wants to know of correspondents */
	SETTING_IPSEC = 1 << 2,	   /* mobility is signalled under ESP: `sas` is asked */
};

/* Map `secrets`, array of one, without BTF so that no dump explains it. Writer: agent; the keys once per boot. */
struct secrets {
	__u8 tag[4];	   /* in place of a home address option */
	__u8 route_tag[4]; /* in place of a type 2 routing header */
	__u64 bucket_key;  /* of the hash over sources of test inits */
	__u64 newest;	   /* timestamp of the authentication option that was accepted, NTP's 64 bits (RFC 4285 §6) */
	__u8 reserved[40];
};

/* Map `registrations`, key struct in6_addr (home address), writer and reader: agent. What a restart must remember. */
struct registration {
	__u64 granted_ns; /* CLOCK_MONOTONIC when the lifetime began */
	__u32 lifetime_s; /* granted */
	__u16 seq;
	__u16 flags;		 /* enum bu_flag of the accepted update */
	struct in6_addr care_of; /* unspecified: the binding is gone, and its number is remembered for as long as the
				    nonces of its update live (RFC 6275 §5.2.8) */
};

/* Map `registrations` is written before `bindings` and removed after it, so that every path has its registration. */

/* Map `counters`, per CPU array, index enum reason. Writer: BPF. */
struct counter {
	__u64 packets;
	__u64 bytes;
};

/* Map `limits`, LRU hash, key struct in6_addr (source); and `limits_all`, array by enum limit_all. Writer: BPF. */
struct bucket {
	__u64 last; /* jiffies64 of the last refill */
	__u64 tokens;
};

enum limit_all { LIMIT_ALL_MH, LIMIT_ALL_TOO_BIG, LIMIT_ALL_EVENTS, LIMIT_ALL_TEST, LIMIT_ALL_PEERS, LIMIT_ALL_COUNT };

/* Map `events`, ring buffer. Writer: BPF, reader: agent. */
enum event_kind {
	EVENT_RESOLVE = 1,     /* address: a care-of address whose next hop is missing or invalid */
	EVENT_MALFORMED,       /* packet: a mobility header to answer by RFC 6275 §9.2 */
	EVENT_UNKNOWN_BINDING, /* packet: home address option without binding, RFC 6275 §9.3.1 */
	EVENT_LINK_LOCAL,      /* packet: to a mobile node's link-local address, RFC 6275 §10.4.2 */
	EVENT_PEER, /* address: a correspondent that our own home address, the 16 octets of packet, talks to through the
		       tunnel; RFC 6275 §11.7.2 */
};

struct event {
	__u32 kind;
	__u32 reason;  /* enum reason it was counted under */
	__u32 ifindex; /* where it came in */
	__u32 len;     /* octets of packet[] */
	struct in6_addr address;
	__u8 packet[LIMIT_EVENT_PACKET]; /* from the IPv6 header on, as it was on the wire; but a type 2 routing header
					     may be hidden in it: the agent puts it back before anybody reads it */
};

_Static_assert(sizeof(struct binding) == 64, "one cache line");
_Static_assert(sizeof(struct nexthop) == 32, "half a cache line");
_Static_assert(sizeof(struct port) == 40, "no implicit padding");
_Static_assert(sizeof(struct proxied_key) == 20, "no implicit padding in a hash key");
_Static_assert(sizeof(struct home_link) == 24, "no implicit padding");
_Static_assert(sizeof(struct answer) == 32, "no implicit padding");
_Static_assert(sizeof(struct home_way) == 24, "no implicit padding");
_Static_assert(sizeof(struct home_address) == 112, "no implicit padding");
_Static_assert(sizeof(struct sa_key) == 24, "no implicit padding in a hash key");
_Static_assert(sizeof(struct sa) == 24, "no implicit padding");
_Static_assert(sizeof(struct peer_key) == 32, "no implicit padding in a hash key");
_Static_assert(sizeof(struct peer) == 64, "one cache line");
_Static_assert(sizeof(struct prefix_key) == 20, "no implicit padding in a key");
_Static_assert(sizeof(struct nonce) == 88, "no implicit padding");
_Static_assert(sizeof(struct settings) == 48, "no implicit padding");
_Static_assert(sizeof(struct secrets) == 64, "no implicit padding");
_Static_assert(sizeof(struct registration) == 32, "no implicit padding");
_Static_assert(sizeof(struct event) == 32 + LIMIT_EVENT_PACKET, "no implicit padding");

#endif
