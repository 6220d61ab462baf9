#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
Registrations under ESP beside the same ones without, alternating in one run: 10 000 mobile nodes configured, so 40 000
policies and 20 000 states stand in the kernel; 200 of the nodes send an update each, as fast as one thread can, and the
clock stops at the last acknowledgement. Updates are sealed before the clock starts, acknowledgements are opened and
checked after it.

    mn (this process, raw frames) --- wan, ha (build/mobgwd, virtual home link)      once with ESP, once without

Needs ESP in the kernel: tests/bench/vm. usage: tests/bench/esp_updates.py [--json] [--nodes N]
"""
import argparse
import json
import re
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "netns"))
from lab import wire  # noqa: E402
from lab.capture import packet_socket  # noqa: E402
from lab.gateway import Gateway  # noqa: E402
from lab.ipsec_node import open_packet, seal_transport  # noqa: E402
from lab.keys import AGENT, SIGNALLING, NodeKeys  # noqa: E402
from lab.namespace import veth  # noqa: E402
from lab.topology import Lab  # noqa: E402
from updates_bench import care_of, home, update  # noqa: E402

BURST = 200
ROUNDS = 7
LIFETIME_AT, STATUS_AT, SEQ_AT = 10, 6, 8   # in the acknowledgement, RFC 6275 §6.1.8
# by `ip xfrm policy count` and state count: of signalling, mobility headers and prefix messages, a state each way
PER_NODE = {"IN": 2, "OUT": 2, "SAD count": 2}
SIGNALLING_ONLY = {"home-tests": "clear"}


class Pair(Lab):
    """A home agent and the wire that all its mobile nodes are behind."""

    def _build(self):
        mn, ha = self.ns("mn"), self.ns("ha", True)
        mn.sysctl({"net/ipv6/conf/default/disable_ipv6": 1})
        veth(mn, "mn", ha, "wan")
        ha.ip("addr add fe80::1/64 dev wan nodad", f"addr add {AGENT}/128 dev lo",
              f"neigh add fe80::2 lladdr {mn.mac('mn')} dev wan nud permanent", "route add default via fe80::2 dev wan")

    def close(self):
        if "socket" in self.__dict__:
            self.socket.close()
        super().close()


class Registrar(Pair):
    """One home agent with its nodes; burst() registers some of them."""

    def __init__(self, count, protected):
        super().__init__()
        self.count, self.protected, self.seq = count, protected, 0

    def __enter__(self):
        super().__enter__()
        try:
            self._begin()
        except BaseException:
            self.close()
            raise
        return self

    def _begin(self):
        homes = [wire.b2a(home(number)) for number in range(self.count)]
        # SPIs count up over all nodes: the daemon's file names each once
        self.keys = [NodeKeys.fresh(address, "aes128-gcm", (SIGNALLING,), 0x1001 + 2 * number)
                     for number, address in enumerate(homes)] if self.protected else None
        self.agent = Gateway(self, mobile_nodes=homes, address=AGENT, interfaces=("wan",), node_keys=self.keys,
                             ipsec=SIGNALLING_ONLY if self.protected else None,
                             home_links=[{"prefix": "2001:db8:1::/64"}])
        self.gateways.append(self.agent)
        start = time.monotonic()
        self.agent.start(timeout=120)
        self.start_s = time.monotonic() - start
        self.macs = bytes.fromhex((self.ha.mac("wan") + self.mn.mac("mn")).replace(":", ""))
        self.socket = packet_socket(self.mn, "mn", 0x86DD)
        self.socket.settimeout(20)
        if self.protected:
            self._installed()

    def _installed(self):
        """All policies and states stand in the kernel, and the rest of what is timed happens among them."""
        shown = " ".join(self.ha.run(f"ip xfrm {what} count").stdout for what in ("policy", "state"))
        got = {name: int(re.search(rf"\b{name}\s+(\d+)", shown)[1]) for name in PER_NODE}
        assert got == {name: each * self.count for name, each in PER_NODE.items()}, shown

    def burst(self):
        """Seconds from the first update to the last acknowledgement, and of the agent's CPU."""
        self.seq += 1
        frames = [update(number, self.seq, self.macs) for number in range(BURST)]
        if self.protected:
            frames = [frame[:14] + seal_transport(frame[14:], self.keys[number].to_agent[SIGNALLING])
                      for number, frame in enumerate(frames)]
        answers, cpu, start = [], self.agent_cpu_s(), time.perf_counter()
        for frame in frames:
            self.socket.send(frame)
        while len(answers) < BURST:
            frame = self.socket.recv(2048)
            if frame[:6] == self.macs[6:] and frame[20] == wire.ROUTING:
                answers.append(frame)
        taken = time.perf_counter() - start
        cpu = self.agent_cpu_s() - cpu
        assert {self.checked(frame[14:]) for frame in answers} == set(range(BURST)), "an acknowledgement to each"
        return taken, cpu

    def checked(self, packet):
        """The number of the node that this is a good acknowledgement for."""
        number = int.from_bytes(packet[60:64], "big") - 0x10000
        if self.protected:
            packet = open_packet(packet, self.keys[number].to_node[SIGNALLING], fresh=True)
        assert packet[40] == wire.MH and packet[24:40] == care_of(number), packet.hex()
        message = packet[64:]
        seq, lifetime = (int.from_bytes(message[at:at + 2], "big") for at in (SEQ_AT, LIFETIME_AT))
        assert message[2] == wire.BA and message[STATUS_AT] == 0 and seq == self.seq and lifetime, packet.hex()
        return number

    def agent_cpu_s(self):
        with open(f"/proc/{self.agent.process.pid}/schedstat", encoding="ascii") as file:
            return int(file.read().split()[0]) / 1e9


