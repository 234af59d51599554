"""The analyses likelihood and fisher against NumPy, SciPy and PyTorch's gradients, on each saved model rebuilt
in float64 and on the inputs that analysis.h5 stores.

usage: test_likelihood.py BUILD    (BUILD/fiducial is the program)"""
import numpy as np
import scipy.special
import scipy.stats
import torch

import model_torch
from oracle_run import Comparison, check, finish, mean_defined, oracle_runs, text_of, uniform

GROUPS = ["embedding", "attention", "mlp", "unembedding"]


def received_by(target, attention, visible):
    """[…] of maps […][i][j]: mean over the other queries that see target and another key."""
    others = visible[:, target] & (visible.sum(1) > 1)
    others[target] = False
    return attention[..., others, target].mean(-1) if others.any() \
        else np.full(attention.shape[:-2], np.nan)


def chances_at(run, model, replaced, target):
    """The model's distribution at target given its context."""
    if run.mask_token is None:
        return scipy.special.softmax(model.run(replaced[:1]).logits[0, target - 1])
    hidden = replaced[:1].copy()
    hidden[:, target] = run.mask_token
    return scipy.special.softmax(model.run(hidden).logits[0, target])


def check_tokens(run, chances, tokens, sample, target):
    """Each in its third of the ranks of the source's own tokens; the last the real one."""
    own = np.arange(run.ordinary)
    order = np.sort(chances[own[own != run.bos]])
    thirds = [len(order) * third // 3 for third in range(4)]
    low = order[[0] + thirds[:3] + [-1]]
    high = order[[0] + [end - 1 for end in thirds[1:]] + [-1]]
    p, real = chances[tokens[:5]], run.targets[sample, target] if run.mask_token is not None else -1
    real = real if real >= 0 else run.inputs[sample, target]
    return (p >= low * (1 - 1e-4)).all() and (p <= high * (1 + 1e-4)).all() and tokens[5] == real and \
        (tokens[:5] < run.ordinary).all() and (tokens[:5] != run.bos).all()


def compare_likelihood(found, run, index, model):
    analysis = run.analysis
    targets, tokens = analysis["likelihood_target"][...], analysis["likelihood_token"][index]
    samples, modes = tokens.shape
    p = np.zeros((samples, modes))
    inner, received = np.zeros((2, samples, model.layers, modes))
    wrong = []
    for sample, target in enumerate(targets):
        replaced = np.repeat(run.inputs[sample][None], modes, 0)
        replaced[:, target] = tokens[sample]
        chances = chances_at(run, model, replaced, target)
        p[sample] = chances[tokens[sample]]
        if not check_tokens(run, chances, tokens[sample], sample, target):
            wrong.append((sample, target, tokens[sample]))
        mean = model.run(replaced).maps.mean(2)
        inner[sample] = mean[:, :, target, target].T
        received[sample] = received_by(target, mean, run.visible).T
    check(f"oracle {run.variant}: what stands at the targets of snapshot {index}", not wrong, f"{wrong}")
    found.add("likelihood_token", (index,), tokens, tokens)
    found.add("likelihood", (index,), analysis["likelihood"][index], p.mean(0))
    found.add("inner_attention", (index,), analysis["inner_attention"][index], inner.mean(0))
    found.add("attention_received", (index,), analysis["attention_received"][index],
              mean_defined(received))
    compare_correlations(found, analysis, index, model.layers)
    flat = uniform(run.visible)
    of_place = flat[targets, targets]
    for suffix, x, y in (("", p[:, 5], of_place), ("_pooled", p.ravel(), np.repeat(of_place, modes))):
        expected = scipy.stats.spearmanr(x, y)[0] if np.ptp(of_place) > 0 else np.nan
        name = f"likelihood_attention_correlation{suffix}_uniform"
        found.add(name, (index,), analysis[name][index], expected, None, 1e-6)
    null = mean_defined([[flat[target, target], received_by(target, flat, run.visible)]
                         for target in targets])
    for name, expected in zip(("inner_attention_null", "attention_received_null"), null):
        found.add(name, (), analysis[name][...], np.full(modes, expected))


def compare_targets(found, run):
    """Where the objective predicts: not the first token, [SEP], nor the prefix."""
    targets = run.analysis["likelihood_target"][...]
    first = int(run.settings.get("attention.mask.length", 1)) \
        if run.settings["attention.mask"] == "prefix" else 1
    last = run.length - 1 - (run.mask_token is not None)
    check(f"oracle {run.variant}: targets lie where something is predicted",
          ((targets >= first) & (targets <= last)).all() and len(np.unique(targets)) > 3, f"{targets}")
    found.add("likelihood_target", (), targets, targets)


def compare_correlations(found, analysis, index, layers):
    """From the samples' own values."""
    p = analysis["samples/likelihood"][index]
    for layer in range(layers):
        inner = analysis["samples/inner_attention"][index, :, layer]
        for suffix, x, y in (("", p[:, 5], inner[:, 5]), ("_pooled", p.ravel(), inner.ravel())):
            name = "likelihood_attention_correlation" + suffix
            value, chance = scipy.stats.spearmanr(x, y)
            for end, expected in (("", value), ("_p", chance)):
                found.add(name + end, (index, layer), analysis[name + end][index, layer], expected, None,
                          1e-8)


def group_of(name):
    if name.startswith("final_norm") or name == "unembedding":
        return 3
    if not name.startswith("layers/"):
        return 0
    return 1 if name.split("/")[2].startswith("attention") else 2


def compare_fisher(found, run, index, model):
    analysis = run.analysis
    layers, groups = np.zeros((len(run.inputs), model.layers)), np.zeros((len(run.inputs), 4))
    for sample, (tokens, wanted) in enumerate(zip(run.inputs, run.targets)):
        for parameter in model.parameters.values():
            parameter.requires_grad_(True)
            parameter.grad = None
        logits = model.forward(tokens[None])[0]
        losses = model_torch.losses(logits, torch.tensor(wanted[None].astype(np.int64)))
        (losses.sum() / int((wanted >= 0).sum())).backward()
        for name, parameter in model.parameters.items():
            if parameter.grad is None:
                continue
            square = float((parameter.grad ** 2).sum())
            groups[sample, group_of(name)] += square
            if name.startswith("layers/"):
                layers[sample, int(name.split("/")[1])] += square
    there = {group_of(name) for name in model.parameters}
    groups[:, [group for group in range(4) if group not in there]] = np.nan
    labels = [text_of(label) for label in analysis["group_label"][...]]
    check(f"oracle {run.variant}: groups of snapshot {index}", labels == GROUPS, f"{labels}")
    found.add("fisher_norm", (index,), analysis["fisher_norm"][index], layers.mean(0))
    found.add("fisher_group", (index,), analysis["fisher_group"][index], mean_defined(groups))
    stored, depth = analysis["fisher_norm"][index], np.arange(model.layers)
    value, chance = scipy.stats.pearsonr(depth, stored)
    for name, expected in (("pearson", value), ("pearson_p", chance),
                           ("spearman", scipy.stats.spearmanr(depth, stored)[0])):
        found.add("fisher_depth_" + name, (index,), analysis["fisher_depth_" + name][index], expected,
                  None, 1e-8)


def main():
    variants = ("rope", "encoder", "prefix", "window", "plus-one", "attention-only", "grouped")
    for run in oracle_runs(["likelihood", "fisher"], variants,
                           {"model.layers": 3, "probe.samples": 12}):
        found = Comparison()
        compare_targets(found, run)
        for index in range(run.steps):
            model = run.saved(index)
            compare_likelihood(found, run, index, model)
            compare_fisher(found, run, index, model)
        # an exact p over the orders of three layers: test_hypothesis.py
        found.report(run, apart=["fisher_depth_spearman_p"])
    finish()


main()
