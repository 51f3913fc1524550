//! What the C library keeps of memory that is not used any more.

/// Lets all threads share a few heaps. By default glibc gives every thread one of its own, and each keeps what its thread
/// once had: eight workers with a giant job each then took twice the memory, in no less time.
#[cfg(target_env = "gnu")]
#[expect(unsafe_code, reason = "only mallopt(3) sets it")]
pub(crate) fn keep_little() {
    const HEAPS: libc::c_int = 2;
    // SAFETY: no other thread runs yet, and the parameter is one that mallopt knows.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, HEAPS);
    }
}

/// Other C libraries have one heap.
#[cfg(not(target_env = "gnu"))]
pub(crate) const fn keep_little() {}