def esp_missing():
    """Why not, or None."""
    with Pair() as probe:
        done = probe.ha.run(["ip", "xfrm", "state", "add", "src", "::1", "dst", "::1", "proto", "esp", "spi", "1",
                             "mode", "transport", "aead", "rfc4106(gcm(aes))", "0x" + "11" * 20, "128"], check=False)
    return f"this kernel has no ESP with AES-GCM: {done.stderr.strip()} (tests/bench/vm)" if done.returncode else None


def summary(bench, rounds):
    return {"registrations_per_s": BURST / statistics.median(taken for taken, _ in rounds),
            "agent_us": statistics.median(cpu for _, cpu in rounds) / BURST * 1e6, "start_s": bench.start_s}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--nodes", type=int, default=10000)
    options = parser.parse_args()
    why = esp_missing()
    if why:
        print(f"esp_updates: skipped: {why}", file=sys.stderr)
        return
    with Registrar(options.nodes, protected=False) as plain, Registrar(options.nodes, protected=True) as sealed:
        for bench in (plain, sealed):
            bench.burst()   # first bindings; every round after it renews them
        rounds = [(plain.burst(), sealed.burst()) for _ in range(ROUNDS)]
        assert sealed.agent.bindings()[wire.b2a(home(0))]["protection"] == "ipsec"
        results = {"nodes": options.nodes, "none": summary(plain, [r[0] for r in rounds]),
                   "ipsec": summary(sealed, [r[1] for r in rounds]),
                   "ratio": statistics.median(p[0] / s[0] for p, s in rounds)}
    if options.json:
        print(json.dumps(results))
        return
    print(f"{BURST} registrations at once, {options.nodes} nodes configured, median of {ROUNDS} rounds, alternating")
    for name, title in (("none", "in clear"), ("ipsec", "under ESP, aes128-gcm")):
        row = results[name]
        print(f"  {title:<24} {row['registrations_per_s']:7.0f} a second   "
              f"agent's CPU {row['agent_us']:6.0f} us each   its start {row['start_s']:5.1f} s")
    print(f"  ratio {results['ratio']:.2f}")


if __name__ == "__main__":
    main()
