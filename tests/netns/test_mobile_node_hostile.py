# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Advertisements that lie, acknowledgements that are forged, errors by strangers: issue 3, "Bad input"."""
import random
import struct

import pytest

from lab import wire
from lab.capture import capture
from lab.roaming import LINKS, roaming_lab
from lab.topology import CORRESPONDENT, HOME, HOME_AGENT
from lab.wait import SLOW, stays, until

STRANGER = "2001:db8:c::66"
FOR_EVER = 0xFFFFFFFF
L_FLAG, A_FLAG, R_FLAG = 0x80, 0x40, 0x20


@pytest.fixture
def agent(lab):
    return lab.home_agent()


def prefix_option(prefix, length=64, flags=L_FLAG | A_FLAG, valid=300, preferred=200):
    return struct.pack("!BBBBIII", 3, 4, length, flags, valid, preferred, 0) + wire.a2b(prefix)


def advert(*options, source="fe80::bad", lifetime=1800, hops=255, hop_limit=64, code=0, cut=0, flags=0):
    """A router advertisement; hop_limit is the field in it, hops that of the packet."""
    body = struct.pack("!BBHII", hop_limit, flags, lifetime, 0, 0) + b"".join(options)
    return wire.icmp(source, "ff02::1", 134, code, body[:len(body) - cut], hop_limit=hops)


def still_works(lab, node):
    assert node.process.poll() is None, node.log()
    node.wait_state("registered")
    assert lab.cn.ping(HOME) == 3 and lab.mn.ping(CORRESPONDENT, options=f"-I {HOME}") == 3


LIES = {
    "preferred above valid": [prefix_option("2001:db8:bad::", valid=100, preferred=101)],
    "valid of zero": [prefix_option("2001:db8:bad::", valid=0, preferred=0)],
    "infinite lifetimes": [prefix_option("2001:db8:bad::", valid=FOR_EVER, preferred=FOR_EVER)],
    "length 48": [prefix_option("2001:db8:bad::", length=48)],
    "length 96": [prefix_option("2001:db8:bad::", length=96)],
    "length 0": [prefix_option("2001:db8:bad::", length=0)],
    "length 200": [prefix_option("2001:db8:bad::", length=200)],
    "no A flag": [prefix_option("2001:db8:bad::", flags=L_FLAG)],
    "link-local prefix": [prefix_option("fe80::")],
    "multicast prefix": [prefix_option("ff02::")],
    "one hundred prefixes": [prefix_option(f"2001:db8:{0xb00 + n:x}::", flags=L_FLAG) for n in range(40)],
    "an option of length 0": [b"\x03\x00" + bytes(30)],
    "an option past the end": [b"\x03\x08" + bytes(30)],
    "an unknown option": [b"\xfa\x01" + bytes(6)],
    "an interval of 0": [b"\x07\x01" + bytes(6)],
    "an interval without end": [b"\x07\x01\x00\x00" + b"\xff" * 4],
    "an MTU of 1": [b"\x05\x01\x00\x00" + struct.pack("!I", 1)],
    "an MTU without end": [b"\x05\x01\x00\x00" + struct.pack("!I", FOR_EVER)],
    "nothing": [],
}


@pytest.mark.parametrize("lie", LIES)
def test_a_router_that_lies_beside_the_true_one_moves_nothing(lab, agent, lie):
    """With an advertisement of: the name. Where the lie is a good address even so, the one registered stays."""
    node = lab.away()
    care_of = node.care_of()
    for _ in range(5):
        lab.inject("wlan0", advert(*LIES[lie]))
    stays(lambda: node.care_of() == care_of, 1.2, lambda: f"the care-of address stays: {node.bindings()}")
    still_works(lab, node)
    assert len(agent.updates) == 1


@pytest.mark.parametrize("lie", ["preferred above valid", "length 200", "link-local prefix"])
def test_a_prefix_that_lies_is_counted(lab, agent, lie):
    node = lab.node()
    lab.plug("wlan0", "link1")
    lab.inject("wlan0", advert(*LIES[lie]))
    node.wait_counter("advert-lie", 1)


@pytest.mark.parametrize("what, packet", [
    ("an option of length 0", advert(*LIES["an option of length 0"])),
    ("an option past the end", advert(*LIES["an option past the end"])),
    ("a code that is not 0", advert(prefix_option("2001:db8:bad::"), code=1)),
    ("its end missing", advert(cut=4)),
], ids=lambda value: value if isinstance(value, str) else "")
def test_a_malformed_advertisement_is_counted_and_not_believed(lab, agent, what, packet):
    """RFC 4861 §6.1.2"""
    node = lab.node()
    lab.plug("wlan0", "link1")
    lab.inject("wlan0", packet)
    node.wait_counter("advert-malformed", 1)
    assert not node.uplinks()["wlan0"]["routers"]


@pytest.mark.parametrize("packet", [
    advert(prefix_option("2001:db8:bad::"), hops=64),
    advert(prefix_option("2001:db8:bad::"), source="2001:db8:bad::1"),
], ids=["hop limit 64", "source not link-local"])
def test_an_advertisement_from_off_the_link_is_not_believed(lab, agent, packet):
    node = lab.node()
    lab.plug("wlan0", "link1")
    for _ in range(5):
        lab.inject("wlan0", packet)
    stays(lambda: not node.uplinks()["wlan0"]["routers"], 0.5, "no router is known")


