# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Our mobile node and a scripted correspondent, message for message. RFC 6275 §11.3.6, §11.6, §11.7, §11.8."""
import pytest

from lab import wire
from lab.capture import capture
from lab.peer import PEER, Peer
from lab.roaming import LINKS, roaming_lab  # noqa: F401
from lab.topology import HOME
from lab.wait import SLOW, stays, until
from test_route_optimisation import away, peers, talk, wait_peer

# DAD, a second each time, is the subject of test_registration.py and test_neighbour.py
pytestmark = pytest.mark.topology(dad_transmits=0)


@pytest.fixture
def peer(lab):
    lab.gateway()
    correspondent = Peer(lab)
    lab.nodes.append(correspondent)
    return correspondent


@pytest.fixture
def node(lab, peer):
    return away(lab)


def begin(lab):
    """A packet, so that the correspondent is known."""
    talk(lab, PEER)


def optimised(lab, node):
    begin(lab)
    return wait_peer(node, "optimised", PEER)


def straight(lab, peer):
    """Data reaches it straight, and its answer us."""
    before = len(peer.echoes)
    assert talk(lab, PEER) == 1
    return peer.echoes[before:][-1][1] == "straight"


def test_every_message_is_as_the_rfc_wants_it(lab, peer, node):
    """§6.1.3 to §6.1.7, §11.6.1, §11.7.2; read by scapy, the key made by hashlib and hmac."""
    optimised(lab, node)
    home, care_of = peer.wait_init("home"), peer.wait_init("care-of")
    assert home.source == HOME and care_of.source == node.care_of()
    assert home.cookie != care_of.cookie and not home.has_option and not care_of.has_option
    assert home.checksum_good and care_of.checksum_good
    update = peer.wait_update()
    assert (update.home, update.care_of, update.has_option) == (HOME, node.care_of(), True)
    assert update.checksum_good and update.flags == "A" and 0 < update.lifetime_s <= 420
    assert update.indices == (peer.index, peer.index) and peer.is_authentic(update)
    assert len(peer.updates) == 1 and len(peer.inits) == 2
    assert straight(lab, peer)


def test_a_new_cookie_every_time(lab, peer, node):
    """§6.1.3: a random value; an unanswered init is repeated after a second, and then two (§11.8)."""
    peer.answer_init = lambda init: []
    begin(lab)
    inits = [peer.wait(peer.inits, lambda i: i.kind == "home", timeout=9)]
    for _ in range(2):
        inits.append(peer.wait(peer.inits, lambda i: i.kind == "home" and i.when > inits[-1].when, timeout=9))
    pauses = [b.when - a.when for a, b in zip(inits, inits[1:])]
    assert 0.9 < pauses[0] < 1.5 * SLOW and 1.9 < pauses[1] < 2.5 * SLOW, pauses
    assert len({i.cookie for i in peer.inits}) == len(peer.inits)


def test_one_half_is_not_waited_for_with_the_other(lab, peer, node):
    """§5.2.5: both tests at once; and without both tokens no update."""
    peer.answer_init = lambda init: [] if init.kind == "home" else peer.give_token(init)
    begin(lab)
    assert peer.wait_init("care-of").when - peer.wait_init("home").when < 0.5 * SLOW
    node.wait_counter("test-taken", 1)
    peer.wait(peer.inits, lambda i: i.kind == "home" and i.cookie != peer.wait_init("home").cookie)
    assert not peer.updates and talk(lab, PEER) == 1
    assert peers(node)[PEER]["care_of_token"] and not peers(node)[PEER]["home_token"]


def test_a_test_with_another_cookie_is_ignored(lab, peer, node):
    """§11.6.2"""
    peer.answer_init = lambda init: peer.give_token(init, cookie=b"guessed!")
    begin(lab)
    node.wait_counter("test-unasked", 2)
    assert not peer.updates
    peer.answer_init = peer.give_token
    wait_peer(node, "optimised", PEER)


def test_a_test_that_was_not_asked_for_is_ignored(lab, peer, node):
    """An old answer, played again: the tokens at hand stay as they are."""
    optimised(lab, node)
    init = peer.wait_init("care-of")
    peer.new_nonce()
    for packet in peer.give_token(init):
        peer.send(packet)
    node.wait_counter("test-unasked", 1)
    assert node.counters("test-taken") == 2 and straight(lab, peer)


def test_a_test_of_somebody_else_is_ignored(lab, peer, node):
    """§11.6.2: from the correspondent alone."""
    stranger = "2001:db8:c5::66"

    def answer(init):
        return [wire.ipv6(stranger, init.source, wire.MH, wire.summed(stranger, init.source, wire.MH, p[40:], 4))
                for p in peer.give_token(init)]
    peer.answer_init = answer
    begin(lab)
    node.wait_counter("test-unasked", 2)
    assert node.counters("test-taken") == 0 and not peer.updates


# ---- acknowledgements ----

