//! Hands the build target on to `doctor --version`.

fn main() {
    let target = std::env::var("TARGET").unwrap_or_default();
    println!("cargo::rustc-env=DOCTOR_TARGET={target}");
    println!("cargo::rerun-if-changed=build.rs");
}