def test_three_hundred_routers_do_not_push_the_true_one_out(lab, agent):
    node = lab.away()
    care_of = node.care_of()
    for n in range(300):
        lab.inject("wlan0", advert(prefix_option("2001:db8:bad::", flags=L_FLAG), source=f"fe80::bad:{n:x}"))
    until(lambda: node.uplinks()["wlan0"]["routers"] > 5, 3, "some of them are known")
    assert node.uplinks()["wlan0"]["routers"] <= 16
    stays(lambda: node.care_of() == care_of, 2, lambda: f"the care-of address stays: {node.bindings()}")
    still_works(lab, node)
    lab.plug("wlan0", "link2")
    node.wait_care_of(LINKS["link2"])


def test_the_home_prefix_in_a_strangers_advertisement_costs_no_more_than_a_question(lab, agent):
    """Nothing authenticates advertisements: the node asks to go home, that link does not answer, and nothing leaks."""
    node = lab.away()
    with capture(lab.air, "wlan0", "in") as seen:
        lab.inject("wlan0", advert(prefix_option("2001:db8:1::", valid=2, preferred=1), lifetime=2))
        until(lambda: node.state() == "registered" and lab.cn.ping(HOME, count=1, replies=False) == 1, 20,
              lambda: f"registered again: {node.bindings()}")
    assert not [p for p in seen.ipv6() if wire.source(p) == HOME and (p[6], p[40]) == (wire.ICMPV6, wire.ECHO_REPLY)]
    still_works(lab, node)


def test_a_router_that_takes_its_leave_in_the_true_ones_name_is_survived(lab, agent):
    """Lifetime 0, forged; the true one advertises again."""
    node = lab.away()
    lab.inject("wlan0", advert(source="fe80::a1", lifetime=0))
    until(lambda: node.state() == "registered" and lab.cn.ping(HOME, count=1, replies=False) == 1, 10,
          lambda: f"registered again: {node.bindings()}")
    still_works(lab, node)


def test_noise_in_place_of_advertisements_is_survived(lab, agent):
    node = lab.away()
    noise = random.Random(3)
    good = advert(prefix_option("2001:db8:bad::", flags=L_FLAG), b"\x07\x01\x00\x00\x00\x00\x00\x32",
                  b"\x05\x01\x00\x00\x00\x00\x05\xdc", b"\x01\x01\x02\x00\x00\x00\x66\x66")
    for _ in range(400):
        octets = bytearray(good[44:])
        for _ in range(noise.randrange(1, 5)):
            octets[noise.randrange(len(octets))] = noise.randrange(256)
        octets = bytes(octets[:noise.randrange(12, len(octets) + 1)])
        lab.inject("wlan0", wire.icmp("fe80::bad", "ff02::1", noise.choice((134, 134, 136)), 0, octets, hop_limit=255))
    node.wait_counter("advert-malformed", 1)
    still_works(lab, node)


# ---- signalling ----

def forged_acks(agent, update):
    return {
        "of a stranger": agent.ack(update, source=STRANGER),
        "of a stranger, refusing": agent.ack(update, 129, source=STRANGER),
        "with a number never sent": agent.ack(update, seq=update.seq + 4000 & 0xFFFF, lifetime_s=0),
        "with the number of what was answered before": agent.ack(update, 129),
        "without routing header": agent.ack(update, 129, routed=False),
    }


@pytest.mark.parametrize("what", ["of a stranger", "of a stranger, refusing", "with a number never sent",
                                  "with the number of what was answered before", "without routing header"])
def test_an_acknowledgement_out_of_the_blue_changes_nothing(lab, agent, what):
    node = lab.away()
    before = node.bindings()[HOME]
    for _ in range(3):
        agent.send(forged_acks(agent, agent.updates[0])[what])
    node.wait_counter("ack-strange", 1) if what != "without routing header" else None
    stays(lambda: node.state() == "registered", 0.7, "registered")
    after = node.bindings()[HOME]
    assert after["sequence"] == before["sequence"] and after["lifetime_s"] == 600 and len(agent.updates) == 1
    still_works(lab, node)


@pytest.mark.parametrize("status", [1, 2])
def test_a_binding_error_of_a_stranger_is_counted_and_changes_nothing(lab, agent, status):
    node = lab.away()
    agent.send(agent.binding_error(node.care_of(), HOME, status, source=STRANGER))
    node.wait_counter("error-strange", 1)
    still_works(lab, node)
    assert len(agent.updates) == 1


def test_a_binding_error_that_names_a_foreign_home_address_changes_nothing(lab, agent):
    node = lab.away()
    agent.send(agent.binding_error(node.care_of(), "2001:db8:1::dead", 1))
    node.wait_counter("error-strange", 1)
    still_works(lab, node)


