# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
The two streams that a handover disturbs, from the correspondent to the home address: pings, of which each is accounted
for, and one TCP connection of iperf3, whose receiver tells how much arrived in each tenth of a second.
"""
import re
import signal
import subprocess
import threading
import time
from pathlib import Path

from topology import HOME, until

INTERVAL_S = 0.01
TCP_RATE = "20M"
PINGER = Path(__file__).with_name("pinger")
RECEIVED = re.compile(r"\[ *\d+\] +[\d.]+-[\d.]+ +sec +([\d.]+) ([KMG]?)Bytes")
UNIT = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


class Ping:
    """The pinger, read line by line. Times are those of the wall clock, in seconds."""

    def __init__(self, ns):
        self.requests, self.replies, self.errors = {}, {}, []      # {number: time}
        self.child = ns.popen([PINGER, HOME, str(INTERVAL_S)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        kinds = {"sent": self.requests, "got": self.replies}
        for line in self.child.stdout:
            kind, *words = line.split()
            if kind in kinds:
                kinds[kind].setdefault(int(words[0]), float(words[1]))
            else:
                self.errors.append(line.strip())

    def flows(self, count=20, patience=10):
        """Waits until that many more have been answered."""
        before = len(self.replies)
        until(lambda: len(self.replies) >= before + count, patience + count * INTERVAL_S,
              lambda: f"{count} more pings are answered; got {len(self.replies) - before}, errors: {self.errors[-3:]}")

    def stop(self):
        time.sleep(0.1)         # the last one may still be on its way
        self.child.send_signal(signal.SIGINT)
        self.child.wait(5)
        self.thread.join(5)
        for number in [n for n, at in self.requests.items() if at > max(self.replies.values())]:
            del self.requests[number]   # sent as it was stopped

    def sent(self):
        """[(sent at, round-trip time in ms; None where it was lost)]"""
        return [(at, (self.replies[number] - at) * 1000 if number in self.replies else None)
                for number, at in sorted(self.requests.items())]

    def received_at(self):
        return sorted(self.replies.values())


class Tcp:
    """One iperf3 connection from `cn` to a server in `mn`; both report every tenth of a second."""

    def __init__(self, cn, mn):
        self.arrived, self.words = [], []       # (time, bytes) of each report; what else the two said
        self.server = mn.popen(f"iperf3 -s -1 -B {HOME} -i 0.1 --forceflush", stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT)
        self.readers = [threading.Thread(target=self._read_server, daemon=True)]
        self.readers[0].start()
        until(lambda: mn.run("ss -H -l -t -n sport = :5201").stdout, 5, "the iperf3 server listens")
        self.client = cn.popen(f"iperf3 -c {HOME} -b {TCP_RATE} -t 86400 -i 10 --forceflush", stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT)
        self.readers.append(threading.Thread(target=self._read_client, daemon=True))
        self.readers[1].start()
        until(lambda: self.bytes_since(0) > 0, 10, lambda: f"the TCP stream flows: {self.words}")

    def _read_server(self):
        for line in self.server.stdout:
            found = RECEIVED.match(line)
            if found and not line.rstrip().endswith(("sender", "receiver")):
                self.arrived.append((time.time(), int(float(found[1]) * UNIT[found[2]])))
            self._complaint(line)

    def _read_client(self):
        for line in self.client.stdout:
            self._complaint(line)

    def _complaint(self, line):
        if "error" in line or "unable" in line or "Broken pipe" in line:
            self.words.append(line.strip())

    def alive(self):
        return self.client.poll() is None and self.server.poll() is None and not self.words

    def bytes_since(self, when):
        return sum(count for at, count in self.arrived if at > when)

    def flows(self, patience=10):
        """Bytes arrive that were on their way after now: a report that began later."""
        since = time.time() + 0.1
        until(lambda: self.bytes_since(since) > 0, patience, lambda: f"TCP bytes arrive again: {self.words}")

    def stop(self):
        """True if the connection lived until we ended it, here, by interrupting its client."""
        survived = self.alive()
        self.client.send_signal(signal.SIGINT)
        self.client.wait(10)
        self.server.wait(10)
        for reader in self.readers:
            reader.join(5)
        complaints = [word for word in self.words if "interrupt" not in word and "terminated" not in word]
        return survived and not complaints
