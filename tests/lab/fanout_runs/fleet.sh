#!/bin/bash
# fleet.sh SEED COUNT: a dispatcher that launches COUNT random members as fSEED-N. Each stamps its own begin and end, and
# what must come of it is in $dir/expected. The last line claims what a dispatcher would.
set -u
seed=$1 count=$2
dir=/tmp/fleet-$seed
mkdir -p "$dir" "$HOME/.config/systemd/user"
RANDOM=$seed

cat >"$dir/member" <<'END'
#!/bin/bash
# member DIR NUMBER SECONDS END
stamp() { echo "$EPOCHREALTIME" >"$dir/$number.$1"; }
dir=$1 number=$2 seconds=$3 end=$4
stamp begin
case $end in
term) trap 'stamp end; exit 1' TERM; sleep 60 & wait ;;
kill) sleep "$seconds"; stamp end; kill -9 "$BASHPID" ;;
*) sleep "$seconds"; stamp end; exit "$end" ;;
esac
END
chmod 755 "$dir/member"

launch() { systemd-run --user --quiet --collect --unit="f$seed-$number" "$@"; }
expect() { echo "f$seed-$number.${2:-service} $1" >>"$dir/expected"; }
spawned=0 skipped=0 refused=0
for ((number = 1; number <= count; number++)); do
    seconds=0.$((RANDOM % 8 + 2)) kind=$((RANDOM % 11))
    member=("$dir/member" "$dir" "$number" "$seconds")
    case $kind in
    0 | 1) launch -- "${member[@]}" 0 && expect clean ;;
    2 | 3) launch --service-type=oneshot --no-block -- "${member[@]}" 0 && expect succeeded ;;
    4) launch -- "${member[@]}" 3 && expect failed ;;
    5) launch --service-type=oneshot --no-block -- "${member[@]}" 4 && expect failed ;;
    6) launch -- "${member[@]}" kill && expect failed ;;
    7) launch -p RuntimeMaxSec=1 -- "${member[@]}" term && expect failed ;;
    8) launch -- "${member[@]}" 75 && expect skipped && skipped=$((skipped + 1)) && continue ;;
    9)
        if ((RANDOM % 2)); then
            launch -p Environment=KEY="a b c" -- true || refused=$((refused + 1))
        else
            printf '[Unit]\nConditionPathExists=/nonexistent\n[Service]\nExecStart=/bin/true\n' \
                >"$HOME/.config/systemd/user/f$seed-$number.service"
            systemctl --user daemon-reload
            systemctl --user start "f$seed-$number" && expect skipped && skipped=$((skipped + 1))
        fi
        continue
        ;;
    10) systemd-run --user --scope --quiet --collect --unit="f$seed-$number" -- "${member[@]}" 0 & expect clean scope ;;
    esac
    spawned=$((spawned + 1))
done
wait
echo "$spawned $skipped $refused" >"$dir/made"
echo "fan-out: spawned=$spawned skipped=$skipped"
