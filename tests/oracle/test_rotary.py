"""The analysis rotary against NumPy and SciPy, on each saved model rebuilt in float64 and on the inputs that
analysis.h5 stores.

usage: test_rotary.py BUILD    (BUILD/fiducial is the program)"""
import numpy as np
import scipy.stats

from oracle_run import (MAPS, TOLERANCE, Comparison, check, choosing, finish, mean_defined, oracle_runs,
                        text_of, uniform)

ROTARY_ONLY = ("pair_energy", "pair_share", "phase_alignment", "score_by_pair",
               "harmonic_ratio_before", "harmonic_ratio_after", "harmonic_tokens", "activation_ratio",
               "attention_sharpness_ratio", "attention_sharpness_ratio_null", "interference_pair",
               "interference_distance",
               "interference_tokens", "rotary_angle")
OF_THE_MLP = ("harmonic_ratio_before", "harmonic_ratio_after", "activation_ratio")


def spread(values, weights):
    mean = np.average(values, weights=weights)
    return np.sqrt(np.average((values - mean) ** 2, weights=weights))


def profile_of(attention, visible):
    """Mean weight by distance, of queries that see two keys or more; 0 where no pair is visible."""
    length = len(attention)
    seen = visible.copy()
    seen[np.setdiff1d(np.arange(length), choosing(visible))] = False
    place = np.arange(length)
    distance = np.abs(place[:, None] - place[None, :])
    return np.array([attention[seen & (distance == d)].mean() if (seen & (distance == d)).any() else 0
                     for d in range(length)])


def distance_metrics(attention, visible):
    """The measures of attention by distance of one map."""
    length = len(attention)
    profile = profile_of(attention, visible)
    extended = np.concatenate([profile, profile[-2:0:-1]])
    power = np.abs(np.fft.rfft(extended))[1:] ** 2
    levels = int(np.log2(length))
    rest, wavelet = profile[:2 ** levels], []
    for _ in range(levels):
        wavelet.append((np.diff(rest.reshape(-1, 2))[:, 0] ** 2 / 2).sum())
        rest = rest.reshape(-1, 2).sum(1) / np.sqrt(2)
    place = np.arange(1, length) / (length - 1)
    result = {"attention_by_distance": profile, "wavelet_energy": np.array(wavelet),
              "distance_power": np.full(length - 1, np.nan), "band_power": np.full(3, np.nan),
              "spectral_entropy": np.nan, "spectral_centroid": np.nan, "wavelet_entropy": np.nan,
              "uncertainty": np.nan}
    if np.ptp(profile) <= 1e-9 * profile.max():  # uniform without a mask
        return result
    share = power / power.sum()
    result.update({
        "distance_power": share,
        "band_power": np.array([share[place <= 0.25].sum(),
                                share[(place > 0.25) & (place <= 0.75)].sum(),
                                share[place > 0.75].sum()]),
        "spectral_entropy": scipy.stats.entropy(share) / np.log(len(share)),
        "spectral_centroid": (share * place).sum(),
        "wavelet_entropy": scipy.stats.entropy(wavelet) / np.log(levels),
        "uncertainty": spread(np.arange(length), profile ** 2) * spread(np.pi * place, power),
    })
    return result


def compare_distances(found, run, index, maps):
    analysis = run.analysis
    for layer, head in np.ndindex(maps.shape[1:3]):
        samples = [distance_metrics(sample[layer, head], run.visible) for sample in maps]
        # Maps are good to 1e-6: what is made of how the profile varies, to that over its variation.
        profiles = np.array([sample["attention_by_distance"] for sample in samples])
        noise = 1e-6 * (profiles.max(1) / np.ptp(profiles, axis=1)).max()
        for name in samples[0]:
            expected = mean_defined([sample[name] for sample in samples])
            # A share of power, or a level's energy, is a square of sums that cancel.
            scale = np.max(expected) * 1e-2 if name in ("distance_power", "wavelet_energy") else None
            shape = name != "attention_by_distance"
            if not shape and maps.min() < 0:  # sums that cancel
                scale = 1e-2 * np.abs(maps).max()
            found.add(name, (index, layer, head), analysis[name][index, layer, head],
                      None if shape and noise > 1e-2 else expected, scale,
                      TOLERANCE + (10 * noise if shape else 0))
    for name, expected in distance_metrics(uniform(run.visible), run.visible).items():
        scale = np.nanmax(expected) * 1e-6 if name == "wavelet_energy" else None
        found.add(name + "_null", (), analysis[name + "_null"][...], expected,
                  1e-20 if scale == 0 else scale)


