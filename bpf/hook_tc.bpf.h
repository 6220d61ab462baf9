/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The packet as TC hands it over. The same names exist for XDP in hook_xdp.bpf.h; a program includes one of the two. */
#ifndef MOBGW_HOOK_BPF_H
#define MOBGW_HOOK_BPF_H

#include "state.bpf.h"

typedef struct __sk_buff hook_ctx;

/* From <linux/pkt_cls.h>, whose names are macros and so not in BTF. UNSPEC: the next filter decides, as TCX_NEXT. */
#define TC_ACT_UNSPEC (-1)
#define TC_ACT_OK 0
#define TC_ACT_SHOT 2
#define TC_ACT_REDIRECT 7

/* skb->pkt_type, <linux/if_packet.h> */
#define PACKET_HOST 0
#define PACKET_OTHERHOST 3

/*
 * By hand, and volatile: the compiler would keep the 32 bit field in a register across helpers or copy it as 32 bits,
 * and the verifier refuses both.
 */
static __always_inline void *hook_data(hook_ctx *ctx)
{
	void *at;

	asm volatile("%[at] = *(u32 *)(%[ctx] + %[field])"
		     : [at] "=r"(at)
		     : [ctx] "r"(ctx), [field] "i"(offsetof(struct __sk_buff, data)));
	return at;
}

static __always_inline void *hook_end(hook_ctx *ctx)
{
	void *at;

	asm volatile("%[at] = *(u32 *)(%[ctx] + %[field])"
		     : [at] "=r"(at)
		     : [ctx] "r"(ctx), [field] "i"(offsetof(struct __sk_buff, data_end)));
	return at;
}

static __always_inline __u32 hook_len(hook_ctx *ctx)
{
	return ctx->len;
}

static __always_inline __u32 hook_ifindex(hook_ctx *ctx)
{
	return ctx->ifindex;
}

static __always_inline long hook_load(hook_ctx *ctx, __u32 offset, void *to, __u32 len)
{
	return bpf_skb_load_bytes(ctx, offset, to, len);
}

/* The first @len octets (or all, where there are fewer) can be read directly afterwards. */
static __always_inline int hook_pull(hook_ctx *ctx, __u32 len)
{
	if (hook_data(ctx) + len <= hook_end(ctx))
		return 0;
	return bpf_skb_pull_data(ctx, ctx->len < len ? ctx->len : len);
}

static __always_inline int hook_remove(hook_ctx *ctx, __u32 l2_len, __u32 len)
{
	return bpf_skb_adjust_room(ctx, -(__s32)len, BPF_ADJ_ROOM_MAC, BPF_F_ADJ_ROOM_FIXED_GSO);
}

static __always_inline int hook_set_len(hook_ctx *ctx, __u32 len)
{
	return bpf_skb_change_tail(ctx, len, 0);
}

/* A NIC may have summed the packet (CHECKSUM_COMPLETE): the kernel's sum follows the edit. */
static __always_inline void hook_sum_changed(hook_ctx *ctx, __wsum diff)
{
	bpf_csum_update(ctx, diff);
}

/* Whether another program of ours may have seen the packet before: the port says if it did. */
static __always_inline bool hook_may_be_behind(void)
{
	return true;
}

/* Whether what XFRM took out of ESP can be told from what came in clear. */
static __always_inline bool hook_knows_esp(void)
{
	return true;
}

#endif
