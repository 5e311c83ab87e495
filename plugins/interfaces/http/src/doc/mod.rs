//! What the document `openapi.json` says of a route. Each route of the table has it, so none can be missing in the document.

mod operation;
pub(crate) mod schemas;

pub(crate) use operation::{Doc, operation};
