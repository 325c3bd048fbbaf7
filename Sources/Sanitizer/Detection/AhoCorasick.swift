/// Finds every occurrence of many byte strings in one pass: Aho and Corasick's automaton (CACM 18:6, 1975) as a dense table over byte
/// classes, so that each byte of input costs two loads.
///
/// Memory is about `4 * (sum of pattern lengths) * (distinct pattern bytes + 2)` bytes, less what patterns share: give long patterns
/// by a distinctive prefix and check the rest at the hit.
final class AhoCorasick: @unchecked Sendable {
    /// Where a pass over chunks stands; begins as `State()`.
    struct State: Sendable {
        fileprivate var row: UInt32 = 0
        init() {}
    }

    /// Row of a state: the index of its outputs, then one entry for each byte class. An entry is the offset of the next row, with
    /// ``matchBit`` set where that state has outputs.
    private let table: UnsafeMutablePointer<UInt32>
    /// Column of each byte, 1-based.
    private let columns: UnsafeMutablePointer<UInt8>
    /// For each state with outputs: their count, then the pattern ids, longest pattern first.
    private let outputs: UnsafeMutablePointer<UInt32>
    private static let matchBit: UInt32 = 1 << 31

    /// The length of each pattern, by id.
    let lengths: [Int]
    /// Bytes that the automaton's table takes.
    let tableSize: Int

    /// An automaton for `patterns`; a pattern's id is its index. Empty patterns never match; equal patterns are all reported.
    ///
    /// With `foldingASCIICase` the letters A to Z and a to z are the same.
    init(_ patterns: [[UInt8]], foldingASCIICase: Bool = false) {
        lengths = patterns.map(\.count)
        func fold(_ byte: UInt8) -> UInt8 { foldingASCIICase && (65...90).contains(byte) ? byte | 32 : byte }

        // Bytes that no pattern holds share column 1; there are at most 255 others, since 256 distinct bytes need no shared column.
        var columnOfByte = [UInt8](repeating: 0, count: 256)
        var isUsed = [Bool](repeating: false, count: 256)
        for pattern in patterns { for byte in pattern { isUsed[Int(fold(byte))] = true } }
        let distinct = (0..<256).filter { isUsed[$0] }
        let hasOther = distinct.count < 256
        for (index, byte) in distinct.enumerated() { columnOfByte[byte] = UInt8(index + (hasOther ? 1 : 0)) }
        if foldingASCIICase { for byte in 65...90 { columnOfByte[byte] = columnOfByte[byte | 32] } }
        let classCount = distinct.count + (hasOther ? 1 : 0)
        let stride = classCount + 1

        // The trie; -1 is "no child yet".
        var children = [Int32](repeating: -1, count: classCount)
        var ends: [[UInt32]] = [[]]
        for (id, pattern) in patterns.enumerated() where !pattern.isEmpty {
            var state = 0
            for byte in pattern {
                let slot = state * classCount + Int(columnOfByte[Int(fold(byte))])
                if children[slot] < 0 {
                    children[slot] = Int32(ends.count)
                    children.append(contentsOf: repeatElement(-1, count: classCount))
                    ends.append([])
                }
                state = Int(children[slot])
            }
            ends[state].append(UInt32(id))
        }
        precondition(ends.count * stride < Int(Self.matchBit), "too many patterns for one automaton")

        // Breadth first: a missing child is the failure state's child.
        var failure = [Int32](repeating: 0, count: ends.count)
        var queue: [Int] = []
        queue.reserveCapacity(ends.count)
        for column in 0..<classCount {
            let child = children[column]
            if child < 0 { children[column] = 0 } else { queue.append(Int(child)) }
        }
        var head = 0
        while head < queue.count {
            let state = queue[head]
            head += 1
            let fallback = Int(failure[state])
            ends[state] += ends[fallback]
            for column in 0..<classCount {
                let child = children[state * classCount + column]
                let inherited = children[fallback * classCount + column]
                if child < 0 {
                    children[state * classCount + column] = inherited
                } else {
                    failure[Int(child)] = inherited
                    queue.append(Int(child))
                }
            }
        }

        var flat: [UInt32] = []
        tableSize = ends.count * stride * 4
        table = .allocate(capacity: ends.count * stride)
        for state in 0..<ends.count {
            let row = table + state * stride
            row[0] = UInt32(flat.count)
            if !ends[state].isEmpty {
                flat.append(UInt32(ends[state].count))
                flat += ends[state]
            }
            for column in 0..<classCount {
                let next = Int(children[state * classCount + column])
                row[column + 1] = UInt32(next * stride) | (ends[next].isEmpty ? 0 : Self.matchBit)
            }
        }
        outputs = .allocate(capacity: max(flat.count, 1))
        outputs.initialize(from: flat, count: flat.count)
        // With 256 distinct bytes the last column is 256 = 255 + 1: the offset of one is added when the entry is read.
        columns = .allocate(capacity: 256)
        columns.initialize(from: columnOfByte, count: 256)
    }

    deinit {
        table.deallocate()
        columns.deallocate()
        outputs.deallocate()
    }

    /// Goes through a chunk and calls `onMatch` with the pattern's id and the offset just after its last byte in this chunk; a match
    /// that began in an earlier chunk has `end < length`. Matches come ordered by end, at one end the longest first.
    @inline(__always)
    func scan(
        _ bytes: UnsafeRawBufferPointer, from state: inout State, onMatch: (_ pattern: Int, _ end: Int) throws -> Void
    ) rethrows {
        guard let base = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return }
        let table = self.table + 1
        let columns = self.columns
        var row = Int(state.row)
        var index = 0
        let count = bytes.count
        while index < count {
            let entry = table[row &+ Int(columns[Int(base[index])])]
            index &+= 1
            row = Int(entry & ~Self.matchBit)
            if entry & Self.matchBit != 0 {
                let list = outputs + Int(table[row &- 1])
                var position = 1
                let end = Int(list[0])
                while position <= end {
                    try onMatch(Int(list[position]), index)
                    position &+= 1
                }
            }
        }
        state.row = UInt32(row)
    }

    /// ``scan(_:from:onMatch:)`` of bytes that are all there.
    @inline(__always)
    func scan(_ bytes: UnsafeRawBufferPointer, onMatch: (_ pattern: Int, _ end: Int) throws -> Void) rethrows {
        var state = State()
        try scan(bytes, from: &state, onMatch: onMatch)
    }
}
