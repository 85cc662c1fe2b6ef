use crate::lab::Machine;

/// Writes settings of logind and makes it read them, as an operator does.
pub(crate) fn set_logind(machine: &Machine, settings: &str) {
    let script = format!(
        "mkdir -p /etc/systemd/logind.conf.d; printf '%s\\n' '[Login]' {settings} \
         >/etc/systemd/logind.conf.d/10-test.conf; systemctl kill --signal=HUP systemd-logind"
    );
    machine.script("root", &script);
}
