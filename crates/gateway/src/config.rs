use std::time::Duration;

/// The limits of the gateway; [`GatewayConfig::default`] is what runs when nobody says otherwise.
#[derive(Clone, Debug)]
pub struct GatewayConfig {
    /// Largest request body in bytes; a larger one is answered 413.
    pub max_request_bytes: usize,
    /// Bytes kept for the record of each of request and response; the rest passes unseen, but for its end.
    pub capture_bytes: usize,
    /// Replicas tried for one call, the first one included.
    pub max_attempts: u32,
    /// Time to open a connection to a replica, TLS included.
    pub connect_timeout: Duration,
    /// Time from sending a request to its response head.
    pub head_timeout: Duration,
    /// Longest wait for a replica that a caller can ask for by `X-Scale-Up-Timeout`.
    pub max_hold: Duration,
    /// How long an idle connection to a replica is kept. Below 5 s, after which uvicorn (vLLM, SGLang)
    /// closes its end: a request sent in that moment would be lost and sent again.
    pub idle_connection: Duration,
}

impl Default for GatewayConfig {
    fn default() -> Self {
        Self {
            max_request_bytes: 32 << 20,
            capture_bytes: 1 << 20,
            max_attempts: 3,
            connect_timeout: Duration::from_secs(2),
            head_timeout: Duration::from_secs(600),
            max_hold: Duration::from_secs(3600),
            idle_connection: Duration::from_secs(4),
        }
    }
}
