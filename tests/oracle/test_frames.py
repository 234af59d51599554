"""The analysis frames against NetworkX and SciPy on the maps that PyTorch makes in float64; frame types
against the null of metrics.md made again from the same random numbers.

usage: test_frames.py BUILD    (BUILD/fiducial is the program)"""
import networkx
import numpy as np
import scipy.linalg
import scipy.sparse.csgraph
import scipy.stats

import philox
from oracle_run import (MAPS, TOLERANCE, Comparison, check, choosing, finish, mean_defined,
                        oracle_runs, uniform, well_seen)

METRICS = ("star_likeness", "degree_centralization", "in_degree_variance", "connection_density")
MORE = 1 + 1e-6  # "exceeds": by more than this
DRAWS, PERCENTILE, EFFECT, CENTRAL, TWO_ENDED, END = 200, 99, 1.5, 2 / 3, 0.5, 1 / 8
NONE, CENTRALIZED, DISTRIBUTED, BIDIRECTIONAL = range(4)
# The program makes its draws in float32: z and its percentile are good to 1e-4 or so of their size.
# Where a decision is nearer than this to its bound, the roundings decide.
CLOSE = 1e-3


def eigenvalues(matrix):
    values = np.sort(scipy.linalg.eigvalsh(matrix))
    values[np.abs(values) < 1e-9] = 0
    return values


def gini(degrees):
    """Mean absolute difference over twice the mean: another form of the sorted-rank formula."""
    if degrees.sum() == 0:
        return np.nan
    differences = np.abs(degrees[:, None] - degrees[None, :]).mean()
    return differences / (2 * degrees.mean())


def largest_component(graph):
    return graph.subgraph(max(networkx.connected_components(graph),
                              key=lambda nodes: (len(nodes), -min(nodes))))


KNOWN = {}  # measures of graphs that were met before: many thresholds give the same


def graph_metrics(attention, threshold):
    """The measures of one head-averaged map at one threshold; None where a weight is so near to it that the
    roundings decide."""
    if (np.abs(attention / threshold - 1) < 3e-6).any():
        return None
    edges = attention > threshold * MORE
    key = edges.shape, edges.tobytes()
    if key not in KNOWN:
        KNOWN[key] = edge_metrics(edges)
    return KNOWN[key]


def edge_metrics(edges):
    """By NetworkX and SciPy."""
    length = len(edges)
    directed = networkx.from_numpy_array(edges.astype(int), create_using=networkx.DiGraph)
    degrees = np.array([degree for _, degree in sorted(directed.in_degree())], dtype=float)
    symmetric = (edges + edges.T.astype(float)) / 2
    spectrum = eigenvalues(scipy.sparse.csgraph.laplacian(symmetric))
    undirected = networkx.Graph(directed.to_undirected())
    undirected.remove_edges_from(list(networkx.selfloop_edges(undirected)))
    component = largest_component(undirected)
    basic = degrees.max() / (length - 1)
    return {
        "fiedler_value": spectrum[1],
        "laplacian_gap": spectrum[2] - spectrum[1],
        "star_likeness_basic": basic,
        "in_degree_gini": gini(degrees),
        "star_likeness": 0.3 * basic + 0.7 * gini(degrees),
        "degree_centralization": (degrees.max() - degrees).sum() / (length - 1) ** 2,
        "in_degree_variance": degrees.var(),
        "connection_density": networkx.to_numpy_array(directed).mean(),
        "mean_shortest_path": networkx.average_shortest_path_length(component)
        if len(component) > 1 else np.nan,
        "clustering": networkx.average_clustering(undirected),
    }


def importance(attention, visible):
    with np.errstate(invalid="ignore"):
        return np.where(visible.any(0), attention.sum(0) / visible.sum(0), np.nan)


