#!/usr/bin/env bash
# From a sweep file to its result: installs what is missing, builds, runs on all cores, draws, reports.
set -eu

usage() {
    cat <<'END'
Usage: ./run.sh SPEC.yaml [--ranks N] [OPTIONS OF "saddlesweep run"]

Runs the sweep in SPEC.yaml on all cores (or on N ranks) and leaves in results/NAME/ of the folder
that it is called in, NAME being the file's name without .yaml:
  NAME.h5                        the result file
  NAME*.png, *.pdf, *.svg        the figures
  NAME.csv, NAME.txt             the table
  NAME-fit.json, NAME-fit.txt    the scaling law, if the sweep has several d and n
  NAME.report.html               all of it as one page
The same command goes on after an interruption. Example: ./run.sh sweeps/smoke.yaml
END
}

case "${1-}" in
-h | --help)
    usage
    exit 0
    ;;
"" | -*)
    usage >&2
    exit 2
    ;;
esac
spec=$(realpath -- "$1")
shift
if [ ! -f "$spec" ]; then
    echo "error: $spec: no such file; expected a sweep file, e.g. sweeps/smoke.yaml" >&2
    exit 2
fi
ranks=""
if [ "${1-}" = --ranks ]; then
    ranks=${2-}
    case "$ranks" in
    "" | *[!0-9]* | 0)
        echo "error: --ranks: expected a positive integer" >&2
        exit 2
        ;;
    esac
    shift 2
fi

called_in=$PWD
home=$(dirname -- "$(realpath -- "$0")")
cd -- "$home"
. scripts/setup.sh
# shellcheck disable=SC2086
ensure_packages $RUN_PACKAGES
build release saddlesweep
cd -- "$called_in"

name=$(basename -- "$spec")
name=${name%.*}
program=$home/build/release/saddlesweep
sets=() # of the further options, those that `plan` takes as well
previous=""
for option in "$@"; do
    case "$previous $option" in
    "--set "* | *" --set="*) sets+=("--set=${option#--set=}") ;;
    esac
    previous=$option
done
"$program" plan "$spec" "${sets[@]}" >/dev/null # a wrong file creates no folder
mkdir -p "results/$name"
[ ! -t 2 ] || export SADDLESWEEP_PROGRESS=live

# mpirun ends its ranks hard on Ctrl-C, but passes SIGUSR1 on to them, which lets them stop in order.
# So it gets a session of its own, out of the terminal's reach; the second Ctrl-C is meant hard.
stop_signal=USR1
interrupt() {
    kill -s "$stop_signal" "$launcher" 2>/dev/null || true
    stop_signal=TERM
    interrupted=yes
}
setsid mpirun --quiet -n "${ranks:-$(nproc)}" --oversubscribe "$program" run "$spec" \
    -o "results/$name/$name.h5" "$@" &
launcher=$!
trap interrupt INT TERM
while :; do
    interrupted=""
    status=0
    wait "$launcher" || status=$?
    [ -n "$interrupted" ] || break # a trapped signal ends `wait` early
done
trap - INT TERM
case $status in
0 | 3) ;; # 3: some runs diverged or failed; the figures show it
*) exit "$status" ;;
esac
python=$("$home/scripts/find-python")
result=results/$name/$name.h5
law="results/$name/$name-fit"
fit=(--fit "$law.json")
if "$program" fit "$result" --json "$law.json" >"$law.txt" 2>/dev/null; then
    echo "$law.txt"
else
    rm -f "$law.json" "$law.txt" # the report says why there is none
    fit=()
fi
"$python" -B "$home/analysis/figures.py" "${fit[@]}" "$result" || [ "$status" -ne 0 ] || status=1
"$python" -B "$home/analysis/report.py" --program "$program" "$result" || [ "$status" -ne 0 ] || status=1
exit "$status"
