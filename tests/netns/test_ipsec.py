# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
Mobility under ESP with static keys, our home agent and our mobile node: what was protected, as tshark reads it with the
keys, and that nothing went in clear. RFC 3776 §3, RFC 4877 §4. These need ESP in the kernel: the VM tier.
"""
import json
import os

import pytest

from lab import keys, wire
from lab.capture import capture
from lab.esp import ESP, Sa
from lab.keys import HOME_TEST, PAYLOAD, SIGNALLING, NodeKeys, clear_in_tunnel, ours, xfrm
from lab.correspondent import Correspondent
from lab.namespace import sh
from lab.roaming import LINKS, lost_pings, roaming_lab, steady_ping  # noqa: F401 (roaming_lab is the fixture `lab`)
from lab.stream import transfer
from lab.topology import CORRESPONDENT, HOME, HOME_AGENT
from lab.wait import until

pytestmark = pytest.mark.needs("esp")
MOVES = int(os.environ.get("MOBGW_IPSEC_MOVES", "50"))
PROTECTED = {"payload": "protected"}
SOMEBODYS = "src 2001:db8:77::1/128 dst 2001:db8:77::2/128"


def protected(lab, suite="aes128-sha256", ipsec=None, **node):
    """(gateway, node away on link1, their keys)"""
    shared = NodeKeys.fresh(HOME, suite)
    gateway = lab.gateway(node_keys=[shared], ipsec=ipsec)
    return gateway, lab.away(node_keys=[shared], ipsec=ipsec, **node), shared


def messages(frames, kind):
    return [f for f in frames if f["mh_type"] == kind]


def views(gateway):
    """{home address: {child: row}}"""
    return {home["home_address"]: {row["child"]: row for row in home["children"]}
            for home in gateway.show("ipsec")["list"]}


def test_signalling_is_under_esp_and_other_traffic_as_before(lab):
    shared = NodeKeys.fresh(HOME)
    with capture(lab.core, "ha") as road:
        gateway = lab.gateway(node_keys=[shared])
        node = lab.away(node_keys=[shared])
        assert lab.cn.ping(HOME) == 3
        lab.plug("wlan0", "link2")
        node.wait_care_of(LINKS["link2"])
        assert lab.cn.ping(HOME) == 3
    frames = keys.decrypted(road, shared.sas(), "esp && mip6.mhtype")
    updates, acks = messages(frames, wire.BU), messages(frames, wire.BA)
    assert len(updates) >= 2 and len(acks) >= 2, frames
    assert all(f["layers"][:4] == ["ipv6", "ipv6.dstopts", "esp", "mipv6"] and f["home_option"] == HOME for f in updates)
    assert all(f["layers"][:4] == ["ipv6", "ipv6.routing", "esp", "mipv6"] and f["home_routed"] == HOME for f in acks)
    assert all(f["icv_good"] == 1 for f in frames)
    assert clear_in_tunnel(road, HOME, CORRESPONDENT) == {PAYLOAD}, "echoes, and nothing else"
    assert gateway.counters("not-protected") == 0 == node.counters("not-protected")
    assert gateway.bindings()[HOME]["protection"] == node.bindings()[HOME]["protection"] == "ipsec"
    assert gateway.counters("encapsulated") >= 6, "by XDP, though signalling is under ESP"


def test_home_tests_pass_under_esp_and_data_goes_straight(lab):
    other = Correspondent(lab)
    lab.gateways.append(other)
    other.start()
    gateway, node, shared = protected(lab, suite="aes256-gcm")
    with capture(lab.core, "ha") as road:
        def direct():
            lab.cn.ping(HOME, count=2, replies=False)
            return other.bindings().get(HOME)
        until(direct, 15, lambda: f"a binding at the correspondent: {node.all_counters()}")
    frames = keys.decrypted(road, shared.sas(), "esp && mip6.mhtype")
    assert messages(frames, 1) and messages(frames, 3), f"home test init and home test: {frames}"
    assert all(f["layers"][:4] == ["ipv6", "esp", "ipv6", "mipv6"] for f in frames if f["mh_type"] in (1, 3))
    assert clear_in_tunnel(road, HOME, CORRESPONDENT) <= {PAYLOAD}
    assert node.counters("not-protected") == 0


def test_nothing_of_fifty_moves_under_traffic_is_in_clear(lab):
    """Payload protected: neither before, nor between, nor behind the acknowledgements, nor to an old care-of address."""
    gateway, node, shared = protected(lab, suite="aes128-gcm", ipsec=PROTECTED, route_optimisation="none")
    lab.radvd("home")
    with capture(lab.core, "ha") as uplink, capture(lab.core, "ar1") as first, capture(lab.core, "ar2") as second:
        ping = steady_ping(lab.cn, HOME, interval=0.1)
        for move in range(MOVES):
            link = ("link2", "link1")[move % 2]
            lab.plug("wlan0", link)
            node.wait_care_of(LINKS[link])
        assert lab.cn.ping(HOME) == 3
        sent, answered = lost_pings(ping)
    assert answered > 0, sent
    for road in (uplink, first, second):
        assert not clear_in_tunnel(road, HOME, CORRESPONDENT)
    opened = keys.decrypted(uplink, shared.sas(), "esp")
    assert len(opened) > 4 * MOVES and all(f["icv_good"] == 1 for f in opened)
    assert gateway.bindings()[HOME]["protection"] == "ipsec, payload"
    assert gateway.counters("moved") >= MOVES


def test_suites_may_differ_by_child(lab):
    """Those that the other scenarios don't use; test_esp_lab.py has each with the kernel alone."""
    shared, suites = NodeKeys.fresh(HOME), {SIGNALLING: "aes256-sha256", HOME_TEST: "aes128-sha1", PAYLOAD: "aes256-sha1"}
    for child, suite in suites.items():
        shared.to_agent[child] = Sa.fresh(shared.to_agent[child].spi, suite)
        shared.to_node[child] = Sa.fresh(shared.to_node[child].spi, suite)
    gateway = lab.gateway(node_keys=[shared], ipsec=PROTECTED)
    lab.away(node_keys=[shared], ipsec=PROTECTED, route_optimisation="none")
    assert lab.cn.ping(HOME) == 3
    assert {child: row["suite"] for child, row in views(gateway)[HOME].items()} == suites


