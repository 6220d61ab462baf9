# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The home link while a node is away: solicitations answered, the address announced and defended (RFC 6275 §10.4.1)."""
from lab import wire
from lab.capture import capture, packet_socket
from lab.topology import HOME, NEIGHBOUR
from lab.wait import stays, until


def is_advertisement(packet):
    return packet[6] == wire.ICMPV6 and len(packet) >= 64 and packet[40] == wire.NA


def advertisement_for(target):
    return lambda packet: is_advertisement(packet) and packet[48:64] == wire.a2b(target)


def solicit(lab, seen, source=NEIGHBOUR, target=HOME, destination=None):
    """A solicitation from nb in octets of ours; the advertisement that answers it."""
    packet = wire.neighbour_solicitation(source, target, lab.nb.mac("home"), destination)
    group = wire.destination(packet)
    mac = wire.multicast_mac(group) if group.startswith("ff") else lab.ha.mac("home")
    sock = packet_socket(lab.nb, "home")
    sock.send(wire.ethernet(mac, lab.nb.mac("home"), packet))
    sock.close()
    # the agent's announcements (override, not solicited) go on beside it
    return seen.wait(lambda p: advertisement_for(target)(p) and p[44] & 0x60 != 0x20, what=f"answer for {target}")


def test_a_solicitation_for_an_away_node_is_answered_without_override(lab, ha, mn):
    """RFC 4861 §7.2.8, RFC 6275 §10.4.1"""
    mn.registered()
    with capture(lab.nb, "home", "in") as seen:
        answer = solicit(lab, seen, destination=HOME)
    assert answer[44] & 0x60 == 0x40        # solicited, no override
    assert wire.destination(answer) == NEIGHBOUR and answer[7] == 255
    assert answer[64:72] == b"\x02\x01" + wire.mac2b(lab.ha.mac("home"))
    assert wire.checksum(wire.source(answer), NEIGHBOUR, wire.ICMPV6, answer[40:]) == 0


def test_a_multicast_solicitation_is_answered_by_the_data_path(lab, ha, mn):
    mn.registered()
    with capture(lab.nb, "home", "in") as seen:
        solicit(lab, seen)
    assert ha.counters("neighbour-answered") >= 1


def test_a_solicitation_is_answered_after_kill_9(lab, ha, mn):
    mn.registered()
    ha.kill9()
    with capture(lab.nb, "home", "in") as seen:
        solicit(lab, seen)
    assert lab.nb.ping(HOME) == 3
    ha.start()


def test_registration_is_announced_with_override_and_without_solicited(lab, ha, mn):
    """RFC 6275 §10.4.1: unsolicited, to all nodes."""
    with capture(lab.nb, "home", "in") as seen:
        mn.registered()
        found = seen.wait(advertisement_for(HOME), what="unsolicited advertisement")
    assert wire.destination(found) == "ff02::1" and found[44] & 0x60 == 0x20 and found[7] == 255
    assert found[64:72] == b"\x02\x01" + wire.mac2b(lab.ha.mac("home"))


def test_the_announcement_takes_over_a_neighbours_stale_entry(lab, ha, mn):
    mn.attach("home")
    mn.claim_home_address()
    assert lab.nb.ping(HOME) == 3
    mn.ns.ip(f"addr del {HOME}/64 dev home")
    mn.ns.run("ip -6 rule add pref 10 to 2001:db8:1::1 ipproto ipv6-icmp blackhole")
    mn.attach("f1")
    mn.registered()
    until(lambda: any(e.get("lladdr") == lab.ha.mac("home") for e in lab.nb.ip_json(f"-6 neigh show to {HOME}")), 2,
          "the neighbour's entry points to the agent")
    assert lab.nb.ping(HOME) == 3


def test_dad_for_a_defended_address_is_answered(lab, ha, mn):
    """RFC 4862 §5.4: from the unspecified address; the answer goes to all nodes."""
    mn.registered()
    with capture(lab.nb, "home", "in") as seen:
        answer = solicit(lab, seen, source="::")
    assert wire.destination(answer) == "ff02::1" and answer[44] & 0x40 == 0


