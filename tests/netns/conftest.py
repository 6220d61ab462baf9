# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Fixture `lab`: a laboratory of its own for every test, with nothing left behind; on failure log and counters are shown."""
import functools
import itertools
import os
import signal
import subprocess

import pytest

from lab.charon import Charon
from lab.namespace import sh
from lab.topology import Lab

_probes = itertools.count()
ESP_STATE = "xfrm state add src 2001:db8::1 dst 2001:db8::2 proto esp spi"


def pytest_configure(config):
    signal.signal(signal.SIGTERM, signal.default_int_handler)   # `timeout` too must leave nothing behind
    config.addinivalue_line("markers", "needs(*features): skipped, with the reason, where the kernel lacks one of them")
    config.addinivalue_line("markers", "topology(**settings): the laboratory: mtu, tail_mtu, defaults of its gateways")
    if os.geteuid() != 0:
        pytest.exit("the namespace scenarios make network namespaces and load BPF: run them as root", 2)


@functools.lru_cache(maxsize=None)
def missing(feature):
    """Why the feature can't be had here; None where it is there."""
    probes = {
        "8021q": ["link add mgp0 type veth peer name mgp1", "link add link mgp0 name mgp0.5 type vlan id 5"],
        "bridge": ["link add mgp0 type bridge"],
        "esp": [f"{ESP_STATE} 0x100 auth-trunc hmac(sha256) 0x{bytes(32).hex()} 128 enc cbc(aes) 0x{bytes(16).hex()}",
                f"{ESP_STATE} 0x101 aead rfc4106(gcm(aes)) 0x{bytes(20).hex()} 128"],
        "ip6_tunnel": ["link add mgp0 type ip6tnl remote 2001:db8::1 local 2001:db8::2 mode ip6ip6"],
        "tun": ["tuntap add dev mgp0 mode tun"],
    }
    if feature == "tshark":
        return None if subprocess.run(["which", "tshark"], capture_output=True).returncode == 0 else "no tshark"
    name = f"mg{os.getpid()}p{next(_probes)}"
    sh(f"ip netns add {name}")
    try:
        for line in probes[feature]:
            done = sh(f"ip -n {name} {line}", check=False)
            if done.returncode:
                return f"this kernel has no {feature}: {done.stderr.strip().splitlines()[-1]}"
    finally:
        sh(f"ip netns del {name}")
    return None


def pytest_runtest_setup(item):
    for mark in item.iter_markers("needs"):
        for feature in mark.args:
            why = missing(feature)
            if why:
                pytest.skip(why)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    setattr(item, f"report_{report.when}", report)
    if report.when == "call" and report.failed and "lab" in item.funcargs:
        for gateway in item.funcargs["lab"].gateways:
            report.sections.append((f"mobgwd in {gateway.ns.full}", state_of(gateway)))
        for charon in (node for node in item.funcargs["lab"].nodes if isinstance(node, Charon)):
            report.sections.append((f"charon in {charon.ns.full}", charon.log()[-12000:]))


def state_of(gateway):
    lines = [gateway.log() or "(no log)"]
    if gateway.process and gateway.process.poll() is not None:
        lines.append(f"ended with {gateway.process.returncode}")
    for command in ("show bindings", "show interfaces", "show counters"):
        try:
            lines.append(gateway.tool(command, check=False).stdout)
        except (OSError, subprocess.SubprocessError) as error:
            lines.append(f"{command}: {error}")
    return "\n".join(lines)


@pytest.fixture
def lab(request):
    settings = {}
    for mark in request.node.iter_markers("topology"):
        settings.update(mark.kwargs)
    laboratory = Lab(**settings)
    with laboratory:
        yield laboratory
    left = laboratory.leftovers()
    left += [f"pin {g.pin_dir}: --detach did not take it away" for g in laboratory.gateways
             if getattr(g, "unpinned_by_hand", False)]
    logs = "\n".join(g.final_log for g in laboratory.gateways)
    assert not left, f"left behind: {left}\n{logs}"
    for complaint in ("AddressSanitizer", "runtime error:", "LeakSanitizer"):
        assert complaint not in logs, logs


@pytest.fixture
def ha(lab):
    """A home agent with its defaults: one home link, home address ::100."""
    return lab.gateway()


@pytest.fixture
def mn(lab):
    """The mobile node ::100, attached to link f1, not yet registered."""
    return lab.mobile_node(link="f1")
