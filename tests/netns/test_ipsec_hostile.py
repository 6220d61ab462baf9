# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
What strangers, and nodes with a key of their own, try against signalling under ESP: whatever isn't under the association
of that very home address is dropped and counted, by the kernel or by the daemon. RFC 3776 §4.3, §5; RFC 6275 §5.1. The
scripted node makes its ESP itself. What needs ESP in the kernel runs in the VM tier.
"""
import contextlib
import os
import socket
import threading

import pytest

from lab import wire
from lab.capture import capture
from lab.ipsec_node import IpsecNode, seal_transport
from lab.keys import HOME_TEST, PAYLOAD, SIGNALLING, NodeKeys
from lab.optimised import HOT, HOTI, init_message
from lab.topology import CARE_OF, CORRESPONDENT, HOME, HOME_AGENT
from lab.wait import stays, until

OTHER = "2001:db8:1::101"
CARE_OF_F1 = CARE_OF["f1"]
XFRM_REFUSALS = ("XfrmInNoStates", "XfrmInStateProtoError", "XfrmInStateSeqError", "XfrmInStateMismatch",
                 "XfrmInTmplMismatch", "XfrmInNoPols", "XfrmInPolBlock", "XfrmInStateModeError", "XfrmInHdrError",
                 "XfrmFwdHdrError")
needs_esp = pytest.mark.needs("esp")


def xfrm_refused(lab):
    lines = (line.split() for line in lab.ha.run("cat /proc/net/xfrm_stat").stdout.splitlines())
    return sum(int(value) for name, value in lines if name in XFRM_REFUSALS)


def refused(lab, gateway):
    """How often anybody refused something: the daemon, the data path, the kernel."""
    counters = gateway.all_counters()
    return xfrm_refused(lab) + sum(counters[name] for name in ("not-protected", "sa-unknown", "unprotected",
                                                               "truncated", "bad-checksum") if name in counters)


def start(lab, ipsec=None, homes=(HOME, OTHER)):
    """(gateway, node of HOME, node of OTHER); the second has keys of its own and uses the first one's link."""
    mine, others = NodeKeys.fresh(HOME, "aes128-gcm"), NodeKeys.fresh(OTHER, "aes128-sha256", spi=0x2001)
    gateway = lab.gateway(node_keys=[mine, others], mobile_nodes=homes, dad_transmits=0, ipsec=ipsec)
    node = IpsecNode(lab, lab.mn, HOME, keys=mine)
    lab.nodes.append(node)
    node.attach("f1")
    return gateway, node, others


def home_test_init(home=HOME):
    return wire.ipv6(home, CORRESPONDENT, wire.MH,
                     wire.summed(home, CORRESPONDENT, wire.MH, init_message(HOTI, bytes(8)), 4))


def forgeries(node, others):
    """{what: packet}, each of which would move HOME's or OTHER's traffic."""
    mine = node.keys
    clear = node.update_packet(seq=5000, protected=False)
    sealed = seal_transport(clear, mine.to_agent[SIGNALLING], 7000)
    mh = clear[64:]
    of_other = wire.signalled(CARE_OF_F1, HOME_AGENT, OTHER, wire.binding_update(
        9, 100, options=wire.alternate_care_of(CARE_OF_F1)))
    cut = {f"ESP of {size} octets": clear[:40] + sealed[40:64] + sealed[64:64 + size] for size in (0, 4, 8, 12, 24, 39)}
    return {
        "in clear": clear,
        "in clear, from the home address itself": wire.ipv6(HOME, HOME_AGENT, wire.MH, mh),
        "in clear, no home address option": wire.ipv6(
            CARE_OF_F1, HOME_AGENT, wire.MH, wire.summed(CARE_OF_F1, HOME_AGENT, wire.MH, mh[:4] + bytes(2) + mh[6:], 4)),
        "in clear, in the tunnel": wire.tunnel(CARE_OF_F1, HOME_AGENT, wire.ipv6(HOME, HOME_AGENT, wire.MH, mh)),
        "another node's association": seal_transport(clear, others.to_agent[SIGNALLING], 1),
        "our association, another node's home address": seal_transport(of_other, mine.to_agent[SIGNALLING], 7001),
        "an association of tunnel mode": seal_transport(clear, mine.to_agent[HOME_TEST], 1),
        "inside the payload's tunnel": mine.to_agent[PAYLOAD].tunnel(
            CARE_OF_F1, HOME_AGENT, wire.ipv6(HOME, HOME_AGENT, wire.MH, mh)),
        "wrong key": seal_transport(clear, mine.to_agent[SIGNALLING].with_wrong_key(), 7002),
        "unknown SPI": seal_transport(clear, NodeKeys.fresh(HOME, spi=0x5001).to_agent[SIGNALLING], 1),
        "reflected: an association towards the node": seal_transport(clear, mine.to_node[SIGNALLING], 1),
        "an octet of the ICV": sealed[:-1] + bytes([sealed[-1] ^ 1]),
        "an octet of the ciphertext": sealed[:90] + bytes([sealed[90] ^ 1]) + sealed[91:],
        "the option that marks what the data path verified": wire.ipv6(
            CARE_OF_F1, HOME_AGENT, wire.DSTOPTS,
            wire.hao(HOME, wire.MH).replace(b"\xc9\x10", b"\x1e\x10", 1) + mh),
        **{what: packet[:4] + (len(packet) - 40).to_bytes(2, "big") + packet[6:] for what, packet in cut.items()},
    }


