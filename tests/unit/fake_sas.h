/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What datapath_sas.c does, without a data path: a part of fake_kernel.h. */
#ifndef MOBGW_TEST_FAKE_SAS_H
#define MOBGW_TEST_FAKE_SAS_H

#ifndef MOBGW_TEST_FAKE_KERNEL_H
#error "include fake_kernel.h"
#endif

enum { FAKE_SAS = 64 };

static struct fake_sas {
	struct {
		struct sa_key key;
		struct sa entry;
		bool there;
	} sas[FAKE_SAS];
	bool ipsec;
	uint16_t (*protection)(void *arg, const struct in6_addr *home);
	void *protection_arg;
} fake_sas;

int datapath_ipsec_set(struct datapath *dp, bool wanted)
{
	fake_sas.ipsec = wanted;
	return 0;
}

void datapath_protection(struct datapath *dp, uint16_t (*fn)(void *arg, const struct in6_addr *home), void *arg)
{
	fake_sas.protection = fn;
	fake_sas.protection_arg = arg;
}

/* Its place, or the first free one; FAKE_SAS: neither. */
static inline size_t fake_sa(const struct sa_key *key)
{
	size_t free_at = FAKE_SAS;

	for (size_t i = FAKE_SAS; i-- > 0;) {
		if (fake_sas.sas[i].there && !memcmp(&fake_sas.sas[i].key, key, sizeof(*key)))
			return i;
		if (!fake_sas.sas[i].there)
			free_at = i;
	}
	return free_at;
}

/* What stands in the data path; NULL: nothing. @spi in host order. */
static inline const struct sa *fake_sa_entry(const char *dst, uint32_t spi)
{
	struct sa_key key = { .dst = addr(dst), .spi = htonl(spi) };
	size_t i = fake_sa(&key);

	return i < FAKE_SAS && fake_sas.sas[i].there ? &fake_sas.sas[i].entry : NULL;
}

int datapath_sa_set(struct datapath *dp, const struct sa_key *key, const struct sa *entry)
{
	size_t i = fake_sa(key);

	if (i == FAKE_SAS)
		return -E2BIG;
	fake_sas.sas[i].key = *key;
	fake_sas.sas[i].entry = *entry;
	fake_sas.sas[i].there = true;
	return 0;
}

int datapath_sa_delete(struct datapath *dp, const struct sa_key *key)
{
	size_t i = fake_sa(key);

	if (i < FAKE_SAS)
		fake_sas.sas[i].there = false;
	return 0;
}

int datapath_sas_keep(struct datapath *dp, bool (*keep)(void *arg, const struct sa_key *key, const struct sa *entry),
		      void *arg)
{
	for (size_t i = 0; i < FAKE_SAS; i++)
		if (fake_sas.sas[i].there && !keep(arg, &fake_sas.sas[i].key, &fake_sas.sas[i].entry))
			fake_sas.sas[i].there = false;
	return 0;
}

#endif