def rotated_pairs(run):
    """How many pairs are rotated, and their angles."""
    size = run.model["width"] // run.model["heads"]
    rotated = round(float(run.settings.get("position.fraction", 1)) * size)
    pairs = rotated // 2
    return pairs, float(run.settings["position.base"]) ** (-2.0 * np.arange(pairs) / rotated)


def compare_pairs(found, run, index, states):
    analysis, visible = run.analysis, run.visible
    pairs, theta = rotated_pairs(run)
    room = analysis["rotary_angle"].shape[1]
    padded = lambda values: np.concatenate([values, np.full(room - pairs, np.nan)])
    temperature = float(run.settings["attention.temperature"])
    for layer in range(states.maps.shape[1]):
        found.add("rotary_angle", (layer,), analysis["rotary_angle"][layer], padded(theta), None, 1e-9)
        query, key = states.query[layer], states.key[layer]
        query, key = (x[..., :pairs] + 1j * x[..., pairs:2 * pairs] for x in (query, key))
        for head in range(states.maps.shape[2]):
            product = query[:, head, :, None] * np.conj(key[:, head, None])
            size = np.abs(product)[:, visible].mean(1)
            cosine = (product.real / np.abs(product))[:, visible].mean((0, 1))
            scale = np.sqrt(states.query[layer].shape[-1]) * temperature
            score = product.real[:, visible].mean((0, 1)) / scale
            if run.settings["attention.normalization"] == "elu-kernel":  # of features
                score = np.full(pairs, np.nan)
            place = (index, layer, head)
            share = size / size.sum(-1, keepdims=True)
            # Means of terms that cancel: float32 is good to 1e-6 of the terms' size.
            for name, expected, size_of in (
                    ("pair_energy", size.mean(0), None), ("pair_share", share.mean(0), None),
                    ("phase_alignment", cosine, 0.1),
                    ("score_by_pair", score, padded(size.mean(0) / scale) / 10)):
                found.add(name, place, analysis[name][place], padded(expected), size_of)


def ordinary(tokens, run):
    return ((tokens >= 0) & (tokens < run.ordinary) & (tokens != run.bos)).all()


def compare_harmonics(found, run, index, model):
    analysis = run.analysis
    tokens = analysis["harmonic_tokens"][...]
    samples, length = tokens.shape
    good = (tokens[:, 0] == run.bos).all() and ordinary(tokens[:, 1:], run) and \
        (tokens[:, 1] != tokens[:, 2]).all() and (tokens[:, 3:] == tokens[:, 1:-2]).all()
    if index == 0:
        check(f"oracle {run.variant}: harmonic inputs", good, f"{tokens}")
    found.add("harmonic_tokens", (), tokens, tokens)
    window = np.hanning(length)[:-1, None]  # np.hanning(N + 1)[:-1] is the periodic window of N
    states, (pairs, theta) = model.run(tokens), rotated_pairs(run)
    for layer in range(model.layers):
        for name, units in (("harmonic_ratio_before", states.mlp_before[layer]),
                            ("harmonic_ratio_after", states.mlp_after[layer])):
            room = analysis[name].shape[-1]
            expected, tolerance = np.full((samples, room), np.nan), np.full(room, TOLERANCE)
            for m in np.nonzero((theta >= 2 * np.pi / length) & (3 * theta <= np.pi))[0]:
                if units is None:
                    continue
                turns = np.exp(-1j * np.outer([theta[m], 2 * theta[m], 3 * theta[m]],
                                              np.arange(length - 1)))
                energy = (np.abs(turns @ (units[:, 1:] * window)) ** 2).sum(-1)
                expected[:, m] = energy[:, 1:].sum(1) / energy[:, 0]
                # Hidden units are good to 1e-6 of their own size, however little is left at θ.
                size = ((units[:, 1:] * window) ** 2).sum((1, 2)) * length
                tolerance[m] += 2e-6 * np.sqrt(size / energy.min(1)).max()
            found.add(name, (index, layer), analysis[name][index, layer], mean_defined(expected), None,
                      tolerance)


