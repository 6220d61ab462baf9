# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
`authentication: auth-option`: signalling proved by a keyed hash and a timestamp, without IPsec. RFC 4285, RFC 4283. The
scripted node's octets are made here, with hmac and struct.
"""
import hashlib
import hmac
import os
import signal
import struct
import subprocess
import time

import pytest

from lab import wire
from lab.capture import capture, packet_socket, tshark_complaints
from lab.roaming import LINKS, roaming_lab  # noqa: F401 (the fixture `lab`)
from lab.topology import HOME, HOME_AGENT
from lab.wait import Timeout, stays, until

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


def test_keys_are_read_again_at_sighup_or_not_at_all(lab):
    section, _ = keyed(lab)
    gateway, daemon = agent(lab, section), node(lab, section)
    daemon.wait_care_of(LINKS["link1"])
    write_keys(section["keys"], [(0x1001, OTHER, os.urandom(16))])
    for refusing in (gateway, daemon):
        refusing.process.send_signal(signal.SIGHUP)
        until(lambda: "the old configuration stays in force" in refusing.log(), 3, "refused, and said")
        assert f"no key of {HOME}" in refusing.log()
    lab.plug("wlan0", "link2")
    daemon.wait_care_of(LINKS["link2"])
    write_keys(section["keys"], [(0x2002, HOME, os.urandom(16))])
    for reread in (gateway, daemon):
        reread.process.send_signal(signal.SIGHUP)
        until(lambda: "is in force" in reread.log().splitlines()[-1], 3, "taken over, and said")
    with capture(lab.air, "wlan0") as seen:
        lab.plug("wlan0", "link1")
        daemon.wait_care_of(LINKS["link1"])
    answer = seen.find(lambda p: status_of(p) == 0)
    assert wire.parse_mobility(answer).options[AUTH][1:5] == struct.pack("!I", 0x2002)


@pytest.mark.needs("tshark")
def test_every_update_and_acknowledgement_has_its_options_by_tshark(lab, tmp_path):
    section, _ = keyed(lab)
    agent(lab, section)
    with capture(lab.air, "wlan0") as seen:
        daemon = node(lab, section)
        daemon.wait_care_of(LINKS["link1"])
        lab.plug("wlan0", "link2")
        daemon.wait_care_of(LINKS["link2"])
    assert not tshark_complaints(seen)
    fields = ("mip6.mhtype", "mip6.auth.subtype", "mip6.auth.mobility_spi", "mip6.mseg_id.timestamp")
    done = subprocess.run(["tshark", "-r", seen.pcap(f"{tmp_path}/signalling.pcap"), "-Y", "mip6.mhtype in {5,6}",
                           "-T", "fields", *(part for name in fields for part in ("-e", name))],
                          capture_output=True, text=True, timeout=60)
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert {row[0] for row in rows} == {str(wire.BU), str(wire.BA)}, done.stderr
    for row in rows:
        assert int(row[1]) == MN_HA and int(row[2], 0) == 0x1001 and row[3], row


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
        return wire.signalled(care_of, HOME_AGENT, home, (covered + data).ljust(length, b"\0"))

    def genuine(self, message, care_of, key=None):
        """Whether the option of an acknowledgement is ours, and right. RFC 4285 §5.1."""
        option = message.options.get(AUTH, b"")
        if option[:5] != struct.pack("!BI", MN_HA, self.spi):
            return False
        mh = message.packet[64:]            # behind a routing header
        covered = mh[:mh.rindex(option) + 5]
        covered = covered[:4] + b"\0\0" + covered[6:]
        right = hmac.new(key or self.key, wire.a2b(care_of) + wire.a2b(self.home) + covered, hashlib.sha1).digest()
        return option[5:] == right[:12]


def status_of(packet):
    message = wire.parse_mobility(packet)
    return message.status if message and message.kind == wire.BA else None


class Stand:
    """A home agent, and somebody on link1 who sends it packets."""
    care_of = "2001:db8:f1::77"

    def __init__(self, lab, section, **settings):
        self.lab, self.gateway = lab, agent(lab, section, dad_transmits=0, **settings)
        lab.plug("wlan0", "link1")
        lab.mn.ip(f"addr add {self.care_of}/64 dev wlan0 nodad", "route add default via 2001:db8:f1::1 dev wlan0")

    def answer(self, packet, timeout=1.0):
        """The acknowledgement of what is sent by mn's link towards the router; None for silence."""
        frame = wire.ethernet(self.lab.ar1.mac("link1"), self.lab.mn.mac("wlan0"), packet)
        with capture(self.lab.air, "wlan0", direction="out") as seen, packet_socket(self.lab.mn, "wlan0") as sock:
            sock.send(frame)
            try:
                return wire.parse_mobility(seen.wait(lambda p: status_of(p) is not None, timeout=timeout))
            except Timeout:
                return None

    def ask(self, signer, packet, key=None):
        """The status, of an answer that is genuine."""
        message = self.answer(packet)
        assert message and message.checksum_good
        assert signer.genuine(message, self.care_of, key)
        return message.status

    def dropped(self, packet):
        before = self.gateway.counters("not-protected")
        assert self.answer(packet, timeout=0.3) is None
        return self.gateway.counters("not-protected") == before + 1


