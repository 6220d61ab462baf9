# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What hostile packets lead to: a counter that moves, an ICMPv6 parameter problem, a binding error."""
import struct

from . import wire


def expect(gateway, node, packet, reason, count=1):
    before = gateway.counters(reason)
    node.send(packet)
    gateway.wait_counter(reason, before + count)


def param_problem(node, before, what="parameter problem"):
    """(code, pointer, quoted packet)"""
    def match(p):
        return p[6] == wire.ICMPV6 and p[40] == wire.PARAM_PROBLEM and p
    error = node.wait(match, before, what=what)
    assert wire.checksum(wire.source(error), wire.destination(error), wire.ICMPV6, error[40:]) == 0
    return error[41], struct.unpack_from("!I", error, 44)[0], error[48:]


def binding_error(node, before):
    def match(p):
        message = wire.parse_mobility(p)
        return message and message.kind == wire.BE and message
    message = node.wait(match, before, what="binding error")
    assert message.checksum_good
    return message
