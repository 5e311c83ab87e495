//! The arguments of `#[job(...)]`, and all attributes of one function combined.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream, Parser as _};
use syn::{Attribute, Error, Ident, LitStr, Meta, Path, Result};

use crate::declaration::Declaration;
use crate::option::{comma, once, path, text};

/// `#[job(name = "...", alias = "...", crate = "...")]`
#[derive(Default)]
pub(crate) struct JobOptions {
    pub(crate) name: Option<LitStr>,
    pub(crate) aliases: Vec<LitStr>,
    krate: Option<Path>,
}

impl Parse for JobOptions {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut options = Self::default();
        while !input.is_empty() {
            let key = input.call(Ident::parse_any)?;
            match key.to_string().as_str() {
                "name" => once(&mut options.name, &key, text(input)?)?,
                "alias" => options.aliases.push(text(input)?),
                "crate" => once(&mut options.krate, &key, path(input)?)?,
                "default" => {
                    return Err(Error::new(key.span(), "`#[job(default)]` belongs on a parameter"));
                }
                other => {
                    let message = format!(
                        "unknown option `{other}`; `#[job]` takes `name`, `alias` and `crate`"
                    );
                    return Err(Error::new(key.span(), message));
                }
            }
            comma(input)?;
        }
        Ok(options)
    }
}

/// All job attributes of one function, in any order.
#[derive(Default)]
pub(crate) struct Attributes {
    job: Option<JobOptions>,
    pub(crate) declarations: Vec<Declaration>,
    krate: Option<Path>,
    pub(crate) errors: Vec<Error>,
}

impl Attributes {
    pub(crate) fn job(&mut self, span: Span, arguments: TokenStream) {
        match JobOptions::parse.parse2(arguments) {
            Err(error) => self.errors.push(error),
            Ok(_) if self.job.is_some() => {
                self.errors.push(Error::new(span, "this function already has `#[job]`"));
            }
            Ok(options) => self.job = Some(options),
        }
    }

    pub(crate) fn scheduled_job(&mut self, arguments: TokenStream) {
        match Declaration::parse.parse2(arguments) {
            Err(error) => self.errors.push(error),
            Ok(mut declaration) => {
                self.krate = self.krate.take().or_else(|| declaration.krate.take());
                self.declarations.push(declaration);
            }
        }
    }

    /// Takes over the job attributes below the one that is expanded.
    pub(crate) fn absorb(&mut self, attrs: &mut Vec<Attribute>) {
        attrs.retain(|attr| {
            let Some(last) = attr.path().segments.last() else { return true };
            let arguments = match &attr.meta {
                Meta::List(meta) => meta.tokens.clone(),
                _ => TokenStream::new(),
            };
            match last.ident.to_string().as_str() {
                "job" => self.job(last.ident.span(), arguments),
                "scheduled_job" => self.scheduled_job(arguments),
                _ => return true,
            }
            false
        });
    }

    /// Returns the path to the items that generated code needs.
    pub(crate) fn private(&self) -> TokenStream {
        let job = self.job.as_ref().and_then(|job| job.krate.as_ref());
        job.or(self.krate.as_ref())
            .map_or_else(|| quote!(::apscheduler::__private), |krate| quote!(#krate::__private))
    }

    pub(crate) fn options(&self) -> Option<&JobOptions> {
        self.job.as_ref()
    }
}
