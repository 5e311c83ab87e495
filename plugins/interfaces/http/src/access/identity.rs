//! Who a request is from.

use std::sync::Arc;

use super::{Right, Rights};

/// Who a request is from, and what they may do. The name stands in the records of the changes that they make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    name: Arc<str>,
    rights: Rights,
}

impl Identity {
    /// Somebody with this name and these rights.
    pub fn new(name: impl Into<Arc<str>>, rights: Rights) -> Self {
        Self { name: name.into(), rights }
    }

    /// Returns the name.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Returns whether they have a right.
    pub fn may(&self, right: Right) -> bool {
        self.rights.include(right)
    }
}
