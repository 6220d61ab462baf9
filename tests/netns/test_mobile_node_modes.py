# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The mobile node by every mode of attachment: what comes in differs, what goes out does not."""
import pytest

from lab.roaming import roaming_lab  # noqa: F401
from lab.topology import CORRESPONDENT, HOME
from lab.wait import until

# DAD, a second each time, is the subject of test_registration.py and test_neighbour.py
pytestmark = pytest.mark.topology(dad_transmits=0)


@pytest.mark.parametrize("mode", ["native", "generic", "tc"])
def test_registered_tunnelled_moved_and_home_again(lab, mode):
    lab.gateway()
    node = lab.node(start=False)
    node.config["interfaces"] = [{"name": "wlan0", "mode": mode}]
    node.start()
    assert node.interfaces()["wlan0"]["mode"] == mode
    lab.radvd("link1", "link2", "home")
    for link in ("link1", "link2"):
        lab.plug("wlan0", link)
        node.wait_care_of({"link1": "2001:db8:f1::", "link2": "2001:db8:f2::"}[link])
        lab.cn.ping(HOME)
        lab.mn.ping(CORRESPONDENT, options=f"-I {HOME}")
    counters = node.all_counters()
    assert counters["pass-decapsulated"] >= 12 and counters["reverse-tunnelled"] >= 12, counters
    lab.plug("wlan0", "home")
    node.wait_state("at-home")
    until(lambda: lab.cn.ping(HOME, count=1, replies=False) == 1, 5, "at home it answers")
