//! What must not compile, and what the compiler then says: the five commonest mistakes.
//!
//! Run by `cargo test -p seawall-ui`; `TRYBUILD=overwrite` writes down what a new compiler says.

#[test]
fn mistakes_are_told_with_their_cure() {
    trybuild::TestCases::new().compile_fail("fail/*.rs");
}
