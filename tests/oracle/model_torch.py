"""The transformer in PyTorch, float64, written from the README's "Conventions" alone. PyTorch makes the
gradients, so nothing of the program's backward pass is believed."""
import math

import torch
import torch.nn.functional as F


def _published_slopes(heads):
    """ALiBi's slopes by the recursion that its authors published."""
    def of_power(count):
        start = 2 ** (-2 ** -(math.log2(count) - 3))
        return [start * start ** i for i in range(count)]
    if math.log2(heads).is_integer():
        return of_power(heads)
    lower = 2 ** math.floor(math.log2(heads))
    return of_power(lower) + _published_slopes(2 * lower)[0::2][:heads - lower]


def _angles(size, base, settings, context):
    """Radians per token of every pair among the rotated dimensions, and the length of the rotation."""
    scaling = settings.get("position.scaling", "none")
    factor = float(settings.get("position.factor", 1))
    kept = float(settings.get("position.truncate", 1))
    exponent = torch.arange(0, size, 2, dtype=torch.float64) / size
    if scaling == "ntk":
        base = base * factor ** (size / (size - 2))
    angle, length = 1.0 / base ** exponent, 1.0
    if scaling == "linear":
        angle = angle / factor
    if scaling == "yarn":
        wavelength = 2 * math.pi / angle
        ramp = ((context / factor / wavelength - 1) / (32 - 1)).clamp(0, 1)
        angle = (1 - ramp) * angle / factor + ramp * angle
        length = 0.1 * math.log(factor) + 1
    angle[int(kept * (size // 2)):] = 0
    return angle, length


def _rotate(x, base, settings, context):
    """Rotary encoding as a product of complex numbers: pair i is (x[i], x[i + half])."""
    size = round(float(settings.get("position.fraction", 1)) * x.shape[-1])
    half = size // 2
    frequency, scale = _angles(size, base, settings, context)
    angle = torch.arange(x.shape[-2], dtype=x.dtype)[:, None] * frequency
    turned = torch.complex(x[..., :half], x[..., half:size])
    turned = turned * torch.polar(torch.full_like(angle, scale), angle)
    return torch.cat([turned.real, turned.imag, x[..., size:]], dim=-1)


def _relative_buckets(length, buckets, largest, ahead):
    """T5's buckets [query][key]: of a decoder; or of a model that looks ahead, whose upper half is for keys
    after the query."""
    place = torch.arange(length)
    after = place[None, :] - place[:, None]
    distance = after.abs() if ahead else (-after).clamp(min=0)
    buckets = buckets // 2 if ahead else buckets
    exact = buckets // 2
    far = exact + (torch.log(distance.clamp(min=1).double() / exact) / math.log(largest / exact)
                   * (buckets - exact)).long()
    found = torch.where(distance < exact, distance, far.clamp(max=buckets - 1))
    return found + buckets * ((after > 0) & ahead)


def _sinusoids(length, width, dtype):
    table = torch.zeros(length, width, dtype=dtype)
    position = torch.arange(length, dtype=dtype)[:, None]
    rate = torch.exp(torch.arange(0, width, 2, dtype=dtype) * (-math.log(10000.0) / width))
    table[:, 0::2] = torch.sin(position * rate)
    table[:, 1::2] = torch.cos(position * rate)[:, :width // 2]
    return table


def _norm(x, of, name, kind):
    if kind == "none":
        return x
    if kind == "layer":
        return F.layer_norm(x, x.shape[-1:], of(name), of(name + "_shift"), 1e-5)
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5) * of(name)


def _heads(x, count):
    """[sequence][token][count·size] to [sequence][head][token][size]."""
    return x.unflatten(-1, (count, x.shape[-1] // count)).transpose(1, 2)


def _feature(x, settings):
    """φ of kernel attention; of all other kinds the identity."""
    return F.elu(x) + 1 if settings.get("attention.normalization") == "elu-kernel" else x


def _capped(scores, settings):
    cap = float(settings.get("attention.soft_cap", 0))
    return cap * torch.tanh(scores / cap) if cap > 0 else scores


def _products(query, key, settings):
    temperature = float(settings.get("attention.temperature", 1))
    query, key = _feature(query, settings), _feature(key, settings)
    return query @ key.transpose(-1, -2) / (math.sqrt(query.shape[-1]) * temperature)


def _scores(query, key, position, of, settings):
    """Of rotated queries and keys."""
    length = query.shape[-2]
    scores = _products(query, key, settings)
    if position == "alibi":
        place = torch.arange(length)
        distance = (place[:, None] - place[None, :]).abs().to(scores.dtype)
        slopes = torch.tensor(_published_slopes(query.shape[1]), dtype=scores.dtype)
        scores = scores - slopes[:, None, None] * distance
    if position == "relative":
        learned = of("relative_bias")
        buckets = _relative_buckets(length, learned.shape[1],
                                    float(settings.get("position.distance", 128)),
                                    bool(_visible(2, settings)[0, 1]))
        scores = scores + learned[:, buckets]
    return _capped(scores, settings)


def _visible(length, settings):
    """[query][key]: what the mask and its window show; a query that would see nothing sees itself."""
    query, key = torch.arange(length)[:, None], torch.arange(length)[None, :]
    mask = settings.get("attention.mask", "causal")
    window = int(settings.get("attention.window", 0))
    shift = int(settings.get("attention.window_shift", 0))
    if mask == "bidirectional":
        seen = torch.ones(length, length, dtype=torch.bool)
        if window > 0:
            seen = (query - key).abs() < window
    else:
        seen = key <= query
        if window > 0:
            seen = (key <= query - shift) & (key > query - shift - window)
    if mask == "prefix":
        seen = seen | (key < int(settings.get("attention.mask.length", 8)))
    return seen | (~seen.any(-1, keepdim=True) & (query == key))


def _normalize(scores, seen, settings, sink):
    """Weights of scores where seen; sink: a logit per head in softmax's denominator, or None."""
    kind = settings.get("attention.normalization", "softmax")
    if kind in ("softmax", "softmax-plus-one"):
        scores = scores.masked_fill(~seen, -math.inf)
        if kind == "softmax-plus-one":
            sink = torch.zeros(scores.shape[1], dtype=scores.dtype)
        if sink is None:
            return torch.softmax(scores, dim=-1)
        column = sink[None, :, None, None].expand(*scores.shape[:-1], 1)
        return torch.softmax(torch.cat((scores, column), -1), dim=-1)[..., :-1]
    shown = seen.to(scores.dtype)
    if kind == "relu":
        return F.relu(scores) * shown / shown.sum(-1, keepdim=True)
    if kind == "softpick":
        above = torch.expm1(scores) * shown
        return F.relu(above) / (above.abs().sum(-1, keepdim=True) + 1e-6)
    if kind.endswith("-kernel"):
        products = scores * shown
        total = products.sum(-1, keepdim=True)
        if settings.get("attention.normalization.normalized") == "false":
            return products
        return products / (total + 1e-8 if kind == "elu-kernel" else total.abs().clamp(min=1))
    weights = torch.sigmoid(scores) * shown
    return weights / weights.sum(-1, keepdim=True) if kind == "sigmoid-normalized" else weights


class _Block:
    """One layer's branches."""

    def __init__(self, parameters, layer, heads, position, base, settings, context):
        self.parameters, self.prefix, self.heads = parameters, f"layers/{layer}/", heads
        self.position, self.base = position, base
        self.settings, self.context = settings, context
        self.seen = {}  # what the branches made on their way, by name

    def of(self, name):
        return self.parameters[self.prefix + name]

    def linear(self, x, name):
        return F.linear(x, self.of(name), self.parameters.get(self.prefix + name + "_bias"))

    def extra(self, name):
        """A key or value bias as [head][1][size], of one head where all share it; None: there is none."""
        vector = self.parameters.get(self.prefix + "attention/kv_bias_" + name)
        if vector is None:
            return None
        shared = self.settings.get("attention.kv_bias.shared") == "true"
        return vector.reshape(1 if shared else self.heads, 1, -1)

    def normalized(self, query, key):
        """Weights of the tokens and, last, of a learned key; self.weights: of the tokens alone."""
        scores = _scores(query, key, self.position, self.parameters.__getitem__, self.settings)
        self.seen.update(scores=scores)
        seen = _visible(scores.shape[-1], self.settings)
        extra = self.extra("key")
        if extra is not None:
            slot = _capped(_products(query, extra, self.settings), self.settings)
            scores = torch.cat((scores, slot), -1)
            seen = torch.cat((seen, torch.ones(len(seen), 1, dtype=torch.bool)), -1)
        weights = _normalize(scores, seen, self.settings,
                             self.parameters.get(self.prefix + "attention/sink_logit"))
        self.weights = weights[..., :len(seen)]
        return weights

    def attention(self, x):
        size = self.of("attention/query").shape[0] // self.heads
        groups = self.of("attention/key").shape[0] // size
        query, key, value = (_heads(self.linear(x, "attention/" + name), count) for name, count in
                             (("query", self.heads), ("key", groups), ("value", groups)))
        norm = self.settings.get("attention.query_key_norm", "none")
        query = _norm(query, self.of, "attention/query_norm", norm)
        key = _norm(key, self.of, "attention/key_norm", norm)
        key, value = (part.repeat_interleave(self.heads // groups, dim=1) for part in (key, value))
        if self.position == "rope":
            query, key = (_rotate(each, self.base, self.settings, self.context)
                          for each in (query, key))
        weights = self.normalized(query, key)
        outputs = self.weights @ value
        extra = self.extra("value")
        if extra is not None:
            alone = weights.shape[-1] == self.weights.shape[-1]
            outputs = outputs + (extra if alone else weights[..., -1:] * extra)
        outputs = outputs.transpose(1, 2)
        if self.settings.get("attention.gate", "none") != "none":
            gate = torch.sigmoid(self.linear(x, "attention/gate"))
            outputs = outputs * gate.unflatten(-1, (self.heads, gate.shape[-1] // self.heads))
        self.seen.update(query=query, key=key, value=value, head_output=outputs.transpose(1, 2))
        return self.linear(outputs.flatten(2), "attention/output")

    def mlp(self, x):
        kind = self.settings.get("mlp", "swiglu")
        nonlinearity = {"swiglu": F.silu, "geglu": F.gelu, "reglu": F.relu}.get(kind)
        if nonlinearity is not None:
            before = self.linear(x, "mlp/gate")
            hidden = nonlinearity(before) * self.linear(x, "mlp/up")
        else:
            before = self.linear(x, "mlp/up")
            hidden = {"gelu": F.gelu, "relu": F.relu, "silu": F.silu}[kind](before)
        self.seen.update(mlp_before=before, mlp_after=hidden)
        return self.linear(hidden, "mlp/down")

    def step(self, x, branch, name):
        """The stream after one branch, whose norms are called name."""
        norm = self.settings.get("norm", "rms")
        placement = self.settings.get("placement", "pre")
        if placement == "post":
            return _norm(x + branch(x), self.of, name + "_norm", norm)
        update = branch(_norm(x, self.of, name + "_norm", norm))
        if placement == "sandwich":
            self.seen[name + "_branch"] = update  # before its norm
            update = _norm(update, self.of, name + "_output_norm", norm)
        return x + update

    def forward(self, x):
        if self.settings.get("parallel") == "true":
            return self.step(x, lambda normed: self.attention(normed) + self.mlp(normed), "attention")
        x = self.step(x, self.attention, "attention")
        return x if self.settings.get("mlp") == "none" else self.step(x, self.mlp, "mlp")


def forward(parameters, inputs, layers, heads, position, base=10000.0, settings="", context=None,
            seen=None):
    """parameters: name to float64 tensor; inputs [sequence][token]; settings: what is not the default,
    as "norm=layer placement=post" or a dict. Returns logits, attention maps [sequence][layer][head][query][key]
    and residual streams [sequence][layers + 1][token][width]. seen: a list that receives, per layer, a dict of
    what its branches made: query and key (after rotation), value, scores, head_output [sequence][head]…,
    mlp_before, mlp_after [sequence][token][hidden], and attention_branch, what a sandwich norm is taken of."""
    settings = dict(setting.split("=") for setting in settings.split()) if isinstance(settings, str) \
        else settings
    heads = int(settings.get("heads", heads))
    positions = settings.get("position", position).split("+")
    of = parameters.__getitem__
    x = float(settings.get("embedding_scale", 1)) * F.embedding(inputs, of("token_embedding"))
    length, width = x.shape[1], x.shape[2]
    if positions[0] == "absolute":
        x = x + of("position_embedding")[:length]
    if positions[0] == "sinusoidal":
        x = x + _sinusoids(length, width, x.dtype)
    base = float(settings.get("position.base", base))
    maps, residuals = [], [x]
    for layer in range(layers):
        block = _Block(parameters, layer, heads, positions[layer % len(positions)], base, settings,
                       length if context is None else context)
        x = block.forward(x)
        maps.append(block.weights)
        if seen is not None:
            seen.append(block.seen)
        residuals.append(x)
    if settings.get("placement") != "post":
        x = _norm(x, of, "final_norm", settings.get("norm", "rms"))
    tied = settings.get("tied") == "true"
    logits = F.linear(x, of("token_embedding" if tied else "unembedding"))
    return logits, torch.stack(maps, 1), torch.stack(residuals, 1)


def losses(logits, targets):
    """Cross-entropy per target in nats; 0 where the target is −1."""
    flat = F.cross_entropy(logits.flatten(0, 1), targets.flatten().long(), ignore_index=-1,
                           reduction="none")
    return flat.reshape(targets.shape)
