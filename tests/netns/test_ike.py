# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
Keys by IKEv2, with the real strongSwan at both ends: our home agent and our mobile node tell their charons what to agree
on, the policies are ours, and a move takes states and IKE_SA along. RFC 4877. VM tier: the kernel must have ESP.
"""
import os
import secrets

import pytest

from lab.capture import capture
from lab.charon import Authority, Charon
from lab.gateway import FOUR
from lab.keys import SIGNALLING, clear_in_tunnel, ours
from lab.roaming import LINKS, lost_pings, roaming_lab, steady_ping  # noqa: F401 (roaming_lab is the fixture `lab`)
from lab.topology import CORRESPONDENT, HOME, HOME_AGENT
from lab.wait import SLOW, until

pytestmark = pytest.mark.needs("esp")
PROTECTED = {"payload": "protected"}
OTHER = "2001:db8:1::101"


class Ends:
    """
    Both charons, and our daemons' configuration for them. secret: of a file at both ends; None: certificates; charon:
    settings of both (lab/charon.py).
    """

    def __init__(self, lab, secret="", rekey=3600, charon=None, **ipsec):
        self.lab = lab
        self.agent = Charon(lab.ha, f"/tmp/{lab.prefix}-charon-ha", **(charon or {}))
        self.node = Charon(lab.mn, f"/tmp/{lab.prefix}-charon-mn", **(charon or {}))
        self.ipsec, self.rekey, self.secrets = ipsec, rekey, None
        if secret is not None:
            self.secrets = f"/tmp/{lab.prefix}-charon-ha/secrets"
            self.write(secret or secrets.token_hex(16))
        lab.nodes += [self.agent, self.node]

    def write(self, secret, path=None, **others):
        """others: secrets by name of other home addresses, in the same file."""
        with open(path or self.secrets, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write("".join(f"{home} {text}\n" for home, text in {HOME: secret, **others}.items()))

    def section(self, charon):
        ike = {"socket": f"{charon.dir}/vici", "rekey-interval": self.rekey}
        return {**self.ipsec, "ike": {**ike, **({"secrets": self.secrets} if self.secrets else {})}}

    def gateway(self, **settings):
        return self.lab.gateway(ipsec=self.section(self.agent), **settings)

    def away(self, **settings):
        return self.lab.away(ipsec=self.section(self.node), **settings)

    def start(self):
        self.agent.start()
        self.node.start()
        return self


def views(daemon):
    return {row["child"]: row for home in daemon.show("ipsec")["list"] for row in home["children"]}


def complete(daemon):
    return all(row["there"] for row in views(daemon).values())


def wait_complete(*daemons, timeout=20):
    for daemon in daemons:
        until(lambda: complete(daemon), timeout * SLOW / 4, lambda: f"all states: {views(daemon)}\n{daemon.log()}")


def test_registration_and_moves_with_keys_by_ike(lab):
    ends = Ends(lab, **PROTECTED).start()
    with capture(lab.core, "ha") as uplink, capture(lab.core, "ar1") as first, capture(lab.core, "ar2") as second:
        gateway = ends.gateway()
        node = ends.away(route_optimisation="none")
        wait_complete(gateway, node)
        assert lab.cn.ping(HOME) == 3
        before = views(gateway)
        for link in ("link2", "link1"):
            ping = steady_ping(lab.cn, HOME, interval=0.1)
            lab.plug("wlan0", link)
            node.wait_care_of(LINKS[link], timeout=15)
            assert lab.cn.ping(HOME) == 3
            lost_pings(ping)
        assert views(gateway) == before, "the same states as before the moves"
    for road in (uplink, first, second):
        assert not clear_in_tunnel(road, HOME, CORRESPONDENT)
    assert "K" in gateway.bindings()[HOME]["flags"]
    care_of = gateway.bindings()[HOME]["care_of_address"]
    until(lambda: any(ike["remote-host"] == care_of for ikes in ends.agent.sas().values() for ike in ikes), 10,
          lambda: f"the IKE_SA moved along: {ends.agent.sas()}\n{ends.agent.log()[-3000:]}")


def test_rekeying_under_traffic_loses_and_shows_nothing(lab):
    """RFC 7296 §2.8: for a while there are two; the marks and SPIs of both are good."""
    ends = Ends(lab, rekey=10, **PROTECTED).start()
    gateway, node = ends.gateway(), ends.away(route_optimisation="none")
    wait_complete(gateway, node)
    first = views(gateway)
    with capture(lab.core, "ha") as road:
        ping = steady_ping(lab.cn, HOME, interval=0.2)
        until(lambda: all(row["spi_to_agent"] != first[child]["spi_to_agent"] and
                          row["spi_to_node"] != first[child]["spi_to_node"] and row["there"]
                          for child, row in views(gateway).items()), 60, lambda: f"{first} {views(gateway)}")
        lab.plug("wlan0", "link2")
        node.wait_care_of(LINKS["link2"], timeout=15)
        lost_pings(ping)
    assert not clear_in_tunnel(road, HOME, CORRESPONDENT)
    assert lab.cn.ping(HOME) == 3
    ping = steady_ping(lab.cn, HOME, interval=0.2)
    second = views(gateway)
    until(lambda: all(row["spi_to_agent"] != second[child]["spi_to_agent"] for child, row in views(gateway).items()), 60,
          "rekeyed once more, from the new care-of address")
    sent, answered = lost_pings(ping)
    assert sent - answered <= 1, f"{sent} sent, {answered} answered"
    assert gateway.counters("not-protected") == 0
    assert gateway.capabilities() == node.capabilities() == {FOUR}, "no more for moves and new keys"


def test_certificates_and_signalling_alone(lab):
    ends = Ends(lab, secret=None, **{"home-tests": "clear"})
    authority = Authority(f"/tmp/{lab.prefix}-charon-ca")
    authority.certificate(ends.agent, "agent", HOME_AGENT)
    authority.certificate(ends.node, "node", HOME)
    ends.start()
    for charon in (ends.agent, ends.node):
        charon.swanctl("--load-creds", "--noprompt")
    gateway, node = ends.gateway(), ends.away()
    wait_complete(gateway, node)
    assert set(views(node)) == {SIGNALLING}
    assert lab.cn.ping(HOME) == 3
    for link in ("link2", "link1", "link2"):
        lab.plug("wlan0", link)
        node.wait_care_of(LINKS[link], timeout=15)
        assert lab.cn.ping(HOME) == 3
    care_of = gateway.bindings()[HOME]["care_of_address"]
    until(lambda: [ike["remote-host"] for ikes in ends.agent.sas().values() for ike in ikes] == [care_of], 20,
          lambda: f"one IKE_SA, with where the node is: {ends.agent.sas()}\n{node.log()}")


def test_charon_comes_late_dies_and_comes_again(lab):
    ends = Ends(lab, **PROTECTED)
    gateway = ends.gateway()
    node = ends.node_daemon = lab.node(ipsec=ends.section(ends.node), route_optimisation="none")
    lab.radvd("link1", "link2")
    lab.plug("wlan0", "link1")
    until(lambda: "no charon at" in gateway.log() and "no charon at" in node.log(), 10, "both say so")
    assert not gateway.bindings()
    ends.start()
    node.wait_care_of(LINKS["link1"], timeout=40)
    wait_complete(gateway, node)
    assert lab.cn.ping(HOME) == 3

    for charon, daemon in ((ends.agent, gateway), (ends.node, node)):
        mark = daemon.log().count("charon answers")
        charon.kill()
        assert lab.cn.ping(HOME) == 3, "what has its keys goes on"
        charon.start()
        until(lambda: daemon.log().count("charon answers") == mark + 1, 40, lambda: daemon.log())
        # keys are agreed on anew, and what is under way under those that are replaced is lost
        until(lambda: lab.cn.ping(HOME, replies=False) == 3, 10, lambda: f"traffic flows\n{node.log()}")
    lab.plug("wlan0", "link2")
    node.wait_care_of(LINKS["link2"], timeout=60)
    until(lambda: lab.cn.ping(HOME, count=1, replies=False) == 1, 60, lambda: f"traffic flows\n{node.log()}")


def test_a_node_that_dies_is_noticed_and_comes_again(lab):
    """Its agent's charon asks (RFC 7296 §2.4) and clears; until the node is back nothing for it goes in clear."""
    ends = Ends(lab, charon={"retransmit_timeout": 1, "retransmit_tries": 2}, **PROTECTED).start()
    gateway, node = ends.gateway(), ends.away(route_optimisation="none")
    wait_complete(gateway, node)
    assert len(ours(lab.ha, "state")) == 6
    node.kill9()
    ends.node.kill()
    lab.mn.ip("xfrm state flush", "xfrm policy flush")     # all that it knew, as by a power cut
    with capture(lab.core, "ha") as road:
        until(lambda: not ours(lab.ha, "state") and not ends.agent.sas(), 90 * SLOW / 8,
              lambda: f"the agent's charon gives up and clears: {ends.agent.sas()}\n{ends.agent.log()[-3000:]}")
        assert not any(row["there"] for row in views(gateway).values())
        assert lab.cn.ping(HOME, replies=False) == 0
        ends.node.start()
        node.start().wait_care_of(LINKS["link1"], timeout=20)
        wait_complete(gateway, node)
        assert lab.cn.ping(HOME) == 3
    assert not clear_in_tunnel(road, HOME, CORRESPONDENT)


