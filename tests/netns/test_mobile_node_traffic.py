# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Traffic of an away node through its tunnel, both ways, with our own home agent at its other end: RFC 6275 §11.3."""
import re
import socket
import struct

import pytest

from lab import wire
from lab.capture import capture
from lab.roaming import LINKS, roaming_lab
from lab.stream import transfer
from lab.topology import CORRESPONDENT, HOME, HOME_AGENT, NEIGHBOUR
from lab.wait import until
from test_tun import Cable

# DAD, a second each time, is the subject of test_registration.py and test_neighbour.py
pytestmark = pytest.mark.topology(dad_transmits=0)

OTHER = "2001:db8:1::101"
TUNNEL_MTU = 1500 - 40


@pytest.fixture
def node(lab):
    lab.gateway()
    return lab.away()


def local_error(lab, size, options=""):
    return lab.mn.run(f"ping -n -c 1 -W 1 -M do -s {size} -I {HOME} {options} {CORRESPONDENT}", check=False)


def test_both_directions(lab, node):
    assert lab.cn.ping(HOME, count=10) == 10
    assert lab.mn.ping(CORRESPONDENT, count=10, options=f"-I {HOME}") == 10
    assert lab.nb.ping(HOME) == 3 and lab.mn.ping(NEIGHBOUR, options=f"-I {HOME}") == 3
    assert lab.ha.ping(HOME) == 3
    assert node.counters("reverse-tunnelled") >= 20


def test_the_home_agent_itself_is_reached_from_the_home_address(lab, node):
    assert lab.mn.ping(HOME_AGENT, options=f"-I {HOME}") == 3


def test_an_application_that_binds_nothing_keeps_its_care_of_address(lab, node):
    """Only what is sent from the home address is the tunnel's."""
    before = node.counters("reverse-tunnelled")
    assert lab.mn.ping(CORRESPONDENT, options=f"-I {node.care_of()}") == 3
    assert node.counters("reverse-tunnelled") == before


def test_a_packet_out_of_the_node_is_tunnelled_whole(lab, node):
    """RFC 2473 §3.1: outer source the care-of address, destination the agent; class and label as the agent's are."""
    def send():
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.bind((HOME, 1000))
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, 0xBA)
            sock.sendto(b"whole and unchanged", (CORRESPONDENT, 2000))
    lab.mn.ping(CORRESPONDENT, count=1, options=f"-I {HOME}")
    with capture(lab.air, "wlan0", "in") as seen, capture(lab.cn, "core", "in") as there:
        lab.mn.inside(send)
        outer = seen.wait(lambda p: b"whole and unchanged" in p)
        inner = there.wait(lambda p: b"whole and unchanged" in p)
    tclass, label, protocol, hops, source, destination = wire.header(outer)
    assert (source, destination, protocol) == (node.care_of(), HOME_AGENT, wire.IPV6)
    assert tclass == 0xBA and label != 0 and hops > 32
    assert wire.source(outer[40:]) == HOME and len(outer) == 40 + len(inner)
    assert wire.checksum(HOME, CORRESPONDENT, wire.UDP, inner[40:]) == 0


@pytest.mark.parametrize("offload", ["on", "off"])
@pytest.mark.parametrize("direction", ["out", "in"])
def test_a_tcp_stream(lab, node, offload, direction):
    """With and without segmentation and checksums left to the device."""
    lab.mn.run(["sh", "-c", f"ethtool -K wlan0 tx {offload} tso {offload} gso {offload} >/dev/null 2>&1 || true"])
    lab.cn.ping(HOME, count=1)
    if direction == "out":
        mss = transfer(lab.mn, HOME, lab.cn, CORRESPONDENT)
    else:
        mss = transfer(lab.cn, CORRESPONDENT, lab.mn, HOME)
    assert mss <= TUNNEL_MTU - 60, f"MSS {mss}"


def test_the_mss_announced_fits_the_tunnel(lab, node):
    with capture(lab.cn, "core", "in") as seen:
        transfer(lab.mn, HOME, lab.cn, CORRESPONDENT, 64)
    syn = seen.find(lambda p: p[6] == wire.TCP and p[53] & 0x02)
    options = syn[60:40 + (syn[52] >> 4) * 4]
    assert options[0:2] == b"\x02\x04" and struct.unpack_from("!H", options, 2)[0] == TUNNEL_MTU - 60