@pytest.fixture
def stand(lab):
    section, key = keyed(lab)
    stand = Stand(lab, section)
    stand.signer = Signer(key)
    return stand


def test_what_is_of_no_known_node_is_dropped(stand):
    """RFC 4285 §5, §5.1."""
    update = stand.signer.update
    assert stand.dropped(update(stand.care_of, signed=False)), "without option"
    assert stand.dropped(update(stand.care_of, spi=0x1002)), "unknown SPI"
    assert stand.dropped(update(stand.care_of, home=OTHER)), "home address without key"
    assert stand.dropped(update(stand.care_of, spi=0x1002, nai="bus7@example.org")), "unknown identifier"
    assert not stand.gateway.bindings() and stand.gateway.counters("refused") == 0


def test_what_is_refused_and_how(stand):
    """RFC 4285 §5.1, §6; each answer is signed."""
    care_of, signer, gateway = stand.care_of, stand.signer, stand.gateway
    cases = {
        "wrong key": ({"key": bytes(16)}, AUTH_FAILED),
        "truncated data": ({"cut": 8}, AUTH_FAILED),
        "no data": ({"cut": 0}, AUTH_FAILED),
        "without timestamp": ({"timestamp": False}, ID_REQUIRED),
        "too old": ({"stamp": ntp(time.time() - 100)}, ID_MISMATCH),
        "too new": ({"stamp": ntp(time.time() + 100)}, ID_MISMATCH),
        "nothing like a time": ({"stamp": 0}, ID_MISMATCH),
    }
    for number, (what, (change, status)) in enumerate(cases.items(), 1):
        assert stand.ask(signer, signer.update(care_of, **change)) == status, what
        assert gateway.counters("refused") == number, what
    assert not gateway.bindings()
    assert stand.ask(signer, signer.update(care_of)) == 0
    assert gateway.bindings()[HOME]["protection"] == "auth-option"


def test_every_octet_counts(stand):
    """Each one octet of the mobility header changed: never accepted."""
    care_of, signer, gateway = stand.care_of, stand.signer, stand.gateway
    assert stand.ask(signer, signer.update(care_of, lifetime=400)) == 0
    before = gateway.bindings()[HOME]
    size = len(signer.update(care_of)) - 64
    for at in range(6, size):
        mh = bytearray(signer.update(care_of, lifetime=4)[64:])
        mh[at] ^= 1
        message = stand.answer(wire.signalled(care_of, HOME_AGENT, HOME, bytes(mh)), timeout=0.05)
        assert message is None or message.status != 0, f"octet {at} changed"
    after = gateway.bindings()[HOME]
    assert (after["sequence"], after["care_of_address"]) == (before["sequence"], before["care_of_address"])
    assert stand.ask(signer, signer.update(care_of)) == 0, "and a good one is taken as before"


