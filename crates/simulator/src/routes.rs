use std::sync::Arc;

use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use futures::stream::{self, StreamExt};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use crate::answer::{Head, Tokens};
use crate::ask::{Ask, Delivery, Dialect};
use crate::behaviour::Refusal;
use crate::catalogue::Model;
use crate::embedding::EmbeddingAsk;
use crate::failure::Refused;
use crate::generation::Generation;
use crate::server::{Call, Engine};
use crate::streaming::{Streaming, broken};
use crate::words::{self, Order, Script};

type Shared = State<Arc<Engine>>;

/// The largest request body.
const BODY_LIMIT: usize = 32 * 1024 * 1024;

pub(crate) fn router(engine: Arc<Engine>) -> Router {
    Router::new()
        .route("/v1/chat/completions", post(chat))
        .route("/v1/completions", post(completions))
        .route("/v1/embeddings", post(embeddings))
        .route("/v1/models", get(models))
        .route("/v1/models/{*id}", get(model))
        .route("/health", get(health))
        .route("/version", get(version))
        .route("/metrics", get(metrics))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(map_response(say_what_it_is))
        .with_state(engine)
}

async fn say_what_it_is(mut response: Response) -> Response {
    response.headers_mut().insert("x-inferscope-simulator", HeaderValue::from_static("1"));
    response
}

async fn chat(State(engine): Shared, headers: HeaderMap, body: Bytes) -> Result<Response, Refused> {
    generate(&engine, &headers, &body, Dialect::Chat).await
}

async fn completions(
    State(engine): Shared,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refused> {
    generate(&engine, &headers, &body, Dialect::Text).await
}

async fn generate(
    engine: &Engine,
    headers: &HeaderMap,
    body: &[u8],
    dialect: Dialect,
) -> Result<Response, Refused> {
    engine.admit(headers)?;
    let ask = Ask::read(body, dialect)?;
    let call = engine.begin(&ask.model, headers).await?;
    let Call { number, model, behaviour, metronome, running } = call;
    let seed = engine.config.seed;
    let script = Script::write(&Order {
        seed,
        model: &model.id,
        prompt: &ask.prompt,
        max_tokens: ask.max_tokens,
        tokens: behaviour.tokens,
    });
    let tokens = Tokens {
        prompt: words::count(&ask.prompt),
        cached: ask.cached,
        completion: script.words.len(),
        reasoning: script.reasoning,
    };
    running.read_prompt(tokens.prompt);
    let kind = if dialect == Dialect::Chat { "chatcmpl" } else { "cmpl" };
    let head = Head {
        dialect,
        id: format!("{kind}-sim-{seed:x}-{number:08}-{}", engine.config.clock.now().0),
        created: engine.config.clock.now().seconds(),
        model: model.short.clone(),
    };
    let generation = Generation::new(script, metronome, running);
    let streaming = Streaming::new(generation, head, tokens, ask.delivery, behaviour);
    match ask.delivery {
        Delivery::Stream | Delivery::StreamWithUsage => Ok(streaming.into_response()),
        Delivery::Whole => whole(streaming, &model).await,
    }
}

/// Speaks to the end, then answers at once.
async fn whole(streaming: Streaming, model: &Model) -> Result<Response, Refused> {
    let Streaming { mut generation, head, tokens, behaviour, .. } = streaming;
    if behaviour.in_band.is_some() {
        generation.fail();
        let refusal = Refusal { status: 500, retry_after: None };
        return Err(Refused::Asked(refusal, model.id.clone()));
    }
    while generation.next().await.is_some() {}
    let body = head.whole(generation.script(), tokens).to_string();
    if behaviour.cut.is_some() {
        generation.fail();
        return Ok(half(body));
    }
    generation.finish();
    Ok(json_text(body))
}

/// An answer that promises its whole length and breaks off in the middle.
fn half(body: String) -> Response {
    let length = body.len();
    let first = Bytes::from(body).slice(..length / 2);
    let parts = stream::iter([Ok(first)]).chain(stream::once(async { Err(broken().await) }));
    let mut response = json_text(Body::from_stream(parts));
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    response
}

fn json_text(body: impl Into<Body>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body.into()).into_response()
}

async fn embeddings(
    State(engine): Shared,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, Refused> {
    engine.admit(&headers)?;
    let ask = EmbeddingAsk::read(&body)?;
    let mut call = engine.begin(&ask.model, &headers).await?;
    call.running.read_prompt(ask.tokens());
    call.metronome.first().await;
    let answer =
        ask.answer(engine.config.seed, &call.model.short, engine.config.embedding_dimensions);
    call.running.finish("stop");
    Ok(Json(answer))
}

async fn models(State(engine): Shared, headers: HeaderMap) -> Result<Json<Value>, Refused> {
    engine.admit(&headers)?;
    let data: Vec<Value> = engine.catalogue.models().iter().map(model_object).collect();
    Ok(Json(json!({"object": "list", "data": data})))
}

async fn model(
    State(engine): Shared,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refused> {
    engine.admit(&headers)?;
    let model = engine.catalogue.find(&id).ok_or(Refused::ModelNotSupported(id))?;
    Ok(Json(model_object(&model)))
}

fn model_object(model: &Model) -> Value {
    json!({"id": model.id, "object": "model", "created": 0, "owned_by": "inferscope-simulator",
        "root": model.short, "parent": null})
}

/// As vLLM: 200 without a body when ready, 503 before.
async fn health(State(engine): Shared) -> StatusCode {
    if engine.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

async fn version() -> Json<Value> {
    Json(json!({"version": env!("CARGO_PKG_VERSION"), "engine": "inferscope-simulator"}))
}

async fn metrics(State(engine): Shared) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], engine.metrics.render())
}
