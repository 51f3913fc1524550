//! Tables of a fixed size on the heap. That the size is part of the type lets the compiler see that an index is within.

/// A table of nothing but its type's default.
#[expect(
    clippy::unnecessary_box_returns,
    reason = "the box is the point: these tables do not fit a stack"
)]
pub(super) fn table<T: Copy + Default, const N: usize>() -> Box<[T; N]> {
    let Ok(table) = vec![T::default(); N].into_boxed_slice().try_into() else {
        unreachable!("it was made with this size")
    };
    table
}
