//! Code generation for a function.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{Error, ReturnType};

use crate::attribute::Attributes;
use crate::function::Function;
use crate::parameter::Parameter;
use crate::span::resolved;

/// Returns the function as written, with the code that registers it.
pub(crate) fn expand(mut attributes: Attributes, mut function: Function) -> TokenStream {
    attributes.absorb(&mut function.attrs);
    let mut errors = std::mem::take(&mut attributes.errors);
    errors.extend(function.check());
    let mut parameters = Vec::new();
    let mut position = 0;
    for input in &mut function.sig.inputs {
        match Parameter::take(input, position) {
            Ok(parameter) => {
                position += usize::from(matches!(parameter, Parameter::Argument(_)));
                parameters.push(parameter);
            }
            Err(error) => errors.push(error),
        }
    }
    let without_id = attributes.declarations.iter().filter(|job| !job.has_id()).skip(1);
    errors.extend(without_id.map(|job| {
        let message = "the id of a declared job is the name of its function, which one job can have; give this one an `id`";
        Error::new(job.trigger.span(), message)
    }));
    let errors = errors.into_iter().reduce(|mut all, error| {
        all.combine(error);
        all
    });
    if let Some(errors) = errors {
        let errors = errors.into_compile_error();
        return quote!(#function #errors);
    }
    let registration = registration(&attributes, &function, &parameters);
    quote!(#function #registration)
}

fn registration(
    attributes: &Attributes,
    function: &Function,
    parameters: &[Parameter],
) -> TokenStream {
    let private = attributes.private();
    let ident = &function.sig.ident;
    let options = attributes.options();
    let suffix = format!("::{}", ident.unraw());
    let path = quote!(::core::concat!(::core::module_path!(), #suffix));
    let given = options.and_then(|options| options.name.as_ref());
    let name = given.map_or(path, ToTokens::to_token_stream);
    let aliases = options.map(|options| options.aliases.as_slice()).unwrap_or_default();
    let made = made(&private, function, parameters, &name);
    let declarations = attributes.declarations.iter().map(|declaration| {
        let table = declaration.table(&private, &name);
        quote! {
            #private::inventory::submit! { #private::DeclaredJob::new(#name, || #table) }
        }
    });
    let callee = here(ident.span(), ident);
    // A deprecated function remains a job until it is removed.
    let deprecated = function.attrs.iter().any(|attr| attr.path().is_ident("deprecated"));
    let allow = deprecated.then(|| quote!(#[allow(deprecated)]));
    quote! {
        #allow
        const _: () = {
            #private::inventory::submit! {
                #private::FunctionEntry(|| {
                    #made
                        #(.alias(#aliases))*
                        .alias(::core::any::type_name_of_val(&#callee))
                })
            }
            #(#declarations)*
        };
    }
}

/// Returns an expression for the `Function`.
fn made(
    private: &TokenStream,
    function: &Function,
    parameters: &[Parameter],
    name: &TokenStream,
) -> TokenStream {
    let arguments: Vec<_> = parameters
        .iter()
        .filter_map(|parameter| match parameter {
            Parameter::Argument(argument) => Some(argument),
            Parameter::Context { .. } => None,
        })
        .collect();
    let declared = arguments.iter().map(|argument| argument.declaration(private));
    let read =
        arguments.iter().enumerate().map(|(position, argument)| argument.read(private, position));
    let is_async = function.is_async();
    let passed = parameters.iter().map(|parameter| match parameter {
        Parameter::Argument(argument) => argument.passed(),
        Parameter::Context { owned: true } => quote!(::core::clone::Clone::clone(&context)),
        Parameter::Context { owned: false } if is_async => quote!(&context),
        Parameter::Context { owned: false } => quote!(context),
    });
    let has_context = arguments.len() < parameters.len();
    let context = if has_context { quote!(context) } else { quote!(_) };
    let bound = if arguments.is_empty() { quote!(_) } else { quote!(bound) };
    let callee = here(function.sig.ident.span(), &function.sig.ident);
    let call = quote!(#callee(#(#passed),*));
    let parameters = quote! {
        #private::Parameters::new(#name, ::std::vec::Vec::from([#(#declared),*]))
    };
    if !is_async {
        let result = result(private, function, &call);
        return quote! {
            #private::Function::with_parameters(#name, #parameters, |#context, #bound| {
                #(#read)*
                #result
            })
        };
    }
    let result = result(private, function, &quote!(#call.await));
    let future = quote_spanned! {resolved(function.sig.ident.span())=>
        #private::future(async move { #result })
    };
    quote! {
        #private::Function::with_parameters_async(#name, #parameters, |#context, #bound| {
            #(#read)*
            ::core::result::Result::Ok(#future)
        })
    }
}

/// Returns code that calls the function and converts its return value to the job's result.
fn result(private: &TokenStream, function: &Function, call: &TokenStream) -> TokenStream {
    let span = match &function.sig.output {
        ReturnType::Default => {
            return quote! {{
                #call;
                ::core::result::Result::Ok(#private::Value::Null)
            }};
        }
        ReturnType::Type(_, output) => resolved(output.span()),
    };
    // The traits are in scope only where no user code is.
    let converted = quote_spanned! {span=>
        (&&&&&&&#private::job_return::Returns::of(&value)).kind().convert(value)
    };
    quote! {
        match #call {
            value => {
                use #private::job_return::*;
                #converted
            }
        }
    }
}

fn here(span: Span, ident: &syn::Ident) -> syn::Ident {
    let mut ident = ident.clone();
    ident.set_span(resolved(span));
    ident
}
