//! Stored calls priced again: a preview, the job, its progress, its end, and the way back.

use accounts::Scope;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use tariffs::{Ask, Changes, Filter, Job, JobKind, Preview, Repricer, States};

use crate::asked::{Asked, limit};
use crate::body::{json as json_of, read_body};
use crate::door::Door;
use crate::trouble::{Native, Refusal, Trouble};

/// Most bytes of a request.
const MOST_BYTES: usize = 64 * 1024;
/// Models and rows of the book that a preview lists.
const LISTED: usize = 50;
/// Jobs of a list that nobody gave a limit for, and the most that one may ask for.
const PAGE: usize = 100;
const LONGEST_PAGE: usize = 1_000;

#[derive(Clone)]
pub(crate) struct RepriceRoutes {
    pub(crate) door: Door,
    pub(crate) repricer: Repricer,
}

pub(crate) fn routes(state: RepriceRoutes) -> Router {
    Router::new()
        .route("/scope/v1/orgs/{org}/prices/reprice", post(reprice))
        .route("/scope/v1/orgs/{org}/prices/reprices", get(list))
        .route("/scope/v1/orgs/{org}/prices/reprices/{id}", get(one))
        .route("/scope/v1/orgs/{org}/prices/reprices/{id}/cancel", post(cancel))
        .route("/scope/v1/orgs/{org}/prices/reprices/{id}/undo", post(undo))
        .with_state(state)
}

type Answer = Result<Response, Refusal<Native>>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    from_us: i64,
    to_us: i64,
    stream: Option<String>,
    model: Option<String>,
    provider: Option<String>,
    endpoint: Option<String>,
    /// Whether only to say what would be done. Left out, nothing is done.
    #[serde(default = "yes")]
    preview: bool,
    /// The version of the book that the preview was worked out with.
    book: Option<String>,
}

const fn yes() -> bool {
    true
}

async fn reprice(
    State(state): State<RepriceRoutes>,
    Path(org): Path<String>,
    headers: HeaderMap,
    body: axum::body::Body,
) -> Answer {
    let (org, who) = state.door.enter_as(&headers, &org, Scope::Admin).await?;
    let wanted: Wanted = json_of(&read_body(body, MOST_BYTES).await?, "re-pricing")?;
    let ask = Ask {
        stream: wanted.stream.unwrap_or_else(|| schema::DEFAULT_STREAM.to_owned()),
        from_us: wanted.from_us,
        to_us: wanted.to_us,
        filter: Filter {
            model: wanted.model,
            provider: wanted.provider,
            endpoint: wanted.endpoint,
        },
    };
    if wanted.preview {
        let preview = state.repricer.preview(&org, ask.clone()).await?;
        return Ok(Json(preview_json(&ask, &preview)).into_response());
    }
    let Some(book) = wanted.book else {
        let said = "`book` is missing: ask with \"preview\": true first, and give the `book` that it answers";
        return Err(Trouble::invalid(said).into());
    };
    let job = state.repricer.start(&org, ask, book, &who.subject).await?;
    Ok(accepted(&job))
}

/// A job that was begun, and where to look how it does.
fn accepted(job: &Job) -> Response {
    let place = format!("/scope/v1/orgs/{}/prices/reprices/{}", job.org, job.id);
    (StatusCode::ACCEPTED, [(http::header::LOCATION, place)], Json(job_json(job))).into_response()
}

#[derive(Debug, Deserialize)]
struct Page {
    limit: Option<String>,
}

async fn list(
    State(state): State<RepriceRoutes>,
    Path(org): Path<String>,
    Asked(page): Asked<Page>,
    headers: HeaderMap,
) -> Answer {
    let org = state.door.enter(&headers, &org, Scope::Admin).await?;
    let most = limit(page.limit.as_deref(), PAGE, LONGEST_PAGE)?;
    let jobs = state.repricer.list(&org, u32::try_from(most).unwrap_or(u32::MAX)).await?;
    let jobs: Vec<Value> = jobs.iter().map(job_json).collect();
    Ok(Json(json!({ "reprices": jobs })).into_response())
}

