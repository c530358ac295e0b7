//! Which convention a span follows: by its instrumentation scope, else by the keys that it carries.

use text::Text;

use crate::cells::Cells;
use crate::column::column;
use crate::view::View;

/// Scopes whose name says it all.
const SCOPES: &[(&str, &str)] = &[
    ("openinference.instrumentation", "openinference"),
    ("langfuse", "langfuse"),
    ("langsmith", "langsmith"),
    ("logfire", "logfire"),
    ("openlit", "openlit"),
    ("pydantic-ai", "pydantic_ai"),
    ("pydantic_ai", "pydantic_ai"),
    ("mlflow", "mlflow"),
    ("inferscope.gateway", "otel_genai_next"),
];

/// Keys that one convention has and no older one, most telling first.
const KEYS: &[(&str, &str)] = &[
    ("openinference.span.kind", "openinference"),
    ("langfuse.observation.type", "langfuse"),
    ("langsmith.span.kind", "langsmith"),
    ("mlflow.spanType", "mlflow"),
    ("ai.operationId", "vercel"),
    ("gen_ai.usage.cache_write.input_tokens", "otel_genai_next"),
    ("gen_ai.provider.name", "otel_1_37_1_41"),
    ("gen_ai.operation.name", "otel_1_28_1_36"),
    ("gen_ai.usage.prompt_tokens", "otel_1_26"),
    ("gen_ai.usage.input_tokens", "otel_1_27"),
    ("gen_ai.system", "otel_1_26"),
    ("traceloop.span.kind", "traceloop_new"),
    ("traceloop.entity.name", "traceloop_new"),
];

pub(crate) fn fill(cells: &mut Cells, view: &View<'_>) -> Option<&'static str> {
    let convention = detect(view);
    cells.set_some(column!("llm_convention"), convention.map(Text::fixed));
    convention
}

fn detect(view: &View<'_>) -> Option<&'static str> {
    let scope = view.scope_name();
    if let Some((_, convention)) = SCOPES.iter().find(|(prefix, _)| scope.starts_with(prefix)) {
        return Some(convention);
    }
    match scope {
        "ai" => Some("vercel"),
        "gen_ai" => Some("vercel_genai"),
        _ if scope.starts_with("litellm") => {
            Some(if has(view, "litellm.call_type") { "litellm_v2" } else { "litellm_v1" })
        }
        _ if scope.starts_with("traceloop") => Some("traceloop_new"),
        _ if is_traceloop(scope) => {
            Some(if has(view, "gen_ai.operation.name") { "traceloop_new" } else { "traceloop_old" })
        }
        _ if resource_says(view, "telemetry.sdk.name", "openlit") => Some("openlit"),
        _ => KEYS.iter().find(|(key, _)| has(view, key)).map(|(_, convention)| *convention),
    }
}

/// OpenLLMetry shares OpenTelemetry's scope prefix; `openai_v2` and `util.genai` are OpenTelemetry's own.
fn is_traceloop(scope: &str) -> bool {
    let rest = scope.strip_prefix("opentelemetry.instrumentation.");
    rest.is_some_and(|library| {
        LIBRARIES.iter().any(|known| library == *known || library.starts_with(&format!("{known}.")))
    })
}

/// The libraries that OpenLLMetry instruments.
const LIBRARIES: &[&str] = &[
    "openai",
    "anthropic",
    "bedrock",
    "cohere",
    "crewai",
    "google_generativeai",
    "groq",
    "haystack",
    "langchain",
    "llamaindex",
    "mistralai",
    "ollama",
    "replicate",
    "sagemaker",
    "together",
    "transformers",
    "vertexai",
    "watsonx",
    "alephalpha",
    "writer",
    "mcp",
    "agno",
    "openai_agents",
];

fn has(view: &View<'_>, key: &str) -> bool {
    view.span.attributes.iter().any(|(name, _)| name == key)
}

fn resource_says(view: &View<'_>, key: &str, value: &str) -> bool {
    let found = crate::view::attribute(&view.span.resource.attributes, key);
    found.and_then(crate::view::Found::text).as_deref() == Some(value)
}
