# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The MN-HA authentication option against Python's hmac, in messages that scapy builds.

RFC 4285 §5.1, §6, RFC 4283 §3. usage: /usr/bin/python3 -m pytest tests/crosscheck/test_auth_option.py
"""
import errno
import hashlib
import hmac
import os
import pathlib
import subprocess

import hypothesis
import pytest
from hypothesis import strategies as st
from scapy.layers import inet6 as s6

ROOT = pathlib.Path(__file__).resolve().parents[2]
SPI, WINDOW = 0x1001, 7 << 32
NTP = 1 << 64
ACCEPTED, REFUSED, NO_OPTION, NO_KEY = range(4)  # enum auth_outcome
ID_MISMATCH, ID_REQUIRED, AUTH_FAILED = 144, 145, 146
NAI = b"node@example.com"


class Tool:
    """auth_tool: one process, a line in, a line out."""

    def __init__(self, folder):
        tool = pathlib.Path(folder) / "auth_tool"
        sources = [ROOT / "tests/crosscheck/auth_tool.c",
                   *(ROOT / f"agent/{name}.c" for name in ("auth_option", "auth_keys", "key_file", "rr", "mh", "packet", "log"))]
        flags = ["-std=gnu11", "-D_GNU_SOURCE", "-g", "-O1", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter",
                 "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
        command = [os.environ.get("CC", "gcc"), *flags, "-o", tool, *sources, "-lsystemd", "-lcrypto"]
        subprocess.run(command, check=True)
        self.process = subprocess.Popen([tool], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def __call__(self, action, key, care_of, home, message, number=0):
        args = [key, care_of, home, message, number.to_bytes(8, "big")]
        line = " ".join([action, *(octets.hex() for octets in args)])
        self.process.stdin.write(line + "\n")
        reply = self.process.stdout.readline().strip()
        assert reply and not reply.startswith("error"), f"auth_tool on {line}: {reply or 'died'}"
        return bytes.fromhex(reply)

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(10) == 0


@pytest.fixture(scope="session")
def ours(tmp_path_factory):
    tool = Tool(tmp_path_factory.mktemp("auth"))
    yield tool
    tool.close()


# ---- the option, written from the RFC ----

def authentication_data(key, care_of, home, message):
    """RFC 4285 §5.1. `message` ends behind the mobility SPI of its option."""
    mobility_data = care_of + home + message[:4] + bytes(2) + message[6:]
    return hmac.new(key, mobility_data, hashlib.sha1).digest()[:12]


def signed(key, care_of, home, message):
    """`message` with a right checksum or not, its MN-HA option's 12 octets of As replaced by what they should be."""
    at = message.index(b"A" * 12)
    return message[:at] + authentication_data(key, care_of, home, message[:at]) + message[at + 12:]


def message_of(header, options):
    """As scapy builds it, alignment and padding too."""
    packet = s6.IPv6(src="2001:db8:1::100", dst="2001:db8:1::1") / header
    packet.options = options + [s6.MIP6OptMsgAuth(subtype=1, mspi=SPI, authdata=b"A" * 12)]
    return bytes(packet)[40:]


def update_of(sequence, nai, timestamp):
    options = [s6.MIP6OptMNID(id=nai)] if nai else []
    if timestamp is not None:
        options.append(s6.MIP6OptReplayProtection(timestamp=timestamp))
    return message_of(s6.MIP6MH_BU(seq=sequence, flags="AH", mhtime=100), options)


def answer_of(status, sequence, timestamp):
    options = [] if timestamp is None else [s6.MIP6OptReplayProtection(timestamp=timestamp)]
    return message_of(s6.MIP6MH_BA(status=status, seq=sequence, mhtime=100), options)


def verdict_of(octets):
    """(outcome, status, timestamp of the answer or None)"""
    return octets[0], octets[1], int.from_bytes(octets[3:], "big") if octets[2] else None


def whole_seconds_of(now, timestamp):
    """What an answer of 144 carries, RFC 4285 §6: our upper half, their lower one."""
    return now >> 32 << 32 | timestamp & 0xFFFFFFFF


def octets(length):
    return st.binary(min_size=length, max_size=length)


many = hypothesis.settings(max_examples=200, deadline=None,
                           suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture])
KEYS, ADDRESSES, SEQUENCES, TIMES = octets(16), octets(16), st.integers(0, 65535), st.integers(0, NTP - 1)


@many
@hypothesis.given(KEYS, ADDRESSES, ADDRESSES, st.binary(min_size=6, max_size=2048))
def test_authentication_data(ours, key, care_of, home, message):
    assert ours("data", key, care_of, home, message) == authentication_data(key, care_of, home, message)


