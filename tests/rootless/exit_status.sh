instead_of_flock() {
    mkdir bin
    printf '#!/bin/sh\n[ "$1" != --version ] || exec echo flock from util-linux 2.41\n%s\n' "$1" >bin/flock
    chmod +x bin/flock
    PATH=$PWD/bin:$PATH
}
# The probe of flock-order gives no answer.
hanging() { instead_of_flock 'exec tail -f /dev/null'; "$@"; }
# A component behaves otherwise than recorded: workers on one lock overlap.
pretending() { instead_of_flock :; "$@"; }
# A signal comes in the middle of a probe.
ended_by() { instead_of_flock "kill -s $1 $$; exec tail -f /dev/null"; shift; exec "$@"; }
# There is no program in PATH, so that no scope can be started.
bare() { program=$(command -v "$1"); shift; PATH=/nowhere "$program" "$@"; }
