//! A YAML stream to documents, from the parser's events: one parse gives value
//! and lines, so the two cannot differ.

use std::collections::HashMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, Tag};
use serde_json::{Map, Value};

use super::lines::Parts;
use super::{Document, Lines, MAX_DEPTH, Unreadable, scalar};

/// How much anchors and aliases may copy in one file, in nodes and bytes of text.
const MAX_COPIED: usize = 4 << 20;
/// The key whose value is merged into its mapping.
const MERGE: &str = "<<";

/// A finished value.
#[derive(Clone)]
struct Node {
    value: Value,
    lines: Lines,
    /// Nodes and bytes of text in it.
    weight: usize,
}

/// A list or mapping that is not finished.
struct Frame {
    anchor: usize,
    line: usize,
    weight: usize,
    content: Content,
}

enum Content {
    List(Vec<Value>, Vec<Lines>),
    Mapping(Box<Mapping>),
}

#[derive(Default)]
struct Mapping {
    fields: Map<String, Value>,
    lines: Vec<(Box<str>, Lines)>,
    /// The key whose value comes next.
    key: Option<(String, usize)>,
    merged: Option<(Node, Marker)>,
}

#[derive(Default)]
struct Loader {
    documents: Vec<Document>,
    frames: Vec<Frame>,
    anchors: HashMap<usize, Node>,
    copied: usize,
}

pub(super) fn read(text: &str) -> Result<Vec<Document>, Unreadable> {
    let mut loader = Loader::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| syntax(&error, text))?;
        loader.event(event, span)?;
    }
    Ok(loader.documents)
}

fn syntax(error: &ScanError, text: &str) -> Unreadable {
    let info = error.info();
    let hint = if info.contains("tab") { ": indent with spaces" } else { "" };
    let mut unreadable = at(*error.marker(), format!("not YAML: {info}{hint}"));
    // The end of a text is told as one line too far.
    unreadable.line = unreadable.line.min(text.lines().count().max(1) as u32);
    unreadable
}

fn at(place: Marker, message: impl Into<String>) -> Unreadable {
    Unreadable::new(place.line(), place.col() + 1, message)
}

