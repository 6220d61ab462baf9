// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What ESP is made of, by the words that operators write: RFC 4106, RFC 3602, RFC 4868, RFC 2404. */
#include "ipsec_keys.h"

const char *const ipsec_child_names[IPSEC_CHILDREN] = {
	[IPSEC_SIGNALLING] = "signalling",
	[IPSEC_HOME_TEST] = "home-test",
	[IPSEC_PAYLOAD] = "payload",
};

#define GCM(bits)                                                                                                      \
	{                                                                                                              \
		"aes" #bits "-gcm",                                                                                    \
		{                                                                                                      \
			.aead = "rfc4106(gcm(aes))", .icv_bits = 128, .cipher_octets = (bits) / 8 + 4                  \
		}                                                                                                      \
	}
#define CBC(bits, name, hmac, kept, octets)                                                                            \
	{                                                                                                              \
		"aes" #bits "-" name,                                                                                  \
		{                                                                                                      \
			.cipher = "cbc(aes)", .hash = hmac, .hash_bits = kept, .cipher_octets = (bits) / 8,            \
			.hash_octets = octets                                                                          \
		}                                                                                                      \
	}

const struct ipsec_suite ipsec_suites[] = {
	GCM(128),
	GCM(256),
	CBC(128, "sha256", "hmac(sha256)", 128, 32),
	CBC(256, "sha256", "hmac(sha256)", 128, 32),
	CBC(128, "sha1", "hmac(sha1)", 96, 20),
	CBC(256, "sha1", "hmac(sha1)", 96, 20),
	{},
};
