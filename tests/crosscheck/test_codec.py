# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Our codec against scapy's and tshark's reading. usage: /usr/bin/python3 -m pytest tests/crosscheck"""
import shutil

import pytest

import codec

RANDOM_ROUNDS = 400


@pytest.fixture(scope="session")
def ours(tmp_path_factory):
    codec_under_test = codec.Ours(codec.build_tool(tmp_path_factory.mktemp("codec")))
    yield codec_under_test
    codec_under_test.close()


def systematic(seed):
    """A message of every type with every choice of options."""
    rng = codec.generator(seed)
    return [codec.random_message(rng, kind, options) for kind in range(8) for options in codec.combinations()]


def random_messages(seed):
    rng = codec.generator(seed)
    choices = list(codec.combinations())
    return [codec.random_message(rng, rng.randrange(8), {**rng.choice(choices), "prefixes": rng.randrange(9)})
            for _ in range(RANDOM_ROUNDS)]


def octets(message):
    """The message as scapy builds it, or where it can't, as scapy builds one without options and we add them."""
    built = codec.scapy_header(message)
    if built:
        return built
    bare = codec.scapy_header({name: message[name] for name in ("type", "status", "home")} | {"prefixes": []})
    hot = {"type": codec.HOT, "cookie": "00" * 8, "token": "00" * 8, "nonce_index": 0}
    options = codec.scapy_header({**message, **hot})
    joined = bytearray(bare[:24] + options[24:])  # a HoT and a BE have 24 octets before their options
    joined[1] = len(joined) // 8 - 1
    joined[4:6] = bytes(2)
    joined[4:6] = codec.checksum(codec.SOURCE, codec.DESTINATION_ADDRESS, bytes(joined)).to_bytes(2, "big")
    return bytes(joined)


@pytest.mark.parametrize("messages", [systematic(6275), random_messages(3775)], ids=["systematic", "random"])
def test_we_read_what_scapy_builds_as_it_was_meant(ours, messages):
    for message in messages:
        reading = ours.read(octets(message))
        assert reading["fault"] == "ok", message
        assert codec.understood(reading) == message
        assert reading["checksum"] == 0, message


@pytest.mark.parametrize("messages", [systematic(2473), random_messages(4861)], ids=["systematic", "random"])
def test_scapy_reads_what_we_build_as_it_was_meant(ours, messages):
    for message in messages:
        built = bytes.fromhex(ours.read(octets(message))["rebuilt"])
        assert codec.scapy_reading(built) == message
        assert built[1] == len(built) // 8 - 1 and len(built) % 8 == 0


def test_scapy_builds_the_same_octets_in_the_same_order_of_options(ours):
    """Alignment and padding too, which no reader checks. A BE is left out: scapy aligns none of its options."""
    compared = 0
    for message in systematic(3963):
        if message["type"] != codec.BE:
            theirs = codec.scapy_header(message, in_our_order=True)
            assert ours.read(theirs)["rebuilt"] == theirs.hex(), message
            compared += 1
    assert compared == 7 * len(list(codec.combinations()))


def test_our_checksums_are_those_of_scapy_and_of_the_rfc(ours):
    from scapy.layers import inet6 as s6
    for message in systematic(8200):
        built = bytes.fromhex(ours.read(octets(message))["rebuilt"])
        zeroed = built[:4] + bytes(2) + built[6:]
        right = codec.checksum(codec.SOURCE, codec.DESTINATION_ADDRESS, zeroed)
        assert int.from_bytes(built[4:6], "big") == right
        assert s6.in6_chksum(codec.MOBILITY, s6.IPv6(src=codec.SOURCE, dst=codec.DESTINATION_ADDRESS), zeroed) == right


def test_a_wrong_checksum_is_told_by_how_much(ours):
    message = octets(systematic(1)[0])
    for at in range(len(message)):
        changed = bytearray(message)
        changed[at] ^= 0x10
        reading = ours.read(bytes(changed))
        assert reading["checksum"] == codec.checksum(codec.SOURCE, codec.DESTINATION_ADDRESS, bytes(changed)) != 0


@pytest.mark.skipif(not shutil.which("tshark"), reason="needs tshark")
@pytest.mark.parametrize("messages", [systematic(4443), random_messages(8201)], ids=["systematic", "random"])
def test_tshark_reads_what_we_build_as_it_was_meant(ours, tmp_path, messages):
    built = [bytes.fromhex(ours.read(octets(message))["rebuilt"]) for message in messages]
    codec.write_packets(tmp_path / "ours.pcap", built)
    rows = list(codec.tshark_rows(tmp_path / "ours.pcap", codec.FIELDS))
    assert len(rows) == len(messages)
    for message, header, row in zip(messages, built, rows):
        reading = codec.tshark_reading(row)
        expected = dict(message)
        if message["type"] == codec.BU:  # tshark knows ten flags
            expected["flags"] &= 0xFFC0
        if message["type"] == codec.BA:  # and five
            expected["flags"] &= 0xF8
        # a time as text, of any era
        assert bool(row["mip6.mseg_id.timestamp"]) == (expected.pop("timestamp", None) is not None), row
        for name in {"mn_ha", "mn_aaa"} & set(expected):  # tshark 4.0 leaves out the last two octets of the data
            shown = reading[name]["data"]
            assert shown in (expected[name]["data"], expected[name]["data"][:-4]), row
            expected[name] = {**expected[name], "data": shown}
        assert reading == expected, row
        assert not row["_ws.malformed"], row
        assert codec.number(row, "mip6.proto") == 59 and codec.number(row, "mip6.hlen") == header[1]
        assert codec.number(row, "mip6.csum") == int.from_bytes(header[4:6], "big")


