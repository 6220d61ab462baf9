# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""VLANs: an uplink that is a VLAN device over one that the data path is attached to."""
import pytest

from lab.topology import HOME

pytestmark = [pytest.mark.needs("8021q"), pytest.mark.topology(dad_transmits=0)]


@pytest.mark.parametrize("mode,tags", [("native", (5,)), ("native", (5, 6)), ("tc", (5,))])
def test_traffic_over_a_tagged_uplink(lab, mode, tags):
    names = {"ha": "uplink", "core": "ha"}
    for ns, link in list(names.items()):
        for depth, tag in enumerate(tags):
            protocol = "802.1ad" if depth + 1 < len(tags) else "802.1Q"
            lab.ns(ns).ip(f"link add link {link} name v{tag} type vlan id {tag} protocol {protocol}", f"link set v{tag} up")
            link = f"v{tag}"
        names[ns] = link
    lab.ha.ip("addr flush dev uplink scope global", f"addr add 2001:db8:0:1::1/64 dev {names['ha']} nodad",
              "route replace default via 2001:db8:0:1::2")
    lab.core.ip("addr flush dev ha scope global", f"addr add 2001:db8:0:1::2/64 dev {names['core']} nodad",
                "route replace 2001:db8:1::/64 via 2001:db8:0:1::1")
    gateway = lab.gateway(mode=mode, interfaces=("uplink", "home"))
    node = lab.mobile_node(link="f1")
    node.registered()
    assert lab.cn.ping(HOME, count=10) == 10
    if mode != "tc":
        # XDP tags what it sends; what comes out of the tunnel leaves by the VLAN device, which is the kernel's
        assert gateway.counters("encapsulated") >= 8
        assert gateway.counters("decapsulated") + gateway.counters("pass-decapsulated") >= 8
