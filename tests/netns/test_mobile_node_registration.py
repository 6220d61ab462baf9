# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Home registrations of our mobile node with a scripted home agent: RFC 6275 §11.7.1, §11.7.3, §11.8."""
import time

import pytest
from scapy.layers.inet6 import HAO, IPv6, IPv6ExtHdrDestOpt, MIP6MH_BU, PadN
from scapy.utils import rdpcap

from lab import wire
from lab.capture import capture, tshark_complaints
from lab.gateway import TOP
from lab.home_agent import read_update
from lab.roaming import LINKS, roaming_lab
from lab.topology import HOME, HOME_AGENT
from lab.wait import SLOW, stays, until

OTHER = "2001:db8:1::101"
STRANGER = "2001:db8:c::66"


@pytest.fixture
def agent(lab):
    return lab.home_agent()


def beyond(update, steps=1):
    return (update.seq + steps) & 0xFFFF


def test_an_address_by_slaac_is_registered(lab, agent):
    """radvd as slow as RFC 4861 has it by default: the node's own solicitation brings the advertisement."""
    node = lab.node()
    lab.radvd("link1", low=3, high=10)
    lab.plug("wlan0", "link1")
    update = agent.wait_update()
    binding = node.wait_state("registered")
    assert update.care_of == update.source == binding["care_of_address"]
    assert update.source.startswith("2001:db8:f1:") and binding["uplink"] == "wlan0"
    assert (binding["sequence"], binding["lifetime_s"], binding["home_agent"]) == (update.seq, 600, HOME_AGENT)
    uplink = node.uplinks()["wlan0"]
    assert uplink["state"] == "usable" and uplink["care_of_address"] == update.care_of
    assert len(agent.updates) == 1 and node.counters("ack-accepted") == 1 and node.counters("update-sent") == 1


def test_an_administrators_address_is_registered(lab, agent):
    node = lab.node()
    lab.plug("wlan0", "link1")
    care_of = lab.static_address()
    node.wait_care_of(care_of)
    assert agent.updates[0].care_of == care_of


def test_a_node_started_on_a_link_that_is_up_registers_too(lab, agent):
    lab.radvd("link1")
    lab.plug("wlan0", "link1")
    lab.node().wait_care_of(LINKS["link1"])


def test_the_binding_update_reads_well_octet_for_octet(lab, agent):
    """RFC 6275 §6.1.7, §6.3, §11.7.1"""
    lab.away(lifetime=602)
    update = agent.updates[0]
    packet = update.packet
    assert packet.nh == wire.DSTOPTS and packet.plen == len(update.octets) - 40 and packet.hlim > 1
    header = packet[IPv6ExtHdrDestOpt]
    assert (header.nh, header.len) == (wire.MH, 2)
    assert update.octets[40:48] == bytes([wire.MH, 2, 1, 2, 0, 0, 0xC9, 16]) and update.home == HOME
    assert [type(o) for o in header.options] == [PadN, HAO]
    bu = packet[MIP6MH_BU]
    assert (bu.nh, bu.mhtype, bu.res) == (wire.NONE, wire.BU, 0) and bu.len == (len(update.octets) - 64) // 8 - 1
    assert update.checksum_good and update.flags == "AH" and update.lifetime_s in (600, 604)
    assert update.alternate in (None, update.source)
    assert len(update.octets) % 8 == 0


def test_the_binding_update_has_the_shape_of_another_implementations(lab, agent):
    """UMIP's, from tests/captures: the same headers in the same order, the same flags, home address and destination."""
    frames = rdpcap(str(TOP / "tests/captures/umip-home-registration-mn.pcap"))
    theirs = next(filter(None, (read_update(bytes(f[IPv6])) for f in frames if IPv6 in f)))
    lab.away()
    ours = agent.updates[0]
    assert ours.octets[40:64] == theirs.octets[40:64]
    assert (ours.flags, ours.home, ours.packet.dst) == (theirs.flags, theirs.home, theirs.packet.dst)


