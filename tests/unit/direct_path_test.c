// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * direct_path.c: what our headers cost, and errors about packets that bear them. The mobile node's half is real, on
 * link 1 with a correspondent; the correspondent's half is one binding. RFC 6275 §9.3.4, §11.3.1, §11.3.5; RFC 8201.
 */
#include "mobile_peers_rig.h"

#include <stdlib.h>

#include "raw.h"

#define HERE "2001:db8:9::1"  /* an address of ours that is nobody's home address */
#define BOUND "2001:db8:2::7" /* bound here, at AWAY */
#define AWAY "2001:db8:f7::7"
#define STRANGER "2001:db8:bad::1"

enum { ICMP_LEN = sizeof(struct mip6_icmp) };

/* ---- the correspondent's half ---- */

static struct binding_entry binding;

struct binding_entry *correspondent_binding(struct gateway *gateway, const struct in6_addr *home)
{
	return !IN6_IS_ADDR_UNSPECIFIED(&binding.home) && addr_equal(&binding.home, home) ? &binding : NULL;
}

bool correspondent_on_error(struct gateway *gateway, const struct packet_route_error *error)
{
	fake_call("binding_error %u/%u about %s", error->type, error->code, addr_text(&error->dst));
	return true;
}

static void bind_at(const char *home, const char *care_of)
{
	binding = (struct binding_entry){ .home = addr(home),
					  .care_of = addr(care_of),
					  .seq = 1,
					  .lifetime_s = 420,
					  .granted = fake.now,
					  .expires = mono_add_s(fake.now, 420),
					  .state = BINDING_ACTIVE,
					  .nexthop = 1 };
}

static int setup(void **state)
{
	memset(&binding, 0, sizeof(binding));
	return rig_setup(state);
}

/* ---- what the headers take ---- */

/* Where what we send comes from. */
enum origin {
	FROM_HERE,     /* an address of the host, by its own routes */
	FROM_TUNNEL,   /* a home address away from home */
	FROM_STRAIGHT, /* the same, bound at the correspondent */
	FROM_HOME,     /* a home address at home */
};

struct path_case {
	enum origin origin;
	bool bound;			    /* the correspondent here: RH2 */
	uint16_t route, learned, link;	    /* MTU of the route there, learned of the binding, of our uplink; 0: 1500 */
	uint16_t overhead, path_mtu, inner; /* overhead 0: nothing is added */
};

static void check_path(size_t i, const struct path_case *c)
{
	struct in6_addr home = addr(HOME), here = addr(HERE), peer = addr(PEER);
	struct mobile_place at = { .ifindex = WLAN, .mtu = c->link ? c->link : 1500, .tunnel = true };
	struct direct_path path;

	if (c->origin != FROM_HOME)
		at.care_of = addr(CARE_1);
	mobile_peers_moved(&gw, &home, &at);
	if (c->origin == FROM_STRAIGHT) {
		talk(HOME, PEER);
		pass_ms(100);
		assert_true(is_direct(HOME, PEER));
	}
	if (c->bound)
		bind_at(PEER, AWAY);
	binding.path_mtu = c->learned;
	fake_peers.route_mtu = c->route;
	CHECK_CASE(i, direct_path(&gw, c->origin == FROM_HERE ? &here : &home, &peer, &path) == (c->overhead > 0));
	if (!c->overhead)
		return;
	CHECK_CASE(i, path.overhead == c->overhead);
	CHECK_CASE(i, path.path_mtu == c->path_mtu);
	CHECK_CASE(i, direct_path_inner_mtu(&path) == c->inner);
}

