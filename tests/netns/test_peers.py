# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Peers that nobody of this project wrote: UMIP by its captures, scapy's codec, the kernel's own ip6_tunnel."""
import struct

import pytest
from scapy.layers.inet6 import (HAO, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrRouting, MIP6MH_BA, MIP6MH_BU,
                                MIP6OptAltCoA)
from scapy.utils import PcapReader

from lab import wire
from lab.capture import ipv6_of
from lab.gateway import TOP
from lab.namespace import sh
from lab.stream import transfer
from lab.topology import CORRESPONDENT, HOME, HOME_AGENT
from lab.wait import Timeout

# DAD, a second each time, is the subject of test_registration.py and test_neighbour.py
pytestmark = pytest.mark.topology(dad_transmits=0)


def umip_run(name):
    """Of a capture: the updates to the home agent, in order, and its acknowledgements by sequence number."""
    updates, acks = [], {}
    with PcapReader(str(TOP / "tests/captures" / name)) as frames:
        for frame in frames:
            packet = ipv6_of(bytes(frame))
            if packet and packet[6] == wire.DSTOPTS and packet[40] == wire.MH and packet[66] == wire.BU \
                    and wire.destination(packet) == HOME_AGENT:
                updates.append(packet)
            message = packet and wire.parse_mobility(packet)
            if message and message.kind == wire.BA and message.source == HOME_AGENT:
                acks[message.seq] = packet
    return updates, acks


def attach_as(node, care_of):
    """Onto the access link of that care-of address, with that address."""
    link = "f1" if care_of.startswith("2001:db8:f1:") else "f2"
    if node.link != link:
        node.attach(link)
    node.ns.ip(f"addr replace {care_of}/64 dev {link} nodad")
    node.care_of = care_of


@pytest.mark.parametrize("name", ["umip-home-registration-mn.pcap", "umip-return-routability-mn.pcap"])
def test_updates_of_umip_are_acknowledged_octet_for_octet_as_its_own_agent_did(lab, name):
    """Sequence numbers, moves and resends as captured; only the road below the mobility header is another."""
    updates, theirs = umip_run(name)
    assert updates and theirs
    gateway = lab.gateway(max_lifetime=262140)
    node = lab.mobile_node()
    for packet in updates:
        attach_as(node, wire.source(packet))
        before = len(node.inbox)
        node.send(packet)
        ack = node.wait_ack(before, HOME)
        seq = struct.unpack_from("!H", packet, 70)[0]
        assert (ack.status, ack.seq) == (0, seq)
        if seq in theirs:
            assert ack.packet[40:] == theirs[seq][40:]
        assert gateway.bindings()[HOME]["care_of_address"] == wire.source(packet)
    assert lab.cn.ping(HOME) == 3


def test_a_replay_of_umips_captured_updates_is_refused(lab):
    """RFC 6275 §9.5.1; all of them a second time: 135 with the newest number, nothing changes."""
    updates, _ = umip_run("umip-return-routability-mn.pcap")
    gateway = lab.gateway(max_lifetime=262140)
    node = lab.mobile_node()
    for packet in updates:
        attach_as(node, wire.source(packet))
        before = len(node.inbox)
        node.send(packet)
        newest = node.wait_ack(before, HOME)
    binding = gateway.bindings()[HOME]
    for packet in updates:
        attach_as(node, wire.source(packet))
        before = len(node.inbox)
        node.send(packet)
        ack = node.wait_ack(before, HOME)
        assert (ack.status, ack.seq) == (135, newest.seq)
    after = gateway.bindings()[HOME]
    assert all(after[key] == binding[key] for key in ("care_of_address", "sequence", "lifetime_s"))


def test_an_update_built_by_scapy_is_acknowledged_as_scapy_reads_it(lab, ha, mn):
    update = (IPv6(src=mn.care_of, dst=HOME_AGENT) / IPv6ExtHdrDestOpt(options=[HAO(hoa=HOME)])
              / MIP6MH_BU(seq=4711, flags="AH", mhtime=100, options=[MIP6OptAltCoA(acoa=mn.care_of)]))
    mn.send(bytes(update))
    ack = IPv6(mn.wait_ack(0, HOME).packet)
    routing, message = ack[IPv6ExtHdrRouting], ack[MIP6MH_BA]
    assert (routing.type, routing.segleft, routing.addresses) == (2, 1, [HOME])
    assert (message.status, message.seq, message.mhtime, message.nh) == (0, 4711, 100, 59)
    assert ha.bindings()[HOME]["sequence"] == 4711


@pytest.fixture
def kernel_tunnel(lab, ha, mn):
    """The node's kernel with a stock ip6_tunnel device, encapsulation limit 4 in every packet (RFC 2473 §4.1.1)."""
    mn.answering = False
    mn.registered()
    mn.ns.ip(f"link add mip type ip6tnl mode ip6ip6 local {mn.care_of} remote {HOME_AGENT} encaplimit 4 dev f1",
             "link set mip up", f"addr add {HOME}/128 dev mip nodad",
             f"route add 2001:db8:c::/64 dev mip src {HOME}")
    # what the scripted node does about it: see MobileNode.__init__
    return mn


@pytest.mark.needs("ip6_tunnel")
def test_a_stock_ip6_tunnel_at_the_other_end(lab, ha, kernel_tunnel):
    assert lab.cn.ping(HOME, count=5) == 5
    assert kernel_tunnel.ns.ping(CORRESPONDENT, count=5, options=f"-I {HOME}") == 5
    counters = ha.all_counters()
    assert counters["decapsulated"] + counters["pass-decapsulated"] >= 10
    assert counters["encapsulated"] + counters["pass-slow"] >= 10


@pytest.mark.needs("ip6_tunnel")
def test_tcp_through_a_stock_ip6_tunnel_arrives_whole_both_ways(lab, ha, kernel_tunnel):
    size = 1 << 18
    sent, got = transfer(lab.cn, kernel_tunnel.ns, HOME, size)
    assert sent == got
    sent, got = transfer(kernel_tunnel.ns, lab.cn, CORRESPONDENT, size)
    assert sent == got


@pytest.mark.needs("netem")
def test_a_node_behind_a_bad_link_gets_registered_and_stays_in_step(lab, ha, mn):
    """A third lost, some twice, some late: a resend has a higher number (RFC 6275 §11.8), the last word counts."""
    for ns, link in ((mn.ns, "f1"), (lab.core, "f1")):
        sh(f"tc -n {ns.full} qdisc add dev {link} root netem delay 5ms 3ms loss 33% duplicate 10% reorder 10%")
    acknowledged = []
    for _ in range(40):
        try:
            acknowledged.append(mn.update(timeout=0.2))
        except Timeout:
            pass
    for ns, link in ((mn.ns, "f1"), (lab.core, "f1")):
        sh(f"tc -n {ns.full} qdisc del dev {link} root")
    assert any(ack.status == 0 for ack in acknowledged)
    # one that was overtaken or doubled is refused with the cached number, never with less
    assert all(ack.status in (0, 135) for ack in acknowledged)
    assert mn.registered().seq == mn.seq and ha.bindings()[HOME]["sequence"] == mn.seq
    assert lab.cn.ping(HOME) == 3
