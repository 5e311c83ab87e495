//! Spans of generated code.

use proc_macro2::Span;

/// Returns a span that points to the user's code but belongs to the expansion, so that lints of the user's crate do not
/// apply to it.
pub(crate) fn resolved(span: Span) -> Span {
    span.resolved_at(Span::call_site())
}
