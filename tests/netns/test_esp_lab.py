# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The ESP of scripted peers itself: against scapy's, tshark's and, where the kernel has it, the kernel's."""
import json
import os
import subprocess
from contextlib import closing

import pytest
from scapy.layers.inet6 import IPv6
from scapy.layers.ipsec import ESP as ScapyEsp
from scapy.layers.ipsec import SecurityAssociation
from scapy.packet import Raw

from lab import esp, keys, wire
from lab.capture import capture, packet_socket
from lab.esp import SUITES, Refused, Sa
from lab.gateway import MOBGW
from lab.ipsec_node import IpsecNode, open_packet, seal_transport
from lab.keys import HOME_TEST, PAYLOAD, SIGNALLING, NodeKeys
from lab.namespace import Namespace, unique_prefix, veth
from lab.optimised import HOT, HOTI, init_message
from lab.topology import CARE_OF, CORRESPONDENT, HOME, HOME_AGENT
from lab.wait import Timeout, until

LOCAL, PEER = "2001:db8:e::2", "2001:db8:e::1"                  # the kernel, the script
INNER_LOCAL, INNER_PEER = "2001:db8:ff::2", "2001:db8:ff::1"    # behind them, in tunnel mode
FAMILIES = ["aes256-gcm", "aes128-sha256"]
LENGTHS = (*range(18), 64, 1000)
CARE_OF_F1, OTHER_HOME = CARE_OF["f1"], "2001:db8:1::101"


# ---- by itself ----

@pytest.mark.parametrize("suite", SUITES)
def test_what_is_sealed_opens_and_no_octet_may_change(suite):
    sa = Sa.fresh(0x1001, suite)
    for number, length in enumerate(LENGTHS, 1):
        payload = os.urandom(length)
        assert sa.open(sa.seal(payload, wire.MH), fresh=True) == (payload, wire.MH, number)
    sealed = sa.seal(b"seventeen octets.", wire.MH)
    for at in range(len(sealed)):
        with pytest.raises(Refused):
            sa.open(sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1:])
        with pytest.raises(Refused):
            sa.open(sealed[:at])
    with pytest.raises(Refused):
        sa.with_wrong_key().open(sealed)
    assert sa.open(sealed) and sa.open(sealed), "a replay opens where nobody asks for fresh ones"
    with pytest.raises(Refused):
        sa.open(sealed, fresh=True)


def test_a_number_by_hand_leaves_the_counter_alone():
    sa = Sa.fresh(0x1001)
    assert [sa.open(sa.seal(b"", wire.NONE, seq))[2] for seq in (None, 7, None, 0xFFFFFFFF, None)] == \
        [1, 7, 2, 0xFFFFFFFF, 3]


def test_keys_of_wrong_length_are_an_error():
    with pytest.raises(ValueError, match="aes128-gcm wants"):
        Sa(0x1001, "aes128-gcm", bytes(16))


def test_keys_are_not_printed():
    sa = Sa(0x1001, "aes128-sha1", b"cipher-key-of-16", b"hash-key-of-20-bytes")
    assert "key-of" not in repr(sa) + str(NodeKeys(HOME, {SIGNALLING: sa}, {SIGNALLING: sa}))


# ---- scapy ----

def scapys(sa):
    hashes = {"sha256": "SHA2-256-128", "sha1": "HMAC-SHA1-96"}
    gcm = not SUITES[sa.suite].hash
    return SecurityAssociation(ScapyEsp, spi=sa.spi, crypt_algo="AES-GCM" if gcm else "AES-CBC", crypt_key=sa.key,
                               auth_algo=None if gcm else hashes[SUITES[sa.suite].hash], auth_key=sa.hash_key or None)


