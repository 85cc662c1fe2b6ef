use std::fs;

use crate::host::UnitProperties;

/// How a setting of a drop-in is recognized as one that changes launches.
#[derive(Debug, Clone, Copy)]
enum Rule {
    /// It does whatever its value is.
    Set,
    /// The property is another one than a unit has by itself.
    Not(&'static str),
    /// The property is a number below what an agent needs.
    Below(u64),
}

/// The settings of units that change what a launch does, with their properties.
const SETTINGS: [(&str, &str, Rule); 47] = [
    ("RuntimeMaxSec", "RuntimeMaxUSec", Rule::Not("infinity")),
    ("KillMode", "KillMode", Rule::Not("control-group")),
    ("SendSIGKILL", "SendSIGKILL", Rule::Not("yes")),
    ("Restart", "Restart", Rule::Not("no")),
    ("RemainAfterExit", "RemainAfterExit", Rule::Not("no")),
    ("Type", "Type", Rule::Not("simple")),
    ("User", "User", Rule::Not("")),
    ("UMask", "UMask", Rule::Not("0022")),
    ("RootDirectory", "RootDirectory", Rule::Not("")),
    ("NoNewPrivileges", "NoNewPrivileges", Rule::Not("no")),
    ("PrivateTmp", "PrivateTmp", Rule::Not("no")),
    ("PrivateUsers", "PrivateUsers", Rule::Not("no")),
    ("PrivateNetwork", "PrivateNetwork", Rule::Not("no")),
    ("PrivateDevices", "PrivateDevices", Rule::Not("no")),
    ("ProtectHome", "ProtectHome", Rule::Not("no")),
    ("ProtectSystem", "ProtectSystem", Rule::Not("no")),
    ("ReadOnlyPaths", "ReadOnlyPaths", Rule::Not("")),
    ("InaccessiblePaths", "InaccessiblePaths", Rule::Not("")),
    ("SuccessExitStatus", "SuccessExitStatus", Rule::Not("")),
    ("TasksMax", "TasksMax", Rule::Below(64)),
    ("MemoryMax", "MemoryMax", Rule::Below(64 << 20)),
    ("LimitNOFILE", "LimitNOFILE", Rule::Below(1024)),
    ("LimitNPROC", "LimitNPROC", Rule::Below(64)),
    ("LimitAS", "LimitAS", Rule::Not("infinity")),
    ("WorkingDirectory", "", Rule::Set),
    ("Environment", "", Rule::Set),
    ("EnvironmentFile", "", Rule::Set),
    ("UnsetEnvironment", "", Rule::Set),
    ("PassEnvironment", "", Rule::Set),
    ("ExecStart", "", Rule::Set),
    ("ExecCondition", "", Rule::Set),
    ("ExecStartPre", "", Rule::Set),
    ("ExecStartPost", "", Rule::Set),
    ("StandardInput", "", Rule::Set),
    ("StandardOutput", "", Rule::Set),
    ("StandardError", "", Rule::Set),
    ("TemporaryFileSystem", "", Rule::Set),
    ("RestrictAddressFamilies", "", Rule::Set),
    ("SystemCallFilter", "", Rule::Set),
    ("LogLevelMax", "", Rule::Set),
    ("Slice", "", Rule::Set),
    ("Requires", "", Rule::Set),
    ("Requisite", "", Rule::Set),
    ("BindsTo", "", Rule::Set),
    ("PartOf", "", Rule::Set),
    ("Conflicts", "", Rule::Set),
    ("CollectMode", "", Rule::Set),
];
/// Settings whose values may be secrets.
const SECRET: &str = "Environment";

/// A setting by which a drop-in changes launches, such as `RuntimeMaxSec=1h`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BendingSetting {
    /// Its name.
    pub(crate) name: String,
    /// Its value; empty if that may be a secret.
    pub(crate) value: String,
    /// The file that sets it.
    pub(crate) file: String,
}

/// Returns the properties to ask of a control unit.
pub(crate) fn properties() -> Vec<&'static str> {
    let asked = SETTINGS.iter().map(|(_, property, _)| *property).filter(|it| !it.is_empty());
    ["Id", "LoadState", "DropInPaths"].into_iter().chain(asked).collect()
}

