//! Makes JSON of each card: `GROUP/NAME.toml` becomes `OUT_DIR/GROUP/NAME.json`, which is read ten times as fast.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

const GROUPS: [&str; 6] = ["launcher", "scope", "tmux", "session", "lock", "fanout"];

fn main() -> io::Result<()> {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    for group in GROUPS {
        fs::create_dir_all(out.join(group))?;
        for entry in fs::read_dir(group)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "toml") {
                println!("cargo::rerun-if-changed={}", path.display());
                fs::write(out.join(&path).with_extension("json"), to_json(&path)?)?;
            }
        }
    }
    // A new card is named there.
    println!("cargo::rerun-if-changed=registry");
    println!("cargo::rerun-if-changed=build.rs");
    Ok(())
}

fn to_json(card: &Path) -> io::Result<String> {
    let text = fs::read_to_string(card)?;
    let value: serde_json::Value =
        toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", card.display()));
    Ok(value.to_string())
}
