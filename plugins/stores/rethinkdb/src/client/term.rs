//! Terms of `ReQL`, as JSON. The numbers are those of the protocol's `Term.TermType`.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Map, Value, json};

/// A term: a query, or a part of one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Term(pub(crate) Value);

/// Declares terms whose arguments are terms: the first is the one that they are called on.
macro_rules! methods {
    ($($(#[$doc:meta])* $name:ident($($argument:ident),*) = $number:literal;)+) => {
        #[expect(clippy::wrong_self_convention, reason = "the names of the terms")]
        impl Term {
            $($(#[$doc])*
            pub(crate) fn $name(self $(, $argument: impl Into<Self>)*) -> Self {
                Self::new($number, [self $(, $argument.into())*])
            })+
        }
    };
}

methods! {
    get(key) = 16;
    eq(other) = 17;
    ne(other) = 18;
    lt(other) = 19;
    ge(other) = 22;
    gt(other) = 21;
    not() = 23;
    add(other) = 24;
    mul(other) = 26;
    append(value) = 29;
    without(field) = 34;
    merge(other) = 35;
    map(function) = 38;
    filter(function) = 39;
    concat_map(function) = 40;
    distinct() = 42;
    count() = 43;
    type_of() = 52;
    replace(function) = 55;
    delete() = 54;
    insert(documents) = 56;
    table_list() = 62;
    has_field(field) = 32;
    or(other) = 66;
    and(other) = 67;
    index_list() = 77;
    is_empty() = 86;
    default(value) = 92;
    contains(value) = 93;
    to_epoch_time() = 102;
    /// The field of an object, or the element of an array.
    field(name) = 170;
    floor() = 183;
    round() = 185;
}

impl Term {
    /// The term with this number.
    pub(crate) fn new(number: u32, arguments: impl IntoIterator<Item = Self>) -> Self {
        let arguments: Vec<Value> = arguments.into_iter().map(|term| term.0).collect();
        Self(json!([number, arguments]))
    }

    /// Sets an option.
    pub(crate) fn with(mut self, option: &str, value: impl Into<Self>) -> Self {
        let value = value.into().0;
        if let Value::Array(parts) = &mut self.0 {
            match parts.get_mut(2).and_then(Value::as_object_mut) {
                Some(options) => {
                    options.insert(option.to_owned(), value);
                }
                None => parts.push(json!({option: value})),
            }
        }
        self
    }

    /// The names of all databases.
    pub(crate) fn db_list() -> Self {
        Self::new(59, [])
    }

    pub(crate) fn db_create(name: &str) -> Self {
        Self::new(57, [name.into()])
    }

    pub(crate) fn db(name: &str) -> Self {
        Self::new(14, [name.into()])
    }

    /// A table of this database.
    pub(crate) fn table(self, name: &str) -> Self {
        Self::new(15, [self, name.into()])
    }

    pub(crate) fn table_create(self, name: &str) -> Self {
        Self::new(60, [self, name.into()])
    }

    /// Waits until a table can be used.
    pub(crate) fn wait(self) -> Self {
        Self::new(177, [self])
    }

    pub(crate) fn index_create(self, name: &str, function: Self) -> Self {
        Self::new(75, [self, name.into(), function])
    }

    /// Waits until these indexes can be used.
    pub(crate) fn index_wait<'a>(self, names: impl IntoIterator<Item = &'a str>) -> Self {
        Self::new(140, [self].into_iter().chain(names.into_iter().map(Self::from)))
    }

    /// The documents with these primary keys, or values of an index.
    pub(crate) fn get_all(self, keys: impl IntoIterator<Item = Self>) -> Self {
        Self::new(78, [self].into_iter().chain(keys))
    }

    /// Without this many elements at the beginning.
    pub(crate) fn skip(self, count: usize) -> Self {
        Self::new(70, [self, whole(count)])
    }

    /// This many elements at most.
    pub(crate) fn limit(self, count: usize) -> Self {
        Self::new(71, [self, whole(count)])
    }

    /// The documents from the first to before the second bound.
    pub(crate) fn between(self, from: impl Into<Self>, to: impl Into<Self>) -> Self {
        Self::new(182, [self, from.into(), to.into()])
    }

    /// Orders by an index.
    pub(crate) fn order_by(self, index: &str) -> Self {
        Self::new(41, [self]).with("index", index)
    }

    /// Orders by an index, the greatest first.
    pub(crate) fn order_by_desc(self, index: &str) -> Self {
        Self::new(41, [self]).with("index", Self::new(74, [index.into()]))
    }

    /// Only these fields of each object.
    pub(crate) fn pluck<'a>(self, fields: impl IntoIterator<Item = &'a str>) -> Self {
        Self::new(33, [self].into_iter().chain(fields.into_iter().map(Self::from)))
    }

    pub(crate) fn changes(self) -> Self {
        Self::new(152, [self])
    }

    /// `then` if this is true, or else `otherwise`.
    pub(crate) fn branch(self, then: impl Into<Self>, otherwise: impl Into<Self>) -> Self {
        Self::new(65, [self, then.into(), otherwise.into()])
    }

    /// Calls a function with this value.
    pub(crate) fn call(self, function: Self) -> Self {
        Self::new(64, [function, self])
    }

    pub(crate) fn array(items: impl IntoIterator<Item = Self>) -> Self {
        Self::new(2, items)
    }

    pub(crate) fn object<'a>(fields: impl IntoIterator<Item = (&'a str, Self)>) -> Self {
        let fields = fields.into_iter().map(|(name, term)| (name.to_owned(), term.0));
        Self(Value::Object(fields.collect()))
    }

    /// A function of one value.
    pub(crate) fn function(body: impl FnOnce(Self) -> Self) -> Self {
        Self::with_variables(|[value]| body(value))
    }

    /// A function that resolves a conflict of `insert`: of the key, the old document, and the new one.
    pub(crate) fn resolution(body: impl FnOnce(Self, Self) -> Self) -> Self {
        Self::with_variables(|[_, old, new]| body(old, new))
    }

    fn with_variables<const N: usize>(body: impl FnOnce([Self; N]) -> Self) -> Self {
        // Functions within functions must have other variables.
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let numbers = [(); N].map(|()| NEXT.fetch_add(1, Ordering::Relaxed));
        let variables = numbers.map(|number| Self::new(10, [Self(number.into())]));
        let numbers = Self::array(numbers.map(|number| Self(number.into())));
        Self::new(69, [numbers, body(variables)])
    }
}