def test_nothing_is_taken_twice(stand):
    """Replayed, late, and the agent's own words sent back."""
    care_of, signer, gateway = stand.care_of, stand.signer, stand.gateway
    signer.seq = (wire.A | wire.H) - 9
    late, good = signer.update(care_of), signer.update(care_of)
    assert stand.ask(signer, good) == 0
    assert stand.ask(signer, good) == ID_MISMATCH, "replayed"
    assert stand.ask(signer, late) == ID_MISMATCH, "within the window, but older than what was accepted"
    gateway.restart()
    assert list(gateway.bindings()) == [HOME], "adopted"
    assert stand.ask(signer, good) == ID_MISMATCH, "replayed to one who does not remember"

    signer.seq = (wire.A | wire.H) - 1    # where an acknowledgement has its number an update has its flags
    acknowledgement = stand.answer(signer.update(care_of))
    assert acknowledgement.status == 0 and acknowledgement.seq == wire.A | wire.H
    back = bytearray(acknowledgement.packet[64:])
    back[2] = wire.BU
    assert stand.ask(signer, wire.signalled(care_of, HOME_AGENT, HOME, bytes(back))) == AUTH_FAILED, "reflected"
    stays(lambda: list(gateway.bindings()) == [HOME], 0.2, "the binding")


def test_a_clock_is_set_right_by_144(stand):
    """RFC 4285 §6: the agent's seconds, the update's fraction."""
    care_of, signer = stand.care_of, stand.signer
    sent = ntp(time.time() - 100)
    message = stand.answer(signer.update(care_of, stamp=sent))
    told, = struct.unpack("!Q", message.options[REPLAY])
    assert message.status == ID_MISMATCH and message.seq == signer.seq and signer.genuine(message, care_of)
    assert told & 0xFFFFFFFF == sent & 0xFFFFFFFF and abs((told >> 32) - (ntp(time.time()) >> 32)) <= 2
    message = stand.answer(signer.update(care_of, stamp=told + (1 << 30)))
    assert message.status == 0 and struct.unpack("!Q", message.options[REPLAY])[0] == told + (1 << 30)


def test_a_refusal_bears_the_number_of_its_update(stand):
    """RFC 6275 §9.5.4: an old number too, which alone would be refused with that of the binding."""
    care_of, signer = stand.care_of, stand.signer
    signer.seq = 1000
    assert stand.answer(signer.update(care_of)).seq == 1001
    signer.seq = 900
    for change in ({"key": bytes(16)}, {"timestamp": False}, {"stamp": 0}):
        message = stand.answer(signer.update(care_of, **change))
        assert message.status >= ID_MISMATCH and message.seq == signer.seq
    assert stand.answer(signer.update(care_of)).seq == 1001, "135 tells that of the binding"


def test_an_identifier_is_good_for_its_own_home_address_only(lab):
    """RFC 4283 names who signs; whose address that is says the configuration."""
    ours, theirs = os.urandom(16), os.urandom(16)
    section, _ = keyed(lab, [(0x1001, "bus7@example.org", ours), (0x1001, "bus8@example.org", theirs)])
    stand = Stand(lab, section, mobile_nodes=({"home-address": HOME, "id": "bus7@example.org"},
                                              {"home-address": OTHER, "id": "bus8@example.org"}))
    signer, thief = Signer(ours), Signer(theirs)
    assert stand.dropped(thief.update(stand.care_of, nai="bus8@example.org"))
    assert stand.ask(signer, thief.update(stand.care_of, nai="bus7@example.org")) == AUTH_FAILED
    assert stand.dropped(signer.update(stand.care_of, nai="bus7@example.or"))
    assert stand.dropped(signer.update(stand.care_of)), "nobody says whose key it is"
    assert stand.ask(signer, signer.update(stand.care_of, nai="bus7@example.org")) == 0
    assert list(stand.gateway.bindings()) == [HOME]
