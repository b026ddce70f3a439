//! The id of a response that is too long to keep: read while it is thrown away.

/// Follows one line of JSON piece by piece. Holds a few bytes only, whatever the line's length.
#[derive(Debug, Default)]
pub(super) struct Overlong {
    depth: u32,
    text: Text,
    /// The current member of the top-level object, up to its `:`, and then its value.
    key: Vec<u8>,
    value: Vec<u8>,
    in_value: bool,
    id: Option<u64>,
    has_method: bool,
}

/// Where the scan is, as to strings.
#[derive(Clone, Copy, Debug, Default)]
enum Text {
    #[default]
    Outside,
    Inside,
    AfterBackslash,
}

/// More of a key or value is of no interest: an id of ours has at most 20 digits.
const KEPT: usize = 24;

impl Overlong {
    /// The next bytes of the line.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.step(byte);
        }
    }

    /// The id of the request that the line answers, once it was fed whole.
    pub(super) fn answers(&self) -> Option<u64> {
        self.id.filter(|_| !self.has_method)
    }

    fn step(&mut self, byte: u8) {
        match (self.text, byte) {
            (Text::Outside, _) => return self.step_outside(byte),
            (Text::Inside, b'"') => self.text = Text::Outside,
            (Text::Inside, b'\\') => self.text = Text::AfterBackslash,
            (Text::Inside | Text::AfterBackslash, _) => self.text = Text::Inside,
        }
        self.keep(byte);
    }

    fn step_outside(&mut self, byte: u8) {
        match byte {
            b'"' => {
                self.text = Text::Inside;
                self.keep(byte);
            }
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => {
                if self.depth == 1 {
                    self.end_member();
                }
                self.depth = self.depth.saturating_sub(1);
            }
            b':' if self.depth == 1 => self.in_value = true,
            b',' if self.depth == 1 => self.end_member(),
            b' ' | b'\t' | b'\r' => {}
            _ => self.keep(byte),
        }
    }

    fn keep(&mut self, byte: u8) {
        let kept = if self.in_value { &mut self.value } else { &mut self.key };
        if self.depth == 1 && kept.len() < KEPT {
            kept.push(byte);
        }
    }

    fn end_member(&mut self) {
        match self.key.as_slice() {
            br#""id""# => self.id = std::str::from_utf8(&self.value).ok().and_then(|id| id.parse().ok()),
            br#""method""# => self.has_method = true,
            _ => {}
        }
        self.key.clear();
        self.value.clear();
        self.in_value = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: Option<u64>) {
        for piece in [1, 7, line.len()] {
            let mut overlong = Overlong::default();
            line.as_bytes().chunks(piece).for_each(|piece| overlong.feed(piece));
            assert_eq!(overlong.answers(), expected, "{line}");
        }
    }

    #[test]
    fn finds_the_id_wherever_it_stands() {
        check(r#"{"jsonrpc":"2.0","id":12,"result":{"id":3,"a":["id",{"id":4}]}}"#, Some(12));
        check(r#"{"result":{"text":"\\\",\"id\":9,{"},"jsonrpc":"2.0", "id" : 12 }"#, Some(12));
    }

    #[test]
    fn finds_none_in_what_is_no_response_of_ours() {
        check(r#"{"jsonrpc":"2.0","id":12,"method":"sampling/createMessage","params":{}}"#, None);
        check(r#"{"jsonrpc":"2.0","method":"x","params":{"id":12}}"#, None);
        check(r#"{"id":"12","result":{}}"#, None);
        check(r#"[{"id":12,"result":{}}]"#, None);
        check("id: 12, }", None);
    }
}
