//! Parameters of a job: the sources of their values, and how they are passed to the function.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{Attribute, Error, Expr, ExprLit, FnArg, Ident, Lit, Pat, Result, Token};

use crate::argument_type::{ArgumentType, Passing, context};
use crate::span::resolved;

/// One parameter of the function.
pub(crate) enum Parameter {
    /// `&JobContext` or `JobContext`, which takes no argument.
    Context { owned: bool },
    /// A parameter that takes an argument.
    Argument(Box<Argument>),
}

pub(crate) struct Argument {
    name: String,
    ty: ArgumentType,
    absence: Absence,
    local: Ident,
}

/// The treatment of a missing argument.
enum Absence {
    /// It is an error.
    Error,
    /// `Option<T>`
    None,
    /// `#[job(default)]`
    Default,
    /// `#[job(default = ...)]`
    Value(Box<Expr>),
}

impl Parameter {
    /// Parses a parameter, and removes `#[job(...)]` from it.
    pub(crate) fn take(input: &mut FnArg, position: usize) -> Result<Self> {
        let input = match input {
            FnArg::Typed(input) => input,
            FnArg::Receiver(receiver) => {
                return Err(Error::new_spanned(
                    receiver,
                    "a method can't be a job: the scheduler has no `self` to call it on; a job gets its surroundings from \
                     `JobContext::extension`",
                ));
            }
        };
        let mut default = None;
        let mut error = None;
        input.attrs.retain(|attr| match take_attribute(attr, &mut default) {
            Ok(keep) => keep,
            Err(found) => {
                error = Some(found);
                false
            }
        });
        if let Some(error) = error {
            return Err(error);
        }
        if let Some(owned) = context(&input.ty)? {
            return match default {
                None => Ok(Self::Context { owned }),
                Some(_) => Err(Error::new_spanned(
                    &input.ty,
                    "a `JobContext` comes from the scheduler, it has no default",
                )),
            };
        }
        let name = name(&input.pat)?;
        let ty = ArgumentType::of(&input.ty)?;
        let absence = match default {
            Some(default) => default,
            None if ty.is_option() => Absence::None,
            None => Absence::Error,
        };
        let local = format_ident!("argument_{position}", span = Span::mixed_site());
        Ok(Self::Argument(Box::new(Argument { name, ty, absence, local })))
    }
}

impl Argument {
    /// Returns the declaration of the parameter.
    pub(crate) fn declaration(&self, private: &TokenStream) -> TokenStream {
        let Self { name, ty: ArgumentType { owned, .. }, .. } = self;
        let required = matches!(self.absence, Absence::Error);
        let kind = if required { quote!(required) } else { quote!(optional) };
        quote!(#private::#kind::<#owned>(#name))
    }

    /// Returns code that parses the argument into a local variable.
    pub(crate) fn read(&self, private: &TokenStream, position: usize) -> TokenStream {
        let Self { ty: ArgumentType { owned, .. }, local, .. } = self;
        let absent = match &self.absence {
            Absence::Error => {
                return quote!(let #local = #private::require::<#owned>(bound, #position)?;);
            }
            Absence::None => quote!(::core::option::Option::None),
            Absence::Default => {
                let span = resolved(owned.span());
                quote_spanned!(span=> ::core::default::Default::default())
            }
            Absence::Value(value) => self.converted(value),
        };
        quote! {
            let #local = #private::get::<#owned>(bound, #position)?.unwrap_or_else(|| #absent);
        }
    }

    /// Returns a conversion of a default value: text may stand for a type made from text, and a
    /// borrowed value for its owned form.
    fn converted(&self, value: &Expr) -> TokenStream {
        let text = matches!(value, Expr::Lit(ExprLit { lit: Lit::Str(_), .. }));
        let converted = quote!(::core::convert::From::from(#value));
        match self.ty.passing {
            _ if text && self.ty.is_option() => quote!(::core::option::Option::Some(#converted)),
            Passing::Unsized => converted,
            _ if text => converted,
            _ => value.to_token_stream(),
        }
    }

    /// Returns the expression passed to the function.
    pub(crate) fn passed(&self) -> TokenStream {
        let local = &self.local;
        match self.ty.passing {
            Passing::Value => quote!(#local),
            Passing::Reference | Passing::Unsized => quote!(&#local),
            Passing::OptionReference => quote!(#local.as_ref()),
            Passing::OptionUnsized => quote!(#local.as_deref()),
        }
    }
}

/// Returns whether an attribute is kept. The contents of `#[job(default)]` are stored in `default`.
fn take_attribute(attr: &Attribute, default: &mut Option<Absence>) -> Result<bool> {
    if attr.path().is_ident("cfg") || attr.path().is_ident("cfg_attr") {
        return Err(Error::new_spanned(
            attr,
            "a parameter of a job is always there; put `#[cfg]` on two functions",
        ));
    }
    if !attr.path().is_ident("job") {
        return Ok(true);
    }
    let expected = "a parameter takes `#[job(default)]` or `#[job(default = ...)]`";
    attr.parse_args_with(|input: syn::parse::ParseStream<'_>| {
        let key: Ident = input.parse()?;
        if key != "default" {
            return Err(Error::new(key.span(), expected));
        }
        let given = if input.is_empty() {
            Absence::Default
        } else {
            input.parse::<Token![=]>()?;
            Absence::Value(input.parse()?)
        };
        match default.replace(given) {
            None => Ok(()),
            Some(_) => Err(Error::new(key.span(), "a parameter has one default")),
        }
    })
    .map_err(|error| match &attr.meta {
        syn::Meta::List(_) => error,
        _ => Error::new_spanned(attr, expected),
    })?;
    Ok(false)
}

fn name(pattern: &Pat) -> Result<String> {
    match pattern {
        Pat::Ident(pattern) if pattern.by_ref.is_none() && pattern.subpat.is_none() => {
            Ok(pattern.ident.unraw().to_string())
        }
        _ => Err(Error::new_spanned(
            pattern,
            "a parameter of a job needs a name, by which `kwargs` gives its argument; take it apart in the body",
        )),
    }
}
