//! The gateway's doors: calls by model under `/v1`, and any path of an endpoint under `/endpoints`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use accounts::{Identity, Orgs, Scope};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::any;
use gateway::{Call, Gateway, GatewayBody, Target};
use http::HeaderMap;
use schema::OrgName;
use std::str::FromStr;

use crate::door::Door;
use crate::trouble::{Hub, Refusal, Trouble};

#[derive(Clone)]
pub(crate) struct Calls {
    pub(crate) door: Door,
    pub(crate) gateway: Arc<Gateway>,
    /// Calls that were turned away at the door. They are counted and not recorded: whoever has no login does not write
    /// into anybody's tables.
    pub(crate) turned_away: Arc<AtomicU64>,
}

pub(crate) fn routes(calls: Calls) -> Router {
    Router::new()
        // A fixed route wins over this pattern, so OTLP's `/v1/traces` is not a call.
        .route("/v1/{*rest}", any(by_model))
        .route("/endpoints/{namespace}/{name}", any(by_endpoint))
        .route("/endpoints/{namespace}/{name}/{*rest}", any(by_endpoint))
        .with_state(calls)
}

type Answer = Result<Response<GatewayBody>, Refusal<Hub>>;

async fn by_model(State(calls): State<Calls>, request: Request) -> Answer {
    // The root login calls models of every namespace, anybody else those of their own.
    let identity = calls.caller(request.headers()).await?;
    let org = identity.home();
    calls.check(&identity, &org)?;
    let namespace = match &identity.orgs {
        Orgs::All => None,
        Orgs::One(org) => Some(org.as_str().to_owned()),
    };
    Ok(calls.handle(request, Target::Model { namespace }, &org).await)
}

async fn by_endpoint(State(calls): State<Calls>, request: Request) -> Answer {
    let (namespace, name, rest_path) = parts(request.uri().path())?;
    let identity = calls.caller(request.headers()).await?;
    let org = OrgName::from_str(&namespace)?;
    calls.check(&identity, &org)?;
    // A call that finds no endpoint is its caller's: a mistyped namespace is nobody's.
    Ok(calls
        .handle(request, Target::Endpoint { namespace, name, rest_path }, &identity.home())
        .await)
}

/// `/endpoints/{namespace}/{name}{rest}`, the rest as it was written.
fn parts(path: &str) -> Result<(String, String, String), Trouble> {
    let mut parts = path.strip_prefix("/endpoints/").unwrap_or_default().splitn(3, '/');
    match (parts.next(), parts.next()) {
        (Some(namespace), Some(name)) if !name.is_empty() => {
            let rest = parts.next().unwrap_or_default();
            Ok((namespace.to_owned(), name.to_owned(), format!("/{rest}")))
        }
        _ => Err(Trouble::not_found("the path is /endpoints/{namespace}/{name}/…")),
    }
}

impl Calls {
    async fn caller(&self, headers: &HeaderMap) -> Result<Arc<Identity>, Trouble> {
        let caller = self.door.caller(headers).await;
        caller.inspect_err(|_| self.count_turned_away())
    }

    fn check(&self, identity: &Identity, org: &OrgName) -> Result<(), Trouble> {
        Ok(identity.may(org, Scope::Call).inspect_err(|_| self.count_turned_away())?)
    }

    fn count_turned_away(&self) {
        self.turned_away.fetch_add(1, Ordering::Relaxed);
    }

    async fn handle(
        &self,
        request: http::Request<Body>,
        target: Target,
        org: &OrgName,
    ) -> Response<GatewayBody> {
        self.gateway.handle(Call { request, target, org: org.as_str().to_owned() }).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_below_an_endpoint_is_kept_as_it_was_written() {
        let path = |path| parts(path).expect("is good");
        let text = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
        assert_eq!(
            path("/endpoints/default/llama/v1/chat%2Fx"),
            text("default", "llama", "/v1/chat%2Fx")
        );
        assert_eq!(path("/endpoints/default/llama"), text("default", "llama", "/"));
        assert!(parts("/endpoints/default/").is_err());
    }
}