def test_tshark_has_nothing_to_complain_about(lab, agent):
    with capture(lab.air, "wlan0") as seen:
        node = lab.away()
        lab.cn.ping(HOME)
        lab.plug("wlan0", "link2")
        node.wait_care_of(LINKS["link2"])
    assert len(seen) > 10 and tshark_complaints(seen) == []


def strange(agent, update):
    """Acknowledgements that answer nothing, by what is wrong with them."""
    good = agent.ack(update)
    return {
        "its source": agent.ack(update, source=STRANGER),
        "its sequence number": agent.ack(update, seq=beyond(update, 5)),
        "its routing header is missing": agent.ack(update, routed=False),
        "its home address": agent.ack(update, home=OTHER),
        "its checksum": good[:-3] + bytes([good[-3] ^ 1]) + good[-2:],
        "it is cut off": good[:5] + bytes([good[5] - 4]) + good[6:-4],
    }


@pytest.mark.parametrize("what", ["its source", "its sequence number", "its routing header is missing",
                                  "its home address", "its checksum", "it is cut off"])
def test_an_acknowledgement_is_not_believed_where_something_is_wrong_with(lab, agent, what):
    """RFC 6275 §11.7.3, §9.2; the right one, to the retransmission, is."""
    agent.answer = lambda update: [strange(agent, update)[what]] if len(agent.updates) < 1 else agent.accept(update)
    node = lab.node()
    lab.radvd("link1")
    lab.plug("wlan0", "link1")
    first = agent.wait_update()
    stays(lambda: node.state() == "pending", 0.5, "pending")
    assert node.counters("ack-accepted") == 0
    if what in ("its source", "its sequence number"):
        assert node.counters("ack-strange") == 1
    binding = node.wait_state("registered")
    assert binding["sequence"] == beyond(first)


def test_a_lifetime_above_the_one_asked_is_cut(lab, agent):
    agent.answer = lambda update: [agent.ack(update, lifetime_s=4000)]
    binding = lab.away(lifetime=60).bindings()[HOME]
    assert binding["lifetime_s"] == 60 and binding["remaining_s"] <= 60


def test_a_shorter_lifetime_is_taken(lab, agent):
    agent.max_lifetime = 20
    binding = lab.away().bindings()[HOME]
    assert binding["lifetime_s"] == 20 and binding["remaining_s"] <= 20


@pytest.mark.parametrize("status", [0, 1, 77, 127])
def test_a_status_below_128_accepts(lab, agent, status):
    """RFC 6275 §6.1.8, §11.7.3: known or not."""
    def answer(update):
        agent.bind(update)
        return [agent.ack(update, status)]
    agent.answer = answer
    lab.away()
    assert lab.cn.ping(HOME) == 3


@pytest.mark.parametrize("status", [128, 129, 130, 131, 132, 133, 134, 136, 141, 174, 200, 255])
def test_a_status_above_127_refuses_and_is_not_asked_again_at_once(lab, agent, status):
    agent.answer = agent.refuse(status)
    node = lab.node()
    lab.radvd("link1")
    lab.plug("wlan0", "link1")
    binding = node.wait_state("refused")
    assert binding["last_status"] == status and node.counters("ack-refused") == 1
    stays(lambda: len(agent.updates) == 1, 2, "one update")


def test_a_refusal_for_lack_of_resources_is_asked_again_after_a_while(lab, agent):
    agent.answer = agent.refuse(130)
    node = lab.node()
    lab.radvd("link1")
    lab.plug("wlan0", "link1")
    node.wait_state("refused")
    agent.answer = agent.accept
    agent.wait_update(1, timeout=25)
    node.wait_state("registered")


def test_a_refused_node_asks_again_at_once_from_another_link(lab, agent):
    agent.answer = agent.refuse(129)
    node = lab.node()
    lab.radvd("link1", "link2")
    lab.plug("wlan0", "link1")
    node.wait_state("refused")
    agent.answer = agent.accept
    lab.plug("wlan0", "link2")
    node.wait_care_of(LINKS["link2"])


