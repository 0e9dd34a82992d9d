#!/usr/bin/env bash
# Installs what is missing, builds, and tests: format, release, a real Slurm, sanitizers, coverage, fuzzing.
#   ./test.sh fast   what a change of a few lines can break: two minutes after a build
#   ./test.sh        everything that a release needs: a quarter of an hour
#   ./test.sh all    every case, every rank count, everything under sanitizers, minutes of fuzzing
# FUZZ_SECONDS is how long each fuzz target runs: 10, or 120 of `all`.
set -eu
cd -- "$(dirname -- "$(realpath -- "$0")")"
. scripts/setup.sh

level=${1-release}
case "$level" in
fast | release | all) ;;
*)
    echo "error: found \"$level\", expected fast, all or nothing (./test.sh [fast|all])" >&2
    exit 2
    ;;
esac
# shellcheck disable=SC2086
ensure_packages $RUN_PACKAGES $TEST_PACKAGES

started=$SECONDS
section() { printf '\n== %s (after %d s)\n' "$1" $((SECONDS - started)); }

# c_tests PRESET [OPTIONS OF ctest]: the tests of tests/unit and tests/mpi. What they leave is a failure (that of the
# Python tests is looked at by tests/conftest.py).
c_tests() {
    local preset=$1 folder left before status=0
    shift
    [ "$level" = all ] || set -- "$@" --label-exclude '^all$'
    folder=$(mktemp -d)
    before=$(ls -A /dev/shm)
    TMPDIR=$folder ctest --preset "$preset" --no-tests=error --parallel 2 "$@" || status=$?
    left=$(ls -A "$folder"; comm -13 <(sort <<<"$before") <(ls -A /dev/shm | sort))
    rm -rf "$folder"
    [ "$status" -eq 0 ] || return "$status"
    [ -z "$left" ] || { echo "The tests leave behind: $left" >&2; return 1; }
}

format() {
    local sources
    section "Format"
    mapfile -t sources < <(find include src tests -name '*.[ch]')
    clang-format --dry-run -Werror "${sources[@]}"
    echo "clang-format: clean"
}

fast() {
    build release
    section "Fast tests of the release build"
    c_tests release --label-regex '^fast$'
    python_tests -n 2 -m fast
}

# The tests with a real Slurm wait most of the time, so they run beside all that follows.
start_slurm_tests() {
    if [ "$(id -u)" -ne 0 ]; then
        echo "The tests with a real Slurm (tests/slurm/) are skipped: starting its daemons takes root." >&2
        return
    fi
    # shellcheck disable=SC2086
    ensure_packages $SLURM_PACKAGES
    export SADDLESWEEP_SLURM=required # no test may be skipped
    slurm_log=$(mktemp)
    (
        trap - INT QUIT # which a job in the background would ignore, and its children with it
        python_tests -n 4 slurm
    ) >"$slurm_log" 2>&1 &
    slurm_tests=$!
    trap end_slurm_tests EXIT # they end their daemons themselves, whatever else fails
}

# Waits for them and shows what they said; their exit status.
end_slurm_tests() {
    local status=0
    trap - EXIT
    [ -n "${slurm_tests-}" ] || return 0
    section "Tests with a real Slurm (beside the others)"
    wait "$slurm_tests" || status=$?
    cat "$slurm_log"
    rm -f "$slurm_log"
    return "$status"
}

everything() {
    export SADDLESWEEP_TESTS=$level
    format
    section "Release build"
    build release
    section "Tests of the release build: C"
    c_tests release --label-regex 'unit|mpi' # alone, as ranks that share a processor wait for each other's turn
    start_slurm_tests
    section "Tests of the release build: the program"
    python_tests -n 3 --durations=20 cli

    section "Build with AddressSanitizer, LeakSanitizer and UndefinedBehaviorSanitizer"
    build asan
    find build/asan -name '*.gcda' -delete
    section "Tests under sanitizers: C"
    c_tests asan --label-regex 'unit|mpi'
    section "Tests under sanitizers: the program"
    SADDLESWEEP=$PWD/build/asan/saddlesweep SADDLESWEEP_FAULTS=$PWD/build/asan/tests/libfaults.so python_tests -n 3 cli

    section "Lines of src/ that the sanitized tests reach"
    gcovr -j "$(nproc)" --root . --filter src/ --object-directory build/asan --fail-under-line 95 \
        --sort-uncovered build/asan

    [ "$level" = all ] && seconds=120 || seconds=10
    section "Fuzzing for ${FUZZ_SECONDS:=$seconds} seconds a target"
    tests/fuzz/fuzz.sh "$FUZZ_SECONDS"

    end_slurm_tests
}

case "$level" in
fast) fast ;;
*) everything ;;
esac
section "All passed"
