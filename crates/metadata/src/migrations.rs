use std::borrow::Cow;

use sqlx::SqlitePool;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, SqlSafeStr};

use crate::Error;

/// The schema's steps in order. A step that was released is never edited: add the next one.
const STEPS: &[(i64, &str, &str)] = &[
    (1, "orgs, users, tokens", include_str!("../migrations/0001_orgs_users_tokens.sql")),
    (7, "prices", include_str!("../migrations/0007_prices.sql")),
    (11, "privacy", include_str!("../migrations/0011_privacy.sql")),
    (12, "repricings", include_str!("../migrations/0012_repricings.sql")),
];

/// Brings the schema up to date; a file of a later version is refused, not touched.
pub(crate) async fn run(pool: &SqlitePool) -> Result<(), Error> {
    let steps = STEPS.iter().map(|&(version, description, sql)| {
        let sql = AssertSqlSafe(sql).into_sql_str();
        Migration::new(version, Cow::Borrowed(description), MigrationType::Simple, sql, false)
    });
    match Migrator::with_migrations(steps.collect()).run(pool).await {
        Ok(()) => Ok(()),
        Err(MigrateError::VersionMissing(version)) => Err(Error::Newer { version }),
        Err(error) => Err(Error::Migration(error)),
    }
}
