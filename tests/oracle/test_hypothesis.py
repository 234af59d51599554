"""The program's tests, correlations, effect sizes and distributions against SciPy, to 1e-8 relative.

usage: test_hypothesis.py BUILD    (BUILD/tests/call_statistics is the program)"""
import itertools
import os
import subprocess
import sys

import numpy as np
import scipy.optimize
import scipy.special
import scipy.stats

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from checks import check, finish

TOLERANCE = 1e-8  # relative; of correlations, which may be 0, below 1e-6 of that
CORRELATION = (1e-6, 1e-300)  # value, p
RANDOM = np.random.default_rng(20)


class Calls:
    """Collects calls with what SciPy says of them; makes them all at once."""

    def __init__(self):
        self.lines, self.expected, self.names, self.least = [], [], [], []

    def add(self, name, expected, *numbers, what=None, least=1e-300):
        """least: what a difference is compared with at least."""
        flat = [float(value) for number in numbers for value in np.atleast_1d(number)]
        self.lines.append(" ".join([name, *(repr(value) for value in flat)]))
        self.expected.append(np.atleast_1d(np.asarray(expected, dtype=float)))
        self.names.append(what or name)
        self.least.append(np.asarray(least, dtype=float))

    def compare(self, program):
        done = subprocess.run([program], input="\n".join(self.lines) + "\n", text=True,
                              stdout=subprocess.PIPE, check=True)
        answers = [np.array(line.split(), dtype=float) for line in done.stdout.splitlines()]
        check("oracle: every call is answered", len(answers) == len(self.lines),
              f"{len(answers)} answers to {len(self.lines)} calls")
        for name in dict.fromkeys(self.names):
            self.report(name, answers)

    def report(self, name, answers):
        worst, where, count = -1.0, "", 0
        for line, expected, answer, of, least in zip(self.lines, self.expected, answers, self.names,
                                                     self.least):
            if of != name:
                continue
            count += 1
            same = (answer == expected) | (np.isnan(answer) & np.isnan(expected))
            with np.errstate(all="ignore"):
                error = np.where(same, 0, np.abs(answer - expected) /
                                 np.maximum(np.abs(expected), least))
            error = np.max(np.where(np.isnan(error), np.inf, error))
            if error > worst:
                worst, where = error, f"{line[:200]}: {answer}, expected {expected}"
        check(f"oracle: {name}, {count} calls, at worst {worst:.1e}", worst <= TOLERANCE, where)


def samples(n):
    """Two related samples: normal, heavy-tailed, or with ties."""
    kind = RANDOM.integers(3)
    x = RANDOM.normal(size=n) if kind == 0 else RANDOM.standard_t(2, size=n)
    y = RANDOM.uniform(-1, 1) * x + RANDOM.normal(size=n)
    return (np.round(2 * x), np.round(2 * y)) if kind == 2 else (x, y)


def effect_interval(t, degrees):
    """The noncentralities under which t is the 97.5 % and the 2.5 % quantile."""
    with np.errstate(all="ignore"):
        return [scipy.optimize.brentq(
            lambda at, wanted=wanted: scipy.stats.nct.cdf(t, degrees, at) - wanted, t - 12 - abs(t), t + 12 + abs(t),
            xtol=1e-13, rtol=1e-14) for wanted in (0.975, 0.025)]


def add_paired(calls):
    for _ in range(60):
        n = int(RANDOM.integers(3, 80))
        x = RANDOM.normal(size=n)
        y = x + RANDOM.normal(size=n) + RANDOM.uniform(-0.5, 0.5)
        test = scipy.stats.ttest_rel(x, y)
        effect = (x - y).mean() / (x - y).std(ddof=1)
        low, high = effect_interval(test.statistic, n - 1)
        calls.add("paired", [test.statistic, test.pvalue, effect, low / np.sqrt(n),
                             high / np.sqrt(n)], n, x, y,
                  what="paired t-test, Cohen's d and its interval")


def welch_degrees(x, y):
    errors = x.var(ddof=1) / len(x), y.var(ddof=1) / len(y)
    return sum(errors) ** 2 / (errors[0] ** 2 / (len(x) - 1) + errors[1] ** 2 / (len(y) - 1))


def hedges(x, y):
    """Hedges' g and its interval, from the pooled deviation's t."""
    degrees, root = len(x) + len(y) - 2, np.sqrt(1 / len(x) + 1 / len(y))
    pooled = np.sqrt(((len(x) - 1) * x.var(ddof=1) + (len(y) - 1) * y.var(ddof=1)) / degrees)
    effect = (x.mean() - y.mean()) / pooled
    factor = np.exp(scipy.special.gammaln(degrees / 2) - scipy.special.gammaln((degrees - 1) / 2)) \
        / np.sqrt(degrees / 2)
    low, high = effect_interval(effect / root, degrees)
    return [factor * effect, factor * root * low, factor * root * high]


def dealt_p(x, y):
    """The share of ways to choose the first group whose means differ as much."""
    both = np.concatenate([x, y])
    chosen = np.array([both[list(at)].sum() for at in itertools.combinations(range(len(both)), len(x))])
    differences = chosen / len(x) - (both.sum() - chosen) / len(y)
    return (np.abs(differences) >= abs(x.mean() - y.mean()) - 1e-11).mean()


