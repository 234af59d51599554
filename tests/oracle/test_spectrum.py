"""The analysis spectrum against NumPy and SciPy: on the maps that PyTorch makes in float64 from the snapshots,
and on the snapshots' own parameters.

usage: test_spectrum.py BUILD    (BUILD/fiducial is the program)"""
import numpy as np
import scipy.integrate
import scipy.stats

from oracle_run import MAPS, TOLERANCE, Comparison, check, finish, oracle_runs, uniform

EXACT = 1e-7  # parameters are the same numbers on both sides; limited by the quadrature
FACTORS = ("query", "key", "value", "output")


def map_measures(attention):
    values = np.linalg.svd(attention, compute_uv=False)
    values[values < 1e-9] = 0
    columns = np.sort(attention.sum(0))
    # Without ties, those at or above the 90th percentile, which is how the source takes them.
    sinks = slice(int(np.ceil(round(0.9 * (len(columns) - 1), 9))), None)
    return {
        "stable_rank": np.linalg.norm(attention, "fro") ** 2 / np.linalg.norm(attention, 2) ** 2,
        "participation_ratio": np.linalg.norm(attention, "nuc") ** 2 / (attention ** 2).sum(),
        "spectral_norm": values[0],
        "spectral_gap": values[1] / values[0],
        "sink_concentration": columns[sinks].sum() / columns.sum() if columns[0] >= 0 else np.nan,
    }


def law_density(x, ratio):
    low, high = (1 - np.sqrt(ratio)) ** 2, (1 + np.sqrt(ratio)) ** 2
    inside = (x > low) & (x < high)
    safe = np.where(inside, x, 1)
    return np.where(inside, np.sqrt(np.abs((high - safe) * (safe - low))) /
                    (2 * np.pi * ratio * safe), 0)


def published_measures(attention):
    """From numpy.linalg.eigvals of the whole map; the divergence None where a value lies on the border of
    two bins, where roundings decide."""
    values = np.sort(np.abs(np.linalg.eigvals(attention)))[::-1]
    values[values < 1e-9] = 0
    top = values[:10] / values[:10].mean()
    counts, borders = np.histogram(top, bins=20, range=(top.min(), top.max()))
    inner = np.abs(top[:, None] - borders[None, 1:-1]).min()
    p, m = counts / counts.sum(), law_density((borders[1:] + borders[:-1]) / 2, 0.99)
    filled = p > 0
    divergence = np.nan
    if (m[filled] > 0).all():
        divergence = scipy.stats.entropy(p[filled], (m / m.sum())[filled]) - \
            np.log((m / m.sum())[filled].sum())  # SciPy normalises over what it is given
    return {
        "spectral_gap_published": values[0] / values[1] if values[1] > 0 else np.nan,
        "participation_ratio_published": values.sum() ** 2 / (values ** 2).sum(),
        "mp_kl_published": None if inner < 1e-5 else divergence,
    }


def law_distribution(x, ratio):
    """The density integrated by scipy.integrate.quad over t, x = low + (high − low) sin²t."""
    low, high = (1 - np.sqrt(ratio)) ** 2, (1 + np.sqrt(ratio)) ** 2
    if x <= low or x >= high:
        return float(x >= high)
    end = np.arcsin(np.sqrt((x - low) / (high - low)))
    return scipy.integrate.quad(
        lambda t: float(law_density(low + (high - low) * np.sin(t) ** 2, ratio)) *
        (high - low) * np.sin(2 * t), 0, end, epsabs=1e-11, epsrel=1e-11)[0]


def against_law(matrix):
    """Outliers and SciPy's Kolmogorov–Smirnov distance from the law of the matrix's shape and variance."""
    short, long = sorted(matrix.shape)
    values = np.linalg.svd(matrix, compute_uv=False) ** 2
    variance = (matrix ** 2).mean()
    outliers = (values > variance * (np.sqrt(short) + np.sqrt(long)) ** 2 * (1 + 1e-6)).sum()
    scaled = values / (variance * long)
    return outliers, scipy.stats.kstest(
        scaled, lambda xs: np.array([law_distribution(x, short / long) for x in xs])).statistic


