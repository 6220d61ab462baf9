# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
The topology of the mobile node's scenarios: two access links with routers of their own, and the home link.

      cn  2001:db8:c::2
       |
       |  2001:db8:c::/64
      core ------------- ar1 ---- 2001:db8:f1::/64 ---- [link1] .
       |   \\                                                     \\
       |    \\----------- ar2 ---- 2001:db8:f2::/64 ---- [link2] .. [air] wlan0, wwan0 = mn
       |                                                         /
       |  uplink 2001:db8:0:1::/64 (ha ::1, core ::2)            /
      ha  ------------------------------- 2001:db8:1::/64 ---- [home]
                                                                 |
                                                                nb  2001:db8:1::99

`air` holds three bridges; the far ends of mn's links are ports that plug() puts into one of them, with loss of carrier
or without. Every router's link-local address is fe80::1 plus its number (ar1 fe80::a1, ar2 fe80::a2, ha fe80::1).
Home agent address 2001:db8:1::1: of our daemon (gateway()), or of the scripted one (home_agent()).
"""
import contextlib
import os
import signal
import subprocess

import pytest

from . import wire
from .capture import packet_socket
from .home_agent import HomeAgent
from .namespace import end_child, veth
from .node import Node
from .topology import HOME_AGENT, HOME_LINK, NEIGHBOUR, Lab
from .wait import until

LINKS = {"link1": "2001:db8:f1::", "link2": "2001:db8:f2::"}
ROUTERS = {"link1": "ar1", "link2": "ar2", "home": "ha"}
ROUTER_LINK_LOCAL = {"link1": "fe80::a1", "link2": "fe80::a2", "home": "fe80::1"}

# RFC 6275 §7.5: a router that serves mobile nodes may advertise more often than RFC 4861 lets it
RADVD = """
interface {interface} {{
	AdvSendAdvert on;
	MinRtrAdvInterval {low};
	MaxRtrAdvInterval {high};
	MinDelayBetweenRAs 0.03;
	AdvIntervalOpt on;
	AdvDefaultLifetime {lifetime};
	{more}
	{prefix}
}};
"""
PREFIX = """prefix {prefix} {{
		AdvOnLink on;
		AdvAutonomous {autonomous};
		AdvValidLifetime {valid};
		AdvPreferredLifetime {preferred};
		AdvRouterAddr {router_address};
	}};"""


class Roaming(Lab):
    """with Roaming() as lab: lab.radvd("link1"), lab.home_agent(), lab.plug("wlan0", "link1"), lab.node()."""

    def _build(self):
        cn, core, ha = self.ns("cn"), self.ns("core", True), self.ns("ha", True)
        ar1, ar2 = self.ns("ar1", True), self.ns("ar2", True)
        air, nb, mn = self.ns("air"), self.ns("nb"), self.ns("mn")
        self.daemons, self.sockets = {}, {}
        air.sysctl({"net/ipv6/conf/default/disable_ipv6": 1})
        for a, a_link, b, b_link in ((cn, "core", core, "cn"), (core, "ha", ha, "uplink"), (core, "ar1", ar1, "core"),
                                     (core, "ar2", ar2, "core"), (ha, "home", air, "ha"), (nb, "home", air, "nb"),
                                     (ar1, "link1", air, "ar1"), (ar2, "link2", air, "ar2")):
            veth(a, a_link, b, b_link, self.mtu)
        air.ip(*(line for bridge, ports in (("home", ("ha", "nb")), ("link1", ("ar1",)), ("link2", ("ar2",)))
                 for line in (f"link add {bridge} mtu {self.mtu} type bridge mcast_snooping 0 forward_delay 0",
                              f"link set {bridge} up", *(f"link set {port} master {bridge}" for port in ports))))
        for link in ("wlan0", "wwan0"):
            self.add_uplink(link)
        cn.ip("addr add 2001:db8:c::2/64 dev core nodad", "route add default via 2001:db8:c::1")
        core.ip("addr add 2001:db8:c::1/64 dev cn nodad", "addr add 2001:db8:0:1::2/64 dev ha nodad",
                "addr add 2001:db8:0:a1::1/64 dev ar1 nodad", "addr add 2001:db8:0:a2::1/64 dev ar2 nodad",
                f"route add {HOME_LINK} via 2001:db8:0:1::1",
                "route add 2001:db8:f1::/64 via 2001:db8:0:a1::2", "route add 2001:db8:f2::/64 via 2001:db8:0:a2::2")
        for router, number, link in ((ar1, "a1", "link1"), (ar2, "a2", "link2")):
            router.ip(f"addr add 2001:db8:0:{number}::2/64 dev core nodad",
                      f"addr add {LINKS[link]}1/64 dev {link} nodad",
                      f"route add default via 2001:db8:0:{number}::1")
            self.only_link_local(router, link, ROUTER_LINK_LOCAL[link])
        ha.ip("addr add 2001:db8:0:1::1/64 dev uplink nodad", "route add default via 2001:db8:0:1::2")
        self.only_link_local(ha, "home", "fe80::1")
        nb.ip(f"addr add {NEIGHBOUR}/64 dev home nodad", f"route add default via {HOME_AGENT}")

    @staticmethod
    def only_link_local(ns, link, address):
        ns.ip(f"addr flush dev {link} scope link", f"addr add {address}/64 dev {link} nodad")

    def add_uplink(self, link):
        """An uplink of mn, its far end in no bridge and down: no carrier."""
        veth(self.mn, link, self.air, link, self.tail_mtu)
        self.air.ip(f"link set {link} down")
        self.mn.sysctl({f"net/ipv6/conf/{link}/{key}": 1 for key in ("accept_ra", "accept_dad", "autoconf")})

    # ---- the players ----

    def gateway(self, **settings):
        """Our own home agent, in `ha`."""
        self.ha.ip(f"addr replace {HOME_AGENT}/64 dev home nodad")
        return super().gateway(**settings)

    def home_agent(self, **settings):
        """The scripted home agent in `ha` (home_agent.py)."""
        agent = HomeAgent(self, **settings)
        self.nodes.append(agent)
        return agent

    def node(self, start=True, **settings):
        """Our mobile node in `mn`."""
        node = Node(self, **settings)
        self.gateways.append(node)
        return node.start() if start else node

    def second_node(self, home, link="link2", **settings):
        """Another of our mobile nodes, in `mn2`, registered from that link, where it stays."""
        mn2 = self.ns("mn2")
        veth(mn2, "wlan0", self.air, "mn2", self.tail_mtu)
        mn2.sysctl({f"net/ipv6/conf/wlan0/{key}": 1 for key in ("accept_ra", "accept_dad", "autoconf")})
        self.air.ip(f"link set mn2 master {link}", "link set mn2 up")
        node = Node(self, ns="mn2", homes=(home,), uplinks=({"interface": "wlan0"},), **settings)
        self.gateways.append(node)
        node.start().wait_care_of(LINKS[link])
        return node

    def away(self, link="link1", uplink="wlan0", **settings):
        """Our mobile node, registered from that link; the real radvd runs on both."""
        node = self.node(**settings)
        self.radvd("link1", "link2")
        self.plug(uplink, link)
        node.wait_care_of(LINKS[link])
        return node

    def static_address_in(self, prefix, host, uplink="wlan0"):
        self.mn.ip(f"addr add {prefix}{host}/64 dev {uplink}")
        return f"{prefix}{host}"

    def static_address(self, link="link1", uplink="wlan0", host="77"):
        """What an administrator would type; the care-of address."""
        care_of = f"{LINKS[link]}{host}"
        self.mn.ip(f"addr add {care_of}/64 dev {uplink}", f"route add default via {LINKS[link]}1 dev {uplink}")
        return care_of

    def radvd(self, *links, low=0.03, high=0.07, lifetime=30, valid=300, preferred=200, autonomous=True, more=""):
        """The real radvd on these links; again on one of them: with other settings."""
        for link in links:
            self.no_radvd(link)
            router = self.ns(ROUTERS[link])
            text = PREFIX.format(prefix=f"{HOME_AGENT}/64" if link == "home" else f"{LINKS[link]}/64", valid=valid,
                                 preferred=preferred, autonomous="on" if autonomous else "off",
                                 router_address="on" if link == "home" else "off")
            base = f"/tmp/{self.prefix}-radvd-{link}"
            os.makedirs(base, exist_ok=True)
            with open(f"{base}/conf", "w") as file:
                file.write(RADVD.format(interface=link, low=low, high=high, lifetime=lifetime, more=more, prefix=text))
            os.chmod(f"{base}/conf", 0o644)
            with open(f"{base}/log", "a") as log:
                command = ["radvd", "-n", "-C", f"{base}/conf", "-p", f"{base}/pid", "-m", "stderr"]
                self.daemons[link] = router.popen(command, stdout=log, stderr=log)

    def no_radvd(self, link, how=signal.SIGKILL):
        """Ended: with SIGTERM it takes its leave (lifetime 0), with SIGKILL it is silent."""
        if link in self.daemons:
            end_child(self.daemons.pop(link), how)

    # ---- movement ----

    def plug(self, link, where, carrier=True):
        """Puts the far end of mn's `link` into a bridge; carrier: with loss of carrier, as a cable that is moved."""
        if link in self.sockets:        # the loss of carrier stands in it as an error
            self.sockets.pop(link).close()
        if carrier:
            self.air.ip(f"link set {link} down")
            until(lambda: not self.has_carrier(link), 3, f"{link} lost its carrier")
        self.air.ip(f"link set {link} master {where}", *([f"link set {link} up"] if carrier else []))
        self.mn.ip(f"link set {link} up")

    def unplug(self, link):
        self.air.ip(f"link set {link} down", f"link set {link} nomaster")

    def has_carrier(self, link):
        return "LOWER_UP" in self.mn.ip_json(f"link show dev {link}")[0]["flags"]

    # ---- packets of strangers ----

    def inject(self, link, packet, mac="02:00:00:00:66:66", to=None):
        """An IPv6 packet that arrives at mn's `link` as from a neighbour there."""
        if link not in self.sockets:
            self.sockets[link] = packet_socket(self.air, link)
        destination = wire.destination(packet)
        to = to or (wire.multicast_mac(destination) if destination.startswith("ff") else self.mn.mac(link))
        self.sockets[link].send(wire.ethernet(to, mac, packet))

    def close(self):
        for sock in self.__dict__.get("sockets", {}).values():
            with contextlib.suppress(OSError):
                sock.close()
        self.sockets = {}
        super().close()


def lost_pings(child):
    """(sent, answered) of a ping child that has been interrupted."""
    child.send_signal(signal.SIGINT)
    words = child.communicate(timeout=10)[0].split()
    return int(words[words.index("packets") - 1]), int(words[words.index("received,") - 1])


def steady_ping(ns, target, interval=0.01):
    return ns.popen(f"ping -n -i {interval} {target}", stdout=subprocess.PIPE)


def laboratory(request, **settings):
    """Body of a fixture `lab`: as that of conftest.py, with this topology."""
    for mark in request.node.iter_markers("topology"):
        settings.update(mark.kwargs)
    lab = Roaming(**settings)
    with lab:
        yield lab
    logs = "\n".join(g.final_log for g in lab.gateways)
    left = lab.leftovers()
    left += [f"pin {g.pin_dir}: --detach did not take it away" for g in lab.gateways
             if getattr(g, "unpinned_by_hand", False)]
    assert not left, f"left behind: {left}\n{logs}"
    for complaint in ("AddressSanitizer", "runtime error:", "LeakSanitizer"):
        assert complaint not in logs, logs


@pytest.fixture(name="lab")
def roaming_lab(request):
    yield from laboratory(request)
