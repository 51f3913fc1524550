#!/usr/bin/env python3
"""Sweeps golden sites into every medium that an archive may be kept on, in turn, and has compare.py judge what each holds.

    archives.py SITE...

The media: the file tree; a SQLite file, exported to a tree afterwards; a bucket of VersityGW, whose objects are files in a folder.
Prints seconds and processor seconds of each and their ratio to the tree's, the median of --rounds.

VersityGW is the one that `tests/s3-servers versitygw` installs; without it the bucket is left out. CCARCHIVE names the program
(default: target/release/ccarchive, else target/debug/ccarchive). The server listens on 127.0.0.1 only and ends with this script.
"""
import argparse, os, shutil, socket, sqlite3, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
ACCESS, SECRET, BUCKET = "access-of-tests", "secret/of+tests", "jobs"
# As cc-backend creates it.
SCHEMA = """PRAGMA journal_mode = WAL;
CREATE TABLE jobs (id INTEGER PRIMARY KEY AUTOINCREMENT, job_id INTEGER NOT NULL, cluster TEXT NOT NULL,
    start_time INTEGER NOT NULL, meta_json BLOB NOT NULL, data_json BLOB, data_compressed BOOLEAN DEFAULT 0,
    created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, UNIQUE(job_id, cluster, start_time));
CREATE TABLE clusters (name TEXT PRIMARY KEY, config_json BLOB NOT NULL, updated_at INTEGER NOT NULL);
CREATE TABLE metadata (key TEXT PRIMARY KEY, value TEXT NOT NULL);
INSERT INTO metadata VALUES ('version', '3');"""


def program():
    built = [os.path.join(ROOT, "target", kind, "ccarchive") for kind in ("release", "debug")]
    named = os.environ.get("CCARCHIVE")
    return next(p for p in ([named] if named else built) if os.path.exists(p))


def documents(archive):
    """Folders of jobs in a tree, as (cluster, job id, start, folder)."""
    for cluster in sorted(os.listdir(archive)):
        for folder, _, names in os.walk(os.path.join(archive, cluster)):
            if "meta.json" in names:
                thousands, rest, start = os.path.relpath(folder, os.path.join(archive, cluster)).split(os.sep)
                yield cluster, int(thousands) * 1000 + int(rest), int(start), folder


def to_sqlite(archive, path):
    """What a tree holds, in a new SQLite archive, as cc-backend's archive-manager makes one."""
    with sqlite3.connect(path) as db:
        db.executescript(SCHEMA)
        for cluster in sorted(os.listdir(archive)):
            described = os.path.join(archive, cluster, "cluster.json")
            if os.path.exists(described):
                db.execute("INSERT INTO clusters VALUES (?, ?, 0)", (cluster, open(described, "rb").read()))
        for cluster, job, start, folder in documents(archive):
            packed = os.path.exists(os.path.join(folder, "data.json.gz"))
            data = open(os.path.join(folder, "data.json.gz" if packed else "data.json"), "rb").read()
            meta = open(os.path.join(folder, "meta.json"), "rb").read()
            row = (job, cluster, start, meta, data, packed)
            db.execute("INSERT INTO jobs VALUES (NULL, ?, ?, ?, ?, ?, ?, 0, 0)", row)


