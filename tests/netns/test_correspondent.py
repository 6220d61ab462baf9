# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Our correspondent against a scripted mobile node: return routability, registrations, data. RFC 6275 §5.2, §9.3 to §9.5."""
import os
import signal
import struct
import time

import pytest

from lab import wire
from lab.correspondent import Correspondent
from lab.expect import binding_error
from lab.gateway import ABI
from lab.optimised import AUTH_DATA, COT, OptimisedNode, parse_test
from lab.topology import CORRESPONDENT, HOME
from lab.wait import SLOW, until

MAX_LIFETIME_S = 420    # MAX_RR_BINDING_LIFETIME, RFC 6275 §12


def correspondent(lab, **settings):
    daemon = Correspondent(lab, **settings)
    lab.gateways.append(daemon)
    return daemon.start()


def node_at(lab, link="f1", home=HOME, **kwargs):
    """A scripted mobile node that is registered with its home agent."""
    node = OptimisedNode(lab, lab.mn, home, **kwargs)
    lab.nodes.append(node)
    node.attach(link)
    node.registered()
    return node


@pytest.fixture
def cn(lab):
    lab.gateway(dad_transmits=0)
    return correspondent(lab)


@pytest.fixture
def mn(lab, cn):
    return node_at(lab)


# ---- return routability ----

@pytest.mark.parametrize("mode, counter", [("native", "test-answered"), ("generic", "test-answered"),
                                           ("tc", "test-answered-slow")])
def test_test_inits_are_answered_in_every_mode_and_with_the_same_octets(lab, mode, counter):
    """RFC 6275 §9.4.1 to §9.4.4: cookie copied, nonce index, token; the daemon and XDP agree on every octet but the flow."""
    lab.gateway(dad_transmits=0)
    cn = correspondent(lab, mode=mode)
    mn = node_at(lab)
    cookie = os.urandom(8)
    # XDP answers as soon as the link-layer address of the default router is known
    until(lambda: mn.care_of_test() and cn.counters(counter), 5, lambda: f"{counter}: {cn.all_counters()}")
    before = cn.counters(counter)
    home, care_of = mn.home_test(cookie), mn.care_of_test(cookie)
    assert home.token != care_of.token and home.index == care_of.index
    assert cn.counters(counter) == before + 2
    # with an option XDP leaves it to the daemon: the answer must be the same, octet for octet behind the IPv6 header
    before = len(mn.inbox)
    mh = wire.mobility_header(2, b"\0\0" + cookie, b"\x01\x06" + bytes(6))
    mn.send(wire.ipv6(mn.care_of, CORRESPONDENT, wire.MH, wire.summed(mn.care_of, CORRESPONDENT, wire.MH, mh, 4)))
    slow = mn.wait(lambda p: parse_test(p, COT), before, what="care-of test by the daemon")
    assert slow.packet[40:] == care_of.packet[40:]
    assert slow.packet[6:8] == care_of.packet[6:8] and slow.packet[8:40] == care_of.packet[8:40]
    assert cn.show("nonces")["nonces"][0]["index"] == home.index


def test_the_same_nonce_gives_the_same_token_and_another_address_another(lab, cn, mn):
    first, again = mn.care_of_test(), mn.care_of_test()
    assert (first.index, first.token) == (again.index, again.token)
    mn.attach("f2")
    assert mn.care_of_test().token != first.token


def test_nothing_is_kept_of_a_test_init(cn, mn):
    """§5.2.5: the correspondent holds no state for it."""
    mn.home_test()
    mn.care_of_test()
    assert not cn.bindings() and cn.show("status")["optimised_bindings"] == 0


def test_nonces_are_shown_without_their_secrets(cn, mn):
    token = mn.care_of_test()
    shown = cn.show("nonces")["nonces"]
    assert shown[0]["index"] == token.index and shown[0]["given_out"] and set(shown[0]) == {
        "index", "age_s", "remaining_s", "given_out"}
    assert "btf_id" not in cn.ns.run(["bpftool", "-j", "map", "show", "pinned", f"{cn.pin_dir}/{ABI}/nonces"]).stdout or \
        "kcn" not in cn.ns.run(["bpftool", "map", "dump", "pinned", f"{cn.pin_dir}/{ABI}/nonces"], check=False).stdout


# ---- registrations ----

