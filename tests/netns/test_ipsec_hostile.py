# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
What strangers, and nodes with a key of their own, try against signalling under ESP: whatever isn't under the association
of that very home address is dropped and counted, by the kernel or by the daemon. RFC 3776 §4.3, §5; RFC 6275 §5.1. The
scripted node makes its ESP itself. What needs ESP in the kernel runs in the VM tier.
"""
import contextlib
import re
import signal
import time

import pytest

from lab import esp, wire
from lab.capture import capture
from lab.expect import binding_error, param_problem
from lab.ipsec_node import IpsecNode, seal_transport
from lab.keys import HOME_TEST, PAYLOAD, SIGNALLING, NodeKeys
from lab.optimised import HOT, HOTI, init_message
from lab.roaming import LINKS, laboratory
from lab.topology import CARE_OF, CORRESPONDENT, HOME, HOME_AGENT
from lab.wait import Timeout, until

OTHER = "2001:db8:1::101"
CARE_OF_F1 = CARE_OF["f1"]
needs_esp = pytest.mark.needs("esp")


@pytest.fixture
def roaming(request):
    """The laboratory of our own mobile node."""
    yield from laboratory(request)


def counted(daemon):
    """{name: how often}: by the kernel's XFRM, by data path and daemon."""
    lines = (line.split() for line in daemon.ns.run("cat /proc/net/xfrm_stat").stdout.splitlines())
    return {**{name: int(value) for name, value in lines}, **daemon.all_counters()}


def not_refused(daemon, send, table, unchanged):
    """
    Sends every packet of {what: (counter, packet or packets)}; after each, `unchanged` has to hold. What of it its counter
    didn't count, and which others did instead; a counter of None: nobody need count it.
    """
    wrong = {}
    for what, (counter, packets) in table.items():
        before = counted(daemon)
        for packet in [packets] if isinstance(packets, bytes) else packets:
            send(packet)
        if counter:
            try:
                until(lambda: counted(daemon)[counter] > before[counter], 1)
            except Timeout:
                now = counted(daemon)
                wrong[what] = {counter: 0, **{name: now[name] - was for name, was in before.items() if now[name] != was}}
        assert unchanged(), what
    return wrong


@contextlib.contextmanager
def paused(daemon):
    """What comes meanwhile waits for it."""
    daemon.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        daemon.process.send_signal(signal.SIGCONT)


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


# ---- updates ----

def esp_of(packet):
    return esp.split(packet)[1]


def behind_option(packet, size):
    """Fragments of what stands behind the home address option: where RFC 6275 §6.3 wants the option."""
    plain = packet[:6] + packet[40:41] + packet[7:40] + packet[64:]
    home = wire.b2a(packet[48:64])
    return [wire.ipv6(wire.source(f), wire.destination(f), wire.DSTOPTS, wire.hao(home, wire.FRAGMENT) + f[40:])
            for f in wire.fragments(plain, size)]