@pytest.mark.parametrize("suite", SUITES)
def test_scapy_opens_ours_and_we_open_scapys(suite):
    sa = Sa.fresh(0x1001, suite)
    for length in LENGTHS[1:]:      # scapy decrypts nothing to nothing
        payload = os.urandom(length)
        ours = IPv6(sa.transport(PEER, LOCAL, payload, wire.NONE))
        assert bytes(scapys(sa).decrypt(ours).payload) == payload
        theirs = scapys(sa).encrypt(IPv6(src=PEER, dst=LOCAL, nh=wire.NONE) / Raw(payload), seq_num=length)
        assert sa.open(bytes(theirs)[40:]) == (payload, wire.NONE, length)


# ---- tshark, and packets of the node ----

class Frames:
    """Packets as capture() would have seen them."""
    pcap = capture.pcap

    def __init__(self, *packets):
        self.frames = [wire.ethernet("02:00:00:00:00:02", "02:00:00:00:00:01", packet) for packet in packets]
        self.times = range(len(self.frames))


def update(seq=1, home=HOME):
    mh = wire.binding_update(seq, 100, options=wire.alternate_care_of(CARE_OF_F1))
    return wire.signalled(CARE_OF_F1, HOME_AGENT, home, mh)


def acknowledgement(seq=1):
    mh = wire.mobility_header(wire.BA, bytes([0, 0]) + seq.to_bytes(2, "big") + (100).to_bytes(2, "big"))
    return wire.ipv6(HOME_AGENT, CARE_OF_F1, wire.ROUTING,
                     wire.rh2(HOME, wire.MH) + wire.summed(HOME_AGENT, HOME, wire.MH, mh, 4))


def home_test(kind, source, destination):
    return wire.ipv6(source, destination, wire.MH,
                     wire.summed(source, destination, wire.MH, init_message(kind, bytes(8), bytes(8)), 4))


@pytest.mark.needs("tshark")
@pytest.mark.parametrize("suite", SUITES)
def test_tshark_decrypts_what_the_node_sends(suite):
    node = NodeKeys.fresh(HOME, suite)
    frames = Frames(
        seal_transport(update(seq=7), node.to_agent[SIGNALLING]),
        seal_transport(acknowledgement(seq=7), node.to_node[SIGNALLING]),
        node.to_agent[HOME_TEST].tunnel(CARE_OF_F1, HOME_AGENT, home_test(HOTI, HOME, CORRESPONDENT)),
        seal_transport(update(seq=8), node.to_agent[SIGNALLING].with_wrong_key(), 2))
    bu, ba, hoti, bad = keys.decrypted(frames, node.sas())
    assert bu["layers"] == ["ipv6", "ipv6.dstopts", "esp", "mipv6"] and bu["home_option"] == HOME
    assert (bu["spi"], bu["seq"], bu["mh_type"], bu["mh_seq"]) == (0x1001, 1, wire.BU, 7)
    assert ba["layers"] == ["ipv6", "ipv6.routing", "esp", "mipv6"] and ba["home_routed"] == HOME
    assert (ba["spi"], ba["mh_type"], ba["status"]) == (0x1002, wire.BA, 0)
    assert hoti["layers"] == ["ipv6", "esp", "ipv6", "mipv6"] and hoti["mh_type"] == HOTI
    assert hoti["source"] == [CARE_OF_F1, HOME] and hoti["destination"] == [HOME_AGENT, CORRESPONDENT]
    assert [frame["icv_good"] for frame in (bu, ba, hoti, bad)] == [1, 1, 1, 0]
    assert not any(frame["complaint"] for frame in (bu, ba, hoti)), (bu, ba, hoti)


def test_what_passed_in_clear_is_found(tmp_path):
    node = NodeKeys.fresh(HOME)
    echo = wire.echo(HOME, CORRESPONDENT)
    bare = [update(), acknowledgement(), wire.tunnel(CARE_OF_F1, HOME_AGENT, home_test(HOTI, HOME, CORRESPONDENT)),
            wire.tunnel(HOME_AGENT, CARE_OF_F1, wire.echo(CORRESPONDENT, HOME)), echo,
            wire.ipv6(CARE_OF_F1, CORRESPONDENT, wire.DSTOPTS, wire.hao(HOME, wire.ICMPV6) + echo[40:])]
    well = [seal_transport(update(), node.to_agent[SIGNALLING]), update(home=OTHER_HOME),
            node.to_agent[PAYLOAD].tunnel(CARE_OF_F1, HOME_AGENT, echo), wire.echo(CARE_OF_F1, HOME_AGENT)]
    pcap = Frames(*well, *bare).pcap(tmp_path / "seen.pcap")
    found = keys.clear(pcap, HOME)
    assert [(f.number, f.child) for f in found] == list(enumerate(
        [SIGNALLING, SIGNALLING, HOME_TEST, PAYLOAD, PAYLOAD, "optimised"], len(well) + 1))
    assert [f.packet for f in found] == bare


