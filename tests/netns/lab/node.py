# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""mobgwd as a mobile node, under test: its configuration, its life (as gateway.py) and what it says of itself."""
import json

from .gateway import Gateway
from .wait import until

HOME = "2001:db8:1::100"
HOME_AGENT = "2001:db8:1::1"
HOME_PREFIX = "2001:db8:1::/64"
UPLINKS = ({"interface": "wlan0", "preference": 20}, {"interface": "wwan0", "preference": 10})


class Node(Gateway):
    """homes: home addresses, or dicts as in the file; further keywords go to mobile-node: with - for _."""

    def __init__(self, lab, ns="mn", homes=(HOME,), uplinks=UPLINKS, lifetime=600, agent=HOME_AGENT, prefix=HOME_PREFIX,
                 authentication="none", env=None, node_keys=None, ipsec=None, **mobile_node):
        self._places(lab, ns, env)
        self.home = homes[0] if isinstance(homes[0], str) else homes[0]["address"]
        self.config = {
            "roles": ["mobile-node"],
            "mobile-node": {
                **({"authentication": authentication} if authentication else {}),
                "home-addresses": [h if isinstance(h, dict) else
                                   {"address": h, "home-agent": agent, "home-prefix": prefix, "lifetime": lifetime}
                                   for h in homes],
                "uplinks": [dict(u) for u in uplinks],
                **{key.replace("_", "-"): value for key, value in mobile_node.items()},
            },
            "pin-directory": self.pin_dir, "home-device": self.home_device, "control": {"path": self.control},
        }
        self._protect("mobile-node", node_keys, ipsec)

    # ---- what it says ----

    def uplinks(self):
        """{interface: uplink as in the JSON}"""
        return {u["name"]: u for u in self.show("uplinks")["uplinks"]}

    def state(self, home=None):
        return self.bindings()[home or self.home]["state"]

    def care_of(self, home=None):
        """Registered; None where there is none."""
        return self.bindings()[home or self.home].get("care_of_address")

    def wait_state(self, *states, home=None, timeout=6.0):
        """Waits until the binding is in one of the states; the binding."""
        home = home or self.home

        def reached():
            binding = self.bindings()[home]
            return binding if binding["state"] in states else None
        return until(reached, timeout, lambda: f"{home} becomes {' or '.join(states)}: {self.bindings()} "
                                               f"{self.uplinks()}\n{self.log()}")

    def wait_care_of(self, care_of, home=None, timeout=6.0):
        """Waits until it is registered with this care-of address, or one of this /64 (ends in ::)."""
        home = home or self.home

        def reached():
            binding = self.bindings()[home]
            now = binding.get("care_of_address") or ""
            fits = now.startswith(care_of[:-1]) if care_of.endswith("::") else now == care_of
            return binding if binding["state"] == "registered" and fits else None
        return until(reached, timeout, lambda: f"{home} is registered with {care_of}: {self.bindings()} "
                                               f"{self.uplinks()}\n{self.log()}")

    def wait_usable(self, uplink, timeout=6.0):
        return until(lambda: self.uplinks()[uplink]["state"] == "usable" and self.uplinks()[uplink], timeout,
                     lambda: f"{uplink} becomes usable: {self.uplinks()}")

    def handover(self, to):
        """`mobgw handover`: an uplink, or --auto; the finished process."""
        return self.tool(f"handover {to}", check=False)

    def events(self, child, count):
        """The next lines of a monitor() child, as dicts."""
        return [json.loads(child.stdout.readline()) for _ in range(count)]
