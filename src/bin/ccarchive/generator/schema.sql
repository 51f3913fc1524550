-- The job database of cc-backend at schema version 11: tables, checks and index names as its
-- migrations leave them. PRAGMA table_info and sqlite_master of a real one were the source.

CREATE TABLE schema_migrations (version uint64, dirty bool);
CREATE UNIQUE INDEX version_unique ON schema_migrations (version);
INSERT INTO schema_migrations VALUES (11, 0);

CREATE TABLE tag (
    id INTEGER PRIMARY KEY, tag_type VARCHAR(255) NOT NULL, tag_name VARCHAR(255) NOT NULL,
    insert_ts TEXT DEFAULT CURRENT_TIMESTAMP, tag_scope TEXT NOT NULL DEFAULT 'global', UNIQUE (tag_type, tag_name));

CREATE TABLE jobtag (
    job_id INTEGER, tag_id INTEGER, insert_ts TEXT DEFAULT CURRENT_TIMESTAMP, PRIMARY KEY (job_id, tag_id),
    FOREIGN KEY (job_id) REFERENCES job (id) ON DELETE CASCADE,
    FOREIGN KEY (tag_id) REFERENCES tag (id) ON DELETE CASCADE);

CREATE TABLE hpc_user (
    username varchar(255) PRIMARY KEY NOT NULL, password varchar(255) DEFAULT NULL, ldap tinyint NOT NULL DEFAULT 0,
    name varchar(255) DEFAULT NULL, roles varchar(255) NOT NULL DEFAULT "[]", email varchar(255) DEFAULT NULL,
    projects varchar(255) NOT NULL DEFAULT "[]");

CREATE TABLE configuration (
    username varchar(255), confkey varchar(255), value text, PRIMARY KEY (username, confkey),
    FOREIGN KEY (username) REFERENCES hpc_user (username) ON DELETE CASCADE ON UPDATE NO ACTION);

CREATE TABLE job_cache (
    id INTEGER PRIMARY KEY, job_id BIGINT NOT NULL, cluster VARCHAR(255) NOT NULL, subcluster VARCHAR(255) NOT NULL,
    submit_time BIGINT NOT NULL DEFAULT 0, start_time BIGINT NOT NULL DEFAULT 0, hpc_user VARCHAR(255) NOT NULL,
    project VARCHAR(255) NOT NULL, cluster_partition VARCHAR(255), array_job_id BIGINT, duration INT NOT NULL,
    walltime INT NOT NULL,
    job_state VARCHAR(255) NOT NULL CHECK (job_state IN ('boot_fail', 'cancelled', 'completed', 'deadline', 'failed', 'node_fail',
        'out_of_memory', 'pending', 'preempted', 'running', 'suspended', 'timeout')),
    meta_data TEXT, resources TEXT NOT NULL, num_nodes INT NOT NULL, num_hwthreads INT, num_acc INT,
    smt TINYINT NOT NULL DEFAULT 1 CHECK (smt IN (0, 1)),
    shared TEXT NOT NULL CHECK (shared IN ("none", "single_user", "multi_user")),
    monitoring_status TINYINT NOT NULL DEFAULT 1 CHECK (monitoring_status IN (0, 1, 2, 3)),
    energy REAL NOT NULL DEFAULT 0.0, energy_footprint TEXT DEFAULT NULL, footprint TEXT DEFAULT NULL,
    UNIQUE (job_id, cluster, start_time));

