public import Support

/// What the manager says of one job's timer and service.
public struct UnitStatus: Sendable, Codable, Equatable {
    public var job: String
    /// `loaded`, `not-found`, `masked`, …; nil when the manager could not be asked.
    public var timerLoad: String?
    /// `active` or `inactive`.
    public var timerActive: String?
    /// `enabled`, `disabled`, …
    public var timerEnabled: String?
    public var serviceLoad: String?
    /// `inactive`, `activating`, `failed`, …
    public var serviceActive: String?
    /// How the last run since the boot ended for systemd: `success`, `exit-code`, `timeout`, `signal`, …
    public var serviceResult: String?
    public var serviceExitStatus: Int?
    public var lastStart: Timestamp?
    public var lastTrigger: Timestamp?
    public var nextElapse: Timestamp?
    /// Why nothing is known.
    public var unknown: String?
}

extension UnitInstaller {
    /// The rendered timers and sockets that are disabled or do not run; masked ones are not among them. Throws when the manager does
    /// not say.
    public func asleep(of rendered: RenderedUnits) async throws -> [String] {
        let units = rendered.sockets + rendered.scheduledJobs.map(RenderedUnits.timer)
        guard !units.isEmpty else { return [] }
        let result = try await run(
            ["systemctl"] + (flavour == .user ? ["--user"] : []) + [
                "show", "--property=Id", "--property=ActiveState", "--property=UnitFileState", "--",
            ] + units)
        let blocks = SystemdOutput.blocks(result.output)
        guard result.isSuccess, blocks.count == units.count else {
            throw OperatorError(
                "units.manager", doing: "asking systemd about", subject: units.joined(separator: " "),
                reason: result.errors.isEmpty ? "it did not answer for all" : Self.firstLine(result.errors))
        }
        return blocks.compactMap { block in
            let isAwake = block["ActiveState"] == "active" && block["UnitFileState"] == "enabled"
            return isAwake || block["UnitFileState"] == "masked" ? nil : block["Id"]
        }
    }

    /// Asks the manager about every given job at once. A manager that does not answer makes them all unknown, never inactive.
    public func status(of jobs: [String]) async -> [UnitStatus] {
        guard !jobs.isEmpty else { return [] }
        let properties = [
            "Id", "LoadState", "ActiveState", "UnitFileState", "Result", "ExecMainStatus", "LastTriggerUSec",
            "NextElapseUSecRealtime", "ExecMainStartTimestamp",
        ]
        let units = jobs.flatMap { [RenderedUnits.timer(of: $0), RenderedUnits.service(of: $0)] }
        let command =
            ["systemctl"] + (flavour == .user ? ["--user"] : []) + ["show", "--timestamp=unix"]
            + properties.map { "--property=\($0)" } + ["--"] + units
        func allUnknown(_ reason: String) -> [UnitStatus] { jobs.map { UnitStatus(job: $0, unknown: reason) } }
        let result: CommandResult
        do {
            result = try await run(command, extra: ["TZ": "UTC"])
        } catch {
            return allUnknown((error as? OperatorError)?.description ?? "systemctl could not be run")
        }
        let blocks = Dictionary(SystemdOutput.blocks(result.output).map { ($0["Id"] ?? "", $0) }) { first, _ in first }
        guard result.isSuccess, !blocks.isEmpty else {
            return allUnknown(result.errors.isEmpty ? "systemctl said nothing" : Self.firstLine(result.errors))
        }
        return jobs.map { job in
            guard let timer = blocks[RenderedUnits.timer(of: job)], let service = blocks[RenderedUnits.service(of: job)]
            else {
                return UnitStatus(job: job, unknown: "systemctl did not answer for it")
            }
            // Of a service that never ran systemd says success.
            let start = service["ExecMainStartTimestamp"].flatMap { SystemdOutput.time($0) }
            return UnitStatus(
                job: job, timerLoad: timer["LoadState"], timerActive: timer["ActiveState"],
                timerEnabled: timer["UnitFileState"], serviceLoad: service["LoadState"],
                serviceActive: service["ActiveState"], serviceResult: start == nil ? nil : service["Result"],
                serviceExitStatus: start == nil ? nil : service["ExecMainStatus"].flatMap { Int($0) }, lastStart: start,
                lastTrigger: timer["LastTriggerUSec"].flatMap { SystemdOutput.time($0) },
                nextElapse: timer["NextElapseUSecRealtime"].flatMap { SystemdOutput.time($0) },
                unknown: nil)
        }
    }
}
