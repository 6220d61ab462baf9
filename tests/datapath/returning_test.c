// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * On its way home, between the update that ends the registration and its acknowledgement, a mobile node answers
 * solicitations for its home address to its home agent alone: everybody else must still find the agent there. RFC 6275
 * §11.5.5; what a valid solicitation is, in neighbour_test.c.
 */
#include "packets.h"

enum { IP = FRAME_ETH, ICMP = FRAME_ETH + IP6_HDR_LEN };

static const enum hook hooks[] = { HOOK_XDP, HOOK_TC_IN };

/* On the home link, which is lan, with the agent's router advertisement heard. */
static void return_home(struct rig *r, enum home_state state)
{
	struct home_address entry = home_entry(r, state);

	be_mobile_node(r, state);
	entry.agent_link_local = addr(MY_AGENT_LINK_LOCAL);
	set_home(r, MY_HOME, &entry);
	set_proxied(r, MY_HOME, r->lan, PROXIED_RETURNING);
}

/* To the home address's solicited-node group, RFC 4291 §2.7.1; without a link-layer address where nobody asks. */
static struct frame asked_by(const char *asker)
{
	struct frame f = { .len = 0 };
	size_t ip;

	put_link(&f, (const uint8_t[]){ 0x33, 0x33, 0xff, 0, 0, 0x10 }, mac_peer, 0);
	ip = put_ip6(&f, asker, "ff02::1:ff00:10", NH_ICMPV6, 255);
	put_nd(&f, ICMP6_NEIGHBOUR_SOLICIT, 0, MY_HOME);
	if (strcmp(asker, "::")) {
		put8(&f, ND_OPT_SOURCE_LLADDR);
		put8(&f, 1);
		put(&f, mac_peer, 6);
	}
	set_sum(&f, ip, NH_ICMPV6, ICMP, 2);
	end_ip6(&f, ip);
	return f;
}

/* The same to our MAC and the home address itself, as unreachability detection has it. */
static struct frame asked_directly_by(const char *asker)
{
	struct frame f = asked_by(asker);

	memcpy(f.data, mac_lan, 6);
	memcpy(f.data + IP + 24, addr(MY_HOME).s6_addr, 16);
	set_sum(&f, IP, NH_ICMPV6, ICMP, 2);
	return f;
}

/* Solicited, not to override (RFC 4861 §7.2.8), from the link-local address of the port. */
static struct frame answer_to(const char *asker, int tags)
{
	struct frame f = { .len = 0 };
	size_t ip;

	put_link(&f, mac_peer, mac_lan, tags);
	ip = put_ip6(&f, "fe80::1", asker, NH_ICMPV6, 255);
	put_nd(&f, ICMP6_NEIGHBOUR_ADVERT, 1U << 30, MY_HOME);
	put8(&f, ND_OPT_TARGET_LLADDR);
	put8(&f, 1);
	put(&f, mac_lan, 6);
	set_sum(&f, ip, NH_ICMPV6, ip + IP6_HDR_LEN, 2);
	end_ip6(&f, ip);
	return f;
}

static void the_home_agent_is_answered_at_both_its_addresses(void **state)
{
	static const char *const agents[] = { MY_AGENT, MY_AGENT_LINK_LOCAL };
	struct rig *r = *state;

	for (int s = HOME_BLOCKED; s <= HOME_THERE; s++) {
		return_home(r, s);
		for (size_t i = 0; i < ARRAY_SIZE(agents); i++)
			for (size_t h = 0; h < ARRAY_SIZE(hooks); h++) {
				struct frame in = asked_by(agents[i]), out = answer_to(agents[i], 0);

				expect_out(r, hooks[h], agents[i], &in, SENT_NEIGHBOUR, &out);
				in = asked_directly_by(agents[i]);
				expect_out(r, hooks[h], agents[i], &in, SENT_NEIGHBOUR, &out);
			}
	}
}

static void it_is_answered_through_its_vlan_tags(void **state)
{
	struct rig *r = *state;

	return_home(r, HOME_BLOCKED);
	for (int tags = 1; tags <= 2; tags++) {
		struct frame flat = asked_by(MY_AGENT), in = { .len = 0 }, out = answer_to(MY_AGENT, tags);

		put_link(&in, flat.data, mac_peer, tags);
		put(&in, flat.data + FRAME_ETH, flat.len - FRAME_ETH);
		expect_out(r, HOOK_XDP, "tagged", &in, SENT_NEIGHBOUR, &out);
	}
}

static void nobody_else_is_answered(void **state)
{
	static const char *const others[] = {
		"::", /* duplicate address detection, also the agent's */
		CN,	   MY_COA,    MY_HOME,	       "2001:db8:c::", "2001:db8:c:8000::1",
		"fe80::b", "fe80::1", "fe80:0:0:1::a", "ff02::1"
	};
	struct rig *r = *state;

	for (int s = HOME_BLOCKED; s <= HOME_THERE; s++) {
		return_home(r, s);
		for (size_t i = 0; i < ARRAY_SIZE(others); i++)
			for (size_t h = 0; h < ARRAY_SIZE(hooks); h++) {
				struct frame in = asked_by(others[i]);

				expect(r, hooks[h], others[i], &in, PASS_KERNEL);
				in = asked_directly_by(others[i]);
				expect(r, hooks[h], others[i], &in, PASS_KERNEL);
			}
	}
}

