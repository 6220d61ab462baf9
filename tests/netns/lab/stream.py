# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A TCP stream between the kernels of two namespaces, compared by digest."""
import contextlib
import hashlib
import random
import socket
import threading

from .wait import SLOW

OCTETS = 2 << 20


def transfer(sender, receiver, target, size=OCTETS):
    """Sends `size` octets by TCP from one namespace's kernel to another's; the two digests."""
    data = random.Random(1).randbytes(size)
    listener = receiver.inside(lambda: socket.create_server((target, 5001), family=socket.AF_INET6))
    listener.settimeout(20 * SLOW)
    got = hashlib.sha256()

    def read():
        with contextlib.suppress(OSError):      # the digests tell
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(20 * SLOW)
                while piece := connection.recv(65536):
                    got.update(piece)
    reader = threading.Thread(target=read, daemon=True)
    reader.start()

    def connect():
        sock = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
        sock.settimeout(20 * SLOW)
        return sock
    sock = sender.inside(connect)
    with sock:
        sock.connect((target, 5001))
        sock.sendall(data)
    reader.join(25 * SLOW)
    listener.close()
    return hashlib.sha256(data).hexdigest(), got.hexdigest()
