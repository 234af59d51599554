"""The analysis sinks against NumPy and SciPy on the maps, states and losses that PyTorch makes in float64.

usage: test_sinks.py BUILD    (BUILD/fiducial is the program)"""
import numpy as np
import scipy.stats
import torch

import model_torch
from oracle_run import (Comparison, choosing, check, finish, mean_defined, oracle_runs, uniform,
                        well_seen)

EPSILONS = (0.2, 0.3, 0.8)
MORE = 1 + 1e-6  # "exceeds": by more than this


def importance(attention, visible):
    """[position] of one map; NaN for a key that nobody sees."""
    with np.errstate(invalid="ignore"):
        return np.where(visible.any(0), (attention * visible).sum(0) / visible.sum(0), np.nan)


def importance_share(attention, visible):
    """[position] where rows of |weights| are scaled to sum 1; rows without weight are left out."""
    weights = np.abs(attention * visible)
    there = weights.sum(1) > 0
    if not there.any():
        return np.full(len(visible), np.nan)
    scaled = weights[there] / weights[there].sum(1, keepdims=True)
    return importance(scaled, visible[there])


def rates(alpha):
    """[epsilon]… of importances, NaN where they are."""
    return np.array([np.where(np.isnan(alpha), np.nan, alpha > epsilon * MORE)
                     for epsilon in EPSILONS])


def row_measures(attention, visible):
    """Entropy, total and share of first places of one map."""
    entropies, first = [], []
    queries = choosing(visible)
    for i in queries:
        row = attention[i, visible[i]]
        if (attention < 0).any():
            entropies.append(np.nan)  # no distribution
        elif row.sum() > 0:
            entropies.append(scipy.stats.entropy(row) / np.log(len(row)))
        others = attention[i, visible[i] & (np.arange(len(visible)) > 0)].max(initial=-np.inf)
        first.append(visible[i, 0] and attention[i, 0] > others + 1e-6 * abs(others))
    return np.mean(entropies), attention[queries].sum(1).mean(), np.mean(first)


def sink_of(alpha, null, visible):
    """Where mean importances are largest over their null, and that ratio."""
    ratio = np.where(well_seen(visible) & ~np.isnan(alpha), alpha / null, -np.inf)
    if not np.isfinite(ratio).any():
        return -1, np.nan
    best = np.argmax(ratio)
    tie = (ratio * MORE >= ratio[best]).sum() > 1
    return -1 if tie else best, ratio[best]


def compare_maps(found, run, index, maps):
    analysis, visible = run.analysis, run.visible
    found.add("attention_map", (index,), analysis["attention_map"][index], maps.mean(0),
              1e-2 * np.abs(maps).max())
    alpha = np.array([[[importance(head, visible) for head in layer] for layer in sample]
                      for sample in maps])
    found.add("importance", (index,), analysis["importance"][index], mean_defined(alpha),
              None if maps.min() >= 0 else 1e-2 * np.abs(maps).max())
    found.add("first_importance", (index,), analysis["first_importance"][index],
              mean_defined(alpha[..., 0]))
    scaled = np.array([[[importance_share(head, visible) for head in layer] for layer in sample]
                       for sample in maps])
    shares = scaled[..., 0]
    found.add("importance_share", (index,), analysis["importance_share"][index], mean_defined(scaled))
    found.add("first_importance_share", (index,), analysis["first_importance_share"][index],
              mean_defined(shares))
    found.add("first_sink_rate_share", (index,), analysis["first_sink_rate_share"][index],
              [(shares > epsilon * MORE).mean() for epsilon in EPSILONS])
    found.add("sink_rate", (index,), analysis["sink_rate"][index],
              rates(alpha).mean((1, 2, 3)))
    found.add("first_sink_rate", (index,), analysis["first_sink_rate"][index],
              rates(alpha[..., 0]).mean(1))
    null = importance(uniform(visible), visible)
    for place in np.ndindex(maps.shape[1:3]):
        for suffix, values in (("", alpha), ("_share", scaled)):
            position, ratio = sink_of(mean_defined(values[(slice(None), *place)]), null, visible)
            for name, expected in (("sink_position" + suffix, position), ("sink_ratio" + suffix, ratio)):
                found.add(name, (index, *place), analysis[name][(index, *place)], expected)
        rows = np.mean([row_measures(sample[place], visible) for sample in maps], 0)
        for name, expected in zip(("attention_entropy", "attention_total", "first_token_argmax"), rows):
            found.add(name, (index, *place), analysis[name][(index, *place)], expected)


