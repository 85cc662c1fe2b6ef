#!/bin/bash
# drive.sh SEED COUNT: runs one fleet under a watch, then asks the journal. Writes one line of JSON.
set -u
seed=$1 count=$2 dir=/tmp/fleet-$1
since=$(date +%s)
rm -f /tmp/watching
mkfifo /tmp/watching
doctor fanout --watch --until-idle --for 60s --dispatcher "fan-$seed" --units "f$seed-*" --slice app.slice \
    --format json 2>/tmp/watching >/tmp/watch.json &
watch=$!
# Its first line says that it watches.
read -r _ </tmp/watching
systemd-run --user --quiet --collect --service-type=oneshot --unit="fan-$seed" -- bash /tmp/fleet.sh "$seed" "$count"
wait "$watch"
doctor fanout --since "@$since" --dispatcher "fan-$seed" --units "f$seed-*" --format json >/tmp/journal.json
cat /tmp/watch.json
echo '<--->'
cat /tmp/journal.json
echo '<--->'
cat "$dir/expected" 2>/dev/null
echo '<--->'
cat "$dir/made"
echo '<--->'
for begin in "$dir"/*.begin; do
    [[ -e $begin ]] && echo "$(<"$begin") $(cat "${begin%.begin}.end" 2>/dev/null)"
done
exit 0
