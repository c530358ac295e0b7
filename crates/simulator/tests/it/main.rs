//! The simulator over a real socket, asked by a plain HTTP client.

mod answers;
mod load;
mod server;
mod streams;
mod trouble;
