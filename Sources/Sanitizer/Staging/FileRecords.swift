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
        case other(FileRecord)

        /// In its shortest form.
        init(_ record: FileRecord, of item: HomeInventory.Item) {
            self = .other(record)
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
            case .other(let record): record
            }
        }
    }

    private enum Form: UInt8 { case none, kept, other }

    private struct State {
        var forms: [Form]
        var kept: [Kept]
        var others: [Int: FileRecord] = [:]
    }

    private let state: Mutex<State>

    init(count: Int) {
        let nothing = Kept(sha256: ContentDigest(), size: 0, blob: .none, permissions: 0)
        state = Mutex(
            State(forms: Array(repeating: .none, count: count), kept: Array(repeating: nothing, count: count)))
    }

    /// Nil for a file that is not known yet.
    subscript(index: Int) -> Record? {
        get {
            state.withLock { state in
                switch state.forms[index] {
                case .none: nil
                case .kept: .kept(state.kept[index])
                case .other: state.others[index].map(Record.other)
                }
            }
        }
        set {
            state.withLock { state in
                if state.forms[index] == .other { state.others[index] = nil }
                switch newValue {
                case nil: state.forms[index] = .none
                case .kept(let kept):
                    state.forms[index] = .kept
                    state.kept[index] = kept
                case .other(let record):
                    state.forms[index] = .other
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
