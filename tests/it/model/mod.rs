//! Random sequences of sweeps, late and damaged data, clock jumps and changed rows, against a naive model of the
//! promises: the table of outcomes.
//!
//! The model (`oracle`) says what every sweep must make of every job; after each sweep outcome, row, ledger and archive
//! are compared with it. Seeds are fixed; a failing sequence is made as short as it gets, and the steps that are left are
//! the last thing that is printed. `CCARCHIVE_TEST_LONG` runs ten times as many.

mod compare;
mod oracle;
mod play;
mod world;

use proptest::collection::vec;

use crate::support::random::{check, draws};
use play::Play;

const SEQUENCES: u32 = 50;
const STEPS: usize = 16;

fn sequences(part: u8) {
    let long = std::env::var_os("CCARCHIVE_TEST_LONG").is_some();
    let sequences = if long { 10 * SEQUENCES } else { SEQUENCES };
    // No beginning draws more than 9 times data and 3 times a row, no step more than a row and the flags of a sweep.
    let inputs = (draws(70), vec(draws(12), 0..=2 * STEPS));
    check(sequences, part, inputs, |(begin, steps)| {
        let mut play = Play::new(begin);
        for draws in steps {
            play.step(draws);
        }
        play.end();
    });
}

#[test]
fn sweeps_keep_their_promises_in_random_sequences_a() {
    sequences(1);
}

#[test]
fn sweeps_keep_their_promises_in_random_sequences_b() {
    sequences(2);
}

#[test]
fn sweeps_keep_their_promises_in_random_sequences_c() {
    sequences(3);
}

#[test]
fn sweeps_keep_their_promises_in_random_sequences_d() {
    sequences(4);
}
