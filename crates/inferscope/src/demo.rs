//! `inferscope demo`: a server, simulated replicas as processes, and live traffic, to look around.

mod traffic;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use tasks::{Stage, Tasks};

use crate::config::{self, Flags};
use crate::{environment, serve};

/// The demo's endpoints: two steady replicas, and one that is slow at times and refuses some calls.
const CONFIG: &str = r#"
[[endpoint]]
name = "llama"
model = "meta-llama/Llama-3.1-8B-Instruct"
min_replicas = 2
max_replicas = 4
process = { engine = "simulator", command = ["--start-up", "3", "--max-concurrency", "4", "--error-rate", "0.01", "--cut-rate", "0.005"] }

[[endpoint]]
name = "mistral"
model = "mistralai/Mistral-7B-Instruct-v0.3"
min_replicas = 1
max_replicas = 3
process = { engine = "simulator", command = ["--start-up", "5", "--max-concurrency", "4", "--rate-limit-rate", "0.05", "--slow-spells", "120", "30", "6"] }
"#;

#[derive(Debug, Args)]
pub(crate) struct DemoArguments {
    /// Where the demo keeps its data; what is there from an earlier demo is shown too.
    #[arg(long, value_name = "DIR", default_value = "demo-data")]
    data_dir: PathBuf,
    /// Address to listen on.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:5080")]
    listen: String,
    /// Calls a second, on average.
    #[arg(long, value_name = "N", default_value_t = 4.0)]
    rate: f64,
}

/// Runs the demo until it is told to stop.
pub(crate) async fn run(arguments: DemoArguments) -> anyhow::Result<()> {
    let flags = Flags { data_dir: Some(arguments.data_dir), listen: vec![arguments.listen] };
    let program = environment::this_program()?;
    let config =
        config::load(Some((Path::new("demo"), CONFIG)), &BTreeMap::new(), &flags, &program)
            .map_err(|problems| anyhow::anyhow!(problems.join("; ")))?;
    let running = serve::start(config).await?;
    let token = running.token("demo").await?;
    print_welcome(serve::reachable(running.addresses[0]), token.expose());

    let callers = Tasks::new();
    let traffic = traffic::Traffic::new(running.addresses[0], token, arguments.rate);
    callers.spawn(Stage::Accept, "traffic", traffic.run(callers.token(Stage::Accept)));
    serve::stop_signal().await;
    callers.stop(tasks::Grace::each(std::time::Duration::from_secs(1))).await;
    running.stop().await
}

#[expect(
    clippy::print_stdout,
    reason = "this is what the demo's user came for; a token must not end up in a log"
)]
fn print_welcome(address: SocketAddr, token: &str) {
    let basic = STANDARD.encode(format!("demo:{token}"));
    println!();
    println!("  Inferscope runs, with two models on three simulated replicas and live traffic.");
    println!();
    println!("  Web pages, with the login in the address:");
    println!("    http://{address}/login#token={token}");
    println!();
    println!("  A Python program's .env:");
    println!("    OPENOBSERVE_URL=http://{address}/");
    println!("    OPENOBSERVE_ORG=default");
    println!("    OPENOBSERVE_AUTH_TOKEN=\"Basic {basic}\"");
    println!("    HF_TOKEN={token}");
    println!("    and base_url=\"http://{address}/v1\" for its OpenAI client");
    println!();
    println!("  SQL:");
    println!(
        "    curl -u demo:{token} -X POST 'http://{address}/api/default/_search?type=traces' -d \\"
    );
    println!(
        "      '{{\"query\": {{\"sql\": \"select * from default limit 1\", \"start_time\": 0, \"end_time\": 4000000000000000}}}}'"
    );
    println!();
    println!("  Metrics:");
    println!(
        "    curl -H \"Authorization: Bearer {token}\" http://{address}/v2/endpoint/default/llama/open-metrics"
    );
    println!();
    println!("  Ctrl-C ends everything.");
    println!();
}
