# shellcheck shell=bash
# What ci/test says: its steps, what failed, what was not run, and where the time went.

FAILED=()
NOT_RUN=()
FLAKY=()
SECONDS=0

# Names a step, with the time since the start.
say() { printf '\n== %d:%02d %s\n' "$((SECONDS / 60))" "$((SECONDS % 60))" "$*" >&2; }

die() {
    printf 'ci/test: %s\n' "$*" >&2
    exit 1
}

# Runs a step. One that fails does not keep the others from being run. In CI the end of what it printed is repeated at
# the end, since a log of thousands of lines is often shown in part.
run() {
    local log
    if [[ ${CI:-} != true ]]; then
        "$@" || FAILED+=("$*")
        return
    fi
    log=$(mktemp)
    "$@" 2>&1 | tee "$log" || FAILED+=("$*"$'\n'"$(tail -n 40 "$log" | sed 's/^/    /')")
    rm -f "$log"
}

# not_run WHAT WHY
not_run() {
    NOT_RUN+=("$1, because $2")
}

# The ten slowest tests of a run, by the report that nextest writes.
slowest() {
    local report=$1
    [[ -e $report ]] || return 0
    say 'the ten slowest tests, in seconds'
    # To its end: a reader that stops after ten lines would end sort by SIGPIPE, and with it ci/test.
    sed -nE 's/.*<testcase name="([^"]*)".* time="([0-9.]*)".*/\2 \1/p' "$report" | sort -rn |
        awk 'NR <= 10 { printf "%8.1f  %s\n", $1, $2 }' >&2
    sed -nE 's/.*<testsuites .*tests="([0-9]*)".* time="([0-9.]*)".*/\1 \2/p' "$report" |
        awk '{ printf "%8.1f  in total, for %d tests\n", $2, $1 }' >&2
}

# Remembers the tests of a run that passed at their second attempt only, by the report that nextest writes.
note_flaky() {
    local report=$1 name
    [[ -e $report ]] || return 0
    while read -r name; do
        FLAKY+=("$name")
    done < <(awk -F '"' '/<testcase /{ name = $2 } /<flakyFailure/{ print name }' "$report" | sort -u)
}

# Ends ci/test. In CI a test that was not run is one that failed.
finish() {
    local line
    say "ci/test took $((SECONDS / 60)) min $((SECONDS % 60)) s"
    for line in "${NOT_RUN[@]}"; do
        printf 'NOT RUN: %s\n' "$line" >&2
    done
    for line in "${FLAKY[@]}"; do
        printf 'FLAKY: %s passed at its second attempt only: its first output is above, and has a cause\n' "$line" >&2
    done
    for line in "${FAILED[@]}"; do
        printf 'FAILED: %s\n' "$line" >&2
    done
    ((${#FAILED[@]} == 0)) || exit 1
    [[ ${CI:-} != true || ${#NOT_RUN[@]} -eq 0 ]] || die 'in CI everything has to be run'
}
