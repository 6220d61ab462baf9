# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
Network namespaces with unique names, and what stands in them. Commands enter with `nsenter --net`, never with
`ip netns exec`: that mounts a fresh /sys, which hides /sys/fs/bpf.
"""
import ctypes
import fcntl
import itertools
import json
import os
import shlex
import signal
import socket
import struct
import subprocess
import threading

NETNS_DIR = "/run/netns"
CLONE_NEWNET = 0x40000000
SIOCETHTOOL, ETHTOOL_STXCSUM, ETHTOOL_SGRO = 0x8946, 0x17, 0x2C
_libc = ctypes.CDLL(None, use_errno=True)
_labs = itertools.count()


class CommandFailed(AssertionError):
    pass


def unique_prefix():
    """Of one laboratory; the process id stands in it, so that a run finds what is its own."""
    return f"mg{os.getpid()}" + "".join(chr(ord("a") + int(d)) for d in str(next(_labs)))


def sh(command, check=True, timeout=60, **kwargs):
    """Runs a command (list, or text that is split like a shell does), returns its CompletedProcess with text output."""
    argv = shlex.split(command) if isinstance(command, str) else [str(word) for word in command]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=timeout, **kwargs)
    if check and done.returncode:
        raise CommandFailed(f"{shlex.join(argv)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done


class Namespace:
    """One network namespace: ns.run("ip -6 route"), ns.ip("link set lo up", ...), ns.inside(function)."""

    def __init__(self, prefix, name, forwarding=False):
        self.name, self.full = name, f"{prefix}-{name}"
        self.path = f"{NETNS_DIR}/{self.full}"
        self.children, self.started = [], []
        sh(["ip", "netns", "add", self.full])
        self.sysctl({
            "net/ipv6/conf/all/accept_dad": 0, "net/ipv6/conf/default/accept_dad": 0,
            "net/ipv6/conf/all/accept_ra": 0, "net/ipv6/conf/default/accept_ra": 0,
            "net/ipv6/conf/all/router_solicitations": 0, "net/ipv6/conf/default/router_solicitations": 0,
            "net/ipv6/conf/all/forwarding": int(forwarding), "net/ipv6/conf/default/forwarding": int(forwarding),
            # scenarios provoke many ICMPv6 errors in a short time
            "net/ipv6/icmp/ratelimit": 0,
        })
        self.ip("link set lo up")

    def inside(self, function):
        """Calls function() in a thread that has entered the namespace; sockets made there stay there."""
        result = {}

        def body():
            try:
                fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
                try:
                    if _libc.setns(fd, CLONE_NEWNET):
                        raise OSError(ctypes.get_errno(), f"setns {self.path}")
                finally:
                    os.close(fd)
                result["value"] = function()
            except BaseException as error:  # raised again in the caller
                result["error"] = error

        thread = threading.Thread(target=body)
        thread.start()
        thread.join()
        if "error" in result:
            raise result["error"]
        return result["value"]

    def sysctl(self, values):
        def write():
            for key, value in values.items():
                with open(f"/proc/sys/{key}", "w") as file:
                    file.write(str(value))
        self.inside(write)

    def ip(self, *lines):
        """`ip` with each line as in a batch file: one process for all of them."""
        done = subprocess.run(["ip", "-n", self.full, "-batch", "-"], input="\n".join(lines) + "\n",
                              capture_output=True, text=True)
        if done.returncode:
            raise CommandFailed(f"ip -n {self.full}: {done.stderr}\n" + "\n".join(lines))
        return done.stdout

    def ip_json(self, command):
        return json.loads(sh(f"ip -j -n {self.full} {command}").stdout or "[]")

    def argv(self, command):
        words = shlex.split(command) if isinstance(command, str) else [str(word) for word in command]
        return ["nsenter", f"--net={self.path}", *words]

    def run(self, command, check=True, timeout=60, **kwargs):
        return sh(self.argv(command), check=check, timeout=timeout, **kwargs)

    def popen(self, command, **kwargs):
        """A child that cleanup ends; nsenter execs, so the pid is the command's own."""
        child = subprocess.Popen(self.argv(command), **{"text": True, **kwargs})
        self.children.append(child)
        self.started.append(child)
        return child

    def mac(self, link):
        return self.ip_json(f"link show dev {link}")[0]["address"]

    def link_local(self, link):
        for entry in self.ip_json(f"-6 addr show dev {link} scope link"):
            for info in entry.get("addr_info", []):
                if "local" in info:
                    return info["local"]
        raise AssertionError(f"{self.full}: no link-local address on {link}")

    def index(self, link):
        return self.ip_json(f"link show dev {link}")[0]["ifindex"]

    def offloads(self, *links):
        """XDP redirect into a veth wants GRO at its peer, and no unfinished checksums (DESIGN §7). As `ethtool -K` does."""
        def switch():
            with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
                for link, (command, on) in itertools.product(links, ((ETHTOOL_SGRO, 1), (ETHTOOL_STXCSUM, 0))):
                    value = ctypes.create_string_buffer(struct.pack("=II", command, on))
                    fcntl.ioctl(sock, SIOCETHTOOL, struct.pack("=16sQ16x", link.encode(), ctypes.addressof(value)))
        self.inside(switch)

    def ping(self, target, count=3, interval=0.1, size=56, options="", replies=True):
        """Number of answers; with replies=True asserts that all came."""
        done = self.run(f"ping -n -c {count} -i {interval} -W 2 -s {size} {options} {target}", check=False)
        words = done.stdout.split()
        got = int(words[words.index("received,") - 1]) if "received," in words else 0
        if replies:
            assert got == count, f"{self.name} pings {target}: {got} of {count} answered\n{done.stdout}{done.stderr}"
        return got

    def close(self):
        for child in self.children:
            end_child(child)
        self.children = []
        if os.path.exists(self.path):
            sh(["ip", "netns", "del", self.full], check=False)


def end_child(child, how=signal.SIGTERM, patience=5):
    """Ends a process that we started, by its id."""
    if child.poll() is None:
        child.send_signal(how)
        try:
            child.wait(patience)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
    for stream in (child.stdin, child.stdout, child.stderr):
        if stream and stream is not child.stdout:   # a thread may still be reading that; it ends with the child
            stream.close()
    return child.returncode


def veth(a, a_link, b, b_link, mtu=1500):
    """A link between two namespaces, both ends up, addresses yet to come."""
    # made inside one of them, so that no name of ours ever stands in the host's namespace
    a.ip(f"link add {a_link} mtu {mtu} type veth peer name {b_link} mtu {mtu} netns {b.full}", f"link set {a_link} up")
    b.ip(f"link set {b_link} up")
    a.offloads(a_link)
    b.offloads(b_link)


def leftovers(prefix):
    """What of a laboratory is still there: names of namespaces."""
    return sorted(name for name in os.listdir(NETNS_DIR) if name.startswith(prefix)) if os.path.isdir(NETNS_DIR) else []
