# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Waiting for a condition, never for a time. MOBGW_SLOW=n (VM tier) multiplies every timeout by n."""
import os
import time

POLL_S = 0.02
SLOW = float(os.environ.get("MOBGW_SLOW", "1"))


class Timeout(AssertionError):
    pass


def until(condition, timeout=5.0, what="condition"):
    """The first true value of condition(); Timeout with `what` (text, or a function that makes it) when none came."""
    end = time.monotonic() + timeout * SLOW
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Timeout(f"not within {timeout * SLOW:g} s: {what() if callable(what) else what}")
        time.sleep(POLL_S)


def stays(condition, seconds, what="condition"):
    """Asserts that the condition holds all the while."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert condition(), f"did not stay so for {seconds:g} s: {what}"
        time.sleep(POLL_S)
