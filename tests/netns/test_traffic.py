# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Packets to and from an away node: octet for octet, hop limits, classes, labels; every mode of attachment."""
import pytest

from lab import wire
from lab.capture import capture
from lab.gateway import ABI
from lab.namespace import sh
from lab.topology import CORRESPONDENT, HOME, HOME_AGENT, NEIGHBOUR

# DAD, a second each time, is the subject of test_registration.py and test_neighbour.py
pytestmark = pytest.mark.topology(dad_transmits=0)

OTHER = "2001:db8:1::101"


def send_from_cn(lab, packet):
    """Octets of ours from the correspondent's link to the core router."""
    from lab.capture import packet_socket
    sock = packet_socket(lab.cn, "core")
    sock.send(wire.ethernet(lab.core.mac("cn"), lab.cn.mac("core"), packet))
    sock.close()


def tunnelled_to(node, before, data):
    """The outer packet that holds `data`, as it came to the node."""
    return node.wait(lambda p: p[6] == wire.IPV6 and data in p and p, before, what=f"tunnel packet with {data!r}")


@pytest.fixture
def away(ha, mn):
    mn.registered()
    return mn


@pytest.mark.parametrize("mode", ["auto", "native", "generic", "tc"])
def test_both_directions_in_every_mode_of_attachment(lab, mode):
    gateway = lab.gateway(mode=mode)
    node = lab.mobile_node(link="f1")
    node.registered()
    got = gateway.interfaces()["uplink"]["mode"]
    assert got == mode or (mode == "auto" and got in ("native", "generic", "tc")), gateway.interfaces()
    assert lab.cn.ping(HOME, count=10) == 10
    assert node.echoes >= 10
    if got != "tc":
        assert gateway.counters("encapsulated") >= 8      # the data path did it, not the kernel's slow path
        assert gateway.counters("decapsulated") >= 8


@pytest.mark.parametrize("mode", ["native", "generic", "tc"])
def test_a_packet_into_the_tunnel_is_whole_and_unchanged_but_for_its_hop_limit(lab, mode):
    """RFC 2473 §3.1, §5; two hops: core, and the tunnel entry."""
    lab.gateway(mode=mode)
    node = lab.mobile_node(link="f1")
    node.registered()
    lab.cn.ping(HOME, count=1)
    before = len(node.inbox)
    sent = wire.udp(CORRESPONDENT, HOME, 1000, 2000, b"whole and unchanged", hop_limit=33, flow_label=0x12345,
                    traffic_class=0xB8)
    send_from_cn(lab, sent)
    outer = tunnelled_to(node, before, b"whole and unchanged")
    tclass, label, protocol, hops, source, destination = wire.header(outer)
    assert (source, destination, protocol) == (HOME_AGENT, node.care_of, wire.IPV6)
    assert hops == 63 and label != 0 and tclass == 0xB8
    assert outer[40:] == sent[:7] + bytes([31]) + sent[8:]


@pytest.mark.parametrize("mode", ["native", "generic", "tc"])
def test_a_packet_out_of_the_reverse_tunnel_is_whole_and_unchanged_but_for_its_hop_limit(lab, mode):
    """RFC 2473 §3.3"""
    lab.gateway(mode=mode)
    node = lab.mobile_node(link="f1")
    node.registered()
    lab.cn.ping(HOME, count=1)
    inner = wire.udp(HOME, CORRESPONDENT, 1000, 2000, b"out of the reverse tunnel", hop_limit=33, traffic_class=0x28)
    with capture(lab.cn, "core") as seen:
        node.send_tunnelled(inner)
        got = seen.wait(lambda p: b"out of the reverse tunnel" in p)
    assert got == inner[:7] + bytes([31]) + inner[8:]


@pytest.mark.parametrize("inner_class, outer_class", [(0x00, 0x00), (0x01, 0x01), (0x02, 0x02), (0x03, 0x03), (0xBB, 0xBB)])
def test_dscp_and_ecn_are_copied_outward(lab, away, inner_class, outer_class):
    """RFC 6040 §4.1, normal mode"""
    lab.cn.ping(HOME, count=1)
    before = len(away.inbox)
    send_from_cn(lab, wire.udp(CORRESPONDENT, HOME, 1, 2, b"class", traffic_class=inner_class))
    assert wire.header(tunnelled_to(away, before, b"class"))[0] == outer_class


@pytest.mark.parametrize("inner, outer, result", [(0, 1, 0), (2, 0, 2), (2, 1, 1), (2, 3, 3), (1, 3, 3), (0, 3, None), (3, 2, 3)])
def test_ecn_at_the_end_of_the_tunnel(lab, ha, away, inner, outer, result):
    """RFC 6040 §4.2, figure 4"""
    lab.cn.ping(HOME, count=1)
    with capture(lab.cn, "core") as seen:
        away.send_tunnelled(wire.udp(HOME, CORRESPONDENT, 1, 2, b"ecn", traffic_class=inner), traffic_class=outer)
        if result is None:
            ha.wait_counter("tunnel-ecn", 1)
            assert not seen.find(lambda p: b"ecn" in p)
        else:
            assert wire.header(seen.wait(lambda p: b"ecn" in p))[0] == result


def test_the_outer_flow_label_follows_the_inner_flow(lab, away):
    """RFC 6438: the same for one flow, different for most others."""
    lab.cn.ping(HOME, count=1)
    labels = {}
    for port in range(1, 9):
        for round_ in range(2):
            before = len(away.inbox)
            data = f"flow {port} {round_}".encode()
            send_from_cn(lab, wire.udp(CORRESPONDENT, HOME, port, 2000, data))
            labels.setdefault(port, set()).add(wire.header(tunnelled_to(away, before, data))[1])
    assert all(len(seen) == 1 for seen in labels.values()), labels
    assert len({next(iter(seen)) for seen in labels.values()}) > 5


