//! Random sequences of sweeps, late and damaged data, clock jumps and changed rows, against a naive model of the
//! promises: the table of outcomes.
//!
//! The model (`oracle`) says what every sweep must make of every job; after each sweep outcome, row, ledger and archive
//! are compared with it. Seeds are fixed; a failing sequence prints its seed and steps. `CCARCHIVE_TEST_LONG` runs ten
//! times as many.

mod chance;
mod compare;
mod oracle;
mod play;
mod world;

use play::Play;

const SEQUENCES: u64 = 50;
const STEPS: usize = 16;

fn sequences(part: u64) {
    let long = std::env::var_os("CCARCHIVE_TEST_LONG").is_some();
    let sequences = if long { 10 * SEQUENCES } else { SEQUENCES };
    for k in 0..sequences {
        let mut play = Play::new(part * 1_000_000 + k);
        for _ in 0..STEPS {
            play.step();
        }
        play.end();
    }
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
