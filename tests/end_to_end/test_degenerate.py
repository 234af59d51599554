"""Every analysis where little or nothing is to be measured: sequences of one to four tokens, one head, one
layer, one sample, no MLP, encoders, narrow windows. Whatever is missing is NaN (or −1) with a reason, and
what must be missing is."""
import os
import sys

import h5py
import numpy as np
import yaml

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from checks import Bench, check, finish

BASE = {
    "experiment": "degenerate",
    "model": {"layers": 2, "width": 8, "heads": 2, "hidden": 12, "context": 16},
    "data": {"source": "bigram-backcopy"},
    "train": {"steps": 2, "batch": 2},
    "snapshots": {"early": "none", "every": 0},
    "probe": {"samples": 3},
    "analysis": "all",
}
ENCODER = {"model.position": "absolute", "model.attention.mask": "bidirectional",
           "train.objective": "masked"}
PREFIX = {"model.attention.mask": {"kind": "prefix", "length": 2}, "train.objective": "prefix"}
# What one position has, as importance has, without another beside it: all else is to be missing.
GRAPH = ["fiedler_value", "laplacian_gap", "star_likeness_basic", "in_degree_gini", "star_likeness",
         "degree_centralization", "in_degree_variance", "connection_density", "mean_shortest_path",
         "clustering", "weighted_fiedler_value", "weighted_fiedler_value_normalized", "anchor_count",
         "anchor_share", "frame_type", "frame_share", "frame_type_model", "frame_share_model"]
ALONE = GRAPH + [
    "attention_entropy", "attention_total", "first_token_argmax", "value_drain", "key_norm_ratio",
    "sink_logit", "query_key_cosine", "query_key_cosine_other", "update_norm", "residual_peak",
    "induction_score", "loss_copied", "loss_ordinary", "persistence_0_mean", "persistence_1_mean",
    "spectral_gap", "kl_to_mean", "kl_reduction", "kl_reduction_p", "rows_left_out",
    "geometric_semantic_correlation", "entropy_magnitude_correlation", "component_correlation",
    "relative_magnitude", "relative_magnitude_value", "spectral_entropy", "uncertainty", "band_power",
    "attention_by_distance", "likelihood", "inner_attention", "likelihood_attention_correlation"]
OF_THE_MLP = ["harmonic_ratio_before", "harmonic_ratio_after", "activation_ratio"]
PREDICTIONS = ["loss_copied", "loss_ordinary"]
# name: changes, what must be missing everywhere, what must be there everywhere
CASES = {
    "one token": ({"probe.length": 1}, ALONE, ["importance", "massive_ratio", "probe_loss"]),
    "two tokens": ({"probe.length": 2}, ["laplacian_gap", "induction_score", "loss_copied",
                                         "geometric_semantic_correlation"],
                   ["attention_entropy", "kl_to_mean", "fiedler_value", "frame_type"]),
    "three tokens": ({"probe.length": 3}, ["induction_score", "component_correlation"],
                     ["loss_copied", "laplacian_gap"]),
    "four tokens": ({"probe.length": 4}, [], ["loss_copied", "laplacian_gap"]),
    "an encoder of one token": ({**ENCODER, "probe.length": 1}, ALONE + ["probe_loss", "fisher_norm"],
                                ["importance"]),
    "an encoder of two tokens": ({**ENCODER, "probe.length": 2},
                                 ["probe_loss", "likelihood", "fisher_norm", "likelihood_target"],
                                 ["attention_entropy"]),
    "an encoder of three tokens": ({**ENCODER, "probe.length": 3}, PREDICTIONS,
                                   ["probe_loss", "likelihood", "attention_received"]),
    "an encoder": (ENCODER, PREDICTIONS, ["probe_loss", "induction_score", "likelihood", "frame_type"]),
    "a prefix as long as the probe": ({**PREFIX, "probe.length": 2}, ["likelihood"], ["importance"]),
    "a prefix": (PREFIX, [], ["loss_ordinary", "loss_copied", "likelihood"]),
    "one head": ({"model.heads": 1}, ["kl_to_mean", "kl_reduction", "kl_reduction_p", "rows_left_out",
                                      "sink_kl_correlation"], ["importance", "stable_rank"]),
    "one layer": ({"model.layers": 1}, ["fisher_depth_pearson", "fisher_depth_spearman_p"],
                  ["fisher_norm", "frame_type_model"]),
    "one sample": ({"probe.samples": 1},
                   ["importance_low", "importance_std", "kl_reduction_p", "probe_loss_high",
                    "likelihood_attention_correlation"], ["importance", "probe_loss"]),
    "no MLP": ({"model.mlp": "none"}, OF_THE_MLP, ["neuron_kurtosis", "spectral_entropy"]),
    "a window of one key": ({"model.attention.window": 1},
                            ["attention_entropy", "kl_to_mean", "frame_type", "relative_magnitude"],
                            ["importance", "loss_ordinary"]),
    "a window too narrow to be well seen": (
        {"model.attention.window": 3},
        ["sink_position", "sink_ratio", "frame_type", "frame_share", "anchor_count"],
        ["importance", "attention_entropy"]),
    "a shifted window": ({"model.attention.window": 3, "model.attention.window_shift": 4}, [],
                         ["attention_entropy"]),
    "no norm, tied": ({"model.norm": "none", "model.tied": True}, [], ["importance", "fisher_norm"]),
    "rectified": ({"model.attention.normalization": "relu"}, [], ["importance", "attention_total"]),
    "no positions": ({"model.position": "nope"},
                     OF_THE_MLP + ["pair_share", "interference_pair", "harmonic_tokens",
                                   "attention_sharpness_ratio"], ["spectral_entropy"]),
}


def put(tree, dotted, value):
    *path, last = dotted.split(".")
    for key in path:
        tree = tree.setdefault(key, {})
    tree[last] = value


def missing(values):
    return values == -1 if values.dtype.kind == "i" else np.isnan(values)


def silent(analysis):
    """Names of what is missing somewhere without a reason."""
    found = []

    def visit(name, item):
        if not isinstance(item, h5py.Dataset) or item.dtype.kind not in "fi" or \
                item.attrs.get("CLASS") == b"DIMENSION_SCALE":
            return
        reason = item.attrs.get("undefined", "")
        if missing(item[...]).any() and not reason:
            found.append(name)
        if item.dtype.kind == "f" and np.isinf(item[...]).any():
            found.append(name + " is infinite")
    analysis.visititems(visit)
    return found


def check_case(name, changes, absent, present):
    tree = yaml.safe_load(yaml.safe_dump(BASE))
    for key, value in changes.items():
        put(tree, key, value)
    with Bench(yaml.safe_dump(tree)) as bench:
        words = bench.run("run", "results", timeout=60)
        check(f"{name}: a report", "report: " in words, words)
        folder, = bench.runs("results").values()
        with h5py.File(folder + "/analysis.h5", "r") as analysis:
            wrong = silent(analysis)
            check(f"{name}: what is missing says why", not wrong, f"{wrong}")
            wrong = [key for key in absent if not missing(analysis[key][...]).all()]
            check(f"{name}: {len(absent)} variables are missing", not wrong,
                  f"{[(key, analysis[key][...].ravel()[:4]) for key in wrong]}")
            wrong = [key for key in present if missing(analysis[key][...]).any()]
            check(f"{name}: {len(present)} variables are there", not wrong,
                  f"{[(key, analysis[key][...].ravel()[:4]) for key in wrong]}")


def main():
    for name, (changes, absent, present) in CASES.items():
        check_case(name, changes, absent, present)
    finish()


main()
