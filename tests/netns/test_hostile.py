# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Hostile and malformed packets: dropped, counted by reason, answered only as RFC 6275 §9.2 and §9.3 say."""
import random
import struct
import time

import pytest

from lab import wire
from lab.capture import capture
from lab.expect import binding_error, expect
from lab.topology import CORRESPONDENT, HOME, HOME_AGENT

# DAD, a second each time, is the subject of test_registration.py and test_neighbour.py
pytestmark = pytest.mark.topology(dad_transmits=0)

STRANGER = "2001:db8:f1::66"
LINK_LOCAL = "fe80::1234"


@pytest.fixture
def away(lab, ha, mn):
    mn.registered()
    lab.cn.ping(HOME, count=1)
    return mn


# ---- tunnels ----

@pytest.mark.parametrize("mode", ["native", "generic", "tc"])
def test_a_forged_verified_home_option_is_refused(lab, mode):
    """0x1E may only be written by our own data path."""
    gateway = lab.gateway(mode=mode)
    node = lab.mobile_node(link="f1")
    node.registered()
    option = bytes([0x1E, 20, 0, 0, 0, 0]) + wire.a2b(STRANGER)
    forged = wire.ipv6(HOME, HOME_AGENT, wire.DSTOPTS, bytes([wire.MH, 2]) + option + wire.summed(
        HOME, HOME_AGENT, wire.MH, wire.binding_update(99, 100, options=wire.alternate_care_of(STRANGER)), 4))
    expect(gateway, node, forged, "forged-option")
    assert gateway.bindings()[HOME]["care_of_address"] == node.care_of


@pytest.mark.parametrize("mode", ["native", "tc"])
def test_a_tunnel_from_the_wrong_care_of_address(lab, mode):
    gateway = lab.gateway(mode=mode)
    node = lab.mobile_node(link="f1")
    node.registered()
    with capture(lab.cn, "core", "in") as seen:
        expect(gateway, node, wire.tunnel(STRANGER, HOME_AGENT, wire.echo(HOME, CORRESPONDENT)), "tunnel-wrong-care-of")
        assert not seen.find(lambda p: b"mobgw" in p)


@pytest.mark.parametrize("inner_source, reason", [
    (HOME_AGENT, "tunnel-inner-source"), (LINK_LOCAL, "tunnel-inner-source"), ("ff02::1", "tunnel-inner-source"),
    ("::", "tunnel-inner-source"), ("::1", "tunnel-inner-source"), ("2001:db8:0:1::1", "tunnel-inner-source"),
    ("2001:db8:1::77", "tunnel-no-binding"), (CORRESPONDENT, "tunnel-no-binding"),
])
def test_an_inner_source_that_is_not_the_nodes(lab, ha, away, inner_source, reason):
    with capture(lab.cn, "core", "in") as seen:
        expect(ha, away, wire.tunnel(away.care_of, HOME_AGENT, wire.echo(inner_source, CORRESPONDENT)), reason)
        assert not seen.find(lambda p: b"mobgw" in p)


@pytest.mark.parametrize("inner", [
    b"", b"\x60", wire.echo(HOME, CORRESPONDENT)[:39], wire.echo(HOME, CORRESPONDENT)[:-1],
    b"\x45" + wire.echo(HOME, CORRESPONDENT)[1:],
], ids=["empty", "one octet", "half a header", "an octet short", "IPv4"])
def test_an_inner_packet_that_is_none(ha, away, inner):
    expect(ha, away, wire.tunnel(away.care_of, HOME_AGENT, inner), "tunnel-inner-malformed")


def test_an_inner_routing_header_of_type_0(ha, away):
    """RFC 5095"""
    rh0 = bytes([wire.ICMPV6, 2, 0, 1, 0, 0, 0, 0]) + wire.a2b(CORRESPONDENT)
    inner = wire.ipv6(HOME, CORRESPONDENT, wire.ROUTING, rh0 + wire.echo(HOME, CORRESPONDENT)[40:])
    expect(ha, away, wire.tunnel(away.care_of, HOME_AGENT, inner), "routing-type-0")


def test_a_routing_header_of_type_0_to_us(ha, away):
    rh0 = bytes([wire.ICMPV6, 2, 0, 1, 0, 0, 0, 0]) + wire.a2b(HOME)
    expect(ha, away, wire.ipv6(away.care_of, HOME_AGENT, wire.ROUTING, rh0 + wire.echo(away.care_of, HOME)[40:]),
           "routing-type-0")


def test_a_tunnel_in_the_tunnel_that_no_binding_explains(ha, away):
    """From the home address itself: nobody is registered with that as care-of address."""
    packet = wire.echo(HOME, CORRESPONDENT)
    for _ in range(4):
        packet = wire.tunnel(HOME, HOME_AGENT, packet)
    expect(ha, away, wire.tunnel(away.care_of, HOME_AGENT, packet), "tunnel-wrong-care-of")


def test_a_tunnel_with_an_encapsulation_limit_option_is_taken_off(lab, ha, away):
    """RFC 2473 §3.3, §4.1.1: what stock ip6_tunnel peers send."""
    inner = wire.udp(HOME, CORRESPONDENT, 1, 2, b"behind an option")
    with capture(lab.cn, "core", "in") as seen:
        away.send(wire.ipv6(away.care_of, HOME_AGENT, wire.DSTOPTS, wire.dstopts(wire.IPV6, b"\x04\x01\x04") + inner))
        seen.wait(lambda p: b"behind an option" in p)


