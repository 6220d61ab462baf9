# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The way of the mobile node through the three links, and the times at which it was made to move."""
import json
import threading
import time
from dataclasses import dataclass

from direct import wait_optimised
from stream import INTERVAL_S
from topology import registered_on, until

SAID = {"text": "", "care_of_address": "care-of ", "old_care_of_address": "before ", "lifetime_s": "lifetime ",
        "sequence": "sequence ", "status_text": ""}
STAY_S = 1.5        # at each point of attachment; RFC 6275 §11.8 allows three binding updates a second


@dataclass
class Handover:
    # hard: another foreign link; home: its return there; soft: another uplink, both of them up; direct: as hard, while
    # correspondent and mobile node talk straight
    kind: str
    origin: str
    target: str
    began: float        # the old link goes, or the new uplink comes
    up: float           # the new link has its carrier, or `mobgw handover` is called
    ended: float = 0.0  # its stay is over: what was lost from `began` to here is its loss
    number: int = 0


class Journey:
    """home_agent, node: the two daemons; streams: all of them flow again before a handover counts as completed."""

    def __init__(self, lab, node, streams, say):
        self.lab, self.node, self.streams, self.say = lab, node, streams, say
        self.handovers, self.where = [], "link1"

    def cycle(self):
        """Two hard handovers, one home, two soft; it ends where it began, on link 1 by wlan0."""
        for kind, target in (("hard", "link2"), ("home", "home"), ("hard", "link1")):
            self.hard(kind, target)
        self.soft()

    def direct(self):
        """Two hard handovers, back to where it began."""
        for target in ("link2", "link1"):
            self.hard("direct", target)

    def hard(self, kind, target):
        self.say(f"wlan0: {self.where} -> {target}, its carrier goes and comes")
        began, up = self.lab.move("wlan0", target)
        self._complete(Handover(kind, self.where, target, began, up))

    def soft(self):
        self.say("wwan0 comes up on link2, while wlan0 stays on link1")
        began = self.lab.move("wwan0", "link2")[1]
        self.node.wait_usable("wwan0")
        for uplink, target in (("wwan0", "link2"), ("wlan0", "link1")):
            self.say(f"mobgw handover {uplink}: {self.where} -> {target}")
            asked = time.time()
            done = self.node.handover(uplink)
            assert done.returncode == 0, f"mobgw handover {uplink}: {done.stdout}{done.stderr}"
            self._complete(Handover("soft", self.where, target, began, asked))
            began = time.time()
        self.lab.take_away("wwan0")
        done = self.node.handover("--auto")
        assert done.returncode == 0, f"mobgw handover --auto: {done.stdout}{done.stderr}"
        self.handovers[-1].ended = time.time()

    def _complete(self, handover):
        """First the streams: asking the daemon in the midst of it would take the time that is measured."""
        for stream in self.streams:
            stream.flows()
        registered_on(self.node, handover.target)
        if handover.kind == "direct":
            wait_optimised(self.node)
        self.streams[0].flows(int(STAY_S / INTERVAL_S))
        handover.ended = time.time()
        self.where = handover.target
        self.handovers.append(handover)
        handover.number = len(self.handovers)


def follow_events(who, daemon, say):
    """A line for each of its events, as they happen."""
    child = daemon.monitor()

    def read():
        for line in child.stdout:
            event = json.loads(line)
            said = [f"{words}{event[key]}" for key, words in SAID.items() if event.get(key) is not None]
            say(f"{who:<11}  {event['event']:<12}  {', '.join(said)}", "*")
    threading.Thread(target=read, daemon=True).start()
    until(lambda: daemon.show("status")["monitors"] == 1, 5, f"mobgw monitor is connected to the {who}")
