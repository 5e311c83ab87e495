#![doc = include_str!("../README.md")]

mod argument_type;
mod attribute;
mod declaration;
mod expand;
mod function;
mod option;
mod parameter;
mod span;
mod value;

use proc_macro::TokenStream;

use attribute::Attributes;

/// Registers a function under a stable name, by which jobs in stores, in config files and in code
/// refer to it.
///
/// The function itself is unchanged and can be called normally. It may be an `fn` or an `async fn`,
/// in a module or within a function, but not generic and not a method. Every registry that
/// [`BackgroundScheduler::new`] and similar functions use contains it, if its crate is linked: see
/// *Linking* below.
///
/// ```
/// use apscheduler::prelude::*;
///
/// #[job]
/// fn ship(context: &JobContext, order: u64, note: &str, #[job(default)] express: bool) -> Result<String, std::io::Error> {
///     Ok(format!("{}: order {order} ({note}), express: {express}", context.job_id()))
/// }
///
/// # fn main() -> Result<(), apscheduler::Error> {
/// let scheduler = BackgroundScheduler::new();
/// // Or by its name: JobBuilder::new("my_crate::ship")
/// scheduler.add_job(JobBuilder::registered(ship).arg(42).kwarg("note", "at the back door"))?;
///
/// // Arguments are checked when the job is added, not when it runs.
/// let error = scheduler.add_job(JobBuilder::registered(ship).arg("one")).unwrap_err();
/// assert!(error.to_string().contains("the following arguments have not been supplied: note"));
/// let error = scheduler.add_job(JobBuilder::registered(ship).arg(1).kwarg("nota", "")).unwrap_err();
/// assert!(error.to_string().contains("did you mean `note`?"));
/// # Ok(())
/// # }
/// ```
///
/// # Name
/// The name is the path of the module and the function: `my_crate::orders::ship`. `#[job(name =
/// "...")]` sets another name, and `#[job(alias = "...")]` adds an alias. Stored jobs contain the
/// name, so a function that was moved needs its old name as an alias.
///
/// ```
/// use apscheduler::prelude::*;
///
/// #[job(name = "shop::ship", alias = "my_crate::ship", alias = "my_crate::orders::ship")]
/// async fn ship(order: u64) {
/// #   drop(order);
/// }
///
/// # fn main() -> Result<(), apscheduler::Error> {
/// let scheduler = BackgroundScheduler::new();
/// let job = scheduler.add_job(JobBuilder::new("my_crate::orders::ship").arg(42))?;
/// assert_eq!(job.name(), "shop::ship");
/// # Ok(())
/// # }
/// ```
///
/// # Parameters
/// Arguments are given by position (`args`) or by name (`kwargs`), and are stored as JSON.
///
/// | parameter | argument |
/// |---|---|
/// | `T` that implements `serde::Deserialize` | must be given |
/// | `&T`, `&str`, `&[T]`, `&Path` | as `T`, `String`, `Vec<T>`, `PathBuf` |
/// | `Option<T>`, `Option<&str>`, ... | may be left out, or null |
/// | `#[job(default)] name: T` | may be left out, then it is `T::default()` |
/// | `#[job(default = expression)] name: T` | may be left out, then it is the expression; text also makes a `String` |
/// | `&JobContext`, anywhere | none: supplied by the scheduler |
///
/// # Return value
/// Nothing, any `T: serde::Serialize`, or a `Result<T, E>`, also through a type alias
/// (`anyhow::Result<T>`). The `JOB_EXECUTED` event contains the value. `E` is any type that `?`
/// converts to `Box<dyn Error + Send + Sync>`; an error causes a `JOB_ERROR` event.
///
/// # Async functions
/// The future must be `Send`. Executors of an async runtime poll it on that runtime. Others, such
/// as the thread pool, block a thread until it completes; timers and sockets of a runtime do not
/// work there.
///
/// # Linking
/// The linker drops a crate that no source line names. If the functions of a library are referred
/// to only by text, `use the_library as _;` keeps them.
///
/// # Without the facade
/// A crate that depends on `apscheduler-core` and `apscheduler-macros` writes `#[job(crate = "apscheduler_core")]`.
///
/// [`BackgroundScheduler::new`]: https://docs.rs/apscheduler
#[proc_macro_attribute]
pub fn job(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut attributes = Attributes::default();
    attributes.job(proc_macro2::Span::call_site(), arguments.into());
    expand(attributes, item)
}

/// Registers a function like [`macro@job`], and declares a job that calls it.
/// `Scheduler::add_declared_jobs` adds all declared jobs of the program.
///
/// ```
/// use apscheduler::prelude::*;
///
/// #[scheduled_job("cron", id = "my_job_id", day = "last sun")]
/// fn report() {}
///
/// #[scheduled_job("interval", id = "often", minutes = 5, args = ["minutes"], coalesce = false)]
/// #[scheduled_job("interval", id = "seldom", days = 1, kwargs = { kind = "days" }, misfire_grace_time = none)]
/// #[job(name = "shop::clean_up")]
/// async fn clean_up(kind: String) {
/// #   drop(kind);
/// }
///
/// # fn main() -> Result<(), apscheduler::Error> {
/// let scheduler = BackgroundScheduler::new();
/// let jobs = scheduler.add_declared_jobs()?;
/// assert_eq!(jobs.len(), 3);
/// assert_eq!(scheduler.get_job("my_job_id")?.unwrap().spec().unwrap().trigger().to_string(), "cron[day='last sun']");
/// # Ok(())
/// # }
/// ```
///
/// The first argument is the kind of trigger, as in a config file. The following options belong to
/// the job and match those of `JobBuilder`: `id`, `name` (human-readable), `args`, `kwargs`,
/// `misfire_grace_time`, `coalesce`, `max_instances`, `timeout`, `next_run_time`,
/// `jobstore`, `executor`, and the policies `retry`, `on_crash`, `overlap`, `overlap_scope`,
/// `catchup_limit`, `on_resume`, `deadline`, `history`, `record_result`. All others belong to the
/// trigger, which checks them when the job is added.
///
/// - `misfire_grace_time` and `timeout` are a number of seconds, or text such as `"1h 30m"`.
/// - Values are text, numbers, `true`, `false`, `none`, `[arrays]`, `{ tables = 1 }`, or any
///   expression that converts to `serde_json::Value`, such as a constant.
/// - The default `id` is the name of the function, so that the job is found again in a store that
///   outlives the program; APScheduler generates a new id at each start.
/// - The job replaces one with the same id, as with APScheduler's decorator.
/// - The attribute can be repeated, and combined with `#[job(name = "...", alias = "...")]`, in any
///   order.
#[proc_macro_attribute]
pub fn scheduled_job(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut attributes = Attributes::default();
    attributes.scheduled_job(arguments.into());
    expand(attributes, item)
}

fn expand(attributes: Attributes, item: TokenStream) -> TokenStream {
    let item = proc_macro2::TokenStream::from(item);
    match syn::parse2(item.clone()) {
        Ok(function) => expand::expand(attributes, function).into(),
        Err(error) => {
            let error = error.into_compile_error();
            quote::quote!(#item #error).into()
        }
    }
}
