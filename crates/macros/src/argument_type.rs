//! Parameter types, and the types as which their arguments are parsed.

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens as _, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{
    Error, GenericArgument, PathArguments, PathSegment, Result, Type, TypeReference,
    parse_quote_spanned,
};

/// The type as which an argument is parsed, and how it is passed to the function.
pub(crate) struct ArgumentType {
    /// The owned type from which the parameter may borrow.
    pub(crate) owned: Type,
    pub(crate) passing: Passing,
}

/// How the value is passed to the function.
#[derive(Clone, Copy)]
pub(crate) enum Passing {
    /// `T`
    Value,
    /// `&T`
    Reference,
    /// `&str`, `&[T]`, `&Path`
    Unsized,
    /// `Option<&T>`
    OptionReference,
    /// `Option<&str>` and similar types
    OptionUnsized,
}

impl ArgumentType {
    pub(crate) fn of(ty: &Type) -> Result<Self> {
        if let Some(found) = referenced(ty) {
            return Ok(found);
        }
        if let Some(Self { owned, passing }) = option_of(ty).and_then(referenced) {
            let owned = parse_quote_spanned!(ty.span()=> ::core::option::Option<#owned>);
            let passing = match passing {
                Passing::Unsized => Passing::OptionUnsized,
                _ => Passing::OptionReference,
            };
            return Ok(Self { owned, passing });
        }
        let message = match odd_token(ty.to_token_stream()) {
            None => return Ok(Self { owned: ty.clone(), passing: Passing::Value }),
            Some("impl") => {
                "a generic function can't be a job; name the type that the argument is read as"
                    .to_owned()
            }
            Some(_) => {
                format!(
                    "a job owns its arguments, and lends them for the call: take {}",
                    instead_of(ty)
                )
            }
        };
        Err(Error::new_spanned(ty, message))
    }

    pub(crate) fn is_option(&self) -> bool {
        option_of(&self.owned).is_some()
    }
}

/// Returns whether the type is a context, and if so, whether it is passed by value.
pub(crate) fn context(ty: &Type) -> Result<Option<bool>> {
    let is_context = |ty: &Type| last_segment(ty).is_some_and(|last| last.ident == "JobContext");
    match ty {
        Type::Reference(reference) if is_context(&reference.elem) => match reference.mutability {
            None => Ok(Some(false)),
            Some(_) => Err(Error::new_spanned(ty, "a job gets its context as `&JobContext`")),
        },
        ty => Ok(is_context(ty).then_some(true)),
    }
}

/// Returns `String` for `&str`, and so on; `T` for `&T`.
fn referenced(ty: &Type) -> Option<ArgumentType> {
    let Type::Reference(TypeReference { lifetime: None, mutability: None, elem, .. }) = ty else {
        return None;
    };
    if odd_token(elem.to_token_stream()).is_some() {
        return None;
    }
    let span = ty.span();
    if let Type::Slice(slice) = &**elem {
        let elem = &slice.elem;
        let owned = parse_quote_spanned!(span=> ::std::vec::Vec<#elem>);
        return Some(ArgumentType { owned, passing: Passing::Unsized });
    }
    let last = last_segment(elem).filter(|last| last.arguments.is_none());
    let owned = match last.map(|last| last.ident.to_string()).as_deref() {
        Some("str") => quote_spanned!(span=> ::std::string::String),
        Some("Path") => quote_spanned!(span=> ::std::path::PathBuf),
        _ => {
            return Some(ArgumentType { owned: (**elem).clone(), passing: Passing::Reference });
        }
    };
    Some(ArgumentType { owned: Type::Verbatim(owned), passing: Passing::Unsized })
}

/// Returns the type to suggest instead of an unsupported type with a reference.
fn instead_of(ty: &Type) -> String {
    match ty {
        Type::Reference(TypeReference { elem, mutability, .. })
            if odd_token(elem.to_token_stream()).is_none() =>
        {
            let elem = elem.to_token_stream();
            if mutability.is_some() { format!("`{elem}`") } else { format!("`&{elem}`") }
        }
        _ => "`T` or `&T`, where `T` borrows nothing".to_owned(),
    }
}

/// Returns `T` of `Option<T>`.
fn option_of(ty: &Type) -> Option<&Type> {
    let last = last_segment(ty)?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    match arguments.args.first()? {
        GenericArgument::Type(inner) if last.ident == "Option" => Some(inner),
        _ => None,
    }
}

fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match ty {
        Type::Path(path) if path.qself.is_none() => path.path.segments.last(),
        _ => None,
    }
}

/// Returns the first `&`, `impl` or `dyn` anywhere in a type.
fn odd_token(tokens: TokenStream) -> Option<&'static str> {
    tokens.into_iter().find_map(|token| match token {
        TokenTree::Group(group) => odd_token(group.stream()),
        TokenTree::Punct(punct) if punct.as_char() == '&' => Some("&"),
        TokenTree::Ident(ident) if ident == "impl" => Some("impl"),
        TokenTree::Ident(ident) if ident == "dyn" => Some("dyn"),
        _ => None,
    })
}
