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

/// Registers a function under a stable name, by which jobs find it: in stores, in config files, in code.
///
/// The function stays as it is written and can be called by all others. It may be an `fn` or an `async fn`, of a module
/// or within a function; not generic and not a method. Every registry that [`BackgroundScheduler::new`] and its like use
/// knows it, once the crate that it is in is linked: see *Linking* below.
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
/// // What does not fit is said now, not when the job runs.
/// let error = scheduler.add_job(JobBuilder::registered(ship).arg("one")).unwrap_err();
/// assert!(error.to_string().contains("the following arguments have not been supplied: note"));
/// let error = scheduler.add_job(JobBuilder::registered(ship).arg(1).kwarg("nota", "")).unwrap_err();
/// assert!(error.to_string().contains("did you mean `note`?"));
/// # Ok(())
/// # }
/// ```
///
/// # Name
/// The name is the path of the module and the function: `my_crate::orders::ship`. `#[job(name = "...")]` gives another,
/// `#[job(alias = "...")]` one more. Jobs that a store keeps hold the name, so a function that has moved needs its old
/// name as an alias.
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
/// Arguments are given by position (`args`) or by name (`kwargs`), and are kept as JSON.
///
/// | parameter | argument |
/// |---|---|
/// | `T` that implements `serde::Deserialize` | must be given |
/// | `&T`, `&str`, `&[T]`, `&Path` | as `T`, `String`, `Vec<T>`, `PathBuf` |
/// | `Option<T>`, `Option<&str>`, ... | may be left out, or null |
/// | `#[job(default)] name: T` | may be left out, then it is `T::default()` |
/// | `#[job(default = expression)] name: T` | may be left out, then it is the expression; text makes a `String` too |
/// | `&JobContext`, anywhere | none: the scheduler gives it |
///
/// # What it returns
/// Nothing, any `T: serde::Serialize`, or a `Result<T, E>`, under an alias too (`anyhow::Result<T>`). The value is in the
/// `JOB_EXECUTED` event. `E` is whatever `?` can turn into `Box<dyn Error + Send + Sync>`; it makes a `JOB_ERROR` event.
///
/// # Async functions
/// The future must be `Send`. Executors of an async runtime poll it there. Those without one, as the thread pool, block
/// a thread until it is done; timers and sockets of a runtime do not work in it.
///
/// # Linking
/// The linker drops a crate that no source line names. Where the functions of a library are only named by text, a
/// `use the_library as _;` keeps them.
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

/// Registers a function as [`macro@job`] does, and declares a job that calls it. `Scheduler::add_declared_jobs` adds
/// what the whole program declares.
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
/// First stands the kind of trigger, as a config file names it. These options are of the job, as those of `JobBuilder`:
/// `id`, `name` (for people), `args`, `kwargs`, `misfire_grace_time`, `coalesce`, `max_instances`, `timeout` (in
/// seconds), `next_run_time`, `jobstore`, `executor`. All others are of the trigger: it says what it knows when the job
/// is added.
///
/// - Values are text, numbers, `true`, `false`, `none`, `[arrays]`, `{ tables = 1 }`, or any expression that
///   `serde_json::Value` can be made from, as a constant.
/// - A job without an `id` has the name of its function as its id. So it is found again in a store that outlives the
///   program; APScheduler makes up another id at each start.
/// - It takes the place of a job with its id, as with APScheduler's decorator.
/// - It can stand more than once, and together with `#[job(name = "...", alias = "...")]`, in any order.
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
