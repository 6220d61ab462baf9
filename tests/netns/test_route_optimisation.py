# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Our mobile node's route optimisation, with our home agent and correspondents of several kinds. RFC 6275 §11.3, §11.6, §11.7.2."""
import signal
import threading

import pytest

from lab import wire
from lab.capture import capture, ipv6_of
from lab.correspondent import Correspondent
from lab.namespace import veth
from lab.node import Node
from lab.roaming import LINKS, lost_pings, roaming_lab, steady_ping  # noqa: F401
from lab.topology import CORRESPONDENT, HOME, NEIGHBOUR
from lab.wait import SLOW, stays, until
from test_mobile_node_traffic import transfer

# DAD, a second each time, is the subject of test_registration.py and test_neighbour.py
pytestmark = pytest.mark.topology(dad_transmits=0)

OTHER = "2001:db8:1::101"
HANDOVER_S = 1.0


def correspondent(lab, start=True, **settings):
    daemon = Correspondent(lab, **settings)
    lab.gateways.append(daemon)
    return daemon.start() if start else daemon


def away(lab, policy="all", **settings):
    return lab.away(route_optimisation=policy, **settings)


def peers(node):
    """{correspondent: as in the JSON}, of the first home address"""
    return {p["correspondent"]: p for p in node.show("peers")["peers"] if p["home_address"] == node.home}


def wait_peer(node, state, peer=CORRESPONDENT, timeout=6.0):
    return until(lambda: (lambda p: p and p["state"] == state and p)(peers(node).get(peer)), timeout,
                 lambda: f"{peer} is {state}: {peers(node)}\n{node.all_counters()}\n{node.log()}")


def talk(lab, target=CORRESPONDENT, source=HOME, **kwargs):
    """One echo request of the home address; whether it was answered."""
    return lab.mn.ping(target, count=1, options=f"-I {source}", replies=False, **kwargs)


def optimised(lab, node, peer=CORRESPONDENT):
    """Talked to straight, after the few packets that it takes."""
    talk(lab, peer, node.home)
    return wait_peer(node, "optimised", peer)


def has_home(packet, home=HOME):
    """A home address option right behind the IPv6 header."""
    return packet[6] == wire.DSTOPTS and packet[46] == 0xC9 and packet[48:64] == wire.a2b(home)


def has_route(packet, home=HOME):
    return packet[6] == wire.ROUTING and packet[42] == 2 and packet[48:64] == wire.a2b(home)


def is_data(packet):
    """Through the tunnel, and no mobility header inside."""
    return packet[6] == wire.IPV6 and packet[46] != wire.MH


@pytest.fixture
def cn(lab):
    lab.gateway()
    return correspondent(lab)


@pytest.fixture
def node(lab, cn):
    return away(lab)


# ---- both ours ----

def test_traffic_goes_straight_after_a_few_packets(lab, cn, node):
    """§11.3.1, §9.3.2: home address option there, routing header back, and the home agent sees none of it."""
    optimised(lab, node)
    assert cn.bindings()[HOME]["kind"] == "optimised" and cn.bindings()[HOME]["care_of_address"] == node.care_of()
    with capture(lab.core, "ha") as detour, capture(lab.core, "cn") as straight:
        lab.mn.ping(CORRESPONDENT, count=5, options=f"-I {HOME}")
        lab.cn.ping(HOME, count=5)
        straight.wait(lambda p: has_route(p) and p[64] == wire.ECHO)
    assert not [p for p in detour.ipv6() if is_data(p)]
    there = [p for p in straight.ipv6() if has_home(p)]
    back = [p for p in straight.ipv6() if has_route(p)]
    assert len(there) == 10 and len(back) == 10
    assert all(wire.source(p) == node.care_of() and wire.destination(p) == CORRESPONDENT for p in there)
    assert all(wire.source(p) == CORRESPONDENT and wire.destination(p) == node.care_of() for p in back)
    assert all(wire.checksum(HOME, CORRESPONDENT, wire.ICMPV6, p[64:]) == 0 for p in there)


def test_a_flow_that_the_correspondent_begins_is_optimised_too(lab, cn, node):
    with capture(lab.core, "cn", "out") as seen:
        assert lab.cn.ping(HOME, count=2) == 2
        wait_peer(node, "optimised")
        lab.cn.ping(HOME, count=1)
        seen.wait(lambda p: has_home(p) and p[64] == wire.ECHO_REPLY)


def test_return_routability_takes_both_roads_at_once(lab, cn, node):
    """§11.6.1: HoTI from home through the tunnel, CoTI from the care-of address, before either is answered."""
    with capture(lab.air, "wlan0") as seen:
        optimised(lab, node)
    packets = seen.ipv6()
    kinds = {}
    for at, p in enumerate(packets):
        for packet, road in ((p[40:], "tunnel"), (p, "straight")) if p[6] == wire.IPV6 else ((p, "straight"),):
            if len(packet) >= 43 and packet[6] == wire.MH:
                kinds.setdefault(packet[42], (at, road, wire.source(packet)))
                break
    assert kinds[1][1:] == ("tunnel", HOME) and kinds[2][1:] == ("straight", node.care_of())
    assert kinds[3][1] == "tunnel" and kinds[4][1] == "straight"
    assert max(kinds[1][0], kinds[2][0]) < min(kinds[3][0], kinds[4][0]), kinds


