#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
Bulk TCP between a correspondent and a mobile node: to its care-of address (no mobility), through the tunnel (home address),
and straight (home address, route optimisation: routing headers one way, home address options the other), alternating in one
run. The daemons are ours; segmentation offload is on everywhere, as it is on real hosts, and all attach by TC, which keeps
aggregates whole (XDP would cut them at the veth). The correspondent has two addresses, of which one is optimised.

    cn --- core --- ar1 --- mn          the tunnel: cn --- core --- ha --- core --- ar1 --- mn

Before timing: the transfers are whole (their hashes), and the counters say which way they went.
usage: tests/bench/tunnel_tcp.py [--json]
"""
import hashlib
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "netns"))
from lab.correspondent import Correspondent  # noqa: E402
from lab.roaming import Roaming  # noqa: E402
from lab.topology import CORRESPONDENT, HOME  # noqa: E402
from lab.wait import until  # noqa: E402

ROUNDS = 7
SECONDS = 2
SAMPLE = 64 << 20
OPTIMISED = "2001:db8:c::3"
TUNNEL_COUNTERS, STRAIGHT_COUNTERS = ("reverse-tunnelled", "pass-decapsulated"), ("route-optimised", "pass-routed")


def offloads_on(lab):
    for ns in lab.namespaces.values():
        for link in ns.ip_json("link show"):
            if link["ifname"] != "lo":
                ns.run(f"ethtool -K {link['ifname']} tx on sg on tso on gso on gro on", check=False)


def registered(node):
    binding = node.bindings()[HOME]
    return binding["state"] == "registered" and binding["care_of_address"]


def optimise(lab, node):
    """The correspondent's second address is talked to straight."""
    lab.mn.run(["ping", "-c", "3", "-i", "0.2", OPTIMISED], check=False)
    until(lambda: any(peer["state"] == "optimised" for peer in node.show("peers")["peers"]), 5,
          lambda: f"{OPTIMISED} is optimised: {node.show('peers')}")


def whole(lab, node, peer, counters):
    """A transfer each way arrives as it was sent, and went that way."""
    data = os.urandom(SAMPLE)
    with open(f"/tmp/{lab.prefix}-sample", "wb") as file:
        file.write(data)
    for sender, receiver, address in ((lab.cn, lab.mn, HOME), (lab.mn, lab.cn, peer)):
        before = node.all_counters()
        sink = receiver.popen(["/usr/bin/python3", "-c", SINK], stdout=subprocess.PIPE)
        assert sink.stdout.readline().strip() == "ready"
        sender.run(["/usr/bin/python3", "-c", SOURCE, address, peer if address == HOME else HOME,
                    f"/tmp/{lab.prefix}-sample"])
        got = sink.communicate(timeout=60)[0].strip()
        assert got == hashlib.sha256(data).hexdigest(), f"what arrived at {address} is not what was sent"
        after = node.all_counters()
        for name in counters:
            assert after[name] - before[name] >= SAMPLE // 65536 // 64, f"{name}: the sample did not go that way"
    os.unlink(f"/tmp/{lab.prefix}-sample")


SINK = """
import hashlib, socket
server = socket.create_server(("::", 7000), family=socket.AF_INET6)
print("ready", flush=True)
stream, total = server.accept()[0], hashlib.sha256()
for piece in iter(lambda: stream.recv(1 << 20), b""):
    total.update(piece)
print(total.hexdigest())
"""
SOURCE = """
import socket, sys
stream = socket.create_connection((sys.argv[1], 7000), source_address=(sys.argv[2], 0))
stream.sendall(open(sys.argv[3], "rb").read())
"""


def stream(ns, address, *options):
    """bit/s that arrived."""
    reply = json.loads(ns.run(["iperf3", "-J", "-t", str(SECONDS), "-c", address, *options]).stdout)
    return reply["end"]["sum_received"]["bits_per_second"]


def main():
    with Roaming() as lab:
        lab.gateway(mode="tc")
        cn = Correspondent(lab, mode="tc")
        lab.gateways.append(cn)
        cn.start()
        lab.cn.ip(f"addr add {OPTIMISED}/64 dev core nodad")
        node = lab.node(route_optimisation="list", correspondents=[f"{OPTIMISED}/128"])
        offloads_on(lab)
        lab.radvd("link1")
        lab.plug("wlan0", "link1")
        care_of = until(lambda: registered(node), 10, lambda: f"registered: {node.bindings()}")
        whole(lab, node, CORRESPONDENT, TUNNEL_COUNTERS)
        optimise(lab, node)
        whole(lab, node, OPTIMISED, STRAIGHT_COUNTERS)
        lab.mn.popen("iperf3 -s", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.5)
        rows = []
        for title, options in (("correspondent to mobile node", ()), ("mobile node to correspondent", ("-R",))):
            direct, tunnel, straight = [], [], []
            for _ in range(ROUNDS):
                direct.append(stream(lab.cn, care_of, *options))
                tunnel.append(stream(lab.cn, HOME, "-B", CORRESPONDENT, *options))
                straight.append(stream(lab.cn, HOME, "-B", OPTIMISED, *options))
            rows.append({"direction": title, "direct_bps": statistics.median(direct),
                         "tunnel_bps": statistics.median(tunnel), "optimised_bps": statistics.median(straight),
                         "ratio": statistics.median(t / d for t, d in zip(tunnel, direct)),
                         "optimised_ratio": statistics.median(s / d for s, d in zip(straight, direct))})
    if "--json" in sys.argv[1:]:
        print(json.dumps(rows))
        return
    print(f"bulk TCP, median of {ROUNDS} streams of {SECONDS} s, alternating; baseline: the same stream without mobility")
    for row in rows:
        print(f"  {row['direction']:<30} direct {row['direct_bps'] / 1e9:6.2f} Gbit/s   tunnel "
              f"{row['tunnel_bps'] / 1e9:6.2f} Gbit/s   ratio {row['ratio']:.2f} (target 0.80)   optimised "
              f"{row['optimised_bps'] / 1e9:6.2f} Gbit/s   ratio {row['optimised_ratio']:.2f}")


if __name__ == "__main__":
    main()
