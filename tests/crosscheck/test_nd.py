# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Our codec of neighbour discovery against scapy's and tshark's. usage: /usr/bin/python3 -m pytest tests/crosscheck

scapy builds advertisements from random values, we read them, and what was read is compared with the values, by the
rules written again here. What we build, scapy and tshark read.
"""
import ipaddress
import itertools
import json
import os
import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers import inet6 as s6
from scapy.utils import wrpcap

from codec import ROOT, run_tshark

KEPT = 16  # ND_PREFIXES
INFINITE = 2**32 - 1
MAC = "02:00:5e:10:20:30"
LINK_LOCAL, MULTICAST = ipaddress.ip_network("fe80::/10"), ipaddress.ip_network("ff00::/8")
ROUTER_SOLICIT, ROUTER_ADVERT, NEIGHBOUR_SOLICIT, NEIGHBOUR_ADVERT = 133, 134, 135, 136
KNOWN = {1, 2, 3, 5, 7}


class Ours:
    """nd_tool, compiled from the working tree: one process, a line in, a line out."""

    def __init__(self, folder):
        sources = [ROOT / "tests/crosscheck/nd_tool.c", ROOT / "agent/nd.c", ROOT / "agent/log.c"]
        flags = ["-std=gnu11", "-D_GNU_SOURCE", "-g", "-O1", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter",
                 "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
        subprocess.run([os.environ.get("CC", "gcc"), *flags, "-o", folder / "nd_tool", *sources, "-lsystemd"],
                       check=True)
        self.process = subprocess.Popen([folder / "nd_tool"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        bufsize=1)

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        answer = self.process.stdout.readline()
        assert answer, f"nd_tool died on: {line}"
        return json.loads(answer)

    def read(self, octets):
        return self.ask(f"read {octets.hex()}")

    def build(self, kind, target="::", flags=0, mac="-"):
        return bytes.fromhex(self.ask(f"build {kind} {target} {flags} {mac.replace(':', '')}")["built"])

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(10) == 0


@pytest.fixture(scope="session")
def ours(tmp_path_factory):
    codec_under_test = Ours(tmp_path_factory.mktemp("nd"))
    yield codec_under_test
    codec_under_test.close()


# ---- what scapy builds ----

word, octet = st.integers(0, INFINITE), st.integers(0, 255)
lifetime = st.one_of(st.sampled_from([0, 1, INFINITE - 1, INFINITE]), st.integers(0, 10), word)
mac = st.binary(min_size=6, max_size=6).map(lambda octets: octets.hex(":"))
address = st.one_of(
    st.binary(min_size=16, max_size=16),
    st.sampled_from(["::", "2001:db8:1::", "2001:db8:1::1", "fe7f::", "fe80::", "febf:ffff::", "fec0::", "ff02::1"]),
).map(lambda value: str(ipaddress.IPv6Address(value)))
prefix = st.builds(s6.ICMPv6NDOptPrefixInfo, prefixlen=st.one_of(st.just(64), st.integers(0, 130), octet),
                   L=st.integers(0, 1), A=st.integers(0, 1), R=st.integers(0, 1), res1=st.integers(0, 31),
                   validlifetime=lifetime, preferredlifetime=lifetime, res2=word, prefix=address)
other = st.one_of(
    st.builds(s6.ICMPv6NDOptMTU, mtu=word, res=st.integers(0, 65535)),
    st.builds(s6.ICMPv6NDOptSrcLLAddr, lladdr=mac),
    st.builds(s6.ICMPv6NDOptDstLLAddr, lladdr=mac),
    st.builds(s6.ICMPv6NDOptAdvInterval, advint=word, res=st.integers(0, 65535)),
)


@st.composite
def unknown(draw):
    """An option that isn't ours, or one that is, of a length that isn't its own: stepped over."""
    kind, units = draw(octet), draw(st.integers(1, 5))
    if kind in KNOWN and units == (4 if kind == 3 else 1):
        units += 1
    return s6.ICMPv6NDOptUnknown(type=kind, len=units, data=draw(st.binary(min_size=8 * units - 2,
                                                                           max_size=8 * units - 2)))


options = st.lists(st.one_of(prefix, other, unknown()), max_size=24)
router = st.builds(s6.ICMPv6ND_RA, cksum=st.integers(0, 65535), chlim=octet, M=st.integers(0, 1), O=st.integers(0, 1),
                   H=st.integers(0, 1), prf=st.integers(0, 3), P=st.integers(0, 1), res=st.integers(0, 3),
                   routerlifetime=st.integers(0, 65535), reachabletime=word, retranstimer=word)
neighbour = st.builds(s6.ICMPv6ND_NA, cksum=st.integers(0, 65535), R=st.integers(0, 1), S=st.integers(0, 1),
                      O=st.integers(0, 1), res=st.integers(0, 2**29 - 1), tgt=address)
# the same examples in each run: a failure here is one of the change under test
steady = settings(max_examples=400, derandomize=True, deadline=None, database=None)


def joined(message, opts):
    return bytes(message) + b"".join(bytes(option) for option in opts)


def lies(option):
    """RFC 4862 §5.5.3, RFC 4861 §6.3.4."""
    at = ipaddress.ip_address(option.prefix)
    return option.prefixlen > 128 or option.preferredlifetime > option.validlifetime or at in LINK_LOCAL or \
        at in MULTICAST


def last(opts, kind, name, nothing):
    """Of that very class: scapy derives the target's address option from the source's."""
    return ([getattr(option, name) for option in opts if type(option) is kind] or [nothing])[-1]


def with_mac(reading, opts, kind):
    found = last(opts, kind, "lladdr", None)
    return {**reading, "mac": found.replace(":", "")} if found else reading


def meant_router(message, opts):
    prefixes = [option for option in opts if isinstance(option, s6.ICMPv6NDOptPrefixInfo)]
    true = [option for option in prefixes if not lies(option)]
    return with_mac({
        "hop_limit": message.chlim, "managed": message.M, "other": message.O, "home_agent": message.H,
        "lifetime_s": message.routerlifetime, "reachable_ms": message.reachabletime,
        "retransmit_ms": message.retranstimer, "mtu": last(opts, s6.ICMPv6NDOptMTU, "mtu", 0),
        "interval_ms": last(opts, s6.ICMPv6NDOptAdvInterval, "advint", 0),
        "prefixes": [{"prefix": str(ipaddress.ip_address(option.prefix)), "len": option.prefixlen, "on_link": option.L,
                      "autonomous": option.A, "router_address": option.R, "valid_s": option.validlifetime,
                      "preferred_s": option.preferredlifetime} for option in true[:KEPT]],
        "prefixes_left_out": len(true[KEPT:]), "prefixes_ignored": len(prefixes) - len(true),
    }, opts, s6.ICMPv6NDOptSrcLLAddr)


def same_addresses(reading):
    """Addresses as ipaddress writes them: libc writes ::1.2.3.4 where it writes ::102:304."""
    for entry in (reading, *reading.get("prefixes", [])):
        for name in ("prefix", "target"):
            if name in entry:
                entry[name] = str(ipaddress.IPv6Address(entry[name]))
    return reading


@steady
@given(message=router, opts=options)
def test_we_read_a_routers_advertisement_as_scapy_meant_it(ours, message, opts):
    assert same_addresses(ours.read(joined(message, opts))) == meant_router(message, opts)


@settings(steady, max_examples=60)
@given(message=router, opts=st.lists(prefix.filter(lambda option: not lies(option)), min_size=KEPT - 1,
                                     max_size=KEPT + 2))
def test_prefixes_that_have_no_room_are_counted(ours, message, opts):
    reading = same_addresses(ours.read(joined(message, opts)))
    assert reading == meant_router(message, opts)
    assert reading["prefixes_left_out"] == max(0, len(opts) - KEPT)


@steady
@given(message=neighbour, opts=options)
def test_we_read_a_neighbours_advertisement_as_scapy_meant_it(ours, message, opts):
    reading = same_addresses(ours.read(joined(message, opts)))
    target = ipaddress.ip_address(message.tgt)
    if target in MULTICAST:
        assert reading == {"invalid": True}
        return
    assert reading == with_mac({"target": str(target), "router": message.R, "solicited": message.S,
                                "override": message.O}, opts, s6.ICMPv6NDOptDstLLAddr)


@steady
@given(message=st.one_of(router, neighbour), opts=options, data=st.data())
def test_an_advertisement_cut_inside_an_option_is_invalid(ours, message, opts, data):
    whole, bounds = joined(message, opts), {len(bytes(message))}
    for option in opts:
        bounds.add(max(bounds) + len(bytes(option)))
    cut = data.draw(st.integers(0, len(whole)))
    invalid = cut not in bounds or ipaddress.ip_address(getattr(message, "tgt", "::")) in MULTICAST
    assert (ours.read(whole[:cut]) == {"invalid": True}) == invalid


@steady
@given(octets=st.binary(max_size=200), kind=st.sampled_from([ROUTER_ADVERT, NEIGHBOUR_ADVERT]))
def test_no_octets_bring_the_parser_down(ours, octets, kind):
    assert ours.read(bytes([kind, 0]) + octets)


# ---- what we build ----

TARGETS = ["2001:db8:1::100", "fe80::1", "::"]
SENT = [(kind, target, flags, with_address)
        for kind, flags in [(ROUTER_SOLICIT, 0), (NEIGHBOUR_SOLICIT, 0),
                            *((NEIGHBOUR_ADVERT, bits) for bits in range(0, 256, 32))]
        for target, with_address in itertools.product(TARGETS, (MAC, "-"))]
CLASSES = {ROUTER_SOLICIT: s6.ICMPv6ND_RS, NEIGHBOUR_SOLICIT: s6.ICMPv6ND_NS, NEIGHBOUR_ADVERT: s6.ICMPv6ND_NA}


def theirs(kind, target, flags, link):
    """The same message of scapy's, checksum zero as in ours."""
    members = {ROUTER_SOLICIT: {}, NEIGHBOUR_SOLICIT: {"tgt": target},
               NEIGHBOUR_ADVERT: {"tgt": target, "R": flags >> 7, "S": flags >> 6 & 1, "O": flags >> 5 & 1}}[kind]
    option = s6.ICMPv6NDOptDstLLAddr if kind == NEIGHBOUR_ADVERT else s6.ICMPv6NDOptSrcLLAddr
    message = CLASSES[kind](cksum=0, **members)
    return message if link == "-" else message / option(lladdr=link)


