#!/bin/bash
# The command line under bad input and faults: what it says, its exit status, and that nothing is
# written or lost. usage: test_bad_input.sh [PROGRAM [SCRATCH_FOLDER]] (defaults: $FIDUCIAL; a
# folder that is removed afterwards). Prints one line per check; exits with 1 where one failed.
set -uo pipefail

program=$(realpath "${1:-${FIDUCIAL:?the program}}")
if [ $# -ge 2 ]; then
    scratch=$2
else
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
fi
mkdir -p "$scratch" && cd "$scratch" || exit 1
failed=0 checked=0

# check WHAT CONDITION…: one line; CONDITION is a command.
check() {
    local what=$1
    shift
    checked=$((checked + 1))
    if "$@"; then
        echo "ok $what"
    else
        echo "FAILED $what: $*"
        failed=$((failed + 1))
    fi
}

# says TEXT: whether the last program's output holds it.
says() {
    grep -qF -- "$1" log && return
    echo "expected \"$1\" in:"
    cat log
    return 1
}

# start WANTED_STATUS WORD…: runs the program; its words are in log.
start() {
    local wanted=$1 status=0
    shift
    "$program" "$@" >log 2>&1 </dev/null || status=$?
    [ "$status" -eq "$wanted" ] && return
    echo "exit status $status, not $wanted, from $*:"
    cat log
    return 1
}

# refused WHAT PLACE REASON [WORD…]: `run` on bad.yaml must end with 2, say both, and write nothing.
refused() {
    local what=$1 place=$2 reason=$3
    shift 3
    check "$what: exit status 2" start 2 run bad.yaml --output out "$@"
    check "$what: the place" says "$place"
    check "$what: the reason" says "$reason"
    check "$what: nothing written" [ ! -e out ]
    rm -rf out
}

# yaml LINE…: bad.yaml with these lines.
yaml() {
    printf '%s\n' "$@" >bad.yaml
}

yaml 'experiment: x' 'model:' '  widht: 8'
refused "unknown key" "bad.yaml:3:3:" "did you mean 'width'?"
yaml 'experiment: x' 'model: {width: wide}'
refused "wrong type" "bad.yaml:2:16: model.width is 'wide'" "allowed: a whole number from 1"
yaml 'experiment: x' 'seed: 9223372036854775807'
refused "a seed too large" "bad.yaml:2:7: seed is" "a whole number from 0 to 9007199254740992"
yaml 'experiment: x' 'train: {batch: 0}'
refused "out of range" "bad.yaml:2:16: train.batch is '0'" "from 1 to"
yaml 'experiment: x' 'model: {width: 16, heads: 3}'
refused "width not divisible by heads" "bad.yaml:2:27:" "multiple"
yaml 'experiment: x' 'model: {heads: 4, kv_heads: 3}'
refused "heads not divisible by key-value heads" "bad.yaml:2:29:" "4 is not a multiple of 3"
yaml 'experiment: x' 'model: {attention: {gate: heads}}'
refused "no such gate" "bad.yaml:2:27: model.attention.gate is 'heads'" "head, elementwise"
yaml 'experiment: x' 'model: {attention: {query_key_norm: l2}}'
refused "no such norm of queries and keys" "bad.yaml:2:37: model.attention.query_key_norm is 'l2'" "rms, layer"
yaml 'experiment: x' 'train: {dropout: 1}'
refused "dropout of everything" "bad.yaml:2:18: train.dropout is '1'" "from 0 to 0.99"
yaml 'experiment: x' 'model: {width: 9, heads: 3, position: rope}'
refused "odd head dimension with RoPE" "bad.yaml:2:" "even"
yaml 'experiment: x' 'model: {attention: {kv_bias: keyvalue}}'
refused "unknown key-value bias" "bad.yaml:2:30:" "did you mean 'key-value'?"
yaml 'experiment: x' 'model: {attention: {kv_bias: {kind: none, shared: true}}}'
refused "option of no bias" "bad.yaml:2:43:" "'shared'"
yaml 'experiment: x' 'model: {attention: {normalization: sigmoid, kv_bias: key}}'
refused "a key alone without a sum" "bad.yaml:2:54: model.attention.kv_bias" "would change nothing"
yaml 'experiment: x' 'model: {attention: {normalization: elu-kernel, soft_cap: 3}}'
refused "a soft cap on a kernel" "bad.yaml:2:58: model.attention.soft_cap" "the products themselves"
yaml 'experiment: x' 'model: {attention: {normalization: elu-kernel, temperature: 2}}'
refused "a temperature that cancels" "bad.yaml:2:61: model.attention.temperature" "normalized: false"
yaml 'experiment: x' 'model: {attention: {normalization: linear-kernel, sink_logit: true}}'
refused "a sink logit in a kernel" "bad.yaml:2:63: model.attention.sink_logit" "linear-kernel"
yaml 'experiment: x' 'model: {position: alibi, attention: {normalization: linear-kernel}}'
refused "a bias of scores in a kernel" "bad.yaml:2:19: model.position" "products of features"
yaml 'experiment: x' 'model: {context: 16}' 'probe: {length: 32}'
refused "probe longer than the context" "bad.yaml:3:17:" "model.context"
yaml 'experiment: x' 'model: {position: {kind: alibi, base: 5}}'
refused "option of another kind" "bad.yaml:2:33:" "'base' is an option of rope, not of alibi"
yaml 'experiment: x' 'data: {source: text, path: nowhere.txt}'
refused "missing text" "bad.yaml:2:28: data.path" "nowhere.txt"
yaml 'experiment: x' 'data: {source: text, path: empty.txt}'
: >empty.txt
refused "empty text" "bad.yaml:2:28: data.path" "empty"
yaml 'experiment: x' 'data: {source: text, path: short.txt}'
echo "too short" >short.txt
refused "text shorter than the context" "bad.yaml:2:" "64"
yaml 'experiment: x' 'seed: 1' 'seed: 2'
refused "duplicate key" "bad.yaml:3:1:" "'seed' is given twice (first in line 2)"
yaml 'experiment: x' 'model: {width: [8'
refused "syntax error" "bad.yaml:3:1:" "YAML syntax"
yaml 'experiment: x' 'model: &m {position: *m}'
refused "anchor that recurs" "bad.yaml:2:22:" "without end"
yaml 'experiment: x' 'sweep: {model.widht: [8, 16]}'
refused "unknown swept key" "bad.yaml:2:9:" "did you mean 'model.width'?"
yaml 'experiment: x' 'sweep: {model.heads: [1, 5]}'
refused "a bad run of a sweep" "bad.yaml:2:26:" "multiple"

# What cannot be meant together.
yaml 'experiment: x' 'train: {objective: masked}'
refused "masked objective with the causal mask" "bad.yaml:2:20: train.objective" "needs model.attention.mask: bidirectional"
yaml 'experiment: x' 'model: {attention: {mask: bidirectional}}'
refused "causal objective with the bidirectional mask" "bad.yaml:" "needs model.attention.mask: causal"
yaml 'experiment: x' 'train: {objective: prefix}'
refused "prefix objective without a prefix" "bad.yaml:2:20: train.objective" "needs model.attention.mask: {kind: prefix"
yaml 'experiment: x' 'model: {context: 16, attention: {mask: {kind: prefix, length: 32}}}' 'train: {objective: prefix}'
refused "prefix longer than the context" "bad.yaml:2:40: model.attention.mask" "of 32 tokens is longer than model.context, which is 16"
yaml 'experiment: x' 'model: {layers: 3, position: [rope, nope]}'
refused "list by layer of the wrong length" "bad.yaml:2:30: model.position" "one for each layer: 3, not 2"
yaml 'experiment: x' 'model: {position: [absolute, rope]}'
refused "encoding of single layers that is added before them" "bad.yaml:2:19: model.position" "before any layer"
yaml 'experiment: x' 'model: {attention: {mask: prefix, window: 4}}' 'train: {objective: prefix}'
refused "window with the prefix mask" "bad.yaml:2:43: model.attention.window" "masks with one: causal, bidirectional"
yaml 'experiment: x' 'model: {attention: {window_shift: 2}}'
refused "shift without a window" "bad.yaml:2:35: model.attention.window_shift" "set model.attention.window too"
yaml 'experiment: x' 'model: {attention: {normalization: sigmoid, sink_logit: true}}'
refused "sink logit without softmax" "bad.yaml:2:57: model.attention.sink_logit" "the normalization is sigmoid"
yaml 'experiment: x' 'model: {mlp: none, parallel: true}'
refused "parallel without an MLP" "bad.yaml:2:30: model.parallel" "only parallel: false is allowed"
yaml 'experiment: x' 'model: {position: {kind: rope, factor: 4}}'
refused "factor without scaling" "bad.yaml:2:19: model.position" "needs a scaling: linear, ntk or yarn"
yaml 'experiment: x' 'data: {source: zipf, delimiters: 2}'
refused "delimiters without a place" "bad.yaml:2:34: data.delimiters" "delimiter_every or delimiter_probability"
yaml 'experiment: x' 'model: {position: {kind: rope, scaling: yarn}}'
refused "scaling without a factor" "bad.yaml:2:19: model.position" "yarn scaling needs a factor of at least 1"
yaml 'experiment: x' 'data: {symbols: 32}'
refused "symbols of a chain that has its own" "bad.yaml:2:17: data.symbols" "an option of the zipf chain"
yaml 'experiment: x' 'data: {bos: none, bos_count: 2}'
refused "a number of BOS where there is none" "bad.yaml:2:30: data.bos_count" "no BOS tokens to count"
yaml 'experiment: x' 'data: {random_first: true}' 'model: {attention: {mask: bidirectional}}' \
    'train: {objective: masked}'
refused "a first token where [CLS] stands" "bad.yaml:2:22: data.random_first" "[CLS] takes the first place"
yaml 'experiment: x' 'data: {fixed_position: 63}' 'model: {attention: {mask: bidirectional}}' \
    'train: {objective: masked}'
refused "a fixed token where [SEP] stands" "bad.yaml:2:24: data.fixed_position" "[SEP] the last"
yaml 'experiment: x' 'data: {source: tokens, path: nowhere.bin}'
refused "missing token file" "bad.yaml:2:30: data.path" "nowhere.bin"
yaml 'experiment: x' 'data: {source: mixture, sources: [{source: zipf}, {source: zipf, symbols: 63}]}'
refused "mixture of two vocabularies" "bad.yaml:2:34: data.sources" "it has 63 tokens, the first source 64"
yaml 'experiment: x' 'sweep: {zip: {seed: [1, 2], model.width: [8]}}'
refused "zipped lists of two lengths" "bad.yaml:2:42:" "must be equally long"
yaml 'experiment: x' 'sweep: {seed: {from: 1, to: 3}}'
refused "a range without its number of points" "bad.yaml:2:15:" "needs 'points'"
yaml 'experiment: x' 'sweep: {seed: [1, 1]}'
refused "the same run twice" "bad.yaml:2:8:" "makes the same run twice"
yaml 'experiment: x' 'sweep: {seed: [1, 2], exclude: [{seed: 3}]}'
refused "exclude that meets no run" "bad.yaml:2:33:" "no run of the sweep has"
yaml 'experiment: x' 'model: {hidden: "${model.widht}"}'
refused "reference to an unknown key" "bad.yaml:2:17:" "did you mean 'model.width'?"
yaml 'base: nowhere.yaml'
refused "missing base" "bad.yaml:1:7: base" "nowhere.yaml"

yaml 'experiment: ../x'
refused "a name that is no folder" "bad.yaml:1:13:" "letters, digits"
yaml 'experiment: x'
refused "unknown key in --set" "--set model.widht=3" "did you mean 'model.width'?" --set model.widht=3
refused "bad value in --set" "--set seed=x: seed is 'x'" "a whole number" --set seed=x
truncate -s 100M bad.yaml
refused "100 MB of YAML" "bad.yaml" "100.0 MB"
: >bad.yaml
refused "empty file" "bad.yaml" "empty"
rm -f bad.yaml && mkdir bad.yaml
refused "a folder" "bad.yaml" "is a folder"
rmdir bad.yaml
refused "no file" "bad.yaml" "No such file"

check "unknown command" start 2 rnu bad.yaml
check "unknown command: the nearest" says "did you mean 'run'?"
check "unknown option" start 2 run --thread 2
check "unknown option: the nearest" says "did you mean '--threads'?"
check "bad count" start 2 run tiny.yaml --jobs 0
check "bad count: what is allowed" says "from 1"
check "no file given" start 2 run
check "option of another command" start 2 show tiny.yaml --force
check "help" start 0 help run
check "version" start 0 --version
check "version: its name" says "fiducial 0"

cat >tiny.yaml <<'YAML'
experiment: tiny
model: {layers: 1, width: 8, heads: 1, hidden: 8, context: 16}
train: {steps: 40, batch: 4}
snapshots: {until: 8, every: 20}
probe: {samples: 2}
analysis: [sinks]
sweep: {seed: [1, 2]}
YAML

check "explain: all keys" start 0 explain
check "explain: its own two" says "another YAML file"
for key in base sweep model.position model.position.scaling data.sources.block train.groups.norms; do
    check "explain $key" start 0 explain "$key"
    check "explain $key: says what is allowed" says "allowed: "
done
check "explain: an option by its kind" start 0 explain model.position.rope.scaling
check "explain: an option by its kind: whose" says "model.position.scaling (of rope)"
check "explain: an option by its kind: values" says "one of: none, linear, ntk, yarn"
check "explain: a kind" start 0 explain model.position.rope
check "explain: a kind: its source" says "arXiv 2104.09864"
check "explain: an option of several kinds is told once" start 0 explain data.amount
check "explain: an option of several kinds: whose" says "(of bigram-backcopy, markov,"
check "explain: an option of another kind" start 2 explain model.position.alibi.scaling
check "explain: a misspelt key" start 2 explain model.widht
check "explain: a misspelt key: the nearest" says "did you mean 'model.width'?"
check "explain: a list tells defaults" start 0 explain train
check "explain: a list tells defaults: of steps" says "optimizer steps; default 1000"
check "explain: a list tells names" start 0 explain snapshots
check "explain: a list tells names: of early" says "every-step"
check "explain: an analysis" start 0 explain analysis.frames
check "explain: an analysis: its options" says "draws "
check "explain: an option of an analysis" start 0 explain analysis.frames.draws
check "explain: an option of an analysis: its default" says "default:  200"
check "explain: a misspelt option of an analysis" start 2 explain analysis.frames.drws
check "explain: a misspelt option of an analysis: the nearest" says "did you mean 'draws'?"
check "explain: a kind of data" start 0 explain data.tokens
check "explain: a kind of data: its options" says "data.path"
check "explain: a kind of data: not again as part of a mixture" [ "$(grep -c data.sources.path log)" = 0 ]
check "explain: parts of a mixture" start 0 explain data.sources
check "explain: parts of a mixture: their options" says "data.sources.path"

check "show" start 0 show tiny.yaml
grep -v '^#' log >full.yaml
cp log first
check "show: its own output makes the same runs" start 0 show full.yaml
settings() { grep -v '^# full\|^# tiny\|^# training' "$1"; }
check "show: the same in full" diff <(settings first) <(settings log)
check "show: writes nothing" [ ! -e results ]

check "dry run" start 0 run tiny.yaml --dry-run
check "dry run: the runs" says "# 2 runs"
check "dry run: how long" says "# training: about "
check "dry run: writes nothing" [ ! -e results ]

check "run" start 0 run tiny.yaml
check "run: its report" [ -s results/tiny/report.html ]
check "run: the default folder and names" [ -s "results/tiny/seed=2/run.h5" ]
check "run: the file as given" cmp tiny.yaml results/tiny/experiment.yaml
check "run again" start 0 run tiny.yaml
check "run again: nothing to do" says "done already"
check "run again with other threads, jobs and name" start 0 run tiny.yaml --threads 1 --jobs 1 \
    --set experiment=renamed --output results/tiny
check "run again with other threads, jobs and name: the same runs" says "done already"
check "status" start 0 status tiny.yaml
check "status: all done" says "2 done"

before=$(cat results/tiny/*/*.h5 results/tiny/*/snapshots/*.h5 | sha256sum)
check "other settings" start 2 run tiny.yaml --set model.width=16
check "other settings: what differs" says "model.width: 8 → 16"
check "other settings: how to go on" says "--force"
after=$(cat results/tiny/*/*.h5 results/tiny/*/snapshots/*.h5 | sha256sum)
check "other settings: nothing changed" [ "$before" = "$after" ]
check "other words only" start 0 train tiny.yaml --set description="other words"
check "other settings, forced" start 0 train tiny.yaml --set model.width=16 --force
check "forced: the older run is kept" [ -s "results/tiny/seed=1.old-1/run.h5" ]
after=$(cat results/tiny/*.old-1/*.h5 results/tiny/*.old-1/snapshots/*.h5 | sha256sum)
check "forced: byte for byte" [ "$before" = "$after" ]
cp -r results/tiny lost && rm lost/seed=1/run.h5
check "run.h5 lost, other settings" start 2 train tiny.yaml --output lost
check "run.h5 lost: its checkpoint tells" says "only its checkpoint is left"

# Without run.h5 its checkpoint still tells whose run it is.
cp -r results/tiny lost && rm lost/seed=*/run.h5
check "only a checkpoint of other settings" start 2 run tiny.yaml --output lost
check "only a checkpoint of other settings: said so" says "only its checkpoint is left"
check "only a checkpoint of other settings, forced" start 0 train tiny.yaml --output lost --force
check "only a checkpoint of other settings, forced: it is kept" [ -s "lost/seed=1.old-2/checkpoint.h5" ]

# Without that either, snapshots beyond the start are somebody's: they are not overwritten.
cp -r results/tiny bare && rm bare/seed=*/run.h5 bare/seed=*/checkpoint*.h5
before=$(cat bare/seed=?/snapshots/*.h5 | sha256sum)
check "only snapshots are left" start 2 run tiny.yaml --output bare --set train.clip=2
check "only snapshots are left: said so" says "only its snapshots are left"
after=$(cat bare/seed=?/snapshots/*.h5 | sha256sum)
check "only snapshots are left: untouched" [ "$before" = "$after" ]
rm -r bare
mkdir -p bare/seed=1 && cp -r results/tiny/seed=1.old-1/snapshots bare/seed=1 && rm bare/seed=1/snapshots/step-0000000[1-9].h5 bare/seed=1/snapshots/step-000000[1-9]*.h5
check "only the first snapshot: a run that was killed at its begin goes on" start 0 train tiny.yaml --output bare
cp -r bare beyond && rm beyond/seed=*/run.h5
check "a checkpoint of more steps" start 2 train tiny.yaml --output beyond --set train.steps=20
check "a checkpoint of more steps: said so" says "its checkpoint is of step 40, beyond this run's 20"

: >occupied
check "output folder that cannot be made" start 2 run tiny.yaml --output occupied/below
check "output folder: why" says "Not a directory"

# A file-size limit stands for a full disk: write fails, with another errno.
start_limited() { (ulimit -f 8 && start "$@"); }
check "full disk" start_limited 1 train tiny.yaml --output full
check "full disk: the errno's meaning" says "File too large"
check "full disk: goes on afterwards" start 0 train tiny.yaml --output full
check "full disk: the same bytes as undisturbed" cmp results/tiny/seed=1.old-1/snapshots/step-00000040.h5 \
    full/seed=1/snapshots/step-00000040.h5
check "full disk: analysis" start 0 analyze tiny.yaml --output full
check "full disk: the report" start_limited 1 report tiny.yaml --output full
check "full disk: the report, the errno's meaning" says "File too large"
check "full disk: the report afterwards" start 0 report tiny.yaml --output full
full_device() { ! "$program" "$1" >/dev/full 2>log; }
check "full device: schema fails" full_device schema
check "full device: schema, why" says "standard output cannot be written"

# Steps so large that the loss overflows; the other run goes on.
cat >overflow.yaml <<'YAML'
experiment: overflow
model: {layers: 1, width: 8, heads: 1, hidden: 8, context: 16}
train: {steps: 40, batch: 4, clip: 0, optimizer: {beta2: 0}}
snapshots: {early: none, every: 20}
probe: {samples: 2}
analysis: [sinks]
sweep: {train.optimizer.learning_rate: [10, 1e-3]}
YAML
check "overflow: failed" start 1 run overflow.yaml
check "overflow: why" says "the loss is"
check "overflow: the other run goes on" [ -s "results/overflow/learning_rate=0.001,seed=1/analysis.h5" ]
check "overflow: status" start 0 status overflow.yaml
check "overflow: shown as failed" says "1 failed, 1 done"

# An update that overflows at the very last step: no loss follows that would show it. A decay of
# 1e14 overflows at the third step; the norm hides from the loss what comes before.
cat >last.yaml <<'YAML'
experiment: last
model: {layers: 1, width: 8, heads: 1, hidden: 8, context: 16}
train:
  steps: 3
  batch: 4
  warmup: 0
  schedule: constant
  optimizer: {learning_rate: 10, weight_decay: 10}
  groups: {embedding: {learning_rate: 1e6, weight_decay: 1e6}}
probe: {samples: 2}
analysis: [sinks]
YAML
check "overflow at the last step: failed" start 1 run last.yaml
check "overflow at the last step: why" says "the update of step 3 left -inf in the parameter token_embedding"
check "overflow at the last step: not tried again" start 1 run last.yaml
check "overflow at the last step: not tried again, why" says "failed before: the update of step 3"
# Gradients of 1e26 are finite, and so is the loss; their squares are not.
yaml 'experiment: squares' \
    'model: {layers: 1, width: 8, heads: 1, hidden: 8, context: 16, norm: none}' \
    'train: {steps: 2, batch: 4, warmup: 0, clip: 0, schedule: constant,' \
    '  optimizer: {learning_rate: 10, weight_decay: 10},' \
    '  groups: {unembedding: {learning_rate: 1e6, weight_decay: 1e6}}}' \
    'probe: {samples: 2}' 'analysis: [sinks]'
check "overflow of a second moment: failed" start 1 run bad.yaml
check "overflow of a second moment: why" says \
    "the update of step 2 left inf in the optimizer's state of the parameter token_embedding"

# interrupt SIGNAL_COUNT: runs long.yaml, interrupts it once it trains, leaves its exit status.
interrupt() {
    "$program" train long.yaml >log 2>&1 </dev/null &
    local process=$! status=0 waited=0
    until [ -s results/long/seed=1/run.h5 ] || [ "$waited" -gt 200 ]; do
        sleep 0.05
        waited=$((waited + 1))
    done
    sleep 0.3
    for ((i = 0; i < $1; i++)); do
        kill -INT "$process" 2>/dev/null || true # the first may have ended it
        sleep 0.02
    done
    wait "$process" || status=$?
    [ "$status" -eq 130 ] && return
    echo "exit status $status, not 130:"
    cat log
    return 1
}
sed -e 's/tiny/long/' -e 's/steps: 40/steps: 200000/' tiny.yaml >long.yaml
set -m # so that background programs hear SIGINT
check "Ctrl-C: exit status 130" interrupt 1
check "Ctrl-C: says that the state is saved" says "the state is saved"
check "Ctrl-C: status" start 0 status long.yaml
check "Ctrl-C: shown as interrupted" says "interrupted"
check "Ctrl-C twice: exit status 130" interrupt 2

# A worker that is killed loses its own run only.
"$program" train long.yaml --set train.steps=2000 --output killed --jobs 2 >log 2>&1 </dev/null &
process=$!
until [ -s killed/seed=1/run.h5 ] || ! kill -0 "$process" 2>/dev/null; do sleep 0.02; done
worker=$(pgrep -P "$process" | head -n 1)
[ -z "$worker" ] || kill -KILL "$worker"
status=0
wait "$process" || status=$?
check "killed worker: exit status 1" [ "$status" -eq 1 ]
check "killed worker: named" says "signal 9"
check "killed worker: the next run finishes" start 0 train long.yaml --set train.steps=2000 --output killed

echo "$checked checks, $failed failed"
[ "$failed" -eq 0 ]
