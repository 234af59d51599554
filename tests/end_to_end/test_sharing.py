"""Sweeps that are shared and killed: two `fiducial run` of one file at once, workers and whole commands
killed at random moments, and what is trained anew when the file changes. usage: test_sharing.py
[--heavy]: with four times as many kills and runs."""
import collections
import csv
import glob
import hashlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from checks import Bench, check, finish

HEAVY = 4 if "--heavy" in sys.argv[1:] else 1
TINY = """
    experiment: tiny
    model: {layers: 1, width: 8, heads: 1, hidden: 8, context: 16}
    train: {steps: %d, batch: 4}
    snapshots: {until: 8, every: %d}
    probe: {samples: 2}
    analysis: [sinks]
    sweep: {seed: {from: 1, to: %d, points: %d}}
"""
MOMENTS = 50 * HEAVY
SWEEP = 100 * HEAVY


def tiny(steps, every, seeds):
    return TINY % (steps, every, seeds, seeds)


def begin(bench, output, *arguments):
    """A `fiducial run` in a process group of its own, whose words go to a file."""
    with open(os.path.join(bench.folder, f"log-{time.monotonic_ns()}"), "w+", encoding="utf-8") as log:
        process = subprocess.Popen(bench.command("run", output, *arguments), stdout=log,
                                   stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                   start_new_session=True)
    process.log = log.name
    return process


def words_of(process):
    with open(process.log, encoding="utf-8") as log:
        return log.read()


