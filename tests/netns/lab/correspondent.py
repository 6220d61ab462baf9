# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""mobgwd as a correspondent alone, under test: its configuration; life and questions as gateway.py."""
from .gateway import Gateway


class Correspondent(Gateway):
    """Further keywords go to correspondent: with - for _."""

    def __init__(self, lab, ns="cn", interfaces=("core",), mode="auto", env=None, **correspondent):
        self._places(lab, ns, env)
        self.config = {
            "roles": ["correspondent"],
            "interfaces": [{"name": name, "mode": mode} for name in interfaces],
            "pin-directory": self.pin_dir, "home-device": self.home_device, "control": {"path": self.control},
        }
        if correspondent:
            self.config["correspondent"] = {key.replace("_", "-"): value for key, value in correspondent.items()}
