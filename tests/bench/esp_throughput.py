#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
Payload under ESP between a correspondent and a mobile node, aes128-gcm: through our home agent and mobile node
(payload: protected), and through the kernel's own ip6_tunnel with ESP in transport mode on its outer addresses. One
run, two laboratories of one topology, alternating: in the second no program of ours is attached to tax the baseline.
Addresses, cipher, window and offloads are the same, and so is what ESP adds; the largest packets each way are shown.

    cn --- core --- ha (tunnel's end) --- core --- ar1 --- mn (tunnel's end)

Before timing: a transfer each way is whole (its hash), and on the way between core and ar1 all of it was ESP. During:
what arrived has passed the ESP states, by their counts of octets. Ours with the module esp6_offload, as the manual asks
for, and the baseline without: it is built before the module is loaded, since with it the kernel's tunnel sends packets
that nobody encrypted (6.1, 6.12). With it the baseline is tried too, and measured where that check passes. Needs ESP: tests/bench/vm.
usage: tests/bench/esp_throughput.py [--json] [--only TCP|UDP] [--rounds N]
"""
import argparse
import contextlib
import hashlib
import json
import os
import re
import statistics
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "netns"))
from esp_updates import esp_missing  # noqa: E402
from lab import wire  # noqa: E402
from lab.capture import capture  # noqa: E402
from lab.esp import ESP  # noqa: E402
from lab.keys import NodeKeys  # noqa: E402
from lab.roaming import LINKS, Roaming  # noqa: E402
from lab.topology import CORRESPONDENT, HOME, HOME_AGENT  # noqa: E402
from lab.wait import until  # noqa: E402
from tunnel_tcp import SINK, SOURCE, offloads_on, registered  # noqa: E402

ROUNDS = 5
SECONDS = 3
SAMPLE = 2 << 20
TUNNEL_MTU = 1426   # what our daemon tells sockets of a link of 1500
DATAGRAM = 1300     # of UDP, below every path MTU here
UDP = ("-u", "-b", "0", "-l", str(DATAGRAM))    # as fast as it goes: what arrives counts
STREAMS = {"TCP to the mobile node": (), "TCP from the mobile node": ("-R",),
           "UDP to the mobile node": UDP, "UDP from the mobile node": (*UDP, "-R")}


class Tunnelled(Roaming):
    """begin() brings the mobile node's home address to link1, under ESP; the care-of address."""

    def begin(self):
        raise NotImplementedError

    def ready(self):
        self.care_of = self.begin()
        offloads_on(self)
        self.whole()
        self.mn.popen("iperf3 -s", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(lambda: ":5201" in self.mn.run("ss -Hltn").stdout, 5, "iperf3 listens")

    # ---- before timing ----

    def whole(self):
        """A transfer each way arrives as it was sent, and nothing of it is in clear on the mobile node's side."""
        self.sizes = []     # of the largest ESP packet, each way
        data, path = os.urandom(SAMPLE), f"/tmp/{self.prefix}-sample"
        with open(path, "wb") as file:
            file.write(data)
        for sender, receiver, address, source in ((self.cn, self.mn, HOME, CORRESPONDENT),
                                                  (self.mn, self.cn, CORRESPONDENT, HOME)):
            before = self.esp_octets()
            with capture(self.core, "ar1") as road:
                sink = receiver.popen(["/usr/bin/python3", "-c", SINK], stdout=subprocess.PIPE)
                assert sink.stdout.readline().strip() == "ready"
                sender.run(["/usr/bin/python3", "-c", SOURCE, address, source, path], timeout=120)
                got = sink.communicate(timeout=120)[0].strip()
            assert got == hashlib.sha256(data).hexdigest(), f"what arrived at {address} is not what was sent"
            assert self.esp_octets() - before >= SAMPLE, "the states did not count the sample"
            self.sizes.append(self.only_esp(road))
        os.unlink(path)

    @staticmethod
    def only_esp(road):
        """ESP carried the sample, and the correspondent is not seen. The size of the largest packet."""
        sizes = [len(packet) for packet in road.ipv6() if packet[6] == ESP]
        assert sum(sizes) > SAMPLE, f"{sum(sizes)} octets of ESP for a sample of {SAMPLE}"
        clear = [packet for packet in road.ipv6() if wire.a2b(CORRESPONDENT) in packet[8:104]]
        assert not clear, f"{len(clear)} packets in clear, the first {clear[0][:104].hex()}"
        return max(sizes)

    def path_mtu(self):
        """What the correspondent has learnt about the way to the home address."""
        shown = self.cn.run(f"ip -6 route get {HOME}").stdout
        return int(re.search(r"\bmtu (\d+)", shown)[1])

    # ---- timing ----

    def esp_octets(self):
        """That the home agent's states have carried."""
        shown = self.ha.run("ip -s xfrm state").stdout
        return sum(int(octets) for octets in re.findall(r"(\d+)\(bytes\), \d+\(packets\)\n\s+add", shown))

    def stream(self, options):
        """bit/s that arrived, of payload."""
        before = self.esp_octets()
        end = json.loads(self.cn.run(["iperf3", "-J", "-t", str(SECONDS), "-c", HOME, "-B", CORRESPONDENT, *options],
                                     timeout=300).stdout)["end"]
        if "sum_received" in end:
            bps, octets = end["sum_received"]["bits_per_second"], end["sum_received"]["bytes"]
        else:
            got = end["sum"]["packets"] - end["sum"]["lost_packets"]
            octets = got * DATAGRAM
            bps = octets * 8 / end["sum"]["seconds"]
        assert octets > 0 and self.esp_octets() - before >= octets, f"{octets} octets arrived, not all by ESP"
        return bps


class Ours(Tunnelled):
    def begin(self):
        shared = NodeKeys.fresh(HOME, "aes128-gcm")
        payload = {"payload": "protected"}
        self.gateway(mode="tc", node_keys=[shared], ipsec=payload)
        node = self.node(route_optimisation="none", node_keys=[shared], ipsec=payload)
        self.radvd("link1", low=3, high=4)
        self.plug("wlan0", "link1")
        node.wait_care_of(LINKS["link1"])
        return registered(node)


class Kernels(Tunnelled):
    """Nothing of ours: a tunnel between home agent address and care-of address, its packets in ESP transport mode."""

    def begin(self):
        self.plug("wlan0", "link1")
        care_of = self.static_address()
        self.ha.ip(f"addr replace {HOME_AGENT}/64 dev home nodad")
        for ns, near, far, inner in ((self.ha, HOME_AGENT, care_of, f"{HOME}/128"),
                                     (self.mn, care_of, HOME_AGENT, f"{CORRESPONDENT}/128")):
            ns.ip(f"link add tun mtu {TUNNEL_MTU} type ip6tnl mode ip6ip6 encaplimit none "
                  f"local {near} remote {far}",
                  "link set tun up", f"route add {inner} dev tun", *self.esp(near, far))
        self.mn.ip(f"addr add {HOME}/128 dev tun nodad", f"route replace {CORRESPONDENT}/128 dev tun src {HOME}")
        until(lambda: self.cn.ping(HOME, count=1, replies=False), 10, "the tunnel works")
        return care_of

    def esp(self, near, far):
        """Lines of `ip` for one end; replay window and algorithm as the daemon's (agent/ipsec_plan.c)."""
        for way, src, dst in (("out", near, far), ("in", far, near)):
            spi, key = (0x2001, "11") if src == HOME_AGENT else (0x2002, "22")
            yield (f"xfrm state add src {src} dst {dst} proto esp spi {spi} mode transport replay-window 32 "
                   f"aead rfc4106(gcm(aes)) 0x{key * 20} 128")
            yield f"xfrm policy add dir {way} src {src}/128 dst {dst}/128 proto 41 tmpl proto esp mode transport"


def measure(ours, baselines, only, rounds):
    """Rows of median bit/s: of ours, and of each baseline {name: laboratory} with the ratio of ours to it."""
    rows = []
    for title, options in STREAMS.items():
        if not title.startswith(only):
            continue
        for lab in (ours, *baselines.values()):
            lab.stream(options)     # warm
        turns = [[lab.stream(options) for lab in (ours, *baselines.values())] for _ in range(rounds)]
        mine, *others = zip(*turns)
        rows.append({"stream": title, "ours_bps": statistics.median(mine), "baselines": {
            name: {"bps": statistics.median(bps), "ratio": statistics.median(m / b for m, b in zip(mine, bps))}
            for name, bps in zip(baselines, others)}})
    return rows


def offloaded(stack):
    """The baseline with esp6_offload; None, and why on stderr, where it isn't all under ESP."""
    kernels = stack.enter_context(Kernels())
    try:
        kernels.ready()
    except AssertionError as error:
        print(f"esp_throughput: baseline with esp6_offload not measured: {str(error)[:100]}", file=sys.stderr)
        return None
    return kernels


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", default="", help="streams whose name begins so")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    why = esp_missing()
    if why:
        print(f"esp_throughput: skipped: {why}", file=sys.stderr)
        return
    with contextlib.ExitStack() as stack:
        kernels = stack.enter_context(Kernels())
        kernels.ready()
        subprocess.run(["modprobe", "esp6_offload"], check=True)
        ours = stack.enter_context(Ours())
        ours.ready()
        assert ours.path_mtu() == TUNNEL_MTU, f"ours carries {ours.path_mtu()}, the baseline {TUNNEL_MTU} octets"
        with_module = offloaded(stack)
        rows = measure(ours, {"kernel": kernels, **({"with esp6_offload": with_module} if with_module else {})},
                       options.only, options.rounds)
    if options.json:
        print(json.dumps({"ours_esp": ours.sizes, "kernel_esp": kernels.sizes, "streams": rows}))
        return
    print(f"payload under ESP, aes128-gcm; median of {options.rounds} streams of {SECONDS} s, alternating; "
          "baseline: the kernel's ip6_tunnel and ESP\n"
          f"  largest ESP packet to and from the mobile node: baseline {kernels.sizes}, ours {ours.sizes} octets")
    for row in rows:
        print(f"  {row['stream']:<28} ours {row['ours_bps'] / 1e6:8.1f} Mbit/s" + "".join(
            f"   {name} {base['bps'] / 1e6:8.1f}, ratio {base['ratio']:.2f}" for name, base in row["baselines"].items())
            + "   (target 1)")


if __name__ == "__main__":
    main()
