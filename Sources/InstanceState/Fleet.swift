internal import Glibc
public import Support
public import SystemPackage

/// Reads the snapshots of any number of instances, each as what a stranger wrote, and rolls them up.
public enum Fleet {
    /// Where an instance's snapshot lies, and what is known of it without one.
    public struct Member: Sendable {
        public var reference: InstanceReference
        public var path: FilePath

        public init(_ reference: InstanceReference, path: FilePath) {
            self.reference = reference
            self.path = path
        }

        /// An instance of which nothing but a name is known: the folder below `/var/lib/hermes-ops-exports`.
        public init(id: String, path: FilePath) {
            reference = InstanceReference(
                id: Slug(making: id), label: SafeText(showing: id), user: UserName(unchecked: "unknown"), scope: .user,
                hermesHome: nil)
            self.path = path
        }
    }

    /// What reading one member brought.
    public struct Reading: Sendable {
        public var member: Member
        public var source: FleetSnapshot.Source
        public var snapshot: InstanceSnapshot?
        /// SHA-256 of the file without what changes at every look.
        var digest: [UInt8] = []

        public var health: Health { source.state == .ok ? snapshot?.health ?? .unknown : .unknown }
        /// The snapshot's own reference once there is one.
        public var reference: InstanceReference { snapshot?.instance ?? member.reference }
    }

    /// How far a snapshot's time may lie ahead of this clock.
    static let futureTolerance = Duration.seconds(120)

    /// The members below an exports folder: one folder each, with `snapshot.json` in it. What is no plain name is passed over.
    public static func members(below folder: FilePath) throws -> [Member] {
        try DirectoryListing.names(at: folder).compactMap { name in
            guard let text = String(validating: name, as: UTF8.self), Slug(rawValue: text) != nil,
                (try? FileStatus(at: folder.appending(text)))?.kind == .directory
            else { return nil }
            return Member(id: text, path: folder.appending(text).appending("snapshot.json"))
        }
    }

