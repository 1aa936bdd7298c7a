//! Dealings among members in one process, honest ones and ones with a liar.

mod binding;
mod encodings;
mod harness;
mod honest;
mod secrets;
