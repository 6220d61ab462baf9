// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A mobile node's side of TC: what its own home address sends by the device without ND (binding updates, the tunnel to
 * the home agent, straight out at home, both ways at once), and the guard of its uplinks. RFC 6275 §6.3, §11.3.1,
 * §11.5.5; RFC 2473; RFC 6040 §4.1. A test run doesn't show where bpf_redirect() leads; tests/netns does.
 */
#include <linux/if_packet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "packets.h"

#define HOME_IP "2001:db8:86dd::10" /* see raw() */

/* RFC 6275 §6.3: from the care-of address, the home address behind in an option at 8n+6; nothing else changes. */
static struct frame with_home_address(const struct frame *in, const char *care_of)
{
	struct frame out = { .len = 0 };
	struct in6_addr src = addr(care_of), home = addr_at(in, FRAME_ETH + 8);

	put(&out, in->data, FRAME_ETH + IP6_HDR_LEN);
	put8(&out, in->data[FRAME_ETH + 6]);
	put8(&out, 2);
	put(&out, (const uint8_t[]){ OPT_PADN, 2, 0, 0, OPT_HOME_ADDRESS, 16 }, 6);
	put(&out, &home, 16);
	put(&out, in->data + FRAME_ETH + IP6_HDR_LEN, in->len - FRAME_ETH - IP6_HDR_LEN);
	out.data[FRAME_ETH + 6] = NH_DSTOPTS;
	memcpy(out.data + FRAME_ETH + 8, &src, 16);
	set16(&out, FRAME_ETH + 4, get16(in, FRAME_ETH + 4) + 24);
	return out;
}

/* In the tunnel to the home agent; the link header stays, for the kernel to fill in. */
static struct frame to_agent(const struct frame *in, const char *care_of)
{
	struct frame out = { .len = 0 };

	put(&out, in->data, FRAME_ETH);
	put_outer(&out, in, FRAME_ETH, care_of, MY_AGENT);
	return out;
}

static struct frame tcp_from_stack(const char *src, const char *dst, uint8_t header, size_t payload)
{
	size_t ip;
	struct frame f = from_stack(src, dst, NH_TCP, &ip);
	size_t at = f.len;

	put_pattern(&f, header + payload);
	f.data[at + 12] = header / 4 << 4;
	end_ip6(&f, ip);
	return f;
}

/* ---- binding updates ---- */

static void an_update_gets_a_home_address_option(void **state)
{
	static const size_t lengths[] = { 8, 16, 40, 256 };
	struct rig *r = *state;

	be_mobile_node(r, HOME_BLOCKED);
	for (int s = HOME_BLOCKED; s <= HOME_THERE; s++)
		for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
			struct home_address entry = home_entry(r, s);
			struct frame in = mh_from_stack(MY_HOME, MY_AGENT, MH_BU, lengths[i]),
				     out = with_home_address(&in, MY_COA_NEXT);
			struct in6_addr src = addr(MY_HOME), dst = addr(MY_AGENT);

			set_home(r, MY_HOME, &entry);
			set_update_way(r, MY_HOME, MY_COA_NEXT, r->wan, rig_jiffies(r) + 1000000);
			expect_out(r, HOOK_TC_HOME, "away, whatever the registration is", &in, SENT_UPDATE, &out);
			assert_int_equal(get16(&r->out, FRAME_ETH + 4), r->out.len - FRAME_ETH - IP6_HDR_LEN);
			/* the sum is over the home address, RFC 6275 §6.1.1 */
			assert_int_equal(sum_upper(&src, &dst, NH_MH, r->out.data + FRAME_ETH + 64, lengths[i]),
					 0xFFFF);
		}
}

static void from_the_home_link_an_update_comes_from_the_home_address_itself(void **state)
{
	struct rig *r = *state;
	struct frame in = mh_from_stack(MY_HOME, MY_AGENT, MH_BU, 40);

	be_mobile_node(r, HOME_AWAY);
	set_update_way(r, MY_HOME, "::", r->lan, rig_jiffies(r) + 1000000);
	expect(r, HOOK_TC_HOME, "Ethernet", &in, SENT_AT_HOME);
	set_port(r, r->lan, mac_lan, 1500, PORT_NO_ETHERNET);
	expect(r, HOOK_TC_HOME, "none", &in, SENT_AT_HOME);
}

static void an_update_that_nobody_asked_for_or_too_late_is_not_sent(void **state)
{
	struct rig *r = *state;
	struct frame in = mh_from_stack(MY_HOME, MY_AGENT, MH_BU, 40);
	uint64_t later = rig_jiffies(r) + 1000000;

	for (int s = HOME_BLOCKED; s <= HOME_THERE; s++) { /* never by the tunnel or in clear instead */
		be_mobile_node(r, s);
		map_clear(r->xdp->maps.answers);
		expect(r, HOOK_TC_HOME, "no answer", &in, DROP_NO_REGISTRATION);
		set_update_way(r, MY_HOME, MY_COA, r->wan, 0);
		expect(r, HOOK_TC_HOME, "expired long ago", &in, DROP_NO_REGISTRATION);
		set_update_way(r, MY_HOME, MY_COA, r->wan, rig_jiffies(r));
		expect(r, HOOK_TC_HOME, "expired just now", &in, DROP_NO_REGISTRATION);
		set_update_way(r, MY_HOME, "::", r->wan, rig_jiffies(r));
		expect(r, HOOK_TC_HOME, "direct, expired just now", &in, DROP_NO_REGISTRATION);
		set_update_way(r, MY_HOME, MY_COA, 0, later);
		expect(r, HOOK_TC_HOME, "by no uplink", &in, DROP_NO_REGISTRATION);
		set_update_way(r, MY_HOME, "::", 0, later);
		expect(r, HOOK_TC_HOME, "direct, by no uplink", &in, DROP_NO_REGISTRATION);
	}
}

