//! Parses the common parts of the attributes: options, and the commas between them.

use syn::parse::ParseStream;
use syn::{Error, Ident, LitStr, Path, Result, Token};

/// Sets an option that may be given only once.
pub(crate) fn once<T>(option: &mut Option<T>, key: &Ident, value: T) -> Result<()> {
    match option.replace(value) {
        None => Ok(()),
        Some(_) => Err(Error::new(key.span(), format!("`{key}` is given twice"))),
    }
}

/// Parses `= "text"`.
pub(crate) fn text(input: ParseStream<'_>) -> Result<LitStr> {
    input.parse::<Token![=]>()?;
    let text: LitStr = input.parse()?;
    if text.value().is_empty() {
        return Err(Error::new(text.span(), "a name must not be empty"));
    }
    Ok(text)
}

/// Parses `= "path::to::crate"`.
pub(crate) fn path(input: ParseStream<'_>) -> Result<Path> {
    let text = text(input)?;
    text.parse_with(Path::parse_mod_style).map_err(|_| {
        Error::new(text.span(), "this is not a path to a crate, such as `apscheduler_core`")
    })
}

/// Parses the comma between two options, or the end.
pub(crate) fn comma(input: ParseStream<'_>) -> Result<()> {
    if !input.is_empty() {
        input.parse::<Token![,]>()?;
    }
    Ok(())
}
