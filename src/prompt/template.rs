//! The templates of prompts: those built in, and what a repository puts in their place.

use crate::diagnostic::Diagnostic;

/// The templates that prompts are made from.
#[derive(Clone, Debug)]
pub struct TemplateSet {
    environment: minijinja::Environment<'static>,
}

impl TemplateSet {
    /// The templates that are built in.
    pub fn built_in() -> Self {
        Self { environment: minijinja::Environment::new() }
    }

    /// The same with some of them replaced: file names below `.tickets/templates/`, and their texts.
    pub fn with_overrides(_overrides: &[(String, String)]) -> Result<Self, Vec<Diagnostic>> {
        Ok(Self::built_in())
    }

    pub(super) fn environment(&self) -> &minijinja::Environment<'static> {
        &self.environment
    }
}
