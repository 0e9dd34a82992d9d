# Sourced by run.sh and test.sh: installs the Debian packages that are missing.

# What building and running needs; CONTRIBUTING.md says why each.
RUN_PACKAGES="gcc make cmake git pkg-config libopenmpi-dev openmpi-bin libhdf5-openmpi-dev
    libfyaml-dev librandom123-dev libgsl-dev libjansson-dev libopenblas-dev libxxhash-dev
    libscalapack-openmpi-dev
    python3 python3-h5py python3-matplotlib"

# What the tests need beyond that.
TEST_PACKAGES="libcmocka-dev clang-format clang-14 libclang-rt-14-dev gcovr hdf5-tools python3-xarray python3-h5netcdf
    python3-pytest python3-pytest-xdist ccache tidy chromium"

# For the jobs of tests/slurm/, which take root: as anybody else they are skipped.
SLURM_PACKAGES="slurm-wlm munge"

# ensure_packages NAME...: installs what is missing when root; otherwise prints the line to run and
# ends the script with status 2.
ensure_packages() {
    local package missing=""
    if ! command -v dpkg-query >/dev/null; then
        echo "This is no Debian system; make sure that these are installed: $*" >&2
        return 0
    fi
    for package in "$@"; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
            missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    if [ "$(id -u)" -ne 0 ]; then
        echo "Packages are missing. Please run this line, then the same command again:" >&2
        echo "  sudo apt-get install -y --no-install-recommends$missing" >&2
        exit 2
    fi
    echo "Installing$missing" >&2
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086
    apt-get install -y -q --no-install-recommends $missing >/dev/null 2>&1 ||
        { apt-get update -q >/dev/null && apt-get install -y -q --no-install-recommends $missing >/dev/null; } ||
        { echo "apt-get could not install:$missing" >&2; exit 1; }
}

# Open MPI refuses root unless told; inside a container root is what there is.
if [ "$(id -u)" -eq 0 ]; then
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi

# build PRESET [TARGET]: configures and builds, quietly unless it fails; one at a time, as two would
# take each other's files away.
build() {
    local log
    log=$(mktemp)
    mkdir -p build
    if ! {
        flock 9
        cmake --preset "$1" && cmake --build --preset "$1" ${2:+--target "$2"} --parallel "$(nproc)"
    } >"$log" 2>&1 9>"build/$1.lock"; then
        cat "$log" >&2
        rm -f "$log"
        echo "The build ($1) failed." >&2
        exit 1
    fi
    rm -f "$log"
}

# python_tests ARGUMENTS: tests/cli and tests/slurm by pytest, on Debian's Python.
python_tests() {
    local python
    python=$(scripts/find-python) || return
    (export PYTHONPYCACHEPREFIX=$PWD/build/pycache && cd tests && exec "$python" -m pytest -q "$@")
}
