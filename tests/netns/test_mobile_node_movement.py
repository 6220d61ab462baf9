# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Moves of our mobile node: RFC 6275 §11.5.1-11.5.3, §11.7.1; hard ones, silent ones, and two uplinks at a time."""
import json
import signal
import time

import pytest

from lab import wire
from lab.capture import capture
from lab.roaming import LINKS, lost_pings, roaming_lab, steady_ping
from lab.topology import CORRESPONDENT, HOME, HOME_AGENT
from lab.wait import SLOW, stays, until


@pytest.fixture
def agent(lab):
    return lab.home_agent()


def both_uplinks(lab, **settings):
    """Registered by wlan0 on link1, wwan0 usable on link2."""
    node = lab.away(**settings)
    lab.plug("wwan0", "link2")
    node.wait_usable("wwan0")
    stays(lambda: node.care_of().startswith("2001:db8:f1:"), 0.2, "the preferred uplink stays")
    return node


def test_a_hard_move_is_registered_from_the_new_link(lab, agent):
    node = lab.away()
    lab.plug("wlan0", "link2")
    node.wait_care_of(LINKS["link2"])
    second = agent.updates[-1]
    assert second.source.startswith("2001:db8:f2:") and (second.seq - agent.updates[0].seq) & 0xFFFF >= 1
    assert lab.cn.ping(HOME) == 3
    assert lab.mn.ping(CORRESPONDENT, options=f"-I {HOME}") == 3


def test_the_first_packet_by_the_new_link_comes_fast(lab, agent):
    """radvd at MinRtrAdvInterval 3 s: the node's own solicitation must bring the advertisement (issue 3: 50 ms)."""
    node = lab.node()
    lab.radvd("link1", "link2", low=3, high=10)
    lab.plug("wlan0", "link1")
    node.wait_care_of(LINKS["link1"])
    times = []
    for link in ("link2", "link1", "link2", "link1"):
        with capture(lab.air, "wlan0", "in") as seen:
            lab.plug("wlan0", link)
            start = time.time()
            node.wait_care_of(LINKS[link])
        at = next(when for when, p in zip(seen.times, seen.frames) if p[14 + 6] == wire.DSTOPTS)
        times.append(at - start)
        # radvd answers a host's solicitations no oftener than MIN_DELAY_BETWEEN_RAS
    assert sorted(times)[1] < 0.5 * SLOW, times


def test_a_solicitation_goes_out_as_soon_as_the_carrier_is_there(lab, agent):
    lab.node()
    with capture(lab.air, "wlan0", "in") as seen:
        lab.plug("wlan0", "link1")
        start = time.time()
        solicit = seen.wait(lambda p: p[6] == wire.ICMPV6 and p[40] == 133)
    when = next(t for t, f in zip(seen.times, seen.frames) if f[14:] == solicit)
    assert when - start < 0.1 * SLOW
    assert wire.destination(solicit) == "ff02::2" and solicit[7] == 255
    assert wire.checksum(wire.source(solicit), "ff02::2", wire.ICMPV6, solicit[40:]) == 0


def test_a_move_that_no_carrier_tells_of_is_found_out(lab, agent):
    """The link's far end changes: another router advertises, the old one no longer answers a probe."""
    node = lab.away()
    old = node.care_of()
    with capture(lab.air, "wlan0", "in") as seen:
        lab.plug("wlan0", "link2", carrier=False)
        node.wait_care_of(LINKS["link2"])
    assert seen.find(lambda p: p[6] == wire.ICMPV6 and p[40] == wire.NS), "the old router was asked for"
    assert lab.cn.ping(HOME) == 3 and node.care_of() != old


@pytest.mark.parametrize("carrier", [True, False], ids=["hard", "silent"])
def test_two_links_whose_routers_have_the_same_link_local_address(lab, agent, carrier):
    """fe80::1 at both, as many networks have it: the prefix tells them apart."""
    for router, link in ((lab.ar1, "link1"), (lab.ar2, "link2")):
        lab.only_link_local(router, link, "fe80::1")
    node = lab.away()
    for link in ("link2", "link1"):
        lab.plug("wlan0", link, carrier=carrier)
        node.wait_care_of(LINKS[link])
        until(lambda: lab.cn.ping(HOME, count=1, replies=False) == 1, 3, "traffic flows")
        assert lab.cn.ping(HOME) == 3


