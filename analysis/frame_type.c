#include "analysis/frame_type.h"

#include "analysis/statistics.h"
#include "model/base/random.h"

#include <math.h>
#include <string.h>

const char *const frame_type_names[FRAME_TYPES] = {"none", "centralized", "distributed",
                                                   "bidirectional"};

/* Maps are drawn four side by side: one look-up of an order serves four, in one vector register of
   any processor. The draws are the analysis's innermost loop and their own chance error is some
   percent, so they, alone in this room, are made in single precision; their moments are taken in
   double. */
enum { GROUP = 4 };
typedef float Four __attribute__((vector_size(GROUP * sizeof(float))));
typedef double FourExact __attribute__((vector_size(GROUP * sizeof(double))));
typedef int64_t FourMask __attribute__((vector_size(GROUP * sizeof(int64_t))));
#define EXACTLY(four) __builtin_convertvector(four, FourExact)

/* Deviations below this share of the mean are the rounding of draws that do not differ. */
static const double LEAST_DEVIATION = 1e-5;

/* Beyond this the orders are drawn anew for every group of maps. */
static const size_t ORDERS_LARGEST_BYTES = (size_t)256 << 20;

static void draw_order(uint64_t seed, int draw, int query, Interval keys, uint32_t *order) {
    Random random = random_create(seed, RANDOM_NULL, (uint64_t)draw, (uint32_t)query);
    random_permutation(&random, (size_t)interval_size(keys), order);
}

/* The orders of one draw, all queries one after another, into orders [pairs]. */
static void draw_orders(const FrameNull *null, int draw, uint16_t *orders, uint32_t *buffer) {
    const Visibility *visibility = null->visibility;
    for (int query = 0; query < visibility->length; query++) {
        Interval keys = visibility->keys[query];
        draw_order(null->seed, draw, query, keys, buffer);
        for (int j = 0; j < interval_size(keys); j++)
            *orders++ = (uint16_t)buffer[j];
    }
}

FrameNull *frame_null_create(const FrameOptions *options, const Visibility *visibility,
                             uint64_t seed, Arena *arena) {
    FrameNull *null = ARENA_ARRAY(arena, FrameNull, 1);
    *null = (FrameNull){.options = *options, .visibility = visibility, .seed = seed};
    size_t pairs = (size_t)visibility->pairs, draws = (size_t)options->draws;
    if (pairs * draws * sizeof(uint16_t) > ORDERS_LARGEST_BYTES)
        return null;
    uint16_t *orders = ARENA_ARRAY(arena, uint16_t, pairs * draws);
    uint32_t *buffer = ARENA_ARRAY(arena, uint32_t, (size_t)visibility->length);
    for (size_t draw = 0; draw < draws; draw++)
        draw_orders(null, (int)draw, orders + draw * pairs, buffer);
    null->orders = orders;
    return null;
}

/* One group of maps taken apart for the null: at every visible pair, in row order, the map's mean
   weight at that distance (locality) and the weight over it (preference). Arrays [pairs]. */
typedef struct Parts {
    Four *locality, *preference;
    Four *row_sums; /* [T] */
} Parts;

static void split_map(const Visibility *visibility, const double *map, int lane, Parts *parts,
                      Arena *scratch) {
    int length = visibility->length;
    size_t distances = 2 * (size_t)length;
    double *mean = ARENA_ARRAY(scratch, double, distances);
    double *count = ARENA_ARRAY(scratch, double, distances);
    for (int i = 0; i < length; i++)
        for (int j = visibility->keys[i].first; j < visibility->keys[i].end; j++) {
            mean[i - j + length] += map[(size_t)i * (size_t)length + (size_t)j];
            count[i - j + length] += 1;
        }
    for (size_t d = 0; d < distances; d++)
        mean[d] = count[d] > 0 ? mean[d] / count[d] : 0;
    size_t at = 0;
    for (int i = 0; i < length; i++) {
        double sum = 0;
        for (int j = visibility->keys[i].first; j < visibility->keys[i].end; j++, at++) {
            double weight = map[(size_t)i * (size_t)length + (size_t)j];
            double local = mean[i - j + length];
            parts->locality[at][lane] = (float)local;
            parts->preference[at][lane] = local > 0 ? (float)(weight / local) : 0;
            sum += weight;
        }
        parts->row_sums[i][lane] = (float)sum;
    }
}