static void headers_leave_less_to_sockets_and_never_less_than_1280(void **state)
{
	static const struct path_case cases[] = {
		{ FROM_HERE, false, 0, 0, 0, 0, 0, 0 },
		{ FROM_HERE, true, 0, 0, 0, 24, 1500, 1476 },
		{ FROM_HERE, true, 0, 1400, 0, 24, 1400, 1376 },
		{ FROM_HERE, true, 1400, 1450, 0, 24, 1400, 1376 },
		{ FROM_HERE, true, 9000, 0, 0, 24, 9000, 8976 },
		{ FROM_HERE, true, 65535, 0, 0, 24, 65535, 65511 },
		{ FROM_HERE, true, 1305, 0, 0, 24, 1305, 1281 },
		{ FROM_HERE, true, 1304, 0, 0, 24, 1304, 1280 },
		{ FROM_HERE, true, 1303, 0, 0, 24, 1303, 1280 },
		{ FROM_HERE, true, 1000, 0, 0, 24, 1280, 1280 },
		{ FROM_HERE, true, 0, 0, 1400, 24, 1500, 1476 }, /* not by that uplink */
		{ FROM_TUNNEL, false, 0, 0, 0, 0, 0, 0 },
		{ FROM_TUNNEL, true, 0, 0, 0, 0, 0, 0 }, /* the tunnel's MTU is that of the route */
		{ FROM_STRAIGHT, false, 0, 0, 0, 24, 1500, 1476 },
		{ FROM_STRAIGHT, false, 1300, 0, 0, 24, 1500, 1476 }, /* the host's route isn't its way */
		{ FROM_STRAIGHT, false, 0, 0, 1400, 24, 1400, 1376 },
		{ FROM_STRAIGHT, false, 0, 0, 1280, 24, 1280, 1280 },
		{ FROM_STRAIGHT, true, 0, 0, 0, 48, 1500, 1452 },
		{ FROM_STRAIGHT, true, 0, 0, 1400, 48, 1400, 1352 },
		{ FROM_STRAIGHT, true, 0, 1450, 1400, 48, 1400, 1352 },
		{ FROM_STRAIGHT, true, 0, 1329, 0, 48, 1329, 1281 },
		{ FROM_STRAIGHT, true, 0, 1328, 0, 48, 1328, 1280 },
		{ FROM_STRAIGHT, true, 0, 1327, 0, 48, 1327, 1280 },
		{ FROM_HOME, false, 0, 0, 0, 0, 0, 0 },
		{ FROM_HOME, true, 0, 0, 1400, 24, 1400, 1376 },
		{ FROM_HOME, true, 0, 1390, 1400, 24, 1390, 1366 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		rig_teardown(state);
		setup(state);
		check_path(i, &cases[i]);
	}
}

static void path_without_a_route_carries_1280(void **state)
{
	struct in6_addr here = addr(HERE), bound = addr(BOUND);
	struct direct_path path;

	bind_at(BOUND, AWAY);
	fake_peers.route_error = -ENETUNREACH;
	assert_true(direct_path(&gw, &here, &bound, &path));
	assert_int_equal(path.path_mtu, 1280);
	assert_int_equal(direct_path_inner_mtu(&path), 1280);
}

static void pure_correspondent_has_no_home_address_option(void **state)
{
	struct in6_addr here = addr(HERE), bound = addr(BOUND), other = addr(STRANGER);
	struct mobile_peers *peers = gw.peers;
	struct direct_path path;

	gw.peers = NULL;
	bind_at(BOUND, AWAY);
	assert_true(direct_path(&gw, &here, &bound, &path));
	assert_int_equal(path.overhead, 24);
	assert_false(direct_path(&gw, &here, &other, &path));
	gw.peers = peers;
}

/* ---- sockets are told ---- */

static void sockets_are_told_by_a_packet_too_big_about_an_echo_request(void **state)
{
	struct in6_addr home = addr(HOME), peer = addr(PEER);
	struct mip6_icmp head;
	struct mip6_ipv6 ip;

	settle();
	bind_at(PEER, AWAY);
	direct_path_tell(&gw, &home, &peer);
	EXPECT_CALLS("send_icmp 2/0 data 1452 quoting 48 from " HOME " to " HOME " ifindex 0");
	assert_int_equal(fake.sent_len, ICMP_LEN + IP6_HDR_LEN + 8);
	memcpy(&head, fake.sent, sizeof(head));
	memcpy(&ip, fake.sent + sizeof(head), sizeof(ip));
	assert_int_equal(head.checksum, 0); /* the kernel's to fill */
	assert_int_equal(ntohl(ip.ver_tc_flow), 6U << 28);
	assert_int_equal(ntohs(ip.payload_len), 8);
	assert_int_equal(ip.nexthdr, NH_ICMPV6);
	assert_memory_equal(&ip.src, &home, sizeof(home));
	assert_memory_equal(&ip.dst, &peer, sizeof(peer));
	assert_int_equal(fake.sent[ICMP_LEN + IP6_HDR_LEN], ICMP6_ECHO_REQUEST);
}

static void nobody_is_told_of_a_path_without_headers(void **state)
{
	struct in6_addr home = addr(HOME), other = addr(PEER_2);

	settle();
	direct_path_tell(&gw, &home, &other);
	EXPECT_NO_CALLS();
}

static void refused_telling_is_counted(void **state)
{
	struct in6_addr home = addr(HOME), peer = addr(PEER);

	settle();
	fake_fail("send_icmp", -ENOBUFS);
	direct_path_tell(&gw, &home, &peer);
	assert_true(counted(AGENT_SEND_FAILED) == 1);
}

/* ---- errors ---- */

/* A packet of ours as it left. */
struct sent_packet {
	const char *src, *dst, *route,
		*home;	 /* route: address in its routing header; home: in its option; NULL: none */
	uint8_t proto;	 /* 0: UDP */
	uint8_t mh_type; /* with NH_MH */
};

/* An error about it. */
struct icmp_error {
	uint8_t type, code;
	uint32_t data;
};

static void add_route(struct raw *raw, const char *home)
{
	uint8_t body[RH2_LEN - 1] = { 2, RH_TYPE2, 1 };
	struct in6_addr a = addr(home);

	memcpy(body + 7, &a, sizeof(a));
	add_header(raw, NH_ROUTING, body, RH2_LEN);
}

/* @buf: at least 1240 octets. */
static size_t build_error(const struct sent_packet *p, const struct icmp_error *error, uint8_t *buf)
{
	uint8_t upper[100] = { 0x12, 0x34, 0, 7 };
	struct raw raw = { .len = 0 };

	add_ip(&raw, p->src, p->dst);
	if (p->route)
		add_route(&raw, p->route);
	if (p->home)
		add_hao(&raw, p->home);
	if (p->proto == NH_MH) {
		upper[0] = NH_NONE;
		upper[1] = 1;
		upper[2] = p->mh_type;
	}
	add_upper(&raw, p->proto ? p->proto : IPPROTO_UDP, upper, sizeof(upper));
	return packet_build_icmp_error(error->type, error->code, error->data, raw.data, raw.len, buf);
}

/* In memory of that very size, so that a sanitizer sees a step beyond. */
static bool on_error_cut(const uint8_t *icmp, size_t len)
{
	uint8_t *exact = malloc(len ? len : 1);
	bool ours;

	assert_non_null(exact);
	memcpy(exact, icmp, len);
	ours = direct_path_on_error(&gw, exact, len);
	free(exact);
	return ours;
}

static bool on_error(const struct sent_packet *p, const struct icmp_error *error)
{
	uint8_t buf[IP6_MIN_MTU];

	return on_error_cut(buf, build_error(p, error, buf));
}

static const struct icmp_error too_big = { ICMP6_TOO_BIG, 0, 1400 };
static const struct sent_packet to_bound = { .src = HERE, .dst = AWAY, .route = BOUND };
static const struct sent_packet from_home = { .src = CARE_1, .dst = PEER, .home = HOME };
static const struct sent_packet both = { .src = CARE_1, .dst = AWAY, .route = PEER, .home = HOME };

/* The last message quotes the packet as its socket sent it. */
static void check_quote(const char *src, const char *dst)
{
	struct in6_addr s = addr(src), d = addr(dst);
	struct packet_view view;

	assert_int_equal(packet_walk(fake.sent + ICMP_LEN, fake.sent_len - ICMP_LEN, &view), 0);
	assert_memory_equal(&view.src, &s, sizeof(s));
	assert_memory_equal(&view.dst, &d, sizeof(d));
	assert_int_equal(view.proto, IPPROTO_UDP);
	assert_int_equal(view.offset, IP6_HDR_LEN);
	assert_int_equal(fake.sent_len, ICMP_LEN + IP6_HDR_LEN + 100);
	assert_int_equal(fake.sent[ICMP_LEN + IP6_HDR_LEN], 0x12);
}

static void too_big_by_a_routing_header_is_learned_and_handed_on(void **state)
{
	bind_at(BOUND, AWAY);
	assert_true(on_error(&to_bound, &too_big));
	EXPECT_CALLS("binding_set " BOUND " -> " AWAY " seq 1 for 420 s nexthop 1 mtu 1400",
		     "binding_error 2/0 about " BOUND,
		     "send_icmp 2/0 data 1376 quoting 140 from " HERE " to " HERE " ifindex 0");
	check_quote(HERE, BOUND);
	assert_true(binding.path_mtu_until.ns == mono_add_s(fake.now, 600).ns);
	assert_true(counted(AGENT_ICMP_TRANSLATED) == 1);
}

static void path_of_a_binding_is_never_raised_by_a_report(void **state)
{
	static const struct {
		uint32_t reported;
		uint16_t before, after;
		uint32_t inner;
	} cases[] = {
		{ 1400, 0, 1400, 1376 },	  { 1400, 1399, 1399, 1376 }, { 1400, 1400, 1400, 1376 },
		{ 1400, 1401, 1400, 1376 },	  { 1280, 0, 1280, 1280 },    { 1279, 0, 1280, 1280 },
		{ 0, 1400, 1280, 1280 },	  { 65535, 0, 65535, 65511 }, { 65536, 0, 0, 65512 },
		{ 0xFFFFFFFF, 0, 0, 0xFFFFFFE7 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct icmp_error error = { ICMP6_TOO_BIG, 0, cases[i].reported };
		struct mip6_icmp head;

		bind_at(BOUND, AWAY);
		binding.path_mtu = cases[i].before;
		fake_forget();
		CHECK_CASE(i, on_error(&to_bound, &error));
		CHECK_CASE(i, binding.path_mtu == cases[i].after);
		CHECK_CASE(i, fake_calls("binding_set") == (cases[i].before != cases[i].after));
		memcpy(&head, fake.sent, sizeof(head));
		CHECK_CASE(i, ntohl(head.data) == cases[i].inner);
	}
}

static void too_big_by_a_home_address_option_is_learned_and_handed_on(void **state)
{
	settle();
	assert_true(on_error(&from_home, &too_big));
	EXPECT_CALLS("peer_set " HOME " " PEER " update direct",
		     "send_icmp 2/0 data 1376 quoting 48 from " HOME " to " HOME " ifindex 0", /* of its own */
		     "send_icmp 2/0 data 1376 quoting 140 from " HOME " to " HOME " ifindex 0");
	check_quote(HOME, PEER);
	assert_int_equal(fake_peer_entry(HOME, PEER)->mtu, 1400);
	assert_true(counted(AGENT_ICMP_TRANSLATED) == 1);
}

static void too_big_by_both_is_learned_by_both(void **state)
{
	settle();
	bind_at(PEER, AWAY);
	assert_true(on_error(&both, &too_big));
	EXPECT_CALLS("binding_set " PEER " -> " AWAY " seq 1 for 420 s nexthop 1 mtu 1400",
		     "binding_error 2/0 about " PEER, "peer_set " HOME " " PEER " update direct",
		     "send_icmp 2/0 data 1352 quoting 48 from " HOME " to " HOME " ifindex 0",
		     "send_icmp 2/0 data 1352 quoting 140 from " HOME " to " HOME " ifindex 0");
	check_quote(HOME, PEER);
	assert_true(counted(AGENT_ICMP_TRANSLATED) == 1);
}

/* §9.3.4: unreachable is for the upper layers too; what is wrong with a header that we added is not. */
static void other_errors_are_handed_on_where_the_socket_has_a_use_for_them(void **state)
{
	static const struct {
		struct icmp_error error;
		bool mobility;	  /* about a mobility header of ours: nobody's socket */
		const char *sent; /* NULL: nothing */
	} cases[] = {
		{ { 1, 0, 0 }, false, "send_icmp 1/0 data 0 quoting 140" },
		{ { 1, 3, 99 }, false, "send_icmp 1/3 data 0 quoting 140" },
		{ { 1, 4, 0 }, false, "send_icmp 1/4 data 0 quoting 140" },
		{ { 3, 0, 0 }, false, "send_icmp 3/0 data 0 quoting 140" },
		{ { 4, 0, 42 }, false, NULL },
		{ { 4, 1, 40 }, false, NULL },
		{ { 4, 2, 64 }, false, NULL },
		{ { 1, 3, 0 }, true, NULL },
		{ { 2, 0, 1400 }, true, NULL },
		{ { 4, 1, 40 }, true, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sent_packet p = to_bound;
		char about[100];

		if (cases[i].mobility)
			p.proto = NH_MH;
		p.mh_type = MH_BA;
		bind_at(BOUND, AWAY);
		fake_forget();
		snprintf(about, sizeof(about), "binding_error %u/%u about " BOUND, cases[i].error.type,
			 cases[i].error.code);
		CHECK_CASE(i, on_error(&p, &cases[i].error));
		CHECK_CASE(i, fake_calls(about) == 1);
		CHECK_CASE(i, fake_calls("send_icmp") == (cases[i].sent != NULL));
		CHECK_CASE(i, !cases[i].sent || fake_calls(cases[i].sent) == 1);
		CHECK_CASE(i, counted(AGENT_ICMP_STRANGE) == 0);
	}
}

static void refused_translation_is_counted_as_that(void **state)
{
	bind_at(BOUND, AWAY);
	fake_fail("send_icmp", -EPERM);
	assert_true(on_error(&to_bound, &too_big));
	assert_true(counted(AGENT_SEND_FAILED) == 1 && counted(AGENT_ICMP_TRANSLATED) == 0);
}

static void what_we_never_sent_is_strange_and_goes_nowhere(void **state)
{
	static const struct sent_packet cases[] = {
		{ HERE, STRANGER, BOUND, NULL, 0, 0 }, /* bound elsewhere */
		{ HERE, BOUND, BOUND, NULL, 0, 0 },
		{ HERE, AWAY, STRANGER, NULL, 0, 0 }, /* not bound */
		{ HERE, AWAY, AWAY, NULL, 0, 0 },
		{ CARE_1, STRANGER, NULL, HOME, 0, 0 }, /* nobody that we talk to */
		{ CARE_1, PEER, NULL, HOME_2, 0, 0 },	/* not a home address of ours */
		{ CARE_1, PEER, NULL, STRANGER, 0, 0 },
		{ CARE_1, AWAY, STRANGER, HOME, 0, 0 },
		{ CARE_1, AWAY, PEER, HOME_2, 0, 0 },
		{ CARE_1, STRANGER, NULL, HOME, NH_MH, MH_BU },
	};

	settle();
	bind_at(BOUND, AWAY);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CHECK_CASE(i, on_error(&cases[i], &too_big));
		CHECK_CASE(i, fake.count == 0);
		CHECK_CASE(i, counted(AGENT_ICMP_STRANGE) == i + 1);
	}
	assert_int_equal(binding.path_mtu, 0);
	assert_int_equal(fake_peer_entry(HOME, PEER)->mtu, 1500);
}

static void pure_correspondent_knows_no_home_address_options(void **state)
{
	static const struct sent_packet hoti = { .src = HOME, .dst = PEER, .proto = NH_MH, .mh_type = MH_HOTI };
	struct mobile_peers *peers = gw.peers;

	settle();
	gw.peers = NULL;
	assert_true(on_error(&from_home, &too_big));
	assert_true(counted(AGENT_ICMP_STRANGE) == 1);
	assert_false(on_error(&hoti, &(struct icmp_error){ 4, 1, 40 }));
	EXPECT_NO_CALLS();
	bind_at(BOUND, AWAY);
	assert_true(on_error(&to_bound, &too_big));
	assert_true(counted(AGENT_ICMP_TRANSLATED) == 1);
	gw.peers = peers;
}

/* ---- mobility headers without any of it ---- */

static void correspondent_without_mobility_is_left_in_peace(void **state)
{
	static const struct {
		struct sent_packet sent;
		struct icmp_error error;
		bool ours, ends;
	} cases[] = {
		{ { CARE_1, PEER, NULL, NULL, NH_MH, MH_COTI }, { 4, 1, 40 }, true, true },
		{ { HOME, PEER, NULL, NULL, NH_MH, MH_HOTI }, { 4, 1, 40 }, true, true },
		{ { CARE_1, PEER, NULL, HOME, NH_MH, MH_BU }, { 4, 1, 64 }, true, true },
		{ { CARE_1, PEER, NULL, NULL, NH_MH, MH_COTI }, { 1, 4, 0 }, true, false },
		{ { CARE_1, PEER, NULL, NULL, NH_MH, MH_COTI }, { 2, 0, 1280 }, true, false },
		{ { CARE_1, PEER, NULL, NULL, IPPROTO_UDP, 0 }, { 4, 1, 40 }, false, false }, /* the kernel's */
		{ { CARE_2, PEER, NULL, NULL, NH_MH, MH_COTI }, { 4, 1, 40 }, false, false },
		{ { CARE_1, STRANGER, NULL, NULL, NH_MH, MH_COTI }, { 4, 1, 40 }, false, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		rig_teardown(state);
		setup(state);
		moved(HOME, CARE_1, WLAN);
		talk(HOME, PEER);
		fake_forget();
		CHECK_CASE(i, on_error(&cases[i].sent, &cases[i].error) == cases[i].ours);
		CHECK_CASE(i, counted(AGENT_PEER_UNSUPPORTED) == cases[i].ends);
		CHECK_CASE(i, fake_calls("send") == 0);
	}
}

/* ---- cut quotes ---- */

static void quote_cut_before_its_headers_end_is_nobody_s(void **state)
{
	static const struct sent_packet *const packets[] = { &to_bound, &from_home, &both };
	static const size_t added[] = { 24, 24, 48 };
	uint8_t buf[IP6_MIN_MTU];

	settle();
	for (size_t i = 0; i < ARRAY_SIZE(packets); i++) {
		size_t len = build_error(packets[i], &too_big, buf), whole = ICMP_LEN + IP6_HDR_LEN + added[i];

		bind_at(i == 2 ? PEER : BOUND, AWAY);
		for (size_t n = 0; n <= len; n++) {
			bool first_of_two = packets[i] == &both && n >= whole - 24;

			fake_forget();
			CHECK_CASE(n, on_error_cut(buf, n) == (n >= whole || first_of_two));
			CHECK_CASE(n, n >= whole || first_of_two || fake.count == 0);
			CHECK_CASE(n, n < whole || fake_calls("send_icmp") > 0);
		}
	}
}

static void cut_mobility_header_is_its_correspondent_s_still(void **state)
{
	static const struct sent_packet coti = { .src = CARE_1, .dst = PEER, .proto = NH_MH, .mh_type = MH_COTI };
	uint8_t buf[IP6_MIN_MTU];
	size_t len;

	settle();
	len = build_error(&coti, &(struct icmp_error){ 1, 4, 0 }, buf);
	for (size_t n = 0; n <= len; n++)
		CHECK_CASE(n, on_error_cut(buf, n) == (n >= ICMP_LEN + IP6_HDR_LEN));
	EXPECT_NO_CALLS();
}

#define DIRECT_TEST(test) cmocka_unit_test_setup_teardown(test, setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		DIRECT_TEST(headers_leave_less_to_sockets_and_never_less_than_1280),
		DIRECT_TEST(path_without_a_route_carries_1280),
		DIRECT_TEST(pure_correspondent_has_no_home_address_option),
		DIRECT_TEST(sockets_are_told_by_a_packet_too_big_about_an_echo_request),
		DIRECT_TEST(nobody_is_told_of_a_path_without_headers),
		DIRECT_TEST(refused_telling_is_counted),
		DIRECT_TEST(too_big_by_a_routing_header_is_learned_and_handed_on),
		DIRECT_TEST(path_of_a_binding_is_never_raised_by_a_report),
		DIRECT_TEST(too_big_by_a_home_address_option_is_learned_and_handed_on),
		DIRECT_TEST(too_big_by_both_is_learned_by_both),
		DIRECT_TEST(other_errors_are_handed_on_where_the_socket_has_a_use_for_them),
		DIRECT_TEST(refused_translation_is_counted_as_that),
		DIRECT_TEST(what_we_never_sent_is_strange_and_goes_nowhere),
		DIRECT_TEST(pure_correspondent_knows_no_home_address_options),
		DIRECT_TEST(correspondent_without_mobility_is_left_in_peace),
		DIRECT_TEST(quote_cut_before_its_headers_end_is_nobody_s),
		DIRECT_TEST(cut_mobility_header_is_its_correspondent_s_still),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