static void an_agent_not_heard_has_no_link_local_address(void **state)
{
	static const char *const askers[] = { "::", MY_AGENT_LINK_LOCAL, "fe80::" };
	struct rig *r = *state;
	struct home_address entry = home_entry(r, HOME_BLOCKED);
	struct frame in = asked_by(MY_AGENT), out = answer_to(MY_AGENT, 0);

	return_home(r, HOME_BLOCKED);
	set_home(r, MY_HOME, &entry);
	for (size_t h = 0; h < ARRAY_SIZE(hooks); h++) {
		for (size_t i = 0; i < ARRAY_SIZE(askers); i++) {
			in = asked_by(askers[i]);
			expect(r, hooks[h], askers[i], &in, PASS_KERNEL);
		}
		in = asked_by(MY_AGENT);
		expect_out(r, hooks[h], "its global address", &in, SENT_NEIGHBOUR, &out);
	}
	/* what would be a mistake of the agent's: an address that is not link-local in that place */
	entry.agent_link_local = addr(CN);
	set_home(r, MY_HOME, &entry);
	in = asked_by(CN);
	for (size_t h = 0; h < ARRAY_SIZE(hooks); h++)
		expect(r, hooks[h], "a global address as link-local one", &in, PASS_KERNEL);
}

static void without_the_flag_everybody_is_answered(void **state)
{
	static const char *const askers[] = { MY_AGENT, MY_AGENT_LINK_LOCAL, CN, "fe80::b" };
	struct rig *r = *state;

	return_home(r, HOME_BLOCKED);
	set_proxied(r, MY_HOME, r->lan, 0);
	for (size_t i = 0; i < ARRAY_SIZE(askers); i++)
		for (size_t h = 0; h < ARRAY_SIZE(hooks); h++) {
			struct frame in = asked_by(askers[i]), out = answer_to(askers[i], 0);

			expect_out(r, hooks[h], askers[i], &in, SENT_NEIGHBOUR, &out);
		}
}

static void elsewhere_or_without_a_home_address_nobody_is_answered(void **state)
{
	struct rig *r = *state;
	struct frame in = asked_by(MY_AGENT), other = solicitation(MY_AGENT, "2001:db8:5::11");
	struct proxied_key key = { .target = addr(MY_HOME), .ifindex = r->lan };
	struct in6_addr home = addr(MY_HOME);

	return_home(r, HOME_BLOCKED);
	for (size_t h = 0; h < ARRAY_SIZE(hooks); h++)
		expect(r, hooks[h], "another target", &other, PASS_KERNEL);
	in.ifindex = r->wan;
	for (size_t h = 0; h < ARRAY_SIZE(hooks); h++)
		expect(r, hooks[h], "on another link", &in, PASS_KERNEL);
	in.ifindex = 0;
	bpf_map_delete_elem(bpf_map__fd(r->xdp->maps.home_addresses), &home);
	for (size_t h = 0; h < ARRAY_SIZE(hooks); h++)
		expect(r, hooks[h], "no home address", &in, PASS_KERNEL);
	return_home(r, HOME_BLOCKED);
	bpf_map_delete_elem(bpf_map__fd(r->xdp->maps.proxied), &key);
	for (size_t h = 0; h < ARRAY_SIZE(hooks); h++)
		expect(r, hooks[h], "not returning", &in, PASS_KERNEL);
}

/* From the agent it must be valid; from others it is the kernel's, which finds no such address there. */
static void an_invalid_solicitation_is_dropped_where_it_would_be_answered(void **state)
{
	struct rig *r = *state;
	struct frame good = asked_by(MY_AGENT), in;

	return_home(r, HOME_BLOCKED);
	for (size_t h = 0; h < ARRAY_SIZE(hooks); h++) {
		in = good;
		in.data[IP + 7] = 254;
		expect(r, hooks[h], "hop limit", &in, DROP_ND_MALFORMED);
		in = good;
		in.data[ICMP + 2] ^= 1;
		expect(r, hooks[h], "checksum", &in, DROP_ND_MALFORMED);
		in = good;
		in.data[ICMP + 1] = 1;
		set_sum(&in, IP, NH_ICMPV6, ICMP, 2);
		expect(r, hooks[h], "code", &in, DROP_ND_MALFORMED);
		in = good;
		in.data[ICMP + 25] = 0;
		set_sum(&in, IP, NH_ICMPV6, ICMP, 2);
		expect(r, hooks[h], "option of no length", &in, DROP_ND_MALFORMED);
		in = asked_by(CN);
		in.data[IP + 7] = 254;
		expect(r, hooks[h], "another's", &in, PASS_KERNEL);
	}
}

static void no_solicitation_cut_short_is_answered(void **state)
{
	struct rig *r = *state;
	struct frame whole = asked_by(MY_AGENT), out = answer_to(MY_AGENT, 0);

	return_home(r, HOME_BLOCKED);
	for (size_t h = 0; h < ARRAY_SIZE(hooks); h++) {
		struct frame in = whole;

		for (in.len = ICMP; in.len < whole.len; in.len++)
			expect(r, hooks[h], "cut short", &in, in.len < ICMP + 24 ? PASS_KERNEL : DROP_ND_MALFORMED);
		expect_out(r, hooks[h], "whole", &in, SENT_NEIGHBOUR, &out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(the_home_agent_is_answered_at_both_its_addresses),
		RIG_TEST(it_is_answered_through_its_vlan_tags),
		RIG_TEST(nobody_else_is_answered),
		RIG_TEST(an_agent_not_heard_has_no_link_local_address),
		RIG_TEST(without_the_flag_everybody_is_answered),
		RIG_TEST(elsewhere_or_without_a_home_address_nobody_is_answered),
		RIG_TEST(an_invalid_solicitation_is_dropped_where_it_would_be_answered),
		RIG_TEST(no_solicitation_cut_short_is_answered),
	};

	return cmocka_run_group_tests_name("returning home", tests, rig_open, rig_close);
}
