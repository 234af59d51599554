"""`fiducial inspect`: what it says of each kind of file agrees with the file, fits the page, and damaged,
foreign and missing files are named in a sentence."""
import os
import re
import shutil
import subprocess
import sys

import h5py
import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from check_layout import text_of
from checks import Bench, check, finish

EXPERIMENT = """
    experiment: look
    model: {layers: 2, width: 16, heads: 2, hidden: 16, context: 16, position: alibi}
    train: {steps: 24, batch: 4, warmup: 5}
    snapshots: {early: powers-of-two, until: 8, every: 0}
    probe: {samples: 4}
    analysis: [sinks, topology, rotary, emergence]
    sweep: {seed: [1, 2]}
"""
WIDTH = 100


def look(bench, path, expected=0):
    done = subprocess.run([bench.program, "inspect", path], cwd=bench.folder,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=60)
    check(f"inspect {path}: exit status {expected}", done.returncode == expected,
          f"{done.returncode}: {done.stderr}")
    wide = [line for line in done.stdout.splitlines() if len(line) > WIDTH]
    check(f"inspect {path}: fits {WIDTH} columns", not wide, f"{wide[:2]}")
    return done.stdout if expected == 0 else done.stdout + done.stderr


def has(words, what, *parts):
    missing = [part for part in parts if not re.search(part, words)]
    check(f"{what}: says what it should", not missing, f"no {missing} in:\n{words}")


def row_of(words, name):
    """The cells of the line that begins with name."""
    found = [re.split(r"  +", line.strip()) for line in words.splitlines()
             if line.strip().startswith(name + "  ")]
    return found[0] if found else []


def check_parameters(words, what, group, prefix=""):
    """Shape, mean, deviation and norm in the table, against the file."""
    names = []
    group.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset)
                     else None)
    wrong = []
    for name in names:
        values = group[name][...].astype(np.float64)
        cells = row_of(words, name)
        wanted = [" × ".join(map(str, values.shape)), values.mean(), values.std(),
                  np.sqrt((values ** 2).sum())]
        good = len(cells) >= 5 and cells[1] == wanted[0] and all(
            np.isclose(float(cell), value, rtol=1e-3, atol=1e-9)
            for cell, value in zip(cells[2:5], wanted[1:]))
        if not good:
            wrong.append((cells, wanted))
    check(f"{what}: {len(names)} parameters with their numbers", names and not wrong,
          f"{wrong[:3]}")


def check_run(bench, run):
    words = look(bench, f"{run}/run.h5")
    with h5py.File(os.path.join(bench.folder, run, "run.h5")) as file:
        loss = file["log/loss"][...]
        has(words, "run.h5", "checksum +verified", "experiment +look", "run +seed=1", "seed +1",
            "2 layers of width 16, 2 heads", "position alibi", "fiducial 0", "0, 1, 2, 4, 8, 24",
            "bigram-backcopy", "status +done", text_of(file.attrs["identity"]))
        cells = row_of(words, "loss (nats)")
        check("run.h5: first, last, least and largest loss",
              np.allclose([float(cell) for cell in cells[1:5]],
                          [loss[0], loss[-1], loss.min(), loss.max()], rtol=1e-4), f"{cells}")
    with h5py.File(os.path.join(bench.folder, run, "snapshots/step-00000024.h5")) as file:
        check_parameters(words, "run.h5", file["parameters"])


def check_snapshot(bench, run):
    path = f"{run}/snapshots/step-00000004.h5"
    words = look(bench, path)
    with h5py.File(os.path.join(bench.folder, path)) as file:
        has(words, "snapshot", "snapshot", "step +4, after 256 tokens", "run +seed=1",
            text_of(file.attrs["parameters_sha256"]) + ", verified")
        check_parameters(words, "snapshot", file["parameters"])
    lone = os.path.join(bench.folder, "lone.h5")
    shutil.copy(os.path.join(bench.folder, path), lone)
    has(look(bench, "lone.h5"), "a snapshot alone", "unknown", "step +4")


def check_checkpoint(bench, run):
    words = look(bench, f"{run}/checkpoint.h5")
    has(words, "checkpoint", "step +24, after 1,536 tokens", "optimizer state 2 of 2", "log +24")