def forgeries(node, others, bound):
    """{what: (counter, packet)}, each of which would move HOME's or OTHER's traffic; bound: HOME is, to the same address."""
    mine = node.keys
    clear, mh = node.update_packet(seq=5000, protected=False), node.update_packet(seq=5000, protected=False)[64:]
    sealed = seal_transport(clear, mine.to_agent[SIGNALLING], 7000)
    from_home = wire.ipv6(HOME, HOME_AGENT, wire.MH, mh)
    from_care_of = wire.ipv6(CARE_OF_F1, HOME_AGENT, wire.MH, wire.summed(CARE_OF_F1, HOME_AGENT, wire.MH, mh, 4))
    of_other = wire.signalled(CARE_OF_F1, HOME_AGENT, OTHER,
                              wire.binding_update(9, 100, options=wire.alternate_care_of(CARE_OF_F1)))
    # where a binding vouches for the care-of address it is left to XFRM whose association that is
    unless_bound = lambda counter: counter if bound else "sa-unknown"
    foreign = seal_transport(clear, others.to_agent[SIGNALLING])
    return {
        "in clear": ("XfrmInTmplMismatch", clear),
        "in clear, from the home address itself": ("XfrmInTmplMismatch", from_home),
        "in clear, of the care-of address as a home address": ("not-protected", from_care_of),
        "in clear, in the tunnel": ("unprotected" if bound else "tunnel-no-binding",
                                    wire.tunnel(CARE_OF_F1, HOME_AGENT, from_home)),
        # whole again it has an option that only the kernel has seen: it looks for the state of its own MIP6
        "in clear, in fragments": ("XfrmInNoStates", wire.fragments(clear, 48)),
        "in clear, in fragments behind the option": ("XfrmInTmplMismatch", behind_option(clear, 16)),
        "the option that marks what the data path verified": ("forged-option", wire.ipv6(
            CARE_OF_F1, HOME_AGENT, wire.DSTOPTS, wire.hao(HOME, wire.MH).replace(b"\xc9\x10", b"\x1e\x10", 1) + mh)),
        "our association, and that option": ("forged-option", sealed.replace(b"\xc9\x10", b"\x1e\x10", 1)),
        "another node's association": (unless_bound("XfrmInStateMismatch"), foreign),
        "another node's association, in fragments": (unless_bound("XfrmInStateMismatch"), behind_option(
            seal_transport(clear, others.to_agent[SIGNALLING]), 48)),
        "our association, another node's home address": ("sa-unknown",
                                                         seal_transport(of_other, mine.to_agent[SIGNALLING], 7001)),
        "our association, no home address": ("XfrmInStateMismatch",
                                             seal_transport(from_care_of, mine.to_agent[SIGNALLING])),
        "an association of tunnel mode": (unless_bound("XfrmInStateModeError"),
                                          seal_transport(clear, mine.to_agent[HOME_TEST])),
        "inside the home tests' tunnel": ("XfrmInTmplMismatch", mine.to_agent[HOME_TEST].tunnel(
            CARE_OF_F1, HOME_AGENT, from_home)),
        "inside another node's tunnel": ("XfrmInStateMismatch", others.to_agent[HOME_TEST].tunnel(
            CARE_OF_F1, HOME_AGENT, from_home)),
        "inside a tunnel that isn't there": ("XfrmInNoStates", mine.to_agent[PAYLOAD].tunnel(
            CARE_OF_F1, HOME_AGENT, from_home)),
        "wrong key": ("XfrmInStateProtoError", seal_transport(clear, mine.to_agent[SIGNALLING].with_wrong_key(), 7002)),
        "an octet of the ICV": ("XfrmInStateProtoError", sealed[:-1] + bytes([sealed[-1] ^ 1])),
        "an octet of the ciphertext": ("XfrmInStateProtoError", sealed[:90] + bytes([sealed[90] ^ 1]) + sealed[91:]),
        "unknown SPI": (unless_bound("XfrmInNoStates"),
                        seal_transport(clear, NodeKeys.fresh(HOME, spi=0x5001).to_agent[SIGNALLING])),
        "under an association towards the node": (unless_bound("XfrmInNoStates"),
                                                  seal_transport(clear, mine.to_node[SIGNALLING], 7003)),
    }


def shortened(node, others):
    """Updates of both nodes whose ESP ends too early, at every length."""
    for keys, home in ((node.keys, HOME), (others, OTHER)):
        update = wire.signalled(CARE_OF_F1, HOME_AGENT, home, wire.binding_update(9, 100))
        sealed = seal_transport(update, keys.to_agent[SIGNALLING], 7100)
        for size in range(64, len(sealed)):
            yield sealed[:4] + (size - 40).to_bytes(2, "big") + sealed[6:size]


