internal import Support
internal import Synchronization

/// What became of each file of a home, by its index in the inventory. Threads may share it.
final class FileRecords: Sendable {
    /// A regular file that was kept as it is, under its own name, and of which no more is to tell. Nearly all of a home are such.
    struct Kept: Sendable, Equatable {
        var sha256: ContentDigest
        /// In bytes, as it was read.
        var size: Int64
        var blob: ObjectID
        /// `mode & 0o7777`
        var permissions: UInt16

        var isExecutable: Bool { permissions & 0o100 != 0 }

        func entry(path: [UInt8], rule: String) -> Manifest.Entry {
            Manifest.Entry(
                path: path, original: nil, kind: .file, mode: UInt32(permissions), size: size, sha256: sha256.hex,
                target: nil, action: .keep, rule: rule, redactions: [])
        }

        func stored(path: [UInt8], rule: String) -> FileRecord.Stored {
            FileRecord.Stored(entry: entry(path: path, rule: rule), blob: blob)
        }
    }

    enum Record: Sendable, Equatable {
        case kept(Kept)
        /// A file that was left out for a reason that holds for many, and whose name may be told.
        case excluded(reason: String)
        case other(FileRecord)

        /// In its shortest form.
        init(_ record: FileRecord, of item: HomeInventory.Item) {
            self = .other(record)
            if case .excluded(let exclusion) = record.outcome {
                let short = Record.excluded(reason: exclusion.reason)
                if record == short.whole(of: item) { self = short }
                return
            }
            guard case .stored(let stored) = record.outcome, let sha256 = ContentDigest(hex: stored.entry.sha256) else {
                return
            }
            let kept = Kept(
                sha256: sha256, size: stored.entry.size, blob: stored.blob,
                permissions: UInt16(truncatingIfNeeded: item.stamp.permissions))
            let same = FileRecord(outcome: .stored(kept.stored(path: item.path, rule: item.decision.rule)))
            if record == same { self = .kept(kept) }
        }

        func whole(of item: HomeInventory.Item) -> FileRecord {
            switch self {
            case .kept(let kept): FileRecord(outcome: .stored(kept.stored(path: item.path, rule: item.decision.rule)))
            case .excluded(let reason):
                FileRecord(
                    outcome: .excluded(
                        Manifest.Exclusion(path: item.path, rule: item.decision.rule, reason: reason, findings: [])))
            case .other(let record): record
            }
        }
    }

    private enum Row {
        case none, other
        case kept(Kept)
        /// By the index of the reason.
        case excluded(UInt32)
    }

    private struct State {
        var rows: [Row]
        var others: [Int: FileRecord] = [:]
        var reasons: [String] = []
        var known: [String: UInt32] = [:]

        mutating func index(of reason: String) -> UInt32 {
            if let index = known[reason] { return index }
            let index = UInt32(reasons.count)
            reasons.append(reason)
            known[reason] = index
            return index
        }
    }

    private let state: Mutex<State>

    init(count: Int) { state = Mutex(State(rows: Array(repeating: .none, count: count))) }

    /// Nil for a file that is not known yet.
    subscript(index: Int) -> Record? {
        get {
            state.withLock { state in
                switch state.rows[index] {
                case .none: nil
                case .kept(let kept): .kept(kept)
                case .excluded(let reason): .excluded(reason: state.reasons[Int(reason)])
                case .other: state.others[index].map(Record.other)
                }
            }
        }
        set {
            state.withLock { state in
                if case .other = state.rows[index] { state.others[index] = nil }
                switch newValue {
                case nil: state.rows[index] = .none
                case .kept(let kept): state.rows[index] = .kept(kept)
                case .excluded(let reason): state.rows[index] = .excluded(state.index(of: reason))
                case .other(let record):
                    state.rows[index] = .other
                    state.others[index] = record
                }
            }
        }
    }
}

/// A SHA-256 in its 32 bytes.
struct ContentDigest: Sendable, Hashable {
    private var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

    init() {}

    /// From 32 bytes.
    init(_ bytes: UnsafeRawBufferPointer) { withUnsafeMutableBytes(of: &words) { $0.copyMemory(from: bytes) } }

    /// From 64 hexadecimal digits; nil for anything else.
    init?(hex text: String) {
        var text = text
        let isRead = text.withUTF8 { digits in
            guard digits.count == 64 else { return false }
            return withUnsafeMutableBytes(of: &words) { bytes in
                for index in 0..<32 {
                    guard let high = hexValue(digits[2 * index]), let low = hexValue(digits[2 * index + 1]) else {
                        return false
                    }
                    bytes[index] = UInt8(high << 4 | low)
                }
                return true
            }
        }
        if !isRead { return nil }
    }

    var bytes: [UInt8] { withUnsafeBytes(of: words) { Array($0) } }
    var hex: String { Support.hex(bytes) }

    static func == (left: ContentDigest, right: ContentDigest) -> Bool { left.words == right.words }

    func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
    }
}
