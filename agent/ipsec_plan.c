// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The tables of policies: one for each end. Inbound a selector is addresses and protocol 135, never the message type,
 * which kernels read wrongly (IPSEC.md §1); outbound, of our own sockets, a type is safe.
 */
#include "ipsec_plan.h"

#include "../headers/mip6.h"

/* An address of a selector or template. */
enum place { ANY, HOME, AGENT, FAR /* where a tunnel ends at the node: the home address, or the care-of address */ };

/* Ahead of what others install without a thought (strongSwan begins in the hundred thousands), and of our own kind: a
 * policy that lets pass has no reqid to be known by. */
enum { FIRST = 0x6D00, BEFORE_TESTS = 0x6D05, TESTS = 0x6D10, LAST = 0x6D20 };

struct row {
	uint8_t child;	  /* enum ipsec_child */
	bool node;	  /* the end that has it */
	uint8_t way;	  /* enum xfrm_way */
	uint8_t src, dst; /* enum place */
	uint8_t proto;
	int16_t type; /* -1: any */
	uint32_t priority;
	bool allow, optional;
};

/*
 * Signalling before what goes by tunnel, home tests before the rest. A binding update to a correspondent goes straight
 * and proves itself (RFC 6275 §5.2), so the node lets it pass; what correspondents send in clear to it does not say
 * more than the rest of the Internet: `optional`, and the daemon asks for the mark where it matters.
 */
static const struct row rows[] = {
	{ IPSEC_SIGNALLING, false, XFRM_WAY_IN, HOME, AGENT, NH_MH, -1, FIRST, false, false },
	{ IPSEC_SIGNALLING, false, XFRM_WAY_OUT, AGENT, HOME, NH_MH, -1, FIRST, false, false },
	{ IPSEC_SIGNALLING, false, XFRM_WAY_IN, HOME, AGENT, NH_ICMPV6, ICMP6_PREFIX_SOLICIT, FIRST, false, false },
	{ IPSEC_SIGNALLING, false, XFRM_WAY_OUT, AGENT, HOME, NH_ICMPV6, ICMP6_PREFIX_ADVERT, FIRST, false, false },
	{ IPSEC_SIGNALLING, true, XFRM_WAY_IN, AGENT, HOME, NH_MH, -1, FIRST, false, false },
	{ IPSEC_SIGNALLING, true, XFRM_WAY_OUT, HOME, AGENT, NH_MH, -1, FIRST, false, false },
	{ IPSEC_SIGNALLING, true, XFRM_WAY_IN, AGENT, HOME, NH_ICMPV6, ICMP6_PREFIX_ADVERT, FIRST, false, false },
	{ IPSEC_SIGNALLING, true, XFRM_WAY_OUT, HOME, AGENT, NH_ICMPV6, ICMP6_PREFIX_SOLICIT, FIRST, false, false },

	{ IPSEC_HOME_TEST, false, XFRM_WAY_FWD, HOME, ANY, NH_MH, -1, TESTS, false, false },
	{ IPSEC_HOME_TEST, false, XFRM_WAY_IN, HOME, ANY, NH_MH, -1, TESTS, false, true },
	{ IPSEC_HOME_TEST, false, XFRM_WAY_OUT, ANY, HOME, NH_MH, -1, TESTS, false, false },
	{ IPSEC_HOME_TEST, true, XFRM_WAY_OUT, HOME, ANY, NH_MH, MH_BU, BEFORE_TESTS, true, false },
	{ IPSEC_HOME_TEST, true, XFRM_WAY_OUT, HOME, ANY, NH_MH, -1, TESTS, false, false },
	{ IPSEC_HOME_TEST, true, XFRM_WAY_IN, ANY, HOME, NH_MH, -1, TESTS, false, true },

	{ IPSEC_PAYLOAD, false, XFRM_WAY_FWD, HOME, ANY, 0, -1, LAST, false, false },
	{ IPSEC_PAYLOAD, false, XFRM_WAY_IN, HOME, ANY, 0, -1, LAST, false, false },
	{ IPSEC_PAYLOAD, false, XFRM_WAY_OUT, ANY, HOME, 0, -1, LAST, false, false },
	{ IPSEC_PAYLOAD, true, XFRM_WAY_OUT, HOME, ANY, 0, -1, LAST, false, false },
	{ IPSEC_PAYLOAD, true, XFRM_WAY_IN, ANY, HOME, 0, -1, LAST, false, false },
};

_Static_assert(ARRAY_SIZE(rows) <= IPSEC_ROWS, "a bit for each");

uint32_t ipsec_reqid(uint32_t slot, enum ipsec_child child)
{
	return IPSEC_REQID_BASE | slot << 2 | child;
}

bool ipsec_of_reqid(uint32_t reqid, uint32_t *slot, enum ipsec_child *child)
{
	if ((reqid & IPSEC_REQID_MASK) != IPSEC_REQID_BASE || (reqid & 3) >= IPSEC_CHILDREN)
		return false;
	*slot = (reqid & ~IPSEC_REQID_MASK) >> 2;
	*child = reqid & 3;
	return true;
}

bool ipsec_is_allowance(const struct xfrm_policy_spec *policy)
{
	return policy->allow && policy->priority == BEFORE_TESTS && policy->way == XFRM_WAY_OUT &&
	       policy->sel.proto == NH_MH && policy->sel.src_len == 128 && policy->sel.has_type;
}

