//! The fault matrix as a table: stage, operation, fault, how it is made, and what must become of the sweep.

use super::cells::Expect::{Done, Failed, Forgets, Refused, Stops, Survives, Unheard};
use super::cells::{Cell, Leaves, cell};
use super::how::Damage::{Garbage, Gone, Half, Scratched};
use super::how::How::{
    Files, Full, Ledger, Locked, Nobody, Old, Output, ReadOnly, Shim, Unmounted, Vanishes,
};
use super::how::{Lock, Place};

/// The cells of one stage after the other.
pub(super) fn all() -> Vec<Cell> {
    [
        select(),
        load(),
        write(),
        write_data(),
        publish(),
        flush(),
        record(),
        ledger(),
        whole(),
    ]
    .concat()
}

fn select() -> Vec<Cell> {
    let stops = Stops("database");
    vec![
        cell("select open EIO", Shim("open|job.db$|1|0|E5"), Refused),
        cell("select open EIO", Shim("open|job.db$|2|0|E5"), Refused),
        cell(
            "select open EMFILE",
            Shim("open|job.db-wal|1|0|E24"),
            Refused,
        ),
        cell("select open EACCES", Nobody(Place::Database), Refused).leaving(Leaves::Log),
        cell("select open EROFS", ReadOnly(Place::Database), Refused),
        cell("select read EIO", Shim("read|job.db$|1|0|E5"), Refused),
        cell("select read EIO", Shim("read|job.db$|50|0|E5"), stops),
        cell("select statement BUSY", Locked(Lock::Everything), Refused),
        cell(
            "select statement BUSY",
            Locked(Lock::EverythingLater),
            stops,
        ),
    ]
}

fn load() -> Vec<Cell> {
    let (one, all) = (Failed("source_unreadable"), Stops("source_unreadable"));
    let gone = Stops("source_gone");
    let first = "open|checkpoints/|40|1";
    vec![
        cell("load open EIO", Shim("open|{host}/|1|0|E5"), one),
        cell("load open EIO", Shim("opendir|{host}|1|0|E5"), one),
        cell("load open EIO", Shim("readdir|{host}|1|0|E5"), one),
        cell(
            "load open EIO",
            Shim("opendir|checkpoints/demo/|1|0|E5"),
            all,
        ),
        cell("load open EACCES", Nobody(Place::Host), one),
        cell("load open EACCES", Nobody(Place::Cluster), all),
        cell("load open EMFILE", Shim("open|{host}/|1|0|E24"), one),
        cell("load open EMFILE", Shim("opendir|{host}|1|0|E24"), one),
        cell("load open EMFILE", Shim("open|checkpoints/|1|0|E24"), all),
        cell("load read EIO", Shim("read|{host}/|1|0|E5"), one),
        cell("load read EIO", Shim("read|checkpoints/|1|0|E5"), all),
        // They begin when some jobs are done already.
        cell("load open EIO", Shim("open|checkpoints/|20|0|E5"), all),
        cell("load read EIO", Shim("read|checkpoints/|20|0|E5"), all),
        cell("load open gone", Vanishes("checkpoints", first), gone),
        cell("load open gone", Unmounted("checkpoints", first), gone),
    ]
}

fn write() -> Vec<Cell> {
    let (gone, all) = (Stops("target_gone"), Stops("target_unwritable"));
    let one = Failed("target_unwritable");
    vec![
        cell("write open ENOSPC", Shim("mkdir|{folder}|1|1|E28"), gone),
        cell(
            "write open ENOSPC",
            Shim("open|.ccarchive-data-|50|0|E28"),
            gone,
        ),
        cell(
            "write open ENOSPC",
            Shim("open|.ccarchive-meta-|50|0|E28"),
            gone,
        ),
        cell("write open EIO", Shim("mkdir|{folder}|1|1|E5"), one),
        cell(
            "write open EIO",
            Shim("open|{folder}/.ccarchive-data-|1|1|E5"),
            one,
        ),
        cell(
            "write open EIO",
            Shim("open|{folder}/.ccarchive-meta-|1|1|E5"),
            one,
        ),
        cell("write open EIO", Shim("open|.ccarchive-|1|0|E5"), all),
        cell("write open EIO", Shim("open|.ccarchive-|100|0|E5"), all),
        cell("write open EACCES", Nobody(Place::JobFolder), one),
        cell("write open EACCES", Nobody(Place::Archive), all),
        cell("write open EROFS", ReadOnly(Place::Archive), Refused),
        cell(
            "write open EMFILE",
            Shim("open|{folder}/.ccarchive-data-|1|1|E24"),
            one,
        ),
        cell("write open EMFILE", Shim("open|.ccarchive-|1|0|E24"), all),
        cell("write write ENOSPC", Full(Place::Archive, "700k"), gone),
    ]
}

