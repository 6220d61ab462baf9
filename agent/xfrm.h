/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel's XFRM over netlink: policies, states, their events, migration. Knows nothing of mobility. Like the rest
 * of the kernel layer (kernel.h) it returns 0 or -errno, and unit tests of what stands above link a fake of it. Keys
 * pass through and are wiped from every buffer.
 */
#ifndef MOBGW_XFRM_H
#define MOBGW_XFRM_H

#include <systemd/sd-event.h>

#include "base.h"

struct xfrm;

enum xfrm_way { XFRM_WAY_IN, XFRM_WAY_OUT, XFRM_WAY_FWD };

/* Addresses and an upper layer protocol; never a mobility header type (IPSEC.md §1). */
struct xfrm_selector_spec {
	struct in6_addr src, dst; /* host part zero */
	uint8_t src_len, dst_len; /* 0: any address */
	uint8_t proto;		  /* 0: any */
	bool has_type;		  /* proto 58 alone: ICMPv6 type */
	uint8_t type;
};

struct xfrm_policy_spec {
	enum xfrm_way way;
	struct xfrm_selector_spec sel;
	uint32_t priority;	  /* the least wins */
	bool allow;		  /* no template: let pass in clear; the rest is not looked at */
	bool block;		  /* from the kernel: lets nothing pass; never ours */
	bool optional;		  /* level use: what comes in clear passes too */
	bool tunnel;		  /* ESP tunnel mode, else transport */
	struct in6_addr src, dst; /* of the template, with tunnel; unspecified: any */
	uint32_t reqid;
	uint8_t row; /* the caller's own, of no meaning here */
};

/* Algorithms by the kernel's names. Either an AEAD, or cipher and hash. */
struct xfrm_algorithms {
	const char *aead;	/* "rfc4106(gcm(aes))"; NULL: the two below */
	uint16_t icv_bits;	/* of the AEAD */
	const char *cipher;	/* "cbc(aes)" */
	const char *hash;	/* "hmac(sha256)" */
	uint16_t hash_bits;	/* truncated to; 128 for SHA-256 */
	uint16_t cipher_octets; /* of the key; of the AEAD with its salt */
	uint16_t hash_octets;
};

enum { XFRM_KEY_MAX = 64 };

struct xfrm_state_spec {
	uint64_t added_s; /* from a dump: when, in seconds of the wall's clock */
	struct in6_addr src, dst;
	uint32_t spi, reqid; /* host order */
	bool tunnel;
	bool expires;		       /* from a dump: it has a hard limit of time; ours have none */
	struct xfrm_selector_spec sel; /* src_len and dst_len 0, proto 0: none */
	uint32_t mark;		       /* output-mark: what the packet carries once out of it; 0: none */
	uint32_t replay_window;	       /* 0: none */
	uint32_t first_seq;	       /* of an outbound one */
	struct xfrm_algorithms alg;    /* from a dump: lengths without names */
	/* The caller wipes. From a dump: zero where the kernel keeps them to itself (lockdown); from an event: zero. */
	uint8_t cipher_key[XFRM_KEY_MAX], hash_key[XFRM_KEY_MAX];
};

struct xfrm_handlers {
	void *arg;
	/* A state came (also one that a rekeying or a migration changed) or went, whoever did it; expired for good:
	 * went. */
	void (*on_state)(void *arg, const struct xfrm_state_spec *state, bool present);
	/* A packet wants a state of that reqid and there is none; the packet is lost. @src, @dst: of the packet. */
	void (*on_acquire)(void *arg, uint32_t reqid, const struct in6_addr *src, const struct in6_addr *dst);
	/* A policy came, or another stands in its place now. */
	void (*on_policy_set)(void *arg, const struct xfrm_policy_spec *policy);
	/* A policy went, whoever took it away. */
	void (*on_policy_gone)(void *arg, enum xfrm_way way, const struct xfrm_selector_spec *sel);
	/* Events were lost: dump again. */
	void (*on_overrun)(void *arg);
};

/* -EPROTONOSUPPORT: the kernel has no XFRM. */
int xfrm_open(struct xfrm **out);
void xfrm_close(struct xfrm *x);
/* Calls @handlers from the loop from now on; @handlers stays the caller's. Open it before dumping: nothing is missed.
 */
int xfrm_watch(struct xfrm *x, sd_event *loop, const struct xfrm_handlers *handlers);

/*
 * Changes are queued and sent in large batches; xfrm_commit() sends what is left and waits for the kernel's word on all
 * of them. Errors are told by @failed, in the order of the changes, with the number that the change's call returned (0
 * on); NULL: none wanted. xfrm_commit() returns the first error, 0 where there is none.
 */
typedef void (*xfrm_failed_fn)(void *arg, size_t number, int err);
size_t xfrm_policy_set(struct xfrm *x, const struct xfrm_policy_spec *policy,
		       bool replace); /* else -EEXIST where it is */
size_t xfrm_policy_delete(struct xfrm *x, enum xfrm_way way, const struct xfrm_selector_spec *sel);
size_t xfrm_state_add(struct xfrm *x, const struct xfrm_state_spec *state);
size_t xfrm_state_delete(struct xfrm *x, const struct in6_addr *dst, uint32_t spi);
/* At once, without the queue: another of the same SPI, keys, numbers and window, for another destination. -ESRCH: it is
 * not there; -ENOKEY: the kernel keeps its keys to itself. */
int xfrm_state_copy(struct xfrm *x, const struct in6_addr *dst, uint32_t spi, const struct in6_addr *to);
/* Is it there now? */
bool xfrm_state_there(struct xfrm *x, const struct in6_addr *dst, uint32_t spi);
int xfrm_commit(struct xfrm *x, xfrm_failed_fn failed, void *arg);

/* Everything that is there, whosever; only ESP states and IPv6. */
int xfrm_dump_policies(struct xfrm *x, void (*fn)(void *arg, const struct xfrm_policy_spec *policy), void *arg);
int xfrm_dump_states(struct xfrm *x, void (*fn)(void *arg, const struct xfrm_state_spec *state), void *arg);

/*
 * A tunnel-mode policy and its states go over from one pair of endpoints to another, sequence numbers and windows kept;
 * with @local and @remote (both or neither) key managers hear of it too (XFRMA_KMADDRESS). RFC 4877; IPSEC.md §4.
 * Return: 0; -ENODATA: no such state, or moved already.
 */
struct xfrm_migration {
	enum xfrm_way way;
	struct xfrm_selector_spec sel;
	uint32_t reqid;
	struct in6_addr old_src, old_dst, new_src, new_dst;
	bool transport;			       /* nothing stands there that could move: only key managers are told */
	const struct in6_addr *local, *remote; /* of the key manager; NULL: it isn't told */
};
int xfrm_migrate(struct xfrm *x, const struct xfrm_migration *m);

#endif
