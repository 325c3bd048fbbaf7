internal import Sanitizer
internal import Support

extension Receipt {
    /// The receipt as a Markdown page for people. Foreign text in it is made printable and cannot break the page.
    public var markdown: String {
        var text = "# Restore drill of \(Self.cell(instance)): \(outcome.rawValue)\n\n"
        text +=
            "Run `\(Self.cell(runId))`, \(startedAt) to \(finishedAt), hermes-ops-runner \(Self.cell(runnerVersion)).\n"
        if drills.count < plannedDrills {
            text += "\nOnly \(drills.count) of the \(plannedDrills) restores that the job declares were carried out.\n"
        }
        for part in drills { text += part.markdown }
        text += "\nThe signed receipt is `receipt.json` of this run; "
        text += "`hermes-ops-runner drill verify-receipt receipt.json` checks its signature.\n"
        return text
    }

    /// Text for a table's cell or a paragraph: one line, no markup of its own.
    static func cell(_ text: String) -> String {
        var out = ""
        for character in printableLine(text, limit: 600) {
            if "|`*_<>[]#\\".contains(character) { out.append("\\") }
            out.append(character)
        }
        return out
    }
}

extension Receipt.Part {
    fileprivate var markdown: String {
        var text = "\n## From \(Receipt.cell(source)): \(outcome.rawValue)\n\n"
        text += "| | |\n| --- | --- |\n"
        for origin in origins {
            let taken = origin.takenAt.map { ", taken \($0)" } ?? ""
            text +=
                "| \(origin.type) | \(Receipt.cell(origin.identity)) of \(Receipt.cell(origin.instance))\(taken) |\n"
            text += "| manifest, SHA-256 | \(origin.manifestSHA256) |\n"
        }
        if let rpoSeconds { text += "| age (RPO) | \(Self.duration(seconds: rpoSeconds)) |\n" }
        let steps = phases.map { "\($0.name) \($0.source) \(Self.seconds($0.durationMs))" }.joined(separator: ", ")
        text += "| time to restore (RTO) | \(Self.seconds(rtoMs)) |\n"
        if !steps.isEmpty { text += "| phases | \(Receipt.cell(steps)) |\n" }
        text += "| restored | \(payload) |\n"
        if let hermesVersion { text += "| Hermes | \(Receipt.cell(hermesVersion)) |\n" }
        text += "\n| check | outcome | took | found |\n| --- | --- | --- | --- |\n"
        for check in checks {
            let numbers = check.measured.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
            let found = [check.reason.map(Receipt.cell), numbers.isEmpty ? nil : numbers.joined(separator: ", ")]
                .compactMap(\.self).joined(separator: "; ")
            text += "| \(check.name) | \(check.outcome.rawValue) | \(Self.seconds(check.durationMs)) | \(found) |\n"
        }
        guard !secretsToProvide.isEmpty else { return text }
        text += "\nTo be given again after a restore from here:\n\n"
        for needed in secretsToProvide {
            switch needed.kind {
            case .file: text += "- the file \(Receipt.cell(needed.file))\n"
            case .environment, .configuration:
                text += "- \(Receipt.cell(needed.name)) in \(Receipt.cell(needed.place))\n"
            }
        }
        return text
    }

    private var payload: String {
        var parts = ["\(counts.files) files", "\(counts.bytes) bytes"]
        for (name, count) in [
            ("memories", counts.memories), ("skills", counts.skills), ("cron jobs", counts.cronJobs),
            ("sessions", counts.sessions), ("messages", counts.messages),
        ] {
            if let count { parts.append("\(count) \(name)") }
        }
        return parts.joined(separator: ", ")
    }

    private static func seconds(_ milliseconds: Int64) -> String {
        let tenths = (milliseconds + 50) / 100
        return "\(tenths / 10).\(tenths % 10) s"
    }

    static func duration(seconds: Int64) -> String {
        switch seconds {
        case ..<120: "\(seconds) s"
        case ..<7200: "\(seconds / 60) min"
        case ..<172_800: "\(seconds / 3600) h"
        default: "\(seconds / 86_400) days"
        }
    }
}
