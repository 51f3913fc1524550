#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| ccarchive::fuzzing::deflate(input));
