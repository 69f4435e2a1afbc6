#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_suite.py BUILD - tools/bench on a build, with little work: its figures mean nothing.

It runs thrum, serial and pthreads; and peers made for the purpose, which fail, say that they cannot
run, or compute something else.
"""
import json
import re
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as xml
from html.parser import HTMLParser
from pathlib import Path

import grow
from catalog import WORKLOADS

ROOT = Path(__file__).resolve().parent.parent.parent
QUICK = ["fork_join", "skynet", "flat_spawn", "spawn_await", "yield", "ping_pong", "ready_future",
         "parked_memory", "timers", "scope", "token_tree", "token_wait", "timeout", "chan_1to1",
         "chan_nton", "chan_rendezvous", "chan_batch", "select_2", "select_8", "mutex",
         "semaphore", "rwlock", "cond_ping_pong", "barrier_100", "waiters", "submit_wake",
         "behind_hog", "sort", "parallel_for"]
SLOW = ["idle", "sleepers"]  # seconds go by: one round
GROW = {"spawn_await": 2, "flat_spawn": 2, "fork_join": 1, "skynet": 2, "scope": 1,
        "token_tree": 4, "parked_memory": 3, "timers": 3, "waiters": 1, "leave": 1,
        "drain": 3}  # how many figures
FROM_ONE = [1, 10, 100, 1000, 10000]
COUNTS = {"fork_join": [986, 10945], "waiters": FROM_ONE, "leave": FROM_ONE}  # up to 11,000
FLOORS = {"fork_join", "skynet", "sort", "parallel_for", "submit_wake"}
VOID = {"meta", "br"}
FACTS = "".join(f"printf '{name}\\t{value}\\n'\n" for name, value in (
    ("version", 1), ("cpus", 2), ("cpu", "c"), ("kernel", "k"), ("compiler", "g"),
    ("flag_ns", 100), ("loop_ns", 2), ("two_loops_ns", 2)))
# Its loop takes 2 ns, and 3 the next time.
DRIFTING = FACTS + '[ ! -e "$0.ran" ] || printf "loop_ns\\t3\\n"\n: > "$0.ran"\n'


def check(what, condition):
    if not condition:
        sys.exit(f"test_suite.py: {what}")


def bench(build, *options):
    command = [sys.executable, ROOT / "tools/bench", "--no-build", "--build-dir", build, *options]
    return subprocess.run([str(word) for word in command], capture_output=True, text=True)


class Nesting(HTMLParser):
    """Every element ends, and in its turn."""

    def __init__(self):
        super().__init__()
        self.open, self.seen = [], set()

    def handle_starttag(self, tag, attributes):
        self.seen.add(tag)
        for name, value in attributes:
            check(f"the page loads {value}", name not in ("src", "href") or value[0] == "#")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        check(f"<{tag}> ends inside <{self.open[-1]}>", self.open.pop() == tag)


def check_page(text, figures):
    page = Nesting()
    page.feed(text)
    page.close()
    check(f"elements without an end: {page.open}", not page.open)
    plots = re.findall(r"<svg.*?</svg>", text, re.S)
    check(f"{len(plots)} plots for {figures} figures", len(plots) == figures)
    for plot in plots:
        check("a plot has no mark", len(list(xml.fromstring(plot).iter("circle"))) > 0)
    check("the page has a script", "script" not in page.seen)


def check_workload(name, count, written):
    check(f"the JSON of {written['workload']}, not {name}", written["workload"] == name)
    check(f"{name}: the count", written["count"] == count)
    check(f"{name}: failures: {written['failures']}", not written["failures"])
    figures = [(figure["figure"], figure["unit"]) for figure in written["figures"]]
    check(f"{name}: thrum lacks some of its figures: {figures}", figures == WORKLOADS[name].figures)
    rows = written["figures"][0]["rows"]
    peers = {row["peer"] for row in rows} | set(written["lacking"])
    check(f"{name}: nothing of some peer: {peers}", peers == {"thrum", "serial", "pthreads"})
    for row in rows:
        check(f"{name}: {row}", row["min"] <= row["median"] <= row["max"])
        check(f"{name}: {len(row['values'])} values", len(row["values"]) == written["rounds"])
    compared = [row["to_floor"] for row in rows if row["peer"] != written["floor"]]
    check(f"{name}: the floor", all(compared) if name in FLOORS else not any(compared))


def run(build, scratch, *options):
    """(the JSON, the page, the table)"""
    data, page = scratch / "figures.json", scratch / "page.html"
    ran = bench(build, *options, "--json", data, "--html", page)
    check(f"{options}: exit status {ran.returncode}\n{ran.stdout}{ran.stderr}", not ran.returncode)
    return json.loads(data.read_text()), page.read_text(), ran.stdout


def check_run(build, scratch, names, count, *options):
    written, page, said = run(build, scratch, *names, "--peers", "thrum,serial,pthreads", "--count",
                              count, *options)
    workloads = written["workloads"]
    check("not all workloads", len(workloads) == len(names))
    check("no drift", len(written["loop_ns"]) == 1 + sum(w["rounds"] for w in workloads))
    for name, workload in zip(names, workloads):
        check_workload(name, count, workload)
        check(f"{name}: no table", f"\n{name}: " in said)
    check("no drift in words", "drift:" in said)
    check("not what two cores do", "two cores together do" in said)
    check_page(page, sum(len(w["figures"]) for w in workloads))


def program(path, script):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n" + script)
    path.chmod(0o755)


def fake(build, name, script, has="fork_join"):
    program(build / "bench/peers" / name / "peer",
            f'if [ "$1" = --list ]; then echo {has}; exit; fi\n' + script)


def answer(value, total, figure="spawn+join"):
    return f'printf "figure\\t{figure}\\tns\\t{value}\\nsum\\t{total}\\n"\n'


def check_grow(build, scratch):
    """Every workload of --grow but sleepers, whose seconds are long."""
    each = [grow.each(3, unit, 1000) for unit in ("s", "ms", "ns a task", "KiB each")]
    check(f"of 1000: {each}", each == [3e6, 3e3, 3, 3072])
    ran, page, said = run(build, scratch, "--grow", *GROW, "--count", 11000, "--runs", 1)
    check_page(page, sum(GROW.values()))
    for name, grown in zip(GROW, ran["workloads"]):
        check(f"{name}: {grown}", grown["workload"] == name and not grown["failures"])
        check(f"{name}: figures", len(grown["figures"]) == GROW[name] and grown["repeats"])
        for line in (line for figure in grown["figures"] for line in figure["lines"]):
            counts = COUNTS.get(name, [1000, 10000])
            check(f"{name}: {line}", [p["count"] for p in line["points"]] == counts)
            check(f"{name}: {line}", line["base"] == counts[-2] and line["verdict"][0] == "~")
        check(f"{name}: no table", f"\n{name}: " in said)
    ran, _, said = run(build, scratch, "--grow", "flat_spawn", "--count", 1000, "--runs", 1,
                       "--peers", "thrum,pthreads,serial")
    [grown] = ran["workloads"]
    check(f"beside a peer: {grown}", not grown["repeats"] and grown["lacking"] == ["serial"])
    lines = grown["figures"][0]["lines"]
    check(f"beside a peer: {said}", [line["peer"] for line in lines[::2]] == ["thrum", "pthreads"])
    check(f"one count has a verdict: {said}", not any(line["verdict"] for line in lines))


def check_crowd(build, scratch):
    ran, page, _ = run(build, scratch, "--crowd", "skynet", "--count", 100, "--runs", 1)
    check_page(page, len(WORKLOADS["skynet"].figures))
    rows = ran["workloads"][0]["figures"][0]["rows"]
    check(f"--crowd: {rows}", [row["workers"] for row in rows] == [2, 8, 64])
    check(f"--crowd: {rows}", [row["verdict"][:1] for row in rows] == ["", "~", "~"])


def check_verdicts(build, scratch):
    """Of peers whose figures are known: n of fib in $5, workers in $3."""
    sums = 'case $5 in 15) s=610;; 20) s=6765;; 25) s=75025;; 30) s=832040;; *) s=9227465;; esac\n'
    say = 'printf "figure\\tspawn+join\\tns\\t$v\\nsum\\t$s\\n"\n'
    fake(build, "libgomp", sums + "v=5\n" + say)
    fake(build, "libomp", sums + "v=$5\n" + say)
    fake(build, "tbb", sums + "v=$((150 - 4 * $5))\n" + say)
    fake(build, "rayon", sums + "case $5 in 15) v=1;; *) v=100;; esac\n" + say)
    ran, page, _ = run(build, scratch, "--grow", "fork_join", "--runs", 3, "--workers", 1,
                       "--peers", "libgomp,libomp,tbb,rayon")
    lines = ran["workloads"][0]["figures"][0]["lines"]
    said = {line["peer"]: line["verdict"] for line in lines}
    check(f"--grow: {said}", said == {
        "libgomp": "flat", "tbb": "falls x0.20",
        "libomp": "grows x2.3 from 986 to 14,930,351; grows x1.4 from 121,392 on",
        "rayon": "grows x100 from 986 to 10,945; flat from 121,392 on"})
    check("--grow: the base", lines[0]["base"] == 121392)
    check_page(page, 1)
    program(build / "bench/facts", DRIFTING)
    (build / "bench/facts.ran").unlink(missing_ok=True)
    said = bench(build, "--grow", "fork_join", "--runs", 3, "--workers", 1, "--peers", "libgomp")
    check(f"--grow in a drift of 50 %: {said.stdout}", "~flat" in said.stdout)
    program(build / "bench/facts", FACTS)
    fake(build, "go", "s=1\nv=5\n" + say)
    wrong = bench(build, "--grow", "fork_join", "--runs", 1, "--peers", "go")
    check(f"--grow: another sum: {wrong.stdout}", wrong.returncode == 1
          and "986: go, 1 workers: the sum of its work is 1, not 610" in wrong.stdout)
    fake(build, "libgomp", sums + "case $3 in 2) v=4;; 8) v=5;; *) v=2;; esac\n" + say)
    ran, _, _ = run(build, scratch, "--crowd", "fork_join", "--runs", 3, "--peers", "libgomp")
    said = [row["verdict"] for row in ran["workloads"][0]["figures"][0]["rows"]]
    check(f"--crowd: {said}", said == ["", "loses 25 %", "gains 50 %"])


def check_noise(build):
    """A ratio is a verdict only where the ranges do not overlap."""
    fake(build, "libgomp", answer(5, 55))
    fake(build, "libomp", answer(2.5, 55))
    said = bench(build, "fork_join", "--count", 10, "--peers", "serial,libgomp,libomp",
                 "--runs", 3, "--workers", 1).stdout
    ends = {line.split()[0]: line.split()[-1] for line in said.splitlines() if " - " in line}
    check(f"ratios: {said}", ends["libgomp"] == "2.00" and ends["libomp"] == "~1.00")
    said = bench(build, "fork_join", "--count", 10, "--peers", "serial,libgomp",
                 "--runs", 2, "--workers", 1).stdout
    check(f"a verdict after two rounds: {said}", "~2.00" in said)
    check(f"it drifted: {said}", "machine drifted" not in said)
    program(build / "bench/facts", DRIFTING)
    said = bench(build, "fork_join", "--count", 10, "--peers", "serial,libgomp",
                 "--runs", 3, "--workers", 1).stdout
    check(f"a verdict in a drift of 50 %: {said}", "~2.00" in said)
    check(f"no word on the drift: {said}", "machine drifted by 50 %" in said)
    program(build / "bench/facts", FACTS)


def scaled(build, scratch, name, peers):
    """{peer: the verdict on its two workers}"""
    ran, page, said = run(build, scratch, "--scale", name, "--count", 10, "--runs", 3, "--peers",
                          ",".join(peers))
    check_page(page, 1)
    return {row["peer"]: row["verdict"] for row in ran["workloads"][0]["figures"][0]["rows"]
            if row["workers"] == 2}, said


def check_scale(build, scratch):
    """Of peers whose figures are known: workers in $3."""
    values = {"libgomp": (19, 10), "libomp": (15, 10), "tbb": (10, 14), "tokio": (10, 13)}
    two = {name: f"v={one}; [ $3 = 1 ] || v={other}\n" for name, (one, other) in values.items()}
    for name in values:
        fake(build, name, two[name] + answer("$v", 55))
    said, text = scaled(build, scratch, "fork_join", values)
    check(f"--scale: {said}", said == {
        "libgomp": "gains x1.90", "libomp": "gains x1.50, not x1.85",
        "tbb": "gains x0.714, not x1.85", "tokio": "gains x0.769, not x1.85"})
    check(f"--scale: {text}", "two cores did 2.00 times what one does" in text)
    program(build / "bench/facts", FACTS + 'printf "two_loops_ns\\t2.5\\n"\n')
    said, text = scaled(build, scratch, "fork_join", ["libgomp", "libomp"])
    check(f"--scale, slower cores: {said}", said == {"libgomp": "gains x1.90",
                                                     "libomp": "gains x1.50"})
    check(f"--scale, slower cores: {text}", "x1.48 is asked for" in text)
    program(build / "bench/facts", FACTS)
    for name in ("tbb", "tokio"):
        fake(build, name, two[name] + answer("$v", 45, "task"), "flat_spawn")
    said, _ = scaled(build, scratch, "flat_spawn", ["tbb", "tokio"])
    check(f"--scale: {said}", said == {"tbb": "slower x1.40", "tokio": "holds"})
    fake(build, "tbb", two["tbb"] + answer("$v", 10, "round trip"), "ping_pong")
    said, text = scaled(build, scratch, "ping_pong", ["tbb"])
    check(f"--scale: {text}", said == {"tbb": "hand-off"} and "one task at a time" in text)


def check_reference(build, scratch):
    """Of peers whose figures are known, on a machine that is half as fast as the other one."""
    fake(build, "serial", answer(2.4, 9227465))
    fake(build, "rayon", answer(17.8, 9227465))
    fake(build, "tbb", answer(89, 9227465))
    fake(build, "libomp", answer(5, 9227465))
    ran, page, said = run(build, scratch, "--reference", "fork_join", "--runs", 3, "--workers", 1,
                          "--peers", "serial,rayon,tbb,libomp")
    rows = {row["peer"]: row for row in ran["workloads"][0]["figures"][0]["rows"]}
    found = {peer: (row["verdict"], (row["to_reference"] or {}).get("median"),
                    (row["machine"] or {}).get("median")) for peer, row in rows.items()}
    check(f"--reference: {found}", found == {
        "serial": ("as there", 2, 2), "rayon": ("as there", 2, 2), "tbb": ("off x0.50", 1, 2),
        "libomp": ("", None, None)})
    check(f"--reference: {said}", "2.00 times what it took on the reference machine" in said)
    check_page(page, 1)
    fake(build, "rayon", answer(17.8, 55))
    fake(build, "tbb", answer(89, 55))
    said = bench(build, "--reference", "fork_join", "--count", 10, "--peers", "rayon,tbb").stdout
    check(f"other work has a reference: {said}", "reference" not in said)


def check_failures(build):
    """What goes wrong is said, and does not take the others along."""
    fake(build, "serial", answer(2.5, 55))
    fake(build, "go", answer(2.5, 56))
    fake(build, "tbb", "echo a reason >&2; exit 77\n")
    good = bench(build, "fork_join", "--count", 10, "--peers", "serial,tbb,rayon")
    check(f"exit status {good.returncode}, not 0: {good.stderr}", good.returncode == 0)
    check(f"no word on a missing peer: {good.stderr}", "rayon: not built" in good.stderr)
    check(f"no word on one that cannot run: {good.stdout}", "a reason" in good.stdout)
    bad = bench(build, "fork_join", "--count", 10, "--peers", "serial,rayon", "--strict")
    check(f"--strict without a peer: {bad.stderr}", bad.returncode == 1 and not bad.stdout
          and "rayon: not built: FAILED" in bad.stderr)
    bad = bench(build, "fork_join", "--count", 10, "--peers", "serial,go")
    check(f"another sum: exit status {bad.returncode}", bad.returncode == 1)
    check(f"another sum: {bad.stdout}", "sum of its work is 56, not 55" in bad.stdout)
    fake(build, "libuv", "echo it broke >&2; exit 3\n")
    bad = bench(build, "fork_join", "--count", 10, "--peers", "serial,libuv")
    check(f"a failure: exit status {bad.returncode}", bad.returncode == 1)
    check(f"a failure: {bad.stdout}", "it broke" in bad.stdout and "serial" in bad.stdout)
    for usage in (["no_such"], ["--runs", "0"], ["--peers", "x"], ["--workers", "1,,2"],
                  ["--grow", "--crowd"], ["--reference", "--grow"],
                  ["--scale", "--workers", "2"], ["--scale", "idle"],
                  ["--grow", "idle"], ["--crowd", "yield"]):
        wrong = bench(build, *usage)
        check(f"{usage}: exit status {wrong.returncode}", wrong.returncode == 2)


def check_interrupt(build, scratch):
    """The signal of Ctrl-C ends the peer that runs, too."""
    pid_file = scratch / "pid"
    fake(build, "asio", f"echo $$ > {pid_file}.new; mv {pid_file}.new {pid_file}\nread never < "
                        f"{scratch}/fifo\n")
    subprocess.run(["mkfifo", scratch / "fifo"], check=True)
    command = [sys.executable, ROOT / "tools/bench", "--no-build", "--build-dir", build,
               "--peers", "asio", "fork_join"]
    ran = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 30
    while not pid_file.exists():
        check("the peer never started", time.monotonic() < end and ran.poll() is None)
        time.sleep(0.01)
    ran.send_signal(signal.SIGINT)
    check("interrupted: exit status", ran.wait(30) == 130)
    pid = int(pid_file.read_text())
    check("the peer still runs", not Path(f"/proc/{pid}").exists())


def main():
    build = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as directory:
        scratch = Path(directory)
        check_run(build, scratch, QUICK, 10, "--runs", 1)
        check_run(build, scratch, SLOW, 1, "--runs", 1, "--workers", 1)
        check_grow(build, scratch)
        check_crowd(build, scratch)
        made = scratch / "build"
        program(made / "bench/facts", FACTS)
        check_failures(made)
        check_noise(made)
        check_verdicts(made, scratch)
        check_scale(made, scratch)
        check_reference(made, scratch)
        check_interrupt(made, scratch)
    print(f"{len(QUICK) + len(SLOW)} workloads, failures, an interruption, "
          "--grow, --crowd: as they should be")


if __name__ == "__main__":
    main()
