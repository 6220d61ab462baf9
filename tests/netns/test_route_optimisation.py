# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Our mobile node and correspondents that are ours, or know nothing of it. RFC 6275 §11.3, §11.6, §11.7.2."""
import signal
import threading

import pytest

from lab import wire
from lab.capture import capture, ipv6_of
from lab.correspondent import Correspondent
from lab.optimised import COT, COTI, HOT, HOTI
from lab.roaming import LINKS, lost_pings, roaming_lab, steady_ping  # noqa: F401
from lab.stream import transfer
from lab.topology import CORRESPONDENT, HOME, NEIGHBOUR
from lab.wait import SLOW, stays, until

# DAD, a second each time, is the subject of test_registration.py and test_neighbour.py
pytestmark = pytest.mark.topology(dad_transmits=0)

OTHER = "2001:db8:1::101"
HANDOVER_S = 1.0
TUNNEL_MTU = 1500 - 40


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


def test_home_test_through_the_tunnel_care_of_test_straight(lab, cn, node):
    """§11.6.1, §11.6.2: by which road each message of return routability goes, and what its source is."""
    with capture(lab.air, "wlan0") as seen:
        optimised(lab, node)
    roads = {}
    for p in seen.ipv6():
        packet, road = (p[40:], "tunnel") if p[6] == wire.IPV6 else (p, "straight")
        if packet[6] == wire.MH:
            roads.setdefault(packet[42], (road, wire.source(packet), wire.destination(packet)))
    assert roads[HOTI] == ("tunnel", HOME, CORRESPONDENT) and roads[HOT] == ("tunnel", CORRESPONDENT, HOME)
    assert roads[COTI] == ("straight", node.care_of(), CORRESPONDENT)
    assert roads[COT] == ("straight", CORRESPONDENT, node.care_of())


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


def test_a_binding_that_the_correspondent_lost_is_made_anew(lab, cn, node):
    """§11.3.6: its binding error sends us back into the tunnel, and through return routability again."""
    optimised(lab, node)
    assert cn.stop() == 0
    cn.detach()
    cn.start()
    assert not cn.bindings()
    ping = steady_ping(lab.mn, f"-I {HOME} {CORRESPONDENT}")
    node.wait_counter("peer-lost", 1)
    until(lambda: HOME in cn.bindings(), 5, lambda: f"bound anew: {peers(node)}")
    wait_peer(node, "optimised")
    before = cn.counters("pass-home-address")
    cn.wait_counter("pass-home-address", before + 10)
    sent, got = lost_pings(ping)
    assert sent - got < 30 * SLOW, f"{sent - got} of {sent} lost"
    assert cn.counters("binding-error-sent") >= 1


def test_the_correspondents_daemon_restarted_is_not_noticed(lab, cn, node):
    optimised(lab, node)
    ping = steady_ping(lab.mn, f"-I {HOME} {CORRESPONDENT}")
    cn.kill9()
    cn.start()
    assert HOME in cn.bindings()
    sent, got = lost_pings(ping)
    assert sent == got, f"{sent - got} of {sent} lost"
    assert node.counters("peer-lost") == 0


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_a_restart_of_the_mobile_node_keeps_the_straight_path(lab, cn, node, how):
    """Its binding and the number of its last update are on record; what it sends meanwhile goes straight."""
    before = optimised(lab, node)
    ping = steady_ping(lab.mn, f"-I {HOME} {CORRESPONDENT}")
    if how == "killed":
        node.kill9()
        node.start()
    else:
        node.restart()
    node.wait_state("registered")
    sent, got = lost_pings(ping)
    assert sent - got <= (0 if how == "killed" else 20 * SLOW), f"{sent - got} of {sent} lost"
    talk(lab)
    wait_peer(node, "optimised")
    lab.plug("wlan0", "link2")
    node.wait_care_of(LINKS["link2"])
    until(lambda: cn.bindings()[HOME]["care_of_address"] == node.care_of(), 5, "it moves on with numbers that are taken")
    assert (cn.bindings()[HOME]["sequence"] - before["sequence"]) % 65536 in range(1, 6)


