# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""mobgwd under test: writes its configuration, runs it in the namespace `ha`, and asks it through mobgw's JSON."""
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

from . import keys
from .namespace import CommandFailed, end_child, sh
from .wait import SLOW, until

TOP = Path(__file__).resolve().parents[3]
MOBGWD = os.environ.get("MOBGWD", str(TOP / "build/mobgwd"))
MOBGW = os.environ.get("MOBGW", str(TOP / "build/mobgw"))
FOUR = 1 << 39 | 1 << 38 | 1 << 13 | 1 << 12     # CAP_BPF, CAP_PERFMON, CAP_NET_RAW, CAP_NET_ADMIN
BPFFS = "/sys/fs/bpf"
ABI = "4"


def bpffs_mounted():
    """Mounts the BPF file system where it is missing, as systemd would have."""
    with open("/proc/mounts") as mounts:
        if not any(line.split()[1:3] == [BPFFS, "bpf"] for line in mounts):
            sh(f"mount -t bpf bpf {BPFFS}")


class Gateway:
    def __init__(self, lab, ns="ha", mobile_nodes=("2001:db8:1::100",), address="2001:db8:1::1", mode="auto",
                 interfaces=("uplink", "home"), home_links=None, authentication="none", max_lifetime=3600,
                 env=None, node_keys=None, ipsec=None, **home_agent):
        """
        mobile_nodes: home addresses, or dicts as in the file; node_keys, ipsec: see _protect(); further keywords go to
        home-agent: with - for _.
        """
        self._places(lab, ns, env)
        modes = {name: (mode if isinstance(mode, str) else mode.get(name, "auto")) for name in interfaces}
        self.config = {
            "roles": ["home-agent"],
            "interfaces": [{"name": name, "mode": modes[name]} for name in interfaces],
            "home-agent": {
                "address": address,
                "home-links": home_links or [{"prefix": "2001:db8:1::/64", "interface": "home",
                                              "max-lifetime": max_lifetime}],
                **({"authentication": authentication} if authentication else {}),
                "mobile-nodes": [n if isinstance(n, dict) else {"home-address": n} for n in mobile_nodes],
                **{key.replace("_", "-"): value for key, value in home_agent.items()},
            },
            "pin-directory": self.pin_dir, "home-device": self.home_device, "control": {"path": self.control},
        }
        self._protect("home-agent", node_keys, ipsec)

    def _protect(self, role, node_keys, ipsec):
        """authentication: ipsec, with a file of these NodeKeys (keys.py), or only with the section `ipsec`, a dict."""
        if node_keys is None and ipsec is None:
            return
        self.config[role]["authentication"] = "ipsec"
        self.config["ipsec"] = dict(ipsec or {})
        if node_keys is not None:
            self.keys_path = keys.write(f"{self.dir}/ipsec.keys", node_keys)
            self.config["ipsec"]["keys"] = self.keys_path

    def _places(self, lab, ns, env):
        """Where this one's files, pins and devices are; several may run in one laboratory."""
        number = len(lab.gateways)
        self.lab, self.ns, self.env = lab, lab.ns(ns), env or {}
        self.dir = tempfile.mkdtemp(prefix=f"{lab.prefix}-gw")
        self.pin_dir = f"{BPFFS}/{lab.prefix}-{number}"
        self.control = f"{self.dir}/control"
        self.log_path = f"{self.dir}/log"
        self.config_path = f"{self.dir}/mobgwd.yaml"
        self.home_device = f"mgh{os.getpid() % 1000000}{number}"[:14]
        self.process, self.monitors, self.final_log = None, [], ""

    def write_config(self):
        with open(self.config_path, "w") as file:
            file.write("\n".join(yaml(self.config)) + "\n")

    # ---- life ----

    def spawn(self):
        """Starts the daemon without waiting for it."""
        self.write_config()
        with open(self.log_path, "a") as log:
            self.process = self.ns.popen([MOBGWD, "--config", self.config_path], stdout=log, stderr=log,
                                         env={**os.environ, **self.env})
        return self

    def start(self, timeout=30):
        self.spawn()

        def answers():
            assert self.process.poll() is None, f"mobgwd ended with {self.process.returncode}:\n{self.log()}"
            with contextlib.suppress(CommandFailed):
                return self.show("status")
        until(answers, timeout, lambda: f"mobgwd answers on its control socket:\n{self.log()}")
        return self

    def refused_start(self, timeout=10):
        """Starts it, expecting it to refuse: (exit code, log)."""
        self.spawn()
        until(lambda: self.process.poll() is not None, timeout, lambda: f"mobgwd gives up:\n{self.log()}")
        return self.process.returncode, self.log()

    def kill9(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        """SIGTERM; the exit code."""
        return end_child(self.process, patience=10 * SLOW)

    def restart(self):
        if self.process and self.process.poll() is None:
            self.stop()
        return self.start()

    def detach(self, check=True):
        if not os.path.exists(self.config_path):
            self.write_config()
        return self.ns.run([MOBGWD, "--config", self.config_path, "--detach"], check=check)

    def close(self):
        if not os.path.isdir(self.dir):
            return
        for monitor in self.monitors:
            end_child(monitor)
        if self.process:
            end_child(self.process, patience=10 * SLOW)
            self.detach(check=False)
        self.final_log = self.log()
        # a scenario that broke the daemon must not disturb the next one; the test has failed by then
        shutil.rmtree(self.dir, ignore_errors=True)
        self.unpinned_by_hand = os.path.exists(self.pin_dir)
        if self.unpinned_by_hand:
            shutil.rmtree(self.pin_dir, ignore_errors=True)

    def capabilities(self):
        """Those it may use or ever get again, as the kernel's bit mask: {effective, permitted, bounding set}."""
        lines = (line.split() for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines())
        return {int(line[1], 16) for line in lines if line[0] in ("CapEff:", "CapPrm:", "CapBnd:")}

    def log(self):
        try:
            return Path(self.log_path).read_text(errors="replace")
        except FileNotFoundError:
            return self.final_log

    # ---- what it says ----

    def tool(self, command, check=True):
        return sh([MOBGW, "--socket", self.control, *command.split()], check=check)

    def show(self, what):
        """By the control socket itself, mobgwd-control(7): scenarios poll, and a process each time costs most there."""
        try:
            with socket.socket(socket.AF_UNIX) as sock:
                sock.settimeout(20 * SLOW)
                sock.connect(self.control)
                sock.sendall(json.dumps({"version": 1, "cmd": "show", "what": what}).encode() + b"\n")
                with sock.makefile() as replies:
                    return joined(map(json.loads, replies))
        except OSError as error:
            raise CommandFailed(f"{self.control}: show {what}: {error}") from error

    def bindings(self):
        """{home address: binding as in the JSON}"""
        return {b["home_address"]: b for b in self.show("bindings")["bindings"]}

    def interfaces(self):
        return {i["name"]: i for i in self.show("interfaces")["interfaces"]}

    def all_counters(self):
        """{name: packets or count} of data path, agent and slow path; names are unique over the first two."""
        reply = self.show("counters")
        rows = {f"slow:{row['name']}": row["count"] for row in reply.get("slow_path") or []}
        rows.update((row["name"], row["count"]) for row in reply["agent"])
        rows.update((row["name"], row["packets"]) for row in reply["data_path"])
        return rows

    def counters(self, name):
        return self.all_counters()[name]

    def wait_counter(self, name, value, timeout=3.0):
        """Waits until it has reached the value; returns what it is then."""
        return until(lambda: (lambda now: now >= value and now)(self.counters(name)) or (value == 0), timeout,
                     lambda: f"{name} reaches {value}: {({k: v for k, v in self.all_counters().items() if v})}")

    def wait_bindings(self, count, timeout=3.0):
        return until(lambda: len(self.bindings()) == count and (self.bindings() or True), timeout,
                     lambda: f"{count} bindings: {self.bindings()}")

    def monitor(self, **kwargs):
        """`mobgw monitor --json`, its lines on .stdout; ended before the daemon is."""
        self.monitors.append(self.ns.popen([MOBGW, "--socket", self.control, "monitor", "--json"], stdout=subprocess.PIPE,
                                           **kwargs))
        return self.monitors[-1]

    def map_dump(self, name):
        """bpftool's view of a pinned map, as its JSON list."""
        done = sh(["bpftool", "-j", "map", "dump", "pinned", f"{self.pin_dir}/{ABI}/{name}"])
        return json.loads(done.stdout)


def joined(replies):
    """Data of a reply; bindings come in pages."""
    data = None
    for reply in replies:
        if "error" in reply:
            raise CommandFailed(reply["error"])
        if data is None:
            data = reply["data"]
        else:
            data["bindings"] += reply["data"]["bindings"]
        if not reply["more"]:
            return data
    raise CommandFailed(f"the daemon hung up: {data}")


def yaml(value, indent=0):
    """Lines of block YAML; enough for our files: mappings, lists, words, numbers."""
    pad = " " * indent
    lines = []
    for key, item in value.items():
        if isinstance(item, dict):
            lines += [f"{pad}{key}:", *yaml(item, indent + 2)]
        elif isinstance(item, (list, tuple)):
            if not item:
                continue
            if not isinstance(item[0], dict):
                lines.append(f"{pad}{key}: [{', '.join(map(str, item))}]")
                continue
            lines.append(f"{pad}{key}:")
            for entry in item:
                body = ", ".join(f"{k}: {quoted(v)}" for k, v in entry.items())
                lines.append(f"{pad}  - {{ {body} }}")
        else:
            lines.append(f"{pad}{key}: {quoted(item)}")
    return lines


def quoted(item):
    return f'"{item}"' if isinstance(item, str) and ":" in item else str(item)
