//! A gateway that listens, with a picker that a test can look into.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use clock::SystemClock;
use gateway::{
    Available, Call, CallRecord, Failure, Gateway, GatewayConfig, Held, Lease, Model, NoReplica,
    Picker, Provider, ProviderStatus, Purpose, Recording, RecordingConfig, Recordings, Replica,
    Route, Target, recording,
};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::timeout;

pub(crate) const MODEL: &str = "meta-llama/Llama-3.1-8B-Instruct";

/// Long enough for anything that happens at all.
const PATIENCE: Duration = Duration::from_secs(20);

/// One endpoint, `default/llama`; its replicas are picked in their order.
pub(crate) struct FakePicker {
    pub(crate) route: Arc<Route>,
    replicas: watch::Sender<Vec<Arc<Replica>>>,
    pending: watch::Sender<i64>,
    failed: Mutex<Vec<(String, Failure)>>,
}

struct Pending(watch::Sender<i64>);

impl Drop for Pending {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

impl FakePicker {
    pub(crate) fn add(&self, base: &str) {
        self.replicas.send_modify(|all| {
            let id = format!("deploymt-rep{}a", all.len());
            all.push(Arc::new(Replica { id, base: base.parse().unwrap() }));
        });
    }

    pub(crate) fn failed(&self) -> Vec<(String, Failure)> {
        self.failed.lock().unwrap().clone()
    }

    pub(crate) fn pending(&self) -> i64 {
        *self.pending.borrow()
    }

    pub(crate) fn watch_pending(&self) -> watch::Receiver<i64> {
        self.pending.subscribe()
    }

    pub(crate) async fn until_pending(&self, count: i64) {
        timeout(PATIENCE, self.pending.subscribe().wait_for(|now| *now == count))
            .await
            .unwrap()
            .unwrap();
    }
}

impl Picker for FakePicker {
    fn resolve_model(&self, namespace: Option<&str>, model: &str) -> Option<Arc<Route>> {
        let here = namespace.is_none_or(|namespace| namespace == "default");
        (here && model == MODEL).then(|| Arc::clone(&self.route))
    }

    fn resolve_endpoint(&self, namespace: &str, name: &str) -> Option<Arc<Route>> {
        (namespace == "default" && name == "llama").then(|| Arc::clone(&self.route))
    }

    fn models(&self, _: Option<&str>) -> Vec<Model> {
        let providers = vec![Provider { name: "llama".to_owned(), status: ProviderStatus::Live }];
        vec![Model { id: MODEL.to_owned(), created_s: 1_776_837_885, providers }]
    }

    fn pick(&self, _: &Route, tried: &[String], purpose: Purpose) -> Result<Lease, NoReplica> {
        let replica =
            self.replicas.borrow().iter().find(|replica| !tried.contains(&replica.id)).cloned();
        let none = || NoReplica {
            reason: "none is ready".to_owned(),
            retry_after: Duration::from_secs(7),
        };
        let held = match purpose {
            Purpose::Call => {
                self.pending.send_modify(|count| *count += 1);
                Held::new(Pending(self.pending.clone()))
            }
            Purpose::Health => Held::nothing(),
        };
        replica.map(|replica| Lease::new(replica, held)).ok_or_else(none)
    }

    fn available<'a>(&'a self, _: &'a Route) -> Available<'a> {
        let mut replicas = self.replicas.subscribe();
        Box::pin(async move {
            replicas.wait_for(|all| !all.is_empty()).await.unwrap();
        })
    }

    fn failed(&self, lease: &Lease, failure: Failure) {
        self.failed.lock().unwrap().push((lease.replica.id.clone(), failure));
    }
}

/// The gateway, its address and its records.
pub(crate) struct House {
    pub(crate) base: String,
    pub(crate) picker: Arc<FakePicker>,
    pub(crate) recording: Recording,
    records: Recordings,
}

impl House {
    pub(crate) async fn over(replicas: &[&str]) -> Self {
        Self::with(replicas, GatewayConfig::default(), RecordingConfig::default()).await
    }

    pub(crate) async fn with(
        replicas: &[&str],
        config: GatewayConfig,
        queue: RecordingConfig,
    ) -> Self {
        let picker = Arc::new(FakePicker {
            route: Arc::new(Route::new("default", "llama", MODEL)),
            replicas: watch::Sender::new(Vec::new()),
            pending: watch::Sender::new(0),
            failed: Mutex::default(),
        });
        replicas.iter().for_each(|base| picker.add(base));
        let (recording, records) = recording(queue);
        let gateway =
            Gateway::new(picker.clone(), recording.clone(), Arc::new(SystemClock), config);
        Self { base: serve(Arc::new(gateway)).await, picker, recording, records }
    }

    /// The next record.
    pub(crate) async fn record(&mut self) -> CallRecord {
        timeout(PATIENCE, self.records.recv_many(1)).await.expect("a record comes").remove(0)
    }

    /// Asserts that no call is recorded but those whose records were taken.
    pub(crate) async fn assert_nothing_else_recorded(mut self) {
        let answer =
            crate::caller::call(&self.base, "GET /endpoints/default/unknown/", "", "").await;
        assert_eq!(answer.status, 404);
        assert!(self.record().await.route.is_none());
    }
}

async fn serve(gateway: Arc<Gateway>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            let gateway = Arc::clone(&gateway);
            let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
                let gateway = Arc::clone(&gateway);
                async move {
                    let target = target(request.uri().path());
                    let call = Call { request, target, org: "default".to_owned() };
                    Ok::<_, std::convert::Infallible>(gateway.handle(call).await)
                }
            });
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service);
            tokio::spawn(async move { drop(connection.await) });
        }
    });
    base
}

fn target(path: &str) -> Target {
    let Some(rest) = path.strip_prefix("/endpoints/") else {
        return Target::Model { namespace: None };
    };
    let mut parts = rest.splitn(3, '/').map(str::to_owned);
    let mut part = || parts.next().unwrap_or_default();
    Target::Endpoint { namespace: part(), name: part(), rest_path: part() }
}
