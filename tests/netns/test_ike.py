# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
Keys by IKEv2, with the real strongSwan at both ends: our home agent and our mobile node tell their charons what to agree
on, the policies are ours, and a move takes states and IKE_SA along. RFC 4877. VM tier: the kernel must have ESP.
"""
import os
import secrets

import pytest

from lab import keys, wire
from lab.capture import capture
from lab.charon import Authority, Charon
from lab.keys import HOME_TEST, PAYLOAD, SIGNALLING
from lab.roaming import LINKS, lost_pings, roaming_lab, steady_ping  # noqa: F401 (roaming_lab is the fixture `lab`)
from lab.topology import CORRESPONDENT, HOME, HOME_AGENT
from lab.wait import SLOW, until

pytestmark = pytest.mark.needs("esp")
PROTECTED = {"payload": "protected"}


class Ends:
    """Both charons, and our daemons' configuration for them. secret: of a file at both ends; None: certificates."""

    def __init__(self, lab, secret="", rekey=3600, **ipsec):
        self.lab = lab
        self.agent = Charon(lab.ha, f"/tmp/{lab.prefix}-charon-ha")
        self.node = Charon(lab.mn, f"/tmp/{lab.prefix}-charon-mn")
        self.ipsec, self.rekey, self.secrets = ipsec, rekey, None
        if secret is not None:
            self.secrets = f"/tmp/{lab.prefix}-charon-ha/secrets"
            self.write(secret or secrets.token_hex(16))
        lab.nodes += [self.agent, self.node]

    def write(self, secret, path=None):
        with open(path or self.secrets, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(f"{HOME} {secret}\n")

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


def clear_in_tunnel(road):
    return {c.child for c in keys.clear(road, HOME)
            if CORRESPONDENT not in (wire.source(c.packet), wire.destination(c.packet))}


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
        assert not clear_in_tunnel(road)
    care_of = gateway.bindings()[HOME]["care_of_address"]
    until(lambda: any(ike["remote-host"] == care_of for ikes in ends.agent.sas().values() for ike in ikes), 10,
          lambda: f"the IKE_SA moved along: {ends.agent.sas()}\n{ends.agent.log()[-3000:]}")