CREATE TABLE job (
    id INTEGER PRIMARY KEY, job_id BIGINT NOT NULL, cluster TEXT NOT NULL, subcluster TEXT NOT NULL,
    submit_time BIGINT NOT NULL DEFAULT 0, start_time BIGINT NOT NULL DEFAULT 0, hpc_user TEXT NOT NULL,
    project TEXT NOT NULL, cluster_partition TEXT, array_job_id BIGINT, duration INT NOT NULL, walltime INT NOT NULL,
    job_state TEXT NOT NULL CHECK (job_state IN ('boot_fail', 'cancelled', 'completed', 'deadline', 'failed', 'node_fail',
        'out_of_memory', 'pending', 'preempted', 'running', 'suspended', 'timeout')),
    meta_data TEXT, resources TEXT NOT NULL, num_nodes INT NOT NULL, num_hwthreads INT, num_acc INT,
    smt INT NOT NULL DEFAULT 1, shared TEXT NOT NULL CHECK (shared IN ("none", "single_user", "multi_user")),
    monitoring_status TINYINT NOT NULL DEFAULT 1 CHECK (monitoring_status IN (0, 1, 2, 3)),
    energy REAL NOT NULL DEFAULT 0.0, energy_footprint TEXT DEFAULT NULL, footprint TEXT DEFAULT NULL,
    UNIQUE (job_id, cluster, start_time));

CREATE TABLE node (
    id INTEGER PRIMARY KEY, hostname VARCHAR(255) NOT NULL, cluster VARCHAR(255) NOT NULL,
    subcluster VARCHAR(255) NOT NULL, meta_data TEXT, UNIQUE (hostname, cluster));

CREATE TABLE node_state (
    id INTEGER PRIMARY KEY, time_stamp INTEGER NOT NULL, jobs_running INTEGER DEFAULT 0 NOT NULL,
    cpus_allocated INTEGER DEFAULT 0 NOT NULL, memory_allocated INTEGER DEFAULT 0 NOT NULL,
    gpus_allocated INTEGER DEFAULT 0 NOT NULL,
    node_state VARCHAR(255) NOT NULL CHECK (node_state IN ('allocated', 'reserved', 'idle', 'mixed', 'down', 'unknown')),
    health_state VARCHAR(255) NOT NULL CHECK (health_state IN ('full', 'partial', 'failed')), health_metrics TEXT,
    node_id INTEGER, FOREIGN KEY (node_id) REFERENCES node (id));

CREATE INDEX nodes_cluster ON node (cluster);
CREATE INDEX nodes_cluster_subcluster ON node (cluster, subcluster);
CREATE INDEX nodestates_timestamp ON node_state (time_stamp);
CREATE INDEX nodestates_state_timestamp ON node_state (node_state, time_stamp);
CREATE INDEX nodestates_health_timestamp ON node_state (health_state, time_stamp);
CREATE INDEX nodestates_nodeid_state ON node_state (node_id, node_state);
CREATE INDEX nodestates_nodeid_health ON node_state (node_id, health_state);
CREATE INDEX nodestates_nodeid_timestamp ON node_state (node_id, time_stamp DESC);
CREATE INDEX tags_jobid ON jobtag (job_id);
CREATE INDEX tags_tagid ON jobtag (tag_id);
CREATE INDEX jobs_cluster_user_starttime_stats ON job (cluster, hpc_user, start_time, duration, job_state, num_nodes, num_hwthreads, num_acc);
CREATE INDEX jobs_cluster_project_starttime_stats ON job (cluster, project, start_time, duration, job_state, num_nodes, num_hwthreads, num_acc);
CREATE INDEX jobs_cluster_jobstate_user_stats ON job (cluster, job_state, hpc_user, duration, start_time, num_nodes, num_hwthreads, num_acc);
CREATE INDEX jobs_cluster_jobstate_project_stats ON job (cluster, job_state, project, duration, start_time, num_nodes, num_hwthreads, num_acc);
CREATE INDEX jobs_cluster_jobstate_subcluster_stats ON job (cluster, job_state, subcluster, duration, start_time, num_nodes, num_hwthreads, num_acc);
CREATE INDEX jobs_running_user_stats ON job (cluster, hpc_user, num_nodes, num_hwthreads, num_acc, duration, start_time) WHERE job_state = 'running';
CREATE INDEX jobs_running_project_stats ON job (cluster, project, num_nodes, num_hwthreads, num_acc, duration, start_time) WHERE job_state = 'running';
CREATE INDEX jobs_running_subcluster_stats ON job (cluster, subcluster, num_nodes, num_hwthreads, num_acc, duration, start_time) WHERE job_state = 'running';