def compare_interference(found, run, index, model):
    """Returns how many heads had distances."""
    analysis, measured = run.analysis, 0
    for layer, head in np.ndindex(model.layers, model.heads):
        place = (index, layer, head)
        pair = analysis["interference_pair"][place]
        found.add("interference_pair", place, pair, np.nanargmax(analysis["pair_share"][place]))
        tokens = analysis["interference_tokens"][place]
        length = tokens.shape[-1]
        turn = 2 * np.pi / analysis["rotary_angle"][layer, pair]
        distances = np.round([turn, 1.5 * turn]).astype(int)
        fits = distances.max() <= length - 2 and run.visible[-1, length - 1 - distances].all()
        found.add("interference_distance", place, analysis["interference_distance"][place],
                  distances if fits else [-1, -1])
        found.add("interference_tokens", place, tokens,
                  tokens if fits else np.full(tokens.shape, -1))
        expected = [np.nan, np.nan]
        if fits:
            measured += 1
            if (tokens[..., 0] != run.bos).any() or not ordinary(tokens[..., 1:], run):
                check(f"oracle {run.variant}: interference inputs", False, f"{tokens}")
            ratios = []
            for context in tokens:
                states = model.run(context)
                units = states.mlp_after[layer]
                activity = np.full(2, np.nan) if units is None else np.abs(units[:, -1]).mean(-1)
                weight = [states.maps[phase, layer, head, -1, length - 1 - distances[phase]]
                          for phase in range(2)]
                ratios.append([activity[0] / activity[1], weight[0] / weight[1]])
            expected = np.mean(ratios, 0)
        for name, value in zip(("activation_ratio", "attention_sharpness_ratio"), expected):
            found.add(name, place, analysis[name][place], value)
    return measured


def compare_missing(found, run, names, why):
    """These are not defined, and say so."""
    for name in names:
        values, reason = run.analysis[name][...], text_of(run.analysis[name].attrs.get("undefined", ""))
        found.add(name, (), values,
                  np.full(values.shape, -1 if values.dtype.kind == "i" else np.nan))
        check(f"oracle {run.variant}: {name} says why it is missing", why in reason, reason)


def main():
    changes = {"model.context": 26, "model.layers": 2}
    for run in oracle_runs("rotary", MAPS + ("attention-only", "kernel", "negative"), changes):
        found, measured = Comparison(), 0
        rotates = run.settings["position"] == "rope"
        for index in range(run.steps):
            model = run.saved(index)
            states = model.run(run.inputs)
            compare_distances(found, run, index, states.maps)
            if rotates:
                compare_pairs(found, run, index, states)
                compare_harmonics(found, run, index, model)
                measured += compare_interference(found, run, index, model)
        if rotates:
            found.add("attention_sharpness_ratio_null", (), run.analysis["attention_sharpness_ratio_null"][...], 1)
            check(f"oracle {run.variant}: heads with interference distances", measured > 0, f"{measured}")
        else:
            compare_missing(found, run, ROTARY_ONLY, "rotates")
        if run.settings["mlp"] == "none":
            compare_missing(found, run, OF_THE_MLP, "no MLP")
        found.report(run)
    finish()


main()
