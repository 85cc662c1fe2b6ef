//! `doctor diagnose` on what real machines write: the messages of failures, and the journals of healthy machines.

mod evidence;
mod healthy;
