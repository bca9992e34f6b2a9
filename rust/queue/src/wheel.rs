//! What fires next: a hierarchical timing wheel with millisecond resolution and no horizon.
//!
//! Times are read as eleven groups of six bits. A timer lies on the level of the highest group in which its
//! due time differs from the wheel's own time, in the slot that this group names. When the wheel's time
//! enters an occupied slot, that slot's timers move down; on the lowest level they fire. Two things follow.
//! First, occupied slots always lie ahead on their level and a lower level is always earlier, so one bitmap
//! word per level finds the next slot and a jump of a year costs no more than one of a millisecond. Second,
//! timers of equal due time always lie in the same list, in the order they came.
//!
//! A timer that is not later than the wheel's own time waits apart, by due time. It fires with the next
//! advance that reaches it, also when the clock was set back in between: an advance fires exactly what is
//! due, whatever was shown before.

use std::collections::BTreeMap;

use crate::slab::Slab;

const LEVEL_BITS: u32 = 6;
const SLOTS: usize = 1 << LEVEL_BITS;
const LEVELS: usize = 11;
const NO_TIMER: u32 = u32::MAX;

/// Names a timer until it fires or is cancelled; afterwards it names nothing.
///
/// The mark tells apart timers that used the same slot. It comes round after 2^32 insertions: a handle must
/// not be kept that long after its timer is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TimerHandle {
    slot: u32,
    mark: u32,
}

/// Timers with a payload of type `T`; inserting and cancelling take constant time.
#[derive(Debug, Clone)]
pub struct TimingWheel<T> {
    elapsed: u64,
    timers: Slab<Timer<T>>,
    levels: [Level; LEVELS],
    late: BTreeMap<(i64, u64), u32>,
    late_order: u64,
    last_mark: u32,
}

/// The slots of one level: a bit per occupied slot, and the first and last timer of each.
#[derive(Debug, Clone, Copy)]
struct Level {
    occupied: u64,
    heads: [u32; SLOTS],
    tails: [u32; SLOTS],
}

/// One timer; 48 bytes with a `u128`, 40 with a payload of 16 bytes that needs no wider alignment.
#[derive(Debug, Clone, Copy)]
struct Timer<T> {
    payload: T,
    due_ms: i64,
    /// Zero once the timer is gone.
    mark: u32,
    place: Place,
}

#[derive(Debug, Clone, Copy)]
enum Place {
    /// In the list of a slot, between its neighbours.
    Listed { level: u8, slot: u8, previous: u32, next: u32 },
    /// Among the late ones, under this insertion number (in halves, to keep the timer small).
    Late { order_high: u32, order_low: u32 },
}

const _: () = assert!(size_of::<Timer<u128>>() == 48 && size_of::<Timer<[u64; 2]>>() == 40);

impl<T: Copy> TimingWheel<T> {
    /// Makes an empty wheel whose own time is `now_ms`.
    pub fn new(now_ms: i64) -> Self {
        let level = Level { occupied: 0, heads: [NO_TIMER; SLOTS], tails: [NO_TIMER; SLOTS] };
        Self {
            elapsed: ticks(now_ms),
            timers: Slab::new(),
            levels: [level; LEVELS],
            late: BTreeMap::new(),
            late_order: 0,
            last_mark: 0,
        }
    }

    /// Adds a timer; one that is due already fires with the next advance.
    pub fn insert(&mut self, due_ms: i64, payload: T) -> TimerHandle {
        self.last_mark = self.last_mark.checked_add(1).unwrap_or(1);
        let place = Place::Late { order_high: 0, order_low: 0 };
        let slot = self.timers.insert(Timer { payload, due_ms, mark: self.last_mark, place });
        self.place(slot, due_ms);
        TimerHandle { slot, mark: self.last_mark }
    }

    /// Removes a timer that has not fired and hands back its payload.
    pub fn cancel(&mut self, handle: TimerHandle) -> Option<T> {
        self.held(handle)?;
        self.displace(handle.slot);
        Some(self.forget(handle.slot).payload)
    }

    /// Gives a timer that has not fired a new due time, as if inserted now. Returns whether it was there.
    pub fn reschedule(&mut self, handle: TimerHandle, due_ms: i64) -> bool {
        if self.held(handle).is_none() {
            return false;
        }
        self.displace(handle.slot);
        self.timers.get_mut(handle.slot).due_ms = due_ms;
        self.place(handle.slot, due_ms);
        true
    }

    /// Fires everything due at `now_ms` or before, by due time and then insertion; nothing else.
    pub fn advance(&mut self, now_ms: i64, fired: &mut Vec<(i64, T)>) {
        while let Some(entry) = self.late.first_entry() {
            if entry.key().0 > now_ms {
                break;
            }
            let slot = entry.remove();
            self.fire(slot, fired);
        }
        let now = ticks(now_ms);
        while let Some((level, slot, start)) = self.next_slot() {
            if start > now {
                break;
            }
            self.elapsed = start;
            let mut timer = self.take_list(level, slot);
            while timer != NO_TIMER {
                let next = self.next_in_list(timer);
                if level == 0 {
                    self.fire(timer, fired);
                } else {
                    self.list(timer, ticks(self.timers.get(timer).due_ms));
                }
                timer = next;
            }
        }
        self.elapsed = self.elapsed.max(now);
    }

    /// Says when to advance next: never later than the next due time, and exact within 64 ms of it.
    ///
    /// Further off it is the start of the timer's slot. An advance at that time moves the timer down, so a
    /// timer costs at most one wake-up per level.
    pub fn next_due(&self) -> Option<i64> {
        let listed = self.next_slot().map(|(_, _, start)| millis(start));
        let late = self.late.first_key_value().map(|(&(due_ms, _), _)| due_ms);
        late.or(listed)
    }

