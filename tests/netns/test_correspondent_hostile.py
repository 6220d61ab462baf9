# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What strangers send to a correspondent, and what it costs them and us. RFC 6275 §5.1, §9.2 to §9.5, §15."""
import os
import struct
import threading
import time

import pytest

from lab import wire
from lab.expect import binding_error, expect, param_problem
from lab.optimised import COT, OptimisedNode, parse_test, signed, init_message
from lab.topology import CORRESPONDENT, HOME
from lab.wait import SLOW, until
from test_correspondent import correspondent, node_at

VICTIM = "2001:db8:1::101"
COTI = 2


@pytest.fixture
def cn(lab):
    lab.gateway(dad_transmits=0, mobile_nodes=(HOME, VICTIM))
    return correspondent(lab)


@pytest.fixture
def mn(lab, cn):
    return node_at(lab)


def broken(packet, at, mask=1):
    """One octet changed, and the checksum of the mobility header made good again: it stands behind 64 octets."""
    octets = bytearray(packet)
    octets[at] ^= mask
    mh = bytes(octets[64:])
    return bytes(octets[:64]) + wire.summed(wire.b2a(octets[48:64]), wire.destination(packet), wire.MH, mh, 4)


# ---- updates ----

def test_any_wrong_octet_of_the_authenticator_is_silently_discarded(cn, mn):
    """§9.5.1"""
    mn.home_test()
    mn.care_of_test()
    good = mn.peer_update_packet(1)
    before = len(mn.inbox)
    for octet in range(12):
        expect(cn, mn, broken(good, len(good) - 12 + octet, 0x80), "peer-forged")
    assert not cn.bindings()
    assert not mn.received(lambda p: wire.parse_mobility(p) and p[6] == wire.ROUTING, before), "an answer"


def test_any_field_changed_on_the_way_makes_it_a_forgery(cn, mn):
    """§6.2.7: care-of address, correspondent and the whole message are under the authenticator."""
    mn.home_test()
    mn.care_of_test()
    good = mn.peer_update_packet(1)
    for at in (70, 71, 72, 73, 74, 75):     # sequence number, flags but A, lifetime
        expect(cn, mn, broken(good, at, 0x10 if at == 73 else 0x01), "peer-forged")
    assert not cn.bindings()


def test_keys_that_are_not_of_both_tokens_open_nothing(cn, mn):
    mn.home_test()
    mn.care_of_test()
    from lab.optimised import kbm
    for key in (kbm(mn.home_token.token), kbm(mn.care_of_token.token, mn.home_token.token), kbm(bytes(8), bytes(8)),
                kbm(mn.home_token.token, bytes(8))):
        expect(cn, mn, mn.peer_update_packet(1, key=key), "peer-forged")
    assert not cn.bindings()


def test_someone_elses_home_address_can_t_be_bound_with_own_tokens(cn, mn):
    """§15.4: the home token goes to the home address."""
    mn.home_test()
    mn.care_of_test()
    expect(cn, mn, mn.peer_update_packet(1, home=VICTIM), "peer-forged")
    expect(cn, mn, mn.peer_update_packet(1, lifetime_s=0, home=VICTIM), "peer-forged")
    assert not cn.bindings()


def test_a_care_of_address_that_did_not_ask_can_t_be_bound(cn, mn):
    """§15.4.2: nobody's traffic is sent to where it was not asked for."""
    mn.home_test()
    mn.care_of_test()
    expect(cn, mn, mn.peer_update_packet(1, care_of="2001:db8:f2::66"), "peer-forged")
    assert not cn.bindings()


def test_an_update_heard_again_changes_nothing(cn, mn):
    """§9.5.1; also after a deletion, for as long as the nonces live (§5.2.8)"""
    mn.home_test()
    mn.care_of_test()
    heard = mn.peer_update_packet(1)
    assert mn.peer_update(seq=1).status == 0
    assert mn.peer_update(seq=2, lifetime_s=0).status == 0
    before = len(mn.inbox)
    mn.send(heard)
    assert mn.wait_peer_ack(before).status == 135
    assert not cn.bindings()


