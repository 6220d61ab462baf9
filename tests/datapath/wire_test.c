// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Where frames go: with BPF_F_TEST_XDP_LIVE_FRAMES the kernel does what the verdict says, and a packet socket on the
 * far end of each veth sees what comes out. An ordinary test run doesn't show where a redirect leads.
 */
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "packets.h"

enum { WAIT_MS = 2000 };

static int listen_on(const char *name)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(ETH_P_IPV6),
				  .sll_ifindex = (int)if_nametoindex(name) };
	int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_IPV6));

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

/* A redirect into a veth is lost unless its peer has XDP too (DESIGN §7): a program that passes everything. */
static void open_peer(struct rig *r, const char *name)
{
	assert_int_equal(bpf_xdp_attach((int)if_nametoindex(name), bpf_program__fd(r->xdp->progs.mobgw_clock),
					1U << 2 /* native */, NULL),
			 0);
}

/* Skips where the kernel knows no live frames (before 5.18). */
static void send_live(struct rig *r, const struct frame *in)
{
	struct frame copy = *in;
	struct xdp_md md = { .data_end = (uint32_t)in->len, .ingress_ifindex = r->lan };
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = copy.data, .data_size_in = (uint32_t)in->len, .ctx_in = &md,
		    .ctx_size_in = sizeof(md), .repeat = 1, .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = 1);

	if (bpf_prog_test_run_opts(bpf_program__fd(r->xdp->progs.mobgw_xdp), &run)) {
		print_message("SKIPPED: no live frames on this kernel: %s\n", strerror(errno));
		skip();
	}
}

/* @want comes out of @fd; other frames of the kernel's own are skipped. */
static void receive(int fd, const char *name, const struct frame *want)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	struct frame got = { .len = 0 };

	while (poll(&poll_fd, 1, WAIT_MS) == 1) {
		ssize_t len = recv(fd, got.data, sizeof(got.data), 0);

		got.len = len < 0 ? 0 : (size_t)len;
		if (got.len != want->len || memcmp(got.data, want->data, 12))
			continue;
		check_octets(name, want, &got);
		return;
	}
	fail_msg("%s: nothing came out", name);
}

static void frames_leave_by_the_interface_of_their_next_hop(void **state)
{
	struct rig *r = *state;
	struct frame in = datagram(CN, HOME1, 64), out = tunnelled(&in, FRAME_ETH, HOP_14, COA1), inner;
	int fd = listen_on("wanx");

	open_peer(r, "wanx");
	send_live(r, &in);
	receive(fd, "encapsulated, by the agent's table", &out);
	bind_home(r, HOME1, COA1, HOP_NO_REDIRECT, 0);
	send_live(r, &in);
	receive(fd, "encapsulated, by the kernel's table", &out);
	inner = datagram(HOME1, CN, 64);
	in = from_tunnel(&inner, COA1, HA);
	out = forwarded(&inner);
	send_live(r, &in);
	receive(fd, "decapsulated", &out);
	inner = datagram(HOME1, HOME2, 64);
	in = from_tunnel(&inner, COA1, HA);
	out = tunnelled(&inner, FRAME_ETH, HOP_14, COA2);
	send_live(r, &in);
	receive(fd, "re-encapsulated", &out);
	close(fd);
}

static void answers_go_back_where_the_question_came_from(void **state)
{
	struct rig *r = *state;
	struct frame in = kind_solicitation(), out;
	int fd = listen_on("lanx");

	open_peer(r, "lanx");
	rig_run(r, HOOK_XDP, &in);
	out = r->out; /* its octets: neighbour_test.c, too_big_test.c */
	send_live(r, &in);
	receive(fd, "advertisement", &out);
	in = kind_too_big();
	rig_run(r, HOOK_XDP, &in);
	out = r->out;
	send_live(r, &in);
	receive(fd, "packet too big", &out);
	close(fd);
}

static int udp_socket(void)
{
	struct sockaddr_in6 at = { .sin6_family = AF_INET6, .sin6_port = htons(5678) };
	int fd = socket(AF_INET6, SOCK_DGRAM, 0), on = 1;

	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, IPPROTO_IPV6, IPV6_RECVDSTOPTS, &on, sizeof(on)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

/* The stack takes what we made of the packet: source is the home address, our option behind it as ancillary data. */
static void the_kernel_hands_a_hidden_home_address_to_the_socket(void **state)
{
	struct rig *r = *state;
	struct frame in = optimised(COA1, HOME1), out = hidden(&in, HAO_AT);
	struct sockaddr_in6 from = { .sin6_family = AF_INET6 };
	struct in6_addr home = addr(HOME1);
	uint8_t data[256], control[256];
	struct iovec iov = { data, sizeof(data) };
	struct msghdr msg = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *options;
	int fd = udp_socket();
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	msg.msg_control = control;
	msg.msg_controllen = sizeof(control);
	send_live(r, &in);
	assert_int_equal(poll(&poll_fd, 1, WAIT_MS), 1);
	assert_int_equal(recvmsg(fd, &msg, 0), 32);
	assert_memory_equal(&from.sin6_addr, &home, 16);
	options = CMSG_FIRSTHDR(&msg);
	assert_non_null(options);
	assert_int_equal(options->cmsg_type, IPV6_DSTOPTS);
	assert_memory_equal(CMSG_DATA(options), out.data + FRAME_ETH + IP6_HDR_LEN, 24);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(frames_leave_by_the_interface_of_their_next_hop),
		RIG_TEST(answers_go_back_where_the_question_came_from),
		RIG_TEST(the_kernel_hands_a_hidden_home_address_to_the_socket),
	};

	return cmocka_run_group_tests_name("on the wire", tests, rig_open, rig_close);
}
