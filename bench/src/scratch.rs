//! A folder for one run.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// A folder of this process alone; it goes when this goes.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// Makes it below `parent`, which is made where it is missing.
    pub(crate) fn below(parent: &Path) -> anyhow::Result<Self> {
        let path = parent.join(format!("run-{}", std::process::id()));
        std::fs::create_dir_all(&path)
            .with_context(|| format!("cannot make {}", path.display()))?;
        // nginx takes no relative path as what it means here.
        Ok(Self(path.canonicalize()?))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Makes a folder inside.
    pub(crate) fn folder(&self, name: &str) -> anyhow::Result<PathBuf> {
        let path = self.0.join(name);
        std::fs::create_dir(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("cannot remove {}: {error}", self.0.display());
        }
    }
}