def compare_nulls(found, run):
    analysis, visible = run.analysis, run.visible
    null = importance(uniform(visible), visible)
    entropy, total, first = row_measures(uniform(visible), visible)
    expected = {"attention_map": uniform(visible), "importance": null, "first_importance": null[0], "sink_rate": rates(null),
                "importance_share": null, "first_importance_share": null[0],
                "first_sink_rate_share": rates(null[0]),
                "first_sink_rate": rates(null[0]), "attention_entropy": entropy,
                "attention_total": total, "first_token_argmax": first}
    for suffix in "", "_share":
        expected["sink_position" + suffix], expected["sink_ratio" + suffix] = sink_of(null, null, visible)
    for name, value in expected.items():
        found.add(name + "_null", (), analysis[name + "_null"][...], value)


def first_over_others(vectors):
    """‖v_0‖ over the mean of the others', of [...][token][dimension]."""
    norms = np.linalg.norm(vectors, axis=-1)
    return norms[..., 0] / norms[..., 1:].mean(-1)


def cosines(first, second):
    return np.einsum("id,jd->ij", first / np.linalg.norm(first, axis=-1, keepdims=True),
                     second / np.linalg.norm(second, axis=-1, keepdims=True))


def against_first(values, visible):
    """Means, over the queries that see position 0 and another key, of values there and of their mean over
    the others."""
    first, other = [], []
    for i in np.nonzero(visible[:, 0] & (visible.sum(1) > 1))[0]:
        others = visible[i].copy()
        others[0] = False
        first.append(values[i, 0])
        other.append(values[i, others].mean())
    return mean_defined(first), mean_defined(other)


def updates(run, model, states, layer, head):
    """What a head adds to the stream [sample][token][width]."""
    output = model.of(layer, "attention/output")
    size = output.shape[1] // model.heads
    part = slice(head * size, (head + 1) * size)
    added = states.head_output[layer][:, head] @ output[:, part].T
    if run.settings["placement"] != "sandwich":
        return added
    whole, gain = states.attention_branch[layer], model.of(layer, "attention_output_norm")
    if run.settings["norm"] == "layer":
        added = added - added.mean(-1, keepdims=True)
        return added / np.sqrt(whole.var(-1, keepdims=True) + 1e-5) * gain
    return added / np.sqrt((whole ** 2).mean(-1, keepdims=True) + 1e-5) * gain


def check_updates(run, model, states):
    """The heads' parts, a bias's and the shift are what is added: only so are they its parts."""
    for layer in range(model.layers):
        gain, whole = model.of(layer, "attention_output_norm"), states.attention_branch[layer]
        parts = sum(updates(run, model, states, layer, head) for head in range(model.heads))
        rest = whole - sum(states.head_output[layer][:, head] @ output.T for head, output in enumerate(
            np.split(model.of(layer, "attention/output"), model.heads, 1)))
        centre = (lambda x: x - x.mean(-1, keepdims=True)) if run.settings["norm"] == "layer" \
            else (lambda x: x)
        scale = gain / np.sqrt((centre(whole) ** 2).mean(-1, keepdims=True) + 1e-5)
        expected = centre(whole) * scale
        check(f"oracle {run.variant}: layer {layer}'s heads add up to what is added",
              np.allclose(parts + centre(rest) * scale, expected, rtol=1e-9, atol=1e-12),
              f"{parts + centre(rest) * scale}, expected {expected}")


def compare_heads(found, run, model, index, states):
    analysis, visible = run.analysis, run.visible
    for layer, head in np.ndindex(model.layers, model.heads):
        place = (index, layer, head)
        query, key, value = (part[layer][:, head] for part in (states.query, states.key, states.value))
        for name, vectors in (("value_drain", value), ("key_norm_ratio", key)):
            found.add(name, place, analysis[name][place], first_over_others(vectors).mean())
        scores = [against_first(sample, visible) for sample in states.scores[layer][:, head]]
        logits = np.array([first - other for first, other in scores])
        size = np.abs(np.array(scores)).mean()  # a difference of scores
        found.add("sink_logit", place, analysis["sink_logit"][place], logits.mean(), size)
        angles = mean_defined([against_first(cosines(q, k), visible) for q, k in zip(query, key)])
        for name, expected in zip(("query_key_cosine", "query_key_cosine_other"), angles):
            found.add(name, place, analysis[name][place], expected, 0.1)
        added = updates(run, model, states, layer, head)
        sizes = np.linalg.norm(added, axis=-1) / np.linalg.norm(states.residual[:, layer], axis=-1)
        found.add("update_norm", place, analysis["update_norm"][place],
                  sizes[:, choosing(visible)].mean())
        values = np.linalg.svd(added, compute_uv=False) ** 2
        found.add("update_stable_rank", place, analysis["update_stable_rank"][place],
                  (values.sum(1) / values[:, 0]).mean())