bool ipsec_wants(const struct ipsec_end *end, enum ipsec_child child)
{
	return child == IPSEC_SIGNALLING || (child == IPSEC_HOME_TEST && end->home_tests) ||
	       (child == IPSEC_PAYLOAD && end->payload);
}

static struct in6_addr address_of(const struct ipsec_end *end, enum place place)
{
	switch (place) {
	case HOME:
		return end->home;
	case AGENT:
		return end->agent;
	case FAR:
		return end->constant ? end->home : end->far;
	default:
		return in6addr_any;
	}
}

static struct xfrm_selector_spec selector(const struct ipsec_end *end, const struct row *row)
{
	return (struct xfrm_selector_spec){ .src = address_of(end, row->src),
					    .dst = address_of(end, row->dst),
					    .src_len = row->src == ANY ? 0 : 128,
					    .dst_len = row->dst == ANY ? 0 : 128,
					    .proto = row->proto,
					    .has_type = row->type >= 0,
					    .type = row->type >= 0 ? (uint8_t)row->type : 0 };
}

/* Where a tunnel policy's packets come from and go to. What arrives is not asked for its source: it moves, and the
 * state knows who sent it. */
static void add_tunnel(const struct ipsec_end *end, const struct row *row, struct xfrm_policy_spec *policy)
{
	enum place near = end->node ? FAR : AGENT, far = end->node ? AGENT : FAR;

	policy->tunnel = true;
	if (row->way == XFRM_WAY_OUT) {
		policy->src = address_of(end, near);
		policy->dst = address_of(end, far);
	} else if (end->node) {
		policy->src = end->agent;
	} else {
		policy->dst = end->agent;
	}
}

size_t ipsec_policies(const struct ipsec_end *end, struct xfrm_policy_spec out[IPSEC_POLICIES_MAX])
{
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];

		if (row->node != end->node || !ipsec_wants(end, row->child) ||
		    (row->child != IPSEC_SIGNALLING && !end->away))
			continue;
		out[count] = (struct xfrm_policy_spec){ .way = row->way,
							.sel = selector(end, row),
							.priority = row->priority,
							.allow = row->allow,
							.optional = row->optional,
							.reqid = ipsec_reqid(end->slot, row->child),
							.row = i };
		if (row->child != IPSEC_SIGNALLING && !row->allow)
			add_tunnel(end, row, &out[count]);
		count++;
	}
	return count;
}

/* One direction of a child, at its place: no copy of a key stays on the stack. */
static void put_state(const struct ipsec_end *end, enum ipsec_child child, bool to_agent, const struct ipsec_key *key,
		      uint32_t first_seq, struct xfrm_state_spec *s)
{
	bool inbound = to_agent != end->node, tunnel = child != IPSEC_SIGNALLING;

	memset(s, 0, sizeof(*s));
	s->src = to_agent ? end->home : end->agent;
	s->dst = to_agent ? end->agent : end->home;
	s->spi = key->spi;
	s->reqid = ipsec_reqid(end->slot, child);
	s->tunnel = tunnel;
	s->alg = key->suite->alg;
	memcpy(s->cipher_key, key->cipher_key, sizeof(s->cipher_key));
	memcpy(s->hash_key, key->hash_key, sizeof(s->hash_key));
	if (inbound)
		s->mark = s->reqid; /* proof of protection for the daemon: IPSEC.md §2 */
	if (!tunnel) {
		s->sel = (struct xfrm_selector_spec){ .src = s->src, .dst = s->dst, .src_len = 128, .dst_len = 128 };
		s->replay_window = inbound ? IPSEC_REPLAY_WINDOW : 0;
		s->first_seq = inbound ? 0 : first_seq;
	} else if (to_agent) {
		s->sel.src = end->home;
		s->sel.src_len = 128;
	} else {
		s->sel.dst = end->home;
		s->sel.dst_len = 128;
	}
}

size_t ipsec_states(const struct ipsec_end *end, const struct ipsec_node_keys *keys, uint32_t first_seq,
		    struct xfrm_state_spec out[IPSEC_STATES_MAX])
{
	size_t count = 0;

	for (int child = 0; child < IPSEC_CHILDREN; child++) {
		if (!ipsec_wants(end, child) || !keys->has[child])
			continue;
		put_state(end, child, true, &keys->to_agent[child], first_seq, &out[count++]);
		put_state(end, child, false, &keys->to_node[child], first_seq, &out[count++]);
	}
	return count;
}

const char *ipsec_keys_missing(const struct ipsec_end *end, const struct ipsec_node_keys *keys)
{
	static const char *const sentences[IPSEC_CHILDREN] = {
		[IPSEC_SIGNALLING] = "no keys of signalling",
		[IPSEC_HOME_TEST] = "no keys of home-test; without them write ipsec: home-tests: clear",
		[IPSEC_PAYLOAD] = "no keys of payload; without them write ipsec: payload: clear",
	};

	for (int child = 0; child < IPSEC_CHILDREN; child++)
		if (ipsec_wants(end, child) && (!keys || !keys->has[child]))
			return keys ? sentences[child] : "no keys at all";
	return NULL;
}
