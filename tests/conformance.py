#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
Holds tests/conformance.tsv against the logs of a run of tests/check: every test named there exists, ran and passed.
Prints how many clauses are shown, by level, and those without a test with the reason. A test that this machine skips
counts if it passed in the VM tier.

usage: tests/conformance.py [OUTDIR]            the check; OUTDIR is build/check
       tests/conformance.py --list [OUTDIR]     only the clauses without a test
       tests/conformance.py --tests [OUTDIR]    every test that the logs know, with its outcome here and in the VM tier
"""
import os
import re
import sys
import xml.etree.ElementTree as xml
from collections import Counter, namedtuple
from pathlib import Path

TESTS = Path(__file__).resolve().parent
LIST = TESTS / "conformance.tsv"
COLUMNS = ["clause", "level", "what", "test", "note"]
LEVELS = ["MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY"]
BINDING = ("MUST", "MUST NOT")
CLAUSE = re.compile(r"RFC (\d+) §(\d+(?:\.\d+)*)$")
TEST = re.compile(r"(unit|datapath):\w+_test\.\w+$|(crosscheck|netns):\w+\.py::[\w:]+(\[[^\]]+\])?$|fuzz:\w+$")

# Worst first: a test that ran twice (sanitizers, parameters) is as good as its worst run.
FAILED, SKIPPED, PASSED = "failed", "skipped", "passed"
DID_NOT_RUN = "did not run"

Row = namedtuple("Row", ["line", *COLUMNS, "tests"])


# ---- the list ----

def clause_key(clause):
    """RFC 6275 §10.3.1 -> (6275, [10, 3, 1]); None where it is none."""
    found = CLAUSE.match(clause)
    return (int(found[1]), [int(n) for n in found[2].split(".")]) if found else None


def read_list(path):
    """Rows, and what is wrong with the list itself."""
    rows, faults = [], []
    lines = path.read_text(encoding="utf-8").splitlines()
    if not lines or lines[0].split("\t") != COLUMNS:
        return rows, [f"{path.name}:1: the header is not: {' '.join(COLUMNS)}"]
    for number, line in enumerate(lines[1:], 2):
        cells = line.split("\t")
        if len(cells) != len(COLUMNS):
            faults.append(f"{path.name}:{number}: {len(cells)} columns, expected {len(COLUMNS)}")
            continue
        tests = [test.strip() for test in cells[3].split(",") if test.strip()]
        row = Row(number, *(cell.strip() for cell in cells), tests)
        faults += [f"{path.name}:{number}: {fault}" for fault in row_faults(row, rows[-1] if rows else None)]
        rows.append(row)
    seen = Counter((row.clause, row.what) for row in rows)
    faults += [f"{path.name}: {clause} stands twice: {what}" for (clause, what), times in seen.items() if times > 1]
    return rows, faults


def row_faults(row, before):
    if not clause_key(row.clause):
        yield f"clause '{row.clause}' is not like: RFC 6275 §10.3.1"
    elif before and clause_key(before.clause) and clause_key(before.clause) > clause_key(row.clause):
        yield f"{row.clause} stands after {before.clause}: sort by clause"
    if row.level not in LEVELS:
        yield f"level '{row.level}' is none of {', '.join(LEVELS)}"
    if not row.what:
        yield "nothing said of what the clause asks"
    for test, times in Counter(row.tests).items():
        if times > 1:
            yield f"{test} named twice"
        if not TEST.match(test):
            yield f"{test}: not a test's name (unit:x_test.name, datapath:x_test.name, netns:test_x.py::name, fuzz:x_fuzz)"
    if not row.tests and not row.note and row.level in BINDING:
        yield f"{row.clause} {row.level} without test says nothing of why: {row.what}"


# ---- the logs ----

def worst(outcomes):
    return next((kind for kind in (FAILED, SKIPPED, PASSED) if kind in outcomes), None)


def cmocka_log(path, tier):
    """Outcomes by id from "-- build/tests/unit/x_test" and the lines of cmocka that follow it."""
    seen, program = {}, None
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        started = re.match(r"-- (\S+)", line)
        ended = re.match(r"\[\s*(OK|FAILED|SKIPPED)\s*\] (\w+)$", line)
        if started:
            program = os.path.basename(started[1])
        elif ended and program:
            outcome = {"OK": PASSED, "FAILED": FAILED, "SKIPPED": SKIPPED}[ended[1]]
            seen.setdefault(f"{tier}:{program}.{ended[2]}", set()).add(outcome)
    return seen


def junit_log(path, tier):
    """Outcomes by id from pytest's report; a test with parameters also under its name without them."""
    seen = {}
    for case in xml.parse(path).getroot().iter("testcase"):
        parts = case.get("classname", "").split(".")
        module = next((i for i, part in enumerate(parts) if part.startswith("test_")), len(parts) - 1)
        name = "::".join([parts[module] + ".py", *parts[module + 1:], case.get("name", "")])
        if case.find("failure") is not None or case.find("error") is not None:
            outcome = FAILED
        else:
            outcome = SKIPPED if case.find("skipped") is not None else PASSED
        for alias in {name, name.split("[")[0]}:
            seen.setdefault(f"{tier}:{alias}", set()).add(outcome)
    return seen


