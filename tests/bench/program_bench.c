// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Program benchmark: nanoseconds of CPU per packet by BPF_PROG_TEST_RUN, net of an empty program, everything in one run
 * and as ratios to one bpf_fib_lookup(). Outputs are asserted before anything is timed. Needs root; works in a network
 * namespace of its own. Prints a table, with --json one document.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "../../agent/base.h"
#include "../../agent/rr.c" /* pure, and linked with nothing else of the agent's */
#include "tests/bench/bench.skel.h"

enum { ROUNDS = 9, REPEAT = 1000000, SLOTS = 1 << 21, PROBES = 64 };

static struct bench_bpf *skel;
static int ifindex;
static __u8 frame[14 + 40 + 64], test_init[14 + 40 + 16];
static const struct input {
	__u8 *data;
	__u32 len;
} datagrams = { frame, sizeof(frame) }, test_inits = { test_init, sizeof(test_init) };
static struct rr_nonce secret;
static const __u8 our_mac[6] = { 2, 0, 0, 0, 0, 1 }, their_mac[6] = { 2, 0, 0, 0, 0, 2 };

static void die(const char *what, int err)
{
	fprintf(stderr, "program_bench: %s: %s\n", what, strerror(err < 0 ? -err : err));
	exit(1);
}

static void sh(const char *command)
{
	if (system(command)) {
		fprintf(stderr, "program_bench: failed: %s\n", command);
		exit(1);
	}
}

static struct in6_addr home_number(__u32 n)
{
	struct in6_addr a = { .s6_addr = { 0x20, 1, 0xd, 0xb8, 0, 1 } };

	a.s6_addr32[3] = htonl(n);
	return a;
}

static void set(struct bpf_map *map, const void *key, const void *value)
{
	int err = bpf_map_update_elem(bpf_map__fd(map), key, value, BPF_ANY);

	if (err)
		die(bpf_map__name(map), err);
}

static __u32 table_hash(const struct in6_addr *home)
{
	__u64 q[2], h;

	memcpy(q, home, 16);
	h = (q[0] ^ (q[1] * 0x9E3779B97F4A7C15ULL)) * 0xBF58476D1CE4E5B9ULL;
	return h >> 40;
}

/* Home addresses 1..@count in both tables. */
static void fill(__u32 from, __u32 count)
{
	size_t size = (size_t)SLOTS * sizeof(struct binding);
	struct binding *slots = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(skel->maps.table), 0);

	if (slots == MAP_FAILED)
		die("mmap table", errno);
	for (__u32 n = from; n <= count; n++) {
		struct binding b = {
			.home = home_number(n), .expires = UINT64_MAX, .nexthop = 1, .flags = BINDING_HOME_AGENT
		};

		inet_pton(AF_INET6, "2001:db8:f1::2", &b.care_of);
		set(skel->maps.bindings, &b.home, &b);
		for (__u32 i = 0;; i++) {
			struct binding *slot = &slots[(table_hash(&b.home) + i) & (SLOTS - 1)];

			if (IN6_IS_ADDR_UNSPECIFIED(&slot->home)) {
				if (i < PROBES)
					*slot = b;
				else
					die("table: no slot within the probes", ENOSPC);
				break;
			}
		}
	}
	munmap(slots, size);
}

static void make_state(void)
{
	__u32 zero = 0, one = 1, key = ifindex, local = LOCAL_ADDR | LOCAL_TUNNEL_ENDPOINT;
	struct settings settings = { .heartbeat = UINT64_MAX / 2, .nonce = 1 };
	struct timespec tick;
	struct port port = { .mtu = 1500, .flags = PORT_REDIRECT };
	struct nexthop hop = {
		.ifindex = ifindex, .mtu = 1500, .l2_len = 14, .flags = NEXTHOP_VALID | NEXTHOP_REDIRECT
	};

	clock_getres(CLOCK_MONOTONIC_COARSE, &tick);
	settings.hz = 1000000000 / tick.tv_nsec;
	inet_pton(AF_INET6, "2001:db8:2::1", &settings.agent);
	memcpy(port.mac, our_mac, 6);
	memcpy(port.router, their_mac, 6);
	memcpy(hop.l2, their_mac, 6);
	memcpy(hop.l2 + 6, our_mac, 6);
	hop.l2[12] = 0x86;
	hop.l2[13] = 0xdd;
	set(skel->maps.settings, &zero, &settings);
	set(skel->maps.ports, &key, &port);
	set(skel->maps.nexthops, &one, &hop);
	set(skel->maps.local_addrs, &settings.agent, &local);
	fill(1, 1);
}