@pytest.mark.parametrize("path", codec.CAPTURES, ids=lambda path: path.stem)
def test_a_real_peers_messages_are_read_as_scapy_reads_them(ours, path):
    count = 0
    for src, dst, header in codec.captured_headers(path):
        reading = ours.read(header, src, dst)
        assert reading["fault"] == "ok" and reading["checksum"] == codec.checksum(src, dst, header) == 0
        assert codec.understood(reading) == codec.scapy_reading(header)
        rebuilt = bytes.fromhex(reading["rebuilt"])
        assert codec.scapy_reading(rebuilt) == codec.scapy_reading(header)
        assert codec.checksum(src, dst, rebuilt) == 0
        count += 1
    assert count > 0


@pytest.mark.skipif(not shutil.which("tshark"), reason="needs tshark")
@pytest.mark.parametrize("path", codec.CAPTURES, ids=lambda path: path.stem)
def test_a_real_peers_messages_are_read_as_tshark_reads_them(ours, path):
    headers = list(codec.captured_headers(path))
    rows = list(codec.tshark_rows(path, codec.FIELDS))
    assert len(rows) == len(headers)
    for (src, dst, header), row in zip(headers, rows):
        assert codec.understood(ours.read(header, src, dst)) == codec.tshark_reading(row), row


def bu(options, hdrlen=None, proto=59, kind=codec.BU):
    """A binding update with these octets as options, padded with Pad1."""
    body = bytes(6) + options + bytes(-(12 + len(options)) % 8)
    header = bytes([proto, (6 + len(body)) // 8 - 1 if hdrlen is None else hdrlen, kind, 0, 0, 0])
    return header + body


FAULTS = {
    "a_type_of_8": (bu(b"", kind=8), "type", 2),
    "a_type_of_255": (bu(b"", kind=255), "type", 2),
    "a_type_before_a_payload_protocol": (bu(b"", kind=9, proto=6), "type", 2),
    "a_payload_protocol_of_58": (bu(b"", proto=58), "proto", 0),
    "a_payload_protocol_before_a_length": (bu(b"", proto=58, hdrlen=0), "proto", 0),
    "a_length_below_the_least": (bu(b"", hdrlen=0), "short", 1),
    "a_length_beyond_the_octets": (bu(b"", hdrlen=2), "truncated", 1),
    "an_alternate_care_of_address_of_15": (bu(bytes([3, 15]) + bytes(15)), "option", 13),
    "an_alternate_care_of_address_of_17": (bu(bytes([3, 17]) + bytes(17)), "option", 13),
    "nonce_indices_of_16_as_scapy_defaults": (bu(bytes([4, 16]) + bytes(16)), "option", 13),
    "authorization_data_of_16_as_scapy_defaults": (bu(bytes([5, 16]) + bytes(16)), "option", 13),
    "a_network_prefix_of_17": (bu(bytes([6, 17]) + bytes(17)), "option", 13),
    "a_network_prefix_past_the_end": (bu(bytes([6, 200]) + bytes(18)), "option", 13),
    "an_unknown_option_past_the_end": (bu(bytes([1, 0, 99, 200])), "option", 15),
    "a_type_without_its_length": (bu(bytes([1, 1, 0, 99])), "option", 0),
    "authorization_data_before_padding": (bu(bytes([5, 12]) + bytes(12)), "option", 0),
    "an_identifier_of_no_octets": (bu(bytes([8, 1, 1])), "option", 13),
    "an_authentication_option_without_its_spi": (bu(bytes([9, 4, 1, 0, 0, 1])), "option", 13),
    "a_timestamp_of_7": (bu(bytes([10, 7]) + bytes(7)), "option", 13),
    "an_identifier_behind_its_authentication": (bu(bytes([9, 5, 1, 0, 0, 1, 0, 8, 2, 1, 97])), "option", 0),
    "an_unknown_option": (bu(bytes([99, 2, 1, 2])), "ok", 0),
    "an_unknown_option_without_data": (bu(bytes([255, 0])), "ok", 0),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_message_with(ours, name):
    """Faults in the order of RFC 6275 §9.2, and the octet that a parameter problem would point at."""
    octets_in, fault, offset = FAULTS[name]
    reading = ours.read(octets_in)
    assert (reading["fault"], reading["offset"]) == (fault, offset)
