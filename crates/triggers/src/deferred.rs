//! Builders as the triggers of jobs.

/// Lets a job take a builder of a trigger, to be built with the zone and the clock of its scheduler.
macro_rules! deferred_trigger {
    ($builder:ty, $what:expr) => {
        impl ::apscheduler_core::trigger::DeferredTrigger for $builder {
            fn build_with(
                &self,
                context: &::apscheduler_core::trigger::TriggerContext<'_>,
            ) -> ::apscheduler_core::Result<
                ::std::sync::Arc<dyn ::apscheduler_core::trigger::Trigger>,
            > {
                let trigger = self.clone().build_in(context.timezone, context.now);
                let trigger = trigger.map_err(|error| error.with_context($what))?;
                Ok(::std::sync::Arc::new(trigger))
            }
        }

        impl From<$builder> for ::apscheduler_core::trigger::TriggerSource {
            fn from(builder: $builder) -> Self {
                Self::deferred(builder)
            }
        }
    };
}

pub(crate) use deferred_trigger;
