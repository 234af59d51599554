"""Damaged files of a run are named, set aside and made anew, never read as data; and a run whose name
changes because another key is swept is found again."""
import os
import re
import shutil
import subprocess
import sys
import time

import h5py
import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from check_layout import datasets_of
from checks import Bench, check, finish

EXPERIMENT = """
    experiment: tiny
    model: {layers: 1, width: 8, heads: 1, hidden: 8, context: 16}
    train: {steps: 40, batch: 4}
    snapshots: {until: 8, every: 20}
    probe: {samples: 2}
    analysis: [sinks]
    sweep: {seed: [1, 2]}
"""
FILES = ("snapshots/step-00000008.h5", "snapshots/step-00000040.h5", "run.h5", "analysis.h5",
         "checkpoint.h5", "checkpoint.previous.h5")
NEEDED_NO_MORE = ("checkpoint.h5", "checkpoint.previous.h5")


def flip(path):
    with open(path, "r+b") as file:
        file.seek(os.path.getsize(path) // 2)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 1]))


DAMAGE = {
    "a flipped bit": flip,
    "cut short": lambda path: os.truncate(path, 1000),
    "zero length": lambda path: os.truncate(path, 0),
}


def contents(path):
    """Name to bytes of every dataset but the speed."""
    with h5py.File(path, "r") as file:
        return {name: np.asarray(file[name][...]).tobytes() for name in datasets_of(file)
                if file[name].dtype.kind != "O" and "tokens_per_second" not in name}


def check_damage(bench, name, what, damage):
    output = os.path.join(bench.folder, "damaged")
    shutil.rmtree(output, ignore_errors=True)
    shutil.copytree(os.path.join(bench.folder, "whole"), output)
    path = os.path.join(output, "seed=1", name)
    damage(path)
    words = bench.run("train", "damaged") + bench.run("analyze", "damaged")
    label = f"damage: {name}, {what}"
    check(f"{label}: named", f"seed=1/{name}" in words and "warning" in words, words)
    aside = os.path.exists(path + ".damaged") or not os.path.exists(path)
    check(f"{label}: set aside", aside, f"{os.listdir(os.path.dirname(path))}")
    if name not in NEEDED_NO_MORE:
        same = os.path.exists(path) and \
            contents(path) == contents(os.path.join(bench.folder, "whole", "seed=1", name))
        check(f"{label}: made anew, the same", same, words)
    words = bench.run("train", "damaged")
    check(f"{label}: then nothing is left to do", words.count("done already") == 2 and
          "warning" not in words, words)


# Files of a finished run that are damaged together, and from where it is trained again.
TOGETHER = (
    (("snapshots/step-00000040.h5",), "writing step 40 anew from its checkpoint"),
    (("snapshots/step-00000020.h5",), "writing step 20 anew from its checkpoint"),
    (("snapshots/step-00000008.h5",), "going on from step 0 to make step 8 anew"),
    (("snapshots/step-00000040.h5", "checkpoint.h5"), "going on from the previous checkpoint, of step 20"),
    (("snapshots/step-00000020.h5", "checkpoint.previous.h5"), "going on from step 0 to make step 20 anew"),
    (("snapshots/step-00000040.h5", "checkpoint.h5", "checkpoint.previous.h5"), "a snapshot is missing"),
    (("run.h5", "snapshots/step-00000020.h5", "analysis.h5"), "writing step 20 anew from its checkpoint"),
)


def check_together(bench, names, expected):
    """Whatever is left, the run comes out with the same bytes."""
    output, whole = (os.path.join(bench.folder, folder) for folder in ("damaged", "whole"))
    shutil.rmtree(output, ignore_errors=True)
    shutil.copytree(whole, output)
    for name in names:
        flip(os.path.join(output, "seed=1", name))
    words = bench.run("train", "damaged") + bench.run("analyze", "damaged")
    label = "damage: " + " and ".join(names)
    check(f"{label}: from where", expected in words, f"expected \"{expected}\" in\n{words}")
    other = [name for name in FILES if name not in NEEDED_NO_MORE and
             contents(os.path.join(output, "seed=1", name)) !=
             contents(os.path.join(whole, "seed=1", name))]
    check(f"{label}: all made anew, the same", not other, f"{other} differ\n{words}")


LOCK = b"host: elsewhere\nprocess: 1\nstarted: 5\nmachine: another/boot\nsince: 2026\nprogress:    \n"
LOCKS = {"of another machine": LOCK, "empty": b"", "cut short": LOCK[:25],
         "with flipped bits": bytes(byte ^ 4 for byte in LOCK), "of zeros": bytes(300)}


def check_lock(bench, what, content):
    """A lock that says nothing of its owner, or names one elsewhere, counts by its age: refreshed within
    the last minute it is respected; once it is older, it is taken over."""
    path = os.path.join(bench.folder, "whole", "seed=1", "lock")
    with open(path, "wb") as file:
        file.write(content)
    with open(os.path.join(bench.folder, "log"), "w+", encoding="utf-8") as log:
        process = subprocess.Popen(bench.command("train", "whole"), stdin=subprocess.DEVNULL,
                                   stdout=log, stderr=subprocess.STDOUT)
        time.sleep(1.2)
        waits = process.poll() is None
        before = time.time() - 120
        os.utime(path, (before, before))
        status = process.wait(timeout=30)
        log.seek(0)
        words = log.read()
    check(f"lock {what}: fresh, respected", waits and "works on it" in words, words)
    check(f"lock {what}: two minutes old, taken over", status == 0 and not os.path.exists(path) and
          words.count("done already") == 2, words)


def check_closed(bench, name):
    """What cannot be opened (here a link to itself: by nobody) may be sound: the run fails, names it and
    leaves it where it is."""
    path = os.path.join(bench.folder, "damaged", "seed=1", name)
    os.rename(path, path + ".kept")
    os.symlink(os.path.basename(path), path)
    words = bench.run("train", "damaged", expected=1)
    check(f"{name} cannot be opened: named", f"seed=1/{name}: Too many levels" in words, words)
    check(f"{name} cannot be opened: left alone", os.path.islink(path), words)
    if name == "run.h5":
        words = bench.run("status", "damaged")
        check("run.h5 cannot be opened: status", re.search(r": 1 \w+, 1 unreadable$", words, re.M), words)
    os.remove(path)
    os.rename(path + ".kept", path)
    words = bench.run("train", "damaged")
    check(f"{name} can be opened again: nothing is left to do", words.count("done already") == 2, words)


def check_report(bench):
    """What the report alone cannot make anew it names."""
    output = os.path.join(bench.folder, "damaged")
    shutil.rmtree(output, ignore_errors=True)
    shutil.copytree(os.path.join(bench.folder, "whole"), output)
    flip(os.path.join(output, "seed=1", "analysis.h5"))
    words = bench.run("report", "damaged")
    check("damage: analysis.h5, a report alone names it", "seed=1/analysis.h5" in words and
          "warning" in words and "the report goes without it" in words, words)


def check_missing_snapshot(bench):
    path = os.path.join(bench.folder, "damaged", "seed=2", "snapshots", "step-00000020.h5")
    with open(path, "rb") as file:
        before = file.read()
    os.remove(path)
    words = bench.run("train", "damaged")
    with open(path, "rb") as file:
        check("damage: a snapshot that was removed is made anew, byte for byte",
              file.read() == before, words)


def check_other_names(bench):
    """The runs are the same whatever else is swept: their folders get the new names."""
    before = {run: os.stat(f"{folder}/run.h5").st_mtime_ns
              for run, folder in bench.runs("whole").items()}
    words = bench.run("train", "whole", "--set", "sweep.model.width=[8, 16]")
    runs = bench.runs("whole")
    wanted = {f"seed={seed}": f"width={width},seed={seed}" for seed in (1, 2) for width in (8, 16)}
    check("another axis: four runs", sorted(runs) == sorted(
        f"width={width},seed={seed}" for seed in (1, 2) for width in (8, 16)), f"{sorted(runs)}")
    after = {old: os.stat(f"{runs[f'width=8,{old}']}/run.h5").st_mtime_ns for old in wanted}
    check("another axis: what was there is not trained again", before == after,
          f"{before}, {after}\n{words}")
    check("another axis: said so", "is the same run" in words, words)


def main():
    with Bench(EXPERIMENT) as bench:
        bench.run("train", "whole")
        bench.run("analyze", "whole")
        for name in FILES:
            for what, damage in DAMAGE.items():
                check_damage(bench, name, what, damage)
        for names, expected in TOGETHER:
            check_together(bench, names, expected)
        for what, content in LOCKS.items():
            check_lock(bench, what, content)
        check_missing_snapshot(bench)
        check_closed(bench, "checkpoint.h5")
        check_closed(bench, "snapshots/step-00000040.h5")
        check_closed(bench, "run.h5")
        check_report(bench)
        check_other_names(bench)
    finish()


main()
