"""What `fiducial show` says a run will cost, against what it then did cost: parameters, tokens, floating-point
operations, snapshots and disk."""
import os
import re
import sys

import h5py

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from checks import Bench, check, finish

TINY = """
    experiment: tiny
    model: {layers: 1, width: 8, heads: 1, hidden: 8, context: 16}
    train: {steps: 40, batch: 4}
    snapshots: {until: 8, every: 20}
    probe: {samples: 2}
    analysis: [sinks]
"""
# Two layers of 2 heads; SGD keeps one block of state, AdamW two.
SMALL = """
    experiment: small
    model: {layers: 2, width: 32, heads: 2, hidden: 48, context: 24, attention: {window: 6}}
    data: {source: zipf, symbols: 30}
    train: {steps: 100, batch: 6, optimizer: sgd}
    snapshots: {until: 16, every: 25}
    probe: {samples: 6}
    analysis: [frames, emergence]
"""
WIDE = """
    experiment: wide
    model: {layers: 2, width: 96, heads: 1, hidden: 128, context: 32, mlp: gelu, tied: true}
    train: {steps: 10, batch: 2}
    snapshots: {until: 8, every: 0}
    probe: {samples: 4}
    analysis: [sinks, emergence]
"""


# By hand, over all steps. Map: width², or width·hidden per MLP map; unembedding width·vocabulary; attention
# two products per visible pair and channel; multiply and add count as two, backward twice forward.
def flops(layers, width, hidden, mlp_maps, vocabulary, context, pairs, sequences):
    maps = layers * (4 * width**2 + mlp_maps * width * hidden) + width * vocabulary
    return 3 * 2 * (maps * context + layers * 2 * width * pairs) * sequences


PAIRS = 6 * 7 // 2 + 18 * 6  # queries 0 to 5 see 1 to 6 keys, the other 18 see 6
CASES = {
    "tiny": (TINY, flops(1, 8, 8, 3, 66, 16, 16 * 17 // 2, 160), 40 * 4 * 16),
    "all": (TINY.replace("[sinks]", "all"), flops(1, 8, 8, 3, 66, 16, 16 * 17 // 2, 160), 40 * 4 * 16),
    "small": (SMALL, flops(2, 32, 48, 3, 31, 24, PAIRS, 600), 100 * 6 * 24),
    "wide": (WIDE, flops(2, 96, 128, 2, 66, 32, 32 * 33 // 2, 20), 10 * 2 * 32),
}
UNITS = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}


def told(words):
    """The last line of the table: parameters, tokens, FLOP, bytes, snapshots."""
    line = [line for line in words.splitlines() if line.startswith("#   seed=1")][-1]
    numbers = re.findall(r"([0-9.]+) ?([kMGT]?)(?:FLOP|B)?(?=\s|$)", line.split("seed=1")[1])
    return [float(number) * UNITS[unit] for number, unit in numbers]


def folder_bytes(folder):
    return sum(os.path.getsize(os.path.join(path, name))
               for path, _, names in os.walk(folder) for name in names)


def close(value, expected, share):
    return abs(value - expected) <= share * expected


def check_case(name, yaml, expected_flops, expected_tokens):
    with Bench(yaml) as bench:
        parameters, tokens, operations, disk, snapshots = told(bench.run("show", "results"))
        bench.run("run", "results")
        folder = bench.runs("results")["seed=1"]
        with h5py.File(folder + "/run.h5", "r") as run:
            sizes, tensors = [], run["parameters"]
            tensors.visititems(lambda _, item: sizes.append(item.size // item.shape[0])
                               if isinstance(item, h5py.Dataset) else None)
            saved = len(run["step"])
        with h5py.File(folder + "/checkpoint.h5", "r") as checkpoint:
            seen = int(checkpoint.attrs["tokens"])
        # Three figures are printed.
        check(f"cost: {name}: parameters", close(parameters, sum(sizes), 0.005),
              f"{parameters} told, {sum(sizes)} in run.h5")
        check(f"cost: {name}: tokens", close(tokens, seen, 0.005) and seen == expected_tokens,
              f"{tokens} told, {seen} in the checkpoint, {expected_tokens} by hand")
        check(f"cost: {name}: floating-point operations", close(operations, expected_flops, 0.005),
              f"{operations} told, {expected_flops} by hand")
        check(f"cost: {name}: snapshots", snapshots == saved, f"{snapshots} told, {saved} in run.h5")
        used = folder_bytes(folder)
        check(f"cost: {name}: disk within 10 %", close(disk, used, 0.1),
              f"{disk} told, {used} used: {disk / used:.3f}")


def main():
    for name, (yaml, operations, tokens) in CASES.items():
        check_case(name, yaml, operations, tokens)
    finish()


main()
