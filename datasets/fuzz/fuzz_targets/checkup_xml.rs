#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sudare_fuzz::run("checkup_xml", bytes));
