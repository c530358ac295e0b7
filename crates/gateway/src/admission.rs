use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use http::request::Parts;
use http_body::Body;
use openai::Operation;

use crate::call::Target;
use crate::capture::Captured;
use crate::config::GatewayConfig;
use crate::error::Error;
use crate::open_call::OpenCall;
use crate::picker::{Picker, Purpose, Route, StreamUsage};
use crate::request::read_body;
use crate::route::{choose, with_model_id};
use crate::stream_options::StreamOptions;

/// Reads a request as far as it takes to know where it goes.
pub(crate) struct Admission<'a> {
    pub(crate) picker: &'a dyn Picker,
    pub(crate) stream_options: &'a StreamOptions,
    pub(crate) config: &'a GatewayConfig,
}

/// A request whose route is known.
pub(crate) struct Admitted {
    pub(crate) route: Arc<Route>,
    pub(crate) purpose: Purpose,
    pub(crate) body: Bytes,
    /// The body that also asks for the stream's usage, where that is ours to do.
    pub(crate) asking_usage: Option<Bytes>,
}

impl Admission<'_> {
    /// Reads the body and finds the route. An endpoint that does not exist is refused before its body is read.
    pub(crate) async fn admit<B: Body<Data = Bytes>>(
        &self,
        call: &mut OpenCall,
        head: &Parts,
        body: B,
        target: &Target,
    ) -> Result<Admitted, Error> {
        match target {
            Target::Endpoint { namespace, name, .. } => {
                let unknown =
                    || Error::UnknownEndpoint { namespace: namespace.clone(), name: name.clone() };
                let route = self.picker.resolve_endpoint(namespace, name).ok_or_else(unknown)?;
                let purpose = purpose(head, target, &route);
                if purpose == Purpose::Health {
                    call.leave_unrecorded();
                }
                self.admit_to_endpoint(call, body, route, purpose).await
            }
            Target::Model { namespace } => {
                self.admit_by_model(call, body, namespace.as_deref()).await
            }
        }
    }

    /// Any model is passed on, also none; a body that cannot be read is the replica's to refuse.
    async fn admit_to_endpoint<B: Body<Data = Bytes>>(
        &self,
        call: &mut OpenCall,
        body: B,
        route: Arc<Route>,
        purpose: Purpose,
    ) -> Result<Admitted, Error> {
        call.note(|record, _| record.route = Some(route.clone()));
        let body = self.read(call, body).await?;
        let asked = openai::peek(&body).unwrap_or_default();
        note_asked(call, &asked);
        let asking_usage = self.asking_usage(call, &asked, &body, &route);
        Ok(Admitted { route, purpose, asking_usage, body: body.clone() })
    }

    async fn admit_by_model<B: Body<Data = Bytes>>(
        &self,
        call: &mut OpenCall,
        body: B,
        namespace: Option<&str>,
    ) -> Result<Admitted, Error> {
        let body = self.read(call, body).await?;
        if body.is_empty() {
            return Err(Error::NoModel);
        }
        let asked = openai::peek(&body).map_err(Error::Unreadable)?;
        note_asked(call, &asked);
        let model = asked.model.as_ref().ok_or(Error::NoModel)?;
        let unknown = || Error::UnknownModel { model: model.to_string() };
        let chosen = choose(self.picker, namespace, model).ok_or_else(unknown)?;
        let route = chosen.route;
        call.note(|record, _| record.route = Some(route.clone()));
        let body_sent = with_model_id(&body, model, chosen.id);
        let asking_usage = self.asking_usage(call, &asked, &body_sent, &route);
        Ok(Admitted { route, purpose: Purpose::Call, asking_usage, body: body_sent })
    }

    async fn read<B: Body<Data = Bytes>>(
        &self,
        call: &mut OpenCall,
        body: B,
    ) -> Result<Bytes, Error> {
        let body = read_body(body, self.config.max_request_bytes).await?;
        call.note(|record, _| record.request = Captured::of(&body, self.config.capture_bytes));
        Ok(body)
    }

    fn asking_usage(
        &self,
        call: &OpenCall,
        asked: &openai::Request<'_>,
        body: &Bytes,
        route: &Route,
    ) -> Option<Bytes> {
        let ours = asked.stream
            && asked.include_usage != Some(true)
            && matches!(call.operation(), Operation::Chat | Operation::TextCompletion)
            && route.stream_usage == StreamUsage::Ask
            && !self.stream_options.are_refused(route);
        if ours { openai::with_include_usage(body).map(Bytes::from) } else { None }
    }
}

fn note_asked(call: &mut OpenCall, asked: &openai::Request<'_>) {
    call.note(|record, _| {
        record.model = asked.model.as_ref().map(ToString::to_string);
        record.stream = asked.stream;
    });
}

fn purpose(head: &Parts, target: &Target, route: &Route) -> Purpose {
    let asks = matches!(head.method, Method::GET | Method::HEAD);
    if asks && target.path(head) == route.health_path { Purpose::Health } else { Purpose::Call }
}
