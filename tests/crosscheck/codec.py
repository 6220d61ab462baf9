# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the codec is checked against: scapy's classes, tshark's reading, and a checksum written from RFC 8200 §8.1.

`Ours` is our codec behind codec_tool. `scapy_header()` and `scapy_reading()` build and read a message with scapy,
`tshark_rows()` and `tshark_reading()` have tshark read it. All name members as codec_tool does, so readings compare.
"""
import ipaddress
import json
import os
import pathlib
import random
import subprocess

from scapy.layers import inet6 as s6
from scapy.utils import PcapReader, wrpcap

ROOT = pathlib.Path(__file__).resolve().parents[2]
CAPTURES = sorted((ROOT / "tests/captures").glob("*.pcap"))
BRR, HOTI, COTI, HOT, COT, BU, BA, BE = range(8)
MOBILITY, IPV6, ROUTING, DESTINATION = 135, 41, 43, 60
CLASSES = [s6.MIP6MH_BRR, s6.MIP6MH_HoTI, s6.MIP6MH_CoTI, s6.MIP6MH_HoT, s6.MIP6MH_CoT, s6.MIP6MH_BU, s6.MIP6MH_BA,
           s6.MIP6MH_BE]
SOURCE, DESTINATION_ADDRESS = "2001:db8:1::100", "2001:db8:1::1"


def build_tool(folder):
    """Compiles codec_tool from the working tree; CC as in the Makefile."""
    tool = pathlib.Path(folder) / "codec_tool"
    sources = [ROOT / "tests/crosscheck/codec_tool.c", *(ROOT / f"agent/{name}.c" for name in ("mh", "packet", "log"))]
    flags = ["-std=gnu11", "-D_GNU_SOURCE", "-g", "-O1", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter",
             "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    subprocess.run([os.environ.get("CC", "gcc"), *flags, "-o", tool, *sources, "-lsystemd"], check=True)
    return tool


class Ours:
    """Our codec: one process, a line in, a line out."""

    def __init__(self, tool):
        self.process = subprocess.Popen([tool], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def read(self, octets, src=SOURCE, dst=DESTINATION_ADDRESS):
        self.process.stdin.write(f"{src} {dst} {octets.hex()}\n")
        answer = self.process.stdout.readline()
        assert answer, f"codec_tool died on {octets.hex()}"
        return json.loads(answer)

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(10) == 0


def checksum(src, dst, octets):
    """As to be written into the message; 0 where the one in place is right."""
    pseudo = (ipaddress.IPv6Address(src).packed + ipaddress.IPv6Address(dst).packed +
              len(octets).to_bytes(4, "big") + bytes([0, 0, 0, MOBILITY]))
    data = pseudo + octets + bytes(len(octets) % 2)
    total = sum(int.from_bytes(data[i:i + 2], "big") for i in range(0, len(data), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return 0xFFFF - total


# ---- messages, as dicts of what codec_tool prints ----

def members(kind):
    """Members that a type has; the others are zero in a reading."""
    return {BRR: [], HOTI: ["cookie"], COTI: ["cookie"], HOT: ["nonce_index", "cookie", "token"],
            COT: ["nonce_index", "cookie", "token"], BU: ["seq", "flags", "lifetime_s"],
            BA: ["status", "flags", "seq", "lifetime_s"], BE: ["status", "home"]}[kind]


def random_message(rng, kind, options):
    """@options: which of OPTIONS; `prefixes` counts them."""
    values = {
        "cookie": rng.randbytes(8).hex(), "token": rng.randbytes(8).hex(), "nonce_index": rng.randrange(1 << 16),
        "seq": rng.randrange(1 << 16), "lifetime_s": 4 * rng.randrange(1 << 16), "status": rng.randrange(256),
        "flags": rng.randrange(1 << (16 if kind == BU else 8)), "home": random_address(rng),
    }
    prefixes = [f"{random_address(rng)}/{rng.randrange(129)}" for _ in range(options["prefixes"])]
    message = {"type": kind, "prefixes": prefixes}
    message.update((name, values[name]) for name in members(kind))
    chosen = {"refresh_advice_s": 4 * rng.randrange(1 << 16), "alt_care_of": random_address(rng),
              "nonce_indices": [rng.randrange(1 << 16), rng.randrange(1 << 16)], "auth": rng.randbytes(12).hex(),
              "nai": "".join(rng.choices("abcXYZ019.-@", k=rng.randint(8, 80))).encode().hex(),
              "timestamp": rng.randrange(1 << 64), "mn_ha": random_auth_option(rng), "mn_aaa": random_auth_option(rng)}
    message.update((name, value) for name, value in chosen.items() if options.get(name))
    return message


def random_auth_option(rng):
    return {"spi": rng.randrange(1 << 32), "data": rng.randbytes(rng.choice([8, 12, 20])).hex()}


def random_address(rng):
    return str(ipaddress.IPv6Address(rng.randbytes(16)))


# of RFC 6275, then of RFC 4283 and RFC 4285; the last two never with "auth", since each is the last of its message
OPTIONS = ["refresh_advice_s", "alt_care_of", "nonce_indices", "auth", "nai", "timestamp", "mn_ha", "mn_aaa"]


def combinations():
    """Every choice of options of RFC 6275, with no, one and two prefixes; and every one of the others, alone and not."""
    for bits in range(16):
        for prefixes in range(3):
            yield chosen_options(bits, prefixes)
    for bits in range(1, 16):
        yield chosen_options(bits << 4, 0)
        yield chosen_options(bits << 4 | 3, 1)


def chosen_options(bits, prefixes):
    return {**{name: bool(bits >> i & 1) for i, name in enumerate(OPTIONS)}, "prefixes": prefixes}


def understood(reading):
    """What counts of a reading: without what belongs to no type, to the reader or to the building."""
    keep = {"type", "prefixes", *OPTIONS, *members(reading["type"])}
    return {name: value for name, value in reading.items() if name in keep}


# ---- scapy ----

AUTH_SUBTYPES = {1: "mn_ha", 2: "mn_aaa"}


def scapy_options(message, in_our_order=False):
    """The authenticator is last anyway. olen is given where scapy 2.5 has a wrong default."""
    nonces, alternate, refresh = [], [], []
    if "nonce_indices" in message:
        home, care_of = message["nonce_indices"]
        nonces = [s6.MIP6OptNonceIndices(olen=4, hni=home, coni=care_of)]
    if "alt_care_of" in message:
        alternate = [s6.MIP6OptAltCoA(acoa=message["alt_care_of"])]
    if "refresh_advice_s" in message:
        refresh = [s6.MIP6OptBRAdvice(rinter=message["refresh_advice_s"] // 4)]
    prefixes = [s6.MIP6OptMobNetPrefix(prefix=prefix.split("/")[0], plen=int(prefix.split("/")[1]))
                for prefix in message["prefixes"]]
    auth = [s6.MIP6OptBindingAuthData(olen=12, authenticator=int(message["auth"], 16))] if "auth" in message else []
    nai = [s6.MIP6OptMNID(id=bytes.fromhex(message["nai"]))] if "nai" in message else []
    timestamp = [s6.MIP6OptReplayProtection(timestamp=message["timestamp"])] if "timestamp" in message else []
    auth += [s6.MIP6OptMsgAuth(subtype=subtype, mspi=message[name]["spi"],
                               authdata=bytes.fromhex(message[name]["data"]))
             for subtype, name in AUTH_SUBTYPES.items() if name in message]
    if in_our_order:
        return refresh + alternate + prefixes + nonces + nai + timestamp + auth
    return timestamp + prefixes + nonces + nai + alternate + refresh + auth


def scapy_header(message, in_our_order=False):
    """The message as scapy builds it, checksum included. None where scapy can't: its BE aligns no options."""
    kind = message["type"]
    # mhtype: scapy's CoTI and CoT inherit the number of HoTI and HoT
    fields = {"mhtype": kind, "res": 0, "options": scapy_options(message, in_our_order)}
    if kind == BE and fields["options"]:
        return None
    if kind in (HOTI, COTI, HOT, COT):
        fields["cookie"] = bytes.fromhex(message["cookie"])
    if kind in (HOT, COT):
        fields.update(index=message["nonce_index"], token=bytes.fromhex(message["token"]))
    if kind in (BU, BA):
        fields.update(seq=message["seq"], mhtime=message["lifetime_s"] // 4)
    if kind == BU:  # 7 flags, then 9 bits reserved in scapy's eyes
        fields.update(flags=message["flags"] >> 9, reserved=message["flags"] & 0x1FF)
    if kind == BA:  # 3 flags, then 5
        fields.update(flags=message["flags"] >> 5, res2=message["flags"] & 0x1F, status=message["status"])
    if kind == BE:
        fields.update(status=message["status"], ha=message["home"])
    return bytes(s6.IPv6(src=SOURCE, dst=DESTINATION_ADDRESS) / CLASSES[kind](**fields))[40:]


def scapy_reading(octets):
    """A message as scapy reads it."""
    kind = octets[2]
    header = CLASSES[kind](octets)
    reading = {"type": header.mhtype, "prefixes": []}
    if kind in (HOTI, COTI, HOT, COT):
        reading["cookie"] = header.cookie.hex()
    if kind in (HOT, COT):
        reading.update(nonce_index=header.index, token=header.token.hex())
    if kind == BU:
        reading.update(seq=header.seq, lifetime_s=4 * header.mhtime, flags=int(header.flags) << 9 | header.reserved)
    if kind == BA:
        reading.update(seq=header.seq, lifetime_s=4 * header.mhtime, status=header.status,
                       flags=int(header.flags) << 5 | header.res2)
    if kind == BE:
        reading.update(status=header.status, home=header.ha)
    for option in header.options:
        scapy_read_option(option, reading)
    return reading


def scapy_read_option(option, reading):
    if isinstance(option, s6.MIP6OptBRAdvice):
        reading["refresh_advice_s"] = 4 * option.rinter
    elif isinstance(option, s6.MIP6OptAltCoA):
        reading["alt_care_of"] = option.acoa
    elif isinstance(option, s6.MIP6OptNonceIndices):
        reading["nonce_indices"] = [option.hni, option.coni]
    elif isinstance(option, s6.MIP6OptBindingAuthData):
        reading["auth"] = f"{option.authenticator:024x}"
    elif isinstance(option, s6.MIP6OptMNID):
        reading["nai"] = option.id.hex()
    elif isinstance(option, s6.MIP6OptReplayProtection):
        reading["timestamp"] = option.timestamp
    elif isinstance(option, s6.MIP6OptMsgAuth):
        reading[AUTH_SUBTYPES[option.subtype]] = {"spi": option.mspi, "data": option.authdata.hex()}
    elif isinstance(option, s6.MIP6OptMobNetPrefix):
        reading["prefixes"].append(f"{option.prefix}/{option.plen}")


# ---- tshark ----

BU_FLAGS = ["mip6.bu.a_flag", "mip6.bu.h_flag", "mip6.bu.l_flag", "mip6.bu.k_flag", "mip6.bu.m_flag",
            "mip6.nemo.bu.r_flag", "mip6.bu.p_flag", "mip6.bu.f_flag", "mip6.bu.t_flag", "mip6.bu.b_flag"]
BA_FLAGS = ["mip6.ba.k_flag", "mip6.nemo.ba.r_flag", "mip6.ba.p_flag", "mip6.ba.t_flag", "mip6.ba.b_flag"]
FIELDS = ["mip6.proto", "mip6.hlen", "mip6.mhtype", "mip6.csum", "mip6.hoti.cookie", "mip6.coti.cookie",
          "mip6.hot.nindex", "mip6.hot.cookie", "mip6.hot.token", "mip6.cot.nindex", "mip6.cot.cookie", "mip6.bu.seqnr",
          "mip6.bu.lifetime", "mip6.ba.status", "mip6.ba.seqnr", "mip6.ba.lifetime", "mip6.be.status", "mip6.be.haddr",
          "mip6.bra.interval", "mip6.acoa.acoa", "mip6.ni.hni", "mip6.ni.cni", "mip6.bad.auth", "mip6.nemo.mnp.pfl",
          "mip6.nemo.mnp.mnp", "mip6.mnid.identifier", "mip6.mseg_id.timestamp", "mip6.auth.subtype",
          "mip6.auth.mobility_spi", "mip6.auth.auth_data", "_ws.malformed", *BU_FLAGS, *BA_FLAGS]


def tshark_rows(path, fields):
    """A dict of lists for each packet that tshark finds a mobility header in."""
    arguments = [word for field in fields for word in ("-e", field)]
    output = run_tshark("-r", str(path), "-Y", "mip6.mhtype", "-T", "fields", "-E", "occurrence=a",
                        "-E", "aggregator=;", *arguments)
    for line in output.splitlines():
        yield {field: [v for v in value.split(";") if v] for field, value in zip(fields, line.split("\t"))}


def run_tshark(*arguments):
    return subprocess.run(["tshark", *arguments], check=True, capture_output=True, text=True).stdout


def write_packets(path, headers, src=SOURCE, dst=DESTINATION_ADDRESS):
    """Mobility headers as packets for tshark."""
    wrpcap(str(path), [s6.IPv6(src=src, dst=dst, nh=MOBILITY) / s6.Raw(octets) for octets in headers])


def number(row, *names):
    """The one value that one of the fields has."""
    found = [value for name in names for value in row.get(name, [])]
    assert len(found) == 1, (names, row)
    return int(found[0], 0) if found[0] not in ("True", "False") else int(found[0] == "True")


def octets_of(row, length, *names):
    return f"{number(row, *names):0{2 * length}x}"


def tshark_reading(row):
    kind = number(row, "mip6.mhtype")
    reading = {"type": kind}
    if kind in (HOTI, COTI, HOT, COT):
        reading["cookie"] = octets_of(row, 8, *(f"mip6.{name}.cookie" for name in ("hoti", "coti", "hot", "cot")))
    if kind in (HOT, COT):
        reading["nonce_index"] = number(row, "mip6.hot.nindex", "mip6.cot.nindex")
        reading["token"] = octets_of(row, 8, "mip6.hot.token")  # tshark's name for a care-of token too
    if kind == BU:
        reading.update(seq=number(row, "mip6.bu.seqnr"), lifetime_s=4 * number(row, "mip6.bu.lifetime"))
        reading["flags"] = sum(number(row, name) << (15 - i) for i, name in enumerate(BU_FLAGS) if row.get(name))
    if kind == BA:
        reading.update(seq=number(row, "mip6.ba.seqnr"), lifetime_s=4 * number(row, "mip6.ba.lifetime"))
        reading["status"] = number(row, "mip6.ba.status")
        reading["flags"] = sum(number(row, name) << (7 - i) for i, name in enumerate(BA_FLAGS) if row.get(name))
    if kind == BE:
        reading.update(status=number(row, "mip6.be.status"), home=row["mip6.be.haddr"][0])
    tshark_read_options(row, reading)
    return reading


def tshark_read_options(row, reading):
    if row.get("mip6.bra.interval"):
        reading["refresh_advice_s"] = 4 * number(row, "mip6.bra.interval")
    if row.get("mip6.acoa.acoa"):
        reading["alt_care_of"] = row["mip6.acoa.acoa"][0]
    if row.get("mip6.ni.hni"):
        reading["nonce_indices"] = [number(row, "mip6.ni.hni"), number(row, "mip6.ni.cni")]
    if row.get("mip6.bad.auth"):
        reading["auth"] = row["mip6.bad.auth"][0].replace(":", "")
    if row.get("mip6.mnid.identifier"):
        reading["nai"] = row["mip6.mnid.identifier"][0].encode().hex()
    for subtype, spi, data in zip(*(row.get(f"mip6.auth.{name}", []) for name in
                                    ("subtype", "mobility_spi", "auth_data"))):
        reading[AUTH_SUBTYPES[int(subtype)]] = {"spi": int(spi), "data": data.replace(":", "")}
    reading["prefixes"] = [f"{prefix}/{int(length, 0)}" for prefix, length in
                           zip(row.get("mip6.nemo.mnp.mnp", []), row.get("mip6.nemo.mnp.pfl", []))]


# ---- captures ----

def captured_headers(path):
    """(source, destination, octets) of each mobility header, by the addresses of its checksum: RFC 6275 §6.1.1."""
    with PcapReader(str(path)) as reader:
        for frame in reader:
            octets = bytes(frame)
            if octets[12:14] == b"\x86\xdd":
                yield from headers_in(octets[14:])


def headers_in(packet):
    src, dst, proto, at = packet[8:24], packet[24:40], packet[6], 40
    end = 40 + int.from_bytes(packet[4:6], "big")
    while proto in (ROUTING, DESTINATION, 0):
        length = 8 * (packet[at + 1] + 1)
        if proto == ROUTING and packet[at + 2] == 2:
            dst = packet[at + 8:at + 24]
        if proto == DESTINATION:
            src = home_address(packet[at + 2:at + length]) or src
        proto, at = packet[at], at + length
    if proto == IPV6:
        yield from headers_in(packet[at:end])
    elif proto == MOBILITY:
        yield str(ipaddress.IPv6Address(src)), str(ipaddress.IPv6Address(dst)), packet[at:end]


def home_address(options):
    """The data of option 0xC9, None where it isn't there."""
    at = 0
    while at < len(options):
        if options[at] == 0:
            at += 1
            continue
        if options[at] == 0xC9:
            return options[at + 2:at + 18]
        at += 2 + options[at + 1]
    return None


def generator(seed):
    return random.Random(seed)
