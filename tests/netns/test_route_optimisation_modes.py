# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""An optimised path in every mode of attachment, and with aggregates: integrity of bulk streams in both directions."""
import signal
import threading

import pytest

from lab import wire
from lab.capture import capture
from lab.roaming import LINKS, roaming_lab  # noqa: F401
from lab.stream import transfer
from lab.topology import CORRESPONDENT, HOME
from lab.wait import until
from test_route_optimisation import away, correspondent, has_home, has_route, is_data, optimised, wait_peer

# DAD, a second each time, is the subject of test_registration.py and test_neighbour.py
pytestmark = pytest.mark.topology(dad_transmits=0)

MODES = ["native", "generic", "tc"]
OCTETS = 4_000_000


def node_in_mode(lab, mode, **settings):
    """Our mobile node, registered from link1, its uplink attached in that mode."""
    node = lab.node(start=False, route_optimisation="all", **settings)
    node.config["interfaces"] = [{"name": "wlan0", "mode": mode}]
    node.start()
    assert node.interfaces()["wlan0"]["mode"] == mode
    lab.radvd("link1", "link2")
    lab.plug("wlan0", "link1")
    node.wait_care_of(LINKS["link1"])
    return node


def offloads(ns, link, state):
    ns.run(["sh", "-c", f"ethtool -K {link} tx {state} tso {state} gso {state} >/dev/null 2>&1 || true"])


def both_streams(lab):
    """A stream each way, neither by the home agent; their MSS."""
    with capture(lab.core, "ha", keep=lambda frame: frame[20] == wire.IPV6) as detour:
        out = transfer(lab.mn, HOME, lab.cn, CORRESPONDENT, OCTETS)
        back = transfer(lab.cn, CORRESPONDENT, lab.mn, HOME, OCTETS)
    assert not [p for p in detour.ipv6() if is_data(p)], "through the tunnel"
    return out, back


@pytest.mark.parametrize("mode", MODES)
def test_the_uplink_in_every_mode(lab, mode):
    """What comes in with a routing header differs by mode, what goes out with an option doesn't; also after a move."""
    lab.gateway()
    cn = correspondent(lab)
    node = node_in_mode(lab, mode)
    optimised(lab, node)
    lab.cn.ping(HOME)
    both_streams(lab)
    lab.plug("wlan0", "link2")
    node.wait_care_of(LINKS["link2"])
    wait_peer(node, "optimised")
    until(lambda: cn.bindings()[HOME]["care_of_address"] == node.care_of(), 3, "moved")
    lab.mn.ping(CORRESPONDENT, options=f"-I {HOME}")
    both_streams(lab)
    counters = node.all_counters()
    assert counters["pass-routed"] > 20 and counters["route-optimised"] > 20, counters


@pytest.mark.parametrize("mode", MODES)
def test_the_correspondent_in_every_mode(lab, mode):
    lab.gateway()
    cn = correspondent(lab, mode=mode)
    node = away(lab)
    optimised(lab, node)
    assert cn.interfaces()["core"]["mode"] == mode
    lab.cn.ping(HOME)
    both_streams(lab)
    counters = cn.all_counters()
    assert counters["pass-home-address"] > 20 and counters["route-header-inserted"] > 20, counters


@pytest.mark.parametrize("offload", ["on", "off"])
@pytest.mark.parametrize("mode", MODES)
def test_bulk_tcp_with_and_without_segmentation_left_to_the_device(lab, mode, offload):
    """The sender's aggregates get one header for all their segments, or come cut up: octet for octet the same."""
    lab.gateway()
    correspondent(lab)
    node = node_in_mode(lab, mode)
    optimised(lab, node)
    offloads(lab.mn, "wlan0", offload)
    offloads(lab.cn, "core", offload)
    assert max(both_streams(lab)) <= 1500 - 24 - 60


def test_segments_on_the_wire_are_whole(lab):
    """Each with its own header and a checksum over the home address, none above the MTU."""
    lab.gateway()
    correspondent(lab)
    node = away(lab)
    optimised(lab, node)
    for ns, link in ((lab.air, "wlan0"), (lab.mn, "wlan0"), (lab.cn, "core"), (lab.core, "cn")):
        ns.run(["sh", "-c", f"ethtool -K {link} tx off tso off gso off gro off >/dev/null 2>&1 || true"])
    with capture(lab.core, "cn") as seen:
        transfer(lab.mn, HOME, lab.cn, CORRESPONDENT, 200_000)
        transfer(lab.cn, CORRESPONDENT, lab.mn, HOME, 200_000)
    there = [p for p in seen.ipv6() if has_home(p) and p[40] == wire.TCP]
    back = [p for p in seen.ipv6() if has_route(p) and p[40] == wire.TCP]
    assert len(there) > 100 and len(back) > 100
    assert max(map(len, there + back)) <= 1500
    assert all(wire.checksum(HOME, CORRESPONDENT, wire.TCP, p[64:]) == 0 for p in there)
    assert all(wire.checksum(CORRESPONDENT, HOME, wire.TCP, p[64:]) == 0 for p in back)


def test_a_stream_goes_on_while_the_mode_of_travel_changes(lab):
    """From the tunnel to the straight path by SIGHUP and back, octet for octet."""
    lab.gateway()
    correspondent(lab)
    node = away(lab, "none")
    seen, ending = [], threading.Event()

    def swing():
        for policy in ("all", "none", "all"):
            node.config["mobile-node"]["route-optimisation"] = policy
            node.write_config()
            node.process.send_signal(signal.SIGHUP)
            if policy == "all":
                seen.append(wait_peer(node, "optimised")["state"])
            else:
                until(lambda: not node.show("peers")["peers"] or node.show("peers")["peers"][0]["state"] == "tunnel", 3,
                      "by the tunnel")
        ending.set()
    swinger = threading.Thread(target=swing)
    swinger.start()
    for _ in range(60):
        transfer(lab.mn, HOME, lab.cn, CORRESPONDENT, OCTETS)
        if not swinger.is_alive():
            break
    swinger.join()
    assert ending.is_set() and seen == ["optimised"] * 2
