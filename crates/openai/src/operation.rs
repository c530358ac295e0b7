/// What a call asks for, told from its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// `…/chat/completions`
    Chat,
    /// `…/completions`
    TextCompletion,
    /// `…/embeddings`
    Embeddings,
    /// `…/responses`
    Responses,
    /// Anything else: passed on, but not understood.
    Other,
}

impl Operation {
    /// The operation of a path such as `/v1/chat/completions` or `/endpoints/a/b/v1/embeddings`; a query
    /// and a closing slash do not matter.
    #[must_use]
    pub fn of_path(path: &str) -> Self {
        let path = path.split('?').next().unwrap_or_default().trim_end_matches('/');
        let (before, last) = path.rsplit_once('/').unwrap_or(("", path));
        match last {
            "completions" if before.ends_with("/chat") || before == "chat" => Self::Chat,
            "completions" => Self::TextCompletion,
            "embeddings" => Self::Embeddings,
            "responses" => Self::Responses,
            _ => Self::Other,
        }
    }

    /// The value of OpenTelemetry's `gen_ai.operation.name`; none for a path that is not understood.
    #[must_use]
    pub const fn gen_ai_name(self) -> Option<&'static str> {
        match self {
            Self::Chat | Self::Responses => Some("chat"),
            Self::TextCompletion => Some("text_completion"),
            Self::Embeddings => Some("embeddings"),
            Self::Other => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_tells_the_operation() {
        let of = Operation::of_path;
        assert_eq!(of("/v1/chat/completions"), Operation::Chat);
        assert_eq!(of("/endpoints/default/llama/v1/chat/completions/?x=1"), Operation::Chat);
        assert_eq!(of("/v1/completions"), Operation::TextCompletion);
        assert_eq!(of("/v1/embeddings"), Operation::Embeddings);
        assert_eq!(of("/v1/responses"), Operation::Responses);
        assert_eq!(of("/v1/responses/resp_1"), Operation::Other);
        assert_eq!(of("/health"), Operation::Other);
        assert_eq!(of(""), Operation::Other);
    }
}
