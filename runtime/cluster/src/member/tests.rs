use bytes::Bytes;
use gantry_model::plugin::Props;

use super::*;
use crate::allocation::Allocation;

/// Two workers on one log, with time and broker at will.
struct Pair {
    members: Vec<Member>,
    log: Vec<(i64, Bytes)>,
    read: Vec<u64>,
    now_ms: u64,
    broker_down: bool,
    /// The first record of this kind is acknowledged and lost, with all behind it in its append.
    loses: Option<fn(&Body) -> bool>,
    /// What each was told to do, but to append.
    told: Vec<Vec<Effect>>,
}

const SESSION_MS: u64 = 3_000;
const HEARTBEAT_MS: u64 = 1_000;

fn config(n: u64) -> MemberConfig {
    MemberConfig {
        incarnation: Incarnation(n),
        name: format!("w{n}:8083").into(),
        url: format!("http://w{n}:8083").into(),
        group: "g".into(),
        session_ms: SESSION_MS,
        heartbeat_ms: HEARTBEAT_MS,
        allocation: Allocation::ConsistentHash,
        retry_ms: 100,
        snapshot_records: 50,
    }
}

impl Pair {
    fn new() -> Self {
        let members = [1, 2].map(|n| Member::new(config(n), 0)).into();
        let told = vec![Vec::new(), Vec::new()];
        let mut pair = Self {
            members,
            log: Vec::new(),
            read: vec![0, 0],
            now_ms: 0,
            broker_down: false,
            loses: None,
            told,
        };
        pair.run(2 * HEARTBEAT_MS, &[0, 1]);
        pair
    }

    /// Both run a connector and its tasks.
    fn with_connector() -> Self {
        let mut pair = Self::new();
        pair.put(0, "a");
        pair.run(1_000, &[0, 1]);
        pair
    }

    fn input(&mut self, id: usize, input: Input) {
        let mut effects = Vec::new();
        self.members[id].step(input, &mut effects);
        self.members[id].turn(&mut effects);
        self.carry_out(id, effects);
    }

    fn carry_out(&mut self, id: usize, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Append(_) if self.broker_down => self.input(id, Input::AppendFailed),
                Effect::Append(mut records) => {
                    let lost = self
                        .loses
                        .and_then(|kind| records.iter().position(|record| kind(&record.body)));
                    if let Some(at) = lost {
                        records.truncate(at);
                        self.loses = None;
                    }
                    let now_ms = self.now_ms as i64;
                    self.log.extend(records.iter().map(|record| (now_ms, record.to_bytes())));
                    self.input(id, Input::Appended);
                }
                Effect::Stop { unit, epoch } => {
                    self.told[id].push(Effect::Stop { unit: unit.clone(), epoch });
                    self.input(id, Input::Stopped { unit, epoch, failing: false });
                }
                Effect::Start { unit, epoch, generation } => {
                    let tasks = unit.task.is_none().then(|| Input::Tasks {
                        name: Str::clone(&unit.connector),
                        version: generation,
                        epoch,
                        configs: vec![Props::new(); 3],
                    });
                    self.told[id].push(Effect::Start { unit, epoch, generation });
                    if let Some(tasks) = tasks {
                        self.input(id, tasks);
                    }
                }
                other => self.told[id].push(other),
            }
        }
    }

    /// Lets time go on for those who live.
    fn run(&mut self, ms: u64, alive: &[usize]) {
        for _ in 0..ms / 50 {
            self.now_ms += 50;
            for &id in alive {
                self.input(id, Input::Clock(self.now_ms));
                while !self.broker_down && (self.read[id] as usize) < self.log.len() {
                    let offset = self.read[id];
                    self.read[id] += 1;
                    let (store_ms, bytes) = self.log[offset as usize].clone();
                    self.input(id, Input::Record { offset, store_ms, bytes });
                }
                self.input(id, Input::CaughtUp);
            }
        }
    }

    fn put(&mut self, id: usize, name: &str) {
        let request = Request::Put {
            name: name.into(),
            config: Props::new(),
            target: None,
            create: false,
            expected: None,
        };
        self.input(id, Input::Request { id: 7, request });
    }

    fn held(&self, id: usize) -> usize {
        self.members[id].held().len()
    }
}

