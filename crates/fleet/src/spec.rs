//! What someone asked for: endpoints, and where their replicas come from.

use std::collections::HashSet;
use std::fmt;

use url::Url;

use crate::{Engine, Error};

/// The largest accepted `max_replicas`: a number above it is taken for a slip.
const MOST_REPLICAS: u32 = 1_024;
/// The longest accepted name, in bytes.
const LONGEST_NAME: usize = 64;

/// One endpoint as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointSpec {
    /// The organization that owns it.
    pub namespace: String,
    /// Its name, unique in the namespace.
    pub name: String,
    /// The Hub id of the model that it serves.
    pub model: String,
    /// How many process replicas are kept up. Urls are all used, whatever this says.
    pub min_replicas: u32,
    /// The most replicas that it may ever have.
    pub max_replicas: u32,
    /// Where its replicas come from.
    pub source: Source,
}

/// Where replicas come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Servers that someone else runs. Each url is the server's root: `/v1/…` and `/health` are below it.
    Urls(Vec<Url>),
    /// Processes on this machine that we start and stop.
    Process(ProcessSpec),
}

/// How to start one replica as a process.
#[derive(Clone, PartialEq, Eq)]
pub struct ProcessSpec {
    /// The software that the command starts.
    pub engine: Engine,
    /// Program and arguments; `{port}` and `{model}` are filled in. No shell is involved.
    pub command: Vec<String>,
    /// Environment variables to add; `{port}` and `{model}` are filled in.
    pub env: Vec<(String, String)>,
}

impl fmt::Debug for ProcessSpec {
    /// Shows the names of the environment variables only: values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.env.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("ProcessSpec")
            .field("engine", &self.engine)
            .field("command", &self.command)
            .field("env", &names)
            .finish()
    }
}

impl EndpointSpec {
    /// Every problem of this endpoint taken alone; empty when it can be served.
    #[must_use]
    pub fn problems(&self) -> Vec<Error> {
        let mut found = Vec::new();
        for name in [&self.namespace, &self.name] {
            if !is_name(name) {
                found.push(Error::BadName { name: name.clone() });
            }
        }
        if self.model.trim().is_empty() {
            found.push(Error::NoModel { endpoint: self.name.clone() });
        }
        let (min, max) = (self.min_replicas, self.max_replicas);
        if min > max || max == 0 || max > MOST_REPLICAS {
            found.push(Error::BadRange {
                endpoint: self.name.clone(),
                min,
                max,
                most: MOST_REPLICAS,
            });
        }
        match &self.source {
            Source::Urls(urls) => self.url_problems(urls, &mut found),
            Source::Process(process) => self.process_problems(process, &mut found),
        }
        found
    }

    fn url_problems(&self, urls: &[Url], found: &mut Vec<Error>) {
        let endpoint = || self.name.clone();
        if urls.is_empty() {
            found.push(Error::NoReplicas { endpoint: endpoint() });
        }
        let mut seen = HashSet::new();
        for url in urls {
            if let Some(problem) = url_problem(url) {
                found.push(Error::BadUrl { endpoint: endpoint(), url: shown(url), problem });
            }
            if !seen.insert(url.as_str().trim_end_matches('/')) {
                found.push(Error::SameUrlTwice { endpoint: endpoint(), url: shown(url) });
            }
        }
    }

    fn process_problems(&self, process: &ProcessSpec, found: &mut Vec<Error>) {
        if process.command.first().is_none_or(String::is_empty) {
            found.push(Error::NoCommand { endpoint: self.name.clone() });
            return;
        }
        let values = process.env.iter().map(|(_, value)| value);
        if !process.command.iter().chain(values).any(|word| word.contains("{port}")) {
            found.push(Error::NoPort { endpoint: self.name.clone() });
        }
    }
}

/// Names stand in paths, file names and metric labels as they are.
fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !name.is_empty()
        && name.len() <= LONGEST_NAME
        && name.chars().all(plain)
        && !name.starts_with('.')
}

fn url_problem(url: &Url) -> Option<&'static str> {
    if !matches!(url.scheme(), "http" | "https") {
        Some("it must begin with http:// or https://")
    } else if url.host_str().is_none() {
        Some("it names no host")
    } else if !url.username().is_empty() || url.password().is_some() {
        Some("it must not hold a user name or password")
    } else if url.query().is_some() || url.fragment().is_some() {
        Some("it must not hold a query or fragment")
    } else if url.path().trim_end_matches('/').ends_with("/v1") {
        Some("leave out the /v1 at its end")
    } else if url.as_str().parse::<http::Uri>().is_err() {
        Some("no HTTP client can call it")
    } else {
        None
    }
}

/// The url as a person may see it: without a password.
fn shown(url: &Url) -> String {
    let mut url = url.clone();
    // Both fail only for urls that cannot hold credentials.
    let _ = url.set_password(None);
    let _ = url.set_username("");
    url.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(source: Source) -> EndpointSpec {
        EndpointSpec {
            namespace: "default".into(),
            name: "llama".into(),
            model: "meta-llama/Llama-3.1-8B-Instruct".into(),
            min_replicas: 1,
            max_replicas: 2,
            source,
        }
    }

    fn urls(urls: &[&str]) -> EndpointSpec {
        spec(Source::Urls(urls.iter().map(|url| url.parse().unwrap()).collect()))
    }

    fn process(command: &[&str], env: &[(&str, &str)]) -> EndpointSpec {
        let command = command.iter().map(ToString::to_string).collect();
        let env = env.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        spec(Source::Process(ProcessSpec { engine: Engine::Custom, command, env }))
    }

    #[test]
    fn a_plain_endpoint_has_no_problems() {
        assert_eq!(urls(&["http://127.0.0.1:1", "https://h/base"]).problems(), []);
        assert_eq!(process(&["serve", "--port", "{port}"], &[]).problems(), []);
        assert_eq!(process(&["serve"], &[("PORT", "{port}")]).problems(), []);
    }

    #[test]
    fn all_problems_are_told_at_once() {
        let mut bad = urls(&["ftp://h", "http://h/v1", "http://h/v1/", "http://u:secret@h"]);
        (bad.name, bad.model, bad.min_replicas) = ("a/b".into(), " ".into(), 3);
        let problems = bad.problems();
        let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(problems.len(), 8, "{said:?}");
        assert!(!said.concat().contains("secret"), "{said:?}");
    }

    #[test]
    fn a_command_that_is_not_told_its_port_is_refused() {
        assert!(matches!(process(&["serve"], &[]).problems()[..], [Error::NoPort { .. }]));
        assert!(matches!(process(&[], &[]).problems()[..], [Error::NoCommand { .. }]));
    }

    #[test]
    fn debug_output_hides_the_values_of_variables() {
        let shown = format!("{:?}", process(&["x", "{port}"], &[("HF_TOKEN", "hf_secret")]));
        assert!(shown.contains("HF_TOKEN") && !shown.contains("hf_secret"), "{shown}");
    }
}
