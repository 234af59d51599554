#include "model/position/position.h"

extern const PositionKind position_rope, position_alibi, position_absolute, position_sinusoidal,
    position_relative, position_nope;

static const Kind *const kinds[] = {
    &position_rope.kind,       &position_alibi.kind,    &position_absolute.kind,
    &position_sinusoidal.kind, &position_relative.kind, &position_nope.kind,
};

const KindTable position_kinds = {"position encoding", kinds, sizeof kinds / sizeof kinds[0]};
