# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Sizes: packet too big from the tunnel entry, the floor of 1280, fragments both ways, ICMPv6 errors translated (RFC 2473 §7, §8)."""
import struct

import pytest

from lab import wire
from lab.capture import capture, packet_socket
from lab.topology import CORRESPONDENT, HOME, HOME_AGENT

# DAD, a second each time, is the subject of test_registration.py and test_neighbour.py
pytestmark = pytest.mark.topology(dad_transmits=0)

CORE = "2001:db8:0:1::2"


def from_cn(lab, packet):
    sock = packet_socket(lab.cn, "core")
    sock.send(wire.ethernet(lab.core.mac("cn"), lab.cn.mac("core"), packet))
    sock.close()


def datagram(size, mark=b"sized"):
    """A packet of that many octets, header included, from cn to the home address."""
    return wire.udp(CORRESPONDENT, HOME, 1000, 2000, mark + bytes(size - 48 - len(mark)))


def is_error(kind):
    return lambda p: p[6] == wire.ICMPV6 and p[40] == kind


def error_to_agent(lab, kind, code, value, quoted, source=CORE):
    """An ICMPv6 error from the core router to the home agent."""
    sock = packet_socket(lab.core, "ha")
    packet = wire.icmp(source, HOME_AGENT, kind, code, struct.pack("!I", value) + quoted[:1232])
    sock.send(wire.ethernet(lab.ha.mac("uplink"), lab.core.mac("ha"), packet))
    sock.close()


@pytest.fixture
def away(lab, ha, mn):
    mn.registered()
    lab.cn.ping(HOME, count=2)
    return mn


@pytest.mark.parametrize("mode", ["native", "generic", "tc"])
@pytest.mark.parametrize("size, fits", [(1459, True), (1460, True), (1461, False), (1500, False)])
def test_the_tunnel_takes_what_fits_and_answers_the_rest_with_the_inner_mtu(lab, mode, size, fits):
    lab.gateway(mode=mode)
    node = lab.mobile_node(link="f1")
    node.registered()
    lab.cn.ping(HOME, count=2)
    before = len(node.inbox)
    packet = datagram(size)
    with capture(lab.cn, "core", "in") as seen:
        from_cn(lab, packet)
        if fits:
            node.wait(lambda p: p[6] == wire.IPV6 and b"sized" in p, before, what="tunnel packet")
            return
        error = seen.wait(is_error(wire.TOO_BIG), what="packet too big")
    assert struct.unpack_from("!I", error, 44)[0] == 1460
    assert len(error) <= 1280 and error[48:48 + 40] == packet[:7] + error[55:56] + packet[8:40]
    assert wire.checksum(wire.source(error), CORRESPONDENT, wire.ICMPV6, error[40:]) == 0
    assert not [inner for inner in node.from_tunnel(before) if b"sized" in inner]


def test_a_sender_that_was_told_fragments_to_what_fits(lab, away):
    lab.cn.ping(HOME, count=1, size=1452, options="-M want", replies=False)
    before = len(away.inbox)
    lab.cn.ping(HOME, count=1, size=1452, options="-M want", replies=False)
    away.wait(lambda p: p[6] == wire.IPV6 and p[46] == wire.FRAGMENT and not p[83] & 1, before, what="the last fragment")


@pytest.mark.topology(tail_mtu=1400)
def test_a_smaller_path_mtu_is_learned_and_told_as_the_inner_mtu(lab, ha, away):
    """RFC 2473 §6.7, §8.2: packet too big 1400 from inside the tunnel becomes 1360 for the sender."""
    with capture(lab.cn, "core", "in") as seen:
        from_cn(lab, datagram(1460))
        error = seen.wait(is_error(wire.TOO_BIG), what="packet too big (translated)")
        assert struct.unpack_from("!I", error, 44)[0] == 1360
        assert b"sized" in error[48:]
    assert ha.bindings()[HOME]["path_mtu"] == 1400
    before = len(away.inbox)
    from_cn(lab, datagram(1360, b"now fits"))
    away.wait(lambda p: b"now fits" in p, before, what="tunnel packet")
    with capture(lab.cn, "core", "in") as seen:
        from_cn(lab, datagram(1361))
        error = seen.wait(is_error(wire.TOO_BIG))
    assert struct.unpack_from("!I", error, 44)[0] == 1360


