# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""handovers.png, drawn by gnuplot: round-trip times, the handovers as labelled lines, a red tick for each lost ping."""
import subprocess

COLOURS = {"hard": "#b8561c", "home": "#2a7a3f", "soft": "#2456a6", "direct": "#7a3f96"}
SETTINGS = """
set terminal pngcairo size {width},760 font "sans,11" background "white"
set output "{png}"
set title "Pings from the correspondent to the home address, every 10 ms: {subtitle}" offset 0,{lift}
set xlabel "time (s)"
set ylabel "round-trip time (ms, logarithmic)"
set y2range [0:1]
set xrange [0:{end:.2f}]
set logscale y
set yrange [{low:g}:{high:g}]
set xtics nomirror out
set ytics nomirror out (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
set mxtics 5
set grid back xtics ytics lt 1 lw 0.7 lc rgb "#d4d4d4"
set border 3 lc rgb "#555555"
set tmargin {margin}
set rmargin 10
set key below horizontal samplen 2
"""


def draw(done, journey, sent, directory):
    """Writes pings.tsv, handovers.gp and handovers.png below the directory (a Path)."""
    start = sent[0][0]
    answered = [(at - start, rtt) for at, rtt in sent if rtt is not None]
    lost = [at - start for at, rtt in sent if rtt is None]
    blocks = [[f"{at:.4f}\t{rtt:.3f}" for at, rtt in answered], [f"{at:.4f}\t0.07" for at in lost] or ["-1\t0"]]
    (directory / "pings.tsv").write_text("\n\n\n".join("\n".join(block) for block in blocks) + "\n")
    (directory / "handovers.gp").write_text("\n".join(script(done, journey, start, answered, directory)) + "\n")
    subprocess.run(["gnuplot", str(directory / "handovers.gp")], check=True, timeout=60)


def script(done, journey, start, answered, directory):
    times = [rtt for _, rtt in answered]
    end = max(answered[-1][0], 1)
    yield SETTINGS.format(width=max(1300, 85 * len(done["handovers"])), png=directory / "handovers.png", end=end,
                          low=min(times) * 0.5, high=max(times) * 1.5, margin=12, lift=9,
                          subtitle=f"{done['lost']} of {done['sent']} lost in {len(done['handovers'])} handovers")
    for handover, row in zip(journey.handovers, done["handovers"]):
        at, colour = handover.up - start, COLOURS[handover.kind]
        yield f'set arrow from first {at:.3f}, graph 0 to first {at:.3f}, graph 1 nohead lw 1.5 dt 2 lc rgb "{colour}"'
        cost = f"{row['interruption_ms']:g} ms, {row['lost']} lost"
        yield (f'set label "{row["kind"]}: {row["from"]} → {row["to"]}, {cost}" at first {at:.3f}, graph 1.02 '
               f'rotate by 35 left font "sans,9" tc rgb "{colour}"')
    data = directory / "pings.tsv"
    yield f'plot "{data}" index 0 using 1:2 with points pt 7 ps 0.35 lc rgb "#4477aa" title "answered", \\'
    yield f'     "{data}" index 1 using 1:2 axes x1y2 with impulses lw 1.5 lc rgb "#d01020" title "lost"'
