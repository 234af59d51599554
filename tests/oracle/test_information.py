"""The analyses information, values and references against NumPy, SciPy and scikit-learn on the maps and states
that PyTorch makes in float64.

usage: test_information.py BUILD    (BUILD/fiducial is the program)"""
import itertools

import numpy as np
import scipy.optimize
import scipy.stats
import sklearn.decomposition
import sklearn.metrics.pairwise

from oracle_run import MAPS, TOLERANCE, Comparison, choosing, finish, mean_defined, oracle_runs, uniform

# The maps are float32 ones in the program and float64 ones here, which differ by about 1e-7 of a weight; a
# difference of nearly equal numbers is compared with the size of these, correlations with 1.
EXACT = 1e-8  # of what follows from numbers that the file itself holds in float64
PERCENTILES = (80, 90, 95)
CORRELATION = 1e-4  # of a few heads that hardly differ: ill-conditioned


def largest_columns(sums, count):
    """Boolean mask of the largest; stable, so that of equal ones the first win."""
    chosen = np.zeros(len(sums), dtype=bool)
    chosen[np.argsort(-sums, kind="stable")[:count]] = True
    return chosen


# ---- Section 5 ---------------------------------------------------------------------------------


def divergence(rows, queries):
    """Mean over queries of KL(head's row || mean row), per head; rows [head][query][key]."""
    mean = rows.mean(0)
    return np.array([[scipy.stats.entropy(head[i], mean[i]) for i in queries]
                     for head in rows]).mean(1)


def information(maps, visible):
    """Of one sample and layer: maps [head][i][j]; rows are renormalised but for the choice of sinks."""
    heads, length, _ = maps.shape
    queries, sums = choosing(visible), maps.sum((0, 1))
    maps = maps / maps.sum(-1, keepdims=True)
    result = {"kl_to_mean": divergence(maps, queries), "kl_without_sinks": [], "rows_left_out": [],
              "on_sinks": []}
    for percentile in PERCENTILES:
        count = length - int(np.ceil(round(percentile / 100 * (length - 1), 9)))
        sinks = largest_columns(sums, count)
        rest = np.where(sinks, 0, maps)
        kept = []
        for i in queries:
            others = visible[i] & ~sinks
            if not others.any():
                continue
            kept.append(i)
            for head in range(heads):
                left = rest[head, i].sum()
                rest[head, i] = others / others.sum() if left < 1e-6 else rest[head, i] / left
        result["kl_without_sinks"].append(divergence(rest, kept))
        result["rows_left_out"].append(len(queries) - len(kept))
        result["on_sinks"].append(maps[:, queries][:, :, sinks].sum(2).mean(1))
    result["kl_without_sinks"] = np.array(result["kl_without_sinks"])
    result["kl_reduction"] = result["kl_to_mean"] - result["kl_without_sinks"]
    result["on_sinks"] = np.array(result["on_sinks"])
    result["rows_left_out"] = np.array(result["rows_left_out"], dtype=float)
    return result


def compare_information(found, run, index, layer, maps):
    analysis = run.analysis
    samples = [information(sample, run.visible) for sample in maps]
    of = {name: np.array([sample[name] for sample in samples]) for name in samples[0]}
    size = np.abs(of["kl_to_mean"].mean(0))
    for name in ("kl_to_mean", "kl_without_sinks", "rows_left_out"):
        found.add(name, (index, layer), analysis[name][index, layer], of[name].mean(0))
    found.add("kl_reduction", (index, layer), analysis["kl_reduction"][index, layer],
              of["kl_reduction"].mean(0), size)
    for p in range(len(PERCENTILES)):
        expected = scipy.stats.pearsonr(of["on_sinks"][:, p].mean(0), of["kl_to_mean"].mean(0))[0]
        found.add("sink_kl_correlation", (index, layer, p),
                  analysis["sink_kl_correlation"][index, layer, p], expected, 1, CORRELATION)


def effect_interval(t, n):
    """The noncentralities under which t is the 97.5 % and the 2.5 % quantile, over the root of n."""
    with np.errstate(all="ignore"):  # SciPy warns in the far tails, where it gives 0 or 1
        return [scipy.optimize.brentq(lambda d: scipy.stats.nct.cdf(t, n - 1, d) - at, t - 30, t + 30,
                                      xtol=1e-13, rtol=1e-14) / np.sqrt(n) for at in (0.975, 0.025)]