def test_sealing_is_undone_by_opening():
    sa = Sa.fresh(0x1001)
    at_home = wire.ipv6(HOME, HOME_AGENT, wire.MH, update()[64:])
    for packet in (update(), acknowledgement(), at_home):
        assert open_packet(seal_transport(packet, sa), sa) == packet


def test_the_keys_file(tmp_path):
    node = NodeKeys.fresh(HOME, "aes128-gcm", children=(SIGNALLING,))
    other = NodeKeys.fresh(OTHER_HOME, "aes256-sha1", children=(PAYLOAD,), spi=0x2001)
    path = keys.write(tmp_path / "ipsec.keys", [node, other])
    out, back = node.to_agent[SIGNALLING], node.to_node[SIGNALLING]
    others = other.to_agent[PAYLOAD], other.to_node[PAYLOAD]
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text().splitlines() == [
        f"{HOME} signalling to-agent 0x1001 aes128-gcm {out.key.hex()}",
        f"{HOME} signalling to-node 0x1002 aes128-gcm {back.key.hex()}",
        f"{OTHER_HOME} payload to-agent 0x2001 aes256-sha1 {others[0].key.hex()} {others[0].hash_key.hex()}",
        f"{OTHER_HOME} payload to-node 0x2002 aes256-sha1 {others[1].key.hex()} {others[1].hash_key.hex()}"]