def test_our_daemons_restart_and_go_home(lab):
    ends = Ends(lab, **PROTECTED).start()
    gateway, node = ends.gateway(), ends.away(route_optimisation="none")
    lab.radvd("home")
    wait_complete(gateway, node)
    before = views(gateway)
    for daemon in (gateway, node):
        daemon.kill9()
        daemon.start()
        wait_complete(daemon)
        assert views(daemon) == before
        assert lab.cn.ping(HOME) == 3
        assert "are taken away" not in daemon.log(), "of policies and states"
    lab.plug("wlan0", "link2")
    node.wait_care_of(LINKS["link2"], timeout=15)
    assert lab.cn.ping(HOME) == 3
    assert views(gateway) == before
    lab.plug("wlan0", "home")
    node.wait_state("at-home", timeout=15)
    assert lab.cn.ping(HOME) == 3 and lab.nb.ping(HOME) == 3
    lab.plug("wlan0", "link1")
    node.wait_care_of(LINKS["link1"], timeout=15)
    assert lab.cn.ping(HOME) == 3
    assert views(gateway) == before, "the same keys, away, at home, and away again"


def test_states_that_somebody_flushed_are_agreed_on_anew(lab):
    """The kernel doesn't say which, and charon knows nothing of it."""
    ends = Ends(lab, **PROTECTED)
    ends.start()
    gateway, node = ends.gateway(), ends.away(route_optimisation="none")
    wait_complete(gateway, node)
    for ns in (lab.ha, lab.mn):
        before = {row["spi_to_agent"] for row in views(gateway).values()}
        ns.ip("xfrm state flush")
        until(lambda: lab.cn.ping(HOME, count=1, replies=False) == 1, 30, lambda: f"traffic flows\n{node.log()}")
        wait_complete(gateway, node)
        assert not before & {row["spi_to_agent"] for row in views(gateway).values()}