/* Draws are made four side by side too: the sums of one would wait for one another. */
enum { SIDE = 4 };

/* The null's table or, where it would be too large, room to make the orders in. */
typedef struct Orders {
    const FrameNull *null;
    size_t pairs;
    uint16_t *made; /* [SIDE][pairs]; NULL with a table */
    uint32_t *buffer;
} Orders;

static Orders orders_create(const FrameNull *null, Arena *scratch) {
    Orders orders = {.null = null, .pairs = (size_t)null->visibility->pairs};
    if (null->orders == NULL) {
        orders.made = ARENA_ARRAY(scratch, uint16_t, SIDE * orders.pairs);
        orders.buffer = ARENA_ARRAY(scratch, uint32_t, (size_t)null->visibility->length);
    }
    return orders;
}

/* Those of one draw, [pairs]; place: which of the draws side by side it is. */
static const uint16_t *orders_of(const Orders *orders, int draw, int place) {
    if (orders->made == NULL)
        return orders->null->orders + (size_t)draw * orders->pairs;
    uint16_t *made = orders->made + (size_t)place * orders->pairs;
    draw_orders(orders->null, draw, made, orders->buffer);
    return made;
}

typedef struct Side {
    const uint16_t *orders[SIDE]; /* [pairs] */
    Four *totals[SIDE];           /* [T] */
    Four *drawn;                  /* [SIDE][T]: room for one row */
} Side;

/* Scales a drawn row to the row's own sum and adds it to the keys' totals. A row that the order
   leaves without any weight (its locality allows only what it had) keeps its own. */
static void add_row(const Four *restrict preference, const Four *restrict locality, Four row_sum,
                    Four sum, int size, const Four *restrict drawn, Four *restrict totals) {
    Four scale = row_sum / sum;
    for (int lane = 0; lane < GROUP; lane++) {
        if (sum[lane] > 0)
            continue;
        scale[lane] = 0;
        for (int j = 0; j < size; j++)
            totals[j][lane] += preference[j][lane] * locality[j][lane];
    }
    for (int j = 0; j < size; j++)
        totals[j] += drawn[j] * scale;
}

/* One row, of which the pairs begin at `at`, in the draws side by side: preferences in the drawn
   order times locality. */
static void draw_rows(const Parts *parts, const Side *side, size_t at, int query, Interval keys) {
    const Four *restrict preference = parts->preference + at;
    const Four *restrict locality = parts->locality + at;
    const uint16_t *orders[SIDE];
    Four sums[SIDE] = {{0}};
    Four *restrict drawn = side->drawn;
    size_t size = (size_t)interval_size(keys);
    for (int d = 0; d < SIDE; d++)
        orders[d] = side->orders[d] + at;
    for (size_t j = 0; j < size; j++)
        for (size_t d = 0; d < SIDE; d++) {
            Four weight = preference[orders[d][j]] * locality[j];
            drawn[d * size + j] = weight;
            sums[d] += weight;
        }
    for (size_t d = 0; d < SIDE; d++)
        add_row(preference, locality, parts->row_sums[query], sums[d], (int)size, drawn + d * size,
                side->totals[d] + keys.first);
}