def map_metrics(attention, visible):
    """The measures of one map that need no threshold."""
    weights = (attention + attention.T) / 2
    np.fill_diagonal(weights, 0)
    alpha = importance(attention, visible)[well_seen(visible)]
    share = alpha / alpha.sum()
    if (alpha < 0).any():  # no shares
        share = np.array([])
    if (attention < 0).any():
        weights[:] = np.nan
    return {
        "weighted_fiedler_value": eigenvalues(scipy.sparse.csgraph.laplacian(weights))[1]
        if not np.isnan(weights).any() else np.nan,
        "weighted_fiedler_value_normalized":
            eigenvalues(scipy.sparse.csgraph.laplacian(weights, normed=True))[1]
            if (weights.sum(0) > 0).all() else np.nan,
        "anchor_count": 1 / (share ** 2).sum() if len(share) else np.nan,
        "anchor_share": share.max() if len(share) else np.nan,
    }


def tied(values):
    """Makes equal what is equal but for its rounding, so that ranks are not made of noise."""
    order = np.argsort(values)
    ordered = values[order]
    starts = np.concatenate([[True], np.diff(ordered) > 1e-9 * np.abs(ordered[1:])])
    result = np.empty_like(values)
    result[order] = ordered[starts][np.cumsum(starts) - 1]
    return result


def correlations(fiedler, others):
    """Pearson and Spearman with p-values over samples, NaN where one side is constant. Of up to 8
    samples Spearman's p is exact, which SciPy's is not: None (see test_hypothesis.py)."""
    found = {}
    for name, other in others.items():
        for kind, function in (("pearson", scipy.stats.pearsonr),
                               ("spearman", scipy.stats.spearmanr)):
            good = ~(np.isnan(fiedler) | np.isnan(other))
            x, y = fiedler[good], other[good]
            if len(x) < 3 or np.ptp(x) <= 1e-9 * np.abs(x).max() or \
                    np.ptp(y) <= 1e-9 * np.abs(y).max():
                value, p = np.nan, np.nan
            else:
                value, p = function(tied(x), tied(y))
                p = None if kind == "spearman" and len(x) <= 8 else p
            found[f"fiedler_correlation_{kind}_{name}"] = value
            found[f"fiedler_correlation_{kind}_{name}_p"] = p
    return found


def compare_graphs(found, run, index, layer, maps):
    analysis = run.analysis
    for t, threshold in enumerate(analysis["threshold"][...]):
        samples = [graph_metrics(attention, threshold) for attention in maps]
        place = (index, layer, t)
        if None in samples:
            found.add("fiedler_value", place, np.nan, None)
            continue
        of = {name: np.array([sample[name] for sample in samples]) for name in samples[0]}
        for name, values in of.items():
            scale = 1 if name in ("laplacian_gap", "fiedler_value") else None  # of differences
            found.add(name, place, analysis[name][place], mean_defined(values), scale)
        pairs = correlations(of["fiedler_value"], {name: of[name] for name in METRICS})
        for name, expected in pairs.items():
            found.add(name, place, analysis[name][place], expected, 1, 10 * TOLERANCE)
    samples = [map_metrics(attention, run.visible) for attention in maps]
    for name in samples[0]:
        expected = mean_defined([sample[name] for sample in samples])
        found.add(name, (index, layer), analysis[name][index, layer], expected)


def compare_tokens(found, run, index, maps):
    """maps [sample][layer][i][j]"""
    for layer in range(maps.shape[1]):
        alpha = np.array([importance(sample, run.visible) for sample in maps[:, layer]])
        with np.errstate(invalid="ignore"):
            place = mean_defined(alpha)
            over_place = alpha / np.where(place > 0, place, np.nan)
        expected = [mean_defined(over_place[run.inputs == token])
                    if (run.inputs == token).any() else np.nan
                    for token in range(run.analysis["token_importance"].shape[-1])]
        found.add("token_importance", (index, layer), run.analysis["token_importance"][index, layer],
                  expected, None if maps.min() >= 0 else np.nanmax(np.abs(expected)))