fn write_data() -> Vec<Cell> {
    let (gone, all) = (Stops("target_gone"), Stops("target_unwritable"));
    let one = Failed("target_unwritable");
    let stays = "write|{folder}/.ccarchive-meta-|1|1|E5;unlink|{folder}/.ccarchive-|1|0|E5";
    let stale = "open+stat|job-archive/|300|0|E116";
    let (data, meta) = ("open|.ccarchive-data-|60|1", "write|.ccarchive-data-|60|1");
    vec![
        cell(
            "write write ENOSPC",
            Shim("write|{folder}/.ccarchive-meta-|1|1|E28"),
            gone,
        ),
        cell(
            "write write EDQUOT",
            Shim("write|{folder}/.ccarchive-data-|1|1|E122"),
            gone,
        ),
        cell(
            "write write EIO",
            Shim("write|{folder}/.ccarchive-data-|1|1|E5"),
            one,
        ),
        cell(
            "write write EIO",
            Shim("write|{folder}/.ccarchive-meta-|1|1|E5"),
            one,
        ),
        cell("write write EIO", Shim("write|.ccarchive-|1|0|E5"), all),
        // A job of no length must not come to look like one whose end nobody knows.
        cell(
            "write write EIO",
            Shim("write|{empty}/.ccarchive-data-|1|1|E5"),
            one,
        ),
        cell("write write EIO", Shim(stays), one).leaving(Leaves::Temporary),
        cell("write open gone", Vanishes("job-archive", data), gone).leaving(Leaves::Temporary),
        cell("write write gone", Unmounted("job-archive", meta), gone).leaving(Leaves::Temporary),
        cell("write open ESTALE", Shim(stale), gone),
    ]
}

fn publish() -> Vec<Cell> {
    let (gone, all) = (Stops("target_gone"), Stops("target_unwritable"));
    let one = Failed("target_unwritable");
    let (meta, other) = (
        "rename|{folder}/meta.json|1|1|E5",
        "unlink|{folder}/data.json$|1|1|E5",
    );
    let data = "rename|/data.json|60|1";
    vec![
        cell(
            "publish rename ENOSPC",
            Shim("rename|{folder}/data.json|1|1|E28"),
            gone,
        ),
        cell(
            "publish rename ENOSPC",
            Shim("rename|{folder}/meta.json|1|1|E28"),
            gone,
        ),
        cell(
            "publish rename EIO",
            Shim("rename|{folder}/data.json|1|1|E5"),
            one,
        ),
        cell("publish rename EIO", Shim(meta), one),
        cell("publish rename EIO", Shim("rename|job-archive|1|0|E5"), all),
        cell(
            "publish rename EACCES",
            Shim("rename|{folder}/data.json|1|1|E13"),
            one,
        ),
        cell(
            "publish rename EACCES",
            Shim("rename|{folder}/meta.json|1|1|E13"),
            one,
        ),
        // Old data keeps its name, or gets it back.
        cell(
            "publish rename EIO",
            Old("data.json.gz", "rename|{folder}/data.json|1|1|E5"),
            one,
        ),
        cell("publish rename EIO", Old("data.json.gz", meta), one),
        cell("publish rename EIO", Old("data.json", meta), one),
        // The new archive is there by then; it fails since readers may prefer what could not be removed.
        cell("publish unlink EIO", Old("data.json", other), one).leaving(Leaves::Published),
        cell(
            "publish unlink EACCES",
            Old("data.json", "unlink|{folder}/data.json$|1|1|E13"),
            one,
        )
        .leaving(Leaves::Published),
        // Nothing is there to be removed.
        cell("publish unlink EIO", Old("data.json.gz", other), Done),
        cell("publish rename gone", Vanishes("job-archive", data), gone).leaving(Leaves::Temporary),
    ]
}

fn flush() -> Vec<Cell> {
    let (gone, all) = (Stops("target_gone"), Stops("target_unwritable"));
    vec![
        cell("flush fsync EIO", Shim("syncfs|job-archive|1|1|E5"), all),
        cell("flush fsync EIO", Shim("syncfs|job-archive|5|1|E5"), all),
        cell(
            "flush fsync ENOSPC",
            Shim("syncfs|job-archive|5|1|E28"),
            gone,
        ),
    ]
}