def check_analysis(bench, run):
    words = look(bench, f"{run}/analysis.h5")
    has(words, "analysis", "steps +6: 0, 1, 2, 4, 8, 24", r"sinks, rotary \(contexts: 8\), topology",
        "sample 4", r"NaN where")
    with h5py.File(os.path.join(bench.folder, run, "analysis.h5")) as file:
        for name in ("probe_loss", "importance", "betti_0", "sink_position", "attention_map"):
            values = file[name][-1]
            cells = row_of(words, name)
            shown = [float(value) for value in cells[-1].rstrip(" *").split(" … ")] if cells else []
            wanted = [values.min(), values.max()] if len(shown) == 2 else [values.min()]
            check(f"analysis: {name} at the last step", shown and
                  np.allclose(shown, wanted, rtol=1e-3, atol=1e-9), f"{cells}, {wanted}")
            axes = " ".join(dim[0].name.strip("/") for dim in list(file[name].dims)[1:])
            check(f"analysis: {name}: its axes", axes in cells or not axes, f"{cells}, {axes}")
        missing = int(np.isnan(file["pair_energy"][-1]).sum())
        has(words, "analysis: why some are not defined",
            rf"pair_energy +{missing} of {file['pair_energy'][-1].size} +NaN where")
        onset = file["probe_loss_peak_step"][...]
    has(words, "analysis: emergence", rf"\n  probe_loss +[0-9.]+ .* {onset:g}\n")


def check_folders(bench, run):
    words = look(bench, run)
    has(words, "run folder", "snapshots/step-00000024.h5 +.* verified +parameters of step 24",
        "analysis.h5 .*sinks", "checkpoint.previous.h5", "the folder of one run")
    words = look(bench, os.path.dirname(run) + "/")
    has(words, "experiment folder", "with 2 runs", "seed=1 +done +24", "seed=2")


def check_refused(bench, run):
    damaged = {"flip": lambda data: data[:900] + bytes([data[900] ^ 1]) + data[901:],
               "cut": lambda data: data[:2000]}
    for name in ("run.h5", "analysis.h5", "checkpoint.h5", "snapshots/step-00000008.h5"):
        for what, damage in damaged.items():
            with open(os.path.join(bench.folder, run, name), "rb") as file:
                data = file.read()
            with open(os.path.join(bench.folder, "broken.h5"), "wb") as file:
                file.write(damage(data))
            words = look(bench, "broken.h5", expected=1)
            has(words, f"{name}, {what}", "broken.h5", "damaged")
    with open(os.path.join(bench.folder, "empty.h5"), "w", encoding="utf-8"):
        pass
    has(look(bench, "empty.h5", expected=1), "an empty file", "empty")
    with h5py.File(os.path.join(bench.folder, "foreign.h5"), "w") as file:
        file["temperature"] = np.zeros(3)
    has(look(bench, "foreign.h5", expected=2), "a foreign file", "none of those", "temperature")
    has(look(bench, "experiment.yaml", expected=2), "no HDF5 file", "no HDF5 file")
    has(look(bench, "nowhere.h5", expected=2), "no file", "No such file")
    os.mkdir(os.path.join(bench.folder, "void"))
    has(look(bench, "void", expected=2), "an empty folder", "holds no run")
    path = os.path.join(bench.folder, run, "snapshots/step-00000002.h5")
    with h5py.File(path, "r+") as file: # no checksum any more: the parameters' own hash tells
        file["parameters/final_norm"][0] += 1
    words = look(bench, f"{run}/snapshots/step-00000002.h5", expected=1)
    has(words, "a changed parameter", "checksum +none", "ANOTHER")
    words = look(bench, run, expected=1)
    has(words, "the folder then", "step-00000002.h5 .*DAMAGED", "1 file is damaged")


def main():
    with Bench(EXPERIMENT) as bench:
        bench.run("train", "results")
        bench.run("analyze", "results")
        run = os.path.relpath(bench.runs("results")["seed=1"], bench.folder)
        check_run(bench, run)
        check_snapshot(bench, run)
        check_checkpoint(bench, run)
        check_analysis(bench, run)
        check_folders(bench, run)
        check_refused(bench, run)
    finish()


main()
