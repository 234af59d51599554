#include "tests/support/axes.h"

#include <stddef.h>

const Axis axes[] = {
    {"norm-layer", "norm=layer"},
    {"norm-none", "norm=none"},
    {"post", "placement=post"},
    {"post-layer", "placement=post norm=layer"},
    {"post-none", "placement=post norm=none"},
    {"sandwich", "placement=sandwich"},
    {"sandwich-layer", "placement=sandwich norm=layer"},
    {"sandwich-none", "placement=sandwich norm=none"},
    {"parallel", "parallel=true"},
    {"parallel-none", "parallel=true norm=none"},
    {"parallel-post", "parallel=true placement=post"},
    {"parallel-sandwich", "parallel=true placement=sandwich norm=layer biases=true"},
    {"biases", "biases=true"},
    {"biases-gelu", "biases=true mlp=gelu norm=layer"},
    {"tied", "tied=true"},
    {"tied-scale", "tied=true embedding_scale=8 position=absolute"},
    {"embedding-scale", "embedding_scale=2.5 position=sinusoidal"},
    {"geglu", "mlp=geglu"},
    {"reglu", "mlp=reglu"},
    {"gelu", "mlp=gelu"},
    {"relu", "mlp=relu"},
    {"silu", "mlp=silu"},
    {"mlp-none", "mlp=none"},
    {"mlp-none-post", "mlp=none placement=post"},
    {"mlp-none-sandwich", "mlp=none placement=sandwich biases=true"},
    {"gpt2",
     "norm=layer mlp=gelu biases=true tied=true position=absolute init.scheme=depth-scaled"},
    {"rope-fraction", "position.fraction=0.5"},
    {"rope-linear", "position.scaling=linear position.factor=4"},
    {"rope-ntk", "position.scaling=ntk position.factor=4"},
    {"rope-yarn", "position.scaling=yarn position.factor=4 position.base=20"},
    {"rope-truncate", "position.truncate=0.5"},
    {"rope-all", "position.fraction=0.5 position.scaling=yarn position.factor=2 "
                 "position.truncate=0.5 position.base=500"},
    {"relative", "position=relative position.buckets=8 position.distance=20"},
    {"relative-bidirectional", "position=relative position.buckets=8 position.distance=6 "
                               "attention.mask=bidirectional"},
    {"relative-prefix", "position=relative position.buckets=12 position.distance=9 "
                        "attention.mask=prefix attention.mask.length=5"},
    {"layers-rope-nope", "position=rope+nope"},
    {"layers-rope-truncate", "position=rope+nope position.truncate=0.5"},
    {"layers-alibi-rope", "position=alibi+rope position.base=100"},
    {"layers-relative", "position=relative+relative"},
    {"layers-rope-relative", "position=rope+relative parallel=true"},
    {"bidirectional", "attention.mask=bidirectional"},
    {"prefix", "attention.mask=prefix attention.mask.length=5 position=alibi"},
    {"window", "attention.window=3"},
    {"window-shifted", "attention.window=3 attention.window_shift=2 position=nope"},
    {"window-bidirectional", "attention.mask=bidirectional attention.window=4 position=alibi"},
    {"softmax-plus-one", "attention.normalization=softmax-plus-one"},
    {"sigmoid", "attention.normalization=sigmoid"},
    {"sigmoid-normalized", "attention.normalization=sigmoid-normalized position=alibi"},
    {"relu-attention", "attention.normalization=relu"},
    {"softpick", "attention.normalization=softpick"},
    {"sink-logit", "attention.sink_logit=true"},
    {"sink-logit-window", "attention.sink_logit=true attention.window=4 position=relative"},
    {"soft-cap", "attention.soft_cap=0.7 position=alibi"},
    {"soft-cap-temperature", "attention.soft_cap=2 attention.temperature=0.3"},
    {"temperature", "attention.temperature=3"},
    {"kv-heads-one", "kv_heads=1"},
    {"kv-heads-two", "heads=4 kv_heads=2"},
    {"kv-heads-biases", "heads=4 kv_heads=2 position=alibi biases=true"},
    {"kv-heads-sink", "heads=4 kv_heads=2 attention.sink_logit=true position=relative"},
    {"query-key-norm", "attention.query_key_norm=rms"},
    {"query-key-norm-layer", "attention.query_key_norm=layer position=relative norm=none"},
    {"query-key-norm-groups", "heads=4 kv_heads=2 attention.query_key_norm=rms mlp=none"},
    {"gate-head", "attention.gate=head"},
    {"gate-elementwise", "attention.gate=elementwise position=alibi"},
    {"gate-head-biases", "attention.gate=head biases=true attention.window=4"},
    {"gate-parallel", "attention.gate=elementwise biases=true parallel=true placement=post"},
    {"heads-all", "heads=4 kv_heads=2 attention.gate=elementwise attention.query_key_norm=rms "
                  "placement=sandwich norm=layer biases=true attention.mask=bidirectional "
                  "attention.normalization=sigmoid"},
    {"heads-mixed", "heads=4 kv_heads=1 attention.gate=head attention.query_key_norm=layer "
                    "position=rope+nope attention.soft_cap=2 tied=true"},
    {"elu-kernel", "attention.normalization=elu-kernel"},
    {"elu-kernel-plain", "attention.normalization=elu-kernel "
                         "attention.normalization.normalized=false attention.temperature=2 "
                         "position=nope"},
    {"linear-kernel", "attention.normalization=linear-kernel attention.temperature=3"},
    {"linear-kernel-plain", "attention.normalization=linear-kernel "
                            "attention.normalization.normalized=false "
                            "attention.mask=bidirectional"},
    {"key-value-bias", "attention.kv_bias=key-value"},
    {"key-value-heads", "heads=4 kv_heads=2 attention.kv_bias=key-value attention.gate=head "
                        "attention.query_key_norm=rms"},
    {"elu-kernel-heads", "heads=4 kv_heads=2 attention.normalization=elu-kernel "
                         "attention.query_key_norm=layer attention.gate=elementwise"},
    {"key-bias-groups-fraction", "kv_heads=1 attention.kv_bias=key position.fraction=0.5"},
    {"key-value-bias-shared", "attention.kv_bias=key-value attention.kv_bias.shared=true "
                              "position=alibi attention.window=3"},
    {"key-bias", "attention.kv_bias=key position=relative"},
    {"key-bias-shared", "attention.kv_bias=key attention.kv_bias.shared=true "
                        "attention.sink_logit=true attention.soft_cap=0.7 "
                        "attention.mask=prefix attention.mask.length=5"},
    {"value-bias", "attention.kv_bias=value attention.normalization=sigmoid"},
    {"value-bias-shared", "attention.kv_bias=value attention.kv_bias.shared=true "
                          "attention.mask=bidirectional"},
    {"key-value-plus-one", "attention.kv_bias=key-value attention.normalization=softmax-plus-one"},
    {"key-value-sigmoid-normalized", "attention.kv_bias=key-value "
                                     "attention.normalization=sigmoid-normalized "
                                     "attention.soft_cap=2"},
    {"key-value-relu", "attention.kv_bias=key-value attention.normalization=relu"},
    {"key-value-softpick", "attention.kv_bias=key-value attention.normalization=softpick "
                           "attention.temperature=2"},
    {"key-value-elu-kernel", "attention.kv_bias=key-value attention.normalization=elu-kernel"},
    {"key-linear-kernel", "attention.kv_bias=key attention.normalization=linear-kernel "
                          "attention.temperature=3"},
    {"heads-kernel", "heads=4 kv_heads=1 attention.normalization=elu-kernel attention.gate=head "
                     "attention.query_key_norm=rms parallel=true"},
    {NULL, NULL},
};
