//! Finding functions by name.

use std::sync::Arc;

use super::{Function, JobFunction};
use crate::Result;

/// Looks up registered functions by name.
pub trait FunctionLookup {
    /// Returns the function with this name or alias.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownFunction`](crate::ErrorKind::UnknownFunction) with the nearest name.
    fn function(&self, name: &str) -> Result<Arc<Function>>;

    /// Returns whether a function has this name or alias.
    fn has_function(&self, name: &str) -> bool;
}

impl JobFunction {
    /// Returns the function that a job calls. A function item whose path is registered means the registered function, which
    /// stores can keep.
    pub(crate) fn resolve(self, functions: &dyn FunctionLookup) -> Result<Arc<Function>> {
        match self {
            Self::Named(name) => functions.function(&name),
            Self::Direct(function)
                if !function.is_named() && functions.has_function(function.name()) =>
            {
                functions.function(function.name())
            }
            Self::Direct(function) => Ok(function),
        }
    }
}