@pytest.mark.parametrize("hops, passes", [(3, True), (2, False)])
def test_a_hop_limit_used_up_at_the_tunnel_entry(lab, away, hops, passes):
    """RFC 2473 §3.1: core takes one, the tunnel entry the next; at 0 the sender hears of it."""
    lab.cn.ping(HOME, count=1)
    before = len(away.inbox)
    with capture(lab.cn, "core", "in") as seen:
        send_from_cn(lab, wire.udp(CORRESPONDENT, HOME, 1, 2, b"hop", hop_limit=hops))
        if passes:
            assert tunnelled_to(away, before, b"hop")[47] == 1
        else:
            error = seen.wait(lambda p: p[6] == wire.ICMPV6 and p[40] == wire.TIME_EXCEEDED)
            assert error[41] == 0 and b"hop" in error
            assert not [packet for packet in away.from_tunnel(before) if b"hop" in packet]


def test_two_mobile_nodes_reach_each_other(lab):
    """Out of one tunnel into the other in one run of the program."""
    gateway = lab.gateway(mobile_nodes=[HOME, OTHER])
    first = lab.mobile_node(link="f1")
    second = lab.mobile_node(home=OTHER, ns=lab.second_mobile_namespace().name, link="f3")
    first.registered()
    second.registered()
    lab.cn.ping(HOME, count=1)
    lab.cn.ping(OTHER, count=1)
    before = len(first.inbox)
    first.send_tunnelled(wire.echo(HOME, OTHER, data=b"node to node", hop_limit=9))
    reply = wire.source, first.wait(lambda p: p[6] == wire.IPV6 and b"node to node" in p and p, before, what="reply")
    assert wire.header(reply[1][40:])[4:] == (OTHER, HOME) and reply[1][80] == wire.ECHO_REPLY
    assert gateway.counters("reencapsulated") == 2


def test_two_mobile_nodes_on_one_access_link_reach_each_other(lab):
    gateway = lab.gateway(mobile_nodes=[HOME, OTHER])
    node = lab.mobile_node(link="f1")
    node.registered(home=HOME)
    node.registered(home=OTHER)
    lab.cn.ping(HOME, count=1)
    before = len(node.inbox)
    node.send_tunnelled(wire.echo(HOME, OTHER, data=b"to myself"))
    node.wait(lambda p: p[6] == wire.IPV6 and b"to myself" in p and p[80] == wire.ECHO_REPLY, before, what="reply")
    assert gateway.counters("reencapsulated") == 2


def test_an_echo_reply_of_the_agent_itself_carries_a_routing_header(lab, ha, away):
    """RFC 6275 §8.2, §9.3.2: the agent is a correspondent of its mobile node too; HAO in, RH2 out."""
    before = len(away.inbox)
    request = wire.ipv6(away.care_of, HOME_AGENT, wire.DSTOPTS,
                        wire.hao(HOME, wire.ICMPV6) + wire.echo(HOME, HOME_AGENT, data=b"with option")[40:])
    away.send(request)
    reply = away.wait(lambda p: b"with option" in p and p, before, what="echo reply")
    tclass, _, protocol, _, source, destination = wire.header(reply)
    assert (source, destination, protocol) == (HOME_AGENT, away.care_of, wire.ROUTING)
    assert reply[40:48] == bytes([wire.ICMPV6, 2, 2, 1, 0, 0, 0, 0]) and reply[48:64] == wire.a2b(HOME)
    assert reply[64] == wire.ECHO_REPLY and wire.checksum(HOME_AGENT, HOME, wire.ICMPV6, reply[64:]) == 0
    assert ha.counters("pass-home-address") == 1 and ha.counters("route-header-inserted") >= 2


def test_the_host_reaches_a_bound_home_address(lab, away):
    assert lab.ha.ping(HOME) == 3


def test_the_host_reaches_a_node_at_home_and_a_plain_neighbour(lab, ha):
    assert lab.ha.ping(NEIGHBOUR) == 3


def test_traffic_between_plain_hosts_is_not_touched(lab, ha, away):
    assert lab.cn.ping(NEIGHBOUR, count=5) == 5
    assert lab.nb.ping(CORRESPONDENT, count=5) == 5
    assert lab.nb.ping(HOME_AGENT) == 3


def test_a_neighbour_on_the_home_link_reaches_an_away_node(lab, away):
    assert lab.nb.ping(HOME) == 3


def test_a_large_packet_that_fits_the_tunnel_passes(lab, away):
    """1500 less the outer header: 1460, of which 48 are headers of ping."""
    assert lab.cn.ping(HOME, size=1412, options="-M do") == 3


def test_no_packet_of_the_away_nodes_reaches_the_home_link_in_clear(lab, ha, away):
    with capture(lab.nb, "home") as seen:
        lab.cn.ping(HOME, count=5)
    assert not [p for p in seen.ipv6() if p[24:40] == wire.a2b(HOME) and p[40] != wire.NS]


def test_bindings_and_next_hops_read_like_a_table_in_bpftool(lab, ha, away):
    lab.cn.ping(HOME, count=1)
    entries = ha.map_dump("bindings")
    assert len(entries) == 1 and "formatted" in entries[0]
    text = sh(["bpftool", "map", "dump", "pinned", f"{ha.pin_dir}/{ABI}/bindings"]).stdout
    assert "care_of" in text and "expires" in text


def test_multicast_of_link_scope_is_not_tunnelled(lab, away):
    """RFC 6275 §10.4.3"""
    before = len(away.inbox)
    lab.nb.run("ping -n -c 3 -i 0.1 -W 1 ff02::1%home", check=False)
    assert not away.from_tunnel(before)
