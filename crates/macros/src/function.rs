//! The function below an attribute.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Error, Result, ReturnType, Safety, Signature, Token, Type, Visibility};

/// A function as written. Its body is not parsed.
pub(crate) struct Function {
    pub(crate) attrs: Vec<Attribute>,
    vis: Visibility,
    pub(crate) sig: Signature,
    body: TokenStream,
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        let Ok(sig) = input.parse::<Signature>() else {
            return Err(input.error("only a function can be a job"));
        };
        if input.peek(Token![;]) {
            return Err(input.error("a job is a function with a body"));
        }
        Ok(Self { attrs, vis, sig, body: input.parse()? })
    }
}

impl Function {
    pub(crate) fn is_async(&self) -> bool {
        self.sig.asyncness.is_some()
    }

    /// Returns what prevents this function, apart from its parameters, from being a job.
    pub(crate) fn check(&self) -> Vec<Error> {
        let sig = &self.sig;
        let mut errors = Vec::new();
        let mut refuse = |place: &dyn ToTokens, message: &str| {
            errors.push(Error::new_spanned(place, message));
        };
        if let Safety::Unsafe(token) = &sig.safety {
            refuse(token, "an `unsafe fn` can't be a job: a scheduler can't keep its contract");
        }
        if let Some(abi) = &sig.abi {
            refuse(abi, "an `extern` function can't be a job; call it from a plain one");
        }
        if !sig.generics.params.is_empty() {
            refuse(
                &sig.generics,
                "a generic function can't be a job: a name refers to one function; call it from a plain one",
            );
        } else if let Some(clause) = &sig.generics.where_clause {
            refuse(clause, "a job is not generic, so it has no bounds");
        }
        if let Some(variadic) = &sig.variadic {
            refuse(variadic, "a job has a fixed number of parameters; take a `Vec<T>`");
        }
        if let ReturnType::Type(_, output) = &sig.output
            && matches!(**output, Type::Never(_))
        {
            refuse(output, "a job has to end: it returns nothing or a value");
        }
        errors
    }
}

impl ToTokens for Function {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Self { attrs, vis, sig, body } = self;
        tokens.extend(quote!(#(#attrs)* #vis #sig #body));
    }
}
