//! The replica that everything stands in front of: it answers at once, always the same.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http::header::CONTENT_TYPE;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use memchr::memmem;
use tokio::net::TcpListener;

use crate::chat;

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// All that is ever answered, made once.
struct Fixed {
    answer: Bytes,
    frames: Vec<Bytes>,
    usage: Bytes,
    done: Bytes,
}

/// Starts the replica on a thread of its own, for as long as this program runs.
pub(crate) fn start() -> anyhow::Result<SocketAddr> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").context("cannot listen")?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("upstream".to_owned()).spawn(move || {
        if let Err(error) = runtime.block_on(serve(listener)) {
            eprintln!("the upstream ended: {error}");
        }
    })?;
    Ok(address)
}

async fn serve(listener: std::net::TcpListener) -> anyhow::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let fixed = Arc::new(Fixed {
        answer: chat::answer(),
        frames: (0..chat::FRAMES).map(chat::frame).collect(),
        usage: chat::usage_frame(),
        done: chat::done(),
    });
    loop {
        let (socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        let fixed = Arc::clone(&fixed);
        let service = service_fn(move |request| answer(request, Arc::clone(&fixed)));
        tokio::spawn(
            hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(socket), service),
        );
    }
}

async fn answer(request: Request<Incoming>, fixed: Arc<Fixed>) -> hyper::Result<Response<Body>> {
    let asked = request.into_body().collect().await?.to_bytes();
    let says = |words: &[u8]| memmem::find(&asked, words).is_some();
    let (kind, body) = if says(br#""stream":true"#) {
        let usage = says(br#""include_usage":true"#).then(|| fixed.usage.clone());
        ("text/event-stream", paced(fixed, usage))
    } else {
        ("application/json", Full::new(fixed.answer.clone()).boxed_unsync())
    };
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static(kind));
    Ok(response)
}

/// The first frame at once, each further one at its time, and the end with the last.
fn paced(fixed: Arc<Fixed>, usage: Option<Bytes>) -> Body {
    let end = usage.into_iter().chain([fixed.done.clone()]);
    let pace = tokio::time::interval_at(tokio::time::Instant::now() + chat::PACE, chat::PACE);
    let start = (fixed, 0, pace);
    let content = stream::unfold(start, |(fixed, index, mut pace)| async move {
        let frame = fixed.frames.get(index)?.clone();
        // A timer that is due now still fires up to 1 ms later.
        if index > 0 {
            pace.tick().await;
        }
        Some((frame, (fixed, index + 1, pace)))
    });
    let all = content.chain(stream::iter(end));
    StreamBody::new(all.map(|bytes| Ok(Frame::data(bytes)))).boxed_unsync()
}