class FrameNull:
    """The draws of section 2, for one run."""

    def __init__(self, run):
        self.visible, self.causal = run.visible, run.causal
        self.length = run.length
        steps = np.arange(DRAWS)
        self.orders = [philox.permutations(run.seed, steps, query, int(keys.sum()))
                       for query, keys in enumerate(self.visible)]
        place = np.arange(self.length)
        self.distance = place[:, None] - place[None, :]

    def draws(self, attention):
        """Importance under every draw [draw][key]."""
        locality = np.zeros_like(attention)
        for distance in np.unique(self.distance[self.visible]):
            there = self.visible & (self.distance == distance)
            locality[there] = attention[there].mean()
        with np.errstate(invalid="ignore", divide="ignore"):
            preference = np.where(locality > 0, attention / locality, 0)
        sums = np.zeros((DRAWS, self.length))
        for query, orders in enumerate(self.orders):
            keys = np.nonzero(self.visible[query])[0]
            rows = preference[query, keys][orders] * locality[query, keys]
            total = rows.sum(1, keepdims=True)
            with np.errstate(invalid="ignore", divide="ignore"):
                rows = np.where(total > 0, rows * attention[query].sum() / total, attention[query, keys])
            sums[:, keys] += rows
        with np.errstate(invalid="ignore"):
            return sums / self.visible.sum(0)

    def anchors(self, attention):
        """Importance, which keys are anchors, and whether the roundings may have decided one."""
        alpha, draws = importance(attention, self.visible), self.draws(attention)
        mean, spread = draws.mean(0), draws.std(0, ddof=1)
        sharp = spread > 1e-5 * mean  # what differs less does not
        with np.errstate(invalid="ignore", divide="ignore"):
            z = np.where(sharp, (alpha - mean) / spread, 0)
            of_draws = np.where(sharp, (draws - mean) / spread, 0)
        seen = well_seen(self.visible)
        bound = np.percentile(of_draws[:, seen].max(1), PERCENTILE)
        ratio = alpha / (EFFECT * mean)
        chosen = seen & (z > bound * MORE) & (ratio >= 1 - 1e-6)
        close = seen & ((np.abs(z - bound) < CLOSE * max(bound, 1)) & (ratio > 1 - CLOSE) |
                        (np.abs(ratio - 1) < CLOSE) & (z > bound * (1 - CLOSE)))
        return alpha, chosen, close.any()

    def end(self):
        return int(np.ceil(self.length * END))

    def dominance(self, alpha):
        return np.mean(alpha[:self.end()]) - np.mean(alpha[-self.end():])

    def type_of(self, alpha, chosen):
        """The type, and whether a bound was close."""
        if not chosen.any():
            return NONE, False
        order = sorted(np.nonzero(chosen)[0], key=lambda key: (-alpha[key], key))
        total = alpha[chosen].sum()
        if not self.causal and len(order) > 1:
            low, high = sorted(order[:2])
            both = alpha[[low, high]].sum() / total
            if low < self.end() and high >= self.length - self.end() and both >= TWO_ENDED * (1 - 1e-6):
                return BIDIRECTIONAL, abs(both - TWO_ENDED) < CLOSE
        share = alpha[order[0]] / total
        return CENTRALIZED if share >= CENTRAL * (1 - 1e-6) else DISTRIBUTED, \
            abs(share - CENTRAL) < CLOSE

    def judge(self, attention):
        alpha, chosen, close = self.anchors(attention)
        kind, near = self.type_of(alpha, chosen)
        return alpha, chosen, kind, close or near

    def judged(self):
        return len(choosing(self.visible)) > 0 and well_seen(self.visible).any()


def model_type(null, layers, whole):
    """The mean map's type, or two-ended where the layers' dominant ends differ."""
    _, chosen, kind, close = whole
    ends = [null.dominance(alpha) for alpha, anchors, _, _ in layers if anchors.any()]
    close = close or any(layer[3] for layer in layers) or any(abs(end) < 1e-5 for end in ends)
    changes = ends and min(ends) < 0 < max(ends)
    return (BIDIRECTIONAL if changes and chosen.any() and not null.causal else kind), close