def test_status_135_is_answered_at_once_with_the_number_after_the_agents(lab, agent):
    """RFC 6275 §11.7.3"""
    def answer(update):
        return [agent.ack(update, 135, seq=30000)] if len(agent.updates) < 1 else agent.accept(update)
    agent.answer = answer
    node = lab.away()
    first, second = agent.wait_updates(2)
    assert second.seq == 30001 and second.when - first.when < 0.5 * SLOW
    assert node.bindings()[HOME]["sequence"] == 30001


@pytest.mark.parametrize("known, next_one", [(65535, 0), (0, 1), (32768, 32769)])
def test_sequence_numbers_wrap_when_the_agent_says_so(lab, agent, known, next_one):
    agent.answer = lambda update: agent.accept(update) if agent.updates else [agent.ack(update, 135, seq=known)]
    lab.away()
    assert agent.wait_updates(2)[1].seq == next_one


def test_an_agent_that_says_135_for_ever_is_not_flooded(lab, agent):
    agent.answer = lambda update: [agent.ack(update, 135, seq=beyond(update, 7))]
    node = lab.node()
    lab.radvd("link1")
    lab.plug("wlan0", "link1")
    agent.wait_updates(2)
    stays(lambda: len(agent.updates) <= 6, 4, lambda: f"few updates: {len(agent.updates)}")
    assert node.state() != "registered"


def test_unanswered_updates_are_sent_again_ever_more_slowly_and_with_new_numbers(lab, agent):
    """RFC 6275 §11.8: 1.5 s (InitialBindackTimeoutFirstReg), then doubled."""
    agent.answer = lambda update: None
    node = lab.node()
    lab.radvd("link1")
    lab.plug("wlan0", "link1")
    updates = agent.wait_updates(4, timeout=20)
    gaps = [later.when - sooner.when for sooner, later in zip(updates, updates[1:])]
    for gap, expected in zip(gaps, (1.5, 3, 6)):
        assert expected * 0.85 < gap < expected * 1.15 + 0.3 * SLOW, gaps
    assert [u.seq for u in updates] == [beyond(updates[0], n) for n in range(4)]
    assert node.state() == "pending" and node.counters("update-sent") == 4


def test_an_answer_to_an_earlier_transmission_counts(lab, agent):
    """It carries the number of what was asked, if not of the last time it was."""
    agent.answer = lambda update: [agent.ack(agent.updates[0])] if agent.updates else None
    node = lab.node()
    lab.radvd("link1")
    lab.plug("wlan0", "link1")
    agent.wait_updates(2)
    node.wait_state("registered", timeout=2)


def test_a_registration_is_refreshed_before_it_ends(lab, agent):
    """At three quarters of its lifetime; unanswered, again after a second."""
    node = lab.away(lifetime=8)
    first = agent.updates[0]
    agent.answer = lambda update: agent.accept(update) if len(agent.updates) > 1 else None
    second, third = agent.wait_updates(3, timeout=12)[1:]
    assert 5 < second.when - first.when < 7.2 * SLOW
    assert 0.8 < third.when - second.when < 1.4 * SLOW
    assert (second.seq, third.seq) == (beyond(first), beyond(first, 2))
    until(lambda: node.bindings()[HOME]["remaining_s"] > 5, 2, "refreshed")
    assert lab.cn.ping(HOME) == 3


def test_a_refresh_advised_sooner_is_sent_sooner(lab, agent):
    """RFC 6275 §6.2.4"""
    agent.advice = 4
    node = lab.away()
    first, second = agent.wait_updates(2, timeout=8)
    assert 2.5 < second.when - first.when < 4.5 * SLOW
    assert node.state() == "registered"


