/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What every file of the agent stands on: time, reasons as text, log macros, small helpers. Includes nothing of ours
 * but headers/. */
#ifndef MOBGW_BASE_H
#define MOBGW_BASE_H

#include <linux/types.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "../headers/mip6.h"
#include "../headers/shared.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Monotonic time. A struct, so that wall-clock time or a duration can't be mixed in by accident. */
struct mono {
	int64_t ns;
};

static inline struct mono mono_add_ms(struct mono t, int64_t ms)
{
	return (struct mono){ t.ns + ms * 1000000 };
}

static inline struct mono mono_add_s(struct mono t, int64_t s)
{
	return mono_add_ms(t, s * 1000);
}

static inline bool mono_before(struct mono a, struct mono b)
{
	return a.ns < b.ns;
}

static inline bool addr_equal(const struct in6_addr *a, const struct in6_addr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* log.c */

/* An address as text, in one of a few static buffers: good for one log line, not for keeping. */
const char *addr_text(const struct in6_addr *addr);

/* Unicast and routable (RFC 6275 §9.5.1): not unspecified, loopback, multicast, link-local, or IPv4-mapped. */
bool addr_is_routable(const struct in6_addr *addr);

/* Whether @addr lies in @prefix/@len; @len 0..128. */
bool addr_in_prefix(const struct in6_addr *addr, const struct in6_addr *prefix, unsigned int len);

/* Name ("tunnel-no-binding"), sentence and class of a reason; "unknown" beyond the list. */
const char *reason_name(enum reason why);
const char *reason_text(enum reason why);
enum reason_class reason_class(enum reason why);

/* Text of a BA status, "sequence number out of window" (RFC 6275 §6.1.8). Never NULL. */
const char *ba_status_text(uint8_t status);

/*
 * Logging. log_open() once at start: journal fields when stderr is the journal, else stderr. Debug lines only with
 * @debug. Messages name part, action, object, cause: "xfrm: add policy for 2001:db8::1: Permission denied".
 */
void log_open(bool debug);
void log_at(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));
#define log_error(...) log_at(3, __VA_ARGS__)
#define log_warn(...) log_at(4, __VA_ARGS__)
#define log_info(...) log_at(6, __VA_ARGS__)
#define log_debug(...) log_at(7, __VA_ARGS__)

#endif