static void the_way_of_updates_is_for_nothing_else(void **state)
{
	static const struct {
		const char *name, *dst;
		uint8_t next;
	} cases[] = {
		{ "UDP to the agent", MY_AGENT, NH_UDP },
		{ "ICMPv6 to the agent", MY_AGENT, NH_ICMPV6 },
		{ "mobility header to a correspondent", CN, NH_MH },
	};
	struct rig *r = *state;

	be_mobile_node(r, HOME_AWAY);
	set_update_way(r, MY_HOME, MY_COA_NEXT, r->wan, rig_jiffies(r) + 1000000);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t ip;
		struct frame in = from_stack(MY_HOME, cases[i].dst, cases[i].next, &ip), out;

		put_mh(&in, ip, MH_HOTI, 16);
		end_ip6(&in, ip);
		out = to_agent(&in, MY_COA);
		expect_out(r, HOOK_TC_HOME, cases[i].name, &in, SENT_REVERSE, &out);
	}
	be_mobile_node(r, HOME_BLOCKED);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t ip;
		struct frame in = from_stack(MY_HOME, cases[i].dst, cases[i].next, &ip);

		put_mh(&in, ip, MH_HOTI, 16);
		end_ip6(&in, ip);
		expect(r, HOOK_TC_HOME, cases[i].name, &in, DROP_NO_REGISTRATION);
	}
}

/* ---- the tunnel out ---- */

static void what_the_home_address_sends_goes_through_the_tunnel(void **state)
{
	static const size_t payloads[] = { 0, 1, 64, 1000, 1412 };
	static const uint8_t others[] = { NH_TCP, NH_ICMPV6, NH_ESP, NH_IPV6, NH_FRAGMENT, NH_HOPOPTS, NH_NONE };
	struct rig *r = *state;
	struct frame in, out;

	be_mobile_node(r, HOME_AWAY);
	for (size_t i = 0; i < ARRAY_SIZE(payloads); i++) {
		in = udp_from_stack(MY_HOME, CN, payloads[i]);
		out = to_agent(&in, MY_COA);
		expect_out(r, HOOK_TC_HOME, "UDP", &in, SENT_REVERSE, &out);
		assert_int_equal(r->out.data[FRAME_ETH + 7], 64);
		assert_int_equal(get16(&r->out, FRAME_ETH + 4), in.len - FRAME_ETH);
	}
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		size_t ip;

		in = from_stack(MY_HOME, MY_AGENT, others[i], &ip); /* the agent itself is behind the tunnel too */
		put_pattern(&in, 64);
		in.data[FRAME_ETH + 7] =
			i; /* the inner hop limit is no concern of the host that sends, RFC 2473 §3.1 */
		end_ip6(&in, ip);
		out = to_agent(&in, MY_COA);
		expect_out(r, HOOK_TC_HOME, "other protocols", &in, SENT_REVERSE, &out);
	}
}

static void every_traffic_class_is_copied_with_its_ecn(void **state)
{
	struct rig *r = *state;

	be_mobile_node(r, HOME_AWAY);
	for (unsigned int tc = 0; tc < 256; tc++) {
		struct frame in = udp_from_stack(MY_HOME, CN, 8), out;

		set_traffic_class(&in, FRAME_ETH, tc);
		out = to_agent(&in, MY_COA);
		expect_out(r, HOOK_TC_HOME, "traffic class", &in, SENT_REVERSE, &out);
		assert_int_equal(traffic_class(&r->out, FRAME_ETH), tc);
	}
}

static uint32_t label_of(struct rig *r, const struct frame *in)
{
	struct frame out = to_agent(in, MY_COA);

	expect_out(r, HOOK_TC_HOME, "label", in, SENT_REVERSE, &out);
	return get32(&r->out, FRAME_ETH) & 0xFFFFF;
}

static void a_flow_has_one_label_and_another_flow_another(void **state)
{
	struct rig *r = *state;
	struct frame in = udp_from_stack(MY_HOME, CN, 8), longer = udp_from_stack(MY_HOME, CN, 900), other = in;
	uint32_t label;

	be_mobile_node(r, HOME_AWAY);
	label = label_of(r, &in);
	assert_int_not_equal(label, 0);
	assert_int_equal(label_of(r, &longer), label);
	set_traffic_class(&longer, FRAME_ETH, 0xB9);
	assert_int_equal(label_of(r, &longer), label);
	other.data[FRAME_ETH + IP6_HDR_LEN + 1] ^= 1; /* source port */
	assert_int_not_equal(label_of(r, &other), label);
	other = in;
	other.data[FRAME_ETH + 39] ^= 1; /* destination */
	assert_int_not_equal(label_of(r, &other), label);
	other = in;
	other.data[FRAME_ETH + 3] ^= 1; /* its own label */
	assert_int_not_equal(label_of(r, &other), label);
}

/* @payload octets of UDP in a tunnel of this host's, with an encapsulation limit. */
static struct frame limited(int limit, size_t payload)
{
	size_t ip;
	struct frame f = from_stack(MY_HOME, CN, NH_DSTOPTS, &ip);

