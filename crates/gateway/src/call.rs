use http::Request;
use http::request::Parts;

/// A request to pass on. Who sent it, and whether they may, was settled before.
#[derive(Debug)]
pub struct Call<B> {
    /// The request as it came.
    pub request: Request<B>,
    /// What its path names.
    pub target: Target,
    /// The organization that the caller belongs to.
    pub org: String,
}

/// What a path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// `/v1/…`: the model in the body decides.
    Model {
        /// Where its endpoint is looked for; everywhere when there is none.
        namespace: Option<String>,
    },
    /// `/endpoints/{namespace}/{name}/…`
    Endpoint {
        /// The endpoint's namespace.
        namespace: String,
        /// The endpoint's name.
        name: String,
        /// The path behind the name as it was written, percent signs included, without the query.
        rest_path: String,
    },
}

impl Target {
    /// The path as the replica sees it, without the query.
    pub(crate) fn path(&self, head: &Parts) -> String {
        match self {
            Self::Model { .. } => head.uri.path().to_owned(),
            Self::Endpoint { rest_path, .. } if rest_path.starts_with('/') => rest_path.clone(),
            Self::Endpoint { rest_path, .. } => format!("/{rest_path}"),
        }
    }
}