def test_an_update_is_taken_and_acknowledged_with_an_authenticator(cn, mn):
    """§9.5.1, §9.5.4"""
    ack = mn.bound(lifetime_s=400)
    assert (ack.status, ack.seq, ack.lifetime_s) == (0, 1, 400)
    assert mn.ack_is_authentic(ack)
    binding = cn.bindings()[HOME]
    assert binding["kind"] == "optimised" and binding["care_of_address"] == mn.care_of and binding["sequence"] == 1
    assert cn.counters("peer-bound") == 1


def test_an_update_that_asks_for_none_gets_no_acknowledgement(cn, mn):
    mn.home_test()
    mn.care_of_test()
    mn.send(mn.peer_update_packet(9, flags=0))
    cn.wait_bindings(1)
    assert not mn.received(lambda p: (wire.parse_mobility(p) or wire.Message(0, "", "")).source == CORRESPONDENT
                           and p[6] == wire.ROUTING)


def test_no_lifetime_beyond_420_seconds_is_granted(cn, mn):
    """MAX_RR_BINDING_LIFETIME, §12"""
    assert mn.bound(lifetime_s=4000).lifetime_s == MAX_LIFETIME_S


def test_max_lifetime_of_the_configuration_is_kept(lab):
    lab.gateway(dad_transmits=0)
    correspondent(lab, max_lifetime=60)
    assert node_at(lab).bound(lifetime_s=400).lifetime_s == 60


def test_a_refresh_and_a_move_keep_one_binding(lab, cn, mn):
    mn.bound()
    assert mn.peer_update().status == 0
    mn.attach("f2")
    mn.registered()
    mn.care_of_test()
    assert mn.peer_update().status == 0
    assert len(cn.bindings()) == 1 and cn.bindings()[HOME]["care_of_address"] == mn.care_of
    assert cn.counters("peer-refreshed") == 1 and cn.counters("peer-moved") == 1


def test_an_alternate_care_of_address_is_bound(lab, cn, mn):
    """§9.5.1: the care-of address is the option's; the token must be that address's."""
    other = "2001:db8:f1::77"
    lab.mn.ip(f"addr add {other}/64 dev f1 nodad")
    mn.home_test()
    mn.send(mn.care_of_test_init(b"12345678", other))
    mn.care_of_token = mn.wait(lambda p: parse_test(p, COT), what="care-of test for the other address")
    mh_more = b"\x01\x00" + b"\x03\x10" + wire.a2b(other)
    from lab.optimised import signed
    mh = signed(other, CORRESPONDENT, mn.key(), 5, 400, (mn.home_token.index, mn.care_of_token.index), more=mh_more)
    before = len(mn.inbox)
    mn.send(wire.signalled(mn.care_of, CORRESPONDENT, HOME, mh))
    assert mn.wait_peer_ack(before).status == 0
    assert cn.bindings()[HOME]["care_of_address"] == other


def test_deletion_from_abroad_needs_the_home_token_alone(cn, mn):
    """§5.2.6, §9.5.3"""
    mn.bound()
    ack = mn.peer_update(lifetime_s=0)
    assert (ack.status, ack.lifetime_s) == (0, 0)
    assert mn.ack_is_authentic(ack, key=mn.key(deletion=True))
    assert not cn.bindings() and cn.counters("peer-deleted") == 1


def test_deletion_from_home_is_answered_there_without_routing_header(lab, cn, mn):
    """§11.5.5, §9.5.4"""
    mn.bound()
    assert mn.return_home(claim=False).status == 0
    ack = mn.peer_update(lifetime_s=0)
    assert ack.status == 0 and ack.home is None
    assert not cn.bindings()


def test_a_number_that_is_not_newer_gets_135_with_the_cached_one(cn, mn):
    mn.bound(seq=100)
    for seq in (100, 99, 100 - 0x7FFF):
        ack = mn.peer_update(seq=seq)
        assert (ack.status, ack.seq) == (135, 100) and mn.ack_is_authentic(ack)
    assert mn.peer_update(seq=101).status == 0


def test_expired_nonces_get_136_to_138_without_authenticator(cn, mn):
    """§9.5.1, §9.5.4"""
    mn.bound()
    home, care_of = mn.home_token.index, mn.care_of_token.index
    for indices, status in (((home - 100, care_of), 136), ((home, care_of - 100), 137), ((home - 9, care_of - 9), 138),
                            ((home + 1, care_of + 1), 138)):
        ack = mn.peer_update(indices=tuple(index & 0xFFFF for index in indices))
        assert ack.status == status and AUTH_DATA not in ack.options
    assert cn.bindings()[HOME]["sequence"] == 1


