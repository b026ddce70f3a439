//! What calls of a server cost, in whole billionths of the currency: sums stay exact.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A billion of them are one unit of the currency.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Nanos(pub u64);

/// What calls of a server cost.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Cost {
    /// A call of any tool that is not below.
    pub per_call: Nanos,
    /// Tools by their server's own name. Sorted, no name twice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub per_tool: Vec<(String, Nanos)>,
}

impl Cost {
    /// What a call of the tool costs that its server calls so.
    pub fn of(&self, tool: &str) -> Nanos {
        self.own_of(tool).unwrap_or(self.per_call)
    }

    /// The same if the tool has a price of its own.
    pub fn own_of(&self, tool: &str) -> Option<Nanos> {
        let at = self.per_tool.binary_search_by(|(name, _)| name.as_str().cmp(tool)).ok()?;
        Some(self.per_tool[at].1)
    }
}

impl Nanos {
    const UNIT: u64 = 1_000_000_000;

    /// A decimal number of up to nine digits before and behind the point.
    pub fn parse(text: &str) -> Option<Self> {
        let (units, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let is_digits = |text: &str| (1..=9).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_digits(units) || !is_digits(fraction) {
            return None;
        }
        let units: u64 = units.parse().ok()?;
        let fraction: u64 = format!("{fraction:0<9}").parse().ok()?;
        Some(Self(units * Self::UNIT + fraction))
    }
}

/// As a decimal number without needless zeros, which is a number of JSON too.
impl fmt::Display for Nanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fraction = format!("{:09}", self.0 % Self::UNIT);
        match fraction.trim_end_matches('0') {
            "" => write!(f, "{}.0", self.0 / Self::UNIT),
            fraction => write!(f, "{}.{fraction}", self.0 / Self::UNIT),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_exact_and_written_as_they_were() {
        for (text, nanos) in
            [("0", 0), ("10", 10_000_000_000), ("0.01", 10_000_000), ("999999999.999999999", 999_999_999_999_999_999)]
        {
            assert_eq!(Nanos::parse(text), Some(Nanos(nanos)), "{text}");
        }
        for text in ["", ".", "1.", ".1", "-1", "1e3", "1.0000000001", "1234567890", "1,0", " 1"] {
            assert_eq!(Nanos::parse(text), None, "{text}");
        }
        assert_eq!(
            [Nanos(0), Nanos(10_000_000), Nanos(10_000_000_000)].map(|it| it.to_string()),
            ["0.0", "0.01", "10.0"]
        );
    }

    #[test]
    fn a_tools_own_price_comes_before_the_servers() {
        let cost = Cost { per_call: Nanos(5), per_tool: vec![("a".to_owned(), Nanos(0)), ("c".to_owned(), Nanos(9))] };
        assert_eq!(["a", "b", "c"].map(|tool| cost.of(tool)), [Nanos(0), Nanos(5), Nanos(9)]);
    }
}
