// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Reasons and statuses as text, addresses as text, and the log: journal fields where stderr is the journal, else
 * stderr. */
#include "base.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

static const struct {
	const char *name, *text;
	enum reason_class class;
} reasons[] = {
#define REASON_ROW_(id, class, name, text) [id] = { name, text, REASON_CLASS_##class },
	REASONS(REASON_ROW_)
#undef REASON_ROW_
};

static struct {
	bool debug, journal;
} log_state;

const char *reason_name(enum reason why)
{
	return (unsigned int)why < ARRAY_SIZE(reasons) ? reasons[why].name : "unknown";
}

const char *reason_text(enum reason why)
{
	return (unsigned int)why < ARRAY_SIZE(reasons) ? reasons[why].text : "unknown";
}

enum reason_class reason_class(enum reason why)
{
	return (unsigned int)why < ARRAY_SIZE(reasons) ? reasons[why].class : REASON_CLASS_NOTE;
}

const char *ba_status_text(uint8_t status)
{
	static const char *const texts[256] = {
		[BA_ACCEPTED] = "accepted",
		[BA_ACCEPTED_PREFIX_DISCOVERY] = "accepted, prefix discovery necessary",
		[BA_UNSPECIFIED] = "reason unspecified",
		[BA_PROHIBITED] = "administratively prohibited",
		[BA_NO_RESOURCES] = "insufficient resources",
		[BA_NO_HOME_REGISTRATION] = "home registration not supported",
		[BA_NOT_HOME_SUBNET] = "not home subnet",
		[BA_NOT_HOME_AGENT] = "not home agent for this mobile node",
		[BA_DAD_FAILED] = "duplicate address detection failed",
		[BA_SEQUENCE] = "sequence number out of window",
		[BA_EXPIRED_HOME_NONCE] = "expired home nonce index",
		[BA_EXPIRED_CARE_OF_NONCE] = "expired care-of nonce index",
		[BA_EXPIRED_NONCES] = "expired nonces",
		[BA_TYPE_CHANGE] = "registration type change disallowed",
		[BA_ROUTER_NOT_PERMITTED] = "mobile router operation not permitted",
		[BA_ID_MISMATCH] = "timestamp out of window or not newer",
		[BA_ID_REQUIRED] = "timestamp required",
		[BA_AUTH_FAILED] = "authentication failed",
		[BA_BAD_CARE_OF] = "invalid care-of address",
	};

	return texts[status] ? texts[status] : "unknown status";
}

const char *addr_text(const struct in6_addr *addr)
{
	static char buffers[8][INET6_ADDRSTRLEN];
	static unsigned int next;
	char *buf = buffers[next++ % ARRAY_SIZE(buffers)];

	return inet_ntop(AF_INET6, addr, buf, INET6_ADDRSTRLEN) ? buf : "?";
}

bool addr_is_routable(const struct in6_addr *addr)
{
	return !IN6_IS_ADDR_UNSPECIFIED(addr) && !IN6_IS_ADDR_LOOPBACK(addr) && !IN6_IS_ADDR_MULTICAST(addr) &&
	       !IN6_IS_ADDR_LINKLOCAL(addr) && !IN6_IS_ADDR_V4MAPPED(addr);
}

bool addr_in_prefix(const struct in6_addr *addr, const struct in6_addr *prefix, unsigned int len)
{
	unsigned int octets = len / 8, bits = len % 8;

	if (len > 128 || memcmp(addr, prefix, octets) != 0)
		return false;
	return !bits || !((addr->s6_addr[octets] ^ prefix->s6_addr[octets]) >> (8 - bits));
}

/* systemd names the device and inode of the journal's socket; stderr is it, or has been redirected. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;
	char *end;

	if (!stream || fstat(STDERR_FILENO, &st))
		return false;
	dev = strtoull(stream, &end, 10);
	if (*end != ':')
		return false;
	ino = strtoull(end + 1, &end, 10);
	return dev == st.st_dev && ino == st.st_ino;
}

void log_open(bool debug)
{
	log_state.debug = debug;
	log_state.journal = stderr_is_journal();
}

void log_at(int priority, const char *format, ...)
{
	char line[1024];
	va_list args;

	if (priority >= 7 && !log_state.debug)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (log_state.journal)
		sd_journal_send("MESSAGE=%s", line, "PRIORITY=%i", priority, "SYSLOG_IDENTIFIER=mobgwd", NULL);
	else
		fprintf(stderr, "mobgwd: %s\n", line);
}