static uint64_t jiffies_now(void)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame), .repeat = 1);
	__u32 zero = 0;
	uint64_t now = 0;
	int err = bpf_prog_test_run_opts(bpf_program__fd(skel->progs.mobgw_clock), &opts);

	if (!err)
		err = bpf_map_lookup_elem(bpf_map__fd(skel->maps.clock), &zero, &now);
	if (err)
		die("clock", err);
	return now;
}

/* The nonce to give out, for NONCE_ANSWER_S from now. */
static void renew_nonce(void)
{
	struct nonce n = { .made = jiffies_now(), .index = 16, .used = 1 };
	__u32 zero = 0;

	for (int i = 0; i < RR_KEY_LEN; i++)
		secret.kcn[i] = 7 * i + 1;
	for (int i = 0; i < RR_NONCE_LEN; i++)
		secret.value[i] = 11 * i + 2;
	memcpy(n.kcn, secret.kcn, sizeof(n.kcn));
	memcpy(n.value, secret.value, sizeof(n.value));
	if (rr_midstates(n.kcn, n.inner, n.outer))
		die("rr_midstates", EIO);
	set(skel->maps.nonces, &zero, &n);
}

static void make_frame(void)
{
	struct mip6_ipv6 ip = {
		.ver_tc_flow = htonl(6U << 28), .payload_len = htons(64), .nexthdr = NH_UDP, .hop_limit = 60
	};

	inet_pton(AF_INET6, "2001:db8:c::2", &ip.src);
	ip.dst = home_number(1);
	memcpy(frame, our_mac, 6);
	memcpy(frame + 6, their_mac, 6);
	frame[12] = 0x86;
	frame[13] = 0xdd;
	memcpy(frame + 14, &ip, sizeof(ip));
	for (int i = 0; i < 64; i++)
		frame[54 + i] = i;
}

/* One's complement sum over a mobility header and its pseudo-header, RFC 6275 §6.1.1: 0 where it holds the right one.
 */
static uint16_t sum_of_mh(const __u8 *ip, size_t len)
{
	uint32_t sum = NH_MH + len;

	for (size_t i = 8; i < 40 + len; i += 2)
		sum += ip[i] << 8 | ip[i + 1];
	sum = (sum & 0xFFFF) + (sum >> 16);
	return ~((sum & 0xFFFF) + (sum >> 16));
}

static void make_test_init(void)
{
	struct mip6_ipv6 ip = {
		.ver_tc_flow = htonl(6U << 28), .payload_len = htons(16), .nexthdr = NH_MH, .hop_limit = 60
	};
	static const __u8 mh[16] = { NH_NONE, 1, MH_HOTI, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8 };
	uint16_t sum;

	inet_pton(AF_INET6, "2001:db8:c::2", &ip.src);
	inet_pton(AF_INET6, "2001:db8:2::1", &ip.dst);
	memcpy(test_init, frame, 14);
	memcpy(test_init + 14, &ip, sizeof(ip));
	memcpy(test_init + 54, mh, sizeof(mh));
	sum = htons(sum_of_mh(test_init + 14, sizeof(mh)));
	memcpy(test_init + 58, &sum, 2);
}

