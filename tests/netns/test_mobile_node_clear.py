# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Nothing that carries the home address leaves in clear on a visited link, whatever becomes of the registration."""
import contextlib
import socket

import pytest

from lab import wire
from lab.capture import capture
from lab.roaming import LINKS, roaming_lab
from lab.topology import CORRESPONDENT, HOME, HOME_AGENT
from lab.wait import stays, until

SENDS = 8


@pytest.fixture
def agent(lab):
    return lab.home_agent()


def talk(lab, link="wlan0"):
    """What applications bound to the home address do: datagrams, connections, pings; onto an uplink by force, too."""
    def body():
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as datagrams:
            datagrams.bind((HOME, 4000))
            for target in (CORRESPONDENT, HOME_AGENT, "2001:db8:1::99", f"{LINKS['link1']}1"):
                for _ in range(SENDS // 4):
                    with contextlib.suppress(OSError):
                        datagrams.sendto(b"in clear?", (target, 9))
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as forced:
            forced.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, link.encode())
            forced.bind((HOME, 4001))
            with contextlib.suppress(OSError):
                forced.sendto(b"in clear by this device?", (CORRESPONDENT, 9))
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as stream:
            stream.bind((HOME, 0))
            stream.setblocking(False)
            with contextlib.suppress(OSError):
                stream.connect((CORRESPONDENT, 9))
    lab.mn.inside(body)
    lab.mn.run(f"ping -n -c 2 -i 0.1 -W 0.2 -I {HOME} {CORRESPONDENT}", check=False)


def in_clear(seen):
    """Packets from the home address that are neither tunnelled nor signalling with a home address option."""
    return [p for p in seen.ipv6() if wire.source(p) == HOME]


def tunnelled(seen):
    return [p for p in seen.ipv6(wire.IPV6) if wire.source(p[40:]) == HOME]


def nothing_in_clear(lab, node, seen):
    before = node.counters("no-registration")
    talk(lab)
    node.wait_counter("no-registration", before + SENDS)
    assert not in_clear(seen) and not tunnelled(seen)


def test_before_any_uplink_is_there(lab, agent):
    node = lab.node()
    lab.mn.ip("link set wlan0 up", "link set wwan0 up")
    with capture(lab.air, "wlan0", "in") as seen:
        nothing_in_clear(lab, node, seen)


def test_while_the_registration_is_pending(lab, agent):
    agent.answer = lambda update: None
    with capture(lab.air, "wlan0", "in") as seen:
        node = lab.node()
        lab.radvd("link1")
        lab.plug("wlan0", "link1")
        agent.wait_update()
        nothing_in_clear(lab, node, seen)
        assert node.state() == "pending"


@pytest.mark.parametrize("status", [129, 130, 133])
def test_while_the_registration_is_refused(lab, agent, status):
    agent.answer = agent.refuse(status)
    with capture(lab.air, "wlan0", "in") as seen:
        node = lab.node()
        lab.radvd("link1")
        lab.plug("wlan0", "link1")
        node.wait_state("refused")
        nothing_in_clear(lab, node, seen)


def test_after_the_registration_was_lost(lab, agent):
    """The data path goes by the lifetime itself, whatever the daemon does."""
    node = lab.away(lifetime=4)
    agent.silent = True
    with capture(lab.air, "wlan0", "in") as seen:
        until(lambda: node.care_of() is None, 10, "the registration ends")
        seen.frames.clear()
        nothing_in_clear(lab, node, seen)


def test_after_the_registration_was_lost_with_the_daemon_dead(lab, agent):
    node = lab.away(lifetime=4)
    node.kill9()
    with capture(lab.air, "wlan0", "in") as seen:
        def silent():
            seen.frames.clear()
            talk(lab)
            return not tunnelled(seen)
        until(silent, 10, "the data path stops tunnelling")
        talk(lab)
        assert not in_clear(seen) and not tunnelled(seen)
    node.start()


def test_with_a_registration_everything_is_tunnelled(lab, agent):
    node = lab.away()
    with capture(lab.air, "wlan0", "in") as seen:
        talk(lab)
        node.wait_counter("reverse-tunnelled", SENDS)
        until(lambda: len(tunnelled(seen)) >= SENDS, 3, "tunnelled")
    assert not in_clear(seen)
    assert all(wire.destination(p) == HOME_AGENT and wire.source(p) == node.care_of() for p in tunnelled(seen))


def test_while_it_moves(lab, agent):
    """From the loss of one link to the acknowledgement by way of the other."""
    node = lab.away()
    agent.answer = lambda update: None
    with capture(lab.air, "wlan0", "in") as seen:
        lab.plug("wlan0", "link2")
        agent.wait_update(1)
        talk(lab)
        assert not in_clear(seen)
        agent.answer = agent.accept
        node.wait_care_of(LINKS["link2"])
        talk(lab)
        stays(lambda: not in_clear(seen), 0.3, "nothing in clear")


def test_by_the_other_uplink_when_an_application_insists(lab, agent):
    """SO_BINDTODEVICE on an uplink that the registration does not stand on."""
    node = lab.away()
    lab.plug("wwan0", "link2")
    node.wait_usable("wwan0")
    with capture(lab.air, "wlan0", "in") as one, capture(lab.air, "wwan0", "in") as two:
        talk(lab, "wwan0")
        until(lambda: len(tunnelled(one)) + len(tunnelled(two)) >= SENDS, 3, "tunnelled")
        stays(lambda: not in_clear(one) and not in_clear(two), 0.3, "nothing in clear")


def test_between_home_and_a_visited_link_that_says_nothing_yet(lab, agent):
    """Leaving home with loss of carrier: until the new link is known, it is not the home link, even where its router
    answers for the link-local address of that at home."""
    lab.radvd("home")
    lab.ar1.ip("addr add fe80::1/64 dev link1 nodad")
    node = lab.node()
    lab.plug("wlan0", "home")
    node.wait_state("at-home")
    assert lab.cn.ping(HOME) == 3
    with capture(lab.air, "wlan0", "in") as seen:
        lab.plug("wlan0", "link1")
        for _ in range(5):
            talk(lab)
        clear = [p for p in in_clear(seen) if p[6] in (wire.UDP, wire.TCP) or (p[6], p[40]) == (wire.ICMPV6, wire.ECHO)]
        assert not clear, f"{len(clear)} packets"
        lab.radvd("link1")
        node.wait_care_of(LINKS["link1"])


def test_what_the_kernel_itself_says_for_the_home_address_is_tunnelled_too(lab, agent):
    """A port nobody listens on: the port unreachable carries the home address."""
    lab.away()
    with capture(lab.air, "wlan0", "in") as seen:
        agent.send(agent.tunnelled(wire.udp(CORRESPONDENT, HOME, 5, 33333, b"nobody listens")))
        seen.wait(lambda p: p[6] == wire.IPV6 and p[46] == wire.ICMPV6 and p[80] == wire.UNREACHABLE
                  and b"nobody listens" in p)
    assert not in_clear(seen)


def test_a_daemon_that_ends_orderly_leaves_no_hole(lab, agent):
    """SIGTERM keeps the data path, as kill -9 does."""
    node = lab.away()
    assert node.stop() == 0
    with capture(lab.air, "wlan0", "in") as seen:
        talk(lab)
        until(lambda: len(tunnelled(seen)) >= SENDS, 3, "still tunnelled")
        assert not in_clear(seen)
    node.start()