	put_limit(&f, NH_IPV6, limit);
	put_datagram(&f, MY_HOME, AT_HOME, payload);
	end_ip6(&f, ip);
	return f;
}

static struct frame limited_to_agent(const struct frame *in, int limit)
{
	struct frame out = { .len = 0 };
	size_t outer;

	put(&out, in->data, FRAME_ETH);
	outer = put_ip6(&out, MY_COA, MY_AGENT, NH_DSTOPTS, TUNNEL_HOP_LIMIT);
	set_traffic_class(&out, outer, traffic_class(in, FRAME_ETH));
	out.free_flow = outer;
	put_limit(&out, NH_IPV6, limit);
	put(&out, in->data + FRAME_ETH, in->len - FRAME_ETH);
	end_ip6(&out, outer);
	return out;
}

static void an_encapsulation_limit_is_lowered_and_zero_ends_the_packet(void **state)
{
	static const int limits[] = { 0, 1, 2, 4, 255 };
	struct rig *r = *state;
	struct frame in, out;
	size_t ip;

	be_mobile_node(r, HOME_AWAY);
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		in = limited(limits[i], 32);
		set_traffic_class(&in, FRAME_ETH, 0x2E);
		if (limits[i] == 0) {
			expect(r, HOOK_TC_HOME, "limit 0", &in, DROP_TUNNEL_LIMIT);
			continue;
		}
		out = limited_to_agent(&in, limits[i] - 1);
		expect_out(r, HOOK_TC_HOME, "limit", &in, SENT_REVERSE, &out);
	}
	in = from_stack(MY_HOME, CN, NH_DSTOPTS, &ip);
	put_padding(&in, NH_UDP, 8);
	put_udp(&in, ip, 8);
	end_ip6(&in, ip);
	out = to_agent(&in, MY_COA);
	expect_out(r, HOOK_TC_HOME, "destination options without a limit", &in, SENT_REVERSE, &out);
}

static void what_is_too_big_for_the_tunnel_goes_to_the_agent_unchanged(void **state)
{
	static const uint16_t paths[] = { 1280, 1400, 1492, 1500, 3000 };
	struct rig *r = *state;

	be_mobile_node(r, HOME_AWAY);
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		for (int more = -1; more <= 1; more++)
			for (int limit = 0; limit <= 1; limit++) {
				size_t most = paths[i] - 40 - (limit ? 8 : 0), len = most + more;
				struct home_address entry = home_entry(r, HOME_AWAY);
				struct frame in = limit ? limited(4, len - 96) : udp_from_stack(MY_HOME, CN, len - 48),
					     out = limit ? limited_to_agent(&in, 3) : to_agent(&in, MY_COA);
				char name[64];

				entry.way.mtu = paths[i];
				set_home(r, MY_HOME, &entry);
				snprintf(name, sizeof(name), "path %u, %zu octets%s", paths[i], len,
					 limit ? ", with a limit" : "");
				assert_int_equal(in.len, FRAME_ETH + len);
				if (more > 0)
					expect(r, HOOK_TC_HOME, name, &in, SENT_AGENT);
				else
					expect_out(r, HOOK_TC_HOME, name, &in, SENT_REVERSE, &out);
			}
}

/* That it is widened, a test run can't show: it can't say of which kind an aggregate is, and the kernel then refuses.
 */
static void an_aggregate_is_judged_by_its_segments(void **state)
{
	static const uint8_t headers[] = { 20, 32, 60 };
	struct rig *r = *state;

	be_mobile_node(r, HOME_AWAY);
	for (int more = -1; more <= 1; more++) {
		enum reason why = more > 0 ? SENT_AGENT : DROP_NO_ROOM;
		struct frame in = udp_from_stack(MY_HOME, CN, 2600);
		size_t ip;

		in.gso_size = 1500 - 40 - 48 + more;
		expect(r, HOOK_TC_HOME, "UDP", &in, why);
		for (size_t i = 0; i < ARRAY_SIZE(headers); i++) {
			in = tcp_from_stack(MY_HOME, CN, headers[i], 2600);
			in.gso_size = 1500 - 40 - 40 - headers[i] + more;
			expect(r, HOOK_TC_HOME, "TCP", &in, why);
		}
		in = from_stack(MY_HOME, CN, NH_HOPOPTS, &ip); /* not looked into: the longest TCP header is assumed */
		put_padding(&in, NH_TCP, 8);
		put_pattern(&in, 2600);
		end_ip6(&in, ip);
		in.gso_size = 1500 - 40 - 40 - 60 + more;
		expect(r, HOOK_TC_HOME, "behind other headers", &in, why);
	}
}

/* ---- who may send at all ---- */