def test_a_router_that_falls_silent_is_left_for_the_other_uplink(lab, agent):
    """The carrier stays: its advertisements are overdue (RFC 6275 §7.3), its link-local address no longer answers."""
    node = both_uplinks(lab)
    start = time.monotonic()
    lab.ar1.ip("link set link1 down")
    node.wait_care_of(LINKS["link2"])
    assert time.monotonic() - start < 3 * SLOW
    assert lab.cn.ping(HOME) == 3


def test_a_router_that_still_answers_is_kept_when_its_advertisements_end(lab, agent):
    node = both_uplinks(lab)
    lab.no_radvd("link1")
    stays(lambda: node.care_of().startswith("2001:db8:f1:"), 2, "it stays")
    assert lab.cn.ping(HOME) == 3 and len(agent.updates) == 1


def test_a_router_that_takes_its_leave_is_left_for_the_other_uplink(lab, agent):
    """radvd ends with a router lifetime of 0 (RFC 4861 §6.2.5)."""
    node = both_uplinks(lab)
    lab.no_radvd("link1", signal.SIGTERM)
    node.wait_care_of(LINKS["link2"])
    assert lab.cn.ping(HOME) == 3


def test_a_prefix_renumbered_on_the_same_link_is_followed(lab, agent):
    """The old one deprecated at once, the new one preferred (RFC 4862 §5.5.4)."""
    node = lab.away()
    lab.radvd("link1", preferred=0)
    lab.core.ip("route add 2001:db8:f7::/64 via 2001:db8:0:a1::2")
    lab.ar1.ip("addr add 2001:db8:f7::1/64 dev link1 nodad")
    lab.static_address_in("2001:db8:f7::", "77")
    node.wait_care_of("2001:db8:f7::77")
    assert lab.cn.ping(HOME) == 3


def test_temporary_addresses_do_not_make_it_restless(lab, agent):
    """RFC 8981: two addresses of one prefix; one of them is registered, and stays."""
    lab.mn.sysctl({"net/ipv6/conf/wlan0/use_tempaddr": 2})
    node = lab.away()
    until(lambda: lab.mn.run("ip -6 addr show dev wlan0").stdout.count("2001:db8:f1:") == 2, 5, "two addresses")
    stays(lambda: len(agent.updates) <= 2 and node.state() == "registered", 2, lambda: f"{agent.updates}")
    assert lab.cn.ping(HOME) == 3


def test_an_address_that_is_a_duplicate_is_given_up(lab, agent):
    """Optimistic (RFC 4429): used while it is checked, given up when somebody else has it."""
    node = lab.away()
    care_of = f"{LINKS['link1']}88"
    lab.ar1.ip(f"addr add {care_of}/128 dev link1 nodad")
    old = node.care_of()
    lab.radvd("link1", autonomous=False)
    lab.mn.ip(f"addr add {care_of}/64 dev wlan0", f"addr del {old}/64 dev wlan0")
    until(lambda: "dadfailed" in lab.mn.run("ip -6 addr show dev wlan0").stdout, 5, "a duplicate is found")
    until(lambda: node.care_of() != care_of, 3, lambda: f"{node.bindings()}")
    lab.mn.ip(f"addr add {LINKS['link1']}89/64 dev wlan0")
    node.wait_care_of(f"{LINKS['link1']}89")
    assert lab.cn.ping(HOME) == 3


def test_a_second_router_on_the_same_link_is_no_move(lab, agent):
    """The old one still answers its probe."""
    node = lab.away()
    lab.mn.ping(f"{LINKS['link1']}1", count=1)
    second = wire.icmp("fe80::b1", "ff02::1", 134, 0, router_advert(wire, "2001:db8:f9::"), hop_limit=255)
    for _ in range(5):
        lab.inject("wlan0", second)
    until(lambda: node.uplinks()["wlan0"].get("routers", 2) >= 2, 3, "the router is known")
    stays(lambda: node.care_of().startswith("2001:db8:f1:"), 2, "no move")
    assert len(agent.updates) == 1


def router_advert(w, prefix, lifetime=1800, valid=300, preferred=200, flags=0xC0, length=64, hop_limit=64):
    import struct
    return (struct.pack("!BBHII", hop_limit, 0, lifetime, 0, 0)
            + struct.pack("!BBBBIII", 3, 4, length, flags, valid, preferred, 0) + w.a2b(prefix))