/* Importance of every key under each draw of the group's null: [draws, rounded up to SIDE][T]. */
static Four *draw_all(const FrameNull *null, const double *const *maps, int count, Arena *scratch) {
    const Visibility *visibility = null->visibility;
    size_t length = (size_t)visibility->length, pairs = (size_t)visibility->pairs;
    Parts parts = {.locality = ARENA_ARRAY(scratch, Four, pairs),
                   .preference = ARENA_ARRAY(scratch, Four, pairs),
                   .row_sums = ARENA_ARRAY(scratch, Four, length)};
    for (int lane = 0; lane < GROUP; lane++) /* spare lanes repeat the last map */
        split_map(visibility, maps[lane < count ? lane : count - 1], lane, &parts, scratch);
    int draws = (int)null->options.draws, rounds = (draws + SIDE - 1) / SIDE;
    Four *result = ARENA_ARRAY(scratch, Four, (size_t)(rounds * SIDE) * length);
    Side side = {.drawn = ARENA_ARRAY(scratch, Four, SIDE * length)};
    Orders orders = orders_create(null, scratch);
    for (int first = 0; first < draws; first += SIDE) {
        for (int d = 0; d < SIDE; d++) { /* spare ones repeat the last draw */
            side.orders[d] = orders_of(&orders, first + d < draws ? first + d : draws - 1, d);
            side.totals[d] = result + (size_t)(first + d) * length;
        }
        size_t at = 0;
        for (int i = 0; i < visibility->length; i++) {
            draw_rows(&parts, &side, at, i, visibility->keys[i]);
            at += (size_t)interval_size(visibility->keys[i]);
        }
    }
    for (size_t k = 0; k < length; k++) {
        int queries = visibility->queries[k];
        float share = queries > 0 ? 1.0f / (float)queries : 0;
        for (size_t draw = 0; draw < (size_t)draws; draw++)
            result[draw * length + k] *= share;
    }
    return result;
}

/* Over draws, of the maps of a group side by side. */
typedef struct NullMoments {
    FourExact *mean;      /* [T] */
    FourExact *sharpness; /* [T] one over the deviation, 0 where the draws do not differ */
} NullMoments;

/* Of a group's draws [draws][T]. */
static NullMoments null_moments(const Four *draws, size_t count, size_t length, Arena *scratch) {
    NullMoments moments = {.mean = ARENA_ARRAY(scratch, FourExact, length),
                           .sharpness = ARENA_ARRAY(scratch, FourExact, length)};
    FourExact *square = ARENA_ARRAY(scratch, FourExact, length);
    for (size_t draw = 0; draw < count; draw++)
        for (size_t k = 0; k < length; k++)
            moments.mean[k] += EXACTLY(draws[draw * length + k]);
    for (size_t k = 0; k < length; k++)
        moments.mean[k] /= (double)count;
    for (size_t draw = 0; draw < count; draw++)
        for (size_t k = 0; k < length; k++) {
            FourExact difference = EXACTLY(draws[draw * length + k]) - moments.mean[k];
            square[k] += difference * difference;
        }
    for (size_t k = 0; k < length; k++)
        for (int lane = 0; lane < GROUP; lane++) {
            double deviation = sqrt(square[k][lane] / (double)(count > 1 ? count - 1 : 1));
            bool differ = deviation > LEAST_DEVIATION * moments.mean[k][lane];
            moments.sharpness[k][lane] = differ ? 1 / deviation : 0;
        }
    return moments;
}

/* The largest z of a well-seen key in each draw: [GROUP][draws]. */
static double *largest_z(const FrameNull *null, const Four *draws, const NullMoments *moments,
                         Arena *scratch) {
    size_t length = (size_t)null->visibility->length, count = (size_t)null->options.draws;
    double *result = ARENA_ARRAY(scratch, double, (GROUP * count));
    for (size_t draw = 0; draw < count; draw++) {
        FourExact largest = -INFINITY - (FourExact){0};
        for (size_t k = 0; k < length; k++) {
            if (!null->visibility->well_seen[k])
                continue;
            FourExact z =
                (EXACTLY(draws[draw * length + k]) - moments->mean[k]) * moments->sharpness[k];
            FourMask larger = (FourMask)(z > largest);
            largest = (FourExact)((larger & (FourMask)z) | (~larger & (FourMask)largest));
        }
        for (int lane = 0; lane < GROUP; lane++)
            result[(size_t)lane * count + draw] = largest[lane];
    }
    return result;
}

int frame_strongest(const FrameFinding *finding, int length, int count, int *positions) {
    int found = 0;
    for (; found < count; found++) {
        int best = -1;
        for (int k = 0; k < length; k++) {
            bool taken = !finding->is_anchor[k];
            for (int i = 0; i < found; i++)
                taken = taken || positions[i] == k;
            if (!taken && (best < 0 || finding->importance[k] > finding->importance[best]))
                best = k;
        }
        if (best < 0)
            break;
        positions[found] = best;
    }
    return found;
}

