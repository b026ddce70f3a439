//! How much of a server's log a client wants (RFC 5424's levels, as MCP names
//! them).

/// A level of severity. Ordered: an emergency is the gravest.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum LogLevel {
    /// `debug`: everything.
    Debug,
    /// `info`
    Info,
    /// `notice`
    Notice,
    /// `warning`
    Warning,
    /// `error`
    Error,
    /// `critical`
    Critical,
    /// `alert`
    Alert,
    /// `emergency`
    Emergency,
}

impl LogLevel {
    const ALL: [(&'static str, LogLevel); 8] = [
        ("debug", LogLevel::Debug),
        ("info", LogLevel::Info),
        ("notice", LogLevel::Notice),
        ("warning", LogLevel::Warning),
        ("error", LogLevel::Error),
        ("critical", LogLevel::Critical),
        ("alert", LogLevel::Alert),
        ("emergency", LogLevel::Emergency),
    ];

    /// Its name on the wire.
    pub fn as_str(self) -> &'static str {
        Self::ALL[self as usize].0
    }

    /// The level that the wire names.
    pub fn from_wire(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(name, _)| *name == text).map(|(_, level)| level)
    }

    /// Its place among all, from the least grave.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The level at a place.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).map(|(_, level)| *level)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_named_as_they_are_read() {
        for (name, level) in LogLevel::ALL {
            assert_eq!((level.as_str(), LogLevel::from_wire(name)), (name, Some(level)));
        }
    }
}
