//! What agents used, as they reported it. Nothing is added that nobody reported.

use serde_json::{Value, json};

use crate::config::Usd;

/// The sum of what turns reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens that were read; those from a cache are among them.
    pub input: u64,
    /// Tokens that were read from a cache.
    pub cached: u64,
    /// Tokens that were written.
    pub output: u64,
    /// The cost; none where no turn reported any.
    pub cost: Option<Usd>,
    /// Whether any turn reported anything.
    pub is_known: bool,
}

impl Usage {
    /// Adds the `usage` of a turn: `{"input","cached","output","cost_usd"}`.
    pub(super) fn add(&mut self, reported: &Value) {
        let tokens = |key: &str| reported.get(key).and_then(Value::as_u64).unwrap_or_default();
        self.is_known |= reported.is_object();
        self.input = self.input.saturating_add(tokens("input"));
        self.cached = self.cached.saturating_add(tokens("cached"));
        self.output = self.output.saturating_add(tokens("output"));
        let cost = reported.get("cost_usd").and_then(Value::as_f64).and_then(Usd::of_dollars);
        if let Some(cost) = cost {
            self.cost = Some(Usd(self.cost.unwrap_or_default().0.saturating_add(cost.0)));
        }
    }

    /// The tokens that a cap counts.
    pub fn tokens(&self) -> u64 {
        self.input.saturating_add(self.output)
    }

    /// As documents show it; null where nothing was reported.
    pub fn document(&self) -> Value {
        if !self.is_known {
            return Value::Null;
        }
        let cost = self.cost.map(Usd::dollars);
        json!({ "input": self.input, "cached": self.cached, "output": self.output, "cost_usd": cost })
    }
}
