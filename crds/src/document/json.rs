//! JSON to documents. The grammar is checked by `serde_json` first; what is left
//! here is to find the lines.

use serde::de::IgnoredAny;
use serde_json::{Deserializer, Map, Value};

use super::lines::Parts;
use super::{Document, Lines, MAX_DEPTH, Unreadable, scalar};

pub(super) fn read(text: &str) -> Result<Vec<Document>, Unreadable> {
    for document in Deserializer::from_str(text).into_iter::<IgnoredAny>() {
        document.map_err(|error| {
            let message = error.to_string();
            let message = message.split(" at line ").next().unwrap_or_default();
            Unreadable::new(error.line(), error.column(), format!("not JSON: {message}"))
        })?;
    }
    let mut cursor = Cursor { text, at: 0, line: 1, line_start: 0 };
    let mut documents = Vec::new();
    while cursor.peek().is_some() {
        let (value, lines) = cursor.value(0)?;
        documents.push(Document { value, lines });
    }
    Ok(documents)
}

/// A place in a text that is JSON.
struct Cursor<'text> {
    text: &'text str,
    at: usize,
    line: usize,
    line_start: usize,
}

impl Cursor<'_> {
    /// The next byte that is no white space.
    fn peek(&mut self) -> Option<u8> {
        loop {
            let byte = *self.text.as_bytes().get(self.at)?;
            match byte {
                b'\n' => {
                    self.line += 1;
                    self.line_start = self.at + 1;
                }
                b' ' | b'\t' | b'\r' => {}
                _ => return Some(byte),
            }
            self.at += 1;
        }
    }

    fn fault(&self, message: impl Into<String>) -> Unreadable {
        Unreadable::new(self.line, self.at - self.line_start + 1, message)
    }

    fn value(&mut self, depth: usize) -> Result<(Value, Lines), Unreadable> {
        let first = self.peek();
        let line = self.line;
        let (value, parts) = match first {
            Some(b'{' | b'[') if depth >= MAX_DEPTH => {
                return Err(self.fault(format!("nested deeper than {MAX_DEPTH}: no manifest is")));
            }
            Some(b'{') => self.object(depth)?,
            Some(b'[') => self.array(depth)?,
            _ => (self.scalar()?, Parts::None),
        };
        Ok((value, Lines { line: line as u32, parts }))
    }

    fn object(&mut self, depth: usize) -> Result<(Value, Parts), Unreadable> {
        let (mut fields, mut lines) = (Map::new(), Vec::new());
        self.at += 1;
        while self.peek().is_some_and(|byte| byte != b'}') {
            let (start, line) = (self.at, self.line);
            let Value::String(key) = self.scalar()? else { return Err(self.fault("a key must be a text")) };
            if fields.contains_key(&key) {
                self.at = start;
                return Err(self.fault(format!("the key {key:?} stands twice in this mapping: take one out")));
            }
            self.skip(b':');
            let (value, below) = self.value(depth + 1)?;
            lines.push((key.clone().into_boxed_str(), Lines { line: line as u32, ..below }));
            fields.insert(key, value);
            self.skip(b',');
        }
        self.at += 1;
        Ok((Value::Object(fields), Parts::Fields(lines.into())))
    }

    fn array(&mut self, depth: usize) -> Result<(Value, Parts), Unreadable> {
        let (mut items, mut lines) = (Vec::new(), Vec::new());
        self.at += 1;
        while self.peek().is_some_and(|byte| byte != b']') {
            let (value, below) = self.value(depth + 1)?;
            items.push(value);
            lines.push(below);
            self.skip(b',');
        }
        self.at += 1;
        Ok((Value::Array(items), Parts::Items(lines.into())))
    }

    fn skip(&mut self, byte: u8) {
        if self.peek() == Some(byte) {
            self.at += 1;
        }
    }

    /// A text, number or word: what `serde_json` takes from here.
    fn scalar(&mut self) -> Result<Value, Unreadable> {
        self.peek();
        let mut stream = Deserializer::from_str(&self.text[self.at..]).into_iter::<Value>();
        let value = match stream.next() {
            Some(Ok(Value::Number(number))) if number.is_f64() => number.as_f64().map_or(Value::Null, scalar::float),
            Some(Ok(value)) => value,
            Some(Err(error)) => return Err(self.fault(format!("not JSON: {error}"))),
            None => return Err(self.fault("not JSON: a value is missing")),
        };
        self.at += stream.byte_offset();
        Ok(value)
    }
}
