# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
The second half of the demo: the mobile node may talk to its correspondent straight. What passes the correspondent's and
the home agent's links meanwhile is captured and told: headers of a packet each way, and how many went by the home agent.
"""
import signal
import socket

from topology import HOME, until
from lab.capture import capture

IPV6_IN_IPV6, ROUTING, OPTIONS, ICMPV6 = 41, 43, 60, 58
HOME_OCTETS = socket.inet_pton(socket.AF_INET6, HOME)


def address(octets):
    return socket.inet_ntop(socket.AF_INET6, octets)


def allow(node):
    """route-optimisation: all, taken over by a running daemon."""
    node.config["mobile-node"]["route-optimisation"] = "all"
    node.write_config()
    node.process.send_signal(signal.SIGHUP)


def optimised(node):
    return [peer for peer in node.show("peers")["peers"] if peer["state"] == "optimised"]


def wait_optimised(node, timeout=10):
    return until(lambda: optimised(node), timeout, lambda: f"a correspondent is talked to straight: {node.show('peers')}")


def has_route(packet):
    """A type 2 routing header to the home address (RFC 6275 §6.4), which the data path writes right behind IPv6."""
    return packet[6] == ROUTING and packet[42] == 2 and packet[48:64] == HOME_OCTETS


def has_home(packet):
    """A home address option (§6.3), in the one place where the data path writes it."""
    return packet[6] == OPTIONS and packet[46] == 0xC9 and packet[48:64] == HOME_OCTETS


class Wires:
    """Both links while it is entered."""

    def __init__(self, lab):
        self.straight, self.detour = capture(lab.core, "cn"), capture(lab.core, "ha")

    def __enter__(self):
        self.straight.__enter__()
        self.detour.__enter__()
        return self

    def __exit__(self, *_):
        self.straight.__exit__()
        self.detour.__exit__()

    def result(self):
        there, back = (self.straight.find(match) for match in (has_route, has_home))
        assert there and back, "packets with a routing header and with a home address option pass the correspondent's link"
        packets = self.straight.ipv6()
        return {
            "straight": sum(has_route(packet) or has_home(packet) for packet in packets),
            "by_home_agent": len(self.detour.ipv6(IPV6_IN_IPV6)),
            "hop_limit": back[7],
            "packets": [f"{address(p[8:24])} > {address(p[24:40])}, {words} {HOME}, {len(p)} octets, hop limit {p[7]}"
                        for p, words in ((there, "type 2 routing header to"), (back, "home address option"))],
        }


def table(done):
    for line in done["packets"]:
        yield line
    yield ""
    yield f"{done['straight']} packets went straight, {done['by_home_agent']} through the home agent's tunnel"
