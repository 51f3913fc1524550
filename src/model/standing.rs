//! Where a job stands between two sweeps.

