internal import Jobs
internal import Support

/// A run as programs read it: its record, and what its steps decided.
struct RunDocument: Encodable {
    private struct Decided: Encodable {
        struct Decisions: Encodable {
            var step: String
            var decisions: [StepDecision]
        }

        var decided: [Decisions]?
    }

    private let record: RunRecord
    private let decided: Decided

    init(_ result: RunResult) {
        record = result.record
        let steps = result.summaries.filter { !$0.decisions.isEmpty }
            .map { Decided.Decisions(step: $0.step, decisions: $0.decisions) }
        decided = Decided(decided: steps.isEmpty ? nil : steps)
    }

    func encode(to encoder: any Encoder) throws {
        try record.encode(to: encoder)
        try decided.encode(to: encoder)
    }
}

/// A run as people read it.
enum RunText {
    static func text(_ result: RunResult) -> String {
        var text = record(result.record)
        for summary in result.summaries {
            text += "  \(printable(summary.step)): \(printableLine(summary.text))\n"
            for decision in summary.decisions {
                text += "    \(decision.action) \(printable(decision.name)): \(printableLine(decision.reason))\n"
            }
        }
        for warning in result.warnings { text += "  warning: \(printableLine(warning))\n" }
        if let error = result.error {
            text += "  error: \(printableLine(CredentialScrubber.scrub(error.description)))\n"
        }
        return text
    }

    static func record(_ record: RunRecord) -> String {
        var text = "\(record.job.name) \(outcome(record.outcome))"
        if let duration = record.durationMs { text += " in \(HumanUnits.duration(.milliseconds(duration)))" }
        text += "  (run \(record.runId))\n"
        if let steps = record.steps, !steps.isEmpty {
            var table = TextTable("STEP", "OUTCOME", "TOOK", "ITEMS", "BYTES")
            for step in steps {
                table.add(
                    step.name, step.outcome?.rawValue ?? step.state.rawValue,
                    step.durationMs.map { HumanUnits.duration(.milliseconds($0)) } ?? "-",
                    step.items.map(String.init) ?? "-",
                    step.bytes.map { HumanUnits.bytes($0) } ?? "-")
            }
            text += table.render()
        }
        return text
    }

    static func outcome(_ outcome: RunOutcome?) -> String {
        guard let outcome else { return "running" }
        let colour: Console.Colour =
            switch outcome {
            case .success: .green
            case .skip, .cancellation: .yellow
            default: .red
            }
        return Console.emphasized(outcome.rawValue, colour)
    }
}
