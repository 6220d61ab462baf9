# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Bulk data through the gateway, as applications send it."""
import hashlib
import socket
import threading

from .wait import SLOW


def transfer(sender, source, receiver, target, octets=2_000_000):
    """One TCP stream by the kernels of two namespaces, checked octet for octet; returns the sender's MSS at its end."""
    data = hashlib.sha256(source.encode()).digest() * (octets // 32)
    server = receiver.inside(lambda: socket.create_server((target, 0), family=socket.AF_INET6))
    server.settimeout(10 * SLOW)
    got = {}

    def serve():
        peer, _ = server.accept()
        peer.settimeout(20 * SLOW)
        digest = hashlib.sha256()
        while piece := peer.recv(1 << 16):
            digest.update(piece)
        got["digest"] = digest.digest()
        peer.close()
    thread = threading.Thread(target=serve)
    thread.start()
    try:
        client = sender.inside(lambda: socket.create_connection((target, server.getsockname()[1]), 10 * SLOW, (source, 0)))
        client.settimeout(20 * SLOW)
        client.sendall(data)
        mss = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)
        client.shutdown(socket.SHUT_WR)
        thread.join(20 * SLOW)
        client.close()
    finally:
        server.close()
    assert got.get("digest") == hashlib.sha256(data).digest(), "the stream came whole"
    return mss
