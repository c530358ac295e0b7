//! Who provides the model, in one spelling, and which API was spoken.

use text::Text;

use crate::cells::Cells;
use crate::column::column;
use crate::facts::Fact;
use crate::view::View;

/// Other spellings of canonical names.
const SPELLINGS: &[(&str, &str)] = &[
    ("mistralai", "mistral_ai"),
    ("mistral", "mistral_ai"),
    ("xai", "x_ai"),
    ("grok", "x_ai"),
    ("az.ai.openai", "azure.ai.openai"),
    ("azure", "azure.ai.openai"),
    ("azure_openai", "azure.ai.openai"),
    ("az.ai.inference", "azure.ai.inference"),
    ("azure_ai", "azure.ai.inference"),
    ("vertex_ai", "gcp.vertex_ai"),
    ("vertexai", "gcp.vertex_ai"),
    ("google_vertexai", "gcp.vertex_ai"),
    ("gemini", "gcp.gemini"),
    ("google_genai", "gcp.gemini"),
    ("google", "gcp.gen_ai"),
    ("aws", "aws.bedrock"),
    ("bedrock", "aws.bedrock"),
    ("watsonx", "ibm.watsonx.ai"),
    ("moonshot", "moonshot_ai"),
    ("hugging_face", "huggingface"),
    ("hf", "huggingface"),
];

/// Providers whose API is OpenAI's.
const OPENAI_DIALECT: &[&str] = &[
    "huggingface",
    "groq",
    "deepseek",
    "x_ai",
    "together",
    "together_ai",
    "fireworks",
    "openrouter",
    "cerebras",
    "azure.ai.openai",
    "moonshot_ai",
];

/// Hosts that tell the provider.
const HOSTS: &[(&str, &str)] = &[
    ("huggingface.co", "huggingface"),
    ("huggingface.cloud", "huggingface"),
    ("api.openai.com", "openai"),
    ("openai.azure.com", "azure.ai.openai"),
    ("api.anthropic.com", "anthropic"),
    ("api.groq.com", "groq"),
    ("api.deepseek.com", "deepseek"),
    ("api.together.xyz", "together"),
    ("api.mistral.ai", "mistral_ai"),
    ("api.cerebras.ai", "cerebras"),
];

/// What LangSmith names as the system of every call that it traces: a framework provides no model.
const FRAMEWORK: &str = "langchain";

pub(crate) fn fill(cells: &mut Cells, view: &View<'_>) {
    let first = |fact| {
        let names = view.all(fact).filter_map(|(found, _)| found.text());
        names.map(|name| name.trim().to_ascii_lowercase()).find(|name| name != FRAMEWORK)
    };
    let sent = first(Fact::Provider);
    let system = first(Fact::System).map(|system| plain(&system).to_owned());
    let host = cells.text(column!("server_address")).and_then(of_host);
    let named = sent.as_deref().map(plain).map(|name| canonical(name, system.as_deref()));
    // An OpenAI client against another host says openai: it names the API that it speaks.
    let provider = match (named, host) {
        (None | Some("openai"), Some(host)) => Some(host),
        (named, _) => named,
    };
    let provider = provider.map(str::to_owned);
    let spoken =
        system.clone().or_else(|| provider.as_deref().map(|provider| dialect(provider).to_owned()));
    let older = view.shared(Fact::GenAiSystem).or_else(|| provider.as_deref().map(Text::from));
    cells.set_some(column!("llm_system"), spoken);
    cells.set_some(column!("llm_provider"), explicit(view));
    cells.set_some(column!("gen_ai_system"), older);
    cells.set_some(column!("gen_ai_provider_name"), provider);
}

/// The provider where the instrumentation names one, and not merely the API.
fn explicit(view: &View<'_>) -> Option<Text> {
    let mut named =
        view.all(Fact::Provider).filter(|(_, key)| !matches!(*key, "gen_ai.system" | "llm.system"));
    named.find_map(|(found, _)| found.shared())
}

/// A name without the suffix that Vercel's SDK gives it: `openai` of `openai.chat`.
fn plain(name: &str) -> &str {
    let dotted = ["aws.", "azure.", "az.", "gcp.", "ibm."]
        .into_iter()
        .any(|prefix| name.starts_with(prefix));
    if dotted { name } else { name.split('.').next().unwrap_or(name) }
}

fn canonical<'a>(name: &'a str, system: Option<&str>) -> &'a str {
    match (name, system) {
        ("azure", Some(system)) if system != "openai" => "azure.ai.inference",
        ("google", Some("vertexai")) => "gcp.vertex_ai",
        _ => SPELLINGS
            .iter()
            .find(|(other, _)| *other == name)
            .map_or(name, |(_, canonical)| canonical),
    }
}

fn of_host(host: &str) -> Option<&'static str> {
    let under = |domain: &str| {
        host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
    };
    HOSTS.iter().find(|(domain, _)| under(domain)).map(|(_, provider)| *provider)
}

fn dialect(provider: &str) -> &str {
    if OPENAI_DIALECT.contains(&provider) { "openai" } else { provider }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_one_spelling() {
        assert_eq!(canonical("mistralai", None), "mistral_ai");
        assert_eq!(canonical("azure", Some("openai")), "azure.ai.openai");
        assert_eq!(canonical("azure", Some("mistral")), "azure.ai.inference");
        assert_eq!(plain("openai.chat"), "openai");
        assert_eq!(plain("aws.bedrock"), "aws.bedrock");
        assert_eq!(of_host("router.huggingface.co"), Some("huggingface"));
        assert_eq!(of_host("nothuggingface.co"), None);
        assert_eq!(dialect("groq"), "openai");
    }
}
