public import Support

/// What `prune` does with each item of a store, and why.
public struct PrunePlan: Sendable, Equatable {
    public enum Action: String, Sendable {
        case keep, delete
        /// Not a verified bundle of this instance: prune has no say in it.
        case ignore
    }

    public struct Decision: Sendable, Equatable {
        public var item: StoredItem
        public var action: Action
        /// For people: the rules that keep it, or why it goes or is left alone.
        public var reason: String
    }

    /// Newest first.
    public var decisions: [Decision]

    public var deletions: [StoredItem] { decisions.filter { $0.action == .delete }.map(\.item) }

    /// Applies keep rules to the verified bundles of one instance.
    ///
    /// Throws if the listing is incomplete: what is not listed might be what should be kept.
    public init(_ listing: StoreListing, instance: String, rules: KeepRules, now: Timestamp) throws {
        if var gap = listing.gaps.first {
            gap.reason += "; nothing is deleted"
            throw gap
        }
        let sorted = listing.items.sorted(by: Self.isNewer)
        // A bundle counts once, however many copies of it there are.
        var seen: Set<String> = []
        let candidates = sorted.filter {
            Self.objection(to: $0, of: instance, now) == nil && seen.insert($0.properties.sha256).inserted
        }
        let reasons = rules.reasons(for: candidates.map(\.properties.created), now: now)
        var byContent: [String: [String]] = [:]
        for (item, reasons) in zip(candidates, reasons) { byContent[item.properties.sha256] = reasons }
        decisions = sorted.map { item in
            if let reason = Self.objection(to: item, of: instance, now) {
                return Decision(item: item, action: .ignore, reason: reason)
            }
            // Whatever the rules say, the newest one that is known to be whole stays.
            let isNewest = item.properties.sha256 == candidates.first?.properties.sha256
            let all = byContent[item.properties.sha256, default: []] + (isNewest ? ["newest verified"] : [])
            return Decision(
                item: item, action: all.isEmpty ? .delete : .keep,
                reason: all.isEmpty ? "no rule keeps it" : all.joined(separator: ", "))
        }
    }

    /// Why prune has no say in an item; nil if it has. What a clock that was wrong dated into the future would be the newest for years, and
    /// each new bundle would go at once.
    private static func objection(to item: StoredItem, of instance: String, _ now: Timestamp) -> String? {
        guard item.properties.instance == instance else {
            return "belongs to instance \(printable(item.properties.instance, limit: 40))"
        }
        guard item.isVerified else { return item.doubt }
        guard item.properties.created <= now + .seconds(86_400) else {
            return "from the future, as it says: delete it by hand if this machine's clock is right"
        }
        return nil
    }

    /// Newer first; of equal age, the greater id first, so that the order does not depend on the store's.
    static func isNewer(_ left: StoredItem, _ right: StoredItem) -> Bool {
        // Of those of one second the one with the higher number: NAME-10, NAME-2, NAME.
        (left.properties.created, left.id.utf8.count, left.id) > (
            right.properties.created, right.id.utf8.count, right.id
        )
    }
}

extension Store {
    /// Lists, decides and deletes. With `dryRun` nothing is deleted.
    ///
    /// Before the first deletion every bundle that is kept is looked at once more, and the newest is read where the store cannot tell
    /// whether it is whole: if one is gone or not whole, nothing is deleted. The first deletion that fails ends the call.
    @discardableResult
    public func prune(instance: String, rules: KeepRules, now: Timestamp, dryRun: Bool) async throws -> PrunePlan {
        let plan = try PrunePlan(await list(instance: instance), instance: instance, rules: rules, now: now)
        guard !dryRun, !plan.deletions.isEmpty else { return plan }
        // The newest is always among them.
        for kept in plan.decisions where kept.action == .keep {
            try Task.checkCancellation()
            let confirmed = try await item(kept.item.id)
            guard let confirmed, confirmed.isVerified, confirmed.properties == kept.item.properties else {
                throw OperatorError(
                    "kept-unconfirmed", doing: "pruning", subject: label,
                    reason:
                        "\(printable(kept.item.name, limit: 200)), which is to be kept, could not be confirmed, so nothing is deleted",
                    advice: "look at the store, then run prune again", exit: confirmed == nil ? .unavailable : .failure,
                    isTemporary: confirmed == nil)
            }
        }
        if let newest = plan.decisions.first(where: { $0.action == .keep })?.item, try await !isWhole(newest) {
            throw OperatorError(
                "kept-damaged", doing: "pruning", subject: label,
                reason:
                    "\(printable(newest.name, limit: 200)), the newest, is damaged where it lies, so nothing is deleted",
                advice: "move it away, make a new bundle, and look at the disk", exit: .damagedInput)
        }
        for item in plan.deletions {
            try Task.checkCancellation()
            try await delete(item)
        }
        return plan
    }
}
