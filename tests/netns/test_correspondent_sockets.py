# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
Sockets of a correspondent's host, talking to the kernel of a scripted mobile node: they know the home address alone, and
how much fits. RFC 6275 §9.3.1, §9.3.2, §9.3.4.
"""
import errno
import hashlib
import socket
import struct

import pytest

from lab import wire
from lab.capture import capture
from lab.node_stack import TunnelledStack
from lab.stream import transfer
from lab.topology import CORRESPONDENT, HOME
from lab.wait import SLOW, until
from test_correspondent import correspondent, node_at

pytestmark = pytest.mark.needs("tun")
HEADER = 24     # a type 2 routing header, and a home address option with its padding
IPV6_MTU, IPV6_MTU_DISCOVER, PMTUDISC_DO = 24, 23, 2


@pytest.fixture(params=["native", "generic", "tc"])
def stack(request, lab):
    yield from stack_in(lab, request.param)


@pytest.fixture
def one_stack(lab):
    yield from stack_in(lab, "native")


def stack_in(lab, mode):
    """The scripted node's kernel talks as the home address, straight to the correspondent where it is bound."""
    lab.gateway(dad_transmits=0)
    daemon = correspondent(lab, mode=mode)
    node = node_at(lab)
    node.answering = False
    node.bound()
    with TunnelledStack(lab, node, straight=(CORRESPONDENT,)) as stack:
        stack.daemon = daemon
        yield stack


def udp_socket(ns, address, port=0):
    def make():
        sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        sock.settimeout(5 * SLOW)
        sock.bind((address, port))
        return sock
    return ns.inside(make)


def test_udp_sockets_see_the_home_address(lab, stack):
    """What came with a home address option was sent by the home address, and the answer to it goes straight back."""
    ours, theirs = udp_socket(lab.cn, CORRESPONDENT, 5000), udp_socket(lab.mn, HOME, 6000)
    with capture(lab.core, "ha", "out") as detour:
        for size in (1, 100, 1300):
            theirs.sendto(b"q" * size, (CORRESPONDENT, 5000))
            data, source = ours.recvfrom(2000)
            assert source[:2] == (HOME, 6000) and data == b"q" * size
            ours.sendto(b"a" * size, source)
            data, source = theirs.recvfrom(2000)
            assert source[:2] == (CORRESPONDENT, 5000) and data == b"a" * size
    assert not detour.ipv6()
    ours.close()
    theirs.close()


def test_tcp_both_ways_octet_for_octet(lab, stack):
    """With the sender's segmentation and checksums left to the device."""
    lab.cn.run("ethtool -K core tx on tso on gso on", check=False)
    transfer(lab.cn, CORRESPONDENT, lab.mn, HOME)
    transfer(lab.mn, HOME, lab.cn, CORRESPONDENT)
    assert stack.bad_checksums == 0
    assert stack.daemon.counters("route-header-inserted") > 20 and stack.daemon.counters("pass-home-address") > 20


def test_a_large_datagram_is_cut_so_that_each_piece_fits(lab, one_stack):
    """Routing header before the fragment header (RFC 8200 §4.1, §4.5), home address option before it too on the way in."""
    ours, theirs = udp_socket(lab.cn, CORRESPONDENT, 5000), udp_socket(lab.mn, HOME, 6000)
    data = hashlib.sha512(b"large").digest() * 100
    with capture(lab.core, "f1", "out") as seen:
        ours.sendto(data, (HOME, 6000))
        assert theirs.recvfrom(9000)[0] == data
    pieces = [p for p in seen.ipv6(wire.ROUTING) if p[40] == wire.FRAGMENT]
    assert len(pieces) >= 5 and max(map(len, pieces)) <= 1500
    theirs.sendto(data, (CORRESPONDENT, 5000))
    received, source = ours.recvfrom(9000)
    assert received == data and source[0] == HOME
    ours.close()
    theirs.close()


def connected(lab, port=5000):
    """(the socket's IPV6_MTU, whether one octet more is refused, whether just that is let go)"""
    sock = udp_socket(lab.cn, CORRESPONDENT)
    sock.setsockopt(socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER, PMTUDISC_DO)
    sock.connect((HOME, port))
    mtu = sock.getsockopt(socket.IPPROTO_IPV6, IPV6_MTU)

    try:
        sock.send(bytes(mtu - 47))
        refused = False
    except OSError as error:
        refused = error.errno == errno.EMSGSIZE
    result = mtu, refused, sock.send(bytes(mtu - 48)) == mtu - 48
    sock.close()
    return result


def test_a_sockets_path_mtu_is_smaller_by_the_header(lab, one_stack):
    until(lambda: connected(lab)[0] == 1500 - HEADER, 3, lambda: f"IPV6_MTU: {connected(lab)}")
    assert connected(lab) == (1500 - HEADER, True, True)


def tell_too_big(lab, stack, mtu):
    """As a router on the way, about a packet with the routing header."""
    with capture(lab.core, "f1", "out") as seen:
        sock = udp_socket(lab.cn, CORRESPONDENT)
        sock.sendto(bytes(1200), (HOME, 9))
        quoted = seen.wait(lambda p: p[6] == wire.ROUTING and p[40] == wire.UDP)
        sock.close()
    stack.node.send(wire.icmp("2001:db8:f1::1", CORRESPONDENT, wire.TOO_BIG, 0, struct.pack("!I", mtu) + quoted[:1200]))


def test_a_packet_too_big_makes_it_smaller_again(lab, one_stack):
    """§9.3.4, RFC 8201 §4: sockets hear what is left for them."""
    tell_too_big(lab, one_stack, 1400)
    until(lambda: connected(lab)[0] == 1400 - HEADER, 3, lambda: f"IPV6_MTU: {connected(lab)}")
    assert connected(lab) == (1400 - HEADER, True, True)
    with capture(lab.core, "f1", "out") as seen:
        transfer(lab.cn, CORRESPONDENT, lab.mn, HOME, 300_000)
    assert max(len(p) for p in seen.ipv6(wire.ROUTING)) <= 1500


def test_segments_fit_what_was_learnt(lab, one_stack):
    """TCP's segments follow the path MTU: none above it on the wire."""
    tell_too_big(lab, one_stack, 1360)
    until(lambda: connected(lab)[0] == 1360 - HEADER, 3, lambda: f"IPV6_MTU: {connected(lab)}")
    for ns, link in ((lab.cn, "core"), (lab.core, "cn"), (lab.core, "f1")):
        ns.run(["sh", "-c", f"ethtool -K {link} tx off tso off gso off gro off >/dev/null 2>&1 || true"])
    with capture(lab.core, "f1", "out") as seen:
        transfer(lab.cn, CORRESPONDENT, lab.mn, HOME, 300_000)
    sizes = [len(p) for p in seen.ipv6(wire.ROUTING) if p[40] == wire.TCP]
    assert len(sizes) > 100 and max(sizes) <= 1360
