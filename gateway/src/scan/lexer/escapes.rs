//! The escapes of one string: their form, and whether surrogates come in pairs.

#[derive(Clone, Copy, Debug)]
enum Step {
    Outside,
    Backslash,
    /// Digits read and their value so far.
    Hex(u8, u32),
}

/// What has been seen of a string's escapes.
#[derive(Debug)]
pub(super) struct Escapes {
    step: Step,
    /// There is one.
    pub(super) any: bool,
    /// One is a surrogate without its other half.
    pub(super) lone: bool,
    /// The last one is the first half of a pair, and nothing has come since.
    high: bool,
}

impl Escapes {
    pub(super) const fn new() -> Self {
        Self { step: Step::Outside, any: false, lone: false, high: false }
    }

    /// Whether the next byte belongs to an escape.
    pub(super) const fn inside(&self) -> bool {
        !matches!(self.step, Step::Outside)
    }

    /// A backslash has been read.
    pub(super) const fn begin(&mut self) {
        self.step = Step::Backslash;
        self.any = true;
    }

    /// Something other than a second half has been read, or the string ends.
    pub(super) const fn unpaired(&mut self) {
        self.lone |= self.high;
        self.high = false;
    }

    /// The next byte of an escape; Err says what is wrong with it.
    pub(super) fn push(&mut self, byte: u8) -> Result<(), &'static str> {
        self.step = match (self.step, byte) {
            (Step::Hex(digits, value), _) => {
                let digit = char::from(byte).to_digit(16).ok_or("an escape needs four hexadecimal digits")?;
                let value = (value << 4) | digit;
                if digits == 3 {
                    self.code_unit(value);
                    Step::Outside
                } else {
                    Step::Hex(digits + 1, value)
                }
            }
            (_, b'u') => Step::Hex(0, 0),
            (_, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.unpaired();
                Step::Outside
            }
            _ => return Err("an escape is unknown"),
        };
        Ok(())
    }

    const fn code_unit(&mut self, unit: u32) {
        match unit {
            0xD800..=0xDBFF => {
                self.unpaired();
                self.high = true;
            }
            0xDC00..=0xDFFF if self.high => self.high = false,
            0xDC00..=0xDFFF => self.lone = true,
            _ => self.unpaired(),
        }
    }
}
