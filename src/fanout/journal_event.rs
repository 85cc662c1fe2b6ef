/// What a manager writes about a unit, by the message id that it has in every release (systemd,
/// src/systemd/sd-messages.h; measured on 247 to 262).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JournalEvent {
    /// Its start phase began: oneshot, exec, notify, forking.
    Starting,
    /// Its start job ended: it runs, or a oneshot has finished, or it was skipped.
    Started,
    /// Its start job failed.
    StartFailed,
    /// A process of it has ended with another status than 0.
    ProcessExit,
    /// It has failed.
    Failed,
    /// It has ended, and its result is success: in user managers only until 248.3.
    Succeeded,
    /// An `ExecCondition=` skipped it.
    Skipped,
    /// It is being stopped.
    Stopping,
    /// It was stopped.
    Stopped,
    /// It will be started again (`Restart=`).
    RestartScheduled,
    /// A program of it could not be executed.
    SpawnFailed,
    /// The kernel's out-of-memory killer ended a process of it.
    OomKill,
    /// systemd-oomd ended it.
    OomdKill,
    /// journald dropped lines.
    Dropped,
}

impl JournalEvent {
    /// Every event with its message id.
    pub const ALL: [(Self, &'static str); 14] = [
        (Self::Starting, "7d4958e842da4a758f6c1cdc7b36dcc5"),
        (Self::Started, "39f53479d3a045ac8e11786248231fbf"),
        (Self::StartFailed, "be02cf6855d2428ba40df7e9d022f03d"),
        (Self::ProcessExit, "98e322203f7a4ed290d09fe03c09fe15"),
        (Self::Failed, "d9b373ed55a64feb8242e02dbe79a49c"),
        (Self::Succeeded, "7ad2d189f7e94e70a38c781354912448"),
        (Self::Skipped, "0e4284a0caca4bfc81c0bb6786972673"),
        (Self::Stopping, "de5b426a63be47a7b6ac3eaac82e2f6f"),
        (Self::Stopped, "9d1aaa27d60140bd96365438aad20286"),
        (Self::RestartScheduled, "5eb03494b6584870a536b337290809b3"),
        (Self::SpawnFailed, "641257651c1b4ec9a8624d7a40a9e1e7"),
        (Self::OomKill, "fe6faa94e7774663a0da52717891d8ef"),
        (Self::OomdKill, "d989611b15e44c9dbf31e3c81256e4ed"),
        (Self::Dropped, "a596d6fe7bfa4994828e72309e95d61e"),
    ];

    /// Returns the event with this message id.
    pub fn from_message_id(id: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == id).map(|(event, _)| *event)
    }
}