static void without_a_registration_nothing_is_sent(void **state)
{
	struct rig *r = *state;
	struct frame in = udp_from_stack(MY_HOME, CN, 32), big = udp_from_stack(MY_HOME, CN, 2000), out;
	struct home_address entry;
	struct in6_addr key = addr(MY_HOME);

	be_mobile_node(r, HOME_BLOCKED);
	expect(r, HOOK_TC_HOME, "blocked", &in, DROP_NO_REGISTRATION);
	expect(r, HOOK_TC_HOME, "blocked and too big", &big, DROP_NO_REGISTRATION);
	entry = home_entry(r, 77);
	set_home(r, MY_HOME, &entry);
	expect(r, HOOK_TC_HOME, "a state we don't know", &in, DROP_NO_REGISTRATION);
	entry = home_entry(r, HOME_AWAY);
	entry.expires = 0;
	set_home(r, MY_HOME, &entry);
	expect(r, HOOK_TC_HOME, "expired long ago", &in, DROP_NO_REGISTRATION);
	entry.expires = rig_jiffies(r);
	set_home(r, MY_HOME, &entry);
	expect(r, HOOK_TC_HOME, "expired just now", &in, DROP_NO_REGISTRATION);
	entry.expires += 1000000;
	set_home(r, MY_HOME, &entry);
	out = to_agent(&in, MY_COA);
	expect_out(r, HOOK_TC_HOME, "not expired", &in, SENT_REVERSE, &out);
	bpf_map_delete_elem(bpf_map__fd(r->xdp->maps.home_addresses), &key);
	expect(r, HOOK_TC_HOME, "the agent has not got to it yet", &in, DROP_NO_REGISTRATION);
}

static void at_home_everything_goes_out_as_it_is(void **state)
{
	struct rig *r = *state;
	struct home_address entry = home_entry(r, HOME_THERE);
	struct frame in;

	be_mobile_node(r, HOME_THERE);
	entry.way = (struct home_way){ .ifindex = r->lan, .mtu = 1500 };
	entry.expires = 0; /* no registration, none needed */
	set_home(r, MY_HOME, &entry);
	in = udp_from_stack(MY_HOME, CN, 32);
	expect(r, HOOK_TC_HOME, "UDP", &in, SENT_AT_HOME);
	in = udp_from_stack(MY_HOME, CN, 1452);
	expect(r, HOOK_TC_HOME, "as long as the link takes", &in, SENT_AT_HOME);
	in = limited(0, 32);
	expect(r, HOOK_TC_HOME, "an encapsulation limit of 0", &in, SENT_AT_HOME);
	in = mh_from_stack(MY_HOME, CN, MH_HOTI, 16);
	expect(r, HOOK_TC_HOME, "mobility header to a correspondent", &in, SENT_AT_HOME);
	set_port(r, r->lan, mac_lan, 1500, PORT_NO_ETHERNET);
	expect(r, HOOK_TC_HOME, "by a device without Ethernet", &in, SENT_AT_HOME);
}

static void other_sources_are_treated_as_ever(void **state)
{
	static const struct {
		const char *name, *src, *dst;
		enum reason why;
	} cases[] = {
		{ "care-of address to a home prefix", MY_COA, AT_HOME, SENT_HOME_LINK },
		{ "care-of address to nowhere", MY_COA, "2001:db8:7::1", DROP_NO_ROUTE },
		{ "another host's", CN, AT_HOME, SENT_HOME_LINK },
		{ "another host's to nowhere", CN, "2001:db8:7::1", DROP_NO_ROUTE },
		{ "home address to a group", MY_HOME, "ff0e::1", DROP_NO_ROUTE },
	};
	struct rig *r = *state;
	struct frame in;

	be_mobile_node(r, HOME_AWAY);
	set_home_link(r, 0, "2001:db8:1::", 64, r->lan);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		in = udp_from_stack(cases[i].src, cases[i].dst, 32);
		expect(r, HOOK_TC_HOME, cases[i].name, &in, cases[i].why);
	}
	in = mh_from_stack(MY_COA, AT_HOME, MH_BU, 40);
	set_update_way(r, MY_HOME, MY_COA_NEXT, r->wan, UINT64_MAX);
	set_update_way(r, MY_COA, MY_COA_NEXT, r->wan, UINT64_MAX);
	expect(r, HOOK_TC_HOME, "an update of no home address", &in, SENT_HOME_LINK);
}

static void no_packet_cut_short_leaves_in_clear(void **state)
{
	struct rig *r = *state;
	struct frame whole[] = { udp_from_stack(MY_HOME, CN, 32), mh_from_stack(MY_HOME, MY_AGENT, MH_BU, 16),
				 limited(4, 16), tcp_from_stack(MY_HOME, CN, 20, 8) };

	be_mobile_node(r, HOME_AWAY);
	set_update_way(r, MY_HOME, MY_COA_NEXT, r->wan, UINT64_MAX);
	for (size_t i = 0; i < ARRAY_SIZE(whole); i++) {
		struct frame in = whole[i];

		for (in.len = FRAME_ETH + IP6_HDR_LEN; in.len < whole[i].len; in.len++) { /* a test run takes no less */
			int action = rig_run(r, HOOK_TC_HOME, &in);
			struct in6_addr home = addr(MY_HOME);

			assert_true(action == TC_SHOT || action == TC_REDIRECT);
			if (action == TC_REDIRECT)
				assert_memory_not_equal(r->out.data + FRAME_ETH + 8, &home, 16);
		}
	}
}

/* ---- both ways at once, while a registration is on the road ---- */

/* Sees what is sent to @ifname. */
static int tap(const char *ifname)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(0x86DD) };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, htons(0x86DD));

	at.sll_ifindex = if_nametoindex(ifname);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

/* The next tunnel packet there, past what the kernel says of itself (MLD); of length 0 where none comes for @wait_ms.
 */
static struct frame tapped(int fd, int wait_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	while (poll(&p, 1, wait_ms) == 1) {
		struct frame f = { .len = 0 };
		ssize_t got = recv(fd, f.data, sizeof(f.data), 0);

		assert_true(got >= FRAME_ETH + IP6_HDR_LEN);
		f.len = got;
		if (f.data[FRAME_ETH + 6] == NH_IPV6 || f.data[FRAME_ETH + 6] == NH_DSTOPTS)
			return f;
	}
	return (struct frame){ .len = 0 };
}