@pytest.mark.parametrize("kind, code, word", [
    (wire.UNREACHABLE, 0, 0), (wire.UNREACHABLE, 1, 0), (wire.UNREACHABLE, 4, 0), (wire.TOO_BIG, 0, 1280),
    (wire.TOO_BIG, 0, 0), (wire.TOO_BIG, 0, 68), (wire.TIME_EXCEEDED, 0, 0), (wire.PARAM_PROBLEM, 1, 0),
    (wire.PARAM_PROBLEM, 2, 42)])
@pytest.mark.parametrize("quoting", ["an update", "a tunnel packet", "noise"])
def test_icmpv6_errors_of_strangers_do_not_end_the_registration(lab, agent, kind, code, word, quoting):
    """A lie about the path MTU may cost octets per packet, never fewer than 1280 (RFC 8201 §4)."""
    node = lab.away()
    care_of = node.care_of()
    quoted = {"an update": agent.updates[0].octets,
              "a tunnel packet": wire.tunnel(care_of, HOME_AGENT, wire.echo(HOME, CORRESPONDENT)),
              "noise": bytes(64)}[quoting]
    for _ in range(3):
        agent.send(wire.icmp(STRANGER, care_of, kind, code, struct.pack("!I", word) + quoted))
    stays(lambda: node.care_of() == care_of, 0.3, "registered")
    still_works(lab, node)
    assert node.bindings()[HOME]["path_mtu"] >= 1280
    assert lab.mn.ping(CORRESPONDENT, options=f"-I {HOME}", size=1100) == 3


# ---- the data path ----

def test_a_tunnel_packet_that_the_home_agent_did_not_send_is_dropped(lab, agent):
    node = lab.away()
    inner = wire.udp(CORRESPONDENT, HOME, 1, 2, b"not from the agent")
    agent.send(agent.tunnelled(inner, source=STRANGER))
    node.wait_counter("tunnel-wrong-agent", 1)


def test_a_tunnel_packet_for_somebody_else_is_not_forwarded(lab, agent):
    node = lab.away()
    with capture(lab.air, "wlan0", "in") as seen:
        agent.send(wire.tunnel(HOME_AGENT, node.care_of(), wire.udp(CORRESPONDENT, STRANGER, 1, 2, b"for another")))
        agent.send(agent.tunnelled(wire.udp(CORRESPONDENT, HOME, 1, 33333, b"for us")))
        seen.wait(lambda p: b"for us" in p, what="port unreachable")
    assert not seen.find(lambda p: p[6] == wire.UDP and b"for another" in p)


def rh2(lab, node, home, segments=1, kind=2, length=2, next_header=wire.UDP):
    header = bytes([next_header, length, kind, segments, 0, 0, 0, 0]) + wire.a2b(home)
    datagram = wire.udp(STRANGER, home, 1, 33333, b"routed")[40:]
    return wire.ipv6(STRANGER, node.care_of(), wire.ROUTING, header + datagram)


@pytest.mark.parametrize("what, settings", [
    ("two segments", {"segments": 2}), ("a foreign home address", {"home": "2001:db8:1::dead"}),
    ("the care-of address itself", {"home": None}), ("a multicast address", {"home": "ff02::1"}),
    ("a length of 4", {"length": 4})])
def test_a_type_2_routing_header_is_dropped_that_has(lab, agent, what, settings):
    """RFC 6275 §6.4, §11.3.3"""
    node = lab.away()
    settings = {"home": HOME, **settings}
    settings["home"] = settings["home"] or node.care_of()
    with capture(lab.air, "wlan0", "in") as seen:
        agent.send(rh2(lab, node, **settings))
        node.wait_counter("routing-type-2", 1)
    assert not seen.find(lambda p: p[6] == wire.UDP and b"routed" in p), "forwarded"


def test_a_home_address_alone_in_a_plain_packet_on_the_visited_link_gets_no_answer_in_clear(lab, agent):
    """A neighbour on the visited link that knows the home address sends straight to it."""
    node = lab.away()
    with capture(lab.air, "wlan0", "in") as seen:
        lab.inject("wlan0", wire.echo(f"{LINKS['link1']}1", HOME, data=b"straight"))
        lab.inject("wlan0", wire.neighbour_solicitation("fe80::bad", HOME, "02:00:00:00:66:66"))
        stays(lambda: not [p for p in seen.ipv6() if wire.source(p) == HOME], 0.5, "no answer in clear")
    assert not seen.find(lambda p: p[6] == wire.ICMPV6 and p[40] == wire.NA and p[48:64] == wire.a2b(HOME))
    still_works(lab, node)


def test_a_forged_tag_option_is_dropped(lab, agent):
    """The option by which our own data path tells the daemon of a routing header (DESIGN §3)."""
    node = lab.away()
    update = agent.updates[0]
    option = bytes([wire.MH, 2, 0x1E, 20]) + bytes(4) + wire.a2b(node.care_of())
    ack = agent.ack(update, 129)
    agent.send(wire.ipv6(HOME_AGENT, node.care_of(), wire.DSTOPTS, option + ack[64:]))
    stays(lambda: node.state() == "registered" and node.counters("ack-refused") == 0, 0.5 * SLOW, "not believed")
    still_works(lab, node)
