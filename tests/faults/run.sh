# run TIMEOUT JOBS: one run of the doctor with the stand-in, and what it left: a line of JSON each.
ulimit -v 1048576
before=${EPOCHREALTIME/[.,]/}
PATH=/fault/bin:/fault/rest /usr/local/bin/doctor check --format ndjson --timeout "$1" --jobs "$2" 2>/tmp/stderr
status=$?
after=${EPOCHREALTIME/[.,]/}
printf '{"type": "ended", "status": %d, "ms": %d, "stderr": %d, "left": %d}\n' \
    "$status" $(((after - before) / 1000)) "$(wc -c </tmp/stderr)" "$(pgrep -c -u agent -x sleep)"
