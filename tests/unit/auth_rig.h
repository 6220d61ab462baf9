/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Keys in a file of mode 0600, and messages signed apart from agent/auth.c, whose clock is the real one. */
#ifndef MOBGW_TEST_AUTH_RIG_H
#define MOBGW_TEST_AUTH_RIG_H

#include "check.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../agent/auth.h"

#define KEY_TEXT "00112233445566778899aabbccddeeff"
#define OTHER_KEY_TEXT "ffeeddccbbaa99887766554433221100"

enum { SPI = 0x1001 };

static char auth_file[] = "/tmp/mobgw-auth-XXXXXX";

static inline void auth_file_is(const char *text)
{
	FILE *file = fopen(auth_file, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	fclose(file);
}

/* The configuration asks for the option; the file is there from now on. */
static inline void auth_file_make(struct config *config, const char *text)
{
	int fd;

	memset(strchr(auth_file, '\0') - 6, 'X', 6);
	fd = mkstemp(auth_file); /* 0600 */
	assert_true(fd >= 0);
	close(fd);
	auth_file_is(text);
	config->auth = AUTH_OPTION;
	config->auth_option.keys = auth_file;
	config->auth_option.window_s = AUTH_WINDOW_S;
	config->auth_option.demand_timestamps = true;
}

static inline uint64_t auth_now(void)
{
	struct timespec wall;

	clock_gettime(CLOCK_REALTIME, &wall);
	return auth_time(&wall);
}

/* Octets of @msg with an option by @key; the length. */
static inline int auth_sign(const struct auth_key *key, const char *home, const struct in6_addr *care_of,
			    struct mh_msg msg, uint8_t *buf, size_t size)
{
	struct in6_addr of = addr(home);
	uint16_t offset = 0;
	int len;

	msg.opt.mn_ha = (struct mh_auth_option){ .present = true, .len = MH_AUTH_LEN, .spi = key->spi };
	len = mh_build(&msg, buf, size, &offset);
	assert_true(len > 0);
	assert_int_equal(auth_option_data(key, care_of, &of, buf, offset, buf + offset), 0);
	return len;
}

#endif