/// Converts a count. The server takes numbers of 32 bits, and nobody has more documents in one answer.
fn whole(count: usize) -> Term {
    i32::try_from(count).map_or_else(|_| i64::from(i32::MAX), i64::from).into()
}

/// The time at which the server received the query.
pub(crate) fn now() -> Term {
    Term::new(103, [])
}

/// The bound before all values.
pub(crate) fn min_value() -> Term {
    Term::new(180, [])
}

/// The bound after all values.
pub(crate) fn max_value() -> Term {
    Term::new(181, [])
}

/// Converts a value: in a query, an array is a term.
pub(crate) fn datum(value: Value) -> Term {
    match value {
        Value::Array(items) => Term::array(items.into_iter().map(datum)),
        Value::Object(fields) => {
            let fields = fields.into_iter().map(|(name, value)| (name, datum(value).0));
            Term(Value::Object(fields.collect::<Map<_, _>>()))
        }
        plain => Term(plain),
    }
}

/// Converts types of which each value is a valid term.
macro_rules! plain {
    ($($kind:ty),+) => {
        $(impl From<$kind> for Term {
            fn from(value: $kind) -> Self {
                Self(value.into())
            }
        })+
    };
}
plain!(&str, String, bool, i64, u64, f64, ());

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the official driver for Python encodes the same queries, apart from the numbers of variables.
    #[test]
    fn queries_are_encoded_as_by_other_drivers() {
        let jobs = || Term::db("d").table("t");
        for (term, expected) in [
            (
                jobs().get("a").with("index", "i"),
                r#"[16,[[15,[[14,["d"]],"t"]],"a"],{"index":"i"}]"#,
            ),
            (
                jobs().between(Term::array([1_i64.into(), min_value()]), max_value()),
                r#"[182,[[15,[[14,["d"]],"t"]],[2,[1,[180,[]]]],[181,[]]]]"#,
            ),
            (jobs().order_by_desc("i"), r#"[41,[[15,[[14,["d"]],"t"]]],{"index":[74,["i"]]}]"#),
            (datum(json!({"a": [1, null]})), r#"{"a":[2,[1,null]]}"#),
            (().into(), "null"),
        ] {
            assert_eq!(term.to_string(), expected);
        }
    }

    #[test]
    fn each_variable_has_its_number() {
        let inner = |outer: Term| Term::function(|row| row.eq(outer));
        let Value::Array(function) = Term::function(inner).0 else { panic!("a term is an array") };
        let text = function[1].to_string();
        let numbers: Vec<&str> = text.split("[2,[[").collect();
        assert!(numbers.len() <= 3, "{text}");
        let outer = function[1][0][1][0].clone();
        let inner = function[1][1][1][0][1][0].clone();
        assert!(outer.is_number() && inner.is_number() && outer != inner, "{text}");
    }
}
