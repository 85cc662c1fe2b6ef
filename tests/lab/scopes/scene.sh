# A scene of agents in agents.slice, for the user `agent`: each is started another way, and says that it runs.
mkfifo "$HOME/ready"
exec 3<>"$HOME/ready"
cat >"$HOME/agent" <<'END'
#!/bin/sh
echo >"$HOME/ready"
exec sleep 1000
END
# A program whose name is a danger for a terminal and for a table.
odd="$HOME/$(printf 'e\033[31m\nt\tx')"
cp /bin/sleep "$odd"
# systemd 262 refuses such a path.
cat >"$HOME/odd" <<'END'
#!/bin/sh
exec "$HOME"/e*x 1005
END
chmod 755 "$HOME/agent" "$HOME/odd"
cat >"$HOME/launch" <<'END'
#!/bin/sh
unit=$1
shift
exec systemd-run --user --scope --quiet --collect --slice=agents --unit="$unit" -- "$@"
END
chmod 755 "$HOME/launch"
service() {
    slice=$1 unit=$2 description=$3
    shift 3
    systemd-run --user --quiet --collect --service-type=exec --slice="$slice" --unit="$unit" --description="$description" -- "$@"
}
# Opens a pane, and lets its command run once tmux's own scope for it can no longer take it out of another.
cat >"$HOME/pane" <<'END'
#!/bin/sh
tmux -L fleet new-session -d -s "$1" "tmux -L fleet wait-for $1; $2"
pid=$(tmux -L fleet display-message -p -t "$1" '#{pane_pid}')
case $(tmux -V) in
# These do not wait until the manager has moved the process, and no event reports it.
*' 3.4'* | *' 3.5'*) until grep -q tmux-spawn "/proc/$pid/cgroup"; do sleep 0.01; done ;;
esac
tmux -L fleet wait-for -S "$1"
END
chmod 755 "$HOME/pane"

printf '%s/launch launched.scope %s/agent &\nwait\n' "$HOME" "$HOME" >"$HOME/dispatch"

# The pane's own process is in the scope.
"$HOME/pane" gc-mayor "exec $HOME/launch run-mayor.scope $HOME/agent"
# The pane's process waits for it.
"$HOME/pane" gc-shell "$HOME/launch run-shell.scope $HOME/agent; true"
# Only the terminal is the pane's: what launched it has ended, and the pane runs something else.
"$HOME/pane" gc-tty "($HOME/launch run-tty.scope $HOME/agent &); exec sleep 1001"
# Not even that: TMUX_PANE alone is left.
"$HOME/pane" gc-env "(setsid $HOME/launch run-env.scope $HOME/agent &); exec sleep 1002"
"$HOME/pane" gc-named 'exec sleep 1003'
"$HOME/pane" gc-described 'exec sleep 1004'
"$HOME/pane" work "exec $HOME/agent"
service agents gc-named x "$HOME/agent"
service agents described gc-described "$HOME/agent"
service agents plain x "$HOME/odd"
service app dispatch x sh "$HOME/dispatch"
# What launched it has ended, and it is in no pane. It must not keep the output of this script open.
(setsid env -u TMUX -u TMUX_PANE "$HOME/launch" lost.scope "$HOME/agent" >/dev/null 2>&1 &)
count=0
while [ $count -lt 9 ]; do
    read -r _ <&3
    count=$((count + 1))
done