# ---- policy ----

def test_policy_none_leaves_everything_to_the_tunnel(lab, cn):
    node = away(lab, "none")
    assert lab.mn.ping(CORRESPONDENT, count=10, options=f"-I {HOME}") == 10
    assert not peers(node) and node.counters("test-sent") == 0 and node.counters("reverse-tunnelled") >= 10
    assert not cn.bindings()


def test_policy_list_optimises_those_on_it_alone(lab, cn):
    """By prefix; to the others nothing is sent."""
    node = away(lab, "list", correspondents=["2001:db8:c::/64"])
    optimised(lab, node)
    with capture(lab.nb, "home", "in") as seen:
        lab.mn.ping(NEIGHBOUR, options=f"-I {HOME}")
    assert not seen.ipv6(wire.MH)
    assert peers(node)[NEIGHBOUR]["state"] == "tunnel" and node.counters("test-sent") == 2


def test_policy_changed_by_sighup(lab, cn):
    node = away(lab, "none")

    def reload(policy):
        node.config["mobile-node"]["route-optimisation"] = policy
        node.write_config()
        node.process.send_signal(signal.SIGHUP)
    talk(lab)
    reload("all")
    until(lambda: talk(lab) and CORRESPONDENT in peers(node), 5, "its correspondents are asked now")
    wait_peer(node, "optimised")
    reload("none")
    until(lambda: not peers(node), 3, "no more")
    with capture(lab.core, "cn", "out") as seen:
        assert lab.mn.ping(CORRESPONDENT, options=f"-I {HOME}") == 3
    assert not [p for p in seen.ipv6() if has_home(p)]


# ---- correspondents that know nothing of it ----

def test_a_correspondent_without_mobility_is_asked_once_and_left_alone(lab):
    """§11.3.5: parameter problem code 1 about our mobility header; through the tunnel, without loss."""
    lab.gateway()
    node = away(lab)
    ping = steady_ping(lab.mn, f"-I {HOME} {CORRESPONDENT}")
    peer = wait_peer(node, "backed-off")
    assert node.counters("peer-unsupported") >= 1 and peer["back_off_s"] > 3000
    asked = node.counters("test-sent")
    assert asked == 2
    stays(lambda: node.counters("test-sent") == asked, 1.5, "nothing more is asked")
    sent, got = lost_pings(ping)
    assert sent == got, f"{sent - got} of {sent} lost"
    assert lab.cn.ping(HOME) == 3


def test_left_alone_also_after_a_handover(lab):
    lab.gateway()
    node = away(lab)
    talk(lab)
    wait_peer(node, "backed-off")
    lab.plug("wlan0", "link2")
    node.wait_care_of(LINKS["link2"])
    assert lab.mn.ping(CORRESPONDENT, count=5, options=f"-I {HOME}") == 5
    assert node.counters("test-sent") == 2


def test_a_correspondent_that_refuses_the_prefix_leaves_the_tunnel(lab):
    """No home test comes: asked again after growing pauses (§11.8), while everything flows through the tunnel."""
    lab.gateway()
    cn = correspondent(lab, refuse_prefixes=["2001:db8:1::/64"])
    node = away(lab)
    ping = steady_ping(lab.mn, f"-I {HOME} {CORRESPONDENT}", 0.05)
    cn.wait_counter("test-refused", 3, 8)
    sent, got = lost_pings(ping)
    assert sent == got, f"{sent - got} of {sent} lost"
    assert peers(node)[CORRESPONDENT]["state"] == "testing" and not cn.bindings()


def test_the_home_agent_itself_is_talked_to_as_ever(lab, cn, node):
    """It is a correspondent too, but bound for it we are already: nothing is to be gained."""
    assert lab.mn.ping("2001:db8:1::1", count=5, options=f"-I {HOME}") == 5
    assert lab.ha.ping(HOME, count=5) == 5


# ---- two mobile nodes ----