def test_the_home_address_is_registered_by_the_preferred_uplink(lab, agent):
    node = lab.node()
    lab.radvd("link1", "link2")
    lab.plug("wwan0", "link2")
    node.wait_care_of(LINKS["link2"])
    lab.plug("wlan0", "link1")
    node.wait_care_of(LINKS["link1"])
    assert node.bindings()[HOME]["uplink"] == "wlan0"


def test_the_other_uplink_takes_over_when_the_active_one_loses_its_carrier(lab, agent):
    node = both_uplinks(lab)
    start = time.monotonic()
    lab.unplug("wlan0")
    node.wait_care_of(LINKS["link2"])
    assert time.monotonic() - start < 1 * SLOW
    assert lab.cn.ping(HOME) == 3
    lab.plug("wlan0", "link1")
    node.wait_care_of(LINKS["link1"])


@pytest.mark.parametrize("ours", [False, True])
def test_make_before_break_loses_no_packet(lab, ours):
    """RFC 6275 §11.5.1: both care-of addresses are served until the acknowledgement, the old one a while longer."""
    lab.gateway() if ours else lab.home_agent()
    node = both_uplinks(lab)
    lab.cn.ping(HOME, count=3)
    there, back = steady_ping(lab.cn, HOME), steady_ping(lab.mn, f"-I {HOME} {CORRESPONDENT}")
    until(lambda: node.counters("reverse-tunnelled") > 60, 5, "traffic flows")
    for uplink, link in (("wwan0", "link2"), ("wlan0", "link1"), ("wwan0", "link2")):
        assert node.handover(uplink).returncode == 0
        node.wait_care_of(LINKS[link])
        before = node.counters("reverse-tunnelled")
        until(lambda: node.counters("reverse-tunnelled") > before + 40, 5, "traffic flows")
    for child in (there, back):
        sent, got = lost_pings(child)
        assert sent > 60 and sent - got <= 1, f"{sent - got} of {sent} lost"      # the last may be under way


def test_handover_stays_until_auto_takes_it_back(lab, agent):
    node = both_uplinks(lab)
    assert node.handover("wwan0").returncode == 0
    node.wait_care_of(LINKS["link2"])
    assert node.uplinks()["wwan0"]["state"] == "usable"
    stays(lambda: node.care_of().startswith("2001:db8:f2:"), 1, "it stays there")
    assert node.handover("--auto").returncode == 0
    node.wait_care_of(LINKS["link1"])


def test_handover_to_what_is_not_there_is_refused_with_a_reason(lab, agent):
    node = lab.away()
    for uplink in ("wwan0", "nonsense"):
        done = node.handover(uplink)
        assert done.returncode != 0 and uplink in done.stdout + done.stderr
    assert node.care_of().startswith("2001:db8:f1:")


def test_a_pinned_uplink_that_goes_away_is_left(lab, agent):
    node = both_uplinks(lab)
    node.handover("wwan0")
    node.wait_care_of(LINKS["link2"])
    lab.unplug("wwan0")
    node.wait_care_of(LINKS["link1"])


def test_the_active_uplink_is_deleted_during_a_registration(lab, agent):
    agent.answer = lambda update: None
    node = lab.node()
    lab.radvd("link1", "link2")
    lab.plug("wlan0", "link1")
    agent.wait_update()
    lab.mn.ip("link del wlan0")
    until(lambda: node.uplinks()["wlan0"]["state"] == "absent", 3, "the uplink is gone")
    agent.answer = agent.accept
    lab.plug("wwan0", "link2")
    node.wait_care_of(LINKS["link2"])
    lab.add_uplink("wlan0")
    lab.plug("wlan0", "link1")
    node.wait_care_of(LINKS["link1"])
    assert lab.cn.ping(HOME) == 3


def test_an_uplink_that_comes_after_the_start_is_used(lab, agent):
    node = lab.node(uplinks=({"interface": "late", "preference": 1},))
    assert node.uplinks()["late"]["state"] == "absent"
    lab.add_uplink("late")
    lab.radvd("link1")
    lab.plug("late", "link1")
    node.wait_care_of(LINKS["link1"])
    assert lab.cn.ping(HOME) == 3


