#!/usr/bin/env bash
# Whether the crash tests have teeth: each patch of tests/teeth breaks one promise, in a copy of the sources, and the
# crash tests must notice. Says by which tests. A patch that does not apply any more is an error as well.
#   tests/teeth.sh [TEST…]      only these tests, as `cargo test` names them; all crash tests otherwise
# A build that never comes to an end is caught as well: TEETH_SECONDS (900) for all tests of a patch.
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
tests=("$@")
[ ${#tests[@]} -gt 0 ] || tests=(crash:: crash_points:: step_operator::)

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$top/target}/teeth

toothless=0
for patch in "$top"/tests/teeth/*.patch; do
    rm -rf "$copy/sources"
    mkdir "$copy/sources"
    (cd "$top" && git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "$copy/sources")
    (cd "$copy/sources" && patch --quiet -p1 < "$patch")
    name=$(basename "$patch" .patch)
    # A broken build may have warnings; that it does not compile would prove nothing.
    (cd "$copy/sources" && cargo test --quiet --test it --no-run)
    status=0
    (cd "$copy/sources" && timeout --kill-after=10 "${TEETH_SECONDS:-900}" cargo test --test it -- "${tests[@]}") \
        > "$copy/$name.log" 2>&1 || status=$?
    if [ "$status" -eq 0 ]; then
        echo "$name: NOT CAUGHT"
        toothless=1
    else
        echo "$name: caught by"
        [ "$status" -ne 124 ] || echo "    tests that did not come to an end"
        sed -n 's/^test \(.*\) \.\.\. FAILED$/    \1/p' "$copy/$name.log"
        grep -hE 'ran twice|called interrupted|lost or doubled|lies [0-9]+ times|never sent|not in the journal|made twice|messages were archived|does not come to its end|git_failed' "$copy/$name.log" \
            | cut -c 1-160 | sort | uniq -c | sort -rn | head -n 5 | sed 's/^/      /' || true
    fi
done
exit "$toothless"