def replays(node, answer):
    """As forgeries(): of what was sent before; answer: the agent's acknowledgement, as it came."""
    sa = node.keys.to_agent[SIGNALLING]
    reflected = wire.ipv6(CARE_OF_F1, HOME_AGENT, wire.DSTOPTS, wire.hao(HOME, esp.ESP) + esp_of(answer))
    again = node.update_packet(seq=node.seq + 1, protected=False)
    return {
        "the last number again": ("XfrmInStateSeqError", seal_transport(again, sa, sa.sent)),
        "the first number again": ("XfrmInStateSeqError", seal_transport(again, sa, 1)),
        "the agent's acknowledgement": ("XfrmInNoStates", reflected),
        "the agent's acknowledgement, from the home address": ("XfrmInNoStates", wire.ipv6(
            HOME, HOME_AGENT, esp.ESP, esp_of(answer))),
        "the agent's acknowledgement, octet for octet": (None, answer[:8] + answer[24:40] + answer[8:24] + answer[40:]),
    }


@needs_esp
def test_forged_updates_bind_nobody(lab):
    gateway, node, others = start(lab)
    assert not not_refused(gateway, node.send, forgeries(node, others, False), lambda: not gateway.bindings())
    # the data path can't see whose all fragments are, so they need the binding that a whole update has made
    whole = node.update_packet(seq=1)
    assert not not_refused(gateway, node.send, {"ours, in fragments": ("sa-unknown", behind_option(whole, 48))},
                           lambda: not gateway.bindings())
    node.registered()
    answer = node.opened(SIGNALLING)[-1].sealed
    sequence = gateway.bindings()[HOME]["sequence"]

    def as_before():
        return list(gateway.bindings()) == [HOME] and gateway.bindings()[HOME]["sequence"] == sequence
    assert not not_refused(gateway, node.send, {**replays(node, answer), **forgeries(node, others, True)}, as_before)

    packets, before = list(shortened(node, others)), refusals(counted(gateway))
    for packet in packets:
        node.send(packet)
    until(lambda: refusals(counted(gateway)) >= before + len(packets), 3,
          lambda: f"{len(packets)} are counted: {refusals(counted(gateway)) - before}")
    assert as_before() and node.registered().seq == sequence + 1, "and the node is served as before"


def refusals(counters):
    return sum(count for name, count in counters.items() if name.startswith("XfrmIn") or name in ("truncated", "sa-unknown"))


@needs_esp
def test_the_daemon_refuses_by_itself(lab):
    """Somebody takes all policies away: what comes in clear reaches the daemon, and no further."""
    gateway, node, _ = start(lab)
    node.registered()
    before = gateway.bindings()[HOME]["sequence"]
    with paused(gateway):
        lab.ha.ip("xfrm policy flush")
        for _ in range(3):
            node.send(node.update_packet(seq=before + 5, protected=False))
    gateway.wait_counter("not-protected", 3)
    assert gateway.bindings()[HOME]["sequence"] == before
    until(lambda: len(lab.ha.run("ip xfrm policy").stdout.split("reqid 18")) > 8, 5, "the policies are back")
    node.registered()


@needs_esp
def test_associations_deleted_or_worn_out_are_told_and_come_back(lab):
    """What was to go under them is lost and counted, never sent in clear; what was recorded before binds nobody again."""
    gateway, node, _ = start(lab)
    recorded = node.update_packet(seq=1)
    node.send(recorded)
    node.wait_ack(0, HOME)
    node.seq = 1
    into, out = node.keys.to_agent[SIGNALLING], node.keys.to_node[SIGNALLING]
    inbound, outbound = (f"src {source} dst {destination} proto esp spi {sa.spi:#x}"
                         for source, destination, sa in ((HOME, HOME_AGENT, into), (HOME_AGENT, HOME, out)))

    def lost_and_back(state, spoil):
        before = gateway.counters("no-association")
        with paused(gateway):
            spoil(state)
            node.seq += 1
            node.send(node.update_packet())
            time.sleep(0.2)     # it is there when the daemon wakes
        until(lambda: lab.ha.run(f"ip xfrm state get {state}", check=False).returncode == 0, 5, "it is back")
        return gateway.counters("no-association") - before

    def wear_out(state):
        """The next packet is its last, as when its numbers are used up."""
        reqid = re.search(r"reqid (\d+)", lab.ha.run(f"ip xfrm state get {state}").stdout)[1]
        lab.ha.ip(f"xfrm state update {state} mode transport reqid {reqid} {out.ip_words()} limit packet-hard 1")

    delete = lambda state: lab.ha.ip(f"xfrm state delete {state}")
    before = counted(gateway)["XfrmInNoStates"]
    lost_and_back(inbound, delete)
    assert counted(gateway)["XfrmInNoStates"] > before, "an update under no association any more"
    node.registered()
    bound = gateway.bindings()[HOME]
    before = len(node.inbox)
    node.send(recorded)     # the new association's window is empty: the numbers of updates are what is left
    assert node.wait_ack(before, HOME).status == 135
    assert node.registered().seq == bound["sequence"] + 1
    assert lost_and_back(outbound, delete) == 1, "the acknowledgement"
    node.registered()
    assert lost_and_back(outbound, wear_out) <= 1
    node.registered()
    assert not node.clear


