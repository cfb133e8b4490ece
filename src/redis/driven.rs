//! The script as a test drives it: with a clock of the test's own.

use super::limits::Limits;
use super::plan::Plan;
use super::questions::Permits;
use super::reply::Reply;
use super::script::Act;
use super::server::RedisServer;
use super::store::Store;
use crate::name::Name;

/// A time like today's in microseconds, and a whole number of windows of each length used here.
pub(super) const BASE: u64 = 1_764_000_000_000_000;

pub(super) struct Driven {
    pub(super) connection: redis::Connection,
    pub(super) plan: Plan,
    pub(super) key: u128,
    /// What is changed in the text, to see whether anybody notices.
    pub(super) mutation: Option<(&'static str, &'static str)>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Take(u32),
    Peek(u32),
    Charge(u32),
    /// So many, taken so long ago.
    Give(u32, u64),
    Reset,
}

impl Driven {
    pub(super) fn new(server: &RedisServer, limits: Limits) -> Self {
        let client = redis::Client::open(server.url()).unwrap();
        let connection = client.get_connection().unwrap();
        let plan = Plan::new(Name::new("twin"), &Store::new("twin", client), limits);
        Self { connection, plan, key: 0, mutation: None }
    }

    pub(super) fn text(&self, act: Act) -> String {
        let mut text = self.plan.questions.scripts.of(act).whole.clone();
        for (real, driven, times) in [
            ("local time = call('TIME')\n", "", 1),
            ("time[1] * 1000000 + time[2]", "read('<d', ARGV[#ARGV])", 1),
            (" / 1000), 3155760000000)", " * 0 + 86400000), 3155760000000)", text.matches("'PX'").count()),
        ] {
            assert_eq!(text.matches(real).count(), times, "{real}");
            text = text.replace(real, driven);
        }
        if let Some((right, wrong)) = self.mutation {
            text = text.replace(right, wrong);
        }
        text
    }

    /// The replies to a whole history, of a key that was never seen.
    pub(super) fn run(&mut self, steps: &[(Step, u64)]) -> Vec<Reply> {
        self.key += 1;
        let key = format!("twin:{{{}", self.key);
        let mut pipeline = redis::pipe();
        for &(step, at) in steps {
            let (act, permits) = match step {
                Step::Take(cost) => (Act::Take, Permits::of(cost)),
                Step::Peek(cost) => (Act::Peek, Permits::of(cost)),
                Step::Charge(cost) => (Act::Charge, Permits::of(cost)),
                Step::Give(permits, ago) => {
                    (Act::Give, Permits { taken: BASE + at - ago.min(at), ..Permits::of(permits) })
                }
                Step::Reset => {
                    pipeline.cmd("DEL").arg(self.plan.questions.keys(&key)).ignore();
                    (Act::Peek, Permits::of(0))
                }
            };
            let mut command = self.plan.questions.command("EVAL", &self.text(act), &key, permits);
            command.arg(((BASE + at) as f64).to_le_bytes().as_slice());
            pipeline.add_command(command);
        }
        let values: Vec<redis::Value> = pipeline.query(&mut self.connection).unwrap();
        let read = |value| Reply::read(value, |index, one| one.at(index)).expect("a reply of the script");
        values.iter().map(read).collect()
    }
}