def test_mobgw_takes_the_keys_file_as_it_was_meant(tmp_path):
    nodes = [NodeKeys.fresh(f"2001:db8:1::{number:x}", suite, spi=0x1001 + 16 * number)
             for number, suite in enumerate(SUITES, 0x100)]
    path = keys.write(tmp_path / "ipsec.keys", nodes)
    done = subprocess.run([MOBGW, "keys", "check", "--json", path], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["keys"] == [
        {"home_address": node.home, "child": child,
         "suite_to_agent": node.to_agent[child].suite, "suite_to_node": node.to_node[child].suite,
         "spi_to_agent": node.to_agent[child].spi, "spi_to_node": node.to_node[child].spi}
        for node in nodes for child in keys.CHILDREN]
    secrets = [key.hex() for node in nodes for sa in node.sas() for key in (sa.key, sa.hash_key) if key]
    assert not any(secret in done.stdout for secret in secrets)


# ---- the node on its link, an agent of a few lines ----

class Agent:
    """What its packet socket on the node's link sends: whatever a test wants the agent to have sent."""

    def __init__(self, lab, node):
        self.node, self.mac, self.sock = node, lab.core.mac("f1"), packet_socket(lab.core, "f1")

    def send(self, packet):
        self.sock.send(wire.ethernet(self.node.mac, self.mac, packet))


@pytest.fixture
def node(lab):
    node = IpsecNode(lab, lab.mn, HOME, keys=NodeKeys.fresh(HOME))
    lab.nodes.append(node)
    return node.attach("f1")


def test_the_node_takes_only_what_is_protected(lab, node):
    agent, sa = Agent(lab, node), node.keys.to_node[SIGNALLING]
    with capture(lab.core, "f1", direction="in") as seen:
        node.send(node.update_packet(seq=9))
        sealed = seen.wait(lambda p: p[6] == wire.DSTOPTS, what="binding update")
    assert open_packet(sealed, node.keys.to_agent[SIGNALLING]) == update(seq=9)
    agent.send(acknowledgement(seq=9))
    until(lambda: node.clear == [acknowledgement(seq=9)], 3, "the acknowledgement in clear is told")
    with pytest.raises(Timeout):
        node.wait_ack(0, HOME, timeout=0.1)

    good = seal_transport(acknowledgement(seq=9), sa)
    agent.send(good)
    ack = node.wait_ack(0, HOME)
    assert (ack.seq, ack.packet.child, ack.packet.seq, ack.packet.sealed) == (9, SIGNALLING, 1, good)
    refused = [good, seal_transport(acknowledgement(), sa.with_wrong_key(), 5),
               node.keys.to_node[HOME_TEST].tunnel(HOME_AGENT, CARE_OF_F1, wire.echo(CORRESPONDENT, HOME))]
    for packet in refused:
        agent.send(packet)
    until(lambda: [packet for packet, _ in node.refused] == refused, 3, lambda: f"three refused: {node.refused}")
    assert len(node.opened(SIGNALLING)) == 1


def test_the_node_answers_through_its_tunnels(lab, node):
    agent = Agent(lab, node)
    with capture(lab.core, "f1", direction="in") as seen:
        agent.send(node.keys.to_node[PAYLOAD].tunnel(HOME_AGENT, CARE_OF_F1, wire.echo(CORRESPONDENT, HOME)))
        reply = seen.wait(lambda p: esp.spi_of(p) == node.keys.to_agent[PAYLOAD].spi, what="echo reply in ESP")
        node.send_tunnelled(home_test(HOTI, HOME, CORRESPONDENT))
        init = seen.wait(lambda p: esp.spi_of(p) == node.keys.to_agent[HOME_TEST].spi, what="home test init in ESP")
    inner = open_packet(reply, node.keys.to_agent[PAYLOAD])[40:]
    assert inner[40] == wire.ECHO_REPLY and wire.checksum(HOME, CORRESPONDENT, wire.ICMPV6, inner[40:]) == 0
    assert open_packet(init, node.keys.to_agent[HOME_TEST])[40:] == home_test(HOTI, HOME, CORRESPONDENT)
    agent.send(node.keys.to_node[HOME_TEST].tunnel(HOME_AGENT, CARE_OF_F1, home_test(HOT, CORRESPONDENT, HOME)))
    node.wait(lambda p: p[40:] == home_test(HOT, CORRESPONDENT, HOME), what="home test")
    assert not keys.clear(seen, HOME)


# ---- the kernel's ESP ----

class Ends:
    """A kernel with states and policies at one end of a link, packets by hand at the other."""

    def __init__(self, script, kernel):
        self.script, self.kernel = script, kernel
        script.sysctl({"net/ipv6/conf/default/disable_ipv6": 1})
        veth(script, "wire", kernel, "wire")
        self.macs = kernel.mac("wire"), script.mac("wire")
        kernel.ip(f"addr add {LOCAL}/64 dev wire nodad", f"addr add {INNER_LOCAL}/128 dev lo nodad",
                  f"neigh replace {PEER} lladdr {self.macs[1]} dev wire nud permanent",
                  f"route add {INNER_PEER}/128 via {PEER}")
        self.sock, self.sequence = packet_socket(script, "wire"), 0

    def states(self, mode, to_kernel, to_script):
        """ESP demanded both ways, of the inner addresses in tunnel mode; counters and policies of before are gone."""
        ways = (("in", PEER, LOCAL, to_kernel), ("out", LOCAL, PEER, to_script))
        inner = {PEER: INNER_PEER, LOCAL: INNER_LOCAL} if mode == "tunnel" else {PEER: PEER, LOCAL: LOCAL}
        lines = ["xfrm policy flush", "xfrm state flush"]
        for way, source, destination, sa in ways:
            lines += [f"xfrm state add src {source} dst {destination} proto esp spi {sa.spi:#x} mode {mode} reqid 1 "
                      f"replay-window 32 {sa.ip_words()}",
                      f"xfrm policy add src {inner[source]} dst {inner[destination]} dir {way} "
                      f"tmpl src {source} dst {destination} proto esp mode {mode} reqid 1"]
        self.kernel.ip(*lines)
        self.mode, self.inner, self.to_kernel, self.to_script = mode, inner, to_kernel, to_script

    def request(self, data=b"mobgw"):
        self.sequence += 1
        return wire.echo(self.inner[PEER], self.inner[LOCAL], sequence=self.sequence, data=data)

    def sealed(self, packet, sa=None, seq=None):
        sa = sa or self.to_kernel
        return sa.tunnel(PEER, LOCAL, packet, seq=seq) if self.mode == "tunnel" else seal_transport(packet, sa, seq)

    def send(self, packet):
        self.sock.send(wire.ethernet(*self.macs, packet))

    def exchange(self, data):
        """An echo request in ESP and what the reply's ESP holds: (packet, sequence number of its ESP)."""
        with capture(self.script, "wire", direction="in") as seen:
            self.send(self.sealed(self.request(data)))
            sealed = seen.wait(lambda p: p[6] == esp.ESP, what="reply in ESP")
        opened = open_packet(sealed, self.to_script)
        return opened[40:] if self.mode == "tunnel" else opened, int.from_bytes(sealed[44:48], "big")

    def stat(self, name):
        lines = self.kernel.run("cat /proc/net/xfrm_stat").stdout.splitlines()
        return next(int(line.split()[1]) for line in lines if line.split()[0] == name)

    def refused(self, packet, counter):
        """Sends what the kernel must count there, and answer with nothing but silence."""
        before = self.stat(counter)
        with capture(self.script, "wire", direction="in") as seen:
            self.send(packet)
            until(lambda: self.stat(counter) == before + 1, 3, f"{counter} counts")
        assert not seen.ipv6(esp.ESP)


@pytest.fixture
def ends():
    prefix = unique_prefix()
    with closing(Namespace(prefix, "script")) as script, closing(Namespace(prefix, "kernel")) as kernel:
        ends = Ends(script, kernel)
        with closing(ends.sock):
            yield ends


def pair(suite):
    return Sa.fresh(0x1001, suite), Sa.fresh(0x1002, suite)


@pytest.mark.needs("esp")
@pytest.mark.parametrize("suite", SUITES)
def test_the_kernel_opens_ours_and_we_open_the_kernels(ends, suite):
    for mode in ("transport", "tunnel"):
        ends.states(mode, *pair(suite))
        for number, length in enumerate((0, 1, 7, 15, 16, 17, 1000), 1):
            data = os.urandom(length)
            reply, seq = ends.exchange(data)
            assert (reply[40], reply[48:], seq) == (wire.ECHO_REPLY, data, number), (mode, length)
            assert (wire.source(reply), wire.destination(reply)) == (ends.inner[LOCAL], ends.inner[PEER])
            assert wire.checksum(ends.inner[LOCAL], ends.inner[PEER], wire.ICMPV6, reply[40:]) == 0


@pytest.mark.needs("esp")
@pytest.mark.parametrize("suite", FAMILIES)
def test_the_kernel_refuses_replays_wrong_keys_and_clear_packets(ends, suite):
    for mode in ("transport", "tunnel"):
        ends.states(mode, *pair(suite))
        ends.exchange(b"first")
        ends.refused(ends.sealed(ends.request(), seq=1), "XfrmInStateSeqError")
        ends.to_kernel.sent = 99
        ends.exchange(b"number 100")
        ends.refused(ends.sealed(ends.request(), seq=68), "XfrmInStateSeqError")     # left of the window
        ends.to_kernel.sent = 68
        ends.exchange(b"number 69 is its last place")
        ends.refused(ends.sealed(ends.request(), ends.to_kernel.with_wrong_key(), seq=101), "XfrmInStateProtoError")
        ends.refused(ends.sealed(ends.request(), Sa.fresh(0x1003, suite)), "XfrmInNoStates")
        ends.refused(ends.request(), "XfrmInTmplMismatch")
