"""What the oracles share: small runs of every kind of model that an analysis must be right for, their
snapshots rebuilt in PyTorch in float64, and the comparison of what was found with what the program wrote.

An oracle is a script test_*.py BUILD with one function per analysis, called for every run:

    for run in oracle_runs("sinks"): …"""
import copy
import os
import sys
import types

import h5py
import numpy as np
import torch
import yaml

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import model_torch
import philox
from checks import Bench, check, finish  # noqa: F401: what a script needs, in one place

torch.set_num_threads(1)  # the runs' arrays are small, and tests run side by side

BASE = {
    "experiment": "oracle",
    "model": {"layers": 2, "width": 24, "heads": 3, "hidden": 32, "context": 24},
    "data": {"source": "bigram-backcopy"},
    "train": {"steps": 80, "batch": 8, "warmup": 10,
              "optimizer": {"kind": "adamw", "learning_rate": 1e-2}},
    "snapshots": {"early": "none", "every": 0},  # the first and the last
    "probe": {"samples": 10},
}
# Every mask, objective, sum of rows, position hook, norm placement, shared keys, and a block without MLP.
VARIANTS = {
    "rope": {},
    "nope": {"model.position": "nope", "model.heads": 1},
    "encoder": {"model.position": "absolute", "model.attention.mask": "bidirectional",
                "train.objective": "masked"},
    "prefix": {"model.attention.mask": {"kind": "prefix", "length": 6}, "train.objective": "prefix",
               "model.norm": "layer", "model.placement": "post"},
    "window": {"model.position": "alibi", "model.attention.window": 7,
               "model.attention.window_shift": 2},
    "sigmoid": {"model.attention.normalization": "sigmoid", "model.position": "absolute",
                "model.attention.mask": "bidirectional", "train.objective": "masked"},
    "plus-one": {"model.attention.normalization": "softmax-plus-one", "model.position": "alibi",
                 "model.norm": "layer", "model.placement": "sandwich", "model.biases": True},
    "attention-only": {"model.mlp": "none", "model.attention.temperature": 0.5,
                       "model.position": {"kind": "rope", "fraction": 0.5}},
    "grouped": {"model.heads": 4, "model.kv_heads": 2, "model.attention.gate": "head",
                "model.attention.query_key_norm": "rms"},
    "kernel": {"model.attention.normalization": "elu-kernel", "model.attention.kv_bias": "key-value"},
    "negative": {"model.attention.normalization": {"kind": "linear-kernel", "normalized": False}},
    "parallel": {"model.parallel": True, "model.placement": "sandwich", "model.mlp": "gelu"},
}
# Those whose maps differ in kind: what is made of maps alone needs no others.
MAPS = ("rope", "encoder", "prefix", "window", "sigmoid", "plus-one")
TOLERANCE = 1e-5  # relative: the program's maps and states are float32


def text_of(value):
    return value.decode() if isinstance(value, bytes) else str(value)


def mean_defined(values, axis=0):
    """Mean of what is not NaN; NaN where nothing is."""
    values = np.asarray(values, dtype=float)
    good = ~np.isnan(values)
    count = good.sum(axis)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(count > 0, np.where(good, values, 0).sum(axis) / count, np.nan)


def put(tree, dotted, value):
    *path, last = dotted.split(".")
    for key in path:
        tree = tree.setdefault(key, {})
    tree[last] = value


def flat_settings(config, prefix=""):
    """The resolved configuration of a model as model_torch reads it: {"norm": "rms", …}."""
    flat = {}
    for key, value in config.items():
        if isinstance(value, dict) and "kind" in value:
            flat[prefix + key] = str(value["kind"])
            value = {name: option for name, option in value.items() if name != "kind"}
        if isinstance(value, dict):
            flat.update(flat_settings(value, prefix + key + "."))
        else:
            flat[prefix + key] = str(value).lower() if isinstance(value, bool) else str(value)
    return flat


