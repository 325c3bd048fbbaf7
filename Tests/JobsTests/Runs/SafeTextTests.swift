import Foundation
import Support
import Testing

@testable import Jobs

@Suite struct SafeTextTests {
    /// Random text of credential pieces: what the scrubber lets through the schema's own pattern accepts.
    @Test func whatItLetsThroughTheSchemaAccepts() async throws {
        var generator = SplitMix(seed: 42)
        let pieces = [
            "gh" + "p_", "github" + "_pat_", "sk" + "-", "xox" + "b-", "AI" + "za", "ya" + "29.", "1/" + "/0",
            "AK" + "IA", "-----" + "BEGIN", "ey" + "J",
            "123456789", ":", "Abc123Def4", "_", "-", " ", "\n", "\u{7F}", "é", "\u{202E}", "«", "x", "0", "/",
            "https://", "@", "?", "AGE-SECRET" + "-KEY-1",
        ]
        var documents: [String] = []
        for _ in 0..<3000 {
            let text = (0..<Int.random(in: 1...30, using: &generator)).map { _ in
                pieces.randomElement(using: &generator) ?? ""
            }.joined()
            let safe = CredentialScrubber.safeText(text)
            let record: [String: Any] = [
                "kind": "hermes.job.run", "schemaVersion": "1.0", "runId": String(repeating: "a", count: 32),
                "instance": "a",
                "job": ["name": "j", "kind": "custom"], "trigger": ["type": "manual"], "state": "finished",
                "outcome": "failure",
                "startedAt": "2026-01-01T00:00:00Z", "finishedAt": "2026-01-01T00:00:00Z", "durationMs": 0,
                "error": ["type": "x", "message": safe], "runner": ["version": "0.1.0"],
            ]
            documents.append(String(decoding: try JSONSerialization.data(withJSONObject: record), as: UTF8.self))
        }
        try await JSONSchemaCheck.expectValid(.run, documents)
    }
}