    /// Reads every member. Nothing of one can harm the reading of another.
    public static func read(_ members: [Member], at now: Timestamp) async -> [Reading] {
        await withTaskGroup(of: [(Int, Reading)].self) { group in
            // Two pieces for each core: decoding is what costs.
            let pieces = max(1, min(members.count, 2 * max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))))
            for piece in 0..<pieces {
                group.addTask {
                    stride(from: piece, to: members.count, by: pieces).map { ($0, read(members[$0], at: now)) }
                }
            }
            var readings = [Reading?](repeating: nil, count: members.count)
            for await part in group { for (index, reading) in part { readings[index] = reading } }
            return readings.compactMap(\.self)
        }
    }

    static func read(_ member: Member, at now: Timestamp) -> Reading {
        func nothing(_ state: FleetSnapshot.Source.State, _ detail: String, bytes: Int? = nil) -> Reading {
            Reading(
                member: member,
                source: .init(
                    state: state, generatedAt: nil, ageSeconds: nil, bytes: bytes.map { Count($0) },
                    detail: SafeText(showing: detail)),
                snapshot: nil)
        }
        let text: [UInt8]
        do {
            let file = try FileDescriptor.open(
                member.path, .readOnly, options: [.noFollow, .nonBlocking, .closeOnExec])
            defer { file.closeQuietly() }
            let status = try FileStatus(of: file)
            guard status.kind == .file else {
                return nothing(.unreadable, "it is a \(status.kind.rawValue), not a file")
            }
            guard status.size <= InstanceSnapshot.sizeLimit else {
                return nothing(
                    .invalid, "\(status.size) bytes are more than a snapshot has", bytes: Int(clamping: status.size))
            }
            text = try FileSystem.read(file, name: member.path, limit: InstanceSnapshot.sizeLimit)
        } catch let error as Errno {
            if error == .noSuchFileOrDirectory { return nothing(.missing, "no snapshot was ever written") }
            if error == .tooManySymbolicLinkLevels { return nothing(.unreadable, "it is a symlink") }
            return nothing(.unreadable, errorText(error.rawValue))
        } catch let error as OperatorError {
            return nothing(.unreadable, error.reason)
        } catch {
            return nothing(.unreadable, "it cannot be read")
        }
        let snapshot: InstanceSnapshot
        do {
            snapshot = try InstanceSnapshot(decoding: text)
        } catch {
            return nothing(
                .invalid, (error as? SnapshotError)?.description ?? "it cannot be decoded", bytes: text.count)
        }
        // A user can write into her own folder only, but whatever she likes: also another's name.
        guard snapshot.instance.id == member.reference.id else {
            return nothing(.invalid, "it is of another instance than its place says", bytes: text.count)
        }
        let age = now - snapshot.generatedAt
        var source = FleetSnapshot.Source(
            state: .ok, generatedAt: snapshot.generatedAt, ageSeconds: Count(age.components.seconds),
            bytes: Count(text.count))
        if age < .zero - futureTolerance {
            source.state = .future
            source.ageSeconds = nil
            source.detail = SafeText(showing: "its time lies \(describe(.zero - age)) ahead of this clock")
        } else if snapshot.validUntil < now {
            source.state = .stale
            source.detail = SafeText(showing: "nothing was written for \(describe(age))")
        } else if snapshot.validUntil - snapshot.generatedAt > .seconds(86_400) {
            // A snapshot that calls itself valid for years would hide that its writer died.
            source.state = .invalid
            source.detail = SafeText(showing: "it calls itself valid for longer than a day")
        }
        return Reading(member: member, source: source, snapshot: snapshot, digest: Digest.of(still(text), .sha256))
    }

    /// Members whose values are of the look, not of what was seen; all of them numbers or plain strings.
    private static let volatile: [[UInt8]] =
        [
            "generatedAt", "validUntil", "observedAt", "lastSeenAt", "sequence", "durationMs", "ageSeconds",
            "uptimeSeconds",
        ]
        .map { Array($0.utf8) }

    /// The text of a valid snapshot without the values of ``volatile``: far cheaper than writing it anew.
    static func still(_ text: [UInt8]) -> [UInt8] {
        text.withUnsafeBufferPointer { text in
            var out: [UInt8] = []
            out.reserveCapacity(text.count)
            // Up to here it is in `out`, or left out of it.
            var done = 0
            var index = 0
            while index < text.count {
                guard text[index] == UInt8(ascii: "\"") else {
                    index += 1
                    continue
                }
                let start = index + 1
                index = start
                while index < text.count, text[index] != UInt8(ascii: "\"") {
                    index += text[index] == UInt8(ascii: "\\") ? 2 : 1
                }
                let name = start..<min(index, text.count)
                index = min(index + 1, text.count)
                var next = index
                while next < text.count, text[next] <= 0x20 { next += 1 }
                guard next < text.count, text[next] == UInt8(ascii: ":"),
                    volatile.contains(where: { $0.count == name.count && text[name].elementsEqual($0) })
                else { continue }
                out += text[done..<index]
                while index < text.count, text[index] != UInt8(ascii: ","), text[index] != UInt8(ascii: "}") {
                    index += 1
                }
                done = index
            }
            out += text[done...]
            return out
        }
    }

    private static func describe(_ age: Duration) -> String {
        let seconds = max(0, age.components.seconds)
        return seconds < 7200
            ? "\(seconds / 60) min" : seconds < 172_800 ? "\(seconds / 3600) h" : "\(seconds / 86_400) days"
    }

    /// The readings as one document.
    public static func rollUp(_ readings: [Reading], at now: Timestamp) -> FleetSnapshot {
        var fleet = FleetSnapshot(
            generatedAt: now, instances: shown(readings), rollup: rollup(readings), warnings: [], alerts: [], trends: []
        )
        for reading in readings {
            let id = reading.reference.id
            if let trouble = sourceWarning(reading, at: now) {
                fleet.warnings.append(.init(instanceId: id, warning: trouble))
            }
            // What a stale snapshot warned of is no longer known to be so.
            guard reading.source.state == .ok, let snapshot = reading.snapshot else { continue }
            fleet.warnings += snapshot.warnings.map { .init(instanceId: id, warning: $0) }
            fleet.alerts? += snapshot.watchdog.alerts.map { .init(instanceId: id, alert: $0) }
        }
        fleet.warnings.sort {
            ($1.warning.severity, $0.warning.since, $0.instanceId.rawValue, $0.warning.fingerprint.rawValue)
                < ($0.warning.severity, $1.warning.since, $1.instanceId.rawValue, $1.warning.fingerprint.rawValue)
        }
        fleet.warnings = Array(fleet.warnings.prefix(300))
        fleet.alerts = fleet.alerts.map { Array($0.sorted { $0.alert.at > $1.alert.at }.prefix(200)) }
        fleet.etag = etag(readings)
        return fleet
    }

    /// At most 64, as the schema allows: of more, those in trouble.
    private static func shown(_ readings: [Reading]) -> [FleetSnapshot.Instance] {
        func rank(_ reading: Reading) -> Int {
            switch reading.health {
            case .down: 0
            case .degraded: 1
            case .unknown: 2
            case .up: 3
            case .disabled: 4
            }
        }
        var order = Array(readings.enumerated())
        if order.count > 64 {
            order = Array(order.sorted { (rank($0.element), $0.offset) < (rank($1.element), $1.offset) }.prefix(64))
        }
        return order.map { _, reading in
            // A snapshot that breaks its promises is not passed on.
            let snapshot = reading.source.state == .invalid ? nil : reading.snapshot
            return .init(ref: reading.reference, source: reading.source, health: reading.health, snapshot: snapshot)
        }
    }

    private static func rollup(_ readings: [Reading]) -> FleetSnapshot.Rollup {
        func instances(_ health: Health) -> Count { Count(readings.count { $0.health == health }) }
        // Only what is known to be so now is counted.
        let known = readings.compactMap { $0.source.state == .ok ? $0.snapshot : nil }
        func backups(_ freshness: Freshness) -> Int { known.count { $0.backup.repo.freshness == freshness } }
        func warnings(_ severity: Severity) -> Int {
            known.reduce(0) { $0 + $1.warnings.count { $0.severity == severity } }
        }
        func sum(_ value: (InstanceSnapshot.Sessions) -> Count?) -> Count {
            Count(known.reduce(0) { min(Count.maximum, $0 + (value($1.sessions)?.value ?? 0)) })
        }
        let troubled = readings.count { $0.source.state != .ok }
        return .init(
            instances: .init(
                total: Count(readings.count), up: instances(.up), degraded: instances(.degraded),
                down: instances(.down),
                disabled: instances(.disabled), unknown: instances(.unknown)),
            warnings: .init(
                info: Count(warnings(.info)), warn: Count(warnings(.warn) + troubled),
                critical: Count(warnings(.critical))),
            backups: .init(
                fresh: Count(backups(.fresh)), late: Count(backups(.late)), stale: Count(backups(.stale)),
                never: Count(backups(.never)),
                unknown: Count(backups(.unknown) + readings.count - known.count)),
            sessions: .init(active: sum(\.active), total: sum(\.total), messages: sum(\.messages)))
    }

    /// The warning that a snapshot itself is amiss.
    private static func sourceWarning(_ reading: Reading, at now: Timestamp) -> Warning? {
        guard reading.source.state != .ok else { return nil }
        let code = "snapshot-\(reading.source.state.rawValue)"
        let since = reading.source.state == .stale ? reading.snapshot?.validUntil : nil
        let detail = reading.source.detail?.rawValue ?? "nothing is known"
        return Warning(
            code: Slug(making: code), severity: .warn, subject: Pointer(unchecked: "/generatedAt"),
            message: SafeText(
                showing:
                    "The snapshot of \(reading.reference.id.rawValue) is \(reading.source.state.rawValue): \(detail)"),
            since: since ?? now, fingerprint: Fingerprint(of: [reading.reference.id.rawValue, code]),
            runbook: Watchdog.runbook(for: Slug(making: code)))
    }

    /// Changes exactly when something other than the time of a look did.
    private static func etag(_ readings: [Reading]) -> String {
        var digest = Digest(.sha256)
        for reading in readings {
            digest.update(
                Array("\(reading.reference.id) \(reading.source.state.rawValue) \(reading.health.rawValue)\n".utf8))
            digest.update(reading.digest)
        }
        return hex(digest.finish().prefix(16))
    }
}
