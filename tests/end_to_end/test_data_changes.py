"""A text that changes under a run: no run is made of two texts, whatever was removed or damaged or extended
in between, and seeds of two texts are not averaged without a word."""
import glob
import hashlib
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from checks import Bench, check, finish

TEXT = """
    experiment: text
    model: {layers: 1, width: 8, heads: 1, hidden: 8, context: 16}
    data: {source: text, path: text.txt}
    train: {steps: 40, batch: 4}
    snapshots: {until: 8, every: 20}
    probe: {samples: 2}
    analysis: [sinks]
"""
FIRST, SECOND = "the first of two texts. ", "and another, of other words! "
CHANGED = "the text this run began with has changed since"


def write_text(bench, sentence):
    with open(os.path.join(bench.folder, "text.txt"), "w", encoding="utf-8") as file:
        file.write(200 * sentence)


def snapshots(bench, output):
    hashes = {}
    for path in glob.glob(os.path.join(bench.folder, output, "seed=1", "snapshots", "*.h5")):
        with open(path, "rb") as file:
            hashes[os.path.basename(path)] = hashlib.sha256(file.read()).hexdigest()
    return hashes


def check_refused(bench, what, remove=(), truncate=(), arguments=()):
    """A finished run, its text changed, then what is done to its files: refused, and with its own text back
    finished."""
    output = what.replace(" ", "-")
    folder = os.path.join(bench.folder, output)
    write_text(bench, FIRST)
    shutil.copytree(os.path.join(bench.folder, "whole"), folder)
    whole = snapshots(bench, output)
    for name in remove:
        os.remove(os.path.join(folder, "seed=1", name))
    for name in truncate:
        os.truncate(os.path.join(folder, "seed=1", name), 100)
    left = snapshots(bench, output)
    write_text(bench, SECOND)
    words = bench.run("run", output, *arguments, expected=1)
    check(f"{what}: refused", CHANGED in words, words)
    now = snapshots(bench, output)
    check(f"{what}: no snapshot is another", all(left.get(name) == now[name] for name in now), f"{left} {now}")
    write_text(bench, FIRST)
    bench.run("run", output, *arguments)
    now = snapshots(bench, output)
    check(f"{what}: with its text back the same snapshots", all(now.get(name) == whole[name] for name in whole if
                                                                name != "step-00000040.h5" or not arguments),
          f"{whole} {now}")


def check_seeds(bench):
    write_text(bench, FIRST)
    bench.run("run", "seeds")
    write_text(bench, SECOND)
    words = bench.run("run", "seeds", "--set", "sweep.seed=[1, 2]")
    check("seeds of two texts: a warning", "seeds of different data" in words, words)
    with open(os.path.join(bench.folder, "seeds", "report.html"), encoding="utf-8") as file:
        check("seeds of two texts: in the report", "seeds of different data" in file.read(), "not there")
    write_text(bench, FIRST)
    words = bench.run("run", "alike", "--set", "sweep.seed=[1, 2]")
    check("seeds of one text: no warning", "seeds of different data" not in words, words)


def main():
    with Bench(TEXT) as bench:
        write_text(bench, FIRST)
        bench.run("run", "whole")
        check_refused(bench, "extended", arguments=("--extend", "--set", "train.steps=50"))
        check_refused(bench, "a snapshot missing", remove=("snapshots/step-00000020.h5",))
        check_refused(bench, "a snapshot and the checkpoints missing",
                      remove=("snapshots/step-00000020.h5", "checkpoint.h5", "checkpoint.previous.h5"))
        check_refused(bench, "run.h5 damaged", truncate=("run.h5",))
        check_seeds(bench)
    finish()


main()