/* Registered by lan, and asking by wan for MY_COA_NEXT. */
static struct home_address changing_over(struct rig *r)
{
	struct home_address entry = home_entry(r, HOME_AWAY);

	entry.way.ifindex = r->lan;
	entry.next = (struct home_way){ .care_of = addr(MY_COA_NEXT), .ifindex = r->wan, .mtu = 1500 };
	return entry;
}

static void while_a_registration_is_on_the_road_both_ways_are_used(void **state)
{
	static const size_t payloads[] = { 0, 64, 1412 };
	struct rig *r = *state;
	struct home_address entry = changing_over(r);
	struct frame in, out, copy, got;
	int fd = tap("wanx");

	be_mobile_node(r, HOME_AWAY);
	set_home(r, MY_HOME, &entry);
	for (size_t i = 0; i < ARRAY_SIZE(payloads); i++) {
		in = udp_from_stack(MY_HOME, CN, payloads[i]);
		out = to_agent(&in, MY_COA);
		memcpy(out.data, mac_gw, 6); /* the kernel writes the registered way's over these */
		memcpy(out.data + 6, mac_wan, 6);
		expect_noted(r, HOOK_TC_HOME, "registered way", &in, SENT_REVERSE, NOTE_BOTH_WAYS, &out);
		copy = out;
		memcpy(copy.data + FRAME_ETH + 8, addr(MY_COA_NEXT).s6_addr, 16);
		got = tapped(fd, 1000);
		check_octets("the other way", &copy, &got);
		assert_memory_equal(got.data + FRAME_ETH, r->out.data + FRAME_ETH, 8); /* the label too */
	}
	in = limited(4, 32);
	out = limited_to_agent(&in, 3);
	memcpy(out.data, mac_gw, 6);
	memcpy(out.data + 6, mac_wan, 6);
	expect_noted(r, HOOK_TC_HOME, "with a limit", &in, SENT_REVERSE, NOTE_BOTH_WAYS, &out);
	memcpy(out.data + FRAME_ETH + 8, addr(MY_COA_NEXT).s6_addr, 16);
	got = tapped(fd, 1000);
	check_octets("the other way, with a limit", &out, &got);
	got = tapped(fd, 0);
	assert_int_equal(got.len, 0);
	close(fd);
}

static void the_new_way_may_be_one_without_ethernet(void **state)
{
	struct rig *r = *state;
	struct home_address entry = changing_over(r);
	struct frame in = udp_from_stack(MY_HOME, CN, 64), out = to_agent(&in, MY_COA), copy = out, got;
	int fd = tap("wanx"); /* it has one here, and what it shows is what stood before the packet */

	be_mobile_node(r, HOME_AWAY);
	set_port(r, r->wan, mac_wan, 1500, PORT_NO_ETHERNET);
	entry.agent = addr("2001:db8:2::66"); /* no neighbour is asked for */
	memcpy(out.data + FRAME_ETH + 24, &entry.agent, 16);
	copy = out;
	set_home(r, MY_HOME, &entry);
	expect_noted(r, HOOK_TC_HOME, "registered way", &in, SENT_REVERSE, NOTE_BOTH_WAYS, &out);
	memcpy(copy.data + FRAME_ETH + 8, addr(MY_COA_NEXT).s6_addr, 16);
	got = tapped(fd, 1000);
	check_octets("the other way", &copy, &got);
	close(fd);
}

static void what_only_one_of_the_ways_takes_goes_to_the_agent(void **state)
{
	static const struct {
		uint16_t registered, next;
	} cases[] = { { 1500, 1280 }, { 1280, 1500 }, { 1400, 1400 } };
	struct rig *r = *state;
	struct home_address entry = changing_over(r);
	int fd = tap("wanx");

	be_mobile_node(r, HOME_AWAY);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t most = cases[i].registered < cases[i].next ? cases[i].registered : cases[i].next;

		entry.way.mtu = cases[i].registered;
		entry.next.mtu = cases[i].next;
		set_home(r, MY_HOME, &entry);
		for (size_t len = most - 1; len <= most + 1; len++) { /* of the tunnel packet */
			struct frame in = udp_from_stack(MY_HOME, CN, len - 88), out = to_agent(&in, MY_COA), got;

			memcpy(out.data, mac_gw, 6);
			memcpy(out.data + 6, mac_wan, 6);
			if (len > most)
				expect(r, HOOK_TC_HOME, "too big", &in, SENT_AGENT);
			else
				expect_noted(r, HOOK_TC_HOME, "fits", &in, SENT_REVERSE, NOTE_BOTH_WAYS, &out);
			got = tapped(fd, len > most ? 50 : 1000);
			assert_int_equal(got.len, len > most ? 0 : FRAME_ETH + len);
		}
	}
	close(fd);
}

