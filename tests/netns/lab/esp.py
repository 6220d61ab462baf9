# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
ESP (RFC 4303) for scripted peers, on python3-cryptography's primitives and nothing of ours or the kernel's: AES-GCM
(RFC 4106), AES-CBC (RFC 3602) with HMAC-SHA-256-128 (RFC 4868) or HMAC-SHA-1-96 (RFC 2404). 32-bit sequence numbers.
Suites have the daemon's names (agent/ipsec_keys.h). What opens here has a good ICV; replays open too unless `fresh` is said.
"""
import hmac
import os
import struct
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from . import wire

ESP = 50
HEADER = 8          # SPI, sequence number
GCM_SALT, GCM_IV, GCM_ICV = 4, 8, 16
CBC_BLOCK = 16


class Refused(ValueError):
    """A packet that a receiver must drop: RFC 4303 §3.4.4."""


@dataclass(frozen=True)
class Suite:
    """Lengths in octets; `hash` is hashlib's name, None for an AEAD; `cipher` has the salt with it."""
    name: str
    cipher: int
    hash: str = None
    hash_key: int = 0
    icv: int = GCM_ICV

    @property
    def block(self):
        """To which payload, padding and the two octets behind it are filled (RFC 4303 §2.4)."""
        return CBC_BLOCK if self.hash else 4

    @property
    def iv(self):
        return CBC_BLOCK if self.hash else GCM_IV


SUITES = {suite.name: suite for suite in (
    Suite("aes128-gcm", 16 + GCM_SALT),
    Suite("aes256-gcm", 32 + GCM_SALT),
    Suite("aes128-sha256", 16, "sha256", 32, 16),
    Suite("aes256-sha256", 32, "sha256", 32, 16),
    Suite("aes128-sha1", 16, "sha1", 20, 12),
    Suite("aes256-sha1", 32, "sha1", 20, 12),
)}