def test_a_tcp_stream_survives_becoming_direct_and_a_handover(lab, cn, node):
    """It begins in the tunnel, goes straight, and moves, octet for octet."""
    moved = {}

    def move():
        wait_peer(node, "optimised")
        lab.plug("wlan0", "link2")
        node.wait_care_of(LINKS["link2"])
        moved["peer"] = wait_peer(node, "optimised")
    mover = threading.Thread(target=move)
    mover.start()
    for _ in range(40):
        transfer(lab.mn, HOME, lab.cn, CORRESPONDENT, 3_000_000)
        if not mover.is_alive():
            break
    mover.join()
    assert moved["peer"]["care_of_address"].startswith(LINKS["link2"][:-1])
    assert cn.bindings()[HOME]["care_of_address"] == moved["peer"]["care_of_address"]


def handover_gap(lab, seen):
    """
    Seconds from the first packet of the new care-of address (it is usable from then on) to the first answer that reached
    it straight.
    """
    new = wire.a2b(LINKS["link2"])[:8]
    packets = [(when, ipv6_of(frame)) for when, frame in zip(list(seen.times), list(seen.frames))]
    usable = [when for when, p in packets if p and p[8:16] == new and not (p[6] == wire.ICMPV6 and p[40] in (135, 136))]
    answered = [when for when, p in packets if p and has_route(p) and p[24:32] == new and p[64] == wire.ECHO_REPLY]
    assert usable and answered
    return answered[0] - usable[0]


def test_an_optimised_flow_is_handed_over_at_once(lab, cn, node):
    """§11.7.2: the correspondent hears right after the home agent. The figure is printed."""
    optimised(lab, node)
    ping = steady_ping(lab.mn, f"-I {HOME} {CORRESPONDENT}")
    until(lambda: cn.counters("pass-home-address") > 20, 3, "it flows")
    with capture(lab.air, "wlan0") as seen:
        lab.plug("wlan0", "link2")
        seen.wait(lambda p: has_route(p) and p[24:32] == wire.a2b(LINKS["link2"])[:8] and p[64] == wire.ECHO_REPLY, 6,
                  "an answer at the new care-of address")
    gap = handover_gap(lab, seen)
    sent, got = lost_pings(ping)
    print(f"interruption after the care-of address is usable: {gap * 1000:.1f} ms; {sent - got} of {sent} lost in all")
    assert gap < HANDOVER_S * SLOW
    assert peers(node)[CORRESPONDENT]["care_of_address"] == node.care_of()
    assert cn.counters("peer-moved") == 1
    assert node.counters("peer-lost") == 0


def test_a_soft_handover_of_an_optimised_flow(lab, cn, node):
    """The old link is still there while the new one takes over: next to nothing is lost."""
    optimised(lab, node)
    lab.plug("wwan0", "link2")
    node.wait_usable("wwan0")
    ping = steady_ping(lab.mn, f"-I {HOME} {CORRESPONDENT}")
    until(lambda: cn.counters("pass-home-address") > 20, 3, "it flows")
    assert node.handover("wwan0").returncode == 0
    node.wait_care_of(LINKS["link2"])
    until(lambda: cn.bindings()[HOME]["care_of_address"].startswith(LINKS["link2"][:-1]), 3, "the correspondent knows")
    before = cn.counters("pass-home-address")
    cn.wait_counter("pass-home-address", before + 20)
    sent, got = lost_pings(ping)
    print(f"{sent - got} of {sent} lost")
    assert sent - got <= 20 * SLOW


def test_at_home_again_the_correspondent_is_told(lab, cn, node):
    """§11.5.5: the binding is deleted with the home token alone, and packets carry nothing of ours."""
    optimised(lab, node)
    lab.radvd("home")
    lab.plug("wlan0", "home")
    node.wait_state("at-home")
    until(lambda: not cn.bindings(), 5, lambda: f"de-registered: {cn.bindings()} {peers(node)}")
    assert cn.counters("peer-deleted") == 1
    with capture(lab.core, "cn") as seen:
        until(lambda: talk(lab) == 1, 5, "it answers at home")
        assert lab.cn.ping(HOME) == 3
    assert not [p for p in seen.ipv6() if has_home(p) or has_route(p)]


def test_away_again_it_is_optimised_again(lab, cn, node):
    optimised(lab, node)
    lab.radvd("home")
    lab.plug("wlan0", "home")
    node.wait_state("at-home")
    until(lambda: not cn.bindings(), 5, "de-registered")
    lab.plug("wlan0", "link2")
    node.wait_care_of(LINKS["link2"])
    optimised(lab, node)
    assert cn.bindings()[HOME]["care_of_address"] == node.care_of()
