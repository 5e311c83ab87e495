//! One module: what it defines, and what it names.

use std::collections::{HashMap, HashSet};

use proc_macro2::{TokenStream, TokenTree};
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{Attribute, Expr, ExprLit, Item, Lit, Meta, Token, UseTree, Visibility};

/// The names along a path, as `["crate", "time", "Zone"]`.
pub(super) type Segments = Vec<String>;

/// What was read of one module.
#[derive(Debug, Default)]
pub(super) struct Module {
    /// Items that stand in the module itself.
    pub(super) defined: HashSet<String>,
    /// Names that a `use` brings in, each with the path of what it stands for.
    pub(super) uses: HashMap<String, Segments>,
    /// Modules whose names a `use` brings in as a whole.
    pub(super) globs: Vec<Segments>,
    /// Modules in files of their own, or in braces.
    pub(super) children: Vec<Child>,
    /// Every path that the code names.
    pub(super) paths: Vec<Named>,
}

/// A path that the code names.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Named {
    pub(super) path: Segments,
    /// Whether this is a `pub use`: an import only where it reaches outside the folder.
    pub(super) reexport: bool,
}

/// A module within another.
#[derive(Debug)]
pub(super) struct Child {
    pub(super) name: String,
    /// The file that `#[path]` names.
    pub(super) path: Option<String>,
    /// The items of a module in braces.
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
            UseTree::Name(name) => self.bring(&name.ident, &name.ident, before, reexport),
            UseTree::Rename(rename) => {
                self.bring(&rename.ident, &rename.rename, before, reexport);
            }
        }
    }

    fn bring(&mut self, last: &syn::Ident, name: &syn::Ident, before: &Segments, reexport: bool) {
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

/// Collects the paths of an item, those within macros too.
struct Paths<'a>(&'a mut Module);

impl Paths<'_> {
    fn name(&mut self, path: Segments) {
        if path.len() > 1 {
            self.0.paths.push(Named { path, reexport: false });
        }
    }

    /// The arguments of a macro are tokens: paths are the names between which `::` stands.
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
        // A `use` within a function.
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

/// The file that `#[path = "..."]` names, or the first of those that depend on the target.
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

/// The name that an item gives to its module.
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