class SavedModel:
    """One snapshot of a run."""

    def __init__(self, run, index):
        self.config, self.settings, self.parameters = run.model, run.settings, {}
        self.layers, self.heads = self.config["layers"], self.config["heads"]
        run.file["parameters"].visititems(
            lambda name, item: self.parameters.update(
                {name: torch.tensor(item[index].astype(np.float64))})
            if isinstance(item, h5py.Dataset) else None)

    def of(self, layer, name):
        """A layer's parameter as an array, or None."""
        found = self.parameters.get(f"layers/{layer}/{name}")
        return None if found is None else found.detach().numpy()

    def forward(self, inputs, seen=None):
        return model_torch.forward(
            self.parameters, torch.tensor(np.asarray(inputs).astype(np.int64)), self.layers,
            self.heads, self.settings["position"], settings=self.settings,
            context=self.config["context"], seen=seen)

    def run(self, inputs):
        """Everything inside a pass over inputs [s][t], as arrays: logits [s][t][v], maps [s][l][h][i][j],
        residual [s][l + 1][t][w]; per layer (a list) query, key, value, head_output [s][h][t][d], scores
        [s][h][i][j], mlp_before, mlp_after [s][t][u] and attention_branch [s][t][w], or None."""
        seen = []
        with torch.no_grad():
            logits, maps, residual = self.forward(inputs, seen)
        names = ("query", "key", "value", "scores", "head_output", "mlp_before", "mlp_after",
                 "attention_branch")
        parts = {name: [layer[name].numpy() if name in layer else None for layer in seen]
                 for name in names}
        return types.SimpleNamespace(logits=logits.numpy(), maps=maps.numpy(),
                                     residual=residual.numpy(), **parts)


class OracleRun:
    """One analysed run."""

    def __init__(self, variant, folder):
        self.variant = variant
        self.file = h5py.File(folder + "/run.h5", "r")
        self.analysis = h5py.File(folder + "/analysis.h5", "r")
        config = yaml.safe_load(text_of(self.file.attrs["experiment_yaml"]))
        self.model, self.seed = config["model"], int(config["seed"])
        self.settings = flat_settings(self.model)
        self.inputs = self.file["probe/inputs"][...]
        self.targets = self.file["probe/targets"][...]
        self.length = self.inputs.shape[1]
        self.visible = model_torch._visible(self.length, self.settings).numpy()
        self.steps = len(self.file["step"])
        self.bos = int(self.file["probe/inputs"].attrs["bos"])
        self.ordinary = int(self.file["probe/inputs"].attrs["ordinary_tokens"])
        names = [text_of(name) for name in self.file["vocabulary"][...]]
        self.mask_token = names.index("[MASK]") if "[MASK]" in names else None
        self.causal = not self.visible[np.triu_indices(self.length, 1)].any()

    def close(self):
        self.file.close()
        self.analysis.close()

    def saved(self, index):
        return SavedModel(self, index)

    def visible_to(self, length):
        """The mask of sequences of another length."""
        return model_torch._visible(length, self.settings).numpy()


def uniform(visible):
    return visible / visible.sum(1, keepdims=True)


def well_seen(visible):
    return 4 * visible.sum(0) >= len(visible)


def choosing(visible):
    """The queries that see two keys or more."""
    return np.nonzero(visible.sum(1) >= 2)[0]


def oracle_runs(analyses, variants=None, changes=None):
    """Trains and analyses each variant (default: all), with changes {dotted key: value}, and yields it."""
    build = sys.argv[1] if len(sys.argv) > 1 else "build/tests"
    os.environ["FIDUCIAL"] = os.path.abspath(os.path.join(build, "fiducial"))
    for variant in variants or VARIANTS:
        tree = copy.deepcopy(BASE)
        for key, value in {**VARIANTS[variant], **(changes or {})}.items():
            put(tree, key, value)
        tree["analysis"] = analyses if isinstance(analyses, list) else [analyses]
        with Bench(yaml.safe_dump(tree)) as bench:
            bench.run("train", "results")
            bench.run("analyze", "results")
            folders = list(bench.runs("results").values())
            if not check(f"oracle {variant}: one run", len(folders) == 1, f"{folders}"):
                continue
            run = OracleRun(variant, folders[0])
            yield run
            run.close()


# ---- What every analysis must hold to -----------------------------------------------------------


def is_scale(item):
    return item.attrs.get("CLASS") == b"DIMENSION_SCALE"


def variables_of(analysis):
    """The names that an analysis gave, without coordinates, labels, and the statistics of other names."""
    names = {name for name, item in analysis.items()
             if isinstance(item, h5py.Dataset) and not is_scale(item)
             and not name.endswith("_label")
             and name not in ("attention_map", "attention_map_null", "parameters_sha256")}
    return {name for name in names
            if not any(name.endswith(end) and name[:-len(end)] + "_std" in names
                       for end in ("_std", "_low", "_high", "_count"))}


