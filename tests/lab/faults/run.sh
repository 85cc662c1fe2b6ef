# run TIMEOUT JOBS [GROUP...]: one run of the doctor with the faulty program, and what is left: a line of JSON each.
ulimit -v 1048576
timeout=$1 jobs=$2
shift 2
before=${EPOCHREALTIME/[.,]/}
PATH=/fault/bin:/fault/rest /usr/local/bin/doctor check --format ndjson --timeout "$timeout" --jobs "$jobs" "$@" 2>/tmp/stderr
status=$?
after=${EPOCHREALTIME/[.,]/}
printf '{"type": "ended", "status": %d, "ms": %d, "stderr": %d, "left": %d}\n' \
    "$status" $(((after - before) / 1000)) "$(wc -c </tmp/stderr)" "$(pgrep -c -u agent -x sleep)"
