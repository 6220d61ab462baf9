# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
A scripted correspondent (RFC 6275 §9) on a packet socket in `cn`, whose kernel knows no mobility: tokens of its own making,
updates checked with hashlib and hmac, data answered with routing headers. No code of agent/ or bpf/ in it.
"""
import hashlib
import hmac
import os
import select
import struct
import threading

from . import wire
from .capture import ipv6_of, packet_socket
from .mobile_node import echo_reply
from .optimised import AUTH_DATA, AUTH_LENGTH, COT, COTI, HOT, HOTI, NONCE_INDICES, authenticator, kbm
from .wait import until

ADDRESS = "2001:db8:c::2"


class ScriptedCorrespondent:
    """silent: kinds of messages that it does not answer. updates: of all that came, {..}. statuses: of the next answers."""

    def __init__(self, lab, link="core"):
        self.ns, self.secret, self.nonce = lab.cn, os.urandom(20), 4711
        self.silent, self.statuses, self.updates, self.tests = set(), [], [], []
        self.bound, self.seq, self.forge, self.packets = {}, {}, None, []
        # what its kernel says about packets that it can't know to be fine must not reach anybody
        self.ns.run("ip -6 rule add pref 10 ipproto ipv6-icmp blackhole")
        self.mac, self.router_mac = self.ns.mac(link), lab.core.mac("cn")
        self._sock, self._ending = packet_socket(self.ns, link), threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        lab.nodes.append(self)

    def close(self):
        self._ending.set()
        self._thread.join()
        self._sock.close()

    # ---- tokens ----

    def token(self, address, kind):
        data = wire.a2b(address) + struct.pack("!HB", self.nonce, kind)
        return hmac.new(self.secret, data, hashlib.sha256).digest()[:8]

    # ---- sending ----

    def send(self, packet):
        self._sock.send(wire.ethernet(self.router_mac, self.mac, packet))

    def send_mobility(self, destination, mh, home=None):
        """With a routing header to `home` where it is given."""
        mh = wire.summed(ADDRESS, home or destination, wire.MH, mh, 4)
        if home:
            return self.send(wire.ipv6(ADDRESS, destination, wire.ROUTING, wire.rh2(home, wire.MH) + mh))
        return self.send(wire.ipv6(ADDRESS, destination, wire.MH, mh))

    def test(self, destination, kind, cookie, token=None):
        token = token or self.token(destination, kind - HOT)
        self.send_mobility(destination, wire.mobility_header(kind, struct.pack("!H", self.nonce) + cookie + token))

    def ping(self, home, sequence=1):
        """To the care-of address, as it is bound."""
        echo = wire.echo(ADDRESS, home, sequence=sequence)
        self.send(wire.ipv6(ADDRESS, self.bound[home], wire.ROUTING, wire.rh2(home, wire.ICMPV6) + echo[40:]))

    def acknowledge(self, home, care_of, status, seq, lifetime_s, key):
        options = b""
        if not 136 <= status <= 138:
            gap = -(12 - 2) % 8
            options = (bytes([1, gap - 2]) + bytes(gap - 2)) + bytes([AUTH_DATA, AUTH_LENGTH]) + bytes(AUTH_LENGTH)
        mh = wire.mobility_header(wire.BA, struct.pack("!BBHH", status, 0, seq, lifetime_s // 4), options)
        if options:
            mh = mh[:-AUTH_LENGTH] + (self.forge or authenticator)(key, care_of, ADDRESS, mh[:-AUTH_LENGTH])
        self.send_mobility(care_of, mh, home if home != care_of else None)

    # ---- receiving ----

    def wait(self, what, match, timeout=6.0):
        return until(lambda: next((found for found in map(match, list(self.packets)) if found), None), timeout, what)

    def wait_updates(self, count, timeout=6.0):
        return until(lambda: len(self.updates) >= count and self.updates, timeout,
                     lambda: f"{count} updates: {self.updates}, tests {self.tests}")

    def _read(self):
        while not self._ending.is_set():
            if not select.select([self._sock], [], [], 0.02)[0]:
                continue
            frame, address = self._sock.recvfrom(1 << 17)
            packet = ipv6_of(frame)
            if address[2] == 4 or packet is None or wire.destination(packet) != ADDRESS:
                continue
            self.packets.append(packet)
            self._take(packet)

    def _take(self, packet):
        source, protocol, at, home = wire.source(packet), packet[6], 40, None
        if protocol == wire.DSTOPTS and packet[46] == 0xC9:
            protocol, at, home = packet[40], 64, wire.b2a(packet[48:64])
        if protocol == wire.MH:
            self._take_mobility(source, home, packet[at:])
        elif protocol == wire.ICMPV6 and packet[at] == wire.ECHO and home and self.bound.get(home) == source:
            plain = packet[:4] + struct.pack("!HB", len(packet) - at, wire.ICMPV6) + packet[7:8] + wire.a2b(home) \
                + packet[24:40] + packet[at:]
            reply = echo_reply(plain)
            self.send(wire.ipv6(ADDRESS, source, wire.ROUTING, wire.rh2(home, wire.ICMPV6) + reply[40:]))

    def _take_mobility(self, source, home, mh):
        assert wire.checksum(home or source, ADDRESS, wire.MH, mh) == 0, "checksum over the home address"
        kind = mh[2]
        if kind in (HOTI, COTI):
            self.tests.append((kind, source))
            assert home is None, "a test init carries no home address option (§9.4.1)"
            if kind not in self.silent:
                self.test(source, HOT if kind == HOTI else COT, mh[8:16])
        elif kind == wire.BU:
            self._take_update(source, home or source, mh)

    def _take_update(self, care_of, home, mh):
        seq, flags, units = struct.unpack_from("!HHH", mh, 6)
        options = self._options(mh[12:])
        lifetime_s, deletion = units * 4, units == 0 or care_of == home
        key = kbm(self.token(home, 0), b"" if deletion else self.token(care_of, 1))
        good = authenticator(key, care_of, ADDRESS, mh[:-AUTH_LENGTH]) == options.get(AUTH_DATA)
        self.updates.append({"seq": seq, "flags": flags, "lifetime_s": lifetime_s, "care_of": care_of, "home": home,
                             "good": good, "indices": struct.unpack("!HH", options[NONCE_INDICES]), "options": set(options)})
        status = self.statuses.pop(0) if self.statuses else 0
        if not good or wire.BU in self.silent:
            return
        if status == 0:
            self.seq[home] = seq
            if deletion:
                self.bound.pop(home, None)
            else:
                self.bound[home] = care_of
        self.acknowledge(home, care_of, status, self.seq.get(home, 0) if status == 135 else seq,
                         min(lifetime_s, 420) if status == 0 else 0, key)

    @staticmethod
    def _options(data):
        found = {}
        while data:
            if data[0] == 0:
                data = data[1:]
                continue
            if data[0] != 1:
                found[data[0]] = data[2:2 + data[1]]
            data = data[2 + data[1]:]
        return found
