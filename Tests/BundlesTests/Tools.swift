internal import Glibc
internal import Subprocess
internal import Support
internal import SystemPackage
internal import TestSupport
internal import Testing

@testable internal import Bundles

func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

/// Long stress runs are asked for by name.
let isStress = environment("HERMES_OPS_STRESS") != nil

/// Runs a shell script in a folder; returns its standard output. A failure fails the test.
@discardableResult
func shell(
    _ script: String, in folder: FilePath, _ arguments: [String] = [], location: SourceLocation = #_sourceLocation
) async throws -> String {
    let result = try await Subprocess.run(
        .path("/bin/bash"), arguments: .init(["-euo", "pipefail", "-c", script, "test"] + arguments),
        workingDirectory: folder, output: .string(limit: 16 << 20), error: .string(limit: 1 << 20))
    #expect(
        result.terminationStatus.isSuccess, "\(script)\n\(result.standardError)", sourceLocation: location)
    return result.standardOutput
}

/// A small, seeded generator (SplitMix64): the same numbers in every run.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64
    init(_ seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
        return value ^ (value >> 31)
    }

    mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8.random(in: 0...255, using: &self) } }
}

/// An age file over bytes, by this module.
func encrypt(_ bytes: [UInt8], to recipients: [AgeRecipient], armored: Bool = false) throws -> [UInt8] {
    let sink = MemorySink()
    let encryptor = try AgeEncryptor(to: recipients, sink: sink, armored: armored)
    try bytes.withUnsafeBytes { try encryptor.write($0) }
    try encryptor.finish()
    return sink.bytes
}

/// The plaintext of an age file, by this module.
func decrypt(_ bytes: [UInt8], _ identities: [AgeIdentity]) throws -> [UInt8] {
    let sink = MemorySink()
    try AgeDecryptor(MemorySource(bytes), identities: identities).copy(to: sink)
    return sink.bytes
}

/// What a body throws, as an operator's error.
func failure(of body: () throws -> Void) -> OperatorError? {
    do {
        try body()
        return nil
    } catch {
        return error as? OperatorError
    }
}

extension BundleManifest {
    /// The whole JSON; `entries` are lines as ``EntryLines`` makes them.
    func encoded(entries: [UInt8]) throws -> [UInt8] {
        let (start, end) = try frame()
        return start + entries + end
    }
}
