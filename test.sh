#!/usr/bin/env bash
# Installs what is missing, builds, and passes every test: format, release, sanitizers, coverage,
# fuzzing. FUZZ_SECONDS (60) is how long each fuzz target runs.
# ./test.sh quick does the first two only.
set -eu
cd -- "$(dirname -- "$(realpath -- "$0")")"
. scripts/setup.sh
# shellcheck disable=SC2086
ensure_packages $RUN_PACKAGES $TEST_PACKAGES
if [ "$(id -u)" -eq 0 ]; then
    # shellcheck disable=SC2086
    ensure_packages $SLURM_PACKAGES
    export SADDLESWEEP_SLURM=required # no test may be skipped
else
    echo "The tests with a real Slurm (tests/slurm/) are skipped: starting its daemons takes root." >&2
fi

section() { printf '\n== %s\n' "$1"; }

# The tests with a real Slurm wait half of the time, so they run beside everything that follows the release build.
start_slurm_tests() {
    slurm_log=$(mktemp)
    (
        trap - INT QUIT # which a job in the background would ignore, and its children with it
        exec ctest --test-dir build/release/tests/slurm --no-tests=error --output-on-failure
    ) >"$slurm_log" 2>&1 &
    slurm_tests=$!
    trap end_slurm_tests EXIT # they end their daemons themselves, whatever else fails
}

# Waits for them and shows what they said; their exit status.
end_slurm_tests() {
    local status=0
    trap - EXIT
    section "Tests with a real Slurm (beside the others)"
    wait "$slurm_tests" || status=$?
    cat "$slurm_log"
    rm -f "$slurm_log"
    return "$status"
}

section "Format"
sources=$(find include src tests -name '*.[ch]')
# shellcheck disable=SC2086
clang-format --dry-run -Werror $sources
echo "clang-format: clean"

section "Tests of the release build"
build release
start_slurm_tests
ctest --preset release --label-exclude slurm --no-tests=error --parallel 2
[ "${1-}" != quick ] || { end_slurm_tests; exit; }

section "Tests under AddressSanitizer, LeakSanitizer and UndefinedBehaviorSanitizer"
build asan
find build/asan -name '*.gcda' -delete
ctest --preset asan --no-tests=error --parallel 2

section "Lines of src/ that these tests reach"
gcovr -j "$(nproc)" --root . --filter src/ --object-directory build/asan --fail-under-line 90 \
    --sort-uncovered build/asan

section "Fuzzing for ${FUZZ_SECONDS:=60} seconds"
tests/fuzz/fuzz.sh "$FUZZ_SECONDS"

end_slurm_tests
