# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
strongSwan's charon as the daemon has to configure it (RFC 4877): a mobile node and its home agent in two namespaces,
the policies by hand as the daemon installs them, and what charon then makes, keeps and moves.
"""
import ipaddress
import os
import shutil
import socket
import struct
import tempfile
from contextlib import ExitStack, closing

import pytest

from lab import wire
from lab.charon import Authority, Charon, Peering, configuration, daemon_path, parse_raw, reqid
from lab.keys import CHILDREN, HOME_TEST, PAYLOAD, SIGNALLING
from lab.namespace import Namespace, unique_prefix, veth
from lab.wait import SLOW, until

pytestmark = pytest.mark.skipif(daemon_path() is None, reason="no charon-systemd here")

AGENT, HOME, CORRESPONDENT = "2001:db8:1::1", "2001:db8:1::100", "2001:db8:c::1"
CARE_OF = {"f1": "2001:db8:f1::10", "f2": "2001:db8:f2::10"}
SLOT = 5
SO_RCVMARK, SO_MARK = 75, 36
NETLINK_XFRM, XFRM_MSG_MIGRATE, XFRMA_MIGRATE, XFRMA_KMADDRESS = 6, 0x21, 17, 19
XFRM_POLICY_OUT, TRANSPORT, TUNNEL = 1, 0, 1
PROTOCOLS = {HOME_TEST: wire.MH, PAYLOAD: 0}


class Pair:
    """Agent (with a correspondent's address) and node, a link with two prefixes between them, a charon at each."""

    def __init__(self, stack, directory, **more):
        prefix = unique_prefix()
        self.ha = stack.enter_context(closing(Namespace(prefix, "ha", forwarding=True)))
        self.mn = stack.enter_context(closing(Namespace(prefix, "mn")))
        veth(self.ha, "wire", self.mn, "wire")
        self.ha.ip(f"addr add {AGENT}/128 dev lo nodad", f"addr add {CORRESPONDENT}/128 dev lo nodad",
                   *(f"addr add {address[:-2]}1/64 dev wire nodad" for address in CARE_OF.values()))
        self.mn.ip(f"addr add {HOME}/128 dev lo nodad")
        self.attach("f1")
        settings = {"retransmit_timeout": 0.5 * SLOW, "retransmit_tries": 3, **more}
        self.agent = stack.enter_context(closing(Charon(self.ha, f"{directory}/ha", **settings)))
        self.node = stack.enter_context(closing(Charon(self.mn, f"{directory}/mn", **settings)))

    def attach(self, link, leave=None):
        self.mn.ip(f"addr replace {CARE_OF[link]}/64 dev wire nodad",
                   f"route replace default via {CARE_OF[link][:-2]}1 src {CARE_OF[link]}")
        self.ha.ip(f"route replace {HOME}/128 via {CARE_OF[link]}")
        if leave:
            self.mn.ip(f"addr del {CARE_OF[leave]}/64 dev wire")

    def start(self, **settings):
        self.peering = Peering(SLOT, HOME, AGENT, **settings)
        for charon, end in ((self.agent, "agent"), (self.node, "node")):
            charon.start().load(configuration(end, self.peering))
        self.policies()
        return self

    def policies(self):
        """As the daemon has them (agent/ipsec): signalling of both protocols by one SA, tunnels by the others."""
        numbers = {child: reqid(SLOT, child) for child in CHILDREN}
        for ns, local, remote in ((self.ha, AGENT, HOME), (self.mn, HOME, AGENT)):
            for proto in ("135", "ipv6-icmp"):
                end = f"priority 10 tmpl proto esp mode transport reqid {numbers[SIGNALLING]}"
                ns.ip(f"xfrm policy add src {remote} dst {local} proto {proto} dir in {end}",
                      f"xfrm policy add src {local} dst {remote} proto {proto} dir out {end}")
        for child, words in ((HOME_TEST, "proto 135 {} priority 20"), (PAYLOAD, "{} priority 30")):
            if child not in self.peering.children:
                continue
            end = f"proto esp mode tunnel reqid {numbers[child]}"
            self.ha.ip(*(f"xfrm policy add src {HOME} dst ::/0 {words.format('dir ' + way)} "
                         f"tmpl src :: dst {AGENT} {end}" for way in ("fwd", "in")),
                       f"xfrm policy add src ::/0 dst {HOME} {words.format('dir out')} "
                       f"tmpl src {AGENT} dst {CARE_OF['f1']} {end}")
            self.mn.ip(f"xfrm policy add src {HOME} dst ::/0 {words.format('dir out')} "
                       f"tmpl src {CARE_OF['f1']} dst {AGENT} {end}",
                       f"xfrm policy add src ::/0 dst {HOME} {words.format('dir in')} "
                       f"tmpl src {AGENT} dst :: {end} level use")

    def initiate(self):
        for child in self.peering.children:
            self.node.initiate(self.peering.child_name(child))
        return self

    def receive(self, ns, local, remote, send, proto=wire.MH):
        """(payload, mark) of what a raw socket gets after send(socket of the other side); None within a second."""
        ours, theirs = raw(ns, local, proto), raw(self.mn if ns is self.ha else self.ha, remote, proto)
        with ours, theirs:
            send(theirs)
            ours.settimeout(1 * SLOW)
            try:
                data, ancillary, _, _ = ours.recvmsg(2048, 256)
            except TimeoutError:
                return None
        marks = [struct.unpack("=I", value)[0] for level, kind, value in ancillary
                 if (level, kind) == (socket.SOL_SOCKET, SO_MARK)]
        return data, marks[0] if marks else 0

    def passes(self, child):
        """A message each way by this child, with the mark of its SA."""
        proto = 253 if child == PAYLOAD else wire.MH
        far = AGENT if child == SIGNALLING else CORRESPONDENT
        message = bytes([59, 1, 5, 0]) + bytes(12)
        up = self.receive(self.ha, far, HOME, lambda sock: sock.sendto(message, (far, 0)), proto)
        down = self.receive(self.mn, HOME, far, lambda sock: sock.sendto(message, (HOME, 0)), proto)
        return [got and got[1] for got in (up, down)] == [reqid(SLOT, child)] * 2

    def hosts(self):
        """Care-of address of the IKE_SA as agent and node see it."""
        return [[ike[f"{side}-host"] for ikes in charon.sas().values() for ike in ikes if ike["state"] == "ESTABLISHED"]
                for charon, side in ((self.agent, "remote"), (self.node, "local"))]

    def move(self, old, new):
        """
        The daemon's part of a move at both ends: one message per child, of its `out` policy. From an address to itself
        it makes charon look a second time.
        """
        for child in self.peering.children:
            for ns, local, remote, ends in ((self.mn, HOME, AGENT, lambda coa: (AGENT, coa)),
                                            (self.ha, AGENT, HOME, lambda coa: (coa, AGENT))):
                if child != SIGNALLING:
                    local, remote = (HOME, None) if ns is self.mn else (None, HOME)
                error = migrate(ns, local, remote, PROTOCOLS.get(child, wire.MH), reqid(SLOT, child),
                                TRANSPORT if child == SIGNALLING else TUNNEL, ends(CARE_OF[old]), ends(CARE_OF[new]))
                assert error == 0, f"migrate {child} in {ns.name}: {os.strerror(error)}"


def raw(ns, local, proto):
    def make():
        sock = socket.socket(socket.AF_INET6, socket.SOCK_RAW, proto)
        sock.bind((local, 0))
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVMARK, 1)
        return sock
    return ns.inside(make)