fn record() -> Vec<Cell> {
    let stops = Stops("database");
    let (eio, eacces) = ("unlink|job.db-wal|1|0|E5", "unlink|job.db-wal|1|0|E13");
    vec![
        cell("record open EIO", Shim("open|job.db-wal|1|0|E5"), Refused),
        cell(
            "record open EACCES",
            Shim("open|job.db-wal|1|0|E13"),
            Refused,
        ),
        cell(
            "record open EMFILE",
            Shim("open|job.db-shm|1|0|E24"),
            Refused,
        )
        .leaving(Leaves::Log),
        cell("record read EIO", Shim("read|job.db$|90|0|E5"), stops),
        cell("record write ENOSPC", Full(Place::Database, "1100k"), stops).leaving(Leaves::Log),
        cell(
            "record write ENOSPC",
            Shim("write|job.db-wal|1|0|E28"),
            stops,
        ),
        cell(
            "record commit FULL",
            Shim("write|job.db-wal|200|0|E28"),
            stops,
        ),
        cell("record write EIO", Shim("write|job.db-wal|200|0|E5"), stops),
        cell("record write EIO", Shim("write|job.db-wal|200|1|E5"), stops),
        // The log's head is synced first of all; later only a checkpoint syncs, and it may fail.
        cell("record fsync EIO", Shim("fsync|job.db-wal|1|0|E5"), stops),
        cell("record fsync EIO", Shim("fsync|job.db-wal|2|0|E5"), Done).leaving(Leaves::Log),
        cell("record fsync EIO", Shim("fsync|job.db$|1|0|E5"), Done).leaving(Leaves::Log),
        cell(
            "record fsync ENOSPC",
            Shim("fsync|job.db-wal|2|0|E28"),
            Done,
        )
        .leaving(Leaves::Log),
        cell("record unlink EIO", Shim(eio), Done).leaving(Leaves::Log),
        cell("record unlink EACCES", Shim(eacces), Done).leaving(Leaves::Log),
        cell("record statement BUSY", Locked(Lock::Writer), stops),
        cell("record commit BUSY", Locked(Lock::Reader), stops),
    ]
}

fn ledger() -> Vec<Cell> {
    let (eio, eacces) = (
        "unlink|job.db.ledger-wal|1|0|E5",
        "unlink|job.db.ledger-wal|1|0|E13",
    );
    let gone = "open|.ccarchive-data-|60|1";
    vec![
        cell("ledger open ENOSPC", Full(Place::Ledger, "16k"), Forgets),
        cell(
            "ledger open EIO",
            Shim("open|job.db.ledger$|1|0|E5"),
            Forgets,
        ),
        cell(
            "ledger open EMFILE",
            Shim("open|job.db.ledger$|1|0|E24"),
            Forgets,
        ),
        cell("ledger open EACCES", Nobody(Place::Ledger), Forgets),
        cell("ledger open EACCES", Nobody(Place::Lock), Refused),
        cell("ledger open EROFS", ReadOnly(Place::Ledger), Forgets),
        cell(
            "ledger read EIO",
            Shim("read|job.db.ledger|1|0|E5"),
            Forgets,
        ),
        cell("ledger write ENOSPC", Full(Place::Ledger, "160k"), Forgets),
        cell(
            "ledger write ENOSPC",
            Shim("write|ccarchive.lock|1|0|E28"),
            Done,
        ),
        cell(
            "ledger write EIO",
            Shim("write|job.db.ledger-wal|200|0|E5"),
            Forgets,
        ),
        cell("ledger fsync EIO", Shim("fsync|job.db.ledger|5|0|E5"), Done).leaving(Leaves::Log),
        cell(
            "ledger fsync ENOSPC",
            Shim("fsync|job.db.ledger|1|0|E28"),
            Forgets,
        ),
        cell("ledger unlink EIO", Shim(eio), Done).leaving(Leaves::Log),
        cell("ledger unlink EACCES", Shim(eacces), Done).leaving(Leaves::Log),
        cell("ledger statement BUSY", Locked(Lock::Ledger), Forgets),
        cell(
            "ledger commit FULL",
            Shim("write|job.db.ledger-wal|250|0|E28"),
            Forgets,
        ),
        cell("ledger open lost", Ledger(Gone), Done),
        cell("ledger open damaged", Ledger(Garbage), Done),
        cell("ledger open damaged", Ledger(Half), Done),
        cell("ledger open damaged", Ledger(Scratched), Done),
        cell("ledger write gone", Vanishes("job.db.ledger", gone), Done).leaving(Leaves::Log),
    ]
}

/// Faults that concern no single stage.
fn whole() -> Vec<Cell> {
    let mut cells: Vec<Cell> = [6, 10, 13, 15, 17, 19, 21, 24]
        .map(|n| cell("any open EMFILE", Files(n), Survives))
        .to_vec();
    cells.push(cell("report write ENOSPC", Output, Unheard));
    cells
}
