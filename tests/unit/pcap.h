/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The IPv6 packets of a classic pcap file of Ethernet frames, for the captures of a real peer. */
#ifndef MOBGW_TEST_PCAP_H
#define MOBGW_TEST_PCAP_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Calls @fn for each; returns how many there were, -1 where the file can't be read. */
static inline int pcap_for_each(const char *path, void (*fn)(const uint8_t *packet, size_t len, void *arg), void *arg)
{
	uint8_t head[24], frame[65536];
	FILE *file = fopen(path, "rb");
	uint32_t record[4];
	int count = 0;

	if (!file || fread(head, sizeof(head), 1, file) != 1) {
		if (file)
			fclose(file);
		return -1;
	}
	while (fread(record, sizeof(record), 1, file) == 1 && record[2] <= sizeof(frame) &&
	       fread(frame, 1, record[2], file) == record[2]) {
		if (record[2] <= 14 || frame[12] != 0x86 || frame[13] != 0xdd)
			continue;
		fn(frame + 14, record[2] - 14, arg);
		count++;
	}
	fclose(file);
	return count;
}

#endif
