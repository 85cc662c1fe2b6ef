//! `journalctl -o json` and `-o json-seq` (systemd.io, "Journal Export Formats").

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::JournalEntry;
use super::journal_entry::{Boots, EntryBuilder};

/// Reads one line; `None` if it is no entry.
pub(super) fn parse_line(line: &[u8], boots: &mut Boots) -> Option<JournalEntry> {
    let Fields(builder) = serde_json::from_slice(line).ok()?;
    builder.finish(boots)
}

struct Fields(EntryBuilder);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an entry of a journal")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut builder = EntryBuilder::default();
        while let Some(Text(name)) = map.next_key()? {
            if !EntryBuilder::wants(name.as_bytes()) {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            match map.next_value()? {
                FieldValue::Text(Text(text)) => builder.field(name.as_bytes(), text.as_bytes()),
                FieldValue::Bytes(bytes) => builder.field(name.as_bytes(), &bytes),
                FieldValue::Absent => {}
            }
        }
        Ok(Fields(builder))
    }
}

/// A string that is copied only if it holds an escape.
struct Text<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(TextVisitor)
    }
}

/// A field: text; an array of bytes, if it is not printable UTF-8; null, if it is too long; or an
/// array of those, if the field is repeated: then the last one counts.
enum FieldValue<'a> {
    Text(Text<'a>),
    Bytes(Vec<u8>),
    Absent,
}

impl<'de> Deserialize<'de> for FieldValue<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = FieldValue<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the value of a field")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(FieldValue::Text(Text(Cow::Borrowed(text))))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(FieldValue::Text(Text(Cow::Owned(text.to_owned()))))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(FieldValue::Absent)
    }

    // Numbers, as other programs that write this format have them.
    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(FieldValue::Text(Text(Cow::Owned(number.to_string()))))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(FieldValue::Text(Text(Cow::Owned(number.to_string()))))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(FieldValue::Absent)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(FieldValue::Absent)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(FieldValue::Absent)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut bytes = Vec::new();
        let mut last = None;
        while let Some(item) = seq.next_element::<SeqItem>()? {
            match item {
                SeqItem::Byte(byte) => bytes.push(byte),
                SeqItem::Value(value) => last = Some(value),
            }
        }
        Ok(match last {
            Some(value) => FieldValue::Bytes(value),
            None => FieldValue::Bytes(bytes),
        })
    }
}

/// A byte, or one of several values of a field that is repeated.
enum SeqItem {
    Byte(u8),
    Value(Vec<u8>),
}

impl<'de> Deserialize<'de> for SeqItem {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ItemVisitor;
        impl<'de> Visitor<'de> for ItemVisitor {
            type Value = SeqItem;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a byte or a value")
            }

            fn visit_u64<E: serde::de::Error>(self, byte: u64) -> Result<SeqItem, E> {
                u8::try_from(byte).map(SeqItem::Byte).map_err(|_| E::custom("not a byte"))
            }

            fn visit_str<E>(self, text: &str) -> Result<SeqItem, E> {
                Ok(SeqItem::Value(text.as_bytes().to_vec()))
            }

            fn visit_unit<E>(self) -> Result<SeqItem, E> {
                Ok(SeqItem::Value(Vec::new()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<SeqItem, A::Error> {
                let mut bytes = Vec::new();
                while let Some(byte) = seq.next_element::<u8>()? {
                    bytes.push(byte);
                }
                Ok(SeqItem::Value(bytes))
            }
        }
        deserializer.deserialize_any(ItemVisitor)
    }
}
