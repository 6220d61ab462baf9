# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
Files of keys with a fault, and what answers in strongSwan's place: nothing starts without protection, what runs goes on.
"""
import contextlib
import os
import socket
import threading

import pytest

from lab.ipsec_node import IpsecNode
from lab.keys import NodeKeys
from lab.topology import HOME
from lab.wait import until

OTHER = "2001:db8:1::101"

FAULTS = {
    "open to others": (lambda path: os.chmod(path, 0o640), "chmod 0600"),
    "gone": (lambda path: os.unlink(path), "No such file"),
    "no keys": (lambda path: open(path, "w").write("hello world\n"), ":1: a line has six or seven fields"),
    "another node's": (lambda path: open(path, "w").write("\n".join(NodeKeys.fresh(OTHER).lines()) + "\n"),
                       f"no keys at all of {HOME}"),
}


def test_a_key_file_with_a_fault_stops_the_start(lab):
    for what, (spoil, said) in FAULTS.items():
        gateway = lab.gateway(start=False, node_keys=[NodeKeys.fresh(HOME)])
        spoil(gateway.keys_path)
        code, log = gateway.refused_start()
        assert code != 0 and said in log, f"{what}: {code} {log}"


@pytest.mark.needs("esp")
def test_a_key_file_with_a_fault_leaves_the_old_in_force(lab):
    keys = NodeKeys.fresh(HOME)
    gateway = lab.gateway(node_keys=[keys], dad_transmits=0)
    node = IpsecNode(lab, lab.mn, HOME, keys=keys)
    lab.nodes.append(node)
    node.attach("f1")
    for what, (spoil, said) in FAULTS.items():
        good = open(gateway.keys_path).read()
        spoil(gateway.keys_path)
        gateway.process.send_signal(1)
        until(lambda: said in gateway.log(), 5, lambda: f"{what}: {gateway.log()}")
        with open(gateway.keys_path, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(good)
        os.chmod(gateway.keys_path, 0o600)
        node.registered()


# ---- strongSwan's socket ----

class Nonsense:
    """Listens where charon would, and answers whoever connects with these octets."""

    def __init__(self, path, octets):
        self.path, self.octets, self.served = path, octets, 0
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.bind(path)
        self.sock.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                peer, _ = self.sock.accept()
            except OSError:
                return
            self.served += 1
            with contextlib.suppress(OSError):
                peer.sendall(self.octets)

    def close(self):
        self.sock.close()
        os.unlink(self.path)


NONSENSE = {
    "text": b"HTTP/1.1 400 Bad Request\r\n\r\n", "a length of 0": bytes(4), "too long": b"\xff\xff\xff\xff" + bytes(99),
    "a packet out of turn": b"\0\0\0\x01\x01", "an unknown packet": b"\0\0\0\x02\x2a\0",
    "an event with a name that ends behind it": b"\0\0\0\x03\x07\xffx", "noise": os.urandom(4096),
}


def test_the_daemon_outlives_what_answers_in_charons_place(lab):
    for number, (what, octets) in enumerate(NONSENSE.items()):
        path = f"/tmp/{lab.prefix}-vici-{number}"
        server = Nonsense(path, octets)
        gateway = lab.gateway(ipsec={"ike": {"socket": path}})
        until(lambda: server.served >= 2, 10, lambda: f"{what}: it is tried again\n{gateway.log()}")
        assert gateway.log().count("no charon at") == 1, f"{what}: said once\n{gateway.log()}"
        assert gateway.show("ipsec")["charon_answers"] is False
        server.close()
        gateway.close()
