// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What a policy and a state of XFRM cost to install and to take away, 10 000 at a time through agent/xfrm.h, beside the
 * same messages sent one by one with an answer each, alternating in one run (target: at most 5 us a policy). Before a
 * figure counts, a dump says that all stand there as they were asked for, and after the removal that none does. A
 * kernel without ESP (the development machine's) has policies alone.
 */
#include "../../agent/log.c"
#include "../../agent/xfrm.c"
#include "../../agent/xfrm_message.c"
#include "../../agent/xfrm_read.c"

#include <arpa/inet.h>
#include <sched.h>
#include <stdio.h>
#include <time.h>

enum { COUNT = 10000, ROUNDS = 5, ROUNDS_MOST = 99, FIRST_SPI = 0x1000, PRIORITY = 0x6D00 };

enum { SET_BATCHED, REMOVE_BATCHED, SET_SINGLY, REMOVE_SINGLY, FIGURES };

struct kind {
	const char *name;
	struct xfrm_policy_spec (*policy)(uint32_t i); /* NULL: states */
};

static struct in6_addr agent;
static int rounds = ROUNDS;
static bool json;
static const char *only = ""; /* kinds whose names begin so */

static void fail(const char *doing, int err)
{
	fprintf(stderr, "xfrm_bench: %s: %s\n", doing, strerror(-err));
	exit(1);
}

static struct in6_addr home(uint32_t node)
{
	struct in6_addr a = agent;

	a.s6_addr32[3] = htonl(0x10000 + node);
	return a;
}

/* ---- what is installed: two of each kind a node, one each way, as agent/ipsec_plan.c has them ---- */

/* Updates and acknowledgements: both ends known, which the kernel finds by hash. */
static struct xfrm_policy_spec signalling(uint32_t i)
{
	bool out = i & 1;

	return (struct xfrm_policy_spec){ .way = out ? XFRM_WAY_OUT : XFRM_WAY_IN,
					  .sel = { .src = out ? agent : home(i / 2),
						   .dst = out ? home(i / 2) : agent,
						   .src_len = 128,
						   .dst_len = 128,
						   .proto = IPPROTO_MH },
					  .priority = PRIORITY,
					  .reqid = i + 1 };
}

/* Home tests of a node that is away: one end is any address, so the kernel keeps them in trees. */
static struct xfrm_policy_spec home_test(uint32_t i)
{
	bool out = i & 1;
	struct xfrm_policy_spec p = { .way = out ? XFRM_WAY_OUT : XFRM_WAY_FWD,
				      .sel.proto = IPPROTO_MH,
				      .priority = PRIORITY,
				      .tunnel = true,
				      .reqid = i + 1 };

	if (out) {
		p.sel.dst = p.dst = home(i / 2);
		p.sel.dst_len = 128;
		p.src = agent;
	} else {
		p.sel.src = home(i / 2);
		p.sel.src_len = 128;
		p.dst = agent;
	}
	return p;
}

/* Transport mode, aes128-gcm, a key each. */
static struct xfrm_state_spec state(uint32_t i)
{
	bool out = i & 1;
	struct xfrm_state_spec s = {
		.src = out ? agent : home(i / 2),
		.dst = out ? home(i / 2) : agent,
		.spi = FIRST_SPI + i,
		.reqid = i + 1,
		.replay_window = 32,
		.alg = { .aead = "rfc4106(gcm(aes))", .icv_bits = 128, .cipher_octets = 20 },
	};

	memcpy(s.cipher_key, &s.spi, sizeof(s.spi));
	return s;
}

static const struct kind kinds[] = {
	{ "policy between two addresses", signalling },
	{ "policy between an address and any", home_test },
	{ "state, aes128-gcm", NULL },
};

static struct nlmsghdr *put(const struct kind *kind, void *buf, uint32_t i)
{
	struct xfrm_policy_spec p;
	struct xfrm_state_spec s;

	if (kind->policy) {
		p = kind->policy(i);
		return xfrm_put_policy(buf, &p, false);
	}
	s = state(i);
	return xfrm_put_state(buf, &s);
}

static struct nlmsghdr *put_removal(const struct kind *kind, void *buf, uint32_t i)
{
	struct xfrm_policy_spec p;
	struct xfrm_state_spec s;

	if (kind->policy) {
		p = kind->policy(i);
		return xfrm_put_policy_delete(buf, p.way, &p.sel);
	}
	s = state(i);
	return xfrm_put_state_delete(buf, &s.dst, s.spi);
}

static void set(const struct kind *kind, struct xfrm *x, uint32_t i)
{
	struct xfrm_policy_spec p;
	struct xfrm_state_spec s;

	if (kind->policy) {
		p = kind->policy(i);
		xfrm_policy_set(x, &p, false);
		return;
	}
	s = state(i);
	xfrm_state_add(x, &s);
}

static void take_away(const struct kind *kind, struct xfrm *x, uint32_t i)
{
	struct xfrm_policy_spec p;
	struct xfrm_state_spec s;

	if (kind->policy) {
		p = kind->policy(i);
		xfrm_policy_delete(x, p.way, &p.sel);
		return;
	}
	s = state(i);
	xfrm_state_delete(x, &s.dst, s.spi);
}

/* ---- what stands there ---- */

struct tally {
	const struct kind *kind;
	bool seen[COUNT];
	uint32_t right, wrong;
};

static void count_in(struct tally *t, uint32_t i, bool right)
{
	if (i >= COUNT || !right || t->seen[i]) {
		t->wrong++;
		return;
	}
	t->seen[i] = true;
	t->right++;
}

static void on_policy(void *arg, const struct xfrm_policy_spec *got)
{
	struct tally *t = arg;
	struct xfrm_policy_spec want = t->kind->policy(got->reqid - 1);
	const struct xfrm_selector_spec *a = &got->sel, *b = &want.sel;

	count_in(t, got->reqid - 1,
		 got->way == want.way && IN6_ARE_ADDR_EQUAL(&a->src, &b->src) && IN6_ARE_ADDR_EQUAL(&a->dst, &b->dst) &&
			 a->src_len == b->src_len && a->dst_len == b->dst_len && a->proto == b->proto && !a->has_type &&
			 got->priority == want.priority && !got->allow && !got->optional &&
			 got->tunnel == want.tunnel && IN6_ARE_ADDR_EQUAL(&got->src, &want.src) &&
			 IN6_ARE_ADDR_EQUAL(&got->dst, &want.dst));
}

static void on_state(void *arg, const struct xfrm_state_spec *got)
{
	struct xfrm_state_spec want = state(got->reqid - 1);

	count_in(arg, got->reqid - 1,
		 got->spi == want.spi && IN6_ARE_ADDR_EQUAL(&got->src, &want.src) &&
			 IN6_ARE_ADDR_EQUAL(&got->dst, &want.dst) && !got->tunnel && got->replay_window == 32);
}

static void expect(const struct kind *kind, struct xfrm *x, uint32_t count)
{
	struct tally t = { .kind = kind };
	int err = kind->policy ? xfrm_dump_policies(x, on_policy, &t) : xfrm_dump_states(x, on_state, &t);

	if (err)
		fail("dump", err);
	if (t.right == count && !t.wrong)
		return;
	fprintf(stderr, "xfrm_bench: %s: %u stand as they were asked for, %u otherwise; expected %u\n", kind->name,
		t.right, t.wrong, count);
	exit(1);
}

/* ---- timing ---- */

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

/* ns each; all in one commit. */
static double batched(const struct kind *kind, struct xfrm *x,
		      void (*change)(const struct kind *kind, struct xfrm *x, uint32_t i))
{
	double start = now_ns();
	int err;

	for (uint32_t i = 0; i < COUNT; i++)
		change(kind, x, i);
	err = xfrm_commit(x, NULL, NULL);
	if (err)
		fail("commit", err);
	return (now_ns() - start) / COUNT;
}

static int ask(struct mnl_socket *sock, struct nlmsghdr *msg, uint32_t seq)
{
	uint8_t buf[1024];
	ssize_t got;

	msg->nlmsg_flags |= NLM_F_ACK;
	msg->nlmsg_seq = seq;
	if (mnl_socket_sendto(sock, msg, msg->nlmsg_len) < 0)
		return -errno;
	got = mnl_socket_recvfrom(sock, buf, sizeof(buf));
	return got < 0 || mnl_cb_run(buf, got, seq, mnl_socket_get_portid(sock), NULL, NULL) < 0 ? -errno : 0;
}

/* ns each; a message, its answer, the next. */
static double singly(const struct kind *kind, struct mnl_socket *sock,
		     struct nlmsghdr *(*write)(const struct kind *kind, void *buf, uint32_t i))
{
	uint8_t buf[XFRM_MESSAGE_MAX];
	double start = now_ns();

	for (uint32_t i = 0; i < COUNT; i++) {
		int err = ask(sock, write(kind, buf, i), i + 1);

		if (err)
			fail("a message by itself", err);
	}
	return (now_ns() - start) / COUNT;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void measure(const struct kind *kind, struct xfrm *x, struct mnl_socket *sock, double median[FIGURES])
{
	double t[FIGURES][ROUNDS_MOST];

	for (int i = -1; i < rounds; i++) { /* the first warms: the kernel's hash tables grow once */
		int at = i < 0 ? 0 : i;

		t[SET_BATCHED][at] = batched(kind, x, set);
		expect(kind, x, COUNT);
		t[REMOVE_BATCHED][at] = batched(kind, x, take_away);
		expect(kind, x, 0);
		t[SET_SINGLY][at] = singly(kind, sock, put);
		expect(kind, x, COUNT);
		t[REMOVE_SINGLY][at] = singly(kind, sock, put_removal);
		expect(kind, x, 0);
	}
	for (int i = 0; i < FIGURES; i++) {
		qsort(t[i], rounds, sizeof(double), by_size);
		median[i] = t[i][rounds / 2];
	}
}

/* -EPROTONOSUPPORT: no ESP; -ENOENT, -ENOSYS: no such cipher, or no generator for its numbers (module drbg). */
static bool has_states(struct xfrm *x)
{
	const struct kind *states = &kinds[ARRAY_SIZE(kinds) - 1];
	int err;

	set(states, x, 0);
	err = xfrm_commit(x, NULL, NULL);
	if (err) {
		fprintf(stderr,
			"xfrm_bench: states: skipped: this kernel has no ESP with AES-GCM: %s "
			"(tests/bench/vm)\n",
			strerror(-err));
		return false;
	}
	take_away(states, x, 0);
	return !xfrm_commit(x, NULL, NULL);
}

static void print_rows(const struct kind *kind, const double ns[FIGURES])
{
	static const struct {
		const char *word;
		int batched, singly;
	} rows[] = {
		{ "set", SET_BATCHED, SET_SINGLY },
		{ "removed", REMOVE_BATCHED, REMOVE_SINGLY },
	};
	static bool any;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		double own = ns[rows[i].batched], base = ns[rows[i].singly];

		if (json)
			printf("%s\"%s, %s\": {\"ns\": %.0f, \"singly_ns\": %.0f, \"ratio\": %.3f}", any ? ", " : "",
			       kind->name, rows[i].word, own, base, own / base);
		else
			printf("%-36s %-21s %9.0f %9.0f %9.2f\n", kind->name, rows[i].word, base, own, own / base);
		any = true;
	}
}

static void read_options(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--json"))
			json = true;
		else if (!strcmp(argv[i], "--rounds") && i + 1 < argc)
			rounds = atoi(argv[++i]);
		else if (!strcmp(argv[i], "--only") && i + 1 < argc)
			only = argv[++i];
	}
	if (rounds >= 1 && rounds <= ROUNDS_MOST)
		return;
	fprintf(stderr, "usage: xfrm_bench [--json] [--rounds 1..%d] [--only policy|state]\n", ROUNDS_MOST);
	exit(2);
}

int main(int argc, char **argv)
{
	struct mnl_socket *sock;
	double ns[FIGURES];
	struct xfrm *x;
	int err;

	read_options(argc, argv);
	if (unshare(CLONE_NEWNET))
		fail("a network namespace of its own", -errno);
	inet_pton(AF_INET6, "2001:db8:1::1", &agent);
	err = xfrm_open(&x);
	if (err)
		return 1; /* said why */
	sock = mnl_socket_open(NETLINK_XFRM);
	if (!sock || mnl_socket_bind(sock, 0, MNL_SOCKET_AUTOPID) < 0)
		fail("open netlink", -errno);
	if (json)
		printf("{");
	else
		printf("XFRM: ns for one of %d; median of %d rounds, alternating\n%-58s %9s %9s %9s\n", COUNT, rounds,
		       "", "singly", "batched", "ratio");
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (strncmp(kinds[i].name, only, strlen(only)))
			continue;
		if (!kinds[i].policy && !has_states(x))
			break;
		measure(&kinds[i], x, sock, ns);
		print_rows(&kinds[i], ns);
	}
	printf(json ? "}\n" : "target: at most 5000 ns a policy, batched\n");
	xfrm_close(x);
	mnl_socket_close(sock);
	return 0;
}
