# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Malformed mobility headers: what RFC 6275 §9.2 wants answered is answered, the rest is counted in silence."""
import struct

import pytest

from lab import wire
from lab.expect import binding_error, expect, param_problem
from lab.topology import HOME, HOME_AGENT
from lab.wait import stays

# DAD, a second each time, is the subject of test_registration.py and test_neighbour.py
pytestmark = pytest.mark.topology(dad_transmits=0)


def test_an_unknown_mobility_header_type_is_answered_with_binding_error_2(ha, mn):
    """RFC 6275 §9.2: also with a payload protocol that would be wrong; home address as in the option, else unspecified."""
    for home in (HOME, None):
        before = len(mn.inbox)
        mh = wire.mobility_header(99, bytes(2), proto=wire.UDP)
        if home:
            mn.send(wire.signalled(mn.care_of, HOME_AGENT, home, mh))
        else:
            mn.send(wire.ipv6(mn.care_of, HOME_AGENT, wire.MH, wire.summed(mn.care_of, HOME_AGENT, wire.MH, mh, 4)))
        error = binding_error(mn, before)
        assert (error.status, error.error_home) == (2, home or "::")
    assert ha.counters("mh-type") == 2


def test_binding_errors_are_not_answered(ha, mn):
    for kind, body in ((wire.BE, bytes([2, 0]) + bytes(16)), (wire.BA, bytes(6))):
        mh = wire.mobility_header(kind, body)
        mn.send(wire.ipv6(mn.care_of, HOME_AGENT, wire.MH, wire.summed(mn.care_of, HOME_AGENT, wire.MH, mh, 4)))
    ha.wait_counter("mh-unwanted", 2)
    assert not mn.received(lambda p: wire.parse_mobility(p) is not None)


@pytest.mark.parametrize("with_option", [True, False])
@pytest.mark.parametrize("mutation, offset", [({"proto": wire.UDP}, 0), ({"hdrlen": 0}, 1)], ids=["proto", "length"])
def test_malformed_mobility_headers_are_answered_quoting_the_packet_of_the_wire(ha, mn, with_option, mutation, offset):
    """RFC 6275 §9.2: parameter problem code 0; the pointer counts from the start of the packet as it was sent."""
    mh = wire.mobility_header(wire.BU, struct.pack("!HHH", 1, wire.A | wire.H, 100), **mutation)
    if with_option:
        packet, at = wire.signalled(mn.care_of, HOME_AGENT, HOME, mh), 64
    else:
        packet = wire.ipv6(mn.care_of, HOME_AGENT, wire.MH, wire.summed(mn.care_of, HOME_AGENT, wire.MH, mh, 4))
        at = 40
    mn.send(packet)
    code, pointer, quoted = param_problem(mn, 0)
    assert (code, pointer) == (0, at + offset)
    assert quoted[:7] + quoted[8:] == packet[:7] + packet[8:]       # but for the hop limit, which core lowered
    assert not ha.bindings()


def test_a_wrong_checksum_is_dropped_in_silence(ha, mn):
    packet = mn.update_packet(seq=1)
    expect(ha, mn, packet[:68] + bytes([packet[68] ^ 1]) + packet[69:], "mh-checksum")
    stays(lambda: not mn.received(lambda p: p[6] in (wire.ROUTING, wire.MH, wire.ICMPV6) and p[40] < 128), 0.3)


def test_an_unknown_mobility_option_is_skipped(ha, mn):
    """RFC 6275 §6.2.1"""
    assert mn.register(options=bytes([200, 6]) + b"mobile").status == 0


def test_an_option_that_runs_past_the_message_makes_it_malformed(ha, mn):
    mn.send(mn.update_packet(seq=1, alternate=False, options=bytes([200, 60, 0, 0])))
    ha.wait_counter("mh-option", 1)
    assert not ha.bindings()


def test_a_multicast_care_of_address_is_discarded_in_silence(ha, mn):
    """RFC 6275 §9.5.1"""
    mn.send(mn.update_packet(seq=1, alternate="ff0e::1"))
    ha.wait_counter("mh-bad-address", 1)
    assert not ha.bindings() and not mn.received(lambda p: wire.parse_mobility(p) is not None)


def test_more_extension_headers_than_the_documented_bound(ha, mn):
    headers = b"".join(wire.dstopts(wire.DSTOPTS, b"") for _ in range(8)) + wire.dstopts(wire.NONE, b"")
    expect(ha, mn, wire.ipv6(mn.care_of, HOME_AGENT, wire.DSTOPTS, headers), "extension-depth")