    /// Shows a timer's due time, as long as it has not fired.
    pub fn due(&self, handle: TimerHandle) -> Option<i64> {
        self.held(handle).map(|timer| timer.due_ms)
    }

    /// Counts the timers that have not fired.
    pub fn len(&self) -> usize {
        self.timers.len()
    }

    /// Says whether nothing is left to fire.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn held(&self, handle: TimerHandle) -> Option<&Timer<T>> {
        self.timers.find(handle.slot).filter(|timer| timer.mark == handle.mark)
    }

    fn fire(&mut self, slot: u32, fired: &mut Vec<(i64, T)>) {
        let timer = self.forget(slot);
        fired.push((timer.due_ms, timer.payload));
    }

    fn forget(&mut self, slot: u32) -> Timer<T> {
        self.timers.get_mut(slot).mark = 0;
        self.timers.remove(slot)
    }

    fn place(&mut self, slot: u32, due_ms: i64) {
        let due = ticks(due_ms);
        if due > self.elapsed {
            self.list(slot, due);
            return;
        }
        self.late_order += 1;
        self.late.insert((due_ms, self.late_order), slot);
        let [order_high, order_low] = halves(self.late_order);
        self.timers.get_mut(slot).place = Place::Late { order_high, order_low };
    }

    fn displace(&mut self, slot: u32) {
        let timer = self.timers.get(slot);
        match timer.place {
            Place::Late { order_high, order_low } => {
                let order = u64::from(order_high) << 32 | u64::from(order_low);
                let held = self.late.remove(&(timer.due_ms, order));
                assert!(held == Some(slot), "a late timer is among the late ones");
            }
            Place::Listed { level, slot: in_level, previous, next } => {
                self.unlist(usize::from(level), usize::from(in_level), previous, next);
            }
        }
    }

    /// Appends a timer to the list its due time belongs to.
    fn list(&mut self, timer: u32, due: u64) {
        let (level, slot) = home(self.elapsed, due);
        let lists = &mut self.levels[usize::from(level)];
        let previous = lists.tails[usize::from(slot)];
        lists.tails[usize::from(slot)] = timer;
        if previous == NO_TIMER {
            lists.heads[usize::from(slot)] = timer;
            lists.occupied |= 1 << slot;
        } else {
            self.set_next(previous, timer);
        }
        self.timers.get_mut(timer).place = Place::Listed { level, slot, previous, next: NO_TIMER };
    }

    fn unlist(&mut self, level: usize, slot: usize, previous: u32, next: u32) {
        let lists = &mut self.levels[level];
        if previous == NO_TIMER {
            lists.heads[slot] = next;
        }
        if next == NO_TIMER {
            lists.tails[slot] = previous;
        }
        if lists.heads[slot] == NO_TIMER {
            lists.occupied &= !(1 << slot);
        }
        if previous != NO_TIMER {
            self.set_next(previous, next);
        }
        if next != NO_TIMER {
            self.set_previous(next, previous);
        }
    }

    fn take_list(&mut self, level: usize, slot: usize) -> u32 {
        let lists = &mut self.levels[level];
        lists.occupied &= !(1 << slot);
        lists.tails[slot] = NO_TIMER;
        std::mem::replace(&mut lists.heads[slot], NO_TIMER)
    }

    fn next_in_list(&self, timer: u32) -> u32 {
        match self.timers.get(timer).place {
            Place::Listed { next, .. } => next,
            Place::Late { .. } => unreachable!("a late timer is in no list"),
        }
    }

    fn set_next(&mut self, timer: u32, to: u32) {
        if let Place::Listed { next, .. } = &mut self.timers.get_mut(timer).place {
            *next = to;
        }
    }

    fn set_previous(&mut self, timer: u32, to: u32) {
        if let Place::Listed { previous, .. } = &mut self.timers.get_mut(timer).place {
            *previous = to;
        }
    }

    /// The earliest occupied slot and the first tick it stands for.
    fn next_slot(&self) -> Option<(usize, usize, u64)> {
        let level = self.levels.iter().position(|lists| lists.occupied != 0)?;
        let slot = self.levels[level].occupied.trailing_zeros();
        let shift = LEVEL_BITS * u32::try_from(level).expect("there are eleven levels");
        // Groups above the level agree with the wheel's own time; the top level has none above it.
        let above = self.elapsed.checked_shr(shift + LEVEL_BITS).unwrap_or(0);
        let above = above.checked_shl(shift + LEVEL_BITS).unwrap_or(0);
        Some((level, slot as usize, above | u64::from(slot) << shift))
    }
}

/// The level and slot of a due time as seen from the wheel's own time.
#[expect(clippy::cast_possible_truncation, reason = "a level is below 11 and a slot below 64")]
const fn home(elapsed: u64, due: u64) -> (u8, u8) {
    // The lowest group's bits are set so that equal times, too, belong to the lowest level.
    let difference = (elapsed ^ due) | (SLOTS as u64 - 1);
    let level = (u64::BITS - 1 - difference.leading_zeros()) / LEVEL_BITS;
    (level as u8, (due >> (level * LEVEL_BITS)) as u8 & (SLOTS as u8 - 1))
}

/// Milliseconds as unsigned ticks in the same order, so that times before 1970 work as well.
const fn ticks(ms: i64) -> u64 {
    ms.cast_unsigned() ^ 1 << 63
}

const fn millis(ticks: u64) -> i64 {
    (ticks ^ 1 << 63).cast_signed()
}

#[expect(clippy::cast_possible_truncation, reason = "the two halves are what is wanted")]
const fn halves(order: u64) -> [u32; 2] {
    [(order >> 32) as u32, order as u32]
}
