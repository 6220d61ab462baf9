#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
Bulk TCP between a correspondent and a mobile node: through the tunnel (home address), and the same stream without it
(care-of address), alternating in one run. Both daemons are ours; segmentation offload is on everywhere, as it is on real
hosts, and the home agent attaches by TC, which keeps aggregates whole (XDP would cut them at the veth).

    cn --- core --- ar1 --- mn          the tunnel: cn --- core --- ha --- core --- ar1 --- mn

Before timing: the transfer through the tunnel is whole (its hash), and the counters say that it was tunnelled.
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
from lab.roaming import Roaming  # noqa: E402
from lab.topology import CORRESPONDENT, HOME  # noqa: E402
from lab.wait import until  # noqa: E402

ROUNDS = 7
SECONDS = 2
SAMPLE = 64 << 20


def offloads_on(lab):
    for ns in lab.namespaces.values():
        for link in ns.ip_json("link show"):
            if link["ifname"] != "lo":
                ns.run(f"ethtool -K {link['ifname']} tx on sg on tso on gso on gro on", check=False)


def registered(node):
    binding = node.bindings()[HOME]
    return binding["state"] == "registered" and binding["care_of_address"]


def whole(lab, node):
    """A transfer each way through the tunnel arrives as it was sent, and was tunnelled."""
    data = os.urandom(SAMPLE)
    with open(f"/tmp/{lab.prefix}-sample", "wb") as file:
        file.write(data)
    for sender, receiver, address in ((lab.cn, lab.mn, HOME), (lab.mn, lab.cn, CORRESPONDENT)):
        before = node.all_counters()
        sink = receiver.popen(["/usr/bin/python3", "-c", SINK], stdout=subprocess.PIPE)
        assert sink.stdout.readline().strip() == "ready"
        sender.run(["/usr/bin/python3", "-c", SOURCE, address, f"/tmp/{lab.prefix}-sample"])
        got = sink.communicate(timeout=60)[0].strip()
        assert got == hashlib.sha256(data).hexdigest(), f"what arrived at {address} is not what was sent"
        after = node.all_counters()
        for name in ("reverse-tunnelled", "pass-decapsulated"):
            assert after[name] - before[name] >= SAMPLE // 65536 // 64, f"{name}: the sample did not go through the tunnel"
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
stream = socket.create_connection((sys.argv[1], 7000))
stream.sendall(open(sys.argv[2], "rb").read())
"""


def stream(ns, address, *options):
    """bit/s that arrived."""
    reply = json.loads(ns.run(["iperf3", "-J", "-t", str(SECONDS), "-c", address, *options]).stdout)
    return reply["end"]["sum_received"]["bits_per_second"]


def main():
    with Roaming() as lab:
        lab.gateway(mode="tc")
        node = lab.node()
        offloads_on(lab)
        lab.radvd("link1")
        lab.plug("wlan0", "link1")
        care_of = until(lambda: registered(node), 10, lambda: f"registered: {node.bindings()}")
        whole(lab, node)
        lab.mn.popen("iperf3 -s", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.5)
        rows = []
        for title, options in (("correspondent to mobile node", ()), ("mobile node to correspondent", ("-R",))):
            direct, tunnel = [], []
            for _ in range(ROUNDS):
                direct.append(stream(lab.cn, care_of, *options))
                tunnel.append(stream(lab.cn, HOME, *options))
            rows.append({"direction": title, "direct_bps": statistics.median(direct),
                         "tunnel_bps": statistics.median(tunnel),
                         "ratio": statistics.median(t / d for t, d in zip(tunnel, direct))})
    if "--json" in sys.argv[1:]:
        print(json.dumps(rows))
        return
    print(f"bulk TCP, median of {ROUNDS} streams of {SECONDS} s, alternating; baseline: the same stream without tunnel")
    for row in rows:
        print(f"  {row['direction']:<30} direct {row['direct_bps'] / 1e9:6.2f} Gbit/s   tunnel "
              f"{row['tunnel_bps'] / 1e9:6.2f} Gbit/s   ratio {row['ratio']:.2f} (target 0.80)")


if __name__ == "__main__":
    main()
