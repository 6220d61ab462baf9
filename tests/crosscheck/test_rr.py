# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Return routability against hashlib and hmac, and against what two UMIP nodes said to each other (tests/captures).

RFC 6275 §5.2.5, §6.2.7, RFC 2104. usage: /usr/bin/python3 -m pytest tests/crosscheck/test_rr.py
"""
import hashlib
import hmac
import ipaddress
import os
import pathlib
import struct
import subprocess
from typing import NamedTuple

import hypothesis
import pytest
from hypothesis import strategies as st
from scapy.layers import inet6 as s6
from scapy.utils import PcapReader

ROOT = pathlib.Path(__file__).resolve().parents[2]
CAPTURE = ROOT / "tests/captures/umip-return-routability-mn.pcap"
CORRESPONDENT, HOME = (ipaddress.IPv6Address(text).packed for text in ("2001:db8:c::2", "2001:db8:1::100"))
HOT, COT, BU, BA = 3, 4, 5, 6
NONCE_INDICES, AUTHENTICATOR = 4, 5
BLOCK = 64  # of SHA-1


class Tool:
    """rr_tool: one process, a line in, a line out."""

    def __init__(self, folder):
        tool = pathlib.Path(folder) / "rr_tool"
        sources = [ROOT / "tests/crosscheck/rr_tool.c",
                   *(ROOT / f"agent/{name}.c" for name in ("rr", "mh", "packet", "log"))]
        flags = ["-std=gnu11", "-D_GNU_SOURCE", "-g", "-O1", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter",
                 "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
        command = [os.environ.get("CC", "gcc"), *flags, "-o", tool, *sources, "-lsystemd", "-lcrypto"]
        subprocess.run(command, check=True)
        self.process = subprocess.Popen([tool], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def __call__(self, formula, *args):
        line = " ".join([formula, *(octets.hex() or "-" for octets in args)])
        self.process.stdin.write(line + "\n")
        answer = self.process.stdout.readline().strip()
        assert answer and not answer.startswith("error"), f"rr_tool on {line}: {answer or 'died'}"
        return bytes.fromhex(answer)

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(10) == 0


@pytest.fixture(scope="session")
def ours(tmp_path_factory):
    tool = Tool(tmp_path_factory.mktemp("rr"))
    yield tool
    tool.close()


# ---- the formulas, written from the RFC ----

def hmac_sha1(key, data):
    return hmac.new(key, data, hashlib.sha1).digest()


def token(kcn, nonce, address, kind):
    return hmac_sha1(kcn, address + nonce + bytes([kind]))[:8]


def management_key(home_token, care_of_token=b""):
    return hashlib.sha1(home_token + care_of_token).digest()


def authenticator(kbm, care_of, correspondent, message):
    """`message` ends where its authenticator begins."""
    return hmac_sha1(kbm, care_of + correspondent + message[:4] + bytes(2) + message[6:])[:12]


def rotate(word, bits):
    return (word << bits | word >> 32 - bits) & 0xFFFFFFFF


def compress(block):
    """SHA-1's state after its first block, FIPS 180-4 §6.1.2: hashlib shows none before the padding."""
    state = [0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0]
    words = list(struct.unpack(">16I", block))
    for t in range(16, 80):
        words.append(rotate(words[t - 3] ^ words[t - 8] ^ words[t - 14] ^ words[t - 16], 1))
    a, b, c, d, e = state
    for t, word in enumerate(words):
        chosen, constant = [(b & c | ~b & d, 0x5A827999), (b ^ c ^ d, 0x6ED9EBA1), (b & c | b & d | c & d, 0x8F1BBCDC),
                            (b ^ c ^ d, 0xCA62C1D6)][t // 20]
        a, b, c, d, e = (rotate(a, 5) + chosen + e + constant + word) & 0xFFFFFFFF, a, rotate(b, 30), c, d
    return struct.pack(">5I", *((old + new) & 0xFFFFFFFF for old, new in zip(state, (a, b, c, d, e))))


def octets(low, high=None):
    return st.binary(min_size=low, max_size=low if high is None else high)


many = hypothesis.settings(max_examples=300, deadline=None,
                           suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture])
KEYS, TOKENS, ADDRESSES = octets(20), octets(8), octets(16)


@many
@hypothesis.given(KEYS, octets(8), ADDRESSES)
def test_tokens(ours, kcn, nonce, address):
    assert ours("home", kcn, nonce, address) == token(kcn, nonce, address, 0)
    assert ours("care-of", kcn, nonce, address) == token(kcn, nonce, address, 1)


@many
@hypothesis.given(TOKENS, TOKENS)
def test_binding_management_keys(ours, home_token, care_of_token):
    assert ours("kbm", home_token, care_of_token) == management_key(home_token, care_of_token)
    assert ours("kbm", home_token, b"") == management_key(home_token)


