# What a report of `doctor gate --against RECORD` has that is new, as text or as Markdown ($form).
def md: gsub("(?<c>[|<>`*_\\[\\]\\\\])"; "\\\(.c)");
def versions: "systemd \(.host.systemd), tmux \(.host.tmux), git \(.host.git), util-linux \(.host.util_linux)";

. as $report
| [.probes[] | .id as $id | .findings[] | {id: $id, fact, verdict, measured, expected}] as $changed
| [.probes[] | select(.verdict == "unmeasured") | {id, reason}] as $unmeasured
| [.probes[] | select(.verdict == "relaxable") | {id}] as $relaxable
| if $form == "markdown" then
    "## \($release): \($changed | length) facts changed, \($unmeasured | length) probes not measured",
    "",
    "\(versions), against `\($record)`.",
    (if ($changed | length) > 0 then
        "", "| probe | fact | recorded | measured | |", "| --- | --- | --- | --- | --- |",
        ($changed[] | "| `\(.id)` | `\(.fact)` | \(.expected // "–" | md) | \(.measured | md) | \(.verdict) |")
    else empty end),
    (if ($unmeasured | length) > 0 then
        "", "Not measured:", "", ($unmeasured[] | "- `\(.id)`: \(.reason | md)")
    else empty end),
    (if ($relaxable | length) > 0 then
        "", "These workarounds may be relaxed:", "", ($relaxable[] | "- `\(.id)`: see `doctor explain \(.id)`")
    else empty end)
  else
    "\($release): \(versions)",
    (if ($changed + $unmeasured | length) == 0 then "nothing is new against \($record)" else empty end),
    ($changed[] | "\(.verdict): \(.id) \(.fact): recorded \(.expected // "nothing"), measured \(.measured)"),
    ($unmeasured[] | "unmeasured: \(.id): \(.reason)"),
    ($relaxable[] | "may be relaxed: \(.id): see doctor explain \(.id)")
  end
