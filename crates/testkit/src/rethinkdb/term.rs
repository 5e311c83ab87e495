//! Terms: what a client may ask, and how the parts of a query are checked before it is carried out.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::datum::Datum;
use super::failure::{Failure, Outcome};

/// A checked term.
#[derive(Clone, Debug)]
pub(super) enum Term {
    Datum(Datum),
    Object(BTreeMap<String, Term>),
    Call(Arc<Call>),
}

/// A term with arguments.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) op: Op,
    pub(super) arguments: Vec<Term>,
    pub(super) options: BTreeMap<String, Term>,
}

/// Declares the terms: their numbers, how many arguments they take, and their options.
macro_rules! terms {
    ($($op:ident = $number:literal, $least:literal..$most:tt $(, [$($option:literal),+])?;)+) => {
        /// The kinds of terms that this peer implements.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Op { $($op),+ }

        impl Op {
            fn of(number: u64) -> Option<Self> {
                match number { $($number => Some(Self::$op),)+ _ => None }
            }

            fn number(self) -> u64 {
                match self { $(Self::$op => $number),+ }
            }

            /// Returns how many arguments it takes, and its options.
            fn shape(self) -> (usize, Option<usize>, &'static [&'static str]) {
                match self { $(Self::$op => ($least, terms!(@most $most), &[$($($option),+)?])),+ }
            }
        }
    };
    (@most more) => { None };
    (@most $most:literal) => { Some($most) };
}

terms! {
    MakeArray = 2, 0..more;
    Var = 10, 1..1;
    Error = 12, 0..1;
    Db = 14, 1..1;
    Table = 15, 1..2, ["read_mode", "use_outdated", "identifier_format"];
    Get = 16, 2..2;
    Eq = 17, 2..more;
    Ne = 18, 2..more;
    Lt = 19, 2..more;
    Le = 20, 2..more;
    Gt = 21, 2..more;
    Ge = 22, 2..more;
    Not = 23, 1..1;
    Add = 24, 1..more;
    Mul = 26, 1..more;
    Append = 29, 2..2;
    HasFields = 32, 1..more;
    Pluck = 33, 1..more;
    Without = 34, 1..more;
    Merge = 35, 1..more;
    Map = 38, 2..2;
    Filter = 39, 2..2, ["default"];
    ConcatMap = 40, 2..2;
    OrderBy = 41, 1..more, ["index"];
    Distinct = 42, 1..1;
    Count = 43, 1..1;
    Nth = 45, 2..2;
    CoerceTo = 51, 2..2;
    TypeOf = 52, 1..1;
    Delete = 54, 1..1, ["durability", "return_changes", "ignore_write_hook"];
    Replace = 55, 2..2, ["non_atomic", "durability", "return_changes", "ignore_write_hook"];
    Insert = 56, 2..2, ["conflict", "durability", "return_changes", "ignore_write_hook"];
    DbCreate = 57, 1..1;
    DbDrop = 58, 1..1;
    DbList = 59, 0..0;
    TableCreate = 60, 1..2, ["primary_key", "shards", "replicas", "durability"];
    TableDrop = 61, 1..2;
    TableList = 62, 0..1;
    Funcall = 64, 1..more;
    Branch = 65, 3..more;
    Or = 66, 0..more;
    And = 67, 0..more;
    Func = 69, 2..2;
    Skip = 70, 2..2;
    Limit = 71, 2..2;
    Asc = 73, 1..1;
    Desc = 74, 1..1;
    IndexCreate = 75, 2..3, ["multi", "geo"];
    IndexDrop = 76, 2..2;
    IndexList = 77, 1..1;
    GetAll = 78, 1..more, ["index"];
    IsEmpty = 86, 1..1;
    Default = 92, 2..2;
    Contains = 93, 1..more;
    ToEpochTime = 102, 1..1;
    Now = 103, 0..0;
    IndexWait = 140, 1..more;
    Changes = 152, 1..1, ["squash", "changefeed_queue_size"];
    Bracket = 170, 2..2;
    Wait = 177, 0..more, ["wait_for", "timeout"];
    MinVal = 180, 0..0;
    MaxVal = 181, 0..0;
    Between = 182, 3..3, ["index", "left_bound", "right_bound"];
    Floor = 183, 1..1;
    Round = 185, 1..1;
    Grant = 188, 2..3;
}