def commonest(labels):
    names, counts = np.unique(labels, return_counts=True)
    return names[np.argmax(counts)]


def compare_residuals(found, run, index, residual):
    analysis = run.analysis
    for boundary in range(residual.shape[1]):
        x, place = residual[:, boundary], (index, boundary)
        size = np.abs(x).reshape(len(x), -1)
        square = (x ** 2).mean(1)
        values = np.linalg.svd(x, compute_uv=False) ** 2
        shares = values / values.sum(1, keepdims=True)
        expected = {
            "residual_peak": first_over_others(x).mean(),
            "massive_ratio": (size.max(1) / np.median(size, 1)).mean(),
            "neuron_kurtosis": ((square ** 2).mean(1) / square.mean(1) ** 2).mean(),
            "matrix_entropy": (scipy.stats.entropy(shares, axis=1) / np.log(shares.shape[1])).mean(),
            "anisotropy": shares[:, 0].mean(),
            "massive_dimension": commonest(size.argmax(1) % x.shape[-1]),
        }
        for name, value in expected.items():
            found.add(name, place, analysis[name][place], value)


def losses_of(logits, targets):
    return model_torch.losses(torch.tensor(logits), torch.tensor(targets.astype(np.int64))).numpy()


def compare_losses(found, run, index, logits):
    analysis = run.analysis
    losses, there = losses_of(logits, run.targets), run.targets >= 0
    copied = run.file["probe/copied"][...] != 0
    for name, kind in (("probe_loss", there), ("probe_loss_copied", there & copied),
                       ("probe_loss_ordinary", there & ~copied)):
        expected = mean_defined([mean_defined(of[which]) for of, which in zip(losses, kind)])
        found.add(name, (index,), analysis[name][index], expected)


def compare_induction(found, run, model, index):
    analysis = run.analysis
    tokens = analysis["induction_tokens"][...]
    samples, length = tokens.shape
    block, visible = (run.length - 1) // 2, run.visible_to(length)
    if index == 0:
        drawn = tokens[:, 1:block + 1]
        good = length == 2 * block + 1 and (tokens[:, 0] == run.bos).all() and \
            (drawn == tokens[:, block + 1:]).all() and (drawn != run.bos).all() and \
            (drawn >= 0).all() and (drawn < run.ordinary).all() and len(np.unique(drawn)) > 5
        check(f"oracle {run.variant}: induction inputs", good, f"{tokens}")
        found.add("induction_tokens", (), tokens, tokens)
    states = model.run(tokens)
    targets = np.concatenate([tokens[:, 1:], np.full((samples, 1), -1)], 1)
    losses = losses_of(states.logits, targets)
    unseen = ~visible[np.arange(length - 1), np.arange(1, length)]
    for name, first in (("loss_ordinary", 0), ("loss_copied", block)):
        part = slice(first, first + block)
        expected = mean_defined([mean_defined(of[:-1][part][unseen[part]]) for of in losses])
        found.add(name, (index,), analysis[name][index], expected)
    second = np.arange(block + 1, 2 * block + 1)
    shown = visible[second, second - block + 1]
    def score(maps):
        weights = maps[..., second, second - block + 1][..., shown]
        return weights.mean(-1) if shown.any() else np.full(maps.shape[:-2], np.nan)
    found.add("induction_score", (index,), analysis["induction_score"][index],
              score(states.maps).mean(0))
    found.add("induction_score_null", (), analysis["induction_score_null"][...],
              score(uniform(visible)))


def main():
    for run in oracle_runs("sinks"):
        found = Comparison()
        for index in range(run.steps):
            model = run.saved(index)
            states = model.run(run.inputs)
            compare_maps(found, run, index, states.maps)
            compare_heads(found, run, model, index, states)
            compare_residuals(found, run, index, states.residual)
            compare_losses(found, run, index, states.logits)
            compare_induction(found, run, model, index)
        if run.settings["placement"] == "sandwich":
            check_updates(run, model, states)
        compare_nulls(found, run)
        found.report(run)
    finish()


main()