@dataclass
class Sa:
    """One direction. `sent`: the last number that seal() took by itself; `seen`: all numbers that open() gave out."""
    spi: int
    suite: str
    key: bytes = field(repr=False)
    hash_key: bytes = field(default=b"", repr=False)
    sent: int = 0
    seen: set = field(default_factory=set, repr=False)

    def __post_init__(self):
        self.algorithm = SUITES[self.suite]
        lengths, wanted = (len(self.key), len(self.hash_key)), (self.algorithm.cipher, self.algorithm.hash_key)
        if lengths != wanted:
            raise ValueError(f"SPI {self.spi:#x}: keys of {lengths} octets, {self.suite} wants {wanted}")

    @classmethod
    def fresh(cls, spi, suite="aes128-sha256"):
        return cls(spi, suite, os.urandom(SUITES[suite].cipher), os.urandom(SUITES[suite].hash_key))

    def with_wrong_key(self):
        """The same but for one bit of what authenticates."""
        flip = lambda key: key[:1] + bytes([key[1] ^ 1]) + key[2:]
        gcm = not self.algorithm.hash
        return Sa(self.spi, self.suite, flip(self.key) if gcm else self.key, self.hash_key if gcm else flip(self.hash_key))

    # ---- out ----

    def seal(self, payload, next_header, seq=None, iv=None):
        """The ESP packet from its SPI on; with `seq` (a replay, a gap) the counter stays as it is."""
        if seq is None:
            self.sent = seq = self.sent + 1
        head = struct.pack("!II", self.spi, seq)
        # GCM must never see one IV twice under a key, not even where a scenario repeats a number
        iv = os.urandom(self.algorithm.iv) if iv is None else iv
        padding = bytes(range(1, 1 + -(len(payload) + 2) % self.algorithm.block))
        plain = payload + padding + bytes([len(padding), next_header])
        if self.algorithm.hash:
            body = head + iv + self._cbc(iv).encryptor().update(plain)
            return body + self._icv(body)
        return head + iv + AESGCM(self.key[:-GCM_SALT]).encrypt(self.key[-GCM_SALT:] + iv, plain, head)

    # ---- in ----

    def open(self, esp, fresh=False):
        """(payload, next header, sequence number), or Refused; with `fresh` a number that was seen is refused too."""
        if len(esp) < HEADER + self.algorithm.iv + self.algorithm.block + self.algorithm.icv:
            raise Refused(f"{len(esp)} octets are no ESP of {self.suite}")
        spi, seq = struct.unpack_from("!II", esp)
        if spi != self.spi:
            raise Refused(f"SPI {spi:#x}, not {self.spi:#x}")
        plain = self._open_cbc(esp) if self.algorithm.hash else self._open_gcm(esp)
        count, next_header = plain[-2:]
        if count > len(plain) - 2 or plain[len(plain) - 2 - count:-2] != bytes(range(1, count + 1)):
            raise Refused(f"SPI {spi:#x}: padding is not 1, 2, 3...")
        if fresh and seq in self.seen:
            raise Refused(f"SPI {spi:#x}: number {seq} again")
        self.seen.add(seq)
        return plain[:len(plain) - 2 - count], next_header, seq

    def _open_gcm(self, esp):
        head, iv, sealed = esp[:HEADER], esp[HEADER:HEADER + GCM_IV], esp[HEADER + GCM_IV:]
        try:
            return AESGCM(self.key[:-GCM_SALT]).decrypt(self.key[-GCM_SALT:] + iv, sealed, head)
        except InvalidTag:
            raise Refused(f"SPI {self.spi:#x}: wrong ICV") from None

    def _open_cbc(self, esp):
        body, icv = esp[:-self.algorithm.icv], esp[-self.algorithm.icv:]
        if not hmac.compare_digest(icv, self._icv(body)):
            raise Refused(f"SPI {self.spi:#x}: wrong ICV")
        iv, sealed = body[HEADER:HEADER + CBC_BLOCK], body[HEADER + CBC_BLOCK:]
        if len(sealed) % CBC_BLOCK:
            raise Refused(f"SPI {self.spi:#x}: {len(sealed)} octets are not whole blocks")
        return self._cbc(iv).decryptor().update(sealed)

    def _cbc(self, iv):
        return Cipher(algorithms.AES(self.key), modes.CBC(iv))

    def _icv(self, body):
        return hmac.new(self.hash_key, body, self.algorithm.hash).digest()[:self.algorithm.icv]

    # ---- whole packets ----

    def transport(self, source, destination, payload, next_header, **kwargs):
        """An IPv6 packet with nothing between its header and ESP; kwargs: seq, and what wire.ipv6 takes."""
        return wire.ipv6(source, destination, ESP, self.seal(payload, next_header, kwargs.pop("seq", None)), **kwargs)

    def tunnel(self, source, destination, inner, **kwargs):
        """An IPv6 packet whose ESP holds another."""
        return self.transport(source, destination, inner, wire.IPV6, **kwargs)

    # ---- for the kernel ----

    def ip_words(self):
        """Algorithms as `ip xfrm state add` wants them."""
        if not self.algorithm.hash:
            return f"aead 'rfc4106(gcm(aes))' 0x{self.key.hex()} {8 * GCM_ICV}"
        return (f"auth-trunc 'hmac({self.algorithm.hash})' 0x{self.hash_key.hex()} {8 * self.algorithm.icv} "
                f"enc 'cbc(aes)' 0x{self.key.hex()}")


def split(packet):
    """(kinds of the extension headers, ESP's octets or None) of an IPv6 packet: HAO and routing headers may precede ESP."""
    kind, at, before = packet[6], 40, []
    while kind in (wire.HOPOPTS, wire.DSTOPTS, wire.ROUTING) and at + 8 <= len(packet):
        before.append(kind)
        kind, at = packet[at], at + 8 * (packet[at + 1] + 1)
    return before, packet[at:] if kind == ESP else None


def spi_of(packet):
    """Of the packet's ESP; None where there is none."""
    esp = split(packet)[1]
    return struct.unpack_from("!I", esp)[0] if esp and len(esp) >= HEADER else None