def test_who_is_taken_out_of_the_configuration_is_out(lab):
    """Connection, secret and states go, for charon to forget and for whoever gets the place."""
    ends = Ends(lab)
    ends.write("the-nodes-own-secret", **{OTHER: "what-another-node-has"})
    ends.start()
    gateway = ends.gateway(mobile_nodes=(HOME, OTHER))
    node = ends.away()
    wait_complete(node)
    secrets_path = gateway.config["ipsec"]["ike"]["secrets"]
    ends.write("the-nodes-own-secret")
    gateway.process.send_signal(1)
    until(lambda: f"no secret of {OTHER}" in gateway.log() and "stays in force" in gateway.log(), 10, gateway.log)

    gateway.config["home-agent"]["mobile-nodes"] = [{"home-address": OTHER}]
    gateway.write_config()
    with open(secrets_path, "w") as file:
        file.write(f"{OTHER} what-another-node-has\n")
    gateway.process.send_signal(1)
    until(lambda: not ours(lab.ha, "state") and not gateway.bindings(), 10, lambda: ours(lab.ha, "state"))
    ends.agent.wait_log(f"unloaded shared key with id 'mobgw-{HOME}'")
    known = ends.agent.swanctl("--list-conns").stdout
    assert f"mobgw-{OTHER}:" in known and f"mobgw-{HOME}:" not in known
    until(lambda: not complete(node), 20, lambda: f"it has been told\n{node.log()}")


@pytest.mark.parametrize("whose", ["nobody's", "another node's"])
def test_a_wrong_secret_registers_nobody(lab, whose):
    """Nor does one that the agent knows as another's: who has a secret is who it belongs to, and nobody else."""
    ends = Ends(lab)
    ends.write("the-nodes-own-secret", **{OTHER: "what-another-node-has"})
    ends.start()
    gateway = ends.gateway(mobile_nodes=(HOME, OTHER))
    stolen = f"/tmp/{lab.prefix}-charon-mn/secrets"
    ends.write("what-another-node-has" if whose == "another node's" else "of-nobody-at-all", stolen)
    section = ends.section(ends.node)
    section["ike"]["secrets"] = stolen
    lab.radvd("link1")
    node = lab.node(ipsec=section)
    lab.plug("wlan0", "link1")
    ends.agent.wait_log("MAC mismatched|authentication of .* successful", timeout=30)
    assert "successful" not in ends.agent.log(), "by the agent: an intruder need not ask who that is"
    assert not gateway.bindings() and node.state() != "registered" and not ours(lab.ha, "state")
    ends.write("the-nodes-own-secret", stolen)
    node.process.send_signal(1)
    until(lambda: node.state() == "registered", 60, lambda: f"with the right one it is registered\n{node.log()}")