def test_updates_without_indices_or_authenticator_or_home_address_are_discarded(cn, mn):
    mn.home_test()
    mn.care_of_test()
    plain = wire.binding_update(1, 100, wire.A)
    expect(cn, mn, wire.signalled(mn.care_of, CORRESPONDENT, HOME, plain), "peer-incomplete")
    only_indices = wire.binding_update(1, 100, wire.A, struct.pack("!BBHH", 4, 4, 1, 1))
    expect(cn, mn, wire.signalled(mn.care_of, CORRESPONDENT, HOME, only_indices), "peer-incomplete")
    mh = signed(mn.care_of, CORRESPONDENT, mn.key(), 1, 400, (mn.home_token.index, mn.care_of_token.index))
    expect(cn, mn, wire.ipv6(mn.care_of, CORRESPONDENT, wire.MH, wire.summed(mn.care_of, CORRESPONDENT, wire.MH, mh, 4)),
           "peer-forged")       # without the option it is a deletion (care-of address = home address): another key
    assert not cn.bindings()


# ---- test inits ----

def coti(source, mh, home=None):
    if home:
        return wire.signalled(source, CORRESPONDENT, home, mh)
    return wire.ipv6(source, CORRESPONDENT, wire.MH, wire.summed(source, CORRESPONDENT, wire.MH, mh, 4))


def test_a_test_init_with_a_home_address_option_gets_no_token(cn, mn):
    """§9.4.1, §9.4.2"""
    expect(cn, mn, coti(mn.care_of, init_message(COTI, bytes(8)), home=HOME), "test-strange")
    expect(cn, mn, coti(mn.care_of, init_message(1, bytes(8)), home=HOME), "test-strange")


def test_a_wrong_checksum_is_silent(cn, mn):
    packet = bytearray(mn.care_of_test_init())
    packet[55] ^= 1
    before = len(mn.inbox)
    expect(cn, mn, bytes(packet), "test-checksum")
    assert not mn.received(lambda p: parse_test(p, COT), before)


def test_malformed_test_inits_are_answered_as_any_malformed_header(cn, mn):
    """§9.2"""
    before = len(mn.inbox)
    mn.send(coti(mn.care_of, wire.mobility_header(COTI, b"\0\0" + bytes(8), proto=6)))
    assert param_problem(mn, before)[:2] == (0, 40)
    before = len(mn.inbox)
    mn.send(coti(mn.care_of, wire.mobility_header(COTI, b"\0\0", hdrlen=0)))
    assert param_problem(mn, before)[:2] == (0, 41)
    expect(cn, mn, wire.ipv6(mn.care_of, CORRESPONDENT, wire.MH, init_message(COTI, bytes(8))[:12]), "truncated")


def test_one_source_is_limited_and_another_is_not(lab, cn, mn):
    """DESIGN §4"""
    for _ in range(300):
        mn.send(mn.care_of_test_init())
    cn.wait_counter("test-rate-source", 100)
    lab.mn.ip("addr add 2001:db8:f1::88/64 dev f1 nodad")
    before = len(mn.inbox)
    mn.send(mn.care_of_test_init(b"otherone", source="2001:db8:f1::88"))
    mn.wait(lambda p: (parse_test(p, COT) or parse_test_none).cookie == b"otherone", before, what="answer to another source")


class parse_test_none:
    cookie = None


# ---- data ----

def test_a_home_address_option_without_binding_gets_a_binding_error(cn, mn):
    """§9.3.1, §9.3.3"""
    before = len(mn.inbox)
    mn.ping_direct()
    error = binding_error(mn, before)
    assert (error.status, error.error_home, error.source) == (1, HOME, CORRESPONDENT)


def test_a_home_address_option_naming_someone_elses_binding_gets_one_too(lab, cn, mn):
    """§9.3.1: the source must be the care-of address of that very binding."""
    mn.bound()
    thief = node_at(lab, "f2", VICTIM)
    before = len(thief.inbox)
    thief.ping_direct(home=HOME)
    error = binding_error(thief, before)
    assert (error.status, error.error_home) == (1, HOME)
    assert cn.counters("hao-unknown-binding") == 1


def test_binding_errors_have_a_rate(cn, mn):
    for sequence in range(3000):
        mn.ping_direct(sequence=sequence)
    until(lambda: cn.counters("hao-unknown-binding") >= 2900, 5, "the packets are counted")
    sent = cn.counters("binding-error-sent")
    assert 0 < sent <= 2200, f"{sent} in a second or two"