def test_a_kernel_that_wants_a_defended_address_fails_its_dad(lab, ha, mn):
    mn.registered()
    lab.nb.sysctl({"net/ipv6/conf/all/accept_dad": 1, "net/ipv6/conf/home/accept_dad": 1})
    lab.nb.ip(f"addr add {HOME}/64 dev home")
    until(lambda: any(a.get("dadfailed") for e in lab.nb.ip_json("-6 addr show dev home") for a in e.get("addr_info", [])),
          4, "DAD fails")


def test_dad_runs_before_the_first_acknowledgement(lab, ha, mn):
    with capture(lab.nb, "home", "in") as seen:
        mn.registered()
    probe = seen.find(lambda p: p[6] == wire.ICMPV6 and p[40] == wire.NS and p[48:64] == wire.a2b(HOME))
    assert probe and wire.source(probe) == "::" and wire.destination(probe) == wire.solicited_node(HOME) and probe[7] == 255


def test_after_deregistration_nobody_answers(lab, ha, mn):
    mn.registered()
    mn.deregister()
    before = ha.counters("neighbour-answered")
    with capture(lab.nb, "home", "in") as seen:
        lab.nb.ping(HOME, count=2, replies=False)
        assert not seen.find(advertisement_for(HOME))
    assert ha.counters("neighbour-answered") == before


def test_the_agent_does_not_answer_its_own_solicitation_of_a_returning_node(lab, ha, mn):
    """RFC 6275 §10.3.2, §11.5.5"""
    mn.registered()
    with capture(lab.mn, "home", "in") as seen:
        mn.attach("home")
        assert mn.return_home(claim=False).status == 0
    assert not [p for p in seen.ipv6() if advertisement_for(HOME)(p) and p[44] & 0x40]


def test_a_solicitation_with_a_wrong_hop_limit_is_dropped_and_counted(lab, ha, mn):
    mn.registered()
    packet = wire.neighbour_solicitation(NEIGHBOUR, HOME, lab.nb.mac("home"))
    sock = packet_socket(lab.nb, "home")
    with capture(lab.nb, "home", "in") as seen:
        sock.send(wire.ethernet(wire.multicast_mac(wire.solicited_node(HOME)), lab.nb.mac("home"),
                                packet[:7] + b"\xfe" + packet[8:]))
        ha.wait_counter("nd-malformed", 1)
        assert not seen.find(advertisement_for(HOME))
    sock.close()


def test_with_l_the_link_local_address_is_defended_and_not_tunnelled(lab, ha, mn):
    """RFC 6275 §10.4.1, §10.4.2: defended; traffic to it ends with destination unreachable, address unreachable."""
    mn.registered(flags=wire.A | wire.H | wire.L)
    link_local = "fe80::100"
    mine = lab.nb.link_local("home")
    with capture(lab.nb, "home", "in") as seen:
        solicit(lab, seen, source=mine, target=link_local)
        before = len(mn.inbox)
        lab.nb.run(f"ping -n -c 2 -i 0.2 -W 1 {link_local}%home", check=False)
        error = seen.wait(lambda p: p[6] == wire.ICMPV6 and p[40] == wire.UNREACHABLE, what="unreachable")
    assert error[41] == 3 and wire.destination(error) == mine
    assert not mn.from_tunnel(before)
    assert ha.counters("link-local") >= 1 and ha.counters("link-local-unreachable") >= 1


def test_neighbour_discovery_from_elsewhere_is_never_tunnelled(lab, ha, mn):
    mn.registered()
    before = len(mn.inbox)
    solicitation = wire.neighbour_solicitation(NEIGHBOUR, "2001:db8:1::55", lab.nb.mac("home"), HOME)
    sock = packet_socket(lab.nb, "home")
    sock.send(wire.ethernet(lab.ha.mac("home"), lab.nb.mac("home"), solicitation))
    sock.close()
    ha.wait_counter("nd-to-home-address", 1)
    stays(lambda: not mn.from_tunnel(before), 0.3)