def migrate(ns, source, destination, proto, number, mode, old, new):
    """
    XFRM_MSG_MIGRATE of the `out` policy from source to destination (None: anybody); old and new are pairs (destination,
    source). charon is told by XFRMA_KMADDRESS, local address first. Of a transport policy only charon takes notice: no
    state has these addresses, and its template has none.
    """
    def address(text):
        return ipaddress.IPv6Address(text or "::").packed

    def attribute(kind, data):
        return struct.pack("=HH", 4 + len(data), kind) + data
    selector = address(destination) + address(source) + struct.pack(
        "=HHHHHBBB3xiI", 0, 0, 0, 0, socket.AF_INET6, 128 if destination else 0, 128 if source else 0, proto, 0, 0)
    body = selector + struct.pack("=IB3x", 0, XFRM_POLICY_OUT)
    body += attribute(XFRMA_KMADDRESS, address(new[1]) + address(new[0]) + struct.pack("=IH2x", 0, socket.AF_INET6))
    body += attribute(XFRMA_MIGRATE, b"".join(map(address, (*old, *new))) + struct.pack(
        "=BBHIHH", 50, mode, 0, number, socket.AF_INET6, socket.AF_INET6))
    request_and_ack = 1 | 4

    def ask():
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_XFRM) as sock:
            sock.send(struct.pack("=IHHII", 16 + len(body), XFRM_MSG_MIGRATE, request_and_ack, 1, 0) + body)
            return -struct.unpack_from("=i", sock.recv(65536), 16)[0]
    return ns.inside(ask)


@pytest.fixture
def pair(request):
    """`indirect` parameters are settings of both charons."""
    directory = tempfile.mkdtemp(prefix="mg")      # pytest's own is too deep for the path of a local socket
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        yield Pair(stack, directory, **getattr(request, "param", {}))


