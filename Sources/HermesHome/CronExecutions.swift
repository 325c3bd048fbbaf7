public import Support
internal import SystemPackage

/// The newest entry of Hermes' run ledger for one job, from cron/executions.db.
public struct CronExecution: Sendable, Hashable {
    public var jobID: String
    /// `claimed`, `running`, `completed`, `failed`, `unknown`.
    public var status: String
    public var claimed: Timestamp?
    public var started: Timestamp?
    public var finished: Timestamp?

    /// The newest execution of each job, by job id; empty when there is no ledger. Nothing of the home is changed.
    public static func latest(_ home: HomeLayout) throws(HomeFailure) -> [String: CronExecution] {
        let found = try ReadOnlyDatabase.read(home.cronExecutions) { database throws(HomeFailure) in
            if try database.columns(of: "executions").isEmpty { return [String: CronExecution]() }
            // SQLite takes the other columns from the row that holds the maximum (lang_select.html, "bare columns").
            let rows = try database.rows(
                "SELECT job_id, status, MAX(claimed_at), started_at, finished_at FROM executions GROUP BY job_id")
            var latest: [String: CronExecution] = [:]
            for row in rows {
                guard let id = row[0].text else { continue }
                func moment(_ value: ReadOnlyDatabase.Value) -> Timestamp? {
                    value.text.flatMap { Timestamp(pythonISO: $0) }
                }
                latest[id] = CronExecution(
                    jobID: id, status: row[1].text ?? "unknown", claimed: moment(row[2]), started: moment(row[3]),
                    finished: moment(row[4]))
            }
            return latest
        }
        return found ?? [:]
    }

    /// How many runs of each job failed since its last completed one, by job id; jobs without such failures are left out.
    public static func failuresInARow(_ home: HomeLayout, cancellation: CancellationFlag? = nil) throws(HomeFailure)
        -> [String: Int]
    {
        let found = try ReadOnlyDatabase.read(home.cronExecutions, cancellation: cancellation) {
            database throws(HomeFailure) in
            if try database.columns(of: "executions").isEmpty { return [String: Int]() }
            let rows = try database.rows(
                """
                SELECT job_id, COUNT(*) FROM executions e WHERE status = 'failed' AND claimed_at > COALESCE(
                    (SELECT MAX(claimed_at) FROM executions c WHERE c.job_id = e.job_id AND c.status = 'completed'), '')
                GROUP BY job_id
                """)
            var failures: [String: Int] = [:]
            for row in rows {
                if let id = row[0].text { failures[id] = Int(row[1].integer ?? 0) }
            }
            return failures
        }
        return found ?? [:]
    }
}
