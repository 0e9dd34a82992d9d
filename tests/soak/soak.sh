#!/usr/bin/env bash
# The kill test for as long as it is wanted, by hand: tests/soak/soak.sh [KILLS]. 500 (the default) take
# about 20 minutes on two cores. docs/reliability.md has the latest result.
set -eu
cd -- "$(dirname -- "$(realpath -- "$0")")/../.."
. scripts/setup.sh
build release
export KILLS=${1:-500}
SADDLESWEEP=$PWD/build/release/saddlesweep python_tests -s cli/test_kill.py
