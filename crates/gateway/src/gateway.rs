use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use clock::SharedClock;
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderValue, Method, Response};
use http_body::Body;
use openai::Operation;

use crate::admission::{Admission, Admitted};
use crate::answer;
use crate::attempt::{Answered, Attempts, Outgoing};
use crate::call::{Call, Target};
use crate::capture::Captured;
use crate::config::GatewayConfig;
use crate::error::Error;
use crate::headers::{REQUEST_ID, make_outgoing, request_id};
use crate::hold;
use crate::open_call::OpenCall;
use crate::picker::{Picker, Purpose};
use crate::record::{AnswerForm, CallRecord, End};
use crate::recording::Recording;
use crate::relay::{GatewayBody, pass_on};
use crate::stream_options::StreamOptions;
use crate::trace::TraceContext;
use crate::upstream::Upstream;

/// Passes calls on to replicas and records each one; shared by all connections.
pub struct Gateway {
    picker: Arc<dyn Picker>,
    recording: Recording,
    clock: SharedClock,
    config: GatewayConfig,
    upstream: Upstream,
    stream_options: StreamOptions,
}

impl Gateway {
    /// A gateway that knows endpoints by `picker` and hands its records to `recording`.
    #[must_use]
    pub fn new(
        picker: Arc<dyn Picker>,
        recording: Recording,
        clock: SharedClock,
        config: GatewayConfig,
    ) -> Self {
        let upstream = Upstream::new(&config);
        Self {
            picker,
            recording,
            clock,
            config,
            upstream,
            stream_options: StreamOptions::default(),
        }
    }

    /// Answers one call: with a replica's answer as it comes, or with a refusal of ours.
    ///
    /// Exactly one record is made of it, when the body has ended or was dropped; none of health checks and
    /// of `/v1/models`, which is answered here. Dropping the future or the body cancels the call upstream.
    pub async fn handle<B>(&self, call: Call<B>) -> Response<GatewayBody>
    where
        B: Body<Data = Bytes>,
    {
        let Call { request, target, org } = call;
        let (head, body) = request.into_parts();
        if let Some(answer) = self.about_models(&head, &target) {
            return answer;
        }
        let id = request_id(&head.headers);
        let mut open = self.open(org, &head, &target, &id);
        match self.answer(&mut open, head, body, &target, &id).await {
            Ok(answered) => pass_on(answered, open, id),
            Err(error) => refuse(open, &error, id),
        }
    }

    /// The queue of records, to read its counters.
    #[must_use]
    pub const fn recording(&self) -> &Recording {
        &self.recording
    }

    fn about_models(&self, head: &Parts, target: &Target) -> Option<Response<GatewayBody>> {
        let Target::Model { namespace } = target else { return None };
        if !matches!(head.method, Method::GET | Method::HEAD) {
            return None;
        }
        let models = || self.picker.models(namespace.as_deref());
        match head.uri.path().strip_prefix("/v1/models")? {
            "" | "/" => Some(answer::model_list(&models())),
            rest => Some(answer::one_model(&models(), &model_id(rest.strip_prefix('/')?))),
        }
    }

    fn open(&self, org: String, head: &Parts, target: &Target, id: &HeaderValue) -> OpenCall {
        let path = target.path(head);
        let operation =
            if head.method == Method::POST { Operation::of_path(&path) } else { Operation::Other };
        let record = CallRecord {
            org,
            route: None,
            replica: None,
            attempts: 0,
            trace: TraceContext::of_caller(&head.headers),
            request_id: String::from_utf8_lossy(id.as_bytes()).into_owned(),
            method: head.method.clone(),
            path,
            operation,
            model: None,
            stream: false,
            status: None,
            end: End::ClientLeft,
            trouble: None,
            started: self.clock.now(),
            duration: Duration::ZERO,
            head_after: None,
            first_byte_after: None,
            first_content_after: None,
            answer: AnswerForm::Whole,
            request: Captured::default(),
            response: Captured::default(),
        };
        OpenCall::new(record, self.config.capture_bytes, self.recording.clone())
    }

    async fn answer<B: Body<Data = Bytes>>(
        &self,
        open: &mut OpenCall,
        head: Parts,
        body: B,
        target: &Target,
        id: &HeaderValue,
    ) -> Result<Answered, Error> {
        let Self { picker, stream_options, config, upstream, .. } = self;
        let picker = &**picker;
        let admission = Admission { picker, stream_options, config };
        let admitted = admission.admit(open, &head, body, target).await?;
        let (route, purpose) = (&*admitted.route, admitted.purpose);
        let _pending = (purpose == Purpose::Call).then(|| picker.arrived(route));
        let hold = hold::asked_for(&head.headers, config.max_hold);
        let first = hold::first_replica(picker, route, purpose, hold).await.map_err(|none| {
            Error::NoReplica { endpoint: format!("{}/{}", route.namespace, route.endpoint), none }
        })?;
        let outgoing = &outgoing(open, head, target, id, &admitted)?;
        let most = config.max_attempts;
        Attempts { picker, upstream, stream_options, route, outgoing, purpose, most }
            .run(first, open)
            .await
    }
}

/// An id in a path. Clients may encode its slash and colon; nothing else in ids needs it.
fn model_id(path: &str) -> String {
    path.replace("%2F", "/").replace("%2f", "/").replace("%3A", ":").replace("%3a", ":")
}

fn outgoing(
    open: &mut OpenCall,
    head: Parts,
    target: &Target,
    id: &HeaderValue,
    admitted: &Admitted,
) -> Result<Outgoing, Error> {
    let mut path = target.path(&head);
    if let Some(query) = head.uri.query() {
        path = format!("{path}?{query}");
    }
    let path: PathAndQuery = path.parse().map_err(|_| Error::BadPath)?;
    let mut headers = head.headers;
    make_outgoing(&mut headers, &admitted.route.authorization, open.operation());
    open.note(|record, _| record.trace.inject(&mut headers));
    headers.insert(REQUEST_ID, id.clone());
    Ok(Outgoing {
        method: head.method,
        path,
        headers,
        body: admitted.body.clone(),
        asking_usage: admitted.asking_usage.clone(),
    })
}

fn refuse(mut open: OpenCall, error: &Error, id: HeaderValue) -> Response<GatewayBody> {
    let mut response = answer::refusal(error);
    response.headers_mut().insert(REQUEST_ID, id);
    let end = error.end();
    if end != End::ClientLeft {
        open.answered(response.status().as_u16(), AnswerForm::Whole);
    }
    open.finish(end, Some(error.trouble()));
    response
}
