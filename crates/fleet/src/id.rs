//! Replica ids: eight characters for the deployment, a dash, five for the replica.
//!
//! The deployment's part comes from what is deployed (endpoint, model, engine, command), so it stays
//! over restarts and changes with it; bounds and the list of urls do not change it. The replica's part
//! comes from the url, or is random for a process.

use sha2::{Digest, Sha256};
use url::Url;

use crate::{EndpointSpec, Source};

const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
const DEPLOYMENT: u32 = 8;
const REPLICA: u32 = 5;

/// The deployment's part for what `spec` deploys.
pub(crate) fn deployment(spec: &EndpointSpec) -> String {
    let mut parts = vec![spec.namespace.as_str(), &spec.name, &spec.model];
    match &spec.source {
        Source::Urls(_) => parts.push("urls"),
        Source::Process(process) => {
            parts.push(process.engine.as_str());
            parts.extend(process.command.iter().map(String::as_str));
            parts.extend(process.env.iter().flat_map(|(name, value)| [name.as_str(), value]));
        }
    }
    spell(digest(&parts), DEPLOYMENT)
}

/// The ids of `urls`, in their order: stable for each url, different within the list.
pub(crate) fn of_urls(deployment: &str, urls: &[Url]) -> Vec<String> {
    let mut ids: Vec<String> = Vec::with_capacity(urls.len());
    for url in urls {
        let root = url.as_str().trim_end_matches('/');
        let id = (0u32..)
            .map(|salt| spell(digest(&[root, &salt.to_string()]), REPLICA))
            .map(|part| format!("{deployment}-{part}"))
            .find(|id| !ids.contains(id))
            .expect("36^5 parts are more than any list of urls holds");
        ids.push(id);
    }
    ids
}

/// A new id for a process.
pub(crate) fn random(deployment: &str) -> String {
    format!("{deployment}-{}", spell(rand::random(), REPLICA))
}

/// The first bytes of the hash of `parts`; where one part ends and the next begins counts.
fn digest(parts: &[&str]) -> u64 {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let mut first = [0; 8];
    first.copy_from_slice(&hash.finalize()[..8]);
    u64::from_be_bytes(first)
}

fn spell(number: u64, length: u32) -> String {
    let base = ALPHABET.len() as u64;
    (0..length).map(|place| ALPHABET[(number / base.pow(place) % base) as usize] as char).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Engine, ProcessSpec};

    fn spec(command: &[&str]) -> EndpointSpec {
        let command = command.iter().map(ToString::to_string).collect();
        let process = ProcessSpec { engine: Engine::Custom, command, env: Vec::new() };
        EndpointSpec {
            namespace: "default".into(),
            name: "llama".into(),
            model: "m".into(),
            min_replicas: 1,
            max_replicas: 1,
            source: Source::Process(process),
        }
    }

    fn is_id(id: &str) -> bool {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let shape = id.split_once('-').map(|(a, b)| (a.len(), b.len()));
        shape == Some((8, 5)) && id.chars().filter(|c| *c != '-').all(plain)
    }

    #[test]
    fn a_deployment_keeps_its_name_until_what_it_runs_changes() {
        let before = deployment(&spec(&["serve", "{port}"]));
        let mut scaled = spec(&["serve", "{port}"]);
        scaled.max_replicas = 4;
        assert_eq!(deployment(&scaled), before);
        assert_ne!(deployment(&spec(&["serve", "{port}", "-v"])), before);
        assert_ne!(deployment(&spec(&["serve{port}"])), deployment(&spec(&["serve", "{port}"])));
    }

    #[test]
    fn urls_keep_their_ids_whatever_stands_beside_them() {
        let url = |port: u16| Url::parse(&format!("http://127.0.0.1:{port}/")).unwrap();
        let both = of_urls("abcd1234", &[url(1), url(2)]);
        assert_eq!(of_urls("abcd1234", &[url(2)]), [both[1].clone()]);
        assert!(both.iter().all(|id| is_id(id)), "{both:?}");
        assert_eq!(both, ["abcd1234-r2mer", "abcd1234-oofiu"]);
    }

    #[test]
    fn two_urls_never_share_an_id() {
        let url = Url::parse("http://h").unwrap();
        let ids = of_urls("abcd1234", &[url.clone(), url]);
        assert_ne!(ids[0], ids[1]);
    }

    #[test]
    fn processes_get_well_formed_ids() {
        assert!((0..1_000).all(|_| is_id(&random(&deployment(&spec(&["x"]))))));
    }
}