@needs_esp
def test_home_tests_and_payload_in_clear_pass_no_tunnel(lab):
    gateway, node, others = start(lab, ipsec={"payload": "protected"})
    node.registered()
    echo, mine = wire.echo(HOME, CORRESPONDENT), node.keys.to_agent
    to_agent = wire.echo(HOME, HOME_AGENT)
    with capture(lab.core, "cn", direction="out") as seen:
        assert not not_refused(gateway, node.send, {
            "a home test init": ("unprotected", wire.tunnel(CARE_OF_F1, HOME_AGENT, home_test_init())),
            "an echo": ("unprotected", wire.tunnel(CARE_OF_F1, HOME_AGENT, echo)),
            "an echo to the agent": ("unprotected", wire.tunnel(CARE_OF_F1, HOME_AGENT, to_agent)),
            "an echo to the agent, with home address option": ("XfrmInTmplMismatch", wire.ipv6(
                CARE_OF_F1, HOME_AGENT, wire.DSTOPTS, wire.hao(HOME, wire.ICMPV6) + to_agent[40:])),
            "an echo by the association of home tests": ("XfrmInTmplMismatch", mine[HOME_TEST].tunnel(
                CARE_OF_F1, HOME_AGENT, echo)),
            "an echo by another node's": ("XfrmInStateMismatch", others.to_agent[PAYLOAD].tunnel(
                CARE_OF_F1, HOME_AGENT, echo)),
            "a home test init by another node's": ("XfrmInStateMismatch", others.to_agent[HOME_TEST].tunnel(
                CARE_OF_F1, HOME_AGENT, home_test_init())),
            "an echo in a tunnel in the tunnel": ("XfrmInTmplMismatch", mine[HOME_TEST].tunnel(
                CARE_OF_F1, HOME_AGENT, wire.tunnel(HOME, HOME_AGENT, echo))),
        }, lambda: not [p for p in seen.ipv6() if wire.source(p) == HOME])
        node.send_tunnelled(echo)
        seen.wait(lambda p: wire.source(p) == HOME and p[6] == wire.ICMPV6, what="the echo that came under ESP")
    before = len(node.inbox)
    assert lab.cn.ping(HOME) == 3
    assert len(node.opened(PAYLOAD, before)) >= 3 and not node.clear


