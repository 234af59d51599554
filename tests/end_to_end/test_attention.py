"""`fiducial attention`: the maps and states of one input agree with analysis.h5 and with each other, and what
cannot be is refused with a sentence."""
import os
import subprocess
import sys

import h5py
import numpy as np
import xarray

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from check_layout import check_variable, text_of
from checks import Bench, check, finish

EXPERIMENT = """
    experiment: attention
    model: {layers: 2, width: 16, heads: 2, hidden: 16, context: 24, position: rope}
    train: {steps: 40, batch: 8, warmup: 5, optimizer: {kind: adamw, learning_rate: 1e-2}}
    snapshots: {early: powers-of-two, until: 8, every: 20}
    probe: {samples: 5}
    analysis: [sinks]
    sweep: {seed: [1]}
"""
SAMPLE = 3


def start(bench, *words, expected=0):
    """Runs the program in the bench's folder; returns its words."""
    done = subprocess.run([bench.program, *words], cwd=bench.folder, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
    check(f"exit status {expected}: {' '.join(words[:1] + words[2:])[:70]}",
          done.returncode == expected, f"{done.returncode}: {done.stdout}")
    return done.stdout


def softmax(scores):
    """Over what is visible (not NaN) of each row, in double."""
    weights = np.exp(scores - np.nanmax(scores, axis=-1, keepdims=True))
    weights = np.where(np.isnan(weights), 0, weights)
    return weights / weights.sum(axis=-1, keepdims=True)


def check_sample(bench, run):
    """One sequence of the probe at step 8, against analysis.h5 and run.h5."""
    start(bench, "attention", run, "--sample", str(SAMPLE), "--step", "8", "--output", "sample.h5")
    with h5py.File(f"{run}/analysis.h5") as analysis, h5py.File(f"{run}/run.h5") as stored, \
            h5py.File(os.path.join(bench.folder, "sample.h5")) as file:
        row = analysis["step"][...].tolist().index(8)
        wanted = analysis["samples/first_importance"][row, SAMPLE]
        found = file["importance"][:, :, 0]
        check("sample: importance of BOS is that of analysis.h5, bit for bit",
              np.array_equal(wanted, found), f"{wanted}, {found}")
        check("sample: the null is that of analysis.h5",
              np.array_equal(analysis["importance_null"][...], file["importance_null"][...]), "")
        for epsilon in range(3):
            over = (file["importance"][...] > analysis["epsilon"][epsilon]).mean(axis=(0, 1))
            rate = analysis["samples/sink_rate"][row, SAMPLE, epsilon]
            check(f"sample: sink rate {epsilon}", np.allclose(over, rate, rtol=0, atol=1e-12),
                  f"{over}, {rate}")
        for name in ("inputs", "targets"):
            wanted = stored["probe/" + name][SAMPLE]
            found = file["tokens" if name == "inputs" else name][...]
            check(f"sample: {name} are the probe's", np.array_equal(wanted, found),
                  f"{wanted}, {found}")
        seen = file["targets"][...] >= 0
        loss = file["loss"][...][seen].mean(dtype=np.float64)
        check("sample: its loss is that of analysis.h5",
              np.isclose(loss, analysis["samples/probe_loss"][row, SAMPLE], rtol=1e-6),
              f"{loss}, {analysis['samples/probe_loss'][row, SAMPLE]}")
        hashes = [text_of(value) for value in stored["parameters_sha256"][...]]
        check("sample: it says of which parameters", text_of(file.attrs["parameters_sha256"]) ==
              hashes[row] and text_of(file.attrs["step"]) == "8", f"{dict(file.attrs)}")
        embedding = stored["parameters/token_embedding"][row][file["tokens"][...]]
        check("sample: the stream begins with the embeddings",
              np.array_equal(embedding, file["residual"][0]), "it does not")


def check_consistent(bench):
    """Maps, scores and vectors of one file belong together; float32 rounding of 8-term products."""
    with h5py.File(os.path.join(bench.folder, "sample.h5")) as file:
        off = [text for name, item in file.items() for text in check_variable(name, item)]
        check("file: laid out like analysis.h5", not off, "; ".join(off[:4]))
        attention, scores = file["attention"][...], file["scores"][...].astype(np.float64)
        query, key = file["query_vector"][...], file["key_vector"][...]
        products = np.einsum("lhid,lhjd->lhij", query.astype(np.float64), key) / np.sqrt(8)
        visible = np.tril(np.ones(attention.shape[2:], bool))
        check("file: scores where visible, and NaN elsewhere",
              np.array_equal(~np.isnan(scores), np.broadcast_to(visible, scores.shape)), "")
        check("file: scores are q·k/√d",
              np.allclose(np.where(visible, scores, 0), np.where(visible, products, 0), rtol=1e-5,
                          atol=1e-6), f"{np.nanmax(np.abs(scores - products))}")
        check("file: attention is their softmax",
              np.allclose(attention, softmax(scores), rtol=1e-5, atol=1e-7),
              f"{np.abs(attention - softmax(scores)).max()}")
        mixed = np.einsum("lhij,lhjd->lhid", attention, file["value_vector"][...])
        check("file: head output is attention times values",
              np.allclose(mixed, file["head_output"][...], rtol=1e-5, atol=1e-6), "")
    with xarray.open_dataset(os.path.join(bench.folder, "sample.h5"), engine="h5netcdf") as data:
        check("file: xarray reads its axes", data.attention.dims == ("layer", "head", "query", "key")
              and data.residual.dims == ("layer_boundary", "position", "channel"), f"{data}")


def check_figure(bench):
    for ending in ("svg", "png", "pdf", "csv", "gp"):
        path = os.path.join(bench.folder, "sample." + ending)
        check(f"figure: sample.{ending}", os.path.exists(path) and os.path.getsize(path) > 0, "none")
    with h5py.File(os.path.join(bench.folder, "sample.h5")) as file, \
            open(os.path.join(bench.folder, "sample.csv"), encoding="utf-8") as data:
        attention = file["attention"][...]
        rows = [line.split(",") for line in data.read().splitlines()[1:] if line]
    drawn = {tuple(map(int, row[:4])): float(row[4]) for row in rows}
    wrong = [at for at, value in np.ndenumerate(attention)
             if not (np.isclose(drawn[at], value, rtol=1e-5) if value > 0 else
                     np.isnan(drawn[at]))]
    check("figure: its data are the maps", len(drawn) == attention.size and not wrong,
          f"{len(drawn)} of {attention.size}, {wrong[:3]}")


def check_text(bench, run):
    words = start(bench, "attention", run, "--text", "a cat", "--output", "text.h5")
    check("text: the newest snapshot", "step 40" in words, words)
    with h5py.File(f"{run}/run.h5") as stored, \
            h5py.File(os.path.join(bench.folder, "text.h5")) as file:
        names = [text_of(name) for name in stored["vocabulary"][...]]
        labels = [text_of(name) for name in file["position_label"][...]]
        check("text: in the run's symbols, after BOS", labels == ["BOS", "a", "␣", "c", "a", "t"] and
              [names[token] for token in file["tokens"]] == labels, f"{labels}")
        check("text: the next token is the target", file["targets"][...].tolist() ==
              file["tokens"][...].tolist()[1:] + [-1], f"{file['targets'][...]}")
        tokens = ",".join(map(str, file["tokens"]))
        text = file["attention"][...]
    start(bench, "attention", f"{run}/snapshots/step-00000040.h5", "--tokens", tokens, "--output",
          "numbers.h5")
    with h5py.File(os.path.join(bench.folder, "numbers.h5")) as file:
        check("text: the same as its numbers, of the snapshot's file",
              np.array_equal(text, file["attention"][...]), "it is not")


def check_refusals(bench, run):
    for words, part in (
            (("--text", "a~b"), 'symbol 2 of the text, "~"'),
            (("--text", "a~b"), "allowed (␣ is a blank): \\n ␣ !"),
            (("--text", "a" * 24), "25 tokens"),
            (("--tokens", "1,99"), "'99'"),
            (("--tokens", "1,,2"), "''"),
            (("--sample", "5"), "from 0 to 4"),
            (("--sample", "1", "--text", "a"), "one of --text"),
            ((), "one of --text"),
            (("--step", "3", "--sample", "1"), "0, 1, 2, 4, 8, 20, 40"),
            (("--sample", "1", "--output", "maps.txt"), "ends in .h5")):
        said = start(bench, "attention", run, *words, expected=2)
        check(f"refused: says {part[:40]}", part in said, said)
    said = start(bench, "attention", "nowhere", "--sample", "1", expected=2)
    check("refused: nothing there", "nowhere" in said, said)
    os.makedirs(os.path.join(bench.folder, "lone/snapshots"))
    lone = os.path.join(bench.folder, "lone/snapshots/step-00000008.h5")
    with open(f"{run}/snapshots/step-00000008.h5", "rb") as file:
        content = file.read()
    with open(lone, "wb") as file:
        file.write(content)
    said = start(bench, "attention", lone, "--sample", "1", expected=2)
    check("refused: a snapshot without its run", "run.h5" in said, said)
    check("refused: nothing was written", not os.path.exists(
        os.path.join(bench.folder, "attention.h5")), "attention.h5 is there")


def check_overwriting(bench, run):
    path = os.path.join(bench.folder, "text.h5")
    with open(path, "rb") as file:
        before = file.read()
    said = start(bench, "attention", run, "--sample", "1", "--output", "text.h5", expected=2)
    with open(path, "rb") as file:
        check("overwriting: not in silence", file.read() == before and "text.h5" in said, said)
    said = start(bench, "attention", run, "--output", "text.h5", expected=2)
    check("overwriting: what is missing is said before it", "one of --text" in said, said)
    os.remove(path)
    said = start(bench, "attention", run, "--sample", "1", "--output", "text.h5", expected=2)
    check("overwriting: nor the figure", "text.svg" in said, said)
    start(bench, "attention", run, "--sample", "1", "--output", "text.h5", "--force")
    with h5py.File(path) as file:
        check("overwriting: with --force", text_of(file.attrs["input"]) == "sample 1 of the probe",
              text_of(file.attrs["input"]))


def check_other_model(bench, run):
    path = f"{run}/snapshots/step-00000020.h5"
    with h5py.File(path, "r+") as file:
        file.move("parameters/layers/1/mlp/gate", "parameters/layers/1/mlp/door")
    said = start(bench, "attention", path, "--sample", "1", "--output", "other.h5", expected=1)
    check("another model: the names that differ", "layers/1/mlp/gate is missing" in said and
          "layers/1/mlp/door is in the file only" in said, said)


def check_bytes_and_masks():
    """A text source: bytes; with the masked objective, [CLS] and [SEP] around them."""
    text = """
        experiment: bytes
        model: {layers: 1, width: 8, heads: 1, hidden: 8, context: 12,
                attention: {mask: bidirectional}}
        data: {source: text, path: words.txt}
        train: {steps: 2, batch: 2, objective: masked}
        probe: {samples: 2}
        analysis: [sinks]
    """
    with Bench(text) as bench:
        with open(os.path.join(bench.folder, "words.txt"), "w", encoding="utf-8") as file:
            file.write("some words, größer than nothing. " * 20)
        bench.run("train", "results")
        run = next(iter(bench.runs("results").values()))
        start(bench, "attention", run, "--text", "größe")
        with h5py.File(os.path.join(bench.folder, "attention.h5")) as file:
            labels = [text_of(name) for name in file["position_label"][...]]
            wanted = ["BOS", "g", "r", "xC3", "xB6", "xC3", "x9F", "e", "[SEP]"]
            check("bytes: between [CLS] and [SEP]", labels[1:] == wanted[1:] and
                  labels[0] in ("BOS", "[CLS]"), f"{labels}")
            check("bytes: nothing is predicted without masks",
                  (file["targets"][...] == -1).all() and np.isnan(file["loss"][...]).all(), "")
            check("bytes: every query sees every key", (file["attention"][...] > 0).all(), "")
    with Bench(text.replace("source: text, path: words.txt", "source: repeat, symbols: 8")) as bench:
        bench.run("train", "results")
        run = next(iter(bench.runs("results").values()))
        said = start(bench, "attention", run, "--text", "ab", expected=2)
        check("symbols that are no characters: refused", "--tokens" in said, said)


def check_scaled(bench):
    """Weights that sum to anything: each query's are drawn as shares, and stand beside them as they are."""
    bench.run("train", "sigmoid", "--set", "model.attention.normalization=sigmoid")
    start(bench, "attention", bench.runs("sigmoid")["seed=1"], "--sample", "0", "--output", "scaled.h5")
    with h5py.File(os.path.join(bench.folder, "scaled.h5")) as file, \
            open(os.path.join(bench.folder, "scaled.csv"), encoding="utf-8") as data:
        attention = file["attention"][...].astype(float)
        rows = [line.split(",") for line in data.read().splitlines() if line]
    size = np.abs(attention).sum(axis=-1, keepdims=True)
    check("scaled: rows of another sum", (np.abs(size - 1) > 1e-3).any(), "the case tests nothing")
    check("scaled: columns", rows[0][4:] == ["share", "attention"], f"{rows[0]}")
    shares = np.full(attention.shape, np.nan)
    weights = np.full(attention.shape, np.nan)
    for row in rows[1:]:
        shares[tuple(map(int, row[:4]))], weights[tuple(map(int, row[:4]))] = map(float, row[4:])
    wanted = np.where(attention != 0, np.abs(attention) / size, np.nan)
    check("scaled: shares", np.allclose(shares, wanted, rtol=1e-5, equal_nan=True), f"{shares[0, 0, :3, :3]}")
    check("scaled: weights", np.allclose(weights, attention, rtol=1e-5), f"{weights[0, 0, :3, :3]}")


def main():
    with Bench(EXPERIMENT) as bench:
        bench.run("train", "results")
        bench.run("analyze", "results")
        run = bench.runs("results")["seed=1"]
        check_sample(bench, run)
        check_consistent(bench)
        check_figure(bench)
        check_scaled(bench)
        check_text(bench, run)
        check_refusals(bench, run)
        check_overwriting(bench, run)
        check_other_model(bench, run)
    check_bytes_and_masks()
    finish()


main()
