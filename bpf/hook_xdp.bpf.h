/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The packet as XDP hands it over. The same names exist for TC in hook_tc.bpf.h; a program includes one of the two. */
#ifndef MOBGW_HOOK_BPF_H
#define MOBGW_HOOK_BPF_H

#include "state.bpf.h"

typedef struct xdp_md hook_ctx;

/*
 * By hand, and volatile: the compiler would keep the 32 bit field in a register across helpers or copy it as 32 bits,
 * and the verifier refuses both.
 */
static __always_inline void *hook_data(hook_ctx *ctx)
{
	void *at;

	asm volatile("%[at] = *(u32 *)(%[ctx] + %[field])"
		     : [at] "=r"(at)
		     : [ctx] "r"(ctx), [field] "i"(offsetof(struct xdp_md, data)));
	return at;
}

static __always_inline void *hook_end(hook_ctx *ctx)
{
	void *at;

	asm volatile("%[at] = *(u32 *)(%[ctx] + %[field])"
		     : [at] "=r"(at)
		     : [ctx] "r"(ctx), [field] "i"(offsetof(struct xdp_md, data_end)));
	return at;
}

static __always_inline __u32 hook_len(hook_ctx *ctx)
{
	__u64 len = hook_end(ctx) - hook_data(ctx);

	barrier_var(len); /* keeps the compiler from doing 32 bit sums with pointers, which the verifier refuses */
	return len;
}

static __always_inline __u32 hook_ifindex(hook_ctx *ctx)
{
	return ctx->ingress_ifindex;
}

static __always_inline long hook_load(hook_ctx *ctx, __u32 offset, void *to, __u32 len)
{
	return bpf_xdp_load_bytes(ctx, offset, to, len);
}

/* Takes @len octets (8..) out from behind the link-layer header of @l2_len octets, which moves along. */
static __always_inline int hook_remove(hook_ctx *ctx, __u32 l2_len, __u32 len)
{
	void *data = hook_data(ctx);
	__u64 l2[3];

	if (data + 24 > hook_end(ctx))
		return -1;
	for (int i = 0; i < 3; i++)
		l2[i] = ((__u64 *)data)[i];
	if (bpf_xdp_adjust_head(ctx, len))
		return -1;
	data = hook_data(ctx);
	if (data + 24 > hook_end(ctx))
		return -1;
	write_link_layer(data, l2, l2_len);
	return 0;
}

/* New total length. */
static __always_inline int hook_set_len(hook_ctx *ctx, __u32 len)
{
	return bpf_xdp_adjust_tail(ctx, (int)(len - hook_len(ctx)));
}

/* Octets changed in place, their one's complement sum by @diff: XDP keeps no sum. */
static __always_inline void hook_sum_changed(hook_ctx *ctx, __wsum diff)
{
}

/* Nothing of ours comes before. */
static __always_inline bool hook_may_be_behind(void)
{
	return false;
}

static __always_inline bool hook_knows_esp(void)
{
	return false;
}

#endif
