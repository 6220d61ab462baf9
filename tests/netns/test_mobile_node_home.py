# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Returning home and leaving again, RFC 6275 §11.5.5: before the acknowledgement the agent alone finds the node."""
import pytest

from lab import wire
from lab.capture import capture
from lab.roaming import LINKS, roaming_lab
from lab.topology import CORRESPONDENT, HOME, HOME_AGENT, NEIGHBOUR
from lab.wait import stays, until

ASKER = "2001:db8:1::abcd"


@pytest.fixture
def agent(lab):
    agent = lab.home_agent()
    lab.radvd("home")
    return agent


def advertised(packet):
    """Target of a neighbour advertisement, else None."""
    return wire.b2a(packet[48:64]) if packet[6] == wire.ICMPV6 and packet[40] == wire.NA else None


def is_update(packet):
    message = wire.parse_mobility(packet)
    return bool(message) and message.kind == wire.BU


def go_home(lab, node, uplink="wlan0"):
    lab.plug(uplink, "home")
    node.wait_state("at-home")


def test_the_update_from_home_has_lifetime_0_the_home_address_as_its_source_and_no_option(lab, agent):
    """RFC 6275 §11.5.5"""
    node = lab.away()
    go_home(lab, node)
    last = agent.updates[-1]
    assert (last.source, last.has_option, last.lifetime_s, last.care_of) == (HOME, False, 0, HOME)
    assert last.checksum_good and "A" in last.flags and "H" in last.flags
    assert (last.seq - agent.updates[0].seq) & 0xFFFF < 100
    assert node.uplinks()["wlan0"]["state"] == "home" and node.care_of() is None
    assert not agent.bindings


def test_at_home_traffic_flows_both_ways_without_a_tunnel(lab, agent):
    node = lab.away()
    go_home(lab, node)
    with capture(lab.air, "wlan0") as seen:
        assert lab.cn.ping(HOME) == 3 and lab.nb.ping(HOME) == 3
        assert lab.mn.ping(NEIGHBOUR, options=f"-I {HOME}") == 3
        assert lab.mn.ping(CORRESPONDENT, options=f"-I {HOME}") == 3
    assert not seen.ipv6(wire.IPV6)
    assert node.counters("sent-at-home") >= 6


def test_the_home_address_is_on_the_uplink_after_the_acknowledgement_and_not_before(lab, agent):
    def on_uplink():
        return HOME in lab.mn.run("ip -6 addr show dev wlan0").stdout
    node = lab.away()
    agent.answer = lambda update: None
    lab.plug("wlan0", "home")
    agent.wait_update(match=lambda u: u.lifetime_s == 0)
    stays(lambda: not on_uplink() and node.state() == "returning", 0.7, "not there yet")
    agent.answer = agent.accept
    node.wait_state("at-home")
    until(on_uplink, 2, "there")


def test_the_order_of_packets_on_the_way_home(lab, agent):
    """Update, acknowledgement, then the advertisement to all nodes that overrides the agent's."""
    node = lab.away()
    with capture(lab.air, "wlan0") as seen:
        go_home(lab, node)
        seen.wait(lambda p: advertised(p) == HOME and wire.destination(p) == "ff02::1", what="advertisement to all")
    packets = seen.ipv6()
    update = next(n for n, p in enumerate(packets) if is_update(p) and wire.source(p) == HOME)
    ack = next(n for n, p in enumerate(packets) if (wire.parse_mobility(p) or p) and wire.source(p) == HOME_AGENT
               and getattr(wire.parse_mobility(p), "kind", None) == wire.BA)
    na = next(n for n, p in enumerate(packets) if advertised(p) == HOME and wire.destination(p) == "ff02::1")
    assert update < ack < na
    message = packets[na]
    assert message[7] == 255 and message[44] & 0x20 and not message[44] & 0xC0
    assert message[64:72] == b"\x02\x01" + wire.mac2b(lab.mn.mac("wlan0"))
    # before the acknowledgement, no word about the home address but to the agent, and no probe for it (no DAD)
    for p in packets[:ack]:
        if advertised(p) == HOME:
            assert wire.destination(p) in ("fe80::1", HOME_AGENT), wire.destination(p)
    macs = [f for f in seen.frames if f[6:12] == wire.mac2b(lab.mn.mac("wlan0"))]
    assert not [f for f in macs if f[14 + 6] == wire.ICMPV6 and f[54] == wire.NS and f[62:78] == wire.a2b(HOME)]


def test_before_the_acknowledgement_the_agent_alone_gets_an_answer(lab, agent):
    """RFC 6275 §11.5.5"""
    node = lab.away()
    agent.answer = lambda update: None
    with capture(lab.air, "wlan0") as seen:
        lab.plug("wlan0", "home")
        agent.wait_update(match=lambda u: u.lifetime_s == 0)
        assert node.state() == "returning"
        for asker in (ASKER, "fe80::abcd", NEIGHBOUR, "::"):
            lab.inject("wlan0", wire.neighbour_solicitation(asker, HOME, "02:00:00:00:66:66"))
        lab.inject("wlan0", wire.neighbour_solicitation(ASKER, HOME, "02:00:00:00:66:66", HOME))
        agent_mac = lab.ha.mac("home")
        lab.inject("wlan0", wire.neighbour_solicitation("fe80::1", HOME, agent_mac), mac=agent_mac)
        seen.wait(lambda p: advertised(p) == HOME and wire.destination(p) == "fe80::1", what="answer to the agent")
        lab.inject("wlan0", wire.neighbour_solicitation(HOME_AGENT, HOME, agent_mac), mac=agent_mac)
        answer = seen.wait(lambda p: advertised(p) == HOME and wire.destination(p) == HOME_AGENT, what="the same")
        assert answer[44] & 0x40 and answer[7] == 255
        assert answer[64:72] == b"\x02\x01" + wire.mac2b(lab.mn.mac("wlan0"))

        def to_others(packet):
            return advertised(packet) == HOME and wire.destination(packet) not in ("fe80::1", HOME_AGENT)
        stays(lambda: not seen.find(to_others), 0.5, "nobody else hears of it")


