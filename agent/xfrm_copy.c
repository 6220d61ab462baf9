// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One state asked for, and another made of it. Its keys pass through a buffer that is wiped. IPSEC.md §4. */
#include "xfrm_priv.h"

#include <errno.h>
#include <sys/socket.h>

struct asked {
	uint8_t *copy; /* of the answer; XFRM_READ_BUF */
	bool found;
};

static int on_answer(const struct nlmsghdr *msg, void *arg)
{
	struct asked *asked = arg;
	struct xfrm_state_spec state;

	if (msg->nlmsg_type != XFRM_MSG_NEWSA || !xfrm_get_state(msg, &state) || msg->nlmsg_len > XFRM_READ_BUF)
		return MNL_CB_OK;
	memcpy(asked->copy, msg, msg->nlmsg_len);
	asked->found = true;
	return MNL_CB_STOP;
}

static struct nlmsghdr *put_question(void *buf, const struct in6_addr *dst, uint32_t spi)
{
	struct nlmsghdr *msg = mnl_nlmsg_put_header(buf);
	struct xfrm_usersa_id *id;

	msg->nlmsg_type = XFRM_MSG_GETSA;
	msg->nlmsg_flags = NLM_F_REQUEST;
	msg->nlmsg_seq = 1;
	id = mnl_nlmsg_put_extra_header(msg, sizeof(*id));
	memcpy(id->daddr.a6, dst, sizeof(*dst));
	id->spi = htonl(spi);
	id->family = AF_INET6;
	id->proto = IPPROTO_ESP;
	return msg;
}

/* A socket of its own: events and answers to changes are not among it. @buf, @copy: XFRM_READ_BUF. */
static int ask(const struct in6_addr *dst, uint32_t spi, uint8_t *buf, struct asked *asked)
{
	struct mnl_socket *sock = mnl_socket_open2(NETLINK_XFRM, SOCK_CLOEXEC);
	struct nlmsghdr *msg = put_question(buf, dst, spi);
	ssize_t got;
	int err = 0;

	if (!sock)
		return -errno;
	if (mnl_socket_bind(sock, 0, MNL_SOCKET_AUTOPID) < 0 || mnl_socket_sendto(sock, msg, msg->nlmsg_len) < 0) {
		err = -errno;
	} else {
		got = mnl_socket_recvfrom(sock, buf, XFRM_READ_BUF);
		if (got < 0 || mnl_cb_run(buf, got, 1, mnl_socket_get_portid(sock), on_answer, asked) < 0)
			err = -errno;
	}
	mnl_socket_close(sock);
	return err ? err : asked->found ? 0 : -ESRCH;
}

bool xfrm_state_there(struct xfrm *x, const struct in6_addr *dst, uint32_t spi)
{
	static uint8_t buf[XFRM_READ_BUF], copy[XFRM_READ_BUF];
	int err = ask(dst, spi, buf, &(struct asked){ .copy = copy });

	explicit_bzero(buf, sizeof(buf));
	explicit_bzero(copy, sizeof(copy));
	return !err;
}

/* A kernel in lockdown shows zeroes for keys: a copy would have keys that everybody knows. */
static bool is_hidden(const struct nlmsghdr *msg)
{
	static const uint8_t zero[XFRM_KEY_MAX];
	struct xfrm_state_spec state = {};
	bool hidden;

	xfrm_get_keys(msg, &state);
	hidden = !state.alg.cipher_octets || !memcmp(state.cipher_key, zero, state.alg.cipher_octets) ||
		 (state.alg.hash_octets && !memcmp(state.hash_key, zero, state.alg.hash_octets));
	explicit_bzero(&state, sizeof(state));
	return hidden;
}

int xfrm_state_copy(struct xfrm *x, const struct in6_addr *dst, uint32_t spi, const struct in6_addr *to)
{
	static uint8_t buf[XFRM_READ_BUF], copy[XFRM_READ_BUF];
	struct nlmsghdr *msg = (struct nlmsghdr *)copy;
	int err = ask(dst, spi, buf, &(struct asked){ .copy = copy });

	if (!err && msg->nlmsg_len > XFRM_MESSAGE_MAX)
		err = -EMSGSIZE;
	if (!err && is_hidden(msg))
		err = -ENOKEY;
	if (!err) {
		struct xfrm_usersa_info *info = mnl_nlmsg_get_payload(msg);

		memcpy(info->id.daddr.a6, to, sizeof(*to));
		msg->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
		err = xfrm_send_now(x, msg);
	}
	explicit_bzero(buf, sizeof(buf));
	explicit_bzero(copy, sizeof(copy));
	return err;
}
