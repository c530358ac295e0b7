//! Whole spans as rows: recorded ones, written ones and generated ones.

mod bodies;
mod clients;
mod contents;
mod examples;
mod golden;
mod leaves;
mod lossless;
mod readme_program;
mod recorded;
