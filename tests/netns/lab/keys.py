# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
Keys of a mobile node and its home agent as scenarios share them: the daemon's file of static keys (agent/ipsec_keys.h),
tshark's view of a capture with them, and what of a home address passed without ESP.
"""
import os
import re
import struct
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field

from . import wire
from .capture import ipv6_of
from .esp import ESP, SUITES, Sa

SIGNALLING, HOME_TEST, PAYLOAD = CHILDREN = ("signalling", "home-test", "payload")
AGENT = "2001:db8:1::1"


@dataclass
class NodeKeys:
    """Of one home address: {child: Sa} each way."""
    home: str
    to_agent: dict = field(default_factory=dict)
    to_node: dict = field(default_factory=dict)

    @classmethod
    def fresh(cls, home, suite="aes128-sha256", children=CHILDREN, spi=0x1001):
        """Random keys; SPIs count on from `spi`, to the agent odd, to the node even, if it is odd."""
        keys = cls(home)
        for number, child in enumerate(children):
            keys.to_agent[child] = Sa.fresh(spi + 2 * number, suite)
            keys.to_node[child] = Sa.fresh(spi + 2 * number + 1, suite)
        return keys

    def sas(self):
        return [*self.to_agent.values(), *self.to_node.values()]

    def lines(self):
        for child in CHILDREN:
            if child in self.to_agent:
                for way, sa in (("to-agent", self.to_agent[child]), ("to-node", self.to_node[child])):
                    fields = [self.home, child, way, f"{sa.spi:#x}", sa.suite, sa.key.hex()]
                    yield " ".join([*fields, sa.hash_key.hex()] if sa.hash_key else fields)


def write(path, nodes, mode=0o600):
    """The daemon's file with these NodeKeys; its path."""
    with open(path, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write("\n".join(line for node in nodes for line in node.lines()) + "\n")
    os.chmod(path, mode)
    return path


# ---- what tshark sees with the keys ----

# By the suite's hash. Without "16 octet ICV" tshark takes the ICV for payload.
TSHARK_CIPHER = {None: "AES-GCM with 16 octet ICV [RFC4106]", "sha256": "AES-CBC [RFC3602]", "sha1": "AES-CBC [RFC3602]"}
TSHARK_HASH = {None: "NULL", "sha256": "HMAC-SHA-256-128 [RFC4868]", "sha1": "HMAC-SHA-1-96 [RFC2404]"}

# Names of our own for tshark's fields. What occurs more than once (both headers of a tunnel) becomes a list.
FIELDS = {
    "number": "frame.number", "protocols": "frame.protocols", "source": "ipv6.src", "destination": "ipv6.dst",
    "home_option": "ipv6.opt.mipv6.home_address", "home_routed": "ipv6.routing.mipv6.home_address",
    "spi": "esp.spi", "seq": "esp.sequence", "icv_good": "esp.icv_good", "mh_type": "mip6.mhtype",
    "mh_seq": "mip6.bu.seqnr", "status": "mip6.ba.status", "icmp_type": "icmpv6.type",
    "complaint": "_ws.expert.message",
}
LISTS = ("source", "destination", "complaint")


def tshark_options(sas):
    """Of tshark 4.0: decrypt, and check ICVs."""
    options = ["-o", "esp.enable_encryption_decode:TRUE", "-o", "esp.enable_authentication_check:TRUE"]
    for sa in sas:
        hash_, hash_key = SUITES[sa.suite].hash, f"0x{sa.hash_key.hex()}" if sa.hash_key else ""
        row = ("IPv6", "*", "*", f"0x{sa.spi:08x}", TSHARK_CIPHER[hash_], f"0x{sa.key.hex()}", TSHARK_HASH[hash_], hash_key)
        options += ["-o", "uat:esp_sa:" + ",".join(f'"{cell}"' for cell in row)]
    return options


def decrypted(pcap, sas, only=None):
    """
    A dict by FIELDS of every frame of a pcap's path (or of a capture()), read with the keys; None for what a frame lacks.
    `layers` is the protocols in order, ["ipv6", "ipv6.dstopts", "esp", "mipv6"]; only: a display filter.
    """
    command = ["tshark", "-n", *tshark_options(sas), "-T", "fields", "-E", "separator=/t", "-E", "aggregator=;",
               *(word for name in FIELDS.values() for word in ("-e", name)), *(("-Y", only) if only else ())]
    with _file(pcap) as path:
        done = subprocess.run([*command, "-r", path], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return [_frame(line.split("\t")) for line in done.stdout.splitlines()]


def _frame(cells):
    frame = {}
    for name, cell in zip(FIELDS, cells):
        values = [_number(value) for value in cell.split(";") if value]
        frame[name] = values if name in LISTS else values[0] if values else None
    frame["layers"] = [layer for layer in frame.pop("protocols").split(":") if layer not in ("eth", "ethertype")]
    return frame


def _number(text):
    return int(text, 0) if re.fullmatch(r"\d+|0x[0-9a-f]+", text) else text


@contextmanager
def _file(pcap):
    if not hasattr(pcap, "pcap"):
        yield str(pcap)
        return
    with tempfile.NamedTemporaryFile(suffix=".pcap") as file:
        yield pcap.pcap(file.name)


# ---- what nobody protected ----

@dataclass
class Clear:
    """child: whose it was to be; "optimised" for what goes straight to or from a correspondent, which has no ESP."""
    number: int
    child: str
    packet: bytes = field(repr=False)


def clear(pcap, home, agent=AGENT):
    """The frames of a pcap's path (or of a capture()) that carry messages or data of a home address outside ESP."""
    found = []
    for number, frame in enumerate(_frames(pcap), 1):
        packet = ipv6_of(frame)
        child = packet and child_of(packet, home, agent)
        if child:
            found.append(Clear(number, child, packet))
    return found


def clear_in_tunnel(road, home, correspondent):
    """What passed without ESP between home agent and mobile node; from and to the correspondent all is as it was sent."""
    return {c.child for c in clear(road, home)
            if correspondent not in (wire.source(c.packet), wire.destination(c.packet))}


def child_of(packet, home, agent=AGENT):
    """What a packet in clear would belong to; None where it has ESP, or nothing of this home address."""
    ends, kind, at, tunnelled, optimised = [wire.source(packet), wire.destination(packet)], packet[6], 40, False, False
    while at + 8 <= len(packet):
        if kind == wire.IPV6 and at + 40 <= len(packet):
            ends, kind, at, tunnelled = [wire.b2a(packet[at + 8:at + 24]), wire.b2a(packet[at + 24:at + 40])], \
                packet[at + 6], at + 40, True
        elif kind in (wire.HOPOPTS, wire.DSTOPTS, wire.ROUTING):
            length = 8 * (packet[at + 1] + 1)
            if wire.a2b(home) in packet[at:at + length]:
                ends, optimised = [*ends, home], True
            kind, at = packet[at], at + length
        elif kind == wire.FRAGMENT:
            kind, at = packet[at], at + 8
        else:
            break
    if home not in ends or kind == ESP:
        return None
    if not tunnelled and agent in ends and kind == wire.MH:
        return SIGNALLING
    if optimised and not tunnelled:
        return "optimised"
    return HOME_TEST if kind == wire.MH else PAYLOAD


def _frames(pcap):
    if hasattr(pcap, "frames"):
        return list(pcap.frames)
    with open(pcap, "rb") as file:
        octets = file.read()
    assert octets[:4] == b"\xd4\xc3\xb2\xa1", f"{pcap}: not a pcap as capture() writes it"
    frames, at = [], 24
    while at + 16 <= len(octets):
        size = struct.unpack_from("<I", octets, at + 8)[0]
        frames.append(octets[at + 16:at + 16 + size])
        at += 16 + size
    return frames


# ---- what the kernel has ----

def xfrm(ns, what):
    """Entries of `ip xfrm policy` or state, one line each."""
    return [" ".join(entry.split()) for entry in ns.run(f"ip xfrm {what}").stdout.replace("\nsrc", "\0src").split("\0")
            if entry.strip()]


def ours(ns, what):
    """Those of the daemon, known by their number."""
    return sorted(entry for entry in xfrm(ns, what) if "reqid 18" in entry)     # 0x6d000000 on
