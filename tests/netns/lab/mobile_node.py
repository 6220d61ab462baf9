# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
A scripted mobile node (RFC 6275 §11, as much as scenarios want) on packet sockets: no code of agent/ or bpf/ in it, and
no mobility in its kernel. A thread reads its link, answers echo requests that come through the tunnel by the reverse
tunnel, and neighbour solicitations of its agent while it returns home; everything read is kept in `inbox`.
"""
import select
import struct
import threading
import time

from . import wire
from .capture import ipv6_of, packet_socket
from .wait import SLOW, Timeout, until

HOME_LINK_LENGTH = 64


class MobileNode:
    def __init__(self, lab, ns, home, agent="2001:db8:1::1", host=2, home_ns="ha"):
        """host: the interface identifier of its care-of addresses."""
        self.lab, self.ns, self.home, self.agent, self.host, self.home_ns = lab, ns, home, agent, host, home_ns
        self.link, self.care_of, self.seq = None, None, 0
        self.answering, self.tunnelled, self.echoes = True, 0, 0
        self.answer_solicitations = False
        self.inbox = []
        self._changed = threading.Condition()
        self._sock, self._thread, self._ending = None, None, None
        # what its kernel says about packets that it can't know to be fine must not reach the agent
        ns.run(f"ip -6 rule add pref 10 to {agent} ipproto ipv6-icmp blackhole", check=False)

    # ---- links ----

    def attach(self, link, router=None):
        """Goes to an access link ("f1", ...) or "home", leaving the one before; the care-of address is made there."""
        self.detach()
        self.ns.ip(f"link set {link} up")
        self.link, self.at_home = link, link == "home"
        if self.at_home:
            self.care_of, self.router_mac = self.home, self.lab.ns(self.home_ns).mac("home")
        else:
            self.care_of = f"2001:db8:{link}::{self.host:x}"
            self.router_mac = self.lab.core.mac(link)
            self.ns.ip(f"addr replace {self.care_of}/64 dev {link} nodad",
                       f"route replace default via {router or f'2001:db8:{link}::1'} dev {link}")
        self.mac = self.ns.mac(link)
        until(lambda: "LOWER_UP" in self.ns.ip_json(f"link show dev {link}")[0]["flags"], 3, f"{link} is up")
        self._sock, self._ending = packet_socket(self.ns, link), threading.Event()
        self._thread = threading.Thread(target=self._read, args=(self._sock, self._ending), daemon=True)
        self._thread.start()
        return self

    def detach(self):
        if self._thread:
            self._ending.set()
            self._thread.join()
            self._sock.close()
            self._sock = self._thread = None
        if self.link:
            self.ns.run(f"ip -6 addr flush dev {self.link} scope global", check=False)
            self.ns.run(f"ip link set {self.link} down", check=False)
            self.link = None

    close = detach

    # ---- sending ----

    def send(self, packet, mac=None):
        """An IPv6 packet, octet for octet, to the router of this link (at home: the agent)."""
        self._sock.send(wire.ethernet(mac or self.router_mac, self.mac, packet))

    def send_frame(self, frame):
        self._sock.send(frame)

    def send_tunnelled(self, inner, **kwargs):
        self.send(wire.tunnel(self.care_of, self.agent, inner, **kwargs))

    # ---- signalling ----

    def update_packet(self, home=None, seq=None, lifetime_s=400, flags=wire.A | wire.H, alternate=True, options=b"",
                      care_of=None):
        """The bytes of a binding update as from here; alternate: True, False, or another address."""
        home, source = home or self.home, care_of or self.care_of
        if alternate:
            options = wire.alternate_care_of(source if alternate is True else alternate) + options
        mh = wire.binding_update(self.seq if seq is None else seq, -(-lifetime_s // 4), flags, options)
        if source == home:
            return wire.ipv6(home, self.agent, wire.MH, wire.summed(home, self.agent, wire.MH, mh, 4))
        return wire.signalled(source, self.agent, home, mh)

    def update(self, timeout=3.0, seq=None, **kwargs):
        """Sends a binding update with the next number (or `seq`) and returns the acknowledgement."""
        self.seq = (self.seq + 1 if seq is None else seq) & 0xFFFF
        before = len(self.inbox)
        self.send(self.update_packet(seq=self.seq, **kwargs))
        return self.wait_ack(before, kwargs.get("home") or self.home, timeout)

    def register(self, seq=None, lifetime_s=400, timeout=3.0, **kwargs):
        """As update(); the acknowledgement must be one that this node would accept."""
        return self.update(timeout, seq, lifetime_s=lifetime_s, **kwargs)

    def registered(self, **kwargs):
        ack = self.register(**kwargs)
        assert ack.status == 0, f"registration of {self.home} refused: status {ack.status}"
        return ack

    def deregister(self, **kwargs):
        return self.update(lifetime_s=0, **kwargs)

    def return_home(self, claim=True):
        """RFC 6275 §11.5.5: onto the home link, de-registers from there, claims its address after the acknowledgement."""
        if not self.link == "home":
            self.attach("home")
        self.answer_solicitations = True
        try:
            ack = self.update(lifetime_s=0, alternate=False)
        finally:
            self.answer_solicitations = False
        if ack.status == 0 and claim:
            self.claim_home_address()
        return ack

    def claim_home_address(self):
        self.ns.run("ip -6 rule del pref 10", check=False)
        self.ns.ip(f"addr replace {self.home}/{HOME_LINK_LENGTH} dev home nodad",
                   f"route replace default via {self.agent} dev home")
        self.send(wire.neighbour_advertisement(self.home, "ff02::1", self.home, self.mac, 0x20),
                  mac=wire.multicast_mac("ff02::1"))

    def wait_ack(self, before, home, timeout=3.0):
        def match(packet):
            message = wire.parse_mobility(packet)
            return message and message.kind == wire.BA and (message.home or message.destination) == home and message
        ack = self.wait(match, before, timeout, f"binding acknowledgement for {home}")
        assert ack.checksum_good, "the checksum of the acknowledgement is not over the home address"
        assert ack.source == self.agent
        if self.care_of == home:
            assert ack.home is None, "an acknowledgement to a node at home carries no routing header"
        else:
            assert ack.home == home, "an acknowledgement to a node away carries its home address in a routing header"
        return ack

    # ---- receiving ----

    def wait(self, match, before=0, timeout=3.0, what="packet"):
        """match(packet) of the first packet behind `before` for which it is true."""
        end = time.monotonic() + timeout * SLOW
        while True:
            with self._changed:
                have = len(self.inbox)
                for packet in self.inbox[before:have]:
                    found = match(packet)
                    if found:
                        return found
                before = have
                left = end - time.monotonic()
                if left <= 0:
                    raise Timeout(f"{self.home} at {self.care_of} got no {what}")
                self._changed.wait(min(left, 0.2))

    def received(self, match, before=0):
        with self._changed:
            return [packet for packet in self.inbox[before:] if match(packet)]

    def from_tunnel(self, before=0):
        """Inner packets that came through the tunnel to the care-of address."""
        return [p[40:] for p in self.received(lambda p: p[6] == wire.IPV6, before) if wire.destination(p) == self.care_of]

    def _read(self, sock, ending):
        while not ending.is_set():
            if not select.select([sock], [], [], 0.02)[0]:
                continue
            try:
                frame, address = sock.recvfrom(1 << 17)
            except OSError:
                continue
            packet = ipv6_of(frame)
            if address[2] == 4 or packet is None:  # our own
                continue
            try:
                self._react(frame, packet)
            except OSError:  # the link went down under us
                pass
            with self._changed:
                self.inbox.append(packet)
                self._changed.notify_all()

    def _react(self, frame, packet):
        if packet[6] == wire.IPV6 and packet[8:24] == wire.a2b(self.agent) and packet[24:40] == wire.a2b(self.care_of):
            self.tunnelled += 1
            inner = packet[40:]
            if self.answering and inner[6] == wire.ICMPV6 and len(inner) >= 48 and inner[40] == wire.ECHO:
                self.echoes += 1
                self._send_back(frame, echo_reply(inner))
        elif packet[6] == wire.ROUTING and len(packet) >= 72 and packet[40:43] == b"\x3a\x02\x02" \
                and packet[48:64] == wire.a2b(self.home) and packet[64] == wire.ECHO and self.answering:
            self._answer_optimised(frame, packet)
        elif self.answer_solicitations and packet[6] == wire.ICMPV6 and len(packet) >= 64 and packet[40] == wire.NS \
                and packet[48:64] == wire.a2b(self.home):
            asker = wire.source(packet)
            if asker != "::":
                self.send(wire.neighbour_advertisement(self.home, asker, self.home, self.mac, 0x60),
                          mac=frame[6:12].hex(":"))

    def _answer_optimised(self, frame, packet):
        """An echo request with a routing header: the reply carries a home address option (RFC 6275 §11.3.1)."""
        plain = packet[:4] + struct.pack("!HB", len(packet) - 64, wire.ICMPV6) + packet[7:24] + packet[48:]
        reply = echo_reply(plain)
        reply = wire.ipv6(self.care_of, wire.source(packet), wire.DSTOPTS, wire.hao(self.home, wire.ICMPV6) + reply[40:])
        self.echoes += 1
        self._sock.send(frame[6:12] + frame[0:6] + b"\x86\xdd" + reply)

    def _send_back(self, frame, inner):
        outer = wire.tunnel(self.care_of, self.agent, inner)
        self._sock.send(frame[6:12] + frame[0:6] + b"\x86\xdd" + outer)


def echo_reply(request):
    """The reply to an echo request; the checksum changes only by the type."""
    total = struct.unpack_from("!H", request, 42)[0] - 0x100
    total += 0xFFFF if total <= 0 else 0
    return request[:7] + b"\x40" + request[24:40] + request[8:24] + b"\x81\x00" + struct.pack("!H", total) + request[44:]