@needs_esp
def test_forged_updates_bind_nobody(lab):
    gateway, node, others = start(lab)
    for what, packet in forgeries(node, others).items():
        before = refused(lab, gateway) + drops(gateway)
        node.send(packet)
        stays(lambda: not gateway.bindings(), 0.1, f"no binding by: {what}")
        if not what.startswith("ESP of"):
            until(lambda: refused(lab, gateway) + drops(gateway) > before, 3, lambda: f"somebody counts: {what}")
    node.registered()
    bound = gateway.bindings()[HOME]

    replayed = node.update_packet(seq=node.seq + 1, esp_seq=node.keys.to_agent[SIGNALLING].sent)
    for packet in (replayed, seal_transport(node.update_packet(seq=node.seq + 1, protected=False),
                                            node.keys.to_agent[SIGNALLING], 1)):
        before = xfrm_refused(lab)
        node.send(packet)
        until(lambda: xfrm_refused(lab) == before + 1, 3, "a number that was used before")
    for what, packet in forgeries(node, others).items():
        node.send(packet)
    stays(lambda: gateway.bindings()[HOME]["sequence"] == bound["sequence"] and OTHER not in gateway.bindings(), 0.3,
          "the binding as it was")
    assert node.registered().seq == bound["sequence"] + 1, "and the node is served as before"


def drops(gateway):
    """Counted by the data path under any name but those of what passes."""
    return sum(row["packets"] for row in gateway.show("counters")["data_path"] if not row["name"].startswith("pass"))


@needs_esp
def test_the_daemon_refuses_by_itself(lab):
    """Somebody takes all policies away: what comes in clear reaches the daemon, and no further."""
    gateway, node, _ = start(lab)
    node.registered()
    before = gateway.bindings()[HOME]["sequence"]
    lab.ha.run(f"kill -STOP {gateway.process.pid}")
    lab.ha.ip("xfrm policy flush")
    for _ in range(3):
        node.send(node.update_packet(seq=before + 5, protected=False))
    lab.ha.run(f"kill -CONT {gateway.process.pid}")
    gateway.wait_counter("not-protected", 3)
    assert gateway.bindings()[HOME]["sequence"] == before
    until(lambda: len(lab.ha.run("ip xfrm policy").stdout.split("reqid 18")) > 8, 5, "the policies are back")
    node.registered()


@needs_esp
def test_home_tests_and_payload_in_clear_pass_no_tunnel(lab):
    gateway, node, _ = start(lab, ipsec={"payload": "protected"})
    node.registered()
    echo = wire.echo(HOME, CORRESPONDENT)
    with capture(lab.core, "cn", direction="out") as seen:
        for inner in (home_test_init(), echo):
            before = refused(lab, gateway)
            node.send(wire.tunnel(CARE_OF_F1, HOME_AGENT, inner))
            until(lambda: refused(lab, gateway) > before, 3, "it is counted")
        crossed = node.keys.to_agent[HOME_TEST].tunnel(CARE_OF_F1, HOME_AGENT, echo)
        before = refused(lab, gateway)
        node.send(crossed)
        until(lambda: refused(lab, gateway) > before, 3, "payload by the association of home tests")
        assert not [p for p in seen.ipv6() if wire.source(p) == HOME]
        node.send_tunnelled(echo)
        seen.wait(lambda p: wire.source(p) == HOME and p[6] == wire.ICMPV6, what="the echo that came under ESP")
    before = len(node.inbox)
    assert lab.cn.ping(HOME) == 3
    assert len(node.opened(PAYLOAD, before)) >= 3 and not node.clear


