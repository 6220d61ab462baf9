/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* cmocka with what our tables need: a failed row is named. */
#ifndef MOBGW_TEST_CHECK_H
#define MOBGW_TEST_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <arpa/inet.h>

#include "../../agent/base.h"

#define CHECK_CASE(i, expr)                                                                                            \
	do {                                                                                                           \
		if (!(expr))                                                                                           \
			fail_msg("row %zu: %s", (size_t)(i), #expr);                                                   \
	} while (0)

static inline struct in6_addr addr(const char *text)
{
	struct in6_addr a;

	if (inet_pton(AF_INET6, text, &a) != 1)
		fail_msg("no address: %s", text);
	return a;
}

#endif
