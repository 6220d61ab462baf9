# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
A scripted home agent (RFC 6275 §10), written with scapy and sharing no code with agent/: what the mobile node's
scenarios talk to. A TUN device `mip` carries what is addressed to the home agent and to bound home addresses into this
process, and what this process sends back into the namespace's kernel, which forwards it and answers neighbour
solicitations for both as a proxy.

`agent.answer` is called with every Update and says what is sent back: agent.accept unless a scenario says otherwise.
"""
import os
import select
import threading
import time
from dataclasses import dataclass, field

from scapy.layers.inet6 import (HAO, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrRouting, MIP6MH_BA, MIP6MH_BE, MIP6MH_BRR,
                                MIP6MH_BU, MIP6OptAltCoA, MIP6OptBRAdvice)

from . import wire
from .node_stack import open_tun
from .wait import SLOW, Timeout

HOME_LINK_MTU = 1500


@dataclass
class Update:
    """A binding update as scapy reads it."""
    when: float
    octets: bytes
    packet: object = field(repr=False)
    source: str = None
    home: str = None            # of the home address option, else the source
    has_option: bool = False
    care_of: str = None         # the alternate one wins
    alternate: str = None
    seq: int = 0
    lifetime_s: int = 0
    flags: str = ""             # letters of those that are set, as scapy names them
    checksum_good: bool = False


def read_update(octets):
    """The Update, or None where it is no binding update."""
    packet = IPv6(octets)
    if MIP6MH_BU not in packet:
        return None
    bu = packet[MIP6MH_BU]
    update = Update(time.monotonic(), octets, packet, packet.src, packet.src, seq=bu.seq, lifetime_s=bu.mhtime * 4,
                    flags="".join(sorted(str(bu.flags))))
    if IPv6ExtHdrDestOpt in packet:
        option = next((o for o in packet[IPv6ExtHdrDestOpt].options if isinstance(o, HAO)), None)
        if option:
            update.home, update.has_option = option.hoa, True
    alternate = next((o for o in bu.options if isinstance(o, MIP6OptAltCoA)), None)
    update.alternate = alternate.acoa if alternate else None
    update.care_of = update.alternate or packet.src
    update.checksum_good = wire.checksum(update.home, packet.dst, wire.MH, bytes(bu)) == 0
    return update


class HomeAgent:
    def __init__(self, lab, ns="ha", address="2001:db8:1::1", max_lifetime=3600, advice=None):
        """advice: binding refresh advice in every good acknowledgement, seconds."""
        self.lab, self.ns, self.address, self.max_lifetime, self.advice = lab, lab.ns(ns), address, max_lifetime, advice
        self.answer, self.silent = self.accept, False
        self.bindings, self.updates = {}, []    # {home: Update}, in force; everything that came
        self.decapsulated, self.refused_inner = 0, []
        self._changed = threading.Condition()
        self.ns.sysctl({"net/ipv6/conf/home/proxy_ndp": 1, "net/ipv6/neigh/home/proxy_delay": 0})
        self.fd = open_tun(self.ns, "mip")
        self.ns.ip("link set mip up mtu 1500", f"route add {address}/128 dev mip",
                   f"neigh add proxy {address} dev home",
                   "route replace 2001:db8:1::/64 dev home")
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def close(self):
        self._ending.set()
        self._thread.join()
        os.close(self.fd)

    # ---- what it sends ----

    def send(self, packet):
        """An IPv6 packet (octets, or scapy's) from the home agent's namespace, wherever its routes lead."""
        os.write(self.fd, bytes(packet))

    def ack(self, update, status=0, seq=None, lifetime_s=None, source=None, home=None, to=None, routed=None,
            advice=None, flags=""):
        """An acknowledgement as scapy writes it; every member may be another than the right one."""
        home = home or update.home
        to = to or (update.source if update.has_option else home)
        routed = update.has_option if routed is None else routed
        lifetime_s = (0 if status >= 128 else update.lifetime_s) if lifetime_s is None else lifetime_s
        options = [MIP6OptBRAdvice(rinter=advice // 4)] if advice else []
        body = MIP6MH_BA(status=status, flags=flags, seq=update.seq if seq is None else seq, mhtime=lifetime_s // 4,
                         options=options)
        packet = IPv6(src=source or self.address, dst=to)
        if routed:
            packet /= IPv6ExtHdrRouting(type=2, segleft=1, addresses=[home])
        return bytes(packet / body)

    def binding_error(self, to, home, status=1, source=None):
        return bytes(IPv6(src=source or self.address, dst=to) / MIP6MH_BE(status=status, ha=home))

    def refresh_request(self, home, source=None):
        """RFC 6275 §6.1.2, as it goes to an away node: through the tunnel."""
        inner = bytes(IPv6(src=source or self.address, dst=home) / MIP6MH_BRR())
        return wire.tunnel(self.address, self.bindings[home].care_of, inner)

    def tunnelled(self, inner, care_of=None, source=None):
        """An inner packet, encapsulated as for an away node."""
        return wire.tunnel(source or self.address, care_of or self.bindings[wire.destination(inner)].care_of, inner)

    # ---- what it says to updates ----

    def accept(self, update):
        """RFC 6275 §10.3.1, §10.3.2"""
        now = self.bindings.get(update.home)
        if now and 0 < (now.seq - update.seq) % 65536 < 32768 or now and now.seq == update.seq:
            return [self.ack(update, 135, seq=now.seq)]
        lifetime_s = min(update.lifetime_s, self.max_lifetime)
        if lifetime_s and update.care_of != update.home:
            self.bind(update)
        else:
            lifetime_s = 0
            self.unbind(update.home)
        return [self.ack(update, 0, lifetime_s=lifetime_s, advice=self.advice)]

    def refuse(self, status):
        """An answer function."""
        return lambda update: [self.ack(update, status)]

    def bind(self, update):
        first = update.home not in self.bindings
        self.bindings[update.home] = update
        if first:
            self.ns.ip(f"route add {update.home}/128 dev mip mtu lock {HOME_LINK_MTU - 40}",
                       f"neigh add proxy {update.home} dev home")

    def unbind(self, home):
        if self.bindings.pop(home, None):
            self.ns.ip(f"route del {home}/128 dev mip", f"neigh del proxy {home} dev home")

    def forget(self):
        """As after a restart without memory."""
        for home in list(self.bindings):
            self.unbind(home)

    # ---- what it receives ----

    def wait_update(self, before=0, match=lambda update: True, timeout=5.0, what="binding update"):
        """The first update behind the first `before` that matches."""
        end = time.monotonic() + timeout * SLOW
        with self._changed:
            while True:
                found = next((u for u in self.updates[before:] if match(u)), None)
                if found:
                    return found
                left = end - time.monotonic()
                if left <= 0:
                    raise Timeout(f"the home agent got no {what}; it got {self.updates[before:]}")
                self._changed.wait(min(left, 0.2))

    def wait_updates(self, count, timeout=5.0):
        """The first `count` updates since the beginning."""
        self.wait_update(count - 1, timeout=timeout, what=f"update number {count}")
        return self.updates[:count]

    def _read(self):
        while not self._ending.is_set():
            if not select.select([self.fd], [], [], 0.02)[0]:
                continue
            packet = os.read(self.fd, 1 << 16)
            if len(packet) >= 40 and packet[0] >> 4 == 6 and not self.silent:
                self._react(packet)

    def _react(self, packet):
        destination = wire.destination(packet)
        if destination != self.address:
            binding = self.bindings.get(destination)
            if binding:
                self.send(wire.tunnel(self.address, binding.care_of, packet))
        elif packet[6] == wire.IPV6:
            self._decapsulate(packet)
        elif packet[6] == wire.ICMPV6 and packet[40] == wire.ECHO:
            reply = wire.echo(self.address, wire.source(packet), *_echo_numbers(packet), packet[48:], wire.ECHO_REPLY)
            self.send(reply)
        else:
            update = read_update(packet)
            if not update:
                return
            replies = self.answer(update) or []
            with self._changed:
                self.updates.append(update)
                self._changed.notify_all()
            for reply in replies:
                self.send(reply)

    def _decapsulate(self, packet):
        """RFC 6275 §10.4.5: only what the registered care-of address sent."""
        inner = packet[40:]
        binding = self.bindings.get(wire.source(inner)) if len(inner) >= 40 else None
        if binding and binding.care_of == wire.source(packet):
            self.decapsulated += 1
            self.send(inner)
        else:
            self.refused_inner.append(packet)


def _echo_numbers(packet):
    return int.from_bytes(packet[44:46], "big"), int.from_bytes(packet[46:48], "big")
