//! Whether two numbers are one, however they are written: 1, 1.0 and 10e-1. Exact, digit by digit; never by way of a
//! double, to which 2^53 and 2^53+1 are the same.

/// A number as JSON writes it (RFC 8259, section 6).
struct Decimal<'t> {
    negative: bool,
    whole: &'t [u8],
    fraction: &'t [u8],
    exponent: i64,
}

/// Whether both are numbers as JSON writes them, and of the same value.
pub(super) fn are_equal(one: &[u8], other: &[u8]) -> bool {
    match (Decimal::read(one), Decimal::read(other)) {
        (Some(one), Some(other)) => {
            let ((one_digits, one_last), (other_digits, other_last)) = (one.significant(), other.significant());
            one_digits == other_digits
                && (one_digits.is_empty() || (one.negative == other.negative && one_last == other_last))
        }
        _ => false,
    }
}

impl<'t> Decimal<'t> {
    fn read(text: &'t [u8]) -> Option<Self> {
        let (negative, text) = text.strip_prefix(b"-").map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = cut(text, |byte| matches!(byte, b'e' | b'E'));
        let (whole, fraction) = cut(mantissa, |byte| byte == b'.');
        let is_whole = is_digits(whole) && (whole.len() == 1 || whole[0] != b'0');
        if !is_whole || !fraction.is_none_or(is_digits) {
            return None;
        }
        let exponent = match exponent {
            Some(exponent) => {
                let digits = exponent.strip_prefix(b"+").or_else(|| exponent.strip_prefix(b"-")).unwrap_or(exponent);
                is_digits(digits).then_some(())?;
                // One that is beyond all bounds makes a number that no upstream can hold either: equal to nothing.
                std::str::from_utf8(exponent).ok()?.parse::<i32>().ok()?.into()
            }
            None => 0,
        };
        Some(Self { negative, whole, fraction: fraction.unwrap_or_default(), exponent })
    }

    /// The digits from the first to the last that is not 0, and the power of ten of the last; none for zero.
    fn significant(&self) -> (Vec<u8>, i64) {
        let digits = [self.whole, self.fraction].concat();
        let Some(last) = digits.iter().rposition(|digit| *digit != b'0') else { return (Vec::new(), 0) };
        let first = digits.iter().position(|digit| *digit != b'0').unwrap_or(last);
        let place = self.exponent.saturating_add_unsigned((digits.len() - 1 - last) as u64);
        let place = place.saturating_sub_unsigned(self.fraction.len() as u64);
        (digits[first..=last].to_vec(), place)
    }
}

fn is_digits(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(u8::is_ascii_digit)
}

/// What is before and behind the first byte of this kind.
fn cut(text: &[u8], mark: impl Fn(u8) -> bool) -> (&[u8], Option<&[u8]>) {
    match text.iter().position(|byte| mark(*byte)) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn r6_numbers_are_compared_as_numbers() {
        let same = [
            ("1", "1.0"),
            ("1", "1e0"),
            ("1", "10e-1"),
            ("42.0", "4.2E+1"),
            ("0", "-0"),
            ("0", "0.00e7"),
            ("100", "1e2"),
            ("-7", "-7.000"),
            ("9007199254740993", "9007199254740993.0"),
            ("1e400", "10e399"),
            ("123456789012345678901234567890", "1.2345678901234567890123456789e29"),
        ];
        for (one, other) in same {
            assert!(are_equal(one.as_bytes(), other.as_bytes()), "{one} = {other}");
            assert!(are_equal(other.as_bytes(), one.as_bytes()), "{other} = {one}");
        }
        let other = [
            ("1", "2"),
            ("1", "-1"),
            ("1", "1.00000000000000000001"),
            ("9007199254740992", "9007199254740993"),
            ("1", "10"),
            ("101", "11"),
            ("1e400", "1e401"),
            ("0", "1e-400"),
        ];
        for (one, other) in other {
            assert!(!are_equal(one.as_bytes(), other.as_bytes()), "{one} is not {other}");
        }
        for text in
            ["", "-", "+1", "01", "-01", ".5", "5.", "1e", "1e+", "0x1", "1 ", "1e5.0", "1_0", "NaN", "1e99999999999"]
        {
            assert!(!are_equal(text.as_bytes(), text.as_bytes()), "{text:?} is no number here");
        }
    }

    proptest! {
        #[test]
        fn r6_a_number_is_equal_to_itself_written_otherwise_and_to_no_other(
            whole in any::<i128>(), zeros in 0_usize..5, shift in 0_usize..30, more in 1_i128..1000,
        ) {
            let plain = whole.to_string();
            let point = format!("{plain}.{}", "0".repeat(zeros + 1));
            let moved = format!("{plain}{}e-{shift}", "0".repeat(shift));
            let moved = if whole == 0 { "0e5".to_owned() } else { moved };
            prop_assert!(are_equal(plain.as_bytes(), point.as_bytes()));
            prop_assert!(are_equal(plain.as_bytes(), moved.as_bytes()));
            let other = whole.wrapping_add(more).to_string();
            prop_assert!(!are_equal(moved.as_bytes(), other.as_bytes()));
        }
    }
}