/* Return: ns per run; asserts the return value, and where @out is given the packet. */
static double run(struct bpf_program *prog, const struct input *in, __u32 want, int repeat, __u8 *out, __u32 *out_len)
{
	struct xdp_md ctx = { .data_end = in->len, .ingress_ifindex = ifindex };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in->data, .data_size_in = in->len, .data_out = out,
		    .data_size_out = out ? *out_len : 0, .ctx_in = &ctx, .ctx_size_in = sizeof(ctx), .repeat = repeat);
	int err = bpf_prog_test_run_opts(bpf_program__fd(prog), &opts);

	if (err)
		die(bpf_program__name(prog), err);
	if (opts.retval != want) {
		fprintf(stderr, "program_bench: %s returned %u, expected %u\n", bpf_program__name(prog), opts.retval,
			want);
		exit(1);
	}
	if (out)
		*out_len = opts.data_size_out;
	return opts.duration;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(struct bpf_program *prog, const struct input *in)
{
	double t[ROUNDS];

	run(prog, in, XDP_PASS, REPEAT / 10, NULL, NULL); /* warm */
	for (int i = 0; i < ROUNDS; i++)
		t[i] = run(prog, in, XDP_PASS, REPEAT, NULL, NULL);
	qsort(t, ROUNDS, sizeof(*t), by_size);
	return t[ROUNDS / 2];
}

/* The real program's output, octet by octet; and that the benchmark build gives the packet back as it was. */
static void assert_outputs(void)
{
	__u8 out[512], want[14 + 40 + 40 + 64];
	__u32 len = sizeof(out);
	struct mip6_ipv6 outer;

	run(skel->progs.mobgw_xdp, &datagrams, XDP_REDIRECT, 1, out, &len);
	memcpy(&outer, out + 14, sizeof(outer));
	memcpy(want, their_mac, 6);
	memcpy(want + 6, our_mac, 6);
	memcpy(want + 12, "\x86\xdd", 2);
	memcpy(want + 54, frame + 14, 104);
	want[54 + 7]--; /* hop limit */
	if (len != sizeof(want) || memcmp(out, want, 14) || memcmp(out + 54, want + 54, 104) ||
	    outer.nexthdr != NH_IPV6 || outer.hop_limit != 64 || ntohs(outer.payload_len) != 104 ||
	    ntohl(outer.ver_tc_flow) >> 28 != 6) {
		fprintf(stderr, "program_bench: mobgw_xdp did not encapsulate as expected\n");
		exit(1);
	}
	len = sizeof(out);
	run(skel->progs.bench_encapsulate, &datagrams, XDP_PASS, 3, out, &len);
	if (len != sizeof(frame) || memcmp(out, frame, 6) || memcmp(out + 12, frame + 12, sizeof(frame) - 12)) {
		fprintf(stderr, "program_bench: the benchmark build did not undo its edit\n");
		exit(1);
	}
	run(skel->progs.bench_fib, &datagrams, XDP_PASS, 1, NULL, NULL);
}

/* The real program's answer, with the token as OpenSSL has it; and that the benchmark build draws and answers. */
static void assert_test_init(void)
{
	__u8 out[512], want[14 + 40 + 24];
	__u32 len = sizeof(out);

	renew_nonce();
	run(skel->progs.mobgw_xdp, &test_inits, XDP_REDIRECT, 1, out, &len);
	memcpy(want, their_mac, 6);
	memcpy(want + 6, our_mac, 6);
	memcpy(want + 12, "\x86\xdd\x60\0\0\0\0\x18\x87\x40", 10);
	memcpy(want + 22, test_init + 38, 16);
	memcpy(want + 38, test_init + 22, 16);
	memcpy(want + 54, "\x3b\x02\x03\0\0\0\0\x10", 8);
	memcpy(want + 62, test_init + 62, 8);
	if (rr_home_token(&secret, (struct in6_addr *)(test_init + 22), want + 70))
		die("rr_home_token", EIO);
	memcpy(want + 58, out + 58, 2);
	if (len != sizeof(want) || memcmp(out, want, len) || sum_of_mh(out + 14, 24)) {
		fprintf(stderr, "program_bench: mobgw_xdp did not answer the test init as expected\n");
		exit(1);
	}
	len = sizeof(out);
	run(skel->progs.bench_test_init, &test_inits, XDP_PASS, 3, out, &len);
	if (len != sizeof(test_init) || memcmp(out, want, 14) || out[56] != MH_HOT) {
		fprintf(stderr, "program_bench: the benchmark build did not undo its growth\n");
		exit(1);
	}
}

