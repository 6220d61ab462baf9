# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The demo shows what it says, and leaves nothing behind, also when it is interrupted at any moment."""
import glob
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from lab.wait import SLOW

DEMO = Path(__file__).resolve().parents[1] / "demo/demo"


def start():
    return subprocess.Popen([str(DEMO), "--quick"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


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


def test_the_demo_succeeds_and_leaves_nothing():
    child = start()
    out = child.communicate(timeout=60 * SLOW)[0]
    assert child.returncode == 0, out
    for words in ("event registered", "event moved", "event deregistered", "care_of", "encapsulated", "nothing left behind"):
        assert words in out, out
    assert not left_behind(child.pid)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("after_s", [0.05, 0.3, 0.6, 1.0, 3.0, 6.0])
def test_an_interrupted_demo_leaves_nothing(how, after_s):
    child = start()
    time.sleep(after_s * SLOW)
    child.send_signal(how)
    out = child.communicate(timeout=30 * SLOW)[0]
    assert child.returncode in (128 + how, -how, 1), out
    assert not left_behind(child.pid), out
    assert os.path.isdir("/sys/fs/bpf")
