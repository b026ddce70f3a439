//! `x-mcp-header` in a tool's inputSchema (2026-07-28, transports/streamable-http, "Custom Headers from Tool
//! Parameters"): which arguments a modern client mirrors in `Mcp-Param-*` headers.
//!
//! Read once for each tool that a server lists. In: the tool as its server describes it. Out: the annotations, of which
//! nearly all tools have none, or why modern clients must drop the tool.

use std::collections::HashSet;
use std::fmt;

use http::HeaderName;
use memchr::memmem;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de::DeserializeSeed};
use serde_json::value::RawValue;

/// The most annotations of one tool: each is a header of every call, and a list of headers is 64 KiB at most.
const MAX_ANNOTATIONS: usize = 32;
/// The most property names of one path: a call's arguments are read once for each step.
const MAX_STEPS: usize = 8;
/// The longest name in bytes, so that all of a tool's names together take a small part of the headers.
const MAX_NAME: usize = 128;

const KEYWORD: &str = "x-mcp-header";

/// An argument that is mirrored.
#[derive(Debug, Eq, PartialEq)]
pub struct Annotation {
    /// The header, as the schema spells it: `Mcp-Param-Region`.
    pub shown: Box<str>,
    /// The same, to find it by.
    pub header: HeaderName,
    /// The names of properties that lead to the argument, from `arguments` on; at least one.
    pub path: Box<[Box<str>]>,
}

/// Why a tool does not exist for modern clients, in words; nothing of its schema.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Invalid(pub &'static str);

/// The annotations of a tool, in the schema's order.
pub fn read(tool: &str) -> Result<Box<[Annotation]>, Invalid> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Described<'a> {
        #[serde(borrow)]
        input_schema: Option<&'a RawValue>,
    }
    // Nearly always that is all. The keyword may be written with escapes, of which those of ASCII begin so.
    if memmem::find(tool.as_bytes(), KEYWORD.as_bytes()).is_none() && memmem::find(tool.as_bytes(), b"\\u00").is_none()
    {
        return Ok(Box::default());
    }
    let unreadable = Invalid("its inputSchema is nested too deep, or cannot be read");
    let described: Described<'_> = serde_json::from_str(tool).map_err(|_| unreadable)?;
    let Some(schema) = described.input_schema else { return Ok(Box::default()) };
    let mut walk = Walk::default();
    let mut deserializer = serde_json::Deserializer::from_str(schema.get());
    At { walk: &mut walk, place: Place::Root, named: false }.deserialize(&mut deserializer).map_err(|_| unreadable)?;
    walk.finish()
}

/// What has been met of a schema.
#[derive(Default)]
struct Walk {
    /// The names of properties that lead to the place at hand, while there is nothing but `properties` above it.
    path: Vec<Box<str>>,
    found: Vec<Annotation>,
    invalid: Option<Invalid>,
    /// Whether a member occurs twice, so that two readers may see two schemas.
    ambiguous: bool,
}

/// Where a schema stands.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Place {
    Root,
    /// Below `properties` alone.
    Property,
    Elsewhere,
}

/// What the value of a keyword is to this walk.
enum Part {
    Type,
    Header,
    /// By the names of properties.
    Properties,
    /// Schemas by any other names.
    Named,
    /// A schema, or an array of them.
    Schema,
    /// Data, or a keyword of somebody else.
    Other,
}

/// The keywords of JSON Schema 2020-12 below which schemas stand, and those of earlier drafts that are still met.
/// `$ref` is not followed: a definition that is referred to stands below `$defs`, where no annotation may be.
fn part(keyword: &str) -> Part {
    match keyword {
        "type" => Part::Type,
        KEYWORD => Part::Header,
        "properties" => Part::Properties,
        "patternProperties" | "dependentSchemas" | "dependencies" | "$defs" | "definitions" => Part::Named,
        "items"
        | "prefixItems"
        | "additionalItems"
        | "unevaluatedItems"
        | "contains"
        | "additionalProperties"
        | "unevaluatedProperties"
        | "propertyNames"
        | "allOf"
        | "anyOf"
        | "oneOf"
        | "not"
        | "if"
        | "then"
        | "else"
        | "contentSchema" => Part::Schema,
        _ => Part::Other,
    }
}

