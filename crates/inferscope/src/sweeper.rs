//! Binary parts that no row names any more are deleted after the rows are.

use std::sync::{Arc, Mutex, PoisonError};

use blobs::{Blobs, Swept};
use lake::Lake;
use schema::OrgName;

/// The column in which a row lists the parts that it names.
const NAMES: &str = "stored_parts";

pub(crate) struct Sweeper {
    pub(crate) blobs: Blobs,
    pub(crate) lake: Arc<Lake>,
    /// How many files had left the tables when the last sweep began that went well. `None` at the start: a crash may
    /// have left parts whose rows were never logged, or erased.
    pub(crate) swept_at: Option<u64>,
}

impl Sweeper {
    /// Deletes what is named no more, if rows have gone since the last time; answers whether there was anything.
    /// What fails is tried again the next time.
    pub(crate) async fn pass(&mut self) -> bool {
        let removed = self.lake.files_removed();
        if self.swept_at == Some(removed) {
            return false;
        }
        let orgs = match self.blobs.orgs() {
            Ok(orgs) => orgs,
            Err(error) => {
                tracing::warn!(%error, "binary parts could not be listed");
                return false;
            }
        };
        let (mut all, mut any) = (true, false);
        for org in orgs {
            match self.sweep(&org).await {
                Ok(Swept { parts: 0, .. }) => {}
                Ok(Swept { parts, bytes }) => {
                    any = true;
                    tracing::info!(%org, parts, bytes, "binary parts that no row names were deleted");
                }
                Err(error) => {
                    all = false;
                    tracing::warn!(%org, %error, "binary parts that no row names could not be found; it is tried again");
                }
            }
        }
        self.swept_at = all.then_some(removed);
        any
    }

    async fn sweep(&self, org: &OrgName) -> anyhow::Result<Swept> {
        let (blobs, of) = (self.blobs.clone(), org.clone());
        let sweep = tokio::task::spawn_blocking(move || blobs.sweep(&of)).await??;
        if sweep.is_empty() {
            return Ok(Swept::default());
        }
        let sweep = Arc::new(Mutex::new(sweep));
        let named = Arc::clone(&sweep);
        let see =
            move |text: &str| named.lock().unwrap_or_else(PoisonError::into_inner).names(text);
        self.lake.each_text(org, NAMES, Arc::new(see)).await?;
        let sweep = Arc::into_inner(sweep).ok_or_else(|| anyhow::anyhow!("rows are still read"))?;
        let sweep = sweep.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(tokio::task::spawn_blocking(move || sweep.finish()).await??)
    }
}
