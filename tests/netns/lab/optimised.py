# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
A scripted mobile node that does return routability (RFC 6275 §5.2, §11.6) with a correspondent: hashlib, hmac and octets,
nothing of ours. What its correspondent sends it, in whatever headers, is in `inbox`.
"""
import hashlib
import hmac
import os
import struct
from dataclasses import dataclass

from . import wire
from .mobile_node import MobileNode

HOTI, COTI, HOT, COT = 1, 2, 3, 4
NONCE_INDICES, AUTH_DATA = 4, 5
AUTH_LENGTH = 12


def kbm(home_token, care_of_token=b""):
    """RFC 6275 §5.2.5"""
    return hashlib.sha1(home_token + care_of_token).digest()


def authenticator(key, care_of, correspondent, mh):
    """RFC 6275 §6.2.7: over the mobility header up to its authenticator, checksum zero."""
    data = wire.a2b(care_of) + wire.a2b(correspondent) + mh[:4] + b"\0\0" + mh[6:]
    return hmac.new(key, data, "sha1").digest()[:AUTH_LENGTH]


def init_message(kind, cookie, options=b""):
    return wire.mobility_header(kind, b"\0\0" + cookie, options)


@dataclass
class Token:
    index: int
    cookie: bytes
    token: bytes
    source: str
    packet: bytes


def parse_test(packet, kind):
    """A home or care-of test at the front of this packet; None where it is none."""
    if packet[6] != wire.MH or len(packet) < 64 or packet[42] != kind:
        return None
    source, destination = wire.source(packet), wire.destination(packet)
    assert wire.checksum(source, destination, wire.MH, packet[40:64]) == 0, "checksum of the test"
    assert packet[40:42] == bytes([wire.NONE, 2]) and packet[43] == 0, "payload protocol, length, reserved"
    return Token(struct.unpack_from("!H", packet, 46)[0], packet[48:56], packet[56:64], source, packet)


def signed(care_of, correspondent, key, seq, lifetime_s, indices, flags=wire.A, more=b""):
    """
    A binding update with nonce indices and authenticator. The latter's data stand at 8n+2 + 2 of the header and are its last
    octets: options before it are padded so.
    """
    options = more + struct.pack("!BBHH", NONCE_INDICES, 4, *indices)
    gap = -(12 + len(options) - 2) % 8
    options += b"" if gap == 0 else b"\0" if gap == 1 else bytes([1, gap - 2]) + bytes(gap - 2)
    options += bytes([AUTH_DATA, AUTH_LENGTH]) + bytes(AUTH_LENGTH)
    mh = wire.mobility_header(wire.BU, struct.pack("!HHH", seq, flags, lifetime_s // 4), options)
    unsigned = mh[:-AUTH_LENGTH]
    assert unsigned[-2:] == bytes([AUTH_DATA, AUTH_LENGTH]), "the authenticator ends the message"
    return unsigned + authenticator(key, care_of, correspondent, unsigned)


class OptimisedNode(MobileNode):
    """correspondent: whom it talks to. Registers with its home agent by register(), as any."""

    def __init__(self, *args, correspondent="2001:db8:c::2", **kwargs):
        super().__init__(*args, **kwargs)
        self.correspondent, self.peer_seq = correspondent, 0
        self.home_token = self.care_of_token = None

    # ---- return routability ----

    def home_test(self, cookie=None, timeout=3.0):
        """HoTI through the tunnel; the Token that comes back through it."""
        cookie = cookie or os.urandom(8)
        before = len(self.inbox)
        mh = wire.summed(self.home, self.correspondent, wire.MH, init_message(HOTI, cookie), 4)
        self.send_tunnelled(wire.ipv6(self.home, self.correspondent, wire.MH, mh))
        self.home_token = self.wait(lambda p: p[6] == wire.IPV6 and parse_test(p[40:], HOT), before, timeout, "home test")
        assert self.home_token.cookie == cookie
        return self.home_token

    def care_of_test(self, cookie=None, timeout=3.0):
        cookie = cookie or os.urandom(8)
        before = len(self.inbox)
        self.send(self.care_of_test_init(cookie))
        self.care_of_token = self.wait(lambda p: parse_test(p, COT), before, timeout, "care-of test")
        assert self.care_of_token.cookie == cookie
        return self.care_of_token

    def care_of_test_init(self, cookie=bytes(8), source=None):
        source = source or self.care_of
        mh = wire.summed(source, self.correspondent, wire.MH, init_message(COTI, cookie), 4)
        return wire.ipv6(source, self.correspondent, wire.MH, mh)

    # ---- binding updates ----

    def key(self, deletion=False):
        return kbm(self.home_token.token, b"" if deletion else self.care_of_token.token)

    def peer_update_packet(self, seq, lifetime_s=400, key=None, indices=None, flags=wire.A, more=b"", home=None,
                           care_of=None):
        """As it goes straight to the correspondent; at home without home address option."""
        home, care_of = home or self.home, care_of or self.care_of
        deletion = lifetime_s == 0 or care_of == home
        if indices is None:
            indices = (self.home_token.index, 0 if deletion else self.care_of_token.index)
        mh = signed(care_of, self.correspondent, key or self.key(deletion), seq, lifetime_s, indices, flags, more)
        if care_of == home:
            return wire.ipv6(home, self.correspondent, wire.MH, wire.summed(home, self.correspondent, wire.MH, mh, 4))
        return wire.signalled(care_of, self.correspondent, home, mh)

    def peer_update(self, timeout=3.0, seq=None, **kwargs):
        """With the next number, or `seq`; the acknowledgement."""
        self.peer_seq = (self.peer_seq + 1 if seq is None else seq) & 0xFFFF
        before = len(self.inbox)
        packet = self.peer_update_packet(self.peer_seq, **kwargs)
        self.send(packet)
        return self.wait_peer_ack(before, timeout)

    def wait_peer_ack(self, before, timeout=3.0):
        def match(packet):
            message = wire.parse_mobility(packet)
            return message and message.kind == wire.BA and message.source == self.correspondent and message
        ack = self.wait(match, before, timeout, f"binding acknowledgement of {self.correspondent}")
        assert ack.checksum_good
        assert ack.home == (None if self.care_of == self.home else self.home), "routing header of the acknowledgement"
        return ack

    def ack_is_authentic(self, ack, care_of=None, key=None):
        """RFC 6275 §6.2.7, the same key both ways."""
        mh = ack.packet[64 if ack.home else 40:]
        at = mh.index(bytes([AUTH_DATA, AUTH_LENGTH])) + 2
        return authenticator(key or self.key(), care_of or self.care_of, self.correspondent, mh[:at]) == \
            ack.options[AUTH_DATA]

    def bound(self, **kwargs):
        """Everything, from both tests to an accepted update."""
        self.home_test()
        self.care_of_test()
        ack = self.peer_update(**kwargs)
        assert ack.status == 0, f"status {ack.status}"
        return ack

    # ---- data ----

    def send_direct(self, protocol, payload, home=None, care_of=None):
        """With a home address option; `payload` has its checksum over the home address."""
        self.send(wire.ipv6(care_of or self.care_of, self.correspondent, wire.DSTOPTS,
                            wire.hao(home or self.home, protocol) + payload))

    def ping_direct(self, sequence=1, home=None, care_of=None):
        echo = wire.echo(home or self.home, self.correspondent, sequence=sequence)
        self.send_direct(wire.ICMPV6, echo[40:], home, care_of)

    def routed(self, before=0, protocol=wire.ICMPV6):
        """Packets with a routing header to the home address: what is behind it."""
        def match(p):
            return p[6] == wire.ROUTING and p[40] == protocol and p[42] == 2 and p[48:64] == wire.a2b(self.home)
        return [p[64:] for p in self.received(match, before)]
