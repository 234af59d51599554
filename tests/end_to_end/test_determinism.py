"""The same YAML gives the same bits: run twice, with one thread or two, one run at a time or two, and
interrupted at random moments by Ctrl-C or killed outright."""
import os
import random
import signal
import sys
import time

import h5py
import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from check_layout import check_run, datasets_of
from checks import Bench, check, finish

EXPERIMENT = """
    experiment: determinism
    model: {layers: 2, width: 24, heads: 2, hidden: 40, context: 32, position: alibi}
    data: {source: bigram-backcopy}
    train: {steps: 300, batch: 8, warmup: 20, optimizer: {kind: adamw, learning_rate: 5e-3}}
    snapshots: {early: powers-of-two, until: 64, every: 50}
    probe: {samples: 6}
    analysis: [sinks, frames]
    sweep:
      zip:
        model.position: [alibi, absolute]
        model.kv_heads: [2, 1]
        model.attention.query_key_norm: [none, rms]
        model.attention.gate: [none, elementwise]
        train.dropout: [0, 0.2]
        train.attention_dropout: [0, 0.1]
"""
# What may differ between two runs of the same YAML: when, how fast, and on how many threads.
LOG_THAT_DIFFERS = "log/tokens_per_second"


def contents(path, leave_out=()):
    """Name to bytes of every dataset of a file."""
    with h5py.File(path, "r") as file:
        return {name: np.asarray(file[name][...]).tobytes() if file[name].dtype.kind != "O"
                else repr(file[name][...].tolist()).encode()
                for name in datasets_of(file) if name not in leave_out}


def differences(first, second):
    """Where two results' runs differ in their data."""
    off = []
    if set(first) != set(second):
        return [f"runs {sorted(first)} and {sorted(second)}"]
    for name in first:
        for path in ("run.h5", "analysis.h5"):
            one = contents(f"{first[name]}/{path}", (LOG_THAT_DIFFERS,))
            other = contents(f"{second[name]}/{path}", (LOG_THAT_DIFFERS,))
            off += [f"{name}/{path}: {key}" for key in sorted(set(one) | set(other))
                    if one.get(key) != other.get(key)]
        snapshots = [sorted(os.listdir(runs[name] + "/snapshots")) for runs in (first, second)]
        if snapshots[0] != snapshots[1]:
            off.append(f"{name}: snapshots {snapshots[0]} and {snapshots[1]}")
    return off


def run_whole(bench, output, *arguments):
    bench.run("train", output, *arguments)
    bench.run("analyze", output, *arguments)


def check_same(what, bench, output, *arguments):
    run_whole(bench, output, *arguments)
    off = differences(bench.runs("undisturbed"), bench.runs(output))
    check(f"determinism: {what}", not off, "; ".join(off[:10]))


def interrupt(bench, verb, output, kind, seconds, moments):
    """Stops a command at random moments, up to six times; returns the exit statuses."""
    statuses = []
    while len(statuses) < 6 and 0 not in statuses:
        after = moments.uniform(0.02, 0.4 * seconds)
        statuses.append(bench.run_killed(verb, output, after, kind, "--threads", "1"))
    return statuses


def check_interrupted(what, bench, output, kind, seconds):
    """Training and analysis, each stopped again and again at random moments, then left to finish."""
    moments = random.Random(1)
    # Ctrl-C that comes before the program listens for it ends it as it ends any program.
    allowed = {130, -signal.SIGINT, 0} if kind == signal.SIGINT else {-signal.SIGKILL, 0}
    for verb in ("train", "analyze"):
        statuses = interrupt(bench, verb, output, kind, seconds[verb], moments)
        check(f"determinism: {what}: {verb} was stopped", statuses[0] != 0, f"{statuses}")
        check(f"determinism: {what}: {verb} ended with its exit status", set(statuses) <= allowed,
              f"{statuses}")
        bench.run(verb, output)
    off = differences(bench.runs("undisturbed"), bench.runs(output))
    for folder in bench.runs(output).values():
        off += check_run(folder)
    check(f"determinism: {what}, resumed: the same bits", not off, "; ".join(off[:10]))


def main():
    with Bench(EXPERIMENT) as bench:
        seconds = {}
        for verb in ("train", "analyze"):
            started = time.monotonic()
            bench.run(verb, "undisturbed", "--threads", "1")
            seconds[verb] = time.monotonic() - started
        check_same("run twice", bench, "again", "--threads", "1")
        check_same("two threads for one run", bench, "threads", "--threads", "2", "--jobs", "1")
        check_same("two runs side by side", bench, "jobs", "--threads", "2", "--jobs", "2")
        check_interrupted("Ctrl-C", bench, "interrupted", signal.SIGINT, seconds)
        check_interrupted("kill -9", bench, "killed", signal.SIGKILL, seconds)
    finish()


main()