def test_a_flapping_link_ends_registered_and_does_not_flood_the_agent(lab, agent):
    node = lab.away()
    before = len(agent.updates)
    for _ in range(15):
        lab.plug("wlan0", "link1")
    node.wait_state("registered")
    until(lambda: lab.cn.ping(HOME, count=1, replies=False) == 1, 5, "traffic flows")
    assert lab.cn.ping(HOME) == 3 and len(agent.updates) - before <= 20
    assert node.process.poll() is None


def test_a_link_that_flaps_back_within_a_blink_keeps_its_registration(lab, agent):
    """The same link: the care-of address is confirmed by the next advertisement."""
    node = lab.away()
    care_of = node.care_of()
    lab.plug("wlan0", "link1")
    node.wait_care_of(care_of)
    assert lab.cn.ping(HOME) == 3


def test_a_care_of_address_taken_away_is_replaced_by_another(lab, agent):
    node = lab.away()
    care_of = node.care_of()
    lab.radvd("link1", autonomous=False)
    lab.mn.ip(f"addr add {LINKS['link1']}88/64 dev wlan0", f"addr del {care_of}/64 dev wlan0")
    node.wait_care_of(f"{LINKS['link1']}88")
    assert lab.cn.ping(HOME) == 3


def test_a_tcp_connection_survives_three_moves(lab):
    lab.gateway()
    node = lab.away()
    server = lab.cn.popen(["python3", "-c", ECHO_SERVER])
    until(lambda: "7777" in lab.cn.run("ss -6tln").stdout, 3, "the server listens")
    client = lab.mn.popen(["python3", "-c", ECHO_CLIENT, HOME], stdin=-1, stdout=-1)
    assert client.stdout.readline() == "connected\n"
    for link in ("link2", "link1", "link2"):
        lab.plug("wlan0", link)
        node.wait_care_of(LINKS[link])
        client.stdin.write(f"{link}\n")
        client.stdin.flush()
        assert client.stdout.readline() == f"{link}\n"
    client.stdin.close()
    assert client.wait(5) == 0
    server.kill()


ECHO_SERVER = """
import socket
s = socket.create_server(("::", 7777), family=socket.AF_INET6)
c, _ = s.accept()
while data := c.recv(100):
    c.sendall(data)
"""
ECHO_CLIENT = """
import socket, sys
s = socket.create_connection(("2001:db8:c::2", 7777), 10, (sys.argv[1], 0))
print("connected", flush=True)
for line in sys.stdin:
    s.sendall(line.encode())
    print(s.recv(100).decode(), end="", flush=True)
"""


def test_kill_9_loses_no_packet_and_the_next_start_adopts(lab, agent):
    node = lab.away()
    seq, care_of = node.bindings()[HOME]["sequence"], node.care_of()
    lab.cn.ping(HOME, count=2)
    ping = steady_ping(lab.cn, HOME)
    node.kill9()
    lab.cn.ping(HOME, count=10)
    node.start()
    lab.cn.ping(HOME, count=10)
    sent, got = lost_pings(ping)
    assert sent > 50 and sent - got <= 1, f"{sent - got} of {sent} lost"
    node.wait_care_of(care_of)
    lab.plug("wlan0", "link2")
    node.wait_care_of(LINKS["link2"])
    assert 0 < (agent.updates[-1].seq - seq) & 0xFFFF < 10 and not [u for u in agent.updates if u.lifetime_s == 0]


def test_a_move_while_the_daemon_was_dead_is_found_at_the_next_start(lab, agent):
    node = lab.away()
    node.kill9()
    lab.plug("wlan0", "link2")
    node.start()
    node.wait_care_of(LINKS["link2"])
    assert lab.cn.ping(HOME) == 3


def test_detach_leaves_nothing(lab, agent):
    node = lab.away()
    node.stop()
    assert node.detach().returncode == 0
    assert HOME not in lab.mn.run("ip -6 addr show").stdout
    rules = [r for r in lab.mn.ip_json("-6 rule show") if r["priority"] not in (0, 32766)]
    assert not rules, rules
    net = json.loads(lab.mn.run("bpftool -j net show").stdout)[0]
    assert not net.get("tc") and not net.get("xdp"), net
    assert lab.mn.ping(HOME_AGENT) == 3
