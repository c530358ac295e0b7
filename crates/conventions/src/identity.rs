//! Who asked, in which conversation, and where: columns that are one fact each.

use text::Text;

use crate::cells::Cells;
use crate::column::column;
use crate::facts::Fact;
use crate::view::View;

pub(crate) fn fill(cells: &mut Cells, view: &View<'_>) {
    let session = view.shared(Fact::Session);
    cells.set_some(column!("session_id"), session.clone());
    cells.set_some(column!("gen_ai_conversation_id"), session);
    cells.set_some(column!("user_id"), view.shared(Fact::User));
    cells.set_some(column!("gen_ai_agent_name"), view.shared(Fact::Agent));
    cells.set_some(column!("gen_ai_tool_name"), view.shared(Fact::Tool));
    let (host, port) = view.text(Fact::BaseUrl).map_or((None, None), |url| {
        let (host, port) = authority(&url);
        (host.map(Text::from), port)
    });
    cells.set_some(column!("server_address"), view.shared(Fact::ServerAddress).or(host));
    cells.set_some(column!("server_port"), view.count(Fact::ServerPort).or(port));
}

/// Host and port of a URL; the port only if the URL names it.
fn authority(url: &str) -> (Option<&str>, Option<i64>) {
    let Some((_, rest)) = url.split_once("://") else { return (None, None) };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host_port = authority.rsplit('@').next().unwrap_or_default();
    let (host, port) = match host_port.rsplit_once(':') {
        Some((host, port))
            if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            (host, port.parse().ok())
        }
        Some(_) | None => (host_port, None),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    ((!host.is_empty()).then_some(host), port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_and_port_of_a_url() {
        assert_eq!(authority("http://127.0.0.1:18080/v1/"), (Some("127.0.0.1"), Some(18080)));
        assert_eq!(
            authority("https://user:pass@router.huggingface.co/v1"),
            (Some("router.huggingface.co"), None)
        );
        assert_eq!(authority("http://[::1]:80/"), (Some("::1"), Some(80)));
        assert_eq!(authority("no url"), (None, None));
        assert_eq!(authority("http:///v1"), (None, None));
    }
}
