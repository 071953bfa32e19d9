#!/bin/sh
# What turnstile costs, as ratios to public tools within one run, so that the machine falls out of them.
#
#   benches/compare.sh [PROGRAM]
#
# PROGRAM is a release build of turnstile; without it one is built. Needs git and the GNU forms of date and xargs;
# peak memory needs GNU time as `/usr/bin/time` and is left out where it is missing. Everything is written to a folder
# that is removed at the end. ROUNDS (11), TICKETS (10000) and STEPS (25) change how much is measured.
set -eu

rounds=${ROUNDS:-11}
tickets=${TICKETS:-10000}
steps=${STEPS:-25}
# How many times a program of a few milliseconds is started for one measurement.
batch=20

here=$(cd "$(dirname "$0")/.." && pwd)
if [ $# -gt 0 ]; then
    turnstile=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
else
    (cd "$here" && cargo build --release --locked --quiet)
    turnstile=${CARGO_TARGET_DIR:-$here/target}/release/turnstile
fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM

# Nothing of the user's: no settings of git, no variables that lead git or turnstile elsewhere.
export HOME="$scratch/home" LC_ALL=C
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_CONFIG_NOSYSTEM XDG_CONFIG_HOME
mkdir "$HOME"

# repository FOLDER COUNT AGENT: a git repository with so many tickets, three quarters of them done.
repository() {
    mkdir -p "$1/src" "$1/.tickets"
    (
        cd "$1"
        git init --quiet --initial-branch main
        git config user.name bench
        git config user.email bench@example.invalid
        git config gc.auto 0
        printf 'fn main() {}\n' >src/main.rs
        printf '%s\n' "$3" >.tickets/config.yaml
        awk -v count="$2" '
            BEGIN {
                folders = int((count + 999) / 1000)
                for (folder = 0; folder < folders; folder++) {
                    name = sprintf(".tickets/epic-%02d", folder)
                    system("mkdir " name)
                    last = (folder + 1) * 1000 < count ? 1000 : count - folder * 1000
                    for (number = 1; number <= last; number++) {
                        file = sprintf("%s/%03d-handle-case-%d.md", name, number, folder * 1000 + number)
                        print "---" >file
                        printf "title: Handle case %d of the importer\n", folder * 1000 + number >file
                        print "goal: The importer accepts what people really write" >file
                        print (number <= last * 3 / 4 ? "done: true" : "done: false") >file
                        print "priority: " number % 5 >file
                        if (number > 1 && number % 3 == 0) printf "depends_on: [%03d]\n", number - 1 >file
                        print "tags: [importer, \"case-" number % 7 "\"]" >file
                        print "---\n" >file
                        printf "# Handle case %d of the importer\n\n", folder * 1000 + number >file
                        print "The importer reads a file line by line. A line that it does not understand stops it" >file
                        print "today; it should be reported with its number, and the rest should be read.\n" >file
                        print "## What is wanted\n" >file
                        for (line = 1; line <= 4 + number % 12; line++)
                            printf "- [ ] input of form %d is read, refused or reported, and a test shows it\n", line >file
                        print "\n```text\n1;2026-01-31;one\n2;31.01.2026;two\n```" >file
                        close(file)
                    }
                }
            }'
        git add --all
        git commit --quiet --message 'Tickets'
        "$turnstile" trust --yes >/dev/null
    )
}

now() {
    date +%s%N
}

# clock NAME COMMAND…: one measurement, in microseconds, kept under NAME.
clock() {
    series=$1
    shift
    begin=$(now)
    "$@" >/dev/null 2>&1 || { printf 'compare.sh: failed: %s\n' "$*" >&2; exit 1; }
    end=$(now)
    echo $(((end - begin) / 1000)) >>"$scratch/$series.times"
}

median() {
    sort -n "$scratch/$1.times" | awk '{ value[NR] = $1 } END { print value[int((NR + 1) / 2)] }'
}

shown() {
    median "$1" | awk '{ printf "%.1f ms", $1 / 1000 }'
}

ratio() {
    awk -v one="$(median "$1")" -v other="$(median "$2")" 'BEGIN { printf "%.2f", one / other }'
}

# row NAME SERIES OTHER GOAL
row() {
    printf '%-32s %12s   %s x %s (goal: %s)\n' "$1" "$(shown "$2")" "$(ratio "$2" "$3")" "$3" "$4"
}

# processor COUNT COMMAND…: the processor time of one of so many runs, children included. Unlike the clock it says the
# same on a machine that has other things to do.
processor() {
    count=$1
    shift
    if [ -x /usr/bin/time ]; then
        /usr/bin/time -f '%U %S' -o "$scratch/processor" \
            sh -c 'count=$1; shift; for _ in $(seq "$count"); do "$@" || exit 1; done' sh "$count" "$@" >/dev/null 2>&1
        awk -v count="$count" '{ printf "%.1f ms", ($1 + $2) * 1000 / count }' "$scratch/processor"
    else
        printf 'not measured'
    fi
}

read_all() {
    xargs -0 -s 2000000 cat <"$scratch/files"
}

many() {
    for _ in $(seq "$batch"); do
        "$@" || return 1
    done
}

peak() {
    if [ -x /usr/bin/time ]; then
        /usr/bin/time -f %M -o "$scratch/peak" "$@" >/dev/null 2>&1
        awk '{ printf "%.1f MiB", $1 / 1024 }' "$scratch/peak"
    else
        printf 'not measured'
    fi
}

printf 'turnstile: %s\n' "$("$turnstile" --version)"
printf 'machine: %s, %s processors\n' "$(uname -srm)" "$(nproc)"

repository "$scratch/large" "$tickets" 'default_agent: codex'
cd "$scratch/large"
find .tickets -name '*.md' -print0 | sort -z >"$scratch/files"
size=$(read_all | wc -c)
printf '\n%s tickets, %s KiB; medians of %s alternating rounds, warm cache\n' "$tickets" $((size / 1024)) "$rounds"
read_all >/dev/null
"$turnstile" -q lint >/dev/null
for _ in $(seq "$rounds"); do
    clock cat read_all
    clock lint "$turnstile" lint
    clock status "$turnstile" status
    clock next "$turnstile" next
done
printf '%-32s %12s\n' 'cat of the same files' "$(shown cat)"
row 'turnstile lint' lint cat 3
row 'turnstile status' status lint 1.5
row 'turnstile next' next lint 1.5
printf '%-32s cat %s, lint %s, status %s, next %s\n' 'processor time' \
    "$(processor 5 xargs -0 -s 2000000 -a "$scratch/files" cat)" "$(processor 5 "$turnstile" lint)" \
    "$(processor 5 "$turnstile" status)" "$(processor 5 "$turnstile" next)"
printf '%-32s lint %s, status %s, next %s (goal: 50 MiB)\n' 'peak memory' \
    "$(peak "$turnstile" lint)" "$(peak "$turnstile" status)" "$(peak "$turnstile" next)"

repository "$scratch/small" 5 'default_agent: codex'
cd "$scratch/small"
printf '\n5 tickets; each measurement starts the program %s times\n' "$batch"
for _ in $(seq "$rounds"); do
    clock git many git --version
    clock small many "$turnstile" status
done
printf '%-32s %12s\n' 'git --version' "$(shown git)"
row 'turnstile status' small git 4
printf '%-32s git %s, status %s (of one run)\n' 'processor time' "$(processor 100 git --version)" \
    "$(processor 100 "$turnstile" status)"

# What a push waits for. The runners that it starts take up a trigger each, and are waited for by nobody.
"$turnstile" trust --yes >/dev/null
sed -i 's/^done: false/done: true/' .tickets/*/*.md
printf '\nwhat a push waits for, 5 tickets; %s calls\n' "$steps"
for _ in $(seq "$steps"); do
    clock version git --version
    clock hook "$turnstile" hook pre-push origin url </dev/null
    sleep 0.6
done
printf '%-32s %12s\n' 'git --version' "$(shown version)"
printf '%-32s %12s   %s x git (goal: under 50 ms)\n' 'turnstile hook pre-push' "$(shown hook)" "$(ratio hook version)"
printf '%-32s %12s\n' 'the slowest of them' "$(sort -n "$scratch/hook.times" | tail -1 | awk '{ printf "%.1f ms", $1 / 1000 }')"

# An agent that does nothing: what is left is turnstile's own cost.
repository "$scratch/steps" 1000 'default_agent: nothing
agents: {nothing: {kind: command, command: [/bin/true]}}
limits: {total_turns: off, turns: off, time: off, no_progress: off, failures: off}'
cd "$scratch/steps"
printf '\n1000 tickets; %s steps whose agent is /bin/true\n' "$steps"
for _ in $(seq "$steps"); do
    clock step "$turnstile" step
    # The agent alone: what it takes to start a program and to look at the clock twice is no cost of turnstile's.
    clock alone /bin/true
done
paste "$scratch/step.times" "$scratch/alone.times" | awk '{ print $1 - $2 }' >"$scratch/own.times"
printf '%-32s %12s\n' 'turnstile step, wall' "$(shown step)"
printf '%-32s %12s\n' 'its agent alone' "$(shown alone)"
printf '%-32s %12s   (goal: 27 ms)\n' 'turnstile itself' "$(shown own)"
printf '%-32s %12s\n' 'processor time of a step' "$(processor 10 "$turnstile" step)"
