internal import Support
internal import SystemPackage
internal import Yams

/// The entries of `jobs:`.
extension ConfigurationReader {
    func readJob(
        _ value: ConfigurationValue, name: String, position: SourcePosition, contents: BundleContents
    ) -> JobDeclaration? {
        let place = "job \"\(name)\""
        guard let mapping = value.mapping(place) else { return nil }
        defer { mapping.finish() }
        let description = mapping.take("description")?.text()
        let scheduleValue = mapping.take("schedule")
        let schedule = scheduleValue?.parsed(CalendarExpression.help) { CalendarExpression.isPlausible($0) ? $0 : nil }
        let delay = mapping.take("randomizedDelay")?.parsed(ScalarFormats.durationHelp, ScalarFormats.duration)
        let timeout = mapping.take("timeout")?.parsed(ScalarFormats.durationHelp + ", more than 0") { text in
            ScalarFormats.duration(text).flatMap { $0 > .zero ? $0 : nil }
        }
        var retry = JobDeclaration.Retry(attempts: 1, backoff: .seconds(30), maxBackoff: .seconds(600))
        if let inner = mapping.take("retry")?.mapping("\"retry\" of \(place)") {
            retry.attempts = inner.take("attempts")?.integer(1...100) ?? 3
            let backoff = inner.take("backoff")?.parsed(ScalarFormats.durationHelp, ScalarFormats.duration)
            let maxBackoff = inner.take("maxBackoff")?.parsed(ScalarFormats.durationHelp, ScalarFormats.duration)
            inner.finish()
            if let backoff { retry.backoff = backoff }
            retry.maxBackoff = maxBackoff ?? max(retry.maxBackoff, retry.backoff)
            if let maxBackoff, maxBackoff < retry.backoff {
                collector.report("\"maxBackoff\" of \(place) is shorter than its \"backoff\"", at: inner.position)
            }
        }
        func steps(_ key: String, prefix: String) -> [StepDeclaration] {
            guard let list = mapping.take(key)?.list() else { return [] }
            var counts: [StepKind: Int] = [:]
            return list.compactMap { readStep($0, place: place, prefix: prefix, counts: &counts, contents: contents) }
        }
        let stepsValue = mapping.require("steps")
        if case .sequence(let sequence)? = stepsValue?.node {
            if sequence.isEmpty { stepsValue?.report("\(place) needs at least one step") }
            if sequence.count > 100 { stepsValue?.report("\(place) has more than 100 steps") }
        }
        return JobDeclaration(
            name: name, description: description, schedule: schedule, schedulePosition: scheduleValue?.position,
            randomizedDelay: delay ?? .zero, timeout: timeout ?? .seconds(3600), retry: retry,
            steps: steps("steps", prefix: ""), onFailure: steps("onFailure", prefix: "on-failure."),
            onSuccess: steps("onSuccess", prefix: "on-success."), always: steps("always", prefix: "always."),
            definition: Self.definition(of: value.node), position: position)
    }

    private func readStep(
        _ value: ConfigurationValue, place: String, prefix: String, counts: inout [StepKind: Int],
        contents: BundleContents
    ) -> StepDeclaration? {
        var name: String?
        var position = value.position
        var options: ConfigurationValue?
        switch value.node {
        case .scalar:
            name = value.text()
        case .mapping:
            guard let mapping = value.mapping("a step of \(place)") else { return nil }
            guard mapping.entries.count == 1, let entry = mapping.entries.first else {
                value.report(
                    "a step of \(place) needs one name with its options below it, found \(mapping.entries.count) names")
                return nil
            }
            name = entry.name
            position = entry.position
            options = entry.value.isNull ? nil : entry.value
        case .sequence, .alias:
            value.report("a step of \(place) is a name, or a name with options, found \(value.kind)")
        }
        guard let name else { return nil }
        guard let kind = StepKind(rawValue: name) else {
            collector.report(
                "unknown step \(shown(name)) in \(place)"
                    + suggestion(for: name, among: StepKind.allCases.map(\.rawValue), listing: true), at: position)
            return nil
        }
        let label = "step \"\(name)\" of \(place)"
        var mapping: ConfigurationMapping?
        if let options {
            mapping = options.mapping(label)
            if mapping == nil { return nil }
        }
        defer { mapping?.finish() }
        guard let action = readAction(kind, mapping, label: label, position: position, contents: contents) else {
            return nil
        }
        counts[kind, default: 0] += 1
        let count = counts[kind, default: 1]
        return StepDeclaration(name: prefix + name + (count > 1 ? "-\(count)" : ""), action: action, position: position)
    }

