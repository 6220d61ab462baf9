# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
What the demo stands on: the laboratory of the mobile node's scenarios with radvd on all three links, and the hand that
moves the mobile node. Its far end in the air changes the bridge by ioctl: a process would cost what is measured.
"""
import fcntl
import ipaddress
import socket
import struct
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "netns"))
from lab.correspondent import Correspondent  # noqa: E402
from lab.roaming import LINKS, Roaming  # noqa: E402
from lab.topology import CORRESPONDENT, HOME, HOME_AGENT  # noqa: E402,F401
from lab.wait import until  # noqa: E402

DRAWING = """
  cn  2001:db8:c::2              ping every 10 ms and an iperf3 stream, both to 2001:db8:1::100
   |  mobgwd, correspondent
   |
  core ---- ar1  radvd   2001:db8:f1::/64 ---- [link1] .
   |  \\                                                 \\
   |   \\--- ar2  radvd   2001:db8:f2::/64 ---- [link2] ... wlan0, wwan0 = mn   mobgwd, mobile node
   |                                                    /                      home address 2001:db8:1::100
  ha  mobgwd, home agent 2001:db8:1::1                 /
       with radvd        2001:db8:1::/64 ----- [home] '
"""
SIOCGIFFLAGS, SIOCSIFFLAGS, SIOCBRADDIF, SIOCBRDELIF = 0x8913, 0x8914, 0x89A2, 0x89A3
IFF_UP = 1
# Intervals: an unsolicited advertisement comes every 3 to 4 s, so that it is the node's solicitation that makes a
# handover fast. RFC 6275 §7.5 allows a pause of 30 ms between two, where RFC 4861 §10 has 3 s.
RADVD = {"low": 3, "high": 4, "lifetime": 30, "valid": 600, "preferred": 500}


class DemoLab(Roaming):
    """with DemoLab() as lab: lab.start_routers(), lab.move("wlan0", "link2") and so on."""

    def start_routers(self):
        self.radvd("link1", "link2", more="AdvHomeAgentFlag off;", **RADVD)
        self.radvd("home", more="AdvHomeAgentFlag on;", **RADVD)
        self.hand = self.air.inside(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self.bridge = {}

    def correspondent(self):
        """Our daemon in `cn`, so that mobile nodes may talk to it straight."""
        daemon = Correspondent(self)
        self.gateways.append(daemon)
        return daemon.start()

    def move(self, link, where):
        """A hard handover of mn's `link`: carrier away, other bridge, carrier there; (time of going, of coming)."""
        index = self.air.index(link)
        gone = time.time()
        self._up(link, False)
        until(lambda: not self.has_carrier(link), 3, f"{link} lost its carrier")
        self._leave(link, index)
        self._bridge_ioctl(SIOCBRADDIF, where, index)
        self.bridge[link] = where
        back = time.time()
        self._up(link, True)
        return gone, back

    def take_away(self, link):
        self._up(link, False)
        self._leave(link, self.air.index(link))

    def _leave(self, link, index):
        if link in self.bridge:
            self._bridge_ioctl(SIOCBRDELIF, self.bridge.pop(link), index)

    def _bridge_ioctl(self, what, bridge, index):
        fcntl.ioctl(self.hand, what, struct.pack("16si20x", bridge.encode(), index))

    def _up(self, link, up):
        request = struct.pack("16sh22x", link.encode(), 0)
        flags = struct.unpack("16sh22x", fcntl.ioctl(self.hand, SIOCGIFFLAGS, request))[1]
        flags = flags | IFF_UP if up else flags & ~IFF_UP
        fcntl.ioctl(self.hand, SIOCSIFFLAGS, struct.pack("16sh22x", link.encode(), flags))

    def close(self):
        hand = self.__dict__.pop("hand", None)
        if hand:
            hand.close()
        super().close()


def registered_on(node, link, timeout=10):
    """Waits until its home address is registered with a care-of address of that link; at home: with none."""
    prefix = ipaddress.ip_network(f"{LINKS[link]}/64") if link in LINKS else None

    def reached():
        binding = node.bindings()[HOME]
        if not prefix:
            return binding["state"] == "at-home"
        care_of = binding.get("care_of_address")
        return binding["state"] == "registered" and care_of and ipaddress.ip_address(care_of) in prefix
    until(reached, timeout, lambda: f"{HOME} is registered on {link}: {node.bindings()} {node.uplinks()}")
