//! The revisions of MCP that clients may speak to the gateway.

/// A revision of the protocol. Ordered by age.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Revision {
    /// 2024-11-05: HTTP+SSE.
    V2024_11_05,
    /// 2025-03-26: Streamable HTTP, batches.
    V2025_03_26,
    /// 2025-06-18.
    V2025_06_18,
    /// 2025-11-25: the newest with `initialize`.
    V2025_11_25,
    /// 2026-07-28: stateless.
    V2026_07_28,
}

impl Revision {
    /// Every revision, oldest first.
    pub const ALL: [Revision; 5] = [
        Revision::V2024_11_05,
        Revision::V2025_03_26,
        Revision::V2025_06_18,
        Revision::V2025_11_25,
        Revision::V2026_07_28,
    ];

    /// The newest revision with `initialize`: the answer to a client that asks for one that is not spoken.
    pub const NEWEST_LEGACY: Revision = Revision::V2025_11_25;

    /// The revision as it stands on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Revision::V2024_11_05 => "2024-11-05",
            Revision::V2025_03_26 => "2025-03-26",
            Revision::V2025_06_18 => "2025-06-18",
            Revision::V2025_11_25 => "2025-11-25",
            Revision::V2026_07_28 => "2026-07-28",
        }
    }

    /// The revision that the wire names.
    pub fn from_wire(text: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|revision| revision.as_str().as_bytes() == text)
    }

    /// Whether it is stateless.
    pub fn is_modern(self) -> bool {
        self >= Revision::V2026_07_28
    }

    /// Whether an array of messages is a request: in 2025-03-26 only.
    pub fn has_batches(self) -> bool {
        self == Revision::V2025_03_26
    }

    /// One byte for it, never reused.
    pub fn number(self) -> u8 {
        match self {
            Revision::V2025_03_26 => 1,
            Revision::V2025_06_18 => 2,
            Revision::V2025_11_25 => 3,
            Revision::V2026_07_28 => 4,
            Revision::V2024_11_05 => 5,
        }
    }

    /// The revision of [`Revision::number`].
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|revision| revision.number() == number)
    }
}