/// Returns the settings by which the drop-ins of a control unit change it, in the order of their files.
pub(crate) fn bending_settings(unit: &UnitProperties) -> Vec<BendingSetting> {
    let mut found: Vec<BendingSetting> = Vec::new();
    for file in unit.list("DropInPaths") {
        let Ok(text) = fs::read_to_string(file) else { continue };
        for (name, value) in assignments(&text) {
            found.retain(|it| it.name != name);
            if let Some(value) = bending_value(unit, name, value) {
                found.push(BendingSetting { name: name.into(), value, file: file.into() });
            }
        }
    }
    found
}

/// Returns the value that a setting has in the unit, if it changes launches.
fn bending_value(unit: &UnitProperties, name: &str, assigned: &str) -> Option<String> {
    if name.starts_with("Condition") || name.starts_with("Assert") {
        return (!assigned.is_empty()).then(|| assigned.to_owned());
    }
    let (_, property, rule) = SETTINGS.iter().find(|(setting, ..)| *setting == name)?;
    let value = unit.get(property);
    match rule {
        Rule::Set if assigned.is_empty() => None,
        Rule::Set if name.contains(SECRET) => Some(String::new()),
        Rule::Set => Some(assigned.to_owned()),
        // A unit of this type does not have the property, or this systemd does not.
        Rule::Not(_) | Rule::Below(_) if value.is_empty() => None,
        Rule::Not(usual) => (value != *usual).then(|| value.to_owned()),
        Rule::Below(least) => {
            value.parse().is_ok_and(|number: u64| number < *least).then(|| value.to_owned())
        }
    }
}

/// Returns the assignments of a unit file (systemd.syntax(7)). Continued lines are joined.
fn assignments(text: &str) -> Vec<(&str, &str)> {
    let mut is_continued = false;
    let mut found = Vec::new();
    for line in text.lines().map(str::trim) {
        let is_comment = line.starts_with(['#', ';']);
        if !is_continued
            && !is_comment
            && let Some((name, value)) = line.split_once('=')
        {
            found.push((name.trim(), value.trim()));
        }
        is_continued = line.ends_with('\\') && (is_continued || !is_comment);
    }
    found
}

impl BendingSetting {
    /// Returns the setting as its file has it; without a value if that may be a secret.
    pub(crate) fn describe(&self) -> String {
        format!("{}={}", self.name, self.value)
    }

    /// Reports whether it changes what a probe measures. A limit of a minute or more ends no probe's unit.
    pub(crate) fn bends_probes(&self) -> bool {
        self.name != "RuntimeMaxSec" || self.value.split(' ').all(|span| span.ends_with('s'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assignments_are_parsed_without_comments_and_continued_lines() {
        let text =
            "[Service]\n# A=1\n;B=2\nKillMode = process\nEnvironment=X=1 \\\n  Y=2\nRestart=\n";
        assert_eq!(
            assignments(text),
            [("KillMode", "process"), ("Environment", "X=1 \\"), ("Restart", "")]
        );
    }

    #[test]
    fn only_what_differs_from_a_plain_unit_changes_launches() {
        let unit = &UnitProperties::parse(
            "KillMode=process\nRestart=no\nTasksMax=20\nMemoryMax=infinity\nRuntimeMaxUSec=1h\n",
        )[0];
        let of = |name, assigned| bending_value(unit, name, assigned);
        assert_eq!(of("KillMode", "mixed").as_deref(), Some("process"));
        assert_eq!(of("TasksMax", "20").as_deref(), Some("20"));
        assert_eq!(of("Environment", "KEY=secret").as_deref(), Some(""));
        assert_eq!(of("ConditionPathExists", "/a").as_deref(), Some("/a"));
        for (name, assigned) in [
            ("Restart", "always"),
            ("MemoryMax", "1"),
            ("Environment", ""),
            ("UMask", "0077"),
            ("Description", "x"),
            ("TimeoutStopFailureMode", "abort"),
        ] {
            assert_eq!(of(name, assigned), None, "{name}");
        }
    }

    #[test]
    fn a_long_limit_on_the_run_time_ends_no_probe() {
        let limit = |value: &str| BendingSetting {
            name: "RuntimeMaxSec".into(),
            value: value.into(),
            file: String::new(),
        };
        assert!(limit("1s").bends_probes() && limit("500ms").bends_probes());
        assert!(!limit("1min 30s").bends_probes() && !limit("1h").bends_probes());
    }
}
