//! What an operator meets on a bad day, tried with the program as it would happen.

mod sources;
