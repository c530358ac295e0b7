//! The peer: nginx as a proxy that writes one JSON line a call.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use rustix::process::geteuid;

use crate::child::Running;

/// How long it may take to listen.
const START: Duration = Duration::from_secs(10);

/// An nginx in front of the replica.
pub(crate) struct Nginx {
    running: Running,
    pub(crate) address: SocketAddr,
}

impl Nginx {
    /// Starts `program` in front of `upstream`, with all its files in `folder`.
    pub(crate) fn start(
        program: &Path,
        upstream: SocketAddr,
        folder: &Path,
    ) -> anyhow::Result<Self> {
        // It cannot be told to choose a port: one that is free now is free in a moment, too.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let file = folder.join("nginx.conf");
        std::fs::write(&file, configuration(folder, address, upstream))?;
        let mut command = Command::new(program);
        command.arg("-p").arg(folder).arg("-c").arg(&file).arg("-e").arg(folder.join("error.log"));
        let mut running = Running::start(&mut command, &folder.join("output.log"))?;
        let until = Instant::now() + START;
        while TcpStream::connect(address).is_err() {
            running.check()?;
            ensure!(Instant::now() < until, "nginx does not listen on {address}");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(Self { running, address })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.running.pid()
    }

    /// What `program` says of its version.
    pub(crate) fn version(program: &Path) -> anyhow::Result<String> {
        let output = Command::new(program).arg("-v").output();
        let output = output.with_context(|| format!("cannot start {}", program.display()))?;
        let said = String::from_utf8_lossy(&output.stderr);
        Ok(said.trim().trim_start_matches("nginx version: ").to_owned())
    }
}

/// As one would run it before model servers: workers by the number of cores, kept-alive connections on both sides, no
/// buffering where answers are streamed.
fn configuration(folder: &Path, address: SocketAddr, upstream: SocketAddr) -> String {
    let folder = folder.display();
    // Workers of a root process become `nobody`, who cannot write here.
    let user = if geteuid().is_root() { "user root;" } else { "" };
    format!(
        r#"daemon off;
{user}
worker_processes auto;
pid {folder}/nginx.pid;
events {{ worker_connections 1024; }}
http {{
  log_format calls escape=json '{{"time":"$time_iso8601","client":"$remote_addr","method":"$request_method",'
    '"uri":"$request_uri","status":$status,"request_bytes":$request_length,"response_bytes":$body_bytes_sent,'
    '"duration_s":$request_time,"upstream":"$upstream_addr","upstream_status":"$upstream_status",'
    '"upstream_header_s":"$upstream_header_time","upstream_s":"$upstream_response_time",'
    '"user_agent":"$http_user_agent"}}';
  access_log {folder}/access.log calls;
  tcp_nodelay on;
  keepalive_requests 1000000000;
  client_body_temp_path {folder}/client;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  upstream replica {{
    server {upstream};
    keepalive 128;
    keepalive_requests 1000000000;
  }}
  server {{
    listen {address};
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    location / {{ proxy_pass http://replica; }}
    location /streamed/ {{
      proxy_buffering off;
      proxy_pass http://replica/;
    }}
  }}
}}
"#
    )
}