def test_a_home_registration_is_refused_with_131(cn, mn):
    """§10.3.1: this node is no home agent."""
    before = len(mn.inbox)
    mn.send(wire.signalled(mn.care_of, CORRESPONDENT, HOME, wire.binding_update(3, 100)))
    assert mn.wait_peer_ack(before).status == 131


def test_a_home_agent_is_a_correspondent_too_and_its_own_nodes_change_no_type(lab):
    """§9.5.1: 139 where the registration is a home registration."""
    ha = lab.gateway(dad_transmits=0)
    mn = node_at(lab, correspondent="2001:db8:1::1")
    mn.home_test()
    mn.care_of_test()
    assert mn.peer_update(seq=mn.seq + 10).status == 139
    assert ha.bindings()[HOME]["kind"] == "home"


def test_a_binding_ends_with_its_lifetime(cn, mn):
    mn.bound(lifetime_s=4)
    until(lambda: not cn.bindings(), 6, "the binding ends")
    assert cn.counters("peer-expired") == 1
    before = len(mn.inbox)
    mn.ping_direct()
    assert binding_error(mn, before).status == 1


def test_a_refresh_is_asked_for_before_the_end_of_a_binding_in_use(cn, mn):
    """§9.5.5: to the home address, through the home agent."""
    mn.bound(lifetime_s=8)
    mn.ping_direct()
    until(lambda: mn.routed(), 3, "an answer with routing header")
    found = mn.wait(lambda p: p[6] == wire.IPV6 and p[46] == wire.MH and p[82] == wire.BRR and p[40:], 0, 8, "refresh request")
    assert wire.source(found) == CORRESPONDENT and wire.destination(found) == HOME
    assert cn.counters("refresh-requested") >= 1


def test_full_the_binding_that_ends_first_makes_room(lab):
    lab.gateway(dad_transmits=0, mobile_nodes=(HOME, "2001:db8:1::101"))
    cn = correspondent(lab, max_bindings=1)
    mn = node_at(lab)
    mn.bound()
    other = node_at(lab, "f2", "2001:db8:1::101")
    other.bound()
    assert list(cn.bindings()) == ["2001:db8:1::101"] and cn.counters("peer-evicted") == 1


def test_prefixes_without_route_optimisation_get_no_token_and_no_binding(lab):
    lab.gateway(dad_transmits=0)
    cn = correspondent(lab, refuse_prefixes=["2001:db8:1::/64"])
    mn = node_at(lab)
    with pytest.raises(Exception, match="home test"):
        mn.home_test(timeout=1)
    assert cn.counters("test-refused") + cn.counters("test-refused-slow") == 1
    assert mn.care_of_test()


def test_sighup_ends_what_is_refused_from_now_on(lab, cn, mn):
    mn.bound()
    cn.config["correspondent"] = {"refuse-prefixes": ["2001:db8:1::/64"]}
    cn.write_config()
    cn.process.send_signal(signal.SIGHUP)
    until(lambda: not cn.bindings(), 3, "the binding is deleted")


# ---- data ----

def test_data_goes_straight_both_ways_and_sockets_see_the_home_address(lab, cn, mn):
    """§9.3.1, §9.3.2: home address option in, type 2 routing header out."""
    mn.bound()
    before = len(mn.inbox)
    mn.ping_direct(sequence=5)
    reply = until(lambda: mn.routed(before), 3, "an answer with a routing header")[0]
    assert reply[0] == wire.ECHO_REPLY and wire.checksum(CORRESPONDENT, HOME, wire.ICMPV6, reply) == 0
    done = lab.cn.run(f"ping -c 3 -i 0.2 {HOME}")
    assert " 0% packet loss" in done.stdout
    assert cn.counters("pass-home-address") >= 4 and cn.counters("route-header-inserted") >= 4
    assert not mn.from_tunnel(before)


