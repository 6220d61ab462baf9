# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Aggregates and unfinished checksums: a TCP stream to an away node arrives octet for octet, each segment whole."""
import contextlib
import hashlib
import random
import socket
import threading

import pytest

from lab.node_stack import TunnelledStack
from lab.topology import CORRESPONDENT, HOME
from lab.wait import SLOW

# DAD, a second each time, is the subject of test_registration.py and test_neighbour.py
pytestmark = pytest.mark.topology(dad_transmits=0)

OCTETS = 2 << 20


def transfer(sender, receiver, target, size=OCTETS):
    """Sends `size` octets by TCP from one namespace's kernel to another's; the two digests."""
    data = random.Random(1).randbytes(size)
    listener = receiver.inside(lambda: socket.create_server((target, 5001), family=socket.AF_INET6))
    listener.settimeout(20 * SLOW)
    got = hashlib.sha256()

    def read():
        with contextlib.suppress(OSError):      # the digests tell
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(20 * SLOW)
                while piece := connection.recv(65536):
                    got.update(piece)
    reader = threading.Thread(target=read, daemon=True)
    reader.start()

    def connect():
        sock = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
        sock.settimeout(20 * SLOW)
        return sock
    sock = sender.inside(connect)
    with sock:
        sock.connect((target, 5001))
        sock.sendall(data)
    reader.join(25 * SLOW)
    listener.close()
    return hashlib.sha256(data).hexdigest(), got.hexdigest()


@pytest.fixture(params=["native", "generic", "tc"])
def stack(request, lab):
    """A registered node whose kernel talks TCP as the home address through a TUN device and scripted tunnel."""
    lab.gateway(mode=request.param)
    node = lab.mobile_node(link="f1")
    node.answering = False
    node.registered()
    with TunnelledStack(lab, node) as tunnelled:
        yield tunnelled


@pytest.mark.needs("tun")
def test_a_tcp_stream_from_the_correspondent_arrives_whole(lab, stack):
    lab.cn.run("ethtool -K core tx on tso on gso on", check=False)
    sent, got = transfer(lab.cn, lab.mn, HOME)
    assert sent == got
    assert stack.bad_checksums == 0


@pytest.mark.needs("tun")
def test_a_tcp_stream_to_the_correspondent_arrives_whole(lab, stack):
    sent, got = transfer(lab.mn, lab.cn, CORRESPONDENT)
    assert sent == got


@pytest.mark.needs("tun")
def test_a_tcp_stream_from_the_home_agents_host_arrives_whole_with_tso(lab, stack):
    """What the host itself sends has unfinished checksums and is cut by no one before our program; it comes with RH2."""
    lab.ha.run("ethtool -K uplink tx on tso on gso on", check=False)
    sent, got = transfer(lab.ha, lab.mn, HOME, 1 << 19)
    assert sent == got
    assert stack.bad_checksums == 0


