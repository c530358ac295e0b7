//! A replica whose every byte a test decides.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Heard {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

/// One connection to the replica.
pub(crate) struct Talk {
    pub(crate) stream: TcpStream,
    closing: bool,
    heard: Arc<Mutex<Vec<Heard>>>,
}

impl Talk {
    /// Reads one request; none when the other side closed the connection, or asked for that last time.
    pub(crate) async fn hear(&mut self) -> Option<Heard> {
        if self.closing {
            return None;
        }
        let mut bytes = Vec::new();
        let head_end = loop {
            if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            self.more(&mut bytes).await?;
        };
        let head = String::from_utf8(bytes[..head_end].to_vec()).unwrap();
        let mut heard = Heard { head, body: String::new() };
        let length: usize =
            heard.header("content-length").map_or(0, |length| length.parse().unwrap());
        while bytes.len() < head_end + length {
            self.more(&mut bytes).await?;
        }
        heard.body = String::from_utf8(bytes[head_end..].to_vec()).unwrap();
        self.closing = heard.header("connection") == Some("close");
        self.heard.lock().unwrap().push(heard.clone());
        Some(heard)
    }

    async fn more(&mut self, bytes: &mut Vec<u8>) -> Option<()> {
        match self.stream.read_buf(bytes).await {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(()),
        }
    }

    pub(crate) async fn say(&mut self, text: &str) {
        // A gateway that has gone away is seen by what it recorded.
        let _gone = self.stream.write_all(text.as_bytes()).await;
    }

    /// A chunk of a body in chunked coding.
    pub(crate) async fn say_chunk(&mut self, text: &str) {
        self.say(&format!("{:x}\r\n{text}\r\n", text.len())).await;
    }

    pub(crate) async fn begin_stream(&mut self) {
        self.say("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n").await;
    }

    /// Waits until the other side closes the connection.
    pub(crate) async fn until_closed(mut self) {
        let mut bytes = Vec::new();
        while self.more(&mut bytes).await.is_some() {}
    }
}

/// A listening replica.
#[derive(Clone)]
pub(crate) struct FakeReplica {
    pub(crate) base: String,
    heard: Arc<Mutex<Vec<Heard>>>,
}

impl FakeReplica {
    /// Serves every connection with `act`, given its number from 0.
    pub(crate) async fn start<F, Fut>(act: F) -> Self
    where
        F: Fn(Talk, usize) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let heard = Arc::new(Mutex::new(Vec::new()));
        let of_talks = Arc::clone(&heard);
        tokio::spawn(async move {
            for number in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                tokio::spawn(act(
                    Talk { stream, closing: false, heard: Arc::clone(&of_talks) },
                    number,
                ));
            }
        });
        Self { base, heard }
    }

    /// Gives the same answer to every request.
    pub(crate) async fn answering(answer: impl Into<String>) -> Self {
        let answer = answer.into();
        Self::start(move |mut talk, _| {
            let answer = answer.clone();
            async move {
                while talk.hear().await.is_some() {
                    talk.say(&answer).await;
                }
            }
        })
        .await
    }

    /// Hears each request and closes the connection without an answer.
    pub(crate) async fn silent() -> Self {
        Self::start(|mut talk, _| async move {
            talk.hear().await;
        })
        .await
    }

    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }
}

/// An address where nobody listens.
pub(crate) async fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// A response with a body of known length.
pub(crate) fn response(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len())
}

pub(crate) fn json(body: &str) -> String {
    response("200 OK", "content-type: application/json\r\n", body)
}

/// A whole event stream in chunked coding, one chunk for each of `frames`.
pub(crate) fn stream(frames: &[&str]) -> String {
    let mut text =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
            .to_owned();
    for frame in frames {
        text += &format!("{:x}\r\n{frame}\r\n", frame.len());
    }
    text + "0\r\n\r\n"
}
