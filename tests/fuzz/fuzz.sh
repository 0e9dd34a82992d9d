#!/usr/bin/env bash
# Fuzzes from the committed corpus: tests/fuzz/fuzz.sh SECONDS [TARGET]... (all targets at once).
# With 0 seconds it tries what is in the corpus, and nothing new. Builds what it runs. Ends with
# status 1 if anything was found; the input lies in build/fuzz/.
set -eu
cd -- "$(dirname -- "$(realpath -- "$0")")/../.."
. scripts/setup.sh

seconds=${1:?"usage: tests/fuzz/fuzz.sh SECONDS [TARGET]..."}
shift
[ $# -gt 0 ] || set -- spec result saved_run
limit=-max_total_time=$seconds
[ "$seconds" != 0 ] || limit=-runs=0
build fuzz

export LSAN_OPTIONS="suppressions='$PWD/tests/fuzz/lsan.supp':print_suppressions=0"
export UBSAN_OPTIONS=print_stacktrace=1

# Their files lie in memory, if there is such a folder; nothing stays, not even after a crash.
parent=/dev/shm
[ -w "$parent" ] || parent=${TMPDIR:-/tmp}
TMPDIR=$(mktemp -d "$parent/saddlesweep-fuzz.XXXXXX")
export TMPDIR
pids=()
clean_up() {
    [ ${#pids[@]} -eq 0 ] || kill "${pids[@]}" 2>/dev/null || true
    wait
    rm -rf "$TMPDIR"
}
trap clean_up EXIT

# In a copy of the corpus, where finds stay for the next time.
fuzz() {
    local corpus=build/fuzz/corpus/$1
    mkdir -p "$corpus"
    cp tests/fuzz/corpus/"$1"/* "$corpus"
    exec build/fuzz/tests/fuzz/fuzz_"$1" "$limit" -max_len=4096 -timeout=10 \
        -rss_limit_mb=2048 -artifact_prefix="build/fuzz/$1-" -print_final_stats=1 \
        $([ "$1" != spec ] || echo -dict=tests/fuzz/spec.dict) "$corpus" >"build/fuzz/$1.log" 2>&1
}

for target in "$@"; do
    fuzz "$target" &
    pids+=($!)
done
failed=0
for target in "$@"; do
    if wait "${pids[0]}"; then
        awk -v target="$target" '/^stat::number_of_executed_units/ { runs = $2 }
            /DONE +cov: / { covered = $4; features = $6 }
            END { printf "%-10s %d inputs, %d places reached, %d features\n", target, runs, covered, features }' \
            "build/fuzz/$target.log"
    else
        failed=1
        echo "$target: found something; the end of build/fuzz/$target.log:"
        tail -n 60 "build/fuzz/$target.log"
    fi
    pids=("${pids[@]:1}")
done
exit "$failed"