/* As agent/mobile_device.c leads each uplink's addresses: by a rule for the source. */
static void the_new_way_is_looked_up_for_its_own_care_of_address(void **state)
{
	struct rig *r = *state;
	struct home_address entry = changing_over(r);
	struct frame in = udp_from_stack(MY_HOME, CN, 64), out;

	be_mobile_node(r, HOME_AWAY);
	entry.agent = addr("2001:db8:ab::1");
	set_home(r, MY_HOME, &entry);
	sh("ip -6 rule add from " MY_COA_NEXT " lookup 77 && ip route add 2001:db8:ab::/64 via fe80::ff dev wan table "
	   "77");
	out = to_agent(&in, MY_COA);
	memcpy(out.data + FRAME_ETH + 24, &entry.agent, 16);
	memcpy(out.data, mac_gw, 6);
	memcpy(out.data + 6, mac_wan, 6);
	expect_noted(r, HOOK_TC_HOME, "registered way", &in, SENT_REVERSE, NOTE_BOTH_WAYS, &out);
	sh("ip -6 rule del from " MY_COA_NEXT " lookup 77 && ip -6 route flush table 77");
}

static void where_the_new_way_is_not_passable_the_registered_one_remains(void **state)
{
	struct rig *r = *state;
	struct home_address entry = changing_over(r);
	struct frame in = udp_from_stack(MY_HOME, CN, 32), out = to_agent(&in, MY_COA), got;
	int fd = tap("wanx");

	be_mobile_node(r, HOME_AWAY);
	entry.agent = addr("2001:db8:2::66"); /* on-link there, never heard of */
	memcpy(out.data + FRAME_ETH + 24, &entry.agent, 16);
	set_home(r, MY_HOME, &entry);
	expect_out(r, HOOK_TC_HOME, "neighbour unknown", &in, SENT_REVERSE, &out);
	entry.agent = addr("2001:db8:dead::1");
	memcpy(out.data + FRAME_ETH + 24, &entry.agent, 16);
	set_home(r, MY_HOME, &entry);
	expect_out(r, HOOK_TC_HOME, "no route", &in, SENT_REVERSE, &out);
	entry = changing_over(r);
	out = to_agent(&in, MY_COA);
	entry.next.ifindex = r->lan;
	set_home(r, MY_HOME, &entry);
	expect_out(r, HOOK_TC_HOME, "the route leads elsewhere", &in, SENT_REVERSE, &out);
	entry = changing_over(r);
	set_home(r, MY_HOME, &entry);
	bpf_map_delete_elem(bpf_map__fd(r->xdp->maps.ports), &r->wan);
	expect_out(r, HOOK_TC_HOME, "no port", &in, SENT_REVERSE, &out);
	got = tapped(fd, 50);
	assert_int_equal(got.len, 0);
	close(fd);
}

static void updates_and_what_does_not_go_through_the_tunnel_go_one_way(void **state)
{
	struct rig *r = *state;
	struct home_address entry = changing_over(r);
	struct frame in = mh_from_stack(MY_HOME, MY_AGENT, MH_BU, 40), out = with_home_address(&in, MY_COA_NEXT), got;
	int fd = tap("wanx");

	be_mobile_node(r, HOME_AWAY);
	set_home(r, MY_HOME, &entry);
	set_update_way(r, MY_HOME, MY_COA_NEXT, r->wan, UINT64_MAX);
	expect_out(r, HOOK_TC_HOME, "update", &in, SENT_UPDATE, &out);
	in = udp_from_stack(MY_HOME, CN, 1413);
	expect(r, HOOK_TC_HOME, "too big", &in, SENT_AGENT);
	in = udp_from_stack(MY_HOME, CN, 8);
	entry.state = HOME_BLOCKED;
	set_home(r, MY_HOME, &entry);
	expect(r, HOOK_TC_HOME, "blocked", &in, DROP_NO_REGISTRATION);
	got = tapped(fd, 50);
	assert_int_equal(got.len, 0);
	close(fd);
}

/* ---- the guard of the uplinks ---- */

static struct frame out_by(struct frame f, uint32_t ifindex)
{
	f.ifindex = ifindex;
	return f;
}

static void a_way_around_the_tunnel_leads_back_into_it(void **state)
{
	struct rig *r = *state;
	struct frame in;

	be_mobile_node(r, HOME_AWAY);
	in = out_by(udp_from_stack(MY_HOME, CN, 32), r->wan);
	expect_uncounted(r, HOOK_TC_OUT, "by the registered uplink", &in, TC_REDIRECT);
	in = out_by(udp_from_stack(MY_HOME, "fe80::9", 32), r->lan);
	expect_uncounted(r, HOOK_TC_OUT, "by another, to a neighbour", &in, TC_REDIRECT);
	in = out_by(udp_from_stack(MY_HOME, CN, 2600), r->wan);
	expect_uncounted(r, HOOK_TC_OUT, "whatever its size", &in, TC_REDIRECT);
	in = out_by(mh_from_stack(MY_HOME, MY_AGENT, MH_BU, 40), r->wan);
	expect_uncounted(r, HOOK_TC_OUT, "an update without a way", &in, TC_REDIRECT);
	set_update_way(r, MY_HOME, MY_COA_NEXT, r->wan, UINT64_MAX);
	expect_uncounted(r, HOOK_TC_OUT, "one that lacks its option yet", &in, TC_REDIRECT);
}