@needs_esp
def test_malformed_headers_still_get_their_errors(lab):
    """RFC 6275 §9.2, under ESP and in clear: a type that nobody knows, a wrong payload protocol, a length too short."""
    gateway, node, _ = start(lab)
    unknown = wire.mobility_header(42, bytes(2))
    wrong_protocol = wire.mobility_header(wire.BU, bytes(6), proto=wire.UDP)
    too_short = wire.mobility_header(wire.BU, bytes(2))

    def sealed(mh):
        return seal_transport(wire.signalled(CARE_OF_F1, HOME_AGENT, HOME, mh), node.keys.to_agent[SIGNALLING])

    def strangers(mh):
        return wire.ipv6(CARE_OF_F1, HOME_AGENT, wire.MH, wire.summed(CARE_OF_F1, HOME_AGENT, wire.MH, mh, 4))

    def nodes(mh):
        return wire.signalled(CARE_OF_F1, HOME_AGENT, HOME, mh)
    for packet, home in ((sealed(unknown), HOME), (strangers(unknown), "::")):
        before = len(node.inbox)
        node.send(packet)
        error = binding_error(node, before)
        assert (error.status, error.error_home) == (2, home)
    for mh, at in ((wrong_protocol, 0), (too_short, 1)):
        for packet, start_of_mh in ((nodes(mh), 64), (strangers(mh), 40)):
            before = len(node.inbox)
            node.send(packet)
            code, pointer, quoted = param_problem(node, before)
            assert (code, pointer, quoted[start_of_mh:start_of_mh + 4]) == (0, start_of_mh + at, mh[:4])
    assert not not_refused(gateway, node.send, {"unknown, of a home address in clear": (
        "XfrmInTmplMismatch", nodes(unknown))}, lambda: not gateway.bindings())
    node.registered()
    for mh in (wrong_protocol, too_short):
        before = len(node.inbox)
        node.send(sealed(mh))
        error = node.wait(kernels_problem, before, what="parameter problem with routing header")
        assert error[65] == 0 and mh[:4] in error[72:]


def kernels_problem(packet):
    """
    What comes under ESP is first seen by Debian's kernels (CONFIG_IPV6_MIP6: a filter of raw sockets). They write to
    the home address, and so by its binding, where the daemon would write to the care-of address.
    """
    return packet[6] == wire.ROUTING and packet[40] == wire.ICMPV6 and packet[64] == wire.PARAM_PROBLEM and packet


# ---- acknowledgements ----

def acknowledgement(care_of, seq, status=0):
    """(as it comes in clear, without routing header)"""
    mh = wire.summed(HOME_AGENT, HOME, wire.MH, wire.mobility_header(
        wire.BA, bytes([status, 0]) + seq.to_bytes(2, "big") + (100).to_bytes(2, "big")), 4)
    return (wire.ipv6(HOME_AGENT, care_of, wire.ROUTING, wire.rh2(HOME, wire.MH) + mh),
            wire.ipv6(HOME_AGENT, HOME, wire.MH, mh))


def to_home(care_of, sealed):
    """As the agent's data path would send this ESP."""
    return wire.ipv6(HOME_AGENT, care_of, wire.ROUTING, wire.rh2(HOME, esp.ESP) + sealed)


