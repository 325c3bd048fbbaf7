import Glibc
import Support
import Synchronization
import SystemPackage
import TestSupport

@testable import Sanitizer

/// A sanitizer with a fixed key.
func makeSanitizer(
    rules: [PolicyRule] = [], content: Bool = false, maxFileSize: Int64 = 10 << 20, known: [String] = [],
    workers: Int = 2,
    key: UInt8 = 7
) throws -> Sanitizer {
    var options = SanitizerOptions(
        instance: "test", policy: content ? .content : try .hermes(rules: rules),
        fingerprintKey: Secret([UInt8](repeating: key, count: 32)))
    options.maxFileSize = maxFileSize
    options.knownSecrets = known.map { Secret(Array($0.utf8)) }
    options.workers = workers
    return try Sanitizer(options)
}

/// A value that looks like a secret; the same for the same seed.
func secret(_ seed: UInt64, _ count: Int = 40) -> String {
    var random = SplitMix64(seed: seed)
    let letters = Array("ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789")
    return String((0..<count).map { _ in letters[Int.random(in: 0..<letters.count, using: &random)] })
}

/// A sanitized tree with the bytes of its files.
struct Staged {
    let tree: SanitizedTree
    let files: [[UInt8]: [UInt8]]

    init(
        _ sanitizer: Sanitizer, _ home: FilePath, in folder: TemporaryDirectory, baseline: [[UInt8]: ObjectID] = [:],
        cache: FilePath? = nil
    ) throws {
        let known = baseline.sorted { $0.key.lexicographicallyPrecedes($1.key) }
        tree = try sanitizer.stage(
            home: home, into: folder.path.appending("staging"),
            baseline: Baseline(paths: PathList(known.map(\.key)), blobs: known.map(\.value)), cache: cache)
        var files: [[UInt8]: [UInt8]] = [:]
        for file in tree.files {
            if case .staged(let path) = file.source { files[file.path] = try FileSystem.read(path, limit: 1 << 30) }
        }
        self.files = files
    }

    func text(_ path: String) -> String? { files[Array(path.utf8)].map { String(decoding: $0, as: UTF8.self) } }

    func exclusion(_ path: String) -> Manifest.Exclusion? {
        tree.manifest.excluded.first { $0.path == Array(path.utf8) }
    }

    func entry(_ path: String) -> Manifest.Entry? { tree.manifest.entries.first { $0.path == Array(path.utf8) } }

    /// What the next run finds in HEAD.
    var baseline: [[UInt8]: ObjectID] { Dictionary(uniqueKeysWithValues: tree.files.map { ($0.path, $0.blob) }) }
}

extension [UInt8] {
    func holds(_ needle: [UInt8]) -> Bool { firstRange(of: needle) != nil }
}

extension Staged {
    /// Waits until what was written counts as safely in the past for the stat cache.
    static func settle() throws { usleep(UInt32(StatCache.settling / 1000) + 200_000) }
}

/// Counts calls from several threads.
final class Counter: Sendable {
    private let value = Atomic<Int>(0)
    func next() -> Int { value.wrappingAdd(1, ordering: .relaxed).oldValue }
}

/// What a processor stored.
final class Written: Sendable {
    private let list = Mutex<[[UInt8]]>([])
    func add(_ bytes: [UInt8]) { list.withLock { $0.append(bytes) } }
    var all: [[UInt8]] { list.withLock { $0 } }
}
