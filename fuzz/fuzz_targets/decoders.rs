#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| quorate_targets::decoders::run(bytes));