#[test]
fn units_are_shared_and_both_see_the_same() {
    let mut pair = Pair::new();
    pair.put(0, "a");
    pair.put(1, "b");
    pair.run(1_000, &[0, 1]);
    assert_eq!((pair.held(0), pair.held(1)), (4, 4));
    assert_eq!(pair.members[0].state(), pair.members[1].state());
    assert!(pair.told[0].contains(&Effect::Answer { id: 7, verdict: Verdict::Applied(1) }));
}

#[test]
fn what_a_dead_worker_ran_runs_elsewhere_after_its_session() {
    let mut pair = Pair::new();
    pair.put(0, "a");
    pair.put(0, "b");
    pair.run(1_000, &[0, 1]);
    let died_ms = pair.now_ms;
    while pair.held(1) < 8 {
        pair.run(50, &[1]);
        assert!(pair.now_ms - died_ms <= SESSION_MS + 1_000, "{} run", pair.held(1));
    }
    assert!(pair.now_ms - died_ms >= SESSION_MS - HEARTBEAT_MS);
}

#[test]
fn a_worker_that_leaves_is_followed_at_once() {
    let mut pair = Pair::with_connector();
    pair.input(0, Input::Leave);
    pair.run(200, &[0, 1]);
    assert!(pair.told[0].contains(&Effect::Left));
    assert_eq!((pair.held(0), pair.held(1)), (0, 4));
}

#[test]
fn without_a_broker_a_worker_stops_at_half_of_its_session_and_goes_on_with_it() {
    let mut pair = Pair::with_connector();
    pair.broker_down = true;
    pair.run(SESSION_MS / 2 - HEARTBEAT_MS, &[0, 1]);
    assert_eq!(pair.held(0) + pair.held(1), 4);
    pair.run(HEARTBEAT_MS + 100, &[0, 1]);
    assert_eq!(pair.held(0) + pair.held(1), 0);
    pair.run(10 * SESSION_MS, &[0, 1]);
    pair.broker_down = false;
    pair.run(SESSION_MS, &[0, 1]);
    assert_eq!(pair.held(0) + pair.held(1), 4);
}

#[test]
fn a_paused_worker_finds_that_its_units_are_others() {
    let mut pair = Pair::with_connector();
    let held = pair.held(0);
    pair.run(3 * SESSION_MS, &[1]);
    assert_eq!(pair.held(1), 4);
    let before = pair.told[0].len();
    let mut effects = Vec::new();
    pair.members[0].step(Input::Clock(pair.now_ms), &mut effects);
    pair.members[0].turn(&mut effects);
    let stops = effects.iter().filter(|effect| matches!(effect, Effect::Stop { .. })).count();
    assert_eq!(stops, held, "before it has read anything");
    pair.carry_out(0, effects);
    pair.run(SESSION_MS, &[0, 1]);
    assert!(pair.told[0].len() > before);
    assert!(pair.held(0) > 0);
    assert_eq!(pair.held(0) + pair.held(1), 4);
}

#[test]
fn snapshots_are_written_and_give_the_same_state() {
    let mut pair = Pair::new();
    pair.put(0, "a");
    pair.run(100 * HEARTBEAT_MS, &[0, 1]);
    let upto = pair.members[0].state().snapshot_upto.unwrap();
    assert!(pair.log.len() as u64 - upto < 60);
    let mut collector = crate::Collector::default();
    let mut found = None;
    for (_, bytes) in &pair.log {
        let record = Record::from_bytes(bytes).unwrap();
        found = collector.take(record.by, &record.body).or(found);
    }
    let (upto, text) = found.unwrap();
    let mut state = crate::restore(upto, &text).unwrap();
    let last = pair.members[0].state();
    assert!(upto < last.next);
    for offset in upto + 1..last.next {
        let (store_ms, bytes) = &pair.log[offset as usize];
        state.apply(offset, *store_ms, bytes, Record::from_bytes(bytes).ok().as_ref());
    }
    assert_eq!(state, *last);
}

#[test]
fn what_the_log_lost_before_it_was_read_is_said_again() {
    let kinds: [fn(&Body) -> bool; 4] = [
        |body| matches!(body, Body::Put { .. }),
        |body| matches!(body, Body::Claim { .. }),
        |body| matches!(body, Body::Tasks { .. }),
        |body| matches!(body, Body::Release { .. }),
    ];
    for kind in kinds {
        let mut pair = Pair::new();
        pair.input(1, Input::Leave);
        pair.run(200, &[0, 1]);
        pair.loses = Some(kind);
        pair.put(0, "a");
        pair.run(1_000, &[0]);
        // The tasks of the new configuration take the place of the old ones.
        pair.put(0, "a");
        pair.run(2 * SESSION_MS, &[0]);
        assert!(pair.loses.is_none(), "nothing of the kind was written");
        assert_eq!(pair.held(0), 4);
        let state = pair.members[0].state();
        let connector = &state.connectors["a"];
        assert_eq!(connector.tasks.as_ref().unwrap().version, connector.version);
        let answers = pair.told[0].iter().filter(|told| matches!(told, Effect::Answer { .. }));
        assert_eq!(answers.count(), 2);
    }
}

