internal import Support

/// Metrics in Prometheus' text format 0.0.4, for node_exporter's textfile collector.
public enum PrometheusText {
    /// The metrics of a snapshot and of the jobs behind it. A value that is not known is left out: absent, never 0.
    public static func render(_ snapshot: InstanceSnapshot, jobs: [ObservedJob]) -> String {
        var page = MetricsPage()
        let instance: MetricsPage.Labels = [("hermes_instance", snapshot.instance.id.rawValue)]
        page.gauge("hermes_ops_snapshot_timestamp_seconds", "When the exporter last wrote its snapshot.") {
            $0.add(instance, seconds(snapshot.generatedAt))
        }
        page.gauge("hermes_ops_instance_state", "State of the instance, exactly one is 1.") { family in
            for health in Health.allCases {
                family.add(instance + [("state", health.rawValue)], snapshot.health == health ? 1 : 0)
            }
        }
        page.gauge("hermes_ops_probe_success", "1 if the probe could be made at all (0 = value unknown, not down).") {
            family in
            for (name, probe) in probes(snapshot) where probe.status != .skipped {
                family.add(instance + [("probe", name)], probe.isOk ? 1 : 0)
            }
        }
        page.gauge("hermes_ops_unit_state", "State of a watched unit, exactly one is 1.") { family in
            for unit in units(snapshot) {
                for health in Health.allCases {
                    family.add(
                        instance + [("unit", unit.unit.rawValue), ("state", health.rawValue)],
                        unit.health == health ? 1 : 0)
                }
            }
        }
        render(jobs, instance, &page)
        page.gauge("hermes_ops_backup_repo_last_commit_timestamp_seconds", "Commit time of the backup repository HEAD.")
        {
            $0.add(instance, snapshot.backup.repo.lastCommitAt.map(seconds))
        }
        page.gauge("hermes_ops_backup_repo_clean", "1 if the work tree of the backup repository is clean.") {
            $0.add(instance, snapshot.backup.repo.clean.map { $0 ? 1 : 0 })
        }
        page.gauge("hermes_ops_backup_repo_unpushed_commits", "Commits that the remote does not have.") {
            $0.add(instance, snapshot.backup.repo.unpushedCommits.map { Double($0.value) })
        }
        page.gauge("hermes_ops_restore_drill_last_verified_timestamp_seconds", "When a restore drill last passed.") {
            $0.add(instance, snapshot.restoreDrill.lastVerified.map(seconds))
        }
        page.gauge("hermes_ops_disk_used_ratio", "Used fraction of the file system that holds the home.") {
            $0.add(instance, snapshot.host?.diskUsed)
        }
        page.gauge("hermes_ops_memory_used_ratio", "Used fraction of the memory.") {
            $0.add(instance, snapshot.host?.memoryUsed)
        }
        page.gauge("hermes_ops_sessions", "Sessions of Hermes that are not archived.") {
            $0.add(instance, snapshot.sessions.total.map { Double($0.value) })
        }
        page.gauge("hermes_ops_messages", "Messages of Hermes.") {
            $0.add(instance, snapshot.sessions.messages.map { Double($0.value) })
        }
        page.gauge("hermes_ops_cron_jobs", "Cron jobs of Hermes by state.") { family in
            family.add(instance + [("state", "enabled")], snapshot.cron.enabled.map { Double($0.value) })
            family.add(instance + [("state", "failing")], snapshot.cron.failing.map { Double($0.value) })
        }
        page.gauge("hermes_ops_public_listeners", "Listeners of Hermes that face the public; must be 0.") {
            $0.add(instance, snapshot.network.publicListeners.map { Double($0.value) })
        }
        page.gauge("hermes_ops_warnings", "Open warnings by severity.") { family in
            for severity in Severity.allCases {
                family.add(
                    instance + [("severity", severity.rawValue)],
                    Double(snapshot.warnings.count { $0.severity == severity }))
            }
        }
        page.gauge("hermes_ops_build_info", "Version of the exporter.") {
            $0.add([("version", snapshot.exporter.version)], 1)
        }
        return page.text
    }

