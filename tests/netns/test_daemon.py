# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The daemon's life: killed, stopped, started again, refused; the data path outlives it (DESIGN §2.3)."""
import json
import os
import subprocess

import pytest

from lab.gateway import FOUR, ABI, MOBGWD
from lab.namespace import sh, veth
from lab.topology import HOME
from lab.wait import until

# DAD, a second each time, is the subject of test_registration.py and test_neighbour.py
pytestmark = pytest.mark.topology(dad_transmits=0)

OTHER = "2001:db8:1::101"


class steady_ping:
    """ping all through the block; .lost after it."""

    def __init__(self, ns, target, interval=0.02):
        self.ns, self.target, self.interval = ns, target, interval

    def __enter__(self):
        self.child = self.ns.popen(f"ping -n -i {self.interval} {self.target}", stdout=subprocess.PIPE)
        return self

    def __exit__(self, *_):
        self.child.send_signal(2)
        out = self.child.communicate(timeout=10)[0]
        words = out.split()
        self.sent, self.got = (int(words[words.index(key) - d]) for key, d in (("packets", 1), ("received,", 1)))
        self.lost = self.sent - self.got


def test_kill_9_and_restart_lose_no_packet(lab, ha, mn):
    mn.registered()
    lab.cn.ping(HOME, count=2)
    with steady_ping(lab.cn, HOME) as ping:
        ha.kill9()
        lab.cn.ping(HOME, count=10)
        ha.start()
        lab.cn.ping(HOME, count=10)
    assert ping.sent > 50 and ping.lost <= 1, f"{ping.lost} of {ping.sent} lost"     # the last may be under way


def test_the_restart_adopts_bindings_and_sequence_numbers(lab, ha, mn):
    mn.registered(seq=500, lifetime_s=400)
    ha.kill9()
    ha.start()
    binding = ha.bindings()[HOME]
    assert binding["care_of_address"] == mn.care_of and binding["sequence"] == 500
    assert 390 <= binding["remaining_s"] <= 400
    ack = mn.register(seq=500)
    assert (ack.status, ack.seq) == (135, 500)
    assert mn.register(seq=501).status == 0


def test_the_adopted_binding_is_still_defended_and_ends_in_its_time(lab, ha, mn):
    mn.registered(lifetime_s=8)
    ha.kill9()
    ha.start()
    assert lab.nb.ping(HOME) == 3
    until(lambda: not ha.bindings(), 10, "the binding expires")


def test_bindings_expire_in_the_data_path_without_the_daemon(lab, ha, mn):
    mn.registered(lifetime_s=4)
    ha.kill9()
    assert lab.cn.ping(HOME) == 3

    def forwarded():
        before = mn.tunnelled
        lab.cn.ping(HOME, count=1, replies=False)
        return mn.tunnelled > before
    until(lambda: not forwarded(), 12, "the data path stops forwarding")
    ha.start()
    assert not ha.bindings()


def test_sigterm_keeps_forwarding(lab, ha, mn):
    mn.registered()
    assert ha.stop() == 0, ha.log()
    assert lab.cn.ping(HOME, count=5) == 5
    ha.start()
    assert HOME in ha.bindings()


def test_forwarding_goes_on_when_the_heartbeat_is_old(lab, ha, mn):
    """HEARTBEAT_STALE_S: the kernel's table is asked."""
    import time
    mn.registered()
    ha.kill9()
    time.sleep(6)
    assert lab.cn.ping(HOME, count=5) == 5
    ha.start()
    assert ha.counters("fib-lookup") >= 1


def test_detach_leaves_nothing(lab, ha, mn):
    mn.registered()
    ha.stop()
    assert ha.detach().returncode == 0
    assert not os.path.exists(ha.pin_dir)
    for link in ("uplink", "home"):
        assert "xdp" not in lab.ha.run(f"ip link show dev {link}").stdout
        assert not json.loads(lab.ha.run("bpftool -j net show").stdout)[0].get("tc")
    assert not [r for r in lab.ha.ip_json("-6 route show") if r.get("dev") == ha.home_device]
    assert lab.ha.run(f"ip link show dev {ha.home_device}", check=False).returncode != 0


def test_a_second_daemon_is_refused(lab, ha):
    done = lab.ha.run([MOBGWD, "--config", ha.config_path], check=False, timeout=10)
    assert done.returncode != 0 and "control" in (done.stdout + done.stderr)
    assert ha.show("status")["pid"] == ha.process.pid


def test_foreign_pins_are_refused_and_left_alone(lab):
    gateway = lab.gateway()
    gateway.stop()
    pin = f"{gateway.pin_dir}/{ABI}/bindings"
    os.unlink(pin)
    sh(["bpftool", "map", "create", pin, "type", "hash", "key", "4", "value", "4", "entries", "1", "name", "foreign"])
    code, log = gateway.refused_start()
    assert code != 0 and "bindings" in log
    assert json.loads(sh(["bpftool", "-j", "map", "show", "pinned", pin]).stdout)["name"] == "foreign"
    os.unlink(pin)


def test_pins_of_another_owner_are_refused(lab):
    gateway = lab.gateway()
    gateway.stop()
    os.chmod(f"{gateway.pin_dir}/{ABI}", 0o777)
    code, log = gateway.refused_start()
    assert code != 0 and gateway.pin_dir in log
    os.chmod(f"{gateway.pin_dir}/{ABI}", 0o700)


@pytest.mark.parametrize("authentication", [None, "ipsec"])
def test_without_authentication_none_it_refuses_to_start(lab, authentication):
    from lab.gateway import Gateway
    gateway = Gateway(lab, authentication=authentication)
    lab.gateways.append(gateway)
    code, log = gateway.refused_start()
    assert code != 0 and "ipsec" in log.lower() and "none" in log


