# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
The topology of every scenario, and its builder.

      cn  2001:db8:c::2
       |
       |  2001:db8:c::/64
      core ------------------ f1   2001:db8:f1::/64 ---.
       |   \\                                            \\
       |    \\---------------- f2   2001:db8:f2::/64 ---- mn   (one of its three
       |                                                /      links up at a time)
       |  uplink 2001:db8:0:1::/64                     /
      ha  ::1 (core is ::2)                           /
       |                                             /
       |  home   2001:db8:1::/64                    /
      [hl]  a bridge -------------------------------
       |
      nb  2001:db8:1::99

Home agent address 2001:db8:1::1; the core router reaches the home link through ha.
"""
import contextlib
import glob
import os
import shutil
import signal
import tempfile

from .gateway import BPFFS, Gateway, bpffs_mounted
from .mobile_node import MobileNode
from .namespace import Namespace, leftovers, sh, unique_prefix, veth

DRAWING = "\n".join(__doc__.strip("\n").splitlines()[2:])
HOME_AGENT = "2001:db8:1::1"
HOME_LINK = "2001:db8:1::/64"
HOME = "2001:db8:1::100"
CORRESPONDENT = "2001:db8:c::2"
NEIGHBOUR = "2001:db8:1::99"
CARE_OF = {"f1": "2001:db8:f1::2", "f2": "2001:db8:f2::2"}


class Lab:
    """with Lab() as lab: ...; every namespace by name: lab.cn, lab.core, lab.ha, lab.hl, lab.nb, lab.mn."""

    def __init__(self, mtu=1500, tail_mtu=1500, **defaults):
        """tail_mtu: of the access links, both ends; defaults: settings of every gateway that says nothing else."""
        self.prefix = unique_prefix()
        self.namespaces, self.gateways, self.nodes = {}, [], []
        self.mtu, self.tail_mtu, self.defaults = mtu, tail_mtu, defaults

    def __enter__(self):
        try:
            bpffs_mounted()
            self._build()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def ns(self, name, forwarding=False):
        if name not in self.namespaces:
            self.namespaces[name] = Namespace(self.prefix, name, forwarding)
        return self.namespaces[name]

    def __getattr__(self, name):
        namespaces = self.__dict__.get("namespaces", {})
        if name in namespaces:
            return namespaces[name]
        raise AttributeError(name)

    def _build(self):
        cn, core, ha = self.ns("cn"), self.ns("core", True), self.ns("ha", True)
        hl, nb, mn = self.ns("hl"), self.ns("nb"), self.ns("mn")
        hl.sysctl({"net/ipv6/conf/default/disable_ipv6": 1})
        veth(cn, "core", core, "cn", self.mtu)
        veth(core, "ha", ha, "uplink", self.mtu)
        veth(ha, "home", hl, "ha", self.mtu)
        veth(nb, "home", hl, "nb", self.mtu)
        veth(core, "f1", mn, "f1", self.tail_mtu)
        veth(core, "f2", mn, "f2", self.tail_mtu)
        veth(mn, "home", hl, "mn", self.mtu)
        hl.ip(f"link add home mtu {self.mtu} type bridge mcast_snooping 0 forward_delay 0", "link set home up",
              *(f"link set {port} master home" for port in ("ha", "nb", "mn")))
        mn.ip(*(f"link set {link} down" for link in ("f1", "f2", "home")))
        cn.ip("addr add 2001:db8:c::2/64 dev core nodad", "route add default via 2001:db8:c::1")
        core.ip("addr add 2001:db8:c::1/64 dev cn nodad", "addr add 2001:db8:0:1::2/64 dev ha nodad",
                "addr add 2001:db8:f1::1/64 dev f1 nodad", "addr add 2001:db8:f2::1/64 dev f2 nodad",
                f"route add {HOME_LINK} via 2001:db8:0:1::1")
        ha.ip("addr add 2001:db8:0:1::1/64 dev uplink nodad", f"addr add {HOME_AGENT}/64 dev home nodad",
              "route add default via 2001:db8:0:1::2")
        nb.ip(f"addr add {NEIGHBOUR}/64 dev home nodad", f"route add default via {HOME_AGENT}")

    def gateway(self, start=True, **settings):
        """A home agent in `ha` (gateway.py has the settings), running unless start=False."""
        gateway = Gateway(self, **{**self.defaults, **settings})
        self.gateways.append(gateway)
        return gateway.start() if start else gateway

    def mobile_node(self, home=HOME, link=None, ns="mn", **kwargs):
        node = MobileNode(self, self.ns(ns), home, **kwargs)
        self.nodes.append(node)
        if link:
            node.attach(link)
        return node

    def second_mobile_namespace(self):
        """Another host `mn2` on the access links' router: links g1 (2001:db8:f3::/64)."""
        mn2 = self.ns("mn2")
        veth(self.core, "f3", mn2, "f3", self.tail_mtu)
        self.core.ip("addr add 2001:db8:f3::1/64 dev f3 nodad")
        mn2.ip("link set f3 down")
        return mn2

    def close(self):
        """Idempotent, and complete even where building was interrupted between two statements."""
        for thing in [*self.nodes, *self.gateways, *self.namespaces.values()]:
            with contextlib.suppress(Exception):
                thing.close()
        self._sweep()

    def _sweep(self):
        """What no object of ours knows, found by this laboratory's prefix."""
        for name in leftovers(self.prefix):
            for pid in sh(f"ip netns pids {name}", check=False).stdout.split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            sh(f"ip netns del {name}", check=False)
        for path in (*glob.glob(f"{tempfile.gettempdir()}/{self.prefix}-*"), *glob.glob(f"{BPFFS}/{self.prefix}-*")):
            shutil.rmtree(path, ignore_errors=True)

    def leftovers(self):
        """Everything of this laboratory that is still there; empty after close()."""
        left = [f"namespace {name}" for name in leftovers(self.prefix)]
        left += glob.glob(f"{tempfile.gettempdir()}/{self.prefix}-*") + glob.glob(f"{BPFFS}/{self.prefix}-*")
        left += [f"process {child.pid}" for ns in self.namespaces.values() for child in ns.started if child.poll() is None]
        return left