@many
@hypothesis.given(KEYS, ADDRESSES, ADDRESSES, SEQUENCES, st.sampled_from([None, NAI]), TIMES,
                  st.integers(-WINDOW, WINDOW))
def test_an_update_that_scapy_built_is_accepted(ours, key, care_of, home, sequence, nai, now, apart):
    timestamp = (now + apart) % NTP
    update = signed(key, care_of, home, update_of(sequence, nai, timestamp))
    assert verdict_of(ours("update", key, care_of, home, update, now)) == (ACCEPTED, 0, timestamp)


@many
@hypothesis.given(KEYS, ADDRESSES, ADDRESSES, TIMES, st.integers(WINDOW + 1, NTP - WINDOW - 1))
def test_a_timestamp_beyond_the_window_is_told_our_seconds(ours, key, care_of, home, now, apart):
    timestamp = (now + apart) % NTP
    update = signed(key, care_of, home, update_of(7, NAI, timestamp))
    assert verdict_of(ours("update", key, care_of, home, update, now)) == \
        (REFUSED, ID_MISMATCH, whole_seconds_of(now, timestamp))


@many
@hypothesis.given(KEYS, ADDRESSES, ADDRESSES, TIMES)
def test_a_timestamp_that_is_missing_is_required(ours, key, care_of, home, now):
    update = signed(key, care_of, home, update_of(7, NAI, None))
    assert verdict_of(ours("update", key, care_of, home, update, now)) == (REFUSED, ID_REQUIRED, None)


@many
@hypothesis.given(KEYS, ADDRESSES, ADDRESSES, TIMES, st.data())
def test_any_bit_changed_is_found(ours, key, care_of, home, now, data):
    right = signed(key, care_of, home, update_of(7, NAI, now))
    flags_and_data = [*range(6, 12), *range(len(right) - 12, len(right))]  # what changes no option's shape
    assert right[-12:] == authentication_data(key, care_of, home, right[:-12])
    changed = bytearray(right)
    changed[data.draw(st.sampled_from(flags_and_data))] ^= 1 << data.draw(st.integers(0, 7))
    assert verdict_of(ours("update", key, care_of, home, bytes(changed), now)) == (REFUSED, AUTH_FAILED, now)
    other = bytes([care_of[0] ^ 1]) + care_of[1:]
    assert verdict_of(ours("update", key, other, home, right, now)) == (REFUSED, AUTH_FAILED, now)


def test_another_association_has_no_key_and_no_option_no_answer(ours):
    key, care_of, home = bytes(range(16)), b"c" * 16, b"h" * 16
    update = bytearray(signed(key, care_of, home, update_of(7, None, None)))
    at = update.index(SPI.to_bytes(4, "big"))
    update[at + 3] ^= 1
    assert verdict_of(ours("update", key, care_of, home, bytes(update)))[0] == NO_KEY
    bare = bytes(s6.IPv6() / s6.MIP6MH_BU(seq=7, flags="AH", mhtime=100))[40:]
    assert verdict_of(ours("update", key, care_of, home, bare))[0] == NO_OPTION


@many
@hypothesis.given(KEYS, ADDRESSES, ADDRESSES, st.sampled_from([0, 128, 135, AUTH_FAILED, ID_REQUIRED]), TIMES)
def test_an_answer_that_scapy_built_is_taken_with_our_timestamp_only(ours, key, care_of, home, status, sent):
    def result(timestamp):
        return ours("answer", key, care_of, home, signed(key, care_of, home, answer_of(status, 7, timestamp)), sent)[0]
    assert result(sent) == 0
    assert result(sent ^ 1) == result(sent ^ 1 << 32) == result(None) == errno.ESTALE
    forged = bytearray(signed(key, care_of, home, answer_of(status, 7, sent)))
    forged[-1] ^= 1
    assert ours("answer", key, care_of, home, bytes(forged), sent)[0] == errno.EBADMSG


@many
@hypothesis.given(KEYS, ADDRESSES, ADDRESSES, TIMES, TIMES)
def test_a_correction_keeps_our_fraction(ours, key, care_of, home, sent, theirs):
    def result(timestamp):
        answer = signed(key, care_of, home, answer_of(ID_MISMATCH, 7, timestamp))
        return ours("answer", key, care_of, home, answer, sent)[0]
    assert result(whole_seconds_of(theirs, sent)) == 0
    assert result(whole_seconds_of(theirs, sent) ^ 1) == result(None) == errno.ESTALE