def check_statistics(run):
    """Means, deviations, counts and bootstrap intervals of the samples' own values; reasons."""
    analysis, wrong, silent = run.analysis, [], []
    samples = analysis["samples"]
    drawn = philox.resamples(run.seed, len(run.inputs), 1000)
    for name, item in samples.items():
        if name + "_std" not in analysis:
            continue
        values = item[...].astype(float)
        count = (~np.isnan(values)).sum(1)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = mean_defined(values, 1)
            spread = np.where(count > 1, np.sqrt(np.nansum((values - mean[:, None]) ** 2, 1) /
                                                 np.maximum(count - 1, 1)), np.nan)
        expected = {"": mean, "_std": spread}
        if name + "_count" in analysis:
            expected["_count"] = count
        elif (count != values.shape[1]).any():
            wrong.append(f"{name}: no count")
        if values[0, 0].size <= 64:
            means = mean_defined(values[:, drawn], 2)
            ends = np.where(count > 1, (np.nanpercentile if np.isnan(means).any() else np.percentile)(
                np.where(count[:, None] > 1, means, 0), [2.5, 97.5], axis=1), np.nan)
            expected.update(_low=ends[0], _high=ends[1])
        for end, value in expected.items():
            if not np.allclose(analysis[name + end][...], value, rtol=1e-9, atol=1e-12, equal_nan=True):
                wrong.append(f"{name}{end}")
    for name, item in analysis.items():
        if not isinstance(item, h5py.Dataset) or is_scale(item) or item.dtype.kind not in "fi":
            continue
        values = item[...]
        missing = np.isnan(values).any() if item.dtype.kind == "f" else (values == -1).any()
        if missing and not text_of(item.attrs.get("undefined", "")):
            silent.append(name)
    check(f"oracle {run.variant}: means, deviations, counts and intervals of {len(samples)} variables",
          wrong == [], f"{wrong}")
    check(f"oracle {run.variant}: what is missing says why", silent == [], f"{silent}")


class Comparison:
    """Collects, per variable, the worst disagreement over everything compared, in tolerances."""

    def __init__(self):
        self.worst, self.compared, self.skipped = {}, 0, 0

    def add(self, name, place, actual, expected, scale=None, tolerance=TOLERANCE):
        """scale: what the difference is compared with, instead of the expected value; expected None: left to
        the roundings. Arrays of one shape."""
        if expected is None:
            self.skipped += 1
            return
        actual, expected = np.asarray(actual, dtype=float), np.asarray(expected, dtype=float)
        if actual.shape != expected.shape:
            self.worst[name] = (np.inf, place, actual.shape, expected.shape)
            return
        self.compared += 1
        scale = np.abs(expected) if scale is None else np.maximum(np.abs(expected), scale)
        with np.errstate(invalid="ignore", divide="ignore"):
            error = np.abs(actual - expected) / np.maximum(scale, 1e-12) / tolerance
        error = np.where((actual == expected) | (np.isnan(actual) & np.isnan(expected)), 0, error)
        error = np.where(np.isnan(error), np.inf, error)
        if not error.size:
            return
        at = np.unravel_index(np.argmax(error), error.shape) if error.shape else ()
        if error[at] >= self.worst.get(name, (-1,))[0]:
            self.worst[name] = (error[at], (*place, *at), actual[at], expected[at])

    def report(self, run, apart=()):
        """One line for all that agree, one for each that does not; every variable of the file must have been
        compared, but those apart."""
        for name, (error, place, actual, expected) in sorted(self.worst.items()):
            if not error <= 1:
                check(f"oracle {run.variant}: {name}", False,
                      f"{actual!r} at {place}, expected {expected!r}: {error:.2g} tolerances")
        good = [name for name, (error, *_) in self.worst.items() if error <= 1]
        name = max(good, key=lambda name: self.worst[name][0], default="none")
        check(f"oracle {run.variant}: {len(good)} variables, at worst {name} "
              f"({self.worst.get(name, (0,))[0]:.1e} tolerances), {self.skipped} of "
              f"{self.compared + self.skipped} left to the roundings",
              good and self.skipped * 5 <= self.compared, f"{sorted(self.worst)}")
        left = variables_of(run.analysis) - set(self.worst) - set(apart)
        check(f"oracle {run.variant}: every variable is compared", not left, f"not {sorted(left)}")
        check_statistics(run)
