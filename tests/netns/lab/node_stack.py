# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
The kernel of the mobile node's namespace, talking as the home address: a TUN device carries what it sends into the
scripted reverse tunnel, and what comes through the tunnel (or with a type 2 routing header) to it.
"""
import fcntl
import os
import select
import struct
import threading

from . import wire
from .capture import ipv6_of, packet_socket

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 1, 0x1000
SLOT_MTU = 1400
PLAIN = (wire.TCP, wire.UDP, wire.FRAGMENT)     # what may stand behind a routing header; the rest is the scripted node's


def open_tun(ns, name):
    """A TUN device in the namespace; closing the descriptor removes it."""
    def make():
        fd = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
        fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
        return fd
    return ns.inside(make)


class TunnelledStack:
    """straight: correspondents that are talked to with a home address option, as the home agent is; the rest by tunnel."""

    def __init__(self, lab, node, straight=()):
        self.lab, self.node, self.bad_checksums = lab, node, 0
        self.straight = [wire.a2b(address) for address in (node.agent, *straight)]

    def __enter__(self):
        node = self.node
        self.fd = open_tun(node.ns, "mip")
        node.ns.ip(f"link set mip up mtu {SLOT_MTU}", f"addr add {node.home}/128 dev mip nodad",
                   "route add 2001:db8:c::/64 dev mip src " + node.home,
                   f"route add {node.agent}/128 dev mip src {node.home}")
        # a packet socket would see what GRO puts together, its checksum unfinished
        node.ns.run(f"ethtool -K {node.link} gro off")
        self.sock = packet_socket(node.ns, node.link)
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self._pump, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.thread.join()
        self.sock.close()
        os.close(self.fd)

    def _pump(self):
        while not self.ending.is_set():
            for ready in select.select([self.sock, self.fd], [], [], 0.05)[0]:
                if ready is self.fd:
                    self._outward(os.read(self.fd, 65536))
                else:
                    frame, address = self.sock.recvfrom(1 << 17)
                    packet = ipv6_of(frame)
                    if packet and address[2] != 4:
                        self._inward(packet)

    def _outward(self, packet):
        if packet[0] >> 4 != 6 or packet[8:24] != wire.a2b(self.node.home):
            return
        if packet[24:40] in self.straight:      # route optimised: home address option
            option = wire.hao(self.node.home, packet[6])
            packet = (packet[:4] + struct.pack("!HB", len(packet) - 40 + 24, wire.DSTOPTS) + packet[7:8]
                      + wire.a2b(self.node.care_of) + packet[24:40] + option + packet[40:])
            self.node.send(packet)
        else:
            self.node.send(wire.tunnel(self.node.care_of, self.node.agent, packet))

    def _inward(self, packet):
        if packet[24:40] != wire.a2b(self.node.care_of):
            return
        if packet[6] == wire.IPV6:
            self._deliver(packet[40:])
        elif packet[6] == wire.ROUTING and packet[41:44] == b"\x02\x02\x01" and packet[40] in PLAIN:
            inner = packet[:4] + struct.pack("!HB", len(packet) - 64, packet[40]) + packet[7:24] + packet[48:64]
            self._deliver(inner + packet[64:])

    def _deliver(self, packet):
        if packet[6] == wire.TCP:
            source, destination = wire.source(packet), wire.destination(packet)
            self.bad_checksums += wire.checksum(source, destination, wire.TCP, packet[40:]) != 0
        os.write(self.fd, packet)
