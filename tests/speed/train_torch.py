"""Trains fiducial bench's model sizes in eager PyTorch, a slice for every line on standard input, which
says for how many seconds, and answers each with tokens per second.
usage: train_torch.py SIZE THREADS

The same shapes and work: fused query-key-value and gate-up maps, RoPE (half-split), RMSNorm, SwiGLU,
causal softmax, untied unembedding, cross-entropy, AdamW with clipping, one optimizer step per batch."""
import sys
import time

import torch
import torch.nn.functional as F

SIZES = {  # layers, width, heads, hidden, context, batch, vocabulary
    "tiny": (2, 64, 1, 128, 64, 32, 256),
    "small": (4, 128, 4, 256, 128, 32, 256),
    "medium": (6, 384, 6, 1024, 256, 16, 256),
    "large": (8, 768, 12, 2048, 512, 4, 8192),
}


class RMSNorm(torch.nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(width))

    def forward(self, x):
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-5) * self.weight


class Block(torch.nn.Module):
    def __init__(self, width, heads, hidden):
        super().__init__()
        self.heads, self.hidden = heads, hidden
        self.attention_norm, self.mlp_norm = RMSNorm(width), RMSNorm(width)
        self.projections = torch.nn.Linear(width, 3 * width, bias=False)
        self.output = torch.nn.Linear(width, width, bias=False)
        self.gate_up = torch.nn.Linear(width, 2 * hidden, bias=False)
        self.down = torch.nn.Linear(hidden, width, bias=False)

    def attend(self, x, cosine, sine, mask):
        batch, length, width = x.shape
        dim = width // self.heads
        heads = self.projections(x).view(batch, length, 3, self.heads, dim).permute(2, 0, 3, 1, 4)
        query, key, value = heads[0], heads[1], heads[2]

        def rotate(y):
            first, second = y[..., : dim // 2], y[..., dim // 2 :]
            return torch.cat((first * cosine - second * sine, second * cosine + first * sine), -1)

        scores = rotate(query) @ rotate(key).transpose(-1, -2) / dim**0.5 + mask
        return self.output((scores.softmax(-1) @ value).transpose(1, 2).reshape(batch, length, width))

    def forward(self, x, cosine, sine, mask):
        x = x + self.attend(self.attention_norm(x), cosine, sine, mask)
        gate, up = self.gate_up(self.mlp_norm(x)).split(self.hidden, -1)
        return x + self.down(F.silu(gate) * up)


class Decoder(torch.nn.Module):
    def __init__(self, layers, width, heads, hidden, context, vocabulary):
        super().__init__()
        self.embedding = torch.nn.Embedding(vocabulary, width)
        self.blocks = torch.nn.ModuleList(Block(width, heads, hidden) for _ in range(layers))
        self.norm = RMSNorm(width)
        self.unembedding = torch.nn.Linear(width, vocabulary, bias=False)
        dim = width // heads
        angle = torch.arange(context)[:, None] * 10000 ** (-torch.arange(0, dim, 2) / dim)
        self.cosine, self.sine = angle.cos(), angle.sin()
        self.mask = torch.full((context, context), float("-inf")).triu(1)

    def forward(self, tokens):
        x = self.embedding(tokens)
        for block in self.blocks:
            x = block(x, self.cosine, self.sine, self.mask)
        return self.unembedding(self.norm(x))


def main():
    size, threads = sys.argv[1], int(sys.argv[2])
    layers, width, heads, hidden, context, batch, vocabulary = SIZES[size]
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    model = Decoder(layers, width, heads, hidden, context, vocabulary)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0.1)
    tokens = torch.randint(vocabulary, (batch, context + 1))

    def step():
        loss = F.cross_entropy(model(tokens[:, :-1]).flatten(0, 1), tokens[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    step()
    for line in sys.stdin:
        step()
        begin, steps = time.monotonic(), 0
        while steps < 1 or time.monotonic() - begin < float(line):
            step()
            steps += 1
        print(f"{steps * batch * context / (time.monotonic() - begin):.1f}", flush=True)


main()
