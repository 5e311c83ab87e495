//! Option values: JSON values in the syntax of Rust and TOML.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Error, Expr, ExprLit, ExprUnary, Ident, Lit, LitInt, Result, Token, UnOp, token};

pub(crate) enum Value {
    None,
    Text(Expr),
    Number(Expr),
    Bool(Expr),
    /// `["a", 1]`
    Array(Vec<Value>),
    /// `{ a = 1 }`
    Table(Vec<(Ident, Value)>),
    /// Any other expression.
    Other(Expr),
}

impl Parse for Value {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        if input.peek(token::Bracket) {
            let content;
            syn::bracketed!(content in input);
            let values = Punctuated::<Self, Token![,]>::parse_terminated(&content)?;
            return Ok(Self::Array(values.into_iter().collect()));
        }
        if input.peek(token::Brace) {
            let content;
            syn::braced!(content in input);
            let entries = Punctuated::<Entry, Token![,]>::parse_terminated(&content)?;
            return Ok(Self::Table(
                entries.into_iter().map(|Entry(key, value)| (key, value)).collect(),
            ));
        }
        let expr: Expr = input.parse()?;
        let literal = match &expr {
            Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. }) => &**expr,
            expr => expr,
        };
        match literal {
            Expr::Lit(ExprLit { lit: Lit::Str(_), .. }) => Ok(Self::Text(expr)),
            Expr::Lit(ExprLit { lit: Lit::Bool(_), .. }) => Ok(Self::Bool(expr)),
            Expr::Lit(ExprLit { lit: Lit::Float(_), .. }) => Ok(Self::Number(expr)),
            Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => {
                let typed = typed(number, matches!(expr, Expr::Unary(_)));
                Ok(Self::Number(typed.map_or(expr, Expr::Verbatim)))
            }
            Expr::Lit(_) => Err(Error::new_spanned(
                expr,
                "a value is text, a number, `true`, `false`, `none`, `[an, array]` or `{ a = table }`",
            )),
            Expr::Path(path) if path.path.is_ident("none") || path.path.is_ident("None") => {
                Ok(Self::None)
            }
            _ => Ok(Self::Other(expr)),
        }
    }
}

/// Returns a whole number in the widest type of JSON.
fn typed(number: &LitInt, negative: bool) -> Option<TokenStream> {
    if !number.suffix().is_empty() {
        return None;
    }
    let kind = if negative { "i64" } else { "u64" };
    let wide = LitInt::new(&format!("{}{kind}", number.base10_digits()), number.span());
    Some(if negative { quote!(-#wide) } else { quote!(#wide) })
}

struct Entry(Ident, Value);

impl Parse for Entry {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let key = input.call(Ident::parse_any)?;
        input.parse::<Token![=]>()?;
        Ok(Self(key, input.parse()?))
    }
}

macro_rules! expect {
    ($($name:ident $($kind:ident)|+ $message:literal)+) => {$(
        /// Returns an error if the value is visibly not of this kind.
        pub(crate) fn $name(&self) -> std::result::Result<(), &'static str> {
            match self {
                $(Self::$kind { .. })|+ | Self::Other(_) => Ok(()),
                _ => Err($message),
            }
        }
    )+};
}

impl Value {
    expect! {
        expect_text Text "this option is text"
        expect_text_or_none Text | None "this option is a date and time as text, or `none` for a job that is paused"
        expect_number Number "this option is a number"
        expect_time_or_none Number | Text | None "this option is a number of seconds, text such as `\"1h 30m\"`, or `none`"
        expect_bool Bool "this option is `true` or `false`"
        expect_bool_or_text Bool | Text "this option is `true`, `false`, or text: `latest`, `earliest` or `all`"
        expect_number_or_none Number | None "this option is a number, or `none`"
        expect_number_or_table Number | Table | None "this option is a number, a table such as `{ max_attempts = 3 }`, or `none`"
        expect_text_or_table Text | Table "this option is text, or a table"
        expect_array Array "this option is an array: `args = [1, \"two\"]`"
        expect_table Table "this option is a table: `kwargs = { name = \"value\" }`"
    }

    /// Returns an expression for the JSON value.
    pub(crate) fn tokens(&self, private: &TokenStream) -> TokenStream {
        match self {
            Self::None => quote!(#private::Value::Null),
            Self::Text(expr) | Self::Number(expr) | Self::Bool(expr) | Self::Other(expr) => {
                quote!(#private::Value::from(#expr))
            }
            Self::Array(values) => {
                let values = values.iter().map(|value| value.tokens(private));
                quote!(#private::Value::Array(::std::vec::Vec::from([#(#values),*])))
            }
            Self::Table(entries) => {
                let entries = entries.iter().map(|(key, value)| {
                    let key = key.unraw().to_string();
                    let value = value.tokens(private);
                    quote!((#key, #value))
                });
                quote!(#private::Value::Object(#private::table([#(#entries),*])))
            }
        }
    }
}