def test_an_acknowledgement_that_is_not_authentic_is_ignored(lab, peer, node):
    """§11.7.3: wrong authenticator, and none at all; the update is sent again, with the next number."""
    def answer(update):
        return {0: [peer.ack(update, spoil=0x80)], 1: [peer.ack(update, signed=False)]}.get(
            len(peer.updates), None) or peer.accept(update)
    peer.answer = answer
    begin(lab)
    wait_peer(node, "optimised", PEER, 9)
    assert node.counters("peer-ack-forged") == 2
    first, second, third = peer.updates
    assert [(second.seq - first.seq) % 65536, (third.seq - second.seq) % 65536] == [1, 1]
    assert second.when - first.when > 0.9 and third.when - second.when > 1.8


def test_an_acknowledgement_of_another_number_is_ignored(lab, peer, node):
    peer.answer = lambda update: [peer.ack(update, seq=(update.seq + 1) % 65536)] if len(peer.updates) == 0 \
        else peer.accept(update)
    begin(lab)
    wait_peer(node, "optimised", PEER, 9)
    assert node.counters("peer-ack-forged") == 1 and len(peer.updates) == 2


def test_135_is_followed_by_a_newer_number_at_once(lab, peer, node):
    """§11.7.3: the number in the acknowledgement is the last that it took."""
    taken = {}

    def answer(update):
        if not peer.updates:
            taken["seq"] = (update.seq + 1000) % 65536
            return [peer.ack(update, 135, seq=taken["seq"])]
        return peer.accept(update)
    peer.answer = answer
    begin(lab)
    wait_peer(node, "optimised", PEER)
    assert peer.updates[1].seq == (taken["seq"] + 1) % 65536
    assert peer.updates[1].when - peer.updates[0].when < 0.8 * SLOW


@pytest.mark.parametrize("status, kinds", [(136, {"home"}), (137, {"care-of"}), (138, {"home", "care-of"})])
def test_expired_nonces_lead_to_new_tokens_of_just_that_kind(lab, peer, node, status, kinds):
    """§11.7.3, §11.6.2; these acknowledgements carry no authenticator (§9.5.4)."""
    def answer(update):
        if not peer.updates:
            peer.new_nonce()
            return [peer.ack(update, status, signed=False)]
        return peer.accept(update)
    peer.answer = answer
    begin(lab)
    wait_peer(node, "optimised", PEER)
    assert {init.kind for init in peer.inits[2:]} == kinds and len(peer.inits) == 2 + len(kinds)
    assert peer.updates[1].indices == tuple(peer.index - (name not in kinds) for name in ("home", "care-of"))
    assert straight(lab, peer)


def test_a_correspondent_that_always_says_expired_is_given_up(lab, peer, node):
    """MAX_RO_FAILURE: a few times at once, then not for a minute; meanwhile through the tunnel."""
    peer.answer = lambda update: [peer.ack(update, 138, signed=False)]
    begin(lab)
    given_up = wait_peer(node, "backed-off", PEER, 20)
    assert given_up["last_status"] == 138 and 0 < given_up["back_off_s"] <= 60
    seen = len(peer.inits), len(peer.updates)
    assert seen[1] <= 15
    times = [u.when for u in peer.updates]
    assert all(d - a >= 0.95 for a, d in zip(times, times[3:])), f"MAX_UPDATE_RATE: {times}"
    assert talk(lab, PEER) == 1 and peer.echoes[-1][1] == "plain"
    stays(lambda: (len(peer.inits), len(peer.updates)) == seen, 1.5, "it is left alone")


@pytest.mark.parametrize("status", [128, 129, 130, 131, 139])
def test_a_refusal_is_taken_at_its_word(lab, peer, node, status):
    """§11.7.3: no update again soon, and the tunnel goes on."""
    peer.answer = lambda update: [peer.ack(update, status)]
    begin(lab)
    refused = wait_peer(node, "backed-off", PEER)
    assert refused["last_status"] == status and refused["back_off_s"] > 50
    assert len(peer.updates) == 1 and node.counters("peer-ack-refused") == 1
    assert talk(lab, PEER) == 1 and peer.echoes[-1][1] == "plain"


def test_a_refusal_that_is_not_authentic_is_ignored(lab, peer, node):
    peer.answer = lambda update: [peer.ack(update, 130, spoil=1)] if not peer.updates else peer.accept(update)
    begin(lab)
    wait_peer(node, "optimised", PEER, 9)


def test_a_short_lifetime_is_refreshed_in_time(lab, peer, node):
    """§11.7.2: no gap, and no packet that the correspondent can't place."""
    peer.max_lifetime = 12
    optimised(lab, node)
    until(lambda: talk(lab, PEER) and len(peer.updates) >= 3, 16, lambda: f"refreshed: {peer.updates}")
    assert node.counters("peer-lost") == 0
    for before, after in zip(peer.updates, peer.updates[1:]):
        assert after.when - before.when < 12 and (after.seq - before.seq) % 65536 == 1
        assert peer.is_authentic(after)