impl Walk {
    fn finish(self) -> Result<Box<[Annotation]>, Invalid> {
        match self.invalid {
            Some(invalid) => Err(invalid),
            None if self.ambiguous && !self.found.is_empty() => {
                Err(Invalid("a member occurs twice in its inputSchema"))
            }
            None => Ok(self.found.into()),
        }
    }

    /// Takes the annotation of the schema at hand; `kind` is its `type`.
    fn annotate(&mut self, place: Place, name: &RawValue, kind: Option<&RawValue>) {
        if let Err(words) = self.try_annotate(place, name, kind) {
            self.invalid.get_or_insert(Invalid(words));
        }
    }

    fn try_annotate(&mut self, place: Place, name: &RawValue, kind: Option<&RawValue>) -> Result<(), &'static str> {
        let text = |value: &RawValue| serde_json::from_str::<String>(value.get()).ok();
        if place != Place::Property {
            return Err("x-mcp-header stands where not only properties lead");
        }
        let name = text(name).ok_or("x-mcp-header is no string")?;
        if name.len() > MAX_NAME {
            return Err("an x-mcp-header is longer than 128 bytes");
        }
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err("an x-mcp-header is no token of HTTP");
        }
        if !kind.and_then(text).is_some_and(|kind| matches!(&*kind, "string" | "integer" | "boolean")) {
            return Err("x-mcp-header stands at a property that is neither string, integer nor boolean");
        }
        if self.path.len() > MAX_STEPS {
            return Err("x-mcp-header stands more than 8 properties deep");
        }
        if self.found.len() == MAX_ANNOTATIONS {
            return Err("there are more than 32 x-mcp-headers");
        }
        let shown = format!("Mcp-Param-{name}").into_boxed_str();
        let header: HeaderName = shown.parse().map_err(|_| "an x-mcp-header is no token of HTTP")?;
        if self.found.iter().any(|other| other.header == header) {
            return Err("two x-mcp-headers are the same but for case");
        }
        self.found.push(Annotation { shown, header, path: self.path.clone().into() });
        Ok(())
    }
}

/// RFC 9110, section 5.6.2: `tchar`.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// One place of the walk: a schema, or schemas by name.
struct At<'w> {
    walk: &'w mut Walk,
    place: Place,
    named: bool,
}

impl<'de> DeserializeSeed<'de> for At<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for At<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a schema")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let Self { walk, place, named } = self;
        let mut keys = HashSet::new();
        let (mut kind, mut header) = (None, None);
        while let Some(key) = members.next_key::<String>()? {
            match part(&key) {
                _ if named && place == Place::Property => {
                    walk.path.push(key.as_str().into());
                    members.next_value_seed(At { walk, place, named: false })?;
                    walk.path.pop();
                }
                _ if named => members.next_value_seed(At { walk, place: Place::Elsewhere, named: false })?,
                Part::Type => kind = Some(members.next_value::<&RawValue>()?),
                Part::Header => header = Some(members.next_value::<&RawValue>()?),
                Part::Properties => {
                    let place = if place == Place::Elsewhere { Place::Elsewhere } else { Place::Property };
                    members.next_value_seed(At { walk, place, named: true })?;
                }
                Part::Named => members.next_value_seed(At { walk, place: Place::Elsewhere, named: true })?,
                Part::Schema => members.next_value_seed(At { walk, place: Place::Elsewhere, named: false })?,
                Part::Other => drop(members.next_value::<IgnoredAny>()?),
            }
            walk.ambiguous |= !keys.insert(key);
        }
        if let Some(header) = header {
            walk.annotate(place, header, kind);
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        while elements.next_element_seed(At { walk: self.walk, place: Place::Elsewhere, named: false })?.is_some() {}
        Ok(())
    }

    // What is neither object nor array holds no annotation, whatever it is.
    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