@many
@hypothesis.given(KEYS, ADDRESSES, ADDRESSES, octets(6, 2048))
def test_authenticators(ours, kbm, care_of, correspondent, message):
    assert ours("authenticator", kbm, care_of, correspondent, message) == \
        authenticator(kbm, care_of, correspondent, message)


@many
@hypothesis.given(KEYS)
def test_midstates(ours, kcn):
    padded = kcn + bytes(BLOCK - len(kcn))
    inner, outer = (compress(bytes(octet ^ pad for octet in padded)) for pad in (0x36, 0x5C))
    assert ours("midstates", kcn) == inner + outer


# ---- a real peer ----

class Message(NamedTuple):
    """A mobility header of the capture between mobile node and correspondent."""
    number: int
    source: bytes
    destination: bytes
    octets: bytes


def captured():
    with PcapReader(str(CAPTURE)) as packets:
        for number, frame in enumerate(packets):
            ip = frame[s6.IPv6]
            while isinstance(ip.payload, s6.IPv6):  # HoTI and HoT go by the home agent's tunnel
                ip = ip.payload
            proto, data = ip.nh, bytes(ip.payload)
            while proto in (43, 60):
                proto, data = data[0], data[8 * (data[1] + 1):]
            source, destination = (ipaddress.IPv6Address(text).packed for text in (ip.src, ip.dst))
            if proto == 135 and CORRESPONDENT in (source, destination):
                yield Message(number, source, destination, data[:8 * (data[1] + 1)])


def options(message):
    """{type: (offset of the data, data)} of a BU or BA."""
    found, at = {}, 12
    while at < len(message):
        if message[at] == 0:
            at += 1
            continue
        found[message[at]] = (at + 2, message[at + 2:at + 2 + message[at + 1]])
        at += 2 + message[at + 1]
    return found


class Signed(NamedTuple):
    """A BU or BA with the tokens that its key is made of; no care-of token where the binding is deleted."""
    message: Message
    home_token: bytes
    care_of_token: bytes
    care_of: bytes


def signed_messages():
    home_tokens, care_of_tokens, keys = {}, {}, {}
    for message in captured():
        kind, data = message.octets[2], message.octets
        index = int.from_bytes(data[6:8], "big")
        if kind == HOT:
            home_tokens[index] = data[16:24]
        elif kind == COT:
            care_of_tokens[index, message.destination] = data[16:24]
        elif kind == BU:
            home, care_of = struct.unpack(">HH", options(data)[NONCE_INDICES][1])
            deletion = message.source == HOME
            sequence = data[6:8]
            keys[sequence] = (home_tokens[home],
                              b"" if deletion else care_of_tokens[care_of, message.source], message.source)
            yield Signed(message, *keys[sequence])
        elif kind == BA:
            yield Signed(message, *keys[data[8:10]])


SIGNED = list(signed_messages())


def test_the_capture_holds_updates_acknowledgements_and_a_deletion():
    kinds = [entry.message.octets[2] for entry in SIGNED]
    assert kinds.count(BU) == kinds.count(BA) >= 8
    assert [bool(entry.care_of_token) for entry in SIGNED].count(False) == 2
    assert len({entry.care_of for entry in SIGNED}) == 3  # two foreign links, and home
    assert len({entry.home_token for entry in SIGNED}) >= 2


@pytest.mark.parametrize("entry", SIGNED, ids=lambda entry: f"frame-{entry.message.number}")
def test_the_authenticator_of_a_real_peer(ours, entry):
    message = entry.message.octets
    at, sent = options(message)[AUTHENTICATOR]
    assert at + 12 == len(message)  # it is the last option, and nothing pads it
    kbm = management_key(entry.home_token, entry.care_of_token)
    assert ours("kbm", entry.home_token, entry.care_of_token) == kbm
    assert authenticator(kbm, entry.care_of, CORRESPONDENT, message[:at]) == sent
    assert ours("authenticator", kbm, entry.care_of, CORRESPONDENT, message[:at]) == sent
    assert ours("verify", kbm, entry.care_of, CORRESPONDENT, message) == b"\1"
    assert ours("verify", kbm, entry.care_of, HOME, message) == b"\0"


def test_a_changed_message_of_a_real_peer_has_another_authenticator(ours):
    entry = SIGNED[0]
    at, sent = options(entry.message.octets)[AUTHENTICATOR]
    kbm = ours("kbm", entry.home_token, entry.care_of_token)
    for position in range(at):
        changed = bytearray(entry.message.octets[:at])
        changed[position] ^= 1
        ours_now = ours("authenticator", kbm, entry.care_of, CORRESPONDENT, bytes(changed))
        assert (ours_now == sent) == (position in (4, 5)), position  # the checksum counts as zero
