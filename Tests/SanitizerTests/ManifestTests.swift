import Foundation
import Support
import Testing

@testable import Sanitizer

struct ManifestTests {
    private func entry(_ path: [UInt8]) -> Manifest.Entry {
        Manifest.Entry(
            path: path, original: nil, kind: .file, mode: 0o640, size: 3, sha256: String(repeating: "ab", count: 32),
            target: nil, action: .redact,
            rule: "skills",
            redactions: [
                Manifest.Redaction(
                    rule: "a-b", fingerprint: "0011aabb", place: "1:2", count: 2, variable: "HERMES_OPS_X")
            ])
    }

    private func manifest(_ paths: [[UInt8]]) -> Manifest {
        Manifest(
            instance: "vijay", policy: String(repeating: "0", count: 64), entries: paths.map(entry),
            excluded: [
                Manifest.Exclusion(
                    path: Array("a\"\\\n\u{7F}é".utf8), rule: "r", reason: "because \"so\"", findings: [])
            ],
            irregular: [Manifest.Irregular(path: [0xFF, 0x2F, 0x61], kind: .socket)],
            skipped: [Manifest.Skipped(rule: "logs", reason: "logs")],
            secretsToProvide: [
                Manifest.Needed(kind: .configuration, name: "HERMES_OPS_X", file: "config.yaml", location: "x.api_key")
            ],
            counts: Manifest.Counts(
                cronJobs: [Manifest.CronJobs(file: "cron/jobs.json", ids: ["a", "b"])], skills: 3,
                memories: [Manifest.Memories(file: "memories/MEMORY.md", entries: 7)]),
            totals: Manifest.Totals(files: 2, bytes: 6, redactedFiles: 2, redactions: 4, excluded: 1))
    }

    @Test("Comes back from its JSON, names of any bytes included")
    func roundTrip() throws {
        let original = manifest([[0x61, 0x0A], Array("b/ü".utf8), [0xFE, 0xFF]])
        let json = original.json()
        #expect(try Manifest(json: json) == original)
        #expect(try JSONSerialization.jsonObject(with: Data(json)) is [String: Any])
        #expect(original.json() == json)
        // The general encoder agrees on what the fields are called.
        #expect(try JSONDecoder().decode(Manifest.self, from: JSONEncoder().encode(original)) == original)
    }

    @Test("A newer format, damage and unsafe paths are errors of their own")
    func refuses() throws {
        let good = String(decoding: manifest([Array("a".utf8), Array("b".utf8)]).json(), as: UTF8.self)
        func error(_ from: String, _ to: String) -> OperatorError? {
            #expect(throws: OperatorError.self) { try Manifest(json: Array(good.replacing(from, with: to).utf8)) }
        }
        let newer = error("\"formatVersion\": 1", "\"formatVersion\": 2")
        #expect(newer?.exit == .damagedInput && newer?.reason.contains("version 2") == true)
        #expect(error("\"formatVersion\": 1", "\"formatVersion\": 0") != nil)
        for path in ["/etc/passwd", "../x", "a/../b", "", "a//b", "./a", "b\\u0000"] {
            #expect(error("{\"path\": \"b\"", "{\"path\": \"\(path)\"") != nil, "\(path)")
        }
        #expect(error("{\"path\": \"b\"", "{\"path\": \"a\"")?.reason.contains("order") == true)
        #expect(error("\"mode\": \"0640\"", "\"mode\": \"9\"") != nil)
        #expect(error("\"kind\": \"file\"", "\"kind\": \"symlink\"") != nil)
        #expect(error("\"size\": 3", "\"size\": -3") != nil)
        #expect(throws: OperatorError.self) { try Manifest(json: Array("[]".utf8)) }
        #expect(throws: OperatorError.self) { try Manifest(json: Array(good.dropLast(20).utf8)) }
    }

    @Test("Losing more than half of the files is alarming")
    func shrinkage() {
        let last = manifest([[0x61], [0x62], [0x63], [0x64]])
        #expect(manifest([[0x61], [0x62]]).shrinkage(since: last) == Manifest.Shrinkage(before: 4, lost: 2))
        #expect(!manifest([[0x61], [0x62]]).shrinkage(since: last).isAlarming)
        #expect(manifest([[0x61], [0x7A], [0x7B]]).shrinkage(since: last).isAlarming)
        #expect(!manifest([]).shrinkage(since: manifest([])).isAlarming)
    }
}
