# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What strangers send to a correspondent, and what it costs them and us. RFC 6275 §5.1, §9.2 to §9.5, §15."""
import contextlib
import multiprocessing
import os
import struct
import time

import pytest

from lab import wire
from lab.capture import capture, packet_socket
from lab.expect import binding_error, expect, param_problem
from lab.optimised import COT, OptimisedNode, parse_test, signed, init_message
from lab.topology import CORRESPONDENT, HOME
from lab.wait import SLOW, Timeout, until
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


def answered_in_xdp(cn, mn):
    """XDP answers as soon as the daemon knows the link's router; until then the daemon does."""
    until(lambda: mn.care_of_test() and cn.counters("test-answered"), 5, "XDP answers")


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


@pytest.mark.parametrize("source, home, counter", [
    ("2001:db8:f1::2", "ff05::1", "hao-address"), ("2001:db8:f1::2", "::", "hao-address"),
    ("2001:db8:f1::2", "::1", "hao-address"), ("2001:db8:f1::2", "fe80::1", "hao-address")])
def test_addresses_that_are_no_home_addresses_get_no_binding(cn, mn, source, home, counter):
    """§9.3.1: unicast and routable"""
    mh = signed(source, CORRESPONDENT, bytes(20), 1, 400, (1, 1))
    expect(cn, mn, wire.signalled(source, CORRESPONDENT, home, mh), counter)
    assert not cn.bindings()


def test_an_alternate_care_of_address_that_is_not_routable_is_discarded(cn, mn):
    """§9.5.1, whatever the authenticator says"""
    mn.home_test()
    mn.care_of_test()
    for other in ("ff05::1", "::1", "fe80::2"):
        more = b"\x01\x00" + b"\x03\x10" + wire.a2b(other)
        mh = signed(other, CORRESPONDENT, mn.key(), 1, 400, (mn.home_token.index, mn.care_of_token.index), more=more)
        before = len(mn.inbox)
        expect(cn, mn, wire.signalled(mn.care_of, CORRESPONDENT, HOME, mh), "mh-bad-address")
        assert not mn.received(lambda p: p[6] == wire.ROUTING, before), "an answer"
    assert not cn.bindings()


def test_a_stale_nonce_answers_no_more_than_the_rate_allows(cn, mn):
    """§9.5.1: 136 to 138 are sent without proof of anything; their number is bounded, and nothing is kept."""
    mn.home_test()
    mn.care_of_test()
    stale = mn.peer_update_packet(1, indices=(0x7000, 0x7000))
    before = len(mn.inbox)
    for _ in range(2000):
        mn.send(stale)
    until(lambda: cn.counters("peer-nonce") + cn.counters("mh-rate-source") >= 2000, 5, lambda: f"{cn.all_counters()}")
    answers = len(mn.received(lambda p: p[6] == wire.ROUTING and p[40] == wire.MH, before))
    assert 0 < answers < 1000, f"{answers} answers to 2000 updates"
    assert not cn.bindings()


# ---- test inits ----

@pytest.mark.parametrize("kind, length", [(3, 16), (4, 16), (6, 4), (0, 2)])
def test_what_only_a_mobile_node_is_sent_is_of_no_use_to_a_correspondent(cn, mn, kind, length):
    """Home and care-of tests, acknowledgements, refresh requests: counted, unanswered (a reflected cookie says nothing)."""
    before = len(mn.inbox)
    expect(cn, mn, coti(mn.care_of, wire.mobility_header(kind, bytes(2) + bytes(length))), "mh-unwanted")
    assert not mn.received(lambda p: p[6] in (wire.MH, wire.ROUTING) or p[6] == wire.ICMPV6 and p[40] < 128, before)


@pytest.mark.parametrize("source", ["ff02::1", "::", "::1", CORRESPONDENT])
def test_a_test_init_from_nobody_is_not_answered(lab, cn, mn, source):
    """§9.4.1: the answer goes to the source: it has to be somebody, and not us."""
    before = cn.counters("test-answered") + cn.counters("test-answered-slow")
    with capture(lab.core, "cn", "in") as seen:
        sock = packet_socket(lab.core, "cn")
        sock.send(wire.ethernet(lab.cn.mac("core"), lab.core.mac("cn"), mn.care_of_test_init(bytes(8), source)))
        sock.close()
        assert mn.care_of_test()
    assert not seen.find(lambda p: parse_test(p, COT) and wire.destination(p) == source)
    assert cn.counters("test-answered") + cn.counters("test-answered-slow") == before + 1


