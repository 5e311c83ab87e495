//! Reads one module: the items that it defines, and the paths that it names.

use std::collections::{HashMap, HashSet};

use proc_macro2::{TokenStream, TokenTree};
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{Attribute, Expr, ExprLit, Item, Lit, Meta, Token, UseTree, Visibility};

/// The segments of a path, such as `["crate", "time", "Zone"]`.
pub(super) type Segments = Vec<String>;

/// One module.
#[derive(Debug, Default)]
pub(super) struct Module {
    /// The items that the module itself defines.
    pub(super) defined: HashSet<String>,
    /// The names that a `use` imports, each with its path.
    pub(super) uses: HashMap<String, Segments>,
    /// The modules that a `use` imports with `*`.
    pub(super) globs: Vec<Segments>,
    /// The child modules, in their own files or inline.
    pub(super) children: Vec<Child>,
    /// Every path that the code names.
    pub(super) paths: Vec<Named>,
}

/// A path that the code names.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Named {
    pub(super) path: Segments,
    /// Whether this is a `pub use`, which is an import only if it names an item outside the folder.
    pub(super) reexport: bool,
}

/// A child module.
#[derive(Debug)]
pub(super) struct Child {
    pub(super) name: String,
    /// The file in its `#[path]` attribute.
    pub(super) path: Option<String>,
    /// The contents of an inline module.
    pub(super) inline: Option<Module>,
}

impl Module {
    pub(super) fn read(items: &[Item]) -> Self {
        let mut module = Self::default();
        for item in items.iter().filter(|item| !is_test(attributes(item))) {
            module.defined.extend(name(item));
            match item {
                Item::Use(item) => {
                    let reexport = !matches!(item.vis, Visibility::Inherited);
                    module.read_use(&item.tree, &mut Vec::new(), reexport);
                }
                Item::Mod(item) => module.children.push(Child {
                    name: item.ident.to_string(),
                    path: path_attribute(&item.attrs),
                    inline: item.content.as_ref().map(|(_, items)| Self::read(items)),
                }),
                other => Paths(&mut module).visit_item(other),
            }
        }
        module
    }

    fn read_use(&mut self, tree: &UseTree, before: &mut Segments, reexport: bool) {
        match tree {
            UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.read_use(&path.tree, before, reexport);
                before.pop();
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.read_use(tree, before, reexport);
                }
            }
            UseTree::Glob(_) => {
                self.globs.push(before.clone());
                self.paths.push(Named { path: before.clone(), reexport });
            }
            UseTree::Name(name) => self.import(&name.ident, &name.ident, before, reexport),
            UseTree::Rename(rename) => {
                self.import(&rename.ident, &rename.rename, before, reexport);
            }
        }
    }

    fn import(&mut self, last: &syn::Ident, name: &syn::Ident, before: &Segments, reexport: bool) {
        let mut path = before.clone();
        // `use a::{self}` is `use a`.
        if last != "self" || path.is_empty() {
            path.push(last.to_string());
        }
        let name = if name == "self" { path.last().cloned() } else { Some(name.to_string()) };
        if let Some(name) = name.filter(|name| name != "_") {
            self.uses.insert(name, path.clone());
        }
        self.paths.push(Named { path, reexport });
    }
}

/// Collects the paths of an item, including those in macros.
struct Paths<'a>(&'a mut Module);

impl Paths<'_> {
    fn name(&mut self, path: Segments) {
        if path.len() > 1 {
            self.0.paths.push(Named { path, reexport: false });
        }
    }

    /// Reads the arguments of a macro, which are tokens: names separated by `::` are a path.
    fn read_tokens(&mut self, tokens: TokenStream) {
        let mut path = Segments::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.name(std::mem::take(&mut path));
                    }
                    path.push(ident.to_string());
                    colons = 0;
                }
                other => {
                    self.name(std::mem::take(&mut path));
                    colons = 0;
                    if let TokenTree::Group(group) = other {
                        self.read_tokens(group.stream());
                    }
                }
            }
        }
        self.name(path);
    }
}

impl<'ast> Visit<'ast> for Paths<'_> {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.name(segments);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, makro: &'ast syn::Macro) {
        self.read_tokens(makro.tokens.clone());
        visit::visit_macro(self, makro);
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        // A `use` in a function.
        self.0.read_use(&item.tree, &mut Vec::new(), false);
    }

    fn visit_attribute(&mut self, _: &'ast Attribute) {}

    fn visit_item(&mut self, item: &'ast Item) {
        if !is_test(attributes(item)) {
            visit::visit_item(self, item);
        }
    }
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("test")
            || attribute.path().is_ident("cfg")
                && attribute.meta.require_list().is_ok_and(|list| {
                    let condition = list.tokens.to_string();
                    let mut words = condition.split(|c: char| !c.is_alphanumeric());
                    words.any(|word| word == "test") && !condition.contains("not")
                })
    })
}

/// Returns the file in `#[path = "..."]`, or the first one in a `#[cfg_attr(..., path = "...")]`.
fn path_attribute(attributes: &[Attribute]) -> Option<String> {
    let path = |meta: &Meta| match meta {
        Meta::NameValue(meta) if meta.path.is_ident("path") => match &meta.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    };
    attributes.iter().find_map(|attribute| {
        if !attribute.path().is_ident("cfg_attr") {
            return path(&attribute.meta);
        }
        let parts = Punctuated::<Meta, Token![,]>::parse_terminated;
        attribute.parse_args_with(parts).ok()?.iter().find_map(path)
    })
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::ForeignMod(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::TraitAlias(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Returns the name that an item defines in its module.
fn name(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::TraitAlias(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}
