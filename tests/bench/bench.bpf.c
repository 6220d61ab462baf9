// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Programs of the program benchmark: the data path itself, with its edit undone so that a repeated test run sees the
 * same packet again, beside an empty program, one FIB lookup, and two binding tables. tests/bench/program_bench.c runs
 * them.
 */
#include "../../bpf/xdp.bpf.c"

/* A one-cache-line table in a memory-mapped array: open addressing, the home address hashed to its slot. */
enum { TABLE_SLOTS = 1 << 21, TABLE_PROBES = 64 };
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, 1024 /* BPF_F_MMAPABLE */);
	__uint(max_entries, TABLE_SLOTS);
	__type(key, __u32);
	__type(value, struct binding);
} table SEC(".maps");

struct bench_state {
	__u64 lcg;   /* draws the next key */
	__u32 keys;  /* home addresses 2001:db8:1:: + 1..keys */
	__u32 found; /* lookups that hit */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bench_state);
} bench SEC(".maps");

static __always_inline struct bench_state *next_home(struct in6_addr *home)
{
	__u32 zero = 0;
	struct bench_state *s = bpf_map_lookup_elem(&bench, &zero);
	__u32 *w = (__u32 *)home;

	if (!s)
		return NULL;
	s->lcg = s->lcg * 6364136223846793005ULL + 1442695040888963407ULL;
	w[0] = bpf_htonl(0x20010db8);
	w[1] = bpf_htonl(0x00010000);
	w[2] = 0;
	w[3] = bpf_htonl(1 + (__u32)(((s->lcg >> 32) * s->keys) >> 32));
	return s;
}

static __always_inline __u32 table_hash(const struct in6_addr *home)
{
	const __u64 *q = (const __u64 *)home;
	__u64 h = (q[0] ^ (q[1] * 0x9E3779B97F4A7C15ULL)) * 0xBF58476D1CE4E5B9ULL;

	return h >> 40;
}

SEC("xdp")
int bench_empty(struct xdp_md *ctx)
{
	return XDP_PASS;
}

/* What the yardstick costs: one lookup in the kernel's table that succeeds. */
SEC("xdp")
int bench_fib(struct xdp_md *ctx)
{
	struct bpf_fib_lookup fib = { .family = AF_INET6_, .ifindex = ctx->ingress_ifindex, .tot_len = 100 };
	struct settings *set = settings_get();
	struct mip6_ipv6 *ip = ipv6_at(ctx, 14);

	if (!ip || !set)
		return XDP_DROP;
	__builtin_memcpy(fib.ipv6_src, &ip->src, 16);
	__builtin_memcpy(fib.ipv6_dst, &ip->src, 16); /* the correspondent: it has a route and a neighbour */
	return bpf_fib_lookup(ctx, &fib, sizeof(fib), 0) == BPF_FIB_LKUP_RET_SUCCESS ? XDP_PASS : XDP_DROP;
}

/* The whole run, then the packet as it was: outer header off, link-layer header and hop limit back. */
SEC("xdp")
int bench_encapsulate(struct xdp_md *ctx)
{
	struct packet p = {};
	enum reason why = whole_run(ctx, &p);
	__u32 key = ctx->ingress_ifindex;
	struct mip6_ipv6 *ip;
	struct port *port;
	void *data;

	count(why, hook_len(ctx));
	if (why != SENT_ENCAPSULATED)
		return XDP_DROP;
	if (bpf_redirect(p.ifindex, 0) != XDP_REDIRECT || bpf_xdp_adjust_head(ctx, IP6_HDR_LEN))
		return XDP_ABORTED;
	data = hook_data(ctx);
	ip = data + 14;
	port = bpf_map_lookup_elem(&ports, &key);
	if (!port || (void *)(ip + 1) > hook_end(ctx))
		return XDP_ABORTED;
	__builtin_memcpy(data, port->mac, 6);
	*(__be16 *)(data + 12) = bpf_htons(ETH_P_IPV6_);
	ip->hop_limit++;
	return XDP_PASS;
}

