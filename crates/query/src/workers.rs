//! Threads for questions, away from those that pass calls on.

use tokio::runtime::Handle;
use tokio_util::task::AbortOnDropHandle;

use crate::error::Error;

/// Where questions are planned and carried out. Work ends when nobody waits for it any more.
#[derive(Clone, Debug)]
pub(crate) struct Workers(pub(crate) Handle);

impl Workers {
    /// Begins work.
    pub(crate) fn spawn(
        &self,
        work: impl Future<Output = ()> + Send + 'static,
    ) -> AbortOnDropHandle<()> {
        AbortOnDropHandle::new(self.0.spawn(work))
    }

    /// Waits for what work comes to.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        let done = AbortOnDropHandle::new(self.0.spawn(work)).await;
        done.map_err(|error| Error::Broken(error.to_string()))?
    }
}