def holm(p):
    order = np.argsort(p.ravel())
    steps = np.minimum(1, p.ravel()[order] * np.arange(p.size, 0, -1))
    adjusted = np.empty(p.size)
    adjusted[order] = np.maximum.accumulate(steps)
    return adjusted.reshape(p.shape)


def compare_tests(found, analysis, index):
    """The tests, from the samples' own values in the file."""
    with_sinks = analysis["samples/kl_to_mean"][index].mean(-1)
    without = analysis["samples/kl_without_sinks"][index].mean(-1)
    n = len(without)
    p = np.empty(without.shape[1:])
    for layer, percentile in np.ndindex(p.shape):
        place = (index, layer, percentile)
        test = scipy.stats.ttest_rel(with_sinks[:, layer], without[:, layer, percentile])
        p[layer, percentile] = test.pvalue
        difference = with_sinks[:, layer] - without[:, layer, percentile]
        effect = difference.mean() / difference.std(ddof=1)
        low, high = effect_interval(test.statistic, n)
        for name, expected in (("kl_reduction_p", test.pvalue), ("kl_reduction_effect", effect),
                               ("kl_reduction_effect_low", low), ("kl_reduction_effect_high", high)):
            found.add(name, place, analysis[name][place], expected, None, EXACT)
    found.add("kl_reduction_p_holm", (index,), analysis["kl_reduction_p_holm"][index], holm(p),
              None, EXACT)


# ---- Section 7 ---------------------------------------------------------------------------------


def components(data):
    return sklearn.decomposition.PCA(3, svd_solver="full").fit_transform(data)


def unsureness(attention, before, rows):
    """How far correlations may move, by name, when maps and states do by 1e-6 of their size: of components, that
    over the least distance of neighbouring singular values; of entropies, over how they vary."""
    gaps = [(-np.diff(np.linalg.svd(data - data.mean(0), compute_uv=False))[:3]).min()
            for data in (attention, before)]
    return {"component_correlation": 1e-6 * max(np.linalg.norm(attention) / gaps[0],
                                                np.linalg.norm(before) / gaps[1]),
            "entropy_magnitude_correlation": 1e-6 * np.max(rows) / np.std(rows)}


def values(attention, before, after, seen):
    length = len(attention)
    moved = np.linalg.norm(after - before, axis=1)
    cosine = sklearn.metrics.pairwise.cosine_similarity(before)
    others = ~np.eye(length, dtype=bool)
    visible = seen & others
    rows = [scipy.stats.entropy(row[keys]) for keys, row in zip(seen, attention)]
    scores = zip(components(attention).T, components(before).T)
    return unsureness(attention, before, rows), {
        "transformation_magnitude": moved.mean(),
        "geometric_semantic_correlation": scipy.stats.pearsonr(attention[others], cosine[others])[0],
        "geometric_semantic_correlation_visible":
            scipy.stats.pearsonr(attention[visible], cosine[visible])[0],
        "entropy_magnitude_correlation": scipy.stats.pearsonr(rows, moved)[0],
        "component_correlation": np.mean([abs(np.corrcoef(*pair)[0, 1]) for pair in scores]),
    }


def compare_values(found, run, index, layer, maps, residuals):
    analysis = run.analysis
    samples = [values(attention.mean(0), stream[layer], stream[layer + 1], run.visible)
               for attention, stream in zip(maps, residuals)]
    for name in samples[0][1]:
        expected = np.mean([sample[name] for _, sample in samples])
        moves = max(unsure.get(name, 0) for unsure, _ in samples)
        found.add(name, (index, layer), analysis[name][index, layer], None if moves > 1e-3 else expected,
                  None if name == "transformation_magnitude" else 1, TOLERANCE + 10 * moves)


# ---- Section 8 ---------------------------------------------------------------------------------


