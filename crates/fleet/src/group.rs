//! A process group that we started: signals to all of it, and whether any of it is left.

use procfs::process::{Process, all_processes};
use rustix::process::{Pid, Signal, kill_process_group};

/// A process group. Its id is the pid of the process that leads it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Group(Pid);

impl Group {
    /// The group led by `pid`; `None` when no process can have that pid, or it is that of init.
    pub(crate) fn led_by(pid: u32) -> Option<Self> {
        i32::try_from(pid).ok().filter(|pid| *pid > 1).and_then(Pid::from_raw).map(Self)
    }

    /// Asks every member to end.
    pub(crate) fn terminate(self) {
        self.signal(Signal::TERM);
    }

    /// Ends every member.
    pub(crate) fn kill(self) {
        self.signal(Signal::KILL);
    }

    fn signal(self, signal: Signal) {
        // An error says that no member is left, which is what was wanted.
        let _ = kill_process_group(self.0, signal);
    }

    /// Whether a living member is left. The dead whom nobody has waited for do not count.
    pub(crate) fn is_alive(self) -> bool {
        self.members().next().is_some()
    }

    /// The living members.
    pub(crate) fn members(self) -> impl Iterator<Item = Process> {
        let group = self.0.as_raw_nonzero().get();
        let lives = move |process: &Process| {
            process.stat().is_ok_and(|stat| stat.pgrp == group && !matches!(stat.state, 'Z' | 'X'))
        };
        all_processes().into_iter().flatten().filter_map(Result::ok).filter(lives)
    }
}