    private func readAction(
        _ kind: StepKind, _ mapping: ConfigurationMapping?, label: String, position: SourcePosition,
        contents: BundleContents
    ) -> StepAction? {
        func lacks(_ key: String) { collector.report("\(label) lacks the key \"\(key)\"", at: position) }
        func name(_ key: String, _ kind: ReferenceKind, required: Bool) -> String? {
            guard let value = mapping?.take(key) else {
                if required { lacks(key) }
                return nil
            }
            if kind == .credential { return credential(value, place: label) }
            guard let text = value.text() else { return nil }
            references.append(.init(kind: kind, name: text, place: label, position: value.position))
            return text
        }
        switch kind {
        case .sanitize: return .sanitize(SanitizeOptions())
        case .commit: return .commit(CommitOptions())
        case .push: return .push(PushOptions())
        case .snapshot: return .snapshot(SnapshotOptions())
        case .watchdog: return .watchdog(WatchdogOptions())
        case .bundle:
            return .bundle(BundleOptions(contents: mapping?.take("contents")?.choice(BundleContents.self) ?? contents))
        case .upload:
            return name("store", .store, required: true).map { .upload(UploadOptions(store: $0)) }
        case .prune:
            let store = name("store", .store, required: true)
            guard let value = mapping?.take("keep") else {
                lacks("keep")
                return nil
            }
            guard let keep = readKeep(value, label: label), let store else { return nil }
            return .prune(PruneOptions(store: store, keep: keep))
        case .restore:
            return readRestore(mapping, label: label, position: position, name: name)
        case .verify:
            return .verify(
                VerifyOptions(
                    hermes: mapping?.take("hermes")?.choice(VerifyOptions.HermesCheck.self) ?? .off,
                    maxAge: mapping?.take("maxAge")?.parsed(ScalarFormats.durationHelp, ScalarFormats.duration)))
        case .remind:
            let drill = name("drill", .job, required: true)
            let maxAge = mapping?.take("maxAge")?.parsed(ScalarFormats.durationHelp, ScalarFormats.duration)
            let dueSoon = mapping?.take("dueSoon")?.parsed(ScalarFormats.durationHelp, ScalarFormats.duration)
            return drill.map {
                .remind(
                    RemindOptions(
                        drill: $0, maxAge: maxAge ?? .seconds(92 * 86_400), dueSoon: dueSoon ?? .seconds(14 * 86_400)))
            }
        case .notify:
            let channels = mapping?.take("channels")?.list()?.compactMap { $0.choice(NotifyOptions.Channel.self) }
            return .notify(NotifyOptions(channels: channels ?? NotifyOptions.Channel.allCases))
        }
    }

    private func readRestore(
        _ mapping: ConfigurationMapping?, label: String, position: SourcePosition,
        name: (String, ReferenceKind, Bool) -> String?
    ) -> StepAction? {
        guard let from = mapping?.take("from") else {
            collector.report("\(label) lacks the key \"from\": repository, store, file or both", at: position)
            // What else stands there is still known.
            for key in ["store", "file", "bundle", "identity", "local", "keep"] { _ = mapping?.take(key) }
            return nil
        }
        let source = from.choice(RestoreOptions.Source.self)
        let wantsStore = source == .store || source == .both
        for key in ["store", "identity"] where source == .repository || key == "store" && source == .file {
            mapping?.entries.first { $0.name == key }?.value.report(
                "\"\(key)\" does not go with `from: \(source?.rawValue ?? "")`, in \(label)")
        }
        let store = name("store", .store, wantsStore)
        let identity = name("identity", .credential, wantsStore || source == .file)
        let file = mapping?.take("file")
        if source == .file, file == nil { collector.report("\(label) lacks the key \"file\"", at: position) }
        if let file, let source, source != .file { file.report("\"file\" goes with `from: file`, in \(label)") }
        // What has no meaning there would be believed to have one.
        let wanted = mapping?.take("bundle")
        if let source, !wantsStore {
            wanted?.report("\"bundle\" goes with `from: store`, not with \(source.rawValue), in \(label)")
        }
        let bundle = wanted?.text()
        let tree = mapping?.take("local")
        if source == .store || source == .file {
            tree?.report("\"local\" goes with `from: repository`, in \(label)")
        }
        let local = tree?.boolean()
        let keep = mapping?.take("keep")?.boolean()
        guard let source else { return nil }
        return .restore(
            RestoreOptions(
                source: source, store: store, file: file.flatMap(path), bundle: bundle, identity: identity,
                local: local ?? false, keep: keep ?? false))
    }

    private func readKeep(_ value: ConfigurationValue, label: String) -> KeepDeclaration? {
        guard let mapping = value.mapping("\"keep\" of \(label)") else { return nil }
        defer { mapping.finish() }
        func count(_ key: String) -> Int? { mapping.take(key)?.integer(1...100_000) }
        let keep = KeepDeclaration(
            last: count("last"), hourly: count("hourly"), daily: count("daily"), weekly: count("weekly"),
            monthly: count("monthly"), yearly: count("yearly"),
            within: mapping.take("within")?.parsed("years, months, days, hours, such as 1y5m7d2h", ScalarFormats.within)
        )
        // An empty policy would delete everything but the newest.
        if mapping.entries.isEmpty {
            value.report(
                "\"keep\" of \(label) is empty: that would delete every bundle; allowed: last, hourly, daily, weekly, monthly, "
                    + "yearly, within")
            return nil
        }
        return keep
    }

    /// A hash over a node's content, in which the order of keys, comments and layout do not count.
    private static func definition(of node: Node) -> String {
        // Aliases of aliases unfold without bound; such a job is refused anyway.
        var budget = 20_000
        func canonical(_ node: Node, into text: inout String) {
            budget -= 1
            guard budget > 0 else { return }
            switch node {
            case .scalar(let scalar): text += "s\(scalar.string.utf8.count):\(scalar.string)"
            case .sequence(let sequence):
                text += "l\(sequence.count):"
                for item in sequence { canonical(item, into: &text) }
            case .mapping(let mapping):
                text += "m\(mapping.count):"
                for (key, value) in mapping.sorted(by: { $0.key.scalar?.string ?? "" < $1.key.scalar?.string ?? "" }) {
                    canonical(key, into: &text)
                    canonical(value, into: &text)
                }
            case .alias: break
            }
        }
        var text = ""
        canonical(node, into: &text)
        return "sha256:" + String(hex(Digest.of(Array(text.utf8), .sha256)).prefix(12))
    }
}
