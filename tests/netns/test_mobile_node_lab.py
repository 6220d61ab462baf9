# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The laboratory of the mobile node's scenarios, without the daemon: access links, radvd, the scripted home agent."""
from lab import wire
from lab.capture import capture, packet_socket
from lab.home_agent import read_update
from lab.roaming import ROUTER_LINK_LOCAL, roaming_lab
from lab.wait import until

HOME, HOME_AGENT, CORRESPONDENT = "2001:db8:1::100", "2001:db8:1::1", "2001:db8:c::2"


def global_addresses(lab, link):
    return [info["local"] for entry in lab.mn.ip_json(f"-6 addr show dev {link} scope global")
            for info in entry.get("addr_info", []) if "local" in info]


def test_an_access_router_gives_an_address_and_the_way_to_the_home_agent(lab):
    agent = lab.home_agent()
    lab.radvd("link1", "link2")
    lab.plug("wlan0", "link1")
    until(lambda: global_addresses(lab, "wlan0"), 5, "an address by SLAAC")
    assert global_addresses(lab, "wlan0")[0].startswith("2001:db8:f1:")
    until(lambda: lab.mn.ping(agent.address, count=1, replies=False) == 1, 5, "the home agent answers")
    lab.plug("wlan0", "link2", carrier=False)
    until(lambda: any(a.startswith("2001:db8:f2:") for a in global_addresses(lab, "wlan0")), 5, "the other prefix")


def test_the_scripted_home_agent_registers_a_scripted_node(lab):
    agent = lab.home_agent()
    lab.plug("wlan0", "link1")
    care_of = "2001:db8:f1::77"
    lab.mn.ip(f"addr add {care_of}/64 dev wlan0 nodad", "route add default via 2001:db8:f1::1")
    lab.mn.ping(HOME_AGENT, count=1)
    with capture(lab.air, "wlan0", "out") as seen:
        sock = packet_socket(lab.mn, "wlan0")
        update = wire.signalled(care_of, HOME_AGENT, HOME, wire.binding_update(9, 100))
        sock.send(wire.ethernet(lab.ar1.mac("link1"), lab.mn.mac("wlan0"), update))
        ack = wire.parse_mobility(seen.wait(wire.parse_mobility))
        sock.close()
        assert (ack.kind, ack.status, ack.seq, ack.lifetime_s, ack.home) == (wire.BA, 0, 9, 400, HOME)
        assert ack.checksum_good
        lab.cn.ping(HOME, count=1, replies=False)
        seen.wait(lambda p: p[6] == wire.IPV6 and wire.source(p[40:]) == CORRESPONDENT)
    got = agent.wait_update()
    assert (got.home, got.care_of, got.flags, got.checksum_good) == (HOME, care_of, "AH", True)
    assert got.octets == update[:7] + got.octets[7:8] + update[8:] and read_update(update).seq == 9


def test_the_home_link_has_a_router_that_names_the_home_agent(lab):
    lab.home_agent()
    lab.radvd("home")
    lab.plug("wlan0", "home")
    with capture(lab.air, "wlan0", "out") as seen:
        advert = seen.wait(lambda p: p[6] == wire.ICMPV6 and p[40] == 134)
    assert wire.source(advert) == ROUTER_LINK_LOCAL["home"] and wire.a2b(HOME_AGENT) in advert
    until(lambda: lab.mn.ping(HOME_AGENT, count=1, replies=False) == 1, 5, "the home agent answers on the home link")
