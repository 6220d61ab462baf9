# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the handovers cost, from the replies to the pings: measured, as a table, and as build/demo/result.json."""
import json
import statistics

from stream import INTERVAL_S


def first_after(times, when):
    return next((at for at in times if at > when), None)


def longest_gap(times, begin, end):
    """Between replies one after the other, as far as it lies before the window's end; in seconds."""
    gaps = [min(after, end) - before for before, after in zip(times, times[1:]) if after >= begin and before < end]
    return max(gaps, default=end - begin)


def measure(handover, ping, tcp):
    """
    hard, home, direct: from the carrier's coming to the first reply. The old link is gone by then, so that it came by the new.
    soft: by how much the longest pause between two replies exceeds the interval of the pings.
    """
    times = ping.received_at()
    gap = longest_gap(times, handover.began, handover.ended)
    if handover.kind == "soft":
        interruption = max(0.0, gap - INTERVAL_S)
    else:
        interruption = (first_after(times, handover.up) or handover.ended) - handover.up
    lost = [at for at, rtt in ping.sent() if rtt is None and handover.began - INTERVAL_S <= at < handover.ended]
    return {
        "kind": handover.kind, "from": handover.origin, "to": handover.target,
        "interruption_ms": round(interruption * 1000, 1), "lost": len(lost), "gap_ms": round(gap * 1000, 1),
        "tcp_bytes": tcp.bytes_since(handover.up + 0.2) - tcp.bytes_since(handover.ended),
    }


def verdicts(daemons):
    """({verdict: packets} of all, {verdict: {daemon: packets}}), without those that never happened."""
    each = {}
    for who, daemon in daemons.items():
        for row in daemon.show("counters")["data_path"]:
            if row["packets"]:
                each.setdefault(row["name"], {})[who] = row["packets"]
    return {name: sum(of.values()) for name, of in each.items()}, each


def result(journey, ping, tcp, survived, daemons, direct):
    rows = [measure(handover, ping, tcp) for handover in journey.handovers]
    sent = ping.sent()
    total, each = verdicts(daemons)
    lost = sum(rtt is None for _, rtt in sent)
    return {
        "handovers": rows, "tcp_survived": survived and all(row["tcp_bytes"] > 0 for row in rows), "verdicts": total,
        "verdicts_by_daemon": each, "sent": len(sent), "lost": lost,
        "lost_without_handover": lost - sum(row["lost"] for row in rows), "direct": direct,
        "median_ms": {kind: round(statistics.median(row["interruption_ms"] for row in rows if row["kind"] == kind), 1)
                      for kind in dict.fromkeys(row["kind"] for row in rows)},
    }


def failures(done):
    """Why the demo is not content, in words; times are shown, not judged."""
    out = [f"soft handover {row['from']} -> {row['to']} lost {row['lost']} pings"
           for row in done["handovers"] if row["kind"] == "soft" and row["lost"]]
    if not done["tcp_survived"]:
        out.append("the TCP connection did not survive")
    if done["direct"]["by_home_agent"] * 10 > done["direct"]["straight"]:
        out.append(f"route optimisation: {done['direct']['by_home_agent']} packets went through the home agent")
    return out


def table(done):
    yield "  #  kind   from   to     interruption   lost   without replies   TCP received"
    for number, row in enumerate(done["handovers"], 1):
        yield (f"{number:3}  {row['kind']:<6} {row['from']:<6} {row['to']:<6} {row['interruption_ms']:9.1f} ms "
               f"{row['lost']:6} {row['gap_ms']:14.1f} ms {row['tcp_bytes'] / 1e6:11.1f} MB")
    yield ""
    yield "interruption: hard, home, direct: from the new link's carrier to the first reply through it;"
    yield "soft: the longest pause between two replies, less the pings' own 10 ms"
    for kind, median in done["median_ms"].items():
        count = sum(row["kind"] == kind for row in done["handovers"])
        yield f"median over {count} {kind} handover{'s' if count > 1 else ''}: {median} ms"
    yield (f"pings: {done['sent']} sent, {done['lost']} lost, "
           f"{done['lost_without_handover']} of them where nothing moved")
    yield f"TCP: {'the one connection survived every handover' if done['tcp_survived'] else 'did NOT survive'}"


def verdict_table(done):
    whos = list(dict.fromkeys(who for of in done["verdicts_by_daemon"].values() for who in of))
    yield f"{'verdict':<24}" + "".join(f"{who:>14}" for who in whos)
    for name, of in done["verdicts_by_daemon"].items():
        yield f"{name:<24}" + "".join(f"{of.get(who, 0):14}" for who in whos)


def write(done, path):
    path.write_text(json.dumps(done, indent=2) + "\n")
