//! What is counted, and how it is summed up over data centers.

/// Times in milliseconds, up to a minute.
#[derive(Clone)]
pub(crate) struct Times(Vec<u64>);

const LONGEST: usize = 60_000;

impl Times {
    fn new() -> Self {
        Self(vec![0; LONGEST + 1])
    }

    pub(crate) fn add(&mut self, millis: u64) {
        self.0[(millis as usize).min(LONGEST)] += 1;
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.iter().sum()
    }

    /// The time that a share of all does not exceed, in seconds.
    pub(crate) fn at(&self, share: f64) -> f64 {
        let wanted = (self.count() as f64 * share).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (millis, count) in self.0.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return millis as f64 / 1000.0;
            }
        }
        0.0
    }

    fn merge(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(sum, more)| *sum += more);
    }
}

macro_rules! totals {
    ($($number:ident,)* ; $($list:ident,)* ; $($times:ident,)*) => {
        /// Sums over data centers.
        #[derive(Clone)]
        pub(crate) struct Totals {
            $(pub(crate) $number: u64,)*
            $(pub(crate) $list: Vec<u64>,)*
            $(pub(crate) $times: Times,)*
        }

        impl Totals {
            pub(crate) fn new(seconds: u64) -> Self {
                Self {
                    $($number: 0,)*
                    $($list: vec![0; seconds as usize],)*
                    $($times: Times::new(),)*
                }
            }

            pub(crate) fn merge(&mut self, other: &Self) {
                $(self.$number += other.$number;)*
                $(self.$list.iter_mut().zip(&other.$list).for_each(|(sum, more)| *sum += more);)*
                $(self.$times.merge(&other.$times);)*
            }
        }
    };
}

totals! {
    requests,
    // Requests that had to wait for an answer, and those that were refused without one.
    waited,
    refused,
    // Questions that ended without an answer that fits.
    failed,
    probes,
    cold_starts,
    cold_complete,
    // What isolates ask and read before they know everything: of the object, and of the cache as well.
    cold_questions,
    cold_object_bytes,
    cold_bytes,
    ;
    // By second, at the object.
    questions,
    bytes,
    rows,
    ;
    // From a revocation until a copy has it, and until the last request that is served without it.
    known,
    effective,
    waits,
    cold_time,
}

impl Totals {
    pub(crate) fn seconds(&self) -> f64 {
        self.questions.len() as f64
    }

    pub(crate) fn mean(&self) -> f64 {
        self.questions.iter().sum::<u64>() as f64 / self.seconds()
    }

    pub(crate) fn worst(&self) -> u64 {
        self.questions.iter().copied().max().unwrap_or(0)
    }

    pub(crate) fn bytes_per_second(&self) -> f64 {
        self.bytes.iter().sum::<u64>() as f64 / self.seconds()
    }

    pub(crate) fn rows_per_second(&self) -> f64 {
        self.rows.iter().sum::<u64>() as f64 / self.seconds()
    }
}