def test_the_largest_packet_that_fits_passes_and_one_octet_more_is_answered_locally(lab, node):
    """RFC 6275 §11.3.1 leads to RFC 2473 §7.1: no packet above the uplink's MTU, and the socket hears of it."""
    assert lab.mn.ping(CORRESPONDENT, size=TUNNEL_MTU - 48, options=f"-M do -I {HOME}") == 3
    assert lab.cn.ping(HOME, size=TUNNEL_MTU - 48, options="-M do") == 3
    with capture(lab.air, "wlan0", "in") as seen:
        said = local_error(lab, TUNNEL_MTU - 47)
        said = said.stdout + said.stderr
    assert re.search(r"message too long, mtu[:=] ?1460|Packet too big: mtu=1460", said), said
    assert max([len(p) for p in seen.ipv6()], default=0) <= 1500 and not seen.ipv6(wire.IPV6)


def test_a_large_datagram_is_cut_up_before_the_tunnel(lab, node):
    """Fragments of the inner packet, each of which fits; the correspondent first has to hear of the tunnel's MTU."""
    lab.cn.ping(HOME, size=4000, count=2, replies=False)
    with capture(lab.air, "wlan0", "in") as seen:
        assert lab.mn.ping(CORRESPONDENT, size=4000, options=f"-I {HOME}") == 3
        assert lab.cn.ping(HOME, size=4000) == 3
    assert max(len(p) for p in seen.ipv6()) <= 1500
    assert all(p[46] == wire.FRAGMENT for p in seen.ipv6(wire.IPV6) if len(p) > 1000)


def narrow(lab, mtu):
    """Between the access router and the core."""
    for ns, link in ((lab.ar1, "core"), (lab.core, "ar1")):
        ns.ip(f"link set {link} mtu {mtu}")


def test_a_narrow_path_to_the_home_agent_is_learnt(lab, node):
    """RFC 2473 §7.2, §8.1: packet too big comes back to the care-of address."""
    narrow(lab, 1400)
    local_error(lab, TUNNEL_MTU - 48)
    until(lambda: node.bindings()[HOME]["path_mtu"] == 1400, 3, lambda: f"learnt: {node.bindings()}")
    said = local_error(lab, 1360 - 47)
    assert "1360" in said.stdout + said.stderr
    assert lab.mn.ping(CORRESPONDENT, size=1360 - 48, options=f"-M do -I {HOME}") == 3


@pytest.mark.parametrize("mtu, inner", [(1400, 1360), (1300, 1280)])
def test_a_tcp_stream_over_a_narrow_path(lab, node, mtu, inner):
    """Below 1320 the tunnel's packets are cut up: inside it is a link, and has 1280 (RFC 2473 §7.1)."""
    narrow(lab, mtu)
    assert transfer(lab.mn, HOME, lab.cn, CORRESPONDENT) <= inner - 60
    transfer(lab.cn, CORRESPONDENT, lab.mn, HOME)


def test_a_small_uplink_mtu_is_heeded(lab):
    lab.gateway()
    for ns, link in ((lab.mn, "wlan0"), (lab.air, "wlan0")):
        ns.ip(f"link set {link} mtu 1380")
    lab.away()
    said = local_error(lab, 1400)
    assert "1340" in said.stdout + said.stderr, said.stdout + said.stderr
    assert transfer(lab.mn, HOME, lab.cn, CORRESPONDENT) <= 1340 - 60


def test_ecn_and_class_come_through_the_tunnel_to_the_socket(lab, node):
    """RFC 6040 §4.2: congestion marked on the outer header reaches the inner one."""
    lab.cn.ping(HOME, count=1)

    def listen():
        sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS, 1)
        sock.bind((HOME, 2000))
        sock.settimeout(3)
        return sock
    sock = lab.mn.inside(listen)
    inner = wire.udp(CORRESPONDENT, HOME, 1, 2000, b"marked", traffic_class=0x02)
    outer = wire.tunnel(HOME_AGENT, node.care_of(), inner, traffic_class=0x03)
    lab.inject("wlan0", outer)
    data, control, _, _ = sock.recvmsg(100, 100)
    sock.close()
    assert data == b"marked" and struct.unpack("i", control[0][2])[0] == 0x03