@pytest.mark.parametrize("segments, kind", [(0, 2), (2, 2), (255, 2), (1, 0), (0, 0), (1, 1), (1, 4)])
def test_routing_headers_to_a_correspondent_lead_nowhere(cn, mn, segments, kind):
    """§6.4, §8.5 and RFC 5095: it has no home address that they could name; the host goes on."""
    header = bytes([wire.ICMPV6, 2, kind, segments]) + bytes(4) + wire.a2b(HOME)
    echo = wire.echo(mn.care_of, CORRESPONDENT)[40:]
    before = len(mn.inbox)
    mn.send(wire.ipv6(mn.care_of, CORRESPONDENT, wire.ROUTING, header + echo))
    if kind == 0:
        cn.wait_counter("routing-type-0", 1)
    time.sleep(0.2)
    assert not mn.received(lambda p: p[6] == wire.ROUTING or wire.destination(p) == HOME, before), "sent on"
    assert mn.care_of_test()


# ---- floods ----

class Flood(threading.Thread):
    """Test inits from random sources, as fast as one thread sends them."""

    def __init__(self, node):
        super().__init__(daemon=True)
        self.node, self.sent, self.ending = node, 0, False

    def run(self):
        frames = []
        for _ in range(2000):
            source = wire.b2a(wire.a2b("2001:db8:bad::")[:8] + os.urandom(8))
            frames.append(wire.ethernet(self.node.router_mac, self.node.mac, self.node.care_of_test_init(os.urandom(8), source)))
        while not self.ending:
            for frame in frames:
                try:
                    self.node.send_frame(frame)
                except OSError:
                    continue
                self.sent += 1

    def __enter__(self):
        self.start()
        until(lambda: self.sent > 5000, 20, "the flood runs")
        return self

    def __exit__(self, *_):
        self.ending = True
        self.join()


def resident(daemon):
    with open(f"/proc/{daemon.process.pid}/statm") as file:
        return int(file.read().split()[1]) * 4096


def test_a_flood_of_test_inits_disturbs_neither_registrations_nor_memory_nor_the_log(lab, cn, mn):
    """DESIGN §4: answered by XDP, so that the daemon hears nothing of it; legitimate updates are served meanwhile."""
    lab.core.ip("route add blackhole 2001:db8:bad::/48")
    attacker = OptimisedNode(lab, lab.second_mobile_namespace(), VICTIM)
    lab.nodes.append(attacker)
    attacker.attach("f3", router="2001:db8:f3::1")
    mn.bound()
    memory, lines = resident(cn), len(cn.log().splitlines())
    with Flood(attacker) as flood:
        begin = time.monotonic()
        for _ in range(5):
            mn.home_test()
            mn.care_of_test()
            assert mn.peer_update().status == 0
        taken = time.monotonic() - begin
        done = lab.cn.run(f"ping -c 5 -i 0.2 {HOME}")
        assert " 0% packet loss" in done.stdout
    answered = cn.counters("test-answered")
    print(f"{flood.sent} test inits sent, {answered} answered; five registrations took {taken * 1000:.0f} ms meanwhile")
    assert answered > 1000 and taken < 5 * SLOW
    assert cn.counters("test-answered-slow") == 0, "the daemon heard of it"
    assert resident(cn) - memory < 4 << 20 and len(cn.log().splitlines()) - lines < 10


def test_a_flood_of_forged_updates_neither_binds_nor_fills_the_log(cn, mn):
    mn.bound()
    lines, memory = len(cn.log().splitlines()), resident(cn)
    good = mn.peer_update_packet(7, lifetime_s=400)
    for n in range(2000):
        mn.send(broken(good, len(good) - 1 - n % 12, 1 + n % 255))
    until(lambda: cn.counters("peer-forged") + cn.counters("mh-rate-source") >= 1500, 5, "they are counted")
    assert len(cn.bindings()) == 1 and cn.bindings()[HOME]["sequence"] == 1
    assert len(cn.log().splitlines()) - lines < 10 and resident(cn) - memory < 4 << 20
    until(lambda: mn.peer_update(seq=8, timeout=1).status == 0, 5, "the node itself is served again")
