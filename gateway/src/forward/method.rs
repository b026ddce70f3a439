//! The methods that servers answer.

/// A method that a server answers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Method {
    /// `tools/call`
    CallTool,
    /// `prompts/get`
    GetPrompt,
    /// `resources/read`
    ReadResource,
    /// `completion/complete`
    Complete,
    /// `resources/subscribe`
    Subscribe,
    /// `resources/unsubscribe`
    Unsubscribe,
    /// `tasks/get` (the tasks extension, SEP-2663)
    GetTask,
    /// `tasks/update`
    UpdateTask,
    /// `tasks/cancel`
    CancelTask,
}

impl Method {
    /// All of them, each at its own number.
    pub const ALL: [Self; 9] = [
        Self::CallTool,
        Self::GetPrompt,
        Self::ReadResource,
        Self::Complete,
        Self::Subscribe,
        Self::Unsubscribe,
        Self::GetTask,
        Self::UpdateTask,
        Self::CancelTask,
    ];

    /// Its name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Method::CallTool => "tools/call",
            Method::GetPrompt => "prompts/get",
            Method::ReadResource => "resources/read",
            Method::Complete => "completion/complete",
            Method::Subscribe => "resources/subscribe",
            Method::Unsubscribe => "resources/unsubscribe",
            Method::GetTask => "tasks/get",
            Method::UpdateTask => "tasks/update",
            Method::CancelTask => "tasks/cancel",
        }
    }

    /// Whether a result of it may ask for input (2026-07-28, basic/patterns/mrtr).
    pub const fn may_require_input(self) -> bool {
        matches!(self, Method::CallTool | Method::GetPrompt | Method::ReadResource)
    }

    /// Whether it is about a task.
    pub const fn is_of_task(self) -> bool {
        matches!(self, Method::GetTask | Method::UpdateTask | Method::CancelTask)
    }

    /// What the modern protocol demands of its result; what is read for one caller is for no other's cache.
    pub const fn modern_result(self) -> &'static [u8] {
        match self {
            Method::ReadResource => br#""resultType":"complete","ttlMs":0,"cacheScope":"private""#,
            _ => br#""resultType":"complete""#,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_method_is_at_its_number() {
        for (number, method) in Method::ALL.into_iter().enumerate() {
            assert_eq!(method as usize, number);
        }
    }
}