    private static func render(
        _ jobs: [ObservedJob], _ instance: MetricsPage.Labels, _ page: inout MetricsPage
    ) {
        func each(_ add: (ObservedJob, MetricsPage.Labels) -> Void) {
            for job in jobs { add(job, instance + [("job_name", job.name)]) }
        }
        page.gauge("hermes_ops_job_last_success_timestamp_seconds", "End of the last successful run.") { family in
            each { family.add($1, $0.lastRun?.lastSuccessAt.map(seconds)) }
        }
        page.gauge("hermes_ops_job_last_run_timestamp_seconds", "End of the last run, whatever its outcome.") {
            family in
            each { family.add($1, $0.lastRun?.finishedAt.map(seconds)) }
        }
        page.gauge("hermes_ops_job_last_duration_seconds", "Duration of the last run.") { family in
            each { family.add($1, $0.lastRun?.durationMs.map { Double($0.value) / 1000 }) }
        }
        page.gauge("hermes_ops_job_max_age_seconds", "Age at which the last success counts as stale.") { family in
            each { family.add($1, $0.maxAge.inSeconds) }
        }
        page.counter("hermes_ops_job_runs_total", "Finished runs by outcome.") { family in
            each { job, labels in
                for outcome in Outcome.allCases {
                    family.add(labels + [("outcome", outcome.rawValue)], job.runs[outcome].map(Double.init))
                }
            }
        }
    }

    private static func probes(_ snapshot: InstanceSnapshot) -> [(String, Probe)] {
        var probes = [
            ("gateway", snapshot.gateway.service.probe), ("repository", snapshot.backup.repo.probe),
            ("payload", snapshot.backup.payload.probe), ("cron", snapshot.cron.probe),
            ("sessions", snapshot.sessions.probe),
            ("memory", snapshot.memory.probe), ("skills", snapshot.skills.probe), ("network", snapshot.network.probe),
        ]
        if let host = snapshot.host { probes.append(("host", host.probe)) }
        return probes
    }

    private static func units(_ snapshot: InstanceSnapshot) -> [UnitState] {
        var units = [snapshot.gateway.service, snapshot.dashboard.service, snapshot.backup.timer.unit]
        if let timer = snapshot.drive.timer { units.append(timer.unit) }
        units += snapshot.timers.map(\.unit) + [snapshot.watchdog.timer.unit]
        var seen: Set<UnitName> = []
        return units.filter { seen.insert($0.unit).inserted }
    }

    private static func seconds(_ moment: Timestamp) -> Double { Double(moment.microseconds) / 1_000_000 }
}

/// A page of metric families. A family without a sample is left out.
struct MetricsPage {
    typealias Labels = [(String, String)]

    final class Family {
        fileprivate var lines = ""
        private let name: String

        fileprivate init(_ name: String) { self.name = name }

        /// A sample; nothing for a value that is not known.
        func add(_ labels: Labels, _ value: Double?) {
            guard let value, value.isFinite else { return }
            let shown = labels.map { "\($0.0)=\"\(MetricsPage.escaped($0.1))\"" }.joined(separator: ",")
            lines += "\(name){\(shown)} \(MetricsPage.number(value))\n"
        }
    }

    private(set) var text = ""

    mutating func gauge(_ name: String, _ help: String, _ fill: (Family) -> Void) { add(name, help, "gauge", fill) }
    mutating func counter(_ name: String, _ help: String, _ fill: (Family) -> Void) { add(name, help, "counter", fill) }

    private mutating func add(_ name: String, _ help: String, _ type: String, _ fill: (Family) -> Void) {
        let family = Family(name)
        fill(family)
        guard !family.lines.isEmpty else { return }
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n\(family.lines)"
    }

    /// A label's value: backslash, quote and line feed are escaped; other control characters are shown as text.
    static func escaped(_ text: String) -> String {
        var out = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": out += "\\\\"
            case "\"": out += "\\\""
            case "\n": out += "\\n"
            default:
                if scalar.properties.generalCategory != .control {
                    out.unicodeScalars.append(scalar)
                } else {
                    out += "?"
                }
            }
        }
        return out
    }

    private static func number(_ value: Double) -> String {
        Int64(exactly: value).map(String.init) ?? "\(value)"
    }
}
