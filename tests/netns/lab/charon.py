# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
strongSwan's IKE daemon in a namespace, with configuration, vici socket and log of its own in a directory of its own, so
that several stand side by side and none touches the host's /etc. What it is to do is loaded by swanctl.
"""
import os
import re
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from .keys import CHILDREN, HOME_TEST, PAYLOAD, SIGNALLING
from .namespace import CommandFailed, end_child
from .wait import SLOW, until

DAEMON = "/usr/sbin/charon-systemd"
PLUGINS = ("random nonce aes sha1 sha2 hmac kdf gcm ctr gmp curve25519 drbg pem pkcs1 pkcs8 x509 pubkey constraints "
           "kernel-netlink socket-default vici")
# swanctl complains of each that is not there
SWANCTL_DIRS = ("x509 x509ca x509ocsp x509aa x509ac x509crl pubkey private rsa ecdsa bliss pkcs8 pkcs12").split()
# What we ask users for, and beside it what a laboratory needs; what comes later in the file counts.
PACKAGED = Path(__file__).resolve().parents[3] / "packaging/strongswan.d/mobgw.conf"
SETTINGS = """
	load = {plugins}
	install_virtual_ip = no
	retransmit_timeout = {retransmit_timeout}
	retransmit_tries = {retransmit_tries}
{more}
	plugins {{
		vici {{
			socket = {uri}
		}}
	}}
	filelog {{
		log {{
			path = {log}
			time_format = %T
			time_add_ms = yes
			flush_line = yes
			default = 1
			cfg = 1
			knl = 2
		}}
	}}
"""


def daemon_path():
    """The IKE daemon of this machine; None where there is none."""
    return DAEMON if os.access(DAEMON, os.X_OK) else None


class Charon:
    """One daemon: start(), load(text of swanctl.conf), initiate(child), sas(), stop() or kill(), start() again."""

    def __init__(self, ns, directory, plugins=PLUGINS, more="", retransmit_timeout=4.0, retransmit_tries=5):
        self.ns, self.dir, self.process = ns, Path(directory), None
        for name in SWANCTL_DIRS:
            (self.dir / name).mkdir(parents=True, exist_ok=True)
        # not under a deep directory: a path of a local socket has room for 107 octets
        self.uri, self.log_path = f"unix://{self.dir}/vici", self.dir / "log"
        text = SETTINGS.format(plugins=plugins, uri=self.uri, log=self.log_path, more=more,
                               retransmit_timeout=retransmit_timeout, retransmit_tries=retransmit_tries)
        (self.dir / "strongswan.conf").write_text(PACKAGED.read_text() + f"charon-systemd {{{text}}}\nswanctl {{\n\tload =\n}}\n")
        self.environment = {**os.environ, "STRONGSWAN_CONF": str(self.dir / "strongswan.conf"),
                            "SWANCTL_DIR": str(self.dir)}

    # ---- the process ----

    def start(self):
        """Returns when vici answers. States and policies that a killed one left in the kernel stay."""
        assert not self.running(), f"charon of {self.ns.full} runs already"
        with open(self.dir / "output", "ab") as output:
            self.process = self.ns.popen([daemon_path()], env=self.environment, stdin=subprocess.DEVNULL,
                                         stdout=output, stderr=subprocess.STDOUT, text=False)
        until(self.answers, 20, lambda: f"charon of {self.ns.full} answers:\n{self.output()}\n{self.log()}")
        return self

    def answers(self):
        assert self.running(), f"charon of {self.ns.full} ended with {self.process.returncode}:\n{self.output()}"
        return os.path.exists(f"{self.dir}/vici") and self.swanctl("--stats", check=False).returncode == 0

    def running(self):
        return self.process is not None and self.process.poll() is None

    def stop(self):
        """In order: peers are told, its states leave the kernel."""
        if self.running():
            end_child(self.process, patience=20 * SLOW)

    def kill(self):
        """As a crash would: peers hear nothing, its states stay in the kernel."""
        if self.running():
            end_child(self.process, how=signal.SIGKILL)
        Path(self.dir / "vici").unlink(missing_ok=True)

    close = stop

    def output(self):
        return (self.dir / "output").read_text(errors="replace")

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def mark(self):
        """Where the log ends now, for log_since()."""
        return len(self.log())

    def log_since(self, mark):
        return self.log()[mark:]

    def wait_log(self, pattern, timeout=20, since=0):
        return until(lambda: re.search(pattern, self.log()[since:]), timeout,
                     lambda: f"{pattern!r} in the log of {self.ns.full}:\n{self.log()[since:][-6000:]}")

    # ---- swanctl ----

    def swanctl(self, *words, check=True, timeout=120):
        """swanctl COMMAND ARGUMENTS... against this daemon."""
        return self.ns.run(["swanctl", words[0], "--uri", self.uri, *words[1:]], check=check, timeout=timeout * SLOW,
                           env=self.environment)

    def load(self, text):
        """Replaces connections and secrets by those of `text`, in swanctl.conf's language."""
        path = self.dir / "swanctl.conf"
        path.write_text(text)
        os.chmod(path, 0o600)
        done = self.swanctl("--load-all", "--noprompt", "--file", path)
        if "failed" in done.stdout + done.stderr:
            raise CommandFailed(f"swanctl --load-all: {done.stdout}{done.stderr}\n{text}")
        return done.stdout

    def initiate(self, child, ike=None, timeout=20, check=True):
        """Waits until the child stands; with check=False the CompletedProcess tells."""
        words = ["--initiate", "--child", child, "--timeout", int(timeout * SLOW)]
        return self.swanctl(*words, *(["--ike", ike] if ike else []), check=check)

    def terminate(self, check=True, **what):
        """terminate(ike="n0"), terminate(child="n0-signalling"), with force=True without waiting for the peer."""
        force = ["--force"] if what.pop("force", False) else []
        words = [word for name, value in what.items() for word in (f"--{name.replace('_', '-')}", value)]
        return self.swanctl("--terminate", *words, "--timeout", int(20 * SLOW), *force, check=check)

    def sas(self):
        """{name of connection: [ike, ...]}, nested dictionaries as --list-sas --raw tells them."""
        found = {}
        for line in self.swanctl("--list-sas", "--raw").stdout.splitlines():
            if line.startswith("list-sa event "):
                for name, ike in parse_raw(line[len("list-sa event "):]).items():
                    found.setdefault(name, []).append(ike)
        return found

    def children(self, state="INSTALLED"):
        """Children in the state (None: in any) of all IKE_SAs: dictionaries with name, reqid, spi-in, spi-out, ..."""
        return [child for ikes in self.sas().values() for ike in ikes
                for child in ike.get("child-sas", {}).values() if state is None or child["state"] == state]

    def child(self, name):
        """The one that carries traffic: the newest by that name; None where there is none."""
        found = [child for child in self.children() if child["name"] == name]
        return max(found, key=lambda child: int(child["uniqueid"]), default=None)