def forged_for_node(shared, care_of, seq, update, answer):
    """As forgeries(), for the mobile node; update, answer: recorded, as they were on the wire."""
    clear, plain = acknowledgement(care_of, seq)
    signalling, tests = shared.to_node[SIGNALLING], shared.to_node[HOME_TEST]
    sealed = seal_transport(clear, signalling, 0x7F000000)
    test = wire.ipv6(CORRESPONDENT, HOME, wire.MH, wire.summed(
        CORRESPONDENT, HOME, wire.MH, init_message(HOT, bytes(8), bytes(8)), 4))
    echo = wire.echo(CORRESPONDENT, HOME)
    return {
        "in clear": ("XfrmInTmplMismatch", clear),
        "in clear, a refusal": ("XfrmInTmplMismatch", acknowledgement(care_of, seq, 129)[0]),
        "in clear, no routing header": ("XfrmInTmplMismatch", plain),
        "in clear, in the tunnel": ("unprotected", wire.tunnel(HOME_AGENT, care_of, plain)),
        "in clear, in fragments": ("XfrmInNoStates", wire.fragments(clear, 32)),
        "the mark of the data path": ("forged-option", wire.ipv6(
            HOME_AGENT, HOME, wire.DSTOPTS, wire.hao(care_of, wire.MH).replace(b"\xc9\x10", b"\x1e\x10", 1) + plain[40:])),
        "inside the home tests' tunnel": ("XfrmInTmplMismatch", tests.tunnel(HOME_AGENT, care_of, plain)),
        "inside the payload's tunnel": ("XfrmInTmplMismatch", shared.to_node[PAYLOAD].tunnel(HOME_AGENT, care_of, plain)),
        "by an association of tunnel mode": ("XfrmInStateModeError", seal_transport(clear, tests)),
        "wrong key": ("XfrmInStateProtoError", seal_transport(clear, signalling.with_wrong_key(), 0x7F000001)),
        "an octet of the ICV": ("XfrmInStateProtoError", sealed[:-1] + bytes([sealed[-1] ^ 1])),
        "cut": ("XfrmInStateProtoError", sealed[:4] + (len(sealed) - 44).to_bytes(2, "big") + sealed[6:-4]),
        "unknown SPI": ("XfrmInNoStates", seal_transport(clear, NodeKeys.fresh(HOME, spi=0x5001).to_node[SIGNALLING])),
        "an acknowledgement of before": ("XfrmInStateSeqError", to_home(care_of, esp_of(answer))),
        "the node's own update": ("XfrmInNoStates", to_home(care_of, esp_of(update))),
        "the node's own update, no routing header": ("XfrmInNoStates", wire.ipv6(
            HOME_AGENT, care_of, esp.ESP, esp_of(update))),
        "a refresh request in clear": ("unprotected", wire.tunnel(HOME_AGENT, care_of, wire.ipv6(
            HOME_AGENT, HOME, wire.MH, wire.summed(HOME_AGENT, HOME, wire.MH, wire.mobility_header(wire.BRR, bytes(2)), 4)))),
        "a home test in the tunnel in clear": ("unprotected", wire.tunnel(HOME_AGENT, care_of, test)),
        "a home test past the tunnel": ("test-outside-tunnel", test),
        "payload in the tunnel in clear": ("unprotected", wire.tunnel(HOME_AGENT, care_of, echo)),
        "payload past the tunnel": ("XfrmInTmplMismatch", echo),
        "payload by the association of home tests": ("XfrmInTmplMismatch", tests.tunnel(HOME_AGENT, care_of, echo)),
    }


@needs_esp
def test_forged_acknowledgements_register_nobody(roaming):
    """While the home agent is silent about a move: with the number that the node waits for."""
    lab, shared, ipsec = roaming, NodeKeys.fresh(HOME, "aes128-gcm"), {"payload": "protected"}
    with capture(lab.core, "ha") as road:
        gateway = lab.gateway(node_keys=[shared], ipsec=ipsec)
        node = lab.away(node_keys=[shared], ipsec=ipsec, route_optimisation="none")
        update = road.wait(lambda p: wire.destination(p) == HOME_AGENT and esp_of(p) and p[6] == wire.DSTOPTS)
        answer = road.wait(lambda p: wire.source(p) == HOME_AGENT and esp_of(p) and p[6] == wire.ROUTING)
    with paused(gateway):
        lab.plug("wlan0", "link2")
        care_of = until(lambda: (lambda now: now.startswith(LINKS["link2"][:-1]) and now)(
            node.uplinks()["wlan0"]["care_of_address"] or ""), 5, lambda: f"at link2: {node.uplinks()}")
        until(lambda: node.state() != "registered", 5, "it asks its agent")
        state, asked = node.state(), lambda: node.bindings()[HOME]["sequence"]
        send = lambda packet: lab.inject("wlan0", packet)
        with capture(lab.air, "wlan0", "in") as said:
            assert not not_refused(node, send, forged_for_node(shared, care_of, asked(), update, answer),
                                   lambda: node.state() == state)
        assert not [p for p in said.ipv6() if wire.destination(p) in (CORRESPONDENT, HOME)], "no echo is answered"

        before, number = node.counters("not-protected"), asked()
        with paused(node):
            lab.mn.ip("xfrm policy flush")
            for ahead in range(3):
                send(acknowledgement(care_of, number + ahead & 0xFFFF)[0])
        node.wait_counter("not-protected", before + 3)
        assert node.state() == state, "nor by the daemon without the kernel's policies"
    node.wait_care_of(LINKS["link2"], timeout=10)
    until(lambda: lab.cn.ping(HOME, count=1, replies=False), 3, "traffic, since the policies are back")
