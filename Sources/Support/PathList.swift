internal import Glibc

/// Many paths in two allocations: the bytes of all, one after the other, and where each ends.
///
/// A home may have hundreds of thousands of files, and an array of its own for each path takes twice the path's bytes and more.
public struct PathList: Sendable, Equatable, RandomAccessCollection {
    private var bytes: [UInt8] = []
    private var ends: [UInt32] = []

    public init() {}

    public init(_ paths: some Sequence<[UInt8]>) { for path in paths { append(path) } }

    public var startIndex: Int { 0 }
    public var endIndex: Int { ends.count }

    public subscript(index: Int) -> ArraySlice<UInt8> { bytes[range(index)] }

    /// Adds a path at the end. All paths together have at most 4 GiB.
    public mutating func append(_ path: [UInt8]) {
        bytes += path
        ends.append(UInt32(bytes.count))
    }

    public mutating func append(_ path: ArraySlice<UInt8>) {
        bytes += path
        ends.append(UInt32(bytes.count))
    }

    public mutating func reserveCapacity(_ count: Int) { ends.reserveCapacity(count) }

    // MARK: Order

    /// Whether each path stands after the one before it, by bytes.
    public var isSorted: Bool { indices.dropFirst().allSatisfy { compare($0 - 1, $0) < 0 } }

    /// The indices in the order of their paths' bytes; equal paths in the order they have.
    public func sortedIndices() -> [Int] {
        indices.sorted {
            let order = compare($0, $1)
            return order == 0 ? $0 < $1 : order < 0
        }
    }

    /// The same paths in another order.
    public func reordered(_ order: [Int]) -> PathList {
        var list = PathList()
        list.bytes.reserveCapacity(bytes.count)
        list.ends.reserveCapacity(order.count)
        for index in order { list.append(self[index]) }
        return list
    }

    /// Where a path stands in a sorted list.
    ///
    /// - Parameter hint: where it may well be, which is looked at first: callers ask for one path after the other.
    public func index(of path: ArraySlice<UInt8>, hint: Int = 0) -> Int? {
        path.withUnsafeBytes { path in
            if hint < count, compare(hint, path) == 0 { return hint }
            var (low, high) = (0, count)
            while low < high {
                let middle = (low + high) / 2
                let order = compare(middle, path)
                if order == 0 { return middle }
                if order < 0 { low = middle + 1 } else { high = middle }
            }
            return nil
        }
    }

    /// The first of a sorted list's paths that does not stand before this one; the end if there is none.
    public func firstIndex(notBefore path: [UInt8]) -> Int {
        path.withUnsafeBytes { path in
            var (low, high) = (0, count)
            while low < high {
                let middle = (low + high) / 2
                if compare(middle, path) < 0 { low = middle + 1 } else { high = middle }
            }
            return low
        }
    }

    public func index(of path: [UInt8], hint: Int = 0) -> Int? { index(of: path[...], hint: hint) }

    private func range(_ index: Int) -> Range<Int> { (index == 0 ? 0 : Int(ends[index - 1]))..<Int(ends[index]) }

    /// Negative, zero or positive, as the first of two paths stands before the second, is equal, or stands after it.
    private func compare(_ left: Int, _ right: Int) -> Int {
        let range = range(right)
        return bytes.withUnsafeBytes { compare(left, UnsafeRawBufferPointer(rebasing: $0[range])) }
    }

    private func compare(_ index: Int, _ other: UnsafeRawBufferPointer) -> Int {
        let range = range(index)
        return bytes.withUnsafeBytes { PathList.compare(UnsafeRawBufferPointer(rebasing: $0[range]), other) }
    }

    static func compare(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Int {
        let shared = Swift.min(left.count, right.count)
        if shared > 0, let first = left.baseAddress, let second = right.baseAddress {
            let order = memcmp(first, second, shared)
            if order != 0 { return Int(order) }
        }
        return left.count - right.count
    }
}

/// Goes through two sorted lists at once.
///
/// - Parameter visit: gets each path once, as its index in the lists that have it.
public func mergePaths(_ left: PathList, _ right: PathList, _ visit: (_ left: Int?, _ right: Int?) throws -> Void)
    rethrows
{
    var (first, second) = (0, 0)
    while first < left.count || second < right.count {
        let order: Int
        if first == left.count {
            order = 1
        } else if second == right.count {
            order = -1
        } else {
            order = left[first].withUnsafeBytes { one in right[second].withUnsafeBytes { PathList.compare(one, $0) } }
        }
        try visit(order <= 0 ? first : nil, order >= 0 ? second : nil)
        if order <= 0 { first += 1 }
        if order >= 0 { second += 1 }
    }
}
