# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
A scripted correspondent (RFC 6275 §9), written with scapy, hashlib and hmac, sharing no code with agent/: what our mobile
node's route optimisation is tried against. It is 2001:db8:c5::5 behind a TUN device `peer` of the namespace `cn`, and
answers echo requests, with a routing header where it holds a binding.

`answer_init` is called with every test init and `answer` with every update; both return the packets to send back.
"""
import hashlib
import hmac
import os
import select
import struct
import threading
import time
from dataclasses import dataclass, field

from scapy.layers.inet6 import (HAO, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrRouting, MIP6MH_BA, MIP6MH_BE, MIP6MH_BRR,
                                MIP6MH_BU, MIP6MH_CoT, MIP6MH_CoTI, MIP6MH_HoT, MIP6MH_HoTI, MIP6OptBindingAuthData,
                                MIP6OptNonceIndices)

from . import wire
from .home_agent import Update, read_update
from .node_stack import open_tun
from .optimised import AUTH_LENGTH, authenticator, kbm
from .wait import SLOW, Timeout

PEER = "2001:db8:c5::5"
PEER_NET = "2001:db8:c5::/64"


@dataclass
class Init:
    """A test init as scapy reads it."""
    kind: str                   # "home" or "care-of"
    source: str
    cookie: bytes
    has_option: bool            # a home address option, which it mustn't carry
    checksum_good: bool
    when: float
    octets: bytes = field(repr=False)


@dataclass
class PeerUpdate(Update):
    """indices: home, care-of; signature, signed: the authenticator, and what it is over."""
    indices: tuple = None
    signature: bytes = None
    signed: bytes = field(default=b"", repr=False)
    deletion: bool = False


def read_init(octets):
    packet = IPv6(octets)
    for layer, kind in ((MIP6MH_HoTI, "home"), (MIP6MH_CoTI, "care-of")):
        if layer in packet:
            mh = packet[layer]
            return Init(kind, packet.src, bytes(mh.cookie), IPv6ExtHdrDestOpt in packet,
                        wire.checksum(packet.src, packet.dst, wire.MH, bytes(mh)) == 0, time.monotonic(), octets)
    return None


def read_peer_update(octets):
    plain = read_update(octets)
    if not plain:
        return None
    update = PeerUpdate(**vars(plain))
    bu = update.packet[MIP6MH_BU]
    indices = next((o for o in bu.options if isinstance(o, MIP6OptNonceIndices)), None)
    update.indices = (indices.hni, indices.coni) if indices else None
    mh = bytes(bu)
    if isinstance(bu.options[-1] if bu.options else None, MIP6OptBindingAuthData) and mh[-14:-12] == b"\x05\x0c":
        update.signature, update.signed = mh[-AUTH_LENGTH:], mh[:-AUTH_LENGTH]
    update.deletion = update.lifetime_s == 0 or update.care_of == update.home
    return update


class Peer:
    def __init__(self, lab, ns="cn", address=PEER, max_lifetime=420):
        self.lab, self.ns, self.address, self.max_lifetime = lab, lab.ns(ns), address, max_lifetime
        self.secret, self.nonces, self.index = os.urandom(20), {}, os.urandom(1)[0] << 8
        self.answer, self.answer_init = self.accept, self.give_token
        self.inits, self.updates, self.bindings = [], [], {}
        self.echoes = []            # (home address or source, "straight" or "plain", sequence, time) of echo requests
        self._changed = threading.Condition()
        self.new_nonce()
        self.ns.sysctl({"net/ipv6/conf/all/forwarding": 1})
        self.fd = open_tun(self.ns, "peer")
        self.ns.ip("link set peer up mtu 1500", f"route add {PEER_NET} dev peer")
        lab.core.ip(f"route add {PEER_NET} via 2001:db8:c::2")
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def close(self):
        self._ending.set()
        self._thread.join()
        os.close(self.fd)

    def send(self, packet):
        os.write(self.fd, bytes(packet))

    # ---- return routability (§5.2.5, §9.4) ----

    def new_nonce(self, forget=False):
        """forget: what came before is expired."""
        if forget:
            self.nonces.clear()
        self.index = (self.index + 1) & 0xFFFF
        self.nonces[self.index] = os.urandom(8)

    def token(self, address, index, last):
        data = wire.a2b(address) + self.nonces[index] + bytes([last])
        return hmac.new(self.secret, data, hashlib.sha1).digest()[:8]

    def give_token(self, init, cookie=None, index=None):
        home = init.kind == "home"
        index = self.index if index is None else index
        layer = MIP6MH_HoT if home else MIP6MH_CoT
        token = self.token(init.source, index, 0 if home else 1) if index in self.nonces else bytes(8)
        return [bytes(IPv6(src=self.address, dst=init.source)
                      / layer(res=0, index=index, cookie=cookie or init.cookie, token=token))]

    # ---- updates (§9.5) ----

    def key(self, update):
        home, care_of = update.indices
        first = self.token(update.home, home, 0)
        return kbm(first) if update.deletion else kbm(first, self.token(update.care_of, care_of, 1))

    def is_authentic(self, update):
        return update.signature == authenticator(self.key(update), update.care_of, self.address, update.signed)

    def ack(self, update, status=0, seq=None, lifetime_s=None, signed=True, spoil=0, source=None):
        """signed: with an authenticator; spoil: a mask over its first octet."""
        lifetime_s = (0 if status >= 128 or update.deletion else update.lifetime_s) if lifetime_s is None else lifetime_s
        options = [MIP6OptBindingAuthData(olen=AUTH_LENGTH, authenticator=0)] if signed else []
        mh = bytes(MIP6MH_BA(res=0, res2=0, cksum=0, flags="", status=status, mhtime=lifetime_s // 4, options=options,
                             seq=update.seq if seq is None else seq))
        if signed:
            assert mh[-14:-12] == b"\x05\x0c", mh.hex()
            code = authenticator(self.key(update), update.care_of, self.address, mh[:-AUTH_LENGTH])
            mh = mh[:-AUTH_LENGTH] + bytes([code[0] ^ spoil]) + code[1:]
        mh = wire.summed(source or self.address, update.home, wire.MH, mh, 4)
        if update.has_option:
            mh = wire.rh2(update.home, wire.MH) + mh
        return wire.ipv6(source or self.address, update.source, wire.ROUTING if update.has_option else wire.MH, mh)

    def accept(self, update):
        stale = [i for i, index in enumerate(update.indices or ()) if index not in self.nonces and not
                 (i and update.deletion)]
        if stale:
            return [self.ack(update, 138 if len(stale) == 2 else 136 + stale[0], signed=False)]
        now = self.bindings.get(update.home)
        if now and not 0 < (update.seq - now.seq) % 65536 < 32768:
            return [self.ack(update, 135, seq=now.seq)]
        lifetime_s = min(update.lifetime_s, self.max_lifetime)
        if update.deletion:
            self.bindings.pop(update.home, None)
            return [self.ack(update)]
        self.bindings[update.home] = update
        return [self.ack(update, 0, lifetime_s=lifetime_s)]

    def binding_error(self, to, home, status=1):
        return bytes(IPv6(src=self.address, dst=to) / MIP6MH_BE(res=0, reserved=0, status=status, ha=home))

    def refresh_request(self, home):
        """§6.1.2: like every mobility header but an acknowledgement, without routing header."""
        return bytes(IPv6(src=self.address, dst=home) / MIP6MH_BRR(res=0, res2=0))

    # ---- what it receives ----

    def wait(self, things, match=lambda thing: True, before=0, timeout=5.0, what="message"):
        """The first of `things` (self.inits, self.updates, self.echoes) behind `before` that matches."""
        end = time.monotonic() + timeout * SLOW
        with self._changed:
            while True:
                found = next((thing for thing in things[before:] if match(thing)), None)
                if found:
                    return found
                left = end - time.monotonic()
                if left <= 0:
                    raise Timeout(f"the correspondent got no {what}; it got {things[before:]}")
                self._changed.wait(min(left, 0.2))

    def wait_init(self, kind, before=0, **kwargs):
        return self.wait(self.inits, lambda init: init.kind == kind, before, what=f"{kind} test init", **kwargs)

    def wait_update(self, before=0, **kwargs):
        return self.wait(self.updates, before=before, what="binding update", **kwargs)

    def wait_straight(self, before=0, **kwargs):
        """An echo request with a home address option that its binding vouches for."""
        return self.wait(self.echoes, lambda echo: echo[1] == "straight", before, what="echo request that came straight",
                         **kwargs)

    def _read(self):
        while not self._ending.is_set():
            if not select.select([self.fd], [], [], 0.02)[0]:
                continue
            packet = os.read(self.fd, 1 << 16)
            if len(packet) >= 48 and packet[0] >> 4 == 6 and wire.destination(packet) == self.address:
                for reply in self._react(packet) or []:
                    self.send(reply)

    def _react(self, packet):
        update, init = read_peer_update(packet), read_init(packet)
        if init:
            return self._keep(self.inits, init, self.answer_init(init))
        if update:
            return self._keep(self.updates, update, self.answer(update))
        layers = IPv6(packet)
        option = next((o for o in layers[IPv6ExtHdrDestOpt].options if isinstance(o, HAO)), None) \
            if IPv6ExtHdrDestOpt in layers else None
        if not option:
            return self._echo(packet[40:], packet[6], wire.source(packet), None)
        binding = self.bindings.get(option.hoa)
        if not binding or binding.care_of != layers.src:
            return [self.binding_error(layers.src, option.hoa)]
        return self._echo(packet[40 + (packet[41] + 1) * 8:], packet[40], option.hoa, binding)

    def _echo(self, message, protocol, source, binding):
        if protocol != wire.ICMPV6 or message[0] != wire.ECHO:
            return None
        assert wire.checksum(source, self.address, wire.ICMPV6, message) == 0, "checksum is over the home address (§11.3.1)"
        identifier, sequence = struct.unpack_from("!HH", message, 4)
        reply = wire.echo(self.address, source, identifier, sequence, message[8:], wire.ECHO_REPLY)
        bound = self.bindings.get(source)
        if bound:
            reply = bytes(IPv6(src=self.address, dst=bound.care_of, nh=wire.ROUTING)
                          / IPv6ExtHdrRouting(nh=wire.ICMPV6, type=2, segleft=1, addresses=[source])) + reply[40:]
            reply = reply[:4] + struct.pack("!H", len(reply) - 40) + reply[6:]
        return self._keep(self.echoes, (source, "straight" if binding else "plain", sequence, time.monotonic()), [reply])

    def _keep(self, things, thing, replies):
        with self._changed:
            things.append(thing)
            self._changed.notify_all()
        return replies
