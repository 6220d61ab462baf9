# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The demo shows and writes what it says, and leaves nothing behind, also when it is interrupted at any moment."""
import glob
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from lab.wait import SLOW

DEMO = Path(__file__).resolve().parents[1] / "demo/demo"
CYCLE = [("hard", "link1", "link2"), ("home", "link2", "home"), ("hard", "home", "link1"),
         ("soft", "link1", "link2"), ("soft", "link2", "link1"), ("direct", "link1", "link2"), ("direct", "link2", "link1")]


def start(directory, *options):
    # a shell that runs the tests in the background has SIGINT ignored, and its children inherit that
    return subprocess.Popen([str(DEMO), "--output", str(directory), *options], stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True,
                            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))


def left_behind(pid):
    own = f"mg{pid}[a-z]"
    names = [name for pattern in (f"/run/netns/{own}*", f"/sys/fs/bpf/{own}*", f"/tmp/{own}*") for name in glob.glob(pattern)]
    for entry in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            words = Path(entry).read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if f"/mg{pid}" in words:
            names.append(words)
    return names


def test_the_demo_succeeds_writes_its_figures_and_leaves_nothing(tmp_path):
    child = start(tmp_path)
    out = child.communicate(timeout=120 * SLOW)[0]
    assert child.returncode == 0, out
    for words in ("registered", "moved", "deregistered", "at-home", "reverse-tunnelled", "median over 2 hard handovers",
                  "the one connection survived", "nothing left behind"):
        assert words in out, out
    assert not left_behind(child.pid)

    done = json.loads((tmp_path / "result.json").read_text())
    assert [(row["kind"], row["from"], row["to"]) for row in done["handovers"]] == CYCLE
    assert done["tcp_survived"] is True
    for row in done["handovers"]:
        assert 0 <= row["interruption_ms"] <= row["gap_ms"] and row["tcp_bytes"] > 0, row
        assert row["lost"] == 0 or row["kind"] != "soft", row
    assert done["lost"] == sum(row["lost"] for row in done["handovers"]), "lost where nothing moved"
    assert all(count > 0 for count in done["verdicts"].values())
    assert {"encapsulated", "decapsulated", "reverse-tunnelled", "route-optimised", "test-answered"} <= set(done["verdicts"])
    assert done["direct"]["straight"] > 10 * done["direct"]["by_home_agent"]
    assert (tmp_path / "handovers.png").read_bytes().startswith(b"\x89PNG")


def test_what_an_earlier_demo_wrote_does_not_pass_for_the_figures_of_this_one(tmp_path):
    for name in ("result.json", "handovers.png"):
        (tmp_path / name).write_text("of yesterday")
    child = start(tmp_path)
    time.sleep(2 * SLOW)
    child.send_signal(signal.SIGTERM)
    out = child.communicate(timeout=30 * SLOW)[0]
    assert not list(tmp_path.iterdir()), out


@pytest.mark.parametrize("how, after_s", [
    (signal.SIGINT, 0.05), (signal.SIGTERM, 0.2), (signal.SIGINT, 0.4), (signal.SIGTERM, 0.6), (signal.SIGINT, 0.8),
    (signal.SIGTERM, 1.0), (signal.SIGINT, 1.4), (signal.SIGTERM, 2.5), (signal.SIGINT, 4.0), (signal.SIGTERM, 9.0),
])
def test_an_interrupted_demo_leaves_nothing(tmp_path, how, after_s):
    child = start(tmp_path)
    time.sleep(after_s * SLOW)
    child.send_signal(how)
    out = child.communicate(timeout=30 * SLOW)[0]
    assert child.returncode in (128 + how, -how, 1), out
    assert not left_behind(child.pid), out
    assert os.path.isdir("/sys/fs/bpf")
