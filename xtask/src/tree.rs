//! The repository as the checks see it: crates, Rust files, and all other text.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};
use serde::Deserialize;

use crate::problem::Problem;
use crate::source::Source;

/// Why a crate depends on another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Normal,
    /// Tests, examples and benches only.
    Dev,
    Build,
}

/// An arrow to another crate of this repository, or out of it.
#[derive(Clone, Debug)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) kind: Kind,
}

/// A member of the workspace.
#[derive(Clone, Debug)]
pub(crate) struct Crate {
    pub(crate) name: String,
    /// From the repository's root.
    pub(crate) manifest: String,
    pub(crate) dependencies: Vec<Dependency>,
}

/// A text file.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// Everything that is checked.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(crate) crates: Vec<Crate>,
    pub(crate) sources: Vec<Source>,
    /// All text files, Rust and manifests included.
    pub(crate) documents: Vec<Document>,
    /// Rust files that do not parse.
    pub(crate) unreadable: Vec<Problem>,
}

/// Endings of files that people write.
const WRITTEN: &[&str] = &[
    "css", "html", "js", "md", "mjs", "py", "rs", "sh", "sql", "toml", "ts", "tsx", "yaml", "yml",
];
/// Folders of what machines make.
const MADE: &[&str] =
    &["__pycache__", "demo-data", "dist", "node_modules", "target", "test-results", "venv"];
/// Hidden folders that people write in; all others are left out.
const HIDDEN_BUT_WRITTEN: &[&str] = &[".cargo", ".ci", ".github"];

impl Tree {
    /// Reads the repository at `root`.
    pub(crate) fn read(root: &Path) -> anyhow::Result<Self> {
        let mut tree = Self { crates: crates(root)?, ..Self::default() };
        let mut paths = Vec::new();
        walk(root, "", &mut paths)?;
        paths.sort();
        for path in paths {
            let text = std::fs::read_to_string(root.join(&path))
                .with_context(|| format!("cannot read {path}"))?;
            tree.add(&path, text);
        }
        Ok(tree)
    }

    /// Takes a file in, parsed when it is Rust.
    pub(crate) fn add(&mut self, path: &str, text: String) {
        if Path::new(path).extension().is_some_and(|ending| ending == "rs") {
            match Source::parse(path, &text) {
                Ok(source) => self.sources.push(source),
                Err(problem) => self.unreadable.push(problem),
            }
        }
        self.documents.push(Document { path: path.to_owned(), text });
    }

    pub(crate) fn document(&self, path: &str) -> Option<&Document> {
        self.documents.iter().find(|document| document.path == path)
    }

    /// A problem wherever one of `patterns` stands outside tests in the sources that `covered`
    /// picks.
    pub(crate) fn forbid(
        &self,
        patterns: &[&str],
        text: &str,
        covered: impl Fn(&Source) -> bool,
    ) -> Vec<Problem> {
        let sources = self.sources.iter().filter(|source| covered(source));
        let mut problems: Vec<Problem> = sources
            .flat_map(|source| {
                let lines = patterns.iter().flat_map(|pattern| source.find(pattern));
                lines.map(|line| Problem::new(&source.path, line, text))
            })
            .collect();
        problems.sort();
        problems.dedup();
        problems
    }
}

fn walk(root: &Path, folder: &str, paths: &mut Vec<String>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(root.join(folder)).context("cannot list the repository")? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
        let kind = entry.file_type()?;
        let hidden = name.starts_with('.') && !HIDDEN_BUT_WRITTEN.contains(&name.as_str());
        if kind.is_dir() && !hidden && !MADE.contains(&name.as_str()) {
            walk(root, &path, paths)?;
        }
        let ending = Path::new(&name).extension().and_then(|ending| ending.to_str());
        let written = ending.is_some_and(|ending| WRITTEN.contains(&ending)) || name == "Makefile";
        if kind.is_file() && written {
            paths.push(path);
        }
    }
    Ok(())
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: String,
    dependencies: Vec<PackageDependency>,
}

#[derive(Deserialize)]
struct PackageDependency {
    name: String,
    kind: Option<String>,
}

fn crates(root: &Path) -> anyhow::Result<Vec<Crate>> {
    let arguments = ["metadata", "--no-deps", "--offline", "--format-version", "1"];
    let output = Command::new("cargo")
        .args(arguments)
        .current_dir(root)
        .output()
        .context("cannot run cargo metadata")?;
    ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Metadata =
        serde_json::from_slice(&output.stdout).context("cannot read cargo metadata")?;
    Ok(metadata.packages.into_iter().map(|package| package.into_crate(root)).collect())
}

impl Package {
    fn into_crate(self, root: &Path) -> Crate {
        let manifest = Path::new(&self.manifest_path);
        let manifest = manifest.strip_prefix(root).unwrap_or(manifest);
        let dependencies = self.dependencies.into_iter().map(|dependency| Dependency {
            name: dependency.name,
            kind: match dependency.kind.as_deref() {
                Some("dev") => Kind::Dev,
                Some("build") => Kind::Build,
                Some(_) | None => Kind::Normal,
            },
        });
        Crate {
            name: self.name,
            manifest: manifest.display().to_string(),
            dependencies: dependencies.collect(),
        }
    }
}

#[cfg(test)]
pub(crate) mod fixtures {
    use super::*;

    /// A tree of these files.
    pub(crate) fn files(files: &[(&str, &str)]) -> Tree {
        let mut tree = Tree::default();
        for (path, text) in files {
            tree.add(path, (*text).to_owned());
        }
        tree
    }

    /// A crate with these arrows.
    pub(crate) fn member(name: &str, dependencies: &[(&str, Kind)]) -> Crate {
        let dependencies = dependencies
            .iter()
            .map(|(name, kind)| Dependency { name: (*name).to_owned(), kind: *kind })
            .collect();
        Crate { name: name.to_owned(), manifest: format!("crates/{name}/Cargo.toml"), dependencies }
    }

    /// Where the problems are.
    pub(crate) fn places(problems: &[Problem]) -> Vec<(&str, usize)> {
        problems.iter().map(|problem| (problem.path.as_str(), problem.line)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_leaves_out_what_machines_make() {
        let dir = tempfile::tempdir().unwrap();
        let files = [
            "a.md",
            ".ci/run.sh",
            ".git/b.md",
            "target/c.rs",
            "web/node_modules/d.ts",
            "web/e.ts",
            "f.bin",
        ];
        for path in files {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let mut paths = Vec::new();
        walk(dir.path(), "", &mut paths).unwrap();
        paths.sort();
        assert_eq!(paths, [".ci/run.sh", "a.md", "web/e.ts"]);
    }
}