impl Op {
    /// Whether it writes documents, tables or databases.
    pub(super) fn writes(self) -> bool {
        use Op::{
            DbCreate, DbDrop, Delete, Grant, IndexCreate, IndexDrop, Insert, Replace, TableCreate,
            TableDrop,
        };
        matches!(
            self,
            DbCreate
                | DbDrop
                | TableCreate
                | TableDrop
                | IndexCreate
                | IndexDrop
                | Insert
                | Replace
                | Delete
                | Grant
        )
    }

    /// Whether its result depends on other documents than the one that it is called with.
    fn is_nondeterministic(self) -> bool {
        matches!(self, Self::Db | Self::Table) || self.writes()
    }
}

impl Term {
    /// Reads and checks a term.
    pub(super) fn read(value: &Value) -> Outcome<Self> {
        match value {
            Value::Array(parts) => Self::read_call(parts),
            Value::Object(fields) => {
                let fields =
                    fields.iter().map(|(name, value)| Ok((name.clone(), Self::read(value)?)));
                Ok(Self::Object(fields.collect::<Outcome<_>>()?))
            }
            plain => Datum::read(plain).map(Self::Datum),
        }
    }

    fn read_call(parts: &[Value]) -> Outcome<Self> {
        let invalid =
            || Failure::compile("Expected an array with a TermType, its arguments and options.");
        let number = parts.first().and_then(Value::as_u64).ok_or_else(invalid)?;
        let op = Op::of(number).ok_or_else(|| {
            let known = (1..=196).contains(&number);
            if known {
                Failure::missing(&format!("the term {number}"))
            } else {
                Failure::compile(format!("Unrecognized TermType: {number}."))
            }
        })?;
        let (arguments, options) = match &parts[1..] {
            [] => (&[][..], None),
            [Value::Array(arguments)] => (&arguments[..], None),
            [Value::Array(arguments), Value::Object(options)] => (&arguments[..], Some(options)),
            _ => return Err(invalid()),
        };
        let (least, most, known) = op.shape();
        let found = arguments.len();
        if found < least || most.is_some_and(|most| found > most) {
            let wanted = match most {
                Some(most) if most == least => format!("{least} argument{}", plural(least)),
                Some(most) => format!("between {least} and {most} arguments"),
                None => format!("{least} or more arguments"),
            };
            return Err(Failure::compile(format!("Expected {wanted} but found {found}.")));
        }
        let options = options.into_iter().flatten().map(|(name, value)| {
            if !known.contains(&name.as_str()) {
                return Err(Failure::compile(format!("Unrecognized optional argument `{name}`.")));
            }
            Ok((name.clone(), Self::read(value)?))
        });
        let call = Call {
            op,
            options: options.collect::<Outcome<_>>()?,
            arguments: arguments.iter().map(Self::read).collect::<Outcome<_>>()?,
        };
        Ok(Self::Call(Arc::new(call)))
    }

    /// Returns the term as a client sends it.
    pub(super) fn json(&self) -> Value {
        let object = |fields: &BTreeMap<String, Self>| {
            Value::Object(fields.iter().map(|(name, term)| (name.clone(), term.json())).collect())
        };
        match self {
            // No client sends an array as such.
            Self::Datum(datum) => datum.json(),
            Self::Object(fields) => object(fields),
            Self::Call(call) => {
                let arguments: Vec<Value> = call.arguments.iter().map(Self::json).collect();
                json!([call.op.number(), arguments, object(&call.options)])
            }
        }
    }

    /// Whether any part of the term fulfils a condition.
    fn has(&self, condition: &impl Fn(Op) -> bool) -> bool {
        match self {
            Self::Datum(_) => false,
            Self::Object(fields) => fields.values().any(|term| term.has(condition)),
            Self::Call(call) => {
                let parts = call.arguments.iter().chain(call.options.values());
                condition(call.op) || { parts }.any(|term| term.has(condition))
            }
        }
    }

    /// Whether the term writes.
    pub(super) fn writes(&self) -> bool {
        self.has(&Op::writes)
    }

    /// Whether a write may use the term as its function.
    pub(super) fn is_deterministic(&self) -> bool {
        !self.has(&Op::is_nondeterministic)
    }
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}