def test_what_is_only_forwarded_gets_no_routing_header(lab, mn, cn):
    """§9.3.2 is about a host's own packets: a router that is a correspondent leaves others' alone."""
    core = correspondent(lab, ns="core", interfaces=("cn", "ha", "f1", "f2"))
    mn.correspondent = "2001:db8:f1::1"
    mn.bound()
    assert HOME in core.bindings()
    before = len(mn.inbox)
    lab.cn.run(f"ping -c 3 -i 0.2 {HOME}", check=False)
    until(lambda: len(mn.from_tunnel(before)) >= 2, 3, "forwarded packets go by the home agent")
    assert not mn.routed(before)
    done = lab.core.run(f"ping -c 2 -i 0.2 -I 2001:db8:f1::1 {HOME}", check=False)
    assert until(lambda: len(mn.routed(before)) >= 2, 3, lambda: done.stdout)


def test_sockets_see_the_smaller_path_mtu_at_once(lab, cn, mn):
    """24 octets of routing header: a full packet is never lost for them."""
    mn.bound()
    until(lambda: "mtu 1476" in lab.cn.run(f"ip -6 route get {HOME}").stdout, 2,
          lambda: lab.cn.run(f"ip -6 route get {HOME}").stdout)
    before = len(mn.inbox)
    done = lab.cn.run(f"ping -c 2 -i 0.2 -M do -s 1428 {HOME}")
    assert " 0% packet loss" in done.stdout and all(len(p) == 1436 for p in mn.routed(before))
    assert "local error: message too long" in lab.cn.run(f"ping -c 1 -M do -s 1429 -W 1 {HOME}", check=False).stderr.lower() \
        or lab.cn.run(f"ping -c 1 -M do -s 1429 -W 1 {HOME}", check=False).returncode


def test_a_packet_too_big_on_the_way_is_told_to_the_socket(lab, cn, mn):
    """§9.3.4, RFC 8201: about the packet as the socket sent it."""
    mn.bound()
    mn.ping_direct()
    until(mn.routed, 3, "an answer")
    quoted = mn.received(lambda p: p[6] == wire.ROUTING and p[40] == wire.ICMPV6)[0]
    core = "2001:db8:f1::1"
    mn.send(wire.icmp(core, CORRESPONDENT, wire.TOO_BIG, 0, struct.pack("!I", 1400) + quoted))
    until(lambda: "mtu 1376" in lab.cn.run(f"ip -6 route get {HOME}").stdout, 2,
          lambda: lab.cn.run(f"ip -6 route get {HOME}").stdout)
    assert cn.bindings()[HOME]["path_mtu"] == 1400


def unreachable(mn, quoted):
    mn.send(wire.icmp("2001:db8:f1::1", CORRESPONDENT, wire.UNREACHABLE, 3, bytes(4) + quoted))


def test_unreachables_delete_only_where_they_persist(cn, mn):
    """§9.3.4"""
    mn.bound()
    mn.ping_direct()
    until(mn.routed, 3, "an answer")
    quoted = mn.received(lambda p: p[6] == wire.ROUTING and p[40] == wire.ICMPV6)[0]
    unreachable(mn, quoted)
    time.sleep(0.3)
    assert HOME in cn.bindings()
    end = time.monotonic() + 8 * SLOW
    while HOME in cn.bindings():
        assert time.monotonic() < end, "persistent unreachables delete the binding"
        unreachable(mn, quoted)
        time.sleep(0.5)
    assert cn.counters("peer-unreachable") == 1


# ---- restart ----

def test_a_restart_keeps_bindings_nonces_and_numbers(lab, cn, mn):
    """DESIGN §2.3; §5.2.8: what was deleted before can't be played again after it."""
    mn.bound(seq=10)
    kept = mn.peer_update_packet(11)
    assert mn.peer_update(seq=11).status == 0
    before = cn.bindings()[HOME]
    cn.restart()
    after = cn.bindings()[HOME]
    assert (before["care_of_address"], before["sequence"]) == (after["care_of_address"], after["sequence"])
    assert mn.peer_update(seq=12).status == 0, "the nonces are the same"
    assert mn.peer_update(seq=13, lifetime_s=0).status == 0
    cn.restart()
    inbox = len(mn.inbox)
    mn.send(kept)
    assert mn.wait_peer_ack(inbox).status == 135
    assert not cn.bindings()


def test_kill9_loses_no_packet(lab, cn, mn):
    mn.bound()
    until(lambda: mn.care_of_test() and cn.counters("test-answered"), 5, "XDP answers")
    cn.kill9()
    done = lab.cn.run(f"ping -c 5 -i 0.1 {HOME}")
    assert " 0% packet loss" in done.stdout
    mn.care_of_test()       # XDP goes on answering, for as long as the nonce is young