def test_policies_outlive_the_daemon_and_others_stay_untouched(lab):
    shared = NodeKeys.fresh(HOME)
    for ns in (lab.ha, lab.mn):
        ns.ip(f"xfrm policy add {SOMEBODYS} dir out tmpl proto esp mode transport reqid 5",
              f"xfrm policy add {SOMEBODYS} dir in action block",
              "xfrm state add src 2001:db8:77::1 dst 2001:db8:77::2 proto esp spi 0x9 mode transport reqid 5 "
              f"aead 'rfc4106(gcm(aes))' 0x{bytes(20).hex()} 128")
    gateway, node = lab.gateway(node_keys=[shared]), lab.away(node_keys=[shared])
    assert lab.cn.ping(HOME) == 3
    for daemon, ns in ((gateway, lab.ha), (node, lab.mn)):
        before = ours(ns, "policy"), len(ours(ns, "state"))
        assert len(before[0]) >= 6 and before[1] == 4
        daemon.kill9()
        assert (ours(ns, "policy"), len(ours(ns, "state"))) == before, "signalling in clear would be taken meanwhile"
        daemon.start()
        assert (ours(ns, "policy"), len(ours(ns, "state"))) == before and "are taken away" not in daemon.log()
    node.wait_state("registered")
    assert lab.cn.ping(HOME) == 3
    lab.plug("wlan0", "link2")
    node.wait_care_of(LINKS["link2"])
    assert lab.cn.ping(HOME) == 3

    lab.ha.ip(f"xfrm state delete src {HOME} dst {HOME_AGENT} proto esp spi {shared.to_agent[SIGNALLING].spi}")
    until(lambda: len(ours(lab.ha, "state")) == 4, 5, "the state that somebody took away is back")
    lab.plug("wlan0", "link1")
    node.wait_care_of(LINKS["link1"], timeout=10)

    for daemon, ns in ((gateway, lab.ha), (node, lab.mn)):
        daemon.stop()
        daemon.detach()
        assert not ours(ns, "policy") and not ours(ns, "state")
        assert len(xfrm(ns, "state")) == 1 and len([p for p in xfrm(ns, "policy") if "2001:db8:77::1" in p]) == 2