def states(ns):
    """{(source, destination): text} of the states of a namespace, one line each."""
    found = {}
    for line in ns.run("ip xfrm state").stdout.splitlines():
        if line.startswith("src"):
            words = line.split()
            last = f"{words[1]} {words[3]}"
            found.setdefault(last, []).append("")
        else:
            found[last][-1] += f" {line.strip()}"
    return found


# ---- the laboratory itself ----

def test_swanctls_raw_output_is_read():
    text = "{n5 {uniqueid=1 remote-id=CN=a b child-sas {n5-x-1 {name=n5-x local-ts=[::/0[udp] a/1] x=[]}}}}"
    assert parse_raw(text) == {
        "n5": {"uniqueid": "1", "remote-id": "CN=a b",
               "child-sas": {"n5-x-1": {"name": "n5-x", "local-ts": ["::/0[udp]", "a/1"], "x": []}}}}


def test_it_starts_loads_dies_and_starts_again(pair):
    charon = pair.node
    text = configuration("node", Peering(SLOT, HOME, AGENT))
    assert "loaded connection 'n5'" in charon.start().load(text)
    charon.kill()
    assert not charon.running()
    assert charon.start().sas() == {} and "loaded connection 'n5'" in charon.load(text)
    charon.stop()
    assert charon.process.returncode == 0, charon.output()


# ---- what it makes ----

@pytest.mark.needs("esp")
def test_the_children_are_ours(pair):
    pair.start().initiate()
    for ns in (pair.ha, pair.mn):
        found = states(ns)
        assert sorted(map(len, found.values())) == [1, 1, 2, 2], found
        for way, (up, down) in {"signalling": (f"{HOME} {AGENT}", f"{AGENT} {HOME}"),
                                "tunnels": (f"{CARE_OF['f1']} {AGENT}", f"{AGENT} {CARE_OF['f1']}")}.items():
            for key, marked in ((up, ns is pair.ha), (down, ns is pair.mn)):
                for text in found[key]:
                    number = next(reqid(SLOT, child) for child in CHILDREN if f"reqid {reqid(SLOT, child)} " in text)
                    assert (f"output-mark {number:#x}/0xffffffff" in text) == marked, text
                    assert ("mode transport" in text) == (way == "signalling"), text
                    assert ("replay-window 32" in text) == marked, text
        text = found[f"{HOME} {AGENT}"][0]
        assert f"sel src {HOME}/128 dst {AGENT}/128" in text and " proto 135" not in text, "ICMPv6 goes by it too"
    assert all(pair.passes(child) for child in CHILDREN)
    assert pair.mn.ping(AGENT, options=f"-I {HOME}") and pair.mn.ping(CORRESPONDENT, options=f"-I {HOME}")


@pytest.mark.needs("esp")
def test_certificates_and_names(pair, tmp_path):
    authority = Authority(tmp_path)
    authority.certificate(pair.agent, "agent", AGENT)
    authority.certificate(pair.node, "n5", HOME, "n5.example")
    for name in (None, "n5.example"):
        pair.peering = Peering(SLOT, HOME, AGENT, secret=None, node_id=name, children=(SIGNALLING,))
        for charon, end in ((pair.agent, "agent"), (pair.node, "node")):
            (charon if charon.running() else charon.start()).load(configuration(end, pair.peering))
        pair.initiate()
        assert pair.agent.sas()["n5"][0]["remote-id"] == (name or HOME)
        pair.node.terminate(ike="n5")


@pytest.mark.needs("esp")
def test_nobody_gets_what_is_anothers(pair):
    """Of two nodes with their own secrets each gets its own home address only."""
    other = Peering(6, "2001:db8:1::101", AGENT, secret="of another", node_id="n6.example")
    pair.start()
    pair.agent.load(configuration("agent", pair.peering, other))
    for stolen, complaint in ((Peering(SLOT, HOME, AGENT, secret="of another"), "AUTH_FAILED"),
                              (Peering(6, HOME, AGENT, secret="of another", node_id="n6.example"), "TS_UNACCEPT")):
        pair.node.load(configuration("node", stolen))
        mark = pair.agent.mark()
        done = pair.node.initiate(stolen.child_name(SIGNALLING), check=False)
        assert done.returncode and complaint in done.stdout, done.stdout
        assert f"authentication of '{HOME}' with pre-shared key successful" not in pair.agent.log_since(mark)
    assert "MAC mismatched" in pair.agent.log() and not states(pair.ha)
    pair.node.load(configuration("node", other))
    pair.node.initiate("n6-signalling")
    assert f"reqid {reqid(6, SIGNALLING)} " in states(pair.ha)[f"2001:db8:1::101 {AGENT}"][0]


@pytest.mark.needs("esp")
def test_traffic_of_the_node_brings_its_children_up(pair):
    pair.start(node_child={"start_action": "trap"})
    for child in CHILDREN:
        until(lambda: pair.passes(child), 20, f"{child} comes up by itself")
    assert sorted(entry["name"] for entry in pair.agent.children()) == sorted(map(pair.peering.child_name, CHILDREN))


