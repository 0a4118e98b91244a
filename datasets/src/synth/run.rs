//! Blocks of people on worker threads, handed to the files in order.

use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

use super::course::{Numbers, live};
use super::dice::{Dice, Purpose};
use super::formats::Format;
use super::ledger::Ledger;
use super::names::Names;
use super::out::{Block, Room};
use super::people::{Fund, Period, Person};
use super::sink::Sink;
use super::traits::Traits;
use super::truth::scenarios_of;
use super::{SynthError, SynthOptions, SynthReport};
use super::{apple, care, checkups, claims, eligibility, fhir, fitbit, lifelog, tables};

/// Persons per block.
pub(crate) const BLOCK: u32 = 250;

/// What every writer may look at.
pub(crate) struct World<'a> {
    pub(crate) options: &'a SynthOptions,
    pub(crate) period: Period,
    /// Clinics; a region of the size of the population.
    pub(crate) facilities: u32,
    names: Names,
    ledger: bool,
}

impl World<'_> {
    pub(crate) fn writes(&self, format: Format) -> bool {
        self.options.formats.has(format)
    }

    fn block(&self, index: u32, room: Room) -> Block {
        let mut block = Block::new(room, self.ledger);
        let first = index * BLOCK;
        let size = BLOCK.min(self.options.persons - first);
        let mut dice = Dice::new(self.options.seed, Purpose::People, u64::from(index));
        let mut numbers = Numbers::new(index);
        while block.persons < size {
            let mut household = live(&mut dice, &self.names, self.options, self.period, &mut numbers);
            household.truncate((size - block.persons) as usize);
            block.counts.households += 1;
            for person in &mut household {
                person.number = first + block.persons;
                block.persons += 1;
                self.person(person, &mut block);
            }
        }
        block
    }

    fn person(&self, person: &Person, block: &mut Block) {
        let (seed, period) = (self.options.seed, self.period);
        let told = block.truth.len();
        let traits = Traits::new(seed, person);
        eligibility::write(self, person, block);
        let receipts = care::receipts(seed, person, &traits, period, self.facilities);
        if receipts.is_empty() && !person.spells.is_empty() {
            block.counts.without_claims += 1;
        }
        let mut writer = claims::Writer::new(self, person);
        for receipt in &receipts {
            writer.write(block, receipt);
        }
        let exams = checkups::write(self, person, &traits, block);
        let life = lifelog::write(self, person, &traits, block);
        if let Some(life) = &life {
            apple::write(self, person, &traits, life, block);
            fitbit::write(self, person, life, block);
        }
        fhir::write(self, person, &exams, life.as_ref(), block);
        tables::write(self, person, &traits, &receipts, &exams, block);
        let life = scenarios_of(person, period);
        block.truth.iter_mut().skip(told).for_each(|row| row.3 |= life);
    }
}

pub(super) fn generate(
    dir: &Path,
    options: &SynthOptions,
    progress: &dyn Fn(u64),
    ledger: bool,
) -> Result<(SynthReport, Ledger), SynthError> {
    options.validate()?;
    let io = |path: &Path, source| SynthError::Io { path: path.to_owned(), source };
    std::fs::create_dir_all(dir).map_err(|error| io(dir, error))?;
    let mut entries = std::fs::read_dir(dir).map_err(|error| io(dir, error))?;
    if entries.next().is_some() {
        return Err(SynthError::Occupied { path: dir.to_owned() });
    }
    let period = Period::new(options.months);
    let facilities = 60 + options.persons / 250;
    let world = World { options, period, facilities, names: Names::load(), ledger };
    let blocks = options.persons.div_ceil(BLOCK);
    let threads = options.threads.clamp(1, 64).min(blocks);
    let mut sink = Sink::new(dir, ledger)?;
    for fund in Fund::ALL {
        sink.expect(&eligibility::path(fund), eligibility::header(fund))?;
    }
    sink.expect(lifelog::ROSTER, lifelog::ROSTER_HEADER.into())?;
    std::thread::scope(|scope| {
        let mut lanes: Vec<Lane> = Vec::new();
        for worker in 0..threads {
            let (send, receive): (SyncSender<_>, _) = sync_channel(2);
            let (give_back, used) = channel();
            lanes.push(Lane { receive, give_back });
            let world = &world;
            scope.spawn(move || {
                for index in (worker..blocks).step_by(threads as usize) {
                    // The other side hangs up after an error; then nobody wants the rest.
                    let room = used.try_recv().unwrap_or_default();
                    if send.send(world.block(index, room)).is_err() {
                        break;
                    }
                }
            });
        }
        for index in 0..blocks {
            let lane = lanes.get((index % threads) as usize).ok_or(SynthError::Worker)?;
            let block = lane.receive.recv().map_err(|_| SynthError::Worker)?;
            let room = sink.take(block)?;
            // A worker that has done its share no longer listens.
            let _ = lane.give_back.send(room);
            progress(sink.persons);
        }
        Ok::<(), SynthError>(())
    })?;
    sink.finish()
}

/// From a worker its blocks in order; back to it their buffers.
struct Lane {
    receive: Receiver<Block>,
    give_back: Sender<Room>,
}
