"""`fiducial analyze FILE --only NAMES`: one analysis is added or made anew, all others stay bit for bit, and
later commands neither lose it nor make it again."""
import os
import shutil
import sys

import h5py
import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from check_layout import check_analysis, datasets_of, text_of
from checks import Bench, check, finish

EXPERIMENT = """
    experiment: only
    model: {layers: 1, width: 16, heads: 2, hidden: 16, context: 12, position: rope}
    train: {steps: 24, batch: 4, warmup: 5, optimizer: {kind: adamw, learning_rate: 5e-3}}
    snapshots: {early: powers-of-two, until: 8, every: 0}
    probe: {samples: 4}
    analysis: [sinks, emergence]
    sweep: {seed: [1, 2]}
"""
SCALE_ATTRIBUTES = ("DIMENSION_LIST", "REFERENCE_LIST", "CLASS", "NAME", "_Netcdf4Dimid")


def variables(folder):
    """Name to content and texts of every variable of a run's analysis.h5; axes by name."""
    found = {}
    with h5py.File(folder + "/analysis.h5", "r") as file:
        names = {h5py.h5o.get_info(file[name].id).addr: name for name in file} # by name is slow
        for name in datasets_of(file):
            data = file[name]
            values = data[...]
            content = values.tolist() if data.dtype.kind == "O" else values.tobytes()
            texts = {key: text_of(data.attrs[key]) for key in data.attrs
                     if key not in SCALE_ATTRIBUTES}
            scale = data.attrs.get("CLASS", b"") == b"DIMENSION_SCALE"
            axes = () if scale else tuple(names[h5py.h5o.get_info(axis[0].id).addr]
                                          for axis in data.dims)
            found[name] = (data.shape, str(data.dtype), content, texts, axes)
    return found


def differing(before, after):
    """Names of what is not the same in both, or only in before."""
    return sorted(name for name in before if before[name] != after.get(name))


def of_analysis(found, analysis):
    return {name for name, value in found.items() if value[3].get("analysis") == analysis}


def page_of(bench, output):
    with open(os.path.join(bench.folder, output, "report.html"), encoding="utf-8") as file:
        return file.read()


def check_added(bench):
    """--only topology on finished runs; returns what they held before."""
    runs = bench.runs("results")
    before = {name: variables(folder) for name, folder in runs.items()}
    check("only: no topology at first", not any(of_analysis(held, "topology")
          for held in before.values()), "it is there")
    bench.run("analyze", "results", "--only", "topology")
    for name, folder in runs.items():
        after = variables(folder)
        check(f"only: {name}: what was there is bit for bit the same",
              not differing(before[name], after), f"{differing(before[name], after)[:8]}")
        new = set(after) - set(before[name])
        wanted = {"betti_0", "betti_1_published", "persistence_0_mean", "samples/betti_0",
                  "persistence_0_mean_onset_step"}
        check(f"only: {name}: topology is there, and its emergence", wanted <= new,
              f"missing {wanted - new}")
        strange = {text for text in (after[n][3].get("analysis") for n in new)
                   if text not in ("topology", "emergence", None)}
        check(f"only: {name}: nothing else came", not strange, f"{strange}")
        steps = after["step"][2]
        with h5py.File(folder + "/run.h5", "r") as run:
            check(f"only: {name}: same steps", run["step"][...].tobytes() == steps, "they differ")
            off = check_analysis(folder, run["step"][...])
        check(f"only: {name}: readable as any analysis.h5", not off, "; ".join(off[:5]))
    return before


def check_against_all_at_once(bench):
    """The file made in two steps holds what one pass over all three gives."""
    shutil.copytree(os.path.join(bench.folder, "results"), os.path.join(bench.folder, "whole"))
    for folder in bench.runs("whole").values():
        os.remove(folder + "/analysis.h5")
    bench.run("analyze", "whole", "--set", "analysis=[topology, sinks, emergence]", "--threads", "1")
    for name, folder in bench.runs("whole").items():
        whole, parts = variables(folder), variables(bench.runs("results")[name])
        check(f"only: {name}: the same as all at once",
              set(whole) == set(parts) and not differing(whole, parts),
              f"{differing(whole, parts)[:8]}, {sorted(set(whole) ^ set(parts))[:8]}")
    return {name: variables(folder) for name, folder in bench.runs("whole").items()}


def stamps(bench, output):
    return {name: os.stat(folder + "/analysis.h5").st_mtime_ns
            for name, folder in bench.runs(output).items()}


def check_kept(bench):
    """A later run neither loses what was added nor makes anything again; the report shows it."""
    before = stamps(bench, "results")
    words = bench.run("run", "results")
    check("only: a later run has nothing to do", stamps(bench, "results") == before and
          words.count("done already") == 2, words)
    page = page_of(bench, "results")
    check("only: the report then shows topology, and nothing that was not measured",
          "Persistence of components" in page and "Stable rank of attention" not in page,
          "it does not")
    check("only: with its figure", os.path.exists(os.path.join(
        bench.folder, "results", "figures", "persistence.csv")), "none")