def exact_groups(x, y):
    """SciPy's own enumeration, of samples of two and more."""
    return scipy.stats.permutation_test(
        (x, y), lambda x, y: abs(x.mean() - y.mean()), alternative="greater",
        n_resamples=np.inf).pvalue


def add_groups(calls):
    for _ in range(60):
        x = RANDOM.normal(size=int(RANDOM.integers(3, 40))) * RANDOM.uniform(0.5, 2)
        y = RANDOM.normal(size=int(RANDOM.integers(3, 40))) + RANDOM.uniform(-1, 1)
        test = scipy.stats.ttest_ind(x, y, equal_var=False)
        calls.add("groups", [test.statistic, welch_degrees(x, y), test.pvalue, *hedges(x, y)],
                  len(x), x, len(y), y, what="Welch's test, Hedges' g and its interval")
    for _ in range(40):
        sizes = RANDOM.integers(1, 7, size=2)
        x, y = RANDOM.normal(size=sizes[0]), RANDOM.normal(size=sizes[1])
        if RANDOM.integers(2):
            x, y = np.round(2 * x), np.round(2 * y)
        calls.add("dealt", dealt_p(x, y), len(x), x, len(y), y, what="exact test of two groups")
        if min(sizes) > 1:
            calls.add("dealt", exact_groups(x, y), len(x), x, len(y), y,
                      what="exact test of two groups, by permutation_test")


def exact_p(x, y, statistic):
    """The share of orders of y whose correlation is as far from 0."""
    x, y = x - x.mean(), y - y.mean()
    size = np.sqrt((x ** 2).sum() * (y ** 2).sum())
    orders = np.array(list(itertools.permutations(y))) @ x / size
    return (np.abs(orders) >= abs(statistic) - 1e-12).mean()


def add_correlations(calls):
    for _ in range(80):
        n = int(RANDOM.integers(9, 100))
        x, y = samples(n)
        if np.ptp(x) == 0 or np.ptp(y) == 0:
            continue
        calls.add("pearson", scipy.stats.pearsonr(x, y), n, x, y, what="Pearson",
                  least=CORRELATION)
        calls.add("spearman", scipy.stats.spearmanr(x, y), n, x, y, what="Spearman",
                  least=CORRELATION)
    for n in (3, 4, 5, 6, 7, 8):
        for _ in range(4):
            x, y = samples(n)
            if np.ptp(x) == 0 or np.ptp(y) == 0:
                continue
            ranks = scipy.stats.rankdata(x), scipy.stats.rankdata(y)
            value = scipy.stats.spearmanr(x, y)[0]
            calls.add("spearman", [value, exact_p(*ranks, value)], n, x, y,
                      what="Spearman of up to eight, over all orders", least=CORRELATION)
            calls.add("permuted", exact_p(x, y, np.corrcoef(x, y)[0, 1]), n, x, y,
                      what="Pearson's p over all orders")


def holm(p):
    """Step by step, the smallest first: p(i) times the number that are not smaller, never falling."""
    result = np.full(len(p), np.nan)
    members = [i for i in range(len(p)) if not np.isnan(p[i])]
    members.sort(key=lambda i: p[i])
    for rank, i in enumerate(members):
        own = min(1.0, (len(members) - rank) * p[i])
        result[i] = own if rank == 0 else max(own, result[members[rank - 1]])
    return result


def add_families(calls):
    for _ in range(30):
        n = int(RANDOM.integers(1, 40))
        p = RANDOM.uniform(size=n) ** 4
        p[RANDOM.uniform(size=n) < 0.1] = np.nan
        calls.add("holm", holm(p), n, p, what="Holm's correction")
        values = np.round(3 * RANDOM.normal(size=n))
        calls.add("ranks", scipy.stats.rankdata(values), n, values, what="mean ranks")
        q = RANDOM.uniform()
        calls.add("quantile", np.quantile(values, q), q, n, values, what="quantiles")


def add_distributions(calls):
    for _ in range(100):
        degrees = int(RANDOM.integers(1, 300))
        t = RANDOM.normal() * 4
        calls.add("student", 2 * scipy.stats.t.sf(abs(t), degrees), t, degrees, what="Student's t")
        a, b, x = RANDOM.uniform(0.5, 60), RANDOM.uniform(0.5, 60), RANDOM.uniform()
        calls.add("beta", scipy.special.betainc(a, b, x), a, b, x, what="incomplete beta")
        # where both tails have digits: SciPy's own series loses them beyond
        shift = t + RANDOM.uniform(-2, 2)
        with np.errstate(all="ignore"):
            calls.add("noncentral_t", scipy.stats.nct.cdf(t, degrees, shift), t, degrees, shift,
                      what="noncentral t")


def main():
    build = sys.argv[1] if len(sys.argv) > 1 else "build/tests"
    calls = Calls()
    add_paired(calls)
    add_groups(calls)
    add_correlations(calls)
    add_families(calls)
    add_distributions(calls)
    calls.compare(os.path.join(build, "tests", "call_statistics"))
    finish()


main()