@pytest.mark.topology(tail_mtu=1280)
def test_at_the_floor_the_tunnel_packet_is_fragmented(lab, ha, away):
    """RFC 2473 §7.1(b): 1280 octets inside, 1280 on the wire."""
    with capture(lab.cn, "core", "in") as seen:
        from_cn(lab, datagram(1460))
        error = seen.wait(is_error(wire.TOO_BIG))
    assert struct.unpack_from("!I", error, 44)[0] == 1280
    before = len(away.inbox)
    sent = datagram(1280, b"at the floor")

    def pieces():
        return away.received(lambda p: p[6] == wire.FRAGMENT and wire.source(p) == HOME_AGENT, before)
    from_cn(lab, sent)
    away.wait(lambda p: p[6] == wire.FRAGMENT and not p[43] & 1, before, what="last fragment of the tunnel packet")
    got = sorted(pieces(), key=lambda p: struct.unpack_from("!H", p, 42)[0])
    assert all(len(p) <= 1280 and p[40] == wire.IPV6 and wire.destination(p) == away.care_of for p in got)
    whole = b"".join(p[48:] for p in got)
    assert whole == sent[:7] + bytes([sent[7] - 2]) + sent[8:]
    assert ha.counters("slow:fragmented") >= 1
    assert lab.cn.ping(HOME, count=1, size=1232, replies=False) in (0, 1)


@pytest.mark.parametrize("mode", ["native", "tc"])
@pytest.mark.parametrize("size", [64, 512, 1240])
def test_fragmented_tunnel_packets_are_put_together(lab, mode, size):
    """RFC 2473 §7: before the tunnel is taken off; the inner packet is checked as ever."""
    gateway = lab.gateway(mode=mode)
    node = lab.mobile_node(link="f1")
    node.registered()
    lab.cn.ping(HOME, count=1)
    inner = wire.udp(HOME, CORRESPONDENT, 1, 2, b"in pieces" + bytes(1200))
    with capture(lab.cn, "core", "in") as seen:
        for piece in wire.fragments(wire.tunnel(node.care_of, HOME_AGENT, inner), size):
            node.send(piece)
        got = seen.wait(lambda p: b"in pieces" in p, what="reassembled packet")
    assert got[8:] == inner[8:]
    assert gateway.counters("slow:reassembled") == 1


def test_fragmented_tunnel_packets_from_a_wrong_care_of_address_are_refused(lab, ha, away):
    inner = wire.udp(HOME, CORRESPONDENT, 1, 2, b"forged" + bytes(1200))
    with capture(lab.cn, "core", "in") as seen:
        for piece in wire.fragments(wire.tunnel("2001:db8:f1::66", HOME_AGENT, inner), 512):
            away.send(piece)
        ha.wait_counter("slow:slow-refused", 1)
        assert not seen.find(lambda p: b"forged" in p)


@pytest.mark.parametrize("kind, code, told", [
    (wire.UNREACHABLE, 0, (wire.UNREACHABLE, 3)), (wire.UNREACHABLE, 3, (wire.UNREACHABLE, 3)),
    (wire.TIME_EXCEEDED, 0, (wire.UNREACHABLE, 3)), (wire.PARAM_PROBLEM, 1, (wire.UNREACHABLE, 3)),
])
def test_errors_about_tunnel_packets_are_translated_for_the_inner_source(lab, ha, away, kind, code, told):
    """RFC 2473 §8: quoting the inner packet, from the tunnel entry."""
    before = len(away.inbox)
    from_cn(lab, datagram(200, b"to be reported"))
    outer = away.wait(lambda p: b"to be reported" in p and p, before)
    with capture(lab.cn, "core", "in") as seen:
        error_to_agent(lab, kind, code, 0, outer)
        got = seen.wait(lambda p: p[6] == wire.ICMPV6 and p[40] < 128, what="translated error")
    assert (got[40], got[41]) == told
    assert got[48:] == outer[40:] and wire.destination(got) == CORRESPONDENT
    assert wire.checksum(wire.source(got), CORRESPONDENT, wire.ICMPV6, got[40:]) == 0
    assert ha.counters("icmp-translated") == 1


@pytest.mark.parametrize("forge", ["care-of", "source", "inner", "short"])
def test_errors_quoting_packets_never_sent_are_counted_and_told_to_nobody(lab, ha, away, forge):
    inner = datagram(100, b"never sent")
    quoted = {
        "care-of": wire.tunnel(HOME_AGENT, "2001:db8:f2::66", inner),
        "source": wire.tunnel("2001:db8:0:1::1", away.care_of, inner),
        "inner": wire.tunnel(HOME_AGENT, away.care_of, wire.udp(CORRESPONDENT, "2001:db8:1::77", 1, 2, b"never sent")),
        "short": wire.tunnel(HOME_AGENT, away.care_of, inner)[:50],
    }[forge]
    with capture(lab.cn, "core", "in") as seen:
        error_to_agent(lab, wire.TOO_BIG, 0, 1300, quoted)
        ha.wait_counter("icmp-strange", 1)
        assert not seen.find(lambda p: p[6] == wire.ICMPV6 and p[40] < 128)
    assert ha.bindings()[HOME]["path_mtu"] is None


def test_a_lie_about_the_path_mtu_does_not_go_below_the_floor(lab, ha, away):
    before = len(away.inbox)
    from_cn(lab, datagram(200, b"small"))
    outer = away.wait(lambda p: b"small" in p and p, before)
    error_to_agent(lab, wire.TOO_BIG, 0, 68, outer)
    lab.cn.ping(HOME, count=2)
    assert (ha.bindings()[HOME]["path_mtu"] or 1280) >= 1280