static void set_keys(__u32 keys)
{
	__u32 zero = 0;
	struct {
		__u64 lcg;
		__u32 keys, found;
	} state = { .lcg = 1, .keys = keys };

	set(skel->maps.bench, &zero, &state);
}

static void own_namespace(void)
{
	if (unshare(CLONE_NEWNET))
		die("unshare", errno);
	sh("ip link add b0 type veth peer name b1 && ip link set b0 address 02:00:00:00:00:01 up && ip link set b1 up");
	sh("sysctl -qw net.ipv6.conf.all.forwarding=1 net.ipv6.conf.b0.forwarding=1");
	sh("ip -6 addr add 2001:db8:c::1/64 dev b0 nodad && ip -6 neigh add 2001:db8:c::2 lladdr 02:00:00:00:00:02 dev "
	   "b0 nud permanent");
	ifindex = if_nametoindex("b0");
}

static void print_row(bool json, const char *name, double ns, double base, double fib)
{
	static bool any;

	if (json)
		printf("%s\"%s\": {\"ns\": %.1f, \"fib_lookups\": %.3f}", any ? ", " : "", name, ns - base,
		       (ns - base) / fib);
	else
		printf("%-58s %9.1f %9.2f\n", name, ns - base, (ns - base) / fib);
	any = true;
}

int main(int argc, char **argv)
{
	bool json = argc > 1 && !strcmp(argv[1], "--json");
	double empty, fib, encap, answer, draw;
	int err;

	own_namespace();
	skel = bench_bpf__open();
	if (!skel)
		die("open", errno);
	bpf_map__set_max_entries(skel->maps.bindings, 1 << 20);
	err = bench_bpf__load(skel);
	if (err)
		die("load", err);
	make_state();
	make_frame();
	make_test_init();
	assert_outputs();
	assert_test_init();

	empty = median(skel->progs.bench_empty, &datagrams);
	fib = median(skel->progs.bench_fib, &datagrams) - empty;
	encap = median(skel->progs.bench_encapsulate, &datagrams);
	draw = median(skel->progs.bench_draw_test_init, &test_inits);
	renew_nonce(); /* younger than NONCE_ANSWER_S to the end of these runs */
	answer = median(skel->progs.bench_test_init, &test_inits) - draw;
	if (json)
		printf("{");
	else
		printf("ns of CPU a packet, net of an empty program (%.1f ns); median of %d runs of %d\n%-58s %9s "
		       "%9s\n",
		       empty, ROUNDS, REPEAT, "program", "ns", "x FIB");
	print_row(json, "one bpf_fib_lookup, hot", fib + empty, empty, fib);
	print_row(json, "encapsulate: next hop, expiry, counters (and the undo)", encap, empty, fib);
	print_row(json, "test init answered: checks, limits (and the undo)", answer + empty, empty, fib);
	for (__u32 keys = 1; keys <= 1000000; keys *= 1000000) {
		char name[64];

		if (keys > 1)
			fill(2, keys);
		set_keys(keys);
		draw = median(skel->progs.bench_draw, &datagrams);
		snprintf(name, sizeof(name), "kernel hash, %u bindings, random keys", keys);
		print_row(json, name, median(skel->progs.bench_hash, &datagrams), draw, fib);
		snprintf(name, sizeof(name), "one-cache-line table, %u bindings, random keys", keys);
		print_row(json, name, median(skel->progs.bench_table, &datagrams), draw, fib);
	}
	if (json)
		printf("}\n");
	else
		printf("\nencapsulation / FIB lookup: %.2f (target: at most 0.50)\n"
		       "test init answered / FIB lookup: %.2f (target: at most 1.25)\n",
		       (encap - empty) / fib, answer / fib);
	bench_bpf__destroy(skel);
	return 0;
}
