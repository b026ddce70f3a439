//! What an answered call costs, counted when its answer has come.

use super::Relay;
use super::eras::INPUT_REQUIRED;
use crate::forward::Method;

impl Relay {
    /// Counts what the call of a tool costs, by the prices that held when it was asked for. A tool that failed has worked
    /// too; a server that answers with an error of the protocol, or that has a question first, has not.
    pub(super) fn charge(&self, result_type: Option<&str>) {
        if self.method != Method::CallTool || result_type == Some(INPUT_REQUIRED) {
            return;
        }
        if let Some(cost) = &self.holding.server().cost {
            self.server.metrics.costs(cost.of(self.holding.called().name()), self.holding.currency());
        }
    }
}
