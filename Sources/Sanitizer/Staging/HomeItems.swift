internal import Support

/// Files of a home with what the policy says about them, in few bytes each: there may be hundreds of thousands.
struct HomeItems: Sendable, RandomAccessCollection {
    private(set) var paths = PathList()
    private var kinds: [FileStatus.Kind] = []
    private var stamps: [FileStamp] = []
    /// Indices of decisions: a policy has far fewer than a home has files.
    private var choices: [UInt32] = []
    private var decisions: [PolicyDecision] = []
    private var known: [PolicyDecision: UInt32] = [:]

    var startIndex: Int { 0 }
    var endIndex: Int { paths.count }

    subscript(index: Int) -> HomeInventory.Item {
        var item = HomeInventory.Item(
            path: Array(paths[index]), kind: kinds[index], stamp: stamps[index], decision: decision(index))
        item.index = index
        return item
    }

    func stamp(_ index: Int) -> FileStamp { stamps[index] }
    func decision(_ index: Int) -> PolicyDecision { decisions[Int(choices[index])] }

    mutating func append(_ item: HomeInventory.Item) {
        paths.append(item.path)
        kinds.append(item.kind)
        stamps.append(item.stamp)
        if let last = choices.last, decisions[Int(last)] == item.decision {
            choices.append(last)
        } else if let choice = known[item.decision] {
            choices.append(choice)
        } else {
            let choice = UInt32(decisions.count)
            decisions.append(item.decision)
            known[item.decision] = choice
            choices.append(choice)
        }
    }

    /// The same in the order of the paths' bytes.
    func sorted() -> HomeItems {
        if paths.isSorted { return self }
        let order = paths.sortedIndices()
        var items = self
        items.paths = paths.reordered(order)
        items.kinds = order.map { kinds[$0] }
        items.stamps = order.map { stamps[$0] }
        items.choices = order.map { choices[$0] }
        return items
    }

    /// Frees the stamps, which nobody needs once all is read. No item can be asked for after that, only paths and decisions.
    mutating func forgetStamps() { stamps = [] }
}
