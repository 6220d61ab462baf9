# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Aggregates and unfinished checksums: a TCP stream to an away node arrives octet for octet, each segment whole."""
import pytest

from lab.node_stack import TunnelledStack
from lab.stream import transfer
from lab.topology import CORRESPONDENT, HOME, HOME_AGENT

# DAD, a second each time, is the subject of test_registration.py and test_neighbour.py
pytestmark = pytest.mark.topology(dad_transmits=0)

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
    transfer(lab.cn, CORRESPONDENT, lab.mn, HOME)
    assert stack.bad_checksums == 0


@pytest.mark.needs("tun")
def test_a_tcp_stream_to_the_correspondent_arrives_whole(lab, stack):
    transfer(lab.mn, HOME, lab.cn, CORRESPONDENT)


@pytest.mark.needs("tun")
def test_a_tcp_stream_from_the_home_agents_host_arrives_whole_with_tso(lab, stack):
    """What the host itself sends has unfinished checksums and is cut by no one before our program; it comes with RH2."""
    lab.ha.run("ethtool -K uplink tx on tso on gso on", check=False)
    transfer(lab.ha, HOME_AGENT, lab.mn, HOME, octets=1 << 19)
    assert stack.bad_checksums == 0