def test_two_home_addresses_talk_at_once(lab):
    lab.gateway(mobile_nodes=[HOME, OTHER])
    node = lab.away(homes=(HOME, OTHER))
    node.wait_state("registered", home=OTHER)
    assert lab.cn.ping(HOME) == 3 and lab.cn.ping(OTHER) == 3
    assert lab.mn.ping(CORRESPONDENT, options=f"-I {OTHER}") == 3


def test_traffic_of_the_home_address_to_a_neighbour_on_the_visited_link_goes_through_the_tunnel(lab, node):
    with capture(lab.air, "wlan0", "in") as seen:
        assert lab.mn.ping(f"{LINKS['link1']}1", options=f"-I {HOME}") == 3
    assert len(seen.ipv6(wire.IPV6)) >= 3 and not [p for p in seen.ipv6() if wire.source(p) == HOME]


@pytest.mark.needs("tun")
def test_an_uplink_without_ethernet(lab):
    """A TUN device, as wwan and PPP are; static address, no router advertisement."""
    lab.gateway()
    node = lab.node(uplinks=({"interface": "tun0", "preference": 5},))
    cable = Cable(lab.mn, "tun0", lab.ar1, "tun0")
    try:
        lab.ar1.ip("addr add 2001:db8:f3::1/64 dev tun0 nodad")
        lab.core.ip("route add 2001:db8:f3::/64 via 2001:db8:0:a1::2")
        lab.mn.ip("addr add 2001:db8:f3::2/64 dev tun0", "route add ::/0 dev tun0")
        node.wait_care_of("2001:db8:f3::2")
        assert lab.cn.ping(HOME, count=5) == 5
        assert lab.mn.ping(CORRESPONDENT, count=5, options=f"-I {HOME}") == 5
        transfer(lab.mn, HOME, lab.cn, CORRESPONDENT, 300_000)
        transfer(lab.cn, CORRESPONDENT, lab.mn, HOME, 300_000)
    finally:
        cable.close()


@pytest.mark.needs("tun")
def test_nothing_leaves_in_clear_by_an_uplink_without_ethernet(lab):
    agent = lab.home_agent()
    agent.answer = agent.refuse(129)
    node = lab.node(uplinks=({"interface": "tun0", "preference": 5},))
    cable = Cable(lab.mn, "tun0", lab.ar1, "tun0")
    try:
        lab.ar1.ip("addr add 2001:db8:f3::1/64 dev tun0 nodad")
        lab.core.ip("route add 2001:db8:f3::/64 via 2001:db8:0:a1::2")
        lab.mn.ip("addr add 2001:db8:f3::2/64 dev tun0", "route add ::/0 dev tun0")
        node.wait_state("refused")
        with capture(lab.ar1, "tun0") as seen:
            before = node.counters("no-registration")
            for target in (CORRESPONDENT, "2001:db8:f3::1"):
                lab.mn.run(f"ping -n -c 2 -i 0.1 -W 0.2 -I {HOME} {target}", check=False)
            node.wait_counter("no-registration", before + 4)
        assert not [f for f in seen.frames if f[8:24] == wire.a2b(HOME)]
    finally:
        cable.close()


@pytest.mark.needs("tun")
def test_from_ethernet_to_a_tun_uplink_and_back(lab):
    lab.gateway()
    node = lab.away(uplinks=({"interface": "wlan0", "preference": 20}, {"interface": "tun0", "preference": 5}))
    cable = Cable(lab.mn, "tun0", lab.ar2, "tun0")
    try:
        lab.ar2.ip("addr add 2001:db8:f3::1/64 dev tun0 nodad")
        lab.core.ip("route add 2001:db8:f3::/64 via 2001:db8:0:a2::2")
        lab.mn.ip("addr add 2001:db8:f3::2/64 dev tun0", "route add ::/0 dev tun0 metric 5000")
        node.wait_usable("tun0")
        lab.unplug("wlan0")
        node.wait_care_of("2001:db8:f3::2")
        assert lab.cn.ping(HOME) == 3
        lab.plug("wlan0", "link1")
        node.wait_care_of(LINKS["link1"])
        assert lab.cn.ping(HOME) == 3
    finally:
        cable.close()
