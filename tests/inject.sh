#!/usr/bin/env bash
# Every system call of a kind that writes, makes, renames, removes or forks, in the runner and in the children of
# effects: it fails (ENOSPC, EIO, EMFILE, EROFS) or is the last (SIGKILL), and then everything is run to the end and
# nothing may be lost or doubled. Takes hours; `tests/inject.sh 500` draws 500 of each of the three groups instead.
# Needs strace. A seed that is printed draws the same ones again: `TURNSTILE_INJECT_SEED=…`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

command -v strace >/dev/null || {
    echo 'this needs strace: apt install strace' >&2
    exit 2
}
export TURNSTILE_INJECT=${1:-all}
export TURNSTILE_INJECT_AT_ONCE=${TURNSTILE_INJECT_AT_ONCE:-$(($(nproc) * 2))}
cargo test --test it injection:: -- --nocapture --test-threads=1