impl Loader {
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Unreadable> {
        let place = span.start;
        match event {
            Event::DocumentStart(_) => self.anchors.clear(),
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain;
                if let Some(mapping) = self.open_mapping() {
                    return mapping.begin(&text, plain && tag.is_none(), place);
                }
                let value = value_of(&text, plain, tag.as_deref(), place)?;
                let weight = 1 + text.len();
                self.finish(Node { value, lines: Lines::scalar(place.line()), weight }, anchor, place)?;
            }
            Event::SequenceStart(anchor, tag) => {
                self.open(Content::List(Vec::new(), Vec::new()), anchor, tag.as_deref(), place)?;
            }
            Event::MappingStart(anchor, tag) => {
                self.open(Content::Mapping(Box::default()), anchor, tag.as_deref(), place)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(place)?,
            Event::Alias(anchor) => {
                if self.open_mapping().is_some() {
                    return Err(at(place, "an alias is no key: write the key out"));
                }
                let Some(node) = self.anchors.get(&anchor).cloned() else {
                    return Err(at(place, "the alias is inside of what it stands for: write the value out"));
                };
                self.charge(node.weight, place)?;
                self.finish(node, 0, place)?;
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        Ok(())
    }

    /// The innermost mapping, if it waits for a key.
    fn open_mapping(&mut self) -> Option<&mut Mapping> {
        match &mut self.frames.last_mut()?.content {
            Content::Mapping(mapping) if mapping.key.is_none() => Some(mapping),
            _ => None,
        }
    }

    fn open(&mut self, content: Content, anchor: usize, tag: Option<&Tag>, place: Marker) -> Result<(), Unreadable> {
        if self.open_mapping().is_some() {
            return Err(at(place, "a list or mapping is no key: write a word"));
        }
        if tag.is_some_and(|tag| !(tag.is_yaml_core_schema() && ["seq", "map"].contains(&tag.suffix.as_str()))) {
            return Err(at(place, "a tag that a manifest does not have: take it out"));
        }
        if self.frames.len() >= MAX_DEPTH {
            return Err(at(place, format!("nested deeper than {MAX_DEPTH}: no manifest is")));
        }
        self.frames.push(Frame { anchor, line: place.line(), weight: 1, content });
        Ok(())
    }

    fn close(&mut self, place: Marker) -> Result<(), Unreadable> {
        let Some(frame) = self.frames.pop() else { return Ok(()) };
        let (value, parts) = match frame.content {
            Content::List(items, lines) => (Value::Array(items), Parts::Items(lines.into())),
            Content::Mapping(mapping) => mapping.end()?,
        };
        let lines = Lines { line: frame.line as u32, parts };
        self.finish(Node { value, lines, weight: frame.weight }, frame.anchor, place)
    }

    /// Puts a finished value where it belongs.
    fn finish(&mut self, mut node: Node, anchor: usize, place: Marker) -> Result<(), Unreadable> {
        if anchor != 0 {
            self.charge(node.weight, place)?;
            self.anchors.insert(anchor, node.clone());
        }
        let Some(frame) = self.frames.last_mut() else {
            self.documents.push(Document { value: node.value, lines: node.lines });
            return Ok(());
        };
        frame.weight += node.weight;
        match &mut frame.content {
            Content::List(items, lines) => {
                items.push(node.value);
                lines.push(node.lines);
            }
            Content::Mapping(mapping) => {
                let Some((key, line)) = mapping.key.take() else { return Ok(()) };
                node.lines.line = line as u32;
                if key == MERGE {
                    mapping.merged = Some((node, place));
                } else {
                    mapping.insert(key, node.value, node.lines);
                }
            }
        }
        Ok(())
    }

    fn charge(&mut self, weight: usize, place: Marker) -> Result<(), Unreadable> {
        self.copied = self.copied.saturating_add(weight);
        if self.copied > MAX_COPIED {
            Err(at(place, "aliases make this file too large: write the values out"))
        } else {
            Ok(())
        }
    }
}

impl Mapping {
    /// Takes the key of the next field.
    fn begin(&mut self, text: &str, plain: bool, place: Marker) -> Result<(), Unreadable> {
        if plain && !matches!(scalar::resolve(text), Some(Value::String(_) | Value::Number(_))) {
            return Err(at(place, "a key must be a text: put it in quotes"));
        }
        // A quoted `<<` is an ordinary key; no field and no sane label has that name.
        let twice = self.fields.contains_key(text) || (text == MERGE && self.merged.is_some());
        if twice {
            let first = self.lines.iter().find(|(name, _)| **name == *text).map(|(_, lines)| lines.line);
            let first = first.map(|line| format!(", first in line {line}")).unwrap_or_default();
            return Err(at(place, format!("the key {text:?} stands twice in this mapping{first}: take one out")));
        }
        self.key = Some((text.to_owned(), place.line()));
        Ok(())
    }

    fn insert(&mut self, key: String, value: Value, lines: Lines) {
        self.lines.push((key.clone().into_boxed_str(), lines));
        self.fields.insert(key, value);
    }

    fn end(mut self) -> Result<(Value, Parts), Unreadable> {
        if let Some((node, place)) = self.merged.take() {
            match node {
                Node { value: Value::Array(items), lines: Lines { parts: Parts::Items(lines), .. }, .. } => {
                    for (item, lines) in items.into_iter().zip(lines) {
                        self.merge(item, lines, place)?;
                    }
                }
                node => self.merge(node.value, node.lines, place)?,
            }
        }
        Ok((Value::Object(self.fields), Parts::Fields(self.lines.into())))
    }

    /// Takes over the fields that the mapping has not itself.
    fn merge(&mut self, value: Value, lines: Lines, place: Marker) -> Result<(), Unreadable> {
        let (Value::Object(mut fields), Parts::Fields(lines)) = (value, lines.parts) else {
            return Err(at(place, "`<<` merges mappings only: give it an alias of one"));
        };
        for (name, lines) in lines {
            if let Some(field) = fields.remove(&*name)
                && !self.fields.contains_key(&*name)
            {
                self.insert(name.into_string(), field, lines);
            }
        }
        Ok(())
    }
}

/// The value of a word: by its tag if it has one, as it looks if it is unquoted, else the text itself.
fn value_of(text: &str, plain: bool, tag: Option<&Tag>, place: Marker) -> Result<Value, Unreadable> {
    let resolved = || scalar::resolve(text).ok_or_else(|| at(place, "infinite or not a number: put it in quotes"));
    let Some(tag) = tag else {
        return if plain { resolved() } else { Ok(Value::String(text.to_owned())) };
    };
    let suffix = if tag.is_yaml_core_schema() { tag.suffix.as_str() } else { "" };
    match (suffix, resolved()?) {
        ("str", _) => Ok(Value::String(text.to_owned())),
        ("int" | "float", value @ Value::Number(_))
        | ("bool", value @ Value::Bool(_))
        | ("null", value @ Value::Null) => Ok(value),
        _ => Err(at(place, "a tag that a manifest does not have, or that its value does not fit: take it out")),
    }
}
