import Foundation
import Logging
import Support
import Synchronization
import Testing

@testable import Jobs

@Suite struct ConsoleLogHandlerTests {
    private final class Lines: Sendable {
        let all = Mutex<[String]>([])
        var text: String { all.withLock { $0.joined() } }
    }

    private func logger(_ format: ConsoleLogHandler.Format, _ environment: [String: String], _ lines: Lines)
        -> Logger
    {
        Logger(label: "hermes-ops") { label in
            ConsoleLogHandler(label: label, format: format, level: .debug, environment: environment) { line in
                lines.all.withLock { $0.append(line) }
            }
        }
    }

    @Test func textIsOneLineWithoutCredentials() {
        let lines = Lines()
        let token = "ghp" + "_" + String(repeating: "aB3dE6", count: 6)
        logger(.text, [:], lines).warning("pushed\n\u{1B}[31m", metadata: ["token": "\(token)", "path": "a b"])
        #expect(lines.text.hasSuffix("Z warning pushed\\n\\u{1b}[31m path=\"a b\" token=«redacted»\n"))
        #expect(lines.all.withLock { $0.count } == 1)
    }

    @Test(arguments: [
        (Logger.Level.error, "<3>"), (.warning, "<4>"), (.notice, "<5>"), (.info, "<6>"), (.debug, "<7>"),
        (.critical, "<2>"),
    ])
    func theJournalGetsPriorities(_ level: Logger.Level, _ prefix: String) {
        let lines = Lines()
        logger(.text, ["JOURNAL_STREAM": "8:1"], lines).log(level: level, "message")
        #expect(lines.text == "\(prefix)message\n")
    }

    @Test func jsonIsOneObjectALine() throws {
        let lines = Lines()
        var log = logger(.json, ["JOURNAL_STREAM": "8:1"], lines)
        log[metadataKey: "job"] = "backup"
        log.info("a \"quoted\" message", metadata: ["n": "1"])
        let object = try #require(try JSONSerialization.jsonObject(with: Data(lines.text.utf8)) as? [String: Any])
        #expect(object["level"] as? String == "info" && object["message"] as? String == "a \"quoted\" message")
        #expect(object["fields"] as? [String: String] == ["job": "backup", "n": "1"])
        #expect(lines.text.hasSuffix("}\n"))
    }
}