def test_a_refresh_request_of_the_home_agent_is_followed(lab, agent):
    """RFC 6275 §11.7.4 in spirit; it comes through the tunnel."""
    lab.away()
    agent.send(agent.refresh_request(HOME))
    second = agent.wait_update(1)
    assert second.lifetime_s == 600


def test_a_refresh_request_of_a_stranger_is_not(lab, agent):
    node = lab.away()
    agent.send(agent.refresh_request(HOME, source=STRANGER))
    node.wait_counter("error-strange", 1)
    assert len(agent.updates) == 1


def test_a_home_agent_that_knows_nothing_of_the_binding_is_registered_with_again(lab, agent):
    """RFC 6275 §11.3.6: a binding error of status 1, by the agent itself."""
    node = lab.away()
    agent.forget()
    agent.send(agent.binding_error(node.care_of(), HOME, 1))
    agent.wait_update(1)
    node.wait_state("registered")
    assert lab.cn.ping(HOME) == 3


def test_binding_errors_of_the_agents_name_lead_to_one_update_a_second_at_most(lab, agent):
    """Whoever forges the agent's address gets no more."""
    node = lab.away()
    for _ in range(50):
        agent.send(agent.binding_error(node.care_of(), HOME, 1))
    agent.wait_update(1)
    stays(lambda: len(agent.updates) <= 3, 1.5, lambda: f"few updates: {len(agent.updates)}")


def test_the_operator_reads_it_as_a_table(lab, agent):
    node = lab.away()
    bindings, uplinks = node.tool("show bindings").stdout, node.tool("show uplinks").stdout
    assert HOME in bindings and node.care_of() in bindings and "registered" in bindings
    assert "wlan0" in uplinks and "usable" in uplinks and "wwan0" in uplinks and "down" in uplinks
    assert node.show("status")["roles"] == ["mobile-node"]


def test_a_home_agent_that_vanishes_and_comes_back_without_memory_is_registered_with_again(lab, agent):
    node = lab.away(lifetime=8)
    agent.silent = True
    until(lambda: node.care_of() is None, 12, "the registration ends")
    agent.forget()
    agent.silent = False
    node.wait_state("registered", timeout=12)
    assert lab.cn.ping(HOME) == 3


def test_several_home_addresses_are_registered_each_for_itself(lab, agent):
    node = lab.node(homes=(HOME, OTHER))
    agent.answer = lambda update: [agent.ack(update, 129)] if update.home == OTHER else agent.accept(update)
    lab.radvd("link1")
    lab.plug("wlan0", "link1")
    node.wait_state("registered")
    node.wait_state("refused", home=OTHER)
    assert {u.home for u in agent.updates} == {HOME, OTHER}
    assert lab.cn.ping(HOME) == 3 and node.state() == "registered"


@pytest.mark.parametrize("authentication", [None, "ipsec"])
def test_without_authentication_none_it_refuses_to_start(lab, authentication):
    code, log = lab.node(start=False, authentication=authentication).refused_start()
    assert code != 0 and "none" in log and "authentication" in log


def test_events_are_monitored_as_they_happen(lab, agent):
    node = lab.node()
    child = node.monitor()
    until(lambda: node.show("status")["monitors"] == 1, 5, "monitor is connected")
    lab.radvd("link1")
    lab.plug("wlan0", "link1")
    names = []
    until(lambda: names.append(node.events(child, 1)[0]["event"]) or "registered" in names, 10, lambda: f"{names}")
    assert "attached" in names and names.index("attached") < names.index("registered")


def test_our_own_home_agent_registers_it(lab):
    gateway = lab.gateway()
    node = lab.away()
    assert gateway.bindings()[HOME]["care_of_address"] == node.care_of()
    assert lab.cn.ping(HOME, count=5) == 5
    start = time.monotonic()
    lab.plug("wlan0", "link2")
    node.wait_care_of(LINKS["link2"])
    assert time.monotonic() - start < 2 * SLOW and gateway.counters("moved") == 1
    assert lab.cn.ping(HOME, count=5) == 5
