//! Measures the bare log: `floor DIR [PAYLOAD_BYTES] [WAITING] [SECONDS]` keeps WAITING appends
//! under way and prints what one line of JSON can say about it.
#![allow(clippy::print_stdout, reason = "the numbers are what this program is for")]

use std::collections::VecDeque;
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use wal::{Wal, WalConfig};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let dir = arguments.first().ok_or("usage: floor DIR [PAYLOAD_BYTES] [WAITING] [SECONDS]")?;
    let number = |index: usize, default: usize| {
        arguments.get(index).map_or(Ok(default), |argument| argument.parse())
    };
    let (payload, waiting, seconds) = (number(1, 256)?, number(2, 1024)?, number(3, 5)?);

    let (log, replay) = Wal::open(Path::new(dir), WalConfig::default())?;
    drop(replay);
    let payload = Bytes::from(vec![0x5A; payload]);
    let started = Instant::now();
    let until = started + Duration::from_secs(seconds as u64);
    let mut under_way = VecDeque::new();
    while Instant::now() < until {
        while under_way.len() < waiting {
            under_way.push_back(log.append(payload.clone()));
        }
        // Half at a time, so that the next group fills while this one is synced.
        for append in under_way.drain(..waiting.div_ceil(2)) {
            let position = append.wait()?;
            if position.0.is_multiple_of(65_536) {
                log.trim(position);
            }
        }
    }
    for append in under_way {
        append.wait()?;
    }
    let took = started.elapsed().as_secs_f64();
    let stats = log.stats();
    println!(
        "{{\"records_per_s\":{:.0},\"bytes_per_s\":{:.0},\"syncs_per_s\":{:.0},\"records_per_sync\":{:.1}}}",
        stats.records as f64 / took,
        stats.bytes as f64 / took,
        stats.groups as f64 / took,
        stats.records as f64 / stats.groups.max(1) as f64,
    );
    Ok(())
}
