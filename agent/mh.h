/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Codec of the mobility header: octets <-> struct mh_msg, options, checksum. Pure: no sockets, no clock, no globals.
 * RFC 6275 §6.1, §6.2; RFC 3963 §4.3; RFC 4283 §3; RFC 4285 §5, §6. Lifetimes become seconds here and nowhere else.
 */
#ifndef MOBGW_MH_H
#define MOBGW_MH_H

#include "base.h"

enum {
	MH_MAX_LEN = 2048,   /* header length field 255: (255 + 1) * 8 */
	MH_MAX_PREFIXES = 8, /* mobile network prefix options kept of one message; more: counted in prefixes_left_out */
	MH_AUTH_LEN = 12,
	MH_NAI_MAX = 254, /* the option's length counts the subtype too */
};

/* Why a message was not understood, and so how it is answered (RFC 6275 §9.2, in this order). */
enum mh_fault {
	MH_OK,
	MH_FAULT_TRUNCATED, /* fewer octets than its length field says: drop */
	MH_FAULT_CHECKSUM,  /* drop silently */
	MH_FAULT_TYPE,	    /* unknown type: binding error, status 2 */
	MH_FAULT_PROTO,	    /* payload proto not 59: parameter problem at `offset` */
	MH_FAULT_SHORT,	    /* header length below the type's minimum: parameter problem at `offset` */
	MH_FAULT_OPTION,    /* option past the end, a known one of wrong length, one behind the authenticator, or an
			     * authentication option twice: drop */
};

struct mh_prefix {
	struct in6_addr prefix;
	uint8_t len;
};

/* Mobility message authentication option, RFC 4285 §5. The data are left where they are. */
struct mh_auth_option {
	bool present;
	uint8_t len;	 /* of the data; any, since they are the security association's business */
	uint16_t offset; /* of the data from the start of the MH: right behind the mobility SPI */
	uint32_t spi;
};

struct mh_options {
	bool has_refresh_advice, has_alt_care_of, has_nonce_indices, has_auth, has_nai, has_timestamp;
	uint32_t refresh_advice_s;
	struct in6_addr alt_care_of;
	uint16_t home_nonce, care_of_nonce;
	uint8_t auth[MH_AUTH_LEN];
	uint16_t auth_offset; /* of the authenticator's data from the start of the MH; valid with has_auth */
	struct mh_prefix prefixes[MH_MAX_PREFIXES];
	uint8_t prefix_count;
	uint8_t prefixes_left_out;
	uint8_t nai_len;    /* 1..MH_NAI_MAX */
	const uint8_t *nai; /* no copy: in the octets that were parsed, or what is to be built; not terminated */
	uint64_t timestamp; /* NTP: seconds since 1900 in the upper half, their fraction in the lower */
	struct mh_auth_option mn_ha, mn_aaa;
};

/* One message; which members count depends on the type. Host order, seconds. */
struct mh_msg {
	uint8_t type;	      /* enum mh_type; also set for MH_FAULT_TYPE */
	uint16_t seq;	      /* BU, BA */
	uint16_t flags;	      /* BU: enum bu_flag; BA: enum ba_flag */
	uint8_t status;	      /* BA, BE */
	uint32_t lifetime_s;  /* BU, BA: a multiple of 4, up to 262140 */
	uint16_t nonce_index; /* HoT, CoT */
	uint8_t cookie[8];    /* HoTI, CoTI, HoT, CoT */
	uint8_t token[8];     /* HoT, CoT */
	struct in6_addr home; /* BE */
	struct mh_options opt;
};

struct mh_result {
	enum mh_fault fault;
	uint16_t offset; /* octet within the MH that a parameter problem points at; for MH_FAULT_OPTION that of the
			  * wrong length, 0 where it is not a length that is wrong */
};

/**
 * mh_parse() - octets to message, with the checks of RFC 6275 §9.2 except the checksum, in the RFC's order
 * @data, @len: the mobility header and whatever follows it; stays the caller's, and msg->opt.nai points into it
 * @msg: written whole; valid only where the fault is MH_OK (type also for MH_FAULT_TYPE)
 */
struct mh_result mh_parse(const uint8_t *data, size_t len, struct mh_msg *msg);

/**
 * mh_build() - message to octets, padded to 8, options aligned as RFC 6275 §6.2 asks, authenticator last and zero
 * @buf, @size: room; MH_MAX_LEN is always enough
 * @auth_offset: where the caller writes an authenticator (with opt.has_auth or opt.mn_ha.present); may be NULL
 *
 * Checksum is left zero: the kernel fills it, or mh_checksum(). A lifetime that is no multiple of 4 is rounded down,
 * one beyond 262140 s is clamped.
 *
 * Of authentication options @len and @spi count, not @offset.
 *
 * Return: length, or -EINVAL for an unknown type, for both kinds of authenticator (each must be the last), or for an
 * identifier or authentication data that no option can hold; -ENOSPC if @size is too small.
 */
int mh_build(const struct mh_msg *msg, uint8_t *buf, size_t size, uint16_t *auth_offset);

/* Checksum over pseudo-header and @len octets, as to be written; 0 if the one in place is right. RFC 6275 §6.1.1. */
uint16_t mh_checksum(const struct in6_addr *src, const struct in6_addr *dst, const uint8_t *data, size_t len);

/* "BU", or "type 9" in a static buffer. */
const char *mh_type_name(uint8_t type);

#endif
