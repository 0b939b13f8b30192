#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| playgate_fuzz::state(input));