def coti(source, mh, home=None):
    if home:
        return wire.signalled(source, CORRESPONDENT, home, mh)
    return wire.ipv6(source, CORRESPONDENT, wire.MH, wire.summed(source, CORRESPONDENT, wire.MH, mh, 4))


def test_a_test_init_with_a_home_address_option_gets_no_token(cn, mn):
    """§9.4.1, §9.4.2"""
    expect(cn, mn, coti(mn.care_of, init_message(COTI, bytes(8)), home=HOME), "test-strange")
    expect(cn, mn, coti(mn.care_of, init_message(1, bytes(8)), home=HOME), "test-strange")


def test_a_wrong_checksum_is_silent(cn, mn):
    answered_in_xdp(cn, mn)
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
    answered_in_xdp(cn, mn)
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

class Flood:
    """Test inits from random sources, as fast as a process of its own sends them while it is entered."""

    def __init__(self, node):
        self.sock, self.ending = node._sock, multiprocessing.get_context("fork").Event()
        self.count = multiprocessing.get_context("fork").Value("Q", 0, lock=False)
        self.frames = [wire.ethernet(node.router_mac, node.mac, node.care_of_test_init(os.urandom(8), self.source()))
                       for _ in range(2000)]
        self.child = multiprocessing.get_context("fork").Process(target=self._send, daemon=True)

    @staticmethod
    def source():
        return wire.b2a(wire.a2b("2001:db8:bad::")[:8] + os.urandom(8))

    @property
    def sent(self):
        return self.count.value

    def _send(self):
        while not self.ending.is_set():
            for frame in self.frames:
                with contextlib.suppress(OSError):
                    self.sock.send(frame)
                    self.count.value += 1

    def __enter__(self):
        self.child.start()
        until(lambda: self.sent > 5000, 20, "the flood runs")
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.child.join()


def patiently(attempt):
    """What it returns, or None where no answer came within a second: in a flood that may happen."""
    try:
        return attempt(timeout=1)
    except Timeout:
        return None


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
    answered_in_xdp(cn, mn)
    slow, memory, lines = cn.counters("test-answered-slow"), resident(cn), len(cn.log().splitlines())
    with Flood(attacker) as flood:
        begin, already = time.monotonic(), flood.sent
        for _ in range(30):     # a hundred test inits a second is what one source may send
            mn.home_test()
            mn.care_of_test()
            assert mn.peer_update().status == 0
        taken, meanwhile = time.monotonic() - begin, flood.sent - already
        done = lab.cn.run(f"ping -c 5 -i 0.2 {HOME}")
        assert " 0% packet loss" in done.stdout
    answered = cn.counters("test-answered")
    print(f"{flood.sent} test inits sent, {answered} answered; {meanwhile} of them during thirty registrations, which took "
          f"{taken * 1000:.0f} ms")
    assert answered > 1000 and meanwhile > 100 and taken < 5 * SLOW
    assert cn.counters("test-answered-slow") == slow, "the daemon heard of it"
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
    until(lambda: patiently(mn.peer_update), 5, "the node itself is served again")


def test_a_flood_where_the_daemon_answers_leaves_it_alive(lab):
    """Without XDP: its share is bounded before it hears of it, and a registration needs patience, not luck."""
    lab.gateway(dad_transmits=0, mobile_nodes=(HOME, VICTIM))
    cn = correspondent(lab, mode="tc")
    mn = node_at(lab)
    lab.core.ip("route add blackhole 2001:db8:bad::/48")
    attacker = OptimisedNode(lab, lab.second_mobile_namespace(), VICTIM)
    lab.nodes.append(attacker)
    attacker.attach("f3", router="2001:db8:f3::1")
    mn.bound()
    memory, lines = resident(cn), len(cn.log().splitlines())
    with Flood(attacker) as flood:
        until(lambda: patiently(mn.peer_update), 10, "a refresh with the tokens at hand")
        assert lab.cn.ping(HOME) == 3
    print(f"{flood.sent} test inits sent, {cn.counters('test-answered-slow')} answered by the daemon")
    assert resident(cn) - memory < 4 << 20 and len(cn.log().splitlines()) - lines < 10
    until(lambda: patiently(mn.care_of_test), 5, "tokens again when it is over")
