# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
`authentication: auth-option`: signalling proved by a keyed hash and a timestamp, without IPsec. RFC 4285, RFC 4283. The
scripted node's octets are made here, with hmac and struct.
"""
import hashlib
import hmac
import os
import struct
import time

import pytest

from lab import wire
from lab.capture import capture
from lab.roaming import LINKS, roaming_lab  # noqa: F401 (the fixture `lab`)
from lab.topology import HOME, HOME_AGENT
from lab.wait import stays, until

OTHER = "2001:db8:1::101"
NTP = 2208988800
MN_HA, NAI, AUTH, REPLAY = 1, 8, 9, 10      # subtypes and options
ID_MISMATCH, ID_REQUIRED, AUTH_FAILED = 144, 145, 146


def write_keys(path, rows):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.writelines(f"{spi:#x} {who} {key.hex()}\n" for spi, who, key in rows)
    return path


def keyed(lab, rows=None):
    """({section: ...}, key)"""
    key = os.urandom(16)
    path = write_keys(f"/tmp/{lab.prefix}-keys/both", rows or [(0x1001, HOME, key)])
    return {"keys": path}, key


def agent(lab, section, **settings):
    gateway = lab.gateway(start=False, authentication="auth-option", **settings)
    gateway.config["auth-option"] = section
    return gateway.start()


def node(lab, section, **settings):
    daemon = lab.node(start=False, authentication="auth-option", **settings)
    daemon.config["auth-option"] = section
    daemon.start()
    lab.radvd("link1", "link2")
    lab.plug("wlan0", "link1")
    return daemon


# ---- two daemons ----

def test_registration_moves_return_and_restarts(lab):
    section, _ = keyed(lab)
    gateway, daemon = agent(lab, section), node(lab, section)
    lab.radvd("home")
    daemon.wait_care_of(LINKS["link1"])
    assert lab.cn.ping(HOME) == 3
    lab.plug("wlan0", "link2")
    daemon.wait_care_of(LINKS["link2"])
    for restarted in (gateway, daemon):
        restarted.kill9()
        restarted.start()
    lab.plug("wlan0", "link1")
    daemon.wait_care_of(LINKS["link1"], timeout=10)
    assert lab.cn.ping(HOME) == 3
    lab.plug("wlan0", "home")
    daemon.wait_state("at-home")
    assert not gateway.bindings() and lab.nb.ping(HOME) == 3
    assert daemon.counters("not-protected") == 0 == gateway.counters("not-protected")
    assert daemon.bindings()[HOME]["protection"] == "auth-option"


def test_the_right_key_by_id_and_the_wrong_one(lab):
    good, bad = os.urandom(16), os.urandom(16)
    at_agent = write_keys(f"/tmp/{lab.prefix}-keys/agent", [(0x1001, "bus7@example.org", good)])
    at_node = write_keys(f"/tmp/{lab.prefix}-keys/node", [(0x1001, "bus7@example.org", bad)])
    gateway = agent(lab, {"keys": at_agent}, mobile_nodes=({"home-address": HOME, "id": "bus7@example.org"},))
    home = {"address": HOME, "home-agent": HOME_AGENT, "home-prefix": "2001:db8:1::/64", "lifetime": 600,
            "id": "bus7@example.org"}
    daemon = node(lab, {"keys": at_node}, homes=(home,))
    gateway.wait_counter("refused", 1)
    assert not gateway.bindings() and daemon.state() != "registered"
    assert daemon.counters("not-protected") >= 1, "nor does the node believe the agent"
    write_keys(at_node, [(0x1001, "bus7@example.org", good)])
    daemon.restart()
    daemon.wait_state("registered", timeout=10)


def test_keys_that_are_missing_or_open_to_others_stop_the_start(lab):
    section, _ = keyed(lab)
    gateway = lab.gateway(start=False, authentication="auth-option", mobile_nodes=(HOME, OTHER))
    gateway.config["auth-option"] = section
    code, log = gateway.refused_start()
    assert code != 0 and f"no key of {OTHER}" in log
    os.chmod(section["keys"], 0o640)
    code, log = gateway.refused_start()
    assert code != 0 and "0640" in log and "chmod 0600" in log


# ---- by hand ----

def ntp(seconds):
    return int((seconds + NTP) * 2 ** 32) & (2 ** 64 - 1)


class Signer:
    def __init__(self, key, home=HOME, spi=0x1001):
        self.key, self.home, self.spi, self.seq = key, home, spi, 1

    def update(self, care_of, stamp=None, key=None, spi=None, home=None, lifetime=100, signed=True, nai=None, cut=12,
               timestamp=True):
        """A binding update in its packet, signed last; the care-of address in the alternate option."""
        self.seq += 1
        home = home or self.home
        options = wire.alternate_care_of(care_of)
        if nai:
            options += bytes([NAI, 1 + len(nai), 1]) + nai.encode()
        if timestamp:
            options += bytes([REPLAY, 8]) + struct.pack("!Q", ntp(time.time()) if stamp is None else stamp)
        fixed = struct.pack("!HHH", self.seq, wire.A | wire.H, lifetime // 4)
        if not signed:
            return wire.signalled(care_of, HOME_AGENT, home, wire.mobility_header(wire.BU, fixed, options))
        # the option ends the message and starts at 4n+1
        before = 12 + len(options)
        gap = (1 - before) % 4
        length = before + gap + 2 + 5 + 12
        while length % 8:
            gap += 4
            length += 4
        options += b"\0" * gap if gap < 2 else bytes([1, gap - 2]) + bytes(gap - 2)
        options += struct.pack("!BBBI", AUTH, 5 + cut, MN_HA, spi or self.spi)
        head = bytes([wire.NONE, length // 8 - 1, wire.BU, 0, 0, 0])
        covered = head + fixed + options
        data = hmac.new(key or self.key, wire.a2b(care_of) + wire.a2b(home) + covered, hashlib.sha1).digest()[:cut]
        mh = covered + data + bytes(-(len(covered) + cut) % 8)
        return wire.signalled(care_of, HOME_AGENT, home, mh)


def status_of(packet):
    message = wire.parse_mobility(packet)
    return message.status if message and message.kind == wire.BA else None


@pytest.fixture
def scripted(lab):
    """(gateway, signer, ask): ask(packet) sends from link1's care-of address; the status, or None for silence."""
    section, key = keyed(lab)
    gateway = agent(lab, section, dad_transmits=0)
    care_of = "2001:db8:f1::77"
    lab.plug("wlan0", "link1")
    lab.mn.ip(f"addr add {care_of}/64 dev wlan0 nodad", "route add default via 2001:db8:f1::1 dev wlan0")

    def ask(packet, timeout=1.0):
        with capture(lab.air, "wlan0", direction="out") as seen:
            lab_send(lab, packet)
            try:
                return status_of(seen.wait(lambda p: status_of(p) is not None, timeout=timeout))
            except Exception:
                return None
    yield gateway, Signer(key), care_of, ask


