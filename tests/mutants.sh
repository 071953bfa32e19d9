#!/usr/bin/env bash
# Breaks the kernel in every way that cargo-mutants knows, one at a time, and asks its unit tests whether they notice.
# What no test noticed is printed; docs/mutants.md says which of it is accepted and why.
#   tests/mutants.sh [FILE…]      only these files of src/flow or src/run/driver.rs; all of them otherwise
#   tests/mutants.sh --tests      no mutants: only the unit tests of the kernel, in seconds
# The mutants are made in a crate of the kernel and the rooms below it alone, in a temporary folder: it compiles in
# seconds, and the checkout is left as it is. Everything takes hours. Needs cargo-mutants.
#   MUTANTS_OUT (target/mutants)  what cargo-mutants writes, one folder a file
#   MUTANTS_KERNEL                a folder that is kept for the crate and used again: a second run builds less
#   MUTANTS_SECONDS (15)          how long the tests may run before a mutant counts as one that never ends
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

cargo mutants --version >/dev/null 2>&1 || [ "${1:-}" = --tests ] || {
    echo 'this needs cargo-mutants: cargo install --locked cargo-mutants' >&2
    exit 2
}

kernel=${MUTANTS_KERNEL:-}
if [ -z "$kernel" ]; then
    kernel=$(mktemp -d)
    trap 'rm -rf "$kernel"' EXIT
fi

# Two crates: the rooms that the kernel stands on are compiled once, and every mutant compiles the kernel alone.
rm -rf "$kernel/src" "$kernel/rooms/src"
mkdir -p "$kernel/rooms/src" "$kernel/src/run"
cp -r "$top"/src/{config,diagnostic,text,ticket} "$kernel/rooms/src/"
cp -r "$top/docs" "$top/templates" "$kernel/rooms/"
cp -r "$top/src/flow" "$kernel/src/"
cp "$top"/src/run/driver*.rs "$kernel/src/run/"
cp "$top/Cargo.lock" "$kernel/"
printf 'pub mod %s;\n' config diagnostic text ticket > "$kernel/rooms/src/lib.rs"
printf 'pub use rooms::{config, diagnostic, text, ticket};\npub mod flow;\npub mod run;\n' > "$kernel/src/lib.rs"
printf 'mod driver;\npub use driver::{StepEnd, serve, step};\n' > "$kernel/src/run/mod.rs"

# The dependencies of the checkout without those of the edges. The rest of Cargo.toml is about programs and lints.
dependencies() {
    sed -n "/^\[$1\]/,/^\$/p" "$top/Cargo.toml" | grep -vE '^(git2|libgit2-sys|tokio|clap_[a-z]+|tracing-subscriber|indicatif|insta) ='
}
{
    printf '[package]\nname = "rooms"\nversion = "0.0.0"\nedition = "2024"\n\n'
    dependencies dependencies
} > "$kernel/rooms/Cargo.toml"
{
    printf '[workspace]\nmembers = ["rooms"]\n\n[package]\nname = "kernel"\nversion = "0.0.0"\nedition = "2024"\n\n'
    dependencies dependencies
    printf 'rooms = { path = "rooms" }\n\n'
    dependencies dev-dependencies
    printf '\n[profile.dev]\ndebug = false\n\n[profile.dev.package."*"]\nopt-level = 1\n'
} > "$kernel/Cargo.toml"

# A mutant that one random case in a thousand meets is not noticed: few cases, and the same ones each time.
export PROPTEST_CASES=150 PROPTEST_RNG_SEED=1 PROPTEST_MAX_SHRINK_ITERS=0 PROPTEST_DISABLE_FAILURE_PERSISTENCE=true
(cd "$kernel" && cargo test --quiet --lib)
[ "${1:-}" != --tests ] || exit 0

files=()
for file in "$@"; do
    file=$(basename "$file" .rs)
    [ "$file" != driver ] || file=../run/driver
    files+=("$file")
done
if [ ${#files[@]} -eq 0 ]; then
    for file in "$top"/src/flow/*.rs; do
        file=$(basename "$file" .rs)
        [[ "$file" == tests || "$file" == *_tests ]] || files+=("$file")
    done
    files+=(../run/driver)
fi

out=${MUTANTS_OUT:-$top/target/mutants}
mkdir -p "$out"
lines() {
    cat "$1" 2>/dev/null | wc -l
}
missed=0
echo '| file | mutants | caught | timed out | unviable | missed |'
echo '| ---- | ------: | -----: | --------: | -------: | -----: |'
for file in "${files[@]}"; do
    path=$(cd "$kernel/src/flow" && realpath --relative-to=../.. "$file.rs")
    name=$(basename "$file")
    rm -rf "${out:?}/$name"
    mkdir -p "$out/$name"
    # A driver that a mutant lets run in circles has been noticed: 3 is "some timed out", 2 is "some were missed".
    status=0
    (cd "$kernel" && cargo mutants --in-place --baseline skip --timeout "${MUTANTS_SECONDS:-15}" --test-tool cargo \
        --no-shuffle --cargo-arg=--lib --file "$path" --output "$out/$name") > "$out/$name/log" 2>&1 || status=$?
    [[ "$status" =~ ^[023]$ ]] || {
        tail -n 20 "$out/$name/log" >&2
        exit "$status"
    }
    of="$out/$name/mutants.out"
    counts=("$(lines "$of/caught.txt")" "$(lines "$of/timeout.txt")" "$(lines "$of/unviable.txt")" "$(lines "$of/missed.txt")")
    all=$((counts[0] + counts[1] + counts[2] + counts[3]))
    echo "| \`$path\` | $all | ${counts[0]} | ${counts[1]} | ${counts[2]} | ${counts[3]} |"
    missed=$((missed + counts[3]))
done
echo
for file in "${files[@]}"; do
    cat "$out/$(basename "$file")/mutants.out/missed.txt" 2>/dev/null || true
done
[ "$missed" -eq 0 ]
