use std::time::Duration;

use http::HeaderMap;
use tokio::time::{Instant, sleep, timeout_at};

use crate::headers::SCALE_UP_TIMEOUT;
use crate::picker::{Lease, NoReplica, Picker, Purpose, Route};

/// After a wake-up that led to no replica, this long passes before the next look.
const RECHECK: Duration = Duration::from_millis(50);

/// How long the caller is willing to wait for a replica; none when it does not say.
pub(crate) fn asked_for(headers: &HeaderMap, most: Duration) -> Option<Duration> {
    let seconds = headers.get(SCALE_UP_TIMEOUT)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(most))
}

/// Picks a call's first replica, waiting for one where the caller asked to be held.
pub(crate) async fn first_replica(
    picker: &dyn Picker,
    route: &Route,
    purpose: Purpose,
    hold: Option<Duration>,
) -> Result<Lease, NoReplica> {
    match (picker.pick(route, &[], purpose), hold, purpose) {
        (Err(none), Some(hold), Purpose::Call) => {
            wait(picker, route, Instant::now() + hold, none).await
        }
        (picked, _, Purpose::Call | Purpose::Health) => picked,
    }
}

async fn wait(
    picker: &dyn Picker,
    route: &Route,
    deadline: Instant,
    first: NoReplica,
) -> Result<Lease, NoReplica> {
    let mut none = first;
    while timeout_at(deadline, picker.available(route)).await.is_ok() {
        match picker.pick(route, &[], Purpose::Call) {
            Ok(lease) => return Ok(lease),
            Err(still_none) => none = still_none,
        }
        if timeout_at(deadline, sleep(RECHECK)).await.is_err() {
            break;
        }
    }
    Err(none)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_to_wait_is_whole_seconds_within_the_limit() {
        let asked = |text: &'static str| {
            let headers = HeaderMap::from_iter([(SCALE_UP_TIMEOUT, text.parse().unwrap())]);
            asked_for(&headers, Duration::from_secs(60))
        };
        assert_eq!(asked("5"), Some(Duration::from_secs(5)));
        assert_eq!(asked("600"), Some(Duration::from_secs(60)));
        assert_eq!(
            [asked("soon"), asked("-1"), asked_for(&HeaderMap::new(), Duration::MAX)],
            [None; 3]
        );
    }
}