#[test]
fn what_was_on_its_way_when_reading_begins_anew_is_passed_over() {
    let mut pair = Pair::with_connector();
    pair.input(0, Input::Refold);
    let (store_ms, bytes) = pair.log[5].clone();
    pair.input(0, Input::Record { offset: 5, store_ms, bytes });
    pair.input(0, Input::CaughtUp);
    assert!(!pair.members[0].caught_up);
    assert_eq!(pair.members[0].state.next, 0);
    pair.read[0] = 0;
    pair.run(50, &[0, 1]);
    assert_eq!(pair.members[0].state(), pair.members[1].state());
}

#[test]
fn a_worker_that_is_unknown_here_shows_that_the_log_is_another() {
    let mut pair = Pair::new();
    let heartbeat = Record {
        format: crate::FORMAT,
        by: Incarnation(3),
        seq: 2,
        body: Body::Heartbeat { offset: 1, hash: 0 },
    };
    pair.log.push((pair.now_ms as i64, heartbeat.to_bytes()));
    pair.run(50, &[0]);
    assert!(pair.told[0].contains(&Effect::Refold));
}

#[test]
fn a_version_that_was_cut_off_and_given_again_is_another_one() {
    let mut pair = Pair::with_connector();
    let name: Str = "a".into();
    let unit = Unit::connector(&name);
    let owner = usize::from(!pair.members[0].held().contains_key(&unit));
    let third = |seq, body| Record { format: crate::FORMAT, by: Incarnation(3), seq, body };
    let join = Body::Join {
        name: "w3".into(),
        url: "http://w3".into(),
        group: "g".into(),
        session_ms: SESSION_MS,
        heartbeat_ms: HEARTBEAT_MS,
    };
    pair.log.push((pair.now_ms as i64, third(1, join).to_bytes()));
    pair.run(100, &[0, 1]);
    let cut = pair.log.len();
    pair.put(owner, "a");
    pair.run(200, &[owner]);
    let version = pair.members[owner].state().connectors[&name].version;
    assert_eq!(pair.members[owner].held()[&unit].generation, version);

    // Another worker, which did not see that, changes the connector as well.
    pair.log.truncate(cut);
    let config = Props::from([("other".to_owned(), "yes".to_owned())]);
    let put = Body::Put {
        name: Str::clone(&name),
        config,
        target: None,
        above: 0,
        create: false,
        expected: None,
    };
    pair.log.push((pair.now_ms as i64, third(2, put).to_bytes()));
    let before = pair.told[owner].len();
    pair.input(owner, Input::Refold);
    pair.read[owner] = 0;
    pair.run(500, &[owner]);
    let epoch = pair.members[owner].held()[&unit].epoch;
    assert_eq!(pair.members[owner].state().connectors[&name].version, version);
    let told = &pair.told[owner][before..];
    assert!(told.contains(&Effect::Stop { unit: unit.clone(), epoch }), "{told:?}");
    assert!(told.contains(&Effect::Start { unit, epoch, generation: version }), "{told:?}");
}

#[test]
fn while_a_worker_reads_anew_it_shows_what_it_knew_and_runs_on() {
    let mut pair = Pair::with_connector();
    let (held, told) = (pair.held(0), pair.told[0].len());
    pair.input(0, Input::Refold);
    pair.read[0] = 0;
    assert_eq!(pair.members[0].state().connectors.len(), 1);
    pair.run(500, &[0, 1]);
    assert_eq!(pair.members[0].state(), pair.members[1].state());
    assert_eq!(pair.held(0), held);
    let stops = pair.told[0][told..].iter().filter(|told| matches!(told, Effect::Stop { .. }));
    assert_eq!(stops.count(), 0);
}