bool frame_judged(const FrameNull *null) {
    const Visibility *visibility = null->visibility;
    bool chooses = false, seen = false;
    for (int i = 0; i < visibility->length; i++) {
        chooses = chooses || interval_size(visibility->keys[i]) > 1;
        seen = seen || visibility->well_seen[i];
    }
    return chooses && seen;
}

int frame_end_size(const FrameNull *null) {
    return (int)ceil(null->visibility->length * null->options.end_fraction - 1e-9);
}

double frame_end_dominance(const FrameNull *null, const FrameFinding *finding) {
    size_t end = (size_t)frame_end_size(null), length = (size_t)null->visibility->length;
    return mean_of(finding->importance, end, 1) -
           mean_of(finding->importance + (length - end), end, 1);
}

static FrameType classify(const FrameNull *null, const FrameFinding *finding) {
    if (finding->anchors == 0)
        return FRAME_NONE;
    const FrameOptions *options = &null->options;
    int length = null->visibility->length, strongest[2] = {0};
    int found = frame_strongest(finding, length, 2, strongest);
    const double *importance = finding->importance;
    double total = 0;
    for (int k = 0; k < length; k++)
        total += finding->is_anchor[k] ? importance[k] : 0;
    if (!null->visibility->causal && found == 2) {
        int end = frame_end_size(null);
        int first = strongest[0] < strongest[1] ? strongest[0] : strongest[1];
        int last = strongest[0] < strongest[1] ? strongest[1] : strongest[0];
        double both = importance[first] + importance[last];
        if (first < end && last >= length - end &&
            !exceeds(options->bidirectional_share * total, both))
            return FRAME_BIDIRECTIONAL;
    }
    return exceeds(options->centralized_share * total, importance[strongest[0]])
               ? FRAME_DISTRIBUTED
               : FRAME_CENTRALIZED;
}

static bool any_negative(const double *map, size_t count) {
    bool negative = false;
    for (size_t i = 0; i < count; i++)
        negative = negative || map[i] < 0;
    return negative;
}

/* bound: what an anchor's z exceeds. */
static void find_anchors(const FrameNull *null, const double *map, const NullMoments *moments,
                         int lane, double bound, FrameFinding *finding, Arena *scratch) {
    const Visibility *visibility = null->visibility;
    size_t length = (size_t)visibility->length;
    *finding = (FrameFinding){.judged = !any_negative(map, length * length),
                              .is_anchor = ARENA_ARRAY(scratch, bool, length),
                              .importance = ARENA_ARRAY(scratch, double, length),
                              .z = ARENA_ARRAY(scratch, double, length)};
    map_importance(visibility, map, finding->importance);
    for (size_t k = 0; k < length; k++) {
        double importance = finding->importance[k];
        double mean = moments->mean[k][lane];
        finding->z[k] = (importance - mean) * moments->sharpness[k][lane];
        finding->is_anchor[k] = finding->judged && visibility->well_seen[k] && importance > 0 &&
                                exceeds(finding->z[k], bound) &&
                                !exceeds(null->options.effect_size * mean, importance);
        finding->anchors += finding->is_anchor[k];
    }
    finding->type = classify(null, finding);
}

void frame_find(const FrameNull *null, const double *const *maps, int count, FrameFinding *findings,
                Arena *scratch) {
    size_t drawn = (size_t)null->options.draws, length = (size_t)null->visibility->length;
    for (int first = 0; first < count; first += GROUP) {
        int group = count - first < GROUP ? count - first : GROUP;
        const Four *draws = draw_all(null, maps + first, group, scratch);
        NullMoments moments = null_moments(draws, drawn, length, scratch);
        double *largest = largest_z(null, draws, &moments, scratch);
        for (int lane = 0; lane < group; lane++) {
            double bound = quantile(largest + (size_t)lane * drawn, drawn,
                                    null->options.anchor_percentile / 100);
            find_anchors(null, maps[first + lane], &moments, lane, bound, findings + first + lane,
                         scratch);
        }
    }
}
