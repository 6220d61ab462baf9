# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
The scripted mobile node with ESP (RFC 3776, RFC 4877), all of it done here: no XFRM in its kernel. Binding updates are
sealed in transport mode behind the home address option, home test inits and payload in tunnel mode, each if `keys` has
the child. What comes in ESP and opens stands in `inbox` as if it had come in clear, an Opened; what must have had ESP and
had none is in `clear`, and the node is deaf to it; what didn't open is in `refused`.
"""
import struct

from . import keys as lab_keys
from . import wire
from .esp import ESP, Refused, split, spi_of
from .keys import HOME_TEST, PAYLOAD, SIGNALLING
from .optimised import OptimisedNode

HAO_LENGTH = 24


class Opened(bytes):
    """A packet as it was before ESP. child: of which SA; seq: its number; sealed: as it came."""
    child = seq = sealed = None


class IpsecNode(OptimisedNode):
    """Also does return routability with a correspondent, as any OptimisedNode: its home test goes through ESP."""

    def __init__(self, *args, keys, **kwargs):
        super().__init__(*args, **kwargs)
        self.keys = keys
        self.clear, self.refused = [], []   # [packet], [(packet, Refused)]

    # ---- out ----

    def update_packet(self, *args, protected=True, sa=None, esp_seq=None, **kwargs):
        """Sealed; protected=False: in clear; sa, esp_seq: with another SA, another number, than it would take."""
        packet = super().update_packet(*args, **kwargs)
        sa = sa or self.keys.to_agent.get(SIGNALLING)
        return seal_transport(packet, sa, esp_seq) if protected and sa else packet

    def through_tunnel(self, inner, child=None, sa=None, esp_seq=None, care_of=None, **kwargs):
        """The packet to the agent that holds `inner`: in ESP where keys has its child, else in plain encapsulation."""
        child = child or (HOME_TEST if inner[6] == wire.MH else PAYLOAD)
        sa, care_of = sa or self.keys.to_agent.get(child), care_of or self.care_of
        if sa:
            return sa.tunnel(care_of, self.agent, inner, seq=esp_seq, **kwargs)
        return wire.tunnel(care_of, self.agent, inner, **kwargs)

    def send_tunnelled(self, inner, protected=True, **kwargs):
        if protected:
            self.send(self.through_tunnel(inner, **kwargs))
        else:
            super().send_tunnelled(inner, **kwargs)

    def _send_back(self, frame, inner):
        self._sock.send(frame[6:12] + frame[0:6] + b"\x86\xdd" + self.through_tunnel(inner))

    # ---- in ----

    def child_wanted(self, packet):
        """The child that a packet from the agent must have come by; None where it may be in clear."""
        if wire.destination(packet) not in (self.care_of, self.home):
            return None
        child = lab_keys.child_of(packet, self.home, self.agent)
        return child if child in self.keys.to_node else None

    def acceptable(self, packet):
        return isinstance(packet, Opened) or not self.child_wanted(packet)

    def open(self, packet):
        """The Opened of a packet from the agent, Refused, or None where it has no ESP, or none for this node."""
        spi = spi_of(packet)
        child, sa = next(((c, sa) for c, sa in self.keys.to_node.items() if sa.spi == spi), (None, None))
        if not sa or wire.source(packet) != self.agent:
            return None
        opened = Opened(open_packet(packet, sa, fresh=True))
        tunnelled = opened[6] == wire.IPV6
        if tunnelled == (child == SIGNALLING):
            raise Refused(f"{child}: SA of the other mode")
        if lab_keys.child_of(opened, self.home, self.agent) != child:
            raise Refused(f"{child}: what it holds belongs to another SA")
        opened.child, opened.seq, opened.sealed = child, struct.unpack_from("!I", split(packet)[1], 4)[0], packet
        return opened

    def wait(self, match, before=0, timeout=3.0, what="packet"):
        return super().wait(lambda p: self.acceptable(p) and match(p), before, timeout, what)

    def received(self, match, before=0):
        return super().received(lambda p: self.acceptable(p) and match(p), before)

    def opened(self, child=None, before=0):
        return self.received(lambda p: isinstance(p, Opened) and child in (None, p.child), before)

    def _react(self, frame, packet):
        try:
            opened = self.open(packet)
        except Refused as why:
            self.refused.append((packet, why))
            return
        if opened:
            with self._changed:     # the packet itself follows, and wakes who waits
                self.inbox.append(opened)
            super()._react(frame, opened)
        elif self.child_wanted(packet):
            self.clear.append(packet)
        else:
            super()._react(frame, packet)


# ---- transport mode behind a home address option, before a routing header ----

def seal_transport(packet, sa, seq=None):
    """What follows the IPv6 header, and a home address option or routing header if it has one, goes into ESP."""
    at = 40 + (HAO_LENGTH if packet[6] in (wire.DSTOPTS, wire.ROUTING) else 0)
    kind_at = 6 if at == 40 else 40
    return _replaced(packet, at, kind_at, ESP, sa.seal(packet[at:], packet[kind_at], seq))


def open_packet(packet, sa, fresh=False):
    """The packet as it was before ESP, headers before it as they came; of tunnel mode it is one packet in another."""
    before, esp = split(packet)
    at = len(packet) - len(esp)
    payload, kind, _ = sa.open(esp, fresh)
    kind_at = 40 if before else 6
    if len(before) > 1:
        raise Refused(f"headers {before} before ESP")
    return _replaced(packet, at, kind_at, kind, payload)


def _replaced(packet, at, kind_at, kind, rest):
    head = bytearray(packet[:at])
    head[kind_at] = kind
    struct.pack_into("!H", head, 4, at - 40 + len(rest))
    return bytes(head) + rest
