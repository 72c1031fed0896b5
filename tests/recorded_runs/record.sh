#!/usr/bin/env bash
# Record small runs with the `rockfall` on PATH: `record.sh FOLDER`, which must not exist yet.
#
# FOLDER gets one folder a run, of which three were stopped, and expected.json: the figures of the
# finished ones, and of the stopped ones what a copy of each comes to when it is resumed; and
# names.json: what the settings, metrics and options of all models and sources are called. Nothing is
# downloaded. Takes two or three minutes.
set -euo pipefail

if [ $# -ne 1 ] || [ -e "$1" ]; then
    echo "usage: $0 FOLDER (a new one)" >&2
    exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
out=$(cd "$1" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export OMP_NUM_THREADS=1
unset ROCKFALL_RUNS
cd "$scratch"

# The options that every run has; the clock decides about no checkpoint unless a run says so.
common=(--device cpu --precision float32 --threads 1 --out "$out")

record() { # NAME MODEL SOURCE [OPTION…]: a run that ends by itself
    local name=$1
    shift
    echo "$name: rockfall train $*"
    rockfall train "$@" --name "$name" "${common[@]}" --json >"$name.log"
}

stop() { # NAME SIGNAL FILE MODEL SOURCE [OPTION…]: send SIGNAL once FILE of the run holds something
    local name=$1 signal=$2 awaited=$3
    shift 3
    echo "$name: rockfall train $*, then SIG$signal"
    rockfall train "$@" --name "$name" "${common[@]}" --json >"$name.log" 2>&1 &
    local pid=$!
    until [ -s "$out/$name/$awaited" ]; do
        kill -0 $pid || { cat "$name.log" >&2; exit 1; }
        sleep 0.05
    done
    kill -"$signal" $pid
    wait $pid || true
    if [ -e "$out/$name/result.json" ]; then
        echo "$name had ended before it was stopped" >&2
        exit 1
    fi
}

# Agents
record reinforce-8x8 reinforce falling-rocks-8x8 --preset tiny steps=8000 lr=0.005
record pqn-bowl pqn falling-rocks-8x8 --preset tiny --seed 3 source.bowl_width=5
record a2c-conv a2c falling-rocks-8x8 --preset tiny network=conv
record dqn-cartpole dqn CartPole-v1 --preset tiny replay=500
record ppo-cartpole ppo CartPole-v1 --preset tiny network=mlp norm=false

# Classifiers
record lenet5-digits lenet5 digits epochs=3 optimizer=sgd lr=0.05 label_smoothing=0.05
record mlp-numpy-digits mlp-numpy digits --preset tiny epochs=4
record mlp-sevens mlp digits --preset tiny source.classes=7,1 source.size=6 source.seed=2
record fastnet-tiny fastnet digits --preset tiny ema=0.9 shift=1

# Boltzmann machines
record rbm-digits rbm digits --preset tiny
record dbn-digits dbn digits --preset tiny finetune=12
record ssrbm-patches ssrbm patches --preset tiny inputs=zca source.of=photos source.size=6 \
    source.count=500

# Generators
record vae-digits vae digits --preset tiny
record cgan-digits cgan digits --preset tiny epochs=10
record dcgan-sevens dcgan digits --preset tiny batch_size=32 epochs=4 source.classes=7
record gan-gaussian gan gaussian-1d hidden=8 epochs=2
record flow-ring flow ring --preset tiny epochs=2
record stacked-gan-digits stacked-gan digits --preset tiny

# Pictures
record gatys-china gatys china --preset tiny source.size=48 style=woodcut
record fast-style-tiny fast-style photos --preset tiny source.count=16 source.size=32
record painter-flower painter flower --preset tiny source.size=48 epochs=4
record evolve-flower evolve flower --preset tiny source.size=48

# One with a name and settings of its own
record my.first_GAN wgan-gp ring --seed 12345678901 hidden=24 latent=3 epochs=1 schedule=linear \
    discriminator_steps=2 ema=0 source.modes=5 source.radius=1.5 source.count=2000

# Stopped: Ctrl-C after a checkpoint; Ctrl-C amid episodes that are replayed; killed before the first
# checkpoint, so that only run.json and metrics are there
stop stopped-vae INT checkpoint/last.safetensors vae digits --preset tiny epochs=120 batch_size=16 \
    --checkpoint-every 2
stop stopped-dqn-cartpole INT checkpoint/last.safetensors dqn CartPole-v1 --preset tiny \
    hidden=32 lr=0.0023 updates=48 steps=16000 --checkpoint-every 1
stop killed-reinforce KILL metrics.jsonl reinforce falling-rocks-8x8 --preset tiny steps=60000 \
    --checkpoint-every 1000

# Of the stopped ones: what a copy comes to
cp -r "$out" resumed
for name in stopped-vae stopped-dqn-cartpole killed-reinforce; do
    echo "$name: resumed"
    rockfall resume "$scratch/resumed/$name" --json >>"$name.log"
done

python3 - "$scratch/resumed" "$out" <<'END'
"""Write expected.json, thin out the pictures (three of a series, none above 60 kB), keep empty folders."""

import json
import re
import sys
from pathlib import Path

resumed, out = map(Path, sys.argv[1:])
expected = {}
for run in sorted(path for path in resumed.iterdir() if path.is_dir()):
    result = json.loads((run / "result.json").read_text())
    expected[run.name] = {"figures": result["figures"], "step": result["steps"]}
(out / "expected.json").write_text(json.dumps(expected, indent=2) + "\n")

for run in sorted(path for path in out.iterdir() if path.is_dir()):
    (run / ".lock").unlink(missing_ok=True)
    series = {}
    for picture in list((run / "pictures").iterdir()):
        if picture.stat().st_size > 60_000:
            picture.unlink()
        elif match := re.fullmatch(r"(.+)-(\d+)\.png", picture.name):
            series.setdefault(match[1], []).append((int(match[2]), picture))
    for sheets in series.values():
        for _, picture in sorted(sheets)[:-3]:
            picture.unlink()
    for folder in (run / "checkpoint", run / "pictures"):
        if not any(folder.iterdir()):
            (folder / ".gitkeep").touch()
END
python3 "$here/record_names.py" "$out/names.json"
echo "recorded in $1"
