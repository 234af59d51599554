"""More train.steps than before: refused as other settings; with --extend trained on, to the same bytes as
at one go. Where the schedule looks ahead that cannot be, and is not offered."""
import glob
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from checks import Bench, check, finish

YAML = """
    experiment: extend
    model: {{layers: 1, width: 8, heads: 1, hidden: 8, context: 16}}
    train: {{steps: 30, batch: 4, warmup: 5, schedule: {schedule}}}
    snapshots: {{until: 8, every: 20}}
    probe: {{samples: 4}}
    analysis: [sinks, emergence]
    sweep: {{seed: [1, 2]}}
"""
LONGER = ("--set", "train.steps=50")


def snapshots(folder):
    found = {}
    for path in sorted(glob.glob(folder + "/snapshots/*.h5") + [folder + "/analysis.h5"]):
        with open(path, "rb") as file:
            found[os.path.basename(path)] = file.read()
    return found


def check_extended(schedule):
    with Bench(YAML.format(schedule=schedule)) as bench:
        bench.run("run", "grown")
        told = bench.run("run", "grown", *LONGER, expected=2)
        check(f"extend: {schedule}: asked for by name", "train.steps: 30 → 50" in told and
              "--extend" in told, told)
        told = bench.run("run", "grown", *LONGER, "--extend")
        check(f"extend: {schedule}: from where it ended", told.count("goes on from step 30 to 50") == 2, told)
        check(f"extend: {schedule}: no warning", "warning" not in told, told)
        bench.run("run", "whole", *LONGER)
        wholes = bench.runs("whole")
        for name, folder in bench.runs("grown").items():
            grown, whole = snapshots(folder), snapshots(wholes[name])
            check(f"extend: {schedule}: {name}: the same files as at one go", list(grown) == list(whole),
                  f"{list(grown)}, {list(whole)}")
            other = [file for file in whole if grown.get(file) != whole[file]]
            check(f"extend: {schedule}: {name}: the same bytes as at one go", not other, f"{other}")
        told = bench.run("run", "grown", *LONGER, "--extend")
        check(f"extend: {schedule}: then done", told.count("done already") == 2, told)
        told = bench.run("run", "grown", "--extend", expected=2)
        check(f"extend: {schedule}: never to fewer steps", "train.steps: 50 → 30" in told and
              "--extend" not in told, told)


def check_without_checkpoint():
    with Bench(YAML.format(schedule="constant")) as bench:
        bench.run("run", "grown")
        bench.run("run", "whole", *LONGER)
        for folder in bench.runs("grown").values():
            for path in glob.glob(folder + "/checkpoint*.h5"):
                os.remove(path)
        told = bench.run("run", "grown", *LONGER, "--extend")
        check("extend: without checkpoints: from the start", told.count("from the start to step 50") == 2 and
              "goes on" not in told, told)
        wholes = bench.runs("whole")
        for name, folder in bench.runs("grown").items():
            check(f"extend: without checkpoints: {name}: the same bytes", snapshots(folder) ==
                  snapshots(wholes[name]))


def check_refused(schedule):
    with Bench(YAML.format(schedule=schedule)) as bench:
        bench.run("train", "grown")
        before = {name: snapshot for folder in bench.runs("grown").values()
                  for name, snapshot in ((path, os.stat(path).st_mtime_ns)
                                         for path in glob.glob(folder + "/**/*.h5", recursive=True))}
        told = bench.run("train", "grown", *LONGER, "--extend", expected=2)
        check(f"extend: {schedule}: the schedule looks ahead", "--extend" not in told, told)
        check(f"extend: {schedule}: nothing changed", all(os.stat(path).st_mtime_ns == time
                                                          for path, time in before.items()))
    with Bench(YAML.format(schedule="constant")) as bench:
        bench.run("train", "grown")
        told = bench.run("train", "grown", *LONGER, "--set", "model.width=16", "--extend", expected=2)
        check("extend: other settings besides", "model.width: 8 → 16" in told and "--extend" not in told, told)


check_extended("constant")
check_extended("inverse-sqrt")
check_without_checkpoint()
check_refused("cosine")
finish()