def test_after_the_acknowledgement_everybody_gets_an_answer(lab, agent):
    node = lab.away()
    go_home(lab, node)
    with capture(lab.air, "wlan0", "in") as seen:
        lab.inject("wlan0", wire.neighbour_solicitation("fe80::abcd", HOME, "02:00:00:00:66:66"))
        seen.wait(lambda p: advertised(p) == HOME and wire.destination(p) == "fe80::abcd")


def test_a_neighbour_that_had_the_agents_address_cached_follows(lab, agent):
    node = lab.away()
    assert lab.nb.ping(HOME) == 3
    go_home(lab, node)
    until(lambda: lab.nb.ping(HOME, count=1, replies=False) == 1, 3, "the neighbour finds it")
    with capture(lab.air, "ha", "out") as at_agent:
        assert lab.nb.ping(HOME) == 3
    assert not [p for p in at_agent.ipv6() if wire.destination(p) == HOME and p[40] == wire.ECHO]


def test_a_node_that_starts_at_home_is_at_home(lab, agent):
    """Nothing is registered: it need not ask, and a refusal with 133 does not keep it out."""
    agent.answer = lambda update: [agent.ack(update, 133)]
    node = lab.node()
    lab.plug("wlan0", "home")
    node.wait_state("at-home")
    assert lab.cn.ping(HOME) == 3


def test_an_unanswered_return_is_asked_again(lab, agent):
    node = lab.away()
    before = len(agent.updates)
    agent.answer = lambda update: None
    lab.plug("wlan0", "home")
    agent.wait_update(before + 1, lambda u: u.lifetime_s == 0, timeout=8)
    agent.answer = agent.accept
    node.wait_state("at-home", timeout=8)


def test_leaving_home_registers_again_and_takes_the_address_off_the_uplink(lab, agent):
    node = lab.away()
    go_home(lab, node)
    assert lab.cn.ping(HOME) == 3
    lab.plug("wlan0", "link2")
    node.wait_care_of(LINKS["link2"])
    assert HOME not in lab.mn.run("ip -6 addr show dev wlan0").stdout
    assert lab.cn.ping(HOME) == 3 and lab.mn.ping(CORRESPONDENT, options=f"-I {HOME}") == 3


@pytest.mark.parametrize("carrier", [True, False])
def test_home_and_away_three_times(lab, agent, carrier):
    node = lab.away()
    for link in ("home", "link2", "home", "link1", "home", "link1"):
        lab.plug("wlan0", link, carrier=carrier)
        node.wait_state("at-home") if link == "home" else node.wait_care_of(LINKS[link])
        until(lambda: lab.cn.ping(HOME, count=1, replies=False) == 1, 3, f"traffic flows on {link}")
        assert lab.cn.ping(HOME) == 3
    steps = [(later.seq - sooner.seq) & 0xFFFF for sooner, later in zip(agent.updates, agent.updates[1:])]
    assert all(0 < step < 10 for step in steps), steps


def test_a_silent_return_home_loses_no_update(lab, agent):
    """Not one goes to the router that was left behind."""
    node = lab.away()
    with capture(lab.air, "wlan0", "in", keep=lambda f: is_update(f[14:])) as seen:
        lab.plug("wlan0", "home", carrier=False)
        node.wait_state("at-home")
    assert [f[0:6].hex(":") for f in seen.frames] == [lab.ha.mac("home")]


def test_away_from_home_to_a_link_whose_router_has_the_same_link_local_address(lab, agent):
    lab.only_link_local(lab.ar1, "link1", "fe80::1")
    node = lab.node()
    lab.radvd("link1")
    lab.plug("wlan0", "home")
    node.wait_state("at-home")
    for link in ("link1", "home", "link1"):
        lab.plug("wlan0", link)
        node.wait_state("at-home") if link == "home" else node.wait_care_of(LINKS[link])
        assert lab.cn.ping(HOME) == 3


def test_home_by_the_other_uplink(lab, agent):
    """wwan0 arrives on the home link while wlan0 is registered from a visited one: home wins."""
    node = lab.away()
    lab.plug("wwan0", "home")
    node.wait_state("at-home")
    assert lab.cn.ping(HOME) == 3
    lab.unplug("wwan0")
    node.wait_care_of(LINKS["link1"])
    assert lab.cn.ping(HOME) == 3


def test_kill_9_at_home_and_a_new_start_stay_at_home(lab, agent):
    node = lab.away()
    go_home(lab, node)
    node.kill9()
    assert lab.cn.ping(HOME) == 3
    node.start()
    node.wait_state("at-home")
    assert lab.cn.ping(HOME) == 3 and lab.nb.ping(HOME) == 3


def test_with_our_own_home_agent(lab):
    gateway = lab.gateway()
    lab.radvd("home")
    node = lab.away()
    assert lab.nb.ping(HOME) == 3
    for _ in range(2):
        go_home(lab, node)
        assert not gateway.bindings()
        until(lambda: lab.nb.ping(HOME, count=1, replies=False) == 1, 3, "the neighbour finds it")
        assert lab.cn.ping(HOME) == 3 and lab.nb.ping(HOME) == 3
        lab.plug("wlan0", "link2")
        node.wait_care_of(LINKS["link2"])
        assert lab.cn.ping(HOME) == 3 and lab.nb.ping(HOME) == 3
    assert gateway.counters("deregistered") == 2
