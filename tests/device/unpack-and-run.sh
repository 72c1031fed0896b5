#!/usr/bin/env bash
# Unpack what lies beside this script, and run the checks and benchmarks on this machine's GPU:
#     bash unpack-and-run.sh [options of `python -m tests.device`]
# MODULE: what to run instead of tests.device, such as tests.device.styles, which trains styles.
# PYTHON: the interpreter that has torch; SITE and ROCKFALL_DATA: folders to unpack into.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
python=${PYTHON:-python3}
site=${SITE:-/tmp/rockfall-site}
export ROCKFALL_DATA=${ROCKFALL_DATA:-/tmp/rockfall-data}
"$python" "$here/unpack.py" "$site" "$ROCKFALL_DATA"
[ -d "$here/tests" ] || exit 0 # it brought data alone
export PYTHONPATH=$site
# What the caller calls --out is relative to where the caller is.
export ROCKFALL_DEVICE_OUT=${ROCKFALL_DEVICE_OUT:-$PWD/device-results}
cd "$here"
exec "$python" -m "${MODULE:-tests.device}" "$@"
