//! The ways to the same replica.

use std::net::SocketAddr;

use crate::caller::{Caller, Target};
use crate::chat::{self, Delivery};
use crate::nginx::Nginx;
use crate::server::Server;

/// A value for each way.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ways<T> {
    pub(crate) direct: T,
    pub(crate) nginx: T,
    pub(crate) inferscope: T,
}

impl<T> Ways<T> {
    /// All three, beginning with another one each round, so that none always follows the same.
    pub(crate) fn in_turn(&mut self, round: usize) -> [&mut T; 3] {
        let mut all = [&mut self.direct, &mut self.nginx, &mut self.inferscope];
        all.rotate_left(round % 3);
        all
    }
}

/// What is called, and by which ways.
pub(crate) struct Scene {
    pub(crate) upstream: SocketAddr,
    pub(crate) nginx: Nginx,
    pub(crate) server: Server,
}

impl Scene {
    /// `count` connections by each way.
    pub(crate) async fn connect(
        &self,
        delivery: Delivery,
        count: usize,
    ) -> anyhow::Result<Ways<Vec<Caller>>> {
        const PATH: &str = "/v1/chat/completions";
        let target = |address, path| Target {
            address,
            path,
            content_type: "application/json",
            authorization: self.server.authorization.clone(),
        };
        let through_nginx = match delivery {
            Delivery::Whole => PATH,
            Delivery::Streamed => "/streamed/v1/chat/completions",
        };
        let connect = |address, path| {
            let target = target(address, path);
            async move { Caller::connect_all(&target, count).await }
        };
        Ok(Ways {
            direct: connect(self.upstream, PATH).await?,
            nginx: connect(self.nginx.address, through_nginx).await?,
            inferscope: connect(self.server.address, PATH).await?,
        })
    }

    /// `count` connections by each way that have made `calls` calls between them.
    pub(crate) async fn connect_warm(
        &self,
        count: usize,
        calls: usize,
    ) -> anyhow::Result<Ways<Vec<Caller>>> {
        let mut ways = self.connect(Delivery::Whole, count).await?;
        for callers in ways.in_turn(0) {
            for caller in callers.iter_mut() {
                for _ in 0..calls / count {
                    caller.call(chat::request(Delivery::Whole)).await?;
                }
            }
        }
        Ok(ways)
    }
}