def lab_send(lab, packet):
    """As mn would by its link: into the bridge, towards the router."""
    from lab.capture import packet_socket
    with packet_socket(lab.mn, "wlan0") as sock:
        sock.send(wire.ethernet(lab.ar1.mac("link1"), lab.mn.mac("wlan0"), packet))


def test_what_is_refused_and_how(lab, scripted):
    """RFC 4285 §5.1, §6, RFC 4283."""
    gateway, signer, care_of, ask = scripted
    silent = {
        "without option": signer.update(care_of, signed=False),
        "unknown SPI": signer.update(care_of, spi=0x1002),
        "home address without key": signer.update(care_of, home=OTHER),
    }
    for number, (what, packet) in enumerate(silent.items(), 1):
        assert ask(packet, timeout=0.3) is None, what
        assert gateway.counters("not-protected") == number, what
    wrong = signer.update(care_of, key=bytes(16))
    assert ask(wrong) == AUTH_FAILED
    assert ask(signer.update(care_of, timestamp=False)) == ID_REQUIRED
    assert ask(signer.update(care_of, stamp=ntp(time.time() - 100))) == ID_MISMATCH
    assert ask(signer.update(care_of, stamp=ntp(time.time() + 100))) == ID_MISMATCH
    assert not gateway.bindings()

    good = signer.update(care_of)
    assert ask(good) == 0
    assert list(gateway.bindings()) == [HOME]
    assert ask(good) == ID_MISMATCH, "replayed"
    for at in (-1, 64 + 8, 24 + 39):
        broken = bytearray(signer.update(care_of))
        broken[at] ^= 1
        status = ask(bytes(broken), timeout=0.3)
        assert status != 0, f"octet {at} changed"
    assert gateway.bindings()[HOME]["sequence"] is not None
    stays(lambda: list(gateway.bindings()) == [HOME], 0.2, "the binding")
    assert ask(signer.update(care_of)) == 0, "and a good one is taken as before"
