//! A client that sees every byte.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An answer, its body out of the chunked coding.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
    /// Whether the body came to its announced end.
    pub(crate) whole: bool,
}

impl Said {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    fn read(bytes: &[u8]) -> Self {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let (head, rest) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut said = Self { status, head: head.to_owned(), body: rest.to_owned(), whole: true };
        if said.header("transfer-encoding") == Some("chunked") {
            (said.body, said.whole) = unchunked(rest);
        } else if let Some(length) = said.header("content-length") {
            said.whole = length.parse::<usize>().unwrap() == said.body.len();
        }
        said
    }
}

fn unchunked(mut rest: &str) -> (String, bool) {
    let mut body = String::new();
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            return (body, true);
        }
        if after.len() < size + 2 {
            break;
        }
        body += &after[..size];
        rest = &after[size + 2..];
    }
    (body, false)
}

/// One connection of a client.
pub(crate) struct Caller {
    stream: TcpStream,
    seen: Vec<u8>,
}

impl Caller {
    pub(crate) async fn connect(base: &str) -> Self {
        let stream = TcpStream::connect(base.strip_prefix("http://").unwrap()).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, seen: Vec::new() }
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
    }

    pub(crate) async fn send_request(&mut self, line: &str, headers: &str, body: &str) {
        let length = body.len();
        self.send(&format!(
            "{line} HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
        ))
        .await;
    }

    /// Reads until what has come holds `text`.
    pub(crate) async fn read_until(&mut self, text: &str) {
        while !String::from_utf8_lossy(&self.seen).contains(text) {
            assert_ne!(
                self.stream.read_buf(&mut self.seen).await.unwrap(),
                0,
                "the answer ended before {text:?}"
            );
        }
    }

    /// Reads to the end of the connection.
    pub(crate) async fn read_all(mut self) -> Said {
        // A reset is an end like another: what matters is what came before it.
        let _reset = self.stream.read_to_end(&mut self.seen).await;
        Said::read(&self.seen)
    }
}

pub(crate) async fn call(base: &str, line: &str, headers: &str, body: &str) -> Said {
    let mut caller = Caller::connect(base).await;
    caller.send_request(line, headers, body).await;
    caller.read_all().await
}

pub(crate) async fn post(base: &str, body: &str) -> Said {
    call(base, "POST /v1/chat/completions", "content-type: application/json\r\n", body).await
}
