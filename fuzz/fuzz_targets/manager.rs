#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| launch_probes::fuzz_invariants::manager(bytes));