def fuzz_log(path, tier):
    """tests/fuzz/run says "x_fuzz: N runs in S s, ..." of each target that found nothing; it ends at the first that does."""
    text = path.read_text(encoding="utf-8", errors="replace")
    return {f"{tier}:{name}": {PASSED} for name in re.findall(r"^(\w+_fuzz): \d+ runs", text, re.M)}


READERS = [
    ("unit.log", "unit", cmocka_log),
    ("datapath.log", "datapath", cmocka_log),
    ("fuzz.log", "fuzz", fuzz_log),
    ("crosscheck.xml", "crosscheck", junit_log),
    ("netns.xml", "netns", junit_log),
]
VM_READERS = [("vm-6.1.xml", "netns", junit_log), ("vm-6.12.xml", "netns", junit_log)]


def read_logs(outdir, readers):
    """Outcomes by id over the logs of this run, and by tier why its log is none. Older than the build: of another run."""
    seen, missing = {}, {}
    built = outdir / "build.log"
    since = built.stat().st_mtime if built.exists() else 0
    for name, tier, reader in readers:
        path = outdir / name
        if not path.exists():
            missing[tier] = f"{path} is not there: the tier did not run"
        elif path.stat().st_mtime < since:
            missing[tier] = f"{path} is older than the build: the tier did not run"
        else:
            try:
                for test, outcomes in reader(path, tier).items():
                    seen.setdefault(test, set()).update(outcomes)
            except xml.ParseError as fault:
                missing[tier] = f"{path}: {fault}"
    return seen, missing


def outcome_of(test, here, vm):
    """PASSED, or what stands against it in words."""
    outcome, elsewhere = worst(here.get(test, ())), vm.get(test, set())
    if FAILED in (outcome, worst(elsewhere)):
        return "failed" if outcome == FAILED else "failed in the VM tier"
    if outcome == PASSED or PASSED in elsewhere:
        return PASSED
    if outcome == SKIPPED or elsewhere:
        return "skipped here, and not passed in the VM tier"
    return DID_NOT_RUN if in_sources(test) else "no such test"


def in_sources(test):
    """Is there a function or target of that name, where it should be?"""
    tier, _, rest = test.partition(":")
    if tier == "fuzz":
        return (TESTS / tier / f"{rest}.c").exists()
    if tier in ("unit", "datapath"):
        program, _, name = rest.partition(".")
        source = TESTS / tier / f"{program}.c"
    else:
        program, *_, name = rest.split("[")[0].split("::")
        source = TESTS / tier / program
    return source.exists() and re.search(rf"\b{name}\(", source.read_text(encoding="utf-8")) is not None


def run_faults(outcomes, missing):
    """What is wrong with the run: a tier that isn't there once, not each of its tests."""
    tiers = {test.partition(":")[0] for test in outcomes}
    yield from (why for tier, why in missing.items() if tier in tiers)
    for test, outcome in sorted(outcomes.items()):
        if outcome not in (PASSED, DID_NOT_RUN) or (outcome == DID_NOT_RUN and test.partition(":")[0] not in missing):
            yield f"{test}: {outcome}"


# ---- what is said ----

def print_gaps(rows):
    for row in rows:
        if not row.tests:
            print(f"  {row.clause:<20} {row.level:<10} {row.what}\n{'':34}{row.note or '(no reason given)'}")


def print_tests(here, vm):
    for test in sorted({*here, *vm}):
        print(f"{worst(here.get(test, ())) or '-':<8} {worst(vm.get(test, ())) or '-':<8} {test}")


def print_summary(rows, shown):
    for level in LEVELS:
        of_level = [row for row in rows if row.level == level]
        count = sum(row in shown for row in of_level)
        print(f"{len(of_level):>3} {level}: {count} shown, {len(of_level) - count} not shown")
    print(f"{len(rows):>3} clauses: {len(shown)} shown, {len(rows) - len(shown)} not shown")


def main(args):
    options = {arg for arg in args if arg.startswith("-")}
    places = [arg for arg in args if not arg.startswith("-")]
    if options - {"--list", "--tests"} or len(options) > 1 or len(places) > 1:
        sys.exit(__doc__.strip())
    outdir = Path(places[0] if places else TESTS.parent / "build" / "check")
    rows, faults = read_list(LIST)
    if "--list" in options:
        print_gaps(rows)
        return 0
    here, missing = read_logs(outdir, READERS)
    vm, _ = read_logs(outdir, VM_READERS)
    if "--tests" in options:
        print_tests(here, vm)
        return 0
    outcomes = {test: outcome_of(test, here, vm) for row in rows for test in row.tests}
    shown = [row for row in rows if row.tests and all(outcomes[test] == PASSED for test in row.tests)]
    faults += run_faults(outcomes, missing)
    print("clauses without a test, and why:")
    print_gaps(rows)
    if faults:
        print("\n".join(["", "faults:", *(f"  {fault}" for fault in faults)]))
    print()
    print_summary(rows, shown)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
