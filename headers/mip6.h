/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The wire as the RFCs draw it: numbers and layouts of Mobile IPv6, and those of IPv6, ICMPv6 and tunnels that both
 * sides need. No functions. Wire structs hold network order; whoever includes this has integer types, __be16 and
 * __be32 and struct in6_addr already (vmlinux.h in bpf/, <linux/in6.h> or <netinet/in.h> in agent/).
 */
#ifndef MOBGW_MIP6_H
#define MOBGW_MIP6_H

/* Next header values (IANA); names of our own, since vmlinux.h and libc each know only some. */
enum next_header {
	NH_HOPOPTS = 0,
	NH_TCP = 6,
	NH_UDP = 17,
	NH_IPV6 = 41, /* IPv6 in IPv6, RFC 2473 */
	NH_ROUTING = 43,
	NH_FRAGMENT = 44,
	NH_ESP = 50,
	NH_AH = 51,
	NH_ICMPV6 = 58,
	NH_NONE = 59,
	NH_DSTOPTS = 60,
	NH_MH = 135, /* mobility header, RFC 6275 §6.1 */
};

/* Mobility header types, RFC 6275 §6.1.2-6.1.9. */
enum mh_type {
	MH_BRR = 0,
	MH_HOTI = 1,
	MH_COTI = 2,
	MH_HOT = 3,
	MH_COT = 4,
	MH_BU = 5,
	MH_BA = 6,
	MH_BE = 7,
	MH_TYPES, /* the first one this gateway doesn't know */
};

/* Flags of a binding update, host order of its 16 bit word: RFC 6275 §6.1.7, RFC 3963 §4.1. */
enum bu_flag {
	BU_ACK = 0x8000,
	BU_HOME = 0x4000,
	BU_LINK_LOCAL = 0x2000,
	BU_KEY = 0x1000,
	BU_ROUTER = 0x0400,
};

/* Flags octet of a binding acknowledgement, RFC 6275 §6.1.8, RFC 3963 §4.2. */
enum ba_flag {
	BA_KEY = 0x80,
	BA_ROUTER = 0x40,
};

/* Binding acknowledgement status, RFC 6275 §6.1.8; below 128 is success. */
enum ba_status {
	BA_ACCEPTED = 0,
	BA_ACCEPTED_PREFIX_DISCOVERY = 1,
	BA_UNSPECIFIED = 128,
	BA_PROHIBITED = 129,
	BA_NO_RESOURCES = 130,
	BA_NO_HOME_REGISTRATION = 131,
	BA_NOT_HOME_SUBNET = 132,
	BA_NOT_HOME_AGENT = 133,
	BA_DAD_FAILED = 134,
	BA_SEQUENCE = 135,
	BA_EXPIRED_HOME_NONCE = 136,
	BA_EXPIRED_CARE_OF_NONCE = 137,
	BA_EXPIRED_NONCES = 138,
	BA_TYPE_CHANGE = 139,
	BA_ROUTER_NOT_PERMITTED = 140,
	BA_ID_MISMATCH = 144, /* RFC 4285: MIPV6-ID-MISMATCH, MIPV6-MESG-ID-REQD, MIPV6-AUTH-FAIL */
	BA_ID_REQUIRED = 145,
	BA_AUTH_FAILED = 146,
	BA_BAD_CARE_OF = 174,
};

/* Binding error status, RFC 6275 §6.1.9. */
enum be_status {
	BE_UNKNOWN_BINDING = 1,
	BE_UNKNOWN_MH_TYPE = 2,
};

/* Mobility options, RFC 6275 §6.2; RFC 3963 §4.3; RFC 4283 §3; RFC 4285 §5, §6. */
enum mh_option {
	MHO_PAD1 = 0,
	MHO_PADN = 1,
	MHO_REFRESH_ADVICE = 2,
	MHO_ALT_CARE_OF = 3,
	MHO_NONCE_INDICES = 4,
	MHO_AUTH_DATA = 5,
	MHO_NETWORK_PREFIX = 6,
	MHO_MN_ID = 8,
	MHO_AUTH_OPTION = 9,
	MHO_TIMESTAMP = 10,
};

/* Subtypes of MHO_MN_ID, RFC 4283 §3.1, and of MHO_AUTH_OPTION, RFC 4285 §5.1, §5.2. */
enum mh_option_subtype {
	MN_ID_NAI = 1,
	AUTH_OPTION_MN_HA = 1,
	AUTH_OPTION_MN_AAA = 2,
};

/* Destination options: RFC 8200 §4.2, RFC 2473 §4.1.1, RFC 6275 §6.3. */
enum dst_option {
	OPT_PAD1 = 0,
	OPT_PADN = 1,
	OPT_TUNNEL_LIMIT = 4,
	OPT_VERIFIED_HOME = 0x1E, /* ours, never on a wire: what the data path leaves of a home address option */
	OPT_HOME_ADDRESS = 0xC9,
};

