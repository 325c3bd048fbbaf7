import Subprocess
import Support
import SystemPackage
import TestSupport
import Testing

@testable import Units

@Suite struct UnifiedDiffTests {
    @Test func equalTextsHaveNoDiff() {
        #expect(UnifiedDiff.text(old: "a\n", new: "a\n", oldName: "x", newName: "x") == "")
    }

    @Test func anAddedFileComesFromNowhere() {
        let diff = UnifiedDiff.text(old: nil, new: "a\nb\n", oldName: "x", newName: "x")
        #expect(diff == "--- /dev/null\n+++ x\n@@ -0,0 +1,2 @@\n+a\n+b\n")
    }

    /// git itself turns the old text into the new one with the diff.
    @Test(arguments: 0..<25 as Range<UInt64>) func gitAppliesIt(_ seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        let old = (0..<Int.random(in: 1...60, using: &random)).map { _ in
            "line \(Int.random(in: 0...9, using: &random))"
        }
        var new = old
        for _ in 0..<Int.random(in: 1...8, using: &random) {
            let place = Int.random(in: 0...new.count, using: &random)
            if Bool.random(using: &random), place < new.count {
                new.remove(at: place)
            } else {
                new.insert("new", at: place)
            }
        }
        guard old != new, !new.isEmpty else { return }
        func joined(_ lines: [String]) -> String { lines.map { $0 + "\n" }.joined() }
        let directory = try TemporaryDirectory()
        let file = try directory.write("f", joined(old))
        let diff = UnifiedDiff.text(old: joined(old), new: joined(new), oldName: "a/f", newName: "b/f")
        try directory.write("patch", diff)
        let result = try await Subprocess.run(
            .name("git"), arguments: ["apply", "patch"], workingDirectory: directory.path, output: .discarded,
            error: .string(limit: 10000))
        #expect(result.terminationStatus.isSuccess, "\(result.standardError)\n\(diff)")
        #expect(try FileSystem.read(file, limit: 100_000) == Array(joined(new).utf8))
    }
}

/// SplitMix64: the same numbers for the same seed.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