def check_options(bench):
    """Other options of one analysis: that one is made anew, the others stay."""
    plain = 'analysis=[sinks, frames, emergence]'
    bench.run("analyze", "results", "--set", plain)
    runs = bench.runs("results")
    first = {name: variables(folder) for name, folder in runs.items()}
    check("options: frames came, topology stayed", all(of_analysis(held, "frames") and
          of_analysis(held, "topology") for held in first.values()), "they did not")
    bench.run("analyze", "results", "--set",
              "analysis=[sinks, {kind: frames, draws: 50}, emergence]")
    for name, folder in runs.items():
        after = variables(folder)
        changed = set(differing(first[name], after))
        others = {n for n in changed if first[name][n][3].get("analysis") not in
                  ("frames", "emergence")}
        check(f"options: {name}: what is of other analyses stays", not others, f"{others}")
        with h5py.File(folder + "/analysis.h5", "r") as file:
            held = text_of(file.attrs["analysis_frames"])
        check(f"options: {name}: the file says which", "draws: 50" in held, held)
    before = stamps(bench, "results")
    bench.run("analyze", "results")
    check("options: an analysis that is no longer listed stays as it is",
          stamps(bench, "results") == before, "it was made anew")


def check_alone(bench, whole):
    """--only on runs that were never analysed; emergence alone, afterwards."""
    shutil.copytree(os.path.join(bench.folder, "whole"), os.path.join(bench.folder, "alone"))
    for folder in bench.runs("alone").values():
        os.remove(folder + "/analysis.h5")
    bench.run("analyze", "alone", "--only", "topology,sinks")
    words = bench.run("status", "alone")
    check("alone: not done while the file's own analyses are missing",
          "2 trained" in words and "done" not in words, words)
    check("alone: no emergence yet", all(not of_analysis(variables(folder), "emergence")
          for folder in bench.runs("alone").values()), "there is")
    bench.run("analyze", "alone", "--only", "emergence")
    for name, folder in bench.runs("alone").items():
        off = differing(whole[name], variables(folder))
        check(f"alone: {name}: emergence from the file is that from the pass", not off, f"{off[:8]}")
    words = bench.run("status", "alone")
    check("alone: then done", "2 done" in words, words)
    bench.run("analyze", "alone", "--only", "sinks")
    for name, folder in bench.runs("alone").items():
        off = differing(whole[name], variables(folder))
        check(f"alone: {name}: made anew, the same", not off, f"{off[:8]}")


def check_refusals(bench):
    path = bench.runs("alone")["seed=1"] + "/analysis.h5"
    with open(path, "rb") as file:
        before = file.read()
    words = bench.run("analyze", "alone", "--only", "topolgy", expected=2)
    check("refused: an unknown name, with the nearest", "did you mean 'topology'?" in words and
          "spectrum" in words and "--only topolgy" in words, words)
    words = bench.run("analyze", "alone", "--only", "sinks,sinks", expected=2)
    check("refused: a name twice", "twice" in words, words)
    words = bench.run("analyze", "alone", "--only", "", expected=2)
    check("refused: no name", "sinks" in words, words)
    words = bench.run("train", "alone", "--only", "sinks", expected=2)
    check("refused: --only with another command", "--only" in words, words)
    words = bench.run("analyze", "nowhere", "--only", "sinks", expected=1)
    check("refused: runs that are not trained", "not trained" in words, words)
    with open(path, "rb") as file:
        check("refused: nothing was touched", file.read() == before, "it was")
    damaged = before[:len(before) // 2] + bytes([before[len(before) // 2] ^ 1]) + \
        before[len(before) // 2 + 1:]
    with open(path, "wb") as file:
        file.write(damaged)
    words = bench.run("analyze", "alone", "--only", "sinks", expected=1)
    with open(path, "rb") as file:
        check("refused: a damaged analysis.h5 is not lost", "damaged" in words and
              file.read() == damaged, words)
    words = bench.run("analyze", "alone")
    check("a whole analysis makes a damaged one anew, and says so", "warning" in words and
          "made anew" in words, words)


def check_other_model(bench):
    """A snapshot that is not of this model is refused with the names that differ."""
    folder = bench.runs("whole")["seed=2"]
    path = folder + "/snapshots/step-00000004.h5"
    with h5py.File(path, "r+") as file:
        del file["parameters/layers/0/attention/query"]
        file["parameters/layers/0/attention/gain"] = np.zeros(3, np.float32)
        norm = file["parameters/final_norm"][...]
        del file["parameters/final_norm"]
        file["parameters/final_norm"] = np.append(norm, norm)
    words = bench.run("analyze", "whole", "--only", "topology", expected=1)
    for part in ("step-00000004.h5", "layers/0/attention/query is missing",
                 "layers/0/attention/gain is in the file only", "final_norm is [32], not [16]"):
        check(f"another model: says \"{part}\"", part in words, words)


def main():
    with Bench(EXPERIMENT) as bench:
        bench.run("train", "results")
        bench.run("analyze", "results")
        check_added(bench)
        whole = check_against_all_at_once(bench)
        check_kept(bench)
        check_alone(bench, whole)
        check_options(bench)
        check_refusals(bench)
        check_other_model(bench)
    finish()


main()