# ---- home address options ----

def test_an_unknown_home_address_is_answered_with_binding_error_1(ha, mn):
    """RFC 6275 §9.3.1, §9.3.3: to the source, with the home address."""
    packet = wire.ipv6(mn.care_of, HOME_AGENT, wire.DSTOPTS,
                       wire.hao(HOME, wire.UDP) + wire.udp(HOME, HOME_AGENT, 1, 2, b"who am I")[40:])
    expect(ha, mn, packet, "hao-unknown-binding")
    error = binding_error(mn, 0)
    assert (error.status, error.error_home, error.source, error.destination) == (1, HOME, HOME_AGENT, mn.care_of)
    assert ha.counters("binding-error-sent") == 1


def test_a_home_address_option_from_a_strangers_address(ha, away):
    packet = wire.ipv6(STRANGER, HOME_AGENT, wire.DSTOPTS,
                       wire.hao(HOME, wire.UDP) + wire.udp(HOME, HOME_AGENT, 1, 2, b"not I")[40:])
    expect(ha, away, packet, "hao-unknown-binding")


@pytest.mark.parametrize("headers, reason", [
    (wire.hao(HOME, wire.UDP, length=15), "hao-malformed"),
    (wire.hao(HOME, wire.DSTOPTS) + wire.hao(HOME, wire.UDP), "hao-malformed"),
    (wire.hao("ff0e::1", wire.UDP), "hao-address"),
    (wire.hao(LINK_LOCAL, wire.UDP), "hao-address"),
    (wire.hao("::", wire.UDP), "hao-address"),
    (wire.hao(HOME, wire.AH) + bytes([wire.UDP, 4]) + bytes(22), "hao-ah"),
], ids=["length", "twice", "multicast", "link-local", "unspecified", "AH"])
def test_a_home_address_option_that_must_not_be(ha, away, headers, reason):
    expect(ha, away, wire.ipv6(away.care_of, HOME_AGENT, wire.DSTOPTS,
                               headers + wire.udp(HOME, HOME_AGENT, 1, 2, b"x")[40:]), reason)


# ---- quantity ----

def test_packets_cut_at_every_length_do_no_harm(lab, ha, away):
    update = away.update_packet(seq=away.seq + 1)
    tunnelled = wire.tunnel(away.care_of, HOME_AGENT, wire.echo(HOME, CORRESPONDENT))
    for whole in (update, tunnelled):
        for length in range(40, len(whole)):
            away.send(whole[:length])
            away.send(whole[:4] + struct.pack("!H", length - 40) + whole[6:length])
    assert lab.cn.ping(HOME) == 3
    assert ha.process.poll() is None


def test_ten_thousand_mutations_do_no_harm(lab, ha, away):
    """Seeded: the same packets in every run."""
    dice = random.Random(6275)
    seeds = [away.update_packet(seq=7), wire.tunnel(away.care_of, HOME_AGENT, wire.echo(HOME, CORRESPONDENT)),
             wire.signalled(away.care_of, HOME_AGENT, HOME, wire.mobility_header(wire.HOTI, bytes(10))),
             wire.icmp(CORRESPONDENT, HOME_AGENT, wire.TOO_BIG, 0, struct.pack("!I", 1300) + bytes(100))]
    for number in range(10000):
        packet = bytearray(dice.choice(seeds))
        for _ in range(dice.randrange(1, 6)):
            packet[dice.randrange(40, len(packet))] = dice.randrange(256)
        away.send(bytes(packet[:dice.randrange(41, len(packet) + 1)] if number % 4 == 0 else packet))
        if number % 500 == 0:
            time.sleep(0.02)
    assert ha.process.poll() is None, ha.log()
    away.seq += 1000
    time.sleep(1.1)     # the rate of this source
    assert away.registered(seq=away.seq).status == 0
    assert lab.cn.ping(HOME) == 3


def test_a_flood_from_one_source_is_bounded_and_keeps_nobody_out(lab):
    other = "2001:db8:1::101"
    gateway = lab.gateway(mobile_nodes=[HOME, other])
    flooder = lab.mobile_node(link="f1")
    for seq in range(3000):
        flooder.send(flooder.update_packet(home="2001:db8:1::bad", seq=seq))
    assert gateway.wait_counter("mh-rate-source", 1000)
    assert gateway.counters("refused") <= 500
    quiet = lab.mobile_node(home=other, ns=lab.second_mobile_namespace().name, link="f3")
    quiet.registered()
    assert len(gateway.log()) < 65536, "a flood must not fill the log"


def test_every_packet_is_counted_once(lab, ha, away):
    """DESIGN §2.4: under exactly one verdict or drop."""
    def total():
        rows = ha.show("counters")["data_path"]
        return sum(row["packets"] for row in rows if row["class"] != "note")
    time.sleep(0.3)
    before = total()
    for number in range(200):
        away.send(wire.tunnel(STRANGER, HOME_AGENT, wire.echo(HOME, CORRESPONDENT, sequence=number)))
    ha.wait_counter("tunnel-wrong-care-of", 200)
    assert 200 <= total() - before < 240      # neighbour discovery of the kernels runs beside it
