"""The analysis emergence against a second reading of metrics.md, section 11, in NumPy: on the samples' own
values in analysis.h5, with the bootstrap's samples drawn again.

usage: test_emergence.py BUILD    (BUILD/fiducial is the program)"""
import numpy as np

import philox
from oracle_run import Comparison, check, finish, mean_defined, oracle_runs

RESAMPLES = 1000
NUMBERS = ("final", "peak", "peak_step", "onset_step", "peak_onset_step", "rise")
WITH_INTERVAL = ("final", "onset_step", "peak_onset_step", "rise")


def onsets(steps, moved, change):
    """First step from which three in a row lie beyond half of the change; moved [series][step]."""
    beyond = moved > 0.5 * change[:, None] * (1 + 1e-6)
    three = beyond[:, :-2] & beyond[:, 1:-1] & beyond[:, 2:]
    return np.where(three.any(1), steps[three.argmax(1)], np.nan)


def first_at(steps, moved, bound):
    reached = moved >= bound[:, None]
    return np.where(reached.any(1), steps[reached.argmax(1)], np.nan)


def summaries(steps, series, deviation):
    """The numbers of each of series [series][step]; and whether two peaks may be taken for each other."""
    first, final = series[:, :1], series[:, -1]
    whole = ~np.isnan(first[:, 0]) & ~np.isnan(final)
    bound = 0 if np.isnan(deviation) else 3 * deviation
    distance = np.where(np.isnan(series - first), -1, np.abs(series - first))
    at = distance.argmax(1)
    result = {"final": final, "peak": series[np.arange(len(series)), at], "peak_step": steps[at]}
    for name, end in (("", final), ("peak_", result["peak"])):
        change = end - first[:, 0]
        size = np.abs(change)
        with np.errstate(invalid="ignore"):
            moved = np.nan_to_num((series - first) * np.sign(change)[:, None], nan=-np.inf)
            counts = size > bound * (1 + 1e-6)
        result[name + "onset_step"] = np.where(counts, onsets(steps, moved, size), np.nan)
        if name == "":
            start = first_at(steps, moved, (0.1 - 1e-9) * size)
            with np.errstate(invalid="ignore", divide="ignore"):
                rise = first_at(steps, moved, (0.9 - 1e-9) * size) / start
            result["rise"] = np.where(counts & (start > 0), rise, np.nan)
    for name in NUMBERS[1:]:
        result[name] = np.where(whole, result[name], np.nan)
    others = distance.copy()
    others[np.arange(len(series)), at] = -1
    return result, (others.max(1) > distance.max(1) * (1 - 1e-9)).any()


def interval(values):
    """A resample without the number counts as later than any."""
    with np.errstate(invalid="ignore"):
        ends = np.percentile(np.where(np.isnan(values), np.inf, values), [2.5, 97.5])
    return np.where(np.isfinite(ends), ends, np.nan)


def compare_element(found, run, steps, name, element, values, drawn):
    """values [step][sample] of one element of a variable."""
    analysis, place = run.analysis, tuple(int(at) for at in element)
    good = values[0][~np.isnan(values[0])]
    deviation = good.std(ddof=1) if len(good) > 1 else np.nan
    mean = mean_defined(values, 1)
    expected, unsure = summaries(steps, mean[None], deviation)
    scale = np.nanmax(np.abs(mean), initial=1e-12)
    for number in NUMBERS:
        skip = unsure and number.startswith("peak")
        found.add(f"{name}_{number}", place, analysis[f"{name}_{number}"][place],
                  None if skip else expected[number][0], scale, 1e-9)
    resampled, _ = summaries(steps, mean_defined(values[:, drawn], 2).T, deviation)
    for number in WITH_INTERVAL:
        low, high = interval(resampled[number])
        for end, value in (("_low", low), ("_high", high)):
            skip = unsure and number.startswith("peak")
            found.add(f"{name}_{number}{end}", place, analysis[f"{name}_{number}{end}"][place],
                      None if skip else value, scale, 1e-9)


def main():
    changes = {"snapshots.early": "powers-of-two", "snapshots.until": 128, "snapshots.every": 100,
               "train.steps": 400, "model.heads": 2}
    for run in oracle_runs(["sinks", "frames", "likelihood", "emergence"], ("rope", "encoder"), changes):
        found, analysis = Comparison(), run.analysis
        steps = analysis["step"][...].astype(float)
        drawn = philox.resamples(run.seed, len(run.inputs), RESAMPLES)
        names = [name for name in analysis["samples"] if name + "_std" in analysis]
        for name in names:
            values = analysis["samples"][name][...].astype(float)
            if name == "sink_rate":
                values = values[..., :3]  # of the first positions
            for element in np.ndindex(values.shape[2:]):
                compare_element(found, run, steps, name, element, values[(..., *element)], drawn)
        onset = [name for name in analysis if name.endswith("_onset_step")]
        some = sum(int((~np.isnan(analysis[name][...])).sum()) for name in onset)
        check(f"oracle {run.variant}: {some} onsets of {len(names)} variables", some > 20, f"{onset}")
        bad = {name for name, (error, *_) in found.worst.items() if not error <= 1}
        for name in sorted(bad):
            error, place, actual, expected = found.worst[name]
            check(f"oracle {run.variant}: {name}", False, f"{actual!r} at {place}, expected {expected!r}")
        check(f"oracle {run.variant}: {len(found.worst) - len(bad)} numbers of emergence, {found.skipped} of "
              f"{found.compared} left to the roundings",
              not bad and len(found.worst) == len(names) * (len(NUMBERS) + 2 * len(WITH_INTERVAL)) and
              found.skipped * 20 < found.compared, f"{len(names)} variables")
    finish()


main()