async fn one(
    State(state): State<RepriceRoutes>,
    Path((org, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answer {
    let org = state.door.enter(&headers, &org, Scope::Admin).await?;
    Ok(Json(job_json(&state.repricer.get(&org, &id).await?)).into_response())
}

async fn cancel(
    State(state): State<RepriceRoutes>,
    Path((org, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answer {
    let (org, who) = state.door.enter_as(&headers, &org, Scope::Admin).await?;
    Ok(accepted(&state.repricer.cancel(&org, &id, &who.subject).await?))
}

async fn undo(
    State(state): State<RepriceRoutes>,
    Path((org, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answer {
    let (org, who) = state.door.enter_as(&headers, &org, Scope::Admin).await?;
    Ok(accepted(&state.repricer.undo(&org, &id, &who.subject).await?))
}

fn preview_json(ask: &Ask, preview: &Preview) -> Value {
    let tally = &preview.tally;
    let mut models: Vec<_> = tally.models.iter().collect();
    models.sort_by_key(|(_, of)| std::cmp::Reverse(of.calls));
    let beyond = models.iter().skip(LISTED).map(|(_, of)| of.calls).sum::<u64>();
    let models = models.iter().take(LISTED).map(|(model, of)| {
        json!({
            "model": model,
            "calls": of.calls,
            "changes": of.changes,
            "before_usd": of.before.usd(),
            "after_usd": of.after.usd(),
            "before_without_cost": of.calls - of.before.calls,
            "after_without_cost": of.calls - of.after.calls,
        })
    });
    let mut rows: Vec<_> = tally.price_rows.iter().collect();
    rows.sort_by_key(|(_, calls)| std::cmp::Reverse(**calls));
    let rows = rows.iter().take(LISTED);
    let mut answer = json!({
        "book": preview.book,
        "calls": tally.calls,
        "changes": tally.changes.calls,
        "before": states(&tally.before),
        "after": states(&tally.after),
        "models": models.collect::<Vec<_>>(),
        "calls_of_other_models": beyond + tally.models_left_out,
        "price_rows": rows.map(|(row, calls)| json!({ "price_row": row, "calls": calls })).collect::<Vec<_>>(),
        "files_left_alone": preview.files_left_alone,
    });
    put_ask(&mut answer, ask);
    answer
}

fn put_ask(answer: &mut Value, ask: &Ask) {
    answer["stream"] = ask.stream.as_str().into();
    answer["from_us"] = ask.from_us.into();
    answer["to_us"] = ask.to_us.into();
    let Filter { model, provider, endpoint } = &ask.filter;
    answer["filter"] = json!({ "model": model, "provider": provider, "endpoint": endpoint });
}

/// Sums by state; a sum of nothing is null.
fn states(states: &States) -> Value {
    json!({
        "cost_usd": states.cost().usd(),
        "priced": { "calls": states.priced.calls, "usd": states.priced.usd() },
        "free": { "calls": states.free },
        "reported": { "calls": states.reported.calls, "usd": states.reported.usd() },
        "estimated": { "calls": states.estimated.calls, "median_usd": states.estimated.usd() },
        "unpriced": { "calls": states.unpriced.values().sum::<u64>(), "reasons": states.unpriced },
    })
}

fn job_json(job: &Job) -> Value {
    let entry = &job.entry;
    let (kind, undoes) = match &entry.kind {
        JobKind::Reprice => ("reprice", None),
        JobKind::Undo { of } => ("undo", Some(of)),
    };
    let Changes { calls, before, after } = &entry.changes;
    let files = &entry.files;
    let mut answer = json!({
        "id": job.id,
        "kind": kind,
        "undoes": undoes,
        "state": entry.state.as_str(),
        "book": entry.book,
        "asked_us": entry.asked_us,
        "asked_by": entry.asked_by,
        "ended_us": entry.ended_us,
        "cancelled_by": entry.cancelled_by,
        "error": entry.error,
        "files": { "done": files.done, "all": files.all, "left_alone": files.left_alone },
        "calls": files.calls,
        "changed": { "calls": calls, "before": states(before), "after": states(after) },
        "undone_by": entry.undone_by,
        "undo_possible": entry.can_be_undone(),
    });
    put_ask(&mut answer, &entry.ask);
    answer
}
