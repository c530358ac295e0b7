//! Every text of one column, for those who keep what rows name.

use std::sync::Arc;

use schema::{Kind, OrgName};

use crate::error::Error;
use crate::lake::Lake;
use crate::upkeep::erase::each_file;
use crate::upkeep::footer::{Opened, readable};
use crate::upkeep::victims::texts;

/// Rows that are looked at together.
const BATCH: usize = 8 * 1024;

impl Lake {
    /// Shows every text of a column to `see`, of all rows in an organisation's traces and logs that could be seen when
    /// this was called; which may show texts of later rows and of rows that are gone by then as well.
    ///
    /// # Errors
    /// When a table or file cannot be read: then not all was shown.
    pub async fn each_text(
        &self,
        org: &OrgName,
        column: &'static str,
        see: Arc<dyn Fn(&str) + Send + Sync>,
    ) -> Result<(), Error> {
        let mut slots = self.all_slots();
        slots.retain(|slot| {
            let table = slot.memory.table();
            table.org == *org && matches!(table.kind, Kind::Traces | Kind::Logs)
        });
        for slot in slots {
            // A damaged table has files of which nothing is known.
            slot.memory.view()?;
            self.settle_slot(&slot).await?;
            let see = Arc::clone(&see);
            let look = move |table: &str, folder: &std::path::Path, file: &crate::file::File| {
                let opened = Opened::any(table, folder, file)?;
                if !opened.has_values(column) {
                    return Ok(());
                }
                let groups = (0..opened.groups()).collect();
                for batch in opened.columns(table, file, &[column], groups, BATCH)? {
                    let batch = readable(table, file, batch)?;
                    texts(&batch, column)
                        .into_iter()
                        .flatten()
                        .flatten()
                        .for_each(|text| see(text));
                }
                Ok(())
            };
            each_file(&slot, look).await?;
        }
        Ok(())
    }

    /// How many files have left the tables since the start, so that what rows name may be named no more.
    #[must_use]
    pub fn files_removed(&self) -> u64 {
        self.upkeep_counts().files_removed.iter().map(|(_, files)| files).sum()
    }
}
