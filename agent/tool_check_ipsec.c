// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What signalling under ESP needs: the kernel's ESP and ciphers, the files of keys, strongSwan where it is asked for.
 */
#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "auth_keys.h"
#include "ike_secrets.h"
#include "ipsec_keys.h"
#include "tool_check.h"

/* Documentation addresses (RFC 3849), and an SPI that is gone again at once. */
static const struct in6_addr probe_src = { .s6_addr = { 0x20, 1, 0xd, 0xb8, 0xff, 0xff, [15] = 1 } };
static const struct in6_addr probe_dst = { .s6_addr = { 0x20, 1, 0xd, 0xb8, 0xff, 0xff, [15] = 2 } };
enum { PROBE_SPI = 0xFFFFFFFE };

/* Whether the kernel takes a state of that suite. 0, -errno. */
static int probe(struct xfrm *x, const struct ipsec_suite *suite)
{
	struct xfrm_state_spec state = { .src = probe_src, .dst = probe_dst, .spi = PROBE_SPI, .alg = suite->alg };
	int err;

	memset(state.cipher_key, 1, sizeof(state.cipher_key));
	memset(state.hash_key, 2, sizeof(state.hash_key));
	xfrm_state_add(x, &state);
	err = xfrm_commit(x, NULL, NULL);
	if (!err) {
		xfrm_state_delete(x, &probe_dst, PROBE_SPI);
		xfrm_commit(x, NULL, NULL);
	}
	return err;
}

static void check_esp(struct check *check)
{
	struct xfrm *x;
	int err = xfrm_open(&x), bad = 0;

	for (const struct ipsec_suite *suite = ipsec_suites; !err && !bad && suite->name; suite++) {
		bad = probe(x, suite);
		if (bad == -EPERM)
			check_say(check, CHECK_WARN, "esp", "not allowed to look; run it as root");
		else if (bad)
			check_say(check, CHECK_FAIL, "esp", "the kernel takes no state of %s: %s", suite->name,
				  strerror(-bad));
	}
	if (err)
		check_say(check, CHECK_FAIL, "esp", "the kernel has no XFRM: %s", strerror(-err));
	else
		xfrm_close(x);
	if (!err && !bad)
		check_say(check, CHECK_OK, "esp", "the kernel has ESP for IPv6 with every suite");
	else if (bad != -EPERM)
		check_cure(check, "modprobe -a xfrm_user esp6 drbg");
}

/* Sockets keep their segmentation offload through XFRM only with it; the kernel doesn't load it by itself. */
static void check_offload(struct check *check)
{
	if (!access("/sys/module/esp6_offload", F_OK)) {
		check_say(check, CHECK_OK, "esp-offload", "esp6_offload is loaded");
		return;
	}
	check_say(check, CHECK_INFO, "esp-offload",
		  "esp6_offload isn't loaded: TCP from this host itself goes under ESP at less than half the speed");
	check_cure(check, "modprobe esp6_offload; echo esp6_offload > /etc/modules-load.d/mobgw.conf");
}

/* @err of a loader, which wrote to @said. */
static void say_file(struct check *check, const char *path, int err, const char *said)
{
	if (!err) {
		check_say(check, CHECK_OK, "keys", "%s is in order", path);
		return;
	}
	check_say(check, CHECK_FAIL, "keys", "%.*s", (int)strcspn(said, "\n"), *said ? said : strerror(-err));
	if (err == -EPERM)
		check_cure(check, "chown root %s && chmod 0600 %s", path, path);
	else if (err == -ENOENT && check->config->ipsec.keys)
		check_cure(check, "mobgw keys generate --output %s HOME-ADDRESS...", path);
}

static void check_files(struct check *check)
{
	const struct config *config = check->config;
	char said[512] = "";
	FILE *errors = fmemopen(said, sizeof(said) - 1, "w");
	struct ike_secrets *secrets = NULL;
	struct ipsec_keys *keys = NULL;
	struct auth_keys *auth = NULL;
	const char *path = NULL;
	int err = 0;

	if (!errors)
		return;
	if (config->auth == AUTH_OPTION)
		err = auth_keys_load(path = config->auth_option.keys, &auth, errors);
	else if (config->ipsec.keys)
		err = ipsec_keys_load(path = config->ipsec.keys, &keys, errors);
	else if (config->ipsec.secrets)
		err = ike_secrets_load(path = config->ipsec.secrets, &secrets, errors);
	fclose(errors);
	if (path)
		say_file(check, path, err, said);
	auth_keys_free(auth);
	ipsec_keys_free(keys);
	ike_secrets_free(secrets);
}

static void check_charon(struct check *check)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *path = check->config->ipsec.ike_socket;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(address.sun_path, path, strnlen(path, sizeof(address.sun_path) - 1));
	if (fd >= 0 && !connect(fd, (struct sockaddr *)&address, sizeof(address))) {
		check_say(check, CHECK_OK, "strongswan", "charon listens at %s", path);
	} else {
		check_say(check, CHECK_FAIL, "strongswan", "no charon at %s: %s", path, strerror(errno));
		check_cure(check, "apt-get install charon-systemd && systemctl start strongswan");
	}
	if (fd >= 0)
		close(fd);
}

void check_ipsec(struct check *check)
{
	const struct config *config = check->config;

	if (!config || config->roles == ROLE_CORRESPONDENT || config->auth == AUTH_NONE)
		return;
	check_files(check);
	if (config->auth != AUTH_IPSEC)
		return;
	check_esp(check);
	if (config->ipsec.payload == PAYLOAD_PROTECTED)
		check_offload(check);
	if (config->ipsec.ike_socket)
		check_charon(check);
}
