# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
Octets on the wire, from the RFCs and nothing of ours: checksums, mobility headers, tunnels, errors. Packets are bytes
from the IPv6 header on; addresses are text.
"""
import socket
import struct
from dataclasses import dataclass, field

HOPOPTS, TCP, UDP, IPV6, ROUTING, FRAGMENT, AH, ICMPV6, NONE, DSTOPTS, MH = 0, 6, 17, 41, 43, 44, 51, 58, 59, 60, 135
BRR, HOTI, BU, BA, BE = 0, 1, 5, 6, 7
A, H, L, K, R = 0x8000, 0x4000, 0x2000, 0x1000, 0x0400
UNREACHABLE, TOO_BIG, TIME_EXCEEDED, PARAM_PROBLEM, ECHO, ECHO_REPLY, NS, NA = 1, 2, 3, 4, 128, 129, 135, 136


def a2b(address):
    return socket.inet_pton(socket.AF_INET6, address)


def b2a(octets):
    return socket.inet_ntop(socket.AF_INET6, bytes(octets))


def mac2b(mac):
    return bytes.fromhex(mac.replace(":", ""))


def ones_sum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def checksum(source, destination, protocol, payload):
    """RFC 8200 §8.1; over a correct message the result is 0."""
    return 0xFFFF & ~ones_sum(a2b(source) + a2b(destination) + struct.pack("!IHBB", len(payload), 0, 0, protocol) + payload)


def summed(source, destination, protocol, payload, at):
    """The payload with its checksum (at that offset) made good."""
    blank = payload[:at] + b"\0\0" + payload[at + 2:]
    return blank[:at] + struct.pack("!H", checksum(source, destination, protocol, blank)) + blank[at + 2:]


def ipv6(source, destination, protocol, payload, hop_limit=64, traffic_class=0, flow_label=0, length=None):
    word = 6 << 28 | traffic_class << 20 | flow_label
    size = len(payload) if length is None else length
    return struct.pack("!IHBB", word, size, protocol, hop_limit) + a2b(source) + a2b(destination) + payload


def header(packet):
    """(traffic class, flow label, next header, hop limit, source, destination) of an IPv6 packet"""
    word, _, protocol, hops = struct.unpack_from("!IHBB", packet)
    return word >> 20 & 0xFF, word & 0xFFFFF, protocol, hops, b2a(packet[8:24]), b2a(packet[24:40])


def source(packet):
    return b2a(packet[8:24])


def destination(packet):
    return b2a(packet[24:40])


def padded(options, first=0, unit=8):
    """Options (bytes) filled to whole units with Pad1 or PadN; `first`: octets that stand before them."""
    short = -(first + len(options)) % unit
    return options + (b"" if short == 0 else b"\0" if short == 1 else bytes([1, short - 2]) + bytes(short - 2))


def hao(home, next_header, length=16):
    """Destination options header with a home address option, aligned 8n+6."""
    return bytes([next_header, 2, 1, 2, 0, 0, 0xC9, length]) + a2b(home)


def dstopts(next_header, options):
    body = padded(options, first=2)
    return bytes([next_header, (len(body) + 2) // 8 - 1]) + body


def rh2(home, next_header):
    return bytes([next_header, 2, 2, 1, 0, 0, 0, 0]) + a2b(home)


def mobility_header(mh_type, data, options=b"", proto=NONE, hdrlen=None):
    """Without its checksum; `data` starts behind the checksum."""
    body = data + padded(options, first=6 + len(data))
    return struct.pack("!BBBBH", proto, (6 + len(body)) // 8 - 1 if hdrlen is None else hdrlen, mh_type, 0, 0) + body


def alternate_care_of(address):
    """Aligned 8n+6: behind the 12 octets of a binding update stand two of PadN."""
    return b"\x01\x00" + b"\x03\x10" + a2b(address)


def binding_update(seq, lifetime, flags=A | H, options=b""):
    """lifetime in units of 4 s"""
    return mobility_header(BU, struct.pack("!HHH", seq, flags, lifetime), options)


def signalled(care_of, agent, home, mh, hop_limit=64):
    """A mobility header from away: home address option, checksum over the home address."""
    return ipv6(care_of, agent, DSTOPTS, hao(home, MH) + summed(home, agent, MH, mh, 4), hop_limit)


def icmp(source_, destination_, kind, code, body, hop_limit=64):
    message = summed(source_, destination_, ICMPV6, struct.pack("!BBH", kind, code, 0) + body, 2)
    return ipv6(source_, destination_, ICMPV6, message, hop_limit)


def echo(source_, destination_, identifier=7, sequence=1, data=b"mobgw", kind=ECHO, hop_limit=64, **kwargs):
    message = struct.pack("!BBHHH", kind, 0, 0, identifier, sequence) + data
    return ipv6(source_, destination_, ICMPV6, summed(source_, destination_, ICMPV6, message, 2), hop_limit, **kwargs)


def udp(source_, destination_, sport, dport, data, **kwargs):
    datagram = struct.pack("!HHHH", sport, dport, 8 + len(data), 0) + data
    return ipv6(source_, destination_, UDP, summed(source_, destination_, UDP, datagram, 6), **kwargs)


def tunnel(outer_source, outer_destination, inner, **kwargs):
    return ipv6(outer_source, outer_destination, IPV6, inner, **kwargs)


def fragments(packet, size, identification=0x4D6F6269):
    """Cuts the payload of a packet without extension headers into fragments of `size` octets (a multiple of 8)."""
    payload, out = packet[40:], []
    for offset in range(0, len(payload), size):
        more = offset + size < len(payload)
        head = struct.pack("!BBHI", packet[6], 0, offset | more, identification)
        piece = head + payload[offset:offset + size]
        out.append(packet[:4] + struct.pack("!HB", len(piece), FRAGMENT) + packet[7:40] + piece)
    return out


def neighbour_advertisement(source_, destination_, target, mac, flags):
    body = struct.pack("!I", flags << 24) + a2b(target) + b"\x02\x01" + mac2b(mac)
    return icmp(source_, destination_, NA, 0, body, hop_limit=255)


def neighbour_solicitation(source_, target, mac, destination_=None):
    options = b"" if source_ == "::" else b"\x01\x01" + mac2b(mac)
    return icmp(source_, destination_ or solicited_node(target), NS, 0, bytes(4) + a2b(target) + options, hop_limit=255)


def solicited_node(address):
    return b2a(a2b("ff02::1:ff00:0")[:13] + a2b(address)[13:])


def ethernet(destination_mac, source_mac, packet):
    return mac2b(destination_mac) + mac2b(source_mac) + b"\x86\xdd" + packet


def multicast_mac(address):
    return "33:33:" + ":".join(f"{octet:02x}" for octet in a2b(address)[12:])


@dataclass
class Message:
    """A mobility header as received, checked by checks of our own."""
    kind: int
    source: str
    destination: str
    home: str = None            # of a type 2 routing header
    checksum_good: bool = False
    status: int = None
    seq: int = None
    lifetime_s: int = None
    flags: int = 0
    error_home: str = None      # of a binding error
    options: dict = field(default_factory=dict)
    packet: bytes = b""


def parse_mobility(packet):
    """The mobility header of a packet, behind at most a routing header; None where there is none."""
    _, _, protocol, _, source_, destination_ = header(packet)
    at, home = 40, None
    if protocol == ROUTING and len(packet) >= 64 and packet[41:44] == b"\x02\x02\x01":
        protocol, home, at = packet[40], b2a(packet[48:64]), 64
    mh = packet[at:]
    if protocol != MH or len(mh) < 8:
        return None
    mh = mh[:(mh[1] + 1) * 8]
    message = Message(mh[2], source_, destination_, home, checksum(source_, home or destination_, MH, packet[at:]) == 0,
                      packet=packet)
    options = 8
    if message.kind == BA and len(mh) >= 12:
        message.status, message.flags, message.seq, units = struct.unpack_from("!BBHH", mh, 6)
        message.lifetime_s, options = units * 4, 12
    elif message.kind == BE and len(mh) >= 24:
        message.status, message.error_home, options = mh[6], b2a(mh[8:24]), 24
    while options < len(mh):
        if mh[options] == 0:
            options += 1
            continue
        length = mh[options + 1]
        if mh[options] != 1:
            message.options[mh[options]] = mh[options + 2:options + 2 + length]
        options += 2 + length
    return message