def against_products(first, second, null):
    """The singular values of first @ second against the stored null's, for entries of variance 1."""
    values = np.linalg.svd(first @ second, compute_uv=False)[:null.shape[1]]
    values = values / np.sqrt((first ** 2).mean() * (second ** 2).mean())
    return ((values > null.max() * (1 + 1e-6)).sum(),
            scipy.stats.ks_2samp(values, null.ravel(), method="asymp").statistic)


def compare_maps(found, samples, index, maps):
    for sample, layer, head in np.ndindex(maps.shape[:3]):
        place = (index, sample, layer, head)
        for name, expected in map_measures(maps[sample, layer, head]).items():
            # σ is good to 1e-7 of σ₁, however small
            found.add(name, place, samples[name][place], expected, 1e-2 if name == "spectral_gap" else None)
    for sample, layer in np.ndindex(maps.shape[:2]):
        place = (index, sample, layer)
        for name, expected in published_measures(maps[sample, layer].mean(0)).items():
            scale = 1e-2
            if name == "spectral_gap_published":  # the second is good to 1e-7 of the first
                scale = expected * (1 + 1e-7 / TOLERANCE * expected)
            found.add(name, place, samples[name][place], expected, scale)


def compare_parameters(found, analysis, index, model):
    null = analysis["product_null_values"][...]
    for layer, head in np.ndindex(model.layers, model.heads):
        place = (index, layer, head)
        of = {name: model.of(layer, "attention/" + name) for name in FACTORS}
        size = len(of["query"]) // model.heads
        shared = model.heads // (len(of["key"]) // size)  # heads that read one key and value
        def part(of_head):
            return slice(of_head * size, (of_head + 1) * size)
        of = {"query": of["query"][part(head)], "key": of["key"][part(head // shared)],
              "value": of["value"][part(head // shared)], "output": of["output"][:, part(head)]}
        for name in FACTORS:
            outliers, distance = against_law(of[name])
            found.add(f"mp_outliers_{name}", place, analysis[f"mp_outliers_{name}"][place], outliers)
            found.add(f"mp_ks_{name}", place, analysis[f"mp_ks_{name}"][place], distance, None,
                      EXACT)
        for name, first, second in (("qk", of["query"].T, of["key"]), ("ov", of["output"], of["value"])):
            outliers, distance = against_products(first, second, null)
            found.add(f"outliers_{name}", place, analysis[f"outliers_{name}"][place], outliers)
            found.add(f"ks_{name}", place, analysis[f"ks_{name}"][place], distance, None, EXACT)


def compare_nulls(found, run, size, width):
    analysis, flat = run.analysis, uniform(run.visible)
    for name, expected in {**map_measures(flat), **published_measures(flat)}.items():
        found.add(name + "_null", (), analysis[name + "_null"][...], expected, None, 1e-9)
    # The drawn products' values: as large on average as those of products that NumPy draws.
    null = analysis["product_null_values"][...]
    random = np.random.default_rng(1)
    drawn = np.array([np.linalg.svd(random.normal(size=(width, size)) @ random.normal(size=(size, width)),
                                    compute_uv=False)[:size] for _ in range(200)])
    spread = drawn.std(0) * np.sqrt(1 / len(drawn) + 1 / len(null))
    check(f"oracle {run.variant}: product_null_values are those of Gaussian products",
          null.shape == (20, size) and (np.abs(null.mean(0) - drawn.mean(0)) < 5 * spread).all(),
          f"{null.mean(0)}, expected {drawn.mean(0)} to 5 times {spread}")


def main():
    for run in oracle_runs("spectrum", MAPS + ("grouped", "negative"), changes={"model.context": 40, "probe.samples": 6}):
        found = Comparison()
        for index in range(run.steps):
            model = run.saved(index)
            compare_maps(found, run.analysis["samples"], index, model.run(run.inputs).maps)
            compare_parameters(found, run.analysis, index, model)
        width = run.model["width"]
        compare_nulls(found, run, width // model.heads, width)
        found.report(run, apart=["product_null_values"])
    finish()


main()