def compare_types(found, run, null, index, maps):
    """Sample by sample; then the shares and the commonest, from the samples' own in the file."""
    samples = run.analysis["samples"]
    for sample, of in enumerate(maps):
        layers = [null.judge(attention) for attention in of]
        for layer, (_, _, kind, close) in enumerate(layers):
            if (of[layer] < 0).any():  # shares of nothing
                kind, close = -1, False
            found.add("frame_type", (index, sample, layer), samples["frame_type"][index, sample, layer],
                      None if close else kind)
        kind, close = model_type(null, layers, null.judge(of.mean(0)))
        if (of.mean(0) < 0).any():
            kind, close = -1, False
        found.add("frame_type_model", (index, sample), samples["frame_type_model"][index, sample],
                  None if close else kind)
    for ending in ("", "_model"):
        types = samples["frame_type" + ending][index]
        shares = np.stack([np.where(types < 0, np.nan, types == kind) for kind in range(4)], -1)
        expected = mean_defined(shares)
        found.add("frame_share" + ending, (index,), run.analysis["frame_share" + ending][index], expected)
        found.add("frame_type" + ending, (index,), run.analysis["frame_type" + ending][index],
                  np.where(np.isnan(expected).all(-1), -1, np.nan_to_num(expected).argmax(-1)))


def compare_anchors(found, run, null, index, maps):
    """The strongest anchors of the mean map over the probe [layer][i][j]."""
    for layer, attention in enumerate(maps):
        alpha, chosen, _, close = null.judge(attention)
        if (attention < 0).any():
            chosen, close = np.zeros(len(alpha), bool), False
        order = sorted(np.nonzero(chosen)[0], key=lambda key: (-alpha[key], key))[:8]
        positions, shares = np.full(8, -1.0), np.full(8, np.nan)
        positions[:len(order)] = order
        shares[:len(order)] = alpha[order] / alpha[chosen].sum()
        close = close or (len(order) > 1 and (-np.diff(alpha[order])).min() < 1e-5 * alpha[order].max())
        for name, expected in (("anchor_positions", positions), ("anchor_shares", shares)):
            found.add(name, (index, layer), run.analysis[name][index, layer],
                      None if close else expected)


def compare_undefined(found, run, index):
    """Where no frame can be judged there is none."""
    for name in ("frame_type", "frame_type_model", "frame_share", "frame_share_model",
                 "anchor_positions", "anchor_shares"):
        values = run.analysis[name][index]
        found.add(name, (index,), values, np.full(values.shape, -1 if values.dtype.kind == "i" else np.nan))


def compare_nulls(found, run, null):
    analysis, flat = run.analysis, uniform(run.visible)
    for t, threshold in enumerate(analysis["threshold"][...]):
        edges = flat > threshold * MORE
        for name, expected in edge_metrics(edges).items():
            found.add(name + "_null", (t,), analysis[name + "_null"][t], expected, 1)
    for name, expected in map_metrics(flat, run.visible).items():
        found.add(name + "_null", (), analysis[name + "_null"][...], expected)
    judged = null.judged()
    for ending in ("_null", "_model_null"):
        found.add("frame_type" + ending, (), analysis["frame_type" + ending][...], NONE if judged else -1)
        found.add("frame_share" + ending, (), analysis["frame_share" + ending][...],
                  [1, 0, 0, 0] if judged else np.full(4, np.nan))


def main():
    kinds = set()
    for run in oracle_runs("frames", MAPS + ("negative",), changes={"train.steps": 160, "model.context": 18}):
        found, null = Comparison(), FrameNull(run)
        for index in range(run.steps):
            maps = run.saved(index).run(run.inputs).maps.mean(2)
            for layer in range(maps.shape[1]):
                compare_graphs(found, run, index, layer, maps[:, layer])
            compare_tokens(found, run, index, maps)
            if not null.judged():
                compare_undefined(found, run, index)
                continue
            compare_types(found, run, null, index, maps)
            compare_anchors(found, run, null, index, maps.mean(0))
            kinds |= set(run.analysis["samples/frame_type"][index].ravel().tolist())
        compare_nulls(found, run, null)
        found.report(run)
    check("oracle: frames of several types were seen", len(kinds - {-1}) >= 3, f"{kinds}")
    finish()


main()