enum icmp6 {
	ICMP6_UNREACHABLE = 1,
	ICMP6_TOO_BIG = 2,
	ICMP6_TIME_EXCEEDED = 3,
	ICMP6_PARAM_PROBLEM = 4,
	ICMP6_ECHO_REQUEST = 128,
	ICMP6_ECHO_REPLY = 129,
	ICMP6_MLD_QUERY = 130,
	ICMP6_MLD_REPORT = 131,
	ICMP6_MLD_DONE = 132,
	ICMP6_ROUTER_SOLICIT = 133,
	ICMP6_ROUTER_ADVERT = 134,
	ICMP6_NEIGHBOUR_SOLICIT = 135,
	ICMP6_NEIGHBOUR_ADVERT = 136,
	ICMP6_REDIRECT = 137,
	ICMP6_MLD2_REPORT = 143,
	ICMP6_PREFIX_SOLICIT = 146, /* mobile prefix discovery, RFC 6275 §6.7, §6.8 */
	ICMP6_PREFIX_ADVERT = 147,
	/* codes */
	ICMP6_UNREACH_ADDRESS = 3,
	ICMP6_PARAM_FIELD = 0,
};

enum {
	IP6_HDR_LEN = 40,
	IP6_MIN_MTU = 1280, /* RFC 8200 §5 */
	TUNNEL_HOP_LIMIT = 64,
	RH2_LEN = 24,
	RH_TYPE0 = 0,
	RH_TYPE2 = 2,
	HAO_LEN = 16, /* data of the option; option and padding fill 24 octets */
	NA_ROUTER = 0x80,
	NA_SOLICITED = 0x40,
	NA_OVERRIDE = 0x20,
	ND_OPT_SOURCE_LLADDR = 1,
	ND_OPT_TARGET_LLADDR = 2,
	LIFETIME_UNIT_S = 4, /* lifetimes of BU, BA and refresh advice, RFC 6275 §6.1.7 */
};

/* IPv6 header with its first word whole: version 4, traffic class 8, flow label 20. RFC 8200 §3. */
struct mip6_ipv6 {
	__be32 ver_tc_flow;
	__be16 payload_len;
	__u8 nexthdr;
	__u8 hop_limit;
	struct in6_addr src;
	struct in6_addr dst;
};

/* Extension header of which only the first two octets are alike: RFC 8200 §4.2-4.4. */
struct mip6_ext {
	__u8 nexthdr;
	__u8 hdrlen; /* units of 8 octets, the first 8 not counted */
};

/* RFC 6275 §6.1.1 */
struct mip6_mh {
	__u8 proto;
	__u8 hdrlen;
	__u8 type;
	__u8 reserved;
	__be16 checksum;
};

/* Destination options header with nothing but a home address option in its usual place: RFC 6275 §6.3. */
struct mip6_hao {
	__u8 nexthdr;
	__u8 hdrlen;
	__u8 pad[4];
	__u8 type;
	__u8 len;
	struct in6_addr home;
};

/* What the data path makes of it, in place: the same 24 octets, skipped by every stack (DESIGN §3). */
struct mip6_verified_home {
	__u8 nexthdr;
	__u8 hdrlen;
	__u8 type;   /* OPT_VERIFIED_HOME */
	__u8 len;    /* 20 */
	__u8 tag[4]; /* secret of this boot: proves that our program wrote it */
	struct in6_addr care_of;
};

/* RFC 6275 §6.4.1 */
struct mip6_rh2 {
	__u8 nexthdr;
	__u8 hdrlen;
	__u8 type;
	__u8 segments_left;
	__be32 reserved;
	struct in6_addr home;
};

struct mip6_icmp {
	__u8 type;
	__u8 code;
	__be16 checksum;
	__be32 data; /* MTU, pointer, or the flags of a neighbour advertisement */
};

/* Neighbour solicitation or advertisement without options, RFC 4861 §4.3, §4.4. */
struct mip6_nd {
	struct mip6_icmp icmp;
	struct in6_addr target;
};

/* Home or care-of test init, RFC 6275 §6.1.3, §6.1.4; and the test that answers it, §6.1.5, §6.1.6. */
struct mip6_test_init {
	struct mip6_mh mh;
	__be16 reserved;
	__u8 cookie[8];
};

struct mip6_test {
	struct mip6_mh mh;
	__be16 nonce_index;
	__u8 cookie[8];
	__u8 token[8];
};

_Static_assert(sizeof(struct mip6_ipv6) == IP6_HDR_LEN, "RFC 8200 §3");
_Static_assert(sizeof(struct mip6_mh) == 6, "RFC 6275 §6.1.1");
_Static_assert(sizeof(struct mip6_hao) == 24, "RFC 6275 §6.3");
_Static_assert(sizeof(struct mip6_verified_home) == sizeof(struct mip6_hao), "rewritten in place");
_Static_assert(sizeof(struct mip6_rh2) == RH2_LEN, "RFC 6275 §6.4.1");
_Static_assert(sizeof(struct mip6_nd) == 24, "RFC 4861 §4.3");
_Static_assert(sizeof(struct mip6_test_init) == 16, "RFC 6275 §6.1.3");
_Static_assert(sizeof(struct mip6_test) == 24, "RFC 6275 §6.1.5");

#endif