static void without_a_registration_the_guard_drops(void **state)
{
	struct rig *r = *state;
	struct frame in = out_by(udp_from_stack(MY_HOME, CN, 32), r->wan),
		     update = out_by(mh_from_stack(MY_HOME, MY_AGENT, MH_BU, 40), r->wan);
	struct home_address entry = home_entry(r, 77);
	struct in6_addr key = addr(MY_HOME);

	be_mobile_node(r, HOME_BLOCKED);
	expect(r, HOOK_TC_OUT, "blocked", &in, DROP_NO_REGISTRATION);
	expect(r, HOOK_TC_OUT, "update without a way", &update, DROP_NO_REGISTRATION);
	set_home(r, MY_HOME, &entry);
	expect(r, HOOK_TC_OUT, "a state we don't know", &in, DROP_NO_REGISTRATION);
	bpf_map_delete_elem(bpf_map__fd(r->xdp->maps.home_addresses), &key);
	expect(r, HOOK_TC_OUT, "the agent has not got to it yet", &in, DROP_NO_REGISTRATION);
}

static void at_home_the_home_link_alone_is_open(void **state)
{
	struct rig *r = *state;
	struct home_address entry = home_entry(r, HOME_THERE);
	struct frame in = out_by(udp_from_stack(MY_HOME, CN, 32), r->lan),
		     wrong = out_by(udp_from_stack(MY_HOME, CN, 32), r->wan);

	be_mobile_node(r, HOME_THERE);
	entry.way = (struct home_way){ .ifindex = r->lan, .mtu = 1500 };
	set_home(r, MY_HOME, &entry);
	expect_uncounted(r, HOOK_TC_OUT, "the home link", &in, TC_NEXT);
	expect(r, HOOK_TC_OUT, "another", &wrong, DROP_NO_REGISTRATION);
	in = out_by(udp_from_stack(MY_HOME, "ff02::fb", 32), r->lan);
	expect_uncounted(r, HOOK_TC_OUT, "a group on the home link", &in, TC_NEXT);
}

/* RFC 6275 §11.5.5: the update that ends the registration comes from the home address, on the home link. */
static void on_the_way_home_only_the_update_passes(void **state)
{
	struct rig *r = *state;
	uint64_t later = rig_jiffies(r) + 1000000;
	struct frame update = out_by(mh_from_stack(MY_HOME, MY_AGENT, MH_BU, 40), r->lan), in;

	for (int s = HOME_BLOCKED; s <= HOME_AWAY; s++) {
		be_mobile_node(r, s);
		set_update_way(r, MY_HOME, "::", r->lan, later);
		expect_uncounted(r, HOOK_TC_OUT, "the update", &update, TC_NEXT);
		in = out_by(update, r->wan);
		if (s == HOME_AWAY) {
			expect_uncounted(r, HOOK_TC_OUT, "by another uplink", &in, TC_REDIRECT);
			in = out_by(mh_from_stack(MY_HOME, CN, MH_HOTI, 16), r->lan);
			expect_uncounted(r, HOOK_TC_OUT, "to another than the agent", &in, TC_REDIRECT);
			in = out_by(udp_from_stack(MY_HOME, MY_AGENT, 16), r->lan);
			expect_uncounted(r, HOOK_TC_OUT, "no mobility header", &in, TC_REDIRECT);
		} else {
			expect(r, HOOK_TC_OUT, "by another uplink", &in, DROP_NO_REGISTRATION);
			in = out_by(mh_from_stack(MY_HOME, CN, MH_HOTI, 16), r->lan);
			expect(r, HOOK_TC_OUT, "to another than the agent", &in, DROP_NO_REGISTRATION);
			in = out_by(udp_from_stack(MY_HOME, MY_AGENT, 16), r->lan);
			expect(r, HOOK_TC_OUT, "no mobility header", &in, DROP_NO_REGISTRATION);
		}
	}
	be_mobile_node(r, HOME_BLOCKED);
	set_update_way(r, MY_HOME, "::", r->lan, rig_jiffies(r));
	expect(r, HOOK_TC_OUT, "too late", &update, DROP_NO_REGISTRATION);
	set_update_way(r, MY_HOME, MY_COA, r->lan, later);
	expect(r, HOOK_TC_OUT, "not on the home link", &update, DROP_NO_REGISTRATION);
}

static void what_is_not_from_a_home_address_passes_the_guard(void **state)
{
	static const char *const sources[] = { MY_COA, MY_COA_NEXT, CN, "fe80::7", "::" };
	struct rig *r = *state;
	struct frame in, tunnel;

	for (int s = HOME_BLOCKED; s <= HOME_THERE; s++) {
		be_mobile_node(r, s);
		for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
			in = out_by(udp_from_stack(sources[i], CN, 32), r->wan);
			expect_uncounted(r, HOOK_TC_OUT, sources[i], &in, TC_NEXT);
		}
		in = udp_from_stack(MY_HOME, CN, 32);
		tunnel = out_by(to_agent(&in, MY_COA), r->wan);
		expect_uncounted(r, HOOK_TC_OUT, "the tunnel itself", &tunnel, TC_NEXT);
		in = mh_from_stack(MY_HOME, MY_AGENT, MH_BU, 40);
		in = out_by(with_home_address(&in, MY_COA), r->wan);
		expect_uncounted(r, HOOK_TC_OUT, "an update with its option", &in, TC_NEXT);
		in = out_by(udp_from_stack(CN, MY_HOME, 32), r->wan);
		expect_uncounted(r, HOOK_TC_OUT, "to the home address", &in, TC_NEXT);
		in = out_by(udp_from_stack(MY_HOME, CN, 32), r->wan);
		set16(&in, 12, 0x0806);
		expect_uncounted(r, HOOK_TC_OUT, "not IPv6", &in, TC_NEXT);
	}
}