@needs_esp
def test_malformed_headers_under_esp_still_get_their_errors(lab):
    """RFC 6275 §9.2: an unknown type a binding error, a header too short a parameter problem."""
    gateway, node, _ = start(lab)
    sa = node.keys.to_agent[SIGNALLING]
    before = len(node.inbox)
    node.send(seal_transport(wire.signalled(CARE_OF_F1, HOME_AGENT, HOME, wire.mobility_header(42, bytes(2))), sa))
    error = node.wait(lambda p: wire.parse_mobility(p) if wire.parse_mobility(p) and
                      wire.parse_mobility(p).kind == wire.BE else None, before, 3, "binding error")
    assert error.status == 2
    node.registered()


# ---- files ----

FAULTS = {
    "open to others": (lambda path: os.chmod(path, 0o640), "chmod 0600"),
    "gone": (lambda path: os.unlink(path), "No such file"),
    "no keys": (lambda path: open(path, "w").write("hello world\n"), ":1: a line has six or seven fields"),
    "another node's": (lambda path: open(path, "w").write("\n".join(NodeKeys.fresh(OTHER).lines()) + "\n"),
                       f"no keys at all of {HOME}"),
}


def test_a_key_file_with_a_fault_stops_the_start(lab):
    for what, (spoil, said) in FAULTS.items():
        gateway = lab.gateway(start=False, node_keys=[NodeKeys.fresh(HOME)])
        spoil(gateway.keys_path)
        code, log = gateway.refused_start()
        assert code != 0 and said in log, f"{what}: {code} {log}"


@needs_esp
def test_a_key_file_with_a_fault_leaves_the_old_in_force(lab):
    gateway, node, _ = start(lab)
    for what, (spoil, said) in FAULTS.items():
        good = open(gateway.keys_path).read()
        spoil(gateway.keys_path)
        gateway.process.send_signal(1)
        until(lambda: said in gateway.log(), 5, lambda: f"{what}: {gateway.log()}")
        with open(gateway.keys_path, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(good)
        os.chmod(gateway.keys_path, 0o600)
        node.registered()


# ---- strongSwan's socket ----

class Nonsense:
    """Listens where charon would, and answers whoever connects with these octets."""

    def __init__(self, path, octets):
        self.path, self.octets, self.served = path, octets, 0
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.bind(path)
        self.sock.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                peer, _ = self.sock.accept()
            except OSError:
                return
            self.served += 1
            with contextlib.suppress(OSError):
                peer.sendall(self.octets)

    def close(self):
        self.sock.close()
        os.unlink(self.path)


NONSENSE = {
    "text": b"HTTP/1.1 400 Bad Request\r\n\r\n", "a length of 0": bytes(4), "too long": b"\xff\xff\xff\xff" + bytes(99),
    "a packet out of turn": b"\0\0\0\x01\x01", "an unknown packet": b"\0\0\0\x02\x2a\0",
    "an event with a name that ends behind it": b"\0\0\0\x03\x07\xffx", "noise": os.urandom(4096),
}


def test_the_daemon_outlives_what_answers_in_charons_place(lab):
    for number, (what, octets) in enumerate(NONSENSE.items()):
        path = f"/tmp/{lab.prefix}-vici-{number}"
        server = Nonsense(path, octets)
        gateway = lab.gateway(ipsec={"ike": {"socket": path}})
        until(lambda: server.served >= 2, 10, lambda: f"{what}: it is tried again\n{gateway.log()}")
        assert gateway.log().count("no charon at") == 1, f"{what}: said once\n{gateway.log()}"
        assert gateway.show("ipsec")["charon_answers"] is False
        server.close()
        gateway.close()