# ---- what the daemon loads ----

REQID_BASE = 0x6D000000
ANY_MH = "::/0[135]"


def reqid(slot, child):
    """Of the security associations of a node's child; marks of what came in by them have the same value."""
    return REQID_BASE | slot << 2 | CHILDREN.index(child)


@dataclass
class Peering:
    """
    A mobile node and its home agent as either end's charon has to know them. With `secret` both prove themselves by it,
    without it by the certificates NAME.pem and agent.pem in their directories. `ike` and `child` add settings at both
    ends, `node`, `node_child`, `agent`, `agent_child` at one.
    """
    slot: int
    home: str
    agent_address: str
    children: tuple = CHILDREN
    secret: str = "of mobgw's laboratory"
    node_id: str = None
    agent_id: str = None
    node: dict = field(default_factory=dict)
    node_child: dict = field(default_factory=dict)
    agent: dict = field(default_factory=dict)
    agent_child: dict = field(default_factory=dict)
    ike: dict = field(default_factory=dict)
    child: dict = field(default_factory=dict)

    @property
    def name(self):
        return f"n{self.slot}"

    def child_name(self, child):
        return f"{self.name}-{child}"

    def ids(self, end):
        """Quoted: a key id in hexadecimal is written @#..., and # begins a comment."""
        both = [f'"{self.node_id or self.home}"', f'"{self.agent_id or self.agent_address}"']
        return both if end == "node" else both[::-1]

    def selectors(self, end, child):
        # Any protocol in the signalling child: its SA carries the first selectors only, but mobility headers and
        # ICMPv6 shall both go by it; which packets have to is said by the policies.
        rows = {SIGNALLING: (f"{self.home}/128", f"{self.agent_address}/128"),
                HOME_TEST: (f"{self.home}/128[135]", ANY_MH), PAYLOAD: (f"{self.home}/128", "::/0")}
        return rows[child] if end == "node" else rows[child][::-1]

    def child_settings(self, end, child):
        local, remote = self.selectors(end, child)
        number = reqid(self.slot, child)
        return {
            # the SA stands between home address and agent, but IKE runs from the care-of address
            "mode": "transport_proxy" if child == SIGNALLING else "tunnel",
            "policies": "no", "reqid": number, "set_mark_in": f"{number:#x}/0xffffffff",
            "local_ts": local, "remote_ts": remote, "start_action": "none", "esp_proposals": "aes128-sha256",
            **self.child, **(self.node_child if end == "node" else self.agent_child)}

    def connection(self, end):
        auth = "psk" if self.secret else "pubkey"
        addresses = {"remote_addrs": self.agent_address} if end == "node" else \
            {"local_addrs": self.agent_address, "remote_addrs": "%any"}
        certificate = {} if self.secret else {"certs": f"{self.name if end == 'node' else 'agent'}.pem"}
        local, remote = self.ids(end)
        return {
            "version": 2, **addresses, "mobike": "no", "proposals": "aes128-sha256-x25519",
            **self.ike, **(self.node if end == "node" else self.agent),
            "local": {"auth": auth, "id": local, **certificate}, "remote": {"auth": auth, "id": remote},
            "children": {self.child_name(child): self.child_settings(end, child) for child in self.children}}


