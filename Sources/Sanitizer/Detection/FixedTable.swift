/// Values that are set once and read in a scan's inner loops: no bounds checks and no counting of references to the storage.
final class FixedTable<Element: Sendable>: @unchecked Sendable {
    // Filled by the initializer and only read afterwards.
    private let base: UnsafeMutablePointer<Element>
    private let count: Int

    init(_ elements: [Element]) {
        count = elements.count
        base = .allocate(capacity: max(1, count))
        base.initialize(from: elements, count: count)
    }

    deinit {
        base.deinitialize(count: count)
        base.deallocate()
    }

    @inline(__always) subscript(index: Int) -> Element {
        _read {
            assert(index >= 0 && index < count)
            yield base[index]
        }
    }
}