def test_two_mobile_nodes_talk_straight_with_both_headers(lab):
    """§11.3.1 with §9.3.2: routing header and home address option in one packet."""
    lab.gateway(mobile_nodes=[HOME, OTHER])
    node = away(lab)
    other = lab.second_node(OTHER, route_optimisation="all")
    talk(lab, OTHER)
    wait_peer(node, "optimised", OTHER)
    wait_peer(other, "optimised", HOME)
    with capture(lab.air, "wlan0") as seen, capture(lab.core, "ha") as detour:
        assert lab.mn.ping(OTHER, count=5, options=f"-I {HOME}") == 5
        assert other.ns.ping(HOME, count=5, options=f"-I {OTHER}") == 5
    assert not [p for p in detour.ipv6() if is_data(p)]
    both = [p for p in seen.ipv6() if p[6] == wire.ROUTING and p[40] == wire.DSTOPTS]
    assert len(both) == 20
    there = [p for p in both if wire.source(p) == node.care_of()]
    assert all(p[48:64] == wire.a2b(OTHER) and p[70] == 0xC9 and p[72:88] == wire.a2b(HOME) for p in there)
    assert all(wire.checksum(HOME, OTHER, wire.ICMPV6, p[88:]) == 0 for p in there)
    transfer(lab.mn, HOME, other.ns, OTHER)
    transfer(other.ns, OTHER, lab.mn, HOME)


def test_one_of_two_mobile_nodes_moves(lab):
    lab.gateway(mobile_nodes=[HOME, OTHER])
    node = away(lab)
    other = lab.second_node(OTHER, route_optimisation="all")
    ping = steady_ping(lab.mn, f"-I {HOME} {OTHER}")
    wait_peer(node, "optimised", OTHER)
    wait_peer(other, "optimised", HOME)
    lab.plug("wlan0", "link2")
    node.wait_care_of(LINKS["link2"])
    until(lambda: other.bindings()[HOME]["care_of_address"] == node.care_of(), 5, "the other knows")
    with capture(lab.core, "ha") as detour:
        assert lab.mn.ping(OTHER, count=5, options=f"-I {HOME}") == 5
    assert not [p for p in detour.ipv6() if is_data(p)]
    lost_pings(ping)


# ---- path MTU ----

def test_no_more_is_sent_than_fits_also_back_in_the_tunnel(lab, cn, node):
    """The route's MTU is the tunnel's, 40 octets less, and the option takes 24: what fits there fits here."""
    optimised(lab, node)
    with capture(lab.air, "wlan0") as seen:
        assert lab.mn.ping(CORRESPONDENT, size=TUNNEL_MTU - 48, options=f"-M do -I {HOME}") == 3
        assert lab.cn.ping(HOME, size=TUNNEL_MTU - 48, options="-M do") == 3
    assert max(len(p) for p in seen.ipv6()) == TUNNEL_MTU + 24
    said = lab.mn.run(f"ping -n -c 1 -W 1 -M do -s {TUNNEL_MTU - 47} -I {HOME} {CORRESPONDENT}", check=False)
    assert str(TUNNEL_MTU) in said.stdout + said.stderr, said


def test_a_narrow_straight_path_is_learnt(lab, cn, node):
    """§11.3.1 with RFC 8201: packet too big quotes the packet with its option."""
    optimised(lab, node)
    for ns, link in ((lab.core, "cn"), (lab.cn, "core")):
        ns.ip(f"link set {link} mtu 1400")
    assert transfer(lab.mn, HOME, lab.cn, CORRESPONDENT) <= 1400 - 24 - 60
    assert transfer(lab.cn, CORRESPONDENT, lab.mn, HOME) <= 1400 - 24 - 60
    lab.mn.ping(CORRESPONDENT, size=4000, count=2, options=f"-I {HOME}", replies=False)     # the first ones may teach it
    assert lab.mn.ping(CORRESPONDENT, size=4000, options=f"-I {HOME}") == 3
    assert lab.cn.ping(HOME, size=4000) == 3
