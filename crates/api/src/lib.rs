//! Every route, on one service: OTLP, search, endpoints, calls, metrics, our own API and the web pages.
//!
//! [`router`] puts the families together over the [`Services`] that the binary built. Each family has one file with
//! its `routes`, its own state, and its wire types; it asks [`door`](self) who is calling, calls one service, and turns
//! the outcome into the dialect that its callers know. `trouble` is the only place that maps a fault to a status.
//!
//! This crate knows no storage format and keeps no state.

mod asked;
mod body;
mod calls;
mod door;
mod elsewhere;
mod health;
mod hub;
mod json_logs;
mod native;
mod open_metrics;
mod open_observe;
mod otlp_grpc;
mod otlp_http;
mod search;
mod storage_metrics;
mod trouble;
mod ui;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use accounts::Accounts;
use analytics::Analytics;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use blobs::Blobs;
use clock::SharedClock;
use fleet::Fleet;
use gateway::Gateway;
use ingest::Ingest;
use lake::Lake;
use privacy::Privacy;
use query::Query;
use tariffs::{Repricer, Tariffs};
use tasks::Tasks;

pub use ui::{Asset, Assets};

/// What the routes are about.
pub struct Services {
    /// Who may do what.
    pub accounts: Accounts,
    /// Where spans go.
    pub ingest: Ingest,
    /// Who answers questions.
    pub query: Query,
    /// Who knows how endpoints do.
    pub analytics: Arc<Analytics>,
    /// Who passes calls on.
    pub gateway: Arc<Gateway>,
    /// Who knows the endpoints.
    pub fleet: Arc<Fleet>,
    /// Where rows are kept, for its own figures.
    pub lake: Arc<Lake>,
    /// What runs beside the routes.
    pub tasks: Tasks,
    /// Where binary parts of contents are.
    pub blobs: Blobs,
    /// What organisations have set of what is kept.
    pub privacy: Privacy,
    /// What calls cost.
    pub tariffs: Tariffs,
    /// Who prices past calls again.
    pub repricer: Repricer,
    /// The time of day.
    pub clock: SharedClock,
    /// The web pages.
    pub assets: Assets,
    /// What an OTLP request may cost.
    pub otlp_limits: otlp::Limits,
    /// What a request of JSON logs may hold.
    pub json_log_limits: jsonlogs::Limits,
    /// Most bytes of an OTLP body as it is sent.
    pub otlp_body_bytes: usize,
    /// Most bytes of all OTLP bodies that are taken in at once.
    pub otlp_budget_bytes: usize,
    /// This program's version.
    pub version: &'static str,
}

/// All routes.
pub fn router(services: Services) -> Router {
    let door = door::Door(services.accounts);
    let (fleet, analytics, gateway) = (services.fleet, services.analytics, services.gateway);
    let clock = services.clock;
    let turned_away = Arc::<AtomicU64>::default();
    let otlp = otlp_http::Otlp {
        door: door.clone(),
        ingest: services.ingest.clone(),
        limits: services.otlp_limits,
        body_bytes: services.otlp_body_bytes,
        budget: body::Budget::of_mebibytes(services.otlp_budget_bytes.div_ceil(1 << 20)),
    };
    let privacy = native::privacy::PrivacyRoutes {
        door: door.clone(),
        privacy: services.privacy,
        ingest: services.ingest.clone(),
    };
    let health = health::Health {
        door: door.clone(),
        ingest: services.ingest,
        gateway: Arc::clone(&gateway),
        tasks: services.tasks,
        turned_away: Arc::clone(&turned_away),
        query: services.query.clone(),
        lake: Arc::clone(&services.lake),
        blobs: services.blobs.clone(),
    };
    let blobs = native::blobs::BlobRoutes { door: door.clone(), blobs: services.blobs };
    let storage = native::storage::StorageRoutes { door: door.clone(), lake: services.lake };
    let metrics = open_metrics::MetricsRoutes {
        door: door.clone(),
        fleet: Arc::clone(&fleet),
        analytics: Arc::clone(&analytics),
    };
    let endpoints = native::endpoints::EndpointRoutes {
        door: door.clone(),
        fleet: Arc::clone(&fleet),
        analytics,
        clock: clock.clone(),
    };
    let prices = native::prices::PriceRoutes {
        door: door.clone(),
        tariffs: services.tariffs,
        query: services.query.clone(),
        clock: clock.clone(),
    };
    let reprices =
        native::reprices::RepriceRoutes { door: door.clone(), repricer: services.repricer };
    let traces =
        native::traces::TraceRoutes { door: door.clone(), query: services.query.clone(), clock };
    let sql = native::sql::SqlRoutes { door: door.clone(), query: services.query.clone() };
    let compatible = open_observe::Compatible { door: door.clone(), query: services.query.clone() };
    Router::new()
        .merge(otlp_http::routes(otlp.clone()))
        .merge(json_logs::routes(json_logs::JsonLogs {
            otlp: otlp.clone(),
            limits: services.json_log_limits,
        }))
        .merge(otlp_grpc::routes(otlp))
        .merge(search::routes(search::SearchRoutes { door: door.clone(), query: services.query }))
        .merge(hub::routes(hub::HubRoutes { door: door.clone(), fleet }))
        .merge(open_metrics::routes(metrics))
        .merge(native::endpoints::routes(endpoints))
        .merge(native::sessions::routes(traces.clone()))
        .merge(native::explain::routes(traces.clone()))
        .merge(native::models::routes(traces.clone()))
        .merge(native::traces::routes(traces))
        .merge(native::prices::routes(prices))
        .merge(native::blobs::routes(blobs))
        .merge(native::privacy::routes(privacy))
        .merge(native::reprices::routes(reprices))
        .merge(native::sql::routes(sql))
        .merge(open_observe::routes(compatible))
        .merge(native::tokens::routes(door.clone()))
        .merge(native::storage::routes(storage))
        .merge(native::routes(native::AboutRoutes {
            door: door.clone(),
            version: services.version,
        }))
        .merge(calls::routes(calls::Calls { door, gateway, turned_away }))
        .merge(health::routes(health))
        .merge(ui::routes(services.assets))
        .fallback(elsewhere::nothing)
        .method_not_allowed_fallback(elsewhere::wrong_method)
        // Each route has its own bound.
        .layer(DefaultBodyLimit::disable())
}
