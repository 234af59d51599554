"""The analysis topology against the program ripser (github.com/Ripser/ripser) on the maps that PyTorch makes
in float64, sample by sample.

usage: test_topology.py BUILD    (BUILD/fiducial is the program)"""
import re
import subprocess

import numpy as np

from oracle_run import MAPS, TOLERANCE, Comparison, finish, oracle_runs, uniform

SHORTEST = 1e-6
# The program's maps are float32. A bar whose end lies this near to a scale, or whose length this near to
# the shortest that counts, is not compared: the roundings decide.
ROUNDING = 3e-7


def ripser_bars(distance):
    """Bars [n][2] of dimensions 0 and 1. ripser prints six digits, so it is given the ranks of the
    distances, which have the same bars, and these are turned back into distances."""
    values, ranks = np.unique(distance, return_inverse=True)
    ranks = ranks.reshape(distance.shape) + 1
    np.fill_diagonal(ranks, 0)
    text = "\n".join(",".join(map(str, row)) for row in ranks)
    done = subprocess.run(["ripser", "--format", "distance", "--dim", "1"], input=text,
                          stdout=subprocess.PIPE, text=True, check=True)
    scale = np.concatenate([[0.0], values])
    bars = {0: [], 1: []}
    for line in done.stdout.splitlines():
        header = re.match(r"persistence intervals in dim (\d):", line)
        bar = re.match(r" \[(\d+), ?(\d*)\)", line)
        if header:
            current = bars[int(header.group(1))]
        elif bar:
            death = bar.group(2)
            current.append((scale[int(bar.group(1))], scale[int(death)] if death else np.inf))
    return [np.array(bars[d], dtype=float).reshape(-1, 2) for d in (0, 1)]


def joined_bars(births, distance):
    """Bars of dimension 0 of points that are there from births on, by Kruskal's algorithm: where two
    components meet, the younger ends."""
    root, oldest = np.arange(len(births)), births.copy()
    bars = []
    rows, columns = np.triu_indices(len(births), 1)
    for at in np.argsort(distance[rows, columns], kind="stable"):
        first, second = root[rows[at]], root[columns[at]]
        death = distance[rows[at], columns[at]]
        if first == second:
            continue
        if death > max(oldest[first], oldest[second]):
            bars.append((max(oldest[first], oldest[second]), death))
        oldest[first] = min(oldest[first], oldest[second])
        root[root == second] = first
    return np.array(bars + [(oldest[at], np.inf) for at in np.unique(root)])


def bar_measures(bars):
    """Mean, largest and entropy of the finite bars; None where the roundings decide what counts."""
    lengths = bars[np.isfinite(bars[:, 1])]
    lengths = lengths[:, 1] - lengths[:, 0]
    if (np.abs(lengths - SHORTEST) < ROUNDING).any():
        return None
    lengths = lengths[lengths > SHORTEST]
    if not len(lengths):
        return np.nan, np.nan, np.nan
    shares = lengths / lengths.sum()
    return lengths.mean(), lengths.max(), -(shares * np.log(shares)).sum()


def published(attention):
    """What ripser.py makes of 1 − A: at most 30 positions, births from the diagonal, distances from the
    upper triangle, in float32 [WS]. Bars of both dimensions, and whether the roundings may have made or
    unmade one."""
    length = len(attention)
    if length > 30:
        chosen = np.linspace(0, length - 1, 30, dtype=int)
        attention = attention[np.ix_(chosen, chosen)]
    distance = (1 - attention).astype(np.float32).astype(float)
    births = distance.diagonal().copy()
    upper = np.triu(distance, 1)
    upper = upper + upper.T
    bars = [joined_bars(births, upper), ripser_bars(upper)[1]]
    finite = np.concatenate([part[np.isfinite(part[:, 1])] for part in bars])
    unsure = (np.abs(finite[:, 1] - finite[:, 0]) < ROUNDING).any()
    return bars, unsure or (np.abs(attention.diagonal() - 2.0 ** -25) < 2.0 ** -26).any()


def spread_of(bars):
    """How far an entropy moves when every length does by ROUNDING: by no more than 2·ROUNDING/mean·(1 + ln n)."""
    lengths = (bars[:, 1] - bars[:, 0])[np.isfinite(bars[:, 1])]
    lengths = lengths[lengths > SHORTEST]
    return 2 * ROUNDING / lengths.mean() * (1 + np.log(len(lengths))) if len(lengths) else 0


def compare_bars(found, suffix, place, values_of, bars, dimension, unsure=False):
    values = (None if unsure else bar_measures(bars)) or (None, None, None)
    names = (f"persistence_{dimension}_mean", f"persistence_{dimension}_max",
             f"persistence_entropy_{dimension}")
    for name, expected in zip(names, values):
        # Lengths are differences of numbers near 1, so float32 maps give them to 1e-7 or so.
        scale = max(1, spread_of(bars) / TOLERANCE) if "entropy" in name else 1e-2
        found.add(name + suffix, place, values_of(name + suffix), expected, scale)


def compare_map(found, thresholds, place, values_of, attention):
    """values_of: a name's values of that map, in the file."""
    distance = 1 - np.maximum(attention, attention.T)
    np.fill_diagonal(distance, 0)
    for dimension, bars in enumerate(ripser_bars(distance)):
        scales = 1 - thresholds
        alive = ((bars[:, :1] <= scales) & (scales < bars[:, 1:])).sum(0).astype(float)
        tied = (np.abs(bars[:, :, None] - scales) < ROUNDING + 1e-6).any((0, 1))
        actual = values_of(f"betti_{dimension}")
        for t in range(len(scales)):
            found.add(f"betti_{dimension}", (*place, t), actual[t], None if tied[t] else alive[t])
        compare_bars(found, "", place, values_of, bars, dimension)
    both, unsure = published(attention)
    for dimension, bars in enumerate(both):
        found.add(f"betti_{dimension}_published", place, values_of(f"betti_{dimension}_published"),
                  None if unsure else float(len(bars)))
        compare_bars(found, "_published", place, values_of, bars, dimension, unsure)


def main():
    # 45 positions: more than the published variant looks at.
    for run in oracle_runs("topology", MAPS, {"model.context": 45, "probe.samples": 3}):
        found, analysis = Comparison(), run.analysis
        thresholds = analysis["threshold"][...]
        for index in range(run.steps):
            maps = run.saved(index).run(run.inputs).maps.mean(2)
            for place in np.ndindex(maps.shape[:2]):
                compare_map(found, thresholds, (index, *place),
                            lambda name: analysis["samples"][name][(index, *place)], maps[place])
        null = Comparison()
        compare_map(null, thresholds, (), lambda name: analysis[name + "_null"][...], uniform(run.visible))
        found.worst.update({name + "_null": worst for name, worst in null.worst.items()})
        found.report(run, apart=[name for name in analysis if name.endswith("_null")])
    finish()


main()
