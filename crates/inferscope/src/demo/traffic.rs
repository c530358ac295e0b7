//! Steady mixed calls through the demo's own gateway, half of them from an instrumented program.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use accounts::Secret;
use bytes::Bytes;
use http::Request;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};
use tasks::CancellationToken;
use tokio::task::JoinSet;

const LLAMA: &str = "meta-llama/Llama-3.1-8B-Instruct";
const MISTRAL: &str = "mistralai/Mistral-7B-Instruct-v0.3";
const QUESTIONS: [&str; 6] = [
    "Explain distributed tracing in one sentence.",
    "What is a p99, and why is it not the average of two p99s?",
    "Write a haiku about queues.",
    "Summarise: the service was slow because every replica waited for the same lock.",
    "Translate to French: the model is warming up.",
    "Which is larger, 9.11 or 9.9?",
];
/// Most calls at once; beyond it a call is left out.
const MOST: usize = 64;

pub(super) struct Traffic {
    address: SocketAddr,
    token: Secret,
    rate: f64,
    client: Client<HttpConnector, Full<Bytes>>,
}

/// One call as it is to be made.
struct Plan {
    body: Value,
    key: String,
    /// Whether the caller is an instrumented program that sends a span of its own.
    traced: bool,
    trace_id: u128,
    span_id: u64,
}

/// What came of it.
struct Outcome {
    status: u16,
    body: Bytes,
}

impl Traffic {
    pub(super) fn new(address: SocketAddr, token: Secret, rate: f64) -> Self {
        Self {
            address,
            token,
            rate: rate.max(0.01),
            client: Client::builder(TokioExecutor::new()).build_http(),
        }
    }

    /// Calls until told to stop. The same calls in the same order at every start.
    pub(super) async fn run(self, stop: CancellationToken) {
        let traffic = Arc::new(self);
        let mut dice = StdRng::seed_from_u64(1);
        let mut calls = JoinSet::new();
        while !stop.is_cancelled() {
            // Exponential pauses: calls come as they do from many independent people.
            let pause = -f64::ln(dice.random_range(0.001..1.0)) / traffic.rate;
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs_f64(pause)) => {}
                () = stop.cancelled() => break,
            }
            while calls.try_join_next().is_some() {}
            if calls.len() < MOST {
                let plan = traffic.plan(&mut dice);
                let traffic = Arc::clone(&traffic);
                calls.spawn(async move { traffic.call(plan).await });
            }
        }
    }

    fn plan(&self, dice: &mut StdRng) -> Plan {
        let model = match dice.random_range(0..100) {
            0..60 => LLAMA,
            60..97 => MISTRAL,
            _ => "nobody/has-this-model",
        };
        let question = QUESTIONS.choose(dice).copied().unwrap_or(QUESTIONS[0]);
        let mut body = json!({
            "model": model,
            "messages": [{ "role": "user", "content": question }],
            "max_tokens": 100,
        });
        if dice.random_bool(0.5) {
            body["stream"] = true.into();
        }
        let key = if dice.random_bool(0.01) { "hf_wrong" } else { self.token.expose() };
        Plan {
            body,
            key: key.to_owned(),
            traced: dice.random_bool(0.5),
            trace_id: dice.random(),
            span_id: dice.random(),
        }
    }

    async fn call(&self, plan: Plan) {
        let started = SystemTime::now();
        let outcome = self
            .post(
                "/v1/chat/completions",
                &plan.key,
                &plan.body,
                plan.traced.then_some((plan.trace_id, plan.span_id)),
            )
            .await;
        if plan.traced {
            let span = span(&plan, started, outcome.as_ref());
            // A demo's lost span is nobody's loss.
            let _ = self.post("/v1/traces", self.token.expose(), &span, None).await;
        }
    }

    async fn post(
        &self,
        path: &str,
        key: &str,
        body: &Value,
        context: Option<(u128, u64)>,
    ) -> Option<Outcome> {
        let mut request = Request::post(format!("http://{}{path}", self.address))
            .header(CONTENT_TYPE, "application/json")
            .header(AUTHORIZATION, format!("Bearer {key}"));
        if let Some((trace_id, span_id)) = context {
            request =
                request.header("traceparent", format!("00-{trace_id:032x}-{span_id:016x}-01"));
        }
        let request = request.body(Full::from(body.to_string())).ok()?;
        let response = self.client.request(request).await.ok()?;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.map(http_body_util::Collected::to_bytes);
        Some(Outcome { status, body: body.ok()? })
    }
}

fn nanos(time: SystemTime) -> String {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos().to_string()
}

/// The span that OpenInference's instrumentation sends of such a call, as OTLP/JSON.
fn span(plan: &Plan, started: SystemTime, outcome: Option<&Outcome>) -> Value {
    let text = |key: &str, value: &str| json!({ "key": key, "value": { "stringValue": value } });
    let int =
        |key: &str, value: i64| json!({ "key": key, "value": { "intValue": value.to_string() } });
    let message = &plan.body["messages"][0];
    let mut parameters = plan.body.clone();
    if let Some(parameters) = parameters.as_object_mut() {
        parameters.remove("messages");
    }
    let mut attributes = vec![
        text("openinference.span.kind", "LLM"),
        text("llm.system", "openai"),
        text("input.value", &plan.body.to_string()),
        text("input.mime_type", "application/json"),
        text("llm.invocation_parameters", &parameters.to_string()),
        text("llm.input_messages.0.message.role", "user"),
        text(
            "llm.input_messages.0.message.content",
            message["content"].as_str().unwrap_or_default(),
        ),
    ];
    let good = outcome.filter(|outcome| outcome.status == 200);
    let answer = good.and_then(|outcome| serde_json::from_slice::<Value>(&outcome.body).ok());
    if let Some(answer) = &answer {
        attributes.push(text("output.value", &answer.to_string()));
        attributes.push(text("output.mime_type", "application/json"));
        attributes.push(text("llm.model_name", answer["model"].as_str().unwrap_or_default()));
        let content = answer["choices"][0]["message"]["content"].as_str().unwrap_or_default();
        attributes.push(text("llm.output_messages.0.message.role", "assistant"));
        attributes.push(text("llm.output_messages.0.message.content", content));
        let counts = [
            ("prompt", "prompt_tokens"),
            ("completion", "completion_tokens"),
            ("total", "total_tokens"),
        ];
        for (name, field) in counts {
            if let Some(count) = answer["usage"][field].as_i64() {
                attributes.push(int(&format!("llm.token_count.{name}"), count));
            }
        }
    }
    let status = match outcome {
        Some(outcome) if outcome.status == 200 => json!({ "code": 1 }),
        Some(outcome) => {
            let body = String::from_utf8_lossy(&outcome.body);
            json!({ "code": 2, "message": format!("APIStatusError: Error code: {} - {body}", outcome.status) })
        }
        None => json!({ "code": 2, "message": "APIConnectionError: Connection error." }),
    };
    json!({ "resourceSpans": [{
        "resource": { "attributes": [text("service.name", "demo-app")] },
        "scopeSpans": [{
            "scope": { "name": "openinference.instrumentation.openai", "version": "demo" },
            "spans": [{
                "traceId": format!("{:032x}", plan.trace_id),
                "spanId": format!("{:016x}", plan.span_id),
                "name": "ChatCompletion",
                "kind": 1,
                "startTimeUnixNano": nanos(started),
                "endTimeUnixNano": nanos(SystemTime::now()),
                "attributes": attributes,
                "status": status,
            }],
        }],
    }] })
}
