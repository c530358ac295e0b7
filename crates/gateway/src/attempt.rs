use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, Response, StatusCode};

use crate::error::Error;
use crate::open_call::OpenCall;
use crate::picker::{Failure, Lease, NoReplica, Picker, Purpose, Route};
use crate::replica_body::ReplicaBody;
use crate::stream_options::StreamOptions;
use crate::upstream::{Message, SendError, Upstream};

/// A request as a replica gets it.
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) path: PathAndQuery,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The body that also asks for the stream's usage, where the caller did not.
    pub(crate) asking_usage: Option<Bytes>,
}

/// A replica's response, its body not yet read.
pub(crate) struct Answered {
    pub(crate) response: Response<ReplicaBody>,
    pub(crate) usage: UsageAsked,
}

/// Who asked for the usage that may come in a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UsageAsked {
    /// We did: the caller must not see it.
    ByUs,
    /// The caller, or nobody.
    NotByUs,
}

/// Everything that the attempts of one call need.
pub(crate) struct Attempts<'a> {
    pub(crate) picker: &'a dyn Picker,
    pub(crate) upstream: &'a Upstream,
    pub(crate) stream_options: &'a StreamOptions,
    pub(crate) route: &'a Route,
    pub(crate) outgoing: &'a Outgoing,
    pub(crate) purpose: Purpose,
    pub(crate) most: u32,
}

impl Attempts<'_> {
    /// Asks one replica after the other until one answers or the budget is spent.
    ///
    /// A request may be sent to several replicas, since asking a model changes nothing there; once a response
    /// head has come it stays with that replica. Only a 503 is answered elsewhere, if another one is there.
    pub(crate) async fn run(&self, first: Lease, call: &mut OpenCall) -> Result<Answered, Error> {
        let (mut tried, mut lease, mut attempt) = (Vec::new(), first, 1);
        loop {
            call.note(|record, _| {
                record.replica = Some(lease.replica.clone());
                record.attempts = attempt;
            });
            let outcome = self.ask(&lease).await;
            if let Err(SendError::Failed(failure, _)) = &outcome {
                self.picker.failed(&lease, *failure);
            }
            if !matches!(outcome, Err(SendError::Stale(_))) {
                tried.push(lease.replica.id.clone());
            }
            let another = attempt < self.most && may_go_elsewhere(&outcome);
            match another.then(|| self.pick(&tried)) {
                Some(Ok(next)) => lease = next,
                Some(Err(_)) | None => {
                    return outcome.map_err(|error| self.unanswered(error, attempt));
                }
            }
            attempt += 1;
        }
    }

    fn pick(&self, tried: &[String]) -> Result<Lease, NoReplica> {
        self.picker.pick(self.route, tried, self.purpose)
    }

    /// Asks one replica. Where a request that asks for usage is refused, it is sent again as it came: what
    /// works without us must work with us.
    async fn ask(&self, lease: &Lease) -> Result<Answered, SendError> {
        let as_it_came = |response| Answered { response, usage: UsageAsked::NotByUs };
        let Some(asking) = &self.outgoing.asking_usage else {
            return self.send(lease, &self.outgoing.body).await.map(as_it_came);
        };
        let response = self.send(lease, asking).await?;
        if !is_refusal(response.status()) {
            return Ok(Answered { response, usage: UsageAsked::ByUs });
        }
        let response = self.send(lease, &self.outgoing.body).await?;
        if !is_refusal(response.status()) {
            self.stream_options.note_refused(self.route);
        }
        Ok(as_it_came(response))
    }

    async fn send(&self, lease: &Lease, body: &Bytes) -> Result<Response<ReplicaBody>, SendError> {
        let Outgoing { method, path, headers, .. } = self.outgoing;
        self.upstream.send(&lease.replica.base, Message { method, path, headers, body }).await
    }

    fn unanswered(&self, error: SendError, attempts: u32) -> Error {
        let endpoint = format!("{}/{}", self.route.namespace, self.route.endpoint);
        let (failure, detail) = match error {
            SendError::Stale(detail) => (Failure::Reset, detail),
            SendError::Failed(failure, detail) => (failure, detail),
        };
        Error::Unanswered { endpoint, failure, attempts, detail }
    }
}

/// Whether another replica may do better. After a timeout the caller has waited long enough.
fn may_go_elsewhere(outcome: &Result<Answered, SendError>) -> bool {
    match outcome {
        Ok(answered) => answered.response.status() == StatusCode::SERVICE_UNAVAILABLE,
        Err(SendError::Stale(_)) => true,
        Err(SendError::Failed(failure, _)) => match failure {
            Failure::Connect | Failure::Reset => true,
            Failure::Timeout => false,
        },
    }
}

/// How engines refuse a field that they do not know.
fn is_refusal(status: StatusCode) -> bool {
    matches!(status, StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY)
}