static void what_the_guard_returns_is_tunnelled_with_what_the_kernel_had_in_front(void **state)
{
	struct rig *r = *state;
	struct frame in = out_by(udp_from_stack(MY_HOME, CN, 32), r->wan), out;

	be_mobile_node(r, HOME_AWAY);
	memcpy(in.data, mac_gw, 6);
	memcpy(in.data + 6, mac_wan, 6);
	expect_uncounted(r, HOOK_TC_OUT, "at the uplink", &in, TC_REDIRECT);
	in = out_by(r->out, r->home);
	out = to_agent(&in, MY_COA);
	expect_out(r, HOOK_TC_HOME, "at the device without ND", &in, SENT_REVERSE, &out);
	in = out_by(r->out, r->wan);
	expect_uncounted(r, HOOK_TC_OUT, "at the uplink again", &in, TC_NEXT);
}

/*
 * A packet without a link header, for the programs of devices without Ethernet. A test run takes 14 octets for such a
 * header and the protocol from where it would stand: within the source address, which is chosen so that IPv6 it says.
 */
static struct frame raw(const char *src, const char *dst, uint8_t next, uint32_t ifindex)
{
	struct frame f = { .ifindex = ifindex };
	size_t ip = put_ip6(&f, src, dst, next, 64);

	if (next == NH_MH)
		put_mh(&f, ip, MH_BU, 40);
	else
		put_udp(&f, ip, 32);
	end_ip6(&f, ip);
	return f;
}

static void without_ethernet_nothing_leads_back_and_nothing_goes_in_clear(void **state)
{
	struct rig *r = *state;
	struct home_address entry = home_entry(r, HOME_AWAY);
	struct frame in = raw(HOME_IP, CN, NH_UDP, r->wan), update = raw(HOME_IP, MY_AGENT, NH_MH, r->wan),
		     other = raw("2001:db8:86dd::11", CN, NH_UDP, r->wan);

	be_mobile_node(r, HOME_AWAY);
	set_local(r, HOME_IP, LOCAL_ADDR | LOCAL_HOME);
	set_home(r, HOME_IP, &entry);
	expect(r, HOOK_TC_OUT_IP, "away", &in, DROP_IN_CLEAR);
	expect(r, HOOK_TC_OUT_IP, "away, an update", &update, DROP_IN_CLEAR);
	expect_uncounted(r, HOOK_TC_OUT_IP, "another source", &other, TC_NEXT);
	entry.state = HOME_BLOCKED;
	set_home(r, HOME_IP, &entry);
	expect(r, HOOK_TC_OUT_IP, "blocked", &in, DROP_NO_REGISTRATION);
	set_update_way(r, HOME_IP, "::", r->wan, UINT64_MAX);
	expect_uncounted(r, HOOK_TC_OUT_IP, "on the way home, the update", &update, TC_NEXT);
	expect(r, HOOK_TC_OUT_IP, "on the way home, the rest", &in, DROP_NO_REGISTRATION);
	entry.state = HOME_THERE;
	set_home(r, HOME_IP, &entry);
	expect_uncounted(r, HOOK_TC_OUT_IP, "at home", &in, TC_NEXT);
	in.ifindex = r->lan;
	expect(r, HOOK_TC_OUT_IP, "at home, by another uplink", &in, DROP_NO_REGISTRATION);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(an_update_gets_a_home_address_option),
		RIG_TEST(from_the_home_link_an_update_comes_from_the_home_address_itself),
		RIG_TEST(an_update_that_nobody_asked_for_or_too_late_is_not_sent),
		RIG_TEST(the_way_of_updates_is_for_nothing_else),
		RIG_TEST(what_the_home_address_sends_goes_through_the_tunnel),
		RIG_TEST(every_traffic_class_is_copied_with_its_ecn),
		RIG_TEST(a_flow_has_one_label_and_another_flow_another),
		RIG_TEST(an_encapsulation_limit_is_lowered_and_zero_ends_the_packet),
		RIG_TEST(what_is_too_big_for_the_tunnel_goes_to_the_agent_unchanged),
		RIG_TEST(an_aggregate_is_judged_by_its_segments),
		RIG_TEST(without_a_registration_nothing_is_sent),
		RIG_TEST(at_home_everything_goes_out_as_it_is),
		RIG_TEST(other_sources_are_treated_as_ever),
		RIG_TEST(no_packet_cut_short_leaves_in_clear),
		RIG_TEST(while_a_registration_is_on_the_road_both_ways_are_used),
		RIG_TEST(the_new_way_may_be_one_without_ethernet),
		RIG_TEST(what_only_one_of_the_ways_takes_goes_to_the_agent),
		RIG_TEST(the_new_way_is_looked_up_for_its_own_care_of_address),
		RIG_TEST(where_the_new_way_is_not_passable_the_registered_one_remains),
		RIG_TEST(updates_and_what_does_not_go_through_the_tunnel_go_one_way),
		RIG_TEST(a_way_around_the_tunnel_leads_back_into_it),
		RIG_TEST(without_a_registration_the_guard_drops),
		RIG_TEST(at_home_the_home_link_alone_is_open),
		RIG_TEST(on_the_way_home_only_the_update_passes),
		RIG_TEST(what_is_not_from_a_home_address_passes_the_guard),
		RIG_TEST(what_the_guard_returns_is_tunnelled_with_what_the_kernel_had_in_front),
		RIG_TEST(without_ethernet_nothing_leads_back_and_nothing_goes_in_clear),
	};

	return cmocka_run_group_tests_name("mobile node", tests, rig_open, rig_close);
}