/*
 * A home test init from an address drawn at random, as it came from the wire: the last round's answer is written over,
 * its cookie alone stays. Many sources, since each has its rate, and since the buckets of a flood aren't in the cache.
 * In wide stores: no NIC leaves octets behind that the first wide load would have to wait for.
 */
static __always_inline bool draw_test_init(struct xdp_md *ctx)
{
	struct settings *set = settings_get();
	struct in6_addr home;
	struct bench_state *s = next_home(&home);
	__u64 *eth = hook_data(ctx), *ip = hook_data(ctx) + 14, mh, sum;

	if (!set || !s || (void *)(ip + 7) > hook_end(ctx))
		return false;
	eth[0] = bpf_cpu_to_be64(0x0200000000010200); /* to our MAC from theirs */
	*(__u32 *)(eth + 1) = bpf_htonl(0x00000002);
	ip[0] = bpf_cpu_to_be64(6ULL << 60 | sizeof(struct mip6_test_init) << 16 | NH_MH << 8 | 60);
	ip[1] = *(__u64 *)&home;
	ip[2] = s->lcg; /* the interface identifier too */
	ip[3] = *(__u64 *)&set->agent;
	ip[4] = *((__u64 *)&set->agent + 1);
	mh = bpf_cpu_to_be64((__u64)NH_NONE << 56 | 1ULL << 48 | (__u64)MH_HOTI << 40);
	sum = (__u64)bpf_htonl(NH_MH) + bpf_htonl(sizeof(struct mip6_test_init)) + (__u32)mh + (mh >> 32);
	for (int i = 1; i < 7; i++)
		sum += i == 5 ? 0 : (__u32)ip[i] + (ip[i] >> 32);
	ip[5] = mh | bpf_cpu_to_be64((__u64)bpf_ntohs(csum_fold(sum)) << 16);
	return true;
}

SEC("xdp")
int bench_draw_test_init(struct xdp_md *ctx)
{
	return draw_test_init(ctx) ? XDP_PASS : XDP_DROP;
}

/* The whole run, all checks and limits included; then what it grew by taken off, and the token it took from the one
 * bucket that all sources share put back: a test run comes faster than that is filled. */
SEC("xdp")
int bench_test_init(struct xdp_md *ctx)
{
	__u32 all = LIMIT_ALL_TEST;
	struct packet p = {};
	struct bucket *b;
	enum reason why;

	if (!draw_test_init(ctx))
		return XDP_DROP;
	why = whole_run(ctx, &p);
	count(why, hook_len(ctx));
	if (why != SENT_TEST)
		return XDP_DROP;
	b = bpf_map_lookup_elem(&limits_all, &all);
	if (!b || bpf_redirect(hook_ifindex(ctx), 0) != XDP_REDIRECT || bpf_xdp_adjust_tail(ctx, -TEST_GROWTH))
		return XDP_ABORTED;
	b->tokens++;
	return XDP_PASS;
}

SEC("xdp")
int bench_draw(struct xdp_md *ctx)
{
	struct in6_addr home;
	struct bench_state *s = next_home(&home);

	if (!s)
		return XDP_DROP;
	s->found += home.in6_u.u6_addr32[3] != 0;
	return XDP_PASS;
}

SEC("xdp")
int bench_hash(struct xdp_md *ctx)
{
	struct in6_addr home;
	struct bench_state *s = next_home(&home);
	struct binding *b = s ? bpf_map_lookup_elem(&bindings, &home) : NULL;

	if (!b || !addr_same(&b->home, &home))
		return XDP_DROP;
	s->found++;
	return XDP_PASS;
}

SEC("xdp")
int bench_table(struct xdp_md *ctx)
{
	struct in6_addr home;
	struct bench_state *s = next_home(&home);
	__u32 slot = table_hash(&home);

	if (!s)
		return XDP_DROP;
	for (int i = 0; i < TABLE_PROBES; i++) {
		__u32 at = (slot + i) & (TABLE_SLOTS - 1);
		struct binding *b = bpf_map_lookup_elem(&table, &at);

		if (b && addr_same(&b->home, &home)) {
			s->found++;
			return XDP_PASS;
		}
	}
	return XDP_DROP;
}