#[test]
fn a_reader_that_looks_back_sees_that_the_log_is_another() {
    let mut pair = Pair::with_connector();
    let offset = pair.read[0] - 1;
    let (store_ms, bytes) = pair.log[offset as usize].clone();
    pair.input(0, Input::Record { offset, store_ms, bytes });
    assert!(!pair.told[0].contains(&Effect::Refold));
    let (store_ms, bytes) = pair.log[offset as usize - 1].clone();
    pair.input(0, Input::Record { offset, store_ms, bytes });
    assert!(pair.told[0].contains(&Effect::Refold));
}

#[test]
fn tasks_of_a_generation_that_cannot_commit_any_more_get_another_one() {
    let mut pair = Pair::with_connector();
    let name: Str = "a".into();
    let generation = |pair: &Pair| {
        let state = pair.members[0].state();
        state.connectors[&name].tasks.as_ref().unwrap().generation
    };
    let old = generation(&pair);
    for id in [0, 1] {
        let stamps = Input::Stamps { name: Str::clone(&name), generation: 90, last: 100 };
        pair.input(id, stamps);
    }
    pair.run(1_000, &[0, 1]);
    assert!(old < 90 && generation(&pair) > 100);
    assert_eq!(pair.held(0) + pair.held(1), 4);
}

#[test]
fn who_means_another_cluster_is_refused_while_this_one_lives() {
    let mut pair = Pair::with_connector();
    let mut stranger = Member::new(MemberConfig { group: "other".into(), ..config(3) }, 0);
    let mut effects = Vec::new();
    stranger.step(Input::Restored(Box::default()), &mut effects);
    let mut read = 0;
    for _ in 0..3 {
        for (offset, (store_ms, bytes)) in pair.log.iter().enumerate().skip(read) {
            let (offset, store_ms) = (offset as u64, *store_ms);
            stranger.step(Input::Record { offset, store_ms, bytes: bytes.clone() }, &mut effects);
        }
        read = pair.log.len();
        stranger.step(Input::CaughtUp, &mut effects);
        stranger.turn(&mut effects);
        for effect in std::mem::take(&mut effects) {
            match effect {
                Effect::Append(records) => {
                    let records =
                        records.iter().map(|record| (pair.now_ms as i64, record.to_bytes()));
                    pair.log.extend(records);
                    stranger.step(Input::Appended, &mut effects);
                }
                Effect::Refused(refusal) => {
                    assert_eq!(refusal, Refusal::Group);
                    pair.run(100, &[0, 1]);
                    assert_eq!(pair.members[0].state().alive().count(), 2);
                    return;
                }
                _ => {}
            }
        }
    }
    panic!("it was not refused");
}

#[test]
fn a_change_of_what_somebody_else_has_changed_is_refused() {
    let mut state = State::default();
    let mut seq = 0;
    let mut write = |state: &mut State, body| {
        seq += 1;
        let record = Record { format: crate::FORMAT, by: Incarnation(1), seq, body };
        state.apply(seq, 0, &record.to_bytes(), Some(&record))
    };
    let join = Body::Join {
        name: "w".into(),
        url: "http://w".into(),
        group: "g".into(),
        session_ms: SESSION_MS,
        heartbeat_ms: HEARTBEAT_MS,
    };
    write(&mut state, join);
    let put = |expected| Body::Put {
        name: "a".into(),
        config: Props::new(),
        target: None,
        above: 0,
        create: false,
        expected,
    };
    let Verdict::Applied(first) = write(&mut state, put(None)) else { panic!("refused") };
    let Verdict::Applied(second) = write(&mut state, put(Some(first))) else { panic!("refused") };
    assert_eq!(write(&mut state, put(Some(first))), Verdict::Refused(Refusal::Changed));
    assert_eq!(state.connectors[&Str::from("a")].version, second);
}

#[test]
fn who_cannot_read_what_the_cluster_wrote_takes_no_part() {
    let mut member = Member::new(config(1), 0);
    let mut effects = Vec::new();
    member.step(Input::Restored(Box::default()), &mut effects);
    for (offset, text) in [r#"{"v":99}"#, r#"{"v":9,"by":2,"seq":1,"leave":{}}"#].iter().enumerate()
    {
        assert!(!effects.iter().any(|effect| matches!(effect, Effect::Refused(_))));
        let (offset, bytes) = (offset as u64, Bytes::from_static(text.as_bytes()));
        member.step(Input::Record { offset, store_ms: 0, bytes }, &mut effects);
    }
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Refused(Refusal::Format))));
    effects.clear();
    member.step(Input::CaughtUp, &mut effects);
    member.turn(&mut effects);
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Append(_))), "{effects:?}");
}
