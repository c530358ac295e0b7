//! The rules that everybody gets, as data.

use crate::suspect::Suspect;

/// A rule's name, its pattern, and what more has to hold of a match.
pub(crate) const BUILT_IN: &[(&str, &str, Suspect)] = &[
    (
        "private-key",
        r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----(?s:.*?)(?:-----END [A-Z ]{0,30}PRIVATE KEY-----|\z)",
        Suspect::Always,
    ),
    ("jwt", r"eyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]*", Suspect::WordStart),
    (
        "authorization",
        r#"(?i-u:(?:proxy-)?authorization\\?["']?\s*[:=]\s*\\?["']?(?:basic|bearer|digest|token|apikey)?\s*[A-Za-z0-9._~+/=:-]{8,})"#,
        Suspect::WordStart,
    ),
    ("bearer", r"(?i-u:bearer\s+[A-Za-z0-9._~+/=-]{8,})", Suspect::Secret),
    ("api-key", r"sk-[A-Za-z0-9_-]{16,}", Suspect::Secret),
    (
        "api-key",
        r"(?:hf_|gsk_|r8_|gh[pousr]_|github_pat_|glpat-|AIza|xai-|pplx-|nvapi-|isk_)[A-Za-z0-9_-]{16,}",
        Suspect::Secret,
    ),
    ("api-key", r"xox[abposr]-[A-Za-z0-9-]{10,}", Suspect::Secret),
    ("aws-key", r"(?:AKIA|ASIA|AROA|AIDA)[0-9A-Z]{16}", Suspect::WordStart),
    (
        "email",
        r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,24}",
        Suspect::Always,
    ),
    ("card", r"[2-6](?:[ -]?[0-9]){12,18}", Suspect::Card),
];