@pytest.mark.parametrize("sent", SENT, ids=lambda sent: "-".join(str(part) for part in sent))
def test_scapy_builds_the_same_octets_and_reads_ours(ours, sent):
    built = ours.build(*sent)
    assert built == bytes(theirs(*sent))
    read = CLASSES[sent[0]](built)
    assert bytes(read) == built and not read.haslayer("Raw")


@pytest.mark.skipif(not shutil.which("tshark"), reason="needs tshark")
def test_tshark_reads_what_we_build_as_it_was_meant(ours, tmp_path):
    packets = [s6.IPv6(src="fe80::2", dst="ff02::1", hlim=255, nh=58) / s6.Raw(ours.build(*sent)) for sent in SENT]
    wrpcap(str(tmp_path / "ours.pcap"), packets)
    fields = ["icmpv6.type", "icmpv6.code", "icmpv6.nd.ns.target_address", "icmpv6.nd.na.target_address",
              "icmpv6.nd.na.flag", "icmpv6.opt.src_linkaddr", "icmpv6.opt.target_linkaddr", "_ws.malformed"]
    output = run_tshark("-r", str(tmp_path / "ours.pcap"), "-T", "fields",
                        *(word for field in fields for word in ("-e", field)))
    rows = [dict(zip(fields, line.split("\t"))) for line in output.split("\n")[:-1]]
    assert len(rows) == len(SENT)
    for (kind, target, flags, link), row in zip(SENT, rows):
        advert, link = kind == NEIGHBOUR_ADVERT, "" if link == "-" else link
        assert (row["icmpv6.type"], row["icmpv6.code"], row["_ws.malformed"]) == (str(kind), "0", ""), row
        assert row["icmpv6.nd.ns.target_address"] == (target if kind == NEIGHBOUR_SOLICIT else ""), row
        assert row["icmpv6.nd.na.target_address"] == (target if advert else ""), row
        assert not advert or int(row["icmpv6.nd.na.flag"], 0) == flags << 24, row
        assert row["icmpv6.opt.target_linkaddr"] == (link if advert else ""), row
        assert row["icmpv6.opt.src_linkaddr"] == ("" if advert else link), row
