# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Devices without Ethernet: an uplink that is a TUN device is served by TC (DESIGN §3)."""
import os
import select
import threading

import pytest

from lab import wire
from lab.node_stack import open_tun
from lab.topology import HOME
from lab.wait import until

pytestmark = [pytest.mark.needs("tun"), pytest.mark.topology(dad_transmits=0)]


class Cable:
    """Two TUN devices in two namespaces, end to end: what one kernel sends the other receives."""

    def __init__(self, a, a_link, b, b_link):
        self.fds = [open_tun(a, a_link), open_tun(b, b_link)]
        a.ip(f"link set {a_link} up")
        b.ip(f"link set {b_link} up")
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self._pump, daemon=True)
        self.thread.start()

    def _pump(self):
        while not self.ending.is_set():
            for fd in select.select(self.fds, [], [], 0.05)[0]:
                os.write(self.fds[fd == self.fds[0]], os.read(fd, 1 << 16))

    def close(self):
        self.ending.set()
        self.thread.join()
        for fd in self.fds:
            os.close(fd)


@pytest.fixture
def tun_uplink(lab):
    """The uplink as TUN: the Ethernet one is down."""
    lab.ha.ip("link set uplink down")
    cable = Cable(lab.ha, "wwan", lab.core, "wwan")
    lab.ha.ip("addr add 2001:db8:0:2::1/64 dev wwan nodad", "route add ::/0 dev wwan")
    lab.core.ip("addr add 2001:db8:0:2::2/64 dev wwan nodad", "route replace 2001:db8:1::/64 dev wwan")
    yield lab.gateway(interfaces=("wwan", "home"))
    cable.close()


def test_a_tun_uplink_is_attached_by_tc_and_says_why(tun_uplink):
    state = tun_uplink.interfaces()["wwan"]
    assert state["mode"] == "tc" and state["why"]


def test_registration_and_traffic_over_a_tun_uplink(lab, tun_uplink):
    node = lab.mobile_node(link="f1")
    node.registered()
    assert lab.cn.ping(HOME, count=5) == 5
    assert lab.nb.ping(HOME) == 3
    node.attach("f2")
    node.registered()
    assert lab.cn.ping(HOME, count=5) == 5


def test_a_wrong_care_of_address_is_refused_over_a_tun_uplink(lab, tun_uplink):
    node = lab.mobile_node(link="f1")
    node.registered()
    node.send(wire.tunnel("2001:db8:f1::66", node.agent, wire.echo(HOME, "2001:db8:c::2")))
    until(lambda: tun_uplink.counters("tunnel-wrong-care-of") == 1, 3, "counted")