def workers_of(process):
    try:
        with open(f"/proc/{process.pid}/task/{process.pid}/children", encoding="ascii") as file:
            return [int(pid) for pid in file.read().split()]
    except OSError:
        return []


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def kill_all(process):
    """The command and its workers, at the same moment."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def snapshot_hashes(bench, output):
    """The SHA-256 of every snapshot file, by its path below output."""
    top = os.path.join(bench.folder, output)
    found = {}
    for path in glob.glob(os.path.join(top, "*", "snapshots", "*.h5")):
        with open(path, "rb") as file:
            found[os.path.relpath(path, top)] = hashlib.sha256(file.read()).hexdigest()
    return found


def check_same_snapshots(what, bench, output, reference):
    found = snapshot_hashes(bench, output)
    off = [path for path in sorted(set(found) | set(reference))
           if found.get(path) != reference.get(path)]
    check(f"{what}: the same {len(reference)} snapshots, byte for byte", reference and not off,
          f"{len(found)} snapshots; different: {off[:5]}")


def check_no_leftovers(what, bench, output):
    left = [path for path in glob.glob(os.path.join(bench.folder, output, "**"), recursive=True)
            if re.search(r"/lock|\.tmp$", path)]
    check(f"{what}: no lock is left", not left, f"{left[:5]}")


def summary_rows(bench, output):
    """Rows of summary.csv by run, each as what names it (all but its values)."""
    with open(os.path.join(bench.folder, output, "summary.csv"), encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    by_run = collections.defaultdict(list)
    for row in rows:
        by_run[row["run"]].append(tuple(row[key] for key in row
                                        if key not in ("run", "seed", "value", "low", "high")))
    return by_run


def check_summary(what, bench, output, runs):
    rows = summary_rows(bench, output)
    check(f"{what}: summary.csv has {runs} runs", len(rows) == runs, f"{len(rows)}")
    sizes = {len(of_run) for of_run in rows.values()}
    twice = [run for run, of_run in rows.items() if len(set(of_run)) != len(of_run)]
    check(f"{what}: one set of rows per run", len(sizes) == 1 and not twice,
          f"numbers of rows {sorted(sizes)}; rows twice in {twice[:3]}")


def check_two_at_once(bench, reference):
    both = [begin(bench, "shared", "--jobs", "2", "--threads", "2") for _ in range(2)]
    statuses = [process.wait(timeout=250) for process in both]
    words = [words_of(process) for process in both]
    check("two at once: both end with 0", statuses == [0, 0], f"{statuses}\n{words}")
    trained = [re.findall(r"^(\S+) +done, loss", text, re.M) for text in words]
    check("two at once: every run is done once", sorted(trained[0] + trained[1]) ==
          sorted({path.split("/")[0] for path in reference}), f"{trained}")
    check("two at once: both take part", all(trained), f"{trained}")
    others = [text.count("another command has just made it") for text in words]
    check("two at once: one report", sorted(others) == [0, 1], f"{others}\n{words}")
    check_same_snapshots("two at once", bench, "shared", reference)
    check_no_leftovers("two at once", bench, "shared")


def check_random_kills(bench, reference, seconds):
    """Kills one worker, or the command with all of its workers, at random moments; what has come to its
    end is compared and begun again."""
    moments = random.Random(5)
    kills, rounds, off = collections.Counter(), 0, []
    for moment in range(MOMENTS):
        process = begin(bench, "killed", "--jobs", "2", "--threads", "2")
        # Most die while they train; some come as far as the report.
        time.sleep(moments.uniform(0.0, (1.2 if moment % 6 == 5 else 0.2) * seconds))
        workers = workers_of(process)
        if workers and moments.random() < 0.4:
            kill(moments.choice(workers))
            kills["worker"] += 1
            time.sleep(moments.uniform(0.0, 0.05))
        kills["all"] += process.poll() is None
        kill_all(process)
        if os.path.exists(os.path.join(bench.folder, "killed", "report.html")) and \
                moment < MOMENTS - 1:
            rounds += 1
            if snapshot_hashes(bench, "killed") != reference:
                off.append(moment)
            shutil.rmtree(os.path.join(bench.folder, "killed"))
    check("kills: they met the command at work", kills["worker"] >= MOMENTS // 10 and
          kills["all"] >= MOMENTS // 2, f"{dict(kills)} of {MOMENTS}")
    check(f"kills: {rounds} sweeps came to their end in between, with the same bytes", not off, f"not at {off} of {rounds}")
    bench.run("run", "killed")
    check_same_snapshots(f"kills: {MOMENTS} moments", bench, "killed", reference)
    check_no_leftovers("kills", bench, "killed")
    check_summary("kills", bench, "killed", 4)


def check_orphans(bench, reference):
    """The command alone is killed; its workers save their state while the next one begins."""
    process = begin(bench, "orphans", "--jobs", "2", "--threads", "2")
    deadline = time.monotonic() + 20
    while not workers_of(process) and time.monotonic() < deadline:
        time.sleep(0.005)
    time.sleep(0.1)
    kill(process.pid)
    bench.run("run", "orphans")
    process.wait()
    check_same_snapshots("orphans", bench, "orphans", reference)


def check_changes(bench):
    """Another seed is trained alone; other steps are refused, and --force trains all."""
    before = {run: os.stat(f"{folder}/run.h5").st_mtime_ns
              for run, folder in bench.runs("undisturbed").items()}
    words = bench.run("run", "undisturbed", "--set", "sweep.seed=[1, 2, 3, 4, 5]")
    new = re.findall(r"^(\S+) +done, loss", words, re.M)
    check("a seed more: only its run is trained", new == ["seed=5"], f"{new}\n{words}")
    after = {run: os.stat(f"{folder}/run.h5").st_mtime_ns
             for run, folder in bench.runs("undisturbed").items() if run in before}
    check("a seed more: the others are untouched", before == after, f"{before} {after}")
    words = bench.run("run", "undisturbed", "--set", "train.steps=9", expected=2)
    check("other steps: refused, with what differs", "train.steps: " in words, words)


def check_other_names():
    """A file that gives the same runs other names renames them, but not under a command at work."""
    with Bench(tiny(6000, 2000, 3)) as bench:
        other = ("--set", "sweep.train.clip=[1, 2]")  # 1 is what the others have
        process = begin(bench, "names", "--jobs", "1", "--threads", "1")
        deadline = time.monotonic() + 60
        while not os.path.exists(os.path.join(bench.folder, "names", "seed=2", "lock")) and \
                time.monotonic() < deadline:
            time.sleep(0.01)
        words = bench.run("train", "names", *other, expected=2)
        check("other names: refused under a command at work", "is at work there" in words, words)
        status = process.wait(timeout=250)
        check("other names: that command ends well", status == 0, words_of(process))
        check_summary("other names", bench, "names", 3)
        words = bench.run("train", "names", *other)
        check("other names: renamed once it has ended", words.count("it is the same run") == 3 and
              words.count("done already") == 3, words)


def check_retry():
    with Bench(tiny(40, 20, 2).replace("batch: 4", "batch: 4, clip: 0, optimizer: {beta2: 0, "
                                       "learning_rate: 10}")) as bench:
        bench.run("run", "failing", expected=1)
        folder = bench.runs("failing")["seed=1"]
        before = os.stat(f"{folder}/run.h5").st_mtime_ns
        words = bench.run("run", "failing", expected=1)
        check("failed: not tried again", os.stat(f"{folder}/run.h5").st_mtime_ns == before and
              "failed before: " in words and "--retry" in words, words)
        words = bench.run("status", "failing")
        check("failed: status says why", "2 failed" in words and "the update of step" in words, words)
        words = bench.run("run", "failing", "--retry", expected=1)
        check("failed: --retry tries again", os.stat(f"{folder}/run.h5").st_mtime_ns != before and
              "failed before" not in words, words)


def check_report_again(bench, output):
    """A report begun right after another is made, whatever the clock says; only one written
    meanwhile stands for it."""
    path = os.path.join(bench.folder, output, "report.html")
    made = 0
    for _ in range(3):
        if os.path.exists(path):
            os.remove(path)
        words = bench.run("report", output)
        made += os.path.exists(path) and "another command" not in words
    check("large sweep: a report begun again at once is made each time", made == 3, f"{made} of 3\n{words}")


def check_few_descriptors(bench, output):
    """More runs than the process may have files open: the report has them all."""
    path = os.path.join(bench.folder, output, "summary.csv")
    with open(path, "rb") as file:
        before = file.read()
    for name in ("summary.csv", "report.html"):  # what is there is not made again
        os.remove(os.path.join(bench.folder, output, name))
    done = subprocess.run(["prlimit", "--nofile=60", *bench.command("report", output)],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=250)
    after = b""
    if os.path.exists(path):
        with open(path, "rb") as file:
            after = file.read()
    check("large sweep: a report with 60 descriptors is the same", done.returncode == 0 and
          after == before and "without it" not in done.stdout,
          f"exit status {done.returncode}, {len(after)} bytes for {len(before)}\n{done.stdout}")


def check_large_sweep():
    """A hundred runs, two commands at once, workers and commands killed at random."""
    with Bench(tiny(30, 30, SWEEP)) as bench:
        moments = random.Random(11)
        end = time.monotonic() + 8 * HEAVY
        commands, killed = [], 0
        while time.monotonic() < end:
            commands = [process for process in commands if process.poll() is None]
            while len(commands) < 2:
                commands.append(begin(bench, "large", "--jobs", "2", "--threads", "2"))
            time.sleep(moments.uniform(0.05, 0.3))
            process = moments.choice(commands)
            workers = workers_of(process)
            if workers and moments.random() < 0.8:
                kill(moments.choice(workers))
                killed += 1
            elif moments.random() < 0.5:
                kill_all(process)
        for process in commands:
            process.wait(timeout=250)
        bench.run("run", "large")
        check("large sweep: workers were killed", killed >= 10, f"{killed}")
        check_summary("large sweep", bench, "large", SWEEP)
        check_no_leftovers("large sweep", bench, "large")
        check_report_again(bench, "large")
        check_few_descriptors(bench, "large")
        words = bench.run("status", "large")
        check("large sweep: status", f": {SWEEP} done" in words, words)
        words = bench.run("status", "large", "--watch")
        check("large sweep: --watch ends where nothing is left to do", f": {SWEEP} done" in words,
              words)
        words = bench.run("run", "large", "--dry-run")
        check("large sweep: --dry-run only shows", f"# {SWEEP} runs" in words and
              "begins" not in words, words)


def main():
    with Bench(tiny(600, 100, 4)) as bench:
        started = time.monotonic()
        bench.run("run", "undisturbed", "--jobs", "2", "--threads", "2")
        seconds = time.monotonic() - started
        reference = snapshot_hashes(bench, "undisturbed")
        check_two_at_once(bench, reference)
        check_random_kills(bench, reference, seconds)
        check_orphans(bench, reference)
        check_changes(bench)
    check_retry()
    check_other_names()
    check_large_sweep()
    finish()


main()
