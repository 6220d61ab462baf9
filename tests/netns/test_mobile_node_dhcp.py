# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Care-of addresses from a real DHCPv6 client and server (RFC 8415): the node takes whatever address an uplink has."""
import os

import pytest

from lab.roaming import LINKS, roaming_lab
from lab.topology import HOME
from lab.wait import until

LEASE = {"link1": ("2001:db8:f1::d00", "2001:db8:f1::dff"), "link2": ("2001:db8:f2::d00", "2001:db8:f2::dff")}


def dhcp_server(lab, link):
    """dnsmasq for addresses; the advertisements, with the M flag and no autonomous prefix, are radvd's."""
    low, high = LEASE[link]
    base = f"/tmp/{lab.prefix}-dhcp-{link}"
    os.makedirs(base)
    router = {"link1": lab.ar1, "link2": lab.ar2}[link]
    with open(f"{base}/log", "w") as log:
        router.popen(["dnsmasq", "--keep-in-foreground", "--port=0", "--conf-file=/dev/null", f"--interface={link}",
                      "--bind-interfaces", f"--dhcp-range={low},{high},64,10m", f"--dhcp-leasefile={base}/leases",
                      "--dhcp-authoritative", "--log-facility=-", "--user=root", f"--pid-file={base}/pid"],
                     stdout=log, stderr=log)
    lab.radvd(link, autonomous=False, more="AdvManagedFlag on;")
    until(lambda: ":547" in router.run("ss -uln6").stdout, 5, lambda: open(f"{base}/log").read())


def dhcp_client(lab, uplink="wlan0"):
    base = f"/tmp/{lab.prefix}-dhclient-{uplink}"
    os.makedirs(base, exist_ok=True)
    with open(f"{base}/conf", "w") as file:
        file.write("timeout 10;\n")
    with open(f"{base}/script", "w") as file:
        file.write(SCRIPT)
    os.chmod(f"{base}/script", 0o755)
    log = open(f"{base}/log", "a")
    child = lab.mn.popen(["dhclient", "-6", "-d", "-v", "-cf", f"{base}/conf", "-lf", f"{base}/leases", "-pf",
                          f"{base}/pid", "-sf", f"{base}/script", "-D", "LL", uplink], stdout=log, stderr=log)
    log.close()
    return child


# Debian's script also writes /etc/resolv.conf, which is the host's
SCRIPT = """#!/bin/sh
case "$reason" in
BOUND6 | RENEW6 | REBIND6)
	ip -6 addr replace "$new_ip6_address/128" dev "$interface" valid_lft "$new_max_life" \\
		preferred_lft "$new_preferred_life" ;;
EXPIRE6 | RELEASE6 | STOP6)
	ip -6 addr del "$old_ip6_address/128" dev "$interface" ;;
esac
"""


@pytest.fixture
def agent(lab):
    return lab.home_agent()


def test_an_address_by_dhcpv6_is_registered(lab, agent):
    node = lab.node()
    dhcp_server(lab, "link1")
    lab.plug("wlan0", "link1")
    dhcp_client(lab)
    node.wait_state("registered", timeout=15)
    assert node.care_of().startswith("2001:db8:f1::d") and len(node.care_of()) == len(LEASE["link1"][0])
    assert lab.cn.ping(HOME) == 3
    assert agent.updates[0].source == node.care_of()


def test_a_lease_that_is_released_ends_the_care_of_address(lab, agent):
    """The client gives its address back; a static one takes over."""
    node = lab.node()
    dhcp_server(lab, "link1")
    lab.plug("wlan0", "link1")
    client = dhcp_client(lab)
    leased = node.wait_state("registered", timeout=15)["care_of_address"]
    client.terminate()
    client.wait(5)
    lab.mn.ip(f"addr add {LINKS['link1']}99/64 dev wlan0")
    if leased in lab.mn.run("ip -6 addr show dev wlan0").stdout:
        lab.mn.ip(f"addr del {leased}/128 dev wlan0")
    node.wait_care_of(f"{LINKS['link1']}99")
    assert lab.cn.ping(HOME) == 3


def test_a_node_moves_from_a_slaac_link_to_a_dhcpv6_link(lab, agent):
    node = lab.away()
    dhcp_server(lab, "link2")
    lab.plug("wlan0", "link2")
    dhcp_client(lab)
    node.wait_state("registered", timeout=15)
    until(lambda: (node.care_of() or "").startswith("2001:db8:f2::d"), 15, lambda: f"{node.bindings()}")
    assert lab.cn.ping(HOME) == 3