def test_authentication_none_is_warned_of_and_shown(lab, ha):
    assert "authentication" in ha.log()
    assert ha.show("status")["authentication"] == "none" and ha.show("status")["warning"]
    text = ha.tool("show bindings")
    assert "authentication" in text.stdout + text.stderr


def test_check_prints_the_configuration_and_touches_nothing(lab, ha):
    done = lab.ha.run([MOBGWD, "--config", ha.config_path, "--check"])
    assert "2001:db8:1::100" in done.stdout


def test_a_late_interface_is_attached_when_it_appears(lab, mn):
    gateway = lab.gateway(interfaces=("uplink", "home", "late"))
    assert gateway.capabilities() == {FOUR}, "before and behind what comes late"
    assert gateway.interfaces()["late"]["present"] is False
    veth(lab.ha, "late", lab.core, "late")
    until(lambda: gateway.interfaces()["late"]["mode"] != "none", 5, lambda: f"attached: {gateway.interfaces()['late']}")
    mn.registered()
    assert lab.cn.ping(HOME) == 3


def test_a_vanished_interface_and_its_return_are_survived(lab, ha, mn):
    mn.registered()
    lab.ha.ip("link del uplink")
    until(lambda: ha.interfaces()["uplink"]["present"] is False, 5, "the interface is gone")
    assert ha.process.poll() is None
    veth(lab.core, "ha", lab.ha, "uplink")
    lab.core.ip("addr add 2001:db8:0:1::2/64 dev ha nodad", "route replace 2001:db8:1::/64 via 2001:db8:0:1::1")
    lab.ha.ip("addr add 2001:db8:0:1::1/64 dev uplink nodad", "route replace default via 2001:db8:0:1::2")
    until(lambda: ha.interfaces()["uplink"]["mode"] != "none", 5, "attached again")
    until(lambda: lab.cn.ping(HOME, count=1, replies=False) == 1, 5, "traffic flows again")
    assert lab.cn.ping(HOME, count=5) == 5
    mn.registered()


def test_the_home_links_interface_may_vanish_too(lab, ha, mn):
    mn.registered()
    lab.ha.ip("link set home down")
    assert ha.show("status")["bindings"] == 1
    lab.ha.ip("link set home up", "addr replace 2001:db8:1::1/64 dev home nodad")
    until(lambda: lab.cn.ping(HOME, count=1, replies=False) == 1, 5, "traffic flows again")
    assert lab.nb.ping(HOME) == 3


def test_a_router_that_changes_its_mac_is_followed(lab, ha, mn):
    mn.registered()
    lab.cn.ping(HOME, count=2)
    lab.core.ip("link set ha address 02:00:00:00:0c:0e")
    lab.ha.ip("neigh replace 2001:db8:0:1::2 lladdr 02:00:00:00:0c:0e dev uplink nud reachable")
    until(lambda: lab.cn.ping(HOME, count=1, replies=False) == 1, 5, "the next hop is followed")
    assert lab.cn.ping(HOME, count=5) == 5


def test_a_next_hop_that_never_resolves_is_survived(lab, mn):
    """A care-of address on the home agent's own link that nobody has."""
    gateway = lab.gateway()
    mn.registered(alternate="2001:db8:0:1::dead")
    lab.cn.ping(HOME, count=5, replies=False)
    assert gateway.show("status")["bindings"] == 1
    mn.registered()
    assert lab.cn.ping(HOME) == 3


def test_a_table_made_for_two_holds_two(lab):
    """The configuration allows no smaller table than its mobile nodes fill, so 130 is for the unit tests to show."""
    gateway = lab.gateway(mobile_nodes=[HOME, OTHER], max_bindings=2)
    node = lab.mobile_node(link="f1")
    node.registered(home=HOME)
    node.registered(home=OTHER)
    assert len(gateway.bindings()) == 2


def test_events_are_monitored_as_they_happen(lab, ha, mn):
    child = ha.monitor()
    until(lambda: ha.show("status")["monitors"] == 1, 5, "monitor is connected")
    mn.registered()
    mn.registered()
    mn.attach("f2")
    mn.registered()
    mn.register(seq=1)
    mn.seq = 10
    mn.deregister()
    events = [json.loads(child.stdout.readline()) for _ in range(5)]
    assert [e["event"] for e in events] == ["registered", "refreshed", "moved", "refused", "deregistered"]
    assert events[3]["status"] == 135 and events[2]["old_care_of_address"] == "2001:db8:f1::2"
    assert all(e["home_address"] == HOME for e in events)


def test_ten_restarts_at_any_instant_keep_the_binding(lab, ha, mn):
    mn.registered(lifetime_s=400)
    for round_ in range(10):
        mn.send(mn.update_packet(seq=mn.seq + 1))
        mn.seq += 1
        ha.kill9()
        ha.start()
    assert HOME in ha.bindings()
    assert mn.register(seq=mn.seq + 1).status == 0
    assert lab.cn.ping(HOME) == 3


def test_a_start_with_many_interfaces_ends(lab):
    """An update moves an entry within its bucket of `ports`: a walk that updated as it went could go round for ever."""
    names = [f"many{n}" for n in range(40)]
    for name in names:
        lab.ha.ip(f"link add {name} type veth peer name {name}p", f"link set {name} up", f"link set {name}p up")
    gateway = lab.gateway(interfaces=("uplink", "home", *names), mode="tc")
    assert gateway.show("status")["interfaces_attached"] == 42
