//! The only source of randomness of the tests: draws from the generator's stream, or from a list that proptest made.
//!
//! [`check`] runs a test on such lists. When one fails, proptest makes it shorter and its numbers smaller for as long as
//! the test still fails; an exhausted list draws 0, which every test takes as its simplest choice.

use std::fmt::Debug;
use std::vec;

use proptest::collection::{SizeRange, vec as list};
use proptest::prelude::any;
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};

use crate::generator::random::Random as Stream;

pub(crate) enum Random {
    Stream(Stream),
    Draws(vec::IntoIter<u64>),
}

impl Random {
    /// The same draws for the same seed.
    pub(crate) fn seeded(seed: u64) -> Self {
        Self::Stream(Stream::new(seed))
    }

    /// These draws, and 0 after them.
    pub(crate) fn of(draws: Vec<u64>) -> Self {
        Self::Draws(draws.into_iter())
    }

    /// A number of `0..n`; 0 if `n` is 0.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        let bits = match self {
            Self::Stream(stream) => stream.bits(),
            Self::Draws(draws) => draws.next().unwrap_or(0),
        };
        bits % n.max(1)
    }

    /// The same as a signed number.
    pub(crate) fn signed(&mut self, n: i64) -> i64 {
        i64::try_from(self.below(n.unsigned_abs())).unwrap()
    }

    /// True `n` times in 100; a draw of 0 is false.
    pub(crate) fn percent(&mut self, n: u64) -> bool {
        self.below(100) >= 100 - n
    }

    /// One of a list, which is not empty.
    pub(crate) fn of_list<T: Clone>(&mut self, list: &[T]) -> T {
        let k = self.below(u64::try_from(list.len()).unwrap());
        list[usize::try_from(k).unwrap()].clone()
    }
}

/// Lists of draws of these lengths.
pub(crate) fn draws(lengths: impl Into<SizeRange>) -> impl Strategy<Value = Vec<u64>> {
    list(any::<u64>(), lengths)
}

/// Runs a test on so many random inputs, the same for the same seed; one that fails is made as small as it gets and run
/// once more, so that its message is the last.
pub(crate) fn check<S: Strategy>(cases: u32, seed: u8, inputs: S, test: impl Fn(S::Value))
where
    S::Value: Debug,
{
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 3000,
        ..Config::default()
    };
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
    let outcome = TestRunner::new_with_rng(config, random).run(&inputs, |input| {
        test(input);
        Ok(())
    });
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(why, input)) => {
            test(input);
            panic!("failed once, but not again: {why}");
        }
        Err(e @ TestError::Abort(_)) => panic!("{e}"),
    }
}
