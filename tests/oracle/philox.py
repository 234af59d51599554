"""The program's random numbers, from the paper (Philox4x32-10, Salmon et al., SC 2011) and the README of
model/base/random.h: so that what was drawn can be drawn again."""
import numpy as np

BOOTSTRAP, NULL = 6, 7  # streams
LOW = np.uint64(0xFFFFFFFF)


def _mixed(seed, stream):
    """splitmix64's finalizer."""
    mask = (1 << 64) - 1
    z = (seed + 0x9E3779B97F4A7C15 * stream) & mask
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
    return z ^ (z >> 31)


def words(seed, stream, step, item, count):
    """The first count 32-bit words of every generator; step and item broadcast: […][count]."""
    step, item = np.broadcast_arrays(np.uint64(step), np.uint64(item))
    blocks = np.arange((count + 3) // 4, dtype=np.uint64)
    shape = step.shape + blocks.shape
    state = [np.broadcast_to(part, shape).copy() for part in
             (blocks, item[..., None], step[..., None] & LOW, step[..., None] >> np.uint64(32))]
    mixed = _mixed(seed, stream)
    keys = [mixed & 0xFFFFFFFF, mixed >> 32]
    for _ in range(10):
        first = np.uint64(0xD2511F53) * state[0]
        second = np.uint64(0xCD9E8D57) * state[2]
        state = [(second >> np.uint64(32)) ^ state[1] ^ np.uint64(keys[0]), second & LOW,
                 (first >> np.uint64(32)) ^ state[3] ^ np.uint64(keys[1]), first & LOW]
        keys = [(keys[0] + 0x9E3779B9) & 0xFFFFFFFF, (keys[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return np.stack(state, -1).reshape(*step.shape, -1)[..., :count]


def below(drawn, count):
    """Numbers below count from words, by multiplication; where one would be drawn again (once in 2**32
    over count) this says so."""
    product = drawn * np.uint64(count)
    assert ((product & LOW) >= np.uint64(count)).all(), "a number is to be drawn again"
    return (product >> np.uint64(32)).astype(int)


def permutations(seed, step, item, count):
    """Orders of count things from the null's stream, one per step: [steps][count]."""
    drawn = words(seed, NULL, step, item, max(count - 1, 0))
    order = np.tile(np.arange(count), (len(drawn), 1))
    rows = np.arange(len(drawn))
    for place, last in enumerate(range(count - 1, 0, -1)):
        other = below(drawn[:, place], last + 1)
        kept = order[:, last].copy()
        order[:, last] = order[rows, other]
        order[rows, other] = kept
    return order


def resamples(seed, samples, count):
    """The bootstrap's samples: [count][samples] indices."""
    return below(words(seed, BOOTSTRAP, samples, np.arange(count), samples), samples)
