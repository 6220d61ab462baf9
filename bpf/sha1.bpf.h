/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * SHA-1's compression of one block, FIPS 180-4 §6.1.2: what HMAC needs once its padded key is behind it. Inlined, for
 * the sake of the words that the caller knows to be zero; the schedule is a ring of 16 words in the caller's memory.
 */
#ifndef MOBGW_SHA1_BPF_H
#define MOBGW_SHA1_BPF_H

#include "state.bpf.h"

struct sha1 {
	__u32 h[5];
	__u32 w[16]; /* the block, host order; used up by the compression */
};

static __always_inline __u32 rol(__u32 x, __u32 n)
{
	return x << n | x >> (32 - n);
}

#define SHA1_CHOOSE(b, c, d) ((d) ^ ((b) & ((c) ^ (d))))
#define SHA1_PARITY(b, c, d) ((b) ^ (c) ^ (d))
#define SHA1_MAJORITY(b, c, d) (((b) & (c)) | ((d) & ((b) | (c))))

/*
 * Word @t of the schedule, in the place of the one 16 before it. Volatile: the compiler would rather keep all 80 at
 * hand, on a stack of 512 octets. Bit t of @zeros: word t of the block is zero, and its place not even written.
 */
#define SHA1_PLACE(s, t) (((volatile __u32 *)(s)->w)[(t)&15])
#define SHA1_AT(s, zeros, t) ((t) < 16 && ((zeros) >> ((t)&15) & 1) ? 0 : SHA1_PLACE(s, t))

static __always_inline __u32 sha1_next_word(struct sha1 *s, __u32 zeros, __u32 t)
{
	__u32 w = SHA1_AT(s, zeros, t - 3) ^ SHA1_AT(s, zeros, t - 8);

	w = rol(w ^ SHA1_AT(s, zeros, t - 14) ^ SHA1_AT(s, zeros, t - 16), 1);
	if (t < 80 - 3) /* the last three are not looked at again */
		SHA1_PLACE(s, t) = w;
	return w;
}

#define SHA1_WORD(s, zeros, t) ((t) < 16 ? SHA1_AT(s, zeros, t) : sha1_next_word(s, zeros, t))

/*
 * One round; the five variables change places from one to the next instead of being moved. What the next round waits
 * for is added last, and the compiler kept from changing that: each sum before it is one cycle more, 80 times.
 */
#define SHA1_ROUND(s, zeros, t, f, k, a, b, c, d, e)                                                                   \
	do {                                                                                                           \
		(e) += (k) + SHA1_WORD(s, zeros, t);                                                                   \
		(e) += f(b, c, d);                                                                                     \
		barrier_var(e);                                                                                        \
		(e) += rol(a, 5);                                                                                      \
		(b) = rol(b, 30);                                                                                      \
	} while (0)

#define SHA1_FIVE(s, zeros, t, f, k)                                                                                   \
	SHA1_ROUND(s, zeros, t, f, k, a, b, c, d, e);                                                                  \
	SHA1_ROUND(s, zeros, (t) + 1, f, k, e, a, b, c, d);                                                            \
	SHA1_ROUND(s, zeros, (t) + 2, f, k, d, e, a, b, c);                                                            \
	SHA1_ROUND(s, zeros, (t) + 3, f, k, c, d, e, a, b);                                                            \
	SHA1_ROUND(s, zeros, (t) + 4, f, k, b, c, d, e, a)

#define SHA1_TWENTY(s, zeros, t, f, k)                                                                                 \
	SHA1_FIVE(s, zeros, t, f, k);                                                                                  \
	SHA1_FIVE(s, zeros, (t) + 5, f, k);                                                                            \
	SHA1_FIVE(s, zeros, (t) + 10, f, k);                                                                           \
	SHA1_FIVE(s, zeros, (t) + 15, f, k)

/* @s->h goes on over the block in @s->w. @zeros is a constant. */
static __always_inline void sha1_compress(struct sha1 *s, __u32 zeros)
{
	__u32 a, b, c, d, e;

	a = s->h[0];
	b = s->h[1];
	c = s->h[2];
	d = s->h[3];
	e = s->h[4];
	SHA1_TWENTY(s, zeros, 0, SHA1_CHOOSE, 0x5A827999);
	SHA1_TWENTY(s, zeros, 20, SHA1_PARITY, 0x6ED9EBA1);
	SHA1_TWENTY(s, zeros, 40, SHA1_MAJORITY, 0x8F1BBCDC);
	SHA1_TWENTY(s, zeros, 60, SHA1_PARITY, 0xCA62C1D6);
	s->h[0] += a;
	s->h[1] += b;
	s->h[2] += c;
	s->h[3] += d;
	s->h[4] += e;
}

#endif