def test_a_restart_takes_other_keys_and_fewer_home_addresses(lab):
    """The SPIs are the same: what stands under them must not be taken for what the file has now."""
    former, shared, fresh = NodeKeys.fresh("2001:db8:1::99", spi=0x2001), NodeKeys.fresh(HOME), NodeKeys.fresh(HOME)
    gateway = lab.gateway(mobile_nodes=(former.home, HOME), node_keys=[former, shared])
    node = lab.away(node_keys=[shared])
    assert lab.cn.ping(HOME) == 3
    gateway.config["home-agent"]["mobile-nodes"] = [{"home-address": HOME}]
    for daemon in (gateway, node):
        keys.write(daemon.keys_path, [fresh])
        daemon.restart()
    node.wait_state("registered")
    assert lab.cn.ping(HOME) == 3
    for ns in (lab.ha, lab.mn):
        stand = ours(ns, "state")
        assert len(stand) == 4 and fresh.to_agent[SIGNALLING].key.hex() in "".join(stand)
        assert not any(former.home in policy for policy in ours(ns, "policy"))


def test_at_home_nothing_is_left_of_the_tunnels(lab):
    gateway, node, shared = protected(lab, ipsec=PROTECTED, route_optimisation="none")
    lab.radvd("home")
    away = len(ours(lab.ha, "policy")), len(ours(lab.mn, "policy"))
    lab.plug("wlan0", "home")
    node.wait_state("at-home")
    assert not gateway.bindings()
    assert lab.nb.ping(HOME) == 3 and lab.cn.ping(HOME) == 3
    assert len(ours(lab.ha, "policy")) == 4 and len(ours(lab.mn, "policy")) == 4
    lab.plug("wlan0", "link2")
    node.wait_care_of(LINKS["link2"])
    assert lab.cn.ping(HOME) == 3 and lab.nb.ping(HOME) == 3
    assert (len(ours(lab.ha, "policy")), len(ours(lab.mn, "policy"))) == away


def test_show_ipsec(lab):
    gateway, node, shared = protected(lab)
    for daemon in (gateway, node):
        view = views(daemon)[HOME]
        assert set(view) == {SIGNALLING, HOME_TEST}
        for child, row in view.items():
            assert (row["there"], row["suite"]) == (True, "aes128-sha256")
            assert (row["spi_to_agent"], row["spi_to_node"]) == (shared.to_agent[child].spi, shared.to_node[child].spi)
        table = daemon.tool("show ipsec").stdout
        assert HOME in table and "aes128-sha256" in table
        everything = table + daemon.log() + json.dumps(daemon.show("ipsec"))
        assert not any(sa.key.hex() in everything for sa in shared.sas())


def test_bulk_data_with_segmentation_offload_is_all_under_esp(lab):
    """With esp6_offload sockets hand over aggregates, which the kernel cuts and encrypts; from here on it is loaded."""
    sh("modprobe esp6_offload")
    protected(lab, suite="aes128-gcm", ipsec=PROTECTED, route_optimisation="none")
    with capture(lab.core, "ar1") as road:
        transfer(lab.mn, HOME, lab.cn, CORRESPONDENT)
        transfer(lab.cn, CORRESPONDENT, lab.mn, HOME)
    carried = [len(packet) for packet in road.ipv6() if packet[6] == ESP]
    assert sum(carried) > 4_000_000 and max(carried) <= 1500
    assert not clear_in_tunnel(road, HOME, CORRESPONDENT)