def from_sqlite(path, archive):
    """The rows of a SQLite archive as a tree."""
    rows = "SELECT cluster, job_id, start_time, meta_json, data_json, data_compressed FROM jobs"
    for cluster, job, start, meta, data, packed in sqlite3.connect(path).execute(rows):
        folder = os.path.join(archive, cluster, str(job // 1000), f"{job % 1000:03}", str(start))
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        open(os.path.join(folder, "meta.json"), "wb").write(meta)
        open(os.path.join(folder, "data.json.gz" if packed else "data.json"), "wb").write(data)


class Gateway:
    """VersityGW over a folder, in which a bucket is a folder."""

    def __init__(self, binary, folder, port):
        self.root, iam = os.path.join(folder, "root"), os.path.join(folder, "iam")
        os.makedirs(self.root)
        os.makedirs(iam)
        keys = {"ROOT_ACCESS_KEY": ACCESS, "ROOT_SECRET_KEY": SECRET}
        command = [binary, "--port", f"127.0.0.1:{port}", "--iam-dir", iam, "posix", self.root]
        log = open(os.path.join(folder, "versitygw.log"), "wb")
        self.process = subprocess.Popen(command, env={**os.environ, **keys}, stdout=log, stderr=log)
        self.flag = f"s3://{BUCKET}?endpoint=http://127.0.0.1:{port}"
        while socket.socket().connect_ex(("127.0.0.1", port)) != 0:
            if self.process.poll() is not None:
                sys.exit(f"VersityGW ended: see {log.name}")
            time.sleep(0.1)

    def end(self):
        self.process.terminate()
        self.process.wait()


def sweep(site, copy, archive):
    keys = {"ARCHIVE_S3_ACCESS_KEY": ACCESS, "ARCHIVE_S3_SECRET_KEY": SECRET}
    command = [program(), "run", "--db", os.path.join(copy, "job.db"), "--source", os.path.join(site, "checkpoints")]
    begun = time.monotonic()
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    running = subprocess.Popen([*command, "--archive", archive], env={**os.environ, **keys}, **quiet)
    _, status, used = os.wait4(running.pid, 0)
    if os.waitstatus_to_exitcode(status) not in (0, 3):
        sys.exit(f"the sweep into {archive} failed")
    return time.monotonic() - begun, used.ru_utime + used.ru_stime


def judge(site, copy):
    command = [sys.executable, "-B", os.path.join(ROOT, "tests", "golden", "compare.py"), site, copy, "-v"]
    judged = subprocess.run(command, capture_output=True, text=True)
    return judged.stdout.strip().splitlines()[-1]


def one(medium, site, copy, gateway):
    """Sweeps a fresh copy into a medium and leaves what it holds as the copy's tree."""
    shutil.copytree(site, copy, ignore=shutil.ignore_patterns("checkpoints", "expected"))
    subprocess.run(["chmod", "-R", "u+w", copy], check=True)
    archive = os.path.join(copy, "job-archive")
    if medium == "tree":
        return sweep(site, copy, archive)
    if medium == "SQLite":
        path = os.path.join(copy, "archive.db")
        to_sqlite(archive, path)
        times = sweep(site, copy, f"sqlite:{path}")
        from_sqlite(path, archive)
        return times
    bucket = os.path.join(gateway.root, BUCKET)
    shutil.rmtree(bucket, ignore_errors=True)
    shutil.copytree(archive, bucket)
    times = sweep(site, copy, gateway.flag)
    shutil.rmtree(archive)
    shutil.copytree(bucket, archive, ignore=shutil.ignore_patterns(".sgwtmp"))
    return times


def main():
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("site", nargs="+")
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--port", type=int, default=17070)
    args = asked.parse_args()
    binary = os.path.join(ROOT, "target", "s3-servers", "versitygw")
    scratch = tempfile.mkdtemp(prefix="archives-")
    gateway = Gateway(binary, scratch, args.port) if os.path.exists(binary) else None
    try:
        for site in args.site:
            print(os.path.basename(site.rstrip("/")), flush=True)
            times, said = {}, {}
            for n in range(args.rounds):
                for medium in ["tree", "SQLite", *(["S3 (VersityGW)"] if gateway else [])]:
                    copy = os.path.join(scratch, "copy")
                    times.setdefault(medium, []).append(one(medium, site, copy, gateway))
                    if n == 0:
                        said[medium] = judge(site, copy)
                    shutil.rmtree(copy)
            middle = lambda rows, k: sorted(r[k] for r in rows)[len(rows) // 2]  # noqa: E731
            tree = [middle(times["tree"], k) for k in range(2)]
            for medium, rows in times.items():
                wall, cpu = middle(rows, 0), middle(rows, 1)
                print(f"  {medium:15} {wall:6.2f} s {cpu:6.2f} s of processor   {wall / tree[0]:5.2f} {cpu / tree[1]:5.2f}   {said[medium]}")
    finally:
        if gateway:
            gateway.end()
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
