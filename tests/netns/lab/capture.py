# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
Packets as they pass an interface of a namespace: `with capture(ns, "f1") as seen: ...` and then len(seen), seen.ipv6().
Both directions are seen; `direction="in"` keeps what was received. A pcap of it can be read by tshark.
"""
import select
import socket
import struct
import subprocess
import tempfile
import threading
import time

ETH_P_ALL = 3
PACKET_OUTGOING = 4
SO_RCVBUFFORCE = 33
FRAME_MAX = 1 << 17  # an aggregate of the kernel may be larger than any MTU


def packet_socket(ns, link, protocol=ETH_P_ALL):
    """A bound AF_PACKET socket of that namespace."""
    def make():
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(protocol))
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
        sock.bind((link, protocol))
        return sock
    return ns.inside(make)


class capture:
    """Frames (bytes) in order of arrival; usable while it runs and after."""

    def __init__(self, ns, link, direction="both", keep=None):
        self.ns, self.link, self.direction, self.keep = ns, link, direction, keep
        self.frames, self.times = [], []
        self._changed = threading.Condition()
        self._ending = threading.Event()

    def __enter__(self):
        self._sock = packet_socket(self.ns, self.link)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._end_by = time.monotonic() + 0.2   # what passes without a pause would keep it for ever
        self._ending.set()
        self._thread.join()
        self._sock.close()

    def _read(self):
        while True:
            ready = select.select([self._sock], [], [], 0.02)[0]
            if self._ending.is_set() and (not ready or time.monotonic() > self._end_by):
                return
            if not ready:
                continue
            try:
                frame, address = self._sock.recvfrom(FRAME_MAX)
            except OSError:  # the interface went down or away
                if self._ending.is_set():
                    return
                time.sleep(0.01)
                continue
            outgoing = address[2] == PACKET_OUTGOING
            if self.direction != "both" and outgoing != (self.direction == "out"):
                continue
            if self.keep and not self.keep(frame):
                continue
            with self._changed:
                self.frames.append(frame)
                self.times.append(time.time())
                self._changed.notify_all()

    def __len__(self):
        return len(self.frames)

    def ipv6(self, protocol=None):
        """IPv6 packets (bytes from the IPv6 header on), VLAN tags taken off; of one next header value if given."""
        packets = [packet for packet in map(ipv6_of, list(self.frames)) if packet]
        return [p for p in packets if protocol is None or p[6] == protocol]

    def find(self, match):
        """The first IPv6 packet for which match(bytes) is true, or None."""
        return next((packet for packet in self.ipv6() if match(packet)), None)

    def wait(self, match, timeout=3.0, what="packet"):
        """The first IPv6 packet that matches, waiting for it."""
        from .wait import SLOW, Timeout
        end = time.monotonic() + timeout * SLOW
        with self._changed:
            while True:
                found = self.find(match)
                if found:
                    return found
                left = end - time.monotonic()
                if left <= 0:
                    raise Timeout(f"not seen on {self.ns.name}/{self.link}: {what}; {len(self.frames)} frames:\n"
                                  + "\n".join(describe(p) for p in self.ipv6()[-12:]))
                self._changed.wait(min(left, 0.2))

    def pcap(self, path):
        with open(path, "wb") as file:
            file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, FRAME_MAX, 1))
            for when, frame in zip(self.times, self.frames):
                file.write(struct.pack("<IIII", int(when), int(when % 1 * 1e6), len(frame), len(frame)) + frame)
        return path


def ipv6_of(frame):
    offset = 12
    while frame[offset:offset + 2] in (b"\x81\x00", b"\x88\xa8"):
        offset += 4
    if frame[offset:offset + 2] != b"\x86\xdd" or len(frame) < offset + 42:
        return None
    packet = frame[offset + 2:]
    return packet[:40 + struct.unpack_from("!H", packet, 4)[0]] if packet[4:6] != b"\0\0" else packet


def describe(packet):
    source, destination = (socket.inet_ntop(socket.AF_INET6, packet[at:at + 16]) for at in (8, 24))
    return f"  {source} > {destination} next header {packet[6]}, {len(packet)} octets: {packet[40:64].hex()}"


def tshark_complaints(packets_or_capture):
    """What tshark's expert finds wrong (warnings and errors) in a capture; checksums are our own tests' job."""
    with tempfile.NamedTemporaryFile(suffix=".pcap") as file:
        packets_or_capture.pcap(file.name)
        done = subprocess.run(["tshark", "-r", file.name, "-Y", "_ws.malformed || _ws.expert.severity >= 6291456",
                               "-T", "fields", "-e", "frame.number", "-e", "_ws.expert.message", "-e", "_ws.col.Info"],
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return [line for line in done.stdout.splitlines() if line.strip()]
