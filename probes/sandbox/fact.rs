use std::marker::PhantomData;

/// The closed set of values that a fact can have. [`fact_values!`](crate::fact_values) declares one.
pub trait FactValues: Copy + 'static {
    /// All values, as the card spells them.
    const ALL: &'static [&'static str];

    /// Returns the value as the card spells it.
    fn as_str(self) -> &'static str;
}

/// A named answer of a probe, whose values are those of `V`.
pub struct Fact<V> {
    name: &'static str,
    values: PhantomData<V>,
}

impl<V: FactValues> Fact<V> {
    /// Creates a fact with the name that the card gives it.
    pub const fn new(name: &'static str) -> Self {
        Self { name, values: PhantomData }
    }

    /// Returns the fact's name on the card.
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// Returns the declaration for the probe's entry in [`PROBES`](crate::PROBES).
    pub const fn decl(self) -> FactDecl {
        FactDecl { name: self.name, values: V::ALL }
    }
}

impl<V> Clone for Fact<V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V> Copy for Fact<V> {}

/// The declaration of a fact. A test compares it with the card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FactDecl {
    /// The fact's name.
    pub name: &'static str,
    /// Every value that the probe can record.
    pub values: &'static [&'static str],
}

/// Declares an enum whose variants are the values of a fact: `pub enum Exit { Zero = "zero", … }`.
#[macro_export]
macro_rules! fact_values {
    ($(#[$meta:meta])* $vis:vis enum $name:ident {
        $($(#[$variant_meta:meta])* $variant:ident = $text:literal,)+
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        $vis enum $name {
            $($(#[$variant_meta])* $variant,)+
        }

        impl $crate::sandbox::FactValues for $name {
            const ALL: &'static [&'static str] = &[$($text),+];

            fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }
    };
}

fact_values! {
    /// The values of a yes-or-no question.
    pub enum YesNo {
        Yes = "yes",
        No = "no",
    }
}

impl From<bool> for YesNo {
    fn from(value: bool) -> Self {
        if value { Self::Yes } else { Self::No }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STARTED: Fact<YesNo> = Fact::new("started");

    #[test]
    fn a_fact_declares_its_name_and_all_its_values() {
        assert_eq!(STARTED.decl(), FactDecl { name: "started", values: &["yes", "no"] });
        assert_eq!(YesNo::from(false).as_str(), "no");
    }
}