# ---- what it keeps and moves ----

@pytest.mark.needs("esp")
@pytest.mark.parametrize("end", ["agent", "node"])
def test_rekeying_keeps_number_and_mark(pair, end):
    pair.start().initiate()
    charon = getattr(pair, end)
    for child in CHILDREN:
        name = pair.peering.child_name(child)
        before = pair.agent.child(name)["spi-in"]
        charon.swanctl("--rekey", "--child", name)
        until(lambda: pair.agent.child(name)["spi-in"] != before, 20, f"{child} has new keys")
        assert pair.passes(child)
    before = pair.agent.sas()["n5"][-1]["uniqueid"]
    charon.swanctl("--rekey", "--ike", "n5")
    until(lambda: [ike["uniqueid"] for ike in pair.agent.sas()["n5"] if ike["state"] == "ESTABLISHED"] != [before], 20,
          "the IKE_SA has new keys")
    assert all(pair.passes(child) for child in CHILDREN)


@pytest.mark.needs("esp")
@pytest.mark.parametrize("children", [CHILDREN, (SIGNALLING,)], ids=["tunnels", "signalling"])
def test_a_move_takes_ike_along(pair, children):
    pair.start(children=children).initiate()
    assert pair.hosts() == [[CARE_OF["f1"]]] * 2
    pair.attach("f2")
    pair.move("f1", "f2")
    pair.attach("f2", leave="f1")
    until(lambda: pair.hosts() == [[CARE_OF["f2"]]] * 2, 10, lambda: f"IKE has moved: {pair.hosts()}")
    until(lambda: not any(CARE_OF["f1"] in key for ns in (pair.ha, pair.mn) for key in states(ns)), 10, "so have SAs")
    assert all(pair.passes(child) for child in children)
    for charon in (pair.agent, pair.node):
        for child in children:
            name = pair.peering.child_name(child)
            before = pair.agent.child(name)["spi-in"]
            charon.swanctl("--rekey", "--child", name)
            until(lambda: pair.agent.child(name)["spi-in"] != before, 20, f"{child} has new keys")
            assert pair.passes(child)


@pytest.mark.needs("esp")
@pytest.mark.parametrize("pair", [{"more": "\tdelete_rekeyed_delay = 3"}], indirect=True, ids=["3s"])
def test_a_move_just_after_rekeying_wants_a_second_message(pair):
    """charon 5.9.8 moves the child that it has just replaced: what comes in for the node has no SA any more."""
    pair.start(children=(SIGNALLING, PAYLOAD)).initiate()
    name = pair.peering.child_name(PAYLOAD)
    pair.agent.swanctl("--rekey", "--child", name)
    until(lambda: [c["state"] for c in pair.node.children(None) if c["name"] == name] == ["DELETED", "INSTALLED"], 10,
          "the old child is kept for a while")
    pair.attach("f2")
    pair.move("f1", "f2")
    pair.attach("f2", leave="f1")
    until(lambda: pair.hosts() == [[CARE_OF["f2"]]] * 2, 10, "IKE has moved")
    until(lambda: len(pair.node.children(None)) == 2, 30, "the old child is gone")
    assert f"{AGENT} {CARE_OF['f1']}" in states(pair.mn) and not pair.passes(PAYLOAD)
    pair.move("f2", "f2")
    until(lambda: f"{AGENT} {CARE_OF['f1']}" not in states(pair.mn), 10, "the second message moves the new child")
    assert pair.passes(PAYLOAD)


@pytest.mark.needs("esp")
@pytest.mark.parametrize("pair", [{"more": "\tplugins { kernel-netlink { roam_events = yes } }"}],
                         indirect=True, ids=["roam"])
def test_mobike_takes_the_agents_end_away_too(pair):
    """
    Why the daemon's connections say `mobike = no`: the node may choose any address of its agent (RFC 4555 §3.5), and
    charon chooses the one on its own link, where no tunnel's policy ends. Signalling, which has no outer addresses, goes
    on. A migrate names both ends (test_a_move_takes_ike_along).
    """
    pair.start(ike={"mobike": "yes"}).initiate()
    pair.attach("f2", leave="f1")
    until(lambda: pair.hosts() == [[CARE_OF["f2"]]] * 2, 20, lambda: f"IKE has moved: {pair.hosts()}")
    on_link = f"{CARE_OF['f2'][:-2]}1"
    until(lambda: f"{on_link} {CARE_OF['f2']}" in states(pair.ha), 20, lambda: f"so has the agent's end: {states(pair.ha)}")
    assert pair.passes(SIGNALLING) and not pair.passes(PAYLOAD)