def configuration(end, *peerings):
    """swanctl.conf of one end ("node" or "agent") with these peerings."""
    # of the node alone: charon takes a secret of which either end is an owner
    secrets = {f"ike-{p.name}": {"id": p.ids("node")[0], "secret": f'"{p.secret}"'} for p in peerings if p.secret}
    return section_text({"connections": {p.name: p.connection(end) for p in peerings}, "secrets": secrets})


def section_text(section, depth=0):
    """Nested dictionaries in the language of strongswan.conf and swanctl.conf."""
    tabs, text = "\t" * depth, ""
    for key, value in section.items():
        if isinstance(value, dict):
            text += f"{tabs}{key} {{\n{section_text(value, depth + 1)}{tabs}}}\n"
        else:
            text += f"{tabs}{key} = {value}\n"
    return text


def parse_raw(text):
    """vici's message as swanctl --raw prints it: {key=value section {...} list=[2001:db8::/64[udp] a b]}."""
    words = re.findall(r"[{}]|[^\s{}]+", text)

    def section(at):
        found, last = {}, None
        while at < len(words) and words[at] != "}":
            key, equals, value = words[at].partition("=")
            at += 1
            if not equals and at < len(words) and words[at] == "{":
                found[key], at = section(at + 1)
            elif not equals:            # a value with a blank in it
                found[last] += f" {key}"
            elif value.startswith("["):
                while value.count("[") > value.count("]"):
                    value, at = f"{value} {words[at]}", at + 1
                found[key] = value[1:-1].split()
            else:
                found[key], last = value, key
        return found, at + 1

    return section(1)[0]


class Authority:
    """A certification authority of the test: certificate(charon, name, subject alternative names)."""

    def __init__(self, directory, kind="ed25519"):
        self.dir, self.kind = Path(directory), kind
        self.dir.mkdir(parents=True, exist_ok=True)
        self.key, self.path = self.dir / "ca-key.pem", self.dir / "ca.pem"
        self.make_key(self.key)
        pki(["--self", "--ca", "--in", self.key, "--dn", "CN=mobgw test authority", "--lifetime", "3650",
             "--outform", "pem"], self.path)

    def make_key(self, path):
        pki(["--gen", "--type", self.kind, "--outform", "pem"], path)

    def certificate(self, charon, name, *alternatives):
        """Key and certificate into charon's directory, this authority as its trust anchor; the certificate's file."""
        key, path = charon.dir / "private" / f"{name}.pem", charon.dir / "x509" / f"{name}.pem"
        self.make_key(key)
        pki(["--issue", "--cacert", self.path, "--cakey", self.key, "--in", key, "--type", "priv", "--lifetime", "3650",
             "--dn", f"CN={name}", "--outform", "pem", *(w for san in alternatives for w in ("--san", san))], path)
        (charon.dir / "x509ca" / "ca.pem").write_bytes(self.path.read_bytes())
        return path


def pki(words, path):
    """pki prints to its output what it made."""
    done = subprocess.run(["pki", *map(str, words)], capture_output=True, timeout=60 * SLOW)
    if done.returncode:
        raise CommandFailed(f"pki {' '.join(map(str, words))}: {done.stderr.decode(errors='replace')}")
    with open(path, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(done.stdout)