def references(attention, vectors, visible):
    length = len(attention)
    mean = attention.mean(0)
    above = (mean > 0.2 * (1 + 1e-6)).sum()
    count = min(above, max(1, 3 * length // 10)) if above else max(1, length // 10)
    chosen = largest_columns(mean, count)
    if chosen.any() and not chosen.all() and mean[chosen].min() < mean[~chosen].max() * (1 + 3e-6):
        return np.full(3, np.inf)  # the roundings choose
    magnitude, direction, change = [], [], []
    for i in choosing(visible):
        if chosen[i]:
            continue
        whole = (attention[i][:, None] * vectors).sum(0)
        part = (attention[i][chosen, None] * vectors[chosen]).sum(0)
        change.append(np.linalg.norm(part))
        magnitude.append(min(1, change[-1] / np.linalg.norm(whole)))
        if change[-1] >= 1e-6 * np.linalg.norm(whole):
            cosine = sklearn.metrics.pairwise.cosine_similarity(part[None], whole[None])[0, 0]
            direction.append((1 + cosine) / 2)
    return np.array([np.mean(magnitude), np.mean(direction), np.mean(change)])


REFERENCE_NAMES = ("relative_magnitude", "directional_influence", "information_change")


def compare_references(found, run, index, layer, maps, residuals, vectors):
    analysis = run.analysis
    expected = np.mean([references(attention.mean(0), stream[layer], run.visible)
                        for attention, stream in zip(maps, residuals)], axis=0)
    for name, value in zip(REFERENCE_NAMES, expected):
        found.add(name, (index, layer), analysis[name][index, layer], None if np.isinf(value) else value)
    for head in range(maps.shape[1]):
        expected = np.mean([references(sample[head], of[head], run.visible)
                            for sample, of in zip(maps, vectors)], axis=0)
        for name, value in zip(REFERENCE_NAMES, expected):
            found.add(name + "_value", (index, layer, head),
                      analysis[name + "_value"][index, layer, head], None if np.isinf(value) else value)


# ---- The whole ---------------------------------------------------------------------------------


def compare_nulls(found, run):
    """Equal heads: nothing but the reduction of nothing, and the queries that see sinks alone."""
    analysis = run.analysis
    expected = information(np.stack([uniform(run.visible)] * 2), run.visible)
    for name in ("kl_to_mean", "kl_without_sinks", "kl_reduction"):
        values = analysis[name + "_null"][...]
        found.add(name + "_null", (), values, np.zeros(values.shape), 1)
    found.add("rows_left_out_null", (), analysis["rows_left_out_null"][...], expected["rows_left_out"])
    for name in ("kl_reduction_p_null", "sink_kl_correlation_null"):
        found.add(name, (), analysis[name][...], np.full(analysis[name].shape, np.nan))


INFORMATION = ("kl_to_mean", "kl_without_sinks", "kl_reduction", "rows_left_out", "kl_reduction_p",
               "kl_reduction_p_holm", "kl_reduction_effect", "kl_reduction_effect_low",
               "kl_reduction_effect_high", "sink_kl_correlation", "sink_kl_correlation_p")


def compare_one_head(found, run):
    """A single head is its own mean."""
    nulls = tuple(name for name in run.analysis
                  if name.endswith("_null") and name != "attention_map_null")
    for name in INFORMATION + nulls:
        values = run.analysis[name][...]
        found.add(name, (), values, np.full(values.shape, np.nan))


def main():
    changes = {"train.steps": 200, "model.context": 23, "model.heads": 4}
    runs = oracle_runs(["information", "values", "references"], MAPS, changes)
    single = oracle_runs(["information", "values", "references"], ("rope",),
                         {**changes, "model.heads": 1})
    for run in itertools.chain(runs, single):
        found = Comparison()
        # Untrained maps differ from uniform ones by little more than float32 shows: left out.
        for index in range(1, run.steps):
            states = run.saved(index).run(run.inputs)
            heads = states.maps.shape[2]
            if heads > 1:
                compare_tests(found, run.analysis, index)
            for layer in range(states.maps.shape[1]):
                if heads > 1:
                    compare_information(found, run, index, layer, states.maps[:, layer])
                compare_values(found, run, index, layer, states.maps[:, layer], states.residual)
                compare_references(found, run, index, layer, states.maps[:, layer], states.residual,
                                   states.value[layer])
        if heads > 1:
            compare_nulls(found, run)
        else:
            compare_one_head(found, run)
        # an exact p over the orders of four heads: test_hypothesis.py
        found.report(run, apart=["sink_kl_correlation_p"])
    finish()


main()
