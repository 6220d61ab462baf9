# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Fixture `lab`: a laboratory of its own for every test, with nothing left behind; on failure log and counters are shown."""
import collections
import functools
import itertools
import os
import signal
import subprocess

import pytest

from lab.gateway import TOP
from lab.namespace import sh
from lab.topology import Lab

VM_QUICK = TOP / "tests/vm/scenarios.txt"
_probes = itertools.count()


def pytest_configure(config):
    signal.signal(signal.SIGTERM, signal.default_int_handler)   # `timeout` too must leave nothing behind
    config.addinivalue_line("markers", "needs(*features): skipped, with the reason, where the kernel lacks one of them")
    config.addinivalue_line("markers", "vm_quick: named in tests/vm/scenarios.txt, fit for slow emulation")
    config.addinivalue_line("markers", "topology(**settings): the laboratory: mtu, tail_mtu, defaults of its gateways")
    if os.geteuid() != 0:
        pytest.exit("the namespace scenarios make network namespaces and load BPF: run them as root", 2)


def pytest_collection_modifyitems(items):
    lines = VM_QUICK.read_text().splitlines() if VM_QUICK.exists() else []
    named = {line.strip() for line in lines if line and not line.startswith("#")}
    for item in items:
        path, name = str(item.path.relative_to(TOP)), item.nodeid.split("::", 1)[1]
        if named & {path, f"{path}::{name}", f"{path}::{name.split('[')[0]}"}:
            item.add_marker("vm_quick")


def pytest_terminal_summary(terminalreporter):
    """How many scenarios this machine did not show, and for want of what."""
    skips = [report.longrepr for report in terminalreporter.stats.get("skipped", [])]
    reasons = collections.Counter(skip[2].removeprefix("Skipped: ") for skip in skips if isinstance(skip, tuple))
    for reason, count in sorted(reasons.items()):
        terminalreporter.write_line(f"{count} not shown on this machine: {reason}")


@functools.lru_cache(maxsize=None)
def missing(feature):
    """Why the feature can't be had here; None where it is there."""
    probes = {
        "8021q": ["ip -n {} link add mgp0 type veth peer name mgp1",
                  "ip -n {} link add link mgp0 name mgp0.5 type vlan id 5"],
        "ip6_tunnel": ["ip -n {} link add mgp0 type ip6tnl remote ::1 local ::2 mode ip6ip6"],
        "netem": ["tc -n {} qdisc add dev lo root netem delay 1ms"],
        "tun": ["ip -n {} tuntap add dev mgp0 mode tun"],
    }
    if feature == "tshark":
        return None if subprocess.run(["which", "tshark"], capture_output=True).returncode == 0 else "no tshark"
    name = f"mg{os.getpid()}p{next(_probes)}"
    sh(f"ip netns add {name}")
    try:
        for line in probes[feature]:
            done = sh(line.format(name), check=False)
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
        for ns in item.funcargs["lab"].namespaces.values():
            report.sections.append((f"routes and neighbours of {ns.name}", roads_of(ns)))


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


def roads_of(ns):
    return "\n".join(sh(f"ip -6 -n {ns.full} {what} show", check=False).stdout for what in ("addr", "route", "neigh"))


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
