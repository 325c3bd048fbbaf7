internal import Synchronization

/// A secret that a detector found in some bytes.
struct Finding: Sendable, Hashable {
    /// The rule's id: `[a-z0-9][a-z0-9._-]*`.
    var rule: String
    /// The secret's own bytes, as offsets into what was scanned: no quotes, no key, no scheme.
    var range: Range<Int>
    /// The secret stands as a bare JSON or TOML scalar: what replaces it must bring its own quotes.
    var needsQuotes = false
}

/// Finds secrets in bytes by what they look like and where they stand; knows no home and no policy.
///
/// One pass over the bytes finds anchors: the fixed fronts of vendors' tokens, the words that name secrets, the marks of
/// URLs, headers, key blocks and encodings. At each anchor its rule looks at the bytes around it, so that the cost grows with the
/// length of the text and the number of anchors, not with the number of rules.
final class Detector: Sendable {
    private let rules: RuleSet
    /// Those that no scan uses at the moment.
    private let scratches = Mutex<[ScanScratch]>([])

    /// The names under which findings are reported.
    let ruleIDs: Set<String>

    init(rules: RuleSet) {
        self.rules = rules
        ruleIDs = rules.ids
    }

    /// The detector with the built-in rules, made once.
    static func standard() throws -> Detector { try shared.get() }

    private static let shared = Result { Detector(rules: try RuleSet.standard()) }

    /// The secrets in some bytes, ordered, not overlapping. `name` is the file's path as bytes: it tells the syntax.
    ///
    /// Throws when a rule could not be evaluated to the end (a match limit): the caller must fail closed.
    func findings(in bytes: UnsafeRawBufferPointer, name: [UInt8]) throws -> [Finding] {
        try scan(bytes, name: name).findings
    }

    /// What a look at some bytes gave.
    struct Scan {
        var findings: [Finding] = []
        /// Compressed content in base64, the lines of each: what it holds is for the caller to look into.
        var packed: [[Range<Int>]] = []
    }

    /// As ``findings(in:name:)``, with what could not be looked into.
    func scan(_ bytes: UnsafeRawBufferPointer, name: [UInt8]) throws -> Scan {
        guard let base = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), !bytes.isEmpty else { return Scan() }
        let scratch = try scratches.withLock { $0.popLast() } ?? ScanScratch()
        defer { scratches.withLock { $0.append(scratch) } }
        let pass = DetectionPass(
            ByteText(base: base, count: bytes.count), rules: rules, syntax: Syntax(name: name), scratch: scratch,
            depth: 0, name: name)
        try pass.run()
        let found = DetectionPass.merged(pass.found)
        let echoes = Self.echoes(of: found, in: pass)
        return Scan(findings: echoes.isEmpty ? found : DetectionPass.merged(found + echoes), packed: pass.packed)
    }
}
