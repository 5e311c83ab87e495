//! The arguments of `#[scheduled_job(...)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream};
use syn::{Error, Ident, LitStr, Path, Result, Token};

use crate::option::{comma, path};
use crate::value::Value;

/// A job that is declared on its function.
pub(crate) struct Declaration {
    pub(crate) trigger: LitStr,
    job: Vec<(Ident, Value)>,
    options: Vec<(Ident, Value)>,
    pub(crate) krate: Option<Path>,
}

impl Parse for Declaration {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        if !input.peek(LitStr) {
            // Not `input.error`, whose message for missing arguments is "unexpected end of input".
            return Err(Error::new(
                input.span(),
                "expected the kind of trigger, then its options and those of the job, as in \
                 `#[scheduled_job(\"cron\", id = \"report\", day = \"last sun\")]`",
            ));
        }
        let trigger = input.parse()?;
        let mut declaration = Self { trigger, job: Vec::new(), options: Vec::new(), krate: None };
        comma(input)?;
        while !input.is_empty() {
            declaration.option(input)?;
            comma(input)?;
        }
        Ok(declaration)
    }
}

impl Declaration {
    fn option(&mut self, input: ParseStream<'_>) -> Result<()> {
        let key = input.call(Ident::parse_any)?;
        let given = self.job.iter().chain(&self.options).any(|(other, _)| *other == key);
        if given || (key == "crate" && self.krate.is_some()) {
            return Err(Error::new(key.span(), format!("`{key}` is given twice")));
        }
        if key == "crate" {
            self.krate = Some(path(input)?);
            return Ok(());
        }
        if !input.peek(Token![=]) {
            let message = format!("`{key}` needs a value: `{key} = ...`");
            return Err(Error::new(key.span(), message));
        }
        input.parse::<Token![=]>()?;
        let value: Value = input.parse()?;
        let expected = match key.unraw().to_string().as_str() {
            "id" | "name" | "jobstore" | "executor" | "overlap_scope" | "on_resume" | "history" => {
                value.expect_text()
            }
            "max_instances" => value.expect_number(),
            "misfire_grace_time" | "timeout" | "deadline" => value.expect_time_or_none(),
            "next_run_time" => value.expect_text_or_none(),
            "coalesce" => value.expect_bool_or_text(),
            "retry" => value.expect_number_or_table(),
            "on_crash" | "overlap" => value.expect_text_or_table(),
            "catchup_limit" => value.expect_number_or_none(),
            "record_result" => value.expect_bool(),
            "args" => value.expect_array(),
            "kwargs" => value.expect_table(),
            "func" => Err("the function is the one that this attribute is on"),
            "trigger" | "type" | "class" => Err("the kind of trigger is the first argument"),
            "replace_existing" => Err("a declared job always replaces one with its id"),
            "alias" => Err("other names of the function are given in `#[job(alias = \"...\")]`"),
            _ => {
                self.options.push((key, value));
                return Ok(());
            }
        };
        expected.map_err(|message| Error::new(key.span(), message))?;
        self.job.push((key, value));
        Ok(())
    }

    /// Returns whether an id is given.
    pub(crate) fn has_id(&self) -> bool {
        self.job.iter().any(|(key, _)| key == "id")
    }

    /// Returns an expression for the job's table. The default id is the name of the function.
    pub(crate) fn table(&self, private: &TokenStream, function: &TokenStream) -> TokenStream {
        let trigger = &self.trigger;
        let entry = |(key, value): &(Ident, Value)| {
            let key = key.unraw().to_string();
            let value = value.tokens(private);
            quote!((#key, #value))
        };
        let (options, job) = (self.options.iter().map(entry), self.job.iter().map(entry));
        let id = (!self.has_id()).then(|| quote!(("id", #private::Value::from(#function)),));
        quote! {
            #private::table([
                ("trigger", #private::Value::Object(#private::table([
                    ("type", #private::Value::from(#trigger)),
                    #(#options,)*
                ]))),
                #id
                #(#job,)*
            ])
        }
    }
}
