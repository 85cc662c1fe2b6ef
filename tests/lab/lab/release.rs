//! The releases of the lab, once for all tests. ci/lab.d/releases.sh has the same list, and tests/rootless/releases.rs
//! compares them.

/// Hands the list to a macro, behind its own arguments. A release is
///
/// - `every`: all tests run on it;
/// - `tmux`: it differs from another in its tmux, so that only tests of that run on it;
/// - `rolling`: it changes every day, so that only `ci/canary` examines it.
macro_rules! with_releases {
    ($with:ident! [$($arg:tt)*]) => {
        $with! { [$($arg)*]
            // systemd 247, tmux 3.1c, git 2.30
            every Debian11 "debian-11" 247;
            // systemd 252, tmux 3.3a, git 2.39
            every Debian12 "debian-12" 252;
            // systemd 254, tmux 3.5a, git 2.39
            every Debian12Backports "debian-12-backports" 254;
            // systemd 257, tmux 3.5a, git 2.47
            every Debian13 "debian-13" 257;
            // systemd 257, tmux 3.7c, git 2.47
            tmux Debian13Backports "debian-13-backports" 257;
            // systemd 262, tmux 3.7c, git 2.53
            every Debian14 "debian-14" 262;
            // systemd 262.1, tmux 3.8, git 2.55 in November 2026
            rolling DebianSid "debian-sid" 262;
        }
    };
}

macro_rules! define_release {
    ([] $($runs:ident $release:ident $name:literal $systemd:literal;)*) => {
        /// A release of the lab.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        #[allow(dead_code, reason = "only the canary examines the rolling one")]
        pub(crate) enum Release {
            $(#[doc = $name] $release,)*
        }

        impl Release {
            /// Every release, in the order of the lab.
            #[allow(dead_code, reason = "tests/rootless uses it")]
            pub(crate) const ALL: &[Self] = &[$(Self::$release),*];

            /// The name by which `ci/lab` knows it.
            pub(crate) fn name(self) -> &'static str {
                match self { $(Self::$release => $name,)* }
            }

            /// Its systemd.
            pub(crate) fn systemd(self) -> u64 {
                match self { $(Self::$release => $systemd,)* }
            }

            /// Whether it changes every day.
            pub(crate) fn is_rolling(self) -> bool {
                match self { $(Self::$release => stringify!($runs) == "rolling",)* }
            }
        }
    };
}

with_releases!(define_release![]);

impl Release {
    /// The file that holds what it measured, in docs/records.
    pub(crate) fn record(self) -> String {
        format!("{}{}.toml", self.name(), if self.is_rolling() { "-rolling" } else { "" })
    }
}

/// Makes a test of a function for each release: `on_each_release!(function)`, or for those that are named:
/// `on_each_release!(function: Debian11, Debian14)`. The function takes the release, and the tests are called
/// `function::Debian11` and so on.
macro_rules! on_each_release {
    ($test:ident) => {
        with_releases!(tests_of_kind! [$test every]);
    };
    ($test:ident: $($release:ident),+) => {
        mod $test {
            $(
                #[test]
                #[allow(non_snake_case, reason = "it is the release's name")]
                fn $release() {
                    super::$test($crate::lab::Release::$release);
                }
            )+
        }
    };
}

/// The same for each tmux: on every release, and on those that differ in their tmux alone.
macro_rules! on_each_tmux {
    ($test:ident) => {
        with_releases!(tests_of_kind! [$test every tmux]);
    };
}

/// Takes the releases of the kinds that are named out of the list.
macro_rules! tests_of_kind {
    ([$test:ident every] $($list:tt)*) => {
        tests_of_kind! { @ $test (every) [] $($list)* }
    };
    ([$test:ident every tmux] $($list:tt)*) => {
        tests_of_kind! { @ $test (every tmux) [] $($list)* }
    };
    (@ $test:ident $kinds:tt [$($taken:ident)*]) => {
        on_each_release!($test: $($taken),*);
    };
    (@ $test:ident $kinds:tt [$($taken:ident)*] every $release:ident $name:literal $systemd:literal; $($list:tt)*) => {
        tests_of_kind! { @ $test $kinds [$($taken)* $release] $($list)* }
    };
    (@ $test:ident (every tmux) [$($taken:ident)*] tmux $release:ident $name:literal $systemd:literal; $($list:tt)*) => {
        tests_of_kind! { @ $test (every tmux) [$($taken)* $release] $($list)* }
    };
    (@ $test:ident $kinds:tt $taken:tt $kind:ident $release:ident $name:literal $systemd:literal; $($list:tt)*) => {
        tests_of_kind! { @ $test $kinds $taken $($list)* }
    };
}