def test_a_refresh_request_is_followed_at_once(lab, peer, node):
    """§11.7.4"""
    optimised(lab, node)
    peer.send(peer.refresh_request(HOME))
    update = peer.wait_update(before=1)
    assert update.care_of == node.care_of() and peer.is_authentic(update)


# ---- errors ----

def test_a_binding_error_leads_into_the_tunnel_and_out_again(lab, peer, node):
    """§11.3.6: status 1."""
    optimised(lab, node)
    peer.bindings.clear()
    talk(lab, PEER)         # with an option that it can't place any more
    node.wait_counter("peer-lost", 1)
    peer.wait_update(before=1)
    wait_peer(node, "optimised", PEER)
    assert straight(lab, peer)


def test_a_binding_error_of_a_stranger_changes_nothing(lab, peer, node):
    optimised(lab, node)
    stranger = "2001:db8:c::2"
    error = peer.binding_error(node.care_of(), HOME)
    peer.send(wire.ipv6(stranger, node.care_of(), wire.MH,
                        wire.summed(stranger, node.care_of(), wire.MH, error[40:], 4)))
    node.wait_counter("error-strange", 1)
    assert node.counters("peer-lost") == 0 and straight(lab, peer)


def test_binding_error_2_ends_route_optimisation_with_that_peer(lab, peer, node):
    """§11.3.6: it knows no such messages."""
    peer.answer_init = lambda init: [peer.binding_error(init.source, "::", 2)]
    begin(lab)
    given_up = wait_peer(node, "backed-off", PEER)
    assert given_up["back_off_s"] > 3000 and not peer.updates
    assert talk(lab, PEER) == 1 and peer.echoes[-1][1] == "plain"


def test_a_parameter_problem_about_the_option_is_no_reason_to_stop(lab, peer, node):
    """§11.3.5: code 2 is logged and otherwise ignored, or an attacker could end it."""
    optimised(lab, node)
    with capture(lab.core, "cn", "out") as seen:
        assert straight(lab, peer)
        quoted = seen.wait(lambda p: p[6] == wire.DSTOPTS)
    body = (48).to_bytes(4, "big") + quoted
    peer.send(wire.icmp(PEER, node.care_of(), wire.PARAM_PROBLEM, 2, body))
    assert straight(lab, peer) and peers(node)[PEER]["state"] == "optimised"


# ---- movement ----

def test_a_move_needs_a_new_care_of_token_alone(lab, peer, node):
    """§11.6.1: the home token stays good; one exchange and an update, with the next number."""
    optimised(lab, node)
    lab.plug("wlan0", "link2")
    node.wait_care_of(LINKS["link2"])
    update = peer.wait_update(before=1)
    assert update.care_of == node.care_of() and peer.is_authentic(update)
    assert [init.kind for init in peer.inits[2:]] == ["care-of"] and peer.inits[2].source == node.care_of()
    assert (update.seq - peer.updates[0].seq) % 65536 == 1
    wait_peer(node, "optimised", PEER)      # its acknowledgement
    assert straight(lab, peer)


def test_the_way_home_deletes_with_the_home_token(lab, peer, node):
    """§11.5.5, §5.2.6: from the home address, without option, lifetime 0 or care-of address = home address."""
    optimised(lab, node)
    lab.radvd("home")
    lab.plug("wlan0", "home")
    node.wait_state("at-home")
    update = peer.wait_update(before=1)
    assert update.deletion and update.lifetime_s == 0 and not update.has_option and update.source == HOME
    assert peer.is_authentic(update) and update.checksum_good
    until(lambda: not peer.bindings and node.counters("peer-ack") == 2, 3, "acknowledged")
    until(lambda: talk(lab, PEER), 5, "an answer at home")
    assert peer.echoes[-1][1] == "plain"


def test_what_comes_with_a_routing_header_reaches_the_socket(lab, peer, node):
    """§11.3.3: only to our own home address; the one next to it is nobody's."""
    optimised(lab, node)
    binding = peer.bindings[HOME]
    before = node.counters("routing-type-2")
    echo = wire.echo(PEER, HOME, identifier=99, sequence=1)[40:]
    with capture(lab.core, "cn", "out") as seen:
        peer.send(wire.ipv6(PEER, binding.care_of, wire.ROUTING, wire.rh2(HOME, wire.ICMPV6) + echo))
        seen.wait(lambda p: p[6] == wire.DSTOPTS and p[64] == wire.ECHO_REPLY)
    other = "2001:db8:1::101"
    echo = wire.echo(PEER, other, identifier=99, sequence=2)[40:]
    peer.send(wire.ipv6(PEER, binding.care_of, wire.ROUTING, wire.rh2(other, wire.ICMPV6) + echo))
    node.wait_counter("routing-type-2", before + 1)
